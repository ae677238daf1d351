//! The backend's own web pages: plain HTML, one style sheet, no script. Chinese, for telephones and desks.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use crate::fault::Fault;

/// Nothing is loaded from elsewhere, nothing runs, nobody frames the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A page for people.
pub(crate) struct Page {
    status: StatusCode,
    title: String,
    body: String,
    reload: Option<u32>,
}

impl Page {
    /// A page; `title` is escaped, `body` is HTML.
    pub(crate) fn new(title: &str, body: String) -> Page {
        Page {
            status: StatusCode::OK,
            title: escaped(title),
            body,
            reload: None,
        }
    }

    /// Loads itself again after some seconds.
    pub(crate) fn reloading(mut self, seconds: u32) -> Page {
        self.reload = Some(seconds);
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Page {
        self.status = status;
        self
    }

    /// Nothing there.
    pub(crate) fn missing(what: &str) -> Page {
        let body = format!("<main class=\"narrow card\"><h1>{}</h1></main>", escaped(what));
        Page::new(what, body).with_status(StatusCode::NOT_FOUND)
    }

    /// Our own fault; what it is goes to the log.
    pub(crate) fn broken(fault: &Fault) -> Page {
        tracing::error!(%fault, "page");
        let body = "<main class=\"narrow card\"><h1>暂时无法打开</h1><p>请稍后再试。</p></main>".to_owned();
        Page::new("暂时无法打开", body).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let reload = self
            .reload
            .map(|s| format!("<meta http-equiv=\"refresh\" content=\"{s}\">"))
            .unwrap_or_default();
        let html = format!(
            "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{reload}\
             <title>{}</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body>{}</body></html>",
            self.title, self.body
        );
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (CACHE_CONTROL, "no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (self.status, headers, html).into_response()
    }
}

/// The one style sheet.
pub(crate) async fn style() -> Response {
    (
        [
            (CONTENT_TYPE, "text/css; charset=utf-8"),
            (CACHE_CONTROL, "max-age=300"),
        ],
        include_str!("style.css"),
    )
        .into_response()
}

/// Text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// An amount as people write it.
pub(crate) fn yuan(fen: u32) -> String {
    format!("¥{}.{:02}", fen / 100, fen % 100)
}

/// A QR code as an SVG document that scales; `None` for a text too long for any.
pub(crate) fn qr_svg(text: &str) -> Option<String> {
    use std::fmt::Write as _;
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
    let width = code.width();
    // Four modules of quiet zone on each side, as ISO/IEC 18004 wants.
    let side = width + 8;
    let mut path = String::new();
    for (i, colour) in code.to_colors().iter().enumerate() {
        if *colour == qrcode::Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", i % width + 4, i / width + 4);
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_station_sends_cannot_become_markup() {
        assert_eq!(escaped("<b a='1'>&\""), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
        assert_eq!(yuan(1505), "¥15.05");
    }
}
