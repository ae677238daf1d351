//! Media Foundation and `AVFoundation`, by nokhwa.
//!
//! What nokhwa 0.10 leaves to its caller, and is done here:
//! - on Windows what a failed attempt has initialized is undone, or no later attempt would succeed;
//! - on macOS permission is asked for first, and late frames are dropped instead of queued;
//! - a format is asked for exactly as the device lists it: nokhwa's `Closest` fails unless the size exists.
//!
//! What cannot be done in this process at all — a hang while opening (nokhwa issue 101), an access violation without a
//! webcam (192), an exception nobody may catch (180, the C922 under macOS) — is why the shell runs this behind
//! [`crate::apart`].

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, ControlValueSetter, FrameFormat, KnownCameraControl,
    RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{NokhwaError, nokhwa_check, nokhwa_initialize};

use super::{DeviceFormat, Listed, Rate};
use crate::settings::{Knob, Memory, SETTLE, Settings, Turn, known};
use crate::{CameraError, Frame, PixelFormat};

/// What [`Listed`] devices are opened by.
pub(super) type Handle = CameraIndex;

/// How long a person may think about macOS's question before the attempt is given up and made again.
const PERMISSION_WAIT: Duration = Duration::from_secs(10);

const KNOWN: [FrameFormat; 6] = [
    FrameFormat::YUYV,
    FrameFormat::MJPEG,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
];

/// nokhwa carries the system's own device ids in `misc`.
pub(super) fn list() -> Result<Vec<Listed<Handle>>, CameraError> {
    permitted()?;
    let devices = nokhwa::query(ApiBackend::Auto).map_err(|error| classified(&error))?;
    Ok(devices
        .iter()
        .map(|device| Listed::new(&device.human_name(), &device.misc(), device.index().clone()))
        .collect())
}

pub(super) fn formats(index: &Handle) -> Result<Vec<DeviceFormat>, CameraError> {
    let request = RequestedFormat::with_formats(RequestedFormatType::None, &KNOWN);
    let mut camera = nokhwa::Camera::new(index.clone(), request).map_err(|error| classified(&error))?;
    let offered = camera
        .compatible_camera_formats()
        .map_err(|error| classified(&error))?;
    Ok(offered
        .iter()
        .map(|offer| DeviceFormat {
            format: ours(offer.format()),
            width: offer.width(),
            height: offer.height(),
            rate: Rate::whole(offer.frame_rate()),
        })
        .collect())
}

/// nokhwa initializes Media Foundation and COM for the first thread that asks, and undoes it when the last camera is
/// closed. An attempt that never had a camera leaves them with a thread that ends, and every later thread,
/// initialized by nobody, would fail: so they are undone here.
pub(super) fn after_failed_open() {
    #[cfg(windows)]
    let _ = nokhwa_bindings_windows::wmf::de_initialize_mf();
}

/// A streaming device.
pub(crate) struct Stream {
    camera: nokhwa::Camera,
    format: FrameFormat,
    width: u32,
    height: u32,
    settings: Settings,
    memory: Memory,
    first_frame: Option<Instant>,
}

impl Stream {
    pub(super) fn open(
        index: &Handle,
        offer: DeviceFormat,
        settings: Settings,
        memory: &Memory,
    ) -> Result<Self, CameraError> {
        let size = Resolution::new(offer.width, offer.height);
        let fps = offer.rate.per_second().round() as u32;
        let mut refused = CameraError::UnsupportedFormat(offer.to_string());
        // RGB is one of two byte orders here.
        for format in KNOWN.into_iter().filter(|known| ours(*known) == offer.format) {
            match open_exactly(index, CameraFormat::new(size, format, fps)) {
                Err(error @ CameraError::UnsupportedFormat(_)) => refused = error,
                Err(error) => return Err(error),
                Ok(mut camera) => {
                    for (knob, turn) in settings.at_opening(&known(memory)) {
                        turned(&mut camera, knob, turn);
                    }
                    let taken = camera.camera_format();
                    return Ok(Self {
                        format: taken.format(),
                        width: taken.width(),
                        height: taken.height(),
                        camera,
                        settings,
                        memory: memory.clone(),
                        first_frame: None,
                    });
                }
            }
        }
        Err(refused)
    }

    pub(super) fn next_frame(&mut self) -> Result<Frame, CameraError> {
        let stopped = |error: NokhwaError| CameraError::Read(error.to_string());
        let taken = if cfg!(target_os = "macos") {
            // `frame` drops the queue of late frames, `frame_raw` works it off.
            let buffer = self.camera.frame().map_err(stopped)?;
            let size = buffer.resolution();
            let (format, bytes) = (buffer.source_frame_format(), buffer.buffer());
            frame(format, size.width(), size.height(), bytes)
        } else {
            let bytes = self.camera.frame_raw().map_err(stopped)?;
            frame(self.format, self.width, self.height, &bytes)
        };
        self.hold();
        taken
    }

    /// Once the automatics have had their time, what they found is kept.
    fn hold(&mut self) {
        let first = *self.first_frame.get_or_insert_with(Instant::now);
        if first.elapsed() < SETTLE {
            return;
        }
        let mut found = known(&self.memory);
        for (automatic, value) in self.settings.to_hold(&found) {
            let now = read(&self.camera, value).unwrap_or_default();
            turned(&mut self.camera, automatic, Turn::Automatic(false));
            turned(&mut self.camera, value, Turn::To(now));
            found.insert(value, now);
        }
    }
}

fn frame(format: FrameFormat, width: u32, height: u32, bytes: &[u8]) -> Result<Frame, CameraError> {
    if format == FrameFormat::RAWBGR {
        let mut rgb = bytes.to_vec();
        rgb.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
        return Frame::new(PixelFormat::Rgb8, width, height, rgb);
    }
    Frame::new(ours(format), width, height, bytes)
}

fn ours(format: FrameFormat) -> PixelFormat {
    match format {
        FrameFormat::MJPEG => PixelFormat::Mjpeg,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        FrameFormat::NV12 => PixelFormat::Nv12,
        FrameFormat::GRAY => PixelFormat::Gray8,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => PixelFormat::Rgb8,
    }
}

/// Opens with one format and starts the stream.
fn open_exactly(index: &CameraIndex, format: CameraFormat) -> Result<nokhwa::Camera, CameraError> {
    let formats = [format.format()];
    let request = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &formats);
    let mut camera = nokhwa::Camera::new(index.clone(), request).map_err(|error| classified(&error))?;
    camera.open_stream().map_err(|error| classified(&error))?;
    Ok(camera)
}

/// nokhwa has no automatic apart from its value: setting a value stops the automatic, and the mains' frequency is
/// none of its controls.
fn control(knob: Knob) -> Option<KnownCameraControl> {
    Some(match knob {
        Knob::Exposure => KnownCameraControl::Exposure,
        Knob::Gain => KnownCameraControl::Gain,
        Knob::WhiteBalance => KnownCameraControl::WhiteBalance,
        Knob::Focus => KnownCameraControl::Focus,
        Knob::Zoom => KnownCameraControl::Zoom,
        Knob::AutoExposure | Knob::AutoGain | Knob::AutoWhiteBalance | Knob::AutoFocus | Knob::Mains => {
            return None;
        }
    })
}

fn turned(camera: &mut nokhwa::Camera, knob: Knob, turn: Turn) {
    if let (Some(control), Turn::To(value)) = (control(knob), turn)
        && let Err(error) = camera.set_camera_control(control, ControlValueSetter::Integer(value))
    {
        tracing::warn!(?knob, value, %error, "the camera refuses a setting");
    }
}

fn read(camera: &nokhwa::Camera, knob: Knob) -> Option<i64> {
    let now = camera.camera_control(control(knob)?).ok()?;
    now.value().as_integer().copied()
}

/// macOS asks the person at the machine; the other systems answer at once.
fn permitted() -> Result<(), CameraError> {
    if nokhwa_check() {
        return Ok(());
    }
    let (answer, answered) = mpsc::channel();
    let answer = Mutex::new(answer);
    nokhwa_initialize(move |granted| {
        if let Ok(answer) = answer.lock() {
            let _ = answer.send(granted);
        }
    });
    match answered.recv_timeout(PERMISSION_WAIT) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CameraError::PermissionDenied("refused".to_owned())),
        Err(_) => Err(CameraError::PermissionDenied("not answered yet".to_owned())),
    }
}

/// nokhwa passes the system's own words on; the cases that matter are told apart by them.
fn classified(error: &NokhwaError) -> CameraError {
    let words = error.to_string();
    let lower = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|part| lower.contains(part));
    if says(&[
        "permission denied",
        "access is denied",
        "access denied",
        "0x80070005",
        "not authorized",
    ]) {
        CameraError::PermissionDenied(words)
    } else if says(&["busy", "0xc00d3704", "0x80070020", "in use"]) {
        CameraError::Busy(words)
    } else if says(&["fufill", "fulfill", "rejected", "not whole number", "unsupported"]) {
        CameraError::UnsupportedFormat(words)
    } else {
        CameraError::Open(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_understood() {
        let open = |words: &str| classified(&NokhwaError::OpenDeviceError("0".to_owned(), words.to_owned()));
        assert!(matches!(
            open("Access is denied. (0x80070005)"),
            CameraError::PermissionDenied(_)
        ));
        assert!(matches!(open("the device is in use"), CameraError::Busy(_)));
        assert!(matches!(
            open("Failed to Fufill"),
            CameraError::UnsupportedFormat(_)
        ));
        assert!(matches!(open("something else"), CameraError::Open(_)));
        assert!(!open("something else").is_permanent());
    }

    #[test]
    fn blue_first_frames_are_turned_around() {
        let frame = frame(FrameFormat::RAWBGR, 2, 1, &[1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(
            (frame.format(), frame.data()),
            (PixelFormat::Rgb8, &[3, 2, 1, 6, 5, 4][..])
        );
    }
}
