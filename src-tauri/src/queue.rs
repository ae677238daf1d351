//! The records on the command line: list, show, retry, export, import, deliver, verify, purge.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use records::{Carry, Depth, PhotoKind, RecordId, RecordsError, Store};
use serde_json::json;
use station::carry::{self, Brought};
use station::delivery::{self, Template};
use station::desk;
use station::staff::QueueFilter;

use crate::cli::QueueCommand;
use crate::output::{Output, Verdict};
use crate::pictures;

/// Retention where no profile has said one yet: the longest any contract of ours allows.
const LONGEST_RETENTION_DAYS: u32 = 365;

/// Does what was asked with the records of this station.
pub(crate) fn run(out: Output, store: &mut Store, command: QueueCommand) -> Verdict {
    let now = Timestamp::now();
    let done = match command {
        QueueCommand::List { state, search, limit } => {
            list(out, store, state.as_deref(), search.as_deref(), limit)
        }
        QueueCommand::Status => status(out, store, now),
        QueueCommand::Show { id, photos } => show(out, store, &id, photos.as_deref()),
        QueueCommand::Retry { ids } => desk::retry(store, &ids, now).map(|taken| {
            out.result(
                &json!({ "retried": taken }),
                &format!("{taken} records will be sent again"),
            );
            Verdict::all(ids.is_empty() || taken as usize == ids.len())
        }),
        QueueCommand::Export { out: bundle, to } => return export(out, store, &bundle, &to, now),
        QueueCommand::Import { file } => return import(out, store, &file, now),
        QueueCommand::Deliver { to, template } => return deliver(out, store, &to, &template),
        QueueCommand::Recipient => carry::recipient(store).map(|recipient| {
            let recipient = recipient.to_string();
            out.result(&json!({ "recipient": recipient }), &recipient);
            Verdict::Accepted
        }),
        QueueCommand::Verify => store.verify(Depth::Full).map(|report| {
            for fault in &report.faults {
                let record = fault.record.as_deref().unwrap_or("–");
                out.result(
                    &json!({ "fault": fault.code, "record": fault.record, "detail": fault.detail }),
                    &format!("{} {record}: {}", fault.code, fault.detail),
                );
            }
            out.result(
                &json!({
                    "clean": report.is_clean(),
                    "records": report.records,
                    "photos": report.photos,
                    "audit_rows": report.audit_rows,
                }),
                &format!(
                    "{} records, {} photos, {} audit rows: {}",
                    report.records,
                    report.photos,
                    report.audit_rows,
                    if report.is_clean() { "clean" } else { "NOT clean" }
                ),
            );
            Verdict::all(report.is_clean())
        }),
        QueueCommand::Purge => purge(out, store, now),
        QueueCommand::Forget {
            id,
            reason,
            undelivered,
        } => forget(out, store, &id, &reason, undelivered, now),
        // They are taken care of before a store is opened.
        QueueCommand::Backup { .. } | QueueCommand::Restore { .. } | QueueCommand::RotateKey => {
            Ok(Verdict::Usage)
        }
    };
    done.unwrap_or_else(|error| {
        out.result(&json!({ "error": error.to_string() }), &error.to_string());
        match error {
            RecordsError::BadInput(_) => Verdict::Usage,
            _ => Verdict::Refused,
        }
    })
}

fn list(
    out: Output,
    store: &mut Store,
    state: Option<&str>,
    search: Option<&str>,
    limit: u32,
) -> records::Result<Verdict> {
    let mut offset = 0;
    while offset < limit {
        let page = desk::list(
            store,
            &QueueFilter {
                state: state.map(str::to_owned),
                search: search.map(str::to_owned),
                offset,
                limit: (limit - offset).min(500),
                ..QueueFilter::default()
            },
        )?;
        if page.rows.is_empty() {
            break;
        }
        for row in &page.rows {
            out.result(
                &serde_json::to_value(row).unwrap_or_default(),
                &format!(
                    "{}  {:12} {:6} {}  {}  {}",
                    row.id,
                    row.state,
                    row.shoot_number,
                    row.tag,
                    row.submitted_at,
                    row.note.as_deref().unwrap_or_default()
                ),
            );
        }
        offset += u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
    }
    if offset == 0 && !out.json {
        out.say("no records");
    }
    Ok(Verdict::Accepted)
}

fn status(out: Output, store: &Store, now: Timestamp) -> records::Result<Verdict> {
    let (sending, told) = station::sending(store, now)?;
    let mut object = serde_json::to_value(&sending).unwrap_or_default();
    object["as_of"] = json!(told);
    let of = told.map_or_else(
        || "nothing was sent from here yet".to_owned(),
        |at| format!("as of {at}"),
    );
    out.result(&object, &format!("{} ({of})", sending.line()));
    Ok(Verdict::Accepted)
}

fn show(out: Output, store: &mut Store, id: &str, photos: Option<&Path>) -> records::Result<Verdict> {
    let id: RecordId = match id.parse() {
        Ok(id) => id,
        Err(error) => store.find(id)?.ok_or(error)?,
    };
    let page = desk::show(store, id)?;
    let mut words = vec![format!(
        "{} {} {} {}",
        page.row.id, page.row.state, page.row.shoot_number, page.row.tag
    )];
    words.extend(
        page.history
            .iter()
            .map(|line| format!("  {}  {}  {}", line.at, line.what, line.detail)),
    );
    words.extend(page.reasons.iter().map(|reason| format!("  ✗ {reason}")));
    let mut object = serde_json::to_value(&page).unwrap_or_default();
    object["report"] = serde_json::from_str(&page.report).unwrap_or_default();
    out.result(&object, &words.join("\n"));
    if let Some(folder) = photos {
        for (kind, name) in [
            (PhotoKind::Standard, "standard"),
            (PhotoKind::Original, "original"),
        ] {
            let bytes = store.photo(id, kind)?;
            let ending = if bytes.starts_with(&[0x89, b'P']) {
                "png"
            } else {
                "jpg"
            };
            // Named by the record alone: no tag, no name, no number of the student's.
            let file = folder.join(format!("{id}-{name}.{ending}"));
            let made = std::fs::create_dir_all(folder).map_err(|source| RecordsError::File {
                path: folder.into(),
                source,
            });
            made?;
            if pictures::write(out, &file, &bytes).is_err() {
                return Ok(Verdict::Usage);
            }
        }
    }
    Ok(Verdict::Accepted)
}

fn purge(out: Output, store: &mut Store, now: Timestamp) -> records::Result<Verdict> {
    let days = station::retention_days(store)?.unwrap_or(LONGEST_RETENTION_DAYS);
    let report = store.purge(now, Duration::from_secs(u64::from(days) * 86_400))?;
    out.result(
        &json!({ "purged": report.purged.len(), "kept": report.kept.len(), "retention_days": days }),
        &format!(
            "photos of {} records deleted, {} kept (retention: {days} days after delivery)",
            report.purged.len(),
            report.kept.len()
        ),
    );
    Ok(Verdict::Accepted)
}

fn forget(
    out: Output,
    store: &mut Store,
    id: &str,
    reason: &str,
    undelivered: bool,
    now: Timestamp,
) -> records::Result<Verdict> {
    let id: RecordId = match id.parse() {
        Ok(id) => id,
        Err(error) => store.find(id)?.ok_or(error)?,
    };
    let done = store.forget(id, reason, undelivered, now)?;
    let what = if done.already {
        "was deleted before"
    } else {
        "is deleted here"
    };
    let elsewhere = match (&done.receipt, done.attempts) {
        (Some(receipt), _) => format!("the vendor has it under receipt {receipt} and must be asked as well"),
        (None, 0) => "it never left this station".to_owned(),
        (None, _) => "it was sent and no receipt came: ask the vendor whether it arrived".to_owned(),
    };
    out.result(
        &json!({
            "record": id,
            "state": done.state,
            "already": done.already,
            "attempts": done.attempts,
            "receipt": done.receipt,
        }),
        &format!(
            "record {id} {what}; {elsewhere}. Backups made before still hold it until they are a week old"
        ),
    );
    Ok(Verdict::Accepted)
}

fn export(out: Output, store: &mut Store, bundle: &Path, to: &[String], now: Timestamp) -> Verdict {
    let also: Result<Vec<_>, _> = to.iter().map(|text| text.parse()).collect();
    let carried = match also {
        Ok(also) => carry::export(store, bundle, &Carry::Undelivered, &also, now),
        Err(error) => {
            out.say(&error.to_string());
            return Verdict::Usage;
        }
    };
    match carried {
        Ok(carried) => {
            let records = carried.records.len();
            out.result(
                &json!({ "bundle": bundle, "records": records }),
                &format!(
                    "{}: {records} records, sealed to the vendor; they stay here, too",
                    bundle.display()
                ),
            );
            Verdict::Accepted
        }
        Err(error) => refused(out, &error),
    }
}

fn import(out: Output, store: &mut Store, file: &Path, now: Timestamp) -> Verdict {
    match carry::import(store, file, now) {
        Ok(Brought::Records(carried)) => {
            for (id, why) in &carried.refused {
                out.say(&format!("record {id} was not taken: {why}"));
            }
            let (taken, already, refused) = (
                carried.records.len(),
                carried.already.len(),
                carried.refused.len(),
            );
            out.result(
                &json!({ "taken": taken, "already": already, "refused": refused }),
                &format!("{taken} records taken, {already} were here already, {refused} refused"),
            );
            Verdict::all(refused == 0)
        }
        Ok(Brought::Receipts { taken, elsewhere }) => {
            let receipts = taken.len();
            out.result(
                &json!({ "receipts": receipts, "elsewhere": elsewhere }),
                &format!(
                    "{receipts} records have their receipt; {elsewhere} receipts are for other stations"
                ),
            );
            Verdict::Accepted
        }
        Err(error) => refused(out, &error),
    }
}

fn deliver(out: Output, store: &Store, target: &Path, template: &str) -> Verdict {
    let template = match Template::parse(template) {
        Ok(template) => template,
        Err(error) => {
            out.say(&error.to_string());
            return Verdict::Usage;
        }
    };
    match delivery::deliver(store, &template, target, &mut |_| true) {
        Ok(delivered) => {
            for refused in &delivered.refused {
                out.say(&format!(
                    "record {} ({}) was left out: {}",
                    refused.id,
                    refused.shoot_number,
                    refused.why.words().1
                ));
            }
            let (written, there, left) = (delivered.written, delivered.there, delivered.refused.len());
            out.result(
                &json!({ "target": target, "written": written, "there": there, "refused": left }),
                &format!(
                    "{}: {written} photos written, {there} were there already, {left} left out",
                    target.display()
                ),
            );
            Verdict::all(left == 0)
        }
        Err(error) => {
            out.result(&json!({ "error": error.to_string() }), &error.to_string());
            Verdict::Refused
        }
    }
}

fn refused(out: Output, error: &carry::CarryError) -> Verdict {
    out.result(&json!({ "error": error.to_string() }), &error.to_string());
    Verdict::Refused
}
