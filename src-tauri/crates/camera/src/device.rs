//! Real cameras, by nokhwa (`Video4Linux`, Media Foundation, `AVFoundation`).
//!
//! What nokhwa 0.10 leaves to its caller, and is done here:
//! - a device is remembered by name and place, not by its number, which changes with every replug;
//! - a format is chosen by what a booth needs, and tried in order, since drivers refuse what they list;
//! - on Linux a device left in a format or rate nokhwa does not know fails on every opening: it is set
//!   straight before nokhwa sees it; metadata nodes that look like cameras are left out; a frame is the
//!   whole mapped buffer and is cut;
//! - on Windows what a failed attempt has initialized is undone, or no later attempt would succeed;
//! - on macOS permission is asked for first, and late frames are dropped instead of queued.
//!
//! `next_frame` may block for ever: [`crate::Camera`] watches over it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{NokhwaError, nokhwa_check, nokhwa_initialize};

use crate::{CameraError, Frame, PixelFormat, Source};

/// Formats that are tried before the device counts as unusable.
const MOST_ATTEMPTS: usize = 4;

/// Below this a live preview is no mirror; a slower format is taken only where nothing else is offered.
const LIVELY_FPS: u32 = 12;

/// How long a person may think about macOS's question before the attempt is given up and made again.
const PERMISSION_WAIT: Duration = Duration::from_secs(10);

/// A connected camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// What the device calls itself.
    pub name: String,
    /// Name and place (the USB port, the system's own id): survives restarts and replugging.
    pub id: String,
    /// What it can deliver; empty where the system does not say without disturbing it.
    pub formats: Vec<DeviceFormat>,
}

/// Something a camera can deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceFormat {
    /// The layout of a frame.
    pub format: PixelFormat,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
}

/// The cameras connected now.
///
/// # Errors
/// [`CameraError::PermissionDenied`] where there are cameras and none may be looked at;
/// [`CameraError::Open`] when the system's list cannot be had. No camera is an empty list.
pub fn devices() -> Result<Vec<DeviceInfo>, CameraError> {
    permitted()?;
    let listed = guarded(system::list)?;
    Ok(listed
        .into_iter()
        .map(|device| {
            let formats = guarded(|| system::formats(&device.index)).unwrap_or_default();
            DeviceInfo {
                name: device.name,
                id: device.id,
                formats,
            }
        })
        .collect())
}

/// A device as the system lists it.
#[derive(Debug, Clone)]
struct Listed {
    name: String,
    id: String,
    index: CameraIndex,
}

impl Listed {
    fn new(name: &str, place: &str, index: CameraIndex) -> Self {
        let (name, place) = (name.trim(), place.trim());
        Self {
            name: name.to_owned(),
            id: format!("{name}{ID_SEPARATOR}{place}"),
            index,
        }
    }
}

/// Between name and place in an id.
const ID_SEPARATOR: &str = " @ ";

/// Which of the listed devices is meant: the very one, or else the only one of that name (the same camera
/// in another port).
fn find(listed: Vec<Listed>, wanted: Option<&str>) -> Result<Listed, CameraError> {
    if listed.is_empty() {
        return Err(CameraError::NoDevice);
    }
    let missing = || CameraError::NotFound {
        wanted: wanted.unwrap_or_default().to_owned(),
    };
    let Some(wanted) = wanted else {
        return listed.into_iter().next().ok_or_else(missing);
    };
    if let Some(exact) = listed.iter().find(|device| device.id == wanted) {
        return Ok(exact.clone());
    }
    let name = wanted.split_once(ID_SEPARATOR).map_or(wanted, |(name, _)| name);
    let mut namesakes = listed.into_iter().filter(|device| device.name == name);
    match (namesakes.next(), namesakes.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(missing()),
    }
}

/// The formats worth trying, best first: in colour; lively; of the wanted size, else the next larger,
/// else the largest; fast enough; uncompressed before MJPEG; not faster than needed.
fn ranked(mut offered: Vec<DeviceFormat>, width: u32, height: u32, fps: u32) -> Vec<DeviceFormat> {
    let (wanted_pixels, lively) = (u64::from(width) * u64::from(height), LIVELY_FPS.min(fps));
    offered.sort_by_key(|offer| {
        let pixels = u64::from(offer.width) * u64::from(offer.height);
        let size = if offer.width >= width && offer.height >= height {
            (0, pixels - wanted_pixels)
        } else {
            (1, u64::MAX - pixels)
        };
        let compressed = match offer.format {
            PixelFormat::Yuyv | PixelFormat::Nv12 | PixelFormat::Gray8 => 0,
            PixelFormat::Mjpeg => 1,
            // Under Windows this is RGB24, which some drivers send upside down.
            PixelFormat::Rgb8 => 2,
        };
        (
            offer.format == PixelFormat::Gray8,
            offer.fps < lively,
            size,
            fps.saturating_sub(offer.fps),
            compressed,
            offer.fps.saturating_sub(fps),
        )
    });
    offered.dedup();
    offered
}

/// An open device.
pub(crate) struct DeviceSource {
    camera: nokhwa::Camera,
    format: FrameFormat,
    width: u32,
    height: u32,
}

impl DeviceSource {
    pub(crate) fn open(id: Option<&str>, width: u32, height: u32, fps: u32) -> Result<Self, CameraError> {
        permitted()?;
        Self::open_permitted(id, width, height, fps).inspect_err(|_| system::after_failed_open())
    }

    fn open_permitted(id: Option<&str>, width: u32, height: u32, fps: u32) -> Result<Self, CameraError> {
        let device = find(system::list()?, id)?;
        let offered = system::formats(&device.index)?;
        let mut refused = CameraError::UnsupportedFormat("it lists none".to_owned());
        for format in ranked(offered, width, height, fps)
            .into_iter()
            .take(MOST_ATTEMPTS)
        {
            match system::open(&device.index, format) {
                Ok(camera) => {
                    let taken = camera.camera_format();
                    tracing::info!(device = device.name, format = %taken, "camera opened");
                    return Ok(Self {
                        format: taken.format(),
                        width: taken.width(),
                        height: taken.height(),
                        camera,
                    });
                }
                Err(error @ CameraError::UnsupportedFormat(_)) => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }
}

impl Source for DeviceSource {
    fn next_frame(&mut self) -> Result<Frame, CameraError> {
        let stopped = |error: NokhwaError| CameraError::Read(error.to_string());
        if cfg!(target_os = "macos") {
            // `frame` drops the queue of late frames, `frame_raw` works it off.
            let buffer = self.camera.frame().map_err(stopped)?;
            let size = buffer.resolution();
            return frame(
                buffer.source_frame_format(),
                size.width(),
                size.height(),
                buffer.buffer(),
            );
        }
        let (format, width, height) = (self.format, self.width, self.height);
        frame(format, width, height, &self.camera.frame_raw().map_err(stopped)?)
    }
}

fn frame(format: FrameFormat, width: u32, height: u32, bytes: &[u8]) -> Result<Frame, CameraError> {
    if format == FrameFormat::RAWBGR {
        let rgb: Vec<u8> = bytes
            .chunks_exact(3)
            .flat_map(|bgr| [bgr[2], bgr[1], bgr[0]])
            .collect();
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

/// The bindings unwrap what drivers say about themselves (names that are not UTF-8, for one).
fn guarded<T>(ask: impl FnOnce() -> Result<T, CameraError>) -> Result<T, CameraError> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or(Err(CameraError::Panicked))
}

/// nokhwa passes the system's own words on; the cases that matter are told apart by them.
fn classified(error: &NokhwaError) -> CameraError {
    let words = error.to_string();
    let lower = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|part| lower.contains(part));
    if says(&[
        "permission denied",
        "os error 13",
        "access is denied",
        "access denied",
        "0x80070005",
        "not authorized",
    ]) {
        CameraError::PermissionDenied(words)
    } else if says(&["busy", "os error 16", "0xc00d3704", "0x80070020", "in use"]) {
        CameraError::Busy(words)
    } else if says(&["fufill", "fulfill", "rejected", "not whole number", "unsupported"]) {
        CameraError::UnsupportedFormat(words)
    } else {
        CameraError::Open(words)
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

#[cfg(target_os = "linux")]
mod system {
    //! `Video4Linux`, asked directly where nokhwa says too little.

    use std::io;

    use v4l::capability::Flags;
    use v4l::context::enum_devices;
    use v4l::frameinterval::FrameIntervalEnum;
    use v4l::framesize::FrameSizeEnum;
    use v4l::video::Capture;
    use v4l::video::capture::Parameters;
    use v4l::{Device, Format, FourCC};

    use super::{CameraError, CameraFormat, CameraIndex, DeviceFormat, FrameFormat, Listed, Resolution};
    use super::{open_exactly, ours};

    /// Sizes and rates asked for where a device offers a whole range.
    const USUAL_SIZES: [(u32, u32); 4] = [(1920, 1080), (1280, 720), (1280, 960), (640, 480)];
    const USUAL_RATES: [u32; 3] = [30, 25, 15];

    const KNOWN: [(&[u8; 4], FrameFormat); 6] = [
        (b"YUYV", FrameFormat::YUYV),
        (b"MJPG", FrameFormat::MJPEG),
        (b"NV12", FrameFormat::NV12),
        (b"GRAY", FrameFormat::GRAY),
        (b"RGB3", FrameFormat::RAWRGB),
        (b"BGR3", FrameFormat::RAWBGR),
    ];

    pub(super) fn list() -> Result<Vec<Listed>, CameraError> {
        let mut nodes = enum_devices();
        nodes.sort_by_key(v4l::context::Node::index);
        let mut listed = Vec::new();
        let mut denied = None;
        for node in nodes {
            let caps = Device::with_path(node.path()).and_then(|device| device.query_caps());
            match caps {
                // A webcam has a second node for metadata; it is no camera.
                Ok(caps) if caps.capabilities.contains(Flags::VIDEO_CAPTURE) => {
                    listed.push(Listed::new(
                        &caps.card,
                        &caps.bus,
                        CameraIndex::Index(node.index() as u32),
                    ));
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    denied = Some(format!(
                        "{}: {error}; add the user to the group video",
                        node.path().display()
                    ));
                }
                Ok(_) | Err(_) => {}
            }
        }
        match denied {
            Some(why) if listed.is_empty() => Err(CameraError::PermissionDenied(why)),
            _ => Ok(numbered(listed)),
        }
    }

    /// Two nodes of one device (colour and infrared) may share name and place.
    fn numbered(mut listed: Vec<Listed>) -> Vec<Listed> {
        for i in 1..listed.len() {
            let twins = listed[..i]
                .iter()
                .filter(|other| other.id.starts_with(&listed[i].id))
                .count();
            if twins > 0 {
                listed[i].id = format!("{} #{}", listed[i].id, twins + 1);
            }
        }
        listed
    }

    pub(super) fn formats(index: &CameraIndex) -> Result<Vec<DeviceFormat>, CameraError> {
        let device = device(index)?;
        let mut offers = Vec::new();
        for description in Capture::enum_formats(&device).map_err(|error| failed(&error))? {
            let fourcc = description.fourcc;
            let Some((_, format)) = KNOWN.iter().find(|(known, _)| **known == fourcc.repr) else {
                continue;
            };
            for size in Capture::enum_framesizes(&device, fourcc).unwrap_or_default() {
                let sizes = match size.size {
                    FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
                    FrameSizeEnum::Stepwise(range) => USUAL_SIZES
                        .into_iter()
                        .filter(|(width, height)| {
                            (range.min_width..=range.max_width).contains(width)
                                && (range.min_height..=range.max_height).contains(height)
                        })
                        .collect(),
                };
                for (width, height) in sizes {
                    for fps in rates(&device, fourcc, width, height) {
                        offers.push(DeviceFormat {
                            format: ours(*format),
                            width,
                            height,
                            fps,
                        });
                    }
                }
            }
        }
        Ok(offers)
    }

    /// Whole rates only: nokhwa refuses the others.
    fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<u32> {
        let intervals = Capture::enum_frameintervals(device, fourcc, width, height).unwrap_or_default();
        let seconds = |part: &v4l::Fraction| f64::from(part.numerator) / f64::from(part.denominator.max(1));
        intervals
            .into_iter()
            .flat_map(|interval| match interval.interval {
                FrameIntervalEnum::Discrete(time) if time.numerator == 1 => vec![time.denominator],
                FrameIntervalEnum::Discrete(_) => Vec::new(),
                FrameIntervalEnum::Stepwise(range) => USUAL_RATES
                    .into_iter()
                    .filter(|fps| {
                        let wanted = 1.0 / f64::from(*fps);
                        wanted >= seconds(&range.min) - 1e-6 && wanted <= seconds(&range.max) + 1e-6
                    })
                    .collect(),
            })
            .collect()
    }

    pub(super) fn open(index: &CameraIndex, offer: DeviceFormat) -> Result<nokhwa::Camera, CameraError> {
        let Some((fourcc, format)) = KNOWN.iter().find(|(_, known)| ours(*known) == offer.format) else {
            return Err(CameraError::UnsupportedFormat(offer.format.to_string()));
        };
        // nokhwa reads the device's current format first and gives up on one it does not know; so the
        // device is put into the wanted one beforehand, and let go of again.
        let device = device(index)?;
        let taken = Capture::set_format(
            &device,
            &Format::new(offer.width, offer.height, FourCC::new(fourcc)),
        )
        .map_err(|error| failed(&error))?;
        if taken.fourcc.repr != **fourcc || (taken.width, taken.height) != (offer.width, offer.height) {
            return Err(CameraError::UnsupportedFormat(format!(
                "{} {}x{} became {}x{}",
                offer.format, offer.width, offer.height, taken.width, taken.height
            )));
        }
        Capture::set_params(&device, &Parameters::with_fps(offer.fps)).map_err(|error| failed(&error))?;
        drop(device);
        let size = Resolution::new(offer.width, offer.height);
        open_exactly(index, CameraFormat::new(size, *format, offer.fps))
    }

    pub(super) fn after_failed_open() {}

    fn device(index: &CameraIndex) -> Result<Device, CameraError> {
        let number = index
            .as_index()
            .map_err(|error| CameraError::Open(error.to_string()))?;
        Device::new(number as usize).map_err(|error| failed(&error))
    }

    fn failed(error: &io::Error) -> CameraError {
        match error.kind() {
            io::ErrorKind::PermissionDenied => CameraError::PermissionDenied(error.to_string()),
            io::ErrorKind::ResourceBusy => CameraError::Busy(error.to_string()),
            io::ErrorKind::InvalidInput => CameraError::UnsupportedFormat(error.to_string()),
            _ => CameraError::Open(error.to_string()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_colour_and_the_infrared_node_of_one_device_have_ids_of_their_own() {
            let node = |index| {
                Listed::new(
                    "Integrated Camera",
                    "usb-0000:00:14.0-8",
                    CameraIndex::Index(index),
                )
            };
            let ids: Vec<_> = numbered(vec![node(0), node(2), node(4)])
                .into_iter()
                .map(|one| one.id)
                .collect();
            assert_eq!(ids[0], "Integrated Camera @ usb-0000:00:14.0-8");
            assert_eq!(ids[1], "Integrated Camera @ usb-0000:00:14.0-8 #2");
            assert_eq!(ids[2], "Integrated Camera @ usb-0000:00:14.0-8 #3");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Media Foundation and `AVFoundation` by nokhwa, which carries their own device ids in `misc`.

    use nokhwa::utils::ApiBackend;

    use super::{CameraError, CameraFormat, CameraIndex, DeviceFormat, FrameFormat, Listed, RequestedFormat};
    use super::{RequestedFormatType, Resolution, classified, open_exactly, ours};

    const KNOWN: [FrameFormat; 6] = [
        FrameFormat::YUYV,
        FrameFormat::MJPEG,
        FrameFormat::NV12,
        FrameFormat::GRAY,
        FrameFormat::RAWRGB,
        FrameFormat::RAWBGR,
    ];

    pub(super) fn list() -> Result<Vec<Listed>, CameraError> {
        let devices = nokhwa::query(ApiBackend::Auto).map_err(|error| classified(&error))?;
        Ok(devices
            .iter()
            .map(|device| Listed::new(&device.human_name(), &device.misc(), device.index().clone()))
            .collect())
    }

    pub(super) fn formats(index: &CameraIndex) -> Result<Vec<DeviceFormat>, CameraError> {
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
                fps: offer.frame_rate(),
            })
            .collect())
    }

    pub(super) fn open(index: &CameraIndex, offer: DeviceFormat) -> Result<nokhwa::Camera, CameraError> {
        let size = Resolution::new(offer.width, offer.height);
        let mut refused = CameraError::UnsupportedFormat(offer.format.to_string());
        // RGB is one of two byte orders here.
        for format in KNOWN.into_iter().filter(|known| ours(*known) == offer.format) {
            match open_exactly(index, CameraFormat::new(size, format, offer.fps)) {
                Err(error @ CameraError::UnsupportedFormat(_)) => refused = error,
                settled => return settled,
            }
        }
        Err(refused)
    }

    /// nokhwa initializes Media Foundation and COM for the first thread that asks, and undoes it when the
    /// last camera is closed. An attempt that never had a camera leaves them with a thread that ends, and
    /// every later thread, initialized by nobody, would fail: so they are undone here.
    pub(super) fn after_failed_open() {
        #[cfg(windows)]
        let _ = nokhwa_bindings_windows::wmf::de_initialize_mf();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(devices: &[(&str, &str)]) -> Vec<Listed> {
        let device = |(index, (name, place)): (usize, &(&str, &str))| {
            Listed::new(name, place, CameraIndex::Index(index as u32))
        };
        devices.iter().enumerate().map(device).collect()
    }

    fn index(found: Result<Listed, CameraError>) -> u32 {
        found.unwrap().index.as_index().unwrap()
    }

    #[test]
    fn a_camera_is_known_again_by_name_and_port_whatever_its_number() {
        let devices = listed(&[
            ("Webcam", "usb-3"),
            ("Booth Cam", "usb-1"),
            ("Booth Cam", "usb-2"),
        ]);
        assert_eq!(index(find(devices.clone(), Some("Booth Cam @ usb-2"))), 2);
        assert_eq!(index(find(devices.clone(), Some("Webcam"))), 0);
        assert_eq!(
            index(find(devices.clone(), Some("Webcam @ usb-9"))),
            0,
            "the same camera in another port"
        );
        assert_eq!(index(find(devices.clone(), None)), 0);
        assert!(
            matches!(
                find(devices, Some("Booth Cam @ usb-9")),
                Err(CameraError::NotFound { .. })
            ),
            "two of that name: guessing would photograph with the wrong one"
        );
    }

    #[test]
    fn no_camera_and_another_camera_need_a_person() {
        assert_eq!(find(Vec::new(), None).unwrap_err(), CameraError::NoDevice);
        let missing = find(listed(&[("Webcam", "usb-3")]), Some("Booth Cam @ usb-1")).unwrap_err();
        assert!(missing.is_permanent());
        assert!(missing.to_string().contains("Booth Cam"));
    }

    fn offer(format: PixelFormat, width: u32, height: u32, fps: u32) -> DeviceFormat {
        DeviceFormat {
            format,
            width,
            height,
            fps,
        }
    }

    #[test]
    fn a_usual_webcam_streams_mjpeg_where_uncompressed_frames_would_crawl() {
        use PixelFormat::{Gray8, Mjpeg, Yuyv};
        let offers = vec![
            offer(Gray8, 1280, 720, 30),
            offer(Yuyv, 640, 480, 30),
            offer(Yuyv, 1280, 720, 10),
            offer(Mjpeg, 1920, 1080, 30),
            offer(Mjpeg, 1280, 720, 30),
            offer(Mjpeg, 1280, 720, 60),
        ];
        let order = ranked(offers, 1280, 720, 30);
        assert_eq!(order[0], offer(Mjpeg, 1280, 720, 30));
        assert_eq!(order[1], offer(Mjpeg, 1280, 720, 60));
        assert_eq!(order[2], offer(Mjpeg, 1920, 1080, 30), "larger before smaller");
        assert_eq!(
            order.last(),
            Some(&offer(Gray8, 1280, 720, 30)),
            "a photo without colour is no photo"
        );
    }

    #[test]
    fn uncompressed_frames_are_preferred_where_they_are_fast_enough() {
        use PixelFormat::{Mjpeg, Nv12, Yuyv};
        let offers = vec![
            offer(Mjpeg, 1280, 720, 30),
            offer(Nv12, 1280, 720, 30),
            offer(Yuyv, 640, 480, 30),
        ];
        assert_eq!(ranked(offers, 1280, 720, 30)[0].format, Nv12);
        let only_small = vec![
            offer(Yuyv, 320, 240, 30),
            offer(Yuyv, 640, 480, 30),
            offer(Yuyv, 640, 480, 5),
        ];
        assert_eq!(ranked(only_small, 1920, 1080, 30)[0], offer(Yuyv, 640, 480, 30));
        let slow = vec![offer(Yuyv, 1280, 720, 5)];
        assert_eq!(
            ranked(slow, 1280, 720, 30).len(),
            1,
            "slow is better than nothing"
        );
    }

    #[test]
    fn the_systems_words_are_understood() {
        let open = |words: &str| classified(&NokhwaError::OpenDeviceError("0".to_owned(), words.to_owned()));
        assert!(matches!(
            open("V4L2 Error: Permission denied (os error 13)"),
            CameraError::PermissionDenied(_)
        ));
        assert!(matches!(
            open("Device or resource busy (os error 16)"),
            CameraError::Busy(_)
        ));
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
