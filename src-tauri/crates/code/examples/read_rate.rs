//! Read rate and speed over folders of pictures with their expected text beside them (`N.png` with
//! `N.txt` or `N.bin`): zxing-cpp alone, the whole ladder, the live ladder.
//!
//! `cargo run -p code --example read_rate -- FOLDER…`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use code::{Decoder, Reader};
use image::GrayImage;

fn main() {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        eprintln!("usage: read_rate FOLDER…");
        std::process::exit(2);
    }
    let mut reader = Reader::new();
    println!(
        "{:<28} {:>5} {:>16} {:>16} {:>16}  by rung (1x, 2x, rqrr, own), wrong",
        "folder", "n", "zxing-cpp", "ladder", "live"
    );
    let mut all = Tally::default();
    for folder in &folders {
        let mut tally = Tally::default();
        for (picture, expected) in pictures(folder) {
            tally.add(&mut reader, &picture, &expected);
        }
        println!(
            "{:<28} {tally}",
            folder.file_name().unwrap_or_default().to_string_lossy()
        );
        all.merge(&tally);
    }
    println!("{:<28} {all}", "all");
}

/// Luma pictures with the bytes they should give.
fn pictures(folder: &Path) -> Vec<(GrayImage, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("{}: not a folder", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
        .iter()
        .filter(|file| file.extension().is_some_and(|ext| ext == "png" || ext == "jpg"))
        .filter_map(|file| {
            let expected = ["txt", "bin"]
                .iter()
                .find_map(|ext| std::fs::read(file.with_extension(ext)).ok())?;
            let picture = image::open(file).ok()?.to_luma8();
            Some((picture, expected))
        })
        .collect()
}

#[derive(Default)]
struct Tally {
    pictures: u32,
    alone: u32,
    ladder: u32,
    live: u32,
    by_rung: [u32; 4],
    wrong: u32,
    time: [Duration; 3],
}

impl Tally {
    fn add(&mut self, reader: &mut Reader, picture: &GrayImage, expected: &[u8]) {
        self.pictures += 1;
        let start = Instant::now();
        self.alone += u32::from(zxing_alone(picture).iter().any(|bytes| says(bytes, expected)));
        self.time[0] += start.elapsed();

        let start = Instant::now();
        let found = reader.read(picture);
        self.time[1] += start.elapsed();
        if let Some(hit) = found.iter().find(|found| says(found.text.expose(), expected)) {
            self.ladder += 1;
            let rung = match hit.decoder {
                Decoder::ZxingCpp => 0,
                Decoder::ZxingCppDouble => 1,
                Decoder::Rqrr => 2,
                Decoder::Own => 3,
            };
            self.by_rung[rung] += 1;
        } else if !found.is_empty() {
            self.wrong += 1;
        }

        let start = Instant::now();
        let found = reader.read_live(picture);
        self.time[2] += start.elapsed();
        self.live += u32::from(found.iter().any(|found| says(found.text.expose(), expected)));
    }

    fn merge(&mut self, other: &Self) {
        self.pictures += other.pictures;
        self.alone += other.alone;
        self.ladder += other.ladder;
        self.live += other.live;
        self.wrong += other.wrong;
        for (mine, theirs) in self.by_rung.iter_mut().zip(other.by_rung) {
            *mine += theirs;
        }
        for (mine, theirs) in self.time.iter_mut().zip(other.time) {
            *mine += theirs;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>5}", self.pictures)?;
        for (read, time) in [self.alone, self.ladder, self.live].into_iter().zip(self.time) {
            let each = time.as_secs_f64() * 1e3 / f64::from(self.pictures.max(1));
            write!(f, " {read:>4} {each:>8.1} ms")?;
        }
        write!(f, "  {:?} {}", self.by_rung, self.wrong)
    }
}

/// The expected files are UTF-8; three of the `ZXing` symbols hold the same text in Shift JIS.
fn says(bytes: &[u8], expected: &[u8]) -> bool {
    bytes == expected || encoding_rs::SHIFT_JIS.decode(bytes).0.as_bytes() == expected
}

fn zxing_alone(picture: &GrayImage) -> Vec<Vec<u8>> {
    use zxingcpp::{BarcodeFormat, BarcodeReader, ImageFormat, ImageView};
    let reader = BarcodeReader::new().formats(BarcodeFormat::QRCode);
    let view = ImageView::from_slice(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        ImageFormat::Lum,
    );
    let symbols = view.and_then(|view| reader.from(&view)).unwrap_or_default();
    symbols.iter().map(zxingcpp::Barcode::bytes).collect()
}
