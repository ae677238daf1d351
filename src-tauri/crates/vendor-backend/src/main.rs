//! The reference backend as a program.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Parser, Subcommand};
use vendor::{Clock, Profile, Secret};
use vendor_backend::handover::{self, ForTheSchool};
use vendor_backend::reviewers::{self, Role};
use vendor_backend::{
    AutoReview, Backend, BackendError, BackendOptions, Bucket, Store, demo, office, payment,
};

mod examine;
mod settings;

use settings::{Log, Settings, Till};

/// The reference backend of 采集站 Photo Station.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until interrupted.
    Serve(Serve),
    /// Print the stations, one JSON object a line.
    Stations(At),
    /// Shut a station out: it keeps its photos, drops its profile, and takes no more visits.
    Revoke {
        /// Where the database is.
        #[command(flatten)]
        at: At,
        /// The station, as `stations` names it.
        station: String,
    },
    /// Print a fresh one-time activation code: for a new station, or to bring back a revoked one.
    Activate {
        /// Where the database is.
        #[command(flatten)]
        at: At,
        /// The one school the station serves, by its identifier; every school where this is absent.
        #[arg(long)]
        school: Option<String>,
    },
    /// Copy the embedded database into a new file; the backend may serve meanwhile. The copy holds its keys, too.
    Backup {
        /// Where the database is.
        #[command(flatten)]
        folder: Folder,
        /// The new file.
        #[arg(long)]
        to: PathBuf,
    },
    /// Put such a copy into a folder that has no database.
    Restore {
        /// Where the database is to be.
        #[command(flatten)]
        folder: Folder,
        /// The copy.
        #[arg(long)]
        from: PathBuf,
    },
    /// Write the school's next batch of approved photos, with a manifest; again: goes on where it stopped.
    Deliver(Deliver),
    /// Print what students paid although it was paid before, to be given back, one JSON object a line.
    Surplus(At),
    /// Who may review: add NAME, remove NAME, list.
    #[command(subcommand)]
    Reviewer(Reviewer),
    /// Take a bundle that was carried by hand; the backend may serve meanwhile. Twice changes nothing.
    Import(Import),
    /// Examine a server, this one or another vendor's: does it speak the contract? Point by point.
    Conform(examine::Conform),
    /// Print the contract as OpenAPI 3.1.
    Openapi,
    /// Print the demo students with their codes, one JSON object a line.
    DemoCodes {
        /// Seed of the demo.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// One of the two.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct At {
    /// Folder of the embedded database; the backend may be running on it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The PostgreSQL: `postgres://user:password@host/name`.
    #[arg(long, env = "PHOTO_BACKEND_DATABASE", hide_env_values = true, value_parser = secret())]
    database: Option<Secret>,
}

impl At {
    fn store(&self) -> Store {
        match (&self.data, &self.database) {
            (Some(data), _) => Store::Folder(data.clone()),
            (None, database) => Store::Postgres(database.clone().unwrap_or_default(), None),
        }
    }
}

fn secret() -> impl TypedValueParser<Value = Secret> {
    StringValueParser::new().map(Secret::new)
}

#[derive(Subcommand)]
enum Reviewer {
    /// Let somebody in, or in again: prints their token, which is shown this once.
    Add {
        /// Where the database is.
        #[command(flatten)]
        at: At,
        /// What they are called.
        name: String,
        /// reviewer, or lead: settles what two disagree about and sees the figures.
        #[arg(long, default_value = "reviewer")]
        role: Role,
    },
    /// Let somebody in no more.
    Remove {
        /// Where the database is.
        #[command(flatten)]
        at: At,
        /// What they are called.
        name: String,
    },
    /// Print everybody, one JSON object a line.
    List(At),
}

#[derive(clap::Args)]
struct Folder {
    /// Folder of the database; the backend may be running on it.
    #[arg(long)]
    data: PathBuf,
}

// A switch is a bool.
#[allow(clippy::struct_excessive_bools)]
#[derive(clap::Args)]
struct Serve {
    /// Folder of the embedded database.
    #[arg(long, env = "PHOTO_BACKEND_DATA")]
    data: Option<PathBuf>,
    /// A PostgreSQL in its place, which other processes may share: `postgres://user:password@host/name`.
    #[arg(long, env = "PHOTO_BACKEND_DATABASE", hide_env_values = true, value_parser = secret())]
    database: Option<Secret>,
    /// A bucket for the photos: `s3://bucket`, or `s3://bucket/folder`. Its endpoint, region and keys are in the
    /// environment (`AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`). In the database where
    /// nothing is said.
    #[arg(long, env = "PHOTO_BACKEND_PHOTOS")]
    photos: Option<String>,
    /// Settings in a file (TOML, the same names as these arguments); an argument goes before the environment, the
    /// environment before the file.
    #[arg(long, env = "PHOTO_BACKEND_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on; 127.0.0.1:8700 where nothing is said.
    #[arg(long, env = "PHOTO_BACKEND_LISTEN")]
    listen: Option<SocketAddr>,
    /// Address of /healthz, /readyz and /metrics, not for the public; nowhere where nothing is said.
    #[arg(long, env = "PHOTO_BACKEND_OPERATIONS")]
    operations: Option<SocketAddr>,
    /// What telephones and stations call this backend, where that is not the address above.
    #[arg(long, env = "PHOTO_BACKEND_PUBLIC_URL")]
    public_url: Option<String>,
    /// biyezhengzhao, yipai, binyu, or a profile file; biyezhengzhao where nothing is said.
    #[arg(long, env = "PHOTO_BACKEND_PROFILE")]
    profile: Option<String>,
    /// Make the demo schools and students.
    #[arg(long)]
    seed_demo: bool,
    /// Seed of the demo.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Decide without a reviewer: off, approve, or reject:N (the first N photos of each student).
    #[arg(long, env = "PHOTO_BACKEND_AUTO_REVIEW")]
    auto_review: Option<String>,
    /// Two reviewers must say the same.
    #[arg(long, env = "PHOTO_BACKEND_FOUR_EYES")]
    four_eyes: bool,
    /// What lets somebody without a name review and lead; a fresh one is made and printed where this is absent.
    #[arg(long, env = "REVIEWER_TOKEN", hide_env_values = true)]
    reviewer_token: Option<String>,
    /// Who takes the money: page (none flows) where nothing is said, free, wechat.
    #[arg(long, env = "PHOTO_BACKEND_PAYMENT")]
    payment: Option<Till>,
    /// WeChat Pay's API v3 key, where it is in no file.
    #[arg(long, env = "WECHAT_PAY_API_V3_KEY", hide_env_values = true, value_parser = secret())]
    wechat_pay_api_v3_key: Option<Secret>,
    /// A reverse proxy stands in front: who asks is the last address of `X-Forwarded-For`.
    #[arg(long, env = "PHOTO_BACKEND_BEHIND_PROXY")]
    behind_proxy: bool,
    /// How the log is written.
    #[arg(long, env = "PHOTO_BACKEND_LOG")]
    log: Option<Log>,
    /// Print a fresh one-time activation code at the start.
    #[arg(long)]
    activate: bool,
}

/// Where nothing is said.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8700);

impl Serve {
    /// Puts the file under the arguments.
    fn options(&self, settings: &Settings) -> Result<BackendOptions, BackendError> {
        let word = |argument: &Option<String>, file: &Option<String>, otherwise: &str| {
            let said = argument.as_ref().or(file.as_ref());
            said.map_or_else(|| otherwise.to_owned(), Clone::clone)
        };
        let data = self.data.as_ref().or(settings.data.as_ref());
        let photos = self.photos.as_ref().or(settings.photos.as_ref());
        let database = self.database.as_ref().or(settings.database.as_ref());
        if data.is_some() == database.is_some() {
            let one = "--data: a folder for the database, or --database: a PostgreSQL; one of the two";
            return Err(BackendError::Settings(one.to_owned()));
        }
        let auto_review = word(&self.auto_review, &settings.auto_review, "off");
        Ok(BackendOptions {
            data: data.cloned(),
            database: database.cloned(),
            photos: photos.map(|url| Bucket::from_env(url)),
            listen: self.listen.or(settings.listen).unwrap_or(LISTEN),
            public_url: self.public_url.clone().or_else(|| settings.public_url.clone()),
            profile: profile(&word(&self.profile, &settings.profile, "biyezhengzhao"))?,
            seed_demo: self.seed_demo.then_some(self.seed),
            auto_review: auto_review
                .parse::<AutoReview>()
                .map_err(|error| BackendError::Settings(format!("--auto-review: {error}")))?,
            four_eyes: self.four_eyes || settings.four_eyes,
            payment: settings.payment(self.payment, self.wechat_pay_api_v3_key.as_ref())?,
            reviewer_token: self.reviewer_token.clone(),
            operations: self.operations.or(settings.operations),
            limits: settings.limits(self.behind_proxy),
            clock: Clock::system(),
        })
    }
}

#[derive(clap::Args)]
struct Import {
    /// The bundle.
    bundle: PathBuf,
    /// Where the database is.
    #[command(flatten)]
    at: At,
    /// The bucket of the photos, as with `serve`.
    #[arg(long, env = "PHOTO_BACKEND_PHOTOS")]
    photos: Option<String>,
    /// biyezhengzhao, yipai, binyu, or a profile file: as the backend is served with.
    #[arg(long, default_value = "biyezhengzhao")]
    profile: String,
    /// Decide without a reviewer, as with `serve`.
    #[arg(long, default_value = "off")]
    auto_review: AutoReview,
    /// Write the receipts into this new file, to be carried back to the station (`photo-station queue import`).
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
}

/// Exit code 0 when every record is here now, 1 when some were refused.
fn import(arguments: &Import) -> Result<bool, BackendError> {
    let options = BackendOptions {
        data: arguments.at.data.clone(),
        database: arguments.at.database.clone(),
        photos: arguments.photos.as_deref().map(Bucket::from_env),
        seed_demo: None,
        auto_review: arguments.auto_review,
        profile: profile(&arguments.profile)?,
        ..BackendOptions::demo("binyu")?
    };
    let imported = vendor_backend::import(options, &arguments.bundle)?;
    for (record, problem) in &imported.refused {
        let detail = problem.detail.as_deref().unwrap_or_default();
        println!("refused    {record} {} {detail}", problem.code);
    }
    println!(
        "{} taken, {} were here already, {} refused",
        imported.taken.len(),
        imported.already.len(),
        imported.refused.len()
    );
    if let Some(path) = &arguments.receipts {
        std::fs::File::create_new(path)
            .and_then(|file| {
                vendor::bundle::write_receipts(&file, &imported.receipts)?;
                file.sync_all()
            })
            .map_err(|source| BackendError::Io {
                what: path.display().to_string(),
                source,
            })?;
        println!("receipts   {}", path.display());
    }
    Ok(imported.refused.is_empty())
}

#[derive(clap::Args)]
struct Deliver {
    /// Where the database is.
    #[command(flatten)]
    at: At,
    /// The bucket of the photos, as with `serve`.
    #[arg(long, env = "PHOTO_BACKEND_PHOTOS")]
    photos: Option<String>,
    /// The school, by its identifier.
    #[arg(long)]
    school: String,
    /// Batches go into this folder, as `batch-001`, `batch-002`, …
    #[arg(long)]
    to: PathBuf,
    /// A zip file in place of a folder.
    #[arg(long)]
    zip: bool,
    /// How photos are named: folders and a file, with fields in braces.
    #[arg(long, value_name = "TEMPLATE", default_value = delivery::DEFAULT)]
    naming: String,
    /// A batch that was finished before, again.
    #[arg(long, value_name = "NUMBER")]
    batch: Option<u32>,
}

/// Exit code 0 when everything that is to be there is there, 1 when photos were left out.
fn deliver(arguments: &Deliver) -> Result<bool, BackendError> {
    let naming = delivery::Template::parse(&arguments.naming)
        .map_err(|error| BackendError::Settings(format!("--naming: {error}")))?;
    let school = ForTheSchool {
        to: arguments.to.clone(),
        zip: arguments.zip,
        naming,
    };
    let now = jiff::Timestamp::now();
    let handed = handover::deliver(
        &arguments
            .at
            .store()
            .with(arguments.photos.as_deref().map(Bucket::from_env)),
        &arguments.school,
        arguments.batch,
        &school,
        now,
    )?;
    let Some(handed) = handed else {
        said("nothing new was approved since the last batch\n");
        return Ok(true);
    };
    for refused in &handed.delivered.refused {
        let why = refused.why.words().1;
        said(&format!(
            "left out   {} {}: {why}\n",
            refused.id, refused.shoot_number
        ));
    }
    let delivered = &handed.delivered;
    said(&format!(
        "batch {}: {} photos written, {} were there already, {} left out: {}\n",
        handed.batch,
        delivered.written,
        delivered.there,
        delivered.refused.len(),
        school.place(handed.batch).display()
    ));
    Ok(delivered.refused.is_empty())
}

fn profile(name: &str) -> Result<Profile, BackendError> {
    if let Some(profile) = Profile::built_in(name) {
        return Ok(profile);
    }
    let text = std::fs::read_to_string(name).map_err(|source| BackendError::Io {
        what: format!("profile {name}"),
        source,
    })?;
    Profile::parse(&text).map_err(|error| BackendError::Profile(error.to_string()))
}

async fn serve(arguments: Serve, settings: Settings) -> Result<(), BackendError> {
    let given = arguments.reviewer_token.is_some();
    let mut running = Backend::start(arguments.options(&settings)?).await?;
    println!("backend    {}", running.url());
    println!("review     {}/review", running.url());
    if let Some(operations) = running.operations {
        println!("operations http://{operations}/metrics");
    }
    if !given {
        println!("reviewer   {}", running.reviewer_token());
    }
    if arguments.seed_demo {
        println!("demo       {}/demo", running.url());
        println!("activation {}", demo::ACTIVATION_CODE);
    }
    if arguments.activate {
        println!("activation {} (once)", running.activation_code().await?);
    }
    tokio::select! {
        () = running.wait() => {}
        () = interrupted() => running.stop().await,
    }
    Ok(())
}

/// Ctrl-C, or a supervisor's polite end.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Prints; a reader that closed the pipe has seen enough.
fn said(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn revoke(store: &Store, station: &str) -> Result<(), BackendError> {
    if office::revoke(store, station, jiff::Timestamp::now())? {
        said(&format!("{station} is revoked\n"));
        return Ok(());
    }
    Err(BackendError::NoSuchStation(station.to_owned()))
}

fn reviewer(command: Reviewer) -> Result<(), BackendError> {
    let now = jiff::Timestamp::now();
    match command {
        Reviewer::Add { at, name, role } => {
            let token = reviewers::add(&at.store(), &name, role, now)?;
            said(&format!("{token}\n"));
        }
        Reviewer::Remove { at, name } => {
            if !reviewers::remove(&at.store(), &name, now)? {
                return Err(BackendError::Settings(format!("there is no reviewer {name}")));
            }
        }
        Reviewer::List(at) => said(&json_lines(&reviewers::all(&at.store())?)),
    }
    Ok(())
}

/// One JSON object a line.
fn json_lines<T: serde::Serialize>(rows: &[T]) -> String {
    let lines = rows.iter().map(|row| format!("{}\n", serde_json::json!(row)));
    lines.collect::<Vec<_>>().concat()
}

fn in_runtime<T>(work: impl Future<Output = Result<T, BackendError>>) -> Result<T, BackendError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| BackendError::Io {
            what: "runtime".to_owned(),
            source,
        })?
        .block_on(work)
}

/// The log, on the standard error stream.
fn log(how: Log) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match how {
        Log::Text => log.init(),
        Log::Json => log.json().flatten_event(true).init(),
    }
}

/// Reads the file, sets the log up, serves.
fn begin(arguments: Serve) -> Result<(), BackendError> {
    let settings = Settings::read(arguments.config.as_deref())?;
    log(arguments.log.or(settings.log).unwrap_or_default());
    in_runtime(serve(arguments, settings))
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    if !matches!(command, Command::Serve(_)) {
        log(Log::Text);
    }
    let result = match command {
        Command::Openapi => {
            said(&vendor_backend::openapi());
            Ok(())
        }
        Command::DemoCodes { seed } => {
            said(&json_lines(&demo::people(seed)));
            Ok(())
        }
        Command::Stations(at) => office::stations(&at.store()).map(|rows| said(&json_lines(&rows))),
        Command::Deliver(arguments) => match deliver(&arguments) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Surplus(at) => payment::surplus(&at.store()).map(|rows| said(&json_lines(&rows))),
        Command::Reviewer(command) => reviewer(command),
        Command::Revoke { at, station } => revoke(&at.store(), &station),
        Command::Activate { at, school } => {
            office::activation_code(&at.store(), school.as_deref()).map(|code| said(&format!("{code}\n")))
        }
        Command::Import(arguments) => match import(&arguments) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Conform(arguments) => match in_runtime(examine::run(&arguments)) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Backup { folder, to } => vendor_backend::backup(&folder.data, &to),
        Command::Restore { folder, from } => vendor_backend::restore(&folder.data, &from),
        Command::Serve(arguments) => begin(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
