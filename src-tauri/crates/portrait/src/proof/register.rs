//! How a finished picture lies on its reference, to a few hundredths of a pixel: Gauss–Newton over an affine
//! motion, a gain and an offset, from coarse to fine.
//!
//! The affine motion is asked for although only a translation and a scale are allowed: a rotation, a stretch or a
//! shear that is there can then be read off instead of hiding in the other figures. Gain and offset are asked for
//! so that a picture made brighter still registers, and is refused for being brighter. Outliers weigh little: a
//! face slimmed or an eye enlarged does not bend the rest.

use super::plane::{Mask, Plane};

/// Unknowns: four of the linear part, two of the translation, gain, offset.
const UNKNOWNS: usize = 8;
/// Length, in pixels, at which the linear part's unknowns move a point as far as the translation's: keeps the
/// equations well-conditioned.
const LEVER: f64 = 100.0;

/// Where a pixel of the finished picture lies in the reference: `centre + linear (p - centre) + shift`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Motion {
    pub(super) centre: [f64; 2],
    pub(super) linear: [[f64; 2]; 2],
    pub(super) shift: [f64; 2],
    /// Finished levels per reference level.
    pub(super) gain: f64,
    /// Finished level of a black reference.
    pub(super) offset: f64,
}

impl Motion {
    /// At rest around a point.
    pub(super) fn rest(centre: [f64; 2]) -> Motion {
        Motion {
            centre,
            linear: [[1.0, 0.0], [0.0, 1.0]],
            shift: [0.0, 0.0],
            gain: 1.0,
            offset: 0.0,
        }
    }

    fn apply(&self, x: f64, y: f64) -> [f64; 2] {
        let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
        let [[a, b], [c, d]] = self.linear;
        [
            self.centre[0] + a * dx + b * dy + self.shift[0],
            self.centre[1] + c * dx + d * dy + self.shift[1],
        ]
    }

    /// Rotation of the finished picture against the reference in degrees, clockwise positive.
    pub(super) fn rotation(&self) -> f64 {
        let [[a, b], [c, d]] = self.linear;
        // The motion leads back to the reference, so the picture is turned the other way.
        -(c - b).atan2(a + d).to_degrees()
    }

    /// Reference pixels per finished pixel, the geometric mean of both directions.
    pub(super) fn zoom(&self) -> f64 {
        let [[a, b], [c, d]] = self.linear;
        (a * d - b * c).abs().max(1e-12).sqrt()
    }

    /// How unlike the scales of the two main directions are: 0 for a similarity, 0.01 for one percent of stretch
    /// or shear.
    pub(super) fn stretch(&self) -> f64 {
        let [[a, b], [c, d]] = self.linear;
        // Singular values of a 2 x 2 matrix: half sums and differences.
        let (e, f) = ((a + d).hypot(c - b) / 2.0, (a - d).hypot(b + c) / 2.0);
        (e + f) / (e - f).abs().max(1e-9) - 1.0
    }
}

/// Fits the motion over the pixels of `mask`, starting at `start`. `None` where the pictures do not hang together:
/// the equations have no answer, or it runs away.
pub(super) fn fit(
    reference: &Plane,
    seen: &Plane,
    mask: &Mask,
    start: Motion,
    sigmas: &[f32],
) -> Option<Motion> {
    let mut motion = start;
    for &sigma in sigmas {
        let (soft, target) = (reference.blurred(sigma), seen.blurred(sigma));
        // A blurred picture says the same at every few pixels.
        let step = (sigma as usize).clamp(1, 4);
        for _ in 0..8 {
            let change = one_step(&soft, &target, mask, &mut motion, step)?;
            if change < 0.002 {
                break;
            }
        }
        let far = motion.shift.iter().any(|t| t.abs() > 80.0);
        if far || !(0.6..1.7).contains(&motion.zoom()) {
            return None;
        }
    }
    Some(motion)
}

/// One Gauss–Newton step with Geman–McClure weights; the largest move of a point a lever away, in pixels.
fn one_step(reference: &Plane, seen: &Plane, mask: &Mask, motion: &mut Motion, step: usize) -> Option<f64> {
    let places = || {
        (0..seen.h).step_by(step).flat_map(move |y| {
            (0..seen.w)
                .step_by(step)
                .map(move |x| (x, y))
                .filter(move |&(x, y)| mask[y * seen.w + x])
        })
    };
    let residual = |x: usize, y: usize| {
        let [rx, ry] = motion.apply(x as f64 + 0.5, y as f64 + 0.5);
        let there = reference.at(rx as f32, ry as f32);
        (
            f64::from(seen.v[y * seen.w + x]) - motion.gain * f64::from(there) - motion.offset,
            [rx as f32, ry as f32],
            f64::from(there),
        )
    };
    let mut sizes: Vec<f64> = places().map(|(x, y)| residual(x, y).0.abs()).collect();
    if sizes.len() < 200 {
        return None;
    }
    let middle = sizes.len() / 2;
    let (_, median, _) = sizes.select_nth_unstable_by(middle, f64::total_cmp);
    // Three robust standard deviations (1.4826 medians), never under a level: rounding is no outlier.
    let spread = (3.0 * 1.4826 * *median).max(1.0);
    let mut normal = [[0.0f64; UNKNOWNS + 1]; UNKNOWNS];
    for (x, y) in places() {
        let (r, [rx, ry], there) = residual(x, y);
        let gx = f64::from(reference.at(rx + 0.5, ry) - reference.at(rx - 0.5, ry)) * motion.gain;
        let gy = f64::from(reference.at(rx, ry + 0.5) - reference.at(rx, ry - 0.5)) * motion.gain;
        let (dx, dy) = (
            (x as f64 + 0.5 - motion.centre[0]) / LEVER,
            (y as f64 + 0.5 - motion.centre[1]) / LEVER,
        );
        let slope = [gx * dx, gx * dy, gy * dx, gy * dy, gx, gy, there / 128.0, 1.0];
        let weight = (1.0 + (r / spread).powi(2)).powi(-2);
        for (row, a) in normal.iter_mut().zip(slope) {
            for (to, b) in row.iter_mut().zip(slope.into_iter().chain([r])) {
                *to += weight * a * b;
            }
        }
    }
    let d = solve(normal)?;
    for (k, part) in motion.linear.as_flattened_mut().iter_mut().enumerate() {
        *part += d[k] / LEVER;
    }
    motion.shift[0] += d[4];
    motion.shift[1] += d[5];
    motion.gain += d[6] / 128.0;
    motion.offset += d[7];
    Some(d[..6].iter().fold(0.0, |most: f64, v| most.max(v.abs())))
}

/// Gaussian elimination with partial pivoting; the last column is the right-hand side.
fn solve(mut m: [[f64; UNKNOWNS + 1]; UNKNOWNS]) -> Option<[f64; UNKNOWNS]> {
    for i in 0..UNKNOWNS {
        let pivot = (i..UNKNOWNS).max_by(|&a, &b| m[a][i].abs().total_cmp(&m[b][i].abs()))?;
        m.swap(i, pivot);
        let head = m[i];
        if head[i].abs() < 1e-9 || !head[i].is_finite() {
            return None;
        }
        for row in &mut m[i + 1..] {
            let share = row[i] / head[i];
            for (to, from) in row.iter_mut().zip(head) {
                *to -= share * from;
            }
        }
    }
    let mut out = [0.0; UNKNOWNS];
    for i in (0..UNKNOWNS).rev() {
        let known: f64 = (i + 1..UNKNOWNS).map(|k| m[i][k] * out[k]).sum();
        out[i] = (m[i][UNKNOWNS] - known) / m[i][i];
    }
    Some(out)
}

/// Likeness of the moved reference and the picture over the mask: normalized correlation, -1 to 1; 0 where one of
/// them is flat.
pub(super) fn likeness(reference: &Plane, seen: &Plane, mask: &Mask, motion: &Motion) -> f64 {
    let (mut n, mut sums, mut squares, mut product) = (0.0f64, [0.0f64; 2], [0.0f64; 2], 0.0f64);
    for y in 0..seen.h {
        for x in 0..seen.w {
            if !mask[y * seen.w + x] {
                continue;
            }
            let [rx, ry] = motion.apply(x as f64 + 0.5, y as f64 + 0.5);
            let (a, b) = (
                f64::from(seen.v[y * seen.w + x]),
                f64::from(reference.at(rx as f32, ry as f32)),
            );
            n += 1.0;
            sums[0] += a;
            sums[1] += b;
            squares[0] += a * a;
            squares[1] += b * b;
            product += a * b;
        }
    }
    if n < 100.0 {
        return 0.0;
    }
    let spread = |k: usize| (squares[k] / n - (sums[k] / n).powi(2)).max(0.0).sqrt();
    let (a, b) = (spread(0), spread(1));
    if a < 1e-6 || b < 1e-6 {
        return 0.0;
    }
    (product / n - sums[0] / n * sums[1] / n) / (a * b)
}

/// Largest displacement that remains in any window of the picture, in pixels, counted only along directions in
/// which the window has edges enough to tell.
pub(super) fn leftover(reference: &Plane, seen: &Plane, mask: &Mask) -> f64 {
    const WINDOW: usize = 48;
    /// Standard error, in pixels, above which a direction says nothing.
    const CERTAIN: f64 = 0.12;
    let (soft, target) = (reference.blurred(1.0), seen.blurred(1.0));
    let (w, h) = (seen.w, seen.h);
    let mut worst = 0.0f64;
    for top in (0..h.saturating_sub(WINDOW)).step_by(WINDOW / 3) {
        for left in (0..w.saturating_sub(WINDOW)).step_by(WINDOW / 3) {
            let inside = || {
                (0..WINDOW * WINDOW)
                    .map(move |k| (left + k % WINDOW, top + k / WINDOW))
                    .filter(|&(x, y)| x > 0 && y > 0 && x + 1 < w && y + 1 < h && mask[y * w + x])
            };
            let count = inside().count();
            if count < WINDOW * WINDOW / 2 {
                continue;
            }
            let mean = inside()
                .map(|(x, y)| f64::from(target.v[y * w + x] - soft.v[y * w + x]))
                .sum::<f64>()
                / count as f64;
            let (mut xx, mut xy, mut yy, mut bx, mut by, mut rr) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
            for (x, y) in inside() {
                let i = y * w + x;
                let gx = f64::from(soft.v[i + 1] - soft.v[i - 1]) / 2.0;
                let gy = f64::from(soft.v[i + w] - soft.v[i - w]) / 2.0;
                let r = f64::from(target.v[i] - soft.v[i]) - mean;
                xx += gx * gx;
                xy += gx * gy;
                yy += gy * gy;
                bx += gx * r;
                by += gy * r;
                rr += r * r;
            }
            // Eigenvalues and vectors of the structure tensor.
            let (half, apart) = (f64::midpoint(xx, yy), ((xx - yy) / 2.0).hypot(xy));
            let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
            for (value, along) in [
                (half + apart, [angle.cos(), angle.sin()]),
                (half - apart, [-angle.sin(), angle.cos()]),
            ] {
                let moved = (bx * along[0] + by * along[1]) / value.max(1e-9);
                let left_over = (rr - moved * moved * value).max(0.0) / count as f64;
                // The blur makes neighbours alike: about a tenth of the pixels are independent.
                let error = (left_over * 10.0 / value.max(1e-9)).sqrt();
                if error < CERTAIN {
                    worst = worst.max(moved.abs());
                }
            }
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(turn: f64, zoom: f64, shift: [f64; 2]) -> Plane {
        let (s, c) = turn.to_radians().sin_cos();
        let v = (0..200 * 200u32).map(|i| {
            let (x, y) = (f64::from(i % 200) + 0.5 - 100.0, f64::from(i / 200) + 0.5 - 100.0);
            // The picture's point came from the scene turned back.
            let (x, y) = ((x - shift[0]) / zoom, (y - shift[1]) / zoom);
            let (x, y) = (c * x + s * y, -s * x + c * y);
            (120.0 + 50.0 * (x / 9.0).sin() * (y / 13.0).cos() + 30.0 * ((x + 2.0 * y) / 31.0).sin()) as f32
        });
        Plane {
            w: 200,
            h: 200,
            v: v.collect(),
        }
    }

    #[test]
    fn a_known_motion_is_read_off() {
        let mask: Mask = (0..40_000)
            .map(|i| (20..180).contains(&(i % 200)) && (20..180).contains(&(i / 200)))
            .collect();
        let still = scene(0.0, 1.0, [0.0, 0.0]);
        let moved = scene(1.0, 1.01, [1.3, -0.7]);
        let m = fit(&still, &moved, &mask, Motion::rest([100.0, 100.0]), &[4.0, 1.2]).unwrap();
        assert!((m.rotation() - 1.0).abs() < 0.02, "{}", m.rotation());
        assert!((1.0 / m.zoom() - 1.01).abs() < 2e-4, "{}", m.zoom());
        assert!(m.stretch() < 1e-3, "{}", m.stretch());
        assert!(likeness(&still, &moved, &mask, &m) > 0.999);
        assert!(likeness(&still, &moved, &mask, &Motion::rest([100.0, 100.0])) < 0.99);
    }

    #[test]
    fn what_moves_in_one_corner_only_is_left_over() {
        let mask = vec![true; 40_000];
        let still = scene(0.0, 1.0, [0.0, 0.0]);
        let moved = scene(0.0, 1.0, [1.5, 0.0]);
        let mut corner = still.clone();
        for i in 0..40_000 {
            if i % 200 < 80 && i / 200 < 80 {
                corner.v[i] = moved.v[i];
            }
        }
        assert!(leftover(&still, &still, &mask) < 1e-6);
        assert!(leftover(&still, &corner, &mask) > 1.0);
    }
}
