//! Where things are: the station's folder, the models, the camera.

use std::path::{Path, PathBuf};

use camera::apart::{self, Order, Program};
use camera::{Act, Script, SourceSpec};
use station::rehearsal::{Actor, Rehearsal, read_actors};
use station::{Config, source};

use crate::output::Verdict;

/// The station's folder: what was given, or the user's place for application data.
///
/// # Errors
/// When the system names no such place.
pub(crate) fn data(given: Option<&Path>) -> Result<PathBuf, String> {
    match given {
        Some(folder) => Ok(folder.to_path_buf()),
        None => dirs::data_local_dir()
            .map(|folder| folder.join("photo-station"))
            .ok_or_else(|| "the system names no folder for data: give --data DIR".into()),
    }
}

/// The vision models: what was given, beside the program as packages install them, or `assets/models` of a
/// checkout above the program.
pub(crate) fn models(given: Option<&Path>) -> PathBuf {
    if let Some(folder) = given {
        return folder.to_path_buf();
    }
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.parent().unwrap_or(Path::new("."));
    let installed = [
        beside.join("models"),
        beside.join("../Resources/models"),
        beside.join("../lib/photo-station/models"),
    ];
    installed
        .into_iter()
        .chain(
            beside
                .ancestors()
                .map(|folder| folder.join("assets").join("models")),
        )
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| beside.join("models"))
}

/// The hidden command behind which a child of this program serves frames.
const CAMERA_FRAMES: &str = "camera-frames";

/// Where a camera's driver runs in the program that uses it, it gets a process of its own.
pub(crate) fn keep_cameras_apart() {
    if cfg!(any(windows, target_os = "macos"))
        && let Ok(path) = std::env::current_exe()
    {
        apart::keep_apart(Program {
            path,
            words: vec![CAMERA_FRAMES.into(), "--".into()],
        });
    }
}

/// The child's whole life.
///
/// # Errors
/// When the words are none of ours.
pub(crate) fn serve_frames(words: &[String]) -> Result<Verdict, String> {
    let out = std::io::stdout().lock();
    let served = match apart::spoken(words)? {
        Order::List => apart::list(out),
        Order::Serve(device) => apart::serve(&device, out),
    };
    // Nobody reads any more: that is how it ends.
    Ok(served.map_or(Verdict::Refused, |()| Verdict::Accepted))
}

/// The camera the settings name, and the rehearsal where it is the virtual booth.
///
/// # Errors
/// When the settings cannot be meant or the file of demo people cannot be used.
pub(crate) fn camera(
    config: &Config,
    people: Option<&Path>,
) -> Result<(SourceSpec, Option<Rehearsal>), String> {
    let script = Script::new(Act::EmptyWall);
    let source = source::source(config, &script)?;
    if !matches!(source, SourceSpec::VirtualBooth { .. }) {
        return Ok((source, None));
    }
    let actors = match people {
        Some(file) => read_actors(file).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    Ok((source, Some(Rehearsal::new(actors, script))))
}

/// The virtual booth with these people.
pub(crate) fn virtual_booth(config: &Config, actors: Vec<Actor>) -> (SourceSpec, Option<Rehearsal>) {
    let script = Script::new(Act::EmptyWall);
    (
        source::virtual_booth(config, &script),
        Some(Rehearsal::new(actors, script)),
    )
}
