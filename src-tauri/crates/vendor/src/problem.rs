//! Every way a backend says no, as problem+json (RFC 9457).
//!
//! `code` is the stable word programs act on; `type` is the same word as a reference that a person can open
//! at the backend; `title` and `detail` are for people. A problem never repeats what the request said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::revocation::Revocation;

/// Media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The body of every reply that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Reference to an explanation, relative to the backend: `/v1/problems/{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stable word.
    pub code: ProblemCode,
    /// One sentence in Chinese, the same for every occurrence.
    pub title: String,
    /// HTTP status, repeated in the body so that it survives a proxy's rewriting.
    pub status: u16,
    /// What happened this time; may be shown to staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Seconds after which another try may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Wrong proofs still allowed before the code is locked; with `proof-mismatch` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u32>,
    /// The backend's clock; with `clock-skew` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<Timestamp>,
    /// The proof; with `station-revoked` only. Without it the word does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
}

impl Problem {
    /// A problem with the code's own title and status.
    pub fn new(code: ProblemCode) -> Problem {
        Problem {
            kind: format!("/v1/problems/{}", code.as_str()),
            code,
            title: code.title().to_owned(),
            status: code.status(),
            detail: None,
            retry_after: None,
            attempts_left: None,
            server_time: None,
            revocation: None,
        }
    }

    /// Adds what happened this time. Never pass anything a student typed or showed.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = Some(detail.into());
        self
    }
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $permanent:literal, $title:literal;)*) => {
        /// The stable list of reasons. A station acts on these; new ones may be added within `/v1`, old ones
        /// keep their meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A word this version does not know; from newer backends.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ProblemCode {
            /// Every code a backend of this version may send.
            pub const ALL: &[ProblemCode] = &[$(ProblemCode::$name,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(ProblemCode::$name => $text,)* ProblemCode::Unknown => "unknown" }
            }

            /// The HTTP status it travels with.
            pub fn status(self) -> u16 {
                match self { $(ProblemCode::$name => $status,)* ProblemCode::Unknown => 500 }
            }

            /// One sentence in Chinese.
            pub fn title(self) -> &'static str {
                match self { $(ProblemCode::$name => $title,)* ProblemCode::Unknown => "未知问题" }
            }

            /// True where the same request can never succeed, however often it is sent: a person must look.
            pub fn is_permanent(self) -> bool {
                match self { $(ProblemCode::$name => $permanent,)* ProblemCode::Unknown => false }
            }
        }
    };
}

// By hand: what the derive macro is given by another macro it names as Rust does, not as the wire does.
impl ToSchema for ProblemCode {}

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.iter().chain(&[Self::Unknown]).map(|code| code.as_str());
        let description = "The stable list of reasons. A station acts on these; new ones may be added within `/v1`, old \
                           ones keep their meaning.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
            .enum_values(Some(words))
            .into()
    }
}

problem_codes! {
    /// No signature, or not in the form of this contract.
    SignatureMissing = "signature-missing", 401, true, "请求缺少签名";
    /// The signature does not fit the request.
    SignatureInvalid = "signature-invalid", 401, true, "请求签名无效";
    /// The body does not fit its `Content-Digest`.
    DigestMismatch = "digest-mismatch", 400, false, "请求内容与摘要不符";
    /// Signed too long ago or in the future: set the station's clock.
    ClockSkew = "clock-skew", 401, false, "采集站时钟不准";
    /// This nonce was seen before.
    Replayed = "replayed", 401, false, "请求已被使用";
    /// No station has this key.
    UnknownStation = "unknown-station", 401, true, "采集站未注册";
    /// The station was revoked, see `revocation`: only a fresh activation code brings it back.
    StationRevoked = "station-revoked", 401, true, "采集站已停用";
    /// The activation code is unknown or used up.
    ActivationInvalid = "activation-invalid", 403, true, "激活码无效";
    /// The body is not what the contract says.
    InvalidRequest = "invalid-request", 400, true, "请求内容不符合约定";
    /// The body is too large.
    TooLarge = "too-large", 413, true, "请求内容过大";
    /// Not the media type of the contract.
    UnsupportedMediaType = "unsupported-media-type", 415, true, "不支持的内容类型";
    /// There is nothing under this address.
    NotFound = "not-found", 404, true, "没有找到";
    /// The method does not fit the address.
    MethodNotAllowed = "method-not-allowed", 405, true, "不支持的方法";
    /// The collection code is not known to this vendor.
    UnknownCode = "unknown-code", 422, true, "无法识别该采集码";
    /// The collection code was one, but is no longer: it has run out, or a newer one was fetched since.
    CodeExpired = "code-expired", 422, true, "采集码已失效";
    /// The code is being collected with at another station; it may be tried again when that visit is over.
    CodeInUse = "code-in-use", 409, false, "采集码正在另一台采集站使用";
    /// The proof does not fit the code.
    ProofMismatch = "proof-mismatch", 422, true, "核对信息不一致";
    /// This vendor asks for another kind of proof.
    ProofRequired = "proof-required", 422, true, "需要核对身份信息";
    /// Too many wrong proofs; see `retry_after`.
    ProofLocked = "proof-locked", 429, false, "核对失败次数过多，请稍后再试";
    /// The code belongs to somebody else than the identity confirmed before.
    CodeMismatch = "code-mismatch", 422, true, "采集码与已确认的身份不一致";
    /// The identity token has expired or is not this station's: resolve again.
    IdentityExpired = "identity-expired", 422, true, "身份核对已失效，请重新核对";
    /// The academic record is not this student's or does not exist.
    UnknownRecord = "unknown-record", 422, true, "没有该学籍";
    /// Outside the collection window.
    OutsideWindow = "outside-window", 409, true, "不在采集时间内";
    /// Already collected: approved, or under review where the vendor allows no change.
    AlreadyCollected = "already-collected", 409, true, "该学籍已完成采集";
    /// The school has not opened collection for this academic record.
    NotEligible = "not-eligible", 409, true, "该学籍没有采集资格";
    /// Nothing is due for this academic record.
    NothingDue = "nothing-due", 409, true, "无需缴费";
    /// The record id was used for other photos.
    CaptureConflict = "capture-conflict", 409, true, "该记录已提交过另一张照片";
    /// The photo is not what the standard or its own hash says.
    PhotoInvalid = "photo-invalid", 422, true, "照片不符合要求";
    /// The idempotency key was used for another request.
    IdempotencyMismatch = "idempotency-mismatch", 422, true, "幂等键已用于其他请求";
    /// Too many requests; see `retry_after`.
    RateLimited = "rate-limited", 429, false, "请求过于频繁";
    /// The backend failed; nothing was changed.
    Internal = "internal", 500, false, "服务器内部错误";
    /// The backend is busy or being serviced; see `retry_after`.
    Unavailable = "unavailable", 503, false, "服务暂不可用";
}

impl std::fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_from_a_newer_backend_is_kept_readable_and_retried() {
        let wire = r#"{"type":"/v1/problems/new","code":"new","title":"新","status":409}"#;
        let problem: Problem = serde_json::from_str(wire).unwrap();
        assert_eq!(problem.code, ProblemCode::Unknown);
        assert!(!problem.code.is_permanent());
    }

    #[test]
    fn every_code_says_on_the_wire_what_as_str_says() {
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!((400..600).contains(&code.status()));
        }
    }
}
