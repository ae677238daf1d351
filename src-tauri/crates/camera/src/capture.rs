//! A camera that heals: the device on a thread of its own, watched by another.
//!
//! The *worker* opens the source, reads frames and publishes them. It may hang in the driver at any
//! point, for ever. The *watcher* never touches the device: it waits for the worker's signs of life, and
//! when they stay away too long it leaves the worker behind (a thread cannot be stopped) and starts
//! another after a pause. A worker that was left behind publishes nothing and ends by itself when its
//! driver lets go. How many may be left behind is bounded.
//!
//! Everything the two share lies in [`State`] under one lock; `generation` says which worker is in charge.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::settings::Memory;
use crate::source::{self, SourceSpec};
use crate::{CameraError, Frame, Source};

/// Workers that may hang at once. Beyond it the camera waits for one to come back instead of sending
/// another after it.
const MOST_LEFT_BEHIND: usize = 4;

/// Openings in a row that must find the device gone before a camera that has worked counts as broken: a
/// USB reset takes a device off the list for a second or two.
const GONE_FOR_GOOD: u32 = 3;

/// Frames over which the rate is taken.
const RATE_FRAMES: usize = 31;

/// How long a camera waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For the source to open and deliver its first frame. Webcams need up to 3 s, a first use under
    /// macOS waits for a person's permission.
    pub open: Duration,
    /// For the next frame. At 5 fps in the dark a healthy webcam needs 0.2 s.
    pub frame: Duration,
    /// For a source to close when the camera is dropped, before it is left behind.
    pub close: Duration,
    /// Before the first attempt to open again; doubled with every further one.
    pub backoff_first: Duration,
    /// The longest pause between two attempts, also where a person is needed.
    pub backoff_max: Duration,
    /// Streaming for this long counts as healed: the next fault starts with `backoff_first` again.
    pub steady: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(15),
            frame: Duration::from_secs(3),
            close: Duration::from_secs(1),
            backoff_first: Duration::from_millis(500),
            backoff_max: Duration::from_secs(20),
            steady: Duration::from_secs(5),
        }
    }
}

/// How a camera is.
#[derive(Debug, Clone, PartialEq)]
pub enum CameraStatus {
    /// Being opened for the first time.
    Opening,
    /// Delivering.
    Streaming {
        /// Frames a second over the last second or so; 0 at the very beginning.
        fps: f32,
    },
    /// Not delivering; it is opened again by itself.
    Lost {
        /// Since when.
        since: Instant,
        /// Why, in words for staff.
        reason: String,
        /// Until the next attempt.
        retry_in: Duration,
    },
    /// A person is needed. It is still tried at the longest pause, so that plugging in suffices.
    Broken {
        /// Why, in words for staff.
        reason: String,
    },
}

/// A running camera. Dropping it ends it, even when the device hangs.
#[derive(Debug)]
pub struct Camera {
    shared: Arc<Shared>,
    watcher: Option<JoinHandle<()>>,
}

impl Camera {
    /// Starts on what the spec names, with the usual patience.
    pub fn start(spec: SourceSpec) -> Self {
        let mut timing = Timing::default();
        if spec.is_rendered() {
            // It renders an act when it is first asked for, and that must be allowed to take its time.
            timing.open = Duration::from_mins(2);
            timing.frame = Duration::from_mins(2);
        }
        let memory = Memory::default();
        Self::start_with(move || source::open(&spec, &memory), timing)
    }

    /// Starts on sources of the caller's own making. `open` runs on a capture thread, once for every
    /// attempt, and may block.
    pub fn start_with(
        open: impl FnMut() -> Result<Box<dyn Source>, CameraError> + Send + 'static,
        timing: Timing,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let open: Arc<Mutex<Open>> = Arc::new(Mutex::new(Box::new(open)));
        let watched = shared.clone();
        let watcher = thread::Builder::new()
            .name("camera".to_owned())
            .spawn(move || watch(&watched, &open, timing))
            .inspect_err(|error| {
                shared.lock().health = Health::Broken(format!("no thread for the camera: {error}"));
            })
            .ok();
        Self { shared, watcher }
    }

    /// The newest frame, or `None` while the camera is not delivering: an old frame is never passed off
    /// as what stands before the camera.
    pub fn newest(&self) -> Option<Frame> {
        self.shared.lock().newest.clone()
    }

    /// Waits for a frame with a higher sequence number than the one given (0 for any).
    pub fn wait_newer(&self, than_sequence: u64, timeout: Duration) -> Option<Frame> {
        let is_older = |state: &mut State| {
            state
                .newest
                .as_ref()
                .is_none_or(|frame| frame.sequence() <= than_sequence)
        };
        let state = self.shared.lock();
        let (state, waited) = self
            .shared
            .frames
            .wait_timeout_while(state, timeout, is_older)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            None
        } else {
            state.newest.clone()
        }
    }

    /// How the camera is now.
    pub fn status(&self) -> CameraStatus {
        let state = self.shared.lock();
        match &state.health {
            Health::Opening => CameraStatus::Opening,
            Health::Streaming => CameraStatus::Streaming { fps: state.rate() },
            Health::Lost {
                since,
                reason,
                retry_at,
            } => CameraStatus::Lost {
                since: *since,
                reason: reason.clone(),
                retry_in: retry_at.saturating_duration_since(Instant::now()),
            },
            Health::Broken(reason) => CameraStatus::Broken {
                reason: reason.clone(),
            },
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.events.notify_all();
        if let Some(watcher) = self.watcher.take() {
            // The watcher never blocks on the device; it gives the worker `close` to let go of it.
            let _ = watcher.join();
        }
    }
}

/// Opens a source, once for every attempt.
type Open = Box<dyn FnMut() -> Result<Box<dyn Source>, CameraError> + Send>;

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A new frame, for whoever waits for one.
    frames: Condvar,
    /// The worker has ended or the camera is to stop, for the watcher.
    events: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stop: bool,
    /// The worker in charge; all others have been left behind.
    generation: u64,
    /// Why the worker in charge ended.
    ended: Option<CameraError>,
    last_sign: Option<Instant>,
    streaming_since: Option<Instant>,
    left_behind: usize,
    newest: Option<Frame>,
    sequence: u64,
    arrivals: VecDeque<Instant>,
    health: Health,
}

#[derive(Debug, Default)]
enum Health {
    #[default]
    Opening,
    Streaming,
    Lost {
        since: Instant,
        reason: String,
        retry_at: Instant,
    },
    Broken(String),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, at_most: Duration) -> MutexGuard<'a, State> {
        self.events
            .wait_timeout(state, at_most)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

impl State {
    fn in_charge(&self, generation: u64) -> bool {
        self.generation == generation && !self.stop
    }

    /// Hands a frame over; true for the worker's first.
    fn publish(&mut self, frame: Frame) -> bool {
        let now = Instant::now();
        self.sequence += 1;
        self.newest = Some(frame.numbered(self.sequence));
        self.streaming_since.get_or_insert(now);
        self.arrivals.push_back(now);
        if self.arrivals.len() > RATE_FRAMES {
            self.arrivals.pop_front();
        }
        self.health = Health::Streaming;
        self.last_sign.replace(now).is_none()
    }

    fn rate(&self) -> f32 {
        match (self.arrivals.front(), self.arrivals.back()) {
            (Some(first), Some(last)) if last > first => {
                (self.arrivals.len() - 1) as f32 / last.duration_since(*first).as_secs_f32()
            }
            _ => 0.0,
        }
    }

    /// The worker in charge is in charge no more.
    fn leave_behind(&mut self) {
        self.generation += 1;
        self.left_behind += 1;
    }
}

/// The watcher's life: one worker after the other, until the camera is dropped.
fn watch(shared: &Arc<Shared>, open: &Arc<Mutex<Open>>, timing: Timing) {
    let mut backoff = timing.backoff_first;
    let mut gone = 0_u32;
    let mut has_streamed = false;
    let mut lost_since: Option<Instant> = None;
    loop {
        let Some(run) = run_worker(shared, open, timing) else {
            return;
        };
        if let Some(since) = run.streaming_since {
            has_streamed = true;
            lost_since = None;
            gone = 0;
            if since.elapsed() >= timing.steady {
                backoff = timing.backoff_first;
            }
        }
        gone = if run.error.is_permanent() { gone + 1 } else { 0 };
        let broken = gone > 0 && (!has_streamed || gone >= GONE_FOR_GOOD);
        let pause = if broken { timing.backoff_max } else { backoff };
        tracing::warn!(error = %run.error, ?pause, broken, "camera lost");

        let now = Instant::now();
        let reason = run.error.to_string();
        let mut state = shared.lock();
        state.health = if broken {
            Health::Broken(reason)
        } else {
            let since = *lost_since.get_or_insert(now);
            Health::Lost {
                since,
                reason,
                retry_at: now + pause,
            }
        };
        while !state.stop && now.elapsed() < pause {
            state = shared.wait(state, pause.saturating_sub(now.elapsed()));
        }
        if state.stop {
            return;
        }
        drop(state);
        backoff = (backoff * 2).min(timing.backoff_max);
    }
}

/// How one worker ended.
struct Run {
    error: CameraError,
    streaming_since: Option<Instant>,
}

/// Starts a worker and watches it until it ends, hangs, or the camera is dropped (`None`).
fn run_worker(shared: &Arc<Shared>, open: &Arc<Mutex<Open>>, timing: Timing) -> Option<Run> {
    let mut state = shared.lock();
    if state.stop {
        return None;
    }
    if state.left_behind >= MOST_LEFT_BEHIND {
        return Some(Run {
            error: CameraError::Busy("its driver has not come back from earlier attempts".to_owned()),
            streaming_since: None,
        });
    }
    state.generation += 1;
    state.ended = None;
    state.streaming_since = None;
    state.arrivals.clear();
    let started = Instant::now();
    state.last_sign = None;
    let generation = state.generation;
    let (for_worker, open) = (shared.clone(), open.clone());
    let spawned = thread::Builder::new()
        .name("camera-device".to_owned())
        .spawn(move || work(&for_worker, &open, generation));
    if let Err(error) = spawned {
        return Some(Run {
            error: CameraError::Open(error.to_string()),
            streaming_since: None,
        });
    }

    let error = loop {
        if let Some(error) = state.ended.take() {
            break error;
        }
        if state.stop {
            wait_for_the_end(shared, state, timing.close);
            return None;
        }
        let (quiet, patience) = match state.last_sign {
            Some(sign) => (sign.elapsed(), timing.frame),
            None => (started.elapsed(), timing.open),
        };
        if quiet >= patience {
            state.leave_behind();
            break CameraError::Stalled(quiet);
        }
        state = shared.wait(state, patience.saturating_sub(quiet));
    };
    state.newest = None;
    Some(Run {
        error,
        streaming_since: state.streaming_since.take(),
    })
}

/// Gives the worker a moment to close the device, so that whoever opens it next finds it free.
fn wait_for_the_end(shared: &Shared, mut state: MutexGuard<'_, State>, at_most: Duration) {
    let start = Instant::now();
    while state.ended.is_none() && start.elapsed() < at_most {
        state = shared.wait(state, at_most.saturating_sub(start.elapsed()));
    }
    if state.ended.is_none() {
        state.leave_behind();
    }
    state.newest = None;
}

/// The worker's life: open, read, publish, close.
fn work(shared: &Shared, open: &Mutex<Open>, generation: u64) {
    // Closing is inside: a driver that panics there is caught, one that hangs there is a stalled worker.
    let outcome = catch_unwind(AssertUnwindSafe(|| read_frames(shared, open, generation)));
    let error = outcome.unwrap_or(CameraError::Panicked);
    let mut state = shared.lock();
    if state.generation == generation {
        state.ended = Some(error);
        shared.events.notify_all();
    } else {
        state.left_behind = state.left_behind.saturating_sub(1);
    }
}

/// What nobody reads: the end of a worker that is not in charge.
fn not_wanted() -> CameraError {
    CameraError::Read("not wanted any more".to_owned())
}

/// Reads until something fails or another worker is in charge.
fn read_frames(shared: &Shared, open: &Mutex<Open>, generation: u64) -> CameraError {
    // A late start: on a busy machine a thread may be given up before it has begun.
    if !shared.lock().in_charge(generation) {
        return not_wanted();
    }
    let opened = match open.try_lock() {
        Ok(mut open) => open(),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner()(),
        Err(std::sync::TryLockError::WouldBlock) => Err(CameraError::Busy(
            "an earlier attempt to open it has not come back".to_owned(),
        )),
    };
    let mut source = match opened {
        Ok(source) => source,
        Err(error) => return error,
    };
    loop {
        let next = source.next_frame();
        let mut state = shared.lock();
        if !state.in_charge(generation) {
            return not_wanted();
        }
        match next {
            Ok(frame) => {
                // With the first frame the watcher's patience becomes a shorter one.
                if state.publish(frame) {
                    shared.events.notify_all();
                }
                drop(state);
                shared.frames.notify_all();
            }
            // One damaged frame is nothing; nothing but damaged frames is a stall, and the watcher's.
            Err(error @ CameraError::BadFrame(_)) => tracing::debug!(%error, "frame skipped"),
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PixelFormat;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc::{self, Receiver, Sender};

    /// No test waits this long when all is well.
    const LONG: Duration = Duration::from_secs(30);

    /// Quick faults, patient otherwise.
    fn quick() -> Timing {
        Timing {
            open: LONG,
            frame: LONG,
            close: Duration::from_millis(20),
            backoff_first: Duration::from_millis(1),
            backoff_max: Duration::from_millis(4),
            steady: Duration::ZERO,
        }
    }

    fn picture(level: u8) -> Frame {
        Frame::new(PixelFormat::Gray8, 2, 1, vec![level; 2]).unwrap()
    }

    /// What the device does next; when the script is over it waits as a healthy one between frames.
    enum Step {
        Frame(u8),
        Damaged,
        Fails(CameraError),
        Panics,
        /// Hangs in the driver until the other end lets go.
        Hangs(Receiver<()>),
    }

    /// A device that follows a script sent to it while it runs.
    struct Scripted(Receiver<Step>);

    impl Source for Scripted {
        fn next_frame(&mut self) -> Result<Frame, CameraError> {
            match self.0.recv() {
                Ok(Step::Frame(level)) => Ok(picture(level)),
                Ok(Step::Damaged) => Err(CameraError::BadFrame("half of it".to_owned())),
                Ok(Step::Fails(error)) => Err(error),
                Ok(Step::Panics) => panic!("the driver's"),
                Ok(Step::Hangs(gate)) => {
                    let _ = gate.recv();
                    Err(CameraError::Read("came back".to_owned()))
                }
                Err(_) => Err(CameraError::Read("unplugged".to_owned())),
            }
        }
    }

    type Opening = Result<Receiver<Step>, CameraError>;

    /// A camera whose every opening is decided by the test.
    fn camera(timing: Timing) -> (Camera, Sender<Opening>) {
        let (decide, decided) = mpsc::channel::<Opening>();
        let open = move || -> Result<Box<dyn Source>, CameraError> {
            match decided.recv() {
                Ok(Ok(script)) => Ok(Box::new(Scripted(script))),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(CameraError::Open("the test is over".to_owned())),
            }
        };
        (Camera::start_with(open, timing), decide)
    }

    fn plugged_in(decide: &Sender<Opening>) -> Sender<Step> {
        let (device, script) = mpsc::channel();
        decide.send(Ok(script)).unwrap();
        device
    }

    fn until(camera: &Camera, is_so: impl Fn(&CameraStatus) -> bool) -> CameraStatus {
        let start = Instant::now();
        loop {
            let status = camera.status();
            if is_so(&status) {
                return status;
            }
            assert!(start.elapsed() < LONG, "still {status:?}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn eventually(is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < LONG, "it never came about");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_lost(status: &CameraStatus) -> bool {
        matches!(status, CameraStatus::Lost { .. })
    }

    #[test]
    fn frames_arrive_in_order_and_the_newest_is_at_hand() {
        let (camera, decide) = camera(quick());
        assert_eq!(camera.status(), CameraStatus::Opening);
        assert!(camera.newest().is_none());
        let device = plugged_in(&decide);
        device.send(Step::Frame(1)).unwrap();
        let first = camera.wait_newer(0, LONG).unwrap();
        assert_eq!((first.sequence(), first.data()[0]), (1, 1));
        device.send(Step::Frame(2)).unwrap();
        device.send(Step::Frame(3)).unwrap();
        let third = camera.wait_newer(2, LONG).unwrap();
        assert_eq!((third.sequence(), third.data()[0]), (3, 3));
        assert_eq!(camera.newest().unwrap().sequence(), 3);
        assert!(matches!(camera.status(), CameraStatus::Streaming { .. }));
        assert!(
            camera.wait_newer(3, Duration::from_millis(1)).is_none(),
            "nothing newer has come"
        );
    }

    #[test]
    fn a_damaged_frame_is_skipped_and_the_camera_stays() {
        let (camera, decide) = camera(quick());
        let device = plugged_in(&decide);
        for step in [Step::Frame(1), Step::Damaged, Step::Damaged, Step::Frame(2)] {
            device.send(step).unwrap();
        }
        assert_eq!(camera.wait_newer(1, LONG).unwrap().data()[0], 2);
        assert!(matches!(camera.status(), CameraStatus::Streaming { .. }));
    }

    #[test]
    fn an_unplugged_camera_shows_no_old_frame_and_comes_back_with_higher_numbers() {
        let (camera, decide) = camera(quick());
        let device = plugged_in(&decide);
        device.send(Step::Frame(1)).unwrap();
        camera.wait_newer(0, LONG).unwrap();
        device
            .send(Step::Fails(CameraError::Read("unplugged".to_owned())))
            .unwrap();
        until(&camera, is_lost);
        assert!(camera.newest().is_none(), "nobody is photographed from memory");

        decide.send(Err(CameraError::Open("not yet".to_owned()))).unwrap();
        decide.send(Err(CameraError::Busy("not yet".to_owned()))).unwrap();
        let device = plugged_in(&decide);
        device.send(Step::Frame(9)).unwrap();
        let again = camera.wait_newer(1, LONG).unwrap();
        assert_eq!((again.sequence(), again.data()[0]), (2, 9));
    }

    #[test]
    fn a_stalled_device_is_left_behind_and_another_thread_opens_it_anew() {
        let timing = Timing {
            frame: Duration::from_millis(5),
            ..quick()
        };
        let (camera, decide) = camera(timing);
        let device = plugged_in(&decide);
        let (let_go, gate) = mpsc::channel();
        device.send(Step::Frame(1)).unwrap();
        device.send(Step::Hangs(gate)).unwrap();
        let CameraStatus::Lost { reason, .. } = until(&camera, is_lost) else {
            unreachable!()
        };
        assert!(reason.contains("not answered"), "{reason}");
        assert!(camera.newest().is_none());

        // Whoever is slow to look finds this one stalled, too: so the count is looked at, not the frame.
        let device = plugged_in(&decide);
        device.send(Step::Frame(2)).unwrap();
        eventually(|| camera.shared.lock().sequence == 2);
        assert!(camera.shared.lock().left_behind >= 1);

        // The threads left behind come back with late answers: these change nothing, and the threads end.
        let_go.send(()).unwrap();
        drop(device);
        eventually(|| camera.shared.lock().left_behind == 0);
        assert_eq!(camera.shared.lock().sequence, 2);
    }

    #[test]
    fn a_device_that_always_hangs_takes_only_so_many_threads() {
        let timing = Timing {
            open: Duration::from_millis(2),
            frame: Duration::from_millis(2),
            ..quick()
        };
        let openings = Arc::new(AtomicU32::new(0));
        let (gates, held) = mpsc::channel();
        let counted = openings.clone();
        let camera = Camera::start_with(
            move || {
                counted.fetch_add(1, Ordering::SeqCst);
                let (device, script) = mpsc::channel();
                let (gate, closed) = mpsc::channel();
                device.send(Step::Hangs(closed)).unwrap();
                gates.send((device, gate)).unwrap();
                Ok(Box::new(Scripted(script)))
            },
            timing,
        );
        let CameraStatus::Lost { .. } = until(
            &camera,
            |status| matches!(status, CameraStatus::Lost { reason, .. } if reason.contains("not come back")),
        ) else {
            unreachable!()
        };
        assert!(openings.load(Ordering::SeqCst) as usize <= MOST_LEFT_BEHIND);
        drop(held);
        drop(camera);
    }

    #[test]
    fn an_opening_that_hangs_is_not_followed_by_a_second_one() {
        let timing = Timing {
            open: Duration::from_millis(2),
            ..quick()
        };
        let openings = Arc::new(AtomicU32::new(0));
        let (let_go, gate) = mpsc::channel::<()>();
        let counted = openings.clone();
        let camera = Camera::start_with(
            move || {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = gate.recv();
                let (device, script) = mpsc::channel();
                device.send(Step::Frame(5)).unwrap();
                std::mem::forget(device);
                Ok(Box::new(Scripted(script)))
            },
            timing,
        );
        until(
            &camera,
            |status| matches!(status, CameraStatus::Lost { reason, .. } if reason.contains("earlier attempt")),
        );
        assert_eq!(openings.load(Ordering::SeqCst), 1);
        drop(let_go);
        assert_eq!(
            camera.wait_newer(0, LONG).unwrap().data()[0],
            5,
            "and it heals when the driver lets go"
        );
    }

    #[test]
    fn a_driver_that_panics_is_only_a_lost_camera() {
        let (camera, decide) = camera(quick());
        let device = plugged_in(&decide);
        device.send(Step::Panics).unwrap();
        let CameraStatus::Lost { reason, .. } = until(&camera, is_lost) else {
            unreachable!()
        };
        assert!(reason.contains("driver"), "{reason}");
        let device = plugged_in(&decide);
        device.send(Step::Frame(1)).unwrap();
        assert!(camera.wait_newer(0, LONG).is_some());
    }

    #[test]
    fn what_needs_a_person_is_said_at_once_and_heals_when_it_is_done() {
        for fault in [
            CameraError::NoDevice,
            CameraError::NotFound {
                wanted: "Booth Cam".to_owned(),
            },
            CameraError::PermissionDenied("13".to_owned()),
            CameraError::UnsupportedFormat("GRAY".to_owned()),
        ] {
            let (camera, decide) = camera(quick());
            decide.send(Err(fault.clone())).unwrap();
            let status = until(&camera, |status| *status != CameraStatus::Opening);
            assert_eq!(
                status,
                CameraStatus::Broken {
                    reason: fault.to_string()
                }
            );
            let device = plugged_in(&decide);
            device.send(Step::Frame(1)).unwrap();
            assert!(camera.wait_newer(0, LONG).is_some());
        }
    }

    #[test]
    fn a_camera_that_worked_may_be_off_the_list_for_a_moment() {
        let (camera, decide) = camera(quick());
        let device = plugged_in(&decide);
        device.send(Step::Frame(1)).unwrap();
        camera.wait_newer(0, LONG).unwrap();
        drop(device);
        for _ in 0..GONE_FOR_GOOD - 1 {
            decide.send(Err(CameraError::NoDevice)).unwrap();
        }
        let reason = CameraError::NoDevice.to_string();
        until(
            &camera,
            |status| matches!(status, CameraStatus::Lost { reason: why, .. } if *why == reason),
        );
        decide.send(Err(CameraError::NoDevice)).unwrap();
        until(&camera, |status| matches!(status, CameraStatus::Broken { .. }));
    }

    #[test]
    fn the_pauses_double_up_to_their_limit() {
        let timing = Timing {
            backoff_first: Duration::from_millis(10),
            backoff_max: Duration::from_millis(35),
            ..quick()
        };
        let (camera, decide) = camera(timing);
        let mut pauses = Vec::new();
        let mut last = None;
        while pauses.len() < 4 {
            let name = format!("fault {}", pauses.len());
            decide.send(Err(CameraError::Open(name.clone()))).unwrap();
            until(
                &camera,
                |status| matches!(status, CameraStatus::Lost { reason, .. } if reason.contains(&name)),
            );
            let Health::Lost { since, retry_at, .. } = camera.shared.lock().health else {
                continue;
            };
            last.get_or_insert(since);
            assert_eq!(last, Some(since), "lost since the first fault, not the last");
            pauses.push(retry_at);
        }
        // A pause ends before the next fault is set, so the ends are at least a pause apart.
        for (ends, least) in pauses.windows(2).zip([20, 35, 35]) {
            assert!(ends[1] - ends[0] >= Duration::from_millis(least));
        }
    }

    #[test]
    fn dropping_does_not_wait_for_a_device_that_hangs() {
        for frames_first in [0, 3] {
            let (camera, decide) = camera(quick());
            let device = plugged_in(&decide);
            let (_never, gate) = mpsc::channel();
            for level in 0..frames_first {
                device.send(Step::Frame(level)).unwrap();
            }
            device.send(Step::Hangs(gate)).unwrap();
            if frames_first > 0 {
                camera.wait_newer(0, LONG).unwrap();
            }
            drop(camera);
        }
        let (camera, _decide) = camera(quick());
        drop(camera);
    }

    #[test]
    fn a_source_is_closed_before_it_is_opened_again_and_when_the_camera_goes() {
        struct Counted(Arc<AtomicU32>, u8);
        impl Source for Counted {
            fn next_frame(&mut self) -> Result<Frame, CameraError> {
                self.1 += 1;
                if self.1 > 3 {
                    Err(CameraError::Read("glitch".to_owned()))
                } else {
                    Ok(picture(self.1))
                }
            }
        }
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let open_now = Arc::new(AtomicU32::new(0));
        let counted = open_now.clone();
        let timing = Timing {
            close: LONG,
            ..quick()
        };
        let camera = Camera::start_with(
            move || {
                assert_eq!(
                    counted.fetch_add(1, Ordering::SeqCst),
                    0,
                    "opened while still open"
                );
                Ok(Box::new(Counted(counted.clone(), 0)))
            },
            timing,
        );
        let frame = camera.wait_newer(12, LONG).unwrap();
        assert!(frame.sequence() > 12, "five openings later");
        drop(camera);
        assert_eq!(open_now.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn pictures_stream_like_a_camera() {
        let folder = tempfile::tempdir().unwrap();
        for level in [10, 20] {
            image::GrayImage::from_pixel(4, 4, image::Luma([level]))
                .save(folder.path().join(format!("{level}.png")))
                .unwrap();
        }
        let camera = Camera::start(SourceSpec::Pictures {
            path: folder.path().to_owned(),
            fps: 200,
        });
        // On a busy machine one picture may be missed many times; in the end each is seen.
        let (mut seen, mut last) = (std::collections::BTreeSet::new(), 0);
        let start = Instant::now();
        while seen.len() < 2 && start.elapsed() < LONG {
            let frame = camera.wait_newer(last, LONG).unwrap();
            assert!(frame.sequence() > last);
            last = frame.sequence();
            seen.insert(frame.to_rgb().unwrap().get_pixel(0, 0).0[0]);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [10, 20]);
        let missing = Camera::start(SourceSpec::Pictures {
            path: folder.path().join("none"),
            fps: 1,
        });
        until(&missing, |status| matches!(status, CameraStatus::Broken { .. }));
    }
}
