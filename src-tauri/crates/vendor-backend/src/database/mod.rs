//! The store: SQLite embedded in this program, or a PostgreSQL that many processes share. Every request is one
//! transaction, written once for both.
//!
//! What must happen once is held by a constraint, not by the order of statements: a record id, a receipt
//! number, a nonce, an idempotency key, one open order and one live photo for an academic record.

mod postgres;
mod sqlite;
mod tx;

use std::path::Path;

use jiff::Timestamp;

pub(crate) use sqlite::{FILE, MIGRATIONS};
pub(crate) use tx::{Optional, Row, StoreError, Tx};

use crate::fault::Fault;

/// The store; cheap to clone.
#[derive(Clone)]
pub(crate) struct Database(Kind);

#[derive(Clone)]
enum Kind {
    Embedded(sqlite::Sqlite),
    Shared(postgres::Pool),
}

impl Database {
    /// Opens [`FILE`] in the folder, or a database in memory, and brings its schema up to date.
    pub(crate) fn embedded(folder: Option<&Path>) -> Result<Database, StoreError> {
        Ok(Database(Kind::Embedded(sqlite::Sqlite::open(folder)?)))
    }

    /// Connects to a PostgreSQL, `postgres://user@host/name`, and brings its schema up to date. Not on an async thread.
    pub(crate) fn shared(url: &str) -> Result<Database, StoreError> {
        Ok(Database(Kind::Shared(postgres::Pool::open(url)?)))
    }

    /// Runs `work` as one transaction away from the async threads; a fault rolls everything back. Where others were in
    /// the way it runs again from the beginning: it does nothing but read and write the transaction.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let permit = match &self.0 {
            Kind::Embedded(_) => None,
            Kind::Shared(pool) => Some(pool.turn().await?),
        };
        let database = self.clone();
        tokio::task::spawn_blocking(move || {
            let result = database.now(work);
            drop(permit);
            result
        })
        .await
        .map_err(|_| Fault::Broken("a database task died"))?
    }

    /// As [`run`](Self::run), on this very thread, which is no async one.
    pub(crate) fn now<T>(&self, work: impl Fn(&Tx<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        match &self.0 {
            Kind::Embedded(sqlite) => sqlite.now(work),
            Kind::Shared(pool) => pool.now(work),
        }
    }
}

/// A value of the table `meta`, made by `make` the first time.
pub(crate) fn meta(
    tx: &Tx<'_>,
    name: &str,
    make: impl FnOnce() -> Result<Vec<u8>, Fault>,
) -> Result<Vec<u8>, Fault> {
    let found = tx
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
        .optional()?;
    if let Some(value) = found {
        return Ok(value);
    }
    let value = make()?;
    tx.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", (name, &value))?;
    Ok(value)
}

/// A time as it is stored.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A time as it was stored; the epoch for a value no timestamp has.
pub(crate) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A stored enumerated word or JSON text back into its type.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Fault> {
    serde_json::from_str(json).map_err(|_| Fault::Broken("stored JSON cannot be read"))
}

/// JSON text to be stored.
pub(crate) fn written(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|_| Fault::Broken("JSON cannot be written"))
}
