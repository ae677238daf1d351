//! What devices do wrong, and that the station's camera gets over it by itself.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use camera::apart::{self, Order, Program};
use camera::{Camera, CameraStatus, DeviceSpec, Lock, PixelFormat, Settings, SourceSpec};
use v4l::buffer::Type;
use v4l::control::Value;
use v4l::io::traits::CaptureStream;
use v4l::prelude::MmapStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use crate::drivers::{
    FIRST, LONG, asking, beside, bind, busybox, ensure, loopback, lost, newer, node, station, turn, unbind,
    until, vivid, wishing,
};
use crate::feeder::Feeder;
use crate::rows::Seen;

/// Loses the camera by `harm`, undoes it by `mend`, and waits for frames that are newer than the last.
fn gets_over(
    camera: &Camera,
    harm: impl FnOnce() -> Result<(), String>,
    says: &[&str],
    mend: impl FnOnce() -> Result<(), String>,
) -> Seen {
    let before = newer(camera, 0)?;
    harm()?;
    let reason = lost(camera, says)?;
    mend()?;
    let start = Instant::now();
    // What was already on its way when the harm was done does not count.
    let after = until(camera, "streaming again", |status| {
        matches!(status, CameraStatus::Streaming { .. })
    })
    .and_then(|_| newer(camera, before.sequence() + 1))?;
    ensure(after.sequence() > before.sequence(), || "an old frame".to_owned())?;
    Ok(format!(
        "lost ({reason}); back in {:.1} s",
        start.elapsed().as_secs_f32()
    ))
}

pub(crate) fn no_device() -> Seen {
    ensure(camera::devices().is_ok_and(|found| found.is_empty()), || {
        "there is one".to_owned()
    })?;
    let camera = station(None);
    let status = until(&camera, "broken", |status| {
        matches!(status, CameraStatus::Broken { .. })
    })?;
    let CameraStatus::Broken { reason } = status else {
        return Err("not broken".to_owned());
    };
    let driver = vivid(1)?;
    let came = newer(&camera, 0);
    // A driver is unloaded only when nobody has it open.
    drop(camera);
    drop(driver);
    came.map(|_| format!("{reason}; plugging in suffices"))
}

pub(crate) fn left_in_another_format() -> Seen {
    let _driver = vivid(1)?;
    let device = beside()?;
    let words = |error: std::io::Error| error.to_string();
    let left = Capture::set_format(&device, &Format::new(640, 480, FourCC::new(b"UYVY"))).map_err(words)?;
    let rate = Capture::set_params(&device, &Parameters::new(Fraction::new(2, 25))).map_err(words)?;
    drop(device);
    let uneven = (rate.interval.numerator, rate.interval.denominator) == (2, 25);
    ensure(left.fourcc.repr == *b"UYVY" && uneven, || {
        format!("left in {} at {}", left.fourcc, rate.interval)
    })?;
    let frame = newer(&station(None), 0)?;
    ensure(
        (frame.format(), frame.width()) == (PixelFormat::Yuyv, 640),
        || format!("{frame:?}"),
    )?;
    Ok(format!(
        "left in {} at {}; opened as asked",
        left.fourcc, rate.interval
    ))
}

/// The user class's automatic gain and gain, which vivid has.
const AUTO_GAIN: u32 = 0x0098_0912;
const GAIN: u32 = 0x0098_0913;

fn gains() -> Result<(Value, Value), String> {
    let device = beside()?;
    let read = |id| {
        device
            .control(id)
            .map(|control| control.value)
            .map_err(|error| error.to_string())
    };
    Ok((read(AUTO_GAIN)?, read(GAIN)?))
}

pub(crate) fn held_settings() -> Seen {
    let _driver = vivid(1)?;
    ensure(gains()?.0 == Value::Boolean(true), || {
        "the automatic is off from the start".to_owned()
    })?;
    let camera = Camera::start(SourceSpec::Device(DeviceSpec {
        id: None,
        wish: asking(PixelFormat::Yuyv, 640, 480),
        settings: Settings {
            exposure: Lock::Hold,
            ..Settings::default()
        },
    }));
    newer(&camera, 0)?;
    let is_held = || gains().is_ok_and(|(automatic, _)| automatic == Value::Boolean(false));
    let wait = |what: &str| {
        let start = Instant::now();
        while !is_held() {
            ensure(start.elapsed() < LONG, || format!("never held {what}"))?;
            thread::sleep(Duration::from_millis(50));
        }
        Ok::<_, String>(gains()?.1)
    };
    let held = wait("at first")?;
    gets_over(&camera, unbind, &["o such device"], bind)?;
    let again = wait("after the replug")?;
    ensure(held == again, || format!("{held:?} became {again:?}"))?;
    Ok(format!(
        "gain {held:?} found, automatic off; the same after the replug"
    ))
}

pub(crate) fn unbound() -> Seen {
    let _driver = vivid(1)?;
    gets_over(&station(None), unbind, &["o such device"], bind)
}

pub(crate) fn another_number() -> Seen {
    let _driver = vivid(1)?;
    let camera = station(Some("vivid @ platform:vivid-000"));
    newer(&camera, 0)?;
    // Somebody else holds the old node, so its number stays taken.
    let held = beside()?;
    let before = node(FIRST)?;
    let seen = gets_over(&camera, unbind, &["o such device"], bind)?;
    let after = node(FIRST)?;
    drop(held);
    ensure(before != after, || format!("still {after}"))?;
    Ok(format!("{before} became {after}; {seen}"))
}

pub(crate) fn two_devices() -> Seen {
    let _driver = vivid(2)?;
    let listed = camera::devices().map_err(|error| error.to_string())?;
    let ids: Vec<&str> = listed.iter().map(|device| device.id.as_str()).collect();
    ensure(
        ids == ["vivid @ platform:vivid-000", "vivid @ platform:vivid-001"],
        || format!("{ids:?}"),
    )?;
    let cameras = [station(Some(ids[0])), station(Some(ids[1]))];
    for camera in &cameras {
        newer(camera, 2)?;
    }
    let either = station(Some("vivid"));
    until(&either, "refused", |status| {
        matches!(status, CameraStatus::Broken { .. })
    })?;
    Ok("both deliver; the bare name is refused, as it could be either".to_owned())
}

pub(crate) fn order() -> Seen {
    let wanted = "vivid @ platform:vivid-000";
    let is_vivid = |camera: &Camera| -> Result<(), String> {
        let picture = newer(camera, 0)?.to_rgb().map_err(|error| error.to_string())?;
        // The loopback shows black where vivid shows its bars.
        let white = picture.get_pixel(20, picture.height() - 20).0;
        ensure(white[0] > 150, || {
            format!("the other camera's picture: {white:?}")
        })
    };
    let dark = || vec![vec![0; 640 * 480 * 3]];
    {
        let _other = loopback(0, "Aaa")?;
        let _feeder = Feeder::start("/dev/video0", *b"RGB3", 640, 480, dark())?;
        let _driver = vivid(1)?;
        is_vivid(&station(Some(wanted)))?;
    }
    let _driver = vivid(1)?;
    let _other = loopback(9, "Aaa")?;
    let _feeder = Feeder::start("/dev/video9", *b"RGB3", 640, 480, dark())?;
    is_vivid(&station(Some(wanted)))?;
    Ok("the second, then the first of two: always the one meant".to_owned())
}

pub(crate) fn stops_delivering() -> Seen {
    let _driver = vivid(1)?;
    let dropped = |percent| turn("Percentage of Dropped Buffers", Some(percent));
    gets_over(&station(None), || dropped(100), &["not answered"], || dropped(0))
}

pub(crate) fn damaged_buffer() -> Seen {
    let _driver = vivid(1)?;
    let camera = station(None);
    let mut last = newer(&camera, 0)?.sequence();
    for _ in 0..3 {
        turn("Inject V4L2_BUF_FLAG_ERROR", None)?;
        last = newer(&camera, last + 1)?.sequence();
        ensure(matches!(camera.status(), CameraStatus::Streaming { .. }), || {
            format!("{:?}", camera.status())
        })?;
    }
    Ok("skipped; the stream goes on".to_owned())
}

pub(crate) fn refuses_a_buffer() -> Seen {
    let _driver = vivid(1)?;
    gets_over(
        &station(None),
        || turn("Inject VIDIOC_QBUF Error", None),
        &[""],
        || Ok(()),
    )
}

pub(crate) fn refuses_to_start() -> Seen {
    let _driver = vivid(1)?;
    turn("Inject VIDIOC_STREAMON Error", None)?;
    let camera = station(None);
    let reason = lost(&camera, &["nvalid argument"])?;
    newer(&camera, 0)?;
    drop(camera);
    // Refused buffers count as a refused format: the next best is taken at once.
    turn("Inject VIDIOC_REQBUFS Error", None)?;
    newer(&station(None), 0)?;
    Ok(format!(
        "lost ({reason}), then open; no buffers: the next format is taken"
    ))
}

pub(crate) fn breaks_down() -> Seen {
    let _driver = vivid(1)?;
    gets_over(
        &station(None),
        || turn("Inject Fatal Streaming Error", None),
        &["stopped"],
        || Ok(()),
    )
}

pub(crate) fn busy() -> Seen {
    let _driver = vivid(1)?;
    let path = node(FIRST)?;
    let words = |error: std::io::Error| error.to_string();
    let device = Device::with_path(&path).map_err(words)?;
    let mut other = MmapStream::with_buffers(&device, Type::VideoCapture, 2).map_err(words)?;
    other.next().map_err(words)?;
    let camera = wishing(None, asking(PixelFormat::Yuyv, 640, 480));
    let reason = lost(&camera, &["in use"])?;
    drop(other);
    drop(device);
    newer(&camera, 0)?;
    Ok(format!("lost ({reason}); open once the other lets go"))
}

/// The first word to this program when it is the child.
pub(crate) const CHILD: &str = "child";

pub(crate) fn child(words: &[String]) -> ExitCode {
    let done = match apart::spoken(words) {
        Ok(Order::Serve(device)) => apart::serve(&device, std::io::stdout().lock()),
        Ok(Order::List) => apart::list(std::io::stdout().lock()),
        Err(_) => return ExitCode::FAILURE,
    };
    if done.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The number of the process that serves as a child; the machine is ours alone, there is one.
fn served_by() -> Result<String, String> {
    let processes = std::fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let is_child = |process: &std::fs::DirEntry| {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).nth(1) == Some(CHILD.as_bytes())
    };
    let found = processes.flatten().find(is_child).ok_or("there is no child")?;
    Ok(found.file_name().to_string_lossy().into_owned())
}

pub(crate) fn in_a_child() -> Seen {
    let _driver = vivid(1)?;
    let path = std::env::current_exe().map_err(|error| error.to_string())?;
    let camera = Camera::start(SourceSpec::Apart {
        program: Program {
            path,
            words: vec![CHILD.into()],
        },
        device: DeviceSpec {
            wish: asking(PixelFormat::Yuyv, 640, 480),
            ..DeviceSpec::default()
        },
    });
    let signal = |name: &str| busybox(&["kill", name, &served_by()?]);
    let died = gets_over(&camera, || signal("-KILL"), &["driver failed"], || Ok(()))?;
    let hung = gets_over(&camera, || signal("-STOP"), &["not answered"], || Ok(()))?;
    Ok(format!("died: {died}; hung: {hung}"))
}
