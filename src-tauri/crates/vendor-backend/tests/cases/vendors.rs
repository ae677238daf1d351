//! Each vendor's whole flow as the field describes it, from the scan to the photo at the school.

use uuid::Uuid;
use vendor::api::{ChangeKind, CollectionState, DeliverableKind, Eligibility, OrderState, Proof, sha256_hex};
use vendor::{FeeWhen, ProblemCode, ProofKind, Secret, SecretBytes, Step};
use vendor_backend::{Decision, DemoCase};

use crate::booth::{Booth, ask, browser, why};
use crate::handover::{deliver, files};

/// Pays on the page, as a telephone would.
async fn pays(payment_url: &str) {
    let page = browser()
        .get(payment_url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("确认支付"), "{page}");
    assert_eq!(browser().post(payment_url).send().await.unwrap().status(), 303);
}

/// The students' files, and the school's: the very photo that was approved, and prints of its sizes.
async fn is_delivered(booth: &Booth, record: Uuid, sheet: (u32, u32)) {
    let list = booth.station.deliverables(record).await.unwrap().deliverables;
    let kinds: Vec<_> = list.iter().map(|file| file.kind).collect();
    assert_eq!(
        kinds,
        [DeliverableKind::StandardPhoto, DeliverableKind::PrintSheet]
    );
    let photo = booth.station.deliverable(record, &list[0]).await.unwrap();
    let prints = booth.station.deliverable(record, &list[1]).await.unwrap();
    let prints = image::load_from_memory(&prints).unwrap();
    assert_eq!((prints.width(), prints.height()), sheet);
    let folder = tempfile::tempdir().unwrap();
    assert!(deliver(booth, folder.path(), &[]).status.success());
    let batch = files(&folder.path().join("batch-001"));
    let of_this = batch.iter().filter(|(_, bytes)| *bytes == photo).count();
    assert_eq!(of_this, 1);
    assert!(
        batch[1]
            .1
            .windows(64)
            .any(|hash| hash == sha256_hex(&photo).as_bytes())
    );
}

#[tokio::test]
async fn biyezhengzhao_from_the_schools_name_to_the_schools_batch() {
    let booth = Booth::open_with("biyezhengzhao", |_| ()).await;
    let profile = booth.station.profile().await.unwrap();
    assert_eq!(
        (profile.proof, profile.fee.when),
        (ProofKind::LastFour, FeeWhen::BeforeShooting)
    );
    assert_eq!(profile.review_hours, 48);

    // The school by name and level, or by the session code; where it is not found there is a line to call.
    let found = booth.station.schools("示例大学", "本科").await.unwrap().schools;
    assert_eq!(found.len(), 1);
    let by_code = booth.station.schools("DEMO01", "").await.unwrap().schools;
    assert_eq!(by_code, found);
    for (name, level) in [("没有这所大学", ""), ("示例大学", "中专")] {
        assert!(
            booth
                .station
                .schools(name, level)
                .await
                .unwrap()
                .schools
                .is_empty()
        );
    }
    assert!(!profile.support.phone.is_empty() && !profile.support.hours.is_empty());

    // Code and last four; several academic records, of which one is open.
    let student = booth.person(DemoCase::SeveralRecords);
    let identity = booth.resolve(&student).await;
    assert!(!identity.masked_name.contains(&student.name));
    let states: Vec<_> = identity.records.iter().map(|record| record.eligibility).collect();
    assert_eq!(states, [Eligibility::Open, Eligibility::AlreadyCollected]);

    // Paid before the shooting, once for any number of shots.
    assert!(
        profile.steps.iter().position(|step| *step == Step::Pay)
            < profile.steps.iter().position(|step| *step == Step::Shoot)
    );
    let order = booth.order(&identity).await.unwrap();
    pays(&order.payment_url).await;
    assert_eq!(
        booth.station.order(&order.id).await.unwrap().state,
        OrderState::Paid
    );
    let mut news = None;
    let mut record = Uuid::nil();
    for shade in 40..43 {
        let identity = booth.resolve(&student).await;
        assert_eq!(identity.records[0].fee.due_fen, 0);
        record = Uuid::now_v7();
        let capture = booth.capture(&identity, shade);
        let accepted = booth.station.put_capture(record, &capture).await.unwrap();
        assert_eq!(accepted.state, CollectionState::UnderReview);
        if shade < 42 {
            assert!(
                booth
                    .backend
                    .review(record, Decision::reject(["light"]))
                    .await
                    .unwrap()
            );
            assert!(matches!(
                booth.news(&mut news).await[..],
                [ChangeKind::Rejected { .. }]
            ));
        }
    }
    assert!(booth.backend.review(record, Decision::Approve).await.unwrap());
    assert_eq!(booth.news(&mut news).await, [ChangeKind::Approved]);
    is_delivered(&booth, record, (1800, 1200)).await;

    // Approved is locked; nobody is collected twice, nor outside the window.
    let again = booth.resolve(&student).await;
    let put = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture(&again, 50))
        .await;
    assert_eq!(why(put), ProblemCode::AlreadyCollected);
    let late = booth.resolve(&booth.person(DemoCase::OutsideWindow)).await;
    let put = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture(&late, 51))
        .await;
    assert_eq!(why(put), ProblemCode::OutsideWindow);
    booth.backend.stop().await;
}

#[tokio::test]
async fn yipai_from_name_and_number_to_the_schools_batch() {
    let booth = Booth::open_with("yipai", |_| ()).await;
    let profile = booth.station.profile().await.unwrap();
    assert_eq!(
        (profile.proof, profile.fee.when),
        (ProofKind::NameAndNumber, FeeWhen::AfterUpload)
    );
    assert_eq!((profile.review_hours, profile.ask_phone), (48, true));

    // Level, name, number and telephone; a mismatch is 无法采集, and so is a student whose school has not opened them.
    let student = booth.person(DemoCase::RejectedBefore);
    let mut request = ask(&student, &profile);
    request.code = None;
    let mut wrong = request.clone();
    if let Proof::NameAndNumber { name, .. } = &mut wrong.proof {
        *name = Secret::new("测试无此人");
    }
    assert_eq!(
        why(booth.station.resolve(&wrong).await),
        ProblemCode::ProofMismatch
    );
    let confirmed = booth.station.resolve(&request).await.unwrap();
    assert!(!confirmed.code_bound, "confirm before the code is shown");
    let closed = booth.resolve(&booth.person(DemoCase::NotEligible)).await;
    assert_eq!(closed.records[0].eligibility, Eligibility::NotEligible);

    // Then the code; somebody else's does not do.
    request.code = Some(SecretBytes::new(
        booth.person(DemoCase::Ordinary).code().as_bytes(),
    ));
    assert_eq!(
        why(booth.station.resolve(&request).await),
        ProblemCode::CodeMismatch
    );

    // A class that paid together pays nothing at the booth; whoever was rejected pays no second time.
    let class = booth.resolve(&booth.person(DemoCase::ClassPayment)).await;
    assert_eq!(class.records[0].fee.due_fen, 0);
    let identity = booth.resolve(&student).await;
    assert_eq!(identity.records[0].fee.due_fen, 0);
    assert!(identity.records[0].last_rejection.is_some());

    // Everybody else pays after the upload: the photo waits for it, is reviewed, rejected, shot again and approved.
    let student = booth.person(DemoCase::EndsInX);
    let identity = booth.resolve(&student).await;
    let record = Uuid::now_v7();
    let capture = booth.capture(&identity, 60);
    let accepted = booth.station.put_capture(record, &capture).await.unwrap();
    assert_eq!(accepted.state, CollectionState::AwaitingPayment);
    let order = booth.order(&identity).await.unwrap();
    assert_eq!(order.amount_fen, 1500);
    pays(&order.payment_url).await;
    assert!(
        booth
            .backend
            .review(record, Decision::reject(["eyes-closed"]))
            .await
            .unwrap()
    );
    let identity = booth.resolve(&student).await;
    let last = identity.records[0].last_rejection.as_ref().unwrap();
    assert_eq!(last.reasons[0].code, "eyes-closed");
    assert_eq!(identity.records[0].fee.due_fen, 0);
    let again = Uuid::now_v7();
    let capture = booth.capture(&identity, 61);
    booth.station.put_capture(again, &capture).await.unwrap();
    assert!(booth.backend.review(again, Decision::Approve).await.unwrap());
    is_delivered(&booth, again, (1800, 1200)).await;
    booth.backend.stop().await;
}

#[tokio::test]
async fn binyu_from_the_code_alone_to_the_prints_for_the_school() {
    let booth = Booth::open_with("binyu", |_| ()).await;
    let profile = booth.station.profile().await.unwrap();
    assert_eq!(
        (profile.proof, profile.fee.when),
        (ProofKind::None, FeeWhen::OnlyForChange)
    );
    assert!(!profile.has(Step::FindSchool) && !profile.has(Step::Prove));
    assert_eq!(profile.sheet, "school-a4");

    // The code says who and which school; the upload is free.
    let student = booth.person(DemoCase::Ordinary);
    let identity = booth.resolve(&student).await;
    assert_eq!(
        (
            identity.records[0].school_id.as_str(),
            identity.records[0].fee.due_fen
        ),
        ("demo-1", 0)
    );
    let first = Uuid::now_v7();
    let capture = booth.capture(&identity, 70);
    let accepted = booth.station.put_capture(first, &capture).await.unwrap();
    assert_eq!(accepted.state, CollectionState::UnderReview);

    // A change after the upload costs six yuan; until it is paid the first photo stands.
    let identity = booth.resolve(&student).await;
    assert_eq!(identity.records[0].fee.due_fen, 600);
    let second = Uuid::now_v7();
    let capture = booth.capture(&identity, 71);
    booth.station.put_capture(second, &capture).await.unwrap();
    assert_eq!(
        booth.station.capture(first).await.unwrap().state,
        CollectionState::UnderReview
    );
    pays(&booth.order(&identity).await.unwrap().payment_url).await;
    assert_eq!(
        booth.station.capture(first).await.unwrap().state,
        CollectionState::Superseded
    );

    // A rejection is no change: shooting again costs nothing.
    assert!(
        booth
            .backend
            .review(second, Decision::reject(["background"]))
            .await
            .unwrap()
    );
    let identity = booth.resolve(&student).await;
    assert_eq!(identity.records[0].fee.due_fen, 0);
    let third = Uuid::now_v7();
    let capture = booth.capture(&identity, 72);
    booth.station.put_capture(third, &capture).await.unwrap();
    assert!(booth.backend.review(third, Decision::Approve).await.unwrap());
    // 8 one-inch and 4 two-inch prints on A4.
    is_delivered(&booth, third, (2480, 3508)).await;
    booth.backend.stop().await;
}
