//! Today, or the last days, as figures for plots.

use jiff::Timestamp;
use records::{DayFigures, VisitOutcome};
use serde::Serialize;
use specta::Type;

use crate::station::{Station, StationError};

/// Figures of a day or of several.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct DayView {
    /// Hours of one day, or days of several, in order; none is left out.
    pub bars: Vec<DayBar>,
    /// Visits begun.
    pub visits: u32,
    /// Visits that ended in a record.
    pub submitted: u32,
    /// Median seconds of a submitted visit.
    pub median_seconds: Option<f64>,
    /// 95th percentile of them.
    pub slow_seconds: Option<f64>,
    /// Presses of the shutter.
    pub shots: u32,
    /// Presses beyond the first of their visit.
    pub retakes: u32,
    /// Presses that the checks refused.
    pub refused_shots: u32,
    /// How often each check refused one, by its code, most first.
    pub refusals: Vec<Tally>,
    /// Records that reviewers rejected.
    pub rejected: u32,
    /// The reviewers' reasons, most first.
    pub rejections: Vec<Tally>,
    /// Where visits were left, by the page, most first.
    pub left_at: Vec<Tally>,
    /// How visits ended, kebab-case, most first.
    pub endings: Vec<Tally>,
}

/// One hour or one day.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct DayBar {
    /// When it begins, RFC 3339.
    pub from: String,
    /// Visits begun in it.
    pub visits: u32,
    /// Those of them that ended in a record.
    pub submitted: u32,
    /// Median seconds of the submitted ones.
    pub median_seconds: Option<f64>,
}

/// How often something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Tally {
    /// What.
    pub what: String,
    /// How often.
    pub count: u32,
}

impl Station {
    /// The figures of the last `days` days, today among them.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn day(&self, days: u32) -> Result<DayView, StationError> {
        let reader = self.with_records(|store| store.reader()).await?;
        let figures = tokio::task::spawn_blocking(move || reader.day_figures(days, Timestamp::now()))
            .await
            .map_err(|error| StationError::System(error.to_string()))??;
        Ok(shown(figures))
    }
}

fn shown(figures: DayFigures) -> DayView {
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let tally = |counted: Vec<(String, u64)>| {
        let mut tally: Vec<Tally> = counted
            .into_iter()
            .map(|(what, count)| Tally {
                what,
                count: number(count),
            })
            .collect();
        tally.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.what.cmp(&b.what)));
        tally
    };
    let outcome = |outcome: VisitOutcome| {
        serde_json::to_value(outcome)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    DayView {
        bars: figures
            .bars
            .into_iter()
            .map(|bar| DayBar {
                from: bar.from.to_string(),
                visits: number(bar.visits),
                submitted: number(bar.submitted),
                median_seconds: bar.median_seconds,
            })
            .collect(),
        visits: number(figures.visits),
        submitted: number(
            figures
                .by_outcome
                .get(&VisitOutcome::Submitted)
                .copied()
                .unwrap_or_default(),
        ),
        median_seconds: figures.median_seconds,
        slow_seconds: figures.slow_seconds,
        shots: number(figures.shots),
        retakes: number(figures.retakes),
        refused_shots: number(figures.refused_shots),
        refusals: tally(figures.refusals.into_iter().collect()),
        rejected: number(figures.rejected),
        rejections: tally(figures.rejections.into_iter().collect()),
        left_at: tally(figures.left_at.into_iter().collect()),
        endings: tally(
            figures
                .by_outcome
                .into_iter()
                .map(|(ended, count)| (outcome(ended), count))
                .collect(),
        ),
    }
}
