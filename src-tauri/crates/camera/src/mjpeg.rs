//! MJPEG frames: where they really end, and what is in them.
//!
//! A driver hands over its whole buffer: behind the picture lie the remains of earlier, larger ones, and
//! a picture that lost a packet simply goes on into them. So the end is found by walking the segments,
//! and a picture without its own end marker is no picture.

use std::borrow::Cow;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::CameraError;
use crate::frame::bad;

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const HUFFMAN_TABLES: u8 = 0xc4;
const SCAN: u8 = 0xda;

/// An `AVI1` application segment: it tells the decoder that this is motion JPEG, which may leave out its
/// Huffman tables and then means those of ITU-T T.81, Annex K.
const AVI1: [u8; 18] = [
    0xff, 0xe0, 0, 16, b'A', b'V', b'I', b'1', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
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

struct Outline {
    length: usize,
    huffman_tables: bool,
}

fn walk(data: &[u8]) -> Result<Outline, CameraError> {
    let truncated = || bad("an MJPEG frame without its end");
    if data.get(..2) != Some(&[0xff, START]) {
        return Err(bad("an MJPEG frame without its start"));
    }
    let mut huffman_tables = false;
    let mut at = 2;
    loop {
        if *data.get(at).ok_or_else(truncated)? != 0xff {
            return Err(bad("an MJPEG frame with bytes between its segments"));
        }
        // Any number of 0xff may stand before a marker.
        while *data.get(at).ok_or_else(truncated)? == 0xff {
            at += 1;
        }
        let marker = *data.get(at).ok_or_else(truncated)?;
        at += 1;
        match marker {
            END => {
                return Ok(Outline {
                    length: at,
                    huffman_tables,
                });
            }
            // Stand-alone markers.
            0x01 | 0xd0..=0xd7 => {}
            // The next picture begins (or its remains lie here) before this one has ended.
            0x00 | START => return Err(truncated()),
            _ => {
                let size = data.get(at..at + 2).ok_or_else(truncated)?;
                at += usize::from(u16::from_be_bytes([size[0], size[1]])).max(2);
                huffman_tables |= marker == HUFFMAN_TABLES;
                if marker == SCAN {
                    at = end_of_scan(data, at).ok_or_else(truncated)?;
                }
            }
        }
    }
}

/// Where the next marker stands behind entropy-coded data: stuffed zeros and restart markers belong to it.
fn end_of_scan(data: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += data.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match data.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

fn decode(data: &[u8], width: usize, height: usize, to: ColorSpace) -> Result<Vec<u8>, CameraError> {
    let data = if walk(data)?.huffman_tables {
        Cow::Borrowed(data)
    } else {
        Cow::Owned([&data[..2], &AVI1, &data[2..]].concat())
    };
    let failed = |error| bad(format!("MJPEG: {error:?}"));
    // Strict: a picture that lost data must not come out half grey.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(to);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data.as_ref()), options);
    decoder.decode_headers().map_err(failed)?;
    if decoder.dimensions() != Some((width, height)) {
        return Err(bad(format!(
            "an MJPEG frame of another size than {width}x{height}"
        )));
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
    fn mjpeg_is_decoded_as_the_reference_decoder_does() {
        for (sampling, restart) in [
            (SamplingFactor::R_4_4_4, None),
            (SamplingFactor::R_4_2_2, None),
            (SamplingFactor::R_4_2_0, None),
            (SamplingFactor::R_4_2_2, Some(4)),
        ] {
            let bytes = jpeg(sampling, restart);
            let rgb = frame(&bytes).unwrap().to_rgb().unwrap();
            println!(
                "{sampling:?} {}",
                largest_difference(rgb.as_raw(), &reference(&bytes))
            );
            assert!(largest_difference(rgb.as_raw(), &reference(&bytes)) == 0);
        }
    }
}
