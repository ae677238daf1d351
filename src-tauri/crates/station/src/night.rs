//! The nightly backup: when it is due, and making it beside the visits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};
use records::Store;
use records::backup::Backup;

use crate::station::{Shared, StationError, setting};

/// Nobody is at a booth at three in the morning, China Standard Time.
const HOUR: civil::Time = civil::time(3, 0, 0, 0);
const CHINA: i8 = 8;
/// A station that was off at night backs up when a day is over.
const AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// After a backup that failed.
const AGAIN_AFTER: Duration = Duration::from_mins(30);

/// Whether a backup is due, from the time and when the last one was made. A last one in the future means that the
/// clock was set back since: better one too many.
pub fn is_due(now: Timestamp, last: Option<Timestamp>) -> bool {
    let Some(last) = last else { return true };
    if last > now || now.duration_since(last) >= AT_LEAST_EVERY {
        return true;
    }
    let china = TimeZone::fixed(Offset::constant(CHINA));
    let three = china
        .to_datetime(now)
        .date()
        .to_datetime(HOUR)
        .to_zoned(china)
        .map(|zoned| zoned.timestamp());
    three.is_ok_and(|three| last < three && three <= now)
}

/// Makes a backup of `store` in `folder` and notes when, or why not.
///
/// # Errors
/// As [`Store::backup`].
pub fn back_up(store: &mut Store, folder: &Path, now: Timestamp) -> records::Result<Backup> {
    let made = store.reader().and_then(|reader| reader.backup(folder, now));
    note(store, &made, now)?;
    made
}

fn note(store: &mut Store, made: &records::Result<Backup>, now: Timestamp) -> records::Result<()> {
    match made {
        Ok(_) => {
            store.set_setting(setting::BACKUP_TROUBLE, None)?;
            store.set_setting(setting::BACKUP_AT, Some(&now.to_string()))
        }
        Err(error) => store.set_setting(setting::BACKUP_TROUBLE, Some(&error.to_string())),
    }
}

/// When the last backup was made.
pub(crate) fn last(store: &Store) -> records::Result<Option<Timestamp>> {
    Ok(store
        .setting(setting::BACKUP_AT)?
        .and_then(|text| text.parse().ok()))
}

/// Backs up when it is due, until the station stops. The visits' own connection is not held meanwhile.
pub(crate) async fn keep_backed_up(shared: Shared, folder: PathBuf) {
    while !shared.stopping() {
        let pause = match back_up_if_due(&shared, &folder).await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::error!(%error, "backup");
                AGAIN_AFTER
            }
        };
        let until = tokio::time::Instant::now() + pause;
        while !shared.stopping() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_secs(1).min(pause)).await;
        }
    }
}

async fn back_up_if_due(shared: &Shared, folder: &Path) -> Result<(), StationError> {
    let now = Timestamp::now();
    let (last, reader) = shared
        .records(|store| Ok((last(store)?, store.reader()?)))
        .await?;
    if !is_due(now, last) {
        return Ok(());
    }
    let folder = folder.to_owned();
    let made = tokio::task::spawn_blocking(move || reader.backup(&folder, now))
        .await
        .map_err(|error| StationError::System(error.to_string()))?;
    if let Ok(backup) = &made {
        tracing::info!(
            records = backup.records,
            bytes = backup.bytes,
            "backed up and proven"
        );
    }
    shared
        .records(move |store| {
            note(store, &made, now)?;
            made
        })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_backup_is_due_at_three_in_china_and_when_a_day_was_missed() {
        let last = Some(moment("2026-06-02T19:00:05Z")); // 03:00:05 on 3 June in China
        assert!(
            is_due(moment("2026-06-02T12:00:00Z"), None),
            "the first one at once"
        );
        assert!(!is_due(moment("2026-06-02T19:01:00Z"), last));
        assert!(!is_due(moment("2026-06-03T18:59:59Z"), last), "not before three");
        assert!(is_due(moment("2026-06-03T19:00:00Z"), last), "at three");
        let evening = Some(moment("2026-06-03T12:00:00Z"));
        assert!(!is_due(moment("2026-06-03T18:00:00Z"), evening));
        assert!(
            is_due(moment("2026-06-03T19:00:01Z"), evening),
            "by the hour, not by the age"
        );
        assert!(
            is_due(moment("2026-06-09T05:00:00Z"), last),
            "a station that was off"
        );
        assert!(
            is_due(moment("2026-06-01T00:00:00Z"), last),
            "the clock was set back"
        );
    }

    #[test]
    fn a_backup_that_fails_is_noted_and_the_next_good_one_clears_it() {
        let place = tempfile::tempdir().unwrap();
        let key = records::Key::from_bytes([3; 32]);
        let mut store = Store::open_in(place.path(), &key).unwrap();
        let file = place.path().join("a file, not a folder");
        std::fs::write(&file, b"x").unwrap();
        let now = moment("2026-06-03T19:00:00Z");
        assert!(back_up(&mut store, &file, now).is_err());
        assert!(store.setting(setting::BACKUP_TROUBLE).unwrap().is_some());
        assert_eq!(last(&store).unwrap(), None);
        back_up(&mut store, &place.path().join("vault"), now).unwrap();
        assert_eq!(store.setting(setting::BACKUP_TROUBLE).unwrap(), None);
        assert_eq!(last(&store).unwrap(), Some(now));
    }
}
