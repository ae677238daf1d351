//! The booth as its users meet it: the same student every time, and a truth that fits the picture.

use virtual_booth::{Act, Booth, BoothOptions, Clothes, Hair, Posing, Student, Truth, Wall};

fn small() -> BoothOptions {
    BoothOptions {
        width: 480,
        height: 270,
        ..BoothOptions::default()
    }
}

fn alpha_at(truth: &Truth, (x, y): (f32, f32)) -> u8 {
    truth.alpha.get_pixel(x as u32, y as u32).0[0]
}

#[test]
fn the_same_student_comes_out_the_same_on_one_thread_and_on_many() {
    let shoot = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut booth = Booth::new(small());
            (
                booth.frame(&Act::Sit, 0),
                booth.frame(&Act::Sit, 31),
                booth.truth(&Act::Sit, 31).alpha,
            )
        })
    };
    let (first, later, alpha) = shoot(1);
    assert_eq!((first.clone(), later.clone(), alpha), shoot(3));
    assert_ne!(first, later, "noise and sway tell two frames apart");
}

#[test]
fn a_frame_does_not_depend_on_what_was_asked_before() {
    let mut fresh = Booth::new(small());
    let mut used = Booth::new(small());
    for n in 0..5 {
        used.frame(&Act::EmptyWall, n);
    }
    used.frame(&Act::EyesClosed, 3);
    assert_eq!(fresh.frame(&Act::Sit, 9), used.frame(&Act::Sit, 9));
}

#[test]
fn frames_have_the_asked_size() {
    for (width, height) in [(1280, 720), (1920, 1080), (640, 480)] {
        let mut booth = Booth::new(BoothOptions {
            width,
            height,
            ..BoothOptions::default()
        });
        assert_eq!(booth.frame(&Act::EmptyWall, 0).dimensions(), (width, height));
        assert_eq!(
            booth.truth(&Act::EmptyWall, 0).alpha.dimensions(),
            (width, height)
        );
    }
    let mut booth = Booth::new(BoothOptions {
        width: 1920,
        height: 1080,
        ..BoothOptions::default()
    });
    assert_eq!(booth.frame(&Act::Sit, 0).dimensions(), (1920, 1080));
}

#[test]
fn nobody_stands_before_the_empty_wall() {
    let mut booth = Booth::new(small());
    let truth = booth.truth(&Act::EmptyWall, 0);
    assert!(!truth.has_person);
    assert!(truth.alpha.iter().all(|a| *a == 0));
    assert!(truth.crown_y.is_nan() && truth.inter_eye().is_nan());
}

#[test]
fn every_act_looks_different() {
    let mut booth = Booth::new(BoothOptions {
        noise: 0.0,
        ..small()
    });
    let mut seen = Vec::new();
    let code = Act::ShowCode("CHSI1:demo".into());
    for act in Act::ALL.iter().chain([&code]) {
        let frame = booth.frame(act, 0);
        assert!(!seen.contains(&frame), "{act:?} looks like another act");
        seen.push(frame);
    }
}

#[test]
fn the_truth_fits_the_picture_for_every_cut() {
    for (i, hair) in Hair::ALL.into_iter().enumerate() {
        let student = Student {
            seed: 40 + i as u64,
            hair,
            ..Student::default()
        };
        let options = BoothOptions {
            student,
            noise: 0.0,
            ..small()
        };
        let (_, truth) = Booth::still(&options, Some(&Posing::default()));
        let unit = truth.inter_eye();
        assert!(truth.has_person && truth.eyes[0].0 < truth.eyes[1].0, "{hair:?}");
        for eye in truth.eyes {
            assert!(truth.face.contains(eye), "{hair:?}: an eye outside the face");
            assert_eq!(alpha_at(&truth, eye), 255, "{hair:?}: a hole in an eye");
        }
        let width = (truth.cheeks[1].0 - truth.cheeks[0].0) / unit;
        assert!(
            (2.11..=2.27).contains(&width),
            "{hair:?}: cheek width {width} inter-eye distances, want 2.19 ± 0.08"
        );
        let middle = (truth.eyes[0].0 + truth.eyes[1].0) * 0.5;
        let share = (truth.eyes[0].1 - truth.crown_y) / (truth.chin.1 - truth.crown_y);
        let tall = matches!(hair, Hair::Bun | Hair::Curly);
        assert!(
            tall || (0.44..=0.56).contains(&share),
            "{hair:?}: the eyes at {share} of the head's height"
        );
        assert_eq!(
            alpha_at(&truth, (middle, truth.crown_y + 0.15 * unit)),
            255,
            "{hair:?}: below the crown"
        );
        assert_eq!(
            alpha_at(&truth, (middle, truth.crown_y - 0.6 * unit)),
            0,
            "{hair:?}: above the crown"
        );
        assert_eq!(alpha_at(&truth, (4.0, 4.0)), 0, "{hair:?}: the far wall");
        assert_eq!(
            alpha_at(&truth, (truth.chin.0, truth.chin.1 + 0.3 * unit)),
            255,
            "{hair:?}: the neck"
        );
    }
}

#[test]
fn outlines_have_every_share_of_coverage() {
    let (_, truth) = Booth::still(&small(), Some(&Posing::default()));
    let mut levels: Vec<u8> = truth.alpha.iter().copied().collect();
    levels.sort_unstable();
    levels.dedup();
    assert!(levels.len() > 40, "only {} different shares", levels.len());
}

#[test]
fn picture_and_alpha_belong_together() {
    // Where the alpha says wall, the picture is the empty wall; where it says person, it is not a mixture.
    let options = BoothOptions {
        wall: Wall::Green,
        noise: 0.0,
        shadow: 0.0,
        ..small()
    };
    let (wall, _) = Booth::still(&options, None);
    let (picture, truth) = Booth::still(&options, Some(&Posing::default()));
    for (x, y, alpha) in truth.alpha.enumerate_pixels() {
        let (seen, behind) = (picture.get_pixel(x, y).0, wall.get_pixel(x, y).0);
        if alpha.0[0] == 0 {
            assert_eq!(seen, behind, "({x}, {y}) is wall");
        } else if alpha.0[0] == 255 {
            assert!(
                seen[1] < seen[0].saturating_add(40),
                "({x}, {y}) is person, but as green as the wall: {seen:?}"
            );
        }
    }
}

#[test]
fn a_sitting_student_fits_the_standard_crop() {
    // 480x640: crown 50-110 and eyes 200-300 below the top edge, cheek width 180-300 (教毕指〔2017〕99号).
    let mut booth = Booth::new(BoothOptions::default());
    for n in [0, 8, 30] {
        let truth = booth.truth(&Act::Sit, n);
        let width = truth.cheeks[1].0 - truth.cheeks[0].0;
        let middle = (truth.cheeks[0].0 + truth.cheeks[1].0) * 0.5;
        let eyes = (truth.eyes[0].1 + truth.eyes[1].1) * 0.5;
        let fits = (880..=1150).any(|permille| {
            let scale = permille as f32 / 1000.0;
            let (w, h) = (480.0 / scale, 640.0 / scale);
            (50..=110).any(|crown| {
                let top = truth.crown_y - crown as f32 / scale;
                let eyes = (eyes - top) * scale;
                let inside =
                    top >= 0.0 && top + h <= 720.0 && middle >= w * 0.5 && middle + w * 0.5 <= 1280.0;
                inside && (200.0..=300.0).contains(&eyes) && (180.0..=300.0).contains(&(width * scale))
            })
        });
        assert!(
            fits,
            "frame {n}: no crop fits {truth:?}",
            truth = (truth.crown_y, truth.eyes, truth.cheeks)
        );
    }
}

#[test]
fn pose_moves_the_truth_the_way_it_says() {
    let still = |posing: Posing| Booth::still(&small(), Some(&posing)).1;
    let tilted = still(Posing {
        roll: 10.0,
        ..Posing::default()
    });
    let line = (tilted.eyes[1].1 - tilted.eyes[0].1).atan2(tilted.eyes[1].0 - tilted.eyes[0].0);
    assert!(
        (line.to_degrees() - 10.0).abs() < 0.6,
        "the eyes' line leans by {}",
        line.to_degrees()
    );
    let sit = still(Posing::default());
    let turned = still(Posing {
        yaw: 20.0,
        ..Posing::default()
    });
    let middle = |t: &Truth| (t.cheeks[0].0 + t.cheeks[1].0) * 0.5;
    let off = |t: &Truth| (t.eyes[0].0 + t.eyes[1].0) * 0.5 - middle(t);
    assert!(
        off(&turned) > off(&sit) + 3.0,
        "a face turned right shows its eyes right of its middle"
    );
    let near = still(Posing {
        size: 1.5,
        ..Posing::default()
    });
    assert!((near.inter_eye() / sit.inter_eye() - 1.5).abs() < 0.02);
    let up = still(Posing {
        pitch: 15.0,
        ..Posing::default()
    });
    assert!(
        up.eyes[0].1 < sit.eyes[0].1 - 2.0,
        "a raised chin raises the eyes"
    );
}

#[test]
fn the_student_blinks_and_the_truth_knows() {
    let mut booth = Booth::new(BoothOptions {
        noise: 0.0,
        ..small()
    });
    let shut: Vec<u64> = (0..150)
        .filter(|n| booth.truth(&Act::Sit, *n).eyes_open < 0.5)
        .collect();
    assert_eq!(
        shut.len(),
        6,
        "two blinks of three frames in five seconds: {shut:?}"
    );
    let open = (0..150)
        .find(|n| !shut.contains(n) && n / 7 % 8 == shut[0] / 7 % 8)
        .unwrap();
    let eye = booth.truth(&Act::Sit, open).eyes[0];
    let at = (eye.0 as u32, eye.1 as u32);
    let (lid, pupil) = (booth.frame(&Act::Sit, shut[0]), booth.frame(&Act::Sit, open));
    let light = |p: &image::Rgb<u8>| p.0.iter().map(|v| u32::from(*v)).sum::<u32>();
    assert!(
        light(lid.get_pixel(at.0, at.1)) != light(pupil.get_pixel(at.0, at.1)),
        "a lid over the pupil"
    );
}

#[test]
fn light_changes_the_picture_as_named() {
    let mut booth = Booth::new(BoothOptions {
        alive: false,
        ..small()
    });
    let mut mean = |act: &Act, left: bool| {
        let (picture, truth) = (booth.frame(act, 0), booth.truth(act, 0));
        let cheek = truth.cheeks[usize::from(!left)];
        let x = truth.chin.0 * 0.45 + cheek.0 * 0.55;
        f32::from(
            picture
                .get_pixel(x as u32, (truth.eyes[0].1 + truth.inter_eye() * 0.5) as u32)
                .0[1],
        )
    };
    assert!((mean(&Act::Sit, true) - mean(&Act::Sit, false)).abs() < 25.0);
    assert!(
        mean(&Act::HalfShadow, true) > mean(&Act::HalfShadow, false) * 1.5,
        "阴阳脸"
    );
    assert!(mean(&Act::TooDark, true) < mean(&Act::Sit, true) * 0.6);
    assert!(mean(&Act::OverExposed, true) > 220.0);
}

#[test]
fn seeded_students_are_different_people() {
    let people: Vec<Student> = (0..12).map(Student::seeded).collect();
    assert_eq!(people, (0..12).map(Student::seeded).collect::<Vec<_>>());
    assert!(people.iter().any(|p| p.glasses) && people.iter().any(|p| !p.glasses));
    let mut cuts: Vec<String> = people.iter().map(|p| format!("{:?}", p.hair)).collect();
    cuts.sort();
    cuts.dedup();
    assert!(cuts.len() >= 3);
}

#[test]
fn a_code_too_long_for_a_qr_leaves_the_screen_white_and_odd_sizes_are_brought_into_range() {
    let mut booth = Booth::new(BoothOptions {
        width: 1,
        height: 99_999,
        ..BoothOptions::default()
    });
    assert_eq!(booth.frame(&Act::EmptyWall, 0).dimensions(), (160, 4096));
    let mut booth = Booth::new(small());
    booth.frame(&Act::ShowCode("x".repeat(9000)), 0);
}

#[test]
fn a_white_shirt_in_front_of_a_white_wall_is_person() {
    let student = Student {
        clothes: Clothes::WHITE_SHIRT,
        ..Student::default()
    };
    let (_, truth) = Booth::still(&BoothOptions { student, ..small() }, Some(&Posing::default()));
    assert_eq!(alpha_at(&truth, (truth.chin.0, 268.0)), 255);
}
