//! `cargo xtask contract`: Schemathesis makes requests up from `openapi.json`, signed as a station signs them, and the
//! reference backend must answer each as the document says.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Outcome, Stop, is_installed, must};
use crate::run::{new_results_folder, programs, start_backend};

/// Pinned: another one finds other things.
const PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "cryptography"];

/// `positive_data_acceptance` asks that whatever the schema allows is taken; here a code that is nobody's is refused.
const NOT_ASKED: &str = "positive_data_acceptance";

/// `cargo xtask contract [ARG…]`; `arguments` go to Schemathesis.
pub(crate) fn contract(root: &Path, arguments: &[String]) -> Outcome {
    let python = environment(root)?;
    let program = programs(root, &["vendor-backend"])?;
    let program = program
        .first()
        .ok_or_else(|| Stop::new("cargo did not say where it put vendor-backend."))?;
    let results = new_results_folder(root)?;
    let backend = start_backend(program, &results, &[])?;
    let hooks = root.join("src-tauri/crates/vendor-backend/contract");
    must(
        Command::new(&python)
            .arg(hooks.join("hooks.py"))
            .args([&backend.url, &backend.activation]),
        "the station of the test could not be enrolled; why is said above.",
    )?;
    must(
        Command::new(&python)
            .args(["-m", "schemathesis.cli", "run"])
            .arg(format!("{}/v1/openapi.json", backend.url))
            .args(["--url", &backend.url, "--exclude-checks", NOT_ASKED])
            .args(["--max-examples", "20", "--no-color"])
            .args(arguments)
            .current_dir(&results)
            .env("PYTHONPATH", &hooks)
            .env("SCHEMATHESIS_HOOKS", "hooks"),
        "the backend does not answer as openapi.json says; where is said above.",
    )
}

/// A Python of our own with Schemathesis in it, in `.tools/contract`; made the first time.
fn environment(root: &Path) -> Outcome<PathBuf> {
    let folder = root.join(".tools").join("contract");
    let python = if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    };
    let stamp = folder.join("stamp");
    let wanted = PACKAGES.join(" ");
    if std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    let system = ["python3", "python"].into_iter().find(|name| is_installed(name));
    let system =
        system.ok_or_else(|| Stop::new("Python 3 is needed for this: install it, then run this again."))?;
    must(
        Command::new(system).args(["-m", "venv"]).arg(&folder),
        "Python could not make an environment (on Debian: apt install python3-venv).",
    )?;
    must(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PACKAGES),
        "Schemathesis could not be installed; is there a network?",
    )?;
    crate::command::or_stop(std::fs::write(&stamp, wanted), "write", &stamp)?;
    Ok(python)
}
