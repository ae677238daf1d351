//! Whom the client takes for the vendor's server.
//!
//! Always: a certificate that the operating system's authorities vouch for, for the very name in the address. Where the
//! station is set up with pins, in addition: the server's key is one of those pinned. A pin is over the key, not over
//! the certificate (RFC 7469's form), so that a certificate may be renewed as often as it likes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use sha2::{Digest as _, Sha256};

/// How a pin begins; the rest is base64 (RFC 7469, 2.1).
const PREFIX: &str = "sha256/";

/// The SHA-256 of a server's public key (its `SubjectPublicKeyInfo`), written `sha256/BASE64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// This is not a pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pin: it is sha256/ and 44 characters of base64")]
pub struct NoPin(String);

impl Pin {
    /// The pin of the key in a certificate; `None` where it is none.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Pin> {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        Some(Pin(
            Sha256::digest(parsed.subject_public_key_info().as_ref()).into()
        ))
    }
}

impl FromStr for Pin {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Pin, NoPin> {
        text.trim()
            .strip_prefix(PREFIX)
            .and_then(|hash| STANDARD.decode(hash).ok())
            .and_then(|hash| hash.try_into().ok())
            .map(Pin)
            .ok_or_else(|| NoPin(text.to_owned()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

/// Whom to take for the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Keys of which the server must have one; none: the certificate decides alone. Two are wise, the second in the
    /// vendor's safe: a lost key then does not shut every station out.
    pub pins: Vec<Pin>,
    /// Authorities beside the operating system's: a vendor's own, or a test's.
    pub roots: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// TLS with this trust.
    pub(crate) fn tls(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let usual = Verifier::new_with_extra_roots(self.roots.iter().cloned(), Arc::clone(&provider))?;
        let verifier = Pinned {
            usual,
            pins: self.pins.clone(),
        };
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }
}

/// The server's key is none of those pinned.
#[derive(Debug)]
struct WrongKey;

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's key is none of those pinned")
    }
}

impl std::error::Error for WrongKey {}

/// The operating system's verification, and after it the pins.
#[derive(Debug)]
struct Pinned {
    usual: Verifier,
    pins: Vec<Pin>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = self.usual.verify_server_cert(server, between, name, ocsp, now)?;
        if self.pins.is_empty() || Pin::of(server).is_some_and(|pin| self.pins.contains(&pin)) {
            return Ok(verified);
        }
        Err(CertificateError::Other(OtherError(Arc::new(WrongKey))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// True where an error's cause is a server whose key is not pinned.
pub(crate) fn is_wrong_key(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(TlsError::InvalidCertificate(CertificateError::Other(OtherError(other)))) =
            inner.downcast_ref::<TlsError>()
        {
            return other.downcast_ref::<WrongKey>().is_some();
        }
        // An I/O error names what it wraps by `get_ref` only: its `source` is already that one's.
        cause = match inner
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_as_it_is_written_and_nothing_else_is_one() {
        // The example of RFC 7469, 2.1.5.
        let text = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
        assert_eq!(text.parse::<Pin>().unwrap().to_string(), text);
        for wrong in [
            "",
            "sha256/",
            "sha1/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=",
            "d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=",
            "sha256/d6qzRu9z",
        ] {
            assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
        }
    }
}
