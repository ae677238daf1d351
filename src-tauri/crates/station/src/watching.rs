//! The camera's eyes: one thread that looks at the newest frame for what the visit wants just now.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use camera::{Camera, Frame};
use code::{Lookout, Pattern, Sight, Trouble};
use image::RgbImage;
use portrait::{Models, Spec, Tracker};
use tokio::sync::{broadcast, mpsc};

use crate::sitter::{FaceBox, Sitter};
use crate::studio::Studio;
use crate::timing::Timing;
use crate::view::{Area, Guidance, ScanSight};
use crate::visit::{Event, Watch};

/// How long a face must be right and still before the shutter releases itself.
const STILL: Duration = Duration::from_secs(1);
/// Between two looks at the face: every second frame of most cameras. People do not follow words and arrows faster, and
/// on two cores what is saved here is what the preview needs (`cargo xtask bench window`).
const FACE_EVERY: Duration = Duration::from_millis(55);
/// In a photographer's booth a code is looked for on every third frame: ten times a second are enough for a telephone
/// that is held up.
const CODE_EVERY: u64 = 3;
/// Between two looks while the darkroom works.
const GLANCE: Duration = Duration::from_millis(150);
/// The longest wait for a frame before looking again at what is wanted.
const FRAME_WAIT: Duration = Duration::from_millis(100);

/// Pixels of the longer side the guidance looks at, at least: its networks see 128 to 256 of them, and the light is
/// measured as well on a half.
const GUIDED_SIDE: u32 = 900;

/// What the visit wants to be looked for, shared with the thread.
#[derive(Default)]
pub(crate) struct Wanted(AtomicU8);

impl Wanted {
    pub(crate) fn set(&self, watch: Watch) {
        self.0.store(watch as u8, Ordering::Release);
    }

    fn get(&self) -> Watch {
        match self.0.load(Ordering::Acquire) {
            x if x == Watch::Code as u8 => Watch::Code,
            x if x == Watch::Face as u8 => Watch::Face,
            x if x == Watch::Both as u8 => Watch::Both,
            x if x == Watch::Glance as u8 => Watch::Glance,
            _ => Watch::Nothing,
        }
    }
}

/// What to look for: both belong to the profile in force.
pub(crate) struct Lens {
    pub(crate) pattern: Pattern,
    pub(crate) spec: Arc<Spec>,
}

/// Everything the thread needs.
pub(crate) struct Eyes {
    pub(crate) camera: Arc<Camera>,
    pub(crate) models: Arc<Models>,
    pub(crate) lens: Arc<RwLock<Lens>>,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) guidance: broadcast::Sender<Guidance>,
    /// A photographer's booth: who sits there, its light and its wall are watched, too.
    pub(crate) studio: Option<Arc<Studio>>,
    pub(crate) timing: Arc<Mutex<Timing>>,
    pub(crate) stop: Arc<AtomicBool>,
}

/// What is remembered from look to look.
#[derive(Default)]
struct Memory {
    lookout: Lookout,
    tracker: Tracker,
    sitter: Sitter,
    still_since: Option<Instant>,
    last_sight: Option<ScanSight>,
    told_sitter: Option<u32>,
    looks: u64,
    face_at: Option<Instant>,
}

impl Memory {
    /// Whether this frame is one of those whose face is looked at.
    fn face_is_due(&mut self, frame: &Frame) -> bool {
        let early = |last: Instant| frame.at().saturating_duration_since(last) < FACE_EVERY;
        if self.face_at.is_some_and(early) {
            return false;
        }
        self.face_at = Some(frame.at());
        true
    }
}

impl Eyes {
    /// Opens the eyes; they close when `stop` is set or nobody listens any more.
    pub(crate) fn open(self) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name("eyes".into())
            .spawn(move || self.run())
    }

    fn run(self) {
        self.models.stand_behind();
        let mut memory = Memory::default();
        let mut seen = 0;
        while !self.stop.load(Ordering::Acquire) && !self.events.is_closed() {
            let watch = self.wanted.get();
            if matches!(watch, Watch::Nothing | Watch::Code) {
                memory.still_since = None;
                memory.tracker = Tracker::default();
            }
            if watch == Watch::Nothing {
                std::thread::sleep(Duration::from_millis(30));
                continue;
            }
            let Some(frame) = self.camera.wait_newer(seen, FRAME_WAIT) else {
                continue;
            };
            seen = frame.sequence();
            memory.looks += 1;
            match watch {
                Watch::Code => self.look_for_code(&frame, &mut memory),
                Watch::Face => {
                    if memory.face_is_due(&frame) {
                        self.look_for_face(&frame, &mut memory);
                    }
                }
                Watch::Both | Watch::Glance => {
                    if memory.face_is_due(&frame) {
                        self.look_for_face(&frame, &mut memory);
                    }
                    if watch == Watch::Glance || memory.looks.is_multiple_of(CODE_EVERY) {
                        self.look_for_code(&frame, &mut memory);
                    }
                }
                Watch::Nothing => {}
            }
            if watch == Watch::Glance {
                std::thread::sleep(GLANCE);
            }
        }
    }

    fn look_for_code(&self, frame: &Frame, memory: &mut Memory) {
        let Ok(luma) = frame.to_luma() else { return };
        let pattern = self
            .lens
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .pattern
            .clone();
        let event = match memory.lookout.look(&luma, &pattern) {
            Sight::One(seen) => Event::Code(seen.kind, seen.found.text),
            other => {
                let sight = match other {
                    Sight::Several(_) => ScanSight::Several,
                    Sight::Round => ScanSight::MiniProgram,
                    Sight::Dark => ScanSight::TooDark,
                    Sight::Located(glimpse) => match glimpse.trouble {
                        Trouble::TooSmall => ScanSight::TooSmall,
                        Trouble::TooClose => ScanSight::TooClose,
                        Trouble::CutOff => ScanSight::CutOff,
                        Trouble::Glare => ScanSight::Glare,
                        Trouble::Moving => ScanSight::Moving,
                        Trouble::Unclear => ScanSight::Unclear,
                    },
                    _ => ScanSight::Nothing,
                };
                if memory.last_sight == Some(sight) {
                    return;
                }
                memory.last_sight = Some(sight);
                Event::Sight(sight)
            }
        };
        if matches!(event, Event::Code(..)) {
            memory.last_sight = Some(ScanSight::Steady);
            self.timing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .code_read(frame.at());
        }
        let _ = self.events.send(event);
    }

    fn look_for_face(&self, frame: &Frame, memory: &mut Memory) {
        // Light and wall are measured against a plate of the frame's own size.
        let least = if self.studio.is_some() {
            u32::MAX
        } else {
            GUIDED_SIDE
        };
        let Ok(rgb) = frame.to_small_rgb(least) else {
            return;
        };
        let spec = Arc::clone(&self.lens.read().unwrap_or_else(PoisonError::into_inner).spec);
        let seen = portrait::guide(&self.models, &rgb, &spec, &mut memory.tracker);
        let hold = if seen.ready {
            let since = *memory.still_since.get_or_insert(frame.at());
            let share = frame.at().saturating_duration_since(since).as_secs_f32() / STILL.as_secs_f32();
            if share >= 1.0 {
                let _ = self.events.send(Event::Steady);
            }
            share.min(1.0)
        } else {
            memory.still_since = None;
            0.0
        };
        let looked_at = rgb.dimensions();
        if let Some(studio) = &self.studio {
            self.watch_the_studio(studio, &seen, frame, rgb, memory);
        }
        let _ = self.guidance.send(drawn(&seen, frame, looked_at, &spec, hold));
    }
}

impl Eyes {
    /// Who sits there, in which light; or the wall behind nobody.
    fn watch_the_studio(
        &self,
        studio: &Studio,
        seen: &portrait::Guidance,
        frame: &Frame,
        rgb: RgbImage,
        memory: &mut Memory,
    ) {
        let face = seen.face.as_ref().map(|area| FaceBox {
            x: area.x + area.width / 2.0,
            y: area.y + area.height / 2.0,
            width: area.width,
        });
        let sitter = memory.sitter.looked(face, frame.at());
        if sitter != memory.told_sitter {
            memory.told_sitter = sitter;
            let _ = self.events.send(Event::Sitter(sitter));
        }
        match face {
            Some(_) => studio.saw_face(seen.light.as_ref()),
            None => studio.saw_nobody(|| Some(rgb), frame.at()),
        }
    }
}

/// The guidance as the page draws it: fractions of the frame and of the crop.
fn drawn(
    seen: &portrait::Guidance,
    frame: &Frame,
    looked_at: (u32, u32),
    spec: &Spec,
    hold: f32,
) -> Guidance {
    let (w, h) = (looked_at.0 as f32, looked_at.1 as f32);
    let area = |r: &portrait::Rect| Area {
        x: r.x / w,
        y: r.y / h,
        w: r.width / w,
        h: r.height / h,
    };
    let rows = |band: &portrait::Band| [band.min, band.max].map(|y| (y / f64::from(spec.height)) as f32);
    let columns = |band: &portrait::Band| [band.min, band.max].map(|x| (x / f64::from(spec.width)) as f32);
    Guidance {
        frame: u32::try_from(frame.sequence() & u64::from(u32::MAX)).unwrap_or(0),
        frame_width: frame.width(),
        frame_height: frame.height(),
        face: seen.face.as_ref().map(area),
        crop: area(&seen.crop),
        crown_band: rows(&spec.crown),
        eye_band: rows(&spec.eyes),
        face_width: columns(&spec.face_width),
        hint: seen.hint.as_str().to_owned(),
        ready: seen.ready,
        hold,
    }
}

#[cfg(test)]
mod tests {
    use camera::PixelFormat;
    use portrait::{Hint, Rect};

    use super::*;

    #[test]
    fn the_page_draws_the_specs_own_pixels_as_shares_of_the_final_photo() {
        let crop = Rect {
            x: 64.0,
            y: 36.0,
            width: 320.0,
            height: 360.0,
        };
        let seen = portrait::Guidance {
            face: None,
            hint: Hint::Good,
            arrow: None,
            ready: true,
            crop,
            eyes: None,
            crown: None,
            roll: 0.0,
            yaw: 0.0,
            pitch: 0.0,
            light: None,
        };
        let frame = Frame::new(PixelFormat::Rgb8, 640, 360, vec![0; 640 * 360 * 3]).unwrap();
        for name in Spec::names() {
            let spec = Spec::built_in(name).unwrap();
            let shown = drawn(&seen, &frame, (640, 360), &spec, 0.0);
            let area = (shown.crop.x, shown.crop.y, shown.crop.w, shown.crop.h);
            assert_eq!(area, (0.1, 0.1, 0.5, 1.0));
            for (shares, band, whole) in [
                (shown.crown_band, &spec.crown, spec.height),
                (shown.eye_band, &spec.eyes, spec.height),
                (shown.face_width, &spec.face_width, spec.width),
            ] {
                let pixels = shares.map(|share| f64::from(share) * f64::from(whole));
                assert!(
                    (pixels[0] - band.min).abs() < 0.01 && (pixels[1] - band.max).abs() < 0.01,
                    "{name}: {pixels:?} is not {band:?}"
                );
            }
        }
    }
}
