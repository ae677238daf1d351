//! What must hold when things go wrong below the program: power, disks, curious eyes, other hands.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: outside a #[test] clippy cannot tell"
)]

mod booth;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use booth::{Booth, KEY, at, receipt_for, student};
use records::{
    Carry, Change, Depth, FILE_NAME, Filter, Kept, Key, Parcel, PhotoKind, RecordState, RecordsError, Review,
    Store, Taken,
};

fn contains(file: &Path, needle: &[u8]) -> bool {
    std::fs::read(file)
        .unwrap()
        .windows(needle.len())
        .any(|window| window == needle)
}

/// What is on the disk at this moment, as after a power cut: the database and its log, nothing closed.
fn power_cut(booth: &Booth, into: &Path) -> std::path::PathBuf {
    let cut = into.join(FILE_NAME);
    std::fs::copy(booth.path(), &cut).unwrap();
    let log = booth.dir.path().join(format!("{FILE_NAME}-wal"));
    if log.exists() {
        std::fs::copy(log, into.join(format!("{FILE_NAME}-wal"))).unwrap();
    }
    cut
}

#[test]
fn whoever_takes_the_disk_finds_no_code_no_name_no_photo_and_no_key() {
    let mut booth = Booth::new();
    for n in 1..=5 {
        booth.store().submit(&student(n), at(n.into())).unwrap();
    }
    booth
        .store()
        .set_setting("station.key", Some("PRIVATE-KEY-IN-SETTINGS"))
        .unwrap();
    let log = booth.dir.path().join(format!("{FILE_NAME}-wal"));
    assert!(
        std::fs::metadata(&log).unwrap().len() > 100_000,
        "the log holds the photos just written"
    );
    for file in [booth.path(), log] {
        for plain in [
            b"made-up-code".as_slice(),
            "王*明".as_bytes(),
            b"8x1X",
            b"ORIGINAL-PICTURE-BYTES",
            b"STANDARD-PICTURE-BYTES",
            b"REPORT-IN-PLAIN-WORDS",
            b"PRIVATE-KEY-IN-SETTINGS",
            b"TAG-0",
            b"SQLite format",
            b"CREATE TABLE",
            &KEY,
            hex::encode(KEY).as_bytes(),
        ] {
            let found = contains(&file, plain);
            assert!(!found, "{} in {}", String::from_utf8_lossy(plain), file.display());
        }
    }
}

#[test]
fn power_lost_right_after_submit_returns_loses_nothing() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let cut = power_cut(&booth, elsewhere.path());
    let store = Store::open(&cut, &Key::from_bytes(KEY)).unwrap();
    assert_eq!(store.photo(new.id, PhotoKind::Standard).unwrap(), new.standard);
    assert!(store.verify(Depth::Full).unwrap().is_clean());
}

#[test]
fn a_log_torn_anywhere_gives_whole_records_and_never_half_of_one() {
    let mut booth = Booth::new();
    for n in 1..=6 {
        booth.store().submit(&student(n), at(n.into())).unwrap();
        if n % 2 == 0 {
            booth.store().begin_attempt(student(n).id, at(n.into())).unwrap();
        }
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let cut = power_cut(&booth, elsewhere.path());
    let log = elsewhere.path().join(format!("{FILE_NAME}-wal"));
    let (whole_db, whole_log) = (std::fs::read(&cut).unwrap(), std::fs::read(&log).unwrap());
    let mut seen = std::collections::BTreeSet::new();
    // 41 places, the first inside the log's header, most of them in the middle of a page.
    for step in 0..=40 {
        let torn = 7 + (whole_log.len() - 7) * step / 40;
        let _ = std::fs::remove_file(elsewhere.path().join(format!("{FILE_NAME}-shm")));
        std::fs::write(&cut, &whole_db).unwrap();
        std::fs::write(&log, &whole_log[..torn]).unwrap();
        let mut store = Store::open(&cut, &Key::from_bytes(KEY)).unwrap();
        store.recover(at(100)).unwrap();
        let report = store.verify(Depth::Full).unwrap();
        assert!(report.is_clean(), "torn at {torn}: {:#?}", report.faults);
        let kept = store.count(&Filter::default()).unwrap();
        for n in 1..=kept {
            let new = student(n as u8);
            assert_eq!(store.photo(new.id, PhotoKind::Original).unwrap(), new.original);
        }
        seen.insert(kept);
    }
    assert!(
        seen.contains(&6) && seen.len() > 3,
        "the cuts fell between records too: {seen:?}"
    );
}

#[test]
fn staff_read_while_the_booth_writes_and_two_writers_share_one_chain() {
    let mut booth = Booth::new();
    let path = booth.path();
    let key = Key::from_bytes(KEY);
    booth.store().submit(&student(0), at(0)).unwrap();
    let writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let store = Store::open_read_only(&path, &key).unwrap();
                    let mut last = 0;
                    let mut looks = 0;
                    while writing.load(Ordering::Acquire) || looks < 3 {
                        let seen = store.counts().unwrap().saved;
                        assert!(seen >= last, "a record vanished");
                        for row in store.list(&Filter::default()).unwrap() {
                            store.photo(row.id, PhotoKind::Standard).unwrap();
                        }
                        last = seen;
                        looks += 1;
                    }
                    last
                })
            })
            .collect();
        let writers: Vec<_> = [1_u8, 101]
            .into_iter()
            .map(|first| {
                let (path, key) = (&path, &key);
                scope.spawn(move || {
                    let mut store = Store::open(path, key).unwrap();
                    for n in first..first + 20 {
                        store.submit(&student(n), at(n.into())).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        writing.store(false, Ordering::Release);
        for reader in readers {
            assert!(reader.join().unwrap() <= 41);
        }
    });
    let rows = booth.store().list(&Filter::default()).unwrap();
    let numbers: std::collections::HashSet<_> = rows.iter().map(|row| &row.shoot_number).collect();
    assert_eq!((rows.len(), numbers.len()), (41, 41));
    booth.is_clean();
}

#[test]
fn verify_finds_what_somebody_changed_behind_its_back() {
    for (harm, code) in [
        ("UPDATE record SET state = 'delivered'", "outbox"),
        ("UPDATE record SET state = 'delivered'", "receipt"),
        ("UPDATE record SET state = 'gone'", "state"),
        ("DELETE FROM outbox", "outbox"),
        (
            "UPDATE photo SET bytes = zeroblob(10) WHERE kind = 'original'",
            "photo",
        ),
        ("DELETE FROM photo WHERE kind = 'original'", "photo"),
        ("UPDATE record SET standard_sha256 = 'x'", "photo"),
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 2", "audit-row"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", "audit-row"),
        ("DELETE FROM audit WHERE seq = 1", "audit-row"),
        ("DELETE FROM audit WHERE seq = 3", "audit-chain"),
        ("DELETE FROM audit WHERE seq = 3", "audit-state"),
        ("UPDATE audit SET chain = 'x' WHERE seq = 2", "audit-chain"),
        ("UPDATE record SET attempts = 7", "attempt"),
        ("UPDATE attempt SET ended_at = NULL", "attempt"),
        ("DELETE FROM paper", "receipt"),
    ] {
        let mut booth = Booth::new();
        let new = student(1);
        if code == "receipt" && harm.starts_with("DELETE") {
            booth.deliver(&new, 0);
        } else {
            booth.store().submit(&new, at(0)).unwrap();
            booth.store().begin_attempt(new.id, at(1)).unwrap();
            booth.store().recover(at(2)).unwrap();
        }
        booth.is_clean();
        booth.tamper(harm);
        let report = booth.store().verify(Depth::Full).unwrap();
        assert!(
            report.faults.iter().any(|fault| fault.code == code),
            "{harm}: {:#?}",
            report.faults
        );
    }
}

#[test]
fn a_page_gone_bad_is_found() {
    let mut booth = Booth::new();
    for n in 1..=8 {
        booth.store().submit(&student(n), at(n.into())).unwrap();
    }
    booth.restart();
    let path = booth.path();
    let mut pages = std::fs::read(&path).unwrap();
    let middle = pages.len() / 2 / 4096 * 4096 + 100;
    pages[middle] ^= 0x01;
    let elsewhere = tempfile::tempdir().unwrap();
    let hurt = elsewhere.path().join(FILE_NAME);
    std::fs::write(&hurt, pages).unwrap();
    let store = Store::open(&hurt, &Key::from_bytes(KEY)).unwrap();
    let report = store.verify(Depth::Full).unwrap();
    assert!(
        report.faults.iter().any(|fault| fault.code == "database"),
        "{:#?}",
        report.faults
    );
}

#[test]
fn records_carried_by_hand_arrive_whole_and_twice_is_once() {
    let mut library = Booth::new();
    let mut canteen = Booth::new();
    for n in 1..=3 {
        library.store().submit(&student(n), at(n.into())).unwrap();
    }
    library.store().begin_attempt(student(2).id, at(10)).unwrap();
    library.deliver(&student(4), 11);
    canteen.store().submit(&student(9), at(12)).unwrap();

    let ids = library.view().to_carry(&Carry::Undelivered).unwrap();
    assert_eq!(ids, [student(1).id, student(2).id, student(3).id]);
    let parcels: Vec<Parcel> = ids.iter().map(|id| library.view().parcel(*id).unwrap()).collect();
    library.store().note_exported(&ids, at(20)).unwrap();
    library.is_clean();
    assert_eq!(
        library.store().counts().unwrap().waiting(),
        3,
        "they go on waiting where they are"
    );

    for parcel in &parcels {
        assert_eq!(
            canteen.store().take(parcel, "the library", at(30)).unwrap(),
            Taken::New
        );
    }
    let detail = canteen.store().show(student(2).id).unwrap();
    let told: Vec<&str> = detail.history.iter().map(|row| row.what.as_str()).collect();
    assert_eq!(told, ["submitted", "attempt-begun", "attempt-lost", "imported"]);
    assert_eq!(
        detail.history[3].detail.as_deref(),
        Some("the library"),
        "where it came from is told"
    );
    let due = canteen.store().next_due(at(30), 10).unwrap();
    assert_eq!(due.len(), 4);
    assert!(
        due.iter()
            .any(|out| out.code_text == student(1).code_text && out.idempotency_key == out.id.to_string())
    );
    assert_eq!(
        canteen.view().photo(student(1).id, PhotoKind::Original).unwrap(),
        student(1).original
    );
    canteen.is_clean();

    // A second time, also after the network has delivered one of them: nothing changes.
    canteen.store().begin_attempt(student(1).id, at(31)).unwrap();
    canteen
        .store()
        .finish_attempt(student(1).id, receipt_for(&student(1)), at(32))
        .unwrap();
    let before = canteen.store().counts().unwrap();
    for parcel in &parcels {
        assert_eq!(
            canteen.store().take(parcel, "the library", at(40)).unwrap(),
            Taken::Already
        );
        // And back at the library, its own changes nothing either.
        assert_eq!(
            library.store().take(parcel, "itself", at(41)).unwrap(),
            Taken::Already
        );
    }
    assert_eq!(canteen.store().counts().unwrap(), before);
    assert_eq!(
        canteen.store().show(student(1).id).unwrap().row.state,
        RecordState::Delivered
    );
    canteen.is_clean();
    library.is_clean();

    // What was taken over travels on, with both stations in its history.
    let onwards = canteen.view().parcel(student(3).id).unwrap();
    let mut dormitory = Booth::new();
    assert_eq!(
        dormitory.store().take(&onwards, "the canteen", at(50)).unwrap(),
        Taken::New
    );
    dormitory.is_clean();
    assert_eq!(
        library.store().take(&onwards, "the canteen", at(51)).unwrap(),
        Taken::Already,
        "it is back where it began"
    );
}

#[test]
fn a_record_changed_on_its_way_is_not_taken_in() {
    type Harm = (&'static str, fn(&mut Parcel));
    let harms: [Harm; 13] = [
        ("a value no column takes", |p| {
            p.papers["record"][0]["candidates"] = true.into();
        }),
        ("a photo", |p| p.standard[70] ^= 1),
        ("a photo missing", |p| p.original.clear()),
        ("the state", |p| {
            p.papers["record"][0]["state"] = "approved".into();
        }),
        ("a state nobody knows", |p| {
            p.papers["record"][0]["state"] = "sold".into();
        }),
        ("purged", |p| p.papers["record"][0]["state"] = "purged".into()),
        ("the history", |p| p.history[0].detail = None),
        ("no history", |p| p.history.clear()),
        ("another's history", |p| {
            for row in &mut p.history {
                row.subject = student(2).id.to_string();
            }
        }),
        ("another's papers", |p| {
            p.papers["paper"][0]["record_id"] = student(2).id.to_string().into();
        }),
        ("two records in one", |p| {
            let first = p.papers["record"][0].clone();
            p.papers["record"].as_array_mut().unwrap().push(first);
        }),
        ("a column of another kind", |p| {
            p.papers["record"][0]["consent_at"] = "yesterday".into();
        }),
        ("a column missing", |p| {
            p.papers["record"][0].as_object_mut().unwrap().remove("school");
        }),
    ];
    let mut booth = Booth::new();
    booth.store().submit(&student(1), at(0)).unwrap();
    let whole = booth.view().parcel(student(1).id).unwrap();
    let mut other = Booth::new();
    for (what, harm) in harms {
        let mut parcel = whole.clone();
        harm(&mut parcel);
        let taken = other.store().take(&parcel, "nowhere", at(2)).unwrap();
        assert!(matches!(taken, Taken::Refused(_)), "{what}: {taken:?}");
        assert_eq!(other.store().count(&Filter::default()).unwrap(), 0, "{what}");
    }
    let mut newer = whole.clone();
    newer.papers["form"] = 99.into();
    assert!(matches!(
        other.store().take(&newer, "the future", at(2)),
        Err(RecordsError::Newer { found: 99, .. })
    ));
    other.is_clean();
    assert_eq!(
        other.store().take(&whole, "the booth", at(3)).unwrap(),
        Taken::New
    );
    let again = student(1);
    let mut swapped = whole.clone();
    swapped.standard = again.original;
    swapped.papers["record"][0]["standard_sha256"] = "0".repeat(64).into();
    assert!(matches!(
        other.store().take(&swapped, "a swap", at(4)).unwrap(),
        Taken::Refused(_)
    ));
    other.is_clean();
}

#[test]
fn only_what_is_proven_delivered_and_past_retention_is_deleted_and_its_history_stays() {
    let day = Duration::from_hours(24);
    let mut booth = Booth::new();
    let (waiting, delivered, approved, fresh) = (student(1), student(2), student(3), student(4));
    booth.store().submit(&waiting, at(0)).unwrap();
    booth.deliver(&delivered, 0);
    booth.deliver(&approved, 0);
    let reviewed_at = at(0) + 20 * day;
    let outcome = Change {
        record_id: approved.id,
        review: Review::Approved,
        reasons: Vec::new(),
        at: reviewed_at,
        sequence: 1,
    };
    booth.store().apply_change(&outcome, reviewed_at).unwrap();
    booth.store().submit(&fresh, at(0) + 25 * day).unwrap();
    booth
        .store()
        .finish_attempt(fresh.id, receipt_for(&fresh), at(0) + 25 * day)
        .unwrap();

    let size = |booth: &Booth| std::fs::metadata(booth.path()).unwrap().len();
    let report = booth.store().purge(at(0) + 30 * day, 15 * day).unwrap();
    assert_eq!(
        report.purged,
        [delivered.id],
        "the retention runs from the last word about a photo"
    );
    let before = size(&booth);
    let report = booth.store().purge(at(0) + 36 * day, 15 * day).unwrap();
    assert_eq!(report.purged, [approved.id]);
    assert!(size(&booth) < before, "the space is given back");
    let reviewed: Vec<_> = booth
        .store()
        .show(approved.id)
        .unwrap()
        .history
        .iter()
        .map(|row| row.what.clone())
        .collect();
    assert_eq!(
        reviewed,
        ["submitted", "attempt-begun", "receipt", "approved", "purged"]
    );

    let store = booth.store();
    for kind in [PhotoKind::Original, PhotoKind::Standard] {
        assert!(matches!(
            store.photo(delivered.id, kind),
            Err(RecordsError::Purged(_))
        ));
        assert!(store.photo(waiting.id, kind).is_ok() && store.photo(fresh.id, kind).is_ok());
    }
    assert!(matches!(store.report(delivered.id), Err(RecordsError::Purged(_))));
    let detail = store.show(delivered.id).unwrap();
    assert_eq!((detail.row.state, detail.identity), (RecordState::Purged, None));
    assert!(detail.receipt.is_some() && store.receipt(delivered.id).unwrap().is_some());
    // The same submission told again does not bring it back.
    assert!(store.submit(&delivered, at(0) + 40 * day).unwrap().already);
    let late = Change {
        record_id: delivered.id,
        review: Review::Rejected,
        reasons: vec![],
        at: at(9),
        sequence: 9,
    };
    store.apply_change(&late, at(0) + 41 * day).unwrap();
    assert_eq!(store.show(delivered.id).unwrap().row.state, RecordState::Purged);
    assert!(store.purge(at(0) + 41 * day, 15 * day).unwrap().kept.is_empty());
    booth.is_clean();
}

#[test]
fn a_photo_that_is_not_the_receipted_one_is_not_deleted() {
    let mut booth = Booth::new();
    booth.deliver(&student(1), 0);
    booth.deliver(&student(2), 0);
    let id = student(1).id;
    booth.tamper(&format!(
        "UPDATE photo SET bytes = zeroblob(9) WHERE record_id = '{id}' AND kind = 'standard'"
    ));
    let id = student(2).id;
    booth.tamper(&format!(
        "UPDATE record SET receipt_sha256 = 'x' WHERE id = '{id}'"
    ));
    let report = booth.store().purge(at(99), Duration::ZERO).unwrap();
    assert!(report.purged.is_empty());
    assert_eq!(
        report.kept,
        [
            (student(1).id, Kept::Damaged),
            (student(2).id, Kept::ReceiptMismatch)
        ]
    );
    assert!(booth.store().photo(student(1).id, PhotoKind::Original).is_ok());
}
