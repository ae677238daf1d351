//! What cameras, programs and cheats do to a picture after it was taken: the faults that need no new rendering.
//!
//! Everything here works on a finished 8-bit picture and gives the same bytes for the same input. Light is averaged
//! linearly, as lenses and sensors do.

use image::RgbImage;
use rayon::prelude::*;

use crate::sdf::{Dice, scramble};

/// Linear light of a coded value, 0 to 1.
fn linear(v: u8) -> f32 {
    let v = f32::from(v) / 255.0;
    if v <= 0.04045 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}

/// Coded value of linear light; clipped.
fn coded(v: f32) -> u8 {
    let v = v.clamp(0.0, 1.0);
    let s = if v <= 0.003_130_8 {
        12.92 * v
    } else {
        1.055 * v.powf(1.0 / 2.4) - 0.055
    };
    (s * 255.0 + 0.5) as u8
}

/// A picture of another picture's pixels, each found by `of` from its column and row.
fn each(width: u32, height: u32, of: impl Fn(u32, u32) -> [u8; 3] + Sync) -> RgbImage {
    let mut out = RgbImage::new(width, height);
    out.par_chunks_mut(width as usize * 3)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                pixel.copy_from_slice(&of(x as u32, y as u32));
            }
        });
    out
}

/// The pixel nearest to a place, the edge's beyond the edge.
fn near(picture: &RgbImage, x: f32, y: f32) -> [u8; 3] {
    let x = x.clamp(0.0, (picture.width() - 1) as f32) as u32;
    let y = y.clamp(0.0, (picture.height() - 1) as f32) as u32;
    picture.get_pixel(x, y).0
}

/// Light between the four nearest pixels' middles.
fn between(picture: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (fx, fy) = (x - x.floor(), y - y.floor());
    let at = |dx: f32, dy: f32| near(picture, x.floor() + dx, y.floor() + dy).map(linear);
    let (a, b, c, d) = (at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0), at(1.0, 1.0));
    std::array::from_fn(|k| {
        (a[k] * (1.0 - fx) + b[k] * fx) * (1.0 - fy) + (c[k] * (1.0 - fx) + d[k] * fx) * fy
    })
}

/// Smeared along a straight way of `length` pixels at `degrees` (0 to the right, 90 down): the student or the camera
/// moved while the shutter was open.
pub fn smeared(picture: &RgbImage, length: f32, degrees: f32) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let steps = (length * 2.0).ceil().max(1.0) as i32;
    each(picture.width(), picture.height(), |x, y| {
        let mut sum = [0.0; 3];
        for k in 0..steps {
            let t = ((k as f32 + 0.5) / steps as f32 - 0.5) * length;
            let c = between(picture, x as f32 + 0.5 + t * cos, y as f32 + 0.5 + t * sin);
            (0..3).for_each(|i| sum[i] += c[i] / steps as f32);
        }
        sum.map(coded)
    })
}

/// Every channel's light times its gain: a tinted lamp, a colour filter, a wrong white balance.
pub fn tinted(picture: &RgbImage, gains: [f32; 3]) -> RgbImage {
    each(picture.width(), picture.height(), |x, y| {
        let p = picture.get_pixel(x, y).0;
        std::array::from_fn(|k| coded(linear(p[k]) * gains[k]))
    })
}

/// Colour drawn towards grey: 0 leaves it, 1 takes it all.
pub fn paled(picture: &RgbImage, share: f32) -> RgbImage {
    each(picture.width(), picture.height(), |x, y| {
        let p = picture.get_pixel(x, y).0;
        let grey = 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
        p.map(|v| (f32::from(v) * (1.0 - share) + grey * share + 0.5) as u8)
    })
}

/// What beautifying programs do: inside the disc (centre and radius, pixels) every pixel becomes the mean of those
/// around it (`reach` pixels) that are within 24 levels of it. Edges stay, grain and pores go.
pub fn beautified(picture: &RgbImage, centre: (f32, f32), radius: f32, reach: i32) -> RgbImage {
    each(picture.width(), picture.height(), |x, y| {
        let here = picture.get_pixel(x, y).0;
        if (x as f32 - centre.0).hypot(y as f32 - centre.1) > radius {
            return here;
        }
        let (mut sum, mut count) = ([0.0f32; 3], 0.0f32);
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let p = near(picture, (x as i32 + dx) as f32, (y as i32 + dy) as f32);
                if (0..3).all(|k| p[k].abs_diff(here[k]) < 24) {
                    (0..3).for_each(|k| sum[k] += f32::from(p[k]));
                    count += 1.0;
                }
            }
        }
        sum.map(|v| (v / count.max(1.0) + 0.5) as u8)
    })
}

/// Highlights of oily skin: at each place (x, y, radius in pixels) up to `strength` of white light is added.
pub fn shiny(picture: &RgbImage, spots: &[(f32, f32, f32)], strength: f32) -> RgbImage {
    each(picture.width(), picture.height(), |x, y| {
        let added: f32 = spots
            .iter()
            .map(|&(cx, cy, r)| {
                let d = (x as f32 - cx).hypot(y as f32 - cy) / r;
                strength * (-d * d * d * d).exp()
            })
            .sum();
        let p = picture.get_pixel(x, y).0;
        p.map(|v| coded(linear(v) + added))
    })
}

/// The part of the picture below `row` sheared by `degrees`, as when a shoulder drops: down on the picture's right
/// for positive angles.
pub fn dropped_shoulder(picture: &RgbImage, row: f32, degrees: f32) -> RgbImage {
    let slope = degrees.to_radians().tan();
    let middle = picture.width() as f32 / 2.0;
    each(picture.width(), picture.height(), |x, y| {
        // Grown in over the neck's height, so that nothing tears.
        let share = ((y as f32 - row) / (0.05 * picture.height() as f32)).clamp(0.0, 1.0);
        let from = y as f32 + 0.5 - slope * (x as f32 - middle) * share;
        between(picture, x as f32 + 0.5, from).map(coded)
    })
}

/// How a picture is shown to the camera on a screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Display {
    /// Camera pixels per pixel of the screen: above 2.5 its stripes are seen one by one, below they beat with the
    /// camera's own grid (moiré).
    pub magnification: f32,
    /// Turned against the camera, degrees.
    pub turn: f32,
    /// One side is so much nearer than the other: 0 square on, 0.1 a tenth.
    pub perspective: f32,
    /// Radius of the lens's blur, camera pixels.
    pub blur: f32,
}

impl Default for Display {
    fn default() -> Self {
        Self {
            magnification: 1.7,
            turn: 1.0,
            perspective: 0.03,
            blur: 0.5,
        }
    }
}

/// The picture as a camera of the same size sees it on a screen of red, green and blue stripes with dark gaps.
pub fn on_screen(picture: &RgbImage, display: Display) -> RgbImage {
    const FINE: i32 = 5;
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let (sin, cos) = display.turn.to_radians().sin_cos();
    let glow = |u: f32, v: f32, scale: f32| -> [f32; 3] {
        // Screen pixels are `1 / scale` of a picture's pixel: the picture is shown larger or smaller, never finer.
        let (column, row) = ((u * scale).floor(), (v * scale).floor());
        let p = near(picture, (column + 0.5) / scale, (row + 0.5) / scale).map(linear);
        let (fu, fv) = (u * scale - column, v * scale - row);
        let stripe = ((fu * 3.0) as usize).min(2);
        let lit = (0.12..0.88).contains(&(fu * 3.0 - stripe as f32)) && (0.06..0.94).contains(&fv);
        let mut out = [0.0; 3];
        if lit {
            out[stripe] = p[stripe] * 3.0 / (0.76 * 0.88);
        }
        out
    };
    let spread = 0.5 + display.blur;
    let mut dice = Dice::new(0x5C4E);
    let grains: Vec<f32> = (0..4096).map(|_| dice.normal()).collect();
    each(picture.width(), picture.height(), |x, y| {
        let mut sum = [0.0; 3];
        for j in 0..FINE {
            for i in 0..FINE {
                let at = |k: i32| ((k as f32 + 0.5) / FINE as f32 - 0.5) * 2.0 * spread;
                let (cx, cy) = (x as f32 + 0.5 + at(i) - w / 2.0, y as f32 + 0.5 + at(j) - h / 2.0);
                let depth = 1.0 + display.perspective * cx / w;
                let u = (cx * cos - cy * sin) / depth + w / 2.0;
                let v = (cx * sin + cy * cos) / depth + h / 2.0;
                let c = glow(u, v, 1.0 / display.magnification);
                (0..3).for_each(|k| sum[k] += c[k] / (FINE * FINE) as f32);
            }
        }
        let grain = grains[scramble(u64::from(x) << 32 | u64::from(y)) as usize % grains.len()];
        sum.map(|v| (f32::from(coded(v)) + 1.2 * grain).clamp(0.0, 255.0) as u8)
    })
}

/// The picture as a print or on a phone held before the camera: `size` of the frame's height, turned by `degrees`,
/// with a border of `border` pixels of one colour, before a wall of another.
pub fn held_up(
    picture: &RgbImage,
    size: f32,
    degrees: f32,
    border: f32,
    frame: [u8; 3],
    wall: [u8; 3],
) -> RgbImage {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let (sin, cos) = degrees.to_radians().sin_cos();
    // A portrait format: the middle of the picture, three wide and four high.
    let (half_w, half_h) = (0.375 * h * size, 0.5 * h * size);
    let mut dice = Dice::new(0x9A17);
    let grains: Vec<f32> = (0..4096).map(|_| dice.normal()).collect();
    each(picture.width(), picture.height(), |x, y| {
        let mut sum = [0.0f32; 3];
        for k in 0..4u8 {
            let (dx, dy) = (f32::from(k % 2) * 0.5 + 0.25, f32::from(k / 2) * 0.5 + 0.25);
            let (cx, cy) = (x as f32 + dx - w / 2.0, y as f32 + dy - h / 2.0);
            let (u, v) = (cx * cos + cy * sin, cy * cos - cx * sin);
            let c = if u.abs() < half_w && v.abs() < half_h {
                between(picture, u / size + w / 2.0, v / size + h / 2.0)
            } else if u.abs() < half_w + border && v.abs() < half_h + border {
                frame.map(linear)
            } else {
                wall.map(linear)
            };
            (0..3).for_each(|i| sum[i] += c[i] / 4.0);
        }
        let grain = grains[scramble(u64::from(x) << 32 | u64::from(y)) as usize % grains.len()];
        sum.map(|v| (f32::from(coded(v)) + 1.2 * grain).clamp(0.0, 255.0) as u8)
    })
}

/// Enlarged by `times` from a smaller picture and cut back to the same size around the middle: a picture from an
/// album, or a camera that promises more pixels than it has.
pub fn enlarged(picture: &RgbImage, times: f32) -> RgbImage {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    let small = image::imageops::thumbnail(picture, (w / times) as u32, (h / times) as u32);
    let (sw, sh) = (small.width() as f32 / w, small.height() as f32 / h);
    each(picture.width(), picture.height(), |x, y| {
        between(&small, (x as f32 + 0.5) * sw, (y as f32 + 0.5) * sh).map(coded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// A flat picture to try things on.
    fn flat(level: u8) -> RgbImage {
        RgbImage::from_pixel(96, 96, Rgb([level; 3]))
    }

    #[test]
    fn a_flat_picture_stays_flat_where_nothing_is_added() {
        let grey = flat(120);
        assert_eq!(smeared(&grey, 7.0, 30.0), grey);
        assert_eq!(paled(&grey, 1.0), grey);
        assert_eq!(beautified(&grey, (48.0, 48.0), 30.0, 3), grey);
        assert_eq!(enlarged(&grey, 2.0), grey);
        let red = tinted(&grey, [1.3, 1.0, 0.8]).get_pixel(5, 5).0;
        assert!(red[0] > 120 && red[1] == 120 && red[2] < 120, "{red:?}");
        let spot = shiny(&grey, &[(48.0, 48.0, 8.0)], 0.7);
        assert!(spot.get_pixel(48, 48).0[0] > 220 && spot.get_pixel(5, 5).0[0] == 120);
    }

    #[test]
    fn a_screen_shows_the_same_light_in_stripes() {
        let seen = on_screen(
            &flat(120),
            Display {
                magnification: 4.0,
                ..Display::default()
            },
        );
        let mean = |k: usize| seen.pixels().map(|p| linear(p.0[k])).sum::<f32>() / (96.0 * 96.0);
        for k in 0..3 {
            assert!((mean(k) / linear(120) - 1.0).abs() < 0.12, "{k} {}", mean(k));
        }
        let spread =
            seen.pixels().map(|p| p.0[0]).max().unwrap() - seen.pixels().map(|p| p.0[0]).min().unwrap();
        assert!(spread > 60, "{spread}");
    }

    #[test]
    fn a_print_shows_its_border_and_the_wall_around_it() {
        let print = held_up(&flat(120), 0.6, 0.0, 6.0, [240, 240, 240], [60, 70, 60]);
        let near = |p: [u8; 3], q: [u8; 3]| (0..3).all(|k| p[k].abs_diff(q[k]) < 8);
        assert!(near(print.get_pixel(48, 48).0, [120; 3]));
        assert!(
            near(print.get_pixel(48, 15).0, [240; 3]),
            "{:?}",
            print.get_pixel(48, 15)
        );
        assert!(near(print.get_pixel(3, 3).0, [60, 70, 60]));
    }
}
