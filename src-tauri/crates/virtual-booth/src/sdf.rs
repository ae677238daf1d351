//! Vectors, signed distances and seeded chance: the ground everything else is modelled on.

use std::ops::{Add, Mul, Neg, Sub};

/// A point or direction in space; see the crate's page for the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct V3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

pub(crate) const fn v3(x: f32, y: f32, z: f32) -> V3 {
    V3 { x, y, z }
}

impl Add for V3 {
    type Output = Self;
    #[inline]
    fn add(self, o: Self) -> Self {
        v3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}
impl Sub for V3 {
    type Output = Self;
    #[inline]
    fn sub(self, o: Self) -> Self {
        v3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}
impl Mul<f32> for V3 {
    type Output = Self;
    #[inline]
    fn mul(self, k: f32) -> Self {
        v3(self.x * k, self.y * k, self.z * k)
    }
}
impl Neg for V3 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        v3(-self.x, -self.y, -self.z)
    }
}

impl V3 {
    #[inline]
    pub(crate) fn dot(self, o: Self) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }
    #[inline]
    pub(crate) fn cross(self, o: Self) -> Self {
        v3(
            self.y * o.z - self.z * o.y,
            self.z * o.x - self.x * o.z,
            self.x * o.y - self.y * o.x,
        )
    }
    #[inline]
    pub(crate) fn len(self) -> f32 {
        self.dot(self).sqrt()
    }
    #[inline]
    pub(crate) fn unit(self) -> Self {
        self * (1.0 / self.len().max(1e-9))
    }
    #[inline]
    pub(crate) fn by(self, o: Self) -> Self {
        v3(self.x * o.x, self.y * o.y, self.z * o.z)
    }
    #[inline]
    pub(crate) fn lerp(self, o: Self, t: f32) -> Self {
        self + (o - self) * t
    }
}

/// A rotation; rows of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn([V3; 3]);

impl Turn {
    /// Yaw, pitch, roll in degrees with the signs of [`crate::Posing`]: first pitch, then yaw, then roll.
    pub(crate) fn head(yaw: f32, pitch: f32, roll: f32) -> Self {
        let (sy, cy) = yaw.to_radians().sin_cos();
        let (sp, cp) = pitch.to_radians().sin_cos();
        let (sr, cr) = roll.to_radians().sin_cos();
        // Columns are where the axes go; a positive yaw carries +z (the nose) towards +x.
        let pitch = Self([v3(1.0, 0.0, 0.0), v3(0.0, cp, sp), v3(0.0, -sp, cp)]);
        let yaw = Self([v3(cy, 0.0, sy), v3(0.0, 1.0, 0.0), v3(-sy, 0.0, cy)]);
        let roll = Self([v3(cr, sr, 0.0), v3(-sr, cr, 0.0), v3(0.0, 0.0, 1.0)]);
        roll.after(yaw.after(pitch))
    }

    fn after(self, first: Self) -> Self {
        let c = [
            v3(first.0[0].x, first.0[1].x, first.0[2].x),
            v3(first.0[0].y, first.0[1].y, first.0[2].y),
            v3(first.0[0].z, first.0[1].z, first.0[2].z),
        ];
        Self(self.0.map(|r| v3(r.dot(c[0]), r.dot(c[1]), r.dot(c[2]))))
    }

    #[inline]
    pub(crate) fn apply(&self, p: V3) -> V3 {
        v3(self.0[0].dot(p), self.0[1].dot(p), self.0[2].dot(p))
    }

    #[inline]
    pub(crate) fn undo(&self, p: V3) -> V3 {
        self.0[0] * p.x + self.0[1] * p.y + self.0[2] * p.z
    }
}

#[inline]
pub(crate) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

#[inline]
pub(crate) fn mix3(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)]
}

/// 0 before `a`, 1 after `b`, smooth between; `a > b` falls instead of rising.
#[inline]
pub(crate) fn smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Union whose seam is rounded over `k`.
#[inline]
pub(crate) fn join(a: f32, b: f32, k: f32) -> f32 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k * 0.25
}

/// `a` without `b`, the edge rounded over `k`.
#[inline]
pub(crate) fn carve(a: f32, b: f32, k: f32) -> f32 {
    -join(-a, b, k)
}

/// Distance to an ellipsoid about the origin; first-order exact near the surface.
#[inline]
pub(crate) fn ellipsoid(p: V3, r: V3) -> f32 {
    // Reciprocals of constant radii are folded at compile time; divisions would not be.
    let s = v3(1.0 / r.x, 1.0 / r.y, 1.0 / r.z);
    let q = p.by(s);
    let g = q.by(s);
    let k0 = q.len();
    let k1 = g.len();
    if k1 < 1e-6 {
        -r.x.min(r.y).min(r.z)
    } else {
        k0 * (k0 - 1.0) / k1
    }
}

/// Distance to a capsule whose radius goes from `ra` at `a` to `rb` at `b`.
#[inline]
pub(crate) fn limb(p: V3, a: V3, b: V3, ra: f32, rb: f32) -> f32 {
    let ab = b - a;
    let t = ((p - a).dot(ab) * (1.0 / ab.dot(ab))).clamp(0.0, 1.0);
    (p - a - ab * t).len() - mix(ra, rb, t)
}

/// Distance to a box about the origin with rounded edges; `half` includes the rounding `r`.
#[inline]
pub(crate) fn rounded_box(p: V3, half: V3, r: f32) -> f32 {
    let q = v3(
        p.x.abs() - half.x + r,
        p.y.abs() - half.y + r,
        p.z.abs() - half.z + r,
    );
    v3(q.x.max(0.0), q.y.max(0.0), q.z.max(0.0)).len() + q.x.max(q.y).max(q.z).min(0.0) - r
}

/// The same in the plane.
#[inline]
pub(crate) fn rounded_rect(x: f32, y: f32, hw: f32, hh: f32, r: f32) -> f32 {
    let (qx, qy) = (x.abs() - hw + r, y.abs() - hh + r);
    qx.max(0.0).hypot(qy.max(0.0)) + qx.max(qy).min(0.0) - r
}

/// Seeded chance (splitmix64): the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.0)
    }

    /// Even in 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.roll() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Even in -1..1.
    pub(crate) fn sway(&mut self) -> f32 {
        self.unit() * 2.0 - 1.0
    }

    /// Even in 0..n; 0 for n = 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            0
        } else {
            (self.roll() % n as u64) as usize
        }
    }

    /// About normal, mean 0, deviation 1 (sum of four).
    pub(crate) fn normal(&mut self) -> f32 {
        (self.sway() + self.sway() + self.sway() + self.sway()) * 0.866
    }
}

/// Mixes a number so that neighbours have nothing in common.
pub(crate) fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[inline]
fn lattice(x: i32, y: i32, z: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77)
        ^ (z as u32).wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Smooth noise, about -1..1, features of size 1.
#[inline]
pub(crate) fn noise(p: V3) -> f32 {
    let (fx, fy, fz) = (p.x.floor(), p.y.floor(), p.z.floor());
    let (x, y, z) = (fx as i32, fy as i32, fz as i32);
    let s = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty, tz) = (s(p.x - fx), s(p.y - fy), s(p.z - fz));
    let row = |y: i32, z: i32| mix(lattice(x, y, z), lattice(x.wrapping_add(1), y, z), tx);
    let (y1, z1) = (y.wrapping_add(1), z.wrapping_add(1));
    mix(
        mix(row(y, z), row(y1, z), ty),
        mix(row(y, z1), row(y1, z1), ty),
        tz,
    )
}

/// Three octaves of [`noise`].
#[inline]
pub(crate) fn clouds(p: V3) -> f32 {
    noise(p) * 0.57 + noise(p * 2.03 + v3(7.1, 3.3, 1.7)) * 0.29 + noise(p * 4.1 + v3(1.3, 9.2, 5.5)) * 0.14
}
