//! A record as a station keeps it, without a visit.

use jiff::Timestamp;
use records::{NewRecord, Payment, RecordId, Secret};

/// A record that waits since then.
pub(crate) fn waiting_since(n: u8, at: Timestamp) -> NewRecord {
    NewRecord {
        id: RecordId::from_parts(at, [n; 10]),
        visit: None,
        code_text: Secret::new(format!("CHSI1:made-up-{n}")),
        code_tag: format!("TAG-{n:02}"),
        proof: Secret::new("{}"),
        identity: None,
        school: "示例大学（演示）".into(),
        school_id: None,
        vendor: "binyu".into(),
        spec: "national-blue".into(),
        original: vec![n; 2000],
        standard: vec![n; 1000],
        report: serde_json::Value::Null,
        candidates: 1,
        forced_reason: None,
        payment: Payment::Free,
        consent_at: at,
        started_at: at,
        captured_at: at,
    }
}
