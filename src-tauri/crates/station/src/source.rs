//! Where the frames come from: what the camera's name in `station.toml` means, for the station that serves and for a
//! camera that staff only look through.

use camera::{Address, BoothOptions, DeviceSpec, Script, SourceSpec, Wish};

use crate::config::Config;

/// What the virtual booth is drawn at where the set-up leaves the size to the camera.
const BOOTH: (u32, u32) = (1280, 720);

/// The source the set-up names, on its mount. `script` directs the virtual booth, where it is the one.
///
/// # Errors
/// When the set-up cannot be meant.
pub fn source(config: &Config, script: &Script) -> Result<SourceSpec, String> {
    // A tethered camera's photos come into a folder; the webcam shows who sits there.
    let name = match config.tethered_folder() {
        Some(_) => "auto",
        None => config.camera.as_str(),
    };
    let sensor = match name {
        "virtual" => return Ok(virtual_booth(config, script)),
        "auto" if !any_device() => return Ok(virtual_booth(config, script)),
        "auto" => device(config, None)?,
        folder if folder.starts_with("folder:") => {
            return Err("camera = \"folder:DIR\" needs booth = \"photographer\" in station.toml".into());
        }
        // Whatever it is, it may hold a password, and a device's name would be told.
        address if is_address(address) => SourceSpec::Network {
            address: Address::new(address),
        },
        name => match name.strip_prefix("pictures:") {
            Some(folder) => SourceSpec::Pictures {
                path: folder.into(),
                fps: config.fps,
            },
            None => device(config, Some(name))?,
        },
    };
    config.optics.mounted(sensor)
}

/// The virtual booth, drawn as large as the set-up says.
pub fn virtual_booth(config: &Config, script: &Script) -> SourceSpec {
    let (width, height) = match (config.width, config.height) {
        (0, _) | (_, 0) => BOOTH,
        size => size,
    };
    SourceSpec::VirtualBooth {
        options: BoothOptions {
            width,
            height,
            ..BoothOptions::default()
        },
        script: script.clone(),
    }
}

/// Whether the set-up opens a device of this computer, which nobody can open a second time.
pub(crate) fn is_device(config: &Config) -> bool {
    let name = config.camera.as_str();
    name != "virtual" && !name.starts_with("pictures:") && !is_address(name)
}

fn is_address(name: &str) -> bool {
    name.contains("://")
}

fn any_device() -> bool {
    camera::devices().is_ok_and(|found| !found.is_empty())
}

fn device(config: &Config, name: Option<&str>) -> Result<SourceSpec, String> {
    Ok(SourceSpec::Device(DeviceSpec {
        id: name.map(str::to_owned),
        wish: Wish {
            width: config.width,
            height: config.height,
            fps: config.fps,
            ..Wish::default()
        },
        settings: config.optics.settings()?,
    }))
}

#[cfg(test)]
mod tests {
    use camera::{Act, Lock};

    use super::*;
    use crate::config::Booth;
    use crate::optics::Fixed;

    fn named(camera: &str) -> Config {
        Config {
            camera: camera.into(),
            ..Config::default()
        }
    }

    fn of(config: &Config) -> Result<SourceSpec, String> {
        source(config, &Script::new(Act::EmptyWall))
    }

    #[test]
    fn an_address_is_a_network_camera_on_its_mount_and_never_a_name_that_is_told() {
        for address in [
            "http://staff:secret@10.0.0.2/video",
            "rtsp://staff:secret@10.0.0.2/",
        ] {
            let mut config = named(address);
            config.optics.mounting = 270;
            let source = of(&config).unwrap();
            let SourceSpec::Mounted { sensor, .. } = &source else {
                panic!("not mounted: {source:?}");
            };
            assert!(matches!(**sensor, SourceSpec::Network { .. }));
            assert!(!format!("{source:?}").contains("secret"));
        }
    }

    #[test]
    fn a_device_is_asked_for_what_staff_fixed_on_it() {
        let mut config = named("usb-1");
        config.optics.white_balance = Fixed::Number(5000);
        let source = of(&config).unwrap();
        let SourceSpec::Device(device) = source else {
            panic!("another source: {source:?}");
        };
        assert_eq!(device.id.as_deref(), Some("usb-1"));
        assert_eq!(device.settings.white_balance, Lock::At(5000));
        config.optics.focus = Fixed::Word("near".into());
        assert!(of(&config).unwrap_err().contains("focus"));
    }

    #[test]
    fn the_virtual_booth_has_a_size_where_the_set_up_leaves_it_to_the_camera() {
        let SourceSpec::VirtualBooth { options, .. } = of(&named("virtual")).unwrap() else {
            panic!("another source");
        };
        assert_eq!((options.width, options.height), BOOTH);
    }

    #[test]
    fn a_folder_of_photos_is_a_photographers() {
        let mut config = named("folder:/photos");
        assert!(of(&config).unwrap_err().contains("photographer"));
        config.booth = Booth::Photographer;
        assert!(of(&config).is_ok(), "the webcam shows who sits there");
    }
}
