//! What people do beside the stations, on the embedded store.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../cases/booth.rs"]
#[allow(dead_code, reason = "each of these has its own way to open")]
mod booth;
#[path = "../cases/desk.rs"]
mod desk;
#[path = "../cases/handover.rs"]
mod handover;
#[path = "../cases/payment.rs"]
mod payment;
#[path = "../cases/vendors.rs"]
mod vendors;
#[path = "../cases/wechat.rs"]
mod wechat;

mod bodies;

mod storage {
    use tempfile::TempDir;
    use vendor_backend::{BackendOptions, Store};

    /// A folder.
    pub(crate) struct Storage(TempDir);

    impl Storage {
        pub(crate) fn fresh() -> Storage {
            Storage(tempfile::tempdir().unwrap())
        }

        pub(crate) fn choose(&self, options: &mut BackendOptions) {
            options.data = Some(self.0.path().to_owned());
        }

        pub(crate) fn store(&self) -> Store {
            Store::Folder(self.0.path().to_owned())
        }

        /// How the program is told of it.
        pub(crate) fn arguments(&self) -> [String; 2] {
            ["--data".to_owned(), self.0.path().display().to_string()]
        }

        pub(crate) fn environment(&self) -> Vec<(String, String)> {
            vec![(
                "PHOTO_BACKEND_DATA".to_owned(),
                self.0.path().display().to_string(),
            )]
        }
    }
}
