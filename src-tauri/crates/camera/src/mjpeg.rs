//! MJPEG frames: where they really end, and what is in them.
//!
//! A driver hands over its whole buffer: behind the picture lie the remains of earlier, larger ones, and
//! a picture that lost a packet simply goes on into them. So the end is found by walking the segments,
//! and a picture without its own end marker is no picture.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::frame::bad;
use crate::huffman::STANDARD_TABLES;
use crate::{CameraError, Mounting};

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const BASELINE: u8 = 0xc0;
const PROGRESSIVE: u8 = 0xc2;
const HUFFMAN_TABLES: u8 = 0xc4;
const RESTART_INTERVAL: u8 = 0xdd;
const SCAN: u8 = 0xda;

/// An `AVI1` application segment: it tells the decoder that this is motion JPEG, which may leave out its
/// Huffman tables and then means those of ITU-T T.81, Annex K.
const AVI1: [u8; 18] = [
    0xff, 0xe0, 0, 16, b'A', b'V', b'I', b'1', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Sixty-four ones behind the picture's data. The decoder takes missing data for zeros, which are codes as
/// good as any, and gives a picture that is grey below. All ones is the one code that Huffman tables may not
/// contain, so a picture that lost its tail stops here; a whole one never comes this far.
const NO_CODE: [u8; 16] = [
    0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0,
];

/// Bytes from the start to the end marker that belongs to this picture, not to a thumbnail inside.
pub(crate) fn length(data: &[u8]) -> Result<usize, CameraError> {
    Ok(walk(data)?.length)
}

pub(crate) fn to_rgb(data: &[u8], width: usize, height: usize) -> Result<Vec<u8>, CameraError> {
    decode(data, width, height, ColorSpace::RGB)
}

/// The luma plane as it is: JPEG's is full-range BT.601 already.
pub(crate) fn to_luma(data: &[u8], width: usize, height: usize) -> Result<Vec<u8>, CameraError> {
    decode(data, width, height, ColorSpace::Luma)
}

/// A file of this frame: with Huffman tables, and with the orientation of a sensor that is not upright.
pub(crate) fn to_file(data: &[u8], mounting: Mounting) -> Result<Vec<u8>, CameraError> {
    let outline = walk(data)?;
    let content = data.get(2..outline.length).ok_or_else(truncated)?;
    let orientation = match mounting {
        Mounting::Upright => Vec::new(),
        turned => exif(turned.exif_orientation()),
    };
    let tables: &[u8] = if outline.huffman_tables {
        &[]
    } else {
        &STANDARD_TABLES
    };
    Ok([&[0xff, START], orientation.as_slice(), tables, content].concat())
}

/// Width and height as the frame header has them.
pub(crate) fn size(data: &[u8]) -> Result<(u32, u32), CameraError> {
    walk(data)?
        .size
        .ok_or_else(|| bad("an MJPEG frame without its header"))
}

/// An EXIF segment with the orientation and nothing else (EXIF 2.3, big-endian).
fn exif(orientation: u8) -> Vec<u8> {
    let mut segment = vec![0xff, 0xe1, 0, 34];
    segment.extend(b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01");
    segment.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    segment.extend([0; 4]);
    segment
}

/// How far a picture reaches in what was received of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// So many bytes, and it is whole.
    Whole(usize),
    /// More must come.
    Short,
    /// It is none from here on.
    Broken(usize),
}

/// Looks at the bytes from a picture's start on.
pub(crate) fn extent(data: &[u8]) -> Extent {
    if data.len() < 2 {
        return Extent::Short;
    }
    match walk(data) {
        Ok(outline) => Extent::Whole(outline.length),
        Err(Flaw { at: None, .. }) => Extent::Short,
        Err(Flaw { at: Some(at), .. }) => Extent::Broken(at),
    }
}

/// Why bytes are no picture, and where it shows; nowhere in particular where they end too early.
struct Flaw {
    at: Option<usize>,
    why: &'static str,
}

impl From<Flaw> for CameraError {
    fn from(flaw: Flaw) -> Self {
        bad(flaw.why)
    }
}

/// What a walk over the segments tells.
struct Outline {
    length: usize,
    huffman_tables: bool,
    size: Option<(u32, u32)>,
}

fn walk(data: &[u8]) -> Result<Outline, Flaw> {
    if data.get(..2) != Some(&[0xff, START]) {
        return Err(wrong(0, "an MJPEG frame without its start"));
    }
    let mut huffman_tables = false;
    let mut size = None;
    let mut restarts = Restarts::default();
    let mut at = 2;
    loop {
        if *data.get(at).ok_or_else(short)? != 0xff {
            return Err(wrong(at, "an MJPEG frame with bytes between its segments"));
        }
        // Any number of 0xff may stand before a marker.
        while *data.get(at).ok_or_else(short)? == 0xff {
            at += 1;
        }
        let marker = *data.get(at).ok_or_else(short)?;
        at += 1;
        match marker {
            END => {
                restarts.check(at)?;
                return Ok(Outline {
                    length: at,
                    huffman_tables,
                    size,
                });
            }
            // Stand-alone markers.
            0x01 | 0xd0..=0xd7 => {}
            // The next picture begins (or its remains lie here) before this one has ended.
            0x00 | START => return Err(wrong(at - 2, WITHOUT_END)),
            _ => {
                let extent = data.get(at..at + 2).ok_or_else(short)?;
                let end = at + usize::from(u16::from_be_bytes([extent[0], extent[1]])).max(2);
                let content = data.get(at + 2..end).ok_or_else(short)?;
                at = end;
                if let (BASELINE..=PROGRESSIVE, [_, h1, h0, w1, w0, ..]) = (marker, content) {
                    let side = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
                    size = Some((side(*w1, *w0), side(*h1, *h0)));
                }
                match marker {
                    HUFFMAN_TABLES => huffman_tables = true,
                    RESTART_INTERVAL => restarts.interval(content),
                    BASELINE => restarts.frame(content),
                    SCAN => at = end_of_scan(data, at, &mut restarts)?,
                    _ => {}
                }
            }
        }
    }
}

fn other_size(width: usize, height: usize) -> CameraError {
    bad(format!("an MJPEG frame of another size than {width}x{height}"))
}

const LOST_A_PART: &str = "an MJPEG frame that lost a part";
const WITHOUT_END: &str = "an MJPEG frame without its end";

fn truncated() -> CameraError {
    bad(WITHOUT_END)
}

fn short() -> Flaw {
    Flaw {
        at: None,
        why: WITHOUT_END,
    }
}

fn wrong(at: usize, why: &'static str) -> Flaw {
    Flaw { at: Some(at), why }
}

/// Where the next marker stands behind entropy-coded data: stuffed zeros and restart markers belong to it.
fn end_of_scan(data: &[u8], from: usize, restarts: &mut Restarts) -> Result<usize, Flaw> {
    let mut at = from;
    loop {
        let rest = data.get(at..).ok_or_else(short)?;
        at += rest.iter().position(|byte| *byte == 0xff).ok_or_else(short)?;
        match *data.get(at + 1).ok_or_else(short)? {
            0x00 => at += 2,
            0xff => at += 1,
            marker @ 0xd0..=0xd7 => {
                restarts.marker(marker, at)?;
                at += 2;
            }
            _ => return Ok(at),
        }
    }
}

/// Restart markers are numbered, and their count follows from the size: a lost packet shows in them.
#[derive(Default)]
struct Restarts {
    seen: u32,
    interval: u32,
    /// Minimum coded units of a baseline frame.
    units: Option<u32>,
}

impl Restarts {
    fn interval(&mut self, content: &[u8]) {
        if let [high, low] = *content {
            self.interval = u32::from(u16::from_be_bytes([high, low]));
        }
    }

    /// SOF0: precision, height, width, count, then three bytes a component with its sampling.
    fn frame(&mut self, content: &[u8]) {
        let [_, h1, h0, w1, w0, _, components @ ..] = content else {
            return;
        };
        let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
        let sampling = components.chunks_exact(3).map(|component| component[1]);
        let (mut across, mut down) = (1, 1);
        // A lone component is not interleaved: its units are single blocks whatever its sampling says.
        if components.len() > 3 {
            across = sampling
                .clone()
                .map(|both| u32::from(both >> 4))
                .max()
                .unwrap_or(1)
                .max(1);
            down = sampling
                .map(|both| u32::from(both & 15))
                .max()
                .unwrap_or(1)
                .max(1);
        }
        self.units = Some(u32::from(width).div_ceil(8 * across) * u32::from(height).div_ceil(8 * down));
    }

    fn marker(&mut self, marker: u8, at: usize) -> Result<(), Flaw> {
        let in_turn = u32::from(marker & 7) == self.seen % 8;
        self.seen += 1;
        if in_turn {
            Ok(())
        } else {
            Err(wrong(at, LOST_A_PART))
        }
    }

    fn check(&self, at: usize) -> Result<(), Flaw> {
        match self.units {
            Some(units) if self.interval > 0 && units.saturating_sub(1) / self.interval != self.seen => {
                Err(wrong(at, LOST_A_PART))
            }
            _ => Ok(()),
        }
    }
}

fn decode(data: &[u8], width: usize, height: usize, to: ColorSpace) -> Result<Vec<u8>, CameraError> {
    let outline = walk(data)?;
    let avi1: &[u8] = if outline.huffman_tables { &[] } else { &AVI1 };
    let content = data.get(2..outline.length - 2).ok_or_else(truncated)?;
    let data = [&[0xff, START], avi1, content, &NO_CODE, &[0xff, END]].concat();
    let failed = |error| bad(format!("MJPEG: {error:?}"));
    // Strict: a picture that lost data must not come out half grey.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(to);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data.as_slice()), options);
    decoder.decode_headers().map_err(failed)?;
    if decoder.dimensions() != Some((width, height)) {
        return Err(other_size(width, height));
    }
    let samples = decoder.decode().map_err(failed)?;
    let wanted = width * height * to.num_components();
    if samples.len() == wanted {
        Ok(samples)
    } else {
        Err(bad("MJPEG: wrong number of samples"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, PixelFormat};
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    /// Levels by which two right decoders may differ: the standard leaves the inverse transform's rounding
    /// and the interpolation of chroma open. Against libjpeg-turbo this decoder is at most 3 off, too.
    const MOST_OFF: u8 = 3;
    const WIDTH: u16 = 83;
    const HEIGHT: u16 = 61;

    /// A soft colourful picture with an edge, as three bytes a pixel.
    fn scene() -> Vec<u8> {
        let mut rgb = Vec::new();
        for y in 0..i32::from(HEIGHT) {
            for x in 0..i32::from(WIDTH) {
                let edge = if x * 3 > y * 4 { 60 } else { 0 };
                rgb.extend([(x * 2 + edge) as u8, (y * 3) as u8, (180 - x + edge) as u8]);
            }
        }
        rgb
    }

    fn jpeg(sampling: SamplingFactor, restart: Option<u16>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 88);
        encoder.set_sampling_factor(sampling);
        if let Some(interval) = restart {
            encoder.set_restart_interval(interval);
        }
        encoder.encode(&scene(), WIDTH, HEIGHT, ColorType::Rgb).unwrap();
        bytes
    }

    fn frame(bytes: &[u8]) -> Result<Frame, CameraError> {
        Frame::new(PixelFormat::Mjpeg, u32::from(WIDTH), u32::from(HEIGHT), bytes)
    }

    /// The reference: another decoder.
    fn reference(bytes: &[u8]) -> Vec<u8> {
        jpeg_decoder::Decoder::new(bytes).decode().unwrap()
    }

    fn largest_difference(one: &[u8], other: &[u8]) -> u8 {
        assert_eq!(one.len(), other.len());
        one.iter()
            .zip(other)
            .map(|(one, other)| one.abs_diff(*other))
            .max()
            .unwrap()
    }

    #[test]
    fn pictures_are_decoded_as_the_reference_decoder_does() {
        for (sampling, restart) in [
            (SamplingFactor::R_4_4_4, None),
            (SamplingFactor::R_4_2_2, None),
            (SamplingFactor::R_4_2_0, None),
            (SamplingFactor::R_4_2_2, Some(4)),
        ] {
            let bytes = jpeg(sampling, restart);
            let rgb = frame(&bytes).unwrap().to_rgb().unwrap();
            let reference = reference(&bytes);
            assert!(largest_difference(rgb.as_raw(), &reference) <= MOST_OFF);
            let sum: u64 = rgb
                .iter()
                .zip(&reference)
                .map(|(one, other)| u64::from(one.abs_diff(*other)))
                .sum();
            assert!(sum < reference.len() as u64, "less than a level off on average");
        }
    }

    /// Positions of the segments before the scan: (from, to, marker).
    fn segments(bytes: &[u8]) -> Vec<(usize, usize, u8)> {
        let mut at = 2;
        let mut found = Vec::new();
        loop {
            let size = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
            found.push((at, at + 2 + size, bytes[at + 1]));
            if bytes[at + 1] == SCAN {
                return found;
            }
            at += 2 + size;
        }
    }

    /// Blocks of one colour each leave nothing open: every byte is given by the standard.
    #[test]
    fn plain_blocks_are_decoded_byte_for_byte_as_the_standard_says() {
        let colours: Vec<[u8; 3]> = (0..256_u32)
            .map(|i| [i as u8, (i * 37 % 256) as u8, (i * 101 % 256) as u8])
            .chain((0..256_u32).map(|i| [i as u8, 128, 128]))
            .collect();
        let (across, down) = (32_usize, colours.len() / 32);
        let at = |x: usize, y: usize| colours[y / 8 * across + x / 8];
        let mut ycc = Vec::new();
        for y in 0..down * 8 {
            for x in 0..across * 8 {
                ycc.extend(at(x, y));
            }
        }
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 100);
        encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
        encoder
            .encode(&ycc, across as u16 * 8, down as u16 * 8, ColorType::Ycbcr)
            .unwrap();
        let frame = Frame::new(PixelFormat::Mjpeg, across as u32 * 8, down as u32 * 8, bytes).unwrap();
        for (x, y, level) in frame.to_luma().unwrap().enumerate_pixels() {
            assert_eq!(level.0[0], at(x as usize, y as usize)[0]);
        }
        for (x, y, rgb) in frame.to_rgb().unwrap().enumerate_pixels() {
            // JFIF 1.02.
            let [y, cb, cr] = at(x as usize, y as usize).map(f64::from);
            let exact = [
                y + 1.402 * (cr - 128.0),
                y - 0.114 * 1.772 / 0.587 * (cb - 128.0) - 0.299 * 1.402 / 0.587 * (cr - 128.0),
                y + 1.772 * (cb - 128.0),
            ];
            for (ours, exact) in rgb.0.into_iter().zip(exact) {
                assert!(
                    (f64::from(ours) - exact.clamp(0.0, 255.0)).abs() <= 0.51,
                    "{ours} for {exact}"
                );
            }
        }
    }

    #[test]
    fn a_frame_ends_at_its_own_end_marker_and_what_lies_behind_is_cut() {
        let bytes = jpeg(SamplingFactor::R_4_2_2, Some(2));
        let older = jpeg(SamplingFactor::R_4_4_4, None);
        let mapped = [bytes.as_slice(), &older[older.len() / 2..], &[0; 500]].concat();
        assert_eq!(frame(&mapped).unwrap().data(), bytes);
    }

    #[test]
    fn the_end_marker_of_a_thumbnail_is_not_the_frames() {
        let bytes = jpeg(SamplingFactor::R_4_2_0, None);
        let thumbnail = [0xff, 0xe1, 0, 10, 0xff, START, 0xff, END, 1, 2, 3, 4];
        let with_thumbnail = [&bytes[..2], &thumbnail, &[0xff, 0xff, 0xff], &bytes[3..]].concat();
        let frame = frame(&with_thumbnail).unwrap();
        assert_eq!(frame.data().len(), with_thumbnail.len());
        assert!(frame.to_rgb().is_ok());
    }

    #[test]
    fn a_frame_cut_off_anywhere_is_refused() {
        let bytes = jpeg(SamplingFactor::R_4_2_2, None);
        for length in 0..bytes.len() {
            assert!(
                frame(&bytes[..length]).is_err(),
                "cut at {length} of {}",
                bytes.len()
            );
        }
        // Cut off, with the next frame right behind it in the buffer.
        let into_the_next = [&bytes[..bytes.len() - 40], bytes.as_slice()].concat();
        assert!(frame(&into_the_next).is_err());
        assert!(frame(&[0; 4096]).is_err());
    }

    #[test]
    fn a_frame_that_lost_a_packet_inside_is_refused_when_it_is_decoded() {
        let bytes = jpeg(SamplingFactor::R_4_2_2, None);
        let (_, scan, _) = *segments(&bytes).last().unwrap();
        let end = bytes.len() - 2;
        for lost in [0.1, 0.3, 0.6, 0.9] {
            let keep = scan + ((end - scan) as f64 * (1.0 - lost)) as usize;
            let damaged = [&bytes[..keep], &bytes[end..]].concat();
            let frame = frame(&damaged).unwrap();
            assert!(
                matches!(frame.to_rgb(), Err(CameraError::BadFrame(_))),
                "{lost} lost: no half-grey student"
            );
            assert!(frame.to_luma().is_err());
        }
    }

    #[test]
    fn a_frame_whose_restart_markers_are_not_all_there_is_refused_at_once() {
        let bytes = jpeg(SamplingFactor::R_4_2_2, Some(1));
        let restarts: Vec<usize> = (0..bytes.len() - 1)
            .filter(|at| bytes[*at] == 0xff && (0xd0..=0xd7).contains(&bytes[at + 1]))
            .collect();
        assert!(frame(&bytes).is_ok());
        for (from, to) in [(2, 3), (4, 12), (0, restarts.len() - 1)] {
            let damaged = [&bytes[..restarts[from]], &bytes[restarts[to]..]].concat();
            assert!(
                matches!(frame(&damaged), Err(CameraError::BadFrame(_))),
                "{} intervals lost",
                to - from
            );
        }
    }

    #[test]
    fn a_frame_of_another_size_than_announced_is_refused() {
        let bytes = jpeg(SamplingFactor::R_4_2_2, None);
        let frame = Frame::new(PixelFormat::Mjpeg, 1280, 720, bytes).unwrap();
        assert!(matches!(frame.to_rgb(), Err(CameraError::BadFrame(_))));
    }

    #[test]
    fn a_frame_without_huffman_tables_means_the_standard_ones() {
        let bytes = jpeg(SamplingFactor::R_4_2_2, None);
        let mut bare = bytes.clone();
        for (from, to, _) in segments(&bytes)
            .into_iter()
            .rev()
            .filter(|segment| segment.2 == HUFFMAN_TABLES)
        {
            bare.drain(from..to);
        }
        assert!(bare.len() + 400 < bytes.len(), "the tables are gone");
        let bare = frame(&bare).unwrap();
        let pixels = frame(&bytes).unwrap().to_rgb().unwrap();
        assert_eq!(bare.to_rgb().unwrap(), pixels);
        // As a file it has them, for readers that know nothing of motion JPEG.
        let file = bare.to_jpeg_file().unwrap().unwrap();
        assert_eq!(reference(&file), reference(&bytes));
        assert_eq!(bare.to_small_rgb(WIDTH.into()).unwrap(), pixels);
    }

    #[test]
    fn a_file_of_an_upright_whole_frame_is_the_frame_byte_for_byte() {
        let bytes = jpeg(SamplingFactor::R_4_2_2, None);
        assert_eq!(frame(&bytes).unwrap().to_jpeg_file().unwrap().unwrap(), bytes);
    }

    #[test]
    fn a_file_of_a_sensor_on_its_side_says_so_and_holds_the_same_picture() {
        use image::{DynamicImage, ImageDecoder, codecs::jpeg::JpegDecoder};
        let bytes = jpeg(SamplingFactor::R_4_4_4, None);
        for degrees in [90, 180, 270] {
            let mounting = Mounting::from_degrees(degrees).unwrap();
            let frame = frame(&bytes).unwrap().mounted(mounting);
            let file = frame.to_jpeg_file().unwrap().unwrap();
            assert!(
                file.ends_with(&bytes[2..]),
                "what the sensor sent is in it untouched"
            );
            let mut decoder = JpegDecoder::new(std::io::Cursor::new(&file)).unwrap();
            let orientation = decoder.orientation().unwrap();
            assert_eq!(orientation.to_exif(), mounting.exif_orientation());
            let mut shown = DynamicImage::from_decoder(decoder).unwrap();
            shown.apply_orientation(orientation);
            assert_eq!(
                shown.into_rgb8(),
                frame.to_rgb().unwrap(),
                "any reader shows what we see"
            );
        }
    }

    #[test]
    fn a_frame_says_its_size_itself() {
        assert_eq!(
            size(&jpeg(SamplingFactor::R_4_2_0, None)),
            Ok((WIDTH.into(), HEIGHT.into()))
        );
        assert!(size(&[0xff, START, 0xff, END]).is_err());
    }

    #[test]
    fn a_grey_mjpeg_frame_is_grey() {
        let mut bytes = Vec::new();
        let levels: Vec<u8> = (0..WIDTH * HEIGHT).map(|i| (i % 200) as u8).collect();
        Encoder::new(&mut bytes, 95)
            .encode(&levels, WIDTH, HEIGHT, ColorType::Luma)
            .unwrap();
        let frame = frame(&bytes).unwrap();
        let luma = frame.to_luma().unwrap();
        assert!(largest_difference(luma.as_raw(), &reference(&bytes)) <= MOST_OFF);
        assert!(
            frame
                .to_rgb()
                .unwrap()
                .pixels()
                .zip(luma.pixels())
                .all(|(rgb, luma)| rgb.0 == [luma.0[0]; 3])
        );
    }
}
