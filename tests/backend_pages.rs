//! The reference backend's own pages in a real browser: an order is paid as on a telephone, and a reviewer who never
//! touches the mouse approves one photo and rejects another with its reasons. What came of it is asked of the contract.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Cursor};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::{Client as Browser, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use image::{ImageFormat, Rgb, RgbImage};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use vendor::api::{
    Capture, ChangeKind, Identity, OrderRequest, OrderState, Photo, Proof, ResolveRequest, Subject,
};
use vendor::{Client, Secret, SecretBytes, StationKey, Timeouts};
use vendor_backend::{Backend, BackendOptions, DemoCase, DemoPerson, Running};

/// The longest wait for anything, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(2);

/// The browser's driver, ended with everything it started.
struct Driver {
    child: Child,
    port: u16,
    profile: tempfile::TempDir,
    _said: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Driver {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "chromedriver is missing (Debian: chromium-driver); `cargo xtask setup` installs it for the tests",
            );
        // It takes a free port and says which. The pipe stays open: it may say more.
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(
                said.read_line(&mut line).unwrap() > 0,
                "chromedriver names no port"
            );
            if let Some((_, told)) = line.trim_end().split_once("started successfully on port ") {
                break told.trim_end_matches('.').parse().unwrap();
            }
        };
        Driver {
            child,
            port,
            profile,
            _said: said,
        }
    }

    async fn browser(&self) -> Browser {
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
            "--window-size=1280,900",
        ];
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let mut capabilities = serde_json::Map::new();
        capabilities.insert(
            "goog:chromeOptions".into(),
            json!({ "args": arguments.iter().copied().chain([profile.as_str()]).collect::<Vec<_>>() }),
        );
        let since = Instant::now();
        loop {
            let client = ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.clone())
                .connect(&format!("http://127.0.0.1:{}", self.port))
                .await;
            match client {
                Ok(client) => return client,
                Err(error) => assert!(since.elapsed() < PATIENCE, "no browser: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// A person before the browser.
struct Person(Browser);

impl Person {
    async fn goes_to(&self, url: &str) {
        self.0.goto(url).await.unwrap();
    }

    async fn text(&self) -> String {
        match self.0.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// Waits until the page says this.
    async fn reads(&self, words: &str) {
        let since = Instant::now();
        while !self.text().await.contains(words) {
            assert!(
                since.elapsed() < PATIENCE,
                "{words} is not there: {}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn presses(&self, keys: &str) {
        self.0
            .active_element()
            .await
            .unwrap()
            .send_keys(keys)
            .await
            .unwrap();
    }

    async fn presses_with_alt(&self, letter: char) {
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down {
                value: char::from(Key::Alt),
            })
            .then(KeyAction::Down { value: letter })
            .then(KeyAction::Up { value: letter })
            .then(KeyAction::Up {
                value: char::from(Key::Alt),
            });
        self.0.perform_actions(keys).await.unwrap();
    }

    /// Waits until the focus stands there by itself: the page leads the hands.
    async fn is_led_to(&self, id: &str) {
        let here = format!("const e = document.activeElement; return e.id === '{id}' || e.name === '{id}'");
        let since = Instant::now();
        while self.0.execute(&here, Vec::new()).await.unwrap() != json!(true) {
            assert!(since.elapsed() < PATIENCE, "the focus is not on {id}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Tab after Tab until the focus stands on what `is` says of `document.activeElement`.
    async fn tabs_to(&self, what: &str, is: &str) {
        for _ in 0..60 {
            self.presses(&Key::Tab.to_string()).await;
            let here = format!("const e = document.activeElement; return {is}");
            if self.0.execute(&here, Vec::new()).await.unwrap() == json!(true) {
                let shown = "const s = getComputedStyle(document.activeElement); \
                             return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2";
                let shown = self.0.execute(shown, Vec::new()).await.unwrap();
                assert_eq!(shown, json!(true), "the focus on {what} cannot be seen");
                return;
            }
        }
        panic!("{what} cannot be reached by Tab: {}", self.text().await);
    }
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, Rgb([100, 197, 255]))
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

async fn station(backend: &Running) -> Client {
    let key = StationKey::from_bytes(&[7; 32]);
    let client = Client::new(backend.url(), key, Timeouts::default()).unwrap();
    let code = backend.activation_code().await.unwrap();
    let enrolled = client.enrol(&code, "图书馆1号机", "test 1").await.unwrap();
    client.with_receipt_key(enrolled.receipt_public_key)
}

async fn identity(station: &Client, person: &DemoPerson) -> Identity {
    let request = ResolveRequest {
        code: Some(SecretBytes::new(person.code().as_bytes())),
        proof: Proof::LastFour {
            value: Secret::new(&*person.last_four),
        },
        school_id: Some(person.record().school_id.clone()),
    };
    station.resolve(&request).await.unwrap()
}

async fn hand_in(station: &Client, identity: &Identity, shoot_number: &str) -> Uuid {
    let now = Timestamp::now();
    let record = Uuid::now_v7();
    let capture = Capture {
        subject: Subject {
            identity_token: Some(identity.identity_token.clone()),
            academic_record_id: Some(identity.records[0].id.clone()),
            ..Subject::default()
        },
        standard: Photo::new("image/jpeg", picture(480, 640, ImageFormat::Jpeg)),
        original: Photo::new("image/png", picture(640, 360, ImageFormat::Png)),
        captured_at: now,
        submitted_at: now,
        consented_at: now,
        shoot_number: shoot_number.into(),
        spec: "national-blue".into(),
        report: json!({ "accepted": true, "checks": [] }),
        forced_reason: None,
        software: "test".into(),
    };
    station.put_capture(record, &capture).await.unwrap();
    record
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "two pages from beginning to end")]
async fn a_telephone_pays_and_a_reviewer_decides_by_keyboard() {
    let backend = Backend::start(BackendOptions {
        reviewer_token: Some("let-me-in".into()),
        ..BackendOptions::demo("biyezhengzhao").unwrap()
    })
    .await
    .unwrap();
    let station = station(&backend).await;
    let driver = Driver::start();
    let person = Person(driver.browser().await);

    // Paying, in the width of a telephone.
    let first = identity(&station, &backend.person(DemoCase::Ordinary).unwrap()).await;
    let request = OrderRequest {
        identity_token: first.identity_token.clone(),
        academic_record_id: first.records[0].id.clone(),
    };
    let order = station.create_order(&request, Uuid::now_v7()).await.unwrap();
    person.0.set_window_size(390, 844).await.unwrap();
    person.goes_to(&order.payment_url).await;
    person.reads("支付采集费").await;
    let too_wide = "return document.documentElement.scrollWidth > window.innerWidth";
    assert_eq!(
        person.0.execute(too_wide, Vec::new()).await.unwrap(),
        json!(false)
    );
    person
        .0
        .find(Locator::Css("button"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    person.reads("支付成功").await;
    assert_eq!(station.order(&order.id).await.unwrap().state, OrderState::Paid);
    // Whoever opens the page again pays nothing twice.
    person.goes_to(&order.payment_url).await;
    person.reads("支付成功").await;
    assert!(person.0.find(Locator::Css("button")).await.is_err());

    // Two photos wait; the reviewer's mouse is broken.
    let paid = hand_in(&station, &first, "A-0001").await;
    let second = identity(&station, &backend.person(DemoCase::ClassPayment).unwrap()).await;
    let class = hand_in(&station, &second, "A-0002").await;
    person.0.set_window_size(1280, 900).await.unwrap();
    person.goes_to(&format!("{}/review", backend.url())).await;
    person.reads("审核口令").await;
    person.is_led_to("token").await;
    person.presses(&format!("wrong{}", Key::Enter)).await;
    person.reads("口令不对").await;
    person.is_led_to("token").await;
    person.presses(&format!("let-me-in{}", Key::Enter)).await;
    person.reads("待审核 2").await;
    person
        .tabs_to("the first photo", "e.classList.contains('tile')")
        .await;
    person.presses(&Key::Enter.to_string()).await;
    person.reads("A-0001").await;
    let drawn =
        "return [...document.images].every(i => i.complete && i.naturalWidth > 0) && document.images.length";
    let since = Instant::now();
    while person.0.execute(drawn, Vec::new()).await.unwrap() != json!(2) {
        assert!(since.elapsed() < PATIENCE, "the photos are not shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    person.tabs_to("通过", "e.value === 'approve'").await;
    person.presses(" ").await;

    // The next one comes by itself. A no without a reason helps no student.
    person.reads("A-0002").await;
    person.tabs_to("the note", "e.id === 'note'").await;
    person.presses("左侧镜片").await;
    person.tabs_to("不通过", "e.value === 'reject'").await;
    person.presses(&Key::Enter.to_string()).await;
    person.reads("请至少选择一项原因").await;
    let kept = "return document.getElementById('note').value";
    assert_eq!(
        person.0.execute(kept, Vec::new()).await.unwrap(),
        json!("左侧镜片")
    );
    person.is_led_to("glasses-glare").await;
    person.presses(" ").await;
    // By the letters on the keys from here on: R for 照片模糊, N for 不通过.
    person.presses_with_alt('r').await;
    let blurred = "return document.getElementsByName('blurred')[0].checked";
    assert_eq!(person.0.execute(blurred, Vec::new()).await.unwrap(), json!(true));
    person.presses_with_alt('n').await;
    person.reads("没有待审核的照片").await;
    person.reads("镜片反光；照片模糊；左侧镜片").await;

    let changes = station.changes(None, 50).await.unwrap().changes;
    let of = |record: Uuid| {
        changes
            .iter()
            .rev()
            .find(|change| change.record_id == record)
            .map(|change| change.what.clone())
    };
    assert!(matches!(of(paid), Some(ChangeKind::Approved)), "{:?}", of(paid));
    match of(class) {
        Some(ChangeKind::Rejected { rejection }) => {
            let codes: Vec<&str> = rejection
                .reasons
                .iter()
                .map(|reason| reason.code.as_str())
                .collect();
            assert_eq!(codes, ["glasses-glare", "blurred"]);
            assert_eq!(rejection.note.as_deref(), Some("左侧镜片"));
        }
        other => panic!("{other:?}"),
    }
    person.0.close().await.unwrap();
    backend.stop().await;
}
