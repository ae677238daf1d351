//! How the head is held: roll, yaw, pitch.

use super::{FRONTAL, Told, f, light};
use crate::report::{Check, CheckCode, Light};
use crate::vision::Pose;

/// Roll, degrees: remark and refusal. Nothing may be turned afterwards, so the head must be.
pub(crate) const ROLL: [f32; 2] = [4.0, 8.0];
/// Yaw, degrees.
pub(crate) const YAW: [f32; 2] = [7.0, 13.0];
/// Pitch, degrees, after calibration; see [`Mesh::pose`](crate::vision::Mesh::pose). It is known to 6° only, less
/// where the camera stands high or low, so the limits are wider than the 5° of ISO/IEC 19794-5.
pub(crate) const PITCH: [f32; 2] = [9.0, 12.0];

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
