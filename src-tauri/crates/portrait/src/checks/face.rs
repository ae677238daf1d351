//! What the face does: eyes and mouth.

use super::{OURS, STANDARD, Told, f, light};
use crate::report::{Check, CheckCode, Light};
use crate::vision::Mesh;

/// Lowest openness of an eye: remark and refusal. See [`Mesh::eye_openness`].
pub(crate) const EYES_OPEN: [f32; 2] = [0.18, 0.13];
/// Openness of the mouth: remark and refusal. Teeth in a smile are the reviewer's to refuse: the mesh cannot tell
/// a smile with teeth from full lips, and a false refusal costs the student another shot.
pub(crate) const MOUTH: [f32; 2] = [0.07, 0.45];

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
