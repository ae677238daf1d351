//! From the light on a symbol's plane to the likelihood of every module.
//!
//! Samples stand half a module apart. They are freed of glare and shade by the local mean and spread, and
//! then weighed by a linear filter over each module's neighbourhood that is learned from the symbol itself:
//! first from its fixed modules, then from its own surer decisions (a decision-directed equalizer with least
//! squares, as modems have it). What it learns undoes defocus and motion in any direction and a grid that
//! lies a little beside the symbol, without a model of any of them.

use super::layout::Layout;
use super::plane::{Light, Plane};

/// Samples beyond the symbol on each side, in half modules.
pub(super) const BORDER: usize = 4;

/// The neighbourhood in half modules: every sample within one module, whole modules within two.
const TAPS: [(i32, i32); 41] = taps();
const FEATURES: usize = TAPS.len() + 1;

/// Modules the filter is learned from, at most; four dozen weights need no more.
const MOST_LESSONS: usize = 3000;

/// Modules on each side over which the light's mean and spread are taken: finder patterns are 7 wide.
const NEAR: usize = 4;

const fn taps() -> [(i32, i32); 41] {
    let mut taps = [(0, 0); 41];
    let (mut count, mut y) = (0, -4);
    while y <= 4 {
        let mut x = -4;
        while x <= 4 {
            let inner = x >= -2 && x <= 2 && y >= -2 && y <= 2;
            if inner || x % 2 == 0 && y % 2 == 0 {
                taps[count] = (x, y);
                count += 1;
            }
            x += 1;
        }
        y += 1;
    }
    taps
}

/// Samples of one symbol, normalized; positive is dark.
pub(crate) struct Sampled {
    pub(super) side: usize,
    pub(super) row: usize,
    pub(super) values: Vec<f32>,
    /// How much contrast each module's surroundings have, 1: the symbol's median, 0: none.
    pub(super) contrast: Vec<f32>,
}

impl Sampled {
    pub(crate) fn new(light: &Light, plane: &Plane, side: usize, sign: f32) -> Self {
        let row = 2 * side + 1 + 2 * BORDER;
        let place = |k: usize| (k as f32 - BORDER as f32) * 0.5;
        let mut values: Vec<f32> = Vec::with_capacity(row * row);
        for j in 0..row {
            values.extend((0..row).map(|i| sign * light.at(plane.at(place(i), place(j)))));
        }
        let centres: Vec<f32> = (0..side * side)
            .map(|at| values[(2 * (at / side) + 1 + BORDER) * row + 2 * (at % side) + 1 + BORDER])
            .collect();
        let mean = local_mean(&centres, side, NEAR);
        let squares: Vec<f32> = centres.iter().map(|value| value * value).collect();
        let spread: Vec<f32> = local_mean(&squares, side, NEAR)
            .iter()
            .zip(&mean)
            .map(|(square, mean)| (square - mean * mean).max(0.0).sqrt())
            .collect();
        let mut sorted = spread.clone();
        sorted.sort_by(f32::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0).max(1e-4);
        for j in 0..row {
            for i in 0..row {
                let near = |k: usize| (k.saturating_sub(BORDER) / 2).min(side - 1);
                let at = near(j) * side + near(i);
                let value = &mut values[j * row + i];
                *value = ((mean[at] - *value) / spread[at].max(0.15 * median)).clamp(-3.0, 3.0);
            }
        }
        let contrast = spread.iter().map(|spread| (spread / median).min(1.0)).collect();
        Self {
            side,
            row,
            values,
            contrast,
        }
    }

    fn features(&self, at: usize) -> [f32; FEATURES] {
        let (x, y) = (at % self.side, at / self.side);
        let middle = ((2 * y + 1 + BORDER) * self.row + 2 * x + 1 + BORDER) as i32;
        let mut features = [1.0; FEATURES];
        for (feature, (dx, dy)) in features.iter_mut().zip(TAPS) {
            let place = middle + dy * self.row as i32 + dx;
            *feature = self.values.get(place as usize).copied().unwrap_or(0.0);
        }
        features
    }

    /// The log-likelihood ratio of every module by its own sample alone.
    pub(crate) fn plain(&self, layout: &Layout) -> Vec<f32> {
        let row = self.row;
        let outputs: Vec<f32> = (0..self.side * self.side)
            .map(|at| {
                self.values[(2 * (at / self.side) + 1 + BORDER) * row + 2 * (at % self.side) + 1 + BORDER]
            })
            .collect();
        self.likelihoods(&outputs, layout, 0.0)
    }

    /// The log-likelihood ratio of every module by a filter learned from the fixed modules and, where there
    /// is an earlier guess, from that.
    pub(crate) fn equalized(&self, layout: &Layout, guess: Option<&[f32]>) -> Vec<f32> {
        let modules = self.side * self.side;
        let stride = if guess.is_some() {
            modules.div_ceil(MOST_LESSONS)
        } else {
            1
        };
        let mut lessons = Lessons::<FEATURES, 1>::new();
        for at in 0..modules {
            let (target, weight) = match (layout.fixed[at], guess) {
                (Some(dark), _) => (if dark { 1.0 } else { -1.0 }, self.contrast[at]),
                (None, Some(guess)) if at % stride == 0 => {
                    let sure = (guess[at] * 0.5).tanh();
                    (sure.signum(), sure.abs() * self.contrast[at])
                }
                _ => continue,
            };
            lessons.add(&self.features(at), &[target], weight);
        }
        let Some([weights]) = lessons.learned(if guess.is_some() { 0.002 } else { 0.01 }) else {
            return self.plain(layout);
        };
        let outputs: Vec<f32> = (0..modules)
            .map(|at| {
                self.features(at)
                    .iter()
                    .zip(&weights)
                    .map(|(feature, weight)| feature * weight)
                    .sum()
            })
            .collect();
        self.likelihoods(
            &outputs,
            layout,
            if guess.is_some() { 0.0 } else { FEATURES as f32 },
        )
    }

    /// Outputs become likelihoods by what they are over the fixed modules, whose colours are known: the means and
    /// spreads of the dark and the light ones there, and by how far from these the outputs around are. Each colour
    /// has a spread of its own: where light was burnt and ran over its neighbours, what looks dark is dark, and what
    /// looks light may be either. `learned` weights were made to fit these very modules among `lessons`.
    fn likelihoods(&self, outputs: &[f32], layout: &Layout, learned: f32) -> Vec<f32> {
        let mut colours = [Spread::default(); 2];
        for ((value, fixed), contrast) in outputs.iter().zip(&layout.fixed).zip(&self.contrast) {
            if let Some(dark) = fixed {
                colours[usize::from(*dark)].add(*value, *contrast);
            }
        }
        let count: f32 = colours.iter().map(|colour| colour.count).sum::<f32>() + 1e-3;
        // A fit with p weights to n lessons looks better than it is by this.
        let flattery = (count + learned) / (count - learned).max(0.3 * count);
        let [light, dark] = colours.map(|colour| (colour.mean(), colour.noise() * flattery + 0.01));
        let (middle, half) = (
            f32::midpoint(dark.0, light.0),
            (0.5 * (dark.0 - light.0)).max(0.0),
        );
        let off: Vec<f32> = outputs
            .iter()
            .map(|value| ((value - middle).abs() - half).powi(2))
            .collect();
        let all = off.iter().sum::<f32>() / off.len().max(1) as f32 + 0.01;
        let near = local_mean(&off, self.side, 2);
        outputs
            .iter()
            .zip(&near)
            .zip(&self.contrast)
            .map(|((value, near), contrast)| {
                let here = (0.5 * near + 0.5 * all) / all;
                let unlikely = |mean: f32, noise: f32| {
                    (value - middle - mean).powi(2) / (2.0 * here * noise) + 0.5 * noise.ln()
                };
                let says = unlikely(-half, light.1) - unlikely(half, dark.1);
                (says * contrast * contrast).clamp(-20.0, 20.0)
            })
            .collect()
    }
}

/// Mean and spread of what modules of one colour give.
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f32,
    sum: f32,
    squares: f32,
}

impl Spread {
    fn add(&mut self, value: f32, weight: f32) {
        self.count += weight;
        self.sum += weight * value;
        self.squares += weight * value * value;
    }

    fn mean(&self) -> f32 {
        self.sum / self.count.max(1e-3)
    }

    fn noise(&self) -> f32 {
        (self.squares / self.count.max(1e-3) - self.mean().powi(2)).max(0.0)
    }
}

/// The mean over a square of 2·reach + 1 modules, smaller at the border.
fn local_mean(values: &[f32], side: usize, reach: usize) -> Vec<f32> {
    let row = side + 1;
    let mut sums = vec![0.0_f64; row * row];
    for y in 0..side {
        let mut line = 0.0;
        for x in 0..side {
            line += f64::from(values[y * side + x]);
            sums[(y + 1) * row + x + 1] = sums[y * row + x + 1] + line;
        }
    }
    let mut means = Vec::with_capacity(side * side);
    for y in 0..side {
        let (top, bottom) = (y.saturating_sub(reach), (y + reach + 1).min(side));
        for x in 0..side {
            let (left, right) = (x.saturating_sub(reach), (x + reach + 1).min(side));
            let sum = sums[bottom * row + right] - sums[top * row + right] - sums[bottom * row + left]
                + sums[top * row + left];
            means.push((sum / ((bottom - top) * (right - left)) as f64) as f32);
        }
    }
    means
}

/// The normal equations of weighted least squares: `N` weights for each of `R` targets.
pub(super) struct Lessons<const N: usize, const R: usize> {
    matrix: Vec<[f64; N]>,
    right: [[f64; N]; R],
    weight: f64,
}

impl<const N: usize, const R: usize> Lessons<N, R> {
    pub(super) fn new() -> Self {
        Self {
            matrix: vec![[0.0; N]; N],
            right: [[0.0; N]; R],
            weight: 0.0,
        }
    }

    pub(super) fn add(&mut self, features: &[f32; N], targets: &[f32; R], weight: f32) {
        self.weight += f64::from(weight);
        for (i, row) in self.matrix.iter_mut().enumerate() {
            let scaled = features[i] * weight;
            for (right, target) in self.right.iter_mut().zip(targets) {
                right[i] += f64::from(scaled * target);
            }
            for (cell, feature) in row.iter_mut().zip(features).take(i + 1) {
                *cell += f64::from(scaled * feature);
            }
        }
    }

    /// Solves by Cholesky with `ridge` (a share of the lessons' weight) on the diagonal.
    pub(super) fn learned(mut self, ridge: f64) -> Option<[[f32; N]; R]> {
        for i in 0..N {
            self.matrix[i][i] += ridge * self.weight + 1e-6;
        }
        let matrix = &mut self.matrix;
        for i in 0..N {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum();
                let rest = matrix[i][j] - sum;
                if i == j {
                    if rest <= 0.0 {
                        return None;
                    }
                    matrix[i][i] = rest.sqrt();
                } else {
                    matrix[i][j] = rest / matrix[j][j];
                }
            }
        }
        Some(self.right.map(|mut solved| {
            for i in 0..N {
                let sum: f64 = (0..i).map(|k| matrix[i][k] * solved[k]).sum();
                solved[i] = (solved[i] - sum) / matrix[i][i];
            }
            for i in (0..N).rev() {
                let sum: f64 = (i + 1..N).map(|k| matrix[k][i] * solved[k]).sum();
                solved[i] = (solved[i] - sum) / matrix[i][i];
            }
            solved.map(|value| value as f32)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_dark_modules_often_look_light_what_looks_light_says_little() {
        let layout = Layout::new(2).unwrap();
        let (side, modules) = (layout.side, layout.side * layout.side);
        let sampled = Sampled {
            side,
            row: 0,
            values: Vec::new(),
            contrast: vec![1.0; modules],
        };
        // Light ran over every other dark module; light ones are as they should be.
        let looks_dark: Vec<bool> = (0..modules)
            .map(|at| match layout.fixed[at] {
                Some(dark) => dark && at % 2 == 0,
                None => at % 3 == 0,
            })
            .collect();
        let seen: Vec<f32> = looks_dark
            .iter()
            .map(|dark| if *dark { 1.0 } else { -1.0 })
            .collect();
        let says = sampled.likelihoods(&seen, &layout, 0.0);
        let mean = |dark: bool| {
            let of: Vec<f32> = (0..modules)
                .filter(|at| layout.fixed[*at].is_none() && looks_dark[*at] == dark)
                .map(|at| says[at])
                .collect();
            of.iter().sum::<f32>() / of.len() as f32
        };
        let (dark, light) = (mean(true), mean(false));
        assert!(dark > 3.0 && light < 0.0, "dark {dark}, light {light}");
        assert!(dark > 3.0 * -light, "dark {dark}, light {light}");
    }
}
