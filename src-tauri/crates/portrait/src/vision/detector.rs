//! Where faces are: BlazeFace, short range.
//!
//! The network looks at 128 x 128 pixels and answers with 896 candidate boxes around fixed anchors. Decoding,
//! thresholds and the weighted suppression follow MediaPipe's `face_detection_short_range` graph
//! (`modules/face_detection/face_detection_short_range_common.pbtxt`).

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use super::models::sigmoid;
use super::{Models, Pace};

const SIDE: usize = 128;
const ANCHORS: usize = 896;
const COORDINATES: usize = 16;
pub(super) const INPUTS: [(&str, &[usize]); 1] = [("image", &[1, 3, SIDE, SIDE])];
pub(super) const OUTPUTS: [(&str, usize); 2] = [("boxes", ANCHORS * COORDINATES), ("scores", ANCHORS)];

/// Candidates under this are noise (MediaPipe's `min_score_thresh`).
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
    let Some((image, fit)) = letterbox(picture) else {
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

/// How the picture lies inside the network's square.
struct Fit {
    left: f32,
    top: f32,
    /// Network pixels for a picture's pixel, across and down (they differ by rounding only).
    scale: [f32; 2],
}

impl Fit {
    fn point(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [(x - self.left) / self.scale[0], (y - self.top) / self.scale[1]]
    }

    fn back(&self, face: &Face) -> Face {
        let [x, y] = self.point([face.rect.x, face.rect.y]);
        let rect = Area {
            x,
            y,
            width: face.rect.width / self.scale[0],
            height: face.rect.height / self.scale[1],
        };
        Face {
            score: face.score,
            rect,
            keypoints: face.keypoints.map(|point| self.point(point)),
        }
    }
}

/// The whole picture, its proportions kept, in the middle of a black square; values from -1 to 1.
fn letterbox(picture: &RgbImage) -> Option<(Vec<f32>, Fit)> {
    let (width, height) = picture.dimensions();
    let longest = width.max(height).max(1) as f32;
    let shrink = |side: u32| ((side as f32 * SIDE as f32 / longest).round() as u32).clamp(1, SIDE as u32);
    let (w, h) = (shrink(width), shrink(height));
    let small = resized(picture, w, h)?;
    let (left, top) = ((SIDE - w as usize) / 2, (SIDE - h as usize) / 2);
    let mut image = vec![-1.0; 3 * SIDE * SIDE];
    for (y, row) in small.chunks_exact(w as usize * 3).enumerate() {
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            for (channel, &value) in pixel.iter().enumerate() {
                image[(channel * SIDE + top + y) * SIDE + left + x] = f32::from(value) / 127.5 - 1.0;
            }
        }
    }
    let scale = [w as f32 / width as f32, h as f32 / height as f32];
    Some((
        image,
        Fit {
            left: left as f32,
            top: top as f32,
            scale,
        },
    ))
}

/// RGB bytes at a new size; shrinking averages. `None` for an empty picture.
pub(super) fn resized(picture: &RgbImage, width: u32, height: u32) -> Option<Vec<u8>> {
    let (w, h) = picture.dimensions();
    if w == 0 || h == 0 {
        return None;
    }
    let source = ImageRef::new(w, h, picture.as_raw(), PixelType::U8x3).ok()?;
    let mut small = Image::new(width, height, PixelType::U8x3);
    let bilinear = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut small, &bilinear).ok()?;
    Some(small.into_vec())
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
        assert_eq!(anchors[895], [120.0, 120.0]);
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
        let (image, fit) = letterbox(&picture).unwrap();
        assert!(image[SIDE * 27] < -0.99, "black above");
        assert!(image[SIDE * 64] > 0.99, "picture in the middle");
        let [x, y] = fit.point([64.0, 64.0]);
        assert!((x - 640.0).abs() < 1e-3 && (y - 360.0).abs() < 1e-3);
    }
}
