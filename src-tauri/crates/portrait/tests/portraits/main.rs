//! The whole way from capture to finished photo, on rendered students of whom everything is known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod booth;
mod face;
mod light;
mod matte;
mod proof;
mod sheets;
mod studio;
#[path = "../../benches/portrait/tamper.rs"]
mod tamper;
