//! The station put together: a camera, the records and a vendor's backend around the visit's state machine.
//!
//! One task owns the [`Machine`]; everything else only sends it events. Effects run beside it and answer with
//! events, so a slow network or disk never stops the pages.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use camera::{Camera, CameraStatus, SourceSpec};
use code::Pattern;
use jiff::Timestamp;
use portrait::{Models, Spec};
use records::{
    Key, KeyPlace, MaskedIdentity, NewRecord, Payment, RecordId, RecordsError, Store, VisitId, VisitOutcome,
};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use uuid::Uuid;
use vendor::api::{OrderRequest, OrderState, ResolveRequest};
use vendor::{Client, ProblemCode, Profile, PublicKey, SecretBytes, StationKey, Timeouts, VendorError};

use crate::config::Config;
use crate::darkroom;
use crate::rehearsal::Rehearsal;
use crate::sync::{Courier, Round, SOFTWARE};
use crate::view::{
    Action, CameraView, Guidance, NotPossible, OutOfService, Progress, SchoolCard, Support, View,
};
use crate::visit::{Effect, Ending, Event, Machine, OrderReply, Resolved, Visit};
use crate::watching::{Eyes, Lens, Wanted};

/// How often time passes for the pages.
const TICK: Duration = Duration::from_millis(100);
/// A camera away for longer than this closes the station for new visits.
const CAMERA_PATIENCE: Duration = Duration::from_secs(5);
/// How often the backend's profile is asked for again.
const PROFILE_EVERY: Duration = Duration::from_mins(10);
/// Between two tries to enrol or to fetch the first profile.
const JOIN_EVERY: Duration = Duration::from_secs(5);

/// Names of the settings kept in the encrypted records.
pub(crate) mod setting {
    pub(crate) const STATION_KEY: &str = "station-key";
    pub(crate) const STATION_ID: &str = "station-id";
    pub(crate) const RECEIPT_KEY: &str = "receipt-key";
    pub(crate) const PROFILE: &str = "profile";
    pub(crate) const STAFF_PIN: &str = "staff-pin";
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
    /// No backend was named.
    #[error("no backend is set: give --backend URL once, or write it into station.toml")]
    NoBackend,
    /// No profile of this name.
    #[error("there is no vendor profile named {0}")]
    NoSuchProfile(String),
    /// No photo standard of this name.
    #[error("there is no photo standard named {0}")]
    NoSuchSpec(String),
    /// A profile's code pattern cannot be used.
    #[error("the profile's code pattern: {0}")]
    Pattern(#[from] code::CodeError),
    /// A thread could not be started, or a task was stopped.
    #[error("the operating system: {0}")]
    System(String),
}

/// The station. Cloning gives another handle on the same one; with the last handle it stops.
#[derive(Clone)]
pub struct Station(Arc<Handle>);

struct Handle(Shared);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Release);
        self.0.wake_sync.notify_waiters();
    }
}

/// What every task of the station shares.
pub(crate) type Shared = Arc<Inner>;

pub(crate) struct Inner {
    pub(crate) data: PathBuf,
    pub(crate) key_place: KeyPlace,
    pub(crate) config: Config,
    store: Arc<Mutex<Store>>,
    client: RwLock<Client>,
    pub(crate) camera: Option<Arc<Camera>>,
    models: Option<Arc<Models>>,
    lens: Arc<RwLock<Lens>>,
    wanted: Arc<Wanted>,
    events: mpsc::UnboundedSender<Event>,
    view: watch::Sender<View>,
    guidance: broadcast::Sender<Guidance>,
    candidates: Mutex<Vec<(u32, Vec<u8>)>>,
    payment_url: Mutex<Option<String>>,
    sheet: Mutex<String>,
    wake_sync: Notify,
    pub(crate) online: AtomicBool,
    pub(crate) enrolled: AtomicBool,
    stop: Arc<AtomicBool>,
}

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

    /// Tells the front how far a record is.
    pub(crate) fn tell(&self, record_id: Uuid, progress: Progress, receipt: Option<String>) {
        let _ = self.events.send(Event::Progress {
            record_id,
            progress,
            receipt,
        });
    }

    fn stopping(&self) -> bool {
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
        let (store, key_place) = open_records(&options).await?;
        let store = Arc::new(Mutex::new(store));
        let known = {
            let store = Arc::clone(&store);
            blocking(move || Known::read(&mut store.lock().unwrap_or_else(PoisonError::into_inner))).await??
        };
        let config = options.config;
        if config.backend.is_empty() {
            return Err(StationError::NoBackend);
        }
        let mut client = Client::new(&config.backend, known.key, Timeouts::default())?;
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
        let machine = Machine::new(profile, Uuid::now_v7);
        let (camera, models) = match options.eyes {
            Some((source, models)) => (Some(Arc::new(Camera::start(source))), Some(models)),
            None => (None, None),
        };
        let (events, inbox) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            data: options.data,
            key_place,
            config,
            store,
            client: RwLock::new(client),
            camera,
            models,
            lens: Arc::new(RwLock::new(lens)),
            wanted: Arc::default(),
            view: watch::channel(first_view(&machine)).0,
            guidance: broadcast::channel(8).0,
            events,
            candidates: Mutex::default(),
            payment_url: Mutex::default(),
            sheet: Mutex::new(machine.profile().sheet.clone()),
            wake_sync: Notify::new(),
            online: AtomicBool::new(false),
            enrolled: AtomicBool::new(known.station_id.is_some()),
            stop: Arc::default(),
        });
        if let (Some(camera), Some(models)) = (&inner.camera, &inner.models) {
            Eyes {
                camera: Arc::clone(camera),
                models: Arc::clone(models),
                lens: Arc::clone(&inner.lens),
                wanted: Arc::clone(&inner.wanted),
                events: inner.events.clone(),
                guidance: inner.guidance.clone(),
                stop: Arc::clone(&inner.stop),
            }
            .open()
            .map_err(|error| StationError::System(error.to_string()))?;
            tokio::spawn(Front::new(Arc::clone(&inner), machine, options.rehearsal).run(inbox));
            tokio::spawn(keep_synced(Arc::clone(&inner)));
        }
        tokio::spawn(join_backend(Arc::clone(&inner), options.activation));
        Ok(Station(Arc::new(Handle(inner))))
    }

    pub(crate) fn inner(&self) -> &Shared {
        &self.0.0
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

    /// The newest picture for the page, as a JPEG of at most 960 pixels' width, unmirrored.
    pub fn preview(&self) -> Option<Vec<u8>> {
        darkroom::preview(&self.inner().camera.as_ref()?.newest()?)
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
        self.inner().sheet.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    /// Waits until the station is enrolled, at most so long; whether it is.
    pub async fn enrolled_within(&self, patience: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        while !self.inner().enrolled.load(Ordering::Acquire) && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.inner().enrolled.load(Ordering::Acquire)
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

/// Opens the records of a folder.
///
/// # Errors
/// As [`records::key::load_or_create`] and [`Store::open`].
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
    Ok((Store::open(&data.join(records::FILE_NAME), &key)?, place))
}

async fn open_records(options: &Options) -> Result<(Store, KeyPlace), StationError> {
    let (data, key_in_file) = (options.data.clone(), options.key_in_file);
    blocking(move || {
        let (mut store, place) = open_store(&data, key_in_file)?;
        let now = Timestamp::now();
        // What a crash left in the middle: attempts of unknown outcome and visits without an end.
        store.recover(now)?;
        store.close_interrupted_visits(now)?;
        Ok::<_, RecordsError>((store, place))
    })
    .await?
    .map_err(StationError::from)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StationError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StationError::System(error.to_string()))
}

fn spec_for(config: &Config, profile: &Profile) -> Result<Arc<Spec>, StationError> {
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
    station_id: Option<String>,
    receipt_key: Option<PublicKey>,
    profile: Option<Profile>,
}

impl Known {
    fn read(store: &mut Store) -> Result<Known, StationError> {
        let key = match store
            .setting(setting::STATION_KEY)?
            .and_then(|text| from_hex(&text))
        {
            Some(bytes) => StationKey::from_bytes(&bytes),
            None => {
                let key = StationKey::generate()?;
                let text = zeroize::Zeroizing::new(to_hex(&*key.to_bytes()));
                store.set_setting(setting::STATION_KEY, Some(&text))?;
                key
            }
        };
        let receipt_key = store
            .setting(setting::RECEIPT_KEY)?
            .and_then(|text| from_hex(&text))
            .and_then(|bytes| PublicKey::from_bytes(&bytes).ok());
        let profile = store
            .setting(setting::PROFILE)?
            .and_then(|text| serde_json::from_str::<Profile>(&text).ok())
            .filter(|profile| profile.validate().is_ok());
        let station_id = store
            .setting(setting::STATION_ID)?
            .filter(|_| receipt_key.is_some());
        Ok(Known {
            key,
            station_id,
            receipt_key,
            profile,
        })
    }
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn first_view(machine: &Machine) -> View {
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
    }
}

// ---- the loops

/// Enrols the station if it is not yet, and keeps the profile fresh.
async fn join_backend(shared: Shared, activation: Option<String>) {
    while !shared.stopping() {
        if !shared.enrolled.load(Ordering::Acquire)
            && let Some(code) = &activation
            && let Err(error) = enrol(&shared, code).await
        {
            tracing::warn!(%error, "enrolment");
        }
        let pause = if shared.enrolled.load(Ordering::Acquire) {
            match shared.client().profile().await {
                Ok(profile) => {
                    shared.set_online(true);
                    keep_profile(&shared, profile).await;
                    PROFILE_EVERY
                }
                Err(error) => {
                    tracing::info!(%error, "profile");
                    JOIN_EVERY
                }
            }
        } else {
            JOIN_EVERY
        };
        let until = tokio::time::Instant::now() + pause;
        while !shared.stopping() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(200).min(pause)).await;
        }
    }
}

async fn enrol(shared: &Shared, code: &str) -> Result<(), StationError> {
    let client = shared.client();
    let enrolled = client.enrol(code, &shared.config.name, SOFTWARE).await?;
    let (id, receipt_key) = (enrolled.station_id, enrolled.receipt_public_key);
    shared
        .records(move |store| {
            store.set_setting(setting::RECEIPT_KEY, Some(&to_hex(receipt_key.as_bytes())))?;
            store.set_setting(setting::STATION_ID, Some(&id))
        })
        .await?;
    *shared.client.write().unwrap_or_else(PoisonError::into_inner) = client.with_receipt_key(receipt_key);
    shared.enrolled.store(true, Ordering::Release);
    shared.wake_sync.notify_one();
    Ok(())
}

async fn keep_profile(shared: &Shared, profile: Profile) {
    if Pattern::new(&profile.code_pattern).is_err() || spec_for(&shared.config, &profile).is_err() {
        tracing::warn!(
            profile = profile.id,
            "the backend's profile cannot be used; the last one stays in force"
        );
        return;
    }
    if let Ok(text) = serde_json::to_string(&profile)
        && let Err(error) = shared
            .records(move |store| store.set_setting(setting::PROFILE, Some(&text)))
            .await
    {
        tracing::warn!(%error, "the profile could not be kept");
    }
    let _ = shared.events.send(Event::Profile(Box::new(profile)));
}

/// The sync loop: goes on until the station stops.
async fn keep_synced(shared: Shared) {
    let mut courier = Courier::new(Arc::clone(&shared));
    while !shared.stopping() {
        if !shared.enrolled.load(Ordering::Acquire) {
            tokio::select! {
                () = shared.wake_sync.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            continue;
        }
        let pause = match courier.turn().await {
            Ok((_, None)) => continue,
            Ok((_, Some(pause))) => pause.unsigned_abs(),
            Err(error) => {
                tracing::error!(%error, "sync");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = shared.wake_sync.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The one task that owns the visit.
struct Front {
    shared: Shared,
    machine: Machine,
    rehearsal: Option<Rehearsal>,
    visit_row: Arc<tokio::sync::Mutex<Option<VisitId>>>,
    began: Option<Instant>,
    camera_lost: Option<Instant>,
    waiting: u32,
    counted: Option<Instant>,
}

impl Front {
    fn new(shared: Shared, machine: Machine, rehearsal: Option<Rehearsal>) -> Front {
        Front {
            shared,
            machine,
            rehearsal,
            visit_row: Arc::default(),
            began: None,
            camera_lost: None,
            waiting: 0,
            counted: None,
        }
    }

    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Event>) {
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !self.shared.stopping() {
            let event = tokio::select! {
                event = inbox.recv() => match event { Some(event) => event, None => break },
                _ = clock.tick() => {
                    self.look_around().await;
                    Event::Tick
                }
            };
            if matches!(event, Event::Steady) && !self.shared.config.automatic_shutter {
                continue;
            }
            let now = Timestamp::now();
            for effect in self.machine.handle(event, now) {
                self.carry_out(effect, now);
            }
            self.publish(now);
        }
    }

    /// What the front must know of the world: can the station serve, how much waits.
    async fn look_around(&mut self) {
        let status = self.shared.camera.as_ref().map(|camera| camera.status());
        let closed = match &status {
            Some(CameraStatus::Broken { .. }) => Some(OutOfService::Camera),
            Some(CameraStatus::Streaming { .. }) => {
                self.camera_lost = None;
                None
            }
            _ => {
                let since = *self.camera_lost.get_or_insert_with(Instant::now);
                (since.elapsed() > CAMERA_PATIENCE).then_some(OutOfService::Camera)
            }
        };
        let closed = closed
            .or_else(|| (!self.shared.enrolled.load(Ordering::Acquire)).then_some(OutOfService::NotEnrolled));
        for effect in self.machine.handle(Event::Service(closed), Timestamp::now()) {
            self.carry_out(effect, Timestamp::now());
        }
        if self
            .counted
            .is_none_or(|at| at.elapsed() > Duration::from_secs(1))
        {
            self.counted = Some(Instant::now());
            if let Ok(counts) = self.shared.records(|store| store.counts()).await {
                self.waiting = u32::try_from(counts.waiting()).unwrap_or(u32::MAX);
            }
        }
    }

    fn publish(&mut self, now: Timestamp) {
        self.shared.wanted.set(self.machine.watch());
        self.refocus();
        let shots: Vec<(u32, Vec<u8>)> = self
            .machine
            .visit()
            .map(|visit| {
                visit
                    .shots
                    .iter()
                    .map(|(id, shot)| (*id, shot.standard.clone()))
                    .collect()
            })
            .unwrap_or_default();
        *self
            .shared
            .candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = shots;
        *self
            .shared
            .payment_url
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = self
            .machine
            .visit()
            .and_then(|v| v.order.as_ref())
            .map(|order| order.payment_url.clone());
        let page = self.machine.page(now);
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.follow(&page);
        }
        let profile = self.machine.profile();
        let (steps, current_step) = self.machine.step_bar();
        let visit = self.machine.visit();
        let school = visit
            .and_then(|v| {
                v.record
                    .as_ref()
                    .map(|r| r.school.clone())
                    .or(v.school.as_ref().map(|(s, _)| s.name.clone()))
            })
            .unwrap_or_default();
        let camera = match self.shared.camera.as_ref().map(|camera| camera.status()) {
            Some(CameraStatus::Streaming { .. }) => CameraView::Streaming,
            Some(CameraStatus::Lost { .. }) => CameraView::Lost,
            Some(CameraStatus::Broken { .. }) => CameraView::Broken,
            Some(CameraStatus::Opening) | None => CameraView::Opening,
        };
        let view = View {
            revision: 0,
            page,
            steps,
            current_step,
            seconds_left: self.machine.seconds_left(now),
            school,
            vendor: profile.name.clone(),
            support: Support {
                phone: profile.support.phone.clone(),
                hours: profile.support.hours.clone(),
            },
            online: self.shared.online.load(Ordering::Acquire),
            camera,
            rehearsal: self.rehearsal.is_some(),
            waiting: self.waiting,
        };
        self.shared.view.send_if_modified(|shown| {
            let next = View {
                revision: shown.revision,
                ..view
            };
            if *shown == next {
                return false;
            }
            *shown = View {
                revision: shown.revision.wrapping_add(1),
                ..next
            };
            true
        });
    }

    /// The eyes look for what the profile in force calls a collection code, by its photo standard.
    fn refocus(&self) {
        let profile = self.machine.profile();
        profile.sheet.clone_into(&mut self.shared.sheet.lock().unwrap_or_else(PoisonError::into_inner));
        let current = self
            .shared
            .lens
            .read()
            .is_ok_and(|lens| lens.pattern.as_str() == profile.code_pattern);
        if current {
            return;
        }
        if let (Ok(pattern), Ok(spec)) = (
            Pattern::new(&profile.code_pattern),
            spec_for(&self.shared.config, profile),
        ) {
            *self.shared.lens.write().unwrap_or_else(PoisonError::into_inner) = Lens { pattern, spec };
        }
    }

    /// Does what the machine asks for, beside it; the answer comes back as an event.
    fn carry_out(&mut self, effect: Effect, now: Timestamp) {
        let shared = Arc::clone(&self.shared);
        let events = shared.events.clone();
        match effect {
            Effect::Began => {
                self.began = Some(Instant::now());
                let row = Arc::clone(&self.visit_row);
                let vendor = self.machine.profile().id.clone();
                tokio::spawn(async move {
                    let mut row = row.lock().await;
                    *row = shared
                        .records(move |store| store.begin_visit(&vendor, now))
                        .await
                        .ok();
                });
            }
            Effect::Ended { ending, .. } => {
                let lasted = self.began.take().map(|at| at.elapsed()).unwrap_or_default();
                let row = Arc::clone(&self.visit_row);
                let outcome = match ending {
                    Ending::Submitted => VisitOutcome::Submitted,
                    Ending::Cancelled => VisitOutcome::Cancelled,
                    Ending::TimedOut => VisitOutcome::TimedOut,
                    Ending::NotPossible => VisitOutcome::NotPossible,
                };
                tokio::spawn(async move {
                    if let Some(id) = row.lock().await.take() {
                        let ended = shared
                            .records(move |store| store.end_visit(id, outcome, lasted, now))
                            .await;
                        if let Err(error) = ended {
                            tracing::warn!(%error, "the visit's end could not be written down");
                        }
                    }
                });
            }
            Effect::SearchSchools { name, level } => {
                tokio::spawn(async move {
                    let found = shared.client().schools(&name, &level).await.ok().map(|list| {
                        list.schools
                            .into_iter()
                            .map(|s| SchoolCard {
                                id: s.id,
                                name: s.name,
                                levels: s.levels,
                            })
                            .collect()
                    });
                    let _ = events.send(Event::Schools(found));
                });
            }
            Effect::Resolve => {
                let Some(visit) = self.machine.visit() else { return };
                let request = resolve_request(visit);
                tokio::spawn(async move {
                    let _ = events.send(Event::Resolved(resolve(&shared, request).await));
                });
            }
            Effect::CreateOrder | Effect::PollOrder => self.order(matches!(effect, Effect::CreateOrder)),
            Effect::Shoot => {
                let (Some(camera), Some(models)) = (shared.camera.clone(), shared.models.clone()) else {
                    return;
                };
                let spec = Arc::clone(&shared.lens.read().unwrap_or_else(PoisonError::into_inner).spec);
                tokio::task::spawn_blocking(move || {
                    let _ = events.send(Event::Developed(darkroom::develop(&camera, &models, &spec)));
                });
            }
            Effect::Save => self.save(now),
        }
    }

    fn order(&self, create: bool) {
        let Some(visit) = self.machine.visit() else { return };
        let shared = Arc::clone(&self.shared);
        let events = shared.events.clone();
        let known = visit
            .order
            .as_ref()
            .filter(|order| order.state != OrderState::Expired)
            .map(|o| o.id.clone());
        let subject = visit.identity.as_ref().zip(visit.record.as_ref());
        let request = subject.map(|(identity, record)| OrderRequest {
            identity_token: identity.identity_token.clone(),
            academic_record_id: record.id.clone(),
        });
        let record_id = visit.record_id;
        let saved = visit.saved_as.is_some();
        tokio::spawn(async move {
            let client = shared.client();
            let reply = match (create, known, request) {
                (false, Some(id), _) => client.order(&id).await,
                (_, _, Some(request)) => client.create_order(&request, Uuid::now_v7()).await,
                _ => return,
            };
            let reply = match reply {
                Ok(order) => {
                    if saved && order.state == OrderState::Paid {
                        let payment = Payment::Paid {
                            order: order.id.clone(),
                        };
                        let written = shared
                            .records(move |store| {
                                store.set_payment(record_id.into(), &payment, Timestamp::now())
                            })
                            .await;
                        if let Err(error) = written {
                            tracing::warn!(%error, "the payment could not be written down; the backend has it");
                        }
                    }
                    OrderReply::Order(Box::new(order))
                }
                Err(error) => match error.problem() {
                    Some(problem) if problem.code == ProblemCode::NothingDue => OrderReply::NothingDue,
                    Some(problem) if error.is_permanent() => OrderReply::Refused(Some(problem.title.clone())),
                    _ => OrderReply::Offline,
                },
            };
            let _ = events.send(Event::Order(reply));
        });
    }

    /// One transaction: record, photos, outbox and audit. Only its success is told to the student.
    fn save(&self, now: Timestamp) {
        let shared = Arc::clone(&self.shared);
        let events = shared.events.clone();
        let row = Arc::clone(&self.visit_row);
        let profile = self.machine.profile();
        let lens = Arc::clone(&shared.lens.read().unwrap_or_else(PoisonError::into_inner).spec);
        let new = self
            .machine
            .visit()
            .and_then(|visit| new_record(visit, &profile.id, &lens.id, now));
        tokio::spawn(async move {
            let saved = match new {
                Some(mut new) => {
                    new.visit = *row.lock().await;
                    shared.records(move |store| store.submit(&new, now)).await
                }
                None => Err(StationError::System("the visit is not complete".into())),
            };
            let _ = events.send(Event::Saved(match saved {
                Ok(submitted) => Ok(submitted.shoot_number),
                Err(error) => {
                    tracing::error!(%error, "a photo could not be kept");
                    Err(())
                }
            }));
            shared.wake_sync.notify_one();
        });
    }
}

fn resolve_request(visit: &Visit) -> ResolveRequest {
    ResolveRequest {
        code: visit.code.as_ref().map(|code| SecretBytes::new(code.expose())),
        proof: visit.proof.clone(),
        school_id: visit.school.as_ref().map(|(school, _)| school.id.clone()),
    }
}

async fn resolve(shared: &Shared, request: ResolveRequest) -> Resolved {
    let error = match shared.client().resolve(&request).await {
        Ok(identity) => return Resolved::Identity(Box::new(identity)),
        Err(error) => error,
    };
    let Some(problem) = error.problem() else {
        return Resolved::Offline;
    };
    let detail = Some(problem.detail.clone().unwrap_or_else(|| problem.title.clone()));
    match problem.code {
        ProblemCode::ProofMismatch | ProblemCode::ProofRequired => Resolved::Mismatch,
        ProblemCode::ProofLocked | ProblemCode::CodeMismatch => {
            Resolved::NotPossible(NotPossible::IdentityMismatch, detail)
        }
        ProblemCode::UnknownCode => Resolved::NotPossible(NotPossible::UnknownCode, None),
        ProblemCode::OutsideWindow => Resolved::NotPossible(NotPossible::OutsideWindow, detail),
        ProblemCode::AlreadyCollected => Resolved::NotPossible(NotPossible::AlreadyCollected, None),
        ProblemCode::NotEligible | ProblemCode::UnknownRecord => {
            Resolved::NotPossible(NotPossible::NotEligible, None)
        }
        // The backend is there but cannot answer now: as good as no network.
        _ if !error.is_permanent() => Resolved::Offline,
        _ => Resolved::NotPossible(NotPossible::Refused, detail),
    }
}

/// Everything one submission keeps; `None` while something is missing, which no sequence of pages allows.
fn new_record(visit: &Visit, vendor: &str, spec: &str, now: Timestamp) -> Option<NewRecord> {
    let shot = visit.chosen_shot()?;
    let code = visit.code.as_ref()?;
    let identity = visit
        .identity
        .as_ref()
        .zip(visit.record.as_ref())
        .map(|(identity, record)| records::Identity {
            academic_record: record.id.clone(),
            masked: MaskedIdentity {
                masked_name: identity.masked_name.clone(),
                masked_id: identity.masked_id.clone(),
                school: record.school.clone(),
                level: record.level.clone(),
                major: record.major.clone(),
                year: record.year,
            },
            token: Some(records::Secret::new(identity.identity_token.expose().as_bytes())),
        });
    let order = visit.order.as_ref();
    let payment = match order {
        Some(order) if order.state == OrderState::Paid => Payment::Paid {
            order: order.id.clone(),
        },
        Some(order) => Payment::PayLater {
            order: Some(order.id.clone()),
        },
        None if visit.owes => Payment::PayLater { order: None },
        None => Payment::Free,
    };
    Some(NewRecord {
        id: RecordId::from(visit.record_id),
        visit: None,
        code_text: records::Secret::new(code.expose()),
        code_tag: code.tag().to_string(),
        proof: records::Secret::new(serde_json::to_vec(&visit.proof).ok()?),
        identity,
        school: visit
            .record
            .as_ref()
            .map(|r| r.school.clone())
            .unwrap_or_default(),
        school_id: visit.school.as_ref().map(|(school, _)| school.id.clone()),
        vendor: vendor.to_owned(),
        spec: spec.to_owned(),
        original: shot.original.clone(),
        standard: shot.standard.clone(),
        report: serde_json::to_value(&shot.report).ok()?,
        candidates: u32::try_from(visit.shots.len()).unwrap_or(u32::MAX),
        forced_reason: None,
        payment,
        consent_at: visit.consent?,
        started_at: visit.started,
        captured_at: shot.captured_at,
    })
    .filter(|_| now >= visit.started || visit.consent.is_some())
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
