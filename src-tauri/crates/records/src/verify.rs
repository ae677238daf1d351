//! Is everything still as it was written? The answer that `queue verify` prints.

use rusqlite::Connection;
use serde::Serialize;

use crate::audit::{self, Row};
use crate::picture::{self, Whereabouts};
use crate::{RecordState, Result, Store};

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Structure, states, outbox and audit; no photo is read. For every start.
    Quick,
    /// Also every page's authentication code, every index and every photo's hash.
    Full,
}

/// What was looked at and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Records looked at.
    pub records: u64,
    /// Photos whose bytes were hashed.
    pub photos: u64,
    /// Audit rows looked at.
    pub audit_rows: u64,
    /// What is wrong; empty when all is well.
    pub faults: Vec<Fault>,
}

impl VerifyReport {
    /// True when nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, code: &'static str, record: Option<&str>, detail: impl Into<String>) {
        self.faults.push(Fault {
            code,
            record: record.map(str::to_owned),
            detail: detail.into(),
        });
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `database`, `state`, `count`, `leftover`, `outbox`, `attempt`, `photo`, `receipt`, `audit-row`, `audit-chain`, `audit-state`.
    pub code: &'static str,
    /// The record it is about.
    pub record: Option<String>,
    /// In words, without secrets.
    pub detail: String,
}

impl Store {
    /// Looks at everything and changes nothing, on one unmoving view of the database, also while another
    /// process writes.
    ///
    /// # Errors
    /// Only when the database cannot be read at all; whatever is wrong inside stands in the report.
    pub fn verify(&self, depth: Depth) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        // One read transaction; it ends by rollback and has nothing to roll back.
        let view = self.db.unchecked_transaction()?;
        // Each look on its own: a page gone bad under one must not silence the others.
        for look in [pages, records, counts, leftovers, photos, chain] {
            if let Err(error) = look(&view, depth, &mut report) {
                report.fault("database", None, error.to_string());
            }
        }
        Ok(report)
    }
}

/// Reads every page in use, which checks its authentication code. SQLCipher's own `cipher_integrity_check`
/// is no help here: it reads the file past the log, where a page not yet brought over is rightly empty.
fn pages(db: &Connection, depth: Depth, report: &mut VerifyReport) -> Result<()> {
    let pragma = match depth {
        Depth::Quick => "quick_check",
        Depth::Full => "integrity_check",
    };
    for said in lines(db, pragma)? {
        if said != "ok" {
            report.fault("database", None, format!("{pragma}: {said}"));
        }
    }
    let orphans = db
        .prepare("PRAGMA foreign_key_check")?
        .query_map([], |_| Ok(()))?
        .count();
    if orphans > 0 {
        report.fault("database", None, format!("{orphans} rows without their record"));
    }
    Ok(())
}

fn lines(db: &Connection, pragma: &str) -> Result<Vec<String>> {
    let mut statement = db.prepare(&format!("PRAGMA {pragma}"))?;
    Ok(statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?)
}

fn records(db: &Connection, _: Depth, report: &mut VerifyReport) -> Result<()> {
    let mut statement = db.prepare(
        "SELECT r.id, r.state, o.record_id IS NOT NULL, r.standard_sha256, r.receipt_sha256,
                p.receipt IS NOT NULL, r.attempts,
                (SELECT count(*) FROM attempt a WHERE a.record_id = r.id),
                (SELECT count(*) FROM attempt a WHERE a.record_id = r.id AND a.ended_at IS NULL),
                (SELECT count(*) FROM photo f WHERE f.record_id = r.id),
                (SELECT count(*) FROM photo f WHERE f.record_id = r.id AND f.sha256 =
                    CASE f.kind WHEN 'standard' THEN r.standard_sha256 ELSE r.original_sha256 END),
                (SELECT u.state FROM audit u WHERE u.subject = r.id ORDER BY u.seq DESC LIMIT 1)
         FROM record r LEFT JOIN outbox o ON o.record_id = r.id LEFT JOIN paper p ON p.record_id = r.id
         ORDER BY r.seq",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        report.records += 1;
        let id: String = row.get(0)?;
        let name: String = row.get(1)?;
        let Ok(state) = name.parse::<RecordState>() else {
            report.fault("state", Some(&id), format!("no state is called {name}"));
            continue;
        };
        if row.get::<_, bool>(2)? != state.waits() {
            report.fault(
                "outbox",
                Some(&id),
                format!("the record is {state} and the outbox disagrees"),
            );
        }
        let receipted: Option<String> = row.get(4)?;
        if state.has_receipt() {
            if receipted != Some(row.get(3)?) {
                report.fault("receipt", Some(&id), "the receipt was not signed over this photo");
            }
            if !row.get::<_, bool>(5)? {
                report.fault("receipt", Some(&id), "the receipt is missing");
            }
        } else if receipted.is_some() {
            report.fault(
                "receipt",
                Some(&id),
                format!("a receipt is here and the record is {state}"),
            );
        }
        let (made, noted, under_way): (i64, i64, i64) = (row.get(6)?, row.get(7)?, row.get(8)?);
        if made != noted || under_way != i64::from(state == RecordState::Sending) {
            report.fault(
                "attempt",
                Some(&id),
                format!("{noted} of {made} attempts noted, {under_way} under way"),
            );
        }
        let expected = if state.has_photos() { 2 } else { 0 };
        let (here, fitting): (i64, i64) = (row.get(9)?, row.get(10)?);
        if here != expected || fitting != expected {
            report.fault(
                "photo",
                Some(&id),
                format!("{fitting} of {expected} photos as submitted, {here} here"),
            );
        }
        let told: Option<String> = row.get(11)?;
        if told.as_deref() != Some(state.as_str()) {
            report.fault(
                "audit-state",
                Some(&id),
                "the state is not the one its history ends with",
            );
        }
    }
    Ok(())
}

/// The counts kept beside the records; a database of the first form has none.
fn counts(db: &Connection, _: Depth, report: &mut VerifyReport) -> Result<()> {
    let kept: bool = db.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'state_count')",
        [],
        |row| row.get(0),
    )?;
    if !kept {
        return Ok(());
    }
    let wrong: i64 = db.query_row(
        "SELECT count(*) FROM (SELECT state, count(*) AS there FROM record GROUP BY state) r
         FULL JOIN (SELECT state, records FROM state_count WHERE records <> 0) c ON c.state = r.state
         WHERE there IS NOT records",
        [],
        |row| row.get(0),
    )?;
    if wrong > 0 {
        report.fault("count", None, "the records are not as many as counted");
    }
    Ok(())
}

/// Photos that were set aside and not submitted go when their visit ends.
fn leftovers(db: &Connection, _: Depth, report: &mut VerifyReport) -> Result<()> {
    if !picture::has_pictures(db)? {
        return Ok(());
    }
    let left: i64 = db.query_row(
        "SELECT count(*) FROM picture p LEFT JOIN visit v ON v.id = p.visit_id AND v.ended_at IS NULL
         WHERE v.id IS NULL AND NOT EXISTS (SELECT 1 FROM photo f WHERE f.picture_id = p.id)",
        [],
        |row| row.get(0),
    )?;
    if left > 0 {
        report.fault(
            "leftover",
            None,
            format!("{left} photos that nobody submitted outlived their visit"),
        );
    }
    Ok(())
}

fn photos(db: &Connection, depth: Depth, report: &mut VerifyReport) -> Result<()> {
    if depth == Depth::Quick {
        return Ok(());
    }
    let columns = Whereabouts::columns(db)?;
    let mut statement = db.prepare(&format!(
        "SELECT f.record_id, f.kind, {columns} FROM photo f ORDER BY f.rowid"
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        report.photos += 1;
        if Whereabouts::read(row, 2)?.photo(db)?.is_none() {
            let (id, kind): (String, String) = (row.get(0)?, row.get(1)?);
            report.fault(
                "photo",
                Some(&id),
                format!("the {kind} photo's bytes have changed"),
            );
        }
    }
    Ok(())
}

/// Both chains in one pass over the rows.
fn chain(db: &Connection, _: Depth, report: &mut VerifyReport) -> Result<()> {
    let sql = format!("SELECT {}, chain FROM audit ORDER BY seq", Row::COLUMNS);
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut chain = String::new();
    let mut broken = false;
    let mut newest: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    while let Some(row) = rows.next()? {
        report.audit_rows += 1;
        let written: String = row.get(8)?;
        let row = Row::read(row)?;
        let subject = (!row.subject.is_empty()).then_some(row.subject.as_str());
        let previous = newest.get(&row.subject).map_or("", String::as_str);
        if row.computed_hash() != row.hash || row.previous != previous {
            report.fault(
                "audit-row",
                subject,
                format!("row {} was changed or its predecessor is gone", row.what),
            );
        }
        chain = audit::chained(&chain, &row.hash);
        if chain != written && !broken {
            broken = true;
            report.fault(
                "audit-chain",
                subject,
                format!("the chain breaks at row {}", report.audit_rows),
            );
        }
        newest.insert(row.subject, row.hash);
    }
    let head: (i64, String) = db.query_row("SELECT rows, chain FROM audit_head", [], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    if head.0.unsigned_abs() != report.audit_rows || (head.1 != chain && !broken) {
        report.fault("audit-chain", None, "rows are missing at the end");
    }
    Ok(())
}
