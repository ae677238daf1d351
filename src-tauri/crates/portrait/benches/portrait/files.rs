//! The finished files: size and quality.

use std::fmt::Write as _;

use portrait::Light;

use crate::cast::Sat;
use crate::table::{percent, quantile, table};

pub(crate) fn tell(all: &[Sat]) -> String {
    let files: Vec<_> = all.iter().filter_map(|s| s.report.file.as_ref()).collect();
    let sizes: Vec<f64> = files.iter().map(|f| f64::from(f.bytes)).collect();
    let qualities: Vec<f64> = files.iter().filter_map(|f| f.quality).map(f64::from).collect();
    let spread = |values: &[f64]| {
        [0.0, 0.05, 0.5, 0.95, 1.0]
            .map(|q| format!("{:.0}", quantile(values, q)))
            .to_vec()
    };
    let row = |name: &str, values: &[f64]| {
        let mut row = vec![name.to_owned()];
        row.extend(spread(values));
        row
    };
    let mut out = table(
        "Finished files",
        &["", "least", "p5", "median", "p95", "most"],
        &[row("bytes", &sizes), row("JPEG quality", &qualities)],
    );
    let within = files
        .iter()
        .filter(|f| (30_720..=40_000).contains(&f.bytes))
        .count();
    let refused = all
        .iter()
        .filter(|s| s.report.checks.iter().any(|c| c.light == Light::Red))
        .count();
    let _ = writeln!(
        out,
        "\n30–40 KB: {} of {}; full colour (4:4:4): {}. Students refused for whatever reason: {}.",
        percent(within, files.len()),
        files.len(),
        percent(
            files.iter().filter(|f| f.sampling == "4:4:4").count(),
            files.len()
        ),
        percent(refused, all.len()),
    );
    out
}
