//! How the head is held.
//!
//! A rigid face of known shape is turned until it lies best on the measured points (weighted least squares,
//! Horn 1987, "Closed-form solution of absolute orientation using unit quaternions"); the turn is the pose. The
//! points, weights and shape are those of `MediaPipe`'s face geometry
//! (`modules/face_geometry/data/geometry_pipeline_metadata_landmarks.binarypb`): they move little with the
//! expression, so an open mouth does not raise the chin.

use super::mesh::POINTS;

/// How the head is held, in degrees. All zero: straight at the camera, upright.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// Positive: the face is turned to the picture's right.
    pub yaw: f32,
    /// Positive: the chin is raised.
    pub pitch: f32,
    /// Positive: the crown is tilted to the picture's right.
    pub roll: f32,
}

/// Mesh points (the picture's left and its right twin; a middle point is its own), weight, and the place of
/// the right one in centimetres: right, up, towards the camera.
const SHAPE: [([usize; 2], f64, [f64; 3]); 18] = [
    ([4, 4], 0.0709, [0.00, -0.46, 7.59]),
    ([6, 6], 0.0321, [0.00, 2.47, 5.79]),
    ([10, 10], 0.0084, [0.00, 8.26, 4.48]),
    ([33, 263], 0.0587, [4.45, 2.66, 3.17]),
    ([54, 284], 0.0077, [6.279, 6.615, 1.425]),
    ([67, 297], 0.0091, [3.52, 8.01, 3.73]),
    ([117, 346], 0.0098, [5.26, 0.95, 2.97]),
    ([119, 348], 0.0146, [3.30, 0.86, 3.87]),
    ([121, 350], 0.0186, [1.82, 1.47, 4.22]),
    ([127, 356], 0.0052, [7.74, 2.36, -2.01]),
    ([129, 358], 0.1206, [1.79, -0.98, 4.85]),
    ([132, 361], 0.0056, [7.27, -2.89, -2.25]),
    ([133, 362], 0.0533, [1.86, 2.59, 3.76]),
    ([136, 365], 0.0669, [5.09, -7.18, 0.71]),
    ([143, 372], 0.0148, [6.41, 2.24, 1.56]),
    ([147, 376], 0.0143, [6.23, -1.94, 1.66]),
    ([198, 420], 0.0255, [1.25, 0.23, 5.68]),
    ([205, 425], 0.0473, [3.83, -1.54, 4.14]),
];

impl Pose {
    /// From the mesh's points: pixels right, down and away from the camera.
    pub(super) fn of(points: &[[f32; 3]; POINTS]) -> Pose {
        let mut pairs = Vec::with_capacity(2 * SHAPE.len());
        for ([left, right], weight, [x, y, z]) in SHAPE {
            pairs.push((weight, [x, y, z], upright(points[right])));
            if left != right {
                pairs.push((weight, [-x, y, z], upright(points[left])));
            }
        }
        let [x, y, z] = turn(&pairs);
        let degrees = |radians: f64| radians.to_degrees() as f32;
        // The head is first raised, then turned, then tilted; columns x, y and z are where its axes went.
        Pose {
            yaw: degrees((-x[2]).clamp(-1.0, 1.0).asin()),
            pitch: degrees((-y[2]).atan2(z[2])),
            roll: degrees((-x[1]).atan2(x[0])),
        }
    }
}

/// What the mesh's points give for a rendered head held in a known way: least squares over 81 heads, yaw and pitch
/// -22° to 22°, six hair styles, five skin tones, with and without glasses.
const YAW_GAIN: f32 = 0.928;
const PITCH_GAIN: f32 = 0.878;
/// Degrees. Rendered heads held level read -4.7°, three photographs of people who face the camera -0.8° in the mean:
/// the shape of the head moves it. The middle of both is wrong by 2° for either at most.
const PITCH_OFFSET: f32 = -2.7;

impl Pose {
    /// The pose as it is rather than as the mesh's points have it, which flatten a turned head and lower the chin.
    /// Against rendered heads yaw is then off by at most 2.7° (mean 1.1°), roll by 1.3° (mean 0.3°), and pitch reads
    /// 2.2° low, give or take 4.0° (mean 1.0°).
    pub(super) fn calibrated(self) -> Pose {
        Pose {
            yaw: self.yaw / YAW_GAIN,
            pitch: (self.pitch - PITCH_OFFSET) / PITCH_GAIN,
            roll: self.roll,
        }
    }
}

/// Right, up, towards the camera.
fn upright([x, y, z]: [f32; 3]) -> [f64; 3] {
    [f64::from(x), -f64::from(y), -f64::from(z)]
}

/// Weight, a point of the shape, the same point as measured.
type Pair = (f64, [f64; 3], [f64; 3]);

/// The rotation that carries the second members onto the third, as its columns. Size and place do not matter.
fn turn(pairs: &[Pair]) -> [[f64; 3]; 3] {
    let total: f64 = pairs.iter().map(|(weight, ..)| weight).sum();
    let mean = |of: fn(&Pair) -> [f64; 3]| -> [f64; 3] {
        std::array::from_fn(|k| pairs.iter().map(|pair| pair.0 * of(pair)[k]).sum::<f64>() / total)
    };
    let (from, to) = (mean(|pair| pair.1), mean(|pair| pair.2));
    // s[i][j]: how much the shape's axis i goes along with the picture's axis j.
    let mut s = [[0.0; 3]; 3];
    for (weight, a, b) in pairs {
        for i in 0..3 {
            for j in 0..3 {
                s[i][j] += weight * (a[i] - from[i]) * (b[j] - to[j]);
            }
        }
    }
    let [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = s;
    let n = [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, yy - xx - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ];
    let [w, x, y, z] = largest_eigenvector(&n);
    [
        [
            w * w + x * x - y * y - z * z,
            2.0 * (x * y + w * z),
            2.0 * (x * z - w * y),
        ],
        [
            2.0 * (x * y - w * z),
            w * w - x * x + y * y - z * z,
            2.0 * (y * z + w * x),
        ],
        [
            2.0 * (x * z + w * y),
            2.0 * (y * z - w * x),
            w * w - x * x - y * y + z * z,
        ],
    ]
}

/// Power iteration, shifted so that the largest eigenvalue is also the largest in size. Of a face's matrix the
/// others are far smaller: each round more than halves the error.
fn largest_eigenvector(n: &[[f64; 4]; 4]) -> [f64; 4] {
    let shift = n.iter().flatten().map(|value| value * value).sum::<f64>().sqrt();
    let mut q = [1.0, 0.0, 0.0, 0.0];
    for _ in 0..64 {
        let next: [f64; 4] =
            std::array::from_fn(|i| shift * q[i] + n[i].iter().zip(&q).map(|(a, b)| a * b).sum::<f64>());
        let length = next.iter().map(|value| value * value).sum::<f64>().sqrt();
        if !length.is_normal() {
            break;
        }
        q = next.map(|value| value / length);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known shape held in a known way, 40 pixels a centimetre.
    fn held(yaw: f32, pitch: f32, roll: f32) -> Box<[[f32; 3]; POINTS]> {
        let (sy, cy) = yaw.to_radians().sin_cos();
        let (sp, cp) = pitch.to_radians().sin_cos();
        let (sr, cr) = roll.to_radians().sin_cos();
        let place = |[x, y, z]: [f64; 3]| {
            let [x, y, z] = [x as f32, y as f32, z as f32];
            let (y, z) = (y * cp + z * sp, z * cp - y * sp);
            let (x, z) = (x * cy + z * sy, z * cy - x * sy);
            let (x, y) = (x * cr + y * sr, y * cr - x * sr);
            [300.0 + 40.0 * x, 200.0 - 40.0 * y, -40.0 * z]
        };
        let mut points = Box::new([[0.0; 3]; POINTS]);
        for ([left, right], _, [x, y, z]) in SHAPE {
            points[left] = place([-x, y, z]);
            points[right] = place([x, y, z]);
        }
        points
    }

    #[test]
    fn a_known_pose_is_recovered() {
        for (yaw, pitch, roll) in [
            (0.0, 0.0, 0.0),
            (20.0, 0.0, 0.0),
            (0.0, 15.0, 0.0),
            (0.0, 0.0, -25.0),
            (-40.0, 20.0, 35.0),
            (10.0, -20.0, 5.0),
        ] {
            let pose = Pose::of(&held(yaw, pitch, roll));
            for (found, meant) in [(pose.yaw, yaw), (pose.pitch, pitch), (pose.roll, roll)] {
                assert!((found - meant).abs() < 0.05, "{pose:?} for {yaw} {pitch} {roll}");
            }
        }
    }

    #[test]
    fn points_that_are_no_face_still_give_numbers() {
        for point in [[0.0; 3], [7.5, 3.0, 1.0], [f32::MAX; 3]] {
            let points = Box::new([[0.0; 3]; POINTS].map(|_| point));
            let pose = Pose::of(&points);
            assert!(pose.yaw.is_finite() && pose.pitch.is_finite() && pose.roll.is_finite());
        }
    }
}
