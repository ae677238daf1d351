//! Opens the database: key, settings that make a commit durable, migrations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fail::fail_point;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use zeroize::Zeroizing;

use crate::key::write_once;
use crate::{Key, RecordsError, Result};

/// The database's name in the station's data directory.
pub const FILE_NAME: &str = "records.db";

/// The file in the data directory that says that a database was begun here: what is gone since was lost.
pub(crate) const BEGUN: &str = "records.begun";

/// "PSTN": marks the file as ours, so that a wrong path is told apart from a damaged file.
const APPLICATION_ID: i32 = 0x5053_544E;

/// How long a writer waits for another process (a `queue` command beside the running window).
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages the log may have before a commit writes it back: 32 MiB, some thirty photos. Every commit is flushed to the
/// log before it counts; when the log is written back changes nothing of that.
const LOG_PAGES: u32 = 8192;

/// One step from a form of the database to the next.
struct Migration {
    /// The form it leads to.
    version: u32,
    /// The oldest program, by the newest form it knows, that can still *read* this form. A new column or
    /// table keeps old readers; a changed meaning does not.
    readable_from: u32,
    sql: &'static str,
}

/// Every step, in order. A step that has been released is never edited; a change is a new file.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        readable_from: 1,
        sql: include_str!("../migrations/0001-first.sql"),
    },
    Migration {
        version: 2,
        readable_from: 1,
        sql: include_str!("../migrations/0002-lists.sql"),
    },
    Migration {
        version: 3,
        readable_from: 3,
        sql: include_str!("../migrations/0003-pictures.sql"),
    },
    Migration {
        version: 4,
        readable_from: 3,
        sql: include_str!("../migrations/0004-figures.sql"),
    },
    Migration {
        version: 5,
        readable_from: 3,
        sql: include_str!("../migrations/0005-orders.sql"),
    },
];

/// The newest form of a database this program knows, as its `user_version`.
pub const NEWEST: u32 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// The station's memory, open.
///
/// One process may open it several times (a writer and readers); WAL lets them read while one writes. A
/// `Store` can move to another thread but not be shared: give each thread its own.
pub struct Store {
    pub(crate) db: Connection,
    /// For further views and backups of the same database.
    pub(crate) key: Key,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(…)")
    }
}

impl Store {
    /// Opens the database at `path`, creating or migrating it.
    ///
    /// # Errors
    /// [`RecordsError::WrongKey`], [`RecordsError::Newer`], [`RecordsError::NotOurs`],
    /// [`RecordsError::DiskFull`], [`RecordsError::ReadOnly`], [`RecordsError::Damaged`]. None of them changes
    /// the file.
    pub fn open(path: &Path, key: &Key) -> Result<Store> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut db = unlock(path, &key.hex(), flags)?;
        check_form(&db, path, false)?;
        fail_point!("store.unlocked");
        // FULL, not NORMAL: in WAL mode NORMAL may lose the last commits at a power cut.
        // Freed pages are overwritten and given back to the disk, so that a purge is one.
        // Temporary structures stay in memory: on disk they would be unencrypted.
        db.execute_batch(
            "PRAGMA auto_vacuum = INCREMENTAL;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;",
        )?;
        db.query_row(
            &format!("PRAGMA wal_autocheckpoint = {LOG_PAGES}"),
            [],
            |_| Ok(()),
        )?;
        migrate(&mut db, path)?;
        let key = key.clone();
        Ok(Store { db, key })
    }

    /// Opens the station's own database in its folder. At the first start it is created; after that a database that
    /// is gone, or is an empty file, is an error and never a new beginning.
    ///
    /// # Errors
    /// [`RecordsError::DatabaseGone`]; as [`Store::open`].
    pub fn open_in(dir: &Path, key: &Key) -> Result<Store> {
        let (path, begun) = (dir.join(FILE_NAME), dir.join(BEGUN));
        let there = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        if !there && begun.exists() {
            return Err(RecordsError::DatabaseGone { dir: dir.to_owned() });
        }
        let store = Store::open(&path, key)?;
        if !begun.exists() {
            write_once(&begun, b"A database was begun here.")?;
        }
        Ok(store)
    }

    /// Opens an existing database for reading only: lists and exports beside a running station, or a
    /// database of a newer program whose form this one can still read.
    ///
    /// # Errors
    /// As [`Store::open`]; every writing method then fails with [`RecordsError::ReadOnly`].
    pub fn open_read_only(path: &Path, key: &Key) -> Result<Store> {
        let db = unlock(path, &key.hex(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        check_form(&db, path, true)?;
        db.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
        let key = key.clone();
        Ok(Store { db, key })
    }

    /// Writes the log back into the database, as far as no reader still needs it: for the time between two students. A
    /// commit does so itself only when the log has grown long ([`LOG_PAGES`]), since whoever commits then waits for it.
    ///
    /// # Errors
    /// Only database errors.
    pub fn settle(&mut self) -> Result<()> {
        Ok(self
            .db
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }

    /// How long a writer waits from now on while another process writes; ten seconds unless told.
    ///
    /// # Errors
    /// Only database errors.
    pub fn set_patience(&mut self, patience: Duration) -> Result<()> {
        Ok(self.db.busy_timeout(patience)?)
    }

    /// A remembered setting.
    ///
    /// # Errors
    /// Only database errors.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        let mut statement = self
            .db
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Remembers a setting; `None` forgets it.
    ///
    /// # Errors
    /// Only database errors.
    pub fn set_setting(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let tx = write(&mut self.db)?;
        put_setting(&tx, name, value)?;
        fail_point!("setting.committing", |_| Err(RecordsError::ReadOnly));
        Ok(tx.commit()?)
    }

    /// Remembers or forgets several settings at once: all of them or none.
    ///
    /// # Errors
    /// Only database errors.
    pub fn set_settings(&mut self, settings: &[(&str, Option<&str>)]) -> Result<()> {
        let tx = write(&mut self.db)?;
        for (name, value) in settings {
            put_setting(&tx, name, *value)?;
        }
        fail_point!("settings.committing");
        Ok(tx.commit()?)
    }

    /// How far the backend's changes feed has been read.
    ///
    /// # Errors
    /// Only database errors.
    pub fn cursor(&self) -> Result<Option<String>> {
        self.setting(CURSOR)
    }

    /// Remembers how far the feed has been read. [`Store::apply_changes`] does so together with a page.
    ///
    /// # Errors
    /// Only database errors.
    pub fn set_cursor(&mut self, cursor: &str) -> Result<()> {
        self.set_setting(CURSOR, Some(cursor))
    }
}

pub(crate) const CURSOR: &str = "changes.cursor";

pub(crate) fn put_setting(tx: &Transaction<'_>, name: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => tx.prepare_cached(
            "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        )?
        .execute([name, value])?,
        None => tx.prepare_cached("DELETE FROM setting WHERE name = ?1")?.execute([name])?,
    };
    Ok(())
}

/// A transaction that takes the write lock at once, so that it cannot fail half-way for being second.
pub(crate) fn write(db: &mut Connection) -> Result<Transaction<'_>> {
    Ok(db.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// The connection while the computer may lose the last moments with its power: for what the backend can be asked again.
/// Nothing before them is lost with them, since the log is read up to where it was cut off; the next transaction that
/// is not of this kind flushes these, too. A program that ends loses nothing at all.
pub(crate) struct Unflushed<'a>(&'a mut Connection);

impl<'a> Unflushed<'a> {
    pub(crate) fn new(db: &'a mut Connection) -> Result<Unflushed<'a>> {
        db.execute_batch("PRAGMA synchronous = NORMAL")?;
        Ok(Unflushed(db))
    }

    pub(crate) fn write(&mut self) -> Result<Transaction<'_>> {
        write(self.0)
    }
}

impl Drop for Unflushed<'_> {
    fn drop(&mut self) {
        // Only a transaction under way could refuse it, and none outlives its borrow.
        let set = self.0.execute_batch("PRAGMA synchronous = FULL");
        debug_assert!(set.is_ok(), "the next student's photo would not be flushed");
    }
}

pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

pub(crate) fn time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| RecordsError::damaged("a time out of range"))
}

/// Opens the file and proves that the key fits by reading its first page. `key` is hexadecimal: 32 bytes of
/// key, for a bundle followed by 16 bytes of salt.
pub(crate) fn unlock(path: &Path, key: &Zeroizing<String>, flags: OpenFlags) -> Result<Connection> {
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| cannot_open(path, error))?;
    db.busy_timeout(PATIENCE)?;
    db.set_prepared_statement_cache_capacity(64);
    // What SQLCipher would write to stderr comes back as an error anyway; stderr belongs to the program.
    db.execute_batch("PRAGMA cipher_log_level = NONE")?;
    give_key(&db, key)?;
    match db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    }) {
        Ok(_) => Ok(db),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(RecordsError::WrongKey {
                path: path.to_owned(),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// The key as SQLCipher's raw form `x'…'`: no derivation, since it is 256 random bits already. An error of
/// this statement is not passed on, because it would quote the statement.
fn give_key(db: &Connection, key: &Zeroizing<String>) -> Result<()> {
    let sql = Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", key.as_str()));
    db.query_row(&sql, [], |_| Ok(()))
        .optional()
        .map_err(|_| RecordsError::damaged("SQLCipher does not take the key"))?;
    // A build against plain SQLite would ignore the key and write everything in the clear.
    let cipher: Option<String> = db
        .query_row("PRAGMA cipher_version", [], |row| row.get(0))
        .optional()?;
    match cipher {
        Some(version) if !version.is_empty() => Ok(()),
        _ => Err(RecordsError::BadInput(
            "this program was built without SQLCipher: nothing is written",
        )),
    }
}

fn cannot_open(path: &Path, error: rusqlite::Error) -> RecordsError {
    let kind = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::CannotOpen) if !path.exists() => std::io::ErrorKind::NotFound,
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::PermissionDenied) => {
            std::io::ErrorKind::PermissionDenied
        }
        _ => return error.into(),
    };
    RecordsError::File {
        path: path.to_owned(),
        source: kind.into(),
    }
}

fn number(db: &Connection, pragma: &str) -> Result<i64> {
    Ok(db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?)
}

/// Refuses other programs' databases and newer forms before anything is written.
fn check_form(db: &Connection, path: &Path, reading: bool) -> Result<u32> {
    let version = u32::try_from(number(db, "user_version")?).unwrap_or(u32::MAX);
    let ours = number(db, "application_id")? == i64::from(APPLICATION_ID);
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if !ours && tables > 0 {
        return Err(RecordsError::NotOurs {
            path: path.to_owned(),
        });
    }
    if version > NEWEST {
        let readable_from: Option<u32> = db
            .query_row(
                "SELECT value FROM setting WHERE name = ?1",
                [READABLE_FROM],
                |row| row.get::<_, String>(0),
            )
            .ok()
            .and_then(|text| text.parse().ok());
        if !reading || readable_from.is_none_or(|oldest| oldest > NEWEST) {
            return Err(RecordsError::Newer {
                found: version,
                known: NEWEST,
            });
        }
    }
    if reading && version == 0 {
        return Err(RecordsError::NotOurs {
            path: path.to_owned(),
        });
    }
    Ok(version)
}

const READABLE_FROM: &str = "form.readable_from";

/// Brings the database to the newest form, each step in its own transaction together with its number.
pub(crate) fn migrate(db: &mut Connection, path: &Path) -> Result<()> {
    walk(db, path, MIGRATIONS)
}

fn walk(db: &mut Connection, path: &Path, steps: &[Migration]) -> Result<()> {
    for step in steps {
        if check_form(db, path, false)? >= step.version {
            continue;
        }
        let tx = write(db)?;
        // Another process may have done it while this one waited for the lock.
        if check_form(&tx, path, false)? < step.version {
            tx.execute_batch(step.sql)?;
            put_setting(&tx, READABLE_FROM, Some(&step.readable_from.to_string()))?;
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.pragma_update(None, "user_version", step.version)?;
            fail_point!("store.migrating");
            tx.commit()?;
            tracing::info!(version = step.version, "the records database has a new form");
        }
    }
    Ok(())
}

/// The database file's path as SQLite knows it.
pub(crate) fn file_of(db: &Connection) -> Option<PathBuf> {
    db.path().filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf, Key) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        (dir, path, Key::from_bytes([7; 32]))
    }

    #[test]
    fn every_step_of_the_form_is_numbered_without_a_gap() {
        for (index, step) in MIGRATIONS.iter().enumerate() {
            assert_eq!(step.version as usize, index + 1);
            assert!(step.readable_from >= 1 && step.readable_from <= step.version);
            // What a later step does, no earlier one's readers learn.
            let before = MIGRATIONS[..index].iter().map(|step| step.readable_from).max();
            assert!(before.is_none_or(|before| step.readable_from >= before));
        }
    }

    #[test]
    fn commits_are_durable_and_pages_are_wiped() {
        let (_dir, path, key) = place();
        let store = Store::open(&path, &key).unwrap();
        let text = |pragma: &str| -> String {
            store
                .db
                .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(text("journal_mode"), "wal");
        for (pragma, value) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("secure_delete", 1),
            ("auto_vacuum", 2),
            ("temp_store", 2),
        ] {
            assert_eq!(number(&store.db, pragma).unwrap(), value, "{pragma}");
        }
        // What need not be, is not; what comes after it is again.
        let synchronous = |db: &Connection| number(db, "synchronous").unwrap();
        let mut store = store;
        let mut unflushed = Unflushed::new(&mut store.db).unwrap();
        assert_eq!(synchronous(&unflushed.write().unwrap()), 1);
        drop(unflushed);
        assert_eq!(synchronous(&store.db), 2);
    }

    #[test]
    fn another_key_is_refused_and_changes_nothing() {
        let (_dir, path, key) = place();
        Store::open(&path, &key)
            .unwrap()
            .set_setting("a", Some("b"))
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path, &Key::from_bytes([8; 32])).unwrap_err();
        assert!(matches!(error, RecordsError::WrongKey { .. }) && error.is_permanent());
        let said = format!("{error} {error:?}");
        assert!(
            !said.contains("08080808") && !said.contains("0707"),
            "no key in an error: {said}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(
            Store::open(&path, &key).unwrap().setting("a").unwrap().as_deref(),
            Some("b")
        );
    }

    #[test]
    fn a_database_from_a_newer_program_is_refused_and_left_alone() {
        let (_dir, path, key) = place();
        let store = Store::open(&path, &key).unwrap();
        store.db.pragma_update(None, "user_version", NEWEST + 3).unwrap();
        drop(store);
        let error = Store::open(&path, &key).unwrap_err();
        assert!(
            matches!(error, RecordsError::Newer { found, known } if found == NEWEST + 3 && known == NEWEST)
        );
        // Its form says that this program can still read it.
        let reader = Store::open_read_only(&path, &key).unwrap();
        assert_eq!(reader.counts().unwrap(), crate::Counts::default());
        drop(reader);

        let db = unlock(&path, &key.hex(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let next = (NEWEST + 1).to_string();
        db.execute(
            "UPDATE setting SET value = ?1 WHERE name = ?2",
            [next.as_str(), READABLE_FROM],
        )
        .unwrap();
        drop(db);
        assert!(matches!(
            Store::open_read_only(&path, &key),
            Err(RecordsError::Newer { .. })
        ));
    }

    #[test]
    fn photos_of_an_older_form_are_read_before_and_after_it_is_brought_up() {
        let (_dir, path, key) = place();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut db = unlock(&path, &key.hex(), flags).unwrap();
        walk(&mut db, &path, &MIGRATIONS[..2]).unwrap();
        let id = crate::RecordId::new(Timestamp::UNIX_EPOCH).unwrap();
        let hash = crate::queue::sha256(b"a photo");
        db.execute_batch(&format!(
            "INSERT INTO record (id, state, shoot_day, shoot_number, code_tag, school, vendor, spec, candidates, payment,
                 consent_at, started_at, captured_at, submitted_at, original_sha256, standard_sha256)
             VALUES ('{id}', 'saved', '', 'A001', '', '', '', '', 1, '\"free\"', 0, 0, 0, 0, '{hash}', '{hash}');
             INSERT INTO photo VALUES ('{id}', 'original', '{hash}', CAST('a photo' AS BLOB)),
                 ('{id}', 'standard', '{hash}', CAST('a photo' AS BLOB));"
        ))
        .unwrap();
        drop(db);
        for store in [Store::open_read_only(&path, &key), Store::open(&path, &key)] {
            let store = store.unwrap();
            assert_eq!(store.photo(id, crate::PhotoKind::Original).unwrap(), b"a photo");
            let report = store.verify(crate::Depth::Full).unwrap();
            let faults: Vec<_> = report.faults.iter().map(|fault| fault.code).collect();
            assert!(
                report.photos == 2 && !faults.contains(&"photo") && !faults.contains(&"database"),
                "{faults:?}"
            );
        }
        // What an older program would read as empty photos, it does not read at all.
        let pictures = MIGRATIONS
            .iter()
            .find(|step| step.sql.contains("CREATE TABLE picture"));
        let readable_from = Store::open(&path, &key).unwrap().setting(READABLE_FROM).unwrap();
        let readable_from: u32 = readable_from.unwrap().parse().unwrap();
        assert!(readable_from >= pictures.unwrap().version);
    }

    #[test]
    fn another_programs_database_is_not_taken_over() {
        let (_dir, path, key) = place();
        let db = unlock(
            &path,
            &key.hex(),
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        )
        .unwrap();
        db.execute_batch("CREATE TABLE theirs (x)").unwrap();
        drop(db);
        assert!(matches!(
            Store::open(&path, &key),
            Err(RecordsError::NotOurs { .. })
        ));
    }

    #[test]
    fn a_reader_does_not_write_and_does_not_make_a_file() {
        let (_dir, path, key) = place();
        assert!(matches!(
            Store::open_read_only(&path, &key),
            Err(RecordsError::File { .. })
        ));
        assert!(!path.exists());
        Store::open(&path, &key).unwrap();
        let mut reader = Store::open_read_only(&path, &key).unwrap();
        assert!(matches!(
            reader.set_setting("a", Some("b")),
            Err(RecordsError::ReadOnly)
        ));
    }

    #[test]
    fn settings_and_the_cursor_are_remembered_and_forgotten() {
        let (_dir, path, key) = place();
        let mut store = Store::open(&path, &key).unwrap();
        assert_eq!(store.cursor().unwrap(), None);
        store.set_cursor("17").unwrap();
        store.set_setting("booth", Some("library")).unwrap();
        store.set_setting("booth", Some("canteen")).unwrap();
        drop(store);
        let mut store = Store::open(&path, &key).unwrap();
        assert_eq!(store.cursor().unwrap().as_deref(), Some("17"));
        assert_eq!(store.setting("booth").unwrap().as_deref(), Some("canteen"));
        store.set_setting("booth", None).unwrap();
        assert_eq!(store.setting("booth").unwrap(), None);
    }
}
