//! How the station is just now, beside what the doctor finds.

use std::sync::atomic::Ordering;

use camera::CameraStatus;
use serde::Serialize;
use specta::Type;

use crate::errand::Words;
use crate::station::Station;

/// How the station is just now.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct LiveView {
    /// What people call it.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Operating system and processor.
    pub system: String,
    /// What the camera does.
    pub camera: Words,
    /// Frames a second, while it delivers.
    pub fps: Option<f64>,
    /// Whether the backend answers.
    pub online: bool,
    /// Records that wait to be sent.
    pub waiting: u32,
    /// Megabytes free on the records' disk.
    pub free_mb: Option<u32>,
}

impl Station {
    /// How the station is just now. Looks at nothing that may take long.
    pub fn live(&self) -> LiveView {
        let inner = self.inner();
        let status = inner.camera.as_ref().map(|camera| camera.status());
        LiveView {
            name: inner.config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            fps: match &status {
                Some(CameraStatus::Streaming { fps }) => Some(f64::from(*fps)),
                _ => None,
            },
            camera: status.as_ref().map_or_else(
                || Words::new("照片由外部相机提供", "photos are handed in by another camera"),
                in_words,
            ),
            online: inner.online.load(Ordering::Acquire),
            waiting: self.view().waiting,
            free_mb: fs4::available_space(&inner.data)
                .ok()
                .map(|bytes| u32::try_from(bytes >> 20).unwrap_or(u32::MAX)),
        }
    }
}

/// What a camera does.
pub(crate) fn in_words(status: &CameraStatus) -> Words {
    match status {
        CameraStatus::Streaming { fps } => Words::new(
            format!("正常，每秒 {fps:.0} 帧"),
            format!("{fps:.0} frames a second"),
        ),
        CameraStatus::Opening => Words::new("正在打开", "being opened"),
        CameraStatus::Lost { reason, .. } => Words::new(
            format!("断开，正在重连：{reason}"),
            format!("lost, being reopened: {reason}"),
        ),
        CameraStatus::Broken { reason } => {
            Words::new(format!("无法使用：{reason}"), format!("cannot be used: {reason}"))
        }
    }
}
