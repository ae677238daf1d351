//! A station that cannot open.

use std::process::Command;

use vendor_backend::DemoCase;

use crate::driven::ONE_AT_A_TIME;
use crate::place::Place;

/// A booth whose key is gone shows a page, not a dead screen, and serves once the key is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_cannot_open_says_why_in_the_window_and_opens_when_it_is_mended() {
    let _one = ONE_AT_A_TIME.lock().await;
    let place = Place::usual().await;
    place.come(&[place.person(DemoCase::Ordinary)]);
    let station = place.station();
    let (key, aside) = (
        station.join("records.key"),
        place.folder.path().join("records.key"),
    );
    std::fs::rename(&key, &aside).unwrap();

    let mut stage = place.opens("virtual").await;
    let window = &mut stage.window;
    assert_eq!(window.next_after("").await, "out-of-service");
    let page = window.element("page-out-of-service").await;
    assert_eq!(page.attr("data-reason").await.unwrap().as_deref(), Some("key"));
    for (name, says) in [("out-kept", "没有任何改动"), ("out-todo", "放回密钥")] {
        let words = window.words(name).await;
        assert!(words.contains(says), "{words}");
    }
    window.shot("out-of-service").await;
    assert!(!key.exists(), "no new key was made");
    // The doctor says the same, and changes as little.
    let doctor = Command::new(env!("CARGO_BIN_EXE_photo-station"))
        .arg("--data")
        .arg(&station)
        .arg("--rehearsal")
        .arg(place.people())
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success());
    assert!(
        found.contains("\"subject\":\"database\"") && found.contains("records.key"),
        "{found}"
    );
    assert!(!key.exists());

    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(window.next_after("out-of-service").await, "welcome");
    stage.window.client.close().await.unwrap();
}
