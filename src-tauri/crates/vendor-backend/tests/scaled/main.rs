//! The store that many processes share, on a real PostgreSQL: the same visits as on the embedded one.
#![cfg(target_os = "linux")]
// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../cases/booth.rs"]
mod booth;
mod cluster;
#[path = "../cases/desk.rs"]
mod desk;
#[path = "../cases/handover.rs"]
mod handover;
#[path = "../cases/payment.rs"]
mod payment;
#[path = "../cases/vendors.rs"]
mod vendors;
#[path = "../cases/visits.rs"]
mod visits;
#[path = "../cases/wechat.rs"]
mod wechat;

mod storage {
    use std::sync::LazyLock;

    use vendor::Secret;
    use vendor_backend::{BackendOptions, Store};

    use crate::cluster::Cluster;

    static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);

    /// A database of its own.
    pub(crate) struct Storage(Secret);

    impl Storage {
        pub(crate) fn fresh() -> Storage {
            Storage(CLUSTER.database())
        }

        pub(crate) fn choose(&self, options: &mut BackendOptions) {
            options.database = Some(self.0.clone());
        }

        pub(crate) fn store(&self) -> Store {
            Store::Postgres(self.0.clone())
        }

        /// How the program is told of it.
        pub(crate) fn arguments(&self) -> [String; 2] {
            ["--database".to_owned(), self.0.expose().to_owned()]
        }
    }
}
