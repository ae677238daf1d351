//! What is measured, and the table of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use code::CodeText;
use jiff::Timestamp;
use portrait::{Models, Original};
use serde_json::{Value, json};
use station::rehearsal::{Actor, RehearsalError, play_watched};
use station::view::{Action, Page};
use station::visit::Shot;
use station::{Config, Darkroom, Options, Station};
use vendor_backend::{DemoCase, DemoPerson, demo};
use virtual_booth::{Act, Booth, BoothOptions};

use crate::driven::{PATIENCE, PIN, Scene, Stage};
use crate::hands::Window;
use crate::lens::{Lens, Seeing};
use crate::place::Place;
use crate::visit::Visit;

/// Different pictures of the camera: a second of them, so that nothing is remembered by a cache.
const LOOP: u64 = 30;
/// How long the preview is watched.
const WATCHED: Duration = Duration::from_secs(12);
/// Visits in the window.
const VISITS: usize = 4;
/// Visits without a window, as fast as they go.
const HURRIED: usize = 20;
/// The campus's own rate: ten seconds a student are 360; with room for two in three being quicker.
const VISITS_AN_HOUR: f64 = 600.0;

/// One line of the table.
struct Line {
    what: &'static str,
    measured: f64,
    goal: f64,
    unit: &'static str,
    /// Whether more is better.
    more: bool,
}

impl Line {
    fn tell(&self) -> String {
        let ratio = self.measured / self.goal;
        let met = if self.more { ratio >= 1.0 } else { ratio <= 1.0 };
        format!(
            "| {} | {:.1} {} | {} {} {} | {:.2} | {} |",
            self.what,
            self.measured,
            self.unit,
            if self.more { "≥" } else { "≤" },
            self.goal,
            self.unit,
            ratio,
            if met { "met" } else { "MISSED" }
        )
    }
}

pub(crate) fn all() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{cores} cores, drawn in software at 1920×1080 under Xvfb\n");
    println!("| | measured | goal | ratio | |\n| --- | ---: | ---: | ---: | --- |");
    // Each part as soon as it is measured: what comes after it may fail.
    let tell = |lines: Vec<Line>| lines.iter().for_each(|line| println!("{}", line.tell()));
    runtime.block_on(async {
        eprintln!("the preview, of a 720p camera …");
        tell(preview().await);
        eprintln!("{VISITS} visits in the window, before that camera …");
        tell(visits().await);
        eprintln!("{HURRIED} visits without a window, as fast as they go …");
        tell(vec![hurried().await]);
    });
}

fn models() -> PathBuf {
    std::env::var_os("PHOTO_STATION_MODELS").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("assets")
                .join("models")
        },
        PathBuf::from,
    )
}

/// A camera of 720p at 30 frames a second whose pictures were rendered beforehand: a real one costs no processor.
fn webcam() -> Lens {
    Lens::seeing(Seeing {
        booth: BoothOptions {
            width: 1280,
            height: 720,
            ..BoothOptions::default()
        },
        rate: 30.0,
        pictures: LOOP,
    })
}

/// People who come without anything particular, one after the other.
fn ordinary_people(place: &Place) -> Vec<DemoPerson> {
    let crowd = place.crowd(DemoCase::Ordinary);
    place.come(&crowd);
    crowd
}

async fn window(place: &Place, camera: &str) -> Stage {
    let scene = Scene {
        log: "warn",
        ..Scene::on(camera)
    };
    place.opens_with(scene).await
}

async fn invoke(window: &Window, command: &str, given: Value) -> Value {
    let ask = "const [command, given, done] = arguments;
        window.__TAURI_INTERNALS__.invoke(command, given).then(done, refused => done({ refused: String(refused.code) }))";
    window
        .client
        .execute_async(ask, vec![json!(command), given])
        .await
        .unwrap()
}

/// The station's own figures: what staff see under "about".
async fn reading(window: &Window) -> Value {
    let opened = invoke(window, "staff_login", json!({ "pin": PIN })).await;
    assert_eq!(opened, json!(true), "the staff's PIN");
    let reading = invoke(window, "timing", json!({})).await;
    invoke(window, "staff_logout", json!({})).await;
    reading
}

fn number(reading: &Value, path: &str) -> f64 {
    reading
        .pointer(path)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no {path} in {reading}"))
}

async fn preview() -> Vec<Line> {
    let place = Place::usual().await;
    let crowd = ordinary_people(&place);
    let mut lens = webcam();
    lens.shows(&Act::Sit);
    let config = Config {
        automatic_shutter: false,
        ..Config::load(&place.station()).unwrap()
    };
    config.save(&place.station()).unwrap();
    let mut stage = window(&place, &lens.camera()).await;
    stage.window.until_page("welcome").await;
    let usable = usable_after(&stage.window).await;
    Visit::by_keys(&place, &crowd[0])
        .goes_on_to(&mut stage.window, "framing")
        .await;
    tokio::time::sleep(WATCHED).await;
    let told = reading(&stage.window).await;
    stage.window.client.clone().close().await.unwrap();
    drop(stage);
    vec![
        Line {
            what: "preview drawn, with guides, 720p camera",
            measured: number(&told, "/shown_fps"),
            goal: 28.0,
            unit: "fps",
            more: true,
        },
        Line {
            what: "from the camera's frame to the screen, p50",
            measured: number(&told, "/frame_to_screen/p50"),
            goal: 80.0,
            unit: "ms",
            more: false,
        },
        Line {
            what: "from the camera's frame to the screen, p95",
            measured: number(&told, "/frame_to_screen/p95"),
            goal: 80.0,
            unit: "ms",
            more: false,
        },
        Line {
            what: "window usable after its start",
            measured: usable,
            goal: 1500.0,
            unit: "ms",
            more: false,
        },
    ]
}

/// From the program's start to its first page painted, in milliseconds.
async fn usable_after(window: &Window) -> f64 {
    let mark = "const mark = performance.getEntriesByName('usable')[0];
        return mark ? performance.timeOrigin + mark.startTime : null";
    let since = Instant::now();
    let painted = loop {
        if let Some(at) = window.client.execute(mark, Vec::new()).await.unwrap().as_f64() {
            break at;
        }
        assert!(since.elapsed() < PATIENCE, "no page was painted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    painted - started_at()
}

/// When the program was started, in milliseconds since the epoch; exact to ten.
fn started_at() -> f64 {
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_photo-station")).unwrap();
    let ticks = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program))
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let after_name = stat.rsplit_once(')')?.1;
            // starttime is the 22nd field, the 20th after the name; in hundredths of a second since the boot.
            after_name.split_whitespace().nth(19)?.parse::<f64>().ok()
        })
        .reduce(f64::min)
        .expect("the program runs");
    let uptime: f64 = std::fs::read_to_string("/proc/uptime")
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    1000.0 * (now - uptime + ticks / 100.0)
}

async fn visits() -> Vec<Line> {
    let place = Place::usual().await;
    let crowd = ordinary_people(&place);
    let mut lens = webcam();
    let sits = lens.rendered(&Act::Sit);
    let wall = lens.rendered(&Act::EmptyWall);
    let mut stage = window(&place, &lens.camera()).await;
    for person in crowd.iter().cycle().take(VISITS) {
        let code = lens.rendered(&Act::ShowCode(person.code().to_owned()));
        let visit = Visit::before_the_camera(&place, person);
        let window = &mut stage.window;
        window.until_page("welcome").await;
        visit.goes_on_to(window, "scan").await;
        lens.shows_these(code);
        window.next_after("scan").await;
        lens.shows_these(Arc::clone(&sits));
        visit.goes_on_to(window, "done").await;
        lens.shows_these(Arc::clone(&wall));
        window.click("finish").await;
    }
    stage.window.until_page("welcome").await;
    let told = reading(&stage.window).await;
    stage.window.client.clone().close().await.unwrap();
    drop(stage);
    let shares: Vec<f64> = told["visits"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|visit| visit["machine_ms"].as_f64())
        .collect();
    assert_eq!(shares.len(), VISITS, "{told}");
    let line = |what, measured, goal| Line {
        what,
        measured,
        goal,
        unit: "ms",
        more: false,
    };
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    vec![
        line(
            "code's frame to the next page, p50",
            number(&told, "/scan_to_page/p50"),
            100.0,
        ),
        line(
            "code's frame to the next page, p95",
            number(&told, "/scan_to_page/p95"),
            100.0,
        ),
        line(
            "a touch's answer to the drawn page, p50",
            number(&told, "/page_drawn/p50"),
            100.0,
        ),
        line(
            "a touch's answer to the drawn page, p95",
            number(&told, "/page_drawn/p95"),
            100.0,
        ),
        line(
            "shutter to standard photo, p50",
            number(&told, "/develop/p50"),
            500.0,
        ),
        line("a photo kept, p95", number(&told, "/save/p95"), 50.0),
        line("machine's share of a visit, mean", mean, 1000.0),
    ]
}

/// Visits of people who do not hesitate, developed, kept and handed in for real: how many an hour the machine takes.
async fn hurried() -> Line {
    let place = Place::usual().await;
    let crowd = ordinary_people(&place);
    let models = Arc::new(Models::load(&models()).unwrap());
    let capture = Booth::new(BoothOptions::default()).frame(&Act::Sit, 0);
    let capture = Original::from_rgb(capture).unwrap();
    let darkroom: Darkroom = Arc::new(move |spec| {
        let outcome = portrait::standardize(&models, &capture, spec, None);
        let photo = outcome.photo.expect("a proper student");
        Ok(Arc::new(Shot {
            original: capture.bytes().to_vec(),
            standard: photo.jpeg,
            report: outcome.report,
            remarks: Vec::new(),
            captured_at: Timestamp::now(),
        }))
    });
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data: folder.path().to_path_buf(),
        config: Config {
            backend: place.backend().url().to_owned(),
            countdown: 0,
            least_free_mb: 0,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: Some(demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    let station = Station::open_with(options, Some(darkroom)).await.unwrap();
    assert!(station.enrolled_within(Duration::from_secs(30)).await);
    assert!(crowd.len() >= HURRIED);
    let began = Instant::now();
    for person in crowd.iter().take(HURRIED) {
        let actor: Actor = serde_json::from_value(serde_json::to_value(person).unwrap()).unwrap();
        let pay = async |url: String| {
            let paid = place.backend().pay(&url).await;
            paid.map_err(|error| RehearsalError::Payment(error.to_string()))
        };
        play_watched(&station, &actor, pay, |page| match page {
            Page::Scan { .. } => station.code_read(CodeText::new(person.code().as_bytes().to_vec())),
            Page::Framing { .. } => station.act(Action::Shoot),
            _ => {}
        })
        .await
        .unwrap();
        station.act(Action::Finish);
        let mut views = station.views();
        views
            .wait_for(|view| matches!(view.page, Page::Welcome { .. }))
            .await
            .unwrap();
    }
    let an_hour = HURRIED as f64 / began.elapsed().as_secs_f64() * 3600.0;
    drop(station);
    Line {
        what: "visits an hour, one after the other, without a window",
        measured: an_hour,
        goal: VISITS_AN_HOUR,
        unit: "",
        more: true,
    }
}
