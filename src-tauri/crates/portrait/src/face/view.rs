//! A copy of the head at one fixed size, upright, in the face's own measure, so that a figure means the same for
//! every camera, distance and tilt. For measuring only: nothing of it is ever shown or handed over.

use image::{GrayImage, RgbImage};

use crate::compose::linear;
use crate::vision::Mesh;

/// Pixels of the copy for one inter-eye distance: about what a 480x640 standard photo has.
const UNIT: f32 = 96.0;
/// What the copy shows, in inter-eye distances from the middle between the eyes.
const ACROSS: f32 = 2.0;
const ABOVE: f32 = 2.6;
const BELOW: f32 = 2.3;

/// A place on the face: inter-eye distances from the middle between the eyes, to the picture's right along the line
/// of the eyes, and down.
pub(crate) type Place = [f32; 2];

/// Linear RGB, 0 to 1.
pub(crate) type Colour = [f32; 3];

/// The face's own axes in the picture.
#[derive(Debug, Clone, Copy)]
struct Axes {
    origin: [f32; 2],
    unit: f32,
    cos: f32,
    sin: f32,
}

impl Axes {
    fn of(mesh: &Mesh) -> Option<Self> {
        let ([ax, ay], [bx, by]) = (mesh.eye_left(), mesh.eye_right());
        let unit = mesh.eye_distance();
        (unit > 8.0 && unit.is_finite()).then(|| Self {
            origin: mesh.between_eyes(),
            unit,
            cos: (bx - ax) / unit,
            sin: (by - ay) / unit,
        })
    }

    fn place(&self, [x, y]: [f32; 2]) -> Place {
        let (dx, dy) = ((x - self.origin[0]) / self.unit, (y - self.origin[1]) / self.unit);
        [dx * self.cos + dy * self.sin, dy * self.cos - dx * self.sin]
    }

    fn pixel(&self, [u, v]: Place) -> [f32; 2] {
        let (u, v) = (u * self.unit, v * self.unit);
        [
            self.origin[0] + u * self.cos - v * self.sin,
            self.origin[1] + u * self.sin + v * self.cos,
        ]
    }
}

/// The copy.
#[derive(Debug, Clone)]
pub(crate) struct View {
    axes: Axes,
    width: usize,
    height: usize,
    /// NaN beyond the picture's edge.
    pixels: Vec<Colour>,
}

impl View {
    /// `None` if the eyes lie less than 8 pixels apart.
    pub(crate) fn of(picture: &RgbImage, mesh: &Mesh) -> Option<Self> {
        let axes = Axes::of(mesh)?;
        let (width, height) = ((2.0 * ACROSS * UNIT) as usize, ((ABOVE + BELOW) * UNIT) as usize);
        // A large face is averaged, not skipped over.
        let looks = (axes.unit / UNIT).round().clamp(1.0, 6.0) as usize;
        let share = 1.0 / (looks * looks) as f32;
        let mut pixels = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                let mut sum = [0.0; 3];
                for k in 0..looks * looks {
                    let part = |n: usize, k: usize| (n as f32 + (k as f32 + 0.5) / looks as f32) / UNIT;
                    let at = [part(column, k % looks) - ACROSS, part(row, k / looks) - ABOVE];
                    let colour = between_pixels(picture, axes.pixel(at));
                    (0..3).for_each(|c| sum[c] += colour[c] * share);
                }
                pixels.push(sum);
            }
        }
        Some(Self {
            axes,
            width,
            height,
            pixels,
        })
    }

    /// Where a point of the picture lies on the face.
    pub(crate) fn place(&self, point: [f32; 2]) -> Place {
        self.axes.place(point)
    }

    /// Where a mesh point lies on the face.
    pub(crate) fn point(&self, mesh: &Mesh, n: usize) -> Place {
        let [x, y, _] = mesh.points[n];
        self.place([x, y])
    }

    /// The colour at a place, of the nearest pixel; `None` beyond the copy or the picture.
    pub(crate) fn at(&self, [u, v]: Place) -> Option<Colour> {
        let (x, y) = ((u + ACROSS) * UNIT, (v + ABOVE) * UNIT);
        let inside = x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height;
        let colour = inside.then(|| self.pixels[y as usize * self.width + x as usize])?;
        colour[0].is_finite().then_some(colour)
    }

    /// The places of a rectangle, left, top, right, bottom, one for each pixel of the copy.
    pub(crate) fn places([left, top, right, bottom]: [f32; 4]) -> impl Iterator<Item = Place> {
        let step = 1.0 / UNIT;
        let count = |a: f32, b: f32| ((b - a) / step).max(0.0) as usize;
        let (columns, rows) = (count(left, right), count(top, bottom));
        (0..rows * columns).map(move |k| {
            [
                left + ((k % columns) as f32 + 0.5) * step,
                top + ((k / columns) as f32 + 0.5) * step,
            ]
        })
    }

    /// The colours of a rectangle.
    pub(crate) fn colours(&self, area: [f32; 4]) -> impl Iterator<Item = Colour> {
        Self::places(area).filter_map(|at| self.at(at))
    }

    /// Share of the person (0 to 1) at a place, from a matte of the picture.
    pub(crate) fn cover(&self, alpha: &GrayImage, at: Place) -> f32 {
        let [x, y] = self.axes.pixel(at);
        if x < 0.0 || y < 0.0 {
            return 0.0;
        }
        alpha
            .get_pixel_checked(x as u32, y as u32)
            .map_or(0.0, |p| f32::from(p.0[0]) / 255.0)
    }

    /// One pixel of the copy, in inter-eye distances.
    pub(crate) const GRAIN: f32 = 1.0 / UNIT;
}

/// Linear light between the four nearest pixels; NaN beyond the picture.
fn between_pixels(picture: &RgbImage, [x, y]: [f32; 2]) -> Colour {
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    if !(x >= 0.0 && y >= 0.0 && x < w && y < h) {
        return [f32::NAN; 3];
    }
    let (x, y) = ((x - 0.5).clamp(0.0, w - 1.0), (y - 0.5).clamp(0.0, h - 1.0));
    let (left, top) = (x as u32, y as u32);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let (right, bottom) = (
        (left + 1).min(picture.width() - 1),
        (top + 1).min(picture.height() - 1),
    );
    let at = |x, y| picture.get_pixel(x, y).0;
    let (a, b, c, d) = (at(left, top), at(right, top), at(left, bottom), at(right, bottom));
    std::array::from_fn(|k| {
        let upper = linear(a[k]) * (1.0 - fx) + linear(b[k]) * fx;
        let lower = linear(c[k]) * (1.0 - fx) + linear(d[k]) * fx;
        upper * (1.0 - fy) + lower * fy
    })
}

/// Relative luminance of linear sRGB (ITU-R BT.709).
pub(crate) fn luminance([r, g, b]: Colour) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The value a share of `q` of the values does not exceed; NaN for none.
pub(crate) fn quantile(values: &mut [f32], q: f32) -> f32 {
    if values.is_empty() {
        return f32::NAN;
    }
    let at = ((values.len() - 1) as f32 * q).round() as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// Distance from a place to the nearest side of a polygon.
pub(crate) fn distance(polygon: &[Place], at: Place) -> f32 {
    let mut least = f32::MAX;
    for (k, a) in polygon.iter().enumerate() {
        let b = polygon[(k + 1) % polygon.len()];
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let along = ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / (dx * dx + dy * dy).max(1e-12);
        let t = along.clamp(0.0, 1.0);
        least = least.min((at[0] - a[0] - t * dx).hypot(at[1] - a[1] - t * dy));
    }
    least
}
