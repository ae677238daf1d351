//! A photo in; a standard photo with its report and proof out.
//!
//! A register refuses a photo for reasons a student cannot see: a crown three pixels too high, a chest cut off, a
//! shadow on the wall. This crate measures what the register measures, moves and scales the capture as little as
//! the standard allows (one scale, one translation, never a rotation), replaces the wall and nothing but the wall,
//! and says for every point what was measured, what the limit is, where the limit comes from and what to do.
//!
//! - [`Original`]: a capture's bytes and pixels, bounded on the way in.
//! - [`Spec`]: a picture standard as data.
//! - [`standardize`]: capture to finished file, with a [`Report`].
//! - [`guide`]: the live half, one hint at a time while the student sits down.
//! - [`matte`]: person and wall parted.
//! - [`check_file`]: a finished picture judged on its own.
//! - [`prove`]: is a finished picture the scaled capture and nothing else, measured anew.
//! - [`sheet`]: print sheets.
//!
//! Coordinates are pixels with the origin at the top-left corner of the top-left pixel; "left" and "right" are the
//! picture's. Nothing here knows a camera, a visit or a vendor, and nothing recognizes anybody.

mod checks;
mod clothing;
mod colour;
mod compose;
mod face;
mod font;
mod fringe;
pub mod geometry;
mod guide;
mod inspect;
mod jpeg;
mod matte;
mod meter;
mod original;
mod photometry;
mod proof;
mod recapture;
mod refusal;
mod report;
mod resample;
pub mod sheet;
mod skin;
mod spec;
mod spectrum;
mod standardize;
mod vision;
mod wall_watch;

pub use font::Font;
pub use guide::{Arrow, Guidance, Hint, Tracker, guide};
pub use inspect::check_file;
pub use matte::{Matte, Method, composite, matte, trimap};
pub use meter::{LightHint, LightReading};
pub use original::{MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE, Original};
pub use proof::{Point, PointCode, Proof, prove};
pub use refusal::Refusal;
pub use report::{Check, CheckCode, FileFacts, Light, MatteFacts, Measured, Report, SCHEMA, Transform};
pub use spec::{Band, Bands, CaptureLimits, FileLimits, Spec};
pub use standardize::{Outcome, Stage, StandardPhoto, standardize, standardize_timed};
pub use vision::{Area, Eye, Face, Mesh, Models, Pace, Pose};
pub use wall_watch::{Cast, Drift, WallGrid};

/// A rectangle in pixels.
pub type Rect = Area;

/// What can go wrong. A photo that is merely not acceptable is no error: it is a [`Report`].
#[derive(Debug, thiserror::Error)]
pub enum PortraitError {
    /// The vision networks are missing or damaged; the sentence says which file and what to do.
    #[error("vision models: {0}")]
    Models(String),
    /// A picture file was refused; it says why in Chinese and English.
    #[error("{0}")]
    Picture(#[from] Refusal),
    /// A spec file was refused; the sentence names the line.
    #[error("photo spec: {0}")]
    Spec(String),
    /// A sheet layout was refused.
    #[error("print sheet: {0}")]
    Layout(String),
    /// A finished file could not be written as meant.
    #[error("encoding: {0}")]
    Encode(String),
}
