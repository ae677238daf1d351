//! The round code that starts a mini-program (小程序码): told by its shape, not read.
//!
//! Its data are dots and dashes on 36, 54 or 72 rays around a picture (`WeChat`'s own description of the code), so
//! the edges along the rays point at one middle. Edges vote for the middle they point at; around the winner light and
//! dark must change on the way round as often as there are rays, in step on circles of all sizes. Nothing else in
//! front of a camera is built so.
//!
//! Ours, eight codes of our own drawing each way, of 240 pixels and more: nearly all are told that lean by up to 30°
//! while the lens blurs (one sigma) by no more than a thirteenth of the rays' distance at the rim; 36 rays up to 40°,
//! 72 rays surely up to 10° and mostly up to 20°. Upright, a tenth of that distance will do: 2.5 px for a code of 320
//! pixels with 36 rays, 1.2 px for one of 300 with 72. One of 200 pixels bears 0.8 px. Beyond that it is nothing in
//! particular.

use std::sync::LazyLock;

use image::{GrayImage, imageops};

/// Frames are looked at in this width: a code of 200 pixels in 720p keeps four pixels a ray.
const WIDTH: u32 = 640;
/// Least difference of neighbours, in levels, that counts as an edge; noise of a webcam is some 4.
const EDGE: f32 = 28.0;
/// Radii of the ring's outer border that are believed, in pixels of the reduced frame.
const RADII: [f32; 2] = [32.0, 178.0];
/// Votes are counted in squares of so many pixels.
const BIN: usize = 4;
/// An edge is along a ray when it points at the middle to within this sine (15°): near the middle a ray's own width
/// turns its edge by some degrees.
const ALONG: f32 = 0.26;
/// Rays of the three kinds of code.
const RAYS: [u16; 3] = [36, 54, 72];
/// Circles looked at, as shares of the ring's radius, and places on each.
const CIRCLES: [f32; 7] = [0.58, 0.64, 0.7, 0.76, 0.82, 0.88, 0.94];
const PLACES: u16 = 480;
/// Least share of a circle's change that goes with the rays, in step on all circles. Ours: codes of our own drawing,
/// blurred and noisy, have 0.12 to 0.28; rooms, square codes, stripes, rings and noise at most 0.02.
const LEAST_STEP: f32 = 0.05;

struct Edge {
    at: [f32; 2],
    /// Along the edge, unit length.
    along: [f32; 2],
}

/// Middle and radius, in frame pixels, of a round code, if there is one.
pub(crate) fn find(luma: &GrayImage) -> Option<([f32; 2], f32)> {
    let (w, h) = luma.dimensions();
    if w < 64 || h < 64 {
        return None;
    }
    let scale = (WIDTH as f32 / w as f32).min(1.0);
    let small;
    let frame = if scale < 1.0 {
        small = imageops::thumbnail(luma, WIDTH, ((h as f32 * scale) as u32).max(1));
        &small
    } else {
        luma
    };
    let edges = edges(frame);
    let middle = middle(&edges, frame)?;
    let radius = radius(&edges, middle)?;
    let mut ring = Ring {
        middle,
        radius,
        squeeze: FLAT,
    };
    let mut step = ring.settle(frame);
    if step <= LEAST_STEP {
        ring = tilted(frame, middle, radius);
        step = ring.settle(frame);
    }
    (step > LEAST_STEP).then(|| (ring.middle.map(|v| v / scale), radius / scale))
}

fn edges(frame: &GrayImage) -> Vec<Edge> {
    let (w, h) = (frame.width() as usize, frame.height() as usize);
    let raw = frame.as_raw();
    let level = |i: usize| f32::from(raw[i]);
    let mut edges = Vec::new();
    for y in 1..h - 1 {
        for x in 1..w - 1 {
            let i = y * w + x;
            let across = level(i + 1) - level(i - 1);
            let down = level(i + w) - level(i - w);
            let strength = across.hypot(down);
            if strength > EDGE {
                edges.push(Edge {
                    at: [x as f32, y as f32],
                    along: [-down / strength, across / strength],
                });
            }
        }
    }
    edges
}

/// Where most edges point at.
fn middle(edges: &[Edge], frame: &GrayImage) -> Option<[f32; 2]> {
    let (cw, ch) = (
        frame.width() as usize / BIN + 1,
        frame.height() as usize / BIN + 1,
    );
    let mut votes = vec![0u32; cw * ch];
    let steps = (RADII[1] / BIN as f32) as i16;
    let from = (0.3 * RADII[0] / BIN as f32) as i16;
    for edge in edges {
        for step in (-steps..=steps).filter(|step| step.abs() >= from) {
            let far = f32::from(step) * BIN as f32;
            let [x, y] = [0, 1].map(|k| (edge.at[k] + far * edge.along[k]) / BIN as f32);
            if x >= 0.0 && y >= 0.0 && (x as usize) < cw && (y as usize) < ch {
                votes[y as usize * cw + x as usize] += 1;
            }
        }
    }
    // The middle of the fullest square of three by three.
    let mut best = (0, [0.0; 2]);
    for y in 1..ch.saturating_sub(1) {
        for x in 1..cw.saturating_sub(1) {
            let (mut sum, mut mean) = (0, [0.0f32; 2]);
            for (ny, nx) in (y - 1..=y + 1).flat_map(|ny| (x - 1..=x + 1).map(move |nx| (ny, nx))) {
                let count = votes[ny * cw + nx];
                sum += count;
                mean[0] += count as f32 * (nx as f32 + 0.5);
                mean[1] += count as f32 * (ny as f32 + 0.5);
            }
            if sum > best.0 {
                best = (sum, mean.map(|v| v / sum as f32 * BIN as f32));
            }
        }
    }
    (best.0 > 0).then_some(best.1)
}

/// The ring's outer radius, if enough edges point at its middle.
fn radius(edges: &[Edge], middle: [f32; 2]) -> Option<f32> {
    let mut far: Vec<f32> = edges
        .iter()
        .filter_map(|edge| {
            let [x, y] = [0, 1].map(|k| edge.at[k] - middle[k]);
            let far = x.hypot(y).max(1e-3);
            let across = (x * edge.along[1] - y * edge.along[0]).abs() / far;
            (across < ALONG && far < RADII[1]).then_some(far)
        })
        .collect();
    if far.len() < 200 {
        return None;
    }
    far.sort_by(f32::total_cmp);
    // Rays have as many edges near the middle as far from it, and none beyond the ring: among radii the one within
    // which the most edges lie, counted against what chance would put there.
    let mut best = (0.0, 0.0);
    let mut radius = RADII[0];
    while radius < RADII[1] {
        let inside = far.partition_point(|far| *far < radius) as f32;
        let score = inside / radius;
        if score > best.0 {
            best = (score, radius);
        }
        radius += 2.0;
    }
    Some(best.1)
}

/// Where a round code may be: circles around its middle, squeezed to ellipses where the telephone is tilted.
#[derive(Clone, Copy)]
struct Ring {
    middle: [f32; 2],
    radius: f32,
    /// From directions on the code to directions in the frame, area kept.
    squeeze: [[f32; 2]; 2],
}

const FLAT: [[f32; 2]; 2] = [[1.0, 0.0], [0.0, 1.0]];

/// Widths of a code against its height, seen at 25, 35 and 45 degrees.
const SQUEEZES: [f32; 3] = [0.9, 0.81, 0.71];
/// Directions in which it may be squeezed, in half a turn.
const AXES: u8 = 8;

/// The ring as the best of several tilts shows it.
fn tilted(frame: &GrayImage, middle: [f32; 2], radius: f32) -> Ring {
    let squeezes = SQUEEZES.into_iter().flat_map(|width| {
        (0..AXES).map(move |axis| {
            let (sin, cos) = (f32::from(axis) / f32::from(AXES) * std::f32::consts::PI).sin_cos();
            let (long, short) = (width.sqrt().recip(), width.sqrt());
            let beside = (long - short) * sin * cos;
            [
                [long * cos * cos + short * sin * sin, beside],
                [beside, long * sin * sin + short * cos * cos],
            ]
        })
    });
    let mut best = (
        0.0,
        Ring {
            middle,
            radius,
            squeeze: FLAT,
        },
    );
    for squeeze in squeezes {
        let mut ring = Ring {
            middle,
            radius,
            squeeze,
        };
        let step = ring.best_within(frame, 1, 1.5);
        if step > best.0 {
            best = (step, ring);
        }
    }
    best.1
}

impl Ring {
    /// Moves to where the circles agree best; how well they do there.
    fn settle(&mut self, frame: &GrayImage) -> f32 {
        self.best_within(frame, 4, 1.0);
        self.best_within(frame, 2, 0.4)
    }

    fn best_within(&mut self, frame: &GrayImage, reach: i8, pace: f32) -> f32 {
        let (from, mut best) = (self.middle, 0.0);
        for down in -reach..=reach {
            for across in -reach..=reach {
                let at = [
                    from[0] + f32::from(across) * pace,
                    from[1] + f32::from(down) * pace,
                ];
                let step = in_step(frame, &Ring { middle: at, ..*self });
                if step > best {
                    (self.middle, best) = (at, step);
                }
            }
        }
        best
    }

    /// A place on the code, in radii from its middle, in the frame.
    fn at(&self, share: f32, [x, y]: [f32; 2]) -> [f32; 2] {
        [0, 1].map(|axis| {
            let [u, v] = self.squeeze[axis];
            self.middle[axis] + share * self.radius * (u * x + v * y)
        })
    }
}

/// Which share of the change of light on the ring's circles goes with one of the numbers of rays, in step on all of
/// them: 0 to 1.
fn in_step(frame: &GrayImage, ring: &Ring) -> f32 {
    let mut energy = 0.0;
    let mut waves = [[0.0f32; 2]; RAYS.len()];
    for share in CIRCLES {
        let levels: Vec<f32> = DIRECTIONS
            .iter()
            .map(|direction| {
                let at = ring.at(share, *direction).map(|v| v.max(0.0) as u32);
                let pixel = frame.get_pixel_checked(at[0], at[1]);
                pixel.map_or(0.0, |p| f32::from(p.0[0]))
            })
            .collect();
        let mean = levels.iter().sum::<f32>() / f32::from(PLACES);
        energy += levels.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / f32::from(PLACES);
        for (wave, rays) in waves.iter_mut().zip(RAYS) {
            for (place, level) in levels.iter().enumerate() {
                let [x, y] = DIRECTIONS[place * usize::from(rays) % usize::from(PLACES)];
                wave[0] += (level - mean) * x;
                wave[1] += (level - mean) * y;
            }
        }
    }
    // Contrast below an edge's is noise, whatever its order.
    if energy < CIRCLES.len() as f32 * (EDGE / 2.0).powi(2) {
        return 0.0;
    }
    let strongest = waves
        .iter()
        .map(|[x, y]| (x * x + y * y) / f32::from(PLACES).powi(2))
        .fold(0.0, f32::max);
    2.0 * strongest / (energy * CIRCLES.len() as f32)
}

/// The places on a circle of radius one.
static DIRECTIONS: LazyLock<Vec<[f32; 2]>> = LazyLock::new(|| {
    (0..PLACES)
        .map(|place| {
            let angle = f32::from(place) / f32::from(PLACES) * std::f32::consts::TAU;
            [angle.cos(), angle.sin()]
        })
        .collect()
});

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use image::Luma;

    /// A round code of our own drawing: rays of dashes, three eyes, a picture in the middle and one in the corner.
    pub(crate) fn drawn(rays: u32, side: u32, seed: u32) -> GrayImage {
        let centre = side as f32 / 2.0;
        let outer = 0.47 * side as f32;
        let inner = 0.24 * side as f32;
        let dash = |ray: u32, step: u32| {
            (ray.wrapping_mul(2_654_435_761) ^ step.wrapping_mul(40_503) ^ seed.wrapping_mul(97_531))
                .rotate_left(7)
                % 100
                < 52
        };
        let steps = 12;
        let eye = 0.085 * side as f32;
        let eyes = [[-1.0f32, -1.0f32], [1.0, -1.0], [-1.0, 1.0]]
            .map(|[x, y]| [x, y].map(|v| centre + v * 0.31 * side as f32));
        GrayImage::from_fn(side, side, |x, y| {
            // Four samples a pixel for soft edges.
            let sum: f32 = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
                .iter()
                .map(|[dx, dy]| {
                    let (px, py) = (x as f32 + dx, y as f32 + dy);
                    for [ex, ey] in eyes {
                        let far = (px - ex).hypot(py - ey) / eye;
                        if far < 1.15 {
                            return if far < 0.45 || (0.72..1.0).contains(&far) {
                                20.0
                            } else {
                                240.0
                            };
                        }
                    }
                    let (dx, dy) = (px - centre, py - centre);
                    let far = dx.hypot(dy);
                    if far < inner * 0.85 {
                        return 120.0;
                    }
                    if far < inner || far > outer {
                        return 240.0;
                    }
                    let turn = (dy.atan2(dx) / std::f32::consts::TAU + 1.0).fract() * rays as f32;
                    let off = (turn - turn.floor() - 0.5).abs() / rays as f32 * std::f32::consts::TAU * far;
                    let step = ((far - inner) / (outer - inner) * steps as f32) as u32;
                    let width = 0.24 * std::f32::consts::TAU * outer / rays as f32;
                    if off < width * (0.55 + 0.45 * far / outer) && dash(turn as u32, step) {
                        20.0
                    } else {
                        240.0
                    }
                })
                .sum();
            Luma([(sum / 4.0) as u8])
        })
    }

    fn room(shown: Option<(&GrayImage, i64, i64)>, blur: f32, noise: u32) -> GrayImage {
        let mut frame = GrayImage::from_fn(1280, 720, |x, y| Luma([(90 + (x + y) / 40) as u8]));
        if let Some((picture, x, y)) = shown {
            imageops::overlay(&mut frame, picture, x, y);
        }
        let mut frame = if blur > 0.0 {
            imageops::blur(&frame, blur)
        } else {
            frame
        };
        let mut state = 7u32;
        for pixel in frame.pixels_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            pixel.0[0] = pixel.0[0].saturating_add(((state >> 16) % noise.max(1)) as u8);
        }
        frame
    }

    #[test]
    fn round_codes_are_told_in_all_sizes_blurred_and_noisy() {
        for (rays, side, blur) in [
            (36, 200, 1.0),
            (54, 240, 1.0),
            (72, 300, 1.2),
            (36, 420, 2.0),
            (54, 560, 2.5),
            (72, 480, 0.0),
        ] {
            for seed in 0..4 {
                let code = drawn(rays, side, seed);
                let at = (500 - i64::from(side) / 3, 60);
                let found = find(&room(Some((&code, at.0, at.1)), blur, 8));
                let (middle, radius) = found.unwrap_or_else(|| panic!("{rays} rays, {side} px, seed {seed}"));
                let centre = [at.0 as f32, at.1 as f32].map(|v| v + side as f32 / 2.0);
                let off = (middle[0] - centre[0]).hypot(middle[1] - centre[1]);
                assert!(off < 0.06 * side as f32, "{rays} rays, {side} px: {off} px off");
                assert!(
                    (radius / (0.47 * side as f32) - 1.0).abs() < 0.25,
                    "{radius} of {side}"
                );
            }
        }
    }

    /// The code as a camera sees it whose axis it leans away from, by `tilt` degrees towards `toward`: `side` pixels
    /// across where it is farthest from leaning.
    fn leaning(code: &GrayImage, tilt: f32, toward: f32, blur: f32) -> GrayImage {
        const FOCAL: f32 = 1000.0; // pixels: a 65° webcam
        let (sin, cos) = tilt.to_radians().sin_cos();
        let (ts, tc) = toward.sin_cos();
        let half = code.width() as f32 / 2.0;
        let mut frame = GrayImage::from_fn(1280, 720, |x, y| Luma([(90 + (x + y) / 40) as u8]));
        for (x, y, pixel) in frame.enumerate_pixels_mut() {
            let (px, py) = (x as f32 - 640.0, y as f32 - 360.0);
            // In a frame turned so that the code leans along its first axis.
            let (across, along) = (-px * ts + py * tc, px * tc + py * ts);
            // The plane passes through (0, 0, FOCAL) pixels and leans in the direction of `along`.
            let depth = 1.0 / (1.0 - along * sin / (cos * FOCAL)).max(0.05);
            let (u, v) = (along * depth / cos, across * depth);
            let (sx, sy) = (u * tc - v * ts + half, u * ts + v * tc + half);
            if sx >= 0.0
                && sy >= 0.0
                && let Some(sample) = imageops::interpolate_bilinear(code, sx, sy)
            {
                *pixel = sample;
            }
        }
        room(Some((&frame, 0, 0)), blur, 8)
    }

    /// How many of eight codes are told.
    fn told(rays: u32, side: u32, tilt: f32, blur: f32) -> usize {
        let shown = (0..8_u32).map(|seed| {
            let code = drawn(rays, side, seed + 11);
            leaning(&code, tilt, seed as f32 * 0.9, blur)
        });
        shown.filter(|frame| find(frame).is_some()).count()
    }

    #[test]
    fn round_codes_are_told_leaning_and_blurred() {
        for (rays, side, blur, tilts, least) in [
            (36, 320, 1.5, &[20.0, 30.0, 40.0][..], 7),
            (54, 400, 1.5, &[20.0, 30.0][..], 7),
            (54, 240, 0.8, &[20.0, 30.0][..], 7),
            (72, 480, 1.5, &[10.0][..], 7),
            (72, 480, 0.8, &[20.0][..], 6),
            (72, 300, 0.8, &[10.0][..], 7),
        ] {
            for tilt in tilts {
                let told = told(rays, side, *tilt, blur);
                assert!(
                    told >= least,
                    "{rays} rays, {side} px, {tilt}°, blur {blur}: {told} of 8"
                );
            }
        }
    }

    #[test]
    fn rooms_square_codes_stripes_and_noise_are_none() {
        let square = crate::reader::tests::symbol(crate::reader::tests::collection_text().as_bytes(), 8);
        assert!(find(&room(None, 0.0, 30)).is_none());
        assert!(find(&room(Some((&square, 300, 80)), 0.8, 8)).is_none());
        let stripes = GrayImage::from_fn(1280, 720, |x, y| {
            Luma([if (x / 9 + y / 31) % 2 == 0 { 40 } else { 210 }])
        });
        assert!(find(&stripes).is_none());
        let rings = GrayImage::from_fn(1280, 720, |x, y| {
            let far = (x as f32 - 640.0).hypot(y as f32 - 360.0);
            Luma([if ((far / 12.0) as u32).is_multiple_of(2) {
                40
            } else {
                210
            }])
        });
        assert!(find(&rings).is_none());
        let mut state = 3u32;
        let noise = GrayImage::from_fn(1280, 720, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Luma([(state >> 24) as u8])
        });
        assert!(find(&noise).is_none());
        assert!(find(&GrayImage::new(0, 0)).is_none());
    }
}
