//! What the operating system must bring: installed on Debian and Ubuntu, named elsewhere.

use std::fs;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::{OnInterrupt, Outcome, Running, Stop, is_installed, or_stop, output_of};
use crate::setup::{Purpose, note};

/// A Debian package and what of ours needs it.
struct Package {
    name: &'static str,
    why: &'static str,
    purpose: Purpose,
}

const fn build(name: &'static str, why: &'static str) -> Package {
    Package {
        name,
        why,
        purpose: Purpose::Run,
    }
}

const fn tests(name: &'static str, why: &'static str) -> Package {
    Package {
        name,
        why,
        purpose: Purpose::Test,
    }
}

/// The same names on Debian 12 and later and on Ubuntu 22.04 and later.
const PACKAGES: &[Package] = &[
    build(
        "g++",
        "compiles SQLCipher (C) and the code reader zxing-cpp (C++), and links everything",
    ),
    build("make", "cmake's builder"),
    build("cmake", "builds zxing-cpp"),
    build(
        "libclang-dev",
        "reads the camera interface's C headers (bindgen, for V4L2)",
    ),
    build("pkg-config", "finds the libraries below"),
    build(
        "libssl-dev",
        "the cipher of the encrypted records (SQLCipher uses libcrypto)",
    ),
    build("libdbus-1-dev", "the window's talk with the desktop (tao)"),
    build(
        "libwebkit2gtk-4.1-dev",
        "the web view that shows the pages (Tauri), with GTK",
    ),
    build("fonts-noto-cjk", "Chinese text on the pages and in the report"),
    tests("xvfb", "a display without a screen, for the window's test"),
    tests(
        "webkit2gtk-driver",
        "drives the real window in its test (WebDriver)",
    ),
    tests(
        "chromium",
        "shows every page to axe and takes its picture; the browser of the backend's pages in their test",
    ),
    tests("chromium-driver", "drives it (WebDriver)"),
    tests(
        "postgresql",
        "the shared store of the backend's tests, on a cluster of their own",
    ),
    tests("cups-daemon", "a print server of the printer's tests' own"),
];

/// Only where the machine's Node is too old and has no npm to fetch a newer one with.
const NODE_BOOTSTRAP: &[Package] = &[
    build(
        "nodejs",
        "runs npm, which then fetches the Node that builds the pages",
    ),
    build(
        "npm",
        "fetches the pages' packages, the vision models and a newer Node",
    ),
];

/// Makes sure of the system's part. `npm_is_missing`: nothing here can fetch npm packages yet.
///
/// # Errors
/// A sentence with the very command to type when packages are missing and cannot be installed from here.
pub(crate) fn ensure(root: &Path, purpose: Purpose, npm_is_missing: bool) -> Outcome {
    tell_what_the_linker_said(root);
    if !is_installed("dpkg-query") || !is_installed("apt-get") {
        return check_other_linux(purpose);
    }
    let bootstrap = if npm_is_missing { NODE_BOOTSTRAP } else { &[] };
    let wanted: Vec<&Package> = PACKAGES
        .iter()
        .chain(bootstrap)
        .filter(|package| package.purpose <= purpose)
        .collect();
    let installed = installed(&wanted);
    let missing: Vec<&Package> = wanted
        .into_iter()
        .filter(|package| !installed.iter().any(|name| name == package.name))
        .filter(|package| package.name != "fonts-noto-cjk" || !has_chinese_font())
        // Ubuntu's are called otherwise; any that are there will do.
        .filter(|package| !package.name.starts_with("chromium") || !is_installed("chromedriver"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }

    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let by_hand = format!("apt-get install --no-install-recommends {}", names.join(" "));
    let become_root = become_root().ok_or_else(|| {
        Stop::new(format!(
            "Debian packages are missing, and installing them needs root or sudo. Ask for: {by_hand}"
        ))
    })?;
    note("installing from Debian:");
    for package in &missing {
        note(&format!("  {:<22} {}", package.name, package.why));
    }
    let log = root.join(".tools").join("apt.log");
    if let Some(folder) = log.parent() {
        or_stop(fs::create_dir_all(folder), "create", folder)?;
    }
    // A power cut in the middle of an earlier installation is set right by this; otherwise it does nothing.
    install_step(&become_root, &["dpkg", "--configure", "-a"], &log)?;
    install_step(&become_root, &["apt-get", "update", "-q"], &log)?;
    let mut install = vec![
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "-q",
        "-o",
        "Dpkg::Use-Pty=0",
    ];
    install.extend(&names);
    install_step(&become_root, &install, &log).map_err(|stop| {
        Stop::new(format!(
            "{stop}\nIs this machine online? When it is, run the command again, or type: {by_hand}"
        ))
    })
}

/// `linux-cc` may have installed a C compiler before this program existed, and could not always say so.
fn tell_what_the_linker_said(root: &Path) {
    let said = root.join("target").join("xtask").join("linux-cc.said");
    if let Ok(text) = fs::read_to_string(&said) {
        text.lines().for_each(|line| note(line.trim()));
        let _ = fs::remove_file(said);
    }
}

/// Those of `wanted` that are completely installed.
fn installed(wanted: &[&Package]) -> Vec<String> {
    // Unknown names make dpkg-query fail, but it still lists the known ones.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status} ${Package}\n"])
        .args(wanted.iter().map(|package| package.name))
        .stderr(Stdio::null())
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .map(str::to_owned)
        .collect()
}

/// Any font with Chinese will do; Noto is only what we install where there is none.
fn has_chinese_font() -> bool {
    output_of(Command::new("fc-list").arg(":lang=zh")).is_some_and(|fonts| !fonts.is_empty())
}

/// The words before a command that needs root: none as root, sudo where it works; `None` when neither does.
fn become_root() -> Option<Vec<&'static str>> {
    if output_of(Command::new("id").arg("-u")).as_deref() == Some("0") {
        return Some(Vec::new());
    }
    if output_of(Command::new("sudo").args(["-n", "true"])).is_some() {
        return Some(vec!["sudo", "-n"]);
    }
    // Somebody is there to type a password.
    (is_installed("sudo") && std::io::stdin().is_terminal()).then(|| vec!["sudo"])
}

/// Runs dpkg or apt-get, its many lines into a log and a few of them to the terminal.
fn install_step(become_root: &[&str], step: &[&str], log: &Path) -> Outcome {
    let mut words: Vec<&str> = become_root.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"]);
    words.extend(step);
    let file = or_stop(fs::File::create(log), "write", log)?;
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(file);
    let running = Running::start(&mut command, OnInterrupt::Finish)?;

    let mut lines = Vec::new();
    let mut progress = Progress::default();
    if let Some(output) = running.take_stdout() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(words) = progress.after(&line) {
                note(&words);
            }
            lines.push(line);
        }
    }
    let status = running.wait()?;
    let errors = fs::read_to_string(log).unwrap_or_default();
    or_stop(
        fs::write(log, format!("{}\n{errors}", lines.join("\n"))),
        "write",
        log,
    )?;
    if status.success() {
        return Ok(());
    }
    let last = errors
        .lines()
        .rev()
        .find(|line| line.starts_with("E:"))
        .unwrap_or("it said nothing more");
    Err(Stop::with_code(
        format!(
            "`{}` failed: {last} (all of it: {})",
            step.iter().take(2).copied().collect::<Vec<_>>().join(" "),
            log.display()
        ),
        status,
    ))
}

/// Which of apt's lines are worth a line of ours: how much is to come, and each quarter of the way.
#[derive(Default)]
struct Progress {
    total: usize,
    unpacked: usize,
    configured: usize,
}

impl Progress {
    fn after(&mut self, line: &str) -> Option<String> {
        if let Some((_, rest)) = line.split_once("upgraded, ") {
            // "0 upgraded, 412 newly installed, 0 to remove and 3 not upgraded."
            self.total = rest.split(' ').next()?.parse().ok()?;
            return (self.total > 0).then(|| format!("with what these need: {} packages", self.total));
        }
        if line.starts_with("Need to get ") {
            return Some(
                line.replace("Need to get", "to download:")
                    .trim_end_matches('.')
                    .to_owned(),
            );
        }
        let (count, verb) = if line.starts_with("Unpacking ") {
            (&mut self.unpacked, "unpacked")
        } else if line.starts_with("Setting up ") {
            (&mut self.configured, "set up")
        } else {
            return None;
        };
        *count += 1;
        let quarter = (self.total / 4).max(1);
        (count.is_multiple_of(quarter) && self.total >= 8)
            .then(|| format!("{count} of {} {verb}", self.total))
    }
}

/// A Linux with another package manager: says what is missing and under which name Debian has it.
fn check_other_linux(purpose: Purpose) -> Outcome {
    let library = |name: &str| output_of(Command::new("pkg-config").args(["--exists", name])).is_some();
    let checks: [(bool, &str); 11] = [
        (is_installed("c++"), "a C++ compiler (g++)"),
        (is_installed("cmake"), "cmake"),
        (is_installed("pkg-config"), "pkg-config"),
        (library("openssl"), "OpenSSL's headers (libssl-dev)"),
        (library("dbus-1"), "D-Bus's headers (libdbus-1-dev)"),
        (
            library("webkit2gtk-4.1"),
            "WebKitGTK 4.1's headers (libwebkit2gtk-4.1-dev)",
        ),
        (purpose < Purpose::Test || is_installed("Xvfb"), "Xvfb (xvfb)"),
        (
            purpose < Purpose::Test || is_installed("WebKitWebDriver"),
            "WebKitWebDriver (webkit2gtk-driver)",
        ),
        (
            purpose < Purpose::Test || is_installed("chromedriver"),
            "Chromium and chromedriver (chromium, chromium-driver)",
        ),
        (
            purpose < Purpose::Test || Path::new("/usr/sbin/cupsd").exists(),
            "the CUPS server (cups-daemon)",
        ),
        (
            purpose < Purpose::Test || Path::new("/usr/lib/postgresql").exists(),
            "PostgreSQL under /usr/lib/postgresql (postgresql)",
        ),
    ];
    let missing: Vec<&str> = checks
        .iter()
        .filter(|(there, _)| !there)
        .map(|(_, what)| *what)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Stop::new(format!(
        "this Linux has no apt-get, so please install with its own package manager: {}; also libclang.",
        missing.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_installation_tells_its_size_and_each_quarter() {
        let mut progress = Progress::default();
        let said: Vec<String> = [
            "Reading package lists...",
            "0 upgraded, 8 newly installed, 0 to remove.",
        ]
        .into_iter()
        .chain(["Need to get 91.2 MB of archives."])
        .chain(["Unpacking cmake (3.25.1-1) ..."; 8])
        .filter_map(|line| progress.after(line))
        .collect();
        assert_eq!(
            said,
            [
                "with what these need: 8 packages",
                "to download: 91.2 MB of archives",
                "2 of 8 unpacked",
                "4 of 8 unpacked",
                "6 of 8 unpacked",
                "8 of 8 unpacked"
            ]
        );
    }
}
