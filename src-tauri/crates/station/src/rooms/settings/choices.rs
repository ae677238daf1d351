//! What there is to choose from in the set-up.

use portrait::Spec;
use portrait::sheet::layout;
use serde::Serialize;
use specta::Type;
use vendor::Profile;

use crate::errand::Words;
use crate::printout;

/// A connected camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct CameraChoice {
    /// Its stable name.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Sizes it offers, largest first.
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

/// A printer of this system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct PrinterChoice {
    /// The queue's name.
    pub name: String,
    /// What keeps it from printing now.
    pub trouble: Option<Words>,
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

/// The connected cameras, or why they cannot be listed. May block.
pub(super) fn cameras() -> (Vec<CameraChoice>, Option<String>) {
    match camera::devices() {
        Ok(found) => (found.into_iter().map(camera).collect(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    }
}

fn camera(device: camera::DeviceInfo) -> CameraChoice {
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

/// This system's printers, or why they cannot be listed.
pub(super) async fn printers() -> (Vec<PrinterChoice>, Option<Words>) {
    match printing::printers().await {
        Ok(found) => {
            let choices = found.into_iter().map(|(name, trouble)| PrinterChoice {
                name,
                trouble: trouble.map(trouble_in_words),
            });
            (choices.collect(), None)
        }
        Err(trouble) => (Vec::new(), Some(trouble_in_words(trouble))),
    }
}

fn trouble_in_words(trouble: printing::Trouble) -> Words {
    let [zh, en, ..] = printout::in_words(trouble);
    Words::new(zh, en)
}

pub(super) fn profiles() -> Vec<NamedChoice> {
    Profile::BUILT_IN
        .into_iter()
        .filter_map(Profile::built_in)
        .map(|profile| NamedChoice {
            id: profile.id,
            name: Words::new(profile.name, profile.name_en),
        })
        .collect()
}

pub(super) fn sheets() -> Vec<NamedChoice> {
    layout::names()
        .filter_map(layout::built_in)
        .map(|layout| NamedChoice {
            id: layout.id,
            name: Words::new(layout.name_zh, layout.name_en),
        })
        .collect()
}

pub(super) fn specs() -> Vec<SpecView> {
    Spec::names().filter_map(Spec::built_in).map(numbers).collect()
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
