//! Closed-form matting (Levin, Lischinski, Weiss: "A Closed-Form Solution to Natural Image Matting", 2008) on the
//! unknown pixels only.
//!
//! In every 3x3 window the matte is assumed to be a linear function of colour; the Laplacian of that assumption is
//! a 5x5 stencil a pixel. Only the hair band is unknown, so only its rows are built, and the system is solved by
//! conjugate gradients with the diagonal as preconditioner. Those are quick with strands and slow with areas, so a
//! coarser copy of the problem is solved first; what it found is carried up by each window's own linear function of
//! colour, which puts strands back that the coarse copy could not see.

use rayon::prelude::*;

/// Regularization of a window's covariance, in squared colour units of 0–1 a channel. Above sensor noise it would
/// blur strands, far below it noise becomes matte.
const EPSILON: f64 = 1e-5;
/// Relative residual at which the picture no longer changes by a visible level.
const TOLERANCE: f64 = 1e-5;
/// Below this size there is no coarser copy.
const COARSEST: usize = 48;
/// Iterations on the coarsest copy, which is small.
const COARSEST_ITERATIONS: usize = 60;

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
    /// Most iterations at full size.
    pub(crate) iterations: usize,
}

/// Solves; returns the matte with the unknown pixels filled in, clamped to 0–1.
pub(crate) fn solve(problem: &Problem<'_>) -> Vec<f32> {
    let Problem { w, h, unknown, .. } = *problem;
    if unknown.is_empty() || w < 3 || h < 3 {
        return problem.start.to_vec();
    }
    if w.min(h) < 2 * COARSEST {
        return iterate(&Problem {
            iterations: COARSEST_ITERATIONS,
            ..*problem
        });
    }
    let guess = from_coarser(problem);
    iterate(&Problem {
        start: &guess,
        ..*problem
    })
}

/// Solves at half the size and carries the result up.
fn from_coarser(problem: &Problem<'_>) -> Vec<f32> {
    let Problem {
        w,
        h,
        start,
        unknown,
        pull,
        ..
    } = *problem;
    let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
    let open: Vec<f32> = {
        let mut open = vec![0.0; w * h];
        for &i in unknown {
            open[i] = 1.0;
        }
        open
    };
    let children = |c: usize| {
        let (x, y) = (c % cw * 2, c / cw * 2);
        [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].map(|(x, y)| y.min(h - 1) * w + x.min(w - 1))
    };
    let mean = |c: usize, f: &dyn Fn(usize) -> f32| children(c).iter().map(|&i| f(i) / 4.0).sum::<f32>();
    let colour: Vec<[f32; 3]> = (0..cw * ch)
        .map(|c| std::array::from_fn(|k| mean(c, &|i| problem.colour[i][k])))
        .collect();
    let coarse_start: Vec<f32> = (0..cw * ch).map(|c| mean(c, &|i| start[i])).collect();
    let coarse_unknown: Vec<usize> = (0..cw * ch).filter(|&c| mean(c, &|i| open[i]) > 0.0).collect();
    let mut pulls = vec![(0.0f32, 0.0f32); w * h];
    for (&i, &p) in unknown.iter().zip(pull) {
        pulls[i] = p;
    }
    let coarse_pull: Vec<(f32, f32)> = coarse_unknown
        .iter()
        .map(|&c| {
            let weight = mean(c, &|i| pulls[i].0);
            let goal = mean(c, &|i| pulls[i].0 * pulls[i].1);
            (weight, if weight > 0.0 { goal / weight } else { 0.0 })
        })
        .collect();
    let coarse = Problem {
        w: cw,
        h: ch,
        colour: &colour,
        start: &coarse_start,
        unknown: &coarse_unknown,
        pull: &coarse_pull,
        iterations: problem.iterations + 10,
    };
    let solved = solve(&coarse);

    // In each coarse window the matte as a linear function of colour; neighbours' functions are averaged.
    let windows = Windows::near(&coarse);
    let linear: Vec<Option<[f32; 4]>> = (0..cw * ch)
        .into_par_iter()
        .map(|c| {
            let (mean, inv) = windows.facts.get(windows.index[c] as usize)?;
            let around = |k: usize| c + (k / 3) * cw + k % 3 - cw - 1;
            let level = (0..9).map(|k| solved[around(k)]).sum::<f32>() / 9.0;
            let mut along = [0.0f64; 3];
            for k in 0..9 {
                let off = f64::from(solved[around(k)] - level) / 9.0;
                for (a, (v, m)) in along.iter_mut().zip(colour[around(k)].iter().zip(mean)) {
                    *a += (f64::from(*v) - m) * off;
                }
            }
            let slope = times(inv, along);
            let base = f64::from(level) - slope[0] * mean[0] - slope[1] * mean[1] - slope[2] * mean[2];
            Some([slope[0], slope[1], slope[2], base].map(|v| v as f32))
        })
        .collect();
    let mut guess = start.to_vec();
    for &i in unknown {
        let (x, y) = (i % w / 2, i / w / 2);
        let (mut sum, mut count) = ([0.0f32; 4], 0.0f32);
        for cy in y.saturating_sub(1)..=(y + 1).min(ch - 1) {
            for cx in x.saturating_sub(1)..=(x + 1).min(cw - 1) {
                if let Some(f) = linear[cy * cw + cx] {
                    for (s, v) in sum.iter_mut().zip(f) {
                        *s += v;
                    }
                    count += 1.0;
                }
            }
        }
        let c = problem.colour[i];
        guess[i] = if count > 0.0 {
            ((sum[0] * c[0] + sum[1] * c[1] + sum[2] * c[2] + sum[3]) / count).clamp(0.0, 1.0)
        } else {
            solved[y * cw + x]
        };
    }
    guess
}

/// Conjugate gradients from the first guess.
#[expect(
    clippy::too_many_lines,
    reason = "one loop over shared buffers; pieces would only pass them around"
)]
fn iterate(problem: &Problem<'_>) -> Vec<f32> {
    let Problem {
        w,
        h,
        start,
        unknown,
        pull,
        ..
    } = *problem;
    let mut alpha = start.to_vec();
    let windows = Windows::near(problem);
    let rows: Vec<[f32; 25]> = unknown
        .par_iter()
        .map(|&i| windows.stencil(problem.colour, w, h, i))
        .collect();

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
    let right: Vec<f32> = (0..n)
        .into_par_iter()
        .map(|k| pull[k].0 * pull[k].1 - apply(&dense, k))
        .collect();
    dense.fill(0.0);
    let product = |dense: &mut Vec<f32>, v: &[f32]| -> Vec<f32> {
        for (&p, &x) in place.iter().zip(v) {
            dense[p] = x;
        }
        let dense = &*dense;
        (0..n)
            .into_par_iter()
            .with_min_len(2048)
            .map(|k| apply(dense, k) + pull[k].0 * v[k])
            .collect()
    };
    let inverse: Vec<f32> = (0..n)
        .map(|k| 1.0 / (rows[k][12] + pull[k].0).max(1e-6))
        .collect();
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.par_chunks(8192)
            .zip(b.par_chunks(8192))
            .map(|(a, b)| {
                a.iter()
                    .zip(b)
                    .map(|(x, y)| f64::from(*x) * f64::from(*y))
                    .sum::<f64>()
            })
            .collect::<Vec<f64>>()
            .iter()
            .sum()
    };

    let mut x: Vec<f32> = unknown.iter().map(|&i| start[i]).collect();
    let mut r: Vec<f32> = right
        .iter()
        .zip(product(&mut dense, &x))
        .map(|(b, a)| b - a)
        .collect();
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
        alpha[i] = if v.is_finite() {
            v.clamp(0.0, 1.0)
        } else {
            start[i]
        };
    }
    alpha
}

/// Mean colour and inverse covariance (xx, xy, xz, yy, yz, zz) of the 3x3 windows the unknown pixels touch. In a
/// window across an edge the covariance has one large and two tiny directions: single precision would leave nothing
/// of its inverse.
struct Windows {
    index: Vec<u32>,
    facts: Vec<([f64; 3], [f64; 6])>,
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
        let facts = centres
            .par_iter()
            .map(|&c| window(problem.colour, w, c))
            .collect();
        Windows { index, facts }
    }

    /// The Laplacian's row of one pixel as a 5x5 stencil.
    fn stencil(&self, colour: &[[f32; 3]], w: usize, h: usize, i: usize) -> [f32; 25] {
        let (x, y) = (i % w, i / w);
        let own = colour[i].map(f64::from);
        let mut row = [0.0f64; 25];
        for cy in y.saturating_sub(1).max(1)..=(y + 1).min(h - 2) {
            for cx in x.saturating_sub(1).max(1)..=(x + 1).min(w - 2) {
                let c = cy * w + cx;
                let Some((mean, inv)) = self.facts.get(self.index[c] as usize) else {
                    continue;
                };
                let v = times(inv, [own[0] - mean[0], own[1] - mean[1], own[2] - mean[2]]);
                let shift = 1.0 - v[0] * mean[0] - v[1] * mean[1] - v[2] * mean[2];
                for dy in 0..3 {
                    let line = (cy + dy - 1) * w + cx - 1;
                    let to = (cy + dy + 1 - y) * 5 + cx + 1 - x;
                    for dx in 0..3 {
                        let o = colour[line + dx].map(f64::from);
                        row[to + dx] -= (shift + v[0] * o[0] + v[1] * o[1] + v[2] * o[2]) / 9.0;
                    }
                }
                row[12] += 1.0;
            }
        }
        row.map(|v| v as f32)
    }
}

/// A symmetric matrix (xx, xy, xz, yy, yz, zz) times a vector.
fn times(m: &[f64; 6], d: [f64; 3]) -> [f64; 3] {
    [
        m[0] * d[0] + m[1] * d[1] + m[2] * d[2],
        m[1] * d[0] + m[3] * d[1] + m[4] * d[2],
        m[2] * d[0] + m[4] * d[1] + m[5] * d[2],
    ]
}

fn window(colour: &[[f32; 3]], w: usize, c: usize) -> ([f64; 3], [f64; 6]) {
    let mut mean = [0.0f64; 3];
    let around = || (0..9).map(move |k| colour[c + (k / 3) * w + k % 3 - w - 1].map(f64::from));
    for o in around() {
        for (m, v) in mean.iter_mut().zip(o) {
            *m += v / 9.0;
        }
    }
    let mut s = [0.0f64; 6];
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
    let det = (a * m0 + b * m1 + c2 * m2).max(f64::MIN_POSITIVE);
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
        let colour: Vec<[f32; 3]> = (0..w * h)
            .map(|i| [0, 1, 2].map(|c| truth(i) * f[c] + (1.0 - truth(i)) * b[c]))
            .collect();
        let unknown: Vec<usize> = (0..w * h).filter(|i| (8..40).contains(&(i % w))).collect();
        let mut start: Vec<f32> = (0..w * h).map(|i| if i % w >= 24 { 1.0 } else { 0.0 }).collect();
        for &i in &unknown {
            start[i] = 0.5;
        }
        let pull = vec![(0.0, 0.0); unknown.len()];
        let alpha = solve(&Problem {
            w,
            h,
            colour: &colour,
            start: &start,
            unknown: &unknown,
            pull: &pull,
            iterations: 60,
        });
        let worst = (0..w * h)
            .map(|i| (alpha[i] - truth(i)).abs())
            .fold(0.0, f32::max);
        assert!(worst < 0.02, "{worst}");
    }

    #[test]
    fn a_laplacian_row_sums_to_nothing() {
        let (w, h) = (9, 9);
        let colour: Vec<[f32; 3]> = (0..w * h)
            .map(|i| [(i * 37 % 11) as f32 / 11.0, (i * 17 % 7) as f32 / 7.0, 0.3])
            .collect();
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
