//! The command line as staff and tests know it. Parsing only; each command has a file of its own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// 采集站 · an on-site station for collecting graduation photos.
///
/// Without a command the window opens.
#[derive(Debug, Clone, Parser)]
#[command(name = "photo-station", version, propagate_version = true)]
pub(crate) struct Cli {
    /// One JSON object a line on stdout, messages on stderr.
    #[arg(long, global = true)]
    pub json: bool,
    /// Folder of the station's records and settings.
    #[arg(long, global = true, env = "PHOTO_STATION_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Folder of the vision models.
    #[arg(long, global = true, env = "PHOTO_STATION_MODELS", value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How the window's station is set up.
    #[command(flatten)]
    pub station: StationArgs,
}

/// How a station is set up. What is given here is remembered in `station.toml`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StationArgs {
    /// Address of the vendor's backend.
    #[arg(long, global = true, env = "PHOTO_STATION_BACKEND", value_name = "URL")]
    pub backend: Option<String>,
    /// Activation code for the first enrolment.
    #[arg(
        long,
        global = true,
        env = "PHOTO_STATION_ACTIVATION",
        value_name = "CODE",
        hide_env_values = true
    )]
    pub activation: Option<String>,
    /// Vendor profile to start with: biyezhengzhao, yipai or binyu.
    #[arg(long, global = true, env = "PHOTO_STATION_PROFILE", value_name = "NAME")]
    pub profile: Option<String>,
    /// The camera: `auto`, `virtual`, `pictures:DIR`, `folder:DIR` for a tethered one, or a device's name.
    #[arg(long, global = true, env = "PHOTO_STATION_CAMERA", value_name = "SOURCE")]
    pub camera: Option<String>,
    /// Who comes to the virtual booth: a JSON file of demo people (rehearsals only).
    #[arg(long, global = true, env = "PHOTO_STATION_REHEARSAL", value_name = "FILE")]
    pub rehearsal: Option<PathBuf>,
    /// In a window that can be moved and closed instead of full screen.
    #[arg(long, env = "PHOTO_STATION_WINDOWED")]
    pub windowed: bool,
}

/// What to do without a window.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Read codes in picture files.
    Scan {
        /// Pictures.
        #[arg(required = true)]
        images: Vec<PathBuf>,
        /// Print the text (as hex), which is a secret.
        #[arg(long)]
        show_text: bool,
    },
    /// Make standard photos.
    Standardize {
        /// Photos as captured.
        #[arg(required = true)]
        photos: Vec<PathBuf>,
        /// Folder for NAME.jpg and NAME.report.json.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Photo standard.
        #[arg(long, default_value = "national", value_name = "NAME")]
        spec: String,
        /// Picture of the same wall without a person.
        #[arg(long, value_name = "EMPTY")]
        plate: Option<PathBuf>,
        /// Also write NAME.alpha.png at the input's size.
        #[arg(long)]
        matte: bool,
    },
    /// The matte alone, at the input's size.
    Matte {
        /// Photo as captured.
        photo: PathBuf,
        /// The matte.
        #[arg(long, value_name = "ALPHA.png")]
        out: PathBuf,
        /// Picture of the same wall without a person.
        #[arg(long, value_name = "EMPTY")]
        plate: Option<PathBuf>,
        /// Also write the person on the standard's background.
        #[arg(long, value_name = "OUT.png")]
        composite: Option<PathBuf>,
        /// Photo standard whose background the composite takes.
        #[arg(long, default_value = "national", value_name = "NAME")]
        spec: String,
    },
    /// Is a finished picture acceptable, point by point.
    Check {
        /// Finished pictures.
        #[arg(required = true)]
        photos: Vec<PathBuf>,
        /// Photo standard.
        #[arg(long, default_value = "national", value_name = "NAME")]
        spec: String,
        /// Prove that the (one) finished picture is this capture scaled, moved and put before the background: not
        /// mirrored, rotated or retouched.
        #[arg(long, value_name = "ORIGINAL")]
        original: Option<PathBuf>,
        /// The report that came with the picture; its hashes and transform are compared with what is found.
        #[arg(long, value_name = "REPORT.json", requires = "original")]
        report: Option<PathBuf>,
    },
    /// A print sheet in true millimetres, 300 dpi.
    Sheet {
        /// A finished standard photo.
        photo: PathBuf,
        /// A .pdf or .png file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Layout.
        #[arg(long, value_name = "NAME")]
        layout: Option<String>,
        /// A line of text on the sheet, for example `{name} {student_number}`.
        #[arg(long, value_name = "TEMPLATE")]
        name_line: Option<String>,
        /// A field of the line, for example name=张三; may be given several times.
        #[arg(long, value_name = "KEY=VALUE", requires = "name_line")]
        field: Vec<String>,
        /// Font file (.ttf, .otf, .ttc) for the line; otherwise one that is installed.
        #[arg(long, value_name = "FILE", requires = "name_line")]
        font: Option<PathBuf>,
    },
    /// The records on this station.
    Queue {
        /// What to do with them.
        #[command(subcommand)]
        command: QueueCommand,
    },
    /// Send what waits, fetch what was decided; goes on until stopped.
    Sync {
        /// One round, then exit: 0 when nothing waits any more.
        #[arg(long)]
        once: bool,
    },
    /// What is wrong and what to do.
    Doctor,
    /// Replace the key the station signs with; the backend must answer.
    ReplaceKey,
    /// A whole visit without a window, on the virtual booth.
    Demo {
        /// Folder for the results.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Review the photo at the backend and fetch the outcome (needs the built-in backend).
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        review: bool,
    },
    /// Set the staff PIN, read from standard input.
    StaffPin,
    /// Write the TypeScript types of the window's commands.
    #[command(hide = true)]
    Bindings {
        /// Where to.
        #[arg(long)]
        out: PathBuf,
    },
}

/// What to do with the records.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum QueueCommand {
    /// A line a record, newest first.
    List {
        /// Only this state (saved, sending, delivered, approved, rejected, needs-person, purged, withdrawn …).
        #[arg(long)]
        state: Option<String>,
        /// Only where tag, shoot number or record begins so.
        #[arg(long)]
        search: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// How the sending goes: what waits, how fast it goes out, since when nobody answers.
    Status,
    /// One record with its history.
    Show {
        /// Record.
        id: String,
        /// Also write its photos and report into this folder.
        #[arg(long, value_name = "DIR")]
        photos: Option<PathBuf>,
    },
    /// Try again to send.
    Retry {
        /// Records; none means all that need a person.
        ids: Vec<String>,
    },
    /// Write records that wait into a bundle sealed to the vendor, to be carried by hand. They stay here, too.
    Export {
        /// The bundle.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Another station that may open it and send the records as its own: what `queue recipient` prints there.
        #[arg(long, value_name = "RECIPIENT")]
        to: Vec<String>,
    },
    /// Take in a bundle that names this station, or the receipts the vendor gave for one. Twice changes nothing.
    Import {
        /// The bundle, or the file of receipts.
        file: PathBuf,
    },
    /// To whom a bundle for this station is sealed: what to give `queue export --to` elsewhere.
    Recipient,
    /// Check every hash, chain and state.
    Verify,
    /// Delete one record's photos and secrets because its student asks for it; that it was done stays in its history.
    Forget {
        /// Record.
        id: String,
        /// Why, for the history: a ticket's number, a word. No name.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Also where no receipt has come: the photo may exist nowhere else.
        #[arg(long)]
        undelivered: bool,
    },
    /// Write a verified backup of everything, under the station's own key.
    Backup {
        /// Folder; without it the one in station.toml (`backup-folder`).
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// Put a backup in the place of a database that is gone or damaged, while the station does not run.
    Restore {
        /// The backup.
        backup: PathBuf,
    },
    /// Give the database a new key, while the station does not run. Backups made before open with the old key only.
    RotateKey,
    /// Delete photos that were delivered and whose retention is over.
    Purge,
}
