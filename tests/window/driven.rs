//! The program's window under WebDriver: a virtual display, the drivers, the program, and a person's hands on it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::hands::Window;

/// The longest a page may stand: a loaded machine renders a student and develops a photo slowly.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

fn wanted(name: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(
        || panic!("{name} is not set: run the window test by `cargo xtask test`"),
        PathBuf::from,
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A process that ends with the test, whatever happens, together with everything it started.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Group {
        Group(
            command
                .process_group(0)
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?}: {error}")),
        )
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        std::thread::sleep(Duration::from_millis(300));
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.0.wait();
    }
}

/// A virtual display of its own; `-displayfd` lets the server choose a free number. What it shows is in a file of this
/// folder.
fn display(folder: &Path) -> (Group, String) {
    let screen = std::env::var("PHOTO_STATION_SCREEN").unwrap_or_else(|_| "1920x1080".into());
    let mut server = Group::start(
        Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                &format!("{screen}x24"),
                "-nolisten",
                "tcp",
                "-fbdir",
            ])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    );
    let mut number = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut number)
        .unwrap();
    assert!(!number.trim().is_empty(), "Xvfb names no display");
    (server, format!(":{}", number.trim()))
}

/// The window shows one station at a time, and two of them would be slow on any machine.
pub(crate) static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What driver and program have said so far.
pub(crate) fn said(folder: &Path) -> String {
    let mut text = String::new();
    let _ = std::fs::File::open(folder.join("driver.log")).map(|mut f| f.read_to_string(&mut text));
    text
}

/// A display, a driver, and the window they show.
pub(crate) struct Stage {
    pub(crate) window: Window,
    _driver: Group,
    _display: Group,
    _frame: tempfile::TempDir,
}

/// What the window runs on, and how much it says.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) camera: &'a str,
    pub(crate) log: &'a str,
}

impl<'a> Scene<'a> {
    /// The program tells all.
    pub(crate) fn on(camera: &'a str) -> Scene<'a> {
        Scene { camera, log: "trace" }
    }
}

impl Stage {
    pub(crate) async fn start(
        folder: &Path,
        station: &Path,
        backend: &str,
        people: &Path,
        scene: Scene<'_>,
    ) -> Stage {
        let (tauri_driver, webkit_driver) = (
            wanted("PHOTO_STATION_TAURI_DRIVER"),
            wanted("PHOTO_STATION_WEBKIT_DRIVER"),
        );
        let models = std::env::var_os("PHOTO_STATION_MODELS").map_or_else(
            || {
                PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                    .join("assets")
                    .join("models")
            },
            PathBuf::from,
        );
        let frame = tempfile::tempdir().unwrap();
        let (display, number) = display(frame.path());
        let (port, native) = (free_port(), free_port());
        // A program that is started again goes on in the same file.
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("driver.log"))
            .unwrap();
        let driver = Group::start(
            Command::new(tauri_driver)
                .args([
                    "--port",
                    &port.to_string(),
                    "--native-port",
                    &native.to_string(),
                    "--native-driver",
                ])
                .arg(webkit_driver)
                .env("DISPLAY", &number)
                .env_remove("WAYLAND_DISPLAY")
                .env("GDK_BACKEND", "x11")
                .env("LIBGL_ALWAYS_SOFTWARE", "1")
                .env("PHOTO_STATION_MODELS", models)
                .env("PHOTO_STATION_DATA", station)
                .env("PHOTO_STATION_BACKEND", backend)
                .env("PHOTO_STATION_ACTIVATION", vendor_backend::demo::ACTIVATION_CODE)
                .env("PHOTO_STATION_REHEARSAL", people)
                .env("PHOTO_STATION_CAMERA", scene.camera)
                .env("PHOTO_STATION_LOG", scene.log)
                .env("RUST_BACKTRACE", "full")
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        );
        let client = connect(port)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", said(folder)));
        Stage {
            window: Window::of(client, frame.path()),
            _driver: driver,
            _display: display,
            _frame: frame,
        }
    }
}

/// A process of the program on this folder, by its file's name: the program itself, or its page's.
pub(crate) fn process(name: &str, station: &Path) -> Option<u32> {
    let data = format!("PHOTO_STATION_DATA={}", station.display()).into_bytes();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .find(|entry| {
            let (exe, environment) = (entry.path().join("exe"), entry.path().join("environ"));
            std::fs::read_link(exe).is_ok_and(|exe| exe.file_name().is_some_and(|file| file == name))
                && std::fs::read(environment)
                    .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == data))
        })
        .and_then(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Ends a process as a power cut does.
pub(crate) fn kill(process: u32) {
    let killed = Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(killed.unwrap().success(), "{process} is not there");
}

/// What the command line says of the records of a station, line by line; it must succeed.
pub(crate) fn queue(station: &Path, people: &Path, command: &str) -> Vec<Value> {
    let told = Command::new(env!("CARGO_BIN_EXE_photo-station"))
        .arg("--data")
        .arg(station)
        .arg("--rehearsal")
        .arg(people)
        .args(["--json", "queue", command])
        .output()
        .unwrap();
    let lines = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "queue {command}: {lines}");
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) const PIN: &str = "246802";

/// Sets the PIN as staff do, by the command line.
pub(crate) fn set_pin(station: &Path, people: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_photo-station"))
        .arg("--data")
        .arg(station)
        .arg("--rehearsal")
        .arg(people)
        .arg("staff-pin")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut command.stdin.take().unwrap(), PIN.as_bytes()).unwrap();
    assert!(command.wait().unwrap().success(), "the PIN could not be set");
}

async fn connect(port: u16) -> Result<Client, String> {
    let mut capabilities = serde_json::Map::new();
    capabilities.insert(
        "tauri:options".into(),
        json!({ "application": env!("CARGO_BIN_EXE_photo-station") }),
    );
    let since = Instant::now();
    loop {
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        match client {
            Ok(client) => return Ok(client),
            Err(error) if since.elapsed() > Duration::from_mins(1) => return Err(error.to_string()),
            Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
}
