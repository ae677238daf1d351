//! The embedded store.

use tempfile::TempDir;
use vendor_backend::BackendOptions;

/// A folder.
pub(crate) struct Storage(TempDir);

impl Storage {
    pub(crate) fn fresh() -> Storage {
        Storage(tempfile::tempdir().unwrap())
    }

    pub(crate) fn choose(&self, options: &mut BackendOptions) {
        options.data = Some(self.0.path().join("backend"));
    }
}
