//! The soak: one station serves visit after visit while its network, its backend and its camera come and go, and what
//! it holds of the computer is written down. Whatever leaks a little at each visit shows as a slope.
//!
//! Codes come by the hand scanner and photos from [`crate::station::darkroom`], so that a visit takes no longer than
//! the station makes it; the camera's and the eyes' threads run beside it on pictures of the virtual booth, which can
//! be pulled away like a cable.

use std::fmt;
use std::io::{Cursor, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use camera::{Act, BoothOptions, Camera, Script, SourceSpec};
use code::CodeText;
use image::codecs::jpeg::JpegEncoder;
use jiff::Timestamp;
use portrait::Models;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use station::rehearsal::play_watched;
use station::view::{Action, Page};
use station::{Config, Options, Station, StationError};

use crate::journal::{Line, say};
use crate::lane::{actors, models_folder};
use crate::process::{BackendRole, Process, Role, SoakRole, end_with_the_suite};
use crate::station::{Next, darkroom, drain_all, pay, sha256};
use crate::truth::{self, Chosen, Tally};

/// Visits between two samples.
const SAMPLE_EVERY: u32 = 50;
/// Samples of the second half for a verdict: the records' page cache (16 MiB) and the allocator fill during the first
/// hundreds of visits, and a slope over those is no leak.
const ENOUGH: usize = 15;
/// After which an idle helper thread of the station ends.
const HELPER_IDLE: Duration = Duration::from_millis(500);
/// Until everything idle is given back; a pooled connection may live longer, and is one.
const IDLE: Duration = Duration::from_secs(12);
/// So many more handles and threads than at the beginning are no leak.
pub(crate) const MORE: f64 = 4.0;
/// The longest the station may take for one visit, faults included, on a machine that has other things to do.
const VISIT: Duration = Duration::from_mins(15);
/// One student of so many leaves with a photo taken and none submitted.
const LEAVES: u32 = 7;
/// Over so many visits the projected growth must stay below [`Sample::limits`].
const PROJECTED: f64 = 5000.0;

/// What the station holds of the computer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) visit: u32,
    /// Resident memory in KiB.
    pub(crate) memory: f64,
    /// Open files, sockets and the like.
    pub(crate) handles: f64,
    pub(crate) threads: f64,
}

impl Sample {
    /// Reads it off this process; `None` on systems that do not tell it as files.
    #[cfg(target_os = "linux")]
    pub(crate) fn now(visit: u32) -> Option<Sample> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let memory = status.lines().find_map(|line| {
            let rest = line.strip_prefix("VmRSS:")?;
            rest.split_whitespace().next()?.parse().ok()
        })?;
        let count = |folder: &str| {
            std::fs::read_dir(folder)
                .ok()
                .map(|entries| entries.count() as f64)
        };
        Some(Sample {
            visit,
            memory,
            handles: count("/proc/self/fd")?,
            threads: count("/proc/self/task")?,
        })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now(_visit: u32) -> Option<Sample> {
        None
    }

    /// The growth over [`PROJECTED`] visits that is still called flat: 16 MiB, four handles, two threads.
    fn limits() -> [f64; 3] {
        [16.0 * 1024.0, 4.0, 2.0]
    }

    fn values(&self) -> [f64; 3] {
        [self.memory, self.handles, self.threads]
    }
}

/// What a soak found.
pub(crate) struct Report {
    pub(crate) samples: Vec<Sample>,
    pub(crate) tally: Tally,
    pub(crate) faults: [u32; 4],
    pub(crate) visits: u32,
    took: Duration,
}

const FAULTS: [&str; 4] = ["network gone", "backend killed", "5xx", "camera pulled"];
const NAMES: [&str; 3] = ["memory, KiB", "handles", "threads"];

impl Report {
    /// What the station says of its visits.
    fn take(&mut self, line: Line, chosen: &mut Vec<Chosen>) {
        match line {
            Line::Sampled { sample } => self.samples.push(sample),
            Line::Chose { student, standard } => chosen.push(Chosen {
                student,
                standard,
                confirmed: false,
                label: "soak".to_owned(),
            }),
            Line::Confirmed { standard, .. } => {
                self.tally.confirmed += 1;
                for one in chosen.iter_mut().rev().filter(|one| one.standard == standard) {
                    one.confirmed = true;
                }
            }
            Line::Ended { why } => *self.tally.ended.entry(why).or_default() += 1,
            other => self.tally.faults.push(format!("{other:?}")),
        }
    }

    /// Growth a visit over the second half with its standard error, and whether that is flat; for each of the three.
    pub(crate) fn slopes(&self) -> Option<[(f64, f64, bool); 3]> {
        let half = &self.samples[self.samples.len() / 2..];
        (half.len() >= ENOUGH).then(|| {
            std::array::from_fn(|which| {
                let points: Vec<(f64, f64)> = half
                    .iter()
                    .map(|sample| (f64::from(sample.visit), sample.values()[which]))
                    .collect();
                let (slope, error) = slope(&points);
                let flat = (slope - 2.0 * error) * PROJECTED <= Sample::limits()[which];
                (slope, error, flat)
            })
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>8} {:>12} {:>8} {:>8}",
            "visits", "memory, KiB", "handles", "threads"
        )?;
        let step = (self.samples.len() / 20).max(1);
        for sample in self.samples.iter().step_by(step) {
            writeln!(
                f,
                "{:>8} {:>12} {:>8} {:>8}",
                sample.visit, sample.memory, sample.handles, sample.threads
            )?;
        }
        for (name, count) in FAULTS.iter().zip(self.faults) {
            write!(f, "{name} {count} times; ")?;
        }
        writeln!(
            f,
            "{} visits in {:.0} s, {} photos confirmed",
            self.visits,
            self.took.as_secs_f64(),
            self.tally.confirmed
        )?;
        match self.slopes() {
            None => write!(f, "too few visits for a verdict on memory"),
            Some(slopes) => {
                for (name, (slope, error, flat)) in NAMES.iter().zip(slopes) {
                    writeln!(
                        f,
                        "{name}: {:+.2} ± {:.2} a thousand visits: {}",
                        slope * 1000.0,
                        error * 1000.0,
                        if flat { "flat" } else { "GROWS" }
                    )?;
                }
                Ok(())
            }
        }
    }
}

/// Least squares: the slope and its standard error.
fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let (mean_x, mean_y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
    let spread: f64 = points.iter().map(|point| (point.0 - mean_x).powi(2)).sum();
    let slope = points
        .iter()
        .map(|point| (point.0 - mean_x) * (point.1 - mean_y))
        .sum::<f64>()
        / spread;
    let rest: f64 = points
        .iter()
        .map(|point| (point.1 - mean_y - slope * (point.0 - mean_x)).powi(2))
        .sum();
    (slope, (rest / (n - 2.0) / spread).sqrt())
}

#[test]
fn a_slope_is_told_from_noise() {
    let noise = |n: u32| f64::from(n.wrapping_mul(2_654_435_761) >> 24);
    let flat: Vec<_> = (0..60)
        .map(|n| (f64::from(n) * 50.0, 40_000.0 + noise(n)))
        .collect();
    let (grows, error) = slope(&flat);
    assert!(grows.abs() < 3.0 * error, "{grows} ± {error}");
    let leaking: Vec<_> = flat.iter().map(|(x, y)| (*x, y + 4.0 * x)).collect();
    let (grows, error) = slope(&leaking);
    assert!(
        (grows - 4.0).abs() < 3.0 * error && grows > 10.0 * error,
        "{grows} ± {error}"
    );
}

/// What stands around the station and is broken now and then.
struct World<'a> {
    folder: &'a Path,
    booth: PathBuf,
    port: u16,
    wire: Wire,
    backend: Option<Process>,
    random: StdRng,
}

impl World<'_> {
    fn new(folder: &Path, seed: u64) -> World<'_> {
        let booth = folder.join("booth");
        pictures_of_the_booth(&booth);
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut world = World {
            folder,
            booth,
            port,
            wire: Wire::open(port),
            backend: None,
            random: StdRng::seed_from_u64(seed),
        };
        world.start_backend();
        world
    }

    fn start_backend(&mut self) {
        let backend = Process::start(&Role::Backend(BackendRole {
            vendor: "binyu".into(),
            data: self.folder.join("backend"),
            port: self.port,
        }));
        match backend.line_before(Instant::now() + Duration::from_mins(5)) {
            Some(Line::Ready) => self.backend = Some(backend),
            other => panic!("the backend does not start: {other:?} {}", backend.errors()),
        }
    }

    /// Breaks something for a while; which of [`FAULTS`] it was.
    fn broken(&mut self) -> usize {
        let fault = self.random.random_range(0..FAULTS.len());
        let lasts = self
            .random
            .random_range(Duration::from_millis(200)..Duration::from_millis(2500));
        match fault {
            0 => self.wire.broken(GONE, lasts),
            1 => {
                if let Some(mut backend) = self.backend.take() {
                    backend.kill();
                }
                std::thread::sleep(lasts / 2);
                self.start_backend();
            }
            2 => self.wire.broken(ERRORS, lasts),
            _ => {
                let away = self.booth.with_extension("away");
                std::fs::rename(&self.booth, &away).unwrap();
                std::thread::sleep(lasts);
                std::fs::rename(&away, &self.booth).unwrap();
            }
        }
        fault
    }

    fn next_fault(&mut self) -> Instant {
        Instant::now() + self.random.random_range(Duration::ZERO..Duration::from_secs(6))
    }
}

/// Runs so many visits in front of one station.
pub(crate) fn run(visits: u32, seed: u64, folder: &Path, shot: &Path) -> Report {
    let began = Instant::now();
    let mut world = World::new(folder, seed);
    let data = folder.join("station").join("data");
    let mut station = Process::start(&Role::Soak(SoakRole {
        visits,
        data: data.clone(),
        port: world.wire.port,
        shot: shot.to_owned(),
        booth: world.booth.clone(),
    }));
    let mut report = Report {
        samples: Vec::new(),
        tally: Tally::default(),
        faults: [0; 4],
        visits,
        took: Duration::ZERO,
    };
    let mut chosen: Vec<Chosen> = Vec::new();
    let mut next_fault = None;
    let mut heard_at = Instant::now();
    loop {
        let silence = heard_at + VISIT;
        match station.line_before(next_fault.unwrap_or(silence).min(silence)) {
            Some(Line::Ready) => next_fault = Some(world.next_fault()),
            Some(Line::VisitsDone) => next_fault = None,
            Some(Line::Drained {
                waiting,
                needs_person,
            }) => {
                if waiting > 0 || !needs_person.is_empty() {
                    let what = format!("{waiting} wait, {needs_person:?} need a person");
                    report.tally.faults.push(what);
                }
                break;
            }
            Some(line) => report.take(line, &mut chosen),
            None if next_fault.is_some_and(|at| Instant::now() >= at) => {
                report.faults[world.broken()] += 1;
                next_fault = Some(world.next_fault());
                continue;
            }
            None => {
                let status = station.ended_before(Instant::now());
                let errors = status.map(|_| station.errors()).unwrap_or_default();
                let what = format!("nothing is heard of the station any more ({status:?}): {errors}");
                report.tally.faults.push(what);
                break;
            }
        }
        heard_at = Instant::now();
    }
    station.kill();
    drop(world.backend.take());
    report.took = began.elapsed();
    truth::compare(&folder.join("backend"), &[data], &chosen, &mut report.tally);
    report
}

/// Two pictures of a student in the virtual booth, as small as a preview.
fn pictures_of_the_booth(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let camera = Camera::start(SourceSpec::VirtualBooth {
        options: BoothOptions {
            width: 640,
            height: 360,
            ..BoothOptions::default()
        },
        script: Script::new(Act::Sit),
    });
    let mut last = 0;
    for name in ["a.jpg", "b.jpg"] {
        let frame = camera
            .wait_newer(last, Duration::from_mins(1))
            .expect("a frame of the virtual booth");
        last = frame.sequence();
        let mut jpeg = Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut jpeg, 90)
            .encode_image(&frame.to_rgb().unwrap())
            .unwrap();
        std::fs::write(folder.join(name), jpeg.into_inner()).unwrap();
    }
}

const PASSES: u8 = 0;
const GONE: u8 = 1;
const ERRORS: u8 = 2;

/// The network between station and backend: a port that passes everything on, or cuts it, or answers for a backend
/// that is out of order.
struct Wire {
    port: u16,
    mode: Arc<AtomicU8>,
}

impl Wire {
    fn open(backend: u16) -> Wire {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(PASSES));
        let shared = Arc::clone(&mode);
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let mode = Arc::clone(&shared);
                std::thread::spawn(move || match mode.load(Ordering::Relaxed) {
                    PASSES => {
                        if let Ok(callee) = TcpStream::connect(("127.0.0.1", backend)) {
                            join(&caller, &callee, &mode);
                        }
                    }
                    ERRORS => answer(caller),
                    _ => {}
                });
            }
        });
        Wire { port, mode }
    }

    fn broken(&self, how: u8, lasts: Duration) {
        self.mode.store(how, Ordering::Relaxed);
        std::thread::sleep(lasts);
        self.mode.store(PASSES, Ordering::Relaxed);
    }
}

fn answer(mut caller: TcpStream) {
    let _ = caller.set_read_timeout(Some(Duration::from_millis(200)));
    let _ = caller.read(&mut [0; 4096]);
    let _ = caller.write_all(
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
}

/// Passes bytes both ways until one side ends or the wire is cut.
fn join(caller: &TcpStream, callee: &TcpStream, mode: &AtomicU8) {
    std::thread::scope(|scope| {
        for (from, to) in [(caller, callee), (callee, caller)] {
            scope.spawn(move || {
                let (mut from, mut to) = (from, to);
                let _ = from.set_read_timeout(Some(Duration::from_millis(50)));
                let mut bytes = vec![0; 64 << 10];
                while mode.load(Ordering::Relaxed) == PASSES {
                    match from.read(&mut bytes) {
                        Ok(0) => break,
                        Ok(n) if to.write_all(&bytes[..n]).is_ok() => {}
                        Err(error)
                            if matches!(
                                error.kind(),
                                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                            ) => {}
                        _ => break,
                    }
                }
                for side in [from, to] {
                    let _ = side.shutdown(Shutdown::Both);
                }
            });
        }
    });
}

/// The station of the soak, as a process of its own.
///
/// Its helper threads end after [`HELPER_IDLE`]: with tokio's usual ten seconds the work of every few seconds, dealt out
/// to all of them in turn, keeps as many as were ever needed at once, and that most creeps up over thousands of visits.
/// What stays now is held by something.
pub(crate) fn serve(role: &SoakRole) {
    end_with_the_suite();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_keep_alive(HELPER_IDLE)
        .enable_all()
        .build()
        .expect("a runtime");
    if let Err(error) = runtime.block_on(visits(role)) {
        say(&Line::Failed {
            why: error.to_string(),
        });
    }
}

async fn visits(role: &SoakRole) -> Result<(), StationError> {
    let everybody = actors();
    let next = Next::default();
    let station = open(role, &next).await?;
    let mut views = station.views();
    let open = views
        .wait_for(|view| !matches!(view.page, Page::OutOfService { .. }))
        .await;
    open.expect("the station is there");
    let mut first = None;
    for visit in 0..role.visits {
        // The first three make what is made once: connections, caches, threads.
        if visit == 3 {
            tokio::time::sleep(IDLE).await;
            first = sample(visit);
            say(&Line::Ready);
        } else if visit > 3 && visit % SAMPLE_EVERY == 0 {
            tidy(&station).await?;
            sample(visit);
        }
        let leaves = visit % LEAVES == LEAVES - 1;
        one(
            &station,
            &everybody,
            visit as usize % everybody.len(),
            &next,
            leaves,
        )
        .await;
    }
    say(&Line::VisitsDone);
    drain_all(&station).await?;
    tidy(&station).await?;
    rest(first).await;
    sample(role.visits);
    let counts = station.with_records(|store| store.counts()).await?;
    say(&Line::Drained {
        waiting: counts.waiting(),
        needs_person: vec!["a record".to_owned(); counts.needs_person as usize],
    });
    Ok(())
}

fn sample(visit: u32) -> Option<Sample> {
    let sample = Sample::now(visit)?;
    say(&Line::Sampled { sample });
    Some(sample)
}

/// Until what was used for the last visits is given back: [`IDLE`], and longer where the machine has other things to do.
async fn rest(first: Option<Sample>) {
    tokio::time::sleep(IDLE).await;
    for _ in 0..60 {
        let (Some(first), Some(now)) = (first, Sample::now(0)) else {
            return;
        };
        if now.threads <= first.threads + MORE && now.handles <= first.handles + MORE {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// As a night does: what was delivered goes.
async fn tidy(station: &Station) -> Result<(), StationError> {
    station
        .with_records(|store| store.purge(Timestamp::now(), Duration::ZERO).map(|_| ()))
        .await
}

async fn open(role: &SoakRole, next: &Next) -> Result<Station, StationError> {
    let models = Models::load(&models_folder()).expect("the vision models; `cargo xtask setup` makes them");
    let source = SourceSpec::Pictures {
        path: role.booth.clone(),
        fps: 5,
    };
    let options = Options {
        data: role.data.clone(),
        config: Config {
            backend: format!("http://127.0.0.1:{}", role.port),
            profile: "binyu".into(),
            countdown: 0,
            automatic_shutter: false,
            least_free_mb: 0,
            ..Config::default()
        },
        key_in_file: true,
        eyes: Some((source, Arc::new(models))),
        activation: Some(vendor_backend::demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    Station::open_with(options, Some(darkroom(&role.shot, next.clone()))).await
}

/// One student, who may leave with a photo taken and none submitted.
async fn one(
    station: &Station,
    everybody: &[station::rehearsal::Actor],
    student: usize,
    next: &Next,
    leaves: bool,
) {
    *next.lock().unwrap() = uuid::Uuid::now_v7().to_string();
    let actor = &everybody[student];
    let mut chosen = None;
    let left = tokio::sync::Notify::new();
    let watch = |page: &Page| match page {
        Page::ChoosePhoto { .. } if leaves => {
            station.act(Action::Cancel);
            left.notify_one();
        }
        Page::Scan { .. } => station.code_read(CodeText::new(actor.records[0].code.clone().into_bytes())),
        Page::Framing { .. } => station.act(Action::Shoot),
        Page::LastLook { candidate, .. } => {
            let standard = station.candidate(candidate.id).map(|jpeg| sha256(&jpeg));
            let standard = standard.expect("the photo on the screen");
            say(&Line::Chose {
                student,
                standard: standard.clone(),
            });
            chosen = Some(standard);
        }
        _ => {}
    };
    let ended = tokio::select! {
        played = tokio::time::timeout(VISIT / 3, play_watched(station, actor, pay, watch)) => match played {
            Ok(played) => played.map(|_| ()).map_err(|error| error.to_string()),
            Err(_) => Err("it took too long".to_owned()),
        },
        () = left.notified() => Err("the student left with a photo taken".to_owned()),
    };
    match ended {
        Ok(()) => say(&Line::Confirmed {
            student,
            standard: chosen.expect("who is done has chosen"),
        }),
        Err(why) => say(&Line::Ended { why }),
    }
    let mut views = station.views();
    station.act(Action::Finish);
    let back = tokio::time::timeout(Duration::from_secs(20), async {
        while !matches!(
            views.borrow_and_update().page,
            Page::Welcome { .. } | Page::OutOfService { .. }
        ) {
            views.changed().await.expect("the station is there");
        }
    });
    if back.await.is_err() {
        station.act(Action::Cancel);
    }
}
