//! Students at the virtual booth: good ones get their photo, faults are named, and the photo is the capture and
//! nothing else.

use image::RgbImage;
use portrait::{CheckCode, Hint, Light, Original, Outcome, Tracker, check_file, guide, standardize};
use virtual_booth::{Act, Booth, BoothOptions, Hair, Posing, Skin, Student, Truth, Wall};

use crate::studio::{models, spec};

fn shoot(student: &Student, wall: Wall, act: &Act) -> (RgbImage, Truth) {
    let mut booth = Booth::new(BoothOptions {
        student: student.clone(),
        wall,
        ..BoothOptions::default()
    });
    (booth.frame(act, 3), booth.truth(act, 3))
}

fn develop(frame: &RgbImage) -> Outcome {
    standardize(
        models(),
        &Original::from_rgb(frame.clone()).unwrap(),
        &spec(),
        None,
    )
}

fn refused(act: &Act) -> Vec<CheckCode> {
    let (frame, _) = shoot(&Student::seeded(4), Wall::White, act);
    let outcome = develop(&frame);
    assert!(outcome.photo.is_none(), "{act:?} must not pass");
    outcome.report.refusals().map(|c| c.code).collect()
}

#[test]
fn a_student_who_sits_well_gets_the_photo_the_register_wants() {
    let (frame, truth) = shoot(&Student::seeded(4), Wall::White, &Act::Sit);
    let outcome = develop(&frame);
    let photo = outcome
        .photo
        .unwrap_or_else(|| panic!("{:?}", outcome.report.refusals().collect::<Vec<_>>()));
    let file = outcome.report.file.unwrap();
    assert_eq!((file.width, file.height, file.dpi), (480, 640, Some(300)));
    assert!(
        (30_720..=40_000).contains(&file.bytes) && file.quality >= Some(60),
        "{file:?}"
    );

    // Against the truth, in the finished picture.
    let (t, m) = (
        outcome.report.transform.unwrap(),
        outcome.report.geometry.unwrap(),
    );
    let down = |y: f32| t.scale * f64::from(y) + t.dy;
    assert!((m.crown - down(truth.crown_y)).abs() < 3.0, "{m:?}");
    assert!(
        (m.eyes - down(f32::midpoint(truth.eyes[0].1, truth.eyes[1].1))).abs() < 2.0,
        "{m:?}"
    );
    let cheeks = t.scale * f64::from(truth.cheeks[1].0 - truth.cheeks[0].0);
    assert!((m.face_width / cheeks - 1.0).abs() < 0.05, "{m:?} {cheeks}");

    // The gate at the other end agrees.
    let gate = check_file(&photo.jpeg, models(), &spec());
    assert!(gate.accepted, "{:?}", gate.refusals().collect::<Vec<_>>());
    assert_eq!(gate.result_sha256.as_deref(), Some(photo.sha256.as_str()));
}

#[test]
fn inside_the_person_the_photo_is_the_scaled_capture() {
    let (frame, truth) = shoot(&Student::seeded(4), Wall::White, &Act::Sit);
    let outcome = develop(&frame);
    let photo = outcome.photo.unwrap();
    let result = image::load_from_memory(&photo.jpeg).unwrap().into_rgb8();
    let t = outcome.report.transform.unwrap();
    let (mut off, mut mirrored, mut count) = (0u64, 0u64, 0u64);
    for y in (0..640).step_by(3) {
        for x in (0..480).step_by(3) {
            let [cx, cy] = t.invert([f64::from(x) + 0.5, f64::from(y) + 0.5]);
            let [mx, _] = t.invert([479.5 - f64::from(x), f64::from(y) + 0.5]);
            let inside = |x: f64| {
                truth
                    .alpha
                    .get_pixel_checked(x as u32, cy as u32)
                    .is_some_and(|p| p.0[0] == 255)
            };
            if cx < 0.0 || cy < 0.0 || mx < 0.0 || !inside(cx) || !inside(mx) {
                continue;
            }
            let seen = result.get_pixel(x, y).0;
            let diff = |x: f64| -> u64 {
                let from = frame.get_pixel(x as u32, cy as u32).0;
                seen.iter().zip(from).map(|(a, b)| u64::from(a.abs_diff(b))).sum()
            };
            off += diff(cx);
            mirrored += diff(mx);
            count += 3;
        }
    }
    assert!(count > 10_000);
    let (off, mirrored) = (off as f64 / count as f64, mirrored as f64 / count as f64);
    assert!(
        off < 6.0 && mirrored > 1.5 * off,
        "mean difference {off}, mirrored {mirrored}"
    );
}

#[test]
fn the_same_capture_gives_the_same_photo() {
    let (frame, _) = shoot(&Student::seeded(5), Wall::Grey, &Act::Sit);
    let (a, b) = (develop(&frame), develop(&frame));
    assert_eq!(a.report, b.report);
    assert_eq!(a.photo.unwrap().jpeg, b.photo.unwrap().jpeg);
}

#[test]
fn every_wall_is_replaced_and_no_strand_lost() {
    for wall in [Wall::White, Wall::Grey, Wall::Blue, Wall::Green] {
        let (frame, truth) = shoot(&Student::seeded(5), wall, &Act::Sit);
        let outcome = develop(&frame);
        assert!(
            outcome.report.accepted,
            "{wall:?}: {:?}",
            outcome.report.refusals().collect::<Vec<_>>()
        );
        let off: f64 = outcome
            .alpha
            .pixels()
            .zip(truth.alpha.pixels())
            .map(|(a, b)| f64::from(a.0[0].abs_diff(b.0[0])) / 255.0)
            .sum();
        // The outline is some 2000 pixels long.
        assert!(
            off < 900.0,
            "{wall:?}: sum of absolute differences {off:.0} pixels"
        );
    }
}

#[test]
fn faults_are_named() {
    assert_eq!(refused(&Act::SitTilted), [CheckCode::Tilted]);
    assert!(refused(&Act::SitTurned).contains(&CheckCode::Turned));
    assert!(refused(&Act::LookDown).contains(&CheckCode::Pitched));
    assert!(refused(&Act::SitFar).contains(&CheckCode::TooSmall));
    assert_eq!(refused(&Act::EyesClosed), [CheckCode::EyesClosed]);
    assert_eq!(refused(&Act::TooDark), [CheckCode::TooDark]);
    assert_eq!(refused(&Act::OverExposed), [CheckCode::OverExposed]);
    assert_eq!(refused(&Act::HalfShadow), [CheckCode::UnevenLight]);
    assert_eq!(refused(&Act::Blurred), [CheckCode::Blurred]);
    assert!(refused(&Act::TwoStudents).contains(&CheckCode::SeveralFaces));
    assert_eq!(refused(&Act::EmptyWall), [CheckCode::NoFace]);
}

#[test]
fn no_skin_is_called_dark_and_no_hair_impossible() {
    for skin in [Skin::Porcelain, Skin::Medium, Skin::Dark] {
        for hair in [Hair::Short, Hair::Long, Hair::Curly] {
            let student = Student {
                skin,
                hair,
                ..Student::seeded(4)
            };
            let (frame, _) = shoot(&student, Wall::White, &Act::Sit);
            let report = develop(&frame).report;
            assert!(
                report.accepted,
                "{skin:?} {hair:?}: {:?}",
                report.refusals().collect::<Vec<_>>()
            );
            for code in [CheckCode::TooDark, CheckCode::OverExposed, CheckCode::EyesClosed] {
                assert_eq!(
                    report.check(code).unwrap().light,
                    Light::Green,
                    "{skin:?} {hair:?} {code:?}"
                );
            }
        }
    }
}

#[test]
fn framing_says_one_thing_at_a_time_and_ends_with_good() {
    let spec = spec();
    let mut booth = Booth::new(BoothOptions {
        student: Student::seeded(4),
        wall: Wall::White,
        ..BoothOptions::default()
    });
    let mut tracker = Tracker::default();
    let mut last = |booth: &mut Booth, act: &Act| {
        let mut seen = None;
        for n in 0..20 {
            seen = Some(guide(models(), &booth.frame(act, n), &spec, &mut tracker));
        }
        seen.unwrap()
    };
    assert_eq!(last(&mut booth, &Act::EmptyWall).hint, Hint::NoFace);
    assert_eq!(last(&mut booth, &Act::SitFar).hint, Hint::Closer);
    assert_eq!(last(&mut booth, &Act::SitClose).hint, Hint::Further);
    // Crown to the picture's right: the way back is to the left.
    assert_eq!(last(&mut booth, &Act::SitTilted).hint, Hint::TiltLeft);
    assert_eq!(last(&mut booth, &Act::SitTurned).hint, Hint::TurnLeft);
    assert_eq!(last(&mut booth, &Act::LookUp).hint, Hint::ChinDown);
    assert_eq!(last(&mut booth, &Act::LookDown).hint, Hint::ChinUp);
    assert_eq!(last(&mut booth, &Act::EyesClosed).hint, Hint::OpenEyes);
    assert_eq!(last(&mut booth, &Act::MouthOpen).hint, Hint::CloseMouth);
    assert_eq!(last(&mut booth, &Act::TooDark).hint, Hint::TooDark);
    assert_eq!(last(&mut booth, &Act::OverExposed).hint, Hint::TooBright);
    assert_eq!(last(&mut booth, &Act::HalfShadow).hint, Hint::UnevenLight);
    let far_left = Act::Posed(Posing {
        shift: [-6.0, 0.0],
        ..Posing::default()
    });
    assert_eq!(last(&mut booth, &far_left).hint, Hint::Right);
    let good = last(&mut booth, &Act::Sit);
    assert_eq!(good.hint, Hint::Good, "{good:?}");
    assert!(good.ready);

    // The cut that was shown is the cut of the photo.
    let photo = develop(&booth.frame(&Act::Sit, 19));
    let t = photo.report.transform.unwrap();
    let [x, y] = t.invert([0.0, 0.0]);
    let width = 480.0 / t.scale;
    assert!(
        (f64::from(good.crop.x) - x).abs() < 0.04 * width,
        "{:?} {x} {width}",
        good.crop
    );
    assert!(
        (f64::from(good.crop.y) - y).abs() < 0.04 * width,
        "{:?} {y}",
        good.crop
    );
    assert!((f64::from(good.crop.width) - width).abs() < 0.06 * width);
}

#[test]
fn an_empty_wall_picture_helps_where_it_fits_and_is_not_trusted_where_it_does_not() {
    let student = Student::seeded(5);
    let mut booth = Booth::new(BoothOptions {
        student,
        wall: Wall::Grey,
        ..BoothOptions::default()
    });
    let (plate, frame) = (booth.frame(&Act::EmptyWall, 1), booth.frame(&Act::Sit, 3));
    let original = Original::from_rgb(frame).unwrap();
    let with = standardize(models(), &original, &spec(), Some(&plate));
    assert_eq!(with.report.matte.unwrap().method, "plate");

    let elsewhere = RgbImage::from_fn(plate.width(), plate.height(), |x, y| {
        if (x / 40 + y / 40) % 2 == 0 {
            image::Rgb([40, 60, 50])
        } else {
            image::Rgb([220, 210, 230])
        }
    });
    let without = standardize(models(), &original, &spec(), Some(&elsewhere));
    let matte = without.report.matte.unwrap();
    assert_eq!(matte.method, "wall-model");
    assert!(matte.notes[0].contains("does not fit"), "{:?}", matte.notes);
}
