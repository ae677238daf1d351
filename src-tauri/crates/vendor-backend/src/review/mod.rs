//! The review desk: a person looks at each photo and says yes, or no with reasons.
//!
//! | module | what it is |
//! |---|---|
//! | `reviewers` | who may review, each with a token of their own |
//! | `door` | letting them in |
//! | `words` | what the words of one or two reviewers come to |
//! | `queue` | one photo, one reviewer: leases, and words that were said |
//! | `desk` | the pages |
//! | `figures` | what the station warned of, and what reviewers made of it |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vendor::api::{Reason, Rejection};

use crate::captures::{Step, transition};
use crate::database::Tx;
use crate::fault::Fault;

pub(crate) mod desk;
pub(crate) mod door;
pub(crate) mod figures;
mod queue;
pub mod reviewers;
mod words;

/// The standard's own grounds for refusal, as a reviewer finds them (`domain.md`, "The photo standard").
const REASONS: [(&str, &str, &str); 16] = [
    ("glasses-glare", "镜片反光", "Glare on the glasses"),
    ("glasses-frame", "镜框遮挡眼睛", "The frame covers the eyes"),
    (
        "hair-over-eyebrows",
        "头发遮挡眉毛或眼睛",
        "Hair over eyebrows or eyes",
    ),
    ("ears-covered", "头发遮挡耳朵", "Hair over the ears"),
    ("eyes-closed", "闭眼或眼睛不平视", "Eyes closed or not level"),
    ("mouth-open", "张嘴或露齿", "Mouth open or teeth visible"),
    ("head-tilted", "头部倾斜或转动", "Head tilted or turned"),
    ("shoulders", "双肩不平", "Shoulders not level"),
    (
        "position",
        "人像大小或位置不符",
        "Head too large, too small or out of place",
    ),
    (
        "background",
        "背景不均匀或有阴影",
        "Background uneven or with a shadow",
    ),
    ("edge", "头发边缘抠图不自然", "The edge of the hair is unnatural"),
    ("light", "光线不均、阴阳脸或高光", "Uneven light or highlights"),
    ("blurred", "照片模糊", "Blurred"),
    (
        "clothes",
        "着装不符合要求",
        "Clothes do not meet the requirements",
    ),
    ("jewellery", "佩戴饰品或妆容过浓", "Jewellery or heavy make-up"),
    (
        "not-live",
        "疑似翻拍或非本人现场拍摄",
        "Not taken live of this person",
    ),
];

/// Reasons by their words; words that are no reason are left out.
pub(crate) fn reasons<'a>(codes: impl IntoIterator<Item = &'a str>) -> Vec<Reason> {
    let known = |code: &str| REASONS.iter().find(|(c, ..)| *c == code);
    let full = |(code, zh, en): &(&str, &str, &str)| Reason {
        code: (*code).to_owned(),
        zh: (*zh).to_owned(),
        en: (*en).to_owned(),
    };
    codes.into_iter().filter_map(known).map(full).collect()
}

/// A reviewer's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Accept and lock.
    Approve,
    /// Shoot again.
    Reject {
        /// Words of the list of reasons (`glasses-glare`, …); others are left out.
        reasons: Vec<String>,
        /// The reviewer's own words.
        note: Option<String>,
    },
}

impl Decision {
    /// A no for these reasons, without further words.
    pub fn reject<'a>(reasons: impl IntoIterator<Item = &'a str>) -> Decision {
        Decision::Reject {
            reasons: reasons.into_iter().map(str::to_owned).collect(),
            note: None,
        }
    }
}

/// Decisions without a reviewer, for demonstrations and tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AutoReview {
    /// A person decides.
    #[default]
    Off,
    /// Every photo is approved at once.
    Approve,
    /// The first so many photos of each academic record are rejected for glare, the next one is approved.
    RejectFirst(u32),
}

impl std::str::FromStr for AutoReview {
    type Err = String;
    fn from_str(text: &str) -> Result<AutoReview, String> {
        match text {
            "off" => Ok(AutoReview::Off),
            "approve" => Ok(AutoReview::Approve),
            _ => text
                .strip_prefix("reject:")
                .and_then(|n| n.parse().ok())
                .map(AutoReview::RejectFirst)
                .ok_or_else(|| "off, approve or reject:N".to_owned()),
        }
    }
}

/// Writes a reviewer's word; `false` where the photo is not under review (any more).
pub(crate) fn decide(
    tx: &Tx<'_>,
    record_id: Uuid,
    decision: &Decision,
    now: Timestamp,
) -> Result<bool, Fault> {
    let step = match decision {
        Decision::Approve => Step::Approved,
        Decision::Reject { reasons: codes, note } => {
            let reasons = reasons(codes.iter().map(String::as_str));
            if reasons.is_empty() {
                return Ok(false);
            }
            Step::Rejected(Rejection {
                reasons,
                note: note.clone(),
                at: now,
            })
        }
    };
    let done = transition(tx, record_id, &step, now)?;
    if let (true, Step::Rejected(rejection)) = (done, &step) {
        figures::keep_grounds(tx, record_id, &rejection.reasons)?;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_decisions_are_read_from_the_command_line() {
        assert_eq!("reject:2".parse(), Ok(AutoReview::RejectFirst(2)));
        assert!("reject".parse::<AutoReview>().is_err());
    }
}
