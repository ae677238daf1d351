//! Where faces are: BlazeFace, short range.
//!
//! The network looks at 128 x 128 pixels and answers with 896 candidate boxes around fixed anchors. Decoding,
//! thresholds and the weighted suppression follow `MediaPipe`'s `face_detection_short_range` graph
//! (`modules/face_detection/face_detection_short_range_common.pbtxt`).

use fast_image_resize::FilterType;
use image::RgbImage;
use rayon::prelude::*;

use super::models::sigmoid;
use super::{Mesh, Models, Pace};

const SIDE: usize = 128;
const ANCHORS: usize = 896;
const COORDINATES: usize = 16;
pub(super) const INPUTS: [(&str, &[usize]); 1] = [("image", &[1, 3, SIDE, SIDE])];
pub(super) const OUTPUTS: [(&str, usize); 2] = [("boxes", ANCHORS * COORDINATES), ("scores", ANCHORS)];

/// Candidates under this are noise (`MediaPipe`'s `min_score_thresh`).
const MIN_SCORE: f32 = 0.5;
/// Boxes that share more than this part of their union are one face (`min_suppression_threshold`).
const SAME_FACE: f32 = 0.3;

/// An upright rectangle in pixels; it may reach beyond the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, not negative.
    pub width: f32,
    /// Height, not negative.
    pub height: f32,
}

impl Area {
    /// The point in the middle.
    pub fn centre(&self) -> [f32; 2] {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }

    /// Shared area over united area, 0 to 1.
    pub fn overlap(&self, other: &Area) -> f32 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        let shared = width.max(0.0) * height.max(0.0);
        let united = self.width * self.height + other.width * other.height - shared;
        if united > 0.0 { shared / united } else { 0.0 }
    }
}

/// A face as the detector sees it: roughly from the eyebrows to the chin.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// How certain, 0.5 to 1.
    pub score: f32,
    /// The box.
    pub rect: Area,
    /// Left eye, right eye, tip of the nose, mouth, left ear, right ear (the picture's left and right).
    /// Good to a few hundredths of the box; the mesh is far more precise.
    pub keypoints: [[f32; 2]; 6],
}

pub(super) fn find(models: &Models, picture: &RgbImage, pace: Pace) -> Vec<Face> {
    let faces = look(models, picture, Region::whole(picture), pace);
    match pace {
        // Who sits too far away sits in the middle.
        Pace::Live if faces.is_empty() => match Region::middle(picture) {
            Some(region) => joined(faces, smaller(models, picture, region, pace)),
            None => faces,
        },
        Pace::Live => sorted(faces),
        Pace::Still => joined(faces, in_squares(models, picture)),
    }
}

/// What [`find`] sees at [`Pace::Still`], with the mesh of the face that `main` takes for the main one; both at once
/// where the look at the whole picture already shows that face.
pub(super) fn find_with_mesh(
    models: &Models,
    picture: &RgbImage,
    main: impl Fn(&[Face]) -> Option<usize>,
) -> (Vec<Face>, Option<(usize, Mesh)>) {
    let first = sorted(look(models, picture, Region::whole(picture), Pace::Still));
    let early = main(&first).map(|n| first[n].clone());
    let (seen, small) = rayon::join(
        || {
            early
                .as_ref()
                .and_then(|face| models.mesh(picture, face, Pace::Still))
        },
        || in_squares(models, picture),
    );
    let faces = joined(first, small);
    let chosen = main(&faces);
    let mesh = chosen.and_then(|n| {
        let mesh = if early.as_ref() == Some(&faces[n]) {
            seen
        } else {
            models.mesh(picture, &faces[n], Pace::Still)
        };
        Some((n, mesh?))
    });
    (faces, mesh)
}

/// Small faces along a long picture, in the order of its squares.
fn in_squares(models: &Models, picture: &RgbImage) -> Vec<Face> {
    Region::squares(picture)
        .into_par_iter()
        .map(|region| smaller(models, picture, region, Pace::Still))
        .collect::<Vec<_>>()
        .into_iter()
        .flatten()
        .collect()
}

/// Faces to be trusted in a part of the picture.
fn smaller(models: &Models, picture: &RgbImage, region: Region, pace: Pace) -> Vec<Face> {
    let mut faces = look(models, picture, region, pace);
    faces.retain(|face| region.shows(face, picture));
    faces
}

/// The faces with those of the others that are none of them, most certain first.
fn joined(mut faces: Vec<Face>, others: Vec<Face>) -> Vec<Face> {
    for face in others {
        if is_new(&face, &faces) {
            faces.push(face);
        }
    }
    sorted(faces)
}

fn sorted(mut faces: Vec<Face>) -> Vec<Face> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    faces
}

/// Whether a face is none of those already found.
fn is_new(face: &Face, known: &[Face]) -> bool {
    let inside = |[x, y]: [f32; 2], area: &Area| {
        x >= area.x && y >= area.y && x <= area.x + area.width && y <= area.y + area.height
    };
    !known
        .iter()
        .any(|known| inside(face.rect.centre(), &known.rect) || inside(known.rect.centre(), &face.rect))
}

fn look(models: &Models, picture: &RgbImage, region: Region, pace: Pace) -> Vec<Face> {
    let Some((image, fit)) = letterbox(picture, region) else {
        return Vec::new();
    };
    let Some([boxes, scores]) = models.detector.run([image], models.pool(pace)) else {
        return Vec::new();
    };
    let faces = anchors()
        .zip(boxes.chunks_exact(COORDINATES))
        .zip(&scores)
        .filter_map(|((anchor, numbers), &score)| decode(anchor, numbers, score))
        .collect();
    merge(faces).into_iter().map(|face| fit.back(&face)).collect()
}

/// A part of the picture, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Region {
    pub(super) fn whole(picture: &RgbImage) -> Region {
        Region {
            x: 0,
            y: 0,
            width: picture.width(),
            height: picture.height(),
        }
    }

    /// The square in the middle of a long picture: there a face is larger to the network. A squarish picture
    /// has nothing to win.
    fn middle(picture: &RgbImage) -> Option<Region> {
        let squares = Region::squares(picture);
        squares.get(squares.len() / 2).copied()
    }

    /// Overlapping squares along a long picture, an odd number; none for a squarish one.
    fn squares(picture: &RgbImage) -> Vec<Region> {
        let (width, height) = picture.dimensions();
        let side = width.min(height);
        let along = width.max(height) - side;
        if side == 0 || along * 4 < side {
            return Vec::new();
        }
        // Enough for the overlap to hold a small face at the lengths cameras have; bounded for any other.
        let steps = if along <= side { 2 } else { 4 };
        (0..=steps)
            .map(|n| (u64::from(along) * n / steps) as u32)
            .map(|at| if width > height { (at, 0) } else { (0, at) })
            .map(|(x, y)| Region {
                x,
                y,
                width: side,
                height: side,
            })
            .collect()
    }

    /// Whether a face found here is one to trust here: small, and not cut by an edge that is not the
    /// picture's own. A larger one belongs to the look at the whole.
    fn shows(&self, face: &Face, picture: &RgbImage) -> bool {
        let (x, y) = (self.x as f32, self.y as f32);
        let (right, bottom) = ((self.x + self.width) as f32, (self.y + self.height) as f32);
        let Area {
            x: left,
            y: top,
            width,
            height,
        } = face.rect;
        width < 0.3 * self.width as f32
            && (left > x || self.x == 0)
            && (top > y || self.y == 0)
            && (left + width < right || self.x + self.width == picture.width())
            && (top + height < bottom || self.y + self.height == picture.height())
    }
}

/// How a part of the picture lies inside the network's square.
struct Fit {
    /// Where the part begins, in network pixels.
    inside: [f32; 2],
    /// Where it begins in the picture.
    outside: [f32; 2],
    /// Network pixels for a picture's pixel, across and down (they differ by rounding only).
    scale: [f32; 2],
}

impl Fit {
    fn point(&self, point: [f32; 2]) -> [f32; 2] {
        std::array::from_fn(|k| (point[k] - self.inside[k]) / self.scale[k] + self.outside[k])
    }

    fn back(&self, face: &Face) -> Face {
        let [x, y] = self.point([face.rect.x, face.rect.y]);
        let (width, height) = (face.rect.width / self.scale[0], face.rect.height / self.scale[1]);
        let keypoints = face.keypoints.map(|point| self.point(point));
        Face {
            score: face.score,
            rect: Area { x, y, width, height },
            keypoints,
        }
    }
}

/// A part of the picture, its proportions kept, in the middle of a black square; values from -1 to 1.
fn letterbox(picture: &RgbImage, region: Region) -> Option<(Vec<f32>, Fit)> {
    let Region {
        x: from_x,
        y: from_y,
        width,
        height,
    } = region;
    let longest = width.max(height).max(1) as f32;
    let shrink = |side: u32| ((side as f32 * SIDE as f32 / longest).round() as u32).clamp(1, SIDE as u32);
    let (w, h) = (shrink(width), shrink(height));
    let small = resized(picture, region, w, h)?;
    let (left, top) = ((SIDE - w as usize) / 2, (SIDE - h as usize) / 2);
    let mut image = vec![-1.0; 3 * SIDE * SIDE];
    for (y, row) in small.chunks_exact(w as usize * 3).enumerate() {
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            for (channel, &value) in pixel.iter().enumerate() {
                image[(channel * SIDE + top + y) * SIDE + left + x] = f32::from(value) / 127.5 - 1.0;
            }
        }
    }
    let fit = Fit {
        inside: [left as f32, top as f32],
        outside: [from_x as f32, from_y as f32],
        scale: [w as f32 / width as f32, h as f32 / height as f32],
    };
    Some((image, fit))
}

/// RGB bytes of a part at a new size; shrinking averages. `None` for an empty picture.
pub(super) fn resized(picture: &RgbImage, region: Region, width: u32, height: u32) -> Option<Vec<u8>> {
    let part = [region.x, region.y, region.width, region.height].map(f64::from);
    crate::resample::rgb8(picture, part, width, height, FilterType::Bilinear).map(RgbImage::into_raw)
}

/// Centres in network pixels: 16 x 16 cells with two anchors each, then 8 x 8 cells with six.
fn anchors() -> impl Iterator<Item = [f32; 2]> {
    [(16usize, 2usize), (8, 6)].into_iter().flat_map(|(cells, each)| {
        let step = SIDE as f32 / cells as f32;
        (0..cells * cells * each).map(move |n| {
            let cell = n / each;
            [(cell % cells) as f32 + 0.5, (cell / cells) as f32 + 0.5].map(|at| at * step)
        })
    })
}

/// Sixteen numbers relative to the anchor: box centre, box size, six points.
fn decode([ax, ay]: [f32; 2], numbers: &[f32], score: f32) -> Option<Face> {
    let score = sigmoid(score);
    let &[cx, cy, width, height, ref points @ ..] = numbers else {
        return None;
    };
    if score < MIN_SCORE || !numbers.iter().all(|n| n.is_finite()) {
        return None;
    }
    let (width, height) = (width.abs(), height.abs());
    let rect = Area {
        x: ax + cx - width / 2.0,
        y: ay + cy - height / 2.0,
        width,
        height,
    };
    let mut keypoints = [[0.0; 2]; 6];
    for (place, point) in keypoints.iter_mut().zip(points.chunks_exact(2)) {
        *place = [ax + point[0], ay + point[1]];
    }
    Some(Face {
        score,
        rect,
        keypoints,
    })
}

/// Several candidates see the same face: their mean, weighted by score, is steadier than the best alone.
fn merge(mut candidates: Vec<Face>) -> Vec<Face> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut faces = Vec::new();
    while !candidates.is_empty() {
        let best = candidates.remove(0);
        let (mut same, others): (Vec<Face>, Vec<Face>) = candidates
            .into_iter()
            .partition(|other| best.rect.overlap(&other.rect) > SAME_FACE);
        candidates = others;
        let score = best.score;
        same.push(best);
        faces.push(mean(&same, score));
    }
    faces
}

fn mean(faces: &[Face], score: f32) -> Face {
    let total: f32 = faces.iter().map(|face| face.score).sum();
    let of =
        |value: &dyn Fn(&Face) -> f32| faces.iter().map(|face| value(face) * face.score).sum::<f32>() / total;
    let rect = Area {
        x: of(&|face| face.rect.x),
        y: of(&|face| face.rect.y),
        width: of(&|face| face.rect.width),
        height: of(&|face| face.rect.height),
    };
    let keypoints =
        std::array::from_fn(|n| [of(&|face| face.keypoints[n][0]), of(&|face| face.keypoints[n][1])]);
    Face {
        score,
        rect,
        keypoints,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(score: f32, x: f32, width: f32) -> Face {
        Face {
            score,
            rect: Area {
                x,
                y: 10.0,
                width,
                height: width,
            },
            keypoints: [[x, 10.0]; 6],
        }
    }

    #[test]
    fn anchors_sit_in_the_middle_of_their_cells() {
        let anchors: Vec<_> = anchors().collect();
        assert_eq!(anchors.len(), ANCHORS);
        assert_eq!(anchors[0..3], [[4.0, 4.0], [4.0, 4.0], [12.0, 4.0]]);
        assert_eq!(anchors[511..513], [[124.0, 124.0], [8.0, 8.0]]);
        assert_eq!(anchors[895..], [[120.0, 120.0]]);
    }

    #[test]
    fn candidates_of_one_face_become_their_weighted_mean_and_another_face_stays() {
        let faces = merge(vec![
            face(0.5, 12.0, 20.0),
            face(1.0, 9.0, 20.0),
            face(0.8, 90.0, 20.0),
        ]);
        assert_eq!(faces.len(), 2);
        assert!((faces[0].score - 1.0).abs() < 1e-6);
        assert!((faces[0].rect.x - 10.0).abs() < 1e-4, "{faces:?}");
        assert!((faces[0].keypoints[3][0] - 10.0).abs() < 1e-4);
        assert!((faces[1].rect.x - 90.0).abs() < 1e-4);
    }

    #[test]
    fn a_wide_picture_lies_in_the_middle_and_maps_back() {
        let picture = RgbImage::from_pixel(1280, 720, image::Rgb([255, 255, 255]));
        let (image, fit) = letterbox(&picture, Region::whole(&picture)).unwrap();
        assert!(image[SIDE * 27] < -0.99, "black above");
        assert!(image[SIDE * 64] > 0.99, "picture in the middle");
        let [x, y] = fit.point([64.0, 64.0]);
        assert!((x - 640.0).abs() < 1e-3 && (y - 360.0).abs() < 1e-3);
    }
    #[test]
    fn squares_cover_a_long_picture_and_overlap() {
        let squares = |width, height| Region::squares(&RgbImage::new(width, height));
        let across: Vec<u32> = squares(1280, 720).iter().map(|region| region.x).collect();
        assert_eq!(across, [0, 280, 560]);
        let down: Vec<u32> = squares(900, 3600).iter().map(|region| region.y).collect();
        assert_eq!(down, [0, 675, 1350, 2025, 2700]);
        assert!(squares(480, 480).is_empty() && squares(0, 9).is_empty());
        let wide = RgbImage::new(1280, 720);
        assert_eq!(Region::middle(&wide).unwrap().x, 280);

        let at = |x: f32, width: f32| Face {
            rect: Area {
                x,
                y: 300.0,
                width,
                height: width,
            },
            ..face(0.9, 0.0, 1.0)
        };
        let first = Region::squares(&wide)[0];
        assert!(first.shows(&at(200.0, 90.0), &wide) && first.shows(&at(-5.0, 90.0), &wide));
        assert!(
            !first.shows(&at(660.0, 90.0), &wide),
            "cut by an edge inside the picture"
        );
        assert!(
            !first.shows(&at(200.0, 300.0), &wide),
            "large enough for the look at the whole"
        );
    }

    #[test]
    fn a_face_seen_twice_is_one_face() {
        let known = [face(0.9, 100.0, 80.0)];
        assert!(!is_new(&face(0.6, 110.0, 40.0), &known));
        assert!(!is_new(&face(0.6, 60.0, 160.0), &known));
        assert!(is_new(&face(0.6, 300.0, 40.0), &known));
    }
}
