//! Which results of the set-up are still good: a result carries the fingerprint of what it was made from.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::command::{Outcome, or_stop};

/// The fingerprint of some files and folders, plus a word that changes when the way of making does.
pub(crate) fn fingerprint(inputs: &[PathBuf], skip: &[&str], recipe: &str) -> Outcome<String> {
    let mut files = BTreeSet::new();
    for input in inputs {
        collect(input, skip, &mut files)?;
    }
    let mut whole = Sha256::new_with_prefix(recipe);
    for file in &files {
        whole.update(file.as_os_str().as_encoded_bytes());
        whole.update(Sha256::digest(or_stop(fs::read(file), "read", file)?));
    }
    Ok(whole.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn collect(path: &Path, skip: &[&str], files: &mut BTreeSet<PathBuf>) -> Outcome {
    if path
        .file_name()
        .is_some_and(|name| skip.iter().any(|skipped| name == *skipped))
    {
        return Ok(());
    }
    if path.is_file() {
        files.insert(path.to_path_buf());
    } else if path.is_dir() {
        for entry in or_stop(fs::read_dir(path), "read", path)? {
            collect(&or_stop(entry, "read", path)?.path(), skip, files)?;
        }
    }
    Ok(())
}

/// Whether `stamp` says that its result was made from exactly these inputs.
pub(crate) fn is_fresh(stamp: &Path, fingerprint: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text.trim() == fingerprint)
}

/// Notes what a finished result was made from.
pub(crate) fn write(stamp: &Path, fingerprint: &str) -> Outcome {
    if let Some(folder) = stamp.parent() {
        or_stop(fs::create_dir_all(folder), "create", folder)?;
    }
    or_stop(fs::write(stamp, fingerprint), "write", stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_good_until_one_of_its_sources_changes() {
        let folder = std::env::temp_dir().join(format!("photo-station-fresh-{}", std::process::id()));
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        fs::write(folder.join("page.vue"), "one").unwrap();
        let of = || fingerprint(std::slice::from_ref(&folder), &["node_modules"], "v1").unwrap();

        let before = of();
        let stamp = folder.join("node_modules/stamp");
        assert!(!is_fresh(&stamp, &before), "nothing was made yet");
        write(&stamp, &before).unwrap();
        assert!(is_fresh(&stamp, &of()), "what is skipped does not count");

        fs::write(folder.join("page.vue"), "two").unwrap();
        assert!(!is_fresh(&stamp, &of()));
        fs::remove_dir_all(folder).unwrap();
    }
}
