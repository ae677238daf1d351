//! Another threshold around what is burnt.
//!
//! A screen that is too bright for the camera runs over: every light module grows at the cost of its dark neighbours,
//! and what is left of a single dark one is a shade just below white. Where much is burnt the tone curve is made
//! steeper, so that such a shade counts as dark again; elsewhere the frame stays as it is.

use image::GrayImage;

/// From this level on a sample counts as burnt; a camera's noise may stay below 255.
const BURNT: u8 = 250;

/// A frame with less than this share of burnt samples is left alone, one in so many: some modules of a small symbol.
const LEAST: usize = 1000;

/// Side of the cells in which the burnt samples are counted, in pixels; three by three of them count for a cell.
const CELL: usize = 8;

/// The share of burnt samples with which the curve is as steep as it gets.
const FULL: f32 = 0.3;

/// The steepest curve, as a power of the sample. Of 3, 4, 6, 8 and 16, tried on eighty scenes of eight frames, 3 and 4
/// read most.
const STEEPEST: f32 = 4.0;

/// Steps between no curve and the steepest.
const STEPS: usize = 16;

/// The frame with a steeper curve where it is burnt; nothing when it hardly is.
pub(crate) fn eased(luma: &GrayImage) -> Option<GrayImage> {
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let samples = luma.as_raw();
    let burnt = samples.iter().filter(|level| **level >= BURNT).count();
    if burnt * LEAST <= samples.len() {
        return None;
    }
    let (columns, rows) = (width.div_ceil(CELL), height.div_ceil(CELL));
    let mut cells = vec![0_u32; columns * rows];
    for (y, row) in samples.chunks_exact(width).enumerate() {
        let cells = &mut cells[y / CELL * columns..][..columns];
        for (cell, samples) in cells.iter_mut().zip(row.chunks(CELL)) {
            *cell += samples
                .iter()
                .map(|level| u32::from(*level >= BURNT))
                .sum::<u32>();
        }
    }
    let curves: [[u8; 256]; STEPS + 1] = std::array::from_fn(|step| {
        let power = 1.0 + (STEEPEST - 1.0) * step as f32 / STEPS as f32;
        std::array::from_fn(|level| (255.0 * (level as f32 / 255.0).powf(power)).round() as u8)
    });
    let mut eased = luma.clone();
    for (row, lines) in eased.chunks_mut(CELL * width).enumerate() {
        let near = row.saturating_sub(1)..(row + 2).min(rows);
        for column in 0..columns {
            let around = column.saturating_sub(1)..(column + 2).min(columns);
            let sum: u32 = near
                .clone()
                .flat_map(|row| &cells[row * columns..][around.clone()])
                .sum();
            let share = sum as f32 / (9 * CELL * CELL) as f32;
            let curve = &curves[(STEPS as f32 * (share / FULL).min(1.0)) as usize];
            for line in lines.chunks_exact_mut(width) {
                for level in line.iter_mut().skip(column * CELL).take(CELL) {
                    *level = curve[usize::from(*level)];
                }
            }
        }
    }
    Some(eased)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;
    use crate::reader::tests::{collection_text, frame, symbol};
    use image::imageops;

    #[test]
    fn a_frame_that_is_not_burnt_is_left_alone() {
        assert!(eased(&GrayImage::from_pixel(64, 64, image::Luma([249]))).is_none());
        assert!(eased(&GrayImage::new(0, 0)).is_none());
    }

    #[test]
    fn shades_change_only_around_what_is_burnt() {
        let mut shown = GrayImage::from_pixel(200, 100, image::Luma([200]));
        for (x, y) in (0..30).flat_map(|x| (0..30).map(move |y| (x, y))) {
            shown.put_pixel(x, y, image::Luma([255]));
        }
        let eased = eased(&shown).unwrap();
        assert_eq!(eased.get_pixel(10, 10).0, [255], "burnt stays burnt");
        assert!(
            eased.get_pixel(31, 10).0[0] < 150,
            "a shade beside it counts as dark"
        );
        assert_eq!(eased.get_pixel(150, 50).0, [200], "far from it nothing changes");
    }

    /// A symbol in dark mode on a screen so bright that its light runs over: blurred in linear light, then cut off.
    fn shone(gain: f32, blur: f32) -> GrayImage {
        let mut dark = symbol(collection_text().as_bytes(), 4);
        imageops::invert(&mut dark);
        let shown = frame(&[(&dark, 400, 200)]);
        let light = image::ImageBuffer::from_fn(shown.width(), shown.height(), |x, y| {
            image::Luma([(f32::from(shown.get_pixel(x, y).0[0]) / 255.0).powf(2.2)])
        });
        let light: image::ImageBuffer<image::Luma<f32>, Vec<f32>> = imageops::blur(&light, blur);
        GrayImage::from_fn(shown.width(), shown.height(), |x, y| {
            let cut = (gain * light.get_pixel(x, y).0[0]).clamp(0.0, 1.0);
            image::Luma([(cut.powf(1.0 / 2.2) * 255.0) as u8])
        })
    }

    #[test]
    fn a_symbol_that_light_runs_over_is_read() {
        for (gain, blur) in [(3.0, 1.8), (4.0, 1.5), (5.0, 1.3)] {
            let found = Reader::new().read_live(&shone(gain, blur));
            assert_eq!(
                found.first().expect("read").text.expose(),
                collection_text().as_bytes()
            );
        }
    }
}
