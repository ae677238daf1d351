//! What a station does when its vendor shuts it out: it takes no more visits, drops its profile and its tokens, and
//! keeps every record until a new activation code lets it in again.
//!
//! Only the backend's signed word counts ([`vendor::Revocation`]), and an older one that somebody kept does not count
//! twice.

use jiff::Timestamp;
use records::Store;
use vendor::{Profile, Revocation, VendorError};

use crate::station::{Inner, Standing, StationError, setting};
use crate::visit::Event;

impl Inner {
    /// What the backend answered may be that this station is revoked.
    pub(crate) async fn hear(&self, error: &VendorError) {
        let VendorError::Revoked(revocation) = error else {
            return;
        };
        if !self.is_enrolled() {
            return;
        }
        match self.take_leave(revocation).await {
            Ok(true) => {
                tracing::warn!("the vendor has revoked this station; every record is kept");
                if let Some(profile) = Profile::built_in(&self.config.profile) {
                    let _ = self.events.send(Event::Profile(Box::new(profile)));
                }
            }
            Ok(false) => tracing::warn!("an old revocation was told again; it does not count"),
            // It is told again with the next question.
            Err(error) => tracing::error!(%error, "the revocation could not be written down"),
        }
    }

    /// False where this very revocation, or a later one, was heard before.
    async fn take_leave(&self, revocation: &Revocation) -> Result<bool, StationError> {
        let at = revocation.revoked_at;
        let left = self
            .records(move |store| {
                let heard = store
                    .setting(setting::REVOCATION_HEARD)?
                    .and_then(|text| text.parse::<Timestamp>().ok());
                if heard.is_some_and(|heard| at <= heard) {
                    return Ok(false);
                }
                // First the word, then the wiping: an interrupted one is finished at the next start.
                store.set_setting(setting::REVOKED, Some(&at.to_string()))?;
                store.set_setting(setting::REVOCATION_HEARD, Some(&at.to_string()))?;
                leave(store, Timestamp::now())?;
                Ok(true)
            })
            .await?;
        if left {
            self.set_standing(Standing::Revoked);
        }
        Ok(left)
    }
}

/// Drops what a revoked station must not have. May be repeated.
pub(crate) fn leave(store: &mut Store, now: Timestamp) -> records::Result<()> {
    if store.setting(setting::STATION_ID)?.is_none() && store.setting(setting::PROFILE)?.is_none() {
        return Ok(());
    }
    store.drop_tokens("the vendor revoked this station", now)?;
    // What is here can still be carried to the vendor by hand.
    let profile = store.setting(setting::PROFILE)?;
    let recipient = profile
        .and_then(|text| serde_json::from_str::<Profile>(&text).ok())
        .and_then(|profile| profile.bundle_recipient)
        .and_then(|recipient| serde_json::to_string(&recipient).ok());
    if recipient.is_some() {
        store.set_setting(setting::BUNDLE_RECIPIENT, recipient.as_deref())?;
    }
    store.set_setting(setting::PROFILE, None)?;
    store.set_setting(setting::PROFILE_AT, None)?;
    store.set_setting(setting::STATION_ID, None)
}
