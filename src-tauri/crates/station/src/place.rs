//! Does the database that is open still stand in its place?
//!
//! A file that was deleted, or whose disk was taken away and put back, goes on taking what an open program writes, and
//! keeps none of it beyond that program's end.

use std::path::{Path, PathBuf};

/// The file that was opened.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    opened: Option<Identity>,
}

/// The disk and the file's number on it.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// Windows deletes and moves no file that is open; that it is there is enough.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.exists().then_some(())
}

impl Place {
    /// Where the database of this folder stands, which was just opened.
    pub(crate) fn of(folder: &Path) -> Place {
        let path = folder.join(records::FILE_NAME);
        let opened = identity(&path);
        Place { path, opened }
    }

    /// True while the same file stands there.
    pub(crate) fn holds(&self) -> bool {
        self.opened.is_some() && identity(&self.path) == self.opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_or_replaced_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, aside) = (
            folder.path().join(records::FILE_NAME),
            folder.path().join("aside"),
        );
        std::fs::write(&file, b"one").unwrap();
        let place = Place::of(folder.path());
        assert!(place.holds());
        std::fs::rename(&file, &aside).unwrap();
        assert!(!place.holds());
        #[cfg(unix)]
        {
            std::fs::write(&file, b"another").unwrap();
            assert!(!place.holds(), "another file of the same name");
        }
        std::fs::rename(&aside, &file).unwrap();
        assert!(place.holds(), "the same file, back again");
    }
}
