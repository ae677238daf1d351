//! The vision networks: fetched from pinned npm packages and converted to ONNX once, at set-up.
//!
//! Why not in the repository: they are 5 MB of somebody else's numbers with a well-kept source of their
//! own. `@mediapipe/{face_detection,face_mesh,selfie_segmentation}` (Apache-2.0) carry them as TensorFlow
//! Lite files; `crates/portrait/models/package-lock.json` pins each package by SHA-512. The program's
//! runtime reads ONNX, so [`tflite`] reads them and [`onnx`] writes them anew.
//!
//! The conversion gives the same bytes everywhere, so a finished file is recognized by its SHA-256. Those
//! recorded here are of the files whose outputs agree with TensorFlow Lite's own
//! (`portrait::vision`'s test compares them): a converter or a package that changed shows at once.

mod onnx;
mod tflite;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use sha2::{Digest, Sha256};

/// Whether there was anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The files of an earlier run are there and are the right ones.
    Present,
    /// Fetched, converted and checked now.
    Built,
}

/// Why the networks are not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelsError {
    /// npm could not be started, or could not fetch the pinned packages.
    #[error("npm could not fetch the vision networks: {0}\n  Is the network up? Run the set-up again.")]
    Npm(String),
    /// A file could not be read or written.
    #[error("{path}: {1}", path = .0.display())]
    File(PathBuf, io::Error),
    /// The package does not hold what it held when it was pinned.
    #[error("{0} is not inside the package")]
    Missing(String),
    /// The network's file is damaged.
    #[error("a network's file is damaged: {0}")]
    Tflite(String),
    /// The network uses something the converter does not know.
    #[error("the converter does not know {0}")]
    Unsupported(String),
    /// The result is not the file that was compared with the reference runtime.
    #[error(
        "{name}.onnx came out as {found}, not as {expected}.\n  If the converter or a package changed on \
         purpose: run `cargo test -p portrait vision` on the new files, then record the new digest."
    )]
    Different {
        /// The network.
        name: &'static str,
        /// The digest recorded in the source.
        expected: &'static str,
        /// The digest of what was built; the file is kept for the comparison.
        found: String,
    },
}

struct Network {
    name: &'static str,
    package: &'static str,
    source: Source,
    part: onnx::Part,
    sha256: &'static str,
}

/// Where a package keeps the network.
enum Source {
    File(&'static str),
    /// An entry of an archive without a directory; the loader script beside it says where each one starts.
    Packed {
        archive: &'static str,
        loader: &'static str,
        entry: &'static str,
    },
}

const NETWORKS: [Network; 4] = [
    Network {
        name: "face_detection",
        package: "@mediapipe/face_detection",
        source: Source::File("face_detection_short_range.tflite"),
        part: onnx::Part {
            outputs: &[("regressors", "boxes"), ("classificators", "scores")],
            grids: &[],
        },
        sha256: "7258aa3d73b9226bddbee13e9cd59c578dc6d7740665494b8a53a31340efbe84",
    },
    Network {
        name: "face_mesh",
        package: "@mediapipe/face_mesh",
        source: Source::Packed {
            archive: "face_mesh_solution_packed_assets.data",
            loader: "face_mesh_solution_packed_assets_loader.js",
            entry: "/face_landmark.tflite",
        },
        part: onnx::Part {
            outputs: &[("conv2d_21", "points"), ("conv2d_31", "presence")],
            grids: &[],
        },
        sha256: "db05d47c1193866efc0ddad6b9054e2dc641960b773385c6806d5d33b277147f",
    },
    // Of the mesh with attention only what it sees better than the plain one: lids and irises. Where the eyes
    // are is given from outside, so its own mesh and the operators no runtime knows stay out.
    Network {
        name: "face_eyes",
        package: "@mediapipe/face_mesh",
        source: Source::Packed {
            archive: "face_mesh_solution_packed_assets.data",
            loader: "face_mesh_solution_packed_assets_loader.js",
            entry: "/face_landmark_with_attention.tflite",
        },
        part: onnx::Part {
            outputs: &[
                ("conv_left_eye", "left_lids"),
                ("conv_left_iris", "left_iris"),
                ("conv_right_eye", "right_lids"),
                ("conv_right_iris", "right_iris"),
            ],
            grids: &[
                ("landmarks_to_transform_matrix_v2_1", "left_grid"),
                ("landmarks_to_transform_matrix_v2_2", "right_grid"),
            ],
        },
        sha256: "2496bb3f3ec8bd5b5c624171850e2bfc7f264c38ea4cb60920d33e7c75ff9575",
    },
    Network {
        name: "selfie_segmentation",
        package: "@mediapipe/selfie_segmentation",
        source: Source::File("selfie_segmentation.tflite"),
        part: onnx::Part {
            outputs: &[("activation_10", "person")],
            grids: &[],
        },
        sha256: "5f23c21e67435ae5fba3487cb670017a2bd028b113a7b2cb1ef5fc5c23127d7c",
    },
];

/// Makes sure `assets/models` holds the networks and their licence notice.
///
/// `root` is the checkout; `npm` is a command ready for npm's arguments (for instance `npm`, or `node` with
/// the path of `npm-cli.js`), with whatever environment it needs. A second run only checks digests.
///
/// # Errors
/// [`ModelsError`]; what went wrong and, where there is something to do, what.
pub(crate) fn ensure(root: &Path, npm: Command) -> Result<Outcome, ModelsError> {
    let out = root.join("assets").join("models");
    let pins = root
        .join("src-tauri")
        .join("crates")
        .join("portrait")
        .join("models");
    let notice = read(&pins.join("NOTICE"))?;
    let present = |network: &Network| {
        fs::read(out.join(format!("{}.onnx", network.name))).is_ok_and(|file| digest(&file) == network.sha256)
    };
    if NETWORKS.iter().all(present) && fs::read(out.join("NOTICE")).is_ok_and(|file| file == notice) {
        return Ok(Outcome::Present);
    }

    let workshop = root.join(".tools").join("models");
    fetch(&pins, &workshop, npm)?;
    create_dir(&out)?;
    let mut different = None;
    for network in &NETWORKS {
        let package = workshop.join("node_modules").join(network.package);
        let graph = tflite::parse(&network.source.read(&package)?)?;
        let onnx = onnx::convert(network.name, &graph, &network.part)?;
        write(&out.join(format!("{}.onnx", network.name)), &onnx)?;
        let found = digest(&onnx);
        if found != network.sha256 {
            different = Some(ModelsError::Different {
                name: network.name,
                expected: network.sha256,
                found,
            });
        }
    }
    write(&out.join("NOTICE"), &notice)?;
    different.map_or(Ok(Outcome::Built), Err)
}

/// Installs the pinned packages; npm checks each against the lock file's SHA-512.
fn fetch(pins: &Path, workshop: &Path, mut npm: Command) -> Result<(), ModelsError> {
    create_dir(workshop)?;
    for file in ["package.json", "package-lock.json"] {
        write(&workshop.join(file), &read(&pins.join(file))?)?;
    }
    npm.current_dir(workshop).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    let output = npm
        .output()
        .map_err(|error| ModelsError::Npm(error.to_string()))?;
    if !output.status.success() {
        return Err(ModelsError::Npm(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    Ok(())
}

impl Source {
    fn read(&self, package: &Path) -> Result<Vec<u8>, ModelsError> {
        match *self {
            Source::File(name) => read(&package.join(name)),
            Source::Packed {
                archive,
                loader,
                entry,
            } => {
                let script = String::from_utf8_lossy(&read(&package.join(loader))?).into_owned();
                let range =
                    packed_range(&script, entry).ok_or_else(|| ModelsError::Missing(entry.to_owned()))?;
                let archive = read(&package.join(archive))?;
                archive
                    .get(range)
                    .map(<[u8]>::to_vec)
                    .ok_or_else(|| ModelsError::Missing(entry.to_owned()))
            }
        }
    }
}

/// Where an entry lies in its archive: the loader script ends in `loadPackage({"files": [{"filename": …,
/// "start": …, "end": …}, …], …})`.
fn packed_range(script: &str, entry: &str) -> Option<std::ops::Range<usize>> {
    let (_, json) = script.split_once("loadPackage({\"files\"")?;
    let json = format!("{{\"files\"{json}");
    let package = serde_json::Deserializer::from_str(&json)
        .into_iter::<serde_json::Value>()
        .next()?
        .ok()?;
    let file = package["files"].as_array()?.iter().find(|file| {
        file["filename"]
            .as_str()
            .is_some_and(|name| name.ends_with(entry))
    })?;
    let offset = |key: &str| usize::try_from(file[key].as_u64()?).ok();
    Some(offset("start")?..offset("end")?)
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn read(path: &Path) -> Result<Vec<u8>, ModelsError> {
    fs::read(path).map_err(|error| ModelsError::File(path.to_owned(), error))
}

/// Through a second name, so that an interrupted run never leaves half a file under the right one.
fn write(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    let part = path.with_extension("part");
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| ModelsError::File(path.to_owned(), error))
}

fn create_dir(path: &Path) -> Result<(), ModelsError> {
    fs::create_dir_all(path).map_err(|error| ModelsError::File(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_the_end_of_its_path() {
        let script = r#"x(); loadPackage({"files": [{"filename": "/m/other_face.tflite", "start": 0, "end": 5},
            {"filename": "/m/face.tflite", "start": 5, "end": 9}], "remote_package_size": 9}); })();"#;
        assert_eq!(packed_range(script, "/face.tflite"), Some(5..9));
        assert_eq!(packed_range(script, "/hand.tflite"), None);
        assert_eq!(packed_range("", "/face.tflite"), None);
    }
}
