//! What staff do at their desk: deliver to the school, long work that is foretold and told, the day's figures, the
//! set-up. Real folders, real records, a real visit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod booth;
#[path = "booth/pages.rs"]
mod pages;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use records::{
    AttemptResult, Change, Identity, MaskedIdentity, NewRecord, Payment, Receipt, RecordId, Review, Secret,
    Store,
};
use sha2::{Digest, Sha256};
use station::delivery::{self, DEFAULT, DeliveryError, Template, Why};
use station::errand::{Ended, Errand, Selection};
use station::rooms::settings::PinChange;
use station::staff::QueueFilter;
use station::{Config, Options, Station};
use tempfile::TempDir;
use vendor_backend::{Backend, BackendOptions, DemoCase};

fn now() -> Timestamp {
    Timestamp::now()
}

fn id(n: u8) -> RecordId {
    RecordId::from_parts(Timestamp::from_second(1_760_000_000).unwrap(), [n; 10])
}

fn record(n: u8, school: &str) -> NewRecord {
    NewRecord {
        id: id(n),
        visit: None,
        code_text: Secret::new(format!("CHSI1:made-up-code-{n}")),
        code_tag: format!("TAG-{n:02}"),
        proof: Secret::new("{}"),
        identity: Some(Identity {
            academic_record: format!("XJ-{n}"),
            masked: MaskedIdentity {
                masked_name: "王*明".into(),
                masked_id: "4403**********8x1X".into(),
                school: school.into(),
                level: "本科".into(),
                major: "测绘工程".into(),
                year: 2026,
            },
            token: None,
        }),
        school: school.into(),
        school_id: None,
        vendor: "binyu".into(),
        spec: "national-blue".into(),
        original: vec![n; 3000],
        standard: vec![n; 1000],
        report: serde_json::json!({ "accepted": true }),
        candidates: 1,
        forced_reason: None,
        payment: Payment::Free,
        consent_at: now(),
        started_at: now(),
        captured_at: now(),
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn deliver(store: &mut Store, new: &NewRecord) {
    store.submit(new, now()).unwrap();
    store.begin_attempt(new.id, now()).unwrap();
    let receipt = Receipt {
        number: format!("R-{}", new.code_tag),
        bytes: b"signed".to_vec(),
        standard_sha256: hash(&new.standard),
    };
    store
        .finish_attempt(new.id, AttemptResult::Delivered(receipt), now())
        .unwrap();
}

fn approve(store: &mut Store, new: &NewRecord, sequence: u64) {
    deliver(store, new);
    let change = Change {
        record_id: new.id,
        review: Review::Approved,
        reasons: Vec::new(),
        at: now(),
        sequence,
    };
    store.apply_change(&change, now()).unwrap();
}

/// Records with four approved photos, one that only waits, and a place to deliver to.
fn approved() -> (TempDir, Store, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let (mut store, _) = station::open_store(&place.path().join("station"), true).unwrap();
    for n in 1..=4 {
        approve(&mut store, &record(n, "示范大学"), n.into());
    }
    deliver(&mut store, &record(5, "示范大学"));
    let target = place.path().join("stick");
    (place, store, target)
}

fn all(_: u32) -> bool {
    true
}

/// Every file below a folder with its contents, by its name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(&inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/");
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_delivery_to_a_folder_goes_on_where_it_stopped_and_twice_changes_nothing() {
    let (_place, mut store, target) = approved();
    let template = Template::parse(DEFAULT).unwrap();
    let cut = delivery::deliver(&store, &template, &target, &mut |done| done < 2).unwrap();
    assert_eq!((cut.written, cut.stopped), (2, true));
    let rest = delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert_eq!((rest.written, rest.there, rest.stopped), (2, 2, false));

    let there = files(&target);
    let names: Vec<&str> = there.iter().map(|(name, _)| name.as_str()).collect();
    let photos = [1, 2, 3, 4].map(|n| format!("示范大学/2026/XJ-{n}.jpg"));
    assert_eq!(names[..2], ["SHA256SUMS", "manifest.csv"]);
    assert_eq!(names[2..], photos);
    assert_eq!(there[2].1, vec![1; 1000], "byte for byte");
    let sums = String::from_utf8(there[0].1.clone()).unwrap();
    let expected = [1, 2, 3, 4].map(|n| format!("{}  示范大学/2026/XJ-{n}.jpg\n", hash(&[n; 1000])));
    assert_eq!(sums, expected.concat());
    let table = String::from_utf8(there[1].1.clone()).unwrap();
    assert_eq!(table.lines().count(), 5);
    for secret in ["王", "4403", "8x1X", "made-up-code"] {
        assert!(!table.contains(secret) && !names.iter().any(|name| name.contains(secret)));
    }

    let again = delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert_eq!((again.written, again.there, again.refused.len()), (0, 4, 0));
    assert_eq!(files(&target), there);

    // What was purged since stays delivered, and in the manifest.
    store.purge(now(), Duration::ZERO).unwrap();
    approve(&mut store, &record(6, "示范大学"), 6);
    let later = delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert_eq!((later.written, later.there), (1, 0));
    assert_eq!(files(&target).len(), 7);
    let sums = std::fs::read_to_string(target.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 5);
}

#[test]
fn a_delivery_never_replaces_what_is_there_and_never_leaves_its_folder() {
    let (place, mut store, target) = approved();
    let template = Template::parse(DEFAULT).unwrap();
    let taken = target.join("示范大学").join("2026");
    std::fs::create_dir_all(&taken).unwrap();
    std::fs::write(taken.join("XJ-2.jpg"), b"somebody else's").unwrap();
    let delivered = delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert_eq!(delivered.written, 3);
    assert_eq!(
        delivered.refused[0].why,
        Why::Exists("示范大学/2026/XJ-2.jpg".into())
    );
    assert_eq!(std::fs::read(taken.join("XJ-2.jpg")).unwrap(), b"somebody else's");

    approve(&mut store, &record(7, "../../elsewhere"), 7);
    approve(&mut store, &record(8, "CON"), 8);
    delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert!(target.join("_.._.._elsewhere/2026/XJ-7.jpg").is_file());
    assert!(target.join("_CON/2026/XJ-8.jpg").is_file());
    let beside: Vec<String> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        beside.len(),
        2,
        "nothing beside the station and the stick: {beside:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_link_inside_the_target_leads_nowhere() {
    let (place, store, target) = approved();
    let elsewhere = place.path().join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::create_dir_all(&target).unwrap();
    std::os::unix::fs::symlink(&elsewhere, target.join("示范大学")).unwrap();
    let template = Template::parse(DEFAULT).unwrap();
    let error = delivery::deliver(&store, &template, &target, &mut all).unwrap_err();
    assert!(matches!(error, DeliveryError::Link(_)), "{error}");
    assert!(files(&elsewhere).is_empty());
}

#[test]
fn a_zip_file_grows_by_what_is_new_and_never_changes_what_it_holds() {
    let (place, mut store, _) = approved();
    let target = place.path().join("out").join("photos.zip");
    let template = Template::parse("{major}/{shoot_number}.jpg").unwrap();
    let cut = delivery::deliver(&store, &template, &target, &mut |done| done < 2).unwrap();
    assert!(cut.stopped && !target.exists(), "half a file is none");
    let first = delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert_eq!((first.written, first.there), (4, 0));
    let bytes = std::fs::read(&target).unwrap();
    let again = delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert_eq!((again.written, again.there), (0, 4));
    assert_eq!(std::fs::read(&target).unwrap(), bytes);

    store.purge(now(), Duration::ZERO).unwrap();
    approve(&mut store, &record(6, "示范大学"), 6);
    let later = delivery::deliver(&store, &template, &target, &mut all).unwrap();
    assert_eq!((later.written, later.there), (1, 0));
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&target).unwrap()).unwrap();
    assert_eq!(zip.len(), 7, "five photos, the table and the sums");
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(read("测绘工程/A001.jpg"), vec![1; 1000]);
    assert_eq!(read("测绘工程/A006.jpg"), vec![6; 1000]);
    assert_eq!(String::from_utf8(read("SHA256SUMS")).unwrap().lines().count(), 5);
    drop(zip);

    // The same names for other photos: nothing is touched.
    let (_other, mut others, _) = approved();
    approve(&mut others, &record(9, "示范大学"), 9);
    let before = std::fs::read(&target).unwrap();
    let mut wrong = record(10, "示范大学");
    wrong.standard = vec![99; 1000];
    approve(&mut others, &wrong, 10);
    let error = delivery::deliver(&others, &template, &target, &mut all).unwrap_err();
    assert!(matches!(error, DeliveryError::Other { .. }), "{error}");
    assert_eq!(std::fs::read(&target).unwrap(), before);
    std::fs::write(&target, b"no zip file").unwrap();
    let error = delivery::deliver(&store, &template, &target, &mut all).unwrap_err();
    assert!(error.to_string().contains("choose another name"), "{error}");
}

/// A station whose backend is away.
async fn alone(place: &TempDir) -> Station {
    Station::open(Options {
        data: place.path().join("station"),
        config: Config {
            backend: "http://127.0.0.1:9".into(),
            profile: "binyu".into(),
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: None,
        rehearsal: None,
    })
    .await
    .unwrap()
}

async fn finished(station: &Station, errand: Errand) -> Ended {
    assert!(station.errand_begin(errand).await.unwrap());
    let since = Instant::now();
    loop {
        if let Some(ended) = station.errand().and_then(|view| view.ended) {
            return ended;
        }
        assert!(since.elapsed() < Duration::from_mins(1), "{:?}", station.errand());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn these(ns: &[u8]) -> Selection {
    Selection {
        ids: ns.iter().map(|n| id(*n).to_string()).collect(),
        all: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_is_foretold_by_the_reason_and_does_just_that() {
    let (place, store, target) = approved();
    drop(store);
    let station = alone(&place).await;
    station
        .with_records(|store| store.submit(&record(20, "示范大学"), now()).map(|_| ()))
        .await
        .unwrap();

    let retry = || Errand::Retry {
        which: these(&[1, 5, 20]),
    };
    let foretold = station.errand_foresee(retry()).await.unwrap();
    assert_eq!((foretold.takes, foretold.examples), (1, vec!["A006".to_owned()]));
    assert_eq!(foretold.leaves.len(), 1);
    assert_eq!(
        (foretold.leaves[0].count, foretold.leaves[0].why.zh.as_str()),
        (2, "已送达，不必重发")
    );
    let ended = finished(&station, retry()).await;
    assert!(ended.well && ended.says.zh.contains('1'), "{ended:?}");

    // Everything a filter finds, beyond any page.
    let everything = Errand::Purge {
        which: Selection {
            ids: Vec::new(),
            all: Some(QueueFilter {
                limit: 1,
                ..QueueFilter::default()
            }),
        },
    };
    let foretold = station.errand_foresee(everything).await.unwrap();
    assert_eq!(foretold.takes, 0, "nothing is old enough");
    let reasons: Vec<u32> = foretold.leaves.iter().map(|left| left.count).collect();
    assert_eq!(reasons.iter().sum::<u32>(), 6);
    assert_eq!(reasons.len(), 2, "{:?}", foretold.leaves);

    // Nobody has said yet to whom a bundle is sealed.
    let export = Errand::Export {
        which: these(&[20]),
        path: place.path().join("out.age").display().to_string(),
    };
    assert!(station.errand_foresee(export).await.unwrap().hindrance.is_some());
    let import = Errand::Import {
        path: place.path().join("station/records.key").display().to_string(),
    };
    assert!(station.errand_foresee(import).await.unwrap().hindrance.is_some());

    let deliver = |template: &str| Errand::Deliver {
        template: template.to_owned(),
        path: target.display().to_string(),
    };
    let wrong = station.errand_foresee(deliver("{name}.jpg")).await.unwrap();
    assert!(wrong.hindrance.unwrap().zh.contains("{name}"));
    let foretold = station.errand_foresee(deliver(DEFAULT)).await.unwrap();
    assert_eq!(
        (foretold.takes, foretold.examples[0].as_str()),
        (4, "示范大学/2026/XJ-1.jpg")
    );
    let ended = finished(&station, deliver(DEFAULT)).await;
    assert!(ended.well, "{ended:?}");
    assert_eq!(files(&target).len(), 6);
    station.errand_clear();
    assert!(station.errand().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_is_saved_only_when_it_is_right_and_a_pin_needs_the_old_one() {
    let place = tempfile::tempdir().unwrap();
    let station = alone(&place).await;
    let file = place.path().join("station/station.toml");
    std::fs::write(&file, "# 一楼\nbackend = \"http://127.0.0.1:9\"\n").unwrap();
    let view = station.settings().await.unwrap();
    assert!(view.specs.iter().any(|spec| spec.id == view.spec_in_force));
    let mut settings = view.running.clone();
    settings.countdown = 99;
    let refused = station.settings_save(settings.clone()).await.unwrap();
    assert_eq!(refused.troubles[0].field, "countdown");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("countdown"));
    settings.countdown = 5;
    let saved = station.settings_save(settings).await.unwrap();
    assert!(saved.troubles.is_empty() && saved.restart);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# 一楼\n") && text.contains("countdown = 5"),
        "{text}"
    );
    let view = station.settings().await.unwrap();
    assert_eq!((view.settings.countdown, view.running.countdown), (5, 3));

    station
        .with_records(|store| station::desk::set_staff_pin(store, "246802"))
        .await
        .unwrap();
    let change = async |old: &str, new: &str| station.staff_pin_change(old.into(), new.into()).await.unwrap();
    assert_eq!(change("246802", "12345").await, PinChange::TooShort);
    assert_eq!(change("111111", "135791").await, PinChange::WrongOld);
    assert_eq!(change("246802", "135791").await, PinChange::Changed);
    assert_eq!(change("246802", "246802").await, PinChange::WrongOld);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_is_in_the_days_figures_with_its_shot_and_nothing_of_the_student() {
    let place = tempfile::tempdir().unwrap();
    let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap();
    let station = booth::open(place.path(), &backend, "binyu").await;
    let student = backend.person(DemoCase::Ordinary).unwrap();
    booth::visit(&station, &backend, &student).await.unwrap();
    let since = Instant::now();
    let day = loop {
        let day = station.day(7).await.unwrap();
        if day.submitted > 0 || since.elapsed() > Duration::from_mins(1) {
            break day;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(
        (day.visits, day.submitted, day.shots, day.retakes),
        (1, 1, 1, 0),
        "{day:?}"
    );
    assert!(day.median_seconds.is_some() && day.left_at.is_empty());
    assert_eq!(day.bars.len(), 7);
    assert!(station.callback_list().await.unwrap().is_empty());
    backend.stop().await;
}
