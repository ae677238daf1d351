//! True colours and true skin.

use super::{OURS, Told, light};
use crate::report::{Check, CheckCode, Light};
use crate::skin::{Grain, SkinColour};

/// OFIQ `NaturalColour`, raw: remark and refusal. Ours: 0 on 60 rendered students of five skins and on photographs;
/// 0.7 to 1.2 with seven tenths of the colour gone, 3 and more behind a coloured filter, 100 without colour.
const UNNATURAL: [f64; 2] = [0.6, 6.0];
/// Mean chroma of the whole picture under which it is called grey. Ours: 1.9 and more even for a grey shirt before a
/// white wall, 0.001 without colour.
const GREY: f64 = 0.5;
/// Grain of the skin over that of the wall: remark. Ours: 0.97 to 1.23 on 60 rendered students, 1.6 and more on
/// photographs, whose skin has pores besides the sensor's noise; 0.30 to 0.40 after a beautifier.
const SMOOTHED: f64 = 0.6;
/// Grain of the wall, levels, that is needed for the comparison: half of what a lit webcam has.
const GRAINY: f64 = 0.35;

/// Colour of the skin. `None` where the cheeks are not to be seen.
pub(crate) fn colour(found: Option<&SkinColour>) -> Check {
    let value = found.map_or(f64::NAN, SkinColour::unnatural);
    let grey = found.is_some_and(|c| c.chroma < GREY);
    let told = Told {
        code: CheckCode::Colour,
        light: match found {
            None => Light::ForReviewer,
            Some(_) if grey => Light::Red,
            Some(_) => light(value, UNNATURAL),
        },
        value,
        min: None,
        max: Some(UNNATURAL[1]),
        unit: "ΔE",
        source: "ISO/IEC 29794-5 NaturalColour (CIELAB a* 5 to 25, b* 5 to 35); limits ours",
    };
    match told.light {
        Light::Green => told.said("肤色自然", "Natural colour of the skin"),
        Light::ForReviewer => told.said("肤色需人工判断", "The skin's colour is for the reviewer to judge"),
        _ if grey => told.said(
            "照片没有颜色：请关闭黑白效果，拍彩色照片",
            "The picture has no colour: switch the black-and-white effect off and shoot in colour",
        ),
        Light::Amber => told.said(
            "肤色略偏：请关闭彩色灯和滤镜，检查白平衡",
            "The skin's colour is slightly off: no coloured lamps or filters, check the white balance",
        ),
        Light::Red => told.said(
            "肤色不自然：请关闭滤镜和彩色灯，校正白平衡后再拍",
            "Unnatural colour of the skin: filters and coloured lamps off, set the white balance and shoot again",
        ),
    }
}

/// Whether the skin was smoothed: its grain against the wall's in the same capture. A smooth young face has the
/// sensor's grain like everything else; only a program takes it from the skin alone.
pub(crate) fn smoothed(found: Option<&Grain>) -> Check {
    let ratio = found
        .and_then(|g| g.wall.map(|wall| (g.skin, wall)))
        .filter(|&(_, wall)| wall >= GRAINY)
        .map(|(skin, wall)| skin / wall);
    let told = Told {
        code: CheckCode::Smoothed,
        light: match ratio {
            None => Light::ForReviewer,
            Some(ratio) if ratio < SMOOTHED => Light::Amber,
            Some(_) => Light::Green,
        },
        value: ratio.unwrap_or(f64::NAN),
        min: Some(SMOOTHED),
        max: None,
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("皮肤未经磨皮", "The skin is as the camera saw it"),
        Light::ForReviewer => told.said(
            "是否磨皮美颜无法自动判断，请人工确认",
            "Whether the skin was smoothed cannot be told here; for the reviewer",
        ),
        _ => told.said(
            "皮肤像被磨皮：请关闭相机的美颜功能再拍",
            "The skin looks smoothed: switch the camera's beautifying off and shoot again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_skin_is_natural_and_a_filter_is_not() {
        let of = |ab, chroma| colour(Some(&SkinColour { ab, chroma })).light;
        // The five rendered skins, and three photographs.
        for ab in [
            [14.5, 14.0],
            [15.3, 20.0],
            [11.4, 14.0],
            [20.8, 23.8],
            [22.8, 17.2],
            [11.3, 18.8],
        ] {
            assert_eq!(of(ab, 6.0), Light::Green, "{ab:?}");
        }
        assert_eq!(of([15.0, 1.0], 20.0), Light::Amber);
        assert_eq!(of([-2.0, 20.0], 20.0), Light::Red);
        assert_eq!(of([0.0, 0.0], 0.001), Light::Red);
        assert!(
            colour(Some(&SkinColour {
                ab: [0.0, 0.0],
                chroma: 0.0
            }))
            .zh
            .contains("黑白")
        );
    }

    #[test]
    fn without_grain_to_compare_nothing_is_said_of_the_skin() {
        let of = |skin, wall| smoothed(Some(&Grain { skin, wall })).light;
        assert_eq!(of(0.7, Some(0.65)), Light::Green);
        assert_eq!(of(0.2, Some(0.65)), Light::Amber);
        assert_eq!(of(0.05, Some(0.1)), Light::ForReviewer);
        assert_eq!(of(0.7, None), Light::ForReviewer);
        assert_eq!(smoothed(None).light, Light::ForReviewer);
    }
}
