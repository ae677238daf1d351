//! `cargo xtask bench window`: how long people wait for the real window, on this machine, drawn in software.
//!
//! The window runs as it ships, under a virtual display, driven by WebDriver, before a network camera whose pictures of a
//! rendered student were drawn beforehand: the virtual booth itself draws on the cores a camera would leave free.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement stops where it fails"
)]

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "a visit needs more hands than a measurement")]
mod driven;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "a visit needs more hands than a measurement")]
mod hands;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "a measurement pulls no cable")]
mod lens;
#[cfg(target_os = "linux")]
mod measured;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "a visit needs more of its place than a measurement")]
mod place;
#[cfg(target_os = "linux")]
mod screen;
#[cfg(target_os = "linux")]
mod visit;

#[cfg(target_os = "linux")]
fn main() {
    measured::all();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The window is measured where WebDriver can drive it without a screen: on Linux.");
}
