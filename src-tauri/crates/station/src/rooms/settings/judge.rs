//! What is wrong with a set-up, field by field, in a sentence that says what is right.

use std::path::Path;

use camera::Lock;
use portrait::Spec;
use portrait::sheet::layout;
use vendor::Profile;

use super::{FieldTrouble, Settings};
use crate::config::Booth;
use crate::errand::Words;

/// What a number may be.
enum Rule {
    /// From the one to the other.
    Within(u32, u32),
    /// The same, or 0: the camera's best.
    WithinOrOpen(u32, u32),
    /// One of these.
    OneOf(&'static [u32]),
}

impl Rule {
    fn takes(&self, value: u32) -> bool {
        match self {
            Rule::Within(least, most) => (*least..=*most).contains(&value),
            Rule::WithinOrOpen(least, most) => value == 0 || (*least..=*most).contains(&value),
            Rule::OneOf(values) => values.contains(&value),
        }
    }

    fn in_words(&self, name: &str) -> Words {
        match self {
            Rule::Within(least, most) => Words::new(
                format!("{name}应在 {least} 到 {most} 之间"),
                format!("between {least} and {most}"),
            ),
            Rule::WithinOrOpen(least, most) => Words::new(
                format!("{name}应在 {least} 到 {most} 之间；0 由摄像头决定"),
                format!("between {least} and {most}; 0 leaves it to the camera"),
            ),
            Rule::OneOf(values) => {
                let listed = |between: &str| {
                    let values: Vec<String> = values.iter().map(u32::to_string).collect();
                    values.join(between)
                };
                Words::new(
                    format!("{name}只能是 {}", listed("、")),
                    format!("one of {}", listed(", ")),
                )
            }
        }
    }
}

impl Settings {
    /// What is wrong with it; `data` is the station's own folder.
    pub fn troubles(&self, data: &Path) -> Vec<FieldTrouble> {
        let named = [
            ("name", name_trouble(&self.name)),
            ("camera", camera_trouble(&self.camera, self.booth)),
        ];
        let locks = [
            ("exposure", &self.exposure),
            ("white_balance", &self.white_balance),
            ("focus", &self.focus),
        ]
        .map(|(field, value)| (field, lock_trouble(value)));
        let chosen = [
            ("profile", profile_trouble(&self.profile)),
            ("spec", spec_trouble(&self.spec)),
            ("printer", printer_trouble(&self.printer)),
            ("sheet", sheet_trouble(&self.sheet)),
            ("backup_folder", backup_trouble(&self.backup_folder, data)),
        ];
        named
            .into_iter()
            .chain(self.number_troubles())
            .chain(locks)
            .chain(chosen)
            .filter_map(|(field, says)| {
                Some(FieldTrouble {
                    field: field.to_owned(),
                    says: says?,
                })
            })
            .collect()
    }

    fn number_troubles(&self) -> impl Iterator<Item = (&'static str, Option<Words>)> {
        use Rule::{OneOf, Within, WithinOrOpen};
        [
            ("width", "画面宽度", self.width, WithinOrOpen(640, 7680)),
            ("height", "画面高度", self.height, WithinOrOpen(480, 4320)),
            ("fps", "帧率", self.fps, Within(5, 120)),
            ("mounting", "安装角度", self.mounting, OneOf(&[0, 90, 180, 270])),
            ("zoom", "变焦", self.zoom, Within(0, 10_000)),
            ("mains_hertz", "电源频率", self.mains_hertz, OneOf(&[0, 50, 60])),
            ("countdown", "倒计时", self.countdown, Within(0, 10)),
            ("volume", "音量", self.volume, Within(0, 100)),
            (
                "least_free_mb",
                "磁盘余量",
                self.least_free_mb,
                Within(200, 1_000_000),
            ),
            ("most_waiting", "待发上限", self.most_waiting, Within(1, 100_000)),
            (
                "oldest_waiting_days",
                "待发天数",
                self.oldest_waiting_days,
                Within(1, 90),
            ),
            (
                "oldest_profile_days",
                "离线天数",
                self.oldest_profile_days,
                Within(1, 90),
            ),
        ]
        .into_iter()
        .map(|(field, name, value, rule)| (field, (!rule.takes(value)).then(|| rule.in_words(name))))
    }
}

fn name_trouble(name: &str) -> Option<Words> {
    let name = name.trim();
    let wrong = name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control);
    wrong.then(|| Words::new("名称需要 1 到 40 个字", "a name has 1 to 40 characters"))
}

fn camera_trouble(camera: &str, booth: Booth) -> Option<Words> {
    if camera.trim().is_empty() {
        return Some(Words::new(
            "请选择摄像头；“自动”会用第一个",
            "choose a camera; \"auto\" takes the first",
        ));
    }
    if camera.starts_with("folder:") && booth != Booth::Photographer {
        return Some(Words::new(
            "相机联机文件夹只能用于摄影师采集，请换一个摄像头",
            "a tethered camera's folder is for a photographer's booth: choose another camera",
        ));
    }
    let folder = camera
        .strip_prefix("pictures:")
        .or_else(|| camera.strip_prefix("folder:"))?;
    (!Path::new(folder).exists()).then(|| {
        Words::new(
            format!("找不到图片文件夹 {folder}"),
            format!("there is no folder of pictures {folder}"),
        )
    })
}

fn lock_trouble(value: &str) -> Option<Words> {
    value.parse::<Lock>().err().map(|_| {
        Words::new(
            "请选“自动”或“锁定”，或填一个整数",
            "choose automatic or held, or give a whole number",
        )
    })
}

fn profile_trouble(profile: &str) -> Option<Words> {
    Profile::built_in(profile)
        .is_none()
        .then(|| Words::new("没有这个采集流程", "there is no such vendor profile"))
}

fn spec_trouble(spec: &str) -> Option<Words> {
    (!spec.is_empty() && Spec::built_in(spec).is_none())
        .then(|| Words::new("没有这个照片标准", "there is no such photo standard"))
}

/// One that is away now may come: only what can be no printer's name is wrong.
fn printer_trouble(printer: &str) -> Option<Words> {
    printer.chars().any(char::is_control).then(|| {
        Words::new(
            "请选择打印机，或填 ipp:// 开头的地址",
            "choose a printer, or give an address that begins with ipp://",
        )
    })
}

fn sheet_trouble(sheet: &str) -> Option<Words> {
    (!sheet.is_empty() && layout::built_in(sheet).is_none())
        .then(|| Words::new("没有这种排版", "there is no such print sheet"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// The fields something is wrong with, each with its sentence.
    fn wrong_fields(settings: &Settings, data: &Path) -> Vec<String> {
        settings
            .troubles(data)
            .into_iter()
            .map(|trouble| {
                assert!(!trouble.says.zh.is_empty() && !trouble.says.en.is_empty());
                trouble.field
            })
            .collect()
    }

    #[test]
    fn the_defaults_are_right_and_each_wrong_field_has_its_sentence() {
        let (data, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let good = Settings {
            backup_folder: backups.path().display().to_string(),
            ..Settings::of(&Config::default())
        };
        assert_eq!(wrong_fields(&good, data.path()), [""; 0]);
        let wrong = Settings {
            name: "  ".into(),
            camera: "pictures:/nowhere/at/all".into(),
            width: 1,
            fps: 0,
            mounting: 45,
            mains_hertz: 55,
            countdown: 11,
            volume: 101,
            least_free_mb: 0,
            exposure: "manual".into(),
            profile: "nobody".into(),
            spec: "nothing".into(),
            printer: "a\nb".into(),
            sheet: "wall".into(),
            backup_folder: "backups".into(),
            ..good.clone()
        };
        let expected = [
            "name",
            "camera",
            "width",
            "fps",
            "mounting",
            "mains_hertz",
            "countdown",
            "volume",
            "least_free_mb",
            "exposure",
            "profile",
            "spec",
            "printer",
            "sheet",
            "backup_folder",
        ];
        assert_eq!(wrong_fields(&wrong, data.path()), expected);
        let inside = data.path().join("backups");
        std::fs::create_dir(&inside).unwrap();
        for bad in [inside, backups.path().join("away")] {
            let settings = Settings {
                backup_folder: bad.display().to_string(),
                ..good.clone()
            };
            assert_eq!(wrong_fields(&settings, data.path()), ["backup_folder"]);
        }
    }

    #[test]
    fn only_a_pictures_size_may_be_left_to_the_camera() {
        let data = tempfile::tempdir().unwrap();
        let nothing = Settings {
            width: 0,
            height: 0,
            fps: 0,
            most_waiting: 0,
            ..Settings::of(&Config::default())
        };
        assert_eq!(wrong_fields(&nothing, data.path()), ["fps", "most_waiting"]);
    }

    #[test]
    fn a_tethered_cameras_folder_is_for_a_photographer() {
        let (data, photos) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut settings = Settings {
            camera: format!("folder:{}", photos.path().display()),
            ..Settings::of(&Config::default())
        };
        assert_eq!(wrong_fields(&settings, data.path()), ["camera"]);
        settings.booth = Booth::Photographer;
        assert_eq!(wrong_fields(&settings, data.path()), [""; 0]);
    }
}
