//! Debian's kernel, its modules and the emulator, unpacked into a folder of their own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{Outcome, Stop, must, or_stop, output_of, run, which};
use crate::setup::note;

/// Modules that the rows load themselves, with parameters of their own.
pub(super) const LOADED_BY_ROWS: [&str; 2] = ["vivid.ko", "v4l2loopback.ko"];

/// The package that names Debian's newest kernel.
const NEWEST: &str = "linux-image-amd64";

/// Where everything is.
pub(super) struct Kernel {
    pub(super) release: String,
    pub(super) image: PathBuf,
    /// Names and contents, in the order in which they must be loaded.
    pub(super) modules: Vec<(String, Vec<u8>)>,
    pub(super) busybox: PathBuf,
    pub(super) qemu: PathBuf,
    pub(super) firmware: Vec<PathBuf>,
    pub(super) libraries: Option<String>,
}

impl Kernel {
    /// Fetches and unpacks what is not there yet.
    pub(super) fn unpacked(folder: &Path) -> Outcome<Self> {
        let image_package = newest_kernel()?;
        let release = image_package.trim_start_matches("linux-image-").to_owned();
        let root = folder.join(&release);
        let done = root.join("done");
        if !done.exists() {
            let _ = fs::remove_dir_all(&root);
            fetch(&root, &image_package, &release)?;
            build_loopback(&root, &release)?;
            order(&root, &release)?;
            or_stop(fs::write(&done, ""), "write", &done)?;
        }
        let own_qemu = root.join("usr/bin/qemu-system-x86_64");
        let (qemu, firmware, libraries) = if own_qemu.exists() {
            let libraries =
                ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|place| root.join(place));
            let libraries = libraries.map(|place| place.display().to_string()).join(":");
            let firmware = ["qemu", "seabios"].map(|name| root.join("usr/share").join(name));
            (own_qemu, firmware.to_vec(), Some(libraries))
        } else {
            let installed = which("qemu-system-x86_64");
            (
                installed.ok_or_else(|| Stop::new("there is no qemu-system-x86_64"))?,
                Vec::new(),
                None,
            )
        };
        Ok(Self {
            modules: modules(&root, &release)?,
            image: root.join("boot").join(format!("vmlinuz-{release}")),
            busybox: root.join("bin/busybox"),
            release,
            qemu,
            firmware,
            libraries,
        })
    }
}

/// The name of the package that holds the newest kernel.
fn newest_kernel() -> Outcome<String> {
    let ask = || {
        let said = output_of(Command::new("apt-cache").args(["depends", "--important", NEWEST]))?;
        depends(&said)
            .into_iter()
            .find(|name| name.starts_with("linux-image-"))
    };
    if let Some(name) = ask() {
        return Ok(name);
    }
    note("apt's lists are fetched");
    must(
        Command::new("apt-get")
            .args(["update", "-q"])
            .stdout(Stdio::null()),
        "apt's lists could not be fetched; `apt-get update` needs root.",
    )?;
    ask().ok_or_else(|| Stop::new(format!("apt knows no {NEWEST}: camera-vm runs on a Debian.")))
}

/// The names in what `apt-cache depends` prints.
fn depends(said: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .map(|name| name.split([':', ' ']).next().unwrap_or(name).to_owned())
        .collect()
}

/// Downloads and unpacks the packages; nothing is installed.
fn fetch(root: &Path, image: &str, release: &str) -> Outcome {
    let archives = root.join("archives");
    or_stop(fs::create_dir_all(archives.join("partial")), "create", &archives)?;
    let headers = format!("linux-headers-{release}");
    let mut packages = vec![
        image.to_owned(),
        headers.clone(),
        "busybox-static".to_owned(),
        "kmod".to_owned(),
        "v4l2loopback-dkms".to_owned(),
    ];
    let said =
        output_of(Command::new("apt-cache").args(["depends", "--important", &headers])).unwrap_or_default();
    packages.extend(
        depends(&said)
            .into_iter()
            .filter(|name| name.starts_with("linux-")),
    );
    note("Debian's kernel, its headers and an emulator are downloaded (110 MB) and unpacked");
    must(
        Command::new("apt-get")
            .args(["download", "-qq"])
            .args(&packages)
            .current_dir(&archives),
        "the kernel's packages could not be downloaded; `apt-get update` may help.",
    )?;
    if which("qemu-system-x86_64").is_none() {
        // With what it needs and this machine has not.
        let mut qemu = Command::new("apt-get");
        qemu.args([
            "install",
            "--download-only",
            "--yes",
            "--no-install-recommends",
            "-qq",
        ])
        .args(["-o", "Debug::NoLocking=1", "-o"])
        .arg(format!("Dir::Cache::archives={}", archives.display()))
        .arg("qemu-system-x86")
        .stdout(Stdio::null());
        must(
            &mut qemu,
            "the emulator could not be downloaded; `apt-get update` may help.",
        )?;
    }
    for entry in or_stop(fs::read_dir(&archives), "list", &archives)?.flatten() {
        let package = entry.path();
        if package.extension().is_some_and(|ending| ending == "deb") {
            unpack(&package, root)?;
        }
    }
    or_stop(fs::remove_dir_all(&archives), "remove", &archives)
}

fn unpack(package: &Path, root: &Path) -> Outcome {
    let name = package
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let sentence = format!("{name} could not be unpacked");
    if !name.starts_with("linux-image-") {
        return must(
            Command::new("dpkg-deb").arg("-x").arg(package).arg(root),
            &sentence,
        );
    }
    // Of the kernel's 400 MB of modules only the cameras' are needed.
    let mut opened = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Stop::new(format!("dpkg-deb: {error}")))?;
    let Some(archive) = opened.stdout.take() else {
        return Err(Stop::new(sentence));
    };
    let unpacked = run(Command::new("tar")
        .args(["x", "--wildcards", "-C"])
        .arg(root)
        .args([
            "./boot/vmlinuz*",
            "./*lib/modules/*/modules.*",
            "./*lib/modules/*/kernel/drivers/media/*",
        ])
        .stdin(archive))?;
    let read = opened
        .wait()
        .map_err(|error| Stop::new(format!("dpkg-deb: {error}")))?;
    if unpacked.success() && read.success() {
        Ok(())
    } else {
        Err(Stop::new(sentence))
    }
}

/// Where a release's modules are: Debian 13 has them below `usr`.
fn modules_folder(root: &Path, release: &str) -> PathBuf {
    let places = ["lib/modules", "usr/lib/modules"].map(|place| root.join(place).join(release));
    let [first, second] = places;
    if first.is_dir() { first } else { second }
}

/// Builds `v4l2loopback` as its package would, against the headers unpacked here.
fn build_loopback(root: &Path, release: &str) -> Outcome {
    let sources = root.join("usr/src");
    let headers = sources.join(format!("linux-headers-{release}"));
    let makefile = headers.join("Makefile");
    let text = or_stop(fs::read_to_string(&makefile), "read", &makefile)?;
    let here = text.replace("/usr/src/", &format!("{}/", sources.display()));
    or_stop(fs::write(&makefile, here), "write", &makefile)?;
    let source = or_stop(fs::read_dir(&sources), "list", &sources)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("v4l2loopback-"))
        })
        .ok_or_else(|| Stop::new("v4l2loopback-dkms holds no sources"))?;
    note("v4l2loopback is built for it");
    let log = root.join("v4l2loopback.log");
    let file = or_stop(fs::File::create(&log), "write", &log)?;
    let errors = or_stop(file.try_clone(), "write", &log)?;
    let status = run(Command::new("make")
        .arg("-C")
        .arg(&headers)
        .arg(format!("M={}", source.display()))
        .arg("modules")
        .stdout(file)
        .stderr(errors))?;
    let module = source.join("v4l2loopback.ko");
    if !status.success() || !module.exists() {
        return Err(Stop::new(format!(
            "v4l2loopback could not be built; why: {}",
            log.display()
        )));
    }
    let place = modules_folder(root, release).join("kernel/drivers/media/v4l2loopback.ko");
    or_stop(fs::copy(&module, &place).map(drop), "copy", &place)
}

/// Writes down which module needs which.
fn order(root: &Path, release: &str) -> Outcome {
    let base = modules_folder(root, release);
    let base = base.ancestors().nth(3).unwrap_or(root);
    must(
        Command::new(root.join("bin/kmod"))
            .arg0("depmod")
            .arg("-b")
            .arg(base)
            .arg(release),
        "depmod could not put the kernel's modules in order.",
    )
}

/// The modules of the rows' drivers and what they stand on, in the order in which they must be loaded.
fn modules(root: &Path, release: &str) -> Outcome<Vec<(String, Vec<u8>)>> {
    let folder = modules_folder(root, release);
    let list = folder.join("modules.dep");
    let list = or_stop(fs::read_to_string(&list), "read", &list)?;
    let mut modules: Vec<(String, Vec<u8>)> = Vec::new();
    for path in LOADED_BY_ROWS.iter().flat_map(|driver| needed(&list, driver)) {
        let name = file_name(path).trim_end_matches(".xz").to_owned();
        if modules.iter().all(|(known, _)| *known != name) {
            modules.push((name, content(&folder.join(path))?));
        }
    }
    if modules.is_empty() {
        return Err(Stop::new("this kernel has no vivid"));
    }
    Ok(modules)
}

/// A driver's line of `modules.dep` from its end: what stands on nothing comes first, the driver last.
fn needed<'a>(list: &'a str, driver: &str) -> Vec<&'a str> {
    let line = list.lines().find_map(|line| {
        let (module, needs) = line.split_once(':')?;
        (file_name(module).trim_end_matches(".xz") == driver).then_some((module, needs))
    });
    let (module, needs) = line.unwrap_or_default();
    let mut order: Vec<&str> = needs.split_whitespace().rev().collect();
    order.extend((!module.is_empty()).then_some(module));
    order
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A module as the kernel takes it.
fn content(path: &Path) -> Outcome<Vec<u8>> {
    if path.extension().is_none_or(|ending| ending != "xz") {
        return or_stop(fs::read(path), "read", path);
    }
    let unpacked = Command::new("xz").arg("-dc").arg(path).output();
    let unpacked = or_stop(unpacked, "unpack", path)?;
    Ok(unpacked.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_driver_stands_on_is_loaded_before_it() {
        let list = "kernel/a/vivid.ko.xz: kernel/b/tpg.ko.xz kernel/c/videodev.ko.xz kernel/d/mc.ko.xz\nkernel/d/mc.ko.xz:\n";
        let order = [
            "kernel/d/mc.ko.xz",
            "kernel/c/videodev.ko.xz",
            "kernel/b/tpg.ko.xz",
            "kernel/a/vivid.ko.xz",
        ];
        assert_eq!(needed(list, "vivid.ko"), order);
        assert!(needed(list, "none.ko").is_empty());
    }

    #[test]
    fn the_newest_kernel_is_what_its_package_depends_on() {
        let said = "linux-image-amd64\n  Depends: linux-image-6.1.0-57-amd64\n  Depends: firmware:any\n";
        assert_eq!(depends(said), ["linux-image-6.1.0-57-amd64", "firmware"]);
    }
}
