//! What the camera sees, in the words a hint needs: nothing, darkness, one code, several, a round one, or one that
//! is there and cannot be read, with the likely reason.

use image::GrayImage;

use crate::reader::Outline;
use crate::{Found, Kind, Pattern, Reader, classify, round};

/// Pixels a module below which a code counts as too small. Live reads fall below one half of the frames at 1.4 px with
/// a sharp lens (blur of 0.5 px sigma), at 1.7 px with a usual one (0.9 px) and at 2.5 px with a soft one (1.4 px), and
/// are nearly complete 0.3 px further on (`cargo xtask bench scan --distances`, 24 frames each). The bound lies between
/// the usual lens and the soft one: above it something else is as likely in the way.
const LEAST_MODULE_PX: f32 = 2.0;

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

/// From this share of the frame a code that reaches the border is too close; a smaller one is half outside. A square
/// as high as the frame fills 0.56 of a 16:9 picture.
const CLOSE: f32 = 0.35;

/// Mean level below which the room is too dark. Rendered booths at a tenth of their light have 30 and are read well
/// off a bright screen.
const DARK: f32 = 24.0;

/// A code whose middle moves farther than this from one look to the next is smeared, in shares of its own side:
/// a shutter is open for up to half the time between frames, and more than a module of blur reads badly.
const MOVING: f32 = 0.06;

/// How many looks a code that was there may be missed for before it counts as gone.
const FORGOTTEN: u32 = 4;

/// A frame without a code is searched for a round one every so many looks.
const ROUND_EVERY: u32 = 6;

/// What the camera sees now.
#[derive(Debug, Clone)]
pub enum Sight {
    /// No code.
    Nothing,
    /// No code, and hardly any light.
    Dark,
    /// The round code that only starts a mini-program: it holds no collection code.
    Round,
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
    /// It fills the frame and more: move away.
    TooClose,
    /// It reaches the border of the frame: move it into the middle.
    CutOff,
    /// Burnt out by a lamp or by the screen itself.
    Glare,
    /// It moves: hold still.
    Moving,
    /// None of these: blurred, covered, damaged.
    Unclear,
}

/// Eyes with a short memory: a [`Reader`] and what the frames before showed.
#[derive(Default)]
pub struct Lookout {
    reader: Reader,
    /// Looks since the start.
    looks: u32,
    /// Middle of the code that was there last, and in which look.
    last: Option<([f32; 2], u32)>,
    /// In which look a round code was there last.
    round: Option<u32>,
}

impl Lookout {
    /// Looks at the next live frame and says what is there.
    pub fn look(&mut self, luma: &GrayImage, pattern: &Pattern) -> Sight {
        self.looks = self.looks.wrapping_add(1);
        let (found, outlines) = self.reader.read_and_locate(luma);
        let mut seen: Vec<Seen> = found
            .into_iter()
            .map(|found| Seen::new(found, luma, pattern))
            .collect();
        match seen.len() {
            0 => self.unread(&outlines, luma),
            1 => {
                let one = seen.remove(0);
                self.place(&one.found.corners);
                self.round = None;
                Sight::One(one)
            }
            _ => Sight::Several(seen),
        }
    }

    fn unread(&mut self, outlines: &[Outline], luma: &GrayImage) -> Sight {
        // Its eyes are taken for a square code's at times.
        if self.looks.is_multiple_of(ROUND_EVERY) {
            self.round = round::find(luma).map(|_| self.looks);
        }
        if self
            .round
            .is_some_and(|at| self.looks.wrapping_sub(at) < ROUND_EVERY)
        {
            return Sight::Round;
        }
        if let Some(outline) = largest(outlines) {
            let mut glimpse = glimpse(outline, luma);
            if self.place(&outline.corners) && glimpse.trouble == Trouble::Unclear {
                glimpse.trouble = Trouble::Moving;
            }
            return Sight::Located(glimpse);
        }
        if mean(luma) < DARK {
            Sight::Dark
        } else {
            Sight::Nothing
        }
    }

    /// Remembers where a code is; whether it has moved too fast to be sharp.
    fn place(&mut self, corners: &[[f32; 2]; 4]) -> bool {
        let middle = middle(corners);
        let side = area(corners).sqrt();
        let moving = self.last.is_some_and(|(before, at)| {
            let looks = self.looks.wrapping_sub(at);
            let way = (middle[0] - before[0]).hypot(middle[1] - before[1]);
            looks <= FORGOTTEN && way > MOVING * side * looks as f32
        });
        self.last = Some((middle, self.looks));
        moving
    }
}

fn middle(corners: &[[f32; 2]; 4]) -> [f32; 2] {
    [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0)
}

/// Mean level, of every 64th sample.
fn mean(luma: &GrayImage) -> f32 {
    let samples = luma.as_raw().iter().step_by(64);
    let count = samples.len().max(1) as f32;
    samples.map(|v| f32::from(*v)).sum::<f32>() / count
}

impl Seen {
    fn new(found: Found, luma: &GrayImage, pattern: &Pattern) -> Self {
        let (width, height) = (luma.width() as f32, luma.height() as f32);
        let middle = middle(&found.corners);
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
    let coverage = area(&corners) / (luma.width() as f32 * luma.height() as f32);
    let trouble = if touches_border(&corners, luma) {
        if coverage > CLOSE {
            Trouble::TooClose
        } else {
            Trouble::CutOff
        }
    } else if burnt_share(&corners, luma) > MOST_BURNT {
        Trouble::Glare
    } else if area(&corners).sqrt() / modules < LEAST_MODULE_PX {
        Trouble::TooSmall
    } else {
        Trouble::Unclear
    };
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
        Lookout::default().look(frame, &demo_pattern())
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
    }

    #[test]
    fn a_room_without_light_is_dark() {
        assert!(matches!(
            look(&GrayImage::from_pixel(1280, 720, Luma([12]))),
            Sight::Dark
        ));
        assert!(matches!(look(&GrayImage::new(0, 0)), Sight::Dark));
    }

    #[test]
    fn a_round_code_is_a_mini_program_and_gone_when_it_is_gone() {
        let code = crate::round::tests::drawn(54, 300, 5);
        let mut lookout = Lookout::default();
        let mut see = |shown: &GrayImage| lookout.look(shown, &demo_pattern());
        let room = frame(&[(&code, 400, 200)]);
        assert!((0..12).any(|_| matches!(see(&room), Sight::Round)));
        let empty = frame(&[]);
        let last = (0..12).map(|_| see(&empty)).last();
        assert!(matches!(last, Some(Sight::Nothing)));
    }

    #[test]
    fn a_code_that_moves_is_told_to_hold_still() {
        let shown = with_patch(symbol(collection_text().as_bytes(), 8), 120, 0.4);
        let mut lookout = Lookout::default();
        let mut at = |x: i64| trouble(&lookout.look(&frame(&[(&shown, x, 100)]), &demo_pattern()));
        assert_eq!(at(300), Some(Trouble::Unclear));
        assert_eq!(at(303), Some(Trouble::Unclear));
        assert_eq!(at(363), Some(Trouble::Moving));
        assert_eq!(at(423), Some(Trouble::Moving));
        assert_eq!(at(424), Some(Trouble::Unclear));
    }

    #[test]
    fn a_code_at_the_border_is_cut_off_or_too_close() {
        let glimpse = |corners| {
            let outline = Outline {
                corners,
                modules: Some(37),
            };
            super::glimpse(&outline, &frame(&[])).trouble
        };
        let square = |x: f32, y: f32, side: f32| [[x, y], [x + side, y], [x + side, y + side], [x, y + side]];
        assert_eq!(glimpse(square(-40.0, 200.0, 300.0)), Trouble::CutOff);
        assert_eq!(glimpse(square(300.0, -20.0, 760.0)), Trouble::TooClose);
        assert_eq!(glimpse(square(300.0, 100.0, 400.0)), Trouble::Unclear);
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
