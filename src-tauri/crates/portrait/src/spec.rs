//! What a finished picture must be, as data.
//!
//! Provinces and vendors differ and change their minds; a figure that lives in a file with its source beside it
//! can be corrected in the field, a figure in code cannot. A spec that cannot be met (bands that exclude each
//! other) is refused when it is read, with its line, not when the first student sits down.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::PortraitError;

/// A closed interval in pixels of the finished picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Smallest allowed value.
    pub min: f64,
    /// Largest allowed value.
    pub max: f64,
}

impl Band {
    /// Distance of `value` to the nearer limit as a share of half the band: 1 in the middle, 0 on a limit,
    /// negative outside.
    pub fn margin(&self, value: f64) -> f64 {
        (value - self.min).min(self.max - value) / ((self.max - self.min) / 2.0)
    }

    /// Whether `value` lies in the band.
    pub fn contains(&self, value: f64) -> bool {
        value >= self.min && value <= self.max
    }
}

/// Limits of the finished file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLimits {
    /// Smallest file in bytes; never reached by padding.
    pub min_bytes: u32,
    /// Largest file in bytes.
    pub max_bytes: u32,
    /// Lowest JPEG quality factor, 1–100.
    pub min_quality: u8,
}

/// Limits of what may be done to the capture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureLimits {
    /// Largest enlargement of the capture, finished pixels per captured pixel.
    pub max_upscale: f64,
}

/// A picture standard: size, background, where the head must be, and the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spec {
    /// Name used on the command line and in reports, for example `national-blue`.
    pub id: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Print density in dots per inch.
    pub dpi: u16,
    /// Background, sRGB.
    pub background: [u8; 3],
    /// Top of the hair below the top edge, in pixels.
    pub crown: Band,
    /// Eyes below the top edge, in pixels.
    pub eyes: Band,
    /// Cheek to cheek, in pixels.
    pub face_width: Band,
    /// The file.
    pub file: FileLimits,
    /// What may be done to the capture.
    pub limits: CaptureLimits,
}

/// The bands of a [`Spec`] as shares of its picture, smallest and largest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bands {
    /// Crown below the top edge, share of the height.
    pub crown: [f32; 2],
    /// Eyes below the top edge, share of the height.
    pub eyes: [f32; 2],
    /// Cheek to cheek, share of the width.
    pub face_width: [f32; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Spanned<String>,
    name_zh: String,
    name_en: String,
    width: Spanned<u32>,
    height: Spanned<u32>,
    dpi: Spanned<u16>,
    background: [u8; 3],
    crown: Spanned<Band>,
    eyes: Spanned<Band>,
    face_width: Spanned<Band>,
    file: Spanned<FileLimits>,
    limits: Spanned<CaptureLimits>,
}

const BUILT_IN: [(&str, &str); 6] = [
    (
        "national-blue",
        include_str!("../../../../assets/specs/national-blue.toml"),
    ),
    (
        "national-white",
        include_str!("../../../../assets/specs/national-white.toml"),
    ),
    (
        "light-grey",
        include_str!("../../../../assets/specs/light-grey.toml"),
    ),
    ("one-inch", include_str!("../../../../assets/specs/one-inch.toml")),
    ("two-inch", include_str!("../../../../assets/specs/two-inch.toml")),
    ("passport", include_str!("../../../../assets/specs/passport.toml")),
];

impl Spec {
    /// Reads a spec and proves that some picture can satisfy it.
    ///
    /// # Errors
    /// [`PortraitError::Spec`] with the line: not TOML, an unknown or missing key, an empty band, a band outside
    /// the picture, eyes that cannot be below the crown, a size or quality out of range.
    pub fn parse(text: &str) -> Result<Spec, PortraitError> {
        let written: Written =
            toml::from_str(text).map_err(|e| PortraitError::Spec(e.to_string().trim_end().to_owned()))?;
        let refuse = |span: std::ops::Range<usize>, why: &str| {
            let line = text
                .get(..span.start)
                .map_or(1, |before| before.matches('\n').count() + 1);
            Err(PortraitError::Spec(format!("line {line}: {why}")))
        };
        let (w, h) = (*written.width.get_ref(), *written.height.get_ref());
        if written.id.get_ref().is_empty()
            || !written
                .id
                .get_ref()
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            return refuse(written.id.span(), "an id is made of a-z, 0-9 and hyphens");
        }
        if !(64..=4096).contains(&w) {
            return refuse(written.width.span(), "a width is 64 to 4096 pixels");
        }
        if !(64..=4096).contains(&h) {
            return refuse(written.height.span(), "a height is 64 to 4096 pixels");
        }
        if !(72..=1200).contains(written.dpi.get_ref()) {
            return refuse(written.dpi.span(), "a density is 72 to 1200 dpi");
        }
        for (band, room, what) in [
            (&written.crown, h, "the crown band"),
            (&written.eyes, h, "the eye band"),
            (&written.face_width, w, "the face-width band"),
        ] {
            let b = band.get_ref();
            if !(b.min.is_finite() && b.max.is_finite() && b.min >= 0.0 && b.min < b.max) {
                return refuse(band.span(), &format!("{what} is empty"));
            }
            if b.max > f64::from(room) {
                return refuse(band.span(), &format!("{what} leaves the picture ({room} pixels)"));
            }
        }
        if written.eyes.get_ref().max <= written.crown.get_ref().min {
            return refuse(written.eyes.span(), "the eyes cannot be above the crown");
        }
        let file = written.file.get_ref();
        if file.min_bytes >= file.max_bytes || !(1..=100).contains(&file.min_quality) {
            return refuse(
                written.file.span(),
                "the file needs min_bytes below max_bytes and a quality of 1 to 100",
            );
        }
        let up = written.limits.get_ref().max_upscale;
        if !(up.is_finite() && (0.5..=4.0).contains(&up)) {
            return refuse(written.limits.span(), "max_upscale is 0.5 to 4");
        }
        Ok(Spec {
            id: written.id.into_inner(),
            name_zh: written.name_zh,
            name_en: written.name_en,
            width: w,
            height: h,
            dpi: written.dpi.into_inner(),
            background: written.background,
            crown: written.crown.into_inner(),
            eyes: written.eyes.into_inner(),
            face_width: written.face_width.into_inner(),
            file: written.file.into_inner(),
            limits: written.limits.into_inner(),
        })
    }

    /// One of the specs that come with the program (`assets/specs/`).
    pub fn built_in(name: &str) -> Option<Spec> {
        let (_, text) = BUILT_IN.iter().find(|(n, _)| *n == name)?;
        Spec::parse(text).ok()
    }

    /// The bands as shares of the picture, for drawing guides over a crop of any size.
    pub fn bands(&self) -> Bands {
        let share = |b: &Band, of: u32| [(b.min / f64::from(of)) as f32, (b.max / f64::from(of)) as f32];
        Bands {
            crown: share(&self.crown, self.height),
            eyes: share(&self.eyes, self.height),
            face_width: share(&self.face_width, self.width),
        }
    }

    /// Names for [`Spec::built_in`], the national default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(n, _)| *n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spec_that_ships_is_read_under_its_own_name() {
        for name in Spec::names() {
            assert_eq!(Spec::built_in(name).unwrap().id, name);
        }
        assert!(Spec::built_in("nowhere").is_none());
    }

    #[test]
    fn the_national_figures_are_the_published_ones() {
        let s = Spec::built_in("national-blue").unwrap();
        assert_eq!(
            (s.width, s.height, s.dpi, s.background),
            (480, 640, 300, [100, 197, 255])
        );
        assert_eq!(
            (s.crown.min, s.crown.max, s.eyes.min, s.eyes.max),
            (50.0, 110.0, 200.0, 300.0)
        );
        assert_eq!((s.face_width.min, s.face_width.max), (180.0, 300.0));
    }

    #[test]
    fn an_impossible_band_is_refused_with_its_line() {
        let text = BUILT_IN[0].1.replace(
            "crown = { min = 50, max = 110 }",
            "crown = { min = 110, max = 50 }",
        );
        let line = text.lines().position(|l| l.starts_with("crown")).unwrap() + 1;
        let said = Spec::parse(&text).unwrap_err().to_string();
        assert!(
            said.contains(&format!("line {line}")) && said.contains("crown"),
            "{said}"
        );

        let wide = BUILT_IN[0].1.replace("max = 300 }", "max = 900 }");
        assert!(Spec::parse(&wide).is_err());
        let above = BUILT_IN[0]
            .1
            .replace("eyes = { min = 200, max = 300 }", "eyes = { min = 10, max = 40 }");
        assert!(
            Spec::parse(&above)
                .unwrap_err()
                .to_string()
                .contains("above the crown")
        );
    }

    #[test]
    fn whatever_is_wrong_is_refused_on_its_own_line() {
        let good = BUILT_IN[0].1;
        // What is broken, and the start of the line it is on (a table is on its header's line).
        for (from, to, line) in [
            ("id = \"national-blue\"", "id = \"National Blue\"", "id"),
            ("width = 480", "width = 4800", "width"),
            ("width = 480", "width = -480", "width"),
            ("height = 640", "height = 6", "height"),
            ("height = 640", "height = \"640\"", "height"),
            ("dpi = 300", "dpi = 3", "dpi"),
            ("dpi = 300", "dpi = 300\ndpi = 300", "dpi"),
            ("[100, 197, 255]", "[100, 197, 256]", "background"),
            ("[100, 197, 255]", "[100, 197]", "background"),
            ("min = 50, max = 110", "min = 50, max = 50", "crown"),
            ("min = 50, max = 110", "min = 50, max = 700", "crown"),
            ("min = 50, max = 110", "min = nan, max = 110", "crown"),
            ("min = 50, max = 110", "min = 50, top = 110", "crown"),
            ("min = 200, max = 300 }", "min = 200, max = inf }", "eyes"),
            ("min = 180, max = 300 }", "min = -1, max = 300 }", "face_width"),
            ("min_quality = 60", "min_quality = 0", "[file]"),
            ("min_bytes = 30720", "min_bytes = 50000", "[file]"),
            ("max_upscale = 1.25", "max_upscale = 9", "[limits]"),
        ] {
            assert!(good.contains(from), "{from}");
            let broken = good.replace(from, to);
            let said = Spec::parse(&broken).expect_err(to).to_string();
            let at: Vec<String> = broken
                .lines()
                .enumerate()
                .filter(|(_, l)| l.starts_with(line))
                .map(|(i, _)| format!("line {}", i + 1))
                .collect();
            assert!(
                at.iter().any(|at| said.contains(at.as_str())),
                "{to}: {said}; expected {at:?}"
            );
        }
        let missing = good.replace("dpi = 300\n", "");
        assert!(Spec::parse(&missing).unwrap_err().to_string().contains("dpi"));
    }

    #[test]
    fn a_misspelt_key_is_refused_with_its_line() {
        let said = Spec::parse(&BUILT_IN[0].1.replace("dpi = 300", "dbi = 300"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("dbi") && said.contains("line"), "{said}");
    }
}
