//! The rows, one after the other, each on drivers freshly loaded.

use std::process::ExitCode;
use std::time::Instant;

use crate::{faults, pictures};

/// What a row ends with: what was seen, or what was wrong.
pub(crate) type Seen = Result<String, String>;

type Row = (&'static str, fn() -> Seen);

const ROWS: [Row; 25] = [
    ("no device at all; one is plugged in", faults::no_device),
    ("list: cameras, not outputs and metadata", pictures::listed),
    ("best format for a visit", pictures::best_format),
    ("YUYV in three sizes", pictures::yuyv),
    ("NV12 in three sizes", pictures::nv12),
    ("RGB3 in three sizes", pictures::rgb),
    ("GREY where nothing else is wanted", pictures::grey),
    ("a sensor on its side", pictures::on_its_side),
    ("MJPEG in three sizes", pictures::mjpeg),
    (
        "MJPEG without its tables, cut off, no JPEG",
        pictures::damaged_mjpeg,
    ),
    ("BGR3", pictures::bgr_frames),
    ("UYVY, as capture cards send", pictures::uyvy_frames),
    (
        "left in UYVY at 12.5 frames a second",
        faults::left_in_another_format,
    ),
    (
        "exposure held, and restored after a replug",
        faults::held_settings,
    ),
    ("unbound and bound while streaming", faults::unbound),
    ("replugged under another number", faults::another_number),
    ("two cameras at once, and one name for both", faults::two_devices),
    ("known by name and bus, whatever the order", faults::order),
    ("stops delivering", faults::stops_delivering),
    ("a frame marked damaged", faults::damaged_buffer),
    ("refuses a buffer", faults::refuses_a_buffer),
    ("refuses to start, to give buffers", faults::refuses_to_start),
    ("breaks down while streaming", faults::breaks_down),
    ("busy: another program has it", faults::busy),
    ("in a child that dies, and one that hangs", faults::in_a_child),
];

pub(crate) fn run(only: Option<&str>) -> ExitCode {
    let mut failed = 0;
    let mut ran = 0;
    for (name, row) in ROWS {
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        ran += 1;
        let start = Instant::now();
        let seen = std::panic::catch_unwind(row).unwrap_or_else(|_| Err("it panicked".to_owned()));
        let (verdict, words) = match seen {
            Ok(words) => ("ok", words),
            Err(words) => {
                failed += 1;
                ("FAILED", words)
            }
        };
        println!(
            "ROW\t{name}\t{verdict}\t{:.1}\t{words}",
            start.elapsed().as_secs_f32()
        );
    }
    println!("END\t{ran}\t{failed}");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
