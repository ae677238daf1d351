//! `photo-station staff-card`: the staff's card as a picture to print.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use qrcode::{Color, EcLevel, QrCode};

/// Pixels a module, and modules of the white edge a code needs around it.
const MODULE: u32 = 12;
const EDGE: u32 = 4;

/// Writes what the card says as a code, for its owner's eyes alone where the system knows owners.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(says: &str, target: &Path) -> std::io::Result<()> {
    let code = QrCode::with_error_correction_level(says, EcLevel::M).map_err(std::io::Error::other)?;
    let (side, modules) = (code.width() as u32, code.to_colors());
    let whole = (side + 2 * EDGE) * MODULE;
    let picture = GrayImage::from_fn(whole, whole, |x, y| {
        let (x, y) = ((x / MODULE).wrapping_sub(EDGE), (y / MODULE).wrapping_sub(EDGE));
        let dark = x < side && y < side && modules.get((y * side + x) as usize) == Some(&Color::Dark);
        Luma([if dark { 0 } else { 255 }])
    });
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(std::io::Error::other)?;
    let mut file = BufWriter::new(private(target)?);
    file.write_all(png.get_ref())?;
    file.flush()
}

#[cfg(unix)]
fn private(target: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // An older file keeps its mode: make a new one.
    match std::fs::remove_file(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
}

#[cfg(not(unix))]
fn private(target: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(target)
}
