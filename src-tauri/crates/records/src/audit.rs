//! Who did what, in rows that cannot be changed or dropped unseen.
//!
//! Each row carries the hash of its own contents and of the row before it *about the same subject*, so that a
//! record's history can travel in a bundle and still be checked; and a second hash that runs over all rows in
//! order, so that a whole history cannot vanish. This finds accidents and clumsy hands; whoever has the key
//! and rewrites every row after the first is beyond it (receipts at the backend are the other witness).

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use crate::{RecordId, RecordState, Result};

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actor {
    Student,
    Station,
    Backend,
    Staff,
}

impl Actor {
    fn as_str(self) -> &'static str {
        match self {
            Actor::Student => "student",
            Actor::Station => "station",
            Actor::Backend => "backend",
            Actor::Staff => "staff",
        }
    }
}

/// One row to write.
pub(crate) struct Entry<'a> {
    /// `None`: about the station itself.
    pub(crate) subject: Option<RecordId>,
    pub(crate) actor: Actor,
    /// Kebab-case.
    pub(crate) what: &'a str,
    /// The record's state afterwards.
    pub(crate) state: Option<RecordState>,
    /// Never secret.
    pub(crate) detail: Option<&'a str>,
    /// Milliseconds.
    pub(crate) at: i64,
}

/// A row as stored, and as it travels with its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Milliseconds since 1970.
    pub at: i64,
    /// The record's id; empty for the station itself.
    pub subject: String,
    /// `student`, `station`, `backend`, `staff`.
    pub actor: String,
    /// What happened, kebab-case.
    pub what: String,
    /// The record's state afterwards.
    pub state: Option<String>,
    /// Particulars, never secret.
    pub detail: Option<String>,
    /// The hash of the row before about the same subject; empty for the first.
    pub previous: String,
    /// SHA-256 over everything above, lower hex.
    pub hash: String,
}

impl Row {
    pub(crate) const COLUMNS: &str = "at, subject, actor, what, state, detail, previous, hash";

    pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
        Ok(Row {
            at: row.get(0)?,
            subject: row.get(1)?,
            actor: row.get(2)?,
            what: row.get(3)?,
            state: row.get(4)?,
            detail: row.get(5)?,
            previous: row.get(6)?,
            hash: row.get(7)?,
        })
    }

    /// SHA-256 over the fields, each led by its length so that none can flow into the next.
    pub(crate) fn computed_hash(&self) -> String {
        let mut hash = Sha256::new();
        let at = self.at.to_string();
        let optional =
            |text: &Option<String>| text.as_ref().map_or_else(String::new, |text| format!("+{text}"));
        for field in [
            "photo-station audit row 1",
            &self.previous,
            &at,
            &self.subject,
            &self.actor,
            &self.what,
            &optional(&self.state),
            &optional(&self.detail),
        ] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        hex::encode(hash.finalize())
    }
}

/// The hash over all rows up to one, from that up to its predecessor.
pub(crate) fn chained(previous_chain: &str, hash: &str) -> String {
    let mut chain = Sha256::new();
    chain.update(b"photo-station audit chain 1");
    chain.update(previous_chain.as_bytes());
    chain.update(b"/");
    chain.update(hash.as_bytes());
    hex::encode(chain.finalize())
}

/// Appends one row.
pub(crate) fn append(tx: &Transaction<'_>, entry: &Entry<'_>) -> Result<()> {
    let subject = entry.subject.map_or_else(String::new, |id| id.to_string());
    let previous: Option<String> = tx
        .prepare_cached("SELECT hash FROM audit WHERE subject = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([&subject], |row| row.get(0))
        .optional()?;
    let mut row = Row {
        at: entry.at,
        subject,
        actor: entry.actor.as_str().to_owned(),
        what: entry.what.to_owned(),
        state: entry.state.map(|state| state.as_str().to_owned()),
        detail: entry.detail.map(str::to_owned),
        previous: previous.unwrap_or_default(),
        hash: String::new(),
    };
    row.hash = row.computed_hash();
    append_row(tx, &row)
}

/// Appends a row that already has its hash: one of this station's, or one that came in a bundle.
pub(crate) fn append_row(tx: &Transaction<'_>, row: &Row) -> Result<()> {
    let before: String = tx
        .prepare_cached("SELECT chain FROM audit_head")?
        .query_row([], |row| row.get(0))?;
    let chain = chained(&before, &row.hash);
    tx.prepare_cached(
        "INSERT INTO audit (at, subject, actor, what, state, detail, previous, hash, chain)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        row.at,
        row.subject,
        row.actor,
        row.what,
        row.state,
        row.detail,
        row.previous,
        row.hash,
        chain
    ])?;
    tx.prepare_cached("UPDATE audit_head SET rows = rows + 1, chain = ?1")?
        .execute([chain])?;
    Ok(())
}

/// True when every row's hash is right and follows its predecessor's: a whole history of this subject.
pub(crate) fn is_whole(rows: &[Row], subject: &str) -> bool {
    let mut previous = "";
    rows.iter().all(|row| {
        let fits = row.subject == subject && row.previous == previous && row.computed_hash() == row.hash;
        previous = &row.hash;
        fits
    })
}

/// All rows about one subject, oldest first.
pub(crate) fn history(db: &Connection, subject: &str) -> Result<Vec<Row>> {
    let sql = format!(
        "SELECT {} FROM audit WHERE subject = ?1 ORDER BY seq",
        Row::COLUMNS
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([subject], Row::read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
