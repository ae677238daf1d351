//! A server that speaks S3, in this process: `s3s-fs`, on a folder.

use std::thread;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use vendor::Secret;
use vendor_backend::Bucket;

const KEY: &str = "a-key-of-the-tests";
const SECRET: &str = "a-secret-of-the-tests";

/// The server, on a thread of its own.
pub(crate) struct BucketServer {
    pub(crate) folder: TempDir,
    address: String,
}

impl BucketServer {
    pub(crate) fn start() -> BucketServer {
        let folder = tempfile::tempdir().unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(serve(listener, service));
        });
        BucketServer { folder, address }
    }

    /// A fresh bucket.
    pub(crate) fn bucket(&self, name: &str) -> Bucket {
        std::fs::create_dir_all(self.folder.path().join(name)).unwrap();
        let settings = [
            ("AWS_ENDPOINT", self.address.as_str()),
            ("AWS_REGION", "nowhere"),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        Bucket {
            url: format!("s3://{name}"),
            settings: settings
                .map(|(name, value)| (name.to_owned(), Secret::new(value)))
                .to_vec(),
        }
    }
}

async fn serve(listener: std::net::TcpListener, service: S3Service) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            let _ = connection.await;
        });
    }
}
