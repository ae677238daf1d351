//! Where things are: the station's folder, the models, the camera.

use std::path::{Path, PathBuf};

use camera::apart::{self, Order, Program};
use camera::{Act, Address, BoothOptions, DeviceSpec, Script, SourceSpec, Wish};
use station::Config;
use station::rehearsal::{Actor, Rehearsal, read_actors};

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

/// What the virtual booth is drawn at where the settings leave the size to the camera.
const BOOTH: (u32, u32) = (1280, 720);

/// The camera the settings name, and the rehearsal where it is the virtual booth.
///
/// # Errors
/// When the settings cannot be meant or the file of demo people cannot be used.
pub(crate) fn camera(
    config: &Config,
    people: Option<&Path>,
) -> Result<(SourceSpec, Option<Rehearsal>), String> {
    let settings = config.optics.settings()?;
    let device = |id: Option<String>| {
        SourceSpec::Device(DeviceSpec {
            id,
            wish: Wish {
                width: config.width,
                height: config.height,
                fps: config.fps,
                ..Wish::default()
            },
            settings,
        })
    };
    let any_device = || camera::devices().is_ok_and(|found| !found.is_empty());
    // A tethered camera's photos come into a folder; the webcam shows who sits there.
    let camera = match config.tethered_folder() {
        Some(_) => "auto",
        None => config.camera.as_str(),
    };
    let source = match camera {
        _ if camera.starts_with("folder:") => {
            return Err("camera = \"folder:DIR\" needs booth = \"photographer\" in station.toml".into());
        }
        "auto" if any_device() => device(None),
        "auto" | "virtual" => {
            let actors = match people {
                Some(file) => read_actors(file).map_err(|error| error.to_string())?,
                None => Vec::new(),
            };
            return Ok(virtual_booth(config, actors));
        }
        // Whatever it is, it may hold a password, and a device's name would be told.
        address if address.contains("://") => SourceSpec::Network {
            address: Address::new(address),
        },
        name => match name.strip_prefix("pictures:") {
            Some(folder) => SourceSpec::Pictures {
                path: folder.into(),
                fps: config.fps,
            },
            None => device(Some(name.to_owned())),
        },
    };
    Ok((config.optics.mounted(source)?, None))
}

/// The virtual booth with these people.
pub(crate) fn virtual_booth(config: &Config, actors: Vec<Actor>) -> (SourceSpec, Option<Rehearsal>) {
    let script = Script::new(Act::EmptyWall);
    let (width, height) = match (config.width, config.height) {
        (0, _) | (_, 0) => BOOTH,
        size => size,
    };
    let options = BoothOptions {
        width,
        height,
        ..BoothOptions::default()
    };
    let source = SourceSpec::VirtualBooth {
        options,
        script: script.clone(),
    };
    (source, Some(Rehearsal::new(actors, script)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_network_camera_on_its_mount_and_never_a_name_that_is_told() {
        for address in [
            "http://staff:secret@10.0.0.2/video",
            "rtsp://staff:secret@10.0.0.2/",
        ] {
            let mut config = Config {
                camera: address.into(),
                ..Config::default()
            };
            config.optics.mounting = 270;
            let (source, rehearsal) = camera(&config, None).unwrap();
            assert!(rehearsal.is_none());
            let SourceSpec::Mounted { sensor, .. } = &source else {
                panic!("not mounted: {source:?}");
            };
            assert!(matches!(**sensor, SourceSpec::Network { .. }));
            assert!(!format!("{source:?}").contains("secret"));
        }
    }

    #[test]
    fn the_virtual_booth_has_a_size_where_the_settings_leave_it_to_the_camera() {
        let (source, _) = virtual_booth(&Config::default(), Vec::new());
        let SourceSpec::VirtualBooth { options, .. } = source else {
            panic!("another source");
        };
        assert_eq!((options.width, options.height), BOOTH);
    }
}
