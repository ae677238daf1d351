//! The camera's newest picture for the page: small enough to be drawn thirty times a second without a graphics card.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use camera::Frame;
use image::RgbImage;

use crate::station::Station;
use crate::timing::TimingReading;

/// Widest preview: enough for the page, light enough for software drawing.
const WIDTH: u32 = 960;
/// The camera's own pictures are shown as they are up to this longer side.
const LARGEST: u32 = 1280;
/// How long a page is kept waiting for a newer frame than the last: the slowest camera we take has ten a second.
const NEWER_WITHIN: Duration = Duration::from_millis(120);
/// Good enough for a moving picture.
const QUALITY: u8 = 80;

/// What a page says when it asks for a picture: the number it will know it by, and which one it has drawn since.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Asked {
    /// The page's own number of this picture.
    pub number: Option<u32>,
    /// The last picture that was drawn, and how long ago.
    pub drawn: Option<(u32, Duration)>,
}

impl Asked {
    /// Reads a query such as `n=8&drawn=7&ago=3.5`, the last in milliseconds. What is not understood is left out.
    pub fn read(query: &str) -> Asked {
        let find = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let number = |name| find(name).and_then(|value| value.parse::<u32>().ok());
        let ago = find("ago")
            .and_then(|value| value.parse::<f64>().ok())
            .and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
        Asked {
            number: number("n"),
            drawn: number("drawn").zip(ago),
        }
    }
}

impl Station {
    /// The picture of the empty wall that is kept, in a photographer's booth.
    pub fn plate_preview(&self) -> Option<Vec<u8>> {
        let plate = self.inner().studio.as_ref()?.kept()?;
        jpeg(&plate)
    }

    /// The newest picture for the page, as a JPEG of at most 960 pixels' width or a camera's own of at most 1280, unmirrored. May wait for a frame that
    /// no page has had.
    pub fn preview(&self, asked: Asked) -> Option<Vec<u8>> {
        let now = Instant::now();
        if let Some((number, ago)) = asked.drawn {
            let at = now.checked_sub(ago).unwrap_or(now);
            self.inner().timing().frame_drawn(number, at);
        }
        let camera = self.inner().camera.as_ref()?;
        let Some(number) = asked.number else {
            return picture(&camera.newest()?);
        };
        // A page that draws faster than the camera would draw the same frame twice.
        let last = self.inner().previewed.load(Ordering::Acquire);
        let frame = camera
            .wait_newer(last, NEWER_WITHIN)
            .or_else(|| camera.newest())?;
        self.inner().previewed.store(frame.sequence(), Ordering::Release);
        let picture = picture(&frame);
        self.inner().timing().frame_fetched(number, frame.at());
        picture
    }

    /// The page has drawn this revision of the view.
    pub fn drawn(&self, revision: u32) {
        self.inner().timing().page_drawn(revision, Instant::now());
    }

    /// How fast the station is now.
    pub fn timing(&self) -> TimingReading {
        let fps = match self.inner().camera.as_ref().map(|camera| camera.status()) {
            Some(camera::CameraStatus::Streaming { fps }) => fps,
            _ => 0.0,
        };
        self.inner().timing().reading(fps, Instant::now())
    }
}

/// The frame as the page gets it: the camera's own JPEG where it sends one that is not much larger than what would be
/// made of it, since it takes a page less to read that than it takes the station to make another.
pub fn picture(frame: &Frame) -> Option<Vec<u8>> {
    if frame.width().max(frame.height()) <= LARGEST
        && let Some(own) = frame.to_jpeg_file().ok()?
    {
        return Some(own);
    }
    jpeg(&frame.to_small_rgb(WIDTH).ok()?)
}

fn jpeg(rgb: &RgbImage) -> Option<Vec<u8>> {
    let small = if rgb.width() <= WIDTH {
        Cow::Borrowed(rgb)
    } else {
        Cow::Owned(smaller(rgb))
    };
    let mut jpeg = Vec::with_capacity(128 << 10);
    let (width, height) = (
        u16::try_from(small.width()).ok()?,
        u16::try_from(small.height()).ok()?,
    );
    jpeg_encoder::Encoder::new(&mut jpeg, QUALITY)
        .encode(small.as_raw(), width, height, jpeg_encoder::ColorType::Rgb)
        .ok()?;
    Some(jpeg)
}

fn smaller(rgb: &RgbImage) -> RgbImage {
    let height = (u64::from(rgb.height()) * u64::from(WIDTH) / u64::from(rgb.width().max(1))) as u32;
    image::imageops::thumbnail(rgb, WIDTH, height.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_what_it_has_drawn_with_what_it_asks_for() {
        let asked = Asked::read("n=8&drawn=7&ago=3.5");
        assert_eq!(asked.number, Some(8));
        assert_eq!(asked.drawn, Some((7, Duration::from_micros(3500))));
        assert_eq!(Asked::read(""), Asked::default());
        assert_eq!(
            Asked::read("n=-1&drawn=7&ago=-3").drawn,
            None,
            "no time lies ahead"
        );
    }
}
