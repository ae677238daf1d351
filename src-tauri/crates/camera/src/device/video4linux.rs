//! `Video4Linux`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use v4l::buffer::{Flags as BufferFlags, Type};
use v4l::capability::{Capabilities, Flags};
use v4l::control::{Control, Value};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::traits::CaptureStream;
use v4l::prelude::MmapStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::{DeviceFormat, Listed, Rate, guarded, numbered};
use crate::settings::{Knob, Memory, SETTLE, Settings, Turn, known};
use crate::{CameraError, Frame, PixelFormat};

/// What [`Listed`] devices are opened by.
pub(super) type Handle = PathBuf;

/// For the first frame: webcams need up to 3 s from the start of the stream.
const FIRST_FRAME: Duration = Duration::from_secs(8);
/// For every other. At 5 fps in the dark a healthy webcam needs 0.2 s. Less than [`crate::Timing`] allows, so that a
/// stalled device is closed by its own thread instead of keeping it.
const NEXT_FRAME: Duration = Duration::from_millis(2500);

/// Buffers in the driver's hands: one being filled, one ready, and one of reserve beside the one being copied.
const BUFFERS: u32 = 4;

/// Sizes and rates asked for where a device offers a whole range.
const USUAL_SIZES: [(u32, u32); 8] = [
    (3840, 2160),
    (2560, 1440),
    (1920, 1440),
    (1920, 1080),
    (1600, 1200),
    (1280, 960),
    (1280, 720),
    (640, 480),
];
const USUAL_RATES: [u32; 3] = [30, 25, 15];

/// How a driver lays a frame out, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// As [`PixelFormat`] has it.
    Plain(PixelFormat),
    /// `U Y V Y`: capture cards.
    Uyvy,
    /// Blue first.
    Bgr,
}

const KNOWN: [(&[u8; 4], Layout); 8] = [
    (b"YUYV", Layout::Plain(PixelFormat::Yuyv)),
    (b"UYVY", Layout::Uyvy),
    (b"MJPG", Layout::Plain(PixelFormat::Mjpeg)),
    (b"JPEG", Layout::Plain(PixelFormat::Mjpeg)),
    (b"NV12", Layout::Plain(PixelFormat::Nv12)),
    (b"GREY", Layout::Plain(PixelFormat::Gray8)),
    (b"RGB3", Layout::Plain(PixelFormat::Rgb8)),
    (b"BGR3", Layout::Bgr),
];

impl Layout {
    fn of(fourcc: FourCC) -> Option<Self> {
        KNOWN
            .iter()
            .find(|(known, _)| **known == fourcc.repr)
            .map(|(_, layout)| *layout)
    }

    fn becomes(self) -> PixelFormat {
        match self {
            Self::Plain(format) => format,
            Self::Uyvy => PixelFormat::Yuyv,
            Self::Bgr => PixelFormat::Rgb8,
        }
    }

    /// Bytes of a row without what a driver fills it up with; `None` where rows are not all alike.
    fn row(self, width: usize) -> Option<usize> {
        match self.becomes() {
            PixelFormat::Rgb8 => Some(width * 3),
            PixelFormat::Yuyv => Some(width * 2),
            // NV12's luma rows and chroma rows have the same length.
            PixelFormat::Gray8 | PixelFormat::Nv12 => Some(width),
            PixelFormat::Mjpeg => None,
        }
    }

    /// The one copy out of the driver's buffer.
    fn copied(self, bytes: &[u8], width: usize, stride: usize) -> Vec<u8> {
        let mut frame = Vec::with_capacity(bytes.len());
        match self.row(width) {
            Some(row) if stride > row => {
                for line in bytes.chunks(stride) {
                    frame.extend_from_slice(line.get(..row).unwrap_or(line));
                }
            }
            _ => frame.extend_from_slice(bytes),
        }
        match self {
            Self::Plain(_) => {}
            Self::Uyvy => frame.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1)),
            Self::Bgr => frame.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        }
        frame
    }
}

/// The capture devices, in the order of their numbers.
pub(super) fn list() -> Result<Vec<Listed<Handle>>, CameraError> {
    let mut listed = Vec::new();
    let mut denied = None;
    for path in nodes() {
        match guarded(|| looked_at(&path)) {
            Ok(Some(device)) => listed.push(device),
            Err(CameraError::PermissionDenied(why)) => denied = Some(why),
            // The bindings take a name for UTF-8, and drivers cut names in the middle of a character.
            Err(CameraError::Panicked) => listed.extend(guarded(|| by_system_files(&path)).ok().flatten()),
            Ok(None) | Err(_) => {}
        }
    }
    match denied {
        Some(why) if listed.is_empty() => Err(CameraError::PermissionDenied(why)),
        _ => Ok(numbered(listed)),
    }
}

/// `/dev/video0` and its like. The folder's own order is that of a hash table.
fn nodes() -> Vec<PathBuf> {
    let mut nodes: Vec<(u32, PathBuf)> = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let number = name.to_str()?.strip_prefix("video")?.parse().ok()?;
            Some((number, Path::new("/dev").join(name)))
        })
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, path)| path).collect()
}

/// A node as a camera; `None` for the second node that webcams have for metadata, for codecs and outputs.
fn looked_at(path: &Path) -> Result<Option<Listed<Handle>>, CameraError> {
    let caps: Capabilities = Device::with_path(path)
        .and_then(|device| device.query_caps())
        .map_err(|error| match failed(&error) {
            CameraError::PermissionDenied(why) => {
                let path = path.display();
                CameraError::PermissionDenied(format!("{path}: {why}; add the user to the group video"))
            }
            other => other,
        })?;
    let wanted = Flags::VIDEO_CAPTURE | Flags::STREAMING;
    Ok(caps
        .capabilities
        .contains(wanted)
        .then(|| Listed::new(&caps.card, &caps.bus, path.to_owned())))
}

/// The same from the kernel's files, byte for byte: what cannot be read as text is replaced.
fn by_system_files(path: &Path) -> Result<Option<Listed<Handle>>, CameraError> {
    let unknown = |error: io::Error| CameraError::Open(error.to_string());
    let node = Path::new("/sys/class/video4linux").join(path.file_name().unwrap_or_default());
    let name = fs::read(node.join("name")).map_err(unknown)?;
    let place = fs::canonicalize(node.join("device")).map_err(unknown)?;
    let offers = formats(&path.to_owned())?;
    let place = place
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok((!offers.is_empty()).then(|| Listed::new(&String::from_utf8_lossy(&name), &place, path.to_owned())))
}

/// What a device offers that this program can read.
pub(super) fn formats(path: &Handle) -> Result<Vec<DeviceFormat>, CameraError> {
    let device = Device::with_path(path).map_err(|error| failed(&error))?;
    let mut offers = Vec::new();
    for description in Capture::enum_formats(&device).map_err(|error| failed(&error))? {
        let fourcc = description.fourcc;
        let Some(layout) = Layout::of(fourcc) else {
            continue;
        };
        for (width, height) in sizes(&device, fourcc) {
            for rate in rates(&device, fourcc, width, height) {
                offers.push(DeviceFormat {
                    format: layout.becomes(),
                    width,
                    height,
                    rate,
                });
            }
        }
    }
    Ok(offers)
}

fn sizes(device: &Device, fourcc: FourCC) -> Vec<(u32, u32)> {
    let listed = Capture::enum_framesizes(device, fourcc).unwrap_or_default();
    let mut sizes: Vec<(u32, u32)> = listed
        .into_iter()
        .flat_map(|size| match size.size {
            FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
            FrameSizeEnum::Stepwise(range) => USUAL_SIZES
                .into_iter()
                .filter(|(width, height)| {
                    (range.min_width..=range.max_width).contains(width)
                        && (range.min_height..=range.max_height).contains(height)
                })
                .collect(),
        })
        .collect();
    if sizes.is_empty() {
        // A driver that lists no sizes still has the one it stands in.
        sizes.extend(Capture::format(device).ok().map(|now| (now.width, now.height)));
    }
    sizes
}

/// The rates of a size; a driver that names none gets the usual one, which it is free to ignore.
fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<Rate> {
    let intervals = Capture::enum_frameintervals(device, fourcc, width, height).unwrap_or_default();
    let seconds = |part: &Fraction| f64::from(part.numerator) / f64::from(part.denominator.max(1));
    let rates: Vec<Rate> = intervals
        .into_iter()
        .flat_map(|interval| match interval.interval {
            FrameIntervalEnum::Discrete(time) => vec![Rate {
                frames: time.denominator,
                seconds: time.numerator.max(1),
            }],
            FrameIntervalEnum::Stepwise(range) => USUAL_RATES
                .into_iter()
                .filter(|fps| {
                    let wanted = 1.0 / f64::from(*fps);
                    wanted >= seconds(&range.min) - 1e-6 && wanted <= seconds(&range.max) + 1e-6
                })
                .map(Rate::whole)
                .collect(),
        })
        .collect();
    if rates.is_empty() {
        vec![Rate::whole(30)]
    } else {
        rates
    }
}

/// A device that could not be opened leaves nothing behind here.
pub(super) fn after_failed_open() {}

/// A streaming device. The buffers go before the device they are of.
pub(crate) struct Stream {
    buffers: MmapStream<'static>,
    device: Device,
    layout: Layout,
    width: u32,
    height: u32,
    stride: usize,
    settings: Settings,
    memory: Memory,
    first_frame: Option<Instant>,
}

impl Stream {
    pub(super) fn open(
        path: &Handle,
        offer: DeviceFormat,
        settings: Settings,
        memory: &Memory,
    ) -> Result<Self, CameraError> {
        let device = Device::with_path(path).map_err(|error| failed(&error))?;
        let (taken, layout) = set(&device, offer)?;
        // Not every driver lets its rate be set; it then streams as it likes.
        let interval = Fraction::new(offer.rate.seconds, offer.rate.frames);
        match Capture::set_params(&device, &Parameters::new(interval)) {
            Err(error) if failed_for_good(&error) => return Err(failed(&error)),
            Err(error) => tracing::info!(%error, "the camera keeps its own rate"),
            Ok(_) => {}
        }
        for (knob, turn) in settings.at_opening(&known(memory)) {
            turned(&device, knob, turn);
        }
        let mut buffers =
            MmapStream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(|error| failed(&error))?;
        buffers.set_timeout(FIRST_FRAME);
        Ok(Self {
            buffers,
            device,
            layout,
            width: taken.width,
            height: taken.height,
            stride: taken.stride as usize,
            settings,
            memory: memory.clone(),
            first_frame: None,
        })
    }

    pub(super) fn next_frame(&mut self) -> Result<Frame, CameraError> {
        let patience = if self.first_frame.is_some() {
            NEXT_FRAME
        } else {
            FIRST_FRAME
        };
        let (bytes, about) = self.buffers.next().map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => CameraError::Stalled(patience),
            _ => CameraError::Read(error.to_string()),
        })?;
        let damaged = about.flags.contains(BufferFlags::ERROR);
        let used = match about.bytesused as usize {
            0 => bytes.len(),
            used => used.min(bytes.len()),
        };
        let copied = if damaged {
            None
        } else {
            bytes
                .get(..used)
                .map(|bytes| self.layout.copied(bytes, self.width as usize, self.stride))
        };
        if self.first_frame.is_none() {
            self.first_frame = Some(Instant::now());
            self.buffers.set_timeout(NEXT_FRAME);
        }
        self.hold();
        match copied {
            Some(bytes) => Frame::new(self.layout.becomes(), self.width, self.height, bytes),
            None => Err(CameraError::BadFrame("the driver calls it damaged".to_owned())),
        }
    }

    /// Once the automatics have had their time, what they found is kept.
    fn hold(&mut self) {
        if self.first_frame.is_none_or(|first| first.elapsed() < SETTLE) {
            return;
        }
        let mut found = known(&self.memory);
        for (automatic, value) in self.settings.to_hold(&found) {
            // A camera without this control has nothing to hold; it is not asked again.
            let now = read(&self.device, value).unwrap_or_default();
            turned(&self.device, automatic, Turn::Automatic(false));
            turned(&self.device, value, Turn::To(now));
            found.insert(value, now);
        }
    }
}

/// Puts the device into the format, whatever it stood in before.
fn set(device: &Device, offer: DeviceFormat) -> Result<(Format, Layout), CameraError> {
    let mut refused = CameraError::UnsupportedFormat(offer.to_string());
    for (fourcc, layout) in KNOWN {
        if layout.becomes() != offer.format {
            continue;
        }
        let wanted = Format::new(offer.width, offer.height, FourCC::new(fourcc));
        let taken = match Capture::set_format(device, &wanted) {
            Ok(taken) => taken,
            Err(error) if failed_for_good(&error) => return Err(failed(&error)),
            Err(_) => continue,
        };
        if taken.fourcc.repr == *fourcc && (taken.width, taken.height) == (offer.width, offer.height) {
            return Ok((taken, layout));
        }
        refused = CameraError::UnsupportedFormat(format!(
            "{offer} became {} {}x{}",
            taken.fourcc, taken.width, taken.height
        ));
    }
    Err(refused)
}

/// The device is gone, busy or not ours: another format would not help.
fn failed_for_good(error: &io::Error) -> bool {
    !matches!(failed(error), CameraError::UnsupportedFormat(_))
}

fn failed(error: &io::Error) -> CameraError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => CameraError::PermissionDenied(error.to_string()),
        io::ErrorKind::ResourceBusy => CameraError::Busy(error.to_string()),
        // Not a value, not a request, of this driver (EINVAL, ENOTTY).
        io::ErrorKind::InvalidInput => CameraError::UnsupportedFormat(error.to_string()),
        _ if error.raw_os_error() == Some(25) => CameraError::UnsupportedFormat(error.to_string()),
        _ => CameraError::Open(error.to_string()),
    }
}

/// The numbers of `linux/v4l2-controls.h`.
fn number(knob: Knob) -> u32 {
    const USER: u32 = 0x0098_0900;
    const CAMERA: u32 = 0x009a_0900;
    match knob {
        Knob::AutoExposure => CAMERA + 1,
        Knob::Exposure => CAMERA + 2,
        Knob::AutoGain => USER + 18,
        Knob::Gain => USER + 19,
        Knob::AutoWhiteBalance => USER + 12,
        Knob::WhiteBalance => USER + 26,
        Knob::AutoFocus => CAMERA + 12,
        Knob::Focus => CAMERA + 10,
        Knob::Zoom => CAMERA + 13,
        Knob::Mains => USER + 24,
    }
}

/// `V4L2_EXPOSURE_MANUAL`; most webcams' automatic is `V4L2_EXPOSURE_APERTURE_PRIORITY`, the others' is 0.
const EXPOSURE_BY_HAND: i64 = 1;
const EXPOSURE_BY_ITSELF: [i64; 2] = [3, 0];

/// Turns a knob where the camera has it. What it has not, or refuses, is left: there is no picture worth losing.
fn turned(device: &Device, knob: Knob, turn: Turn) {
    let id = number(knob);
    if device.control(id).is_err() {
        return;
    }
    let values = match (knob, turn) {
        (Knob::AutoExposure, Turn::Automatic(true)) => EXPOSURE_BY_ITSELF.map(Value::Integer).into(),
        (Knob::AutoExposure, Turn::Automatic(false)) => vec![Value::Integer(EXPOSURE_BY_HAND)],
        (_, Turn::Automatic(on)) => vec![Value::Boolean(on)],
        (_, Turn::To(value)) => vec![Value::Integer(value)],
    };
    let mut refused = None;
    for value in values {
        match device.set_control(Control { id, value }) {
            Ok(()) => return,
            Err(error) => refused = Some(error),
        }
    }
    if let Some(error) = refused {
        tracing::warn!(?knob, ?turn, %error, "the camera refuses a setting");
    }
}

fn read(device: &Device, knob: Knob) -> Option<i64> {
    match device.control(number(knob)).ok()?.value {
        Value::Integer(value) => Some(value),
        Value::Boolean(on) => Some(on.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_without_what_a_driver_fills_them_up_with() {
        let padded = [1, 2, 3, 4, 9, 9, 5, 6, 7, 8, 9, 9];
        let plain = Layout::Plain(PixelFormat::Yuyv);
        assert_eq!(plain.copied(&padded, 2, 6), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(plain.copied(&padded[..8], 2, 4), padded[..8]);
        assert_eq!(
            plain.copied(&padded[..8], 2, 0),
            padded[..8],
            "a driver that names no stride"
        );
    }

    #[test]
    fn swapped_orders_become_those_a_frame_has() {
        assert_eq!(Layout::Uyvy.copied(&[128, 16, 129, 17], 2, 4), [16, 128, 17, 129]);
        assert_eq!(Layout::Bgr.copied(&[1, 2, 3, 4, 5, 6], 2, 6), [3, 2, 1, 6, 5, 4]);
        assert_eq!(
            Layout::Bgr.copied(&[1, 2, 3, 0, 4, 5, 6, 0], 1, 4),
            [3, 2, 1, 6, 5, 4]
        );
    }

    #[test]
    fn the_systems_errors_are_told_apart() {
        let of = |number| failed(&io::Error::from_raw_os_error(number));
        assert!(matches!(of(13), CameraError::PermissionDenied(_)));
        assert!(matches!(of(16), CameraError::Busy(_)));
        assert!(matches!(of(22), CameraError::UnsupportedFormat(_)));
        assert!(matches!(of(25), CameraError::UnsupportedFormat(_)));
        assert!(matches!(of(19), CameraError::Open(_)), "unplugged meanwhile");
    }
}
