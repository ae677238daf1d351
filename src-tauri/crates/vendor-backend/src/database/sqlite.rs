//! The embedded store: one SQLite file (or memory) and one writer.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use super::tx::{StoreError, Tx};
use crate::fault::Fault;

/// The store's name in its folder.
pub(crate) const FILE: &str = "backend.sqlite3";

/// Each entry brings the schema one version further; entries are never changed once released.
pub(crate) const MIGRATIONS: [&str; 9] = [
    // 1: everything of the first release. Times are microseconds since 1970. Columns named `*_mac` hold
    // HMAC-like digests under this database's own key: what a student shows or types is not kept in clear.
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
     CREATE TABLE activation_codes (
         code_mac BLOB PRIMARY KEY, reusable INTEGER NOT NULL, used_by TEXT) WITHOUT ROWID;
     CREATE TABLE stations (
         id TEXT PRIMARY KEY, name TEXT NOT NULL, key_id TEXT NOT NULL UNIQUE, public_key TEXT NOT NULL,
         software TEXT NOT NULL, enrolled_at INTEGER NOT NULL, revoked_at INTEGER) WITHOUT ROWID;
     CREATE TABLE nonces (
         key_id TEXT NOT NULL, nonce TEXT NOT NULL, keep_until INTEGER NOT NULL,
         PRIMARY KEY (key_id, nonce)) WITHOUT ROWID;
     CREATE INDEX nonces_by_end ON nonces (keep_until);
     CREATE TABLE idempotent (
         station_id TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, answer TEXT NOT NULL,
         at INTEGER NOT NULL, PRIMARY KEY (station_id, key)) WITHOUT ROWID;
     CREATE TABLE schools (
         id TEXT PRIMARY KEY, name TEXT NOT NULL, levels TEXT NOT NULL, session_code TEXT,
         window_from TEXT, window_to TEXT, class_payment INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
     CREATE TABLE students (
         id TEXT PRIMARY KEY, masked_name TEXT NOT NULL, masked_id TEXT NOT NULL,
         last_four_mac BLOB NOT NULL) WITHOUT ROWID;
     CREATE TABLE academic_records (
         id TEXT PRIMARY KEY, student_id TEXT NOT NULL REFERENCES students, school_id TEXT NOT NULL REFERENCES schools,
         level TEXT NOT NULL, major TEXT NOT NULL, year INTEGER NOT NULL, eligible INTEGER NOT NULL DEFAULT 1,
         code_mac BLOB NOT NULL UNIQUE, number_mac BLOB NOT NULL UNIQUE,
         paid INTEGER NOT NULL DEFAULT 0, collection TEXT NOT NULL DEFAULT 'none', rejection TEXT) WITHOUT ROWID;
     CREATE INDEX academic_records_by_student ON academic_records (student_id);
     CREATE TABLE identities (
         token_mac BLOB PRIMARY KEY, station_id TEXT NOT NULL, student_id TEXT NOT NULL REFERENCES students,
         code_record_id TEXT, expires_at INTEGER NOT NULL) WITHOUT ROWID;
     CREATE INDEX identities_by_end ON identities (expires_at);
     CREATE TABLE wrong_proofs (
         subject_mac BLOB PRIMARY KEY, wrong INTEGER NOT NULL, since INTEGER NOT NULL,
         locked_until INTEGER NOT NULL) WITHOUT ROWID;
     CREATE TABLE orders (
         id TEXT PRIMARY KEY, academic_record_id TEXT NOT NULL REFERENCES academic_records,
         amount_fen INTEGER NOT NULL, state TEXT NOT NULL, pay_token TEXT NOT NULL UNIQUE,
         created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, paid_at INTEGER) WITHOUT ROWID;
     CREATE UNIQUE INDEX one_open_order ON orders (academic_record_id) WHERE state = 'open';
     CREATE TABLE captures (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, record_id TEXT NOT NULL UNIQUE, station_id TEXT NOT NULL,
         academic_record_id TEXT NOT NULL REFERENCES academic_records, standard_sha256 TEXT NOT NULL,
         original_sha256 TEXT NOT NULL, receipt TEXT NOT NULL, state TEXT NOT NULL, rejection TEXT,
         about TEXT NOT NULL, captured_at INTEGER NOT NULL, received_at INTEGER NOT NULL, decided_at INTEGER);
     CREATE UNIQUE INDEX one_live_photo ON captures (academic_record_id)
         WHERE state IN ('under-review', 'approved');
     CREATE UNIQUE INDEX one_unpaid_photo ON captures (academic_record_id) WHERE state = 'awaiting-payment';
     CREATE TABLE files (
         record_id TEXT NOT NULL REFERENCES captures (record_id), kind TEXT NOT NULL, media_type TEXT NOT NULL,
         sha256 TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (record_id, kind));
     CREATE TABLE changes (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, station_id TEXT NOT NULL, record_id TEXT NOT NULL,
         at INTEGER NOT NULL, what TEXT NOT NULL);
     CREATE INDEX changes_by_station ON changes (station_id, seq);",
    // 2: collection codes that were replaced by newer ones.
    "CREATE TABLE expired_codes (code_mac BLOB PRIMARY KEY) WITHOUT ROWID;",
    // 3: records that another station may bring as well, their histories, and keys that were replaced.
    "CREATE TABLE holders (
         record_id TEXT NOT NULL REFERENCES captures (record_id), station_id TEXT NOT NULL,
         PRIMARY KEY (record_id, station_id)) WITHOUT ROWID;
     INSERT INTO holders SELECT record_id, station_id FROM captures;
     CREATE TABLE histories (
         record_id TEXT NOT NULL REFERENCES captures (record_id), station_id TEXT NOT NULL, history TEXT NOT NULL,
         PRIMARY KEY (record_id, station_id)) WITHOUT ROWID;
     CREATE TABLE retired_keys (
         key_id TEXT PRIMARY KEY, public_key TEXT NOT NULL, station_id TEXT NOT NULL REFERENCES stations,
         retired_at INTEGER NOT NULL) WITHOUT ROWID;",
    // 4: who may see an order: the stations that asked for it. Stations that serve one school.
    "CREATE TABLE order_stations (
         order_id TEXT NOT NULL REFERENCES orders, station_id TEXT NOT NULL,
         PRIMARY KEY (order_id, station_id)) WITHOUT ROWID;
     INSERT OR IGNORE INTO order_stations SELECT answer, station_id FROM idempotent
         WHERE answer IN (SELECT id FROM orders);
     ALTER TABLE activation_codes ADD COLUMN school_id TEXT REFERENCES schools;
     ALTER TABLE stations ADD COLUMN school_id TEXT REFERENCES schools;",
    // 5: each station counts its own changes, so that whoever counts one waits for the one before it.
    "CREATE TABLE change_heads (station_id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
     INSERT INTO change_heads SELECT station_id, max(seq) FROM changes GROUP BY station_id;
     CREATE TABLE counted_changes (
         station_id TEXT NOT NULL, seq INTEGER NOT NULL, record_id TEXT NOT NULL, at INTEGER NOT NULL,
         what TEXT NOT NULL, PRIMARY KEY (station_id, seq)) WITHOUT ROWID;
     INSERT INTO counted_changes SELECT station_id, seq, record_id, at, what FROM changes;
     DROP TABLE changes;
     ALTER TABLE counted_changes RENAME TO changes;",
    // 6: the review desk: reviewers and who of them is in, which photo is before whom, what each said. What stations
    // warned of and what photos were refused for, to be counted.
    "CREATE TABLE reviewers (
         name TEXT PRIMARY KEY, role TEXT NOT NULL, token_mac BLOB NOT NULL UNIQUE, added_at INTEGER NOT NULL,
         gone_at INTEGER) WITHOUT ROWID;
     CREATE TABLE review_sessions (
         session_mac BLOB PRIMARY KEY, reviewer TEXT NOT NULL, role TEXT NOT NULL, ends_at INTEGER NOT NULL)
         WITHOUT ROWID;
     CREATE TABLE leases (
         record_id TEXT PRIMARY KEY REFERENCES captures (record_id), session_mac BLOB NOT NULL,
         reviewer TEXT NOT NULL, ends_at INTEGER NOT NULL) WITHOUT ROWID;
     CREATE INDEX leases_by_session ON leases (session_mac);
     CREATE TABLE words (
         record_id TEXT NOT NULL REFERENCES captures (record_id), reviewer TEXT NOT NULL, decision TEXT NOT NULL,
         at INTEGER NOT NULL, PRIMARY KEY (record_id, reviewer)) WITHOUT ROWID;
     CREATE TABLE findings (
         record_id TEXT NOT NULL REFERENCES captures (record_id), code TEXT NOT NULL,
         PRIMARY KEY (record_id, code)) WITHOUT ROWID;
     CREATE TABLE grounds (
         record_id TEXT NOT NULL REFERENCES captures (record_id), code TEXT NOT NULL,
         PRIMARY KEY (record_id, code)) WITHOUT ROWID;
     CREATE INDEX captures_by_arrival ON captures (received_at);",
    // 7: what is known of an order at the payment provider.
    "CREATE TABLE payments (
         order_id TEXT PRIMARY KEY REFERENCES orders, trade_no TEXT NOT NULL UNIQUE, outcome TEXT NOT NULL,
         code_url TEXT, coded_at INTEGER NOT NULL, asked_at INTEGER NOT NULL) WITHOUT ROWID;
     CREATE INDEX open_payments_by_look ON payments (asked_at) WHERE outcome = 'open';",
    // 8: what was handed over to schools, and in which batch.
    "CREATE TABLE batches (
         school_id TEXT NOT NULL REFERENCES schools, number INTEGER NOT NULL, made_at INTEGER NOT NULL,
         done_at INTEGER, PRIMARY KEY (school_id, number)) WITHOUT ROWID;
     CREATE TABLE batched (
         record_id TEXT PRIMARY KEY REFERENCES captures (record_id), school_id TEXT NOT NULL, number INTEGER NOT NULL)
         WITHOUT ROWID;
     CREATE INDEX batched_by_batch ON batched (school_id, number, record_id);",
    // 9: photos at places of their own, which files name; an hour that never was holds those of before.
    "CREATE TABLE photos (place TEXT PRIMARY KEY, bytes BLOB NOT NULL);
     INSERT INTO photos SELECT '0000000000/' || sha256 || '-' || record_id || '-' || kind, bytes FROM files;
     CREATE TABLE placed_files (
         record_id TEXT NOT NULL REFERENCES captures (record_id), kind TEXT NOT NULL, media_type TEXT NOT NULL,
         sha256 TEXT NOT NULL, length INTEGER NOT NULL, place TEXT NOT NULL UNIQUE, PRIMARY KEY (record_id, kind));
     INSERT INTO placed_files
         SELECT record_id, kind, media_type, sha256, length(bytes),
             '0000000000/' || sha256 || '-' || record_id || '-' || kind FROM files;
     DROP TABLE files;
     ALTER TABLE placed_files RENAME TO files;",
];

/// The one connection.
#[derive(Clone)]
pub(super) struct Sqlite(Arc<Mutex<Connection>>);

impl Sqlite {
    pub(super) fn open(folder: Option<&Path>) -> rusqlite::Result<Sqlite> {
        let mut connection = match folder {
            Some(folder) => Connection::open(folder.join(FILE))?,
            None => Connection::open_in_memory()?,
        };
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 5000;",
        )?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: usize = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        for migration in MIGRATIONS.iter().skip(version) {
            transaction.execute_batch(migration)?;
        }
        if version < MIGRATIONS.len() {
            transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
        }
        transaction.commit()?;
        Ok(Sqlite(Arc::new(Mutex::new(connection))))
    }

    pub(super) fn now<T>(&self, work: impl Fn(&Tx<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        // A panic under the lock has rolled its transaction back: the connection is as good as before.
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let result = work(&Tx::sqlite(&transaction))?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captures::{STANDARD, file};
    use crate::database::Database;
    use crate::photos::{Embedded, read};

    /// Photos that stood beside their names, and changes that were counted together.
    const OF_BEFORE: &str = "INSERT INTO schools (id, name, levels) VALUES ('s', 's', '[]');
        INSERT INTO students VALUES ('st', 'x', 'x', x'00');
        INSERT INTO academic_records (id, student_id, school_id, level, major, year, code_mac, number_mac)
            VALUES ('a', 'st', 's', 'l', 'm', 2026, x'01', x'02');
        INSERT INTO captures (record_id, station_id, academic_record_id, standard_sha256, original_sha256, receipt,
            state, about, captured_at, received_at)
            VALUES ('00000000-0000-0000-0000-000000000001', 'one', 'a', '', '', '', 'approved', '', 0, 0);
        INSERT INTO files VALUES ('00000000-0000-0000-0000-000000000001', 'standard', 'image/jpeg',
            'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', x'616263');
        INSERT INTO changes (station_id, record_id, at, what)
            VALUES ('one', 'r', 0, '1'), ('two', 'r', 0, '2'), ('one', 'r', 0, '3');";

    #[tokio::test]
    async fn a_database_of_before_keeps_its_photos_and_its_cursors() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join(FILE)).unwrap();
        for migration in &MIGRATIONS[..4] {
            old.execute_batch(migration).unwrap();
        }
        old.execute_batch(OF_BEFORE).unwrap();
        old.pragma_update(None, "user_version", 4).unwrap();
        drop(old);

        let database = Database::embedded(Some(folder.path())).unwrap();
        let found = |tx: &Tx<'_>| file(tx, uuid::Uuid::from_u128(1), STANDARD);
        let kept = database.run(found).await.unwrap().unwrap();
        assert_eq!((kept.length, kept.media_type.as_str()), (3, "image/jpeg"));
        assert_eq!(read(&Embedded(database.clone()), &kept).await.unwrap(), b"abc");
        let counted = database.now(|tx| {
            let sql = "SELECT seq FROM changes WHERE station_id = 'one' UNION ALL SELECT seq FROM change_heads ORDER BY 1";
            Ok(tx.rows(sql, (), |row| row.get::<i64>(0))?)
        });
        assert_eq!(
            counted.unwrap(),
            [1, 2, 3, 3],
            "a station's cursor goes on where it was"
        );
    }
}
