//! `cargo xtask run`: the reference backend with a demo school, and the station on top of it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::command::{OnInterrupt, Outcome, Running, Stop, cargo, must, or_stop, output_of, run as run_open};
use crate::setup::{self, Purpose};

/// `cargo xtask run [ARG…]`; `arguments` go to photo-station.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Outcome {
    setup::ensure(root, Purpose::Run)?;
    println!("building (the first time takes a good ten minutes)");
    let [backend, station] = build(root)?;

    let results = new_results_folder(root)?;
    let people = write_people(&backend, &results)?;
    // In the window a person reviews, on the backend's own page; without one nobody is there to.
    let windowed = has_display();
    let review = if windowed { "off" } else { "approve" };
    let backend = start_backend(&backend, &results, &["--auto-review", review])?;
    let mut command = Command::new(&station);
    command
        .arg("--data")
        .arg(results.join("station"))
        .arg("--models")
        .arg(root.join("assets").join("models"))
        .args(["--backend", &backend.url, "--rehearsal"])
        .arg(people)
        // Not an argument: other users of the machine can read those.
        .env("PHOTO_STATION_ACTIVATION", &backend.activation);
    if windowed {
        command.args(["--camera", "auto", "--windowed"]).args(arguments);
        println!(
            "opening the station; its records and the backend's are in {}",
            results.display()
        );
        return must(&mut command, "the station ended with an error; it is said above.");
    }

    println!(
        "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY): the visit runs without a window."
    );
    command
        .args(["--camera", "virtual", "demo", "--out"])
        .arg(&results)
        .args(arguments);
    let status = run_open(&mut command)?;
    if !status.success() {
        return Err(Stop::with_code(
            "the visit did not end well; why is said above.",
            status,
        ));
    }
    println!("\nThe results are in {}", results.display());
    println!("Begin with {}", results.join("report.html").display());
    Ok(())
}

/// `cargo xtask bindings`: the TypeScript of the window's commands, written by the program that has them.
pub(crate) fn bindings(root: &Path) -> Outcome {
    setup::ensure(root, Purpose::Run)?;
    let [_, station] = build(root)?;
    let out = root.join("ui").join("src").join("bindings.ts");
    must(
        Command::new(station).args(["bindings", "--out"]).arg(&out),
        "the types could not be written; why is said above.",
    )?;
    println!("wrote {}", out.display());
    Ok(())
}

/// Builds the backend and the station, and asks cargo where they are.
fn build(root: &Path) -> Outcome<[PathBuf; 2]> {
    let both = programs(root, &["vendor-backend", "photo-station"])?;
    both.try_into()
        .map_err(|_| Stop::new("cargo did not say where it put the two programs."))
}

/// Builds programs, each the only one of its package and of the same name, and asks cargo where they are.
pub(crate) fn programs(root: &Path, names: &[&str]) -> Outcome<Vec<PathBuf>> {
    let mut command = cargo();
    command
        .arg("build")
        .args(names.iter().flat_map(|name| ["--package", *name]))
        .arg("--bins")
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stdout(Stdio::piped());
    let build = Running::start(&mut command, OnInterrupt::Kill)?;
    let mut messages = String::new();
    if let Some(mut output) = build.take_stdout() {
        // A read that fails leaves the programs unnamed, which is said below.
        let _ = output.read_to_string(&mut messages);
    }
    let status = build.wait()?;
    if !status.success() {
        return Err(Stop::with_code(
            "the program does not build; what is wrong is said above.",
            status,
        ));
    }
    let program = |name: &str| {
        executable(&messages, name)
            .ok_or_else(|| Stop::new(format!("cargo did not say where it put {name}.")))
    };
    names.iter().map(|name| program(name)).collect()
}

/// The path of a program in cargo's messages, one JSON object a line.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// A folder of its own for every run, so that no earlier one is lost.
pub(crate) fn new_results_folder(root: &Path) -> Outcome<PathBuf> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let folder = root.join("results").join(format!("run-{seconds}"));
    or_stop(std::fs::create_dir_all(&folder), "create", &folder)?;
    Ok(folder)
}

/// The reference backend while it serves; it ends with this value.
pub(crate) struct Backend {
    _running: Running,
    /// Kept open: the backend may have more to say.
    _output: BufReader<ChildStdout>,
    pub(crate) url: String,
    pub(crate) activation: String,
}

/// Starts the backend on a free port and waits until it serves, which is when it says its address.
pub(crate) fn start_backend(program: &Path, results: &Path, options: &[&str]) -> Outcome<Backend> {
    let log = results.join("backend.log");
    let mut command = Command::new(program);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--seed-demo", "--data"])
        .arg(results.join("backend"))
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(or_stop(std::fs::File::create(&log), "write", &log)?);
    let running = Running::start(&mut command, OnInterrupt::Kill)?;
    let mut output = BufReader::new(
        running
            .take_stdout()
            .ok_or_else(|| Stop::new("the backend has no output."))?,
    );

    // "backend http://…", where a person reviews, and last the activation code.
    let mut said = String::new();
    let word = |said: &str, name: &str| {
        said.lines().find_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(' ')
                .map(|rest| rest.trim().to_owned())
        })
    };
    loop {
        if let (Some(url), Some(activation)) = (word(&said, "backend"), word(&said, "activation")) {
            println!(
                "the reference backend serves a demo school (log: {})",
                log.display()
            );
            said.lines().for_each(|line| println!("        {line}"));
            return Ok(Backend {
                _running: running,
                _output: output,
                url,
                activation,
            });
        }
        if output.read_line(&mut said).unwrap_or(0) == 0 {
            let status = running.wait()?;
            let errors = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(Stop::with_code(
                format!("the backend ended at once ({status}):\n{}", errors.trim()),
                status,
            ));
        }
    }
}

/// Writes who comes to the virtual booth: the demo school's students, those of an ordinary visit first.
fn write_people(program: &Path, results: &Path) -> Outcome<PathBuf> {
    let lines = output_of(Command::new(program).arg("demo-codes"))
        .ok_or_else(|| Stop::new("the backend did not name its demo students."))?;
    let mut people: Vec<serde_json::Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    people.sort_by_key(|person| person["case"] != "ordinary");
    let file = results.join("people.json");
    or_stop(
        std::fs::write(&file, serde_json::Value::from(people).to_string()),
        "write",
        &file,
    )?;
    Ok(file)
}

/// Windows and macOS have one wherever a person is logged in.
fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_it_put_a_program() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"vendor-backend"},"executable":null}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","target":{"name":"vendor-backend"},"executable":"/t/vendor-backend"}"#,
        );
        assert_eq!(
            executable(messages, "vendor-backend"),
            Some(PathBuf::from("/t/vendor-backend"))
        );
        assert_eq!(executable(messages, "photo-station"), None);
    }
}
