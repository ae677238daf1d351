//! The ladder of readers: the fast and good one first, the slower and odder ones when it is silent.
//!
//! Measured on 780 synthetic stills of 720p: zxing-cpp with everything it can try reads 83 %, rxing 79 %, the live
//! ladder 94 %, with no wrong reading and in 0.8 of zxing-cpp's median time; of 160 scenes shot under hard conditions in
//! eight frames zxing-cpp reads 8 %, the live ladder 59 %. Of the `ZXing` project's own 97 pictures the ladder for files
//! reads all (the text written beside one, 13 of the second folder, lacks a letter that its symbol has). It fails where
//! light is burnt out (a strong reflection 20 to 60 %, a bloomed screen nothing) and where a motion wipes out whole
//! stripes (12 px on modules of 5 px: 60 %). What is dear is only done while a frame's time lasts: on an overloaded
//! machine fewer of the hard scenes are read within three frames.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use image::GrayImage;
use zxingcpp::{Barcode, BarcodeFormat, BarcodeReader, Binarizer, ImageFormat, ImageView};

use crate::CodeText;
use crate::own;
use crate::plan::{Facts, Pass, Planner};
use crate::third::{Rqrr, Third};

/// How long a picture file may keep the third reader busy; a 12-megapixel photograph takes it 0.3 s.
const FILE_WAIT: Duration = Duration::from_secs(3);

/// How long a live frame may wait for the third reader. It needs 16 ms for 720p when all is well, and
/// the next frame is the better chance.
const LIVE_WAIT: Duration = Duration::from_millis(60);

/// When the third reader counts as stalled.
const PATIENCE: Duration = Duration::from_secs(3);

/// The smallest QR code has 21 modules a side; less than that many pixels cannot show one.
const LEAST_SIDE: u32 = 21;

/// The 2x pass is for small codes in frames, not for large scans: the doubled picture stays below this.
const MOST_DOUBLED_PIXELS: u64 = 40_000_000;

/// Paper is at least this light where the ink is a photograph, as in two of the `ZXing` pictures; 200 to 230
/// will do.
const PAPER: u8 = 215;

/// Which reader answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decoder {
    /// zxing-cpp on the frame as it is, or in picture files with all that is not white made black.
    ZxingCpp,
    /// zxing-cpp on the frame at twice its size.
    ZxingCppDouble,
    /// rqrr on the frame as it is.
    Rqrr,
    /// Our own reader.
    Own,
}

impl Decoder {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ZxingCpp => "zxing-cpp",
            Self::ZxingCppDouble => "zxing-cpp-2x",
            Self::Rqrr => "rqrr",
            Self::Own => "own",
        }
    }
}

/// One code that was read.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it says, byte for byte.
    pub text: CodeText,
    /// Corners in frame pixels, clockwise from the symbol's own top left: top left, top right, bottom
    /// right, bottom left. Good to about a pixel.
    pub corners: [[f32; 2]; 4],
    /// Who read it.
    pub decoder: Decoder,
}

/// Reads QR codes from luma pictures of any size.
///
/// Keep one per camera: it owns the third reader's thread. Never panics, whatever the picture.
pub struct Reader {
    third: Third,
    planner: Planner,
    /// The symbol located last.
    last: Option<own::Located>,
    memory: own::Memory,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader with nothing started; the third reader's thread begins with its first frame.
    pub fn new() -> Self {
        Self {
            third: Third::new(|| Box::new(Rqrr), PATIENCE),
            planner: Planner::default(),
            last: None,
            memory: own::Memory::default(),
        }
    }

    /// The whole ladder with time to spare, for picture files. Every code of the first reader that finds
    /// one; the same text twice counts once. Empty when nothing was read.
    pub fn read(&mut self, luma: &GrayImage) -> Vec<Found> {
        if too_small_for_any_code(luma) {
            return Vec::new();
        }
        let pass = zxing(luma, Effort::Full);
        if pass.found.is_empty() {
            self.upper_rungs(luma, FILE_WAIT, &pass.unreadable)
        } else {
            pass.found
        }
    }

    /// The ladder for live frames: the same rungs, as many as a frame's time allows ([`Planner`]), and what
    /// the frames before showed of the same symbol is used.
    pub fn read_live(&mut self, luma: &GrayImage) -> Vec<Found> {
        self.read_and_locate(luma).0
    }

    /// As [`Reader::read_live`], together with the outlines of symbols that are there but unreadable.
    pub(crate) fn read_and_locate(&mut self, luma: &GrayImage) -> (Vec<Found>, Vec<Outline>) {
        if too_small_for_any_code(luma) {
            return (Vec::new(), Vec::new());
        }
        let began = Instant::now();
        let eased = OnceCell::new();
        let mut frame = LiveFrame::new(luma, &eased);
        self.planner.begin();
        while let Some(pass) = self.planner.next(frame.facts(), began.elapsed()) {
            let start = began.elapsed();
            self.run(pass, &mut frame);
            self.planner.took(pass, began.elapsed().saturating_sub(start));
        }
        if !frame.found.is_empty() {
            self.memory.clear();
        }
        self.planner.end(frame.facts());
        if !self.planner.follows() {
            self.last = None;
        }
        (frame.found, frame.outlines)
    }

    fn run(&mut self, pass: Pass, frame: &mut LiveFrame) {
        match pass {
            Pass::First => frame.take(zxing(frame.luma, Effort::Plain)),
            // Most frames get no other pass: they are not looked at for burnt parts.
            Pass::Full => frame.take(zxing(frame.eased_already(), Effort::Full)),
            Pass::Outline => {
                let Some(at) = frame.untried.pop() else { return };
                let Outline {
                    corners,
                    modules: Some(modules),
                } = frame.outlines[at]
                else {
                    return;
                };
                if let Some(located) = frame.scene().and_then(|scene| scene.within(&corners, modules)) {
                    self.try_located(frame, located);
                }
            }
            Pass::Follow => {
                let Some(last) = self.last.clone() else { return };
                if let Some(located) = frame.scene().and_then(|scene| scene.again(&last)) {
                    self.try_located(frame, located);
                }
            }
            Pass::Glance => frame.glanced = own::glance(frame.eased()),
            Pass::Search => {
                let glanced = std::mem::take(&mut frame.glanced);
                let mut triples = frame
                    .scene()
                    .map(|scene| scene.triples(&glanced))
                    .unwrap_or_default();
                frame.glanced = glanced;
                triples.reverse();
                frame.likely = triples;
            }
            Pass::Likely => {
                let Some(triple) = frame.likely.pop() else { return };
                let located = frame
                    .scene()
                    .map(|scene| scene.around(&triple))
                    .unwrap_or_default();
                for located in located {
                    self.try_located(frame, located);
                }
            }
            Pass::Double => {
                frame.found = doubled(frame.eased())
                    .map(|large| zxing(&large, Effort::Full).found)
                    .unwrap_or_default()
                    .into_iter()
                    .map(from_doubled)
                    .collect();
            }
            Pass::Third => frame.found = self.third_reader(frame.luma, LIVE_WAIT),
        }
    }

    fn try_located(&mut self, frame: &mut LiveFrame, located: own::Located) {
        if !frame.found.is_empty() {
            return;
        }
        let Some(scene) = frame.scene() else { return };
        let read = scene.read(&located, &mut self.memory);
        frame.found.extend(read.map(own_found));
        if !located.is_sure() && frame.found.is_empty() {
            return;
        }
        if frame.outlines.is_empty() {
            frame.outlines.push(Outline {
                corners: located.corners,
                modules: Some(located.side() as u32),
            });
        }
        frame.located = true;
        self.last = Some(located);
    }

    fn third_reader(&mut self, luma: &GrayImage, wait: Duration) -> Vec<Found> {
        let found = self.third.read(luma, wait).into_iter().map(|plain| Found {
            text: plain.text,
            corners: plain.corners,
            decoder: Decoder::Rqrr,
        });
        one_of_each(found.collect())
    }

    fn upper_rungs(&mut self, luma: &GrayImage, wait: Duration, unread: &[Outline]) -> Vec<Found> {
        let found = doubled(luma)
            .map(|large| zxing(&large, Effort::Full).found)
            .unwrap_or_default();
        if !found.is_empty() {
            return found.into_iter().map(from_doubled).collect();
        }
        let found = self.third_reader(luma, wait);
        if !found.is_empty() {
            return found;
        }
        let found = zxing(&inked(luma), Effort::Full).found;
        if !found.is_empty() {
            return found;
        }
        let eased = own::eased(luma);
        let found = eased
            .as_ref()
            .map(|eased| zxing(eased, Effort::Full).found)
            .unwrap_or_default();
        if !found.is_empty() {
            return found;
        }
        let luma = eased.as_ref().unwrap_or(luma);
        let Some(scene) = own::Scene::new(luma) else {
            return Vec::new();
        };
        let outlined = unread
            .iter()
            .filter_map(|outline| scene.within(&outline.corners, outline.modules?));
        let read = outlined.filter_map(|located| scene.read(&located, &mut own::Memory::default()));
        let found = one_of_each(read.map(own_found).collect());
        if !found.is_empty() {
            return found;
        }
        let triples = scene.triples(&own::glance(luma));
        let located = triples.iter().flat_map(|triple| scene.around(triple));
        let mut read = located.filter_map(|located| scene.read(&located, &mut own::Memory::default()));
        read.next().map(own_found).into_iter().collect()
    }
}

/// A live frame and what its passes found.
struct LiveFrame<'a> {
    luma: &'a GrayImage,
    /// The frame with another threshold around what is burnt, once that was asked for; nothing when nothing is.
    eased: &'a OnceCell<Option<GrayImage>>,
    scene: Option<own::Scene<'a>>,
    found: Vec<Found>,
    outlines: Vec<Outline>,
    /// Outlines our reader has not tried.
    untried: Vec<usize>,
    /// Likely symbols, the likeliest last.
    likely: Vec<own::Corner3>,
    /// What the glance saw.
    glanced: Vec<own::Spot>,
    located: bool,
}

impl<'a> LiveFrame<'a> {
    fn new(luma: &'a GrayImage, eased: &'a OnceCell<Option<GrayImage>>) -> Self {
        Self {
            luma,
            eased,
            scene: None,
            found: Vec::new(),
            outlines: Vec::new(),
            untried: Vec::new(),
            likely: Vec::new(),
            glanced: Vec::new(),
            located: false,
        }
    }

    fn take(&mut self, symbols: Symbols) {
        self.found = symbols.found;
        if self.outlines.is_empty() {
            self.untried = (0..symbols.unreadable.len()).collect();
            self.outlines = symbols.unreadable;
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            read: !self.found.is_empty(),
            outlines: self.untried.len(),
            likely: self.likely.len(),
            glanced: own::promising(&self.glanced),
            located: self.located,
        }
    }

    /// As [`Self::eased`] where another pass asked for it before, else the frame itself.
    fn eased_already(&self) -> &'a GrayImage {
        self.eased.get().and_then(Option::as_ref).unwrap_or(self.luma)
    }

    /// The frame as the dear passes see it.
    fn eased(&self) -> &'a GrayImage {
        self.eased
            .get_or_init(|| own::eased(self.luma))
            .as_ref()
            .unwrap_or(self.luma)
    }

    /// The frame prepared for our own search, once.
    fn scene(&mut self) -> Option<&own::Scene<'a>> {
        if self.scene.is_none() {
            self.scene = own::Scene::new(self.eased());
        }
        self.scene.as_ref()
    }
}

fn own_found(read: own::Read) -> Found {
    Found {
        text: read.text,
        corners: read.corners,
        decoder: Decoder::Own,
    }
}

fn too_small_for_any_code(luma: &GrayImage) -> bool {
    luma.width() < LEAST_SIDE || luma.height() < LEAST_SIDE
}

/// The outline of a symbol that was located and not read.
pub(crate) struct Outline {
    pub(crate) corners: [[f32; 2]; 4],
    /// Modules a side, when the symbol's version could be made out.
    pub(crate) modules: Option<u32>,
}

/// How hard zxing-cpp tries.
#[derive(Clone, Copy)]
enum Effort {
    /// Dark on light, in the frame's own size; about half the time.
    Plain,
    /// Everything it can try.
    Full,
}

struct Symbols {
    found: Vec<Found>,
    unreadable: Vec<Outline>,
}

/// One pass of zxing-cpp.
fn zxing(luma: &GrayImage, effort: Effort) -> Symbols {
    let mut pass = Symbols {
        found: Vec::new(),
        unreadable: Vec::new(),
    };
    let reader = BarcodeReader::new()
        .formats(BarcodeFormat::QRCode)
        .try_harder(true)
        .try_rotate(true)
        .try_invert(matches!(effort, Effort::Full))
        .try_downscale(matches!(effort, Effort::Full))
        .binarizer(Binarizer::LocalAverage)
        .return_errors(true);
    let view = ImageView::from_slice(luma.as_raw(), luma.width(), luma.height(), ImageFormat::Lum);
    let symbols = match view.and_then(|view| reader.from(&view)) {
        Ok(symbols) => symbols,
        Err(error) => {
            tracing::warn!(%error, "zxing-cpp refused a frame");
            return pass;
        }
    };
    for symbol in &symbols {
        let corners = corners(symbol);
        if symbol.is_valid() {
            // `bytes`, never `text`: the text is transcoded to UTF-8 by guesswork.
            let text = CodeText::new(symbol.bytes());
            pass.found.push(Found {
                text,
                corners,
                decoder: Decoder::ZxingCpp,
            });
        } else {
            pass.unreadable.push(Outline {
                corners,
                modules: modules(symbol),
            });
        }
    }
    pass.found = one_of_each(pass.found);
    pass
}

fn corners(symbol: &Barcode) -> [[f32; 2]; 4] {
    let place = symbol.position();
    [
        place.top_left,
        place.top_right,
        place.bottom_right,
        place.bottom_left,
    ]
    .map(|point| [point.x as f32, point.y as f32])
}

fn modules(symbol: &Barcode) -> Option<u32> {
    let version: u32 = symbol.extra_with_key("Version").trim_matches('"').parse().ok()?;
    (1..=40).contains(&version).then(|| 17 + 4 * version)
}

/// The same text twice is one code: a poster beside the telephone, or one symbol found at two scales.
fn one_of_each(found: Vec<Found>) -> Vec<Found> {
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    for one in found {
        if !kept.iter().any(|other| other.text == one.text) {
            kept.push(one);
        }
    }
    kept
}

fn from_doubled(found: Found) -> Found {
    let corners = found.corners.map(|[x, y]| [x / 2.0, y / 2.0]);
    Found {
        corners,
        decoder: Decoder::ZxingCppDouble,
        ..found
    }
}

/// Everything that is not white made black: symbols drawn with a photograph for ink.
fn inked(luma: &GrayImage) -> GrayImage {
    let mut inked = luma.clone();
    for level in inked.iter_mut() {
        *level = if *level >= PAPER { 255 } else { 0 };
    }
    inked
}

/// The picture at twice its size, bilinear: every new sample stands a quarter pixel beside an old one.
fn doubled(luma: &GrayImage) -> Option<GrayImage> {
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    if width as u64 * height as u64 * 4 > MOST_DOUBLED_PIXELS {
        return None;
    }
    let samples = luma.as_raw();
    let mut large = vec![0_u8; width * height * 4];
    // Rows first, each sum in 0..=1020 (weights 3 and 1), then columns, in 0..=4080.
    let mut blend = vec![0_u16; width];
    for (y, row) in large.chunks_exact_mut(width * 2).enumerate() {
        let near = &samples[(y / 2) * width..][..width];
        let far_y = if y % 2 == 0 {
            (y / 2).saturating_sub(1)
        } else {
            (y / 2 + 1).min(height - 1)
        };
        let far = &samples[far_y * width..][..width];
        for ((sum, near), far) in blend.iter_mut().zip(near).zip(far) {
            *sum = 3 * u16::from(*near) + u16::from(*far);
        }
        let mut left = blend[0];
        for (x, pair) in row.chunks_exact_mut(2).enumerate() {
            let here = blend[x];
            let right = blend[(x + 1).min(width - 1)];
            pair[0] = ((3 * here + left + 8) >> 4) as u8;
            pair[1] = ((3 * here + right + 8) >> 4) as u8;
            left = here;
        }
    }
    GrayImage::from_raw(luma.width() * 2, luma.height() * 2, large)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    use image::imageops;
    use qrcode::{EcLevel, QrCode};

    /// A made-up collection code, as the demo school prints them.
    pub(crate) fn collection_text() -> String {
        format!("CHSI1:{}", "aB3_-9Zk".repeat(8))
    }

    /// A drawn symbol with its quiet zone, dark on light.
    pub(crate) fn symbol(bytes: &[u8], module: u32) -> GrayImage {
        let code = QrCode::with_error_correction_level(bytes, EcLevel::M).unwrap();
        let side = code.width() as u32;
        let colors = code.to_colors();
        GrayImage::from_fn((side + 8) * module, (side + 8) * module, |x, y| {
            let (x, y) = (x / module, y / module);
            let inside = (4..side + 4).contains(&x) && (4..side + 4).contains(&y);
            let dark = inside && colors[((y - 4) * side + x - 4) as usize] == qrcode::Color::Dark;
            image::Luma([if dark { 20 } else { 235 }])
        })
    }

    /// A 720p frame of a grey room with pictures held into it.
    pub(crate) fn frame(shown: &[(&GrayImage, i64, i64)]) -> GrayImage {
        let mut frame = GrayImage::from_fn(1280, 720, |x, y| image::Luma([(90 + (x + y) / 40) as u8]));
        for (picture, x, y) in shown {
            imageops::overlay(&mut frame, *picture, *x, *y);
        }
        frame
    }

    fn only(found: &[Found]) -> &Found {
        assert_eq!(found.len(), 1, "one code was shown");
        &found[0]
    }

    #[test]
    fn a_code_held_up_is_read_and_located() {
        let text = collection_text();
        let shown = symbol(text.as_bytes(), 5);
        let found = Reader::new().read(&frame(&[(&shown, 400, 200)]));
        let found = only(&found);
        assert_eq!(found.text.expose(), text.as_bytes());
        assert_eq!(found.decoder, Decoder::ZxingCpp);
        let quiet = 4.0 * 5.0;
        let far = shown.width() as f32 - quiet;
        let expected = [[quiet, quiet], [far, quiet], [far, far], [quiet, far]];
        for (corner, expected) in found.corners.iter().zip(expected) {
            let off = (corner[0] - 400.0 - expected[0]).hypot(corner[1] - 200.0 - expected[1]);
            assert!(off < 3.0, "a corner is {off} px off");
        }
    }

    #[test]
    fn a_code_shown_upside_down_sideways_or_in_dark_mode_is_read() {
        let text = collection_text();
        let upright = symbol(text.as_bytes(), 4);
        let mut dark_mode = upright.clone();
        imageops::invert(&mut dark_mode);
        let mirrored = imageops::flip_horizontal(&upright);
        let turned = [
            imageops::rotate90(&upright),
            imageops::rotate180(&upright),
            imageops::rotate270(&upright),
        ];
        let mut reader = Reader::new();
        for shown in turned.iter().chain([&dark_mode, &mirrored]) {
            let found = reader.read_live(&frame(&[(shown, 300, 100)]));
            assert_eq!(only(&found).text.expose(), text.as_bytes());
        }
    }

    #[test]
    fn a_code_far_from_the_camera_is_read() {
        let text = collection_text();
        let shown = symbol(text.as_bytes(), 2);
        let found = Reader::new().read_live(&frame(&[(&shown, 611, 333)]));
        assert_eq!(only(&found).text.expose(), text.as_bytes());
    }

    #[test]
    fn every_byte_comes_through_as_it_is() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        let chinese_gb18030 = [0xb2, 0xc9, 0xbc, 0xaf, 0xc2, 0xeb];
        let with_line_ends = b"\r\nCHSI1:\0 trailing \n";
        for bytes in [
            &all_bytes[..],
            &chinese_gb18030,
            with_line_ends,
            "采集码".as_bytes(),
        ] {
            let shown = symbol(bytes, 4);
            let found = Reader::new().read(&frame(&[(&shown, 40, 20)]));
            assert_eq!(only(&found).text.expose(), bytes);
        }
    }

    #[test]
    fn the_third_reader_gives_the_same_bytes() {
        let bytes: Vec<u8> = (0..=255).collect();
        let shown = symbol(&bytes, 4);
        let mut third = Third::new(|| Box::new(Rqrr), Duration::from_mins(1));
        let found = third.read(&frame(&[(&shown, 40, 20)]), Duration::from_mins(1));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text.expose(), bytes);
    }

    #[test]
    fn two_codes_at_once_are_both_found_and_the_same_one_twice_is_one() {
        let mine = symbol(collection_text().as_bytes(), 4);
        let other = symbol(b"https://mp.weixin.qq.com/a/example", 4);
        let mut reader = Reader::new();
        let found = reader.read_live(&frame(&[(&mine, 100, 200), (&other, 700, 200)]));
        let mut texts: Vec<_> = found.iter().map(|one| one.text.expose().to_vec()).collect();
        texts.sort();
        assert_eq!(
            texts,
            [
                collection_text().into_bytes(),
                b"https://mp.weixin.qq.com/a/example".to_vec()
            ]
        );

        let found = reader.read_live(&frame(&[(&mine, 100, 200), (&mine, 700, 200)]));
        only(&found);
    }

    #[test]
    fn nothing_is_read_from_an_empty_room_or_an_empty_picture() {
        let mut reader = Reader::new();
        assert!(reader.read(&frame(&[])).is_empty());
        for (width, height) in [(0, 0), (1, 1), (20, 4000), (4000, 20), (21, 21)] {
            assert!(reader.read(&GrayImage::new(width, height)).is_empty());
            assert!(reader.read_live(&GrayImage::new(width, height)).is_empty());
        }
    }

    #[test]
    fn a_symbol_with_a_photograph_for_ink_is_read_from_a_file() {
        let text = collection_text();
        let mut shown = symbol(text.as_bytes(), 6);
        for (i, pixel) in shown.pixels_mut().enumerate() {
            // White paper, and ink of every shade up to a light grey.
            pixel.0[0] = if pixel.0[0] > 128 {
                255
            } else {
                (i * 7919 % 190) as u8
            };
        }
        let found = Reader::new().read(&shown);
        assert_eq!(only(&found).text.expose(), text.as_bytes());
    }

    /// Three finder patterns where no symbol can have them: on a line, one in the other, cut off, slanted. Such
    /// places gave rqrr 0.10 a perspective without bounds (a panic, its issue 54) and quirc, which it is made
    /// after, a search without an end (its issue 162). The pictures of those issues themselves are not at hand
    /// (`ZXing`'s `qrcode-6/7.png` for the first, an attachment for the second): these stand in for them.
    #[test]
    fn finders_in_impossible_places_neither_panic_nor_stall() {
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut dice = |sides: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % sides) as i32
        };
        let mut reader = Reader::new();
        for _ in 0..40 {
            let mut frame = GrayImage::from_pixel(260, 260, image::Luma([255]));
            for _ in 0..3 {
                let (left, top) = (dice(270) - 20, dice(270) - 20);
                let (wide, tall, slant) = (dice(6) + 1, dice(6) + 1, dice(5) - 2);
                for (v, u) in (0..7 * tall).flat_map(|v| (0..7 * wide).map(move |u| (v, u))) {
                    let far = (u / wide - 3).abs().max((v / tall - 3).abs());
                    let (x, y) = (left + u + slant * v / 8, top + v);
                    if far != 2 && (0..260).contains(&x) && (0..260).contains(&y) {
                        frame.put_pixel(x as u32, y as u32, image::Luma([0]));
                    }
                }
            }
            assert!(reader.read(&frame).is_empty());
            assert!(reader.read_live(&frame).is_empty());
        }
    }

    #[test]
    fn what_was_found_does_not_print_its_text() {
        let found = Reader::new().read(&frame(&[(&symbol(b"a secret text", 6), 100, 100)]));
        let printed = format!("{found:?}");
        assert!(!printed.contains("secret"));
        assert!(printed.contains(found[0].text.tag().as_str()));
    }

    #[test]
    fn a_doubled_picture_keeps_its_levels_and_its_places() {
        let flat = GrayImage::from_pixel(7, 5, image::Luma([201]));
        assert!(doubled(&flat).unwrap().pixels().all(|pixel| pixel.0 == [201]));
        let ramp = GrayImage::from_fn(16, 2, |x, _| image::Luma([(x * 16) as u8]));
        let large = doubled(&ramp).unwrap();
        assert_eq!(large.dimensions(), (32, 4));
        for x in 1..31 {
            // The centre of sample x of the doubled ramp lies at (x + 0.5) / 2 - 0.5 of the old one.
            let expected = (x as f32 - 0.5) / 2.0;
            assert!((f32::from(large.get_pixel(x, 1).0[0]) - expected * 16.0).abs() <= 0.5);
        }
    }
}
