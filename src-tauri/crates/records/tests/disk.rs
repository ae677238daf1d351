//! Disks that are full, read-only, half copied or empty: nothing kept is lost, nothing lost is kept quiet.
//!
//! The full and the read-only disk are real ones where this may be: a small `tmpfs`, which takes the right to mount.
//! Where that is missing the tests say so and leave it to SQLite's own bound (`records/src/queue.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod booth;

use std::path::Path;

use booth::{at, receipt_for, student};
use records::{Depth, Key, NewRecord, PhotoKind, RecordsError, Store};

fn key() -> Key {
    Key::from_bytes([9; 32])
}

/// A disk of its own, taken down at the end.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn new(kib: u32) -> Option<SmallDisk> {
        let place = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(place.path())
            .output()
            .is_ok_and(|done| done.status.success());
        if !mounted {
            eprintln!("left out: this user may not mount a small disk");
            return None;
        }
        Some(SmallDisk(place))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        let done = std::process::Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(self.path())
            .status();
        assert!(done.unwrap().success(), "remount,{how}");
    }

    /// Fills the disk up to about so much free space.
    fn fill_up_to(&self, free_kib: u64) {
        let free = fs4::available_space(self.path()).unwrap() / 1024;
        let filler = vec![0x55; usize::try_from(free.saturating_sub(free_kib) * 1024).unwrap()];
        std::fs::write(self.path().join("filler"), filler).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.path()).status();
    }
}

/// Everything submitted is here byte for byte, and the records are sound.
fn all_here(store: &Store, kept: &[NewRecord]) {
    for new in kept {
        assert_eq!(store.photo(new.id, PhotoKind::Original).unwrap(), new.original);
        assert_eq!(store.photo(new.id, PhotoKind::Standard).unwrap(), new.standard);
    }
    let report = store.verify(Depth::Full).unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
    assert_eq!(report.records, kept.len() as u64);
}

/// Whatever the error, it is one that passes when there is room, and is called by its name.
#[cfg(target_os = "linux")]
fn is_full(error: &RecordsError) -> bool {
    let full = match error {
        RecordsError::DiskFull => true,
        RecordsError::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
        _ => false,
    };
    full && !error.to_string().is_empty()
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_all_of_the_old_and_nothing_of_the_new_wherever_it_becomes_full() {
    let Some(disk) = SmallDisk::new(8 * 1024) else {
        return;
    };
    let mut refused = 0;
    let (mut taken, mut set_aside) = (0, 0);
    // From no room at all to room for a whole record with its log, in steps of less than a page's writing.
    for (turn, free_kib) in (0..=300).step_by(7).enumerate() {
        let dir = disk.path().join(free_kib.to_string());
        std::fs::create_dir(&dir).unwrap();
        let mut store = Store::open_in(&dir, &key()).unwrap();
        let mut kept = vec![student(1), student(2)];
        for new in &kept {
            store.submit(new, at(0)).unwrap();
        }
        store.begin_attempt(kept[0].id, at(1)).unwrap();
        let visit = store.begin_visit("binyu", at(1)).unwrap();
        disk.fill_up_to(free_kib);

        // Every other student's photo is written down when it is taken, as far as there is room for it.
        let third = student(3);
        let aside = (turn % 2 == 0).then(|| store.set_aside(visit, &third.original, &third.standard));
        let submitted = match aside {
            Some(Ok(aside)) => {
                set_aside += 1;
                store.submit_set_aside(&third, &aside, at(2))
            }
            Some(Err(error)) => {
                assert!(is_full(&error), "{free_kib} KiB free: {error:?}");
                store.submit(&third, at(2))
            }
            None => store.submit(&third, at(2)),
        };
        match submitted {
            Ok(_) => {
                taken += 1;
                kept.push(third);
            }
            Err(error) => {
                assert!(is_full(&error), "{free_kib} KiB free: {error:?}");
                refused += 1;
            }
        }
        all_here(&store, &kept);
        // A receipt that cannot be written down is asked for again later; it is never half there.
        match store.finish_attempt(kept[0].id, receipt_for(&kept[0]), at(3)) {
            Ok(state) => assert!(state.has_receipt()),
            Err(error) => assert!(is_full(&error), "{free_kib} KiB free: {error:?}"),
        }
        all_here(&store, &kept);
        if let Err(error) = store.purge(at(4), std::time::Duration::from_hours(1)) {
            assert!(is_full(&error), "{free_kib} KiB free: {error:?}");
        }
        if let Err(error) = store.backup(&dir.join("vault"), at(5)) {
            assert!(is_full(&error), "{free_kib} KiB free: {error:?}");
        }
        all_here(&store, &kept);
        drop(store);

        // The power goes, room is made, and everything goes on.
        disk.make_room();
        let mut store = Store::open_in(&dir, &key()).unwrap();
        store.recover(at(6)).unwrap();
        store.close_interrupted_visits(at(6)).unwrap();
        all_here(&store, &kept);
        let fourth = student(4);
        store.submit(&fourth, at(7)).unwrap();
        kept.push(fourth);
        all_here(&store, &kept);
        drop(store);
        std::fs::remove_dir_all(&dir).unwrap();
    }
    assert!(
        refused > 3 && taken > 3 && set_aside > 3,
        "{refused} refused, {taken} taken, {set_aside} written down before"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_became_read_only_is_said_and_serves_again() {
    let Some(disk) = SmallDisk::new(8 * 1024) else {
        return;
    };
    let mut store = Store::open_in(disk.path(), &key()).unwrap();
    let kept = [student(1)];
    store.submit(&kept[0], at(0)).unwrap();
    // A file open for writing keeps a disk from becoming read-only politely; a failing disk does not ask.
    drop(store);
    disk.remount("ro");
    let error = match Store::open_in(disk.path(), &key()) {
        Ok(mut store) => store.submit(&student(2), at(1)).unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, RecordsError::ReadOnly), "{error:?}");
    assert!(!error.is_permanent(), "it may pass");
    disk.remount("rw");
    let mut store = Store::open_in(disk.path(), &key()).unwrap();
    all_here(&store, &kept);
    store.submit(&student(2), at(2)).unwrap();
}

#[test]
fn a_half_copied_database_is_never_taken_for_a_whole_or_a_new_one() {
    let place = tempfile::tempdir().unwrap();
    let mut store = Store::open_in(place.path(), &key()).unwrap();
    let kept: Vec<NewRecord> = (0..8).map(student).collect();
    for new in &kept {
        store.submit(new, at(0)).unwrap();
    }
    drop(store);
    let path = place.path().join(records::FILE_NAME);
    let whole = std::fs::read(&path).unwrap();
    let mut told = 0;
    for part in 0..40 {
        let length = whole.len() * part / 40;
        std::fs::write(&path, &whole[..length]).unwrap();
        let outcome = Store::open_in(place.path(), &key()).and_then(|store| {
            let report = store.verify(Depth::Full)?;
            Ok((report.is_clean(), report.records))
        });
        match outcome {
            Err(
                RecordsError::DatabaseGone { .. }
                | RecordsError::WrongKey { .. }
                | RecordsError::Damaged { .. },
            )
            | Ok((false, _)) => told += 1,
            other => panic!("{length} of {} bytes: {other:?}", whole.len()),
        }
        // What is wrong is not made worse: a copy that was only late is whole again.
        for log in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(place.path().join(format!("{}{log}", records::FILE_NAME)));
        }
    }
    assert_eq!(told, 40);
    std::fs::write(&path, &whole).unwrap();
    all_here(&Store::open_in(place.path(), &key()).unwrap(), &kept);
}

#[test]
fn a_database_that_is_gone_is_not_begun_anew() {
    let place = tempfile::tempdir().unwrap();
    let mut store = Store::open_in(place.path(), &key()).unwrap();
    store.submit(&student(1), at(0)).unwrap();
    drop(store);
    let path = place.path().join(records::FILE_NAME);
    std::fs::remove_file(&path).unwrap();
    for _ in 0..2 {
        let error = Store::open_in(place.path(), &key()).unwrap_err();
        assert!(matches!(error, RecordsError::DatabaseGone { .. }) && error.is_permanent());
        assert!(
            error.to_string().contains("restore"),
            "it says what to do: {error}"
        );
        assert!(!path.exists());
    }
    // A person who means it begins a new one.
    std::fs::remove_file(place.path().join("records.begun")).unwrap();
    assert_eq!(
        Store::open_in(place.path(), &key())
            .unwrap()
            .counts()
            .unwrap()
            .saved,
        0
    );
}

#[test]
fn a_first_start_that_lost_power_begins_again() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join(records::FILE_NAME), b"").unwrap();
    assert!(Store::open_in(place.path(), &key()).is_ok());
}
