//! What staff see of the records, and the PIN in front of it.

use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::rooms::record::{AttemptLine, CheckLine};

/// Which records to list.
#[derive(Debug, Clone, Default, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct QueueFilter {
    /// Only this state, kebab-case.
    pub state: Option<String>,
    /// Only where tag, shoot number, record or receipt begins so.
    pub search: Option<String>,
    /// Only what was submitted then or later, RFC 3339.
    pub since: Option<String>,
    /// Only what was submitted before, RFC 3339.
    pub until: Option<String>,
    /// What the rows are ordered by.
    pub order: QueueOrder,
    /// Oldest, or smallest, first.
    pub oldest_first: bool,
    /// First row.
    pub offset: u32,
    /// At most so many rows, up to 500.
    pub limit: u32,
}

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum QueueOrder {
    /// Time of submission.
    #[default]
    Submission,
    /// Shoot number.
    ShootNumber,
    /// Tag of the collection code.
    Tag,
    /// State.
    State,
    /// School.
    School,
    /// Attempts to send so far.
    Attempts,
}

/// One record in a list.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct QueueRow {
    /// Record.
    pub id: String,
    /// Tag of the collection code.
    pub tag: String,
    /// Shoot number.
    pub shoot_number: String,
    /// State, kebab-case.
    pub state: String,
    /// Masked name, empty while the identity is to be resolved.
    pub masked_name: String,
    /// School.
    pub school: String,
    /// When it was submitted, RFC 3339.
    pub submitted_at: String,
    /// Attempts to send so far.
    pub attempts: u32,
    /// Why it waits or was refused, in words.
    pub note: Option<String>,
}

/// A page of the list.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct QueuePage {
    /// The rows.
    pub rows: Vec<QueueRow>,
    /// Rows that match in all.
    pub total: u32,
    /// Records in each state, for the chips.
    pub counts: Vec<StateCount>,
}

/// How many records are in a state.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct StateCount {
    /// State, kebab-case.
    pub state: String,
    /// How many.
    pub count: u32,
}

/// One record with its history.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct RecordPage {
    /// The row it has in the list.
    pub row: QueueRow,
    /// Level, major and year of graduation, empty while they are not known.
    pub studies: String,
    /// Photo standard.
    pub spec: String,
    /// When the visit began, RFC 3339.
    pub started_at: String,
    /// When the photo was taken, RFC 3339.
    pub captured_at: String,
    /// How many photos could be chosen from.
    pub candidates: u32,
    /// Why staff sent a refused photo.
    pub forced_reason: Option<String>,
    /// True where the fee was paid, or none was due.
    pub paid: bool,
    /// What happened, oldest first.
    pub history: Vec<HistoryLine>,
    /// Every attempt to send it, oldest first.
    pub attempts: Vec<AttemptLine>,
    /// The report's checks, one by one.
    pub checks: Vec<CheckLine>,
    /// The whole report, as JSON text; empty once it was purged.
    pub report: String,
    /// SHA-256 of the original.
    pub original_sha256: String,
    /// SHA-256 of the standard photo.
    pub standard_sha256: String,
    /// Receipt number, once delivered.
    pub receipt: Option<String>,
    /// Reasons of a rejection.
    pub reasons: Vec<String>,
    /// False once the photos were purged.
    pub photos: bool,
}

/// One line of a record's history.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct HistoryLine {
    /// When, RFC 3339.
    pub at: String,
    /// Who: `student`, `station`, `backend`, `staff`.
    pub actor: String,
    /// What, kebab-case.
    pub what: String,
    /// In words.
    pub detail: String,
}

/// One finding of the doctor.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Finding {
    /// What was looked at, kebab-case (`camera`, `database`, `disk`, …).
    pub subject: String,
    /// Whether it is all right.
    pub state: FindingState,
    /// What was found.
    pub zh: String,
    /// What was found.
    pub en: String,
    /// What to do; empty when nothing is to be done.
    pub todo_zh: String,
    /// What to do; empty when nothing is to be done.
    pub todo_en: String,
}

/// Whether a finding is all right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum FindingState {
    /// All right.
    Fine,
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Broken,
}

/// Shortest staff PIN, in digits: with [`Lock`]'s delays a day's guessing covers less than one in a thousand.
pub const SHORTEST_PIN: usize = 6;

/// A PIN as it may be stored: argon2id with a salt of its own.
///
/// # Errors
/// `None` when the PIN is shorter than [`SHORTEST_PIN`] digits or no digits at all.
pub fn hash_pin(pin: &str) -> Option<String> {
    if pin.len() < SHORTEST_PIN || !pin.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    hashed(pin)
}

/// A PIN, or what a card says, with argon2id and a salt of its own.
pub(crate) fn hashed(secret: &str) -> Option<String> {
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(secret.as_bytes(), &salt)
        .ok()
        .map(|h| h.to_string())
}

/// Whether this is the PIN, or what the card says; a hash nobody can read never matches.
pub fn pin_matches(pin: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|h| Argon2::default().verify_password(pin.as_bytes(), &h).is_ok())
}

/// The lock on the staff pages: after three wrong PINs each further one costs a longer wait.
///
/// Waits are measured by a clock that cannot be set. How many PINs were wrong is kept in the records, before each is
/// checked: a program that is ended and started again begins with the whole wait, not without one.
#[derive(Debug, Default)]
pub struct Lock {
    wrong: u32,
    closed_until: Option<Instant>,
}

impl Lock {
    /// Wrong PINs without a wait.
    const FREE: u32 = 3;
    /// The longest wait: staff who mistyped come back within their shift.
    const LONGEST: Duration = Duration::from_hours(1);

    /// The lock as an earlier program left it, with so many wrong PINs in a row.
    pub fn after(wrong: u32, now: Instant) -> Lock {
        let mut lock = Lock {
            wrong,
            closed_until: None,
        };
        lock.close(now);
        lock
    }

    /// How long no PIN may be tried; `None` where one may.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.closed_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Wrong PINs in a row, to be kept.
    pub fn wrong(&self) -> u32 {
        self.wrong
    }

    /// Takes the outcome of a try: 30 s after the third wrong PIN, doubling up to an hour.
    pub fn tried(&mut self, right: bool, now: Instant) {
        if right {
            *self = Lock::default();
            return;
        }
        self.wrong = self.wrong.saturating_add(1);
        self.close(now);
    }

    fn close(&mut self, now: Instant) {
        if let Some(more) = self.wrong.checked_sub(Self::FREE) {
            let wait = Duration::from_secs(30 << more.min(7)).min(Self::LONGEST);
            self.closed_until = Some(now + wait);
        }
    }
}

/// What came of a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The right one.
    Open,
    /// A wrong one.
    Wrong,
    /// Not tried: wait so long.
    Locked(Duration),
    /// None was set on this station.
    NoPin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_opens_only_with_the_same_digits() {
        let hash = hash_pin("246810").unwrap();
        assert!(pin_matches("246810", &hash));
        assert!(!pin_matches("246811", &hash));
        assert!(
            !pin_matches("246810", "no hash at all"),
            "an unreadable hash must lock, not open"
        );
        assert!(
            hash.starts_with("$argon2id$") && !hash.contains("246810"),
            "{hash}"
        );
        assert_ne!(hash, hash_pin("246810").unwrap(), "a salt of its own");
    }

    #[test]
    fn short_pins_and_words_are_refused() {
        assert!(hash_pin("12345").is_none());
        assert!(hash_pin("secret").is_none());
    }

    #[test]
    fn guessing_costs_ever_more_time() {
        let mut lock = Lock::default();
        let start = Instant::now();
        let mut guesses = 0;
        for second in 0..24 * 3600 {
            let now = start + Duration::from_secs(second);
            if lock.left(now).is_none() {
                lock.tried(false, now);
                guesses += 1;
            }
        }
        assert!(guesses < 40, "{guesses} guesses in a day");
        let now = start + Duration::from_hours(48);
        lock.tried(true, now);
        assert_eq!(
            (lock.left(now), lock.wrong()),
            (None, 0),
            "the right PIN opens at once"
        );
    }

    #[test]
    fn a_new_start_brings_the_whole_wait_and_no_free_guesses() {
        let start = Instant::now();
        let mut lock = Lock::default();
        for _ in 0..5 {
            lock.tried(false, start);
        }
        let waits = lock.left(start).unwrap();
        assert_eq!(waits, Duration::from_mins(2));
        assert_eq!(Lock::after(lock.wrong(), start).left(start), Some(waits));
        // A day of starting the program again and again: each guess costs the wait of all before it.
        let (mut wrong, mut guesses, mut now) = (0, 0, start);
        while now < start + Duration::from_hours(24) {
            let mut lock = Lock::after(wrong, now);
            now += lock.left(now).unwrap_or(Duration::from_secs(1));
            lock.tried(false, now);
            (wrong, guesses) = (lock.wrong(), guesses + 1);
        }
        assert!(guesses < 40, "{guesses} guesses in a day");
        assert_eq!(
            Lock::after(2, start).left(start),
            None,
            "two mistakes cost nothing"
        );
        assert!(Lock::after(u32::MAX, start).left(start).is_some());
    }
}
