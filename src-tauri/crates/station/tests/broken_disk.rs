//! A disk that stops taking what is written, in the middle of service. The named points it is played with are set for
//! the whole process, so these tests are a program of their own and go one after the other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use code::CodeText;
use image::{ImageFormat, Rgb, RgbImage};
use jiff::Timestamp;
use records::{Depth, Filter, RecordState};
use station::rehearsal::{Actor, play_watched};
use station::view::{Action, OutOfService, Page, Progress};
use station::visit::Shot;
use station::{Config, Darkroom, Options, Station};
use tokio::sync::Mutex;
use vendor_backend::{Backend, BackendOptions, DemoCase, Running, demo};

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

fn jpeg(grey: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(480, 640, Rgb([grey; 3]))
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

/// A photographer who hands over the same accepted photo.
fn darkroom() -> Darkroom {
    Arc::new(|_| {
        Ok(Arc::new(Shot {
            original: jpeg(90),
            standard: jpeg(120),
            report: portrait::Report {
                schema: portrait::SCHEMA,
                accepted: true,
                spec: "national-blue".into(),
                original_sha256: None,
                original_size: None,
                result_sha256: None,
                transform: None,
                geometry: None,
                file: None,
                matte: None,
                checks: Vec::new(),
            },
            remarks: Vec::new(),
            captured_at: Timestamp::now(),
        }))
    })
}

async fn open(data: &Path, backend: &Running) -> Station {
    let options = Options {
        data: data.to_path_buf(),
        config: Config {
            backend: backend.url().to_owned(),
            profile: "binyu".into(),
            countdown: 0,
            least_free_mb: 0,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: Some(demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    let station = Station::open_with(options, Some(darkroom())).await.unwrap();
    assert!(station.enrolled_within(Duration::from_secs(30)).await);
    until(&station, "the welcome page", |page| {
        matches!(page, Page::Welcome { .. })
    })
    .await;
    station
}

/// Longer than the station lets pass between two trial writes.
const PATIENCE: Duration = Duration::from_secs(50);

async fn until(station: &Station, what: &str, wanted: impl Fn(&Page) -> bool) {
    within(PATIENCE, station, what, wanted).await;
}

async fn within(patience: Duration, station: &Station, what: &str, wanted: impl Fn(&Page) -> bool) {
    let mut views = station.views();
    let arrived = views.wait_for(|view| wanted(&view.page));
    let arrived = tokio::time::timeout(patience, arrived).await;
    assert!(
        arrived.is_ok_and(|view| view.is_ok()),
        "waited for {what}, there stands {:?}",
        station.view().page
    );
}

async fn visit(station: &Station, backend: &Running) {
    let person = backend.person(DemoCase::Ordinary).unwrap();
    let actor: Actor = serde_json::from_value(serde_json::to_value(&person).unwrap()).unwrap();
    let hands = |page: &Page| match page {
        Page::Scan { .. } => station.code_read(CodeText::new(person.code().as_bytes().to_vec())),
        Page::Framing { .. } => station.act(Action::Shoot),
        _ => {}
    };
    play_watched(station, &actor, |_| async { Ok(()) }, hands)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_cannot_be_written_close_the_station_until_they_can() {
    let _one = ONE_AT_A_TIME.lock().await;
    let place = tempfile::tempdir().unwrap();
    let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap();
    let station = open(place.path(), &backend).await;
    fail::cfg("setting.committing", "return").unwrap();
    until(&station, "the closed page", |page| {
        matches!(
            page,
            Page::OutOfService {
                reason: OutOfService::Storage
            }
        )
    })
    .await;
    fail::remove("setting.committing");
    until(&station, "the welcome page", |page| {
        matches!(page, Page::Welcome { .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_down_is_not_told_and_comes_again() {
    let _one = ONE_AT_A_TIME.lock().await;
    let place = tempfile::tempdir().unwrap();
    let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap();
    let station = open(place.path(), &backend).await;
    // The backend takes the photo and answers; the receipt cannot be written.
    fail::cfg("attempt.ending", "return").unwrap();
    visit(&station, &backend).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        matches!(
            station.view().page,
            Page::Done {
                progress: Progress::SavedHere,
                receipt: None,
                ..
            }
        ),
        "{:?}",
        station.view().page
    );
    fail::remove("attempt.ending");
    drop(station);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let station = open(place.path(), &backend).await;
    for _ in 0..100 {
        let counts = station.with_records(|store| store.counts()).await.unwrap();
        if counts.waiting() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let (rows, report) = station
        .with_records(|store| Ok((store.list(&Filter::default())?, store.verify(Depth::Full)?)))
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, RecordState::Delivered);
    assert!(report.is_clean(), "{:?}", report.faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_cannot_be_kept_is_said_so_and_the_next_student_is_not_asked_in() {
    let _one = ONE_AT_A_TIME.lock().await;
    let place = tempfile::tempdir().unwrap();
    let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap();
    let station = open(place.path(), &backend).await;
    fail::cfg("submit.committing", "return").unwrap();
    fail::cfg("setting.committing", "return").unwrap();
    let person = backend.person(DemoCase::Ordinary).unwrap();
    let actor: Actor = serde_json::from_value(serde_json::to_value(&person).unwrap()).unwrap();
    let hands = |page: &Page| match page {
        Page::Scan { .. } => station.code_read(CodeText::new(person.code().as_bytes().to_vec())),
        Page::Framing { .. } => station.act(Action::Shoot),
        _ => {}
    };
    let ended = play_watched(&station, &actor, |_| async { Ok(()) }, hands).await;
    assert!(ended.is_err(), "nothing is called safe that is not: {ended:?}");
    station.act(Action::Finish);
    // At once, not at the next trial write.
    within(Duration::from_secs(5), &station, "the closed page", |page| {
        matches!(
            page,
            Page::OutOfService {
                reason: OutOfService::Storage
            }
        )
    })
    .await;
    fail::remove("submit.committing");
    fail::remove("setting.committing");
    until(&station, "the welcome page", |page| {
        matches!(page, Page::Welcome { .. })
    })
    .await;
    let kept = station
        .with_records(|store| store.count(&Filter::default()))
        .await
        .unwrap();
    assert_eq!(kept, 0);
}
