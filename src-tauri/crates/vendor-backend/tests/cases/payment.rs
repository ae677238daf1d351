//! Money: by WeChat Pay, whose word is believed only where it is its own; and free of charge.

use std::sync::Arc;

use uuid::Uuid;
use vendor::api::{CollectionState, Order, OrderRequest, OrderState};
use vendor::{FeeWhen, ProblemCode, Step};
use vendor_backend::DemoCase;
use vendor_backend::payment::{self, Payment};

use crate::booth::{Booth, Hand, browser, why};
use crate::wechat::{Mood, Notice, Stand};

/// A booth of a vendor that is paid by WeChat Pay.
async fn booth(profile: &str) -> (Booth, Arc<Stand>) {
    let hand = Hand::at(crate::booth::MORNING);
    let stand = Stand::open(hand.clock()).await;
    let payment = stand.payment();
    let booth = Booth::open_at(hand, profile, |options| options.payment = payment).await;
    (booth, stand)
}

/// A student's order, and its name at WeChat Pay.
async fn an_order(booth: &Booth, case: DemoCase) -> (Order, String) {
    let identity = booth.resolve(&booth.person(case)).await;
    let order = booth.order(&identity).await.unwrap();
    let trade_no = order.id.replace('-', "");
    (order, trade_no)
}

async fn state(booth: &Booth, order: &Order) -> OrderState {
    booth.station.order(&order.id).await.unwrap().state
}

#[tokio::test]
async fn wechat_pays_once_by_its_code_and_by_its_own_word() {
    let (booth, stand) = booth("biyezhengzhao").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let order = booth.order(&identity).await.unwrap();
    assert!(
        order.payment_url.starts_with("weixin://wxpay/"),
        "the code is the student's to scan"
    );
    let trade_no = order.id.replace('-', "");
    let trade = stand.books().trades[&trade_no].clone();
    assert_eq!(trade.amount_fen, 2000);
    let notify = format!("{}/pay/wechat", booth.backend.url());
    assert_eq!(trade.notify_url, notify);
    // Asked again it is the same code; WeChat Pay is not troubled.
    assert_eq!(
        booth.order(&identity).await.unwrap().payment_url,
        order.payment_url
    );
    assert_eq!(stand.books().begun, 1);

    let notice = Notice::of(&trade_no, 2000, booth.hand.now());
    assert_eq!(notice.tell(&notify).await, 204);
    assert_eq!(state(&booth, &order).await, OrderState::Paid);
    assert_eq!(notice.tell(&notify).await, 204, "told twice, taken once");
    assert_eq!(why(booth.order(&identity).await), ProblemCode::NothingDue);
    let capture = booth.capture(&identity, 90);
    let accepted = booth.station.put_capture(Uuid::now_v7(), &capture).await.unwrap();
    assert_eq!(accepted.state, CollectionState::UnderReview);
    booth.backend.stop().await;
}

#[tokio::test]
async fn what_wechat_did_not_say_or_not_about_this_order_is_not_believed() {
    let (booth, _stand) = booth("biyezhengzhao").await;
    let (order, trade_no) = an_order(&booth, DemoCase::Ordinary).await;
    let notify = format!("{}/pay/wechat", booth.backend.url());
    let now = booth.hand.now();
    let good = || Notice::of(&trade_no, 2000, now);
    let with = |change: &dyn Fn(&mut Notice)| {
        let mut notice = good();
        change(&mut notice);
        notice
    };
    let minutes = jiff::SignedDuration::from_mins;
    for (what, notice, status) in [
        ("another key", good().by_another_key(), 401),
        ("changed on the way", with(&|n| n.spoilt = true), 401),
        ("another serial number", with(&|n| n.serial = "PUB_KEY_ID_1"), 401),
        ("too old", with(&|n| n.at = now - minutes(6)), 401),
        ("too early", with(&|n| n.at = now + minutes(6)), 401),
        (
            "sealed for another merchant",
            with(&|n| n.sealed_with = "ffffffffffffffffffffffffffffffff"),
            401,
        ),
        (
            "another merchant",
            with(&|n| n.payment["mchid"] = "1111111111".into()),
            401,
        ),
        (
            "another application",
            with(&|n| n.payment["appid"] = "wx1".into()),
            401,
        ),
        ("less", with(&|n| n.payment["amount"]["total"] = 1.into()), 409),
        (
            "more",
            with(&|n| n.payment["amount"]["total"] = 200_000.into()),
            409,
        ),
        (
            "another currency",
            with(&|n| n.payment["amount"]["currency"] = "HKD".into()),
            409,
        ),
        (
            "not paid",
            with(&|n| n.payment["trade_state"] = "NOTPAY".into()),
            409,
        ),
        ("another kind", with(&|n| n.event = "REFUND.SUCCESS"), 409),
        (
            "no such order",
            with(&|n| n.payment["out_trade_no"] = "0".repeat(32).into()),
            409,
        ),
    ] {
        assert_eq!(notice.tell(&notify).await, status, "{what}");
    }
    let bare = browser().post(&notify).body("{}").send().await.unwrap();
    assert_eq!(bare.status(), 401);

    // Nor does money flow by the page, which shows the code.
    let page = order_page(&booth, &order).await;
    assert!(
        page.contains("微信“扫一扫”") && !page.contains("<button"),
        "{page}"
    );
    assert_eq!(state(&booth, &order).await, OrderState::Open);

    // The same notice, kept for six minutes.
    let kept = good();
    booth.hand.forward(361);
    assert_eq!(kept.tell(&notify).await, 401);
    assert_eq!(state(&booth, &order).await, OrderState::Open);
    booth.backend.stop().await;
}

/// The order's page at the backend, after somebody pressed whatever button there might be.
async fn order_page(booth: &Booth, order: &Order) -> String {
    let url = booth.backend.payment_page(&order.id).await.unwrap();
    browser().post(&url).send().await.unwrap();
    browser().get(&url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn where_no_notice_comes_wechat_is_asked() {
    let (booth, stand) = booth("biyezhengzhao").await;
    let (first, first_no) = an_order(&booth, DemoCase::Ordinary).await;
    stand.is_paid(&first_no);
    assert_eq!(
        state(&booth, &first).await,
        OrderState::Open,
        "not before five seconds"
    );
    booth.hand.forward(5);
    assert_eq!(state(&booth, &first).await, OrderState::Paid);
    let asked = stand.books().asked;
    assert_eq!(state(&booth, &first).await, OrderState::Paid);
    assert_eq!(stand.books().asked, asked, "what is known is not asked");

    // Nobody stands at the booth any more: paid at the last moment, and never paid.
    let (late, late_no) = an_order(&booth, DemoCase::SeveralRecords).await;
    let (never, never_no) = an_order(&booth, DemoCase::EndsInX).await;
    stand.is_paid(&late_no);
    booth.hand.forward(16 * 60);
    booth.backend.sweep_payments().await.unwrap();
    assert_eq!(
        state(&booth, &late).await,
        OrderState::Paid,
        "the student's money is gone"
    );
    assert_eq!(state(&booth, &never).await, OrderState::Expired);
    assert_eq!(stand.books().trades[&never_no].state, "CLOSED");
    let asked = stand.books().asked;
    booth.hand.forward(120);
    booth.backend.sweep_payments().await.unwrap();
    assert_eq!(stand.books().asked, asked, "nothing is open");
    booth.backend.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_not_wechats_own_is_none() {
    let (booth, stand) = booth("biyezhengzhao").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let request = OrderRequest {
        identity_token: identity.identity_token.clone(),
        academic_record_id: identity.records[0].id.clone(),
    };
    let key = Uuid::now_v7();
    for mood in [Mood::Forged, Mood::Unsigned, Mood::Late, Mood::Down] {
        stand.books().mood = mood;
        let error = booth.station.create_order(&request, key).await.unwrap_err();
        assert_eq!(
            error.problem().unwrap().code,
            ProblemCode::Unavailable,
            "{mood:?}"
        );
        assert!(!error.is_permanent());
    }
    stand.books().mood = Mood::Honest;
    let order = booth.station.create_order(&request, key).await.unwrap();
    assert!(order.payment_url.starts_with("weixin://"));

    // Nor is a payment believed that a stranger tells of when asked.
    stand.is_paid(&order.id.replace('-', ""));
    booth.hand.forward(6);
    stand.books().mood = Mood::Forged;
    assert_eq!(state(&booth, &order).await, OrderState::Open);
    booth.hand.forward(6);
    stand.books().mood = Mood::Honest;
    assert_eq!(state(&booth, &order).await, OrderState::Paid);
    booth.backend.stop().await;
}

/// The orders whose money is to be given back.
async fn surplus(booth: &Booth) -> Vec<String> {
    let store = booth.storage.store();
    let rows = tokio::task::spawn_blocking(move || payment::surplus(&store).unwrap());
    rows.await.unwrap().into_iter().map(|row| row.order_id).collect()
}

#[tokio::test]
async fn a_payment_that_comes_late_ends_the_order_that_was_opened_meanwhile() {
    let (booth, stand) = booth("biyezhengzhao").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    let notify = format!("{}/pay/wechat", booth.backend.url());
    let first = booth.order(&identity).await.unwrap();
    booth.hand.forward(16 * 60);
    let second = booth.order(&identity).await.unwrap();
    assert_ne!(first.id, second.id);
    let notice = |order: &Order| Notice::of(&order.id.replace('-', ""), 2000, booth.hand.now());
    assert_eq!(notice(&first).tell(&notify).await, 204);
    assert_eq!(state(&booth, &first).await, OrderState::Paid);
    assert_eq!(state(&booth, &second).await, OrderState::Expired);
    // And if that one was paid as well, it is known, and is to be paid back.
    assert!(surplus(&booth).await.is_empty());
    assert_eq!(notice(&second).tell(&notify).await, 204);
    assert_eq!(notice(&second).tell(&notify).await, 204);
    assert_eq!(surplus(&booth).await, [second.id]);
    assert_eq!(stand.books().begun, 2);
    booth.backend.stop().await;
}

#[tokio::test]
async fn a_code_that_is_two_hours_old_is_replaced() {
    let (booth, stand) = booth("yipai").await;
    let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
    booth
        .station
        .put_capture(Uuid::now_v7(), &booth.capture(&identity, 80))
        .await
        .unwrap();
    let order = booth.order(&identity).await.unwrap();
    booth.hand.forward(2 * 3600);
    let later = booth.station.order(&order.id).await.unwrap();
    assert_eq!(later.state, OrderState::Open, "after the upload there is a week");
    assert_ne!(later.payment_url, order.payment_url);
    assert_eq!(stand.books().begun, 2);
    booth.backend.stop().await;
}

#[tokio::test]
async fn free_of_charge_nobody_is_led_to_a_till() {
    for vendor in ["biyezhengzhao", "yipai", "binyu"] {
        let booth = Booth::open_with(vendor, |options| options.payment = Payment::Free).await;
        let profile = booth.station.profile().await.unwrap();
        assert!(!profile.has(Step::Pay) && profile.fee.when == FeeWhen::Never);
        profile.validate().unwrap();
        let identity = booth.resolve(&booth.person(DemoCase::Ordinary)).await;
        assert_eq!(identity.records[0].fee.due_fen, 0);
        assert_eq!(why(booth.order(&identity).await), ProblemCode::NothingDue);
        let capture = booth.capture(&identity, 70);
        let accepted = booth.station.put_capture(Uuid::now_v7(), &capture).await.unwrap();
        assert_eq!(accepted.state, CollectionState::UnderReview);
        booth.backend.stop().await;
    }
}
