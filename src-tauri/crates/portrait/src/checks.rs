//! The points of judgement: what was measured, the limit, where the limit comes from, and what to do about it.
//!
//! Two limits a point where it makes sense. Beyond the outer one the picture is refused; between the two a reviewer
//! might object and the student hears it before choosing. Where the means at hand do not decide (a cap, tinted
//! lenses), nothing is claimed: the light is [`Light::ForReviewer`].

use crate::geometry::Obstacle;
use crate::photometry::FaceLight;
use crate::report::{Check, CheckCode, FileFacts, Light, Measured};
use crate::spec::Spec;
use crate::vision::{Mesh, Pose};

/// 《高等学校学历证书电子注册图像采集规范及信息标准》.
const STANDARD: &str = "教毕指〔2017〕99号";
/// Pose of a full-frontal portrait: roll up to 8 degrees, yaw and pitch up to 5.
const FRONTAL: &str = "ISO/IEC 19794-5 (roll 8°, yaw and pitch 5°); limits widened by what the mesh can tell";
/// Open face-image quality software; its zones and thresholds.
const QUALITY: &str = "ISO/IEC 29794-5 (under- and over-exposure); limits ours";
/// Ours, set on rendered students and portraits.
const OURS: &str = "采集站: measured on rendered students and portraits";

/// Roll, degrees: remark and refusal. Nothing may be turned afterwards, so the head must be.
pub(crate) const ROLL: [f32; 2] = [4.0, 8.0];
/// Yaw, degrees.
pub(crate) const YAW: [f32; 2] = [7.0, 13.0];
/// Pitch, degrees. The mesh's pitch depends on how high the camera stands, so it may be off by some degrees.
pub(crate) const PITCH: [f32; 2] = [10.0, 15.0];
/// Lowest openness of an eye: remark and refusal. See [`Mesh::eye_openness`].
pub(crate) const EYES_OPEN: [f32; 2] = [0.18, 0.13];
/// Openness of the mouth: remark and refusal. Teeth in a smile are the reviewer's to refuse: the mesh cannot tell
/// a smile with teeth from full lips, and a false refusal costs the student another shot.
pub(crate) const MOUTH: [f32; 2] = [0.07, 0.45];
/// Luma of the brightest hundredths of the face, whites of the eyes included, under which there was too little light:
/// remark and refusal. The median of the skin would refuse dark skin in proper light.
pub(crate) const DARK: [f64; 2] = [85.0, 83.0];
/// Share of burnt-out skin; see [`FaceLight::burnt`].
pub(crate) const BURNT: [f64; 2] = [0.10, 0.30];
/// Light of the darker half over the brighter half.
pub(crate) const EVENNESS: [f64; 2] = [0.60, 0.38];
/// Sharpness; see [`FaceLight::sharpness`].
pub(crate) const SHARPNESS: [f64; 2] = [0.16, 0.13];

struct Told<'a> {
    code: CheckCode,
    light: Light,
    value: f64,
    min: Option<f64>,
    max: Option<f64>,
    unit: &'a str,
    source: &'a str,
}

impl Told<'_> {
    fn said(self, zh: impl Into<String>, en: impl Into<String>) -> Check {
        // Six digits are more than any of these measurements carries, and keep reports readable.
        let value = if self.value == 0.0 { 0.0 } else { self.value };
        Check {
            code: self.code,
            light: self.light,
            value: value.is_finite().then_some((value * 1e4).round() / 1e4),
            min: self.min,
            max: self.max,
            unit: self.unit.to_owned(),
            zh: zh.into(),
            en: en.into(),
            source: self.source.to_owned(),
        }
    }
}

/// Green up to `limits[0]`, amber up to `limits[1]`, red beyond; for limits that fall, the other way round.
fn light(value: f64, limits: [f64; 2]) -> Light {
    let beyond = |limit: f64| {
        if limits[1] >= limits[0] {
            value > limit
        } else {
            value < limit
        }
    };
    if !value.is_finite() || beyond(limits[1]) {
        Light::Red
    } else if beyond(limits[0]) {
        Light::Amber
    } else {
        Light::Green
    }
}

fn f(values: [f32; 2]) -> [f64; 2] {
    values.map(|v| (f64::from(v) * 1e4).round() / 1e4)
}

/// Nobody to be seen.
pub(crate) fn no_face() -> Check {
    Told {
        code: CheckCode::NoFace,
        light: Light::Red,
        value: 0.0,
        min: Some(1.0),
        max: Some(1.0),
        unit: "",
        source: STANDARD,
    }
    .said(
        "没有找到人脸：请正对镜头坐好，不要遮挡面部",
        "No face found: sit facing the camera, nothing in front of the face",
    )
}

/// How many people.
pub(crate) fn one_face(count: usize) -> Check {
    let light = if count == 1 { Light::Green } else { Light::Red };
    let told = Told {
        code: CheckCode::SeveralFaces,
        light,
        value: count as f64,
        min: Some(1.0),
        max: Some(1.0),
        unit: "",
        source: STANDARD,
    };
    if count == 1 {
        told.said("画面中只有一个人", "One person in the picture")
    } else {
        told.said(
            format!("画面中有 {count} 张脸：请其他人离开镜头"),
            format!("{count} faces in the picture: the others please step out of it"),
        )
    }
}

/// Roll, yaw, pitch.
pub(crate) fn pose(pose: &Pose) -> [Check; 3] {
    let told = |code, value: f32, limits: [f32; 2]| {
        let value = f64::from(value);
        let limit = f(limits);
        Told {
            code,
            light: light(value.abs(), limit),
            value,
            min: Some(-limit[1]),
            max: Some(limit[1]),
            unit: "°",
            source: FRONTAL,
        }
    };
    let roll = told(CheckCode::Tilted, pose.roll, ROLL);
    let tilted = match roll.light {
        Light::Green => roll.said("头部端正", "Head upright"),
        // The picture's right is the student's left.
        _ if pose.roll > 0.0 => roll.said(
            "头偏向您的左肩：照片不允许旋转，请把头摆正再拍",
            "Head tilted to your left shoulder: photos may not be rotated, hold it upright and shoot again",
        ),
        _ => roll.said(
            "头偏向您的右肩：照片不允许旋转，请把头摆正再拍",
            "Head tilted to your right shoulder: photos may not be rotated, hold it upright and shoot again",
        ),
    };
    let yaw = told(CheckCode::Turned, pose.yaw, YAW);
    let turned = match yaw.light {
        Light::Green => yaw.said("正对镜头", "Facing the camera"),
        _ if pose.yaw > 0.0 => yaw.said(
            "脸转向了您的左边：请正对镜头",
            "Face turned to your left: look straight at the camera",
        ),
        _ => yaw.said(
            "脸转向了您的右边：请正对镜头",
            "Face turned to your right: look straight at the camera",
        ),
    };
    let pitch = told(CheckCode::Pitched, pose.pitch, PITCH);
    let pitched = match pitch.light {
        Light::Green => pitch.said("没有仰头或低头", "Chin level"),
        _ if pose.pitch > 0.0 => pitch.said(
            "头仰得太高：请收下巴，平视镜头",
            "Chin too high: lower it and look straight ahead",
        ),
        _ => pitch.said(
            "头低得太多：请抬头，平视镜头",
            "Chin too low: raise it and look straight ahead",
        ),
    };
    [tilted, turned, pitched]
}

/// Eyes and mouth.
pub(crate) fn expression(mesh: &Mesh) -> [Check; 2] {
    let [a, b] = mesh.eye_openness();
    let open = f64::from(a.min(b));
    let eyes = Told {
        code: CheckCode::EyesClosed,
        light: light(open, f(EYES_OPEN)),
        value: open,
        min: Some(f(EYES_OPEN)[1]),
        max: None,
        unit: "",
        source: OURS,
    };
    let eyes = match eyes.light {
        Light::Green => eyes.said("双眼睁开", "Both eyes open"),
        Light::Amber => eyes.said(
            "眼睛睁得不大：请自然睁大双眼",
            "Eyes rather narrow: open both eyes naturally wide",
        ),
        _ => eyes.said(
            "眼睛闭着：请睁开双眼再拍",
            "Eyes closed: open both eyes and shoot again",
        ),
    };
    let gap = f64::from(mesh.mouth_openness());
    let mouth = Told {
        code: CheckCode::MouthOpen,
        light: light(gap, f(MOUTH)),
        value: gap,
        min: None,
        max: Some(f(MOUTH)[1]),
        unit: "",
        source: STANDARD,
    };
    let mouth = match mouth.light {
        Light::Green => mouth.said("嘴唇闭合", "Lips closed"),
        Light::Amber => mouth.said(
            "嘴没有完全闭合或露齿：审核可能不通过，请闭嘴、不露齿",
            "Lips parted or teeth showing: review may refuse it, close the lips",
        ),
        _ => mouth.said(
            "嘴张得很大：请闭嘴再拍",
            "Mouth wide open: close it and shoot again",
        ),
    };
    [eyes, mouth]
}

/// Brightness, evenness, sharpness.
pub(crate) fn photometry(m: &FaceLight) -> Vec<Check> {
    let told = Told {
        code: CheckCode::TooDark,
        light: light(m.bright, DARK),
        value: m.bright,
        min: Some(DARK[1]),
        max: None,
        unit: "luma",
        source: QUALITY,
    };
    let too_dark = match told.light {
        Light::Green => told.said("面部亮度足够", "Face bright enough"),
        _ => told.said(
            "脸部太暗：请打开补光灯或靠近光源再拍",
            "Face too dark: switch the lights on or sit nearer to them",
        ),
    };
    let told = Told {
        code: CheckCode::OverExposed,
        light: light(m.burnt, BURNT),
        value: m.burnt * 100.0,
        min: None,
        max: Some(BURNT[1] * 100.0),
        unit: "%",
        source: QUALITY,
    };
    let burnt = match told.light {
        Light::Green => told.said("面部没有过曝", "Face not over-exposed"),
        _ => told.said(
            "脸部过曝或有高光：请减弱灯光或擦去油光",
            "Face over-exposed or shiny: dim the light or dab the shine",
        ),
    };
    let told = Told {
        code: CheckCode::UnevenLight,
        light: light(m.evenness, EVENNESS),
        value: m.evenness,
        min: Some(EVENNESS[1]),
        max: None,
        unit: "",
        source: OURS,
    };
    let uneven = match told.light {
        Light::Green => told.said("左右脸光线均匀", "Both halves of the face lit alike"),
        _ => told.said(
            "左右脸明暗不均（阴阳脸）：请检查两侧灯光",
            "Half of the face in shadow: check both lights",
        ),
    };
    let told = Told {
        code: CheckCode::Blurred,
        light: light(m.sharpness, SHARPNESS),
        value: m.sharpness,
        min: Some(SHARPNESS[1]),
        max: None,
        unit: "1/px",
        source: OURS,
    };
    let blurred = match told.light {
        Light::Green => told.said("画面清晰", "Sharp"),
        Light::Amber => told.said(
            "画面略模糊：请保持不动，建议重拍",
            "Slightly soft: hold still, better shoot again",
        ),
        _ => told.said(
            "画面模糊：请保持不动，检查对焦后再拍",
            "Blurred: hold still, check the focus and shoot again",
        ),
    };
    vec![too_dark, burnt, uneven, blurred]
}

/// The three bands, the middle, and the capture's resolution.
pub(crate) fn geometry(
    m: &Measured,
    spec: &Spec,
    obstacle: Option<Obstacle>,
    upscale: Option<f64>,
) -> Vec<Check> {
    let mut checks = Vec::with_capacity(5);
    if let Some(scale) = upscale {
        let max = spec.limits.max_upscale;
        let short = obstacle == Some(Obstacle::Resolution);
        // The enlargement the smallest allowed face would need; the placement stops at the limit.
        let needed = if short {
            scale * (spec.face_width.min / m.face_width).max(1.0)
        } else {
            scale
        };
        let told = Told {
            code: CheckCode::TooSmall,
            light: if short {
                Light::Red
            } else if scale > f64::midpoint(max, 1.0) {
                Light::Amber
            } else {
                Light::Green
            },
            value: needed,
            min: None,
            max: Some(max),
            unit: "x",
            source: OURS,
        };
        checks.push(match told.light {
            Light::Green => told.said("分辨率足够", "Resolution sufficient"),
            Light::Amber => told.said(
                "人离镜头偏远，照片略有放大：靠近一些会更清晰",
                "Rather far from the camera, the photo is slightly enlarged: sitting closer gives more detail",
            ),
            _ => told.said(
                format!("脸在原图中太小，需放大 {needed:.2} 倍（最多 {max:.2} 倍）：请靠近镜头再拍"),
                format!("The face is too small in the capture and would be enlarged {needed:.2}x (at most {max:.2}x): sit closer"),
            ),
        });
    }
    let within = |band: crate::spec::Band, value: f64| {
        // Half a pixel is the measurement's own grain.
        let margin = (value - band.min).min(band.max - value);
        if margin >= 0.5 {
            Light::Green
        } else if margin >= -0.5 {
            Light::Amber
        } else {
            Light::Red
        }
    };
    let told = |code, band: crate::spec::Band, value: f64| Told {
        code,
        light: within(band, value),
        value,
        min: Some(band.min),
        max: Some(band.max),
        unit: "px",
        source: STANDARD,
    };
    let t = told(CheckCode::Crown, spec.crown, m.crown);
    checks.push(match t.light {
        Light::Green => t.said("头顶位置合格", "Crown within its band"),
        Light::Red if obstacle == Some(Obstacle::Hair) => t.said(
            "头发太高，头顶与眼睛的位置无法同时满足：请压低或扎起头发，或由工作人员决定",
            "Hair too tall for crown and eyes to fit together: flatten or tie it, or let staff decide",
        ),
        _ if m.crown < spec.crown.min => t.said("头顶离上边太近", "Crown too near to the top edge"),
        _ => t.said("头顶离上边太远", "Crown too far from the top edge"),
    });
    let t = told(CheckCode::Eyes, spec.eyes, m.eyes);
    checks.push(match t.light {
        Light::Green => t.said("眼睛位置合格", "Eyes within their band"),
        _ if m.eyes < spec.eyes.min => t.said("眼睛位置偏高", "Eyes too high"),
        _ => t.said("眼睛位置偏低", "Eyes too low"),
    });
    let t = told(CheckCode::Width, spec.face_width, m.face_width);
    checks.push(match t.light {
        Light::Green => t.said("脸宽合格", "Face width within its band"),
        _ if m.face_width < spec.face_width.min => {
            t.said("脸太窄：请靠近镜头", "Face too narrow: sit closer")
        }
        _ => t.said("脸太宽：请离镜头远一些", "Face too wide: sit farther away"),
    });
    let allowed = f64::from(spec.width) / 40.0;
    let t = Told {
        code: CheckCode::Centre,
        light: light(m.off_centre.abs(), [allowed / 2.0, allowed]),
        value: m.off_centre,
        min: Some(-allowed),
        max: Some(allowed),
        unit: "px",
        source: "教毕指〔2017〕99号 (头部居中); limit ours",
    };
    checks.push(match t.light {
        Light::Green => t.said("头部居中", "Head in the middle"),
        _ => t.said("头部没有居中", "Head not in the middle"),
    });
    checks
}

/// Whether the person is whole inside the picture. `top`: hair touches the capture's upper edge; `missing` how many
/// finished pixels of the person lie beyond an edge.
pub(crate) fn cut_off(top: bool, missing: f64) -> Check {
    let told = Told {
        code: CheckCode::CutOff,
        light: if top || missing > 0.5 {
            Light::Red
        } else {
            Light::Green
        },
        value: missing,
        min: None,
        max: Some(0.0),
        unit: "px",
        source: STANDARD,
    };
    if top {
        told.said(
            "头顶超出画面：请坐低一些或后退",
            "The top of the head is outside the capture: sit lower or move back",
        )
    } else if missing > 0.5 {
        told.said(
            "身体在照片范围内被画面边缘切断：请坐到中间、坐高一些",
            "The body is cut off inside the photo: sit in the middle and a little higher",
        )
    } else {
        told.said("人像完整", "The person is whole")
    }
}

/// Could person and wall be told apart.
pub(crate) fn wall(plain: bool) -> Check {
    let told = Told {
        code: CheckCode::Wall,
        light: if plain { Light::Green } else { Light::Amber },
        value: f64::NAN,
        min: None,
        max: None,
        unit: "",
        source: OURS,
    };
    if plain {
        told.said(
            "背景墙干净，抠图可靠",
            "Plain wall, person and wall clearly parted",
        )
    } else {
        told.said(
            "背景不是干净的墙面：请仔细查看头发边缘，最好换纯色背景重拍",
            "The background is not a plain wall: look closely at the hair's edge, better shoot before a plain one",
        )
    }
}

/// Evenness and colour of the finished background: largest mean deviation in 8-bit levels, `None` if there is
/// too little background to judge.
pub(crate) fn background(off: Option<f64>, spec: &Spec) -> Check {
    // JPEG at quality 60 moves a flat colour by up to two levels.
    const LIMITS: [f64; 2] = [3.0, 6.0];
    let [r, g, b] = spec.background;
    let told = Told {
        code: CheckCode::Background,
        light: off.map_or(Light::ForReviewer, |off| light(off, LIMITS)),
        value: off.unwrap_or(f64::NAN),
        min: None,
        max: Some(LIMITS[1]),
        unit: "levels",
        source: STANDARD,
    };
    match told.light {
        Light::Green => told.said("背景均匀，颜色正确", "Background even and of the right colour"),
        Light::ForReviewer => told.said("背景太少，需人工判断", "Too little background to judge"),
        _ => told.said(
            format!("背景不均匀或颜色不是 RGB({r},{g},{b})"),
            format!("Background uneven or not RGB({r},{g},{b})"),
        ),
    }
}

/// Clothes against the background: distance of the mean colours, CIE Lab.
pub(crate) fn clothes(distance: Option<f64>) -> Check {
    // Just noticeable is 2; clothes that melt into the background at a glance are under 15.
    const LIMITS: [f64; 2] = [18.0, 0.0];
    let told = Told {
        code: CheckCode::Clothes,
        light: match distance {
            Some(d) if d < LIMITS[0] => Light::Amber,
            Some(_) => Light::Green,
            None => Light::ForReviewer,
        },
        value: distance.unwrap_or(f64::NAN),
        min: Some(LIMITS[0]),
        max: None,
        unit: "ΔE",
        source: "教毕指〔2017〕99号 (服装与背景颜色区分明显); limit ours",
    };
    match told.light {
        Light::Green => told.said("服装与背景区分明显", "Clothes clearly differ from the background"),
        Light::Amber => told.said(
            "服装颜色与背景接近：审核可能不通过，建议换深色有领上衣",
            "Clothes close to the background's colour: review may refuse them, better a dark top with a collar",
        ),
        _ => told.said("服装需人工判断", "Clothes are for the reviewer to judge"),
    }
}

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

/// What this program does not decide.
pub(crate) fn for_reviewer() -> [Check; 4] {
    let point = |code, zh: &str, en: &str| {
        Told {
            code,
            light: Light::ForReviewer,
            value: f64::NAN,
            min: None,
            max: None,
            unit: "",
            source: STANDARD,
        }
        .said(zh, en)
    };
    [
        point(
            CheckCode::Glasses,
            "眼镜：无反光、无色镜片、镜框不遮眼，请人工确认",
            "Glasses: no glare, clear lenses, frame not over the eyes; for the reviewer",
        ),
        point(
            CheckCode::HeadCovering,
            "无帽子、头巾和饰物，请人工确认",
            "No hat, scarf or jewellery; for the reviewer",
        ),
        point(
            CheckCode::HairOverFace,
            "头发不遮眉、眼、耳，请人工确认",
            "Hair not over brows, eyes or ears; for the reviewer",
        ),
        point(
            CheckCode::Natural,
            "现场拍摄、无化妆、无美颜、非翻拍，请人工确认",
            "Shot live, no make-up, no beautifying, no picture of a picture; for the reviewer",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit() -> FaceLight {
        FaceLight {
            bright: 190.0,
            burnt: 0.0,
            evenness: 0.9,
            sharpness: 0.2,
        }
    }

    fn of(checks: &[Check], code: CheckCode) -> Light {
        checks.iter().find(|c| c.code == code).unwrap().light
    }

    #[test]
    fn a_well_lit_face_passes_and_each_fault_is_named() {
        assert!(photometry(&lit()).iter().all(|c| c.light == Light::Green));
        let dark = photometry(&FaceLight {
            bright: 60.0,
            ..lit()
        });
        assert_eq!(of(&dark, CheckCode::TooDark), Light::Red);
        assert_eq!(of(&dark, CheckCode::Blurred), Light::Green);
        let burnt = photometry(&FaceLight { burnt: 0.5, ..lit() });
        assert_eq!(of(&burnt, CheckCode::OverExposed), Light::Red);
        let half = photometry(&FaceLight {
            evenness: 0.2,
            ..lit()
        });
        assert_eq!(of(&half, CheckCode::UnevenLight), Light::Red);
        let soft = photometry(&FaceLight {
            sharpness: 0.02,
            ..lit()
        });
        assert_eq!(of(&soft, CheckCode::Blurred), Light::Red);
    }

    #[test]
    fn the_student_hears_their_own_left_and_right() {
        let [tilted, ..] = pose(&Pose {
            roll: 12.0,
            yaw: 0.0,
            pitch: 0.0,
        });
        assert_eq!(tilted.light, Light::Red);
        assert!(tilted.zh.contains("左肩") && tilted.en.contains("left shoulder"));
    }

    #[test]
    fn a_value_that_is_no_number_never_passes() {
        assert_eq!(light(f64::NAN, [1.0, 2.0]), Light::Red);
        assert_eq!(light(f64::NAN, [2.0, 1.0]), Light::Red);
    }

    #[test]
    fn every_sentence_comes_in_both_languages_with_a_source() {
        let spec = Spec::built_in("national-blue").unwrap();
        let m = Measured {
            crown: 20.0,
            eyes: 350.0,
            face_width: 100.0,
            off_centre: 40.0,
            margin: -2.0,
        };
        let mut all = geometry(&m, &spec, Some(Obstacle::Hair), Some(2.0));
        all.extend(for_reviewer());
        all.extend([
            no_face(),
            one_face(3),
            cut_off(true, 0.0),
            wall(false),
            background(None, &spec),
            clothes(None),
        ]);
        for c in all {
            assert!(
                !c.zh.is_empty() && !c.en.is_empty() && !c.source.is_empty(),
                "{c:?}"
            );
            assert_ne!(c.light, Light::Green, "{c:?}");
        }
    }
}
