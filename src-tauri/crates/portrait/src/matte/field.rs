//! Planes of numbers and the few sweeps over them that matting needs, each linear in the pixels.

use rayon::prelude::*;

/// One value a pixel, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) w: usize,
    pub(crate) h: usize,
    pub(crate) v: Vec<f32>,
}

impl Field {
    pub(crate) fn from_fn(w: usize, h: usize, f: impl Fn(usize) -> f32 + Sync) -> Field {
        let mut v = vec![0.0; w * h];
        v.par_chunks_mut(4096).enumerate().for_each(|(c, chunk)| {
            for (i, o) in chunk.iter_mut().enumerate() {
                *o = f(c * 4096 + i);
            }
        });
        Field { w, h, v }
    }

    /// Resamples by bilinear interpolation between pixel centres.
    pub(crate) fn resized(&self, w: usize, h: usize) -> Field {
        if (w, h) == (self.w, self.h) {
            return self.clone();
        }
        let (sx, sy) = (self.w as f32 / w as f32, self.h as f32 / h as f32);
        let mut v = vec![0.0; w * h];
        v.par_chunks_mut(w.max(1)).enumerate().for_each(|(y, row)| {
            for (x, o) in row.iter_mut().enumerate() {
                *o = self.at((x as f32 + 0.5) * sx - 0.5, (y as f32 + 0.5) * sy - 0.5);
            }
        });
        Field { w, h, v }
    }

    /// Bilinear value at pixel-centre coordinates, clamped to the border.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.w - 1) as f32);
        let y = y.clamp(0.0, (self.h - 1) as f32);
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.w - 1), (y0 + 1).min(self.h - 1));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let p = |x: usize, y: usize| self.v[y * self.w + x];
        let top = p(x0, y0) + (p(x1, y0) - p(x0, y0)) * fx;
        let low = p(x0, y1) + (p(x1, y1) - p(x0, y1)) * fx;
        top + (low - top) * fy
    }
}

/// Mean over a square of `2 r + 1` places, of several values a place, `w` places a row; at the border over what lies
/// inside.
pub(crate) fn blurred<const N: usize>(values: &[[f32; N]], w: usize, r: usize) -> Vec<[f32; N]> {
    let h = values.len() / w.max(1);
    if r == 0 || h == 0 {
        return values.to_vec();
    }
    let mut across = vec![[0.0f32; N]; w * h];
    across
        .par_chunks_mut(w)
        .zip(values.par_chunks(w))
        .for_each(|(out, row)| {
            slide(w, r, |x| row[x], |x, mean| out[x] = mean);
        });
    let mut out = vec![[0.0f32; N]; w * h];
    let strip = h.div_ceil(4).max(1);
    out.par_chunks_mut(w * strip).enumerate().for_each(|(s, part)| {
        let first = s * strip;
        let mut sum = vec![[0.0f32; N]; w];
        let add = |sum: &mut [[f32; N]], y: usize, sign: f32| {
            for (a, v) in sum.iter_mut().zip(&across[y * w..(y + 1) * w]) {
                for (a, v) in a.iter_mut().zip(v) {
                    *a += sign * v;
                }
            }
        };
        for y in first.saturating_sub(r)..(first + r).min(h) {
            add(&mut sum, y, 1.0);
        }
        let mut lines = part.chunks_mut(w);
        for y in first..(first + strip).min(h) {
            if y + r < h {
                add(&mut sum, y + r, 1.0);
            }
            if y > first && y > r {
                add(&mut sum, y - r - 1, -1.0);
            }
            let count = 1.0 / ((y + r).min(h - 1) - y.saturating_sub(r) + 1) as f32;
            if let Some(line) = lines.next() {
                for (o, a) in line.iter_mut().zip(&sum) {
                    *o = a.map(|v| v * count);
                }
            }
        }
    });
    out
}

/// Running means over `2 r + 1` neighbours of a row of `n`.
fn slide<const N: usize>(
    n: usize,
    r: usize,
    from: impl Fn(usize) -> [f32; N],
    mut to: impl FnMut(usize, [f32; N]),
) {
    let mut sum = [0.0f32; N];
    let add = |v: [f32; N], sign: f32, sum: &mut [f32; N]| {
        for (s, v) in sum.iter_mut().zip(v) {
            *s += sign * v;
        }
    };
    for x in 0..r.min(n) {
        add(from(x), 1.0, &mut sum);
    }
    for x in 0..n {
        if x + r < n {
            add(from(x + r), 1.0, &mut sum);
        }
        if x > r {
            add(from(x - r - 1), -1.0, &mut sum);
        }
        let count = 1.0 / ((x + r).min(n - 1) - x.saturating_sub(r) + 1) as f32;
        to(x, sum.map(|v| v * count));
    }
}

/// Distance in pixels to the nearest pixel where `inside` is true (chamfer 5-7, within 4 % of Euclid); pixels
/// inside get 0. Without any, every distance is `f32::MAX / 4`.
pub(crate) fn distance_to(w: usize, h: usize, inside: impl Fn(usize) -> bool + Sync) -> Field {
    let far = f32::MAX / 4.0;
    let (side, corner) = (1.0, 1.4);
    let mut d = Field::from_fn(w, h, |i| if inside(i) { 0.0 } else { far }).v;
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            let mut best = d[i];
            if x > 0 {
                best = best.min(d[i - 1] + side);
            }
            if y > 0 {
                best = best.min(d[i - w] + side);
                if x > 0 {
                    best = best.min(d[i - w - 1] + corner);
                }
                if x + 1 < w {
                    best = best.min(d[i - w + 1] + corner);
                }
            }
            d[i] = best;
        }
    }
    for y in (0..h).rev() {
        for x in (0..w).rev() {
            let i = y * w + x;
            let mut best = d[i];
            if x + 1 < w {
                best = best.min(d[i + 1] + side);
            }
            if y + 1 < h {
                best = best.min(d[i + w] + side);
                if x + 1 < w {
                    best = best.min(d[i + w + 1] + corner);
                }
                if x > 0 {
                    best = best.min(d[i + w - 1] + corner);
                }
            }
            d[i] = best;
        }
    }
    Field { w, h, v: d }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_mean_is_the_mean_of_the_box() {
        let v: Vec<[f32; 1]> = (0..13 * 11).map(|i| [((i * 7919) % 101) as f32]).collect();
        for r in [1, 3, 6] {
            let got = blurred(&v, 13, r);
            for y in 0..11usize {
                for x in 0..13usize {
                    let ys = y.saturating_sub(r)..=(y + r).min(10);
                    let xs = x.saturating_sub(r)..=(x + r).min(12);
                    let n = (ys.clone().count() * xs.clone().count()) as f32;
                    let sum: f32 = ys
                        .flat_map(|y| xs.clone().map(move |x| (x, y)))
                        .map(|(x, y)| v[y * 13 + x][0])
                        .sum();
                    assert!((got[y * 13 + x][0] - sum / n).abs() < 1e-3, "r {r} at {x},{y}");
                }
            }
        }
    }

    #[test]
    fn distances_grow_from_the_set() {
        let d = distance_to(20, 10, |i| i == 5 * 20 + 5);
        assert!((d.v[5 * 20 + 15] - 10.0).abs() < 1e-6);
        assert!((d.v[20 + 9] - 32f32.sqrt()).abs() < 0.3);
    }
}
