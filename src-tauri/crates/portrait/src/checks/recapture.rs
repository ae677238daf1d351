//! A picture of a picture.

use super::Told;
use crate::recapture::Recapture;
use crate::report::{Check, CheckCode, Light};

/// Height of the peak of a grating on the face, see [`crate::spectrum::Peak`]: for the reviewer, and refusal. Set below.
const GRATING: [f64; 2] = [8.0, 25.0];
/// The same on the wall, which may be woven or papered: never a refusal by itself.
const WALL: f64 = 60.0;
/// Share of its length along which a straight edge must run to be a side of a border. Ours: at most 0.58 above and 0.49
/// below 60 rendered students, 0.64 and 0.77 on photographs before flags and shelves; 1.00 on all four sides of prints
/// and phones.
const SIDE: f64 = 0.88;

/// Whether the camera saw a print or a screen. Refused only for what nobody who sits there can show: a grating on
/// the skin, or a rectangle that closes around head and chest.
pub(crate) fn recapture(seen: &Recapture) -> Check {
    let sides = seen.sides(SIDE);
    let grating = seen.grating();
    let on_wall = seen.wall.is_some_and(|p| p.height > WALL);
    let screen = grating > GRATING[1] || (grating > GRATING[0] && seen.common());
    let light = if screen || sides == 4 {
        Light::Red
    } else if grating > GRATING[0] || on_wall || sides == 3 || seen.face.is_none() {
        Light::ForReviewer
    } else {
        Light::Green
    };
    let told = Told {
        code: CheckCode::Recapture,
        light,
        value: if sides >= 3 { sides as f64 } else { grating },
        min: None,
        max: Some(if sides >= 3 { 3.0 } else { GRATING[1] }),
        unit: if sides >= 3 { "sides" } else { "" },
        source: "采集站: peaks of the spectrum and straight borders; limits ours",
    };
    match light {
        Light::Green => told.said("现场拍摄，不是翻拍", "Taken live, not a picture of a picture"),
        Light::Red if screen => told.said(
            "拍到的是屏幕：不能翻拍照片，请本人坐到镜头前拍摄",
            "This is a screen: pictures of pictures are not allowed, sit before the camera yourself",
        ),
        Light::Red => told.said(
            "拍到的是照片或手机：不能翻拍，请本人坐到镜头前拍摄",
            "This is a print or a phone: pictures of pictures are not allowed, sit before the camera yourself",
        ),
        _ if seen.face.is_none() => told.said(
            "脸太小，是否翻拍无法自动判断，请人工确认",
            "The face is too small to tell a picture of a picture; for the reviewer",
        ),
        _ => told.said(
            "画面有规则纹路或边框：是否翻拍请人工确认",
            "A regular pattern or a border in the picture: whether it is a picture of a picture is for the reviewer",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::Peak;

    fn seen(face: f64, wall: f64, border: [f64; 4]) -> Light {
        let peak = |height, x| Some(Peak { height, at: [x, 0.2] });
        recapture(&Recapture {
            face: peak(face, 0.1),
            wall: peak(wall, 0.4),
            border,
        })
        .light
    }

    #[test]
    fn refused_only_when_sure() {
        assert_eq!(seen(3.0, 4.0, [0.5; 4]), Light::Green);
        // A door and a picture rail behind the student.
        assert_eq!(seen(3.0, 4.0, [1.0, 1.0, 0.5, 0.4]), Light::Green);
        assert_eq!(seen(3.0, 4.0, [1.0, 1.0, 1.0, 0.4]), Light::ForReviewer);
        assert_eq!(seen(3.0, 4.0, [1.0; 4]), Light::Red);
        // Woven cloth behind, nothing on the skin.
        assert_eq!(seen(3.0, 500.0, [0.0; 4]), Light::ForReviewer);
        assert_eq!(seen(12.0, 4.0, [0.0; 4]), Light::ForReviewer);
        assert_eq!(seen(300.0, 500.0, [0.0; 4]), Light::Red);
    }
}
