//! Modules freed of what their neighbours throw onto them, by what is known of the neighbours.
//!
//! A motion of two modules and more wipes out some of the finest stripes altogether: no filter brings them back. What
//! is left is to guess. How every module spreads over the samples around it is learned by least squares from the
//! guesses; with it each module's neighbours are taken off the samples (by as much as the guess is sure of them), and
//! what stays says more of the module itself than before (soft interference cancellation, as multi-user receivers
//! have it).

use zeroize::Zeroizing;

use super::equalize::{BORDER, Lessons, Sampled};
use super::layout::Layout;

/// Modules on each side onto which one spreads: motion of six modules.
const REACH: usize = 3;
const ROW: usize = 2 * REACH + 1;
const SPREAD: usize = ROW * ROW;

/// The samples of each module that are explained, in half modules from its middle.
const PHASES: [(usize, usize); 4] = [(0, 0), (1, 0), (0, 1), (1, 1)];

/// Modules the spread is learned from, at most: some two dozen for each weight.
const MOST_LESSONS: usize = 1200;

impl Sampled {
    /// The log-likelihood ratio of every module when its neighbours, by this guess, are taken off.
    pub(crate) fn cancelled(&self, layout: &Layout, guess: &[f32]) -> Option<Zeroizing<Vec<f32>>> {
        let (side, wide) = (self.side, self.side + 2 * REACH);
        // Around the symbol lies its quiet zone: light.
        let mut sure = Zeroizing::new(vec![-1.0_f32; wide * wide]);
        for (at, (fixed, guess)) in layout.fixed.iter().zip(guess).enumerate() {
            let known = fixed.map_or((guess * 0.5).tanh(), |dark| if dark { 1.0 } else { -1.0 });
            sure[(at / side + REACH) * wide + at % side + REACH] = known;
        }
        let around = |at: usize| {
            let first = at / side * wide + at % side;
            let mut around = [1.0_f32; SPREAD + 1];
            for (row, from) in around[..SPREAD]
                .chunks_exact_mut(ROW)
                .zip((0..ROW).map(|y| first + y * wide))
            {
                row.copy_from_slice(&sure[from..from + ROW]);
            }
            around
        };
        let seen = |at: usize| {
            PHASES.map(|(dx, dy)| {
                let (x, y) = (
                    2 * (at % side) + 1 + BORDER + dx,
                    2 * (at / side) + 1 + BORDER + dy,
                );
                self.values.get(y * self.row + x).copied().unwrap_or(0.0)
            })
        };
        let modules = side * side;
        let mut lessons = Lessons::<{ SPREAD + 1 }, { PHASES.len() }>::new();
        for at in (0..modules).step_by(modules.div_ceil(MOST_LESSONS)) {
            lessons.add(&around(at), &seen(at), self.contrast[at]);
        }
        let spread = lessons.learned(0.003)?;
        let mut rest = Zeroizing::new(Vec::with_capacity(modules * PHASES.len()));
        let mut noise = [1e-3_f32; PHASES.len()];
        for at in 0..modules {
            let (around, seen) = (around(at), seen(at));
            for (phase, spread) in spread.iter().enumerate() {
                let explained: f32 = around
                    .iter()
                    .zip(spread)
                    .map(|(sure, weight)| sure * weight)
                    .sum();
                let left = seen[phase] - explained;
                noise[phase] += left * left / modules as f32;
                rest.push(left);
            }
        }
        let likelihood = |at: usize| {
            let (x, y) = (at % side, at / side);
            let mine = sure[(y + REACH) * wide + x + REACH];
            let mut sum = 0.0;
            for v in (y.saturating_sub(REACH))..(y + REACH + 1).min(side) {
                for u in (x.saturating_sub(REACH))..(x + REACH + 1).min(side) {
                    // In the sample of (u, v) this module is the neighbour at (x − u, y − v).
                    let place = (y + REACH - v) * ROW + x + REACH - u;
                    let there = v * side + u;
                    for (phase, spread) in spread.iter().enumerate() {
                        let weight = spread[place];
                        let left = rest[there * PHASES.len() + phase];
                        sum += self.contrast[there] * weight * (left + weight * mine) / noise[phase];
                    }
                }
            }
            sum.clamp(-20.0, 20.0)
        };
        Some(Zeroizing::new((0..modules).map(likelihood).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scene;
    use super::super::decode::decode;
    use super::super::fusion::{Memory, tests::add_grain};
    use super::super::plane::{Light, Plane};
    use super::*;
    use crate::reader::tests::symbol;
    use image::GrayImage;

    const MODULE: u32 = 5;
    const TEXT: &[u8] = b"a made-up text of some sixty letters, for a symbol of version 4";

    /// The symbol moved by so many pixels while the shutter was open, with grain of this sigma in levels.
    fn moved(way: usize, grain: i32, seed: u32) -> GrayImage {
        let still = symbol(TEXT, MODULE);
        let mut moved = GrayImage::from_fn(still.width(), still.height(), |x, y| {
            let light = |dx: usize| {
                let x = (x as usize + dx)
                    .saturating_sub(way / 2)
                    .min(still.width() as usize - 1);
                f32::from(still.get_pixel(x as u32, y).0[0]).powi(2)
            };
            image::Luma([((0..way).map(light).sum::<f32>() / way as f32).sqrt() as u8])
        });
        add_grain(&mut moved, grain, seed);
        moved
    }

    /// Whether it is read by filters alone, and by the whole reader.
    fn read(frame: &GrayImage) -> (bool, bool) {
        let (quiet, far) = (4.0 * MODULE as f32, frame.width() as f32 - 4.0 * MODULE as f32);
        let corners = [[quiet, quiet], [far, quiet], [far, far], [quiet, far]];
        let scene = Scene::new(frame).unwrap();
        let located = scene.within(&corners, frame.width() / MODULE - 8).unwrap();
        let layout = Layout::new(located.version).unwrap();
        let light = Light::whole(frame).unwrap();
        let plane = Plane::new(&located.corners, layout.side as f32).unwrap();
        let sampled = Sampled::new(&light, &plane, layout.side, 1.0);
        let mut guess = sampled.equalized(&layout, None);
        let mut filtered = false;
        for _ in 0..6 {
            filtered |= decode(&guess, &layout).is_some();
            guess = sampled.equalized(&layout, Some(&guess));
        }
        let whole = scene.read(&located, &mut Memory::default());
        (filtered, whole.is_some_and(|read| read.text.expose() == TEXT))
    }

    #[test]
    fn a_motion_of_two_modules_is_undone_better_than_by_filters_alone() {
        let all: Vec<(bool, bool)> = (0..8).map(|seed| read(&moved(10, 9, seed))).collect();
        let (filters, whole) = (
            all.iter().filter(|one| one.0).count(),
            all.iter().filter(|one| one.1).count(),
        );
        assert!(
            whole >= 5 && whole > filters + 1,
            "{whole} of 8, by filters {filters}"
        );
    }
}
