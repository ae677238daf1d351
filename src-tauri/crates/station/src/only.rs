//! One station a folder: two windows on the same records would both serve, and a change of keys wants nobody else.
//!
//! The lock is the operating system's, on a file of its own: it ends with the process, however that ends.

use std::fs::{File, TryLockError};
use std::path::Path;

/// The file that is locked.
const FILE: &str = "station.lock";

/// Holds the folder until it is dropped.
#[derive(Debug)]
pub struct Only {
    _file: File,
}

/// Why the folder is not ours.
#[derive(Debug, thiserror::Error)]
pub enum OnlyError {
    /// Another process has it.
    #[error("a station is running on {}: close it first", .0.display())]
    Taken(std::path::PathBuf),
    /// The file cannot be made or locked.
    #[error("{}/{FILE}: {}", .0.display(), .1)]
    File(std::path::PathBuf, std::io::Error),
}

impl Only {
    /// Takes the folder, at once or not at all.
    ///
    /// # Errors
    /// [`OnlyError`].
    pub fn here(folder: &Path) -> Result<Only, OnlyError> {
        let file = |error| OnlyError::File(folder.to_owned(), error);
        std::fs::create_dir_all(folder).map_err(file)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(FILE))
            .map_err(file)?;
        match lock.try_lock() {
            Ok(()) => Ok(Only { _file: lock }),
            Err(TryLockError::WouldBlock) => Err(OnlyError::Taken(folder.to_owned())),
            Err(TryLockError::Error(error)) => Err(file(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_station_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Only::here(folder.path()).unwrap();
        assert!(matches!(Only::here(folder.path()), Err(OnlyError::Taken(_))));
        drop(first);
        Only::here(folder.path()).unwrap();
    }
}
