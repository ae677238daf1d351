//! Another key for the database, without a moment in which neither key opens it.
//!
//! 1. The next key is put beside the one in force (`records.key.next`, or a second entry of the keyring named in
//!    `records.keyring.next`), flushed.
//! 2. `SQLCipher` writes every page anew in one transaction with a rollback journal: after a crash `SQLite` brings back
//!    every old page, or none.
//! 3. Everything is verified under the next key; then its file takes the name of the old one, in one renaming.
//!
//! Whoever opens the database between 2 and 3 finds that the old key does not fit, takes the next one and finishes 3
//! ([`crate::key::existing`]).

use std::path::Path;

use fail::fail_point;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use zeroize::Zeroizing;

use crate::audit::{self, Actor, Entry};
use crate::key::{self, KeyPlace, Keyring};
use crate::open::{FILE_NAME, millis, write};
use crate::{Depth, Key, RecordsError, Result, Store};

/// Gives the database in `dir` a new key and returns where it is kept. Nobody else may have the database open. Needs
/// as much free room as the database has, for the journal. Backups made before open with the old key only, which is
/// deleted: make a new one.
///
/// # Errors
/// [`RecordsError::Busy`] while another program has the records open; [`RecordsError::DiskFull`]; as [`key::existing`].
/// After any of them one of the two keys opens the database, and the program finds out which.
pub fn rotate_key(dir: &Path, now: Timestamp) -> Result<KeyPlace> {
    rotate_with(dir, None, now)
}

pub(crate) fn rotate_with(dir: &Path, keyring: Option<&dyn Keyring>, now: Timestamp) -> Result<KeyPlace> {
    let (old, place) = key::existing_with(dir, keyring)?;
    let path = dir.join(FILE_NAME);
    let mut store = Store::open_in(dir, &old)?;
    let report = store.verify(Depth::Full)?;
    if let Some(fault) = report.faults.first() {
        // A page that does not open cannot be written anew, and the old key may be what still reads the rest.
        return Err(RecordsError::damaged(format!(
            "no new key for records with a fault: {}",
            fault.detail
        )));
    }
    let next = key::prepare_next(dir, &place, keyring)?;
    fail_point!("rekey.prepared");
    note(&mut store, "key-change-begun", now)?;
    alone(&store.db)?;
    rekey(&store.db, &next)?;
    fail_point!("rekey.rewritten");
    drop(store);

    let mut store = Store::open(&path, &next)?;
    let report = store.verify(Depth::Full)?;
    if let Some(fault) = report.faults.first() {
        return Err(RecordsError::damaged(format!(
            "under the new key: {}",
            fault.detail
        )));
    }
    fail_point!("rekey.verified");
    key::promote_next(dir, &place, keyring)?;
    fail_point!("rekey.promoted");
    note(&mut store, "key-changed", now)?;
    Ok(place)
}

/// Leaves the log for a rollback journal, which `SQLite` does only for the last connection.
fn alone(db: &Connection) -> Result<()> {
    db.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    let mode: String = db.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode == "delete" {
        Ok(())
    } else {
        Err(RecordsError::Busy)
    }
}

fn rekey(db: &Connection, next: &Key) -> Result<()> {
    let sql = Zeroizing::new(format!("PRAGMA rekey = \"x'{}'\"", next.hex().as_str()));
    match db.query_row(&sql, [], |_| Ok(())).optional() {
        Ok(_) => Ok(()),
        // The error's own words would quote the statement, and with it the key.
        Err(rusqlite::Error::SqliteFailure(error, _)) => {
            Err(rusqlite::Error::SqliteFailure(error, None).into())
        }
        Err(_) => Err(RecordsError::damaged("SQLCipher does not take the new key")),
    }
}

fn note(store: &mut Store, what: &str, now: Timestamp) -> Result<()> {
    let tx = write(&mut store.db)?;
    audit::append(
        &tx,
        &Entry {
            subject: None,
            actor: Actor::Staff,
            what,
            state: None,
            detail: None,
            at: millis(now),
        },
    )?;
    Ok(tx.commit()?)
}
