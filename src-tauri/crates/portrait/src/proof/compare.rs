//! Pixel against pixel, and coefficient against coefficient.
//!
//! A JPEG rounds the coefficients of its 8 x 8 blocks to multiples of the file's own table. That is the whole
//! difference an honest file may have from its reference, and it is known to half a step: a coefficient that left
//! its half step was changed by somebody. So a file of quality 95 is held to a finer measure than one of 60, and
//! noise that quality 60 wiped out is nobody's retouching.

use image::RgbImage;
use jpeg_encoder::SamplingFactor;

use super::plane::{Mask, Plane};
use crate::compose::linear;
use crate::jpeg::encode_at;
use crate::standardize::lab_of;

/// Side of a JPEG's blocks.
const BLOCK: usize = 8;

/// A quantization table in natural order: row of vertical frequency by row.
pub(super) type Table = [f32; 64];

/// The tables of a file; all ones for one that is not rounded.
pub(super) struct Tables {
    pub(super) luma: Table,
    pub(super) chroma: Table,
}

/// What the comparison of a picture with its reference says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Compared {
    /// Mean colour difference between blocks of 8 x 8, CIE 1976 (the distance in L*a*b*).
    pub(super) colour_mean: f64,
    /// 99th percentile of it.
    pub(super) colour_most: f64,
    /// Largest shift of a window's mean that rounding does not explain, in levels.
    pub(super) tone: f64,
    /// Least share of fine texture kept by a window.
    pub(super) texture: f64,
    /// Largest change of a block that its rounding does not explain, in levels (root of the mean square).
    pub(super) detail: f64,
}

/// Compares over the mask. `luma` is what the file of `seen` stores.
pub(super) fn compare(
    reference: &RgbImage,
    seen: &RgbImage,
    luma: &Plane,
    mask: &Mask,
    tables: &Tables,
) -> Compared {
    let [colour_mean, colour_most] = colour(reference, seen, mask);
    let was = Plane::luma(reference);
    // Saved again by somebody else's encoder, a picture may have gone through coarse colour once.
    let coarse = coarse_colour(reference).map_or_else(|| was.clone(), |coarse| Plane::luma(&coarse));
    let (texture, detail) = blocks(&was, &coarse, luma, mask, &tables.luma);
    Compared {
        colour_mean,
        colour_most,
        tone: tone(reference, seen, mask, tables),
        texture,
        detail,
    }
}

/// The picture as a fine JPEG with coarse colour (4:2:0) shows it: where its colours change from pixel to pixel, the
/// mixed ones go beyond what red, green and blue can show, and what is cut off there changes the luma.
fn coarse_colour(picture: &RgbImage) -> Option<RgbImage> {
    let bytes = encode_at(picture, 300, SamplingFactor::R_4_2_0, 98).ok()?;
    let decoded = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg);
    Some(decoded.ok()?.into_rgb8())
}

/// Mean and 99th percentile of the colour difference between blocks' mean colours. Single pixels would mostly tell
/// how coarsely the file rounds; an eye at reading distance sees the mean too.
fn colour(reference: &RgbImage, seen: &RgbImage, mask: &Mask) -> [f64; 2] {
    let (w, h) = (seen.width() as usize, seen.height() as usize);
    let mut all = Vec::new();
    for by in 0..h / BLOCK {
        for bx in 0..w / BLOCK {
            let places = || (0..64).map(|k| (bx * BLOCK + k % BLOCK, by * BLOCK + k / BLOCK));
            if !places().all(|(x, y)| mask[y * w + x]) {
                continue;
            }
            let mean = |picture: &RgbImage| {
                let mut sums = [0.0f64; 3];
                for (x, y) in places() {
                    let p = picture.get_pixel(x as u32, y as u32).0;
                    for (sum, v) in sums.iter_mut().zip(p) {
                        *sum += f64::from(linear(v)) / 64.0;
                    }
                }
                lab_of(sums)
            };
            let (a, b) = (mean(reference), mean(seen));
            all.push((0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt());
        }
    }
    if all.is_empty() {
        return [0.0; 2];
    }
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let rank = (all.len() - 1) * 99 / 100;
    let (_, most, _) = all.select_nth_unstable_by(rank, f64::total_cmp);
    [mean, *most]
}

/// Largest shift of a window's mean in luma, blue-yellow or red-green (ITU-R BT.601), levels, beyond what rounding
/// the constant coefficients explains: half a step, of which an eighth is the mean's. Windows are of two chroma
/// blocks of a 4:2:0 file.
fn tone(reference: &RgbImage, seen: &RgbImage, mask: &Mask, tables: &Tables) -> f64 {
    const WINDOW: usize = 32;
    let (w, h) = (seen.width() as usize, seen.height() as usize);
    let explained = [tables.luma[0], tables.chroma[0], tables.chroma[0]].map(|step| f64::from(step) / 16.0);
    let mut worst = 0.0f64;
    for top in (0..=h.saturating_sub(WINDOW)).step_by(WINDOW / 2) {
        for left in (0..=w.saturating_sub(WINDOW)).step_by(WINDOW / 2) {
            let (mut sums, mut count) = ([0.0f64; 3], 0.0f64);
            for k in 0..WINDOW * WINDOW {
                let (x, y) = (left + k % WINDOW, top + k / WINDOW);
                if x < w && y < h && mask[y * w + x] {
                    let (a, b) = (
                        reference.get_pixel(x as u32, y as u32).0,
                        seen.get_pixel(x as u32, y as u32).0,
                    );
                    for (sum, (a, b)) in sums.iter_mut().zip(a.into_iter().zip(b)) {
                        *sum += f64::from(b) - f64::from(a);
                    }
                    count += 1.0;
                }
            }
            if count > (WINDOW * WINDOW) as f64 * 0.75 {
                let [r, g, b] = sums.map(|sum| sum / count);
                let y = 0.299 * r + 0.587 * g + 0.114 * b;
                let shifts = [y, (b - y) / 1.772, (r - y) / 1.402];
                for (shift, explained) in shifts.into_iter().zip(explained) {
                    worst = worst.max(shift.abs() - explained);
                }
            }
        }
    }
    worst
}

/// Texture kept and details changed; see [`Compared`].
fn blocks(reference: &Plane, coarse: &Plane, seen: &Plane, mask: &Mask, table: &Table) -> (f64, f64) {
    /// Blocks to a window's side.
    const WINDOW: usize = 6;
    /// Coefficients a window must have to say something about its texture.
    const ENOUGH: u32 = 32;
    let (w, h) = (seen.w, seen.h);
    let (columns, rows) = (w / BLOCK, h / BLOCK);
    let mut detail = 0.0f64;
    // Sum of what is kept, of what rounding leaves, and how many coefficients, by block.
    let mut kept = vec![(0.0f64, 0.0f64, 0u32); columns * rows];
    for by in 0..rows {
        for bx in 0..columns {
            let place = |k: usize| (by * BLOCK + k / BLOCK) * w + bx * BLOCK + k % BLOCK;
            if !(0..64).all(|k| mask[place(k)]) {
                continue;
            }
            let [was, mixed, is] = [reference, coarse, seen]
                .map(|plane| frequencies(std::array::from_fn(|k| plane.v[place(k)])));
            // Edges move with what registration leaves open.
            let edges = was[1..].iter().map(|v| v * v).sum::<f32>().sqrt();
            let mut unexplained = 0.0f64;
            for k in 0..64 {
                let step = table[k];
                let off = (is[k] - was[k]).abs();
                let explained = ROUNDED * step + LEVELS + ALONG_EDGES * edges + (mixed[k] - was[k]).abs();
                unexplained += f64::from((off - explained).max(0.0)).powi(2);
                let frequency = k / BLOCK + k % BLOCK;
                // What is larger than its step survives rounding.
                if frequency >= 3 && was[k].abs() > step.max(3.0) {
                    let at = &mut kept[by * columns + bx];
                    at.0 += f64::from(is[k] * was[k].signum());
                    at.1 += f64::from((was[k].abs() / step).round() * step);
                    at.2 += 1;
                }
            }
            detail = detail.max((unexplained / 64.0).sqrt());
        }
    }
    let mut texture = 1.0f64;
    for top in (0..=rows.saturating_sub(WINDOW)).step_by(WINDOW / 3) {
        for left in (0..=columns.saturating_sub(WINDOW)).step_by(WINDOW / 3) {
            let (mut is, mut was, mut count) = (0.0, 0.0, 0);
            for k in 0..WINDOW * WINDOW {
                let (x, y) = (left + k % WINDOW, top + k / WINDOW);
                if x < columns && y < rows {
                    let block = kept[y * columns + x];
                    is += block.0;
                    was += block.1;
                    count += block.2;
                }
            }
            if count >= ENOUGH {
                texture = texture.min(is / was);
            }
        }
    }
    (texture, detail)
}

/// Share of a step by which an honest coefficient may be off: half of it by rounding, the rest for encoders that
/// drop a lone coefficient to save its bits, and for a file that was once stored at a finer quality.
const ROUNDED: f32 = 0.8;
/// Coefficients' own noise from rounding both pictures to whole levels: three standard deviations of the 0.29
/// levels of a rounding, twice.
const LEVELS: f32 = 1.25;
/// Share of a block's edges that a displacement of a few hundredths of a pixel turns over.
const ALONG_EDGES: f32 = 0.03;

/// Orthonormal cosine transform of a block, as in ITU-R T.81 A.3.3 (without its level shift).
fn frequencies(block: [f32; 64]) -> [f32; 64] {
    static WAVES: std::sync::LazyLock<[f32; 64]> = std::sync::LazyLock::new(|| {
        std::array::from_fn(|k| {
            let (u, x) = ((k / 8) as f32, (k % 8) as f32);
            let height = if u == 0.0 { 0.125f32.sqrt() } else { 0.5 };
            height * ((2.0 * x + 1.0) * u * std::f32::consts::PI / 16.0).cos()
        })
    });
    let waves = &*WAVES;
    let mut half = [0.0; 64];
    for y in 0..8 {
        for u in 0..8 {
            half[y * 8 + u] = (0..8).map(|x| block[y * 8 + x] * waves[u * 8 + x]).sum();
        }
    }
    let mut out = [0.0; 64];
    for v in 0..8 {
        for u in 0..8 {
            out[v * 8 + u] = (0..8).map(|y| half[y * 8 + u] * waves[v * 8 + y]).sum();
        }
    }
    out
}

/// A table as a file stores it, in zig-zag order (ITU-R T.81 figure A.6), in natural order.
pub(super) fn natural(zigzag: &[u16; 64]) -> Table {
    let mut table = [1.0; 64];
    let (mut x, mut y) = (0usize, 0usize);
    for step in zigzag {
        table[y * 8 + x] = f32::from(*step);
        let up = (x + y).is_multiple_of(2);
        match (up, x, y) {
            (true, 7, _) | (false, 0, 0..7) => y += 1,
            (true, _, 0) | (false, _, 7) => x += 1,
            (true, ..) => {
                x += 1;
                y -= 1;
            }
            (false, ..) => {
                x -= 1;
                y += 1;
            }
        }
        if x > 7 || y > 7 {
            break;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_keeps_energy_and_its_first_number_is_eight_times_the_mean() {
        let block: [f32; 64] = std::array::from_fn(|k| ((k * 37) % 101) as f32);
        let out = frequencies(block);
        let energy = |b: &[f32; 64]| b.iter().map(|v| v * v).sum::<f32>();
        assert!((energy(&block) / energy(&out) - 1.0).abs() < 1e-4);
        let mean = block.iter().sum::<f32>() / 64.0;
        assert!((out[0] - 8.0 * mean).abs() < 1e-2);
    }

    #[test]
    fn a_zigzag_ends_where_it_should() {
        let table = natural(&std::array::from_fn(|i| i as u16));
        // ITU-R T.81 figure A.6: the first rows, and the last number.
        assert_eq!(table[..8], [0.0, 1.0, 5.0, 6.0, 14.0, 15.0, 27.0, 28.0]);
        assert_eq!(table[8..16], [2.0, 4.0, 7.0, 13.0, 16.0, 26.0, 29.0, 42.0]);
        assert_eq!(table[56..], [35.0, 36.0, 48.0, 49.0, 57.0, 58.0, 62.0, 63.0]);
    }
}
