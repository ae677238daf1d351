//! What an errand would do, told before it is done.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use records::{RecordId, RecordState, RecordsError, Store};

use super::{Errand, Foresight, Left, Selection, Words};
use crate::delivery::{self, Template};
use crate::{carry, desk, station};

/// How many numbers or names are shown as examples.
const EXAMPLES: usize = 5;

/// Retention where no profile has said one yet: the longest any contract of ours allows.
pub(crate) const LONGEST_RETENTION_DAYS: u32 = 365;

/// A record an errand may take, as far as the choice needs it.
pub(super) struct Candidate {
    pub(super) id: RecordId,
    pub(super) shoot_number: String,
    pub(super) state: RecordState,
}

/// What an errand takes and what it leaves.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) takes: Vec<Candidate>,
    pub(super) leaves: Leaves,
}

/// Records left, gathered by the reason.
#[derive(Default)]
pub(super) struct Leaves(BTreeMap<String, Left>);

impl Leaves {
    pub(super) fn add(&mut self, why: Words, shoot_number: String) {
        let left = self.0.entry(why.zh.clone()).or_insert_with(|| Left {
            why,
            count: 0,
            examples: Vec::new(),
        });
        left.count += 1;
        if left.examples.len() < EXAMPLES {
            left.examples.push(shoot_number);
        }
    }

    pub(super) fn listed(self) -> Vec<Left> {
        self.0.into_values().collect()
    }
}

/// What an errand would do.
///
/// # Errors
/// When the records cannot be read.
pub fn foresee(store: &Store, errand: &Errand, now: Timestamp) -> records::Result<Foresight> {
    match errand {
        Errand::Retry { which } => Ok(told(sort(store, which, |one| Ok(no_retry(one.state)))?)),
        Errand::Export { which, path } => {
            let mut foresight = told(sort(store, which, |one| Ok(no_export(one.state)))?);
            if Path::new(path).exists() {
                foresight.hindrance = Some(Words::new(
                    "这个文件已经存在，请换一个名字",
                    "this file exists already; choose another name",
                ));
            } else if !carry::can_export(store)? {
                foresight.hindrance = Some(Words::new(
                    "还不知道采集单位的收件密钥：请先连上后台一次",
                    "to whom bundles are sealed is not known yet: connect to the backend once",
                ));
            }
            Ok(foresight)
        }
        Errand::Purge { which } => {
            let retention = retention(store)?;
            Ok(told(sort(store, which, |one| {
                no_purge(store, one, retention, now)
            })?))
        }
        Errand::Import { path } => Ok(import(Path::new(path))),
        Errand::Deliver { template, .. } => deliver(store, template),
    }
}

/// How long a delivered record stays.
pub(super) fn retention(store: &Store) -> records::Result<Duration> {
    let days = station::retention_days(store)?.unwrap_or(LONGEST_RETENTION_DAYS);
    Ok(Duration::from_hours(u64::from(days) * 24))
}

/// Parts the records chosen by whether there is a reason to leave them.
pub(super) fn sort(
    store: &Store,
    which: &Selection,
    mut reason: impl FnMut(&Candidate) -> records::Result<Option<Words>>,
) -> records::Result<Sorted> {
    let mut sorted = Sorted::default();
    for candidate in candidates(store, which)? {
        match reason(&candidate)? {
            None => sorted.takes.push(candidate),
            Some(why) => sorted.leaves.add(why, candidate.shoot_number),
        }
    }
    Ok(sorted)
}

fn candidates(store: &Store, which: &Selection) -> records::Result<Vec<Candidate>> {
    let rows = match &which.all {
        Some(filter) => {
            let mut asked = desk::asked(filter)?;
            (asked.offset, asked.limit) = (0, u32::MAX);
            store.list(&asked)?
        }
        None => which
            .ids
            .iter()
            .map(|id| store.row(id.parse()?))
            .collect::<records::Result<_>>()?,
    };
    Ok(rows
        .into_iter()
        .map(|row| Candidate {
            id: row.id,
            shoot_number: row.shoot_number,
            state: row.state,
        })
        .collect())
}

fn told(sorted: Sorted) -> Foresight {
    Foresight {
        takes: u32::try_from(sorted.takes.len()).unwrap_or(u32::MAX),
        examples: sorted
            .takes
            .into_iter()
            .take(EXAMPLES)
            .map(|one| one.shoot_number)
            .collect(),
        leaves: sorted.leaves.listed(),
        hindrance: None,
    }
}

pub(super) fn no_retry(state: RecordState) -> Option<Words> {
    if state == RecordState::Sending {
        return Some(Words::new("正在发送", "being sent right now"));
    }
    if !state.has_photos() {
        return Some(Words::new("照片已删除", "the photos are deleted"));
    }
    state
        .has_receipt()
        .then(|| Words::new("已送达，不必重发", "delivered already"))
}

pub(super) fn no_export(state: RecordState) -> Option<Words> {
    if !state.has_photos() {
        return Some(Words::new("照片已删除", "the photos are deleted"));
    }
    state
        .has_receipt()
        .then(|| Words::new("已送达，不必再带走", "delivered already"))
}

fn no_purge(
    store: &Store,
    one: &Candidate,
    retention: Duration,
    now: Timestamp,
) -> records::Result<Option<Words>> {
    if !one.state.has_photos() {
        return Ok(Some(Words::new("照片已删除", "the photos are deleted already")));
    }
    Ok(match store.purgeable_from(one.id, retention)? {
        None => Some(Words::new(
            "没有回执，照片可能只在本机",
            "no receipt: the photo may exist nowhere else",
        )),
        Some(from) if from > now => {
            // By the month: a preview of thousands has a line for each reason, not for each minute.
            let day = Offset::constant(8).to_datetime(from).date();
            let month = format!("{}-{:02}", day.year(), day.month());
            Some(Words::new(
                format!("保留期未满（{month} 起可清除）"),
                format!("still within its retention (until {month})"),
            ))
        }
        Some(_) => None,
    })
}

fn import(path: &Path) -> Foresight {
    let mut foresight = Foresight {
        takes: 0,
        leaves: Vec::new(),
        examples: Vec::new(),
        hindrance: None,
    };
    match carry::kind_of(path) {
        Ok(Some(carry::Parcels::Bundle)) => foresight.examples.push("bundle".to_owned()),
        Ok(Some(carry::Parcels::Receipts)) => foresight.examples.push("receipts".to_owned()),
        Ok(None) => {
            foresight.hindrance = Some(Words::new(
                "这不是采集站的数据包，也不是回执文件",
                "this is neither a bundle nor a file of receipts",
            ));
        }
        Err(error) => {
            foresight.hindrance = Some(Words::new(
                format!("文件无法读取：{error}"),
                format!("the file cannot be read: {error}"),
            ));
        }
    }
    foresight
}

fn deliver(store: &Store, template: &str) -> records::Result<Foresight> {
    let template = match Template::parse(template) {
        Ok(template) => template,
        Err(error) => {
            return Ok(Foresight {
                takes: 0,
                leaves: Vec::new(),
                examples: Vec::new(),
                hindrance: Some(Words::new(error.zh(), error.to_string())),
            });
        }
    };
    let plan = delivery::plan(store, &template)?;
    let mut leaves = Leaves::default();
    for refused in plan.refused {
        let (zh, en) = refused.why.words();
        leaves.add(Words::new(zh, en), refused.shoot_number);
    }
    Ok(Foresight {
        takes: u32::try_from(plan.files.len()).unwrap_or(u32::MAX),
        examples: plan
            .files
            .into_iter()
            .take(EXAMPLES)
            .map(|file| file.name)
            .collect(),
        leaves: leaves.listed(),
        hindrance: None,
    })
}

/// A record that went away between the preview and the work is no reason to stop.
pub(super) fn gone(error: &RecordsError) -> bool {
    matches!(
        error,
        RecordsError::NotFound(_) | RecordsError::Impossible(_) | RecordsError::Purged(_)
    )
}
