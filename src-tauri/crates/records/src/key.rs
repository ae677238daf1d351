//! The database's key: made once, kept where the operating system keeps secrets, never printed.
//!
//! A station's booth often has no unlocked keyring (no desktop session), so the key falls back to a file
//! that only its user can read. Which of the two was chosen is written down at the first start and never
//! changes by itself: a keyring that is merely locked today must not lead to a second key and an unreadable
//! database.
//!
//! | file in the data directory | meaning |
//! |---|---|
//! | `records.key` | the key itself, 64 hex digits, mode 0600 |
//! | `records.keyring` | the key is in the keyring: service `photo-station`, account as written in this file |
//! | `….next` | the same for the key that is to come, while keys are changed |
//!
//! On Windows the file inherits the access list of the user's profile directory, which already shuts out
//! other users; there is no mode to set.
//!
//! A lost key with a database beside it is [`RecordsError::KeyLost`]: nothing is created, nothing is deleted.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use fail::fail_point;
use rusqlite::OpenFlags;
use zeroize::Zeroizing;

use crate::open::{FILE_NAME, unlock};
use crate::{RecordsError, Result};

const KEY_FILE: &str = "records.key";
const KEYRING_FILE: &str = "records.keyring";
/// The ending of both names for the key that is to come ([`crate::rekey`]).
const NEXT: &str = ".next";
const SERVICE: &str = "photo-station";

/// How long a keyring may take at the first start before the file is used instead. Nobody may be there to
/// answer an unlock dialogue.
const FIRST_START_PATIENCE: Duration = Duration::from_secs(5);

/// How long a keyring known to hold the key may take: a person may be typing its password.
const PATIENCE: Duration = Duration::from_secs(30);

/// A 256-bit database key. Does not print itself; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A key from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Key {
        Key(Zeroizing::new(bytes))
    }

    /// A new random key.
    ///
    /// # Errors
    /// [`RecordsError::Random`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Key> {
        let mut key = Key::from_bytes([0; 32]);
        getrandom::fill(key.0.as_mut_slice()).map_err(|_| RecordsError::Random)?;
        Ok(key)
    }

    pub(crate) fn hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_slice()))
    }

    fn from_hex(text: &[u8]) -> Option<Key> {
        let mut key = Key::from_bytes([0; 32]);
        hex::decode_to_slice(text.trim_ascii(), key.0.as_mut_slice()).ok()?;
        Some(key)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Where the key is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// The operating system's keyring.
    Keyring,
    /// A file that only its user can read.
    File(PathBuf),
}

/// The key of the database in `dir`: the one kept before, or a new one at the first start.
///
/// # Errors
/// [`RecordsError::KeyLost`] when a database is there and its key is not; [`RecordsError::KeyringUnreachable`]
/// when the key's keyring does not answer; [`RecordsError::KeyFileMalformed`]; [`RecordsError::File`].
pub fn load_or_create(dir: &Path) -> Result<(Key, KeyPlace)> {
    load_or_create_with(dir, Some(&SystemKeyring))
}

/// As [`load_or_create`], but a new key goes to the file without asking a keyring: for demonstrations and
/// tests, which must leave nothing behind outside their directory.
///
/// # Errors
/// As [`load_or_create`].
pub fn load_or_create_file(dir: &Path) -> Result<(Key, KeyPlace)> {
    load_or_create_with(dir, None)
}

/// The key kept before, wherever it is. Makes none.
///
/// # Errors
/// [`RecordsError::KeyLost`] where there is none; as [`load_or_create`].
pub fn existing(dir: &Path) -> Result<(Key, KeyPlace)> {
    existing_with(dir, None)
}

pub(crate) fn existing_with(dir: &Path, keyring: Option<&dyn Keyring>) -> Result<(Key, KeyPlace)> {
    load(dir, keyring)?.ok_or_else(|| RecordsError::KeyLost { dir: dir.to_owned() })
}

/// Where an operating system keeps secrets, narrowed to what the key needs.
pub(crate) trait Keyring {
    fn get(&self, account: &str, patience: Duration) -> Result<Option<Key>, String>;
    fn set(&self, account: &str, key: &Key, patience: Duration) -> Result<(), String>;
    fn remove(&self, account: &str, patience: Duration) -> Result<(), String>;
}

fn load_or_create_with(dir: &Path, keyring: Option<&dyn Keyring>) -> Result<(Key, KeyPlace)> {
    create_private_dir(dir)?;
    if let Some(found) = load(dir, keyring)? {
        return Ok(found);
    }
    if has_database(dir) {
        return Err(RecordsError::KeyLost { dir: dir.to_owned() });
    }
    let key = Key::generate()?;
    fail_point!("key.made");
    let file = if keyring.is_some_and(|keyring| store_in_keyring(dir, keyring, &key)) {
        dir.join(KEYRING_FILE)
    } else {
        let path = dir.join(KEY_FILE);
        write_once(&path, key.hex().as_bytes())?;
        path
    };
    // Another process may have been quicker; whoever's file stands decides, for both.
    tracing::info!(place = %file.display(), "a new database key was made");
    load(dir, keyring)?.ok_or_else(|| RecordsError::KeyLost { dir: dir.to_owned() })
}

/// The key in force. After a change of keys that was cut off that may be the next one: then the change is finished.
fn load(dir: &Path, keyring: Option<&dyn Keyring>) -> Result<Option<(Key, KeyPlace)>> {
    let Some((key, place)) = read(dir, "", keyring)? else {
        return Ok(None);
    };
    let Some((next, _)) = read(dir, NEXT, keyring)? else {
        return Ok(Some((key, place)));
    };
    if has_database(dir) && !opens(dir, &key)? && opens(dir, &next)? {
        promote_next(dir, &place, keyring)?;
        return Ok(Some((next, place)));
    }
    // A next key that the database does not know yet is left for the next try: who would delete it might do so under
    // the hands of the one that just rewrites the pages.
    Ok(Some((key, place)))
}

fn opens(dir: &Path, key: &Key) -> Result<bool> {
    match unlock(
        &dir.join(FILE_NAME),
        &key.hex(),
        OpenFlags::SQLITE_OPEN_READ_WRITE,
    ) {
        Ok(_) => Ok(true),
        Err(RecordsError::WrongKey { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads the key that is kept under the names with this ending.
fn read(dir: &Path, ending: &str, keyring: Option<&dyn Keyring>) -> Result<Option<(Key, KeyPlace)>> {
    let path = dir.join(format!("{KEY_FILE}{ending}"));
    if let Some(text) = read_if_there(&path)? {
        keep_private(&path)?;
        let key =
            Key::from_hex(&text).ok_or_else(|| RecordsError::KeyFileMalformed { path: path.clone() })?;
        return Ok(Some((key, KeyPlace::File(path))));
    }
    let Some(account) = account(dir, ending)? else {
        return Ok(None);
    };
    match keyring.unwrap_or(&SystemKeyring).get(&account, PATIENCE) {
        Ok(Some(key)) => Ok(Some((key, KeyPlace::Keyring))),
        Ok(None) => Err(RecordsError::KeyLost { dir: dir.to_owned() }),
        Err(why) => Err(RecordsError::KeyringUnreachable { why }),
    }
}

/// The keyring's account that is noted under the name with this ending.
fn account(dir: &Path, ending: &str) -> Result<Option<String>> {
    let text = read_if_there(&dir.join(format!("{KEYRING_FILE}{ending}")))?;
    Ok(text.map(|text| String::from_utf8_lossy(text.trim_ascii()).into_owned()))
}

/// Puts a new key beside the one in force, in the same kind of place; the one that is there from a change that was cut
/// off is taken again.
pub(crate) fn prepare_next(dir: &Path, place: &KeyPlace, keyring: Option<&dyn Keyring>) -> Result<Key> {
    if let Some((next, _)) = read(dir, NEXT, keyring)? {
        return Ok(next);
    }
    let next = Key::generate()?;
    match place {
        KeyPlace::File(_) => write_once(&dir.join(format!("{KEY_FILE}{NEXT}")), next.hex().as_bytes())?,
        KeyPlace::Keyring => {
            let keyring = keyring.unwrap_or(&SystemKeyring);
            let account = new_account();
            let kept = keyring
                .set(&account, &next, PATIENCE)
                .and_then(|()| keyring.get(&account, PATIENCE))
                .map_err(|why| RecordsError::KeyringUnreachable { why })?;
            if kept.as_ref() != Some(&next) {
                return Err(RecordsError::KeyringUnreachable {
                    why: "it does not keep what it is given".to_owned(),
                });
            }
            write_once(&dir.join(format!("{KEYRING_FILE}{NEXT}")), account.as_bytes())?;
        }
    }
    // What is read back is what counts.
    let read = read(dir, NEXT, keyring)?.ok_or_else(|| RecordsError::KeyLost { dir: dir.to_owned() })?;
    Ok(read.0)
}

/// The database knows the next key: it takes the old one's name, and the old one is gone.
pub(crate) fn promote_next(dir: &Path, place: &KeyPlace, keyring: Option<&dyn Keyring>) -> Result<()> {
    let name = match place {
        KeyPlace::File(_) => KEY_FILE,
        KeyPlace::Keyring => KEYRING_FILE,
    };
    let old_account = account(dir, "")?;
    let (from, to) = (dir.join(format!("{name}{NEXT}")), dir.join(name));
    match std::fs::rename(&from, &to) {
        Ok(()) => {}
        // Another process was quicker.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RecordsError::file(to)(error)),
    }
    flush_dir(dir)?;
    if let (KeyPlace::Keyring, Some(account)) = (place, old_account)
        && let Err(why) = keyring.unwrap_or(&SystemKeyring).remove(&account, PATIENCE)
    {
        tracing::warn!(%why, account, "the old key could not be removed from the keyring");
    }
    Ok(())
}

fn new_account() -> String {
    format!("records-{}", uuid::Uuid::now_v7())
}

/// True when the keyring has the key for certain, and the note of it is on the disk.
fn store_in_keyring(dir: &Path, keyring: &dyn Keyring, key: &Key) -> bool {
    let account = new_account();
    let kept = keyring
        .set(&account, key, FIRST_START_PATIENCE)
        .and_then(|()| keyring.get(&account, FIRST_START_PATIENCE))
        .map(|read| read.as_ref() == Some(key));
    match kept {
        Ok(true) => write_once(&dir.join(KEYRING_FILE), account.as_bytes()).is_ok(),
        Ok(false) => false,
        Err(why) => {
            tracing::info!(%why, "no keyring; the database key goes to a file");
            false
        }
    }
}

/// An empty file is a first start that lost power before the first page: nothing is lost with it. (Had there been a
/// database, [`crate::Store::open_in`] would know.)
fn has_database(dir: &Path) -> bool {
    std::fs::metadata(dir.join(FILE_NAME)).is_ok_and(|file| file.len() > 0)
}

fn read_if_there(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RecordsError::file(path)(error)),
    }
}

/// Writes a file that is either complete or not there, and never replaces one: a temporary file (0600 from
/// its creation), flushed, given its name if the name is free, and the directory flushed.
pub(crate) fn write_once(path: &Path, contents: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let error = || RecordsError::file(path);
    let mut file = tempfile::Builder::new()
        .prefix(".key-")
        .tempfile_in(dir)
        .map_err(error())?;
    file.write_all(contents).map_err(error())?;
    file.write_all(b"\n").map_err(error())?;
    file.as_file().sync_all().map_err(error())?;
    fail_point!("key.written");
    match file.persist_noclobber(path) {
        Ok(_) => flush_dir(dir),
        Err(failed) if failed.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(failed) => Err(error()(failed.error)),
    }
}

#[cfg(unix)]
pub(crate) fn flush_dir(dir: &Path) -> Result<()> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    std::fs::File::open(dir)
        .and_then(|handle| handle.sync_all())
        .map_err(RecordsError::file(dir))
}

/// NTFS journals names itself and has no handle to flush a directory by.
#[cfg(not(unix))]
pub(crate) fn flush_dir(_dir: &Path) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
pub(crate) fn create_private_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(RecordsError::file(dir))
}

#[cfg(not(unix))]
pub(crate) fn create_private_dir(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(RecordsError::file(dir))
}

/// A key file that was copied by hand may have come with a wider mode.
#[cfg(unix)]
fn keep_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)
        .map_err(RecordsError::file(path))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the key file was readable by others; it is 0600 again");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(RecordsError::file(path))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) -> Result<()> {
    Ok(())
}

/// Keychain (macOS), Credential Manager (Windows), Secret Service (Linux).
struct SystemKeyring;

impl Keyring for SystemKeyring {
    fn get(&self, account: &str, patience: Duration) -> Result<Option<Key>, String> {
        reachable()?;
        let account = account.to_owned();
        within(patience, move || {
            let entry = keyring::Entry::new(SERVICE, &account).map_err(|e| plain(&e))?;
            match entry.get_secret().map(Zeroizing::new) {
                Ok(bytes) => match Key::from_hex(&bytes) {
                    Some(key) => Ok(Some(key)),
                    None => Err("the keyring's entry is not a key".to_owned()),
                },
                Err(keyring::Error::NoEntry) => Ok(None),
                Err(error) => Err(plain(&error)),
            }
        })
    }

    fn set(&self, account: &str, key: &Key, patience: Duration) -> Result<(), String> {
        reachable()?;
        let (account, key) = (account.to_owned(), key.clone());
        within(patience, move || {
            let entry = keyring::Entry::new(SERVICE, &account).map_err(|e| plain(&e))?;
            entry.set_secret(key.hex().as_bytes()).map_err(|e| plain(&e))
        })
    }

    fn remove(&self, account: &str, patience: Duration) -> Result<(), String> {
        reachable()?;
        let account = account.to_owned();
        within(patience, move || {
            let entry = keyring::Entry::new(SERVICE, &account).map_err(|e| plain(&e))?;
            match entry.delete_credential() {
                Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
                Err(error) => Err(plain(&error)),
            }
        })
    }
}

/// The kind of a keyring's error in words. The error itself is not shown: some kinds carry the secret's bytes.
fn plain(error: &keyring::Error) -> String {
    match error {
        keyring::Error::NoDefaultStore => "there is no keyring service",
        keyring::Error::NoStorageAccess(_) => "the keyring is locked or access was denied",
        keyring::Error::Ambiguous(_) => "the keyring has several entries for this station",
        _ => "the keyring failed",
    }
    .to_owned()
}

/// A keyring may wait for a person who is not there: it gets its own thread and so long. A thread that never
/// comes back is left behind; it holds nothing but its own copy of the key.
fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || tell.send(work()))
        .map_err(|error| error.to_string())?;
    told.recv_timeout(patience)
        .map_err(|_| "no answer in time".to_owned())?
}

/// Without a session bus there is no Secret Service; asking would only start one.
#[cfg(all(unix, not(target_os = "macos")))]
fn reachable() -> Result<(), String> {
    let named = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
    let usual = std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|dir| Path::new(&dir).join("bus").exists());
    if named || usual {
        Ok(())
    } else {
        Err("no session bus".to_owned())
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
#[allow(clippy::unnecessary_wraps, reason = "the counterpart of the Linux check")]
fn reachable() -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use super::*;

    #[derive(Default)]
    struct Drawer(RefCell<HashMap<String, Key>>);

    impl Keyring for Drawer {
        fn get(&self, account: &str, _: Duration) -> Result<Option<Key>, String> {
            Ok(self.0.borrow().get(account).cloned())
        }
        fn set(&self, account: &str, key: &Key, _: Duration) -> Result<(), String> {
            self.0.borrow_mut().insert(account.to_owned(), key.clone());
            Ok(())
        }
        fn remove(&self, account: &str, _: Duration) -> Result<(), String> {
            self.0.borrow_mut().remove(account);
            Ok(())
        }
    }

    struct Locked;

    impl Keyring for Locked {
        fn get(&self, _: &str, _: Duration) -> Result<Option<Key>, String> {
            Err("locked".to_owned())
        }
        fn set(&self, _: &str, _: &Key, _: Duration) -> Result<(), String> {
            Err("locked".to_owned())
        }
        fn remove(&self, _: &str, _: Duration) -> Result<(), String> {
            Err("locked".to_owned())
        }
    }

    #[test]
    fn a_keyring_changes_its_key_and_forgets_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let drawer = Drawer::default();
        let (old, _) = load_or_create_with(dir.path(), Some(&drawer)).unwrap();
        crate::Store::open_in(dir.path(), &old)
            .unwrap()
            .set_setting("a", Some("b"))
            .unwrap();
        let now = jiff::Timestamp::from_second(1_760_000_000).unwrap();
        let place = crate::rekey::rotate_with(dir.path(), Some(&drawer), now).unwrap();
        assert_eq!(place, KeyPlace::Keyring);
        let (new, _) = load_or_create_with(dir.path(), Some(&drawer)).unwrap();
        assert!(new != old);
        assert_eq!(drawer.0.borrow().len(), 1, "the old one is gone");
        let store = crate::Store::open_in(dir.path(), &new).unwrap();
        assert_eq!(store.setting("a").unwrap().as_deref(), Some("b"));
        assert!(matches!(
            crate::Store::open_in(dir.path(), &old),
            Err(RecordsError::WrongKey { .. })
        ));
        // A keyring that is locked meanwhile changes nothing.
        assert!(matches!(
            crate::rekey::rotate_with(dir.path(), Some(&Locked), now),
            Err(RecordsError::KeyringUnreachable { .. })
        ));
    }

    #[test]
    fn a_booth_with_a_keyring_finds_its_key_again() {
        let dir = tempfile::tempdir().unwrap();
        let drawer = Drawer::default();
        let (key, place) = load_or_create_with(dir.path(), Some(&drawer)).unwrap();
        assert_eq!(place, KeyPlace::Keyring);
        assert_eq!(load_or_create_with(dir.path(), Some(&drawer)).unwrap().0, key);
        assert!(!dir.path().join(KEY_FILE).exists());
    }

    #[test]
    fn a_booth_without_a_keyring_keeps_a_file_only_its_user_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let (key, place) = load_or_create_with(dir.path(), Some(&Locked)).unwrap();
        let KeyPlace::File(path) = place else {
            panic!("expected a file")
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            load_or_create_with(dir.path(), Some(&Locked)).unwrap();
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        // A keyring that turns up later does not lead to a second key.
        let (again, _) = load_or_create_with(dir.path(), Some(&Drawer::default())).unwrap();
        assert_eq!(again, key);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_keyring_locked_today_is_a_passing_trouble_not_a_new_key() {
        let dir = tempfile::tempdir().unwrap();
        let drawer = Drawer::default();
        load_or_create_with(dir.path(), Some(&drawer)).unwrap();
        let error = load_or_create_with(dir.path(), Some(&Locked)).unwrap_err();
        assert!(matches!(error, RecordsError::KeyringUnreachable { .. }) && !error.is_permanent());
        assert!(!dir.path().join(KEY_FILE).exists());
    }

    #[test]
    fn a_lost_key_beside_a_database_destroys_nothing_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join(FILE_NAME);
        std::fs::write(&database, b"pages nobody can read any more").unwrap();
        let error = load_or_create_with(dir.path(), Some(&Drawer::default())).unwrap_err();
        assert!(matches!(error, RecordsError::KeyLost { .. }) && error.is_permanent());
        assert_eq!(
            std::fs::read(&database).unwrap(),
            b"pages nobody can read any more"
        );
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no new key appeared"
        );

        assert!(matches!(existing(dir.path()), Err(RecordsError::KeyLost { .. })));

        // The same when the keyring was wiped.
        let dir = tempfile::tempdir().unwrap();
        load_or_create_with(dir.path(), Some(&Drawer::default())).unwrap();
        let error = load_or_create_with(dir.path(), Some(&Drawer::default())).unwrap_err();
        assert!(matches!(error, RecordsError::KeyLost { .. }));
    }

    #[test]
    fn a_half_written_key_file_is_told_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(KEY_FILE), b"12ab").unwrap();
        let error = load_or_create_file(dir.path()).unwrap_err();
        assert!(matches!(error, RecordsError::KeyFileMalformed { .. }));
        assert_eq!(std::fs::read(dir.path().join(KEY_FILE)).unwrap(), b"12ab");
    }

    #[test]
    fn two_processes_at_the_first_start_agree_on_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<Key> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| load_or_create_file(dir.path()).unwrap().0))
                .collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_keyring_that_never_answers_does_not_hold_the_start() {
        let told: Result<(), String> = within(Duration::from_millis(10), || {
            std::thread::park();
            Ok(())
        });
        assert!(told.is_err());
    }

    #[test]
    fn a_key_does_not_print_itself() {
        let key = Key::from_bytes([0xAB; 32]);
        assert_eq!(format!("{key:?}"), "Key(…)");
    }
}
