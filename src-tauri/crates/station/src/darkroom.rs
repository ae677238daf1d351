//! From the shutter to a photo to choose: the frame, the standard photo, and what a reviewer might say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use camera::{Camera, Frame, Still};
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
/// The original is kept byte for byte: the camera's own JPEG where it sends one, a lossless picture otherwise. A sensor
/// that hangs on its side is told in it, and the pixels are kept as the sensor sent them ([`camera::Mounting`]).
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
    let plate = plate.filter(|plate| (plate.width(), plate.height()) == (frame.width(), frame.height()));
    develop(original(&frame), captured_at, models, spec, plate)
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

/// The frame as evidence.
fn original(frame: &Frame) -> Option<Original> {
    if let Some(file) = frame.to_jpeg_file().ok()? {
        return Original::decode(file).ok();
    }
    let orientation = frame.mounting().exif_orientation();
    Original::from_sensor(frame.to_sensor_rgb().ok()?, orientation).ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use camera::{Mounting, SourceSpec};
    use image::{Rgb, RgbImage};

    #[test]
    fn the_original_of_a_sensor_on_its_side_stands_upright_pixel_for_pixel() {
        let folder = tempfile::tempdir().unwrap();
        let sent = RgbImage::from_fn(96, 80, |x, y| Rgb([(x * 2) as u8, (y * 3) as u8, 90]));
        sent.save(folder.path().join("sensor.png")).unwrap();
        let camera = Camera::start(SourceSpec::Mounted {
            sensor: Box::new(SourceSpec::Pictures {
                path: folder.path().to_owned(),
                fps: 30,
            }),
            mounting: Mounting::Clockwise90,
        });
        let frame = camera.wait_newer(0, Duration::from_mins(2)).unwrap();
        let original = original(&frame).unwrap();
        assert_eq!(*original.image(), image::imageops::rotate90(&sent));
        assert!(original.was_turned(), "the file says so itself");
        let again = Original::decode(original.bytes().to_vec()).unwrap();
        assert_eq!(
            again.image(),
            original.image(),
            "and whoever proves the photo sees the same"
        );
    }
}
