//! Students who sit well: every hair, skin, wall and garment, near and far, a little off the middle and a little
//! tilted, as people sit whom a photographer would photograph. Each is rendered, photographed and forgotten; what
//! is true of them and what was measured stays.

use portrait::{Models, Original, Report, Spec, standardize};
use virtual_booth::{Booth, BoothOptions, Hair, Posing, Skin, Student, Truth, Wall};

/// Who sits, before what, and how.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) student: Student,
    pub(crate) wall: Wall,
    pub(crate) posing: Posing,
}

/// One photographed student.
pub(crate) struct Sat {
    pub(crate) seat: Seat,
    /// Row of the crown, of the eyes and width of the cheeks in the capture, as rendered.
    pub(crate) crown: f64,
    pub(crate) eyes: f64,
    pub(crate) cheeks: f64,
    pub(crate) report: Report,
}

/// `n` seats; the first ones are the same for every `n`.
pub(crate) fn seats(n: usize) -> impl Iterator<Item = Seat> {
    (0..n).map(|i| {
        // Sides of a lattice with no common period: every pair of traits meets.
        let seed = i as u64 + 1;
        let spread = |step: f64| ((seed as f64 * step).fract() * 2.0 - 1.0) as f32;
        let seeded = Student::seeded(seed);
        Seat {
            student: Student {
                hair: Hair::ALL[i % 6],
                skin: Skin::ALL[i / 6 % 5],
                ..seeded
            },
            wall: [Wall::White, Wall::Grey, Wall::Blue, Wall::Green][i / 7 % 4],
            posing: Posing {
                roll: 3.0 * spread(0.618_034),
                yaw: 4.0 * spread(0.754_878),
                pitch: 4.0 * spread(0.569_840),
                size: 0.98 + 0.14 * spread(0.819_173),
                shift: [0.8 * spread(0.671_044), 0.15 * spread(0.550_700)],
                ..Posing::default()
            },
        }
    })
}

/// A capture of one seat at 1280x720 with the truth about it.
pub(crate) fn capture(seat: &Seat, seed: u64) -> (image::RgbImage, Truth) {
    let options = BoothOptions {
        seed,
        student: seat.student.clone(),
        wall: seat.wall,
        ..BoothOptions::default()
    };
    Booth::still(&options, Some(&seat.posing))
}

/// Photographs `n` students.
pub(crate) fn sit(models: &Models, n: usize) -> Vec<Sat> {
    let spec = Spec::built_in("national-blue").unwrap();
    seats(n)
        .enumerate()
        .map(|(i, seat)| {
            let (picture, truth) = capture(&seat, i as u64);
            let outcome = standardize(models, &Original::from_rgb(picture).unwrap(), &spec, None);
            if i % 50 == 49 {
                eprintln!("{} of {n} students photographed", i + 1);
            }
            let [left, right] = truth.eyes;
            let [a, b] = truth.cheeks;
            Sat {
                seat,
                crown: f64::from(truth.crown_y),
                eyes: f64::from(f32::midpoint(left.1, right.1)),
                cheeks: f64::from((b.0 - a.0).hypot(b.1 - a.1)),
                report: outcome.report,
            }
        })
        .collect()
}
