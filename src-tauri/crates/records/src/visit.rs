//! Visits, for the figures: when they began, how they ended, how long they took. No secret, no name.

use std::time::Duration;

use fail::fail_point;
use jiff::Timestamp;
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Actor, Entry};
use crate::open::{millis, time, write};
use crate::picture;
use crate::queue::json;
use crate::{RecordsError, Result, Store};

/// A visit's number on this station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VisitId(pub(crate) i64);

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisitOutcome {
    /// A photo was submitted.
    Submitted,
    /// The student ended it.
    Cancelled,
    /// Nobody did anything any more.
    TimedOut,
    /// The rules or the backend did not let it go on.
    NotPossible,
    /// The station failed.
    Failed,
    /// The station lost power or was ended in the middle.
    Interrupted,
}

impl VisitOutcome {
    const ALL: [VisitOutcome; 6] = [
        VisitOutcome::Submitted,
        VisitOutcome::Cancelled,
        VisitOutcome::TimedOut,
        VisitOutcome::NotPossible,
        VisitOutcome::Failed,
        VisitOutcome::Interrupted,
    ];

    fn as_str(self) -> &'static str {
        match self {
            VisitOutcome::Submitted => "submitted",
            VisitOutcome::Cancelled => "cancelled",
            VisitOutcome::TimedOut => "timed-out",
            VisitOutcome::NotPossible => "not-possible",
            VisitOutcome::Failed => "failed",
            VisitOutcome::Interrupted => "interrupted",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<VisitOutcome> {
        VisitOutcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// One visit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VisitRow {
    /// Its number.
    pub id: VisitId,
    /// Vendor profile's id.
    pub vendor: String,
    /// When it began.
    pub started_at: Timestamp,
    /// The last step it reached.
    pub step: Option<String>,
    /// When it ended; `None` while under way. For an interrupted visit: when the station was back.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<VisitOutcome>,
    /// How long it took in seconds, by a clock that cannot jump; `None` where unknown.
    pub seconds: Option<f64>,
}

impl Store {
    /// A visit begins. Its row is open until [`Store::end_visit`]; a crash leaves it open for
    /// [`Store::close_interrupted_visits`].
    ///
    /// # Errors
    /// Only database errors.
    pub fn begin_visit(&mut self, vendor: &str, now: Timestamp) -> Result<VisitId> {
        let tx = write(&mut self.db)?;
        tx.prepare_cached("INSERT INTO visit (vendor, started_at) VALUES (?1, ?2)")?
            .execute(params![vendor, millis(now)])?;
        let id = VisitId(tx.last_insert_rowid());
        fail_point!("visit.beginning");
        tx.commit()?;
        Ok(id)
    }

    /// The visit reached a step (a page's name): after a crash this tells where.
    ///
    /// # Errors
    /// [`RecordsError::NoSuchVisit`].
    pub fn visit_reached(&mut self, id: VisitId, step: &str) -> Result<()> {
        let tx = write(&mut self.db)?;
        let changed = tx
            .prepare_cached("UPDATE visit SET step = ?2 WHERE id = ?1 AND ended_at IS NULL")?
            .execute(params![id.0, step])?;
        if changed == 0 {
            return Err(RecordsError::NoSuchVisit);
        }
        Ok(tx.commit()?)
    }

    /// The shutter was released in a visit: `refused` holds the codes of the checks that refused the photo, and is
    /// empty where there is one to choose.
    ///
    /// # Errors
    /// Only database errors.
    pub fn note_shot(&mut self, id: VisitId, refused: &[String], now: Timestamp) -> Result<()> {
        let refused = (!refused.is_empty()).then(|| json(&refused)).transpose()?;
        let tx = write(&mut self.db)?;
        tx.prepare_cached("INSERT INTO shot (visit_id, at, refused) VALUES (?1, ?2, ?3)")?
            .execute(params![id.0, millis(now), refused])?;
        Ok(tx.commit()?)
    }

    /// The visit is over, and what was set aside in it and not submitted is deleted with it. `lasted` comes from a
    /// monotonic clock. Ending it twice keeps the first end.
    ///
    /// # Errors
    /// Only database errors.
    pub fn end_visit(
        &mut self,
        id: VisitId,
        outcome: VisitOutcome,
        lasted: Duration,
        now: Timestamp,
    ) -> Result<()> {
        let tx = write(&mut self.db)?;
        tx.prepare_cached(
            "UPDATE visit SET ended_at = ?2, outcome = ?3, seconds = ?4 WHERE id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![id.0, millis(now), outcome.as_str(), lasted.as_secs_f64()])?;
        picture::drop_unsubmitted(&tx, id.0)?;
        fail_point!("visit.ending");
        Ok(tx.commit()?)
    }

    /// At the start of the station: a visit still open was cut off by a crash. It is closed as `Submitted` if
    /// its record had been kept, as `Interrupted` otherwise, what was set aside in it is deleted, and the audit says so.
    /// Returns what was closed.
    ///
    /// # Errors
    /// Only database errors.
    pub fn close_interrupted_visits(&mut self, now: Timestamp) -> Result<Vec<VisitRow>> {
        let tx = write(&mut self.db)?;
        let at = millis(now);
        let open: Vec<(i64, bool, Option<String>)> = tx
            .prepare("SELECT id, record_id IS NOT NULL, step FROM visit WHERE ended_at IS NULL ORDER BY id")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (id, kept, step) in &open {
            let outcome = if *kept {
                VisitOutcome::Submitted
            } else {
                VisitOutcome::Interrupted
            };
            tx.execute(
                "UPDATE visit SET ended_at = ?2, outcome = ?3 WHERE id = ?1",
                params![id, at, outcome.as_str()],
            )?;
            picture::drop_unsubmitted(&tx, *id)?;
            let detail = format!(
                "visit {id} at {}: {}",
                step.as_deref().unwrap_or("its beginning"),
                outcome.as_str()
            );
            audit::append(
                &tx,
                &Entry {
                    subject: None,
                    actor: Actor::Station,
                    what: "visit-interrupted",
                    state: None,
                    detail: Some(&detail),
                    at,
                },
            )?;
        }
        fail_point!("visit.closing-interrupted");
        tx.commit()?;
        open.iter().map(|(id, ..)| self.visit(VisitId(*id))).collect()
    }

    /// One visit.
    ///
    /// # Errors
    /// [`RecordsError::NoSuchVisit`].
    pub fn visit(&self, id: VisitId) -> Result<VisitRow> {
        let mut statement = self.db.prepare_cached(
            "SELECT vendor, started_at, step, ended_at, outcome, seconds FROM visit WHERE id = ?1",
        )?;
        let mut rows = statement.query([id.0])?;
        let row = rows.next()?.ok_or(RecordsError::NoSuchVisit)?;
        let outcome: Option<String> = row.get(4)?;
        Ok(VisitRow {
            id,
            vendor: row.get(0)?,
            started_at: time(row.get(1)?)?,
            step: row.get(2)?,
            ended_at: row.get::<_, Option<i64>>(3)?.map(time).transpose()?,
            outcome: outcome.as_deref().and_then(VisitOutcome::parse),
            seconds: row.get(5)?,
        })
    }
}

/// The visit's photo is kept, in the same transaction: a crash before the last page still counts as submitted.
pub(crate) fn ended_in_record(tx: &Transaction<'_>, visit: VisitId, record: &str) -> Result<()> {
    tx.prepare_cached("UPDATE visit SET record_id = ?2 WHERE id = ?1")?
        .execute(params![visit.0, record])?;
    Ok(())
}
