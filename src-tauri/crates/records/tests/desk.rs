//! What staff ask the records: the day's figures, whom to call back, what the school gets, lists by time and number.

#![allow(clippy::unwrap_used, reason = "tests: outside a #[test] clippy cannot tell")]

mod booth;

use std::time::Duration;

use booth::{Booth, at, moment, student};
use jiff::Timestamp;
use records::{Change, Filter, NewRecord, Order, RecordId, RecordState, Review, Secret, VisitOutcome};

const DAY: Duration = Duration::from_hours(24);

fn decided(id: RecordId, review: Review, reasons: &[&str], sequence: u64, when: Timestamp) -> Change {
    Change {
        record_id: id,
        review,
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        at: when,
        sequence,
    }
}

fn visit(booth: &mut Booth, began: Timestamp, outcome: VisitOutcome, seconds: u64, step: &str) {
    let store = booth.store();
    let id = store.begin_visit("biyezhengzhao", began).unwrap();
    store.visit_reached(id, step).unwrap();
    let lasted = Duration::from_secs(seconds);
    store.end_visit(id, outcome, lasted, began + lasted).unwrap();
}

#[test]
fn a_day_is_told_by_its_hours_and_what_went_wrong_in_them() {
    let mut booth = Booth::new();
    let nine = moment("2025-10-09T01:00:00Z"); // in China
    for (minutes, seconds) in [(0, 10), (5, 20), (70, 40)] {
        let began = nine + Duration::from_secs(minutes * 60);
        visit(&mut booth, began, VisitOutcome::Submitted, seconds, "last-look");
    }
    visit(&mut booth, nine, VisitOutcome::TimedOut, 60, "framing");
    visit(&mut booth, nine, VisitOutcome::Cancelled, 5, "framing");
    visit(&mut booth, nine, VisitOutcome::NotPossible, 5, "confirm");
    // Yesterday's and tomorrow's belong to other days.
    visit(
        &mut booth,
        moment("2025-10-08T15:59:59Z"),
        VisitOutcome::Submitted,
        900,
        "x",
    );
    visit(
        &mut booth,
        moment("2025-10-09T16:00:00Z"),
        VisitOutcome::Submitted,
        900,
        "x",
    );

    let store = booth.store();
    let id = store.begin_visit("biyezhengzhao", nine).unwrap();
    let refused = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    store
        .note_shot(id, &refused(&["eyes-closed", "tilted"]), nine)
        .unwrap();
    store.note_shot(id, &refused(&["tilted"]), nine).unwrap();
    store.note_shot(id, &[], nine).unwrap();
    for (n, reasons) in [(1, vec!["镜片反光"]), (2, vec!["镜片反光", "头发遮眉"])] {
        let new = student(n);
        booth.deliver(&new, 0);
        let change = decided(new.id, Review::Rejected, &reasons, u64::from(n), nine);
        booth.store().apply_change(&change, nine).unwrap();
    }

    let figures = booth
        .store()
        .day_figures(1, nine + Duration::from_hours(3))
        .unwrap();
    assert_eq!((figures.bars.len(), figures.visits), (24, 7));
    let hours: Vec<(usize, u64, u64)> = figures
        .bars
        .iter()
        .enumerate()
        .filter(|(_, bar)| bar.visits > 0)
        .map(|(hour, bar)| (hour, bar.visits, bar.submitted))
        .collect();
    assert_eq!(hours, [(9, 6, 2), (10, 1, 1)]);
    assert_eq!(figures.bars[9].from, nine);
    assert_eq!(figures.bars[9].median_seconds, Some(10.0));
    assert_eq!(
        (figures.median_seconds, figures.slow_seconds),
        (Some(20.0), Some(40.0))
    );
    assert_eq!((figures.shots, figures.retakes, figures.refused_shots), (3, 2, 2));
    assert_eq!(
        (figures.refusals["tilted"], figures.refusals["eyes-closed"]),
        (2, 1)
    );
    assert_eq!(
        (
            figures.rejected,
            figures.rejections["镜片反光"],
            figures.rejections["头发遮眉"]
        ),
        (2, 2, 1)
    );
    assert_eq!(
        figures.left_at.get("framing"),
        Some(&2),
        "the rules ended the third, not its student"
    );
    assert_eq!(figures.left_at.len(), 1);
    assert_eq!(figures.by_outcome[&VisitOutcome::NotPossible], 1);

    let week = booth.store().day_figures(7, nine).unwrap();
    assert_eq!(
        (week.bars.len(), week.visits),
        (7, 8),
        "tomorrow is not in this week"
    );
    assert_eq!((week.bars[5].visits, week.bars[6].visits), (1, 7));
    booth.is_clean();
}

/// The same academic record, photographed again.
fn again(n: u8, of: u8) -> NewRecord {
    let mut new = student(n);
    if let (Some(identity), Some(first)) = (new.identity.as_mut(), student(of).identity) {
        identity.academic_record = first.academic_record;
    }
    new.code_text = Secret::new(format!("CHSI1:made-up-code-{of}"));
    new
}

#[test]
fn whoever_was_rejected_is_called_back_until_a_new_photo_is_here() {
    let mut booth = Booth::new();
    for n in 1..=3 {
        booth.deliver(&student(n), i64::from(n));
        let change = decided(
            student(n).id,
            Review::Rejected,
            &["眼睛闭合"],
            u64::from(n),
            at(50),
        );
        booth.store().apply_change(&change, at(50)).unwrap();
    }
    let named = |booth: &mut Booth| -> Vec<(String, Option<(String, RecordState)>)> {
        let rows = booth.store().rejected().unwrap();
        rows.into_iter()
            .map(|row| {
                (
                    row.shoot_number,
                    row.came_back.map(|new| (new.shoot_number, new.state)),
                )
            })
            .collect()
    };
    let alone = |number: &str| (number.to_owned(), None);
    assert_eq!(named(&mut booth), [alone("A001"), alone("A002"), alone("A003")]);
    let first = booth.store().rejected().unwrap().remove(0);
    assert_eq!(first.reasons, ["眼睛闭合"]);
    assert_eq!(first.rejected_at, Some(at(50)));
    assert_eq!(
        first.identity.map(|identity| identity.masked_name).as_deref(),
        Some("王*明")
    );

    let second = again(4, 2);
    booth.deliver(&second, 60);
    let back = |number: &str, state| ("A002".to_owned(), Some((number.to_owned(), state)));
    assert_eq!(
        named(&mut booth),
        [alone("A001"), back("A004", RecordState::Delivered), alone("A003")]
    );
    // Rejected once more: the newest photo stands for the academic record.
    let change = decided(second.id, Review::Rejected, &["头部倾斜"], 9, at(70));
    booth.store().apply_change(&change, at(70)).unwrap();
    assert_eq!(named(&mut booth), [alone("A001"), alone("A003"), alone("A004")]);
    let third = again(5, 2);
    booth.deliver(&third, 80);
    let change = decided(third.id, Review::Approved, &[], 10, at(90));
    booth.store().apply_change(&change, at(90)).unwrap();
    let rows = named(&mut booth);
    assert_eq!(
        rows.last(),
        Some(&(
            "A004".to_owned(),
            Some(("A005".to_owned(), RecordState::Approved))
        ))
    );
}

#[test]
fn only_what_was_approved_goes_to_the_school() {
    let mut booth = Booth::new();
    for n in 1..=3 {
        booth.deliver(&student(n), i64::from(n));
    }
    for (n, review) in [(1, Review::Approved), (2, Review::UnderReview)] {
        let change = decided(student(n).id, review, &[], u64::from(n), at(50));
        booth.store().apply_change(&change, at(50)).unwrap();
    }
    let all = booth.store().deliverables().unwrap();
    assert_eq!(all.len(), 1);
    let one = &all[0];
    assert_eq!(
        (
            one.id,
            one.shoot_number.as_str(),
            one.academic_record.as_deref(),
            one.year
        ),
        (student(1).id, "A001", Some("XJ-1"), Some(2026))
    );
    assert_eq!(
        (one.level.as_deref(), one.receipt.as_deref()),
        (Some("本科"), Some("R-0001"))
    );
    let said = format!("{one:?}");
    for secret in ["made-up-code", "8x1X", "王", "4403"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn a_purge_of_some_takes_those_whose_time_is_over_and_no_others() {
    let mut booth = Booth::new();
    for n in 1..=4 {
        booth.deliver(&student(n), 0);
    }
    booth.store().submit(&student(5), at(0)).unwrap();
    let change = decided(student(2).id, Review::Approved, &[], 1, at(3 * 86_400));
    booth.store().apply_change(&change, at(3 * 86_400)).unwrap();
    let (now, retention) = (at(2 * 86_400), DAY);
    let from = |booth: &mut Booth, n| booth.store().purgeable_from(student(n).id, retention).unwrap();
    assert_eq!(from(&mut booth, 1), Some(at(86_400)));
    assert_eq!(
        from(&mut booth, 2),
        Some(at(4 * 86_400)),
        "the review's word counts from its own day"
    );
    assert_eq!(from(&mut booth, 5), None, "it was never delivered");

    let asked: Vec<RecordId> = [1, 2, 5, 3, 4].map(|n| student(n).id).into();
    let mut told = Vec::new();
    let report = booth
        .store()
        .purge_these(&asked, now, retention, &mut |id| {
            told.push(id);
            told.len() < 4
        })
        .unwrap();
    assert_eq!(report.purged, [student(1).id, student(3).id]);
    assert_eq!(told, asked[..4], "the fifth was stopped before");
    assert_eq!(from(&mut booth, 1), None, "once is enough");
    assert_eq!(booth.store().counts().unwrap().purged, 2);
    booth.is_clean();
}

#[test]
fn a_list_is_cut_by_time_and_ordered_by_whatever_staff_ask_for() {
    let mut booth = Booth::new();
    for n in 1..=6 {
        let mut new = student(n);
        new.code_tag = format!("TAG-{}", 9 - n);
        booth.store().submit(&new, at(i64::from(n) * 10)).unwrap();
    }
    let listed = |booth: &mut Booth, filter: &Filter| -> Vec<String> {
        let rows = booth.store().list(filter).unwrap();
        assert_eq!(booth.store().count(filter).unwrap() as usize, rows.len());
        rows.into_iter().map(|row| row.shoot_number).collect()
    };
    let middle = Filter {
        since: Some(at(20)),
        until: Some(at(50)),
        ..Filter::default()
    };
    assert_eq!(listed(&mut booth, &middle), ["A004", "A003", "A002"]);
    let waiting = Filter {
        states: vec![RecordState::Saved],
        ..middle.clone()
    };
    assert_eq!(listed(&mut booth, &waiting).len(), 3);
    let delivered = Filter {
        states: vec![RecordState::Delivered],
        ..middle
    };
    assert!(listed(&mut booth, &delivered).is_empty());
    let numbers = Filter {
        order: Order::ShootNumber,
        oldest_first: true,
        ..Filter::default()
    };
    assert_eq!(
        listed(&mut booth, &numbers).first().map(String::as_str),
        Some("A001")
    );
    let tags = Filter {
        order: Order::Tag,
        oldest_first: true,
        states: vec![RecordState::Saved],
        ..Filter::default()
    };
    assert_eq!(
        listed(&mut booth, &tags).first().map(String::as_str),
        Some("A006")
    );

    let mut another = student(7);
    another.school = "\u{10FFFF}大学".into();
    booth.store().submit(&another, at(70)).unwrap();
    booth.store().begin_attempt(student(2).id, at(80)).unwrap();
    for (order, first, last) in [
        (Order::School, "A001", "A007"),
        (Order::Attempts, "A001", "A002"),
        (Order::State, "A001", "A002"),
    ] {
        let up = Filter {
            order,
            oldest_first: true,
            ..Filter::default()
        };
        let rising = listed(&mut booth, &up);
        let ends = (rising.first().unwrap().as_str(), rising.last().unwrap().as_str());
        assert_eq!(ends, (first, last), "{order:?}");
        let falling = listed(
            &mut booth,
            &Filter {
                oldest_first: false,
                ..up
            },
        );
        assert!(
            falling.iter().eq(rising.iter().rev()),
            "{order:?}: the other way round"
        );
    }
}

#[test]
fn long_work_beside_the_station_writes_to_the_same_records() {
    let mut booth = Booth::new();
    booth.deliver(&student(1), 0);
    let mut beside = booth.store().beside().unwrap();
    let report = beside
        .purge_these(&[student(1).id], at(86_401), DAY, &mut |_| true)
        .unwrap();
    assert_eq!(report.purged.len(), 1);
    assert_eq!(booth.store().counts().unwrap().purged, 1);
}
