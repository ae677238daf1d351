//! `cargo xtask`: the project's own commands, from the project's root.
//!
//! Each command does all of its own set-up first, so that a machine with git and a Rust toolchain is enough.
//! A command that cannot go on stops with one sentence that says what to do.

mod audit;
#[cfg(unix)]
mod camera_vm;
mod command;
mod contract;
mod debian;
mod fresh;
mod models;
mod node;
mod pages;
mod run;
mod setup;
mod shots;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup         installs what the project needs on this machine (the other commands do it themselves)
  run [ARG…]    starts the reference backend with a demo school and opens the station on it; ARG… go to photo-station
  test [ARG…]   everything: formats, lints, types, the pages' tests, every Rust test; ARG… go to `cargo test`
  faults [--kills N] [--seed S]
                ends stations and backends N times (1,000) in the middle of everything and counts what was lost
  audit [--offline]
                the dependencies' licences and sources, and what is publicly known against them; offline, the first
  soak [--visits N] [--seed S]
                N visits (5,000) in a row while network, backend and camera come and go: is memory flat?
  contract [ARG…]
                requests made up from openapi.json (Schemathesis, in a Python of its own) against the reference backend
  shots [--out DIR] [--window]
                a picture of every page, both ways up and in both languages, and a sheet of them all (results/shots);
                with --window the real window's as well
  camera-vm [ROW]
                the station's camera code on real drivers that misbehave on command, in an emulated machine (Debian)
  fmt           formats Rust and the pages
  lint          formats, lints and types, without the tests
  bindings      writes ui/src/bindings.ts, the TypeScript of what crosses between Rust and the pages
  bench [NAME]  measures and prints the tables: scan, portrait, records, camera, backend, window; without a name all of them";

fn main() -> ExitCode {
    command::end_children_on_ctrl_c();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let root = project_root();
    let outcome = match name {
        "setup" => setup::everything(&root),
        "run" => run::run(&root, rest),
        "test" => test::test(&root, rest),
        "lint" => test::lint(&root),
        "faults" => test::faults(&root, rest),
        "audit" => audit::audit(&root, rest),
        #[cfg(unix)]
        "camera-vm" => camera_vm::camera_vm(&root, rest),
        "contract" => contract::contract(&root, rest),
        "soak" => test::soak(&root, rest),
        "shots" => shots::shots(&root, rest),
        "fmt" => test::format(&root),
        "bindings" => run::bindings(&root),
        "bench" => test::bench(&root, rest),
        "help" | "-h" | "--help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        unknown => {
            eprintln!("There is no command `{unknown}`.\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("\nstopped: {stop}");
            ExitCode::from(stop.code())
        }
    }
}

/// The checkout this xtask was built from: three folders above its own.
fn project_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(3).unwrap_or(own).to_path_buf()
}
