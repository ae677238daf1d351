//! The one resampler this crate needs, compiled once.
//!
//! `fast_image_resize` compiles every pixel type and processor extension anew for each combination of image types it
//! is called with, and its 8-bit code thirty times more for each precision; minutes of building. Its 16-bit code
//! through the typed door is compiled once, and averages of coded values lose nothing in it.

use fast_image_resize::images::Image;
use fast_image_resize::pixels::{U16, U16x4};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

/// A part (left, top, width, height) of a picture at a new size; shrinking averages coded values. `None` for an
/// empty picture or a part beyond it.
pub(crate) fn rgb8(
    picture: &RgbImage,
    part: [f64; 4],
    w: u32,
    h: u32,
    filter: FilterType,
) -> Option<RgbImage> {
    let [left, top, width, height] = part;
    let (pw, ph) = picture.dimensions();
    if width >= 4.0 * f64::from(w.max(1)) && height >= 4.0 * f64::from(h.max(1)) {
        // Far smaller: squares of four pixels are averaged first, in a single pass.
        let part = [left / 2.0, top / 2.0, width / 2.0, height / 2.0];
        return rgb8(&halved(picture), part, w, h, filter);
    }
    // Only what the filter reaches is widened to 16 bits.
    let reach = |scale: f64| 4.0 * scale.max(1.0) + 2.0;
    let (rx, ry) = (
        reach(width / f64::from(w.max(1))),
        reach(height / f64::from(h.max(1))),
    );
    let from = |at: f64| at.max(0.0) as u32;
    let (x0, y0) = (from(left - rx).min(pw), from(top - ry).min(ph));
    let (x1, y1) = (from(left + width + rx).min(pw), from(top + height + ry).min(ph));
    if x1 <= x0 || y1 <= y0 {
        return None;
    }
    let mut source = Image::new(x1 - x0, y1 - y0, PixelType::U16x4);
    let line = (x1 - x0) as usize * 8;
    for (y, to) in source.buffer_mut().chunks_exact_mut(line).enumerate() {
        let start = ((y0 as usize + y) * pw as usize + x0 as usize) * 3;
        let row = &picture.as_raw()[start..start + line / 8 * 3];
        for (to, from) in to.chunks_exact_mut(8).zip(row.chunks_exact(3)) {
            for c in 0..3 {
                to[2 * c..2 * c + 2].copy_from_slice(&(u16::from(from[c]) * 257).to_ne_bytes());
            }
        }
    }
    let part = [left - f64::from(x0), top - f64::from(y0), width, height];
    let target = rgba16(&source, part, w, h, filter)?;
    let coded = target.buffer().chunks_exact(8).flat_map(|cell| {
        [0, 2, 4].map(|at| ((u32::from(u16::from_ne_bytes([cell[at], cell[at + 1]])) + 128) / 257) as u8)
    });
    RgbImage::from_raw(w, h, coded.collect())
}

/// Half the size, each pixel the mean of four; an odd last row or column is repeated.
fn halved(picture: &RgbImage) -> RgbImage {
    let (w, h) = picture.dimensions();
    let (hw, hh) = (w.div_ceil(2), h.div_ceil(2));
    let mut half = RgbImage::new(hw, hh);
    let line = w as usize * 3;
    half.par_chunks_mut((hw as usize * 3).max(1))
        .enumerate()
        .for_each(|(y, out)| {
            let raw = picture.as_raw();
            let above = &raw[2 * y * line..(2 * y + 1) * line];
            let below = raw.get((2 * y + 1) * line..(2 * y + 2) * line).unwrap_or(above);
            for (x, to) in out.chunks_exact_mut(3).enumerate() {
                let a = 6 * x;
                let b = if a + 6 <= line { a + 3 } else { a };
                for (c, to) in to.iter_mut().enumerate() {
                    let sum = [above[a + c], above[b + c], below[a + c], below[b + c]].map(u16::from);
                    *to = ((sum.iter().sum::<u16>() + 2) / 4) as u8;
                }
            }
        });
    half
}

/// The same for four 16-bit channels, each on its own.
pub(crate) fn rgba16(
    source: &Image<'_>,
    part: [f64; 4],
    w: u32,
    h: u32,
    filter: FilterType,
) -> Option<Image<'static>> {
    let mut target = Image::new(w, h, PixelType::U16x4);
    let [left, top, width, height] = part;
    let options = ResizeOptions::new()
        .use_alpha(false)
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(left, top, width, height);
    let from = source.typed_image::<U16x4>()?;
    Resizer::new()
        .resize_typed(&from, &mut target.typed_image_mut::<U16x4>()?, &options)
        .ok()?;
    Some(target)
}

/// A grey picture of 16-bit values, row by row, at a new size in 8 bits, bilinear. `None` where the values do not
/// fill `from` or a side is empty.
pub(crate) fn grey(values: impl Iterator<Item = u16>, from: [u32; 2], w: u32, h: u32) -> Option<GrayImage> {
    let bytes: Vec<u8> = values.flat_map(u16::to_ne_bytes).collect();
    let source = Image::from_vec_u8(from[0], from[1], bytes, PixelType::U16).ok()?;
    let mut target = Image::new(w, h, PixelType::U16);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize_typed(
            &source.typed_image::<U16>()?,
            &mut target.typed_image_mut::<U16>()?,
            &options,
        )
        .ok()?;
    let coded = target
        .buffer()
        .chunks_exact(2)
        .map(|cell| ((u32::from(u16::from_ne_bytes([cell[0], cell[1]])) + 128) / 257) as u8);
    GrayImage::from_raw(w, h, coded.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn far_smaller_is_still_the_mean_and_stays_in_place() {
        let picture = RgbImage::from_fn(401, 301, |x, y| Rgb([(x / 2) as u8, (y / 2) as u8, 77]));
        let small = rgb8(&picture, [0.0, 0.0, 400.0, 300.0], 40, 30, FilterType::Bilinear).unwrap();
        for (x, y, p) in small.enumerate_pixels() {
            if (2..38).contains(&x) && (2..28).contains(&y) {
                let [r, g, b] = p.0;
                assert!(r.abs_diff((x * 5 + 2) as u8) <= 1 && g.abs_diff((y * 5 + 2) as u8) <= 1 && b == 77);
            }
        }
    }

    #[test]
    fn a_part_at_its_own_size_is_a_copy() {
        let picture = RgbImage::from_fn(60, 40, |x, y| Rgb([(x * 4) as u8, (y * 6) as u8, 255]));
        let copy = rgb8(&picture, [10.0, 5.0, 20.0, 30.0], 20, 30, FilterType::CatmullRom).unwrap();
        assert_eq!(copy.get_pixel(3, 4), picture.get_pixel(13, 9));
        assert!(rgb8(&picture, [100.0, 5.0, 20.0, 30.0], 20, 30, FilterType::CatmullRom).is_none());
    }
}
