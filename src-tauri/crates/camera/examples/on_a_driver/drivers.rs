//! Drivers loaded and unloaded, unbound and bound, and their controls reached beside the station's own code.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use camera::{
    Camera, CameraStatus, DeviceFormat, DeviceSpec, Frame, PixelFormat, Settings, SourceSpec, Wish,
};
use v4l::Device;
use v4l::control::{Control, Value};

/// An emulated machine is slow, and a loaded host makes it slower.
pub(crate) const LONG: Duration = Duration::from_secs(90);

/// A driver, unloaded when this goes out of scope.
pub(crate) struct Loaded(&'static str);

impl Drop for Loaded {
    fn drop(&mut self) {
        // Whoever had it open may take a moment to let go.
        let start = Instant::now();
        while start.elapsed() < LONG && busybox(&["rmmod", self.0]).is_err() {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

pub(crate) fn busybox(words: &[&str]) -> Result<(), String> {
    let done = Command::new("/bin/busybox").args(words).output();
    match done {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(format!("{words:?}: {}", String::from_utf8_lossy(&done.stderr))),
        Err(error) => Err(format!("{words:?}: {error}")),
    }
}

/// `vivid` with so many webcams, one input each, without its other nodes.
pub(crate) fn vivid(cameras: u32) -> Result<Loaded, String> {
    let list = |each: &str| vec![each; cameras as usize].join(",");
    busybox(&[
        "insmod",
        "/mod/vivid.ko",
        &format!("n_devs={cameras}"),
        &format!("node_types={}", list("0x1")),
        &format!("num_inputs={}", list("1")),
        &format!("input_types={}", list("0x0")),
    ])?;
    Ok(Loaded("vivid"))
}

/// `vivid` with all its nodes: outputs, metadata, radio.
pub(crate) fn vivid_whole() -> Result<Loaded, String> {
    busybox(&["insmod", "/mod/vivid.ko"])?;
    Ok(Loaded("vivid"))
}

/// A loopback device under this number and name; it is a camera only while somebody feeds it.
pub(crate) fn loopback(number: u32, name: &str) -> Result<Loaded, String> {
    busybox(&[
        "insmod",
        "/mod/v4l2loopback.ko",
        &format!("video_nr={number}"),
        &format!("card_label={name}"),
        "exclusive_caps=1",
    ])?;
    Ok(Loaded("v4l2loopback"))
}

pub(crate) fn unbind() -> Result<(), String> {
    told("unbind")
}

pub(crate) fn bind() -> Result<(), String> {
    told("bind")
}

fn told(what: &str) -> Result<(), String> {
    fs::write(format!("/sys/bus/platform/drivers/vivid/{what}"), "vivid.0")
        .map_err(|error| format!("{what}: {error}"))
}

/// The node of the camera at this bus.
pub(crate) fn node(bus: &str) -> Result<String, String> {
    for number in 0..16 {
        let path = format!("/dev/video{number}");
        if let Ok(caps) = Device::with_path(&path).and_then(|device| device.query_caps())
            && caps.bus == bus
        {
            return Ok(path);
        }
    }
    Err(format!("no node at {bus}"))
}

pub(crate) const FIRST: &str = "platform:vivid-000";

/// Beside the station: the first webcam, opened on its own.
pub(crate) fn beside() -> Result<Device, String> {
    Device::with_path(node(FIRST)?).map_err(|error| error.to_string())
}

/// Turns the driver's own control of this name.
pub(crate) fn turn(name: &str, value: Option<i64>) -> Result<(), String> {
    let device = beside()?;
    let all = device.query_controls().map_err(|error| error.to_string())?;
    let found = all.iter().find(|one| one.name == name);
    let id = found
        .ok_or_else(|| format!("vivid has no control \"{name}\""))?
        .id;
    let value = value.map_or(Value::None, Value::Integer);
    device
        .set_control(Control { id, value })
        .map_err(|error| format!("{name}: {error}"))
}

/// The station's own camera on the first device, with nothing asked for.
pub(crate) fn station(id: Option<&str>) -> Camera {
    wishing(
        id,
        Wish {
            width: 640,
            height: 480,
            ..Wish::default()
        },
    )
}

pub(crate) fn wishing(id: Option<&str>, wish: Wish) -> Camera {
    Camera::start(SourceSpec::Device(DeviceSpec {
        id: id.map(str::to_owned),
        wish,
        settings: Settings::default(),
    }))
}

/// A frame newer than this one.
pub(crate) fn newer(camera: &Camera, than: u64) -> Result<Frame, String> {
    camera
        .wait_newer(than, LONG)
        .ok_or_else(|| format!("no frame came: {:?}", camera.status()))
}

pub(crate) fn until(
    camera: &Camera,
    what: &str,
    is_so: impl Fn(&CameraStatus) -> bool,
) -> Result<CameraStatus, String> {
    let start = Instant::now();
    loop {
        let status = camera.status();
        if is_so(&status) {
            return Ok(status);
        }
        if start.elapsed() > LONG {
            return Err(format!("never {what}: {status:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the camera is lost, for a reason that says this; and then no old frame may be at hand.
pub(crate) fn lost(camera: &Camera, says: &[&str]) -> Result<String, String> {
    let status = until(camera, "lost", |status| {
        matches!(status, CameraStatus::Lost { .. })
    })?;
    let CameraStatus::Lost { reason, .. } = status else {
        return Err("not lost".to_owned());
    };
    if says.iter().any(|part| reason.contains(part)) {
        Ok(reason)
    } else {
        Err(format!("lost for another reason: {reason}"))
    }
}

pub(crate) fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(otherwise()) }
}

/// What one camera offers.
pub(crate) fn offers(bus: &str) -> Result<Vec<DeviceFormat>, String> {
    let listed = camera::devices().map_err(|error| error.to_string())?;
    let found = listed.into_iter().find(|device| device.id.contains(bus));
    Ok(found.ok_or_else(|| format!("no camera at {bus}"))?.formats)
}

/// This layout and size, at the rate vivid has for its larger sizes.
pub(crate) fn asking(format: PixelFormat, width: u32, height: u32) -> Wish {
    Wish {
        width,
        height,
        fps: 5,
        format: Some(format),
    }
}
