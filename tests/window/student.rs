//! One visit by touch; it ends with the receipt on the screen. A second student's code comes by a hand-held scanner's
//! keys and by a picture from the staff's stick. The program speaks at its most verbose all the while, and nothing the
//! students gave is in what it said.

use std::path::Path;
use std::time::{Duration, Instant};

use vendor_backend::{AutoReview, Backend, BackendOptions, DemoCase, DemoPerson};

use crate::driven::{ONE_AT_A_TIME, PATIENCE, Stage, said, set_pin};
use crate::hands::Window;
use crate::search;
use crate::shown::shown;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one visit from beginning to end")]
async fn a_student_goes_through_the_window_to_the_receipt() {
    let _one = ONE_AT_A_TIME.lock().await;
    // What the test itself holds of the students is not among what is searched.
    let (folder, known) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = BackendOptions {
        auto_review: AutoReview::Off,
        ..BackendOptions::demo("biyezhengzhao").unwrap()
    };
    let backend = Backend::start(options).await.unwrap();
    let student = backend.person(DemoCase::EndsInX).unwrap();
    // The second to come holds a payment code up: theirs comes another way.
    let mut second = backend.person(DemoCase::ClassPayment).unwrap();
    let seconds_code = std::mem::replace(&mut second.records[0].code, "wxp://f2f0example".to_owned());
    let people = known.path().join("people.json");
    std::fs::write(&people, serde_json::to_vec(&[&student, &second]).unwrap()).unwrap();
    let picture = known.path().join("code.png");
    shown(&seconds_code).save(&picture).unwrap();
    let station = folder.path().join("station");
    set_pin(&station, &people);

    let mut stage = Stage::start(folder.path(), &station, backend.url(), &people).await;
    let window = &mut stage.window;
    window.watch_the_policy().await;

    let mut seen: Vec<String> = Vec::new();
    let mut left = String::new();
    loop {
        let page = window.next_after(&left).await;
        if page != "working" && page != "out-of-service" {
            window.shot(&page).await;
        }
        // The shot took a moment: the page may have gone on by itself.
        if window.page().await.as_deref() != Some(page.as_str()) {
            seen.push(page);
            continue;
        }
        match page.as_str() {
            "welcome" => window.click("start").await,
            "find-school" => window.finds_the_school(&student).await,
            "prove-last-four" => {
                for key in student.last_four.chars() {
                    window.click(&format!("key-{key}")).await;
                }
                window.click("prove-submit").await;
            }
            "confirm" => {
                let name = window.words("masked-name").await;
                assert!(
                    name.contains('*') && !name.contains(&student.name),
                    "the name is masked: {name}"
                );
                window.click("it-is-me").await;
            }
            "choose-record" => window.click("record").await,
            "requirements" => {
                window.click("consent").await;
                window.click("consent-next").await;
            }
            "pay" => {
                // As a telephone does: read the code on the screen, open its address, pay.
                let address = window.payment_address().await;
                backend.pay(&address).await.unwrap();
            }
            "choose-photo" => window.click("take-1").await,
            "last-look" => window.click("submit").await,
            "done" => break,
            "not-possible" => panic!("the visit was not possible: {}", window.text().await),
            // Scan, framing and the pages that wait for the machine go on by themselves.
            _ => {}
        }
        left.clone_from(&page);
        seen.push(page);
    }
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
    other_ways_in(window, &second, &seconds_code, &picture).await;
    assert_eq!(window.refused_by_the_policy().await, Vec::<String>::new());
    stage.window.client.close().await.unwrap();
    backend.stop().await;

    let mut needles = search::Needles::default();
    needles.add("a collection code", student.code());
    needles.add("a collection code", &seconds_code);
    needles.add("a name", &student.name);
    needles.add("an ID number", &student.id_number);
    needles.add_short("the end of an ID number", &student.last_four);
    let words = said(folder.path());
    for voice in ["TRACE", "hyper"] {
        assert!(words.contains(voice), "nothing of {voice} in what was said");
    }
    let report = needles.search(folder.path());
    assert!(report.found.is_empty(), "{}", report.found.join("\n"));
}

/// The second visit up to the scan page: its code typed by a scanner, and then read off a picture by staff.
async fn other_ways_in(window: &mut Window, student: &DemoPerson, code: &str, picture: &Path) {
    window.next_after("").await;
    window.click("start").await;
    window.finds_the_school(student).await;
    window.sees("payment").await;
    // On a machine with much else to do a scanner's keys may come as slowly as a hand's: then one scans again.
    let since = Instant::now();
    while window.page().await.as_deref() == Some("scan") {
        assert!(since.elapsed() < PATIENCE, "the scanner's keys are not taken");
        window.keys(code).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    window.until_page("prove-last-four").await;
    window.click("back").await;
    window.sees("payment").await;

    let bytes = std::fs::read(picture).unwrap();
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
