//! Where the station is ended, from its first start to the purge.

/// What must happen for a point to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// A new station's first start.
    AtFirstStart,
    /// Once at every start.
    AtEveryStart,
    /// Every visit and what follows it.
    InAnyVisit,
    /// A start after a kill.
    AfterAKill,
    /// Only when staff ask for it.
    ByAChore,
    /// Only when the database gets another key, before the station opens.
    ByAKeyChange,
}

/// Every named point in the crates, in the order of a record's life.
pub(crate) const POINTS: [(&str, Reached); 53] = {
    use Reached::{AfterAKill, AtEveryStart, AtFirstStart, ByAChore, ByAKeyChange, InAnyVisit};
    [
        ("key.made", AtFirstStart),
        ("key.written", AtFirstStart),
        ("store.unlocked", AtEveryStart),
        ("store.migrating", AtFirstStart),
        ("setting.committing", AtEveryStart),
        ("recover.committing", AfterAKill),
        ("visit.closing-interrupted", AfterAKill),
        ("enrol.answered", AtFirstStart),
        ("enrol.written", AtFirstStart),
        ("profile.fetched", AtEveryStart),
        ("visit.beginning", InAnyVisit),
        ("visit.shutter", InAnyVisit),
        ("visit.developed", InAnyVisit),
        ("picture.written", InAnyVisit),
        ("picture.committing", InAnyVisit),
        ("picture.committed", InAnyVisit),
        ("visit.saving", InAnyVisit),
        ("submit.record-written", InAnyVisit),
        ("submit.picture-taken", InAnyVisit),
        ("submit.enqueued", InAnyVisit),
        ("submit.committing", InAnyVisit),
        ("submit.committed", InAnyVisit),
        ("visit.saved", InAnyVisit),
        ("visit.ending", InAnyVisit),
        ("attempt.marking", InAnyVisit),
        ("attempt.marked", InAnyVisit),
        ("request.signed", InAnyVisit),
        ("reply.begun", InAnyVisit),
        ("send.answered", InAnyVisit),
        ("receipt.written", InAnyVisit),
        ("attempt.ending", InAnyVisit),
        ("attempt.ended", InAnyVisit),
        ("changes.fetched", AtEveryStart),
        ("changes.committing", AtEveryStart),
        ("changes.committed", AtEveryStart),
        ("purge.deleted", ByAChore),
        ("purge.committed", ByAChore),
        ("purge.vacuumed", ByAChore),
        ("forget.deleted", ByAChore),
        ("forget.committed", ByAChore),
        ("export.copied", ByAChore),
        ("export.named", ByAChore),
        ("photo.written", ByAChore),
        ("import.taken", ByAChore),
        ("backup.copied", ByAChore),
        ("backup.verified", ByAChore),
        ("backup.named", ByAChore),
        ("settings.committing", ByAChore),
        ("station-key.replaced", ByAChore),
        ("rekey.prepared", ByAKeyChange),
        ("rekey.rewritten", ByAKeyChange),
        ("rekey.verified", ByAKeyChange),
        ("rekey.promoted", ByAKeyChange),
    ]
};

#[test]
fn every_point_in_the_crates_is_in_the_suite() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri/crates");
    let mut found = Vec::new();
    for name in ["records", "station", "vendor"] {
        for entry in std::fs::read_dir(crates.join(name).join("src")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.extend(
                    text.split("fail_point!(\"")
                        .skip(1)
                        .filter_map(|rest| rest.split('"').next().map(str::to_owned)),
                );
            }
        }
    }
    found.sort();
    found.dedup();
    let mut listed: Vec<String> = POINTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    listed.sort();
    assert_eq!(found, listed);
}
