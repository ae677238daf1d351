//! Colour and grain of the skin: what a filter, a tinted lamp or a beautifier changes.

use image::{GrayImage, RgbImage};

use crate::compose;
use crate::photometry::zones;
use crate::vision::Mesh;

/// What the skin's colour says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SkinColour {
    /// CIELAB a* (green to red) and b* (blue to yellow) of the mean of both cheek zones, white D50, as OFIQ
    /// `NaturalColour` computes them.
    pub(crate) ab: [f64; 2],
    /// Mean distance from grey (CIELAB chroma) over the whole picture.
    pub(crate) chroma: f64,
}

impl SkinColour {
    /// OFIQ `NaturalColour`, the raw score: distance from the box a* 5 to 25, b* 5 to 35; 100 where either is
    /// negative.
    pub(crate) fn unnatural(&self) -> f64 {
        let [a, b] = self.ab;
        if a < 0.0 || b < 0.0 {
            return 100.0;
        }
        let beyond = |v: f64, low: f64, high: f64| (low - v).max(v - high).max(0.0);
        beyond(a, 5.0, 25.0).hypot(beyond(b, 5.0, 35.0))
    }
}

/// Grain of skin and wall, standard deviations in levels of luma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grain {
    /// Middle of the blocks on cheeks, forehead and chin.
    pub(crate) skin: f64,
    /// Middle of the blocks of the empty wall; `None` where there is too little of it.
    pub(crate) wall: Option<f64>,
}

/// Measures the colour; `None` where the cheeks lie outside the picture.
pub(crate) fn colour(picture: &RgbImage, mesh: &Mesh) -> Option<SkinColour> {
    let (mut sums, mut count) = ([0.0f64; 3], 0u32);
    for [x, y, side] in zones(mesh) {
        for py in whole(y, side, picture.height()) {
            for px in whole(x, side, picture.width()) {
                for (sum, v) in sums.iter_mut().zip(picture.get_pixel(px, py).0) {
                    *sum += f64::from(v);
                }
                count += 1;
            }
        }
    }
    if count < 16 {
        return None;
    }
    let [_, a, b] = lab_d50(sums.map(|v| v / f64::from(count) / 255.0));
    let (mut chroma, mut seen) = (0.0, 0u32);
    for pixel in picture.pixels().step_by(97) {
        let [_, a, b] = lab_d50(pixel.0.map(|v| f64::from(v) / 255.0));
        chroma += a.hypot(b);
        seen += 1;
    }
    Some(SkinColour {
        ab: [a, b],
        chroma: chroma / f64::from(seen.max(1)),
    })
}

/// Whole pixels of a stretch inside the picture.
fn whole(from: f32, length: f32, limit: u32) -> std::ops::Range<u32> {
    let from = (from.max(0.0) as u32).min(limit);
    from..(from + length.max(0.0) as u32).min(limit)
}

/// CIELAB of a coded sRGB colour (0 to 1), Bradford-adapted to D50 (the matrix OFIQ uses).
pub(crate) fn lab_d50(coded: [f64; 3]) -> [f64; 3] {
    let [r, g, b] = coded.map(|v| {
        if v > 0.04045 {
            ((v + 0.055) / 1.055).powf(2.4)
        } else {
            v / 12.92
        }
    });
    let f = |t: f64| {
        if t > 216.0 / 24389.0 {
            t.cbrt()
        } else {
            (24389.0 / 27.0 * t + 16.0) / 116.0
        }
    };
    let x = f((0.43605 * r + 0.38508 * g + 0.14309 * b) / 0.964_221);
    let y = f(0.22249 * r + 0.71689 * g + 0.06062 * b);
    let z = f((0.01393 * r + 0.09710 * g + 0.71419 * b) / 0.825_211);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Side of a block of grain, pixels.
const BLOCK: u32 = 12;

/// Measures the grain at the picture's own scale. `alpha` is the person's share; where it is 0 there is wall. `None`
/// where the face is too small for a dozen blocks.
pub(crate) fn grain(picture: &RgbImage, mesh: &Mesh, alpha: &GrayImage) -> Option<Grain> {
    let unit = mesh.eye_distance();
    let mut skin = Vec::new();
    // Cheeks beside the nose, and the forehead between brows and hair.
    let [fx, fy] = mesh.forehead_top();
    let [ex, ey] = mesh.between_eyes();
    let brow = [
        fx * 0.45 + ex * 0.55 - 0.3 * unit,
        fy * 0.45 + ey * 0.55,
        0.6 * unit,
    ];
    for [x, y, side] in zones(mesh).into_iter().chain([brow]) {
        let side = side.max(BLOCK as f32);
        let high = if (x - brow[0]).abs() < 1e-3 {
            0.25 * unit
        } else {
            side
        };
        for by in whole(y, high, picture.height()).step_by(BLOCK as usize) {
            for bx in whole(x, side, picture.width()).step_by(BLOCK as usize) {
                skin.extend(block_grain(picture, bx, by));
            }
        }
    }
    if skin.len() < 8 {
        return None;
    }
    let (w, h) = picture.dimensions();
    let step = (w / 40).max(BLOCK);
    let mut wall = Vec::new();
    for by in (0..h.saturating_sub(BLOCK)).step_by(step as usize) {
        for bx in (0..w.saturating_sub(BLOCK)).step_by(step as usize) {
            let empty = |x: u32, y: u32| alpha.get_pixel_checked(x, y).is_some_and(|p| p.0[0] == 0);
            let free = [
                (0, 0),
                (BLOCK, 0),
                (0, BLOCK),
                (BLOCK, BLOCK),
                (BLOCK / 2, BLOCK / 2),
            ]
            .into_iter()
            .all(|(dx, dy)| empty((bx + dx).min(w - 1), (by + dy).min(h - 1)));
            if free {
                wall.extend(block_grain(picture, bx, by));
            }
        }
    }
    let middle = |mut v: Vec<f64>| {
        let m = v.len() / 2;
        *v.select_nth_unstable_by(m, f64::total_cmp).1
    };
    Some(Grain {
        skin: middle(skin),
        wall: (wall.len() >= 30).then(|| middle(wall)),
    })
}

/// Noise of one block: Immerkær's estimator (1996), which planes and straight edges do not move. `None` beyond the
/// picture or where the sensor clips.
fn block_grain(picture: &RgbImage, x: u32, y: u32) -> Option<f64> {
    if x + BLOCK > picture.width() || y + BLOCK > picture.height() {
        return None;
    }
    let side = BLOCK as usize;
    let mut luma = [0.0f32; (BLOCK * BLOCK) as usize];
    for (i, v) in luma.iter_mut().enumerate() {
        let p = picture.get_pixel(x + (i % side) as u32, y + (i / side) as u32).0;
        if p.iter().any(|&v| v >= 252 || v <= 3) {
            return None;
        }
        *v = compose::luma(p);
    }
    let mut sum = 0.0f32;
    for j in 1..side - 1 {
        for i in 1..side - 1 {
            let at = |dx: usize, dy: usize| luma[(j + dy - 1) * side + i + dx - 1];
            let v = at(0, 0) + at(2, 0) + at(0, 2) + at(2, 2)
                - 2.0 * (at(1, 0) + at(0, 1) + at(2, 1) + at(1, 2))
                + 4.0 * at(1, 1);
            sum += v.abs();
        }
    }
    let count = ((side - 2) * (side - 2)) as f32;
    Some(f64::from(sum / count) * (std::f64::consts::PI / 2.0).sqrt() / 6.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn the_estimator_finds_the_noise_and_not_the_slope() {
        let mut state = 12345u64;
        let mut dice = || {
            let sum: f64 = (0..12)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 40) as f64 / (1u64 << 24) as f64
                })
                .sum();
            sum - 6.0
        };
        let noisy = RgbImage::from_fn(120, 12, |x, y| {
            let v = 80.0 + 0.5 * f64::from(x) + f64::from(y) + 3.0 * dice();
            Rgb([v.round() as u8; 3])
        });
        let found: f64 = (0..10)
            .filter_map(|k| block_grain(&noisy, k * 12, 0))
            .sum::<f64>()
            / 10.0;
        assert!((found - 3.0).abs() < 0.4, "{found}");
        let plane = RgbImage::from_fn(12, 12, |x, y| Rgb([(80 + 2 * x + 3 * y) as u8; 3]));
        assert!(block_grain(&plane, 0, 0).unwrap() < 0.01);
    }

    #[test]
    fn grey_has_no_colour_and_red_is_beyond_the_box() {
        let [l, a, b] = lab_d50([0.5; 3]);
        assert!((l - 53.4).abs() < 0.5 && a.abs() < 0.1 && b.abs() < 0.1);
        let score = |ab| SkinColour { ab, chroma: 10.0 }.unnatural();
        assert!(score([15.0, 18.0]) < 1e-9 && score([1.0, 1.0]) > 5.0 && score([-1.0, 9.0]) > 99.0);
    }
}
