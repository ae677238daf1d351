//! Where the head is in the picture, how large, and whether the person is whole.

use super::{OURS, STANDARD, Told, light};
use crate::geometry::Obstacle;
use crate::report::{Check, CheckCode, Light, Measured};
use crate::spec::Spec;

/// The three bands, the middle, and the capture's resolution.
pub(crate) fn geometry(
    m: &Measured,
    spec: &Spec,
    obstacle: Option<Obstacle>,
    upscale: Option<f64>,
) -> Vec<Check> {
    let mut checks = Vec::with_capacity(5);
    if let Some(scale) = upscale {
        let max = spec.limits.max_upscale;
        let short = obstacle == Some(Obstacle::Resolution);
        // The enlargement the smallest allowed face would need; the placement stops at the limit.
        let needed = if short {
            scale * (spec.face_width.min / m.face_width).max(1.0)
        } else {
            scale
        };
        let told = Told {
            code: CheckCode::TooSmall,
            light: if short {
                Light::Red
            } else if scale > f64::midpoint(max, 1.0) {
                Light::Amber
            } else {
                Light::Green
            },
            value: needed,
            min: None,
            max: Some(max),
            unit: "x",
            source: OURS,
        };
        checks.push(match told.light {
            Light::Green => told.said("分辨率足够", "Resolution sufficient"),
            Light::Amber => told.said(
                "人离镜头偏远，照片略有放大：靠近一些会更清晰",
                "Rather far from the camera, the photo is slightly enlarged: sitting closer gives more detail",
            ),
            _ => told.said(
                format!("脸在原图中太小，需放大 {needed:.2} 倍（最多 {max:.2} 倍）：请靠近镜头再拍"),
                format!("The face is too small in the capture and would be enlarged {needed:.2}x (at most {max:.2}x): sit closer"),
            ),
        });
    }
    let within = |band: crate::spec::Band, value: f64| {
        // Half a pixel is the measurement's own grain.
        let margin = (value - band.min).min(band.max - value);
        if margin >= 0.5 {
            Light::Green
        } else if margin >= -0.5 {
            Light::Amber
        } else {
            Light::Red
        }
    };
    let told = |code, band: crate::spec::Band, value: f64| Told {
        code,
        light: within(band, value),
        value,
        min: Some(band.min),
        max: Some(band.max),
        unit: "px",
        source: STANDARD,
    };
    let t = told(CheckCode::Crown, spec.crown, m.crown);
    checks.push(match t.light {
        Light::Green => t.said("头顶位置合格", "Crown within its band"),
        Light::Red if obstacle == Some(Obstacle::Hair) => t.said(
            "头发太高，头顶与眼睛的位置无法同时满足：请压低或扎起头发，或由工作人员决定",
            "Hair too tall for crown and eyes to fit together: flatten or tie it, or let staff decide",
        ),
        _ if m.crown < spec.crown.min => t.said("头顶离上边太近", "Crown too near to the top edge"),
        _ => t.said("头顶离上边太远", "Crown too far from the top edge"),
    });
    let t = told(CheckCode::Eyes, spec.eyes, m.eyes);
    checks.push(match t.light {
        Light::Green => t.said("眼睛位置合格", "Eyes within their band"),
        _ if m.eyes < spec.eyes.min => t.said("眼睛位置偏高", "Eyes too high"),
        _ => t.said("眼睛位置偏低", "Eyes too low"),
    });
    let t = told(CheckCode::Width, spec.face_width, m.face_width);
    checks.push(match t.light {
        Light::Green => t.said("脸宽合格", "Face width within its band"),
        _ if m.face_width < spec.face_width.min => {
            t.said("脸太窄：请靠近镜头", "Face too narrow: sit closer")
        }
        _ => t.said("脸太宽：请离镜头远一些", "Face too wide: sit farther away"),
    });
    let allowed = f64::from(spec.width) / 40.0;
    let t = Told {
        code: CheckCode::Centre,
        light: light(m.off_centre.abs(), [allowed / 2.0, allowed]),
        value: m.off_centre,
        min: Some(-allowed),
        max: Some(allowed),
        unit: "px",
        source: "教毕指〔2017〕99号 (头部居中); limit ours",
    };
    checks.push(match t.light {
        Light::Green => t.said("头部居中", "Head in the middle"),
        _ => t.said("头部没有居中", "Head not in the middle"),
    });
    checks
}

/// Whether the person is whole inside the picture. `top`: hair touches the capture's upper edge; `missing` how many
/// finished pixels of the person lie beyond an edge.
pub(crate) fn cut_off(top: bool, missing: f64) -> Check {
    let told = Told {
        code: CheckCode::CutOff,
        light: if top || missing > 0.5 {
            Light::Red
        } else {
            Light::Green
        },
        value: missing,
        min: None,
        max: Some(0.0),
        unit: "px",
        source: STANDARD,
    };
    if top {
        told.said(
            "头顶超出画面：请坐低一些或后退",
            "The top of the head is outside the capture: sit lower or move back",
        )
    } else if missing > 0.5 {
        told.said(
            "身体在照片范围内被画面边缘切断：请坐到中间、坐高一些",
            "The body is cut off inside the photo: sit in the middle and a little higher",
        )
    } else {
        told.said("人像完整", "The person is whole")
    }
}
