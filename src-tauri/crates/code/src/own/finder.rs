//! Our own search for finder patterns: 1:1:3:1:1 against the local mean, in linear light, at three scales.
//!
//! Blur fills a finder's rings in. In linear light they still cross the mean around them, where in the
//! camera's own curve the bright side has long swallowed them: that is what the other readers lose.

use image::GrayImage;

use super::plane::Corners;

/// Half the windows of the local mean, in pixels of the scale. The wide one spans 6 to 20 modules of 1.3 to 5
/// pixels, and the three scales overlap; the narrow one, 2.6 to 5 modules of 2.5 to 5 pixels, follows a
/// pattern whose rings are nearly filled in.
const WINDOWS: [usize; 2] = [13, 6];

/// How far a run may be from its 1, 1, 3, 1, 1, in modules. Blur and noise move every edge by up to a third
/// of a module.
const TOLERANCE: f32 = 0.7;

/// Rows between two that are searched.
const ROW_STEP: usize = 2;

/// Finder patterns kept a polarity and scale, the most often crossed first.
const MOST_FINDERS: usize = 14;

/// Finder patterns kept a polarity of all scales: triples grow with their cube, 24 give twelve thousand.
const MOST_TOGETHER: usize = 24;

/// Light that differs from its surroundings by less than this part of it is flat: one level of 90 is 2 %.
const FLAT_PART: i32 = 64;

/// A finder pattern.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finder {
    /// Its middle in frame pixels, 0, 0 is the first pixel's outer corner.
    pub(crate) at: [f32; 2],
    /// Its module in frame pixels, the mean of across and down.
    pub(crate) module: f32,
    /// Rows that crossed it.
    pub(crate) crossed: u32,
    /// Light on dark.
    pub(crate) inverted: bool,
}

/// Three finder patterns that may belong to one symbol: top left, top right, bottom left (or mirrored).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triple {
    pub(crate) finders: [Finder; 3],
    /// Modules a side by the distances, not rounded.
    pub(crate) modules: f32,
    /// Lower is better.
    pub(crate) cost: f32,
}

impl Triple {
    /// The outer corners when the symbol were a parallelogram.
    pub(crate) fn corners(&self) -> Corners {
        let [a, b, c] = self.finders.map(|finder| finder.at);
        let side = self.modules;
        let at = |u: f32, v: f32| {
            let (u, v) = ((u - 3.5) / (side - 7.0), (v - 3.5) / (side - 7.0));
            [0, 1].map(|axis| a[axis] + (b[axis] - a[axis]) * u + (c[axis] - a[axis]) * v)
        };
        [at(0.0, 0.0), at(side, 0.0), at(side, side), at(0.0, side)]
    }
}

/// One scale of the frame: each sample against the mean around it.
struct Scale {
    width: usize,
    height: usize,
    /// Darker than around: −1, lighter: 1, flat: 0.
    signs: Vec<i8>,
    factor: f32,
}

impl Scale {
    fn new(light: &[u16], width: usize, height: usize, factor: f32, reach: usize) -> Self {
        let mut signs = vec![0_i8; width * height];
        let mut columns = vec![0_i32; width];
        let wide = reach;
        let reach = reach.min(height - 1);
        for row in light.chunks_exact(width).take(reach) {
            for (sum, value) in columns.iter_mut().zip(row) {
                *sum += i32::from(*value);
            }
        }
        for y in 0..height {
            if let Some(row) = light.get((y + reach) * width..(y + reach + 1) * width) {
                for (sum, value) in columns.iter_mut().zip(row) {
                    *sum += i32::from(*value);
                }
            }
            if let Some(row) = y
                .checked_sub(reach + 1)
                .and_then(|y| light.get(y * width..(y + 1) * width))
            {
                for (sum, value) in columns.iter_mut().zip(row) {
                    *sum -= i32::from(*value);
                }
            }
            let rows = (y + reach + 1).min(height) - y.saturating_sub(reach);
            let mut window: i32 = columns.iter().take(wide).sum();
            for x in 0..width {
                if let Some(sum) = columns.get(x + wide) {
                    window += sum;
                }
                if let Some(sum) = x.checked_sub(wide + 1).and_then(|x| columns.get(x)) {
                    window -= sum;
                }
                let across = (x + wide + 1).min(width) - x.saturating_sub(wide);
                let count = (rows * across) as i32;
                let off = i32::from(light[y * width + x]) * count - window;
                if off.abs() > window / FLAT_PART {
                    signs[y * width + x] = off.signum() as i8;
                }
            }
        }
        Self {
            width,
            height,
            signs,
            factor,
        }
    }

    fn sign(&self, x: usize, y: usize) -> i8 {
        self.signs.get(y * self.width + x).copied().unwrap_or(0)
    }

    /// The five runs through a middle along one axis, and the middle's refined place; nothing when they are
    /// no 1:1:3:1:1 of about `total` pixels.
    fn cross(&self, middle: [usize; 2], axis: usize, dark: i8, total: f32) -> Option<(f32, f32)> {
        let length = if axis == 0 { self.width } else { self.height };
        let start = middle[axis];
        let sign = |at: usize| {
            if axis == 0 {
                self.sign(at, middle[1])
            } else {
                self.sign(middle[0], at)
            }
        };
        if sign(start) != dark {
            return None;
        }
        let mut runs = [0.0_f32; 5];
        let most = (total * 0.9) as usize + 3;
        let (mut at, mut run) = (start, 2_usize);
        let mut low = start;
        loop {
            let expected = if run % 2 == 0 { dark } else { -dark };
            if sign(at) == expected {
                runs[run] += 1.0;
                low = at;
            } else if run == 0 {
                break;
            } else {
                run -= 1;
                runs[run] += 1.0;
                low = at;
            }
            if at == 0 || start - at > most {
                break;
            }
            at -= 1;
        }
        let (mut at, mut run) = (start + 1, 2_usize);
        while at < length && at - start <= most {
            let expected = if run % 2 == 0 { dark } else { -dark };
            if sign(at) != expected {
                if run == 4 {
                    break;
                }
                run += 1;
            }
            runs[run] += 1.0;
            at += 1;
        }
        let sum: f32 = runs.iter().sum();
        if !looks_like_finder(&runs) || sum > total * 1.7 || sum * 1.7 < total {
            return None;
        }
        let centre = low as f32 + runs[0] + runs[1] + runs[2] / 2.0;
        Some((centre, sum))
    }
}

fn looks_like_finder(runs: &[f32; 5]) -> bool {
    let sum: f32 = runs.iter().sum();
    let module = sum / 7.0;
    let within = |run: f32, modules: f32| (run - modules * module).abs() <= TOLERANCE * module + 0.35;
    sum >= 7.0
        && runs.iter().all(|run| *run >= 1.0)
        && within(runs[0], 1.0)
        && within(runs[1], 1.0)
        && (runs[2] - 3.0 * module).abs() <= 1.1 * module
        && within(runs[3], 1.0)
        && within(runs[4], 1.0)
}

/// Every finder pattern of the frame, at all scales.
pub(crate) fn finders(luma: &GrayImage) -> Vec<Finder> {
    let (mut width, mut height) = (luma.width() as usize, luma.height() as usize);
    let mut light: Vec<u16> = luma.as_raw().iter().map(|level| linear(*level)).collect();
    let mut all = Vec::new();
    let mut factor = 1.0;
    for _ in 0..3 {
        if width < 21 || height < 21 {
            break;
        }
        for reach in WINDOWS {
            search(&Scale::new(&light, width, height, factor, reach), &mut all);
        }
        light = halved(&light, width, height);
        (width, height, factor) = (width / 2, height / 2, factor * 2.0);
    }
    once_each(all)
}

/// One entry for a pattern that several scales or windows found, the most often crossed one.
fn once_each(mut all: Vec<Finder>) -> Vec<Finder> {
    all.sort_by_key(|one| std::cmp::Reverse(one.crossed));
    let mut kept: Vec<Finder> = Vec::new();
    for one in all {
        let same = |other: &Finder| {
            other.inverted == one.inverted
                && (other.at[0] - one.at[0]).hypot(other.at[1] - one.at[1]) < one.module.min(other.module)
                && one.module.max(other.module) < 1.4 * one.module.min(other.module)
        };
        let alike = kept.iter().filter(|other| other.inverted == one.inverted).count();
        if alike < MOST_TOGETHER && !kept.iter().any(same) {
            kept.push(one);
        }
    }
    kept
}

/// The square of a level, 0–65025.
fn linear(level: u8) -> u16 {
    u16::from(level) * u16::from(level)
}

fn halved(light: &[u16], width: usize, height: usize) -> Vec<u16> {
    let mut small = Vec::with_capacity(width / 2 * (height / 2));
    for pair in light.chunks_exact(2 * width).take(height / 2) {
        let (above, below) = pair.split_at(width);
        for (above, below) in above.chunks_exact(2).zip(below.chunks_exact(2)) {
            let sum = u32::from(above[0]) + u32::from(above[1]) + u32::from(below[0]) + u32::from(below[1]);
            small.push(((sum + 2) / 4) as u16);
        }
    }
    small
}

fn search(scale: &Scale, all: &mut Vec<Finder>) {
    let mut here: Vec<Finder> = Vec::new();
    let mut edges: Vec<usize> = Vec::with_capacity(scale.width);
    for y in (0..scale.height).step_by(ROW_STEP) {
        let row = &scale.signs[y * scale.width..(y + 1) * scale.width];
        edges.clear();
        edges.push(0);
        edges.extend((1..row.len()).filter(|x| row[*x] != row[*x - 1]));
        edges.push(row.len());
        for six in edges.windows(6) {
            let runs: [f32; 5] = std::array::from_fn(|i| (six[i + 1] - six[i]) as f32);
            if !looks_like_finder(&runs) {
                continue;
            }
            let dark = row[six[2]];
            let x = usize::midpoint(six[2], six[3]);
            confirm(scale, [x, y], dark, (six[5] - six[0]) as f32, &mut here);
        }
    }
    for inverted in [false, true] {
        let mut kept: Vec<Finder> = here
            .iter()
            .copied()
            .filter(|one| one.inverted == inverted)
            .collect();
        kept.sort_by_key(|one| std::cmp::Reverse(one.crossed));
        all.extend(kept.into_iter().take(MOST_FINDERS));
    }
}

fn confirm(scale: &Scale, [x, y]: [usize; 2], dark: i8, total: f32, found: &mut Vec<Finder>) {
    let Some((cy, tall)) = scale.cross([x, y], 1, dark, total) else {
        return;
    };
    let row = (cy as usize).min(scale.height - 1);
    let Some((cx, wide)) = scale.cross([x, row], 0, dark, total) else {
        return;
    };
    let at = [cx * scale.factor, cy * scale.factor];
    let module = (tall + wide) / 14.0 * scale.factor;
    let same = found.iter_mut().find(|one| {
        (one.at[0] - at[0]).hypot(one.at[1] - at[1]) < 2.5 * module && one.inverted == (dark > 0)
    });
    if let Some(one) = same {
        one.crossed += 1;
        let share = 1.0 / one.crossed as f32;
        for (old, new) in one.at.iter_mut().zip(at) {
            *old += (new - *old) * share;
        }
        one.module += (module - one.module) * share;
        return;
    }
    found.push(Finder {
        at,
        module,
        crossed: 1,
        inverted: dark > 0,
    });
}

/// The likeliest triples, best first, at most `most`.
pub(crate) fn triples(finders: &[Finder], most: usize) -> Vec<Triple> {
    let mut all: Vec<Triple> = Vec::new();
    for corner in 0..finders.len() {
        for right in 0..finders.len() {
            for below in 0..finders.len() {
                if corner == right || corner == below || right == below {
                    continue;
                }
                if let Some(triple) = triple([finders[corner], finders[right], finders[below]]) {
                    all.push(triple);
                }
            }
        }
    }
    all.sort_by(|one, other| one.cost.total_cmp(&other.cost));
    let mut kept: Vec<Triple> = Vec::new();
    for triple in all {
        let near = |other: &Triple| {
            let off = |i: usize| {
                let (one, two) = (triple.finders[i], other.finders[i]);
                (one.at[0] - two.at[0]).hypot(one.at[1] - two.at[1]) < 2.0 * one.module
            };
            (0..3).all(off)
        };
        if !kept.iter().any(near) {
            kept.push(triple);
        }
        if kept.len() >= most {
            break;
        }
    }
    kept
}

/// Judges three finders as top left, top right, bottom left, seen unmirrored (clockwise in the frame).
fn triple(finders: [Finder; 3]) -> Option<Triple> {
    let [a, b, c] = finders;
    if a.inverted != b.inverted || a.inverted != c.inverted {
        return None;
    }
    let sizes = [a.module, b.module, c.module];
    let least = sizes.iter().copied().fold(f32::INFINITY, f32::min);
    let largest = sizes.iter().copied().fold(0.0, f32::max);
    if largest > 1.6 * least {
        return None;
    }
    let (ux, uy) = (b.at[0] - a.at[0], b.at[1] - a.at[1]);
    let (vx, vy) = (c.at[0] - a.at[0], c.at[1] - a.at[1]);
    let (u, v) = (ux.hypot(uy), vx.hypot(vy));
    let turn = ux * vy - uy * vx;
    let lean = ((ux * vx + uy * vy) / (u * v).max(1e-3)).abs();
    let uneven = (u.max(v) / u.min(v).max(1e-3)) - 1.0;
    if turn <= 0.0 || lean > 0.5 || uneven > 0.6 {
        return None;
    }
    let modules = |from: Finder, to: Finder, length: f32| {
        // A finder's extent is measured along the frame's axes; a turned one is wider there.
        let (dx, dy) = ((to.at[0] - from.at[0]).abs(), (to.at[1] - from.at[1]).abs());
        let wider = length / dx.max(dy).max(1e-3);
        length / (f32::midpoint(from.module, to.module) / wider)
    };
    let modules = f32::midpoint(modules(a, b, u), modules(a, c, v)) + 7.0;
    if !(18.0..200.0).contains(&modules) {
        return None;
    }
    let crossed: u32 = finders.iter().map(|finder| finder.crossed.min(8)).sum();
    let cost = lean + uneven + (largest / least - 1.0) + 3.0 / (crossed as f32);
    Some(Triple {
        finders,
        modules,
        cost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::tests::{collection_text, frame, symbol};
    use image::imageops;

    fn best(frame: &GrayImage) -> Triple {
        triples(&finders(frame), 1)[0]
    }

    #[test]
    fn the_three_finders_are_found_sharp_blurred_and_inverted() {
        let shown = symbol(collection_text().as_bytes(), 5);
        let mut dark = shown.clone();
        imageops::invert(&mut dark);
        for (picture, inverted) in [(&shown, false), (&dark, true)] {
            for blur in [0.3, 2.2] {
                let frame = imageops::blur(&frame(&[(picture, 400, 200)]), blur);
                let found = best(&frame);
                let side = shown.width() as f32 / 5.0 - 8.0;
                assert!(
                    (found.modules - side).abs() < 4.0,
                    "{} of {side} modules",
                    found.modules
                );
                let near = 5.0 * 7.5;
                let far = 5.0 * (side + 4.0 - 3.5);
                for (finder, [x, y]) in found.finders.iter().zip([[near, near], [far, near], [near, far]]) {
                    let off = (finder.at[0] - 400.0 - x).hypot(finder.at[1] - 200.0 - y);
                    assert!(off < 2.5, "{off} px off with a blur of {blur}");
                    assert_eq!(finder.inverted, inverted);
                }
            }
        }
    }

    #[test]
    fn an_empty_or_tiny_picture_has_none() {
        for (width, height) in [(0, 0), (21, 21), (22, 400), (400, 22), (64, 64)] {
            assert!(triples(&finders(&GrayImage::new(width, height)), 3).is_empty());
        }
        assert!(triples(&finders(&frame(&[])), 3).is_empty());
    }
}
