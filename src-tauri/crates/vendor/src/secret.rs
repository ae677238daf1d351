//! Values that travel in bodies and appear nowhere else.
//!
//! A collection code, the end of an ID number, a name and an identity token must reach the backend byte for
//! byte, yet must never reach a log line. These types serialize as what they are and print as dots.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// base64url as this contract writes it: no padding out, padding tolerated in.
pub(crate) const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Text that must not be printed; wiped from memory when dropped.
#[derive(Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself. The caller keeps it out of logs, errors, URLs and file names.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// Bytes that must not be printed; base64url on the wire, wiped from memory when dropped.
#[derive(Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*=*$")]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> SecretBytes {
        SecretBytes(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. The caller keeps them out of logs, errors, URLs and file names.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64URL.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SecretBytes, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        // The decoder's own error quotes the offending byte: not for a secret.
        let bytes = BASE64URL
            .decode(&*text)
            .map_err(|_| de::Error::custom("not base64url"))?;
        Ok(SecretBytes(Zeroizing::new(bytes)))
    }
}

/// A file's bytes inside a JSON body: base64url on the wire, printed as its length.
#[derive(Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]*=*$")]
pub struct FileBytes(pub Vec<u8>);

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for FileBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Base64 has nothing to escape: as a string its megabytes would be looked through byte by byte.
        let mut quoted = String::with_capacity(self.0.len() / 3 * 4 + 6);
        quoted.push('"');
        BASE64URL.encode_string(&self.0, &mut quoted);
        quoted.push('"');
        RawValue::from_string(quoted)
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FileBytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64URL
            .decode(text)
            .map(FileBytes)
            .map_err(|_| de::Error::custom("not base64url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_but_do_not_print() {
        let text = Secret::new("测试甲");
        let bytes = SecretBytes::new(*b"CHSI1:\xff\xfe");
        assert_eq!(format!("{text:?} {bytes:?}"), "… …");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"测试甲\"");
        let wire = serde_json::to_string(&bytes).unwrap();
        assert_eq!(wire, "\"Q0hTSTE6__4\"");
        assert_eq!(serde_json::from_str::<SecretBytes>(&wire).unwrap(), bytes);
    }

    #[test]
    fn a_files_bytes_are_a_json_string_wherever_they_stand() {
        for length in 0..=67_u8 {
            let file = FileBytes((0..length).map(|byte| byte.wrapping_mul(37)).collect());
            let written = serde_json::to_string(&file).unwrap();
            assert_eq!(written, format!("\"{}\"", BASE64URL.encode(&file.0)));
            assert_eq!(serde_json::from_str::<FileBytes>(&written).unwrap(), file);
            let value = serde_json::to_value(&file).unwrap();
            assert_eq!(value, serde_json::Value::String(BASE64URL.encode(&file.0)));
            assert_eq!(serde_json::from_value::<FileBytes>(value).unwrap(), file);
        }
    }

    #[test]
    fn padding_is_tolerated_and_rubbish_is_not_quoted() {
        assert_eq!(serde_json::from_str::<FileBytes>("\"AQ==\"").unwrap().0, vec![1]);
        let error = serde_json::from_str::<SecretBytes>("\"秘密\"")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("not base64url"), "{error}");
    }
}
