//! `cargo xtask audit`: what the dependencies are, and what is known against them.
//!
//! Licences, sources and bans are judged from the lock files alone. What is known against a package stands in two public
//! lists, one of crates and one of npm's packages; where one cannot be reached the command says which part was not looked
//! at, and fails: a check that did not run is no check. `--offline` leaves both lists out, says so, and judges the rest.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{Outcome, Stop, cargo, must, run, which};
use crate::node::Node;
use crate::pages;
use crate::setup::note;

/// What `deny.toml` is written for.
const CARGO_DENY: &str = "^0.20";

/// What came of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Clean,
    /// What was found.
    Found(String),
    /// Why nobody looked.
    NotLookedAt(String),
}

/// Every check; what failed or could not run is told at the end.
pub(crate) fn audit(root: &Path, arguments: &[String]) -> Outcome {
    let offline = match arguments {
        [] => false,
        [only] if only == "--offline" => true,
        _ => return Err(Stop::new("usage: cargo xtask audit [--offline]")),
    };
    let deny = cargo_deny(root)?;
    println!("\n== the crates' licences, sources and bans (deny.toml)");
    let judged = checked(root, &deny, offline, &["licenses", "sources", "bans"])?;
    let mut parts = vec![("the crates' licences, sources and bans", judged)];
    if offline {
        let why = || Verdict::NotLookedAt("--offline".to_owned());
        parts.extend([(CRATES, why()), (BUILT_IN, why()), (TOOLS, why())]);
        return conclude(&parts, offline);
    }

    println!("\n== {CRATES} (RustSec)");
    let mut fetch = Command::new(&deny);
    let reached = run(fetch.args(["fetch", "db"]).current_dir(root))?.success();
    let known = if reached {
        checked(root, &deny, true, &["advisories"])?
    } else {
        Verdict::NotLookedAt("RustSec's list could not be reached, why is said above".to_owned())
    };
    parts.push((CRATES, known));

    println!("\n== what is known against the pages' packages (npm)");
    let node = Node::ensure(root)?;
    pages::install_packages(root, &node)?;
    // What is built into the page; the tools that build it are looked at, too, but they never meet a student.
    for (part, arguments, counts) in [
        (BUILT_IN, &["--omit=dev"][..], &LEVELS[..]),
        (TOOLS, &[][..], &LEVELS[3..]),
    ] {
        let mut npm = node.npm();
        npm.args(["audit", "--json"]).args(arguments);
        npm.current_dir(root.join("ui")).stdin(Stdio::null());
        let said = npm
            .output()
            .map_err(|error| Stop::new(format!("npm could not be started: {error}")))?;
        parts.push((part, npm_says(&String::from_utf8_lossy(&said.stdout), counts)));
    }
    conclude(&parts, offline)
}

const CRATES: &str = "what is known against the crates";
const BUILT_IN: &str = "what is known against what is built into the pages";
const TOOLS: &str = "what is known against the tools that build them";

/// npm's words for how bad something is, mildest first.
const LEVELS: [&str; 5] = ["info", "low", "moderate", "high", "critical"];

fn checked(root: &Path, deny: &Path, offline: bool, what: &[&str]) -> Outcome<Verdict> {
    let mut check = Command::new(deny);
    check.arg("--all-features");
    if offline {
        check.arg("--offline");
    }
    check.arg("check").args(what).current_dir(root);
    Ok(if run(&mut check)?.success() {
        Verdict::Clean
    } else {
        Verdict::Found("said above".to_owned())
    })
}

/// What `npm audit --json` means. It ends with the same code for a finding and for a list nobody answered for; only a
/// report that counts is one.
fn npm_says(json: &str, counts: &[&str]) -> Verdict {
    let said: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let counted = &said["metadata"]["vulnerabilities"];
    if !said["error"].is_null() || counts.iter().any(|level| !counted[level].is_u64()) {
        let why = [
            &said["message"],
            &said["error"]["summary"],
            &said["error"]["code"],
        ]
        .into_iter()
        .filter_map(serde_json::Value::as_str)
        .find(|text| !text.is_empty());
        return Verdict::NotLookedAt(why.unwrap_or("npm's list gave no report").to_owned());
    }
    let found: Vec<String> = counts
        .iter()
        .filter(|level| counted[*level] != 0)
        .map(|level| format!("{} {level}", counted[*level]))
        .collect();
    if found.is_empty() {
        return Verdict::Clean;
    }
    let packages: Vec<&str> = said["vulnerabilities"]
        .as_object()
        .into_iter()
        .flat_map(|packages| packages.keys().map(String::as_str))
        .collect();
    Verdict::Found(format!("{} ({})", found.join(", "), packages.join(", ")))
}

/// Each part in one line, and whether that is good enough.
fn conclude(parts: &[(&str, Verdict)], offline: bool) -> Outcome {
    println!();
    for (part, verdict) in parts {
        match verdict {
            Verdict::Clean => println!("clean:       {part}"),
            Verdict::Found(what) => println!("FOUND:       {part}: {what}"),
            Verdict::NotLookedAt(why) => println!("NOT CHECKED: {part}: {why}"),
        }
    }
    let found = parts
        .iter()
        .any(|(_, verdict)| matches!(verdict, Verdict::Found(_)));
    let missing = parts
        .iter()
        .any(|(_, verdict)| matches!(verdict, Verdict::NotLookedAt(_)));
    if found {
        Err(Stop::new("the dependencies are not clean (FOUND, above)"))
    } else if missing && !offline {
        Err(Stop::new(
            "a part was not checked (above), and a check that did not run is no check; without a network `--offline` \
             judges the rest",
        ))
    } else {
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_that_counts_is_one() {
        let clean = r#"{"auditReportVersion":2,"vulnerabilities":{},
            "metadata":{"vulnerabilities":{"info":0,"low":0,"moderate":0,"high":0,"critical":0,"total":0}}}"#;
        assert_eq!(npm_says(clean, &LEVELS), Verdict::Clean);
        let mild = clean
            .replace("\"low\":0", "\"low\":2")
            .replace("{},", "{\"left-pad\":{}},");
        assert_eq!(
            npm_says(&mild, &LEVELS),
            Verdict::Found("2 low (left-pad)".to_owned())
        );
        assert_eq!(npm_says(&mild, &LEVELS[3..]), Verdict::Clean);
        for (nobody, why) in [
            (
                r#"{"message":"405 Method Not Allowed","error":{"summary":"","detail":""}}"#,
                "405 Method Not Allowed",
            ),
            (
                r#"{"error":{"code":"ENOAUDIT","summary":"","detail":""}}"#,
                "ENOAUDIT",
            ),
            ("", "npm's list gave no report"),
            ("<html>a captive portal</html>", "npm's list gave no report"),
            (
                r#"{"metadata":{"vulnerabilities":{"low":0}}}"#,
                "npm's list gave no report",
            ),
        ] {
            assert_eq!(
                npm_says(nobody, &LEVELS),
                Verdict::NotLookedAt(why.to_owned()),
                "{nobody}"
            );
        }
    }

    #[test]
    fn what_was_found_always_fails_and_what_was_not_looked_at_does_unless_that_was_asked_for() {
        let unseen = || Verdict::NotLookedAt("nobody answers".to_owned());
        let found = || Verdict::Found("something".to_owned());
        for (verdict, online, offline) in [
            (Verdict::Clean, true, true),
            (unseen(), false, true),
            (found(), false, false),
        ] {
            let parts = [("one", Verdict::Clean), ("another", verdict)];
            assert_eq!(conclude(&parts, false).is_ok(), online, "{parts:?}");
            assert_eq!(conclude(&parts, true).is_ok(), offline, "{parts:?}");
        }
    }
}
