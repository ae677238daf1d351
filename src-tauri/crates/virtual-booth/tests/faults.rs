//! What the rule about the face forbids: each fault is in the picture where it belongs, and only there.

use image::RgbImage;
use virtual_booth::{Booth, BoothOptions, Covering, Frame, Hair, Headwear, Posing, Student, Truth};

fn student() -> Student {
    Student {
        hair: Hair::Long,
        ..Student::seeded(4)
    }
}

fn shoot(student: Student, posing: &Posing) -> (RgbImage, Truth) {
    let options = BoothOptions {
        width: 480,
        height: 270,
        noise: 0.0,
        student,
        ..BoothOptions::default()
    };
    Booth::still(&options, Some(posing))
}

/// Mean colour about a place given in inter-eye distances from the middle between the eyes, right and down.
fn colour((picture, truth): &(RgbImage, Truth), [u, v]: [f32; 2]) -> [f32; 3] {
    let unit = 96.0 * 270.0 / 720.0;
    let (x, y) = (240.0 + u * unit, truth.eyes[0].1 + v * unit);
    let mut sum = [0.0; 3];
    for dy in -1..=1 {
        for dx in -1..=1 {
            let pixel = picture
                .get_pixel((x as i32 + dx) as u32, (y as i32 + dy) as u32)
                .0;
            (0..3).for_each(|k| sum[k] += f32::from(pixel[k]) / 9.0);
        }
    }
    sum
}

fn alike(a: [f32; 3], b: [f32; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.01)
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[test]
fn eyes_that_look_aside_have_their_pupils_there_and_the_truth_knows() {
    let ahead = shoot(student(), &Posing::default());
    let aside = shoot(
        student(),
        &Posing {
            gaze: [25.0, 0.0],
            ..Posing::default()
        },
    );
    assert_eq!((ahead.1.gaze, aside.1.gaze), ([0.0, 0.0], [25.0, 0.0]));
    for k in 0..2 {
        let moved = (aside.1.eyes[k].0 - ahead.1.eyes[k].0) / 36.0;
        assert!(
            (0.08..0.12).contains(&moved),
            "sin 25° of the eyeball's radius, not {moved}"
        );
        // The white of the eye is where the pupil's far side was.
        let u = [-0.5, 0.5][k] - 0.1;
        assert!(luma(colour(&aside, [u, 0.0])) > luma(colour(&ahead, [u, 0.0])) + 15.0);
    }
}

#[test]
fn a_flash_makes_the_pupils_red_and_nothing_else() {
    let flash = shoot(
        student(),
        &Posing {
            red_eyes: 1.0,
            ..Posing::default()
        },
    );
    let calm = shoot(student(), &Posing::default());
    let [red, green, _] = colour(&flash, [0.5, 0.0]);
    assert!(red > green + 60.0, "{red} {green}");
    assert!(alike(colour(&flash, [0.0, 0.5]), colour(&calm, [0.0, 0.5])));
}

#[test]
fn a_tinted_lens_darkens_what_is_behind_it_and_a_slipped_frame_crosses_the_eyes() {
    let worn = |frame, tint| {
        let student = Student {
            glasses: true,
            frame,
            tint,
            ..student()
        };
        shoot(student, &Posing::default())
    };
    let clear = worn(Frame::Thin, [1.0; 3]);
    let tinted = worn(Frame::Thin, [0.3; 3]);
    let (behind, beside) = ([0.5, 0.18], [0.5, 0.6]);
    assert!(luma(colour(&tinted, behind)) < 0.75 * luma(colour(&clear, behind)));
    assert!(alike(colour(&tinted, beside), colour(&clear, beside)));
    let slipped = worn(Frame::Slipped, [1.0; 3]);
    let above = [0.72, 0.0];
    assert!(luma(colour(&slipped, above)) < 0.75 * luma(colour(&clear, above)));
}

#[test]
fn a_fringe_hangs_as_low_as_asked_and_hair_behind_the_ears_frees_them() {
    let free = shoot(student(), &Posing::default());
    let low = Student {
        fringe: Some(0.1),
        ..student()
    };
    let hung = shoot(low, &Posing::default());
    assert!(luma(colour(&hung, [0.3, -0.2])) < 0.6 * luma(colour(&free, [0.3, -0.2])));
    assert!(alike(colour(&hung, [0.0, 0.9]), colour(&free, [0.0, 0.9])));
    let tucked = Student {
        tucked: true,
        ..student()
    };
    let tucked = shoot(tucked, &Posing::default());
    for side in [-1.0, 1.0] {
        let ear = [side * 1.14, 0.2];
        assert!(luma(colour(&tucked, ear)) > luma(colour(&free, ear)) + 40.0);
    }
}

#[test]
fn a_covering_lies_where_the_hair_was() {
    for kind in Covering::ALL {
        let colour_of = [0.05, 0.08, 0.25];
        let covered = Student {
            headwear: Some(Headwear {
                kind,
                colour: colour_of,
            }),
            ..student()
        };
        let worn = shoot(covered, &Posing::default());
        let [r, _, b] = colour(&worn, [0.0, -1.4]);
        assert!(
            b > r + 30.0,
            "{kind:?}: blue cloth above the forehead, not {r} {b}"
        );
        let [r, _, b] = colour(&worn, [0.3, 0.5]);
        assert!(r > b + 20.0, "{kind:?}: a cheek is skin, not {r} {b}");
    }
}
