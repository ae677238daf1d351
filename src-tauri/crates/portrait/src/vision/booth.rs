//! The networks against the truth of rendered students: what can be expected of their numbers.

use virtual_booth::{Act, Booth, BoothOptions, Posing, Student, Truth};

use super::reference::models;
use super::{Mesh, Models, Pace};

/// The default student, and one with dark skin and glasses.
fn students() -> [Student; 2] {
    [Student::default(), Student::seeded(2)]
}

fn seat(student: &Student, posing: &Posing) -> (image::RgbImage, Truth) {
    let options = BoothOptions {
        student: student.clone(),
        width: 960,
        height: 540,
        ..BoothOptions::default()
    };
    Booth::still(&options, Some(posing))
}

fn measure(models: &Models, student: &Student, posing: &Posing) -> (Mesh, Truth) {
    let (picture, truth) = seat(student, posing);
    let faces = models.faces(&picture, Pace::Still);
    assert_eq!(faces.len(), 1, "{posing:?}");
    let mesh = models.mesh(&picture, &faces[0], Pace::Still).unwrap();
    assert!(mesh.presence > 0.9, "{posing:?}");
    (mesh, truth)
}

fn apart([ax, ay]: [f32; 2], (bx, by): (f32, f32)) -> f32 {
    (bx - ax).hypot(by - ay)
}

#[test]
fn a_sitting_student_is_measured_to_a_few_hundredths_of_the_eye_distance() {
    let models = models();
    for student in students() {
        let (mesh, truth) = measure(&models, &student, &Posing::default());
        let unit = truth.inter_eye();
        let [left, right] = mesh.eyes.as_ref().unwrap();
        assert!(apart(mesh.eye_left(), truth.eyes[0]) < 0.06 * unit);
        assert!(apart(mesh.eye_right(), truth.eyes[1]) < 0.06 * unit);
        assert!(apart(left.iris, truth.eyes[0]) < 0.04 * unit);
        assert!(apart(right.iris, truth.eyes[1]) < 0.04 * unit);
        assert!(apart(mesh.chin(), truth.chin) < 0.2 * unit);
        let [cheek_left, cheek_right] = mesh.cheeks();
        assert!(apart(cheek_left, truth.cheeks[0]) < 0.1 * unit);
        assert!(apart(cheek_right, truth.cheeks[1]) < 0.1 * unit);
    }
}

#[test]
fn the_pose_follows_the_head() {
    let models = models();
    let sit = Posing::default;
    for posing in [
        Posing { yaw: 20.0, ..sit() },
        Posing { yaw: -20.0, ..sit() },
        Posing { roll: 12.0, ..sit() },
        Posing { roll: -25.0, ..sit() },
        Posing { pitch: 12.0, ..sit() },
        Posing {
            pitch: -12.0,
            ..sit()
        },
    ] {
        let (mesh, truth) = measure(&models, &Student::default(), &posing);
        let pose = mesh.pose();
        assert!((pose.yaw - truth.pose.yaw).abs() < 6.0, "{pose:?} for {posing:?}");
        assert!(
            (pose.roll - truth.pose.roll).abs() < 3.0,
            "{pose:?} for {posing:?}"
        );
        // Seen from the front, raising the chin changes little; the mesh also takes its height from the camera's.
        assert!(
            (pose.pitch - truth.pose.pitch).abs() < 9.0,
            "{pose:?} for {posing:?}"
        );
    }
}

#[test]
fn shut_eyes_and_an_open_mouth_are_told_apart_from_a_calm_face() {
    let models = models();
    for student in students() {
        let calm = measure(&models, &student, &Posing::default()).0;
        assert!(
            calm.eye_openness().iter().all(|&open| open > 0.25),
            "{:?}",
            calm.eye_openness()
        );
        assert!(calm.mouth_openness() < 0.1);
        let shut = measure(
            &models,
            &student,
            &Posing {
                eyes: 0.0,
                ..Posing::default()
            },
        )
        .0;
        assert!(
            shut.eye_openness().iter().all(|&open| open < 0.18),
            "{:?}",
            shut.eye_openness()
        );
        let wide = measure(
            &models,
            &student,
            &Posing {
                mouth: 0.8,
                ..Posing::default()
            },
        )
        .0;
        assert!(wide.mouth_openness() > 0.3);
    }
}

#[test]
fn a_student_far_away_is_still_found() {
    let models = models();
    for student in students() {
        let (picture, truth) = seat(
            &student,
            &Posing {
                size: 0.5,
                ..Posing::default()
            },
        );
        for pace in [Pace::Live, Pace::Still] {
            let faces = models.faces(&picture, pace);
            assert_eq!(faces.len(), 1, "{student:?} {pace:?}");
            let [x, y] = faces[0].rect.centre();
            assert!(truth.face.contains((x, y)));
        }
    }
}

#[test]
fn the_empty_wall_has_no_face_and_two_students_have_two() {
    let models = models();
    let mut booth = Booth::new(BoothOptions {
        width: 960,
        height: 540,
        ..BoothOptions::default()
    });
    let wall = booth.frame(&Act::EmptyWall, 0);
    let two = booth.frame(&Act::TwoStudents, 0);
    for pace in [Pace::Live, Pace::Still] {
        assert!(models.faces(&wall, pace).is_empty());
        assert!(models.person(&wall, pace).pixels().all(|p| p[0] < 40));
        assert_eq!(models.faces(&two, pace).len(), 2);
    }
}

#[test]
fn following_comes_to_rest_where_a_careful_look_does() {
    let models = models();
    let (picture, truth) = seat(&Student::default(), &Posing::default());
    let face = models.faces(&picture, Pace::Live).remove(0);
    let mut mesh = models.mesh(&picture, &face, Pace::Live).unwrap();
    for _ in 0..3 {
        mesh = models.follow(&picture, &mesh, Pace::Live).unwrap();
    }
    let still = models.mesh(&picture, &face, Pace::Still).unwrap();
    let [x, y] = still.chin();
    assert!(apart(mesh.chin(), (x, y)) < 0.06 * truth.inter_eye());
}
