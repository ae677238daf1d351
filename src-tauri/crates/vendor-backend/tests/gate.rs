//! What does not come from a station, and what does not come from the backend.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use jiff::Timestamp;
use uuid::Uuid;
use vendor::api::{Accepted, Capture, CollectionState, Photo, Subject};
use vendor::problem::{MEDIA_TYPE, Problem};
use vendor::signature::{Message, content_digest, sign_request};
use vendor::{Client, ProblemCode, Receipt, StationKey, Timeouts, VendorError};
use vendor_backend::{Backend, BackendOptions, Running, demo};

const KEY: [u8; 32] = [7; 32];
const BODY: &str = r#"{"code":"Q0hTSTE6eA","proof":{"kind":"none"}}"#;

async fn backend() -> Running {
    let backend = Backend::start(BackendOptions::demo("binyu").unwrap())
        .await
        .unwrap();
    let client = Client::new(backend.url(), StationKey::from_bytes(&KEY), Timeouts::default()).unwrap();
    client
        .enrol(demo::ACTIVATION_CODE, "1号机", "test")
        .await
        .unwrap();
    backend
}

/// A request by hand: what is signed, and what is sent.
struct Letter {
    key: StationKey,
    signed_path: &'static str,
    path: &'static str,
    nonce: String,
    sent_body: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Letter {
    fn new() -> Letter {
        Letter {
            key: StationKey::from_bytes(&KEY),
            signed_path: "/v1/identities",
            path: "/v1/identities",
            nonce: Uuid::now_v7().simple().to_string(),
            sent_body: BODY,
            headers: vec![
                ("content-type", "application/json".into()),
                ("content-digest", content_digest(BODY.as_bytes())),
            ],
        }
    }

    async fn send(&self, backend: &Running) -> (StatusCode, Option<ProblemCode>) {
        let authority = backend.addr.to_string();
        let fields: Vec<_> = self.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let message = Message {
            method: "POST",
            authority: &authority,
            path: self.signed_path,
            query: None,
            fields: &fields,
        };
        let (input, signature) = sign_request(&message, &self.key, Timestamp::now(), &self.nonce).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = http
            .post(format!("{}{}", backend.url(), self.path))
            .body(self.sent_body);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let reply = request
            .header("signature-input", input)
            .header("signature", signature)
            .send()
            .await
            .unwrap();
        outcome(reply).await
    }
}

async fn outcome(reply: reqwest::Response) -> (StatusCode, Option<ProblemCode>) {
    let status = StatusCode::from_u16(reply.status().as_u16()).unwrap();
    if status.is_success() {
        return (status, None);
    }
    assert_eq!(reply.headers()[CONTENT_TYPE.as_str()], MEDIA_TYPE);
    let problem: Problem = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
    assert_eq!(problem.status, status.as_u16());
    (status, Some(problem.code))
}

#[tokio::test]
async fn an_unsigned_request_is_nobodys() {
    let backend = backend().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in [
        "/v1/profile",
        "/v1/schools",
        "/v1/changes",
        "/v1/orders/1",
        "/v1/captures/1/deliverables",
    ] {
        let reply = http.get(format!("{}{path}", backend.url())).send().await.unwrap();
        assert!(reply.headers().contains_key("www-authenticate"));
        assert_eq!(
            outcome(reply).await,
            (StatusCode::UNAUTHORIZED, Some(ProblemCode::SignatureMissing)),
            "{path}"
        );
    }
    let put = http
        .put(format!("{}/v1/captures/1", backend.url()))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(outcome(put).await.1, Some(ProblemCode::SignatureMissing));
    let enrol = http
        .post(format!("{}/v1/enrol", backend.url()))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(outcome(enrol).await.1, Some(ProblemCode::SignatureMissing));
    // Problems everywhere, also where there is nothing.
    let nothing = http
        .get(format!("{}/v1/nothing", backend.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(outcome(nothing).await.1, Some(ProblemCode::NotFound));
    let method = http
        .delete(format!("{}/v1/status", backend.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(outcome(method).await.1, Some(ProblemCode::MethodNotAllowed));
    let explained = http
        .get(format!("{}/v1/problems/replayed", backend.url()))
        .send()
        .await
        .unwrap();
    assert!(explained.text().await.unwrap().contains("请求已被使用"));
}

#[tokio::test]
async fn a_recorded_request_is_refused_the_second_time() {
    let backend = backend().await;
    let letter = Letter::new();
    // The gate lets it pass: the code is unknown, the request is not.
    assert_eq!(letter.send(&backend).await.1, Some(ProblemCode::UnknownCode));
    assert_eq!(letter.send(&backend).await.1, Some(ProblemCode::Replayed));
    let fresh = Letter {
        nonce: Uuid::now_v7().simple().to_string(),
        ..letter
    };
    assert_eq!(fresh.send(&backend).await.1, Some(ProblemCode::UnknownCode));
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_refused() {
    let backend = backend().await;
    let tampered = Letter {
        sent_body: r#"{"code":"Q0hTSTE6eQ","proof":{"kind":"none"}}"#,
        ..Letter::new()
    };
    assert_eq!(tampered.send(&backend).await.1, Some(ProblemCode::DigestMismatch));
    let turned = Letter {
        path: "/v1/orders",
        ..Letter::new()
    };
    assert_eq!(turned.send(&backend).await.1, Some(ProblemCode::SignatureInvalid));
    let mut bare = Letter::new();
    bare.headers.retain(|(name, _)| *name != "content-digest");
    assert_eq!(bare.send(&backend).await.1, Some(ProblemCode::SignatureMissing));
    let stranger = Letter {
        key: StationKey::from_bytes(&[9; 32]),
        ..Letter::new()
    };
    assert_eq!(stranger.send(&backend).await.1, Some(ProblemCode::UnknownStation));
    let mut text = Letter::new();
    text.headers[0].1 = "text/plain".into();
    assert_eq!(
        text.send(&backend).await.1,
        Some(ProblemCode::UnsupportedMediaType)
    );
}

#[tokio::test]
async fn a_body_of_any_size_is_not_read() {
    let backend = backend().await;
    let big: &'static str = Box::leak(format!("{{\"code\":\"{}\"}}", "A".repeat(100_000)).into_boxed_str());
    let mut letter = Letter {
        sent_body: big,
        ..Letter::new()
    };
    letter.headers[1].1 = content_digest(big.as_bytes());
    assert_eq!(
        letter.send(&backend).await,
        (StatusCode::PAYLOAD_TOO_LARGE, Some(ProblemCode::TooLarge))
    );
}

/// Somebody who answers everything in the same way.
async fn answering(status: u16, content_type: &'static str, body: Vec<u8>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = Router::new().fallback(move || {
        let body = body.clone();
        async move {
            let location = ("location", "http://portal.example/login");
            (
                StatusCode::from_u16(status).unwrap(),
                [(CONTENT_TYPE.as_str(), content_type), location],
                body,
            )
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

fn station(addr: SocketAddr) -> Client {
    Client::new(
        &format!("http://{addr}"),
        StationKey::from_bytes(&KEY),
        Timeouts::default(),
    )
    .unwrap()
    .with_receipt_key(StationKey::from_bytes(&[5; 32]).public_key())
}

fn capture() -> Capture {
    let now = Timestamp::now();
    Capture {
        subject: Subject::default(),
        standard: Photo::new("image/jpeg", b"standard".to_vec()),
        original: Photo::new("image/png", b"original".to_vec()),
        captured_at: now,
        submitted_at: now,
        consented_at: now,
        shoot_number: String::new(),
        spec: String::new(),
        report: serde_json::json!({}),
        forced_reason: None,
        software: String::new(),
    }
}

#[tokio::test]
async fn a_captive_portals_200_is_no_delivery() {
    let html = b"<html>Welcome to campus Wi-Fi</html>".to_vec();
    for (status, content_type) in [
        (200, "text/html"),
        (200, "application/json"),
        (302, "text/html"),
        (204, "text/html"),
    ] {
        let portal = station(answering(status, content_type, html.clone()).await);
        let error = portal.put_capture(Uuid::now_v7(), &capture()).await.unwrap_err();
        assert!(
            matches!(error, VendorError::NotTheBackend { status: s, .. } if s == status),
            "{error}"
        );
        assert!(error.needs_network());
        assert!(portal.profile().await.unwrap_err().needs_network());
    }
}

#[tokio::test]
async fn only_a_receipt_for_this_record_and_these_photos_by_this_backend_counts() {
    let (right, wrong) = (StationKey::from_bytes(&[5; 32]), StationKey::from_bytes(&[6; 32]));
    let record = Uuid::now_v7();
    let sent = capture();
    let answer = async |key: &StationKey, record_id: Uuid, standard: &str| {
        let (number, original) = ("R-1".to_owned(), sent.original.sha256.clone());
        let receipt = Receipt::issue(
            key,
            number,
            record_id,
            standard.to_owned(),
            original,
            Timestamp::now(),
        );
        let accepted = Accepted {
            receipt,
            state: CollectionState::UnderReview,
            academic_record_id: "1".into(),
            masked_name: "测*甲".into(),
            rejection: None,
        };
        let addr = answering(200, "application/json", serde_json::to_vec(&accepted).unwrap()).await;
        station(addr).put_capture(record, &sent).await
    };
    let hash = sent.standard.sha256.clone();
    answer(&right, record, &hash).await.unwrap();
    for bad in [
        answer(&wrong, record, &hash).await,
        answer(&right, Uuid::now_v7(), &hash).await,
        answer(&wrong, record, &"0".repeat(64)).await,
    ] {
        let error = bad.unwrap_err();
        assert!(
            matches!(error, VendorError::BadReceipt(_)) && !error.is_permanent(),
            "{error}"
        );
    }
    // Signed, for this record, and not these photos: no repetition can mend that.
    let error = answer(&right, record, &"0".repeat(64)).await.unwrap_err();
    assert!(
        matches!(error, VendorError::ReceiptMismatch) && error.is_permanent(),
        "{error}"
    );
}

#[tokio::test]
async fn a_backend_that_fails_is_asked_again_and_a_flood_is_cut_off() {
    let failing = station(answering(503, "text/html", Vec::new()).await);
    let error = failing.profile().await.unwrap_err();
    assert!(matches!(error, VendorError::Unavailable { status: 503, .. }) && !error.is_permanent());
    let flood = station(answering(200, "application/json", vec![b' '; 2 << 20]).await);
    assert!(flood.profile().await.unwrap_err().needs_network());
}

#[test]
fn the_committed_contract_is_the_programs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let made = vendor_backend::openapi();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    assert!(
        made == committed,
        "the contract changed: UPDATE_OPENAPI=1 cargo test -p vendor-backend"
    );
    let document: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["paths"].as_object().unwrap().len(), 12);
    let words = document["components"]["schemas"]["ProblemCode"]["enum"]
        .as_array()
        .unwrap();
    for code in ProblemCode::ALL {
        assert!(
            words.contains(&code.as_str().into()),
            "{} is the wire's word",
            code.as_str()
        );
    }
}
