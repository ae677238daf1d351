//! Closed-form matting (Levin, Lischinski, Weiss: "A Closed-Form Solution to Natural Image Matting", 2008) on the
//! unknown pixels only.
//!
//! In every 3x3 window the matte is assumed to be a linear function of colour; the Laplacian of that assumption is
//! a 5x5 stencil a pixel. Only the hair band is unknown, so only its rows are built, and the system is solved by
//! conjugate gradients with the diagonal as preconditioner.

use rayon::prelude::*;

/// Regularization of a window's covariance, in squared colour units of 0–1 a channel. Above sensor noise it would
/// blur strands, far below it noise becomes matte.
const EPSILON: f32 = 1e-5;
/// Relative residual at which the picture no longer changes by a visible level.
const TOLERANCE: f64 = 2e-4;

/// A matting problem of `w` x `h` pixels.
pub(crate) struct Problem<'a> {
    pub(crate) w: usize,
    pub(crate) h: usize,
    /// Colours, 0–1 a channel; of the picture or of its difference from the wall.
    pub(crate) colour: &'a [[f32; 3]],
    /// Known values, and the first guess where unknown.
    pub(crate) start: &'a [f32],
    /// Pixels to solve for, ascending.
    pub(crate) unknown: &'a [usize],
    /// For each unknown pixel how strongly (first) it is drawn to which value (second).
    pub(crate) pull: &'a [(f32, f32)],
    /// Most iterations.
    pub(crate) iterations: usize,
}

/// Solves; returns the matte with the unknown pixels filled in, clamped to 0–1.
pub(crate) fn solve(problem: &Problem<'_>) -> Vec<f32> {
    let Problem { w, h, start, unknown, pull, .. } = *problem;
    let mut alpha = start.to_vec();
    if unknown.is_empty() || w < 3 || h < 3 {
        return alpha;
    }
    let windows = Windows::near(problem);
    let rows: Vec<[f32; 25]> =
        unknown.par_iter().map(|&i| windows.stencil(problem.colour, w, h, i)).collect();

    // Values live in a field padded by two pixels, so that a stencil never leaves it.
    let pw = w + 4;
    let padded = |i: usize| (i / w + 2) * pw + i % w + 2;
    let place: Vec<usize> = unknown.iter().map(|&i| padded(i)).collect();
    let mut dense = vec![0.0f32; pw * (h + 4)];
    for (i, &a) in start.iter().enumerate() {
        dense[padded(i)] = a;
    }
    for &p in &place {
        dense[p] = 0.0;
    }
    let apply = |dense: &[f32], n: usize| -> f32 {
        let (row, at) = (&rows[n], place[n]);
        let mut sum = 0.0;
        for dy in 0..5 {
            let from = at + dy * pw - 2 * pw - 2;
            let line = &dense[from..from + 5];
            for dx in 0..5 {
                sum += row[dy * 5 + dx] * line[dx];
            }
        }
        sum
    };
    let n = unknown.len();
    let right: Vec<f32> =
        (0..n).into_par_iter().map(|k| pull[k].0 * pull[k].1 - apply(&dense, k)).collect();
    dense.fill(0.0);
    let product = |dense: &mut Vec<f32>, v: &[f32]| -> Vec<f32> {
        for (&p, &x) in place.iter().zip(v) {
            dense[p] = x;
        }
        let dense = &*dense;
        (0..n).into_par_iter().with_min_len(2048).map(|k| apply(dense, k) + pull[k].0 * v[k]).collect()
    };
    let inverse: Vec<f32> = (0..n).map(|k| 1.0 / (rows[k][12] + pull[k].0).max(1e-6)).collect();
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.par_chunks(8192)
            .zip(b.par_chunks(8192))
            .map(|(a, b)| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>())
            .collect::<Vec<f64>>()
            .iter()
            .sum()
    };

    let mut x: Vec<f32> = unknown.iter().map(|&i| start[i]).collect();
    let mut r: Vec<f32> = right.iter().zip(product(&mut dense, &x)).map(|(b, a)| b - a).collect();
    let mut z: Vec<f32> = r.iter().zip(&inverse).map(|(r, i)| r * i).collect();
    let mut p = z.clone();
    let mut rz = dot(&r, &z);
    let goal = dot(&right, &right).max(1e-12) * TOLERANCE * TOLERANCE;
    for _ in 0..problem.iterations {
        if dot(&r, &r) <= goal {
            break;
        }
        let q = product(&mut dense, &p);
        let curvature = dot(&p, &q);
        if curvature <= 0.0 || !curvature.is_finite() {
            break;
        }
        let step = (rz / curvature) as f32;
        for k in 0..n {
            x[k] += step * p[k];
            r[k] -= step * q[k];
            z[k] = r[k] * inverse[k];
        }
        let next = dot(&r, &z);
        let turn = (next / rz) as f32;
        rz = next;
        for k in 0..n {
            p[k] = z[k] + turn * p[k];
        }
    }
    for (&i, &v) in unknown.iter().zip(&x) {
        alpha[i] = if v.is_finite() { v.clamp(0.0, 1.0) } else { start[i] };
    }
    alpha
}

/// Mean colour and inverse covariance (xx, xy, xz, yy, yz, zz) of the 3x3 windows the unknown pixels touch.
struct Windows {
    index: Vec<u32>,
    facts: Vec<([f32; 3], [f32; 6])>,
}

impl Windows {
    fn near(problem: &Problem<'_>) -> Windows {
        let (w, h) = (problem.w, problem.h);
        let mut index = vec![u32::MAX; w * h];
        let mut centres = Vec::new();
        for &i in problem.unknown {
            let (x, y) = (i % w, i / w);
            for cy in y.saturating_sub(1).max(1)..=(y + 1).min(h - 2) {
                for cx in x.saturating_sub(1).max(1)..=(x + 1).min(w - 2) {
                    let c = cy * w + cx;
                    if index[c] == u32::MAX {
                        index[c] = centres.len() as u32;
                        centres.push(c);
                    }
                }
            }
        }
        let facts = centres.par_iter().map(|&c| window(problem.colour, w, c)).collect();
        Windows { index, facts }
    }

    /// The Laplacian's row of one pixel as a 5x5 stencil.
    fn stencil(&self, colour: &[[f32; 3]], w: usize, h: usize, i: usize) -> [f32; 25] {
        let (x, y) = (i % w, i / w);
        let own = colour[i];
        let mut row = [0.0f32; 25];
        for cy in y.saturating_sub(1).max(1)..=(y + 1).min(h - 2) {
            for cx in x.saturating_sub(1).max(1)..=(x + 1).min(w - 2) {
                let c = cy * w + cx;
                let Some((mean, inv)) = self.facts.get(self.index[c] as usize) else { continue };
                let d = [own[0] - mean[0], own[1] - mean[1], own[2] - mean[2]];
                let v = [
                    inv[0] * d[0] + inv[1] * d[1] + inv[2] * d[2],
                    inv[1] * d[0] + inv[3] * d[1] + inv[4] * d[2],
                    inv[2] * d[0] + inv[4] * d[1] + inv[5] * d[2],
                ];
                let shift = 1.0 - v[0] * mean[0] - v[1] * mean[1] - v[2] * mean[2];
                for dy in 0..3 {
                    let line = (cy + dy - 1) * w + cx - 1;
                    let to = (cy + dy + 1 - y) * 5 + cx + 1 - x;
                    for dx in 0..3 {
                        let o = colour[line + dx];
                        row[to + dx] -= (shift + v[0] * o[0] + v[1] * o[1] + v[2] * o[2]) / 9.0;
                    }
                }
                row[12] += 1.0;
            }
        }
        row
    }
}

fn window(colour: &[[f32; 3]], w: usize, c: usize) -> ([f32; 3], [f32; 6]) {
    let mut mean = [0.0f32; 3];
    let around = || (0..9).map(move |k| colour[c + (k / 3) * w + k % 3 - w - 1]);
    for o in around() {
        for (m, v) in mean.iter_mut().zip(o) {
            *m += v / 9.0;
        }
    }
    let mut s = [0.0f32; 6];
    for o in around() {
        let d = [o[0] - mean[0], o[1] - mean[1], o[2] - mean[2]];
        s[0] += d[0] * d[0];
        s[1] += d[0] * d[1];
        s[2] += d[0] * d[2];
        s[3] += d[1] * d[1];
        s[4] += d[1] * d[2];
        s[5] += d[2] * d[2];
    }
    for v in &mut s {
        *v /= 9.0;
    }
    let reg = EPSILON / 9.0;
    let [a, b, c2, d, e, f] = [s[0] + reg, s[1], s[2], s[3] + reg, s[4], s[5] + reg];
    let (m0, m1, m2) = (d * f - e * e, c2 * e - b * f, b * e - c2 * d);
    let det = (a * m0 + b * m1 + c2 * m2).max(1e-30);
    let inv = [m0, m1, m2, a * f - c2 * c2, b * c2 - a * e, a * d - b * b].map(|v| v / det);
    (mean, inv)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A soft edge between two colours is recovered exactly: that is what "linear in colour" means.
    #[test]
    fn a_soft_edge_between_two_colours_is_recovered() {
        let (w, h) = (48, 24);
        let truth = |i: usize| ((i % w) as f32 / 16.0 - 1.0).clamp(0.0, 1.0);
        let (f, b) = ([0.1f32, 0.05, 0.02], [0.7f32, 0.72, 0.75]);
        let colour: Vec<[f32; 3]> =
            (0..w * h).map(|i| [0, 1, 2].map(|c| truth(i) * f[c] + (1.0 - truth(i)) * b[c])).collect();
        let unknown: Vec<usize> = (0..w * h).filter(|i| (8..40).contains(&(i % w))).collect();
        let mut start: Vec<f32> = (0..w * h).map(|i| if i % w >= 24 { 1.0 } else { 0.0 }).collect();
        for &i in &unknown {
            start[i] = 0.5;
        }
        let pull = vec![(0.0, 0.0); unknown.len()];
        let alpha =
            solve(&Problem { w, h, colour: &colour, start: &start, unknown: &unknown, pull: &pull, iterations: 400 });
        let worst = (0..w * h).map(|i| (alpha[i] - truth(i)).abs()).fold(0.0, f32::max);
        assert!(worst < 0.02, "{worst}");
    }

    #[test]
    fn a_laplacian_row_sums_to_nothing() {
        let (w, h) = (9, 9);
        let colour: Vec<[f32; 3]> =
            (0..w * h).map(|i| [(i * 37 % 11) as f32 / 11.0, (i * 17 % 7) as f32 / 7.0, 0.3]).collect();
        let unknown: Vec<usize> = (0..w * h).collect();
        let problem = Problem {
            w,
            h,
            colour: &colour,
            start: &[0.0; 81],
            unknown: &unknown,
            pull: &[(0.0, 0.0); 81],
            iterations: 1,
        };
        let windows = Windows::near(&problem);
        for i in [0, 4, 40, 80] {
            assert!(windows.stencil(&colour, w, h, i).iter().sum::<f32>().abs() < 1e-3);
        }
    }
}
