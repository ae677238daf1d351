//! The contract with a vendor's backend: types, signed requests, client and profiles.
