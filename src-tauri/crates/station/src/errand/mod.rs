//! Long work for staff: send again, export, purge, import, deliver. What it would do is told before it is done
//! ([`foresee`]); it runs beside the station, with a connection of its own, and tells how far it is.

mod foresee;
mod run;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use specta::Type;

use crate::staff::QueueFilter;
use crate::station::{Station, StationError};

pub use foresee::foresee;

/// Chinese and English.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// Both at once.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Words {
        Words {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// Which records are meant.
#[derive(Debug, Clone, Default, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Selection {
    /// These, unless `all` is given.
    pub ids: Vec<String>,
    /// Everything this filter finds, whatever its offset and limit.
    pub all: Option<QueueFilter>,
}

/// What is to be done.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Errand {
    /// Send records again as soon as possible.
    Retry {
        /// Which.
        which: Selection,
    },
    /// Write records into a bundle sealed to the vendor.
    Export {
        /// Which.
        which: Selection,
        /// The bundle's file.
        path: String,
    },
    /// Delete photos that were delivered and whose retention is over.
    Purge {
        /// Which.
        which: Selection,
    },
    /// Take in a bundle or a file of receipts.
    Import {
        /// The file.
        path: String,
    },
    /// Write the approved photos for the school.
    Deliver {
        /// The naming template.
        template: String,
        /// Folder, or a `.zip` file.
        path: String,
    },
}

/// The kind of an errand, for the page's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ErrandKind {
    /// Send again.
    Retry,
    /// A bundle out.
    Export,
    /// Delete what is delivered.
    Purge,
    /// A bundle or receipts in.
    Import,
    /// To the school.
    Deliver,
}

impl Errand {
    fn kind(&self) -> ErrandKind {
        match self {
            Errand::Retry { .. } => ErrandKind::Retry,
            Errand::Export { .. } => ErrandKind::Export,
            Errand::Purge { .. } => ErrandKind::Purge,
            Errand::Import { .. } => ErrandKind::Import,
            Errand::Deliver { .. } => ErrandKind::Deliver,
        }
    }
}

/// What an errand would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Foresight {
    /// Records it would take.
    pub takes: u32,
    /// Records it would leave, by the reason.
    pub leaves: Vec<Left>,
    /// The first few names or numbers it would take.
    pub examples: Vec<String>,
    /// Why it cannot be done at all; `None` where it can.
    pub hindrance: Option<Words>,
}

/// Records that are left, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Left {
    /// Why.
    pub why: Words,
    /// How many.
    pub count: u32,
    /// The numbers of the first few.
    pub examples: Vec<String>,
}

/// How an errand stands.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct ErrandView {
    /// What it is.
    pub kind: ErrandKind,
    /// Steps in all; 0 while that is not known.
    pub total: u32,
    /// Steps done.
    pub done: u32,
    /// Steps a minute so far.
    pub per_minute: Option<f64>,
    /// Seconds until the end at this speed.
    pub seconds_left: Option<u32>,
    /// True once it was told to stop.
    pub stopping: bool,
    /// How it ended; `None` while it goes on.
    pub ended: Option<Ended>,
}

/// How an errand ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Ended {
    /// Whether everything that was foreseen was done.
    pub well: bool,
    /// What was done, or why not.
    pub says: Words,
    /// What was left, by the reason.
    pub leaves: Vec<Left>,
}

/// The one errand at a time.
#[derive(Debug, Default)]
pub(crate) struct Errands(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    kind: ErrandKind,
    since: Instant,
    total: u32,
    done: u32,
    stopping: bool,
    ended: Option<Ended>,
}

impl Errands {
    fn held(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False while another one is under way.
    fn begin(&self, kind: ErrandKind) -> bool {
        let mut held = self.held();
        if held.as_ref().is_some_and(|running| running.ended.is_none()) {
            return false;
        }
        *held = Some(Running {
            kind,
            since: Instant::now(),
            total: 0,
            done: 0,
            stopping: false,
            ended: None,
        });
        true
    }

    /// How many steps there will be.
    fn expect(&self, total: usize) {
        if let Some(running) = self.held().as_mut() {
            running.total = u32::try_from(total).unwrap_or(u32::MAX);
        }
    }

    /// So many steps are done; false where it is to stop.
    fn reached(&self, done: u32) -> bool {
        self.held().as_mut().is_none_or(|running| {
            running.done = done;
            !running.stopping
        })
    }

    fn end(&self, ended: Ended) {
        if let Some(running) = self.held().as_mut() {
            running.ended = Some(ended);
        }
    }

    fn stop(&self) {
        if let Some(running) = self.held().as_mut() {
            running.stopping = true;
        }
    }

    /// Forgets one that has ended.
    fn clear(&self) {
        let mut held = self.held();
        if held.as_ref().is_some_and(|running| running.ended.is_some()) {
            *held = None;
        }
    }

    fn view(&self, now: Instant) -> Option<ErrandView> {
        self.held().as_ref().map(|running| {
            let seconds = now.saturating_duration_since(running.since).as_secs_f64();
            let going = running.ended.is_none() && running.done > 0 && seconds > 0.0;
            let rate = going.then(|| f64::from(running.done) / seconds);
            let left = f64::from(running.total.saturating_sub(running.done));
            ErrandView {
                kind: running.kind,
                total: running.total,
                done: running.done,
                per_minute: rate.map(|rate| rate * 60.0),
                seconds_left: rate
                    .filter(|_| running.total > 0)
                    .map(|rate| (left / rate).ceil().min(f64::from(u32::MAX)) as u32),
                stopping: running.stopping,
                ended: running.ended.clone(),
            }
        })
    }
}

impl Station {
    /// What an errand would do, before it is done.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn errand_foresee(&self, errand: Errand) -> Result<Foresight, StationError> {
        let now = jiff::Timestamp::now();
        // A view of its own: tens of thousands of records must not keep a student waiting.
        let reader = self.with_records(|store| store.reader()).await?;
        tokio::task::spawn_blocking(move || foresee(&reader, &errand, now))
            .await
            .map_err(|error| StationError::System(error.to_string()))?
            .map_err(StationError::from)
    }

    /// Begins an errand; false while another one is under way.
    ///
    /// # Errors
    /// When the records cannot be opened a second time.
    pub async fn errand_begin(&self, errand: Errand) -> Result<bool, StationError> {
        let mut beside = self.with_records(|store| store.beside()).await?;
        if !self.inner().errands.begin(errand.kind()) {
            return Ok(false);
        }
        let shared = Arc::clone(self.inner());
        tokio::task::spawn_blocking(move || {
            let ended = run::run(&mut beside, &errand, &shared.errands);
            shared.errands.end(ended);
            shared.wake_sync.notify_one();
        });
        Ok(true)
    }

    /// How the errand under way, or the last one, stands.
    pub fn errand(&self) -> Option<ErrandView> {
        self.inner().errands.view(Instant::now())
    }

    /// Stops the errand under way after the step it is at.
    pub fn errand_stop(&self) {
        self.inner().errands.stop();
    }

    /// Forgets an errand that has ended.
    pub fn errand_clear(&self) {
        self.inner().errands.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_errand_tells_its_speed_and_the_time_left_and_stops_when_told() {
        let errands = Errands::default();
        assert!(errands.view(Instant::now()).is_none());
        assert!(errands.begin(ErrandKind::Export));
        assert!(!errands.begin(ErrandKind::Purge), "one at a time");
        errands.expect(100);
        assert!(errands.reached(25));
        let since = errands.held().as_ref().unwrap().since;
        let view = errands.view(since + Duration::from_secs(10)).unwrap();
        assert_eq!((view.total, view.done, view.seconds_left), (100, 25, Some(30)));
        assert!((view.per_minute.unwrap() - 150.0).abs() < 1e-9);
        errands.stop();
        assert!(!errands.reached(26));
        errands.clear();
        assert!(errands.view(Instant::now()).is_some(), "it still goes on");
        errands.end(Ended {
            well: false,
            says: Words::default(),
            leaves: Vec::new(),
        });
        let view = errands.view(since + Duration::from_secs(11)).unwrap();
        assert_eq!((view.seconds_left, view.per_minute), (None, None));
        assert!(errands.begin(ErrandKind::Purge), "and the next one may begin");
    }
}
