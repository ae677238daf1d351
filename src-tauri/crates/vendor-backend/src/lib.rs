//! The reference backend: a real server that speaks the contract, with review, payment and receipts.
//!
//! A vendor's engineer reads it to learn what the contract means, a demo and the tests run against it, in
//! process or as the program `vendor-backend`. One SQLite file holds everything; which vendor it plays is a
//! [`Profile`].
//!
//! | module | what it is |
//! |---|---|
//! | `stations` | enrolment, and the gate every signed request passes |
//! | `people` | schools, students, who is who, what may be collected |
//! | `orders` | orders and the payment page |
//! | `captures` | photos: exactly once, their life, changes, deliverables |
//! | `import` | bundles carried by hand |
//! | `review` | the review desk |
//! | `demo` | invented schools and students |
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

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post, put};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;
use vendor::bundle::{BundleError, BundleRecipient, Identity};
use vendor::problem::ProblemCode;
use vendor::{Clock, Profile, StationKey};

mod captures;
mod database;
pub mod demo;
mod fault;
mod import;
pub mod office;
mod openapi;
mod orders;
mod pages;
mod people;
mod review;
mod sheet;
mod stations;

pub use demo::{DemoCase, DemoPerson, DemoRecord};
pub use import::{Imported, import};
pub use openapi::openapi;
pub use review::{AutoReview, Decision};

use database::Database;
use fault::Fault;
use pages::{Page, escaped, qr_svg};

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
    /// There is no such order.
    #[error("no such order")]
    NoSuchOrder,
}

impl From<Fault> for BackendError {
    fn from(fault: Fault) -> BackendError {
        BackendError::Database(fault.to_string())
    }
}

/// How the backend runs.
#[derive(Debug, Clone)]
pub struct BackendOptions {
    /// Folder of the database; `None`: in memory, gone when it stops.
    pub data: Option<PathBuf>,
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
    /// What a reviewer types to be let in; `None`: a fresh one, see [`Running::reviewer_token`].
    pub reviewer_token: Option<String>,
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
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            profile: Profile::built_in(profile_id)
                .ok_or_else(|| BackendError::Profile(profile_id.to_owned()))?,
            seed_demo: Some(1),
            auto_review: AutoReview::Off,
            reviewer_token: None,
            clock: Clock::system(),
        })
    }
}

/// What every request sees.
pub(crate) struct Service {
    pub(crate) database: Database,
    pub(crate) profile: Profile,
    pub(crate) clock: Clock,
    pub(crate) public_url: String,
    pub(crate) mac_key: Vec<u8>,
    pub(crate) receipt_key: StationKey,
    pub(crate) auto_review: AutoReview,
    pub(crate) door: review::Door,
    pub(crate) seed_demo: Option<u64>,
}

impl Service {
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
        if let Some(folder) = &options.data {
            std::fs::create_dir_all(folder).map_err(|source| BackendError::Io {
                what: folder.display().to_string(),
                source,
            })?;
        }
        let database = Database::open(options.data.as_deref()).map_err(Fault::from)?;
        let fresh = || {
            let mut bytes = vec![0u8; 32];
            getrandom::fill(&mut bytes).map_err(|_| Fault::Broken("no randomness"))?;
            Ok(bytes)
        };
        let (mac_key, receipt_seed, identity) = database.now(|tx| {
            Ok((
                database::meta(tx, "mac_key", fresh)?,
                database::meta(tx, "receipt_key", fresh)?,
                database::meta(tx, "bundle_identity", || {
                    Ok(Identity::generate().to_text().as_bytes().to_vec())
                })?,
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
            ..options.profile
        };
        let service = Service {
            database,
            profile,
            clock: options.clock,
            public_url: public_url.trim_end_matches('/').to_owned(),
            mac_key,
            receipt_key,
            auto_review: options.auto_review,
            door: review::Door::new(reviewer_token),
            seed_demo: options.seed_demo,
        };
        Ok((service, identity))
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
        let (service, _) = Service::open(options, &public_url, &reviewer_token)?;
        let service = Arc::new(service);
        let (stop, stopped) = oneshot::channel::<()>();
        let app = routes(service.clone());
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, app).with_graceful_shutdown(async {
                // A dropped sender stops the backend as well.
                let _ = stopped.await;
            });
            if let Err(error) = served.await {
                tracing::error!(%error, "serving ended");
            }
        });
        Ok(Running {
            addr,
            service,
            reviewer_token,
            stop: Some(stop),
            task: Some(task),
        })
    }
}

fn routes(service: Arc<Service>) -> Router {
    let signed = Router::new()
        .route("/v1/profile", get(stations::profile))
        .route("/v1/station/key", post(stations::replace_key))
        .route("/v1/schools", get(people::schools))
        .route("/v1/identities", post(people::resolve))
        .route("/v1/orders", post(orders::create))
        .route("/v1/orders/{id}", get(orders::show))
        .route("/v1/captures/{record_id}", put(captures::put).get(captures::show))
        .route(
            "/v1/captures/{record_id}/deliverables",
            get(captures::deliverables),
        )
        .route(
            "/v1/captures/{record_id}/deliverables/{kind}",
            get(captures::deliverable),
        )
        .route("/v1/changes", get(captures::changes))
        // The gate has read and bounded the body.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(from_fn_with_state(service.clone(), stations::gate));
    let desk = Router::new()
        .route("/review", get(review::list))
        .route("/review/{record_id}", get(review::show).post(review::decided))
        .route("/review/{record_id}/{kind}", get(review::picture))
        .layer(from_fn_with_state(service.clone(), review::guard));
    Router::new()
        .merge(signed)
        .merge(desk)
        .route("/v1/status", get(stations::status))
        .route("/v1/enrol", post(stations::enrol))
        .route("/v1/openapi.json", get(document))
        .route("/v1/problems/{code}", get(problem))
        .route("/review/login", get(review::login).post(review::enter))
        .route("/pay/{token}", get(orders::page).post(orders::page_pay))
        .route("/style.css", get(pages::style))
        .route("/demo", get(demo_page))
        .route("/", get(front))
        .fallback(async || Fault::from(ProblemCode::NotFound))
        .method_not_allowed_fallback(async || Fault::from(ProblemCode::MethodNotAllowed))
        .with_state(service)
}

async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi()).into_response()
}

/// What a problem's `type` points to.
async fn problem(Path(code): Path<String>) -> Page {
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
    service: Arc<Service>,
    reviewer_token: String,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Running {
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
            .run(move |tx| stations::add_activation(tx, &service.mac_key, &kept))
            .await?;
        Ok(code)
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

    /// A reviewer's word without the page; `false` where the photo is not under review.
    ///
    /// # Errors
    /// [`BackendError::Database`].
    pub async fn review(&self, record_id: Uuid, decision: Decision) -> Result<bool, BackendError> {
        let (service, now) = (self.service.clone(), self.service.clock.now());
        let run = self
            .service
            .database
            .run(move |tx| review::decide(tx, &service, record_id, &decision, now));
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

    /// Serves until the backend ends by itself, which it does not: for the program.
    pub async fn wait(&mut self) {
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }

    /// Takes no more requests and waits for those under way, five seconds at most.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(std::time::Duration::from_secs(5), &mut task)
                .await
                .is_err()
        {
            task.abort();
        }
    }
}
