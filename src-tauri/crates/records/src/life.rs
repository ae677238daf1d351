//! A record's life: every state it can be in, everything that can happen to it, and the one function that
//! says what follows. Nothing else in the station decides on a record's state.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where a submitted record stands.
///
/// Two promises hold for every sequence of events (tested as properties):
/// a record leaves the outbox only by a receipt whose hash matches or into a person's hands, and a record
/// that has its receipt never goes back to the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordState {
    /// Safe on this disk; waits to be sent.
    Saved,
    /// An attempt is under way, or was when the station lost power: its outcome is unknown until it is made again.
    Sending,
    /// The backend's receipt for exactly this photo is here.
    Delivered,
    /// Delivered, and a reviewer has it.
    UnderReview,
    /// Delivered and approved.
    Approved,
    /// Delivered and rejected; the reasons stand in the record.
    Rejected,
    /// Kept here, not sent any more until a person has looked.
    NeedsPerson {
        /// What a person must look at.
        reason: PersonReason,
    },
    /// Photos and secrets are deleted after delivery; hashes, receipt and audit stay.
    Purged,
    /// Photos and secrets are deleted at the student's request, before any receipt; hashes and audit stay.
    Withdrawn,
}

/// What a person must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonReason {
    /// The backend refused the request (a 4xx that a retry cannot mend).
    Refused,
    /// The backend does not know the code, or the proof does not fit it.
    Identity,
    /// Another photo of this academic record is approved or under review.
    AlreadyCollected,
    /// The fee is not paid, or the order does not fit.
    Payment,
    /// A validly signed receipt speaks of another photo.
    ReceiptMismatch,
    /// The photo read back from the disk is not the one that was submitted.
    Damaged,
}

/// A reviewer's word on a delivered photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Review {
    /// 审核中
    UnderReview,
    /// 审核成功
    Approved,
    /// 审核失败
    Rejected,
}

/// Everything that can happen to a record after its submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// An attempt to send begins (written before the first byte leaves).
    AttemptBegun,
    /// The attempt ended without anyone knowing how: a crash, or nobody reported in time.
    AttemptLost,
    /// The attempt failed in a way that a later one may mend.
    AttemptFailed,
    /// The attempt failed in a way that only a person can mend.
    AttemptRefused(PersonReason),
    /// A verified receipt for exactly this photo arrived, by network or by hand.
    ReceiptTaken,
    /// A review outcome arrived.
    Reviewed(Review),
    /// Staff ask to send again.
    StaffRetried,
    /// Retention is over and photos and secrets are deleted.
    Purged,
    /// The student asked for the deletion and photos and secrets are deleted.
    Withdrawn,
}

/// An event that cannot happen to a record in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record that is {state} cannot take {event:?}")]
pub struct Impossible {
    /// The state the record is in.
    pub state: RecordState,
    /// The event that does not fit.
    pub event: Event,
}

impl RecordState {
    /// Every state there is, in the order of a life.
    pub const ALL: [RecordState; 14] = [
        RecordState::Saved,
        RecordState::Sending,
        RecordState::Delivered,
        RecordState::UnderReview,
        RecordState::Approved,
        RecordState::Rejected,
        RecordState::NeedsPerson {
            reason: PersonReason::Refused,
        },
        RecordState::NeedsPerson {
            reason: PersonReason::Identity,
        },
        RecordState::NeedsPerson {
            reason: PersonReason::AlreadyCollected,
        },
        RecordState::NeedsPerson {
            reason: PersonReason::Payment,
        },
        RecordState::NeedsPerson {
            reason: PersonReason::ReceiptMismatch,
        },
        RecordState::NeedsPerson {
            reason: PersonReason::Damaged,
        },
        RecordState::Purged,
        RecordState::Withdrawn,
    ];

    /// What follows when `event` happens: the only place where a record's state is decided.
    ///
    /// Late and repeated news is ordinary (a reply to an attempt given up long ago, a review told twice), so
    /// it maps to a state instead of an error wherever it can be true: a late receipt always counts, a late
    /// failure never undoes one, and a review outcome that overtakes the receipt leaves the state alone (the
    /// store holds it until the receipt is here).
    ///
    /// # Errors
    /// [`Impossible`] for what cannot be true or must not be done: beginning an attempt twice, sending again
    /// what is delivered, purging what has no receipt, withdrawing what is just being sent.
    pub fn after(self, event: Event) -> Result<RecordState, Impossible> {
        use Event::{
            AttemptBegun, AttemptFailed, AttemptLost, AttemptRefused, Purged as Purge, ReceiptTaken,
            Reviewed, StaffRetried, Withdrawn as Withdraw,
        };
        use RecordState::{
            Approved, Delivered, NeedsPerson, Purged, Rejected, Saved, Sending, UnderReview, Withdrawn,
        };
        Ok(match (self, event) {
            (Saved, AttemptBegun) => Sending,
            (Sending, AttemptLost)
            | (Saved | Sending, AttemptFailed)
            | (Saved | NeedsPerson { .. }, StaffRetried) => Saved,
            (Saved | Sending | NeedsPerson { .. }, AttemptRefused(reason)) => NeedsPerson { reason },
            (Saved | Sending | NeedsPerson { .. }, ReceiptTaken) => Delivered,

            (Delivered | UnderReview | Approved | Rejected, Reviewed(review)) => match review {
                Review::UnderReview => UnderReview,
                Review::Approved => Approved,
                Review::Rejected => Rejected,
            },
            (Delivered | UnderReview | Approved | Rejected, Purge | Withdraw)
            // An earlier attempt had arrived after all.
            | (Withdrawn, ReceiptTaken) => Purged,
            (Saved | NeedsPerson { .. }, Withdraw) => Withdrawn,

            // News that comes late, twice, or before the receipt.
            (NeedsPerson { .. }, AttemptFailed)
            | (Saved | Sending | NeedsPerson { .. } | Purged | Withdrawn, Reviewed(_))
            | (Withdrawn, AttemptFailed | AttemptRefused(_))
            | (Purged | Withdrawn, Withdraw)
            | (
                Delivered | UnderReview | Approved | Rejected | Purged,
                ReceiptTaken | AttemptFailed | AttemptRefused(_),
            ) => self,

            (state, event) => return Err(Impossible { state, event }),
        })
    }

    /// True while the record belongs in the outbox.
    pub fn waits(self) -> bool {
        matches!(self, RecordState::Saved | RecordState::Sending)
    }

    /// True while the photos are here.
    pub fn has_photos(self) -> bool {
        !matches!(self, RecordState::Purged | RecordState::Withdrawn)
    }

    /// True once the backend's receipt for exactly this photo is here.
    pub fn has_receipt(self) -> bool {
        match self {
            RecordState::Saved
            | RecordState::Sending
            | RecordState::NeedsPerson { .. }
            | RecordState::Withdrawn => false,
            RecordState::Delivered
            | RecordState::UnderReview
            | RecordState::Approved
            | RecordState::Rejected
            | RecordState::Purged => true,
        }
    }

    /// The name in the database, the command line and the queue page: `saved`, `needs-person/refused`, …
    pub fn as_str(self) -> &'static str {
        match self {
            RecordState::Saved => "saved",
            RecordState::Sending => "sending",
            RecordState::Delivered => "delivered",
            RecordState::UnderReview => "under-review",
            RecordState::Approved => "approved",
            RecordState::Rejected => "rejected",
            RecordState::NeedsPerson { reason } => match reason {
                PersonReason::Refused => "needs-person/refused",
                PersonReason::Identity => "needs-person/identity",
                PersonReason::AlreadyCollected => "needs-person/already-collected",
                PersonReason::Payment => "needs-person/payment",
                PersonReason::ReceiptMismatch => "needs-person/receipt-mismatch",
                PersonReason::Damaged => "needs-person/damaged",
            },
            RecordState::Purged => "purged",
            RecordState::Withdrawn => "withdrawn",
        }
    }

    /// The states whose name is `name` or begins with `name/`: `needs-person` means every reason.
    pub fn named(name: &str) -> Vec<RecordState> {
        RecordState::ALL
            .into_iter()
            .filter(|state| {
                let own = state.as_str();
                own == name || own.split_once('/').is_some_and(|(kind, _)| kind == name)
            })
            .collect()
    }
}

impl fmt::Display for RecordState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no record state has this name")]
pub struct UnknownState;

impl FromStr for RecordState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<RecordState, UnknownState> {
        RecordState::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownState)
    }
}

impl Serialize for RecordState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RecordState {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<RecordState, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Review {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Review::UnderReview => "under-review",
            Review::Approved => "approved",
            Review::Rejected => "rejected",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Review> {
        [Review::UnderReview, Review::Approved, Review::Rejected]
            .into_iter()
            .find(|r| r.as_str() == text)
    }
}

/// The first wait after a failure. Short: most failures on a campus network are one lost packet.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// The longest wait. A backend that is back after a night must not wait for hours on top.
pub const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// How long to wait after the `failures`-th failure in a row: 2 s doubling up to [`LONGEST_WAIT`], of which
/// the second half is drawn from `seed` so that many stations cut off together do not come back together.
///
/// Pure: the same figures give the same wait. `failures` is 1 after the first failure; 0 means no wait.
pub fn back_off(failures: u32, seed: u64) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let doublings = (failures - 1).min(20);
    let full = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let full_ms = full.as_millis() as u64;
    let half = full_ms / 2;
    Duration::from_millis(half + splitmix(seed ^ u64::from(failures)) % (full_ms - half + 1))
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014): spreads neighbouring seeds evenly.
fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reasons() -> impl Strategy<Value = PersonReason> {
        prop::sample::select(vec![
            PersonReason::Refused,
            PersonReason::Identity,
            PersonReason::AlreadyCollected,
            PersonReason::Payment,
            PersonReason::ReceiptMismatch,
            PersonReason::Damaged,
        ])
    }

    fn events() -> impl Strategy<Value = Event> {
        prop_oneof![
            3 => Just(Event::AttemptBegun),
            2 => Just(Event::AttemptLost),
            2 => Just(Event::AttemptFailed),
            1 => reasons().prop_map(Event::AttemptRefused),
            2 => Just(Event::ReceiptTaken),
            3 => prop::sample::select(vec![Review::UnderReview, Review::Approved, Review::Rejected])
                .prop_map(Event::Reviewed),
            1 => Just(Event::StaffRetried),
            1 => Just(Event::Purged),
            1 => Just(Event::Withdrawn),
        ]
    }

    proptest! {
        #[test]
        fn no_sequence_loses_a_photo_or_shows_delivered_without_a_receipt(
            story in prop::collection::vec(events(), 0..60)
        ) {
            let mut state = RecordState::Saved;
            let mut receipt = false;
            let mut asked = false;
            for event in story {
                let Ok(next) = state.after(event) else { continue };
                receipt |= event == Event::ReceiptTaken;
                asked |= matches!(event, Event::Purged | Event::Withdrawn);
                prop_assert_eq!(next.has_receipt(), receipt, "{:?} + {:?} -> {:?}", state, event, next);
                prop_assert_eq!(next.has_photos(), !asked, "photos go when asked, never by themselves");
                if matches!(next, RecordState::NeedsPerson { .. }) && !matches!(state, RecordState::NeedsPerson { .. }) {
                    prop_assert!(matches!(event, Event::AttemptRefused(_)), "only a refusal calls a person");
                }
                if next == RecordState::Sending && state != RecordState::Sending {
                    prop_assert_eq!(event, Event::AttemptBegun, "nothing is sent that was not marked first");
                }
                state = next;
            }
            // Whatever happened, the photo is in the outbox, in a person's hands, receipted, or its student
            // wanted it gone.
            let in_a_persons_hands = matches!(state, RecordState::NeedsPerson { .. });
            let wanted_gone = state == RecordState::Withdrawn;
            prop_assert!(state.waits() || state.has_receipt() || in_a_persons_hands || wanted_gone);
        }

        #[test]
        fn a_refused_event_changes_nothing_and_news_told_twice_changes_nothing_more(
            state in prop::sample::select(RecordState::ALL.to_vec()), event in events()
        ) {
            if let Ok(next) = state.after(event)
                && matches!(event, Event::ReceiptTaken | Event::Reviewed(_) | Event::AttemptFailed | Event::AttemptRefused(_))
            {
                prop_assert_eq!(next.after(event), Ok(next));
            }
        }

        #[test]
        fn from_every_undelivered_state_a_receipt_is_always_taken(
            state in prop::sample::select(RecordState::ALL.to_vec())
        ) {
            let next = state.after(Event::ReceiptTaken).unwrap();
            prop_assert!(next.has_receipt());
        }

        #[test]
        fn waits_grow_stay_bounded_and_repeat(failures in 1_u32..2000, seed in any::<u64>()) {
            let wait = back_off(failures, seed);
            prop_assert_eq!(wait, back_off(failures, seed));
            prop_assert!(wait >= FIRST_WAIT / 2 && wait <= LONGEST_WAIT);
            // Half of the full wait is fixed, so two doublings always outgrow the jitter.
            prop_assert!(back_off(failures + 2, seed) >= wait.min(LONGEST_WAIT / 2));
        }
    }

    #[test]
    fn names_read_back_and_a_kind_means_all_its_reasons() {
        for state in RecordState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!(RecordState::named("needs-person").len(), 6);
        assert_eq!(RecordState::named("approved"), vec![RecordState::Approved]);
        assert!(RecordState::named("lost").is_empty());
    }

    #[test]
    fn what_has_no_receipt_cannot_be_purged_and_what_has_one_cannot_be_sent() {
        for state in RecordState::ALL {
            assert_eq!(
                state.after(Event::Purged).is_ok(),
                state.has_receipt() && state != RecordState::Purged,
                "{state}"
            );
            assert_eq!(
                state.after(Event::AttemptBegun).is_ok(),
                state == RecordState::Saved,
                "{state}"
            );
        }
    }
}
