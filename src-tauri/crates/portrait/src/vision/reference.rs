//! The networks agree with the runtime they were made for, and cope with any picture.
//!
//! The expected numbers were computed once with LiteRT 2.3 (TensorFlow Lite's own interpreter) from the
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
        (0, -0.085_603),
        (1, -0.818_931),
        (5000, -1.228_409),
        (9999, -5.385_264),
        (11552, 7.543_528),
        (11553, -6.210_057),
        (11554, 49.958_393),
        (11555, 49.947_395),
        (11556, -1.860_359),
        (11557, -18.148_401),
        (11558, 18.706_661),
        (11559, -16.606_602),
        (11560, 8.698_967),
        (11562, 8.177_048),
        (11564, -14.016_598),
        (11566, 28.864_801),
        (14335, 10.953_039),
    ];
    let scores = [
        (0, -4.655_911),
        (100, -5.305_179),
        (300, -5.107_673),
        (500, -4.962_192),
        (520, -10.858_296),
        (600, -65.712_12),
        (640, -10.614_009),
        (700, -22.721_981),
        (722, 1.220_226),
        (760, -6.887_398),
        (895, -71.684_151),
    ];
    let image = planes(&drawn(128, 0, 0, 1000), 127.5, -1.0);
    assert_agrees(&models().detector, [image], [&boxes, &scores]);
}

#[test]
fn the_mesh_agrees_with_tensorflow_lite() {
    let points = [
        (3, 96.780_96),
        (4, 112.954_468),
        (5, -21.570_242),
        (30, 98.276_993),
        (31, 48.027_203),
        (32, -4.320_25),
        (99, 67.052_574),
        (100, 86.138_1),
        (101, 6.554_182),
        (183, 78.727_264),
        (184, 131.396_698),
        (185, 1.695_498),
        (399, 86.041_695),
        (400, 87.236_984),
        (456, 96.415_894),
        (457, 163.945_511),
        (458, 2.268_225),
        (702, 51.720_535),
        (703, 98.709_007),
        (704, 41.629_7),
        (789, 128.513_428),
        (1362, 143.506_546),
        (1363, 99.324_608),
        (1364, 42.508_45),
    ];
    let image = planes(&drawn(192, 150, 120, 700), 255.0, 0.0);
    assert_agrees(&models().mesh, [image], [&points, &[(0, 21.108_931)]]);
}

#[test]
fn the_eyes_agree_with_tensorflow_lite() {
    // The network's file is cut at the operators only MediaPipe has; the warp between the halves was computed
    // from the formula in its source.
    let left_lids = [
        (0, 24.618_82),
        (11, 38.766_83),
        (22, 28.983_543),
        (33, 34.346_76),
        (44, 45.772_03),
        (55, 25.189_959),
        (66, 20.417_894),
        (77, 42.552_776),
        (88, 28.617_321),
        (99, 29.830_751),
        (110, 15.289_907),
        (121, 46.097_98),
    ];
    let left_iris = [
        (0, 37.381_481),
        (1, 33.273_689),
        (2, 43.250_69),
        (3, 33.002_59),
        (4, 37.611_771),
        (5, 27.203_238),
        (6, 31.394_348),
        (9, 39.385_193),
    ];
    let right_lids = [
        (0, 39.292_126),
        (11, 41.342_083),
        (22, 35.111_347),
        (33, 35.097_984),
        (44, 19.200_485),
        (55, 24.490_767),
        (66, 43.145_885),
        (77, 44.040_451),
        (88, 33.874_702),
        (99, 28.700_291),
        (110, 47.933_59),
        (121, 47.737_9),
    ];
    let right_iris = [
        (0, 27.506_313),
        (1, 34.110_851),
        (2, 33.393_478),
        (3, 35.000_34),
        (4, 28.032_12),
        (5, 25.887_81),
        (6, 21.678_215),
        (9, 42.305_111),
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
        (2570, 0.0),
        (15488, 1.0),
        (9595, 0.106_751),
        (13731, 0.430_297),
        (22859, 0.230_05),
        (32587, 0.245_054),
        (39083, 0.795_411),
        (41890, 0.853_795),
        (43622, 0.671_531),
        (46695, 0.207_751),
        (50023, 0.852_879),
        (51113, 0.711_616),
        (52551, 0.519_285),
        (54330, 0.335_437),
        (57132, 0.101_687),
        (60639, 0.594_944),
        (64128, 1.0),
        (64250, 0.0),
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
