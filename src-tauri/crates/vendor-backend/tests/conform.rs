//! The conformance suite, itself examined: the reference backend passes every point of each profile, and a server
//! that does one thing wrong fails exactly the points that speak of it.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Tables are long.
#![allow(clippy::too_many_lines)]

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use vendor_backend::conform::CONTRACT;

#[path = "cases/vendor.rs"]
mod people;
#[path = "cases/embedded.rs"]
mod storage;

use people::{examined, vendor};

#[tokio::test]
async fn the_reference_backend_passes_every_point_that_its_profile_has() {
    let document: Value = serde_json::from_str(&vendor_backend::openapi()).unwrap();
    let without_proof = [
        "identity.proof-required",
        "identity.proof-mismatch",
        "identity.proof-locked",
    ];
    let name_first = ["identity.code-mismatch", "identity.name-first", "capture.unbound"];
    for (profile, skipped) in [
        (
            "biyezhengzhao",
            [&name_first[..], &["capture.superseded"]].concat(),
        ),
        ("yipai", vec!["capture.superseded"]),
        ("binyu", [&without_proof[..], &name_first].concat()),
    ] {
        let vendor = vendor(profile).await;
        let heard: Arc<Mutex<BTreeSet<Heard>>> = Arc::default();
        let listening = heard.clone();
        let listen = move |answer: &mut Answer| {
            listening.lock().unwrap().insert(Heard::of(answer));
        };
        let url = in_front(vendor.backend.url().to_owned(), Arc::new(listen)).await;
        let report = examined(&vendor, &url, profile).await;
        assert_eq!(report.failed(), [""; 0], "{profile}\n{report}");
        for answer in heard.lock().unwrap().iter() {
            let documented = answer.is_documented(&document);
            assert!(documented, "{profile}: {answer:?} is not in openapi.json");
        }
        let points: BTreeSet<_> = report.skipped().into_iter().collect();
        assert_eq!(points, skipped.into_iter().collect(), "{profile}\n{report}");
        assert_eq!(
            report.points.len(),
            CONTRACT.len(),
            "{profile}: a point without its clause"
        );
    }
}

/// An answer as the contract's document would have it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Heard {
    asked: String,
    status: u16,
    code: Option<String>,
}

impl Heard {
    fn of(answer: &Answer) -> Heard {
        let problem: Option<Value> = serde_json::from_slice(&answer.body).ok();
        Heard {
            asked: answer.asked.clone(),
            status: answer.status.as_u16(),
            code: problem.and_then(|problem| problem["code"].as_str().map(str::to_owned)),
        }
    }

    /// What is no request of the contract is not in its document either.
    fn is_documented(&self, document: &Value) -> bool {
        let (method, path) = self.asked.split_once(' ').unwrap();
        let paths = document["paths"].as_object().unwrap();
        let Some((_, item)) = paths.iter().find(|(template, _)| fits(template, path)) else {
            return true;
        };
        let Some(operation) = item.get(method.to_lowercase()) else {
            return self.status == 405;
        };
        let response = &operation["responses"][self.status.to_string()];
        match &self.code {
            Some(code) => response["content"]["application/problem+json"]["examples"]
                .get(code)
                .is_some(),
            None => response.is_object(),
        }
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(t, p)| t.starts_with('{') || t == p)
}

#[test]
fn every_body_of_the_contract_has_an_example() {
    let document: Value = serde_json::from_str(&vendor_backend::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let asked = operation.get("requestBody").into_iter();
            let answers = operation["responses"].as_object().unwrap().values();
            for (media_type, content) in asked
                .chain(answers)
                .filter_map(|body| body["content"].as_object())
                .flatten()
            {
                let shown = content.get("example").is_some() || content.get("examples").is_some();
                assert!(
                    shown || media_type == "image/jpeg",
                    "{method} {path}: {media_type}"
                );
            }
        }
    }
}

/// An answer on its way back.
struct Answer {
    /// `GET /v1/schools`.
    asked: String,
    /// How many of these were asked before.
    nth: usize,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn is(&self, asked: &str) -> bool {
        self.asked == asked
    }

    fn starts(&self, asked: &str) -> bool {
        self.asked.starts_with(asked)
    }

    /// Changes the JSON of an answer.
    fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Ok(mut json) = serde_json::from_slice::<Value>(&self.body) {
            change(&mut json);
            self.body = serde_json::to_vec(&json).unwrap();
        }
    }

    /// A success that means nothing.
    fn nod(&mut self) {
        self.status = StatusCode::OK;
        self.headers
            .insert("content-type", HeaderValue::from_static("application/json"));
        self.headers.remove("www-authenticate");
        self.body = b"{}".to_vec();
    }

    fn refused_for(&self, code: &str) -> bool {
        serde_json::from_slice::<Value>(&self.body).is_ok_and(|json| json["code"] == code)
    }
}

type Wrong = Arc<dyn Fn(&mut Answer) + Send + Sync>;

/// One for all layers: each would read the system's certificates.
fn messenger() -> reqwest::Client {
    static MESSENGER: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        http.build().unwrap()
    });
    MESSENGER.clone()
}

/// A layer in front of the backend that does one thing wrong.
async fn in_front(backend: String, wrong: Wrong) -> String {
    let http = messenger();
    let counts: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let app = Router::new().fallback(move |request: Request| {
        let (http, counts, wrong, backend) = (http.clone(), counts.clone(), wrong.clone(), backend.clone());
        async move {
            let (parts, body) = request.into_parts();
            let asked = format!("{} {}", parts.method, parts.uri.path());
            let nth = {
                let mut counts = counts.lock().unwrap();
                let count = counts.entry(asked.clone()).or_default();
                *count += 1;
                *count - 1
            };
            let mut headers = parts.headers;
            headers.remove("content-length");
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let reply = http
                .request(parts.method, format!("{backend}{}", parts.uri))
                .headers(headers)
                .body(body)
                .send()
                .await
                .unwrap();
            let (status, mut headers) = (reply.status(), reply.headers().clone());
            headers.remove("content-length");
            headers.remove("transfer-encoding");
            let body = reply.bytes().await.unwrap().to_vec();
            let mut answer = Answer {
                asked,
                nth,
                status,
                headers,
                body,
            };
            wrong(&mut answer);
            let mut response = Response::new(Body::from(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            response
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// A profile, one thing done wrong, and the points that must fail for it.
struct Row(&'static str, Wrong, &'static [&'static str]);

fn row(
    profile: &'static str,
    wrong: impl Fn(&mut Answer) + Send + Sync + 'static,
    fails: &'static [&'static str],
) -> Row {
    Row(profile, Arc::new(wrong), fails)
}

/// What the backend refuses for this reason is let through.
fn lenient(profile: &'static str, code: &'static str, fails: &'static [&'static str]) -> Row {
    let wrong = move |answer: &mut Answer| {
        if answer.refused_for(code) {
            answer.nod();
        }
    };
    row(profile, wrong, fails)
}

/// A row about the answers to one kind of request.
fn edited(
    profile: &'static str,
    asked: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
    fails: &'static [&'static str],
) -> Row {
    let wrong = move |answer: &mut Answer| {
        if answer.starts(asked) {
            answer.edit(&change);
        }
    };
    row(profile, wrong, fails)
}

fn without(json: &mut Value, field: &str) {
    if let Some(fields) = json.as_object_mut() {
        fields.remove(field);
    }
}

const XINHUA: &str = "biyezhengzhao";

/// What should be refused and is not.
fn leniencies() -> Vec<Row> {
    vec![
        lenient(
            XINHUA,
            "activation-invalid",
            &["enrol.unknown-code", "enrol.used-up"],
        ),
        lenient(
            XINHUA,
            "signature-invalid",
            &[
                "enrol.own-key",
                "gate.forged",
                "gate.path",
                "gate.query",
                "gate.method",
                "gate.key-unsigned",
            ],
        ),
        lenient(XINHUA, "signature-missing", &["gate.unsigned", "gate.no-digest"]),
        lenient(
            XINHUA,
            "unknown-station",
            &["gate.unknown-station", "key.replaced"],
        ),
        lenient(XINHUA, "replayed", &["gate.replayed"]),
        lenient(XINHUA, "clock-skew", &["gate.stale", "gate.future"]),
        lenient(XINHUA, "digest-mismatch", &["gate.body"]),
        lenient(
            XINHUA,
            "not-found",
            &[
                "errors.not-found",
                "order.private",
                "order.unknown",
                "capture.private",
                "deliverables.private",
            ],
        ),
        lenient(XINHUA, "method-not-allowed", &["errors.method"]),
        lenient(XINHUA, "unsupported-media-type", &["errors.media-type"]),
        lenient(
            XINHUA,
            "invalid-request",
            &[
                "errors.malformed",
                "order.key-needed",
                "capture.consent",
                "changes.bad-cursor",
                "key.proof",
            ],
        ),
        lenient(XINHUA, "too-large", &["errors.too-large"]),
        lenient(XINHUA, "unknown-code", &["identity.unknown-code"]),
        lenient(XINHUA, "proof-required", &["identity.proof-required"]),
        lenient(XINHUA, "proof-mismatch", &["identity.proof-mismatch"]),
        lenient(XINHUA, "proof-locked", &["identity.proof-locked"]),
        lenient(XINHUA, "outside-window", &["identity.outside-window"]),
        lenient(
            XINHUA,
            "already-collected",
            &["identity.already-collected", "capture.collected", "review.locked"],
        ),
        lenient(XINHUA, "not-eligible", &["identity.not-eligible"]),
        lenient(XINHUA, "idempotency-mismatch", &["order.other-body"]),
        lenient(XINHUA, "nothing-due", &["order.nothing-due"]),
        lenient(XINHUA, "capture-conflict", &["capture.conflict"]),
        lenient(
            XINHUA,
            "photo-invalid",
            &["capture.wrong-hash", "capture.no-picture", "capture.wrong-size"],
        ),
        lenient(XINHUA, "unknown-record", &["capture.other-record"]),
        lenient(XINHUA, "station-revoked", &["revocation.signed"]),
        lenient("yipai", "code-mismatch", &["identity.code-mismatch"]),
        lenient(
            "yipai",
            "identity-expired",
            &["capture.token-elsewhere", "capture.unbound"],
        ),
    ]
}

/// Enrolment and profile.
fn at_the_door() -> Vec<Row> {
    let nth = |asked: &'static str, n: usize, fails: &'static [&'static str]| {
        let wrong = move |answer: &mut Answer| {
            if answer.is(asked) && answer.nth == n {
                answer.nod();
            }
        };
        row(XINHUA, wrong, fails)
    };
    let accepted = |asked: &'static str, n: usize, fails: &'static [&'static str]| {
        let wrong = move |answer: &mut Answer| {
            if answer.is(asked) && answer.nth == n {
                answer.status = StatusCode::ACCEPTED;
            }
        };
        row(XINHUA, wrong, fails)
    };
    vec![
        edited(
            XINHUA,
            "GET /v1/status",
            |json| json["api"] = "v2".into(),
            &["status.answers"],
        ),
        nth("POST /v1/enrol", 2, &["enrol.known"]),
        nth("POST /v1/enrol", 3, &["enrol.again"]),
        nth("POST /v1/enrol", 5, &["stations.second"]),
        nth("POST /v1/enrol", 7, &["revocation.code"]),
        nth("POST /v1/enrol", 8, &["revocation.back"]),
        accepted("GET /v1/schools", 0, &["gate.signed"]),
        accepted("GET /v1/profile", 3, &["gate.forged-spends-nothing"]),
        row(
            XINHUA,
            |answer| {
                if answer.status.is_client_error() {
                    let html = HeaderValue::from_static("text/html");
                    answer.headers.insert("content-type", html);
                }
            },
            &["errors.shape"],
        ),
        row(
            XINHUA,
            |answer| {
                if answer.status.is_client_error() {
                    let person = &vendor_backend::demo::people(1)[0];
                    answer.edit(|json| json["detail"] = person.name.clone().into());
                }
            },
            &["errors.no-echo"],
        ),
        edited(
            XINHUA,
            "GET /v1/profile",
            |json| json["steps"] = json!(["shoot"]),
            &["profile.valid"],
        ),
        edited(
            XINHUA,
            "GET /v1/profile",
            |json| json["fee"]["amount_fen"] = 1.into(),
            &["profile.as-asked"],
        ),
        edited(
            XINHUA,
            "POST /v1/identities",
            |json| without(json, "attempts_left"),
            &["identity.proof-mismatch"],
        ),
        row(
            XINHUA,
            |answer| {
                answer.headers.remove("retry-after");
                answer.edit(|json| without(json, "retry_after"));
            },
            &["identity.proof-locked"],
        ),
        edited(
            XINHUA,
            "GET /v1/schools",
            |json| without(json, "server_time"),
            &["gate.stale", "gate.future"],
        ),
    ]
}

/// Schools, students and orders.
fn at_the_booth() -> Vec<Row> {
    let school = || json!({ "id": "1", "name": "某校（演示）", "levels": ["本科"] });
    let of_records = |change: fn(&mut Value)| {
        move |json: &mut Value| {
            if let Some(records) = json["records"].as_array_mut() {
                records.iter_mut().for_each(change);
            }
        }
    };
    vec![
        edited(
            XINHUA,
            "GET /v1/schools",
            |json| {
                if json["schools"].is_array() {
                    json["schools"] = json!([]);
                }
            },
            &["schools.found"],
        ),
        edited(
            XINHUA,
            "GET /v1/schools",
            move |json| {
                if json["schools"].as_array().is_some_and(Vec::is_empty) {
                    json["schools"] = json!([school()]);
                }
            },
            &["schools.level", "schools.none"],
        ),
        edited(
            XINHUA,
            "POST /v1/identities",
            |json| json["code_bound"] = false.into(),
            &["identity.resolves"],
        ),
        edited(
            XINHUA,
            "POST /v1/identities",
            |json| {
                if json["masked_name"].is_string() {
                    json["masked_name"] = vendor_backend::demo::people(1)[0].name.clone().into();
                }
            },
            &["identity.masked"],
        ),
        edited(
            XINHUA,
            "POST /v1/identities",
            |json| {
                if let Some(records) = json["records"].as_array_mut() {
                    records.reverse();
                }
            },
            &["identity.several-records"],
        ),
        edited(
            XINHUA,
            "POST /v1/identities",
            of_records(|record| {
                if record["school_id"] == "demo-2" {
                    record["fee"]["due_fen"] = 1.into();
                }
            }),
            &["identity.class-payment"],
        ),
        edited(
            XINHUA,
            "POST /v1/identities",
            of_records(|record| record["eligibility"] = "open".into()),
            &[
                "identity.outside-window",
                "identity.already-collected",
                "identity.not-eligible",
            ],
        ),
        edited(
            XINHUA,
            "POST /v1/identities",
            of_records(|record| without(record, "last_rejection")),
            &["review.shoot-again"],
        ),
        edited(
            "yipai",
            "POST /v1/identities",
            |json| {
                if json["records"].is_array() {
                    json["code_bound"] = true.into();
                }
            },
            &["identity.name-first"],
        ),
        edited(
            XINHUA,
            "POST /v1/orders",
            |json| {
                if json["id"].is_string() {
                    json["amount_fen"] = 1.into();
                }
            },
            &["order.asked"],
        ),
        row(
            XINHUA,
            |answer| {
                if answer.is("POST /v1/orders") && answer.status == StatusCode::OK && answer.nth > 1 {
                    answer.edit(|json| json["id"] = "another".into());
                }
            },
            &["order.same-key", "order.one-open"],
        ),
        edited(
            XINHUA,
            "GET /v1/orders/",
            |json| json["state"] = "open".into(),
            &["order.paid"],
        ),
    ]
}

/// Photos and what became of them.
fn of_photos() -> Vec<Row> {
    let of_changes = |change: fn(&mut Vec<Value>)| {
        move |json: &mut Value| {
            if let Some(changes) = json["changes"].as_array_mut() {
                change(changes);
            }
        }
    };
    let in_receipt = |change: fn(&mut Value)| {
        move |json: &mut Value| {
            if json["receipt"].is_object() {
                change(&mut json["receipt"]);
            }
        }
    };
    let put = |wanted: StatusCode, change: fn(&mut Answer)| {
        move |answer: &mut Answer| {
            if answer.starts("PUT /v1/captures/") && answer.status == wanted {
                change(answer);
            }
        }
    };
    vec![
        row(
            XINHUA,
            put(StatusCode::CREATED, |answer| answer.status = StatusCode::OK),
            &["capture.taken", "capture.offline"],
        ),
        row(
            XINHUA,
            put(StatusCode::CREATED, |answer| {
                answer.edit(|json| json["state"] = "awaiting-payment".into());
            }),
            &["capture.state"],
        ),
        row(
            XINHUA,
            put(StatusCode::OK, |answer| {
                answer.edit(|json| json["receipt"]["receipt_number"] = "R-2".into());
            }),
            &["capture.again"],
        ),
        edited(
            XINHUA,
            "PUT /v1/captures/",
            in_receipt(|receipt| receipt["signature"] = "A".repeat(86).into()),
            &["receipt.signature", "capture.shown"],
        ),
        edited(
            XINHUA,
            "PUT /v1/captures/",
            in_receipt(|receipt| receipt["standard_sha256"] = "0".repeat(64).into()),
            &["receipt.signature", "receipt.names", "capture.shown"],
        ),
        edited(
            XINHUA,
            "GET /v1/captures/",
            in_receipt(|receipt| receipt["receipt_number"] = "R-2".into()),
            &["capture.shown"],
        ),
        edited(
            "binyu",
            "GET /v1/captures/",
            |json| {
                if json["state"] == "superseded" {
                    json["state"] = "under-review".into();
                }
            },
            &["capture.superseded"],
        ),
        edited(
            XINHUA,
            "GET /v1/changes",
            of_changes(|changes| changes.reverse()),
            &["changes.order"],
        ),
        edited(
            XINHUA,
            "GET /v1/changes",
            |json| {
                if json["changes"].as_array().is_some_and(Vec::is_empty) {
                    json["next_cursor"] = "0".into();
                }
            },
            &["changes.quiet"],
        ),
        edited(
            XINHUA,
            "GET /v1/changes",
            of_changes(|changes| {
                if changes.is_empty() {
                    changes.push(json!({ "record_id": Uuid::nil(), "at": "2025-10-10T00:00:00Z",
                        "what": { "kind": "superseded", "by": Uuid::nil() } }));
                }
            }),
            &["changes.quiet", "changes.private"],
        ),
        edited(
            XINHUA,
            "GET /v1/changes",
            of_changes(|changes| changes.retain(|change| change["what"]["kind"] != "resolved")),
            &["changes.resolved"],
        ),
        edited(
            XINHUA,
            "GET /v1/changes",
            of_changes(|changes| changes.retain(|change| change["what"]["kind"] != "rejected")),
            &["review.rejected"],
        ),
        edited(
            XINHUA,
            "GET /v1/changes",
            of_changes(|changes| changes.retain(|change| change["what"]["kind"] != "approved")),
            &["review.approved"],
        ),
        edited(
            XINHUA,
            "GET /v1/captures/",
            |json| {
                if json["deliverables"].as_array().is_some_and(Vec::is_empty) {
                    json["deliverables"] = json!([{ "kind": "standard-photo", "media_type": "image/jpeg",
                        "length": 1, "sha256": "0" }]);
                }
            },
            &["deliverables.before"],
        ),
        row(
            XINHUA,
            |answer| {
                if answer
                    .headers
                    .get("content-type")
                    .is_some_and(|value| value == "image/jpeg")
                {
                    answer.headers.remove("content-digest");
                }
            },
            &["deliverables.files"],
        ),
        edited(
            XINHUA,
            "POST /v1/station/key",
            |json| json["station_id"] = "another".into(),
            &["key.replaced"],
        ),
        row(
            XINHUA,
            |answer| {
                answer.edit(|json| {
                    if json["revocation"].is_object() {
                        json["revocation"]["signature"] = "".into();
                    }
                });
            },
            &["revocation.signed"],
        ),
    ]
}

/// Where one of these fails, nothing that comes after it can be told from it.
const ENDS_IT: [&str; 6] = [
    "enrol.known",
    "stations.second",
    "profile.valid",
    "order.asked",
    "capture.taken",
    "changes.order",
];

/// Where the first fails, the others are not asked, or have nothing left to speak of.
const HIDES: [(&str, &[&str]); 6] = [
    ("identity.name-first", &["capture.unbound"]),
    ("order.paid", &["order.nothing-due"]),
    ("changes.resolved", &["review.rejected", "review.approved"]),
    (
        "review.rejected",
        &[
            "review.shoot-again",
            "review.approved",
            "review.locked",
            "deliverables.files",
            "deliverables.private",
        ],
    ),
    (
        "review.approved",
        &["review.locked", "deliverables.files", "deliverables.private"],
    ),
    ("revocation.signed", &["revocation.code", "revocation.back"]),
];

/// Things that are done wrong in one run: they speak of different points and hide none of each other's.
struct Together {
    profile: &'static str,
    wrong: Vec<Wrong>,
    fails: BTreeSet<&'static str>,
}

impl Together {
    fn takes(&self, row: &Row) -> bool {
        let Row(profile, _, fails) = row;
        let alone = |point: &&str| ENDS_IT.contains(point);
        let hides = |points: &BTreeSet<&str>| -> BTreeSet<&str> {
            let hidden = HIDES.iter().filter(|(point, _)| points.contains(point));
            hidden.flat_map(|(_, hidden)| hidden.iter().copied()).collect()
        };
        let theirs: BTreeSet<&str> = fails.iter().copied().collect();
        self.profile == *profile
            && !self.fails.iter().chain(&theirs).any(alone)
            && self.fails.is_disjoint(&theirs)
            && hides(&self.fails).is_disjoint(&theirs)
            && hides(&theirs).is_disjoint(&self.fails)
    }

    /// As few runs as possible; with `CONFORM_EACH` set, one for each row (two minutes).
    fn of(rows: Vec<Row>) -> Vec<Together> {
        let each = std::env::var_os("CONFORM_EACH").is_some();
        let mut runs: Vec<Together> = Vec::new();
        for row in rows {
            let place = runs.iter_mut().find(|run| !each && run.takes(&row));
            let Row(profile, wrong, fails) = row;
            match place {
                Some(run) => {
                    run.wrong.push(wrong);
                    run.fails.extend(fails);
                }
                None => runs.push(Together {
                    profile,
                    wrong: vec![wrong],
                    fails: fails.iter().copied().collect(),
                }),
            }
        }
        runs
    }

    /// What is not as it should be; `None` where exactly the points fail that should.
    async fn run(self) -> Option<String> {
        let vendor = vendor(self.profile).await;
        let all = self.wrong;
        let wrong = move |answer: &mut Answer| all.iter().for_each(|wrong| wrong(answer));
        let url = in_front(vendor.backend.url().to_owned(), Arc::new(wrong)).await;
        let report = examined(&vendor, &url, self.profile).await;
        let failed: BTreeSet<_> = report.failed().into_iter().collect();
        let expected = self.fails;
        (failed != expected).then(|| format!("expected {expected:?}, failed {failed:?}\n{report}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thing_done_wrong_makes_exactly_its_points_fail() {
    let rows: Vec<Row> = [leniencies(), at_the_door(), at_the_booth(), of_photos()]
        .into_iter()
        .flatten()
        .collect();
    let speak: BTreeSet<&str> = rows
        .iter()
        .flat_map(|Row(.., fails)| fails.iter().copied())
        .collect();
    let points: BTreeSet<&str> = CONTRACT.iter().map(|(name, _)| *name).collect();
    assert_eq!(speak, points, "every point can fail, and nothing else does");

    let mut runs = tokio::task::JoinSet::new();
    for together in Together::of(rows) {
        runs.spawn(together.run());
    }
    let wrong: Vec<String> = runs.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
