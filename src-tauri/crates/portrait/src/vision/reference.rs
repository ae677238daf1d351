//! The networks agree with the runtime they were made for, and cope with any picture.
//!
//! The expected numbers were computed once with `LiteRT` 2.3 (TensorFlow Lite's own interpreter) from the
//! packages' untouched `.tflite` files, on a drawn person that integer arithmetic gives exactly, everywhere.

use std::path::Path;

use image::{Rgb, RgbImage};

use super::eyes::tests::grid;
use super::models::Network;
use super::{Mesh, Models, Pace};

/// Middle, half width and height (in thousandths of the drawing), colour: from the shirt up to the mouth.
const DRAWING: [([i64; 4], [i64; 3]); 12] = [
    ([500, 1080, 420, 330], [70, 90, 150]),
    ([500, 720, 90, 140], [190, 145, 115]),
    ([500, 420, 215, 275], [40, 32, 30]),
    ([500, 470, 175, 230], [214, 170, 140]),
    ([425, 430, 38, 18], [240, 240, 240]),
    ([575, 430, 38, 18], [240, 240, 240]),
    ([425, 430, 15, 17], [40, 30, 25]),
    ([575, 430, 15, 17], [40, 30, 25]),
    ([425, 385, 48, 10], [50, 40, 35]),
    ([575, 385, 48, 10], [50, 40, 35]),
    ([500, 520, 22, 40], [196, 150, 120]),
    ([500, 600, 60, 18], [170, 80, 80]),
];

/// A part of the drawing, `span` thousandths wide, at `side` x `side` pixels with a little texture.
fn drawn(side: u32, left: i64, top: i64, span: i64) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| {
        let (x, y, side) = (i64::from(x), i64::from(y), i64::from(side));
        let (u, v) = (left + x * span / side, top + y * span / side);
        let mut colour = [176 + v / 20, 184, 190];
        for ([cx, cy, rx, ry], paint) in DRAWING {
            if (u - cx).pow(2) * ry.pow(2) + (v - cy).pow(2) * rx.pow(2) < (rx * ry).pow(2) {
                colour = paint;
            }
        }
        Rgb(colour.map(|value| u8::try_from(value + (x * 7 + y * 13) % 9 - 4).unwrap()))
    })
}

pub(super) fn models() -> Models {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/models");
    Models::load(&dir).unwrap()
}

/// Red, green and blue planes of `value * scale + offset`.
fn planes(picture: &RgbImage, scale: f32, offset: f32) -> Vec<f32> {
    let channel = |k: usize| {
        picture
            .pixels()
            .map(move |pixel| f32::from(pixel.0[k]) / scale + offset)
    };
    channel(0).chain(channel(1)).chain(channel(2)).collect()
}

fn assert_agrees<const I: usize, const O: usize>(
    network: &Network,
    inputs: [Vec<f32>; I],
    expected: [&[(usize, f32)]; O],
) {
    let outputs: [Vec<f32>; O] = network.run(inputs, None).unwrap();
    for (output, expected) in outputs.iter().zip(expected) {
        for &(at, value) in expected {
            let off = (output[at] - value).abs() / value.abs().max(1.0);
            assert!(off < 1e-3, "number {at} is {} instead of {value}", output[at]);
        }
    }
}

#[test]
fn the_detector_agrees_with_tensorflow_lite() {
    let boxes = [
        (0, -0.0856),
        (1, -0.8189),
        (5000, -1.2284),
        (9999, -5.3853),
        (11552, 7.5435),
        (11553, -6.2101),
        (11554, 49.9584),
        (11555, 49.9474),
        (11556, -1.8604),
        (11557, -18.1484),
        (11558, 18.7067),
        (11559, -16.6066),
        (11560, 8.6990),
        (11562, 8.1770),
        (11564, -14.0166),
        (11566, 28.8648),
        (14335, 10.9530),
    ];
    let scores = [
        (0, -4.6559),
        (100, -5.3052),
        (300, -5.1077),
        (500, -4.9622),
        (520, -10.8583),
        (600, -65.7121),
        (640, -10.6140),
        (700, -22.7220),
        (722, 1.2202),
        (760, -6.8874),
        (895, -71.6842),
    ];
    let image = planes(&drawn(128, 0, 0, 1000), 127.5, -1.0);
    assert_agrees(&models().detector, [image], [&boxes, &scores]);
}

#[test]
fn the_mesh_agrees_with_tensorflow_lite() {
    let points = [
        (3, 96.7810),
        (4, 112.9545),
        (5, -21.5702),
        (30, 98.2770),
        (31, 48.0272),
        (32, -4.3202),
        (99, 67.0526),
        (100, 86.1381),
        (101, 6.5542),
        (183, 78.7273),
        (184, 131.3967),
        (185, 1.6955),
        (399, 86.0417),
        (400, 87.2370),
        (456, 96.4159),
        (457, 163.9455),
        (458, 2.2682),
        (702, 51.7205),
        (703, 98.7090),
        (704, 41.6297),
        (789, 128.5134),
        (1362, 143.5065),
        (1363, 99.3246),
        (1364, 42.5085),
    ];
    let image = planes(&drawn(192, 150, 120, 700), 255.0, 0.0);
    assert_agrees(&models().mesh, [image], [&points, &[(0, 21.1089)]]);
}

#[test]
fn the_eyes_agree_with_tensorflow_lite() {
    // The network's file is cut at the operators only MediaPipe has; the warp between the halves was computed
    // from the formula in its source.
    let left_lids = [
        (0, 24.6188),
        (11, 38.7668),
        (22, 28.9835),
        (33, 34.3468),
        (44, 45.7720),
        (55, 25.1900),
        (66, 20.4179),
        (77, 42.5528),
        (88, 28.6173),
        (99, 29.8308),
        (110, 15.2899),
        (121, 46.0980),
    ];
    let left_iris = [
        (0, 37.3815),
        (1, 33.2737),
        (2, 43.2507),
        (3, 33.0026),
        (4, 37.6118),
        (5, 27.2032),
        (6, 31.3943),
        (9, 39.3852),
    ];
    let right_lids = [
        (0, 39.2921),
        (11, 41.3421),
        (22, 35.1113),
        (33, 35.0980),
        (44, 19.2005),
        (55, 24.4908),
        (66, 43.1459),
        (77, 44.0405),
        (88, 33.8747),
        (99, 28.7003),
        (110, 47.9336),
        (121, 47.7379),
    ];
    let right_iris = [
        (0, 27.5063),
        (1, 34.1109),
        (2, 33.3935),
        (3, 35.0003),
        (4, 28.0321),
        (5, 25.8878),
        (6, 21.6782),
        (9, 42.3051),
    ];
    let image = planes(&drawn(192, 150, 120, 700), 255.0, 0.0);
    let left = grid([0.375, 0.4375], [0.25, 0.25], 0.125);
    let right = grid([0.625, 0.4375], [0.25, 0.1875], -0.0625);
    assert_agrees(
        &models().eyes,
        [image, left, right],
        [&left_lids, &left_iris, &right_lids, &right_iris],
    );
}

#[test]
fn the_segmenter_agrees_with_tensorflow_lite() {
    // Besides wall and person, pixels on the edge, where the network hesitates.
    let person = [
        (2570, 0.0000),
        (15488, 1.0000),
        (9595, 0.1068),
        (13731, 0.4303),
        (22859, 0.2301),
        (32587, 0.2451),
        (39083, 0.7954),
        (41890, 0.8538),
        (43622, 0.6715),
        (46695, 0.2078),
        (50023, 0.8529),
        (51113, 0.7116),
        (52551, 0.5193),
        (54330, 0.3354),
        (57132, 0.1017),
        (60639, 0.5949),
        (64128, 1.0000),
        (64250, 0.0000),
    ];
    let image = planes(&drawn(256, 0, 0, 1000), 255.0, 0.0);
    assert_agrees(&models().segmenter, [image], [&person]);
}

#[test]
fn a_drawn_person_is_found_where_it_was_drawn() {
    let models = models();
    let picture = drawn(600, 0, 0, 1000);
    for pace in [Pace::Live, Pace::Still] {
        let faces = models.faces(&picture, pace);
        assert_eq!(faces.len(), 1);
        let mesh = models.mesh(&picture, &faces[0], pace).unwrap();
        assert!(mesh.presence > 0.9);
        let near = |[x, y]: [f32; 2], [u, v]: [f32; 2]| (x - u * 0.6).hypot(y - v * 0.6) < 20.0;
        assert!(near(mesh.eye_left(), [425.0, 430.0]), "{:?}", mesh.eye_left());
        assert!(near(mesh.eye_right(), [575.0, 430.0]), "{:?}", mesh.eye_right());
        assert!(near(mesh.mouth(), [500.0, 600.0]), "{:?}", mesh.mouth());
        let [left, right] = mesh.eyes.as_ref().unwrap();
        assert!(near(left.iris, [425.0, 430.0]) && near(right.iris, [575.0, 430.0]));
        let pose = mesh.pose();
        assert!(pose.yaw.abs() < 6.0 && pose.roll.abs() < 3.0, "{pose:?}");

        let again = models.follow(&picture, &mesh, pace).unwrap();
        let [x, y] = again.between_eyes();
        let [u, v] = mesh.between_eyes();
        assert!((x - u).hypot(y - v) < 5.0);

        let person = models.person(&picture, pace);
        assert_eq!(person.dimensions(), (600, 600));
        assert!(person.get_pixel(300, 280)[0] > 250 && person.get_pixel(300, 560)[0] > 250);
        assert!(person.get_pixel(40, 40)[0] < 5 && person.get_pixel(560, 200)[0] < 5);
    }
}

#[test]
fn pictures_of_any_size_are_no_danger() {
    let models = models();
    let face = models.faces(&drawn(600, 0, 0, 1000), Pace::Live).remove(0);
    let last = models.mesh(&drawn(600, 0, 0, 1000), &face, Pace::Live).unwrap();
    for (width, height) in [(0, 0), (0, 9), (9, 0), (1, 1), (1, 3000), (5000, 2), (127, 129)] {
        let picture = RgbImage::from_pixel(width, height, Rgb([120, 90, 70]));
        assert!(models.faces(&picture, Pace::Live).is_empty());
        let empty = width == 0 || height == 0;
        let mesh = models.mesh(&picture, &face, Pace::Live);
        assert_eq!(mesh.is_none(), empty);
        assert_eq!(models.follow(&picture, &last, Pace::Live).is_none(), empty);
        assert!(mesh.is_none_or(|mesh| mesh.presence < Mesh::PRESENT));
        assert_eq!(models.person(&picture, Pace::Live).dimensions(), (width, height));
    }
}

#[test]
fn missing_or_damaged_networks_say_what_to_do() {
    let dir = std::env::temp_dir().join(format!("portrait-models-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let missing = Models::load(&dir).unwrap_err().to_string();
    assert!(
        missing.contains("face_detection.onnx") && missing.contains("xtask setup"),
        "{missing}"
    );
    std::fs::write(
        dir.join("face_detection.onnx"),
        b"<html>Sign in to the network</html>",
    )
    .unwrap();
    let damaged = Models::load(&dir).unwrap_err().to_string();
    assert!(damaged.contains("damaged"), "{damaged}");
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/models");
    std::fs::copy(good.join("face_mesh.onnx"), dir.join("face_detection.onnx")).unwrap();
    assert!(Models::load(&dir).is_err(), "another network under this name");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn models_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Models>();
    shared::<Mesh>();
}
