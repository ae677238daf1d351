//! What a student asks to be deleted is deleted, and that it was done stays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod booth;

use booth::{Booth, at, receipt_for, student};
use records::{AttemptResult, Carry, Depth, Filter, PhotoKind, RecordState, RecordsError};

/// Nothing of the student is left in the database's rows.
fn nothing_left(booth: &mut Booth, n: u8) {
    let new = student(n);
    for kind in [PhotoKind::Original, PhotoKind::Standard] {
        let error = booth.store().photo(new.id, kind).unwrap_err();
        assert!(matches!(error, RecordsError::Purged(_)), "{error:?}");
    }
    assert!(matches!(
        booth.store().report(new.id),
        Err(RecordsError::Purged(_))
    ));
    let detail = booth.store().show(new.id).unwrap();
    assert!(detail.identity.is_none());
    let trace = detail.history.last().unwrap();
    assert_eq!(
        (trace.actor.as_str(), trace.what.as_str(), trace.detail.as_deref()),
        ("student", "deleted-on-request", Some("ticket 17"))
    );
    assert!(booth.store().next_due(at(1_000_000), 10).unwrap().is_empty());
    booth.is_clean();
}

#[test]
fn a_delivered_photo_is_deleted_and_the_receipt_says_who_else_has_it() {
    let mut booth = Booth::new();
    booth.deliver(&student(1), 0);
    let id = student(1).id;
    let done = booth.store().forget(id, " ticket 17 ", false, at(5)).unwrap();
    assert_eq!(done.state, RecordState::Purged);
    assert_eq!(done.receipt.as_deref(), Some("R-0001"));
    nothing_left(&mut booth, 1);
    // Twice is once.
    let again = booth.store().forget(id, "ticket 18", false, at(6)).unwrap();
    assert!(again.already && again.state == RecordState::Purged);
    nothing_left(&mut booth, 1);
}

#[test]
fn what_has_no_receipt_is_deleted_only_when_that_is_said() {
    let mut booth = Booth::new();
    let id = student(1).id;
    booth.store().submit(&student(1), at(0)).unwrap();
    for (reason, said) in [("ticket 17", false), ("", true), ("  ", true)] {
        let error = booth.store().forget(id, reason, said, at(1)).unwrap_err();
        assert!(matches!(error, RecordsError::BadInput(_)), "{error:?}");
    }
    assert_eq!(
        booth.store().photo(id, PhotoKind::Standard).unwrap(),
        student(1).standard
    );
    let done = booth.store().forget(id, "ticket 17", true, at(2)).unwrap();
    assert_eq!(
        (done.state, done.attempts, done.receipt),
        (RecordState::Withdrawn, 0, None)
    );
    nothing_left(&mut booth, 1);
    assert!(matches!(
        booth.store().retry(id, at(3)),
        Err(RecordsError::Impossible(_))
    ));
    let carried = booth.view().to_carry(&Carry::Undelivered).unwrap();
    assert!(carried.is_empty(), "what is gone is not carried");
    let counted = booth.store().counts().unwrap();
    assert_eq!((counted.withdrawn, counted.waiting()), (1, 0));
    let named = Filter {
        states: RecordState::named("withdrawn"),
        ..Filter::default()
    };
    assert_eq!(booth.store().list(&named).unwrap().len(), 1);
}

#[test]
fn a_photo_on_its_way_is_not_deleted_under_the_attempt_and_a_late_receipt_is_kept() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    booth.store().begin_attempt(new.id, at(1)).unwrap();
    assert!(matches!(
        booth.store().forget(new.id, "ticket 17", true, at(2)),
        Err(RecordsError::Impossible(_))
    ));
    let failed = AttemptResult::Failed {
        why: "no answer".into(),
        retry_after: None,
    };
    booth.store().finish_attempt(new.id, failed, at(3)).unwrap();
    let done = booth.store().forget(new.id, "ticket 17", true, at(4)).unwrap();
    assert_eq!((done.state, done.attempts), (RecordState::Withdrawn, 1));
    nothing_left(&mut booth, 1);
    // The attempt had arrived after all: the receipt says that the vendor must be asked.
    let state = booth
        .store()
        .finish_attempt(new.id, receipt_for(&new), at(5))
        .unwrap();
    assert_eq!(state, RecordState::Purged);
    assert!(booth.store().receipt(new.id).unwrap().is_some());
    booth.is_clean();
    assert!(booth.store().verify(Depth::Full).unwrap().is_clean());
}
