//! The reader of our own: for symbols the other readers locate and cannot read.
//!
//! All safe Rust without a panic by construction; every buffer with decoded bytes is wiped.

mod decode;
mod equalize;
mod finder;
mod layout;
mod message;
mod plane;
mod reed_solomon;

use image::GrayImage;

use self::equalize::Sampled;
use self::finder::Triple;
use self::layout::Layout;
use self::plane::{Corners, Light, Marks, Plane, fit};
use crate::CodeText;

/// Agreement of the fixed modules below which there is no symbol in this place. A fit on noise reaches
/// about 0.3 by its freedom.
const LEAST_AGREEMENT: f32 = 0.35;

/// Rounds of learning from one's own decisions.
const ROUNDS: usize = 3;

/// A code that was read, and where.
pub(crate) struct Read {
    pub(crate) text: CodeText,
    pub(crate) corners: Corners,
}

/// Symbols worth a try in one frame.
const MOST_TRIPLES: usize = 3;

/// Versions tried beside the one the finders' distances say, on each side.
const VERSIONS_BESIDE: usize = 2;

/// Reads the symbol with `modules` modules a side (21, 25, … 177) within `corners`, which may be off by
/// about two modules each.
pub(crate) fn read_at(luma: &GrayImage, corners: &Corners, modules: u32) -> Option<Read> {
    let version = modules.checked_sub(17)? / 4;
    let layout = Layout::new(version as usize)?;
    let light = Light::around(luma, corners, 24.0)?;
    let marks = Marks::new(&layout);
    let (corners, agreement) = fit(&light, &marks, layout.side as f32, corners, 1.0)?;
    if agreement < LEAST_AGREEMENT {
        return None;
    }
    let text = read_fitted(&light, &layout, &corners)?;
    Some(Read { text, corners })
}

/// What a search of the whole frame came to.
#[derive(Default)]
pub(crate) struct Search {
    pub(crate) read: Option<Read>,
    /// Symbols that are there by their fixed modules and were not read: corners and modules a side.
    pub(crate) located: Vec<(Corners, u32)>,
}

/// Searches the frame for symbols of its own and reads the first that can be read.
pub(crate) fn read_anywhere(luma: &GrayImage) -> Search {
    let finders = finder::finders(luma);
    let mut search = Search::default();
    for triple in finder::triples(&finders, MOST_TRIPLES) {
        search.read = read_triple(luma, &triple, &mut search.located);
        if search.read.is_some() {
            break;
        }
    }
    search
}

/// Where a fit begins.
struct Start {
    corners: Corners,
    agreement: f32,
    layout: Layout,
    marks: Marks,
}

fn read_triple(luma: &GrayImage, triple: &Triple, located: &mut Vec<(Corners, u32)>) -> Option<Read> {
    let side = (triple.corners()[1][0] - triple.corners()[0][0])
        .hypot(triple.corners()[1][1] - triple.corners()[0][1]);
    let mut light = Light::around(luma, &triple.corners(), side * 0.25 + 8.0)?;
    if triple.finders[0].inverted {
        light.invert();
    }
    let guess = ((triple.modules - 17.0) / 4.0).round().clamp(1.0, 40.0) as usize;
    let versions = guess.saturating_sub(VERSIONS_BESIDE).max(1)..=(guess + VERSIONS_BESIDE).min(40);
    let mut starts: Vec<Start> = versions
        .filter_map(|version| start(&light, triple, version))
        .collect();
    starts.sort_by(|one, other| other.agreement.total_cmp(&one.agreement));
    for (rank, start) in starts.iter().take(2).enumerate() {
        let Some((corners, agreement)) = start.fitted(&light) else {
            continue;
        };
        if agreement < LEAST_AGREEMENT {
            continue;
        }
        if rank == 0 {
            located.push((corners, start.layout.side as u32));
        }
        if let Some(text) = read_fitted(&light, &start.layout, &corners) {
            return Some(Read { text, corners });
        }
    }
    None
}

/// The last corner is sought first: the three finders stay where they are and the perspective turns.
fn start(light: &Light, triple: &Triple, version: usize) -> Option<Start> {
    let layout = Layout::new(version)?;
    let marks = Marks::new(&layout);
    let side = layout.side as f32;
    let [a, b, c] = triple.finders.map(|finder| finder.at);
    let mut best: Option<(Corners, f32)> = None;
    for along in -6..=6_i8 {
        for across in -6..=6_i8 {
            let (u, v) = (1.0 + 0.035 * f32::from(along), 1.0 + 0.035 * f32::from(across));
            let d = [0, 1].map(|axis| a[axis] + (b[axis] - a[axis]) * u + (c[axis] - a[axis]) * v);
            let Some(inner) = Plane::new(&[a, b, d, c], side - 7.0) else {
                continue;
            };
            let (near, far) = (-3.5, side - 3.5);
            let corners = [
                inner.at(near, near),
                inner.at(far, near),
                inner.at(far, far),
                inner.at(near, far),
            ];
            let Some(plane) = Plane::new(&corners, side) else {
                continue;
            };
            let agreement = marks.agreement(light, &plane);
            if best.is_none_or(|(_, best)| agreement > best) {
                best = Some((corners, agreement));
            }
        }
    }
    let (corners, agreement) = best?;
    Some(Start {
        corners,
        agreement,
        layout,
        marks,
    })
}

impl Start {
    /// The corners after the fit and the agreement there.
    fn fitted(&self, light: &Light) -> Option<(Corners, f32)> {
        fit(light, &self.marks, self.layout.side as f32, &self.corners, 1.0)
    }
}

fn read_fitted(light: &Light, layout: &Layout, corners: &Corners) -> Option<CodeText> {
    let plane = Plane::new(corners, layout.side as f32)?;
    decode_sampled(&Sampled::new(light, &plane, layout.side), layout)
}

fn decode_sampled(sampled: &Sampled, layout: &Layout) -> Option<CodeText> {
    let plain = sampled.plain();
    if let Some(decoded) = decode::decode(&plain, layout) {
        return Some(decoded.text);
    }
    let mut guess = sampled.equalized(layout, None);
    for _ in 0..ROUNDS {
        if let Some(decoded) = decode::decode(&guess, layout) {
            return Some(decoded.text);
        }
        guess = sampled.equalized(layout, Some(&guess));
    }
    decode::decode(&guess, layout).map(|decoded| decoded.text)
}
