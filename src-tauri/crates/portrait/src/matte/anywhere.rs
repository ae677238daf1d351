//! Parting without a wall: the segmenter's outline, and colours on either side of it.

use image::RgbImage;
use rayon::prelude::*;

use super::band::{Band, Open, finish};
use super::colours::{Colours, told};
use super::field::Field;
use super::outline::Outline;
use super::smoothstep;

/// Sure person from this depth inside the segmenter's outline, in inter-eye distances, and sure surroundings from
/// this far outside it. Ours, chosen by eye on photographs without a wall; not measured against a truth.
const SURE: [f32; 2] = [0.13, 0.15];

pub(super) fn part(
    photo: &RgbImage,
    light: &[[f32; 3]],
    outline: &Outline,
    unit: f32,
) -> (Field, Vec<[u8; 3]>) {
    let (w, h) = (photo.width() as usize, photo.height() as usize);
    let cells = outline.grid;
    let deep = |i: usize| outline.depth.v[cells.of(i)];
    let own = Colours::gather(light, w, cells.cell, unit, |i| deep(i) > SURE[0]);
    let other = Colours::gather(light, w, cells.cell, unit, |i| deep(i) < -SURE[1]);
    let noise = |i: usize| super::band::noise(photo, i, 2.0);
    let rows: Vec<(Vec<f32>, Vec<Open>)> = (0..h)
        .into_par_iter()
        .map(|y| {
            let mut known = vec![0.0; w];
            let mut open = Vec::new();
            for (x, known) in known.iter_mut().enumerate() {
                let d = outline.depth_at(x, y);
                if d > SURE[0] {
                    *known = 1.0;
                } else if d > -SURE[1] {
                    let i = y * w + x;
                    let p = outline.likely_at(x, y);
                    let (own, behind) = (own.at(x, y), other.at(x, y));
                    let said = told(light[i], &own, &behind, noise(i));
                    // Colours on either side vary: theirs is one voice, the segmenter's another.
                    let (a, b) = (1e-4 / (said.variance + 2e-3), 3e-3);
                    let guess = smoothstep(0.15, 0.85, p);
                    *known = p;
                    open.push(Open {
                        at: i,
                        weight: a + b,
                        goal: (a * said.share + b * guess) / (a + b),
                        own,
                        behind,
                    });
                }
            }
            (known, open)
        })
        .collect();
    finish(photo, light, light, &Band::of(rows, w, h), 2.0)
}
