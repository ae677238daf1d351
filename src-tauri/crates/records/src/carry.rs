//! Records carried by hand, when the network stays away: a bundle file out, a bundle file in.
//!
//! A bundle is a records database of its own with the same tables, encrypted by SQLCipher (AES-256, each page
//! authenticated) under its own key. So it keeps photos, secrets, receipts and each record's audited history
//! exactly as they are, and one program reads both.
//!
//! The key is either given, or derived from a passphrase by argon2id (64 MiB, 3 passes, 1 lane, version 0x13)
//! with the 16 random bytes the file begins with as salt (SQLCipher's own salt, which it keeps in the clear
//! at the same place). Whoever has the file and the passphrase has everything in it: hand them over by
//! different ways. Sealing to a vendor's public key, which the station itself could not open again, is not
//! part of this form.
//!
//! Taking a bundle in twice, or after the network has delivered a record, changes nothing: a record that is
//! already here stays as it is.

use std::fmt;
use std::io::Read;
use std::path::Path;

use fail::fail_point;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, params};
use zeroize::Zeroizing;

use crate::audit::{self, Actor};
use crate::key::flush_dir;
use crate::open::{NEWEST, file_of, migrate, millis, unlock, write};
use crate::queue::{column, enqueue, lose_attempt, note, parse_id, parse_state, sha256, state_of};
use crate::{Key, RecordId, RecordState, RecordsError, Result, Secret, Store};

const SALT: usize = 16;
const SHORTEST_PASSPHRASE: usize = 8;

/// argon2id: twice OWASP's larger recommendation (46 MiB, 1 pass), about a tenth of a second on a booth's PC.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;

/// What locks a bundle.
#[derive(Clone)]
pub enum BundleLock {
    /// A passphrase of at least eight bytes, told to the other side by another way.
    Passphrase(Secret),
    /// A key both sides have.
    Key(Key),
}

impl fmt::Debug for BundleLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BundleLock(…)")
    }
}

impl BundleLock {
    /// SQLCipher's raw key and salt, hexadecimal.
    fn spec(&self, salt: [u8; SALT]) -> Result<Zeroizing<String>> {
        let key = match self {
            BundleLock::Key(key) => key.clone(),
            BundleLock::Passphrase(passphrase) => {
                if passphrase.expose().len() < SHORTEST_PASSPHRASE {
                    return Err(RecordsError::BadInput(
                        "a bundle's passphrase has at least eight characters",
                    ));
                }
                let mut bytes = Zeroizing::new([0; 32]);
                argon2::Params::new(MEMORY_KIB, PASSES, 1, Some(bytes.len()))
                    .map(|p| argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, p))
                    .and_then(|argon| {
                        argon.hash_password_into(passphrase.expose(), &salt, bytes.as_mut_slice())
                    })
                    .map_err(|_| RecordsError::BadInput("this passphrase cannot be used"))?;
                Key::from_bytes(*bytes)
            }
        };
        Ok(Zeroizing::new(key.hex().as_str().to_owned() + &hex::encode(salt)))
    }
}

/// Which records a bundle takes.
#[derive(Debug, Clone)]
pub enum Carry {
    /// Everything that has no receipt yet: waiting, being sent, or with a person.
    Undelivered,
    /// These.
    These(Vec<RecordId>),
    /// Everything that still has its photos.
    All,
}

/// What a bundle took out or brought in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// Records written.
    pub records: Vec<RecordId>,
    /// Records that were here already and stay as they are (import).
    pub already: Vec<RecordId>,
    /// Records not taken, and why: other contents under the same id, or damaged in the bundle (import).
    pub refused: Vec<(RecordId, String)>,
}

/// Tables of a bundle whose rows belong to a record, with the columns that travel.
const TRAVELS: [(&str, &str, &str); 4] = [
    (
        "record",
        "id",
        "id, state, trouble, shoot_day, shoot_number, code_tag, academic_record, school, school_id, vendor, spec,
         candidates, forced_reason, payment, consent_at, started_at, captured_at, submitted_at, original_sha256,
         standard_sha256, attempts, key_generation, receipt_number, receipt_sha256, receipt_at, review,
         review_reasons, review_at, review_sequence",
    ),
    ("paper", "record_id", "record_id, code_text, proof, identity_token, identity, report, receipt"),
    ("photo", "record_id", "record_id, kind, sha256, bytes"),
    ("attempt", "record_id", "record_id, number, started_at, ended_at, outcome, detail"),
];

impl Store {
    /// Writes a bundle. The records stay here and keep waiting: if the network comes back first, the backend
    /// counts each once. The file appears only when it is complete; an existing file is never replaced.
    ///
    /// # Errors
    /// [`RecordsError::FileExists`], [`RecordsError::DiskFull`], [`RecordsError::File`],
    /// [`RecordsError::NotFound`] for an asked id that is not here, [`RecordsError::Purged`].
    pub fn export(
        &mut self,
        path: &Path,
        lock: &BundleLock,
        which: &Carry,
        now: Timestamp,
    ) -> Result<Carried> {
        let path = std::path::absolute(path).map_err(RecordsError::file(path))?;
        if path.exists() {
            return Err(RecordsError::FileExists(path));
        }
        let dir = path.parent().unwrap_or(Path::new("/"));
        let unfinished = tempfile::Builder::new()
            .prefix(".bundle-")
            .tempfile_in(dir)
            .map_err(RecordsError::file(&path))?
            .into_temp_path();
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|_| RecordsError::Random)?;
        let spec = lock.spec(salt)?;
        let mut bundle = unlock(&unfinished, &spec, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate(&mut bundle, &unfinished)?;
        bundle.close().map_err(|(_, error)| error)?;

        let ids = self.chosen(which)?;
        attach(&self.db, &unfinished, &spec)?;
        let copied = copy_out(&mut self.db, &ids);
        detach(&self.db)?;
        copied?;
        fail_point!("export.copied");

        std::fs::OpenOptions::new()
            .write(true)
            .open(&unfinished)
            .and_then(|file| file.sync_all())
            .map_err(RecordsError::file(&path))?;
        unfinished
            .persist_noclobber(&path)
            .map_err(|failed| match failed.error.kind() {
                std::io::ErrorKind::AlreadyExists => RecordsError::FileExists(path.clone()),
                _ => RecordsError::File {
                    path: path.clone(),
                    source: failed.error,
                },
            })?;
        flush_dir(dir)?;
        fail_point!("export.named");

        let tx = write(&mut self.db)?;
        for id in &ids {
            let state = state_of(&tx, *id)?;
            note(&tx, *id, Actor::Staff, "exported", state, None, millis(now))?;
        }
        tx.commit()?;
        Ok(Carried {
            records: ids,
            ..Carried::default()
        })
    }

    /// Takes a bundle in, record by record, each with its photos, secrets and history in one transaction.
    ///
    /// # Errors
    /// [`RecordsError::BundleLocked`] for a wrong passphrase or another file; [`RecordsError::Newer`] for a
    /// newer program's bundle; write errors (what was taken in before stays, and taking in again goes on).
    pub fn import(&mut self, path: &Path, lock: &BundleLock, now: Timestamp) -> Result<Carried> {
        let path = std::path::absolute(path).map_err(RecordsError::file(path))?;
        let mut salt = [0; SALT];
        std::fs::File::open(&path)
            .and_then(|mut file| file.read_exact(&mut salt))
            .map_err(RecordsError::file(&path))?;
        let spec = lock.spec(salt)?;
        if file_of(&self.db).is_some_and(|own| same_file(&own, &path)) {
            return Err(RecordsError::BadInput(
                "this is the station's own database, not a bundle",
            ));
        }
        attach(&self.db, &path, &spec)?;
        let taken = copy_in(&mut self.db, now);
        detach(&self.db)?;
        taken
    }

    fn chosen(&self, which: &Carry) -> Result<Vec<RecordId>> {
        let states: Vec<RecordState> = match which {
            Carry::These(ids) => {
                for id in ids {
                    if !self.show(*id)?.row.state.has_photos() {
                        return Err(RecordsError::Purged(*id));
                    }
                }
                return Ok(ids.clone());
            }
            Carry::Undelivered => RecordState::ALL
                .into_iter()
                .filter(|state| !state.has_receipt() && state.has_photos())
                .collect(),
            Carry::All => RecordState::ALL
                .into_iter()
                .filter(|state| state.has_photos())
                .collect(),
        };
        let states: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
        let mut statement = self.db.prepare(&format!(
            "SELECT id FROM record WHERE state IN ({}) ORDER BY seq",
            states.join(", ")
        ))?;
        let ids = statement.query_map([], |row| row.get::<_, String>(0))?;
        ids.map(|id| parse_id(&id?)).collect()
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn attach(db: &Connection, path: &Path, spec: &Zeroizing<String>) -> Result<()> {
    let name = path
        .to_str()
        .ok_or(RecordsError::BadInput("a bundle's path must be valid Unicode"))?;
    // Bound, not written into the statement, so that no error can quote it.
    let key = Zeroizing::new(format!("x'{}'", spec.as_str()));
    db.execute("ATTACH DATABASE ?1 AS bundle KEY ?2", params![name, key.as_str()])
        .map_err(|_| RecordsError::BundleLocked)?;
    let version: rusqlite::Result<u32> = db
        .query_row("PRAGMA bundle.user_version", [], |row| row.get(0))
        .and_then(|version| db.query_row("SELECT count(*) FROM bundle.record", [], |_| Ok(version)));
    let fault = match version {
        Ok(NEWEST) => return Ok(()),
        Ok(found) => RecordsError::Newer { found, known: NEWEST },
        Err(_) => RecordsError::BundleLocked,
    };
    detach(db)?;
    Err(fault)
}

fn detach(db: &Connection) -> Result<()> {
    // A cached statement that still names the bundle would keep it attached.
    db.flush_prepared_statement_cache();
    db.execute_batch("DETACH DATABASE bundle")?;
    Ok(())
}

fn copy_out(db: &mut Connection, ids: &[RecordId]) -> Result<()> {
    let tx = write(db)?;
    for id in ids {
        for (table, name, columns) in TRAVELS {
            tx.prepare_cached(&format!(
                "INSERT INTO bundle.{table} ({columns}) SELECT {columns} FROM main.{table} WHERE {name} = ?1"
            ))?
            .execute([id.to_string()])?;
        }
        // The chain over all rows is the station's own; a bundle carries each record's.
        tx.prepare_cached(
            "INSERT INTO bundle.audit (at, subject, actor, what, state, detail, previous, hash, chain)
             SELECT at, subject, actor, what, state, detail, previous, hash, '' FROM main.audit
             WHERE subject = ?1 ORDER BY seq",
        )?
        .execute([id.to_string()])?;
    }
    Ok(tx.commit()?)
}

fn copy_in(db: &mut Connection, now: Timestamp) -> Result<Carried> {
    let ids: Vec<String> = db
        .prepare("SELECT id FROM bundle.record ORDER BY seq")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut carried = Carried::default();
    for id in ids {
        let id = parse_id(&id)?;
        let tx = write(db)?;
        let here: i64 = tx.query_row(
            "SELECT count(*) FROM main.record WHERE id = ?1",
            [id.to_string()],
            |row| row.get(0),
        )?;
        if here > 0 {
            if same_photos(&tx, id)? {
                carried.already.push(id);
            } else {
                carried
                    .refused
                    .push((id, "another record with this id is here".to_owned()));
            }
            continue;
        }
        if let Some(why) = damaged_in_bundle(&tx, id)? {
            carried.refused.push((id, why.to_owned()));
            continue;
        }
        take_in(&tx, id, millis(now))?;
        fail_point!("import.taken");
        tx.commit()?;
        carried.records.push(id);
    }
    Ok(carried)
}

fn same_photos(tx: &Transaction<'_>, id: RecordId) -> Result<bool> {
    Ok(tx.query_row(
        "SELECT h.original_sha256 = b.original_sha256 AND h.standard_sha256 = b.standard_sha256
         FROM main.record h JOIN bundle.record b ON b.id = h.id WHERE h.id = ?1",
        [id.to_string()],
        |row| row.get(0),
    )?)
}

fn damaged_in_bundle(tx: &Transaction<'_>, id: RecordId) -> Result<Option<&'static str>> {
    let name = id.to_string();
    let (state, original, standard, receipted): (String, String, String, Option<String>) = tx.query_row(
        "SELECT state, original_sha256, standard_sha256, receipt_sha256 FROM bundle.record WHERE id = ?1",
        [&name],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let Ok(parsed) = parse_state(&state) else {
        return Ok(Some("it is in a state this program does not know"));
    };
    if !parsed.has_photos() {
        return Ok(Some("its photos were deleted before it was carried"));
    }
    if parsed.has_receipt() != (receipted.as_ref() == Some(&standard)) {
        return Ok(Some("its receipt does not fit its photo"));
    }
    let mut photos = 0;
    let mut statement = tx.prepare("SELECT kind, sha256, bytes FROM bundle.photo WHERE record_id = ?1")?;
    let mut rows = statement.query([&name])?;
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let promised = if kind == "standard" { &standard } else { &original };
        let hash = sha256(row.get_ref(2)?.as_blob().unwrap_or_default());
        if hash != *promised || hash != row.get::<_, String>(1)? {
            return Ok(Some("a photo is not the one that was submitted"));
        }
        photos += 1;
    }
    if photos != 2 {
        return Ok(Some("a photo is missing"));
    }
    let history = audit::history(tx, "bundle", &name)?;
    if !audit::is_whole(&history) || history.last().and_then(|row| row.state.as_ref()) != Some(&state) {
        return Ok(Some("its history was changed"));
    }
    Ok(None)
}

fn take_in(tx: &Transaction<'_>, id: RecordId, at: i64) -> Result<()> {
    let name = id.to_string();
    for (table, column, columns) in TRAVELS {
        tx.prepare_cached(&format!(
            "INSERT INTO main.{table} ({columns}) SELECT {columns} FROM bundle.{table} WHERE {column} = ?1"
        ))?
        .execute([&name])?;
    }
    for row in audit::history(tx, "bundle", &name)? {
        audit::append_row(tx, &row)?;
    }
    let state = state_of(tx, id)?;
    if state.waits() {
        enqueue(tx, &name, column(tx, id, "submitted_at")?, at)?;
    }
    if state == RecordState::Sending {
        // The attempt that was under way elsewhere when the bundle was written.
        lose_attempt(tx, id, at)?;
    }
    let state = state_of(tx, id)?;
    note(tx, id, Actor::Staff, "imported", state, None, at)
}
