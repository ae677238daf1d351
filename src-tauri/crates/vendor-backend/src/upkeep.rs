//! What nobody waits for: rows whose time is over, and photos that no transaction came to name. Every process does it
//! now and then; two at the same moment do no harm.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Service;
use crate::database::{Tx, meta, micros};
use crate::fault::Fault;
use crate::orders::KEYS_LAST;
use crate::photos::{OVER_AFTER, hour, within};

/// How often.
const EVERY: Duration = Duration::from_mins(5);
/// At most so many hours in one go: a week, after a long rest.
const MOST_HOURS: usize = 7 * 24;
/// Up to which hour leftovers are gone, in seconds since 1970.
const SWEPT: &str = "swept_until";

/// Goes on until the task is ended.
pub(crate) async fn keep_up(service: Arc<Service>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(fault) = once(&service).await {
            tracing::warn!(%fault, "upkeep");
        }
    }
}

/// Does all of it once; how many leftovers were taken away.
pub(crate) async fn once(service: &Service) -> Result<usize, Fault> {
    let now = service.clock.now();
    service.database.run(move |tx| forget(tx, now)).await?;
    sweep(service, now).await
}

/// Rows that mean nothing any more; whoever reads them looks at the time, too.
fn forget(tx: &Tx<'_>, now: Timestamp) -> Result<(), Fault> {
    tx.execute("DELETE FROM nonces WHERE keep_until < ?1", [now.as_second()])?;
    tx.execute("DELETE FROM identities WHERE expires_at < ?1", [micros(now)])?;
    tx.execute("DELETE FROM idempotent WHERE at < ?1", [micros(now - KEYS_LAST)])?;
    Ok(())
}

/// The first hour that is not swept yet.
pub(crate) fn swept(tx: &Tx<'_>, now: Timestamp) -> Result<Timestamp, Fault> {
    let begin = || Ok(now.as_second().to_string().into_bytes());
    let text = meta(tx, SWEPT, begin)?;
    let seconds = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(Fault::Broken("the last swept hour cannot be read"))
}

/// Photos of hours that are over for good and that nothing names: their requests were broken off or refused.
async fn sweep(service: &Service, now: Timestamp) -> Result<usize, Fault> {
    let mut at = service.database.run(move |tx| swept(tx, now)).await?;
    let mut gone = 0;
    for _ in 0..MOST_HOURS {
        if at + OVER_AFTER + SignedDuration::from_hours(1) > now {
            break;
        }
        gone += sweep_hour(service, &hour(at)).await?;
        at += SignedDuration::from_hours(1);
        service
            .database
            .run(move |tx| {
                let text = at.as_second().to_string().into_bytes();
                tx.execute("UPDATE meta SET value = ?2 WHERE name = ?1", (SWEPT, text))?;
                Ok(())
            })
            .await?;
    }
    Ok(gone)
}

/// What is kept is listed before what is named: a photo that is named in between is not in the list.
async fn sweep_hour(service: &Service, hour: &str) -> Result<usize, Fault> {
    let kept = service.photos.list(hour).await?;
    if kept.is_empty() {
        return Ok(0);
    }
    let (from, to) = within(hour);
    let named: HashSet<String> = service
        .database
        .run(move |tx| {
            let sql = "SELECT place FROM files WHERE place >= ?1 AND place < ?2";
            Ok(tx
                .rows(sql, (&from, &to), |row| row.get(0))?
                .into_iter()
                .collect())
        })
        .await?;
    let mut gone = 0;
    for place in kept.iter().filter(|place| !named.contains(*place)) {
        service.photos.delete(place).await?;
        gone += 1;
    }
    Ok(gone)
}
