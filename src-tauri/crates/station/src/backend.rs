//! The station's two standing conversations with the backend: joining it, and the sync loop.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use code::Pattern;
use fail::fail_point;
use jiff::Timestamp;
use records::Store;
use vendor::Profile;

use crate::rotation;
use crate::station::{Shared, Standing, StationError, setting, spec_for};
use crate::sync::{Courier, SOFTWARE};
use crate::visit::Event;

/// How often the backend's profile is asked for again.
const PROFILE_EVERY: Duration = Duration::from_mins(10);
/// Between two tries to enrol or to fetch the first profile.
const JOIN_EVERY: Duration = Duration::from_secs(5);

/// Enrols the station if it is not yet, and keeps the profile fresh.
pub(crate) async fn join(shared: Shared, mut activation: Option<String>) {
    while !shared.stopping() {
        if !shared.is_enrolled()
            && let Some(code) = &activation
            && let Err(error) = enrol(&shared, code).await
        {
            tracing::warn!(%error, "enrolment");
        }
        let pause = if shared.is_enrolled() {
            // It has done its work: a station that is revoked later is not let in by it again.
            activation = None;
            if let Err(error) = rotation::finish(&shared).await {
                tracing::warn!(%error, "a new key of the station waits for the backend");
            }
            match shared.client().profile().await {
                Ok(profile) => {
                    shared.set_online(true);
                    shared.clock_agrees();
                    keep_profile(&shared, profile).await;
                    PROFILE_EVERY
                }
                Err(error) => {
                    shared.hear(&error).await;
                    tracing::info!(%error, "profile");
                    JOIN_EVERY
                }
            }
        } else {
            JOIN_EVERY
        };
        let until = tokio::time::Instant::now() + pause;
        while !shared.stopping() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(200).min(pause)).await;
        }
    }
}

async fn enrol(shared: &Shared, code: &str) -> Result<(), StationError> {
    let client = shared.client();
    let enrolled = client.enrol(code, &shared.config.name, SOFTWARE).await?;
    let (id, receipt_key) = (enrolled.station_id, enrolled.receipt_public_key);
    fail_point!("enrol.answered");
    shared
        .records(move |store| {
            store.set_setting(setting::RECEIPT_KEY, Some(&hex::encode(receipt_key.as_bytes())))?;
            store.set_setting(setting::REVOKED, None)?;
            store.set_setting(setting::STATION_ID, Some(&id))
        })
        .await?;
    fail_point!("enrol.written");
    *shared.client.write().unwrap_or_else(PoisonError::into_inner) = client.with_receipt_key(receipt_key);
    shared.set_standing(Standing::Enrolled);
    shared.wake_sync.notify_one();
    Ok(())
}

async fn keep_profile(shared: &Shared, profile: Profile) {
    if Pattern::new(&profile.code_pattern).is_err() || spec_for(&shared.config, &profile).is_err() {
        tracing::warn!(
            profile = profile.id,
            "the backend's profile cannot be used; the last one stays in force"
        );
        return;
    }
    fail_point!("profile.fetched");
    if let Ok(text) = serde_json::to_string(&profile)
        && let Err(error) = shared
            .records(move |store| {
                // Revoked while the answer was on its way.
                if store.setting(setting::REVOKED)?.is_some() {
                    return Ok(());
                }
                store.set_setting(setting::PROFILE, Some(&text))?;
                store.set_setting(setting::PROFILE_AT, Some(&Timestamp::now().to_string()))
            })
            .await
    {
        tracing::warn!(%error, "the profile could not be kept");
    }
    let _ = shared.events.send(Event::Profile(Box::new(profile)));
}

/// The sync loop: goes on until the station stops.
pub(crate) async fn keep_synced(shared: Shared) {
    let mut courier = Courier::new(Arc::clone(&shared));
    while !shared.stopping() {
        if !shared.is_enrolled() {
            tokio::select! {
                () = shared.wake_sync.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            continue;
        }
        let pause = match courier.turn().await {
            Ok((_, None)) => continue,
            Ok((_, Some(pause))) => {
                // Nobody is served worse by it now: a commit that has to write the log back itself keeps a student.
                if let Err(error) = shared.records(Store::settle).await {
                    tracing::warn!(%error, "the log could not be written back");
                }
                pause.unsigned_abs()
            }
            Err(error) => {
                tracing::error!(%error, "sync");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = shared.wake_sync.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
