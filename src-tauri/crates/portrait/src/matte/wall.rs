//! The wall behind the person: taken from an empty-wall plate, or fitted to what is seen of it around the person.
//!
//! A booth's wall is one colour under smooth light, so a low-order polynomial a channel describes it; what is left
//! over (a soft shadow, a lamp that drifts) is carried by a smooth correction measured on wall pixels alone. If the
//! surroundings are no wall, that shows in the residuals and is said, and the matte does without.

use image::RgbImage;

use super::field::Field;

/// Residual spread, in 8-bit levels, up to which surroundings count as a wall. Camera noise of a lit booth is 1–4
/// levels; plaster and paper add a few; curtains, shelves and windows have dozens.
const WALL_SPREAD: f32 = 9.0;
/// Share of the visible surroundings that must fit the model.
const WALL_SHARE: f32 = 0.72;
/// Below this share there is something before the wall; it is said.
const CLEAN_SHARE: f32 = 0.9;
/// A residual beyond this many levels is something on the wall, whatever the spread.
const FOREIGN: f32 = 26.0;

/// The wall as it would look without the person, in 8-bit levels as fractions.
#[derive(Debug, Clone)]
pub(crate) struct Wall {
    pub(crate) colour: Vec<[f32; 3]>,
    /// Spread of wall pixels around it, in 8-bit levels; at least 1.
    pub(crate) noise: f32,
    /// Where the model came from.
    pub(crate) from_plate: bool,
}

/// Finds the wall. `clear` marks pixels that are surely not the person; `unit` is the distance between the eyes in
/// pixels. Notes say what a person should know.
pub(crate) fn find(
    picture: &RgbImage,
    clear: &[bool],
    plate: Option<&RgbImage>,
    unit: f32,
    notes: &mut Vec<String>,
) -> Option<Wall> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let pixels: Vec<[f32; 3]> = picture.pixels().map(|p| p.0.map(f32::from)).collect();
    let step = (((w * h) as f32 / 60_000.0).sqrt() as usize).max(1);
    let samples: Vec<usize> = (0..h)
        .step_by(step)
        .flat_map(|y| (0..w).step_by(step).map(move |x| y * w + x))
        .filter(|&i| clear[i])
        .collect();
    if samples.len() < 400 || samples.len() * 50 < (w / step) * (h / step) {
        notes.push("too little wall is visible around the person to model it".into());
        return None;
    }
    let from_plate = plate.and_then(|plate| {
        let plate: Vec<[f32; 3]> = plate.pixels().map(|p| p.0.map(f32::from)).collect();
        let base = regained(&pixels, &plate, &samples);
        let (spread, share) = residuals(&pixels, &base, &samples);
        if share >= WALL_SHARE && spread <= WALL_SPREAD {
            Some((base, spread))
        } else {
            notes.push(format!(
                "the empty-wall picture does not fit this capture (spread {spread:.1} levels, {:.0} % of the wall \
                 agrees): camera or light moved; it was not used",
                share * 100.0
            ));
            None
        }
    });
    let (base, spread, from_plate) = if let Some((base, spread)) = from_plate {
        (base, spread, true)
    } else {
        let base = polynomial(&pixels, &samples, w, h);
        let (spread, share) = residuals(&pixels, &base, &samples);
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
        (base, spread, false)
    };
    let colour = corrected(&pixels, &base, clear, spread, unit, w, h);
    let (noise, _) = residuals(&pixels, &colour, &samples);
    Some(Wall {
        colour,
        noise: noise.max(1.0),
        from_plate,
    })
}

/// The plate with one gain a channel, so that a lamp that warms up does not matter.
fn regained(pixels: &[[f32; 3]], plate: &[[f32; 3]], samples: &[usize]) -> Vec<[f32; 3]> {
    let gain = [0, 1, 2].map(|c| {
        median(
            samples
                .iter()
                .filter(|&&i| plate[i][c] > 8.0)
                .map(|&i| pixels[i][c] / plate[i][c])
                .collect(),
        )
        .unwrap_or(1.0)
        .clamp(0.5, 2.0)
    });
    plate
        .iter()
        .map(|p| [0, 1, 2].map(|c| (p[c] * gain[c]).min(255.0)))
        .collect()
}

/// Robust spread of the residuals in levels, and the share of samples that fit.
fn residuals(pixels: &[[f32; 3]], base: &[[f32; 3]], samples: &[usize]) -> (f32, f32) {
    let off = |i: usize| -> f32 {
        let d = [0, 1, 2].map(|c| (pixels[i][c] - base[i][c]).abs());
        d[0].max(d[1]).max(d[2])
    };
    let all: Vec<f32> = samples.iter().map(|&i| off(i)).collect();
    // The largest of three normal deviations has its median at 1.19 standard deviations.
    let spread = median(all.clone()).unwrap_or(f32::MAX) / 1.19;
    let limit = (4.0 * spread).clamp(8.0, FOREIGN);
    let fitting = all.iter().filter(|&&d| d <= limit).count();
    (spread, fitting as f32 / all.len().max(1) as f32)
}

/// Quadratic surface a channel by iteratively reweighted least squares with Tukey's biweight.
fn polynomial(pixels: &[[f32; 3]], samples: &[usize], w: usize, h: usize) -> Vec<[f32; 3]> {
    let terms = |i: usize| {
        let x = (i % w) as f64 / w as f64 * 2.0 - 1.0;
        let y = (i / w) as f64 / h as f64 * 2.0 - 1.0;
        [1.0, x, y, x * x, x * y, y * y]
    };
    let fit = |c: usize| -> [f64; 6] {
        let mut weights = vec![1.0f64; samples.len()];
        // Begin at the median colour: half the surroundings may be something else.
        let centre = f64::from(median(samples.iter().map(|&i| pixels[i][c]).collect()).unwrap_or(0.0));
        let mut found = [centre, 0.0, 0.0, 0.0, 0.0, 0.0];
        for round in 0..8 {
            let off: Vec<f64> = samples
                .iter()
                .map(|&i| {
                    f64::from(pixels[i][c]) - terms(i).iter().zip(&found).map(|(t, f)| t * f).sum::<f64>()
                })
                .collect();
            let spread =
                f64::from(median(off.iter().map(|o| o.abs() as f32).collect()).unwrap_or(1.0)) * 1.4826;
            let reach = (4.7 * spread).clamp(4.0, if round < 3 { 60.0 } else { 30.0 });
            for (weight, o) in weights.iter_mut().zip(&off) {
                let u = (o / reach).abs();
                *weight = if u < 1.0 { (1.0 - u * u).powi(2) } else { 0.0 };
            }
            let mut normal = [[0.0f64; 7]; 6];
            for (&i, &weight) in samples.iter().zip(&weights) {
                let t = terms(i);
                for a in 0..6 {
                    for b in 0..6 {
                        normal[a][b] += weight * t[a] * t[b];
                    }
                    normal[a][6] += weight * t[a] * f64::from(pixels[i][c]);
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
    let coefficients = [fit(0), fit(1), fit(2)];
    (0..w * h)
        .map(|i| {
            let t = terms(i);
            coefficients.map(|f| (t.iter().zip(&f).map(|(t, f)| t * f).sum::<f64>() as f32).clamp(0.0, 255.0))
        })
        .collect()
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

/// Adds what wall pixels still deviate, smoothed over half an inter-eye distance: soft shadows, uneven light.
fn corrected(
    pixels: &[[f32; 3]],
    base: &[[f32; 3]],
    clear: &[bool],
    spread: f32,
    unit: f32,
    w: usize,
    h: usize,
) -> Vec<[f32; 3]> {
    // A quarter of the resolution is plenty for what is smooth by construction.
    const COARSE: usize = 4;
    let (cw, ch) = (w.div_ceil(COARSE), h.div_ceil(COARSE));
    let limit = (5.0 * spread).clamp(10.0, FOREIGN);
    let mut count = Field::new(cw, ch, 0.0);
    let mut sums = [
        Field::new(cw, ch, 0.0),
        Field::new(cw, ch, 0.0),
        Field::new(cw, ch, 0.0),
    ];
    for (i, (&p, &b)) in pixels.iter().zip(base).enumerate() {
        let off = [0, 1, 2].map(|c| p[c] - b[c]);
        if clear[i] && off.iter().all(|o| o.abs() <= limit) {
            let k = (i / w / COARSE) * cw + i % w / COARSE;
            count.v[k] += 1.0;
            for (sum, o) in sums.iter_mut().zip(off) {
                sum.v[k] += o;
            }
        }
    }
    let r = ((unit * 0.35) as usize / COARSE).max(2);
    let count = count.smooth(r);
    let off = sums.map(|sum| {
        let sum = sum.smooth(r);
        // Pixels far from any visible wall get no correction rather than a wild one.
        let v = sum.v.iter().zip(&count.v).map(|(s, n)| s / (n + 0.15)).collect();
        Field { w: cw, h: ch, v }
    });
    (0..w * h)
        .map(|i| {
            let (x, y) = ((i % w) as f32, (i / w) as f32);
            let at = |f: &Field| f.at((x + 0.5) / COARSE as f32 - 0.5, (y + 0.5) / COARSE as f32 - 0.5);
            [0, 1, 2].map(|c| (base[i][c] + at(&off[c])).clamp(0.0, 255.0))
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
        let clear = (0..300 * 200)
            .map(|i| !((100..200).contains(&(i % 300)) && i / 300 > 30))
            .collect();
        (picture, clear)
    }

    #[test]
    fn an_unevenly_lit_wall_is_known_even_behind_the_person() {
        let (picture, clear) = booth();
        let wall = find(&picture, &clear, None, 40.0, &mut Vec::new()).unwrap();
        for (x, y) in [(20, 20), (150, 20), (150, 120), (280, 180)] {
            let told = wall.colour[y * 300 + x];
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
        assert!(find(&picture, &vec![true; 300 * 200], None, 40.0, &mut notes).is_none());
        assert!(notes[0].contains("not a plain wall"));
    }

    #[test]
    fn a_plate_of_another_place_is_noticed_and_not_used() {
        let (picture, clear) = booth();
        let other = RgbImage::from_fn(300, 200, |x, _| Rgb([if x % 40 < 20 { 90 } else { 240 }; 3]));
        let mut notes = Vec::new();
        let wall = find(&picture, &clear, Some(&other), 40.0, &mut notes).unwrap();
        assert!(!wall.from_plate && notes[0].contains("does not fit"));
    }
}
