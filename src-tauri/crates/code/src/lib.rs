//! Finds and reads collection codes, and says what a wrong code is.
