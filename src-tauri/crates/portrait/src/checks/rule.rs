//! The official paragraph each check serves.
//!
//! Wording of 《高等学校学历证书电子注册图像采集规范及信息标准》 (教毕指〔2017〕99号) as the examination boards reprint it
//! word for word in 《高等教育自学考试毕业证书电子注册图像采集规范及信息标准》; the ministry's own document was not seen.

use crate::report::CheckCode;

/// The sentence of the rule a check stands for.
pub(super) const fn of(code: CheckCode) -> &'static str {
    use CheckCode as C;
    match code {
        C::NoFace => "正面免冠彩色头像",
        C::SeveralFaces => "不得有阴影、其他人或物体",
        C::Tilted | C::Turned | C::Pitched | C::Shoulders => "坐姿端正",
        C::TooSmall | C::Blurred | C::MotionBlur | C::Colour => {
            "图像应对焦准确、层次清晰、色彩真实、无明显畸变"
        }
        C::TooDark | C::UnevenLight => "照明光线均匀，脸部曝光均匀",
        C::MouthOpen | C::Teeth => "嘴唇自然闭合",
        C::Crown => "头顶发际距上边沿50像素至110像素",
        C::Eyes => "眼睛所在位置距上边沿200像素至300像素",
        C::Width => "脸部宽度（两脸颊之间）180像素至300像素",
        C::Centre => "人像在图像矩形框内水平居中，左右对称",
        C::CutOff | C::Smoothed | C::Recapture => "图像应真实表达毕业生本人相貌",
        C::Wall | C::Background | C::Halo => "背景应均匀无渐变，不得有阴影、其他人或物体",
        C::Clothes | C::ClothesPattern | C::Neckline => "衣着应与背景色区分明显，避免复杂图案、条纹",
        C::PictureSize | C::Density => "规格为480像素宽×640像素高，分辨率300dpi",
        C::FileFormat => "24位真彩色，应符合JPEG标准，文件扩展名应为JPG",
        C::FileSize => "压缩后文件大小一般在20KB至40KB",
        C::FileQuality => "压缩品质系数不低于60",
        C::EyesClosed | C::Gaze => "双眼自然睁开并平视",
        C::OverExposed | C::Shine | C::RedEyes => "无明显可见或不对称的高光、光斑，无红眼",
        C::Glasses => "常戴眼镜者应佩戴眼镜，镜框不得遮挡眼睛",
        C::TintedLenses => "不得戴有色（含隐形）眼镜",
        C::LensGlare => "眼镜不能有反光",
        C::HeadCovering => "不得使用头部覆盖物（宗教、医疗和文化需要时，不得遮挡脸部或造成阴影）",
        C::EyesVisible | C::HairOverFace => "头发不得遮挡眉毛、眼睛和耳朵",
        C::Ears => "耳朵对称，头发不得遮挡眉毛、眼睛和耳朵",
        C::Ornaments => "不得佩戴耳环、项链等饰品",
        C::Natural => "图像应真实表达毕业生本人相貌，不宜化妆",
    }
}
