//! The open pixels between sure person and sure wall, solved and given their own colour.

use std::sync::LazyLock;

use image::RgbImage;
use rayon::prelude::*;

use super::closed_form;
use super::colours::{Colour, undiluted};
use super::field::Field;
use crate::compose::{linear, srgb};

/// Most steps of the solver at full size; 24 change the error by less than a percent (ours, the bench's curly hair).
const ITERATIONS: usize = 10;

/// An open pixel and what is known of it.
pub(super) struct Open {
    pub(super) at: usize,
    /// How strongly it is drawn to `goal`.
    pub(super) weight: f32,
    pub(super) goal: f32,
    pub(super) own: Colour,
    pub(super) behind: Colour,
}

/// Sure pixels (0 or 1), first guesses, and the open ones in ascending order.
pub(super) struct Band {
    pub(super) start: Field,
    pub(super) open: Vec<Open>,
}

impl Band {
    pub(super) fn of(rows: Vec<(Vec<f32>, Vec<Open>)>, w: usize, h: usize) -> Band {
        let mut start = Vec::with_capacity(w * h);
        let mut open = Vec::new();
        for (row, more) in rows {
            start.extend(row);
            open.extend(more);
        }
        Band {
            start: Field { w, h, v: start },
            open,
        }
    }
}

/// Variance of a pixel's channels, linear light, for `levels` of noise in coded values.
pub(super) fn noise(photo: &RgbImage, i: usize, levels: f32) -> [f32; 3] {
    let p = &photo.as_raw()[3 * i..3 * i + 3];
    [0, 1, 2].map(|c| (levels * SLOPE[usize::from(p[c])]).powi(2))
}

/// Linear light to a coded level, at each level.
pub(super) static SLOPE: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|v| {
        let v = v as u8;
        (linear(v.saturating_add(1)) - linear(v.saturating_sub(1)))
            / f32::from(v.saturating_add(1) - v.saturating_sub(1))
    })
});

/// Solves the band; returns the coverage, and every pixel's own colour, coded. `colour` is what the solver looks at:
/// the picture's light or its difference from the wall.
pub(super) fn finish(
    photo: &RgbImage,
    light: &[[f32; 3]],
    colour: &[[f32; 3]],
    band: &Band,
    levels: f32,
) -> (Field, Vec<[u8; 3]>) {
    let Field { w, h, .. } = band.start;
    let unknown: Vec<usize> = band.open.iter().map(|o| o.at).collect();
    let pull: Vec<(f32, f32)> = band.open.iter().map(|o| (o.weight, o.goal)).collect();
    let solved = closed_form::solve(&closed_form::Problem {
        w,
        h,
        colour,
        start: &band.start.v,
        unknown: &unknown,
        pull: &pull,
        iterations: ITERATIONS,
    });
    let mut alpha = Field { w, h, v: solved };
    let mut foreground: Vec<[u8; 3]> = photo.pixels().map(|p| p.0).collect();
    for o in &band.open {
        // A veil of a hundredth over the whole band would show as a halo.
        let a = &mut alpha.v[o.at];
        if *a < 0.012 {
            *a = 0.0;
        } else if *a > 0.988 {
            *a = 1.0;
        }
    }
    let own: Vec<(usize, [u8; 3])> = band
        .open
        .par_iter()
        .filter(|o| alpha.v[o.at] > 0.0 && alpha.v[o.at] < 1.0)
        .map(|o| {
            let noise = noise(photo, o.at, levels);
            let f = undiluted(light[o.at], alpha.v[o.at], &o.own, &o.behind, noise);
            (o.at, f.map(srgb))
        })
        .collect();
    for (i, f) in own {
        foreground[i] = f;
    }
    (alpha, foreground)
}
