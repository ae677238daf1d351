//! A camera looked through before it is chosen, beside the one that serves the students.

use std::sync::PoisonError;

use camera::{Act, Camera, Script, SourceSpec};
use serde::Serialize;
use specta::Type;

use super::Settings;
use crate::config::Config;
use crate::errand::Words;
use crate::optics::Optics;
use crate::rooms::live::in_words;
use crate::source::{is_device, source};
use crate::station::Station;

/// How a camera that is tried does.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct TrialView {
    /// Where its picture is: `preview` for the running camera, `trial` for another.
    pub picture: String,
    /// What it does.
    pub says: Words,
    /// True while it delivers.
    pub streaming: bool,
}

/// What of a set-up makes another picture.
fn lens(config: &Config) -> (&str, u32, u32, u32, &Optics) {
    (
        &config.camera,
        config.width,
        config.height,
        config.fps,
        &config.optics,
    )
}

impl Station {
    /// Opens the camera of these settings beside the running one, to look through it before it is chosen; `None` closes
    /// it again.
    pub fn camera_trial(&self, trial: Option<Settings>) -> TrialView {
        let inner = self.inner();
        let running = &inner.config;
        let wanted = trial
            .map(|settings| settings.in_place_of(running.clone()))
            .filter(|wanted| lens(wanted) != lens(running));
        let mut held = inner.trial.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().map(|(tried, _)| lens(tried)) != wanted.as_ref().map(lens) {
            *held = None;
            if let Some(wanted) = wanted {
                match beside(&wanted, running) {
                    Ok(Some(source)) => *held = Some((wanted, Camera::start(source))),
                    Ok(None) => {}
                    Err(why) => return unusable(&why),
                }
            }
        }
        let status = match held.as_ref() {
            Some((_, camera)) => Some(camera.status()),
            None => inner.camera.as_ref().map(|camera| camera.status()),
        };
        TrialView {
            picture: if held.is_some() { "trial" } else { "preview" }.to_owned(),
            streaming: matches!(status, Some(camera::CameraStatus::Streaming { .. })),
            says: status.as_ref().map(in_words).unwrap_or_default(),
        }
    }

    /// The newest picture of the camera that is tried.
    pub fn trial_preview(&self) -> Option<Vec<u8>> {
        let held = self.inner().trial.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = held.as_ref()?.1.newest()?;
        drop(held);
        crate::preview::picture(&frame)
    }
}

/// Nothing can be opened by such a set-up.
fn unusable(why: &str) -> TrialView {
    TrialView {
        picture: "trial".to_owned(),
        streaming: false,
        says: Words::new(
            format!("按这样的设置打不开摄像头：{why}"),
            format!("no camera can be opened by this: {why}"),
        ),
    }
}

/// Where the frames of a camera to be tried come from. `None` for the device that serves the students: it cannot be
/// opened twice, and its own picture is there.
fn beside(wanted: &Config, running: &Config) -> Result<Option<SourceSpec>, String> {
    let either_auto = [wanted, running].iter().any(|config| config.camera == "auto");
    let taken = is_device(wanted) && is_device(running) && (either_auto || wanted.camera == running.camera);
    if taken {
        return Ok(None);
    }
    source(wanted, &Script::new(Act::EmptyWall)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(camera: &str) -> Config {
        Config {
            camera: camera.into(),
            ..Config::default()
        }
    }

    #[test]
    fn a_device_that_serves_students_is_not_opened_a_second_time() {
        let opens = |wanted: &str, running: &str| beside(&of(wanted), &of(running)).unwrap().is_some();
        assert!(!opens("auto", "auto"));
        assert!(!opens("usb-1", "usb-1"));
        assert!(!opens("usb-1", "auto"), "it may be the one");
        assert!(opens("usb-2", "usb-1"));
        assert!(opens("auto", "virtual"));
        assert!(opens("virtual", "usb-1"));
    }

    #[test]
    fn a_camera_is_tried_as_it_hangs() {
        let mut wanted = of("usb-2");
        wanted.optics.mounting = 90;
        let source = beside(&wanted, &of("usb-1")).unwrap();
        assert!(matches!(source, Some(SourceSpec::Mounted { .. })), "{source:?}");
        wanted.optics.mounting = 45;
        assert!(beside(&wanted, &of("usb-1")).is_err());
    }
}
