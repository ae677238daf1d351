//! The way in: a station that cannot open yet stands behind a page that says why, and opens by itself.
//!
//! A lost key, a damaged or missing database, a disk that is away or read-only, another program in the folder: none of
//! them may leave a dead screen at a booth, and none is a reason to begin anew. [`Doorway::open`] shows what is wrong,
//! changes nothing, and tries again until it is mended.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use jiff::Timestamp;
use records::RecordsError;
use tokio::sync::{Notify, watch};
use vendor::Profile;

use crate::darkroom::Darkroom;
use crate::only::OnlyError;
use crate::station::{Options, Station, StationError};
use crate::view::{CameraView, Comfort, OutOfService, Page, Support, View};

/// Between two tries to open.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Why there is nothing to open a station with.
#[derive(Debug)]
pub enum Hindrance {
    /// Something is not there that may come: the page says so and it is tried again.
    Closed(OutOfService),
    /// The station is set up wrongly: only a person can mend it, in words for them.
    SetUp(String),
}

/// Says what a station is to be opened with, anew for each try.
pub type Prepare = Arc<dyn Fn() -> Result<Options, Hindrance> + Send + Sync>;

/// A station, or the page in its place.
#[derive(Clone)]
pub struct Doorway(Arc<Inner>);

struct Inner {
    closed: watch::Sender<View>,
    /// When it was first tried to open.
    since: Timestamp,
    station: OnceLock<Station>,
    opened: Notify,
    trouble: RwLock<String>,
}

/// What stands in the way, as the page says it; `None` where no waiting helps.
pub fn hindrance(error: &StationError) -> Option<OutOfService> {
    match error {
        StationError::Records(error) => Some(records_hindrance(error)),
        StationError::NotAlone(OnlyError::Taken(_)) => Some(OutOfService::InUse),
        StationError::NotAlone(OnlyError::File(..)) => Some(OutOfService::Storage),
        _ => None,
    }
}

/// Why records that cannot be opened are not, as the page says it.
pub fn records_hindrance(error: &RecordsError) -> OutOfService {
    match error {
        RecordsError::WrongKey { .. }
        | RecordsError::KeyLost { .. }
        | RecordsError::KeyFileMalformed { .. }
        | RecordsError::KeyringUnreachable { .. } => OutOfService::Key,
        RecordsError::DatabaseGone { .. } => OutOfService::Missing,
        RecordsError::Newer { .. } => OutOfService::Newer,
        RecordsError::NotOurs { .. } | RecordsError::Damaged { .. } => OutOfService::Damaged,
        RecordsError::Busy => OutOfService::InUse,
        // A full, read-only or failing disk, and whatever else the operating system says of a file.
        _ => OutOfService::Storage,
    }
}

impl Doorway {
    /// Opens the station, or stands in its place until it can be opened.
    ///
    /// # Errors
    /// Only where waiting cannot help: the set-up is wrong.
    pub async fn open(prepare: Prepare) -> Result<Doorway, StationError> {
        Doorway::open_with(prepare, None).await
    }

    /// As [`Station::open_with`].
    ///
    /// # Errors
    /// As [`Doorway::open`].
    pub async fn open_with(prepare: Prepare, darkroom: Option<Darkroom>) -> Result<Doorway, StationError> {
        let since = Timestamp::now();
        let inner = Arc::new(Inner {
            closed: watch::channel(closed_view("", OutOfService::Storage, since)).0,
            since,
            station: OnceLock::new(),
            opened: Notify::new(),
            trouble: RwLock::default(),
        });
        let doorway = Doorway(inner);
        if !doorway.0.try_to_open(&prepare, darkroom.clone()).await? {
            tokio::spawn(keep_trying(Arc::downgrade(&doorway.0), prepare, darkroom));
        }
        Ok(doorway)
    }

    /// The station, once it is open.
    pub fn station(&self) -> Option<Station> {
        self.0.station.get().cloned()
    }

    /// Waits for the station.
    pub async fn opened(&self) -> Station {
        loop {
            let opened = self.0.opened.notified();
            if let Some(station) = self.station() {
                return station;
            }
            // It may have opened between the look and the wait.
            tokio::select! {
                () = opened => {}
                () = tokio::time::sleep(AGAIN_AFTER) => {}
            }
        }
    }

    /// The screen as it stands.
    pub fn view(&self) -> View {
        self.station()
            .map_or_else(|| self.0.closed.borrow().clone(), |station| station.view())
    }

    /// The page in the station's place, followed until the station opens.
    pub fn closed_views(&self) -> watch::Receiver<View> {
        self.0.closed.subscribe()
    }

    /// Why the station is not open, in English for staff; empty where it is.
    pub fn trouble(&self) -> String {
        self.0
            .trouble
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Inner {
    /// Whether the station is open now. An error is one that no waiting mends.
    async fn try_to_open(&self, prepare: &Prepare, darkroom: Option<Darkroom>) -> Result<bool, StationError> {
        let (vendor, reason, words) = match prepare() {
            Err(Hindrance::SetUp(words)) => return Err(StationError::SetUp(words)),
            Err(Hindrance::Closed(reason)) => (String::new(), reason, format!("{reason:?}")),
            Ok(options) => {
                let vendor = options.config.profile.clone();
                match Station::open_with(options, darkroom).await {
                    Ok(station) => {
                        let _ = self.station.set(station);
                        self.say(String::new());
                        self.opened.notify_waiters();
                        return Ok(true);
                    }
                    Err(error) => match hindrance(&error) {
                        Some(reason) => (vendor, reason, error.to_string()),
                        None => return Err(error),
                    },
                }
            }
        };
        if self.say(words.clone()) {
            tracing::error!(why = words, "the station cannot open yet; nothing was changed");
        }
        self.closed.send_replace(closed_view(&vendor, reason, self.since));
        Ok(false)
    }

    /// True where this is something else than before.
    fn say(&self, words: String) -> bool {
        let mut trouble = self.trouble.write().unwrap_or_else(PoisonError::into_inner);
        let new = *trouble != words;
        *trouble = words;
        new
    }
}

/// Tries until the station is open or nobody waits for it any more.
async fn keep_trying(inner: Weak<Inner>, prepare: Prepare, darkroom: Option<Darkroom>) {
    loop {
        tokio::time::sleep(AGAIN_AFTER).await;
        let Some(inner) = inner.upgrade() else { return };
        match inner.try_to_open(&prepare, darkroom.clone()).await {
            Ok(true) => return,
            Ok(false) => {}
            // A person is still at it: the next try may read a better set-up.
            Err(error) => {
                if inner.say(error.to_string()) {
                    tracing::error!(%error, "the station cannot open yet");
                }
            }
        }
    }
}

/// The page while there is no station: with the support line of the profile it is set up with.
fn closed_view(profile: &str, reason: OutOfService, since: Timestamp) -> View {
    let profile = Profile::built_in(profile);
    let support = profile.as_ref().map(|profile| Support {
        phone: profile.support.phone.clone(),
        hours: profile.support.hours.clone(),
    });
    View {
        revision: 0,
        page: Page::OutOfService {
            reason,
            since: since.to_string(),
        },
        steps: Vec::new(),
        current_step: None,
        seconds_left: None,
        school: String::new(),
        vendor: profile.map(|profile| profile.name).unwrap_or_default(),
        support: support.unwrap_or_default(),
        online: true,
        camera: CameraView::Opening,
        rehearsal: false,
        waiting: 0,
        photographer: None,
        printouts: None,
        comfort: Comfort::default(),
    }
}
