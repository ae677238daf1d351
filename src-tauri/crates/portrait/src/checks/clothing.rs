//! Clothes, neck and shoulders.

use super::{OURS, Told, light};
use crate::clothing::Clothing;
use crate::report::{Check, CheckCode, Light};

/// Likeness of the cloth to itself one period further, see [`Clothing::pattern`]: remark and refusal. Ours: at most
/// 0.26 on 60 rendered students in plain shirts, T-shirts and jackets and 0.14 on photographs; 0.89 to 1.00 with broad
/// stripes.
const PATTERN: [f64; 2] = [0.45, 0.75];
/// Share of the shoulders in the skin's colour: remark. Ours: 0 on 60 rendered students; see the tests for straps.
const BARE: f64 = 0.25;
/// Share of the neck in the skin's colour under which it may be hidden. Shade under the chin and a high shirt collar
/// leave 0.14 to 0.7 on photographs: nothing is decided by it.
const NECK: f64 = 0.10;
/// Slope of the shoulders, degrees: remark and refusal. Ours: at most 2.8 on 60 rendered students, 4.2 on a photograph
/// of somebody sitting well; 3.4 to 5.0 and 7.4 to 9.0 with a shoulder dropped by 4 and by 8. Hair over one shoulder
/// can move it, so refusal waits until 12.
const SLOPE: [f64; 2] = [4.5, 12.0];

/// Pattern, neckline and shoulders.
pub(crate) fn clothing(found: &Clothing) -> [Check; 3] {
    [pattern(found), neckline(found), shoulders(found)]
}

fn pattern(found: &Clothing) -> Check {
    let told = Told {
        code: CheckCode::ClothesPattern,
        light: found.pattern.map_or(Light::ForReviewer, |v| light(v, PATTERN)),
        value: found.pattern.unwrap_or(f64::NAN),
        min: None,
        max: Some(PATTERN[1]),
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("衣服没有条纹", "No stripes on the clothes"),
        Light::ForReviewer => told.said(
            "衣服露出太少，花纹请人工确认",
            "Too little of the clothes to see a pattern; for the reviewer",
        ),
        Light::Amber => told.said(
            "衣服像有条纹或格子：审核可能不通过，建议换纯色上衣",
            "The clothes seem striped or checked: review may refuse them, better a plain top",
        ),
        Light::Red => told.said(
            "衣服有明显条纹或格子：请换纯色有领上衣再拍",
            "Plainly striped or checked clothes: change into a plain top with a collar and shoot again",
        ),
    }
}

fn neckline(found: &Clothing) -> Check {
    let bare = found.bare.is_some_and(|v| v > BARE);
    let hidden = found.neck.is_some_and(|v| v < NECK);
    let told = Told {
        code: CheckCode::Neckline,
        light: match found.bare {
            _ if bare => Light::Amber,
            None => Light::ForReviewer,
            _ if hidden => Light::ForReviewer,
            _ => Light::Green,
        },
        value: found.bare.map_or(f64::NAN, |v| v * 100.0),
        min: None,
        max: Some(BARE * 100.0),
        unit: "%",
        source: "学校拍摄须知 (不穿吊带、无领及遮挡脖子的高领); limits ours",
    };
    match told.light {
        Light::Green => told.said("没有露肩，颈部可见", "Shoulders covered, neck to be seen"),
        Light::Amber => told.said(
            "肩部裸露：审核可能不通过，建议换有袖有领的上衣",
            "Bare shoulders: review may refuse them, better a top with sleeves and a collar",
        ),
        _ => told.said(
            "领口看不清或遮住了脖子：请人工确认，高领请翻下",
            "The neckline cannot be seen or hides the neck: for the reviewer; turn a high collar down",
        ),
    }
}

fn shoulders(found: &Clothing) -> Check {
    let slope = found.slope.unwrap_or(f64::NAN);
    let told = Told {
        code: CheckCode::Shoulders,
        light: found.slope.map_or(Light::ForReviewer, |v| light(v.abs(), SLOPE)),
        value: slope,
        min: Some(-SLOPE[1]),
        max: Some(SLOPE[1]),
        unit: "°",
        source: "ISO/IEC 19794-5 (shoulders square to the camera); limits ours",
    };
    match told.light {
        Light::Green => told.said("双肩平齐", "Shoulders level"),
        Light::ForReviewer => told.said(
            "看不清双肩，请人工确认",
            "The shoulders cannot be seen; for the reviewer",
        ),
        // The picture's right is the student's left.
        _ if slope > 0.0 => told.said(
            "左肩偏低：请坐正，双肩放平再拍",
            "Your left shoulder is lower: sit straight, both shoulders level, and shoot again",
        ),
        _ => told.said(
            "右肩偏低：请坐正，双肩放平再拍",
            "Your right shoulder is lower: sit straight, both shoulders level, and shoot again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPER: Clothing = Clothing {
        border: Some(50.0),
        pattern: Some(0.1),
        bare: Some(0.0),
        neck: Some(1.0),
        slope: Some(1.0),
    };

    fn lights(found: Clothing) -> [Light; 3] {
        clothing(&found).map(|c| c.light)
    }

    #[test]
    fn each_fault_is_told_alone() {
        assert_eq!(lights(PROPER), [Light::Green; 3]);
        let with = |pattern, bare, neck, slope| {
            lights(Clothing {
                pattern: Some(pattern),
                bare: Some(bare),
                neck: Some(neck),
                slope: Some(slope),
                ..PROPER
            })
        };
        assert_eq!(with(0.9, 0.0, 1.0, 0.0), [Light::Red, Light::Green, Light::Green]);
        assert_eq!(
            with(0.1, 0.6, 1.0, 0.0),
            [Light::Green, Light::Amber, Light::Green]
        );
        assert_eq!(
            with(0.1, 0.0, 0.0, 0.0),
            [Light::Green, Light::ForReviewer, Light::Green]
        );
        assert_eq!(
            with(0.1, 0.0, 1.0, 8.0),
            [Light::Green, Light::Green, Light::Amber]
        );
        assert_eq!(
            with(0.1, 0.0, 1.0, -14.0),
            [Light::Green, Light::Green, Light::Red]
        );
    }

    #[test]
    fn the_lower_shoulder_is_the_students_own() {
        let [.., found] = clothing(&Clothing {
            slope: Some(9.0),
            ..PROPER
        });
        assert!(
            found.zh.contains("左肩") && found.en.contains("left shoulder"),
            "{found:?}"
        );
    }
}
