//! What the rule about the face forbids is named, and what it allows is not accused.

use portrait::{CheckCode, Light, Original, Report, standardize};
use virtual_booth::{
    Booth, BoothOptions, Covering, Frame, Hair, HairColour, Headwear, Posing, Skin, Student, Wall,
};

use crate::studio::{models, spec};

/// The report of one picture of 960x540: half the cost of the booth's own size.
fn judged(student: Student, posing: &Posing) -> Report {
    let options = BoothOptions {
        width: 960,
        height: 540,
        wall: Wall::Grey,
        student,
        ..BoothOptions::default()
    };
    let (picture, _) = Booth::still(&options, Some(posing));
    standardize(models(), &Original::from_rgb(picture).unwrap(), &spec(), None).report
}

fn light(report: &Report, code: CheckCode) -> Light {
    let check = report.check(code).unwrap_or_else(|| panic!("no {code:?}"));
    assert!(
        !check.rule.is_empty() && !check.source.is_empty() && !check.zh.is_empty() && !check.en.is_empty(),
        "{check:?}"
    );
    check.light
}

fn sit() -> Posing {
    Posing::default()
}

fn student() -> Student {
    Student {
        hair: Hair::Short,
        glasses: false,
        ..Student::seeded(4)
    }
}

const FACE: [CheckCode; 9] = [
    CheckCode::EyesVisible,
    CheckCode::Gaze,
    CheckCode::RedEyes,
    CheckCode::Teeth,
    CheckCode::TintedLenses,
    CheckCode::LensGlare,
    CheckCode::HairOverFace,
    CheckCode::HeadCovering,
    CheckCode::EyesClosed,
];

#[test]
fn good_students_of_every_kind_are_not_accused() {
    for (skin, hair, glasses) in [
        (Skin::Light, Hair::Short, false),
        (Skin::Dark, Hair::Bun, true),
        (Skin::Porcelain, Hair::Bob, true),
        (Skin::Brown, Hair::Bald, false),
    ] {
        let good = Student {
            skin,
            hair,
            glasses,
            hair_colour: HairColour::Black,
            ..Student::seeded(6)
        };
        let report = judged(good, &sit());
        for code in FACE {
            let check = report.check(code).unwrap();
            let fair = check.light == Light::Green
                || glasses && skin == Skin::Dark && check.light == Light::ForReviewer;
            assert!(fair, "{skin:?} {hair:?} {glasses}: {check:?}");
        }
        if hair == Hair::Short {
            assert_eq!(
                light(&report, CheckCode::Ears),
                Light::Green,
                "short hair, free ears"
            );
        }
        let frame = light(&report, CheckCode::Glasses);
        assert_eq!(
            frame == Light::ForReviewer,
            glasses,
            "a frame is seen where one is worn"
        );
    }
}

#[test]
fn eyes_that_look_aside_and_red_ones_are_refused() {
    for way in [18.0, -18.0] {
        let aside = Posing {
            gaze: [way, 0.0],
            ..sit()
        };
        assert_eq!(
            light(&judged(student(), &aside), CheckCode::Gaze),
            Light::Red,
            "{way}"
        );
    }
    let flash = Posing {
        red_eyes: 0.8,
        ..sit()
    };
    let report = judged(student(), &flash);
    assert_eq!(light(&report, CheckCode::RedEyes), Light::Red);
    assert_eq!(light(&report, CheckCode::Gaze), Light::Green);
}

#[test]
fn teeth_are_refused_on_light_and_on_dark_skin() {
    for skin in [Skin::Light, Skin::Dark] {
        let smiling = Student { skin, ..student() };
        let report = judged(smiling, &Posing { mouth: 0.3, ..sit() });
        assert_eq!(light(&report, CheckCode::Teeth), Light::Red, "{skin:?}");
    }
}

#[test]
fn tinted_lenses_and_glare_are_refused_and_a_heavy_frame_is_not() {
    let worn = |frame, tint, glare| Student {
        glasses: true,
        frame,
        tint,
        glare,
        ..student()
    };
    let tinted = judged(worn(Frame::Thin, [0.42, 0.34, 0.28], 0.0), &sit());
    assert_eq!(light(&tinted, CheckCode::TintedLenses), Light::Red);
    assert_eq!(light(&tinted, CheckCode::LensGlare), Light::Green);
    let glare = judged(worn(Frame::Thin, [1.0; 3], 0.4), &sit());
    assert_eq!(light(&glare, CheckCode::LensGlare), Light::Red);
    let heavy = judged(worn(Frame::Heavy, [1.0; 3], 0.0), &sit());
    for code in [
        CheckCode::TintedLenses,
        CheckCode::LensGlare,
        CheckCode::EyesVisible,
    ] {
        assert_eq!(light(&heavy, code), Light::Green, "{code:?}");
    }
    let slipped = judged(worn(Frame::Slipped, [1.0; 3], 0.0), &sit());
    assert_ne!(light(&slipped, CheckCode::EyesVisible), Light::Green);
}

#[test]
fn a_fringe_over_brows_or_eyes_is_refused_and_ears_are_told_free_from_hidden() {
    let hung = |hair, end| Student {
        hair,
        hair_colour: HairColour::Black,
        fringe: Some(end),
        ..student()
    };
    let brows = judged(hung(Hair::Long, 0.24), &sit());
    assert_eq!(light(&brows, CheckCode::HairOverFace), Light::Red);
    assert_eq!(
        light(&brows, CheckCode::Ears),
        Light::Amber,
        "long hair over the ears"
    );
    let eyes = judged(hung(Hair::Short, -0.08), &sit());
    assert_eq!(light(&eyes, CheckCode::EyesVisible), Light::Red);
}

#[test]
fn a_coloured_cap_is_refused_and_a_black_one_is_left_to_the_reviewer() {
    let covered = |kind, colour| Student {
        headwear: Some(Headwear { kind, colour }),
        ..student()
    };
    for (kind, colour) in [
        (Covering::Cap, [0.45, 0.04, 0.05]),
        (Covering::Scarf, [0.03, 0.05, 0.16]),
    ] {
        let report = judged(covered(kind, colour), &sit());
        assert_eq!(light(&report, CheckCode::HeadCovering), Light::Red, "{kind:?}");
    }
    let black = judged(covered(Covering::Beanie, [0.02; 3]), &sit());
    assert_eq!(light(&black, CheckCode::HeadCovering), Light::ForReviewer);
}
