//! The readers of the bench.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use code::Reader;
use image::GrayImage;

type Read = Box<dyn FnMut(&GrayImage) -> Vec<Vec<u8>>>;

/// A reader with its name.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    make: Box<dyn Fn() -> Read>,
    read: Read,
}

impl Contestant {
    fn new(name: &'static str, make: impl Fn() -> Read + 'static) -> Self {
        let read = make();
        Self {
            name,
            make: Box::new(make),
            read,
        }
    }

    /// Forgets what it saw: what follows is another scene.
    pub(crate) fn start_scene(&mut self) {
        self.read = (self.make)();
    }

    /// What it reads in a frame; a panic reads nothing.
    pub(crate) fn read(&mut self, luma: &GrayImage) -> Vec<Vec<u8>> {
        catch_unwind(AssertUnwindSafe(|| (self.read)(luma))).unwrap_or_default()
    }
}

/// Every reader at hand.
pub(crate) fn all() -> Vec<Contestant> {
    let mut all = vec![
        Contestant::new("ours", || {
            let mut reader = Reader::new();
            Box::new(move |luma| {
                let found = reader.read_live(luma);
                found.iter().map(|found| found.text.expose().to_vec()).collect()
            })
        }),
        Contestant::new("ours, files", || {
            let mut reader = Reader::new();
            Box::new(move |luma| {
                let found = reader.read(luma);
                found.iter().map(|found| found.text.expose().to_vec()).collect()
            })
        }),
        Contestant::new("zxing-cpp", || Box::new(zxing)),
        Contestant::new("rxing", || Box::new(rxing)),
        Contestant::new("rqrr", || Box::new(rqrr)),
    ];
    if Command::new("zbarimg")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok()
    {
        all.push(Contestant::new("zbar", || Box::new(zbar)));
    }
    all
}

/// zxing-cpp with everything it can try.
fn zxing(luma: &GrayImage) -> Vec<Vec<u8>> {
    use zxingcpp::{BarcodeFormat, BarcodeReader, Binarizer, ImageFormat, ImageView};
    let reader = BarcodeReader::new()
        .formats(BarcodeFormat::QRCode)
        .try_harder(true)
        .try_rotate(true)
        .try_invert(true)
        .try_downscale(true)
        .binarizer(Binarizer::LocalAverage);
    let view = ImageView::from_slice(luma.as_raw(), luma.width(), luma.height(), ImageFormat::Lum);
    let symbols = view.and_then(|view| reader.from(&view)).unwrap_or_default();
    symbols.iter().map(zxingcpp::Barcode::bytes).collect()
}

fn rxing(luma: &GrayImage) -> Vec<Vec<u8>> {
    let mut hints = rxing::DecodeHints {
        TryHarder: Some(true),
        AlsoInverted: Some(true),
        ..rxing::DecodeHints::default()
    };
    rxing::helpers::detect_in_luma_with_hints(
        luma.as_raw().clone(),
        luma.width(),
        luma.height(),
        Some(rxing::BarcodeFormat::QR_CODE),
        &mut hints,
    )
    .map(|result| vec![result.getText().as_bytes().to_vec()])
    .unwrap_or_default()
}

fn rqrr(luma: &GrayImage) -> Vec<Vec<u8>> {
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let samples = luma.as_raw();
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| samples[y * width + x]);
    let mut texts = Vec::new();
    for grid in prepared.detect_grids() {
        let mut bytes = Vec::new();
        if grid.decode_to(&mut bytes).is_ok() {
            texts.push(bytes);
        }
    }
    texts
}

/// The `zbarimg` program; its time includes its start and a picture written to a file.
fn zbar(luma: &GrayImage) -> Vec<Vec<u8>> {
    let file = std::env::temp_dir().join(format!("scan-bench-{}.png", std::process::id()));
    luma.save(&file).expect("a picture in the temporary folder");
    let output = Command::new("zbarimg")
        .args([
            "--quiet",
            "--raw",
            "--oneshot",
            "-Sbinary",
            "-Sdisable",
            "-Sqrcode.enable",
        ])
        .arg(&file)
        .output();
    drop(std::fs::remove_file(&file));
    match output {
        Ok(output) if !output.stdout.is_empty() => vec![output.stdout],
        _ => Vec::new(),
    }
}
