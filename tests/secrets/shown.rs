//! A code on a screen.

use qrcode::{EcLevel, QrCode};

/// A code as a telephone shows it.
pub(crate) fn shown(text: &str) -> image::GrayImage {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
    let (side, colors) = (code.width() as u32, code.to_colors());
    image::GrayImage::from_fn((side + 8) * 8, (side + 8) * 8, |x, y| {
        let (x, y) = ((x / 8).wrapping_sub(4), (y / 8).wrapping_sub(4));
        let dark = x < side && y < side && colors[(y * side + x) as usize] == qrcode::Color::Dark;
        image::Luma([if dark { 0 } else { 255 }])
    })
}
