//! How a command speaks: one JSON object a line on stdout, or words; messages always on stderr.

use std::io::Write;

use serde_json::Value;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// One JSON object a line instead of words.
    pub json: bool,
}

impl Output {
    /// One result: the object with `--json`, the words without.
    pub(crate) fn result(self, object: &Value, words: &str) {
        let mut out = std::io::stdout().lock();
        // A reader that went away (`| head`) is no error of ours.
        let _ = if self.json {
            writeln!(out, "{object}")
        } else {
            writeln!(out, "{words}")
        };
    }

    /// A message for a person, never a result.
    #[expect(clippy::unused_self, reason = "both voices of a command belong together")]
    pub(crate) fn say(self, words: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{words}");
    }
}

/// How a command ended, as the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All inputs were accepted: 0.
    Accepted,
    /// Some were refused: 1.
    Refused,
    /// Wrong usage: 2.
    Usage,
}

impl Verdict {
    pub(crate) fn all(accepted: bool) -> Verdict {
        if accepted {
            Verdict::Accepted
        } else {
            Verdict::Refused
        }
    }
}

impl From<Verdict> for std::process::ExitCode {
    fn from(verdict: Verdict) -> std::process::ExitCode {
        std::process::ExitCode::from(match verdict {
            Verdict::Accepted => 0,
            Verdict::Refused => 1,
            Verdict::Usage => 2,
        })
    }
}
