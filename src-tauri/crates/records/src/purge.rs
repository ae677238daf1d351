//! Deletes what the station need not keep any more: the shortest retention the law asks for (PIPL), and never
//! a photo whose delivery is not proven; and what a student asks to be deleted (PIPL, article 47), with a trace of it.

use std::time::Duration;

use fail::fail_point;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};

use crate::audit::Actor;
use crate::open::{millis, time, write};
use crate::picture;
use crate::queue::{column, parse_id, parse_state, state_of, step};
use crate::{Event, PhotoKind, RecordId, RecordState, RecordsError, Result, Store};

/// What a purge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Records whose photos and secrets are deleted; hashes, receipt and history stay.
    pub purged: Vec<RecordId>,
    /// Records past their retention that were kept, with the reason.
    pub kept: Vec<(RecordId, Kept)>,
}

/// Why a record past its retention was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The receipt was signed over another photo than the one here.
    ReceiptMismatch,
    /// The photo here is not the one that was submitted.
    Damaged,
}

/// What was deleted at a student's request, and who else may have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// `Purged` where the backend has given its receipt, `Withdrawn` where it has not.
    pub state: RecordState,
    /// Attempts that were made to send it: with one the backend may have the photo although no receipt came.
    pub attempts: u32,
    /// The backend's receipt number: the backend has the photo and must be asked as well.
    pub receipt: Option<String>,
    /// True when it was deleted before and nothing was done.
    pub already: bool,
}

/// Longest reason for a deletion, in characters.
const LONGEST_REASON: usize = 200;

impl Store {
    /// Deletes photos, code text, proof, identity and report of one record because its student asks for it. The
    /// history keeps that it was done, when and for which `reason` (no name in it); hashes and a receipt stay.
    ///
    /// # Errors
    /// [`RecordsError::BadInput`] for an empty or overlong reason, or for a record without a receipt unless
    /// `undelivered` is set: its photo may exist nowhere else. [`RecordsError::Impossible`] while it is just being
    /// sent. [`RecordsError::NotFound`].
    pub fn forget(
        &mut self,
        id: RecordId,
        reason: &str,
        undelivered: bool,
        now: Timestamp,
    ) -> Result<Forgotten> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(RecordsError::BadInput(
                "a deletion needs a reason of at most 200 characters, without a name",
            ));
        }
        let tx = write(&mut self.db)?;
        let before = state_of(&tx, id)?;
        if before.has_photos() && !before.has_receipt() && !undelivered {
            return Err(RecordsError::BadInput(
                "this record has no receipt: its photo may exist nowhere else; say so to delete it all the same",
            ));
        }
        let already = !before.has_photos();
        let state = if already {
            before
        } else {
            let state = step(
                &tx,
                id,
                Event::Withdrawn,
                Actor::Student,
                "deleted-on-request",
                Some(reason),
                millis(now),
            )?;
            delete(&tx, id)?;
            fail_point!("forget.deleted");
            state
        };
        let forgotten = Forgotten {
            state,
            attempts: column(&tx, id, "attempts")?,
            receipt: column(&tx, id, "receipt_number")?,
            already,
        };
        tx.commit()?;
        if !already {
            fail_point!("forget.committed");
            give_back(&self.db)?;
        }
        Ok(forgotten)
    }

    /// Deletes photos, code text, proof, identity and report of every record whose receipt came, and whose
    /// last review outcome came, at least `retention` ago. Before each deletion the photo on this disk is
    /// hashed anew and must be the one the receipt was signed over. The freed pages are overwritten and given
    /// back to the disk.
    ///
    /// # Errors
    /// Only database errors; what was purged before one stays purged, each record on its own.
    pub fn purge(&mut self, now: Timestamp, retention: Duration) -> Result<PurgeReport> {
        let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let oldest_kept = millis(now).saturating_sub(retention_ms);
        let states: Vec<String> = RecordState::ALL
            .iter()
            .filter(|state| state.after(Event::Purged).is_ok())
            .map(|state| format!("'{state}'"))
            .collect();
        let over: Vec<String> = self
            .db
            .prepare(&format!(
                "SELECT id FROM record WHERE state IN ({}) AND max(receipt_at, coalesce(review_at, 0)) <= ?1
                 ORDER BY seq",
                states.join(", ")
            ))?
            .query_map([oldest_kept], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;

        let mut report = PurgeReport::default();
        for id in over {
            let id = parse_id(&id)?;
            match self.purge_one(id, now)? {
                None => report.purged.push(id),
                Some(reason) => report.kept.push((id, reason)),
            }
        }
        self.purge_settled(&report)?;
        Ok(report)
    }

    /// As [`Store::purge`], of these records only; `done` is told each one as it is over, and ends the work by `false`.
    /// Those that are not to be purged yet are passed over.
    ///
    /// # Errors
    /// As [`Store::purge`].
    pub fn purge_these(
        &mut self,
        ids: &[RecordId],
        now: Timestamp,
        retention: Duration,
        done: &mut dyn FnMut(RecordId) -> bool,
    ) -> Result<PurgeReport> {
        let mut report = PurgeReport::default();
        for id in ids {
            if self
                .purgeable_from(*id, retention)?
                .is_some_and(|from| from <= now)
            {
                match self.purge_one(*id, now)? {
                    None => report.purged.push(*id),
                    Some(reason) => report.kept.push((*id, reason)),
                }
            }
            if !done(*id) {
                break;
            }
        }
        self.purge_settled(&report)?;
        Ok(report)
    }

    /// From when on a record may be purged; `None` where it may not at all: without a receipt, or purged before.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]; database errors.
    pub fn purgeable_from(&self, id: RecordId, retention: Duration) -> Result<Option<Timestamp>> {
        let found: Option<(String, Option<i64>)> = self
            .db
            .prepare_cached(
                "SELECT state, max(receipt_at, coalesce(review_at, 0)) FROM record WHERE id = ?1",
            )?
            .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (state, settled) = found.ok_or(RecordsError::NotFound(id))?;
        let state = parse_state(&state)?;
        Ok(match (state.after(Event::Purged), settled) {
            (Ok(_), Some(settled)) if state.has_photos() => {
                Some(time(settled)?.saturating_add(retention).unwrap_or(Timestamp::MAX))
            }
            _ => None,
        })
    }

    fn purge_one(&mut self, id: RecordId, now: Timestamp) -> Result<Option<Kept>> {
        let tx = write(&mut self.db)?;
        if let Some(reason) = reason_to_keep(&tx, id)? {
            return Ok(Some(reason));
        }
        delete(&tx, id)?;
        fail_point!("purge.deleted");
        step(
            &tx,
            id,
            Event::Purged,
            Actor::Station,
            "purged",
            None,
            millis(now),
        )?;
        tx.commit()?;
        fail_point!("purge.committed");
        Ok(None)
    }

    fn purge_settled(&self, report: &PurgeReport) -> Result<()> {
        if report.purged.is_empty() {
            return Ok(());
        }
        give_back(&self.db)
    }
}

fn reason_to_keep(tx: &Transaction<'_>, id: RecordId) -> Result<Option<Kept>> {
    let submitted: String = column(tx, id, "standard_sha256")?;
    let receipted: Option<String> = column(tx, id, "receipt_sha256")?;
    if receipted.as_ref() != Some(&submitted) {
        return Ok(Some(Kept::ReceiptMismatch));
    }
    match picture::photo(tx, id, PhotoKind::Standard) {
        Ok(Some((_, hash))) if hash == submitted => Ok(None),
        Ok(_) | Err(RecordsError::Damaged { .. }) => Ok(Some(Kept::Damaged)),
        Err(error) => Err(error),
    }
}

fn delete(tx: &Transaction<'_>, id: RecordId) -> Result<()> {
    let name = id.to_string();
    let pictures_left = picture::delete_photos(tx, &name)?;
    tx.prepare_cached(
        "UPDATE paper SET code_text = NULL, proof = NULL, identity_token = NULL, identity = NULL, report = NULL
         WHERE record_id = ?1",
    )?
    .execute([&name])?;
    let left: i64 = tx
        .prepare_cached(
            "SELECT (SELECT count(*) FROM photo WHERE record_id = ?1) +
                    (SELECT count(*) FROM paper WHERE record_id = ?1 AND
                        coalesce(code_text, proof, identity_token, identity, report) IS NOT NULL)",
        )?
        .query_row([&name], |row| row.get(0))?;
    if left == 0 && pictures_left == 0 {
        Ok(())
    } else {
        Err(RecordsError::damaged("a deletion left something behind"))
    }
}

/// Gives freed pages back to the disk and empties the log, which still holds older pages.
fn give_back(db: &rusqlite::Connection) -> Result<()> {
    let mut statement = db.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    fail_point!("purge.vacuumed");
    // With a reader open the log is emptied later, at the next checkpoint.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
