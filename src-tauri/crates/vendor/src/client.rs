//! The station's side of the contract over HTTP.
//!
//! Nothing a network can do makes a photo count as delivered: redirects are not followed, a reply must be of
//! the contract's media type and shape, and a capture's reply must carry a receipt that verifies with the key
//! learnt at enrolment. Whatever fails says whether repeating helps ([`VendorError::failure`]).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use fail::fail_point;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::api::{
    Accepted, Capture, ChangePage, Deliverable, DeliverableList, EnrolRequest, Enrolled, Identity,
    KeyReplaced, KeyRequest, Order, OrderRequest, ResolveRequest, SchoolList, Status, sha256_hex,
};
use crate::key::{PublicKey, StationKey};
use crate::problem::{self, Problem};
use crate::profile::Profile;
use crate::revocation::Revocation;
use crate::secret::BASE64URL;
use crate::signature::{Message, content_digest, sign_request};
use crate::trust::{Trust, is_wrong_key};

/// A JSON reply is at most this long; ours are a few kilobytes.
const LONGEST_REPLY: usize = 1 << 20;
/// A deliverable is at most this long.
const LONGEST_FILE: usize = 16 << 20;

/// Where the time comes from, so that tests can hold it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The computer's clock.
    pub fn system() -> Clock {
        Clock::new(Timestamp::now)
    }

    /// A clock of the caller's.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The time by this clock.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a small request and its whole reply: a student stands there and waits.
    pub request: Duration,
    /// For a capture or a deliverable: some 5 MB over a poor campus network.
    pub transfer: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(15),
            transfer: Duration::from_mins(2),
        }
    }
}

/// What may help after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing but a person: the same request will always be refused.
    Permanent,
    /// Time: the backend is there but cannot now.
    Retry,
    /// The network: the backend was not reached.
    NeedsNetwork,
}

/// Why a request has no answer. Holds nothing a student typed or showed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VendorError {
    /// The client cannot work as it is set up.
    #[error("set-up: {0}")]
    SetUp(String),
    /// Not enrolled: no receipt key, so no receipt could be believed.
    #[error("the station is not enrolled at this backend")]
    NotEnrolled,
    /// The backend was not reached.
    #[error("no connection: {0}")]
    Offline(String),
    /// Whoever answers there has another key than those pinned: not the vendor's server, or a key was changed.
    #[error(
        "the server's key is none of those pinned (backend-pins in station.toml): it is not the vendor's server, or \
         its key was changed; nothing was sent"
    )]
    WrongServerKey,
    /// The backend did not answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Somebody answered, but not this contract's backend: a captive portal, a proxy, a wrong address.
    #[error("not the backend's answer (HTTP {status}): {why}")]
    NotTheBackend {
        /// HTTP status.
        status: u16,
        /// What was wrong with it.
        why: String,
    },
    /// The receipt does not verify or is for something else: not delivered.
    #[error("the receipt does not count: {0}")]
    BadReceipt(&'static str),
    /// The backend itself signed that it holds other photos under this record: sending again cannot mend that.
    #[error("the backend's receipt for this record is for other photos")]
    ReceiptMismatch,
    /// The backend has revoked this station and signed it: see [`Revocation`].
    #[error("the vendor has revoked this station; what it keeps is safe and waits for a new activation code")]
    Revoked(Box<Revocation>),
    /// The backend said no, and why.
    #[error("refused: {} ({})", .0.code, .0.detail.as_deref().unwrap_or(&.0.title))]
    Refused(Box<Problem>),
    /// The backend, or what stands in front of it, cannot now and says so without words.
    #[error("the backend fails (HTTP {status})")]
    Unavailable {
        /// HTTP status: 5xx, 429 or 408.
        status: u16,
        /// Seconds it asks to wait.
        retry_after: Option<u32>,
    },
}

impl VendorError {
    /// What may help.
    pub fn failure(&self) -> Failure {
        match self {
            VendorError::SetUp(_)
            | VendorError::NotEnrolled
            | VendorError::ReceiptMismatch
            | VendorError::Revoked(_) => Failure::Permanent,
            VendorError::Refused(problem) if problem.code.is_permanent() => Failure::Permanent,
            VendorError::Refused(_) | VendorError::Unavailable { .. } | VendorError::BadReceipt(_) => {
                Failure::Retry
            }
            VendorError::Offline(_)
            | VendorError::WrongServerKey
            | VendorError::TimedOut(_)
            | VendorError::NotTheBackend { .. } => Failure::NeedsNetwork,
        }
    }

    /// True where repeating the same request cannot help.
    pub fn is_permanent(&self) -> bool {
        self.failure() == Failure::Permanent
    }

    /// True where the backend was not reached: a visit may go on without it.
    pub fn needs_network(&self) -> bool {
        self.failure() == Failure::NeedsNetwork
    }

    /// The backend's own reason, if it gave one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            VendorError::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// How long the backend asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = match self {
            VendorError::Refused(problem) => problem.retry_after,
            VendorError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        };
        seconds.map(|s| Duration::from_secs(u64::from(s)))
    }
}

/// One station's connection to one vendor's backend. Cheap to clone; wants a tokio runtime.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: StationKey,
    receipt_key: Option<PublicKey>,
    timeouts: Timeouts,
    clock: Clock,
}

impl Client {
    /// A client for the backend at `base_url` (`https://backend.example`; plain `http` on this computer only).
    /// A path in the address is kept and must reach the backend unchanged, since it is signed. The system's
    /// proxy is used, except on this computer. Connects to nothing yet.
    ///
    /// # Errors
    /// [`VendorError::SetUp`].
    pub fn new(base_url: &str, key: StationKey, timeouts: Timeouts) -> Result<Client, VendorError> {
        Client::with_trust(base_url, key, timeouts, &Trust::default())
    }

    /// As [`new`](Self::new), and the server must have one of the pinned keys.
    ///
    /// # Errors
    /// [`VendorError::SetUp`].
    pub fn with_trust(
        base_url: &str,
        key: StationKey,
        timeouts: Timeouts,
        trust: &Trust,
    ) -> Result<Client, VendorError> {
        let set_up = |what: &str| VendorError::SetUp(what.to_owned());
        let base = Url::parse(base_url).map_err(|error| VendorError::SetUp(format!("address: {error}")))?;
        let host = base.host_str().ok_or_else(|| set_up("address: no host"))?;
        let here = is_this_computer(host);
        match base.scheme() {
            "https" => {}
            "http" if here => {}
            "http" => return Err(set_up("address: https is needed outside this computer")),
            _ => return Err(set_up("address: neither https nor http")),
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(set_up("address: no user, password or query"));
        }
        if !trust.pins.is_empty() && base.scheme() != "https" {
            return Err(set_up("address: a pinned key needs https"));
        }
        // For whoever else speaks TLS in this program. Fails where another part was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = trust
            .tls()
            .map_err(|error| VendorError::SetUp(format!("TLS: {error}")))?;
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("photo-station/", env!("CARGO_PKG_VERSION")))
            // A redirect is how a captive portal begins.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .https_only(!here)
            .connect_timeout(timeouts.connect);
        if here {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| VendorError::SetUp(told(&error)))?;
        Ok(Client {
            http,
            base,
            key,
            receipt_key: None,
            timeouts,
            clock: Clock::system(),
        })
    }

    /// With the key receipts are verified with, as [`Enrolled`] gave it.
    #[must_use]
    pub fn with_receipt_key(mut self, key: PublicKey) -> Client {
        self.receipt_key = Some(key);
        self
    }

    /// With another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Client {
        self.clock = clock;
        self
    }

    /// With another key of the station's own.
    #[must_use]
    pub fn with_key(mut self, key: StationKey) -> Client {
        self.key = key;
        self
    }

    /// The backend's address.
    pub fn base_url(&self) -> &str {
        self.base.as_str()
    }

    /// The public half of the station's key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// Who is there, and what time has it? For the online light and for diagnosis.
    ///
    /// # Errors
    /// [`VendorError`].
    pub async fn status(&self) -> Result<Status, VendorError> {
        let mut ask = Ask::get(&["status"]);
        ask.signed = false;
        self.json(ask).await
    }

    /// Makes this station known. The same code and key give the same answer again. Keep the receipt key and
    /// give it to [`with_receipt_key`](Self::with_receipt_key).
    ///
    /// # Errors
    /// [`VendorError`]; `activation-invalid` where the code is wrong or used up.
    pub async fn enrol(
        &self,
        activation_code: &str,
        station_name: &str,
        software: &str,
    ) -> Result<Enrolled, VendorError> {
        let body = EnrolRequest {
            activation_code: crate::Secret::new(activation_code),
            station_name: station_name.to_owned(),
            public_key: self.key.public_key(),
            software: software.to_owned(),
        };
        self.json(Ask::send(Method::POST, &["enrol"], &body)?.keyed(nonce()?))
            .await
    }

    /// Puts `new` in the place of this client's key. After it only a client [`with_key`](Self::with_key) `new` is heard.
    ///
    /// # Errors
    /// [`VendorError`]; `unknown-station` where the key was replaced before.
    pub async fn replace_key(&self, new: &StationKey) -> Result<KeyReplaced, VendorError> {
        let body = KeyRequest::new(&self.key.public_key().key_id(), new);
        self.json(Ask::send(Method::POST, &["station", "key"], &body)?.keyed(nonce()?))
            .await
    }

    /// The profile in force. Validated: a profile that no visit could follow is not returned.
    ///
    /// # Errors
    /// [`VendorError`].
    pub async fn profile(&self) -> Result<Profile, VendorError> {
        let profile: Profile = self.json(Ask::get(&["profile"])).await?;
        let not_ours = |why: String| VendorError::NotTheBackend { status: 200, why };
        profile
            .validate()
            .map_err(|error| not_ours(format!("profile: {error}")))?;
        if let (Some(recipient), Some(key)) = (&profile.bundle_recipient, &self.receipt_key)
            && recipient.verified(key).is_none()
        {
            return Err(not_ours(
                "profile: its bundle recipient is not this backend's".into(),
            ));
        }
        Ok(profile)
    }

    /// Schools whose name contains `name` and that have `level` (empty: any).
    ///
    /// # Errors
    /// [`VendorError`].
    pub async fn schools(&self, name: &str, level: &str) -> Result<SchoolList, VendorError> {
        let mut ask = Ask::get(&["schools"]);
        ask.query = vec![("name", name.to_owned()), ("level", level.to_owned())];
        self.json(ask).await
    }

    /// Who is this?
    ///
    /// # Errors
    /// [`VendorError`]; `unknown-code`, `code-expired`, `code-in-use`, `proof-mismatch` (with attempts left), `proof-locked`, `code-mismatch`.
    pub async fn resolve(&self, request: &ResolveRequest) -> Result<Identity, VendorError> {
        self.json(Ask::send(Method::POST, &["identities"], request)?.keyed(nonce()?))
            .await
    }

    /// Asks for an order. `attempt` is the idempotency key: keep it and give it again to repeat this very
    /// request after a failure.
    ///
    /// # Errors
    /// [`VendorError`]; `nothing-due` where there is nothing to pay.
    pub async fn create_order(&self, request: &OrderRequest, attempt: Uuid) -> Result<Order, VendorError> {
        self.json(Ask::send(Method::POST, &["orders"], request)?.keyed(attempt.to_string()))
            .await
    }

    /// How far an order is.
    ///
    /// # Errors
    /// [`VendorError`].
    pub async fn order(&self, id: &str) -> Result<Order, VendorError> {
        self.json(Ask::get(&["orders", id])).await
    }

    /// Delivers a capture. May be repeated without harm: the record id and the photos' hashes make it one.
    /// Succeeds only with a receipt over exactly this record and these photos.
    ///
    /// # Errors
    /// [`VendorError`]; [`VendorError::BadReceipt`] where everything looked well but the receipt.
    pub async fn put_capture(&self, record_id: Uuid, capture: &Capture) -> Result<Accepted, VendorError> {
        let key = self.receipt_key.ok_or(VendorError::NotEnrolled)?;
        let id = record_id.to_string();
        let mut ask = Ask::send(Method::PUT, &["captures", &id], capture)?.keyed(id.clone());
        ask.timeout = self.timeouts.transfer;
        let accepted: Accepted = self.json(ask).await?;
        let receipt = &accepted.receipt;
        if !receipt.verifies(&key) {
            return Err(VendorError::BadReceipt("not signed by this backend"));
        }
        if receipt.record_id != record_id {
            return Err(VendorError::BadReceipt("for another record"));
        }
        if receipt.standard_sha256 != capture.standard.sha256
            || receipt.original_sha256 != capture.original.sha256
        {
            return Err(VendorError::ReceiptMismatch);
        }
        Ok(accepted)
    }

    /// How far a delivered capture is. The receipt is verified, too.
    ///
    /// # Errors
    /// [`VendorError`]; `not-found` where the backend does not have it.
    pub async fn capture(&self, record_id: Uuid) -> Result<Accepted, VendorError> {
        let key = self.receipt_key.ok_or(VendorError::NotEnrolled)?;
        let accepted: Accepted = self.json(Ask::get(&["captures", &record_id.to_string()])).await?;
        if accepted.receipt.record_id != record_id || !accepted.receipt.verifies(&key) {
            return Err(VendorError::BadReceipt(
                "not signed by this backend for this record",
            ));
        }
        Ok(accepted)
    }

    /// What happened to this station's captures since `after` (`None`: from the beginning), at most `limit`.
    ///
    /// # Errors
    /// [`VendorError`].
    pub async fn changes(&self, after: Option<&str>, limit: u32) -> Result<ChangePage, VendorError> {
        let mut ask = Ask::get(&["changes"]);
        ask.query.push(("limit", limit.to_string()));
        if let Some(after) = after {
            ask.query.push(("after", after.to_owned()));
        }
        self.json(ask).await
    }

    /// What the student may have of an approved capture.
    ///
    /// # Errors
    /// [`VendorError`].
    pub async fn deliverables(&self, record_id: Uuid) -> Result<DeliverableList, VendorError> {
        self.json(Ask::get(&["captures", &record_id.to_string(), "deliverables"]))
            .await
    }

    /// Fetches a deliverable and checks it against its hash.
    ///
    /// # Errors
    /// [`VendorError`]; [`VendorError::NotTheBackend`] where the bytes are not the ones announced.
    pub async fn deliverable(&self, record_id: Uuid, wanted: &Deliverable) -> Result<Vec<u8>, VendorError> {
        let id = record_id.to_string();
        let mut ask = Ask::get(&["captures", &id, "deliverables", wanted.kind.as_str()]);
        ask.timeout = self.timeouts.transfer;
        ask.longest = LONGEST_FILE;
        let reply = self.exchange(ask).await?;
        if sha256_hex(&reply.body) != wanted.sha256 {
            return Err(VendorError::NotTheBackend {
                status: reply.status,
                why: "not the file announced".into(),
            });
        }
        Ok(reply.body)
    }

    async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, VendorError> {
        let reply = self.exchange(ask).await?;
        let not_ours = |why: String| VendorError::NotTheBackend {
            status: reply.status,
            why,
        };
        if media_type(&reply.headers) != "application/json" {
            return Err(not_ours("not JSON".into()));
        }
        // Only the place of the fault: the error's own text may quote what the reply said.
        serde_json::from_slice(&reply.body).map_err(|e| {
            not_ours(format!(
                "JSON of another shape, line {} column {}",
                e.line(),
                e.column()
            ))
        })
    }

    /// One request, one successful reply.
    async fn exchange(&self, ask: Ask) -> Result<Reply, VendorError> {
        let timeout = if ask.timeout.is_zero() {
            self.timeouts.request
        } else {
            ask.timeout
        };
        let request = self.request(&ask)?.timeout(timeout);
        let failed = |error: reqwest::Error| {
            if error.is_timeout() && !error.is_connect() {
                VendorError::TimedOut(timeout)
            } else if error.is_builder() {
                VendorError::SetUp(told(&error))
            } else if is_wrong_key(&error) {
                VendorError::WrongServerKey
            } else {
                VendorError::Offline(told(&error))
            }
        };
        fail_point!("request.signed");
        let mut response = request.send().await.map_err(failed)?;
        fail_point!("reply.begun");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ask.longest {
                return Err(VendorError::NotTheBackend {
                    status,
                    why: "the reply is too long".into(),
                });
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            200 | 201 => Ok(Reply {
                status,
                headers,
                body,
            }),
            400..=599 => Err(self.believed(refusal(status, &headers, &body, self.clock.now()))),
            _ => Err(VendorError::NotTheBackend {
                status,
                why: "neither a success nor a problem".into(),
            }),
        }
    }

    /// A revocation counts only with the backend's signature: without it, it is one more refusal to wait out.
    fn believed(&self, error: VendorError) -> VendorError {
        let proof = error.problem().and_then(|problem| problem.revocation.as_ref());
        match (proof, &self.receipt_key) {
            (Some(proof), Some(key)) if proof.verifies(key, &self.public_key()) => {
                VendorError::Revoked(Box::new(proof.clone()))
            }
            _ => error,
        }
    }

    fn request(&self, ask: &Ask) -> Result<reqwest::RequestBuilder, VendorError> {
        let url = self.address(ask)?;
        let mut headers: Vec<(&str, String)> =
            vec![("accept", "application/json, application/problem+json".into())];
        if let Some(body) = &ask.body {
            headers.push(("content-type", "application/json".into()));
            headers.push(("content-digest", content_digest(body)));
        }
        if let Some(key) = &ask.idempotency_key {
            headers.push(("idempotency-key", key.clone()));
        }
        if ask.signed {
            let host = url.host_str().unwrap_or_default();
            let authority = url
                .port()
                .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
            let fields: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let message = Message {
                method: ask.method.as_str(),
                authority: &authority,
                path: url.path(),
                query: url.query(),
                fields: &fields,
            };
            let (input, signature) = sign_request(&message, &self.key, self.clock.now(), &nonce()?)
                .map_err(|error| VendorError::SetUp(error.to_string()))?;
            headers.push(("signature-input", input));
            headers.push(("signature", signature));
        }
        let mut request = self.http.request(ask.method.clone(), url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Ok(match &ask.body {
            Some(body) => request.body(body.clone()),
            None => request,
        })
    }

    fn address(&self, ask: &Ask) -> Result<Url, VendorError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| VendorError::SetUp("address: cannot hold a path".into()))?
            .pop_if_empty()
            .push("v1")
            .extend(&ask.path);
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        Ok(url)
    }
}

/// 128 bits from the operating system: for nonces and for idempotency keys nobody keeps.
fn nonce() -> Result<String, VendorError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| VendorError::SetUp("no randomness".into()))?;
    Ok(BASE64URL.encode(bytes))
}

/// A request as the contract sees it.
struct Ask {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<bytes::Bytes>,
    idempotency_key: Option<String>,
    signed: bool,
    /// Zero: the ordinary one.
    timeout: Duration,
    longest: usize,
}

impl Ask {
    fn get(path: &[&str]) -> Ask {
        Ask {
            method: Method::GET,
            path: path.iter().map(|s| (*s).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            idempotency_key: None,
            signed: true,
            timeout: Duration::ZERO,
            longest: LONGEST_REPLY,
        }
    }

    fn send(method: Method, path: &[&str], body: &impl Serialize) -> Result<Ask, VendorError> {
        let body = serde_json::to_vec(body).map_err(|error| VendorError::SetUp(error.to_string()))?;
        Ok(Ask {
            method,
            body: Some(body.into()),
            ..Ask::get(path)
        })
    }

    fn keyed(mut self, idempotency_key: String) -> Ask {
        self.idempotency_key = Some(idempotency_key);
        self
    }
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What a reply of 4xx or 5xx means: the contract's own no, a failing backend, or somebody else.
fn refusal(status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> VendorError {
    let waits = headers
        .get(RETRY_AFTER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| seconds_to_wait(v.trim(), now));
    if media_type(headers) == problem::MEDIA_TYPE
        && let Ok(mut problem) = serde_json::from_slice::<Problem>(body)
    {
        problem.retry_after = problem.retry_after.or(waits);
        return VendorError::Refused(Box::new(problem));
    }
    match status {
        // 511 is the captive portal's own status. A gateway that has had enough says 429 on a page of its own.
        408 | 429 | 500..=599 if status != 511 => VendorError::Unavailable {
            status,
            retry_after: waits,
        },
        _ => VendorError::NotTheBackend {
            status,
            why: "not a problem of this contract".into(),
        },
    }
}

/// `Retry-After` in either of its forms (RFC 9110, 10.2.3): seconds, or a date.
fn seconds_to_wait(value: &str, now: Timestamp) -> Option<u32> {
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(u32::try_from(until.duration_since(now).as_secs().max(0)).unwrap_or(u32::MAX))
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

fn is_this_computer(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An HTTP error with its causes and without its address.
fn told(error: &reqwest::Error) -> String {
    let mut text = match error {
        e if e.is_dns() => "the name is not known".to_owned(),
        e if e.is_connect() => "cannot connect".to_owned(),
        e if e.is_timeout() => "too slow".to_owned(),
        _ => "broken off".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.source().is_none() {
            text = format!("{text}: {inner}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemCode;

    fn client(address: &str) -> Result<Client, VendorError> {
        Client::new(address, StationKey::from_bytes(&[1; 32]), Timeouts::default())
    }

    #[test]
    fn tls_is_needed_outside_this_computer() {
        for good in [
            "https://backend.example",
            "http://127.0.0.1:8080/",
            "http://localhost:1",
            "http://[::1]:80",
        ] {
            assert!(client(good).is_ok(), "{good}");
        }
        for bad in [
            "http://backend.example",
            "http://10.0.0.1",
            "ftp://localhost",
            "backend",
            "https://user:secret@backend.example",
            "http://localhost.example",
        ] {
            assert!(client(bad).unwrap_err().is_permanent(), "{bad}");
        }
    }

    #[test]
    fn a_path_in_the_address_is_kept_and_ids_cannot_climb() {
        let client = client("https://backend.example/photo/").unwrap();
        let url = client.address(&Ask::get(&["orders", "../a/b?c"])).unwrap();
        assert_eq!(
            url.as_str(),
            "https://backend.example/photo/v1/orders/..%2Fa%2Fb%3Fc"
        );
    }

    #[test]
    fn a_refusal_tells_whether_to_try_again() {
        let json = |content_type: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                CONTENT_TYPE,
                reqwest::header::HeaderValue::from_static(content_type),
            );
            headers.insert(RETRY_AFTER, reqwest::header::HeaderValue::from_static("30"));
            headers
        };
        let body = |code| serde_json::to_vec(&Problem::new(code)).unwrap();
        let no = |code: ProblemCode| {
            refusal(
                code.status(),
                &json("application/problem+json"),
                &body(code),
                Timestamp::now(),
            )
        };
        assert!(no(ProblemCode::ProofMismatch).is_permanent());
        assert!(no(ProblemCode::CaptureConflict).is_permanent());
        assert!(!no(ProblemCode::ClockSkew).is_permanent());
        assert_eq!(no(ProblemCode::RateLimited).failure(), Failure::Retry);
        assert_eq!(
            no(ProblemCode::RateLimited).retry_after(),
            Some(Duration::from_secs(30))
        );
        // A proxy's pages are nobody's word.
        assert!(refusal(403, &json("text/html"), b"<html>", Timestamp::now()).needs_network());
        assert!(refusal(511, &json("text/html"), b"<html>", Timestamp::now()).needs_network());
        assert_eq!(
            refusal(502, &json("text/html"), b"<html>", Timestamp::now()).failure(),
            Failure::Retry
        );
        let gateway = refusal(429, &json("text/html"), b"<html>", Timestamp::now());
        assert_eq!(
            (gateway.failure(), gateway.retry_after()),
            (Failure::Retry, Some(Duration::from_secs(30)))
        );
    }

    #[test]
    fn a_pause_is_understood_in_seconds_and_as_a_date() {
        let now: Timestamp = "2026-06-03T08:00:00Z".parse().unwrap();
        assert_eq!(seconds_to_wait("120", now), Some(120));
        assert_eq!(seconds_to_wait("Wed, 03 Jun 2026 08:01:30 GMT", now), Some(90));
        assert_eq!(
            seconds_to_wait("Wed, 03 Jun 2026 07:00:00 GMT", now),
            Some(0),
            "past"
        );
        assert_eq!(seconds_to_wait("soon", now), None);
    }

    #[tokio::test]
    async fn nobody_there_needs_the_network_and_the_words_name_no_address() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        let error = client(&format!("http://127.0.0.1:{port}"))
            .unwrap()
            .schools("测试", "")
            .await
            .unwrap_err();
        assert!(error.needs_network(), "{error}");
        assert!(!error.to_string().contains("schools"), "{error}");
    }
}
