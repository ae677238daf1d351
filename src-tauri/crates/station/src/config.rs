//! `station.toml`: what staff set up once. Secrets are not here but in the encrypted records.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The file's name inside the station's folder.
pub const FILE: &str = "station.toml";

/// How a station is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What people call this booth ("图书馆1号机").
    pub name: String,
    /// Address of the vendor's backend; empty until it is known.
    pub backend: String,
    /// Vendor profile to start with; the backend's own replaces it once it answers.
    pub profile: String,
    /// Photo standard; empty: the profile's.
    pub spec: String,
    /// The camera: `auto`, `virtual`, `pictures:DIR`, or a device's stable name.
    pub camera: String,
    /// Frame width asked of a device, in pixels.
    pub width: u32,
    /// Frame height asked of a device, in pixels.
    pub height: u32,
    /// Frames a second asked of a device.
    pub fps: u32,
    /// Whether the shutter releases itself once the face is right and still.
    pub automatic_shutter: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            name: "采集站".into(),
            backend: String::new(),
            profile: "biyezhengzhao".into(),
            spec: String::new(),
            camera: "auto".into(),
            width: 1280,
            height: 720,
            fps: 30,
            automatic_shutter: true,
        }
    }
}

/// Why `station.toml` could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not readable or writable.
    #[error("{FILE}: {0}")]
    File(#[from] std::io::Error),
    /// Not understood; the message names the line.
    #[error("{FILE}: {0}")]
    Syntax(#[from] toml::de::Error),
    /// Cannot be written.
    #[error("{FILE}: {0}")]
    Unwritable(#[from] toml::ser::Error),
}

impl Config {
    /// Reads `station.toml` in `folder`; the defaults where there is none yet.
    ///
    /// # Errors
    /// When the file is there and cannot be read or has an unknown key.
    pub fn load(folder: &Path) -> Result<Config, ConfigError> {
        match std::fs::read_to_string(folder.join(FILE)) {
            Ok(text) => Ok(toml::from_str(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes `station.toml` whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), ConfigError> {
        std::fs::create_dir_all(folder)?;
        let draft = folder.join("station.toml.new");
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(toml::to_string_pretty(self)?.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(draft, folder.join(FILE))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            Config::load(folder.path()).unwrap(),
            Config::default(),
            "a new station starts with defaults"
        );
        let config = Config {
            backend: "http://127.0.0.1:8090".into(),
            fps: 15,
            ..Config::default()
        };
        config.save(folder.path()).unwrap();
        assert_eq!(Config::load(folder.path()).unwrap(), config);
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(super::FILE), "name = \"a\"\nbakend = \"x\"\n").unwrap();
        let message = Config::load(folder.path()).unwrap_err().to_string();
        assert!(
            message.contains("bakend") && message.contains("line 2"),
            "{message}"
        );
    }
}
