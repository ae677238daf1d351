//! What healthy devices deliver: formats, sizes, colours.

use camera::{Camera, DeviceSpec, Frame, Mounting, PixelFormat, Purpose, Settings, SourceSpec, Wish, ranked};
use image::RgbImage;

use crate::drivers::{FIRST, asking, ensure, loopback, newer, offers, vivid, vivid_whole, wishing};
use crate::feeder::{BARS, Feeder, bgr, jpeg, uyvy};
use crate::rows::Seen;

const SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];

/// Levels by which the mean of a bar may be off: the drivers and the decoders round.
const OFF: f64 = 6.0;

pub(crate) fn listed() -> Seen {
    let _driver = vivid_whole()?;
    let listed = camera::devices().map_err(|error| error.to_string())?;
    let ids: Vec<&str> = listed.iter().map(|device| device.id.as_str()).collect();
    ensure(ids == ["vivid @ platform:vivid-000"], || {
        format!("listed {ids:?}")
    })?;
    let formats = &listed[0].formats;
    for format in [
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::Rgb8,
        PixelFormat::Gray8,
    ] {
        for (width, height) in SIZES {
            let there = |offer: &&camera::DeviceFormat| {
                (offer.format, offer.width, offer.height) == (format, width, height)
            };
            ensure(formats.iter().any(|offer| there(&offer)), || {
                format!("no {format} {width}x{height}")
            })?;
        }
    }
    Ok(format!("{}, {} formats", ids[0], formats.len()))
}

pub(crate) fn best_format() -> Seen {
    let _driver = vivid(1)?;
    let best = |purpose| offers(FIRST).map(|all| ranked(all, purpose, Wish::default())[0]);
    let [visit, preview, still] = [
        best(Purpose::Visit)?,
        best(Purpose::Preview)?,
        best(Purpose::Still)?,
    ];
    // vivid is the slower the larger: 25 frames a second at 640x480, 12.5 at 1280x720, 5 and 2 above.
    ensure((visit.width, visit.height) == (1280, 720), || {
        format!("a visit on {visit}")
    })?;
    ensure((preview.width, preview.height) == (640, 480), || {
        format!("a preview on {preview}")
    })?;
    ensure((still.width, still.height) == (3840, 2160), || {
        format!("a still on {still}")
    })?;
    let camera = wishing(None, Wish::default());
    let frame = newer(&camera, 0)?;
    ensure((frame.width(), frame.height()) == (1280, 720), || {
        format!("{frame:?}")
    })?;
    Ok(format!("visit {visit}; preview {preview}; still {still}"))
}

/// The mean colour of each bar, read in the lower half: above, the driver writes its own words.
fn bars(picture: &RgbImage) -> [[f64; 3]; 8] {
    let (width, height) = picture.dimensions();
    let bar = width / 8;
    std::array::from_fn(|i| {
        let mut sum = [0.0; 3];
        let mut count = 0.0;
        for y in height * 3 / 4..height * 7 / 8 {
            for x in bar * i as u32 + bar / 4..bar * i as u32 + bar * 3 / 4 {
                count += 1.0;
                for (sum, level) in sum.iter_mut().zip(picture.get_pixel(x, y).0) {
                    *sum += f64::from(level);
                }
            }
        }
        sum.map(|sum| sum / count)
    })
}

/// How far the bars' means are off at most.
fn furthest(picture: &RgbImage) -> Result<f64, String> {
    let found = bars(picture);
    let mut furthest: f64 = 0.0;
    for (mean, wanted) in found.iter().zip(BARS) {
        for (level, wanted) in mean.iter().zip(wanted) {
            furthest = furthest.max((level - f64::from(wanted)).abs());
        }
    }
    ensure(furthest <= OFF, || format!("the bars are {found:.0?}"))?;
    Ok(furthest)
}

/// A few frames of this size and format, and the colours of all ways to read one.
fn frames(camera: &Camera, format: PixelFormat, width: u32, height: u32) -> Result<(Frame, f64), String> {
    let first = newer(camera, 0)?;
    let third = newer(camera, first.sequence() + 1)?;
    let as_asked = (third.format(), third.width(), third.height()) == (format, width, height);
    ensure(as_asked, || format!("{third:?} for {format} {width}x{height}"))?;
    let words = |error: camera::CameraError| error.to_string();
    let full = furthest(&third.to_rgb().map_err(words)?)?;
    let small = furthest(&third.to_small_rgb(width / 2).map_err(words)?)?;
    let luma = third.to_luma().map_err(words)?;
    let (light, dark) = (
        luma.get_pixel(width / 16, height * 7 / 8),
        luma.get_pixel(width * 15 / 16, height * 7 / 8),
    );
    ensure(light.0[0] > 180 && dark.0[0] < 15, || {
        format!("luma {light:?} to {dark:?}")
    })?;
    Ok((third, full.max(small)))
}

fn on_vivid(format: PixelFormat) -> Seen {
    let _driver = vivid(1)?;
    let mut off: f64 = 0.0;
    for (width, height) in SIZES {
        let camera = wishing(None, asking(format, width, height));
        off = off.max(frames(&camera, format, width, height)?.1);
    }
    Ok(format!(
        "640x480, 1280x720, 1920x1080; bars at most {off:.1} levels off"
    ))
}

pub(crate) fn yuyv() -> Seen {
    on_vivid(PixelFormat::Yuyv)
}

pub(crate) fn nv12() -> Seen {
    on_vivid(PixelFormat::Nv12)
}

pub(crate) fn rgb() -> Seen {
    on_vivid(PixelFormat::Rgb8)
}

pub(crate) fn grey() -> Seen {
    let _driver = vivid(1)?;
    let camera = wishing(None, asking(PixelFormat::Gray8, 640, 480));
    let frame = newer(&camera, 0)?;
    ensure(frame.format() == PixelFormat::Gray8, || format!("{frame:?}"))?;
    let luma = frame.to_luma().map_err(|error| error.to_string())?;
    let (light, dark) = (luma.get_pixel(40, 420).0[0], luma.get_pixel(600, 420).0[0]);
    ensure(light > 180 && dark < 15, || format!("{light} to {dark}"))?;
    Ok(format!("640x480; white {light}, black {dark}"))
}

pub(crate) fn on_its_side() -> Seen {
    let _driver = vivid(1)?;
    let camera = Camera::start(SourceSpec::Mounted {
        sensor: Box::new(SourceSpec::Device(DeviceSpec {
            id: None,
            wish: asking(PixelFormat::Yuyv, 640, 480),
            settings: Settings::default(),
        })),
        mounting: Mounting::Clockwise90,
    });
    let frame = newer(&camera, 0)?;
    ensure((frame.width(), frame.height()) == (480, 640), || {
        format!("{frame:?}")
    })?;
    let upright = frame.to_rgb().map_err(|error| error.to_string())?;
    // Clockwise by a quarter: the sensor's left is above.
    let back = image::imageops::rotate270(&upright);
    let off = furthest(&back)?;
    ensure(
        back == frame.to_sensor_rgb().map_err(|error| error.to_string())?,
        || "pixels were lost".to_owned(),
    )?;
    Ok(format!("480x640, the white bar above; {off:.1} levels off"))
}

fn fed(
    fourcc: [u8; 4],
    format: PixelFormat,
    width: u32,
    height: u32,
    frame: Vec<u8>,
) -> Result<(Frame, f64), String> {
    let _driver = loopback(7, "Loop")?;
    let _feeder = Feeder::start("/dev/video7", fourcc, width, height, vec![frame])?;
    let camera = wishing(Some("Loop"), Wish::default());
    frames(&camera, format, width, height)
}

pub(crate) fn mjpeg() -> Seen {
    let mut off: f64 = 0.0;
    let mut sizes = Vec::new();
    for (width, height) in SIZES {
        let sent = jpeg(width, height)?;
        let (frame, apart) = fed(*b"MJPG", PixelFormat::Mjpeg, width, height, sent.clone())?;
        ensure(frame.data() == sent, || {
            format!("{} bytes of {}", frame.data().len(), sent.len())
        })?;
        off = off.max(apart);
        sizes.push(format!("{width}x{height} of {} KB", sent.len() / 1024));
    }
    Ok(format!(
        "{}; byte for byte; bars at most {off:.1} levels off",
        sizes.join(", ")
    ))
}

pub(crate) fn damaged_mjpeg() -> Seen {
    let whole = jpeg(640, 480)?;
    let cut = whole[..whole.len() / 2].to_vec();
    let mut bare = whole.clone();
    while let Some(at) = bare.windows(2).position(|marker| marker == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
        bare.drain(at..at + 2 + length);
    }
    let _driver = loopback(7, "Loop")?;
    let _feeder = Feeder::start(
        "/dev/video7",
        *b"MJPG",
        640,
        480,
        vec![bare.clone(), cut, vec![0x5a; 5000], whole.clone()],
    )?;
    let camera = wishing(Some("Loop"), Wish::default());
    let (mut seen, mut last) = ([0, 0], 0);
    while seen.iter().any(|count| *count < 2) {
        let frame = newer(&camera, last)?;
        last = frame.sequence();
        // The loopback lets a reader see what its writer is just changing: such a frame shows when it is decoded.
        let Ok(picture) = frame.to_rgb() else { continue };
        furthest(&picture)?;
        let file = frame
            .to_jpeg_file()
            .map_err(|error| error.to_string())?
            .ok_or("no file")?;
        furthest(
            &image::load_from_memory(&file)
                .map_err(|error| error.to_string())?
                .into_rgb8(),
        )?;
        match frame.data() {
            data if data == bare => seen[0] += 1,
            data if data == whole => seen[1] += 1,
            data => return Err(format!("a damaged frame of {} bytes was handed over", data.len())),
        }
    }
    Ok("only whole frames came; without tables they are read and kept as files".to_owned())
}

pub(crate) fn bgr_frames() -> Seen {
    let (_, off) = fed(*b"BGR3", PixelFormat::Rgb8, 640, 480, bgr(640, 480))?;
    Ok(format!("640x480; {off:.1} levels off"))
}

pub(crate) fn uyvy_frames() -> Seen {
    let (_, off) = fed(*b"UYVY", PixelFormat::Yuyv, 640, 480, uyvy(640, 480))?;
    Ok(format!("640x480; {off:.1} levels off"))
}
