//! Light on the face, and sharpness.

use super::{OURS, QUALITY, Told, light};
use crate::photometry::FaceLight;
use crate::report::{Check, CheckCode, Light};

/// Luma of the brightest hundredths of the face, whites of the eyes included, under which there was too little light:
/// remark and refusal. The median of the skin would refuse dark skin in proper light.
pub(crate) const DARK: [f64; 2] = [85.0, 83.0];
/// Share of burnt-out skin; see [`FaceLight::burnt`].
pub(crate) const BURNT: [f64; 2] = [0.10, 0.30];
/// Light of the darker half over the brighter half.
pub(crate) const EVENNESS: [f64; 2] = [0.60, 0.38];
/// Sharpness; see [`FaceLight::sharpness`].
pub(crate) const SHARPNESS: [f64; 2] = [0.16, 0.13];

/// Brightness, evenness, sharpness.
pub(crate) fn photometry(m: &FaceLight) -> Vec<Check> {
    let told = Told {
        code: CheckCode::TooDark,
        light: light(m.bright, DARK),
        value: m.bright,
        min: Some(DARK[1]),
        max: None,
        unit: "luma",
        source: QUALITY,
    };
    let too_dark = match told.light {
        Light::Green => told.said("面部亮度足够", "Face bright enough"),
        _ => told.said(
            "脸部太暗：请打开补光灯或靠近光源再拍",
            "Face too dark: switch the lights on or sit nearer to them",
        ),
    };
    let told = Told {
        code: CheckCode::OverExposed,
        light: light(m.burnt, BURNT),
        value: m.burnt * 100.0,
        min: None,
        max: Some(BURNT[1] * 100.0),
        unit: "%",
        source: QUALITY,
    };
    let burnt = match told.light {
        Light::Green => told.said("面部没有过曝", "Face not over-exposed"),
        _ => told.said(
            "脸部过曝或有高光：请减弱灯光或擦去油光",
            "Face over-exposed or shiny: dim the light or dab the shine",
        ),
    };
    let told = Told {
        code: CheckCode::UnevenLight,
        light: light(m.evenness, EVENNESS),
        value: m.evenness,
        min: Some(EVENNESS[1]),
        max: None,
        unit: "",
        source: OURS,
    };
    let uneven = match told.light {
        Light::Green => told.said("左右脸光线均匀", "Both halves of the face lit alike"),
        _ => told.said(
            "左右脸明暗不均（阴阳脸）：请检查两侧灯光",
            "Half of the face in shadow: check both lights",
        ),
    };
    let told = Told {
        code: CheckCode::Blurred,
        light: light(m.sharpness, SHARPNESS),
        value: m.sharpness,
        min: Some(SHARPNESS[1]),
        max: None,
        unit: "1/px",
        source: OURS,
    };
    let blurred = match told.light {
        Light::Green => told.said("画面清晰", "Sharp"),
        Light::Amber => told.said(
            "画面略模糊：请保持不动，建议重拍",
            "Slightly soft: hold still, better shoot again",
        ),
        _ => told.said(
            "画面模糊：请保持不动，检查对焦后再拍",
            "Blurred: hold still, check the focus and shoot again",
        ),
    };
    vec![too_dark, burnt, uneven, blurred]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit() -> FaceLight {
        FaceLight {
            bright: 190.0,
            burnt: 0.0,
            evenness: 0.9,
            sharpness: 0.2,
        }
    }

    fn of(checks: &[Check], code: CheckCode) -> Light {
        checks.iter().find(|c| c.code == code).unwrap().light
    }

    #[test]
    fn a_well_lit_face_passes_and_each_fault_is_named() {
        assert!(photometry(&lit()).iter().all(|c| c.light == Light::Green));
        let dark = photometry(&FaceLight {
            bright: 60.0,
            ..lit()
        });
        assert_eq!(of(&dark, CheckCode::TooDark), Light::Red);
        assert_eq!(of(&dark, CheckCode::Blurred), Light::Green);
        let burnt = photometry(&FaceLight { burnt: 0.5, ..lit() });
        assert_eq!(of(&burnt, CheckCode::OverExposed), Light::Red);
        let half = photometry(&FaceLight {
            evenness: 0.2,
            ..lit()
        });
        assert_eq!(of(&half, CheckCode::UnevenLight), Light::Red);
        let soft = photometry(&FaceLight {
            sharpness: 0.02,
            ..lit()
        });
        assert_eq!(of(&soft, CheckCode::Blurred), Light::Red);
    }
}
