//! What the person's colours are near a place, and what a pixel between person and wall says about its coverage.
//!
//! Around every place the colours of sure pixels have a mean and a covariance. A pixel seen as `I` is a mixture
//! `a F + (1 - a) B`; with `F` and `B` normally distributed, the most likely `a` and the spread of that estimate
//! follow in closed form (Chuang et al., "A Bayesian Approach to Digital Matting", 2001, with the wall known). The
//! spread is what makes one weight serve everybody: black hair before a white wall is told to a hundredth, a white
//! shirt before it not at all, and then the neighbours decide.

use rayon::prelude::*;

use super::field::blurred;

/// Moments of a cell: count, sums of three channels, sums of their products (xx, xy, xz, yy, yz, zz).
type Moments = [f32; 10];

/// Radii, in inter-eye distances, of the neighbourhoods asked, and how much each is worth: a wider one speaks only
/// where the narrower has nothing to say.
const REACH: [(f32, f32); 3] = [(0.10, 1.0), (0.35, 1e-2), (1.2, 1e-4)];
/// Least standard deviation of a person's colour, linear light: no cloth is one colour.
const LEAST_SPREAD: f32 = 0.004;

/// Mean and covariance (xx, xy, xz, yy, yz, zz) of colours in linear light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour {
    /// How many sure pixels speak, the nearer the louder; comparable between classes at one place only.
    pub(super) voice: f32,
    pub(super) mean: [f32; 3],
    pub(super) spread: [f32; 6],
}

/// Local colours on a grid of cells.
pub(super) struct Colours {
    cw: usize,
    ch: usize,
    cell: usize,
    of: Vec<Colour>,
}

impl Colours {
    /// Gathers the `sure` pixels of a picture `w` wide. `cell` is the grid's step in pixels, `unit` the inter-eye
    /// distance.
    pub(super) fn gather(
        light: &[[f32; 3]],
        w: usize,
        cell: usize,
        unit: f32,
        sure: impl Fn(usize) -> bool + Sync,
    ) -> Colours {
        let [all] = Colours::by_kind(light, w, cell, unit, |i| u8::from(sure(i)));
        all
    }

    /// Gathers several kinds of pixels at once: bit `k` of what `kinds` says of a pixel puts it into the `k`th.
    pub(super) fn by_kind<const N: usize>(
        light: &[[f32; 3]],
        w: usize,
        cell: usize,
        unit: f32,
        kinds: impl Fn(usize) -> u8 + Sync,
    ) -> [Colours; N] {
        let h = light.len() / w.max(1);
        let (cw, ch) = (w.div_ceil(cell), h.div_ceil(cell));
        let mut sums: Vec<[Moments; N]> = vec![[[0.0; 10]; N]; cw * ch];
        sums.par_chunks_mut(cw).enumerate().for_each(|(cy, row)| {
            // Every other pixel of every other row is plenty.
            for y in (cy * cell..((cy + 1) * cell).min(h)).step_by(2) {
                for x in (cy % 2..w).step_by(2) {
                    let i = y * w + x;
                    let bits = kinds(i);
                    if bits == 0 {
                        continue;
                    }
                    let [r, g, b] = light[i];
                    let add = [1.0, r, g, b, r * r, r * g, r * b, g * g, g * b, b * b];
                    for (k, sums) in row[x / cell].iter_mut().enumerate() {
                        if bits >> k & 1 != 0 {
                            for (s, a) in sums.iter_mut().zip(add) {
                                *s += a;
                            }
                        }
                    }
                }
            }
        });
        std::array::from_fn(|k| {
            let sums: Vec<Moments> = sums.par_iter().map(|all| all[k]).collect();
            Colours::spread(&sums, cw, ch, cell, unit)
        })
    }

    /// What is known of each cell made known to its neighbours.
    fn spread(sums: &[Moments], cw: usize, ch: usize, cell: usize, unit: f32) -> Colours {
        let mut total: Vec<Moments> = vec![[0.0; 10]; cw * ch];
        for (share, worth) in REACH {
            let r = ((unit * share) as usize / cell).max(1);
            let wide = blurred(&blurred(sums, cw, r), cw, r);
            for (t, s) in total.iter_mut().zip(&wide) {
                for (t, s) in t.iter_mut().zip(s) {
                    *t += s * worth;
                }
            }
        }
        let of = total.iter().map(settle).collect();
        Colours { cw, ch, cell, of }
    }

    /// Bilinear between cells.
    pub(super) fn at(&self, x: usize, y: usize) -> Colour {
        let step = 1.0 / self.cell as f32;
        let fx = ((x as f32 + 0.5) * step - 0.5).clamp(0.0, (self.cw - 1) as f32);
        let fy = ((y as f32 + 0.5) * step - 0.5).clamp(0.0, (self.ch - 1) as f32);
        let (x0, y0) = (fx as usize, fy as usize);
        let (x1, y1) = ((x0 + 1).min(self.cw - 1), (y0 + 1).min(self.ch - 1));
        let (tx, ty) = (fx - x0 as f32, fy - y0 as f32);
        let corners = [
            (&self.of[y0 * self.cw + x0], (1.0 - tx) * (1.0 - ty)),
            (&self.of[y0 * self.cw + x1], tx * (1.0 - ty)),
            (&self.of[y1 * self.cw + x0], (1.0 - tx) * ty),
            (&self.of[y1 * self.cw + x1], tx * ty),
        ];
        let mut out = Colour {
            voice: 0.0,
            mean: [0.0; 3],
            spread: [0.0; 6],
        };
        for (c, weight) in corners {
            out.voice += c.voice * weight;
            for (o, v) in out.mean.iter_mut().zip(c.mean) {
                *o += v * weight;
            }
            for (o, v) in out.spread.iter_mut().zip(c.spread) {
                *o += v * weight;
            }
        }
        out
    }
}

fn settle(m: &Moments) -> Colour {
    let n = m[0].max(1e-9);
    let [r, g, b] = [m[1] / n, m[2] / n, m[3] / n];
    let floor = LEAST_SPREAD * LEAST_SPREAD;
    Colour {
        voice: m[0],
        mean: [r, g, b],
        spread: [
            (m[4] / n - r * r).max(0.0) + floor,
            m[5] / n - r * g,
            m[6] / n - r * b,
            (m[7] / n - g * g).max(0.0) + floor,
            m[8] / n - g * b,
            (m[9] / n - b * b).max(0.0) + floor,
        ],
    }
}

/// Coverage told by a pixel's own colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told {
    /// The most likely coverage, 0–1.
    pub(super) share: f32,
    /// Variance of that estimate.
    pub(super) variance: f32,
    /// Squared distance of the pixel from the mixture, in standard deviations.
    pub(super) misfit: f32,
}

/// The most likely coverage of a pixel seen as `seen`, between person `own` and wall `behind`; `noise` is the
/// variance of a channel's reading.
pub(super) fn told(seen: [f32; 3], own: &Colour, behind: &Colour, noise: [f32; 3]) -> Told {
    let d = minus(own.mean, behind.mean);
    let o = minus(seen, behind.mean);
    let mut share = 0.5;
    let (mut norm, mut misfit) = (0.0, 0.0);
    // The spread to allow for depends on the share itself; three rounds settle it.
    for _ in 0..3 {
        let inv = inverse(mixed(share, own, behind, noise));
        let v = times(&inv, d);
        norm = dot(v, d).max(1e-9);
        share = (dot(v, o) / norm).clamp(0.0, 1.0);
        let off = [0, 1, 2].map(|c| o[c] - share * d[c]);
        misfit = dot(times(&inv, off), off);
    }
    Told {
        share,
        variance: 1.0 / norm,
        misfit,
    }
}

/// The person's own colour in a pixel of coverage `a`, clamped to 0–1.
pub(super) fn undiluted(seen: [f32; 3], a: f32, own: &Colour, behind: &Colour, noise: [f32; 3]) -> [f32; 3] {
    let inv = inverse(mixed(a, own, behind, noise));
    let rest = [0, 1, 2].map(|c| seen[c] - a * own.mean[c] - (1.0 - a) * behind.mean[c]);
    let along = times(&own.spread, times(&inv, rest));
    [0, 1, 2].map(|c| (own.mean[c] + a * along[c]).clamp(0.0, 1.0))
}

fn mixed(a: f32, own: &Colour, behind: &Colour, noise: [f32; 3]) -> [f32; 6] {
    let (f, b) = (a * a, (1.0 - a) * (1.0 - a));
    let mut s: [f32; 6] = std::array::from_fn(|k| f * own.spread[k] + b * behind.spread[k]);
    for (k, n) in [0, 3, 5].into_iter().zip(noise) {
        s[k] += n;
    }
    s
}

fn minus(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn times(m: &[f32; 6], d: [f32; 3]) -> [f32; 3] {
    [
        m[0] * d[0] + m[1] * d[1] + m[2] * d[2],
        m[1] * d[0] + m[3] * d[1] + m[4] * d[2],
        m[2] * d[0] + m[4] * d[1] + m[5] * d[2],
    ]
}

/// Inverse of a symmetric positive matrix, in its own scale so that single precision is enough.
fn inverse(s: [f32; 6]) -> [f32; 6] {
    let scale = 1.0 / (s[0] + s[3] + s[5]).max(1e-12);
    let [a, b, c, d, e, f] = s.map(|v| v * scale);
    let (m0, m1, m2) = (d * f - e * e, c * e - b * f, b * e - c * d);
    let det = (a * m0 + b * m1 + c * m2).max(1e-12);
    [m0, m1, m2, a * f - c * c, b * c - a * e, a * d - b * b].map(|v| v * scale / det)
}
