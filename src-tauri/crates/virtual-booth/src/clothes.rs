//! Neck, shoulders and what covers them: shirt with collar, T-shirt, blazer.
//!
//! Cloth is the body's own field, inflated; collars and lapels are further layers of it inside an outline seen
//! from the front, so they always lie on the body.

use crate::sdf::{V3, clouds, join, limb, mix, noise, rounded_box, smoothstep, v3};
use crate::student::{Clothes, Garment};

/// No part of the body or its clothes is higher than this.
pub(crate) const TOP: f32 = -1.75;

/// The body below the head; `neck_top` moves with the head.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    clothes: Clothes,
    neck_top: V3,
    behind_ears: [V3; 2],
    neck: f32,
    shoulders: f32,
}

/// A layer of cloth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The body's own skin.
    Skin,
    /// Shirt or T-shirt.
    Cloth,
    /// Its collar or the ribbed edge of the neck.
    Collar,
    /// The jacket over it.
    Jacket,
    /// The jacket's lapel.
    Lapel,
}

/// Distances to the three things a body shows.
#[derive(Clone, Copy)]
struct Parts {
    skin: f32,
    cloth: f32,
    collar: f32,
    jacket: f32,
    lapel: f32,
}

impl Body {
    /// `neck_top` and `behind_ears` in body space; `slight` gives a slimmer neck and shoulders.
    pub(crate) fn new(clothes: Clothes, neck_top: V3, behind_ears: [V3; 2], slight: bool) -> Self {
        let (neck, shoulders) = if slight { (0.765, 0.90) } else { (0.83, 1.0) };
        Self {
            clothes,
            neck_top,
            behind_ears,
            neck,
            shoulders,
        }
    }

    /// Distance to the neck alone; the head grows out of it.
    pub(crate) fn neck(&self, p: V3) -> f32 {
        let low = v3(0.0, -3.05, -1.5);
        let mut d = limb(p, self.neck_top, low, self.neck, self.neck * 1.05);
        if d > 0.75 {
            return d - 0.1;
        }
        // The two muscles from behind the ears to the notch between the collar bones.
        for (side, top) in [-1.0, 1.0].into_iter().zip(self.behind_ears) {
            d = join(d, limb(p, top, v3(side * 0.16, -3.02, -0.72), 0.15, 0.10), 0.22);
        }
        // Larynx.
        join(
            d,
            limb(
                p,
                self.neck_top + v3(0.0, -0.75, 0.52),
                v3(0.0, -2.65, -0.70),
                0.14,
                0.12,
            ),
            0.25,
        )
    }

    /// Chest, shoulders and arms.
    fn trunk(&self, p: V3) -> f32 {
        let w = self.shoulders;
        let q = v3(p.x.abs(), p.y, p.z);
        // From the neck's side down to the shoulder's end.
        let mut d = limb(q, v3(0.30, -2.72, -1.62), v3(2.62 * w, -3.96, -1.62), 0.46, 0.57);
        d = join(
            d,
            rounded_box(q - v3(0.0, -6.6, -1.62), v3(2.55 * w, 3.3, 1.05), 0.8),
            0.55,
        );
        // Chest muscles give the front its slope.
        d = join(
            d,
            limb(q, v3(0.9, -4.5, -1.15), v3(1.7 * w, -5.0, -1.2), 0.62, 0.6),
            0.6,
        );
        join(
            d,
            limb(
                q,
                v3(2.85 * w, -4.02, -1.62),
                v3(3.22 * w, -8.2, -1.4),
                0.70,
                0.58,
            ),
            0.35,
        )
    }

    fn parts(&self, p: V3) -> Parts {
        let skin = join(self.neck(p), self.trunk(p), 0.45);
        self.dressed(p, skin)
    }

    fn dressed(&self, p: V3, skin: f32) -> Parts {
        let x = p.x.abs();
        let fold = self.fold(p);
        let far = 9.0;
        let mut out = Parts {
            skin,
            cloth: far,
            collar: far,
            jacket: far,
            lapel: far,
        };
        let base = skin - 0.045 - fold;
        match self.clothes.garment {
            Garment::Tee => {
                let hole = (v3(x * 0.93, p.y + 2.35, (p.z + 0.95) * 0.8)).len() - 1.02;
                out.cloth = base.max(-hole).max(p.y + 2.5);
                out.collar = (base - 0.028).max(-hole).max(hole - 0.13).max(p.y + 2.48);
            }
            Garment::HighNeck => {
                out.cloth = base.max(p.y + 1.98);
                out.collar = (base - 0.05).max(p.y + 1.96).max(-p.y - 2.55);
            }
            Garment::Straps => {
                let strap = (x - 1.02).abs() - 0.15;
                out.cloth = base.max(strap.min(p.y + 4.35));
            }
            Garment::Shirt | Garment::Blazer => {
                // Open to the left of the line from the buttoned point up the neck's side.
                let open = edge(x, p.y, (0.02, -3.02), (0.72, -2.14));
                out.cloth = base.max(-open).max(p.y + 2.05);
                let leaf = edge(x, p.y, (0.025, -2.92), (0.73, -2.12))
                    .min(edge(x, p.y, (0.54, -3.46), (0.025, -2.92)))
                    .min(edge(x, p.y, (1.26, -2.52), (0.54, -3.46)));
                out.collar = (base - 0.075).max(-leaf).max(p.y + 2.02);
                // The placket.
                let strip = (x - 0.14).max(p.y + 2.98);
                out.cloth = join(out.cloth, (base - 0.022).max(strip), 0.012);
                if self.clothes.garment == Garment::Blazer {
                    let over = skin - 0.13 - fold * 1.4;
                    let gape = edge(x, p.y, (0.0, -6.2), (1.02, -2.35));
                    out.jacket = over.max(-gape).max(p.y + 2.2);
                    let wide = mix(0.62, 0.78, smoothstep(-5.5, -3.6, p.y));
                    let notch = edge(x, p.y, (1.5, -3.42), (0.95, -3.62)).abs() - 0.035;
                    let lapel = gape.min(wide - gape).min(notch).min(p.y + 6.1);
                    out.lapel = (over - 0.06).max(-lapel).max(p.y + 2.18);
                }
            }
        }
        out
    }

    /// Folds of the cloth as a height, never below the cloth itself.
    fn fold(&self, p: V3) -> f32 {
        let soft = if self.clothes.garment == Garment::Tee {
            0.05
        } else {
            0.035
        };
        let pull = v3(p.x * 0.9 + p.y * 0.35, p.y * 0.55 - p.x.abs() * 0.5, p.z * 0.7);
        let fall = smoothstep(-2.5, -3.6, p.y);
        if fall > 0.0 {
            soft * 0.8 * (noise(pull * 1.5 + v3(3.0, 0.0, 0.0)) + 1.0) * fall
        } else {
            0.0
        }
    }

    /// A coarser distance, good enough to cast soft shadows.
    pub(crate) fn rough(&self, p: V3) -> f32 {
        join(
            limb(
                p,
                self.neck_top,
                v3(0.0, -3.05, -1.5),
                self.neck,
                self.neck * 1.05,
            ),
            self.trunk(p),
            0.45,
        ) - 0.05
    }

    /// Distance to body and clothes.
    pub(crate) fn distance(&self, p: V3) -> f32 {
        let skin = join(self.neck(p), self.trunk(p), 0.45);
        // No layer of cloth stands off further.
        if skin > 1.0 {
            return skin - 0.28;
        }
        let parts = self.dressed(p, skin);
        parts
            .skin
            .min(parts.cloth)
            .min(parts.collar)
            .min(parts.jacket)
            .min(parts.lapel)
    }

    /// Which layer lies at a point of the surface.
    pub(crate) fn layer(&self, p: V3) -> Layer {
        let parts = self.parts(p);
        let mut best = (parts.skin, Layer::Skin);
        for (d, layer) in [
            (parts.cloth, Layer::Cloth),
            (parts.collar, Layer::Collar),
            (parts.jacket, Layer::Jacket),
            (parts.lapel, Layer::Lapel),
        ] {
            if d < best.0 {
                best = (d, layer);
            }
        }
        best.1
    }

    /// Reflectance of the cloth at a point of that layer.
    pub(crate) fn colour(&self, p: V3, layer: Layer) -> [f32; 3] {
        let blazer = self.clothes.garment == Garment::Blazer;
        let inner = blazer && matches!(layer, Layer::Cloth | Layer::Collar);
        let mut c = if inner {
            Clothes::WHITE_SHIRT.colour
        } else {
            self.clothes.colour
        };
        let weave = 1.0 + 0.03 * clouds(v3(p.x * 60.0, p.y * 60.0, p.z * 60.0)) + 0.04 * clouds(p * 1.7);
        if self.clothes.stripes && !inner {
            let band = smoothstep(0.30, 0.34, ((p.x / 0.30 + 40.0).fract() - 0.5).abs() * 2.0 - 0.2);
            let light = if c[1] > 0.3 {
                [0.06, 0.09, 0.25]
            } else {
                [0.75, 0.75, 0.74]
            };
            c = crate::sdf::mix3(light, c, band);
        }
        if layer == Layer::Cloth && matches!(self.clothes.garment, Garment::Shirt | Garment::Blazer) {
            let y = p.y + 3.42;
            let off = y - (y / 0.85).round() * 0.85;
            let disc = p.x.hypot(off);
            if p.z > -1.2 && p.y < -3.2 {
                let button = smoothstep(0.062, 0.05, disc);
                let tone = if c[1] > 0.3 { 0.86 } else { 1.25 };
                let hole = 1.0 - 0.5 * smoothstep(0.014, 0.008, ((p.x.abs() - 0.014).hypot(off)).abs());
                c = crate::sdf::mix3(c, c.map(|v| (v * tone + 0.012) * hole), button);
            }
            let seam =
                0.12 * smoothstep(0.012, 0.004, (p.x.abs() - 0.13).abs()) * smoothstep(-3.0, -3.1, p.y);
            c = c.map(|v| v * (1.0 - seam));
        }
        c.map(|v| (v * weave).clamp(0.0, 0.95))
    }
}

/// Signed distance to the line through `a` and `b` in the plane, positive on the right of the way from `a` to `b`.
fn edge(x: f32, y: f32, a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    ((x - a.0) * dy - (y - a.1) * dx) / dx.hypot(dy)
}
