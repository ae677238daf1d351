//! The points of judgement against students of whom the answer is known: faults that must be caught, and good ones
//! that must not be accused, by skin, hair and glasses.

use portrait::{Check, CheckCode, Light, Models, Original, Spec, standardize};
use virtual_booth::{Covering, Frame, Hair, Headwear, Posing, Skin, Student};

use crate::cast::{Sat, Seat, capture, seats};
use crate::table::{percent, table};

/// What somebody does wrong, and the point that must say so.
struct Fault {
    name: &'static str,
    code: CheckCode,
    make: fn(usize, &mut Student, &mut Posing),
}

/// Deep blue, red, black and white cloth, linear reflectance.
const CLOTHS: [[f32; 3]; 4] = [
    [0.03, 0.05, 0.16],
    [0.45, 0.04, 0.05],
    [0.02, 0.02, 0.02],
    [0.80, 0.80, 0.78],
];

const FAULTS: [Fault; 17] = [
    Fault {
        name: "looks aside by 18° to 25°",
        code: CheckCode::Gaze,
        make: |i, _, p| p.gaze = [[18.0, 0.0], [-18.0, 0.0], [25.0, 0.0], [-25.0, 0.0]][i % 4],
    },
    Fault {
        name: "looks up or down by 20°",
        code: CheckCode::Gaze,
        make: |i, _, p| p.gaze = [[0.0, 20.0], [0.0, -20.0]][i % 2],
    },
    Fault {
        name: "red eyes",
        code: CheckCode::RedEyes,
        make: |i, _, p| p.red_eyes = [1.0, 0.6][i % 2],
    },
    Fault {
        name: "eyes shut",
        code: CheckCode::EyesClosed,
        make: |_, _, p| p.eyes = 0.0,
    },
    Fault {
        name: "parted lips, teeth",
        code: CheckCode::Teeth,
        make: |i, _, p| p.mouth = [0.22, 0.28, 0.35][i % 3],
    },
    Fault {
        name: "tinted lenses (0.15 to 0.45)",
        code: CheckCode::TintedLenses,
        make: |i, s, _| {
            s.glasses = true;
            s.tint = [[0.42, 0.34, 0.28], [0.2; 3], [0.15, 0.2, 0.4], [0.45; 3]][i % 4];
        },
    },
    Fault {
        name: "glare (0.3 to 0.8)",
        code: CheckCode::LensGlare,
        make: |i, s, _| {
            s.glasses = true;
            s.glare = [0.3, 0.5, 0.8][i % 3];
        },
    },
    Fault {
        name: "frame slipped over the eyes",
        code: CheckCode::EyesVisible,
        make: |_, s, _| {
            s.glasses = true;
            s.frame = Frame::Slipped;
        },
    },
    Fault {
        name: "fringe over the eyes",
        code: CheckCode::EyesVisible,
        make: |i, s, _| {
            s.hair = Hair::ALL[i % 4];
            s.fringe = Some([-0.1, 0.02][i % 2]);
        },
    },
    Fault {
        name: "fringe over the brows",
        code: CheckCode::HairOverFace,
        make: |i, s, _| {
            s.hair = Hair::ALL[i % 4];
            s.fringe = Some([0.22, 0.30][i % 2]);
        },
    },
    Fault {
        name: "hair over the ears",
        code: CheckCode::Ears,
        make: |i, s, _| s.hair = [Hair::Long, Hair::Bob][i % 2],
    },
    Fault {
        name: "cap, hat (blue, red, white)",
        code: CheckCode::HeadCovering,
        make: |i, s, _| {
            s.headwear = Some(Headwear {
                kind: [Covering::Cap, Covering::Beanie][i % 2],
                colour: CLOTHS[[0, 1, 3][i % 3]],
            });
        },
    },
    Fault {
        name: "black cap or hat",
        code: CheckCode::HeadCovering,
        make: |i, s, _| {
            s.headwear = Some(Headwear {
                kind: [Covering::Cap, Covering::Beanie][i % 2],
                colour: CLOTHS[2],
            });
        },
    },
    Fault {
        name: "headscarf",
        code: CheckCode::HeadCovering,
        make: |i, s, _| {
            s.headwear = Some(Headwear {
                kind: Covering::Scarf,
                colour: CLOTHS[i % 4],
            });
        },
    },
    Fault {
        name: "tilted by 10°",
        code: CheckCode::Tilted,
        make: |i, _, p| p.roll = [10.0, -10.0][i % 2],
    },
    Fault {
        name: "turned by 17°",
        code: CheckCode::Turned,
        make: |i, _, p| p.yaw = [17.0, -17.0][i % 2],
    },
    Fault {
        name: "chin up or down by 18°",
        code: CheckCode::Pitched,
        make: |i, _, p| p.pitch = [18.0, -18.0][i % 2],
    },
];

/// The points about the face and the head, in the order of the report.
const POINTS: [CheckCode; 16] = [
    CheckCode::Tilted,
    CheckCode::Turned,
    CheckCode::Pitched,
    CheckCode::EyesClosed,
    CheckCode::MouthOpen,
    CheckCode::EyesVisible,
    CheckCode::Gaze,
    CheckCode::RedEyes,
    CheckCode::Teeth,
    CheckCode::Glasses,
    CheckCode::TintedLenses,
    CheckCode::LensGlare,
    CheckCode::HairOverFace,
    CheckCode::Ears,
    CheckCode::HeadCovering,
    CheckCode::SeveralFaces,
];

/// Renders `each` students a fault and tells what became of them and of the good ones.
pub(crate) fn tell(models: &Models, all: &[Sat], each: usize) -> String {
    let mut out = caught(models, each);
    out.push('\n');
    out.push_str(&accused(all));
    out.push('\n');
    out.push_str(&fairness(all));
    out
}

fn caught(models: &Models, each: usize) -> String {
    let spec = Spec::built_in("national-blue").unwrap();
    let mut rows = Vec::new();
    for (k, fault) in FAULTS.iter().enumerate() {
        let mut lights = Vec::new();
        let mut photos = 0;
        for (i, seat) in seats(200).skip(97 + 7 * k % 30).take(each).enumerate() {
            let Seat {
                mut student,
                wall,
                mut posing,
            } = seat;
            (fault.make)(i, &mut student, &mut posing);
            let seat = Seat {
                student,
                wall,
                posing,
            };
            let (picture, _) = capture(&seat, i as u64);
            let outcome = standardize(models, &Original::from_rgb(picture).unwrap(), &spec, None);
            photos += usize::from(outcome.photo.is_some());
            // No face found is an answer too.
            lights.push(outcome.report.check(fault.code).map_or(Light::Red, |c| c.light));
        }
        let count = |light: Light| lights.iter().filter(|&&l| l == light).count();
        rows.push(vec![
            fault.name.to_owned(),
            fault.code.as_str().to_owned(),
            each.to_string(),
            count(Light::Red).to_string(),
            count(Light::Amber).to_string(),
            count(Light::ForReviewer).to_string(),
            count(Light::Green).to_string(),
            photos.to_string(),
        ]);
    }
    table(
        "Faults: what the point that must see them says",
        &[
            "fault",
            "point",
            "students",
            "red",
            "amber",
            "reviewer",
            "green (missed)",
            "photo made",
        ],
        &rows,
    )
}

fn light_of(sat: &Sat, code: CheckCode) -> Option<&Check> {
    sat.report.check(code)
}

fn accused(all: &[Sat]) -> String {
    let rows: Vec<Vec<String>> = POINTS
        .iter()
        .map(|&code| {
            let found: Vec<&Check> = all.iter().filter_map(|s| light_of(s, code)).collect();
            let mut row = vec![code.as_str().to_owned(), found.len().to_string()];
            for light in [Light::Red, Light::Amber, Light::ForReviewer] {
                let n = found.iter().filter(|c| c.light == light).count();
                row.push(percent(n, found.len()));
            }
            row
        })
        .collect();
    table(
        "Good students accused (hair over the ears is theirs by their cut, glasses are theirs)",
        &["point", "students", "red", "amber", "reviewer"],
        &rows,
    )
}

/// Share of good students with a red light, and with an amber one, at a point of the face other than the ears.
fn fairness(all: &[Sat]) -> String {
    let mut rows = Vec::new();
    let mut row = |name: String, wanted: &dyn Fn(&Student) -> bool| {
        let group: Vec<&Sat> = all.iter().filter(|s| wanted(&s.seat.student)).collect();
        let having = |light: Light| {
            let n = group
                .iter()
                .filter(|s| {
                    POINTS
                        .iter()
                        .filter(|&&code| code != CheckCode::Ears)
                        .any(|&code| light_of(s, code).is_some_and(|c| c.light == light))
                })
                .count();
            percent(n, group.len())
        };
        rows.push(vec![
            name,
            group.len().to_string(),
            having(Light::Red),
            having(Light::Amber),
        ]);
    };
    row("all".into(), &|_| true);
    for skin in Skin::ALL {
        row(format!("skin: {skin:?}"), &|s| s.skin == skin);
    }
    for hair in Hair::ALL {
        row(format!("hair: {hair:?}"), &|s| s.hair == hair);
    }
    row("glasses".into(), &|s| s.glasses);
    row("no glasses".into(), &|s| !s.glasses);
    table(
        "Good students with any red or amber light about the face",
        &["students", "count", "red", "amber"],
        &rows,
    )
}
