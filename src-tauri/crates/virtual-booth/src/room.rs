//! The room: the wall, the lamps' fall-off on it, and the camera's sensor with its noise.

use rayon::prelude::*;

use crate::act::Light;
use crate::sdf::{Dice, V3, clouds, scramble, v3};

/// Colour of the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wall {
    /// White paint.
    #[default]
    White,
    /// Middle grey.
    Grey,
    /// The light blue of a photographer's cloth.
    Blue,
    /// Keying green.
    Green,
}

impl Wall {
    /// Every colour.
    pub const ALL: [Self; 4] = [Self::White, Self::Grey, Self::Blue, Self::Green];

    fn albedo(self) -> [f32; 3] {
        match self {
            Self::White => [0.74, 0.735, 0.715],
            Self::Grey => [0.36, 0.36, 0.36],
            Self::Blue => [0.13, 0.42, 0.72],
            Self::Green => [0.09, 0.42, 0.12],
        }
    }
}

/// A picture of linear light, three values a pixel.
#[derive(Clone, Debug)]
pub(crate) struct Radiance {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<[f32; 3]>,
}

/// The empty wall under a light.
pub(crate) fn wall(
    width: usize,
    height: usize,
    wall: Wall,
    light: Light,
    uneven: f32,
    seed: u64,
) -> Radiance {
    let lamps = light.lamps();
    let base = wall.albedo();
    let shift = v3((seed % 1009) as f32, (seed / 1009 % 1013) as f32, 0.0);
    let span = height as f32;
    let rows: Vec<Vec<[f32; 3]>> = (0..height)
        .into_par_iter()
        .map(|row| {
            let y = (row as f32 + 0.5) / span - 0.5;
            (0..width)
                .map(|column| {
                    let x = (column as f32 + 0.5 - width as f32 * 0.5) / span;
                    // Each lamp stands beside the camera and lights its own side of the wall a little more.
                    let from = |side: f32| {
                        1.0 / (1.0 + 0.16 * (x - 0.55 * side).powi(2) + 0.20 * (y + 0.12).powi(2))
                    };
                    let lit = lamps.ambient + 0.66 * (lamps.keys[0] * from(-1.0) + lamps.keys[1] * from(1.0));
                    let place = v3(x * 2.2, y * 2.2, 0.0) + shift;
                    let patch = clouds(place) * 0.022 + clouds(v3(x * 90.0, y * 90.0, 4.0) + shift) * 0.006;
                    let level = lit * (1.0 + uneven * patch);
                    let warm = uneven * 0.006 * clouds(place * 0.6 + v3(40.0, 0.0, 0.0));
                    [
                        base[0] * level * (1.0 + warm),
                        base[1] * level,
                        base[2] * level * (1.0 - warm),
                    ]
                })
                .collect()
        })
        .collect();
    Radiance {
        width,
        height,
        rgb: rows.into_iter().flatten().collect(),
    }
}

/// How much of the lamps' light the person takes from the wall, 0..=1 per pixel: two soft shadows, one to each
/// side, from the person's alpha.
pub(crate) fn shadow(alpha: &[f32], width: usize, height: usize, unit: f32, light: Light) -> Vec<f32> {
    const STEP: usize = 8;
    let (w, h) = (width.div_ceil(STEP), height.div_ceil(STEP));
    let mut small = vec![0.0_f32; w * h];
    for y in 0..height {
        for x in 0..width {
            small[y / STEP * w + x / STEP] += alpha[y * width + x] / (STEP * STEP) as f32;
        }
    }
    let lamps = light.lamps();
    let total = lamps.keys[0] + lamps.keys[1] + lamps.ambient;
    let shift = unit * 0.75 / STEP as f32;
    let drop = (unit * 0.20 / STEP as f32) as isize;
    let mut cast = vec![0.0_f32; w * h];
    for (side, key) in [(1.0, lamps.keys[0]), (-1.0, lamps.keys[1])] {
        let dx = (shift * side) as isize;
        for y in 0..h as isize {
            for x in 0..w as isize {
                // Beyond the lower edge the person goes on.
                let (sx, sy) = (
                    (x - dx).clamp(0, w as isize - 1),
                    (y - drop).clamp(0, h as isize - 1),
                );
                cast[y as usize * w + x as usize] += small[sy as usize * w + sx as usize] * key / total;
            }
        }
    }
    let radius = ((unit * 0.28 / STEP as f32) as usize).max(1);
    for _ in 0..3 {
        cast = box_blur(&cast, w, h, radius);
    }
    let mut full = vec![0.0; width * height];
    full.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, out) in row.iter_mut().enumerate() {
            *out = bilinear(
                &cast,
                w,
                h,
                (x as f32 + 0.5) / STEP as f32 - 0.5,
                (y as f32 + 0.5) / STEP as f32 - 0.5,
            );
        }
    });
    full
}

fn bilinear(data: &[f32], w: usize, h: usize, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, w as f32 - 1.0), y.clamp(0.0, h as f32 - 1.0));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(w - 1), (y0 + 1).min(h - 1));
    let (tx, ty) = (x - x0 as f32, y - y0 as f32);
    let top = data[y0 * w + x0] * (1.0 - tx) + data[y0 * w + x1] * tx;
    let low = data[y1 * w + x0] * (1.0 - tx) + data[y1 * w + x1] * tx;
    top * (1.0 - ty) + low * ty
}

/// Mean over a square, edges repeated.
pub(crate) fn box_blur(data: &[f32], w: usize, h: usize, radius: usize) -> Vec<f32> {
    let r = radius as isize;
    let scale = 1.0 / (2 * radius + 1) as f32;
    let pass = |src: &[f32], len: usize, stride: usize, lines: usize, line_stride: usize| {
        let mut out = vec![0.0; src.len()];
        for line in 0..lines {
            let at = |i: isize| src[line * line_stride + i.clamp(0, len as isize - 1) as usize * stride];
            let mut sum: f32 = (-r..=r).map(at).sum();
            for i in 0..len as isize {
                out[line * line_stride + i as usize * stride] = sum * scale;
                sum += at(i + r + 1) - at(i - r);
            }
        }
        out
    };
    let across = pass(data, w, 1, h, w);
    pass(&across, h, w, w, 1)
}

/// The lens: darker towards the corners. 1 in the middle.
pub(crate) fn vignette(x: f32, y: f32, width: f32, height: f32) -> f32 {
    let (u, v) = ((x - width * 0.5) / height, (y - height * 0.5) / height);
    1.0 - 0.055 * (u * u + v * v)
}

/// Linear light to the 8-bit sRGB value before rounding (0.0..=255.0). Highlights roll off like a camera's.
pub(crate) struct Tone(Vec<f32>);

impl Tone {
    const STEPS: f32 = 4096.0;
    const TOP: f32 = 4.0;

    pub(crate) fn new() -> Self {
        let curve = |i: u32| {
            // Finer steps in the dark, where sRGB is steep.
            let t = i as f32 / Self::STEPS;
            let light = t * t * Self::TOP;
            let rolled = if light < 0.72 {
                light
            } else {
                0.72 + 0.30 * (1.0 - (-(light - 0.72) / 0.30).exp())
            };
            let v = if rolled < 0.003_130_8 {
                12.92 * rolled
            } else {
                1.055 * rolled.powf(1.0 / 2.4) - 0.055
            };
            (v * 255.0).clamp(0.0, 255.0)
        };
        Self((0..=Self::STEPS as u32 + 1).map(curve).collect())
    }

    #[inline]
    pub(crate) fn value(&self, light: f32) -> f32 {
        let t = (light.clamp(0.0, Self::TOP) / Self::TOP).sqrt() * Self::STEPS;
        let i = t as usize;
        let (a, b) = (self.0[i], self.0[i + 1]);
        a + (b - a) * (t - i as f32)
    }
}

/// The sensor's noise: a table drawn once, read from another place in every row of every frame.
pub(crate) struct Sensor {
    grains: Vec<i8>,
    /// Strength by pixel value, in 1/256 grey levels per grain unit.
    strength: [i32; 256],
    seed: u64,
}

impl Sensor {
    const TABLE: usize = 1 << 18;
    /// Grain units to one deviation.
    const UNIT: f32 = 32.0;

    /// `noise` is the deviation in grey levels of a mid-grey pixel.
    pub(crate) fn new(seed: u64, noise: f32) -> Self {
        let mut dice = Dice::new(seed ^ 0x0153);
        let mut grains = Vec::with_capacity(Self::TABLE);
        let mut before = [0.0_f32; 3];
        while grains.len() + 3 <= Self::TABLE {
            // Luminance grain shared by the channels, a little colour grain, both faintly smeared by the
            // camera's own demosaicing.
            let shared = dice.normal();
            for last in &mut before {
                let own = 0.82 * shared + 0.57 * dice.normal();
                let v = 0.86 * own + 0.5 * *last;
                *last = own;
                grains.push((v * Self::UNIT).clamp(-127.0, 127.0) as i8);
            }
        }
        let mut strength = [0; 256];
        for (value, out) in strength.iter_mut().enumerate() {
            // Read noise plus shot noise, seen through the sRGB curve: strongest in the darker mid-tones.
            let v = value as f32 / 255.0;
            let shape = (0.75 + 0.9 * (v * (1.0 - v))).min(1.1) * if value > 250 { 0.35 } else { 1.0 };
            *out = (noise * shape * 256.0 / Self::UNIT) as i32;
        }
        Self {
            grains,
            strength,
            seed,
        }
    }

    /// Adds frame `n`'s noise to 8-bit rows of `stride` bytes.
    pub(crate) fn expose(&self, bytes: &mut [u8], stride: usize, n: u64) {
        if self.strength.iter().all(|s| *s == 0) {
            return;
        }
        let frame = scramble(self.seed ^ n.wrapping_mul(0x9E37_79B9));
        for (y, row) in bytes.chunks_mut(stride).enumerate() {
            let mut done = 0;
            while done < row.len() {
                // Short runs, so that no two rows show the same grain.
                let run = (row.len() - done).min(1536);
                let start = (scramble(frame ^ ((y as u64) << 20) ^ done as u64) as usize
                    % (self.grains.len() - run))
                    / 3
                    * 3;
                let grains = &self.grains[start..start + run];
                for (pixel, &grain) in row[done..done + run].iter_mut().zip(grains) {
                    let noise = (self.strength[*pixel as usize] * i32::from(grain) + 128) >> 8;
                    *pixel = (i32::from(*pixel) + noise).clamp(0, 255) as u8;
                }
                done += run;
            }
        }
    }
}

/// The lamps as (direction towards the lamp, strength).
pub(crate) fn lamps(light: Light) -> [(V3, f32); 2] {
    let keys = light.lamps().keys;
    // With the other lamp off, the one that is left stands at the side, as a window does.
    let left = if light == Light::HalfShadow {
        v3(-0.93, 0.2, 0.30)
    } else {
        v3(-0.70, 0.22, 0.72)
    };
    [(left.unit(), keys[0]), (v3(0.70, 0.22, 0.72).unit(), keys[1])]
}
