//! Markdown, and the figures in it.

use std::fmt::Write as _;

/// What it ran on: a time means nothing without it.
pub(crate) fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|l| l.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("Machine: {cpu}, {cores} cores, {}.\n", std::env::consts::OS)
}

/// A Markdown table.
pub(crate) fn table(title: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = format!("### {title}\n\n| {} |\n|", columns.join(" | "));
    for (i, _) in columns.iter().enumerate() {
        out.push_str(if i == 0 { " --- |" } else { " ---: |" });
    }
    out.push('\n');
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out
}

/// The value a share of `q` of the values does not exceed; NaN for none.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return f64::NAN;
    }
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

/// A share as percent.
pub(crate) fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "–".into();
    }
    format!("{:.1} %", part as f64 / whole as f64 * 100.0)
}
