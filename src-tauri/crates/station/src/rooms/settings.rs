//! The set-up as staff change it: each field judged with a sentence, `station.toml` changed in place, a camera tried
//! before it is chosen.

use std::path::Path;
use std::sync::PoisonError;

use camera::{Act, Address, BoothOptions, Camera, DeviceSpec, Script, SourceSpec, Wish};
use portrait::Spec;
use serde::{Deserialize, Serialize};
use specta::Type;
use vendor::Profile;

use crate::config::{Config, FILE};
use crate::errand::Words;
use crate::rooms::live::in_words;
use crate::staff::{Login, SHORTEST_PIN};
use crate::station::{Station, StationError};

/// What staff may change. Addresses, keys and waiting times belong to whoever sets the station up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Settings {
    /// What people call this booth.
    pub name: String,
    /// `auto`, `virtual`, `pictures:DIR`, or a device's stable name.
    pub camera: String,
    /// Frame width asked of a device, in pixels.
    pub width: u32,
    /// Frame height asked of a device, in pixels.
    pub height: u32,
    /// Frames a second asked of a device.
    pub fps: u32,
    /// Vendor profile until the backend sends its own.
    pub profile: String,
    /// Photo standard; empty: the profile's.
    pub spec: String,
    /// Whether the shutter releases itself.
    pub automatic_shutter: bool,
    /// Seconds from the shutter's release to the photo.
    pub countdown: u32,
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
    /// Vendor profiles.
    pub profiles: Vec<NamedChoice>,
    /// Photo standards with their numbers.
    pub specs: Vec<SpecView>,
    /// The photo standard in force.
    pub spec_in_force: String,
    /// The file.
    pub file: String,
    /// Address of the vendor's backend.
    pub backend: String,
}

/// A connected camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct CameraChoice {
    /// Its stable name.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Sizes it offers, largest first, as `1280×720 · 30`.
    pub formats: Vec<CameraFormat>,
}

/// A size a camera offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct CameraFormat {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
}

/// Something to choose by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct NamedChoice {
    /// What stands in the file.
    pub id: String,
    /// Its name.
    pub name: Words,
}

/// A photo standard in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct SpecView {
    /// What stands in the file.
    pub id: String,
    /// Its name.
    pub name: Words,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Dots an inch.
    pub dpi: u32,
    /// Background, sRGB.
    pub background: [u8; 3],
    /// Crown below the top edge, smallest and largest, in pixels.
    pub crown: [f64; 2],
    /// Eyes below the top edge, in pixels.
    pub eyes: [f64; 2],
    /// Cheek to cheek, in pixels.
    pub face_width: [f64; 2],
    /// Size of the file, smallest and largest, in bytes.
    pub bytes: [u32; 2],
    /// JPEG quality, smallest.
    pub quality: u32,
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

/// A camera to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct CameraTrial {
    /// As [`Settings`].
    pub camera: String,
    /// As [`Settings`].
    pub width: u32,
    /// As [`Settings`].
    pub height: u32,
    /// As [`Settings`].
    pub fps: u32,
}

/// How a camera that is tried does.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct TrialView {
    /// Where its picture is: `preview` for the running camera, `trial` for another.
    pub picture: String,
    /// What it does.
    pub says: Words,
    /// True while it delivers.
    pub streaming: bool,
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
        Settings {
            name: config.name.clone(),
            camera: config.camera.clone(),
            width: config.width,
            height: config.height,
            fps: config.fps,
            profile: config.profile.clone(),
            spec: config.spec.clone(),
            automatic_shutter: config.automatic_shutter,
            countdown: config.countdown,
            backup_folder: config.backup_folder.clone(),
            least_free_mb: config.least_free_mb,
            most_waiting: config.most_waiting,
            oldest_waiting_days: config.oldest_waiting_days,
            oldest_profile_days: config.oldest_profile_days,
        }
    }

    fn into_config(self, config: Config) -> Config {
        Config {
            name: self.name,
            camera: self.camera,
            width: self.width,
            height: self.height,
            fps: self.fps,
            profile: self.profile,
            spec: self.spec,
            automatic_shutter: self.automatic_shutter,
            countdown: self.countdown,
            backup_folder: self.backup_folder,
            least_free_mb: self.least_free_mb,
            most_waiting: self.most_waiting,
            oldest_waiting_days: self.oldest_waiting_days,
            oldest_profile_days: self.oldest_profile_days,
            ..config
        }
    }

    /// What is wrong with it; `data` is the station's own folder.
    pub fn troubles(&self, data: &Path) -> Vec<FieldTrouble> {
        let mut troubles = Vec::new();
        let mut wrong = |field: &str, zh: String, en: String| {
            troubles.push(FieldTrouble {
                field: field.to_owned(),
                says: Words::new(zh, en),
            });
        };
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control) {
            wrong(
                "name",
                "名称需要 1 到 40 个字".into(),
                "a name has 1 to 40 characters".into(),
            );
        }
        match self.camera.strip_prefix("pictures:") {
            Some(folder) if !Path::new(folder).exists() => wrong(
                "camera",
                format!("找不到图片文件夹 {folder}"),
                format!("there is no folder of pictures {folder}"),
            ),
            None if self.camera.trim().is_empty() => wrong(
                "camera",
                "请选择摄像头；“自动”会用第一个".into(),
                "choose a camera; \"auto\" takes the first".into(),
            ),
            _ => {}
        }
        for (field, zh, value, least, most) in [
            ("width", "画面宽度", self.width, 640, 7680),
            ("height", "画面高度", self.height, 480, 4320),
            ("fps", "帧率", self.fps, 5, 120),
            ("countdown", "倒计时", self.countdown, 0, 10),
            ("least_free_mb", "磁盘余量", self.least_free_mb, 200, 1_000_000),
            ("most_waiting", "待发上限", self.most_waiting, 1, 100_000),
            ("oldest_waiting_days", "待发天数", self.oldest_waiting_days, 1, 90),
            ("oldest_profile_days", "离线天数", self.oldest_profile_days, 1, 90),
        ] {
            // A size of 0 leaves it to the camera's best.
            let left_open = value == 0 && (field == "width" || field == "height");
            if !left_open && (value < least || value > most) {
                wrong(
                    field,
                    format!("{zh}应在 {least} 到 {most} 之间"),
                    format!("between {least} and {most}"),
                );
            }
        }
        if Profile::built_in(&self.profile).is_none() {
            wrong(
                "profile",
                "没有这个采集流程".into(),
                "there is no such vendor profile".into(),
            );
        }
        if !self.spec.is_empty() && Spec::built_in(&self.spec).is_none() {
            wrong(
                "spec",
                "没有这个照片标准".into(),
                "there is no such photo standard".into(),
            );
        }
        if let Some(says) = backup_trouble(&self.backup_folder, data) {
            troubles.push(FieldTrouble {
                field: "backup_folder".to_owned(),
                says,
            });
        }
        troubles
    }
}

/// A folder that is away now would fail every night.
fn backup_trouble(folder: &str, data: &Path) -> Option<Words> {
    if folder.is_empty() {
        return None;
    }
    let path = Path::new(folder);
    if !path.is_absolute() {
        return Some(Words::new(
            "请写完整路径",
            "give the whole path, from the root on",
        ));
    }
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a.starts_with(b),
        _ => false,
    };
    if same(path, data) {
        return Some(Words::new(
            "备份不能放在照片库自己的文件夹里",
            "a backup inside the records' own folder is none",
        ));
    }
    match tempfile::tempfile_in(path) {
        Ok(_) => None,
        Err(error) => Some(Words::new(
            format!("这个文件夹现在不能写入：{error}"),
            format!("this folder cannot be written now: {error}"),
        )),
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
        // Listing devices asks drivers, which take their time.
        tokio::task::spawn_blocking(move || {
            let config = Config::load(&inner.data).map_err(|error| StationError::SetUp(error.to_string()))?;
            let (cameras, cameras_trouble) = match camera::devices() {
                Ok(found) => (found.into_iter().map(choice).collect(), None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            };
            Ok(SettingsView {
                settings: Settings::of(&config),
                running: Settings::of(&inner.config),
                cameras,
                cameras_trouble,
                profiles: Profile::BUILT_IN
                    .into_iter()
                    .filter_map(Profile::built_in)
                    .map(|profile| NamedChoice {
                        id: profile.id,
                        name: Words::new(profile.name, profile.name_en),
                    })
                    .collect(),
                specs: Spec::names().filter_map(Spec::built_in).map(numbers).collect(),
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
                .into_config(config)
                .save(&inner.data)
                .map_err(|error| StationError::SetUp(error.to_string()))?;
            Ok(SettingsSaved { troubles, restart })
        })
        .await
        .map_err(|error| StationError::System(error.to_string()))?
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

    /// Opens a camera beside the running one, to look through it before it is chosen; `None` closes it again.
    pub fn camera_trial(&self, trial: Option<CameraTrial>) -> TrialView {
        let inner = self.inner();
        let mut held = inner.trial.lock().unwrap_or_else(PoisonError::into_inner);
        let running = &inner.config;
        let wanted = trial.filter(|trial| {
            (&trial.camera, trial.width, trial.height, trial.fps)
                != (&running.camera, running.width, running.height, running.fps)
        });
        if held.as_ref().map(|(tried, _)| tried) != wanted.as_ref() {
            *held = wanted.and_then(|trial| {
                let source = source(&trial, &running.camera)?;
                Some((trial, Camera::start(source)))
            });
        }
        let status = match held.as_ref() {
            Some((_, camera)) => Some(camera.status()),
            None => inner.camera.as_ref().map(|camera| camera.status()),
        };
        TrialView {
            picture: if held.is_some() { "trial" } else { "preview" }.to_owned(),
            streaming: matches!(status, Some(camera::CameraStatus::Streaming { .. })),
            says: status.as_ref().map(in_words).unwrap_or_default(),
        }
    }

    /// The newest picture of the camera that is tried.
    pub fn trial_preview(&self) -> Option<Vec<u8>> {
        let held = self.inner().trial.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = held.as_ref()?.1.newest()?;
        drop(held);
        crate::preview::picture(&frame)
    }
}

/// Where the frames of a camera to be tried come from. `None` for the device that serves the students: it cannot be
/// opened twice, and its own picture is there.
fn source(trial: &CameraTrial, running: &str) -> Option<SourceSpec> {
    let own_device =
        |name: &str| !name.starts_with("pictures:") && !name.contains("://") && name != "virtual";
    match trial.camera.as_str() {
        "virtual" => {
            let usual = BoothOptions::default();
            let (width, height) = match (trial.width, trial.height) {
                (0, _) | (_, 0) => (usual.width, usual.height),
                size => size,
            };
            let options = BoothOptions {
                width,
                height,
                ..usual
            };
            let script = Script::new(Act::EmptyWall);
            Some(SourceSpec::VirtualBooth { options, script })
        }
        address if address.contains("://") => Some(SourceSpec::Network {
            address: Address::new(address),
        }),
        name if name.starts_with("pictures:") => Some(SourceSpec::Pictures {
            path: name.trim_start_matches("pictures:").into(),
            fps: trial.fps,
        }),
        name if own_device(running) && (name == running || name == "auto" || running == "auto") => None,
        name => Some(SourceSpec::Device(DeviceSpec {
            id: (name != "auto" && !name.starts_with("folder:")).then(|| name.to_owned()),
            wish: Wish {
                width: trial.width,
                height: trial.height,
                fps: trial.fps,
                ..Wish::default()
            },
            settings: camera::Settings::default(),
        })),
    }
}

fn choice(device: camera::DeviceInfo) -> CameraChoice {
    let mut formats: Vec<CameraFormat> = device
        .formats
        .iter()
        .map(|format| CameraFormat {
            width: format.width,
            height: format.height,
            fps: format.rate.per_second().round() as u32,
        })
        .collect();
    formats.sort_unstable_by(|a, b| b.cmp(a));
    formats.dedup();
    CameraChoice {
        id: device.id,
        name: device.name,
        formats,
    }
}

fn numbers(spec: Spec) -> SpecView {
    SpecView {
        id: spec.id,
        name: Words::new(spec.name_zh, spec.name_en),
        width: spec.width,
        height: spec.height,
        dpi: spec.dpi.into(),
        background: spec.background,
        crown: [spec.crown.min, spec.crown.max],
        eyes: [spec.eyes.min, spec.eyes.max],
        face_width: [spec.face_width.min, spec.face_width.max],
        bytes: [spec.file.min_bytes, spec.file.max_bytes],
        quality: spec.file.min_quality.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right_and_each_wrong_field_has_its_sentence() {
        let (data, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let good = Settings {
            backup_folder: backups.path().display().to_string(),
            ..Settings::of(&Config::default())
        };
        assert!(good.troubles(data.path()).is_empty());
        let wrong = Settings {
            name: "  ".into(),
            camera: "pictures:/nowhere/at/all".into(),
            width: 1,
            fps: 0,
            profile: "nobody".into(),
            spec: "nothing".into(),
            countdown: 11,
            backup_folder: "backups".into(),
            least_free_mb: 0,
            ..good.clone()
        };
        let fields: Vec<String> = wrong
            .troubles(data.path())
            .into_iter()
            .map(|trouble| {
                assert!(!trouble.says.zh.is_empty() && !trouble.says.en.is_empty());
                trouble.field
            })
            .collect();
        let expected = [
            "name",
            "camera",
            "width",
            "fps",
            "countdown",
            "least_free_mb",
            "profile",
            "spec",
            "backup_folder",
        ];
        assert_eq!(fields, expected);
        let inside = data.path().join("backups");
        std::fs::create_dir(&inside).unwrap();
        for bad in [inside, backups.path().join("away")] {
            let trouble = Settings {
                backup_folder: bad.display().to_string(),
                ..good.clone()
            };
            assert_eq!(trouble.troubles(data.path()).len(), 1, "{}", bad.display());
        }
    }

    #[test]
    fn a_device_that_serves_students_is_not_opened_a_second_time() {
        let trial = |camera: &str| CameraTrial {
            camera: camera.into(),
            width: 640,
            height: 480,
            fps: 30,
        };
        assert!(source(&trial("auto"), "auto").is_none());
        assert!(source(&trial("usb-1"), "usb-1").is_none());
        assert!(source(&trial("usb-1"), "auto").is_none(), "it may be the one");
        assert!(source(&trial("usb-2"), "usb-1").is_some());
        assert!(source(&trial("auto"), "virtual").is_some());
        assert!(source(&trial("virtual"), "usb-1").is_some());
    }
}
