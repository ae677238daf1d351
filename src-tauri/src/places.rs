//! Where things are: the station's folder, the models, the camera.

use std::path::{Path, PathBuf};

use camera::{Act, BoothOptions, Script, SourceSpec};
use station::Config;
use station::rehearsal::{Actor, Rehearsal, read_actors};

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

/// The camera the settings name, and the rehearsal where it is the virtual booth.
///
/// # Errors
/// When the file of demo people cannot be used.
pub(crate) fn camera(
    config: &Config,
    people: Option<&Path>,
) -> Result<(SourceSpec, Option<Rehearsal>), String> {
    let device = |id: Option<String>| SourceSpec::Device {
        id,
        width: config.width,
        height: config.height,
        fps: config.fps,
    };
    let any_device = || camera::devices().is_ok_and(|found| !found.is_empty());
    // A tethered camera's photos come into a folder; the webcam shows who sits there.
    let camera = match config.tethered_folder() {
        Some(_) => "auto",
        None => config.camera.as_str(),
    };
    match camera {
        _ if camera.starts_with("folder:") => {
            return Err("camera = \"folder:DIR\" needs booth = \"photographer\" in station.toml".into());
        }
        "auto" if any_device() => return Ok((device(None), None)),
        "auto" | "virtual" => {}
        name => {
            let source = match name.strip_prefix("pictures:") {
                Some(folder) => SourceSpec::Pictures {
                    path: folder.into(),
                    fps: config.fps,
                },
                None => device(Some(name.to_owned())),
            };
            return Ok((source, None));
        }
    }
    let actors = match people {
        Some(file) => read_actors(file).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    Ok(virtual_booth(config, actors))
}

/// The virtual booth with these people.
pub(crate) fn virtual_booth(config: &Config, actors: Vec<Actor>) -> (SourceSpec, Option<Rehearsal>) {
    let script = Script::new(Act::EmptyWall);
    let options = BoothOptions {
        width: config.width,
        height: config.height,
        ..BoothOptions::default()
    };
    let source = SourceSpec::VirtualBooth {
        options,
        script: script.clone(),
    };
    (source, Some(Rehearsal::new(actors, script)))
}
