//! Why a picture file was not taken in, said to the people at the desk, with the next step.

use crate::original::{MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE};

/// Why a picture file was refused. Displayed as Chinese and English in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No bytes.
    Empty,
    /// More bytes than any camera writes.
    FileTooLarge,
    /// The file cannot be read; what the system says.
    Unreadable(String),
    /// No picture file at all.
    NotAPicture,
    /// A picture of a kind that is not taken: its name.
    OtherFormat(String),
    /// The suffix names another kind than the content: suffix, content.
    Renamed(String, String),
    /// The end is missing.
    Truncated,
    /// Damaged; what the decoder says.
    Damaged(String),
    /// Decoding would take more memory than is allowed.
    TooMuchMemory,
    /// More pixels than any camera at a booth has: width, height.
    TooManyPixels([u32; 2]),
    /// Too few pixels: width, height.
    TooSmall([u32; 2]),
    /// Several pictures one after the other.
    Animated,
    /// More than 8 bits a channel.
    DeepColour,
    /// Made for printing presses.
    Cmyk,
    /// Neither grey nor three channels.
    Channels,
    /// Partly transparent.
    Transparent,
    /// A JPEG with more scans than any camera writes.
    Scans,
    /// A JPEG whose reduced colour comes in scans of its own, which decoders read differently.
    SplitColour,
    /// The embedded colour profile is damaged or cannot be applied.
    Profile,
    /// The colour profile is for something else than red, green and blue.
    ProfileKind,
    /// A PNG's colour chunks name other colours than sRGB.
    NotSrgb,
    /// A print sheet is made from a finished JPEG only.
    NotFinished,
}

impl Refusal {
    /// What is wrong and what to do, Chinese.
    pub fn zh(&self) -> String {
        let mib = MAX_FILE_BYTES >> 20;
        match self {
            Refusal::Empty => "照片文件是空的：请重新拍摄或重新复制".into(),
            Refusal::FileTooLarge => format!("照片文件超过 {mib} MB：请用相机直接输出的 JPEG"),
            Refusal::Unreadable(why) => format!("照片文件打不开（{why}）：请检查文件和存储卡"),
            Refusal::NotAPicture => "这不是照片文件：请选择 JPEG、PNG、BMP 或 WebP 照片".into(),
            Refusal::OtherFormat(name) => {
                format!("不接受 {name} 格式：请选择 JPEG、PNG、BMP 或 WebP 照片")
            }
            Refusal::Renamed(named, is) => {
                format!("文件后缀是 {named}，内容却是 {is}，文件被改过名：请用相机的原始文件")
            }
            Refusal::Truncated => "照片文件不完整：请重新复制，或重新拍摄".into(),
            Refusal::Damaged(_) => "照片文件已损坏：请重新复制，或重新拍摄".into(),
            Refusal::TooMuchMemory => "照片解码需要的内存过大：请用相机直接输出的 JPEG".into(),
            Refusal::TooManyPixels([w, h]) => format!(
                "照片有 {w}×{h} 像素，超过 {} 百万像素：请把相机的照片尺寸调小",
                MAX_PIXELS / 1_000_000
            ),
            Refusal::TooSmall([w, h]) => {
                format!("照片只有 {w}×{h} 像素，每边至少 {MIN_SIDE} 像素：请用相机的原始文件")
            }
            Refusal::Animated => "动图不是照片：请选择单张照片".into(),
            Refusal::DeepColour => "照片每通道超过 8 位：请另存为普通 24 位 RGB 照片".into(),
            Refusal::Cmyk => "照片是印刷用的 CMYK 颜色：请用相机的 RGB 原始文件".into(),
            Refusal::Channels => "照片的颜色通道数不正常：请用相机的原始文件".into(),
            Refusal::Transparent => "照片带有透明部分：请用相机的原始文件".into(),
            Refusal::Scans | Refusal::SplitColour => "照片文件的结构不正常：请用相机的原始文件".into(),
            Refusal::Profile => "照片内嵌的颜色配置无法使用：请把相机设为 sRGB，或另存为 sRGB".into(),
            Refusal::ProfileKind => "照片内嵌的颜色配置不是 RGB：请把相机设为 sRGB，或另存为 sRGB".into(),
            Refusal::NotSrgb => "照片不是 sRGB 颜色：请把相机设为 sRGB，或另存为 sRGB".into(),
            Refusal::NotFinished => "排版需要制作好的 JPEG 标准照：请先制作标准照".into(),
        }
    }

    /// What is wrong and what to do, English.
    pub fn en(&self) -> String {
        let camera = "give the camera's own file";
        let again = "copy it again, or take the photo again";
        let srgb = "set the camera to sRGB, or save the picture as sRGB";
        match self {
            Refusal::Empty => "the file is empty: take or copy the photo again".into(),
            Refusal::FileTooLarge => format!(
                "the file is larger than {} MiB: {camera}, a JPEG",
                MAX_FILE_BYTES >> 20
            ),
            Refusal::Unreadable(why) => {
                format!("the file cannot be read ({why}): look after the file and its card")
            }
            Refusal::NotAPicture => "this is not a picture file: choose a JPEG, PNG, BMP or WebP".into(),
            Refusal::OtherFormat(name) => {
                format!("{name} pictures are not accepted: choose a JPEG, PNG, BMP or WebP")
            }
            Refusal::Renamed(named, is) => {
                format!("the file's suffix says {named}, its content is {is}, so it was renamed: {camera}")
            }
            Refusal::Truncated => format!("the file is truncated, its end is missing: {again}"),
            Refusal::Damaged(why) => format!("the file is damaged or truncated ({why}): {again}"),
            Refusal::TooMuchMemory => {
                format!("the picture needs too much memory: {camera}, a JPEG")
            }
            Refusal::TooManyPixels([w, h]) => format!(
                "the picture has {w} x {h} pixels, more than {} million: set the camera to smaller pictures",
                MAX_PIXELS / 1_000_000
            ),
            Refusal::TooSmall([w, h]) => {
                format!("the picture has only {w} x {h} pixels, a side needs {MIN_SIDE}: {camera}")
            }
            Refusal::Animated => "an animated picture is not a photo: choose a still one".into(),
            Refusal::DeepColour => {
                "the picture has more than 8 bits a channel: save it as ordinary 24-bit RGB".into()
            }
            Refusal::Cmyk => format!("the picture is CMYK, for printing presses: {camera} in RGB"),
            Refusal::Channels => format!("the picture has an unusual number of channels: {camera}"),
            Refusal::Transparent => {
                format!("the picture is partly transparent, which a photo is not: {camera}")
            }
            Refusal::Scans => format!("the JPEG has more scans than any camera writes: {camera}"),
            Refusal::SplitColour => {
                format!("the JPEG stores its colours apart, as no camera does: {camera}")
            }
            Refusal::Profile => {
                format!("the picture's embedded colour profile is damaged or cannot be used: {srgb}")
            }
            Refusal::ProfileKind => {
                format!("the picture's colour profile is not for red, green and blue: {srgb}")
            }
            Refusal::NotSrgb => format!("the PNG's colours are not sRGB: {srgb}"),
            Refusal::NotFinished => {
                "a print sheet is made from a finished JPEG picture: make the standard photo first".into()
            }
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} · {}", self.zh(), self.en())
    }
}

impl std::error::Error for Refusal {}
