//! What the sync loop moves beside what `curl --parallel` moves: bodies of the same size, to the same server, as many
//! side by side, in turns; once as fast as the machine goes, once over an uplink as a campus has it.
//!
//! The server runs on the same processors. Without a slow uplink between, the figure says what a record costs them: the
//! station reads it from the encrypted records, writes its JSON, digests and signs it, and writes two lines down; curl's
//! bodies are made beforehand.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use station::Station;
use station::sync::SIDE_BY_SIDE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use uuid::Uuid;
use vendor::api::{Capture, Photo, Proof, Subject};
use vendor::signature::{Message, content_digest, sign_request};
use vendor::{SecretBytes, StationKey};
use vendor_backend::{DemoCase, DemoPerson, Running};

use crate::{line, share, student};

const ROUNDS: usize = 3;
const EACH: u32 = 60;
/// Bytes a second of a campus uplink: 100 Mbit/s.
const UPLINK: f64 = 12_500_000.0;

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Ok(version) = std::process::Command::new("curl").arg("--version").output() else {
        println!("there is no curl to compare the sync with");
        return;
    };
    assert!(version.status.success());
    runtime.block_on(async {
        let backend = student::backend().await;
        compare(&backend, backend.addr, "").await;
        compare(&backend, uplink(backend.addr).await, ", 100 Mbit/s").await;
        backend.stop().await;
    });
}

async fn compare(backend: &Running, addr: SocketAddr, how: &str) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut moved = 0;
    let folder = tempfile::tempdir().unwrap();
    let station = student::open(folder.path(), &format!("http://{addr}"), true).await;
    assert!(station.enrolled_within(Duration::from_secs(30)).await);
    let mut people = backend.people();
    people.retain(|person| person.case == DemoCase::Ordinary);
    let picture = (student::jpeg(1280, 720, 1), student::jpeg(480, 640, 2));
    for _ in 0..ROUNDS {
        ours.push(by_station(&station, &people, &picture).await);
        let (took, bytes) = by_curl(addr, &station, &people, &picture).await;
        theirs.push(took);
        moved = bytes;
    }
    let (ours, theirs) = (share(&mut ours, 0.5), share(&mut theirs, 0.5));
    let rate = |took: Duration| moved as f64 / 1e6 / took.as_secs_f64();
    let ratio = rate(ours) / rate(theirs);
    line(
        &format!("sync of {EACH} records / curl --parallel{how}"),
        &format!("{:.1} MB/s", rate(ours)),
        &format!("{:.1} MB/s", rate(theirs)),
        &format!("{:.0} %", ratio * 100.0),
        ">= 80 %",
        ratio >= 0.8,
    );
}

/// A way to the server through which all connections together send no more than [`UPLINK`].
async fn uplink(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let free = Arc::new(Mutex::new(tokio::time::Instant::now()));
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let free = Arc::clone(&free);
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(to).await else {
                    return;
                };
                let ((mut from_near, mut to_near), (mut from_far, mut to_far)) =
                    (near.into_split(), far.into_split());
                let back = tokio::spawn(async move { tokio::io::copy(&mut from_far, &mut to_near).await });
                let mut piece = vec![0; 16 * 1024];
                while let Ok(n @ 1..) = from_near.read(&mut piece).await {
                    let until = {
                        let mut free = free.lock().await;
                        *free = (*free).max(tokio::time::Instant::now())
                            + Duration::from_secs_f64(n as f64 / UPLINK);
                        *free
                    };
                    tokio::time::sleep_until(until).await;
                    if to_far.write_all(&piece[..n]).await.is_err() {
                        break;
                    }
                }
                drop(to_far);
                let _ = back.await;
            });
        }
    });
    addr
}

/// Keeps so many records while the loop sleeps, then wakes it and waits until the last receipt is written down.
async fn by_station(station: &Station, people: &[DemoPerson], picture: &(Vec<u8>, Vec<u8>)) -> Duration {
    let records: Vec<_> = (0..EACH)
        .map(|n| {
            let (original, standard) = unlike(picture);
            let person = &people[n as usize % people.len()];
            // Due only once they are all there.
            student::record(n, Timestamp::now(), person.code(), original, standard)
        })
        .collect();
    let later = Timestamp::now() + jiff::SignedDuration::from_secs(20);
    station
        .with_records(move |store| {
            for new in &records {
                store.submit(new, later)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let wait = later.duration_since(Timestamp::now());
    tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
    let began = Instant::now();
    station.sync_soon();
    while station
        .with_records(|store| store.counts())
        .await
        .unwrap()
        .waiting()
        > 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

fn unlike((original, standard): &(Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    let comment = Uuid::now_v7().to_string();
    (
        student::commented(original, &comment),
        student::commented(standard, &comment),
    )
}

/// The same requests, made beforehand; only their sending is measured. Returns the bytes of the bodies as well.
async fn by_curl(
    addr: SocketAddr,
    station: &Station,
    people: &[DemoPerson],
    picture: &(Vec<u8>, Vec<u8>),
) -> (Duration, usize) {
    let folder = tempfile::tempdir().unwrap();
    let seed = station
        .with_records(|store| store.setting("station-key"))
        .await
        .unwrap()
        .unwrap();
    let mut bytes = [0; 32];
    hex::decode_to_slice(seed, &mut bytes).unwrap();
    let key = StationKey::from_bytes(&bytes);
    let (mut config, mut moved) = (String::new(), 0);
    for n in 0..EACH {
        let person = &people[n as usize % people.len()];
        let (original, standard) = unlike(picture);
        let body = body(person, original, standard, n);
        moved += body.len();
        let file = folder.path().join(format!("{n}.json"));
        std::fs::write(&file, &body).unwrap();
        request(&mut config, addr, &key, &body, &file, n);
    }
    let list = folder.path().join("requests");
    std::fs::write(&list, config).unwrap();
    let mut curl = std::process::Command::new("curl");
    curl.args(["--parallel", "--parallel-immediate", "--parallel-max"])
        .arg(SIDE_BY_SIDE.to_string())
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--config"])
        .arg(&list);
    let began = Instant::now();
    let done = tokio::task::spawn_blocking(move || curl.output())
        .await
        .unwrap()
        .unwrap();
    let took = began.elapsed();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (took, moved)
}

fn body(person: &DemoPerson, original: Vec<u8>, standard: Vec<u8>, n: u32) -> Vec<u8> {
    let now = Timestamp::now();
    let capture = Capture {
        subject: Subject {
            code: Some(SecretBytes::new(person.code().as_bytes())),
            proof: Proof::None,
            ..Subject::default()
        },
        standard: Photo::new("image/jpeg", standard),
        original: Photo::new("image/jpeg", original),
        captured_at: now,
        submitted_at: now,
        consented_at: now,
        shoot_number: format!("C{n:03}"),
        spec: "national-blue".into(),
        report: serde_json::json!({ "accepted": true }),
        forced_reason: None,
        software: "curl".into(),
    };
    serde_json::to_vec(&capture).unwrap()
}

/// One request as curl's configuration has it.
fn request(config: &mut String, addr: SocketAddr, key: &StationKey, body: &[u8], file: &Path, n: u32) {
    let record = Uuid::now_v7();
    let path = format!("/v1/captures/{record}");
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("content-digest", content_digest(body)),
        ("idempotency-key", record.to_string()),
    ];
    let fields: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let authority = addr.to_string();
    let message = Message {
        method: "PUT",
        authority: &authority,
        path: &path,
        query: None,
        fields: &fields,
    };
    let nonce = Uuid::now_v7().simple().to_string();
    let (input, signature) = sign_request(&message, key, Timestamp::now(), &nonce).unwrap();
    if n > 0 {
        config.push_str("next\n");
    }
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    for (name, value) in headers.iter().map(|(name, value)| (*name, value.clone())).chain([
        ("signature-input", input),
        ("signature", signature),
        ("expect", String::new()),
    ]) {
        writeln!(config, "header = \"{name}: {}\"", quoted(&value)).unwrap();
    }
    writeln!(
        config,
        "request = \"PUT\"\nupload-file = \"{}\"\nurl = \"http://{}{path}\"\noutput = \"{}.reply\"",
        file.display(),
        authority,
        file.display()
    )
    .unwrap();
}
