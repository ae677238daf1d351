//! The same student twice: each way to come again has one outcome, decided by the backend (or, while it cannot know
//! yet, by the photo that waits here), and the page says which. A real backend, whole visits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod booth;
#[path = "booth/pages.rs"]
mod pages;

use std::sync::{Arc, Barrier};
use std::time::Duration;

use booth::{PATIENCE, open, visit, visit_watched};
use code::CodeText;
use jiff::Timestamp;
use pages::within;
use records::{Filter, PersonReason, RecordDetail, RecordState};
use station::Station;
use station::rehearsal::RehearsalError;
use station::view::{Action, NotPossible, Page, Progress, ScanSight};
use station::visit::SAME_CODE_PAUSE;
use vendor_backend::{Backend, BackendOptions, Decision, DemoCase, DemoPerson, Running};

async fn backend(vendor: &str) -> Running {
    Backend::start(BackendOptions::demo(vendor).unwrap())
        .await
        .unwrap()
}

/// Leaves the last page and waits until the same code may be shown again.
async fn comes_again(station: &Station) {
    station.act(Action::Finish);
    tokio::time::sleep(SAME_CODE_PAUSE.unsigned_abs() + Duration::from_millis(300)).await;
}

/// Every record of the station, the oldest first.
async fn kept(station: &Station) -> Vec<RecordDetail> {
    station
        .with_records(|store| {
            let all = Filter {
                oldest_first: true,
                ..Filter::default()
            };
            let rows = store.list(&all)?;
            rows.iter().map(|row| store.show(row.id)).collect()
        })
        .await
        .unwrap()
}

/// Waits until nothing waits any more.
async fn all_sent(station: &Station) -> Vec<RecordDetail> {
    for _ in 0..150 {
        let counts = station.with_records(|store| store.counts()).await.unwrap();
        if counts.waiting() == 0 {
            return kept(station).await;
        }
        station.sync_soon();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("still waiting: {:?}", kept(station).await);
}

async fn turned_away(station: &Station, backend: &Running, person: &DemoPerson, why: NotPossible) {
    let before = kept(station).await.len();
    match visit(station, backend, person).await {
        Err(RehearsalError::NotPossible(reason)) => assert_eq!(reason, why),
        other => panic!("{why:?} was to be said: {other:?}"),
    }
    assert_eq!(kept(station).await.len(), before, "nothing new is kept");
}

fn ordinary(backend: &Running) -> (DemoPerson, DemoPerson) {
    let mut people = backend
        .people()
        .into_iter()
        .filter(|person| person.case == DemoCase::Ordinary);
    (people.next().unwrap(), people.next().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_held_up_again_within_a_visit_or_right_after_it_begins_nothing() {
    let (data, backend) = (tempfile::tempdir().unwrap(), backend("binyu").await);
    let station = open(data.path(), &backend, "binyu").await;
    let (first, other) = ordinary(&backend);
    // Somebody behind holds their own code into the picture once this visit has its student.
    let intrudes = |page: &Page| {
        if matches!(
            page,
            Page::Confirm { .. } | Page::Framing { .. } | Page::LastLook { .. }
        ) {
            station.code_read(CodeText::new(other.code().as_bytes().to_vec()));
            station.code_read(CodeText::new(first.code().as_bytes().to_vec()));
        }
    };
    visit_watched(&station, &backend, &first, intrudes).await.unwrap();
    let records = all_sent(&station).await;
    assert_eq!(records.len(), 1);
    let tag = CodeText::new(first.code().as_bytes().to_vec()).tag().to_string();
    assert_eq!(records[0].row.code_tag, tag, "the one who was scanned");

    // The telephone is still held up.
    station.act(Action::Finish);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let again = || station.code_read(CodeText::new(first.code().as_bytes().to_vec()));
    again();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(matches!(station.view().page, Page::Welcome { .. }));
    station.act(Action::Start);
    tokio::time::sleep(Duration::from_millis(300)).await;
    again();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let page = station.view().page;
    assert!(
        matches!(
            page,
            Page::Scan {
                sight: ScanSight::JustUsed
            }
        ),
        "{page:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_again_here_or_elsewhere_is_told_how_far_their_photo_is() {
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backend = backend("biyezhengzhao").await;
    let station = open(here.path(), &backend, "biyezhengzhao").await;
    let other = open(elsewhere.path(), &backend, "biyezhengzhao").await;
    let (person, _) = ordinary(&backend);
    visit(&station, &backend, &person).await.unwrap();
    let records = all_sent(&station).await;
    comes_again(&station).await;
    turned_away(&station, &backend, &person, NotPossible::UnderReview).await;
    turned_away(&other, &backend, &person, NotPossible::UnderReview).await;

    let id = records[0].row.id;
    assert!(backend.review(id.uuid(), Decision::Approve).await.unwrap());
    for booth in [&station, &other] {
        comes_again(booth).await;
        turned_away(booth, &backend, &person, NotPossible::AlreadyCollected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_booths_at_once_one_has_the_photo_and_the_others_is_kept_for_a_person() {
    let backend = Arc::new(backend("biyezhengzhao").await);
    let (person, _) = ordinary(&backend);
    // Both stand before "submit" before either touches it.
    let both = Arc::new(Barrier::new(2));
    let mut visits = Vec::new();
    for _ in 0..2 {
        let (backend, person, both) = (Arc::clone(&backend), person.clone(), Arc::clone(&both));
        visits.push(tokio::spawn(async move {
            let data = tempfile::tempdir().unwrap();
            let station = open(data.path(), &backend, "biyezhengzhao").await;
            let waits = |page: &Page| {
                if matches!(page, Page::LastLook { .. }) {
                    tokio::task::block_in_place(|| both.wait());
                }
            };
            visit_watched(&station, &backend, &person, waits).await.unwrap();
            let told = |page: &Page| match page {
                Page::Done { progress, .. } if *progress != Progress::SavedHere => Some(*progress),
                _ => None,
            };
            within(PATIENCE, &station, "an outcome", |page| told(page).is_some()).await;
            let progress = told(&station.view().page).unwrap();
            let record = all_sent(&station).await.remove(0);
            let photo = station
                .with_records(move |store| store.photo(record.row.id, records::PhotoKind::Standard))
                .await;
            assert!(photo.is_ok(), "kept either way");
            (record.row.state, progress)
        }));
    }
    let mut ends = Vec::new();
    for visit in visits {
        ends.push(visit.await.unwrap());
    }
    let refused = RecordState::NeedsPerson {
        reason: PersonReason::AlreadyCollected,
    };
    let has = |state: RecordState, told: Progress| ends.contains(&(state, told));
    assert!(has(refused, Progress::NeedsPerson), "{ends:?}");
    assert!(
        has(RecordState::Delivered, Progress::Delivered)
            || has(RecordState::UnderReview, Progress::Delivered),
        "{ends:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_with_two_academic_records_is_collected_once_for_each() {
    let (data, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backend = there(store.path(), "biyezhengzhao", None).await;
    let station = open(data.path(), &backend, "biyezhengzhao").await;
    let person = backend.person(DemoCase::SeveralRecords).unwrap();
    // The demo's second record was collected years ago; here it is open as well.
    rusqlite::Connection::open(store.path().join("backend.sqlite3"))
        .unwrap()
        .execute(
            "UPDATE academic_records SET collection = 'none' WHERE id = ?1",
            [&person.records[1].id],
        )
        .unwrap();
    let first = visit(&station, &backend, &person).await.unwrap();
    assert!(
        first.pages.iter().any(|page| page == "choose-record"),
        "{:?}",
        first.pages
    );
    all_sent(&station).await;
    comes_again(&station).await;
    // One is left: it is not asked which, and the page says which it is.
    let mut shown = None;
    let second = visit_watched(&station, &backend, &person, |page| {
        if let Page::Confirm { person, .. } = page {
            shown = Some((person.level.clone(), person.major.clone()));
        }
    })
    .await
    .unwrap();
    assert!(
        !second.pages.iter().any(|page| page == "choose-record"),
        "{:?}",
        second.pages
    );
    let records = all_sent(&station).await;
    let (one, two) = (&records[0].academic_record, &records[1].academic_record);
    assert!(
        records.len() == 2 && one.is_some() && one != two,
        "{one:?} {two:?}"
    );
    let left = person
        .records
        .iter()
        .find(|r| Some(&r.id) == two.as_ref())
        .unwrap();
    assert_eq!(shown, Some((left.level.clone(), left.major.clone())));
    comes_again(&station).await;
    turned_away(&station, &backend, &person, NotPossible::UnderReview).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_photo_is_shot_again_at_any_booth_without_a_second_payment() {
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backend = backend("biyezhengzhao").await;
    let station = open(here.path(), &backend, "biyezhengzhao").await;
    let other = open(elsewhere.path(), &backend, "biyezhengzhao").await;
    let (person, _) = ordinary(&backend);
    let first = visit(&station, &backend, &person).await.unwrap();
    assert!(first.pages.iter().any(|page| page == "pay"));
    let id = all_sent(&station).await[0].row.id;
    let no = Decision::reject(["glasses-glare"]);
    assert!(backend.review(id.uuid(), no).await.unwrap());
    let mut reasons = Vec::new();
    let again = visit_watched(&other, &backend, &person, |page| {
        if let Page::Confirm { rejection, .. } = page {
            reasons.clone_from(rejection);
        }
    })
    .await
    .unwrap();
    assert!(!reasons.is_empty(), "the page says why");
    assert!(!again.pages.iter().any(|page| page == "pay"), "{:?}", again.pages);
    assert!(!again.pay_later);
    let records = all_sent(&other).await;
    assert!(records[0].row.state.has_receipt(), "{}", records[0].row.state);
    // The first one stays what it is.
    station.sync_once().await.unwrap();
    assert_eq!(kept(&station).await[0].row.state, RecordState::Rejected);
}

/// A backend that can be away and come back where it was.
async fn there(data: &std::path::Path, vendor: &str, listen: Option<std::net::SocketAddr>) -> Running {
    let options = BackendOptions {
        data: Some(data.to_path_buf()),
        ..BackendOptions::demo(vendor).unwrap()
    };
    let listen = listen.unwrap_or(options.listen);
    Backend::start(BackendOptions { listen, ..options })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_waits_here_is_not_taken_twice_and_a_withdrawn_one_may_be() {
    let (data, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backend = there(store.path(), "binyu", None).await;
    let station = open(data.path(), &backend, "binyu").await;
    let (person, other) = ordinary(&backend);
    let address = backend.addr;
    backend.stop().await;
    let away = there(tempfile::tempdir().unwrap().path(), "binyu", None).await;
    visit(&station, &away, &person).await.unwrap();
    comes_again(&station).await;
    turned_away(&station, &away, &person, NotPossible::WaitsHere).await;
    // The next student is not in the way of it.
    comes_again(&station).await;
    visit(&station, &away, &other).await.unwrap();

    // The first asks for deletion before it went out: nobody has it, and the student may come again.
    let id = kept(&station).await[0].row.id;
    station
        .with_records(move |store| store.forget(id, "asked at the desk", true, Timestamp::now()))
        .await
        .unwrap();
    comes_again(&station).await;
    visit(&station, &away, &person).await.unwrap();
    let backend = there(store.path(), "binyu", Some(address)).await;
    let records = all_sent(&station).await;
    let states: Vec<bool> = records.iter().map(|one| one.row.state.has_receipt()).collect();
    assert_eq!(states, [false, true, true]);
    assert_eq!(records[0].row.state, RecordState::Withdrawn);
    assert!(
        !backend.review(id.uuid(), Decision::Approve).await.unwrap(),
        "the withdrawn photo never arrived"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_before_it_was_deleted_here_is_still_the_vendors_to_decide() {
    let (data, backend) = (tempfile::tempdir().unwrap(), backend("biyezhengzhao").await);
    let station = open(data.path(), &backend, "biyezhengzhao").await;
    let (person, _) = ordinary(&backend);
    visit(&station, &backend, &person).await.unwrap();
    let id = all_sent(&station).await[0].row.id;
    let forgotten = station
        .with_records(move |store| store.forget(id, "asked at the desk", false, Timestamp::now()))
        .await
        .unwrap();
    assert!(forgotten.receipt.is_some(), "the vendor must be asked as well");
    comes_again(&station).await;
    turned_away(&station, &backend, &person, NotPossible::UnderReview).await;
}
