//! The station's memory as the booth uses it: students submit, networks fail, power goes, staff look.

mod booth;

use std::time::Duration;

use booth::{Booth, at, photo, receipt_for, student};
use records::{
    AttemptResult, Change, ChangeOutcome, Depth, Filter, Identity, MaskedIdentity, Payment, PersonReason,
    PhotoKind, RecordId, RecordState, RecordsError, Review, Secret, VisitOutcome,
};

fn failed(why: &str) -> AttemptResult {
    AttemptResult::Failed {
        why: why.to_owned(),
        retry_after: None,
    }
}

fn change(id: RecordId, review: Review, sequence: u64) -> Change {
    let reasons = if review == Review::Rejected {
        vec!["眼睛闭合".to_owned()]
    } else {
        Vec::new()
    };
    Change {
        record_id: id,
        review,
        reasons,
        at: at(500),
        sequence,
    }
}

#[test]
fn a_submitted_photo_is_kept_byte_for_byte_with_everything_that_belongs_to_it() {
    let mut booth = Booth::new();
    let new = student(1);
    let kept = booth.store().submit(&new, at(10)).unwrap();
    assert_eq!(
        (kept.shoot_number.as_str(), kept.state, kept.already),
        ("A001", RecordState::Saved, false)
    );

    booth.restart();
    let store = booth.store();
    assert_eq!(store.photo(new.id, PhotoKind::Original).unwrap(), new.original);
    assert_eq!(store.photo(new.id, PhotoKind::Standard).unwrap(), new.standard);
    assert_eq!(store.report(new.id).unwrap(), new.report);
    let detail = store.show(new.id).unwrap();
    assert_eq!(
        detail.identity,
        new.identity.as_ref().map(|identity| identity.masked.clone())
    );
    assert_eq!(detail.history.len(), 1);
    assert_eq!(
        (detail.history[0].actor.as_str(), detail.history[0].what.as_str()),
        ("student", "submitted")
    );

    let due = store.next_due(at(10), 10).unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].code_text, new.code_text);
    assert_eq!(due[0].proof, new.proof);
    assert_eq!(due[0].academic_record.as_deref(), Some("XJ-1"));
    assert_eq!(due[0].captured_at, new.captured_at);
    assert_eq!(due[0].idempotency_key, new.id.to_string());
}

#[test]
fn a_student_who_touches_submit_twice_keeps_one_record_and_one_number() {
    let mut booth = Booth::new();
    let new = student(1);
    let first = booth.store().submit(&new, at(10)).unwrap();
    let second = booth.store().submit(&new, at(11)).unwrap();
    assert!(second.already);
    assert_eq!(first.shoot_number, second.shoot_number);
    assert_eq!(booth.store().counts().unwrap().saved, 1);
    assert_eq!(booth.store().show(new.id).unwrap().history.len(), 1);

    // The same id with another photo or another code is an error, never an overwrite.
    let mut other_photo = student(1);
    other_photo.standard = photo(99, 900);
    assert!(matches!(
        booth.store().submit(&other_photo, at(12)),
        Err(RecordsError::Conflict(_))
    ));
    let mut other_code = student(1);
    other_code.code_text = Secret::new("CHSI1:somebody-else");
    assert!(matches!(
        booth.store().submit(&other_code, at(12)),
        Err(RecordsError::Conflict(_))
    ));
    assert_eq!(
        booth.store().photo(new.id, PhotoKind::Standard).unwrap(),
        new.standard
    );
}

#[test]
fn shoot_numbers_begin_anew_at_midnight_in_china() {
    let mut booth = Booth::new();
    // 2025-10-09 15:59:50 UTC is ten seconds before midnight in China.
    let evening = booth::moment("2025-10-09T15:59:50Z");
    let numbers: Vec<(String, String)> = [(1, 0), (2, 5), (3, 15), (4, 20)]
        .into_iter()
        .map(|(n, seconds)| {
            let kept = booth
                .store()
                .submit(&student(n), evening + Duration::from_secs(seconds))
                .unwrap();
            (
                booth.store().show(kept.id).unwrap().row.shoot_day,
                kept.shoot_number,
            )
        })
        .collect();
    let expected = [
        ("2025-10-09", "A001"),
        ("2025-10-09", "A002"),
        ("2025-10-10", "A001"),
        ("2025-10-10", "A002"),
    ];
    assert_eq!(
        numbers,
        expected.map(|(day, number)| (day.to_owned(), number.to_owned()))
    );
}

#[test]
fn power_lost_while_sending_leaves_the_record_to_be_sent_again_under_the_same_key() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    let first = booth.store().begin_attempt(new.id, at(1)).unwrap();
    booth.restart();

    assert_eq!(booth.store().recover(at(2)).unwrap(), 1);
    assert_eq!(
        booth.store().recover(at(2)).unwrap(),
        0,
        "recovering twice changes nothing"
    );
    let due = booth.store().next_due(at(2), 10).unwrap();
    assert_eq!(due[0].idempotency_key, first.idempotency_key);
    let second = booth.store().begin_attempt(new.id, at(3)).unwrap();
    assert_eq!(
        (second.number, &second.idempotency_key),
        (2, &first.idempotency_key)
    );

    let state = booth
        .store()
        .finish_attempt(new.id, receipt_for(&new), at(4))
        .unwrap();
    assert_eq!(state, RecordState::Delivered);
    let detail = booth.store().show(new.id).unwrap();
    let outcomes: Vec<_> = detail
        .attempts_made
        .iter()
        .map(|attempt| attempt.outcome.as_deref())
        .collect();
    assert_eq!(outcomes, [Some("unknown"), Some("delivered")]);
    assert!(booth.store().next_due(at(9999), 10).unwrap().is_empty());
    booth.is_clean();
}

#[test]
fn an_attempt_nobody_reported_is_due_again_when_its_lease_is_over() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    booth.store().begin_attempt(new.id, at(1)).unwrap();
    assert!(booth.store().next_due(at(60), 10).unwrap().is_empty());
    assert!(matches!(
        booth.store().begin_attempt(new.id, at(60)),
        Err(RecordsError::AlreadySending(_))
    ));
    let over = at(1) + records::LEASE;
    assert_eq!(booth.store().next_due(over, 10).unwrap().len(), 1);
    assert_eq!(booth.store().begin_attempt(new.id, over).unwrap().number, 2);

    // The first attempt's reply comes after all: it counts.
    assert_eq!(
        booth
            .store()
            .finish_attempt(new.id, receipt_for(&new), at(9000))
            .unwrap(),
        RecordState::Delivered
    );
    // And so does nothing that comes later still.
    let late = booth
        .store()
        .finish_attempt(new.id, failed("timed out"), at(9001))
        .unwrap();
    assert_eq!(late, RecordState::Delivered);
    booth.is_clean();
}

#[test]
fn one_bad_record_never_blocks_the_others_and_the_oldest_goes_first() {
    let mut booth = Booth::new();
    for n in 1..=3 {
        booth.store().submit(&student(n), at(n.into())).unwrap();
    }
    let due = |booth: &mut Booth, now| -> Vec<RecordId> {
        booth
            .store()
            .next_due(at(now), 10)
            .unwrap()
            .iter()
            .map(|out| out.id)
            .collect()
    };
    let ids = due(&mut booth, 10);
    assert_eq!(ids, [student(1).id, student(2).id, student(3).id]);
    for round in 0..4 {
        let now = at(10) + Duration::from_hours(round);
        booth.store().begin_attempt(ids[0], now).unwrap();
        booth
            .store()
            .finish_attempt(ids[0], failed("connection reset"), now)
            .unwrap();
    }
    let then = 10 + 3 * 3600;
    assert_eq!(
        due(&mut booth, then),
        ids[1..],
        "the failing one waits, the others do not"
    );
    let row = booth.store().show(ids[0]).unwrap().row;
    assert_eq!(row.trouble.as_deref(), Some("connection reset"));
    let wait = row.next_try_at.unwrap().duration_since(at(then)).as_secs();
    assert!((8..=16).contains(&wait), "fourth failure: 8 to 16 s, not {wait}");
    assert_eq!(due(&mut booth, then + 16).len(), 3);
}

#[test]
fn a_backend_that_asks_for_a_pause_gets_it_and_one_that_asks_for_a_year_does_not() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    let mut pause = |asked: Duration, now: i64| {
        booth.store().begin_attempt(new.id, at(now)).unwrap();
        let result = AttemptResult::Failed {
            why: "429".into(),
            retry_after: Some(asked),
        };
        booth.store().finish_attempt(new.id, result, at(now)).unwrap();
        booth
            .store()
            .next_try_at()
            .unwrap()
            .unwrap()
            .duration_since(at(now))
            .as_secs()
    };
    assert_eq!(pause(Duration::from_mins(2), 0), 120);
    assert_eq!(pause(Duration::from_hours(365 * 24), 1000), 3600);
}

#[test]
fn a_clock_set_back_by_hours_does_not_strand_the_outbox() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(100_000)).unwrap();
    booth.store().begin_attempt(new.id, at(100_000)).unwrap();
    booth
        .store()
        .finish_attempt(new.id, failed("offline"), at(100_000))
        .unwrap();
    assert_eq!(booth.store().next_due(at(0), 10).unwrap().len(), 1);

    booth.store().begin_attempt(new.id, at(200_000)).unwrap();
    assert_eq!(booth.store().next_due(at(0), 10).unwrap().len(), 1);
    booth.store().begin_attempt(new.id, at(0)).unwrap();
    booth.is_clean();
}

#[test]
fn a_refusal_deletes_nothing_and_waits_for_a_person() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    let first = booth.store().begin_attempt(new.id, at(1)).unwrap();
    let refused = AttemptResult::Refused {
        reason: PersonReason::Identity,
        why: "unknown code".into(),
    };
    let state = booth.store().finish_attempt(new.id, refused, at(2)).unwrap();
    assert_eq!(
        state,
        RecordState::NeedsPerson {
            reason: PersonReason::Identity
        }
    );
    assert!(booth.store().next_due(at(99_999), 10).unwrap().is_empty());
    assert_eq!(
        booth.store().photo(new.id, PhotoKind::Original).unwrap(),
        new.original
    );
    assert_eq!(booth.store().counts().unwrap().needs_person, 1);

    // Staff have cleared it up. The backend may answer the old key with the old refusal, so the key is new.
    assert_eq!(booth.store().retry(new.id, at(100)).unwrap(), RecordState::Saved);
    let again = booth.store().begin_attempt(new.id, at(101)).unwrap();
    assert_ne!(again.idempotency_key, first.idempotency_key);
    booth
        .store()
        .finish_attempt(new.id, receipt_for(&new), at(102))
        .unwrap();
    assert!(matches!(
        booth.store().retry(new.id, at(103)),
        Err(RecordsError::Impossible(_))
    ));
    booth.is_clean();
}

#[test]
fn a_receipt_for_another_photo_never_makes_a_record_delivered() {
    let mut booth = Booth::new();
    let (mine, other) = (student(1), student(2));
    booth.store().submit(&mine, at(0)).unwrap();
    booth.store().begin_attempt(mine.id, at(1)).unwrap();
    let state = booth
        .store()
        .finish_attempt(mine.id, receipt_for(&other), at(2))
        .unwrap();
    assert_eq!(
        state,
        RecordState::NeedsPerson {
            reason: PersonReason::ReceiptMismatch
        }
    );
    assert_eq!(booth.store().receipt(mine.id).unwrap(), None);
    booth.is_clean();
}

#[test]
fn review_outcomes_come_back_once_in_order_and_with_their_reasons() {
    let mut booth = Booth::new();
    let new = student(1);
    let id = new.id;
    booth.deliver(&new, 0);
    let store = booth.store();
    let page = [
        change(id, Review::UnderReview, 10),
        change(id, Review::Rejected, 11),
    ];
    let outcomes = store.apply_changes(&page, "cursor-11", at(600)).unwrap();
    assert_eq!(outcomes[1], ChangeOutcome::Applied(RecordState::Rejected));
    assert_eq!(store.cursor().unwrap().as_deref(), Some("cursor-11"));
    // Told again, and an older one late.
    assert_eq!(
        store.apply_change(&page[1], at(601)).unwrap(),
        ChangeOutcome::Stale
    );
    assert_eq!(
        store.apply_change(&page[0], at(602)).unwrap(),
        ChangeOutcome::Stale
    );
    let detail = store.show(id).unwrap();
    assert_eq!(detail.row.state, RecordState::Rejected);
    assert_eq!(detail.review.unwrap().reasons, ["眼睛闭合"]);
    assert_eq!(detail.history.last().unwrap().detail.as_deref(), Some("眼睛闭合"));
    // A record of another station passes by.
    let foreign = change(student(9).id, Review::Approved, 12);
    assert_eq!(
        store.apply_change(&foreign, at(603)).unwrap(),
        ChangeOutcome::Unknown
    );
    booth.is_clean();
}

#[test]
fn a_review_that_overtakes_the_receipt_shows_nothing_until_the_receipt_is_here() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    booth.store().begin_attempt(new.id, at(1)).unwrap();
    // The reply with the receipt was lost on the way; the backend has the photo and approves it.
    let outcome = booth
        .store()
        .apply_change(&change(new.id, Review::Approved, 5), at(2))
        .unwrap();
    assert_eq!(outcome, ChangeOutcome::Held);
    assert_eq!(
        booth.store().show(new.id).unwrap().row.state,
        RecordState::Sending
    );
    booth.restart();
    booth.store().recover(at(3)).unwrap();
    booth.store().begin_attempt(new.id, at(4)).unwrap();
    assert_eq!(
        booth
            .store()
            .finish_attempt(new.id, receipt_for(&new), at(5))
            .unwrap(),
        RecordState::Approved
    );
    booth.is_clean();
}

#[test]
fn a_student_without_network_is_resolved_later_and_never_rebound() {
    let mut booth = Booth::new();
    let mut new = student(1);
    let identity = new.identity.take().unwrap();
    booth.store().submit(&new, at(0)).unwrap();
    assert!(booth.store().show(new.id).unwrap().row.to_resolve);
    assert_eq!(booth.store().next_due(at(1), 1).unwrap()[0].academic_record, None);

    booth.store().resolve(new.id, &identity, at(2)).unwrap();
    let due = booth.store().next_due(at(3), 1).unwrap();
    assert_eq!(due[0].academic_record.as_deref(), Some("XJ-1"));
    assert!(due[0].identity_token.is_some());
    booth.store().resolve(new.id, &identity, at(4)).unwrap();
    assert_eq!(
        booth.store().show(new.id).unwrap().history.len(),
        2,
        "the same news twice is one row"
    );

    let somebody_else = Identity {
        academic_record: "XJ-2".into(),
        ..identity
    };
    assert!(matches!(
        booth.store().resolve(new.id, &somebody_else, at(5)),
        Err(RecordsError::Conflict(_))
    ));
    booth.is_clean();
}

#[test]
fn a_fee_paid_later_is_noted_once() {
    let mut booth = Booth::new();
    let mut new = student(1);
    new.payment = Payment::PayLater { order: None };
    booth.store().submit(&new, at(0)).unwrap();
    let paid = Payment::Paid { order: "O-7".into() };
    booth.store().set_payment(new.id, &paid, at(1)).unwrap();
    booth.store().set_payment(new.id, &paid, at(2)).unwrap();
    let detail = booth.store().show(new.id).unwrap();
    assert_eq!(detail.payment, paid);
    assert_eq!(detail.history.len(), 2);
    assert_eq!(booth.store().next_due(at(3), 1).unwrap()[0].payment, paid);
}

#[test]
fn staff_find_a_record_by_tag_number_or_the_beginning_of_its_id() {
    let mut booth = Booth::new();
    for n in 1..=20 {
        booth.store().submit(&student(n), at(n.into())).unwrap();
    }
    let refused = AttemptResult::Refused {
        reason: PersonReason::Payment,
        why: "not paid".into(),
    };
    booth
        .store()
        .finish_attempt(student(4).id, refused, at(50))
        .unwrap();
    booth.deliver(&student(5), 60);
    let found = |text: &str| -> Vec<RecordId> {
        let filter = Filter {
            text: Some(text.to_owned()),
            ..Filter::default()
        };
        booth
            .view()
            .list(&filter)
            .unwrap()
            .iter()
            .map(|row| row.id)
            .collect()
    };
    assert_eq!(found(" a007 "), [student(7).id]);
    assert_eq!(found("TAG-07"), [student(7).id]);
    assert_eq!(found("R-0005"), [student(5).id]);
    assert_eq!(found(&student(9).id.to_string().to_uppercase()), [student(9).id]);
    assert_eq!(
        found(&student(9).id.to_string()[..8]).len(),
        20,
        "all of the same minute"
    );
    assert!(found("A").is_empty() && found("R-00").is_empty(), "too short");
    assert!(found("%").is_empty() && found("' OR 1=1 --").is_empty());

    let store = booth.store();
    let states = RecordState::named("needs-person");
    let filter = Filter {
        states,
        ..Filter::default()
    };
    assert_eq!(store.list(&filter).unwrap().len(), 1);
    assert_eq!(store.count(&filter).unwrap(), 1);
    let page = Filter {
        limit: 5,
        offset: 5,
        ..Filter::default()
    };
    let numbers: Vec<String> = store
        .list(&page)
        .unwrap()
        .into_iter()
        .map(|row| row.shoot_number)
        .collect();
    assert_eq!(numbers, ["A015", "A014", "A013", "A012", "A011"]);
    assert_eq!(store.count(&page).unwrap(), 20);
    let oldest = Filter {
        limit: 1,
        oldest_first: true,
        ..Filter::default()
    };
    assert_eq!(store.list(&oldest).unwrap()[0].shoot_number, "A001");
    let counts = store.counts().unwrap();
    assert_eq!((counts.saved, counts.needs_person, counts.delivered), (18, 1, 1));
    assert_eq!((counts.waiting(), counts.oldest_waiting), (18, Some(at(1))));
    assert_eq!(store.find("A007").unwrap(), Some(student(7).id));
    assert!(store.find("A00").is_err() && store.find("Z00").unwrap().is_none());
}

#[test]
fn a_visit_cut_off_by_a_crash_is_closed_at_the_next_start() {
    let mut booth = Booth::new();
    let store = booth.store();
    let done = store.begin_visit("biyezhengzhao", at(0)).unwrap();
    store
        .end_visit(done, VisitOutcome::Submitted, Duration::from_secs(12), at(12))
        .unwrap();
    store
        .end_visit(done, VisitOutcome::Failed, Duration::from_secs(99), at(99))
        .unwrap();
    let cut = store.begin_visit("biyezhengzhao", at(20)).unwrap();
    store.visit_reached(cut, "framing").unwrap();
    let kept = store.begin_visit("biyezhengzhao", at(30)).unwrap();
    let mut new = student(1);
    new.visit = Some(kept);
    store.submit(&new, at(40)).unwrap();
    booth.restart();

    let closed = booth.store().close_interrupted_visits(at(1000)).unwrap();
    assert_eq!(
        closed.iter().map(|visit| visit.id).collect::<Vec<_>>(),
        [cut, kept]
    );
    assert_eq!(closed[0].outcome, Some(VisitOutcome::Interrupted));
    assert_eq!(closed[0].step.as_deref(), Some("framing"));
    assert_eq!(
        closed[1].outcome,
        Some(VisitOutcome::Submitted),
        "its photo was safe before the crash"
    );
    assert!(
        booth
            .store()
            .close_interrupted_visits(at(1001))
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        booth.store().visit_reached(cut, "x"),
        Err(RecordsError::NoSuchVisit)
    ));

    let figures = booth.store().day_figures(1, at(9999)).unwrap();
    assert_eq!(figures.visits, 3);
    assert_eq!(figures.by_outcome[&VisitOutcome::Submitted], 2);
    assert_eq!(
        figures.median_seconds,
        Some(12.0),
        "an unknown length is not counted as one"
    );
    booth.is_clean();
}

#[test]
fn what_is_not_here_is_told_and_not_made_up() {
    let mut booth = Booth::new();
    let nobody = student(1).id;
    assert!(matches!(
        booth.store().show(nobody),
        Err(RecordsError::NotFound(_))
    ));
    assert!(matches!(
        booth.store().photo(nobody, PhotoKind::Standard),
        Err(RecordsError::NotFound(_))
    ));
    assert!(matches!(
        booth.store().report(nobody),
        Err(RecordsError::NotFound(_))
    ));
    assert!(matches!(
        booth.store().begin_attempt(nobody, at(0)),
        Err(RecordsError::NotFound(_))
    ));
    assert!(matches!(
        booth.store().finish_attempt(nobody, failed("x"), at(0)),
        Err(RecordsError::NotFound(_))
    ));
    let mut empty = student(1);
    empty.standard.clear();
    assert!(matches!(
        booth.store().submit(&empty, at(0)),
        Err(RecordsError::BadInput(_))
    ));
    assert!("not-an-id".parse::<RecordId>().is_err());
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    let due = booth.store().next_due(at(0), 1).unwrap();
    let detail = booth.store().show(new.id).unwrap();
    let said = format!("{new:?} {due:?} {detail:?} {:?}", booth.store());
    for secret in ["made-up-code", "8x1X", "王", "4403", "token-of"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    let masked = MaskedIdentity {
        masked_name: "王*明".into(),
        ..new.identity.unwrap().masked
    };
    assert!(!format!("{masked:?}").contains('王'));
}

#[test]
fn a_photo_changed_on_the_disk_is_never_sent_or_shown() {
    let mut booth = Booth::new();
    let new = student(1);
    booth.store().submit(&new, at(0)).unwrap();
    booth.tamper("UPDATE photo SET bytes = zeroblob(900) WHERE kind = 'standard'");
    assert!(matches!(
        booth.store().photo(new.id, PhotoKind::Standard),
        Err(RecordsError::Damaged { .. })
    ));
    assert!(booth.store().photo(new.id, PhotoKind::Original).is_ok());
    let report = booth.store().verify(Depth::Full).unwrap();
    assert_eq!(
        report.faults.iter().map(|fault| fault.code).collect::<Vec<_>>(),
        ["photo"]
    );
}
