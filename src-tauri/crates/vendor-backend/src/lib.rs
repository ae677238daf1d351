//! The reference backend: a real server that speaks the contract, with review, payment and receipts.
