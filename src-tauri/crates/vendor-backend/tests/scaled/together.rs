//! Several processes on one store: killed at any moment while stations deliver, the database crashing in between; and
//! cursors that pass no change by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use image::ImageFormat;
use jiff::Timestamp;
use postgres::NoTls;
use tokio::task::JoinSet;
use uuid::Uuid;
use vendor::api::{
    Accepted, Capture, ChangeKind, CollectionState, Identity, Photo, Proof, ResolveRequest, Subject,
    sha256_hex,
};
use vendor::{Client, Receipt, SecretBytes, StationKey, Timeouts, VendorError};
use vendor_backend::{Backend, BackendOptions, Decision, DemoCase, DemoPerson, demo};

use crate::booth::picture;
use crate::cluster::Cluster;
use crate::fleet::Fleet;
use crate::storage::{Storage, WITHOUT_FLUSHES};

/// Asks one process after the other until one answers; whatever goes wrong meanwhile must be worth another try.
struct Booth {
    at: Vec<Client>,
    turn: usize,
}

impl Booth {
    async fn open(urls: &[String], seed: u8) -> Booth {
        let client = |url: &String| {
            Client::new(url, StationKey::from_bytes(&[seed; 32]), Timeouts::default()).unwrap()
        };
        let mut booth = Booth {
            at: urls.iter().map(client).collect(),
            turn: usize::from(seed),
        };
        let enrolled = booth
            .insist(|client| async move { client.enrol(demo::ACTIVATION_CODE, "1号机", "test").await })
            .await;
        let key = enrolled.receipt_public_key;
        booth.at = booth
            .at
            .into_iter()
            .map(|client| client.with_receipt_key(key))
            .collect();
        booth
    }

    async fn resolve(&mut self, request: &ResolveRequest) -> Identity {
        self.insist(|client| async move { client.resolve(request).await })
            .await
    }

    /// The client verifies the receipt.
    async fn put(&mut self, record: Uuid, capture: &Capture) -> Accepted {
        self.insist(|client| async move { client.put_capture(record, capture).await })
            .await
    }

    async fn insist<T, F>(&mut self, ask: impl Fn(Client) -> F) -> T
    where
        F: Future<Output = Result<T, VendorError>>,
    {
        loop {
            self.turn += 1;
            match ask(self.at[self.turn % self.at.len()].clone()).await {
                Ok(answer) => return answer,
                Err(error) => assert!(!error.is_permanent(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

fn capture(student: &DemoPerson, shade: u8) -> Capture {
    let now = Timestamp::now();
    Capture {
        subject: Subject {
            code: Some(SecretBytes::new(student.code().as_bytes())),
            proof: Proof::None,
            ..Subject::default()
        },
        standard: Photo::new("image/jpeg", picture(480, 640, shade, ImageFormat::Jpeg)),
        original: Photo::new("image/png", picture(320, 180, shade, ImageFormat::Png)),
        captured_at: now,
        submitted_at: now,
        consented_at: now,
        shoot_number: "A012".into(),
        spec: "national-blue".into(),
        report: serde_json::json!({ "accepted": true }),
        forced_reason: None,
        software: "test".into(),
    }
}

struct Delivered {
    record: Uuid,
    capture: Capture,
    receipt: Receipt,
}

/// What a booth delivered, and what it heard by its cursor.
type Day = (Vec<Delivered>, Vec<(Uuid, ChangeKind)>);

async fn a_day(urls: Vec<String>, seed: u8, students: Vec<(u8, DemoPerson)>) -> Day {
    let mut booth = Booth::open(&urls, seed).await;
    let (mut delivered, mut heard, mut cursor) = (Vec::new(), Vec::new(), None);
    for (shade, student) in students {
        let request = ResolveRequest {
            code: Some(SecretBytes::new(student.code().as_bytes())),
            proof: Proof::None,
            school_id: None,
        };
        booth.resolve(&request).await;
        let (record, capture) = (Uuid::now_v7(), capture(&student, shade));
        let accepted = booth.put(record, &capture).await;
        delivered.push(Delivered {
            record,
            capture,
            receipt: accepted.receipt,
        });
        listen(&mut booth, &mut cursor, &mut heard).await;
    }
    listen(&mut booth, &mut cursor, &mut heard).await;
    (delivered, heard)
}

async fn listen(booth: &mut Booth, cursor: &mut Option<String>, heard: &mut Vec<(Uuid, ChangeKind)>) {
    loop {
        let after = cursor.as_deref();
        let page = booth
            .insist(|client| async move { client.changes(after, 3).await })
            .await;
        *cursor = Some(page.next_cursor);
        heard.extend(
            page.changes
                .into_iter()
                .map(|change| (change.record_id, change.what)),
        );
        if !page.more {
            return;
        }
    }
}

/// Kills one process after the other, and once the database, until the work is done.
fn trouble(fleet: &Fleet, cluster: &Cluster, done: &AtomicBool, kills: &AtomicUsize) {
    while !done.load(Ordering::Relaxed) {
        let killed = kills.fetch_add(1, Ordering::Relaxed);
        fleet.kill(killed);
        if killed == 1 {
            cluster.restart();
        }
        thread::sleep(Duration::from_millis(300));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_photo_arrives_once_whoever_is_killed_meanwhile() {
    let cluster = Cluster::start(WITHOUT_FLUSHES);
    let storage = Storage::on(&cluster);
    let words = &["--seed-demo", "--profile", "binyu", "--auto-review", "approve"];
    let fleet = Fleet::start(storage.database.clone(), storage.bucket.clone(), words, 2);
    let fleet = Arc::new(fleet);
    let (done, kills) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let troubled = thread::spawn({
        let (fleet, done, kills) = (fleet.clone(), done.clone(), kills.clone());
        move || trouble(&fleet, &cluster, &done, &kills)
    });

    let students = demo::people(1)
        .into_iter()
        .filter(|person| person.case == DemoCase::Ordinary);
    let students: Vec<_> = (0..=u8::MAX).zip(students).take(40).collect();
    let days = students.chunks(8).zip(1..).map(|(students, seed)| {
        let (urls, students) = (fleet.urls(), students.to_vec());
        tokio::spawn(a_day(urls, seed, students))
    });
    let mut delivered = BTreeMap::new();
    for day in days.collect::<Vec<_>>() {
        let (photos, heard) = day.await.unwrap();
        let own: Vec<Uuid> = photos.iter().map(|photo| photo.record).collect();
        let heard_of: Vec<Uuid> = heard
            .iter()
            .filter(|(_, what)| *what == ChangeKind::Approved)
            .map(|(record, _)| *record)
            .collect();
        assert_eq!(
            heard_of, own,
            "each decision once, in the order of the booth's photos"
        );
        delivered.extend(photos.into_iter().map(|photo| (photo.record.to_string(), photo)));
    }
    done.store(true, Ordering::Relaxed);
    troubled.join().unwrap();
    assert!(kills.load(Ordering::Relaxed) >= 3, "there was trouble");
    assert_eq!(delivered.len(), students.len());
    let numbers: BTreeSet<_> = delivered
        .values()
        .map(|photo| &photo.receipt.receipt_number)
        .collect();
    assert_eq!(numbers.len(), delivered.len(), "a receipt's number is given once");
    tokio::task::spawn_blocking(move || compare(&storage, &delivered))
        .await
        .unwrap();
}

/// Is exactly this in the store, byte by byte?
fn compare(storage: &Storage, delivered: &BTreeMap<String, Delivered>) {
    let mut database = postgres::Client::connect(storage.database.expose(), NoTls).unwrap();
    let rows = database
        .query("SELECT record_id, receipt FROM captures", &[])
        .unwrap();
    assert_eq!(rows.len(), delivered.len());
    for row in &rows {
        let (record, receipt): (String, String) = (row.get(0), row.get(1));
        assert_eq!(
            serde_json::from_str::<Receipt>(&receipt).unwrap(),
            delivered[&record].receipt
        );
    }
    let rows = database
        .query("SELECT record_id, kind, place FROM files", &[])
        .unwrap();
    assert_eq!(rows.len(), 2 * delivered.len());
    for row in &rows {
        let (record, kind, place): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let capture = &delivered[&record].capture;
        let sent = if kind == "standard" {
            &capture.standard
        } else {
            &capture.original
        };
        assert_eq!(
            std::fs::read(storage.folder().join(&place)).unwrap(),
            sent.bytes.0,
            "{place}"
        );
        assert!(place.contains(&sha256_hex(&sent.bytes.0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_passes_by_no_change_that_is_still_on_its_way() {
    let storage = Storage::fresh();
    let started = async || {
        let mut options = BackendOptions::demo("binyu").unwrap();
        storage.choose(&mut options);
        Arc::new(Backend::start(options).await.unwrap())
    };
    let (one, other) = (started().await, started().await);
    let mut booth = Booth::open(&[one.url().to_owned(), other.url().to_owned()], 7).await;
    let mut records = BTreeSet::new();
    let people = demo::people(1)
        .into_iter()
        .filter(|person| person.case == DemoCase::Ordinary);
    for (shade, student) in (0..24).zip(people) {
        let (record, capture) = (Uuid::now_v7(), capture(&student, shade));
        let accepted = booth.put(record, &capture).await;
        assert_eq!(accepted.state, CollectionState::UnderReview);
        records.insert(record);
    }
    let mut cursor = None;
    let mut heard = Vec::new();
    listen(&mut booth, &mut cursor, &mut heard).await;
    heard.clear();

    // All are decided at the same moment, while the booth asks again and again.
    let mut deciding = JoinSet::new();
    for (backend, record) in [&one, &other].into_iter().cycle().zip(&records) {
        let (backend, record) = (backend.clone(), *record);
        deciding.spawn(async move { backend.review(record, Decision::Approve).await });
    }
    while !deciding.is_empty() {
        listen(&mut booth, &mut cursor, &mut heard).await;
        while let Some(decided) = deciding.try_join_next() {
            assert!(decided.unwrap().unwrap());
        }
    }
    listen(&mut booth, &mut cursor, &mut heard).await;
    let approved: Vec<Uuid> = heard.iter().map(|(record, _)| *record).collect();
    assert_eq!(approved.len(), records.len());
    assert_eq!(approved.into_iter().collect::<BTreeSet<_>>(), records);
}
