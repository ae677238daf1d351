//! Paper out of the system's printer: silent, watched until it is done or stuck, and honest about why.
//!
//! | module | what it is |
//! |---|---|
//! | [`document`] | what is printed: its size in millimetres and its pages, under a name that tells nothing |
//! | [`trouble`] | why no paper comes, read off what printers report |
//! | [`job`] | one job, watched to its end; a stuck one is cancelled |
//! | [`ipp`] | CUPS on Linux and macOS, and printers that speak IPP themselves, on every system |
//! | `spooler` | the spooler of Windows |
//!
//! Nothing here opens a dialog: a kiosk has nobody to answer one. Nothing here knows a student either; documents carry
//! no name in their titles, and what a print server keeps of a finished job is asked to be forgotten.

pub mod document;
pub mod ipp;
pub mod job;
mod queue;
#[cfg(any(windows, test))]
mod spooler;
pub mod trouble;

pub use document::{Document, Form};
pub use job::{Pace, Step};
pub use queue::{Printer, printers, printers_at};
pub use trouble::Trouble;
