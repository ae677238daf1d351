//! Finder patterns by their rings: a search that blur, noise and any turn leave standing.
//!
//! Runs of 1:1:3:1:1 need edges. This search compares circles: at any turn of the pattern its core is dark,
//! the circle at 2.3 modules light, and the one at 3.3 modules mostly dark (or the other way round). Sums of
//! whole rows make that cheap; the survivors are compared with the pattern itself in several turns.

use std::f32::consts::{FRAC_PI_2, TAU};

use image::GrayImage;

use super::plane::Light;

/// Modules sought in every level, in its pixels: each finds what is a tenth smaller or larger. The next level
/// doubles them.
const MODULES: [f32; 4] = [1.6, 1.9, 2.25, 2.7];

/// Modules a glance seeks in the half-size level beside these, for those of 2.2 and 2.7 pixels of the frame.
const SMALL_MODULES: [f32; 2] = [1.1, 1.35];

/// Levels below the frame itself, each half of the one before: modules up to 22 pixels.
const LEVELS: usize = 3;

/// Levels with a shorter side than this show no symbol.
const LEAST_SIDE: usize = 24;

/// The least difference of core and ring and of ring and ring, as a part of the root of the light there: two
/// or three of the camera's levels, what is left of its noise in the mean over a circle.
const LEAST_CONTRAST: f32 = 3.0;

/// Places of one size and polarity that get a second look, the ones with most contrast.
const MOST_PLACES: usize = 400;

/// The same for a glance.
const MOST_GLANCED: usize = 60;

/// Likeness in the second look, which is a coarse one, above which there is a third.
const LEAST_COARSE: f32 = 0.35;

/// Places that get the third look, the likeliest.
const MOST_LOOKED_AT: usize = 64;

/// Patterns kept of all.
const MOST_SPOTS: usize = 24;

/// Correlation with the pattern below which a place is none.
const LEAST_LIKENESS: f32 = 0.5;

/// Turns tried, in a quarter of a circle: the pattern repeats after that.
const TURNS: u8 = 6;

/// A finder pattern found by its rings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    /// Its middle in frame pixels.
    pub(crate) at: [f32; 2],
    /// One module along the pattern's own two axes, in pixels.
    pub(crate) axes: [[f32; 2]; 2],
    /// Correlation with the pattern, 0–1.
    pub(crate) likeness: f32,
    /// Light on dark.
    pub(crate) inverted: bool,
}

impl Spot {
    /// Its module's side in pixels.
    pub(crate) fn module(&self) -> f32 {
        let [[ax, ay], [dx, dy]] = self.axes;
        (ax * dy - ay * dx).abs().sqrt()
    }
}

/// One level of the frame: linear light in eight bits.
struct Level {
    light: Vec<u8>,
    width: usize,
    height: usize,
    /// Frame pixels a pixel.
    factor: f32,
}

impl Level {
    /// The whole frame.
    fn new(luma: &GrayImage) -> Self {
        let table = table(luma);
        Self {
            light: luma
                .as_raw()
                .iter()
                .map(|level| table[usize::from(*level)])
                .collect(),
            width: luma.width() as usize,
            height: luma.height() as usize,
            factor: 1.0,
        }
    }

    /// The frame at half its size.
    fn half(luma: &GrayImage) -> Self {
        let table = table(luma);
        let whole = luma.width() as usize;
        let (width, height) = (whole / 2, luma.height() as usize / 2);
        let mut light = Vec::with_capacity(width * height);
        for pair in luma.as_raw().chunks_exact(2 * whole).take(height) {
            let (above, below) = pair.split_at(whole);
            let blocks = above.chunks_exact(2).zip(below.chunks_exact(2));
            light.extend(blocks.map(|(above, below)| {
                let sum =
                    u16::from(above[0]) + u16::from(above[1]) + u16::from(below[0]) + u16::from(below[1]);
                table[usize::from((sum + 2) / 4)]
            }));
        }
        Self {
            light,
            width,
            height,
            factor: 2.0,
        }
    }

    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut light = Vec::with_capacity(width * height);
        for pair in self.light.chunks_exact(2 * self.width).take(height) {
            let (above, below) = pair.split_at(self.width);
            let blocks = above.chunks_exact(2).zip(below.chunks_exact(2));
            light.extend(blocks.map(|(above, below)| {
                let sum =
                    u16::from(above[0]) + u16::from(above[1]) + u16::from(below[0]) + u16::from(below[1]);
                ((sum + 2) / 4) as u8
            }));
        }
        Self {
            light,
            width,
            height,
            factor: self.factor * 2.0,
        }
    }

    /// The even and the odd columns, each by itself.
    fn columns(&self) -> [Vec<u8>; 2] {
        let half = self.width / 2;
        [0, 1].map(|odd| {
            let mut columns = vec![0; half * self.height];
            for (out, row) in columns
                .chunks_exact_mut(half)
                .zip(self.light.chunks_exact(self.width))
            {
                for (out, pair) in out.iter_mut().zip(row.chunks_exact(2)) {
                    *out = pair[odd];
                }
            }
            columns
        })
    }
}

/// Linear light in eight bits. The brightest thousandth is the top of the scale: a dim frame keeps its shades, and a
/// small symbol that is the only light in one is not cut off at the top.
fn table(luma: &GrayImage) -> [u8; 256] {
    let mut counts = [0_usize; 256];
    for level in luma.as_raw().iter().step_by(17) {
        counts[usize::from(*level)] += 1;
    }
    let all: usize = counts.iter().sum();
    let mut above = 0;
    let top = (0..256_usize).rev().find(|level| {
        above += counts[*level];
        above * 1000 > all
    });
    let top = (top.unwrap_or(255).max(24) as f32).powi(2);
    std::array::from_fn(|level| ((level * level) as f32 * 255.0 / top).min(255.0).round() as u8)
}

fn circle(radius: f32, count: u8) -> Vec<(i32, i32)> {
    (0..count)
        .map(|i| {
            let angle = TAU * (f32::from(i) + 0.5) / f32::from(count);
            (
                (radius * angle.cos()).round() as i32,
                (radius * angle.sin()).round() as i32,
            )
        })
        .collect()
}

/// Middles worked on together: two registers of the plainest processors.
const STRIP: usize = 16;

/// Sums the samples at these starts in the even and odd columns for sixteen neighbouring middles.
fn sums(columns: &[Vec<u8>; 2], starts: &[(usize, usize)], shift: usize) -> [u16; STRIP] {
    let mut sums = [0_u16; STRIP];
    for (odd, start) in starts {
        let Some(row) = columns[*odd].get(start + shift..start + shift + STRIP) else {
            continue;
        };
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += u16::from(*value);
        }
    }
    sums
}

#[derive(Clone, Copy, Default)]
struct Place {
    x: usize,
    y: usize,
    /// In linear light times 72.
    contrast: i32,
    /// The core's or the ring's light, times about ten.
    light: u16,
}

impl Place {
    /// The contrast against the root of the light there: noise is about that.
    fn strength(&self) -> f32 {
        self.contrast as f32 / (72.0 * (f32::from(self.light) / 10.0 + 4.0).sqrt())
    }
}

/// The strongest places of one size, dark on light and light on dark, at most one a cell.
fn places(level: &Level, columns: &[Vec<u8>; 2], module: f32) -> [Vec<Place>; 2] {
    const ROUND: u8 = 12;
    let (width, height) = (level.width, level.height);
    let margin = (4.7 * module).ceil() as usize + 1;
    if width < 3 * margin || height < 3 * margin || width < 8 {
        return [Vec::new(), Vec::new()];
    }
    let mut core = circle(module, 8);
    core.push((0, 0));
    let zones = [
        core,
        circle(2.3 * module, ROUND),
        circle(3.25 * module, ROUND),
        circle(4.4 * module, ROUND),
    ];
    let half = width / 2;
    let least = (LEAST_CONTRAST * 2.0 * 72.0) as i32;
    let cell = (3.0 * module).round().max(4.0) as usize;
    let cells = width.div_ceil(cell);
    let mut best = [0, 1].map(|_| vec![Place::default(); cells * height.div_ceil(cell)]);
    let mut starts = [0, 1, 2, 3].map(|_| vec![(0_usize, 0_usize); ROUND.into()]);
    for y in (margin..height - margin).step_by(2) {
        for (starts, offsets) in starts.iter_mut().zip(&zones) {
            starts.clear();
            starts.extend(offsets.iter().map(|(dx, dy)| {
                let (x, y) = ((margin as i32 + dx) as usize, (y as i32 + dy) as usize);
                (x % 2, y * half + x / 2)
            }));
        }
        let row = y / cell * cells;
        for shift in (0..(half - margin).saturating_sub(STRIP)).step_by(STRIP) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|zone| sums(columns, &starts[zone], shift));
            let mut contrasts = [0_i32; STRIP];
            for (i, contrast) in contrasts.iter_mut().enumerate() {
                let [core, ring, outer, far] = [&a, &b, &c, &d].map(|zone| i32::from(zone[i]));
                // (ring − core) + (ring − outer) + (far − outer) / 2, in means times 72.
                let whole = 12 * ring - 8 * core - 9 * outer + 3 * far;
                // Dark on light both ways, or light on dark both ways.
                let one_way = (3 * ring > 4 * core) == (whole > 0);
                *contrast = if one_way { whole } else { 0 };
            }
            for (quarter, four) in contrasts.chunks_exact(4).enumerate() {
                let (low, high) = four
                    .iter()
                    .fold((0, 0), |(low, high), one| (low.min(*one), high.max(*one)));
                for (best, strongest) in best.iter_mut().zip([high, low]) {
                    if strongest.abs() > least {
                        let i = 4 * quarter + four.iter().position(|one| *one == strongest).unwrap_or(0);
                        let x = 2 * (shift + i) + margin;
                        let place = &mut best[row + x / cell];
                        if strongest.abs() > place.contrast {
                            (place.x, place.y, place.contrast) = (x, y, strongest.abs());
                            place.light = a[i].max(b[i]);
                        }
                    }
                }
            }
        }
    }
    best.map(|all| strongest(&all, cells, cell))
}

/// The places of a grid of cells that no stronger one stands close to, the strongest first.
fn strongest(all: &[Place], cells: usize, cell: usize) -> Vec<Place> {
    let lonely = |place: &&Place| {
        let (column, row) = (place.x / cell, place.y / cell);
        let columns = column.saturating_sub(1)..=(column + 1).min(cells - 1);
        let around =
            (row.saturating_sub(1)..=row + 1).flat_map(|row| columns.clone().map(move |x| row * cells + x));
        around.filter_map(|at| all.get(at)).all(|other| {
            let apart = other.x.abs_diff(place.x).max(other.y.abs_diff(place.y));
            other.contrast <= place.contrast || apart > cell / 2
        })
    };
    let there = all
        .iter()
        .filter(|place| place.contrast > 0 && place.strength() > LEAST_CONTRAST);
    let mut kept: Vec<(f32, Place)> = there
        .filter(lonely)
        .map(|place| (place.strength(), *place))
        .collect();
    kept.sort_by(|one, other| other.0.total_cmp(&one.0));
    kept.truncate(MOST_PLACES);
    kept.into_iter().map(|(_, place)| place).collect()
}

/// The second look: the pattern in whole pixels, in every turn.
struct Coarse {
    turns: Vec<(f32, [i32; PATTERN.len()])>,
}

impl Coarse {
    fn new(level: &Level, module: f32) -> Self {
        let turns = (0..TURNS).map(|turn| {
            let angle = FRAC_PI_2 * f32::from(turn) / f32::from(TURNS);
            let (sin, cos) = (angle.sin() * module, angle.cos() * module);
            let offsets = PATTERN.map(|([u, v], _)| {
                let (x, y) = (
                    (cos * u - sin * v).round() as i32,
                    (sin * u + cos * v).round() as i32,
                );
                y * level.width as i32 + x
            });
            (angle, offsets)
        });
        Self {
            turns: turns.collect(),
        }
    }

    /// The best turn and the likeness, −1..=1.
    fn look(&self, level: &Level, place: &Place, inverted: bool) -> Option<(f32, f32, [usize; 2])> {
        let at = place.y * level.width + place.x;
        let sign = if inverted { -1.0 } else { 1.0 };
        let looks = self.turns.iter().enumerate();
        let looks = looks.map(|(i, (_, offsets))| (i, sign * coarse_likeness(level, at, offsets)));
        let (turn, mut most) = looks.max_by(|one, other| one.1.total_cmp(&other.1))?;
        let (angle, offsets) = &self.turns[turn];
        let mut best = [place.x, place.y];
        if most > LEAST_COARSE * 0.6 {
            for (dx, dy) in [(0, 1), (1, 0), (1, 2), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)] {
                let (x, y) = (place.x + dx - 1, place.y + dy - 1);
                let likeness = sign * coarse_likeness(level, y * level.width + x, offsets);
                if likeness > most {
                    (most, best) = (likeness, [x, y]);
                }
            }
        }
        Some((*angle, most, best))
    }
}

fn coarse_likeness(level: &Level, at: usize, offsets: &[i32; PATTERN.len()]) -> f32 {
    let (mut s, mut ss, mut st) = (0_i32, 0_i32, 0_i32);
    for (offset, (_, sign)) in offsets.iter().zip(PATTERN) {
        let value = level
            .light
            .get((at as i32 + offset) as usize)
            .map_or(0, |value| i32::from(*value));
        s += value;
        ss += value * value;
        st += if sign > 0.0 { value } else { -value };
    }
    correlation(s as f32, ss as f32, st as f32, 1.0)
}

/// Of the pattern and samples with this sum, sum of squares and sum with signs; `least` is a spread in which
/// nothing is seen.
fn correlation(s: f32, ss: f32, st: f32, least: f32) -> f32 {
    let count = PATTERN.len() as f32;
    let spread = (ss - s * s / count) * (count - SIGNS * SIGNS / count);
    (st - s * SIGNS / count) / (spread.max(0.0).sqrt() + least * count)
}

/// The pattern with the light around it, 9 × 9 modules less the corners: places and signs, light positive.
const PATTERN: [([f32; 2], f32); 77] = pattern();

const fn pattern() -> [([f32; 2], f32); 77] {
    let mut pattern = [([0.0, 0.0], 0.0); 77];
    let (mut count, mut y) = (0, -4_i8);
    while y <= 4 {
        let mut x = -4_i8;
        while x <= 4 {
            let (ax, ay) = (x.unsigned_abs(), y.unsigned_abs());
            let far = if ax > ay { ax } else { ay };
            if !(ax == 4 && ay == 4) {
                let light = far == 2 || far == 4;
                pattern[count] = ([x as f32, y as f32], if light { 1.0 } else { -1.0 });
                count += 1;
            }
            x += 1;
        }
        y += 1;
    }
    pattern
}

/// The sum of the pattern's signs.
const SIGNS: f32 = signs();

const fn signs() -> f32 {
    let (mut sum, mut i) = (0.0, 0);
    while i < PATTERN.len() {
        sum += PATTERN[i].1;
        i += 1;
    }
    sum
}

/// The correlation of the light with the pattern laid out along the axes, −1..=1: positive for dark on light.
pub(crate) fn likeness(light: &Light, at: [f32; 2], axes: &[[f32; 2]; 2]) -> f32 {
    let [[ax, ay], [dx, dy]] = *axes;
    let (mut s, mut ss, mut st) = (0.0, 0.0, 0.0);
    for ([u, v], sign) in PATTERN {
        let value = light.at([at[0] + ax * u + dx * v, at[1] + ay * u + dy * v]);
        s += value;
        ss += value * value;
        st += sign * value;
    }
    correlation(s, ss, st, 1e-4)
}

/// Moves the place, then bends the axes, until the likeness is best.
pub(crate) fn refined(light: &Light, start: Spot) -> Spot {
    let sign = if start.inverted { -1.0 } else { 1.0 };
    let mut best = start;
    best.likeness = sign * likeness(light, best.at, &best.axes);
    let module = start.module();
    let mut step = 0.6;
    while step > 0.1 {
        let mut moved = false;
        for knob in 0..6 {
            for way in [-step, step] {
                let mut next = best;
                match knob {
                    0 | 1 => next.at[knob] += way * module,
                    _ => next.axes[knob / 2 - 1][knob % 2] += 0.25 * way * module,
                }
                next.likeness = sign * likeness(light, next.at, &next.axes);
                if next.likeness > best.likeness + 1e-4 {
                    (best, moved) = (next, true);
                    break;
                }
            }
        }
        if !moved {
            step *= 0.5;
        }
    }
    best
}

/// What the half-size frame and the levels below it show, not yet looked at closely, the likeliest first.
pub(crate) fn glance(luma: &GrayImage) -> Vec<Spot> {
    let mut all: Vec<Spot> = Vec::new();
    if luma.width() < 2 || luma.height() < 2 {
        return all;
    }
    let mut level = Level::half(luma);
    for step in 0..LEVELS {
        if level.width.min(level.height) < LEAST_SIDE {
            break;
        }
        if step == 0 {
            look_at(&level, &SMALL_MODULES, MOST_GLANCED, &mut all);
        }
        look_at(&level, &MODULES, MOST_GLANCED, &mut all);
        level = level.halved();
    }
    all.sort_by(|one, other| other.likeness.total_cmp(&one.likeness));
    all
}

/// Whether a glance saw what may be a symbol: in frames of print and boxes without one the best triple costs
/// 1.57 and more and the third best pattern has a likeness of 0.58 at most.
pub(crate) fn promising(glanced: &[Spot]) -> bool {
    let likely = &glanced[..glanced.len().min(MOST_SPOTS)];
    glanced.get(2).is_some_and(|third| third.likeness > 0.6)
        || triples(likely, 1).first().is_some_and(|best| best.cost < 1.5)
}

/// The finder patterns of a frame, the likeliest first: those of the glance and what the frame itself shows.
pub(crate) fn spots(luma: &GrayImage, light: &Light, glanced: &[Spot]) -> Vec<Spot> {
    let mut all: Vec<Spot> = glanced.to_vec();
    if luma.width().min(luma.height()) as usize >= LEAST_SIDE {
        look_at(&Level::new(luma), &MODULES, MOST_PLACES, &mut all);
    }
    all.sort_by(|one, other| other.likeness.total_cmp(&one.likeness));
    once_each(all, light)
}

fn look_at(level: &Level, modules: &[f32], most: usize, all: &mut Vec<Spot>) {
    let columns = level.columns();
    for &module in modules {
        let coarse = Coarse::new(level, module);
        for (inverted, places) in [false, true].into_iter().zip(places(level, &columns, module)) {
            all.extend(places.iter().take(most).filter_map(|place| {
                let (angle, likeness, at) = coarse.look(level, place, inverted)?;
                let size = module * level.factor;
                let (sin, cos) = (angle.sin() * size, angle.cos() * size);
                (likeness > LEAST_COARSE).then_some(Spot {
                    at: at.map(|at| (at as f32 + 0.5) * level.factor),
                    axes: [[cos, sin], [-sin, cos]],
                    likeness,
                    inverted,
                })
            }));
        }
    }
}

/// Refines the likeliest and keeps one of those that are the same.
fn once_each(all: Vec<Spot>, light: &Light) -> Vec<Spot> {
    let near = |one: &Spot, other: &Spot, modules: f32| {
        (other.at[0] - one.at[0]).hypot(other.at[1] - one.at[1]) < modules * one.module().min(other.module())
    };
    let mut coarse: Vec<Spot> = Vec::new();
    for spot in all {
        if coarse.len() < MOST_LOOKED_AT && !coarse.iter().any(|other| near(other, &spot, 1.5)) {
            coarse.push(spot);
        }
    }
    let mut fine: Vec<Spot> = coarse.into_iter().map(|spot| refined(light, spot)).collect();
    fine.sort_by(|one, other| other.likeness.total_cmp(&one.likeness));
    let mut kept: Vec<Spot> = Vec::new();
    for spot in fine {
        let room = kept.len() < MOST_SPOTS && spot.likeness > LEAST_LIKENESS;
        if room && !kept.iter().any(|other| near(other, &spot, 3.0)) {
            kept.push(spot);
        }
    }
    kept
}

/// Three patterns that may be one symbol's: top left, top right, bottom left as seen unmirrored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corner3 {
    pub(crate) at: [[f32; 2]; 3],
    pub(crate) inverted: bool,
    /// Modules a side, not rounded.
    pub(crate) modules: f32,
    /// Lower is better.
    pub(crate) cost: f32,
}

/// A leg between two patterns: its length in modules and how far it is from the axes of both, as a share.
fn leg(from: &Spot, to: &Spot) -> Option<(f32, f32)> {
    let apart = [0, 1].map(|axis| to.at[axis] - from.at[axis]);
    let along = |spot: &Spot| {
        let [[ax, ay], [dx, dy]] = spot.axes;
        let det = ax * dy - ay * dx;
        let u = (apart[0] * dy - apart[1] * dx) / det;
        let v = (ax * apart[1] - ay * apart[0]) / det;
        let (long, short) = (u.abs().max(v.abs()), u.abs().min(v.abs()));
        (long, short / long.max(1e-3))
    };
    let ((one, off_one), (other, off_other)) = (along(from), along(to));
    // A module shrinks evenly along the leg: lengths in modules average as their inverses.
    let length = 2.0 / (1.0 / one + 1.0 / other);
    let off = off_one.max(off_other);
    (off < 0.45 && (12.0..185.0).contains(&length) && one.max(other) < 1.9 * one.min(other))
        .then_some((length, off))
}

/// The likeliest triples, best first, at most `most`.
pub(crate) fn triples(spots: &[Spot], most: usize) -> Vec<Corner3> {
    let mut all: Vec<Corner3> = Vec::new();
    for (a, corner) in spots.iter().enumerate() {
        let legs: Vec<(usize, f32, f32)> = spots
            .iter()
            .enumerate()
            .filter(|(b, other)| *b != a && other.inverted == corner.inverted)
            .filter_map(|(b, other)| leg(corner, other).map(|(length, off)| (b, length, off)))
            .collect();
        for (b, right, off_right) in &legs {
            for (c, below, off_below) in &legs {
                let [p, q, r] = [a, *b, *c].map(|i| spots[i].at);
                let (ux, uy, vx, vy) = (q[0] - p[0], q[1] - p[1], r[0] - p[0], r[1] - p[1]);
                let (turn, lengths) = (ux * vy - uy * vx, ux.hypot(uy) * vx.hypot(vy));
                let uneven = (right / below).ln().abs();
                if turn < 0.45 * lengths || uneven > 0.35 {
                    continue;
                }
                let likeness: f32 = [a, *b, *c].map(|i| 1.0 - spots[i].likeness).iter().sum();
                all.push(Corner3 {
                    at: [p, q, r],
                    inverted: corner.inverted,
                    modules: f32::midpoint(*right, *below) + 7.0,
                    cost: likeness + 2.0 * uneven + 0.5 * (off_right + off_below),
                });
            }
        }
    }
    all.sort_by(|one, other| one.cost.total_cmp(&other.cost));
    all.truncate(most);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::tests::{collection_text, frame, symbol};
    use image::imageops;

    fn found(frame: &GrayImage) -> Vec<Corner3> {
        let light = Light::whole(frame).unwrap();
        triples(&spots(frame, &light, &glance(frame)), 3)
    }

    #[test]
    fn the_three_finders_are_found_sharp_blurred_inverted_and_turned() {
        let shown = symbol(collection_text().as_bytes(), 5);
        let mut dark = shown.clone();
        imageops::invert(&mut dark);
        for (picture, inverted) in [(&shown, false), (&dark, true)] {
            for blur in [0.3, 3.0] {
                let frame = imageops::blur(&frame(&[(picture, 400, 200)]), blur);
                assert!(promising(&glance(&frame)), "a glance is enough");
                let found = found(&frame)[0];
                let side = shown.width() as f32 / 5.0 - 8.0;
                let modules = found.modules;
                assert!((modules - side).abs() < 3.0, "{modules} of {side} modules");
                let (near, far) = (5.0 * 7.5, 5.0 * (side + 4.0 - 3.5));
                for (at, [x, y]) in found.at.iter().zip([[near, near], [far, near], [near, far]]) {
                    let off = (at[0] - 400.0 - x).hypot(at[1] - 200.0 - y);
                    assert!(off < 1.5, "{off} px off with a blur of {blur}");
                }
                assert_eq!(found.inverted, inverted);
            }
        }
    }

    #[test]
    fn finders_of_every_size_are_found() {
        for module in [2, 3, 4, 7, 10] {
            let shown = symbol(b"a short text", module);
            let frame = frame(&[(&shown, 300, 100)]);
            let found = found(&frame)[0];
            let middle = 300.0 + 7.5 * module as f32;
            assert!(
                (found.at[0][0] - middle).abs() < 0.5 * module as f32,
                "{module} px a module"
            );
        }
    }

    #[test]
    fn an_empty_or_tiny_picture_has_none() {
        for (width, height) in [(8, 8), (21, 21), (22, 400), (400, 22), (64, 64), (33, 1000)] {
            let frame = GrayImage::new(width, height);
            assert!(!promising(&glance(&frame)));
            assert!(found(&frame).is_empty());
        }
        let room = frame(&[]);
        assert!(!promising(&glance(&room)));
        assert!(found(&room).is_empty());
    }
}
