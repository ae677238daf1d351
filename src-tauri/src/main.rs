//! The program. Everything it does stands in the library, where tests can reach it.

// No console window beside the kiosk on Windows; the command line attaches to the console it came from.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    photo_station::run(std::env::args_os())
}
