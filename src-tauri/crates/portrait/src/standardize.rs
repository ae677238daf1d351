//! A capture in; the finished file and the whole judgement out.

use image::{GrayImage, RgbImage};

use crate::checks;
use crate::clothing::{Anchors, Cutout, clothing};
use crate::compose::{Composed, compose, linear};
use crate::face::face_facts;
use crate::fringe::fringe;
use crate::geometry::{Capture, Head, Obstacle, Placement, place};
use crate::jpeg;
use crate::matte::{self, Focus, Method};
use crate::original::{Original, sha256_hex};
use crate::photometry::{FaceLight, face_light};
use crate::recapture;
use crate::report::{Check, Light, MatteFacts, Report, SCHEMA};
use crate::skin::{self, SkinColour};
use crate::spec::Spec;
use crate::vision::{Face, Mesh, Models, Pace};

/// A second face counts from this share of the main face's width; smaller ones are pictures on a wall.
const ANOTHER: f32 = 0.35;

/// A finished photo.
#[derive(Clone)]
pub struct StandardPhoto {
    /// The file, ready to be handed over.
    pub jpeg: Vec<u8>,
    /// SHA-256 of it, lower hex.
    pub sha256: String,
}

/// Prints the hash and size only: the picture is private.
impl std::fmt::Debug for StandardPhoto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandardPhoto")
            .field("bytes", &self.jpeg.len())
            .finish_non_exhaustive()
    }
}

/// What became of a capture.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The finished photo, if it is acceptable.
    pub photo: Option<StandardPhoto>,
    /// The closest photo there is when it is not: for a person to look at and perhaps to decide otherwise.
    pub closest: Option<StandardPhoto>,
    /// Point by point.
    pub report: Report,
    /// Share of the person in every pixel of the original, 0 to 255.
    pub alpha: GrayImage,
}

/// A step of [`standardize_timed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Faces found and measured.
    Face,
    /// Light measured, person and wall parted.
    Matte,
    /// The cut chosen.
    Geometry,
    /// Scaled, composed, written and read back; beside it face, hair, glasses and surroundings judged.
    Finish,
}

/// Makes the standard photo of a capture, or says why there is none.
///
/// `plate` is an empty-wall picture by the same camera; it is used only where it fits. The same input gives the
/// same output, byte for byte, on the same machine.
pub fn standardize(models: &Models, original: &Original, spec: &Spec, plate: Option<&RgbImage>) -> Outcome {
    standardize_timed(models, original, spec, plate, &mut |_| {})
}

/// [`standardize`], calling `done` as each stage ends: a bench brings its own clock.
#[expect(clippy::too_many_lines, reason = "the order of the stages is the story")]
pub fn standardize_timed(
    models: &Models,
    original: &Original,
    spec: &Spec,
    plate: Option<&RgbImage>,
    done: &mut dyn FnMut(Stage),
) -> Outcome {
    let photo = original.image();
    let (w, h) = photo.dimensions();
    let mut report = Report {
        schema: SCHEMA,
        accepted: false,
        spec: spec.id.clone(),
        original_sha256: Some(original.sha256().to_owned()),
        original_size: Some([w, h]),
        result_sha256: None,
        transform: None,
        geometry: None,
        file: None,
        matte: None,
        checks: Vec::new(),
    };
    let Some((mesh, count)) = main_face(models, photo) else {
        done(Stage::Face);
        report.checks.push(checks::no_face());
        return Outcome {
            photo: None,
            closest: None,
            report,
            alpha: GrayImage::new(w, h),
        };
    };
    done(Stage::Face);
    let (light, matte) = rayon::join(
        || FaceColours::of(photo, &mesh),
        || matte::around(models, photo, plate, Some(&focus(&mesh))),
    );
    done(Stage::Matte);
    report.checks.extend(sitting(&mesh, count, &light));
    report.matte = Some(MatteFacts {
        method: matte.method.as_str().to_owned(),
        notes: matte.notes.clone(),
    });
    report.checks.push(checks::wall(
        matte.method != Method::ColoursOnly && matte.notes.is_empty(),
    ));

    let head = head(&mesh, &matte.alpha);
    let cut = place_in(&head, &matte.alpha, spec);
    done(Stage::Geometry);
    let (seen, (composed, encoded)) = rayon::join(
        || appearance(photo, &mesh, &matte.alpha, &report.checks),
        || {
            let composed = compose(&matte, &cut.placement.transform, spec);
            let encoded = jpeg::encode(&composed.picture, spec);
            (composed, encoded)
        },
    );
    report.checks.extend(seen);
    report.transform = Some(cut.placement.transform);
    report.geometry = Some(cut.placement.measured);
    report.checks.extend(checks::geometry(
        &cut.placement.measured,
        spec,
        cut.placement.obstacle,
        Some(cut.placement.transform.scale),
    ));
    let cut_here = cut.placement.obstacle == Some(Obstacle::Edge);
    report.checks.push(checks::cut_off(
        cut.top,
        if cut_here {
            cut.missing.max(1.0)
        } else {
            cut.missing
        },
    ));
    report.checks.extend(dress(
        &composed,
        &Anchors::of(&mesh, &cut.placement.transform),
        spec,
    ));
    let finished = match encoded {
        Ok(encoded) => {
            report.checks.push(checks::background(
                background_off(&encoded.bytes, &composed, spec),
                spec,
            ));
            report.checks.push(checks::file_format(true, true, false));
            report.checks.extend(checks::file(&encoded.facts, spec));
            report.file = Some(encoded.facts);
            let sha256 = sha256_hex(&encoded.bytes);
            Some(StandardPhoto {
                jpeg: encoded.bytes,
                sha256,
            })
        }
        Err(error) => {
            tracing::error!(%error, "the finished picture could not be written");
            report.checks.push(Check {
                en: error.to_string(),
                ..checks::file_format(false, true, false)
            });
            None
        }
    };
    done(Stage::Finish);
    report.checks.extend(checks::for_reviewer());
    report.accepted = finished.is_some() && report.checks.iter().all(|c| c.light != Light::Red);
    report.result_sha256 = finished.as_ref().map(|p| p.sha256.clone());
    let (photo, closest) = if report.accepted {
        (finished, None)
    } else {
        (None, finished)
    };
    Outcome {
        photo,
        closest,
        report,
        alpha: matte.alpha,
    }
}

/// The face the photo is about, and how many there are.
pub(crate) fn main_face(models: &Models, photo: &RgbImage) -> Option<(Mesh, usize)> {
    let size = |f: &Face| f.rect.width * f.score;
    let largest =
        |faces: &[Face]| (0..faces.len()).max_by(|&a, &b| size(&faces[a]).total_cmp(&size(&faces[b])));
    let (faces, measured) = models.faces_with_mesh(photo, largest);
    let (main, mesh) = measured.filter(|(_, mesh)| mesh.presence >= Mesh::PRESENT)?;
    let main = &faces[main];
    let others = faces
        .iter()
        .filter(|f| !std::ptr::eq(*f, main) && f.rect.width >= ANOTHER * main.rect.width)
        .filter(|f| {
            models
                .mesh(photo, f, Pace::Live)
                .is_some_and(|m| m.presence >= Mesh::PRESENT)
        })
        .count();
    Some((mesh, 1 + others))
}

pub(crate) fn focus(mesh: &Mesh) -> Focus {
    Focus {
        eyes: mesh.between_eyes(),
        unit: mesh.eye_distance().max(4.0),
        face: Some(mesh.outline()),
    }
}

/// Crown from the matte, the rest from the mesh.
pub(crate) fn head(mesh: &Mesh, alpha: &GrayImage) -> Head {
    let [a, b] = mesh.cheeks().map(|p| p.map(f64::from));
    let [ex, ey] = mesh.between_eyes().map(f64::from);
    let unit = f64::from(mesh.eye_distance()).max(4.0);
    let crown = crown(alpha, [ex, ey], unit).unwrap_or(ey - 1.9 * unit);
    Head {
        crown,
        eyes: ey,
        axis: f64::midpoint(f64::midpoint(a[0], b[0]), ex),
        width: (b[0] - a[0]).hypot(b[1] - a[1]),
    }
}

/// Top of the hair: the first row in which some stretch of half an inter-eye distance, within one of the face's
/// axis, is at least half covered. Single strands and the curve of the head beside its top do not count. Between
/// rows the height is interpolated.
///
/// The visible top counts, not the row at the axis: in parted hair the parting dips there, and a picture placed by
/// the dip would have its hair too near the upper edge. Measured on the bench's 48 true mattes, per 100 pixels between
/// the eyes: the same rule asked at the axis alone finds long parted hair 2.4 px lower in the median (3.1 at most) and
/// a bob 1.4, because the top lies a quarter of an inter-eye distance beside it; other hair agrees to 0.9. Between
/// our matte and the true one this rule differs by 0.16 px at most.
pub(crate) fn crown(alpha: &GrayImage, eyes: [f64; 2], unit: f64) -> Option<f64> {
    let (w, h) = (alpha.width() as usize, alpha.height() as usize);
    let from = (eyes[0] - unit).max(0.0) as usize;
    let to = ((eyes[0] + unit).max(0.0) as usize).min(w);
    let stretch = ((unit / 2.0).round() as usize).max(1);
    if to < from + stretch {
        return None;
    }
    let mut above = 0.0f64;
    for y in 0..(eyes[1].max(0.0) as usize).min(h) {
        let row = &alpha.as_raw()[y * w..(y + 1) * w];
        let mut sum: u32 = row[from..from + stretch].iter().map(|&v| u32::from(v)).sum();
        let mut best = sum;
        for x in from + stretch..to {
            sum = sum + u32::from(row[x]) - u32::from(row[x - stretch]);
            best = best.max(sum);
        }
        let cover = f64::from(best) / (255.0 * stretch as f64);
        if cover >= 0.5 {
            if y == 0 {
                return Some(0.0);
            }
            // Row centres lie half a pixel below their tops; an edge that covers a row by half lies in its middle.
            let share = (0.5 - above) / (cover - above).max(1e-6);
            return Some(y as f64 - 0.5 + share);
        }
        above = cover;
    }
    None
}

pub(crate) struct Cut {
    pub(crate) placement: Placement,
    /// The hair reaches the capture's upper edge.
    pub(crate) top: bool,
    /// Finished pixels of the person beyond an edge of the capture.
    pub(crate) missing: f64,
}

/// Places the head, keeping inside the capture wherever the person reaches its edge.
fn place_in(head: &Head, alpha: &GrayImage, spec: &Spec) -> Cut {
    let (w, h) = (alpha.width(), alpha.height());
    let solid = |x: u32, y: u32| alpha.get_pixel(x, y).0[0] > 100;
    let mut capture = Capture {
        size: [f64::from(w), f64::from(h)],
        cut_bottom: false,
        cut_left: false,
        cut_right: false,
    };
    let mut cut = Cut {
        placement: place(head, &capture, spec),
        top: false,
        missing: 0.0,
    };
    for _ in 0..4 {
        let t = cut.placement.transform;
        let [x0, y0] = t.invert([0.0, 0.0]);
        let [x1, y1] = t.invert([f64::from(spec.width), f64::from(spec.height)]);
        let rows = || (y0.max(0.0) as u32)..(y1.max(0.0) as u32).min(h);
        let columns = || (x0.max(0.0) as u32)..(x1.max(0.0) as u32).min(w);
        let left = rows().any(|y| solid(0, y));
        let right = rows().any(|y| solid(w - 1, y));
        let bottom = columns().any(|x| solid(x, h - 1));
        let beyond = |there: bool, by: f64| if there { (by * t.scale).max(0.0) } else { 0.0 };
        cut.missing = beyond(left, -x0)
            .max(beyond(right, x1 - f64::from(w)))
            .max(beyond(bottom, y1 - f64::from(h)));
        let now = Capture {
            cut_left: capture.cut_left || left,
            cut_right: capture.cut_right || right,
            cut_bottom: capture.cut_bottom || bottom,
            ..capture
        };
        if now == capture || cut.missing < 0.02 {
            break;
        }
        capture = now;
        cut.placement = place(head, &capture, spec);
    }
    let near = |x: u32| (f64::from(x) + 0.5 - head.axis).abs() < head.width / 2.0;
    cut.top = head.crown < 1.0 && (0..w).any(|x| near(x) && solid(x, 0));
    cut
}

/// Largest deviation, over blocks of pure background, of a block's mean from the spec's colour, in levels.
fn background_off(bytes: &[u8], composed: &Composed, spec: &Spec) -> Option<f64> {
    let picture = image::load_from_memory_with_format(bytes, image::ImageFormat::Jpeg)
        .ok()?
        .into_rgb8();
    let w = spec.width as usize;
    block_off(&picture, spec.background, |x, y| composed.alpha[y * w + x] <= 0.0)
}

/// See [`background_off`]; `empty` tells which pixels are background.
pub(crate) fn block_off(
    picture: &RgbImage,
    colour: [u8; 3],
    empty: impl Fn(usize, usize) -> bool,
) -> Option<f64> {
    const BLOCK: usize = 16;
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let mut worst: Option<f64> = None;
    for by in 0..h / BLOCK {
        for bx in 0..w / BLOCK {
            let inside = || (0..BLOCK * BLOCK).map(move |k| (bx * BLOCK + k % BLOCK, by * BLOCK + k / BLOCK));
            if !inside().all(|(x, y)| empty(x, y)) {
                continue;
            }
            let mut sums = [0.0f64; 3];
            for (x, y) in inside() {
                let p = picture.get_pixel(x as u32, y as u32).0;
                for (sum, v) in sums.iter_mut().zip(p) {
                    *sum += f64::from(v);
                }
            }
            for (sum, want) in sums.iter().zip(colour) {
                let off = (sum / (BLOCK * BLOCK) as f64 - f64::from(want)).abs();
                worst = Some(worst.unwrap_or(0.0).max(off));
            }
        }
    }
    worst
}

/// Lower quartile of the clothes' distance from the background, CIE Lab, over the lowest eighth of the picture.
fn clothes_distance(composed: &Composed, spec: &Spec) -> Option<f64> {
    let (w, h) = (spec.width as usize, spec.height as usize);
    let back = lab(spec.background);
    let mut all: Vec<f64> = (h - h / 8..h)
        .step_by(2)
        .flat_map(|y| (0..w).step_by(2).map(move |x| (x, y)))
        .filter(|&(x, y)| composed.alpha[y * w + x] > 0.98)
        .map(|(x, y)| {
            let c = lab(composed.picture.get_pixel(x as u32, y as u32).0);
            (0..3).map(|k| (c[k] - back[k]).powi(2)).sum::<f64>().sqrt()
        })
        .collect();
    if all.len() < 400 {
        return None;
    }
    all.sort_unstable_by(f64::total_cmp);
    Some(all[all.len() / 4])
}

/// CIE 1976 L*a*b* of an sRGB colour, white D65.
fn lab(colour: [u8; 3]) -> [f64; 3] {
    lab_of(colour.map(|v| f64::from(linear(v))))
}

/// CIE 1976 L*a*b* of linear light, 0 to 1, white D65.
pub(crate) fn lab_of([r, g, b]: [f64; 3]) -> [f64; 3] {
    let f = |t: f64| {
        if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        }
    };
    let x = f((0.412_4 * r + 0.357_6 * g + 0.180_5 * b) / 0.950_47);
    let y = f(0.212_6 * r + 0.715_2 * g + 0.072_2 * b);
    let z = f((0.019_3 * r + 0.119_2 * g + 0.950_5 * b) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Light and colour of a face.
pub(crate) struct FaceColours {
    light: Option<FaceLight>,
    colour: Option<SkinColour>,
}

impl FaceColours {
    pub(crate) fn of(photo: &RgbImage, mesh: &Mesh) -> FaceColours {
        FaceColours {
            light: face_light(photo, mesh),
            colour: skin::colour(photo, mesh),
        }
    }
}

/// Who sits there, how the head is held, and how the face is lit.
pub(crate) fn sitting(mesh: &Mesh, count: usize, face: &FaceColours) -> Vec<Check> {
    let mut found = vec![checks::one_face(count)];
    found.extend(checks::pose(&mesh.pose()));
    found.extend(checks::expression(mesh));
    if let Some(light) = &face.light {
        found.extend(checks::photometry(light));
    }
    found.push(checks::colour(face.colour.as_ref()));
    found
}

/// The face close up, and what is judged against the wall behind: the skin's grain, and whether the whole is a picture
/// of a picture. `before` is what was found so far: what it explains is not blamed twice.
pub(crate) fn appearance(photo: &RgbImage, mesh: &Mesh, alpha: &GrayImage, before: &[Check]) -> Vec<Check> {
    let facts = face_facts(photo, mesh, Some(alpha));
    let mut found = Vec::from_iter(checks::appearance(facts.as_ref(), before));
    found.push(checks::smoothed(skin::grain(photo, mesh, alpha).as_ref()));
    found.push(checks::recapture(&recapture::look(photo, mesh, alpha)));
    found
}

/// Clothes, shoulders and the person's edge in a picture of the spec's size.
pub(crate) fn dress(composed: &Composed, at: &Anchors, spec: &Spec) -> Vec<Check> {
    let cutout = Cutout {
        picture: &composed.picture,
        alpha: &composed.alpha,
    };
    let found = clothing(&cutout, at, spec.background);
    let mut checks = vec![checks::clothes(clothes_distance(composed, spec), found.border)];
    checks.extend(checks::clothing(&found));
    checks.push(checks::halo(fringe(
        &composed.picture,
        &composed.alpha,
        spec.background,
    )));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn the_crown_is_the_top_of_the_hair_and_not_of_a_single_strand() {
        // A head whose top edge lies at 100.25, with one strand standing up.
        let alpha = GrayImage::from_fn(300, 300, |x, y| {
            let inside = (90..210).contains(&x);
            let cover = match y {
                0..100 => 0,
                100 => 191,
                _ => 255,
            };
            if inside {
                Luma([cover])
            } else if x == 150 {
                Luma([255])
            } else {
                Luma([0])
            }
        });
        let mut strand = alpha;
        for y in 40..100 {
            strand.put_pixel(150, y, Luma([255]));
        }
        let found = crown(&strand, [150.0, 200.0], 60.0).unwrap();
        assert!((found - 100.25).abs() < 0.5, "{found}");
    }

    #[test]
    fn a_colour_is_far_from_another_and_not_from_itself() {
        let d = |a: [u8; 3], b: [u8; 3]| {
            let (a, b) = (lab(a), lab(b));
            (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt()
        };
        assert!(d([100, 197, 255], [100, 197, 255]) < 1e-9);
        assert!((d([255; 3], [0; 3]) - 100.0).abs() < 0.5);
    }
}
