//! The eyes: where they look, what lies over them, their pupils.

use super::{OURS, Told, f, light};
use crate::face::FaceFacts;
use crate::report::{Check, CheckCode, Light};

/// Irises off the middle of the eyes sideways, in widths of the eye: remark and refusal. Ours: 66 rendered
/// students who sit well have 0.029 and less, three photographs 0.025; eyes turned by 14° have 0.091 and more.
const GAZE: [f32; 2] = [0.055, 0.080];
/// The same up (negative) and down, remark only: lids follow the eye, so the network tells little. Ours: good ones
/// have -0.053 to -0.010, photographs down to -0.068; eyes raised by 18° have -0.075, lowered by 20° 0.011. A small
/// look up or down is not found.
const GAZE_DOWN: [f32; 2] = [-0.085, 0.005];
/// Covered share of the eyes' visibility zone: remark and refusal. Ours: 66 good ones have 0.024 and less, two
/// photographs of creased or shaded lids 0.10 and 0.21; fringes over the eyes 0.69 and more.
const COVERED: [f32; 2] = [0.30, 0.50];
/// Covered share from which a person should look: a frame that slipped over the eyes has 0.10 to 0.13.
const TOUCHED: f32 = 0.09;
/// Light of the whites over the skin's under which a person should look. Ours: 66 good ones have 0.37 and more,
/// slipped frames 0.12 to 0.18, but so have two photographs of narrow eyes (0.17, 0.24).
const WHITES: f32 = 0.30;
/// Redness of the pupils: remark and refusal. Ours: 66 good ones have 0.037 and less, a photograph 0.075;
/// rendered red eyes 0.44 and more.
const RED: [f32; 2] = [0.15, 0.28];

/// Visible eyes that look at the camera, without red pupils.
pub(crate) fn eyes(facts: &FaceFacts) -> [Check; 3] {
    [visible(facts), gaze(facts), red(facts)]
}

fn visible(facts: &FaceFacts) -> Check {
    let value = f64::from(facts.eyes_covered);
    let limits = f(COVERED);
    let unsure = facts.eyes_covered > TOUCHED || facts.whites < WHITES;
    let told = Told {
        code: CheckCode::EyesVisible,
        light: match light(value, limits) {
            Light::Green if unsure => Light::ForReviewer,
            found => found,
        },
        value,
        min: None,
        max: Some(limits[1]),
        unit: "",
        source: "ISO/IEC 29794-5 (EyesVisible: covered share of the visibility zone); limits ours",
    };
    match told.light {
        Light::Green => told.said("双眼没有被遮挡", "Nothing over the eyes"),
        Light::Amber => told.said(
            "眼睛周围似乎被头发或镜框挡住：请拨开头发、扶正眼镜再拍",
            "Hair or a frame seems to lie near the eyes: brush the hair aside, push the glasses up, shoot again",
        ),
        Light::ForReviewer => told.said(
            "眼睛边缘有暗影，可能是镜框、头发或眼窝阴影，请人工确认",
            "Something dark at the eyes: a frame, hair or the shade of the lids; for the reviewer",
        ),
        Light::Red => told.said(
            "眼睛被头发、镜框或镜片挡住：请露出双眼再拍",
            "Hair, a frame or lenses cover the eyes: free both eyes and shoot again",
        ),
    }
}

fn gaze(facts: &FaceFacts) -> Check {
    let [right, down] = facts.gaze.map(f64::from);
    let limits = f(GAZE);
    let lids = f(GAZE_DOWN);
    let level = (lids[0]..=lids[1]).contains(&down);
    let sideways = light(right.abs(), limits);
    let told = Told {
        code: CheckCode::Gaze,
        light: if sideways == Light::Green && !level {
            Light::Amber
        } else {
            sideways
        },
        value: right,
        min: Some(-limits[1]),
        max: Some(limits[1]),
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("眼睛看着镜头", "Looking at the camera"),
        Light::Amber => told.said(
            "眼睛似乎没有看镜头：请平视镜头再拍",
            "The eyes seem to look aside: look straight into the camera and shoot again",
        ),
        // The picture's right is the student's left.
        _ if right > 0.0 => told.said(
            "眼睛看向了您的左边：请看着镜头再拍",
            "The eyes look to your left: look into the camera and shoot again",
        ),
        _ => told.said(
            "眼睛看向了您的右边：请看着镜头再拍",
            "The eyes look to your right: look into the camera and shoot again",
        ),
    }
}

fn red(facts: &FaceFacts) -> Check {
    let value = f64::from(facts.red);
    let limits = f(RED);
    let told = Told {
        code: CheckCode::RedEyes,
        light: light(value, limits),
        value,
        min: None,
        max: Some(limits[1]),
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("没有红眼", "No red eyes"),
        Light::Amber => told.said(
            "瞳孔有些发红：请关闭闪光灯，用两侧的灯再拍",
            "The pupils are a little red: switch the flash off and shoot again by the lamps",
        ),
        _ => told.said(
            "红眼：请关闭闪光灯，用两侧的灯再拍",
            "Red eyes: switch the flash off and shoot again by the lamps",
        ),
    }
}
