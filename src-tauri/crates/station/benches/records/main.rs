//! How the records behave at the end of a long season: start, lists and searches with 100,000 of them; what keeping a
//! photo costs beside a plain flushed file; what the sync moves beside curl.
//!
//! `cargo xtask bench records [-- [--records N] [--only start,lists,enqueue,sync]]`
//!
//! Every figure stands beside what it is compared with, taken in the same run in turns, since the machine and its disk
//! differ from run to run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench stops where it fails"
)]

mod enqueue;
mod lists;
mod start;
mod student;
mod sync;

use std::time::Duration;

/// As many as a station keeps in years.
const RECORDS: u32 = 100_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut records, mut only) = (RECORDS, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" | "--" => {}
            "--records" => records = arguments.next().and_then(|n| n.parse().ok()).expect("a number"),
            "--only" => only = arguments.next(),
            other => panic!("what is {other}?"),
        }
    }
    let wanted = |name: &str| {
        only.as_deref()
            .is_none_or(|only| only.split(',').any(|one| one == name))
    };
    println!("{:46} {:>10} {:>10} {:>9}  target", "", "ours", "beside", "");
    if wanted("enqueue") {
        enqueue::run();
    }
    if wanted("start") || wanted("lists") {
        let large = student::fill(records);
        if wanted("start") {
            start::run(large.path(), records);
        }
        if wanted("lists") {
            lists::run(large.path());
        }
    }
    if wanted("sync") {
        sync::run();
    }
}

/// One line of the table.
fn line(what: &str, ours: &str, beside: &str, ratio: &str, target: &str, met: bool) {
    let verdict = if met { "met" } else { "MISSED" };
    println!("{what:46} {ours:>10} {beside:>10} {ratio:>9}  {target}: {verdict}");
}

/// The value below which this share lies.
fn share(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share).round() as usize]
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
