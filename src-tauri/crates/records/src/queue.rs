//! From the shutter to the receipt: submission, attempts to send, receipts, review outcomes, a person's hand.
//!
//! Every change of a record's state goes through [`step`], which asks [`RecordState::after`], keeps the outbox
//! in agreement and writes the audit row, all inside the caller's transaction.

use std::time::Duration;

use fail::fail_point;
use jiff::Timestamp;
use jiff::tz::Offset;
use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use crate::audit::{self, Actor, Entry};
use crate::open::{CURSOR, Unflushed, millis, put_setting, time, write};
use crate::picture::{self, SetAside};
use crate::record::{
    Attempt, AttemptResult, Change, ChangeOutcome, Identity, NewRecord, Outgoing, Payment, Receipt, RecordId,
    Secret, Submitted,
};
use crate::{Event, LONGEST_WAIT, PersonReason, RecordState, RecordsError, Result, Review, Store, back_off};

/// How long an attempt may go unreported before it counts as broken off and the record is due again. Longer
/// than the client's longest deadline for one upload; a double send is harmless (same idempotency key).
pub const LEASE: Duration = Duration::from_mins(5);

/// The longest `Retry-After` that is honoured.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// A next try further ahead than anything this program ever sets means that the clock was set back since.
const BEYOND_ANY_WAIT: Duration = Duration::from_mins(61);

/// Shoot numbers count per day as the school's wall clock has it: China Standard Time, no summer time since 1991.
pub(crate) const CHINA: i8 = 8;

impl Store {
    /// Keeps a submitted visit: record, both photos, outbox entry, shoot number and audit row commit together,
    /// flushed to the disk when this returns.
    ///
    /// The same record submitted again (a touch repeated, a step repeated after a crash) is one record: the
    /// answer then has `already` set and nothing is written.
    ///
    /// # Errors
    /// [`RecordsError::DiskFull`] and other write errors: nothing was kept. [`RecordsError::Conflict`] when a
    /// record with this id exists with other contents. [`RecordsError::BadInput`] for an empty photo or code.
    pub fn submit(&mut self, new: &NewRecord, now: Timestamp) -> Result<Submitted> {
        self.keep(new, None, now)
    }

    /// As [`Store::submit`], with photos that were written down when they were taken: what is left to write are a few
    /// rows. When those are not the photos of `new`, or are gone, `new`'s are kept whole.
    ///
    /// # Errors
    /// As [`Store::submit`].
    pub fn submit_set_aside(
        &mut self,
        new: &NewRecord,
        aside: &SetAside,
        now: Timestamp,
    ) -> Result<Submitted> {
        self.keep(new, Some(aside), now)
    }

    fn keep(&mut self, new: &NewRecord, aside: Option<&SetAside>, now: Timestamp) -> Result<Submitted> {
        if new.original.is_empty() || new.standard.is_empty() {
            return Err(RecordsError::BadInput(
                "a record needs its original and its standard photo",
            ));
        }
        if new.code_text.expose().is_empty() {
            return Err(RecordsError::BadInput("a record needs its collection code"));
        }
        let original_sha256 = sha256(&new.original);
        let standard_sha256 = sha256(&new.standard);
        let id = new.id.to_string();
        let tx = write(&mut self.db)?;
        if let Some(there) = submitted_before(&tx, new, &original_sha256, &standard_sha256)? {
            return Ok(there);
        }

        let (day, shoot_number) = next_shoot_number(&tx, now)?;
        let (academic_record, masked, token) = match &new.identity {
            Some(identity) => (
                Some(&identity.academic_record),
                Some(json(&identity.masked)?),
                identity.token.as_ref(),
            ),
            None => (None, None, None),
        };
        let state = RecordState::Saved;
        tx.prepare_cached(
            "INSERT INTO record (id, state, shoot_day, shoot_number, code_tag, academic_record, school,
                 school_id, vendor, spec, candidates, forced_reason, payment, consent_at, started_at,
                 captured_at, submitted_at, original_sha256, standard_sha256)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?
        .execute(params![
            id,
            state.as_str(),
            day,
            shoot_number,
            new.code_tag,
            academic_record,
            new.school,
            new.school_id,
            new.vendor,
            new.spec,
            new.candidates,
            new.forced_reason,
            json(&new.payment)?,
            millis(new.consent_at),
            millis(new.started_at),
            millis(new.captured_at),
            millis(now),
            original_sha256,
            standard_sha256,
        ])?;
        fail_point!("submit.record-written");
        tx.prepare_cached(
            "INSERT INTO paper (record_id, code_text, proof, identity_token, identity, report)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            new.code_text.expose(),
            new.proof.expose(),
            token.map(Secret::expose),
            masked,
            new.report.to_string(),
        ])?;
        let original = (original_sha256.as_str(), new.original.as_slice());
        let standard = (standard_sha256.as_str(), new.standard.as_slice());
        picture::keep(&tx, &id, aside, original, standard)?;
        enqueue(&tx, &id, millis(now), millis(now))?;
        fail_point!("submit.enqueued");
        let detail = format!("original {original_sha256} standard {standard_sha256}");
        audit::append(
            &tx,
            &Entry {
                subject: Some(new.id),
                actor: Actor::Student,
                what: "submitted",
                state: Some(state),
                detail: Some(&detail),
                at: millis(now),
            },
        )?;
        if let Some(visit) = new.visit {
            crate::visit::ended_in_record(&tx, visit, &id)?;
        }
        fail_point!("submit.committing", |_| Err(RecordsError::DiskFull));
        tx.commit()?;
        fail_point!("submit.committed");
        Ok(Submitted {
            id: new.id,
            shoot_number,
            state,
            already: false,
        })
    }

    /// The records to send now, oldest first, at most `limit`: those whose wait is over, and those whose
    /// attempt was begun longer than [`LEASE`] ago and never reported. A record that keeps failing waits
    /// longer each time and so never blocks the others.
    ///
    /// # Errors
    /// Only database errors.
    pub fn next_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Outgoing>> {
        let latest = now
            .as_millisecond()
            .saturating_add(BEYOND_ANY_WAIT.as_millis() as i64);
        let mut statement = self.db.prepare_cached(&format!(
            "SELECT {OUTGOING}
             FROM outbox o JOIN record r ON r.id = o.record_id JOIN paper p ON p.record_id = r.id
             WHERE o.next_try <= ?1 OR o.next_try > ?2
             ORDER BY o.submitted_at, o.record_id LIMIT ?3"
        ))?;
        let mut rows = statement.query(params![millis(now), latest, limit])?;
        let mut due = Vec::new();
        while let Some(row) = rows.next()? {
            due.push(outgoing(row)?);
        }
        Ok(due)
    }

    /// One record as it would be sent, whether it waits or not.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]; database errors.
    pub fn outgoing(&self, id: RecordId) -> Result<Outgoing> {
        let mut statement = self.db.prepare_cached(&format!(
            "SELECT {OUTGOING} FROM record r JOIN paper p ON p.record_id = r.id WHERE r.id = ?1"
        ))?;
        let mut rows = statement.query([id.to_string()])?;
        outgoing(rows.next()?.ok_or(RecordsError::NotFound(id))?)
    }

    /// Whether a photo taken with this very code waits to be sent, whenever it is due.
    ///
    /// # Errors
    /// Only database errors.
    pub fn waits_with(&self, code_text: &[u8]) -> Result<bool> {
        let waits = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM outbox o JOIN paper p ON p.record_id = o.record_id WHERE p.code_text = ?1)",
            )?
            .query_row([code_text], |row| row.get(0))?;
        Ok(waits)
    }

    /// When the sync loop must look again: the earliest next try, `None` with an empty outbox.
    ///
    /// # Errors
    /// Only database errors.
    pub fn next_try_at(&self) -> Result<Option<Timestamp>> {
        let earliest: Option<i64> = self
            .db
            .query_row("SELECT min(next_try) FROM outbox", [], |row| row.get(0))?;
        earliest.map(time).transpose()
    }

    /// Marks an attempt before its first byte leaves, so that a crash cannot make it unknown. It is not flushed: after a
    /// power cut the record may stand as if it had not been tried, is sent again, and the backend answers with the same
    /// receipt. A flush of each attempt beside the backend's own cost a third of the rate on one disk.
    ///
    /// # Errors
    /// [`RecordsError::AlreadySending`] while another attempt of this record is under way;
    /// [`RecordsError::Impossible`] for a record that does not wait; [`RecordsError::NotFound`].
    pub fn begin_attempt(&mut self, id: RecordId, now: Timestamp) -> Result<Attempt> {
        let mut db = Unflushed::new(&mut self.db)?;
        let tx = db.write()?;
        let at = millis(now);
        if state_of(&tx, id)? == RecordState::Sending {
            let until: i64 = tx.query_row(
                "SELECT next_try FROM outbox WHERE record_id = ?1",
                [id.to_string()],
                |row| row.get(0),
            )?;
            if at < until && until - at <= LEASE.as_millis() as i64 {
                return Err(RecordsError::AlreadySending(id));
            }
            lose_attempt(&tx, id, at)?;
        }
        step(
            &tx,
            id,
            Event::AttemptBegun,
            Actor::Station,
            "attempt-begun",
            None,
            at,
        )?;
        let (number, generation): (u32, u32) = tx
            .prepare_cached(
                "UPDATE record SET attempts = attempts + 1 WHERE id = ?1 RETURNING attempts, key_generation",
            )?
            .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        tx.prepare_cached("INSERT INTO attempt (record_id, number, started_at) VALUES (?1, ?2, ?3)")?
            .execute(params![id.to_string(), number, at])?;
        wait_until(&tx, id, at.saturating_add(LEASE.as_millis() as i64))?;
        fail_point!("attempt.marking");
        tx.commit()?;
        fail_point!("attempt.marked");
        Ok(Attempt {
            number,
            idempotency_key: idempotency_key(id, generation),
        })
    }

    /// Writes down how an attempt ended and returns where the record stands now.
    ///
    /// A receipt counts whenever it comes, even when the attempt was given up; a receipt for another photo
    /// never counts and calls a person. A failure sets the next try by [`back_off`]. Flushed with the next photo or
    /// setting that is, as in [`begin_attempt`](Self::begin_attempt).
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]; database errors.
    pub fn finish_attempt(
        &mut self,
        id: RecordId,
        result: AttemptResult,
        now: Timestamp,
    ) -> Result<RecordState> {
        let mut db = Unflushed::new(&mut self.db)?;
        let tx = db.write()?;
        let at = millis(now);
        let state = match result {
            AttemptResult::Delivered(receipt) => {
                let expected: String = column(&tx, id, "standard_sha256")?;
                if receipt.standard_sha256 == expected {
                    take_receipt(&tx, id, &receipt, Actor::Backend, at)?
                } else {
                    let why = "the receipt speaks of another photo";
                    close_attempt(&tx, id, "refused", Some(why), at)?;
                    refuse(&tx, id, PersonReason::ReceiptMismatch, why, at)?
                }
            }
            AttemptResult::Refused { reason, why } => {
                close_attempt(&tx, id, "refused", Some(&why), at)?;
                refuse(&tx, id, reason, &why, at)?
            }
            AttemptResult::Failed { why, retry_after } => {
                close_attempt(&tx, id, "failed", Some(&why), at)?;
                let state = step(
                    &tx,
                    id,
                    Event::AttemptFailed,
                    Actor::Station,
                    "attempt-failed",
                    Some(&why),
                    at,
                )?;
                if state.waits() {
                    set_trouble(&tx, id, Some(&why))?;
                    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
                    wait_after_failure(&tx, id, asked, at)?;
                }
                state
            }
        };
        fail_point!("attempt.ending", |_| Err(RecordsError::DiskFull));
        tx.commit()?;
        fail_point!("attempt.ended");
        Ok(state)
    }

    /// At the start of the station: every attempt still marked as under way was cut off. Its outcome is
    /// unknown, so the record waits again and is sent with the same idempotency key. Returns how many.
    ///
    /// # Errors
    /// Only database errors.
    pub fn recover(&mut self, now: Timestamp) -> Result<u32> {
        let tx = write(&mut self.db)?;
        let cut_off: Vec<String> = tx
            .prepare("SELECT id FROM record WHERE state = ?1 ORDER BY seq")?
            .query_map([RecordState::Sending.as_str()], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for id in &cut_off {
            let id = parse_id(id)?;
            lose_attempt(&tx, id, millis(now))?;
            wait_until(&tx, id, millis(now))?;
        }
        fail_point!("recover.committing");
        tx.commit()?;
        Ok(cut_off.len() as u32)
    }

    /// Takes one review outcome. See [`Store::apply_changes`].
    ///
    /// # Errors
    /// Only database errors.
    pub fn apply_change(&mut self, change: &Change, now: Timestamp) -> Result<ChangeOutcome> {
        let tx = write(&mut self.db)?;
        let outcome = review(&tx, change, millis(now))?;
        tx.commit()?;
        Ok(outcome)
    }

    /// Takes a page of the changes feed and the cursor behind it in one transaction: a page is read wholly or
    /// not at all. Repeated and out-of-order changes do nothing; one that overtook its record's receipt is
    /// held until the receipt is here; one about another station's record is passed over.
    ///
    /// # Errors
    /// Only database errors.
    pub fn apply_changes(
        &mut self,
        page: &[Change],
        cursor: &str,
        now: Timestamp,
    ) -> Result<Vec<ChangeOutcome>> {
        let tx = write(&mut self.db)?;
        let outcomes = page
            .iter()
            .map(|change| review(&tx, change, millis(now)))
            .collect::<Result<_>>()?;
        put_setting(&tx, CURSOR, Some(cursor))?;
        fail_point!("changes.committing");
        tx.commit()?;
        fail_point!("changes.committed");
        Ok(outcomes)
    }

    /// Staff ask to send again, now: from a person's hands back to the outbox, or an end to the wait. After a
    /// refusal the idempotency key is a new one, since a backend may answer the old one with the old refusal.
    ///
    /// # Errors
    /// [`RecordsError::Impossible`] for a record that is delivered or just being sent.
    pub fn retry(&mut self, id: RecordId, now: Timestamp) -> Result<RecordState> {
        let tx = write(&mut self.db)?;
        let at = millis(now);
        let before = state_of(&tx, id)?;
        let state = step(&tx, id, Event::StaffRetried, Actor::Staff, "retried", None, at)?;
        if !before.waits() {
            tx.execute(
                "UPDATE record SET key_generation = key_generation + 1 WHERE id = ?1",
                [id.to_string()],
            )?;
        }
        set_trouble(&tx, id, None)?;
        tx.execute(
            "UPDATE outbox SET next_try = ?2, tries = 0 WHERE record_id = ?1",
            params![id.to_string(), at],
        )?;
        tx.commit()?;
        Ok(state)
    }

    /// The identity of a record that was submitted without the network is known now.
    ///
    /// # Errors
    /// [`RecordsError::Conflict`] when the record already belongs to another academic record: a scan and a
    /// shot are never rebound. [`RecordsError::Purged`], [`RecordsError::NotFound`].
    pub fn resolve(&mut self, id: RecordId, identity: &Identity, now: Timestamp) -> Result<()> {
        let tx = write(&mut self.db)?;
        let state = state_of(&tx, id)?;
        if !state.has_photos() {
            return Err(RecordsError::Purged(id));
        }
        let bound: Option<String> = column(&tx, id, "academic_record")?;
        if bound
            .as_ref()
            .is_some_and(|bound| *bound != identity.academic_record)
        {
            return Err(RecordsError::Conflict(id));
        }
        tx.execute(
            "UPDATE record SET academic_record = ?2 WHERE id = ?1",
            params![id.to_string(), identity.academic_record],
        )?;
        tx.execute(
            "UPDATE paper SET identity = ?2, identity_token = coalesce(?3, identity_token) WHERE record_id = ?1",
            params![id.to_string(), json(&identity.masked)?, identity.token.as_ref().map(Secret::expose)],
        )?;
        if bound.is_none() {
            note(&tx, id, Actor::Backend, "resolved", state, None, millis(now))?;
        }
        tx.commit()?;
        Ok(())
    }

    /// How the fee stands now.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]; database errors.
    pub fn set_payment(&mut self, id: RecordId, payment: &Payment, now: Timestamp) -> Result<()> {
        let tx = write(&mut self.db)?;
        let state = state_of(&tx, id)?;
        let text = json(payment)?;
        if column::<String>(&tx, id, "payment")? != text {
            tx.execute(
                "UPDATE record SET payment = ?2 WHERE id = ?1",
                params![id.to_string(), text],
            )?;
            note(
                &tx,
                id,
                Actor::Backend,
                "payment",
                state,
                Some(&text),
                millis(now),
            )?;
        }
        tx.commit()?;
        Ok(())
    }
}

/// What [`outgoing`] reads, from `record r` and `paper p`.
const OUTGOING: &str = "r.id, p.code_text, r.code_tag, p.proof, r.academic_record, p.identity_token, r.school,
    r.school_id, r.vendor, r.spec, r.shoot_number, r.payment, r.candidates, r.forced_reason, r.consent_at, r.started_at,
    r.submitted_at, r.original_sha256, r.standard_sha256, r.attempts, r.key_generation, r.captured_at";

fn outgoing(row: &rusqlite::Row<'_>) -> Result<Outgoing> {
    let id: RecordId = parse_id(&row.get::<_, String>(0)?)?;
    let payment: String = row.get(11)?;
    let secret = |column: usize| -> rusqlite::Result<Option<Secret>> {
        Ok(row.get::<_, Option<Vec<u8>>>(column)?.map(Secret::new))
    };
    Ok(Outgoing {
        id,
        code_text: secret(1)?.unwrap_or_default(),
        code_tag: row.get(2)?,
        proof: secret(3)?.unwrap_or_default(),
        academic_record: row.get(4)?,
        identity_token: secret(5)?,
        school: row.get(6)?,
        school_id: row.get(7)?,
        vendor: row.get(8)?,
        spec: row.get(9)?,
        shoot_number: row.get(10)?,
        payment: from_json(&payment)?,
        candidates: row.get(12)?,
        forced_reason: row.get(13)?,
        consent_at: time(row.get(14)?)?,
        started_at: time(row.get(15)?)?,
        captured_at: time(row.get(21)?)?,
        submitted_at: time(row.get(16)?)?,
        original_sha256: row.get(17)?,
        standard_sha256: row.get(18)?,
        attempts: row.get(19)?,
        idempotency_key: idempotency_key(id, row.get(20)?),
    })
}

/// The one way a record's state changes: decided by [`RecordState::after`], with the outbox kept in agreement
/// and the audit row written. News that changes nothing leaves no row unless it is said to.
pub(crate) fn step(
    tx: &Transaction<'_>,
    id: RecordId,
    event: Event,
    actor: Actor,
    what: &str,
    detail: Option<&str>,
    at: i64,
) -> Result<RecordState> {
    let before = state_of(tx, id)?;
    let after = before.after(event)?;
    if after != before {
        tx.prepare_cached("UPDATE record SET state = ?2 WHERE id = ?1")?
            .execute(params![id.to_string(), after.as_str()])?;
    }
    match (before.waits(), after.waits()) {
        (false, true) => {
            let submitted_at: i64 = column(tx, id, "submitted_at")?;
            enqueue(tx, &id.to_string(), submitted_at, at)?;
        }
        (true, false) => {
            tx.prepare_cached("DELETE FROM outbox WHERE record_id = ?1")?
                .execute([id.to_string()])?;
        }
        (true, true) | (false, false) => {}
    }
    note(tx, id, actor, what, after, detail, at)?;
    Ok(after)
}

pub(crate) fn note(
    tx: &Transaction<'_>,
    id: RecordId,
    actor: Actor,
    what: &str,
    state: RecordState,
    detail: Option<&str>,
    at: i64,
) -> Result<()> {
    audit::append(
        tx,
        &Entry {
            subject: Some(id),
            actor,
            what,
            state: Some(state),
            detail,
            at,
        },
    )
}

pub(crate) fn enqueue(tx: &Transaction<'_>, id: &str, submitted_at: i64, next_try: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO outbox (record_id, submitted_at, next_try, tries) VALUES (?1, ?2, ?3, 0)",
    )?
    .execute(params![id, submitted_at, next_try])?;
    Ok(())
}

/// A receipt that fits: the record is delivered, and a review that came before the receipt takes effect.
pub(crate) fn take_receipt(
    tx: &Transaction<'_>,
    id: RecordId,
    receipt: &Receipt,
    actor: Actor,
    at: i64,
) -> Result<RecordState> {
    let before = state_of(tx, id)?;
    if before.has_receipt() {
        // The same news again, by a repeated reply or by hand after the network: the first receipt stands.
        return Ok(before.after(Event::ReceiptTaken)?);
    }
    // However the receipt came, an attempt marked as under way is over.
    close_attempt(tx, id, "delivered", Some(&receipt.number), at)?;
    let mut state = step(
        tx,
        id,
        Event::ReceiptTaken,
        actor,
        "receipt",
        Some(&receipt.number),
        at,
    )?;
    tx.prepare_cached(
        "UPDATE record SET receipt_number = ?2, receipt_sha256 = ?3, receipt_at = ?4, trouble = NULL WHERE id = ?1",
    )?
    .execute(params![id.to_string(), receipt.number, receipt.standard_sha256, at])?;
    tx.prepare_cached("UPDATE paper SET receipt = ?2 WHERE record_id = ?1")?
        .execute(params![id.to_string(), receipt.bytes])?;
    fail_point!("receipt.written");
    let held: Option<String> = column(tx, id, "review")?;
    if let Some(review) = held.as_deref().and_then(Review::parse) {
        state = step(
            tx,
            id,
            Event::Reviewed(review),
            Actor::Backend,
            review.as_str(),
            None,
            at,
        )?;
    }
    Ok(state)
}

/// The day in China and its next number; taken for good only if the transaction commits.
fn next_shoot_number(tx: &Transaction<'_>, now: Timestamp) -> Result<(String, String)> {
    let day = Offset::constant(CHINA).to_datetime(now).date().to_string();
    let sequence: i64 = tx
        .prepare_cached(
            "INSERT INTO shoot_sequence (day, last) VALUES (?1, 1)
             ON CONFLICT (day) DO UPDATE SET last = last + 1 RETURNING last",
        )?
        .query_row([&day], |row| row.get(0))?;
    Ok((day, shoot_number(sequence.unsigned_abs())))
}

fn submitted_before(
    tx: &Transaction<'_>,
    new: &NewRecord,
    original_sha256: &str,
    standard_sha256: &str,
) -> Result<Option<Submitted>> {
    let there: Option<(bool, String, String)> = tx
        .prepare_cached(
            "SELECT r.state, r.shoot_number, r.original_sha256, r.standard_sha256, p.code_text
             FROM record r JOIN paper p ON p.record_id = r.id WHERE r.id = ?1",
        )?
        .query_row([new.id.to_string()], |row| {
            // After a purge the code's text is gone and the photos' hashes decide alone.
            let code_text = row.get::<_, Option<Vec<u8>>>(4)?.map(Secret::new);
            let same = row.get::<_, String>(2)? == original_sha256
                && row.get::<_, String>(3)? == standard_sha256
                && code_text.is_none_or(|text| text == new.code_text);
            Ok((same, row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match there {
        None => Ok(None),
        Some((false, ..)) => Err(RecordsError::Conflict(new.id)),
        Some((true, state, shoot_number)) => {
            let state = parse_state(&state)?;
            Ok(Some(Submitted {
                id: new.id,
                shoot_number,
                state,
                already: true,
            }))
        }
    }
}

fn refuse(
    tx: &Transaction<'_>,
    id: RecordId,
    reason: PersonReason,
    why: &str,
    at: i64,
) -> Result<RecordState> {
    let state = step(
        tx,
        id,
        Event::AttemptRefused(reason),
        Actor::Backend,
        "attempt-refused",
        Some(why),
        at,
    )?;
    if !state.has_receipt() {
        set_trouble(tx, id, Some(why))?;
    }
    Ok(state)
}

pub(crate) fn lose_attempt(tx: &Transaction<'_>, id: RecordId, at: i64) -> Result<()> {
    close_attempt(tx, id, "unknown", None, at)?;
    step(
        tx,
        id,
        Event::AttemptLost,
        Actor::Station,
        "attempt-lost",
        None,
        at,
    )?;
    Ok(())
}

/// Ends the attempt under way, if there is one; a late reply finds none.
fn close_attempt(
    tx: &Transaction<'_>,
    id: RecordId,
    outcome: &str,
    detail: Option<&str>,
    at: i64,
) -> Result<()> {
    tx.prepare_cached(
        "UPDATE attempt SET ended_at = ?2, outcome = ?3, detail = ?4 WHERE record_id = ?1 AND ended_at IS NULL",
    )?
    .execute(params![id.to_string(), at, outcome, detail])?;
    Ok(())
}

fn wait_after_failure(tx: &Transaction<'_>, id: RecordId, asked: Duration, at: i64) -> Result<()> {
    let failures: u32 = tx
        .prepare_cached("UPDATE outbox SET tries = tries + 1 WHERE record_id = ?1 RETURNING tries")?
        .query_row([id.to_string()], |row| row.get(0))?;
    let wait = back_off(failures, id.seed()).max(asked);
    debug_assert!(wait <= LONGEST_RETRY_AFTER.max(LONGEST_WAIT));
    wait_until(tx, id, at.saturating_add(wait.as_millis() as i64))
}

fn wait_until(tx: &Transaction<'_>, id: RecordId, next_try: i64) -> Result<()> {
    tx.prepare_cached("UPDATE outbox SET next_try = ?2 WHERE record_id = ?1")?
        .execute(params![id.to_string(), next_try])?;
    Ok(())
}

fn set_trouble(tx: &Transaction<'_>, id: RecordId, why: Option<&str>) -> Result<()> {
    tx.prepare_cached("UPDATE record SET trouble = ?2 WHERE id = ?1")?
        .execute(params![id.to_string(), why])?;
    Ok(())
}

fn review(tx: &Transaction<'_>, change: &Change, at: i64) -> Result<ChangeOutcome> {
    let id = change.record_id;
    let known: Option<(String, Option<i64>)> = tx
        .prepare_cached("SELECT state, review_sequence FROM record WHERE id = ?1")?
        .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((state, newest)) = known else {
        return Ok(ChangeOutcome::Unknown);
    };
    let sequence = i64::try_from(change.sequence).unwrap_or(i64::MAX);
    if newest.is_some_and(|newest| newest >= sequence) {
        return Ok(ChangeOutcome::Stale);
    }
    tx.prepare_cached(
        "UPDATE record SET review = ?2, review_reasons = ?3, review_at = ?4, review_sequence = ?5 WHERE id = ?1",
    )?
    .execute(params![
        id.to_string(),
        change.review.as_str(),
        json(&change.reasons)?,
        millis(change.at),
        sequence
    ])?;
    let before = parse_state(&state)?;
    let what = if before.has_receipt() {
        change.review.as_str()
    } else {
        "review-held"
    };
    let reasons = change.reasons.join("; ");
    let detail = (!reasons.is_empty()).then_some(reasons.as_str());
    let state = step(
        tx,
        id,
        Event::Reviewed(change.review),
        Actor::Backend,
        what,
        detail,
        at,
    )?;
    Ok(if before.has_receipt() {
        ChangeOutcome::Applied(state)
    } else {
        ChangeOutcome::Held
    })
}

pub(crate) fn state_of(tx: &Transaction<'_>, id: RecordId) -> Result<RecordState> {
    parse_state(&column::<String>(tx, id, "state")?)
}

/// One column of a record; `name` is one of this file's own words.
pub(crate) fn column<T: rusqlite::types::FromSql>(
    tx: &Transaction<'_>,
    id: RecordId,
    name: &str,
) -> Result<T> {
    tx.prepare_cached(&format!("SELECT {name} FROM record WHERE id = ?1"))?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?
        .ok_or(RecordsError::NotFound(id))
}

pub(crate) fn parse_state(text: &str) -> Result<RecordState> {
    text.parse()
        .map_err(|_| RecordsError::damaged("a record in an unknown state"))
}

pub(crate) fn parse_id(text: &str) -> Result<RecordId> {
    text.parse()
        .map_err(|_| RecordsError::damaged("a record id that is none"))
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| RecordsError::BadInput("a value that JSON cannot hold"))
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    // serde's message may quote the text, which may be an identity.
    serde_json::from_str(text).map_err(|_| RecordsError::damaged("a column that is not the JSON it was"))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The same for every retry; a new one after each time that a person stepped in.
fn idempotency_key(id: RecordId, generation: u32) -> String {
    if generation == 0 {
        id.to_string()
    } else {
        format!("{id}-{generation}")
    }
}

/// A001 … A999, B001 … Z999, AA001 …: short to say at a desk.
fn shoot_number(sequence: u64) -> String {
    let index = sequence.saturating_sub(1);
    let mut series = index / 999;
    let mut letters = Vec::new();
    loop {
        letters.insert(0, char::from(b'A' + (series % 26) as u8));
        if series < 26 {
            break;
        }
        series = series / 26 - 1;
    }
    letters.into_iter().collect::<String>() + &format!("{:03}", index % 999 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn small(at: Timestamp, n: u8) -> NewRecord {
        NewRecord {
            id: RecordId::from_parts(at, [n; 10]),
            visit: None,
            code_text: Secret::new("CHSI1:made-up"),
            code_tag: "K7Q2-9F".into(),
            proof: Secret::new("{}"),
            identity: None,
            school: "示范大学".into(),
            school_id: None,
            vendor: "biyezhengzhao".into(),
            spec: "chsi".into(),
            original: vec![n; 200_000],
            standard: vec![n; 20_000],
            report: serde_json::Value::Null,
            candidates: 1,
            forced_reason: None,
            payment: Payment::Free,
            consent_at: at,
            started_at: at,
            captured_at: at,
        }
    }

    #[test]
    fn a_full_disk_keeps_nothing_of_the_new_and_all_of_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(crate::FILE_NAME);
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        let mut store = Store::open(&path, &Key::from_bytes([1; 32])).unwrap();
        store.submit(&small(now, 1), now).unwrap();
        let pages: i64 = store
            .db
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        // SQLite's own bound stands in for the disk's: the same error by the same way.
        let bound = |store: &Store, pages: i64| {
            store
                .db
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                .unwrap();
        };
        bound(&store, pages + 8);
        let error = store.submit(&small(now, 2), now).unwrap_err();
        assert!(
            matches!(error, RecordsError::DiskFull) && !error.is_permanent(),
            "{error:?}"
        );
        assert_eq!(store.counts().unwrap().saved, 1);
        assert!(store.verify(crate::Depth::Full).unwrap().is_clean());

        // Room was made: the very same submission goes through, and its shoot number has no gap.
        bound(&store, pages * 1000);
        assert_eq!(store.submit(&small(now, 2), now).unwrap().shoot_number, "A002");
        assert!(store.verify(crate::Depth::Full).unwrap().is_clean());
    }

    #[test]
    fn shoot_numbers_are_short_and_never_repeat_within_a_day() {
        assert_eq!(shoot_number(1), "A001");
        assert_eq!(shoot_number(17), "A017");
        assert_eq!(shoot_number(999), "A999");
        assert_eq!(shoot_number(1000), "B001");
        assert_eq!(shoot_number(26 * 999), "Z999");
        assert_eq!(shoot_number(26 * 999 + 1), "AA001");
        let all: std::collections::HashSet<_> = (1..60_000).map(shoot_number).collect();
        assert_eq!(all.len(), 59_999);
    }
}
