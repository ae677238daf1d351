//! Who is in the picture, before what, in which clothes; and what is left to a person to judge.

use super::{OURS, STANDARD, Told, light};
use crate::report::{Check, CheckCode, Light};
use crate::spec::Spec;

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

/// The rim between person and background, see [`crate::fringe::fringe`].
pub(crate) fn halo(off: Option<f64>) -> Check {
    // Ours: at most 3.1 on 60 rendered students and 7.8 on their finished files, which JPEG blurs; 4.6 to 12 on
    // photographs before a busy background. 8.5 to 10.4 where the colour of a white or green wall is left in the hair,
    // 12 to 21 where two pixels of a wall of another colour are. What is left of a wall as blue as the background shows
    // nowhere, and is not called a halo.
    const LIMITS: [f64; 2] = [8.3, 16.0];
    let told = Told {
        code: CheckCode::Halo,
        light: off.map_or(Light::ForReviewer, |off| light(off, LIMITS)),
        value: off.unwrap_or(f64::NAN),
        min: None,
        max: Some(LIMITS[1]),
        unit: "ΔE",
        source: OURS,
    };
    match told.light {
        Light::Green => told.said("人像边缘干净", "Clean edge between person and background"),
        Light::ForReviewer => told.said(
            "人像边缘看不清，需人工判断",
            "The person's edge cannot be seen; for the reviewer",
        ),
        Light::Amber => told.said(
            "人像边缘有少量杂色：请放大查看头发边缘，不满意可重拍",
            "Some other colour along the person's edge: look at the hair closely, shoot again if in doubt",
        ),
        Light::Red => told.said(
            "人像边缘有白边或杂色：请换干净的纯色墙面重拍",
            "A rim of another colour around the person: shoot again before a clean, plain wall",
        ),
    }
}

/// Clothes against the background, CIE Lab: `distance` of the chest's colours, `border` of the shoulders' along the
/// outline. The nearer one counts.
pub(crate) fn clothes(distance: Option<f64>, border: Option<f64>) -> Check {
    // Just noticeable is 2; clothes that melt into the background at a glance are under 15. Ours: along the border 37
    // and more on 60 rendered students in five colours and on photographs, 7.0 to 8.3 for light blue before light blue.
    const LIMITS: [f64; 2] = [18.0, 10.0];
    let distance = match (distance, border) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let told = Told {
        code: CheckCode::Clothes,
        light: distance.map_or(Light::ForReviewer, |d| light(d, LIMITS)),
        value: distance.unwrap_or(f64::NAN),
        min: Some(LIMITS[1]),
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
        Light::Red => told.said(
            "服装与背景颜色几乎一样：请换深色有领上衣再拍",
            "Clothes of nearly the background's colour: change into a dark top with a collar and shoot again",
        ),
        Light::ForReviewer => told.said("服装需人工判断", "Clothes are for the reviewer to judge"),
    }
}

/// What this program does not decide.
pub(crate) fn for_reviewer() -> [Check; 2] {
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
            CheckCode::Ornaments,
            "无耳环、项链、发饰和有色隐形眼镜，请人工确认",
            "No earrings, necklaces, hair ornaments or coloured contact lenses; for the reviewer",
        ),
        point(
            CheckCode::Natural,
            "本人相貌真实、无化妆，请人工确认",
            "A true likeness, no make-up; for the reviewer",
        ),
    ]
}
