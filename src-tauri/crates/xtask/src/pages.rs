//! The pages (`ui/`): their packages, their build, and their own checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Outcome, must};
use crate::fresh;
use crate::node::Node;
use crate::setup::note;

fn folder(root: &Path) -> PathBuf {
    root.join("ui")
}

/// `npm run SCRIPT` in `ui/`.
pub(crate) fn script(root: &Path, node: &Node, script: &str) -> Command {
    let mut npm = node.npm();
    npm.args(["run", "--silent", script]).current_dir(folder(root));
    npm
}

/// One of the tools in `ui/node_modules`.
pub(crate) fn tool(root: &Path, node: &Node, arguments: &[&str]) -> Command {
    let mut npm = node.npm();
    npm.args(["exec", "--no", "--"])
        .args(arguments)
        .current_dir(folder(root));
    npm
}

/// Installs exactly the packages of `ui/package-lock.json`, when it or Node changed.
pub(crate) fn install_packages(root: &Path, node: &Node) -> Outcome {
    let ui = folder(root);
    let wanted = fresh::fingerprint(
        &[ui.join("package-lock.json"), ui.join("package.json")],
        &[],
        &node.version,
    )?;
    // Inside the folder it speaks of, so that they go together.
    let stamp = ui.join("node_modules").join(".photo-station");
    if fresh::is_fresh(&stamp, &wanted) {
        return Ok(());
    }
    note("npm ci in ui/");
    must(
        node.npm()
            .args([
                "ci",
                "--no-audit",
                "--no-fund",
                "--prefer-offline",
                "--loglevel=error",
            ])
            .current_dir(&ui),
        "npm could not install the pages' packages (ui/package-lock.json): is this machine online, and is npm's \
         registry set up (npm config get registry)?",
    )?;
    fresh::write(&stamp, &wanted)
}

/// Builds `ui/dist`, which the program carries inside, when a source changed.
pub(crate) fn build(root: &Path, node: &Node) -> Outcome {
    let ui = folder(root);
    let sources = [
        ui.clone(),
        root.join("assets").join("sounds"),
        root.join("assets").join("icons"),
    ];
    let wanted = fresh::fingerprint(
        &sources,
        &["node_modules", "dist", "dist-rehearsal"],
        &node.version,
    )?;
    let stamp = root.join(".tools").join("stamps").join("ui-dist");
    if fresh::is_fresh(&stamp, &wanted) && ui.join("dist").join("index.html").is_file() {
        return Ok(());
    }
    note("npm run build in ui/");
    must(
        &mut script(root, node, "build"),
        "the pages do not build; what is wrong is said above.",
    )?;
    fresh::write(&stamp, &wanted)
}
