//! What every test works with.

use std::path::Path;
use std::sync::OnceLock;

use portrait::{Models, Spec};

/// The networks, loaded once.
pub(crate) fn models() -> &'static Models {
    static MODELS: OnceLock<Models> = OnceLock::new();
    MODELS.get_or_init(|| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/models");
        match Models::load(&dir) {
            Ok(models) => models,
            Err(error) => {
                panic!("the vision models are needed for this test; run `cargo xtask setup` ({error})")
            }
        }
    })
}

/// The national standard.
pub(crate) fn spec() -> Spec {
    Spec::built_in("national-blue").unwrap()
}
