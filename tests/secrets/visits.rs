//! The visits: one vendor for each way in which a code reaches the station, and what goes wrong on the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camera::{Act, BoothOptions, Script, SourceSpec};
use jiff::Timestamp;
use portrait::Models;
use records::Filter;
use station::rehearsal::{Actor, Played, Rehearsal, RehearsalError, play_watched};
use station::staff::Login;
use station::view::{Action, NotPossible, Page, ScanSight};
use station::{Config, Options, Station, desk, night};
use tokio::sync::Notify;
use tracing_subscriber::fmt::format::FmtSpan;
use vendor_backend::{AutoReview, Backend, BackendOptions, DemoCase, Running};

use crate::search::Needles;
use crate::shown::shown;

pub(crate) const PIN: &str = "7391468250";

/// How the code reaches the station.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Camera,
    Scanner,
    Picture,
}

/// A vendor, and the way in that its students take.
pub(crate) struct Way {
    pub(crate) vendor: &'static str,
    by: By,
    /// The demo's seed: every way has codes of its own.
    seed: u64,
}

pub(crate) const WAYS: [Way; 3] = [
    Way {
        vendor: "biyezhengzhao",
        by: By::Camera,
        seed: 31,
    },
    Way {
        vendor: "yipai",
        by: By::Picture,
        seed: 32,
    },
    Way {
        vendor: "binyu",
        by: By::Scanner,
        seed: 33,
    },
];

/// What a student gives.
pub(crate) struct Student {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) last_four: String,
    id_number: String,
    number: String,
    phone: String,
    actor: Actor,
}

impl Way {
    /// The student whose ID number ends in X: four digits alone stand in many a log by chance.
    pub(crate) fn student(&self) -> Student {
        let people = vendor_backend::demo::people(self.seed);
        let person = people
            .into_iter()
            .find(|person| person.case == DemoCase::EndsInX)
            .unwrap();
        let mut actor: Actor = serde_json::from_value(serde_json::to_value(&person).unwrap()).unwrap();
        let phone = "00073518264".to_owned();
        actor.phone = Some(phone.clone());
        Student {
            code: person.code().to_owned(),
            number: person.record().student_number.clone(),
            name: person.name,
            last_four: person.last_four,
            id_number: person.id_number,
            phone,
            actor,
        }
    }

    /// The station's folder.
    pub(crate) fn data(&self, place: &Path) -> PathBuf {
        place.join(self.vendor)
    }
}

/// A code of the right form that no backend knows.
fn stranger() -> String {
    format!("CHSI1:{}", "nobody-knows-Qx7".repeat(4))
}

impl Student {
    pub(crate) fn tell(&self, needles: &mut Needles) {
        needles.add("a collection code", &self.code);
        needles.add("a collection code nobody knows", &stranger());
        needles.add("a name", &self.name);
        needles.add("an ID number", &self.id_number);
        needles.add_short("the end of an ID number", &self.last_four);
        needles.add("a student number", &self.number);
        needles.add("a telephone number", &self.phone);
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn run(place: &Path) {
    // What other crates say by `log` comes here as well.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let models = std::env::var_os("PHOTO_STATION_MODELS").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("assets")
                .join("models")
        },
        PathBuf::from,
    );
    let models = Arc::new(Models::load(&models).expect("the vision models; `cargo xtask setup` makes them"));
    for way in &WAYS {
        visits(way, place, &models).await;
    }
    println!("all visits are over");
}

struct Booth {
    station: Station,
    backend: Option<Running>,
    student: Student,
    by: By,
}

async fn visits(way: &Way, place: &Path, models: &Arc<Models>) {
    let booth = Booth::open(way, place, models).await;
    booth.staff_come(PIN).await;
    if way.by == By::Camera {
        booth.a_panic_ends_it("visit.developed").await;
        booth.a_panic_ends_it("submit.enqueued").await;
    } else {
        booth.nobody_knows_the_code().await;
    }
    booth.all_is_sent().await;
    let mut said = booth.visit(&booth.student.actor.clone()).await.unwrap();
    booth.kept_as("rejected").await;
    booth.leave().await;
    // The telephone is still in the hand: the same code is taken again after its pause.
    tokio::time::sleep(Duration::from_secs(6)).await;
    said = booth.visit(&booth.student.actor.clone()).await.unwrap_or(said);
    assert!(!said.shoot_number.is_empty());
    booth.leave().await;
    booth.all_is_sent().await;
    let backups = place.join(format!("backups-{}", way.vendor));
    let made = booth
        .station
        .with_records(move |store| night::back_up(store, &backups, Timestamp::now()))
        .await;
    made.unwrap();
    booth.without_the_network(way).await;
}

impl Booth {
    async fn open(way: &Way, place: &Path, models: &Arc<Models>) -> Booth {
        let student = way.student();
        let backend = Backend::start(BackendOptions {
            seed_demo: Some(way.seed),
            auto_review: AutoReview::RejectFirst(1),
            ..BackendOptions::demo(way.vendor).unwrap()
        })
        .await
        .unwrap();
        let script = Script::new(Act::EmptyWall);
        // Whose code comes another way shows none.
        let actors = (way.by == By::Camera).then(|| student.actor.clone());
        let config = Config {
            backend: backend.url().to_owned(),
            profile: way.vendor.to_owned(),
            least_free_mb: 0,
            countdown: 0,
            ..Config::default()
        };
        let data = way.data(place);
        std::fs::create_dir_all(&data).unwrap();
        config.save(&data).unwrap();
        let station = Station::open(Options {
            data,
            config,
            key_in_file: true,
            eyes: Some((
                SourceSpec::VirtualBooth {
                    options: BoothOptions::default(),
                    script: script.clone(),
                },
                Arc::clone(models),
            )),
            activation: Some(vendor_backend::demo::ACTIVATION_CODE.to_owned()),
            rehearsal: Some(Rehearsal::new(actors.into_iter().collect(), script)),
        })
        .await
        .unwrap();
        assert!(
            station.enrolled_within(Duration::from_mins(1)).await,
            "not enrolled"
        );
        let booth = Booth {
            station,
            backend: Some(backend),
            student,
            by: way.by,
        };
        booth.until(|page| matches!(page, Page::Welcome { .. })).await;
        booth
    }

    async fn until(&self, wanted: impl Fn(&Page) -> bool) {
        let mut views = self.station.views();
        let arrived = views.wait_for(|view| wanted(&view.page));
        let arrived = tokio::time::timeout(Duration::from_mins(2), arrived).await;
        assert!(arrived.is_ok(), "{:?} stands there", self.station.view().page);
    }

    async fn leave(&self) {
        self.station.act(Action::Finish);
        self.station.act(Action::Cancel);
        self.until(|page| matches!(page, Page::Welcome { .. })).await;
    }

    async fn visit(&self, actor: &Actor) -> Result<Played, RehearsalError> {
        let code = actor.records[0].code.clone();
        let pay = |url: String| async move {
            let backend = self.backend.as_ref().expect("who pays has a network");
            let paid = backend.pay(&url).await;
            paid.map_err(|error| RehearsalError::Payment(error.to_string()))
        };
        play_watched(&self.station, actor, pay, |page| {
            if !matches!(page, Page::Scan { .. }) {
                return;
            }
            let sight = match self.by {
                By::Camera => return,
                By::Scanner => self.station.scanned(code.clone().into_bytes()),
                By::Picture => self.station.scan_picture(png(&code)),
            };
            assert_eq!(sight, ScanSight::Steady);
        })
        .await
    }

    async fn staff_come(&self, pin: &'static str) {
        let set = self
            .station
            .with_records(move |store| desk::set_staff_pin(store, pin))
            .await;
        set.unwrap();
        let wrong = self.station.staff_login(format!("{pin}0")).await;
        assert_eq!(wrong.unwrap(), Login::Wrong);
        assert_eq!(
            self.station.staff_login(pin.to_owned()).await.unwrap(),
            Login::Open
        );
    }

    /// A code that is none, then one the backend does not know.
    async fn nobody_knows_the_code(&self) {
        self.station.scanned(b"https://example.com/not-a-code".to_vec());
        let mut actor = self.student.actor.clone();
        actor.records[0].code = stranger();
        match self.visit(&actor).await {
            Err(RehearsalError::NotPossible(NotPossible::UnknownCode)) => {}
            other => panic!("{other:?}"),
        }
        self.leave().await;
    }

    /// The program's own fault in the middle of a visit, once the student's photo and proof are there.
    async fn a_panic_ends_it(&self, point: &str) {
        let (once, told) = (AtomicBool::new(false), Arc::new(Notify::new()));
        let tell = Arc::clone(&told);
        fail::cfg_callback(point, move || {
            if !once.swap(true, Ordering::SeqCst) {
                tell.notify_one();
                panic!("on purpose");
            }
        })
        .unwrap();
        let actor = self.student.actor.clone();
        tokio::select! {
            played = self.visit(&actor) => assert!(played.is_err(), "{played:?}"),
            () = told.notified() => tokio::time::sleep(Duration::from_millis(500)).await,
        }
        fail::remove(point);
        self.leave().await;
    }

    async fn kept_as(&self, state: &str) {
        for _ in 0..240 {
            let rows = self
                .station
                .with_records(|store| store.list(&Filter::default()))
                .await
                .unwrap();
            if rows.iter().any(|row| row.state.as_str() == state) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
            self.station.sync_soon();
        }
        panic!("no record became {state}");
    }

    /// Whose photo still waits here is sent away with a word of their own.
    async fn all_is_sent(&self) {
        for _ in 0..240 {
            let counts = self.station.with_records(|store| store.counts()).await.unwrap();
            if counts.waiting() == 0 {
                return;
            }
            self.station.sync_soon();
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("not everything was sent");
    }

    /// The last visit is kept here for want of a network; vendors that must be asked for the school send away.
    async fn without_the_network(mut self, way: &Way) {
        if let Some(backend) = self.backend.take() {
            backend.stop().await;
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
        let played = self.visit(&self.student.actor.clone()).await;
        match (way.vendor, played) {
            ("binyu", Ok(_))
            | ("biyezhengzhao" | "yipai", Err(RehearsalError::NotPossible(NotPossible::NeedsNetwork))) => {}
            (_, other) => panic!("{other:?}"),
        }
        self.leave().await;
    }
}

fn png(code: &str) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    shown(code).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}
