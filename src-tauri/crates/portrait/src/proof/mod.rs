//! Is a finished picture the scaled capture and nothing else? Measured anew, by anyone, without trusting a report.
//!
//! The standard forbids mirroring, rotating and retouching. A report that says so proves nothing; this does:
//!
//! 1. The faces of both pictures give a first guess; registration refines it until the capture, scaled by this
//!    crate's own resampler, lies on the result to a few hundredths of a pixel. A rotation, a stretch or a mirrored
//!    face is read off on the way.
//! 2. The person's certain area comes from the *capture*: coverage of one, three pixels away from any mixture with
//!    a background, and the inner face in any case.
//! 3. There the result is held against the scaled capture: colours, the means of regions (whitening), fine texture
//!    (smoothing), every window's displacement (slimming) and every 8 x 8 block (a mole that is gone).
//!
//! What a JPEG's own rounding explains is no fault: its quantization table says how much that is. What cannot be
//! seen: a retouching fainter than the file's rounding, and at low quality another shot in which nothing moved.

mod compare;
mod plane;
mod register;
mod words;

use image::{GrayImage, Luma, RgbImage};
use serde::{Deserialize, Serialize};

use crate::compose::compose;
use crate::jpeg::coded_luma;
use crate::matte::{self, Matte, Method};
use crate::original::{Original, jpeg_facts, sha256_hex};
use crate::photometry::filled;
use crate::report::{Report, Transform};
use crate::spec::Spec;
use crate::standardize::{focus, main_face};
use crate::vision::{Mesh, Models};
use compare::{Compared, Tables, compare, natural};
use plane::{Mask, Plane, eroded};
use register::{Motion, fit, leftover, likeness};

/// What the proof found, point by point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Proof {
    /// Every point holds.
    pub faithful: bool,
    /// SHA-256 of the capture's file bytes, lower hex.
    pub original_sha256: String,
    /// SHA-256 of the finished file's bytes, lower hex.
    pub result_sha256: String,
    /// The scale and translation found; `None` where the pictures do not register.
    pub transform: Option<Transform>,
    /// Rotation of the result against the capture, degrees, clockwise positive.
    pub rotation: Option<f64>,
    /// Share of the finished picture that was compared, 0 to 1.
    pub compared: f64,
    /// What was measured, against which bound.
    pub points: Vec<Point>,
}

impl Proof {
    /// The points that do not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|p| !p.holds)
    }

    /// The point with this code, if it was reached.
    pub fn point(&self, code: PointCode) -> Option<&Point> {
        self.points.iter().find(|p| p.code == code)
    }
}

/// One point of a [`Proof`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Which point.
    pub code: PointCode,
    /// The measured value lies within its bounds.
    pub holds: bool,
    /// What was measured, in `unit`; `None` where nothing could be.
    pub value: Option<f64>,
    /// Smallest value that holds.
    pub min: Option<f64>,
    /// Largest value that holds.
    pub max: Option<f64>,
    /// Unit of value and bounds.
    pub unit: String,
    /// What it says and, where it does not hold, what to do; Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// What a point is about. The kebab-case names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointCode {
    /// The result is a readable picture of the spec's size.
    File,
    /// Both pictures show the same face in the same moment.
    SamePicture,
    /// The result is not mirrored.
    Mirrored,
    /// The result is not rotated.
    Rotated,
    /// Width and height are scaled alike.
    Stretched,
    /// No part of the person was moved on its own.
    Warped,
    /// Mean colour difference inside the person.
    ColourMean,
    /// 99th percentile of the colour difference.
    ColourMost,
    /// No region was made lighter, darker or of another colour.
    Tone,
    /// Fine texture was not smoothed away.
    Texture,
    /// No spot was removed, added or changed, nothing sharpened.
    Detail,
    /// The report that came with the result tells the same.
    Report,
}

// The bounds are ours. Honest results: rendered students and real portraits, as delivered and saved again by three
// encoders at quality 60 and 75, 4:2:0 and 4:4:4 (`cargo bench -p portrait --bench portrait -- proof`).

/// Likeness (normalized correlation of luma over the face) under which the pictures do not show the same face in the
/// same pose. Honest: 0.98 and more; other people and mirrored real portraits stay below.
const SAME: f64 = 0.96;
/// Rotation in degrees. The rule forbids any. Honest: up to 0.02.
const ROTATION: f64 = 0.25;
/// Stretch or shear, as a share. Honest: up to 0.0004.
const STRETCH: f64 = 0.003;
/// Displacement of a window, pixels of the result. Honest: up to 0.56.
const WARP: f64 = 0.75;
/// Mean and 99th percentile of the CIE 1976 colour difference between the means of 8 x 8 pixels. Honest: up to 1.65
/// and 6.8; a whitening by 6 levels has a mean of 2.5.
const COLOUR: [f64; 2] = [2.2, 8.0];
/// Shift of a region's mean beyond what rounding explains, levels. Honest: up to 2.2; a whitening by 6 is 6.
const TONE: f64 = 3.0;
/// Share of fine texture kept. Honest: 0.85 and more; a 3 x 3 median saved at quality 60: 0.67 and less.
const TEXTURE: f64 = 0.8;
/// Unexplained change of a block, levels. Honest: up to 1.1; the lightest smoothing seen: 1.87; a mole of 3 pixels
/// that is gone: above 2.
const DETAIL: f64 = 1.8;
/// How far the report's transform may put a corner of the picture from where it was found, pixels.
const CLAIM: f64 = 1.0;

/// Measures whether `result` is `original` scaled, moved and put before the spec's background, and nothing else.
///
/// `report` is the one that came with the result, if there is one: its hashes and its transform are compared with
/// what is found, never believed. A file that is no picture gives a proof that says so.
pub fn prove(
    result: &[u8],
    original: &Original,
    models: &Models,
    spec: &Spec,
    report: Option<&Report>,
) -> Proof {
    let mut proof = Proof {
        faithful: false,
        original_sha256: original.sha256().to_owned(),
        result_sha256: sha256_hex(result),
        transform: None,
        rotation: None,
        compared: 0.0,
        points: Vec::new(),
    };
    let finished = match Original::decode(result.to_vec()) {
        Ok(finished) if finished.image().dimensions() == (spec.width, spec.height) => finished,
        Ok(finished) => {
            let (w, h) = finished.image().dimensions();
            proof.points.push(words::wrong_size([w, h], spec));
            return proof;
        }
        Err(error) => {
            proof.points.push(words::unreadable(&error));
            return proof;
        }
    };
    proof.points.push(words::readable());
    let facts = jpeg_facts(result).ok();
    let table = |zigzag: Option<[u16; 64]>| zigzag.map_or([1.0; 64], |table| natural(&table));
    let tables = Tables {
        luma: table(facts.as_ref().and_then(|f| f.luma_table)),
        chroma: table(facts.as_ref().and_then(|f| f.chroma_table.or(f.luma_table))),
    };

    let faces = (
        main_face(models, original.image()),
        main_face(models, finished.image()),
    );
    let (Some((captured, _)), Some((shown, _))) = faces else {
        proof.points.push(words::same_picture(None, SAME));
        return proof;
    };
    let Some(found) = register(original.image(), finished.image(), &captured, &shown, spec) else {
        proof.points.push(words::same_picture(None, SAME));
        return proof;
    };
    proof.transform = Some(Transform {
        scale: readable(found.transform.scale),
        dx: readable(found.transform.dx),
        dy: readable(found.transform.dy),
    });
    proof.rotation = Some(readable(found.rotation));
    let parted = matte::around(models, original.image(), None, Some(&focus(&captured)));
    let mask = certain(&parted, &found, spec);
    // Four places: what is written is read back as the same number.
    let share = mask.iter().filter(|m| **m).count() as f64 / mask.len() as f64;
    proof.compared = (share * 1e4).round() / 1e4;
    proof.points.extend(judge(&found, &finished, &mask, &tables));
    if let Some(report) = report {
        proof.points.push(words::claim(report, &proof, spec, CLAIM));
    }
    proof.faithful = proof.points.iter().all(|p| p.holds);
    proof
}

/// Nine decimals: more than was measured, and few enough to read back from JSON as they were written.
fn readable(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// How the result lies on the capture.
struct Found {
    transform: Transform,
    /// The capture, scaled and moved by it, without a new background.
    reference: RgbImage,
    /// Where the capture reaches in it.
    shown: Mask,
    /// The face in it.
    face: Mask,
    rotation: f64,
    stretch: f64,
    likeness: f64,
    mirrored: f64,
}

fn register(
    capture: &RgbImage,
    result: &RgbImage,
    captured: &Mesh,
    shown: &Mesh,
    spec: &Spec,
) -> Option<Found> {
    let (w, h) = (spec.width as usize, spec.height as usize);
    let whole = Matte {
        alpha: GrayImage::from_pixel(capture.width(), capture.height(), Luma([255])),
        foreground: capture.clone(),
        method: Method::ColoursOnly,
        notes: Vec::new(),
    };
    let seen = Plane::luma(result);
    let mut transform = first_guess(captured, shown)?;
    let mut last = None;
    for round in 0..4 {
        let scaled = compose(&whole, &transform, spec);
        let there: Mask = scaled.alpha.iter().map(|a| *a > 0.995).collect();
        let face = face_mask(captured, &transform, w, h);
        let centre = middle(&face, w)?;
        let reference = Plane::luma(&scaled.picture);
        let sigmas: &[f32] = if round == 0 { &[6.0, 3.0, 1.5] } else { &[1.0] };
        // The face alone: no wall in it, and hair and clothes are compared later, where it put them.
        let motion = fit(&reference, &seen, &face, Motion::rest(centre), sigmas)?;
        let done = round == 3;
        if done {
            let mirror = reference.mirrored(centre[0] as f32);
            let other = fit(&mirror, &seen, &face, Motion::rest(centre), &[6.0, 3.0, 1.5]);
            last = Some(Found {
                transform,
                reference: scaled.picture,
                shown: there,
                rotation: motion.rotation(),
                stretch: motion.stretch(),
                likeness: likeness(&reference, &seen, &face, &motion),
                mirrored: other.map_or(0.0, |m| likeness(&mirror, &seen, &face, &m)),
                face,
            });
        }
        // Finished point p shows reference point centre + zoom (p - centre) + shift: solved for the capture.
        let zoom = motion.zoom();
        let next = |d: f64, k: usize| (d - centre[k] - motion.shift[k]) / zoom + centre[k];
        transform = Transform {
            scale: transform.scale / zoom,
            dx: next(transform.dx, 0),
            dy: next(transform.dy, 1),
        };
        if !(transform.scale.is_finite() && (0.005..20.0).contains(&transform.scale)) {
            return None;
        }
    }
    last
}

/// Scale and translation that lay the captured face's points on the result's, least squares.
fn first_guess(captured: &Mesh, shown: &Mesh) -> Option<Transform> {
    let middle_and_spread = |mesh: &Mesh| {
        let n = mesh.points.len() as f64;
        let mut mean = [0.0f64; 2];
        for p in mesh.points.iter() {
            mean[0] += f64::from(p[0]) / n;
            mean[1] += f64::from(p[1]) / n;
        }
        let spread: f64 = mesh
            .points
            .iter()
            .map(|p| (f64::from(p[0]) - mean[0]).powi(2) + (f64::from(p[1]) - mean[1]).powi(2))
            .sum();
        (mean, (spread / n).sqrt())
    };
    let ((from, small), (to, large)) = (middle_and_spread(captured), middle_and_spread(shown));
    let scale = large / small;
    (scale.is_finite() && scale > 0.0).then(|| Transform {
        scale,
        dx: to[0] - scale * from[0],
        dy: to[1] - scale * from[1],
    })
}

/// How far towards its middle the outline of a face is drawn in, as a share of the way left: of a turned head the
/// mesh's own outline reaches over the cheek into the wall.
const INWARDS: f32 = 0.84;

/// Pixels well inside the outline of the face.
fn face_mask(captured: &Mesh, transform: &Transform, w: usize, h: usize) -> Mask {
    let outline = captured
        .outline()
        .map(|p| transform.apply(p.map(f64::from)).map(|v| v as f32));
    filled(&matte::drawn_in(&outline, INWARDS), w, h)
}

fn middle(mask: &Mask, w: usize) -> Option<[f64; 2]> {
    let (mut sum, mut n) = ([0.0f64; 2], 0.0f64);
    for (i, _) in mask.iter().enumerate().filter(|(_, m)| **m) {
        sum[0] += (i % w) as f64 + 0.5;
        sum[1] += (i / w) as f64 + 0.5;
        n += 1.0;
    }
    (n >= 500.0).then(|| sum.map(|v| v / n))
}

/// Where the result must show the capture: see the module's words.
fn certain(parted: &Matte, found: &Found, spec: &Spec) -> Mask {
    let (w, h) = (spec.width as usize, spec.height as usize);
    let coverage = compose(parted, &found.transform, spec).alpha;
    let sure: Mask = coverage.iter().map(|a| *a > 0.995).collect();
    let shown = eroded(&found.shown, w, h, 3);
    eroded(&sure, w, h, 3)
        .iter()
        .zip(&found.face)
        .zip(&shown)
        .map(|((sure, face), shown)| (*sure || *face) && *shown)
        .collect()
}

fn judge(found: &Found, finished: &Original, mask: &Mask, tables: &Tables) -> Vec<Point> {
    let result = finished.image();
    let (reference, seen) = (Plane::luma(&found.reference), Plane::luma(result));
    let stored = coded_luma(finished.bytes())
        .and_then(|luma| Plane::of_levels(seen.w, seen.h, &luma))
        .unwrap_or_else(|| seen.clone());
    let Compared {
        colour_mean,
        colour_most,
        tone,
        texture,
        detail,
    } = compare(&found.reference, result, &stored, mask, tables);
    vec![
        words::same_picture(Some(found.likeness), SAME),
        words::mirrored(found.likeness - found.mirrored),
        words::rotated(found.rotation, ROTATION),
        words::stretched(found.stretch, STRETCH),
        words::warped(leftover(&reference, &seen, mask), WARP),
        words::colour_mean(colour_mean, COLOUR[0]),
        words::colour_most(colour_most, COLOUR[1]),
        words::tone(tone, TONE),
        words::texture(texture, TEXTURE),
        words::detail(detail, DETAIL),
    ]
}
