//! One student's visit as a state machine, and the sync loop. No window.
