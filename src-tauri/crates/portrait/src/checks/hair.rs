//! Hair over brows and ears, and what is worn on the head.

use super::{OURS, STANDARD, Told, f, light};
use crate::face::{Covering, FaceFacts};
use crate::report::{Check, CheckCode, Light};

/// Share of the brows' length that is free of hair, the worse side: remark and refusal. Ours: 66 good
/// ones have 0.75 and more (a fringe that ends right above the brows), fringes over the brows have none. Where hair
/// and skin have one colour (chestnut on dark brown) nothing is found.
const BROWS: [f32; 2] = [0.60, 0.25];
/// Share of an ear's height at which its skin is seen, the worse side: remark. Ours: free ears of
/// good ones have 0.80 and more, hair tucked behind them leaves 0.68, curls beside them 0.40 to 0.70, long hair
/// 0 to 0.57.
const EARS: f32 = 0.65;
/// Texture of what lies above the forehead under which it shows no strands; see [`Covering::texture`]. Ours: 55 good
/// heads of hair have 0.036 and more, ten caps, hats and scarves 0.003 to 0.024, a photograph of white hair 0.026.
const TEXTURE: f32 = 0.030;
/// Share of skin above the forehead from which nothing lies there. Ours: eleven
/// bald good ones have 0.97 and more, a cap of the colour of skin has none.
const BALD: f32 = 0.80;

/// Brows and ears free of hair, nothing on the head.
pub(crate) fn hair(facts: &FaceFacts) -> [Check; 3] {
    [brows(facts), ears(facts), covering(facts.covering)]
}

fn brows(facts: &FaceFacts) -> Check {
    let value = f64::from(facts.brows);
    let limits = f(BROWS);
    let told = Told {
        code: CheckCode::HairOverFace,
        light: light(value, limits),
        value,
        min: Some(limits[1]),
        max: None,
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("头发没有遮住眉毛", "Brows free of hair"),
        Light::Amber => told.said(
            "刘海碰到眉毛：请把刘海拨开再拍",
            "The fringe touches the brows: brush it aside and shoot again",
        ),
        _ => told.said(
            "头发遮住了眉毛：请把刘海夹起或拨开再拍",
            "Hair over the brows: pin or brush it aside and shoot again",
        ),
    }
}

fn ears(facts: &FaceFacts) -> Check {
    let worse = facts.ears.map(|[left, right]| left.min(right));
    let least = f([EARS, EARS])[0];
    let told = Told {
        code: CheckCode::Ears,
        light: match worse {
            Some(share) if share >= EARS => Light::Green,
            Some(_) => Light::Amber,
            None => Light::ForReviewer,
        },
        value: worse.map_or(f64::NAN, f64::from),
        min: Some(least),
        max: None,
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("双耳露出", "Both ears seen"),
        Light::Amber => told.said(
            "耳朵没有完全露出：请把头发别到耳后并正对镜头，审核可能不通过",
            "The ears are not quite free: tuck the hair behind them and face the camera, review may object",
        ),
        _ => told.said(
            "耳朵是否露出需人工判断",
            "Whether the ears are seen is for the reviewer",
        ),
    }
}

fn covering(found: Option<Covering>) -> Check {
    let told = |light, value, source| Told {
        code: CheckCode::HeadCovering,
        light,
        value,
        min: Some(f([TEXTURE; 2])[0]),
        max: None,
        unit: "",
        source,
    };
    let Some(found) = found else {
        return told(Light::ForReviewer, f64::NAN, STANDARD).said(
            "是否戴帽子或头巾需人工判断",
            "Whether a hat or a scarf is worn is for the reviewer",
        );
    };
    let strands = found.texture >= TEXTURE;
    let verdict = match (found.skin >= BALD, strands, found.cloth_coloured()) {
        // A bare head is smooth too.
        (true, ..) | (_, true, false) => Light::Green,
        (_, true, true) => Light::Amber,
        (_, false, true) => Light::Red,
        // Dark hair in little light is as smooth as dark cloth.
        (_, false, false) => Light::ForReviewer,
    };
    let told = told(verdict, f64::from(found.texture), OURS);
    match verdict {
        Light::Green => told.said("没有发现帽子或头巾", "No hat or scarf found"),
        Light::Red => told.said(
            "戴着帽子或头巾：请摘下再拍；因宗教、医疗或文化需要的，请工作人员确认",
            "A hat or a scarf: take it off and shoot again; where faith, medicine or culture need it, ask staff",
        ),
        Light::Amber => told.said(
            "头上似乎有帽子、头巾或发饰：请摘下再拍",
            "There seems to be a hat, a scarf or an ornament on the head: take it off and shoot again",
        ),
        Light::ForReviewer => told.said(
            "头顶看不清发丝，可能是帽子或头巾，请人工确认",
            "No strands seen on the head, it may be a hat or a scarf; for the reviewer",
        ),
    }
}
