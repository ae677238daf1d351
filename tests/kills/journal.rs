//! What a process of the suite tells it, a line of JSON each on standard output: a pipe keeps what was written
//! before a kill.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::soak::Sample;

/// Tells the suite's lines from the test harness' own.
const MARK: &str = "@suite ";

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "kebab-case")]
pub(crate) enum Line {
    /// The process serves.
    Ready,
    /// This student is about to submit this photo.
    Chose { student: usize, standard: String },
    /// The student was told that the photo is safe.
    Confirmed { student: usize, standard: String },
    /// A visit ended otherwise.
    Ended { why: String },
    /// The process is about to end itself at this point.
    Point { name: String },
    /// Nothing waits any more.
    Drained { waiting: u64, needs_person: Vec<String> },
    /// What the station of the soak holds of the computer.
    Sampled { sample: Sample },
    /// The last visit of the soak is over.
    VisitsDone,
    /// The process cannot go on: never expected.
    Failed { why: String },
}

/// Writes a line and flushes it.
pub(crate) fn say(line: &Line) {
    let text = format!("\n{MARK}{}\n", serde_json::to_string(line).unwrap());
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: the suite is gone and so is this process soon.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// A line of a process' output, if it is one of the suite's.
pub(crate) fn heard(text: &str) -> Option<Line> {
    serde_json::from_str(text.strip_prefix(MARK)?).ok()
}
