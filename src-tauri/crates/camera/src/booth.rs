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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Camera, SourceSpec};

    #[test]
    fn the_rehearsal_shows_what_the_script_says() {
        let options = BoothOptions {
            width: 320,
            height: 180,
            ..BoothOptions::default()
        };
        let script = Script::new(Act::EmptyWall);
        let camera = Camera::start(SourceSpec::VirtualBooth {
            options,
            script: script.clone(),
        });
        let long = Duration::from_mins(5);
        let wall = camera.wait_newer(0, long).unwrap();
        assert_eq!(
            (wall.width(), wall.height(), wall.format()),
            (320, 180, PixelFormat::Rgb8)
        );

        script.set(Act::Sit);
        assert_eq!(script.get(), Act::Sit);
        // The frame after the next one was certainly begun with the new act.
        let student = camera.wait_newer(wall.sequence() + 2, long).unwrap();
        let (wall, student) = (wall.to_luma().unwrap(), student.to_luma().unwrap());
        let changed = wall
            .iter()
            .zip(student.iter())
            .filter(|(wall, now)| wall.abs_diff(**now) > 30)
            .count();
        assert!(changed > 320 * 180 / 10, "somebody sits there now");
    }
}
