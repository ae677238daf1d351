//! Smaller pictures of frames.
//!
//! A JPEG could be decoded at a half, a quarter or an eighth of its size. Measured (`cargo xtask bench camera`): the
//! decoder that can, jpeg-decoder, takes 13.5 ms for half of 1920x1080, zune-jpeg 8.9 ms for all of it, and the means of
//! that cost two more.

use image::RgbImage;

/// The largest of 8, 4 and 2 by which the longer side may be divided and still have `least` pixels; else 1.
pub(crate) fn factor(width: u32, height: u32, least: u32) -> usize {
    let longer = width.max(height);
    let fits = [8, 4, 2]
        .into_iter()
        .find(|by| longer / by >= least.max(1) && width.min(height) >= *by);
    fits.unwrap_or(1) as usize
}

/// The picture at `1/by` of its size, each pixel the mean of a square of them; `None` where `by` is not 2, 4 or 8.
pub(crate) fn means(rgb: &RgbImage, by: usize) -> Option<RgbImage> {
    match by {
        2 => squares::<2>(rgb),
        4 => squares::<4>(rgb),
        8 => squares::<8>(rgb),
        _ => None,
    }
}

/// Lines are added up first, then columns: the compiler makes whole vectors of the one and no loop of the other.
fn squares<const BY: usize>(rgb: &RgbImage) -> Option<RgbImage> {
    let stride = rgb.width() as usize * 3;
    let (across, down) = (rgb.width() as usize / BY, rgb.height() as usize / BY);
    let pixels = (BY * BY) as u16;
    let mut small = vec![0; across * down * 3];
    let mut sums = vec![0_u16; across * BY * 3];
    let rows = rgb.as_raw().chunks_exact(stride * BY);
    for (lines, row) in rows.zip(small.chunks_exact_mut(across * 3)) {
        sums.fill(0);
        for line in lines.chunks_exact(stride) {
            for (sum, level) in sums.iter_mut().zip(line) {
                // At most 8 lines of 255, and later 8 of those: 16 bits hold them.
                *sum += u16::from(*level);
            }
        }
        for (square, mean) in sums.chunks_exact(BY * 3).zip(row.chunks_exact_mut(3)) {
            for (channel, mean) in mean.iter_mut().enumerate() {
                let sum: u16 = (0..BY).map(|x| square[x * 3 + channel]).sum();
                *mean = ((sum + pixels / 2) / pixels) as u8;
            }
        }
    }
    RgbImage::from_raw(across as u32, down as u32, small)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, PixelFormat};

    #[test]
    fn the_smallest_that_is_large_enough_is_taken() {
        assert_eq!(factor(1920, 1080, 960), 2);
        assert_eq!(factor(3840, 2160, 960), 4);
        assert_eq!(factor(1080, 1920, 960), 2);
        assert_eq!(factor(1280, 720, 960), 1);
        assert_eq!(factor(64, 4, 1), 4, "nothing is divided away");
    }

    #[test]
    fn small_pictures_have_the_means_of_the_large_ones() {
        // Neither side is a multiple of eight: what is left over of it is left out.
        let (width, height) = (42_u32, 30_u32);
        let mut bytes = (0..width * height * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
        for format in [
            PixelFormat::Rgb8,
            PixelFormat::Gray8,
            PixelFormat::Yuyv,
            PixelFormat::Nv12,
        ] {
            let data: Vec<u8> = bytes.clone().collect();
            let frame = Frame::new(format, width, height, data).unwrap();
            bytes.next();
            let large = frame.to_rgb().unwrap();
            for (least, by) in [(21, 2), (10, 4), (5, 8)] {
                let small = frame.to_small_rgb(least).unwrap();
                assert_eq!(small.dimensions(), (width / by, height / by), "{format}");
                for (x, y, pixel) in small.enumerate_pixels() {
                    let square = image::imageops::crop_imm(&large, x * by, y * by, by, by).to_image();
                    for channel in 0..3 {
                        let sum: f64 = square.pixels().map(|one| f64::from(one.0[channel])).sum();
                        let apart = (sum / f64::from(by * by) - f64::from(pixel.0[channel])).abs();
                        assert!(apart <= 0.5, "{format} at 1/{by}: {apart} levels");
                    }
                }
            }
        }
    }
}
