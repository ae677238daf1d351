//! The finished file: as many bytes of quality as the limits allow, never padding.
//!
//! Gates measure the size in bytes, so the search goes over quality and chroma sampling for the best file that
//! fits. A picture too plain to fill 30 KB stays smaller and says so: zeros appended to reach a size, as some
//! tools do, are a forged file.

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, PixelDensity, SamplingFactor};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::PortraitError;
use crate::original::{JpegFacts, jpeg_facts};
use crate::report::FileFacts;
use crate::spec::Spec;

/// Quality from which finer colour is worth more to the eye than a few points of quality.
const FINE_COLOUR_FROM: u8 = 88;
/// Chroma samplings in the order they are tried, the finest first.
const SAMPLINGS: [(SamplingFactor, &str); 3] = [
    (SamplingFactor::R_4_4_4, "4:4:4"),
    (SamplingFactor::R_4_2_2, "4:2:2"),
    (SamplingFactor::R_4_2_0, "4:2:0"),
];

/// An encoded picture.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) facts: FileFacts,
}

/// Encodes within the spec's limits: the highest quality whose file is not larger than allowed.
///
/// The result may be outside the limits when no quality satisfies them; `facts` then shows it.
///
/// # Errors
/// [`PortraitError::Encode`] if the written file does not read back as what was meant.
pub(crate) fn encode(picture: &RgbImage, spec: &Spec) -> Result<Encoded, PortraitError> {
    let (made, name) = best(picture, spec)?;
    let facts = read_back(&made.bytes, picture)?;
    Ok(Encoded {
        facts: FileFacts {
            bytes: made.bytes.len() as u32,
            quality: Some(made.quality),
            sampling: name.to_owned(),
            dpi: facts.dpi,
            width: facts.width.into(),
            height: facts.height.into(),
        },
        bytes: made.bytes,
    })
}

/// A written file and the quality it was written at.
struct Made {
    bytes: Vec<u8>,
    quality: u8,
}

/// The finest colour that leaves a high quality; else the coarsest, which leaves the most quality. A finer one is
/// also taken where the coarsest cannot fill the smallest size.
fn best(picture: &RgbImage, spec: &Spec) -> Result<(Made, &'static str), PortraitError> {
    let fits = |made: &Made| made.bytes.len() <= spec.file.max_bytes as usize;
    let floor = spec.file.min_quality.max(FINE_COLOUR_FROM);
    let [finer @ .., (coarsest, name)] = SAMPLINGS;
    for (sampling, name) in finer {
        let made = best_quality(picture, spec, sampling, floor)?;
        if fits(&made) {
            return Ok((made, name));
        }
    }
    let made = best_quality(picture, spec, coarsest, spec.file.min_quality)?;
    if made.bytes.len() < spec.file.min_bytes as usize {
        for (sampling, name) in finer {
            let made = best_quality(picture, spec, sampling, spec.file.min_quality)?;
            if fits(&made) {
                return Ok((made, name));
            }
        }
    }
    Ok((made, name))
}

/// Highest quality from `floor` on that fits, or the floor if none does. File size grows with quality, by some
/// hundredths a step: the next guess follows from the last file's size.
fn best_quality(
    picture: &RgbImage,
    spec: &Spec,
    sampling: SamplingFactor,
    floor: u8,
) -> Result<Made, PortraitError> {
    /// Where portraits of this size and limit mostly end.
    const FIRST: u8 = 90;
    /// Growth of a file's logarithm with a step of quality, around there.
    const GROWTH: f64 = 0.05;
    let most = spec.file.max_bytes as usize;
    let make = |quality| encode_at(picture, spec.dpi, sampling, quality).map(|bytes| Made { bytes, quality });
    // The best that fits so far, and the least that is known not to.
    let (mut best, mut beyond): (Option<Made>, u8) = (None, 101);
    let mut guess = FIRST.clamp(floor, 100);
    loop {
        let made = make(guess)?;
        let steps = (most as f64 / made.bytes.len().max(1) as f64).ln() / GROWTH;
        if made.bytes.len() <= most {
            best = Some(made);
        } else if guess == floor {
            return Ok(made);
        } else {
            beyond = guess;
        }
        let low = best.as_ref().map_or(floor, |made| made.quality + 1);
        if low >= beyond {
            break;
        }
        guess = (f64::from(guess) + steps)
            .round()
            .clamp(f64::from(low), f64::from(beyond - 1)) as u8;
    }
    best.map_or_else(|| make(floor), Ok)
}

/// One encoding with JFIF density and nothing else: no EXIF, no thumbnail.
pub(crate) fn encode_at(
    picture: &RgbImage,
    dpi: u16,
    sampling: SamplingFactor,
    quality: u8,
) -> Result<Vec<u8>, PortraitError> {
    let fail = |e: String| PortraitError::Encode(e);
    let (Ok(w), Ok(h)) = (u16::try_from(picture.width()), u16::try_from(picture.height())) else {
        return Err(fail("larger than a JPEG can be".into()));
    };
    let mut bytes = Vec::with_capacity(64 << 10);
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(sampling);
    encoder.set_density(PixelDensity::dpi(dpi));
    // No tables of its own: the encoder then writes three scans, and a decoder that many programs use (zune-jpeg)
    // reads those wrongly when chroma is sampled. One interleaved scan is what every gate expects.
    encoder
        .encode(picture.as_raw(), w, h, ColorType::Rgb)
        .map_err(|e| fail(e.to_string()))?;
    Ok(bytes)
}

/// Decodes with another program's decoder and compares: what is handed over must be what was made.
fn read_back(bytes: &[u8], meant: &RgbImage) -> Result<JpegFacts, PortraitError> {
    let fail = |why: String| PortraitError::Encode(format!("the written file does not read back: {why}"));
    let facts = jpeg_facts(bytes).map_err(|e| fail(e.to_string()))?;
    let pixels = JpegDecoder::new(ZCursor::new(bytes))
        .decode()
        .map_err(|e| fail(e.to_string()))?;
    if (u32::from(facts.width), u32::from(facts.height)) != meant.dimensions()
        || pixels.len() != meant.as_raw().len()
    {
        return Err(fail("another size".into()));
    }
    let off: u64 = pixels
        .iter()
        .zip(meant.as_raw())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    // Compression at quality 60 changes a portrait by some two levels on average; a wrong file by dozens.
    if off > 24 * pixels.len() as u64 {
        return Err(fail("another picture".into()));
    }
    Ok(facts)
}

/// The luma a JPEG stores, row by row, before colour is mixed in: where coarser colour goes beyond what red, green and
/// blue can show, the decoded picture's luma is another. `None` for what is no JPEG with a luma.
pub(crate) fn coded_luma(bytes: &[u8]) -> Option<Vec<u8>> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
        .decode()
        .ok()
}

/// Names the sampling of a file made elsewhere.
pub(crate) fn sampling_name(facts: &JpegFacts) -> String {
    match facts.sampling.as_slice() {
        [_] => "grey".into(),
        [(1, 1), (1, 1), (1, 1)] => "4:4:4".into(),
        [(2, 1), (1, 1), (1, 1)] => "4:2:2".into(),
        [(2, 2), (1, 1), (1, 1)] => "4:2:0".into(),
        other => format!("{other:?}"),
    }
}

/// Quality factor of the Independent JPEG Group's scale whose luma table is nearest to the file's; the scale
/// nearly every encoder uses. `None` when the tables are of another make.
pub(crate) fn estimated_quality(facts: &JpegFacts) -> Option<u8> {
    // Sum of the standard luma table of ITU-T T.81 annex K.1.
    const STANDARD_SUM: f64 = 3688.0;
    let table = facts.luma_table?;
    let mean = f64::from(table.iter().map(|&v| u32::from(v)).sum::<u32>()) / STANDARD_SUM * 100.0;
    if !(0.5..=5000.0).contains(&mean) {
        return None;
    }
    if table.iter().all(|&v| v == 1) {
        return Some(100);
    }
    let quality = if mean <= 100.0 {
        (200.0 - mean) / 2.0
    } else {
        5000.0 / mean
    };
    Some(quality.round().clamp(1.0, 100.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn noisy(strength: u32) -> RgbImage {
        let mut state = 7u32;
        RgbImage::from_fn(480, 640, |x, y| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let n = (state >> 24) * strength / 256;
            Rgb([(x / 4 + n) as u8, (y / 4 + n) as u8, (100 + n) as u8])
        })
    }

    #[test]
    fn a_picture_with_detail_fills_the_wanted_size_at_the_best_quality() {
        let spec = Spec::built_in("national-blue").unwrap();
        let e = encode(&noisy(24), &spec).unwrap();
        assert!((30_720..=40_000).contains(&e.facts.bytes), "{:?}", e.facts);
        assert_eq!(
            (e.facts.width, e.facts.height, e.facts.dpi),
            (480, 640, Some(300))
        );
        let facts = jpeg_facts(&e.bytes).unwrap();
        assert!(!facts.exif);
        let told = estimated_quality(&facts).unwrap();
        assert!(
            told.abs_diff(e.facts.quality.unwrap()) <= 1,
            "{told} {:?}",
            e.facts
        );
    }

    #[test]
    fn colour_is_sampled_coarser_only_where_quality_asks_for_it() {
        let spec = Spec::built_in("national-blue").unwrap();
        let mut seen = Vec::new();
        for strength in [8, 30, 40, 50, 60, 70] {
            let e = encode(&noisy(strength), &spec).unwrap();
            let facts = jpeg_facts(&e.bytes).unwrap();
            assert_eq!(sampling_name(&facts), e.facts.sampling);
            // Fine colour is never bought with a quality below the limit, and never given up above it.
            if e.facts.sampling != "4:2:0" && e.facts.bytes >= spec.file.min_bytes {
                assert!(e.facts.quality >= Some(FINE_COLOUR_FROM), "{:?}", e.facts);
            }
            seen.push(e.facts.sampling);
        }
        let rank = |name: &String| {
            ["4:4:4", "4:2:2", "4:2:0"]
                .iter()
                .position(|n| n == name)
                .unwrap()
        };
        assert!(seen.is_sorted_by_key(rank), "{seen:?}");
        assert!(rank(&seen[0]) == 0 && seen.len() == 6, "{seen:?}");
    }

    #[test]
    fn a_written_file_is_jfif_in_one_scan_with_nothing_else_in_it() {
        let spec = Spec::built_in("national-blue").unwrap();
        let bytes = encode(&noisy(24), &spec).unwrap().bytes;
        // JFIF 1.x, unit dots per inch, 300 x 300, no thumbnail (0 x 0).
        assert_eq!(&bytes[6..12], b"JFIF\0\x01");
        assert_eq!(&bytes[13..20], [1, 1, 44, 1, 44, 0, 0]);
        let (mut at, mut kinds) = (2, Vec::new());
        while bytes[at + 1] != 0xDA {
            kinds.push(bytes[at + 1]);
            at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        }
        // JFIF, tables and the frame: no Exif, no comment, no other application's block.
        assert!(
            kinds.iter().all(|k| [0xE0, 0xDB, 0xC0, 0xC4].contains(k)),
            "{kinds:x?}"
        );
        kinds.retain(|k| *k == 0xE0);
        assert_eq!(kinds, [0xE0]);
    }

    #[test]
    fn a_plain_picture_is_not_padded() {
        let spec = Spec::built_in("national-blue").unwrap();
        let e = encode(&RgbImage::from_pixel(480, 640, Rgb([100, 197, 255])), &spec).unwrap();
        assert!(e.facts.bytes < 20_000);
        assert!(e.bytes.ends_with(&[0xFF, 0xD9]));
    }

    #[test]
    fn quality_is_not_lowered_beyond_the_floor() {
        let spec = Spec::built_in("national-blue").unwrap();
        let e = encode(&noisy(110), &spec).unwrap();
        assert_eq!(e.facts.quality, Some(60));
        assert!(e.facts.bytes > 40_000);
    }
}
