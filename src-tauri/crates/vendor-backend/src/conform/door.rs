//! Who may speak: status, enrolment, signatures, and the shape of every no.

use jiff::SignedDuration;
use reqwest::Method;
use vendor::api::{EnrolRequest, Enrolled, Status};
use vendor::problem::ProblemCode;
use vendor::signature::WINDOW_SECONDS;
use vendor::{Secret, StationKey};

use super::report::Seen;
use super::wire::{Change, Letter, Reply, fresh_key};
use super::{Booth, Run, fault, holds, skip};
use crate::BackendError;

const SOFTWARE: &str = "photo-station conformance suite";
/// A code of nobody, in the form of one.
const NOBODYS: &str = r#"{"code":"Q0hTSTE6bm9ib2R5","proof":{"kind":"none"}}"#;

/// The activation code for a purpose: the first of those given is for the first station, and so on. The last one is
/// given again where there are fewer, since it may be one that lasts.
fn activation(run: &Run<'_>, purpose: usize) -> Option<String> {
    let codes = &run.options.activation;
    codes.get(purpose).or(codes.last()).cloned()
}

impl Run<'_> {
    pub(super) async fn status(&mut self) {
        let letter = self.wire.letter(None, Method::GET, "/v1/status");
        let answer = self.wire.send(letter).await;
        let now = self.wire.now();
        let result = answer.and_then(|reply| {
            let status: Status = reply.json(200)?;
            holds(status.api == "v1", "the api is not v1")?;
            let away = status.server_time.duration_since(now).as_secs().abs();
            holds(
                away <= WINDOW_SECONDS,
                "server_time is more than 300 s from this clock",
            )
        });
        self.book.note("status.answers", result);
    }

    /// Asks to be let in: with this key in the body, signed by that one.
    async fn knock(&self, code: &str, announced: &StationKey, signer: &StationKey) -> Result<Reply, Seen> {
        let body = EnrolRequest {
            activation_code: Secret::new(code),
            station_name: "一致性测试".to_owned(),
            public_key: announced.public_key(),
            software: SOFTWARE.to_owned(),
        };
        let letter = self.wire.letter(Some(signer), Method::POST, "/v1/enrol");
        self.wire.send(letter.json(&body)).await
    }

    async fn enrol(&self, code: &str, key: &StationKey) -> Result<Booth, Seen> {
        let enrolled: Enrolled = self.knock(code, key, key).await?.json(200)?;
        Ok(Booth {
            id: enrolled.station_id,
            key: key.clone(),
            receipt_key: enrolled.receipt_public_key,
        })
    }

    pub(super) async fn enrolment(&mut self) -> Result<Option<Booth>, BackendError> {
        let (key, other) = (fresh_key()?, fresh_key()?);
        let refused = self.knock("NO-SUCH-CODE", &key, &key).await;
        let refused = refused.and_then(|reply| reply.refused(ProblemCode::ActivationInvalid));
        self.book.note("enrol.unknown-code", refused);

        let Some(code) = activation(self, 0) else {
            let none = Err::<(), _>(skip("no activation code was given"));
            self.book.note("enrol.known", none);
            return Ok(None);
        };
        let refused = self.knock(&code, &key, &other).await;
        let refused = refused.and_then(|reply| reply.refused(ProblemCode::SignatureInvalid));
        self.book.note("enrol.own-key", refused);

        let first = self.enrol(&code, &key).await;
        let Some(booth) = self.book.note("enrol.known", first) else {
            return Ok(None);
        };
        let again = self.enrol(&code, &key).await;
        let same = again.and_then(|again| {
            let same = again.id == booth.id && again.receipt_key == booth.receipt_key;
            holds(same, "another answer")
        });
        self.book.note("enrol.again", same);

        let used = if self.options.activation.len() > 1 {
            let reply = self.knock(&code, &other, &other).await;
            reply.and_then(|reply| reply.refused(ProblemCode::ActivationInvalid).map(|_| ()))
        } else {
            Err(skip("one activation code was given; it may be one that lasts"))
        };
        self.book.note("enrol.used-up", used);
        Ok(Some(booth))
    }

    /// A second station, for what no station may see of another.
    pub(super) async fn second(&mut self, first: &Booth) -> Result<Option<Booth>, BackendError> {
        let code = activation(self, 1).unwrap_or_default();
        let second = self.enrol(&code, &fresh_key()?).await;
        let second = match second {
            Ok(second) if second.id == first.id => Err(fault("two stations with one id")),
            Err(Seen::Fault(_)) if self.options.activation.len() < 2 => {
                Err(skip("give a second activation code (--activation)"))
            }
            other => other,
        };
        Ok(self.book.note("stations.second", second))
    }

    /// A station of its own for the chapter of revocation, with the code it came with.
    pub(super) async fn third(&self) -> Result<Option<(Booth, String)>, BackendError> {
        let code = activation(self, 2).unwrap_or_default();
        let third = self.enrol(&code, &fresh_key()?).await.ok();
        Ok(third.map(|booth| (booth, code)))
    }

    /// Knocks with the code the station came with.
    pub(super) async fn comes_back(&self, booth: &Booth, code: &str) -> Result<Reply, Seen> {
        self.knock(code, &booth.key, &booth.key).await
    }

    /// The code to come back with; only a fresh one will do.
    pub(super) fn way_back(&self) -> Option<String> {
        self.options.activation.get(3).cloned()
    }

    async fn is_refused(&mut self, name: &'static str, letter: Letter, code: ProblemCode) {
        let answer = self.wire.send(letter).await;
        let result = answer.and_then(|reply| reply.refused(code));
        self.book.note(name, result);
    }

    pub(super) async fn gate(&mut self, booth: &Booth) {
        let good = self.get(booth, "/v1/schools").query(&[("name", "a")]);
        let answer = self.wire.send(good.clone()).await;
        let result = answer.and_then(|reply| holds(reply.status == 200, &format!("HTTP {}", reply.status)));
        self.book.note("gate.signed", result);
        self.is_refused("gate.replayed", good, ProblemCode::Replayed)
            .await;

        let unsigned = self.wire.letter(None, Method::GET, "/v1/profile");
        self.is_refused("gate.unsigned", unsigned, ProblemCode::SignatureMissing)
            .await;
        if let Ok(nobody) = fresh_key() {
            let strange = self.wire.letter(Some(&nobody), Method::GET, "/v1/profile");
            self.is_refused("gate.unknown-station", strange, ProblemCode::UnknownStation)
                .await;
        }

        let profile = self.get(booth, "/v1/profile");
        let forged = profile.clone().changed(Change::Signature);
        self.is_refused("gate.forged", forged, ProblemCode::SignatureInvalid)
            .await;
        let answer = self.wire.send(profile).await;
        let result = answer.and_then(|reply| holds(reply.status == 200, &format!("HTTP {}", reply.status)));
        self.book.note("gate.forged-spends-nothing", result);

        let schools = || self.get(booth, "/v1/schools").query(&[("name", "a")]);
        let identities = || self.letter(booth, Method::POST, "/v1/identities").text(NOBODYS);
        let window = SignedDuration::from_secs(WINDOW_SECONDS + 60);
        let now = self.wire.now();
        let changed = [
            (
                "gate.path",
                schools().changed(Change::Path("/v1/changes")),
                ProblemCode::SignatureInvalid,
            ),
            (
                "gate.query",
                schools().changed(Change::Query("name=b")),
                ProblemCode::SignatureInvalid,
            ),
            (
                "gate.method",
                self.get(booth, "/v1/identities")
                    .changed(Change::Method(Method::POST)),
                ProblemCode::SignatureInvalid,
            ),
            (
                "gate.body",
                identities().changed(Change::Body(
                    r#"{"code":"Q0hTSTE6bm9ib2R6","proof":{"kind":"none"}}"#,
                )),
                ProblemCode::DigestMismatch,
            ),
            (
                "gate.no-digest",
                identities().without_digest(),
                ProblemCode::SignatureMissing,
            ),
            (
                "gate.key-unsigned",
                identities().changed(Change::IdempotencyKey),
                ProblemCode::SignatureInvalid,
            ),
        ];
        let late = [
            ("gate.stale", schools().signed_at(now - window)),
            ("gate.future", schools().signed_at(now + window)),
        ];
        for (name, letter, code) in changed {
            self.is_refused(name, letter, code).await;
        }
        for (name, letter) in late {
            let answer = self.wire.send(letter).await;
            let result = answer.and_then(|reply| {
                let problem = reply.refused(ProblemCode::ClockSkew)?;
                holds(problem.server_time.is_some(), "no server_time")
            });
            self.book.note(name, result);
        }
    }

    pub(super) async fn errors(&mut self, booth: &Booth) {
        let identities = || self.letter(booth, Method::POST, "/v1/identities");
        let long = format!("{{\"code\":\"{}\"}}", "A".repeat(100_000));
        let letters = [
            (
                "errors.not-found",
                self.get(booth, "/v1/nothing"),
                ProblemCode::NotFound,
            ),
            (
                "errors.method",
                self.letter(booth, Method::DELETE, "/v1/status"),
                ProblemCode::MethodNotAllowed,
            ),
            (
                "errors.media-type",
                identities().text(NOBODYS).of_type("text/plain"),
                ProblemCode::UnsupportedMediaType,
            ),
            (
                "errors.malformed",
                identities().text("{\"code\":"),
                ProblemCode::InvalidRequest,
            ),
            (
                "errors.malformed",
                identities().text("{\"code\":7}"),
                ProblemCode::InvalidRequest,
            ),
            (
                "errors.too-large",
                identities().text(&long),
                ProblemCode::TooLarge,
            ),
        ];
        for (name, letter, code) in letters {
            self.is_refused(name, letter, code).await;
        }
    }
}
