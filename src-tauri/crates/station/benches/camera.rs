//! `cargo xtask bench camera`: what a camera of 1920 x 1080 at 30 frames a second costs, stage by stage.
//!
//! A rendered student, encoded as webcams do (4:2:2). Each stage is the median of its rounds; beside it stands the time a
//! plain copy of the picture's three bytes a pixel takes on the same machine, and for decoding libjpeg-turbo's, where its
//! `tjbench` is installed (`apt-get install libjpeg-turbo-progs`). Prints Markdown; nothing here fails on a slow machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench stops where it fails"
)]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use camera::{Act, BoothOptions, Frame, PixelFormat};
use code::{Lookout, Pattern};
use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use portrait::{Models, Spec, Tracker};
use virtual_booth::Booth;

const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;
const FPS: f64 = 30.0;
/// What the page asks for where nothing but software draws it.
const SHOWN: f64 = 22.0;
const ROUNDS: usize = 41;

/// The median time of a stage, in milliseconds.
fn stage(mut work: impl FnMut()) -> f64 {
    work();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2].as_secs_f64() * 1000.0
}

fn scene(act: &Act) -> RgbImage {
    let options = BoothOptions {
        width: WIDTH,
        height: HEIGHT,
        ..BoothOptions::default()
    };
    Booth::new(options).frame(act, 0)
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 88);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
    encoder
        .encode(picture.as_raw(), WIDTH as u16, HEIGHT as u16, ColorType::Rgb)
        .unwrap();
    bytes
}

/// What a driver that sends no JPEG would have sent: BT.601, limited range.
fn yuyv(picture: &RgbImage) -> Vec<u8> {
    let level = |x: f64| x.round().clamp(0.0, 255.0) as u8;
    let luma = |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    picture
        .as_raw()
        .chunks_exact(6)
        .flat_map(|two| {
            let (one, other) = (luma(&two[..3]), luma(&two[3..]));
            let y = |luma: f64| level(16.0 + 219.0 / 255.0 * luma);
            let (u, v) = (
                (f64::from(two[2]) - one) / 1.772,
                (f64::from(two[0]) - one) / 1.402,
            );
            [
                y(one),
                level(128.0 + u * 224.0 / 255.0),
                y(other),
                level(128.0 + v * 224.0 / 255.0),
            ]
        })
        .collect()
}

/// Frames a second of libjpeg-turbo on this file, one core; `None` where it is not installed.
fn turbo(file: &Path, options: &[&str]) -> Option<f64> {
    let said = Command::new("tjbench")
        .arg(file)
        .args(["-benchtime", "2", "-warmup", "0.5", "-nowrite"])
        .args(options)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("Frame rate:"))?;
    line.split_whitespace().rev().nth(1)?.parse().ok()
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/models");
    let models = Models::load(&folder).expect("the vision models; `cargo xtask setup` makes them");
    let student = scene(&Act::Sit);
    let with_code = scene(&Act::ShowCode("https://example.org/0123456789".repeat(3)));
    let spec = Spec::built_in("national-blue").unwrap();
    let pattern = Pattern::new(".{20,}").unwrap();
    let sent = jpeg(&student);
    let mapped = [sent.as_slice(), &vec![0; 4_147_200 - sent.len()]].concat();
    let raw = yuyv(&student);

    let rgb = student.as_raw().clone();
    let mut copy = vec![0; rgb.len()];
    let plain = stage(|| copy.copy_from_slice(black_box(&rgb)));

    let from = |format, bytes: &[u8]| Frame::new(format, WIDTH, HEIGHT, bytes).unwrap();
    let mjpeg = from(PixelFormat::Mjpeg, &sent);
    let code_frame = from(PixelFormat::Mjpeg, &jpeg(&with_code));
    let packed = from(PixelFormat::Yuyv, &raw);

    let mut rows: Vec<(&str, f64)> = Vec::new();
    let mut time = |name: &'static str, work: &mut dyn FnMut()| {
        let took = stage(work);
        rows.push((name, took));
        took
    };
    let taken = time("MJPEG out of the driver's buffer, to its own end", &mut || {
        black_box(from(PixelFormat::Mjpeg, black_box(&mapped)));
    });
    let luma = time("MJPEG to luma, for the scanner", &mut || {
        black_box(mjpeg.to_luma().unwrap());
    });
    let full = time("MJPEG to RGB, for the photo", &mut || {
        black_box(mjpeg.to_rgb().unwrap());
    });
    let small = time("MJPEG to RGB at a half, for preview and guidance", &mut || {
        black_box(mjpeg.to_small_rgb(960).unwrap());
    });
    time("YUYV out of the driver's buffer", &mut || {
        black_box(from(PixelFormat::Yuyv, black_box(&raw)));
    });
    time("YUYV to luma", &mut || {
        black_box(packed.to_luma().unwrap());
    });
    time("YUYV to RGB at a half", &mut || {
        black_box(packed.to_small_rgb(960).unwrap());
    });
    let preview = time("the page's picture, decoded, scaled and encoded", &mut || {
        black_box(station::preview::picture(&mjpeg).unwrap());
    });
    let mut lookout = Lookout::default();
    let seen = code_frame.to_luma().unwrap();
    let scan = time("looking for a code that is there", &mut || {
        black_box(lookout.look(&seen, &pattern));
    });
    let half = mjpeg.to_small_rgb(900).unwrap();
    let mut tracker = Tracker::default();
    let guide = time("guidance, median of its three turns", &mut || {
        black_box(portrait::guide(&models, &half, &spec, &mut tracker));
    });

    println!(
        "A frame of {WIDTH}x{HEIGHT}, {} KB as MJPEG; a plain copy of its RGB takes {plain:.2} ms.\n",
        sent.len() / 1024
    );
    println!("| stage | ms | plain copies |\n|---|---|---|");
    for (name, took) in &rows {
        println!("| {name} | {took:.2} | {:.1} |", took / plain);
    }

    let file = tempfile::Builder::new().suffix(".jpg").tempfile().unwrap();
    std::fs::write(file.path(), &sent).unwrap();
    println!("\n| decoding | ours, frames a second | libjpeg-turbo | ours : theirs |\n|---|---|---|---|");
    for (name, took, options) in [
        ("full size", full, [].as_slice()),
        ("half size", small, &["-scale", "1/2"]),
    ] {
        let ours = 1000.0 / took;
        match turbo(file.path(), options) {
            Some(theirs) => println!("| {name} | {ours:.0} | {theirs:.0} | {:.2} |", ours / theirs),
            None => println!("| {name} | {ours:.0} | not installed | |"),
        }
    }

    // Two cores are 2000 ms a second.
    let share = |per_second: f64| per_second / 2000.0 * 100.0;
    let scanning = FPS * (taken + luma + scan) + SHOWN * preview;
    let framing = FPS * (taken + small + guide) + SHOWN * preview;
    println!("\n| at 30 frames a second, {SHOWN:.0} of them shown | of two cores |\n|---|---|");
    println!(
        "| scanning | {:.0} % |\n| framing | {:.0} % |",
        share(scanning),
        share(framing)
    );
    println!(
        "\nCopies of a frame: one, out of the driver's buffer, of as many bytes as the frame has; every reader after it \
         shares that one, and each decoding writes its own picture."
    );
}
