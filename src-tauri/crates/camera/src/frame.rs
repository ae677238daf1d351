//! One frame as the camera sent it, and its way to RGB and luma.
//!
//! YUYV and NV12 are read as BT.601 with limited range (luma 16–235, chroma 16–240): what the USB video
//! class names as its default, and what `Video4Linux`, Media Foundation and `AVFoundation` assume where a
//! device says nothing. The arithmetic is the 8-bit integer form of that matrix in Microsoft's
//! "Recommended 8-Bit YUV Formats for Video Rendering", never more than one level off the exact one.
//! Chroma is repeated, not interpolated: a standard photo is scaled down from the frame anyway.
//! MJPEG is full-range BT.601 by definition (JFIF).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use image::{GrayImage, RgbImage};

use crate::{CameraError, Mounting, mjpeg, reduce};

/// Cameras do not go beyond this; anything larger is a broken header.
const MOST_PIXELS_A_SIDE: u32 = 16384;

/// How the bytes of a frame are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Three bytes a pixel: red, green, blue.
    Rgb8,
    /// One byte a pixel, 0–255.
    Gray8,
    /// 4:2:2 packed, `Y0 U Y1 V` for two pixels; even width.
    Yuyv,
    /// 4:2:0: a plane of Y, then a half-size plane of U V pairs; even width and height.
    Nv12,
    /// A JPEG picture, possibly without its Huffman tables (then the standard ones).
    Mjpeg,
}

impl PixelFormat {
    /// The name used in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rgb8 => "RGB",
            Self::Gray8 => "GRAY",
            Self::Yuyv => "YUYV",
            Self::Nv12 => "NV12",
            Self::Mjpeg => "MJPEG",
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One frame. Cloning is cheap: clones share the bytes.
#[derive(Clone)]
pub struct Frame {
    format: PixelFormat,
    width: u32,
    height: u32,
    mounting: Mounting,
    sequence: u64,
    at: Instant,
    data: Arc<Vec<u8>>,
}

impl Frame {
    /// Wraps the bytes of a frame taken now. Devices hand over whole buffers: what follows the frame
    /// (after a JPEG's real end marker, after the last row) is cut off. The sequence number is 0 until a
    /// [`crate::Camera`] hands the frame over.
    ///
    /// # Errors
    /// [`CameraError::BadFrame`] when bytes are missing, or the size is zero, odd where the format needs
    /// it even, or beyond 16384 pixels a side.
    pub fn new<'a>(
        format: PixelFormat,
        width: u32,
        height: u32,
        data: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, CameraError> {
        let data = data.into();
        let length = length(format, width, height, &data)?;
        let data = match data {
            Cow::Borrowed(bytes) => bytes.get(..length).map(<[u8]>::to_vec),
            Cow::Owned(mut bytes) => (bytes.len() >= length).then(|| {
                bytes.truncate(length);
                bytes
            }),
        };
        let data = data.ok_or_else(|| bad(format!("{format} {width}x{height} needs {length} bytes")))?;
        Ok(Self {
            format,
            width,
            height,
            mounting: Mounting::Upright,
            sequence: 0,
            at: Instant::now(),
            data: Arc::new(data),
        })
    }

    /// How [`Frame::data`] is laid out.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Width of the upright picture in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.upright_size().0
    }

    /// Height of the upright picture in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.upright_size().1
    }

    fn upright_size(&self) -> (u32, u32) {
        if self.mounting.is_sideways() {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }

    /// How the sensor hangs; [`Frame::data`] is as the sensor sent it.
    pub fn mounting(&self) -> Mounting {
        self.mounting
    }

    /// 1 for a camera's first frame and rising; it goes on rising over reconnects.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the frame arrived.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The bytes, exactly as many as the format needs.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The frame as RGB, upright, at its own size.
    ///
    /// # Errors
    /// [`CameraError::BadFrame`] for an MJPEG frame that is damaged inside or of another size than it
    /// was announced with.
    pub fn to_rgb(&self) -> Result<RgbImage, CameraError> {
        Ok(self.mounting.upright(self.to_sensor_rgb()?))
    }

    /// The same as the sensor sent it, whatever its mounting.
    ///
    /// # Errors
    /// As [`Frame::to_rgb`].
    pub fn to_sensor_rgb(&self) -> Result<RgbImage, CameraError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let samples = match self.format {
            PixelFormat::Rgb8 => self.data.to_vec(),
            PixelFormat::Gray8 => self.data.iter().flat_map(|level| [*level; 3]).collect(),
            PixelFormat::Yuyv => yuyv_to_rgb(&self.data),
            PixelFormat::Nv12 => nv12_to_rgb(&self.data, width, height),
            PixelFormat::Mjpeg => mjpeg::to_rgb(&self.data, width, height)?,
        };
        RgbImage::from_raw(self.width, self.height, samples).ok_or_else(|| bad("wrong number of samples"))
    }

    /// The frame as RGB, upright, at a half, a quarter or an eighth of its size: the smallest whose longer side still
    /// has `least` pixels. For the preview and the guidance.
    ///
    /// # Errors
    /// As [`Frame::to_rgb`].
    pub fn to_small_rgb(&self, least: u32) -> Result<RgbImage, CameraError> {
        let whole = self.to_sensor_rgb()?;
        let by = reduce::factor(self.width, self.height, least);
        Ok(self.mounting.upright(reduce::means(&whole, by).unwrap_or(whole)))
    }

    /// The frame's lightness, upright, 0–255 (limited range is stretched), at its own size. Cheaper than RGB.
    ///
    /// # Errors
    /// As [`Frame::to_rgb`].
    pub fn to_luma(&self) -> Result<GrayImage, CameraError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let samples = match self.format {
            PixelFormat::Rgb8 => rgb_to_luma(&self.data),
            PixelFormat::Gray8 => self.data.to_vec(),
            PixelFormat::Yuyv => self.data.chunks_exact(2).map(|pair| stretch(pair[0])).collect(),
            PixelFormat::Nv12 => self
                .data
                .iter()
                .take(width * height)
                .map(|y| stretch(*y))
                .collect(),
            PixelFormat::Mjpeg => mjpeg::to_luma(&self.data, width, height)?,
        };
        let luma = GrayImage::from_raw(self.width, self.height, samples)
            .ok_or_else(|| bad("wrong number of samples"))?;
        Ok(self.mounting.upright(luma))
    }

    /// The camera's own JPEG as a file that every reader understands and shows upright; `None` where the camera sends
    /// no JPEG. The picture's data are the sensor's, byte for byte; added are, where the frame has none, the Huffman
    /// tables that motion JPEG leaves out, and for a mounting that is not upright the EXIF orientation.
    ///
    /// # Errors
    /// [`CameraError::BadFrame`] for one that is not whole.
    pub fn to_jpeg_file(&self) -> Result<Option<Vec<u8>>, CameraError> {
        match self.format {
            PixelFormat::Mjpeg => mjpeg::to_file(&self.data, self.mounting).map(Some),
            _ => Ok(None),
        }
    }

    /// The same picture, taken again.
    pub(crate) fn taken_now(&self) -> Self {
        Self {
            at: Instant::now(),
            ..self.clone()
        }
    }

    pub(crate) fn mounted(self, mounting: Mounting) -> Self {
        Self { mounting, ..self }
    }

    pub(crate) fn numbered(self, sequence: u64) -> Self {
        Self { sequence, ..self }
    }
}

/// Photographs of students are not for logs: the bytes are left out.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Frame({} {} {}x{})",
            self.sequence, self.format, self.width, self.height
        )
    }
}

pub(crate) fn bad(why: impl Into<String>) -> CameraError {
    CameraError::BadFrame(why.into())
}

/// The exact number of bytes of this frame.
fn length(format: PixelFormat, width: u32, height: u32, data: &[u8]) -> Result<usize, CameraError> {
    let sides = 1..=MOST_PIXELS_A_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(bad(format!("a size of {width}x{height}")));
    }
    let pixels = width as usize * height as usize;
    match format {
        PixelFormat::Rgb8 => Ok(pixels * 3),
        PixelFormat::Gray8 => Ok(pixels),
        PixelFormat::Yuyv if width.is_multiple_of(2) => Ok(pixels * 2),
        PixelFormat::Nv12 if width.is_multiple_of(2) && height.is_multiple_of(2) => Ok(pixels * 3 / 2),
        PixelFormat::Yuyv | PixelFormat::Nv12 => Err(bad(format!("{format} of odd size {width}x{height}"))),
        PixelFormat::Mjpeg => mjpeg::length(data),
    }
}

/// BT.601, limited range, Microsoft's integer form.
fn yuv_to_rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let (c, d, e) = (i32::from(y) - 16, i32::from(u) - 128, i32::from(v) - 128);
    let level = |sum: i32| ((sum + 128) >> 8).clamp(0, 255) as u8;
    [
        level(298 * c + 409 * e),
        level(298 * c - 100 * d - 208 * e),
        level(298 * c + 516 * d),
    ]
}

/// Limited-range luma to 0–255: what [`yuv_to_rgb`] gives for a grey.
fn stretch(y: u8) -> u8 {
    ((298 * (i32::from(y) - 16) + 128) >> 8).clamp(0, 255) as u8
}

fn yuyv_to_rgb(data: &[u8]) -> Vec<u8> {
    let mut rgb = vec![0; data.len() / 2 * 3];
    for (pair, out) in data.chunks_exact(4).zip(rgb.chunks_exact_mut(6)) {
        let [y0, u, y1, v] = [pair[0], pair[1], pair[2], pair[3]];
        out[..3].copy_from_slice(&yuv_to_rgb(y0, u, v));
        out[3..].copy_from_slice(&yuv_to_rgb(y1, u, v));
    }
    rgb
}

fn nv12_to_rgb(data: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut rgb = vec![0; width * height * 3];
    let (luma, chroma) = data.split_at(width * height);
    let rows = luma.chunks_exact(width).zip(rgb.chunks_exact_mut(width * 3));
    for (y, (levels, out)) in rows.enumerate() {
        let pairs = &chroma[y / 2 * width..][..width];
        for ((pair, levels), out) in pairs
            .chunks_exact(2)
            .zip(levels.chunks_exact(2))
            .zip(out.chunks_exact_mut(6))
        {
            out[..3].copy_from_slice(&yuv_to_rgb(levels[0], pair[0], pair[1]));
            out[3..].copy_from_slice(&yuv_to_rgb(levels[1], pair[0], pair[1]));
        }
    }
    rgb
}

/// BT.601 luma at 16 bits, so that RGB, MJPEG and YUV frames agree on how light a face is.
fn rgb_to_luma(data: &[u8]) -> Vec<u8> {
    data.chunks_exact(3)
        .map(|rgb| {
            let [r, g, b] = [u32::from(rgb[0]), u32::from(rgb[1]), u32::from(rgb[2])];
            ((19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16) as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix as the recommendation gives it, in real numbers.
    fn exact(y: u8, u: u8, v: u8) -> [f64; 3] {
        let (kr, kb) = (0.299, 0.114);
        let kg = 1.0 - kr - kb;
        let y = (f64::from(y) - 16.0) * 255.0 / 219.0;
        let (pb, pr) = (
            (f64::from(u) - 128.0) * 255.0 / 224.0,
            (f64::from(v) - 128.0) * 255.0 / 224.0,
        );
        let (r, b) = (y + 2.0 * (1.0 - kr) * pr, y + 2.0 * (1.0 - kb) * pb);
        [
            r,
            y - (2.0 * (1.0 - kr) * kr * pr + 2.0 * (1.0 - kb) * kb * pb) / kg,
            b,
        ]
    }

    /// The published integer form, written as it is printed.
    fn published(y: u8, u: u8, v: u8) -> [u8; 3] {
        fn clip(x: i64) -> u8 {
            if x < 0 {
                0
            } else if x > 255 {
                255
            } else {
                u8::try_from(x).unwrap()
            }
        }
        let c = i64::from(y) - 16;
        let d = i64::from(u) - 128;
        let e = i64::from(v) - 128;
        let floor_256 = |x: i64| x.div_euclid(256);
        [
            clip(floor_256(298 * c + 409 * e + 128)),
            clip(floor_256(298 * c - 100 * d - 208 * e + 128)),
            clip(floor_256(298 * c + 516 * d + 128)),
        ]
    }

    /// A plain reader of both layouts: pixel by pixel, by the definition.
    fn reference(
        format: PixelFormat,
        data: &[u8],
        width: usize,
        x: usize,
        y: usize,
        height: usize,
    ) -> [u8; 3] {
        let (luma, u, v) = match format {
            PixelFormat::Yuyv => {
                let row = &data[y * width * 2..];
                let pair = x / 2 * 4;
                (row[x * 2], row[pair + 1], row[pair + 3])
            }
            PixelFormat::Nv12 => {
                let chroma = width * height + (y / 2) * width + x / 2 * 2;
                (data[y * width + x], data[chroma], data[chroma + 1])
            }
            _ => unreachable!(),
        };
        published(luma, u, v)
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 24) as u8
            })
            .collect()
    }

    #[test]
    fn every_colour_is_the_published_one_and_within_a_level_of_the_exact_one() {
        for y in 0..=255 {
            for u in 0..=255 {
                for v in 0..=255 {
                    let ours = yuv_to_rgb(y, u, v);
                    assert_eq!(ours, published(y, u, v));
                    for (ours, exact) in ours.iter().zip(exact(y, u, v)) {
                        let exact = exact.clamp(0.0, 255.0);
                        assert!(
                            (f64::from(*ours) - exact).abs() < 1.2,
                            "{y} {u} {v}: {ours} for {exact}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn black_white_and_the_primaries_come_out_pure() {
        // The 8-bit values of the 100 % colour bars, ITU-R BT.601.
        for (yuv, rgb) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 1]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            assert_eq!(yuv_to_rgb(yuv[0], yuv[1], yuv[2]), rgb);
        }
    }

    #[test]
    fn yuyv_and_nv12_are_decoded_byte_for_byte_as_a_plain_reader_does() {
        for (format, width, height) in [
            (PixelFormat::Yuyv, 34, 17),
            (PixelFormat::Nv12, 34, 18),
            (PixelFormat::Yuyv, 2, 1),
            (PixelFormat::Nv12, 2, 2),
        ] {
            let data = noise(width * height * 2);
            let frame = Frame::new(format, width as u32, height as u32, data.clone()).unwrap();
            let rgb = frame.to_rgb().unwrap();
            let luma = frame.to_luma().unwrap();
            for (x, y, pixel) in rgb.enumerate_pixels() {
                let expected = reference(format, &data, width, x as usize, y as usize, height);
                assert_eq!(pixel.0, expected, "{format} at {x}, {y}");
            }
            for (x, y, level) in luma.enumerate_pixels() {
                let (x, y) = (x as usize, y as usize);
                let raw = if format == PixelFormat::Yuyv {
                    data[(y * width + x) * 2]
                } else {
                    data[y * width + x]
                };
                assert_eq!(level.0[0], published(raw, 128, 128)[0], "{format} at {x}, {y}");
            }
        }
    }

    #[test]
    fn grey_and_rgb_frames_pass_through() {
        let data = noise(12 * 5 * 3);
        let grey = Frame::new(PixelFormat::Gray8, 12, 5, data.clone()).unwrap();
        assert_eq!(grey.to_luma().unwrap().as_raw(), &data[..60]);
        let tripled: Vec<u8> = data[..60].iter().flat_map(|level| [*level; 3]).collect();
        assert_eq!(grey.to_rgb().unwrap().into_raw(), tripled);

        let colour = Frame::new(PixelFormat::Rgb8, 12, 5, data.clone()).unwrap();
        assert_eq!(colour.to_rgb().unwrap().as_raw(), &data);
        for (rgb, luma) in data.chunks(3).zip(colour.to_luma().unwrap().as_raw()) {
            let exact = 0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]);
            assert!((f64::from(*luma) - exact).abs() <= 0.51);
        }
    }

    #[test]
    fn a_whole_mapped_buffer_is_cut_to_the_frame_and_a_short_one_refused() {
        for (format, bytes) in [
            (PixelFormat::Rgb8, 192),
            (PixelFormat::Gray8, 64),
            (PixelFormat::Yuyv, 128),
            (PixelFormat::Nv12, 96),
        ] {
            let mapped = noise(4096);
            let frame = Frame::new(format, 8, 8, mapped.as_slice()).unwrap();
            assert_eq!(frame.data(), &mapped[..bytes]);
            for short in [0, bytes - 1] {
                let refused = Frame::new(format, 8, 8, &mapped[..short]).unwrap_err();
                assert!(matches!(refused, CameraError::BadFrame(_)));
                assert!(Frame::new(format, 8, 8, mapped[..short].to_vec()).is_err());
            }
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let data = noise(64);
        for (width, height) in [(0, 8), (8, 0), (u32::MAX, u32::MAX), (20_000, 1)] {
            for format in [
                PixelFormat::Rgb8,
                PixelFormat::Gray8,
                PixelFormat::Yuyv,
                PixelFormat::Nv12,
            ] {
                assert!(Frame::new(format, width, height, data.as_slice()).is_err());
            }
        }
        assert!(Frame::new(PixelFormat::Yuyv, 3, 2, data.as_slice()).is_err());
        assert!(Frame::new(PixelFormat::Nv12, 4, 3, data.as_slice()).is_err());
    }

    #[test]
    fn a_sensor_on_its_side_gives_upright_pictures_of_the_same_pixels() {
        let data = noise(24);
        let sensor = Frame::new(PixelFormat::Rgb8, 4, 2, data.clone()).unwrap();
        let frame = sensor.clone().mounted(Mounting::Clockwise90);
        assert_eq!((frame.width(), frame.height()), (2, 4));
        let (upright, sideways) = (frame.to_rgb().unwrap(), frame.to_sensor_rgb().unwrap());
        assert_eq!((upright.dimensions(), sideways.as_raw()), ((2, 4), &data));
        for (x, y, pixel) in sideways.enumerate_pixels() {
            assert_eq!(upright.get_pixel(1 - y, x), pixel, "clockwise by a quarter");
        }
        assert_eq!(frame.to_luma().unwrap().dimensions(), (2, 4));
        assert_eq!(frame.data(), sensor.data(), "what the sensor sent stays");
    }

    #[test]
    fn clones_share_the_bytes_and_printing_shows_none_of_them() {
        let frame = Frame::new(PixelFormat::Gray8, 2, 2, vec![7, 77, 177, 207]).unwrap();
        assert!(std::ptr::eq(frame.data(), frame.clone().data()));
        assert_eq!(format!("{frame:?}"), "Frame(0 GRAY 2x2)");
    }
}
