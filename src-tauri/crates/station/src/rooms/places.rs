//! The folders of this computer, for choosing where to write and what to read: sticks first. A booth has no file
//! dialog: it would open over the kiosk, and no pointer is there to use it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use specta::Type;

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct FolderView {
    /// The folder; empty for the list of places.
    pub path: String,
    /// The folder above; empty leads to the list of places.
    pub parent: String,
    /// Folders and files, folders first.
    pub entries: Vec<FolderEntry>,
    /// True where there was more than is shown.
    pub more: bool,
    /// Why it cannot be looked into, as the system says it.
    pub trouble: Option<String>,
    /// Megabytes free there.
    pub free_mb: Option<u32>,
}

/// One folder or file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct FolderEntry {
    /// Its name.
    pub name: String,
    /// Its whole path.
    pub path: String,
    /// True for a folder.
    pub folder: bool,
    /// Size of a file in kilobytes, rounded up.
    pub kb: Option<u32>,
    /// What kind of place it is; `None` inside a folder.
    pub place: Option<Place>,
}

/// What kind of place to begin at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A stick, a card, another disk.
    Stick,
    /// The user's documents.
    Documents,
    /// The user's desktop.
    Desktop,
    /// The user's downloads.
    Downloads,
    /// The user's own folder.
    Home,
}

/// Most entries shown: nobody looks through more, and a page must not stand still over them.
const MOST: usize = 1000;

/// Looks into a folder; an empty path gives the places to begin at.
pub fn look_into(path: &str) -> FolderView {
    if path.trim().is_empty() {
        return FolderView {
            path: String::new(),
            parent: String::new(),
            entries: places(),
            more: false,
            trouble: None,
            free_mb: None,
        };
    }
    let folder = Path::new(path);
    let is_place = places().iter().any(|place| Path::new(&place.path) == folder);
    let parent = folder
        .parent()
        .filter(|_| !is_place)
        .map(|parent| parent.display().to_string())
        .unwrap_or_default();
    let read = std::fs::read_dir(folder).map(|found| {
        let mut entries: Vec<FolderEntry> = found
            .filter_map(Result::ok)
            .filter_map(|entry| shown(&entry.path()))
            .take(MOST + 1)
            .collect();
        entries.sort_by(|a, b| b.folder.cmp(&a.folder).then_with(|| a.name.cmp(&b.name)));
        entries
    });
    let (mut entries, trouble) = match read {
        Ok(entries) => (entries, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let more = entries.len() > MOST;
    entries.truncate(MOST);
    FolderView {
        path: folder.display().to_string(),
        parent,
        entries,
        more,
        trouble,
        free_mb: fs4::available_space(folder)
            .ok()
            .map(|bytes| u32::try_from(bytes >> 20).unwrap_or(u32::MAX)),
    }
}

/// A visible entry; hidden ones are nobody's business here.
fn shown(path: &Path) -> Option<FolderEntry> {
    let name = path.file_name()?.to_str()?.to_owned();
    if name.starts_with('.') {
        return None;
    }
    let about = std::fs::metadata(path).ok()?;
    Some(FolderEntry {
        path: path.display().to_string(),
        folder: about.is_dir(),
        kb: about
            .is_file()
            .then(|| u32::try_from(about.len().div_ceil(1024)).unwrap_or(u32::MAX)),
        name,
        place: None,
    })
}

/// Where to begin: what is plugged in, then the user's own folders.
fn places() -> Vec<FolderEntry> {
    let own = [
        (dirs::document_dir(), Place::Documents),
        (dirs::desktop_dir(), Place::Desktop),
        (dirs::download_dir(), Place::Downloads),
        (dirs::home_dir(), Place::Home),
    ];
    let own = own
        .into_iter()
        .filter_map(|(path, place)| Some((path?, place)))
        .filter(|(path, _)| path.is_dir());
    sticks()
        .into_iter()
        .map(|path| (path, Place::Stick))
        .chain(own)
        .map(|(path, place)| FolderEntry {
            name: path.file_name().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            ),
            path: path.display().to_string(),
            folder: true,
            kb: None,
            place: Some(place),
        })
        .collect()
}

#[cfg(target_os = "linux")]
fn sticks() -> Vec<PathBuf> {
    let user = dirs::home_dir().and_then(|home| Some(home.file_name()?.to_owned()));
    let mut roots = vec![PathBuf::from("/mnt")];
    for media in ["/media", "/run/media"] {
        roots.extend(user.as_ref().map(|user| Path::new(media).join(user)));
    }
    roots.iter().flat_map(|root| folders_in(root)).collect()
}

#[cfg(target_os = "macos")]
fn sticks() -> Vec<PathBuf> {
    folders_in(Path::new("/Volumes"))
}

#[cfg(windows)]
fn sticks() -> Vec<PathBuf> {
    ('D'..='Z')
        .map(|letter| PathBuf::from(format!("{letter}:\\")))
        .filter(|drive| drive.is_dir())
        .collect()
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn sticks() -> Vec<PathBuf> {
    Vec::new()
}

#[cfg(not(windows))]
fn folders_in(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// Makes a folder.
///
/// # Errors
/// What the system says.
pub fn make_folder(path: &str) -> std::io::Result<()> {
    std::fs::create_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_shows_its_folders_first_and_nothing_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("b.bundle"), [0; 1500]).unwrap();
        std::fs::write(at(".hidden"), []).unwrap();
        make_folder(&at("z").display().to_string()).unwrap();
        let view = look_into(&folder.path().display().to_string());
        let shown: Vec<_> = view
            .entries
            .iter()
            .map(|e| (e.name.as_str(), e.folder, e.kb))
            .collect();
        assert_eq!(shown, [("z", true, None), ("b.bundle", false, Some(2))]);
        assert_eq!((view.more, view.trouble), (false, None));
        assert!(view.free_mb.is_some() && !view.parent.is_empty());
    }

    #[test]
    fn a_folder_that_is_away_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let view = look_into(&folder.path().join("nowhere").display().to_string());
        assert!(view.trouble.is_some() && view.entries.is_empty());
    }

    #[test]
    fn without_a_path_there_are_places_to_begin_at() {
        let view = look_into("");
        assert!(
            view.entries
                .iter()
                .all(|entry| entry.folder && entry.place.is_some())
        );
    }
}
