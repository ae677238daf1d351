//! The plane of a symbol in the frame: where each module lies, and how well what must be there is there.

use image::GrayImage;

use super::layout::Layout;

/// Corners of the symbol in frame pixels: top left, top right, bottom right, bottom left of the outermost
/// modules' outer corners.
pub(crate) type Corners = [[f32; 2]; 4];

/// A perspective map from modules (0..=side) to frame pixels.
#[derive(Clone, Copy)]
pub(crate) struct Plane {
    map: [f32; 8],
}

impl Plane {
    /// The map that sends the square 0..=side to the corners (Heckbert, 1989). Nothing when they do not
    /// span a convex quadrangle.
    pub(crate) fn new(corners: &Corners, side: f32) -> Option<Self> {
        let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = *corners;
        let (dx1, dy1, dx2, dy2) = (x1 - x2, y1 - y2, x3 - x2, y3 - y2);
        let (sx, sy) = (x0 - x1 + x2 - x3, y0 - y1 + y2 - y3);
        let det = dx1 * dy2 - dx2 * dy1;
        if det.abs() < 1.0 {
            return None;
        }
        let g = (sx * dy2 - dx2 * sy) / det;
        let h = (dx1 * sy - sx * dy1) / det;
        if g <= -0.9 || h <= -0.9 || g + h <= -0.9 {
            return None;
        }
        let map = [
            (x1 - x0 + g * x1) / side,
            (x3 - x0 + h * x3) / side,
            x0,
            (y1 - y0 + g * y1) / side,
            (y3 - y0 + h * y3) / side,
            y0,
            g / side,
            h / side,
        ];
        map.iter().all(|value| value.is_finite()).then_some(Self { map })
    }

    /// The place of a point in modules, in frame pixels, where 0, 0 is the first pixel's outer corner.
    pub(crate) fn at(&self, u: f32, v: f32) -> [f32; 2] {
        let [a, b, c, d, e, f, g, h] = self.map;
        let scale = 1.0 / (g * u + h * v + 1.0);
        [(a * u + b * v + c) * scale, (d * u + e * v + f) * scale]
    }
}

/// A frame in about linear light: samples squared, 0–1.
pub(crate) struct Light {
    width: usize,
    height: usize,
    samples: Vec<f32>,
}

impl Light {
    /// The whole frame; nothing for one of less than eight pixels a side.
    pub(crate) fn whole(luma: &GrayImage) -> Option<Self> {
        let (width, height) = (luma.width() as usize, luma.height() as usize);
        let table: [f32; 256] = std::array::from_fn(|level| (level as f32 / 255.0).powi(2));
        let samples = luma
            .as_raw()
            .iter()
            .map(|level| table[usize::from(*level)])
            .collect();
        (width >= 8 && height >= 8).then_some(Self {
            width,
            height,
            samples,
        })
    }

    /// Bilinear; beyond the border the nearest sample.
    pub(crate) fn at(&self, [x, y]: [f32; 2]) -> f32 {
        let x = (x - 0.5).clamp(0.0, (self.width - 1) as f32 - 1e-3);
        let y = (y - 0.5).clamp(0.0, (self.height - 1) as f32 - 1e-3);
        let (column, row) = (x as usize, y as usize);
        let (fx, fy) = (x - column as f32, y - row as f32);
        let at = row * self.width + column;
        let (Some([a, b]), Some([c, d])) = (
            self.samples.get(at..at + 2),
            self.samples.get(at + self.width..at + self.width + 2),
        ) else {
            return self.samples.get(at).copied().unwrap_or(0.0);
        };
        let above = a + (b - a) * fx;
        let below = c + (d - c) * fx;
        above + (below - above) * fy
    }
}

/// Groups of fixed modules whose light and dark are compared with each other: places and signs.
pub(crate) struct Marks {
    groups: Vec<Vec<(f32, f32, f32)>>,
}

impl Marks {
    /// The finder patterns, the alignment patterns, and the timing patterns in pieces.
    pub(crate) fn new(layout: &Layout) -> Self {
        let side = layout.side;
        let mut groups: Vec<Vec<(f32, f32, f32)>> = Vec::new();
        let mut add = |xs: std::ops::Range<usize>, ys: std::ops::Range<usize>| {
            let mut group = Vec::new();
            for y in ys {
                for x in xs.clone() {
                    if let Some(Some(dark)) = layout.fixed.get(y * side + x) {
                        group.push((x as f32 + 0.5, y as f32 + 0.5, if *dark { -1.0 } else { 1.0 }));
                    }
                }
            }
            groups.push(group);
        };
        add(0..8, 0..8);
        add(side - 8..side, 0..8);
        add(0..8, side - 8..side);
        for (x, y) in &layout.alignments {
            add(x - 2..x + 3, y - 2..y + 3);
        }
        let mut from = 8;
        while from < side - 8 {
            let to = (from + 12).min(side - 8);
            add(from..to, 6..7);
            add(6..7, from..to);
            from = to;
        }
        groups.retain(|group| group.len() >= 4);
        Self { groups }
    }

    /// How well the fixed modules agree with the light there: −1..=1, the mean correlation of the groups;
    /// negative for a symbol shown light on dark.
    pub(crate) fn agreement(&self, light: &Light, plane: &Plane) -> f32 {
        let mut sum = 0.0;
        for group in &self.groups {
            let count = group.len() as f32;
            let (mut s, mut ss, mut t, mut st) = (0.0, 0.0, 0.0, 0.0);
            for (u, v, sign) in group {
                let value = light.at(plane.at(*u, *v));
                s += value;
                ss += value * value;
                t += sign;
                st += sign * value;
            }
            let spread = (ss - s * s / count) * (count - t * t / count);
            sum += (st - s * t / count) / (spread.max(0.0).sqrt() + 1e-4 * count);
        }
        sum / self.groups.len().max(1) as f32
    }
}

/// Moves the corners until the marks agree best; returns corners and agreement, times `sign`. Steps are in
/// modules, from `first` down by halves; every step tries each corner along both axes.
pub(crate) fn fit(
    light: &Light,
    marks: &Marks,
    side: f32,
    start: &Corners,
    (first, sign): (f32, f32),
) -> Option<(Corners, f32)> {
    let mut best = *start;
    let mut score = sign * marks.agreement(light, &Plane::new(&best, side)?);
    let module = ((best[1][0] - best[0][0]).hypot(best[1][1] - best[0][1])
        + (best[3][0] - best[0][0]).hypot(best[3][1] - best[0][1]))
        / (2.0 * side);
    let mut step = first * module;
    while step > 0.06 * module {
        let mut moved = false;
        for corner in [2, 0, 1, 3] {
            for axis in 0..2 {
                for way in [-step, step] {
                    let mut next = best;
                    next[corner][axis] += way;
                    let Some(plane) = Plane::new(&next, side) else {
                        continue;
                    };
                    let agreement = sign * marks.agreement(light, &plane);
                    if agreement > score + 1e-5 {
                        (best, score, moved) = (next, agreement, true);
                        break;
                    }
                }
            }
        }
        if !moved {
            step *= 0.5;
        }
    }
    Some((best, score))
}
