//! What networks do to a station, each as a row: what the record says meanwhile, what the backend has, and that
//! everything arrives once when the weather is fair again. A real backend, real HTTP, real records.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "../booth/pages.rs"]
mod pages;
mod proxy;
mod revoked;
mod wire;

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use image::{ImageFormat, Rgb, RgbImage};
use jiff::{SignedDuration, Timestamp};
use records::{Depth, Filter, NewRecord, Payment, PersonReason, RecordDetail, RecordId, RecordState, Secret};
use sha2::{Digest, Sha256};
use station::sync::Round;
use station::{Config, Darkroom, Options, Station};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use vendor::Clock;
use vendor::api::Proof;
use vendor_backend::{Backend, BackendOptions, DemoCase, DemoPerson, Running, demo};
use wire::{Weather, Wire, page};

const HTML: &str = "<html><body>Welcome to the campus network. Please log in.</body></html>";

/// A standard photo unlike every other: 480x640, a grey of its own.
fn photo(grey: u8) -> Vec<u8> {
    let picture = RgbImage::from_fn(480, 640, |x, y| Rgb([grey, (x / 2) as u8, (y / 3) as u8]));
    let mut jpeg = Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    jpeg.into_inner()
}

fn submission(person: &DemoPerson, grey: u8) -> NewRecord {
    let now = Timestamp::now();
    let proof = Proof::LastFour {
        value: vendor::Secret::new(person.last_four.clone()),
    };
    NewRecord {
        id: RecordId::new(now).unwrap(),
        visit: None,
        code_text: Secret::new(person.code().as_bytes()),
        code_tag: format!("TAG-{grey:02}"),
        proof: Secret::new(serde_json::to_vec(&proof).unwrap()),
        identity: None,
        school: person.record().school.clone(),
        school_id: None,
        vendor: "binyu".into(),
        spec: "national-blue".into(),
        original: photo(grey.wrapping_add(100)),
        standard: photo(grey),
        report: serde_json::json!({ "accepted": true }),
        candidates: 1,
        forced_reason: None,
        payment: Payment::Free,
        consent_at: now,
        started_at: now,
        captured_at: now,
    }
}

/// A backend whose clock can be set, a wire, and a station with two photos that wait.
struct Campus {
    backend: Running,
    backend_data: tempfile::TempDir,
    station_data: tempfile::TempDir,
    /// Seconds the backend's clock is ahead.
    ahead: Arc<AtomicI64>,
    wire: Wire,
    station: Station,
    waiting: Vec<RecordId>,
}

/// A station that gives up on a silent network within seconds.
fn options(data: &Path, backend: &str, activation: Option<&str>) -> Options {
    Options {
        data: data.to_path_buf(),
        config: Config {
            backend: backend.to_owned(),
            profile: "binyu".into(),
            connect_seconds: 2,
            request_seconds: 2,
            transfer_seconds: 3,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: activation.map(str::to_owned),
        rehearsal: None,
    }
}

async fn open(data: &Path, backend: &str) -> Station {
    Station::open(options(data, backend, Some(demo::ACTIVATION_CODE)))
        .await
        .unwrap()
}

/// For a station that keeps its loops and pages to itself.
fn nobody() -> Darkroom {
    Arc::new(|_| Err(Vec::new().into()))
}

impl Campus {
    async fn new() -> Campus {
        let (backend_data, station_data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ahead = Arc::new(AtomicI64::new(0));
        let hand = Arc::clone(&ahead);
        let backend = Backend::start(BackendOptions {
            data: Some(backend_data.path().to_path_buf()),
            clock: Clock::new(move || {
                Timestamp::now() + SignedDuration::from_secs(hand.load(Ordering::Relaxed))
            }),
            ..BackendOptions::demo("binyu").unwrap()
        })
        .await
        .unwrap();
        let wire = Wire::to(backend.addr).await;
        let station = open(station_data.path(), &wire.url()).await;
        assert!(station.enrolled_within(Duration::from_secs(30)).await);
        let mut campus = Campus {
            backend,
            backend_data,
            station_data,
            ahead,
            wire,
            station,
            waiting: Vec::new(),
        };
        let people: Vec<DemoPerson> = campus
            .backend
            .people()
            .into_iter()
            .filter(|person| person.case == DemoCase::Ordinary)
            .collect();
        for (person, grey) in people.iter().zip([10, 20]) {
            campus.submit(submission(person, grey)).await;
        }
        campus
    }

    async fn submit(&mut self, new: NewRecord) {
        self.waiting.push(new.id);
        self.station
            .with_records(move |store| store.submit(&new, Timestamp::now()))
            .await
            .unwrap();
    }

    async fn show(&self, id: RecordId) -> RecordDetail {
        self.station
            .with_records(move |store| store.show(id))
            .await
            .unwrap()
    }

    async fn states(&self) -> Vec<RecordState> {
        let mut states = Vec::new();
        for id in &self.waiting {
            states.push(self.show(*id).await.row.state);
        }
        states
    }

    /// Record and hash of every photo at the backend, by looking into its database.
    fn at_backend(&self) -> Vec<(String, String)> {
        let db = rusqlite::Connection::open(self.backend_data.path().join("backend.sqlite3")).unwrap();
        let mut rows = db
            .prepare("SELECT f.record_id, p.bytes FROM files f JOIN photos p ON p.place = f.place WHERE f.kind = 'standard'")
            .unwrap();
        rows.query_map([], |row| {
            let bytes: Vec<u8> = row.get(1)?;
            Ok((row.get(0)?, hex::encode(Sha256::digest(bytes))))
        })
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap()
    }

    /// Everybody's wait is over, as if the time had passed.
    async fn next_try(&self) {
        self.station
            .with_records(|store| {
                let saved = Filter {
                    states: vec![RecordState::Saved],
                    ..Filter::default()
                };
                for row in store.list(&saved)? {
                    store.retry(row.id, Timestamp::now())?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    /// The weather is fair again: everything arrives, once, as it was submitted, and the records are sound.
    async fn all_is_well(&mut self, row: &str) {
        self.ahead.store(0, Ordering::Relaxed);
        self.wire.set(Weather::Fair).await;
        self.next_try().await;
        let round = self.station.sync_once().await.unwrap();
        assert!(round.online, "{row}: online again");
        let mut arrived = self.at_backend();
        let mut promised = Vec::new();
        for id in &self.waiting {
            let detail = self.show(*id).await;
            assert!(
                detail.row.state.has_receipt(),
                "{row}: {} ({:?})",
                detail.row.state,
                detail.row.trouble
            );
            promised.push((id.to_string(), detail.standard_sha256));
        }
        arrived.sort();
        promised.sort();
        assert_eq!(
            arrived, promised,
            "{row}: each photo once, and as it was submitted"
        );
        let report = self
            .station
            .with_records(|store| store.verify(Depth::Full))
            .await
            .unwrap();
        assert!(report.is_clean(), "{row}: {:?}", report.faults);
    }
}

/// One kind of weather and what it comes to.
struct Row {
    name: &'static str,
    weather: Weather,
    /// Where both records stand meanwhile.
    state: RecordState,
    /// Whether the station counts itself online.
    online: bool,
    /// Photos at the backend meanwhile.
    arrived: usize,
    /// What staff read about it.
    says: &'static str,
    /// Seconds until the next try, at least.
    pause: i64,
}

impl Row {
    fn new(name: &'static str, weather: Weather) -> Row {
        Row {
            name,
            weather,
            state: RecordState::Saved,
            online: false,
            arrived: 0,
            says: "",
            pause: 1,
        }
    }

    fn says(self, says: &'static str) -> Row {
        Row { says, ..self }
    }

    fn online(self) -> Row {
        Row { online: true, ..self }
    }

    fn arrived(self, arrived: usize) -> Row {
        Row { arrived, ..self }
    }

    fn pause(self, pause: i64) -> Row {
        Row { pause, ..self }
    }

    fn delivered(self) -> Row {
        Row {
            state: RecordState::Delivered,
            pause: 0,
            ..self.online().arrived(2)
        }
    }
}

fn table() -> Vec<Row> {
    let html = |status: &str, header: &str| page(status, header, "text/html", HTML);
    let problem =
        r#"{"type":"/v1/problems/rate-limited","code":"rate-limited","title":"请求过于频繁","status":429}"#;
    vec![
        Row::new("refused", Weather::Refused).says("cannot connect"),
        Row::new(
            "reset in the middle of the photo",
            Weather::ResetInRequest(20_000),
        )
        .says("no connection"),
        Row::new("reset in the middle of the answer", Weather::ResetInReply(40))
            .says("no connection")
            .arrived(2),
        Row::new("half-open", Weather::HalfOpen).says("no answer within"),
        Row::new("the photo goes a byte a second", Weather::DripRequest).says("no answer within"),
        Row::new("the answer comes a byte a second", Weather::DripReply)
            .says("no answer within")
            .arrived(2),
        Row::new(
            "captive portal, 200 and a page",
            Weather::Canned(html("200 OK", "")),
        )
        .says("not the backend"),
        Row::new(
            "captive portal, a redirect",
            Weather::Canned(html("302 Found", "location: http://portal.example/\r\n")),
        )
        .says("not the backend"),
        Row::new(
            "captive portal, 511",
            Weather::Canned(html("511 Network Authentication Required", "")),
        )
        .says("not the backend"),
        Row::new(
            "200 and JSON of another shape",
            Weather::Canned(page("200 OK", "", "application/json", r#"{"ok":true}"#)),
        )
        .says("not the backend"),
        Row::new(
            "proxy, 407",
            Weather::Canned(html(
                "407 Proxy Authentication Required",
                "proxy-authenticate: Basic\r\n",
            )),
        )
        .says("not the backend"),
        Row::new("proxy, 413", Weather::Canned(html("413 Content Too Large", ""))).says("not the backend"),
        Row::new(
            "gateway, 429 with Retry-After",
            Weather::Canned(html("429 Too Many Requests", "retry-after: 600\r\n")),
        )
        .says("HTTP 429")
        .online()
        .pause(590),
        Row::new(
            "backend, 429 with Retry-After",
            Weather::Canned(page(
                "429 Too Many Requests",
                "retry-after: 600\r\n",
                "application/problem+json",
                problem,
            )),
        )
        .says("rate-limited")
        .online()
        .pause(590),
        Row::new(
            "a storm of 503",
            Weather::Storm(40, html("503 Service Unavailable", "")),
        )
        .says("HTTP 503")
        .online(),
        Row::new(
            "a storm of 502 that passes",
            Weather::Storm(1, html("502 Bad Gateway", "")),
        )
        .says("HTTP 502")
        .online()
        .arrived(1),
        Row::new("every answer twice", Weather::DoubledReply).delivered(),
        Row::new("every request twice", Weather::DoubledRequest)
            .says("replayed")
            .online()
            .arrived(2),
        Row::new("an answer comes late, to another question", Weather::Late)
            .online()
            .arrived(2),
        Row::new(
            "a receipt somebody changed",
            Weather::Altered("\"receipt_number\":\"R-".into(), "\"receipt_number\":\"X-".into()),
        )
        .says("not signed by this backend")
        .online()
        .arrived(2),
    ]
}

async fn endure(row: Row) {
    let mut campus = Campus::new().await;
    campus.wire.set(row.weather.clone()).await;
    let began = Timestamp::now();
    let round = campus.station.sync_once().await.unwrap();
    assert_eq!(round.online, row.online, "{}", row.name);
    let mut details = Vec::new();
    for id in &campus.waiting {
        details.push(campus.show(*id).await);
    }
    // A storm that passes has let the second one through.
    let standing: Vec<&RecordDetail> = details.iter().filter(|d| d.row.state == row.state).collect();
    let passed = matches!(row.weather, Weather::Storm(1, _));
    assert_eq!(
        standing.len(),
        if passed { 1 } else { 2 },
        "{}: {:?}",
        row.name,
        details.iter().map(|d| d.row.state).collect::<Vec<_>>()
    );
    for detail in standing {
        let trouble = detail.row.trouble.clone().unwrap_or_default();
        assert_eq!(detail.row.attempts, 1, "{}", row.name);
        assert_eq!(
            detail.receipt.is_some(),
            detail.row.state.has_receipt(),
            "{}",
            row.name
        );
        if !matches!(row.weather, Weather::Late) {
            assert!(trouble.contains(row.says), "{}: {trouble}", row.name);
        }
        if let Some(next) = detail.row.next_try_at {
            let pause = next.duration_since(began).as_secs();
            assert!(pause >= row.pause, "{}: next try in {pause} s", row.name);
        }
    }
    assert_eq!(campus.at_backend().len(), row.arrived, "{}", row.name);
    campus.all_is_well(row.name).await;
}

/// Somebody resyncs last night's queue: one after the other, the first would wait for the second for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_by_hand_sends_side_by_side() {
    let mut campus = Campus::new().await;
    campus
        .wire
        .set(Weather::Together(Arc::new(Barrier::new(2))))
        .await;
    let round = campus.station.sync_once().await.unwrap();
    assert_eq!(round.delivered, 2, "{round:?}");
    campus.all_is_well("sent together").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_network_does_nothing_is_lost_and_nothing_is_done_that_is_not() {
    // A few at once: most of a slow row is waiting, and too many would make the fair ones slow.
    let room = Arc::new(Semaphore::new(4));
    let mut rows = JoinSet::new();
    for row in table() {
        let room = Arc::clone(&room);
        rows.spawn(async move {
            let _place = room.acquire_owned().await;
            endure(row).await;
        });
    }
    while let Some(row) = rows.join_next().await {
        if let Err(error) = row {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_nobody_knows_and_a_certificate_nobody_vouches_for_are_no_backend() {
    let Campus {
        backend,
        backend_data,
        station_data,
        ahead,
        wire,
        station,
        waiting,
    } = Campus::new().await;
    let address = wire.url();
    drop(station);
    let tls = wire::self_signed(backend.addr).await;
    let plain = backend.addr.port();
    for (wrong, says) in [
        // Reserved for never existing (RFC 6761).
        ("https://backend.invalid".to_owned(), "no connection"),
        (format!("https://127.0.0.1:{tls}"), "no connection"),
        (format!("https://localhost:{plain}"), "no connection"),
    ] {
        let station = open(station_data.path(), &wrong).await;
        let id = waiting[0];
        station
            .with_records(move |store| store.retry(id, Timestamp::now()))
            .await
            .unwrap();
        let round = station.sync_once().await.unwrap();
        assert_eq!((round.online, round.delivered), (false, 0), "{wrong}: {round:?}");
        let detail = station.with_records(move |store| store.show(id)).await.unwrap();
        assert_eq!(detail.row.state, RecordState::Saved);
        let trouble = detail.row.trouble.unwrap_or_default();
        assert!(trouble.contains(says), "{wrong}: {trouble}");
        assert!(
            !trouble.contains("invalid/"),
            "no address in the words: {trouble}"
        );
    }
    let station = open(station_data.path(), &address).await;
    let mut campus = Campus {
        backend,
        backend_data,
        station_data,
        ahead,
        wire,
        station,
        waiting,
    };
    assert!(campus.at_backend().is_empty());
    campus.all_is_well("the right address").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_hours_off_delivers_nothing_and_loses_nothing() {
    for hours in [-30, -6, 6, 30] {
        let mut campus = Campus::new().await;
        campus.ahead.store(hours * 3600, Ordering::Relaxed);
        let Round {
            online, delivered, ..
        } = campus.station.sync_once().await.unwrap();
        assert_eq!((online, delivered), (true, 0), "{hours} h");
        for id in campus.waiting.clone() {
            let row = campus.show(id).await.row;
            assert_eq!(row.state, RecordState::Saved, "{hours} h");
            assert!(row.trouble.unwrap().contains("clock-skew"), "{hours} h");
        }
        assert!(campus.at_backend().is_empty());
        campus.all_is_well("the clock is right again").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_record_goes_to_a_person_and_the_others_do_not_wait_for_it() {
    let mut campus = Campus::new().await;
    let mut stranger = campus.backend.person(DemoCase::Ordinary).unwrap();
    stranger.records[0].code = format!("CHSI1:{}", "A".repeat(64));
    let bad = submission(&stranger, 30);
    let (id, hash) = (bad.id, hex::encode(Sha256::digest(&bad.standard)));
    let now = Timestamp::now() - SignedDuration::from_hours(1);
    // The oldest of all.
    campus
        .station
        .with_records(move |store| store.submit(&bad, now))
        .await
        .unwrap();
    let round = campus.station.sync_once().await.unwrap();
    assert_eq!((round.delivered, round.refused), (2, 1));
    assert!(campus.states().await.iter().all(|state| state.has_receipt()));
    let detail = campus.show(id).await;
    assert_eq!(
        detail.row.state,
        RecordState::NeedsPerson {
            reason: PersonReason::Identity
        }
    );
    assert!(detail.row.trouble.unwrap().contains("unknown-code"));
    let photo = campus
        .station
        .with_records(move |store| store.photo(id, records::PhotoKind::Standard))
        .await
        .unwrap();
    assert_eq!(
        hex::encode(Sha256::digest(photo)),
        hash,
        "a refusal deletes nothing"
    );
    // It is not sent again by itself.
    assert_eq!(campus.station.sync_once().await.unwrap().refused, 0);
    assert_eq!(campus.show(id).await.row.attempts, 1);
    campus.all_is_well("the others").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_photo_under_the_same_record_goes_to_a_person() {
    let campus = Campus::new().await;
    let (id, other) = (campus.waiting[0], campus.waiting[1]);
    // The backend has the second photo under the first one's record: a mistake no repetition can mend.
    let person = campus.backend.person(DemoCase::Ordinary).unwrap();
    let (standard, original) = campus
        .station
        .with_records(move |store| {
            Ok((
                store.photo(other, records::PhotoKind::Standard)?,
                store.photo(other, records::PhotoKind::Original)?,
            ))
        })
        .await
        .unwrap();
    let now = Timestamp::now();
    let capture = vendor::api::Capture {
        subject: vendor::api::Subject {
            code: Some(vendor::SecretBytes::new(person.code().as_bytes())),
            ..vendor::api::Subject::default()
        },
        standard: vendor::api::Photo::new("image/jpeg", standard),
        original: vendor::api::Photo::new("image/jpeg", original),
        captured_at: now,
        submitted_at: now,
        consented_at: now,
        shoot_number: "A001".into(),
        spec: "national-blue".into(),
        report: serde_json::json!({}),
        forced_reason: None,
        software: "test".into(),
    };
    campus
        .station
        .client()
        .put_capture(id.uuid(), &capture)
        .await
        .unwrap();
    campus.station.sync_once().await.unwrap();
    let detail = campus.show(id).await;
    assert_eq!(
        detail.row.state,
        RecordState::NeedsPerson {
            reason: PersonReason::Refused
        },
        "{:?}",
        detail.row.trouble
    );
    assert!(detail.row.trouble.unwrap().contains("capture-conflict"));
    assert!(detail.receipt.is_none());
}

/// The loop that runs behind the pages, left to itself: offline and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_station_goes_offline_and_comes_back_by_itself() {
    let Campus {
        backend,
        backend_data,
        station_data,
        ahead,
        mut wire,
        station,
        waiting,
    } = Campus::new().await;
    drop(station);
    wire.set(Weather::HalfOpen).await;
    let options = options(station_data.path(), &wire.url(), None);
    let station = Station::open_with(options, Some(nobody())).await.unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let view = station.view();
    assert_eq!((view.online, view.waiting), (false, 2));
    let attempts = |station: Station, id: RecordId| async move {
        let shown = station.with_records(move |store| store.show(id)).await;
        shown.unwrap().row.attempts
    };
    let spent = attempts(station.clone(), waiting[0]).await;
    assert_eq!(spent, 0, "a dead network is probed, not filled with attempts");
    let sending = station.sending().await.unwrap();
    assert_eq!((sending.waiting, sending.seconds_left), (2, None), "{sending:?}");
    assert!(sending.offline_since.is_some(), "{sending:?}");
    // Another program beside this one reads the same.
    let told = station
        .with_records(|store| station::sending(store, Timestamp::now()))
        .await
        .unwrap();
    assert_eq!(told.0.offline_since, sending.offline_since);
    wire.set(Weather::Fair).await;
    let mut views = station.views();
    let back = views.wait_for(|view| view.online && view.waiting == 0);
    let back = tokio::time::timeout(Duration::from_secs(30), back).await;
    assert!(back.is_ok(), "still {:?}", station.view());
    drop(back);
    let sending = station.sending().await.unwrap();
    assert_eq!(
        (sending.waiting, sending.sent, sending.offline_since),
        (0, 2, None)
    );
    let mut campus = Campus {
        backend,
        backend_data,
        station_data,
        ahead,
        wire,
        station,
        waiting,
    };
    campus.all_is_well("by itself").await;
}
