//! The reference backend as a program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use vendor::{Clock, Profile};
use vendor_backend::{AutoReview, Backend, BackendError, BackendOptions, demo, office};

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
    Stations(Folder),
    /// Shut a station out: it keeps its photos, drops its profile, and takes no more visits.
    Revoke {
        /// Where the database is.
        #[command(flatten)]
        folder: Folder,
        /// The station, as `stations` names it.
        station: String,
    },
    /// Print a fresh one-time activation code: for a new station, or to bring back a revoked one.
    Activate(Folder),
    /// Take a bundle that was carried by hand; the backend may serve meanwhile. Twice changes nothing.
    Import(Import),
    /// Print the contract as OpenAPI 3.1.
    Openapi,
    /// Print the demo students with their codes, one JSON object a line.
    DemoCodes {
        /// Seed of the demo.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(clap::Args)]
struct Folder {
    /// Folder of the database; the backend may be running on it.
    #[arg(long)]
    data: PathBuf,
}

#[derive(clap::Args)]
struct Serve {
    /// Folder of the database.
    #[arg(long)]
    data: PathBuf,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8700")]
    listen: SocketAddr,
    /// What telephones and stations call this backend, where that is not the address above.
    #[arg(long)]
    public_url: Option<String>,
    /// biyezhengzhao, yipai, binyu, or a profile file.
    #[arg(long, default_value = "biyezhengzhao")]
    profile: String,
    /// Make the demo schools and students.
    #[arg(long)]
    seed_demo: bool,
    /// Seed of the demo.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Decide without a reviewer: off, approve, or reject:N (the first N photos of each student).
    #[arg(long, default_value = "off")]
    auto_review: AutoReview,
    /// What a reviewer types; a fresh one is made and printed where this is absent.
    #[arg(long, env = "REVIEWER_TOKEN", hide_env_values = true)]
    reviewer_token: Option<String>,
    /// Print a fresh one-time activation code at the start.
    #[arg(long)]
    activate: bool,
}

#[derive(clap::Args)]
struct Import {
    /// The bundle.
    bundle: PathBuf,
    /// Folder of the database.
    #[arg(long)]
    data: PathBuf,
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
        data: Some(arguments.data.clone()),
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

async fn serve(arguments: Serve) -> Result<(), BackendError> {
    let given = arguments.reviewer_token.is_some();
    let mut running = Backend::start(BackendOptions {
        data: Some(arguments.data),
        listen: arguments.listen,
        public_url: arguments.public_url,
        profile: profile(&arguments.profile)?,
        seed_demo: arguments.seed_demo.then_some(arguments.seed),
        auto_review: arguments.auto_review,
        reviewer_token: arguments.reviewer_token,
        clock: Clock::system(),
    })
    .await?;
    println!("backend    {}", running.url());
    println!("review     {}/review", running.url());
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

fn revoke(data: &std::path::Path, station: &str) -> Result<(), BackendError> {
    if office::revoke(data, station, jiff::Timestamp::now())? {
        said(&format!("{station} is revoked\n"));
        return Ok(());
    }
    Err(BackendError::NoSuchStation(station.to_owned()))
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .init();
    let result = match Arguments::parse().command {
        Command::Openapi => {
            said(&vendor_backend::openapi());
            Ok(())
        }
        Command::DemoCodes { seed } => {
            let people = demo::people(seed);
            let lines = people
                .iter()
                .map(|person| format!("{}\n", serde_json::json!(person)));
            said(&lines.collect::<Vec<_>>().concat());
            Ok(())
        }
        Command::Stations(folder) => office::stations(&folder.data).map(|rows| {
            let lines = rows.iter().map(|row| format!("{}\n", serde_json::json!(row)));
            said(&lines.collect::<Vec<_>>().concat());
        }),
        Command::Revoke { folder, station } => revoke(&folder.data, &station),
        Command::Activate(folder) => {
            office::activation_code(&folder.data).map(|code| said(&format!("{code}\n")))
        }
        Command::Import(arguments) => match import(&arguments) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Serve(arguments) => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|source| BackendError::Io {
                what: "runtime".to_owned(),
                source,
            })
            .and_then(|runtime| runtime.block_on(serve(arguments))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
