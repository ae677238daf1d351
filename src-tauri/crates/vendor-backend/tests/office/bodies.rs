//! Whatever is sent, the backend answers in the contract's words: no body and no query breaks it.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use uuid::Uuid;
use vendor::problem::Problem;
use vendor::signature::{Message, content_digest, sign_request};
use vendor::{Clock, StationKey};
use vendor_backend::BackendOptions;

use crate::booth::{Booth, browser};

/// What is sent: where to, and a body the contract's own example was turned into.
#[derive(Debug, Clone)]
struct Letter {
    method: &'static str,
    path: String,
    body: Vec<u8>,
    signed: bool,
}

/// The requests with bodies, and the contract's own example of each.
fn examples() -> Vec<(&'static str, String, Value)> {
    let contract: Value = serde_json::from_str(&vendor_backend::openapi()).unwrap();
    let capture = format!("/v1/captures/{}", Uuid::now_v7());
    [
        ("POST", "/v1/enrol", "/v1/enrol".to_owned()),
        ("POST", "/v1/identities", "/v1/identities".to_owned()),
        ("POST", "/v1/orders", "/v1/orders".to_owned()),
        ("POST", "/v1/station/key", "/v1/station/key".to_owned()),
        ("PUT", "/v1/captures/{record_id}", capture),
    ]
    .into_iter()
    .map(|(method, pattern, path)| {
        let request = &contract["paths"][pattern][method.to_lowercase()]["requestBody"];
        let example = &request["content"]["application/json"]["example"];
        assert!(example.is_object(), "{pattern} has an example");
        (method, path, example.clone())
    })
    .collect()
}

/// Any JSON, not too deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(Value::from("\u{0}")),
        Just(Value::from("A".repeat(5000))),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{0,12}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts something else at one place of an example, however deep.
fn changed(value: &mut Value, mut at: impl Iterator<Item = Index>, other: Value) {
    let Some(index) = at.next() else {
        *value = other;
        return;
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let place = index.index(map.len());
            let (_, inner) = map.iter_mut().nth(place).unwrap();
            changed(inner, at, other);
        }
        Value::Array(list) if !list.is_empty() => {
            let place = index.index(list.len());
            changed(&mut list[place], at, other);
        }
        place => *place = other,
    }
}

fn letters() -> impl Strategy<Value = Letter> {
    let request = (select(examples()), any::<bool>());
    let places = prop::collection::vec(any::<Index>(), 1..4);
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let body = (places, anything(), any::<(Index, u8)>(), bytes, 0..4);
    (request, body).prop_map(
        |(((method, path, example), signed), (at, other, (spot, byte), bytes, how))| {
            let mut value = example;
            let mut text = serde_json::to_vec(&value).unwrap();
            let body = match how {
                0 => bytes,
                1 => {
                    let place = spot.index(text.len());
                    text[place] = byte;
                    text
                }
                2 => {
                    text.truncate(spot.index(text.len()));
                    text
                }
                _ => {
                    changed(&mut value, at.into_iter(), other);
                    serde_json::to_vec(&value).unwrap()
                }
            };
            Letter {
                method,
                path,
                body,
                signed: signed || method == "PUT",
            }
        },
    )
}

/// The letter as the enrolled station sends it, or unsigned.
fn request(letter: &Letter, authority: &str, clock: &Clock) -> reqwest::RequestBuilder {
    let digest = content_digest(&letter.body);
    let key = Uuid::now_v7().to_string();
    let fields = [
        ("content-type", "application/json"),
        ("content-digest", digest.as_str()),
        ("idempotency-key", key.as_str()),
    ];
    let message = Message {
        method: letter.method,
        authority,
        path: &letter.path,
        query: None,
        fields: &fields,
    };
    let method = reqwest::Method::from_bytes(letter.method.as_bytes()).unwrap();
    let mut request = browser().request(method, format!("http://{authority}{}", letter.path));
    for (name, value) in fields {
        request = request.header(name, value);
    }
    if letter.signed {
        let nonce = Uuid::now_v7().simple().to_string();
        let key = StationKey::from_bytes(&[7; 32]);
        let (input, signature) = sign_request(&message, &key, clock.now(), &nonce).unwrap();
        request = request
            .header("signature-input", input)
            .header("signature", signature);
    }
    request.body(letter.body.clone())
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn no_body_breaks_it_and_every_refusal_is_the_contracts() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let booth = runtime.block_on(Booth::open_with("biyezhengzhao", |_: &mut BackendOptions| ()));
    let authority = booth.backend.addr.to_string();
    let clock = booth.hand.clock();
    let tried = runner(600).run(&letters(), |letter| {
        let (status, body) = runtime.block_on(async {
            let reply = request(&letter, &authority, &clock).send().await.unwrap();
            (reply.status().as_u16(), reply.bytes().await.unwrap())
        });
        prop_assert!(status < 500, "{status}");
        if status >= 400 {
            let problem: Result<Problem, _> = serde_json::from_slice(&body);
            prop_assert!(problem.is_ok_and(|problem| problem.status == status));
        }
        Ok(())
    });
    tried.unwrap();
    // It is as well as before.
    let profile = runtime.block_on(booth.station.profile());
    assert_eq!(profile.unwrap().id, "biyezhengzhao");
}

#[test]
fn no_query_no_form_and_no_notice_breaks_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let booth = runtime.block_on(Booth::open_with("binyu", |_: &mut BackendOptions| ()));
    let url = booth.backend.url().to_owned();
    let places = select(vec![
        ("GET", "/v1/schools?"),
        ("GET", "/v1/changes?"),
        ("GET", "/v1/problems/"),
        ("GET", "/pay/"),
        ("POST", "/pay/"),
        ("GET", "/review/"),
        ("POST", "/review/login"),
        ("POST", "/pay/wechat"),
    ]);
    let tail = "[a-z0-9%=&+./?;-]{0,30}";
    let body = prop::collection::vec(any::<u8>(), 0..200);
    let tried = runner(200).run(&(places, tail, body), |((method, path), tail, body)| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let place = if path.ends_with(['?', '/']) {
            format!("{url}{path}{tail}")
        } else {
            format!("{url}{path}")
        };
        let request = browser()
            .request(method, place)
            .header("content-type", "application/x-www-form-urlencoded");
        let status = runtime.block_on(async { request.body(body).send().await.unwrap().status() });
        prop_assert!(!status.is_server_error(), "{status}");
        Ok(())
    });
    tried.unwrap();
}
