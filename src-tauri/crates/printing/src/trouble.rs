//! Why no paper comes.

use serde::Serialize;

/// Why no paper comes, or came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// There is no printer of this name, or no printer at all.
    #[error("there is no such printer")]
    NoPrinter,
    /// The system's printing service does not answer.
    #[error("the printing service does not answer")]
    NoService,
    /// No paper, or not the right one.
    #[error("the printer is out of paper")]
    OutOfPaper,
    /// Paper is jammed.
    #[error("paper is jammed")]
    Jam,
    /// A cover or a tray is open.
    #[error("a cover of the printer is open")]
    Open,
    /// Toner, ink or ribbon is used up.
    #[error("toner, ink or ribbon is used up")]
    OutOfInk,
    /// Switched off, or its cable is out.
    #[error("the printer cannot be reached")]
    Offline,
    /// Somebody has paused it.
    #[error("the printer is paused")]
    Paused,
    /// It has stopped and does not say why.
    #[error("the printer has stopped")]
    Stopped,
    /// It takes no jobs.
    #[error("the printer takes no jobs")]
    TakesNone,
    /// It understands none of the forms the page can be given in.
    #[error("the printer does not understand the document")]
    NotUnderstood,
    /// Somebody has cancelled the job.
    #[error("the job was cancelled at the printer")]
    Cancelled,
    /// The printer has given the job up.
    #[error("the printer has given the job up")]
    GivenUp,
    /// No sheet came for a long time, and nothing says why.
    #[error("the printer takes too long")]
    TooSlow,
}

/// IPP's words for what keeps a printer from printing (RFC 8011 5.4.12, PWG 5100.9), most telling first.
const REASONS: [(&str, Trouble); 22] = [
    ("media-jam", Trouble::Jam),
    ("cover-open", Trouble::Open),
    ("door-open", Trouble::Open),
    ("interlock-open", Trouble::Open),
    ("input-tray-missing", Trouble::Open),
    ("output-tray-missing", Trouble::Open),
    ("media-empty", Trouble::OutOfPaper),
    ("media-needed", Trouble::OutOfPaper),
    ("toner-empty", Trouble::OutOfInk),
    ("marker-supply-empty", Trouble::OutOfInk),
    ("marker-supply-missing", Trouble::OutOfInk),
    ("developer-empty", Trouble::OutOfInk),
    ("output-area-full", Trouble::Jam),
    ("offline", Trouble::Offline),
    ("shutdown", Trouble::Offline),
    ("connecting-to-device", Trouble::Offline),
    ("timed-out", Trouble::Offline),
    ("paused", Trouble::Paused),
    ("moving-to-paused", Trouble::Paused),
    ("stopped-partly", Trouble::Stopped),
    ("stopping", Trouble::Stopped),
    ("cups-missing-filter", Trouble::NotUnderstood),
];

impl Trouble {
    /// What a printer's `printer-state-reasons` mean; `None` where none of them keeps it from printing.
    ///
    /// A reason may end in its severity: a report or a warning (`media-low-warning`) stops nothing.
    pub fn of_reasons<'a>(reasons: impl IntoIterator<Item = &'a str>) -> Option<Trouble> {
        let stops: Vec<&str> = reasons
            .into_iter()
            .filter(|reason| !reason.ends_with("-report") && !reason.ends_with("-warning"))
            .map(|reason| reason.strip_suffix("-error").unwrap_or(reason))
            .collect();
        REASONS
            .iter()
            .find(|(word, _)| stops.contains(word))
            .map(|(_, trouble)| *trouble)
    }

    /// The word the pages know it by, kebab-case.
    pub fn code(self) -> &'static str {
        match self {
            Trouble::NoPrinter => "no-printer",
            Trouble::NoService => "no-service",
            Trouble::OutOfPaper => "out-of-paper",
            Trouble::Jam => "jam",
            Trouble::Open => "open",
            Trouble::OutOfInk => "out-of-ink",
            Trouble::Offline => "offline",
            Trouble::Paused => "paused",
            Trouble::Stopped => "stopped",
            Trouble::TakesNone => "takes-none",
            Trouble::NotUnderstood => "not-understood",
            Trouble::Cancelled => "cancelled",
            Trouble::GivenUp => "given-up",
            Trouble::TooSlow => "too-slow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Trouble;

    #[test]
    fn a_warning_stops_nothing_and_an_error_does() {
        assert_eq!(Trouble::of_reasons(["none"]), None);
        assert_eq!(
            Trouble::of_reasons(["media-low-warning", "toner-low-report"]),
            None
        );
        assert_eq!(
            Trouble::of_reasons(["media-empty-warning"]),
            None,
            "another tray has paper"
        );
        assert_eq!(
            Trouble::of_reasons(["media-empty-error"]),
            Some(Trouble::OutOfPaper)
        );
        assert_eq!(Trouble::of_reasons(["media-empty"]), Some(Trouble::OutOfPaper));
        assert_eq!(Trouble::of_reasons(["offline-report"]), None);
    }

    #[test]
    fn what_a_person_must_do_first_is_said() {
        let reasons = ["paused", "media-empty-error", "media-jam-error"];
        assert_eq!(Trouble::of_reasons(reasons), Some(Trouble::Jam));
    }
}
