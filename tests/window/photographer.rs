//! A photographer's booth: two students by keys alone, the second scanned while the first one's photo still stands
//! there. Nobody touches anything, nobody waits for the disk, and nothing the students gave is in what was said.

use std::time::{Duration, Instant};

use fantoccini::Locator;
use vendor_backend::{DemoCase, DemoPerson, Running};

use crate::driven::{ONE_AT_A_TIME, PATIENCE, said};
use crate::hands::Window;
use crate::place::Place;
use crate::search;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photographer_leads_two_students_by_keys_and_scans_the_second_early() {
    let _one = ONE_AT_A_TIME.lock().await;
    let place = Place::usual().await;
    let (first, second) = (
        place.person(DemoCase::EndsInX),
        place.person(DemoCase::RejectedBefore),
    );
    place.come(&[first.clone(), second.clone()]);
    std::fs::write(place.station().join("station.toml"), "booth = \"photographer\"\n").unwrap();
    let backend = place.backend();

    let mut stage = place.opens("virtual").await;
    let window = &mut stage.window;
    window.watch_the_policy().await;
    window.until_page("welcome").await;
    window.shot("desk-idle").await;

    // The empty wall, in one key.
    until(window, "the wall is kept", async |window| {
        window.press("b").await;
        window.attr("desk-wall", "data-state").await.as_deref() == Some("fits")
    })
    .await;

    until(window, "the first code is taken", async |window| {
        window.keys(first.code()).await;
        window.page().await.as_deref() != Some("welcome")
    })
    .await;
    to_the_photo(window, backend, &first).await;
    let name = window.words("masked-name").await;
    assert!(
        name.contains('*') && !name.contains(&first.name),
        "the name is masked: {name}"
    );
    let in_front = window.attr("booth", "data-front").await.unwrap();

    // The next student's code, while this one's photo still waits for a word.
    let held = window.words("desk-tag").await;
    until(window, "the next one stands in line", async |window| {
        window.keys(second.code()).await;
        let next = window.words("desk-next").await;
        next.contains("Del") && !next.contains(&held)
    })
    .await;
    assert_eq!(
        window.attr("booth", "data-front").await.as_deref(),
        Some(in_front.as_str()),
        "nobody changes places"
    );
    // A key of the scan may have been taken for the shutter: in the end the newest photo stands there.
    until(window, "the photo stands there", async |window| {
        window.page().await.as_deref() == Some("choose-photo")
    })
    .await;
    window.shot("desk-next-in-line").await;
    accepts(window, &in_front).await;
    assert_ne!(
        window.page().await.as_deref(),
        Some("find-school"),
        "the school is kept for the next student"
    );

    to_the_photo(window, backend, &second).await;
    window.shot("desk-passed").await;
    let in_front = window.attr("booth", "data-front").await.unwrap();
    accepts(window, &in_front).await;
    window.until_page("welcome").await;

    until(window, "both are delivered and counted", async |window| {
        let delivered = "[data-testid=\"last-photo\"][data-state=\"delivered\"]";
        let delivered = window
            .client
            .find_all(Locator::Css(delivered))
            .await
            .unwrap_or_default();
        delivered.len() == 2 && window.words("count-hour").await == "2"
    })
    .await;
    window.shot("desk-both-done").await;
    assert_eq!(window.refused_by_the_policy().await, Vec::<String>::new());
    stage.window.client.close().await.unwrap();

    let mut needles = search::Needles::default();
    for student in [&first, &second] {
        needles.add("a collection code", student.code());
        needles.add("a name", &student.name);
        needles.add("an ID number", &student.id_number);
        needles.add_short("the end of an ID number", &student.last_four);
    }
    assert!(
        said(place.folder.path()).contains("TRACE"),
        "the program was to tell all"
    );
    let report = needles.search(place.folder.path());
    assert!(report.found.is_empty(), "{}", report.found.join("\n"));
}

/// Does something until it has come to this; each try is given time to show.
async fn until(window: &mut Window, what: &str, mut does: impl AsyncFnMut(&mut Window) -> bool) {
    let since = Instant::now();
    while !does(window).await {
        assert!(since.elapsed() < PATIENCE, "{what}: {}", window.text().await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What the photographer presses on each page until a photo of the student in front stands there.
async fn to_the_photo(window: &mut Window, backend: &Running, student: &DemoPerson) {
    let (since, mut paid) = (Instant::now(), false);
    loop {
        let page = window.page().await.unwrap_or_default();
        match page.as_str() {
            "find-school" => {
                window.types("field-school", &student.record().school).await;
                window.press_enter().await;
                window.element("school").await;
                window.press("1").await;
                window.next_after("find-school").await;
            }
            "prove-last-four" => {
                for key in student.last_four.chars() {
                    window.press(&key.to_string()).await;
                }
            }
            "confirm" | "requirements" => window.press_enter().await,
            "pay" if !paid => {
                let address = window.payment_address().await;
                backend.pay(&address).await.unwrap();
                paid = true;
            }
            // The eyes may say that somebody else sits there: the photographer looks, and it is the right one.
            "framing" if window.is_there("desk-alarm").await => window.press("a").await,
            "framing" => window.press(" ").await,
            "choose-photo" => return,
            "not-possible" => panic!("the visit was not possible: {}", window.text().await),
            _ => {}
        }
        let stands = Instant::now();
        while window.page().await.unwrap_or_default() == page && stands.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(
            since.elapsed() < 2 * PATIENCE,
            "no photo on the page {page}: {}",
            window.text().await
        );
    }
}

/// Enter, until somebody else is in front.
async fn accepts(window: &mut Window, in_front: &str) {
    until(window, "the photo is accepted", async |window| {
        window.press_enter().await;
        window.attr("booth", "data-front").await.as_deref() != Some(in_front)
    })
    .await;
}
