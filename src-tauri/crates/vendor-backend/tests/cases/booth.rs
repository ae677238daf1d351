//! A backend and an enrolled station, with one clock that the test turns.

use std::io::Cursor;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use image::{ImageFormat, Rgb, RgbImage};
use jiff::Timestamp;
use uuid::Uuid;
use vendor::api::{Capture, ChangeKind, Identity, OrderRequest, Photo, Proof, ResolveRequest, Subject};
use vendor::{Client, Clock, ProblemCode, Secret, SecretBytes, StationKey, Timeouts, VendorError};
use vendor_backend::{Backend, BackendOptions, DemoCase, DemoPerson, Running};

use crate::storage::Storage;

/// When tests begin.
pub(crate) const MORNING: &str = "2025-10-10T02:00:00Z";

/// A clock that tests turn.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn at(text: &str) -> Hand {
        Hand(Arc::new(AtomicI64::new(
            text.parse::<Timestamp>().unwrap().as_second(),
        )))
    }

    pub(crate) fn clock(&self) -> Clock {
        let hand = self.0.clone();
        Clock::new(move || Timestamp::from_second(hand.load(Ordering::Relaxed)).unwrap())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock().now()
    }

    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// A backend and an enrolled station, with one clock.
pub(crate) struct Booth {
    pub(crate) storage: Storage,
    pub(crate) backend: Running,
    pub(crate) station: Client,
    pub(crate) hand: Hand,
}

impl Booth {
    pub(crate) async fn open(profile: &str) -> Booth {
        Booth::open_with(profile, |_| ()).await
    }

    pub(crate) async fn open_with(profile: &str, change: impl FnOnce(&mut BackendOptions)) -> Booth {
        Booth::open_at(Hand::at(MORNING), profile, change).await
    }

    /// With a clock that others look at as well.
    pub(crate) async fn open_at(
        hand: Hand,
        profile: &str,
        change: impl FnOnce(&mut BackendOptions),
    ) -> Booth {
        let storage = Storage::fresh();
        let mut options = BackendOptions::demo(profile).unwrap();
        storage.choose(&mut options);
        options.clock = hand.clock();
        change(&mut options);
        let backend = Backend::start(options).await.unwrap();
        let station = enrolled(&backend, &hand, [7; 32]).await;
        Booth {
            storage,
            backend,
            station,
            hand,
        }
    }

    pub(crate) fn person(&self, case: DemoCase) -> DemoPerson {
        self.backend.person(case).unwrap()
    }

    pub(crate) async fn resolve(&self, person: &DemoPerson) -> Identity {
        self.station
            .resolve(&ask(person, &self.station.profile().await.unwrap()))
            .await
            .unwrap()
    }

    pub(crate) async fn order(&self, identity: &Identity) -> Result<vendor::api::Order, VendorError> {
        let request = OrderRequest {
            identity_token: identity.identity_token.clone(),
            academic_record_id: identity.records[0].id.clone(),
        };
        self.station.create_order(&request, Uuid::now_v7()).await
    }

    pub(crate) fn capture(&self, identity: &Identity, shade: u8) -> Capture {
        self.capture_of(
            Subject {
                identity_token: Some(identity.identity_token.clone()),
                academic_record_id: Some(identity.records[0].id.clone()),
                ..Subject::default()
            },
            shade,
        )
    }

    pub(crate) fn capture_of(&self, subject: Subject, shade: u8) -> Capture {
        let now = self.hand.now();
        Capture {
            subject,
            standard: Photo::new("image/jpeg", picture(480, 640, shade, ImageFormat::Jpeg)),
            original: Photo::new("image/png", picture(640, 360, shade, ImageFormat::Png)),
            captured_at: now,
            submitted_at: now,
            consented_at: now,
            shoot_number: "A012".into(),
            spec: "national-blue".into(),
            report: serde_json::json!({ "accepted": true }),
            forced_reason: None,
            software: "test".into(),
        }
    }

    pub(crate) async fn news(&self, cursor: &mut Option<String>) -> Vec<ChangeKind> {
        let page = self.station.changes(cursor.as_deref(), 50).await.unwrap();
        *cursor = Some(page.next_cursor);
        page.changes.into_iter().map(|change| change.what).collect()
    }
}

pub(crate) async fn enrolled(backend: &Running, hand: &Hand, seed: [u8; 32]) -> Client {
    let key = StationKey::from_bytes(&seed);
    let client = Client::new(backend.url(), key, Timeouts::default())
        .unwrap()
        .with_clock(hand.clock());
    let code = backend.activation_code().await.unwrap();
    let enrolled = client.enrol(&code, "图书馆1号机", "test 1").await.unwrap();
    client.with_receipt_key(enrolled.receipt_public_key)
}

pub(crate) fn picture(w: u32, h: u32, shade: u8, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    RgbImage::from_pixel(w, h, Rgb([shade, 150, 220]))
        .write_to(&mut Cursor::new(&mut bytes), format)
        .unwrap();
    bytes
}

pub(crate) fn proof(person: &DemoPerson, profile: &vendor::Profile) -> Proof {
    match profile.proof {
        vendor::ProofKind::None => Proof::None,
        vendor::ProofKind::LastFour => Proof::LastFour {
            value: Secret::new(&*person.last_four),
        },
        vendor::ProofKind::NameAndNumber => Proof::NameAndNumber {
            level: person.record().level.clone(),
            name: Secret::new(&*person.name),
            student_number: Secret::new(&*person.record().student_number),
            phone: Some(Secret::new(&*person.phone)),
        },
    }
}

pub(crate) fn ask(person: &DemoPerson, profile: &vendor::Profile) -> ResolveRequest {
    ResolveRequest {
        code: Some(SecretBytes::new(person.code().as_bytes())),
        proof: proof(person, profile),
        school_id: Some(person.record().school_id.clone()),
    }
}

pub(crate) fn why<T: std::fmt::Debug>(result: Result<T, VendorError>) -> ProblemCode {
    result
        .unwrap_err()
        .problem()
        .expect("a problem of the contract")
        .code
}

/// One for all: each would read the system's certificates. Its connections end with their test's runtime.
pub(crate) fn browser() -> reqwest::Client {
    static BROWSER: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
    });
    BROWSER.clone()
}
