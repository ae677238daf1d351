//! The set-up as staff change it: each field judged with a sentence, `station.toml` changed in place, a camera tried
//! before it is chosen.
//!
//! | module | what it does |
//! |---|---|
//! | `judge` | what is wrong with a set-up, field by field |
//! | `choices` | what there is to choose from: cameras, printers, profiles, standards, sheets |
//! | `trial` | a camera looked through before it is chosen |

mod choices;
mod judge;
mod trial;

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use specta::Type;

pub use choices::{CameraChoice, CameraFormat, NamedChoice, PrinterChoice, SpecView};
pub use trial::TrialView;

use crate::config::{Booth, Config, FILE};
use crate::errand::Words;
use crate::optics::{Fixed, Optics};
use crate::printout::{self, Offer, ReceiptPaper};
use crate::staff::{Login, SHORTEST_PIN};
use crate::station::{Station, StationError};

/// What staff may change. Addresses, keys and waiting times belong to whoever sets the station up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Settings {
    /// What people call this booth.
    pub name: String,
    /// Who leads the visit.
    pub booth: Booth,
    /// `auto`, `virtual`, `pictures:DIR`, `folder:DIR`, an address, or a device's stable name.
    pub camera: String,
    /// Frame width asked of a device, in pixels; 0: the best it offers.
    pub width: u32,
    /// Frame height asked of a device, in pixels; 0: the best it offers.
    pub height: u32,
    /// Frames a second asked of a device.
    pub fps: u32,
    /// Clockwise degrees by which the sensor's picture must be turned: 0, 90, 180 or 270.
    pub mounting: u32,
    /// `auto`, `hold`, or a number in the camera's own unit.
    pub exposure: String,
    /// `auto`, `hold`, or kelvin.
    pub white_balance: String,
    /// `auto`, `hold`, or a number in the camera's own unit.
    pub focus: String,
    /// In the camera's own steps; 0 leaves it as it is.
    pub zoom: u32,
    /// Against flicker: 50 or 60; 0 leaves it as it is.
    pub mains_hertz: u32,
    /// Vendor profile until the backend sends its own.
    pub profile: String,
    /// Photo standard; empty: the profile's.
    pub spec: String,
    /// Whether the shutter releases itself.
    pub automatic_shutter: bool,
    /// Seconds from the shutter's release to the photo.
    pub countdown: u32,
    /// Loudness of the sounds in percent; 0: none.
    pub volume: u32,
    /// Whether hints are spoken.
    pub voice: bool,
    /// Whether everything to press stands within a wheelchair's reach.
    pub low_buttons: bool,
    /// `auto`, a queue's name, or `ipp://HOST/PATH`; empty: none.
    pub printer: String,
    /// Whether students get a receipt on paper.
    pub print_receipt: Offer,
    /// What receipts are printed on.
    pub receipt_paper: ReceiptPaper,
    /// Whether students get the print sheet.
    pub print_sheet: Offer,
    /// The print sheet's layout; empty: the profile's.
    pub sheet: String,
    /// Folder for the nightly backups; empty: none.
    pub backup_folder: String,
    /// Megabytes that must be free.
    pub least_free_mb: u32,
    /// Records that may wait.
    pub most_waiting: u32,
    /// Days a record may wait.
    pub oldest_waiting_days: u32,
    /// Days without a word of the backend.
    pub oldest_profile_days: u32,
}

/// The set-up and what it may be changed to.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct SettingsView {
    /// As `station.toml` says now.
    pub settings: Settings,
    /// As the program was started with: what differs takes effect with the next start.
    pub running: Settings,
    /// Cameras that are connected.
    pub cameras: Vec<CameraChoice>,
    /// Why they cannot be listed.
    pub cameras_trouble: Option<String>,
    /// Printers this system has.
    pub printers: Vec<PrinterChoice>,
    /// Why they cannot be listed.
    pub printers_trouble: Option<Words>,
    /// Vendor profiles.
    pub profiles: Vec<NamedChoice>,
    /// Layouts of the print sheet.
    pub sheets: Vec<NamedChoice>,
    /// Photo standards with their numbers.
    pub specs: Vec<SpecView>,
    /// The photo standard in force.
    pub spec_in_force: String,
    /// The file.
    pub file: String,
    /// Address of the vendor's backend.
    pub backend: String,
}

/// What came of saving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct SettingsSaved {
    /// What is wrong, by the field; nothing was written unless it is empty.
    pub troubles: Vec<FieldTrouble>,
    /// True where something takes effect with the next start only.
    pub restart: bool,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct FieldTrouble {
    /// The field, as [`Settings`] calls it.
    pub field: String,
    /// What is wrong and what to do.
    pub says: Words,
}

/// What came of a new PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum PinChange {
    /// It is set.
    Changed,
    /// The old one was wrong.
    WrongOld,
    /// Too many wrong ones: wait.
    Locked,
    /// The new one has fewer than six digits, or something else in it.
    TooShort,
}

impl Settings {
    fn of(config: &Config) -> Settings {
        let config = config.clone();
        Settings {
            name: config.name,
            booth: config.booth,
            camera: config.camera,
            width: config.width,
            height: config.height,
            fps: config.fps,
            mounting: config.optics.mounting,
            exposure: config.optics.exposure.to_string(),
            white_balance: config.optics.white_balance.to_string(),
            focus: config.optics.focus.to_string(),
            zoom: config.optics.zoom,
            mains_hertz: config.optics.mains_hertz,
            profile: config.profile,
            spec: config.spec,
            automatic_shutter: config.automatic_shutter,
            countdown: config.countdown,
            volume: config.volume,
            voice: config.voice,
            low_buttons: config.low_buttons,
            printer: config.printer,
            print_receipt: config.print_receipt,
            receipt_paper: config.receipt_paper,
            print_sheet: config.print_sheet,
            sheet: config.sheet,
            backup_folder: config.backup_folder,
            least_free_mb: config.least_free_mb,
            most_waiting: config.most_waiting,
            oldest_waiting_days: config.oldest_waiting_days,
            oldest_profile_days: config.oldest_profile_days,
        }
    }

    /// The set-up with these in it; what staff may not change stays as `config` has it.
    fn in_place_of(self, config: Config) -> Config {
        Config {
            optics: self.optics(),
            name: self.name,
            booth: self.booth,
            camera: self.camera,
            width: self.width,
            height: self.height,
            fps: self.fps,
            profile: self.profile,
            spec: self.spec,
            automatic_shutter: self.automatic_shutter,
            countdown: self.countdown,
            volume: self.volume,
            voice: self.voice,
            low_buttons: self.low_buttons,
            printer: self.printer,
            print_receipt: self.print_receipt,
            receipt_paper: self.receipt_paper,
            print_sheet: self.print_sheet,
            sheet: self.sheet,
            backup_folder: self.backup_folder,
            least_free_mb: self.least_free_mb,
            most_waiting: self.most_waiting,
            oldest_waiting_days: self.oldest_waiting_days,
            oldest_profile_days: self.oldest_profile_days,
            ..config
        }
    }

    fn optics(&self) -> Optics {
        Optics {
            mounting: self.mounting,
            exposure: Fixed::from(self.exposure.as_str()),
            white_balance: Fixed::from(self.white_balance.as_str()),
            focus: Fixed::from(self.focus.as_str()),
            zoom: self.zoom,
            mains_hertz: self.mains_hertz,
        }
    }
}

impl Station {
    /// The set-up and what it may be changed to.
    ///
    /// # Errors
    /// When `station.toml` cannot be read.
    pub async fn settings(&self) -> Result<SettingsView, StationError> {
        let inner = self.inner().clone();
        let spec_in_force = inner
            .lens
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .spec
            .id
            .clone();
        let (printers, printers_trouble) = choices::printers().await;
        // Listing devices asks drivers, which take their time.
        tokio::task::spawn_blocking(move || {
            let config = Config::load(&inner.data).map_err(|error| StationError::SetUp(error.to_string()))?;
            let (cameras, cameras_trouble) = choices::cameras();
            Ok(SettingsView {
                settings: Settings::of(&config),
                running: Settings::of(&inner.config),
                cameras,
                cameras_trouble,
                printers,
                printers_trouble,
                profiles: choices::profiles(),
                sheets: choices::sheets(),
                specs: choices::specs(),
                spec_in_force,
                file: inner.data.join(FILE).display().to_string(),
                backend: config.backend,
            })
        })
        .await
        .map_err(|error| StationError::System(error.to_string()))?
    }

    /// Writes the set-up into `station.toml`, if nothing is wrong with it.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn settings_save(&self, settings: Settings) -> Result<SettingsSaved, StationError> {
        let inner = self.inner().clone();
        tokio::task::spawn_blocking(move || {
            let troubles = settings.troubles(&inner.data);
            if !troubles.is_empty() {
                return Ok(SettingsSaved {
                    troubles,
                    restart: false,
                });
            }
            let restart = settings != Settings::of(&inner.config);
            let config = Config::load(&inner.data).map_err(|error| StationError::SetUp(error.to_string()))?;
            settings
                .in_place_of(config)
                .save(&inner.data)
                .map_err(|error| StationError::SetUp(error.to_string()))?;
            Ok(SettingsSaved { troubles, restart })
        })
        .await
        .map_err(|error| StationError::System(error.to_string()))?
    }

    /// Prints the test page by the printer of these settings and waits for it.
    ///
    /// # Errors
    /// Why no paper came.
    pub async fn print_trial(&self, settings: Settings) -> Result<(), printing::Trouble> {
        let config = settings.in_place_of(self.inner().config.clone());
        printout::test_page(&config, &|_| ()).await
    }

    /// Gives the staff pages another PIN, for who knows the old one. Wrong ones count as at the door.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn staff_pin_change(&self, old: String, new: String) -> Result<PinChange, StationError> {
        if new.len() < SHORTEST_PIN || !new.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(PinChange::TooShort);
        }
        match self.staff_login(old).await? {
            Login::Wrong | Login::NoPin => return Ok(PinChange::WrongOld),
            Login::Locked(_) => return Ok(PinChange::Locked),
            Login::Open => {}
        }
        self.with_records(move |store| crate::desk::set_staff_pin(store, &new))
            .await?;
        Ok(PinChange::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_staff_see_of_a_set_up_makes_the_same_set_up_again() {
        let mut config = Config {
            booth: Booth::Photographer,
            printer: "auto".into(),
            print_sheet: Offer::Always,
            receipt_paper: ReceiptPaper::A6,
            volume: 15,
            countdown: 5,
            ..Config::default()
        };
        config.optics.mounting = 90;
        config.optics.white_balance = Fixed::Number(5000);
        config.optics.exposure = Fixed::Word("hold".into());
        let seen = Settings::of(&config);
        assert_eq!(seen.white_balance, "5000");
        assert_eq!(seen.clone().in_place_of(config.clone()), config);
        // Over another one it changes all that staff may change, and nothing else.
        let other = Config {
            backend: "https://backend.example".into(),
            connect_seconds: 9,
            ..Config::default()
        };
        let changed = seen.clone().in_place_of(other.clone());
        assert_eq!(Settings::of(&changed), seen);
        assert_eq!(
            (changed.backend, changed.connect_seconds),
            (other.backend, other.connect_seconds)
        );
    }
}
