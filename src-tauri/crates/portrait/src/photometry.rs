//! Light and sharpness of a face, measured on a copy of it at one fixed size, so that the figures mean the same for
//! every camera and distance.

use fast_image_resize::FilterType;
use image::RgbImage;

use crate::compose::linear;
use crate::resample;
use crate::vision::Mesh;

/// Cheek to cheek on the copy, in pixels: the national picture's middle.
const WIDTH: f32 = 200.0;

/// What a face's pixels say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaceLight {
    /// Luma of the brightest skin and the whites of the eyes (98th percentile): what the light gives to any skin.
    pub(crate) bright: f64,
    /// Share of skin of which some channel is at 250 or more: red clips first on skin, and takes its colour along.
    pub(crate) burnt: f64,
    /// Light of the darker half of the face over that of the brighter half, 0 to 1.
    pub(crate) evenness: f64,
    /// Steepest edges (99th percentile of the gradient) over the face's range of luma, per pixel of the copy:
    /// the inverse of an edge's width. A share of 0.2 is an edge five pixels wide.
    pub(crate) sharpness: f64,
}

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
    Some(FaceLight {
        bright: rank(&skin, 0.98),
        burnt: f64::from(clipped) / skin.len() as f64,
        evenness: means[0].min(means[1]) / means[0].max(means[1]).max(1e-6),
        sharpness: rank(&edges, 0.99) / range,
    })
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
