//! The rim between person and background in a finished picture: a third colour in it, neither the person's nor the
//! background's nor a mixture of both, is a halo or what is left of the old wall.

use image::RgbImage;

use crate::compose::linear;
use crate::skin::lab_d50;

/// How far outside the outline a rim is looked for, pixels of the finished picture.
const OUT: isize = 7;
/// How far inside the person's own colour is taken.
const IN: [isize; 2] = [5, 8];

/// Pixels to either side, along the outline, that are averaged.
const ASIDE: isize = 3;

/// Distance (CIELAB) of the rim from the nearest mixture of person and background: the value that 80 of 100 points of
/// the outline stay under. `None` where there is too little outline. `alpha` is the person's share, 0 to 1.
pub(crate) fn fringe(picture: &RgbImage, alpha: &[f32], background: [u8; 3]) -> Option<f64> {
    let (w, h) = (picture.width() as isize, picture.height() as isize);
    let solid = |x: isize, y: isize| alpha[(y * w + x) as usize] >= 0.5;
    let mut all = Vec::new();
    for y in (OUT..h - OUT).step_by(2) {
        if let Some(x) = (OUT..w - OUT).find(|&x| solid(x, y)) {
            all.extend(across(picture, background, [x, y], [1, 0]));
        }
        if let Some(x) = (OUT..w - OUT).rev().find(|&x| solid(x, y)) {
            all.extend(across(picture, background, [x, y], [-1, 0]));
        }
    }
    for x in (OUT..w - OUT).step_by(2) {
        if let Some(y) = (OUT..h - OUT).find(|&y| solid(x, y)) {
            all.extend(across(picture, background, [x, y], [0, 1]));
        }
    }
    if all.len() < 100 {
        return None;
    }
    let rank = all.len() * 8 / 10;
    Some(*all.select_nth_unstable_by(rank, f64::total_cmp).1)
}

/// Largest distance over the pixels outside one point of the outline; `way` leads inwards. `None` where the outline
/// does not begin there with background outside, as at the picture's edge.
fn across(picture: &RgbImage, background: [u8; 3], [x, y]: [isize; 2], [dx, dy]: [isize; 2]) -> Option<f64> {
    let light = |k: isize, aside: isize| {
        let (x, y) = (x + k * dx + aside * dy, y + k * dy + aside * dx);
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        Some(picture.get_pixel_checked(x, y)?.0.map(|v| f64::from(linear(v))))
    };
    // The mean of some mixtures is a mixture; what JPEG scatters about an edge is not alike from pixel to pixel.
    let at = |k: isize| {
        let mut mean = [0.0; 3];
        for aside in -ASIDE..=ASIDE {
            let c = light(k, aside)?;
            (0..3).for_each(|i| mean[i] += c[i] / (2 * ASIDE + 1) as f64);
        }
        Some(mean)
    };
    let back = background.map(|v| f64::from(linear(v)));
    let mut person = [0.0; 3];
    for k in IN[0]..=IN[1] {
        let c = at(k)?;
        (0..3).for_each(|i| person[i] += c[i] / (IN[1] - IN[0] + 1) as f64);
    }
    let toward: [f64; 3] = std::array::from_fn(|i| person[i] - back[i]);
    let long: f64 = toward.iter().map(|v| v * v).sum();
    let mut worst = 0.0f64;
    for k in -OUT..=0 {
        let c = at(k)?;
        let along: f64 = (0..3).map(|i| (c[i] - back[i]) * toward[i]).sum();
        let t = if long > 1e-6 {
            (along / long).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let mixed: [f64; 3] = std::array::from_fn(|i| back[i] + t * toward[i]);
        let (a, b) = (lab_d50(c.map(coded)), lab_d50(mixed.map(coded)));
        let off = (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
        worst = worst.max(off);
    }
    Some(worst)
}

/// Coded sRGB value, 0 to 1, of linear light.
fn coded(v: f64) -> f64 {
    if v <= 0.003_130_8 {
        12.92 * v.max(0.0)
    } else {
        1.055 * v.min(1.0).powf(1.0 / 2.4) - 0.055
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    const BACK: [u8; 3] = [100, 197, 255];

    /// A dark disc before the background, with a ring of `rim` around it.
    fn disc(rim: Option<[u8; 3]>) -> f64 {
        let away = |x: u32, y: u32| (f64::from(x) - 120.0).hypot(f64::from(y) - 120.0) - 70.0;
        let picture = RgbImage::from_fn(240, 240, |x, y| {
            let d = away(x, y);
            let share = (0.5 - d / 3.0).clamp(0.0, 1.0);
            let mix = |k: usize| {
                let light = share * f64::from(linear(40)) + (1.0 - share) * f64::from(linear(BACK[k]));
                (coded(light) * 255.0).round() as u8
            };
            match rim {
                Some(rim) if (0.0..2.5).contains(&d) => Rgb(rim),
                _ => Rgb([mix(0), mix(1), mix(2)]),
            }
        });
        let alpha: Vec<f32> = (0..240 * 240)
            .map(|i| (0.5 - away(i % 240, i / 240) / 3.0).clamp(0.0, 1.0) as f32)
            .collect();
        fringe(&picture, &alpha, BACK).unwrap()
    }

    #[test]
    fn a_clean_edge_is_a_mixture_and_a_ring_of_the_old_wall_is_not() {
        assert!(disc(None) < 3.0, "{}", disc(None));
        for rim in [[235, 235, 230], [60, 160, 60], [255, 255, 255]] {
            assert!(disc(Some(rim)) > 15.0, "{rim:?} {}", disc(Some(rim)));
        }
    }
}
