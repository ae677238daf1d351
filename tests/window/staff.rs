//! Staff walk through their rooms: every one of their commands is shut before the PIN and after it; in between they find
//! a record, sort and retry, see what a purge would leave, call back, deliver to the school, look through the camera,
//! change the set-up, and ask the doctor and the clock.

use std::path::Path;
use std::time::{Duration, Instant};

use fantoccini::key::Key;
use jiff::Timestamp;
use records::{
    AttemptResult, Change, Identity, MaskedIdentity, NewRecord, Payment, PersonReason, Receipt, RecordId,
    Review, Secret,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use vendor_backend::DemoCase;

use crate::driven::{ONE_AT_A_TIME, PATIENCE, Scene};
use crate::hands::Window;
use crate::place::Place;

/// What the page may ask without staff.
const OPEN_TO_ALL: [&str; 9] = [
    "view",
    "act",
    "scanned",
    "staff_login",
    "staff_card",
    "staff_logout",
    "say",
    "drawn",
    "alive",
];

/// Every command that is offered to the page.
fn commands() -> Vec<&'static str> {
    include_str!("../../ui/src/bindings.ts")
        .split("__TAURI_INVOKE")
        .skip(1)
        .filter_map(|call| call.split_once("(\"")?.1.split('"').next())
        .collect()
}

/// Without any argument: whether staff are there is asked before anything else of a call is read.
async fn every_staff_command_is_shut(window: &Window) {
    let ask = "const [command, done] = arguments;
        window.__TAURI_INTERNALS__.invoke(command, {})
            .then(() => done('answered'), refused => done(refused.code ?? String(refused)))";
    let commands = commands();
    for open in OPEN_TO_ALL {
        assert!(commands.contains(&open), "{open} is no command any more");
    }
    let shut: Vec<&str> = commands
        .into_iter()
        .filter(|command| !OPEN_TO_ALL.contains(command))
        .collect();
    assert!(shut.len() > 25, "{shut:?}");
    for command in shut {
        let said = window
            .client
            .execute_async(ask, vec![json!(command)])
            .await
            .unwrap();
        assert_eq!(said, json!("staff-only"), "{command}");
    }
}

fn record(n: u8) -> NewRecord {
    let now = Timestamp::now();
    let mut picture = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(480, 640, image::Rgb([100, 197, n]))
        .write_to(&mut picture, image::ImageFormat::Jpeg)
        .unwrap();
    NewRecord {
        id: RecordId::from_parts(now, [n; 10]),
        visit: None,
        code_text: Secret::new(format!("CHSI1:made-up-code-{n}")),
        code_tag: format!("K7Q2-{n:02}"),
        proof: Secret::new("{}"),
        identity: Some(Identity {
            academic_record: format!("XJ-{n}"),
            masked: MaskedIdentity {
                masked_name: "王*明".into(),
                masked_id: "4403**********8x1X".into(),
                school: school(n),
                level: "本科".into(),
                major: "测绘工程".into(),
                year: 2026,
            },
            token: None,
        }),
        school: school(n),
        school_id: None,
        vendor: "biyezhengzhao".into(),
        spec: "national-blue".into(),
        original: picture.get_ref().clone(),
        standard: picture.into_inner(),
        report: json!({ "checks": [
            { "code": "crown", "light": "green", "value": 82.4, "min": 50, "max": 110, "unit": "px",
              "zh": "头顶位置合适", "en": "crown" },
        ] }),
        candidates: 1,
        forced_reason: None,
        payment: Payment::Paid { order: "o-1".into() },
        consent_at: now,
        started_at: now,
        captured_at: now,
    }
}

/// Where the record's student is from: the rejected one from elsewhere.
fn school(n: u8) -> String {
    if n == 3 { "远山学院" } else { "示范大学" }.into()
}

/// Four records: two approved, the third rejected, the fourth waiting for a person.
fn keep_four(station: &Path) {
    let now = Timestamp::now();
    let (mut store, _) = station::open_store(station, true).unwrap();
    for n in 1..=4 {
        let new = record(n);
        store.submit(&new, now).unwrap();
        store.begin_attempt(new.id, now).unwrap();
        if n == 4 {
            let refused = AttemptResult::Refused {
                reason: PersonReason::Payment,
                why: "the fee is not paid".into(),
            };
            store.finish_attempt(new.id, refused, now).unwrap();
            continue;
        }
        let receipt = Receipt {
            number: format!("R-{n}"),
            bytes: b"signed".to_vec(),
            standard_sha256: hex::encode(Sha256::digest(&new.standard)),
        };
        store
            .finish_attempt(new.id, AttemptResult::Delivered(receipt), now)
            .unwrap();
        let rejected = n == 3;
        let change = Change {
            record_id: new.id,
            review: if rejected {
                Review::Rejected
            } else {
                Review::Approved
            },
            reasons: if rejected {
                vec!["镜片反光".into()]
            } else {
                Vec::new()
            },
            at: now,
            sequence: n.into(),
        };
        store.apply_change(&change, now).unwrap();
    }
}

/// Waits until the page answers true.
async fn until(window: &Window, what: &str, script: &str) {
    let since = Instant::now();
    while window.client.execute(script, Vec::new()).await.unwrap() != json!(true) {
        assert!(since.elapsed() < PATIENCE, "{what}: {}", window.text().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until this is read somewhere on the page.
async fn until_read(window: &Window, words: &str) {
    let script = format!("return document.body.innerText.includes({})", json!(words));
    until(window, &format!("{words} is not read"), &script).await;
}

/// Touches the first element of these. What goes away under the finger is nothing WebDriver would wait for in vain.
async fn touch(window: &Window, selector: &str) {
    let script = format!(
        "const touched = document.querySelector({});
         for (const kind of touched ? ['mousedown', 'mouseup'] : [])
             touched.dispatchEvent(new MouseEvent(kind, {{ bubbles: true }}));
         touched?.click();
         return touched !== null",
        json!(selector)
    );
    until(window, &format!("{selector} cannot be touched"), &script).await;
}

/// Waits until this record is the first of the list.
async fn until_first(window: &Window, number: &str) {
    let script = format!(
        "return document.querySelector('.el-table-v2__row')?.innerText.includes({}) === true",
        json!(number)
    );
    until(window, &format!("{number} is not the first of the list"), &script).await;
}

/// Writes this into a field in place of what stands there.
async fn fill(window: &Window, name: &str, words: &str) {
    let script = format!(
        "const field = document.querySelector('[data-testid=\"{name}\"]');
         if (!field) return false;
         field.value = {};
         field.dispatchEvent(new Event('input', {{ bubbles: true }}));
         return true",
        json!(words)
    );
    until(window, &format!("{name} cannot be filled in"), &script).await;
}

/// Writes a path into the folder chooser and takes it.
async fn choose(window: &Window, folder: &Path) {
    let path = folder.display().to_string();
    window.types("folder-path", &path).await;
    window.types("folder-path", &Key::Enter.to_string()).await;
    let there = format!(
        "return document.querySelector('[data-testid=\"folder-path\"]')?.value === {} \
         && !document.querySelector('[data-testid=\"folder-done\"]').disabled",
        json!(path)
    );
    until(window, "the folder is not taken", &there).await;
    window.click("folder-done").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_walk_through_their_rooms() {
    let _one = ONE_AT_A_TIME.lock().await;
    let place = Place::usual().await;
    place.come(&[place.person(DemoCase::Ordinary)]);
    let station = place.station();
    std::fs::write(station.join("station.toml"), WRITTEN).unwrap();
    keep_four(&station);
    let stick = place.folder.path().join("stick");
    std::fs::create_dir(&stick).unwrap();

    let scene = Scene {
        log: "warn",
        ..Scene::on("virtual")
    };
    let mut stage = place.opens_with(scene).await;
    let window = &mut stage.window;
    window.until_page("welcome").await;
    window.watch_the_policy().await;
    every_staff_command_is_shut(window).await;
    window.staff_come().await;

    queue(window).await;
    purge(window).await;
    window.click("room-day").await;
    window.words("figure-submitted").await;
    window.shot("staff-day").await;
    call_back(window, &stick).await;
    deliver(window, &stick).await;
    settings(window, &station).await;
    doctor_and_clock(window).await;

    window.click("staff-leave").await;
    window.element("booth").await;
    every_staff_command_is_shut(window).await;
    assert_eq!(window.refused_by_the_policy().await, Vec::<String>::new());
    stage.window.client.close().await.unwrap();
}

/// Filter, search, sort; a record's page with its pictures; a retry; paper that cannot come.
async fn queue(window: &mut Window) {
    window.element("queue-table").await;
    until_read(window, "共 4 条").await;
    window.types("queue-search", "K7Q2-03").await;
    until_read(window, "共 1 条").await;
    fill(window, "queue-search", "").await;
    until_read(window, "共 4 条").await;

    // Once for the smallest first, again for the largest.
    for first in ["示范大学", "远山学院"] {
        touch(window, ".el-table-v2__header-cell[data-key=\"school\"]").await;
        until_first(window, first).await;
    }

    window.click("chip-rejected").await;
    until_first(window, "A003").await;
    until_read(window, "共 1 条").await;
    touch(window, ".el-table-v2__row .open").await;
    let reasons = window.words("record-reasons").await;
    assert!(reasons.contains("镜片反光"), "{reasons}");
    let check = window.words("check").await;
    assert!(
        check.contains("82.4 px") && check.contains("50–110 px"),
        "{check}"
    );
    let drawn = "const picture = document.querySelector('[data-testid=\"record-standard\"]');
        return picture?.complete === true && picture.naturalWidth === 480";
    until(window, "the photo is not drawn", drawn).await;
    assert!(
        !window.is_there("record-retry").await,
        "a rejected one is not sent again"
    );
    window.shot("staff-record").await;
    // No printer is set up: that is said, and nothing else happens.
    window.element("print-again-sheet").await;
    window.click("print-again-receipt").await;
    until_read(window, "没有打印出来：找不到打印机").await;
    window.click("record-close").await;

    window.click("chip-needs-person").await;
    until_first(window, "A004").await;
    touch(window, ".el-table-v2__row .open").await;
    window.click("record-retry").await;
    until_read(window, "已重新排队 1 条").await;
    window.click("record-close").await;
    window.click("chip-all").await;
    until_read(window, "共 4 条").await;
}

/// What a purge would leave is told before anything is gone.
async fn purge(window: &mut Window) {
    window.click("chip-rejected").await;
    until_first(window, "A003").await;
    until_read(window, "共 1 条").await;
    touch(window, ".el-table-v2__row .el-checkbox").await;
    window.click("queue-purge").await;
    let sentence = window.words("foresight-sentence").await;
    assert!(sentence.contains("0 条的照片将永久删除，1 条不会"), "{sentence}");
    let leaves = window.words("leaves").await;
    assert!(leaves.contains("保留期未满"), "{leaves}");
    window.shot("staff-purge").await;
    window.click("errand-cancel").await;
    let gone = "return document.querySelector('[data-testid=\"foresight\"]') === null";
    until(window, "the preview stays", gone).await;
}

async fn call_back(window: &mut Window, stick: &Path) {
    window.click("room-callback").await;
    let row = window.words("callback-row").await;
    assert!(row.contains("镜片反光") && row.contains("未到"), "{row}");
    window.shot("staff-callback").await;
    window.click("callback-export").await;
    choose(window, stick).await;
    wait_for_file(stick, "csv").await;
}

async fn deliver(window: &mut Window, stick: &Path) {
    window.click("room-delivery").await;
    let foretold = window.words("delivery-foresight").await;
    assert!(foretold.contains("2 张已通过的照片将交付"), "{foretold}");
    window.shot("staff-delivery").await;
    window.click("deliver-folder").await;
    choose(window, stick).await;
    window.click("errand-begin").await;
    let ended = window.words("errand-ended").await;
    assert!(ended.contains("写入 2 张"), "{ended}");
    for n in [1, 2] {
        let photo = stick.join(format!("示范大学/2026/XJ-{n}.jpg"));
        assert_eq!(std::fs::read(photo).unwrap(), record(n).standard);
    }
    assert!(stick.join("SHA256SUMS").is_file());
    window.click("errand-clear").await;
}

/// What a person wrote into the file before.
const WRITTEN: &str = "# 图书馆一楼\nname = \"一号机\" # 靠窗\n";

/// The running camera is looked through, then another one before it is chosen; a wrong field is told, a right set-up is
/// written into the file as it stands.
async fn settings(window: &mut Window, station: &Path) {
    let toml = || std::fs::read_to_string(station.join("station.toml")).unwrap();
    let before = toml();
    window.click("room-settings").await;
    let looks = |at: &str| {
        format!(
            "const look = document.querySelector('[data-testid=\"camera-look\"]');
             return look?.dataset.streaming === 'true' && look.querySelector('img')?.src.includes('{at}') === true"
        )
    };
    until(
        window,
        "the running camera is not looked through",
        &looks("preview"),
    )
    .await;
    window.shot("staff-settings").await;
    touch(window, "[data-testid=\"field-fps\"] .el-input-number__decrease").await;
    until(
        window,
        "the camera that is tried is not looked through",
        &looks("trial"),
    )
    .await;
    fill(window, "field-backup_folder", "backups").await;
    touch(window, "[data-testid=\"settings-save\"]").await;
    let trouble = window.words("trouble-backup_folder").await;
    assert!(trouble.contains("完整路径"), "{trouble}");
    assert_eq!(toml(), before, "nothing is written while something is wrong");

    touch(window, "[data-testid=\"settings-undo\"]").await;
    until(
        window,
        "the running camera is not looked through again",
        &looks("preview"),
    )
    .await;
    fill(window, "field-name", "一号机·二层").await;
    touch(
        window,
        "[data-testid=\"field-countdown\"] .el-input-number__increase",
    )
    .await;
    touch(window, "[data-testid=\"settings-save\"]").await;
    window.words("settings-restart").await;
    let after = toml();
    assert!(
        after.starts_with("# 图书馆一楼\nname = \"一号机·二层\" # 靠窗\n"),
        "{after}"
    );
    assert!(after.contains("countdown = 4"), "{after}");
}

async fn doctor_and_clock(window: &mut Window) {
    touch(window, "[data-testid=\"room-doctor\"]").await;
    window.words("finding").await;
    let live = window.words("live").await;
    assert!(live.contains("每秒"), "{live}");
    window.shot("staff-doctor").await;
    window.click("room-about").await;
    window.words("timing-frame_to_screen").await;
    window.words("shown-fps").await;
    window.shot("staff-about").await;
}

async fn wait_for_file(folder: &Path, ending: &str) {
    let since = Instant::now();
    loop {
        let there = std::fs::read_dir(folder).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            path.extension().is_some_and(|e| e == ending)
        });
        if there {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "no .{ending} file came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
