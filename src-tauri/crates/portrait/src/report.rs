//! What was measured, what was decided and why: the proof that travels with a picture.
//!
//! A report is plain data, the same for the same input, and reads back into the same value: the desk, the
//! reviewer and the vendor look at one and the same thing. Times are not in it.

use serde::{Deserialize, Serialize};

/// Version of the report's shape.
pub const SCHEMA: u32 = 1;

/// Everything said about one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// No check is red.
    pub accepted: bool,
    /// Spec it was judged by.
    pub spec: String,
    /// SHA-256 of the capture's file bytes, lower hex; `None` when a finished file was checked on its own.
    pub original_sha256: Option<String>,
    /// Capture size after its EXIF orientation, in pixels.
    pub original_size: Option<[u32; 2]>,
    /// SHA-256 of the finished file's bytes, lower hex.
    pub result_sha256: Option<String>,
    /// The one scale and translation that lead from capture to result.
    pub transform: Option<Transform>,
    /// Where the head is in the finished picture.
    pub geometry: Option<Measured>,
    /// The finished file.
    pub file: Option<FileFacts>,
    /// How person and wall were parted.
    pub matte: Option<MatteFacts>,
    /// Point by point; red first is not guaranteed, order is the order of work.
    pub checks: Vec<Check>,
}

impl Report {
    /// The checks that refuse the picture.
    pub fn refusals(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|c| c.light == Light::Red)
    }

    /// The checks a reviewer might object to.
    pub fn remarks(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|c| c.light == Light::Amber)
    }

    /// The check with this code, if it was made.
    pub fn check(&self, code: CheckCode) -> Option<&Check> {
        self.checks.iter().find(|c| c.code == code)
    }
}

/// `result = scale * capture + (dx, dy)`, in pixels with the origin at the top-left corner of the top-left
/// pixel. Uniform, never a rotation, never a mirror: the standard forbids both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// Result pixels per captured pixel.
    pub scale: f64,
    /// Translation to the right, in result pixels.
    pub dx: f64,
    /// Translation downwards, in result pixels.
    pub dy: f64,
}

impl Transform {
    /// Where a captured point lands in the result.
    pub fn apply(&self, point: [f64; 2]) -> [f64; 2] {
        [self.scale * point[0] + self.dx, self.scale * point[1] + self.dy]
    }

    /// Where a point of the result was captured.
    pub fn invert(&self, point: [f64; 2]) -> [f64; 2] {
        [
            (point[0] - self.dx) / self.scale,
            (point[1] - self.dy) / self.scale,
        ]
    }
}

/// The head in the finished picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Top of the hair below the top edge.
    pub crown: f64,
    /// Middle between the eyes, below the top edge.
    pub eyes: f64,
    /// Cheek to cheek.
    pub face_width: f64,
    /// Face axis minus the picture's middle; positive to the right.
    pub off_centre: f64,
    /// Distance to the nearest limit as a share of half its band, 1 best, negative outside.
    pub margin: f64,
}

/// The finished file as read back by a second decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Size in bytes.
    pub bytes: u32,
    /// JPEG quality factor; estimated from its tables for a file made elsewhere, `None` if it cannot be told.
    pub quality: Option<u8>,
    /// Chroma sampling, `4:4:4` or `4:2:0`, or as found.
    pub sampling: String,
    /// Dots per inch in JFIF, if written.
    pub dpi: Option<u16>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// How person and wall were parted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatteFacts {
    /// `plate`, `wall-model` or `colours-only`.
    pub method: String,
    /// What a person should know about it, English.
    pub notes: Vec<String>,
}

/// One point of the judgement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Which point.
    pub code: CheckCode,
    /// The outcome.
    pub light: Light,
    /// What was measured, in `unit`.
    pub value: Option<f64>,
    /// Smallest value that is not red, in `unit`.
    pub min: Option<f64>,
    /// Largest value that is not red, in `unit`.
    pub max: Option<f64>,
    /// Unit of value and limits, empty for counts and shares.
    pub unit: String,
    /// What it is and what to do, Chinese.
    pub zh: String,
    /// What it is and what to do, English.
    pub en: String,
    /// Where the limit comes from.
    pub source: String,
    /// The official paragraph it serves, in the rule's own Chinese. Empty in reports written before there was one.
    #[serde(default)]
    pub rule: String,
}

/// Traffic light of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Light {
    /// Within the limits.
    Green,
    /// Within the limits, but a reviewer might object.
    Amber,
    /// Outside the limits: the picture is refused.
    Red,
    /// Not decided by this program; a person must look. Never counted as passed.
    ForReviewer,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a check is about. The kebab-case names are stable: reports and screens refer to them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum CheckCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }
        impl CheckCode {
            /// The stable kebab-case name.
            pub const fn as_str(self) -> &'static str {
                match self { $(CheckCode::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// A face was found.
    NoFace = "no-face",
    /// Only one person is in the picture.
    SeveralFaces = "several-faces",
    /// Roll of the head.
    Tilted = "tilted",
    /// Yaw of the head.
    Turned = "turned",
    /// Pitch of the head.
    Pitched = "pitched",
    /// Enough captured pixels.
    TooSmall = "too-small",
    /// The face is lit.
    TooDark = "too-dark",
    /// The face is not burnt out.
    OverExposed = "over-exposed",
    /// Both halves of the face are lit alike.
    UnevenLight = "uneven-light",
    /// Sharpness.
    Blurred = "blurred",
    /// Both eyes are open.
    EyesClosed = "eyes-closed",
    /// Lips closed.
    MouthOpen = "mouth-open",
    /// Crown band.
    Crown = "crown",
    /// Eye band.
    Eyes = "eyes",
    /// Face-width band.
    Width = "width",
    /// Head in the horizontal middle.
    Centre = "centre",
    /// The person is not cut off inside the picture.
    CutOff = "cut-off",
    /// Person and wall could be told apart.
    Wall = "wall",
    /// Background even and of the right colour.
    Background = "background",
    /// Clothes differ from the background.
    Clothes = "clothes",
    /// Pixel size of the file.
    PictureSize = "picture-size",
    /// JPEG, 24-bit, no metadata.
    FileFormat = "file-format",
    /// File size.
    FileSize = "file-size",
    /// JPEG quality.
    FileQuality = "file-quality",
    /// Print density.
    Density = "density",
    /// Nothing lies over the eyes.
    EyesVisible = "eyes-visible",
    /// The eyes look at the camera.
    Gaze = "gaze",
    /// No red pupils.
    RedEyes = "red-eyes",
    /// No teeth are seen.
    Teeth = "teeth",
    /// Glasses are worn, and their frame leaves the eyes free.
    Glasses = "glasses",
    /// Clear lenses.
    TintedLenses = "tinted-lenses",
    /// No glare on the lenses.
    LensGlare = "lens-glare",
    /// No hat, no scarf.
    HeadCovering = "head-covering",
    /// No hair over the brows.
    HairOverFace = "hair-over-face",
    /// Both ears are seen.
    Ears = "ears",
    /// Earrings, necklaces, coloured contact lenses.
    Ornaments = "ornaments",
    /// Make-up, beautifying, picture of a picture.
    Natural = "natural",
    /// No highlights on the skin.
    Shine = "shine",
    /// Nobody moved while the shutter was open.
    MotionBlur = "motion-blur",
    /// Natural colour of the skin.
    Colour = "colour",
    /// The skin was not smoothed by a program.
    Smoothed = "smoothed",
    /// No stripes or checks on the clothes.
    ClothesPattern = "clothes-pattern",
    /// Shoulders covered, neck free.
    Neckline = "neckline",
    /// Shoulders level.
    Shoulders = "shoulders",
    /// No third colour between person and background.
    Halo = "halo",
    /// Not a picture of a picture.
    Recapture = "recapture",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let report = Report {
            schema: SCHEMA,
            accepted: false,
            spec: "national-blue".into(),
            original_sha256: Some("00".repeat(32)),
            original_size: Some([1280, 720]),
            result_sha256: None,
            transform: Some(Transform {
                scale: 1.0 / 3.0,
                dx: -12.345_678_9,
                dy: 0.1,
            }),
            geometry: None,
            file: None,
            matte: Some(MatteFacts {
                method: "plate".into(),
                notes: vec!["moved".into()],
            }),
            checks: vec![Check {
                code: CheckCode::SeveralFaces,
                light: Light::ForReviewer,
                value: Some(0.1 + 0.2),
                min: None,
                max: Some(1.0),
                unit: String::new(),
                zh: "两张脸".into(),
                en: "two faces".into(),
                source: "x".into(),
                rule: "其他人".into(),
            }],
        };
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.contains("\"several-faces\"") && text.contains("\"for-reviewer\""));
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn a_transform_and_its_inverse_meet() {
        let t = Transform {
            scale: 0.73,
            dx: -120.25,
            dy: 33.5,
        };
        let [x, y] = t.invert(t.apply([640.0, 200.0]));
        assert!((x - 640.0).abs() < 1e-9 && (y - 200.0).abs() < 1e-9);
    }
}
