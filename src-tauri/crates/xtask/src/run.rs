//! `cargo xtask run`: the reference backend with a demo school, and the station on top of it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::command::{OnInterrupt, Outcome, Running, Stop, cargo, must, or_stop, run as run_open};
use crate::setup::{self, Purpose};

/// Seeding draws some people; a cold, loaded machine takes a few seconds for it.
const BACKEND_PATIENCE: Duration = Duration::from_mins(1);

/// `cargo xtask run [ARG…]`; `arguments` go to photo-station.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Outcome {
    setup::ensure(root, Purpose::Run)?;
    println!("building (the first time takes a good ten minutes)");
    let [backend, station] = build(root)?;

    let results = new_results_folder(root)?;
    let (_backend, address) = start_backend(&backend, &results)?;
    let mut command = Command::new(&station);
    command
        .arg("--data")
        .arg(results.join("station"))
        .arg("--models")
        .arg(root.join("assets").join("models"))
        .args(["--backend", &address, "--camera"]);
    if has_display() {
        command.args(["auto", "--windowed"]).args(arguments);
        println!(
            "opening the station; its records and the backend's are in {}",
            results.display()
        );
        return must(&mut command, "the station ended with an error; it is said above.");
    }

    println!(
        "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY), so the visit runs without a window."
    );
    command
        .args(["virtual", "demo", "--out"])
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
    let mut command = cargo();
    command
        .args([
            "build",
            "--package",
            "vendor-backend",
            "--package",
            "photo-station",
            "--bins",
        ])
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
    Ok([program("vendor-backend")?, program("photo-station")?])
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
fn new_results_folder(root: &Path) -> Outcome<PathBuf> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let folder = root.join("results").join(format!("run-{seconds}"));
    or_stop(std::fs::create_dir_all(&folder), "create", &folder)?;
    Ok(folder)
}

/// Starts the backend on a free port and waits until it answers; it ends with the returned value.
fn start_backend(backend: &Path, results: &Path) -> Outcome<(Running, String)> {
    let address = free_address()?;
    let log = results.join("backend.log");
    let mut command = Command::new(backend);
    command
        .args(["serve", "--listen", &address.to_string(), "--seed-demo", "--data"])
        .arg(results.join("backend"))
        .stdin(Stdio::null())
        .stdout(or_stop(std::fs::File::create(&log), "write", &log)?)
        .stderr(or_stop(
            std::fs::File::options().append(true).open(&log),
            "write",
            &log,
        )?);
    let running = Running::start(&mut command, OnInterrupt::Kill)?;

    let start = Instant::now();
    while !answers(address) {
        if let Some(status) = running.ended() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(Stop::with_code(
                format!("the backend ended at once ({status}):\n{}", said.trim()),
                status,
            ));
        }
        if start.elapsed() > BACKEND_PATIENCE {
            return Err(Stop::new(format!(
                "the backend did not answer in time; what it said: {}",
                log.display()
            )));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    println!(
        "the reference backend is at http://{address} (log: {})",
        log.display()
    );
    Ok((running, format!("http://{address}")))
}

fn free_address() -> Outcome<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Stop::new(format!("there is no free port on this machine: {error}")))
}

/// Whether an HTTP server answers there; what it answers does not matter.
fn answers(address: SocketAddr) -> bool {
    let second = Duration::from_secs(1);
    let Ok(mut stream) = TcpStream::connect_timeout(&address, second) else {
        return false;
    };
    let mut reply = [0; 5];
    stream.set_read_timeout(Some(second)).is_ok()
        && stream
            .write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
            .is_ok()
        && stream.read_exact(&mut reply).is_ok()
        && &reply == b"HTTP/"
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
