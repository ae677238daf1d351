//! What it costs to keep a photo: encrypted, audited, flushed; beside a plain file with the same bytes, flushed. In
//! turns, in the same folder.
//!
//! A visit pays in two parts. When the photo is taken its bytes are written down, sealed, while the student looks at it;
//! when it is submitted the student waits for the record's transaction, which then writes a few rows. Both are timed, and
//! so is what it costs in one, as when a bundle is taken in or nothing could be written down before.

use std::io::Write;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use records::{NewRecord, RecordId, VisitOutcome};

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
    let (mut whole_kept, mut taken, mut submitted, mut plain) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
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
        let keep = || {
            let visit = store.begin_visit("binyu", Timestamp::now()).unwrap();
            let began = Instant::now();
            let aside = store.set_aside(visit, &new.original, &new.standard).unwrap();
            taken.push(began.elapsed());
            let began = Instant::now();
            store.submit_set_aside(&new, &aside, Timestamp::now()).unwrap();
            submitted.push(began.elapsed());
            store
                .end_visit(visit, VisitOutcome::Submitted, Duration::ZERO, Timestamp::now())
                .unwrap();
            let again = NewRecord {
                id: RecordId::new(Timestamp::now()).unwrap(),
                ..new
            };
            let began = Instant::now();
            store.submit(&again, Timestamp::now()).unwrap();
            whole_kept.push(began.elapsed());
        };
        if n % 2 == 0 {
            keep();
            write(&mut plain);
        } else {
            write(&mut plain);
            keep();
        }
        std::fs::remove_file(&path).unwrap();
        // The station writes the log back between two students.
        store.settle().unwrap();
    }
    for (what, times, target) in [
        ("submitting a photo of 1 MB", &mut submitted, Some(3.0)),
        ("before: written down when taken", &mut taken, None),
        ("both in one, without a visit", &mut whole_kept, None),
    ] {
        for (name, at, target) in [("median", 0.5, None), ("p99", 0.99, target)] {
            let (ours, theirs) = (share(times, at), share(&mut plain, at));
            let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
            line(
                &format!("{what}, {name}"),
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
}
