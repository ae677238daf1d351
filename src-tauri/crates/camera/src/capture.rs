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
        if matches!(spec, SourceSpec::VirtualBooth { .. }) {
            // It renders an act when it is first asked for, and that must be allowed to take its time.
            timing.open = Duration::from_mins(2);
            timing.frame = Duration::from_mins(2);
        }
        Self::start_with(move || source::open(&spec), timing)
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

    fn publish(&mut self, frame: Frame) {
        let now = Instant::now();
        self.sequence += 1;
        self.newest = Some(frame.numbered(self.sequence));
        self.last_sign = Some(now);
        self.streaming_since.get_or_insert(now);
        self.arrivals.push_back(now);
        if self.arrivals.len() > RATE_FRAMES {
            self.arrivals.pop_front();
        }
        self.health = Health::Streaming;
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

/// Reads until something fails or another worker is in charge.
fn read_frames(shared: &Shared, open: &Mutex<Open>, generation: u64) -> CameraError {
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
            return CameraError::Read("not wanted any more".to_owned());
        }
        match next {
            Ok(frame) => {
                state.publish(frame);
                drop(state);
                shared.frames.notify_all();
            }
            // One damaged frame is nothing; nothing but damaged frames is a stall, and the watcher's.
            Err(error @ CameraError::BadFrame(_)) => tracing::debug!(%error, "frame skipped"),
            Err(error) => return error,
        }
    }
}
