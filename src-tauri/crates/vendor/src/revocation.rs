//! The signed word of a backend that a station is no longer its own.
//!
//! A revoked station drops its profile and its tokens, so nobody on the way may be able to make it do so: what counts
//! is not the status code but this, signed like a receipt with the key learnt at enrolment.

use base64::Engine as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::key::{PublicKey, StationKey};
use crate::secret::BASE64URL;

/// A backend's word that it has revoked a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    /// Whose: [`PublicKey::key_id`] of the station's key.
    pub station_key_id: String,
    /// Since when. A station that came back takes no word again that is not newer.
    pub revoked_at: Timestamp,
    /// Which key signed: see [`PublicKey::key_id`].
    pub key_id: String,
    /// Ed25519 over [`Revocation::signed_text`], base64url.
    pub signature: String,
}

impl Revocation {
    /// Makes and signs one, with the key receipts are signed with.
    pub fn issue(key: &StationKey, station_key_id: String, revoked_at: Timestamp) -> Revocation {
        let mut revocation = Revocation {
            station_key_id,
            revoked_at,
            key_id: key.public_key().key_id(),
            signature: String::new(),
        };
        revocation.signature = BASE64URL.encode(key.sign(revocation.signed_text().as_bytes()));
        revocation
    }

    /// What is signed: four lines of UTF-8, each ended by a line feed; the first names this format. The time is in
    /// microseconds since 1970.
    pub fn signed_text(&self) -> String {
        format!(
            "photo-station-revocation-v1\n{}\n{}\n{}\n",
            self.station_key_id,
            self.revoked_at.as_microsecond(),
            self.key_id,
        )
    }

    /// True where the owner of `key` signed exactly this, about the station with that key.
    pub fn verifies(&self, key: &PublicKey, station: &PublicKey) -> bool {
        self.station_key_id == station.key_id()
            && self.key_id == key.key_id()
            && BASE64URL
                .decode(&self.signature)
                .is_ok_and(|signature| key.verifies(self.signed_text().as_bytes(), &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_backends_own_word_about_this_very_station_counts() {
        let (backend, station) = (StationKey::from_bytes(&[1; 32]), StationKey::from_bytes(&[2; 32]));
        let (key, whose) = (backend.public_key(), station.public_key());
        let good = Revocation::issue(&backend, whose.key_id(), Timestamp::UNIX_EPOCH);
        let wire = serde_json::to_string(&good).unwrap();
        assert!(
            serde_json::from_str::<Revocation>(&wire)
                .unwrap()
                .verifies(&key, &whose)
        );
        let other = StationKey::from_bytes(&[3; 32]);
        assert!(!good.verifies(&other.public_key(), &whose), "another backend");
        assert!(!good.verifies(&key, &other.public_key()), "another station");
        let forged = Revocation::issue(&other, whose.key_id(), Timestamp::UNIX_EPOCH);
        assert!(!forged.verifies(&key, &whose));
        let later = Revocation {
            revoked_at: Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1),
            ..good
        };
        assert!(!later.verifies(&key, &whose), "an old word made new");
    }
}
