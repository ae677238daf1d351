//! The reference backend: a real server that speaks the contract, with review, payment and receipts.
//!
//! A vendor's engineer reads it to learn what the contract means, a demo and the tests run against it, in
//! process or as the program `vendor-backend`. One SQLite file holds everything, or a PostgreSQL that many processes
//! share; which vendor it plays is a [`Profile`].
//!
//! | module | what it is |
//! |---|---|
//! | `database` | the store: one way to speak to SQLite and to PostgreSQL |
//! | `photos` | where photos are: in the database, or in a bucket |
//! | `stations` | enrolment, and the gate every signed request passes |
//! | `people` | schools, students, who is who, what may be collected |
//! | `orders`, [`payment`] | orders and the payment page; who takes the money |
//! | `captures` | photos: exactly once, their life, changes, deliverables |
//! | `serving`, `crowd` | how much of the server anybody may have: time, requests a second |
//! | `operations`, `backup` | for whoever runs it: alive, ready, figures; a second copy |
//! | [`handover`] | approved photos, to the school or on to 学信网 |
//! | `upkeep` | what nobody waits for: rows that are over, photos that nothing names |
//! | `import` | bundles carried by hand |
//! | [`reviewers`], `review` | who reviews; the review desk |
//! | `demo` | invented schools and students |
//! | [`conform`] | does a server, this or another, speak the contract? |
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use vendor_backend::{Backend, BackendOptions};
//! let running = Backend::start(BackendOptions::demo("biyezhengzhao")?).await?;
//! let student = &running.people()[0];
//! println!("{} {} {}", running.url(), student.code(), student.last_four);
//! running.stop().await;
//! # Ok(()) }
//! ```
//!
#![doc = include_str!("../operating.md")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;
use vendor::bundle::{BundleError, BundleRecipient, Identity};
use vendor::problem::ProblemCode;
use vendor::{Clock, Profile, Secret, StationKey};

mod backup;
mod captures;
pub mod conform;
mod crowd;
mod database;
pub mod demo;
mod fault;
pub mod handover;
mod import;
pub mod office;
mod openapi;
mod operations;
mod orders;
mod pages;
pub mod payment;
mod people;
mod photos;
mod review;
mod serving;
mod sheet;
mod stations;
mod upkeep;

pub use backup::{backup, restore};
pub use crowd::{Limits, Rate};
pub use demo::{DemoCase, DemoPerson, DemoRecord};
pub use import::{Imported, import};
pub use openapi::openapi;
pub use photos::Bucket;
pub use review::{AutoReview, Decision, reviewers};

use database::Database;
use fault::{Fault, Place};
use pages::{Page, escaped, qr_svg};
use payment::Payment;

/// The backend cannot start, or one of the direct calls failed.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The profile is unknown or unusable.
    #[error("profile: {0}")]
    Profile(String),
    /// The folder cannot be made or the address cannot be taken.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The database cannot be opened or written.
    #[error("database: {0}")]
    Database(String),
    /// There is no such station, or it was revoked before.
    #[error("there is no station {0} that could be revoked; `stations` lists them")]
    NoSuchStation(String),
    /// The bundle cannot be taken.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Made by a station that is not enrolled here, or was revoked.
    #[error(
        "this bundle was made by a station that is not known here or was revoked; nothing was taken. Let a revoked \
         station in again first (`activate`)"
    )]
    UnknownStation,
    /// There is no such school.
    #[error("there is no school {0}")]
    NoSuchSchool(String),
    /// There is no such batch.
    #[error("there is no batch {0} of this school")]
    NoSuchBatch(u32),
    /// A batch cannot be handed over.
    #[error(transparent)]
    Delivery(#[from] delivery::DeliveryError),
    /// There is no such order.
    #[error("no such order")]
    NoSuchOrder,
    /// The settings cannot be read.
    #[error("{0}")]
    Settings(String),
    /// The conformance suite cannot begin.
    #[error("conform: {0}")]
    Conform(String),
}

impl From<rusqlite::Error> for BackendError {
    fn from(error: rusqlite::Error) -> BackendError {
        BackendError::Database(error.to_string())
    }
}

impl From<Fault> for BackendError {
    fn from(fault: Fault) -> BackendError {
        BackendError::Database(fault.to_string())
    }
}

/// Where a backend keeps its records.
#[derive(Debug, Clone)]
pub enum Store {
    /// The embedded database in this folder.
    Folder(PathBuf),
    /// A PostgreSQL, `postgres://user:password@host/name`, and the bucket of its photos, if they are in one.
    Postgres(Secret, Option<Bucket>),
}

impl Store {
    /// With the bucket of its photos.
    #[must_use]
    pub fn with(self, photos: Option<Bucket>) -> Store {
        match self {
            Store::Postgres(url, _) => Store::Postgres(url, photos),
            folder @ Store::Folder(_) => folder,
        }
    }
}

/// How the backend runs.
#[derive(Debug, Clone)]
pub struct BackendOptions {
    /// Folder of the embedded database; `None`: in memory, gone when it stops.
    pub data: Option<PathBuf>,
    /// A PostgreSQL that this backend shares with others, in place of the embedded database:
    /// `postgres://user:password@host/name`.
    pub database: Option<Secret>,
    /// A bucket for the photos; `None`: in the database.
    pub photos: Option<Bucket>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What telephones and stations call this backend, without a slash at the end; `None`: `http://` and the
    /// address it listens on.
    pub public_url: Option<String>,
    /// Which vendor it plays.
    pub profile: Profile,
    /// Seed of the demo schools and students; `None`: none.
    pub seed_demo: Option<u64>,
    /// Decisions without a reviewer.
    pub auto_review: AutoReview,
    /// Two reviewers must say the same; where they disagree, one who leads decides.
    pub four_eyes: bool,
    /// What lets somebody without a name in at the review desk, to lead; `None`: a fresh one, see
    /// [`Running::reviewer_token`].
    pub reviewer_token: Option<String>,
    /// How a student's money is taken.
    pub payment: Payment,
    /// Where `/healthz`, `/readyz` and `/metrics` are, not for the public; `None`: nowhere.
    pub operations: Option<SocketAddr>,
    /// How much of it anybody may have.
    pub limits: Limits,
    /// Where the time comes from.
    pub clock: Clock,
}

impl BackendOptions {
    /// A backend in memory on a free port of this computer, with the demo students of seed 1, playing the
    /// built-in profile `biyezhengzhao`, `yipai` or `binyu`.
    ///
    /// # Errors
    /// [`BackendError::Profile`].
    pub fn demo(profile_id: &str) -> Result<BackendOptions, BackendError> {
        Ok(BackendOptions {
            data: None,
            database: None,
            photos: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            profile: Profile::built_in(profile_id)
                .ok_or_else(|| BackendError::Profile(profile_id.to_owned()))?,
            seed_demo: Some(1),
            auto_review: AutoReview::Off,
            four_eyes: false,
            reviewer_token: None,
            payment: Payment::Page,
            operations: None,
            limits: Limits::default(),
            clock: Clock::system(),
        })
    }
}

/// What every request sees.
pub(crate) struct Service {
    pub(crate) database: Database,
    pub(crate) photos: Arc<dyn photos::Photos>,
    pub(crate) profile: Profile,
    pub(crate) clock: Clock,
    pub(crate) public_url: String,
    pub(crate) mac_key: Vec<u8>,
    pub(crate) receipt_key: StationKey,
    pub(crate) auto_review: AutoReview,
    pub(crate) four_eyes: bool,
    pub(crate) provider: Option<Arc<dyn payment::Provider>>,
    pub(crate) door: review::door::Door,
    pub(crate) crowd: crowd::Crowd,
    pub(crate) figures: operations::Figures,
    pub(crate) seed_demo: Option<u64>,
}

impl Service {
    /// Not on an async thread.
    fn photos(
        bucket: Option<&Bucket>,
        database: &Database,
        name: &str,
    ) -> Result<Arc<dyn photos::Photos>, BackendError> {
        let Some(bucket) = bucket else {
            let elsewhere = database.now(photos::are_elsewhere)?;
            return if elsewhere {
                Err(BackendError::Settings(
                    "photos: this database's photos are in a bucket; name it".to_owned(),
                ))
            } else {
                Ok(Arc::new(photos::Embedded(database.clone())))
            };
        };
        let remote = photos::Remote::open(bucket)?;
        Aside::new()?.run(remote.claim(database, name))??;
        Ok(Arc::new(remote))
    }

    fn database(options: &BackendOptions) -> Result<Database, BackendError> {
        if let Some(url) = &options.database {
            return Ok(Database::shared(url.expose()).map_err(Fault::from)?);
        }
        if let Some(folder) = &options.data {
            std::fs::create_dir_all(folder).map_err(|source| BackendError::Io {
                what: folder.display().to_string(),
                source,
            })?;
        }
        Ok(Database::embedded(options.data.as_deref()).map_err(Fault::from)?)
    }

    /// Opens the store, seeds it where asked, and makes the backend's own keys at the first time. The identity opens
    /// what is sealed to this vendor; no request needs it.
    pub(crate) fn open(
        options: BackendOptions,
        public_url: &str,
        reviewer_token: &str,
    ) -> Result<(Service, Identity), BackendError> {
        options
            .profile
            .validate()
            .map_err(|error| BackendError::Profile(error.to_string()))?;
        let public_url = public_url.trim_end_matches('/');
        let provider = options
            .payment
            .provider(public_url)
            .map_err(|error| BackendError::Settings(error.to_string()))?;
        let database = Service::database(&options)?;
        let fresh = || {
            let mut bytes = vec![0u8; 32];
            getrandom::fill(&mut bytes).map_err(|_| Fault::Broken("no randomness"))?;
            Ok(bytes)
        };
        let opened = options.clock.now();
        let (mac_key, receipt_seed, identity, name) = database.now(|tx| {
            upkeep::swept(tx, opened)?;
            Ok((
                database::meta(tx, "mac_key", fresh)?,
                database::meta(tx, "receipt_key", fresh)?,
                database::meta(tx, "bundle_identity", || {
                    Ok(Identity::generate().to_text().as_bytes().to_vec())
                })?,
                database::meta(tx, "name", fresh)?,
            ))
        })?;
        let receipt_seed = <[u8; 32]>::try_from(receipt_seed)
            .map_err(|_| Fault::Broken("the receipt key cannot be read"))?;
        let identity = std::str::from_utf8(&identity)
            .ok()
            .and_then(Identity::from_text)
            .ok_or(Fault::Broken("the bundle identity cannot be read"))?;
        if let Some(seed) = options.seed_demo {
            let today = options
                .clock
                .now()
                .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
                .date();
            database.now(|tx| demo::seed(tx, &mac_key, seed, today))?;
        }
        let receipt_key = StationKey::from_bytes(&receipt_seed);
        let profile = Profile {
            bundle_recipient: Some(BundleRecipient::issue(&receipt_key, &identity.recipient())),
            ..options.payment.adjust(options.profile)
        };
        if options.photos.is_some() && options.database.is_none() {
            return Err(BackendError::Settings(
                "photos: a bucket goes with a PostgreSQL; the embedded database holds its photos itself"
                    .to_owned(),
            ));
        }
        let photos = Service::photos(options.photos.as_ref(), &database, &hex::encode(name))?;
        let service = Service {
            database,
            photos,
            profile,
            clock: options.clock,
            public_url: public_url.to_owned(),
            mac_key,
            receipt_key,
            auto_review: options.auto_review,
            four_eyes: options.four_eyes,
            provider,
            door: review::door::Door::new(reviewer_token),
            crowd: crowd::Crowd::new(options.limits),
            figures: operations::Figures::new()?,
            seed_demo: options.seed_demo,
        };
        Ok((service, identity))
    }
}

/// A runtime for what waits, on a thread that may wait: whether the caller's may is not known.
pub(crate) struct Aside(Option<Runtime>);

impl Aside {
    pub(crate) fn new() -> Result<Aside, BackendError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|source| BackendError::Io {
            what: "runtime".to_owned(),
            source,
        })?;
        Ok(Aside(Some(runtime)))
    }

    pub(crate) fn run<T: Send>(&self, work: impl Future<Output = T> + Send) -> Result<T, Fault> {
        let runtime = self.0.as_ref().ok_or(Fault::Broken("no runtime"))?;
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work)).join())
            .map_err(|_| Fault::Broken("a task died"))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts the reference backend.
pub struct Backend;

impl Backend {
    /// Opens the store, seeds it where asked, and serves on a task of the running tokio runtime.
    ///
    /// # Errors
    /// [`BackendError`].
    pub async fn start(options: BackendOptions) -> Result<Running, BackendError> {
        let io = |what: String| move |source| BackendError::Io { what, source };
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(io(options.listen.to_string()))?;
        let addr = listener.local_addr().map_err(io(options.listen.to_string()))?;
        let public_url = options
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{addr}"));
        let reviewer_token = match options.reviewer_token.clone() {
            Some(token) => token,
            None => random_word(16)?,
        };
        let head = options.limits.head;
        let operations = match options.operations {
            Some(addr) => Some(TcpListener::bind(addr).await.map_err(io(addr.to_string()))?),
            None => None,
        };
        let token = reviewer_token.clone();
        let opened = tokio::task::spawn_blocking(move || Service::open(options, &public_url, &token));
        let (service, _) = opened
            .await
            .map_err(|_| Fault::Broken("a database task died"))??;
        let service = Arc::new(service);
        let mut running = Running {
            addr,
            operations: None,
            service: service.clone(),
            reviewer_token,
            stops: Vec::new(),
            tasks: Vec::new(),
        };
        running.begin(listener, routes(service.clone()), head);
        if service.provider.is_some() {
            running.look_after_payments();
        }
        running.tasks.push(tokio::spawn(upkeep::keep_up(service.clone())));
        if let Some(listener) = operations {
            running.operations = listener.local_addr().ok();
            running.begin(listener, operations::routes(service), head);
        }
        Ok(running)
    }
}

/// A request the backend answers: method, path, and who answers it.
type Route = (&'static str, &'static str, MethodRouter<Arc<Service>>);

fn route<H: Handler<T, Arc<Service>>, T: 'static>(
    method: &'static str,
    path: &'static str,
    handler: H,
) -> Route {
    let filter = match method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        _ => MethodFilter::GET,
    };
    (method, path, on(filter, handler))
}

/// What a known station asks, signed.
fn signed() -> Vec<Route> {
    vec![
        route("GET", "/v1/profile", stations::profile),
        route("POST", "/v1/station/key", stations::replace_key),
        route("GET", "/v1/schools", people::schools),
        route("POST", "/v1/identities", people::resolve),
        route("POST", "/v1/orders", orders::create),
        route("GET", "/v1/orders/{id}", orders::show),
        route("PUT", "/v1/captures/{record_id}", captures::put),
        route("GET", "/v1/captures/{record_id}", captures::show),
        route(
            "GET",
            "/v1/captures/{record_id}/deliverables",
            captures::deliverables,
        ),
        route(
            "GET",
            "/v1/captures/{record_id}/deliverables/{kind}",
            captures::deliverable,
        ),
        route("GET", "/v1/changes", captures::changes),
    ]
}

/// What a reviewer who was let in asks.
fn desk() -> Vec<Route> {
    vec![
        route("GET", "/review", review::desk::list),
        route("GET", "/review/next", review::desk::next),
        route("GET", "/review/figures", review::figures::page),
        route("GET", "/review/figures.csv", review::figures::table),
        route("POST", "/review/leave", review::door::leave),
        route("GET", "/review/{record_id}", review::desk::show),
        route("POST", "/review/{record_id}", review::desk::decided),
        route("GET", "/review/{record_id}/{kind}", review::desk::picture),
    ]
}

/// What anybody may ask.
fn open() -> Vec<Route> {
    vec![
        route("GET", "/v1/status", stations::status),
        route("POST", "/v1/enrol", stations::enrol),
        route("GET", "/v1/openapi.json", document),
        route("GET", "/v1/problems/{code}", problem),
        route("GET", "/review/login", review::door::login),
        route("POST", "/review/login", review::door::enter),
        route("GET", "/pay/{token}", orders::page),
        route("POST", "/pay/{token}", orders::page_pay),
        route("POST", "/pay/wechat", payment::told),
        route("GET", "/style.css", pages::style),
        route("GET", "/demo", demo_page),
        route("GET", "/", front),
    ]
}

/// Every request the backend answers: method and path. Who may ask which stands in `tests/access.rs`.
pub fn served() -> Vec<(&'static str, &'static str)> {
    let all = [signed(), desk(), open()].into_iter().flatten();
    all.map(|(method, path, _)| (method, path)).collect()
}

fn together(routes: Vec<Route>) -> Router<Arc<Service>> {
    let add = |router: Router<Arc<Service>>, (_, path, handler): Route| router.route(path, handler);
    routes.into_iter().fold(Router::new(), add)
}

fn routes(service: Arc<Service>) -> Router {
    let signed = together(signed())
        // The gate has read and bounded the body.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(from_fn_with_state(service.clone(), stations::gate));
    let desk = together(desk()).layer(from_fn_with_state(service.clone(), review::door::guard));
    Router::new()
        .merge(signed)
        .merge(desk)
        .merge(together(open()))
        .fallback(async || Fault::from(ProblemCode::NotFound))
        .method_not_allowed_fallback(async || Fault::from(ProblemCode::MethodNotAllowed))
        .layer(from_fn_with_state(service.clone(), crowd::keep_order))
        .layer(from_fn_with_state(service.clone(), operations::count))
        .with_state(service)
}

async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi()).into_response()
}

/// What a problem's `type` points to.
async fn problem(Place(code): Place<String>) -> Page {
    match ProblemCode::ALL.iter().find(|known| known.as_str() == code) {
        Some(known) => {
            let retry = if known.is_permanent() {
                "同样的请求再发也不会成功。"
            } else {
                "稍后可以重试。"
            };
            Page::new(
                known.title(),
                format!(
                    "<main class=\"narrow card\"><p class=\"quiet\">{}</p><h1>{}</h1><p>HTTP {} · {retry}</p></main>",
                    known.as_str(),
                    known.title(),
                    known.status()
                ),
            )
        }
        None => Page::missing("没有这个问题代码"),
    }
}

async fn front(State(service): State<Arc<Service>>) -> Page {
    let demo = if service.seed_demo.is_some() {
        "<li><a href=\"/demo\">演示学生与采集码</a></li>"
    } else {
        ""
    };
    Page::new(
        "参考后端",
        format!(
            "<main class=\"narrow card\"><p class=\"quiet\">参考后端</p><h1>{}</h1><ul class=\"links\">\
             <li><a href=\"/review\">照片审核</a></li>{demo}<li><a href=\"/v1/openapi.json\">OpenAPI 3.1</a></li></ul></main>",
            escaped(&service.profile.name)
        ),
    )
}

/// The demo students' codes, to be shown to a station's camera from a screen.
async fn demo_page(State(service): State<Arc<Service>>) -> Response {
    let Some(seed) = service.seed_demo else {
        return Redirect::to("/").into_response();
    };
    let tiles = demo::people(seed)
        .iter()
        .take(16)
        .map(|person| {
            let record = person.record();
            format!(
                "<div class=\"tile\">{}<p><b>{}</b> <span class=\"tag\">{}</span></p>\
                 <p class=\"quiet\">证件号后四位 {} · 学号 {}</p><p class=\"quiet\">{} {}</p></div>",
                qr_svg(person.code()).unwrap_or_default(),
                escaped(&person.name),
                case_zh(person.case),
                person.last_four,
                record.student_number,
                escaped(&record.school),
                escaped(&record.level),
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let body = format!(
        "<header><b>演示学生</b><span class=\"quiet\">{} · 人名、证件号、学校均为虚构</span></header><main><div class=\"grid\">{tiles}</div></main>",
        escaped(&service.profile.name)
    );
    Page::new("演示学生", body).into_response()
}

fn case_zh(case: DemoCase) -> &'static str {
    match case {
        DemoCase::Ordinary => "普通",
        DemoCase::SeveralRecords => "两个学籍",
        DemoCase::RejectedBefore => "上次未通过",
        DemoCase::OutsideWindow => "不在采集时间",
        DemoCase::AlreadyCollected => "已采集",
        DemoCase::NotEligible => "无采集资格",
        DemoCase::ClassPayment => "班级统一缴费",
        DemoCase::EndsInX => "尾号为 X",
    }
}

/// Sixty bits in three groups.
fn fresh_activation_code() -> Result<String, Fault> {
    let code = random_word(12)?;
    Ok(format!("{}-{}-{}", &code[..4], &code[4..8], &code[8..]))
}

/// Readable and unguessable: `count` characters of five bits each, without 0, O, 1 and I.
fn random_word(count: usize) -> Result<String, Fault> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bytes = vec![0u8; count];
    getrandom::fill(&mut bytes).map_err(|_| Fault::Broken("no randomness"))?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

/// A backend that serves. Stops when dropped; [`stop`](Self::stop) waits for requests under way.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub operations: Option<SocketAddr>,
    service: Arc<Service>,
    reviewer_token: String,
    stops: Vec<oneshot::Sender<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    fn begin(&mut self, listener: TcpListener, app: Router, head: std::time::Duration) {
        let (stop, stopped) = oneshot::channel();
        self.stops.push(stop);
        self.tasks
            .push(tokio::spawn(serving::serve(listener, app, head, stopped)));
    }

    /// Asks about payments nobody was told of, again and again.
    fn look_after_payments(&mut self) {
        let (stop, mut stopped) = oneshot::channel();
        self.stops.push(stop);
        let service = self.service.clone();
        self.tasks.push(tokio::spawn(async move {
            let mut every = tokio::time::interval(payment::SWEEP);
            loop {
                tokio::select! {
                    _ = &mut stopped => return,
                    _ = every.tick() => {}
                }
                if let Err(fault) = payment::sweep(&service, service.clock.now()).await {
                    tracing::warn!(%fault, "payments cannot be looked after");
                }
            }
        }));
    }

    /// The page on which an order is paid, for a message to the student.
    ///
    /// # Errors
    /// [`BackendError::NoSuchOrder`], [`BackendError::Database`].
    pub async fn payment_page(&self, order_id: &str) -> Result<String, BackendError> {
        let (service, id, now) = (
            self.service.clone(),
            order_id.to_owned(),
            self.service.clock.now(),
        );
        let found = self
            .service
            .database
            .run(move |tx| orders::find(tx, &service, &id, now));
        found
            .await?
            .map(|order| order.payment_url)
            .ok_or(BackendError::NoSuchOrder)
    }

    /// Asks about payments nobody was told of, now; the backend does so by itself twice a minute.
    ///
    /// # Errors
    /// [`BackendError::Database`].
    pub async fn sweep_payments(&self) -> Result<(), BackendError> {
        Ok(payment::sweep(&self.service, self.service.clock.now()).await?)
    }

    /// Address for stations and telephones, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.service.public_url
    }

    /// What a reviewer types at `/review`.
    pub fn reviewer_token(&self) -> &str {
        &self.reviewer_token
    }

    /// The demo students, in a fixed order; empty where none were seeded.
    pub fn people(&self) -> Vec<DemoPerson> {
        self.service.seed_demo.map(demo::people).unwrap_or_default()
    }

    /// The first demo student of a kind.
    pub fn person(&self, case: DemoCase) -> Option<DemoPerson> {
        self.people().into_iter().find(|person| person.case == case)
    }

    /// A fresh one-time activation code. The demo's own is [`demo::ACTIVATION_CODE`].
    ///
    /// # Errors
    /// [`BackendError::Database`].
    pub async fn activation_code(&self) -> Result<String, BackendError> {
        let code = fresh_activation_code()?;
        let (service, kept) = (self.service.clone(), code.clone());
        self.service
            .database
            .run(move |tx| stations::add_activation(tx, &service.mac_key, &kept, None))
            .await?;
        Ok(code)
    }

    /// As [`activation_code`](Self::activation_code), for a station that serves one school and sees no other's students.
    ///
    /// # Errors
    /// [`BackendError::NoSuchSchool`], [`BackendError::Database`].
    pub async fn activation_code_for(&self, school_id: &str) -> Result<String, BackendError> {
        let code = fresh_activation_code()?;
        let (service, kept, school) = (self.service.clone(), code.clone(), school_id.to_owned());
        let made = self
            .service
            .database
            .run(move |tx| stations::add_activation(tx, &service.mac_key, &kept, Some(&school)))
            .await?;
        if made {
            Ok(code)
        } else {
            Err(BackendError::NoSuchSchool(school_id.to_owned()))
        }
    }

    /// Shuts a station out, by the name enrolment gave it: from now on it hears `station-revoked`. `false` where there
    /// is none of this name, or it was revoked before.
    ///
    /// # Errors
    /// [`BackendError::Database`].
    pub async fn revoke(&self, station_id: &str) -> Result<bool, BackendError> {
        let (id, now) = (station_id.to_owned(), self.service.clock.now());
        let run = self
            .service
            .database
            .run(move |tx| stations::revoke(tx, &id, now));
        Ok(run.await?)
    }

    /// A decision without the page and without a second look; `false` where the photo is not under review.
    ///
    /// # Errors
    /// [`BackendError::Database`].
    pub async fn review(&self, record_id: Uuid, decision: Decision) -> Result<bool, BackendError> {
        let now = self.service.clock.now();
        let run = self
            .service
            .database
            .run(move |tx| review::decide(tx, record_id, &decision, now));
        Ok(run.await?)
    }

    /// A student's payment without the page, by the order's `payment_url`. Paying twice changes nothing.
    ///
    /// # Errors
    /// [`BackendError::NoSuchOrder`], [`BackendError::Database`].
    pub async fn pay(&self, payment_url: &str) -> Result<(), BackendError> {
        let token = payment_url.rsplit('/').next().unwrap_or_default().to_owned();
        let (service, now) = (self.service.clone(), self.service.clock.now());
        let paid = self
            .service
            .database
            .run(move |tx| orders::pay(tx, &service, &token, now))
            .await?;
        paid.map(|_| ()).ok_or(BackendError::NoSuchOrder)
    }

    /// What is done every few minutes by itself: forgets what is over, and sweeps up photos that nothing names. How many
    /// those were.
    ///
    /// # Errors
    /// [`BackendError::Database`].
    pub async fn sweep(&self) -> Result<usize, BackendError> {
        Ok(upkeep::once(&self.service).await?)
    }

    /// Serves until the backend ends by itself, which it does not: for the program.
    pub async fn wait(&mut self) {
        for task in &mut self.tasks {
            let _ = task.await;
        }
        self.tasks.clear();
    }

    /// Takes no more requests and waits for those under way, five seconds at most.
    pub async fn stop(mut self) {
        for stop in self.stops.drain(..) {
            let _ = stop.send(());
        }
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        for mut task in self.tasks.drain(..) {
            if tokio::time::timeout_at(end, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}
