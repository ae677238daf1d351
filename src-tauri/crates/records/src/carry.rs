//! Records that travel by hand, when the network stays away: one record out, one record in.
//!
//! A [`Parcel`] is a record with everything that belongs to it: photos, secrets, receipt, attempts and its audited
//! history. How parcels are packed, sealed and signed is the caller's business.
//!
//! Taking a parcel in twice, or after the network has delivered its record, changes nothing: a record that is
//! already here stays as it is.

use std::fmt;

use fail::fail_point;
use jiff::Timestamp;
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Transaction, params_from_iter};
use serde_json::{Map, Value, json};

use crate::audit::{self, Actor, Row};
use crate::open::{millis, write};
use crate::picture::keep_whole;
use crate::queue::{column, enqueue, lose_attempt, note, parse_id, sha256, state_of};
use crate::{PhotoKind, RecordId, RecordState, RecordsError, Result, Store};

/// Which records travel.
#[derive(Debug, Clone)]
pub enum Carry {
    /// Everything that has no receipt yet: waiting, being sent, or with a person.
    Undelivered,
    /// These.
    These(Vec<RecordId>),
    /// Everything that still has its photos.
    All,
}

/// One record on its way to another station. Does not print itself.
#[derive(Clone)]
pub struct Parcel {
    /// The record.
    pub id: RecordId,
    /// Its rows but for photos and history, secrets among them: an object only this crate reads.
    pub papers: Value,
    /// Its history, oldest first.
    pub history: Vec<Row>,
    /// The original as captured.
    pub original: Vec<u8>,
    /// The standard photo.
    pub standard: Vec<u8>,
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parcel({})", self.id)
    }
}

/// What became of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The record is here now.
    New,
    /// It was here already and stays as it is.
    Already,
    /// It is not taken, and why.
    Refused(&'static str),
}

/// The form of a parcel's papers: rises when an older program could not keep them whole.
const FORM: u32 = 1;

/// The tables whose rows make up a record's papers, with the column that names the record and those that travel.
const TRAVELS: [(&str, &str, &[&str]); 3] = [
    (
        "record",
        "id",
        &[
            "id",
            "state",
            "trouble",
            "shoot_day",
            "shoot_number",
            "code_tag",
            "academic_record",
            "school",
            "school_id",
            "vendor",
            "spec",
            "candidates",
            "forced_reason",
            "payment",
            "consent_at",
            "started_at",
            "captured_at",
            "submitted_at",
            "original_sha256",
            "standard_sha256",
            "attempts",
            "key_generation",
            "receipt_number",
            "receipt_sha256",
            "receipt_at",
            "review",
            "review_reasons",
            "review_at",
            "review_sequence",
        ],
    ),
    (
        "paper",
        "record_id",
        &[
            "record_id",
            "code_text",
            "proof",
            "identity_token",
            "identity",
            "report",
            "receipt",
        ],
    ),
    (
        "attempt",
        "record_id",
        &[
            "record_id",
            "number",
            "started_at",
            "ended_at",
            "outcome",
            "detail",
        ],
    ),
];

impl Parcel {
    /// One text of the record's own row.
    fn text(&self, name: &str) -> Option<&str> {
        self.papers["record"][0][name].as_str()
    }

    /// Where the record stood when it left; `None` for a state this program does not know.
    pub fn state(&self) -> Option<RecordState> {
        self.text("state")?.parse().ok()
    }

    /// The signed receipt that came with it, byte for byte.
    pub fn receipt(&self) -> Option<Vec<u8>> {
        match from_json(&self.papers["paper"][0]["receipt"]) {
            Some(Sql::Blob(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Why it cannot be taken in, whatever is here.
    fn fault(&self) -> Option<&'static str> {
        let name = self.id.to_string();
        let of_this_record = TRAVELS.iter().all(|(table, column, _)| {
            let rows = self.papers[table].as_array();
            rows.is_some_and(|rows| rows.iter().all(|row| row[column].as_str() == Some(&name)))
        });
        let one = |table: &str| self.papers[table].as_array().is_some_and(|rows| rows.len() == 1);
        if !of_this_record || !one("record") || !one("paper") {
            return Some("its papers are not those of one record");
        }
        let Some(state) = self.state() else {
            return Some("it is in a state this program does not know");
        };
        if !state.has_photos() {
            return Some("its photos were deleted before it was carried");
        }
        let standard = self.text("standard_sha256");
        if state.has_receipt() != (standard.is_some() && self.text("receipt_sha256") == standard) {
            return Some("its receipt does not fit its photo");
        }
        for (hash, bytes) in [
            (standard, &self.standard),
            (self.text("original_sha256"), &self.original),
        ] {
            if hash != Some(&sha256(bytes)) {
                return Some("a photo is not the one that was submitted");
            }
        }
        let told = self.history.last().and_then(|row| row.state.as_deref());
        if !audit::is_whole(&self.history, &name) || told != Some(state.as_str()) {
            return Some("its history was changed");
        }
        None
    }
}

impl Store {
    /// The records that are to travel, oldest first.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] for an asked id that is not here, [`RecordsError::Purged`].
    pub fn to_carry(&self, which: &Carry) -> Result<Vec<RecordId>> {
        let states: Vec<RecordState> = match which {
            Carry::These(ids) => {
                for id in ids {
                    if !self.show(*id)?.row.state.has_photos() {
                        return Err(RecordsError::Purged(*id));
                    }
                }
                return Ok(ids.clone());
            }
            Carry::Undelivered => RecordState::ALL
                .into_iter()
                .filter(|state| !state.has_receipt() && state.has_photos())
                .collect(),
            Carry::All => RecordState::ALL
                .into_iter()
                .filter(|state| state.has_photos())
                .collect(),
        };
        let states: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
        let mut statement = self.db.prepare(&format!(
            "SELECT id FROM record WHERE state IN ({}) ORDER BY seq",
            states.join(", ")
        ))?;
        let ids = statement.query_map([], |row| row.get::<_, String>(0))?;
        ids.map(|id| parse_id(&id?)).collect()
    }

    /// One record with everything that belongs to it, on one unmoving view of the database.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`], [`RecordsError::Purged`], [`RecordsError::Damaged`].
    pub fn parcel(&self, id: RecordId) -> Result<Parcel> {
        let view = self.db.unchecked_transaction()?;
        let mut papers = Map::new();
        papers.insert("form".to_owned(), json!(FORM));
        for (table, column, columns) in TRAVELS {
            papers.insert(table.to_owned(), rows(&view, table, column, columns, id)?);
        }
        Ok(Parcel {
            id,
            history: audit::history(&view, &id.to_string())?,
            original: self.photo(id, PhotoKind::Original)?,
            standard: self.photo(id, PhotoKind::Standard)?,
            papers: Value::Object(papers),
        })
    }

    /// Notes in each record's history that it left in a bundle. They stay here and keep waiting: if the network comes
    /// back first, the backend counts each once.
    ///
    /// # Errors
    /// Only database errors.
    pub fn note_exported(&mut self, ids: &[RecordId], now: Timestamp) -> Result<()> {
        let tx = write(&mut self.db)?;
        for id in ids {
            let state = state_of(&tx, *id)?;
            note(&tx, *id, Actor::Staff, "exported", state, None, millis(now))?;
        }
        Ok(tx.commit()?)
    }

    /// Takes a record in, with its photos, secrets and history, in one transaction. `from` tells the history where it
    /// came from.
    ///
    /// # Errors
    /// [`RecordsError::Newer`] for a newer program's parcel; write errors.
    pub fn take(&mut self, parcel: &Parcel, from: &str, now: Timestamp) -> Result<Taken> {
        let form = parcel.papers["form"]
            .as_u64()
            .and_then(|form| u32::try_from(form).ok());
        if let Some(found) = form.filter(|form| *form > FORM) {
            return Err(RecordsError::Newer { found, known: FORM });
        }
        let tx = write(&mut self.db)?;
        match same_photos(&tx, parcel)? {
            Some(true) => return Ok(Taken::Already),
            Some(false) => return Ok(Taken::Refused("another record with this id is here")),
            None => {}
        }
        if let Some(why) = parcel.fault() {
            return Ok(Taken::Refused(why));
        }
        match take_in(&tx, parcel, from, millis(now)) {
            Ok(()) => {}
            Err(RecordsError::BadInput(why)) => return Ok(Taken::Refused(why)),
            Err(RecordsError::Database(error))
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
            {
                return Ok(Taken::Refused("its papers are not in the form of a record"));
            }
            Err(error) => return Err(error),
        }
        fail_point!("import.taken");
        tx.commit()?;
        Ok(Taken::New)
    }
}

/// Are the photos of a record here those of the parcel? `None`: there is no such record.
fn same_photos(tx: &Transaction<'_>, parcel: &Parcel) -> Result<Option<bool>> {
    let here = column::<String>(tx, parcel.id, "standard_sha256")
        .and_then(|standard| Ok((standard, column::<String>(tx, parcel.id, "original_sha256")?)));
    match here {
        Ok((standard, original)) => Ok(Some(
            parcel.text("standard_sha256") == Some(&standard)
                && parcel.text("original_sha256") == Some(&original),
        )),
        Err(RecordsError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn take_in(tx: &Transaction<'_>, parcel: &Parcel, from: &str, at: i64) -> Result<()> {
    let (id, name) = (parcel.id, parcel.id.to_string());
    for (table, _, columns) in TRAVELS {
        for row in parcel.papers[table].as_array().into_iter().flatten() {
            let values: Option<Vec<Sql>> = columns.iter().map(|column| from_json(&row[column])).collect();
            let values = values.ok_or(RecordsError::BadInput("its papers hold a value no column takes"))?;
            let places = vec!["?"; columns.len()].join(", ");
            tx.prepare_cached(&format!(
                "INSERT INTO {table} ({}) VALUES ({places})",
                columns.join(", ")
            ))?
            .execute(params_from_iter(values))?;
        }
    }
    for (kind, bytes) in [
        (PhotoKind::Original, &parcel.original),
        (PhotoKind::Standard, &parcel.standard),
    ] {
        keep_whole(tx, &name, kind, (&sha256(bytes), bytes))?;
    }
    for row in &parcel.history {
        audit::append_row(tx, row)?;
    }
    let state = state_of(tx, id)?;
    if state.waits() {
        enqueue(tx, &name, column(tx, id, "submitted_at")?, at)?;
    }
    if state == RecordState::Sending {
        // The attempt that was under way elsewhere when the bundle was written.
        lose_attempt(tx, id, at)?;
    }
    let state = state_of(tx, id)?;
    note(tx, id, Actor::Staff, "imported", state, Some(from), at)
}

fn rows(db: &Connection, table: &str, name: &str, columns: &[&str], id: RecordId) -> Result<Value> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {} FROM {table} WHERE {name} = ?1",
        columns.join(", ")
    ))?;
    let mut found = statement.query([id.to_string()])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut object = Map::new();
        for (index, column) in columns.iter().enumerate() {
            object.insert((*column).to_owned(), to_json(row.get_ref(index)?));
        }
        rows.push(Value::Object(object));
    }
    Ok(Value::Array(rows))
}

/// SQLite's values as JSON; bytes as an object with their hexadecimal digits.
fn to_json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!({ "hex": hex::encode(bytes) }),
    }
}

fn from_json(value: &Value) -> Option<Sql> {
    match value {
        Value::Null => Some(Sql::Null),
        Value::Number(number) => number.as_i64().map(Sql::Integer),
        Value::String(text) => Some(Sql::Text(text.clone())),
        Value::Object(object) => hex::decode(object.get("hex")?.as_str()?).ok().map(Sql::Blob),
        Value::Bool(_) | Value::Array(_) => None,
    }
}
