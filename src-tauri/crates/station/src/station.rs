//! The station put together: a camera, the records and a vendor's backend around the visit's state machine.
//!
//! One task owns the [`Machine`]; everything else only sends it events. Effects run beside it and answer with
//! events, so a slow network or disk never stops the pages.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use camera::{Camera, SourceSpec};
use code::{CodeText, Pattern};
use jiff::{SignedDuration, Timestamp};
use portrait::{Models, Spec};
use records::{Key, KeyPlace, RecordsError, Store, VisitOutcome};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use uuid::Uuid;
use vendor::{Client, Profile, PublicKey, StationKey, VendorError};

use crate::backend;
use crate::card::CardSlot;
use crate::config::Booth;
use crate::config::Config;
use crate::darkroom::{Darkroom, PlateTaker, Rooms, StillRoom};
use crate::errand::Errands;
use crate::front::Front;
use crate::night;
use crate::only::{Only, OnlyError};
use crate::pace::{Pace, Sending};
use crate::place::Place;
use crate::printout::Counter;
use crate::rehearsal::Rehearsal;
use crate::revoked;
use crate::staff::Lock;
use crate::studio::Studio;
use crate::sync::{Courier, Round};
use crate::tether::Tether;
use crate::timing::Timing;
use crate::view::{
    Action, CameraView, Comfort, Guidance, OutOfService, PhotographerView, Progress, Support, View,
};
use crate::visit::{Event, Machine};
use crate::watching::{Eyes, Lens, Wanted};

/// Names of the settings kept in the encrypted records.
pub(crate) mod setting {
    pub(crate) const STATION_KEY: &str = "station-key";
    /// The key that is to take its place, once the backend knows it.
    pub(crate) const NEXT_STATION_KEY: &str = "station-key.next";
    pub(crate) const STATION_ID: &str = "station-id";
    /// There while the station is revoked.
    pub(crate) const REVOKED: &str = "revoked";
    /// When the newest revocation it ever heard was made: an older one that somebody kept is not taken again.
    pub(crate) const REVOCATION_HEARD: &str = "revocation.heard";
    pub(crate) const RECEIPT_KEY: &str = "receipt-key";
    pub(crate) const PROFILE: &str = "profile";
    /// What opens bundles that are sealed to this station.
    pub(crate) const BUNDLE_IDENTITY: &str = "bundle-identity";
    /// To whom the vendor has its bundles sealed, where a revoked station has dropped the profile that says so.
    pub(crate) const BUNDLE_RECIPIENT: &str = "bundle-recipient";
    pub(crate) const STAFF_PIN: &str = "staff-pin";
    /// What the staff's card says, hashed.
    pub(crate) const STAFF_CARD: &str = "staff-card";
    /// Wrong staff PINs in a row.
    pub(crate) const WRONG_PINS: &str = "staff-pin.wrong";
    /// When the backend last confirmed the profile.
    pub(crate) const PROFILE_AT: &str = "profile.at";
    /// When the last backup was made, and why the last try was none.
    pub(crate) const BACKUP_AT: &str = "backup.at";
    pub(crate) const BACKUP_TROUBLE: &str = "backup.trouble";
    /// When the station last tried whether it can write at all.
    pub(crate) const WRITTEN_AT: &str = "written.at";
    /// How the sending went when somebody last wrote it down, as JSON: for other programs beside this one.
    pub(crate) const SENDING: &str = "sending";
}

/// What a station is opened with.
pub struct Options {
    /// Its folder: `station.toml`, the records, and the key where there is no keyring.
    pub data: PathBuf,
    /// Its settings.
    pub config: Config,
    /// Keep a new database key in a file instead of the operating system's keyring: for rehearsals and tests.
    pub key_in_file: bool,
    /// The camera and the vision models; `None` for a station without eyes (the command line).
    pub eyes: Option<(SourceSpec, Arc<Models>)>,
    /// Activation code for the first enrolment.
    pub activation: Option<String>,
    /// Who comes to the virtual booth.
    pub rehearsal: Option<Rehearsal>,
}

/// Why the station could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// The records.
    #[error("the records: {0}")]
    Records(#[from] RecordsError),
    /// The backend.
    #[error("the vendor's backend: {0}")]
    Backend(#[from] VendorError),
    /// A key could not be made or read.
    #[error("the station's key: {0}")]
    Key(#[from] vendor::key::KeyError),
    /// The set-up is wrong.
    #[error("{0}")]
    SetUp(String),
    /// No backend was named.
    #[error("no backend is set: give --backend URL once, or write it into station.toml")]
    NoBackend,
    /// A pin in `station.toml` is none.
    #[error("backend-pins in station.toml: {0}")]
    Pin(#[from] vendor::trust::NoPin),
    /// No profile of this name.
    #[error("there is no vendor profile named {0}")]
    NoSuchProfile(String),
    /// No photo standard of this name.
    #[error("there is no photo standard named {0}")]
    NoSuchSpec(String),
    /// A profile's code pattern cannot be used.
    #[error("the profile's code pattern: {0}")]
    Pattern(#[from] code::CodeError),
    /// Another process serves from this folder.
    #[error(transparent)]
    NotAlone(#[from] OnlyError),
    /// A thread could not be started, or a task was stopped.
    #[error("the operating system: {0}")]
    System(String),
}

/// The station. Cloning gives another handle on the same one; with the last handle it stops.
#[derive(Clone)]
pub struct Station(Arc<Handle>);

struct Handle {
    inner: Shared,
    /// Held by whoever serves.
    _only: Option<Only>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::Release);
        self.inner.wake_sync.notify_waiters();
    }
}

/// How the station stands with its backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never enrolled.
    Stranger,
    /// Enrolled: it may send and ask.
    Enrolled,
    /// Shut out by the vendor. It keeps its records and takes no visits until a new activation code lets it in.
    Revoked,
}

impl Standing {
    /// Why nobody is served, if so.
    pub(crate) fn closed(self) -> Option<OutOfService> {
        match self {
            Standing::Enrolled => None,
            Standing::Stranger => Some(OutOfService::NotEnrolled),
            Standing::Revoked => Some(OutOfService::Revoked),
        }
    }
}

/// What every task of the station shares.
pub(crate) type Shared = Arc<Inner>;

pub(crate) struct Inner {
    pub(crate) data: PathBuf,
    pub(crate) key_place: KeyPlace,
    pub(crate) place: Place,
    pub(crate) config: Config,
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) client: RwLock<Client>,
    pub(crate) camera: Option<Arc<Camera>>,
    pub(crate) darkroom: Option<Darkroom>,
    /// Develops what a tethered camera sends.
    pub(crate) still_room: Option<StillRoom>,
    /// Light and wall, in a photographer's booth with eyes.
    pub(crate) studio: Option<Arc<Studio>>,
    /// Takes a picture of the empty wall; may block.
    pub(crate) plate_taker: Option<PlateTaker>,
    pub(crate) tether: Option<Arc<Tether>>,
    /// The last photos of a photographer's booth, newest first, each with its record's id.
    pub(crate) last_photos: Mutex<Vec<(Uuid, Vec<u8>)>>,
    pub(crate) lens: Arc<RwLock<Lens>>,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) view: watch::Sender<View>,
    pub(crate) guidance: broadcast::Sender<Guidance>,
    pub(crate) candidates: Mutex<Vec<(u32, Vec<u8>)>>,
    pub(crate) payment_url: Mutex<Option<String>>,
    pub(crate) sheet: Mutex<String>,
    pub(crate) counter: Counter,
    pub(crate) timing: Arc<Mutex<Timing>>,
    /// Number of the last frame that was handed to a page.
    pub(crate) previewed: AtomicU64,
    pub(crate) wake_sync: Notify,
    pub(crate) online: AtomicBool,
    standing: Mutex<Standing>,
    pub(crate) pace: Mutex<Pace>,
    pub(crate) pin_lock: tokio::sync::Mutex<Lock>,
    pub(crate) card: CardSlot,
    pub(crate) errands: Errands,
    /// A camera staff look through before they choose it, and by which set-up.
    pub(crate) trial: Mutex<Option<(Config, Camera)>>,
    clock_drift: Mutex<Option<SignedDuration>>,
    stop: Arc<AtomicBool>,
}

/// Whose visit was cut off for longer than this does not stand there any more.
const STILL_THERE: SignedDuration = SignedDuration::from_mins(15);
/// How long the serving station waits for a command that writes beside it: a student stands there.
const PATIENCE: Duration = Duration::from_secs(3);

impl Inner {
    /// Runs on the records, off the async threads.
    pub(crate) async fn records<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> records::Result<T> + Send + 'static,
    ) -> Result<T, StationError> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || {
            // A panic elsewhere cannot leave a transaction half done: SQLite rolled it back.
            work(&mut store.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
        .map_err(|error| StationError::System(error.to_string()))?
        .map_err(StationError::from)
    }

    pub(crate) fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_online(&self, online: bool) {
        self.online.store(online, Ordering::Release);
    }

    /// The backend has told its time, in a reply that just came.
    pub(crate) fn clock_told(&self, server_time: Timestamp) {
        let drift = server_time.duration_since(Timestamp::now()).abs();
        *self.clock_drift.lock().unwrap_or_else(PoisonError::into_inner) = Some(drift);
    }

    /// The backend has taken a signed request: the clocks agree.
    pub(crate) fn clock_agrees(&self) {
        *self.clock_drift.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn clock_drift(&self) -> Option<SignedDuration> {
        *self.clock_drift.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_standing(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    pub(crate) fn is_enrolled(&self) -> bool {
        self.standing() == Standing::Enrolled
    }

    fn eyes(&self, camera: Arc<Camera>, models: Arc<Models>) -> Eyes {
        Eyes {
            camera,
            models,
            lens: Arc::clone(&self.lens),
            wanted: Arc::clone(&self.wanted),
            events: self.events.clone(),
            guidance: self.guidance.clone(),
            studio: self.studio.clone(),
            timing: Arc::clone(&self.timing),
            stop: Arc::clone(&self.stop),
        }
    }

    /// How long people wait.
    pub(crate) fn timing(&self) -> std::sync::MutexGuard<'_, Timing> {
        self.timing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sync loop's own speed.
    pub(crate) fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the sending goes.
    pub(crate) async fn sending(&self) -> Result<Sending, StationError> {
        let (counts, next_due) = self
            .records(|store| Ok((store.counts()?, store.next_try_at()?)))
            .await?;
        Ok(self
            .pace()
            .reading(Instant::now(), Timestamp::now(), counts.waiting(), next_due))
    }

    /// Tells the front how far a record is.
    pub(crate) fn tell(&self, record_id: Uuid, progress: Progress, receipt: Option<String>) {
        let _ = self.events.send(Event::Progress {
            record_id,
            progress,
            receipt,
        });
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

impl Station {
    /// Opens the station: records first, then the camera, then the loops. A backend that does not answer
    /// does not keep it closed once it was enrolled.
    ///
    /// # Errors
    /// When the records, the profile or the photo standard cannot be used.
    pub async fn open(options: Options) -> Result<Station, StationError> {
        Station::open_with(options, None).await
    }

    /// Opens a station whose photos come from `darkroom` and whose codes come by [`Station::code_read`] instead
    /// of from a camera: for a hand scanner and a photographer's own camera, and for tests of thousands of visits.
    ///
    /// # Errors
    /// As [`Station::open`].
    pub async fn open_with(options: Options, darkroom: Option<Darkroom>) -> Result<Station, StationError> {
        // A station without eyes is a command beside the one that serves.
        let serves = options.eyes.is_some() || darkroom.is_some();
        let (mut store, key_place, only, interrupted) = open_records(&options, serves).await?;
        if serves {
            store.set_patience(PATIENCE)?;
        }
        let store = Arc::new(Mutex::new(store));
        let known = {
            let store = Arc::clone(&store);
            blocking(move || Known::read(&mut store.lock().unwrap_or_else(PoisonError::into_inner))).await??
        };
        let config = options.config;
        if config.backend.is_empty() {
            return Err(StationError::NoBackend);
        }
        let trust = config.trust()?;
        let mut client = Client::with_trust(&config.backend, known.key, config.timeouts(), &trust)?;
        if let Some(key) = known.receipt_key {
            client = client.with_receipt_key(key);
        }
        let profile = match known.profile {
            Some(profile) => profile,
            None => Profile::built_in(&config.profile)
                .ok_or_else(|| StationError::NoSuchProfile(config.profile.clone()))?,
        };
        let lens = Lens {
            pattern: Pattern::new(&profile.code_pattern)?,
            spec: spec_for(&config, &profile)?,
        };
        let countdown = SignedDuration::from_secs(config.countdown.into());
        let tethered = config.tethered_folder();
        let mut machine = Machine::new(profile, Uuid::now_v7)
            .with_countdown(countdown)
            .with_booth(config.booth, tethered.is_some());
        if interrupted {
            machine.was_interrupted(Timestamp::now());
        }
        if let Some(reason) = known.standing.closed() {
            machine.handle(Event::Service(Some(reason)), Timestamp::now());
        }
        let eyes = options
            .eyes
            .map(|(source, models)| (Arc::new(Camera::start(source)), models));
        let rooms = Rooms::of(&config, &options.data, eyes.as_ref());
        let darkroom = darkroom.or(rooms.darkroom);
        let (events, inbox) = mpsc::unbounded_channel();
        let first_view = first_view(&machine, &config.comfort());
        let inner = Arc::new(Inner {
            place: Place::of(&options.data),
            data: options.data,
            key_place,
            config,
            store,
            client: RwLock::new(client),
            camera: eyes.as_ref().map(|(camera, _)| Arc::clone(camera)),
            darkroom,
            still_room: rooms.still_room,
            studio: rooms.studio,
            plate_taker: rooms.plate_taker,
            tether: tethered.is_some().then(Arc::default),
            last_photos: Mutex::default(),
            lens: Arc::new(RwLock::new(lens)),
            wanted: Arc::default(),
            view: watch::channel(first_view).0,
            guidance: broadcast::channel(8).0,
            events,
            candidates: Mutex::default(),
            payment_url: Mutex::default(),
            sheet: Mutex::new(machine.profile().sheet.clone()),
            counter: Counter::default(),
            timing: Arc::default(),
            previewed: AtomicU64::new(0),
            wake_sync: Notify::new(),
            online: AtomicBool::new(false),
            standing: Mutex::new(known.standing),
            pace: Mutex::default(),
            pin_lock: tokio::sync::Mutex::new(Lock::after(known.wrong_pins, Instant::now())),
            card: CardSlot::default(),
            errands: Errands::default(),
            trial: Mutex::default(),
            clock_drift: Mutex::default(),
            stop: Arc::default(),
        });
        if let Some((camera, models)) = eyes {
            inner
                .eyes(camera, models)
                .open()
                .map_err(|error| StationError::System(error.to_string()))?;
        }
        open_tether(&inner, tethered.as_deref())?;
        if inner.darkroom.is_some() {
            tokio::spawn(Front::new(Arc::clone(&inner), machine, options.rehearsal).run(inbox));
            tokio::spawn(backend::keep_synced(Arc::clone(&inner)));
            if let Some(folder) = inner.config.backups() {
                tokio::spawn(night::keep_backed_up(Arc::clone(&inner), folder));
            }
        }
        tokio::spawn(backend::join(Arc::clone(&inner), options.activation));
        Ok(Station(Arc::new(Handle { inner, _only: only })))
    }

    pub(crate) fn inner(&self) -> &Shared {
        &self.0.inner
    }

    /// The screen as it stands.
    pub fn view(&self) -> View {
        self.inner().view.borrow().clone()
    }

    /// The screen, followed.
    pub fn views(&self) -> watch::Receiver<View> {
        self.inner().view.subscribe()
    }

    /// The framing guidance, followed.
    pub fn guidance(&self) -> broadcast::Receiver<Guidance> {
        self.inner().guidance.subscribe()
    }

    /// A person did something.
    pub fn act(&self, action: Action) {
        let _ = self.inner().events.send(Event::Act(action));
    }

    /// A hand scanner, or whoever holds the codes, has read this one.
    pub fn code_read(&self, text: CodeText) {
        let lens = &self.inner().lens;
        let kind = code::classify(
            &text,
            &lens.read().unwrap_or_else(PoisonError::into_inner).pattern,
        );
        let _ = self.inner().events.send(Event::Code(kind, text));
    }

    /// A finished photo of the visit under way.
    pub fn candidate(&self, id: u32) -> Option<Vec<u8>> {
        let candidates = self
            .inner()
            .candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        candidates
            .iter()
            .find(|(i, _)| *i == id)
            .map(|(_, jpeg)| jpeg.clone())
    }

    /// One of the last photos of a photographer's booth.
    pub fn last_photo(&self, id: &str) -> Option<Vec<u8>> {
        let photos = self
            .inner()
            .last_photos
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        photos
            .iter()
            .find(|(i, _)| i.to_string() == id)
            .map(|(_, jpeg)| jpeg.clone())
    }

    /// The address behind the payment code on the page: what a telephone would open.
    pub fn payment_url(&self) -> Option<String> {
        self.inner()
            .payment_url
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The print sheet of the profile in force, a name in `assets/sheets/`.
    pub fn sheet_name(&self) -> String {
        self.inner()
            .sheet
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Looks at the outbox and the backend now.
    pub fn sync_soon(&self) {
        self.inner().wake_sync.notify_one();
    }

    /// Tries everything that is due once and fetches what was decided.
    ///
    /// # Errors
    /// When the records fail; a backend that does not answer is told in the [`Round`].
    pub async fn sync_once(&self) -> Result<Round, StationError> {
        Courier::new(Arc::clone(self.inner())).once().await
    }

    /// How the sending goes.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn sending(&self) -> Result<Sending, StationError> {
        self.inner().sending().await
    }

    /// Waits until the station is enrolled, at most so long; whether it is.
    pub async fn enrolled_within(&self, patience: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        while !self.inner().is_enrolled() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.inner().is_enrolled()
    }

    /// How the station stands with its backend.
    pub fn standing(&self) -> Standing {
        self.inner().standing()
    }

    /// Runs on the records.
    ///
    /// # Errors
    /// What `work` says.
    pub async fn with_records<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> records::Result<T> + Send + 'static,
    ) -> Result<T, StationError> {
        self.inner().records(work).await
    }

    /// The client for the vendor's backend.
    pub fn client(&self) -> Client {
        self.inner().client()
    }
}

/// Looks at a tethered camera's folder, where there is one.
fn open_tether(inner: &Shared, folder: Option<&std::path::Path>) -> Result<(), StationError> {
    if let (Some(tether), Some(folder)) = (&inner.tether, folder) {
        tether
            .open(folder, inner.events.clone(), Arc::clone(&inner.stop))
            .map_err(StationError::SetUp)?;
    }
    Ok(())
}

/// Opens the records of a folder.
///
/// # Errors
/// As [`records::key::load_or_create`] and [`Store::open_in`].
pub fn open_store(data: &std::path::Path, key_in_file: bool) -> records::Result<(Store, KeyPlace)> {
    std::fs::create_dir_all(data).map_err(|source| RecordsError::File {
        path: data.to_path_buf(),
        source,
    })?;
    let (key, place): (Key, KeyPlace) = if key_in_file {
        records::key::load_or_create_file(data)?
    } else {
        records::key::load_or_create(data)?
    };
    Ok((Store::open_in(data, &key)?, place))
}

/// How the sending goes, as the program that sends last wrote it down, and when.
///
/// # Errors
/// When the records cannot be read.
pub fn sending(store: &Store, now: Timestamp) -> records::Result<(Sending, Option<Timestamp>)> {
    let waiting = store.counts()?.waiting();
    let kept = store
        .setting(setting::SENDING)?
        .and_then(|text| serde_json::from_str::<(Timestamp, Sending)>(&text).ok());
    Ok(match kept {
        Some((at, sending)) => (sending.as_of(now.duration_since(at), waiting), Some(at)),
        None => (Sending::default().as_of(SignedDuration::ZERO, waiting), None),
    })
}

/// Puts a backup in the place of a folder's records that are gone or damaged. No station may run on them.
///
/// # Errors
/// [`StationError::NotAlone`] while a station runs on them; as [`records::key::existing`] and [`records::backup::restore`].
pub fn restore(
    data: &std::path::Path,
    backup: &std::path::Path,
    now: Timestamp,
) -> Result<records::backup::Restored, StationError> {
    let _only = Only::here(data)?;
    let (key, _) = records::key::existing(data)?;
    Ok(records::backup::restore(data, backup, &key, now)?)
}

/// Gives a folder's records another key. No station may run on them.
///
/// # Errors
/// As [`records::rotate_key`]; [`StationError::NotAlone`].
pub fn rotate_key(data: &std::path::Path, now: Timestamp) -> Result<KeyPlace, StationError> {
    let _only = Only::here(data)?;
    Ok(records::rotate_key(data, now)?)
}

/// Opens the records. A station that serves takes its folder first; one for the command line does not, and leaves what
/// another program has under way alone.
async fn open_records(
    options: &Options,
    serves: bool,
) -> Result<(Store, KeyPlace, Option<Only>, bool), StationError> {
    let (data, key_in_file) = (options.data.clone(), options.key_in_file);
    blocking(move || {
        let only = match Only::here(&data) {
            Ok(only) => Some(only),
            Err(OnlyError::Taken(_)) if !serves => None,
            Err(error) => return Err(error.into()),
        };
        let (mut store, place) = open_store(&data, key_in_file)?;
        let mut interrupted = false;
        if only.is_some() {
            let now = Timestamp::now();
            // What a crash left in the middle: attempts of unknown outcome and visits without an end.
            store.recover(now)?;
            interrupted = store.close_interrupted_visits(now)?.iter().any(|visit| {
                let ago = now.duration_since(visit.started_at);
                visit.outcome == Some(VisitOutcome::Interrupted) && ago < STILL_THERE
            });
        }
        Ok((store, place, only.filter(|_| serves), interrupted))
    })
    .await?
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StationError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StationError::System(error.to_string()))
}

pub(crate) fn spec_for(config: &Config, profile: &Profile) -> Result<Arc<Spec>, StationError> {
    let name = if config.spec.is_empty() {
        &profile.spec
    } else {
        &config.spec
    };
    Spec::built_in(name)
        .map(Arc::new)
        .ok_or_else(|| StationError::NoSuchSpec(name.clone()))
}

/// What the station knew before this start.
struct Known {
    key: StationKey,
    standing: Standing,
    wrong_pins: u32,
    receipt_key: Option<PublicKey>,
    profile: Option<Profile>,
}

impl Known {
    fn read(store: &mut Store) -> Result<Known, StationError> {
        let kept = store
            .setting(setting::STATION_KEY)?
            .and_then(|text| from_hex(&text));
        let key = if let Some(bytes) = kept {
            StationKey::from_bytes(&bytes)
        } else {
            let key = StationKey::generate()?;
            let text = zeroize::Zeroizing::new(hex::encode(*key.to_bytes()));
            store.set_setting(setting::STATION_KEY, Some(&text))?;
            key
        };
        let receipt_key = store
            .setting(setting::RECEIPT_KEY)?
            .and_then(|text| from_hex(&text))
            .and_then(|bytes| PublicKey::from_bytes(&bytes).ok());
        let standing = if store.setting(setting::REVOKED)?.is_some() {
            // It may have been interrupted while it left.
            revoked::leave(store, Timestamp::now())?;
            Standing::Revoked
        } else if receipt_key.is_some() && store.setting(setting::STATION_ID)?.is_some() {
            Standing::Enrolled
        } else {
            Standing::Stranger
        };
        let profile = store
            .setting(setting::PROFILE)?
            .and_then(|text| serde_json::from_str::<Profile>(&text).ok())
            .filter(|profile| profile.validate().is_ok());
        let wrong_pins = store
            .setting(setting::WRONG_PINS)?
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        Ok(Known {
            key,
            standing,
            wrong_pins,
            receipt_key,
            profile,
        })
    }
}

pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

fn first_view(machine: &Machine, comfort: &Comfort) -> View {
    let profile = machine.profile();
    View {
        revision: 0,
        page: machine.page(Timestamp::now()),
        steps: machine.step_bar().0,
        current_step: None,
        seconds_left: None,
        school: String::new(),
        vendor: profile.name.clone(),
        support: Support {
            phone: profile.support.phone.clone(),
            hours: profile.support.hours.clone(),
        },
        online: false,
        camera: CameraView::Opening,
        rehearsal: false,
        waiting: 0,
        photographer: (machine.booth() == Booth::Photographer).then(PhotographerView::default),
        printouts: None,
        comfort: comfort.clone(),
    }
}

/// Days a delivered record stays here, as the profile in force says; `None` while none was fetched.
///
/// # Errors
/// When the records cannot be read.
pub fn retention_days(store: &Store) -> records::Result<Option<u32>> {
    let profile = store
        .setting(setting::PROFILE)?
        .and_then(|text| serde_json::from_str::<Profile>(&text).ok());
    Ok(profile.map(|profile| profile.retention_days))
}
