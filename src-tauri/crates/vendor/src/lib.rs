//! The contract with a vendor's backend: types, signed requests, client and profiles.
//!
//! | module | what it is |
//! |---|---|
//! | [`api`] | every body that crosses the wire |
//! | [`problem`] | every way a backend says no (RFC 9457) |
//! | [`key`] | Ed25519 keys: the station's own and the backend's receipt key |
//! | [`signature`] | signed requests (RFC 9421) and `Content-Digest` (RFC 9530) |
//! | [`receipt`] | the signed proof that a backend has a photo |
//! | [`bundle`] | records carried by hand, sealed to the vendor |
//! | [`revocation`] | the signed word that a station is no longer the backend's own |
//! | [`client`] | the station's side over HTTP |
//! | [`trust`] | whom the client takes for the vendor's server: certificates and pins |
//! | [`profile`] | what a vendor wants: steps, proof, fee, requirements |
//!
//! A reference backend that speaks the other side is the crate `vendor-backend`.
//!
#![doc = include_str!("../guide.md")]

pub mod api;
pub mod bundle;
pub mod client;
pub mod key;
pub mod problem;
pub mod profile;
pub mod receipt;
pub mod revocation;
pub mod secret;
pub mod signature;
pub mod trust;

pub use client::{Client, Clock, Failure, Timeouts, VendorError};
pub use key::{PublicKey, StationKey};
pub use problem::{Problem, ProblemCode};
pub use profile::{FeeWhen, Profile, ProofKind, Step};
pub use receipt::Receipt;
pub use revocation::Revocation;
pub use secret::{Secret, SecretBytes};
pub use trust::{Pin, Trust};
