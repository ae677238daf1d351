//! What a person sees: the whole screen as one value, and what a person may do.
//!
//! The page is a pure function of [`View`]; every touch goes back as an [`Action`]. Nothing here holds a
//! secret: names and ID numbers are masked by the backend, a code is only its tag.

use std::fmt;

use serde::{Deserialize, Serialize};
use specta::Type;

use crate::printout::{Printout, Printouts};

mod photographer;

pub use photographer::{
    AlarmView, Counters, LastPhoto, LastState, LightView, PhotographerView, WallState, WallView,
};

/// The whole state of the student's screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct View {
    /// Rises by one with every change; a page may drop older views.
    pub revision: u32,
    /// The page and what stands on it.
    pub page: Page,
    /// The steps of this vendor's visit for the bar on top, in order.
    pub steps: Vec<StepName>,
    /// Index into `steps` of the step under way; `None` outside a visit.
    pub current_step: Option<u32>,
    /// Seconds until this page gives up and returns to the welcome page; `None` where it never does.
    pub seconds_left: Option<u32>,
    /// The school's display name, empty until it is known.
    pub school: String,
    /// The vendor's display name.
    pub vendor: String,
    /// Whom to ask for help.
    pub support: Support,
    /// Whether the backend answers.
    pub online: bool,
    /// What the camera does.
    pub camera: CameraView,
    /// True where the picture comes from the virtual booth: the page says so.
    pub rehearsal: bool,
    /// Records that wait to be sent.
    pub waiting: u32,
    /// What a photographer's screen shows beside the page; `None` where students serve themselves.
    pub photographer: Option<PhotographerView>,
    /// Paper for the student, on the last page of a station with a printer.
    pub printouts: Option<Printouts>,
    /// How the booth is set up for people: reach, loudness, voice.
    pub comfort: Comfort,
}

/// How a booth is set up for the people in front of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Comfort {
    /// Everything to press stands in the lower part of an upright screen, within a wheelchair's reach.
    pub low_buttons: bool,
    /// Loudness of the sounds in percent, 0 for none.
    pub volume: u32,
    /// Whether hints are spoken, where the system has a voice.
    pub voice: bool,
}

/// Whom to ask for help, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Support {
    /// Telephone number as dialled.
    pub phone: String,
    /// Opening hours in words.
    pub hours: String,
}

/// The names in the step bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum StepName {
    /// 出示采集码
    Scan,
    /// 核对身份
    Identity,
    /// 支付
    Pay,
    /// 拍照
    Shoot,
    /// 确认提交
    Submit,
}

/// The camera in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum CameraView {
    /// Being opened.
    Opening,
    /// Delivering frames.
    Streaming,
    /// Lost; the station tries again by itself.
    Lost,
    /// Cannot work without a person.
    Broken,
}

/// One page with its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Page {
    /// Nobody is here.
    Welcome {
        /// Collection window in words, if the profile has one ("10月9日–19日").
        window: Option<String>,
        /// A visit was cut off by a crash or a power cut a moment ago: the page says that it begins anew.
        interrupted: bool,
    },
    /// Show the code to the camera.
    Scan {
        /// What the camera sees now.
        sight: ScanSight,
    },
    /// Last four characters of the ID number.
    ProveLastFour {
        /// Why the last attempt failed.
        error: Option<ProofError>,
        /// Attempts left before the visit ends.
        attempts_left: u32,
    },
    /// Name, student number and telephone.
    ProveName {
        /// Levels to choose from (专科, 本科, …).
        levels: Vec<String>,
        /// Whether a telephone number is asked for.
        phone: bool,
        /// Why the last attempt failed.
        error: Option<ProofError>,
        /// Attempts left before the visit ends.
        attempts_left: u32,
    },
    /// The school by name and level.
    FindSchool {
        /// Schools found for the last search, at most twenty.
        found: Vec<SchoolCard>,
        /// True when a search was made and nothing was found: show the support line.
        nothing_found: bool,
        /// Levels to choose from.
        levels: Vec<String>,
    },
    /// The backend is being asked.
    Working {
        /// What is waited for.
        what: WorkingOn,
    },
    /// Which academic record.
    ChooseRecord {
        /// The student's academic records.
        records: Vec<RecordCard>,
    },
    /// Is this you?
    Confirm {
        /// Masked identity and record.
        person: Person,
        /// Reasons of an earlier rejection: shoot again without a second payment.
        rejection: Vec<Remark>,
    },
    /// The visit cannot go on.
    NotPossible {
        /// Why.
        reason: NotPossible,
        /// The backend's own words, if it sent any.
        detail: Option<String>,
    },
    /// Requirements and consent.
    Requirements,
    /// Pay by telephone.
    Pay {
        /// Amount in fen.
        amount_fen: u32,
        /// The payment code as an SVG document.
        qr_svg: String,
        /// Seconds until the order expires.
        expires_in: u32,
        /// State of the order.
        state: PayState,
    },
    /// Live framing; hints arrive as `guidance` events.
    Framing {
        /// Finished photos so far.
        taken: u32,
        /// Photos that may be taken before one must be chosen.
        limit: u32,
        /// 3, 2, 1 while counting down, 0 at the flash, `None` otherwise.
        countdown: Option<u32>,
        /// Why the last shot was refused, in words of both languages.
        refused: Vec<Remark>,
    },
    /// Which photo.
    ChoosePhoto {
        /// Up to three finished photos.
        candidates: Vec<Candidate>,
        /// Whether another may be taken.
        may_retake: bool,
    },
    /// Last look before submission.
    LastLook {
        /// The chosen photo.
        candidate: Candidate,
        /// Masked identity, `None` while it is still to be resolved.
        person: Option<Person>,
        /// Hours until the review is done, as the vendor promises.
        review_hours: u32,
    },
    /// Submitted and safe.
    Done {
        /// Number to ask by at the desk.
        shoot_number: String,
        /// How far the photo is.
        progress: Progress,
        /// Receipt number of the backend once it has it.
        receipt: Option<String>,
        /// Hours until the review is done.
        review_hours: u32,
        /// True when a fee is still to be paid.
        pay_later: bool,
    },
    /// The station takes nobody now.
    OutOfService {
        /// Why.
        reason: OutOfService,
        /// Since when, RFC 3339; by the station's own clock, which may be the reason.
        since: String,
    },
}

/// What the camera sees on the scan page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ScanSight {
    /// No code.
    Nothing,
    /// A code that is too small to read.
    TooSmall,
    /// A code that fills the frame and more.
    TooClose,
    /// A code half outside the frame.
    CutOff,
    /// Hardly any light.
    TooDark,
    /// Burnt out by light.
    Glare,
    /// A code that moves.
    Moving,
    /// There is a code, blurred or covered.
    Unclear,
    /// Several codes at once.
    Several,
    /// A payment code.
    Payment,
    /// A mini-program's code.
    MiniProgram,
    /// A health code.
    Health,
    /// A web address that is no collection code.
    Web,
    /// Some other text.
    OtherText,
    /// The same code as the visit just ended.
    JustUsed,
    /// A collection code, held steady: being read.
    Steady,
}

/// Why a proof was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ProofError {
    /// Not in the form asked for.
    Form,
    /// The backend says it does not fit the code.
    Mismatch,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum WorkingOn {
    /// The identity.
    Identity,
    /// The list of schools.
    Schools,
    /// The order.
    Order,
    /// The standard photo.
    Photo,
    /// The disk.
    Saving,
}

/// A school in a search result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct SchoolCard {
    /// Identifier at the backend.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Levels it collects.
    pub levels: Vec<String>,
}

/// One academic record to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct RecordCard {
    /// Identifier at the backend.
    pub id: String,
    /// School.
    pub school: String,
    /// Level (本科 …).
    pub level: String,
    /// Major.
    pub major: String,
    /// Year of graduation.
    pub year: u32,
    /// Whether it can be collected now.
    pub state: RecordCardState,
}

/// Whether an academic record can be collected now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum RecordCardState {
    /// It can.
    Open,
    /// A photo was rejected: again, without a second payment.
    Rejected,
    /// Already collected.
    Collected,
    /// Not eligible.
    NotEligible,
}

/// A masked identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Person {
    /// Masked name (王*明).
    pub masked_name: String,
    /// Masked ID number.
    pub masked_id: String,
    /// School.
    pub school: String,
    /// Level.
    pub level: String,
    /// Major.
    pub major: String,
    /// Year of graduation.
    pub year: u32,
}

/// Why a visit cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum NotPossible {
    /// Outside the collection window.
    OutsideWindow,
    /// Already collected: approved, or counted as such by the vendor.
    AlreadyCollected,
    /// A photo is under review: no other is taken before its outcome.
    UnderReview,
    /// A photo with this very code waits on this station to be sent.
    WaitsHere,
    /// The school has not opened collection for this record.
    NotEligible,
    /// The identity could not be confirmed.
    IdentityMismatch,
    /// Too many wrong proofs: the backend takes none for a while, not even the right one.
    ProofLocked,
    /// The code is unknown to the backend.
    UnknownCode,
    /// The code is no longer valid: a newer one must be fetched.
    CodeExpired,
    /// The code is in use at another station.
    CodeInUse,
    /// The student said the identity is not theirs.
    NotMe,
    /// Something needs the network and there is none.
    NeedsNetwork,
    /// The station could not keep the photo.
    CouldNotSave,
    /// The vendor refused, see the detail.
    Refused,
}

/// State of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum PayState {
    /// Waiting for the payment.
    Waiting,
    /// Paid.
    Paid,
    /// Expired: try again.
    Expired,
    /// Cannot be asked now.
    Unreachable,
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Remark {
    /// Which check speaks, kebab-case.
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A finished photo to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Candidate {
    /// Identifier within the visit; the picture is `cam` `candidate/ID`.
    pub id: u32,
    /// What a reviewer might say.
    pub remarks: Vec<Remark>,
}

/// How far a submitted photo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// On this disk only; it will be sent.
    SavedHere,
    /// At the backend, waiting for review.
    Delivered,
    /// Approved.
    Approved,
    /// Rejected.
    Rejected,
    /// Kept here; a person must look.
    NeedsPerson,
}

/// Why the station takes nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum OutOfService {
    /// No camera.
    Camera,
    /// Photos could not be kept: disk or database.
    Storage,
    /// Too many photos wait to be sent, or one waits for too long.
    Backlog,
    /// The clock is wrong: the backend would take nothing.
    Clock,
    /// The backend has not been heard for so long that steps, fee and window may be others.
    Profile,
    /// Not enrolled at a backend yet.
    NotEnrolled,
    /// Shut out by the vendor: everything is kept, a new activation code lets it in again.
    Revoked,
    /// The records' key is not there, does not fit, or lies in a keyring that does not answer.
    Key,
    /// The records are there and cannot be read any more.
    Damaged,
    /// There were records, or a set-up, and they are not where they should be.
    Missing,
    /// A newer program has written the records.
    Newer,
    /// Another program has the records.
    InUse,
    /// Closed by staff.
    Staff,
}

/// What a person does. Prints only its kind: what was typed is a secret.
#[derive(Clone, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Action {
    /// Touch the welcome page.
    Start,
    /// One page back.
    Back,
    /// End the visit; everything not submitted is wiped.
    Cancel,
    /// Any touch: the time-out starts anew.
    Touch,
    /// Search schools.
    SearchSchool {
        /// Part of the name.
        name: String,
        /// Level.
        level: String,
    },
    /// Take one of the schools found.
    TakeSchool {
        /// Its identifier.
        id: String,
        /// Level.
        level: String,
    },
    /// Last four characters of the ID number.
    LastFour {
        /// Three digits and a digit or X.
        value: String,
    },
    /// Name, number and telephone.
    NameAndNumber {
        /// Level chosen.
        level: String,
        /// Full name.
        name: String,
        /// Student number.
        student_number: String,
        /// Telephone, where asked for.
        phone: Option<String>,
    },
    /// Take this academic record.
    TakeRecord {
        /// Its identifier.
        id: String,
    },
    /// The identity is mine.
    ItIsMe,
    /// It is not.
    NotMe,
    /// Requirements read and consent given.
    Consent,
    /// A new order after the old one expired, or another try.
    PayAgain,
    /// The shutter by hand.
    Shoot,
    /// Another photo.
    Retake,
    /// Choose this photo.
    Take {
        /// Identifier of the candidate.
        id: u32,
    },
    /// Submit: cannot be changed afterwards.
    Submit,
    /// Paper of what was just submitted.
    Print {
        /// Which.
        what: Printout,
    },
    /// The pages speak another language now: paper for the student speaks it, too.
    Speak {
        /// English instead of Chinese.
        english: bool,
    },
    /// Leave the last page.
    Finish,
    /// A photographer's key: the newest photo, and the next student.
    Accept,
    /// A photographer's key: submit the photo the checks refused.
    Force {
        /// Why.
        reason: String,
    },
    /// A photographer's key: the person in front is the right one, whatever the tracking says.
    SamePerson,
    /// A photographer's key: keep a picture of the empty wall.
    TakePlate,
    /// A photographer's key: whoever is next in line leaves it.
    DropNext,
    /// A photographer's key: the next students are of another school.
    ForgetSchool,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "Start",
            Self::Back => "Back",
            Self::Cancel => "Cancel",
            Self::Touch => "Touch",
            Self::SearchSchool { .. } => "SearchSchool",
            Self::TakeSchool { .. } => "TakeSchool",
            Self::LastFour { .. } => "LastFour",
            Self::NameAndNumber { .. } => "NameAndNumber",
            Self::TakeRecord { .. } => "TakeRecord",
            Self::ItIsMe => "ItIsMe",
            Self::NotMe => "NotMe",
            Self::Consent => "Consent",
            Self::PayAgain => "PayAgain",
            Self::Shoot => "Shoot",
            Self::Retake => "Retake",
            Self::Take { .. } => "Take",
            Self::Submit => "Submit",
            Self::Print { .. } => "Print",
            Self::Speak { .. } => "Speak",
            Self::Finish => "Finish",
            Self::Accept => "Accept",
            Self::Force { .. } => "Force",
            Self::SamePerson => "SamePerson",
            Self::TakePlate => "TakePlate",
            Self::DropNext => "DropNext",
            Self::ForgetSchool => "ForgetSchool",
        })
    }
}

/// A rectangle in fractions of the frame (0..1), unmirrored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Area {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

/// What the framing page draws over the preview, some fifteen times a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Guidance {
    /// Frame it was measured on.
    pub frame: u32,
    /// Frame size in pixels.
    pub frame_width: u32,
    /// Frame size in pixels.
    pub frame_height: u32,
    /// The face, if there is one.
    pub face: Option<Area>,
    /// Where the final photo would be cut, or the ideal place without a face.
    pub crop: Area,
    /// Crown band of the spec: top and bottom as fractions of the crop's height.
    pub crown_band: [f32; 2],
    /// Eye band of the spec: top and bottom as fractions of the crop's height.
    pub eye_band: [f32; 2],
    /// Narrowest and widest face as fractions of the crop's width.
    pub face_width: [f32; 2],
    /// One hint, kebab-case (`closer`, `turn-left`, `good`, …).
    pub hint: String,
    /// True while everything is green.
    pub ready: bool,
    /// How much of the still second has passed, 0..1: the ring.
    pub hold: f32,
}
