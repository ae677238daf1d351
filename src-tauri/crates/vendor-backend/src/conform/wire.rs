//! Letters: signed as a station signs, and changed as nobody should.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use vendor::problem::{MEDIA_TYPE, Problem, ProblemCode};
use vendor::signature::{Message, content_digest, sign_request};
use vendor::{Client, Clock, StationKey, Timeouts};

use super::people::Student;
use super::report::Seen;
use super::{fault, holds};
use crate::BackendError;

/// The longest wait for one answer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The way to the server, and what was seen in every answer.
pub(super) struct Wire {
    http: reqwest::Client,
    base: Url,
    authority: String,
    clock: Clock,
    secrets: Vec<String>,
    refusals: AtomicUsize,
    shapeless: Mutex<Vec<String>>,
    echoes: Mutex<Vec<String>>,
}

/// What is done to a letter after it was signed.
#[derive(Clone, Default)]
pub(super) enum Change {
    /// Nothing.
    #[default]
    Nothing,
    /// The signature becomes another one.
    Signature,
    /// It is sent with another method.
    Method(Method),
    /// It is sent to another path.
    Path(&'static str),
    /// It is sent with another query.
    Query(&'static str),
    /// It carries another body.
    Body(&'static str),
    /// It carries an idempotency key.
    IdempotencyKey,
}

/// One request.
#[derive(Clone)]
pub(super) struct Letter {
    key: Option<StationKey>,
    method: Method,
    path: String,
    query: Option<String>,
    body: Option<Vec<u8>>,
    media_type: &'static str,
    with_digest: bool,
    idempotency_key: Option<String>,
    signed_at: Timestamp,
    nonce: String,
    change: Change,
}

impl Letter {
    pub(super) fn json(mut self, body: &impl Serialize) -> Letter {
        self.body = Some(serde_json::to_vec(body).unwrap_or_default());
        self
    }

    pub(super) fn text(mut self, body: &str) -> Letter {
        self.body = Some(body.as_bytes().to_vec());
        self
    }

    pub(super) fn of_type(mut self, media_type: &'static str) -> Letter {
        self.media_type = media_type;
        self
    }

    pub(super) fn without_digest(mut self) -> Letter {
        self.with_digest = false;
        self
    }

    pub(super) fn query(mut self, pairs: &[(&str, &str)]) -> Letter {
        self.query = Url::parse_with_params("http://any.example", pairs)
            .ok()
            .and_then(|url| url.query().map(str::to_owned));
        self
    }

    pub(super) fn keyed(mut self, key: &str) -> Letter {
        self.idempotency_key = Some(key.to_owned());
        self
    }

    pub(super) fn changed(mut self, change: Change) -> Letter {
        self.change = change;
        self
    }

    pub(super) fn signed_at(mut self, at: Timestamp) -> Letter {
        self.signed_at = at;
        self
    }
}

impl Wire {
    pub(super) fn new(url: &str, clock: Clock, students: &[Student]) -> Result<Wire, BackendError> {
        let cannot = |why: String| BackendError::Conform(why);
        // The station's own client knows which addresses are good ones.
        Client::new(url, fresh_key()?, Timeouts::default()).map_err(|error| cannot(error.to_string()))?;
        let base = Url::parse(url).map_err(|error| cannot(error.to_string()))?;
        let host = base.host_str().unwrap_or_default();
        let authority = base
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LONGEST_WAIT);
        if base.scheme() == "http" {
            // Only on this computer.
            http = http.no_proxy();
        }
        Ok(Wire {
            http: http.build().map_err(|error| cannot(error.to_string()))?,
            authority,
            base,
            clock,
            secrets: students.iter().flat_map(Student::secrets).collect(),
            refusals: AtomicUsize::new(0),
            shapeless: Mutex::default(),
            echoes: Mutex::default(),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How often the server refused.
    pub(super) fn refusals(&self) -> usize {
        self.refusals.load(Ordering::Relaxed)
    }

    /// What was wrong with the form of refusals.
    pub(super) fn shapeless(&self) -> Vec<String> {
        self.shapeless
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Which refusals repeated what they should not.
    pub(super) fn echoes(&self) -> Vec<String> {
        self.echoes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True where the text shows something of a test student.
    pub(super) fn shows(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret))
    }

    /// A letter that is signed now, with a fresh nonce.
    pub(super) fn letter(&self, key: Option<&StationKey>, method: Method, path: &str) -> Letter {
        Letter {
            key: key.cloned(),
            method,
            path: path.to_owned(),
            query: None,
            body: None,
            media_type: "application/json",
            with_digest: true,
            idempotency_key: None,
            signed_at: self.now(),
            nonce: uuid::Uuid::now_v7().simple().to_string(),
            change: Change::Nothing,
        }
    }

    /// Sends a letter; every refusal is looked at.
    pub(super) async fn send(&self, letter: Letter) -> Result<Reply, Seen> {
        let place = format!("{} {}", letter.method, letter.path);
        let request = self.request(letter)?;
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response
            .bytes()
            .await
            .map_err(|error| unanswered(&error))?
            .to_vec();
        let reply = Reply {
            status,
            headers,
            body,
        };
        if status >= 400 {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            if let Err(Seen::Fault(what)) = reply.is_problem() {
                let mut list = self.shapeless.lock().unwrap_or_else(PoisonError::into_inner);
                list.push(format!("{place}, HTTP {status}: {what}"));
            }
            if self.shows(&reply.text()) {
                let mut list = self.echoes.lock().unwrap_or_else(PoisonError::into_inner);
                list.push(format!("{place}, HTTP {status}"));
            }
        }
        Ok(reply)
    }

    fn request(&self, letter: Letter) -> Result<reqwest::RequestBuilder, Seen> {
        let path = format!("{}{}", self.base.path().trim_end_matches('/'), letter.path);
        let mut headers: Vec<(&str, String)> = Vec::new();
        if let Some(body) = &letter.body {
            headers.push(("content-type", letter.media_type.to_owned()));
            if letter.with_digest {
                headers.push(("content-digest", content_digest(body)));
            }
        }
        if let Some(key) = &letter.idempotency_key {
            headers.push(("idempotency-key", key.clone()));
        }
        if let Some(key) = &letter.key {
            let fields: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let message = Message {
                method: letter.method.as_str(),
                authority: &self.authority,
                path: &path,
                query: letter.query.as_deref(),
                fields: &fields,
            };
            let (input, mut signature) = sign_request(&message, key, letter.signed_at, &letter.nonce)
                .map_err(|error| fault(error.to_string()))?;
            if matches!(letter.change, Change::Signature) {
                signature = another(&signature);
            }
            headers.push(("signature-input", input));
            headers.push(("signature", signature));
        }
        let mut url = self.base.clone();
        url.set_path(&path);
        url.set_query(letter.query.as_deref());
        let (mut method, mut body) = (letter.method, letter.body);
        match letter.change {
            Change::Nothing | Change::Signature => {}
            Change::Method(other) => method = other,
            Change::Path(other) => url.set_path(other),
            Change::Query(other) => url.set_query(Some(other)),
            Change::Body(other) => body = Some(other.as_bytes().to_vec()),
            Change::IdempotencyKey => headers.push(("idempotency-key", "not-signed".to_owned())),
        }
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Ok(match body {
            Some(body) => request.body(body),
            None => request,
        })
    }
}

/// Why there is no answer: the innermost cause, which names no address.
fn unanswered(error: &reqwest::Error) -> Seen {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let why = if error.is_timeout() {
        "not in time".to_owned()
    } else {
        cause.to_string()
    };
    fault(format!("no answer: {why}"))
}

/// A key of a station that nobody knows yet.
pub(super) fn fresh_key() -> Result<StationKey, BackendError> {
    StationKey::generate().map_err(|error| BackendError::Conform(error.to_string()))
}

/// `sig1=:A…` becomes `sig1=:B…`.
fn another(signature: &str) -> String {
    let Some((label, value)) = signature.split_once(':') else {
        return String::new();
    };
    let (first, rest) = value.split_at(1);
    let first = if first == "A" { "B" } else { "A" };
    format!("{label}:{first}{rest}")
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn media_type(&self) -> String {
        let value = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = value.and_then(|value| value.split(';').next());
        essence.unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// What is refused for this reason. The form is judged by `errors.shape` alone.
    pub(super) fn refused(&self, code: ProblemCode) -> Result<Problem, Seen> {
        let problem: Option<Problem> = serde_json::from_slice(&self.body).ok();
        match problem {
            Some(problem) if self.status == code.status() && problem.code == code => Ok(problem),
            Some(problem) => Err(fault(format!("HTTP {} {}", self.status, problem.code))),
            None => Err(fault(format!("HTTP {}, no problem", self.status))),
        }
    }

    /// A success of this status with a body of this shape.
    pub(super) fn json<T: DeserializeOwned>(&self, status: u16) -> Result<T, Seen> {
        if self.status != status {
            let problem: Option<Problem> = serde_json::from_slice(&self.body).ok();
            let code = problem
                .map(|problem| format!(" {}", problem.code))
                .unwrap_or_default();
            return Err(fault(format!("HTTP {}{code}, not {status}", self.status)));
        }
        if self.media_type() != "application/json" {
            return Err(fault("not application/json"));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            fault(format!(
                "JSON of another shape, line {} column {}",
                error.line(),
                error.column()
            ))
        })
    }

    fn is_problem(&self) -> Result<(), Seen> {
        holds(self.media_type() == MEDIA_TYPE, "not application/problem+json")?;
        let problem: Problem = serde_json::from_slice(&self.body).map_err(|error| {
            fault(format!(
                "no problem: line {} column {}",
                error.line(),
                error.column()
            ))
        })?;
        let code = problem.code;
        holds(code != ProblemCode::Unknown, "a code that is not in the contract")?;
        holds(
            problem.status == self.status && code.status() == self.status,
            "the status is not the code's",
        )?;
        holds(
            problem.kind.ends_with(code.as_str()),
            "the type does not name the code",
        )?;
        holds(!problem.title.is_empty(), "no title")?;
        let waits = self
            .headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        holds(
            problem.retry_after.map(|seconds| seconds.to_string()).as_deref() == waits,
            "retry_after is not the header's Retry-After",
        )?;
        holds(
            self.status != 401 || self.headers.contains_key(WWW_AUTHENTICATE),
            "401 without WWW-Authenticate",
        )
    }
}
