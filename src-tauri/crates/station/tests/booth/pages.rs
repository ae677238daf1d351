//! Waiting for a page.

use std::time::Duration;

use station::Station;
use station::view::Page;

/// Waits until a page stands there, and fails where it does not come in time.
pub(crate) async fn within(
    patience: Duration,
    station: &Station,
    what: &str,
    wanted: impl Fn(&Page) -> bool,
) {
    let mut views = station.views();
    let arrived = views.wait_for(|view| wanted(&view.page));
    let arrived = tokio::time::timeout(patience, arrived).await;
    assert!(
        arrived.is_ok_and(|view| view.is_ok()),
        "waited for {what}, there stands {:?}",
        station.view().page
    );
}
