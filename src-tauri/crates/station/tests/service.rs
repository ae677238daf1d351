//! The station closes before it could not keep or deliver the next photo, says why, and opens again by itself; and it
//! backs itself up. Real disks, a real backend, the loops left to themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "booth/pages.rs"]
mod pages;
#[path = "booth/waiting.rs"]
mod waiting;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pages::within;
use records::{Depth, NewRecord, RecordId};
use station::staff::Login;
use station::view::{Action, OutOfService, Page};
use station::{Config, Darkroom, Options, Station};
use vendor::Clock;
use vendor_backend::{Backend, BackendOptions, Running, demo};
use waiting::waiting_since;

const PATIENCE: Duration = Duration::from_secs(40);

/// A backend whose clock is so many seconds ahead.
async fn backend(ahead: Arc<AtomicI64>) -> Running {
    let clock =
        Clock::new(move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed)));
    Backend::start(BackendOptions {
        clock,
        ..BackendOptions::demo("binyu").unwrap()
    })
    .await
    .unwrap()
}

fn config(backend: &str) -> Config {
    Config {
        backend: backend.to_owned(),
        profile: "binyu".into(),
        // What the disk of whoever runs this has free is not this test's business, except where it says so.
        least_free_mb: 0,
        ..Config::default()
    }
}

async fn open(data: &Path, config: Config) -> Station {
    let options = Options {
        data: data.to_path_buf(),
        config,
        key_in_file: true,
        eyes: None,
        activation: Some(demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    let nobody: Darkroom = Arc::new(|_| Err(Vec::new().into()));
    let station = Station::open_with(options, Some(nobody)).await.unwrap();
    assert!(station.enrolled_within(Duration::from_secs(30)).await);
    station
}

async fn opens(station: &Station) {
    within(PATIENCE, station, "the welcome page", |page| {
        matches!(page, Page::Welcome { .. })
    })
    .await;
}

async fn closes(station: &Station, why: OutOfService) {
    within(
        PATIENCE,
        station,
        &format!("{why:?}"),
        |page| matches!(page, Page::OutOfService { reason, .. } if *reason == why),
    )
    .await;
    // A touch begins nothing.
    station.act(Action::Start);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(matches!(station.view().page, Page::OutOfService { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_the_backend_would_not_take_closes_until_it_is_right() {
    let (place, ahead) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(0)));
    let backend = backend(Arc::clone(&ahead)).await;
    let station = open(place.path(), config(backend.url())).await;
    opens(&station).await;
    ahead.store(6 * 3600, Ordering::Relaxed);
    closes(&station, OutOfService::Clock).await;
    ahead.store(0, Ordering::Relaxed);
    opens(&station).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_and_too_old_records_close_until_they_are_gone() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(Arc::default()).await;
    let setup = Config {
        most_waiting: 2,
        oldest_waiting_days: 7,
        ..config(backend.url())
    };
    let station = open(place.path(), setup).await;
    opens(&station).await;
    backend.stop().await;
    let now = Timestamp::now();
    let keep = async |new: NewRecord, at: Timestamp| {
        station
            .with_records(move |store| store.submit(&new, at))
            .await
            .unwrap();
    };
    keep(waiting_since(1, now), now).await;
    keep(waiting_since(2, now), now).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        matches!(station.view().page, Page::Welcome { .. }),
        "two may wait"
    );
    keep(waiting_since(3, now), now).await;
    closes(&station, OutOfService::Backlog).await;
    // Staff take them out of the outbox, here as a refusal would.
    let gone = |n: u8, at: Timestamp| {
        let id = RecordId::from_parts(at, [n; 10]);
        station.with_records(move |store| {
            let _ = store.begin_attempt(id, Timestamp::now());
            let refused = records::AttemptResult::Refused {
                reason: records::PersonReason::Refused,
                why: "a person looks".into(),
            };
            store.finish_attempt(id, refused, Timestamp::now())
        })
    };
    for n in 1..=3 {
        gone(n, now).await.unwrap();
    }
    opens(&station).await;
    let last_week = now - SignedDuration::from_hours(8 * 24);
    keep(waiting_since(4, last_week), last_week).await;
    closes(&station, OutOfService::Backlog).await;
    gone(4, last_week).await.unwrap();
    opens(&station).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_slips_in_before_the_station_has_looked_at_itself() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(Arc::default()).await;
    let nobody: Darkroom = Arc::new(|_| Err(Vec::new().into()));
    let options = |activation: Option<&str>, most_waiting: u32| Options {
        data: place.path().to_path_buf(),
        config: Config {
            most_waiting,
            ..config(backend.url())
        },
        key_in_file: true,
        eyes: None,
        activation: activation.map(str::to_owned),
        rehearsal: None,
    };
    let touched = async |options: Options, why: OutOfService| {
        let station = Station::open_with(options, Some(Arc::clone(&nobody)))
            .await
            .unwrap();
        for _ in 0..50 {
            station.act(Action::Start);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let page = station.view().page;
        assert!(
            matches!(page, Page::OutOfService { reason, .. } if reason == why),
            "{page:?}"
        );
        station
    };
    touched(options(None, 100), OutOfService::NotEnrolled).await;
    let station = open(place.path(), config(backend.url())).await;
    opens(&station).await;
    one_waits(&station).await;
    drop(station);
    tokio::time::sleep(Duration::from_millis(500)).await;
    touched(options(None, 0), OutOfService::Backlog).await;
}

/// A record that waits: it is due in ten minutes.
async fn one_waits(station: &Station) {
    let later = Timestamp::now() + SignedDuration::from_mins(10);
    let new = waiting_since(9, later);
    station
        .with_records(move |store| store.submit(&new, later))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_nobody_confirms_any_more_closes_until_the_backend_is_heard() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(Arc::default()).await;
    let station = open(place.path(), config(backend.url())).await;
    opens(&station).await;
    let told = Timestamp::now() - SignedDuration::from_hours(15 * 24);
    station
        .with_records(move |store| store.set_setting("profile.at", Some(&told.to_string())))
        .await
        .unwrap();
    closes(&station, OutOfService::Profile).await;
    drop(station);
    // The next start asks for the profile at once.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let station = open(place.path(), config(backend.url())).await;
    opens(&station).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_backs_itself_up_and_comes_back_from_it() {
    let place = tempfile::tempdir().unwrap();
    let (data, vault) = (place.path().join("data"), place.path().join("vault"));
    let backend = backend(Arc::default()).await;
    let station = open(&data, config(backend.url())).await;
    let now = Timestamp::now();
    let new = waiting_since(1, now);
    station
        .with_records(move |store| store.submit(&new, now))
        .await
        .unwrap();
    drop(station);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let with_backups = Config {
        backup_folder: vault.to_str().unwrap().to_owned(),
        ..config(backend.url())
    };
    let station = open(&data, with_backups.clone()).await;
    let mut made = None;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        made = std::fs::read_dir(&vault)
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|entry| {
                let path = entry.path();
                (path.extension()? == "backup").then_some(path)
            });
        if made.is_some() {
            break;
        }
    }
    let made = made.expect("a first backup");
    let findings = station.doctor().await;
    let backup = findings.iter().find(|f| f.subject == "backup").unwrap();
    assert_eq!(backup.state, station::staff::FindingState::Fine, "{backup:?}");
    drop(station);
    tokio::time::sleep(Duration::from_millis(500)).await;

    // The disk loses the database.
    for part in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("{}{part}", records::FILE_NAME)));
    }
    let options = Options {
        data: data.clone(),
        config: with_backups.clone(),
        key_in_file: true,
        eyes: None,
        activation: None,
        rehearsal: None,
    };
    let error = Station::open(options)
        .await
        .err()
        .expect("no silent new beginning");
    assert!(error.to_string().contains("queue restore"), "{error}");
    let restored = station::restore(&data, &made, now).unwrap();
    assert_eq!(restored.records, 1);
    // Enrolled as before, with the same key, and the record still to be sent.
    let station = open(&data, with_backups).await;
    opens(&station).await;
    let report = station
        .with_records(|store| store.verify(Depth::Full))
        .await
        .unwrap();
    assert!(report.is_clean() && report.records == 1, "{report:?}");
}

/// Wrong PINs cost waits that no new start takes away, and a guess is counted before it is checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_the_staff_pin_is_slow_however_often_the_program_is_started() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(Arc::default()).await;
    let station = open(place.path(), config(backend.url())).await;
    let login = async |station: &Station, pin: &str| station.staff_login(pin.into()).await.unwrap();
    assert_eq!(login(&station, "246810").await, Login::NoPin);
    station
        .with_records(|store| station::desk::set_staff_pin(store, "246810"))
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(login(&station, "111111").await, Login::Wrong);
    }
    assert_eq!(
        login(&station, "246810").await,
        Login::Open,
        "two mistakes are nothing"
    );
    for _ in 0..3 {
        assert_eq!(login(&station, "111111").await, Login::Wrong);
    }
    assert!(matches!(login(&station, "246810").await, Login::Locked(_)));
    drop(station);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let station = open(place.path(), config(backend.url())).await;
    let Login::Locked(left) = login(&station, "246810").await else {
        panic!("a new start is no way around the wait");
    };
    assert!(left > Duration::from_secs(20), "{left:?}");

    // A hash that takes long to check: the guess stands in the records before its outcome is known.
    drop(station);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (mut store, _) = station::open_store(place.path(), true).unwrap();
    station::desk::set_staff_pin(&mut store, "246810").unwrap();
    let slow = argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        argon2::Params::new(64 << 10, 24, 1, None).unwrap(),
    );
    let salt = argon2::password_hash::SaltString::from_b64("c29tZXNhbHRzb21lc2FsdA").unwrap();
    let hash = argon2::PasswordHasher::hash_password(&slow, b"246810", &salt).unwrap();
    store.set_setting("staff-pin", Some(&hash.to_string())).unwrap();
    drop(store);
    let station = open(place.path(), config(backend.url())).await;
    let guess = tokio::spawn({
        let station = station.clone();
        async move { station.staff_login("246810".into()).await }
    });
    let mut counted = None;
    while counted.is_none() && !guess.is_finished() {
        counted = station
            .with_records(|store| store.setting("staff-pin.wrong"))
            .await
            .unwrap();
    }
    assert_eq!(counted.as_deref(), Some("1"), "counted while it is checked");
    assert_eq!(guess.await.unwrap().unwrap(), Login::Open);
    let counted = station
        .with_records(|store| store.setting("staff-pin.wrong"))
        .await;
    assert_eq!(counted.unwrap(), None);
}

/// A disk of eight megabytes, where this may be; see `records/tests/disk.rs`.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_closes_before_a_photo_is_lost_and_room_opens_again() {
    struct Mounted(tempfile::TempDir);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount")
                .arg("-l")
                .arg(self.0.path())
                .status();
        }
    }
    let place = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(place.path())
        .output()
        .is_ok_and(|done| done.status.success());
    if !mounted {
        eprintln!("left out: this user may not mount a small disk");
        return;
    }
    let disk = Mounted(place);
    let data = disk.0.path().join("data");
    let backend = backend(Arc::default()).await;
    let setup = Config {
        least_free_mb: 2,
        ..config(backend.url())
    };
    let station = open(&data, setup).await;
    opens(&station).await;
    let filler = disk.0.path().join("filler");
    let free = fs4::available_space(disk.0.path()).unwrap();
    std::fs::write(&filler, vec![0; usize::try_from(free - (1 << 20)).unwrap()]).unwrap();
    closes(&station, OutOfService::Storage).await;
    // There is still room for a visit that was under way.
    let now = Timestamp::now();
    let late = waiting_since(1, now);
    station
        .with_records(move |store| store.submit(&late, now))
        .await
        .unwrap();
    std::fs::remove_file(&filler).unwrap();
    opens(&station).await;

    // Full to the last byte at once: the trial write tells, and what is kept stays kept.
    let free = fs4::available_space(disk.0.path()).unwrap();
    std::fs::write(&filler, vec![0; usize::try_from(free).unwrap()]).unwrap();
    closes(&station, OutOfService::Storage).await;
    let report = station
        .with_records(|store| store.verify(Depth::Full))
        .await
        .unwrap();
    assert!(report.is_clean() && report.records == 1, "{report:?}");
    std::fs::remove_file(&filler).unwrap();
    opens(&station).await;
    drop(station);
    tokio::time::sleep(Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_held_by_another_process_do_not_freeze_the_pages() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(Arc::default()).await;
    let station = open(place.path(), config(backend.url())).await;
    opens(&station).await;
    // Another process writes and does not end.
    let key = std::fs::read_to_string(place.path().join("records.key")).unwrap();
    let other = rusqlite::Connection::open(place.path().join("records.db")).unwrap();
    other
        .execute_batch(&format!("PRAGMA key = \"x'{}'\"; BEGIN IMMEDIATE;", key.trim()))
        .unwrap();
    // Writers wait, and the pages go on: a touch is answered at once.
    let holder = station.clone();
    let writing = tokio::spawn(async move {
        holder
            .with_records(|store| store.set_setting("x", Some("y")))
            .await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    station.act(Action::Start);
    within(
        Duration::from_secs(1),
        &station,
        "the page after the touch",
        |page| !matches!(page, Page::Welcome { .. }),
    )
    .await;
    station.act(Action::Cancel);
    assert!(writing.await.unwrap().is_err(), "it gave up after a while");
    within(Duration::from_secs(45), &station, "the closed page", |page| {
        matches!(
            page,
            Page::OutOfService {
                reason: OutOfService::Storage,
                ..
            }
        )
    })
    .await;
    other.execute_batch("ROLLBACK").unwrap();
    opens(&station).await;
    // And a second station does not begin on the same folder.
    let options = Options {
        data: place.path().to_owned(),
        config: config(backend.url()),
        key_in_file: true,
        eyes: None,
        activation: None,
        rehearsal: None,
    };
    let nobody: Darkroom = Arc::new(|_| Err(Vec::new().into()));
    let second = Station::open_with(options, Some(nobody)).await;
    assert!(matches!(second, Err(station::StationError::NotAlone(_))));
    assert!(matches!(
        station::rotate_key(place.path(), Timestamp::now()),
        Err(station::StationError::NotAlone(_))
    ));
}
