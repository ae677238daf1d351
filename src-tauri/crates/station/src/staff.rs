//! What staff see of the records, and the PIN in front of it.

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use serde::{Deserialize, Serialize};
use specta::Type;

/// Which records to list.
#[derive(Debug, Clone, Default, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct QueueFilter {
    /// Only this state, kebab-case.
    pub state: Option<String>,
    /// Only where tag, shoot number or record begins so.
    pub search: Option<String>,
    /// First row.
    pub offset: u32,
    /// At most so many rows, up to 500.
    pub limit: u32,
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
    /// What happened, oldest first.
    pub history: Vec<HistoryLine>,
    /// The report's checks, as JSON text.
    pub report: String,
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
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(pin.as_bytes(), &salt)
        .ok()
        .map(|h| h.to_string())
}

/// Whether this is the PIN; a hash nobody can read never matches.
pub fn pin_matches(pin: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|h| Argon2::default().verify_password(pin.as_bytes(), &h).is_ok())
}

/// The lock on the staff pages: after three wrong PINs each further one costs a longer wait.
#[derive(Debug, Default)]
pub struct Lock {
    wrong: u32,
    closed_until: Option<jiff::Timestamp>,
}

impl Lock {
    /// Wrong PINs without a wait.
    const FREE: u32 = 3;

    /// Whether a PIN may be tried now.
    pub fn is_open(&self, now: jiff::Timestamp) -> bool {
        self.closed_until.is_none_or(|until| now >= until)
    }

    /// Takes the outcome of a try: 30 s after the third wrong PIN, doubling up to an hour.
    pub fn tried(&mut self, right: bool, now: jiff::Timestamp) {
        if right {
            *self = Lock::default();
            return;
        }
        self.wrong = self.wrong.saturating_add(1);
        if self.wrong >= Self::FREE {
            let wait = (30_i64 << (self.wrong - Self::FREE).min(7)).min(3600);
            self.closed_until = Some(now + jiff::SignedDuration::from_secs(wait));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Lock, hash_pin, pin_matches};

    #[test]
    fn a_pin_opens_only_with_the_same_digits() {
        let hash = hash_pin("246810").unwrap();
        assert!(pin_matches("246810", &hash));
        assert!(!pin_matches("246811", &hash));
        assert!(
            !pin_matches("246810", "no hash at all"),
            "an unreadable hash must lock, not open"
        );
        assert!(!hash.contains("246810"));
    }

    #[test]
    fn short_pins_and_words_are_refused() {
        assert!(hash_pin("12345").is_none());
        assert!(hash_pin("secret").is_none());
    }

    #[test]
    fn guessing_costs_ever_more_time() {
        let mut lock = Lock::default();
        let mut now = Timestamp::UNIX_EPOCH;
        let mut guesses = 0;
        let day_later = now + SignedDuration::from_hours(24);
        while now < day_later {
            if lock.is_open(now) {
                lock.tried(false, now);
                guesses += 1;
            }
            now += SignedDuration::from_secs(1);
        }
        assert!(guesses < 40, "{guesses} guesses in a day");
        lock.tried(true, now);
        assert!(lock.is_open(now), "the right PIN opens at once");
    }
}
