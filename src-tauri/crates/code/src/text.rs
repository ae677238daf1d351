//! What a code says, as bytes that do not print themselves, and the tag that stands for them.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Keeps the tag apart from every other use of SHA-256 over the same bytes.
const TAG_DOMAIN: &[u8] = b"photo-station/code-tag/1\0";

/// Base 32 without 0, O, 1 and I: a tag is read aloud at a desk.
const TAG_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// The content of a code, byte for byte as the symbol carries it.
///
/// A collection code holds an encrypted identity, so it is handled as a secret: `Debug` prints the tag,
/// there is no `Display`, and the memory is wiped when the value goes. (The readers' own short-lived
/// buffers are outside our reach.)
#[derive(Clone, PartialEq, Eq)]
pub struct CodeText(Zeroizing<Vec<u8>>);

impl CodeText {
    /// Takes the bytes over; they are wiped when the value is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret itself. Whoever calls this keeps it out of logs, errors, URLs and file names.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The short name under which people may speak of this code.
    pub fn tag(&self) -> Tag {
        let digest = Sha256::new()
            .chain_update(TAG_DOMAIN)
            .chain_update(self.expose())
            .finalize();
        let mut tag = String::with_capacity(7);
        let bits = digest
            .iter()
            .take(4)
            .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
        for place in 0..6 {
            if place == 4 {
                tag.push('-');
            }
            let letter = (bits >> (27 - 5 * place)) & 31;
            tag.push(char::from(TAG_ALPHABET[letter as usize]));
        }
        Tag(tag)
    }
}

impl From<Vec<u8>> for CodeText {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for CodeText {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl From<&str> for CodeText {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeText({})", self.tag())
    }
}

/// A code's short name, like `K7Q2-9F`: 30 bits of a hash, so that two staff members can tell whether they
/// speak of the same code. It says nothing about the content and is no proof of anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag as written, four letters, a dash, two letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_prints_only_its_tag() {
        let text = CodeText::from("CHSI1:a-secret-nobody-may-see");
        for printed in [format!("{text:?}"), format!("{text:#?}"), text.tag().to_string()] {
            assert!(!printed.contains("secret"), "the text itself was printed");
            assert!(!printed.contains("CHSI1"), "a part of the text was printed");
            assert!(printed.contains(text.tag().as_str()));
        }
    }

    #[test]
    fn the_tag_is_short_legible_and_the_same_every_time() {
        let tag = CodeText::from("CHSI1:abc").tag();
        assert_eq!(tag, CodeText::new(b"CHSI1:abc".to_vec()).tag());
        assert_ne!(tag, CodeText::from("CHSI1:abd").tag());
        assert_eq!(tag.as_str().len(), 7);
        assert_eq!(tag.as_str().as_bytes()[4], b'-');
        assert!(
            tag.as_str()
                .bytes()
                .all(|byte| byte == b'-' || TAG_ALPHABET.contains(&byte))
        );
    }

    #[test]
    fn the_bytes_are_carried_unchanged() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(CodeText::new(bytes.clone()).expose(), bytes);
    }
}
