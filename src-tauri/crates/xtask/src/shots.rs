//! Pictures of every page: the scenes of the rehearsal in a browser, and the real window as its test leaves it.

use std::path::{Path, PathBuf};

use crate::command::{Outcome, Stop, must, or_stop};
use crate::setup::{self, Purpose};
use crate::{pages, test};

/// The two ways a screen stands, as the window's test takes them.
const SCREENS: [(&str, &str); 2] = [("landscape", "1920x1080"), ("portrait", "1080x1920")];

/// `cargo xtask shots [--out DIR] [--window]`.
pub(crate) fn shots(root: &Path, arguments: &[String]) -> Outcome {
    let (mut out, mut window) = (root.join("results").join("shots"), false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--out" => {
                let folder = rest.next().ok_or_else(|| Stop::new("--out takes a folder."))?;
                out = std::env::current_dir()
                    .unwrap_or_else(|_| PathBuf::from("."))
                    .join(folder);
            }
            "--window" => window = true,
            other => {
                return Err(Stop::new(format!(
                    "`shots` takes --out DIR and --window, not {other}."
                )));
            }
        }
    }
    let ready = setup::ensure(root, Purpose::Test)?;
    or_stop(std::fs::create_dir_all(&out), "create", &out)?;
    if window && ready.drivers.is_some() {
        for (turned, screen) in SCREENS {
            let mut visit = test::rust_tests(root, &ready);
            visit.args(["--workspace", "--test", "window"]);
            visit.env("PHOTO_STATION_SHOTS", out.join("window").join(turned));
            visit.env("PHOTO_STATION_SCREEN", screen);
            must(&mut visit, "the visit in the real window did not go through.")?;
        }
    }
    let mut browser = pages::script(root, &ready.node, "shots");
    browser.arg("--").arg(&out);
    must(&mut browser, "not every page has its picture; why is said above.")
}
