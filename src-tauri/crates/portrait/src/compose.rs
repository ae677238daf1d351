//! Light and resampling: the capture scaled and moved, in linear light, onto the spec's background.
//!
//! Averaging coded values darkens edges and thins strands; light adds up linearly, so every average here is of
//! light. Person and coverage are resampled together (premultiplied) and the background is put behind afterwards:
//! what a sharp filter overshoots outside the person is cut off instead of becoming a halo.

use std::sync::LazyLock;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType};
use image::{Rgb, RgbImage};
use rayon::prelude::*;

use crate::matte::Matte;
use crate::report::Transform;
use crate::resample;
use crate::spec::Spec;

/// Linear light of the 256 coded values (IEC 61966-2-1), 0 to 1.
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let v = i as f64 / 255.0;
        (if v <= 0.04045 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }) as f32
    })
});

/// Coded value of 65536 steps of linear light.
static CODED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..=65_535u32)
        .map(|i| {
            let v = f64::from(i) / 65_535.0;
            let s = if v <= 0.003_130_8 {
                v * 12.92
            } else {
                1.055 * v.powf(1.0 / 2.4) - 0.055
            };
            (s * 255.0).round() as u8
        })
        .collect()
});

/// Linear light of a coded sRGB value, 0 to 1.
pub(crate) fn linear(value: u8) -> f32 {
    LINEAR[usize::from(value)]
}

/// Coded sRGB value of linear light; clamped.
pub(crate) fn srgb(light: f32) -> u8 {
    CODED[(light.clamp(0.0, 1.0) * 65_535.0 + 0.5) as usize]
}

/// Luma of ITU-R BT.601, of coded values, in their unit: what a JPEG stores.
pub(crate) fn luma([r, g, b]: [u8; 3]) -> f32 {
    0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)
}

/// Smaller (or equal) copy, averaged in linear light.
pub(crate) fn resized_linear(picture: &RgbImage, w: u32, h: u32) -> RgbImage {
    let (pw, ph) = picture.dimensions();
    let mut source = Image::new(pw, ph, PixelType::U16x4);
    let levels: [[u8; 2]; 256] = std::array::from_fn(|v| sixteen(linear(v as u8)).to_ne_bytes());
    let line = pw.max(1) as usize;
    source
        .buffer_mut()
        .par_chunks_mut(8 * line)
        .zip(picture.as_raw().par_chunks(3 * line))
        .for_each(|(to, from)| {
            for (to, from) in to.chunks_exact_mut(8).zip(from.chunks_exact(3)) {
                for (to, v) in to.chunks_exact_mut(2).zip(from) {
                    to.copy_from_slice(&levels[usize::from(*v)]);
                }
            }
        });
    let whole = [0.0, 0.0, f64::from(pw), f64::from(ph)];
    let Some(small) = resample::rgba16(&source, whole, w, h, FilterType::CatmullRom) else {
        return RgbImage::new(w, h);
    };
    let mut coded = RgbImage::new(w, h);
    let line = w.max(1) as usize;
    coded
        .par_chunks_mut(3 * line)
        .zip(small.buffer().par_chunks(8 * line))
        .for_each(|(to, from)| {
            for (to, cell) in to.chunks_exact_mut(3).zip(from.chunks_exact(8)) {
                for (to, cell) in to.iter_mut().zip(cell.chunks_exact(2)) {
                    *to = CODED[usize::from(u16::from_ne_bytes([cell[0], cell[1]]))];
                }
            }
        });
    coded
}

fn sixteen(light: f32) -> u16 {
    (light.clamp(0.0, 1.0) * 65_535.0 + 0.5) as u16
}

/// The finished picture and the share of the person in each of its pixels.
pub(crate) struct Composed {
    pub(crate) picture: RgbImage,
    /// Coverage, 0 to 1, row by row.
    pub(crate) alpha: Vec<f32>,
}

/// Cuts, scales and puts the person before the spec's background. What lies outside the capture is background.
pub(crate) fn compose(matte: &Matte, transform: &Transform, spec: &Spec) -> Composed {
    let (w, h) = (spec.width, spec.height);
    let [x0, y0] = transform.invert([0.0, 0.0]);
    let [x1, y1] = transform.invert([f64::from(w), f64::from(h)]);
    // A canvas of whole capture pixels around the cut, with room for the filter.
    let room = (4.0 / transform.scale).ceil().clamp(4.0, 64.0);
    let (cx, cy) = ((x0 - room).floor(), (y0 - room).floor());
    let (photo_w, photo_h) = (f64::from(matte.alpha.width()), f64::from(matte.alpha.height()));
    // At an edge of the capture that the cut does not cross the filter stops by itself.
    let (cx, cy) = (
        if x0 >= 0.0 { cx.max(0.0) } else { cx },
        if y0 >= 0.0 { cy.max(0.0) } else { cy },
    );
    let (ex, ey) = ((x1 + room).ceil(), (y1 + room).ceil());
    let ex = if x1 <= photo_w + 1e-6 { ex.min(photo_w) } else { ex };
    let ey = if y1 <= photo_h + 1e-6 { ey.min(photo_h) } else { ey };
    let (cw, ch) = (
        (ex - cx).clamp(1.0, 20_000.0) as u32,
        (ey - cy).clamp(1.0, 20_000.0) as u32,
    );

    let mut canvas = Image::new(cw, ch, PixelType::U16x4);
    let (left, top) = (cx as i64, cy as i64);
    for (row, line) in canvas.buffer_mut().chunks_exact_mut(cw as usize * 8).enumerate() {
        let y = top + row as i64;
        if y < 0 || y >= i64::from(matte.alpha.height()) {
            continue;
        }
        for (column, to) in line.chunks_exact_mut(8).enumerate() {
            let x = left + column as i64;
            if x < 0 || x >= i64::from(matte.alpha.width()) {
                continue;
            }
            let a = f32::from(matte.alpha.get_pixel(x as u32, y as u32).0[0]) / 255.0;
            if a <= 0.0 {
                continue;
            }
            let colour = matte.foreground.get_pixel(x as u32, y as u32).0;
            for (c, v) in colour.iter().enumerate() {
                to[c * 2..c * 2 + 2].copy_from_slice(&sixteen(a * linear(*v)).to_ne_bytes());
            }
            to[6..8].copy_from_slice(&sixteen(a).to_ne_bytes());
        }
    }
    // Enlarging rings with a wider filter; reducing keeps more detail with it.
    let filter = if transform.scale > 1.0 {
        FilterType::CatmullRom
    } else {
        FilterType::Lanczos3
    };
    let crop_left = (x0 - cx).clamp(0.0, f64::from(cw) - 1.0);
    let crop_top = (y0 - cy).clamp(0.0, f64::from(ch) - 1.0);
    let part = [
        crop_left,
        crop_top,
        (x1 - x0).min(f64::from(cw) - crop_left),
        (y1 - y0).min(f64::from(ch) - crop_top),
    ];
    // The part lies inside the canvas by construction; an empty result is all background.
    let scaled =
        resample::rgba16(&canvas, part, w, h, filter).unwrap_or_else(|| Image::new(w, h, PixelType::U16x4));

    let back = spec.background.map(linear);
    let mut picture = RgbImage::from_pixel(w, h, Rgb(spec.background));
    let mut alpha = vec![0.0; (w * h) as usize];
    let cells = scaled.buffer().chunks_exact(8);
    for ((pixel, out), cell) in picture.pixels_mut().zip(&mut alpha).zip(cells) {
        let part = |c: usize| f32::from(u16::from_ne_bytes([cell[2 * c], cell[2 * c + 1]])) / 65_535.0;
        let a = part(3);
        // Filter tails of a thousandth are not hair.
        if a < 0.004 {
            continue;
        }
        *out = a;
        for (c, (to, back)) in pixel.0.iter_mut().zip(back).enumerate() {
            *to = srgb(part(c).min(a * 1.05 + 0.002) + (1.0 - a) * back);
        }
    }
    Composed { picture, alpha }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matte::Method;
    use image::{GrayImage, Luma};

    fn all_person(photo: RgbImage) -> Matte {
        let alpha = GrayImage::from_pixel(photo.width(), photo.height(), Luma([255]));
        Matte {
            alpha,
            foreground: photo,
            method: Method::ColoursOnly,
            notes: Vec::new(),
        }
    }

    #[test]
    fn coded_and_linear_light_round_trip() {
        for v in 0..=255 {
            assert_eq!(srgb(linear(v)), v);
        }
    }

    #[test]
    fn without_scaling_the_person_is_copied_pixel_for_pixel_and_not_mirrored() {
        let spec = Spec::built_in("national-blue").unwrap();
        let photo = RgbImage::from_fn(600, 800, |x, y| {
            Rgb([
                (x % 251) as u8,
                (y % 241) as u8,
                ((x / 8 + y / 8) % 2 * 200) as u8,
            ])
        });
        let matte = all_person(photo.clone());
        let got = compose(
            &matte,
            &Transform {
                scale: 1.0,
                dx: -60.0,
                dy: -80.0,
            },
            &spec,
        )
        .picture;
        for (x, y) in [(0, 0), (100, 333), (479, 639)] {
            assert_eq!(got.get_pixel(x, y), photo.get_pixel(x + 60, y + 80));
        }
    }

    #[test]
    fn what_the_capture_does_not_show_is_background() {
        let spec = Spec::built_in("national-blue").unwrap();
        let mut matte = all_person(RgbImage::from_pixel(480, 640, Rgb([9, 9, 9])));
        for y in 0..200 {
            for x in 0..480 {
                matte.alpha.put_pixel(x, y, Luma([0]));
            }
        }
        let c = compose(
            &matte,
            &Transform {
                scale: 1.0,
                dx: 0.0,
                dy: 100.0,
            },
            &spec,
        );
        assert_eq!(c.picture.get_pixel(240, 50), &Rgb(spec.background));
        assert_eq!(c.picture.get_pixel(240, 250), &Rgb(spec.background));
        assert_eq!(c.picture.get_pixel(240, 400), &Rgb([9, 9, 9]));
    }

    #[test]
    fn half_a_pixel_is_half_a_pixel() {
        let spec = Spec::built_in("national-blue").unwrap();
        // A bright line two pixels wide, moved by half a pixel: its light moves by half a pixel.
        let photo = RgbImage::from_fn(700, 900, |x, _| {
            if (349..=350).contains(&x) {
                Rgb([255; 3])
            } else {
                Rgb([0; 3])
            }
        });
        let centre = |dx: f64| {
            let got = compose(
                &all_person(photo.clone()),
                &Transform {
                    scale: 0.8,
                    dx: dx - 40.0,
                    dy: 0.0,
                },
                &spec,
            )
            .picture;
            let row: Vec<f32> = (0..480).map(|x| linear(got.get_pixel(x, 300).0[0])).collect();
            row.iter()
                .enumerate()
                .map(|(x, v)| (x as f32 + 0.5) * v)
                .sum::<f32>()
                / row.iter().sum::<f32>()
        };
        let (still, moved) = (centre(0.0), centre(0.5));
        assert!(
            (still - 240.0).abs() < 0.05 && (moved - still - 0.5).abs() < 0.08,
            "{still} {moved}"
        );
    }
}
