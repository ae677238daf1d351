//! A visit in which everything goes wrong once and nothing is lost, and the same student again after a rejection.

use std::time::{Duration, Instant};

use uuid::Uuid;
use vendor_backend::{Decision, DemoCase};
use virtual_booth::Act;

use crate::driven::{ONE_AT_A_TIME, PATIENCE, queue};
use crate::hands::Window;
use crate::lens::Lens;
use crate::place::Place;
use crate::visit::Visit;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn network_head_and_camera_fail_in_the_middle_and_a_rejected_photo_is_shot_again_for_nothing() {
    let _one = ONE_AT_A_TIME.lock().await;
    let mut place = Place::code_first().await;
    let mut lens = Lens::start();
    let mut stage = place.opens(&lens.camera()).await;
    let window = &mut stage.window;
    let student = place.person(DemoCase::Ordinary);

    Visit::by_keys(&place, &student).goes_on_to(window, "pay").await;
    pays_late(window, &mut place).await;
    window.until_page("framing").await;
    lens.shows(&Act::SitTilted);
    is_told_to_straighten(window).await;
    lens.plugged(false);
    is_told_of_the_camera(window).await;
    lens.plugged(true);
    is_told_to_straighten(window).await;
    lens.shows(&Act::Sit);
    Visit::by_keys(&place, &student).goes_on_to(window, "done").await;
    window
        .until_it_says("page-done", "data-progress", "delivered")
        .await;
    window.click("finish").await;
    window.until_page("welcome").await;

    is_rejected(&place).await;
    let again = Visit::by_keys(&place, &student);
    again.goes_on_to(window, "confirm").await;
    window.element("rejection-drawing").await;
    window.tells("rejection", &["镜片反光", "无需再次付费"]).await;
    let seen = again.goes_on_to(window, "done").await;
    assert!(
        !seen.iter().any(|page| page == "pay"),
        "no second payment: {seen:?}"
    );
    window
        .until_it_says("page-done", "data-progress", "delivered")
        .await;
    assert!(!window.is_there("pay-later").await);
    stage.window.client.close().await.unwrap();
    assert_eq!(queue(&place.station(), &place.people(), "list").len(), 2);
}

/// The page waits and counts; without a network it says so, and with it the visit goes on by itself once paid.
async fn pays_late(window: &mut Window, place: &mut Place) {
    let address = window.payment_address().await;
    let first = window.words("pay-state").await;
    let since = Instant::now();
    while window.words("pay-state").await == first {
        assert!(since.elapsed() < PATIENCE, "no time runs: {first}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    place.network_goes();
    window
        .until_it_says("page-pay", "data-state", "unreachable")
        .await;
    window.shot("pay").await;
    place.network_comes().await;
    window.until_it_says("page-pay", "data-state", "waiting").await;
    place.backend().pay(&address).await.unwrap();
    window.next_after("pay").await;
}

/// One hint with its arrow, and the shutter waits.
async fn is_told_to_straighten(window: &mut Window) {
    window
        .until_it_says("framing-hint", "data-hint", "tilt-left")
        .await;
    window.until_it_says("arrow", "data-pointing", "roll-right").await;
    window.shot("framing").await;
    let since = Instant::now();
    // Longer than a straight head is waited for.
    while since.elapsed() < Duration::from_millis(1500) {
        assert_eq!(
            window.attr("framing-hint", "data-hint").await.as_deref(),
            Some("tilt-left")
        );
        assert!(!window.is_there("countdown").await && !window.is_there("refused").await);
    }
}

/// The page says it, and nothing can be pressed in vain.
async fn is_told_of_the_camera(window: &mut Window) {
    window
        .until_it_says("framing-hint", "data-hint", "camera-away")
        .await;
    window.element("camera-away").await;
    assert!(!window.element("shoot").await.is_enabled().await.unwrap());
    assert!(
        !window.is_there("arrow").await,
        "no hint to a picture that stands still"
    );
    window.shot("framing").await;
    assert_eq!(
        window.page().await.as_deref(),
        Some("framing"),
        "the visit is kept"
    );
}

/// The vendor's reviewer sees glare on the glasses.
async fn is_rejected(place: &Place) {
    let rows = queue(&place.station(), &place.people(), "list");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let record: Uuid = rows[0]["id"].as_str().unwrap().parse().unwrap();
    let decision = Decision::reject(["glasses-glare"]);
    assert!(place.backend().review(record, decision).await.unwrap());
}
