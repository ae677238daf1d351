//! Lids and irises: the eye half of `MediaPipe`'s Attention Mesh.
//!
//! The plain mesh follows lids only roughly: shut eyes and narrow ones look alike to it. This network looks
//! again at both eyes, in the cut the mesh was measured in. Its windows follow `MediaPipe`'s
//! `landmarks_to_transform_matrix.cc` and `transform_tensor_bilinear.cc`, its point numbers
//! `tensors_to_face_landmarks_with_attention.pbtxt`.

use super::mesh::SIDE;
use super::{Models, Pace};

/// Samples across a window, and down.
const GRID: usize = 16;
/// Points come back as if a window were this many wide and high.
const RANGE: f32 = 64.0;
/// A window is this much larger than the box around the eye's surroundings.
const MARGIN: f32 = 1.5;
/// The first of an eye's 71 points are its lids' edges.
const LIDS: usize = 16;

pub(super) const INPUTS: [(&str, &[usize]); 3] = [
    ("image", &[1, 3, SIDE, SIDE]),
    ("left_grid", &[1, GRID, GRID, 2]),
    ("right_grid", &[1, GRID, GRID, 2]),
];
pub(super) const OUTPUTS: [(&str, usize); 4] = [
    ("left_lids", 142),
    ("left_iris", 10),
    ("right_lids", 142),
    ("right_iris", 10),
];

/// Mesh points around the eye on the picture's left: their box is the window. The first is the outer corner,
/// the ninth the inner one.
const AROUND_LEFT: [usize; 71] = [
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22,
    26, 112, 243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224,
    223, 222, 221, 189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63,
    105, 66, 107, 55, 193,
];
/// The same for the picture's right.
const AROUND_RIGHT: [usize; 71] = [
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253,
    252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342,
    445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465,
    383, 300, 293, 334, 296, 336, 285, 417,
];

/// One eye, in pixels of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Eye {
    /// Edges of the lids: the lower one from the outer to the inner corner (9 points), then the upper one from
    /// the outer side inwards (7).
    pub lids: [[f32; 2]; LIDS],
    /// Centre of the iris; behind a shut lid, where it is thought to be.
    pub iris: [f32; 2],
    /// Radius of the iris.
    pub iris_radius: f32,
}

impl Eye {
    /// Gap between the lids over the width between the corners: the mean at the iris and on either side of it.
    pub fn openness(&self) -> f32 {
        let width = distance(self.lids[0], self.lids[8]);
        let gaps =
            [[3, 11], [4, 12], [5, 13]].map(|[lower, upper]| distance(self.lids[lower], self.lids[upper]));
        if width > 0.0 {
            gaps.iter().sum::<f32>() / 3.0 / width
        } else {
            0.0
        }
    }

    fn new(lids: &[f32], iris: &[f32], place: impl Fn([f32; 2]) -> [f32; 2]) -> Eye {
        let at = |numbers: &[f32], n: usize| match numbers.get(2 * n..2 * n + 2) {
            Some(&[x, y]) => place([x, y]),
            _ => place([RANGE / 2.0; 2]),
        };
        let centre = at(iris, 0);
        let rim: f32 = (1..5).map(|n| distance(centre, at(iris, n))).sum();
        Eye {
            lids: std::array::from_fn(|n| at(lids, n)),
            iris: centre,
            iris_radius: rim / 4.0,
        }
    }
}

/// Both eyes, the picture's left first. `image` is a cut of the mesh, `points` the mesh in it, 0 to 1 across
/// and down; `place` leads from there into the picture.
pub(super) fn look(
    models: &Models,
    image: Vec<f32>,
    points: &[[f32; 2]],
    place: impl Fn([f32; 2]) -> [f32; 2],
    pace: Pace,
) -> Option<[Eye; 2]> {
    let left = Window::around(points, &AROUND_LEFT, [33, 133])?;
    let right = Window::around(points, &AROUND_RIGHT, [362, 263])?;
    let inputs = [image, left.grid(), right.grid()];
    let [left_lids, left_iris, right_lids, right_iris] = models.eyes.run(inputs, models.pool(pace))?;
    let within = |window: &Window, [x, y]: [f32; 2]| place(window.place([x / RANGE, y / RANGE]));
    Some([
        Eye::new(&left_lids, &left_iris, |at| within(&left, at)),
        Eye::new(&right_lids, &right_iris, |at| within(&right, at)),
    ])
}

/// A turned rectangle in the mesh's cut, in shares of it.
struct Window {
    centre: [f32; 2],
    size: [f32; 2],
    angle: f32,
}

impl Window {
    fn around(points: &[[f32; 2]], around: &[usize], [from, to]: [usize; 2]) -> Option<Window> {
        let (from, to) = (points.get(from)?, points.get(to)?);
        let angle = (to[1] - from[1]).atan2(to[0] - from[0]);
        let (sin, cos) = angle.sin_cos();
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for &n in around {
            let &[x, y] = points.get(n)?;
            for (k, at) in [x * cos + y * sin, y * cos - x * sin].into_iter().enumerate() {
                low[k] = low[k].min(at);
                high[k] = high[k].max(at);
            }
        }
        let [x, y] = [f32::midpoint(low[0], high[0]), f32::midpoint(low[1], high[1])];
        let size = [(high[0] - low[0]) * MARGIN, (high[1] - low[1]) * MARGIN];
        Some(Window {
            centre: [x * cos - y * sin, y * cos + x * sin],
            size,
            angle,
        })
    }

    fn place(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = ((u - 0.5) * self.size[0], (v - 0.5) * self.size[1]);
        [
            self.centre[0] + dx * cos - dy * sin,
            self.centre[1] + dx * sin + dy * cos,
        ]
    }

    /// Where the network takes its samples: -1 to 1 across and down the cut.
    fn grid(&self) -> Vec<f32> {
        let cell = |n: usize| (n as f32 + 0.5) / GRID as f32;
        (0..GRID * GRID)
            .flat_map(|n| {
                self.place([cell(n % GRID), cell(n / GRID)])
                    .map(|at| 2.0 * at - 1.0)
            })
            .collect()
    }
}

fn distance([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> f32 {
    (bx - ax).hypot(by - ay)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The window the reference numbers were computed for.
    pub(in super::super) fn grid(centre: [f32; 2], size: [f32; 2], angle: f32) -> Vec<f32> {
        Window { centre, size, angle }.grid()
    }

    #[test]
    fn a_window_turns_with_the_eye() {
        let mut points = vec![[0.5, 0.5]; 468];
        (points[33], points[133]) = ([0.4, 0.4], [0.6, 0.6]);
        let window = Window::around(&points, &[33, 133], [33, 133]).unwrap();
        assert!((window.angle.to_degrees() - 45.0).abs() < 1e-3);
        assert!((window.size[0] - 1.5 * 0.08f32.sqrt()).abs() < 1e-5 && window.size[1].abs() < 1e-5);
        let [x, y] = window.place([0.5 + 0.5 / 1.5, 0.5]);
        assert!((x - 0.6).abs() < 1e-5 && (y - 0.6).abs() < 1e-5);
    }

    #[test]
    fn openness_is_the_gap_over_the_width() {
        let mut lids = [[0.0, 0.0]; LIDS];
        lids[8] = [30.0, 0.0];
        for (lower, upper) in [(3, 11), (4, 12), (5, 13)] {
            lids[lower] = [15.0, 3.0];
            lids[upper] = [15.0, -6.0];
        }
        let eye = Eye {
            lids,
            iris: [15.0, 0.0],
            iris_radius: 5.0,
        };
        assert!((eye.openness() - 0.3).abs() < 1e-6);
        let nothing = Eye {
            lids: [[1.0, 1.0]; LIDS],
            ..eye
        };
        assert!(nothing.openness().abs() < 1e-6);
    }
}
