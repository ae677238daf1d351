//! The station's own camera code on real drivers: a virtual machine with the kernel's `vivid` and `v4l2loopback`, which
//! misbehave on command, and a table of what the station made of it.
//!
//! Nothing is installed: Debian's packages are unpacked below `.tools/camera-vm`. The machine is emulated (TCG), has
//! no network, and is ended after [`MOST_SECONDS`]. What cannot be had there is a real USB camera: the kernel's
//! emulated host controller has no isochronous endpoints, so `uvcvideo` itself is not covered, nor are its controls for
//! exposure time, white balance, focus, zoom and mains frequency, which `vivid` has not.

mod archive;
mod kernel;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{OnInterrupt, Outcome, Running, Stop, cargo, is_installed, must, or_stop, output_of};
use archive::Archive;
use kernel::Kernel;

/// The whole machine's life, from the start of its firmware. All rows together take four minutes of an idle core.
const MOST_SECONDS: u32 = 1800;

/// What the machine does first, and last.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /mod/order); do
  /bin/busybox insmod /mod/$module || echo \"no $module\"
done
PHOTO_STATION_ROW
/bin/busybox poweroff -f
";

/// One line of the table.
struct Row {
    name: String,
    passed: bool,
    seconds: String,
    seen: String,
}

/// `cargo xtask camera-vm [ROW]`: all rows, or those whose name contains the word.
pub(crate) fn camera_vm(root: &Path, arguments: &[String]) -> Outcome {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64"))
        || !is_installed("apt-get")
        || !is_installed("dpkg-deb")
    {
        return Err(Stop::new(
            "camera-vm unpacks Debian's kernel and emulator: it needs a Debian on x86-64.",
        ));
    }
    let only = arguments.first().cloned().unwrap_or_default();
    if !only
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " ,-".contains(c))
    {
        return Err(Stop::new("a row is named by plain words"));
    }
    let folder = root.join(".tools").join("camera-vm");
    let kernel = Kernel::unpacked(&folder)?;
    let program = built(root)?;
    let initramfs = folder.join("initramfs");
    or_stop(
        std::fs::write(&initramfs, packed(&kernel, &program, &only)?),
        "write",
        &initramfs,
    )?;
    println!(
        "an emulated machine with Linux {} starts; a row at a time:\n",
        kernel.release
    );
    let rows = boot(&kernel, &initramfs)?;
    judged(&rows, only.is_empty())
}

/// The test program, from this checkout.
fn built(root: &Path) -> Outcome<PathBuf> {
    must(
        cargo()
            .args(["build", "--package", "camera", "--example", "on_a_driver"])
            .current_dir(root),
        "the program for the virtual machine could not be built; why is said above.",
    )?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug").join("examples").join("on_a_driver"))
}

/// The machine's whole disk: busybox, the modules, the program with its libraries.
fn packed(kernel: &Kernel, program: &Path, only: &str) -> Outcome<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "mod", "proc", "sys", "tmp"] {
        archive.folder(folder);
    }
    archive.file_of("bin/busybox", &kernel.busybox)?;
    archive.file_of("bin/on_a_driver", program)?;
    for library in libraries(program)? {
        let place = library.to_string_lossy().trim_start_matches('/').to_owned();
        archive.file_of(&place, &library)?;
    }
    let mut order = String::new();
    for (name, module) in &kernel.modules {
        archive.file(&format!("mod/{name}"), module);
        if !kernel::LOADED_BY_ROWS.contains(&name.as_str()) {
            order.push_str(name);
            order.push('\n');
        }
    }
    archive.file("mod/order", order.as_bytes());
    let row = format!(
        "/bin/on_a_driver {}",
        if only.is_empty() {
            String::new()
        } else {
            format!("'{only}'")
        }
    );
    archive.program("init", INIT.replace("PHOTO_STATION_ROW", &row).as_bytes());
    Ok(archive.finish())
}

/// What the program is linked with, as the loader finds it.
fn libraries(program: &Path) -> Outcome<Vec<PathBuf>> {
    let said = output_of(Command::new("ldd").arg(program))
        .ok_or_else(|| Stop::new("ldd could not tell which libraries the program needs"))?;
    Ok(said
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect())
}

/// Runs the machine to its end and tells each row as it comes.
fn boot(kernel: &Kernel, initramfs: &Path) -> Outcome<Vec<Row>> {
    let mut qemu = Command::new("nice");
    qemu.args(["-n", "10", "timeout", "--kill-after=5", &MOST_SECONDS.to_string()])
        .arg(&kernel.qemu)
        .args(
            kernel
                .firmware
                .iter()
                .flat_map(|folder| [Path::new("-L"), folder.as_path()]),
        )
        .args([
            "-accel",
            "tcg",
            "-m",
            "512",
            "-smp",
            "2",
            "-nic",
            "none",
            "-nographic",
            "-no-reboot",
        ])
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(initramfs)
        .args(["-append", "console=ttyS0 quiet panic=-1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(libraries) = &kernel.libraries {
        qemu.env("LD_LIBRARY_PATH", libraries);
    }
    let running = Running::start(&mut qemu, OnInterrupt::Kill)?;
    let mut rows = Vec::new();
    let mut said = Vec::new();
    let mut ended = None;
    if let Some(output) = running.take_stdout() {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let words: Vec<&str> = line.split('\t').collect();
            match words.as_slice() {
                // The console puts its own codes before the first line.
                [row, name, verdict, seconds, seen] if row.ends_with("ROW") => {
                    let row = Row {
                        name: (*name).to_owned(),
                        passed: *verdict == "ok",
                        seconds: (*seconds).to_owned(),
                        seen: (*seen).to_owned(),
                    };
                    println!("{}", shown(&row));
                    rows.push(row);
                }
                [end, ran, failed] if end.ends_with("END") => {
                    ended = Some(((*ran).parse::<usize>(), (*failed).parse::<usize>()));
                }
                _ => said.push(line),
            }
        }
    }
    running.wait()?;
    let all = rows.len();
    let failed = rows.iter().filter(|row| !row.passed).count();
    if ended != Some((Ok(all), Ok(failed))) || all == 0 {
        let last: Vec<String> = said.into_iter().rev().take(30).collect();
        for line in last.iter().rev() {
            println!("  | {line}");
        }
        return Err(Stop::new(format!(
            "the machine ended after {all} rows without saying that these were all."
        )));
    }
    Ok(rows)
}

fn shown(row: &Row) -> String {
    let verdict = if row.passed { "passed" } else { "FAILED" };
    format!("{verdict}  {:>5} s  {:<46} {}", row.seconds, row.name, row.seen)
}

/// Every row passed, and none was left out.
fn judged(rows: &[Row], all: bool) -> Outcome {
    let failed = rows.iter().filter(|row| !row.passed).count();
    println!("\n{} rows, {failed} failed.", rows.len());
    println!(
        "Not covered: a camera on USB (uvcvideo) and its controls for exposure time, white balance, focus, zoom and \
         mains frequency; an emulated USB host has no isochronous endpoints."
    );
    if failed > 0 {
        return Err(Stop::new(format!("{failed} rows failed.")));
    }
    if all && rows.len() < LEAST_ROWS {
        return Err(Stop::new(format!(
            "only {} rows ran; there are at least {LEAST_ROWS}.",
            rows.len()
        )));
    }
    Ok(())
}

/// So that no row is lost without somebody meaning it.
const LEAST_ROWS: usize = 25;
