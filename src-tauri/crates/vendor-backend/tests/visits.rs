//! Whole visits on the embedded store.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "cases/visits.rs"]
mod cases;

#[path = "cases/embedded.rs"]
mod storage;
