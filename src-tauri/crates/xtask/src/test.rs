//! Every check and every test, as steps whose time and result are told at the end.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{Outcome, Stop, cargo, must, run};
use crate::node::Node;
use crate::pages;
use crate::setup::{self, Purpose, Ready};

/// One line of the summary.
struct Line {
    name: &'static str,
    passed: bool,
    took: Duration,
}

/// The steps done so far; a failing one does not keep the others from running.
#[derive(Default)]
struct Steps {
    lines: Vec<Line>,
}

impl Steps {
    fn step(&mut self, name: &'static str, command: &mut Command) -> Outcome {
        println!("\n== {name}");
        let start = Instant::now();
        let passed = run(command)?.success();
        self.lines.push(Line {
            name,
            passed,
            took: start.elapsed(),
        });
        Ok(())
    }

    fn finish(self) -> Outcome {
        println!("\n== summary");
        for line in &self.lines {
            let seconds = line.took.as_secs();
            let verdict = if line.passed { "passed" } else { "FAILED" };
            println!(
                "{verdict}  {:>2}:{:02}  {}",
                seconds / 60,
                seconds % 60,
                line.name
            );
        }
        let failed: Vec<&str> = self
            .lines
            .iter()
            .filter(|line| !line.passed)
            .map(|line| line.name)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Stop::new(format!("failed: {}.", failed.join(", "))))
    }
}

/// `cargo xtask test`: the set-up, every check, every test.
///
/// `arguments` go to `cargo test` (a test's name, `-p CRATE`) and leave the other checks out.
pub(crate) fn test(root: &Path, arguments: &[String]) -> Outcome {
    let start = Instant::now();
    let ready = setup::ensure(root, Purpose::Test)?;
    let mut steps = Steps::default();
    steps.lines.push(Line {
        name: "set-up",
        passed: true,
        took: start.elapsed(),
    });
    if arguments.is_empty() {
        quick_checks(root, &ready.node, &mut steps)?;
        steps.step("the pages' tests", &mut pages::script(root, &ready.node, "test"))?;
        steps.step(
            "the pages in a browser",
            &mut pages::script(root, &ready.node, "examine"),
        )?;
        clippy(root, &mut steps)?;
        steps.step(
            "Rust tests",
            rust_tests(root, &ready).args(["--workspace", "--no-fail-fast"]),
        )?;
    } else {
        steps.step("Rust tests", rust_tests(root, &ready).args(arguments))?;
    }
    steps.finish()
}

/// `cargo xtask lint`: what needs no test run.
pub(crate) fn lint(root: &Path) -> Outcome {
    let ready = setup::ensure(root, Purpose::Run)?;
    let mut steps = Steps::default();
    quick_checks(root, &ready.node, &mut steps)?;
    clippy(root, &mut steps)?;
    steps.finish()
}

/// `cargo xtask fmt`.
pub(crate) fn format(root: &Path) -> Outcome {
    must(
        cargo().args(["fmt", "--all"]).current_dir(root),
        "cargo fmt failed; why is said above.",
    )?;
    let node = Node::ensure(root)?;
    pages::install_packages(root, &node)?;
    must(
        &mut pages::script(root, &node, "format"),
        "prettier failed; why is said above.",
    )
}

/// What is measured, in the order of `cargo xtask bench`: the name, which is its `cargo bench` target, and what it needs.
const BENCHES: [(&str, Purpose); 6] = [
    ("scan", Purpose::Run),
    ("portrait", Purpose::Run),
    ("records", Purpose::Run),
    ("camera", Purpose::Run),
    // A PostgreSQL of its own.
    ("backend", Purpose::Test),
    // The window as it ships, driven as its test drives it.
    ("window", Purpose::Test),
];

/// `cargo xtask bench [NAME [OPTION…]]`: one bench with its own options, or all of them.
pub(crate) fn bench(root: &Path, arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        return BENCHES.iter().try_for_each(|one| run_bench(root, *one, &[]));
    };
    let Some(one) = BENCHES.iter().find(|(known, _)| known == name) else {
        let names = BENCHES.map(|(known, _)| known).join(", ");
        return Err(Stop::new(format!("There is no bench `{name}`: {names}.")));
    };
    run_bench(root, *one, rest)
}

fn run_bench(root: &Path, (name, purpose): (&str, Purpose), rest: &[String]) -> Outcome {
    let ready = setup::ensure(root, purpose)?;
    let mut bench = cargo();
    // The workspace's features, so that all of them are one build.
    bench
        .args(["bench", "--workspace", "--bench", name, "--"])
        .args(rest.iter().filter(|option| *option != "--"))
        .current_dir(root);
    tell_drivers(&mut bench, root, &ready);
    must(
        &mut bench,
        &format!("the bench {name} did not finish; why is said above."),
    )
}

/// `cargo xtask faults [--kills N] [--seed S]`: the kill suite at length (`tests/kills`).
pub(crate) fn faults(root: &Path, arguments: &[String]) -> Outcome {
    let test = "no_kill_loses_doubles_or_swaps_a_photo";
    let asked = numbers("faults", ("--kills", MANY_KILLS), arguments)?;
    at_length(root, test, "PHOTO_STATION_FAULTS_KILLS", &asked)?
        .map_err(|_| Stop::new("a kill did harm; which one is said above."))
}

/// `cargo xtask soak [--visits N] [--seed S]`: visits in a row with faults, and what the station holds meanwhile.
pub(crate) fn soak(root: &Path, arguments: &[String]) -> Outcome {
    let test = "visits_in_a_row_leave_nothing_behind";
    let asked = numbers("soak", ("--visits", MANY_VISITS), arguments)?;
    at_length(root, test, "PHOTO_STATION_SOAK_VISITS", &asked)?
        .map_err(|_| Stop::new("the soak found something; what is said above."))
}

/// How many, and the seed.
struct Numbers {
    many: String,
    seed: String,
}

fn numbers(command: &str, (name, usual): (&str, &str), arguments: &[String]) -> Result<Numbers, Stop> {
    let mut asked = Numbers {
        many: usual.to_owned(),
        seed: "1".to_owned(),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let place = match argument.as_str() {
            "--seed" => &mut asked.seed,
            other if other == name => &mut asked.many,
            other => {
                return Err(Stop::new(format!(
                    "`{command}` takes {name} N and --seed S, not {other}."
                )));
            }
        };
        let value = rest.next().filter(|value| value.parse::<u32>().is_ok());
        let value = value.ok_or_else(|| Stop::new(format!("{argument} takes a number.")))?;
        value.clone_into(place);
    }
    Ok(asked)
}

/// One test of the kill suite, as long as asked for.
fn at_length(root: &Path, test: &str, variable: &str, asked: &Numbers) -> Result<Outcome, Stop> {
    let ready = setup::ensure(root, Purpose::Test)?;
    // The workspace's features, as in `cargo xtask test`: nothing is built twice.
    let mut suite = rust_tests(root, &ready);
    suite.args([
        "--workspace",
        "--test",
        "kills",
        "--",
        "--nocapture",
        "--exact",
        test,
    ]);
    suite.env(variable, &asked.many);
    suite.env("PHOTO_STATION_FAULTS_SEED", &asked.seed);
    Ok(must(&mut suite, "it did not go through."))
}

/// Some days of a busy booth.
const MANY_VISITS: &str = "5000";

/// Enough for each of the points some ten times and for hundreds of other moments.
const MANY_KILLS: &str = "1000";

/// Seconds each, so they come first.
fn quick_checks(root: &Path, node: &Node, steps: &mut Steps) -> Outcome {
    steps.step(
        "Rust format",
        cargo().args(["fmt", "--all", "--check"]).current_dir(root),
    )?;
    steps.step(
        "the pages' format",
        &mut pages::script(root, node, "format:check"),
    )?;
    steps.step("the pages' lint", &mut pages::script(root, node, "lint"))?;
    steps.step(
        "the pages' types",
        &mut pages::tool(root, node, &["vue-tsc", "--noEmit"]),
    )
}

fn clippy(root: &Path, steps: &mut Steps) -> Outcome {
    let mut clippy = cargo();
    clippy
        .args(["clippy", "--workspace", "--all-targets"])
        .args(locked())
        .args(["--", "--deny", "warnings"]);
    for_one_build(&mut clippy);
    steps.step("Rust lint", clippy.current_dir(root))
}

/// `cargo test`, told where the window's drivers are.
pub(crate) fn rust_tests(root: &Path, ready: &Ready) -> Command {
    let mut test = cargo();
    test.arg("test").args(locked()).current_dir(root);
    tell_drivers(&mut test, root, ready);
    for_one_build(&mut test);
    test
}

/// Where the models and the window's drivers are.
fn tell_drivers(command: &mut Command, root: &Path, ready: &Ready) {
    command.env("PHOTO_STATION_MODELS", root.join("assets").join("models"));
    if let Some(drivers) = &ready.drivers {
        command.env("PHOTO_STATION_TAURI_DRIVER", &drivers.tauri);
        command.env("PHOTO_STATION_WEBKIT_DRIVER", &drivers.webview);
    }
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// What is tested unattended is exactly what `Cargo.lock` names.
fn locked() -> &'static [&'static str] {
    if in_ci() { &["--locked"] } else { &[] }
}

/// A machine that builds once gains nothing from the files of an incremental build.
fn for_one_build(command: &mut Command) {
    if in_ci() {
        command.env("CARGO_INCREMENTAL", "0");
    }
}
