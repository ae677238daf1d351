//! The student's print sheet: several prints with cut lines on one JPEG at 300 dpi.

use image::codecs::jpeg::{JpegEncoder, PixelDensity};
use image::imageops::{FilterType, overlay, resize};
use image::{ImageFormat, Rgb, RgbImage};

/// Width and height in pixels.
type Size = (u32, u32);

/// Pixels of 25x35 mm and 35x49 mm at 300 dpi.
const ONE_INCH: Size = (295, 413);
const TWO_INCH: Size = (413, 579);
/// Between prints, some 2 mm.
const GAP: u32 = 24;

/// Lays prints of a standard photo out: 8 one-inch and 4 two-inch on A4 for the school's set, otherwise 8
/// one-inch on 6-inch paper (152x102 mm). `None` where the photo cannot be decoded.
pub(crate) fn lay_out(standard: &[u8], sheet: &str) -> Option<Vec<u8>> {
    let photo = image::load_from_memory_with_format(standard, ImageFormat::Jpeg)
        .ok()?
        .to_rgb8();
    let (paper, rows): (Size, &[(u32, Size)]) = if sheet.starts_with("school") {
        ((2480, 3508), &[(4, ONE_INCH), (4, ONE_INCH), (4, TWO_INCH)])
    } else {
        ((1800, 1200), &[(4, ONE_INCH), (4, ONE_INCH)])
    };
    let mut page = RgbImage::from_pixel(paper.0, paper.1, Rgb([255; 3]));
    let height: u32 = rows.iter().map(|(_, (_, h))| h + GAP).sum::<u32>() - GAP;
    let mut y = (paper.1 - height) / 2;
    for (count, (w, h)) in rows {
        let print = framed(&fitted(&photo, *w, *h));
        let mut x = (paper.0 - (count * (w + GAP) - GAP)) / 2;
        for _ in 0..*count {
            overlay(&mut page, &print, i64::from(x), i64::from(y));
            x += w + GAP;
        }
        y += h + GAP;
    }
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 92);
    encoder.set_pixel_density(PixelDensity::dpi(300));
    encoder.encode_image(&page).ok()?;
    Some(bytes)
}

/// Fills the print, cutting from both sides what does not fit its shape: the head stays centred.
fn fitted(photo: &RgbImage, w: u32, h: u32) -> RgbImage {
    let (pw, ph) = photo.dimensions();
    let (cw, ch) = if pw * h > ph * w {
        (ph * w / h, ph)
    } else {
        (pw, pw * h / w)
    };
    // A head has more room below than above: what must go, goes at the bottom.
    let cut = image::imageops::crop_imm(photo, (pw - cw) / 2, 0, cw, ch).to_image();
    resize(&cut, w, h, FilterType::Lanczos3)
}

/// A hair-thin grey line to cut along.
fn framed(print: &RgbImage) -> RgbImage {
    let mut framed = print.clone();
    let (w, h) = framed.dimensions();
    for (x, y, pixel) in framed.enumerate_pixels_mut() {
        if x == 0 || y == 0 || x == w - 1 || y == h - 1 {
            *pixel = Rgb([190; 3]);
        }
    }
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sheets_have_their_true_size() {
        let mut jpeg = Vec::new();
        JpegEncoder::new(&mut jpeg)
            .encode_image(&RgbImage::from_pixel(480, 640, Rgb([90, 140, 200])))
            .unwrap();
        for (sheet, size) in [("one-inch-6", (1800, 1200)), ("school-a4", (2480, 3508))] {
            let page = image::load_from_memory(&lay_out(&jpeg, sheet).unwrap())
                .unwrap()
                .to_rgb8();
            assert_eq!(page.dimensions(), size);
            assert_eq!(page.get_pixel(2, 2), &Rgb([255; 3]));
        }
        assert!(lay_out(b"no picture", "one-inch-6").is_none());
    }
}
