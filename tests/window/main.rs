//! The real window, driven by WebDriver under a virtual display, on the virtual booth, with the reference backend over
//! HTTP.
//!
//! | module | what happens in the window |
//! |---|---|
//! | [`student`] | a visit by touch to the receipt, and the other ways a code comes in |
//! | [`refusals`] | wrong codes and proofs, the language, back, cancel, time-out |
//! | [`mishaps`] | the network, the head and the camera fail in the middle; a rejected photo is shot again |
//! | [`power`] | power cuts before and after the submission, without a network; a page that dies |
//! | [`photographer`] | two students by a photographer's keys |
//! | [`staff`] | every staff command shut before the PIN and after it, and a walk through the rooms |
//! | [`doorway`] | a station that cannot open says why |
//! | [`driven`], [`hands`] | display, drivers and program; what a person does before them |
//! | [`visit`], [`place`], [`lens`] | what every visit has in common; backend and folder; a camera that the test directs |
//! | [`screen`] | what stands on the display |
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
mod lens;
mod mishaps;
mod photographer;
mod place;
mod power;
mod refusals;
mod screen;
mod staff;
mod student;
mod visit;
