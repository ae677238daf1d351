//! Light and sharpness of a face, measured on a copy of it at one fixed size, so that the figures mean the same for
//! every camera and distance.
//!
//! Where ISO/IEC 29794-5 has a measure, its definition is followed as its reference software OFIQ computes it; where
//! that definition judges the skin instead of the light (under-exposure: share of dark pixels), the white of the eye
//! is measured instead, which is alike in all people.

use fast_image_resize::FilterType;
use image::RgbImage;
use rayon::prelude::*;

use crate::compose::linear;
use crate::resample;
use crate::vision::{Eye, Mesh};

/// Cheek to cheek on the copy, in pixels: the national picture's middle.
const WIDTH: f32 = 200.0;

/// What a face's pixels say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaceLight {
    /// Luma of the brightest skin and the whites of the eyes (98th percentile): what the light gives to any skin.
    pub(crate) bright: f64,
    /// Luma of the whites of the eyes (75th percentile between lids and iris, the brighter eye), `None` where the
    /// eyes are shut or too small to see: the one part of a face whose reflectance does not follow the skin.
    pub(crate) eye_white: Option<f64>,
    /// Share of skin of which some channel is at 250 or more: red clips first on skin, and takes its colour along.
    pub(crate) burnt: f64,
    /// Share of skin that shines: at least [`SHINING`] times the light of the skin's middle, and paler than it.
    pub(crate) shine: f64,
    /// Light of the darker half of the face over that of the brighter half, 0 to 1.
    pub(crate) evenness: f64,
    /// Light of the picture's left and right half of the face, means of linear luminance, 0 to 1.
    pub(crate) sides: [f64; 2],
    /// OFIQ `IlluminationUniformity`: what the histograms of luminance of two cheek zones have in common, 0 to 1.
    pub(crate) uniformity: f64,
    /// Steepest edges (99th percentile of the gradient) over the face's range of luma, per pixel of the copy:
    /// the inverse of an edge's width. A share of 0.2 is an edge five pixels wide.
    pub(crate) sharpness: f64,
    /// Widths of the steepest edges in the direction where they are narrowest and where they are widest, pixels of
    /// the copy; see [`edge_widths`]. A lens out of focus widens both, movement the second alone. Other than
    /// `sharpness` they do not depend on the face's contrast.
    pub(crate) edges: [f64; 2],
}

impl FaceLight {
    /// The white of an eye shows about this share of the luma of the brightest skin beside it, or more; ours, measured
    /// on 60 rendered students: 0.72 beside the lightest skin, 1.6 beside the darkest.
    pub(crate) const SKIN_SHARE: f64 = 0.75;

    /// How much light falls on the face, as luma of an eye's white; from the skin where that shows more, as with eyes
    /// deep in their sockets. `None` where the eyes cannot be seen: dark skin alone does not tell.
    pub(crate) fn given(&self) -> Option<f64> {
        self.eye_white
            .map(|white| white.max(Self::SKIN_SHARE * self.bright))
    }
}

/// A highlight: so many times the light of the skin's middle. Skin under two lamps at 45 degrees has less than
/// this from its shape alone.
const SHINING: f32 = 1.7;
/// Length over which an edge has risen to the full, pixels of the copy: a third of an iris.
const REACH: f64 = 10.0;

/// Measures inside the mesh's outline. `None` if the face lies outside the picture.
pub(crate) fn face_light(picture: &RgbImage, mesh: &Mesh) -> Option<FaceLight> {
    let outline = mesh.outline();
    let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
    for p in outline {
        for k in 0..2 {
            low[k] = low[k].min(p[k]);
            high[k] = high[k].max(p[k]);
        }
    }
    let [a, b] = mesh.cheeks();
    let cheeks = (b[0] - a[0]).hypot(b[1] - a[1]);
    let (pw, ph) = (picture.width() as f32, picture.height() as f32);
    let (x0, y0) = (low[0].clamp(0.0, pw), low[1].clamp(0.0, ph));
    let (x1, y1) = (high[0].clamp(0.0, pw), high[1].clamp(0.0, ph));
    if !(cheeks > 4.0 && x1 - x0 > 4.0 && y1 - y0 > 4.0) {
        return None;
    }
    let scale = WIDTH / cheeks;
    let w = (((x1 - x0) * scale) as u32).clamp(8, 600);
    let h = (((y1 - y0) * scale) as u32).clamp(8, 600);
    let part = [x0, y0, x1 - x0, y1 - y0].map(f64::from);
    let copy = resample::rgb8(picture, part, w, h, FilterType::CatmullRom)?;
    let (w, h) = (w as usize, h as usize);
    let rgb = copy.as_raw();
    let luma: Vec<f32> = rgb
        .chunks_exact(3)
        .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
        .collect();
    let light: Vec<f32> = rgb
        .chunks_exact(3)
        .map(|p| 0.2126 * linear(p[0]) + 0.7152 * linear(p[1]) + 0.0722 * linear(p[2]))
        .collect();

    let place = |p: [f32; 2]| [(p[0] - x0) * scale, (p[1] - y0) * scale];
    let centre = {
        let [c, n] = [mesh.between_eyes(), mesh.nose_tip()];
        place([f32::midpoint(c[0], n[0]), f32::midpoint(c[1], n[1])])
    };
    // A little inside the outline: hair, ears and background are not skin.
    let inner: Vec<[f32; 2]> = outline
        .iter()
        .map(|&p| {
            let [x, y] = place(p);
            [
                centre[0] + (x - centre[0]) * 0.86,
                centre[1] + (y - centre[1]) * 0.86,
            ]
        })
        .collect();
    let axis = [place(mesh.between_eyes()), place(mesh.chin())];

    let mut skin = Vec::with_capacity(w * h);
    let mut within = Vec::with_capacity(w * h);
    let mut clipped = 0u32;
    let (mut sides, mut counts) = ([0.0f64; 2], [0u32; 2]);
    let mut edges = Vec::with_capacity(w * h);
    for y in 1..h.saturating_sub(1) {
        for x in 1..w.saturating_sub(1) {
            let at = [x as f32 + 0.5, y as f32 + 0.5];
            if !inside(&inner, at) {
                continue;
            }
            let i = y * w + x;
            skin.push(luma[i]);
            within.push(i);
            clipped += u32::from(rgb[3 * i..3 * i + 3].iter().any(|&v| v >= 250));
            let along = (axis[1][0] - axis[0][0]) * (at[1] - axis[0][1])
                - (axis[1][1] - axis[0][1]) * (at[0] - axis[0][0]);
            let length = (axis[1][0] - axis[0][0]).hypot(axis[1][1] - axis[0][1]).max(1.0);
            // The nose's own shading lies within a tenth of the face around the axis.
            if (along / length).abs() > 0.1 * WIDTH {
                let side = usize::from(along > 0.0);
                sides[side] += f64::from(light[i]);
                counts[side] += 1;
            }
            let gx = luma[i + 1] - luma[i - 1]
                + 0.5 * (luma[i + 1 - w] - luma[i - 1 - w] + luma[i + 1 + w] - luma[i - 1 + w]);
            let gy = luma[i + w] - luma[i - w]
                + 0.5 * (luma[i + w - 1] - luma[i - w - 1] + luma[i + w + 1] - luma[i - w + 1]);
            edges.push(gx.hypot(gy) / 4.0);
        }
    }
    if skin.len() < 200 || counts.contains(&0) {
        return None;
    }
    skin.sort_unstable_by(f32::total_cmp);
    edges.sort_unstable_by(f32::total_cmp);
    let rank = |v: &[f32], share: f64| f64::from(v[((v.len() - 1) as f64 * share) as usize]);
    let means = [sides[0] / f64::from(counts[0]), sides[1] / f64::from(counts[1])];
    let range = (rank(&skin, 0.98) - rank(&skin, 0.02)).max(16.0);
    let cheeks = zones(mesh).map(|[x, y, side]| {
        let [x, y] = place([x, y]);
        [x, y, side * scale]
    });
    Some(FaceLight {
        eye_white: brighter_eye(&luma, [w, h], mesh, scale, place),
        shine: shine(rgb, &light, &within),
        uniformity: uniformity(&light, [w, h], cheeks),
        edges: edge_widths(&luma, w, &within),
        bright: rank(&skin, 0.98),
        burnt: f64::from(clipped) / skin.len() as f64,
        sides: [means[1], means[0]],
        evenness: means[0].min(means[1]) / means[0].max(means[1]).max(1e-6),
        sharpness: rank(&edges, 0.99) / range,
    })
}

/// Two squares of skin under the eyes beside the nose (left, top, side in pixels of the picture): the zones of OFIQ
/// `IlluminationUniformity` and `NaturalColour`, 0.3 eye distances wide, half-way from eyes to mouth.
pub(crate) fn zones(mesh: &Mesh) -> [[f32; 3]; 2] {
    let side = 0.3 * mesh.eye_distance();
    let (eyes, mouth) = (mesh.between_eyes(), mesh.mouth());
    let down = 0.5 * (mouth[0] - eyes[0]).hypot(mouth[1] - eyes[1]);
    let ([ax, ay], [bx, by]) = (mesh.eye_left(), mesh.eye_right());
    [[ax - side, ay + down, side], [bx, by + down, side]]
}

/// See [`FaceLight::eye_white`].
fn brighter_eye(
    luma: &[f32],
    size: [usize; 2],
    mesh: &Mesh,
    scale: f32,
    place: impl Fn([f32; 2]) -> [f32; 2],
) -> Option<f64> {
    mesh.eyes
        .iter()
        .flatten()
        .filter_map(|eye| eye_white(luma, size, eye, scale, &place))
        .max_by(f64::total_cmp)
}

/// Luma of the white of one eye on the copy. See [`FaceLight::eye_white`].
fn eye_white(
    luma: &[f32],
    [w, h]: [usize; 2],
    eye: &Eye,
    scale: f32,
    place: impl Fn([f32; 2]) -> [f32; 2],
) -> Option<f64> {
    // Lower lid outwards in, then the upper lid back: a ring.
    let ring: Vec<[f32; 2]> = eye.lids[..9]
        .iter()
        .chain(eye.lids[9..].iter().rev())
        .map(|&p| place(p))
        .collect();
    let iris = place(eye.iris);
    let radius = eye.iris_radius * scale * 1.1;
    let mut white = Vec::new();
    let bound = |k: usize, top: usize| {
        let low = ring.iter().map(|p| p[k]).fold(f32::MAX, f32::min).max(0.0) as usize;
        let high = (ring.iter().map(|p| p[k]).fold(0.0, f32::max) as usize + 1).min(top);
        low..high
    };
    for y in bound(1, h) {
        for x in bound(0, w) {
            let at = [x as f32 + 0.5, y as f32 + 0.5];
            if (at[0] - iris[0]).hypot(at[1] - iris[1]) > radius && inside(&ring, at) {
                white.push(luma[y * w + x]);
            }
        }
    }
    // Under a dozen pixels lashes and corners are all there is.
    if white.len() < 12 {
        return None;
    }
    white.sort_unstable_by(f32::total_cmp);
    Some(f64::from(white[white.len() * 3 / 4]))
}

/// See [`FaceLight::shine`]. `within` are the indices of the face's pixels.
fn shine(rgb: &[u8], light: &[f32], within: &[usize]) -> f64 {
    // Blue over red: skin's own colour has little blue, a lamp's mirror image has all of it.
    let pale = |i: usize| (f32::from(rgb[3 * i + 2]) + 1.0) / (f32::from(rgb[3 * i]) + 1.0);
    let median = |mut values: Vec<f32>| {
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    };
    let usual = median(within.iter().map(|&i| light[i]).collect());
    let usual_pale = median(within.iter().map(|&i| pale(i)).collect());
    let shining = within
        .iter()
        .filter(|&&i| light[i] > SHINING * usual && light[i] > 0.45 && pale(i) > usual_pale + 0.08)
        .count();
    shining as f64 / within.len().max(1) as f64
}

/// OFIQ `IlluminationUniformity`: the sum of the smaller of both zones' shares, over 256 steps of linear luminance.
fn uniformity(light: &[f32], [w, h]: [usize; 2], zones: [[f32; 3]; 2]) -> f64 {
    let [a, b] = zones.map(|[x, y, side]| {
        let mut shares = [0.0f64; 256];
        let span = |from: f32, top: usize| {
            let from = (from.max(0.0) as usize).min(top);
            from..(from + side.max(1.0) as usize).min(top)
        };
        let mut count = 0.0;
        for row in span(y, h) {
            for column in span(x, w) {
                let step = (light[row * w + column] * 255.0 + 0.5) as usize;
                shares[step.min(255)] += 1.0;
                count += 1.0;
            }
        }
        shares.map(|v| v / f64::max(count, 1.0))
    });
    a.iter().zip(&b).map(|(a, b)| a.min(*b)).sum()
}

/// Widths of the steepest edges across four directions (right, down, both diagonals), pixels of the copy: the
/// largest change over [`REACH`] pixels over the largest change over one (99.5th percentiles). Movement widens edges
/// across its own direction and leaves those along it. Returns the narrowest and the widest.
fn edge_widths(luma: &[f32], w: usize, within: &[usize]) -> [f64; 2] {
    let widths = [(1, 0), (0, 1), (1, 1), (-1, 1)].map(|(dx, dy): (isize, isize)| {
        let step = dy * w as isize + dx;
        let long = f64::from((dx * dx + dy * dy) as i32).sqrt();
        let reach = (REACH / long).round() as isize;
        let (mut near, mut far) = (Vec::with_capacity(within.len()), Vec::with_capacity(within.len()));
        for &i in within {
            let at = |k: isize| {
                usize::try_from(i as isize + k * step)
                    .ok()
                    .and_then(|j| luma.get(j))
            };
            if let (Some(a), Some(b)) = (at(1), at(reach)) {
                near.push((a - luma[i]).abs());
                far.push((b - luma[i]).abs());
            }
        }
        let top = |mut v: Vec<f32>| {
            let rank = v.len() * 995 / 1000;
            if rank >= v.len() {
                return 0.0;
            }
            f64::from(*v.select_nth_unstable_by(rank, f32::total_cmp).1)
        };
        top(far) / (top(near) / long).max(0.1)
    });
    [
        widths.iter().copied().fold(f64::MAX, f64::min),
        widths.iter().copied().fold(0.0, f64::max),
    ]
}

/// The pixels of a picture whose centres lie inside a polygon.
pub(crate) fn filled(polygon: &[[f32; 2]], w: usize, h: usize) -> Vec<bool> {
    let span = |k: usize| {
        let at = || polygon.iter().map(move |p| p[k]);
        at().fold(f32::MAX, f32::min)..at().fold(f32::MIN, f32::max)
    };
    let (across, down) = (span(0), span(1));
    let holds = |x: f32, y: f32| across.contains(&x) && down.contains(&y) && inside(polygon, [x, y]);
    (0..w * h)
        .into_par_iter()
        .map(|i| holds((i % w) as f32 + 0.5, (i / w) as f32 + 0.5))
        .collect()
}

/// Even-odd rule.
pub(crate) fn inside(polygon: &[[f32; 2]], at: [f32; 2]) -> bool {
    let mut odd = false;
    for (k, a) in polygon.iter().enumerate() {
        let b = polygon[(k + 1) % polygon.len()];
        if (a[1] > at[1]) != (b[1] > at[1]) && at[0] < (b[0] - a[0]) * (at[1] - a[1]) / (b[1] - a[1]) + a[0] {
            odd = !odd;
        }
    }
    odd
}
