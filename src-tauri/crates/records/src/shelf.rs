//! What lies here: lists, searches, one record with its history, its photos and report, the counts.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params_from_iter};

use crate::audit;
use crate::open::{millis, time};
use crate::picture;
use crate::queue::{from_json, parse_id, parse_state};
use crate::record::{
    AttemptNote, AuditNote, Counts, Filter, MaskedIdentity, Order, Payment, PhotoKind, ReceiptNote,
    RecordDetail, RecordId, RecordRow, ReviewNote,
};
use crate::{RecordState, RecordsError, Result, Review, Store};

/// What a list shows if no limit is given.
const PAGE: u32 = 100;

const ROW: &str =
    "r.id, r.state, r.shoot_number, r.shoot_day, r.code_tag, r.school, r.vendor, r.submitted_at,
    r.attempts, o.next_try, r.trouble, r.receipt_number, r.academic_record IS NULL";

impl Store {
    /// Records, newest first unless asked otherwise.
    ///
    /// # Errors
    /// Only database errors.
    pub fn list(&self, filter: &Filter) -> Result<Vec<RecordRow>> {
        let (sql, values) = page(filter);
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(record_row(row)?);
        }
        Ok(list)
    }

    /// One line of the list.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`].
    pub fn row(&self, id: RecordId) -> Result<RecordRow> {
        let sql =
            format!("SELECT {ROW} FROM record r LEFT JOIN outbox o ON o.record_id = r.id WHERE r.id = ?1");
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query([id.to_string()])?;
        record_row(rows.next()?.ok_or(RecordsError::NotFound(id))?)
    }

    /// How many records the filter finds, whatever its limit and offset.
    ///
    /// # Errors
    /// Only database errors.
    pub fn count(&self, filter: &Filter) -> Result<u64> {
        let (sql, values) = count(filter);
        let count: i64 = self
            .db
            .prepare_cached(&sql)?
            .query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// How many records stand where.
    ///
    /// # Errors
    /// Only database errors.
    pub fn counts(&self) -> Result<Counts> {
        let mut counts = Counts::default();
        let mut statement = self
            .db
            .prepare_cached("SELECT state, records FROM state_count WHERE records > 0")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let count = row.get::<_, i64>(1)?.unsigned_abs();
            *match parse_state(&row.get::<_, String>(0)?)? {
                RecordState::Saved => &mut counts.saved,
                RecordState::Sending => &mut counts.sending,
                RecordState::Delivered => &mut counts.delivered,
                RecordState::UnderReview => &mut counts.under_review,
                RecordState::Approved => &mut counts.approved,
                RecordState::Rejected => &mut counts.rejected,
                RecordState::NeedsPerson { .. } => &mut counts.needs_person,
                RecordState::Purged => &mut counts.purged,
                RecordState::Withdrawn => &mut counts.withdrawn,
            } += count;
        }
        let oldest: Option<i64> = self
            .db
            .query_row("SELECT min(submitted_at) FROM outbox", [], |row| row.get(0))?;
        counts.oldest_waiting = oldest.map(time).transpose()?;
        Ok(counts)
    }

    /// Everything about one record that staff may see, with its attempts and history.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`]; [`RecordsError::Damaged`].
    pub fn show(&self, id: RecordId) -> Result<RecordDetail> {
        let sql = format!(
            "SELECT {ROW}, r.academic_record, r.school_id, r.spec, r.candidates, r.forced_reason, r.payment,
                    r.consent_at, r.started_at, r.original_sha256, r.standard_sha256, r.receipt_sha256,
                    r.receipt_at, r.review, r.review_reasons, r.review_at, p.identity, r.captured_at
             FROM record r LEFT JOIN outbox o ON o.record_id = r.id JOIN paper p ON p.record_id = r.id
             WHERE r.id = ?1"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query([id.to_string()])?;
        let row = rows.next()?.ok_or(RecordsError::NotFound(id))?;
        let line = record_row(row)?;
        let payment: String = row.get(18)?;
        let identity: Option<String> = row.get(28)?;
        Ok(RecordDetail {
            identity: identity.as_deref().map(from_json).transpose()?,
            academic_record: row.get(13)?,
            school_id: row.get(14)?,
            spec: row.get(15)?,
            candidates: row.get(16)?,
            forced_reason: row.get(17)?,
            payment: from_json::<Payment>(&payment)?,
            consent_at: time(row.get(19)?)?,
            started_at: time(row.get(20)?)?,
            captured_at: time(row.get(29)?)?,
            original_sha256: row.get(21)?,
            standard_sha256: row.get(22)?,
            receipt: receipt_note(row, line.receipt_number.as_ref())?,
            review: review_note(row)?,
            attempts_made: self.attempts(id)?,
            history: self.history(id)?,
            row: line,
        })
    }

    /// The masked name of a record's student; `None` while it is to be resolved and after a purge.
    ///
    /// # Errors
    /// Only database errors.
    pub fn masked_name(&self, id: RecordId) -> Result<Option<String>> {
        let identity: Option<Option<String>> = self
            .db
            .prepare_cached("SELECT identity FROM paper WHERE record_id = ?1")?
            .query_row([id.to_string()], |row| row.get(0))
            .optional()?;
        let identity: Option<MaskedIdentity> = identity.flatten().as_deref().map(from_json).transpose()?;
        Ok(identity.map(|identity| identity.masked_name))
    }

    /// The record whose id begins with `prefix`, for the command line: exactly one, or none.
    ///
    /// # Errors
    /// [`RecordsError::BadInput`] when several records begin so.
    pub fn find(&self, prefix: &str) -> Result<Option<RecordId>> {
        let filter = Filter {
            text: Some(prefix.to_owned()),
            limit: 2,
            ..Filter::default()
        };
        let mut found = self.list(&filter)?;
        match found.len() {
            0 | 1 => Ok(found.pop().map(|row| row.id)),
            _ => Err(RecordsError::BadInput(
                "several records begin like this; give more of the id",
            )),
        }
    }

    /// One of a record's photos, byte for byte as submitted.
    ///
    /// # Errors
    /// [`RecordsError::Purged`] after a purge, [`RecordsError::Damaged`] when the bytes are not those that
    /// were submitted, [`RecordsError::NotFound`].
    pub fn photo(&self, id: RecordId, kind: PhotoKind) -> Result<Vec<u8>> {
        Ok(self.photo_with_hash(id, kind)?.0)
    }

    /// As [`Store::photo`], with its SHA-256, which was just computed over these bytes.
    ///
    /// # Errors
    /// As [`Store::photo`].
    pub fn photo_with_hash(&self, id: RecordId, kind: PhotoKind) -> Result<(Vec<u8>, String)> {
        match picture::photo(&self.db, id, kind)? {
            Some(proven) => Ok(proven),
            None => Err(self.why_gone(id)?),
        }
    }

    /// The standard photo's report.
    ///
    /// # Errors
    /// [`RecordsError::Purged`] after a purge, [`RecordsError::NotFound`].
    pub fn report(&self, id: RecordId) -> Result<serde_json::Value> {
        match self.paper::<String>(id, "report")? {
            Some(text) => from_json(&text),
            None => Err(self.why_gone(id)?),
        }
    }

    /// The signed receipt, byte for byte; `None` while there is none.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`].
    pub fn receipt(&self, id: RecordId) -> Result<Option<Vec<u8>>> {
        self.paper(id, "receipt")
    }

    fn paper<T: rusqlite::types::FromSql>(&self, id: RecordId, name: &str) -> Result<Option<T>> {
        self.db
            .prepare_cached(&format!("SELECT {name} FROM paper WHERE record_id = ?1"))?
            .query_row([id.to_string()], |row| row.get(0))
            .optional()?
            .ok_or(RecordsError::NotFound(id))
    }

    fn why_gone(&self, id: RecordId) -> Result<RecordsError> {
        let state: Option<String> = self
            .db
            .prepare_cached("SELECT state FROM record WHERE id = ?1")?
            .query_row([id.to_string()], |row| row.get(0))
            .optional()?;
        Ok(match state.as_deref().map(parse_state).transpose()? {
            None => RecordsError::NotFound(id),
            Some(RecordState::Purged | RecordState::Withdrawn) => RecordsError::Purged(id),
            Some(_) => RecordsError::damaged(format!("record {id} lacks a part")),
        })
    }

    fn attempts(&self, id: RecordId) -> Result<Vec<AttemptNote>> {
        let mut statement = self.db.prepare_cached(
            "SELECT number, started_at, ended_at, outcome, detail FROM attempt WHERE record_id = ?1 ORDER BY number",
        )?;
        let mut rows = statement.query([id.to_string()])?;
        let mut attempts = Vec::new();
        while let Some(row) = rows.next()? {
            attempts.push(AttemptNote {
                number: row.get(0)?,
                started_at: time(row.get(1)?)?,
                ended_at: optional_time(row, 2)?,
                outcome: row.get(3)?,
                detail: row.get(4)?,
            });
        }
        Ok(attempts)
    }

    fn history(&self, id: RecordId) -> Result<Vec<AuditNote>> {
        audit::history(&self.db, &id.to_string())?
            .into_iter()
            .map(|row| {
                Ok(AuditNote {
                    at: time(row.at)?,
                    actor: row.actor,
                    what: row.what,
                    state: row.state,
                    detail: row.detail,
                    hash: row.hash,
                })
            })
            .collect()
    }
}

/// A page of a list. It is chosen and ordered by bare row numbers, from an index; only its rows are then read.
fn page(filter: &Filter) -> (String, Vec<String>) {
    let (condition, mut values) = condition(filter);
    let direction = if filter.oldest_first { "ASC" } else { "DESC" };
    let first = match filter.order {
        Order::Submission => None,
        Order::ShootNumber => Some("r.shoot_number"),
        Order::Tag => Some("r.code_tag"),
        Order::State => Some("r.state"),
        Order::School => Some("r.school"),
        Order::Attempts => Some("r.attempts"),
    };
    let order: Vec<String> = first
        .into_iter()
        .chain(["r.seq"])
        .map(|column| format!("{column} {direction}"))
        .collect();
    let order = order.join(", ");
    let limit = if filter.limit == 0 { PAGE } else { filter.limit };
    values.push(limit.to_string());
    values.push(filter.offset.to_string());
    let sql = format!(
        "SELECT {ROW} FROM record r LEFT JOIN outbox o ON o.record_id = r.id
         WHERE r.seq IN (SELECT r.seq FROM record r WHERE {condition} ORDER BY {order}
                         LIMIT CAST(? AS INTEGER) OFFSET CAST(? AS INTEGER))
         ORDER BY {order}"
    );
    (sql, values)
}

fn count(filter: &Filter) -> (String, Vec<String>) {
    let (condition, values) = condition(filter);
    if values.is_empty() {
        // Only states were asked for, or everything: that is counted already.
        let sql = format!("SELECT coalesce(sum(records), 0) FROM state_count r WHERE {condition}");
        return (sql, values);
    }
    (format!("SELECT count(*) FROM record r WHERE {condition}"), values)
}

/// The filter as a condition on `record r`. Only this program's own words go into the text; what a person
/// typed goes into the values.
fn condition(filter: &Filter) -> (String, Vec<String>) {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    if !filter.states.is_empty() {
        let states: Vec<String> = filter.states.iter().map(|state| format!("'{state}'")).collect();
        // Another order is walked along its own index; sorting all records of a state would read them all.
        let walked = filter.order != Order::Submission && filter.since.is_none() && filter.until.is_none();
        let sign = if walked { "+" } else { "" };
        parts.push(format!("{sign}r.state IN ({})", states.join(", ")));
    }
    let text = filter.text.as_deref().map(str::trim).unwrap_or_default();
    if !text.is_empty() {
        // Ranges instead of LIKE, so that each uses its index; and only from so many characters on that few records
        // are found: ids begin with their time, receipts with their day, shoot numbers begin anew each day.
        let last = char::MAX;
        let mut any = Vec::new();
        for (column, begin, least) in [
            ("r.id", text.to_lowercase(), 8),
            ("r.code_tag", text.to_uppercase(), 2),
            ("r.shoot_number", text.to_uppercase(), 3),
            ("r.receipt_number", text.to_owned(), 10),
        ] {
            if begin.chars().count() >= least {
                values.push(begin.clone());
                values.push(format!("{begin}{last}"));
                any.push(format!("({column} >= ? AND {column} < ?)"));
            }
        }
        values.push(text.to_owned());
        any.push("r.receipt_number = ?".to_owned());
        parts.push(format!("({})", any.join(" OR ")));
    }
    for (bound, sign) in [(filter.since, ">="), (filter.until, "<")] {
        if let Some(bound) = bound {
            values.push(millis(bound).to_string());
            parts.push(format!("r.submitted_at {sign} CAST(? AS INTEGER)"));
        }
    }
    if parts.is_empty() {
        parts.push("1".to_owned());
    }
    (parts.join(" AND "), values)
}

fn record_row(row: &Row<'_>) -> Result<RecordRow> {
    Ok(RecordRow {
        id: parse_id(&row.get::<_, String>(0)?)?,
        state: parse_state(&row.get::<_, String>(1)?)?,
        shoot_number: row.get(2)?,
        shoot_day: row.get(3)?,
        code_tag: row.get(4)?,
        school: row.get(5)?,
        vendor: row.get(6)?,
        submitted_at: time(row.get(7)?)?,
        attempts: row.get(8)?,
        next_try_at: optional_time(row, 9)?,
        trouble: row.get(10)?,
        receipt_number: row.get(11)?,
        to_resolve: row.get(12)?,
    })
}

fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(time).transpose()
}

fn receipt_note(row: &Row<'_>, number: Option<&String>) -> Result<Option<ReceiptNote>> {
    let sha256: Option<String> = row.get(23)?;
    let at = optional_time(row, 24)?;
    Ok(match (number, sha256, at) {
        (Some(number), Some(sha256), Some(at)) => Some(ReceiptNote {
            number: number.clone(),
            sha256,
            at,
        }),
        _ => None,
    })
}

fn review_note(row: &Row<'_>) -> Result<Option<ReviewNote>> {
    let review: Option<String> = row.get(25)?;
    let reasons: Option<String> = row.get(26)?;
    let at = optional_time(row, 27)?;
    let Some((review, at)) = review.as_deref().and_then(Review::parse).zip(at) else {
        return Ok(None);
    };
    let reasons = reasons.as_deref().map(from_json).transpose()?.unwrap_or_default();
    Ok(Some(ReviewNote { review, reasons, at }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    /// How SQLite means to answer, a step a line.
    fn plan(store: &Store, (sql, values): (String, Vec<String>)) -> Vec<String> {
        let mut statement = store.db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement
            .query_map(params_from_iter(values), |row| row.get(3))
            .unwrap();
        steps.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn no_list_and_no_search_walks_through_the_rows_of_all_records() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join(crate::FILE_NAME), &Key::from_bytes([1; 32])).unwrap();
        let states = |name: &str| Filter {
            states: RecordState::named(name),
            ..Filter::default()
        };
        let text = |text: &str| Filter {
            text: Some(text.to_owned()),
            ..Filter::default()
        };
        let ordered = |order: Order, state: &str| Filter {
            order,
            states: RecordState::named(state),
            ..Filter::default()
        };
        for filter in [
            Filter::default(),
            states("saved"),
            states("needs-person"),
            text("K7Q2"),
            Filter {
                states: RecordState::named("saved"),
                ..text("A012")
            },
            Filter {
                order: Order::ShootNumber,
                ..Filter::default()
            },
            Filter {
                order: Order::Tag,
                oldest_first: true,
                ..states("approved")
            },
            ordered(Order::State, ""),
            ordered(Order::State, "needs-person"),
            ordered(Order::School, ""),
            ordered(Order::School, "approved"),
            ordered(Order::Attempts, ""),
            ordered(Order::Attempts, "approved"),
            Filter {
                since: Some(Timestamp::UNIX_EPOCH),
                until: Some(Timestamp::UNIX_EPOCH),
                ..states("approved")
            },
        ] {
            for steps in [plan(&store, page(&filter)), plan(&store, count(&filter))] {
                let sorts = steps.iter().filter(|step| step.ends_with("FOR ORDER BY")).count();
                assert!(
                    sorts <= 1,
                    "only the rows of a page are sorted: {filter:?}: {steps:#?}"
                );
                for step in &steps {
                    let counted = filter.text.is_none() && steps.len() == 1;
                    let walks = step.starts_with("SCAN r") && !step.contains("COVERING INDEX");
                    assert!(!walks || counted, "{filter:?}: {steps:#?}");
                }
            }
        }
    }
}
