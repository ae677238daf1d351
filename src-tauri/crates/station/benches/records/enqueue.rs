//! What it costs to keep a submitted photo: encrypted, audited, flushed; beside a plain file with the same bytes,
//! flushed. In turns, in the same folder.

use std::io::Write;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::{line, ms, share, student};

/// Enough for a 99th percentile that is not one outlier.
const TIMES: u32 = 400;
/// A camera's JPEG of 1920×1080, and a standard photo.
const ORIGINAL: usize = 1_000_000;
const STANDARD: usize = 38_000;

pub(crate) fn run() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = student::store(folder.path());
    let noise = student::jpeg(1600, 1000, 7);
    let bytes: Vec<u8> = noise.iter().copied().cycle().take(ORIGINAL).collect();
    let (mut kept, mut plain) = (Vec::new(), Vec::new());
    for n in 0..TIMES {
        let mut original = bytes.clone();
        original[..4].copy_from_slice(&n.to_be_bytes());
        let standard = original[..STANDARD].to_vec();
        let whole = [original.as_slice(), &standard].concat();
        let path = folder.path().join(format!("plain-{n}"));
        let new = student::record(n, Timestamp::now(), "CHSI1:made-up", original, standard);

        let write = |plain: &mut Vec<Duration>| {
            let began = Instant::now();
            let mut file = std::fs::File::create_new(&path).unwrap();
            file.write_all(&whole).unwrap();
            file.sync_all().unwrap();
            plain.push(began.elapsed());
        };
        let mut keep = |kept: &mut Vec<Duration>| {
            let began = Instant::now();
            store.submit(&new, Timestamp::now()).unwrap();
            kept.push(began.elapsed());
        };
        if n % 2 == 0 {
            keep(&mut kept);
            write(&mut plain);
        } else {
            write(&mut plain);
            keep(&mut kept);
        }
        std::fs::remove_file(&path).unwrap();
        // The station writes the log back between two students.
        store.settle().unwrap();
    }
    for (name, at, target) in [("median", 0.5, None), ("p99", 0.99, Some(3.0))] {
        let (ours, theirs) = (share(&mut kept, at), share(&mut plain, at));
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        line(
            &format!("keeping a photo of 1 MB / a flushed file, {name}"),
            &ms(ours),
            &ms(theirs),
            &format!("{ratio:.2}x"),
            if target.is_some() {
                "<= 3x"
            } else {
                "(for comparison)"
            },
            target.is_none_or(|target| ratio <= target),
        );
    }
}
