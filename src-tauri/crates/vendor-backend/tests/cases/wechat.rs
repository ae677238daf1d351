//! A stand-in for WeChat Pay: it checks a merchant's signatures by the published rules and signs with its own key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::SystemRandom;
use ring::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use vendor::{Clock, Secret};
use vendor_backend::payment::{Payment, WechatPay};

// Keys of these tests, and of nothing else.
const MERCHANT: &str = include_str!("../office/keys/merchant.pem");
const PLATFORM: &str = include_str!("../office/keys/platform.pem");
const PLATFORM_PUBLIC: &str = include_str!("../office/keys/platform-public.pem");
const OTHER: &str = include_str!("../office/keys/other.pem");
const API_V3_KEY: &str = "0123456789abcdef0123456789ABCDEF";
pub(crate) const PLATFORM_SERIAL: &str = "PUB_KEY_ID_0000000000";
const MERCHANT_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
pub(crate) const MCHID: &str = "0000000000";
pub(crate) const APPID: &str = "wx0000000000000000";

fn key(pem: &str) -> RsaKeyPair {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap()
}

/// What stands in an order at WeChat Pay.
#[derive(Debug, Clone)]
pub(crate) struct Trade {
    pub(crate) amount_fen: u64,
    pub(crate) state: &'static str,
    pub(crate) notify_url: String,
}

/// How the stand-in answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Honest,
    /// By a key that is not the platform's.
    Forged,
    Unsigned,
    /// As of ten minutes ago.
    Late,
    /// Not at all.
    Down,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) trades: HashMap<String, Trade>,
    pub(crate) asked: usize,
    pub(crate) begun: usize,
    pub(crate) mood: Mood,
}

pub(crate) struct Stand {
    url: String,
    clock: Clock,
    books: Mutex<Books>,
}

/// Signs as the platform does: time, a word of chance, the body, each on a line.
fn signed_by(pem: &str, at: Timestamp, body: &[u8]) -> [(&'static str, String); 4] {
    let (timestamp, nonce) = (at.as_second().to_string(), "c5ac7061fccab6bf3e254dcf98995b8c");
    let mut text = format!("{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    let key = key(pem);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &text, &mut signature)
        .unwrap();
    [
        ("Wechatpay-Timestamp", timestamp),
        ("Wechatpay-Nonce", nonce.to_owned()),
        ("Wechatpay-Signature", STANDARD.encode(signature)),
        ("Wechatpay-Serial", PLATFORM_SERIAL.to_owned()),
    ]
}

impl Stand {
    pub(crate) async fn open(clock: Clock) -> Arc<Stand> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stand = Arc::new(Stand {
            url: format!("http://{}", listener.local_addr().unwrap()),
            clock,
            books: Mutex::default(),
        });
        let app = Router::new()
            .route("/v3/pay/transactions/native", post(begin))
            .route("/v3/pay/transactions/out-trade-no/{trade_no}", get(ask))
            .route("/v3/pay/transactions/out-trade-no/{trade_no}/close", post(close))
            .with_state(stand.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        stand
    }

    pub(crate) fn payment(&self) -> Payment {
        Payment::WechatPay(Box::new(WechatPay {
            mchid: MCHID.into(),
            appid: APPID.into(),
            serial: MERCHANT_SERIAL.into(),
            key: Secret::new(MERCHANT),
            platform_serial: PLATFORM_SERIAL.into(),
            platform_key: PLATFORM_PUBLIC.into(),
            api_v3_key: Secret::new(API_V3_KEY),
            url: Some(self.url.clone()),
        }))
    }

    pub(crate) fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// A student scans the code and pays.
    pub(crate) fn is_paid(&self, trade_no: &str) {
        self.books().trades.get_mut(trade_no).unwrap().state = "SUCCESS";
    }

    /// By the rules: scheme, merchant, serial number, and the signature over method, path, time, chance and body.
    fn is_the_merchants(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> bool {
        let header = headers["authorization"].to_str().unwrap();
        let Some(fields) = header.strip_prefix("WECHATPAY2-SHA256-RSA2048 ") else {
            return false;
        };
        let fields: HashMap<&str, &str> = fields
            .split(',')
            .filter_map(|field| field.split_once('='))
            .map(|(name, value)| (name, value.trim_matches('"')))
            .collect();
        let path = uri.path_and_query().unwrap().as_str();
        let (timestamp, nonce) = (fields["timestamp"], fields["nonce_str"]);
        let mut text = format!("{method}\n{path}\n{timestamp}\n{nonce}\n").into_bytes();
        text.extend_from_slice(body);
        text.push(b'\n');
        // The padding of base64 went with the quotation marks' neighbours.
        let signature = header
            .split("signature=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let known = key(MERCHANT);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, known.public_key().as_ref());
        let now = self.clock.now().as_second();
        fields["mchid"] == MCHID
            && fields["serial_no"] == MERCHANT_SERIAL
            && (timestamp.parse::<i64>().unwrap() - now).abs() <= 300
            && public.verify(&text, &STANDARD.decode(signature).unwrap()).is_ok()
    }

    fn says(&self, status: StatusCode, body: &Value) -> Response {
        let body = if status == StatusCode::NO_CONTENT {
            Vec::new()
        } else {
            serde_json::to_vec(body).unwrap()
        };
        let now = self.clock.now();
        let headers = match self.books().mood {
            Mood::Honest => Some(signed_by(PLATFORM, now, &body)),
            Mood::Forged => Some(signed_by(OTHER, now, &body)),
            Mood::Late => Some(signed_by(
                PLATFORM,
                now - jiff::SignedDuration::from_mins(10),
                &body,
            )),
            Mood::Unsigned => None,
            Mood::Down => return StatusCode::BAD_GATEWAY.into_response(),
        };
        match headers {
            Some(headers) => (status, headers, body).into_response(),
            None => (status, body).into_response(),
        }
    }

    fn refuses(&self) -> Response {
        self.says(
            StatusCode::UNAUTHORIZED,
            &json!({ "code": "SIGN_ERROR", "message": "签名错误" }),
        )
    }
}

async fn begin(State(stand): State<Arc<Stand>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if !stand.is_the_merchants(&Method::POST, &uri, &headers, &body) {
        return stand.refuses();
    }
    let sale: Value = serde_json::from_slice(&body).unwrap();
    let text = |name: &str| sale[name].as_str().unwrap().to_owned();
    let trade_no = text("out_trade_no");
    let fits = text("mchid") == MCHID
        && text("appid") == APPID
        && (1..=127).contains(&text("description").len())
        && (6..=32).contains(&trade_no.len())
        && trade_no
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-|*".contains(&b))
        && text("time_expire").ends_with("+08:00")
        && text("time_expire").parse::<Timestamp>().is_ok()
        && sale["amount"]["currency"] == "CNY";
    if !fits {
        return stand.says(StatusCode::BAD_REQUEST, &json!({ "code": "PARAM_ERROR" }));
    }
    let trade = Trade {
        amount_fen: sale["amount"]["total"].as_u64().unwrap(),
        state: "NOTPAY",
        notify_url: text("notify_url"),
    };
    let begun = {
        let mut books = stand.books();
        books.begun += 1;
        books.trades.entry(trade_no.clone()).or_insert(trade);
        books.begun
    };
    let code = format!("weixin://wxpay/bizpayurl?pr={}{begun}", &trade_no[..8]);
    stand.says(StatusCode::OK, &json!({ "code_url": code }))
}

async fn ask(
    State(stand): State<Arc<Stand>>,
    Path(trade_no): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if !stand.is_the_merchants(&Method::GET, &uri, &headers, b"") {
        return stand.refuses();
    }
    assert_eq!(uri.query(), Some(&*format!("mchid={MCHID}")));
    let trade = {
        let mut books = stand.books();
        books.asked += 1;
        books.trades.get(&trade_no).cloned()
    };
    match trade {
        Some(trade) => stand.says(StatusCode::OK, &payment(&trade_no, &trade)),
        None => stand.says(StatusCode::NOT_FOUND, &json!({ "code": "ORDER_NOT_EXIST" })),
    }
}

async fn close(
    State(stand): State<Arc<Stand>>,
    Path(trade_no): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !stand.is_the_merchants(&Method::POST, &uri, &headers, &body) {
        return stand.refuses();
    }
    stand.books().trades.get_mut(&trade_no).unwrap().state = "CLOSED";
    stand.says(StatusCode::NO_CONTENT, &Value::Null)
}

/// A payment as WeChat Pay writes it down.
fn payment(trade_no: &str, trade: &Trade) -> Value {
    let mut payment = json!({
        "appid": APPID, "mchid": MCHID, "out_trade_no": trade_no, "trade_type": "NATIVE",
        "trade_state": trade.state, "trade_state_desc": "",
    });
    if trade.state == "SUCCESS" {
        payment["transaction_id"] = "4200000000000000000000000000".into();
        payment["success_time"] = "2025-10-10T10:01:00+08:00".into();
        payment["amount"] =
            json!({ "total": trade.amount_fen, "payer_total": trade.amount_fen, "currency": "CNY" });
    }
    payment
}

/// A notice, and every way to spoil it.
pub(crate) struct Notice {
    pub(crate) payment: Value,
    pub(crate) event: &'static str,
    pub(crate) sealed_with: &'static str,
    pub(crate) signed_with: &'static str,
    pub(crate) at: Timestamp,
    /// After it was signed.
    pub(crate) spoilt: bool,
    pub(crate) serial: &'static str,
}

impl Notice {
    pub(crate) fn of(trade_no: &str, amount_fen: u64, at: Timestamp) -> Notice {
        let trade = Trade {
            amount_fen,
            state: "SUCCESS",
            notify_url: String::new(),
        };
        Notice {
            payment: payment(trade_no, &trade),
            event: "TRANSACTION.SUCCESS",
            sealed_with: API_V3_KEY,
            signed_with: PLATFORM,
            at,
            spoilt: false,
            serial: PLATFORM_SERIAL,
        }
    }

    pub(crate) fn by_another_key(mut self) -> Notice {
        self.signed_with = OTHER;
        self
    }

    fn sealed(&self) -> String {
        let nonce = *b"fdasflkja484";
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.sealed_with.as_bytes()).unwrap());
        let mut bytes = serde_json::to_vec(&self.payment).unwrap();
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, Aad::from(b"transaction"), &mut bytes)
            .unwrap();
        STANDARD.encode(bytes)
    }

    /// Tells the backend; its answer's status.
    pub(crate) async fn tell(&self, url: &str) -> u16 {
        let body = json!({
            "id": "EV-2018022511223320873", "create_time": "2025-10-10T10:01:00+08:00",
            "resource_type": "encrypt-resource", "event_type": self.event, "summary": "支付成功",
            "resource": {
                "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "ciphertext": self.sealed(),
                "associated_data": "transaction", "nonce": "fdasflkja484",
            },
        });
        let mut body = serde_json::to_string(&body).unwrap();
        let mut headers = signed_by(self.signed_with, self.at, body.as_bytes());
        self.serial.clone_into(&mut headers[3].1);
        if self.spoilt {
            body.push(' ');
        }
        let mut request = crate::booth::browser().post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    }
}
