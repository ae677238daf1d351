//! Does a server speak the contract? A real station asks it, point by point.
//!
//! The suite enrols real stations, signs real requests, sends real pictures, and judges what comes back. It knows the
//! server only by its address, so that any vendor can point it at its own:
//!
//! ```text
//! vendor-backend conform --url https://test.vendor.example --people people.jsonl --activation CODE --activation CODE
//! ```
//!
//! What only the vendor can do (take a payment, review a photo, revoke a station) is asked of [`Hands`]; what they
//! cannot do, and whatever the test students do not allow, is reported as skipped with the reason, never as passed.
//! Point it at a test server: the test students' photos stay there.
//!
//! | module | what it is |
//! |---|---|
//! | `contract` | every point: its name, and what the contract says |
//! | `report` | what was seen, and how it is printed |
//! | `people` | the test students a vendor provides |
//! | `wire` | letters: signed as a station signs, and changed as nobody should |
//! | `door` | status, enrolment, signatures, the shape of errors |
//! | `visit` | schools, identities, orders |
//! | `photo` | captures, receipts, changes, review, deliverables |
//! | `leave` | another key, revocation, the way back |

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use uuid::Uuid;
use vendor::api::{CollectionState, Order};
use vendor::{Clock, Profile, PublicKey, StationKey};

use crate::BackendError;

mod contract;
mod door;
mod leave;
mod people;
mod photo;
mod report;
mod visit;
mod wire;

pub use contract::CONTRACT;
pub use people::{Student, students};
pub use report::{Outcome, Point, Report};

use people::Students;
use report::{Book, Seen};
use wire::{Letter, Wire};

/// What a pair of hands answers: was it done, or at least begun? `false`: nobody is there to do it.
pub type Done<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// What only the vendor can do. The suite waits for the effect of each, [`ConformOptions::patience`] at most.
pub trait Hands: Sync {
    /// Pay this order, as the student would.
    fn pay<'a>(&'a self, order: &'a Order) -> Done<'a>;
    /// Approve or reject the photo with this shoot number.
    fn review<'a>(&'a self, record_id: Uuid, shoot_number: &'a str, approve: bool) -> Done<'a>;
    /// Revoke this station.
    fn revoke<'a>(&'a self, station_id: &'a str) -> Done<'a>;
}

/// What the suite needs to know.
#[derive(Debug, Clone)]
pub struct ConformOptions {
    /// The server's address, as stations are given it.
    pub url: String,
    /// One-time activation codes, up to four: for the first station, for a second one, for one that is revoked, and to
    /// bring that one back. A code that may be used again can be given once.
    pub activation: Vec<String>,
    /// What the server's profile must be like; `None`: it may have any.
    pub profile: Option<Profile>,
    /// The test students.
    pub students: Vec<Student>,
    /// How long to wait for what the vendor's people do.
    pub patience: Duration,
    /// Where the time comes from.
    pub clock: Clock,
}

/// One run of the suite.
struct Run<'a> {
    wire: Wire,
    hands: &'a dyn Hands,
    options: &'a ConformOptions,
    students: Students,
    book: Book,
}

/// A station that the server knows.
#[derive(Clone)]
struct Booth {
    id: String,
    key: StationKey,
    receipt_key: PublicKey,
}

/// Asks every point of the contract of the server.
///
/// # Errors
/// [`BackendError::Conform`] where the suite cannot begin: the address is none, or there is no randomness.
pub async fn conform(options: &ConformOptions, hands: &dyn Hands) -> Result<Report, BackendError> {
    let mut run = Run {
        wire: Wire::new(&options.url, options.clock.clone(), &options.students)?,
        hands,
        options,
        students: Students::new(&options.students),
        book: Book::default(),
    };
    run.all().await?;
    Ok(run.book.closed(&run.wire))
}

impl Run<'_> {
    async fn all(&mut self) -> Result<(), BackendError> {
        self.status().await;
        let Some(booth) = self.enrolment().await? else {
            return Ok(());
        };
        self.gate(&booth).await;
        self.errors(&booth).await;
        let Some(profile) = self.profile(&booth).await else {
            return Ok(());
        };
        let other = self.second(&booth).await?;
        self.schools(&booth).await;
        self.identities(&booth, &profile).await;
        self.cases(&booth, &profile).await;
        self.visit(&booth, other.as_ref(), &profile).await;
        self.offline(&booth, &profile).await;
        self.news(&booth, other.as_ref()).await;
        self.another_key(&booth).await?;
        self.revocation().await
    }

    /// Asks until the effect is there or patience ends.
    async fn wait_for(&self, booth: &Booth, effect: &Effect<'_>) -> bool {
        let step = Duration::from_millis(50).min(self.options.patience);
        let mut waited = Duration::ZERO;
        loop {
            if self.is_there(booth, effect).await {
                return true;
            }
            if waited >= self.options.patience {
                return false;
            }
            tokio::time::sleep(step).await;
            waited += step;
        }
    }

    async fn is_there(&self, booth: &Booth, effect: &Effect<'_>) -> bool {
        match effect {
            Effect::Paid(order) => self.is_paid(booth, order).await,
            Effect::Decided(record_id, wanted) => self.state(booth, *record_id).await == Some(*wanted),
            Effect::ShutOut => {
                let reply = self.wire.send(self.get(booth, "/v1/profile")).await;
                reply.is_ok_and(|reply| reply.status != 200)
            }
        }
    }

    /// A letter of this station, signed now.
    fn letter(&self, booth: &Booth, method: reqwest::Method, path: &str) -> Letter {
        self.wire.letter(Some(&booth.key), method, path)
    }

    fn get(&self, booth: &Booth, path: &str) -> Letter {
        self.letter(booth, reqwest::Method::GET, path)
    }

    fn post(&self, booth: &Booth, path: &str, body: &impl serde::Serialize) -> Letter {
        self.letter(booth, reqwest::Method::POST, path).json(body)
    }
}

/// What somebody's hands bring about.
enum Effect<'a> {
    Paid(&'a Order),
    Decided(Uuid, CollectionState),
    ShutOut,
}

/// States of a photo that owes nothing; a test server may decide by itself.
const REVIEWED_OR_WAITING: [CollectionState; 3] = [
    CollectionState::UnderReview,
    CollectionState::Approved,
    CollectionState::Rejected,
];

/// What was seen instead of what was expected.
fn fault(seen: impl Into<String>) -> Seen {
    Seen::Fault(seen.into())
}

/// Why a point could not be asked.
fn skip(why: impl Into<String>) -> Seen {
    Seen::Skip(why.into())
}

/// A fault where the condition does not hold.
fn holds(condition: bool, otherwise: &str) -> Result<(), Seen> {
    if condition { Ok(()) } else { Err(fault(otherwise)) }
}
