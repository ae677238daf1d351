//! The manifest of a delivery: `manifest.csv` for people and their spreadsheets, `SHA256SUMS` for `sha256sum -c`.

use std::collections::BTreeMap;

use super::{Delivered, DeliveryError, Planned, name, template};

/// For people.
pub(super) const TABLE: &str = "manifest.csv";
/// For `sha256sum -c`.
pub(super) const SUMS: &str = "SHA256SUMS";

/// Columns behind file and hash, as the template's fields are called.
const COLUMNS: [&str; 9] = [
    "school",
    "level",
    "major",
    "year",
    "academic_record",
    "shoot_day",
    "shoot_number",
    "receipt",
    "record",
];

/// Spreadsheets take a file for UTF-8 only with this before it.
const MARK: &str = "\u{FEFF}";

/// File to its line of the table.
#[derive(Debug, Default)]
pub(super) struct Manifest(BTreeMap<String, Vec<String>>);

impl Manifest {
    /// What an earlier delivery wrote; lines that are none, or name no plain file, are dropped.
    pub(super) fn read(bytes: &[u8]) -> Manifest {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = BTreeMap::new();
        let mut table = csv::Reader::from_reader(text.trim_start_matches(MARK).as_bytes());
        for line in table.records().filter_map(Result::ok) {
            let line: Vec<String> = line.iter().map(str::to_owned).collect();
            let [file, sha256, ..] = line.as_slice() else {
                continue;
            };
            let hash = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
            if line.len() == COLUMNS.len() + 2 && hash && name::is_plain(file) {
                lines.insert(file.clone(), line);
            }
        }
        Manifest(lines)
    }

    pub(super) fn add(&mut self, planned: &Planned) {
        let mut line = vec![planned.name.clone(), planned.of.standard_sha256.clone()];
        line.extend(COLUMNS.map(|field| cell(template::value(&planned.of, field))));
        self.0.insert(planned.name.clone(), line);
    }

    /// Leaves out whatever `keep` says no to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|file, _| keep(file));
    }

    pub(super) fn table(&self) -> Result<Vec<u8>, DeliveryError> {
        let mut table = csv::Writer::from_writer(MARK.as_bytes().to_vec());
        let head = ["file", "sha256"].into_iter().chain(COLUMNS);
        let written = table
            .write_record(head)
            .and_then(|()| self.0.values().try_for_each(|line| table.write_record(line)));
        let error = |why: String| DeliveryError::Form {
            path: TABLE.into(),
            why,
        };
        written.map_err(|why| error(why.to_string()))?;
        table.into_inner().map_err(|why| error(why.to_string()))
    }

    pub(super) fn sums(&self) -> Vec<u8> {
        let lines = self.0.iter().map(|(file, line)| {
            let sha256 = line.get(1).map(String::as_str).unwrap_or_default();
            format!("{sha256}  {file}\n")
        });
        lines.collect::<String>().into_bytes()
    }
}

/// A word as a spreadsheet may have it: what would begin a formula is text.
pub fn cell(text: Option<String>) -> String {
    let text = text.unwrap_or_default();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{text}");
    }
    text
}

/// How many files there are, as a delivery counts.
pub(super) fn count(delivered: &Delivered) -> u32 {
    delivered.written + delivered.there
}
