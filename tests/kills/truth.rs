//! What was promised to the students against what the backend and the stations hold.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use records::{Depth, Filter, RecordState};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::lane::people;

/// A photo a student was about to submit.
pub(crate) struct Chosen {
    pub(crate) student: usize,
    pub(crate) standard: String,
    /// The student was told that it is safe.
    pub(crate) confirmed: bool,
    /// How the run of the station ended.
    pub(crate) label: String,
}

/// A line of the table.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) kills: u32,
    /// Confirmed, and not at the backend.
    pub(crate) lost: u32,
    /// More than once at the backend.
    pub(crate) doubled: u32,
    /// At the backend with other bytes, or for another student.
    pub(crate) wrong: u32,
}

/// What came of it all.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: BTreeMap<String, Row>,
    /// Photos of which students were told that they are safe.
    pub(crate) confirmed: u32,
    /// Captures at the backends.
    pub(crate) delivered: u32,
    /// Runs that did not come to their point in time and were killed where they were.
    pub(crate) missed: u32,
    /// Visits that ended otherwise, by reason.
    pub(crate) ended: BTreeMap<String, u32>,
    /// Everything that must not be.
    pub(crate) faults: Vec<String>,
}

impl Tally {
    pub(crate) fn row(&mut self, label: &str) -> &mut Row {
        self.rows.entry(label.to_owned()).or_default()
    }

    pub(crate) fn kills(&self) -> u32 {
        self.rows.values().map(|row| row.kills).sum()
    }

    pub(crate) fn plus(mut self, other: Tally) -> Tally {
        for (label, row) in other.rows {
            let sum = self.row(&label);
            sum.kills += row.kills;
            sum.lost += row.lost;
            sum.doubled += row.doubled;
            sum.wrong += row.wrong;
        }
        self.confirmed += other.confirmed;
        self.delivered += other.delivered;
        self.missed += other.missed;
        for (why, count) in other.ended {
            *self.ended.entry(why).or_default() += count;
        }
        self.faults.extend(other.faults);
        self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:28} {:>6} {:>6} {:>8} {:>6}",
            "point", "kills", "lost", "doubled", "wrong"
        )?;
        let mut sum = Row::default();
        for (label, row) in &self.rows {
            let Row {
                kills,
                lost,
                doubled,
                wrong,
            } = row;
            writeln!(f, "{label:28} {kills:>6} {lost:>6} {doubled:>8} {wrong:>6}")?;
            sum.kills += kills;
            sum.lost += lost;
            sum.doubled += doubled;
            sum.wrong += wrong;
        }
        writeln!(
            f,
            "{:28} {:>6} {:>6} {:>8} {:>6}",
            "all", sum.kills, sum.lost, sum.doubled, sum.wrong
        )?;
        write!(
            f,
            "{} photos confirmed to students, {} at the backends; {} runs missed their point and were killed elsewhere",
            self.confirmed, self.delivered, self.missed
        )?;
        for (why, count) in &self.ended {
            write!(f, "\n{count} visits ended otherwise: {why}")?;
        }
        Ok(())
    }
}

/// A photo at the backend.
struct Capture {
    record: String,
    academic_record: String,
    standard: String,
    state: String,
    /// The stored files' bytes are those their hashes speak of.
    intact: bool,
}

fn captures(folder: &Path) -> Vec<Capture> {
    let db = Connection::open(folder.join("backend.sqlite3")).unwrap();
    let mut files = db
        .prepare(
            "SELECT f.kind, p.bytes FROM files f JOIN photos p ON p.place = f.place
             WHERE f.record_id = ?1 AND f.kind IN ('standard', 'original')",
        )
        .unwrap();
    let mut rows = db
        .prepare(
            "SELECT record_id, academic_record_id, standard_sha256, original_sha256, state FROM captures ORDER BY seq",
        )
        .unwrap();
    rows.query_map([], |row| {
        let text = |column: usize| row.get::<_, String>(column);
        let (record, standard, original) = (text(0)?, text(2)?, text(3)?);
        let mut hashes: Vec<(String, String)> = files
            .query_map([&record], |file| {
                let bytes: Vec<u8> = file.get(1)?;
                Ok((file.get(0)?, hex::encode(Sha256::digest(bytes))))
            })?
            .collect::<rusqlite::Result<_>>()?;
        hashes.sort();
        let promised = [
            ("original".to_owned(), original),
            ("standard".to_owned(), standard.clone()),
        ];
        Ok(Capture {
            intact: hashes == promised,
            record,
            academic_record: text(1)?,
            standard,
            state: text(4)?,
        })
    })
    .unwrap()
    .collect::<rusqlite::Result<_>>()
    .unwrap()
}

/// Compares; what does not fit goes into the tally.
pub(crate) fn compare(backend: &Path, stations: &[PathBuf], chosen: &[Chosen], tally: &mut Tally) {
    let people = people();
    let captures = captures(backend);
    tally.delivered += captures.len() as u32;
    let mut by_photo: HashMap<&str, Vec<&Capture>> = HashMap::new();
    for capture in &captures {
        by_photo.entry(&capture.standard).or_default().push(capture);
    }

    for photo in chosen {
        let found = by_photo.remove(photo.standard.as_str()).unwrap_or_default();
        let row = tally.row(&photo.label);
        let right = &people[photo.student % people.len()].record().id;
        let wrong = found
            .iter()
            .filter(|capture| !capture.intact || capture.academic_record != *right)
            .count();
        row.wrong += wrong as u32;
        match found.len() {
            0 if photo.confirmed => row.lost += 1,
            0 | 1 => {}
            _ => row.doubled += 1,
        }
        if wrong > 0 || found.len() > 1 || (found.is_empty() && photo.confirmed) {
            tally.faults.push(format!(
                "student {} after {}: {} at the backend, {wrong} of them wrong, confirmed: {}",
                photo.student,
                photo.label,
                found.len(),
                photo.confirmed
            ));
        }
    }
    for capture in by_photo.values().flatten() {
        tally.faults.push(format!(
            "record {} is at the backend and nobody chose its photo",
            capture.record
        ));
    }
    stations_agree(stations, &captures, tally);
}

/// Every record here is at the backend, once, with the same photo, for the same student and with the same outcome.
fn stations_agree(stations: &[PathBuf], captures: &[Capture], tally: &mut Tally) {
    let mut at_backend: HashMap<&str, &Capture> = captures.iter().map(|c| (c.record.as_str(), c)).collect();
    let mut carried: Vec<PathBuf> = Vec::new();
    for data in stations {
        let (store, _) = station::open_store(data, true).unwrap();
        let report = store.verify(Depth::Full).unwrap();
        for fault in &report.faults {
            tally
                .faults
                .push(format!("{}: verify: {fault:?}", data.display()));
        }
        let everything = Filter {
            limit: u32::MAX,
            ..Filter::default()
        };
        for row in store.list(&everything).unwrap() {
            let Some(capture) = at_backend.remove(row.id.to_string().as_str()) else {
                tally
                    .faults
                    .push(format!("record {} ({}) is not at the backend", row.id, row.state));
                continue;
            };
            let detail = store.show(row.id).unwrap();
            let same = detail.standard_sha256 == capture.standard
                && detail
                    .academic_record
                    .is_none_or(|id| id == capture.academic_record);
            let told = match (capture.state.as_str(), row.state) {
                (_, RecordState::Purged) | ("rejected", RecordState::Rejected) => true,
                ("awaiting-payment" | "superseded", state) => state.has_receipt(),
                _ => false,
            };
            if !same || !told {
                tally.faults.push(format!(
                    "record {}: {} at the backend, {} here, same photo and student: {same}",
                    row.id, capture.state, row.state
                ));
            }
        }
        let beside = data.with_file_name("carried");
        if beside.exists() {
            carried.push(beside);
        }
    }
    for capture in at_backend.values() {
        tally
            .faults
            .push(format!("record {} is on no station", capture.record));
    }
    for data in carried {
        let (store, _) = station::open_store(&data, true).unwrap();
        let report = store.verify(Depth::Full).unwrap();
        if !report.is_clean() {
            tally
                .faults
                .push(format!("{}: verify: {:?}", data.display(), report.faults));
        }
    }
}
