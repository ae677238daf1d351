//! `[optics]` in `station.toml`: how the camera hangs and what staff fixed on it.

use std::fmt;

use camera::{Lock, Mounting, Settings, SourceSpec};
use serde::{Deserialize, Serialize};

/// How the camera hangs, and what is set on it at every opening, also after a replug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Optics {
    /// Clockwise degrees by which the sensor's picture must be turned to stand upright: 0, 90, 180 or 270.
    pub mounting: u32,
    /// Exposure and gain.
    pub exposure: Fixed,
    /// Colour of the light; a number is kelvin.
    pub white_balance: Fixed,
    /// Distance.
    pub focus: Fixed,
    /// Magnification in the camera's own steps; 0 leaves it as it is.
    pub zoom: u32,
    /// Mains frequency against whose flicker the camera guards: 50 or 60; 0 leaves it as it is.
    pub mains_hertz: u32,
}

/// `"auto"`, `"hold"`, or a number in the camera's own unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fixed {
    /// A value.
    Number(i64),
    /// `auto`: the camera's automatic runs; `hold`: it runs for two seconds, what it found stays.
    Word(String),
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fixed::Number(value) => value.fmt(f),
            Fixed::Word(word) => f.write_str(word),
        }
    }
}

/// A whole number is meant as one; whether a word can be meant, [`Optics::settings`] says.
impl From<&str> for Fixed {
    fn from(text: &str) -> Fixed {
        let text = text.trim();
        text.parse()
            .map_or_else(|_| Fixed::Word(text.to_owned()), Fixed::Number)
    }
}

impl Default for Optics {
    fn default() -> Optics {
        let auto = || Fixed::Word("auto".into());
        Optics {
            mounting: 0,
            exposure: auto(),
            white_balance: auto(),
            focus: auto(),
            zoom: 0,
            mains_hertz: Settings::default().mains_hertz,
        }
    }
}

impl Optics {
    /// What is set on the device.
    ///
    /// # Errors
    /// Names the key that cannot be meant.
    pub fn settings(&self) -> Result<Settings, String> {
        let lock = |key: &str, fixed: &Fixed| match fixed {
            Fixed::Number(value) => Ok(Lock::At(*value)),
            Fixed::Word(word) => word.parse().map_err(|error| format!("{key}: {error}")),
        };
        if ![0, 50, 60].contains(&self.mains_hertz) {
            return Err(format!("mains-hertz: {} is none of 0, 50, 60", self.mains_hertz));
        }
        Ok(Settings {
            exposure: lock("exposure", &self.exposure)?,
            white_balance: lock("white-balance", &self.white_balance)?,
            focus: lock("focus", &self.focus)?,
            zoom: (self.zoom > 0).then(|| self.zoom.into()),
            mains_hertz: self.mains_hertz,
        })
    }

    /// The same source on the mount that staff named.
    ///
    /// # Errors
    /// Where the degrees are no quarter turn.
    pub fn mounted(&self, sensor: SourceSpec) -> Result<SourceSpec, String> {
        let degrees = self.mounting;
        match Mounting::from_degrees(degrees) {
            Some(Mounting::Upright) => Ok(sensor),
            Some(mounting) => Ok(SourceSpec::Mounted {
                sensor: Box::new(sensor),
                mounting,
            }),
            None => Err(format!("mounting: {degrees} is none of 0, 90, 180, 270")),
        }
    }

    /// Whether everything named can be meant.
    ///
    /// # Errors
    /// Names the key that cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.settings()?;
        match Mounting::from_degrees(self.mounting) {
            Some(_) => Ok(()),
            None => Err(format!("mounting: {} is none of 0, 90, 180, 270", self.mounting)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn load(optics: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(crate::config::FILE),
            format!("name = \"1\"\n[optics]\n{optics}\n"),
        )
        .unwrap();
        Config::load(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_staff_write_is_what_the_camera_is_told() {
        let written = "mounting = 90\nexposure = \"hold\"\nwhite-balance = 5000\nzoom = 120\n";
        let optics = load(written).unwrap().optics;
        let settings = optics.settings().unwrap();
        assert_eq!(settings.exposure, Lock::Hold);
        assert_eq!(settings.white_balance, Lock::At(5000));
        assert_eq!(settings.focus, Lock::Auto);
        assert_eq!((settings.zoom, settings.mains_hertz), (Some(120), 50));
        let sensor = SourceSpec::Pictures {
            path: "x".into(),
            fps: 1,
        };
        assert!(matches!(
            optics.mounted(sensor),
            Ok(SourceSpec::Mounted {
                mounting: Mounting::Clockwise90,
                ..
            })
        ));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (written, key) in [
            ("mounting = 45", "mounting"),
            ("exposure = \"manual\"", "exposure"),
            ("focus = \"near\"", "focus"),
            ("mains-hertz = 55", "mains-hertz"),
            ("shutter = 1", "shutter"),
        ] {
            let error = load(written).unwrap_err();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn a_station_that_never_heard_of_it_leaves_the_camera_to_itself() {
        assert_eq!(Optics::default().settings().unwrap(), Settings::default());
        let folder = tempfile::tempdir().unwrap();
        Config::default().save(folder.path()).unwrap();
        assert_eq!(Config::load(folder.path()).unwrap().optics, Optics::default());
    }
}
