//! A capture as it came: its bytes, untouched, and its pixels, upright.
//!
//! The bytes are evidence. They are stored and hashed exactly as the camera or the file gave them; only the
//! decoded copy is turned upright. Files come from outside, so every way in is bounded: size in bytes, size in
//! pixels and memory are limited before a pixel is decoded, and whatever is not an ordinary 8-bit still picture
//! is refused with the reason.

use std::io::Cursor;
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, Limits, RgbImage,
};
use sha2::{Digest, Sha256};

use crate::PortraitError;
use crate::colour::to_srgb;
use crate::refusal::Refusal;

/// Largest file accepted, in bytes. A 50-megapixel JPEG of a phone is about 20 MB.
pub const MAX_FILE_BYTES: usize = 48 << 20;
/// Largest picture accepted, in pixels; no camera at a booth has more.
pub const MAX_PIXELS: u64 = 60_000_000;
/// Smallest side accepted, in pixels: less cannot hold a face that could be used.
pub const MIN_SIDE: u32 = 64;

/// Most scans a JPEG may have. Progressive encoders write about ten, the most thorough scan scripts a few dozen; each
/// further one makes a decoder go over the whole picture again. Ours; libjpeg-turbo's own tools stop at 500.
pub(crate) const MAX_SCANS: u32 = 64;

/// A capture: stored bytes, their hash, and the upright picture.
#[derive(Clone)]
pub struct Original {
    bytes: Vec<u8>,
    sha256: String,
    image: RgbImage,
    format: ImageFormat,
    turned: bool,
    colours: Option<String>,
}

/// Prints facts only: the picture itself is private.
impl std::fmt::Debug for Original {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Original")
            .field("size", &self.image.dimensions())
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Original {
    /// Decodes a JPEG, PNG, BMP or WebP file; the content decides which it is. An EXIF orientation is applied to
    /// the pixels before anything else looks at them; other colours than sRGB are made sRGB.
    ///
    /// # Errors
    /// [`PortraitError::Picture`] with a sentence: empty, too large, unknown format, truncated or damaged, CMYK,
    /// more than 8 bits a channel, animated, too small, colours that cannot be made sRGB, too many scans.
    pub fn decode(bytes: Vec<u8>) -> Result<Original, PortraitError> {
        if bytes.is_empty() {
            return Err(Refusal::Empty.into());
        }
        if bytes.len() > MAX_FILE_BYTES {
            return Err(Refusal::FileTooLarge.into());
        }
        let format = match image::guess_format(&bytes) {
            Ok(f @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Bmp | ImageFormat::WebP)) => f,
            Ok(other) => return Err(Refusal::OtherFormat(format!("{other:?}")).into()),
            Err(_) => return Err(Refusal::NotAPicture.into()),
        };
        let cursor = Cursor::new(bytes.as_slice());
        let mut decoder: Box<dyn ImageDecoder> = match format {
            ImageFormat::Jpeg => {
                let facts = jpeg_facts(&bytes)?;
                check_size(u32::from(facts.width), u32::from(facts.height))?;
                Box::new(image::codecs::jpeg::JpegDecoder::new(cursor).map_err(damaged)?)
            }
            ImageFormat::Png => {
                let d =
                    image::codecs::png::PngDecoder::with_limits(cursor, beside_pixels()).map_err(damaged)?;
                if d.is_apng().map_err(damaged)? {
                    return Err(Refusal::Animated.into());
                }
                Box::new(d)
            }
            ImageFormat::WebP => {
                let d = image::codecs::webp::WebPDecoder::new(cursor).map_err(damaged)?;
                if d.has_animation() {
                    return Err(Refusal::Animated.into());
                }
                Box::new(d)
            }
            _ => Box::new(image::codecs::bmp::BmpDecoder::new(cursor).map_err(damaged)?),
        };
        let (w, h) = decoder.dimensions();
        check_size(w, h)?;
        if !matches!(
            decoder.color_type(),
            ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8
        ) {
            return Err(Refusal::DeepColour.into());
        }
        decoder.set_limits(limits()).map_err(damaged)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let icc = decoder.icc_profile().map_err(damaged)?;
        let exif = decoder.exif_metadata().unwrap_or(None);
        let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        if picture.has_alpha() && picture.to_rgba8().pixels().any(|p| p.0[3] != 255) {
            return Err(Refusal::Transparent.into());
        }
        picture.apply_orientation(orientation);
        let mut image = picture.into_rgb8();
        let colours = to_srgb(&mut image, icc.as_deref(), exif.as_deref(), &bytes)?;
        let sha256 = sha256_hex(&bytes);
        Ok(Original {
            bytes,
            sha256,
            image,
            format,
            turned: orientation != Orientation::NoTransforms,
            colours,
        })
    }

    /// Reads a file, refusing one whose suffix names another format than its content: such a file was renamed,
    /// and what else was done to it is anybody's guess.
    ///
    /// # Errors
    /// [`PortraitError::Picture`] as for [`Original::decode`], and for a wrong suffix or an unreadable file.
    pub fn open(path: &Path) -> Result<Original, PortraitError> {
        let unreadable = |e: std::io::Error| Refusal::Unreadable(e.to_string());
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_FILE_BYTES as u64 {
            return Err(Refusal::FileTooLarge.into());
        }
        let original = Original::decode(std::fs::read(path).map_err(unreadable)?)?;
        let named = path.extension().and_then(ImageFormat::from_extension);
        match named {
            Some(f) if f != original.format => {
                Err(Refusal::Renamed(format!("{f:?}"), format!("{:?}", original.format)).into())
            }
            _ => Ok(original),
        }
    }

    /// A camera frame that arrived as raw pixels. It is kept as a lossless PNG, so that the stored original has
    /// exactly the captured pixels. For a camera that sends JPEG, give those bytes to [`Original::decode`].
    ///
    /// # Errors
    /// [`PortraitError::Picture`] if the frame is too small or too large.
    pub fn from_rgb(image: RgbImage) -> Result<Original, PortraitError> {
        Original::from_sensor(image, Orientation::NoTransforms.to_exif())
    }

    /// The same for a sensor that hangs on its side or upside down: its pixels are kept as it sent them, and the file
    /// says by an EXIF orientation (1 to 8) how they stand, as a camera's own file would.
    ///
    /// # Errors
    /// As [`Original::from_rgb`].
    pub fn from_sensor(image: RgbImage, exif_orientation: u8) -> Result<Original, PortraitError> {
        check_size(image.width(), image.height())?;
        let orientation = Orientation::from_exif(exif_orientation).unwrap_or(Orientation::NoTransforms);
        let turned = orientation != Orientation::NoTransforms;
        let mut bytes = Vec::with_capacity(image.as_raw().len() / 2);
        let mut encoder =
            PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
        if turned {
            let exif = exif_with(orientation);
            encoder
                .set_exif_metadata(exif)
                .map_err(|e| Refusal::Damaged(e.to_string()))?;
        }
        encoder
            .write_image(
                image.as_raw(),
                image.width(),
                image.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(|e| Refusal::Damaged(e.to_string()))?;
        let sha256 = sha256_hex(&bytes);
        let mut upright = DynamicImage::ImageRgb8(image);
        upright.apply_orientation(orientation);
        Ok(Original {
            bytes,
            sha256,
            image: upright.into_rgb8(),
            format: ImageFormat::Png,
            turned,
            colours: None,
        })
    }

    /// The upright picture.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// SHA-256 of [`Original::bytes`], lower hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What is stored as the original: the file's bytes, byte for byte.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Media type of [`Original::bytes`].
    pub fn media_type(&self) -> &'static str {
        self.format.to_mime_type()
    }

    /// What the file's colours were before they were made sRGB, for example `Display P3`; `None` if they were sRGB.
    pub fn converted_from(&self) -> Option<&str> {
        self.colours.as_deref()
    }

    /// Whether an EXIF orientation was applied.
    pub fn was_turned(&self) -> bool {
        self.turned
    }
}

/// EXIF data with this orientation and nothing else.
fn exif_with(orientation: Orientation) -> Vec<u8> {
    let mut data = b"MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    data.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation.to_exif(), 0, 0]);
    data.extend([0; 4]);
    data
}

/// SHA-256 as lower hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 4 + (64 << 20));
    limits
}

/// What a PNG may unpack beside its pixels: a colour profile has a few megabytes at most, and one that unpacks to
/// half a gigabyte is a bomb.
fn beside_pixels() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 << 20);
    limits
}

fn check_size(w: u32, h: u32) -> Result<(), Refusal> {
    if u64::from(w) * u64::from(h) > MAX_PIXELS {
        return Err(Refusal::TooManyPixels([w, h]));
    }
    if w < MIN_SIDE || h < MIN_SIDE {
        return Err(Refusal::TooSmall([w, h]));
    }
    Ok(())
}

/// A decoder's complaint in our words.
fn damaged(error: image::ImageError) -> Refusal {
    match error {
        image::ImageError::Limits(_) => Refusal::TooMuchMemory,
        other => Refusal::Damaged(other.to_string()),
    }
}

/// What a JPEG says about itself, read without decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JpegFacts {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) components: u8,
    /// Sampling factors (horizontal, vertical) by component.
    pub(crate) sampling: Vec<(u8, u8)>,
    /// JFIF density in dots per inch.
    pub(crate) dpi: Option<u16>,
    /// First luma quantization table, in zig-zag order.
    pub(crate) luma_table: Option<[u16; 64]>,
    /// First chroma quantization table, in zig-zag order.
    pub(crate) chroma_table: Option<[u16; 64]>,
    pub(crate) exif: bool,
}

/// Walks the segments to the end-of-image marker. Decoders are lenient and fill a missing half with grey; a
/// capture with a missing half must not pass, so the end is looked for here.
pub(crate) fn jpeg_facts(bytes: &[u8]) -> Result<JpegFacts, Refusal> {
    let truncated = || Refusal::Truncated;
    let mut facts = JpegFacts {
        width: 0,
        height: 0,
        components: 0,
        sampling: Vec::new(),
        dpi: None,
        luma_table: None,
        chroma_table: None,
        exif: false,
    };
    let (mut at, mut scans, mut progressive) = (2, 0, false);
    loop {
        while bytes.get(at).ok_or_else(truncated)? != &0xFF {
            at += 1;
        }
        while bytes.get(at).ok_or_else(truncated)? == &0xFF {
            at += 1;
        }
        let marker = *bytes.get(at).ok_or_else(truncated)?;
        at += 1;
        match marker {
            // A stuffed 0xFF inside the scan, restart markers and the like stand alone.
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            0xD9 => break,
            _ => {}
        }
        let length = match (bytes.get(at), bytes.get(at + 1)) {
            (Some(&a), Some(&b)) => usize::from(u16::from_be_bytes([a, b])),
            _ => return Err(truncated()),
        };
        let body = bytes.get(at + 2..at + length.max(2)).ok_or_else(truncated)?;
        at += length.max(2);
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                progressive = marker == 0xC2;
                let &[precision, h1, h0, w1, w0, count, ..] = body else {
                    return Err(truncated());
                };
                if precision != 8 {
                    return Err(Refusal::DeepColour);
                }
                if count == 4 {
                    return Err(Refusal::Cmyk);
                }
                if count != 1 && count != 3 {
                    return Err(Refusal::Channels);
                }
                facts.height = u16::from_be_bytes([h1, h0]);
                facts.width = u16::from_be_bytes([w1, w0]);
                facts.components = count;
                facts.sampling = body[6..]
                    .chunks_exact(3)
                    .take(usize::from(count))
                    .map(|c| (c[1] >> 4, c[1] & 15))
                    .collect();
            }
            0xE0 if body.starts_with(b"JFIF\0") => {
                if let Some(&[unit, x1, x0]) = body.get(7..10).and_then(|s| <&[u8; 3]>::try_from(s).ok()) {
                    let x = u16::from_be_bytes([x1, x0]);
                    facts.dpi = match unit {
                        1 => Some(x),
                        2 => Some((f32::from(x) * 2.54).round() as u16),
                        _ => None,
                    };
                }
            }
            0xE1 if body.starts_with(b"Exif") => facts.exif = true,
            0xDA => {
                scans += 1;
                if scans > MAX_SCANS {
                    return Err(Refusal::Scans);
                }
            }
            0xDB => {
                facts.luma_table = facts.luma_table.or_else(|| table(body, 0));
                facts.chroma_table = facts.chroma_table.or_else(|| table(body, 1));
            }
            _ => {}
        }
    }
    let baseline_in_parts = !progressive && scans > 1;
    if baseline_in_parts && facts.sampling.iter().any(|s| *s != (1, 1)) {
        return Err(Refusal::SplitColour);
    }
    if facts.components == 0 {
        return Err(Refusal::Damaged("no picture in it".into()));
    }
    Ok(facts)
}

/// The quantization table with this number in a segment that may hold several.
fn table(mut body: &[u8], number: u8) -> Option<[u16; 64]> {
    loop {
        let (&head, rest) = body.split_first()?;
        let wide = head >> 4 == 1;
        let size = if wide { 128 } else { 64 };
        let entries = rest.get(..size)?;
        if head & 15 == number {
            let mut table = [0u16; 64];
            for (i, value) in table.iter_mut().enumerate() {
                *value = if wide {
                    u16::from_be_bytes([entries[2 * i], entries[2 * i + 1]])
                } else {
                    entries[i].into()
                };
            }
            return Some(table);
        }
        body = &rest[size..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn picture() -> RgbImage {
        RgbImage::from_fn(96, 80, |x, y| {
            Rgb([(x * 2) as u8, (y * 3) as u8, ((x ^ y) * 2) as u8])
        })
    }

    fn jpeg(image: &RgbImage) -> Vec<u8> {
        let mut out = Vec::new();
        jpeg_encoder::Encoder::new(&mut out, 95)
            .encode(
                image.as_raw(),
                image.width() as u16,
                image.height() as u16,
                jpeg_encoder::ColorType::Rgb,
            )
            .unwrap();
        out
    }

    /// An EXIF block that holds nothing but an orientation.
    fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
        let mut out = jpeg[..2].to_vec();
        out.extend([0xFF, 0xE1]);
        out.extend((exif.len() as u16 + 2).to_be_bytes());
        out.extend(exif);
        out.extend(&jpeg[2..]);
        out
    }

    fn said(bytes: Vec<u8>) -> String {
        Original::decode(bytes).unwrap_err().to_string()
    }

    #[test]
    fn a_frame_is_kept_without_loss_and_its_hash_is_of_the_stored_bytes() {
        let frame = picture();
        let original = Original::from_rgb(frame.clone()).unwrap();
        let again = Original::decode(original.bytes().to_vec()).unwrap();
        assert_eq!(again.image(), &frame);
        assert_eq!(again.sha256(), original.sha256());
        assert_eq!(original.sha256(), sha256_hex(original.bytes()));
    }

    #[test]
    fn the_bytes_of_a_file_are_kept_as_they_came() {
        let bytes = jpeg(&picture());
        assert_eq!(Original::decode(bytes.clone()).unwrap().bytes(), bytes);
    }

    #[test]
    fn every_exif_orientation_is_applied() {
        // Corners are told apart by colour: red top left, green top right, blue bottom left, white bottom right.
        let marked = RgbImage::from_fn(96, 64, |x, y| match (x < 48, y < 32) {
            (true, true) => Rgb([200, 30, 30]),
            (false, true) => Rgb([30, 200, 30]),
            (true, false) => Rgb([30, 30, 200]),
            (false, false) => Rgb([220, 220, 220]),
        });
        let plain = jpeg(&marked);
        // Exif 2.32, table 3: where the first row and column of the stored picture are in the seen one. Corners as
        // seen: top left, top right, bottom left, bottom right.
        let expected = [
            (1, "rgbw"),
            (2, "grwb"),
            (3, "wbgr"),
            (4, "bwrg"),
            (5, "rbgw"),
            (6, "brwg"),
            (7, "wgbr"),
            (8, "gwrb"),
        ];
        for (orientation, corners) in expected {
            let got = Original::decode(with_orientation(&plain, orientation)).unwrap();
            let (w, h) = got.image().dimensions();
            assert_eq!((w, h), if orientation < 5 { (96, 64) } else { (64, 96) });
            let name = |x: u32, y: u32| match got.image().get_pixel(x, y).0 {
                [r, g, b] if r > 150 && g > 150 && b > 150 => 'w',
                [r, ..] if r > 150 => 'r',
                [_, g, _] if g > 150 => 'g',
                _ => 'b',
            };
            let seen: String = [(4, 4), (w - 5, 4), (4, h - 5), (w - 5, h - 5)]
                .map(|(x, y)| name(x, y))
                .iter()
                .collect();
            assert_eq!(seen, corners, "orientation {orientation}");
            assert_eq!(got.was_turned(), orientation != 1);
        }
    }

    #[test]
    fn a_jpeg_with_thousands_of_scans_or_split_colour_is_refused() {
        let good = jpeg(&picture());
        let scan = good.windows(2).position(|w| w == [0xFF, 0xDA]).unwrap();
        let mut many = good[..good.len() - 2].to_vec();
        for _ in 0..5000 {
            many.extend(&good[scan..scan + 14]);
        }
        many.extend([0xFF, 0xD9]);
        assert_eq!(jpeg_facts(&many), Err(Refusal::Scans));

        let mut split = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut split, 90);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
        encoder.set_optimized_huffman_tables(true);
        let p = picture();
        encoder
            .encode(p.as_raw(), 96, 80, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        assert_eq!(jpeg_facts(&split), Err(Refusal::SplitColour));
        // Why: the decoder reads such a file as another picture. When it no longer does, the refusal can go.
        let read = image::load_from_memory(&split).unwrap().into_rgb8();
        let off: u64 = read
            .iter()
            .zip(p.iter())
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        let off = off as f64 / p.len() as f64;
        assert!(off > 8.0, "mean difference {off}");
    }

    #[test]
    fn a_sensor_on_its_side_is_kept_as_it_sent_and_shown_upright_by_every_reader() {
        for (exif, turn) in [
            (6, image::imageops::rotate90 as fn(&RgbImage) -> RgbImage),
            (3, image::imageops::rotate180),
            (8, image::imageops::rotate270),
        ] {
            let original = Original::from_sensor(picture(), exif).unwrap();
            assert_eq!(*original.image(), turn(&picture()));
            assert!(original.was_turned());
            let again = Original::decode(original.bytes().to_vec()).unwrap();
            assert_eq!(
                again.image(),
                original.image(),
                "the file itself says how it stands"
            );
            let plain = image::load_from_memory(original.bytes()).unwrap().into_rgb8();
            assert_eq!(plain, picture(), "its pixels are the sensor's");
        }
        let upright = Original::from_sensor(picture(), 1).unwrap();
        assert_eq!(upright.bytes(), Original::from_rgb(picture()).unwrap().bytes());
    }

    #[test]
    fn hostile_files_are_refused_with_the_reason() {
        let good = jpeg(&picture());
        assert!(said(Vec::new()).contains("empty"));
        assert!(said(b"GIF89a, perhaps".to_vec()).contains("not"));
        assert!(said(b"hello, this is text".to_vec()).contains("not a picture"));
        for cut in [3, 20, 200, good.len() / 2, good.len() - 2] {
            assert!(
                Original::decode(good[..cut].to_vec()).is_err(),
                "cut at {cut} must be refused"
            );
        }
        assert!(said(good[..good.len() / 2].to_vec()).contains("truncated"));
        let png = Original::from_rgb(picture()).unwrap().bytes().to_vec();
        assert!(said(png[..png.len() / 2].to_vec()).contains("truncated"));
        assert!(said(vec![0; 64]).contains("not a picture"));
    }

    #[test]
    fn a_decompression_bomb_is_refused_before_it_is_decoded() {
        // A PNG header that promises 60000 x 60000 pixels, with a correct checksum.
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0".to_vec();
        png.extend([0xF6, 0xE5, 0x25, 0xD6]);
        png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
        assert!(Original::decode(png).is_err());

        let mut bomb = jpeg(&picture());
        let sof = bomb.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
        bomb[sof + 5..sof + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
        assert!(said(bomb).contains("million"));
    }

    #[test]
    fn press_and_scanner_files_are_refused() {
        let mut cmyk = Vec::new();
        jpeg_encoder::Encoder::new(&mut cmyk, 90)
            .encode(&vec![128; 80 * 80 * 4], 80, 80, jpeg_encoder::ColorType::Cmyk)
            .unwrap();
        assert!(said(cmyk).contains("CMYK"));

        let deep = image::ImageBuffer::<image::Rgb<u16>, Vec<u16>>::new(80, 80);
        let mut bytes = Vec::new();
        DynamicImage::ImageRgb16(deep)
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .unwrap();
        assert!(said(bytes).contains("8 bits"));
    }

    #[test]
    fn a_renamed_file_is_refused() {
        let dir = std::env::temp_dir().join(format!("portrait-suffix-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("photo.png");
        std::fs::write(&path, jpeg(&picture())).unwrap();
        let said = Original::open(&path).unwrap_err().to_string();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(said.contains("suffix"), "{said}");
    }

    #[test]
    fn nothing_of_the_picture_is_printed() {
        let original = Original::from_rgb(picture()).unwrap();
        assert!(format!("{original:?}").len() < 80);
    }
}
