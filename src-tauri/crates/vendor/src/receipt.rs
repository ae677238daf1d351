//! The signed proof that a backend has a photo.
//!
//! A station deletes nothing and calls nothing delivered on the strength of a status code: a captive portal
//! answers 200, too. What counts is a receipt whose signature verifies with the key learnt at enrolment and
//! which names the very record and the very hashes that were sent.

use base64::Engine as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::key::{PublicKey, StationKey};
use crate::secret::BASE64URL;

/// A backend's receipt for one capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Number a person may ask by, for example `R-20251009-000042`.
    pub receipt_number: String,
    /// The station's record.
    pub record_id: Uuid,
    /// SHA-256 of the standard photo's bytes, lower hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub standard_sha256: String,
    /// SHA-256 of the original's bytes, lower hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub original_sha256: String,
    /// When the backend had both photos on disk.
    pub received_at: Timestamp,
    /// Which key signed: see [`PublicKey::key_id`].
    pub key_id: String,
    /// Ed25519 over [`Receipt::signed_text`], base64url.
    pub signature: String,
}

impl Receipt {
    /// Makes and signs a receipt.
    pub fn issue(
        key: &StationKey,
        receipt_number: String,
        record_id: Uuid,
        standard_sha256: String,
        original_sha256: String,
        received_at: Timestamp,
    ) -> Receipt {
        let mut receipt = Receipt {
            receipt_number,
            record_id,
            standard_sha256,
            original_sha256,
            received_at,
            key_id: key.public_key().key_id(),
            signature: String::new(),
        };
        receipt.signature = BASE64URL.encode(key.sign(receipt.signed_text().as_bytes()));
        receipt
    }

    /// What is signed: seven lines of UTF-8, each ended by a line feed. The first names this format, so that
    /// a signature over anything else can never pass for a receipt. The time is in microseconds since 1970.
    pub fn signed_text(&self) -> String {
        format!(
            "photo-station-receipt-v1\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.receipt_number,
            self.record_id,
            self.standard_sha256,
            self.original_sha256,
            self.received_at.as_microsecond(),
            self.key_id,
        )
    }

    /// True where the owner of `key` signed exactly this receipt.
    pub fn verifies(&self, key: &PublicKey) -> bool {
        // A line feed inside a field would let two receipts share one text.
        let one_line = [
            &self.receipt_number,
            &self.standard_sha256,
            &self.original_sha256,
            &self.key_id,
        ];
        if one_line.iter().any(|field| field.contains('\n')) || self.key_id != key.key_id() {
            return false;
        }
        BASE64URL
            .decode(&self.signature)
            .is_ok_and(|signature| key.verifies(self.signed_text().as_bytes(), &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(key: &StationKey) -> Receipt {
        Receipt::issue(
            key,
            "R-20251009-000042".into(),
            Uuid::from_u128(42),
            "a".repeat(64),
            "b".repeat(64),
            Timestamp::from_microsecond(1_760_000_000_123_456).unwrap(),
        )
    }

    #[test]
    fn survives_the_wire_and_verifies() {
        let key = StationKey::from_bytes(&[1; 32]);
        let wire = serde_json::to_string(&receipt(&key)).unwrap();
        let read: Receipt = serde_json::from_str(&wire).unwrap();
        assert!(read.verifies(&key.public_key()));
    }

    #[test]
    fn any_changed_field_and_any_other_key_is_refused() {
        let key = StationKey::from_bytes(&[1; 32]);
        let good = receipt(&key);
        let public = key.public_key();
        assert!(!good.verifies(&StationKey::from_bytes(&[2; 32]).public_key()));
        let changes: [fn(&mut Receipt); 6] = [
            |r| r.receipt_number.push('1'),
            |r| r.record_id = Uuid::from_u128(43),
            |r| r.standard_sha256 = "c".repeat(64),
            |r| r.original_sha256 = "c".repeat(64),
            |r| r.received_at = Timestamp::UNIX_EPOCH,
            |r| r.signature.clear(),
        ];
        for change in changes {
            let mut bad = good.clone();
            change(&mut bad);
            assert!(!bad.verifies(&public));
        }
    }
}
