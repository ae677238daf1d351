//! Light, sharpness, colour, clothes and pictures of pictures: each fault is named, and proper students of every skin
//! pass.

use std::sync::OnceLock;

use image::RgbImage;
use portrait::{CheckCode, Light, Original, Outcome, check_file, standardize};
use virtual_booth::spoil::{self, Display};
use virtual_booth::{Booth, BoothOptions, Clothes, Garment, Hair, Posing, Skin, Student, Truth, Wall};

use crate::studio::{models, spec};

fn shoot(student: Student, posing: &Posing) -> (RgbImage, Truth) {
    let options = BoothOptions {
        student,
        wall: Wall::Grey,
        ..BoothOptions::default()
    };
    Booth::still(&options, Some(posing))
}

/// One proper student, rendered once, for all faults that are made of the finished picture.
fn proper() -> &'static (RgbImage, Truth) {
    static PROPER: OnceLock<(RgbImage, Truth)> = OnceLock::new();
    PROPER.get_or_init(|| shoot(Student::seeded(4), &Posing::default()))
}

fn develop(frame: RgbImage) -> Outcome {
    standardize(models(), &Original::from_rgb(frame).unwrap(), &spec(), None)
}

fn light_of(outcome: &Outcome, code: CheckCode) -> Light {
    outcome.report.check(code).unwrap().light
}

/// The points this file is about.
const POINTS: [CheckCode; 14] = [
    CheckCode::TooDark,
    CheckCode::OverExposed,
    CheckCode::Shine,
    CheckCode::UnevenLight,
    CheckCode::Blurred,
    CheckCode::MotionBlur,
    CheckCode::Colour,
    CheckCode::Smoothed,
    CheckCode::Clothes,
    CheckCode::ClothesPattern,
    CheckCode::Neckline,
    CheckCode::Shoulders,
    CheckCode::Halo,
    CheckCode::Recapture,
];

#[test]
fn proper_students_of_every_skin_pass_every_point() {
    for (skin, hair, glasses) in [
        (Skin::Porcelain, Hair::Long, false),
        (Skin::Medium, Hair::Short, true),
        (Skin::Dark, Hair::Bob, true),
    ] {
        let student = Student {
            skin,
            hair,
            glasses,
            ..Student::seeded(7)
        };
        let outcome = develop(shoot(student, &Posing::default()).0);
        for code in POINTS {
            let check = outcome.report.check(code).unwrap();
            assert_eq!(
                check.light,
                Light::Green,
                "{skin:?} {hair:?} {glasses}: {check:?}"
            );
        }
    }
}

#[test]
fn light_that_is_not_as_it_should_be_is_told_in_every_skin() {
    use virtual_booth::Light as Lamps;
    for (skin, light, code, least) in [
        (Skin::Porcelain, Lamps::Dark, CheckCode::TooDark, Light::Red),
        (
            Skin::Porcelain,
            Lamps::OverExposed,
            CheckCode::OverExposed,
            Light::Red,
        ),
        (
            Skin::Dark,
            Lamps::OverExposed,
            CheckCode::OverExposed,
            Light::Amber,
        ),
        (Skin::Dark, Lamps::Dim, CheckCode::TooDark, Light::Amber),
        (Skin::Dark, Lamps::Sided, CheckCode::UnevenLight, Light::Amber),
        (Skin::Dark, Lamps::HalfShadow, CheckCode::UnevenLight, Light::Red),
    ] {
        let student = Student {
            skin,
            ..Student::seeded(4)
        };
        let posing = Posing {
            light,
            ..Posing::default()
        };
        let outcome = develop(shoot(student, &posing).0);
        let found = light_of(&outcome, code);
        assert!(
            found == least || found == Light::Red,
            "{skin:?} {light:?}: {found:?}"
        );
    }
}

#[test]
fn movement_is_told_apart_from_a_lens_out_of_focus() {
    for (degrees, least) in [(0.0, Light::Red), (45.0, Light::Amber), (90.0, Light::Red)] {
        let outcome = develop(spoil::smeared(&proper().0, 9.0, degrees));
        let found = light_of(&outcome, CheckCode::MotionBlur);
        assert!(found == least || found == Light::Red, "{degrees} {found:?}");
    }
    let posing = Posing {
        defocus: 3.4,
        ..Posing::default()
    };
    for skin in [Skin::Light, Skin::Dark] {
        let student = Student {
            skin,
            ..Student::seeded(4)
        };
        let outcome = develop(shoot(student, &posing).0);
        assert_eq!(light_of(&outcome, CheckCode::Blurred), Light::Red, "{skin:?}");
        assert_eq!(
            light_of(&outcome, CheckCode::MotionBlur),
            Light::Green,
            "{skin:?}"
        );
    }
}

#[test]
fn filters_and_beautifiers_are_told() {
    let (photo, truth) = proper();
    let of = |picture, code| light_of(&develop(picture), code);
    assert_eq!(of(spoil::paled(photo, 1.0), CheckCode::Colour), Light::Red);
    assert_eq!(
        of(spoil::tinted(photo, [0.6, 1.0, 1.6]), CheckCode::Colour),
        Light::Red
    );
    assert_eq!(
        of(spoil::tinted(photo, [1.5, 1.0, 0.4]), CheckCode::Colour),
        Light::Red
    );
    let middle = (
        truth.face.x + truth.face.width / 2.0,
        truth.face.y + truth.face.height / 2.0,
    );
    let smooth = spoil::beautified(photo, middle, truth.face.height * 0.7, 3);
    assert_eq!(of(smooth, CheckCode::Smoothed), Light::Amber);
    let unit = truth.inter_eye();
    let spots = [
        (middle.0, middle.1 + 0.1 * unit, 0.14 * unit),
        (middle.0, truth.eyes[0].1 - 0.65 * unit, 0.35 * unit),
        (
            truth.eyes[0].0 - 0.1 * unit,
            truth.eyes[0].1 + 0.6 * unit,
            0.2 * unit,
        ),
    ];
    assert_ne!(
        of(spoil::shiny(photo, &spots, 0.8), CheckCode::Shine),
        Light::Green
    );
}

#[test]
fn a_picture_of_a_picture_is_refused() {
    let photo = &proper().0;
    for display in [
        Display::default(),
        Display {
            magnification: 0.8,
            blur: 0.8,
            turn: 2.0,
            ..Display::default()
        },
        Display {
            magnification: 2.2,
            blur: 1.6,
            turn: -3.0,
            ..Display::default()
        },
    ] {
        let outcome = develop(spoil::on_screen(photo, display));
        assert_eq!(
            light_of(&outcome, CheckCode::Recapture),
            Light::Red,
            "{display:?}"
        );
    }
    for (degrees, frame) in [(3.0, [235, 235, 230]), (-6.0, [20, 20, 22])] {
        let outcome = develop(spoil::held_up(photo, 0.8, degrees, 9.0, frame, [150, 146, 140]));
        assert_eq!(light_of(&outcome, CheckCode::Recapture), Light::Red, "{degrees}");
    }
}

#[test]
fn clothes_and_shoulders_that_review_would_refuse_are_told() {
    let in_clothes = |garment, colour, stripes| {
        let student = Student {
            hair: Hair::Short,
            clothes: Clothes {
                garment,
                colour,
                stripes,
            },
            ..Student::seeded(4)
        };
        develop(shoot(student, &Posing::default()).0)
    };
    let dark = [0.05, 0.07, 0.12];
    let striped = in_clothes(Garment::Shirt, dark, true);
    assert_eq!(light_of(&striped, CheckCode::ClothesPattern), Light::Red);
    let blue = in_clothes(Garment::Tee, [0.127, 0.558, 0.95], false);
    assert_eq!(light_of(&blue, CheckCode::Clothes), Light::Red);
    let straps = in_clothes(Garment::Straps, dark, false);
    assert_eq!(light_of(&straps, CheckCode::Neckline), Light::Amber);
    let high = in_clothes(Garment::HighNeck, dark, false);
    assert_eq!(light_of(&high, CheckCode::Neckline), Light::ForReviewer);

    let (photo, truth) = proper();
    let below = truth.chin.1 + 0.3 * truth.inter_eye();
    let dropped = develop(spoil::dropped_shoulder(photo, below, -8.0));
    let check = dropped.report.check(CheckCode::Shoulders).unwrap();
    assert_eq!(check.light, Light::Amber);
    assert!(check.en.contains("right shoulder"), "{check:?}");
}

#[test]
fn a_finished_file_with_a_rim_of_the_old_wall_is_refused() {
    let (photo, _) = shoot(Student::seeded(5), &Posing::default());
    let outcome = develop(photo.clone());
    let clean = check_file(&outcome.photo.unwrap().jpeg, models(), &spec());
    assert_eq!(clean.check(CheckCode::Halo).unwrap().light, Light::Green);

    // The way careless programs do it: whatever is partly person is kept as it was.
    let t = outcome.report.transform.unwrap();
    let mut cut = RgbImage::from_pixel(480, 640, image::Rgb(spec().background));
    for (x, y, pixel) in cut.enumerate_pixels_mut() {
        let [cx, cy] = t
            .invert([f64::from(x) + 0.5, f64::from(y) + 0.5])
            .map(|v| v as i64);
        let near = (-2..=2).any(|dy| {
            (-2..=2).any(|dx| {
                let (x, y) = (cx + dx, cy + dy);
                x >= 0
                    && y >= 0
                    && outcome
                        .alpha
                        .get_pixel_checked(x as u32, y as u32)
                        .is_some_and(|p| p.0[0] > 40)
            })
        });
        if near {
            *pixel = *photo.get_pixel(cx.clamp(0, 1279) as u32, cy.clamp(0, 719) as u32);
        }
    }
    let mut file = std::io::Cursor::new(Vec::new());
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 92)
        .encode_image(&cut)
        .unwrap();
    let careless = check_file(file.get_ref(), models(), &spec());
    let halo = careless.check(CheckCode::Halo).unwrap();
    assert_ne!(halo.light, Light::Green, "{halo:?}");
}
