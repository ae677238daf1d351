//! Frames from a real device, from files or from the virtual booth, all behind one frame type.
//!
//! A booth's camera is unplugged by a foot, stalls in its driver, comes back under another number. None
//! of that may stop the station: [`Camera`] runs the device on a thread of its own, hands over only the
//! newest [`Frame`], gives up on a device that does not answer, and opens it again by itself. What needs
//! a person (no camera, no permission, no usable format) is told apart from what heals.
//!
//! Where frames come from is a [`SourceSpec`]; tests and other hardware bring their own [`Source`].

mod booth;
mod capture;
mod device;
mod frame;
mod hot_folder;
mod mjpeg;
mod pictures;
mod source;

use std::path::PathBuf;
use std::time::Duration;

pub use booth::Script;
pub use capture::{Camera, CameraStatus, Timing};
pub use device::{DeviceFormat, DeviceInfo, devices};
pub use frame::{Frame, PixelFormat};
pub use hot_folder::{Found, HotFolder, Misfit, Still, Wanted};
pub use source::{Source, SourceSpec};
pub use virtual_booth::{Act, BoothOptions};

/// What can be wrong with a camera.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CameraError {
    /// The system lists no camera at all.
    #[error("no camera is connected")]
    NoDevice,
    /// The camera asked for is not among those connected.
    #[error("the camera \"{wanted}\" is not connected")]
    NotFound {
        /// The id or name that was asked for.
        wanted: String,
    },
    /// The operating system does not let this program use the camera.
    #[error("this program may not use the camera ({0}); allow it in the system's settings")]
    PermissionDenied(String),
    /// The device offers no format this program can use, or refuses each.
    #[error("the camera offers no usable format ({0})")]
    UnsupportedFormat(String),
    /// Another program, or an opening that has not come back, holds the device.
    #[error("the camera is in use ({0})")]
    Busy(String),
    /// The device could not be opened for another reason.
    #[error("the camera could not be opened ({0})")]
    Open(String),
    /// The device stopped delivering.
    #[error("the camera stopped ({0})")]
    Read(String),
    /// The device did not answer in time.
    #[error("the camera has not answered for {0:.1?}")]
    Stalled(Duration),
    /// The device's driver panicked.
    #[error("the camera's driver failed")]
    Panicked,
    /// A frame is shorter than its format demands, damaged, or of a size it does not declare.
    #[error("a damaged frame ({0})")]
    BadFrame(String),
    /// A folder or file of pictures cannot be used.
    #[error("{path}: {why}")]
    Pictures {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl CameraError {
    /// True where waiting does not help and a person has to do something: plug it in, allow it, replace it.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::NoDevice
                | Self::NotFound { .. }
                | Self::PermissionDenied(_)
                | Self::UnsupportedFormat(_)
                | Self::Pictures { .. }
        )
    }
}
