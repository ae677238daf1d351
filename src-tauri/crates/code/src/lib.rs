//! Finds and reads collection codes, and says what a wrong code is.
//!
//! A student holds a telephone before the camera, brightness anywhere, sometimes a screenshot of a
//! screenshot. [`Reader`] climbs a ladder of three readers until one of them answers; [`classify`] says
//! what was shown, because a payment code and a mini-program's code are shown at every booth; [`Sight`]
//! is the same for the live picture, with a word on why a code that is there cannot be read, and [`Lookout`]
//! remembers from frame to frame.
//!
//! What a code says is a secret: it never leaves [`CodeText`] by accident. People and logs see its
//! [`Tag`].

mod kind;
mod own;
mod plan;
mod reader;
mod round;
mod sight;
mod text;
mod third;

pub use kind::{CodeError, Kind, Pattern, classify};
pub use reader::{Decoder, Found, Reader};
pub use sight::{Glimpse, Lookout, Seen, Sight, Trouble};
pub use text::{CodeText, Tag};
