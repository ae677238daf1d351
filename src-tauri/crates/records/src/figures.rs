//! A span of days as figures: visits by the hour or the day, seconds a visit, what the checks refused at the shutter,
//! what reviewers rejected, where visits ended. Nothing of a student is in it.

use std::collections::BTreeMap;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::open::{millis, time};
use crate::queue::{CHINA, from_json};
use crate::{Result, Store, VisitOutcome};

/// Figures over a span of days.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DayFigures {
    /// Hours of one day, or days of several, in order; none is left out.
    pub bars: Vec<Bar>,
    /// Visits begun.
    pub visits: u64,
    /// Ended visits by outcome.
    pub by_outcome: BTreeMap<VisitOutcome, u64>,
    /// Median seconds of submitted visits.
    pub median_seconds: Option<f64>,
    /// 95th percentile of the seconds of submitted visits.
    pub slow_seconds: Option<f64>,
    /// Presses of the shutter.
    pub shots: u64,
    /// Presses beyond the first of their visit.
    pub retakes: u64,
    /// Presses that the checks refused.
    pub refused_shots: u64,
    /// How often each check refused one, by its code.
    pub refusals: BTreeMap<String, u64>,
    /// How often reviewers gave each reason for a rejection.
    pub rejections: BTreeMap<String, u64>,
    /// Records that reviewers rejected.
    pub rejected: u64,
    /// Visits that were left, by the page they were left on; not those that the rules ended.
    pub left_at: BTreeMap<String, u64>,
}

/// One hour or one day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bar {
    /// When it begins.
    pub from: Timestamp,
    /// Visits begun in it.
    pub visits: u64,
    /// Those of them that ended in a record.
    pub submitted: u64,
    /// Median seconds of the submitted ones.
    pub median_seconds: Option<f64>,
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// The figures of the last `days` days up to and with the one `now` falls in, as the school's wall clock has it.
    ///
    /// # Errors
    /// Only database errors.
    pub fn day_figures(&self, days: u32, now: Timestamp) -> Result<DayFigures> {
        let (from, width, bars) = span(days.max(1), now);
        let until = from.saturating_add(width * bars).unwrap_or(Timestamp::MAX);
        // One unmoving view: the sums of one picture agree.
        let _view = self.db.unchecked_transaction()?;
        let mut figures = DayFigures::default();
        self.visits_into(&mut figures, from, width, bars)?;
        self.shots_into(&mut figures, from, until)?;
        self.rejections_into(&mut figures, from, until)?;
        Ok(figures)
    }

    /// How many visits begun in this span ended in a record, and their median seconds.
    ///
    /// # Errors
    /// Only database errors.
    pub fn submitted_within(&self, from: Timestamp, until: Timestamp) -> Result<(u64, Option<f64>)> {
        let mut statement = self.db.prepare_cached(
            "SELECT seconds FROM visit WHERE started_at >= ?1 AND started_at < ?2 AND outcome = 'submitted'",
        )?;
        let mut rows = statement.query([millis(from), millis(until)])?;
        let (mut count, mut seconds) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            count += 1;
            seconds.extend(row.get::<_, Option<f64>>(0)?);
        }
        Ok((count, quantile(&mut seconds, 0.5)))
    }

    fn visits_into(
        &self,
        figures: &mut DayFigures,
        from: Timestamp,
        width: SignedDuration,
        bars: i32,
    ) -> Result<()> {
        let until = from.saturating_add(width * bars).unwrap_or(Timestamp::MAX);
        let mut statement = self.db.prepare_cached(
            "SELECT started_at, outcome, seconds, step FROM visit WHERE started_at >= ?1 AND started_at < ?2",
        )?;
        let mut rows = statement.query([millis(from), millis(until)])?;
        let mut counted = vec![(0, Vec::new(), 0); bars.unsigned_abs() as usize];
        while let Some(row) = rows.next()? {
            let began = time(row.get(0)?)?;
            let place = began.duration_since(from).as_millis() / width.as_millis();
            let Some(bar) = usize::try_from(place)
                .ok()
                .and_then(|place| counted.get_mut(place))
            else {
                continue;
            };
            figures.visits += 1;
            bar.0 += 1;
            let outcome: Option<String> = row.get(1)?;
            let Some(outcome) = outcome.as_deref().and_then(VisitOutcome::parse) else {
                continue;
            };
            *figures.by_outcome.entry(outcome).or_default() += 1;
            if outcome == VisitOutcome::Submitted {
                bar.2 += 1;
                bar.1.extend(row.get::<_, Option<f64>>(2)?);
            } else if outcome != VisitOutcome::NotPossible
                && let Some(step) = row.get::<_, Option<String>>(3)?
            {
                *figures.left_at.entry(step).or_default() += 1;
            }
        }
        let mut all = Vec::new();
        for (place, (visits, mut seconds, submitted)) in (0..).zip(counted) {
            all.extend_from_slice(&seconds);
            figures.bars.push(Bar {
                from: from.saturating_add(width * place).unwrap_or(Timestamp::MAX),
                visits,
                submitted,
                median_seconds: quantile(&mut seconds, 0.5),
            });
        }
        figures.median_seconds = quantile(&mut all, 0.5);
        figures.slow_seconds = quantile(&mut all, 0.95);
        Ok(())
    }

    fn shots_into(&self, figures: &mut DayFigures, from: Timestamp, until: Timestamp) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("SELECT visit_id, refused FROM shot WHERE at >= ?1 AND at < ?2")?;
        let mut rows = statement.query([millis(from), millis(until)])?;
        let mut visits: BTreeMap<i64, u64> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            figures.shots += 1;
            *visits.entry(row.get(0)?).or_default() += 1;
            if let Some(refused) = row.get::<_, Option<String>>(1)? {
                figures.refused_shots += 1;
                for code in from_json::<Vec<String>>(&refused)? {
                    *figures.refusals.entry(code).or_default() += 1;
                }
            }
        }
        figures.retakes = visits.values().map(|shots| shots - 1).sum();
        Ok(())
    }

    fn rejections_into(&self, figures: &mut DayFigures, from: Timestamp, until: Timestamp) -> Result<()> {
        let mut statement = self.db.prepare_cached(
            "SELECT review_reasons FROM record WHERE review = 'rejected' AND review_at >= ?1 AND review_at < ?2",
        )?;
        let mut rows = statement.query([millis(from), millis(until)])?;
        while let Some(row) = rows.next()? {
            figures.rejected += 1;
            let reasons: Option<String> = row.get(0)?;
            let reasons: Vec<String> = reasons.as_deref().map(from_json).transpose()?.unwrap_or_default();
            for reason in reasons {
                *figures.rejections.entry(reason).or_default() += 1;
            }
        }
        Ok(())
    }
}

/// Where the span begins, how wide a bar is and how many there are: the hours of one day, or whole days.
fn span(days: u32, now: Timestamp) -> (Timestamp, SignedDuration, i32) {
    let wall = Offset::constant(CHINA);
    let midnight = wall
        .to_datetime(now)
        .date()
        .to_datetime(jiff::civil::Time::midnight());
    let today = wall.to_timestamp(midnight).unwrap_or(now);
    if days == 1 {
        return (today, HOUR, 24);
    }
    let days = i32::try_from(days.min(366)).unwrap_or(366);
    let from = today.saturating_sub(DAY * (days - 1)).unwrap_or(Timestamp::MIN);
    (from, DAY, days)
}

/// The value below which this share lies, by the nearest rank.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_schools_own_and_a_week_ends_with_it() {
        // Half past midnight in China is still yesterday in Greenwich.
        let now: Timestamp = "2025-10-09T16:30:00Z".parse().unwrap();
        let (from, width, bars) = span(1, now);
        assert_eq!(
            (from.to_string().as_str(), width, bars),
            ("2025-10-09T16:00:00Z", HOUR, 24)
        );
        let (from, width, bars) = span(7, now);
        assert_eq!(
            (from.to_string().as_str(), width, bars),
            ("2025-10-03T16:00:00Z", DAY, 7)
        );
    }

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        let mut hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(quantile(&mut hundred, 0.5), Some(50.0));
        assert_eq!(quantile(&mut hundred, 0.95), Some(95.0));
        assert_eq!(quantile(&mut [7.0], 0.95), Some(7.0));
        assert_eq!(quantile(&mut [], 0.5), None);
    }
}
