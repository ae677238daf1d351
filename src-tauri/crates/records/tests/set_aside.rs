//! Photos written down when they are taken: submitting them moves no bytes, and of those nobody submits nothing is left
//! that anybody could read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: outside a #[test] clippy cannot tell"
)]

mod booth;

use std::time::Duration;

use booth::{Booth, KEY, at, photo, receipt_for, student};
use records::{
    Carry, Depth, FILE_NAME, Key, NewRecord, PhotoKind, RecordsError, SetAside, Store, Taken, VisitId,
    VisitOutcome,
};

/// A student whose original is as large as a camera's.
fn large(n: u8, visit: VisitId) -> NewRecord {
    NewRecord {
        original: [b"ORIGINAL-PICTURE-BYTES".as_slice(), &photo(n, 400_000)].concat(),
        visit: Some(visit),
        ..student(n)
    }
}

fn begin(booth: &mut Booth, seconds: i64) -> VisitId {
    booth.store().begin_visit("biyezhengzhao", at(seconds)).unwrap()
}

fn set_aside(booth: &mut Booth, visit: VisitId, new: &NewRecord) -> SetAside {
    booth
        .store()
        .set_aside(visit, &new.original, &new.standard)
        .unwrap()
}

fn end(booth: &mut Booth, visit: VisitId, outcome: VisitOutcome) {
    let lasted = Duration::from_secs(9);
    booth.store().end_visit(visit, outcome, lasted, at(90)).unwrap();
}

/// The database as whoever has its key sees it.
fn inside(booth: &Booth) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(booth.path()).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", hex::encode(KEY)))
        .unwrap();
    db
}

fn pictures(booth: &Booth) -> Vec<Vec<u8>> {
    let db = inside(booth);
    let mut rows = db.prepare("SELECT sealed FROM picture ORDER BY id").unwrap();
    let found = rows.query_map([], |row| row.get(0)).unwrap();
    found.collect::<rusqlite::Result<_>>().unwrap()
}

fn log_bytes(booth: &Booth) -> u64 {
    let log = booth.dir.path().join(format!("{FILE_NAME}-wal"));
    std::fs::metadata(log).unwrap().len()
}

fn holds_both(store: &Store, new: &NewRecord) {
    assert_eq!(store.photo(new.id, PhotoKind::Original).unwrap(), new.original);
    assert_eq!(store.photo(new.id, PhotoKind::Standard).unwrap(), new.standard);
}

#[test]
fn what_was_set_aside_is_submitted_without_being_written_again_and_is_a_record_like_any_other() {
    let mut booth = Booth::new();
    let visit = begin(&mut booth, 0);
    let new = large(1, visit);
    let chosen = set_aside(&mut booth, visit, &new);
    let before = log_bytes(&booth);
    assert!(before > 400_000, "the photo is in the log: {before}");
    let kept = booth.store().submit_set_aside(&new, &chosen, at(10)).unwrap();
    assert!(!kept.already);
    let written = log_bytes(&booth) - before;
    assert!(
        written < 200_000,
        "a submission writes rows, not photos: {written}"
    );
    assert!(
        booth
            .store()
            .submit_set_aside(&new, &chosen, at(11))
            .unwrap()
            .already,
        "twice is once"
    );
    drop(chosen);
    end(&mut booth, visit, VisitOutcome::Submitted);
    booth.restart();
    holds_both(booth.store(), &new);
    assert_eq!(booth.store().verify(Depth::Full).unwrap().photos, 2);
    booth.is_clean();

    // Backed up, carried elsewhere, delivered, purged: as any record.
    let vault = tempfile::tempdir().unwrap();
    let backup = booth.view().backup(vault.path(), at(20)).unwrap();
    assert_eq!(backup.photos, 2);
    let copy = Store::open_read_only(&backup.path, &Key::from_bytes(KEY)).unwrap();
    holds_both(&copy, &new);
    let ids = booth.view().to_carry(&Carry::Undelivered).unwrap();
    let parcel = booth.view().parcel(ids[0]).unwrap();
    let mut other = Booth::new();
    assert_eq!(
        other.store().take(&parcel, "the library", at(30)).unwrap(),
        Taken::New
    );
    holds_both(other.store(), &new);
    booth.store().begin_attempt(new.id, at(40)).unwrap();
    booth
        .store()
        .finish_attempt(new.id, receipt_for(&new), at(41))
        .unwrap();
    let report = booth.store().purge(at(50), Duration::ZERO).unwrap();
    assert_eq!(report.purged, [new.id]);
    assert!(pictures(&booth).is_empty(), "the bytes went with the photo");
    booth.is_clean();
}

#[test]
fn what_nobody_submitted_can_be_read_by_nobody_and_goes_with_its_visit() {
    for cut_off in [false, true] {
        let mut booth = Booth::new();
        let visit = begin(&mut booth, 0);
        let aside = set_aside(&mut booth, visit, &large(1, visit));
        // The database's key opens the rows, and they say nothing: the only key is in `aside`.
        let rows = pictures(&booth);
        assert_eq!(rows.len(), 2);
        for plain in [b"ORIGINAL-PICTURE-BYTES".as_slice(), b"STANDARD-PICTURE-BYTES"] {
            let readable = rows
                .iter()
                .any(|row| row.windows(plain.len()).any(|part| part == plain));
            assert!(!readable, "{}", String::from_utf8_lossy(plain));
        }
        booth.is_clean();
        if cut_off {
            drop(aside);
            booth.restart();
            booth.store().close_interrupted_visits(at(100)).unwrap();
        } else {
            end(&mut booth, visit, VisitOutcome::Cancelled);
            let late = booth.store().set_aside(visit, b"late", b"late");
            assert!(matches!(late, Err(RecordsError::NoSuchVisit)), "{late:?}");
        }
        assert!(pictures(&booth).is_empty(), "cut off: {cut_off}");
        booth.is_clean();
    }
}

#[test]
fn of_several_shots_the_one_submitted_stays_and_the_others_go() {
    let mut booth = Booth::new();
    let visit = begin(&mut booth, 0);
    let shots: Vec<NewRecord> = (1..=3).map(|n| large(n, visit)).collect();
    let mut aside: Vec<SetAside> = shots
        .iter()
        .map(|shot| set_aside(&mut booth, visit, shot))
        .collect();
    let chosen = aside.remove(1);
    booth
        .store()
        .submit_set_aside(&shots[1], &chosen, at(10))
        .unwrap();
    assert_eq!(
        pictures(&booth).len(),
        6,
        "the student does not wait for the others' deletion"
    );
    // The power fails before the visit's end: the same, at the next start.
    booth.restart();
    booth.store().close_interrupted_visits(at(100)).unwrap();
    assert_eq!(pictures(&booth).len(), 2);
    holds_both(booth.store(), &shots[1]);
    booth.is_clean();
}

#[test]
fn other_photos_than_those_set_aside_are_kept_as_they_were_shown() {
    let mut booth = Booth::new();
    let visit = begin(&mut booth, 0);
    let (first, second) = (large(1, visit), large(2, visit));
    let aside = set_aside(&mut booth, visit, &first);
    // Another shot's bytes, or a standard photo that is another: what the student saw counts.
    booth.store().submit_set_aside(&second, &aside, at(10)).unwrap();
    holds_both(booth.store(), &second);
    let half = NewRecord {
        original: first.original.clone(),
        ..student(3)
    };
    booth.store().submit_set_aside(&half, &aside, at(11)).unwrap();
    holds_both(booth.store(), &half);
    // Gone with its visit, also where the next one took the very same photo.
    end(&mut booth, visit, VisitOutcome::TimedOut);
    let next = begin(&mut booth, 100);
    let again = set_aside(&mut booth, next, &first);
    booth.store().submit_set_aside(&first, &aside, at(12)).unwrap();
    holds_both(booth.store(), &first);
    // Two records of one photo: each has its own.
    let twin = |n: u8| NewRecord {
        original: first.original.clone(),
        standard: first.standard.clone(),
        ..student(n)
    };
    for new in [twin(4), twin(5)] {
        booth.store().submit_set_aside(&new, &again, at(13)).unwrap();
        booth.store().begin_attempt(new.id, at(14)).unwrap();
    }
    let delivered = receipt_for(&twin(4));
    booth
        .store()
        .finish_attempt(twin(4).id, delivered, at(15))
        .unwrap();
    booth.store().purge(at(16), Duration::ZERO).unwrap();
    holds_both(booth.store(), &twin(5));
    end(&mut booth, next, VisitOutcome::Submitted);
    booth.is_clean();
}

#[test]
fn verify_finds_a_picture_that_was_changed_lost_or_left_over() {
    for (harm, code) in [
        ("UPDATE picture SET sealed = zeroblob(length(sealed))", "photo"),
        ("UPDATE photo SET picture_key = zeroblob(32)", "photo"),
        ("UPDATE photo SET picture_key = NULL", "photo"),
        ("DELETE FROM picture", "photo"),
        // Another picture with its own key: it opens, and is not what was submitted.
        (
            "UPDATE picture SET sealed = (SELECT p.sealed FROM picture p JOIN photo f ON f.picture_id = p.id
                 WHERE f.kind = 'standard');
             UPDATE photo SET picture_key = (SELECT picture_key FROM photo WHERE kind = 'standard')",
            "photo",
        ),
        ("DELETE FROM photo WHERE kind = 'original'", "leftover"),
    ] {
        let mut booth = Booth::new();
        let visit = begin(&mut booth, 0);
        let new = large(1, visit);
        let aside = set_aside(&mut booth, visit, &new);
        booth.store().submit_set_aside(&new, &aside, at(10)).unwrap();
        end(&mut booth, visit, VisitOutcome::Submitted);
        booth.is_clean();
        booth.tamper(harm);
        let report = booth.store().verify(Depth::Full).unwrap();
        assert!(
            report.faults.iter().any(|fault| fault.code == code),
            "{harm}: {:#?}",
            report.faults
        );
        let read = booth.store().photo(new.id, PhotoKind::Original);
        assert!(
            read.is_err(),
            "{harm}: nothing but the photo submitted is handed out"
        );
    }
}
