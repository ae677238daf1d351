//! A picture of one number a pixel, as registration needs it.

use image::RgbImage;

/// Numbers row by row; the centre of the first is (0.5, 0.5).
#[derive(Debug, Clone)]
pub(super) struct Plane {
    pub(super) w: usize,
    pub(super) h: usize,
    pub(super) v: Vec<f32>,
}

impl Plane {
    /// Luma of ITU-R BT.601, coded levels 0 to 255: the very luma a JPEG stores.
    pub(super) fn luma(picture: &RgbImage) -> Plane {
        let luma = |p: &[u8]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
        Plane {
            w: picture.width() as usize,
            h: picture.height() as usize,
            v: picture.as_raw().chunks_exact(3).map(luma).collect(),
        }
    }

    /// Levels row by row; `None` where they are not as many as the size says.
    pub(super) fn of_levels(w: usize, h: usize, levels: &[u8]) -> Option<Plane> {
        (levels.len() == w * h).then(|| Plane {
            w,
            h,
            v: levels.iter().map(|&v| f32::from(v)).collect(),
        })
    }

    /// Value between pixel centres, bilinear; beyond an edge the edge goes on.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (
            (x - 0.5).clamp(0.0, (self.w - 1) as f32),
            (y - 0.5).clamp(0.0, (self.h - 1) as f32),
        );
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.w - 1), (y0 + 1).min(self.h - 1));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let row = |y: usize| self.v[y * self.w + x0] * (1.0 - fx) + self.v[y * self.w + x1] * fx;
        row(y0) * (1.0 - fy) + row(y1) * fy
    }

    /// Gaussian blur; `sigma` in pixels.
    pub(super) fn blurred(&self, sigma: f32) -> Plane {
        let reach = (3.0 * sigma).ceil().max(1.0) as usize;
        let taps: Vec<f32> = (0..=2 * reach)
            .map(|i| (-0.5 * ((i as f32 - reach as f32) / sigma).powi(2)).exp())
            .collect();
        let sum: f32 = taps.iter().sum();
        let taps: Vec<f32> = taps.iter().map(|t| t / sum).collect();
        let (w, h) = (self.w, self.h);
        let mut across = vec![0.0; w * h];
        for (line, out) in self.v.chunks_exact(w).zip(across.chunks_exact_mut(w)) {
            for (x, to) in out.iter_mut().enumerate() {
                *to = taps
                    .iter()
                    .enumerate()
                    .map(|(k, t)| t * line[(x + k).saturating_sub(reach).min(w - 1)])
                    .sum();
            }
        }
        let mut v = vec![0.0; w * h];
        for (y, out) in v.chunks_exact_mut(w).enumerate() {
            for (k, t) in taps.iter().enumerate() {
                let row = (y + k).saturating_sub(reach).min(h - 1) * w;
                for (to, from) in out.iter_mut().zip(&across[row..row + w]) {
                    *to += t * from;
                }
            }
        }
        Plane { w, h, v }
    }

    /// Mirrored about the vertical line at `x`.
    pub(super) fn mirrored(&self, x: f32) -> Plane {
        let mut v = Vec::with_capacity(self.v.len());
        for row in 0..self.h {
            v.extend((0..self.w).map(|column| self.at(2.0 * x - (column as f32 + 0.5), row as f32 + 0.5)));
        }
        Plane {
            w: self.w,
            h: self.h,
            v,
        }
    }
}

/// Which pixels of the finished picture count, row by row.
pub(super) type Mask = Vec<bool>;

/// The mask without every pixel that has an outsider within `reach` pixels, in rows or columns.
pub(super) fn eroded(mask: &Mask, w: usize, h: usize, reach: usize) -> Mask {
    let line = |get: &dyn Fn(usize) -> bool, n: usize| -> Vec<bool> {
        let mut out = vec![true; n];
        for i in (0..n).filter(|&i| !get(i)) {
            for to in &mut out[i.saturating_sub(reach)..(i + reach + 1).min(n)] {
                *to = false;
            }
        }
        out
    };
    let mut across = vec![false; w * h];
    for y in 0..h {
        across[y * w..(y + 1) * w].copy_from_slice(&line(&|x| mask[y * w + x], w));
    }
    let mut out = vec![false; w * h];
    for x in 0..w {
        for (y, keep) in line(&|y| across[y * w + x], h).into_iter().enumerate() {
            out[y * w + x] = keep;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_keeps_the_mean_and_a_mirror_mirrors() {
        let plane = Plane {
            w: 32,
            h: 8,
            v: (0..256).map(|i| if i % 32 == 10 { 64.0 } else { 0.0 }).collect(),
        };
        let soft = plane.blurred(1.5);
        let row: f32 = soft.v[..32].iter().sum();
        assert!((row - 64.0).abs() < 0.1, "{row}");
        // Column 10 has its centre at 10.5; about 16 that is 21.5.
        let back = plane.mirrored(16.0);
        assert!((back.v[21] - 64.0).abs() < 1e-3 && back.v[10].abs() < 1e-3);
    }

    #[test]
    fn erosion_takes_what_is_near_an_outsider() {
        let mut mask = vec![true; 100];
        mask[55] = false;
        let left = eroded(&mask, 10, 10, 2);
        assert!(!left[53] && !left[35] && !left[57] && left[52] && left[25]);
    }
}
