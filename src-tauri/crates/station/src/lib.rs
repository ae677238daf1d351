//! One student's visit as a state machine, and the sync loop. No window.
//!
//! | module | what it is |
//! |---|---|
//! | [`visit`] | the visit: pure, events in, effects out |
//! | [`view`] | the screen as one value, and what a person may do |
//! | [`sync`] | sending what waits and fetching what was decided |
//! | [`fitness`] | whether the next student may begin |
//! | [`carry`] | records carried by hand: bundles and receipts |
//! | [`night`] | the nightly backup |
//! | [`desk`], [`staff`] | what staff see of the records, and the PIN in front of it |
//! | [`config`] | `station.toml` |
//! | [`rehearsal`] | who comes to the virtual booth |
//!
//! [`Station`] puts them together with a camera, the records and a vendor's backend.

mod backend;
pub mod carry;
pub mod config;
mod darkroom;
pub mod desk;
pub mod doctor;
pub mod fitness;
mod front;
pub mod night;
pub mod only;
mod papers;
mod payment_code;
pub mod rehearsal;
mod rotation;
mod scanned;
pub mod staff;
mod station;
mod steady;
pub mod sync;
pub mod view;
pub mod visit;
mod watching;

pub use config::Config;
pub use darkroom::Darkroom;
pub use station::{Options, Station, StationError, open_store, restore, retention_days, rotate_key};
