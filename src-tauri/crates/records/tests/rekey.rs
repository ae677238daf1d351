//! Another key for the database: at no moment neither key opens it. Processes are ended at every named point and at
//! any moment of the rewriting, and what comes after finds everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod booth;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use booth::{at, photo, student};
use records::{Depth, Key, NewRecord, PhotoKind, RecordsError, Store, key, rotate_key};

const FOLDER: &str = "PHOTO_STATION_REKEY_FOLDER";
const POINT: &str = "PHOTO_STATION_REKEY_POINT";

/// Records in each database: large enough that the rewriting takes longer than a process needs to start.
const RECORDS: u8 = 12;

fn big(n: u8) -> NewRecord {
    NewRecord {
        original: photo(n, 1_000_000),
        ..student(n)
    }
}

fn filled(dir: &Path) -> Key {
    let (key, _) = key::load_or_create_file(dir).unwrap();
    let mut store = Store::open_in(dir, &key).unwrap();
    for n in 1..=RECORDS {
        store.submit(&big(n), at(n.into())).unwrap();
    }
    key
}

/// Everything is there, whichever key it is.
fn is_whole(dir: &Path, when: &str) -> Key {
    let (key, _) = key::existing(dir).unwrap();
    let store = Store::open_in(dir, &key).unwrap_or_else(|error| panic!("{when}: {error}"));
    let report = store.verify(Depth::Full).unwrap();
    assert!(report.is_clean(), "{when}: {:#?}", report.faults);
    assert_eq!(report.records, u64::from(RECORDS), "{when}");
    assert_eq!(
        store.photo(big(3).id, PhotoKind::Original).unwrap(),
        big(3).original
    );
    key
}

#[test]
fn the_old_key_opens_nothing_any_more_and_the_new_one_everything() {
    let dir = tempfile::tempdir().unwrap();
    let old = filled(dir.path());
    rotate_key(dir.path(), at(100)).unwrap();
    let new = is_whole(dir.path(), "after");
    assert!(new != old);
    assert!(matches!(
        Store::open_in(dir.path(), &old),
        Err(RecordsError::WrongKey { .. })
    ));
    assert!(!dir.path().join("records.key.next").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(dir.path().join("records.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // It works as before, and again.
    let mut store = Store::open_in(dir.path(), &new).unwrap();
    store.begin_attempt(big(1).id, at(101)).unwrap();
    drop(store);
    rotate_key(dir.path(), at(102)).unwrap();
    assert!(is_whole(dir.path(), "a second time") != new);
}

#[test]
fn nobody_else_may_have_the_records_open() {
    let dir = tempfile::tempdir().unwrap();
    let key = filled(dir.path());
    let mut other = Store::open_in(dir.path(), &key).unwrap();
    assert!(matches!(rotate_key(dir.path(), at(100)), Err(RecordsError::Busy)));
    other.begin_attempt(big(1).id, at(101)).unwrap();
    drop(other);
    assert_eq!(is_whole(dir.path(), "refused"), key);
    rotate_key(dir.path(), at(102)).unwrap();
    assert!(is_whole(dir.path(), "then") != key);
}

#[test]
fn a_database_with_a_fault_keeps_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let key = filled(dir.path());
    let path = dir.path().join(records::FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(
        rotate_key(dir.path(), at(100)),
        Err(RecordsError::Damaged { .. })
    ));
    assert_eq!(key::existing(dir.path()).unwrap().0, key);
    assert!(!dir.path().join("records.key.next").exists());
}

/// A process that changes the key and, at a named point, ends as hard as a process can.
fn change_elsewhere(dir: &Path, point: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "role", "--ignored", "--test-threads=1"])
        .env(FOLDER, dir)
        .env(POINT, point)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a process of the tests beside it"]
fn role() {
    let Some(dir) = std::env::var_os(FOLDER) else {
        return;
    };
    let point = std::env::var(POINT).unwrap();
    if !point.is_empty() {
        fail::cfg_callback(point, || std::process::abort()).unwrap();
    }
    rotate_key(Path::new(&dir), at(100)).unwrap();
}

#[test]
fn ended_at_any_named_point_one_key_opens_everything() {
    for (point, changed) in [
        ("key.written", false),
        ("rekey.prepared", false),
        ("rekey.rewritten", true),
        ("rekey.verified", true),
        ("rekey.promoted", true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let old = filled(dir.path());
        let status = change_elsewhere(dir.path(), point).wait().unwrap();
        assert!(!status.success(), "{point} is passed");
        let key = is_whole(dir.path(), point);
        assert_eq!(key != old, changed, "{point}");
        assert_eq!(is_whole(dir.path(), point), key, "the same on the next start");
        // And the change can be made, or made again.
        rotate_key(dir.path(), at(200)).unwrap();
        assert!(is_whole(dir.path(), point) != key);
    }
}

#[test]
fn ended_at_any_moment_one_key_opens_everything() {
    // How long a whole change takes here and now.
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let began = Instant::now();
    assert!(change_elsewhere(dir.path(), "").wait().unwrap().success());
    let whole = began.elapsed();

    let (mut kept, mut changed) = (0, 0);
    let mut key = is_whole(dir.path(), "before");
    for step in 0..24_u32 {
        let mut child = change_elsewhere(dir.path(), "");
        std::thread::sleep(
            whole
                .mul_f64(f64::from(step) / 22.0)
                .max(Duration::from_millis(1)),
        );
        let _ = child.kill();
        child.wait().unwrap();
        let now = is_whole(dir.path(), &format!("moment {step} of 24"));
        if now == key {
            kept += 1;
        } else {
            changed += 1;
        }
        key = now;
    }
    assert!(kept > 0, "some were ended before the new key was in force");
    println!("{kept} kept the old key, {changed} had the new one, a change takes {whole:?}");
}
