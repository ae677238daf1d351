//! What was seen, and how it is printed.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::contract::CONTRACT;
use super::wire::Wire;

/// How a point ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "seen", rename_all = "kebab-case")]
pub enum Outcome {
    /// As the contract says.
    Pass,
    /// What was seen instead. Holds nothing a student shows or types.
    Fail(String),
    /// Could not be asked, and why.
    Skipped(String),
}

/// One point of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Its name.
    pub name: &'static str,
    /// What the contract says.
    pub says: &'static str,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Every point of the contract, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The points.
    pub points: Vec<Point>,
}

impl Report {
    /// True where no point failed. Skipped ones do not count: see [`Report::skipped`].
    pub fn conforms(&self) -> bool {
        self.failed().is_empty()
    }

    /// The names of the points that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.named(|outcome| matches!(outcome, Outcome::Fail(_)))
    }

    /// The names of the points that could not be asked.
    pub fn skipped(&self) -> Vec<&'static str> {
        self.named(|outcome| matches!(outcome, Outcome::Skipped(_)))
    }

    fn named(&self, which: impl Fn(&Outcome) -> bool) -> Vec<&'static str> {
        let chosen = self.points.iter().filter(|point| which(&point.outcome));
        chosen.map(|point| point.name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Point { name, says, outcome } in &self.points {
            match outcome {
                Outcome::Pass => writeln!(f, "pass     {name:<28} {says}")?,
                Outcome::Fail(seen) => writeln!(f, "FAIL     {name:<28} {says}\n         seen: {seen}")?,
                Outcome::Skipped(why) => writeln!(f, "skipped  {name:<28} {says}\n         {why}")?,
            }
        }
        let (failed, skipped) = (self.failed().len(), self.skipped().len());
        let passed = self.points.len() - failed - skipped;
        writeln!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Why a point is not passed.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    /// What was seen instead.
    Fault(String),
    /// Why it could not be asked.
    Skip(String),
}

/// Where the run writes down what it saw.
#[derive(Default)]
pub(super) struct Book(BTreeMap<&'static str, Outcome>);

impl Book {
    /// Writes a point down and hands on what came of it. A point that is asked twice passes only twice.
    pub(super) fn note<T>(&mut self, name: &'static str, result: Result<T, Seen>) -> Option<T> {
        let (outcome, value) = match result {
            Ok(value) => (Outcome::Pass, Some(value)),
            Err(Seen::Fault(seen)) => (Outcome::Fail(seen), None),
            Err(Seen::Skip(why)) => (Outcome::Skipped(why), None),
        };
        if !matches!(self.0.get(name), Some(Outcome::Fail(_))) {
            self.0.insert(name, outcome);
        }
        value
    }

    /// The report: what nobody reached is skipped, and what was seen in every answer is judged last.
    pub(super) fn closed(mut self, wire: &Wire) -> Report {
        for (name, faults) in [
            ("errors.shape", wire.shapeless()),
            ("errors.no-echo", wire.echoes()),
        ] {
            let result = match faults.first() {
                Some(first) => Err(Seen::Fault(first.clone())),
                None if wire.refusals() == 0 => Err(Seen::Skip("nothing was refused".to_owned())),
                None => Ok(()),
            };
            self.note(name, result);
        }
        let not_reached = || Outcome::Skipped("a point before it failed or was skipped".to_owned());
        let mut points: Vec<Point> = CONTRACT
            .iter()
            .map(|(name, says)| Point {
                name,
                says,
                outcome: self.0.remove(name).unwrap_or_else(not_reached),
            })
            .collect();
        // A point without a line in the contract would otherwise be lost; a test keeps this empty.
        let unnamed = self.0.into_iter().map(|(name, outcome)| Point {
            name,
            says: "",
            outcome,
        });
        points.extend(unnamed);
        Report { points }
    }
}
