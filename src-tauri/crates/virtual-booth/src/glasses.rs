//! A pair of glasses: two rims, a bridge, two temples; lenses that may mirror a window.

use crate::sdf::{V3, limb, rounded_rect, smoothstep, v3};
use crate::student::{Frame, Student};

const LENS: V3 = v3(0.525, -0.05, 0.34);
const HALF_WIDTH: f32 = 0.365;
const HALF_HEIGHT: f32 = 0.275;
const ROUND: f32 = 0.19;

/// A pair of glasses to be rendered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glasses {
    pub(crate) frame: Frame,
    /// Share of the light of each colour that comes through a lens.
    pub(crate) tint: [f32; 3],
    /// See [`crate::Student::glare`].
    pub(crate) glare: f32,
}

impl Glasses {
    pub(crate) fn of(student: &Student) -> Option<Self> {
        student.glasses.then(|| Self {
            frame: student.frame,
            tint: student.tint.map(|t| t.clamp(0.0, 1.0)),
            glare: student.glare.clamp(0.0, 1.0),
        })
    }

    /// How far the lenses sit below their right height.
    fn drop(self) -> f32 {
        if self.frame == Frame::Slipped { 0.20 } else { 0.0 }
    }
}

/// Distance to the frame, head space.
pub(crate) fn frame(p: V3, worn: Glasses) -> f32 {
    let q = v3(p.x.abs(), p.y + worn.drop(), p.z);
    let near = (q - v3(0.6, 0.0, -0.2)).len() - 1.35;
    if near > 0.3 {
        return near;
    }
    let (half_height, rim) = match worn.frame {
        Frame::Thin => (HALF_HEIGHT, 0.019),
        Frame::Heavy => (HALF_HEIGHT + 0.03, 0.050),
        Frame::Slipped => (HALF_HEIGHT - 0.04, 0.045),
    };
    let outline = rounded_rect(q.x - LENS.x, q.y - LENS.y, HALF_WIDTH, half_height, ROUND);
    let rim = outline.hypot(q.z - plane(q.x)) - rim;
    let bridge = limb(q, v3(0.0, 0.065, 0.40), v3(0.165, 0.035, 0.36), 0.018, 0.019);
    let hinge = v3(0.97, 0.07, plane(0.93) - 0.12);
    let temple = limb(q, hinge, v3(1.09, 0.06, -1.05), 0.022, 0.02).min(limb(
        q,
        v3(0.87, 0.09, plane(0.87)),
        hinge,
        0.022,
        0.024,
    ));
    rim.min(bridge).min(temple)
}

/// How strongly a lens mirrors the window where the way from `eye` in direction `d` goes through it, 0..=1, and
/// whether it goes through a lens at all.
pub(crate) fn lens(eye: V3, d: V3, worn: Glasses) -> Option<f32> {
    let eye = eye + v3(0.0, worn.drop(), 0.0);
    if d.z > -0.2 {
        return None;
    }
    let t = (LENS.z - eye.z) / d.z;
    let p = eye + d * t;
    let (x, y) = (p.x.abs() - LENS.x, p.y - LENS.y);
    let inside = rounded_rect(x, y, HALF_WIDTH, HALF_HEIGHT, ROUND);
    if inside > 0.0 {
        return None;
    }
    // A window seen slantwise: two panes.
    let (u, v) = (x + 0.35 * y + 0.06, y - 0.02);
    let pane =
        smoothstep(0.02, -0.03, rounded_rect(u, v, 0.25, 0.20, 0.03)) * smoothstep(0.010, 0.022, u.abs());
    Some((0.02 + worn.glare * (0.25 + 0.75 * pane)).min(1.0) * smoothstep(0.0, -0.01, inside))
}

fn plane(x: f32) -> f32 {
    LENS.z + 0.02 - 0.10 * x * x
}
