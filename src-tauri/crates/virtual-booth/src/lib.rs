//! A rendered student in front of a rendered wall, with ground truth: the stand-in for a camera.
//!
//! Demos, tests and benches need a person who sits, tilts, blinks and shows a code on a phone, every time the
//! same, and of whom everything is known: which share of each pixel is person, where the eyes, the crown, the
//! chin and the cheeks are. No photograph offers that, and no photograph of a real person belongs in a test.
//!
//! [`Booth::frame`] gives the pictures, [`Booth::truth`] what is true in them, [`Booth::still`] one picture of
//! any pose. Nothing here reads a clock or a random source: the same [`BoothOptions`], [`Act`] and frame number
//! give the same bytes, however many threads render.
//!
//! # Units
//! - Pictures: pixels, origin at the outer corner of the top-left pixel, x to the right, y down. *Left* and
//!   *right* are the picture's.
//! - Space: one unit is the distance between the student's pupils (63 mm). Head space has its origin between
//!   the pupils, x to the picture's right, y up, z towards the camera.
//! - Angles: degrees. Light: linear, 1.0 is the brightest the sensor holds.
//!
//! # Deliberately absent
//! Bodies below the chest, expressions beyond eyes and mouth, refraction in glasses, depth of field.

mod act;
mod booth;
mod clothes;
mod glasses;
mod hair;
mod head;
mod headwear;
mod person;
mod phone;
mod render;
mod room;
mod sdf;
pub mod spoil;
mod student;
mod truth;

pub use act::{Act, Light, Posing};
pub use booth::{Booth, BoothOptions};
pub use phone::Screen;
pub use room::Wall;
pub use student::{Clothes, Covering, Frame, Garment, Hair, HairColour, Headwear, Skin, Student};
pub use truth::{FaceBox, Pose, Truth};
