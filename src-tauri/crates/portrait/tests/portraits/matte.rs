//! What the matte promises, on rendered students of whom the true coverage is known.

use std::sync::OnceLock;

use image::{Rgb, RgbImage};
use portrait::{Matte, Method, matte};
use virtual_booth::{Booth, BoothOptions, Clothes, Hair, Posing, Skin, Student, Truth, Wall};

use crate::studio::models;

struct Sitting {
    photo: RgbImage,
    truth: Truth,
    plate: RgbImage,
}

fn sit(student: Student, wall: Wall) -> Sitting {
    let options = BoothOptions {
        student,
        wall,
        ..BoothOptions::default()
    };
    let (photo, truth) = Booth::still(&options, Some(&Posing::default()));
    let (plate, _) = Booth::still(
        &BoothOptions {
            noise: 1.1,
            ..options
        },
        None,
    );
    Sitting { photo, truth, plate }
}

/// A white shirt before a white wall: the hardest there is.
fn hardest() -> &'static Sitting {
    static SITTING: OnceLock<Sitting> = OnceLock::new();
    SITTING.get_or_init(|| {
        sit(
            Student {
                clothes: Clothes::WHITE_SHIRT,
                ..Student::default()
            },
            Wall::White,
        )
    })
}

/// Sum of |coverage - true coverage| in pixels, over the columns a standard cut can show.
fn off(matte: &Matte, truth: &Truth) -> f64 {
    let middle = f32::midpoint(truth.eyes[0].0, truth.eyes[1].0);
    let reach = 3.0 * truth.inter_eye();
    matte
        .alpha
        .enumerate_pixels()
        .filter(|(x, _, _)| (*x as f32 - middle).abs() < reach)
        .map(|(x, y, a)| f64::from(a.0[0].abs_diff(truth.alpha.get_pixel(x, y).0[0])) / 255.0)
        .sum()
}

#[test]
fn a_white_shirt_on_a_white_wall_keeps_its_shoulders_and_its_collar() {
    let Sitting { photo, truth, .. } = hardest();
    let got = matte(models(), photo, None);
    assert_eq!(got.method, Method::WallModel, "{:?}", got.notes);
    let off = off(&got, truth);
    assert!(off < 1200.0, "sum of absolute differences {off:.0} pixels");
    // The collar lies within one and a half inter-eye distances beside the neck, below the chin.
    let (unit, (cx, cy)) = (truth.inter_eye(), truth.chin);
    let (mut eaten, mut all) = (0, 0);
    for (x, y, a) in got.alpha.enumerate_pixels() {
        let near = (x as f32 - cx).abs() < 1.5 * unit && (0.0..1.5 * unit).contains(&(y as f32 - cy));
        if near && truth.alpha.get_pixel(x, y).0[0] == 255 {
            all += 1;
            eaten += u32::from(a.0[0] < 200);
        }
    }
    assert!(
        all > 10_000 && eaten * 100 < all,
        "{eaten} of {all} pixels of the collar are eaten"
    );
}

#[test]
fn a_plate_after_the_lamps_warmed_up_still_fits() {
    let Sitting { photo, truth, plate } = hardest();
    let mut dimmer = plate.clone();
    for p in dimmer.pixels_mut() {
        p.0 = [0.93, 0.94, 0.95]
            .iter()
            .zip(p.0)
            .map(|(gain, v)| (gain * f32::from(v)).round() as u8)
            .collect::<Vec<u8>>()
            .try_into()
            .unwrap();
    }
    let got = matte(models(), photo, Some(&dimmer));
    assert_eq!(
        (got.method, got.notes.len()),
        (Method::Plate, 0),
        "{:?}",
        got.notes
    );
    let off = off(&got, truth);
    assert!(off < 1200.0, "sum of absolute differences {off:.0} pixels");
}

#[test]
fn a_plate_moved_by_three_pixels_is_noticed_and_not_used() {
    let Sitting { photo, plate, .. } = hardest();
    let (w, h) = plate.dimensions();
    let moved = RgbImage::from_fn(w, h, |x, y| *plate.get_pixel(x.saturating_sub(3), y));
    let got = matte(models(), photo, Some(&moved));
    assert_eq!(got.method, Method::WallModel, "{:?}", got.notes);
    assert!(got.notes[0].contains("shifted"), "{:?}", got.notes);
}

#[test]
fn before_a_bookshelf_the_matte_does_without_a_wall_and_says_so() {
    let Sitting { photo, truth, .. } = hardest();
    let mut shelf = photo.clone();
    for (x, y, p) in shelf.enumerate_pixels_mut() {
        let a = f32::from(truth.alpha.get_pixel(x, y).0[0]) / 255.0;
        let book = [83, 47, 29].map(|k| ((x / 14 * k + y / 90 * 41) % 220) as f32);
        let mixed = [0, 1, 2].map(|c| (a * f32::from(p.0[c]) + (1.0 - a) * book[c]) as u8);
        *p = Rgb(mixed);
    }
    let got = matte(models(), &shelf, None);
    assert_eq!(got.method, Method::ColoursOnly);
    assert!(got.notes[0].contains("not a plain wall"), "{:?}", got.notes);
    let off = off(&got, truth);
    assert!(off < 2500.0, "sum of absolute differences {off:.0} pixels");
    let stray = stray(&got, truth);
    assert_eq!(stray, 0, "pixels a finger's breadth beside the student are kept");
}

/// Pixels kept, be they faint, whose surroundings to a finger's breadth (17 mm, 0.27 of the inter-eye distance) hold
/// nothing of the student.
fn stray(matte: &Matte, truth: &Truth) -> usize {
    let (w, h) = truth.alpha.dimensions();
    let finger = (0.27 * truth.inter_eye()) as u32;
    let person = |x: u32, y: u32| truth.alpha.get_pixel(x, y).0[0] > 0;
    matte
        .alpha
        .enumerate_pixels()
        .filter(|(_, _, a)| a.0[0] > 0)
        .filter(|&(x, y, _)| {
            let mut rows = y.saturating_sub(finger)..(y + finger).min(h);
            !person(x, y)
                && !rows.any(|v| (x.saturating_sub(finger)..(x + finger).min(w)).any(|u| person(u, v)))
        })
        .count()
}

#[test]
fn pale_and_dark_skin_are_cut_alike() {
    for skin in [Skin::Porcelain, Skin::Dark] {
        let student = Student {
            skin,
            glasses: true,
            ..Student::default()
        };
        let Sitting { photo, truth, .. } = sit(student, Wall::White);
        let off = off(&matte(models(), &photo, None), &truth);
        assert!(
            off < 300.0,
            "{skin:?}: sum of absolute differences {off:.0} pixels"
        );
    }
}

#[test]
fn a_frame_of_the_walls_own_colour_is_not_seen_through() {
    // A bald head with grey glasses before a grey wall.
    let options = BoothOptions {
        seed: 11,
        student: Student {
            hair: Hair::ALL[5],
            skin: Skin::ALL[1],
            ..Student::seeded(12)
        },
        wall: Wall::Grey,
        ..BoothOptions::default()
    };
    assert!(options.student.glasses);
    let (photo, truth) = Booth::still(&options, Some(&Posing::default()));
    let got = matte(models(), &photo, None);
    let (unit, [left, right]) = (truth.inter_eye(), truth.eyes);
    let (mut all, mut thin) = (0, 0);
    for (x, y, a) in got.alpha.enumerate_pixels() {
        let (fx, fy) = (x as f32, y as f32);
        let rims = (left.0 - 0.45 * unit..right.0 + 0.45 * unit).contains(&fx)
            && (left.1.min(right.1) - 0.3 * unit..left.1.max(right.1) + 0.4 * unit).contains(&fy);
        if rims && truth.alpha.get_pixel(x, y).0[0] == 255 {
            all += 1;
            thin += u32::from(a.0[0] < 250);
        }
    }
    assert!(all > 5_000 && thin == 0, "{thin} of {all} pixels show the wall");
}
