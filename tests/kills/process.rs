//! Processes of the suite: this program, started again in a role of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::journal::{Line, heard};

const ROLE: &str = "PHOTO_STATION_FAULTS_ROLE";

/// What a process of the suite is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Role {
    Backend(BackendRole),
    Station(StationRole),
    Soak(SoakRole),
}

/// The station of the soak.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SoakRole {
    pub(crate) visits: u32,
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    /// Folder of the photo every visit shares.
    pub(crate) shot: PathBuf,
    /// Folder of what its camera sees.
    pub(crate) booth: PathBuf,
}

/// A reference backend.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BackendRole {
    pub(crate) vendor: String,
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
}

/// A station with students in front of it.
#[allow(
    clippy::struct_excessive_bools,
    reason = "what a run is to do, each on its own"
)]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StationRole {
    pub(crate) vendor: String,
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    /// Folder of the photo most visits share.
    pub(crate) shot: PathBuf,
    /// Who comes first; the others follow in order.
    pub(crate) first: usize,
    /// See with the virtual booth and the vision models.
    pub(crate) eyes: bool,
    /// Purge, export, import and back up before the first visit.
    pub(crate) chores: bool,
    /// Give the records another key before the station opens.
    pub(crate) rekey: bool,
    /// End itself here, at the so-manieth time.
    pub(crate) point: Option<(String, usize)>,
    /// No visits: send everything and end.
    pub(crate) drain: bool,
}

impl Role {
    pub(crate) fn of_this_process() -> Option<Role> {
        Some(serde_json::from_str(&std::env::var(ROLE).ok()?).expect("a role"))
    }
}

/// Ends this process when the suite is gone, whatever it is doing.
pub(crate) fn end_with_the_suite() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<Line>,
    words: Receiver<String>,
    /// Held open: its end is the process' end.
    _stdin: Option<ChildStdin>,
}

impl Process {
    pub(crate) fn start(role: &Role) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "role", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, serde_json::to_string(role).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for text in out.lines().map_while(Result::ok) {
                if let Some(line) = heard(&text)
                    && tell.send(line).is_err()
                {
                    return;
                }
            }
        });
        let (tell, words) = channel();
        let mut errors = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            let _ = tell.send(String::from_utf8_lossy(&text).into_owned());
        });
        Process {
            _stdin: child.stdin.take(),
            child,
            lines,
            words,
        }
    }

    /// The next line; `None` when the time is over or the process said its last.
    pub(crate) fn line_before(&self, deadline: Instant) -> Option<Line> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.lines.recv_timeout(left).ok()
    }

    /// Waits for a process that ends by itself.
    pub(crate) fn ended_before(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// `SIGKILL`, `TerminateProcess`; then everything it had still said.
    pub(crate) fn kill(&mut self) -> Vec<Line> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.lines.iter().collect()
    }

    /// What it wrote on standard error, once it has ended.
    pub(crate) fn errors(&self) -> String {
        self.words
            .recv_timeout(Duration::from_secs(5))
            .unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
