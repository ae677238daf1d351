//! `station.toml`: what staff set up once. Secrets are not here but in the encrypted records.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use specta::Type;
use vendor::trust::NoPin;
use vendor::{Client, StationKey, Timeouts, Trust};

use crate::fitness::Limits;
use crate::optics::Optics;
use crate::printout::{Offer, ReceiptPaper};
use crate::view::Comfort;

/// The file's name inside the station's folder.
pub const FILE: &str = "station.toml";

/// Below the lease of an attempt, with a minute for everything else in it.
const LONGEST_TRANSFER: u32 = (records::LEASE.as_secs() - 60) as u32;

/// Whose face the program has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Booth {
    /// A student alone, by touch.
    #[default]
    SelfService,
    /// A photographer, by keys, on one screen.
    Photographer,
}

/// How a station is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What people call this booth ("图书馆1号机").
    pub name: String,
    /// Address of the vendor's backend; empty until it is known.
    pub backend: String,
    /// Keys of which the backend must have one, `sha256/BASE64` of its public key (RFC 7469); empty: its certificate
    /// decides alone.
    pub backend_pins: Vec<String>,
    /// Vendor profile to start with; the backend's own replaces it once it answers.
    pub profile: String,
    /// Photo standard; empty: the profile's.
    pub spec: String,
    /// Who leads the visit: `self-service` or `photographer`.
    pub booth: Booth,
    /// The camera: `auto`, `virtual`, `pictures:DIR`, `folder:DIR` for a tethered camera's photos beside the webcam's
    /// picture, or a device's stable name.
    pub camera: String,
    /// Frame width asked of a device, in pixels; with `height` 0: the best the device offers.
    pub width: u32,
    /// Frame height asked of a device, in pixels.
    pub height: u32,
    /// Frames a second asked of a device.
    pub fps: u32,
    /// Whether the shutter releases itself once the face is right and still.
    pub automatic_shutter: bool,
    /// Loudness of the sounds in percent; 0: none.
    pub volume: u32,
    /// Whether hints are spoken, where the system has a voice.
    pub voice: bool,
    /// Whether everything to press stands in the lower part of an upright screen, within a wheelchair's reach.
    pub low_buttons: bool,
    /// The printer: `auto` for the system's default one, a queue's name, or `ipp://HOST/PATH`; empty: none.
    pub printer: String,
    /// Whether students get the print sheet.
    pub print_sheet: Offer,
    /// Whether students get a receipt on paper.
    pub print_receipt: Offer,
    /// The print sheet's layout; empty: the profile's.
    pub sheet: String,
    /// What receipts are printed on.
    pub receipt_paper: ReceiptPaper,
    /// Folder for the nightly backups, best on another disk; empty: none.
    pub backup_folder: String,
    /// Megabytes that must be free on the disk of the records before a visit may begin.
    pub least_free_mb: u32,
    /// Records that may wait to be sent before no further visit may begin.
    pub most_waiting: u32,
    /// Days a record may wait to be sent before no further visit may begin.
    pub oldest_waiting_days: u32,
    /// Days without a word of the backend before no further visit may begin.
    pub oldest_profile_days: u32,
    /// From the start of the countdown to the shutter, in seconds; at most 10.
    pub countdown: u32,
    /// The longest wait for a connection to the backend, in seconds.
    pub connect_seconds: u32,
    /// The longest wait for a small request's whole answer, in seconds: a student stands there.
    pub request_seconds: u32,
    /// The longest wait for a photo to go through, in seconds; at most 240, below [`records::LEASE`].
    pub transfer_seconds: u32,
    /// How the camera hangs and what staff fixed on it.
    pub optics: Optics,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            name: "采集站".into(),
            backend: String::new(),
            backend_pins: Vec::new(),
            profile: "biyezhengzhao".into(),
            spec: String::new(),
            booth: Booth::SelfService,
            camera: "auto".into(),
            width: 0,
            height: 0,
            fps: 30,
            automatic_shutter: true,
            volume: 60,
            voice: true,
            low_buttons: false,
            printer: String::new(),
            print_sheet: Offer::Never,
            print_receipt: Offer::Offer,
            sheet: String::new(),
            receipt_paper: ReceiptPaper::Roll80,
            backup_folder: String::new(),
            least_free_mb: 500,
            most_waiting: 3000,
            oldest_waiting_days: 7,
            oldest_profile_days: 14,
            countdown: 3,
            connect_seconds: 5,
            request_seconds: 15,
            transfer_seconds: 120,
            optics: Optics::default(),
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
    /// Not understood where it is to be changed.
    #[error("{FILE}: {0}")]
    Unchangeable(#[from] toml_edit::TomlError),
    /// A value that cannot be meant.
    #[error("{FILE}: [optics] {0}")]
    Optics(String),
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
            Ok(text) => {
                let config: Config = toml::from_str(&text)?;
                config.optics.check().map_err(ConfigError::Optics)?;
                Ok(config)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whom to take for the backend.
    ///
    /// # Errors
    /// When a pin is none.
    pub fn trust(&self) -> Result<Trust, NoPin> {
        let pins = self
            .backend_pins
            .iter()
            .map(|pin| pin.parse())
            .collect::<Result<_, _>>()?;
        Ok(Trust {
            pins,
            ..Trust::default()
        })
    }

    /// The folder a tethered camera's photos come into, where the photos are not the webcam's.
    pub fn tethered_folder(&self) -> Option<PathBuf> {
        let folder = self.camera.strip_prefix("folder:")?;
        (self.booth == Booth::Photographer).then(|| PathBuf::from(folder))
    }

    /// A client nobody knows, to ask whether the backend is there at all; `None` where none is set up.
    pub fn stranger(&self) -> Option<Client> {
        let key = StationKey::generate().ok()?;
        Client::with_trust(&self.backend, key, self.timeouts(), &self.trust().ok()?).ok()
    }

    /// What of it the pages need to know.
    pub fn comfort(&self) -> Comfort {
        Comfort {
            low_buttons: self.low_buttons,
            volume: self.volume.min(100),
            voice: self.voice,
        }
    }

    /// Where the nightly backups go, if anywhere.
    pub fn backups(&self) -> Option<PathBuf> {
        (!self.backup_folder.is_empty()).then(|| PathBuf::from(&self.backup_folder))
    }

    /// What closes the station for new visits.
    pub fn limits(&self) -> Limits {
        let days = |days: u32| SignedDuration::from_hours(i64::from(days) * 24);
        Limits {
            least_free: u64::from(self.least_free_mb) << 20,
            most_waiting: self.most_waiting.into(),
            oldest_waiting: days(self.oldest_waiting_days),
            oldest_profile: days(self.oldest_profile_days),
            ..Limits::default()
        }
    }

    /// How long the backend is waited for, each at least a second. Bounded so that a page waiting for an answer never
    /// gives up before the client does.
    pub fn timeouts(&self) -> Timeouts {
        let seconds = |given: u32, most: u32| Duration::from_secs(u64::from(given.clamp(1, most)));
        Timeouts {
            connect: seconds(self.connect_seconds, 15),
            request: seconds(self.request_seconds, 30),
            // An attempt still under way must not count as broken off.
            transfer: seconds(self.transfer_seconds, LONGEST_TRANSFER),
        }
    }

    /// Writes `station.toml` whole or not at all. What a person wrote into it, comments and order, stays; only values
    /// that are others now are changed.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), ConfigError> {
        std::fs::create_dir_all(folder)?;
        let text = match std::fs::read_to_string(folder.join(FILE)) {
            Ok(there) => self.written_into(&there)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => toml::to_string_pretty(self)?,
            Err(error) => return Err(error.into()),
        };
        let draft = folder.join("station.toml.new");
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(draft, folder.join(FILE))?;
        Ok(())
    }

    /// The file's text with these values in it.
    fn written_into(&self, text: &str) -> Result<String, ConfigError> {
        let mut file: toml_edit::DocumentMut = text.parse()?;
        let (before, now) = (
            toml::Table::try_from(toml::from_str::<Config>(text)?)?,
            toml::Table::try_from(self)?,
        );
        change(file.as_table_mut(), &before, &now)?;
        Ok(file.to_string())
    }
}

/// Writes into `file` what is another value now; a table is walked through, not written anew.
fn change(
    file: &mut dyn toml_edit::TableLike,
    before: &toml::Table,
    now: &toml::Table,
) -> Result<(), ConfigError> {
    for (key, value) in now.iter().filter(|(key, value)| before.get(*key) != Some(*value)) {
        if let (Some(toml::Value::Table(before)), toml::Value::Table(now)) = (before.get(key), value) {
            let table = file
                .entry(key)
                .or_insert_with(|| toml_edit::Item::Table(toml_edit::Table::new()));
            if let Some(table) = table.as_table_like_mut() {
                change(table, before, now)?;
            }
            continue;
        }
        let mut value: toml_edit::Value = value.to_string().parse()?;
        match file.get_mut(key).and_then(toml_edit::Item::as_value_mut) {
            Some(there) => {
                // The comment behind a value belongs to its line.
                *value.decor_mut() = there.decor().clone();
                *there = value;
            }
            None => {
                file.insert(key, toml_edit::value(value));
            }
        }
    }
    Ok(())
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
    fn what_a_person_wrote_into_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(super::FILE);
        let written =
            "# 图书馆一楼\nfps = 25   # the lamp flickers at 30\n\n# do not touch\nname = \"1号机\"\n";
        std::fs::write(&file, written).unwrap();
        let mut config = Config::load(folder.path()).unwrap();
        config.save(folder.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            written,
            "nothing was changed"
        );
        config.fps = 15;
        config.countdown = 5;
        config.save(folder.path()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            written.replace("fps = 25", "fps = 15") + "countdown = 5\n",
            "only what is another value now"
        );
        assert_eq!(Config::load(folder.path()).unwrap(), config);
    }

    #[test]
    fn a_table_in_the_file_keeps_its_comments_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(super::FILE);
        let written =
            "name = \"1号机\"\n\n# the camera hangs on its side\n[optics]\nmounting = 90 # cable down\n";
        std::fs::write(&file, written).unwrap();
        let mut config = Config::load(folder.path()).unwrap();
        config.optics.mounting = 270;
        config.optics.zoom = 120;
        config.volume = 20;
        config.save(folder.path()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            "name = \"1号机\"\nvolume = 20\n\n# the camera hangs on its side\n[optics]\n\
             mounting = 270 # cable down\nzoom = 120\n"
        );
        assert_eq!(Config::load(folder.path()).unwrap(), config);

        // Where there was none it stands behind everything else.
        std::fs::write(&file, "name = \"1号机\"\n").unwrap();
        config.save(folder.path()).unwrap();
        assert_eq!(Config::load(folder.path()).unwrap(), config);
    }

    #[test]
    fn a_pin_that_is_none_is_named_and_never_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let pin = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
        let file = folder.path().join(super::FILE);
        std::fs::write(&file, format!("backend-pins = [\"{pin}\"]\n")).unwrap();
        let config = Config::load(folder.path()).unwrap();
        assert_eq!(config.trust().unwrap().pins[0].to_string(), pin);
        std::fs::write(&file, "backend-pins = [\"sha256/short\"]\n").unwrap();
        let error = Config::load(folder.path()).unwrap().trust().unwrap_err();
        assert!(error.to_string().contains("sha256/short"), "{error}");
    }

    #[test]
    fn no_waiting_time_outlasts_an_attempts_lease_and_none_is_nothing() {
        let forever = Config {
            connect_seconds: 0,
            transfer_seconds: u32::MAX,
            ..Config::default()
        };
        assert!(forever.timeouts().transfer < records::LEASE);
        assert_eq!(forever.timeouts().connect.as_secs(), 1);
        assert_eq!(Config::default().timeouts(), vendor::Timeouts::default());
        assert_eq!(
            Config::default().limits(),
            crate::fitness::Limits::default(),
            "one set of defaults"
        );
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
