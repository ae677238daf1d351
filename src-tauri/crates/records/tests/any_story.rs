//! Whatever the order of touches, replies, crashes and clocks: no photo is lost, none is shown delivered
//! without its receipt, and everything agrees.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: outside a #[test] clippy cannot tell"
)]

mod booth;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use booth::{Booth, at, receipt_for, student};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use records::{
    AttemptResult, Change, PersonReason, PhotoKind, RecordState, RecordsError, Review, VisitOutcome,
};

#[derive(Debug, Clone)]
enum Step {
    Submit(u8),
    /// A visit takes the photo that is submitted by the next [`Step::Submit`] of this student.
    SetAside(u8),
    /// Every visit ends; a submission that comes after it all the same finds nothing set aside.
    EndVisits,
    Begin(u8),
    Receipt(u8),
    ReceiptOf(u8, u8),
    Fail(u8),
    Refuse(u8),
    Review(u8, Review, u64),
    Retry(u8),
    Crash,
    Purge,
    /// Seconds, also backwards.
    Clock(i32),
}

fn steps() -> impl Strategy<Value = Step> {
    let who = 1..4_u8;
    let reviews = prop::sample::select(vec![Review::UnderReview, Review::Approved, Review::Rejected]);
    prop_oneof![
        4 => who.clone().prop_map(Step::Submit),
        3 => who.clone().prop_map(Step::SetAside),
        1 => Just(Step::EndVisits),
        6 => who.clone().prop_map(Step::Begin),
        3 => who.clone().prop_map(Step::Receipt),
        1 => (who.clone(), who.clone()).prop_map(|(a, b)| Step::ReceiptOf(a, b)),
        3 => who.clone().prop_map(Step::Fail),
        1 => who.clone().prop_map(Step::Refuse),
        3 => (who.clone(), reviews, 0..20_u64).prop_map(|(n, review, seq)| Step::Review(n, review, seq)),
        2 => who.prop_map(Step::Retry),
        2 => Just(Step::Crash),
        1 => Just(Step::Purge),
        2 => (-50_000..50_000_i32).prop_map(Step::Clock),
    ]
}

/// A step may be refused by the rules; nothing else may go wrong.
fn allowed<T>(result: Result<T, RecordsError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(
            RecordsError::NotFound(_)
            | RecordsError::Impossible(_)
            | RecordsError::AlreadySending(_)
            | RecordsError::Purged(_),
        ) => None,
        Err(error) => panic!("{error:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        max_shrink_iters: 400,
        // A failing story is kept beside this file and told again at every run.
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_story_loses_or_invents_a_delivery(story in prop::collection::vec(steps(), 1..60)) {
        let mut booth = Booth::new();
        let mut submitted = HashSet::new();
        let mut receipted = HashSet::new();
        let mut keys: HashMap<u8, (String, bool)> = HashMap::new();
        let (mut visits, mut aside) = (Vec::new(), HashMap::new());
        let mut clock = 0_i64;
        for step in story {
            clock += 1;
            let now = at(clock);
            let store = booth.store();
            match step {
                Step::Submit(n) => {
                    let kept = match aside.remove(&n) {
                        Some(aside) => store.submit_set_aside(&student(n), &aside, now),
                        None => store.submit(&student(n), now),
                    }
                    .unwrap();
                    prop_assert_eq!(kept.already, !submitted.insert(n));
                }
                Step::SetAside(n) => {
                    let visit = store.begin_visit("binyu", now).unwrap();
                    let new = student(n);
                    aside.insert(n, store.set_aside(visit, &new.original, &new.standard).unwrap());
                    visits.push(visit);
                }
                Step::EndVisits => {
                    for visit in visits.drain(..) {
                        store.end_visit(visit, VisitOutcome::Submitted, Duration::from_secs(9), now).unwrap();
                    }
                }
                Step::Begin(n) => {
                    if let Some(attempt) = allowed(store.begin_attempt(student(n).id, now)) {
                        // The key changes only after a person stepped in.
                        if let Some((key, may_change)) = keys.get(&n) {
                            prop_assert!(*key == attempt.idempotency_key || *may_change);
                        }
                        keys.insert(n, (attempt.idempotency_key, false));
                    }
                }
                Step::Receipt(n) => {
                    if allowed(store.finish_attempt(student(n).id, receipt_for(&student(n)), now)).is_some() {
                        receipted.insert(n);
                    }
                }
                Step::ReceiptOf(n, other) => {
                    let result = store.finish_attempt(student(n).id, receipt_for(&student(other)), now);
                    if allowed(result).is_some() && n == other {
                        receipted.insert(n);
                    }
                }
                Step::Fail(n) => {
                    let result = AttemptResult::Failed { why: "reset".into(), retry_after: None };
                    allowed(store.finish_attempt(student(n).id, result, now));
                }
                Step::Refuse(n) => {
                    let result = AttemptResult::Refused { reason: PersonReason::Refused, why: "422".into() };
                    allowed(store.finish_attempt(student(n).id, result, now));
                }
                Step::Review(n, review, sequence) => {
                    let change =
                        Change { record_id: student(n).id, review, reasons: Vec::new(), at: now, sequence };
                    store.apply_change(&change, now).unwrap();
                }
                Step::Retry(n) => {
                    if allowed(store.retry(student(n).id, now)).is_some()
                        && let Some((_, may_change)) = keys.get_mut(&n)
                    {
                        *may_change = true;
                    }
                }
                Step::Crash => {
                    booth.restart();
                    booth.store().recover(now).unwrap();
                    booth.store().close_interrupted_visits(now).unwrap();
                    aside.clear();
                    visits.clear();
                }
                Step::Purge => {
                    store.purge(now, Duration::from_hours(6)).unwrap();
                }
                Step::Clock(seconds) => clock += i64::from(seconds),
            }
        }

        let store = booth.store();
        for n in &submitted {
            let new = student(*n);
            let state = store.show(new.id).unwrap().row.state;
            prop_assert_eq!(state.has_receipt(), receipted.contains(n), "student {} is {}", n, state);
            if state == RecordState::Purged {
                prop_assert!(matches!(store.photo(new.id, PhotoKind::Standard), Err(RecordsError::Purged(_))));
            } else {
                prop_assert_eq!(store.photo(new.id, PhotoKind::Original).unwrap(), new.original);
                prop_assert_eq!(store.photo(new.id, PhotoKind::Standard).unwrap(), new.standard);
            }
        }
        // Whatever waits is due now or soon, wherever the clock was moved to; nothing is stranded.
        let now = at(clock);
        let due: HashSet<_> = [now, now + Duration::from_hours(2)]
            .into_iter()
            .flat_map(|moment| store.next_due(moment, 10).unwrap())
            .map(|outgoing| outgoing.id)
            .collect();
        prop_assert_eq!(due.len() as u64, store.counts().unwrap().waiting());
        booth.is_clean();
    }
}
