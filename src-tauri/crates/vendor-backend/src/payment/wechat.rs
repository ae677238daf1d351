//! WeChat Pay, Native, API v3, by its published rules: a request is signed by the merchant's key, an answer and a notice
//! by the platform's, and what a notice holds is sealed by the merchant's API v3 key.
//!
//! Sources: pay.weixin.qq.com, 「签名生成」「如何验证签名」「证书和回调报文解密」「Native下单」「商户订单号查询订单」「关闭订单」
//! 「支付成功回调通知」.

use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::Deserialize;
use serde_json::json;
use vendor::Secret;
use webpki::RawPublicKeyEntity;

use super::{Answer, PaymentError, Provider, Sale, Trade, TradeState};

/// The address of WeChat Pay.
const URL: &str = "https://api.mch.weixin.qq.com";
/// What was signed longer ago, or later than now, is not believed.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);
/// The student waits.
const PATIENCE: Duration = Duration::from_secs(8);
/// An answer has some hundred bytes.
const LARGEST_ANSWER: usize = 64 << 10;
const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// What a merchant has of WeChat Pay.
#[derive(Debug, Clone)]
pub struct WechatPay {
    /// Merchant number (商户号).
    pub mchid: String,
    /// The application the merchant number belongs to.
    pub appid: String,
    /// Serial number of the merchant's certificate (商户API证书序列号).
    pub serial: String,
    /// The merchant's private key, PEM (PKCS#8): `apiclient_key.pem`.
    pub key: Secret,
    /// Identifier of the platform's public key (微信支付公钥ID).
    pub platform_serial: String,
    /// The platform's public key, PEM: `pub_key.pem`.
    pub platform_key: String,
    /// The API v3 key (APIv3密钥): 32 characters.
    pub api_v3_key: Secret,
    /// Where WeChat Pay is, where that is not its public address.
    pub url: Option<String>,
}

/// WeChat Pay.
pub(super) struct Wechat {
    mchid: String,
    appid: String,
    serial: String,
    key: RsaKeyPair,
    platform_serial: String,
    platform_key: SubjectPublicKeyInfoDer<'static>,
    api_v3_key: LessSafeKey,
    url: String,
    notify_url: String,
    http: reqwest::Client,
}

/// An answer, or a notice.
struct Said<'a> {
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Said<'_> {
    fn header(&self, name: &'static str) -> Result<&str, PaymentError> {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or(PaymentError::Forged("without a signature"))
    }
}

#[derive(Deserialize)]
struct Begun {
    code_url: String,
}

/// How far a payment is, in WeChat Pay's words; more than is read here.
#[derive(Deserialize)]
struct Payment {
    mchid: String,
    appid: String,
    out_trade_no: String,
    trade_state: String,
    /// Absent until it is paid.
    amount: Option<Amount>,
}

#[derive(Deserialize)]
struct Amount {
    total: u32,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Notice {
    event_type: String,
    resource: Sealed,
}

#[derive(Deserialize)]
struct Sealed {
    algorithm: String,
    ciphertext: String,
    nonce: String,
    #[serde(default)]
    associated_data: String,
}

impl Wechat {
    pub(super) fn new(settings: &WechatPay, public_url: &str) -> Result<Wechat, PaymentError> {
        let no = PaymentError::Settings;
        let key = PrivatePkcs8KeyDer::from_pem_slice(settings.key.expose().as_bytes())
            .map_err(|_| no("the merchant's key is no PEM of a PKCS#8 key"))?;
        let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der())
            .map_err(|_| no("the merchant's key is no RSA key of 2048 bits or more"))?;
        let platform_key = SubjectPublicKeyInfoDer::from_pem_slice(settings.platform_key.as_bytes())
            .map_err(|_| no("the platform's key is no PEM of a public key"))?;
        RawPublicKeyEntity::try_from(&platform_key).map_err(|_| no("the platform's key cannot be read"))?;
        let api_v3_key = UnboundKey::new(&AES_256_GCM, settings.api_v3_key.expose().as_bytes())
            .map_err(|_| no("the API v3 key has not 32 characters"))?;
        let words = [
            &settings.mchid,
            &settings.appid,
            &settings.serial,
            &settings.platform_serial,
        ];
        // They stand in a header between quotation marks.
        if words
            .iter()
            .any(|word| word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        {
            return Err(no(
                "mchid, appid, serial and platform-serial are letters, digits and _",
            ));
        }
        let url = settings.url.as_deref().unwrap_or(URL).trim_end_matches('/');
        if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1") {
            return Err(no("url begins with https://"));
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("photo-station/", env!("CARGO_PKG_VERSION")));
        if url.starts_with("http:") {
            http = http.no_proxy();
        }
        Ok(Wechat {
            mchid: settings.mchid.clone(),
            appid: settings.appid.clone(),
            serial: settings.serial.clone(),
            key,
            platform_serial: settings.platform_serial.clone(),
            platform_key,
            api_v3_key: LessSafeKey::new(api_v3_key),
            url: url.to_owned(),
            notify_url: format!("{public_url}/pay/wechat"),
            http: http.build().map_err(|_| no("no TLS"))?,
        })
    }

    /// The header by which a request is known to be the merchant's: method, path with query, time, a word of chance and
    /// the body, each on a line of its own.
    fn authorization(
        &self,
        method: &str,
        path: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<String, PaymentError> {
        let broken = |_| PaymentError::Settings("the merchant's key does not sign");
        let mut chance = [0u8; 16];
        getrandom::fill(&mut chance).map_err(|_| PaymentError::Settings("no randomness"))?;
        let (timestamp, nonce) = (now.as_second(), hex::encode_upper(chance));
        let text = format!("{method}\n{path}\n{timestamp}\n{nonce}\n{body}\n");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(broken)?;
        Ok(format!(
            "{SCHEME} mchid=\"{}\",nonce_str=\"{nonce}\",signature=\"{}\",timestamp=\"{timestamp}\",serial_no=\"{}\"",
            self.mchid,
            STANDARD.encode(signature),
            self.serial,
        ))
    }

    /// Asks, and believes only what the platform signed just now.
    async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: String,
        now: Timestamp,
    ) -> Result<Vec<u8>, PaymentError> {
        let authorization = self.authorization(method.as_str(), path, &body, now)?;
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .header("authorization", authorization)
            .header("accept", "application/json");
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body);
        }
        let mut reply = request.send().await.map_err(|_| PaymentError::Unreachable)?;
        let status = reply.status();
        if !status.is_success() {
            return Err(PaymentError::Refused(status.as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(|_| PaymentError::Unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_ANSWER {
                return Err(PaymentError::Forged("too long"));
            }
        }
        let said = Said {
            headers: reply.headers(),
            body: &body,
        };
        self.believe(&said, now)?;
        Ok(body)
    }

    /// Is this the platform's word, said now? Time, a word of chance and the body as it came, each on a line.
    fn believe(&self, said: &Said<'_>, now: Timestamp) -> Result<(), PaymentError> {
        if said.header("wechatpay-serial")? != self.platform_serial {
            return Err(PaymentError::Forged("signed by another key"));
        }
        let timestamp = said.header("wechatpay-timestamp")?;
        let at = timestamp
            .parse()
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or(PaymentError::Forged("without a time"))?;
        if now.duration_since(at).abs() > CLOCKS_DIFFER {
            return Err(PaymentError::Forged("signed at another time"));
        }
        let signature = STANDARD
            .decode(said.header("wechatpay-signature")?)
            .map_err(|_| PaymentError::Forged("without a signature"))?;
        let mut text = format!("{timestamp}\n{}\n", said.header("wechatpay-nonce")?).into_bytes();
        text.extend_from_slice(said.body);
        text.push(b'\n');
        let key = RawPublicKeyEntity::try_from(&self.platform_key)
            .map_err(|_| PaymentError::Settings("the platform's key cannot be read"))?;
        key.verify_signature(webpki::ring::RSA_PKCS1_2048_8192_SHA256, &text, &signature)
            .map_err(|_| PaymentError::Forged("a wrong signature"))
    }

    fn open(&self, sealed: Sealed) -> Result<Vec<u8>, PaymentError> {
        let no = |_| PaymentError::Forged("cannot be opened");
        if sealed.algorithm != "AEAD_AES_256_GCM" {
            return Err(PaymentError::Forged("sealed in another way"));
        }
        let nonce = Nonce::try_assume_unique_for_key(sealed.nonce.as_bytes()).map_err(no)?;
        let mut bytes = STANDARD
            .decode(&sealed.ciphertext)
            .map_err(|_| PaymentError::Forged("cannot be opened"))?;
        let aad = Aad::from(sealed.associated_data.into_bytes());
        let length = self
            .api_v3_key
            .open_in_place(nonce, aad, &mut bytes)
            .map_err(no)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }

    /// What the platform says of a payment, if it is one of this merchant's.
    fn trade(&self, json: &[u8]) -> Result<Trade, PaymentError> {
        let payment: Payment =
            serde_json::from_slice(json).map_err(|_| PaymentError::Unfit("not readable"))?;
        if payment.mchid != self.mchid || payment.appid != self.appid {
            return Err(PaymentError::Forged("another merchant's"));
        }
        let state = match payment.trade_state.as_str() {
            "SUCCESS" => {
                let amount = payment.amount.ok_or(PaymentError::Unfit("without an amount"))?;
                if amount
                    .currency
                    .as_deref()
                    .is_some_and(|currency| currency != "CNY")
                {
                    return Err(PaymentError::Unfit("another currency"));
                }
                TradeState::Paid {
                    amount_fen: amount.total,
                }
            }
            // Given back by the merchant's own staff: nothing is due to anybody.
            "CLOSED" | "REVOKED" | "REFUND" => TradeState::Closed,
            _ => TradeState::Open,
        };
        Ok(Trade {
            trade_no: payment.out_trade_no,
            state,
        })
    }
}

impl Provider for Wechat {
    fn begin<'a>(&'a self, sale: &'a Sale, now: Timestamp) -> Answer<'a, String> {
        Box::pin(async move {
            let expires = sale
                .expires_at
                .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
            let body = json!({
                "appid": self.appid,
                "mchid": self.mchid,
                "description": sale.description,
                "out_trade_no": sale.trade_no,
                "time_expire": expires.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
                "notify_url": self.notify_url,
                "amount": { "total": sale.amount_fen, "currency": "CNY" },
            });
            let path = "/v3/pay/transactions/native";
            let answer = self
                .send(reqwest::Method::POST, path, body.to_string(), now)
                .await?;
            let begun: Begun =
                serde_json::from_slice(&answer).map_err(|_| PaymentError::Unfit("without a code"))?;
            Ok(begun.code_url)
        })
    }

    fn ask<'a>(&'a self, trade_no: &'a str, now: Timestamp) -> Answer<'a, Trade> {
        Box::pin(async move {
            let path = format!(
                "/v3/pay/transactions/out-trade-no/{trade_no}?mchid={}",
                self.mchid
            );
            let answer = self.send(reqwest::Method::GET, &path, String::new(), now).await?;
            let trade = self.trade(&answer)?;
            if trade.trade_no == trade_no {
                Ok(trade)
            } else {
                Err(PaymentError::Unfit("another order"))
            }
        })
    }

    fn close<'a>(&'a self, trade_no: &'a str, now: Timestamp) -> Answer<'a, ()> {
        Box::pin(async move {
            let path = format!("/v3/pay/transactions/out-trade-no/{trade_no}/close");
            let body = json!({ "mchid": self.mchid }).to_string();
            self.send(reqwest::Method::POST, &path, body, now).await.map(drop)
        })
    }

    fn told(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Trade, PaymentError> {
        self.believe(&Said { headers, body }, now)?;
        let notice: Notice = serde_json::from_slice(body).map_err(|_| PaymentError::Unfit("not readable"))?;
        if notice.event_type != "TRANSACTION.SUCCESS" {
            return Err(PaymentError::Unfit("of another kind"));
        }
        self.trade(&self.open(notice.resource)?)
    }
}
