//! Copies of the whole database beside the station, each proven before an older one goes; and the way back.
//!
//! A backup is one file, a records database like the station's own under the same key: SQLite's online backup
//! writes it from one unmoving view while the booth works. It counts only after it was opened anew, every page's
//! authentication code, every photo's hash and both audit chains were checked, and the last audit row it ends with
//! stands in the station's own chain. The key is *not* in it: keep the keyring's entry or `records.key` elsewhere.
//!
//! File names: `records-KEY-TIME.backup`, `KEY` eight hexadecimal digits that follow from the key (two stations may
//! share a folder), `TIME` in UTC, so that names sort by age.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fail::fail_point;
use jiff::Timestamp;
use jiff::tz::Offset;
use rusqlite::OpenFlags;
use rusqlite::backup::{Backup as Copier, StepResult};
use sha2::{Digest, Sha256};

use crate::audit::{self, Actor, Entry};
use crate::key::{create_private_dir, flush_dir};
use crate::open::{FILE_NAME, file_of, millis, unlock, write};
use crate::queue::CHINA;
use crate::{Depth, Key, RecordsError, Result, Store};

/// How many backups of a station are kept: a week of nights.
pub const KEEP: usize = 7;

/// What a backup of this station is called at its end.
const ENDING: &str = ".backup";

/// So far a restored station's shoot numbers move on: to the next letter, past any number handed out since the
/// backup (no booth sees a thousand students after its nightly backup and before the next).
const NUMBERS_SKIPPED: i64 = 999;

/// No backup takes longer: a gigabyte a minute is slow for any disk.
const UNDER_WAY: Duration = Duration::from_hours(2);

/// A backup that was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// Photos in it whose hash was checked.
    pub photos: u64,
    /// Older backups that were deleted because enough newer ones stand.
    pub deleted: usize,
}

/// A database that took a lost one's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Records in it.
    pub records: u64,
    /// Where the damaged database was moved to, if there was one. Nothing is deleted.
    pub moved_aside: Option<PathBuf>,
}

impl Store {
    /// Another view of the same database, for reading only: for work that takes long, on a thread of its own.
    ///
    /// # Errors
    /// As [`Store::open_read_only`].
    pub fn reader(&self) -> Result<Store> {
        let path = file_of(&self.db).ok_or(RecordsError::BadInput("this database has no file"))?;
        Store::open_read_only(&path, &self.key)
    }

    /// Another writer on the same database, for long work beside the station: each of its transactions waits for its
    /// turn, and between two of them everybody else has theirs.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn beside(&self) -> Result<Store> {
        let path = file_of(&self.db).ok_or(RecordsError::BadInput("this database has no file"))?;
        Store::open(&path, &self.key)
    }

    /// Writes a backup into `folder` and proves it; then all but the newest [`KEEP`] of this station's backups
    /// there are deleted. Writers need not wait meanwhile.
    ///
    /// # Errors
    /// [`RecordsError::Damaged`] when the copy does not verify: it is thrown away and no older one is touched.
    /// [`RecordsError::DiskFull`], [`RecordsError::File`], [`RecordsError::Busy`].
    pub fn backup(&self, folder: &Path, now: Timestamp) -> Result<Backup> {
        create_private_dir(folder)?;
        let tag = tag(&self.key);
        let unfinished = format!(".records-{tag}-");
        sweep(folder, &unfinished)?;
        let draft = tempfile::Builder::new()
            .prefix(&unfinished)
            .tempfile_in(folder)
            .map_err(RecordsError::file(folder))?
            .into_temp_path();
        self.copy_to(&draft)?;
        fail_point!("backup.copied");
        let report = self.prove(&draft)?;
        fail_point!("backup.verified");

        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(&draft)
            .map_err(RecordsError::file(folder))?;
        file.sync_all().map_err(RecordsError::file(folder))?;
        let bytes = file.metadata().map_err(RecordsError::file(folder))?.len();
        drop(file);
        let path = folder.join(format!(
            "records-{tag}-{}{ENDING}",
            now.strftime("%Y%m%dT%H%M%S%3fZ")
        ));
        draft
            .persist_noclobber(&path)
            .map_err(|failed| match failed.error.kind() {
                std::io::ErrorKind::AlreadyExists => RecordsError::FileExists(path.clone()),
                _ => RecordsError::file(&path)(failed.error),
            })?;
        flush_dir(folder)?;
        fail_point!("backup.named");
        Ok(Backup {
            bytes,
            records: report.records,
            photos: report.photos,
            deleted: prune(folder, &self.key)?,
            path,
        })
    }

    fn copy_to(&self, draft: &Path) -> Result<()> {
        let mut copy = unlock(draft, &self.key.hex(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        {
            let copier = Copier::new(&self.db, &mut copy)?;
            // In one step: a backup in several begins anew with every write from another connection.
            match copier.step(-1)? {
                StepResult::Done => {}
                _ => return Err(RecordsError::Busy),
            }
        }
        // One file that is whole by itself, without a log beside it.
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        copy.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    /// The copy is sound, and what it ends with is a row of this database's own chain.
    fn prove(&self, draft: &Path) -> Result<crate::VerifyReport> {
        let copy = Store::open_read_only(draft, &self.key)?;
        let report = copy.verify(Depth::Full)?;
        if let Some(fault) = report.faults.first() {
            return Err(RecordsError::damaged(format!(
                "the backup does not verify: {}",
                fault.detail
            )));
        }
        let last: String = copy
            .db
            .query_row("SELECT chain FROM audit_head", [], |row| row.get(0))?;
        let here: i64 = self.db.query_row(
            "SELECT (SELECT count(*) FROM audit WHERE chain = ?1) + (?1 = '')",
            [&last],
            |row| row.get(0),
        )?;
        if here == 0 {
            return Err(RecordsError::damaged(
                "the backup does not end where this database was",
            ));
        }
        Ok(report)
    }
}

/// The backups of the station with this key in `folder`, oldest first.
///
/// # Errors
/// [`RecordsError::File`].
pub fn backups(folder: &Path, key: &Key) -> Result<Vec<PathBuf>> {
    let begin = format!("records-{}-", tag(key));
    let mut found = named(folder, |name| name.starts_with(&begin) && name.ends_with(ENDING))?;
    found.sort();
    Ok(found)
}

/// Puts a backup in the place of a database in `dir` that is gone or damaged. The damaged files are moved aside, the
/// backup itself stays. What the station had kept after the backup is not in it: the backend has what was delivered,
/// and the damaged files may still hold the rest.
///
/// What was on its way when the backup was made is sent again; the backend counts it once.
///
/// # Errors
/// [`RecordsError::BadInput`] while a sound database is in place; [`RecordsError::WrongKey`],
/// [`RecordsError::Damaged`] for a backup of another key or one that does not verify: nothing was changed.
pub fn restore(dir: &Path, backup: &Path, key: &Key, now: Timestamp) -> Result<Restored> {
    let report = Store::open_read_only(backup, key)?.verify(Depth::Full)?;
    if let Some(fault) = report.faults.first() {
        return Err(RecordsError::damaged(format!(
            "the backup does not verify: {}",
            fault.detail
        )));
    }
    let path = dir.join(FILE_NAME);
    let there = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    if there && is_sound(&path, key)? {
        return Err(RecordsError::BadInput(
            "the database in place is sound; nothing was changed. To go back all the same, move it away first",
        ));
    }

    // The new one is whole before the old one is touched.
    let draft = tempfile::Builder::new()
        .prefix(".restored-")
        .tempfile_in(dir)
        .map_err(RecordsError::file(dir))?
        .into_temp_path();
    std::fs::copy(backup, &draft).map_err(RecordsError::file(backup))?;
    std::fs::OpenOptions::new()
        .write(true)
        .open(&draft)
        .and_then(|file| file.sync_all())
        .map_err(RecordsError::file(dir))?;
    let moved_aside = move_aside(dir, now)?;
    draft
        .persist_noclobber(&path)
        .map_err(|failed| RecordsError::file(&path)(failed.error))?;
    flush_dir(dir)?;

    let mut store = Store::open_in(dir, key)?;
    let name = backup
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let tx = write(&mut store.db)?;
    tx.execute(
        "INSERT INTO shoot_sequence (day, last) VALUES (?1, ?2)
         ON CONFLICT (day) DO UPDATE SET last = last + ?2",
        rusqlite::params![
            Offset::constant(CHINA).to_datetime(now).date().to_string(),
            NUMBERS_SKIPPED
        ],
    )?;
    audit::append(
        &tx,
        &Entry {
            subject: None,
            actor: Actor::Staff,
            what: "restored",
            state: None,
            detail: Some(&name),
            at: millis(now),
        },
    )?;
    tx.commit()?;
    Ok(Restored {
        records: report.records,
        moved_aside,
    })
}

/// Looks without touching. A newer program's database is not damaged, only not ours to judge.
fn is_sound(path: &Path, key: &Key) -> Result<bool> {
    match Store::open_read_only(path, key).and_then(|store| store.verify(Depth::Full)) {
        Ok(report) => Ok(report.is_clean()),
        Err(error @ RecordsError::Newer { .. }) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Moves the database and its log out of the way, under names that say when.
fn move_aside(dir: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let when = now.strftime("%Y%m%dT%H%M%S%3fZ").to_string();
    let mut moved = None;
    for part in ["-wal", "-shm", ""] {
        let from = dir.join(format!("{FILE_NAME}{part}"));
        let to = dir.join(format!("{FILE_NAME}.damaged-{when}{part}"));
        match std::fs::rename(&from, &to) {
            Ok(()) => moved = Some(to),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(RecordsError::file(&from)(error)),
        }
    }
    flush_dir(dir)?;
    Ok(moved)
}

/// Eight digits that tell one key's backups from another's and tell nothing of the key.
fn tag(key: &Key) -> String {
    let mut hash = Sha256::new();
    hash.update(b"photo-station backup name 1");
    hash.update(key.hex().as_bytes());
    let mut tag = hex::encode(hash.finalize());
    tag.truncate(8);
    tag
}

fn prune(folder: &Path, key: &Key) -> Result<usize> {
    let found = backups(folder, key)?;
    let old = found.len().saturating_sub(KEEP);
    for path in &found[..old] {
        std::fs::remove_file(path).map_err(RecordsError::file(path))?;
    }
    Ok(old)
}

/// Removes what a backup that was cut off left behind. A young one may be another process' and under way.
fn sweep(folder: &Path, begin: &str) -> Result<()> {
    for path in named(folder, |name| name.starts_with(begin))? {
        let age = std::fs::metadata(&path)
            .and_then(|file| file.modified())
            .map(|at| at.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age > UNDER_WAY) {
            std::fs::remove_file(&path).map_err(RecordsError::file(&path))?;
        }
    }
    Ok(())
}

fn named(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(RecordsError::file(folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(RecordsError::file(folder))?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
