//! Records of people nobody ever was, and a station full of them.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use jiff::{SignedDuration, Timestamp};
use records::{FILE_NAME, NewRecord, Payment, RecordId, Secret, Store};
use station::{Config, Darkroom, Options, Station};
use tempfile::TempDir;
use vendor_backend::{AutoReview, Backend, BackendOptions, Running, demo};

/// A record with these photos.
pub(crate) fn record(n: u32, at: Timestamp, code: &str, original: Vec<u8>, standard: Vec<u8>) -> NewRecord {
    NewRecord {
        id: RecordId::new(at).unwrap(),
        visit: None,
        code_text: Secret::new(code.as_bytes()),
        code_tag: format!("{:04X}-{:02X}", n.wrapping_mul(40_503) % 65_536, n % 251),
        proof: Secret::new(r#"{"kind":"none"}"#),
        identity: None,
        school: "示例大学（演示）".into(),
        school_id: None,
        vendor: "binyu".into(),
        spec: "national-blue".into(),
        original,
        standard,
        report: serde_json::json!({ "accepted": true }),
        candidates: 2,
        forced_reason: None,
        payment: Payment::Free,
        consent_at: at,
        started_at: at,
        captured_at: at,
    }
}

/// A noisy picture, so that its file is as large as a photo's; a comment makes it unlike every other.
pub(crate) fn jpeg(w: u32, h: u32, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_add(1);
    let picture = RgbImage::from_fn(w, h, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grey = 110 + (state >> 27) as u8;
        Rgb([grey, grey, grey.saturating_add(40)])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .encode_image(&picture)
        .unwrap();
    bytes.into_inner()
}

/// The JPEG with a comment segment behind its first marker.
pub(crate) fn commented(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xFE], &length, comment.as_bytes(), &jpeg[2..]].concat()
}

pub(crate) async fn backend() -> Running {
    Backend::start(BackendOptions {
        // Every photo is rejected at once, so that the same people can come for ever.
        auto_review: AutoReview::RejectFirst(u32::MAX),
        ..BackendOptions::demo("binyu").unwrap()
    })
    .await
    .unwrap()
}

/// Opens a station that serves, whose photos come from nowhere.
pub(crate) async fn open(data: &Path, backend: &str, activation: bool) -> Station {
    let options = Options {
        data: data.to_owned(),
        config: Config {
            backend: backend.to_owned(),
            profile: "binyu".into(),
            least_free_mb: 0,
            most_waiting: u32::MAX,
            ..Config::default()
        },
        key_in_file: true,
        eyes: None,
        activation: activation.then(|| demo::ACTIVATION_CODE.to_owned()),
        rehearsal: None,
    };
    let nobody: Darkroom = std::sync::Arc::new(|_| Err(Vec::new().into()));
    Station::open_with(options, Some(nobody)).await.unwrap()
}

/// The key a station in this folder has.
fn key(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("records.key"))
        .unwrap()
        .trim()
        .to_owned()
}

/// A folder with so many records: most of them delivered and decided long ago, one in twenty waits. Filled where
/// flushing costs nothing, then moved to the disk.
pub(crate) fn fill(records: u32) -> TempDir {
    let quick = Path::new("/dev/shm");
    let workshop = if quick.is_dir() {
        tempfile::tempdir_in(quick)
    } else {
        tempfile::tempdir()
    }
    .unwrap();
    let began = std::time::Instant::now();
    let (mut store, _) = station::open_store(workshop.path(), true).unwrap();
    let start = Timestamp::now() - SignedDuration::from_hours(24 * 300);
    for n in 0..records {
        let at = start + SignedDuration::from_secs(i64::from(n) * 200);
        let new = record(n, at, "CHSI1:made-up", vec![n as u8; 600], vec![n as u8; 200]);
        store.submit(&new, at).unwrap();
    }
    drop(store);
    // What a year does to them, without the year.
    let db = rusqlite::Connection::open(workshop.path().join(FILE_NAME)).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", key(workshop.path())))
        .unwrap();
    db.execute_batch(
        "BEGIN;
         UPDATE record SET state = CASE seq % 20 WHEN 0 THEN 'saved' WHEN 1 THEN 'rejected' WHEN 2 THEN 'under-review'
             ELSE 'approved' END;
         UPDATE record SET receipt_number = printf('R-2025%04d-%06d', seq % 1231, seq),
             receipt_sha256 = standard_sha256, receipt_at = submitted_at + 5000 WHERE state <> 'saved';
         DELETE FROM outbox WHERE record_id IN (SELECT id FROM record WHERE state <> 'saved');
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);",
    )
    .unwrap();
    drop(db);
    let place = tempfile::tempdir().unwrap();
    for name in [FILE_NAME, "records.key", "records.begun"] {
        std::fs::copy(workshop.path().join(name), place.path().join(name)).unwrap();
    }
    let size = std::fs::metadata(place.path().join(FILE_NAME)).unwrap().len();
    println!(
        "{records} records made in {:.0} s, {} MB",
        began.elapsed().as_secs_f64(),
        size >> 20
    );
    place
}

/// The records of a folder, as the station has them.
pub(crate) fn store(folder: &Path) -> Store {
    station::open_store(folder, true).unwrap().0
}
