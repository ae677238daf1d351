//! One program serves from one folder: two would share one camera, one queue and one shoot number.
//!
//! The claim is a lock the operating system holds on a file in the folder: it ends with the program, however that
//! ends, and never has to be cleaned up by hand. The command line's short looks at the records need none.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use records::RecordsError;

/// The file's name inside the station's folder. What is in it means nothing; that it is locked does.
const FILE: &str = "station.lock";

/// The folder is this program's until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim(#[expect(dead_code, reason = "held, not read")] File);

/// Claims a folder; `None` while another program has it.
///
/// # Errors
/// [`RecordsError::File`] where the folder cannot be written or its disk knows no locks.
pub(crate) fn claim(folder: &Path) -> Result<Option<Claim>, RecordsError> {
    let path = folder.join(FILE);
    let failed = |source| RecordsError::File {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Claim(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_programs_at_a_time_and_free_again_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = claim(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(claim(folder.path()).unwrap().is_none());
        drop(first);
        assert!(claim(folder.path()).unwrap().is_some());
    }
}
