//! Who may ask what: every request the backend answers, for everybody who could ask it.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Tables are long.
#![allow(clippy::too_many_lines)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::header::{LOCATION, RETRY_AFTER};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;
use vendor::api::{Capture, OrderRequest, Photo, Proof, ResolveRequest, Subject};
use vendor::signature::{Message, content_digest, sign_request};
use vendor::{Client, Secret, SecretBytes, StationKey, Timeouts};
use vendor_backend::{
    Backend, BackendOptions, Decision, DemoCase, DemoPerson, Limits, Rate, Running, Store, demo, reviewers,
    served,
};

const LEAD: &str = "let-me-in";

/// Everybody who could ask, in the order of the table's columns.
#[derive(Clone, Copy)]
enum Role {
    Nobody,
    /// The station whose photo, order and student it is.
    Station,
    /// One that was shut out.
    Revoked,
    /// Another station of this vendor.
    Other,
    /// A station that serves another school.
    OtherSchool,
    /// Another vendor's station: a key that nobody enrolled here.
    Stranger,
    /// Somebody who was let in at the review desk, without a key.
    Reviewer,
    /// As this, who leads.
    Lead,
}

const ROLES: [Role; 8] = [
    Role::Nobody,
    Role::Station,
    Role::Revoked,
    Role::Other,
    Role::OtherSchool,
    Role::Stranger,
    Role::Reviewer,
    Role::Lead,
];

const UNSIGNED: &str = "401 signature-missing";
const SHUT_OUT: &str = "401 station-revoked";
const UNKNOWN: &str = "401 unknown-station";
const NONE: &str = "404 not-found";
const DOOR: &str = "303 /review/login";

/// A signed request: what the station, another one and another school's hear.
const fn signed(own: &'static str, other: &'static str, other_school: &'static str) -> [&'static str; 8] {
    [
        UNSIGNED,
        own,
        SHUT_OUT,
        other,
        other_school,
        UNKNOWN,
        UNSIGNED,
        UNSIGNED,
    ]
}

/// A page of the review desk: what a reviewer sees, and one who leads.
const fn desk(reviewer: &'static str, lead: &'static str) -> [&'static str; 8] {
    [DOOR, DOOR, DOOR, DOOR, DOOR, DOOR, reviewer, lead]
}

/// Open to everybody.
const fn open(answer: &'static str) -> [&'static str; 8] {
    [answer; 8]
}

/// Method, path, and what each role hears.
const TABLE: &[(&str, &str, [&str; 8])] = &[
    ("GET", "/v1/profile", signed("200", "200", "200")),
    (
        "POST",
        "/v1/station/key",
        signed(
            "400 invalid-request",
            "400 invalid-request",
            "400 invalid-request",
        ),
    ),
    ("GET", "/v1/schools", signed("200", "200", "200")),
    ("POST", "/v1/identities", signed("200", "200", "409 not-eligible")),
    (
        "POST",
        "/v1/orders",
        signed("200", "422 identity-expired", "422 identity-expired"),
    ),
    ("GET", "/v1/orders/{id}", signed("200", NONE, NONE)),
    (
        "PUT",
        "/v1/captures/{record_id}",
        signed("200", "409 capture-conflict", "409 capture-conflict"),
    ),
    ("GET", "/v1/captures/{record_id}", signed("200", NONE, NONE)),
    (
        "GET",
        "/v1/captures/{record_id}/deliverables",
        signed("200", NONE, NONE),
    ),
    (
        "GET",
        "/v1/captures/{record_id}/deliverables/{kind}",
        signed("200", NONE, NONE),
    ),
    ("GET", "/v1/changes", signed("200", "200", "200")),
    ("GET", "/review", desk("200", "200")),
    // Nothing waits.
    ("GET", "/review/next", desk("303 /review", "303 /review")),
    ("GET", "/review/figures", desk("403", "200")),
    ("GET", "/review/figures.csv", desk("403", "200")),
    ("GET", "/review/{record_id}", desk("200", "200")),
    ("GET", "/review/{record_id}/{kind}", desk("200", "200")),
    ("POST", "/review/{record_id}", desk("422", "422")),
    ("GET", "/v1/status", open("200")),
    (
        "POST",
        "/v1/enrol",
        [
            UNSIGNED,
            "400 invalid-request",
            "400 invalid-request",
            "400 invalid-request",
            "400 invalid-request",
            "400 invalid-request",
            UNSIGNED,
            UNSIGNED,
        ],
    ),
    ("GET", "/v1/openapi.json", open("200")),
    ("GET", "/v1/problems/{code}", open("200")),
    ("GET", "/review/login", open("200")),
    ("POST", "/review/login", open("401")),
    ("GET", "/pay/{token}", open("200")),
    ("POST", "/pay/{token}", open("303 /pay/{token}")),
    // Nobody but a payment provider has anything to tell there, and there is none.
    ("POST", "/pay/wechat", open("404 not-found")),
    ("GET", "/style.css", open("200")),
    ("GET", "/demo", open("200")),
    ("GET", "/", open("200")),
    // The last one: it ends the reviewers' sessions.
    ("POST", "/review/leave", desk(DOOR, DOOR)),
];

/// A backend with everybody in it, and one student's visit done.
struct House {
    backend: Running,
    /// Holds the data, for a reviewer's token is made beside the backend.
    _folder: tempfile::TempDir,
    reviewer: String,
    lead: String,
    record_id: Uuid,
    capture: Capture,
    order_id: String,
    payment_url: String,
    resolve: ResolveRequest,
    order: OrderRequest,
}

fn key(role: Role) -> Option<StationKey> {
    let seed = match role {
        Role::Nobody | Role::Reviewer | Role::Lead => return None,
        Role::Station => 1,
        Role::Revoked => 2,
        Role::Other => 3,
        Role::OtherSchool => 4,
        Role::Stranger => 5,
    };
    Some(StationKey::from_bytes(&[seed; 32]))
}

async fn enrolled(backend: &Running, role: Role, code: &str) -> (Client, String) {
    let client = Client::new(backend.url(), key(role).unwrap(), Timeouts::default()).unwrap();
    let enrolled = client.enrol(code, "1号机", "test").await.unwrap();
    (
        client.with_receipt_key(enrolled.receipt_public_key),
        enrolled.station_id,
    )
}

fn asks(person: &DemoPerson) -> ResolveRequest {
    ResolveRequest {
        code: Some(SecretBytes::new(person.code().as_bytes())),
        proof: Proof::LastFour {
            value: Secret::new(&*person.last_four),
        },
        school_id: None,
    }
}

fn capture(subject: Subject) -> Capture {
    let mut bytes = Vec::new();
    image::RgbImage::new(480, 640)
        .write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Jpeg)
        .unwrap();
    let now = Timestamp::now();
    Capture {
        subject,
        standard: Photo::new("image/jpeg", bytes.clone()),
        original: Photo::new("image/jpeg", bytes),
        captured_at: now,
        submitted_at: now,
        consented_at: now,
        shoot_number: "A1".into(),
        spec: "national-blue".into(),
        report: json!({}),
        forced_reason: None,
        software: "test".into(),
    }
}

/// The cookie of whoever comes in by this token.
async fn let_in(backend: &Running, token: &str) -> String {
    let knock = browser().post(format!("{}/review/login", backend.url()));
    let reply = knock.form(&[("token", token)]).send().await.unwrap();
    let cookie = reply.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

impl House {
    async fn new() -> House {
        let mut options = BackendOptions::demo("biyezhengzhao").unwrap();
        options.reviewer_token = Some(LEAD.into());
        let folder = tempfile::tempdir().unwrap();
        options.data = Some(folder.path().to_owned());
        let backend = Backend::start(options).await.unwrap();
        let (station, _) = enrolled(&backend, Role::Station, demo::ACTIVATION_CODE).await;
        enrolled(&backend, Role::Other, demo::ACTIVATION_CODE).await;
        let of_a_school = backend.activation_code_for("demo-3").await.unwrap();
        enrolled(&backend, Role::OtherSchool, &of_a_school).await;
        let (_, revoked) = enrolled(&backend, Role::Revoked, demo::ACTIVATION_CODE).await;
        assert!(backend.revoke(&revoked).await.unwrap());

        let people = backend.people();
        let mut ordinary = people.iter().filter(|person| person.case == DemoCase::Ordinary);
        let (done, next) = (ordinary.next().unwrap(), ordinary.next().unwrap());
        let identity = station.resolve(&asks(done)).await.unwrap();
        let order = OrderRequest {
            identity_token: identity.identity_token.clone(),
            academic_record_id: identity.records[0].id.clone(),
        };
        let paid = station.create_order(&order, Uuid::now_v7()).await.unwrap();
        backend.pay(&paid.payment_url).await.unwrap();
        let (record_id, capture) = (
            Uuid::now_v7(),
            capture(Subject {
                identity_token: Some(identity.identity_token),
                ..Subject::default()
            }),
        );
        station.put_capture(record_id, &capture).await.unwrap();
        assert!(backend.review(record_id, Decision::Approve).await.unwrap());
        let identity = station.resolve(&asks(next)).await.unwrap();
        let order = OrderRequest {
            identity_token: identity.identity_token,
            academic_record_id: identity.records[0].id.clone(),
        };

        let token = reviewers::add(
            &Store::Folder(folder.path().to_owned()),
            "测试甲审核",
            reviewers::Role::Reviewer,
            Timestamp::now(),
        );
        House {
            reviewer: let_in(&backend, &token.unwrap()).await,
            lead: let_in(&backend, LEAD).await,
            _folder: folder,
            backend,
            record_id,
            capture,
            order_id: paid.id,
            payment_url: paid.payment_url,
            resolve: asks(next),
            order,
        }
    }

    fn place(&self, path: &str) -> String {
        let kind = if path.starts_with("/v1") {
            "standard-photo"
        } else {
            "standard"
        };
        path.replace("{record_id}", &self.record_id.to_string())
            .replace("{id}", &self.order_id)
            .replace("{kind}", kind)
            .replace("{code}", "replayed")
            .replace("{token}", self.payment_url.rsplit('/').next().unwrap())
    }

    fn body(&self, method: &str, path: &str) -> Option<Value> {
        let body = match (method, path) {
            (_, "/v1/identities") => json!(self.resolve),
            (_, "/v1/orders") => json!(self.order),
            ("PUT", _) => json!(self.capture),
            ("POST", path) if path.starts_with("/v1") => json!({}),
            _ => return None,
        };
        Some(body)
    }

    /// `200`, `404 not-found`, `303 /review/login`.
    async fn hears(&self, role: Role, method: &str, path: &str) -> String {
        let place = self.place(path);
        let method_named = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = browser().request(method_named, format!("{}{place}", self.backend.url()));
        let body = self.body(method, path);
        let headers = letter(key(role).as_ref(), &self.backend, method, &place, body.as_ref());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match role {
            Role::Reviewer => request = request.header("cookie", &self.reviewer),
            Role::Lead => request = request.header("cookie", &self.lead),
            _ => {}
        }
        let request = match (body, path) {
            (Some(body), _) => request.body(serde_json::to_vec(&body).unwrap()),
            (None, "/review/login") if method == "POST" => request.form(&[("token", "guess")]),
            (None, _) if method == "POST" => request.form(&[("decision", "reject")]),
            (None, _) => request,
        };
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        if let Some(location) = reply.headers().get(LOCATION.as_str()) {
            let location = location.to_str().unwrap();
            let token = self.place("{token}");
            return format!("{status} {}", location.replace(&token, "{token}"));
        }
        let body: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap_or_default();
        match body["code"].as_str() {
            Some(code) if status >= 400 => format!("{status} {code}"),
            _ => status.to_string(),
        }
    }
}

/// One for all: each would read the system's certificates. Its connections end with their test's runtime.
fn browser() -> reqwest::Client {
    static BROWSER: std::sync::LazyLock<reqwest::Client> = std::sync::LazyLock::new(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let no_redirect = reqwest::redirect::Policy::none();
        reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(no_redirect)
            .build()
            .unwrap()
    });
    BROWSER.clone()
}

/// The headers of a request that this key signs.
fn letter(
    key: Option<&StationKey>,
    backend: &Running,
    method: &str,
    place: &str,
    body: Option<&Value>,
) -> Vec<(&'static str, String)> {
    let (path, query) = place.split_once('?').map_or((place, None), |(p, q)| (p, Some(q)));
    let mut headers = Vec::new();
    if let Some(body) = body {
        headers.push(("content-type", "application/json".to_owned()));
        headers.push((
            "content-digest",
            content_digest(&serde_json::to_vec(body).unwrap()),
        ));
        headers.push(("idempotency-key", Uuid::now_v7().to_string()));
    }
    if let Some(key) = key {
        let fields: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let message = Message {
            method,
            authority: &backend.addr.to_string(),
            path,
            query,
            fields: &fields,
        };
        let nonce = Uuid::now_v7().simple().to_string();
        let (input, signature) = sign_request(&message, key, Timestamp::now(), &nonce).unwrap();
        headers.push(("signature-input", input));
        headers.push(("signature", signature));
    }
    headers
}

#[tokio::test]
async fn everybody_hears_what_the_table_says_and_no_request_is_without_its_row() {
    let rows: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
    let routes: BTreeSet<_> = served().into_iter().collect();
    assert_eq!(
        rows, routes,
        "a request without its row, or a row without its request"
    );

    let house = House::new().await;
    let mut wrong = Vec::new();
    for (method, path, answers) in TABLE {
        for (role, expected) in ROLES.into_iter().zip(answers) {
            let heard = house.hears(role, method, path).await;
            if heard != *expected {
                let column = role as usize;
                wrong.push(format!(
                    "{method} {path}, column {column}: {heard}, not {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_station_of_one_school_sees_no_other_schools_students() {
    let backend = Backend::start(BackendOptions::demo("biyezhengzhao").unwrap())
        .await
        .unwrap();
    assert!(backend.activation_code_for("no such school").await.is_err());
    let code = backend.activation_code_for("demo-1").await.unwrap();
    let (station, _) = enrolled(&backend, Role::OtherSchool, &code).await;
    let schools = station.schools("", "").await.unwrap().schools;
    assert_eq!(
        schools.iter().map(|school| &*school.id).collect::<Vec<_>>(),
        ["demo-1"]
    );

    // This student has an academic record at another school as well: it stays there.
    let several = backend.person(DemoCase::SeveralRecords).unwrap();
    let identity = station.resolve(&asks(&several)).await.unwrap();
    assert!(identity.records.iter().all(|record| record.school_id == "demo-1"));
    assert_eq!(identity.records.len(), 1);
    let elsewhere = several.records[1].id.clone();
    let put = station
        .put_capture(
            Uuid::now_v7(),
            &capture(Subject {
                identity_token: Some(identity.identity_token),
                academic_record_id: Some(elsewhere),
                ..Subject::default()
            }),
        )
        .await;
    assert_eq!(why(put), "unknown-record");

    // Nor by a photo that came without the network.
    let other = backend.person(DemoCase::ClassPayment).unwrap();
    assert_eq!(why(station.resolve(&asks(&other)).await), "not-eligible");
    let asked = asks(&other);
    let offline = capture(Subject {
        code: asked.code,
        proof: asked.proof,
        ..Subject::default()
    });
    assert_eq!(
        why(station.put_capture(Uuid::now_v7(), &offline).await),
        "not-eligible"
    );
}

fn why<T: std::fmt::Debug>(result: Result<T, vendor::VendorError>) -> &'static str {
    result.unwrap_err().problem().unwrap().code.as_str()
}

#[tokio::test]
async fn tricks_with_paths_and_queries_find_nothing_and_break_nothing() {
    let house = House::new().await;
    for (place, expected) in [
        ("/v1/orders/%FF", NONE),
        ("/v1/orders/%27%20OR%20%271%27=%271", NONE),
        ("/v1/orders/..%2F..%2Fetc%2Fpasswd", NONE),
        ("/v1/captures/%FF", NONE),
        ("/v1/captures/..%2F..%2Fbackend.sqlite3", "400 invalid-request"),
        ("/v1/captures/1%20OR%201=1", "400 invalid-request"),
        ("/v1/captures/{record_id}/deliverables/original", NONE),
        ("/v1/captures/{record_id}/deliverables/%2e%2e", NONE),
        ("/v1/changes?after=0%20OR%201=1", "400 invalid-request"),
        ("/v1/changes?limit=-1", "400 invalid-request"),
        ("/v1/changes?limit=0", "400 invalid-request"),
        ("/v1/changes?limit=201", "400 invalid-request"),
        ("/v1/changes?limit=99999999999", "400 invalid-request"),
        ("/v1/schools?name=%FF", "200"),
        ("/v1/../review", NONE),
        ("//v1/profile", NONE),
    ] {
        let heard = house.raw(place).await;
        assert_eq!(heard, expected, "{place}");
    }
    // Neither a quote nor a wildcard of SQL is one here.
    let client = Client::new(
        house.backend.url(),
        key(Role::Station).unwrap(),
        Timeouts::default(),
    )
    .unwrap();
    for name in ["' OR '1'='1", "%", "_", "\"; DROP TABLE schools; --"] {
        assert!(
            client.schools(name, "").await.unwrap().schools.is_empty(),
            "{name}"
        );
    }
    assert!(!client.schools("", "").await.unwrap().schools.is_empty());
}

impl House {
    /// As the station asks, byte for byte: a client would tidy the path up.
    async fn raw(&self, place: &str) -> String {
        let place = self.place(place);
        let mut head = format!(
            "GET {place} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.backend.addr
        );
        for (name, value) in letter(key(Role::Station).as_ref(), &self.backend, "GET", &place, None) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(self.backend.addr).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).unwrap_or_default();
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        match json["code"].as_str() {
            Some(code) => format!("{status} {code}"),
            None => status.to_owned(),
        }
    }
}

fn rate(burst: u32) -> Rate {
    Rate {
        per_second: NonZeroU32::MIN,
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

async fn limited(limits: Limits) -> Running {
    let mut options = BackendOptions::demo("binyu").unwrap();
    options.limits = limits;
    Backend::start(options).await.unwrap()
}

#[tokio::test]
async fn a_station_that_asks_without_end_waits_and_no_other_does() {
    let backend = limited(Limits {
        station: rate(3),
        ..Limits::default()
    })
    .await;
    let (eager, _) = enrolled(&backend, Role::Station, demo::ACTIVATION_CODE).await;
    let (other, _) = enrolled(&backend, Role::Other, demo::ACTIVATION_CODE).await;
    for _ in 0..3 {
        eager.profile().await.unwrap();
    }
    let error = eager.profile().await.unwrap_err();
    assert_eq!(error.problem().unwrap().code.as_str(), "rate-limited");
    assert!(!error.is_permanent() && error.retry_after().unwrap() <= Duration::from_secs(2));
    other.profile().await.unwrap();
    // Whoever only says to be that station uses nothing of its share up.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let forger = Client::new(backend.url(), key(Role::Stranger).unwrap(), Timeouts::default()).unwrap();
    assert!(forger.profile().await.is_err());
    eager.profile().await.unwrap();
}

#[tokio::test]
async fn an_address_is_the_proxys_word_only_where_there_is_a_proxy() {
    for behind_proxy in [false, true] {
        let backend = limited(Limits {
            address: rate(2),
            behind_proxy,
            ..Limits::default()
        })
        .await;
        let ask = async |from: &str| {
            let request = browser().get(format!("{}/v1/status", backend.url()));
            request.header("x-forwarded-for", from).send().await.unwrap()
        };
        for _ in 0..2 {
            assert_eq!(ask("192.0.2.1").await.status(), 200);
        }
        let third = ask("192.0.2.1").await;
        assert_eq!(third.status(), 429);
        assert!(third.headers().contains_key(RETRY_AFTER.as_str()));
        let another = ask("192.0.2.2").await.status().as_u16();
        assert_eq!(another, if behind_proxy { 200 } else { 429 });
    }
}

#[tokio::test]
async fn who_sends_a_byte_now_and_then_is_not_waited_for() {
    let backend = limited(Limits {
        head: Duration::from_millis(300),
        request: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    // A head that never ends.
    let mut slow = TcpStream::connect(backend.addr).await.unwrap();
    slow.write_all(b"GET /v1/status HTTP/1.1\r\nhost: a")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "still open");
    // A body that never comes.
    let mut slow = TcpStream::connect(backend.addr).await.unwrap();
    let head = "POST /review/login HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\
                content-type: application/x-www-form-urlencoded\r\n\r\ntoken=";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "still open");
    let answer = String::from_utf8_lossy(&bytes);
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("\"unavailable\""),
        "{answer}"
    );
    // Everybody else is served meanwhile.
    let status = browser().get(format!("{}/v1/status", backend.url())).send().await;
    assert_eq!(status.unwrap().status(), 200);
}
