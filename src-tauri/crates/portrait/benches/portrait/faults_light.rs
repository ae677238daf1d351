//! Light, sharpness, colour, clothes and pictures of pictures: what each fault is called, and what proper students
//! are wrongly accused of, by skin, hair and glasses.

use image::RgbImage;
use portrait::{CheckCode, Light, Models, Original, Spec, standardize};
use virtual_booth::spoil::{self, Display};
use virtual_booth::{Garment, Hair, Light as Lamps, Skin, Truth};

use crate::cast::{Sat, Seat, capture, seats};
use crate::table::{percent, table};

/// How a fault comes into a picture: before it is rendered, or after.
enum Made {
    Seated(fn(usize, &mut Seat)),
    Spoilt(fn(usize, &RgbImage, &Truth) -> RgbImage),
}

/// A fault, and the point that must see it.
struct Fault {
    name: &'static str,
    code: CheckCode,
    made: Made,
}

const fn seated(name: &'static str, code: CheckCode, how: fn(usize, &mut Seat)) -> Fault {
    Fault {
        name,
        code,
        made: Made::Seated(how),
    }
}

const fn spoilt(name: &'static str, code: CheckCode, how: fn(usize, &RgbImage, &Truth) -> RgbImage) -> Fault {
    Fault {
        name,
        code,
        made: Made::Spoilt(how),
    }
}

/// Middle and half height of the face.
fn face(truth: &Truth) -> ((f32, f32), f32) {
    let f = truth.face;
    ((f.x + f.width / 2.0, f.y + f.height / 2.0), f.height / 2.0)
}

const FAULTS: [Fault; 24] = [
    seated("a sixth of the light", CheckCode::TooDark, |_, s| {
        s.posing.light = Lamps::Dark;
    }),
    seated("a third of the light", CheckCode::TooDark, |_, s| {
        s.posing.light = Lamps::Dim;
    }),
    seated("three times the light", CheckCode::OverExposed, |_, s| {
        s.posing.light = Lamps::OverExposed;
    }),
    seated("one lamp alone", CheckCode::UnevenLight, |_, s| {
        s.posing.light = Lamps::HalfShadow;
    }),
    seated("lamps five to one", CheckCode::UnevenLight, |_, s| {
        s.posing.light = Lamps::Sided;
    }),
    seated("out of focus, 2 px", CheckCode::Blurred, |_, s| {
        s.posing.defocus = 2.0;
    }),
    seated("out of focus, 3.4 px", CheckCode::Blurred, |_, s| {
        s.posing.defocus = 3.4;
    }),
    seated("stripes", CheckCode::ClothesPattern, |_, s| {
        s.student.clothes.stripes = true;
    }),
    seated("the background's blue", CheckCode::Clothes, |_, s| {
        s.student.clothes.garment = Garment::Tee;
        s.student.clothes.colour = [0.127, 0.558, 0.95];
    }),
    seated("straps", CheckCode::Neckline, |_, s| {
        s.student.clothes.garment = Garment::Straps;
        s.student.hair = [Hair::Short, Hair::Bun, Hair::Bald][s.student.seed as usize % 3];
    }),
    seated("high neck", CheckCode::Neckline, |_, s| {
        s.student.clothes.garment = Garment::HighNeck;
    }),
    spoilt("moved 5 px", CheckCode::MotionBlur, |i, p, _| {
        spoil::smeared(p, 5.0, [0.0, 90.0, 45.0, 20.0][i % 4])
    }),
    spoilt("moved 9 px", CheckCode::MotionBlur, |i, p, _| {
        spoil::smeared(p, 9.0, [0.0, 90.0, 45.0, 20.0][i % 4])
    }),
    spoilt("wet forehead, nose, cheek", CheckCode::Shine, |_, p, t| {
        let ((x, y), _) = face(t);
        let unit = t.inter_eye();
        let spots = [
            (x, y + 0.1 * unit, 0.14 * unit),
            (x, t.eyes[0].1 - 0.65 * unit, 0.35 * unit),
            (t.eyes[0].0 - 0.1 * unit, t.eyes[0].1 + 0.6 * unit, 0.2 * unit),
        ];
        spoil::shiny(p, &spots, 0.8)
    }),
    spoilt("no colour", CheckCode::Colour, |_, p, _| spoil::paled(p, 1.0)),
    spoilt("coloured filter", CheckCode::Colour, |i, p, _| {
        spoil::tinted(p, [[0.6, 1.0, 1.6], [1.5, 1.0, 0.4], [0.65, 1.15, 0.7]][i % 3])
    }),
    spoilt("beautified", CheckCode::Smoothed, |i, p, t| {
        let (middle, half) = face(t);
        spoil::beautified(p, middle, half * 1.4, [2, 3, 4][i % 3])
    }),
    spoilt("shoulder dropped by 8°", CheckCode::Shoulders, |i, p, t| {
        spoil::dropped_shoulder(p, t.chin.1 + 0.3 * t.inter_eye(), [8.0, -8.0][i % 2])
    }),
    spoilt("screen, stripes to be seen", CheckCode::Recapture, |i, p, _| {
        let magnification = [2.2, 3.4][i % 2];
        spoil::on_screen(
            p,
            Display {
                magnification,
                ..Display::default()
            },
        )
    }),
    spoilt("screen, moiré", CheckCode::Recapture, |i, p, _| {
        let magnification = [0.8, 1.2, 1.7][i % 3];
        spoil::on_screen(
            p,
            Display {
                magnification,
                blur: 0.8,
                turn: 2.0,
                ..Display::default()
            },
        )
    }),
    spoilt("screen, soft lens", CheckCode::Recapture, |i, p, _| {
        let magnification = [0.6, 1.4][i % 2];
        spoil::on_screen(
            p,
            Display {
                magnification,
                blur: 1.8,
                turn: -3.0,
                ..Display::default()
            },
        )
    }),
    spoilt("print with a border", CheckCode::Recapture, |i, p, _| {
        let degrees = [2.0, -6.0, 4.0][i % 3];
        spoil::held_up(p, 0.8, degrees, 9.0, [235, 235, 230], [150, 146, 140])
    }),
    spoilt("phone", CheckCode::Recapture, |i, p, _| {
        let degrees = [-1.0, 5.0][i % 2];
        spoil::held_up(p, 0.85, degrees, 14.0, [18, 18, 20], [190, 190, 186])
    }),
    spoilt("print cut without a border", CheckCode::Recapture, |i, p, _| {
        spoil::held_up(p, 0.8, [1.0, -4.0][i % 2], 0.0, [0; 3], [120, 125, 118])
    }),
];

/// The points this section is about.
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

/// Photographs `each` students a fault; `all` are the proper ones.
pub(crate) fn tell(models: &Models, all: &[Sat], each: usize) -> String {
    format!("{}\n{}\n{}", caught(models, each), accused(all), fairness(all))
}

fn caught(models: &Models, each: usize) -> String {
    let spec = Spec::built_in("national-blue").unwrap();
    // Others than the proper ones of a small run.
    let sitting: Vec<Seat> = seats(300).skip(101).step_by(7).take(each).collect();
    let proper: Vec<(RgbImage, Truth)> = sitting
        .iter()
        .enumerate()
        .map(|(i, seat)| capture(seat, i as u64))
        .collect();
    let mut rows = Vec::new();
    for fault in &FAULTS {
        let mut lights = Vec::new();
        for (i, seat) in sitting.iter().enumerate() {
            let picture = match fault.made {
                Made::Seated(how) => {
                    let mut seat = seat.clone();
                    how(i, &mut seat);
                    capture(&seat, i as u64).0
                }
                Made::Spoilt(how) => how(i, &proper[i].0, &proper[i].1),
            };
            let report = standardize(models, &Original::from_rgb(picture).unwrap(), &spec, None).report;
            // No face found is an answer too.
            lights.push(report.check(fault.code).map_or(Light::Red, |c| c.light));
        }
        let count = |light: Light| lights.iter().filter(|&&l| l == light).count().to_string();
        rows.push(vec![
            fault.name.to_owned(),
            fault.code.as_str().to_owned(),
            lights.len().to_string(),
            count(Light::Red),
            count(Light::Amber),
            count(Light::ForReviewer),
            count(Light::Green),
        ]);
    }
    let columns = [
        "fault",
        "point",
        "students",
        "red",
        "amber",
        "reviewer",
        "green (missed)",
    ];
    table(
        "Light, colour, clothes, recapture: faults and what is said of them",
        &columns,
        &rows,
    )
}

fn accused(all: &[Sat]) -> String {
    let rows: Vec<Vec<String>> = POINTS
        .iter()
        .map(|&code| {
            let count = |light: Light| {
                let found = all
                    .iter()
                    .filter(|s| s.report.check(code).is_some_and(|c| c.light == light));
                found.count().to_string()
            };
            let row = [count(Light::Red), count(Light::Amber), count(Light::ForReviewer)];
            [vec![code.as_str().to_owned()], row.to_vec()].concat()
        })
        .collect();
    let title = format!("False alarms on {} proper students", all.len());
    table(&title, &["point", "red", "amber", "reviewer"], &rows)
}

fn fairness(all: &[Sat]) -> String {
    let wrong = |s: &&Sat| {
        s.report
            .checks
            .iter()
            .any(|c| POINTS.contains(&c.code) && matches!(c.light, Light::Red | Light::Amber))
    };
    let mut rows = Vec::new();
    let mut row = |name: String, wanted: &dyn Fn(&Sat) -> bool| {
        let of: Vec<&Sat> = all.iter().filter(|s| wanted(s)).collect();
        let accused = of.iter().filter(|s| wrong(s)).count();
        rows.push(vec![name, of.len().to_string(), percent(accused, of.len())]);
    };
    for skin in Skin::ALL {
        row(format!("skin: {skin:?}"), &|s| s.seat.student.skin == skin);
    }
    for hair in Hair::ALL {
        row(format!("hair: {hair:?}"), &|s| s.seat.student.hair == hair);
    }
    row("glasses".into(), &|s| s.seat.student.glasses);
    row("no glasses".into(), &|s| !s.seat.student.glasses);
    table(
        "Proper students accused (red or amber) on any of these points",
        &["who", "students", "accused"],
        &rows,
    )
}
