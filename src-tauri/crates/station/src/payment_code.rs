//! The payment code on the pay page.

use qrcode::QrCode;
use qrcode::render::svg;

/// The address as a QR code in an SVG document of at least 240 x 240 units; empty when it is too long for a
/// code (then the page shows the amount and the support line alone).
pub(crate) fn svg(url: &str) -> String {
    QrCode::new(url.as_bytes())
        .map(|code| {
            code.render::<svg::Color<'_>>()
                .min_dimensions(240, 240)
                .dark_color(svg::Color("#10222e"))
                .light_color(svg::Color("#ffffff"))
                .build()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::svg;

    #[test]
    fn an_address_becomes_a_square_drawing() {
        let drawing = svg("https://pay.example/o/1");
        assert!(
            drawing.contains("<svg") && drawing.contains("#10222e"),
            "no drawing: {drawing:.80}"
        );
    }

    #[test]
    fn an_address_longer_than_any_code_draws_nothing() {
        assert!(svg(&"x".repeat(8000)).is_empty());
    }
}
