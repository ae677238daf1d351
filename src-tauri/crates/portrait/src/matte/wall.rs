//! The wall behind the person: taken from an empty-wall plate, or fitted to what is seen of it around the person.
//!
//! A booth's wall is one colour under smooth light, so a low-order polynomial a channel describes it; what is left
//! over (a soft shadow, a lamp that drifts) is carried by a smooth correction measured on wall pixels alone. If the
//! surroundings are no wall, that shows in the residuals and is said, and the matte does without.

use image::RgbImage;
use rayon::prelude::*;

use super::field::blurred;

/// Residual spread, in 8-bit levels, up to which surroundings count as a wall. Camera noise of a lit booth is 1–4
/// levels; plaster and paper add a few; curtains, shelves and windows have dozens.
const WALL_SPREAD: f32 = 9.0;
/// Share of the visible surroundings that must fit the model.
const WALL_SHARE: f32 = 0.72;
/// Below this share there is something before the wall; it is said.
const CLEAN_SHARE: f32 = 0.9;
/// A residual beyond this many levels is something on the wall, whatever the spread.
const FOREIGN: f32 = 26.0;
/// Pixels looked at to fit the wall, about: its mean is then told to a hundredth of the noise.
const SAMPLES: f32 = 8_000.0;

/// The wall as it would look without the person, in 8-bit levels as fractions.
#[derive(Debug, Clone)]
pub(crate) struct Wall {
    grid: Grid,
    /// The fitted surface at the cells' centres; with a plate what is added to it.
    base: Vec<[f32; 3]>,
    /// What wall pixels still deviate from it, smooth.
    rest: Vec<[f32; 3]>,
    /// The plate after its gain, one colour a pixel.
    plate: Option<Vec<[f32; 3]>>,
    /// Spread of wall pixels around the model, in 8-bit levels; at least 1.
    pub(crate) noise: f32,
    /// Where the model came from.
    pub(crate) from_plate: bool,
}

/// Square cells over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) w: usize,
    pub(crate) h: usize,
    /// Side of a cell in pixels.
    pub(crate) cell: usize,
}

impl Grid {
    pub(crate) fn columns(self) -> usize {
        self.w.div_ceil(self.cell)
    }

    pub(crate) fn rows(self) -> usize {
        self.h.div_ceil(self.cell)
    }

    /// The cell of a pixel.
    pub(crate) fn of(self, i: usize) -> usize {
        i / self.w / self.cell * self.columns() + i % self.w / self.cell
    }

    /// Values at the cells' centres, interpolated along one row of pixels.
    fn row(self, values: &[[f32; 3]], y: usize, mut out: impl FnMut(usize, [f32; 3])) {
        let (cw, ch, step) = (self.columns(), self.rows(), 1.0 / self.cell as f32);
        let fy = ((y as f32 + 0.5) * step - 0.5).clamp(0.0, (ch - 1) as f32);
        let (y0, ty) = (fy as usize, fy.fract());
        let y1 = (y0 + 1).min(ch - 1);
        let line: Vec<[f32; 3]> = (0..cw)
            .map(|x| {
                let (a, b) = (values[y0 * cw + x], values[y1 * cw + x]);
                [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * ty)
            })
            .collect();
        for x in 0..self.w {
            let fx = ((x as f32 + 0.5) * step - 0.5).clamp(0.0, (cw - 1) as f32);
            let (x0, tx) = (fx as usize, fx.fract());
            let (a, b) = (line[x0], line[(x0 + 1).min(cw - 1)]);
            out(x, [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * tx));
        }
    }
}

impl Wall {
    /// The wall's colours, one a pixel.
    pub(crate) fn colours(&self) -> Vec<[f32; 3]> {
        let Grid { w, h, .. } = self.grid;
        let sum: Vec<[f32; 3]> = self
            .base
            .iter()
            .zip(&self.rest)
            .map(|(a, b)| [0, 1, 2].map(|c| a[c] + b[c]))
            .collect();
        let mut out = vec![[0.0; 3]; w * h];
        out.par_chunks_mut(w).enumerate().for_each(|(y, row)| {
            self.grid.row(&sum, y, |x, v| {
                let under = self.plate.as_ref().map_or([0.0; 3], |p| p[y * w + x]);
                row[x] = [0, 1, 2].map(|c| (v[c] + under[c]).clamp(0.0, 255.0));
            });
        });
        out
    }

    /// The model corrected by the pixels that are now known to be wall, close to the person too: soft shadows.
    /// `colours` are the model's present ones.
    pub(crate) fn refine(
        &mut self,
        picture: &RgbImage,
        colours: &[[f32; 3]],
        sure: impl Fn(usize) -> bool + Sync,
        unit: f32,
    ) {
        let limit = (4.0 * self.noise).clamp(6.0, FOREIGN);
        let rest = deviation(picture, colours, self.grid, sure, limit, 0.12 * unit);
        for (to, from) in self.rest.iter_mut().zip(rest) {
            for (to, from) in to.iter_mut().zip(from) {
                *to += from;
            }
        }
    }
}

/// Finds the wall. `clear` marks cells of `grid` that surely hold none of the person; `unit` is the distance between
/// the eyes in pixels. Notes say what a person should know.
pub(crate) fn find(
    picture: &RgbImage,
    grid: Grid,
    clear: &[bool],
    plate: Option<&RgbImage>,
    unit: f32,
    notes: &mut Vec<String>,
) -> Option<Wall> {
    let Grid { w, h, .. } = grid;
    let step = (((w * h) as f32 / SAMPLES).sqrt() as usize).max(1);
    let samples: Vec<usize> = (0..h)
        .step_by(step)
        .flat_map(|y| (0..w).step_by(step).map(move |x| y * w + x))
        .filter(|&i| clear[grid.of(i)])
        .collect();
    if samples.len() < 100 || samples.len() * 50 < (w / step) * (h / step) {
        notes.push("too little wall is visible around the person to model it".into());
        return None;
    }
    let seen: Vec<[f32; 3]> = samples.iter().map(|&i| level(picture, i)).collect();
    let cells = grid.columns() * grid.rows();
    let flat = |base, plate: Option<Vec<[f32; 3]>>| Wall {
        grid,
        base,
        rest: vec![[0.0; 3]; cells],
        from_plate: plate.is_some(),
        plate,
        noise: 1.0,
    };
    let from_plate = plate.and_then(|plate| {
        let base = regained(&seen, plate, &samples);
        let there: Vec<[f32; 3]> = samples.iter().map(|&i| base[i]).collect();
        let (spread, share) = residuals(&seen, &there);
        if share < WALL_SHARE || spread > WALL_SPREAD {
            notes.push(format!(
                "the empty-wall picture does not fit this capture (spread {spread:.1} levels, {:.0} % of the wall \
                 agrees): camera or light moved; it was not used",
                share * 100.0
            ));
            return None;
        }
        if let Some([x, y]) = shift(picture, plate, grid, clear) {
            notes.push(format!(
                "the empty-wall picture does not fit this capture (shifted by {x}, {y} pixels): the camera moved; it \
                 was not used"
            ));
            return None;
        }
        Some((flat(vec![[0.0; 3]; cells], Some(base)), spread))
    });
    let (mut wall, spread) = if let Some(found) = from_plate {
        found
    } else {
        let surface = polynomial(&seen, &samples, w, h);
        let there: Vec<[f32; 3]> = samples.iter().map(|&i| surface.at(i % w, i / w)).collect();
        let (spread, share) = residuals(&seen, &there);
        if share < WALL_SHARE || spread > WALL_SPREAD {
            notes.push(format!(
                "the background is not a plain wall (spread {spread:.1} levels, {:.0} % even)",
                share * 100.0
            ));
            return None;
        }
        if share < CLEAN_SHARE {
            notes.push(format!(
                "{:.0} % of the background is something else than the wall",
                (1.0 - share) * 100.0
            ));
        }
        let middle = |at: usize, limit: usize| (at * grid.cell + grid.cell / 2).min(limit - 1);
        let (cw, ch) = (grid.columns(), grid.rows());
        let base = (0..cw * ch)
            .map(|k| surface.at(middle(k % cw, w), middle(k / cw, h)))
            .collect();
        (flat(base, None), spread)
    };
    let limit = (5.0 * spread).clamp(10.0, FOREIGN);
    let colours = wall.colours();
    wall.rest = deviation(picture, &colours, grid, |i| clear[grid.of(i)], limit, 0.35 * unit);
    let there: Vec<[f32; 3]> = samples
        .iter()
        .map(|&i| {
            let rest = wall.rest[grid.of(i)];
            [0, 1, 2].map(|c| colours[i][c] + rest[c])
        })
        .collect();
    wall.noise = residuals(&seen, &there).0.max(1.0);
    Some(wall)
}

fn level(picture: &RgbImage, i: usize) -> [f32; 3] {
    let p = &picture.as_raw()[3 * i..3 * i + 3];
    [f32::from(p[0]), f32::from(p[1]), f32::from(p[2])]
}

/// The plate, its noise averaged over 3x3 pixels, with one gain a channel, so that a lamp that warms up does not
/// matter.
fn regained(seen: &[[f32; 3]], plate: &RgbImage, samples: &[usize]) -> Vec<[f32; 3]> {
    let gain = [0, 1, 2].map(|c| {
        median(
            samples
                .iter()
                .zip(seen)
                .map(|(&i, s)| (level(plate, i)[c], s[c]))
                .filter(|(p, _)| *p > 8.0)
                .map(|(p, s)| s / p)
                .collect(),
        )
        .unwrap_or(1.0)
        .clamp(0.5, 2.0)
    });
    let own: Vec<[f32; 3]> = plate
        .pixels()
        .map(|p| [0, 1, 2].map(|c| f32::from(p.0[c]) * gain[c]))
        .collect();
    blurred(&own, plate.width() as usize, 1)
}

/// By how many pixels the plate's grain must be moved to lie on the capture's, if not by none. Walls without grain
/// cannot tell, and need not.
fn shift(picture: &RgbImage, plate: &RgbImage, grid: Grid, clear: &[bool]) -> Option<[i32; 2]> {
    const BLOCK: usize = 16;
    const FAR: i32 = 4;
    /// A better place counts from this share of the difference in the present one. Ours: by chance two sums over some
    /// 40,000 pixels differ by about a hundredth; a rendered painted wall moved by three pixels is found.
    const BETTER: f64 = 0.06;
    let Grid { w, h, .. } = grid;
    let margin = FAR as usize;
    let places: Vec<(usize, usize)> = (margin..h.saturating_sub(BLOCK + margin))
        .step_by(BLOCK)
        .flat_map(|y| {
            (margin..w.saturating_sub(BLOCK + margin))
                .step_by(BLOCK)
                .map(move |x| (x, y))
        })
        .filter(|&(x, y)| {
            [(0, 0), (BLOCK, 0), (0, BLOCK), (BLOCK, BLOCK)]
                .iter()
                .all(|(dx, dy)| clear[grid.of((y + dy) * w + x + dx)])
        })
        .collect();
    let step = places.len().div_ceil(160).max(1);
    let places: Vec<_> = places.into_iter().step_by(step).collect();
    if places.len() < 20 {
        return None;
    }
    let green = |picture: &RgbImage, x: usize, y: usize| f64::from(picture.as_raw()[3 * (y * w + x) + 1]);
    let difference = |dx: i32, dy: i32| -> f64 {
        let mut blocks: Vec<f64> = places
            .iter()
            .map(|&(x, y)| {
                let (mut sum, mut square) = (0.0, 0.0);
                for k in 0..BLOCK * BLOCK {
                    let (px, py) = (x + k % BLOCK, y + k / BLOCK);
                    let there = ((px as i32 - dx).max(0) as usize, (py as i32 - dy).max(0) as usize);
                    let d = green(picture, px, py) - green(plate, there.0, there.1);
                    sum += d;
                    square += d * d;
                }
                let n = (BLOCK * BLOCK) as f64;
                square / n - (sum / n).powi(2)
            })
            .collect();
        // The noisiest blocks hold something that came or went.
        blocks.sort_unstable_by(f64::total_cmp);
        blocks.truncate(blocks.len() * 9 / 10);
        blocks.iter().sum::<f64>() / blocks.len().max(1) as f64
    };
    let all: Vec<(i32, i32)> = (-FAR..=FAR)
        .flat_map(|y| (-FAR..=FAR).map(move |x| (x, y)))
        .collect();
    let found: Vec<(f64, i32, i32)> = all.par_iter().map(|&(x, y)| (difference(x, y), x, y)).collect();
    let here = difference(0, 0);
    let best = found.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    ((best.1, best.2) != (0, 0) && best.0 < (1.0 - BETTER) * here).then_some([best.1, best.2])
}

/// Robust spread of the residuals in levels, and the share of samples that fit.
fn residuals(seen: &[[f32; 3]], there: &[[f32; 3]]) -> (f32, f32) {
    let all: Vec<f32> = seen
        .iter()
        .zip(there)
        .map(|(a, b)| {
            let d = [0, 1, 2].map(|c| (a[c] - b[c]).abs());
            d[0].max(d[1]).max(d[2])
        })
        .collect();
    // The largest of three normal deviations has its median at 1.19 standard deviations.
    let spread = median(all.clone()).unwrap_or(f32::MAX) / 1.19;
    let limit = (4.0 * spread).clamp(8.0, FOREIGN);
    let fitting = all.iter().filter(|&&d| d <= limit).count();
    (spread, fitting as f32 / all.len().max(1) as f32)
}

/// A quadratic surface a channel.
struct Surface {
    w: f64,
    h: f64,
    of: [[f64; 6]; 3],
}

impl Surface {
    fn terms(w: f64, h: f64, x: usize, y: usize) -> [f64; 6] {
        let x = x as f64 / w * 2.0 - 1.0;
        let y = y as f64 / h * 2.0 - 1.0;
        [1.0, x, y, x * x, x * y, y * y]
    }

    fn at(&self, x: usize, y: usize) -> [f32; 3] {
        let t = Self::terms(self.w, self.h, x, y);
        [0, 1, 2].map(|c| {
            let v: f64 = t.iter().zip(&self.of[c]).map(|(t, f)| t * f).sum();
            (v as f32).clamp(0.0, 255.0)
        })
    }
}

/// Fitted by iteratively reweighted least squares with Tukey's biweight.
fn polynomial(seen: &[[f32; 3]], samples: &[usize], w: usize, h: usize) -> Surface {
    let (fw, fh) = (w as f64, h as f64);
    let terms: Vec<[f64; 6]> = samples
        .iter()
        .map(|&i| Surface::terms(fw, fh, i % w, i / w))
        .collect();
    let fit = |c: usize| -> [f64; 6] {
        let mut weights = vec![1.0f64; samples.len()];
        // Begin at the median colour: half the surroundings may be something else.
        let centre = f64::from(median(seen.iter().map(|s| s[c]).collect()).unwrap_or(0.0));
        let mut found = [centre, 0.0, 0.0, 0.0, 0.0, 0.0];
        for round in 0..8 {
            let off: Vec<f64> = seen
                .iter()
                .zip(&terms)
                .map(|(s, t)| f64::from(s[c]) - t.iter().zip(&found).map(|(t, f)| t * f).sum::<f64>())
                .collect();
            let spread =
                f64::from(median(off.iter().map(|o| o.abs() as f32).collect()).unwrap_or(1.0)) * 1.4826;
            let reach = (4.7 * spread).clamp(4.0, if round < 3 { 60.0 } else { 30.0 });
            for (weight, o) in weights.iter_mut().zip(&off) {
                let u = (o / reach).abs();
                *weight = if u < 1.0 { (1.0 - u * u).powi(2) } else { 0.0 };
            }
            let mut normal = [[0.0f64; 7]; 6];
            for ((t, s), &weight) in terms.iter().zip(seen).zip(&weights) {
                for a in 0..6 {
                    for b in 0..6 {
                        normal[a][b] += weight * t[a] * t[b];
                    }
                    normal[a][6] += weight * t[a] * f64::from(s[c]);
                }
            }
            // A little weight on flatness keeps sides without any wall in view from running away.
            let total: f64 = weights.iter().sum();
            for (a, row) in normal.iter_mut().enumerate().skip(1) {
                row[a] += total * 1e-3;
            }
            match solve(normal) {
                Some(next) => found = next,
                None => break,
            }
        }
        found
    };
    let fitted: Vec<[f64; 6]> = [0, 1, 2].into_par_iter().map(fit).collect();
    Surface {
        w: fw,
        h: fh,
        of: [fitted[0], fitted[1], fitted[2]],
    }
}

fn solve(mut m: [[f64; 7]; 6]) -> Option<[f64; 6]> {
    for a in 0..6 {
        let best = (a..6).max_by(|&i, &j| m[i][a].abs().total_cmp(&m[j][a].abs()))?;
        m.swap(a, best);
        if m[a][a].abs() < 1e-12 {
            return None;
        }
        for b in 0..6 {
            if a != b {
                let f = m[b][a] / m[a][a];
                let from = m[a];
                for (v, s) in m[b].iter_mut().zip(from).skip(a) {
                    *v -= f * s;
                }
            }
        }
    }
    let mut out = [0.0; 6];
    for (a, o) in out.iter_mut().enumerate() {
        *o = m[a][6] / m[a][a];
    }
    Some(out)
}

/// What sure wall pixels still deviate by at most `limit` levels, smoothed over about `reach` pixels: soft shadows,
/// uneven light. Nothing where no sure pixel is near.
fn deviation(
    picture: &RgbImage,
    colours: &[[f32; 3]],
    grid: Grid,
    sure: impl Fn(usize) -> bool + Sync,
    limit: f32,
    reach: f32,
) -> Vec<[f32; 3]> {
    let Grid { w, h, cell } = grid;
    let (cw, ch) = (grid.columns(), grid.rows());
    let mut sums = vec![[0.0f32; 4]; cw * ch];
    sums.par_chunks_mut(cw).enumerate().for_each(|(cy, row)| {
        for y in cy * cell..((cy + 1) * cell).min(h) {
            for x in (y % 2..w).step_by(2) {
                let i = y * w + x;
                if !sure(i) {
                    continue;
                }
                let (seen, there) = (level(picture, i), colours[i]);
                let off = [0, 1, 2].map(|c| seen[c] - there[c]);
                if off.iter().all(|o| o.abs() <= limit) {
                    let to = &mut row[x / cell];
                    to[0] += 1.0;
                    for (to, o) in to[1..].iter_mut().zip(off) {
                        *to += o;
                    }
                }
            }
        }
    });
    let r = ((reach / cell as f32) as usize).max(1);
    let near = blurred(&blurred(&sums, cw, r), cw, r);
    // Where nothing near is wall the next wall speaks, more quietly the farther it is.
    let far = blurred(&blurred(&near, cw, 3 * r), cw, 3 * r);
    near.iter()
        .zip(&far)
        .map(|(n, f)| {
            let weight = n[0] + 0.05 * f[0] + 0.05;
            [1, 2, 3].map(|c| (n[c] + 0.05 * f[c]) / weight)
        })
        .collect()
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    const GRID: Grid = Grid {
        w: 300,
        h: 200,
        cell: 4,
    };

    fn uneven(x: u32, y: u32) -> [f32; 3] {
        let fall = 1.0 - 0.25 * (x as f32 / 300.0 - 0.4).powi(2) - 0.15 * (y as f32 / 200.0);
        [210.0 * fall, 214.0 * fall, 220.0 * fall]
    }

    fn booth() -> (RgbImage, Vec<bool>) {
        let mut n = 1u32;
        let picture = RgbImage::from_fn(300, 200, |x, y| {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (n >> 24) as f32 / 64.0 - 2.0;
            if (110..190).contains(&x) && y > 40 {
                Rgb([40, 30, 25])
            } else {
                Rgb(uneven(x, y).map(|v| (v + noise).round() as u8))
            }
        });
        let clear = (0..75 * 50)
            .map(|k| !((25..50).contains(&(k % 75)) && k / 75 > 7))
            .collect();
        (picture, clear)
    }

    #[test]
    fn an_unevenly_lit_wall_is_known_even_behind_the_person() {
        let (picture, clear) = booth();
        let wall = find(&picture, GRID, &clear, None, 40.0, &mut Vec::new()).unwrap();
        let colours = wall.colours();
        for (x, y) in [(20, 20), (150, 20), (150, 120), (280, 180)] {
            let told = colours[y * 300 + x];
            let truth = uneven(x as u32, y as u32);
            assert!((told[1] - truth[1]).abs() < 4.0, "{x},{y}: {told:?} {truth:?}");
        }
        assert!(wall.noise < 3.0);
    }

    #[test]
    fn a_bookshelf_is_not_a_wall() {
        let picture = RgbImage::from_fn(300, 200, |x, y| {
            Rgb([((x / 12 * 83 + y / 50 * 41) % 256) as u8; 3])
        });
        let mut notes = Vec::new();
        assert!(find(&picture, GRID, &vec![true; 75 * 50], None, 40.0, &mut notes).is_none());
        assert!(notes[0].contains("not a plain wall"));
    }

    #[test]
    fn a_plate_of_another_place_is_noticed_and_not_used() {
        let (picture, clear) = booth();
        let other = RgbImage::from_fn(300, 200, |x, _| Rgb([if x % 40 < 20 { 90 } else { 240 }; 3]));
        let mut notes = Vec::new();
        let wall = find(&picture, GRID, &clear, Some(&other), 40.0, &mut notes).unwrap();
        assert!(!wall.from_plate && notes[0].contains("does not fit"));
    }
}
