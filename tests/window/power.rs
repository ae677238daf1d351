//! The power is cut, and the page dies alone: what was submitted is there, what was not is nobody's, and the next student
//! sees nothing of it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;
use vendor_backend::{Decision, DemoCase};
use virtual_booth::Act;

use crate::driven::{ONE_AT_A_TIME, PATIENCE, kill, process, queue};
use crate::hands::Window;
use crate::lens::Lens;
use crate::place::Place;
use crate::visit::Visit;

/// The program's file.
fn program() -> &'static str {
    let file = Path::new(env!("CARGO_BIN_EXE_photo-station")).file_name();
    file.unwrap().to_str().unwrap()
}

/// What serves the page under Linux.
const PAGE: &str = "WebKitWebProcess";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_no_submitted_photo_and_shows_nobody_an_unsubmitted_one() {
    let _one = ONE_AT_A_TIME.lock().await;
    let mut place = Place::code_first().await;
    let mut lens = Lens::start();
    lens.shows(&Act::Sit);

    let mut stage = place.opens(&lens.camera()).await;
    let first = place.person(DemoCase::RejectedBefore);
    let visit = Visit::by_keys(&place, &first);
    visit.goes_on_to(&mut stage.window, "choose-photo").await;
    stage.window.element("take-1").await;
    cut(&place);
    drop(stage);
    assert_eq!(kept(&place), Vec::<Value>::new(), "nothing was submitted");

    // The next student comes without a network, and the power is cut as the last page stands.
    let mut stage = place.opens(&lens.camera()).await;
    let window = &mut stage.window;
    window.until_page("welcome").await;
    window
        .tells("interrupted", &["操作中断", "未提交的照片已删除", "请重新开始"])
        .await;
    window.shot("welcome").await;
    let second = place.person(DemoCase::ClassPayment);
    let visit = Visit::by_keys(&place, &second);
    visit.goes_on_to(window, "prove-last-four").await;
    place.network_goes();
    let number = submits_without_a_network(window, &second.last_four).await;
    cut(&place);
    drop(stage);
    let rows = kept(&place);
    assert_eq!(rows.len(), 1, "what was submitted is there: {rows:?}");
    assert_eq!(rows[0]["shoot_number"].as_str(), Some(number.as_str()));

    place.network_comes().await;
    let stage = place.opens(&lens.camera()).await;
    stage.window.until_page("welcome").await;
    let page = stage.window.client.source().await.unwrap();
    assert!(!page.contains(&number), "the next student sees nobody's number");
    is_delivered_once(&place).await;
    stage.window.client.close().await.unwrap();
}

/// From the proof to the last page; the number on it.
async fn submits_without_a_network(window: &mut Window, last_four: &str) -> String {
    window.proves(last_four).await;
    window.until_page("requirements").await;
    window.click("consent").await;
    window.click("consent-next").await;
    window.until_page("choose-photo").await;
    window.element("offline").await;
    window.click("take-1").await;
    window
        .tells("page-last-look", &["网络恢复后会自动核对您的身份"])
        .await;
    window.shot("last-look").await;
    window.click("submit").await;
    window.until_page("done").await;
    let number = window.words("shoot-number").await;
    window.tells("progress", &["已保存在本机"]).await;
    number
}

fn cut(place: &Place) {
    kill(process(program(), &place.station()).expect("the program runs"));
    let since = Instant::now();
    while process(program(), &place.station()).is_some() {
        assert!(since.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The records, all of them whole.
fn kept(place: &Place) -> Vec<Value> {
    let verified = queue(&place.station(), &place.people(), "verify");
    assert_eq!(
        verified.last().unwrap()["clean"],
        Value::Bool(true),
        "{verified:?}"
    );
    queue(&place.station(), &place.people(), "list")
}

/// The backend has the record for review.
async fn is_delivered_once(place: &Place) {
    let since = Instant::now();
    let row = loop {
        let rows = queue(&place.station(), &place.people(), "list");
        assert_eq!(rows.len(), 1, "{rows:?}");
        if rows[0]["state"] == "delivered" {
            break rows[0].clone();
        }
        assert!(since.elapsed() < PATIENCE, "it is not delivered: {rows:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    let record: Uuid = row["id"].as_str().unwrap().parse().unwrap();
    assert!(place.backend().review(record, Decision::Approve).await.unwrap());
}

/// The page's process is killed: the program puts the page up again, and the visit stands where it was and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_dies_comes_back_in_the_middle_of_the_visit() {
    let _one = ONE_AT_A_TIME.lock().await;
    let place = Place::code_first().await;
    let lens = Lens::start();
    let mut stage = place.opens(&lens.camera()).await;
    let student = place.person(DemoCase::Ordinary);
    let visit = Visit::by_keys(&place, &student);
    visit.goes_on_to(&mut stage.window, "pay").await;
    let address = stage.window.payment_address().await;
    let running = process(program(), &place.station());
    let page = process(PAGE, &place.station()).expect("the page has its process");
    kill(page);
    until("the page has another process", || {
        process(PAGE, &place.station()).is_some_and(|another| another != page)
    })
    .await;
    until("the payment code is there again", || {
        stage.window.code_on_the_screen().as_deref() == Some(address.as_bytes())
    })
    .await;
    // It follows the visit, too: what stands there is not the dead page's last picture.
    place.backend().pay(&address).await.unwrap();
    until("the visit goes on", || {
        stage.window.code_on_the_screen().is_none()
    })
    .await;
    assert!(running.is_some());
    assert_eq!(
        process(program(), &place.station()),
        running,
        "the program itself went on"
    );
}

async fn until(what: &str, mut it_is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !it_is_so() {
        assert!(since.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
