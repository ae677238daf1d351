//! The phone in a hand: bezel, a bright screen with a QR code, a few fingers and a sleeve.

use qrcode::{Color, QrCode};

use crate::act::{Lamps, Light};
use crate::render::{Actor, Ray, Spot};
use crate::room;
use crate::sdf::{Turn, V3, clouds, ellipsoid, join, limb, mix, mix3, rounded_rect, smoothstep, v3};
use crate::student::Student;

/// How the phone's screen looks and is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Screen {
    /// Light of a white spot on the screen, linear; 1.0 reaches the sensor's limit, 3.0 blooms. Default 0.75.
    pub brightness: f32,
    /// A lamp mirrored in the cover glass, over the code: 0 none (the default), 1 burnt out.
    pub glare: f32,
    /// Distance from the camera in inter-eye distances (of 63 mm); 11.0 by default.
    pub distance: f32,
    /// Degrees the phone is turned to the picture's right, raised, tilted; as in [`crate::Posing`].
    pub turned: [f32; 3],
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            brightness: 0.75,
            glare: 0.0,
            distance: 11.0,
            turned: [-7.0, 4.0, 3.0],
        }
    }
}

const HALF: (f32, f32, f32) = (0.56, 1.16, 0.055);
const CODE_AT: (f32, f32) = (0.0, 0.08);
/// Half the side of the white card that holds the code with its quiet zone.
const CARD: f32 = 0.455;
/// How far fingers reach over the screen's edge.
const GRIP: f32 = 0.085;

pub(crate) const KIND_SCREEN: u8 = 40;
const KIND_BODY: u8 = 41;
const KIND_HAND: u8 = 42;
const KIND_SLEEVE: u8 = 43;

/// Phone and hand as something to render.
pub(crate) struct HeldPhone {
    at: V3,
    turn: Turn,
    code: Option<(Vec<bool>, usize)>,
    screen: Screen,
    skin: [f32; 3],
    sleeve: [f32; 3],
    lamps: [(V3, f32); 2],
    light: Lamps,
}

impl HeldPhone {
    /// `at` is the phone's middle in camera space. A text too long for any QR code leaves the screen white.
    pub(crate) fn new(text: &str, screen: Screen, at: V3, student: &Student, light: Light) -> Self {
        let code = QrCode::new(text.as_bytes()).ok().map(|code| {
            let side = code.width();
            (
                code.to_colors().into_iter().map(|c| c == Color::Dark).collect(),
                side,
            )
        });
        let [yaw, pitch, roll] = screen.turned;
        Self {
            at,
            turn: Turn::head(yaw, pitch, roll),
            code,
            screen,
            skin: student.skin.albedo(),
            sleeve: student.clothes.colour,
            lamps: room::lamps(light),
            light: light.lamps(),
        }
    }

    fn local(&self, p: V3) -> V3 {
        self.turn.undo(p - self.at)
    }

    /// Where a ray meets the part of the screen that no finger reaches: distance, place on the screen.
    fn mid_screen(&self, ray: &Ray) -> Option<(f32, f32, f32)> {
        let (o, d) = (self.local(ray.from), self.turn.undo(ray.way));
        if d.z > -0.1 {
            return None;
        }
        let t = (HALF.2 - o.z) / d.z;
        let q = o + d * t;
        let free = q.x.abs() < HALF.0 - GRIP && q.y.abs() < HALF.1 - GRIP;
        free.then_some((t, q.x, q.y))
    }

    fn case(p: V3) -> f32 {
        let flat = rounded_rect(p.x, p.y, HALF.0, HALF.1, 0.13);
        let deep = p.z.abs() - HALF.2 + 0.02;
        let flat = flat + 0.02;
        flat.max(0.0).hypot(deep.max(0.0)) + flat.max(deep).min(0.0) - 0.02
    }

    fn hand(p: V3) -> f32 {
        let mut d = ellipsoid(p - v3(0.30, -0.85, -0.34), v3(0.52, 0.60, 0.24));
        for (y, out, r) in [
            (-0.86, 0.0, 0.082),
            (-0.64, 0.03, 0.09),
            (-0.41, 0.035, 0.092),
            (-0.19, 0.01, 0.088),
        ] {
            let knuckle = v3(-0.645 - out, y, -0.12);
            d = join(d, limb(p, v3(0.05, y - 0.12, -0.30), knuckle, 0.115, 0.095), 0.07);
            d = join(
                d,
                limb(p, knuckle, v3(-0.575, y + 0.03, 0.085), 0.095, r - 0.012),
                0.03,
            );
        }
        let joint = v3(0.70, -0.62, -0.02);
        d = join(d, limb(p, v3(0.62, -1.10, -0.28), joint, 0.20, 0.125), 0.12);
        d = join(d, limb(p, joint, v3(0.585, -0.22, 0.10), 0.122, 0.085), 0.05);
        join(
            d,
            limb(p, v3(0.42, -1.2, -0.40), v3(1.0, -2.6, -1.0), 0.34, 0.30),
            0.25,
        )
    }

    fn sleeve(p: V3) -> f32 {
        let fold = 0.05 * clouds(p * 2.3);
        let arm = limb(p, v3(0.76, -2.1, -0.74), v3(1.9, -5.2, -3.2), 0.43, 0.62) - fold;
        arm.max(p.y + 1.98 + 0.4 * (p.x - 0.8))
    }

    fn shape(&self, p: V3) -> f32 {
        let q = self.local(p);
        let around = (q - v3(0.6, -2.0, -1.2)).len() - 4.9;
        if around > 0.5 {
            return around;
        }
        Self::case(q).min(Self::hand(q)).min(Self::sleeve(q))
    }

    /// What the screen shows at a spot, linear light.
    fn shows(&self, x: f32, y: f32) -> [f32; 3] {
        let (w, h) = (HALF.0 - 0.045, HALF.1 - 0.045);
        if rounded_rect(x, y, w, h, 0.09) > 0.0 {
            return [0.004; 3];
        }
        let page = [0.86, 0.90, 0.96];
        let mut c = page;
        if y > 0.92 {
            c = [0.08, 0.26, 0.62];
        }
        if rounded_rect(x, y - 0.985, 0.17, 0.022, 0.02) < 0.0 {
            c = [0.9, 0.93, 0.97];
        }
        let (u, v) = (x - CODE_AT.0, y - CODE_AT.1);
        if rounded_rect(u, v - 0.04, CARD + 0.02, CARD + 0.09, 0.05) < 0.0 {
            c = [1.0, 1.0, 1.0];
        }
        if let Some((modules, side)) = &self.code {
            // Four modules of quiet zone on every side, as the QR standard asks.
            let all = (*side + 8) as f32;
            let column = ((u + CARD) / (2.0 * CARD) * all).floor() as isize - 4;
            let row = ((CARD - v) / (2.0 * CARD) * all).floor() as isize - 4;
            let inside = column >= 0 && row >= 0 && (column as usize) < *side && (row as usize) < *side;
            if inside && modules[row as usize * side + column as usize] {
                c = [0.012, 0.012, 0.013];
            }
        }
        for (at, wide) in [(-0.62, 0.30), (-0.74, 0.20), (-0.92, 0.36)] {
            if rounded_rect(x, y - at, wide, 0.026, 0.02) < 0.0 {
                c = [0.42, 0.46, 0.54];
            }
        }
        c
    }

    fn glass(&self, x: f32, y: f32) -> [f32; 3] {
        let seen = self.shows(x, y);
        let (u, v) = (x - 0.10 + 0.25 * y, y - 0.10);
        let lamp = smoothstep(0.30, 0.05, (u / 0.9).hypot(v / 1.3));
        let mirrored = 0.012 + self.screen.glare * 2.2 * lamp * lamp;
        seen.map(|c| c * self.screen.brightness + mirrored)
    }
}

impl Actor for HeldPhone {
    fn hit(&self, ray: &Ray, near: f32, far: f32) -> Option<f32> {
        // Straight through the middle of the screen nothing can be in the way: no need to march.
        if let Some((t, _, _)) = self.mid_screen(ray) {
            return (t >= near && t <= far).then_some(t);
        }
        crate::render::march(ray, near, far, |p| self.shape(p))
    }

    fn clear(&self, ray: &Ray, widen: f32) -> Option<f32> {
        crate::render::clear(ray, widen, 3.0, 22.0, |p| self.shape(p))
    }

    fn spot(&self, ray: &Ray, t: f32) -> Spot {
        if let Some((_, x, y)) = self.mid_screen(ray) {
            return Spot {
                colour: self.glass(x, y),
                kind: KIND_SCREEN,
            };
        }
        let p = ray.from + ray.way * t;
        let q = self.local(p);
        let (case, hand, sleeve) = (Self::case(q), Self::hand(q), Self::sleeve(q));
        if case < hand.min(sleeve) {
            if q.z > HALF.2 - 0.012 {
                let o = self.local(ray.from);
                let d = self.turn.undo(ray.way);
                let at = o + d * ((HALF.2 - o.z) / d.z);
                // The thumb and the fingertips throw a little shadow, but the screen shines by itself.
                return Spot {
                    colour: self.glass(at.x, at.y),
                    kind: KIND_SCREEN,
                };
            }
            return Spot {
                colour: [0.018, 0.018, 0.02],
                kind: KIND_BODY,
            };
        }
        let (kind, albedo) = if hand < sleeve {
            (KIND_HAND, self.skin)
        } else {
            (KIND_SLEEVE, self.sleeve)
        };
        let e = 0.004;
        let f = |o: V3| self.shape(p + o);
        let n = (v3(1.0, -1.0, -1.0) * f(v3(e, -e, -e))
            + v3(-1.0, -1.0, 1.0) * f(v3(-e, -e, e))
            + v3(-1.0, 1.0, -1.0) * f(v3(-e, e, -e))
            + v3(1.0, 1.0, 1.0) * f(v3(e, e, e)))
        .unit();
        let mut open = 1.0;
        for h in [0.05, 0.14, 0.3] {
            open -= 0.5 * (1.0 - (self.shape(p + n * h) / h).clamp(0.0, 1.0));
        }
        let open = open.max(0.15);
        let mut c = albedo.map(|a| a * self.light.ambient * open * (0.8 + 0.2 * n.y));
        for (to, power) in self.lamps {
            let facing = ((n.dot(to) + 0.15) / 1.15).max(0.0) * mix(0.4, 1.0, open) * power;
            for k in 0..3 {
                c[k] += albedo[k] * facing;
            }
        }
        if kind == KIND_HAND {
            let blotch = 0.5 + 0.5 * clouds(q * 5.0);
            c = mix3(c, [c[0] * 1.02, c[1] * 0.86, c[2] * 0.84], blotch * 0.7);
        }
        Spot { colour: c, kind }
    }

    fn always_fine(&self, kind: u8) -> bool {
        kind == KIND_SCREEN
    }
}
