//! A disk that stops taking what is written, in the middle of service. The named points it is played with are set for
//! the whole process, so these tests are a program of their own and go one after the other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod booth;
#[path = "booth/pages.rs"]
mod pages;

use std::path::Path;
use std::time::Duration;

use booth::PATIENCE;
use pages::within;
use records::{Depth, Filter, PhotoKind, RecordState};
use station::Station;
use station::view::{Action, OutOfService, Page, Progress};
use tokio::sync::Mutex;
use vendor_backend::{Backend, BackendOptions, DemoCase, Running};

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn open(data: &Path, backend: &Running) -> Station {
    booth::open(data, backend, "binyu").await
}

async fn until(station: &Station, what: &str, wanted: impl Fn(&Page) -> bool) {
    within(PATIENCE, station, what, wanted).await;
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
                reason: OutOfService::Storage,
                ..
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
    let person = backend.person(DemoCase::Ordinary).unwrap();
    booth::visit(&station, &backend, &person).await.unwrap();
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
async fn a_photo_that_cannot_be_written_down_when_it_is_taken_is_when_it_is_submitted() {
    let _one = ONE_AT_A_TIME.lock().await;
    for written_before in [true, false] {
        let place = tempfile::tempdir().unwrap();
        let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
            .await
            .unwrap();
        let station = open(place.path(), &backend).await;
        if !written_before {
            fail::cfg("picture.committing", "return").unwrap();
        }
        let person = backend.person(DemoCase::Ordinary).unwrap();
        booth::visit(&station, &backend, &person).await.unwrap();
        fail::remove("picture.committing");
        let (photos, report) = station
            .with_records(|store| {
                let row = store.list(&Filter::default())?.remove(0);
                let photos = [PhotoKind::Original, PhotoKind::Standard].map(|kind| store.photo(row.id, kind));
                Ok((photos, store.verify(Depth::Full)?))
            })
            .await
            .unwrap();
        assert!(photos.iter().all(Result::is_ok), "{photos:?}");
        assert!(report.is_clean(), "{:?}", report.faults);
        drop(station);
        assert_eq!(pictures(place.path()), if written_before { 2 } else { 0 });
    }
}

/// Photos that were written down when they were taken, as the database has them.
fn pictures(data: &Path) -> i64 {
    let key = std::fs::read_to_string(data.join("records.key")).unwrap();
    let db = rusqlite::Connection::open(data.join("records.db")).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", key.trim()))
        .unwrap();
    db.query_row("SELECT count(*) FROM picture", [], |row| row.get(0))
        .unwrap()
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
    let ended = booth::visit(&station, &backend, &person).await;
    assert!(ended.is_err(), "nothing is called safe that is not: {ended:?}");
    station.act(Action::Finish);
    // At once, not at the next trial write.
    within(Duration::from_secs(5), &station, "the closed page", |page| {
        matches!(
            page,
            Page::OutOfService {
                reason: OutOfService::Storage,
                ..
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
