//! Real cameras: `Video4Linux` by the crate `v4l`, Media Foundation and `AVFoundation` by nokhwa.
//!
//! Under Linux nokhwa 0.10 was tried on real drivers in a virtual machine (`cargo xtask camera-vm`) and left: it reads
//! the device's current format first and gives up on one it does not know, so that a camera left in UYVY or at
//! 29.97 frames a second fails on every later opening; it waits for a frame without end; and a frame is the whole
//! mapped buffer (4 MB for a JPEG of 100 KB). `v4l`, which nokhwa itself stands on, says how long a frame is, waits
//! no longer than told, and reaches the camera's controls.
//!
//! What both leave to their caller, and is done here:
//! - a device is remembered by name and place, not by its number, which changes with every replug;
//! - a format is chosen by what a booth needs ([`crate::ranked`]), and tried in order: drivers refuse what they list;
//! - what staff fixed ([`crate::Settings`]) is set at every opening.
//!
//! `next_frame` may block for ever in a driver: [`crate::Camera`] watches over it.

#[cfg(target_os = "linux")]
#[path = "video4linux.rs"]
mod system;

#[cfg(not(target_os = "linux"))]
#[path = "native.rs"]
mod system;

/// Never run here, but held to the same compiler, and its plain functions are tested.
#[cfg(all(target_os = "linux", test))]
#[path = "native.rs"]
#[expect(dead_code, reason = "only its plain functions are called in tests")]
mod native;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use system::Stream;

use crate::apart;
use crate::choice::{Purpose, ranked};
use crate::settings::Memory;
use crate::{CameraError, DeviceSpec, Frame, PixelFormat, Source};

/// Formats that are tried before the device counts as unusable.
const MOST_ATTEMPTS: usize = 4;

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
    /// How often.
    pub rate: Rate,
}

impl DeviceFormat {
    /// Pixels of a frame.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl std::fmt::Display for DeviceFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = self.rate.per_second();
        write!(f, "{} {}x{} at {rate:.4}", self.format, self.width, self.height)
    }
}

/// So many frames in so many seconds: television's 30000 in 1001 is no whole number a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Frames.
    pub frames: u32,
    /// In this many seconds, at least 1.
    pub seconds: u32,
}

impl Rate {
    /// A whole number a second.
    pub const fn whole(frames: u32) -> Self {
        Self { frames, seconds: 1 }
    }

    /// Frames a second.
    pub fn per_second(self) -> f32 {
        self.frames as f32 / self.seconds.max(1) as f32
    }
}

/// What staff ask of a device; a zero leaves it to [`ranked`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// This layout and no other, where the device has it.
    pub format: Option<PixelFormat>,
}

/// The cameras connected now.
///
/// # Errors
/// [`CameraError::PermissionDenied`] where there are cameras and none may be looked at;
/// [`CameraError::Open`] when the system's list cannot be had. No camera is an empty list.
pub fn devices() -> Result<Vec<DeviceInfo>, CameraError> {
    match apart::program() {
        Some(program) => apart::devices_by(program),
        None => here(),
    }
}

/// The same, asked in this process.
pub(crate) fn here() -> Result<Vec<DeviceInfo>, CameraError> {
    let listed = guarded(system::list)?;
    Ok(listed
        .into_iter()
        .map(|device| {
            let formats = guarded(|| system::formats(&device.handle)).unwrap_or_default();
            DeviceInfo {
                name: device.name,
                id: device.id,
                formats,
            }
        })
        .collect())
}

/// A device as the system lists it, with what the system opens it by.
#[derive(Debug, Clone)]
struct Listed<H> {
    name: String,
    id: String,
    handle: H,
}

impl<H> Listed<H> {
    fn new(name: &str, place: &str, handle: H) -> Self {
        let (name, place) = (name.trim(), place.trim());
        Self {
            name: name.to_owned(),
            id: format!("{name}{ID_SEPARATOR}{place}"),
            handle,
        }
    }
}

/// Between name and place in an id.
const ID_SEPARATOR: &str = " @ ";

/// Which of the listed devices is meant: the very one, or else the only one of that name (the same camera
/// in another port).
fn find<H: Clone>(listed: Vec<Listed<H>>, wanted: Option<&str>) -> Result<Listed<H>, CameraError> {
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

/// Two nodes of one device (colour and infrared) may share name and place.
#[cfg(any(target_os = "linux", test))]
fn numbered<H>(mut listed: Vec<Listed<H>>) -> Vec<Listed<H>> {
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

/// An open device.
pub(crate) struct DeviceSource(Stream);

impl DeviceSource {
    /// Opens the device that is meant in the best format it does not refuse.
    pub(crate) fn open(spec: &DeviceSpec, memory: &Memory) -> Result<Self, CameraError> {
        Self::open_best(spec, memory).inspect_err(|_| system::after_failed_open())
    }

    fn open_best(spec: &DeviceSpec, memory: &Memory) -> Result<Self, CameraError> {
        let device = find(system::list()?, spec.id.as_deref())?;
        let offered = system::formats(&device.handle)?;
        let mut refused = CameraError::UnsupportedFormat("it lists none".to_owned());
        for offer in ranked(offered, Purpose::Visit, spec.wish)
            .into_iter()
            .take(MOST_ATTEMPTS)
        {
            match Stream::open(&device.handle, offer, spec.settings, memory) {
                Ok(stream) => {
                    tracing::info!(device = device.name, format = %offer, "camera opened");
                    return Ok(Self(stream));
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
        self.0.next_frame()
    }
}

/// The bindings unwrap what drivers say about themselves (names that are not UTF-8, for one).
fn guarded<T>(ask: impl FnOnce() -> Result<T, CameraError>) -> Result<T, CameraError> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or(Err(CameraError::Panicked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(devices: &[(&str, &str)]) -> Vec<Listed<usize>> {
        let device = |(index, (name, place)): (usize, &(&str, &str))| Listed::new(name, place, index);
        devices.iter().enumerate().map(device).collect()
    }

    fn place(found: Result<Listed<usize>, CameraError>) -> usize {
        found.unwrap().handle
    }

    #[test]
    fn a_camera_is_known_again_by_name_and_port_whatever_its_number() {
        let devices = listed(&[
            ("Webcam", "usb-3"),
            ("Booth Cam", "usb-1"),
            ("Booth Cam", "usb-2"),
        ]);
        assert_eq!(place(find(devices.clone(), Some("Booth Cam @ usb-2"))), 2);
        assert_eq!(place(find(devices.clone(), Some("Webcam"))), 0);
        assert_eq!(
            place(find(devices.clone(), Some("Webcam @ usb-9"))),
            0,
            "the same camera in another port"
        );
        assert_eq!(place(find(devices.clone(), None)), 0);
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
        assert_eq!(
            find(Vec::<Listed<usize>>::new(), None).unwrap_err(),
            CameraError::NoDevice
        );
        let missing = find(listed(&[("Webcam", "usb-3")]), Some("Booth Cam @ usb-1")).unwrap_err();
        assert!(missing.is_permanent());
        assert!(missing.to_string().contains("Booth Cam"));
    }

    #[test]
    fn the_colour_and_the_infrared_node_of_one_device_have_ids_of_their_own() {
        let node = ("Integrated Camera", "usb-0000:00:14.0-8");
        let ids: Vec<_> = numbered(listed(&[node, node, node]))
            .into_iter()
            .map(|one| one.id)
            .collect();
        assert_eq!(ids[0], "Integrated Camera @ usb-0000:00:14.0-8");
        assert_eq!(ids[1], "Integrated Camera @ usb-0000:00:14.0-8 #2");
        assert_eq!(ids[2], "Integrated Camera @ usb-0000:00:14.0-8 #3");
    }
}
