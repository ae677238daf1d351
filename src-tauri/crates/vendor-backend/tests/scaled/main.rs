//! The store that many processes share, on a real PostgreSQL and a real server that speaks S3: the same visits as on the
//! embedded one, and what only many processes can do wrong.
#![cfg(target_os = "linux")]
// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../cases/booth.rs"]
mod booth;
mod bucket;
mod cluster;
#[path = "../cases/desk.rs"]
mod desk;
mod fleet;
#[path = "../cases/handover.rs"]
mod handover;
#[path = "../cases/payment.rs"]
mod payment;
#[path = "../cases/vendor.rs"]
mod people;
mod photos;
mod together;
#[path = "../cases/vendors.rs"]
mod vendors;
#[path = "../cases/visits.rs"]
mod visits;
#[path = "../cases/wechat.rs"]
mod wechat;

#[tokio::test]
async fn the_conformance_suite_finds_nothing() {
    for profile in ["biyezhengzhao", "yipai", "binyu"] {
        let vendor = people::vendor(profile).await;
        let report = people::examined(&vendor, vendor.backend.url(), profile).await;
        assert_eq!(report.failed(), [""; 0], "{profile}\n{report}");
    }
}

mod storage {
    use std::path::PathBuf;
    use std::sync::LazyLock;

    use uuid::Uuid;
    use vendor::Secret;
    use vendor_backend::{BackendOptions, Bucket, Store};

    use crate::bucket::BucketServer;
    use crate::cluster::Cluster;

    /// What is committed survives the server's end without a flush, but no power cut.
    pub(crate) const WITHOUT_FLUSHES: &[&str] = &["fsync=off"];

    static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(WITHOUT_FLUSHES));
    static SERVER: LazyLock<BucketServer> = LazyLock::new(BucketServer::start);

    /// A database and a bucket of its own.
    pub(crate) struct Storage {
        pub(crate) database: Secret,
        pub(crate) bucket: Bucket,
    }

    impl Storage {
        pub(crate) fn fresh() -> Storage {
            Storage::on(&CLUSTER)
        }

        /// A database of this server.
        pub(crate) fn on(cluster: &Cluster) -> Storage {
            Storage {
                database: cluster.database(),
                bucket: SERVER.bucket(&Uuid::now_v7().to_string()),
            }
        }

        pub(crate) fn choose(&self, options: &mut BackendOptions) {
            options.database = Some(self.database.clone());
            options.photos = Some(self.bucket.clone());
        }

        /// Where the server keeps the bucket.
        pub(crate) fn folder(&self) -> PathBuf {
            SERVER
                .folder
                .path()
                .join(self.bucket.url.trim_start_matches("s3://"))
        }

        pub(crate) fn store(&self) -> Store {
            Store::Postgres(self.database.clone(), Some(self.bucket.clone()))
        }

        /// How the program is told of it.
        pub(crate) fn arguments(&self) -> [String; 2] {
            ["--database".to_owned(), self.database.expose().to_owned()]
        }

        pub(crate) fn environment(&self) -> Vec<(String, String)> {
            let settings = self.bucket.settings.iter();
            let settings = settings.map(|(name, value)| (name.clone(), value.expose().to_owned()));
            let photos = ("PHOTO_BACKEND_PHOTOS".to_owned(), self.bucket.url.clone());
            settings.chain([photos]).collect()
        }
    }
}
