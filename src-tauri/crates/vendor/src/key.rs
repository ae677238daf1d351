//! Ed25519 keys: a station's own, and the backend's receipt key.

use std::fmt;

use base64::Engine as _;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::secret::BASE64URL;

/// A key could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    NoRandomness,
    /// Not 32 bytes of base64url, or not a point of the curve.
    #[error("not an Ed25519 public key in base64url")]
    Malformed,
}

/// The key a station (or a backend, for receipts) signs with. Never printed; wiped when dropped.
#[derive(Clone)]
pub struct StationKey(SigningKey);

impl StationKey {
    /// A fresh key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<StationKey, KeyError> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *seed).map_err(|_| KeyError::NoRandomness)?;
        Ok(StationKey::from_bytes(&seed))
    }

    /// The key that was kept as [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(seed: &[u8; 32]) -> StationKey {
        StationKey(SigningKey::from_bytes(seed))
    }

    /// The 32-byte seed, to be kept encrypted.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// What others verify with.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs; 64 bytes, deterministic.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for StationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StationKey({})", self.public_key().key_id())
    }
}

/// An Ed25519 public key; 32 bytes in base64url on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{43}$")]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 32 raw bytes.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] where they are no point of the curve or a weak one.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<PublicKey, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Malformed)?;
        if key.is_weak() {
            Err(KeyError::Malformed)
        } else {
            Ok(PublicKey(key))
        }
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The name of the key in signed requests: base64url of the SHA-256 of its 32 bytes. Derived, so that a
    /// station needs to keep nothing but its key.
    pub fn key_id(&self) -> String {
        BASE64URL.encode(Sha256::digest(self.as_bytes()))
    }

    /// True where the signature was made over exactly this message by the owner of this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL.encode(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;
    fn try_from(text: String) -> Result<PublicKey, KeyError> {
        text.parse()
    }
}

impl std::str::FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<PublicKey, KeyError> {
        let bytes = BASE64URL.decode(text).map_err(|_| KeyError::Malformed)?;
        PublicKey::from_bytes(&bytes.try_into().map_err(|_| KeyError::Malformed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_the_same_key_and_does_not_print() {
        let key = StationKey::from_bytes(&[7; 32]);
        let again = StationKey::from_bytes(&key.to_bytes());
        assert_eq!(key.public_key(), again.public_key());
        assert!(!format!("{key:?}").contains(&BASE64URL.encode([7; 32])));
        let text = key.public_key().to_string();
        assert_eq!(text.parse::<PublicKey>().unwrap(), key.public_key());
    }

    #[test]
    fn rubbish_and_weak_points_are_no_keys() {
        for text in [
            "",
            "AAAA",
            "not base64 at all",
            "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Malformed), "{text}");
        }
    }
}
