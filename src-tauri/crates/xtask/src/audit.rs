//! `cargo xtask audit`: what the dependencies are, and what is known against them.
//!
//! Licences, sources and bans are judged from the lock files alone. What is known against a package stands in two public
//! lists, one of crates and one of npm's packages; where one cannot be reached the command says that it was not looked
//! at, and fails: a check that did not run is no check.

use std::path::{Path, PathBuf};

use crate::command::{Outcome, Stop, cargo, must, run, which};
use crate::node::Node;
use crate::pages;
use crate::setup::note;

/// What `deny.toml` is written for.
const CARGO_DENY: &str = "^0.20";

/// Every check; what failed or could not run is told at the end.
pub(crate) fn audit(root: &Path) -> Outcome {
    let deny = cargo_deny(root)?;
    let deny_check = |what: &[&str]| {
        let mut check = std::process::Command::new(&deny);
        check
            .args(["--all-features", "check"])
            .args(what)
            .current_dir(root);
        run(&mut check)
    };
    let mut failed = Vec::new();
    println!("\n== the crates' licences, sources and bans (deny.toml)");
    if !deny_check(&["licenses", "sources", "bans"])?.success() {
        failed.push("licences, sources or bans (said above)");
    }
    println!("\n== what is known against the crates (RustSec)");
    let mut fetch = std::process::Command::new(&deny);
    if !run(fetch.args(["fetch", "db"]).current_dir(root))?.success() {
        failed.push("RustSec's list: it could not be reached, so nothing was looked up");
    } else if !deny_check(&["--disable-fetch", "advisories"])?.success() {
        failed.push("RustSec's list (said above)");
    }
    println!("\n== what is known against the pages' packages (npm)");
    let node = Node::ensure(root)?;
    pages::install_packages(root, &node)?;
    // What is built into the page; the tools that build it are looked at, too, but they never meet a student.
    let npm = |arguments: &[&str]| {
        let mut npm = node.npm();
        npm.arg("audit").args(arguments).current_dir(root.join("ui"));
        run(&mut npm)
    };
    if !npm(&["--omit=dev", "--audit-level=low"])?.success() {
        failed.push(
            "npm's list for what is built in: something is known, or it could not be reached (said above)",
        );
    }
    if !npm(&["--audit-level=high"])?.success() {
        failed.push("npm's list for the tools: something is known, or it could not be reached (said above)");
    }
    if failed.is_empty() {
        println!("\nnothing is known against any dependency");
        return Ok(());
    }
    Err(Stop::new(format!("not clean:\n  - {}", failed.join("\n  - "))))
}

/// The one in the path, or one of our own, compiled once.
fn cargo_deny(root: &Path) -> Outcome<PathBuf> {
    if let Some(installed) = which("cargo-deny") {
        return Ok(installed);
    }
    let tools = root.join(".tools");
    let own = tools.join("bin").join(if cfg!(windows) {
        "cargo-deny.exe"
    } else {
        "cargo-deny"
    });
    if !own.is_file() {
        note("cargo install cargo-deny (once, some minutes)");
        must(
            cargo()
                .args([
                    "install",
                    "--quiet",
                    "--locked",
                    "cargo-deny",
                    "--version",
                    CARGO_DENY,
                    "--root",
                ])
                .arg(&tools),
            "cargo-deny could not be installed; why is said above.",
        )?;
    }
    Ok(own)
}
