//! Glasses: whether any are worn, tinted lenses, what the lenses mirror.
//!
//! A frame is found by its bridge across the nose. Rimless glasses and skin-coloured bridges are not, so without a
//! bridge a suspicion is for the reviewer and nothing is refused.

use super::{OURS, Told, f, light};
use crate::face::FaceFacts;
use crate::report::{Check, CheckCode, Light};

/// Darkest place over the median across the nose's bridge under which a frame is there. Ours: of 66 rendered
/// students who sit well those without glasses have 0.81 and more, three photographs 0.76, rendered frames 0.34 and
/// less.
const BRIDGE: f32 = 0.55;
/// Light behind the lenses over that of the cheeks: remark and refusal. Ours: 66 good ones
/// have 0.96 and more; rendered lenses that let 0.34, 0.2 and 0.08 of the light through have 0.42, 0.27 and 0.21.
const TINT: [f32; 2] = [0.82, 0.62];
/// Shift of the colour behind the lenses, natural logarithm: remark and refusal. Ours: 66
/// good ones have 0.13 and less (dark skin behind clear lenses); blue, brown and grey lenses 0.14 to 0.42.
const TINT_COLOUR: [f32; 2] = [0.16, 0.30];
/// Share of the lenses' place that mirrors: remark and refusal. Ours: 66 good ones have
/// none, rendered lenses with a quarter of a window's light 0.37 and more; a photograph of shiny skin has 0.20.
const GLARE: [f32; 2] = [0.08, 0.25];

/// A frame, clear lenses, no glare.
pub(crate) fn glasses(facts: &FaceFacts) -> [Check; 3] {
    let worn = facts.bridge < BRIDGE;
    [frame(facts, worn), tint(facts, worn), glare(facts, worn)]
}

fn frame(facts: &FaceFacts, worn: bool) -> Check {
    let told = Told {
        code: CheckCode::Glasses,
        light: if worn { Light::ForReviewer } else { Light::Green },
        value: f64::from(facts.bridge),
        min: None,
        max: None,
        unit: "",
        source: OURS,
    };
    if worn {
        told.said(
            "戴着眼镜：镜框不得遮挡眼睛，也不得为装饰镜或有色隐形眼镜，请人工确认",
            "Glasses worn: the frame must not cover the eyes, no cosmetic or coloured contact lenses; for the reviewer",
        )
    } else {
        told.said("没有发现镜框", "No frame of glasses found")
    }
}

fn tint(facts: &FaceFacts, worn: bool) -> Check {
    let (value, colour) = (f64::from(facts.tint.light), f64::from(facts.tint.colour));
    let limits = f(TINT);
    let worst = match (light(value, limits), light(colour, f(TINT_COLOUR))) {
        (Light::Red, _) | (_, Light::Red) => Light::Red,
        (Light::Amber, _) | (_, Light::Amber) => Light::Amber,
        _ => Light::Green,
    };
    let told = Told {
        code: CheckCode::TintedLenses,
        // Bags and shade below bare eyes look the same.
        light: of_glasses(worst, worn),
        value,
        min: Some(limits[1]),
        max: None,
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green if worn => told.said("镜片无色", "Clear lenses"),
        Light::Green => told.said("没有发现有色镜片", "No tinted lenses found"),
        Light::Amber => told.said(
            "镜片可能有颜色：有色镜片会被退回，请换无色眼镜或摘下再拍",
            "The lenses may be tinted: tinted ones are refused, wear clear ones or none and shoot again",
        ),
        Light::ForReviewer => told.said(
            "眼睛下方偏暗，可能是有色镜片或阴影，请人工确认",
            "Dark below the eyes: tinted lenses or shade; for the reviewer",
        ),
        Light::Red => told.said(
            "镜片有颜色：请换无色眼镜或摘下再拍",
            "Tinted lenses: wear clear ones or none and shoot again",
        ),
    }
}

fn glare(facts: &FaceFacts, worn: bool) -> Check {
    let value = f64::from(facts.glare);
    let limits = f(GLARE);
    let found = light(value, limits);
    let told = Told {
        code: CheckCode::LensGlare,
        light: of_glasses(found, worn),
        value,
        min: None,
        max: Some(limits[1]),
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("眼睛前没有反光", "No glare before the eyes"),
        Light::Amber => told.said(
            "镜片有些反光：请稍低头或抬高镜腿再拍",
            "The lenses mirror a little: lower the head slightly or lift the temples and shoot again",
        ),
        Light::ForReviewer => told.said(
            "眼睛周围有亮斑，可能是镜片反光或肤光，请人工确认",
            "Bright spots about the eyes: glare on lenses or shiny skin; for the reviewer",
        ),
        Light::Red => told.said(
            "镜片反光：请稍低头、抬高镜腿或摘下眼镜再拍",
            "Glare on the lenses: lower the head slightly, lift the temples or take the glasses off, and shoot again",
        ),
    }
}

/// What is refused of lenses is refused where a frame was found; without one a person decides.
fn of_glasses(found: Light, worn: bool) -> Light {
    match found {
        Light::Red if !worn => Light::ForReviewer,
        Light::Amber if !worn => Light::Green,
        other => other,
    }
}
