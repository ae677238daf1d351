//! The head as a signed-distance field: skull, jaw, brow, nose, lids, lips, ears; and what colour each spot is.
//!
//! Measures come from the canonical face of the `MediaPipe` face mesh and from anthropometric means, expressed in
//! inter-eye distances (63 mm): cheek width 2.19, eyes to chin 1.9, eyes to the top of the skull 1.9, nose
//! width 0.6, mouth width 0.76, opening of the eye 0.47 by 0.18.

use crate::sdf::{Dice, V3, carve, clouds, ellipsoid, join, limb, mix, mix3, noise, smoothstep, v3};
use crate::student::{Hair, Student};

/// Everything inside, ears and an open jaw included.
pub(crate) const HEAD_CENTRE: V3 = v3(0.0, -0.05, -0.95);
/// Radius of the sphere about [`HEAD_CENTRE`] that holds the head.
pub(crate) const HEAD_RADIUS: f32 = 2.35;
/// Centre and radii of the brain case; the hair grows on it.
pub(crate) const SKULL: (V3, V3) = (v3(0.0, 0.45, -1.05), v3(1.2, 1.42, 1.42));

const EYE: V3 = v3(0.5, 0.0, -0.175);
pub(crate) const EYE_RADIUS: f32 = 0.235;
const EYE_HALF_WIDTH: f32 = 0.235;
const MOUTH_Y: f32 = -1.075;

/// What the face is doing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expression {
    /// 0 shut, 1 open.
    pub(crate) eyes: f32,
    /// 0 closed, 1 wide.
    pub(crate) mouth: f32,
    /// Degrees off straight ahead: to the picture's right, and up.
    pub(crate) gaze: [f32; 2],
    /// 0 a dark pupil, 1 one that throws a flash back.
    pub(crate) red: f32,
}

impl Expression {
    /// Mouth closed, looking straight ahead.
    pub(crate) const CALM: Self = Self {
        eyes: 1.0,
        mouth: 0.0,
        gaze: [0.0, 0.0],
        red: 0.0,
    };
}

/// Where the eyes look, as a unit vector in head space.
pub(crate) fn gaze(face: Expression) -> V3 {
    let [(sx, cx), (sy, cy)] = face.gaze.map(|degrees| degrees.to_radians().sin_cos());
    v3(sx * cy, sy, cx * cy)
}

/// A face's own proportions; all near 1 or 0.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    jaw: f32,
    chin: f32,
    nose_width: f32,
    nose_length: f32,
    eye_height: f32,
    eye_slant: f32,
    lips: f32,
    cheek: f32,
    brow: f32,
    skin: [f32; 3],
    hair: [f32; 3],
    bald: bool,
    iris: [f32; 3],
    grain: V3,
    stubble: f32,
}

/// What a spot of the head is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    Skin,
    Eye,
    Mouth,
    Teeth,
}

impl Head {
    pub(crate) fn new(student: &Student) -> Self {
        let mut dice = Dice::new(student.seed ^ 0xFACE);
        let soft = matches!(student.hair, Hair::Bob | Hair::Long | Hair::Bun);
        Self {
            jaw: if soft { 0.95 } else { 1.01 } + 0.035 * dice.sway(),
            chin: 0.05 * dice.sway() - if soft { 0.03 } else { 0.0 },
            nose_width: if soft { 0.86 } else { 0.97 } + 0.08 * dice.sway(),
            nose_length: 1.0 + 0.06 * dice.sway(),
            eye_height: if soft { 1.12 } else { 0.98 } + 0.1 * dice.sway(),
            eye_slant: 0.07 + 0.05 * dice.sway(),
            lips: if soft { 1.1 } else { 0.95 } + 0.12 * dice.sway(),
            cheek: 1.0 + 0.05 * dice.sway(),
            brow: if soft { 0.4 } else { 1.0 } + 0.2 * dice.sway(),
            skin: student.skin.albedo(),
            hair: student.hair_colour.albedo(),
            bald: student.hair == Hair::Bald,
            iris: [
                [0.060, 0.030, 0.015],
                [0.095, 0.050, 0.022],
                [0.040, 0.021, 0.012],
            ][dice.below(3)],
            grain: v3(dice.unit(), dice.unit(), dice.unit()) * 50.0,
            stubble: if soft { 0.0 } else { 0.5 + 0.5 * dice.unit() },
        }
    }

    /// Distance to the head in head space.
    pub(crate) fn distance(&self, p: V3, face: Expression) -> f32 {
        let q = fold(p);
        let bulk = self.bulk(q, face);
        // The nose, the lips and the ears stand off the bulk by less than half a unit.
        if bulk > 1.3 {
            return bulk - 0.5;
        }
        let mut d = self.features(bulk, q, face);
        if far_from(q, v3(1.17, -0.10, -1.12), 0.60) < d + 0.10 {
            d = join(d, Self::ear(q), 0.10);
        }
        if far_from(q, EYE, EYE_RADIUS + 0.03) < d.abs() + 0.12 {
            d = lid_over(d, self.lids(q, face)).min((q - EYE).len() - EYE_RADIUS);
        }
        if face.mouth > 0.0 {
            d = d.min(teeth(q));
        }
        d
    }

    /// Skull, face and nose without lids, eyeballs and ears: what the cheeks are measured on. `q.x >= 0`.
    fn bare(&self, q: V3, face: Expression) -> f32 {
        self.features(self.bulk(q, face), q, face)
    }

    /// The large forms; also what casts shadows. `q.x >= 0`.
    fn bulk(&self, q: V3, face: Expression) -> f32 {
        let j = hang(q, jaw_drop(face));
        let mut d = ellipsoid(q - SKULL.0, SKULL.1);
        d = join(
            d,
            ellipsoid(j - v3(0.0, -0.54, -0.62), v3(1.03 * self.jaw, 1.32, 0.80)),
            0.28,
        );
        if j.y < -0.2 {
            let corner = v3(0.72 * self.jaw, -0.95, -0.95);
            d = join(
                d,
                limb(j, corner, v3(0.26, -1.60 - self.chin, -0.18), 0.19, 0.20),
                0.30,
            );
            d = join(
                d,
                ellipsoid(j - v3(0.0, -1.60 - self.chin, -0.13), v3(0.34, 0.26, 0.30)),
                0.26,
            );
        }
        // Cheek bone and its arch towards the ear: the widest place of the face.
        if far_from(q, v3(0.78, -0.34, -0.5), 0.82) < d + 0.26 {
            d = join(
                d,
                ellipsoid(q - v3(0.62, -0.40, -0.30), v3(0.40 * self.cheek, 0.40, 0.44)),
                0.26,
            );
            d = join(
                d,
                limb(q, v3(0.80, -0.30, -0.36), v3(0.985, -0.28, -1.0), 0.16, 0.13),
                0.22,
            );
        }
        d
    }

    fn features(&self, bulk: f32, q: V3, face: Expression) -> f32 {
        let drop = jaw_drop(face);
        let mut d = bulk;
        // Brow ridge, then the sockets cut below it.
        if far_from(q, v3(0.48, 0.15, 0.15), 0.68) < d.abs() + 0.22 {
            d = join(
                d,
                limb(
                    q,
                    v3(0.12, 0.29, 0.17),
                    v3(0.74, 0.33, -0.05),
                    0.10 + 0.02 * self.brow,
                    0.10,
                ),
                0.22,
            );
            d = carve(
                d,
                ellipsoid(q - v3(0.515, 0.015, 0.38), v3(0.35, 0.215, 0.40)),
                0.18,
            );
        }
        if far_from(q, v3(0.0, -0.35, 0.28), 0.64) < d + 0.24 {
            d = self.with_nose(d, q);
        }
        if far_from(q, v3(0.0, -1.1 - 0.5 * drop, 0.1), 0.62 + 0.5 * drop) > d.abs() + 0.22 {
            return d;
        }
        // Muzzle, then the opening of the mouth.
        let j = hang(q, drop);
        d = join(
            d,
            ellipsoid(j - v3(0.0, -1.04, 0.02), v3(0.50, 0.40, 0.285)),
            0.22,
        );
        if drop > 0.0 {
            let bend = 1.0 - (q.x / 0.36) * (q.x / 0.36);
            let half = (drop * bend).max(0.0) * 0.5;
            let mid = MOUTH_Y - half;
            let hollow = ((q.y - mid).abs() - half - 0.01).max(0.02 - q.z).max(q.x - 0.34);
            d = carve(d, hollow * 0.7, 0.05);
        }
        self.with_lips(d, q, drop)
    }

    /// A coarser distance, good enough to cast soft shadows.
    pub(crate) fn rough(&self, p: V3, face: Expression) -> f32 {
        let q = fold(p);
        let mut d = self.bulk(q, face);
        if far_from(q, v3(0.0, -0.35, 0.28), 0.64) < d + 0.24 {
            d = self.with_nose(d, q);
        }
        if far_from(q, v3(0.48, 0.15, 0.15), 0.68) < d.abs() + 0.22 {
            d = join(
                d,
                limb(q, v3(0.12, 0.29, 0.17), v3(0.74, 0.33, -0.05), 0.11, 0.10),
                0.2,
            );
            d = carve(
                d,
                ellipsoid(q - v3(0.515, 0.015, 0.38), v3(0.35, 0.215, 0.42)),
                0.18,
            );
        }
        d
    }

    fn with_lips(&self, d: f32, q: V3, drop: f32) -> f32 {
        let bend = (1.0 - (q.x / 0.37) * (q.x / 0.37)).max(0.0);
        let bow = 0.02 * (-(q.x / 0.07) * (q.x / 0.07)).exp();
        let rise = smile(q);
        let q = v3(q.x, q.y - rise, q.z);
        let upper = ellipsoid(
            q - v3(0.0, -1.018 - 0.02 * self.lips, 0.215 - bow),
            v3(0.37, 0.07 * self.lips, 0.135),
        );
        let low = v3(q.x, q.y + drop * bend, q.z + 0.10 * drop);
        let lower = ellipsoid(low - v3(0.0, -1.142, 0.205), v3(0.33, 0.084 * self.lips, 0.135));
        let crease = ellipsoid(low - v3(0.0, -1.30, 0.40), v3(0.26, 0.06, 0.11));
        let d = carve(d, crease, 0.16);
        let d = join(join(d, upper, 0.06), lower, 0.045);
        let slit = ellipsoid(q - v3(0.0, MOUTH_Y, 0.40), v3(0.36, 0.010, 0.12));
        // The groove under the nose.
        let groove = limb(q, v3(0.0, -0.80, 0.40), v3(0.0, -0.95, 0.42), 0.028, 0.035);
        carve(carve(d, slit, 0.035), groove, 0.07)
    }

    fn with_nose(&self, d: f32, q: V3) -> f32 {
        let len = self.nose_length;
        let bridge = limb(q, v3(0.0, 0.16, 0.165), v3(0.0, -0.40 * len, 0.385), 0.105, 0.135);
        let tip = ellipsoid(q - v3(0.0, -0.535 * len, 0.455), v3(0.15, 0.15, 0.165));
        let wing = v3(0.205 * self.nose_width, -0.605 * len, 0.30);
        let wing = ellipsoid(q - wing, v3(0.095, 0.10, 0.155));
        let d = join(join(d, bridge, 0.24), join(tip, wing, 0.09), 0.11);
        let hole = v3(0.105 * self.nose_width, -0.705 * len, 0.40);
        carve(d, ellipsoid(q - hole, v3(0.062, 0.055, 0.10)), 0.035)
    }

    fn ear(q: V3) -> f32 {
        let e = q - v3(1.155, -0.10, -1.12);
        // Turned so that the rim stands off the head by about 30 degrees.
        let e = v3(0.87 * e.x + 0.5 * e.z, e.y, -0.5 * e.x + 0.87 * e.z);
        let wide = v3(e.x, e.y, e.z * mix(1.35, 0.95, smoothstep(-0.45, 0.25, e.y)));
        let shell = ellipsoid(wide, v3(0.10, 0.44, 0.265));
        let bowl = ellipsoid(wide - v3(0.085, 0.06, 0.045), v3(0.07, 0.31, 0.165));
        let knob = (e - v3(0.02, -0.02, 0.21)).len() - 0.07;
        join(carve(shell, bowl, 0.06), knob, 0.06)
    }

    /// The opening between the lids, in the plane: (distance to its edge, height above its middle line). The
    /// distance is negative inside. `q.x >= 0`.
    fn opening(&self, q: V3, face: Expression) -> (f32, f32) {
        let u = q.x - EYE.x;
        let v = q.y - EYE.y - self.eye_slant * u;
        let arc = (1.0 - (u / EYE_HALF_WIDTH) * (u / EYE_HALF_WIDTH)).max(-1.0);
        // The upper lid's highest point lies a little towards the nose.
        let skew = 1.0 - 0.5 * u;
        let low = -0.075 * arc;
        let high = low + (0.166 * self.eye_height * skew * arc) * face.eyes;
        let d = ((v - high).max(low - v)) * 0.86;
        (d, v - (low + high) * 0.5)
    }

    /// The lids' own surface, cut open: (distance, distance to the opening's edge in the plane).
    fn lids(&self, q: V3, face: Expression) -> (f32, f32) {
        let ball = (q - EYE).len() - (EYE_RADIUS + 0.024);
        let (edge, _) = self.opening(q, face);
        (
            ball,
            if face.eyes > 0.02 && q.z > EYE.z {
                edge
            } else {
                1.0
            },
        )
    }

    /// What lies at a point on the surface.
    pub(crate) fn matter(p: V3, face: Expression) -> Matter {
        let q = fold(p);
        if (q - EYE).len() - EYE_RADIUS < 0.004 {
            return Matter::Eye;
        }
        if face.mouth > 0.0 {
            if teeth(q) < 0.004 {
                return Matter::Teeth;
            }
            let drop = jaw_drop(face);
            let bend = (1.0 - (q.x / 0.36) * (q.x / 0.36)).max(0.0);
            if q.x < 0.33 && q.z < 0.20 && q.z > -0.4 && q.y < MOUTH_Y && q.y > MOUTH_Y - drop * bend - 0.02 {
                return Matter::Mouth;
            }
        }
        Matter::Skin
    }

    /// Reflectance of the skin at `p`, and how oily it is (0..1).
    pub(crate) fn skin(&self, p: V3, face: Expression) -> ([f32; 3], f32) {
        let q = fold(p);
        let mut c = self.skin;
        let fair = self.skin[0].sqrt();
        let front = smoothstep(-0.5, -0.1, p.z);
        let mottle = clouds(p * 2.6 + self.grain);
        let fine = clouds(p * 17.0 + self.grain);
        let shade = 1.0 + 0.035 * mottle + 0.035 * fine;
        c = [c[0] * shade, c[1] * shade * (1.0 - 0.02 * mottle), c[2] * shade];
        // Blood: cheeks, the nose's tip, ears, knuckle of the chin.
        let spot = |at: V3, r: f32| (-(q - at).dot(q - at) / (r * r)).exp();
        let blood = 0.55 * spot(v3(0.68, -0.45, 0.1), 0.36)
            + 0.6 * spot(v3(0.0, -0.55, 0.6), 0.22)
            + 0.5 * spot(v3(0.22, -0.6, 0.38), 0.14)
            + 0.35 * spot(v3(0.0, -1.6, 0.15), 0.3)
            + 0.6 * smoothstep(1.12, 1.3, q.x) * smoothstep(-0.75, -0.9, p.z)
            + 0.12 * mottle.max(0.0);
        c = [
            c[0] * (1.0 - 0.03 * blood),
            c[1] * (1.0 - 0.20 * blood),
            c[2] * (1.0 - 0.19 * blood),
        ];
        // Thin skin about the eyes, a shaved beard about the mouth.
        let hollow = spot(v3(0.42, -0.16, 0.1), 0.17) * 0.20 + spot(v3(0.5, 0.12, 0.1), 0.17) * 0.14;
        c = [
            c[0] * (1.0 - 0.75 * hollow),
            c[1] * (1.0 - hollow),
            c[2] * (1.0 - 0.85 * hollow),
        ];
        if self.stubble > 0.0 {
            let beard = (spot(v3(0.0, -1.62, 0.1), 0.42)
                + spot(v3(0.25, -0.88, 0.3), 0.2)
                + 0.5 * spot(v3(0.7, -1.2, -0.4), 0.4))
            .min(1.0)
                * self.stubble
                * 0.10;
            c = [
                c[0] * (1.0 - beard),
                c[1] * (1.0 - 0.85 * beard),
                c[2] * (1.0 - 0.6 * beard),
            ];
        }
        let oil =
            0.35 + 0.5 * spot(v3(0.0, -0.45, 0.6), 0.25) + 0.4 * spot(v3(0.0, 0.6, 0.3), 0.45) + 0.15 * fine;
        c = mix3(c, self.lip_colour(q), self.lip_mask(q, face) * front);
        (self.lashes(c, q, face, fair), oil)
    }

    fn lip_colour(&self, q: V3) -> [f32; 3] {
        let s = self.skin;
        let lines = 1.0 + 0.07 * noise(v3(q.x * 34.0, q.y * 6.0, 0.0) + self.grain);
        [s[0] * 0.80 * lines, s[1] * 0.50 * lines, s[2] * 0.54 * lines]
    }

    fn lip_mask(&self, q: V3, face: Expression) -> f32 {
        let drop = jaw_drop(face);
        let q = v3(q.x, q.y - smile(q), q.z);
        let arc = (1.0 - (q.x / 0.385) * (q.x / 0.385)).max(0.0);
        let bow = 1.0 - 0.22 * (-(q.x / 0.075) * (q.x / 0.075)).exp();
        let top = MOUTH_Y + 0.012 + 0.098 * self.lips * arc.powf(0.8) * bow;
        let bottom = MOUTH_Y
            - 0.012
            - 0.135 * self.lips * (1.0 - (q.x / 0.35) * (q.x / 0.35)).max(0.0).powf(0.75)
            - drop * arc;
        let edge = 0.022;
        smoothstep(top + edge, top - edge, q.y)
            * smoothstep(bottom - edge * 1.3, bottom + edge * 1.3, q.y)
            * smoothstep(0.385, 0.35, q.x)
    }

    fn lashes(&self, c: [f32; 3], q: V3, face: Expression, fair: f32) -> [f32; 3] {
        let u = q.x - EYE.x;
        if u.abs() > 0.3 || q.y.abs() > 0.35 || q.z < -0.2 {
            return c;
        }
        let (edge, height) = self.opening(q, face);
        let within = smoothstep(EYE_HALF_WIDTH + 0.025, EYE_HALF_WIDTH - 0.03, u.abs());
        let dark = mix3([0.012, 0.009, 0.008], self.hair, 0.3);
        let upper = smoothstep(0.034, 0.010, edge) * smoothstep(-0.01, 0.02, height) * within;
        let lower = 0.45 * smoothstep(0.018, 0.004, edge) * smoothstep(0.0, -0.02, height) * within;
        let line = if face.eyes < 0.3 {
            smoothstep(0.026, 0.010, edge.abs()) * within
        } else {
            0.0
        };
        // The crease of the upper lid.
        let crease = 0.30
            * fair
            * smoothstep(0.018, 0.0, (edge - 0.058 - 0.02 * u).abs())
            * smoothstep(0.0, 0.05, height)
            * smoothstep(0.22, 0.1, u.abs())
            * face.eyes;
        let c = mix3(c, [c[0] * 0.55, c[1] * 0.45, c[2] * 0.42], crease);
        mix3(c, dark, (upper.max(lower).max(line * 0.95)).clamp(0.0, 0.97))
    }

    /// Reflectance of the eyeball at `p` and the height of the cornea's mirror there (0..1).
    pub(crate) fn eye(&self, p: V3, face: Expression) -> ([f32; 3], f32) {
        let q = fold(p);
        let to = gaze(face);
        // The fold shows both eyes as the picture's right one.
        let off = v3(to.x.copysign(to.x * p.x), to.y, 0.0);
        let ball = (q - EYE) * (1.0 / EYE_RADIUS);
        let at = ball - off;
        let r = at.x.hypot(at.y - 0.05) * EYE_RADIUS;
        let white = [0.60, 0.55, 0.52];
        let veins = 0.03 * clouds(p * 30.0).abs();
        let corner = smoothstep(0.12, 0.23, (ball.x * EYE_RADIUS).abs());
        let mut c = [
            white[0] - veins * 0.4,
            white[1] - veins - 0.13 * corner,
            white[2] - veins - 0.14 * corner,
        ];
        let spokes = 1.0 + 0.35 * noise(v3((at.y - 0.05).atan2(at.x) * 9.0, r * 20.0, 3.0));
        let iris = [
            self.iris[0] * spokes,
            self.iris[1] * spokes,
            self.iris[2] * spokes,
        ];
        let limbus = smoothstep(0.085, 0.112, r);
        let iris = mix3(iris, [0.012, 0.010, 0.010], limbus * 0.85);
        c = mix3(iris, c, smoothstep(0.102, 0.118, r));
        c = mix3([0.004, 0.004, 0.004], c, smoothstep(0.034, 0.046, r));
        if face.red > 0.0 {
            c = mix3(c, [0.85, 0.07, 0.04], face.red * smoothstep(0.066, 0.050, r));
        }
        // The upper lid's shadow.
        let (edge, height) = self.opening(q, face);
        let lid = 1.0 - 0.55 * smoothstep(-0.055, -0.005, edge) * smoothstep(-0.01, 0.03, height);
        ([c[0] * lid, c[1] * lid, c[2] * lid], smoothstep(0.135, 0.10, r))
    }

    /// How far the scalp at `p` shows the roots of hair: 0 skin, 1 dense.
    pub(crate) fn scalp(&self, p: V3) -> ([f32; 3], f32) {
        let over = p.y - hairline(p) + 0.05 * noise(p * 9.0 + self.grain);
        let dense = smoothstep(-0.03, 0.10, over);
        let ear = smoothstep(1.16, 1.22, p.x.abs()) * smoothstep(0.5, 0.3, p.y);
        (
            self.hair,
            dense * (1.0 - ear) * if self.bald { 0.10 } else { 0.96 },
        )
    }

    /// The face's widest points in front of the ears (head space, left then right): where the face mesh puts
    /// its points 234 and 454.
    pub(crate) fn cheeks(&self, face: Expression) -> [V3; 2] {
        let (y, z) = (-0.31, -0.88);
        let (mut inside, mut outside) = (0.5, 1.8);
        for _ in 0..24 {
            let x = 0.5 * (inside + outside);
            if self.bare(v3(x, y, z), face) < 0.0 {
                inside = x;
            } else {
                outside = x;
            }
        }
        [v3(-inside, y, z), v3(inside, y, z)]
    }

    /// The lowest point of the chin (head space).
    pub(crate) fn chin(&self, face: Expression) -> V3 {
        let mut lowest = v3(0.0, 0.0, 0.0);
        for step in 0..24 {
            let z = -0.35 + 0.025 * step as f32;
            let (mut inside, mut outside) = (-1.3 - jaw_drop(face), -2.8);
            if self.bare(v3(0.0, inside, z), face) > 0.0 {
                continue;
            }
            for _ in 0..20 {
                let y = 0.5 * (inside + outside);
                if self.bare(v3(0.0, y, z), face) < 0.0 {
                    inside = y;
                } else {
                    outside = y;
                }
            }
            if inside < lowest.y {
                lowest = v3(0.0, inside, z);
            }
        }
        lowest
    }
}

/// The pupils (head space, left then right).
pub(crate) const PUPILS: [V3; 2] = [v3(-0.5, 0.012, 0.06), v3(0.5, 0.012, 0.06)];

/// The middle of the hairline over the forehead (head space).
pub(crate) const FOREHEAD: V3 = v3(0.0, 0.98, 0.26);

/// Height of the hairline in the direction of `p` seen from the skull's axis.
pub(crate) fn hairline(p: V3) -> f32 {
    // (degrees from straight ahead, height): forehead, temples, sideburn, over the ear, nape.
    const LINE: [(f32, f32); 10] = [
        (0.0, 1.00),
        (22.0, 1.03),
        (38.0, 0.92),
        (52.0, 0.66),
        (64.0, 0.34),
        (76.0, 0.05),
        (88.0, 0.05),
        (100.0, 0.32),
        (125.0, -0.35),
        (180.0, -0.85),
    ];
    let angle = p.x.abs().atan2(p.z - SKULL.0.z).to_degrees();
    for pair in LINE.windows(2) {
        let ((a, ya), (b, yb)) = (pair[0], pair[1]);
        if angle <= b {
            return mix(ya, yb, smoothstep(0.0, 1.0, (angle - a) / (b - a)));
        }
    }
    LINE[9].1
}

/// Both halves of a face at once: the picture's left half laid on the right one. The fold is rounded, or
/// slanting light would show a crease from the forehead to the chin.
#[inline]
fn fold(p: V3) -> V3 {
    v3((p.x * p.x + 0.0016).sqrt(), p.y, p.z)
}

/// How far the line of the mouth lies above its middle: the corners of a relaxed mouth rise a little.
#[inline]
fn smile(q: V3) -> f32 {
    0.20 * (q.x * q.x).min(0.16)
}

/// A lower bound of the distance to anything within `r` of `centre`.
#[inline]
fn far_from(p: V3, centre: V3, r: f32) -> f32 {
    (p - centre).len() - r
}

/// Where a point below the mouth was before the jaw dropped; the stretch between hides in the opening.
#[inline]
fn hang(q: V3, drop: f32) -> V3 {
    if drop == 0.0 {
        return q;
    }
    let low = smoothstep(-1.0, -1.2 - drop, q.y);
    v3(
        q.x,
        q.y + drop * low,
        q.z - 0.12 * drop * smoothstep(-1.0, -1.9, q.y),
    )
}

fn jaw_drop(face: Expression) -> f32 {
    0.42 * face.mouth
}

fn lid_over(d: f32, (ball, edge): (f32, f32)) -> f32 {
    carve(join(d, ball, 0.09), edge, 0.012)
}

fn teeth(q: V3) -> f32 {
    let row = ellipsoid(q - v3(0.0, -1.06, -0.08), v3(0.28, 0.5, 0.36));
    let gap = 0.004 * smoothstep(0.35, 0.5, ((q.x / 0.085).fract() - 0.5).abs());
    (row + gap).max((q.y + 1.07).abs() - 0.10)
}
