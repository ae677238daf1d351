//! What is in a picture: faces, the points of a face, how the head is held, which pixels are the person.
//!
//! Four small networks (BlazeFace, Face Mesh, the eyes of Attention Mesh, Selfie Segmentation) run in pure
//! Rust on the processor. They come from `assets/models`, where set-up puts them; [`Models::load`] is the only
//! way in and says so when they are missing. Nothing here decides whether a photo is acceptable.
//!
//! Coordinates are pixels of the picture that was given, origin at the top-left corner of the top-left pixel,
//! so the centre of that pixel is (0.5, 0.5). Left and right are the picture's, not the person's. Points may
//! lie outside the picture.

#[cfg(test)]
mod booth;
mod detector;
mod eyes;
mod mesh;
mod models;
mod pose;
#[cfg(test)]
mod reference;
mod segmenter;

pub use detector::{Area, Face};
pub use eyes::Eye;
pub use mesh::Mesh;
pub use models::{Models, Pace};
pub use pose::Pose;
