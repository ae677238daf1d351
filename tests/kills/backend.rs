//! The reference backend as a process of the suite.

use std::net::SocketAddr;

use vendor_backend::{AutoReview, Backend, BackendOptions};

use crate::journal::{Line, say};
use crate::process::{BackendRole, end_with_the_suite};

/// Serves until killed. Every photo is rejected at once, so that the seventy demo students can come for ever.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn serve(role: BackendRole) {
    end_with_the_suite();
    let options = BackendOptions {
        data: Some(role.data),
        listen: SocketAddr::from(([127, 0, 0, 1], role.port)),
        auto_review: AutoReview::RejectFirst(u32::MAX),
        ..BackendOptions::demo(&role.vendor).unwrap()
    };
    match Backend::start(options).await {
        Ok(mut running) => {
            say(&Line::Ready);
            running.wait().await;
        }
        Err(error) => say(&Line::Failed {
            why: error.to_string(),
        }),
    }
}
