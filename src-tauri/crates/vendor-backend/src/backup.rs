//! A second copy of the embedded store, made while the backend serves, and the way back.
//!
//! The copy holds the backend's own keys beside the photos: whoever has it can sign receipts.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use crate::BackendError;
use crate::database::{FILE, MIGRATIONS};

/// Copies the store of `data` into the new file `to`, as it is at one moment. Requests go on meanwhile.
///
/// # Errors
/// [`BackendError::Io`] where the file is there already or cannot be written, [`BackendError::Database`] where the store
/// cannot be read or the copy is not whole.
pub fn backup(data: &Path, to: &Path) -> Result<(), BackendError> {
    copied(&data.join(FILE), to)
}

/// Puts a copy in the place of a store that is gone. A store that is there is not touched.
///
/// # Errors
/// As [`backup`].
pub fn restore(data: &Path, from: &Path) -> Result<(), BackendError> {
    fs::create_dir_all(data).map_err(|source| io(data, source))?;
    copied(from, &data.join(FILE))
}

fn io(path: &Path, source: std::io::Error) -> BackendError {
    BackendError::Io {
        what: path.display().to_string(),
        source,
    }
}

/// Copies beside the place, examines the copy, and only then gives it its name.
fn copied(from: &Path, to: &Path) -> Result<(), BackendError> {
    if to.exists() {
        return Err(io(to, std::io::ErrorKind::AlreadyExists.into()));
    }
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    examined(&source)?;
    let part = part_of(to);
    let _ = fs::remove_file(&part);
    private(&part).map_err(|source| io(&part, source))?;
    let done = copy(&source, &part);
    if done.is_err() {
        let _ = fs::remove_file(&part);
    }
    done?;
    fs::rename(&part, to).map_err(|source| io(to, source))
}

fn copy(source: &Connection, part: &Path) -> Result<(), BackendError> {
    let mut target = Connection::open(part)?;
    let backup = Backup::new(source, &mut target)?;
    // All pages in one step: a reader of one moment, which holds no writer up.
    backup.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    drop(backup);
    // One file without a journal beside it, which nobody could forget.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    examined(&target)?;
    target.close().map_err(|(_, error)| error)?;
    let file = OpenOptions::new()
        .write(true)
        .open(part)
        .map_err(|source| io(part, source))?;
    file.sync_all().map_err(|source| io(part, source))
}

/// Is it a whole store of this program or an older one?
fn examined(store: &Connection) -> Result<(), BackendError> {
    let word: String = store.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    let version: usize = store.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if word != "ok" {
        return Err(BackendError::Database("it is damaged".to_owned()));
    }
    match version {
        0 => Err(BackendError::Database("it is no backend's".to_owned())),
        version if version > MIGRATIONS.len() => {
            Err(BackendError::Database("it is a newer program's".to_owned()))
        }
        _ => Ok(()),
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// A new file that only its owner reads; elsewhere the folder decides.
fn private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(|_| ())
}
