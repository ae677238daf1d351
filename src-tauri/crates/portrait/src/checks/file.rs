//! The written file.

use super::{STANDARD, Told};
use crate::report::{Check, CheckCode, FileFacts, Light};
use crate::spec::Spec;

/// The written file against the spec.
#[expect(
    clippy::too_many_lines,
    reason = "one paragraph a point, and each is its own sentence in two languages"
)]
pub(crate) fn file(facts: &FileFacts, spec: &Spec) -> Vec<Check> {
    let mut checks = Vec::with_capacity(4);
    let right = (facts.width, facts.height) == (spec.width, spec.height);
    checks.push(
        Told {
            code: CheckCode::PictureSize,
            light: if right { Light::Green } else { Light::Red },
            value: f64::from(facts.width),
            min: Some(f64::from(spec.width)),
            max: Some(f64::from(spec.width)),
            unit: "px",
            source: STANDARD,
        }
        .said(
            format!(
                "尺寸 {}×{}，要求 {}×{}",
                facts.width, facts.height, spec.width, spec.height
            ),
            format!(
                "Size {}x{}, required {}x{}",
                facts.width, facts.height, spec.width, spec.height
            ),
        ),
    );
    let kb = |bytes: u32| f64::from(bytes) / 1000.0;
    let (min, max) = (spec.file.min_bytes, spec.file.max_bytes);
    let told = Told {
        code: CheckCode::FileSize,
        light: if facts.bytes > max {
            Light::Red
        } else if facts.bytes < min {
            Light::Amber
        } else {
            Light::Green
        },
        value: kb(facts.bytes),
        min: Some(kb(min)),
        max: Some(kb(max)),
        unit: "kB",
        source: "教毕指〔2017〕99号 (20–40 KB); 30 KB: some vendors' gates",
    };
    let size = kb(facts.bytes);
    checks.push(match told.light {
        Light::Green => told.said(format!("文件 {size:.1} KB"), format!("File of {size:.1} kB")),
        Light::Amber => told.said(
            format!("文件只有 {size:.1} KB：画面太简单，最高质量也不到下限；不会用空数据填充"),
            format!(
                "Only {size:.1} kB: the picture is too plain to fill more at any quality; it is never padded"
            ),
        ),
        _ => told.said(
            format!("文件 {size:.1} KB，太大"),
            format!("File of {size:.1} kB is too large"),
        ),
    });
    let least = f64::from(spec.file.min_quality);
    let told = Told {
        code: CheckCode::FileQuality,
        light: match facts.quality {
            Some(q) if q < spec.file.min_quality => Light::Red,
            Some(_) => Light::Green,
            None => Light::ForReviewer,
        },
        value: facts.quality.map_or(f64::NAN, f64::from),
        min: Some(least),
        max: None,
        unit: "",
        source: STANDARD,
    };
    checks.push(match (told.light, facts.quality) {
        (Light::Green, Some(q)) => told.said(format!("JPEG 质量 {q}"), format!("JPEG quality {q}")),
        (Light::Red, Some(q)) => told.said(
            format!("JPEG 质量 {q}，低于 {least}"),
            format!("JPEG quality {q} is under {least}"),
        ),
        _ => told.said("JPEG 质量无法判断", "JPEG quality cannot be told"),
    });
    let told = Told {
        code: CheckCode::Density,
        light: if facts.dpi == Some(spec.dpi) {
            Light::Green
        } else {
            Light::Red
        },
        value: facts.dpi.map_or(f64::NAN, f64::from),
        min: Some(f64::from(spec.dpi)),
        max: Some(f64::from(spec.dpi)),
        unit: "dpi",
        source: STANDARD,
    };
    let dpi = spec.dpi;
    checks.push(match facts.dpi {
        Some(found) => told.said(
            format!("分辨率 {found} dpi，要求 {dpi}"),
            format!("{found} dpi, required {dpi}"),
        ),
        None => told.said(
            format!("文件没有写明分辨率，要求 {dpi} dpi"),
            format!("No density written, required {dpi} dpi"),
        ),
    });
    checks
}

/// Whether the file is a plain colour JPEG without metadata.
pub(crate) fn file_format(jpeg: bool, colour: bool, exif: bool) -> Check {
    let told = Told {
        code: CheckCode::FileFormat,
        light: if jpeg && colour && !exif {
            Light::Green
        } else if jpeg && colour {
            Light::Amber
        } else {
            Light::Red
        },
        value: f64::NAN,
        min: None,
        max: None,
        unit: "",
        source: STANDARD,
    };
    match (jpeg, colour, exif) {
        (true, true, false) => told.said("24 位彩色 JPEG", "24-bit colour JPEG"),
        (true, true, true) => told.said("JPEG 中带有 EXIF 信息", "The JPEG carries EXIF metadata"),
        (true, false, _) => told.said("不是彩色照片", "Not a colour picture"),
        _ => told.said("不是 JPEG 文件", "Not a JPEG file"),
    }
}
