//! What is wrong with this station, and what to do.

use std::sync::atomic::Ordering;
use std::time::Duration;

use camera::CameraStatus;
use jiff::Timestamp;
use records::{Depth, KeyPlace};

use crate::staff::{Finding, FindingState};
use crate::station::{Station, setting};

/// A clock further off than this makes signatures too old (the contract allows five minutes; half is a warning).
const CLOCK_DRIFT: Duration = Duration::from_secs(150);
/// Room for about a thousand visits of original, standard photo and overhead.
const ROOM: u64 = 4 << 30;
/// Room for some fifty visits: below this the station should not go on.
const LEAST_ROOM: u64 = 200 << 20;

fn finding(subject: &str, state: FindingState, zh: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding {
        subject: subject.into(),
        state,
        zh: zh.into(),
        en: en.into(),
        todo_zh: String::new(),
        todo_en: String::new(),
    }
}

impl Finding {
    fn todo(mut self, zh: &str, en: &str) -> Finding {
        self.todo_zh = zh.into();
        self.todo_en = en.into();
        self
    }
}

/// Looks at camera, database, disk, clock, key, PIN and backend.
pub(crate) async fn examine(station: &Station) -> Vec<Finding> {
    let mut findings = vec![
        camera(station),
        database(station).await,
        disk(station),
        key(station),
    ];
    findings.extend(backend(station).await);
    findings.push(pin(station).await);
    findings
}

fn camera(station: &Station) -> Finding {
    let Some(camera) = &station.inner().camera else {
        return devices();
    };
    match camera.status() {
        CameraStatus::Streaming { fps } => finding(
            "camera",
            FindingState::Fine,
            format!("摄像头正常，每秒{fps:.0}帧"),
            format!("the camera delivers {fps:.0} frames a second"),
        ),
        CameraStatus::Opening => finding(
            "camera",
            FindingState::Warning,
            "摄像头正在打开",
            "the camera is being opened",
        ),
        CameraStatus::Lost { reason, .. } => finding(
            "camera",
            FindingState::Broken,
            format!("摄像头断开：{reason}"),
            format!("the camera is lost: {reason}"),
        )
        .todo(
            "检查USB线，程序会自动重连",
            "check the cable; the station reconnects by itself",
        ),
        CameraStatus::Broken { reason } => finding(
            "camera",
            FindingState::Broken,
            format!("摄像头无法使用：{reason}"),
            format!("the camera cannot be used: {reason}"),
        )
        .todo(
            "关闭占用摄像头的其他程序，检查权限，然后重启采集站",
            "close other programs that use the camera, check permissions, then start the station again",
        ),
    }
}

fn devices() -> Finding {
    match camera::devices() {
        Ok(found) if found.is_empty() => finding(
            "camera",
            FindingState::Warning,
            "没有找到摄像头",
            "no camera was found",
        )
        .todo(
            "插上摄像头；没有摄像头时只能演练",
            "plug one in; without a camera only rehearsals are possible",
        ),
        Ok(found) => {
            let names: Vec<&str> = found.iter().map(|device| device.name.as_str()).collect();
            finding(
                "camera",
                FindingState::Fine,
                format!("找到摄像头：{}", names.join("、")),
                format!("cameras: {}", names.join(", ")),
            )
        }
        Err(error) => finding(
            "camera",
            FindingState::Broken,
            format!("无法列出摄像头：{error}"),
            format!("cameras cannot be listed: {error}"),
        )
        .todo(
            "检查驱动与权限（Linux：加入video组）",
            "check drivers and permissions (Linux: join the group video)",
        ),
    }
}

async fn database(station: &Station) -> Finding {
    match station.with_records(|store| store.verify(Depth::Quick)).await {
        Ok(report) if report.is_clean() => finding(
            "database",
            FindingState::Fine,
            "记录完好",
            "the records are sound",
        ),
        Ok(report) => finding(
            "database",
            FindingState::Broken,
            format!("记录有{}处异常", report.faults.len()),
            format!("the records have {} faults", report.faults.len()),
        )
        .todo(
            "运行 photo-station queue verify 并联系技术支持",
            "run photo-station queue verify and call support",
        ),
        Err(error) => finding(
            "database",
            FindingState::Broken,
            format!("记录无法读取：{error}"),
            format!("the records cannot be read: {error}"),
        )
        .todo(
            "检查磁盘；不要删除数据目录",
            "check the disk; do not delete the data folder",
        ),
    }
}

fn disk(station: &Station) -> Finding {
    match fs4::available_space(&station.inner().data) {
        Ok(free) => {
            let (state, gib) = (
                if free < LEAST_ROOM {
                    FindingState::Broken
                } else if free < ROOM {
                    FindingState::Warning
                } else {
                    FindingState::Fine
                },
                free as f64 / f64::from(1 << 30),
            );
            let found = finding(
                "disk",
                state,
                format!("磁盘剩余{gib:.1} GB"),
                format!("{gib:.1} GiB are free on the disk"),
            );
            if state == FindingState::Fine {
                found
            } else {
                found.todo(
                    "清理磁盘或先同步并清除已送达的照片",
                    "make room, or sync and purge delivered photos",
                )
            }
        }
        Err(error) => finding(
            "disk",
            FindingState::Broken,
            format!("无法读取磁盘空间：{error}"),
            format!("the free space cannot be read: {error}"),
        ),
    }
}

fn key(station: &Station) -> Finding {
    match station.inner().key_place {
        KeyPlace::Keyring => finding(
            "keyring",
            FindingState::Fine,
            "数据库密钥保存在系统钥匙串",
            "the database's key is in the system's keyring",
        ),
        KeyPlace::File(_) => finding(
            "keyring",
            FindingState::Warning,
            "数据库密钥保存在数据目录的文件中（仅本用户可读）",
            "the database's key is in a file in the data folder, readable by this user only",
        )
        .todo(
            "为磁盘开启加密，或安装系统钥匙串服务",
            "encrypt the disk, or install a keyring service",
        ),
    }
}

async fn backend(station: &Station) -> Vec<Finding> {
    let enrolled = station.inner().enrolled.load(Ordering::Acquire);
    let mut findings = Vec::new();
    let before = Timestamp::now();
    match station.client().status().await {
        Ok(status) => {
            findings.push(finding(
                "backend",
                FindingState::Fine,
                format!("已连接{}", status.vendor),
                format!("the backend of {} answers", status.vendor),
            ));
            let drift = status.server_time.duration_since(before).unsigned_abs();
            let clock = if drift > CLOCK_DRIFT {
                FindingState::Broken
            } else {
                FindingState::Fine
            };
            let found = finding(
                "clock",
                clock,
                format!("时钟相差{}秒", drift.as_secs()),
                format!("the clock differs by {} s", drift.as_secs()),
            );
            findings.push(if clock == FindingState::Fine {
                found
            } else {
                found.todo("打开系统的自动对时", "turn on the system's time synchronization")
            });
        }
        Err(error) => findings.push(
            finding(
                "backend",
                FindingState::Warning,
                format!("连接不上后台：{error}"),
                format!("the backend does not answer: {error}"),
            )
            .todo(
                "照片会保存在本机并自动补传；请检查网络",
                "photos stay here and are sent later by themselves; check the network",
            ),
        ),
    }
    findings.push(if enrolled {
        finding(
            "enrolment",
            FindingState::Fine,
            "本机已注册",
            "this station is enrolled",
        )
    } else {
        finding(
            "enrolment",
            FindingState::Broken,
            "本机尚未注册",
            "this station is not enrolled",
        )
        .todo(
            "用激活码启动一次：--activation 激活码",
            "start once with --activation CODE",
        )
    });
    findings
}

async fn pin(station: &Station) -> Finding {
    match station
        .with_records(|store| store.setting(setting::STAFF_PIN))
        .await
    {
        Ok(Some(_)) => finding(
            "staff-pin",
            FindingState::Fine,
            "已设置工作人员密码",
            "a staff PIN is set",
        ),
        _ => finding(
            "staff-pin",
            FindingState::Warning,
            "未设置工作人员密码",
            "no staff PIN is set",
        )
        .todo("运行 photo-station staff-pin", "run photo-station staff-pin"),
    }
}
