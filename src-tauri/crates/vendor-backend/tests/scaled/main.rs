//! The store that many processes share, on a real PostgreSQL: the same visits as on the embedded one.
#![cfg(target_os = "linux")]
// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
#[path = "../cases/visits.rs"]
mod visits;

mod storage {
    use std::sync::LazyLock;

    use vendor::Secret;
    use vendor_backend::BackendOptions;

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
    }
}
