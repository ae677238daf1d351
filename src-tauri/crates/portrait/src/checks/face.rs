//! What the face does: eyes and mouth.

use super::{OURS, STANDARD, Told, eyes, f, glasses, hair, light};
use crate::face::FaceFacts;
use crate::report::{Check, CheckCode, Light};
use crate::vision::Mesh;

/// Lowest openness of an eye: remark and refusal. See [`Mesh::eye_openness`].
pub(crate) const EYES_OPEN: [f32; 2] = [0.18, 0.13];
/// Openness of the mouth: remark and refusal; see [`Mesh::mouth_openness`]. Full lips alone reach the first; whether
/// teeth show is told by their colour.
pub(crate) const MOUTH: [f32; 2] = [0.07, 0.45];

/// Area with the colour of teeth over the square of the mouth's width: remark and refusal. Ours: 66 rendered students
/// with closed lips and a photograph have none; parted lips with a row of teeth 0.01 to 0.05, two photographs of
/// smiles 0.06 and 0.13.
const TEETH: [f32; 2] = [0.004, 0.015];

/// Eyes and mouth.
pub(crate) fn expression(mesh: &Mesh) -> [Check; 2] {
    let [a, b] = mesh.eye_openness();
    let open = f64::from(a.min(b));
    let eyes = Told {
        code: CheckCode::EyesClosed,
        light: light(open, f(EYES_OPEN)),
        value: open,
        min: Some(f(EYES_OPEN)[1]),
        max: None,
        unit: "",
        source: OURS,
    };
    let eyes = match eyes.light {
        Light::Green => eyes.said("双眼睁开", "Both eyes open"),
        Light::Amber => eyes.said(
            "眼睛睁得不大：请自然睁大双眼",
            "Eyes rather narrow: open both eyes naturally wide",
        ),
        _ => eyes.said(
            "眼睛闭着：请睁开双眼再拍",
            "Eyes closed: open both eyes and shoot again",
        ),
    };
    let gap = f64::from(mesh.mouth_openness());
    let mouth = Told {
        code: CheckCode::MouthOpen,
        light: light(gap, f(MOUTH)),
        value: gap,
        min: None,
        max: Some(f(MOUTH)[1]),
        unit: "",
        source: STANDARD,
    };
    let mouth = match mouth.light {
        Light::Green => mouth.said("嘴唇闭合", "Lips closed"),
        Light::Amber => mouth.said(
            "嘴没有完全闭合或露齿：审核可能不通过，请闭嘴、不露齿",
            "Lips parted or teeth showing: review may refuse it, close the lips",
        ),
        _ => mouth.said(
            "嘴张得很大：请闭嘴再拍",
            "Mouth wide open: close it and shoot again",
        ),
    };
    [eyes, mouth]
}

/// What the picture shows of eyes, teeth, glasses, hair and coverings. `before` are the checks of pose, expression
/// and light: colours mean nothing in half a shadow, nor does an iris behind a shut lid, and one cause should give
/// one refusal. What cannot be measured for such a reason, or for want of a face, is for the reviewer.
pub(crate) fn appearance(facts: Option<&FaceFacts>, before: &[Check]) -> Vec<Check> {
    let refused = |codes: &[CheckCode]| {
        before
            .iter()
            .any(|c| c.light == Light::Red && codes.contains(&c.code))
    };
    let Some(facts) = facts.filter(|_| !refused(&BLINDING)) else {
        return UNMEASURED.into_iter().map(unmeasured).collect();
    };
    // Hair over the eyes makes lids and pose unsure, so it is told whatever they say.
    let [visible, gaze, red] = eyes::eyes(facts);
    let mut all = Vec::with_capacity(UNMEASURED.len());
    all.extend([visible, gaze, red]);
    all.push(teeth(facts));
    all.extend(glasses::glasses(facts));
    all.extend(hair::hair(facts));
    let from = if refused(&TURNING) {
        1..all.len()
    } else if refused(&[CheckCode::EyesClosed]) {
        1..3
    } else {
        0..0
    };
    for check in &mut all[from] {
        *check = unmeasured(check.code);
    }
    all
}

/// Refusals under which no colour can be told.
const BLINDING: [CheckCode; 3] = [CheckCode::TooDark, CheckCode::OverExposed, CheckCode::UnevenLight];
/// Refusals under which only the eyes' cover can. Hair over the eyes itself takes the steepest edges from a face and
/// reads as blur.
const TURNING: [CheckCode; 3] = [CheckCode::Turned, CheckCode::Pitched, CheckCode::Blurred];

fn teeth(facts: &FaceFacts) -> Check {
    let value = f64::from(facts.teeth);
    let told = Told {
        code: CheckCode::Teeth,
        light: light(value, f(TEETH)),
        value,
        min: None,
        max: Some(f(TEETH)[1]),
        unit: "",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("没有露齿", "No teeth showing"),
        Light::Amber => told.said(
            "似乎露出了牙齿：请自然闭嘴再拍",
            "Teeth seem to show: close the lips naturally and shoot again",
        ),
        _ => told.said(
            "露出了牙齿：请自然闭嘴再拍",
            "Teeth showing: close the lips naturally and shoot again",
        ),
    }
}

/// The points of [`appearance`]; the first three are of the eyes.
const UNMEASURED: [CheckCode; 10] = [
    CheckCode::EyesVisible,
    CheckCode::Gaze,
    CheckCode::RedEyes,
    CheckCode::Teeth,
    CheckCode::Glasses,
    CheckCode::TintedLenses,
    CheckCode::LensGlare,
    CheckCode::HairOverFace,
    CheckCode::Ears,
    CheckCode::HeadCovering,
];

fn unmeasured(code: CheckCode) -> Check {
    Told {
        code,
        light: Light::ForReviewer,
        value: f64::NAN,
        min: None,
        max: None,
        unit: "",
        source: STANDARD,
    }
    .said(
        "姿势、光线、清晰度或脸的大小不够，此项无法自动判断：请先改正再拍，或请人工确认",
        "Pose, light, sharpness or size do not let this be judged: put them right and shoot again, or let a person look",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{Covering, Tint};

    fn good() -> FaceFacts {
        FaceFacts {
            gaze: [0.01, -0.03],
            eyes_covered: 0.01,
            whites: 0.6,
            red: 0.03,
            bridge: 0.9,
            tint: Tint {
                light: 1.0,
                colour: 0.03,
            },
            glare: 0.0,
            teeth: 0.0,
            brows: 1.0,
            ears: Some([0.9, 1.0]),
            covering: Some(Covering {
                light: 0.05,
                red: 0.1,
                blue: -0.05,
                texture: 0.08,
                skin: 0.1,
            }),
        }
    }

    fn light_of(facts: &FaceFacts, code: CheckCode) -> Light {
        appearance(Some(facts), &[])
            .into_iter()
            .find(|c| c.code == code)
            .unwrap()
            .light
    }

    #[test]
    fn a_good_face_is_green_at_every_point_and_an_unmeasured_one_at_none() {
        let all = appearance(Some(&good()), &[]);
        assert!(all.iter().all(|c| c.light == Light::Green), "{all:?}");
        assert_eq!(all.iter().map(|c| c.code).collect::<Vec<_>>(), UNMEASURED);
        assert!(
            appearance(None, &[])
                .iter()
                .all(|c| c.light == Light::ForReviewer)
        );
    }

    #[test]
    fn one_cause_gives_one_refusal() {
        let bad = FaceFacts {
            gaze: [0.3, 0.0],
            teeth: 0.1,
            ..good()
        };
        let red = |code| Check {
            light: Light::Red,
            ..unmeasured(code)
        };
        let all = appearance(Some(&bad), &[red(CheckCode::UnevenLight)]);
        assert!(all.iter().all(|c| c.light == Light::ForReviewer), "{all:?}");
        let shut = appearance(Some(&bad), &[red(CheckCode::EyesClosed)]);
        let refused: Vec<CheckCode> = shut
            .iter()
            .filter(|c| c.light == Light::Red)
            .map(|c| c.code)
            .collect();
        assert_eq!(refused, [CheckCode::Teeth]);
        assert_eq!(shut.iter().map(|c| c.code).collect::<Vec<_>>(), UNMEASURED);
    }

    #[test]
    fn a_suspicion_without_a_frame_is_for_the_reviewer_and_with_one_a_refusal() {
        let dim = FaceFacts {
            tint: Tint {
                light: 0.5,
                colour: 0.1,
            },
            glare: 0.4,
            ..good()
        };
        let framed = FaceFacts { bridge: 0.2, ..dim };
        for code in [CheckCode::TintedLenses, CheckCode::LensGlare] {
            assert_eq!(light_of(&dim, code), Light::ForReviewer);
            assert_eq!(light_of(&framed, code), Light::Red);
        }
        assert_eq!(light_of(&framed, CheckCode::Glasses), Light::ForReviewer);
    }

    #[test]
    fn dark_smooth_hair_is_never_refused_as_a_hat() {
        let on = |red, light, texture, skin| FaceFacts {
            covering: Some(Covering {
                light,
                red,
                blue: 0.0,
                texture,
                skin,
            }),
            ..good()
        };
        let code = CheckCode::HeadCovering;
        assert_eq!(light_of(&on(0.0, 0.03, 0.01, 0.0), code), Light::ForReviewer);
        assert_eq!(light_of(&on(-0.5, 0.1, 0.01, 0.0), code), Light::Red);
        assert_eq!(light_of(&on(0.0, 2.4, 0.005, 0.0), code), Light::Red);
        assert_eq!(light_of(&on(0.4, 1.2, 0.005, 0.99), code), Light::Green);
    }

    #[test]
    fn eyes_aside_are_named_by_the_students_own_side() {
        let aside = FaceFacts {
            gaze: [0.12, -0.03],
            ..good()
        };
        let check = appearance(Some(&aside), &[])
            .into_iter()
            .find(|c| c.code == CheckCode::Gaze)
            .unwrap();
        assert_eq!(check.light, Light::Red);
        assert!(check.zh.contains("左边") && check.en.contains("your left"));
    }
}
