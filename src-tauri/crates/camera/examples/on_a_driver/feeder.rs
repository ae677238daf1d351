//! Feeds a loopback device, as a camera's driver would: bars of known colours, in any format, sound or damaged.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use v4l::video::Output;
use v4l::{Device, Format, FourCC};

/// The colours of vivid's 75 % bars, from left to right.
pub(crate) const BARS: [[u8; 3]; 8] = [
    [191, 191, 191],
    [191, 191, 0],
    [0, 191, 191],
    [0, 191, 0],
    [191, 0, 191],
    [191, 0, 0],
    [0, 0, 191],
    [0, 0, 0],
];

/// Somebody who writes frames into a loopback device until this goes out of scope.
pub(crate) struct Feeder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feeder {
    /// Writes these frames over and over.
    pub(crate) fn start(
        path: &str,
        fourcc: [u8; 4],
        width: u32,
        height: u32,
        frames: Vec<Vec<u8>>,
    ) -> Result<Self, String> {
        let mut device = Device::with_path(path).map_err(|error| format!("feeding {path}: {error}"))?;
        let mut format = Format::new(width, height, FourCC::new(&fourcc));
        // Raw frames have their own size, a JPEG at most that of its RGB.
        format.size = width * height * 3;
        Output::set_format(&device, &format).map_err(|error| format!("feeding {path}: {error}"))?;
        // The device is a camera from the first frame on.
        let first = frames.first().ok_or("nothing to feed")?;
        device
            .write_all(first)
            .map_err(|error| format!("feeding {path}: {error}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = thread::spawn(move || {
            let mut frames = frames.iter().cycle();
            while !stopping.load(Ordering::Acquire) {
                if let Some(frame) = frames.next()
                    && device.write_all(frame).is_err()
                {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) fn rgb(width: u32, height: u32) -> Vec<u8> {
    (0..width * height)
        .flat_map(|i| BARS[((i % width) * 8 / width) as usize])
        .collect()
}

pub(crate) fn bgr(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = rgb(width, height);
    bytes.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
    bytes
}

/// BT.601, limited range, in real numbers.
pub(crate) fn uyvy(width: u32, height: u32) -> Vec<u8> {
    let level = |x: f64| x.round().clamp(0.0, 255.0) as u8;
    rgb(width, height)
        .chunks_exact(6)
        .flat_map(|two| {
            let [r, g, b] = [0, 1, 2].map(|channel| f64::from(two[channel]) / 255.0);
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            let luma = level(16.0 + 219.0 * y);
            [
                level(128.0 + 224.0 * (b - y) / 1.772),
                luma,
                level(128.0 + 224.0 * (r - y) / 1.402),
                luma,
            ]
        })
        .collect()
}

pub(crate) fn jpeg(width: u32, height: u32) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
    encoder
        .encode(&rgb(width, height), width as u16, height as u16, ColorType::Rgb)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}
