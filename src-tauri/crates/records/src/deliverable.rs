//! What a school is to get: the approved photos, with the words their file names may be made of.

use jiff::Timestamp;

use crate::open::time;
use crate::queue::{from_json, parse_id};
use crate::{MaskedIdentity, RecordId, RecordState, Result, Store};

/// One approved record. Neither the code, nor a name or a number of an ID is among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliverable {
    /// The record.
    pub id: RecordId,
    /// Number to ask by.
    pub shoot_number: String,
    /// Day of the shoot number, `2025-10-09`.
    pub shoot_day: String,
    /// The code's printable tag.
    pub code_tag: String,
    /// School's display name.
    pub school: String,
    /// School at the backend.
    pub school_id: Option<String>,
    /// Academic record (学籍) at the backend: what the vendor's lists name a student by.
    pub academic_record: Option<String>,
    /// Level (本科 …).
    pub level: Option<String>,
    /// Major.
    pub major: Option<String>,
    /// Year of graduation.
    pub year: Option<u32>,
    /// The backend's receipt number.
    pub receipt: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// SHA-256 of the standard photo.
    pub standard_sha256: String,
}

impl Store {
    /// Every approved record, oldest first. The photos are fetched one by one with [`Store::photo`].
    ///
    /// # Errors
    /// Only database errors.
    pub fn deliverables(&self) -> Result<Vec<Deliverable>> {
        let mut statement = self.db.prepare_cached(
            "SELECT r.id, r.shoot_number, r.shoot_day, r.code_tag, r.school, r.school_id, r.academic_record,
                    p.identity, r.receipt_number, r.review_at, r.standard_sha256
             FROM record r JOIN paper p ON p.record_id = r.id WHERE r.state = ?1 ORDER BY r.seq",
        )?;
        let mut rows = statement.query([RecordState::Approved.as_str()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let identity: Option<String> = row.get(7)?;
            let identity: Option<MaskedIdentity> = identity.as_deref().map(from_json).transpose()?;
            let (level, major, year) = identity
                .map(|identity| (identity.level, identity.major, identity.year))
                .map_or((None, None, None), |(level, major, year)| {
                    (Some(level), Some(major), Some(year))
                });
            found.push(Deliverable {
                id: parse_id(&row.get::<_, String>(0)?)?,
                shoot_number: row.get(1)?,
                shoot_day: row.get(2)?,
                code_tag: row.get(3)?,
                school: row.get(4)?,
                school_id: row.get(5)?,
                academic_record: row.get(6)?,
                level,
                major,
                year,
                receipt: row.get(8)?,
                approved_at: row.get::<_, Option<i64>>(9)?.map(time).transpose()?,
                standard_sha256: row.get(10)?,
            });
        }
        Ok(found)
    }
}
