//! The reader of our own: for symbols the other readers locate and cannot read.
//!
//! All safe Rust without a panic by construction; every buffer with decoded bytes is wiped.

mod burnt;
mod cancel;
mod decode;
mod equalize;
mod fusion;
mod layout;
mod locate;
mod message;
mod plane;
mod reed_solomon;
mod rings;

use image::GrayImage;

pub(crate) use self::burnt::eased;
pub(crate) use self::fusion::Memory;
pub(crate) use self::locate::Located;
use self::plane::{Corners, Light};
pub(crate) use self::rings::{Corner3, Spot};
use crate::CodeText;

/// Symbols worth a try in one frame.
pub(crate) const MOST_TRIPLES: usize = 4;

/// A code that was read, and where.
pub(crate) struct Read {
    pub(crate) text: CodeText,
    pub(crate) corners: Corners,
}

/// What a glance at a frame shows that may be finder patterns, the likeliest first.
pub(crate) fn glance(luma: &GrayImage) -> Vec<Spot> {
    rings::glance(luma)
}

/// Whether it is worth a search.
pub(crate) fn promising(glanced: &[Spot]) -> bool {
    rings::promising(glanced)
}

/// A frame prepared for the search.
pub(crate) struct Scene<'a> {
    luma: &'a GrayImage,
    light: Light,
}

impl<'a> Scene<'a> {
    /// Nothing for a frame too small to show anything.
    pub(crate) fn new(luma: &'a GrayImage) -> Option<Self> {
        let light = Light::whole(luma)?;
        Some(Self { luma, light })
    }

    /// Likely symbols by their finder patterns, those of a glance among them, the likeliest first.
    pub(crate) fn triples(&self, glanced: &[Spot]) -> Vec<Corner3> {
        rings::triples(&rings::spots(self.luma, &self.light, glanced), MOST_TRIPLES)
    }

    /// The symbols that a triple may be, the likeliest first.
    pub(crate) fn around(&self, triple: &Corner3) -> Vec<Located> {
        locate::around(&self.light, triple)
    }

    /// The symbol with `modules` modules a side (21, 25, … 177) within an outline that may be off by about two
    /// modules.
    pub(crate) fn within(&self, corners: &Corners, modules: u32) -> Option<Located> {
        locate::within(&self.light, corners, modules)
    }

    /// The symbol of an earlier frame in this one.
    pub(crate) fn again(&self, last: &Located) -> Option<Located> {
        locate::again(&self.light, last)
    }

    /// Reads a located symbol, with what `memory` holds of it.
    pub(crate) fn read(&self, located: &Located, memory: &mut Memory) -> Option<Read> {
        let decoded = memory.read(&self.light, located)?;
        Some(Read {
            text: decoded.text,
            corners: located.corners,
        })
    }
}
