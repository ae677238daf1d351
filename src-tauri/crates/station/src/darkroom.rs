//! From the shutter to a photo to choose: the frame, the standard photo, and what a reviewer might say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use camera::{Camera, Frame, PixelFormat, Still};
use image::RgbImage;
use jiff::Timestamp;
use portrait::{Check, Models, Original, Pace, Spec};

use crate::config::{Booth, Config};
use crate::studio::Studio;
use crate::view::Remark;
use crate::visit::{Refused, Shot};

/// Takes one photo and develops it; may block. The camera's own, or one that is handed in (see
/// [`crate::Station::open_with`]). The error says in words why the photo was refused.
pub type Darkroom = Arc<dyn Fn(&Spec) -> Result<Arc<Shot>, Refused> + Send + Sync>;

/// Develops a photo that came from a tethered camera; may block.
pub(crate) type StillRoom = Arc<dyn Fn(&Spec, Still) -> Result<Arc<Shot>, Refused> + Send + Sync>;

/// Takes a picture of the empty wall; may block.
pub(crate) type PlateTaker = Arc<dyn Fn() + Send + Sync>;

/// What a station with eyes makes its photos with.
#[derive(Default)]
pub(crate) struct Rooms {
    pub(crate) darkroom: Option<Darkroom>,
    /// For a tethered camera's photos.
    pub(crate) still_room: Option<StillRoom>,
    /// Light and wall, in a photographer's booth.
    pub(crate) studio: Option<Arc<Studio>>,
    pub(crate) plate_taker: Option<PlateTaker>,
}

impl Rooms {
    pub(crate) fn of(config: &Config, data: &Path, eyes: Option<&(Arc<Camera>, Arc<Models>)>) -> Rooms {
        let Some((camera, models)) = eyes else {
            return Rooms::default();
        };
        let studio = (config.booth == Booth::Photographer).then(|| Arc::new(Studio::open(data)));
        let tethered = config.tethered_folder().is_some();
        let own = || (Arc::clone(camera), Arc::clone(models));
        let darkroom: Darkroom = {
            let ((camera, models), wall) = (own(), studio.clone());
            Arc::new(move |spec| {
                let plate = wall.as_ref().and_then(|studio| studio.plate());
                shoot(&camera, &models, spec, plate.as_deref())
            })
        };
        let still_room = tethered.then(|| -> StillRoom {
            let models = Arc::clone(models);
            Arc::new(move |spec, still| develop_still(&models, spec, still))
        });
        // The webcam's wall is not the tethered camera's.
        let plate_taker = studio.clone().filter(|_| !tethered).map(|studio| -> PlateTaker {
            let (camera, models) = own();
            Arc::new(move || take_plate(&camera, &models, &studio))
        });
        Rooms {
            darkroom: Some(darkroom),
            still_room,
            studio,
            plate_taker,
        }
    }
}

/// The longest wait for a frame after the shutter: ten frames of the slowest camera we take.
const FRAME_WAIT: Duration = Duration::from_secs(2);

/// Takes the next frame and develops it. `plate` is the empty wall, where one is kept.
///
/// The original is kept byte for byte: the camera's own JPEG where it sends one, a lossless picture otherwise.
///
/// # Errors
/// The reasons the photo was refused, in words.
pub(crate) fn shoot(
    camera: &Camera,
    models: &Models,
    spec: &Spec,
    plate: Option<&RgbImage>,
) -> Result<Arc<Shot>, Refused> {
    let after = camera.newest().map_or(0, |frame| frame.sequence());
    let Some(frame) = camera.wait_newer(after, FRAME_WAIT) else {
        return Err(vec![remark(
            "no-frame",
            "摄像头没有画面，请稍候再拍",
            "The camera sends no picture, please try again in a moment",
        )]
        .into());
    };
    let captured_at = Timestamp::now();
    let original = if frame.format() == PixelFormat::Mjpeg {
        Original::decode(frame.data().to_vec())
    } else {
        match frame.to_rgb() {
            Ok(rgb) => Original::from_rgb(rgb),
            Err(_) => return Err(vec![unreadable()].into()),
        }
    };
    let plate = plate.filter(|plate| (plate.width(), plate.height()) == (frame.width(), frame.height()));
    develop(original.ok(), captured_at, models, spec, plate)
}

/// Develops a tethered camera's photo, as upright as the camera says it was held: [`Original`] reads that off it.
pub(crate) fn develop_still(models: &Models, spec: &Spec, still: Still) -> Result<Arc<Shot>, Refused> {
    develop(
        Original::decode(still.bytes).ok(),
        still.taken_at,
        models,
        spec,
        None,
    )
}

fn develop(
    original: Option<Original>,
    captured_at: Timestamp,
    models: &Models,
    spec: &Spec,
    plate: Option<&RgbImage>,
) -> Result<Arc<Shot>, Refused> {
    let Some(original) = original else {
        return Err(vec![unreadable()].into());
    };
    let outcome = portrait::standardize(models, &original, spec, plate);
    let refused: Vec<Remark> = outcome.report.refusals().map(in_words).collect();
    let remarks = outcome.report.remarks().map(in_words).collect();
    let accepted = outcome.photo.is_some();
    let shot = outcome.photo.or(outcome.closest).map(|photo| {
        Arc::new(Shot {
            original: original.bytes().to_vec(),
            standard: photo.jpeg,
            report: outcome.report,
            remarks,
            captured_at,
        })
    });
    match shot {
        Some(shot) if accepted => Ok(shot),
        closest => Err(Refused {
            remarks: refused,
            closest,
        }),
    }
}

/// Frames a plate is the mean of.
const PLATE_FRAMES: usize = 8;

/// Keeps a picture of the empty wall, as the camera sees it now.
pub(crate) fn take_plate(camera: &Camera, models: &Models, studio: &Studio) {
    let mut after = camera.newest().map_or(0, |frame| frame.sequence());
    let mut frames: Vec<RgbImage> = Vec::with_capacity(PLATE_FRAMES);
    while frames.len() < PLATE_FRAMES {
        let Some(frame) = camera.wait_newer(after, FRAME_WAIT) else {
            break;
        };
        after = frame.sequence();
        frames.extend(frame.to_rgb().ok());
    }
    let face = frames
        .last()
        .is_some_and(|frame| !models.faces(frame, Pace::Live).is_empty());
    studio.take_plate(&frames, face);
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
