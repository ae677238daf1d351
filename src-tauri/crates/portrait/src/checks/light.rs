//! Light on the face, and sharpness.

use super::{OURS, QUALITY, Told, light};
use crate::photometry::FaceLight;
use crate::report::{Check, CheckCode, Light};

/// Luma of the brightest hundredths of the face under which the framing asks for more light: remark and refusal. The
/// finished photo is judged by [`GIVEN`]. Ours: 92 and more for the darkest skin in proper light.
pub(crate) const DARK: [f64; 2] = [85.0, 83.0];
/// Share of burnt-out skin; see [`FaceLight::burnt`].
pub(crate) const BURNT: [f64; 2] = [0.10, 0.30];
/// Light of the darker half over the brighter half: remark and refusal. Ours: 0.93 and more on 60 rendered students,
/// 0.70 to 0.87 on photographs with a soft light from one side, 0.55 to 0.66 with one lamp five times as strong as
/// the other, 0.21 and less with one lamp alone.
pub(crate) const EVENNESS: [f64; 2] = [0.68, 0.45];
/// Sharpness; see [`FaceLight::sharpness`].
pub(crate) const SHARPNESS: [f64; 2] = [0.16, 0.13];

/// Luma of the whites of the eyes, or three quarters of the brightest skin where that is more ([`FaceLight::given`]):
/// remark and refusal. Ours, measured on 60 rendered students of five skins: all of 147 to 162 in proper light, 88 to
/// 95 with a third of it, 53 to 59 with a sixth; three photographs taken in good light 103 to 195.
const GIVEN: [f64; 2] = [100.0, 72.0];
/// Luma of the whites of the eyes above which even dark skin, which does not burn out, had too much light: remark.
/// Ours: 147 to 162 in proper light, 180 to 189 in half as much again, 237 and more in three times as much.
const GLARING: f64 = 212.0;
/// Share of highlights on the skin, see [`FaceLight::shine`]: remark and refusal. Ours: at most 0.1 % on 60 rendered
/// students, 0.7 and 4.1 % on photographs with a soft shine on the forehead, 2.6 to 9 % with a wet brow, nose and cheek.
const SHINE: [f64; 2] = [0.045, 0.15];
/// OFIQ `IlluminationUniformity` under which one cheek lies wholly in another light: remark. Ours: 0.26 and more on 60
/// rendered students and on photographs, under 0.01 with one lamp five times as strong as the other.
const UNIFORM: f64 = 0.10;

/// Width of the edges in their narrowest direction, see [`FaceLight::edges`]: remark and refusal. Ours: at most 2.8 on
/// 60 rendered students of five skins, 2.6 to 4.4 on photographs (4.4 of a face enlarged twice); 3.9 to 4.5 with points
/// blurred to 2 pixels of a 720-line capture, 5.8 to 6.2 to 3.2 pixels.
const SOFT: [f64; 2] = [4.2, 5.3];
/// Width of the edges in their widest direction from which movement is thought of. Ours: at most 2.9 on 60 rendered
/// students, 4.7 and more with a smear of 5 pixels.
const WIDE: f64 = 3.3;
/// Widest over narrowest, where an edge is wide at all: remark and refusal. Ours: at most 1.32 out of focus, 1.26 on
/// photographs; 1.49 to 2.9 with a smear of 5 pixels of a 720-line capture, 1.66 to 3.9 with 9 (least aslant).
const SMEAR: [f64; 2] = [1.42, 1.9];

/// Brightness, highlights, evenness, sharpness, movement.
pub(crate) fn photometry(m: &FaceLight) -> Vec<Check> {
    vec![
        too_dark(m),
        over_exposed(m),
        shine(m),
        uneven(m),
        blurred(m),
        moved(m),
    ]
}

/// The graver of two lights that are both decided.
fn worse(a: Light, b: Light) -> Light {
    match (a, b) {
        (Light::Red, _) | (_, Light::Red) => Light::Red,
        (Light::Amber, _) | (_, Light::Amber) => Light::Amber,
        _ => a,
    }
}

fn too_dark(m: &FaceLight) -> Check {
    let told = Told {
        code: CheckCode::TooDark,
        light: match m.given() {
            Some(given) => light(given, GIVEN),
            // The eyes cannot be seen. Light enough for any skin, too dark for any skin, or undecided.
            None if m.bright >= GIVEN[0] / FaceLight::SKIN_SHARE => Light::Green,
            None if m.bright < DARK[1] / 2.0 => Light::Red,
            None => Light::ForReviewer,
        },
        value: m.given().unwrap_or(m.bright),
        min: Some(GIVEN[1]),
        max: None,
        unit: "luma",
        source: "ISO/IEC 29794-5 UnderExposurePrevention, on the whites of the eyes instead of the skin; limits ours",
    };
    match told.light {
        Light::Green => told.said("面部亮度足够", "Face bright enough"),
        Light::ForReviewer => told.said(
            "看不清眼白，光线是否足够需人工判断",
            "The eyes cannot be seen well enough to judge the light; for the reviewer",
        ),
        Light::Amber => told.said(
            "脸部偏暗：请打开补光灯或靠近光源，会更好看清",
            "Face rather dark: switch the lights on or sit nearer to them",
        ),
        Light::Red => told.said(
            "脸部太暗：请打开补光灯或靠近光源再拍",
            "Face too dark: switch the lights on or sit nearer to them",
        ),
    }
}

fn over_exposed(m: &FaceLight) -> Check {
    let glaring = m.eye_white.is_some_and(|white| white > GLARING);
    let told = Told {
        code: CheckCode::OverExposed,
        light: match light(m.burnt, BURNT) {
            Light::Green if glaring => Light::Amber,
            other => other,
        },
        value: m.burnt * 100.0,
        min: None,
        max: Some(BURNT[1] * 100.0),
        unit: "%",
        source: QUALITY,
    };
    match told.light {
        Light::Green => told.said("面部没有过曝", "Face not over-exposed"),
        Light::Amber if m.burnt <= BURNT[0] => told.said(
            "光线太强，眼白发亮：请减弱灯光或离灯远一些",
            "Too much light, the whites of the eyes glare: dim the lamps or sit farther from them",
        ),
        _ => told.said(
            "脸部过曝：请减弱灯光或离灯远一些再拍",
            "Face over-exposed: dim the lamps or sit farther from them",
        ),
    }
}

fn shine(m: &FaceLight) -> Check {
    let told = Told {
        code: CheckCode::Shine,
        light: light(m.shine, SHINE),
        value: m.shine * 100.0,
        min: None,
        max: Some(SHINE[1] * 100.0),
        unit: "%",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("脸上没有明显反光", "No highlights on the skin"),
        _ => told.said(
            "脸上有反光光斑：请用纸巾擦去油光，再拍一张",
            "Highlights on the skin: dab the shine with a tissue and shoot again",
        ),
    }
}

fn uneven(m: &FaceLight) -> Check {
    let told = Told {
        code: CheckCode::UnevenLight,
        light: match light(m.evenness, EVENNESS) {
            Light::Green if m.uniformity < UNIFORM && m.evenness < 0.85 => Light::Amber,
            other => other,
        },
        value: m.evenness,
        min: Some(EVENNESS[1]),
        max: None,
        unit: "",
        source: "ISO/IEC 29794-5 IlluminationUniformity and the halves' mean light; limits ours",
    };
    match told.light {
        Light::Green => told.said("左右脸光线均匀", "Both halves of the face lit alike"),
        Light::Amber => told.said(
            "左右脸亮度有差别：请检查两侧灯光，坐到两灯中间",
            "One half of the face is darker: check both lights and sit between them",
        ),
        _ => told.said(
            "左右脸明暗不均（阴阳脸）：请检查两侧灯光再拍",
            "Half of the face in shadow: check both lights and shoot again",
        ),
    }
}

fn blurred(m: &FaceLight) -> Check {
    let told = Told {
        code: CheckCode::Blurred,
        light: worse(light(m.sharpness, SHARPNESS), light(m.edges[0], SOFT)),
        value: m.sharpness,
        min: Some(SHARPNESS[1]),
        max: None,
        unit: "1/px",
        source: "采集站: steepest edges and their width (not OFIQ Sharpness, a random forest); limits ours",
    };
    match told.light {
        Light::Green => told.said("画面清晰", "Sharp"),
        Light::Amber => told.said(
            "画面略模糊：请保持不动，建议重拍",
            "Slightly soft: hold still, better shoot again",
        ),
        _ => told.said(
            "画面模糊：请保持不动，检查对焦后再拍",
            "Blurred: hold still, check the focus and shoot again",
        ),
    }
}

fn moved(m: &FaceLight) -> Check {
    let [narrow, wide] = m.edges;
    let smear = wide / narrow.max(0.1);
    let told = Told {
        code: CheckCode::MotionBlur,
        // While no edge is wide, differences between directions are the face's own.
        light: if wide > WIDE {
            light(smear, SMEAR)
        } else {
            Light::Green
        },
        value: smear,
        min: None,
        max: Some(SMEAR[1]),
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("没有晃动", "No movement"),
        Light::Amber => told.said(
            "拍摄时略有晃动：请坐稳不动，建议重拍",
            "Some movement: sit still, better shoot again",
        ),
        _ => told.said(
            "拍摄时晃动了：请坐稳，看着镜头不动再拍",
            "Moved while the picture was taken: sit still, look at the camera and shoot again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit() -> FaceLight {
        FaceLight {
            bright: 190.0,
            eye_white: Some(180.0),
            shine: 0.0,
            sides: [0.3, 0.3],
            uniformity: 0.6,
            edges: [2.2, 2.6],
            burnt: 0.0,
            evenness: 0.9,
            sharpness: 0.2,
        }
    }

    fn of(checks: &[Check], code: CheckCode) -> Light {
        checks.iter().find(|c| c.code == code).unwrap().light
    }

    #[test]
    fn light_is_judged_by_the_eyes_and_not_by_the_skin() {
        let of_face = |bright, eye_white| {
            let m = FaceLight {
                bright,
                eye_white,
                ..lit()
            };
            of(&photometry(&m), CheckCode::TooDark)
        };
        // The darkest rendered skin: in proper light, in a third and in a sixth of it.
        assert_eq!(of_face(92.0, Some(148.0)), Light::Green);
        assert_eq!(of_face(53.0, Some(90.0)), Light::Amber);
        assert_eq!(of_face(30.0, Some(54.0)), Light::Red);
        // The lightest in a sixth, and deep-set eyes in good light.
        assert_eq!(of_face(79.0, Some(54.0)), Light::Red);
        assert_eq!(of_face(137.0, Some(69.0)), Light::Green);
        // Eyes behind a reflection: light skin tells, dark skin does not.
        assert_eq!(of_face(170.0, None), Light::Green);
        assert_eq!(of_face(92.0, None), Light::ForReviewer);
        assert_eq!(of_face(30.0, None), Light::Red);
    }

    #[test]
    fn blur_and_movement_are_told_apart() {
        let of_edges = |edges| {
            let found = photometry(&FaceLight { edges, ..lit() });
            [CheckCode::Blurred, CheckCode::MotionBlur].map(|code| of(&found, code))
        };
        assert_eq!(of_edges([2.0, 2.8]), [Light::Green, Light::Green]);
        assert_eq!(of_edges([4.4, 5.4]), [Light::Amber, Light::Green]);
        assert_eq!(of_edges([6.0, 7.5]), [Light::Red, Light::Green]);
        assert_eq!(of_edges([1.7, 6.7]), [Light::Green, Light::Red]);
    }

    #[test]
    fn a_well_lit_face_passes_and_each_fault_is_named() {
        assert!(photometry(&lit()).iter().all(|c| c.light == Light::Green));
        let dark = photometry(&FaceLight {
            bright: 60.0,
            eye_white: Some(55.0),
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
