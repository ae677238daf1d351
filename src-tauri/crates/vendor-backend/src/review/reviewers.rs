//! Who may review: people with names, each with a token of their own, made beside the running backend.

use jiff::Timestamp;
use serde::Serialize;

use crate::database::{Optional as _, Tx, meta, micros, timestamp};
use crate::fault::Fault;
use crate::people::mac;
use crate::{BackendError, Store, office, random_word};

/// What whoever holds the token of the start is called: leads, and is on no list.
pub(super) const AT_THE_START: &str = "启动口令";
/// A name stands on the page and in the book of words.
const LONGEST_NAME: usize = 40;

/// What a reviewer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reviews.
    Reviewer,
    /// Reviews, settles what two others disagree about, sees the figures.
    Lead,
}

impl Role {
    /// The word it is written by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Reviewer => "reviewer",
            Role::Lead => "lead",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Role, String> {
        [Role::Reviewer, Role::Lead]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "reviewer or lead".to_owned())
    }
}

/// A reviewer as the vendor knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewerRow {
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Since when they may.
    pub added_at: Timestamp,
    /// Since when they may no more.
    pub gone_at: Option<Timestamp>,
}

fn token_mac(key: &[u8], token: &str) -> Vec<u8> {
    mac(key, "reviewer", &[token.as_bytes()])
}

/// Lets a reviewer in from now on, and gives their token, which is shown this once. A name that is here already gets a
/// fresh token; the old one is worth nothing any more.
///
/// # Errors
/// [`BackendError::Settings`] for a name that is none, [`BackendError::Database`].
pub fn add(store: &Store, name: &str, role: Role, now: Timestamp) -> Result<String, BackendError> {
    let name = name.trim();
    let usable = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !usable || name == AT_THE_START {
        return Err(BackendError::Settings(format!(
            "a reviewer's name has 1 to {LONGEST_NAME} characters, and is not {AT_THE_START}"
        )));
    }
    let token = random_word(16)?;
    office::open(store)?.now(|tx| {
        let key = meta(tx, "mac_key", || Err(Fault::Broken("the backend never ran")))?;
        tx.execute(
            "INSERT INTO reviewers (name, role, token_mac, added_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET role = ?2, token_mac = ?3, added_at = ?4, gone_at = NULL",
            (name, role.as_str(), token_mac(&key, &token), micros(now)),
        )?;
        send_home(tx, name)
    })?;
    Ok(token)
}

/// Lets a reviewer in no more; what is before them goes back. `false` where there is nobody of this name.
///
/// # Errors
/// [`BackendError::Database`].
pub fn remove(store: &Store, name: &str, now: Timestamp) -> Result<bool, BackendError> {
    let gone = office::open(store)?.now(|tx| {
        let changed = tx.execute(
            "UPDATE reviewers SET gone_at = ?2 WHERE name = ?1 AND gone_at IS NULL",
            (name, micros(now)),
        )?;
        send_home(tx, name)?;
        Ok(changed == 1)
    })?;
    Ok(gone)
}

/// Ends whatever a reviewer has open.
fn send_home(tx: &Tx<'_>, name: &str) -> Result<(), Fault> {
    tx.execute(
        "DELETE FROM leases WHERE session_mac IN (SELECT session_mac FROM review_sessions WHERE reviewer = ?1)",
        [name],
    )?;
    tx.execute("DELETE FROM review_sessions WHERE reviewer = ?1", [name])?;
    Ok(())
}

/// Everybody who reviews or once did, by name.
///
/// # Errors
/// [`BackendError::Database`].
pub fn all(store: &Store) -> Result<Vec<ReviewerRow>, BackendError> {
    let rows = office::open(store)?.now(|tx| {
        let sql = "SELECT name, role, added_at, gone_at FROM reviewers ORDER BY name";
        Ok(tx.rows(sql, (), |row| {
            Ok(ReviewerRow {
                name: row.get(0)?,
                role: role(&row.get::<String>(1)?),
                added_at: timestamp(row.get(2)?),
                gone_at: row.get::<Option<i64>>(3)?.map(timestamp),
            })
        })?)
    })?;
    Ok(rows)
}

/// A stored role; the lesser one for a word no version wrote.
pub(super) fn role(stored: &str) -> Role {
    stored.parse().unwrap_or(Role::Reviewer)
}

/// Whose token is this?
pub(super) fn holder(tx: &Tx<'_>, key: &[u8], token: &str) -> Result<Option<(String, Role)>, Fault> {
    let found: Option<(String, String)> = tx
        .query_row(
            "SELECT name, role FROM reviewers WHERE token_mac = ?1 AND gone_at IS NULL",
            [token_mac(key, token)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found.map(|(name, stored)| (name, role(&stored))))
}
