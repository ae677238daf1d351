//! Whole visits over real HTTP, as a station makes them, and every way they are turned down.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use image::ImageFormat;
use uuid::Uuid;
use vendor::api::{
    Capture, ChangeKind, CollectionState, DeliverableKind, Eligibility, OrderRequest, OrderState, Photo,
    Proof, ResolveRequest, Subject, sha256_hex,
};
use vendor::{Client, FeeWhen, ProblemCode, Secret, SecretBytes, StationKey, Timeouts, VendorError};
use vendor_backend::{AutoReview, Backend, BackendOptions, Decision, DemoCase, demo};

use crate::booth::{Booth, Hand, ask, enrolled, picture, proof, why};

/// Pays on the page, as a telephone would.
async fn touch(payment_url: &str) {
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = browser
        .get(payment_url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("确认支付"), "{page}");
    let page = browser
        .post(payment_url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("支付成功"), "{page}");
}

#[tokio::test]
async fn biyezhengzhao_pays_first_is_rejected_once_and_pays_no_second_time() {
    let booth = Booth::open("biyezhengzhao").await;
    let student = booth.person(DemoCase::EndsInX);
    let mut cursor = None;

    let profile = booth.station.profile().await.unwrap();
    let schools = booth.station.schools("示例", "本科").await.unwrap().schools;
    assert_eq!(schools.len(), 1);
    let by_session_code = booth.station.schools("demo01", "").await.unwrap().schools;
    assert_eq!(by_session_code, schools, "the session code finds its school");
    assert!(
        booth
            .station
            .schools("没有这所学校", "")
            .await
            .unwrap()
            .schools
            .is_empty()
    );

    // The X may be typed in either case.
    let mut request = ask(&student, &profile);
    request.proof = Proof::LastFour {
        value: Secret::new("107x"),
    };
    let identity = booth.station.resolve(&request).await.unwrap();
    assert_eq!(identity.masked_name, "测*辛");
    assert!(!identity.masked_id.contains("107"));
    assert_eq!(identity.records[0].fee.due_fen, 2000);
    assert!(identity.records[0].of_this_code && identity.code_bound);

    let order = booth.order(&identity).await.unwrap();
    assert_eq!((order.amount_fen, order.state), (2000, OrderState::Open));
    touch(&order.payment_url).await;
    let order = booth.station.order(&order.id).await.unwrap();
    assert_eq!(order.state, OrderState::Paid);
    assert_eq!(why(booth.order(&identity).await), ProblemCode::NothingDue);

    let record = Uuid::now_v7();
    let accepted = booth
        .station
        .put_capture(record, &booth.capture(&identity, 90))
        .await
        .unwrap();
    assert_eq!(accepted.state, CollectionState::UnderReview);
    assert!(accepted.receipt.receipt_number.starts_with("R-20251010-"));
    assert!(
        booth
            .station
            .deliverables(record)
            .await
            .unwrap()
            .deliverables
            .is_empty()
    );
    assert_eq!(
        booth.resolve(&student).await.records[0].eligibility,
        Eligibility::AlreadyCollected
    );

    let glare = Decision::reject(["glasses-glare", "no such reason"]);
    assert!(booth.backend.review(record, glare).await.unwrap());
    let news = booth.news(&mut cursor).await;
    let [ChangeKind::Rejected { rejection }] = &news[..] else {
        panic!("{news:?}")
    };
    assert_eq!(rejection.reasons[0].zh, "镜片反光");
    assert_eq!(rejection.reasons.len(), 1);

    // Shoot again: the reason is shown, nothing is due.
    let identity = booth.resolve(&student).await;
    assert_eq!(identity.records[0].fee.due_fen, 0);
    assert_eq!(identity.records[0].last_rejection.as_ref(), Some(rejection));
    let again = Uuid::now_v7();
    booth
        .station
        .put_capture(again, &booth.capture(&identity, 91))
        .await
        .unwrap();
    assert!(booth.backend.review(again, Decision::Approve).await.unwrap());
    assert!(
        !booth
            .backend
            .review(again, Decision::reject(["blurred"]))
            .await
            .unwrap(),
        "approved is locked"
    );
    assert_eq!(booth.news(&mut cursor).await, [ChangeKind::Approved]);
    assert!(booth.news(&mut cursor).await.is_empty());

    let list = booth.station.deliverables(again).await.unwrap().deliverables;
    assert_eq!(
        list.iter().map(|d| d.kind).collect::<Vec<_>>(),
        [DeliverableKind::StandardPhoto, DeliverableKind::PrintSheet]
    );
    let photo = booth.station.deliverable(again, &list[0]).await.unwrap();
    assert_eq!(
        sha256_hex(&photo),
        booth
            .station
            .capture(again)
            .await
            .unwrap()
            .receipt
            .standard_sha256
    );
    let sheet = booth.station.deliverable(again, &list[1]).await.unwrap();
    assert_eq!(image::load_from_memory(&sheet).unwrap().width(), 1800);
    booth.backend.stop().await;
}

#[tokio::test]
async fn yipai_asks_the_name_first_and_the_fee_last() {
    let booth = Booth::open("yipai").await;
    let student = booth.person(DemoCase::Ordinary);
    let profile = booth.station.profile().await.unwrap();

    // Name and number, no code yet: confirmed, but no photo can be bound to it.
    let mut request = ask(&student, &profile);
    request.code = None;
    let first = booth.station.resolve(&request).await.unwrap();
    assert!(!first.code_bound);
    let unbound = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture(&first, 80))
        .await;
    assert_eq!(why(unbound), ProblemCode::IdentityExpired);

    // Somebody else's code.
    let other = booth.person(DemoCase::SeveralRecords);
    request.code = Some(SecretBytes::new(other.code().as_bytes()));
    assert_eq!(
        why(booth.station.resolve(&request).await),
        ProblemCode::CodeMismatch
    );

    let identity = booth.resolve(&student).await;
    assert!(identity.code_bound);
    assert_eq!(identity.records[0].fee.when, FeeWhen::AfterUpload);
    let record = Uuid::now_v7();
    let accepted = booth
        .station
        .put_capture(record, &booth.capture(&identity, 80))
        .await
        .unwrap();
    assert_eq!(accepted.state, CollectionState::AwaitingPayment);
    assert!(
        !booth.backend.review(record, Decision::Approve).await.unwrap(),
        "unpaid is not reviewed"
    );

    let order = booth.order(&identity).await.unwrap();
    assert_eq!(order.amount_fen, 1500);
    touch(&order.payment_url).await;
    assert!(booth.backend.review(record, Decision::Approve).await.unwrap());
    let news = booth.news(&mut None).await;
    assert_eq!(
        news,
        [ChangeKind::Paid { order_id: order.id }, ChangeKind::Approved]
    );
    assert_eq!(
        booth
            .station
            .deliverables(record)
            .await
            .unwrap()
            .deliverables
            .len(),
        2
    );
}

#[tokio::test]
async fn binyu_takes_the_code_alone_and_six_yuan_for_a_change() {
    let booth = Booth::open("binyu").await;
    let student = booth.person(DemoCase::Ordinary);
    let identity = booth.resolve(&student).await;
    assert_eq!(identity.records[0].fee.due_fen, 0);
    assert_eq!(why(booth.order(&identity).await), ProblemCode::NothingDue);
    let first = Uuid::now_v7();
    let accepted = booth
        .station
        .put_capture(first, &booth.capture(&identity, 70))
        .await
        .unwrap();
    assert_eq!(accepted.state, CollectionState::UnderReview);

    // The student comes back and wants another photo.
    let identity = booth.resolve(&student).await;
    assert_eq!(identity.records[0].eligibility, Eligibility::Open);
    assert_eq!(identity.records[0].fee.due_fen, 600);
    let second = Uuid::now_v7();
    let accepted = booth
        .station
        .put_capture(second, &booth.capture(&identity, 71))
        .await
        .unwrap();
    assert_eq!(
        accepted.state,
        CollectionState::AwaitingPayment,
        "kept, but the first stays until it is paid"
    );
    let order = booth.order(&identity).await.unwrap();
    booth.backend.pay(&order.payment_url).await.unwrap();
    booth.backend.pay(&order.payment_url).await.unwrap();
    let states = (
        booth.station.capture(first).await.unwrap().state,
        booth.station.capture(second).await.unwrap().state,
    );
    assert_eq!(
        states,
        (CollectionState::Superseded, CollectionState::UnderReview)
    );
    // One payment, one change.
    assert_eq!(booth.resolve(&student).await.records[0].fee.due_fen, 600);
    assert!(booth.backend.review(second, Decision::Approve).await.unwrap());
    let sheet = booth
        .station
        .deliverables(second)
        .await
        .unwrap()
        .deliverables
        .remove(1);
    let sheet = image::load_from_memory(&booth.station.deliverable(second, &sheet).await.unwrap()).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (2480, 3508));
}

#[tokio::test]
async fn a_visit_without_the_network_is_resolved_when_it_arrives() {
    let booth = Booth::open("biyezhengzhao").await;
    let student = booth.person(DemoCase::Ordinary);
    let profile = booth.station.profile().await.unwrap();
    let subject = Subject {
        code: Some(SecretBytes::new(student.code().as_bytes())),
        proof: proof(&student, &profile),
        ..Subject::default()
    };
    let capture = booth.capture_of(subject.clone(), 60);
    // It waits for weeks, beyond the last day of the window; the shutter counts.
    booth.hand.forward(70 * 24 * 3600);
    let record = Uuid::now_v7();
    let accepted = booth.station.put_capture(record, &capture).await.unwrap();
    assert_eq!(accepted.masked_name, "测*甲");
    assert_eq!(
        accepted.state,
        CollectionState::AwaitingPayment,
        "never refused for money"
    );
    let news = booth.news(&mut None).await;
    assert!(
        matches!(&news[..], [ChangeKind::Resolved { masked_name, .. }] if masked_name == "测*甲"),
        "{news:?}"
    );

    // What cannot be resolved is refused for a person to look at, not swallowed.
    let stranger = Subject {
        code: Some(SecretBytes::new(*b"CHSI1:nobody")),
        ..subject.clone()
    };
    let put = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture_of(stranger, 61))
        .await;
    assert!(put.as_ref().is_err_and(VendorError::is_permanent));
    assert_eq!(why(put), ProblemCode::UnknownCode);
    let wrong = Subject {
        proof: Proof::LastFour {
            value: Secret::new("0000"),
        },
        ..subject
    };
    let put = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture_of(wrong, 62))
        .await;
    assert_eq!(why(put), ProblemCode::ProofMismatch);
}

#[tokio::test]
async fn a_code_that_was_replaced_is_told_from_one_that_never_was() {
    let booth = Booth::open("biyezhengzhao").await;
    let seed = BackendOptions::demo("biyezhengzhao").unwrap().seed_demo.unwrap();
    let asked = |code: String| ResolveRequest {
        code: Some(SecretBytes::new(code.as_bytes())),
        proof: Proof::LastFour {
            value: Secret::new("1001"),
        },
        school_id: None,
    };
    let old = asked(vendor_backend::demo::expired_code(seed, 0));
    assert_eq!(why(booth.station.resolve(&old).await), ProblemCode::CodeExpired);
    let none = asked(format!("CHSI1:{}", "A".repeat(64)));
    assert_eq!(why(booth.station.resolve(&none).await), ProblemCode::UnknownCode);
}

#[tokio::test]
async fn who_cannot_be_collected_is_told_why() {
    let booth = Booth::open("biyezhengzhao").await;
    for (case, eligibility, code) in [
        (
            DemoCase::OutsideWindow,
            Eligibility::OutsideWindow,
            ProblemCode::OutsideWindow,
        ),
        (
            DemoCase::AlreadyCollected,
            Eligibility::AlreadyCollected,
            ProblemCode::AlreadyCollected,
        ),
        (
            DemoCase::NotEligible,
            Eligibility::NotEligible,
            ProblemCode::NotEligible,
        ),
    ] {
        let identity = booth.resolve(&booth.person(case)).await;
        assert_eq!(identity.records[0].eligibility, eligibility);
        assert_eq!(
            why(booth
                .station
                .put_capture(Uuid::now_v7(), &booth.capture(&identity, 50))
                .await),
            code
        );
    }
    let several = booth.resolve(&booth.person(DemoCase::SeveralRecords)).await;
    assert_eq!(several.records.len(), 2);
    assert_eq!(several.records[1].eligibility, Eligibility::AlreadyCollected);
    let rejected = booth.resolve(&booth.person(DemoCase::RejectedBefore)).await;
    assert_eq!(rejected.records[0].fee.due_fen, 0);
    assert_eq!(
        rejected.records[0].last_rejection.as_ref().unwrap().reasons[0].code,
        "glasses-glare"
    );
    let class = booth.resolve(&booth.person(DemoCase::ClassPayment)).await;
    assert_eq!(class.records[0].fee.due_fen, 0, "the class pays");
    let accepted = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture(&class, 51))
        .await
        .unwrap();
    assert_eq!(accepted.state, CollectionState::UnderReview);
    // Another student's academic record.
    let mut strange = booth.capture(&class, 52);
    strange.subject.academic_record_id = Some(rejected.records[0].id.clone());
    assert_eq!(
        why(booth.station.put_capture(Uuid::now_v7(), &strange).await),
        ProblemCode::UnknownRecord
    );
}

#[tokio::test]
async fn five_wrong_proofs_lock_the_code_for_an_hour() {
    let booth = Booth::open("biyezhengzhao").await;
    let profile = booth.station.profile().await.unwrap();
    let right = ask(&booth.person(DemoCase::Ordinary), &profile);
    let wrong = ResolveRequest {
        proof: Proof::LastFour {
            value: Secret::new("9999"),
        },
        ..right.clone()
    };
    for left in (0..5).rev() {
        let error = booth.station.resolve(&wrong).await.unwrap_err();
        assert_eq!(error.problem().unwrap().attempts_left, Some(left));
        assert!(!format!("{error} {error:?}").contains("9999"));
    }
    let error = booth.station.resolve(&right).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, ProblemCode::ProofLocked);
    assert!(!error.is_permanent());
    assert!(error.retry_after().unwrap().as_secs() > 3500);
    booth.hand.forward(3601);
    booth.station.resolve(&right).await.unwrap();
    // No proof at all is no attempt.
    let none = ResolveRequest {
        proof: Proof::None,
        ..right
    };
    assert_eq!(
        why(booth.station.resolve(&none).await),
        ProblemCode::ProofRequired
    );
}

#[tokio::test]
async fn the_same_photo_comes_twice_and_is_taken_once() {
    let booth = Booth::open("binyu").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let record = Uuid::now_v7();
    let capture = booth.capture(&identity, 40);
    // Ten at once, as after a network that came back.
    let mut puts = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (station, capture) = (booth.station.clone(), capture.clone());
        puts.spawn(async move { station.put_capture(record, &capture).await.unwrap().receipt });
    }
    let receipts = puts.join_all().await;
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    // Still after weeks, when the identity has long expired.
    booth.hand.forward(40 * 24 * 3600);
    assert_eq!(
        booth.station.put_capture(record, &capture).await.unwrap().receipt,
        receipts[0]
    );

    assert_eq!(
        why(booth
            .station
            .put_capture(record, &booth.capture(&identity, 41))
            .await),
        ProblemCode::CaptureConflict
    );
    let thief = enrolled(&booth.backend, &booth.hand, [8; 32]).await;
    assert_eq!(
        why(thief.put_capture(record, &capture).await),
        ProblemCode::CaptureConflict
    );
    assert_eq!(
        why(thief.capture(record).await),
        ProblemCode::NotFound,
        "no station sees another's photos"
    );
    assert_eq!(why(thief.deliverables(record).await), ProblemCode::NotFound);
    assert!(thief.changes(None, 50).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn a_token_is_worth_nothing_at_another_booth() {
    let booth = Booth::open("binyu").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let thief = enrolled(&booth.backend, &booth.hand, [8; 32]).await;
    let put = thief
        .put_capture(Uuid::now_v7(), &booth.capture(&identity, 40))
        .await;
    assert_eq!(why(put), ProblemCode::IdentityExpired);
}

#[tokio::test]
async fn one_open_order_for_a_student_whoever_asks_how_often() {
    let booth = Booth::open("biyezhengzhao").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let mut orders = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let request = OrderRequest {
            identity_token: identity.identity_token.clone(),
            academic_record_id: identity.records[0].id.clone(),
        };
        let station = booth.station.clone();
        orders.spawn(async move { station.create_order(&request, Uuid::now_v7()).await.unwrap().id });
    }
    let ids = orders.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]));

    // A kept key names its request for good.
    let request = OrderRequest {
        identity_token: identity.identity_token.clone(),
        academic_record_id: identity.records[0].id.clone(),
    };
    let key = Uuid::now_v7();
    let order = booth.station.create_order(&request, key).await.unwrap();
    booth.hand.forward(16 * 60);
    assert_eq!(
        booth.station.create_order(&request, key).await.unwrap().state,
        OrderState::Expired
    );
    let other = OrderRequest {
        academic_record_id: "another".into(),
        ..request.clone()
    };
    assert_eq!(
        why(booth.station.create_order(&other, key).await),
        ProblemCode::IdempotencyMismatch
    );
    let fresh = booth
        .station
        .create_order(&request, Uuid::now_v7())
        .await
        .unwrap();
    assert_ne!(fresh.id, order.id);
    // The old code takes no money any more.
    booth.backend.pay(&order.payment_url).await.unwrap();
    assert_eq!(
        booth.station.order(&order.id).await.unwrap().state,
        OrderState::Expired
    );
    assert_eq!(
        booth.resolve(&booth.person(DemoCase::Ordinary)).await.records[0]
            .fee
            .due_fen,
        2000
    );
}

#[tokio::test]
async fn pictures_that_are_none_are_refused() {
    let booth = Booth::open("binyu").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let good = booth.capture(&identity, 30);
    let with = |change: &dyn Fn(&mut Capture)| {
        let mut capture = good.clone();
        change(&mut capture);
        capture
    };
    let bad = [
        with(&|c| c.standard = Photo::new("image/jpeg", b"<html>".to_vec())),
        with(&|c| c.standard = Photo::new("image/jpeg", picture(640, 480, 1, ImageFormat::Jpeg))),
        with(&|c| c.original = Photo::new("image/svg+xml", b"<svg/>".to_vec())),
        with(&|c| c.original.bytes.0.truncate(100)),
        with(&|c| c.standard.sha256 = "0".repeat(64)),
    ];
    for capture in &bad {
        assert_eq!(
            why(booth.station.put_capture(Uuid::now_v7(), capture).await),
            ProblemCode::PhotoInvalid
        );
    }
    let report = with(&|c| c.report = serde_json::json!(["no object"]));
    assert_eq!(
        why(booth.station.put_capture(Uuid::now_v7(), &report).await),
        ProblemCode::InvalidRequest
    );
}

#[tokio::test]
async fn enrolment_takes_a_code_once_and_the_same_key_again() {
    let booth = Booth::open("yipai").await;
    let code = booth.backend.activation_code().await.unwrap();
    let client = |seed| {
        Client::new(
            booth.backend.url(),
            StationKey::from_bytes(&[seed; 32]),
            Timeouts::default(),
        )
        .unwrap()
        .with_clock(booth.hand.clock())
    };
    let first = client(1).enrol(&code, "1号机", "test").await.unwrap();
    assert_eq!(
        client(1)
            .enrol(&code.to_lowercase(), "1号机", "test")
            .await
            .unwrap(),
        first
    );
    assert_eq!(
        why(client(2).enrol(&code, "2号机", "test").await),
        ProblemCode::ActivationInvalid
    );
    assert_eq!(
        why(client(2).enrol("NO-SUCH-CODE", "2号机", "test").await),
        ProblemCode::ActivationInvalid
    );
    assert_eq!(why(client(2).profile().await), ProblemCode::UnknownStation);
    // The demo's own code may be used again.
    for seed in [3, 4] {
        client(seed)
            .enrol(demo::ACTIVATION_CODE, "演示", "test")
            .await
            .unwrap();
    }
    // Before enrolment no receipt could be believed, so no photo is sent.
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let put = client(1)
        .put_capture(Uuid::now_v7(), &booth.capture(&identity, 1))
        .await;
    assert!(matches!(put, Err(VendorError::NotEnrolled)));
}

#[tokio::test]
async fn a_wrong_clock_is_told_the_right_time() {
    let booth = Booth::open("yipai").await;
    let late = Hand::at("2025-10-10T01:50:00Z");
    let station = booth.station.clone().with_clock(late.clock());
    let error = station.profile().await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(
        (problem.code, problem.server_time),
        (ProblemCode::ClockSkew, Some(booth.hand.now()))
    );
    assert!(!error.is_permanent());
    assert_eq!(station.status().await.unwrap().server_time, booth.hand.now());
}

#[tokio::test]
async fn everything_is_still_there_after_a_restart() {
    let booth = Booth::open("binyu").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let record = Uuid::now_v7();
    let capture = booth.capture(&identity, 20);
    let receipt = booth.station.put_capture(record, &capture).await.unwrap().receipt;
    let addr = booth.backend.addr;
    booth.backend.stop().await;
    assert!(booth.station.profile().await.unwrap_err().needs_network());

    let mut options = BackendOptions::demo("binyu").unwrap();
    booth.storage.choose(&mut options);
    (options.listen, options.clock) = (addr, booth.hand.clock());
    let backend = Backend::start(options).await.unwrap();
    assert_eq!(
        booth.station.put_capture(record, &capture).await.unwrap().receipt,
        receipt
    );
    assert!(backend.review(record, Decision::Approve).await.unwrap());
    assert_eq!(booth.station.changes(None, 10).await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn the_demo_may_decide_by_itself() {
    let booth = Booth::open_with("binyu", |options| {
        options.auto_review = AutoReview::RejectFirst(1);
    })
    .await;
    let student = booth.person(DemoCase::Ordinary);
    let identity = booth.resolve(&student).await;
    let first = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture(&identity, 10))
        .await
        .unwrap();
    assert_eq!(first.state, CollectionState::Rejected);
    assert!(first.rejection.is_some());
    let second = booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture(&identity, 11))
        .await
        .unwrap();
    assert_eq!(second.state, CollectionState::Approved);
}

#[tokio::test]
async fn a_reviewer_decides_on_the_page() {
    let booth = Booth::open_with("binyu", |options| {
        options.reviewer_token = Some("let-me-in".into());
    })
    .await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let record = Uuid::now_v7();
    let mut capture = booth.capture(&identity, 15);
    capture.shoot_number = "<script>".into();
    booth.station.put_capture(record, &capture).await.unwrap();

    let url = |path: &str| format!("{}{path}", booth.backend.url());
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for path in [
        "/review".to_owned(),
        format!("/review/{record}"),
        format!("/review/{record}/standard"),
    ] {
        let reply = browser.get(url(&path)).send().await.unwrap();
        assert_eq!(reply.headers()["location"], "/review/login", "{path}");
    }
    let wrong = browser
        .post(url("/review/login"))
        .form(&[("token", "guess")])
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let right = browser
        .post(url("/review/login"))
        .form(&[("token", "let-me-in")])
        .send()
        .await
        .unwrap();
    let cookie = right.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let session = cookie.split(';').next().unwrap().to_owned();
    let get = async |path: String| {
        browser
            .get(url(&path))
            .header("cookie", &session)
            .send()
            .await
            .unwrap()
    };

    let list = get("/review".into()).await.text().await.unwrap();
    assert!(
        list.contains(&record.to_string()) && list.contains("测*甲"),
        "{list}"
    );
    let desk = get(format!("/review/{record}")).await.text().await.unwrap();
    assert!(desk.contains("&lt;script&gt;") && !desk.contains("<script>"));
    let photo = get(format!("/review/{record}/standard"))
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(sha256_hex(&photo), capture.standard.sha256);

    let post = async |form: &[(&str, &str)], site: &str| {
        let request = browser
            .post(url(&format!("/review/{record}")))
            .header("cookie", &session);
        request
            .header("sec-fetch-site", site)
            .form(form)
            .send()
            .await
            .unwrap()
            .status()
    };
    let no = [("decision", "reject"), ("ears-covered", "on"), ("note", "右耳")];
    assert_eq!(post(&no, "cross-site").await, 403);
    assert_eq!(post(&[("decision", "reject")], "same-origin").await, 422);
    assert!(booth.news(&mut None).await.is_empty(), "a no needs a reason");
    assert_eq!(post(&no, "same-origin").await, 303);
    let news = booth.news(&mut None).await;
    let [ChangeKind::Rejected { rejection }] = &news[..] else {
        panic!("{news:?}")
    };
    assert_eq!(
        (rejection.reasons[0].code.as_str(), rejection.note.as_deref()),
        ("ears-covered", Some("右耳"))
    );
    assert!(
        get("/review".into())
            .await
            .text()
            .await
            .unwrap()
            .contains("头发遮挡耳朵；右耳")
    );
}
