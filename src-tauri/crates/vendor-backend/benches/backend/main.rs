//! `cargo xtask bench backend`: 200 stations deliver as fast as they can to 1, 2 and 4 processes of the backend on one
//! PostgreSQL, which flushes every commit, and one bucket; then again with a process killed each five seconds and the
//! database crashing in the middle.
//!
//! Everything runs on this computer: the stations, which sign and encode every photo, and the bucket's server take their
//! share of it. Beside the captures a second stands how many pairs of photos of the same size the disk writes and flushes
//! one after the other in the same time. Fails where a photo is lost, doubled or changed, not on a slow machine.
//!
//! `--stations N`, `--seconds N`, `--processes 1,2,4`.
#![cfg_attr(
    target_os = "linux",
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a bench stops where it fails"
    )
)]

#[cfg(target_os = "linux")]
#[path = "../../tests/scaled/bucket.rs"]
mod bucket;
#[cfg(target_os = "linux")]
#[path = "../../tests/scaled/cluster.rs"]
mod cluster;
#[cfg(target_os = "linux")]
#[path = "../../tests/scaled/fleet.rs"]
mod fleet;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod students;

#[cfg(target_os = "linux")]
fn main() {
    load::run();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Needs the PostgreSQL of a Debian system.");
}
