//! Where frames come from.

use std::path::PathBuf;

use virtual_booth::BoothOptions;

use crate::apart::{self, ApartSource, Program};
use crate::booth::BoothSource;
use crate::device::DeviceSource;
use crate::network::{Address, NetworkSource};
use crate::pictures::PictureSource;
use crate::settings::{Memory, Settings};
use crate::{CameraError, Frame, Mounting, Script, Wish};

/// Something that delivers frames, one after the other, at its own pace.
///
/// A source is opened, used and dropped on one and the same thread and need not be `Send`: camera
/// handles of several systems belong to the thread that made them.
pub trait Source {
    /// Waits for the next frame. May block; [`crate::Camera`] gives up on a source that blocks too long.
    ///
    /// # Errors
    /// [`CameraError::BadFrame`] for a frame to be skipped; everything else ends this source, which is
    /// then dropped and opened anew.
    fn next_frame(&mut self) -> Result<Frame, CameraError>;
}

/// Which frames a station runs on.
#[derive(Debug, Clone)]
pub enum SourceSpec {
    /// A connected camera.
    Device(DeviceSpec),
    /// A connected camera, in a process of its own.
    Apart {
        /// This program, told to serve frames.
        program: Program,
        /// Which camera.
        device: DeviceSpec,
    },
    /// A network camera that sends MJPEG over HTTP.
    Network {
        /// Where it is.
        address: Address,
    },
    /// A picture, or a folder of pictures in the order of their names, over and over.
    Pictures {
        /// The file or folder.
        path: PathBuf,
        /// Frames a second.
        fps: u32,
    },
    /// The rendered student, at 30 frames a second.
    VirtualBooth {
        /// Who sits where.
        options: BoothOptions,
        /// What they do, now and later.
        script: Script,
    },
    /// Any of these on a mount that is not upright.
    Mounted {
        /// What delivers the frames.
        sensor: Box<SourceSpec>,
        /// How it hangs.
        mounting: Mounting,
    },
}

impl SourceSpec {
    /// Whether each frame is computed before it is there.
    pub(crate) fn is_rendered(&self) -> bool {
        match self {
            Self::VirtualBooth { .. } => true,
            Self::Mounted { sensor, .. } => sensor.is_rendered(),
            Self::Device(_) | Self::Apart { .. } | Self::Network { .. } | Self::Pictures { .. } => false,
        }
    }
}

/// A connected camera, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceSpec {
    /// The [`crate::DeviceInfo::id`] chosen at set-up, or a bare name; the first camera when `None`.
    pub id: Option<String>,
    /// Size and rate.
    pub wish: Wish,
    /// What is fixed at every opening.
    pub settings: Settings,
}

/// Opens what the spec names. Runs on the capture thread and may block.
pub(crate) fn open(spec: &SourceSpec, memory: &Memory) -> Result<Box<dyn Source>, CameraError> {
    Ok(match spec {
        SourceSpec::Device(device) => match apart::program() {
            Some(program) => Box::new(ApartSource::open(program, device)?),
            None => Box::new(DeviceSource::open(device, memory)?),
        },
        SourceSpec::Apart { program, device } => Box::new(ApartSource::open(program, device)?),
        SourceSpec::Network { address } => Box::new(NetworkSource::open(address)?),
        SourceSpec::Pictures { path, fps } => Box::new(PictureSource::open(path, *fps)?),
        SourceSpec::VirtualBooth { options, script } => {
            Box::new(BoothSource::new(options.clone(), script.clone()))
        }
        SourceSpec::Mounted { sensor, mounting } => Box::new(Mounted {
            sensor: open(sensor, memory)?,
            mounting: *mounting,
        }),
    })
}

struct Mounted {
    sensor: Box<dyn Source>,
    mounting: Mounting,
}

impl Source for Mounted {
    fn next_frame(&mut self) -> Result<Frame, CameraError> {
        Ok(self.sensor.next_frame()?.mounted(self.mounting))
    }
}
