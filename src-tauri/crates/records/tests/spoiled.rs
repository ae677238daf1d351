//! A disk that spoils a backup while it is being made. By itself, since a named point is set for the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod booth;

use std::io::{Seek, SeekFrom, Write};

use booth::{Booth, at, student};
use records::{Depth, RecordsError};

#[test]
fn a_backup_the_disk_has_spoilt_is_thrown_away_and_the_older_ones_stay() {
    let mut booth = Booth::new();
    for n in 0..10 {
        booth.store().submit(&student(n), at(i64::from(n))).unwrap();
    }
    let vault = tempfile::tempdir().unwrap();
    let good = booth.view().backup(vault.path(), at(100)).unwrap();

    let folder = vault.path().to_owned();
    fail::cfg_callback("backup.copied", move || {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let draft = path.file_name().unwrap().to_str().unwrap().starts_with('.');
            if draft {
                let mut file = std::fs::File::options().write(true).open(&path).unwrap();
                let middle = file.metadata().unwrap().len() / 2;
                file.seek(SeekFrom::Start(middle)).unwrap();
                file.write_all(b"spoilt").unwrap();
            }
        }
    })
    .unwrap();
    let error = booth.view().backup(vault.path(), at(200)).unwrap_err();
    assert!(matches!(error, RecordsError::Damaged { .. }), "{error:?}");
    fail::remove("backup.copied");
    let left: Vec<_> = std::fs::read_dir(vault.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(
        left,
        vec![good.path],
        "the spoilt one is gone, the good one stays"
    );
    assert!(booth.view().verify(Depth::Full).unwrap().is_clean());
    booth.view().backup(vault.path(), at(300)).unwrap();
}
