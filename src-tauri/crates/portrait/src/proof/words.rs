//! What each point of a proof says to the people at the desk.

use super::{Point, PointCode, Proof};
use crate::PortraitError;
use crate::report::{Report, Transform};
use crate::spec::Spec;

/// The way on whenever a point does not hold.
const AGAIN_ZH: &str = "请用原始照片重新生成标准照，不要用修图软件打开";
const AGAIN_EN: &str = "make the standard photo again from the capture, and open it in no photo editor";

struct Told {
    code: PointCode,
    value: f64,
    min: Option<f64>,
    max: Option<f64>,
    unit: &'static str,
    /// What holds, then what does not: Chinese and English.
    good: [&'static str; 2],
    bad: [&'static str; 2],
}

impl From<Told> for Point {
    fn from(told: Told) -> Point {
        let holds = told.value.is_finite()
            && told.min.is_none_or(|min| told.value >= min)
            && told.max.is_none_or(|max| told.value <= max);
        let [zh, en] = if holds {
            told.good.map(str::to_owned)
        } else {
            [
                format!("{}：{AGAIN_ZH}", told.bad[0]),
                format!("{}: {AGAIN_EN}", told.bad[1]),
            ]
        };
        Point {
            code: told.code,
            holds,
            value: told
                .value
                .is_finite()
                .then(|| (told.value * 1e4).round() / 1e4 + 0.0),
            min: told.min,
            max: told.max,
            unit: told.unit.to_owned(),
            zh,
            en,
        }
    }
}

fn plain(code: PointCode, holds: bool, zh: String, en: String) -> Point {
    Point {
        code,
        holds,
        value: None,
        min: None,
        max: None,
        unit: String::new(),
        zh,
        en,
    }
}

pub(super) fn readable() -> Point {
    plain(
        PointCode::File,
        true,
        "文件可以读取，尺寸正确".into(),
        "The file reads and has the right size".into(),
    )
}

pub(super) fn unreadable(why: &PortraitError) -> Point {
    let (zh, en) = match why {
        PortraitError::Picture(refusal) => (refusal.zh(), refusal.en()),
        other => (format!("照片文件无法读取：{AGAIN_ZH}"), other.to_string()),
    };
    plain(PointCode::File, false, zh, en)
}

pub(super) fn wrong_size([w, h]: [u32; 2], spec: &Spec) -> Point {
    let (sw, sh) = (spec.width, spec.height);
    plain(
        PointCode::File,
        false,
        format!("照片是 {w}×{h} 像素，标准是 {sw}×{sh}：{AGAIN_ZH}"),
        format!("The picture has {w} x {h} pixels, the standard {sw} x {sh}: {AGAIN_EN}"),
    )
}

pub(super) fn same_picture(likeness: Option<f64>, min: f64) -> Point {
    Told {
        code: PointCode::SamePicture,
        value: likeness.unwrap_or(f64::NAN),
        min: Some(min),
        max: None,
        unit: "",
        good: ["两张照片是同一次拍摄", "Both pictures are of the same moment"],
        bad: [
            "标准照与原始照片不是同一次拍摄，或面部被改动",
            "The result does not show the capture's moment, or its face was changed",
        ],
    }
    .into()
}

pub(super) fn mirrored(advantage: f64) -> Point {
    Told {
        code: PointCode::Mirrored,
        value: advantage,
        min: Some(0.0),
        max: None,
        unit: "",
        good: ["没有镜像", "Not mirrored"],
        bad: ["照片被左右镜像", "The picture is mirrored"],
    }
    .into()
}

pub(super) fn rotated(degrees: f64, max: f64) -> Point {
    Told {
        code: PointCode::Rotated,
        value: degrees,
        min: Some(-max),
        max: Some(max),
        unit: "°",
        good: ["没有旋转", "Not rotated"],
        bad: ["照片被旋转", "The picture is rotated"],
    }
    .into()
}

pub(super) fn stretched(share: f64, max: f64) -> Point {
    Told {
        code: PointCode::Stretched,
        value: share,
        min: None,
        max: Some(max),
        unit: "",
        good: ["宽高按同一比例缩放", "Width and height scaled alike"],
        bad: ["照片被拉伸变形", "The picture is stretched"],
    }
    .into()
}

pub(super) fn warped(pixels: f64, max: f64) -> Point {
    Told {
        code: PointCode::Warped,
        value: pixels,
        min: None,
        max: Some(max),
        unit: "px",
        good: ["没有局部变形", "No part was moved"],
        bad: [
            "有局部变形，例如瘦脸或放大眼睛",
            "A part was moved, as by slimming a face or enlarging eyes",
        ],
    }
    .into()
}

pub(super) fn colour_mean(difference: f64, max: f64) -> Point {
    Told {
        code: PointCode::ColourMean,
        value: difference,
        min: None,
        max: Some(max),
        unit: "ΔE*ab",
        good: ["人像颜色与原始照片一致", "The person's colours are the capture's"],
        bad: ["人像颜色被改动", "The person's colours were changed"],
    }
    .into()
}

pub(super) fn colour_most(difference: f64, max: f64) -> Point {
    Told {
        code: PointCode::ColourMost,
        value: difference,
        min: None,
        max: Some(max),
        unit: "ΔE*ab",
        good: [
            "人像各处颜色与原始照片一致",
            "The person's colours are the capture's everywhere",
        ],
        bad: [
            "人像局部颜色被改动",
            "The person's colours were changed in places",
        ],
    }
    .into()
}

pub(super) fn tone(levels: f64, max: f64) -> Point {
    Told {
        code: PointCode::Tone,
        value: levels,
        min: None,
        max: Some(max),
        unit: "levels",
        good: ["没有美白或调色", "Nothing was whitened or tinted"],
        bad: [
            "照片被美白、调亮或调色",
            "A region was whitened, brightened or tinted",
        ],
    }
    .into()
}

pub(super) fn texture(kept: f64, min: f64) -> Point {
    Told {
        code: PointCode::Texture,
        value: kept,
        min: Some(min),
        max: None,
        unit: "",
        good: ["没有磨皮", "Nothing was smoothed"],
        bad: ["照片被磨皮或模糊", "The picture was smoothed or blurred"],
    }
    .into()
}

pub(super) fn detail(levels: f64, max: f64) -> Point {
    Told {
        code: PointCode::Detail,
        value: levels,
        min: None,
        max: Some(max),
        unit: "levels",
        good: ["没有去痣、去疤等局部修改", "No spot was removed or changed"],
        bad: [
            "有局部修改，例如去痣、去疤、锐化",
            "Something was changed, as by removing a mole or a scar or by sharpening",
        ],
    }
    .into()
}

/// Hashes and transform of the report that came along.
pub(super) fn claim(report: &Report, proof: &Proof, spec: &Spec, max: f64) -> Point {
    let hashes = report.original_sha256.as_ref() == Some(&proof.original_sha256)
        && report.result_sha256.as_ref() == Some(&proof.result_sha256);
    if !hashes {
        return plain(
            PointCode::Report,
            false,
            "报告属于另外的照片：请使用与这两个文件一同生成的报告".into(),
            "The report is about other files: give the one that was made with these two".into(),
        );
    }
    let off = match (&report.transform, &proof.transform) {
        (Some(told), Some(found)) => corner_distance(told, found, spec),
        _ => f64::NAN,
    };
    Told {
        code: PointCode::Report,
        value: off,
        min: None,
        max: Some(max),
        unit: "px",
        good: ["报告与实测一致", "The report tells what was found"],
        bad: [
            "报告中的缩放或平移与实测不符",
            "The report's transform is not what was found",
        ],
    }
    .into()
}

/// Largest distance between where two transforms put what one of them shows in the corners of the picture.
fn corner_distance(told: &Transform, found: &Transform, spec: &Spec) -> f64 {
    let (w, h) = (f64::from(spec.width), f64::from(spec.height));
    [[0.0, 0.0], [w, 0.0], [0.0, h], [w, h]]
        .into_iter()
        .map(|corner| {
            let [x, y] = told.apply(found.invert(corner));
            (x - corner[0]).hypot(y - corner[1])
        })
        .fold(0.0, f64::max)
}
