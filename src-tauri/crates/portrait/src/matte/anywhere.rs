//! Parting without a wall: the segmenter's outline, moved to the edges of colour near it.

use image::RgbImage;
use rayon::prelude::*;

use super::band::{Band, Open, finish};
use super::colours::Colours;
use super::field::Field;
use super::outline::Outline;
use super::smoothstep;

// All figures below are ours, chosen by the sum of differences over twelve scenes (the bench's hairs before a
// bookshelf and before furniture: 39 400 pixels before, 20 700 with them) and by eye on photographs without a wall.

/// Likelihood at which the segmenter's outline runs: what it holds for half likely is a veil beside the head.
const OUTLINE: f32 = 0.6;
/// Likelihoods the segmenter means by none and all of the person.
const MEANS: [f32; 2] = [0.40, 0.85];
/// Sure person from this depth inside the outline, in inter-eye distances, and sure surroundings from this far
/// outside it.
const SURE: [f32; 2] = [0.11, 0.11];
/// Pull towards the segmenter's word at the outline, and how much is added `NEAR` inter-eye distances from it, with
/// the fourth power: edges of colour near the outline are the person's, those farther off a shelf's.
const PULL: [f32; 2] = [0.003, 0.02];
const NEAR: f32 = 0.06;
/// Coverages that become none and all: smears of the background's own edges are faint.
const CLEAN: [f32; 2] = [0.15, 0.90];
/// Noise of a capture without a wall to measure it on, coded levels.
const NOISE: f32 = 2.0;

pub(super) fn part(
    photo: &RgbImage,
    light: &[[f32; 3]],
    outline: &Outline,
    unit: f32,
) -> (Field, Vec<[u8; 3]>) {
    let (w, h) = (photo.width() as usize, photo.height() as usize);
    let cells = outline.grid;
    let depth = outline.depth_from(OUTLINE);
    let deep = |i: usize| depth.v[cells.of(i)];
    let own = Colours::gather(light, w, cells.cell, unit, |i| deep(i) > SURE[0]);
    let other = Colours::gather(light, w, cells.cell, unit, |i| deep(i) < -SURE[1]);
    let rows: Vec<(Vec<f32>, Vec<Open>)> = (0..h)
        .into_par_iter()
        .map(|y| {
            let mut known = vec![0.0; w];
            let mut open = Vec::new();
            for (x, known) in known.iter_mut().enumerate() {
                let d = outline.at(&depth, x, y);
                if d > SURE[0] {
                    *known = 1.0;
                } else if d > -SURE[1] {
                    let likely = outline.at(&outline.likely, x, y);
                    *known = likely;
                    open.push(Open {
                        at: y * w + x,
                        weight: PULL[0] + PULL[1] * (d / NEAR).powi(4),
                        goal: smoothstep(MEANS[0], MEANS[1], likely),
                        own: own.at(x, y),
                        behind: other.at(x, y),
                    });
                }
            }
            (known, open)
        })
        .collect();
    let (mut alpha, foreground) = finish(photo, light, light, &Band::of(rows, w, h), NOISE);
    for a in &mut alpha.v {
        *a = ((*a - CLEAN[0]) / (CLEAN[1] - CLEAN[0])).clamp(0.0, 1.0);
    }
    (alpha, foreground)
}
