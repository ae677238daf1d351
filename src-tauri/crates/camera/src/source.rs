//! Where frames come from.

use std::path::PathBuf;

use virtual_booth::BoothOptions;

use crate::booth::BoothSource;
use crate::device::DeviceSource;
use crate::pictures::PictureSource;
use crate::{CameraError, Frame, Script};

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
    Device {
        /// The [`crate::DeviceInfo::id`] chosen at set-up, or a bare name; the first camera when `None`.
        id: Option<String>,
        /// Wanted width in pixels.
        width: u32,
        /// Wanted height in pixels.
        height: u32,
        /// Wanted frames a second.
        fps: u32,
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
}

/// Opens what the spec names. Runs on the capture thread and may block.
pub(crate) fn open(spec: &SourceSpec) -> Result<Box<dyn Source>, CameraError> {
    Ok(match spec {
        SourceSpec::Device {
            id,
            width,
            height,
            fps,
        } => Box::new(DeviceSource::open(id.as_deref(), *width, *height, *fps)?),
        SourceSpec::Pictures { path, fps } => Box::new(PictureSource::open(path, *fps)?),
        SourceSpec::VirtualBooth { options, script } => {
            Box::new(BoothSource::new(options.clone(), script.clone()))
        }
    })
}
