//! The review desk, as reviewers' browsers see it.

use std::process::Command;

use reqwest::StatusCode;
use uuid::Uuid;
use vendor::api::{ChangeKind, CollectionState};
use vendor_backend::reviewers::{self, Role};
use vendor_backend::{BackendOptions, DemoCase, Running};

use crate::booth::{Booth, browser};

/// A reviewer's browser.
struct Browser {
    client: reqwest::Client,
    url: String,
    cookie: String,
}

impl Browser {
    async fn enter(backend: &Running, token: &str) -> Option<Browser> {
        let mut browser = Browser {
            client: browser(),
            url: backend.url().to_owned(),
            cookie: String::new(),
        };
        let reply = browser.post("/review/login", &[("token", token)]).await;
        let cookie = reply.headers().get("set-cookie")?.to_str().unwrap();
        cookie.split(';').next().unwrap().clone_into(&mut browser.cookie);
        Some(browser)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(format!("{}{path}", self.url));
        request.header("cookie", &self.cookie).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> String {
        let reply = self.get(path).await;
        assert_eq!(reply.status(), StatusCode::OK, "{path}");
        reply.text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
        let request = self.client.post(format!("{}{path}", self.url));
        request
            .header("cookie", &self.cookie)
            .form(form)
            .send()
            .await
            .unwrap()
    }

    /// Where `/review/next` leads: a photo, or `None` where there is none for this reviewer.
    async fn next(&self) -> Option<Uuid> {
        leads_to(&self.get("/review/next").await)
    }

    async fn approve(&self, photo: Uuid) -> reqwest::Response {
        self.post(&format!("/review/{photo}"), &[("decision", "approve")])
            .await
    }

    async fn reject(&self, photo: Uuid, reason: &str, note: &str) -> reqwest::Response {
        let form = [("decision", "reject"), (reason, "on"), ("note", note)];
        self.post(&format!("/review/{photo}"), &form).await
    }
}

fn leads_to(reply: &reqwest::Response) -> Option<Uuid> {
    let location = reply.headers()["location"].to_str().unwrap();
    location.strip_prefix("/review/")?.parse().ok()
}

/// A booth with so many photos that wait.
async fn booth_with_photos(count: usize, change: impl FnOnce(&mut BackendOptions)) -> (Booth, Vec<Uuid>) {
    let booth = Booth::open_with("binyu", change).await;
    let people = booth.backend.people();
    let ordinary = people
        .iter()
        .filter(|person| person.case == DemoCase::Ordinary)
        .take(count);
    let mut photos = Vec::new();
    for person in ordinary {
        let identity = booth.resolve(person).await;
        let record = Uuid::now_v7();
        let mut capture = booth.capture(&identity, 100);
        capture.report = serde_json::json!({ "accepted": true, "checks": [
            { "code": "lens-glare", "light": if photos.is_empty() { "amber" } else { "green" }, "zh": "镜片反光" },
            { "code": "ears", "light": "amber", "zh": "耳朵" },
        ]});
        booth.station.put_capture(record, &capture).await.unwrap();
        photos.push(record);
    }
    (booth, photos)
}

/// A reviewer's token, made as the vendor's staff do. Not on an async thread.
async fn reviewer(booth: &Booth, name: &'static str, role: Role) -> String {
    let store = booth.storage.store();
    let add = move || reviewers::add(&store, name, role, jiff::Timestamp::now()).unwrap();
    tokio::task::spawn_blocking(add).await.unwrap()
}

async fn state(booth: &Booth, photo: Uuid) -> CollectionState {
    booth.station.capture(photo).await.unwrap().state
}

#[tokio::test]
async fn two_reviewers_never_have_the_same_photo_before_them() {
    let (booth, photos) = booth_with_photos(3, |_| ()).await;
    let token = reviewer(&booth, "测试甲审核", Role::Reviewer).await;
    // The same person at two desks is two desks.
    let desks = [
        Browser::enter(&booth.backend, &token).await.unwrap(),
        Browser::enter(&booth.backend, &token).await.unwrap(),
        Browser::enter(&booth.backend, booth.backend.reviewer_token())
            .await
            .unwrap(),
        Browser::enter(&booth.backend, booth.backend.reviewer_token())
            .await
            .unwrap(),
    ];
    // All at once, again and again.
    for _ in 0..5 {
        let [a, b, c, d] = &desks;
        let (a, b, c, d) = tokio::join!(a.next(), b.next(), c.next(), d.next());
        let mut held: Vec<Uuid> = [a, b, c, d].into_iter().flatten().collect();
        held.sort();
        held.dedup();
        // Whoever asks gives back what was before them, so that one of four may find nothing for a moment.
        assert_eq!(
            held.len(),
            [a, b, c, d].into_iter().flatten().count(),
            "one photo, one desk"
        );
    }
    // Begin anew, one after the other.
    for desk in &desks {
        desk.page("/review").await;
    }
    let [first, second, third, fourth] = &desks;
    assert_eq!(first.next().await, Some(photos[0]));
    assert_eq!(second.next().await, Some(photos[1]));
    assert_eq!(third.next().await, Some(photos[2]));
    assert_eq!(fourth.next().await, None, "three photos, three desks");
    assert!(first.page("/review").await.contains("测试甲审核 正在查看"));
    assert_eq!(first.next().await, Some(photos[0]));

    // Another's photo can be seen, not decided.
    let page = second.page(&format!("/review/{}", photos[0])).await;
    assert!(page.contains("测试甲审核 正在查看这张照片") && !page.contains("value=\"approve\""));
    let reply = second.approve(photos[0]).await;
    assert_eq!(leads_to(&reply), Some(photos[0]), "back to what is");
    assert_eq!(state(&booth, photos[0]).await, CollectionState::UnderReview);

    // Put back, it is anybody's, and the next one comes; left, it is anybody's; and so it is after five minutes.
    let reply = first
        .post(&format!("/review/{}", photos[0]), &[("decision", "back")])
        .await;
    let after = leads_to(&reply);
    assert_ne!(after, Some(photos[0]));
    assert_eq!(fourth.next().await, Some(photos[0]));
    fourth.post("/review/leave", &[]).await;
    assert_eq!(fourth.get("/review").await.headers()["location"], "/review/login");
    assert_eq!(first.next().await, Some(photos[0]));
    booth.hand.forward(299);
    assert_ne!(second.next().await, Some(photos[0]));
    booth.hand.forward(2);
    assert_eq!(
        second.next().await,
        Some(photos[0]),
        "whoever sat there for too long"
    );
    assert_eq!(
        second.approve(photos[0]).await.headers()["location"],
        "/review/next"
    );
    assert_eq!(state(&booth, photos[0]).await, CollectionState::Approved);
    booth.backend.stop().await;
}

#[tokio::test]
async fn with_four_eyes_two_decide_and_a_lead_settles_what_they_disagree_about() {
    let (booth, photos) = booth_with_photos(3, |options| options.four_eyes = true).await;
    let mut desks = Vec::new();
    for (name, role) in [
        ("测试甲审核", Role::Reviewer),
        ("测试乙审核", Role::Reviewer),
        ("测试丙审核", Role::Reviewer),
        ("测试丁组长", Role::Lead),
    ] {
        let token = reviewer(&booth, name, role).await;
        desks.push(Browser::enter(&booth.backend, &token).await.unwrap());
    }
    let [first, second, third, lead] = &desks[..] else {
        unreachable!()
    };

    // Two who agree.
    assert_eq!(first.next().await, Some(photos[0]));
    first.approve(photos[0]).await;
    assert_eq!(
        state(&booth, photos[0]).await,
        CollectionState::UnderReview,
        "one is not enough"
    );
    first.approve(photos[0]).await;
    assert_eq!(
        state(&booth, photos[0]).await,
        CollectionState::UnderReview,
        "nor one twice"
    );
    assert_ne!(
        first.next().await,
        Some(photos[0]),
        "nor is it shown to them again"
    );
    let page = second.page(&format!("/review/{}", photos[0])).await;
    assert!(
        !page.contains("测试甲审核"),
        "the second looks without the first one's word"
    );
    second.approve(photos[0]).await;
    assert_eq!(state(&booth, photos[0]).await, CollectionState::Approved);

    // Two who disagree: nobody but a lead, who sees both words.
    first.reject(photos[1], "ears-covered", "右耳").await;
    second.approve(photos[1]).await;
    assert_eq!(state(&booth, photos[1]).await, CollectionState::UnderReview);
    let page = third.page(&format!("/review/{}", photos[1])).await;
    assert!(page.contains("由组长决定") && !page.contains("右耳"));
    third.approve(photos[1]).await;
    assert_eq!(state(&booth, photos[1]).await, CollectionState::UnderReview);
    assert_eq!(third.next().await, Some(photos[2]));
    assert_eq!(lead.next().await, Some(photos[1]));
    let page = lead.page(&format!("/review/{}", photos[1])).await;
    assert!(
        page.contains("<dt>测试甲审核</dt><dd>不通过：头发遮挡耳朵；右耳</dd>")
            && page.contains("<dt>测试乙审核</dt><dd>通过</dd>"),
        "{page}"
    );
    lead.reject(photos[1], "light", "").await;
    let news = booth.news(&mut None).await;
    let Some(ChangeKind::Rejected { rejection }) = news.last() else {
        panic!("{news:?}")
    };
    let codes: Vec<&str> = rejection.reasons.iter().map(|reason| &*reason.code).collect();
    assert_eq!(
        (codes, rejection.note.as_deref()),
        (vec!["ears-covered", "light"], Some("右耳"))
    );
    booth.backend.stop().await;
}

#[tokio::test]
async fn booths_and_checks_are_counted_for_whoever_leads() {
    let (booth, photos) = booth_with_photos(3, |_| ()).await;
    let token = reviewer(&booth, "测试甲审核", Role::Reviewer).await;
    let desk = Browser::enter(&booth.backend, &token).await.unwrap();
    let lead = Browser::enter(&booth.backend, booth.backend.reviewer_token())
        .await
        .unwrap();
    desk.reject(photos[0], "glasses-glare", "").await;
    desk.approve(photos[1]).await;

    assert_eq!(desk.get("/review/figures").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        desk.get("/review/figures.csv").await.status(),
        StatusCode::FORBIDDEN
    );
    assert!(!desk.page("/review").await.contains("/review/figures"));
    let page = lead.page("/review/figures?days=1").await;
    assert!(
        page.contains("图书馆1号机") && page.contains("镜片反光（lens-glare）"),
        "{page}"
    );
    let text = lead.page("/review/figures.csv?days=1").await;
    let rows: Vec<&str> = text
        .lines()
        .map(|line| line.split_once(",图书馆1号机,").map_or("", |(_, row)| row))
        .collect();
    assert_eq!(
        rows,
        [
            "",
            "all,3,1,1,glasses-glare=1",
            "none,0,0,0,",
            "ears,3,1,1,glasses-glare=1",
            "lens-glare,1,0,1,glasses-glare=1",
        ],
        "{text}"
    );
    booth.hand.forward(2 * 24 * 3600);
    let lead = Browser::enter(&booth.backend, booth.backend.reviewer_token())
        .await
        .unwrap();
    assert!(!lead.page("/review/figures?days=1").await.contains("图书馆1号机"));
    assert_eq!(
        lead.get("/review/figures?days=x").await.status(),
        StatusCode::BAD_REQUEST
    );
    booth.backend.stop().await;
}

#[tokio::test]
async fn a_reviewer_who_is_gone_is_let_in_no_more() {
    let (booth, photos) = booth_with_photos(1, |_| ()).await;
    let token = reviewer(&booth, "测试甲审核", Role::Reviewer).await;
    let desk = Browser::enter(&booth.backend, &token).await.unwrap();
    assert_eq!(desk.next().await, Some(photos[0]));
    // A lost token is replaced: the old one opens nothing, and what it opened is shut.
    let fresh = reviewer(&booth, "测试甲审核", Role::Lead).await;
    assert!(Browser::enter(&booth.backend, &token).await.is_none());
    assert_eq!(desk.get("/review").await.headers()["location"], "/review/login");
    let desk = Browser::enter(&booth.backend, &fresh).await.unwrap();
    assert_eq!(
        desk.next().await,
        Some(photos[0]),
        "what was before them went back"
    );

    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vendor-backend"));
        let output = command
            .arg("reviewer")
            .args(arguments)
            .args(booth.storage.arguments());
        output.output().unwrap()
    };
    let list = program(&["list"]);
    let row: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(
        (&row["name"], &row["role"]),
        (&"测试甲审核".into(), &"lead".into())
    );
    assert!(!String::from_utf8_lossy(&list.stdout).contains(&fresh));
    assert!(program(&["remove", "测试甲审核"]).status.success());
    assert!(!program(&["remove", "测试甲审核"]).status.success());
    assert_eq!(desk.get("/review").await.headers()["location"], "/review/login");
    assert!(Browser::enter(&booth.backend, &fresh).await.is_none());
    let token = program(&["add", "测试乙审核", "--role", "lead"]).stdout;
    let token = String::from_utf8(token).unwrap();
    assert!(Browser::enter(&booth.backend, token.trim()).await.is_some());
    assert!(!program(&["add", "启动口令"]).status.success());
    booth.backend.stop().await;
}
