//! Backups that are proven, and the way back from each kind of loss.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod booth;

use std::path::{Path, PathBuf};

use booth::{Booth, at, receipt_for, student};
use records::backup::{KEEP, backups, restore};
use records::{Depth, Key, PhotoKind, RecordState, RecordsError, Store};

fn key() -> Key {
    Key::from_bytes([9; 32])
}

/// A station's folder with its database begun, and a folder for backups.
fn station() -> (tempfile::TempDir, PathBuf, PathBuf, Store) {
    let place = tempfile::tempdir().unwrap();
    let (data, vault) = (place.path().join("data"), place.path().join("vault"));
    std::fs::create_dir(&data).unwrap();
    let store = Store::open_in(&data, &key()).unwrap();
    (place, data, vault, store)
}

fn database(data: &Path) -> PathBuf {
    data.join(records::FILE_NAME)
}

fn remove(data: &Path) {
    for part in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("{}{part}", records::FILE_NAME)));
    }
}

#[test]
fn a_lost_database_comes_back_from_its_backup_with_every_photo() {
    let (_place, data, vault, mut store) = station();
    let (first, second) = (student(1), student(2));
    store.submit(&first, at(0)).unwrap();
    store.begin_attempt(first.id, at(1)).unwrap();
    store
        .finish_attempt(first.id, receipt_for(&first), at(2))
        .unwrap();
    store.submit(&second, at(3)).unwrap();
    store.begin_attempt(second.id, at(4)).unwrap();
    let backup = store.backup(&vault, at(5)).unwrap();
    assert_eq!((backup.records, backup.photos, backup.deleted), (2, 4, 0));
    assert_eq!(std::fs::metadata(&backup.path).unwrap().len(), backup.bytes);
    drop(store);
    remove(&data);

    let restored = restore(&data, &backup.path, &key(), at(60)).unwrap();
    assert_eq!((restored.records, restored.moved_aside), (2, None));
    let mut store = Store::open_in(&data, &key()).unwrap();
    assert!(store.verify(Depth::Full).unwrap().is_clean());
    assert_eq!(
        store.photo(first.id, PhotoKind::Original).unwrap(),
        first.original
    );
    assert_eq!(store.show(first.id).unwrap().row.state, RecordState::Delivered);
    // What was on its way waits again, under the same key for the backend.
    assert_eq!(store.recover(at(61)).unwrap(), 1);
    let due = store.next_due(at(62), 10).unwrap();
    assert_eq!(due[0].idempotency_key, second.id.to_string());
    // Numbers given out after the backup are not given out again.
    let number = store.submit(&student(3), at(63)).unwrap().shoot_number;
    assert!(number.starts_with('B'), "{number}");
}

#[test]
fn a_backup_is_as_secret_as_the_database_and_needs_its_key() {
    let (_place, data, vault, mut store) = station();
    store.submit(&student(1), at(0)).unwrap();
    let backup = store.backup(&vault, at(1)).unwrap().path;
    let bytes = std::fs::read(&backup).unwrap();
    for secret in [
        b"CHSI1:made-up".as_slice(),
        b"ORIGINAL-PICTURE",
        b"SQLite format 3",
    ] {
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "a secret stands in the backup");
    }
    drop(store);
    remove(&data);
    let other = Key::from_bytes([8; 32]);
    let error = restore(&data, &backup, &other, at(2)).unwrap_err();
    assert!(matches!(error, RecordsError::WrongKey { .. }));
    assert!(!database(&data).exists(), "nothing was put in place");
    assert!(
        backups(&vault, &other).unwrap().is_empty(),
        "another station's are not ours"
    );
}

#[test]
fn the_booth_works_on_while_it_is_backed_up() {
    let mut booth = Booth::new();
    for n in 0..20 {
        booth.store().submit(&student(n), at(i64::from(n))).unwrap();
    }
    let reader = booth.view().reader().unwrap();
    let vault = tempfile::tempdir().unwrap();
    let folder = vault.path().to_owned();
    let night = std::thread::spawn(move || reader.backup(&folder, at(100)).unwrap());
    for n in 20..40 {
        booth.store().submit(&student(n), at(i64::from(n))).unwrap();
    }
    let backup = night.join().unwrap();
    assert!((20..=40).contains(&backup.records), "{}", backup.records);
    booth.is_clean();
}

#[test]
fn a_week_is_kept_and_what_was_cut_off_is_swept() {
    let (_place, _data, vault, store) = station();
    std::fs::create_dir_all(&vault).unwrap();
    let first = store.backup(&vault, at(0)).unwrap().path;
    let tag = first.file_name().unwrap().to_str().unwrap()[8..16].to_owned();
    // One that lost power hours ago, one that another process writes just now, and a stranger's file.
    let old = vault.join(format!(".records-{tag}-abandoned"));
    let young = vault.join(format!(".records-{tag}-under-way"));
    let theirs = vault.join("records-00000000-20200101T000000000Z.backup");
    for path in [&old, &young, &theirs] {
        std::fs::write(path, b"pages").unwrap();
    }
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(5);
    std::fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(hours_ago)
        .unwrap();
    for day in 1..=9 {
        store.backup(&vault, at(day * 86_400)).unwrap();
    }
    let kept = backups(&vault, &key()).unwrap();
    assert_eq!(kept.len(), KEEP);
    assert!(!kept.contains(&first), "the oldest went first");
    assert!(!old.exists() && young.exists() && theirs.exists());
}

#[test]
fn a_database_with_a_bad_page_makes_no_backup_and_costs_no_older_one() {
    let (_place, data, vault, mut store) = station();
    for n in 0..10 {
        store.submit(&student(n), at(i64::from(n))).unwrap();
    }
    let good = store.backup(&vault, at(50)).unwrap().path;
    drop(store);
    let path = database(&data);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0x5A);
    std::fs::write(&path, bytes).unwrap();

    let store = Store::open_in(&data, &key()).unwrap();
    assert!(
        store.backup(&vault, at(60)).is_err(),
        "a bad page is not backed up as if it were sound"
    );
    drop(store);
    assert_eq!(backups(&vault, &key()).unwrap(), vec![good.clone()]);

    // The way back keeps the damaged file: it may hold what came after the backup.
    let restored = restore(&data, &good, &key(), at(70)).unwrap();
    let aside = restored.moved_aside.expect("the damaged database");
    assert_eq!(
        std::fs::metadata(&aside).unwrap().len(),
        std::fs::metadata(&path).unwrap().len()
    );
    let store = Store::open_in(&data, &key()).unwrap();
    assert!(store.verify(Depth::Full).unwrap().is_clean());
    assert_eq!(store.counts().unwrap().saved, 10);
}

#[test]
fn a_sound_database_is_not_replaced_and_a_damaged_backup_replaces_nothing() {
    let (_place, data, vault, mut store) = station();
    store.submit(&student(1), at(0)).unwrap();
    let backup = store.backup(&vault, at(1)).unwrap().path;
    store.submit(&student(2), at(2)).unwrap();
    let error = restore(&data, &backup, &key(), at(3)).unwrap_err();
    assert!(matches!(error, RecordsError::BadInput(_)), "{error}");
    assert_eq!(store.counts().unwrap().saved, 2);
    drop(store);

    remove(&data);
    let bytes = std::fs::read(&backup).unwrap();
    let half = vault.join("half");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    assert!(restore(&data, &half, &key(), at(4)).is_err());
    let mut spoiled = bytes;
    let at_end = spoiled.len() - 3000;
    spoiled[at_end] ^= 1;
    let one_bit = vault.join("one-bit");
    std::fs::write(&one_bit, spoiled).unwrap();
    assert!(restore(&data, &one_bit, &key(), at(4)).is_err());
    // Sound pages, and a photo in them that is not the one that was submitted.
    let mut tampered = Booth::new();
    tampered.store().submit(&student(1), at(0)).unwrap();
    tampered.tamper("UPDATE photo SET bytes = zeroblob(10) WHERE kind = 'standard'");
    tampered.restart();
    let error = restore(&data, &tampered.path(), &Key::from_bytes(booth::KEY), at(4)).unwrap_err();
    assert!(error.to_string().contains("does not verify"), "{error}");
    assert!(!database(&data).exists(), "nothing was put in place");
}
