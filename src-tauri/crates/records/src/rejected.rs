//! Whom to call back: records a reviewer rejected, why, and whether a new photo has come since.

use jiff::Timestamp;
use rusqlite::params;

use crate::open::time;
use crate::queue::{from_json, parse_id, parse_state};
use crate::{MaskedIdentity, Payment, RecordId, RecordState, Result, Store};

/// A rejected record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
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
    /// Masked identity; `None` while it is to be resolved.
    pub identity: Option<MaskedIdentity>,
    /// How the fee of the rejected photo stands: it covers the next one, too.
    pub payment: Payment,
    /// The reviewer's reasons.
    pub reasons: Vec<String>,
    /// When it was rejected.
    pub rejected_at: Option<Timestamp>,
    /// The newest photo of the same academic record taken after it.
    pub came_back: Option<CameBack>,
}

/// A photo that was taken anew after a rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameBack {
    /// Its record.
    pub id: RecordId,
    /// Its number.
    pub shoot_number: String,
    /// Where it stands.
    pub state: RecordState,
    /// When it was submitted.
    pub at: Timestamp,
}

impl Store {
    /// Every record that stands rejected, oldest first. Of an academic record that was rejected several times only the
    /// newest: the older ones have been answered by it.
    ///
    /// # Errors
    /// Only database errors.
    pub fn rejected(&self) -> Result<Vec<RejectedRow>> {
        let mut statement = self.db.prepare_cached(
            "SELECT r.id, r.shoot_number, r.shoot_day, r.code_tag, r.school, p.identity, r.payment, r.review_reasons,
                    r.review_at, n.id, n.shoot_number, n.state, n.submitted_at
             FROM record r JOIN paper p ON p.record_id = r.id
             LEFT JOIN record n ON n.seq =
                (SELECT l.seq FROM record l
                 WHERE l.academic_record = r.academic_record AND l.submitted_at > r.submitted_at
                 ORDER BY l.submitted_at DESC LIMIT 1)
             WHERE r.state = ?1 AND (n.state IS NULL OR n.state <> ?1)
             ORDER BY r.seq",
        )?;
        let mut rows = statement.query(params![RecordState::Rejected.as_str()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let identity: Option<String> = row.get(5)?;
            let reasons: Option<String> = row.get(7)?;
            let came_back = match row.get::<_, Option<String>>(9)? {
                Some(id) => Some(CameBack {
                    id: parse_id(&id)?,
                    shoot_number: row.get(10)?,
                    state: parse_state(&row.get::<_, String>(11)?)?,
                    at: time(row.get(12)?)?,
                }),
                None => None,
            };
            found.push(RejectedRow {
                id: parse_id(&row.get::<_, String>(0)?)?,
                shoot_number: row.get(1)?,
                shoot_day: row.get(2)?,
                code_tag: row.get(3)?,
                school: row.get(4)?,
                identity: identity.as_deref().map(from_json).transpose()?,
                payment: from_json(&row.get::<_, String>(6)?)?,
                reasons: reasons.as_deref().map(from_json).transpose()?.unwrap_or_default(),
                rejected_at: row.get::<_, Option<i64>>(8)?.map(time).transpose()?,
                came_back,
            });
        }
        Ok(found)
    }
}
