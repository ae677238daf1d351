//! Parting before a known wall.
//!
//! Wall that looks like wall and hangs together with the open wall is wall; whatever the flood of it does not reach
//! is person, though a white shirt may here and there have the wall's own colour. Between the two runs a band: as
//! wide as strands show, two pixels where they do not.

use std::sync::atomic::{AtomicU8, Ordering};

use image::RgbImage;
use rayon::prelude::*;

use super::band::{Band, Open, SLOPE, finish, noise};
use super::colours::{Colour, Colours, Told, told};
use super::field::{Field, blurred, distance_to};
use super::outline::Outline;
use super::smoothstep;
use super::wall::Wall;
use crate::compose::{linear, srgb};

/// How well the wall's model is trusted behind the person, in levels.
const WALL_DOUBT: f32 = 1.0;
/// Weight of a pixel's own word against the solver's smoothness, times the variance of it.
const WORD: f32 = 2e-3;
/// Contrast between person and wall, in levels, up to which a pixel's own word says nothing and from which all: a
/// white shirt's own shading is some 25 levels.
const FAINT: [f32; 2] = [24.0, 60.0];
/// A person brighter than the wall and no grainier than this times the noise, plus this many levels, is cloth or skin:
/// towards its edge it darkens like the wall, and no pixel inside is mixed.
const SMOOTH: [f32; 2] = [4.5, 3.0];
/// Curls let the wall through far from their edge: of the colours taken for hair only those count that lie so far from
/// the wall's, as a share of their mean.
const PURE: f32 = 0.97;
/// What is darker than the wall by so many levels is no fold in a white shirt,
const DARKER: f32 = 40.0;
/// and so many pixels around it are among strands,
const REACH: usize = 4;
/// What has less than this share of the wall's light may be hair.
const HAIR: f32 = 0.35;
/// Variance of coverage from which a pixel's own word says nothing.
const NOTHING: f32 = 0.06;

#[expect(
    clippy::too_many_lines,
    reason = "wall, flood, colours, band: one story over the same rows of pixels"
)]
pub(super) fn part(
    photo: &RgbImage,
    light: &[[f32; 3]],
    mut wall: Wall,
    outline: &Outline,
    solid: &[bool],
    unit: f32,
) -> (Field, Vec<[u8; 3]>) {
    let (w, h) = (photo.width() as usize, photo.height() as usize);
    let mut colours = wall.colours();
    let mut strength = differing(photo, &colours, w);
    let mut limit = limits(&strength, outline, unit);
    let mut outside = flooded(&strength, visible(&wall), &limit, outline, unit, true);
    {
        let bare = shrunk(&outside, w, 3);
        wall.refine(photo, &colours, |i| bare[i] != 0, unit);
        colours = wall.colours();
        strength = differing(photo, &colours, w);
        limit = limits(&strength, outline, unit);
        outside = flooded(&strength, visible(&wall), &limit, outline, unit, false);
    }
    let ((away, fringe), strands) = rayon::join(
        || {
            rayon::join(
                || distance_to(w, h, |i| outside[i] != 0),
                || grown(&outside.iter().map(|o| 1 - o).collect::<Vec<u8>>(), w, 2),
            )
        },
        || strands(photo, &colours, w),
    );
    let behind = |i: usize| {
        let level = colours[i];
        let slope = level.map(|v| (WALL_DOUBT * SLOPE[v as usize]).powi(2));
        Colour {
            voice: 1.0,
            mean: level.map(linear_of_level),
            spread: [slope[0], 0.0, 0.0, slope[1], 0.0, slope[2]],
        }
    };
    let side = |i: usize| usize::from(luminance(light[i]) > luminance(colours[i].map(linear_of_level)));
    let told = |i: usize, own: &Colour| told(light[i], own, &behind(i), noise(photo, i, wall.noise));
    let persons = persons(light, outline, &away.v, unit, &side, &behind, &told);
    // The person near is unlike the wall.
    let unlike = |i: usize| limit[outline.grid.of(i)] > 0.4;
    let own = |x: usize, y: usize| {
        let i = y * w + x;
        let of = [persons[0].at(x, y), persons[1].at(x, y)];
        let side = side(i);
        // Too near the wall's own colour to tell, or nobody of that kind about: whoever is nearer.
        let heard = of[side].voice >= 0.03 * of[1 - side].voice;
        let nearer = if heard && strength[i] > 2.0 * visible(&wall) {
            of[side]
        } else if of[0].voice >= of[1].voice {
            of[0]
        } else {
            of[1]
        };
        let said = told(i, &nearer);
        if strands[i] == 0 || !unlike(i) {
            return (nearer, said);
        }
        // Among strands what fits them better is theirs, however many pixels of a cheek are near.
        let hair = persons[2].at(x, y);
        let theirs = told(i, &hair);
        if hair.voice > 0.0 && theirs.misfit < said.misfit {
            (hair, theirs)
        } else {
            (nearer, said)
        }
    };
    let reached = connected(&outside, outline, |x, y| {
        let i = y * w + x;
        on_the_line(light[i], &own(x, y).0, &behind(i))
    });
    let wide = 0.35 * unit;
    let cells = outline.grid;
    let grain = grains(photo, &away.v, outline);
    let rows: Vec<(Vec<f32>, Vec<Open>)> = (0..h)
        .into_par_iter()
        .map(|y| {
            let mut known = vec![0.0; w];
            let mut open = Vec::new();
            for (x, known) in known.iter_mut().enumerate() {
                let i = y * w + x;
                if solid[i] {
                    *known = 1.0;
                    continue;
                }
                let out = outside[i] != 0;
                if (out && fringe[i] == 0) || !(out || reached[i]) {
                    continue;
                }
                let away = away.v[i];
                if away > wide {
                    *known = 1.0;
                    continue;
                }
                let ((own, mut said), behind) = (own(x, y), behind(i));
                // Where the person near is unlike the wall, what looks like wall is wall: a gap in the hair.
                let gap = strength[i] < visible(&wall) && unlike(i);
                if gap {
                    said = Told {
                        share: 0.0,
                        variance: 1e-3,
                        misfit: 0.0,
                    };
                }
                let contrast = (0..3)
                    .map(|c| (f32::from(srgb(own.mean[c])) - colours[i][c]).abs())
                    .fold(0.0, f32::max);
                let trust = smoothstep(FAINT[0], FAINT[1], contrast)
                    * (1.0 - smoothstep(0.25 * NOTHING, NOTHING, said.variance));
                let brighter = own.mean[1] > behind.mean[1];
                let solid = brighter && grain[cells.of(i)] < SMOOTH[0] * wall.noise + SMOOTH[1];
                let trust = if gap {
                    1.0
                } else if solid {
                    0.0
                } else {
                    trust
                };
                if away > 2.5 && (trust < 0.3 || said.share > 0.995) {
                    *known = 1.0;
                    continue;
                }
                let weight = (0.01 + 0.99 * trust) * WORD / (said.variance + 2e-4);
                let ramp = ((away - 0.5) / 1.5).clamp(0.0, 1.0);
                let goal = trust * said.share + (1.0 - trust) * ramp;
                *known = goal;
                open.push(Open {
                    at: i,
                    weight,
                    goal,
                    own,
                    behind,
                });
            }
            (known, open)
        })
        .collect();
    let colour: Vec<[f32; 3]> = light
        .par_iter()
        .zip(&colours)
        .map(|(i, b)| [0, 1, 2].map(|c| i[c] - linear_of_level(b[c])))
        .collect();
    let band = Band::of(rows, w, h);
    finish(photo, light, &colour, &band, wall.noise)
}

/// Pixels within [`REACH`] of something clearly darker than the wall; 1 and 0.
fn strands(photo: &RgbImage, wall: &[[f32; 3]], w: usize) -> Vec<u8> {
    let dark: Vec<u8> = photo
        .as_raw()
        .par_chunks_exact(3)
        .zip(wall)
        .map(|(p, b)| u8::from(b[1] - f32::from(p[1]) > DARKER))
        .collect();
    grown(&dark, w, REACH)
}

/// How grainy the person is, by cell: the mean second difference of neighbouring levels, in both directions. Sensor
/// noise makes about four times itself, cloth and skin hardly more, hair several times that. The edge itself, two
/// and a half pixels, does not count.
fn grains(photo: &RgbImage, away: &[f32], outline: &Outline) -> Vec<f32> {
    let grid = outline.grid;
    let (w, h, cw) = (grid.w, grid.h, grid.columns());
    let green = |i: usize| i32::from(photo.as_raw()[3 * i + 1]);
    let mut sums = vec![[0.0f32; 2]; cw * grid.rows()];
    sums.par_chunks_mut(cw).enumerate().for_each(|(cy, row)| {
        for y in (cy * grid.cell).max(1)..((cy + 1) * grid.cell).min(h - 1) {
            for x in 1..w - 1 {
                let i = y * w + x;
                if away[i] > 3.0 {
                    let across = (green(i - 1) - 2 * green(i) + green(i + 1)).abs();
                    let down = (green(i - w) - 2 * green(i) + green(i + w)).abs();
                    row[x / grid.cell][0] += (across + down) as f32;
                    row[x / grid.cell][1] += 1.0;
                }
            }
        }
    });
    let near = blurred(&sums, cw, 1);
    let wide = blurred(&sums, cw, 3);
    near.iter()
        .zip(&wide)
        .map(|(n, f)| (n[0] + 0.01 * f[0]) / (n[1] + 0.01 * f[1]).max(1e-6))
        .collect()
}

/// The person's colours, those darker than the wall and those brighter: a pixel darker than the wall is mixed with
/// the darker ones, black hair beside a cheek before a grey wall. Gathered deep inside first; then, closer to the
/// edge, from pixels that by those show no wall.
fn persons(
    light: &[[f32; 3]],
    outline: &Outline,
    away: &[f32],
    unit: f32,
    side: &(dyn Fn(usize) -> usize + Sync),
    behind: &(dyn Fn(usize) -> Colour + Sync),
    told: &(dyn Fn(usize, &Colour) -> Told + Sync),
) -> [Colours; 3] {
    let cells = outline.grid;
    let likely = |i: usize| outline.likely.v[cells.of(i)] > 0.5;
    let deep = 0.22 * unit;
    let kinds = |i: usize| {
        let hair = luminance(light[i]) < HAIR * luminance(behind(i).mean);
        1u8 << side(i) | u8::from(hair) << 2
    };
    let first: [Colours; 3] = Colours::by_kind(light, cells.w, cells.cell, unit, |i| {
        if away[i] > deep && likely(i) { kinds(i) } else { 0 }
    });
    let edge = (0.03 * unit).max(3.0);
    let sure = |i: usize| {
        if away[i] <= edge || !likely(i) {
            return 0;
        }
        let kinds = kinds(i);
        if away[i] > 2.0 * deep {
            return kinds;
        }
        let (x, y) = (i % cells.w, i / cells.w);
        let shows_none = |k: &usize| {
            let said = told(i, &first[*k].at(x, y));
            said.share > 0.88 || said.variance > NOTHING
        };
        (0..3)
            .filter(|k| kinds >> k & 1 != 0)
            .filter(shows_none)
            .fold(0, |bits, k| bits | 1 << k)
    };
    // What was found sure is asked for twice.
    let found: Vec<AtomicU8> = light.iter().map(|_| AtomicU8::new(0)).collect();
    let [dark, bright, hair] = Colours::by_kind(light, cells.w, cells.cell, unit, |i| {
        let bits = sure(i);
        found[i].store(bits, Ordering::Relaxed);
        bits
    });
    let [dark, hair] = Colours::by_kind(light, cells.w, cells.cell, unit, |i| {
        let bits = found[i].load(Ordering::Relaxed);
        if bits & 0b101 == 0 {
            return 0;
        }
        let (x, y, wall) = (i % cells.w, i / cells.w, behind(i));
        let is = |of: &Colours, k: u8| u8::from(bits >> k & 1 != 0 && pure(light[i], &of.at(x, y), &wall));
        is(&dark, 0) | is(&hair, 2) << 1
    });
    [dark, bright, hair]
}

/// Whether a colour is the person's own without a share of the wall in it; asked of what may be hair only.
fn pure(seen: [f32; 3], own: &Colour, wall: &Colour) -> bool {
    luminance(own.mean) > HAIR * luminance(wall.mean) || share(seen, own, wall) > PURE
}

/// How far a colour lies on the way from the wall's to the person's, 0 to 1 and beyond.
fn share(seen: [f32; 3], own: &Colour, behind: &Colour) -> f32 {
    let d = [0, 1, 2].map(|c| own.mean[c] - behind.mean[c]);
    let o = [0, 1, 2].map(|c| seen[c] - behind.mean[c]);
    (0..3).map(|c| d[c] * o[c]).sum::<f32>() / d.iter().map(|v| v * v).sum::<f32>().max(1e-6)
}

/// Relative luminance of linear light (ITU-R BT.709).
fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// From how many levels, averaged over nine pixels, something stands before the wall: noise averaged over nine is a
/// third, the rest of the allowance is for paper grain and residual shade.
fn visible(wall: &Wall) -> f32 {
    wall.noise + 1.8
}

/// By how many levels each pixel differs from the wall, averaged over 3x3 pixels, in the channel that differs most.
fn differing(photo: &RgbImage, wall: &[[f32; 3]], w: usize) -> Vec<f32> {
    let off: Vec<[f32; 3]> = photo
        .as_raw()
        .par_chunks_exact(3)
        .zip(wall)
        .map(|(p, b)| [0, 1, 2].map(|c| f32::from(p[c]) - b[c]))
        .collect();
    blurred(&off, w, 1)
        .into_par_iter()
        .map(|d| d[0].abs().max(d[1].abs()).max(d[2].abs()))
        .collect()
}

/// The wall as far as it hangs together with the open wall; 1 and 0. Gaps narrower than five pixels are no way
/// through: along a white shirt's edge runs a line of the wall's very colour.
/// With `doubt` the wall's model is trusted less far from where it was fitted: nothing but wall shows there, a corner
/// beside a sleeve.
fn flooded(
    strength: &[f32],
    visible: f32,
    limit: &[f32],
    outline: &Outline,
    unit: f32,
    doubt: bool,
) -> Vec<u8> {
    let (w, h) = (outline.grid.w, outline.grid.h);
    let grid = outline.grid;
    let clear = outline.clear();
    let far = distance_to(grid.columns(), grid.rows(), |k| clear[k]);
    let least: Vec<f32> = (0..limit.len())
        .map(|k| {
            let doubted = doubt && limit[k] > 0.4;
            let away = far.v[k] * grid.cell as f32 / unit;
            visible
                + if doubted {
                    5.0 * smoothstep(0.3, 1.2, away)
                } else {
                    0.0
                }
        })
        .collect();
    let mut bare = vec![0u8; w * h];
    bare.par_chunks_mut(w).enumerate().for_each(|(y, row)| {
        let cells = &least[y / grid.cell * grid.columns()..];
        for ((bare, strength), x) in row.iter_mut().zip(&strength[y * w..]).zip(0..w) {
            *bare = u8::from(*strength < cells[x / grid.cell]);
        }
    });
    let mut ways = shrunk(&bare, w, 2);
    ways.par_chunks_mut(w).enumerate().for_each(|(y, row)| {
        for (x, way) in row.iter_mut().enumerate() {
            let cell = y / grid.cell * grid.columns() + x / grid.cell;
            *way &= u8::from(outline.depth.v[cell] < limit[cell]);
        }
    });
    let mut wet = vec![0u8; w * h];
    let mut open: Vec<usize> = Vec::new();
    for y in 0..h {
        let row = y / grid.cell * grid.columns();
        for x in 0..w {
            let (i, cell) = (y * w + x, row + x / grid.cell);
            let border = x < 3 || x + 3 >= w;
            let least = if border { limit[cell].min(0.3) } else { -0.22 };
            if ways[i] != 0 && outline.depth.v[cell] < least {
                wet[i] = 1;
                // Only where the sure wall ends does the flood begin.
                if border || outline.depth.v[cell] > -0.6 {
                    open.push(i);
                }
            }
        }
    }
    while let Some(i) = open.pop() {
        let (x, y) = (i % w, i / w);
        let mut visit = |k: usize| {
            if wet[k] == 0 && ways[k] != 0 {
                wet[k] = 1;
                open.push(k);
            }
        };
        if x > 0 {
            visit(i - 1);
        }
        if x + 1 < w {
            visit(i + 1);
        }
        if y > 0 {
            visit(i - w);
        }
        if y + 1 < h {
            visit(i + w);
        }
    }
    let mut wet = grown(&wet, w, 2);
    for (o, b) in wet.iter_mut().zip(&bare) {
        *o &= b;
    }
    wet
}

/// How deep inside the segmenter's outline, in inter-eye distances, bare wall is believed, by cell: deep where the
/// person near is unlike the wall, hardly where most of the person near looks like it.
fn limits(strength: &[f32], outline: &Outline, unit: f32) -> Vec<f32> {
    let grid = outline.grid;
    let (cw, ch) = (grid.columns(), grid.rows());
    let mut share = vec![[0.0f32; 2]; cw * ch];
    for y in (0..grid.h).step_by(2) {
        for x in (0..grid.w).step_by(2) {
            let k = y / grid.cell * cw + x / grid.cell;
            if outline.depth.v[k] > 0.10 {
                share[k][0] += 1.0;
                share[k][1] += f32::from(u8::from(strength[y * grid.w + x] < FAINT[0]));
            }
        }
    }
    let r = ((0.3 * unit) as usize / grid.cell).max(1);
    blurred(&blurred(&share, cw, r), cw, r)
        .iter()
        .map(|[all, bare]| {
            let like = bare / all.max(1e-6);
            0.5 - 0.42 * smoothstep(0.35, 0.6, like)
        })
        .collect()
}

/// Whether a pixel is a mixture of the person near and the wall; what lies off that line of colours is something
/// else before the wall.
fn on_the_line(seen: [f32; 3], own: &Colour, behind: &Colour) -> bool {
    let d = [0, 1, 2].map(|c| own.mean[c] - behind.mean[c]);
    let o = [0, 1, 2].map(|c| seen[c] - behind.mean[c]);
    let norm = d.iter().map(|v| v * v).sum::<f32>().max(1e-6);
    let share = share(seen, own, behind);
    let off = (0..3).map(|c| (o[c] - share * d[c]).powi(2)).sum::<f32>();
    share > 0.0 && off < 0.09 * norm
}

/// What is not wall and hangs together with the person: anything close to the outline, mixtures farther out.
fn connected(outside: &[u8], outline: &Outline, mixture: impl Fn(usize, usize) -> bool) -> Vec<bool> {
    let grid = outline.grid;
    let (w, h) = (grid.w, grid.h);
    let mut reached = vec![false; w * h];
    let mut open: Vec<usize> = Vec::new();
    for i in 0..w * h {
        if outside[i] == 0 {
            let d = outline.depth.v[grid.of(i)];
            if d > 0.0 {
                reached[i] = true;
                if d < 0.08 {
                    open.push(i);
                }
            }
        }
    }
    while let Some(i) = open.pop() {
        let (x, y) = (i % w, i / w);
        for ny in y.saturating_sub(1)..=(y + 1).min(h - 1) {
            for nx in x.saturating_sub(1)..=(x + 1).min(w - 1) {
                let k = ny * w + nx;
                if !reached[k] && outside[k] == 0 {
                    let d = outline.depth.v[grid.of(k)];
                    if d > -0.10 || (d > -0.8 && mixture(nx, ny)) {
                        reached[k] = true;
                        open.push(k);
                    }
                }
            }
        }
    }
    reached
}

/// Ones whose whole square of `2 r + 1` is ones; beyond the border counts as ones.
fn shrunk(mask: &[u8], w: usize, r: usize) -> Vec<u8> {
    sweep(mask, w, r, |a, b| a & b)
}

/// Ones and whatever lies in a square of `2 r + 1` around one.
fn grown(mask: &[u8], w: usize, r: usize) -> Vec<u8> {
    sweep(mask, w, r, |a, b| a | b)
}

fn sweep(mask: &[u8], w: usize, r: usize, join: impl Fn(u8, u8) -> u8 + Sync) -> Vec<u8> {
    let h = mask.len() / w.max(1);
    let mut across = vec![0u8; w * h];
    across
        .par_chunks_mut(w)
        .zip(mask.par_chunks(w))
        .for_each(|(out, row)| {
            out.copy_from_slice(row);
            for s in 1..=r.min(w - 1) {
                for (o, v) in out[s..].iter_mut().zip(row) {
                    *o = join(*o, *v);
                }
                for (o, v) in out.iter_mut().zip(&row[s..]) {
                    *o = join(*o, *v);
                }
            }
        });
    let mut out = vec![0u8; w * h];
    out.par_chunks_mut(w).enumerate().for_each(|(y, line)| {
        line.copy_from_slice(&across[y * w..(y + 1) * w]);
        for k in y.saturating_sub(r)..=(y + r).min(h - 1) {
            for (o, v) in line.iter_mut().zip(&across[k * w..(k + 1) * w]) {
                *o = join(*o, *v);
            }
        }
    });
    out
}

fn linear_of_level(level: f32) -> f32 {
    let low = level.clamp(0.0, 255.0) as u8;
    let next = low.saturating_add(1);
    let (a, b) = (linear(low), linear(next));
    a + (b - a) * (level.clamp(0.0, 255.0) - f32::from(low))
}
