//! `cargo xtask bench portrait [SECTION…]`: every figure this crate claims, measured in one run.
//!
//! Sections: `geometry`, `files`, `checks`, `light`, `matte`, `time`, `proof`; all of them without a name. `--students N`
//! sets how many rendered students sit for the photo (default 520); `--again` lets `matte` use its last run's renders,
//! `--only TEXT` some of them. Prints Markdown; nothing here fails on a slow machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench stops where it fails"
)]

mod cast;
mod checks;
mod faults_light;
mod files;
mod geometry;
mod matte;
mod proof;
mod table;
mod tamper;
mod time;

use std::path::Path;

use peak_alloc::PeakAlloc;
use portrait::Models;

/// Counts, so that the bench can tell the peak.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() {
    // `cargo bench` adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let mut sections: Vec<&str> = Vec::new();
    let mut students = 520;
    let (mut again, mut only) = (false, String::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--students" => {
                students = rest.next().and_then(|n| n.parse().ok()).expect("--students N");
            }
            "--again" => again = true,
            "--only" => only.clone_from(rest.next().expect("--only TEXT")),
            name => sections.push(name),
        }
    }
    let wanted = |name: &str| sections.is_empty() || sections.contains(&name);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/models");
    let models = Models::load(&folder).expect("the vision models; `cargo xtask setup` makes them");

    println!("{}", table::machine());
    if ["geometry", "files", "checks", "light"].into_iter().any(wanted) {
        let sat = cast::sit(&models, students);
        if wanted("geometry") {
            println!("{}", geometry::tell(&sat));
        }
        if wanted("files") {
            println!("{}", files::tell(&sat));
        }
        if wanted("checks") {
            println!("{}", checks::tell(&models, &sat, (students / 40).clamp(4, 12)));
        }
        if wanted("light") {
            // So many students a fault that the faults take no longer than the proper ones.
            println!(
                "{}",
                faults_light::tell(&models, &sat, (students / 40).clamp(3, 12))
            );
        }
    }
    if wanted("time") {
        println!("{}", time::tell(&models));
    }
    if wanted("proof") {
        println!("{}", proof::tell(&models, (students / 40).clamp(4, 12)));
    }
    if wanted("matte") {
        println!("{}", matte::tell(&models, again, &only));
    }
}
