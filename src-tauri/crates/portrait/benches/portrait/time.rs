//! How long a photo takes, stage by stage, and how long a frame of the live guidance takes.
//!
//! Two clocks: the wall's, which is what a student waits for, and the processor's, which does not care what else the
//! machine does.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Instant;

use image::RgbImage;
use portrait::{Models, Original, Spec, Stage, Tracker, guide, standardize_timed};
use virtual_booth::{Act, Booth, BoothOptions};

use crate::MEMORY;
use crate::cast::seats;
use crate::table::{quantile, table};

/// Students photographed at 1920x1080, and how often each.
const STUDENTS: usize = 12;
const TIMES: usize = 6;
/// Frames of the live guidance.
const FRAMES: u64 = 240;
/// The live guidance's own rhythm: what takes turns does so within so many frames.
const RHYTHM: u64 = 24;

pub(crate) fn tell(models: &Models) -> String {
    format!("{}\n{}", photo(models), live(models))
}

const STAGES: [(Stage, &str); 4] = [
    (Stage::Face, "faces found and measured"),
    (Stage::Matte, "light measured, person and wall parted"),
    (Stage::Geometry, "cut chosen"),
    (Stage::Finish, "composed, written, read back; judged"),
];

/// Milliseconds by the wall's clock and by the processor's.
#[derive(Debug, Clone, Default)]
struct Clocks {
    wall: Vec<f64>,
    processor: Vec<f64>,
}

impl Clocks {
    fn push(&mut self, [wall, processor]: [f64; 2]) {
        self.wall.push(wall);
        self.processor.push(processor);
    }
}

fn photo(models: &Models) -> String {
    let spec = Spec::built_in("national-blue").unwrap();
    let captures: Vec<Original> = seats(STUDENTS)
        .map(|seat| {
            let options = BoothOptions {
                width: 1920,
                height: 1080,
                student: seat.student.clone(),
                wall: seat.wall,
                ..BoothOptions::default()
            };
            Original::from_rgb(Booth::still(&options, Some(&seat.posing)).0).unwrap()
        })
        .collect();
    let mut stages: Vec<Clocks> = vec![Clocks::default(); STAGES.len()];
    let mut totals = Clocks::default();
    for round in 0..=TIMES {
        for capture in &captures {
            let begun = clocks();
            let mut last = begun;
            let mut took = [[0.0; 2]; STAGES.len()];
            let outcome = standardize_timed(models, capture, &spec, None, &mut |stage| {
                let now = clocks();
                if let Some(k) = STAGES.iter().position(|(s, _)| *s == stage) {
                    took[k] = [now[0] - last[0], now[1] - last[1]];
                }
                last = now;
            });
            let now = clocks();
            let total = [now[0] - begun[0], now[1] - begun[1]];
            assert!(outcome.photo.or(outcome.closest).is_some());
            // The first round warms caches and pools.
            if round > 0 {
                totals.push(total);
                for (all, one) in stages.iter_mut().zip(took) {
                    all.push(one);
                }
            }
        }
    }
    let line = |name: &str, clocks: &Clocks| {
        let mut row = vec![name.to_owned()];
        row.extend(
            [
                (&clocks.wall, 0.5),
                (&clocks.wall, 0.95),
                (&clocks.processor, 0.5),
            ]
            .map(|(values, q)| format!("{:.0}", quantile(values, q))),
        );
        row
    };
    let mut rows: Vec<Vec<String>> = STAGES
        .iter()
        .zip(&stages)
        .map(|((_, name), clocks)| line(name, clocks))
        .collect();
    rows.push(line("in all", &totals));
    let mut out = table(
        "From a 1920x1080 capture to the finished file and its report, ms",
        &["stage", "median", "p95", "processor time, median"],
        &rows,
    );
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    standardize_timed(models, &captures[0], &spec, None, &mut |_| {});
    let more = MEMORY.peak_usage().saturating_sub(before);
    let _ = writeln!(
        out,
        "\nPeak memory above what the capture and the networks hold: {} MB.",
        more >> 20
    );
    out
}

fn live(models: &Models) -> String {
    let spec = Spec::built_in("national-blue").unwrap();
    let mut booth = Booth::new(BoothOptions::default());
    let frames: Vec<RgbImage> = (0..RHYTHM).map(|n| booth.frame(&Act::Sit, n)).collect();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut tracker = Tracker::default();
    let (mut walls, mut works) = (Vec::new(), Vec::new());
    one.install(|| {
        for n in 0..FRAMES + RHYTHM {
            let begun = clocks();
            guide(models, &frames[(n % RHYTHM) as usize], &spec, &mut tracker);
            if n >= RHYTHM {
                let now = clocks();
                walls.push(now[0] - begun[0]);
                works.push(now[1] - begun[1]);
            }
        }
    });
    let line = |name: &str, values: &[f64]| {
        let mut row = vec![name.to_owned()];
        row.extend([0.5, 0.9, 0.99, 1.0].map(|q| format!("{:.1}", quantile(values, q))));
        row.push(format!("{:.1}", values.iter().sum::<f64>() / values.len() as f64));
        row
    };
    table(
        "Live guidance, a 1280x720 frame on one thread, ms",
        &["clock", "median", "p90", "p99", "most", "mean"],
        &[line("wall", &walls), line("processor", &works)],
    )
}

/// Milliseconds since the first call by the wall's clock, and by the processor's for the whole program.
fn clocks() -> [f64; 2] {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    [BEGUN.elapsed().as_secs_f64() * 1000.0, processor()]
}

#[cfg(unix)]
fn processor() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

#[cfg(not(unix))]
fn processor() -> f64 {
    f64::NAN
}
