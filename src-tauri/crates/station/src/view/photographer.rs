//! What a photographer's screen shows beside the page.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Person, Progress, Remark, ScanSight};

/// A photographer's screen beside the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct PhotographerView {
    /// The visit in front: another for every student. Empty while nobody is there.
    pub front: String,
    /// Tag of the code in front.
    pub tag: Option<String>,
    /// Who is in front, masked, once it is known.
    pub person: Option<Person>,
    /// Tag of the code that was scanned early.
    pub next: Option<String>,
    /// The school of every visit, where the profile asks for one.
    pub school: Option<String>,
    /// What was held up in vain a moment ago.
    pub sight: Option<ScanSight>,
    /// The face in front may be the wrong one; nothing is shot before a key says otherwise.
    pub alarm: Option<AlarmView>,
    /// Whether the refused photo may be submitted with a reason.
    pub may_force: bool,
    /// The photos come from a camera of their own.
    pub tethered: bool,
    /// An accepted photo could not be written yet and is tried again.
    pub save_failing: bool,
    /// The last photos, newest first.
    pub last: Vec<LastPhoto>,
    /// Today's figures.
    pub counters: Counters,
    /// The light on the face in front.
    pub light: LightView,
    /// The empty wall.
    pub wall: WallView,
    /// Photos of the tethered camera that were nobody's, since the start.
    pub put_aside: u32,
    /// Why the last of them was.
    pub put_aside_why: Option<Remark>,
}

/// Why the face in front may be the wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmView {
    /// Another face sits there than the one that sat down for this visit.
    Changed,
    /// The face is still the one of the photo before.
    StillTheLast,
}

/// One of the last photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct LastPhoto {
    /// The record; the picture is `cam` `last/ID`.
    pub id: String,
    /// Number to ask by, once it is on the disk.
    pub shoot_number: Option<String>,
    /// Masked name, where it is known.
    pub masked_name: String,
    /// How far it is.
    pub state: LastState,
    /// What a reviewer might say.
    pub remarks: Vec<Remark>,
    /// Submitted although the checks refused it.
    pub forced: bool,
}

/// How far one of the last photos is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum LastState {
    /// Being written to the disk.
    Saving,
    /// The disk did not take it; it is tried again.
    NotSaved,
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

impl From<Progress> for LastState {
    fn from(progress: Progress) -> LastState {
        match progress {
            Progress::SavedHere => LastState::SavedHere,
            Progress::Delivered => LastState::Delivered,
            Progress::Approved => LastState::Approved,
            Progress::Rejected => LastState::Rejected,
            Progress::NeedsPerson => LastState::NeedsPerson,
        }
    }
}

/// Today's figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Counters {
    /// Submitted today.
    pub today: u32,
    /// Submitted within the last hour.
    pub last_hour: u32,
    /// Median seconds of the last hour's visits.
    pub seconds: Option<u32>,
}

/// The light on the face in front.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct LightView {
    /// How bright a white in the face's light is, in percent of full; `None` without a face.
    pub level: Option<u32>,
    /// The picture's left half of the face against the right one: -100 (left dark) to 100 (right dark).
    pub balance: Option<i32>,
    /// What to do about it, in a few words; empty where the light is good.
    pub hints: Vec<Remark>,
}

/// The empty wall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct WallView {
    /// How it stands.
    pub state: WallState,
    /// What is wrong, or why no plate was taken.
    pub hint: Option<Remark>,
}

/// How the empty-wall plate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum WallState {
    /// None was taken.
    None,
    /// It fits what the camera sees.
    Fits,
    /// Wall, light or camera have changed since.
    Drifted,
}

impl Default for WallView {
    fn default() -> WallView {
        WallView {
            state: WallState::None,
            hint: None,
        }
    }
}
