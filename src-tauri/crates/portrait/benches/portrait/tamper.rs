//! What people do to finished photos: each of these must be seen by the proof. Shared by the tests and the bench.

use image::{Rgb, RgbImage};
use portrait::Measured;

/// Coded pixels between centres, bilinear.
fn at(picture: &RgbImage, x: f64, y: f64) -> Rgb<u8> {
    let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
    let (x, y) = ((x - 0.5).clamp(0.0, w - 1.001), (y - 0.5).clamp(0.0, h - 1.001));
    let (x0, y0) = (x as u32, y as u32);
    let (fx, fy) = (x.fract(), y.fract());
    let p = |dx, dy| picture.get_pixel(x0 + dx, y0 + dy).0;
    let [a, b, c, d] = [p(0, 0), p(1, 0), p(0, 1), p(1, 1)];
    Rgb(std::array::from_fn(|k| {
        let mix = |a: u8, b: u8| f64::from(a) * (1.0 - fx) + f64::from(b) * fx;
        (mix(a[k], b[k]) * (1.0 - fy) + mix(c[k], d[k]) * fy).round() as u8
    }))
}

fn moved(picture: &RgbImage, from: impl Fn(f64, f64) -> [f64; 2]) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [fx, fy] = from(f64::from(x) + 0.5, f64::from(y) + 0.5);
        at(picture, fx, fy)
    })
}

/// How much a point belongs to the face: 1 inside an ellipse, fading over its outer tenth.
fn face(m: &Measured, x: f64, y: f64) -> f64 {
    let (cx, cy) = (240.0 + m.off_centre, m.eyes + 0.3 * m.face_width);
    let r = ((x - cx) / (0.48 * m.face_width)).hypot((y - cy) / (0.65 * m.face_width));
    ((1.0 - r) / 0.1).clamp(0.0, 1.0)
}

fn blended(old: &RgbImage, new: &RgbImage, share: impl Fn(f64, f64) -> f64) -> RgbImage {
    RgbImage::from_fn(old.width(), old.height(), |x, y| {
        let s = share(f64::from(x) + 0.5, f64::from(y) + 0.5);
        let (a, b) = (old.get_pixel(x, y).0, new.get_pixel(x, y).0);
        Rgb(std::array::from_fn(|k| {
            (f64::from(a[k]) * (1.0 - s) + f64::from(b[k]) * s).round() as u8
        }))
    })
}

pub(crate) fn mirrored(picture: &RgbImage, _: &Measured) -> RgbImage {
    image::imageops::flip_horizontal(picture)
}

pub(crate) fn face_mirrored(picture: &RgbImage, m: &Measured) -> RgbImage {
    let axis = 240.0 + m.off_centre;
    let other = moved(picture, |x, y| [2.0 * axis - x, y]);
    blended(picture, &other, |x, y| face(m, x, y))
}

pub(crate) fn turned(picture: &RgbImage, degrees: f64) -> RgbImage {
    let (s, c) = degrees.to_radians().sin_cos();
    moved(picture, |x, y| {
        let (x, y) = (x - 240.0, y - 320.0);
        [240.0 + c * x + s * y, 320.0 - s * x + c * y]
    })
}

pub(crate) fn turned_by_a_degree(picture: &RgbImage, _: &Measured) -> RgbImage {
    turned(picture, 1.0)
}

/// Gaussian blur of the skin, sigma one pixel.
pub(crate) fn softened(picture: &RgbImage, m: &Measured) -> RgbImage {
    let soft = image::imageops::blur(picture, 1.0);
    blended(picture, &soft, |x, y| face(m, x, y))
}

/// Edges kept, skin smoothed: a light bilateral filter (2 pixels, 12 levels), as beauty modes use.
pub(crate) fn smoothed(picture: &RgbImage, m: &Measured) -> RgbImage {
    let soft = RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let here = picture.get_pixel(x, y).0;
        let (mut sums, mut weights) = ([0.0f64; 3], 0.0f64);
        for dy in -4i64..=4 {
            for dx in -4i64..=4 {
                let (nx, ny) = (i64::from(x) + dx, i64::from(y) + dy);
                if nx < 0 || ny < 0 || nx >= i64::from(picture.width()) || ny >= i64::from(picture.height()) {
                    continue;
                }
                let p = picture.get_pixel(nx as u32, ny as u32).0;
                let apart: f64 = (0..3)
                    .map(|k| (f64::from(p[k]) - f64::from(here[k])).powi(2))
                    .sum();
                let weight = (-((dx * dx + dy * dy) as f64) / 8.0 - apart / (2.0 * 3.0 * 144.0)).exp();
                weights += weight;
                for k in 0..3 {
                    sums[k] += weight * f64::from(p[k]);
                }
            }
        }
        Rgb(sums.map(|v| (v / weights).round() as u8))
    });
    blended(picture, &soft, |x, y| face(m, x, y))
}

/// Six levels lighter on the face.
pub(crate) fn whitened(picture: &RgbImage, m: &Measured) -> RgbImage {
    let mut light = picture.clone();
    for v in light.iter_mut() {
        *v = v.saturating_add(6);
    }
    blended(picture, &light, |x, y| face(m, x, y))
}

/// Cheeks three percent narrower.
pub(crate) fn slimmed(picture: &RgbImage, m: &Measured) -> RgbImage {
    let (cx, cy) = (240.0 + m.off_centre, m.eyes + 0.35 * m.face_width);
    moved(picture, |x, y| {
        let out = (x - cx) / (0.5 * m.face_width);
        let down = (y - cy) / (0.5 * m.face_width);
        // Full at the cheeks' edge, fading beyond them and above and below.
        let share = (-0.5 * ((out.abs() - 1.0) / 0.45).powi(2) - 0.5 * (down / 0.5).powi(2)).exp();
        [x + 0.03 * (x - cx) * share, y]
    })
}

/// Eyes five percent larger.
pub(crate) fn wide_eyed(picture: &RgbImage, m: &Measured) -> RgbImage {
    let reach = 0.14 * m.face_width;
    moved(picture, |x, y| {
        for side in [-1.0, 1.0] {
            let (cx, cy) = (240.0 + m.off_centre + side * 0.228 * m.face_width, m.eyes);
            let (dx, dy) = (x - cx, y - cy);
            let share = (1.0 - dx.hypot(dy) / reach).max(0.0).sqrt();
            if share > 0.0 {
                return [cx + dx * (1.0 - 0.05 * share), cy + dy * (1.0 - 0.05 * share)];
            }
        }
        [x, y]
    })
}

/// A capture with a mole: a dark round spot of `radius` pixels (its half height) on the cheek at `place`.
pub(crate) fn with_mole(capture: &RgbImage, place: [f64; 2], radius: f64) -> RgbImage {
    let mut out = capture.clone();
    for (x, y, p) in out.enumerate_pixels_mut() {
        let away = (f64::from(x) + 0.5 - place[0]).hypot(f64::from(y) + 0.5 - place[1]);
        let share = 1.0 / (1.0 + ((away - radius) / 0.5).exp());
        if share > 0.01 {
            *p = Rgb(p.0.map(|v| (f64::from(v) * (1.0 - 0.5 * share)).round() as u8));
        }
    }
    out
}

/// A tampering with its name.
pub(crate) type Tampering = (&'static str, fn(&RgbImage, &Measured) -> RgbImage);

pub(crate) const ALL: [Tampering; 8] = [
    ("mirrored", mirrored),
    ("face mirrored", face_mirrored),
    ("turned by 1°", turned_by_a_degree),
    ("skin softened (Gaussian, 1 px)", softened),
    ("skin smoothed (bilateral)", smoothed),
    ("face whitened by 6 levels", whitened),
    ("cheeks slimmed by 3 %", slimmed),
    ("eyes enlarged by 5 %", wide_eyed),
];

/// Written as another program would: with 300 dpi or without, any sampling, any quality.
pub(crate) fn written(picture: &RgbImage, quality: u8, fine: bool) -> Vec<u8> {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(if fine {
        SamplingFactor::R_4_4_4
    } else {
        SamplingFactor::R_4_2_0
    });
    let (w, h) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture.as_raw(), w, h, ColorType::Rgb).unwrap();
    bytes
}
