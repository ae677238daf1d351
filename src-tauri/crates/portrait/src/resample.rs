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
    // Most of a large reduction is done by whole blocks, which is many times cheaper than a filter that wide; the
    // filter still has twice the wanted resolution to work on.
    let block = ((width / f64::from(w.max(1))).min(height / f64::from(h.max(1))) / 2.0) as u32;
    if block > 1 {
        let (x, y) = (left.max(0.0) as u32, top.max(0.0) as u32);
        let far = |at: f64, side: u32| (at.ceil().max(0.0) as u32).min(side);
        let (x1, y1) = (far(left + width, pw), far(top + height, ph));
        let small = blocks(picture, [x, y, x1.checked_sub(x)?, y1.checked_sub(y)?], block)?;
        let part = [left - f64::from(x), top - f64::from(y), width, height].map(|v| v / f64::from(block));
        return rgb8(&small, part, w, h, filter);
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

/// Means of square blocks of a part (left, top, width, height) inside the picture; those at the right and the lower
/// edge may be cut. `None` for an empty part.
fn blocks(picture: &RgbImage, [x, y, width, height]: [u32; 4], block: u32) -> Option<RgbImage> {
    if width == 0 || height == 0 {
        return None;
    }
    let mut small = RgbImage::new(width.div_ceil(block), height.div_ceil(block));
    let line = picture.width() as usize * 3;
    let across = small.width() as usize * 3;
    small.par_chunks_mut(across).enumerate().for_each(|(row, out)| {
        let mut sums = vec![0u32; across];
        let row = row as u32;
        let lines = (row * block)..((row + 1) * block).min(height);
        for at in lines.clone() {
            let start = (y + at) as usize * line + x as usize * 3;
            let pixels = &picture.as_raw()[start..start + width as usize * 3];
            for (sum, cells) in sums.chunks_exact_mut(3).zip(pixels.chunks(3 * block as usize)) {
                for pixel in cells.chunks_exact(3) {
                    for (sum, &value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(value);
                    }
                }
            }
        }
        let cells = out.chunks_exact_mut(3).zip(sums.chunks_exact(3));
        for (column, (to, sum)) in cells.enumerate() {
            let wide = block.min(width - column as u32 * block);
            let count = wide * lines.len() as u32;
            for (to, sum) in to.iter_mut().zip(sum) {
                *to = ((sum + count / 2) / count) as u8;
            }
        }
    });
    Some(small)
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
