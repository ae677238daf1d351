//! Whoever cannot be collected is told so plainly and finds the way back; nothing of them is kept, and the next student
//! begins in Chinese on the first page.

use std::time::{Duration, Instant};

use vendor_backend::{DemoCase, DemoPerson, demo};

use crate::driven::{ONE_AT_A_TIME, PATIENCE, queue};
use crate::hands::Window;
use crate::lens::Lens;
use crate::place::Place;
use crate::visit::Visit;

/// What a scanner reads that is no collection code, and what the page takes it for.
const WRONG_KINDS: [(&str, &str); 4] = [
    ("wxp://f2f0example", "payment"),
    ("https://example.invalid/app", "web"),
    ("0000-0000-0000", "other-text"),
    ("CHSI1:torn", "other-text"),
];
/// Nobody's.
const WRONG_END: &str = "0000";

/// A visit that ends early.
struct Row {
    code: String,
    last_four: String,
    reason: &'static str,
    says: &'static [&'static str],
}

fn rows(place: &Place) -> Vec<Row> {
    let of = |case, reason, says| {
        let person = place.person(case);
        Row {
            code: person.code().to_owned(),
            last_four: person.last_four,
            reason,
            says,
        }
    };
    let with_code = |code: String, reason, says| Row {
        code,
        last_four: "1001".to_owned(),
        reason,
        says,
    };
    vec![
        with_code(
            format!("CHSI1:{}", "0".repeat(64)),
            "unknown-code",
            &["没有查到这个采集码", "重新登录学信网"],
        ),
        with_code(
            demo::expired_code(1, 0),
            "code-expired",
            &["这个采集码已经失效", "重新获取"],
        ),
        of(
            DemoCase::OutsideWindow,
            "outside-window",
            &["现在不在采集时间内", "日"],
        ),
        of(DemoCase::NotEligible, "not-eligible", &["请联系学校"]),
        of(
            DemoCase::AlreadyCollected,
            "already-collected",
            &["已经采集过了", "无需再次采集"],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_collected_is_told_why_and_nothing_is_kept() {
    let one = ONE_AT_A_TIME.lock().await;
    let place = Place::code_first().await;
    let lens = Lens::start();
    let mut stage = place.opens(&lens.camera()).await;
    let window = &mut stage.window;
    let crowd = place.crowd(DemoCase::Ordinary);
    window.until_page("welcome").await;

    in_english_with_wrong_codes(window).await;
    guesses(window, &crowd[0]).await;
    for row in rows(&place) {
        begins(window, &row.code).await;
        window.proves(&row.last_four).await;
        is_refused(window, row.reason, row.says).await;
    }
    guesses_too_often(window, &crowd[0]).await;
    goes_back_and_cancels(window, crowd[1].code()).await;
    let visit = Visit::by_keys(&place, &crowd[1]);
    visit.goes_on_to(window, "confirm").await;
    // Who walks away is waited for at length, while the next story begins.
    drop(one);
    walks_away(window).await;

    stage.window.client.close().await.unwrap();
    let kept = queue(&place.station(), &place.people(), "list");
    assert_eq!(kept, Vec::<serde_json::Value>::new(), "nothing was submitted");
}

/// The wrong kinds of code, told in the language chosen; cancelling gives the next student Chinese again.
async fn in_english_with_wrong_codes(window: &mut Window) {
    window.click("language").await;
    window.click("start").await;
    window.until_page("scan").await;
    for (code, sight) in WRONG_KINDS {
        let since = Instant::now();
        while window.attr("scan-hint", "data-sight").await.as_deref() != Some(sight) {
            assert!(since.elapsed() < PATIENCE, "{sight} is not told");
            window.keys(code).await;
        }
        let told = window.words("scan-hint").await;
        assert!(
            !is_chinese(&told) && told.len() > 20,
            "a sentence in English: {told}"
        );
        window.shot("scan").await;
    }
    window.click("cancel").await;
    window.until_page("welcome").await;
    window.tells("start", &["开始"]).await;
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|one| ('\u{4e00}'..='\u{9fff}').contains(&one))
}

/// Start, and the code by a scanner.
async fn begins(window: &mut Window, code: &str) {
    window.until_page("welcome").await;
    window.click("start").await;
    window.until_page("scan").await;
    window.scans(code).await;
    window.until_page("prove-last-four").await;
}

/// Why it is not possible, in words, with whom to ask; and back to the first page.
async fn is_refused(window: &mut Window, reason: &str, says: &[&str]) {
    window.until_page("not-possible").await;
    window
        .until_it_says("page-not-possible", "data-reason", reason)
        .await;
    window.shot("not-possible").await;
    window.tells("page-not-possible", says).await;
    window.tells("page-not-possible", &["000-0000-0000"]).await;
    window.click("leave").await;
    window.until_page("welcome").await;
}

/// Three wrong ends end the visit, and each says how many are left.
async fn guesses(window: &mut Window, student: &DemoPerson) {
    begins(window, student.code()).await;
    for left in ["2", "1"] {
        window.proves(WRONG_END).await;
        window.tells("prove-error", &["与采集码不一致", left]).await;
    }
    window.shot("prove-last-four").await;
    window.proves(WRONG_END).await;
    is_refused(window, "identity-mismatch", &["没能核对上您的身份"]).await;
}

/// After more of them the backend takes not even the right one for a while, and says so.
async fn guesses_too_often(window: &mut Window, student: &DemoPerson) {
    begins(window, student.code()).await;
    for left in ["2", "1"] {
        window.proves(WRONG_END).await;
        window.tells("prove-error", &[left]).await;
    }
    window.proves(&student.last_four).await;
    is_refused(window, "proof-locked", &["核对失败次数过多", "过一会儿再来"]).await;
}

/// One page back is the code again, and what was typed is gone; cancel is the first page.
async fn goes_back_and_cancels(window: &mut Window, code: &str) {
    begins(window, code).await;
    window.click("key-1").await;
    window.until_it_says("last-four-boxes", "data-filled", "1").await;
    window.click("back").await;
    window.until_page("scan").await;
    window.scans(code).await;
    window.until_page("prove-last-four").await;
    window.until_it_says("last-four-boxes", "data-filled", "0").await;
    window.click("cancel").await;
    window.until_page("welcome").await;
}

/// The page asks whether anybody is still there, counts down, and wipes the student off the screen.
async fn walks_away(window: &mut Window) {
    let name = window.words("masked-name").await;
    let since = Instant::now();
    let mut counted = Vec::new();
    while window.page().await.as_deref() != Some("welcome") {
        assert!(since.elapsed() < PATIENCE, "the page waits for ever");
        if let Some(left) = window.attr("still-there", "data-seconds").await {
            if counted.is_empty() {
                window.shot("confirm").await;
            }
            counted.push(left.parse::<u32>().unwrap());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    counted.dedup();
    assert!(
        counted.len() >= 3 && counted.is_sorted_by(|earlier, later| earlier > later),
        "counted down where everybody sees it: {counted:?}"
    );
    let page = window.client.source().await.unwrap();
    assert!(!page.contains(&name), "the student is still on the screen");
}
