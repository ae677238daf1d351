//! The studio around the student: the light on the face, and the empty wall whose picture is kept.
//!
//! The plate is a picture of a wall, no secret: it lies beside the records as `wall-plate.png` and outlives a restart.
//! It serves the darkroom only while the wall is as it was; whether it is, the eyes see between two students.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use image::RgbImage;
use portrait::{Cast, Drift, LightReading, Original, WallGrid};

use crate::view::{LightView, Remark, WallState, WallView};

/// The plate's name inside the station's folder.
const FILE: &str = "wall-plate.png";
/// Between two looks at the empty wall.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks in a row, nothing moving, before a change is told: somebody may stand there for a moment.
const LOOKS: u32 = 6;
/// A meter's figure is shown in steps, so that it does not tremble.
const STEP: f64 = 5.0;

/// What is known of light and wall.
pub(crate) struct Studio {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plate: Option<(Arc<RgbImage>, WallGrid)>,
    light: LightView,
    wall: WallView,
    cast: Option<Cast>,
    seen: Option<(Instant, WallGrid)>,
    /// What the last looks said, and how many in a row said it.
    said: Option<(Option<Drift>, u32)>,
}

impl Studio {
    /// With the plate of the last time, if there is one.
    pub(crate) fn open(data: &Path) -> Studio {
        let file = data.join(FILE);
        let mut state = State::default();
        if file.is_file() {
            match Original::open(&file) {
                Ok(plate) => state.keep(plate.image().clone()),
                Err(error) => tracing::warn!(%error, "the kept picture of the wall cannot be used"),
            }
        }
        Studio {
            file,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn light(&self) -> LightView {
        self.state().light.clone()
    }

    pub(crate) fn wall(&self) -> WallView {
        self.state().wall.clone()
    }

    /// The plate for the darkroom, while it fits.
    pub(crate) fn plate(&self) -> Option<Arc<RgbImage>> {
        let state = self.state();
        let fits = state.wall.state == WallState::Fits;
        state
            .plate
            .as_ref()
            .filter(|_| fits)
            .map(|(plate, _)| Arc::clone(plate))
    }

    /// The plate that is kept, whether it fits or not.
    pub(crate) fn kept(&self) -> Option<Arc<RgbImage>> {
        let state = self.state();
        state.plate.as_ref().map(|(plate, _)| Arc::clone(plate))
    }

    /// A face was seen, and perhaps its light.
    pub(crate) fn saw_face(&self, light: Option<&LightReading>) {
        let mut state = self.state();
        (state.seen, state.said) = (None, None);
        if let Some(light) = light {
            state.light = shown(light, state.cast);
        }
    }

    /// A frame without a face: the wall, if nothing moves before it.
    pub(crate) fn saw_nobody(&self, frame: impl FnOnce() -> Option<RgbImage>, at: Instant) {
        let mut state = self.state();
        state.light = LightView::default();
        let due = state
            .seen
            .as_ref()
            .is_none_or(|(seen, _)| at.saturating_duration_since(*seen) >= LOOK_EVERY);
        if !due {
            return;
        }
        let Some(frame) = frame() else { return };
        let now = WallGrid::of(&frame);
        let still = state
            .seen
            .as_ref()
            .is_some_and(|(_, before)| now.is_still_since(before));
        if still {
            let drift = state.plate.as_ref().map(|(plate, grid)| {
                if plate.dimensions() == frame.dimensions() {
                    now.drift_from(grid)
                } else {
                    Some(Drift::Moved)
                }
            });
            if let Some(drift) = drift {
                state.wall_is(drift);
            }
            state.cast = now.cast();
        } else {
            state.said = None;
        }
        state.seen = Some((at, now));
    }

    /// Keeps a picture of the empty wall, averaged over some frames; or says why not.
    pub(crate) fn take_plate(&self, frames: &[RgbImage], face: bool) {
        let grids: Vec<WallGrid> = frames.iter().map(WallGrid::of).collect();
        let still = grids.windows(2).all(|pair| pair[1].is_still_since(&pair[0]));
        let refused = |zh, en| Some(remark("no-plate", zh, en));
        let hint = if face {
            refused(
                "画面中有人：请让开后再按 B",
                "Somebody is in the picture: step aside and press B again",
            )
        } else if !still {
            refused(
                "画面在动：请稍候再按 B",
                "Something moves: wait a moment and press B again",
            )
        } else if let Some(plate) = mean(frames) {
            let kept = save(&self.file, &plate);
            let mut state = self.state();
            state.keep(plate);
            kept.err().map(|error| {
                tracing::warn!(kind = %error.kind(), "the picture of the wall could not be kept");
                remark(
                    "no-plate",
                    "背景已启用，但未能存盘，重启后需重拍",
                    "In use, but it could not be kept: take it again after a restart",
                )
            })
        } else {
            refused("摄像头没有画面", "The camera sends no picture")
        };
        self.state().wall.hint = hint;
    }
}

impl State {
    fn keep(&mut self, plate: RgbImage) {
        let grid = WallGrid::of(&plate);
        self.plate = Some((Arc::new(plate), grid));
        self.wall = WallView {
            state: WallState::Fits,
            hint: None,
        };
        (self.seen, self.said) = (None, None);
    }

    /// One more look says this of the plate.
    fn wall_is(&mut self, drift: Option<Drift>) {
        let looks = match self.said {
            Some((before, looks)) if before == drift => looks + 1,
            _ => 1,
        };
        self.said = Some((drift, looks));
        if looks < LOOKS {
            return;
        }
        self.wall = match drift {
            None => WallView {
                state: WallState::Fits,
                hint: None,
            },
            Some(drift) => {
                let [zh, en] = drift.words();
                WallView {
                    state: WallState::Drifted,
                    hint: Some(remark(drift.as_str(), zh, en)),
                }
            }
        };
    }
}

fn shown(light: &LightReading, cast: Option<Cast>) -> LightView {
    let stepped = |value: f64| (value / STEP).round() * STEP;
    LightView {
        level: Some(stepped(light.white / 2.55) as u32),
        balance: Some(stepped(light.balance() * 100.0) as i32),
        hints: light
            .hints(cast)
            .into_iter()
            .map(|hint| {
                let [zh, en] = hint.words();
                remark(hint.as_str(), zh, en)
            })
            .collect(),
    }
}

fn remark(code: &str, zh: &str, en: &str) -> Remark {
    Remark {
        code: code.to_owned(),
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

/// The mean of some frames of one size: the sensor's noise is not the wall's.
fn mean(frames: &[RgbImage]) -> Option<RgbImage> {
    let first = frames.first()?;
    let mut sums = vec![0_u32; first.as_raw().len()];
    for frame in frames.iter().filter(|f| f.dimensions() == first.dimensions()) {
        for (sum, v) in sums.iter_mut().zip(frame.as_raw()) {
            *sum += u32::from(*v);
        }
    }
    let count = frames
        .iter()
        .filter(|f| f.dimensions() == first.dimensions())
        .count() as u32;
    let levels = sums
        .into_iter()
        .map(|sum| ((sum + count / 2) / count) as u8)
        .collect();
    RgbImage::from_raw(first.width(), first.height(), levels)
}

/// Whole or not at all.
fn save(file: &Path, plate: &RgbImage) -> std::io::Result<()> {
    let draft = file.with_extension("png.new");
    plate
        .save_with_format(&draft, image::ImageFormat::Png)
        .map_err(std::io::Error::other)?;
    std::fs::rename(draft, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use camera::{Act, BoothOptions};
    use virtual_booth::Booth;

    fn frames(act: &Act, count: u64) -> Vec<RgbImage> {
        let mut booth = Booth::new(BoothOptions {
            width: 320,
            height: 180,
            ..BoothOptions::default()
        });
        (0..count).map(|n| booth.frame(act, n)).collect()
    }

    fn darker(frame: &RgbImage) -> RgbImage {
        let mut frame = frame.clone();
        for v in frame.iter_mut() {
            *v = (f64::from(*v) * 0.75) as u8;
        }
        frame
    }

    #[test]
    fn a_plate_outlives_a_restart_and_tells_when_the_light_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let wall = frames(&Act::EmptyWall, 4);
        let studio = Studio::open(folder.path());
        assert_eq!(studio.wall().state, WallState::None);
        assert!(studio.plate().is_none());
        studio.take_plate(&wall, false);
        assert_eq!(studio.wall().state, WallState::Fits);

        let studio = Studio::open(folder.path());
        assert_eq!(studio.plate().unwrap().dimensions(), (320, 180));
        let (mut at, dark) = (Instant::now(), darker(&wall[0]));
        let mut look = |frame: &RgbImage, looks: u32| {
            for _ in 0..looks {
                at += LOOK_EVERY;
                studio.saw_nobody(|| Some(frame.clone()), at);
            }
            studio.wall().state
        };
        assert_eq!(look(&wall[1], LOOKS + 1), WallState::Fits);
        assert_eq!(look(&dark, LOOKS), WallState::Fits, "not at the first look");
        assert_eq!(look(&dark, 1), WallState::Drifted);
        assert!(studio.plate().is_none(), "the darkroom does without it");
        assert_eq!(studio.wall().hint.unwrap().code, "wall-light");
        assert_eq!(look(&wall[2], LOOKS + 1), WallState::Fits, "and back again");
    }

    #[test]
    fn a_person_or_a_movement_is_no_plate() {
        let folder = tempfile::tempdir().unwrap();
        let studio = Studio::open(folder.path());
        studio.take_plate(&frames(&Act::Sit, 2), true);
        assert!(studio.wall().hint.is_some() && studio.plate().is_none());
        let moving = [frames(&Act::EmptyWall, 1), frames(&Act::Sit, 1)].concat();
        studio.take_plate(&moving, false);
        assert!(studio.wall().hint.is_some() && studio.plate().is_none());
        assert!(!folder.path().join(FILE).exists());
    }
}
