//! What the camera sees, in the words a hint needs: nothing, one code, several, or one that is there and
//! cannot be read, with the likely reason.

use image::GrayImage;

use crate::reader::Outline;
use crate::{Found, Kind, Pattern, Reader, classify};

/// Pixels a module below which the ladder stops reading reliably. Measured with a 37-module symbol in 720p
/// frames with noise: sharp pictures (blur of 0.4 px sigma) are read from 1.4 px on, 0.8 px from 2.0,
/// 1.2 px from 3.0, 1.6 px from 3.5; a webcam's focus lies at the soft end.
const LEAST_MODULE_PX: f32 = 3.0;

/// Modules a side assumed when a symbol's version cannot be made out: version 5, what about seventy
/// bytes need at level L or M.
const USUAL_MODULES: u32 = 37;

/// A corner this close to the border means a part of the symbol may be outside, in pixels.
const BORDER_PX: f32 = 4.0;

/// About half of a symbol is dark by design (ISO/IEC 18004 masking); with more than this share of it
/// burnt out, dark modules are lost.
const MOST_BURNT: f32 = 0.62;

/// Burnt out: at or above this level.
const BURNT: u8 = 250;

/// What the camera sees now.
#[derive(Debug, Clone)]
pub enum Sight {
    /// No code.
    Nothing,
    /// One code, read.
    One(Seen),
    /// Several different codes, read. Which one is meant is for the student to say.
    Several(Vec<Seen>),
    /// A code is there and was not read.
    Located(Glimpse),
}

/// A code that was read, and how it is held.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The code.
    pub found: Found,
    /// What it is.
    pub kind: Kind,
    /// Share of the frame's area it fills, 0–1.
    pub coverage: f32,
    /// Its middle relative to the frame's, in half frames: 0, 0 is the centre, -1 the left or top border.
    pub offset: [f32; 2],
    /// Whether it reaches the border of the frame.
    pub touches_border: bool,
}

/// A code that is there and was not read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glimpse {
    /// Its corners in frame pixels, as far as they can be trusted.
    pub corners: [[f32; 2]; 4],
    /// Share of the frame's area it fills, 0–1.
    pub coverage: f32,
    /// Why it probably cannot be read.
    pub trouble: Trouble,
}

/// Why a code that is there cannot be read, as far as the pixels tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Its modules are too few pixels wide: come closer.
    TooSmall,
    /// It reaches the border of the frame: move away.
    CutOff,
    /// Burnt out by a lamp or by the screen itself.
    Glare,
    /// None of these: blurred, covered, damaged. Hold still.
    Unclear,
}

impl Reader {
    /// Looks at a live frame and says what is there.
    pub fn look(&mut self, luma: &GrayImage, pattern: &Pattern) -> Sight {
        let (found, outlines) = self.read_and_locate(luma);
        let mut seen: Vec<Seen> = found
            .into_iter()
            .map(|found| Seen::new(found, luma, pattern))
            .collect();
        match seen.len() {
            0 => largest(&outlines).map_or(Sight::Nothing, |outline| Sight::Located(glimpse(outline, luma))),
            1 => Sight::One(seen.remove(0)),
            _ => Sight::Several(seen),
        }
    }
}

impl Seen {
    fn new(found: Found, luma: &GrayImage, pattern: &Pattern) -> Self {
        let (width, height) = (luma.width() as f32, luma.height() as f32);
        let middle = [0, 1].map(|axis| found.corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0);
        Self {
            kind: classify(&found.text, pattern),
            coverage: area(&found.corners) / (width * height),
            offset: [middle[0] / width * 2.0 - 1.0, middle[1] / height * 2.0 - 1.0],
            touches_border: touches_border(&found.corners, luma),
            found,
        }
    }
}

fn largest(outlines: &[Outline]) -> Option<&Outline> {
    outlines
        .iter()
        .max_by(|one, other| area(&one.corners).total_cmp(&area(&other.corners)))
}

fn glimpse(outline: &Outline, luma: &GrayImage) -> Glimpse {
    let corners = outline.corners;
    let modules = outline.modules.unwrap_or(USUAL_MODULES) as f32;
    let trouble = if touches_border(&corners, luma) {
        Trouble::CutOff
    } else if burnt_share(&corners, luma) > MOST_BURNT {
        Trouble::Glare
    } else if area(&corners).sqrt() / modules < LEAST_MODULE_PX {
        Trouble::TooSmall
    } else {
        Trouble::Unclear
    };
    let coverage = area(&corners) / (luma.width() as f32 * luma.height() as f32);
    Glimpse {
        corners,
        coverage,
        trouble,
    }
}

/// Shoelace formula.
fn area(corners: &[[f32; 2]; 4]) -> f32 {
    let twice: f32 = (0..4)
        .map(|i| {
            let ([x0, y0], [x1, y1]) = (corners[i], corners[(i + 1) % 4]);
            x0 * y1 - x1 * y0
        })
        .sum();
    twice.abs() / 2.0
}

fn touches_border(corners: &[[f32; 2]; 4], luma: &GrayImage) -> bool {
    let (right, bottom) = (luma.width() as f32 - BORDER_PX, luma.height() as f32 - BORDER_PX);
    corners
        .iter()
        .any(|&[x, y]| x < BORDER_PX || y < BORDER_PX || x > right || y > bottom)
}

/// Share of burnt-out samples on a 32x32 grid laid over the outline.
fn burnt_share(corners: &[[f32; 2]; 4], luma: &GrayImage) -> f32 {
    const GRID: u16 = 32;
    let [top_left, top_right, bottom_right, bottom_left] = *corners;
    let mut burnt = 0_u16;
    for row in 0..GRID {
        for column in 0..GRID {
            let (u, v) = (
                (f32::from(column) + 0.5) / f32::from(GRID),
                (f32::from(row) + 0.5) / f32::from(GRID),
            );
            let at = |axis: usize| {
                let top = top_left[axis] + (top_right[axis] - top_left[axis]) * u;
                let bottom = bottom_left[axis] + (bottom_right[axis] - bottom_left[axis]) * u;
                top + (bottom - top) * v
            };
            let sample = luma.get_pixel_checked(at(0).max(0.0) as u32, at(1).max(0.0) as u32);
            burnt += u16::from(sample.is_some_and(|sample| sample.0[0] >= BURNT));
        }
    }
    f32::from(burnt) / f32::from(GRID * GRID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::tests::{collection_text, frame, symbol};
    use image::{Luma, imageops};

    fn demo_pattern() -> Pattern {
        Pattern::new("^CHSI1:[A-Za-z0-9_-]{48,}$").unwrap()
    }

    fn look(frame: &GrayImage) -> Sight {
        Reader::new().look(frame, &demo_pattern())
    }

    #[test]
    fn a_code_in_the_middle_fills_its_share_of_the_frame() {
        let shown = symbol(collection_text().as_bytes(), 8);
        let half = i64::from(shown.width() / 2);
        let Sight::One(seen) = look(&frame(&[(&shown, 640 - half, 360 - half)])) else {
            panic!("one code was held up")
        };
        assert_eq!(seen.kind, Kind::Collection);
        let side = (shown.width() - 64) as f32;
        assert!((seen.coverage - side * side / (1280.0 * 720.0)).abs() < 0.005);
        assert!(seen.offset.iter().all(|offset| offset.abs() < 0.02));
        assert!(!seen.touches_border);
    }

    #[test]
    fn a_payment_code_and_a_collection_code_together_are_several() {
        let mine = symbol(collection_text().as_bytes(), 4);
        let till = symbol(b"wxp://f2f0example", 5);
        let Sight::Several(seen) = look(&frame(&[(&mine, 80, 200), (&till, 800, 200)])) else {
            panic!("two codes were held up")
        };
        let kinds: Vec<_> = seen.iter().map(|one| one.kind).collect();
        assert!(kinds.contains(&Kind::Collection) && kinds.contains(&Kind::Payment));
    }

    #[test]
    fn an_empty_room_is_nothing() {
        assert!(matches!(look(&frame(&[])), Sight::Nothing));
        assert!(matches!(look(&GrayImage::new(0, 0)), Sight::Nothing));
    }

    /// Paints over a block of the symbol's data, leaving its finder patterns: it is located, not read.
    fn with_patch(mut shown: GrayImage, level: u8, share: f32) -> GrayImage {
        let side = shown.width() as f32;
        let (from, to) = (
            (side * (0.5 - share / 2.0)) as u32,
            (side * (0.5 + share / 2.0)) as u32,
        );
        for y in from..to {
            for x in from..to {
                shown.put_pixel(x, y, Luma([level]));
            }
        }
        shown
    }

    fn trouble(sight: &Sight) -> Option<Trouble> {
        match sight {
            Sight::Located(glimpse) => Some(glimpse.trouble),
            _ => None,
        }
    }

    #[test]
    fn a_covered_code_is_located_but_unclear() {
        let shown = with_patch(symbol(collection_text().as_bytes(), 8), 120, 0.4);
        assert_eq!(
            trouble(&look(&frame(&[(&shown, 400, 100)]))),
            Some(Trouble::Unclear)
        );
    }

    #[test]
    fn a_lamp_in_the_screen_is_glare() {
        let mut shown = with_patch(symbol(collection_text().as_bytes(), 8), 255, 0.48);
        for pixel in shown.pixels_mut() {
            if pixel.0[0] > 200 {
                pixel.0[0] = 255;
            }
        }
        assert_eq!(
            trouble(&look(&frame(&[(&shown, 400, 100)]))),
            Some(Trouble::Glare)
        );
    }

    #[test]
    fn a_code_a_room_away_is_too_small() {
        let large = symbol(collection_text().as_bytes(), 8);
        let side = large.width() * 10 / 58;
        let tiny = imageops::resize(&large, side, side, imageops::FilterType::Triangle);
        let mut room = imageops::blur(&frame(&[(&tiny, 600, 300)]), 0.8);
        // A camera's own noise, the same every time.
        for (i, pixel) in room.pixels_mut().enumerate() {
            pixel.0[0] = pixel.0[0].saturating_add(((i * 7919) % 80) as u8);
        }
        assert_eq!(trouble(&look(&room)), Some(Trouble::TooSmall));
    }
}
