//! The visits' diary: when each began, how far it came, each press of the shutter, how it ended. For the figures only;
//! nothing of a student is in it.
//!
//! One task writes it, in the order things happened and beside the pages: a slow disk never holds a visit up.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use records::{VisitId, VisitOutcome};
use tokio::sync::{Mutex, mpsc};

use crate::station::{Shared, StationError};
use crate::view::{Page, Remark};

/// One line to be written.
enum Line {
    Began {
        vendor: String,
        at: Timestamp,
    },
    Reached(&'static str),
    Shot {
        refused: Vec<String>,
        at: Timestamp,
    },
    Ended {
        outcome: VisitOutcome,
        lasted: Duration,
        at: Timestamp,
    },
}

/// The visit under way as the records number it; empty between two.
pub(crate) type Row = Arc<Mutex<Option<VisitId>>>;

/// Takes the lines down.
pub(crate) struct Diary {
    lines: mpsc::UnboundedSender<Line>,
    page: Option<&'static str>,
}

impl Diary {
    /// Begins a diary that keeps the number of the visit under way in `row`. It ends with its owner, when the last line
    /// is written.
    pub(crate) fn open(shared: Shared, row: Row) -> Diary {
        let (lines, inbox) = mpsc::unbounded_channel();
        tokio::spawn(write(shared, row, inbox));
        Diary { lines, page: None }
    }

    pub(crate) fn began(&mut self, vendor: String, at: Timestamp) {
        self.page = None;
        self.put(Line::Began { vendor, at });
    }

    /// The visit stands on this page; told again and again, written down once. Pages that only wait for the machine or
    /// tell how it ended are no step of the student's.
    pub(crate) fn reached(&mut self, page: &Page) {
        let step = step(page);
        if step.is_some() && step != self.page {
            self.page = step;
            self.put(Line::Reached(step.unwrap_or_default()));
        }
    }

    /// The shutter was released; what refused the photo, if anything did.
    pub(crate) fn shot(&self, refused: Option<&Vec<Remark>>, at: Timestamp) {
        let refused = refused.into_iter().flatten().map(|remark| remark.code.clone());
        self.put(Line::Shot {
            refused: refused.collect(),
            at,
        });
    }

    pub(crate) fn ended(&mut self, outcome: VisitOutcome, lasted: Duration, at: Timestamp) {
        self.put(Line::Ended { outcome, lasted, at });
    }

    fn put(&self, line: Line) {
        // The writer stops with the station: what happens then is told by the records' own start.
        let _ = self.lines.send(line);
    }
}

/// The page's name in the figures.
fn step(page: &Page) -> Option<&'static str> {
    Some(match page {
        Page::Scan { .. } => "scan",
        Page::FindSchool { .. } => "find-school",
        Page::ProveLastFour { .. } => "prove-last-four",
        Page::ProveName { .. } => "prove-name",
        Page::ChooseRecord { .. } => "choose-record",
        Page::Confirm { .. } => "confirm",
        Page::Requirements => "requirements",
        Page::Pay { .. } => "pay",
        Page::Framing { .. } => "framing",
        Page::ChoosePhoto { .. } => "choose-photo",
        Page::LastLook { .. } => "last-look",
        _ => return None,
    })
}

async fn write(shared: Shared, row: Row, mut inbox: mpsc::UnboundedReceiver<Line>) {
    while let Some(line) = inbox.recv().await {
        if let Err(error) = put_down(&shared, &row, line).await {
            tracing::warn!(%error, "a line of the visit's diary could not be written");
        }
    }
}

async fn put_down(shared: &Shared, row: &Row, line: Line) -> Result<(), StationError> {
    // Held while it is written: a record that is being kept waits for the visit's number.
    let mut row = row.lock().await;
    match (line, *row) {
        (Line::Began { vendor, at }, _) => {
            *row = None;
            *row = Some(
                shared
                    .records(move |store| store.begin_visit(&vendor, at))
                    .await?,
            );
        }
        (Line::Reached(step), Some(id)) => {
            shared.records(move |store| store.visit_reached(id, step)).await?;
        }
        (Line::Shot { refused, at }, Some(id)) => {
            shared
                .records(move |store| store.note_shot(id, &refused, at))
                .await?;
        }
        (Line::Ended { outcome, lasted, at }, Some(id)) => {
            *row = None;
            shared
                .records(move |store| store.end_visit(id, outcome, lasted, at))
                .await?;
        }
        // The visit's beginning could not be written: there is nothing to add to.
        (_, None) => {}
    }
    Ok(())
}
