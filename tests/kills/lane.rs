//! One vendor's backend, its station, and the hand that ends them.

use std::io::Cursor;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use camera::{Act, BoothOptions, Camera, Script, SourceSpec};
use image::codecs::jpeg::JpegEncoder;
use portrait::{Models, Original, Spec};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use station::rehearsal::Actor;
use vendor_backend::{DemoCase, DemoPerson};

use crate::journal::Line;
use crate::points::{POINTS, Reached};
use crate::process::{BackendRole, Process, Role, StationRole};
use crate::truth::{self, Chosen, Tally};

/// The longest a process may take to come to its point, before it is simply killed.
const PATIENCE: Duration = Duration::from_secs(6);
/// The same with the vision models to load and a student to draw.
const PATIENCE_WITH_EYES: Duration = Duration::from_secs(40);
/// The longest a backend may take to start.
const START: Duration = Duration::from_secs(30);
/// The longest a station may take to send what waits.
const DRAIN: Duration = Duration::from_mins(4);
/// A kill at any moment comes within this time of the start: it finds the start, or one of the first visits.
const ANY_MOMENT: Duration = Duration::from_millis(1500);

/// How long a killed backend is away.
const AWAY: Duration = Duration::from_millis(700);

/// The demo's seed, as the backends use it.
const DEMO: u64 = 1;

pub(crate) const ANY_STATION: &str = "(station, any moment)";
pub(crate) const ANY_BACKEND: &str = "(backend, any moment)";

/// What a lane does.
pub(crate) struct Plan {
    pub(crate) vendor: String,
    pub(crate) folder: PathBuf,
    pub(crate) shot: PathBuf,
    pub(crate) kills: u32,
    pub(crate) seed: u64,
    /// 0, 1 or 2: which of the points are this lane's in the first turn.
    pub(crate) place: usize,
}

/// The students whose photo may be collected.
pub(crate) fn people() -> Vec<DemoPerson> {
    let closed = [
        DemoCase::OutsideWindow,
        DemoCase::AlreadyCollected,
        DemoCase::NotEligible,
    ];
    let mut people = vendor_backend::demo::people(DEMO);
    people.retain(|person| !closed.contains(&person.case));
    people
}

pub(crate) fn actors() -> Vec<Actor> {
    let people = serde_json::to_value(people()).unwrap();
    serde_json::from_value(people).unwrap()
}

pub(crate) fn models_folder() -> PathBuf {
    std::env::var_os("PHOTO_STATION_MODELS").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("assets")
                .join("models")
        },
        PathBuf::from,
    )
}

/// Renders one student, takes one photo and develops it: the photo most visits share. Returns its folder.
pub(crate) fn develop_one(folder: &Path) -> PathBuf {
    let models = Models::load(&models_folder()).expect("the vision models; `cargo xtask setup` makes them");
    let camera = Camera::start(SourceSpec::VirtualBooth {
        options: BoothOptions::default(),
        script: Script::new(Act::Sit),
    });
    let frame = camera
        .wait_newer(0, Duration::from_mins(1))
        .expect("a frame of the virtual booth");
    // As a webcam sends it: the suite moves thousands of these.
    let mut jpeg = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut jpeg, 90)
        .encode_image(&frame.to_rgb().unwrap())
        .unwrap();
    let original = Original::decode(jpeg.into_inner()).unwrap();
    let spec = Spec::built_in("national-blue").unwrap();
    let outcome = portrait::standardize(&models, &original, &spec, None);
    let photo = outcome.photo.expect("the rendered student's photo is accepted");
    let shot = folder.join("shot");
    std::fs::create_dir_all(&shot).unwrap();
    std::fs::write(shot.join("original.jpg"), original.bytes()).unwrap();
    std::fs::write(shot.join("standard.jpg"), &photo.jpeg).unwrap();
    std::fs::write(
        shot.join("report.json"),
        serde_json::to_vec(&outcome.report).unwrap(),
    )
    .unwrap();
    shot
}

/// How a run of the station is to end.
enum Ending {
    At(&'static str, usize),
    After(Duration),
}

pub(crate) struct Lane {
    plan: Plan,
    random: StdRng,
    port: u16,
    backend: Option<Process>,
    /// Folders of the stations so far; a first start needs a new one.
    stations: Vec<PathBuf>,
    next_student: usize,
    round: u32,
    points_tried: usize,
    chosen: Vec<Chosen>,
    tally: Tally,
}

impl Lane {
    pub(crate) fn new(plan: Plan) -> Lane {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Lane {
            random: StdRng::seed_from_u64(plan.seed),
            port: free.local_addr().unwrap().port(),
            backend: None,
            stations: Vec::new(),
            next_student: 0,
            round: 0,
            points_tried: 0,
            chosen: Vec::new(),
            tally: Tally::default(),
            plan,
        }
    }

    /// Kills as often as planned, sends what waits, and compares.
    pub(crate) fn run(mut self) -> Tally {
        std::fs::create_dir_all(&self.plan.folder).unwrap();
        self.new_station();
        while self.tally.kills() < self.plan.kills && self.tally.faults.is_empty() {
            self.round();
        }
        self.start_backend();
        for data in self.stations.clone() {
            self.drain(&data);
        }
        if let Some(mut backend) = self.backend.take() {
            backend.kill();
        }
        truth::compare(
            &self.plan.folder.join("backend"),
            &self.stations,
            &self.chosen,
            &mut self.tally,
        );
        self.tally
    }

    fn new_station(&mut self) {
        let n = self.stations.len();
        self.stations
            .push(self.plan.folder.join(format!("station-{n}")).join("data"));
    }

    fn start_backend(&mut self) {
        if self.backend.is_some() {
            return;
        }
        let backend = Process::start(&Role::Backend(BackendRole {
            vendor: self.plan.vendor.clone(),
            data: self.plan.folder.join("backend"),
            port: self.port,
        }));
        match backend.line_before(Instant::now() + START) {
            Some(Line::Ready) => self.backend = Some(backend),
            other => self.fault(&format!(
                "the backend does not start: {other:?} {}",
                backend.errors()
            )),
        }
    }

    fn fault(&mut self, what: &str) {
        self.tally
            .faults
            .push(format!("{} round {}: {what}", self.plan.vendor, self.round));
    }

    fn ending(&mut self) -> (Ending, Reached) {
        if self.random.random_bool(0.3) {
            let moment = self.random.random_range(Duration::ZERO..ANY_MOMENT);
            return (Ending::After(moment), Reached::InAnyVisit);
        }
        // Each point once in turn by its place, so that a short run sees them all; by chance after that.
        let turn = self.points_tried * 3 + self.plan.place;
        self.points_tried += 1;
        let (name, reached) = match POINTS.get(turn) {
            Some(point) => *point,
            None => *POINTS.choose(&mut self.random).expect("there are points"),
        };
        let nth = match reached {
            Reached::InAnyVisit => self.random.random_range(1..=2),
            _ => 1,
        };
        (Ending::At(name, nth), reached)
    }

    /// One run of the station and its end.
    fn round(&mut self) {
        self.round += 1;
        self.start_backend();
        let (ending, reached) = self.ending();
        if reached == Reached::AtFirstStart {
            self.new_station();
        }
        let eyes = self.round % 40 == 3;
        let role = StationRole {
            vendor: self.plan.vendor.clone(),
            data: self.stations.last().expect("a station").clone(),
            port: self.port,
            shot: self.plan.shot.clone(),
            first: self.next_student,
            eyes,
            chores: reached == Reached::ByAChore || self.round.is_multiple_of(8),
            rekey: reached == Reached::ByAKeyChange || self.round % 16 == 5,
            point: match &ending {
                Ending::At(name, nth) => Some(((*name).to_owned(), *nth)),
                Ending::After(_) => None,
            },
            drain: false,
        };
        let began = Instant::now();
        let mut station = Process::start(&Role::Station(role));
        let deadline = match &ending {
            Ending::After(moment) if !eyes => began + *moment,
            Ending::After(moment) => began + *moment * 8,
            Ending::At(..) if eyes => began + PATIENCE_WITH_EYES,
            Ending::At(..) => began + PATIENCE,
        };
        let left = self.plan.kills - self.tally.kills();
        let mut strike = (left > 1 && self.random.random_bool(0.15))
            .then(|| began + self.random.random_range(Duration::ZERO..ANY_MOMENT));
        let mut lines = Vec::new();
        let mut point = None;
        loop {
            let until = strike.map_or(deadline, |at| at.min(deadline));
            match station.line_before(until) {
                Some(Line::Point { name }) => {
                    point = Some(name);
                    break;
                }
                Some(line) => lines.push(line),
                None if until < deadline && Instant::now() >= until => {
                    if let Some(mut backend) = self.backend.take() {
                        backend.kill();
                        self.tally.row(ANY_BACKEND).kills += 1;
                        strike = Some(Instant::now() + AWAY);
                    } else {
                        self.start_backend();
                        strike = None;
                    }
                }
                None => break,
            }
        }
        if matches!(ending, Ending::At(..)) && point.is_none() {
            self.tally.missed += 1;
        }
        let label = point.clone().unwrap_or_else(|| ANY_STATION.to_owned());
        let ended = station.ended_before(if point.is_some() {
            Instant::now() + Duration::from_secs(10)
        } else {
            Instant::now()
        });
        lines.extend(station.kill());
        match (ended, &point) {
            (Some(status), None) => {
                let errors = station.errors();
                self.fault(&format!(
                    "the station ended by itself ({status}): {lines:?} {errors}"
                ));
            }
            (None, Some(name)) => self.fault(&format!("the station outlived the point {name}")),
            _ => {}
        }
        self.tally.row(&label).kills += 1;
        self.take(lines, &label);
    }

    /// What the students of a run were shown.
    fn take(&mut self, lines: Vec<Line>, label: &str) {
        for line in lines {
            match line {
                Line::Chose { student, standard } => {
                    self.next_student = student + 1;
                    self.chosen.push(Chosen {
                        student,
                        standard,
                        confirmed: false,
                        label: label.to_owned(),
                    });
                }
                Line::Confirmed { student, standard } => {
                    self.tally.confirmed += 1;
                    let chosen = self.chosen.iter_mut().rev();
                    match chosen
                        .into_iter()
                        .find(|c| c.student == student && c.standard == standard)
                    {
                        Some(chosen) => chosen.confirmed = true,
                        None => self.fault("confirmed and never chosen"),
                    }
                }
                Line::Ended { why } => *self.tally.ended.entry(why).or_default() += 1,
                Line::Failed { why } => self.fault(&why),
                Line::Ready
                | Line::Point { .. }
                | Line::Drained { .. }
                | Line::Sampled { .. }
                | Line::VisitsDone => {}
            }
        }
    }

    fn drain(&mut self, data: &Path) {
        let station = Process::start(&Role::Station(StationRole {
            vendor: self.plan.vendor.clone(),
            data: data.to_path_buf(),
            port: self.port,
            shot: self.plan.shot.clone(),
            first: 0,
            eyes: false,
            chores: false,
            rekey: false,
            point: None,
            drain: true,
        }));
        match station.line_before(Instant::now() + DRAIN) {
            Some(Line::Drained {
                waiting,
                needs_person,
            }) => {
                if waiting > 0 {
                    self.fault(&format!("{}: {waiting} still wait", data.display()));
                }
                for record in needs_person {
                    self.fault(&format!("needs a person: {record}"));
                }
            }
            other => {
                self.fault(&format!("{}: not drained: {other:?}", data.display()));
                drop(station);
            }
        }
    }
}
