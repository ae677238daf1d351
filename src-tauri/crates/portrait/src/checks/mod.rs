//! The points of judgement: what was measured, the limit, where the limit comes from, and what to do about it.
//!
//! Two limits a point where it makes sense. Beyond the outer one the picture is refused; between the two a reviewer
//! might object and the student hears it before choosing. Where the means at hand do not decide (dark cloth or dark
//! hair, jewellery), nothing is claimed: the light is [`Light::ForReviewer`].

mod clothing;
mod colour;
mod eyes;
mod face;
mod file;
mod geometry;
mod glasses;
mod hair;
mod light;
mod pose;
mod recapture;
mod rule;
mod scene;

pub(crate) use clothing::clothing;
pub(crate) use colour::{colour, smoothed};
pub(crate) use face::{EYES_OPEN, MOUTH, appearance, expression};
pub(crate) use file::{file, file_format};
pub(crate) use geometry::{cut_off, geometry};
pub(crate) use light::{BURNT, DARK, EVENNESS, SHARPNESS, photometry};
pub(crate) use pose::{PITCH, ROLL, YAW, pose};
pub(crate) use recapture::recapture;
pub(crate) use scene::{background, clothes, for_reviewer, halo, no_face, one_face, wall};

use crate::report::{Check, CheckCode, Light};

/// 《高等学校学历证书电子注册图像采集规范及信息标准》.
const STANDARD: &str = "教毕指〔2017〕99号";
/// Pose of a full-frontal portrait: roll up to 8 degrees, yaw and pitch up to 5.
const FRONTAL: &str = "ISO/IEC 19794-5 (roll 8°, yaw and pitch 5°); limits widened by what the mesh can tell";
/// Open face-image quality software; its zones and thresholds.
const QUALITY: &str = "ISO/IEC 29794-5 (under- and over-exposure); limits ours";
/// Ours, set on rendered students and portraits.
const OURS: &str = "采集站: measured on rendered students and portraits";

struct Told<'a> {
    code: CheckCode,
    light: Light,
    value: f64,
    min: Option<f64>,
    max: Option<f64>,
    unit: &'a str,
    source: &'a str,
}

impl Told<'_> {
    fn said(self, zh: impl Into<String>, en: impl Into<String>) -> Check {
        // Six digits are more than any of these measurements carries, and keep reports readable.
        let value = if self.value == 0.0 { 0.0 } else { self.value };
        Check {
            code: self.code,
            light: self.light,
            value: value.is_finite().then_some((value * 1e4).round() / 1e4),
            min: self.min,
            max: self.max,
            unit: self.unit.to_owned(),
            zh: zh.into(),
            en: en.into(),
            source: self.source.to_owned(),
            rule: rule::of(self.code).to_owned(),
        }
    }
}

/// Green up to `limits[0]`, amber up to `limits[1]`, red beyond; for limits that fall, the other way round.
fn light(value: f64, limits: [f64; 2]) -> Light {
    let beyond = |limit: f64| {
        if limits[1] >= limits[0] {
            value > limit
        } else {
            value < limit
        }
    };
    if !value.is_finite() || beyond(limits[1]) {
        Light::Red
    } else if beyond(limits[0]) {
        Light::Amber
    } else {
        Light::Green
    }
}

fn f(values: [f32; 2]) -> [f64; 2] {
    values.map(|v| (f64::from(v) * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Obstacle;
    use crate::report::Measured;
    use crate::spec::Spec;

    #[test]
    fn a_value_that_is_no_number_never_passes() {
        assert_eq!(light(f64::NAN, [1.0, 2.0]), Light::Red);
        assert_eq!(light(f64::NAN, [2.0, 1.0]), Light::Red);
    }

    #[test]
    fn every_sentence_comes_in_both_languages_with_a_source_and_the_rule() {
        let spec = Spec::built_in("national-blue").unwrap();
        let m = Measured {
            crown: 20.0,
            eyes: 350.0,
            face_width: 100.0,
            off_centre: 40.0,
            margin: -2.0,
        };
        let naked = crate::clothing::Clothing {
            border: None,
            pattern: None,
            bare: None,
            neck: None,
            slope: None,
        };
        let unseen = crate::recapture::Recapture {
            face: None,
            wall: None,
            border: [0.0; 4],
        };
        let mut all = geometry(&m, &spec, Some(Obstacle::Hair), Some(2.0));
        all.extend(appearance(None, &[]));
        all.extend(for_reviewer());
        all.extend(clothing(&naked));
        all.extend([
            no_face(),
            one_face(3),
            cut_off(true, 0.0),
            wall(false),
            background(None, &spec),
            clothes(None, None),
            halo(None),
            colour(None),
            smoothed(None),
            recapture(&unseen),
        ]);
        for c in all {
            assert!(
                !c.zh.is_empty() && !c.en.is_empty() && !c.source.is_empty() && !c.rule.is_empty(),
                "{c:?}"
            );
            assert_ne!(c.light, Light::Green, "{c:?}");
        }
    }
}
