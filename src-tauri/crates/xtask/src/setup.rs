//! What a machine needs before anything of ours runs: each step first looks whether it has anything to do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::command::{Outcome, Stop, cargo, is_installed, must, or_stop, output_of, which};
use crate::node::Node;
use crate::{debian, fresh, models, node, pages};

/// tauri-driver's newest 2.x; 3.0 is an alpha.
const TAURI_DRIVER: &str = "2.1.0";

/// What the set-up is for: tests need all that running needs, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Building and running the program.
    Run,
    /// And testing it in its real window.
    Test,
}

/// A machine that is ready.
pub(crate) struct Ready {
    /// The Node for the pages.
    pub(crate) node: Node,
    /// What drives the real window, where the operating system has it and the purpose is testing.
    pub(crate) drivers: Option<Drivers>,
}

/// The two programs between a WebDriver test and the window.
pub(crate) struct Drivers {
    /// tauri-driver.
    pub(crate) tauri: PathBuf,
    /// The web view's own driver, which tauri-driver starts.
    pub(crate) webview: PathBuf,
}

/// A line about the step under way.
pub(crate) fn note(text: &str) {
    println!("        {text}");
}

/// `cargo xtask setup`.
pub(crate) fn everything(root: &Path) -> Outcome {
    ensure(root, Purpose::Test)?;
    println!("Ready: cargo xtask run, cargo xtask test.");
    Ok(())
}

/// Makes the machine ready; quick when it already is.
///
/// # Errors
/// One sentence: what could not be had, and what to do.
pub(crate) fn ensure(root: &Path, purpose: Purpose) -> Outcome<Ready> {
    let steps = if purpose == Purpose::Test { 6 } else { 5 };
    let step = |number: usize, name: &str, work: &mut dyn FnMut() -> Outcome| {
        println!("[{number}/{steps}] {name}");
        let start = Instant::now();
        work()?;
        let seconds = start.elapsed().as_secs_f32();
        if seconds > 2.0 {
            note(&format!("done in {seconds:.0} s"));
        }
        Ok::<(), Stop>(())
    };

    let mut node = None;
    step(1, "this machine: compilers, libraries, fonts", &mut || {
        system(root, purpose)
    })?;
    step(2, "Node", &mut || {
        node = Some(Node::ensure(root)?);
        Ok(())
    })?;
    let node = node.ok_or_else(|| Stop::new("there is no Node."))?;
    step(3, "the pages' packages", &mut || {
        pages::install_packages(root, &node)
    })?;
    step(4, "the vision models", &mut || vision_models(root, &node))?;
    step(5, "the pages", &mut || pages::build(root, &node))?;
    let mut drivers = None;
    if purpose == Purpose::Test {
        step(6, "the window test's driver", &mut || {
            drivers = window_drivers(root)?;
            Ok(())
        })?;
    }
    Ok(Ready { node, drivers })
}

fn system(root: &Path, purpose: Purpose) -> Outcome {
    if cfg!(target_os = "linux") {
        let npm_is_missing = Node::find(root).is_none() && !node::npm_works();
        return debian::ensure(root, purpose, npm_is_missing);
    }
    let wanted: &[(bool, &str)] = if cfg!(target_os = "macos") {
        &[
            (
                output_of(Command::new("xcode-select").arg("-p")).is_some(),
                "Xcode's command line tools (xcode-select --install)",
            ),
            (is_installed("cmake"), "CMake (brew install cmake)"),
            (
                is_installed("node"),
                "Node's current LTS (brew install node, or nodejs.org)",
            ),
        ]
    } else {
        &[
            (
                is_installed("cl") || std::env::var_os("VCINSTALLDIR").is_some() || has_visual_studio(),
                "Visual Studio's Build Tools with \"Desktop development with C++\"",
            ),
            (is_installed("cmake"), "CMake (winget install Kitware.CMake)"),
            (
                is_installed("perl"),
                "Perl, which builds OpenSSL for the encrypted records (winget install StrawberryPerl.StrawberryPerl)",
            ),
            (
                has_webview2(),
                "the WebView2 runtime (winget install Microsoft.EdgeWebView2Runtime)",
            ),
            (
                is_installed("node"),
                "Node's current LTS (winget install OpenJS.NodeJS.LTS)",
            ),
        ]
    };
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(there, _)| !there)
        .map(|(_, what)| *what)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Stop::new(format!(
        "please install, then run this again:\n  - {}",
        missing.join("\n  - ")
    )))
}

/// Visual Studio's installer always puts `vswhere` in the same place.
fn has_visual_studio() -> bool {
    let Some(programs) = std::env::var_os("ProgramFiles(x86)") else {
        return false;
    };
    let vswhere = Path::new(&programs)
        .join("Microsoft Visual Studio")
        .join("Installer")
        .join("vswhere.exe");
    let mut ask = Command::new(vswhere);
    ask.args([
        "-latest",
        "-products",
        "*",
        "-requires",
        "Microsoft.VisualStudio.Component.VC.Tools.x86.x64",
    ]);
    output_of(ask.args(["-property", "installationPath"])).is_some_and(|path| !path.is_empty())
}

/// The runtime's entry in the registry, as Microsoft documents it for all users.
fn has_webview2() -> bool {
    const CLIENT: &str = r"Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}";
    [r"HKLM\SOFTWARE\WOW6432Node", r"HKLM\SOFTWARE", r"HKCU\Software"]
        .iter()
        .any(|hive| {
            output_of(Command::new("reg").args(["query", &format!(r"{hive}\{CLIENT}"), "/v", "pv"])).is_some()
        })
}

fn vision_models(root: &Path, node: &Node) -> Outcome {
    match models::ensure(root, node.npm()) {
        Ok(models::Outcome::Present) => {}
        Ok(models::Outcome::Built) => note("fetched, converted to ONNX and checked: assets/models"),
        Err(error) => return Err(Stop::new(error.to_string())),
    }
    Ok(())
}

/// tauri-driver, compiled once into `.tools`, and the web view's own driver; none where there is no such driver.
fn window_drivers(root: &Path) -> Outcome<Option<Drivers>> {
    let webview = match webview_driver() {
        Some(path) => path,
        None if cfg!(target_os = "linux") => {
            return Err(Stop::new(
                "WebKitWebDriver is not in PATH although its package is installed.",
            ));
        }
        None => {
            note("no WebDriver for this system's web view: the window's test will be left out");
            return Ok(None);
        }
    };
    let tools = root.join(".tools");
    let tauri = tools.join("bin").join(if cfg!(windows) {
        "tauri-driver.exe"
    } else {
        "tauri-driver"
    });
    let stamp = tools.join("stamps").join("tauri-driver");
    if !(tauri.is_file() && fresh::is_fresh(&stamp, TAURI_DRIVER)) {
        note(&format!("compiling tauri-driver {TAURI_DRIVER} into .tools/bin"));
        let build = tools.join("build");
        must(
            cargo()
                .args([
                    "install",
                    "tauri-driver",
                    "--quiet",
                    "--locked",
                    "--debug",
                    "--force",
                ])
                .args(["--version", TAURI_DRIVER])
                .arg("--root")
                .arg(&tools)
                .arg("--target-dir")
                .arg(&build)
                .current_dir(root),
            "cargo could not install tauri-driver: is this machine online?",
        )?;
        or_stop(std::fs::remove_dir_all(&build), "clear", &build)?;
        fresh::write(&stamp, TAURI_DRIVER)?;
    }
    Ok(Some(Drivers { tauri, webview }))
}

fn webview_driver() -> Option<PathBuf> {
    if cfg!(windows) {
        // GitHub's runners name the folder of the driver that fits their Edge.
        let beside =
            std::env::var_os("EDGEWEBDRIVER").map(|folder| PathBuf::from(folder).join("msedgedriver.exe"));
        return beside
            .filter(|path| path.is_file())
            .or_else(|| which("msedgedriver"));
    }
    // Debian keeps it in PATH since 11; WebKitGTK's own place is the other one. macOS has no such driver.
    which("WebKitWebDriver")
}
