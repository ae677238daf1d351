//! What is wrong with this station, and what to do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use camera::CameraStatus;
use jiff::{SignedDuration, Timestamp};
use printing::Printer;
use records::{Depth, KeyPlace, RecordsError, Store, VerifyReport};
use vendor::Client;

use crate::doorway::records_hindrance;
use crate::night;
use crate::printout;
use crate::staff::{Finding, FindingState};
use crate::station::{Standing, setting};
use crate::view::OutOfService;

/// What the doctor looks at.
pub struct Patient {
    /// The running camera; `None`: the devices are listed instead.
    pub camera: Option<CameraStatus>,
    /// The station's folder.
    pub data: PathBuf,
    /// The records and where their key is, or why they cannot be opened.
    pub records: Result<(Arc<Mutex<Store>>, KeyPlace), RecordsError>,
    /// The client for the backend; `None` where none is set.
    pub client: Option<Client>,
    /// Folder of the nightly backups; `None` where none is set.
    pub backups: Option<PathBuf>,
    /// The printer; `None` where none is set.
    pub printer: Option<Printer>,
}

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

/// Looks at camera, database, disk, clock, key, PIN, printer and backend.
pub async fn examine(patient: Patient) -> Vec<Finding> {
    let mut findings = vec![
        patient.camera.map_or_else(devices, |status| camera(&status)),
        disk(&patient.data),
    ];
    let mut standing = None;
    match patient.records {
        Ok((store, place)) => {
            findings.push(key(&place));
            let looked = tokio::task::spawn_blocking(move || {
                let store = store.lock().unwrap_or_else(PoisonError::into_inner);
                (
                    store.verify(Depth::Quick),
                    store.setting(setting::STAFF_PIN),
                    store.setting(setting::STATION_ID),
                    store.setting(setting::REVOKED),
                    night::last(&store),
                    store.setting(setting::BACKUP_TROUBLE),
                )
            });
            if let Ok((report, pin_set, station_id, revoked, backed_up, trouble)) = looked.await {
                findings.push(database(report));
                findings.push(backup(
                    patient.backups.is_some(),
                    backed_up.unwrap_or_default(),
                    trouble.unwrap_or_default().as_deref(),
                ));
                findings.push(pin(matches!(pin_set, Ok(Some(_)))));
                standing = Some(match (revoked, station_id) {
                    (Ok(Some(_)), _) => Standing::Revoked,
                    (_, Ok(Some(_))) => Standing::Enrolled,
                    _ => Standing::Stranger,
                });
            }
        }
        Err(error) => findings.push(database(Err(error))),
    }
    findings.extend(printout::finding(patient.printer).await);
    findings.extend(backend(patient.client).await);
    findings.extend(standing.map(enrolment));
    findings
}

fn camera(status: &CameraStatus) -> Finding {
    match status {
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
            let names: Vec<&str> = found.iter().map(|device| device.id.as_str()).collect();
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

fn database(report: Result<VerifyReport, RecordsError>) -> Finding {
    match report {
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
        Err(error) => unopened(&error),
    }
}

/// Records that cannot be opened: what happened, that nothing was changed, and what to do, as the page says it.
fn unopened(error: &RecordsError) -> Finding {
    let (what, todo_zh, todo_en) = match records_hindrance(error) {
        OutOfService::Key => (
            "照片库的密钥不在、不对，或钥匙串没有应答；照片仍加密保存，没有任何改动",
            "放回 records.key 或解锁系统钥匙串；采集站会自动开放。密钥没有问题时，照片库首页损坏：用 photo-station queue restore 恢复备份",
            "bring records.key back or unlock the keyring, the station then opens by itself; where the key is right, the \
             file's first page is damaged: restore a backup (photo-station queue restore)",
        ),
        OutOfService::Missing => (
            "照片库不在原处；没有新建，也没有删除",
            "接好数据盘，或用 photo-station queue restore 恢复最近的备份；采集站会自动开放",
            "connect the data disk, or restore the newest backup (photo-station queue restore); the station then opens \
             by itself",
        ),
        OutOfService::Newer => (
            "照片库由更新版本的程序写成；没有任何改动",
            "重新安装新版本的程序",
            "install the newer program again",
        ),
        OutOfService::Damaged => (
            "照片库已损坏，或不是本程序的文件；原样保留，没有删除",
            "运行 photo-station queue verify，或用 photo-station queue restore 恢复最近的备份；不要删除数据目录",
            "run photo-station queue verify, or restore the newest backup (photo-station queue restore); do not delete \
             the data folder",
        ),
        OutOfService::InUse => (
            "另一个程序正在使用照片库",
            "关闭另一个程序，然后重试",
            "close the other program and try again",
        ),
        _ => (
            "照片库无法读写；已保存的照片没有改动",
            "检查磁盘空间、权限和连接；不要删除数据目录",
            "check the disk's room, permissions and cable; do not delete the data folder",
        ),
    };
    finding(
        "database",
        FindingState::Broken,
        format!("{what}（{error}）"),
        format!("the records cannot be opened: {error}"),
    )
    .todo(todo_zh, todo_en)
}

fn disk(data: &Path) -> Finding {
    match fs4::available_space(data) {
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

/// A backup older than this means that a night was missed.
const OLD_BACKUP: SignedDuration = SignedDuration::from_hours(36);

fn backup(is_set_up: bool, last: Option<Timestamp>, trouble: Option<&str>) -> Finding {
    if !is_set_up {
        return finding(
            "backup",
            FindingState::Warning,
            "未设置备份目录",
            "no folder for backups is set",
        )
        .todo(
            "在 station.toml 中设置 backup-folder，最好在另一块磁盘上",
            "set backup-folder in station.toml, best on another disk",
        );
    }
    let age = last.map(|at| Timestamp::now().duration_since(at));
    match (age, trouble) {
        (Some(age), None) if age <= OLD_BACKUP => finding(
            "backup",
            FindingState::Fine,
            format!("{}小时前已备份并核验", age.as_hours()),
            format!("backed up and verified {} hours ago", age.as_hours()),
        ),
        (_, trouble) => {
            let why = trouble.unwrap_or("no backup has been made for a day and a half");
            finding(
                "backup",
                FindingState::Broken,
                format!("没有最新的备份：{why}"),
                format!("there is no recent backup: {why}"),
            )
            .todo(
                "检查备份目录的磁盘，然后运行 photo-station queue backup",
                "check the backup folder's disk, then run photo-station queue backup",
            )
        }
    }
}

fn key(place: &KeyPlace) -> Finding {
    match place {
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

async fn backend(client: Option<Client>) -> Vec<Finding> {
    let Some(client) = client else {
        return vec![
            finding(
                "backend",
                FindingState::Broken,
                "未设置后台地址",
                "no backend is set",
            )
            .todo(
                "用采集单位给的地址启动一次：--backend 地址",
                "start once with the vendor's address: --backend URL",
            ),
        ];
    };
    let mut findings = Vec::new();
    let before = Timestamp::now();
    match client.status().await {
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
    findings
}

fn enrolment(standing: Standing) -> Finding {
    match standing {
        Standing::Enrolled => finding(
            "enrolment",
            FindingState::Fine,
            "本机已注册",
            "this station is enrolled",
        ),
        Standing::Stranger => finding(
            "enrolment",
            FindingState::Broken,
            "本机尚未注册",
            "this station is not enrolled",
        )
        .todo(
            "用激活码启动一次：--activation 激活码",
            "start once with --activation CODE",
        ),
        Standing::Revoked => finding(
            "enrolment",
            FindingState::Broken,
            "采集单位已停用本机；照片都还在",
            "the vendor has revoked this station; every photo is kept",
        )
        .todo(
            "联系采集单位，用新的激活码启动一次：--activation 激活码；也可以用 queue export 带走照片",
            "call the vendor and start once with a new --activation CODE; queue export takes the photos along",
        ),
    }
}

fn pin(set: bool) -> Finding {
    if set {
        finding(
            "staff-pin",
            FindingState::Fine,
            "已设置工作人员密码",
            "a staff PIN is set",
        )
    } else {
        finding(
            "staff-pin",
            FindingState::Warning,
            "未设置工作人员密码",
            "no staff PIN is set",
        )
        .todo("运行 photo-station staff-pin", "run photo-station staff-pin")
    }
}
