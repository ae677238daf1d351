//! The shell: window, commands of the pages, command line. No domain logic lives here.

mod cli;
mod demo;
mod ipc;
mod output;
mod pictures;
mod places;
mod printer;
mod pulse;
mod queue;
mod rooms;
mod session;
mod staff_card;
mod supervise;
mod voice;
mod window;
#[cfg(test)]
mod window_rules;

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::Parser;
use code::Pattern;
use jiff::Timestamp;
use portrait::Models;
use printing::Printer;
use records::{KeyPlace, RecordsError, Store};
use serde_json::json;
use station::doctor::{self, Patient};
use station::doorway::{Hindrance, Prepare};
use station::only::Only;
use station::staff::FindingState;
use station::sync::Round;
use station::view::OutOfService;
use station::{Booth, Config, Doorway, Options, Standing, Station, StationError, night};
use vendor::Profile;

use crate::cli::{Cli, Command, QueueCommand};
use crate::output::{Output, Verdict};

/// Runs the program with these arguments.
///
/// Exit codes: 0 when all inputs were accepted, 1 when some were refused, 2 for wrong usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors.
            let wrong = error.use_stderr();
            let _ = error.print();
            return if wrong {
                Verdict::Usage.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("PHOTO_STATION_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .init();
    places::keep_cameras_apart();
    let out = Output { json: cli.json };
    let done = match cli.command.take() {
        None if cli.station.supervised => supervise::supervise(out, &arguments),
        None => open_window(out, &cli),
        Some(command) => obey(out, &cli, command),
    };
    done.unwrap_or_else(|verdict| verdict).into()
}

fn obey(out: Output, cli: &Cli, command: Command) -> Result<Verdict, Verdict> {
    match command {
        Command::Scan { images, show_text } => {
            Ok(pictures::scan(out, &images, show_text, &pattern(out, cli)?))
        }
        Command::Standardize {
            photos,
            out: folder,
            spec,
            plate,
            matte,
        } => {
            let spec = pictures::spec(out, &spec)?;
            pictures::standardize(
                out,
                &*models(out, cli)?,
                &photos,
                &folder,
                &spec,
                plate.as_deref(),
                matte,
            )
        }
        Command::Matte {
            photo,
            out: alpha,
            plate,
            composite,
            spec,
        } => {
            let spec = pictures::spec(out, &spec)?;
            let models = models(out, cli)?;
            pictures::matte(
                out,
                &models,
                &photo,
                &alpha,
                plate.as_deref(),
                composite.as_deref(),
                &spec,
            )
        }
        Command::Check {
            photos,
            spec,
            original,
            report,
        } => {
            let spec = pictures::spec(out, &spec)?;
            let models = models(out, cli)?;
            match original {
                Some(original) => pictures::prove(out, &models, &photos, &original, report.as_deref(), &spec),
                None => Ok(pictures::check(out, &models, &photos, &spec)),
            }
        }
        Command::Sheet {
            photo,
            out: target,
            layout,
            name_line,
            field,
            font,
        } => {
            let layout = match layout {
                Some(layout) => layout,
                None => profile(out, cli)?.sheet,
            };
            let line = pictures::name_line(out, name_line.as_deref(), &field, font.as_deref())?;
            pictures::print_sheet(out, &photo, &target, &layout, line.as_ref())
        }
        Command::Queue {
            command: QueueCommand::Restore { backup },
        } => restore(out, cli, &backup),
        Command::Queue {
            command: QueueCommand::RotateKey,
        } => rotate_key(out, cli),
        Command::Queue {
            command: QueueCommand::Backup { to },
        } => back_up(out, cli, to),
        Command::Queue { command } => Ok(queue::run(out, &mut store(out, cli)?, command)),
        Command::Sync { once } => sync(out, cli, once),
        Command::Doctor => see_doctor(out, cli),
        Command::ReplaceKey => replace_key(out, cli),
        Command::PrintTest { printer: named } => printer::test(out, config(out, cli)?, named),
        Command::Demo { out: folder, review } => demo::run(out, cli, &folder, review),
        Command::StaffPin => staff_pin(out, cli),
        Command::StaffCard { out: target } => staff_card(out, cli, &target),
        Command::CameraFrames { words } => places::serve_frames(&words).map_err(|error| told(out)(&error)),
        Command::Bindings { out: file } => match ipc::write_bindings(&file) {
            Ok(()) => Ok(Verdict::Accepted),
            Err(error) => {
                out.say(&error);
                Err(Verdict::Refused)
            }
        },
    }
}

/// Says why and gives up: the station cannot do this now.
fn told(out: Output) -> impl Fn(&dyn std::fmt::Display) -> Verdict {
    move |error| {
        out.say(&error.to_string());
        Verdict::Refused
    }
}

fn models(out: Output, cli: &Cli) -> Result<Arc<Models>, Verdict> {
    let folder = places::models(cli.models.as_deref());
    Models::load(&folder).map(Arc::new).map_err(|error| {
        out.say(&format!("the vision models in {}: {error}", folder.display()));
        Verdict::Usage
    })
}

fn store(out: Output, cli: &Cli) -> Result<Store, Verdict> {
    let folder = places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?;
    station::open_store(&folder, cli.station.rehearsal.is_some())
        .map(|(store, _)| store)
        .map_err(|error| told(out)(&error))
}

/// A backup now, into the folder given or the one set up.
fn back_up(out: Output, cli: &Cli, to: Option<PathBuf>) -> Result<Verdict, Verdict> {
    let folder = match to {
        Some(folder) => Some(folder),
        None => config(out, cli)?.backups(),
    };
    let Some(folder) = folder else {
        out.say("no folder for backups: give --to DIR, or set backup-folder in station.toml");
        return Err(Verdict::Usage);
    };
    let made = night::back_up(&mut store(out, cli)?, &folder, Timestamp::now())
        .map_err(|error| told(out)(&error))?;
    out.result(
        &json!({ "backup": made.path, "records": made.records, "bytes": made.bytes, "deleted": made.deleted }),
        &format!(
            "{}: {} records, verified; keep the database's key as well, it is not in it",
            made.path.display(),
            made.records
        ),
    );
    Ok(Verdict::Accepted)
}

/// A backup in the place of a database that is gone or damaged. The station must not run meanwhile.
fn restore(out: Output, cli: &Cli, backup: &Path) -> Result<Verdict, Verdict> {
    let folder = places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?;
    let restored = station::restore(&folder, backup, Timestamp::now()).map_err(|error| told(out)(&error))?;
    let aside = restored.moved_aside.as_ref();
    out.result(
        &json!({ "records": restored.records, "moved_aside": aside }),
        &format!(
            "{} records are back{}; what was kept after the backup is not among them",
            restored.records,
            aside.map_or_else(String::new, |path| format!(
                ", the damaged database is now {}",
                path.display()
            ))
        ),
    );
    Ok(Verdict::Accepted)
}

/// Another key for the database. The station must not run meanwhile.
fn rotate_key(out: Output, cli: &Cli) -> Result<Verdict, Verdict> {
    let folder = places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?;
    let place = station::rotate_key(&folder, Timestamp::now()).map_err(|error| told(out)(&error))?;
    let place = match place {
        KeyPlace::Keyring => "the system's keyring".to_owned(),
        KeyPlace::File(path) => path.display().to_string(),
    };
    out.result(
        &json!({ "key": place }),
        &format!("the records have a new key, kept in {place}; make a backup now: older ones open with the old key only, which is deleted"),
    );
    Ok(Verdict::Accepted)
}

/// Another key for what the station signs.
fn replace_key(out: Output, cli: &Cli) -> Result<Verdict, Verdict> {
    let folder = places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?;
    // A running window would go on signing with the old one.
    let _only = Only::here(&folder).map_err(|error| told(out)(&error))?;
    runtime(out)?.block_on(async {
        let station = blind_station(out, cli).await?;
        station.replace_key().await.map_err(|error| told(out)(&error))?;
        let key = station.client().public_key().key_id();
        out.result(
            &json!({ "key_id": key }),
            &format!("the station signs with key {key} from now on"),
        );
        Ok(Verdict::Accepted)
    })
}

/// The settings of this station, with what the command line says on top.
fn config(out: Output, cli: &Cli) -> Result<Config, Verdict> {
    let folder = places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?;
    let mut config = Config::load(&folder).map_err(|error| {
        out.say(&error.to_string());
        Verdict::Usage
    })?;
    let before = config.clone();
    let given = &cli.station;
    for (place, value) in [
        (&mut config.backend, &given.backend),
        (&mut config.profile, &given.profile),
        (&mut config.camera, &given.camera),
    ] {
        if let Some(value) = value {
            value.clone_into(place);
        }
    }
    if config != before {
        config.save(&folder).map_err(|error| told(out)(&error))?;
    }
    Ok(config)
}

/// The vendor profile the command line or the settings name.
fn profile(out: Output, cli: &Cli) -> Result<Profile, Verdict> {
    let name = match &cli.station.profile {
        Some(name) => name.clone(),
        None => config(out, cli)?.profile,
    };
    Profile::built_in(&name).ok_or_else(|| {
        out.say(&format!(
            "there is no vendor profile named {name}; there are: {}",
            Profile::BUILT_IN.join(", ")
        ));
        Verdict::Usage
    })
}

fn pattern(out: Output, cli: &Cli) -> Result<Pattern, Verdict> {
    Pattern::new(&profile(out, cli)?.code_pattern).map_err(|error| told(out)(&error))
}

fn runtime(out: Output) -> Result<tokio::runtime::Runtime, Verdict> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| told(out)(&error))
}

/// A station without camera and window, for the command line.
async fn blind_station(out: Output, cli: &Cli) -> Result<Station, Verdict> {
    let options = Options {
        data: places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?,
        config: config(out, cli)?,
        key_in_file: cli.station.rehearsal.is_some(),
        eyes: None,
        activation: cli.station.activation.clone(),
        rehearsal: None,
    };
    Station::open(options).await.map_err(|error| told(out)(&error))
}

fn sync(out: Output, cli: &Cli, once: bool) -> Result<Verdict, Verdict> {
    runtime(out)?.block_on(async {
        let station = blind_station(out, cli).await?;
        if cli.station.activation.is_none() {
            not_revoked(out, &station)?;
        }
        if !station.enrolled_within(demo::ENROL_PATIENCE).await {
            out.say("this station is not enrolled at its backend: start it once with --activation CODE");
            return Err(Verdict::Refused);
        }
        loop {
            let round = sync_in_the_open(out, &station)
                .await
                .map_err(|error| told(out)(&error))?;
            // It may have heard so in this very round.
            not_revoked(out, &station)?;
            let sending = station.sending().await.map_err(|error| told(out)(&error))?;
            let counts = station
                .with_records(|store| store.counts())
                .await
                .map_err(|error| told(out)(&error))?;
            let waiting = counts.waiting();
            out.result(
                &json!({
                    "online": round.online,
                    "delivered": round.delivered,
                    "refused": round.refused,
                    "failed": round.failed,
                    "changes": round.changes,
                    "waiting": waiting,
                    "needs_person": counts.needs_person,
                    "sending": sending,
                }),
                &format!(
                    "{}: {} delivered, {} failed, {} need a person, {} changes; {waiting} wait",
                    if round.online { "online" } else { "offline" },
                    round.delivered,
                    round.failed,
                    counts.needs_person,
                    round.changes
                ),
            );
            if once {
                return Ok(Verdict::all(
                    round.online && waiting == 0 && counts.needs_person == 0,
                ));
            }
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(Verdict::Accepted),
                () = tokio::time::sleep(std::time::Duration::from_secs(5)) => {}
            }
        }
    })
}

/// A station that was shut out says so, and what to do.
fn not_revoked(out: Output, station: &Station) -> Result<(), Verdict> {
    if station.standing() != Standing::Revoked {
        return Ok(());
    }
    out.say(
        "the vendor has revoked this station; every photo is kept: call the vendor and give a new --activation CODE, \
         or carry the photos by hand (queue export)",
    );
    Err(Verdict::Refused)
}

/// One round, with a line on stderr every few seconds of how it goes.
async fn sync_in_the_open(out: Output, station: &Station) -> Result<Round, StationError> {
    let round = station.sync_once();
    tokio::pin!(round);
    loop {
        tokio::select! {
            done = &mut round => return done,
            () = tokio::time::sleep(std::time::Duration::from_secs(2)) => {
                if let Ok(sending) = station.sending().await {
                    out.say(&sending.line());
                }
            }
        }
    }
}

fn see_doctor(out: Output, cli: &Cli) -> Result<Verdict, Verdict> {
    let data = places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?;
    let records = if is_away(cli, &data) {
        Err(RecordsError::DatabaseGone { dir: data.clone() })
    } else {
        station::open_store(&data, cli.station.rehearsal.is_some())
    };
    // Where the folder is away there are no settings either, and none may be made in its place.
    let settings = if data.is_dir() {
        config(out, cli)?
    } else {
        Config::default()
    };
    runtime(out)?.block_on(async {
        let findings = match records {
            Ok(_) if !settings.backend.is_empty() => {
                let station = blind_station(out, cli).await?;
                // An enrolment under way is no finding.
                if cli.station.activation.is_some() {
                    station.enrolled_within(demo::ENROL_PATIENCE).await;
                }
                station.doctor().await
            }
            records => {
                doctor::examine(Patient {
                    camera: None,
                    records: records.map(|(store, place)| (Arc::new(Mutex::new(store)), place)),
                    client: settings.stranger(),
                    backups: settings.backups(),
                    printer: Printer::named(&settings.printer),
                    data,
                })
                .await
            }
        };
        let mut fine = true;
        for finding in &findings {
            fine &= finding.state != FindingState::Broken;
            let mark = match finding.state {
                FindingState::Fine => "✓",
                FindingState::Warning => "!",
                FindingState::Broken => "✗",
            };
            let mut words = format!("{mark} {}: {} · {}", finding.subject, finding.zh, finding.en);
            if !finding.todo_en.is_empty() {
                words = format!("{words}\n    → {} · {}", finding.todo_zh, finding.todo_en);
            }
            out.result(&serde_json::to_value(finding).unwrap_or_default(), &words);
        }
        Ok(Verdict::all(fine))
    })
}

fn staff_pin(out: Output, cli: &Cli) -> Result<Verdict, Verdict> {
    out.say("the new staff PIN (at least six digits), ended by Enter:");
    let mut pin = String::new();
    std::io::stdin()
        .lock()
        .take(64)
        .read_to_string(&mut pin)
        .map_err(|error| told(out)(&error))?;
    match station::desk::set_staff_pin(&mut store(out, cli)?, pin.trim()) {
        Ok(()) => {
            out.say("the staff PIN is set");
            Ok(Verdict::Accepted)
        }
        Err(error) => Err(told(out)(&error)),
    }
}

fn staff_card(out: Output, cli: &Cli, target: &Path) -> Result<Verdict, Verdict> {
    let says = station::desk::new_staff_card(&mut store(out, cli)?).map_err(|error| told(out)(&error))?;
    staff_card::write(&says, target).map_err(|error| told(out)(&error))?;
    out.result(
        &json!({ "card": target }),
        &format!(
            "{}: print it, then delete the file; whoever has it opens the staff pages",
            target.display()
        ),
    );
    Ok(Verdict::Accepted)
}

fn open_window(out: Output, cli: &Cli) -> Result<Verdict, Verdict> {
    supervise::end_with_parent();
    let data = places::data(cli.data.as_deref()).map_err(|error| told(out)(&error))?;
    let models = models(out, cli)?;
    // What can be wrong with the set-up is said at once; what may pass is waited out behind a page.
    let booth = if is_away(cli, &data) {
        Booth::SelfService
    } else {
        set_up(out, cli, &data, &models)?.config.booth
    };
    let asked = cli.clone();
    let prepare: Prepare = Arc::new(move || {
        if is_away(&asked, &data) {
            return Err(Hindrance::Closed(OutOfService::Missing));
        }
        set_up(out, &asked, &data, &models)
            .map_err(|_| Hindrance::SetUp("the station is not set up rightly; see above".into()))
    });
    let door = tauri::async_runtime::block_on(Doorway::open(prepare)).map_err(|error| told(out)(&error))?;
    window::open(door, cli.station.windowed, booth).map_err(|error| told(out)(&error))?;
    Ok(Verdict::Accepted)
}

/// A folder that was named and is not there, and nobody asks for a first start: its disk is not connected. A new
/// beginning in its place would hide what is on that disk.
fn is_away(cli: &Cli, data: &Path) -> bool {
    let first_start = cli.station.activation.is_some() || cli.station.rehearsal.is_some();
    cli.data.is_some() && !first_start && !data.is_dir()
}

/// What the window's station is opened with.
fn set_up(out: Output, cli: &Cli, data: &Path, models: &Arc<Models>) -> Result<Options, Verdict> {
    let config = config(out, cli)?;
    let (source, rehearsal) = places::camera(&config, cli.station.rehearsal.as_deref()).map_err(|error| {
        out.say(&error);
        Verdict::Usage
    })?;
    Ok(Options {
        data: data.to_path_buf(),
        config,
        key_in_file: rehearsal.is_some() || cli.station.rehearsal.is_some(),
        eyes: Some((source, Arc::clone(models))),
        activation: cli.station.activation.clone(),
        rehearsal,
    })
}
