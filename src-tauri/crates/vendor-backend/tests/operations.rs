//! The backend as somebody runs it: alive and ready, its figures, its log, a second copy and the way back.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vendor::api::{Proof, ResolveRequest};
use vendor::{Client, Secret, SecretBytes, StationKey, Timeouts};
use vendor_backend::{Backend, BackendOptions, Running, backup, demo, restore};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vendor-backend");

async fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = http.get(format!("http://{addr}{path}")).send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

async fn started(data: &Path) -> Running {
    let mut options = BackendOptions::demo("biyezhengzhao").unwrap();
    options.data = Some(data.to_owned());
    options.operations = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    Backend::start(options).await.unwrap()
}

async fn enrolled(url: &str) -> Client {
    let client = Client::new(url, StationKey::from_bytes(&[7; 32]), Timeouts::default()).unwrap();
    let enrolled = client
        .enrol(demo::ACTIVATION_CODE, "1号机", "test")
        .await
        .unwrap();
    client.with_receipt_key(enrolled.receipt_public_key)
}

/// A student whose last four characters are typed wrong.
fn mistyped() -> ResolveRequest {
    ResolveRequest {
        code: Some(SecretBytes::new(demo::people(1)[0].code().as_bytes())),
        proof: Proof::LastFour {
            value: Secret::new("9876"),
        },
        school_id: None,
    }
}

#[tokio::test]
async fn the_operators_address_tells_what_the_public_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let backend = started(folder.path()).await;
    let operations = backend.operations.unwrap();
    assert_eq!(get(operations, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(operations, "/readyz").await, (200, "ready\n".to_owned()));
    for path in ["/metrics", "/readyz"] {
        assert_eq!(get(backend.addr, path).await.0, 404, "not for the public");
    }

    let station = enrolled(backend.url()).await;
    station.profile().await.unwrap();
    assert!(station.resolve(&mistyped()).await.is_err());
    assert_eq!(get(backend.addr, "/pay/not-an-order").await.0, 404);
    let (status, figures) = get(operations, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "photo_backend_answers_total{request=\"GET /v1/profile\",status=\"200\"} 1",
        "photo_backend_answers_total{request=\"GET /pay/{token}\",status=\"404\"} 1",
        "photo_backend_refusals_total{code=\"proof-mismatch\"} 1",
        "photo_backend_stations 1",
    ] {
        assert!(figures.contains(line), "{line}\n{figures}");
    }
    assert!(!figures.contains("not-an-order"));

    // A database that somebody else holds is not ready, and is again afterwards.
    let other = rusqlite::Connection::open(folder.path().join("backend.sqlite3")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(get(operations, "/readyz").await.0, 503);
    assert_eq!(get(operations, "/healthz").await.0, 200);
    other.execute_batch("ROLLBACK").unwrap();
    let ready = async || get(operations, "/readyz").await.0 == 200;
    for _ in 0..100 {
        if ready().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("not ready again");
}

#[tokio::test]
async fn a_copy_made_while_it_serves_brings_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy, again) = (
        folder.path().join("data"),
        folder.path().join("copy.sqlite3"),
        folder.path().join("again"),
    );
    let backend = started(&data).await;
    let station = enrolled(backend.url()).await;
    // Somebody works on it all the time.
    let busy = tokio::spawn({
        let station = station.clone();
        async move {
            loop {
                station.profile().await.unwrap();
            }
        }
    });
    let (from, to) = (data.clone(), copy.clone());
    tokio::task::spawn_blocking(move || backup(&from, &to).unwrap())
        .await
        .unwrap();
    busy.abort();
    assert!(backup(&data, &copy).is_err(), "a copy is never written over");
    assert!(restore(&data, &copy).is_err(), "nor is a store that is there");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o077, 0);
    }
    let addr = backend.addr;
    backend.stop().await;

    std::fs::write(
        folder.path().join("rubbish"),
        b"no database at all, but long enough",
    )
    .unwrap();
    assert!(restore(&again, &folder.path().join("rubbish")).is_err());
    assert!(!again.join("backend.sqlite3").exists(), "nothing half done");
    restore(&again, &copy).unwrap();
    let mut options = BackendOptions::demo("biyezhengzhao").unwrap();
    (options.data, options.listen) = (Some(again), addr);
    let backend = Backend::start(options).await.unwrap();
    // The same station, the same receipt key.
    let profile = station.profile().await.unwrap();
    assert!(profile.bundle_recipient.is_some());
    backend.stop().await;
}

/// The program, which is ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_program_reads_its_file_and_logs_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("backend.toml"), folder.path().join("log"));
    let text = format!(
        "data = {:?}\nlisten = \"127.0.0.1:0\"\nprofile = \"yipai\"\nlog = \"json\"\n",
        folder.path().join("data")
    );
    std::fs::write(&file, &text).unwrap();
    let program = Command::new(PROGRAM)
        .args(["serve", "--seed-demo", "--profile", "biyezhengzhao", "--config"])
        .arg(&file)
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn();
    let mut program = Program(program.unwrap());
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let url = lines
        .next()
        .unwrap()
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .to_owned();

    let station = enrolled(&url).await;
    let profile = station.profile().await.unwrap();
    assert_eq!(profile.id, "biyezhengzhao", "an argument goes before the file");
    assert!(station.resolve(&mistyped()).await.is_err());
    let addr = url.strip_prefix("http://").unwrap().parse().unwrap();
    get(addr, "/pay/a-payment-token").await;
    drop(program);

    let log = std::fs::read_to_string(&log).unwrap();
    assert!(!log.is_empty());
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        assert!(entry["level"].is_string() && entry["timestamp"].is_string());
    }
    assert!(log.contains("proof-mismatch"), "{log}");
    let person = &demo::people(1)[0];
    for secret in [
        person.code(),
        "9876",
        &person.name,
        demo::ACTIVATION_CODE,
        "a-payment-token",
    ] {
        assert!(!log.contains(secret), "a secret is in the log");
    }

    std::fs::write(&file, "lisen = \"127.0.0.1:0\"\n").unwrap();
    let misspelt = Command::new(PROGRAM)
        .args(["serve", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(!misspelt.status.success());
    let said = String::from_utf8_lossy(&misspelt.stderr);
    assert!(said.contains("lisen"), "{said}");
}
