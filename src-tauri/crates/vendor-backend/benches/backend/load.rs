//! The stations, the trouble, the reckoning and the table.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use postgres::NoTls;
use uuid::Uuid;
use vendor::api::{Accepted, Capture, Identity, Photo, Proof, ResolveRequest, Subject, sha256_hex};
use vendor::{Client, Secret, SecretBytes, StationKey, Timeouts, VendorError};
use vendor_backend::demo;

use crate::bucket::BucketServer;
use crate::cluster::Cluster;
use crate::fleet::Fleet;
use crate::students::{code, commented, enrol, jpeg};

/// A standard photo and an original as stations send them.
const STANDARD_BYTES: usize = 60_000;
const ORIGINAL_BYTES: usize = 1_000_000;
/// A process is killed this often.
const KILLED_EACH: Duration = Duration::from_secs(5);
/// Students of each station.
const STUDENTS: usize = 100;
/// So many photos are read back and compared.
const READ_BACK: usize = 100;

struct Options {
    stations: usize,
    seconds: u64,
    processes: Vec<usize>,
}

impl Options {
    fn read() -> Options {
        let mut options = Options {
            stations: 200,
            seconds: 30,
            processes: vec![1, 2, 4],
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().expect("a number");
            match argument.as_str() {
                "--bench" | "--" => {}
                "--stations" => options.stations = number().parse().unwrap(),
                "--seconds" => options.seconds = number().parse().unwrap(),
                "--processes" => {
                    options.processes = number().split(',').map(|n| n.parse().unwrap()).collect();
                }
                other => panic!("what is {other}?"),
            }
        }
        options
    }
}

/// The two pictures that every photo is made of.
struct Pictures {
    standard: Vec<u8>,
    original: Vec<u8>,
}

pub(crate) fn run() {
    let options = Options::read();
    let pictures = Arc::new(Pictures {
        standard: jpeg(480, 640, STANDARD_BYTES),
        original: jpeg(1920, 1080, ORIGINAL_BYTES),
    });
    let disk = flushed_pairs(&pictures);
    println!(
        "{} stations, {} processors; a capture is {} + {} kB; the disk writes and flushes {disk:.0} such pairs a second\n",
        options.stations,
        thread::available_parallelism().map_or(0, usize::from),
        pictures.standard.len() / 1000,
        pictures.original.len() / 1000,
    );
    println!(
        "| processes | killed | captures | a second | of the disk | p50 | p99 | backend's CPU a capture | lost | doubled |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let cluster = Arc::new(Cluster::start(&[]));
    let server = BucketServer::start();
    for processes in &options.processes {
        round(&options, &cluster, &server, &pictures, *processes, false, disk);
    }
    let most = options.processes.iter().max().copied().unwrap_or(1).max(2);
    round(&options, &cluster, &server, &pictures, most, true, disk);
}

/// A pair of files of the same bytes, written and flushed one after the other.
fn flushed_pairs(pictures: &Pictures) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut pairs = 0u32;
    while begun.elapsed() < Duration::from_secs(3) {
        for (name, bytes) in [("standard", &pictures.standard), ("original", &pictures.original)] {
            let mut file = File::create(folder.path().join(format!("{name}{pairs}"))).unwrap();
            file.write_all(bytes).unwrap();
            file.sync_all().unwrap();
        }
        pairs += 1;
    }
    f64::from(pairs) / begun.elapsed().as_secs_f64()
}

fn round(
    options: &Options,
    cluster: &Arc<Cluster>,
    server: &BucketServer,
    pictures: &Arc<Pictures>,
    processes: usize,
    troubled: bool,
    disk: f64,
) {
    let (database, bucket) = (cluster.database(), server.bucket(&Uuid::now_v7().to_string()));
    let folder = server.folder.path().join(bucket.url.trim_start_matches("s3://"));
    let words = &["--seed-demo", "--profile", "binyu"];
    let fleet = Arc::new(Fleet::start(database.clone(), bucket, words, processes));
    enrol(&database, options.stations * STUDENTS);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clients = runtime.block_on(enrolled(options.stations, &fleet.urls()));
    let before = processor_time(&fleet);
    let (begun, end) = (
        Instant::now(),
        Instant::now() + Duration::from_secs(options.seconds),
    );
    let trouble = troubled.then(|| {
        let (fleet, cluster) = (fleet.clone(), cluster.clone());
        thread::spawn(move || trouble(&fleet, &cluster, end))
    });
    let delivered: Vec<Delivered> = runtime.block_on(async {
        let days = clients.into_iter().enumerate().map(|(n, clients)| {
            let pictures = pictures.clone();
            tokio::spawn(async move { Booth { clients, turn: n }.day(n, &pictures, end).await })
        });
        let mut delivered = Vec::new();
        for day in days.collect::<Vec<_>>() {
            delivered.extend(day.await.unwrap());
        }
        delivered
    });
    let took = begun.elapsed().as_secs_f64();
    let kills = trouble.map_or(0, |trouble| trouble.join().unwrap());
    let cpu = processor_time(&fleet).saturating_sub(before);
    let (lost, doubled) = reckon(&database, &folder, &delivered);

    let mut times: Vec<Duration> = delivered.iter().map(|one| one.took).collect();
    times.sort_unstable();
    let share = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_millis();
    let rate = delivered.len() as f64 / took;
    // A killed process has taken its time along.
    let cpu = if troubled {
        "–".to_owned()
    } else {
        format!("{:.0} ms", cpu.as_secs_f64() * 1000.0 / delivered.len() as f64)
    };
    println!(
        "| {processes} | {kills} | {} | {rate:.1} | {:.0} % | {} ms | {} ms | {cpu} | {lost} | {doubled} |",
        delivered.len(),
        rate / disk * 100.0,
        share(0.5),
        share(0.99),
    );
    assert_eq!((lost, doubled), (0, 0), "a photo was lost or doubled");
}

/// Every station with a client for each process, known to all of them.
async fn enrolled(stations: usize, urls: &[String]) -> Vec<Vec<Client>> {
    let mut all = Vec::new();
    for n in 0..stations {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(n as u64 + 1).to_be_bytes());
        let client =
            |url: &String| Client::new(url, StationKey::from_bytes(&seed), Timeouts::default()).unwrap();
        let clients: Vec<Client> = urls.iter().map(client).collect();
        let enrolled = clients[0]
            .enrol(demo::ACTIVATION_CODE, "1号机", "bench")
            .await
            .unwrap();
        let key = enrolled.receipt_public_key;
        all.push(
            clients
                .into_iter()
                .map(|client| client.with_receipt_key(key))
                .collect(),
        );
    }
    all
}

struct Delivered {
    record: Uuid,
    hashes: [String; 2],
    took: Duration,
}

/// A station: one process after the other until one answers.
struct Booth {
    clients: Vec<Client>,
    turn: usize,
}

impl Booth {
    async fn day(mut self, n: usize, pictures: &Pictures, end: Instant) -> Vec<Delivered> {
        let mut delivered = Vec::new();
        for student in n * STUDENTS..(n + 1) * STUDENTS {
            if Instant::now() >= end {
                break;
            }
            let request = ResolveRequest {
                code: Some(SecretBytes::new(code(student).into_bytes())),
                proof: Proof::None,
                school_id: None,
            };
            let identity = self.resolve(&request).await;
            let record = Uuid::now_v7();
            let capture = capture(
                pictures,
                record,
                Subject {
                    identity_token: Some(identity.identity_token),
                    academic_record_id: Some(identity.records[0].id.clone()),
                    code: request.code.clone(),
                    ..Subject::default()
                },
            );
            let begun = Instant::now();
            self.put(record, &capture).await;
            delivered.push(Delivered {
                record,
                hashes: [capture.standard.sha256, capture.original.sha256],
                took: begun.elapsed(),
            });
        }
        delivered
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
            match ask(self.clients[self.turn % self.clients.len()].clone()).await {
                Ok(answer) => return answer,
                Err(error) => assert!(!error.is_permanent(), "{error}"),
            }
            self.turn += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn capture(pictures: &Pictures, record: Uuid, subject: Subject) -> Capture {
    let now = Timestamp::now();
    let own = |picture: &[u8]| Photo::new("image/jpeg", commented(picture, &record.to_string()));
    Capture {
        subject,
        standard: own(&pictures.standard),
        original: own(&pictures.original),
        captured_at: now,
        submitted_at: now,
        consented_at: now,
        shoot_number: "A012".into(),
        spec: "national-blue".into(),
        report: serde_json::json!({ "accepted": true }),
        forced_reason: None,
        software: "bench".into(),
    }
}

/// A process is killed each five seconds, and the database once, in the middle. How many processes were.
fn trouble(fleet: &Fleet, cluster: &Cluster, end: Instant) -> usize {
    let middle = Instant::now() + (end - Instant::now()) / 2;
    let (mut kills, mut crashed) = (0, false);
    while Instant::now() + KILLED_EACH < end {
        thread::sleep(KILLED_EACH);
        fleet.kill(kills);
        kills += 1;
        if !crashed && Instant::now() > middle {
            crashed = true;
            cluster.restart();
        }
    }
    kills
}

/// How many photos are missing or not what was sent; how many are there beside those that were sent, each once.
fn reckon(database: &Secret, folder: &Path, delivered: &[Delivered]) -> (usize, usize) {
    let mut client = postgres::Client::connect(database.expose(), NoTls).unwrap();
    let sql = "SELECT c.record_id, c.standard_sha256, c.original_sha256, s.place, o.place FROM captures c
        JOIN files s ON s.record_id = c.record_id AND s.kind = 'standard'
        JOIN files o ON o.record_id = c.record_id AND o.kind = 'original'";
    let rows = client.query(sql, &[]).unwrap();
    let mut there: BTreeMap<String, ([String; 2], [String; 2])> = BTreeMap::new();
    for row in &rows {
        there.insert(row.get(0), ([row.get(1), row.get(2)], [row.get(3), row.get(4)]));
    }
    let (mut lost, mut read) = (0, 0);
    for one in delivered {
        let whole = there
            .remove(&one.record.to_string())
            .is_some_and(|(hashes, places)| {
                let reads = read < READ_BACK;
                read += 1;
                hashes == one.hashes
                    && hashes.iter().zip(&places).all(|(hash, place)| {
                        let path = folder.join(place);
                        path.is_file() && (!reads || sha256_hex(&fs::read(path).unwrap()) == *hash)
                    })
            });
        lost += usize::from(!whole);
    }
    (lost, there.len())
}

/// What the processes have used of the processors, from the kernel's own count: hundredths of a second.
fn processor_time(fleet: &Fleet) -> Duration {
    let hundredths: u64 = fleet
        .members
        .iter()
        .map(|(_, child)| {
            let pid = child.lock().unwrap().id();
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Behind the name in brackets; user and system time are the 14th and 15th of all.
            let behind = stat.rsplit(')').next().unwrap_or_default();
            let numbers: Vec<u64> = behind
                .split_whitespace()
                .map(|n| n.parse().unwrap_or(0))
                .collect();
            numbers.get(11).unwrap_or(&0) + numbers.get(12).unwrap_or(&0)
        })
        .sum();
    Duration::from_millis(hundredths * 10)
}
