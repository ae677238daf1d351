//! One student's visit as a state machine, and the sync loop. No window.
//!
//! | module | what it is |
//! |---|---|
//! | [`visit`] | the visit: pure, events in, effects out |
//! | [`view`] | the screen as one value, and what a person may do |
//! | [`sync`] | sending what waits and fetching what was decided |
//! | [`pace`] | how fast the outbox empties, for staff |
//! | [`timing`], [`preview`] | how long people wait for the station; the camera's picture for the page |
//! | [`doorway`] | the page in the station's place while it cannot open |
//! | [`fitness`] | whether the next student may begin |
//! | [`carry`] | records carried by hand: bundles and receipts |
//! | [`delivery`] | approved photos for the school: folder or zip, named by a template |
//! | [`errand`] | long work for staff, foretold and with its progress |
//! | [`night`] | the nightly backup |
//! | [`desk`], [`staff`] | what staff see of the records, and the PIN in front of it |
//! | [`rooms`] | the staff's other rooms: the day, whom to call back, folders, the set-up |
//! | [`printout`] | print sheet and receipt, by the system's printer |
//! | [`config`], [`optics`] | `station.toml` |
//! | [`source`] | where the frames come from, by what `station.toml` says |
//! | [`rehearsal`] | who comes to the virtual booth |
//!
//! [`Station`] puts them together with a camera, the records and a vendor's backend.

mod backend;
mod card;
pub mod carry;
pub mod config;
mod darkroom;
pub mod delivery;
pub mod desk;
mod diary;
pub mod doctor;
pub mod doorway;
pub mod errand;
pub mod fitness;
mod front;
pub mod night;
pub mod only;
pub mod optics;
pub mod pace;
mod papers;
mod payment_code;
mod place;
pub mod preview;
pub mod printout;
mod recent;
pub mod rehearsal;
mod revoked;
pub mod rooms;
mod rotation;
mod scanned;
mod sitter;
pub mod source;
pub mod staff;
mod station;
mod steady;
mod studio;
pub mod sync;
mod tether;
pub mod timing;
pub mod view;
pub mod visit;
mod watching;

pub use config::{Booth, Config};
pub use darkroom::Darkroom;
pub use doorway::Doorway;
pub use station::{
    Options, Standing, Station, StationError, open_store, restore, retention_days, rotate_key, sending,
};
