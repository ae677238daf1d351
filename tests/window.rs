//! One visit in the real window, driven by WebDriver under a virtual display, on the virtual booth, with the
//! reference backend over HTTP. It ends with the receipt on the screen. A second student's code comes by a hand-held
//! scanner's keys and by a picture from the staff's stick. The program speaks at its most verbose all the while, and
//! nothing the students gave is in what it said.
//!
//! `cargo xtask test` names the drivers (`PHOTO_STATION_TAURI_DRIVER`, `PHOTO_STATION_WEBKIT_DRIVER`). With
//! `PHOTO_STATION_SHOTS=DIR` every page leaves a picture there; `PHOTO_STATION_SCREEN=1080x1920` turns the
//! screen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
#![cfg(target_os = "linux")]

#[path = "secrets/search.rs"]
mod search;
#[path = "secrets/shown.rs"]
mod shown;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use shown::shown;
use vendor_backend::{AutoReview, Backend, BackendOptions, DemoCase, DemoPerson};

/// The longest a page may stand: a loaded machine renders a student and develops a photo slowly.
const PATIENCE: Duration = Duration::from_mins(2);

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

/// A virtual display of its own; `-displayfd` lets the server choose a free number.
fn display() -> (Group, String) {
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
            ])
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

/// The window under WebDriver.
struct Window {
    client: Client,
    shots: Option<PathBuf>,
    taken: u32,
}

fn id(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

impl Window {
    async fn page(&self) -> Option<String> {
        let booth = self.client.find(Locator::Css(&id("booth"))).await.ok()?;
        booth.attr("data-page").await.ok().flatten()
    }

    /// Waits until another page than `left` stands there.
    async fn next_after(&mut self, left: &str) -> String {
        let since = Instant::now();
        loop {
            if let Some(page) = self.page().await
                && page != left
                && !page.is_empty()
            {
                return page;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "the window stands still on the page {left:?}: {}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// The element of this name; a page may still be gliding in.
    async fn element(&self, name: &str) -> Element {
        let found = self
            .client
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(&id(name)))
            .await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("no {name}: {error}\n{}", self.text().await),
        }
    }

    /// What stands there once it can be seen.
    async fn words(&self, name: &str) -> String {
        let since = Instant::now();
        loop {
            let words = self.element(name).await.text().await.unwrap_or_default();
            if !words.trim().is_empty() {
                return words;
            }
            assert!(since.elapsed() < PATIENCE, "{name} says nothing");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn click(&self, name: &str) {
        let since = Instant::now();
        // A person would touch again, too.
        while let Err(error) = self.element(name).await.click().await {
            assert!(since.elapsed() < PATIENCE, "{name} cannot be touched: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn types(&self, name: &str, text: &str) {
        self.element(name).await.send_keys(text).await.unwrap();
    }

    /// Keys as a scanner presses them: to nothing on the page, five milliseconds apart, and Enter.
    async fn keys(&self, text: &str) {
        let actions = text.chars().chain([char::from(Key::Enter)]).fold(
            KeyActions::new("scanner".to_owned()),
            |keys, value| {
                keys.then(KeyAction::Down { value })
                    .then(KeyAction::Up { value })
                    .then(KeyAction::Pause {
                        duration: Duration::from_millis(5),
                    })
            },
        );
        self.client.perform_actions(actions).await.unwrap();
    }

    async fn finds_the_school(&self, student: &DemoPerson) {
        self.types("field-school", &student.record().school).await;
        let field = self.client.active_element().await.unwrap();
        field.send_keys(&Key::Tab.to_string()).await.unwrap();
        self.click(&format!("level-{}", student.record().level)).await;
        self.click("search-school").await;
        self.click("school").await;
    }

    /// Waits until the scan page says this of what the camera sees.
    async fn sees(&self, sight: &str) {
        let hint = format!("[data-testid=\"scan-hint\"][data-sight=\"{sight}\"]");
        let found = self.client.wait().at_most(PATIENCE);
        if let Err(error) = found.for_element(Locator::Css(&hint)).await {
            panic!("{sight} is not seen: {error}\n{}", self.text().await);
        }
    }

    async fn until_page(&self, page: &str) {
        let since = Instant::now();
        while self.page().await.as_deref() != Some(page) {
            assert!(
                since.elapsed() < PATIENCE,
                "no page {page}: {}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The staff pages are opened by their PIN.
    async fn staff_come(&self) {
        let logo = self.element("logo").await;
        for _ in 0..5 {
            logo.click().await.unwrap();
        }
        for key in PIN.chars() {
            self.click(&format!("key-{key}")).await;
        }
        self.click("pin-enter").await;
    }

    /// Hands a picture in as the staff's button does, and says what the station said: what it sees, or its refusal.
    async fn scan_picture(&self, file: &[u8]) -> Result<String, String> {
        let ask = "const [file, done] = arguments;
            window.__TAURI_INTERNALS__.invoke('scan_picture', { file })
                .then(sight => done({ sight }), refused => done({ refused: refused.code ?? String(refused) }))";
        let answer = self.client.execute_async(ask, vec![json!(file)]).await.unwrap();
        match answer["sight"].as_str() {
            Some(sight) => Ok(sight.to_owned()),
            None => Err(answer["refused"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// What a telephone held before the screen reads.
    async fn payment_address(&self) -> String {
        self.element("pay-qr").await;
        let since = Instant::now();
        loop {
            let screen = image::load_from_memory(&self.client.screenshot().await.unwrap()).unwrap();
            if let Some(code) = code::Reader::new().read(&screen.to_luma8()).first() {
                return String::from_utf8(code.text.expose().to_vec()).unwrap();
            }
            assert!(
                since.elapsed() < PATIENCE,
                "no payment code can be read: {}",
                self.text().await
            );
        }
    }

    /// Remembers from here on whatever the content security policy refuses.
    async fn watch_the_policy(&self) {
        let watch = "window.refused = []; document.addEventListener('securitypolicyviolation', \
                     event => window.refused.push(event.effectiveDirective + ' ' + event.blockedURI))";
        self.client.execute(watch, Vec::new()).await.unwrap();
    }

    async fn refused_by_the_policy(&self) -> Vec<String> {
        let refused = self.client.execute("return window.refused", Vec::new()).await;
        serde_json::from_value(refused.unwrap()).unwrap()
    }

    async fn shot(&mut self, page: &str) {
        let Some(folder) = &self.shots else { return };
        // The page has glided in, motion and pictures have settled.
        let stands = id(&format!("page-{page}"));
        let _ = self
            .client
            .wait()
            .at_most(Duration::from_secs(10))
            .for_element(Locator::Css(&stands))
            .await;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        self.taken += 1;
        if let Ok(png) = self.client.screenshot().await {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(format!("{:02}-{page}.png", self.taken)), png).unwrap();
        }
    }
}

/// The window shows one station at a time, and two of them would be slow on any machine.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What driver and program have said so far.
fn said(folder: &Path) -> String {
    let mut text = String::new();
    let _ = std::fs::File::open(folder.join("driver.log")).map(|mut f| f.read_to_string(&mut text));
    text
}

/// A display, a driver, and the window they show.
struct Stage {
    window: Window,
    _driver: Group,
    _display: Group,
}

impl Stage {
    async fn start(folder: &Path, station: &Path, backend: &str, people: &Path) -> Stage {
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
        let (display, number) = display();
        let (port, native) = (free_port(), free_port());
        let log = std::fs::File::create(folder.join("driver.log")).unwrap();
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
                .env("PHOTO_STATION_CAMERA", "virtual")
                .env("PHOTO_STATION_LOG", "trace")
                .env("RUST_BACKTRACE", "full")
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        );
        let client = connect(port)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", said(folder)));
        Stage {
            window: Window {
                client,
                shots: std::env::var_os("PHOTO_STATION_SHOTS").map(PathBuf::from),
                taken: 0,
            },
            _driver: driver,
            _display: display,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one visit from beginning to end")]
async fn a_student_goes_through_the_window_to_the_receipt() {
    let _one = ONE_AT_A_TIME.lock().await;
    // What the test itself holds of the students is not among what is searched.
    let (folder, known) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = BackendOptions {
        auto_review: AutoReview::Off,
        ..BackendOptions::demo("biyezhengzhao").unwrap()
    };
    let backend = Backend::start(options).await.unwrap();
    let student = backend.person(DemoCase::EndsInX).unwrap();
    // The second to come holds a payment code up: theirs comes another way.
    let mut second = backend.person(DemoCase::ClassPayment).unwrap();
    let seconds_code = std::mem::replace(&mut second.records[0].code, "wxp://f2f0example".to_owned());
    let people = known.path().join("people.json");
    std::fs::write(&people, serde_json::to_vec(&[&student, &second]).unwrap()).unwrap();
    let picture = known.path().join("code.png");
    shown(&seconds_code).save(&picture).unwrap();
    let station = folder.path().join("station");
    set_pin(&station, &people);

    let mut stage = Stage::start(folder.path(), &station, backend.url(), &people).await;
    let window = &mut stage.window;
    window.watch_the_policy().await;

    let mut seen: Vec<String> = Vec::new();
    let mut left = String::new();
    loop {
        let page = window.next_after(&left).await;
        if page != "working" && page != "out-of-service" {
            window.shot(&page).await;
        }
        // The shot took a moment: the page may have gone on by itself.
        if window.page().await.as_deref() != Some(page.as_str()) {
            seen.push(page);
            continue;
        }
        match page.as_str() {
            "welcome" => window.click("start").await,
            "find-school" => window.finds_the_school(&student).await,
            "prove-last-four" => {
                for key in student.last_four.chars() {
                    window.click(&format!("key-{key}")).await;
                }
                window.click("prove-submit").await;
            }
            "confirm" => {
                let name = window.words("masked-name").await;
                assert!(
                    name.contains('*') && !name.contains(&student.name),
                    "the name is masked: {name}"
                );
                window.click("it-is-me").await;
            }
            "choose-record" => window.click("record").await,
            "requirements" => {
                window.click("consent").await;
                window.click("consent-next").await;
            }
            "pay" => {
                // As a telephone does: read the code on the screen, open its address, pay.
                let address = window.payment_address().await;
                backend.pay(&address).await.unwrap();
            }
            "choose-photo" => window.click("take-1").await,
            "last-look" => window.click("submit").await,
            "done" => break,
            "not-possible" => panic!("the visit was not possible: {}", window.text().await),
            // Scan, framing and the pages that wait for the machine go on by themselves.
            _ => {}
        }
        left.clone_from(&page);
        seen.push(page);
    }
    for page in [
        "welcome",
        "scan",
        "prove-last-four",
        "confirm",
        "requirements",
        "pay",
        "framing",
        "last-look",
    ] {
        assert!(seen.iter().any(|s| s == page), "no page {page} among {seen:?}");
    }
    let number = window.words("receipt").await;
    assert!(
        number.contains("R-"),
        "the receipt's number is on the screen: {number}"
    );
    window.shot("receipt").await;
    window.click("finish").await;
    assert_eq!(window.next_after("done").await, "welcome");
    let since = Instant::now();
    while window.text().await.contains(&number) {
        assert!(
            since.elapsed() < PATIENCE,
            "something of the last student is left"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    staff_find_the_record(window, &number).await;
    window.click("staff-leave").await;
    other_ways_in(window, &second, &seconds_code, &picture).await;
    assert_eq!(window.refused_by_the_policy().await, Vec::<String>::new());
    stage.window.client.close().await.unwrap();
    backend.stop().await;

    let mut needles = search::Needles::default();
    needles.add("a collection code", student.code());
    needles.add("a collection code", &seconds_code);
    needles.add("a name", &student.name);
    needles.add("an ID number", &student.id_number);
    needles.add_short("the end of an ID number", &student.last_four);
    let words = said(folder.path());
    for voice in ["TRACE", "hyper"] {
        assert!(words.contains(voice), "nothing of {voice} in what was said");
    }
    let report = needles.search(folder.path());
    assert!(report.found.is_empty(), "{}", report.found.join("\n"));
}

/// A booth whose key is gone shows a page, not a dead screen, and serves once the key is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_cannot_open_says_why_in_the_window_and_opens_when_it_is_mended() {
    let _one = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::start(BackendOptions::demo("biyezhengzhao").unwrap())
        .await
        .unwrap();
    let people = folder.path().join("people.json");
    let student = backend.person(DemoCase::Ordinary).unwrap();
    std::fs::write(&people, serde_json::to_vec(&[&student]).unwrap()).unwrap();
    let station = folder.path().join("station");
    set_pin(&station, &people);
    let (key, aside) = (station.join("records.key"), folder.path().join("records.key"));
    std::fs::rename(&key, &aside).unwrap();

    let mut stage = Stage::start(folder.path(), &station, backend.url(), &people).await;
    let window = &mut stage.window;
    assert_eq!(window.next_after("").await, "out-of-service");
    let page = window.element("page-out-of-service").await;
    assert_eq!(page.attr("data-reason").await.unwrap().as_deref(), Some("key"));
    for (name, says) in [("out-kept", "没有任何改动"), ("out-todo", "放回密钥")] {
        let words = window.words(name).await;
        assert!(words.contains(says), "{words}");
    }
    window.shot("out-of-service").await;
    assert!(!key.exists(), "no new key was made");
    // The doctor says the same, and changes as little.
    let doctor = Command::new(env!("CARGO_BIN_EXE_photo-station"))
        .arg("--data")
        .arg(&station)
        .arg("--rehearsal")
        .arg(&people)
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success());
    assert!(
        found.contains("\"subject\":\"database\"") && found.contains("records.key"),
        "{found}"
    );
    assert!(!key.exists());

    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(window.next_after("out-of-service").await, "welcome");
    stage.window.client.close().await.unwrap();
    backend.stop().await;
}

/// The second visit up to the scan page: its code typed by a scanner, and then read off a picture by staff.
async fn other_ways_in(window: &mut Window, student: &DemoPerson, code: &str, picture: &Path) {
    window.next_after("").await;
    window.click("start").await;
    window.finds_the_school(student).await;
    window.sees("payment").await;
    // On a machine with much else to do a scanner's keys may come as slowly as a hand's: then one scans again.
    let since = Instant::now();
    while window.page().await.as_deref() == Some("scan") {
        assert!(since.elapsed() < PATIENCE, "the scanner's keys are not taken");
        window.keys(code).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    window.until_page("prove-last-four").await;
    window.click("back").await;
    window.sees("payment").await;

    let bytes = std::fs::read(picture).unwrap();
    assert_eq!(window.scan_picture(&bytes).await, Err("staff-only".to_owned()));
    window.staff_come().await;
    window.element("queue-table").await;
    assert_eq!(
        window.scan_picture(b"not a picture").await,
        Ok("unclear".to_owned())
    );
    assert_eq!(window.scan_picture(&bytes).await, Ok("steady".to_owned()));
    window.click("staff-leave").await;
    window.until_page("prove-last-four").await;
    assert_eq!(
        window.scan_picture(&bytes).await,
        Err("staff-only".to_owned()),
        "the staff have left"
    );
    window.click("cancel").await;
    window.until_page("welcome").await;
}

/// The staff page behind the PIN lists the record.
async fn staff_find_the_record(window: &mut Window, receipt: &str) {
    window.staff_come().await;
    let table = window.element("queue-table").await;
    let since = Instant::now();
    loop {
        let rows = table.text().await.unwrap_or_default();
        // The list shows the state in words; the receipt belongs to the record's own page.
        if rows.contains("已送达") {
            assert!(!rows.contains(receipt));
            break;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "the queue does not show the record: {rows}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    window.shot("queue").await;
}

const PIN: &str = "246802";

/// Sets the PIN as staff do, by the command line.
fn set_pin(station: &std::path::Path, people: &std::path::Path) {
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
