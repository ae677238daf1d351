//! The third reader, rqrr, kept at arm's length.
//!
//! rqrr 0.11 reads a few codes that zxing-cpp does not, but it can panic, and on some pictures it does
//! not come back for minutes. It lives on its own long-lived thread: a panic ends one answer, a stall
//! ends the thread's usefulness, and neither ends the scan. A stalled thread cannot be stopped, only
//! left behind; how many may be left behind at once is bounded, and one that comes back counts again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use image::GrayImage;

use crate::CodeText;

/// Threads that may hang at once before the third reader is given up until one of them returns. Each
/// burns a core while it stalls.
const MOST_LEFT_BEHIND: usize = 2;

/// A reader for plain frames. Private: the tests put one here that panics or never comes back.
pub(crate) trait PlainReader {
    fn read(&mut self, luma: &GrayImage) -> Vec<PlainFound>;
}

/// A code as the third reader gives it.
pub(crate) struct PlainFound {
    pub(crate) text: CodeText,
    pub(crate) corners: [[f32; 2]; 4],
}

/// rqrr itself. Frames go in as they are: enlarged or thresholded ones are what makes it stall.
pub(crate) struct Rqrr;

impl PlainReader for Rqrr {
    fn read(&mut self, luma: &GrayImage) -> Vec<PlainFound> {
        let (width, height) = (luma.width() as usize, luma.height() as usize);
        let samples = luma.as_raw();
        let mut prepared =
            rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| samples[y * width + x]);
        prepared
            .detect_grids()
            .iter()
            .filter_map(|grid| {
                let mut bytes = zeroize::Zeroizing::new(Vec::new());
                grid.decode_to(&mut *bytes).ok()?;
                Some(PlainFound {
                    text: CodeText::from(bytes.as_slice()),
                    corners: grid.bounds.map(|point| [point.x as f32, point.y as f32]),
                })
            })
            .collect()
    }
}

type Make = dyn Fn() -> Box<dyn PlainReader> + Send + Sync;

/// The thread with the third reader, and the memory of those left behind.
pub(crate) struct Third {
    make: Arc<Make>,
    worker: Option<Worker>,
    left_behind: Arc<AtomicUsize>,
    /// A job older than this has stalled.
    patience: Duration,
}

struct Worker {
    jobs: SyncSender<(u64, GrayImage)>,
    answers: Receiver<(u64, Vec<PlainFound>)>,
    busy_since: Option<Instant>,
    last_job: u64,
    /// Set when nobody waits for this thread any more.
    forgotten: Arc<AtomicBool>,
}

impl Third {
    pub(crate) fn new(
        make: impl Fn() -> Box<dyn PlainReader> + Send + Sync + 'static,
        patience: Duration,
    ) -> Self {
        Self {
            make: Arc::new(make),
            worker: None,
            left_behind: Arc::default(),
            patience,
        }
    }

    /// What the reader says of this frame within `wait`; nothing if it panicked, is still at an earlier
    /// frame, or did not finish. A late answer is thrown away: it belongs to a frame, perhaps to a
    /// student, that is gone.
    pub(crate) fn read(&mut self, luma: &GrayImage, wait: Duration) -> Vec<PlainFound> {
        self.forget_if_stalled();
        if self.worker.is_none() {
            self.worker = self.hire();
        }
        let Some(worker) = &mut self.worker else {
            return Vec::new();
        };
        if worker.busy_since.is_some() {
            return Vec::new();
        }
        worker.last_job += 1;
        let job = worker.last_job;
        if worker.jobs.try_send((job, luma.clone())).is_err() {
            self.worker = None;
            return Vec::new();
        }
        worker.busy_since = Some(Instant::now());
        match worker.answers.recv_timeout(wait) {
            Ok((_, found)) => {
                worker.busy_since = None;
                found
            }
            Err(RecvTimeoutError::Timeout) => {
                self.forget_if_stalled();
                Vec::new()
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.worker = None;
                Vec::new()
            }
        }
    }

    /// Takes a late answer off the thread's hands, or leaves the thread behind if it has stalled.
    fn forget_if_stalled(&mut self) {
        let Some(worker) = &mut self.worker else { return };
        let Some(since) = worker.busy_since else { return };
        if worker.answers.try_recv().is_ok() {
            worker.busy_since = None;
        } else if since.elapsed() >= self.patience {
            self.left_behind.fetch_add(1, Ordering::SeqCst);
            worker.forgotten.store(true, Ordering::SeqCst);
            self.worker = None;
            tracing::warn!("the third code reader has stalled and was replaced");
        }
    }

    fn hire(&self) -> Option<Worker> {
        if self.left_behind.load(Ordering::SeqCst) >= MOST_LEFT_BEHIND {
            return None;
        }
        let (jobs, job_queue) = sync_channel::<(u64, GrayImage)>(1);
        let (answer, answers) = sync_channel(1);
        let forgotten = Arc::new(AtomicBool::new(false));
        let farewell = Farewell {
            left_behind: self.left_behind.clone(),
            forgotten: forgotten.clone(),
        };
        let make = self.make.clone();
        let work = move || {
            let _farewell = farewell;
            let mut reader = make();
            for (job, luma) in job_queue {
                let found = catch_unwind(AssertUnwindSafe(|| reader.read(&luma))).unwrap_or_else(|_| {
                    tracing::warn!("the third code reader panicked on a frame; the frame is skipped");
                    // Its state after a panic is anyone's guess.
                    reader = make();
                    Vec::new()
                });
                if answer.send((job, found)).is_err() {
                    break;
                }
            }
        };
        match thread::Builder::new().name("code-third".to_owned()).spawn(work) {
            Ok(_) => Some(Worker {
                jobs,
                answers,
                busy_since: None,
                last_job: 0,
                forgotten,
            }),
            Err(error) => {
                tracing::warn!(%error, "no thread for the third code reader");
                None
            }
        }
    }

    #[cfg(test)]
    fn left_behind(&self) -> usize {
        self.left_behind.load(Ordering::SeqCst)
    }
}

/// Gives a stalled thread's place back when it does come to an end.
struct Farewell {
    left_behind: Arc<AtomicUsize>,
    forgotten: Arc<AtomicBool>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        if self.forgotten.load(Ordering::SeqCst) {
            self.left_behind.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    const LONG: Duration = Duration::from_secs(20);

    fn frame() -> GrayImage {
        GrayImage::new(64, 64)
    }

    fn answer(text: &str) -> Vec<PlainFound> {
        vec![PlainFound {
            text: CodeText::from(text),
            corners: [[0.0; 2]; 4],
        }]
    }

    /// Reads "ok", but panics on its first frame.
    struct Panics(Arc<AtomicUsize>);

    impl PlainReader for Panics {
        fn read(&mut self, _: &GrayImage) -> Vec<PlainFound> {
            assert!(
                self.0.fetch_add(1, Ordering::SeqCst) > 0,
                "a frame it does not like"
            );
            answer("ok")
        }
    }

    #[test]
    fn a_panicking_reader_costs_one_frame() {
        let reads = Arc::new(AtomicUsize::new(0));
        let mut third = Third::new(move || Box::new(Panics(reads.clone())), LONG);
        assert!(third.read(&frame(), LONG).is_empty());
        let found = third.read(&frame(), LONG);
        assert_eq!(found[0].text.expose(), b"ok");
        assert_eq!(third.left_behind(), 0);
    }

    #[derive(Default)]
    struct Gate {
        open: Mutex<bool>,
        opened: Condvar,
    }

    /// Does not come back before the gate is opened.
    struct Stalls(Arc<Gate>);

    impl PlainReader for Stalls {
        fn read(&mut self, _: &GrayImage) -> Vec<PlainFound> {
            let mut open = self.0.open.lock().unwrap();
            while !*open {
                open = self.0.opened.wait(open).unwrap();
            }
            answer("late")
        }
    }

    #[test]
    fn stalled_readers_are_left_behind_up_to_a_bound_and_counted_again_when_they_return() {
        let gate = Arc::new(Gate::default());
        let for_threads = gate.clone();
        let mut third = Third::new(move || Box::new(Stalls(for_threads.clone())), Duration::ZERO);
        for _ in 0..10 {
            assert!(third.read(&frame(), Duration::from_millis(1)).is_empty());
        }
        assert_eq!(
            third.left_behind(),
            MOST_LEFT_BEHIND,
            "no thread after thread into the same hole"
        );

        *gate.open.lock().unwrap() = true;
        gate.opened.notify_all();
        while third.left_behind() > 0 {
            thread::yield_now();
        }
        third.patience = LONG;
        assert_eq!(
            third.read(&frame(), LONG)[0].text.expose(),
            b"late",
            "it works again"
        );
    }

    #[test]
    fn an_answer_that_comes_late_is_not_given_for_a_later_frame() {
        let gate = Arc::new(Gate::default());
        let for_threads = gate.clone();
        let mut third = Third::new(move || Box::new(Stalls(for_threads.clone())), LONG);
        assert!(third.read(&frame(), Duration::ZERO).is_empty(), "still at work");
        assert!(
            third.read(&frame(), Duration::ZERO).is_empty(),
            "busy: the frame is skipped"
        );
        *gate.open.lock().unwrap() = true;
        gate.opened.notify_all();
        // The late answer is taken off and dropped; only then does a new frame get its own answer.
        while third
            .worker
            .as_ref()
            .is_some_and(|worker| worker.busy_since.is_some())
        {
            third.forget_if_stalled();
            thread::yield_now();
        }
        assert_eq!(third.worker.as_ref().map(|worker| worker.last_job), Some(1));
        assert_eq!(third.read(&frame(), LONG).len(), 1);
    }
}
