//! What the vendor's staff do with stations beside a running backend: see them, shut one out, hand out an activation
//! code. Each opens the database, does one thing in one transaction, and closes it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::database::{Database, FILE, meta, timestamp};
use crate::fault::Fault;
use crate::photos::{Embedded, Photos, Remote};
use crate::{BackendError, Store, fresh_activation_code, stations};

/// A station as the vendor knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StationRow {
    /// Its name at the backend.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its program.
    pub software: String,
    /// When it was first enrolled.
    pub enrolled_at: Timestamp,
    /// Since when it is shut out.
    pub revoked_at: Option<Timestamp>,
}

pub(crate) fn open(store: &Store) -> Result<Database, BackendError> {
    let database = match store {
        Store::Folder(data) if !data.join(FILE).is_file() => {
            return Err(BackendError::Database(format!(
                "there is none in {}",
                data.display()
            )));
        }
        Store::Folder(data) => Database::embedded(Some(data)),
        Store::Postgres(url, _) => Database::shared(url.expose()),
    };
    Ok(database.map_err(Fault::from)?)
}

/// Where the store's photos are.
pub(crate) fn photos(store: &Store, database: &Database) -> Result<Arc<dyn Photos>, BackendError> {
    match store {
        Store::Postgres(_, Some(bucket)) => Ok(Arc::new(Remote::open(bucket)?)),
        _ => Ok(Arc::new(Embedded(database.clone()))),
    }
}

/// Every station, the newest first.
///
/// # Errors
/// [`BackendError::Database`].
pub fn stations(store: &Store) -> Result<Vec<StationRow>, BackendError> {
    let rows = open(store)?.now(|tx| {
        let sql =
            "SELECT id, name, software, enrolled_at, revoked_at FROM stations ORDER BY enrolled_at DESC, id";
        Ok(tx.rows(sql, (), |row| {
            Ok(StationRow {
                id: row.get(0)?,
                name: row.get(1)?,
                software: row.get(2)?,
                enrolled_at: timestamp(row.get(3)?),
                revoked_at: row.get::<Option<i64>>(4)?.map(timestamp),
            })
        })?)
    })?;
    Ok(rows)
}

/// Shuts a station out. `false` where there is none of this name, or it was revoked before.
///
/// # Errors
/// [`BackendError::Database`].
pub fn revoke(store: &Store, station_id: &str, now: Timestamp) -> Result<bool, BackendError> {
    Ok(open(store)?.now(|tx| stations::revoke(tx, station_id, now))?)
}

/// A fresh one-time activation code: for a new station, or for one that was revoked. With a school the station serves
/// that one and sees no other's students.
///
/// # Errors
/// [`BackendError::NoSuchSchool`], [`BackendError::Database`].
pub fn activation_code(store: &Store, school_id: Option<&str>) -> Result<String, BackendError> {
    let code = fresh_activation_code()?;
    let made = open(store)?.now(|tx| {
        let mac_key = meta(tx, "mac_key", || Err(Fault::Broken("the backend never ran")))?;
        stations::add_activation(tx, &mac_key, &code, school_id)
    })?;
    if made {
        Ok(code)
    } else {
        Err(BackendError::NoSuchSchool(
            school_id.unwrap_or_default().to_owned(),
        ))
    }
}
