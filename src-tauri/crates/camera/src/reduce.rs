//! Smaller pictures of raw frames: each pixel the mean of a square of them, taken before the colours are computed.

use image::RgbImage;

use crate::CameraError;
use crate::frame::{bad, yuv_to_rgb};

/// The largest of 8, 4 and 2 by which the longer side may be divided and still have `least` pixels; else 1.
pub(crate) fn factor(width: u32, height: u32, least: u32) -> usize {
    let longer = width.max(height);
    let fits = [8, 4, 2]
        .into_iter()
        .find(|by| longer / by >= least.max(1) && width.min(height) >= *by);
    fits.unwrap_or(1) as usize
}

/// One pixel of a small picture at a time, by row and column.
fn small(
    width: usize,
    height: usize,
    by: usize,
    pixel: impl Fn(usize, usize) -> [u8; 3],
) -> Result<RgbImage, CameraError> {
    let (across, down) = (width / by, height / by);
    let mut rgb = Vec::with_capacity(across * down * 3);
    for y in 0..down {
        for x in 0..across {
            rgb.extend(pixel(x, y));
        }
    }
    RgbImage::from_raw(across as u32, down as u32, rgb).ok_or_else(|| bad("wrong number of samples"))
}

/// The mean of every `step`-th byte from `from` on, in `columns` of each of `rows` lines.
fn mean(data: &[u8], stride: usize, from: usize, step: usize, columns: usize, rows: usize) -> u8 {
    let mut sum = 0;
    for row in 0..rows {
        let start = from + row * stride;
        let line = data.get(start..).unwrap_or_default();
        sum += line
            .iter()
            .step_by(step)
            .take(columns)
            .map(|level| u32::from(*level))
            .sum::<u32>();
    }
    let count = (columns * rows) as u32;
    ((sum + count / 2) / count.max(1)) as u8
}

pub(crate) fn rgb(data: &[u8], width: usize, height: usize, by: usize) -> Result<RgbImage, CameraError> {
    small(width, height, by, |x, y| {
        let from = (y * by * width + x * by) * 3;
        [0, 1, 2].map(|channel| mean(data, width * 3, from + channel, 3, by, by))
    })
}

pub(crate) fn grey(data: &[u8], width: usize, height: usize, by: usize) -> Result<RgbImage, CameraError> {
    small(width, height, by, |x, y| {
        [mean(data, width, y * by * width + x * by, 1, by, by); 3]
    })
}

pub(crate) fn yuyv(data: &[u8], width: usize, height: usize, by: usize) -> Result<RgbImage, CameraError> {
    small(width, height, by, |x, y| {
        let from = (y * by * width + x * by) * 2;
        yuv_to_rgb(
            mean(data, width * 2, from, 2, by, by),
            mean(data, width * 2, from + 1, 4, by / 2, by),
            mean(data, width * 2, from + 3, 4, by / 2, by),
        )
    })
}

pub(crate) fn nv12(data: &[u8], width: usize, height: usize, by: usize) -> Result<RgbImage, CameraError> {
    let chroma = width * height;
    small(width, height, by, |x, y| {
        let half = by / 2;
        let from = chroma + y * half * width + x * by;
        yuv_to_rgb(
            mean(data, width, y * by * width + x * by, 1, by, by),
            mean(data, width, from, 2, half, half),
            mean(data, width, from + 1, 2, half, half),
        )
    })
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
        let (width, height) = (32_u32, 16_u32);
        // Soft ramps: the mean of the colours and the colour of the means are the same but for rounding.
        let byte = |i: u32| (100 + (i % 80).abs_diff(40)) as u8;
        for format in [
            PixelFormat::Rgb8,
            PixelFormat::Gray8,
            PixelFormat::Yuyv,
            PixelFormat::Nv12,
        ] {
            let data: Vec<u8> = (0..width * height * 3).map(|i| byte(i / 7)).collect();
            let frame = Frame::new(format, width, height, data).unwrap();
            let large = frame.to_rgb().unwrap();
            for (least, by) in [(16, 2), (8, 4), (4, 8)] {
                let small = frame.to_small_rgb(least).unwrap();
                assert_eq!(small.dimensions(), (width / by, height / by), "{format}");
                for (x, y, pixel) in small.enumerate_pixels() {
                    for channel in 0..3 {
                        let mut sum = 0.0;
                        for dy in 0..by {
                            for dx in 0..by {
                                sum += f64::from(large.get_pixel(x * by + dx, y * by + dy).0[channel]);
                            }
                        }
                        let apart = (sum / f64::from(by * by) - f64::from(pixel.0[channel])).abs();
                        assert!(apart < 3.0, "{format} at 1/{by}: {apart} levels");
                    }
                }
            }
        }
    }
}
