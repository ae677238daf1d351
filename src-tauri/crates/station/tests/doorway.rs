//! What cannot start: the page says why, nothing is changed, and the station opens by itself once it is mended. Real
//! files, real keys, real disks where this user may mount one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "booth/waiting.rs"]
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use records::{Depth, FILE_NAME};
use station::doorway::{Hindrance, Prepare, records_hindrance};
use station::view::{Action, OutOfService, Page};
use station::{Config, Darkroom, Doorway, Options, Station, StationError};
use vendor_backend::{Backend, BackendOptions, Running, demo};
use waiting::waiting_since;

async fn backend() -> Running {
    Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap()
}

fn options(data: &Path, backend: &str) -> Options {
    Options {
        data: data.to_path_buf(),
        config: Config {
            backend: backend.to_owned(),
            profile: "binyu".into(),
            least_free_mb: 0,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: Some(demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    }
}

fn nobody() -> Darkroom {
    Arc::new(|_| Err(Vec::new().into()))
}

/// The door to a station in this folder; a folder that is not there is waited for, never made.
async fn door(data: &Path, backend: &Running) -> Doorway {
    let (data, url) = (data.to_path_buf(), backend.url().to_owned());
    let prepare: Prepare = Arc::new(move || {
        if data.is_dir() {
            Ok(options(&data, &url))
        } else {
            Err(Hindrance::Closed(OutOfService::Missing))
        }
    });
    Doorway::open_with(prepare, Some(nobody())).await.unwrap()
}

/// A folder in which a station has served and kept one photo.
async fn served(data: &Path, backend: &Running) {
    let station = Station::open_with(options(data, backend.url()), Some(nobody()))
        .await
        .unwrap();
    assert!(station.enrolled_within(Duration::from_secs(30)).await);
    station
        .with_records(|store| store.submit(&waiting_since(1, Timestamp::now()), Timestamp::now()))
        .await
        .unwrap();
    drop(station);
    tokio::time::sleep(Duration::from_millis(1500)).await;
}

async fn stands(door: &Doorway, why: OutOfService) {
    let mut views = door.closed_views();
    let shown =
        views.wait_for(|view| matches!(view.page, Page::OutOfService { reason, .. } if reason == why));
    let shown = tokio::time::timeout(Duration::from_secs(20), shown).await;
    assert!(
        shown.is_ok_and(|view| view.is_ok()),
        "waited for {why:?}, there stands {:?}: {}",
        door.view().page,
        door.trouble()
    );
    assert!(door.station().is_none());
    assert!(!door.trouble().is_empty());
    assert!(
        !door.view().support.phone.is_empty() || why == OutOfService::Missing,
        "whom to call"
    );
}

/// It opens by itself and everything is here.
async fn opens_whole(door: &Doorway) {
    let station = tokio::time::timeout(Duration::from_secs(40), door.opened()).await;
    let station = station.unwrap_or_else(|_| panic!("still {:?}: {}", door.view().page, door.trouble()));
    let mut views = station.views();
    let welcome = views.wait_for(|view| matches!(view.page, Page::Welcome { .. }));
    assert!(
        tokio::time::timeout(Duration::from_secs(40), welcome)
            .await
            .is_ok(),
        "{:?}",
        station.view().page
    );
    assert!(matches!(door.view().page, Page::Welcome { .. }));
    let report = station
        .with_records(|store| store.verify(Depth::Full))
        .await
        .unwrap();
    assert!(report.is_clean() && report.records == 1, "{report:?}");
}

/// Every file of the folder but the lock, with its contents.
fn files(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "station.lock"))
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Breaks the folder, sees the page, sees that nothing was changed, mends it, and sees the station open.
async fn broken_and_mended(why: OutOfService, break_it: impl Fn(&Path), mend_it: impl Fn(&Path)) {
    let (place, backend) = (tempfile::tempdir().unwrap(), backend().await);
    let data = place.path().join("data");
    served(&data, &backend).await;
    break_it(&data);
    let before = files(&data);
    let door = door(&data, &backend).await;
    stands(&door, why).await;
    // The doctor's records are in the same state, by the same name.
    let error = station::open_store(&data, true).unwrap_err();
    assert_eq!(records_hindrance(&error), why, "{error}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(
        files(&data) == before,
        "nothing was changed while it stood closed"
    );
    mend_it(&data);
    opens_whole(&door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_key_is_waited_for() {
    let aside = |data: &Path| data.parent().unwrap().join("key");
    broken_and_mended(
        OutOfService::Key,
        |data| std::fs::rename(data.join("records.key"), aside(data)).unwrap(),
        |data| std::fs::rename(aside(data), data.join("records.key")).unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_stations_key_opens_nothing_and_harms_nothing() {
    let aside = |data: &Path| data.parent().unwrap().join("key");
    broken_and_mended(
        OutOfService::Key,
        |data| {
            std::fs::rename(data.join("records.key"), aside(data)).unwrap();
            std::fs::write(data.join("records.key"), "ab".repeat(32)).unwrap();
        },
        |data| std::fs::rename(aside(data), data.join("records.key")).unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_waited_for_and_never_begun_anew() {
    let aside = |data: &Path| data.parent().unwrap().join("database");
    broken_and_mended(
        OutOfService::Missing,
        |data| {
            std::fs::rename(data.join(FILE_NAME), aside(data)).unwrap();
            for part in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(data.join(format!("{FILE_NAME}{part}")));
            }
        },
        |data| std::fs::rename(aside(data), data.join(FILE_NAME)).unwrap(),
    )
    .await;
}

/// The database by its own key, as a newer program would open it.
fn with_database(data: &Path, sql: &str) {
    let key = std::fs::read_to_string(data.join("records.key")).unwrap();
    let db = rusqlite::Connection::open(data.join(FILE_NAME)).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"; {sql}", key.trim()))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_programs_database_is_left_alone_until_it_is_one_this_program_knows() {
    broken_and_mended(
        OutOfService::Newer,
        |data| with_database(data, "PRAGMA user_version = 99;"),
        |data| with_database(data, &format!("PRAGMA user_version = {};", records::NEWEST)),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_kept_as_it_is_and_a_backup_opens_the_station_again() {
    let (place, backend) = (tempfile::tempdir().unwrap(), backend().await);
    let data = place.path().join("data");
    served(&data, &backend).await;
    let mut store = station::open_store(&data, true).unwrap().0;
    let backup = station::night::back_up(&mut store, &place.path().join("vault"), Timestamp::now()).unwrap();
    drop(store);
    let file = data.join(FILE_NAME);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..4096].fill(0x5A);
    std::fs::write(&file, &bytes).unwrap();
    let door = door(&data, &backend).await;
    // A first page that cannot be read and a key that does not fit look the same.
    stands(&door, OutOfService::Key).await;
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "kept as it is");
    station::restore(&data, &backup.path, Timestamp::now()).unwrap();
    opens_whole(&door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_not_there_is_waited_for_and_not_made() {
    let (place, backend) = (tempfile::tempdir().unwrap(), backend().await);
    let (data, aside) = (place.path().join("data"), place.path().join("aside"));
    served(&data, &backend).await;
    std::fs::rename(&data, &aside).unwrap();
    let door = door(&data, &backend).await;
    stands(&door, OutOfService::Missing).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!data.exists(), "nothing is made in its place");
    std::fs::rename(&aside, &data).unwrap();
    opens_whole(&door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_program_in_the_folder_says_so_and_takes_over_when_the_first_ends() {
    let (place, backend) = (tempfile::tempdir().unwrap(), backend().await);
    let data = place.path().join("data");
    served(&data, &backend).await;
    let first = door(&data, &backend).await;
    opens_whole(&first).await;
    // What the first one has under way must not be taken for a crash's leftovers.
    let station = first.station().unwrap();
    let visit = station
        .with_records(|store| store.begin_visit("binyu", Timestamp::now()))
        .await
        .unwrap();
    let second = door(&data, &backend).await;
    stands(&second, OutOfService::InUse).await;
    let error = Station::open_with(options(&data, backend.url()), Some(nobody()))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, StationError::NotAlone(_)), "{error}");
    // Nor by the command line beside it.
    let beside = Station::open(options(&data, backend.url())).await.unwrap();
    drop(beside);
    let under_way = station
        .with_records(move |store| store.visit(visit))
        .await
        .unwrap();
    assert!(under_way.ended_at.is_none(), "{under_way:?}");
    // A backup is not put under a running station.
    let vault = place.path().join("vault");
    let backup = station
        .with_records(move |store| store.backup(&vault, Timestamp::now()))
        .await
        .unwrap();
    assert!(matches!(
        station::restore(&data, &backup.path, Timestamp::now()),
        Err(StationError::NotAlone(_))
    ));
    drop((first, station));
    opens_whole(&second).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_taken_away_while_it_is_open_closes_the_station_until_it_is_back() {
    let (place, backend) = (tempfile::tempdir().unwrap(), backend().await);
    let (data, aside) = (place.path().join("data"), place.path().join("aside"));
    served(&data, &backend).await;
    let door = door(&data, &backend).await;
    opens_whole(&door).await;
    let station = door.station().unwrap();
    std::fs::rename(&data, &aside).unwrap();
    let mut views = station.views();
    let gone = views.wait_for(|view| {
        matches!(
            view.page,
            Page::OutOfService {
                reason: OutOfService::Missing,
                ..
            }
        )
    });
    assert!(tokio::time::timeout(Duration::from_secs(10), gone).await.is_ok());
    station.act(Action::Start);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(matches!(station.view().page, Page::OutOfService { .. }));
    std::fs::rename(&aside, &data).unwrap();
    opens_whole(&door).await;
}

/// A disk of its own, where this user may mount one.
#[cfg(target_os = "linux")]
struct Disk {
    place: tempfile::TempDir,
    device: Option<String>,
}

#[cfg(target_os = "linux")]
impl Disk {
    fn run(program: &str, arguments: &[&str]) -> Option<String> {
        let done = std::process::Command::new(program)
            .args(arguments)
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        done.status.success().then_some(said)
    }

    fn path(&self) -> &str {
        self.place.path().to_str().unwrap()
    }

    fn tmpfs() -> Option<Disk> {
        let disk = Disk {
            place: tempfile::tempdir().unwrap(),
            device: None,
        };
        Disk::run("mount", &["-t", "tmpfs", "-o", "size=32m", "tmpfs", disk.path()])?;
        Some(disk)
    }

    /// ext4 on a loop device, which goes read-only by itself when it finds an error.
    fn ext4(image: &Path) -> Option<Disk> {
        std::fs::File::create(image).unwrap().set_len(64 << 20).unwrap();
        let image = image.to_str().unwrap();
        Disk::run("mkfs.ext4", &["-q", image])?;
        let device = Disk::run("losetup", &["-f", "--show", image])?;
        let disk = Disk {
            place: tempfile::tempdir().unwrap(),
            device: Some(device.clone()),
        };
        Disk::run("blockdev", &["--setrw", &device])?;
        Disk::run("mount", &["-o", "errors=remount-ro", &device, disk.path()])?;
        Some(disk)
    }

    fn remount(&self, how: &str) {
        Disk::run("mount", &["-o", &format!("remount,{how}"), self.path()]).expect("a remount");
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        Disk::run("umount", &["-l", self.path()]);
        if let Some(device) = &self.device {
            Disk::run("losetup", &["-d", device]);
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_read_only_at_the_start_is_waited_for() {
    let Some(disk) = Disk::tmpfs() else {
        eprintln!("left out: this user may not mount a small disk");
        return;
    };
    let backend = backend().await;
    let data = disk.place.path().join("data");
    served(&data, &backend).await;
    disk.remount("ro");
    let door = door(&data, &backend).await;
    stands(&door, OutOfService::Storage).await;
    disk.remount("rw");
    opens_whole(&door).await;
    drop(door);
    tokio::time::sleep(Duration::from_millis(1500)).await;
}

/// The kernel lets nobody remount a disk read-only under an open file by hand; it does so itself when the file system
/// finds an error.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_goes_read_only_under_an_open_database_refuses_visits_and_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::ext4(&place.path().join("image")) else {
        eprintln!("left out: this user may not mount a disk that can fail");
        return;
    };
    let device = disk.device.clone().unwrap();
    let name = device.rsplit('/').next().unwrap();
    let trigger = format!("/sys/fs/ext4/{name}/trigger_fs_error");
    let backend = backend().await;
    let data = disk.place.path().join("data");
    served(&data, &backend).await;
    let door = door(&data, &backend).await;
    opens_whole(&door).await;
    let station = door.station().unwrap();
    if std::fs::write(&trigger, "a test's error").is_err() {
        eprintln!("left out: this kernel has no way to make ext4 fail");
        return;
    }
    let mut views = station.views();
    let closed = views.wait_for(|view| {
        matches!(
            view.page,
            Page::OutOfService {
                reason: OutOfService::Storage,
                ..
            }
        )
    });
    assert!(
        tokio::time::timeout(Duration::from_secs(50), closed)
            .await
            .is_ok()
    );
    station.act(Action::Start);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(matches!(station.view().page, Page::OutOfService { .. }));
    let refused = station
        .with_records(|store| store.submit(&waiting_since(2, Timestamp::now()), Timestamp::now()))
        .await;
    assert!(refused.is_err(), "nothing is called kept that is not");
    drop((door, station, views));
    tokio::time::sleep(Duration::from_secs(2)).await;
    // A person takes the disk out and puts it back; the next start has everything.
    Disk::run("umount", &[disk.path()]).expect("the station has let go of it");
    Disk::run("mount", &[&device, disk.path()]).expect("mounted again");
    let door = self::door(&data, &backend).await;
    opens_whole(&door).await;
    drop(door);
    tokio::time::sleep(Duration::from_millis(1500)).await;
}
