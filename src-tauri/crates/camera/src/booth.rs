//! The virtual booth as a camera: the same frames, the same pace, no hardware.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use virtual_booth::{Act, Booth, BoothOptions};

use crate::pictures::Pace;
use crate::{CameraError, Frame, PixelFormat, Source};

/// What an ordinary webcam delivers.
const FPS: u32 = 30;

/// What the virtual student does now: one handle for the camera, one for whoever directs the scene.
#[derive(Debug, Clone)]
pub struct Script(Arc<Mutex<Act>>);

impl Script {
    /// Begins with an act.
    pub fn new(act: Act) -> Self {
        Self(Arc::new(Mutex::new(act)))
    }

    /// From the next frame on the student does this.
    pub fn set(&self, act: Act) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = act;
    }

    /// What the student does now.
    pub fn get(&self) -> Act {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) struct BoothSource {
    booth: Booth,
    script: Script,
    number: u64,
    pace: Pace,
}

impl BoothSource {
    pub(crate) fn new(options: BoothOptions, script: Script) -> Self {
        let pace = Pace::new(Duration::from_secs(1) / FPS);
        Self {
            booth: Booth::new(options),
            script,
            number: 0,
            pace,
        }
    }
}

impl Source for BoothSource {
    fn next_frame(&mut self) -> Result<Frame, CameraError> {
        self.pace.wait();
        let picture = self.booth.frame(&self.script.get(), self.number);
        self.number += 1;
        let (width, height) = picture.dimensions();
        Frame::new(PixelFormat::Rgb8, width, height, picture.into_raw())
    }
}
