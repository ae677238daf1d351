//! Another key for the station: what it signs its requests and bundles with.
//!
//! The new key is kept beside the old one before the backend hears of it, so that a reply that never comes leaves no
//! doubt: when the backend does not know the old key any more and knows the new one, the change has happened. What
//! the old key signed stays valid at the backend.

use std::sync::PoisonError;

use fail::fail_point;
use vendor::{Client, ProblemCode, StationKey, VendorError};

use crate::station::{Inner, Station, StationError, from_hex, setting};

impl Station {
    /// Replaces the station's key, or finishes a replacement that was cut off.
    ///
    /// # Errors
    /// When the backend does not answer or refuses, or the records cannot be written: the old key stays in force, and
    /// doing it again is safe.
    pub async fn replace_key(&self) -> Result<(), StationError> {
        replace_key(self.inner()).await
    }
}

/// Finishes what was cut off, if anything was.
pub(crate) async fn finish(shared: &Inner) -> Result<(), StationError> {
    match pending(shared).await? {
        Some(_) => replace_key(shared).await,
        None => Ok(()),
    }
}

async fn pending(shared: &Inner) -> Result<Option<StationKey>, StationError> {
    let kept = shared
        .records(|store| store.setting(setting::NEXT_STATION_KEY))
        .await?;
    Ok(kept
        .as_deref()
        .and_then(from_hex)
        .map(|seed| StationKey::from_bytes(&seed)))
}

async fn replace_key(shared: &Inner) -> Result<(), StationError> {
    let new = if let Some(kept) = pending(shared).await? {
        kept
    } else {
        let new = StationKey::generate()?;
        let text = zeroize::Zeroizing::new(hex::encode(*new.to_bytes()));
        shared
            .records(move |store| store.set_setting(setting::NEXT_STATION_KEY, Some(&text)))
            .await?;
        new
    };
    let client = shared.client();
    match client.replace_key(&new).await {
        Ok(_) => {}
        Err(error) if is_unknown(&error) && knows(&client, &new).await? => {}
        Err(error) => return Err(error.into()),
    }
    fail_point!("station-key.replaced");
    let text = zeroize::Zeroizing::new(hex::encode(*new.to_bytes()));
    shared
        .records(move |store| {
            store.set_settings(&[
                (setting::STATION_KEY, Some(&text)),
                (setting::NEXT_STATION_KEY, None),
            ])
        })
        .await?;
    *shared.client.write().unwrap_or_else(PoisonError::into_inner) = client.with_key(new);
    Ok(())
}

fn is_unknown(error: &VendorError) -> bool {
    error
        .problem()
        .is_some_and(|problem| problem.code == ProblemCode::UnknownStation)
}

/// Does the backend take requests signed with this key?
async fn knows(client: &Client, key: &StationKey) -> Result<bool, VendorError> {
    match client.clone().with_key(key.clone()).profile().await {
        Ok(_) => Ok(true),
        Err(error) if is_unknown(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
