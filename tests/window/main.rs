//! The real window, driven by WebDriver under a virtual display, on the virtual booth, with the reference backend over
//! HTTP.
//!
//! | module | what happens in the window |
//! |---|---|
//! | [`student`] | a visit by touch to the receipt, and the other ways a code comes in |
//! | [`photographer`] | two students by a photographer's keys |
//! | [`doorway`] | a station that cannot open says why |
//! | [`driven`], [`hands`] | display, drivers and program; what a person does before them |
//!
//! `cargo xtask test` names the drivers (`PHOTO_STATION_TAURI_DRIVER`, `PHOTO_STATION_WEBKIT_DRIVER`). With
//! `PHOTO_STATION_SHOTS=DIR` every page leaves a picture there; `PHOTO_STATION_SCREEN=1080x1920` turns the
//! screen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
#![cfg(target_os = "linux")]

#[path = "../secrets/search.rs"]
mod search;
#[path = "../secrets/shown.rs"]
mod shown;

mod doorway;
mod driven;
mod hands;
mod photographer;
mod student;
