//! Signs that the camera sees a picture of a person instead of a person: the grating of a screen, the straight
//! border of a print, a phone or a tablet all around the face.
//!
//! Nothing natural on skin is periodic, and nobody sits inside a rectangle that closes below the chin: the one or the
//! other is sure. A grating on the wall alone (woven cloth, wallpaper) and lines on some sides (a door, a board) say
//! too little.

use std::ops::Range;

use fast_image_resize::FilterType;
use image::{GrayImage, RgbImage};

use crate::compose::luma;
use crate::resample;
use crate::spectrum::{self, Peak, SIDE};
use crate::vision::Mesh;

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recapture {
    /// Strongest peak of the spectrum on the face; `None` if the face is too small for a square of it.
    pub(crate) face: Option<Peak>,
    /// The same on the wall.
    pub(crate) wall: Option<Peak>,
    /// Share of its length along which a straight edge runs left, right, above and below the face.
    pub(crate) border: [f64; 4],
}

impl Recapture {
    /// Sides of the border that are there for at least `share` of their length.
    pub(crate) fn sides(&self, share: f64) -> usize {
        self.border.iter().filter(|&&s| s >= share).count()
    }

    /// Height of the face's peak, 0 if there was no square to look at.
    pub(crate) fn grating(&self) -> f64 {
        self.face.map_or(0.0, |p| p.height)
    }

    /// The same grating on face and wall: a screen shows both.
    pub(crate) fn common(&self) -> bool {
        match (self.face, self.wall) {
            (Some(a), Some(b)) => {
                let near = |k: usize| (a.at[k] - b.at[k]).abs() < 4.0 / SIDE as f64;
                near(0) && near(1)
            }
            _ => false,
        }
    }
}

/// Looks for the signs. `alpha` is the person's share at the picture's size.
pub(crate) fn look(picture: &RgbImage, mesh: &Mesh, alpha: &GrayImage) -> Recapture {
    let unit = mesh.eye_distance();
    let [ex, ey] = mesh.between_eyes();
    let [nx, ny] = mesh.nose_tip();
    let half = SIDE as f32 / 2.0;
    // Cheeks, nose and mouth fill a square that is not much larger than the face.
    let face = (unit * 1.9 > SIDE as f32)
        .then(|| {
            strongest(
                picture,
                (nx * 0.7 + ex * 0.3) - half,
                (ny * 0.8 + ey * 0.2) - half,
            )
        })
        .flatten();
    let places = empty_squares(alpha);
    let wall = places
        .iter()
        .step_by(places.len().div_ceil(SQUARES).max(1))
        .filter_map(|&[x, y]| strongest(picture, x as f32, y as f32))
        .max_by(|a, b| a.height.total_cmp(&b.height));
    Recapture {
        face,
        wall,
        border: border(picture, mesh),
    }
}

/// At most so many squares of the wall are looked at: each costs some milliseconds, and a screen fills them all.
const SQUARES: usize = 3;

/// Left and top of the squares of wall, laid side by side, that the person nowhere touches.
fn empty_squares(alpha: &GrayImage) -> Vec<[u32; 2]> {
    let (w, h) = alpha.dimensions();
    let side = SIDE as u32;
    let empty = |left: u32, top: u32| {
        (0..=8).all(|j| {
            (0..=8).all(|i| {
                let (x, y) = (left + i * side / 8, top + j * side / 8);
                alpha.get_pixel(x.min(w - 1), y.min(h - 1)).0[0] == 0
            })
        })
    };
    let from = |length: u32| (0..=length.saturating_sub(side)).step_by(SIDE);
    if w < side || h < side {
        return Vec::new();
    }
    from(h)
        .flat_map(|y| from(w).map(move |x| [x, y]))
        .filter(|&[x, y]| empty(x, y))
        .collect()
}

/// Highest peak over luma and both colour differences: a screen's stripes differ in colour first.
fn strongest(picture: &RgbImage, left: f32, top: f32) -> Option<Peak> {
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    if w < SIDE || h < SIDE {
        return None;
    }
    let x0 = (left.max(0.0) as usize).min(w - SIDE);
    let y0 = (top.max(0.0) as usize).min(h - SIDE);
    let plane = |mix: fn([f32; 3]) -> f32| -> Vec<f32> {
        (0..SIDE * SIDE)
            .map(|i| {
                let at = ((y0 + i / SIDE) * w + x0 + i % SIDE) * 3;
                let p = &picture.as_raw()[at..at + 3];
                mix([f32::from(p[0]), f32::from(p[1]), f32::from(p[2])])
            })
            .collect()
    };
    [
        plane(|[r, g, b]| 0.299 * r + 0.587 * g + 0.114 * b),
        plane(|[r, g, _]| r - g),
        plane(|[_, g, b]| b - g),
    ]
    .iter()
    .filter_map(|p| spectrum::peak(p))
    .max_by(|a, b| a.height.total_cmp(&b.height))
}

/// Width of the copy on which lines are sought, pixels.
const COPY: u32 = 480;
/// Steepness of an edge that counts, levels of luma over two pixels of the copy.
const EDGE: f32 = 9.0;

/// A straight edge on each side of the face: the share of its length that is edge, best over place and slope.
fn border(picture: &RgbImage, mesh: &Mesh) -> [f64; 4] {
    let scale = (COPY as f32 / picture.width() as f32).min(1.0);
    let (w, h) = (
        (picture.width() as f32 * scale) as u32,
        (picture.height() as f32 * scale) as u32,
    );
    if w < 64 || h < 64 {
        return [0.0; 4];
    }
    let whole = [0, 0, picture.width(), picture.height()].map(f64::from);
    let Some(copy) = resample::rgb8(picture, whole, w, h, FilterType::Bilinear) else {
        return [0.0; 4];
    };
    let (w, h) = (w as usize, h as usize);
    let levels: Vec<f32> = copy.pixels().map(|p| luma(p.0)).collect();
    // Only edges that run mostly up and down count for the sides, mostly across for top and bottom.
    let (mut upright, mut level) = (Edges::new(w, h), Edges::new(h, w));
    for y in 1..h - 1 {
        for x in 1..w - 1 {
            let i = y * w + x;
            let (gx, gy) = (levels[i + 1] - levels[i - 1], levels[i + w] - levels[i - w]);
            if gx.abs() >= EDGE && gx.abs() > 2.5 * gy.abs() {
                upright.mark(x, y);
            }
            if gy.abs() >= EDGE && gy.abs() > 2.5 * gx.abs() {
                level.mark(y, x);
            }
        }
    }
    let [ex, ey] = mesh.between_eyes().map(|v| v * scale);
    let unit = mesh.eye_distance() * scale;
    let chin = mesh.chin()[1] * scale;
    let span = |low: f32, high: f32, top: usize| {
        let low = (low.max(1.0) as usize).min(top - 1);
        low..(high.max(0.0) as usize).min(top - 1).max(low)
    };
    // Sides: from the forehead to below the chin. Top and bottom: over the head's width.
    let tall = span(ey - 0.8 * unit, chin + 0.6 * unit, h);
    let wide = span(ex - 1.2 * unit, ex + 1.2 * unit, w);
    [
        upright.best_line(span(0.0, ex - 1.45 * unit, w), tall.clone()),
        upright.best_line(span(ex + 1.45 * unit, w as f32, w), tall),
        level.best_line(span(0.0, ey - 1.3 * unit, h), wide.clone()),
        level.best_line(span(chin + 0.35 * unit, h as f32, h), wide),
    ]
}

/// Where edges of one direction are. A row holds what lies side by side across that direction, so that all parallel
/// lines are counted at once.
struct Edges {
    across: usize,
    /// One where an edge runs through the place or the one before it: a line may miss by a pixel.
    near: Vec<u8>,
}

impl Edges {
    fn new(across: usize, along: usize) -> Edges {
        Edges {
            across,
            near: vec![0; across * along],
        }
    }

    /// `across` is neither the first nor the last.
    fn mark(&mut self, across: usize, along: usize) {
        let i = along * self.across + across;
        self.near[i..=i + 1].fill(1);
    }

    /// Best share of edge over lines that cross the middle of `along` within `places`, up to 8 degrees aslant.
    fn best_line(&self, places: Range<usize>, along: Range<usize>) -> f64 {
        if places.is_empty() || along.len() < 8 {
            return 0.0;
        }
        let middle = (along.start + along.end) as f32 / 2.0;
        let mut best = 0u16;
        let mut hits = vec![0u16; places.len()];
        for slope in -14..=14i32 {
            let slope = slope as f32 * 0.01;
            hits.fill(0);
            for t in along.clone() {
                let aside = (0.5 + slope * (t as f32 - middle)).floor() as isize;
                // The places whose line is inside the picture here.
                let from = places.start.max((1 - aside).max(0) as usize);
                let to = places.end.min((self.across as isize - 1 - aside).max(0) as usize);
                if from >= to {
                    continue;
                }
                let start = t * self.across + from.wrapping_add_signed(aside);
                let row = &self.near[start..start + to - from];
                let counts = &mut hits[from - places.start..to - places.start];
                for (count, near) in counts.iter_mut().zip(row) {
                    *count += u16::from(*near);
                }
            }
            best = hits.iter().copied().fold(best, u16::max);
        }
        f64::from(best) / along.len() as f64
    }
}
