//! Person and wall parted: which share of every pixel is the person, and what colour that share has.
//!
//! Three witnesses, none of which is enough alone. The segmenter knows a white shirt on a white wall but sees only
//! 256 x 256 pixels. The wall, once modelled, shows every strand that differs from it, but eats whatever does not.
//! The matting Laplacian carries both along colour edges into the hair. Where they disagree, the contrast between
//! person and wall decides whom to believe: strong contrast trusts the wall, weak contrast the segmenter.
//!
//! Everything is computed in linear light, because that is where a strand and the wall behind it add up in a lens.

mod closed_form;
pub(crate) mod field;
mod wall;

use image::{GrayImage, Luma, Rgb, RgbImage, imageops};
use rayon::prelude::*;

use crate::compose::{linear, resized_linear, srgb};
use crate::vision::{Models, Pace};
use field::{Field, distance_to};
use wall::Wall;

/// Inter-eye distance, in pixels, to which large captures are reduced for matting: the finished picture has
/// 82 to 137, more is lost anyway.
const WORKING_UNIT: f32 = 130.0;
/// Captures up to this inter-eye distance are matted as they are.
const LARGEST_UNIT: f32 = 160.0;

/// Person and wall parted, at the photo's size.
#[derive(Debug, Clone)]
pub struct Matte {
    /// Share of the person in each pixel, 0 to 255.
    pub alpha: GrayImage,
    /// The person's own colour: the photo where it is all person, the wall's share taken out where it is not.
    pub foreground: RgbImage,
    /// What was known about the wall.
    pub method: Method,
    /// What a person should know about the result, English.
    pub notes: Vec<String>,
}

/// What was known about the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// An empty-wall picture that fits.
    Plate,
    /// A model fitted to the wall around the person.
    WallModel,
    /// No plain wall: segmenter and colours only.
    ColoursOnly,
}

impl Method {
    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Plate => "plate",
            Method::WallModel => "wall-model",
            Method::ColoursOnly => "colours-only",
        }
    }
}

/// Where the head is: everything is measured in distances between the eyes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Focus {
    /// Middle between the eyes, pixels.
    pub(crate) eyes: [f32; 2],
    /// Distance between the eyes, pixels.
    pub(crate) unit: f32,
}

/// Parts the person from the wall. `plate` is a picture of the empty wall by the same camera at the same place; it
/// is used only if it fits. Without a face in the picture the segmenter decides alone where the person is.
pub fn matte(models: &Models, photo: &RgbImage, plate: Option<&RgbImage>) -> Matte {
    let focus = models
        .faces(photo, Pace::Still)
        .iter()
        .max_by(|a, b| a.rect.width.total_cmp(&b.rect.width))
        .map(|face| {
            let [l, r] = [face.keypoints[0], face.keypoints[1]];
            Focus {
                eyes: [f32::midpoint(l[0], r[0]), f32::midpoint(l[1], r[1])],
                unit: (r[0] - l[0]).hypot(r[1] - l[1]).max(8.0),
            }
        });
    around(models, photo, plate, focus)
}

/// The matte around a known head. The part of the photo a standard crop can show gets the full treatment, the rest
/// the segmenter's answer.
#[expect(
    clippy::too_many_lines,
    reason = "cut out, part, put back: the same coordinates throughout"
)]
pub(crate) fn around(
    models: &Models,
    photo: &RgbImage,
    plate: Option<&RgbImage>,
    focus: Option<Focus>,
) -> Matte {
    let (w, h) = photo.dimensions();
    let focus = focus.unwrap_or(Focus {
        eyes: [w as f32 / 2.0, h as f32 * 0.4],
        unit: (w.min(h) as f32 / 6.0).max(8.0),
    });
    let mut notes = Vec::new();
    let plate = plate.filter(|p| {
        let fits = p.dimensions() == (w, h);
        if !fits {
            notes.push("the empty-wall picture has another size than the capture and was not used".into());
        }
        fits
    });
    // At the smallest allowed face a crop reaches 2.9 units to the sides, 3.7 above and 5.4 below the eyes.
    let side = |at: f32, limit: u32| (at.max(0.0) as u32).min(limit);
    let (left, right) = (
        side(focus.eyes[0] - 3.3 * focus.unit, w),
        side(focus.eyes[0] + 3.3 * focus.unit, w),
    );
    let (top, low) = (
        side(focus.eyes[1] - 4.0 * focus.unit, h),
        side(focus.eyes[1] + 5.6 * focus.unit, h),
    );
    let (rw, rh) = (right.saturating_sub(left), low.saturating_sub(top));
    if rw < 16 || rh < 16 {
        return Matte {
            alpha: GrayImage::new(w, h),
            foreground: photo.clone(),
            method: Method::ColoursOnly,
            notes,
        };
    }
    let whole = (rw, rh) == (w, h);
    let region = imageops::crop_imm(photo, left, top, rw, rh).to_image();
    let plate_region = plate.map(|p| imageops::crop_imm(p, left, top, rw, rh).to_image());

    let shrink = if focus.unit > LARGEST_UNIT {
        WORKING_UNIT / focus.unit
    } else {
        1.0
    };
    let (ww, wh) = (
        ((rw as f32 * shrink) as u32).max(16),
        ((rh as f32 * shrink) as u32).max(16),
    );
    let working = if shrink < 1.0 {
        resized_linear(&region, ww, wh)
    } else {
        region.clone()
    };
    let plate_working = plate_region.map(|p| {
        if shrink < 1.0 {
            resized_linear(&p, ww, wh)
        } else {
            p
        }
    });
    let prior = prior(
        models,
        &working,
        [
            (focus.eyes[0] - left as f32) * shrink,
            (focus.eyes[1] - top as f32) * shrink,
        ],
        focus.unit * shrink,
    );
    let parts = part(
        &working,
        &prior,
        plate_working.as_ref(),
        focus.unit * shrink,
        &mut notes,
    );

    // Back to the photo's size: coverage is interpolated, colours only where person and wall mix.
    let (rw, rh) = (rw as usize, rh as usize);
    let alpha_region = parts.alpha.resized(rw, rh);
    let mut foreground = photo.clone();
    let scale = [parts.alpha.w as f32 / rw as f32, parts.alpha.h as f32 / rh as f32];
    let mut alpha = if whole {
        GrayImage::new(w, h)
    } else {
        let mut rest = models.person(photo, Pace::Still);
        for p in rest.pixels_mut() {
            p.0[0] = (smoothstep(0.3, 0.7, f32::from(p.0[0]) / 255.0) * 255.0) as u8;
        }
        rest
    };
    for y in 0..rh {
        for x in 0..rw {
            let a = (alpha_region.v[y * rw + x] * 255.0).round() as u8;
            let (px, py) = (left + x as u32, top + y as u32);
            alpha.put_pixel(px, py, Luma([a]));
            if a > 0 && a < 255 {
                let fx = (((x as f32 + 0.5) * scale[0]) as usize).min(parts.alpha.w - 1);
                let fy = (((y as f32 + 0.5) * scale[1]) as usize).min(parts.alpha.h - 1);
                foreground.put_pixel(px, py, Rgb(parts.foreground[fy * parts.alpha.w + fx]));
            }
        }
    }
    Matte {
        alpha,
        foreground,
        method: parts.method,
        notes,
    }
}

/// The segmenter's answer for head and shoulders, looked at again more closely around the head: it sees 256 x 256
/// pixels whatever it is given, and ears and hair need them most.
fn prior(models: &Models, photo: &RgbImage, eyes: [f32; 2], unit: f32) -> GrayImage {
    let mut wide = models.person(photo, Pace::Still);
    let (w, h) = photo.dimensions();
    let side = |at: f32, limit: u32| (at.max(0.0) as u32).min(limit);
    let (x0, x1) = (side(eyes[0] - 2.3 * unit, w), side(eyes[0] + 2.3 * unit, w));
    let (y0, y1) = (side(eyes[1] - 2.8 * unit, h), side(eyes[1] + 2.6 * unit, h));
    if x1 < x0 + 64 || y1 < y0 + 64 {
        return wide;
    }
    let close = models.person(
        &imageops::crop_imm(photo, x0, y0, x1 - x0, y1 - y0).to_image(),
        Pace::Still,
    );
    let fade = 0.5 * unit;
    for (x, y, p) in close.enumerate_pixels() {
        // At the close look's own edges, except where the photo ends too, the wide look takes over.
        let edge = |at: u32, from: u32, to: u32, limit: u32| {
            let low = if from == 0 { f32::MAX } else { (at - from) as f32 };
            let high = if to == limit { f32::MAX } else { (to - at) as f32 };
            low.min(high)
        };
        let (px, py) = (x0 + x, y0 + y);
        let t = (edge(px, x0, x1, w).min(edge(py, y0, y1, h)) / fade).min(1.0);
        let old = f32::from(wide.get_pixel(px, py).0[0]);
        wide.put_pixel(
            px,
            py,
            Luma([(old + t * (f32::from(p.0[0]) - old)).round() as u8]),
        );
    }
    wide
}

/// The person on a plain background, mixed in linear light.
pub fn composite(matte: &Matte, background: [u8; 3]) -> RgbImage {
    let back = background.map(linear);
    let mut out = matte.foreground.clone();
    for (p, a) in out.pixels_mut().zip(matte.alpha.pixels()) {
        let a = f32::from(a.0[0]) / 255.0;
        if a < 1.0 {
            for (v, b) in p.0.iter_mut().zip(back) {
                *v = srgb(a * linear(*v) + (1.0 - a) * b);
            }
        }
    }
    out
}

struct Parts {
    alpha: Field,
    foreground: Vec<[u8; 3]>,
    method: Method,
}

/// Hermite step from 0 at `from` to 1 at `to`.
fn smoothstep(from: f32, to: f32, v: f32) -> f32 {
    let t = ((v - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The whole of matting at working size. `unit` is the distance between the eyes in its pixels.
fn part(
    photo: &RgbImage,
    prior: &GrayImage,
    plate: Option<&RgbImage>,
    unit: f32,
    notes: &mut Vec<String>,
) -> Parts {
    let (w, h) = (photo.width() as usize, photo.height() as usize);
    let n = w * h;
    let p: Vec<f32> = prior.pixels().map(|v| f32::from(v.0[0]) / 255.0).collect();
    let outward = distance_to(w, h, |i| p[i] >= 0.5);
    let inward = distance_to(w, h, |i| p[i] < 0.5);
    // Depth inside the segmenter's outline, in inter-eye distances; negative outside.
    let depth: Vec<f32> = (0..n).map(|i| (inward.v[i] - outward.v[i]) / unit).collect();

    let possibly = distance_to(w, h, |i| p[i] > 0.15);
    let clear: Vec<bool> = possibly.v.iter().map(|d| *d > 0.22 * unit).collect();
    let wall = wall::find(photo, &clear, plate, unit, notes);

    let light: Vec<[f32; 3]> = photo.pixels().map(|v| v.0.map(linear)).collect();
    let wall_light: Option<Vec<[f32; 3]>> = wall
        .as_ref()
        .map(|m| m.colour.iter().map(|c| c.map(linear_of_level)).collect());

    let trimap = match &wall {
        Some(wall) => by_wall(photo, wall, &p, &depth, unit),
        None => by_prior(&p, &depth),
    };
    let colour: Vec<[f32; 3]> = match &wall_light {
        Some(b) => light
            .iter()
            .zip(b)
            .map(|(i, b)| [i[0] - b[0], i[1] - b[1], i[2] - b[2]])
            .collect(),
        None => light.clone(),
    };
    let solved = closed_form::solve(&closed_form::Problem {
        w,
        h,
        colour: &colour,
        start: &trimap.start,
        unknown: &trimap.unknown,
        pull: &trimap.pull,
        iterations: 24,
    });
    let mut alpha = Field { w, h, v: solved };
    // The solution hovers a little off its ends; a veil over the whole band would show as a halo.
    for a in &mut alpha.v {
        *a = ((*a - 0.02) / 0.96).clamp(0.0, 1.0);
        if *a < 0.012 {
            *a = 0.0;
        } else if *a > 0.988 {
            *a = 1.0;
        }
    }
    if let Some(behind) = &wall_light {
        at_least(&mut alpha, &light, behind, &trimap.unknown);
    }
    keep_person(&mut alpha);
    let foreground = unmixed(&light, &alpha, wall_light.as_deref(), unit)
        .into_iter()
        .zip(photo.pixels())
        .zip(&alpha.v)
        .map(|((f, own), &a)| if a >= 1.0 { own.0 } else { f.map(srgb) })
        .collect();
    let method = match &wall {
        Some(m) if m.from_plate => Method::Plate,
        Some(_) => Method::WallModel,
        None => Method::ColoursOnly,
    };
    Parts {
        alpha,
        foreground,
        method,
    }
}

/// No colour is darker than black or brighter than white: a pixel much darker than the wall cannot hold much of it,
/// whatever the solver made of its neighbours. Keeps black hair from letting a bright background shine through.
fn at_least(alpha: &mut Field, light: &[[f32; 3]], behind: &[[f32; 3]], unknown: &[usize]) {
    for &i in unknown {
        let mut least = 0.0f32;
        for c in 0..3 {
            let (seen, wall) = (light[i][c], behind[i][c]);
            if wall > 0.1 {
                least = least.max(1.0 - seen / wall);
            }
            if wall < 0.9 {
                least = least.max((seen - wall) / (1.0 - wall));
            }
        }
        // A soft shadow on the wall is a little darker too; only what no shadow explains counts.
        let sure = smoothstep(0.35, 0.7, least);
        let a = &mut alpha.v[i];
        *a = a.max(sure * least.min(1.0));
        if *a > 0.988 {
            *a = 1.0;
        }
    }
}

fn linear_of_level(level: f32) -> f32 {
    let low = level.clamp(0.0, 255.0) as u8;
    let next = low.saturating_add(1);
    let (a, b) = (linear(low), linear(next));
    a + (b - a) * (level.clamp(0.0, 255.0) - f32::from(low))
}

struct Trimap {
    start: Vec<f32>,
    unknown: Vec<usize>,
    pull: Vec<(f32, f32)>,
}

/// Without a wall only the segmenter tells; a band of constant width around its outline is open.
fn by_prior(p: &[f32], depth: &[f32]) -> Trimap {
    let mut map = Trimap {
        start: vec![0.0; p.len()],
        unknown: Vec::new(),
        pull: Vec::new(),
    };
    for (i, (&p, &depth)) in p.iter().zip(depth).enumerate() {
        if depth > 0.13 {
            map.start[i] = 1.0;
        } else if depth > -0.15 {
            map.start[i] = p;
            map.unknown.push(i);
            map.pull.push((3e-3, smoothstep(0.15, 0.85, p)));
        }
    }
    map
}

/// With a wall the band follows the contrast: wide where strands show against the wall, narrow where they do not.
fn by_wall(photo: &RgbImage, wall: &Wall, p: &[f32], depth: &[f32], unit: f32) -> Trimap {
    let (w, h) = (photo.width() as usize, photo.height() as usize);
    let n = w * h;
    let pixels: Vec<[f32; 3]> = photo.pixels().map(|v| v.0.map(f32::from)).collect();
    let off: [Field; 3] =
        std::array::from_fn(|c| Field::from_fn(w, h, |i| pixels[i][c] - wall.colour[i][c]).box_mean(1));
    let strength = |i: usize| off[0].v[i].abs().max(off[1].v[i].abs()).max(off[2].v[i].abs());
    // Noise averaged over nine pixels is a third; the rest of the allowance is for paper grain and residual shade.
    let visible = (1.2 * wall.noise + 2.5).max(3.5);

    let own = nearby_colour(&pixels, |i| depth[i] > 0.10, |i| p[i] > 0.85, w, h, unit);
    let contrast = |i: usize| {
        let d: [f32; 3] = std::array::from_fn(|c| (own[i][c] - wall.colour[i][c]).abs());
        d[0].max(d[1]).max(d[2])
    };
    let trust: Vec<f32> = (0..n)
        .into_par_iter()
        .map(|i| smoothstep(18.0, 60.0, contrast(i)))
        .collect();
    // Share of the person by projection between wall and the nearby person's colour.
    let share: Vec<f32> = (0..n)
        .into_par_iter()
        .map(|i| {
            let (mut dot, mut norm) = (0.0, 60.0);
            for c in 0..3 {
                let d = own[i][c] - wall.colour[i][c];
                dot += (pixels[i][c] - wall.colour[i][c]) * d;
                norm += d * d;
            }
            (dot / norm).clamp(0.0, 1.2)
        })
        .collect();
    let share = Field { w, h, v: share };
    let around = share.box_mean(2);

    // Outside the outline a strand is a mixture of wall and nearby person; what lies off that line of colours is
    // something else before the wall.
    let mixture = |i: usize| {
        let (mut off_line, mut span) = (0.0f32, 0.0f32);
        for c in 0..3 {
            let d = own[i][c] - wall.colour[i][c];
            off_line += (off[c].v[i] - share.v[i] * d).powi(2);
            span += d * d;
        }
        off_line.sqrt() < (0.3 * span.sqrt()).max(3.0 * visible)
    };
    let seen: Vec<bool> = (0..n)
        .map(|i| strength(i) > visible && (depth[i] > -0.08 || mixture(i)))
        .collect();
    let reached = connected(&seen, depth, w, h);

    let mut map = Trimap {
        start: vec![0.0; n],
        unknown: Vec::new(),
        pull: Vec::new(),
    };
    for i in 0..n {
        let (d, trust) = (depth[i], trust[i]);
        // Inside: solid and unlike the wall comes close to the outline, weak contrast keeps its distance.
        let solid = trust > 0.5 && around.v[i] > 0.93 && share.v[i] > 0.85 && d > 0.03;
        if d > 0.30 || solid || (trust < 0.5 && d > 0.07 + 0.1 * trust) {
            map.start[i] = 1.0;
            continue;
        }
        // Outside: wall that looks like wall is wall; what differs and hangs together with the person is open.
        let reach = if seen[i] && reached[i] {
            1.0
        } else {
            0.03 + 0.05 * (1.0 - trust)
        };
        let bare = trust > 0.6 && !seen[i] && around.v[i] < 0.06 && d < 0.12;
        if d < -reach || bare {
            continue;
        }
        let guess = smoothstep(0.2, 0.8, p[i]);
        let (weight, goal) = if d < 0.0 {
            // Out here the wall's word counts, as far as the contrast carries it.
            (
                2e-3 + 2e-2 * trust + 6e-2 * (1.0 - trust),
                trust * share.v[i].min(1.0) + (1.0 - trust) * guess,
            )
        } else {
            (
                2e-3 + 6e-2 * (1.0 - trust) + 2e-2 * smoothstep(0.8, 0.98, p[i]) * smoothstep(0.04, 0.15, d),
                guess,
            )
        };
        map.start[i] = trust * share.v[i].min(1.0) + (1.0 - trust) * guess;
        map.unknown.push(i);
        map.pull.push((weight, goal));
    }
    map
}

/// Visible pixels that hang together with the person through visible pixels.
fn connected(seen: &[bool], depth: &[f32], w: usize, h: usize) -> Vec<bool> {
    let mut reached: Vec<bool> = depth.iter().map(|d| *d > 0.0).collect();
    let mut open: Vec<usize> = (0..w * h).filter(|&i| reached[i] && depth[i] < 0.05).collect();
    while let Some(i) = open.pop() {
        let (x, y) = (i % w, i / w);
        for ny in y.saturating_sub(1)..=(y + 1).min(h - 1) {
            for nx in x.saturating_sub(1)..=(x + 1).min(w - 1) {
                let k = ny * w + nx;
                if !reached[k] && seen[k] && depth[k] > -0.6 {
                    reached[k] = true;
                    open.push(k);
                }
            }
        }
    }
    reached
}

/// Mean colour of the nearest sure pixels, from a small neighbourhood where there are any, otherwise from larger
/// ones. Computed at a quarter of the resolution.
fn nearby_colour(
    pixels: &[[f32; 3]],
    sure: impl Fn(usize) -> bool,
    also: impl Fn(usize) -> bool,
    w: usize,
    h: usize,
    unit: f32,
) -> Vec<[f32; 3]> {
    const COARSE: usize = 4;
    let (cw, ch) = (w.div_ceil(COARSE), h.div_ceil(COARSE));
    let mut count = Field::new(cw, ch, 0.0);
    let mut sums = [
        Field::new(cw, ch, 0.0),
        Field::new(cw, ch, 0.0),
        Field::new(cw, ch, 0.0),
    ];
    for (i, pixel) in pixels.iter().enumerate() {
        if sure(i) && also(i) {
            let k = (i / w / COARSE) * cw + i % w / COARSE;
            count.v[k] += 1.0;
            for (sum, v) in sums.iter_mut().zip(pixel) {
                sum.v[k] += v;
            }
        }
    }
    let levels: Vec<(Field, [Field; 3])> = [0.12, 0.4, 1.2]
        .iter()
        .map(|share| {
            let r = ((unit * share) as usize / COARSE).max(1);
            (count.smooth(r), std::array::from_fn(|c| sums[c].smooth(r)))
        })
        .collect();
    let mut coarse = vec![[0.0f32; 3]; cw * ch];
    for (k, out) in coarse.iter_mut().enumerate() {
        let (mut total, mut weight) = ([0.0f32; 3], 0.0f32);
        for ((count, sums), worth) in levels.iter().zip([1.0f32, 1e-2, 1e-4]) {
            weight += count.v[k] * worth;
            for c in 0..3 {
                total[c] += sums[c].v[k] * worth;
            }
        }
        *out = if weight > 1e-7 {
            total.map(|t| t / weight)
        } else {
            [0.0; 3]
        };
    }
    let planes: [Field; 3] = std::array::from_fn(|c| Field {
        w: cw,
        h: ch,
        v: coarse.iter().map(|v| v[c]).collect(),
    });
    (0..w * h)
        .into_par_iter()
        .map(|i| {
            let x = ((i % w) as f32 + 0.5) / COARSE as f32 - 0.5;
            let y = ((i / w) as f32 + 0.5) / COARSE as f32 - 0.5;
            std::array::from_fn(|c| planes[c].at(x, y))
        })
        .collect()
}

/// Coverage from which neighbouring pixels hang together.
const HOLDS: f32 = 0.25;

/// Drops specks that do not hang together with the largest piece; what is fainter than [`HOLDS`] stays only beside it.
fn keep_person(alpha: &mut Field) {
    let (w, h) = (alpha.w, alpha.h);
    let mut label = vec![0u32; w * h];
    let (mut best, mut best_mass, mut next) = (0, 0.0f32, 0);
    for start in 0..w * h {
        if label[start] != 0 || alpha.v[start] < HOLDS {
            continue;
        }
        next += 1;
        let mut mass = 0.0;
        let mut open = vec![start];
        label[start] = next;
        while let Some(i) = open.pop() {
            mass += alpha.v[i];
            let (x, y) = (i % w, i / w);
            for ny in y.saturating_sub(1)..=(y + 1).min(h - 1) {
                for nx in x.saturating_sub(1)..=(x + 1).min(w - 1) {
                    let k = ny * w + nx;
                    if label[k] == 0 && alpha.v[k] >= HOLDS {
                        label[k] = next;
                        open.push(k);
                    }
                }
            }
        }
        if mass > best_mass {
            (best, best_mass) = (next, mass);
        }
    }
    // A strand may fade for some pixels and come back; a speck a finger's breadth away may not.
    let near = distance_to(w, h, |i| label[i] == best && best != 0);
    for ((a, l), d) in alpha.v.iter_mut().zip(label).zip(near.v) {
        if (l != 0 && l != best && d > 3.0) || d > 6.0 {
            *a = 0.0;
        }
    }
}

/// The person's own colour in mixed pixels, linear light: neighbours' unmixed colours first, then as much of the
/// pixel's own as its coverage supports (after Forte, "Approximate Fast Foreground Colour Estimation", 2021, with
/// the wall known where it is).
fn unmixed(light: &[[f32; 3]], alpha: &Field, wall: Option<&[[f32; 3]]>, unit: f32) -> Vec<[f32; 3]> {
    let (w, h) = (alpha.w, alpha.h);
    let a = &alpha.v;
    let near = ((unit * 0.05) as usize).max(2);
    let spread =
        |weight: &(dyn Fn(usize) -> f32 + Sync), value: &(dyn Fn(usize) -> [f32; 3] + Sync), r: usize| {
            let weights = Field::from_fn(w, h, weight).smooth(r);
            let sums: [Field; 3] =
                std::array::from_fn(|c| Field::from_fn(w, h, |i| weight(i) * value(i)[c]).smooth(r));
            (weights, sums)
        };
    let behind: Vec<[f32; 3]> = if let Some(wall) = wall {
        wall.to_vec()
    } else {
        let weight = |i: usize| (1.0 - a[i]).powi(4) + 1e-6;
        let value = |i: usize| light[i];
        let (n1, s1) = spread(&weight, &value, near);
        let (n2, s2) = spread(&weight, &value, near * 6);
        (0..w * h)
            .map(|i| {
                std::array::from_fn(|c| {
                    (s1[c].v[i] + 1e-2 * s2[c].v[i]) / (n1.v[i] + 1e-2 * n2.v[i]).max(1e-9)
                })
            })
            .collect()
    };
    let weight = |i: usize| if a[i] > 0.35 { a[i].powi(4) } else { 0.0 };
    let value = |i: usize| -> [f32; 3] {
        if a[i] >= 1.0 {
            light[i]
        } else {
            std::array::from_fn(|c| {
                ((light[i][c] - (1.0 - a[i]) * behind[i][c]) / a[i].max(0.35)).clamp(0.0, 1.0)
            })
        }
    };
    let (n1, s1) = spread(&weight, &value, near);
    let (n2, s2) = spread(&weight, &value, near * 5);
    (0..w * h)
        .into_par_iter()
        .map(|i| {
            if a[i] >= 1.0 || a[i] <= 0.0 {
                return light[i];
            }
            std::array::from_fn(|c| {
                let mean = (s1[c].v[i] + 1e-2 * s2[c].v[i]) / (n1.v[i] + 1e-2 * n2.v[i]).max(1e-9);
                let rest = light[i][c] - a[i] * mean - (1.0 - a[i]) * behind[i][c];
                (mean + a[i] * rest).clamp(0.0, 1.0)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dark disc with soft edge and a strand, on an uneven wall; the prior is a blurred, slightly wrong disc.
    fn scene() -> (RgbImage, GrayImage, Vec<f32>) {
        let (w, h) = (240usize, 240usize);
        let truth: Vec<f32> = (0..w * h)
            .map(|i| {
                let (x, y) = ((i % w) as f32 + 0.5, (i / w) as f32 + 0.5);
                let disc = (70.0 - (x - 120.0).hypot(y - 130.0) + 0.5).clamp(0.0, 1.0);
                let strand = if y < 70.0 && y > 40.0 {
                    (1.0 - (x - 120.0).abs()).clamp(0.0, 1.0) * 0.8
                } else {
                    0.0
                };
                disc.max(strand)
            })
            .collect();
        let mut n = 3u32;
        let photo = RgbImage::from_fn(w as u32, h as u32, |x, y| {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (n >> 24) as f32 / 85.0 - 1.5;
            let a = truth[y as usize * w + x as usize];
            let wall = 0.62 + 0.1 * (x as f32 / 240.0);
            Rgb([0.95, 1.0, 1.02].map(|t| {
                let v = a * 0.02 + (1.0 - a) * wall * t;
                (f32::from(srgb(v)) + noise).round().clamp(0.0, 255.0) as u8
            }))
        });
        let prior = GrayImage::from_fn(w as u32, h as u32, |x, y| {
            let d = 72.0 - (x as f32 - 118.0).hypot(y as f32 - 131.0);
            Luma([(255.0 / (1.0 + (-d / 2.0).exp())) as u8])
        });
        (photo, prior, truth)
    }

    #[test]
    fn a_strand_on_an_uneven_wall_is_kept_and_the_wall_is_not() {
        let (photo, prior, truth) = scene();
        let parts = part(&photo, &prior, None, 60.0, &mut Vec::new());
        assert_eq!(parts.method, Method::WallModel);
        let error: f32 = parts.alpha.v.iter().zip(&truth).map(|(a, t)| (a - t).abs()).sum();
        assert!(error < 140.0, "sum of absolute differences {error}");
        let (strand, meant) = (parts.alpha.v[50 * 240 + 120], truth[50 * 240 + 120]);
        assert!(
            (strand - meant).abs() < 0.12,
            "the strand's middle has {strand}, not {meant}"
        );
        assert!(parts.alpha.v[20 * 240 + 20] <= 0.0);
    }

    #[test]
    fn mixed_pixels_lose_the_colour_of_the_wall() {
        let (photo, prior, _) = scene();
        let parts = part(&photo, &prior, None, 60.0, &mut Vec::new());
        for (i, &a) in parts.alpha.v.iter().enumerate() {
            if a > 0.3 && a < 0.95 {
                let f = parts.foreground[i];
                assert!(
                    f.iter().all(|v| *v < 110),
                    "{f:?} at coverage {a} is wall, not person"
                );
            }
        }
    }
}
