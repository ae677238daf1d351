//! One visit by touch; it ends with the receipt on the screen. A second student's code comes by a hand-held scanner's
//! keys and by a picture from the staff's stick, a third one's school cannot be looked up. The program speaks at its most
//! verbose all the while, and nothing the students gave is in what it said.

use std::time::{Duration, Instant};

use vendor_backend::{DemoCase, DemoPerson};

use crate::driven::{ONE_AT_A_TIME, PATIENCE, said};
use crate::hands::Window;
use crate::place::Place;
use crate::search;
use crate::shown::shown;
use crate::visit::Visit;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_goes_through_the_window_to_the_receipt() {
    let _one = ONE_AT_A_TIME.lock().await;
    let mut place = Place::usual().await;
    let student = place.person(DemoCase::EndsInX);
    // The second to come holds a payment code up: theirs comes another way.
    let mut second = place.person(DemoCase::ClassPayment);
    let seconds_code = std::mem::replace(&mut second.records[0].code, "wxp://f2f0example".to_owned());
    place.come(&[student.clone(), second.clone()]);

    let mut stage = place.opens("virtual").await;
    let window = &mut stage.window;
    window.watch_the_policy().await;

    let seen = Visit::before_the_camera(&place, &student)
        .goes_on_to(window, "done")
        .await;
    for page in [
        "welcome",
        "scan",
        "prove-last-four",
        "confirm",
        "requirements",
        "pay",
        "framing",
        "last-look",
    ] {
        assert!(seen.iter().any(|s| s == page), "no page {page} among {seen:?}");
    }
    let number = window.words("receipt").await;
    assert!(
        number.contains("R-"),
        "the receipt's number is on the screen: {number}"
    );
    window.shot("receipt").await;
    window.click("finish").await;
    assert_eq!(window.next_after("done").await, "welcome");
    let since = Instant::now();
    while window.text().await.contains(&number) {
        assert!(
            since.elapsed() < PATIENCE,
            "something of the last student is left"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    staff_find_the_record(window, &number).await;
    window.click("staff-leave").await;
    other_ways_in(window, &second, &seconds_code).await;
    place.network_goes();
    without_a_network(window, &student).await;
    assert_eq!(window.refused_by_the_policy().await, Vec::<String>::new());
    stage.window.client.close().await.unwrap();

    let mut needles = search::Needles::default();
    needles.add("a collection code", student.code());
    needles.add("a collection code", &seconds_code);
    needles.add("a name", &student.name);
    needles.add("an ID number", &student.id_number);
    needles.add_short("the end of an ID number", &student.last_four);
    let words = said(place.folder.path());
    for voice in ["TRACE", "hyper"] {
        assert!(words.contains(voice), "nothing of {voice} in what was said");
    }
    let report = needles.search(place.folder.path());
    assert!(report.found.is_empty(), "{}", report.found.join("\n"));
}

/// The second visit up to the scan page: its code typed by a scanner, and then read off a picture by staff.
async fn other_ways_in(window: &mut Window, student: &DemoPerson, code: &str) {
    window.next_after("").await;
    window.click("start").await;
    window.finds_the_school(student).await;
    window.sees("payment").await;
    window.scans(code).await;
    window.until_page("prove-last-four").await;
    window.click("back").await;
    window.sees("payment").await;

    let mut bytes = Vec::new();
    let png = image::codecs::png::PngEncoder::new(&mut bytes);
    shown(code).write_with_encoder(png).unwrap();
    assert_eq!(window.scan_picture(&bytes).await, Err("staff-only".to_owned()));
    window.staff_come().await;
    window.element("queue-table").await;
    assert_eq!(
        window.scan_picture(b"not a picture").await,
        Ok("unclear".to_owned())
    );
    assert_eq!(window.scan_picture(&bytes).await, Ok("steady".to_owned()));
    window.click("staff-leave").await;
    window.until_page("prove-last-four").await;
    assert_eq!(
        window.scan_picture(&bytes).await,
        Err("staff-only".to_owned()),
        "the staff have left"
    );
    window.click("cancel").await;
    window.until_page("welcome").await;
}

/// The school cannot be looked up: the page says so, and leads back.
async fn without_a_network(window: &mut Window, student: &DemoPerson) {
    window.click("start").await;
    window.until_page("find-school").await;
    window.searches_the_school(student).await;
    window.until_page("not-possible").await;
    window
        .until_it_says("page-not-possible", "data-reason", "needs-network")
        .await;
    window.shot("not-possible").await;
    window
        .tells("page-not-possible", &["连不上网络", "稍后再来"])
        .await;
    window.click("leave").await;
    window.until_page("welcome").await;
}

/// The staff page behind the PIN lists the record.
async fn staff_find_the_record(window: &mut Window, receipt: &str) {
    window.staff_come().await;
    let table = window.element("queue-table").await;
    let since = Instant::now();
    loop {
        let rows = table.text().await.unwrap_or_default();
        // The list shows the state in words; the receipt belongs to the record's own page.
        if rows.contains("已送达") {
            assert!(!rows.contains(receipt));
            break;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "the queue does not show the record: {rows}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    window.shot("queue").await;
}
