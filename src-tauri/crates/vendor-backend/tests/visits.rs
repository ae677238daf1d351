//! Whole visits on the embedded store.

// A test may unwrap; its helper functions are tests as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "cases/booth.rs"]
#[allow(dead_code, reason = "a visit needs no browser")]
mod booth;
#[path = "cases/visits.rs"]
mod cases;

#[path = "cases/embedded.rs"]
mod storage;
