//! The points of a face: Face Mesh, 468 points.
//!
//! The network looks at 192 x 192 pixels cut around an upright face, so the cut is turned by the eye line
//! first; only for the inference, the points come back in the picture's own pixels. Cut and scale follow
//! `MediaPipe`'s `face_landmark` graphs (`face_detection_front_detection_to_roi.pbtxt`,
//! `face_landmark_landmarks_to_roi.pbtxt`). Point numbers are `MediaPipe`'s canonical ones.

use image::RgbImage;

use super::models::sigmoid;
use super::{Eye, Face, Models, Pace, Pose, eyes};

pub(super) const SIDE: usize = 192;
pub(super) const POINTS: usize = 468;
pub(super) const INPUTS: [(&str, &[usize]); 1] = [("image", &[1, 3, SIDE, SIDE])];
pub(super) const OUTPUTS: [(&str, usize); 2] = [("points", POINTS * 3), ("presence", 1)];

/// The cut is this much larger than the face's box.
const MARGIN: f32 = 1.5;

/// The points of one face.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    /// Right and down in pixels; the third number is depth in the same unit, larger farther away, 0 near the
    /// middle of the head.
    pub points: Box<[[f32; 3]; 468]>,
    /// How surely there is a face under the points, 0 to 1; under [`Mesh::PRESENT`] they mean nothing.
    pub presence: f32,
    /// Lids and irises, the picture's left eye first; `None` where there is no face or nobody looked.
    pub eyes: Option<[Eye; 2]>,
}

impl Mesh {
    /// `MediaPipe`'s default `min_tracking_confidence`.
    pub const PRESENT: f32 = 0.5;

    /// Centre of the eye on the picture's left, from its corners and lids.
    pub fn eye_left(&self) -> [f32; 2] {
        self.mean(&[33, 133, 159, 145])
    }

    /// Centre of the eye on the picture's right.
    pub fn eye_right(&self) -> [f32; 2] {
        self.mean(&[263, 362, 386, 374])
    }

    /// The middle between the eyes.
    pub fn between_eyes(&self) -> [f32; 2] {
        let ([ax, ay], [bx, by]) = (self.eye_left(), self.eye_right());
        [f32::midpoint(ax, bx), f32::midpoint(ay, by)]
    }

    /// From eye centre to eye centre, in pixels.
    pub fn eye_distance(&self) -> f32 {
        let ([ax, ay], [bx, by]) = (self.eye_left(), self.eye_right());
        (bx - ax).hypot(by - ay)
    }

    /// The widest points of the face at the ears' front: the picture's left, then right.
    pub fn cheeks(&self) -> [[f32; 2]; 2] {
        [self.at(234), self.at(454)]
    }

    /// The lowest point of the chin's middle.
    pub fn chin(&self) -> [f32; 2] {
        self.at(152)
    }

    /// The top of the forehead's middle, near the hairline; not the crown.
    pub fn forehead_top(&self) -> [f32; 2] {
        self.at(10)
    }

    /// The tip of the nose.
    pub fn nose_tip(&self) -> [f32; 2] {
        self.at(4)
    }

    /// The mouth's corners: the picture's left, then right.
    pub fn mouth_corners(&self) -> [[f32; 2]; 2] {
        [self.at(61), self.at(291)]
    }

    /// The middle of the mouth, between the inner lips.
    pub fn mouth(&self) -> [f32; 2] {
        self.mean(&[13, 14])
    }

    /// The outline of the face from the forehead's middle around by the picture's right.
    pub fn outline(&self) -> [[f32; 2]; 36] {
        [
            10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
            148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
        ]
        .map(|n| self.at(n))
    }

    /// How the head is held, held against rendered heads; see `Pose::calibrated`.
    pub fn pose(&self) -> Pose {
        Pose::of(&self.points).calibrated()
    }

    /// Gap between the lids over the eye's width: the picture's left eye, then the right.
    pub fn eye_openness(&self) -> [f32; 2] {
        match &self.eyes {
            Some([left, right]) => [left.openness(), right.openness()],
            None => [
                self.ratio(&[[160, 144], [159, 145], [158, 153]], [33, 133]),
                self.ratio(&[[387, 373], [386, 374], [385, 380]], [263, 362]),
            ],
        }
    }

    /// Gap between the inner lips over the inner mouth's width: 0 closed, a wide open mouth more than 0.5.
    pub fn mouth_openness(&self) -> f32 {
        self.ratio(&[[13, 14]], [78, 308])
    }

    fn at(&self, n: usize) -> [f32; 2] {
        let [x, y, _] = self.points[n];
        [x, y]
    }

    fn mean(&self, numbers: &[usize]) -> [f32; 2] {
        let share = 1.0 / numbers.len() as f32;
        numbers.iter().fold([0.0, 0.0], |[x, y], &n| {
            let [px, py, _] = self.points[n];
            [x + px * share, y + py * share]
        })
    }

    /// Mean gap over width, both measured in space so that a turned head changes neither alone.
    fn ratio(&self, gaps: &[[usize; 2]], width: [usize; 2]) -> f32 {
        let distance = |[a, b]: [usize; 2]| {
            let (a, b) = (self.points[a], self.points[b]);
            (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f32>().sqrt()
        };
        let width = distance(width);
        let gap = gaps.iter().map(|&gap| distance(gap)).sum::<f32>() / gaps.len() as f32;
        if width > 0.0 { gap / width } else { 0.0 }
    }

    /// The square around these points for the next look.
    fn cut(&self) -> Cut {
        let angle = direction(self.at(33), self.at(263));
        let (sin, cos) = angle.sin_cos();
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for &[x, y, _] in self.points.iter() {
            let turned = [x * cos + y * sin, y * cos - x * sin];
            for k in 0..2 {
                low[k] = low[k].min(turned[k]);
                high[k] = high[k].max(turned[k]);
            }
        }
        let [x, y] = [f32::midpoint(low[0], high[0]), f32::midpoint(low[1], high[1])];
        let side = (high[0] - low[0]).max(high[1] - low[1]) * MARGIN;
        Cut {
            centre: [x * cos - y * sin, y * cos + x * sin],
            side,
            angle,
        }
    }
}

pub(super) fn measure(models: &Models, picture: &RgbImage, face: &Face, pace: Pace) -> Option<Mesh> {
    let [left, right, ..] = face.keypoints;
    let cut = Cut {
        centre: face.rect.centre(),
        side: face.rect.width.max(face.rect.height) * MARGIN,
        angle: direction(left, right),
    };
    if pace == Pace::Live {
        return look(models, picture, &cut, pace, true);
    }
    let mesh = look(models, picture, &cut, pace, false)?;
    if mesh.presence < Mesh::PRESENT {
        return Some(mesh);
    }
    // The points know better than the detector where the face is.
    look(models, picture, &mesh.cut(), pace, true)
}

pub(super) fn follow(
    models: &Models,
    picture: &RgbImage,
    last: &Mesh,
    pace: Pace,
    eyes: bool,
) -> Option<Mesh> {
    look(models, picture, &last.cut(), pace, eyes)
}

fn look(models: &Models, picture: &RgbImage, cut: &Cut, pace: Pace, eyes: bool) -> Option<Mesh> {
    let image = cut.sample(picture)?;
    let [numbers, presence] = models.mesh.run([image.clone()], models.pool(pace))?;
    let presence = sigmoid(*presence.first()?);
    let share = 1.0 / SIDE as f32;
    let depth = cut.side * share;
    let inside: Vec<[f32; 2]> = numbers
        .chunks_exact(3)
        .map(|point| [point[0] * share, point[1] * share])
        .collect();
    let mut points = Box::new([[0.0; 3]; POINTS]);
    for ((point, &at), number) in points.iter_mut().zip(&inside).zip(numbers.chunks_exact(3)) {
        let [x, y] = cut.place(at);
        *point = [x, y, number[2] * depth];
    }
    let eyes = (eyes && presence >= Mesh::PRESENT)
        .then(|| eyes::look(models, image, &inside, |at| cut.place(at), pace))
        .flatten();
    Some(Mesh {
        points,
        presence,
        eyes,
    })
}

fn direction([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> f32 {
    (by - ay).atan2(bx - ax)
}

/// A turned square in the picture.
struct Cut {
    centre: [f32; 2],
    side: f32,
    /// Clockwise, radians.
    angle: f32,
}

impl Cut {
    /// Where a place in the square (0 to 1) is in the picture.
    fn place(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = ((u - 0.5) * self.side, (v - 0.5) * self.side);
        [
            self.centre[0] + dx * cos - dy * sin,
            self.centre[1] + dx * sin + dy * cos,
        ]
    }

    /// The square's pixels, 0 to 1; beyond the picture its edge goes on. `None` if there is nothing to see.
    fn sample(&self, picture: &RgbImage) -> Option<Vec<f32>> {
        let (width, height) = picture.dimensions();
        let sound = self.side.is_finite() && self.side > 0.0 && self.angle.is_finite();
        let centred = self.centre.iter().all(|at| at.is_finite());
        if width == 0 || height == 0 || !sound || !centred {
            return None;
        }
        // A large face is averaged, not skipped over: this many looks a pixel, each way.
        let looks = (self.side / SIDE as f32).round().clamp(1.0, 4.0) as usize;
        let step = self.side / (SIDE * looks) as f32;
        let (sin, cos) = self.angle.sin_cos();
        let [left, top] = self.place([0.0, 0.0]);
        let share = 1.0 / (255.0 * (looks * looks) as f32);
        let mut image = vec![0.0; 3 * SIDE * SIDE];
        for row in 0..SIDE {
            for column in 0..SIDE {
                let mut sum = [0.0; 3];
                for v in 0..looks {
                    let dy = ((row * looks + v) as f32 + 0.5) * step;
                    for u in 0..looks {
                        let dx = ((column * looks + u) as f32 + 0.5) * step;
                        let colour =
                            between_pixels(picture, left + dx * cos - dy * sin, top + dx * sin + dy * cos);
                        for k in 0..3 {
                            sum[k] += colour[k];
                        }
                    }
                }
                for (channel, sum) in sum.iter().enumerate() {
                    image[(channel * SIDE + row) * SIDE + column] = sum * share;
                }
            }
        }
        Some(image)
    }
}

/// The colour at a place, weighted between the four nearest pixels. The picture is not empty.
#[inline]
fn between_pixels(picture: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let x = (x - 0.5).clamp(0.0, (width - 1) as f32);
    let y = (y - 0.5).clamp(0.0, (height - 1) as f32);
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let pixels = picture.as_raw();
    let at = |x: usize, y: usize| &pixels[(y * width + x) * 3..][..3];
    let (a, b, c, d) = (at(left, top), at(right, top), at(left, bottom), at(right, bottom));
    let (wc, wd) = ((1.0 - fx) * fy, fx * fy);
    let (wa, wb) = (1.0 - fx - wc, fx - wd);
    // Written out: this is the innermost of the live preview's loops.
    let mix =
        |k: usize| f32::from(a[k]) * wa + f32::from(b[k]) * wb + f32::from(c[k]) * wc + f32::from(d[k]) * wd;
    [mix(0), mix(1), mix(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_cut_looks_where_its_points_come_back() {
        // A picture whose colour is its own coordinates.
        let picture = RgbImage::from_fn(200, 200, |x, y| image::Rgb([x as u8, y as u8, 0]));
        for (side, angle) in [(96.0, 0.0), (100.0, 0.5), (60.0, -1.2), (130.0, 0.3)] {
            let cut = Cut {
                centre: [100.0, 90.0],
                side,
                angle,
            };
            let image = cut.sample(&picture).unwrap();
            for (row, column) in [(0, 0), (96, 96), (10, 180), (191, 100)] {
                let [x, y] = cut.place([(column as f32 + 0.5) / 192.0, (row as f32 + 0.5) / 192.0]);
                let seen = |channel: usize| image[(channel * SIDE + row) * SIDE + column] * 255.0;
                assert!(
                    (seen(0) - (x - 0.5)).abs() < 0.1,
                    "{side} {angle}: {} at {x}",
                    seen(0)
                );
                assert!(
                    (seen(1) - (y - 0.5)).abs() < 0.1,
                    "{side} {angle}: {} at {y}",
                    seen(1)
                );
            }
        }
    }

    #[test]
    fn a_cut_beyond_every_edge_is_no_danger() {
        let picture = RgbImage::new(3, 1);
        for cut in [
            Cut {
                centre: [-1e9, 1e9],
                side: 1e12,
                angle: 3.0,
            },
            Cut {
                centre: [1.0, 0.0],
                side: 1e-20,
                angle: 0.0,
            },
        ] {
            assert!(cut.sample(&picture).is_some());
        }
        for cut in [
            Cut {
                centre: [0.0, 0.0],
                side: f32::NAN,
                angle: 0.0,
            },
            Cut {
                centre: [f32::INFINITY, 0.0],
                side: 9.0,
                angle: 0.0,
            },
            Cut {
                centre: [0.0, 0.0],
                side: 0.0,
                angle: 0.0,
            },
        ] {
            assert!(cut.sample(&picture).is_none());
        }
        assert!(
            Cut {
                centre: [0.0, 0.0],
                side: 9.0,
                angle: 0.0
            }
            .sample(&RgbImage::new(0, 7))
            .is_none()
        );
    }
}
