//! An errand done, step by step.

use std::path::Path;

use jiff::Timestamp;
use records::{Carry, Kept, RecordId, Store};

use super::foresee::{Leaves, Sorted, gone, no_export, no_retry, retention, sort};
use super::{Ended, Errand, Errands, Words};
use crate::carry::{self, Brought};
use crate::delivery::{self, Template};

/// Does it, and says how it ended.
pub(super) fn run(store: &mut Store, errand: &Errand, progress: &Errands) -> Ended {
    let now = Timestamp::now();
    let done = match errand {
        Errand::Retry { which } => sort(store, which, |one| Ok(no_retry(one.state)))
            .map(|sorted| retry(store, sorted, now, progress)),
        Errand::Export { which, path } => sort(store, which, |one| Ok(no_export(one.state)))
            .map(|sorted| export(store, sorted, Path::new(path), now, progress)),
        Errand::Purge { which } => {
            sort(store, which, |_| Ok(None)).map(|sorted| purge(store, &sorted, now, progress))
        }
        Errand::Import { path } => Ok(import(store, Path::new(path), now)),
        Errand::Deliver { template, path } => Ok(deliver(store, template, Path::new(path), progress)),
    };
    done.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> Ended {
    Ended {
        well: false,
        says: Words::new(format!("没有完成：{error}"), format!("not done: {error}")),
        leaves: Vec::new(),
    }
}

fn retry(store: &mut Store, sorted: Sorted, now: Timestamp, progress: &Errands) -> Ended {
    progress.expect(sorted.takes.len());
    let mut leaves = sorted.leaves;
    let (mut taken, mut done) = (0, 0);
    for one in sorted.takes {
        match store.retry(one.id, now) {
            Ok(_) => taken += 1,
            Err(error) if gone(&error) => {
                leaves.add(
                    Words::new("状态刚刚变了", "its state has just changed"),
                    one.shoot_number,
                );
            }
            Err(error) => return failed(&error),
        }
        done += 1;
        if !progress.reached(done) {
            break;
        }
    }
    Ended {
        well: true,
        says: Words::new(
            format!("已重新排队 {taken} 条"),
            format!("{taken} records are queued again"),
        ),
        leaves: leaves.listed(),
    }
}

fn export(store: &mut Store, sorted: Sorted, path: &Path, now: Timestamp, progress: &Errands) -> Ended {
    progress.expect(sorted.takes.len());
    let ids: Vec<RecordId> = sorted.takes.iter().map(|one| one.id).collect();
    let which = Carry::These(ids);
    let carried = carry::export_told(store, path, &which, &[], now, &mut |done| progress.reached(done));
    match carried {
        Ok(carried) => {
            let n = carried.records.len();
            Ended {
                well: true,
                says: Words::new(
                    format!("已导出 {n} 条到 {}；本机仍保留", path.display()),
                    format!("{n} records are in {}; they stay here, too", path.display()),
                ),
                leaves: sorted.leaves.listed(),
            }
        }
        Err(carry::CarryError::Stopped) => Ended {
            well: false,
            says: Words::new("已停止，没有留下文件", "stopped; no file was left"),
            leaves: Vec::new(),
        },
        Err(error) => failed(&error),
    }
}

fn purge(store: &mut Store, sorted: &Sorted, now: Timestamp, progress: &Errands) -> Ended {
    progress.expect(sorted.takes.len());
    let ids: Vec<RecordId> = sorted.takes.iter().map(|one| one.id).collect();
    let mut done = 0;
    let report = retention(store).and_then(|retention| {
        store.purge_these(&ids, now, retention, &mut |_| {
            done += 1;
            progress.reached(done)
        })
    });
    let report = match report {
        Ok(report) => report,
        Err(error) => return failed(&error),
    };
    let mut leaves = Leaves::default();
    for (id, kept) in &report.kept {
        let number = sorted.takes.iter().find(|one| one.id == *id);
        let why = match kept {
            Kept::ReceiptMismatch => Words::new("回执与照片不符", "the receipt is for another photo"),
            Kept::Damaged => Words::new("本机照片已损坏", "the photo here is damaged"),
        };
        leaves.add(
            why,
            number.map(|one| one.shoot_number.clone()).unwrap_or_default(),
        );
    }
    let (purged, passed) = (report.purged.len(), ids.len() - report.purged.len());
    Ended {
        well: report.kept.is_empty(),
        says: Words::new(
            format!("已清除 {purged} 条的照片，{passed} 条保留"),
            format!("the photos of {purged} records are deleted, {passed} records kept theirs"),
        ),
        leaves: leaves.listed(),
    }
}

fn import(store: &mut Store, path: &Path, now: Timestamp) -> Ended {
    match carry::import(store, path, now) {
        Ok(Brought::Records(carried)) => {
            let (taken, already) = (carried.records.len(), carried.already.len());
            let mut leaves = Leaves::default();
            for (id, why) in &carried.refused {
                leaves.add(Words::new(format!("没有接收：{why}"), *why), id.to_string());
            }
            Ended {
                well: carried.refused.is_empty(),
                says: Words::new(
                    format!("接收 {taken} 条，{already} 条本来就在"),
                    format!("{taken} records taken, {already} were here already"),
                ),
                leaves: leaves.listed(),
            }
        }
        Ok(Brought::Receipts { taken, elsewhere }) => {
            let taken = taken.len();
            Ended {
                well: true,
                says: Words::new(
                    format!("{taken} 条收到回执，{elsewhere} 条是别的采集站的"),
                    format!("{taken} records have their receipt, {elsewhere} are other stations'"),
                ),
                leaves: Vec::new(),
            }
        }
        Err(error) => failed(&error),
    }
}

fn deliver(store: &Store, template: &str, path: &Path, progress: &Errands) -> Ended {
    let delivered = Template::parse(template)
        .map_err(delivery::DeliveryError::from)
        .and_then(|template| {
            progress.expect(
                delivery::plan(store, &template)
                    .map_err(delivery::broken)?
                    .files
                    .len(),
            );
            delivery::deliver(store, &template, path, &mut |done| progress.reached(done))
        });
    match delivered {
        Ok(delivered) => {
            let (written, there) = (delivered.written, delivered.there);
            let mut leaves = Leaves::default();
            for refused in delivered.refused {
                let (zh, en) = refused.why.words();
                leaves.add(Words::new(zh, en), refused.shoot_number);
            }
            let leaves = leaves.listed();
            let says = if delivered.stopped {
                Words::new(
                    format!("已停止：写好 {written} 张；再次交付会接着写"),
                    format!("stopped after {written} photos; delivering again goes on from there"),
                )
            } else {
                Words::new(
                    format!("写入 {written} 张，{there} 张本来就在：{}", path.display()),
                    format!(
                        "{written} photos written, {there} were there already: {}",
                        path.display()
                    ),
                )
            };
            Ended {
                well: leaves.is_empty() && !delivered.stopped,
                says,
                leaves,
            }
        }
        Err(error) => failed(&error),
    }
}
