//! From the shutter to a photo to choose: the frame, the standard photo, and what a reviewer might say.

use std::sync::Arc;
use std::time::Duration;

use camera::{Camera, Frame, PixelFormat};
use jiff::Timestamp;
use portrait::{Check, Models, Original, Spec};

use crate::view::Remark;
use crate::visit::Shot;

/// Takes one photo and develops it; may block. The camera's own, or one that is handed in (see
/// [`crate::Station::open_with`]). The error says in words why the photo was refused.
pub type Darkroom = Arc<dyn Fn(&Spec) -> Result<Arc<Shot>, Vec<Remark>> + Send + Sync>;

/// The longest wait for a frame after the shutter: ten frames of the slowest camera we take.
const FRAME_WAIT: Duration = Duration::from_secs(2);

/// Takes the next frame and develops it.
///
/// The original is kept byte for byte: the camera's own JPEG where it sends one, a lossless picture otherwise.
///
/// # Errors
/// The reasons the photo was refused, in words.
pub(crate) fn develop(camera: &Camera, models: &Models, spec: &Spec) -> Result<Arc<Shot>, Vec<Remark>> {
    let after = camera.newest().map_or(0, |frame| frame.sequence());
    let Some(frame) = camera.wait_newer(after, FRAME_WAIT) else {
        return Err(vec![remark(
            "no-frame",
            "摄像头没有画面，请稍候再拍",
            "The camera sends no picture, please try again in a moment",
        )]);
    };
    let captured_at = Timestamp::now();
    let original = if frame.format() == PixelFormat::Mjpeg {
        Original::decode(frame.data().to_vec())
    } else {
        match frame.to_rgb() {
            Ok(rgb) => Original::from_rgb(rgb),
            Err(_) => return Err(vec![unreadable()]),
        }
    };
    let Ok(original) = original else {
        return Err(vec![unreadable()]);
    };
    let outcome = portrait::standardize(models, &original, spec, None);
    match outcome.photo {
        Some(photo) => {
            let remarks = outcome.report.remarks().map(in_words).collect();
            Ok(Arc::new(Shot {
                original: original.bytes().to_vec(),
                standard: photo.jpeg,
                report: outcome.report,
                remarks,
                captured_at,
            }))
        }
        None => Err(outcome.report.refusals().map(in_words).collect()),
    }
}

fn unreadable() -> Remark {
    remark(
        "no-frame",
        "这张画面不完整，请再拍一张",
        "This picture was incomplete, please take another",
    )
}

fn in_words(check: &Check) -> Remark {
    remark(check.code.as_str(), &check.zh, &check.en)
}

fn remark(code: &str, zh: &str, en: &str) -> Remark {
    Remark {
        code: code.to_owned(),
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

/// Widest preview: enough for the page, light enough for software drawing.
const PREVIEW_WIDTH: u32 = 960;

/// The picture for the page.
pub(crate) fn preview(frame: &Frame) -> Option<Vec<u8>> {
    let rgb = frame.to_rgb().ok()?;
    let (width, height) = (rgb.width().min(PREVIEW_WIDTH), rgb.height());
    let height = (u64::from(height) * u64::from(width) / u64::from(rgb.width().max(1))) as u32;
    let small = if width == rgb.width() {
        rgb
    } else {
        image::imageops::thumbnail(&rgb, width.max(1), height.max(1))
    };
    let mut jpeg = Vec::with_capacity(128 << 10);
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 80)
        .encode_image(&small)
        .ok()?;
    Some(jpeg)
}
