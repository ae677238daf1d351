//! Signed requests: RFC 9421 with Ed25519, and `Content-Digest` of RFC 9530.
//!
//! A small profile of both, written here because the station and the backend must agree to the letter. The
//! crate `httpsig` (0.0.26, MIT) was looked at: it brings ECDSA, RSA, HMAC and second copies of the curve and
//! key-format crates, and reads the clock and randomness by itself; what is needed is one algorithm, one
//! signature, and time from outside.
//!
//! What a station signs, label `sig1`:
//!
//! | component | why |
//! |---|---|
//! | `@method`, `@authority`, `@path`, `@query` | the request cannot be turned to another address |
//! | `content-type`, `content-digest` | nor its body changed; both with every body |
//! | `idempotency-key` | nor be taken for another one; where the header is present |
//! | `created`, `nonce` | nor be sent twice: a nonce is refused for as long as `created` is acceptable |
//! | `keyid`, `alg`, `tag` | which station, by what, for what: [`TAG`] keeps signatures of other uses away |
//!
//! `@authority` is what the client called the backend; a proxy in front must pass `Host` on.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::key::{PublicKey, StationKey};

/// Label of the one signature a request carries.
pub const LABEL: &str = "sig1";
/// Application tag inside the signature.
pub const TAG: &str = "photo-station-v1";
/// A signature is accepted for this many seconds before and after its `created`; the nonce is kept as long.
/// Wide enough for a booth's clock without NTP for a day or two, narrow enough to keep the nonce table small.
pub const WINDOW_SECONDS: i64 = 300;
/// Longest header this profile reads; ours are some 400 bytes.
const LONGEST_HEADER: usize = 2048;

/// Why a signature or digest is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is absent.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header cannot be read.
    #[error("header {0} is malformed")]
    Malformed(&'static str),
    /// Something that must be signed is not.
    #[error("{0} is not covered by the signature")]
    NotCovered(&'static str),
    /// A parameter is absent or not what this profile asks for.
    #[error("signature parameter {0} is missing or wrong")]
    Parameter(&'static str),
    /// `created` lies too far from the verifier's clock.
    #[error("signed {seconds} s away from this clock")]
    Clock {
        /// Signer's clock minus the verifier's, in seconds.
        seconds: i64,
    },
    /// The signature does not fit the request.
    #[error("the signature does not fit the request")]
    Wrong,
    /// The body does not fit its digest.
    #[error("the body does not fit its digest")]
    Digest,
}

/// The parts of a request that a signature can cover.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// `GET`, `PUT`, …
    pub method: &'a str,
    /// Host, with the port where it is not the scheme's own.
    pub authority: &'a str,
    /// Path, as sent.
    pub path: &'a str,
    /// Query without the question mark, as sent.
    pub query: Option<&'a str>,
    /// Headers: lower-case names; repeated names are joined in order.
    pub fields: &'a [(&'a str, &'a str)],
}

impl Message<'_> {
    fn field(&self, name: &str) -> Option<String> {
        let mut values = self
            .fields
            .iter()
            .filter(|(n, _)| *n == name)
            .map(|(_, v)| v.trim())
            .peekable();
        values.peek()?;
        Some(values.collect::<Vec<_>>().join(", "))
    }

    fn component(&self, name: &str) -> Option<String> {
        match name {
            "@method" => Some(self.method.to_owned()),
            "@authority" => Some(self.authority.to_ascii_lowercase()),
            "@path" => Some(if self.path.is_empty() {
                "/".to_owned()
            } else {
                self.path.to_owned()
            }),
            "@query" => Some(format!("?{}", self.query.unwrap_or_default())),
            _ if name.starts_with('@') => None,
            _ => self.field(name),
        }
    }
}

/// One parameter's value, in the form of the structured fields.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Integer(i64),
    Text(String),
}

/// What a `Signature-Input` member says: components in order, then parameters in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    components: Vec<String>,
    parameters: Vec<(String, Value)>,
}

impl Covered {
    /// Covers these components; parameters are added in the order of the calls.
    pub fn new(components: impl IntoIterator<Item = impl Into<String>>) -> Covered {
        Covered {
            components: components.into_iter().map(Into::into).collect(),
            parameters: Vec::new(),
        }
    }

    /// Adds an integer parameter (`created`, `expires`).
    #[must_use]
    pub fn integer(mut self, name: &str, value: i64) -> Covered {
        self.parameters.push((name.to_owned(), Value::Integer(value)));
        self
    }

    /// Adds a text parameter (`keyid`, `nonce`, `alg`, `tag`); printable ASCII.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Covered {
        self.parameters
            .push((name.to_owned(), Value::Text(value.to_owned())));
        self
    }

    /// A text parameter.
    pub fn get_text(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find_map(|(n, value)| match value {
            Value::Text(text) if n == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// An integer parameter.
    pub fn get_integer(&self, name: &str) -> Option<i64> {
        self.parameters.iter().find_map(|(n, value)| match value {
            Value::Integer(number) if n == name => Some(*number),
            _ => None,
        })
    }

    /// True where the component is signed.
    pub fn covers(&self, component: &str) -> bool {
        self.components.iter().any(|c| c == component)
    }

    /// The member's value as it stands in `Signature-Input` and in the last line of the signature base.
    pub fn to_text(&self) -> String {
        let mut text = String::from("(");
        for (i, component) in self.components.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            let _ = write!(text, "{space}\"{component}\"");
        }
        text.push(')');
        for (name, value) in &self.parameters {
            let _ = match value {
                Value::Integer(number) => write!(text, ";{name}={number}"),
                Value::Text(value) => {
                    write!(
                        text,
                        ";{name}=\"{}\"",
                        value.replace('\\', "\\\\").replace('"', "\\\"")
                    )
                }
            };
        }
        text
    }

    /// The signature base of RFC 9421, section 2.5.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] where the message lacks a component or a value spans lines.
    pub fn base(&self, message: &Message<'_>) -> Result<String, SignatureError> {
        let mut base = String::new();
        for component in &self.components {
            let value = message
                .component(component)
                .ok_or(SignatureError::Malformed("signature-input"))?;
            if value.contains(['\n', '\r']) {
                return Err(SignatureError::Malformed("signature-input"));
            }
            let _ = writeln!(base, "\"{component}\": {value}");
        }
        let _ = write!(base, "\"@signature-params\": {}", self.to_text());
        Ok(base)
    }

    /// Signs; gives the values of `Signature-Input` and `Signature`.
    ///
    /// # Errors
    /// As [`base`](Self::base).
    pub fn sign(
        &self,
        label: &str,
        message: &Message<'_>,
        key: &StationKey,
    ) -> Result<(String, String), SignatureError> {
        let signature = key.sign(self.base(message)?.as_bytes());
        Ok((
            format!("{label}={}", self.to_text()),
            format!("{label}=:{}:", STANDARD.encode(signature)),
        ))
    }

    /// Reads the two headers; exactly one signature is allowed, so that no verifier can pick another than the
    /// one that was checked.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`].
    pub fn parse(signature_input: &str, signature: &str) -> Result<(Covered, Vec<u8>), SignatureError> {
        let bad_input = SignatureError::Malformed("signature-input");
        let bad = SignatureError::Malformed("signature");
        if signature_input.len() > LONGEST_HEADER || signature.len() > LONGEST_HEADER {
            return Err(bad_input);
        }
        let (label, covered) = Reader(signature_input.trim())
            .member()
            .ok_or_else(|| bad_input.clone())?;
        let (same, rest) = signature.trim().split_once('=').ok_or_else(|| bad.clone())?;
        if same != label {
            return Err(bad);
        }
        let encoded = rest
            .strip_prefix(':')
            .and_then(|r| r.strip_suffix(':'))
            .ok_or_else(|| bad.clone())?;
        Ok((covered, STANDARD.decode(encoded).map_err(|_| bad)?))
    }

    /// True where the owner of `key` signed this message with this coverage.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`] where not, otherwise as [`base`](Self::base).
    pub fn verify(
        &self,
        message: &Message<'_>,
        signature: &[u8],
        key: &PublicKey,
    ) -> Result<(), SignatureError> {
        let base = self.base(message)?;
        if key.verifies(base.as_bytes(), signature) {
            Ok(())
        } else {
            Err(SignatureError::Wrong)
        }
    }
}

/// Reads one dictionary member whose value is an inner list of strings: the subset of RFC 8941 that
/// `Signature-Input` needs.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn member(mut self) -> Option<(&'a str, Covered)> {
        let label = self.name()?;
        self.eat('=')?;
        self.eat('(')?;
        let mut components: Vec<String> = Vec::new();
        loop {
            self.0 = self.0.trim_start_matches(' ');
            if self.eat(')').is_some() {
                break;
            }
            let component = self.quoted()?;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "@-_.".contains(c);
            if component.is_empty() || !component.chars().all(plain) || components.contains(&component) {
                return None;
            }
            components.push(component);
        }
        let mut parameters: Vec<(String, Value)> = Vec::new();
        while self.eat(';').is_some() {
            self.0 = self.0.trim_start_matches(' ');
            let name = self.name()?.to_owned();
            self.eat('=')?;
            let value = if self.0.starts_with('"') {
                Value::Text(self.quoted()?)
            } else {
                Value::Integer(self.integer()?)
            };
            if parameters.iter().any(|(n, _)| *n == name) {
                return None;
            }
            parameters.push((name, value));
        }
        self.0.is_empty().then_some((
            label,
            Covered {
                components,
                parameters,
            },
        ))
    }

    fn eat(&mut self, expected: char) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn take(&mut self, while_: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !while_(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn name(&mut self) -> Option<&'a str> {
        if !self.0.starts_with(|c: char| c.is_ascii_lowercase() || c == '*') {
            return None;
        }
        Some(self.take(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c)))
    }

    fn quoted(&mut self) -> Option<String> {
        self.eat('"')?;
        let mut text = String::new();
        let mut chars = self.0.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = self.0.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    _ => return None,
                },
                ' '..='~' => text.push(c),
                _ => return None,
            }
        }
        None
    }

    fn integer(&mut self) -> Option<i64> {
        let sign = if self.eat('-').is_some() { -1 } else { 1 };
        let digits = self.take(|c| c.is_ascii_digit());
        // Fifteen digits at most: RFC 8941, section 3.3.1.
        (1..=15).contains(&digits.len()).then_some(())?;
        digits.parse::<i64>().ok().map(|number| sign * number)
    }
}

/// The value of `Content-Digest` for a body.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// Does the body fit its `Content-Digest`? Other algorithms beside `sha-256` are ignored.
///
/// # Errors
/// [`SignatureError::Malformed`] where there is no `sha-256` member, [`SignatureError::Digest`] where it differs.
pub fn verify_content_digest(header: &str, body: &[u8]) -> Result<(), SignatureError> {
    let malformed = SignatureError::Malformed("content-digest");
    if header.len() > LONGEST_HEADER {
        return Err(malformed);
    }
    let member = header
        .split(',')
        .find_map(|member| member.trim().strip_prefix("sha-256=:"));
    let encoded = member
        .and_then(|m| m.strip_suffix(':'))
        .ok_or(malformed.clone())?;
    let digest = STANDARD.decode(encoded).map_err(|_| malformed)?;
    if digest == Sha256::digest(body).as_slice() {
        Ok(())
    } else {
        Err(SignatureError::Digest)
    }
}

/// Signs a request as this contract wants it; gives the values of `Signature-Input` and `Signature`.
///
/// `message.fields` must hold `content-type` and `content-digest` where there is a body, and
/// `idempotency-key` where that header is sent. `nonce`: at least 128 bits of randomness, 16 to 64 characters.
///
/// # Errors
/// [`SignatureError::Malformed`] where a header value cannot be signed.
pub fn sign_request(
    message: &Message<'_>,
    key: &StationKey,
    created: Timestamp,
    nonce: &str,
) -> Result<(String, String), SignatureError> {
    let mut components = vec!["@method", "@authority", "@path", "@query"];
    for field in ["content-type", "content-digest", "idempotency-key"] {
        if message.field(field).is_some() {
            components.push(field);
        }
    }
    Covered::new(components)
        .integer("created", created.as_second())
        .text("nonce", nonce)
        .text("keyid", &key.public_key().key_id())
        .text("alg", "ed25519")
        .text("tag", TAG)
        .sign(LABEL, message, key)
}

/// A request whose form is right. Whose it is says [`verify`](Self::verify), and that comes before its body is
/// read: nobody may make a backend swallow megabytes without a key.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    covered: Covered,
    signature: Vec<u8>,
    digest: Option<String>,
    /// Who says to have signed: see [`PublicKey::key_id`].
    pub key_id: String,
    /// To be refused if seen before from this key.
    pub nonce: String,
    /// When it was signed.
    pub created: Timestamp,
}

/// A request that its station signed; the body is still to be compared.
#[derive(Debug, Clone)]
pub struct Verified {
    digest: Option<String>,
}

impl SignedRequest {
    /// Reads a request's signature and checks everything that needs neither key nor body: coverage,
    /// parameters, clock.
    ///
    /// # Errors
    /// Every [`SignatureError`] but [`SignatureError::Wrong`] and [`SignatureError::Digest`].
    pub fn read(message: &Message<'_>, now: Timestamp) -> Result<SignedRequest, SignatureError> {
        let header = |name: &'static str| message.field(name).ok_or(SignatureError::Missing(name));
        let (covered, signature) = Covered::parse(&header("signature-input")?, &header("signature")?)?;

        for component in ["@method", "@authority", "@path", "@query"] {
            if !covered.covers(component) {
                return Err(SignatureError::NotCovered(component));
            }
        }
        for field in ["content-type", "content-digest", "idempotency-key"] {
            if message.field(field).is_some() && !covered.covers(field) {
                return Err(SignatureError::NotCovered(field));
            }
        }
        if covered.get_text("tag") != Some(TAG) {
            return Err(SignatureError::Parameter("tag"));
        }
        if covered.get_text("alg").is_some_and(|alg| alg != "ed25519") {
            return Err(SignatureError::Parameter("alg"));
        }
        let key_id = covered
            .get_text("keyid")
            .filter(|id| (1..=64).contains(&id.len()));
        let key_id = key_id.ok_or(SignatureError::Parameter("keyid"))?.to_owned();
        let nonce = covered
            .get_text("nonce")
            .filter(|nonce| (16..=64).contains(&nonce.len()));
        let nonce = nonce.ok_or(SignatureError::Parameter("nonce"))?.to_owned();
        let created = covered
            .get_integer("created")
            .ok_or(SignatureError::Parameter("created"))?;
        let seconds = created.saturating_sub(now.as_second());
        if seconds.abs() > WINDOW_SECONDS {
            return Err(SignatureError::Clock { seconds });
        }
        if let Some(expires) = covered.get_integer("expires")
            && expires < now.as_second()
        {
            return Err(SignatureError::Clock {
                seconds: expires.saturating_sub(now.as_second()),
            });
        }
        let created = Timestamp::from_second(created).map_err(|_| SignatureError::Parameter("created"))?;
        Ok(SignedRequest {
            covered,
            signature,
            digest: message.field("content-digest"),
            key_id,
            nonce,
            created,
        })
    }

    /// Was it signed by the owner of this key?
    ///
    /// # Errors
    /// [`SignatureError::Wrong`].
    pub fn verify(self, message: &Message<'_>, key: &PublicKey) -> Result<Verified, SignatureError> {
        if key.key_id() != self.key_id {
            return Err(SignatureError::Wrong);
        }
        self.covered.verify(message, &self.signature, key)?;
        // A digest that was not signed was refused by `read`.
        Ok(Verified { digest: self.digest })
    }
}

impl Verified {
    /// Is this the body that was signed?
    ///
    /// # Errors
    /// [`SignatureError::Missing`] for a body without a digest, otherwise as [`verify_content_digest`].
    pub fn body(&self, body: &[u8]) -> Result<(), SignatureError> {
        match &self.digest {
            Some(digest) => verify_content_digest(digest, body),
            None if body.is_empty() => Ok(()),
            None => Err(SignatureError::Missing("content-digest")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 9421, B.1.4 and B.2.6.
    const RFC_SEED: &str = "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU";
    const RFC_PUBLIC: &str = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs";
    const RFC_INPUT: &str = concat!(
        r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")"#,
        r#";created=1618884473;keyid="test-key-ed25519""#
    );
    const RFC_SIGNATURE: &str =
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    const RFC_MESSAGE: Message<'_> = Message {
        method: "POST",
        authority: "example.com",
        path: "/foo",
        query: Some("param=Value&Pet=dog"),
        fields: &[
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ],
    };

    fn rfc_key() -> StationKey {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        StationKey::from_bytes(&URL_SAFE_NO_PAD.decode(RFC_SEED).unwrap().try_into().unwrap())
    }

    #[test]
    fn the_rfcs_own_vector_verifies_and_is_made_again() {
        let public: PublicKey = RFC_PUBLIC.parse().unwrap();
        assert_eq!(rfc_key().public_key(), public);
        let (covered, signature) = Covered::parse(RFC_INPUT, RFC_SIGNATURE).unwrap();
        covered.verify(&RFC_MESSAGE, &signature, &public).unwrap();
        // Ed25519 is deterministic, so signing must give the RFC's very bytes.
        let (input, signature) = covered.sign("sig-b26", &RFC_MESSAGE, &rfc_key()).unwrap();
        assert_eq!((input.as_str(), signature.as_str()), (RFC_INPUT, RFC_SIGNATURE));
    }

    #[test]
    fn the_rfcs_digest_example() {
        let body = br#"{"hello": "world"}"#;
        assert_eq!(
            content_digest(body),
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
        );
        let both = format!("sha-512=:AAAA:, {}", content_digest(body));
        verify_content_digest(&both, body).unwrap();
        assert_eq!(verify_content_digest(&both, b"{}"), Err(SignatureError::Digest));
        assert_eq!(
            verify_content_digest("sha-512=:AAAA:", body),
            Err(SignatureError::Malformed("content-digest"))
        );
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_760_000_000).unwrap()
    }

    const BODY: &[u8] = br#"{"a":1}"#;
    const NONCE: &str = "0123456789abcdef";

    fn message<'a>(path: &'a str, fields: &'a [(&'a str, &'a str)]) -> Message<'a> {
        Message {
            method: "PUT",
            authority: "backend.example",
            path,
            query: None,
            fields,
        }
    }

    fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
        headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    /// Signs a PUT, lets `tamper` change what arrives, and reads and verifies it.
    fn put(
        tamper: impl FnOnce(&mut Vec<(String, String)>, &mut String, &mut Vec<u8>),
    ) -> Result<(String, Timestamp), SignatureError> {
        let key = StationKey::from_bytes(&[3; 32]);
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("content-digest".to_owned(), content_digest(BODY)),
            ("idempotency-key".to_owned(), "one".to_owned()),
        ];
        let (mut path, mut body) = ("/v1/captures/1".to_owned(), BODY.to_vec());
        let (input, signature) =
            sign_request(&message(&path, &borrowed(&headers)), &key, now(), NONCE).unwrap();
        headers.push(("signature-input".to_owned(), input));
        headers.push(("signature".to_owned(), signature));
        tamper(&mut headers, &mut path, &mut body);
        let fields = borrowed(&headers);
        let read = SignedRequest::read(&message(&path, &fields), now())?;
        let seen = (read.nonce.clone(), read.created);
        read.verify(&message(&path, &fields), &key.public_key())?
            .body(&body)?;
        Ok(seen)
    }

    fn set(headers: &mut [(String, String)], name: &str, change: impl Fn(&str) -> String) {
        for (_, value) in headers.iter_mut().filter(|(n, _)| n == name) {
            *value = change(value);
        }
    }

    #[test]
    fn an_untouched_request_is_the_stations() {
        assert_eq!(put(|_, _, _| ()).unwrap(), (NONCE.to_owned(), now()));
    }

    #[test]
    fn whatever_is_changed_on_the_way_is_noticed() {
        use SignatureError as E;
        assert_eq!(put(|_, path, _| path.push('2')).unwrap_err(), E::Wrong);
        assert_eq!(put(|_, _, body| body.push(b' ')).unwrap_err(), E::Digest);
        let digest = |h: &mut Vec<(String, String)>, _: &mut String, body: &mut Vec<u8>| {
            body.push(b' ');
            let fitting = content_digest(body);
            set(h, "content-digest", |_| fitting.clone());
        };
        assert_eq!(put(digest).unwrap_err(), E::Wrong);
        assert_eq!(
            put(|h, _, _| set(h, "idempotency-key", |_| "two".into())).unwrap_err(),
            E::Wrong
        );
        assert_eq!(
            put(|h, _, _| set(h, "content-type", |_| "text/plain".into())).unwrap_err(),
            E::Wrong
        );
        let nonce = |v: &str| v.replace(NONCE, "fedcba9876543210");
        assert_eq!(
            put(|h, _, _| set(h, "signature-input", nonce)).unwrap_err(),
            E::Wrong
        );
    }

    #[test]
    fn what_must_be_signed_cannot_be_left_out() {
        use SignatureError as E;
        let without = |part: &'static str| {
            put(move |h, _, _| set(h, "signature-input", |v| v.replace(part, ""))).unwrap_err()
        };
        assert_eq!(without(" \"@path\""), E::NotCovered("@path"));
        assert_eq!(without(" \"content-digest\""), E::NotCovered("content-digest"));
        assert_eq!(without(" \"idempotency-key\""), E::NotCovered("idempotency-key"));
        assert_eq!(without(";tag=\"photo-station-v1\""), E::Parameter("tag"));
        assert_eq!(without(";nonce=\"0123456789abcdef\""), E::Parameter("nonce"));
        assert_eq!(without(";created=1760000000"), E::Parameter("created"));
        assert_eq!(
            put(|h, _, _| h.retain(|(n, _)| n != "signature")).unwrap_err(),
            E::Missing("signature")
        );
    }

    #[test]
    fn an_old_signature_and_a_wrong_clock_are_told_apart_from_a_wrong_key() {
        let late = |v: &str| v.replace("created=1760000000", "created=1759999699");
        let error = put(|h, _, _| set(h, "signature-input", late)).unwrap_err();
        assert_eq!(error, SignatureError::Clock { seconds: -301 });
    }

    #[test]
    fn one_signature_only() {
        let two = |v: &str| format!("{v}, other={}", v.split_once('=').unwrap().1);
        assert_eq!(
            put(|h, _, _| set(h, "signature-input", two)).unwrap_err(),
            SignatureError::Malformed("signature-input")
        );
    }

    proptest! {
        #[test]
        fn rubbish_headers_are_refused_without_a_panic(input in "\\PC{0,200}", signature in "\\PC{0,200}") {
            let _ = Covered::parse(&input, &signature);
            let _ = verify_content_digest(&input, b"");
        }

        #[test]
        fn what_is_written_is_read(text in "[ -~]{0,40}", number in -999_999_999_999_999_i64..=999_999_999_999_999) {
            let covered = Covered::new(["@method", "date"]).integer("created", number).text("nonce", &text);
            let (read, _) = Covered::parse(&format!("sig1={}", covered.to_text()), "sig1=:AAAA:").unwrap();
            prop_assert_eq!(read, covered);
        }
    }
}
