//! What a record is made of: the shapes that go into the store and come out of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::life::{PersonReason, RecordState, Review};
use crate::{RecordsError, Result};

/// A record's name for ever, a version 7 UUID made when the visit begins, so that a submission told twice is one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(Uuid);

impl RecordId {
    /// An id from the time and ten random bytes.
    pub fn from_parts(now: Timestamp, random: [u8; 10]) -> RecordId {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        RecordId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// An id from the time and the operating system's randomness.
    ///
    /// # Errors
    /// [`RecordsError::Random`] if the operating system gives none.
    pub fn new(now: Timestamp) -> Result<RecordId> {
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|_| RecordsError::Random)?;
        Ok(RecordId::from_parts(now, random))
    }

    /// The id as a UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// 64 bits of the random part: the seed of this record's back-off.
    pub(crate) fn seed(self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl From<Uuid> for RecordId {
    fn from(uuid: Uuid) -> RecordId {
        RecordId(uuid)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for RecordId {
    type Err = RecordsError;

    fn from_str(text: &str) -> Result<RecordId> {
        Uuid::parse_str(text)
            .map(RecordId)
            .map_err(|_| RecordsError::BadInput("not a record id"))
    }
}

/// Bytes that nothing may print: a code's text, a proof, a token. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for the one who sends them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Who it is, as far as the backend lets the station know. Does not print itself: a masked name is still a name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedIdentity {
    /// Masked name (王*明).
    pub masked_name: String,
    /// Masked ID number.
    pub masked_id: String,
    /// School.
    pub school: String,
    /// Level (本科 …).
    pub level: String,
    /// Major.
    pub major: String,
    /// Year of graduation.
    pub year: u32,
}

impl fmt::Debug for MaskedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskedIdentity(…)")
    }
}

/// An identity as the backend resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The academic record (学籍) at the backend that the photo is for.
    pub academic_record: String,
    /// What the student confirmed on the screen.
    pub masked: MaskedIdentity,
    /// The backend's token for this resolution, if it gave one.
    pub token: Option<Secret>,
}

/// How the fee stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Payment {
    /// The student pays nothing.
    #[default]
    Free,
    /// Paid after the shooting; an order may already exist.
    PayLater {
        /// Order at the backend, if there is one.
        order: Option<String>,
    },
    /// Paid.
    Paid {
        /// Order at the backend.
        order: String,
    },
}

/// Which of a record's two photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhotoKind {
    /// The photo as captured.
    Original,
    /// The 480x640 result (标准照).
    Standard,
}

impl PhotoKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PhotoKind::Original => "original",
            PhotoKind::Standard => "standard",
        }
    }
}

/// Everything that a submission keeps. The shoot number is given by the store.
pub struct NewRecord {
    /// Made when the visit began: submitting the same id twice gives one record.
    pub id: RecordId,
    /// The visit it comes from; its row learns that it ended in a record.
    pub visit: Option<crate::VisitId>,
    /// The collection code's text, byte for byte.
    pub code_text: Secret,
    /// The code's printable tag.
    pub code_tag: String,
    /// What the student proved with, as JSON.
    pub proof: Secret,
    /// Who it is; `None` while it is to be resolved later (see [`crate::Store::resolve`]).
    pub identity: Option<Identity>,
    /// The school's display name.
    pub school: String,
    /// The school at the backend, where the flow asked for it.
    pub school_id: Option<String>,
    /// The vendor profile's id.
    pub vendor: String,
    /// The photo spec's name.
    pub spec: String,
    /// The original as captured (file bytes).
    pub original: Vec<u8>,
    /// The standard photo (JPEG bytes).
    pub standard: Vec<u8>,
    /// The standard photo's report.
    pub report: serde_json::Value,
    /// How many photos the student could choose from.
    pub candidates: u32,
    /// Why staff sent a photo that the checks had refused.
    pub forced_reason: Option<String>,
    /// How the fee stands.
    pub payment: Payment,
    /// When the student consented.
    pub consent_at: Timestamp,
    /// When the visit began.
    pub started_at: Timestamp,
    /// When the chosen photo was taken.
    pub captured_at: Timestamp,
}

impl fmt::Debug for NewRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord")
            .field("id", &self.id)
            .field("code_tag", &self.code_tag)
            .field("vendor", &self.vendor)
            .field("original_bytes", &self.original.len())
            .field("standard_bytes", &self.standard.len())
            .finish_non_exhaustive()
    }
}

/// The answer to a submission: it is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The record.
    pub id: RecordId,
    /// The number to ask by at the desk (拍摄号), unique on this station and day.
    pub shoot_number: String,
    /// Where the record stands: `Saved`, or further if it was submitted before.
    pub state: RecordState,
    /// True when this very record was already there and nothing was written.
    pub already: bool,
}

/// One line of a list: nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordRow {
    /// The record.
    pub id: RecordId,
    /// Where it stands.
    pub state: RecordState,
    /// Number to ask by.
    pub shoot_number: String,
    /// Day of the shoot number, China Standard Time, `2025-10-09`.
    pub shoot_day: String,
    /// The code's printable tag.
    pub code_tag: String,
    /// School's display name.
    pub school: String,
    /// Vendor profile's id.
    pub vendor: String,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// Attempts to send it so far.
    pub attempts: u32,
    /// When it is tried next; `None` when it does not wait.
    pub next_try_at: Option<Timestamp>,
    /// Why the last attempt failed, or why a person must look.
    pub trouble: Option<String>,
    /// The backend's receipt number.
    pub receipt_number: Option<String>,
    /// True while the identity is still to be resolved.
    pub to_resolve: bool,
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these states; empty means all. See [`RecordState::named`].
    pub states: Vec<RecordState>,
    /// Beginning of a code tag (two characters or more), shoot number (three), record id (eight) or receipt number
    /// (ten, or the whole); upper or lower case. What is shorter finds nothing: it would find too much.
    pub text: Option<String>,
    /// At most so many; 0 means 100.
    pub limit: u32,
    /// Leave out so many first.
    pub offset: u32,
    /// Submitted at this time or later.
    pub since: Option<Timestamp>,
    /// Submitted before this time.
    pub until: Option<Timestamp>,
    /// What they are ordered by.
    pub order: Order,
    /// Oldest, or smallest, first instead of newest first.
    pub oldest_first: bool,
}

/// What a list is ordered by; each has its index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The order in which they were submitted.
    #[default]
    Submission,
    /// Shoot number.
    ShootNumber,
    /// The code's printable tag.
    Tag,
    /// The state's name.
    State,
    /// The school's name.
    School,
    /// Attempts to send so far.
    Attempts,
}

/// Everything about one record that may be shown to staff.
#[derive(Debug, Clone, Serialize)]
pub struct RecordDetail {
    /// The line of the list.
    #[serde(flatten)]
    pub row: RecordRow,
    /// Masked identity; `None` while to be resolved or after a purge.
    pub identity: Option<MaskedIdentity>,
    /// Academic record at the backend.
    pub academic_record: Option<String>,
    /// School at the backend.
    pub school_id: Option<String>,
    /// Photo spec's name.
    pub spec: String,
    /// How many photos could be chosen from.
    pub candidates: u32,
    /// Why staff sent a refused photo.
    pub forced_reason: Option<String>,
    /// How the fee stands.
    pub payment: Payment,
    /// When the student consented.
    pub consent_at: Timestamp,
    /// When the visit began.
    pub started_at: Timestamp,
    /// When the photo was taken.
    pub captured_at: Timestamp,
    /// SHA-256 of the original.
    pub original_sha256: String,
    /// SHA-256 of the standard photo.
    pub standard_sha256: String,
    /// The receipt's particulars.
    pub receipt: Option<ReceiptNote>,
    /// The newest review outcome.
    pub review: Option<ReviewNote>,
    /// Every attempt to send it, oldest first.
    pub attempts_made: Vec<AttemptNote>,
    /// Its history, oldest first.
    pub history: Vec<AuditNote>,
}

/// A receipt's particulars, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptNote {
    /// Receipt number.
    pub number: String,
    /// The hash it was signed over.
    pub sha256: String,
    /// When it arrived.
    pub at: Timestamp,
}

/// A review outcome with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewNote {
    /// The outcome.
    pub review: Review,
    /// The reviewer's reasons.
    pub reasons: Vec<String>,
    /// When it was decided.
    pub at: Timestamp,
}

/// One attempt to send a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptNote {
    /// 1, 2, …
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while under way.
    pub ended_at: Option<Timestamp>,
    /// `delivered`, `failed`, `refused`, `unknown`; `None` while under way.
    pub outcome: Option<String>,
    /// What was said.
    pub detail: Option<String>,
}

/// One row of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditNote {
    /// When.
    pub at: Timestamp,
    /// `student`, `station`, `backend`, `staff`.
    pub actor: String,
    /// What happened, kebab-case.
    pub what: String,
    /// The record's state afterwards.
    pub state: Option<String>,
    /// Particulars, never secret.
    pub detail: Option<String>,
    /// The row's hash in its record's chain.
    pub hash: String,
}

/// One record to be sent. The photos are fetched one by one with [`crate::Store::photo`].
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The record.
    pub id: RecordId,
    /// The collection code's text.
    pub code_text: Secret,
    /// The code's printable tag.
    pub code_tag: String,
    /// The student's proof, JSON.
    pub proof: Secret,
    /// The academic record at the backend; `None`: resolve it first.
    pub academic_record: Option<String>,
    /// The backend's token of the resolution.
    pub identity_token: Option<Secret>,
    /// School's display name.
    pub school: String,
    /// School at the backend.
    pub school_id: Option<String>,
    /// Vendor profile's id.
    pub vendor: String,
    /// Photo spec's name.
    pub spec: String,
    /// Number to ask by.
    pub shoot_number: String,
    /// How the fee stands.
    pub payment: Payment,
    /// How many photos could be chosen from.
    pub candidates: u32,
    /// Why staff sent a refused photo.
    pub forced_reason: Option<String>,
    /// When the student consented.
    pub consent_at: Timestamp,
    /// When the visit began.
    pub started_at: Timestamp,
    /// When the photo was taken.
    pub captured_at: Timestamp,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// SHA-256 of the original.
    pub original_sha256: String,
    /// SHA-256 of the standard photo: what the receipt must speak of.
    pub standard_sha256: String,
    /// Attempts made before.
    pub attempts: u32,
    /// The key for `Idempotency-Key`: the same for every retry until a person steps in.
    pub idempotency_key: String,
}

/// An attempt that has been marked and may now be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// 1, 2, …
    pub number: u32,
    /// The key for `Idempotency-Key`.
    pub idempotency_key: String,
}

/// A receipt whose signature the caller has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The backend's number for it.
    pub number: String,
    /// The signed receipt as received, byte for byte.
    pub bytes: Vec<u8>,
    /// SHA-256 of the standard photo it was signed over.
    pub standard_sha256: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptResult {
    /// A verified receipt came back. If it speaks of another photo the record goes to a person instead.
    Delivered(Receipt),
    /// It may work later.
    Failed {
        /// What happened, without secrets.
        why: String,
        /// What the backend asked for (`Retry-After`); at most an hour is honoured.
        retry_after: Option<Duration>,
    },
    /// Only a person can mend it.
    Refused {
        /// What must be looked at.
        reason: PersonReason,
        /// What was said, without secrets.
        why: String,
    },
}

/// One line of the backend's changes feed about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The record.
    pub record_id: RecordId,
    /// The outcome.
    pub review: Review,
    /// The reviewer's reasons, as written.
    pub reasons: Vec<String>,
    /// When it was decided.
    pub at: Timestamp,
    /// Place in the feed; rises with every change. Older or repeated ones are ignored.
    pub sequence: u64,
}

/// What a change did here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// The record stands there now.
    Applied(RecordState),
    /// It came before the receipt; it is kept and takes effect with it.
    Held,
    /// Already known, or overtaken by a newer one.
    Stale,
    /// The record is not on this station.
    Unknown,
}

/// How many records stand where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Saved here, waiting.
    pub saved: u64,
    /// Being sent.
    pub sending: u64,
    /// Receipt here.
    pub delivered: u64,
    /// With a reviewer.
    pub under_review: u64,
    /// Approved.
    pub approved: u64,
    /// Rejected.
    pub rejected: u64,
    /// Waiting for a person.
    pub needs_person: u64,
    /// Photos deleted after delivery.
    pub purged: u64,
    /// Photos deleted at the student's request, before any receipt.
    pub withdrawn: u64,
    /// When the oldest of the waiting was submitted.
    pub oldest_waiting: Option<Timestamp>,
}

impl Counts {
    /// Records that wait to be sent.
    pub fn waiting(&self) -> u64 {
        self.saved + self.sending
    }
}
