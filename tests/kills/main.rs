//! The kill suite: stations are ended in the middle of everything they do, again and again, and no photo is lost,
//! none is delivered twice, none goes to another student.
//!
//! Three lanes, one a vendor. In each a backend and a station run as processes of their own and speak real HTTP.
//! The station is ended at a named point (`fail_point!` in the crates; they exist in test builds only) or by a kill
//! at a random moment, the backend by a kill now and then; both are started again on the same folders. At the end
//! [`truth`] compares what the students were shown with what the backend holds.
//!
//! Most visits use one rendered and developed photo, made unlike every other by a comment in its file, so that a
//! visit takes a fraction of a second; a few go through the virtual booth, the decoders and the portrait.
//!
//! `cargo xtask faults [--kills N] [--seed S]` runs it at length. A process that is killed has not lost what the
//! operating system already took from it: what a power cut does to the log is told by `records/tests/keeping.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod backend;
mod journal;
mod lane;
mod points;
mod process;
mod soak;
mod station;
mod truth;

use std::time::Instant;

use lane::{Lane, Plan};
use truth::Tally;

/// Kills of an ordinary test run: about a minute. [`KILLS`] in the environment asks for another number.
const FEW: u32 = 40;
const KILLS: &str = "PHOTO_STATION_FAULTS_KILLS";
const SEED: &str = "PHOTO_STATION_FAULTS_SEED";

fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
    )
}

#[test]
fn no_kill_loses_doubles_or_swaps_a_photo() {
    let kills = number(KILLS).unwrap_or(FEW);
    let seed = number(SEED).unwrap_or(1);
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let shot = lane::develop_one(folder.path());
    let vendors = ["binyu", "biyezhengzhao", "yipai"];
    let share = |lane: usize| kills / 3 + u32::from((lane as u32) < kills % 3);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let lanes: Vec<_> = vendors
            .iter()
            .enumerate()
            .map(|(lane, vendor)| {
                let plan = Plan {
                    vendor: (*vendor).to_owned(),
                    folder: folder.path().join(vendor),
                    shot: shot.clone(),
                    kills: share(lane),
                    seed: seed + lane as u64,
                    place: lane,
                };
                scope.spawn(move || Lane::new(plan).run())
            })
            .collect();
        lanes
            .into_iter()
            .map(|lane| {
                lane.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let total = tallies.into_iter().fold(Tally::default(), Tally::plus);
    println!("{total}");
    println!("seed {seed}, {:.0} s", began.elapsed().as_secs_f64());
    assert_eq!(total.kills(), kills, "every kill was made");
    assert!(total.confirmed > 0, "students were told that their photo is safe");
    assert!(total.faults.is_empty(), "{}", total.faults.join("\n"));
}

/// Visits of the soak in an ordinary test run; [`VISITS`] in the environment asks for another number.
const A_FEW_VISITS: u32 = 30;
const VISITS: &str = "PHOTO_STATION_SOAK_VISITS";

#[test]
fn visits_in_a_row_leave_nothing_behind() {
    let visits = number(VISITS).unwrap_or(A_FEW_VISITS);
    let folder = tempfile::tempdir().unwrap();
    let shot = lane::develop_one(folder.path());
    let report = soak::run(visits, number(SEED).unwrap_or(1), folder.path(), &shot);
    println!("{report}");
    assert!(
        report.tally.faults.is_empty(),
        "{}",
        report.tally.faults.join("\n")
    );
    assert!(
        report.tally.confirmed > visits / 2,
        "most students were told that their photo is safe"
    );
    let (Some(first), Some(last)) = (report.samples.first(), report.samples.last()) else {
        assert!(soak::Sample::now(0).is_none(), "the samples are there");
        return;
    };
    assert!(
        last.handles <= first.handles + soak::MORE && last.threads <= first.threads + soak::MORE,
        "{first:?} has become {last:?}"
    );
    for (slope, error, flat) in report.slopes().into_iter().flatten() {
        assert!(flat, "a slope of {slope} ± {error} a visit");
    }
}

/// Not a test of its own: the suite starts this program again, as a station or a backend.
#[test]
#[ignore = "the suite's own processes"]
fn role() {
    match process::Role::of_this_process() {
        Some(process::Role::Backend(role)) => backend::serve(role),
        Some(process::Role::Station(role)) => station::serve(&role),
        Some(process::Role::Soak(role)) => soak::serve(&role),
        None => {}
    }
}
