//! One record as its page shows it: what was checked, point by point, and every attempt to send it.

use records::AttemptNote;
use serde::{Deserialize, Serialize};
use specta::Type;

/// One point of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct CheckLine {
    /// Which point, kebab-case.
    pub code: String,
    /// `green`, `amber`, `red` or `for-reviewer`.
    pub light: String,
    /// What was measured.
    #[serde(default)]
    pub value: Option<f64>,
    /// Smallest value that is not red.
    #[serde(default)]
    pub min: Option<f64>,
    /// Largest value that is not red.
    #[serde(default)]
    pub max: Option<f64>,
    /// Unit of the three, empty for counts and shares.
    #[serde(default)]
    pub unit: String,
    /// What it is and what to do.
    pub zh: String,
    /// What it is and what to do.
    pub en: String,
    /// Where the limit comes from.
    #[serde(default)]
    pub source: String,
    /// The paragraph of the rule it serves.
    #[serde(default)]
    pub rule: String,
}

/// The points of a report; one of an older program may lack some, and then shows what it has.
pub(crate) fn checks(report: &serde_json::Value) -> Vec<CheckLine> {
    let lines = report["checks"].as_array().into_iter().flatten();
    lines
        .filter_map(|line| CheckLine::deserialize(line).ok())
        .collect()
}

/// One attempt to send a record.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct AttemptLine {
    /// 1, 2, …
    pub number: u32,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// How long it took; `None` while it goes on.
    pub seconds: Option<f64>,
    /// `delivered`, `failed`, `refused`, `unknown`; `None` while it goes on.
    pub outcome: Option<String>,
    /// What was said.
    pub detail: Option<String>,
}

impl From<AttemptNote> for AttemptLine {
    fn from(note: AttemptNote) -> AttemptLine {
        AttemptLine {
            number: note.number,
            started_at: note.started_at.to_string(),
            seconds: note
                .ended_at
                .map(|ended| ended.duration_since(note.started_at).as_secs_f64()),
            outcome: note.outcome,
            detail: note.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_becomes_its_points_and_an_odd_one_what_can_be_read() {
        let point = json!({
            "code": "crown", "light": "green", "value": 82.4, "min": 50, "max": 110, "unit": "px",
            "zh": "头顶", "en": "crown", "source": "教毕指", "rule": "50–110"
        });
        let old = json!({ "code": "eyes", "light": "amber", "zh": "眼睛", "en": "eyes" });
        let lines = checks(&json!({ "checks": [point, old, 7, { "code": "x" }] }));
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (lines[0].value, lines[0].max, lines[0].unit.as_str()),
            (Some(82.4), Some(110.0), "px")
        );
        assert_eq!((lines[1].value, lines[1].rule.as_str()), (None, ""));
        assert!(checks(&json!(null)).is_empty());
    }
}
