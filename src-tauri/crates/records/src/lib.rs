//! The station's memory: visits, photos, outbox and audit in one encrypted SQLite database.
//!
//! A submitted photo must survive a power cut one millisecond later and must never be taken for delivered
//! when it is not. So record, photo blobs, outbox entry and audit row commit in one transaction
//! ([`Store::submit`]; a photo's bytes may be there before, sealed: [`Store::set_aside`]), a record's life is decided in one function ([`RecordState::after`]), and an attempt to
//! send is written down before it is made ([`Store::begin_attempt`]).
//!
//! Time comes in from outside as `now`; stored times have millisecond precision. The network is not this
//! crate's business: the sync loop asks [`Store::next_due`] what to send and tells
//! [`Store::finish_attempt`] what came of it.

mod audit;
pub mod backup;
mod carry;
pub mod key;
mod life;
mod notes;
mod open;
mod picture;
mod purge;
mod queue;
mod record;
mod rekey;
mod revoked;
mod shelf;
mod verify;
mod visit;

use std::path::PathBuf;

pub use audit::Row as HistoryRow;
pub use carry::{Carry, Parcel, Taken};
pub use key::{Key, KeyPlace};
pub use life::{Event, Impossible, LONGEST_WAIT, PersonReason, RecordState, Review, UnknownState, back_off};
pub use open::{FILE_NAME, NEWEST, Store};
pub use picture::SetAside;
pub use purge::{Forgotten, Kept, PurgeReport};
pub use queue::LEASE;
pub use record::{
    Attempt, AttemptNote, AttemptResult, AuditNote, Change, ChangeOutcome, Counts, Filter, Identity,
    MaskedIdentity, NewRecord, Outgoing, Payment, PhotoKind, Receipt, ReceiptNote, RecordDetail, RecordId,
    RecordRow, ReviewNote, Secret, Submitted,
};
pub use rekey::rotate_key;
pub use verify::{Depth, Fault, VerifyReport};
pub use visit::{VisitFigures, VisitId, VisitOutcome, VisitRow};

/// Shorthand for this crate's results.
pub type Result<T, E = RecordsError> = std::result::Result<T, E>;

/// What can go wrong with the station's memory, and what to do about it. Never carries a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// The key does not open the database.
    #[error(
        "the key does not open {}: it is another station's key, or the file's first page is damaged; \
         nothing was changed", path.display()
    )]
    WrongKey {
        /// The database.
        path: PathBuf,
    },
    /// There is a database but its key is gone.
    #[error(
        "the key of the database in {} is lost; nothing was changed: bring the key back (keyring entry or \
         records.key), or move the database away to begin a new one", dir.display()
    )]
    KeyLost {
        /// The data directory.
        dir: PathBuf,
    },
    /// There was a database here and now there is none, or an empty file.
    #[error(
        "the database in {} is gone; nothing was changed: bring it back, or restore a backup (photo-station \
         queue restore), or delete {} there to begin a new one", dir.display(), open::BEGUN
    )]
    DatabaseGone {
        /// The data directory.
        dir: PathBuf,
    },
    /// The key lies in a keyring that does not answer now.
    #[error("the keyring that holds the database's key does not answer ({why}); unlock it and try again")]
    KeyringUnreachable {
        /// What the keyring said.
        why: String,
    },
    /// The key file is not one.
    #[error("{} is not a key file (64 hexadecimal digits); nothing was changed", path.display())]
    KeyFileMalformed {
        /// The file.
        path: PathBuf,
    },
    /// A newer program has written the database.
    #[error(
        "the database has version {found}, this program knows up to {known}: install the newer program again; \
         nothing was changed"
    )]
    Newer {
        /// Version found.
        found: u32,
        /// Newest version this program knows.
        known: u32,
    },
    /// The file is some other program's database.
    #[error("{} is a database of another program; nothing was changed", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// No space for another write. What was kept before is safe.
    #[error("the disk is full; nothing of this step was kept: make room and try again")]
    DiskFull,
    /// Another process writes for too long.
    #[error("the database is busy; try again")]
    Busy,
    /// The file or disk cannot be written.
    #[error("the database cannot be written (read-only disk or permissions)")]
    ReadOnly,
    /// The disk fails.
    #[error("the disk fails; nothing of this step was kept: check its cable and health")]
    DiskFails,
    /// What was read is not what was written.
    #[error("the database is damaged ({what}); keep the file and run `queue verify`")]
    Damaged {
        /// What did not fit, without secrets.
        what: String,
    },
    /// No such record.
    #[error("there is no record {0}")]
    NotFound(RecordId),
    /// A record with this id exists and is another one.
    #[error("record {0} exists with other contents; nothing was written")]
    Conflict(RecordId),
    /// An attempt for this record is already under way.
    #[error("record {0} is being sent already")]
    AlreadySending(RecordId),
    /// The photos are deleted.
    #[error("the photos of record {0} were deleted, after delivery or at the student's request")]
    Purged(RecordId),
    /// An event that does not fit the record's state.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// Something handed in is not acceptable.
    #[error("{0}")]
    BadInput(&'static str),
    /// No visit with this id is under way.
    #[error("this visit is not under way")]
    NoSuchVisit,
    /// A copy does not overwrite.
    #[error("{} exists already; choose another name", .0.display())]
    FileExists(PathBuf),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// Anything else SQLite says.
    #[error("database: {0}")]
    Database(rusqlite::Error),
}

impl RecordsError {
    /// True when trying again cannot help before a person has done something.
    pub fn is_permanent(&self) -> bool {
        !matches!(
            self,
            RecordsError::KeyringUnreachable { .. }
                | RecordsError::DiskFull
                | RecordsError::DiskFails
                | RecordsError::ReadOnly
                | RecordsError::Busy
                | RecordsError::AlreadySending(_)
                | RecordsError::Random
        )
    }

    pub(crate) fn damaged(what: impl Into<String>) -> RecordsError {
        RecordsError::Damaged { what: what.into() }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> RecordsError {
        let path = path.into();
        move |source| RecordsError::File { path, source }
    }
}

impl From<rusqlite::Error> for RecordsError {
    fn from(error: rusqlite::Error) -> RecordsError {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => RecordsError::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => RecordsError::Busy,
            // The log cannot be made beside a database that could be opened.
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => RecordsError::ReadOnly,
            Some(ErrorCode::SystemIoFailure) => RecordsError::DiskFails,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                RecordsError::damaged("SQLite finds a malformed page")
            }
            _ => RecordsError::Database(error),
        }
    }
}
