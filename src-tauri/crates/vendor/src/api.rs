//! Every body that crosses the wire under `/v1`.
//!
//! Field names are `snake_case`, enumerated values `kebab-case`, times RFC 3339 in UTC, dates of the school's
//! calendar (UTC+8), money in fen, hashes SHA-256 in lower hex, bytes base64url without padding. A reader
//! ignores fields it does not know, so that a backend may add some within `/v1`.
//!
//! | request | body | reply |
//! |---|---|---|
//! | `GET /v1/status` (unsigned) | – | [`Status`] |
//! | `POST /v1/enrol` | [`EnrolRequest`] | [`Enrolled`] |
//! | `GET /v1/profile` | – | [`Profile`](crate::Profile) |
//! | `POST /v1/station/key` | [`KeyRequest`] | [`KeyReplaced`] |
//! | `GET /v1/schools?name=&level=` | – | [`SchoolList`] |
//! | `POST /v1/identities` | [`ResolveRequest`] | [`Identity`] |
//! | `POST /v1/orders` | [`OrderRequest`] | [`Order`] |
//! | `GET /v1/orders/{id}` | – | [`Order`] |
//! | `PUT /v1/captures/{record_id}` | [`Capture`] | [`Accepted`], 201 the first time and 200 again |
//! | `GET /v1/captures/{record_id}` | – | [`Accepted`] |
//! | `GET /v1/changes?after=&limit=` | – | [`ChangePage`] |
//! | `GET /v1/captures/{record_id}/deliverables` | – | [`DeliverableList`] |
//! | `GET /v1/captures/{record_id}/deliverables/{kind}` | – | the file |
//!
//! A capture carries its photos as base64url inside the JSON body rather than as multipart parts: one body is
//! one digest is one signature, with no boundary a proxy could rewrite; the third it costs in size is paid on
//! a few megabytes a student.

use base64::Engine as _;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::key::{PublicKey, StationKey};
use crate::profile::FeeWhen;
use crate::receipt::Receipt;
use crate::secret::{BASE64URL, FileBytes, Secret, SecretBytes};

/// Who answers here, and what time it has. Unsigned, for diagnosis only: it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the contract: `v1`.
    pub api: String,
    /// The vendor's display name.
    pub vendor: String,
    /// The profile in force.
    pub profile_id: String,
    /// The backend's clock.
    pub server_time: Timestamp,
}

/// Makes a station known. Signed with the key it announces, which proves that the sender holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolRequest {
    /// The one-time code staff were given.
    pub activation_code: Secret,
    /// What people call this booth ("图书馆1号机").
    #[schema(max_length = 100)]
    pub station_name: String,
    /// The station's public key.
    pub public_key: PublicKey,
    /// Name and version of the station's program.
    #[schema(max_length = 100)]
    pub software: String,
}

/// The station is known now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// The backend's name for the station.
    pub station_id: String,
    /// The vendor's display name.
    pub vendor: String,
    /// The profile in force.
    pub profile_id: String,
    /// The key receipts are signed with; keep it.
    pub receipt_public_key: PublicKey,
}

/// Replaces the station's key. The request itself is signed with the old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRequest {
    /// The new key.
    pub public_key: PublicKey,
    /// Ed25519 by the new key over `photo-station-key-v1`, the old key's id and the new key's id, each followed by a
    /// line feed; base64url.
    pub proof: String,
}

impl KeyRequest {
    /// Asks to put `new` in the place of the key with this id.
    pub fn new(old_key_id: &str, new: &StationKey) -> KeyRequest {
        let public_key = new.public_key();
        let text = KeyRequest::text(old_key_id, &public_key);
        KeyRequest {
            public_key,
            proof: BASE64URL.encode(new.sign(text.as_bytes())),
        }
    }

    /// True where whoever asks holds the new key and means it for this station.
    pub fn proves(&self, old_key_id: &str) -> bool {
        let text = KeyRequest::text(old_key_id, &self.public_key);
        BASE64URL
            .decode(&self.proof)
            .is_ok_and(|signature| self.public_key.verifies(text.as_bytes(), &signature))
    }

    fn text(old_key_id: &str, new: &PublicKey) -> String {
        format!("photo-station-key-v1\n{old_key_id}\n{}\n", new.key_id())
    }
}

/// The new key is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyReplaced {
    /// The backend's name for the station, as before.
    pub station_id: String,
}

/// Days on which collection is open, both included, in the school's calendar (UTC+8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Window {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl Window {
    /// True on the days of the window.
    pub fn contains(&self, at: Timestamp) -> bool {
        let day = at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).date();
        self.from <= day && day <= self.to
    }
}

/// Schools that match, at most twenty; empty where nothing was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchoolList {
    /// The schools, best match first.
    pub schools: Vec<School>,
}

/// A school this vendor collects for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct School {
    /// Identifier.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Levels that are collected ("专科", "本科", …).
    pub levels: Vec<String>,
    /// Ties a collection session to a school (特征码, for example `C5UG16`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_code: Option<String>,
    /// When it collects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// What a student gives to show that the code is theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Proof {
    /// Nothing: the code alone.
    #[default]
    None,
    /// The last four characters of the ID number.
    LastFour {
        /// Three digits and a digit or X.
        value: Secret,
    },
    /// Name and student number.
    NameAndNumber {
        /// Level.
        level: String,
        /// Full name.
        name: Secret,
        /// Student number.
        student_number: Secret,
        /// Telephone, where the vendor wants one to reach the student.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone: Option<Secret>,
    },
}

/// Who is this? Give the code, a proof, or both, as the profile's steps have them: a vendor that confirms by
/// name first is asked twice, without the code and then with it and the same proof.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResolveRequest {
    /// The text of the collection code, byte for byte; absent where it was not shown yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SecretBytes>,
    /// The proof.
    pub proof: Proof,
    /// The school chosen, where the profile has that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub school_id: Option<String>,
}

/// A student as the backend shows them: masked, with a token to act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// Stands for this student at this station in later requests.
    pub identity_token: Secret,
    /// When the token ends. Long, since a capture may wait for the network for days.
    pub expires_at: Timestamp,
    /// Masked name (测*甲).
    pub masked_name: String,
    /// Masked ID number (`000000***********X`).
    pub masked_id: String,
    /// True once a collection code was resolved; a capture needs one.
    pub code_bound: bool,
    /// The student's academic records, the code's own first.
    pub records: Vec<AcademicRecord>,
}

/// One student's enrolment at one school and level (学籍).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcademicRecord {
    /// Identifier.
    pub id: String,
    /// School.
    pub school_id: String,
    /// School's display name.
    pub school: String,
    /// Level (本科 …).
    pub level: String,
    /// Major.
    pub major: String,
    /// Year of graduation.
    pub year: u32,
    /// True for the record the code was fetched for.
    pub of_this_code: bool,
    /// May it be collected now?
    pub eligibility: Eligibility,
    /// When it may be collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What is to be paid.
    pub fee: FeeState,
    /// How far a photo for it is.
    pub collection: CollectionState,
    /// Why the last photo was rejected; gone once another was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_rejection: Option<Rejection>,
}

/// May an academic record be collected now?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Eligibility {
    /// Yes.
    Open,
    /// Not on this day.
    OutsideWindow,
    /// It was: approved, or under review where the vendor allows no change.
    AlreadyCollected,
    /// The school has not opened it.
    NotEligible,
}

/// What is to be paid for an academic record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeeState {
    /// To be paid now, in fen; 0 where nothing is due: skip the payment step.
    pub due_fen: u32,
    /// When the vendor wants it.
    pub when: FeeWhen,
    /// True once paid; one payment covers any number of shots and rejections.
    pub paid: bool,
}

/// How far a photo for an academic record is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CollectionState {
    /// None arrived.
    #[default]
    None,
    /// Arrived; review starts with the payment.
    AwaitingPayment,
    /// A person will look at it.
    UnderReview,
    /// Accepted and locked.
    Approved,
    /// Shoot again.
    Rejected,
    /// Replaced by a later photo of the same student before it was decided.
    Superseded,
}

impl CollectionState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            CollectionState::None => "none",
            CollectionState::AwaitingPayment => "awaiting-payment",
            CollectionState::UnderReview => "under-review",
            CollectionState::Approved => "approved",
            CollectionState::Rejected => "rejected",
            CollectionState::Superseded => "superseded",
        }
    }
}

/// A reviewer's no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rejection {
    /// Why, at least one.
    pub reasons: Vec<Reason>,
    /// The reviewer's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// One reason, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// Stable word, kebab-case (`glasses-glare`).
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Asks for an order. Carries an `Idempotency-Key`; besides, an academic record has one open order at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderRequest {
    /// Who.
    pub identity_token: Secret,
    /// For which academic record.
    pub academic_record_id: String,
}

/// A payment that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Identifier.
    pub id: String,
    /// For which academic record.
    pub academic_record_id: String,
    /// Amount in fen.
    pub amount_fen: u32,
    /// State.
    pub state: OrderState,
    /// Show this as a QR code; the student pays on their telephone.
    pub payment_url: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends unpaid.
    pub expires_at: Timestamp,
    /// When it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
}

/// State of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// Waiting for the payment.
    Open,
    /// Paid.
    Paid,
    /// Ended unpaid: ask for another.
    Expired,
}

/// A submitted photo with everything it needs to be reviewed. Put under the station's record id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Capture {
    /// Whose photo.
    pub subject: Subject,
    /// The 480x640 JPEG.
    pub standard: Photo,
    /// The frame it was made from, losslessly.
    pub original: Photo,
    /// The shutter.
    pub captured_at: Timestamp,
    /// The student's "submit".
    pub submitted_at: Timestamp,
    /// The student's consent to collection.
    pub consented_at: Timestamp,
    /// Number to ask by at the desk.
    #[schema(max_length = 32)]
    pub shoot_number: String,
    /// Photo spec it was made by.
    #[schema(max_length = 64)]
    pub spec: String,
    /// The station's report on the photo, an object; shown beside it in review.
    #[schema(value_type = Object)]
    pub report: serde_json::Value,
    /// Why staff forced a photo the checks refused; absent for an ordinary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub forced_reason: Option<String>,
    /// Name and version of the station's program.
    #[schema(max_length = 100)]
    pub software: String,
}

/// Whose photo a capture is: resolved before, or to be resolved by the backend now.
///
/// A token that has expired is no loss where the code and proof are there, too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subject {
    /// From [`Identity`]; absent where the visit ran without the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_token: Option<Secret>,
    /// The academic record chosen; absent: the code's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub academic_record_id: Option<String>,
    /// The text of the collection code, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SecretBytes>,
    /// What the student typed.
    #[serde(default)]
    pub proof: Proof,
    /// The school chosen, where the profile has that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub school_id: Option<String>,
}

/// A picture file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Photo {
    /// `image/jpeg` or `image/png`.
    pub media_type: String,
    /// SHA-256 of the bytes, lower hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// The file.
    pub bytes: FileBytes,
}

impl Photo {
    /// A picture file with its own hash.
    pub fn new(media_type: impl Into<String>, bytes: Vec<u8>) -> Photo {
        Photo {
            media_type: media_type.into(),
            sha256: sha256_hex(&bytes),
            bytes: FileBytes(bytes),
        }
    }

    /// A picture file whose hash was computed just now by whoever read it.
    pub fn proven(media_type: impl Into<String>, bytes: Vec<u8>, sha256: String) -> Photo {
        Photo {
            media_type: media_type.into(),
            sha256,
            bytes: FileBytes(bytes),
        }
    }
}

/// SHA-256 in lower hex, as every hash of this contract.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(bytes))
}

/// The backend has the capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The proof; nothing counts without it.
    pub receipt: Receipt,
    /// How far it is now.
    pub state: CollectionState,
    /// The academic record it went to.
    pub academic_record_id: String,
    /// Whose it is, masked.
    pub masked_name: String,
    /// The last rejection of this very capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
}

/// What happened to this station's captures since a cursor, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangePage {
    /// The changes.
    pub changes: Vec<Change>,
    /// Ask with this next time; the same as before where nothing changed. Opaque.
    pub next_cursor: String,
    /// True where more wait already.
    pub more: bool,
}

/// One thing that happened to one capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The station's record.
    pub record_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: ChangeKind,
}

/// What happened to a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum ChangeKind {
    /// The identity of a capture that came without one is known now.
    Resolved {
        /// Masked name.
        masked_name: String,
        /// Masked ID number.
        masked_id: String,
        /// The academic record it went to.
        academic_record_id: String,
    },
    /// The fee was paid; review starts.
    Paid {
        /// Which order.
        order_id: String,
    },
    /// Accepted and locked; deliverables are ready.
    Approved,
    /// Shoot again, without a second payment.
    Rejected {
        /// Why.
        rejection: Rejection,
    },
    /// A later photo of the same student replaced it.
    Superseded {
        /// The record that did.
        by: Uuid,
    },
    /// Something this version does not know; keep the cursor moving.
    #[serde(other)]
    Other,
}

/// What a student may have of an approved capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliverableList {
    /// The files; empty before approval.
    pub deliverables: Vec<Deliverable>,
}

/// A file for the student.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deliverable {
    /// Which.
    pub kind: DeliverableKind,
    /// Media type.
    pub media_type: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the bytes, lower hex.
    pub sha256: String,
}

/// Kinds of deliverables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeliverableKind {
    /// 标准照: the 480x640 JPEG.
    StandardPhoto,
    /// 排版照: several prints on one sheet.
    PrintSheet,
}

impl DeliverableKind {
    /// The word in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliverableKind::StandardPhoto => "standard-photo",
            DeliverableKind::PrintSheet => "print-sheet",
        }
    }
}
