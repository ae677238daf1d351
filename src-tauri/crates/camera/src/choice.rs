//! Which of a camera's formats suits what it is wanted for.
//!
//! A visit runs on **one** stream: what the student sees is what is photographed, nothing is switched between
//! preview and shutter, and the locked exposure stays. So the stream must be large enough for the photo and lively
//! enough for the preview at once ([`Purpose::Visit`]). A standard photo is 480 x 640 pixels of which the head takes
//! a third: beyond the size of [`ENOUGH`] a larger frame adds work and nothing to see.

use std::cmp::Reverse;

use crate::{DeviceFormat, PixelFormat, Wish};

/// Below this a live preview is no mirror; a slower format is taken only where nothing else is offered.
pub(crate) const LIVELY: f32 = 12.0;

/// What a preview should have; more is not seen.
const SMOOTH: f32 = 24.0;

/// Pixels beyond which a frame adds nothing to a standard photo: 1920 x 1080 and its 4:3 neighbour 1920 x 1440.
pub(crate) const ENOUGH: u64 = 1920 * 1440;

/// Pixels a code needs at arm's length: 1280 x 720 (`cargo xtask bench scan --distances`).
const ENOUGH_TO_SCAN: u64 = 1280 * 720;

/// Pixels of the picture on the page.
const ENOUGH_TO_SEE: u64 = 960 * 540;

/// What frames are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Everything of a visit, on one stream.
    Visit,
    /// Finding and reading a code: sharp enough, and several tries a second.
    Scan,
    /// The student's mirror: smooth, and little work.
    Preview,
    /// One photo: the most pixels, the least compression, and the whole field of view.
    Still,
}

/// The formats worth trying, best first. What a [`Wish`] names comes before everything but colour and life.
pub fn ranked(mut offers: Vec<DeviceFormat>, purpose: Purpose, wish: Wish) -> Vec<DeviceFormat> {
    let whole = widest_view(&offers);
    offers
        .sort_by(|one, other| rank(one, purpose, wish, whole).total_cmp(&rank(other, purpose, wish, whole)));
    offers.dedup();
    offers
}

/// Width over height of the largest size: the sensor's own shape. Other shapes are cut out of it.
fn widest_view(offers: &[DeviceFormat]) -> f64 {
    offers
        .iter()
        .max_by_key(|offer| (offer.pixels(), Reverse(offer.width)))
        .map_or(1.0, |offer| {
            f64::from(offer.width) / f64::from(offer.height.max(1))
        })
}

/// Smaller is better, the first number that differs decides.
struct Rank([f64; 9]);

impl Rank {
    fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0
            .iter()
            .zip(&other.0)
            .map(|(one, other)| one.total_cmp(other))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    }
}

fn rank(offer: &DeviceFormat, purpose: Purpose, wish: Wish, whole: f64) -> Rank {
    let flag = |bad: bool| f64::from(u8::from(bad));
    let rate = offer.rate.per_second();
    let other = flag(wish.format.is_some_and(|format| format != offer.format));
    let grey = flag(offer.format == PixelFormat::Gray8);
    let view = (f64::from(offer.width) / f64::from(offer.height.max(1)) / whole)
        .ln()
        .abs();
    let cut = flag(view > 0.02);
    let pixels = offer.pixels();
    let wanted_rate = if wish.fps > 0 { wish.fps as f32 } else { 30.0 };
    let dull = flag(rate < LIVELY.min(wanted_rate));
    let slow = f64::from((wanted_rate - rate).max(0.0));
    let hasty = f64::from((rate - wanted_rate).max(0.0));
    let jerky = flag(rate < SMOOTH.min(wanted_rate));
    if wish.width > 0 && wish.height > 0 {
        // Staff named a size: it, else the next larger, else the largest.
        let wanted = u64::from(wish.width) * u64::from(wish.height);
        let size = if offer.width >= wish.width && offer.height >= wish.height {
            (pixels - wanted) as f64
        } else {
            1e12 - pixels as f64
        };
        return Rank([other, grey, dull, size, slow, burden(offer), hasty, 0.0, 0.0]);
    }
    match purpose {
        Purpose::Visit => Rank([
            other,
            grey,
            dull,
            too_few(pixels, ENOUGH_TO_SCAN),
            jerky,
            -worth(pixels),
            cut,
            slow,
            burden(offer) + hasty,
        ]),
        Purpose::Scan => Rank([
            other,
            dull,
            too_few(pixels, ENOUGH_TO_SCAN),
            -worth(pixels),
            grey,
            slow,
            burden(offer),
            hasty,
            cut,
        ]),
        Purpose::Preview => Rank([
            other,
            grey,
            jerky,
            dull,
            too_few(pixels, ENOUGH_TO_SEE),
            pixels as f64,
            cut,
            burden(offer),
            hasty,
        ]),
        Purpose::Still => Rank([
            other,
            grey,
            -(pixels as f64),
            cut,
            compression(offer),
            slow,
            hasty,
            0.0,
            0.0,
        ]),
    }
}

/// How far below what is needed; nothing above it.
fn too_few(pixels: u64, enough: u64) -> f64 {
    enough.saturating_sub(pixels) as f64
}

/// What a size gives the photo: every pixel up to [`ENOUGH`], and beyond it less the larger it is.
fn worth(pixels: u64) -> f64 {
    if pixels <= ENOUGH {
        pixels as f64
    } else {
        (ENOUGH as f64).powi(2) / pixels as f64
    }
}

/// Between formats of one size and rate: the cheaper one to read.
fn burden(offer: &DeviceFormat) -> f64 {
    match offer.format {
        PixelFormat::Yuyv | PixelFormat::Nv12 | PixelFormat::Gray8 => 0.0,
        PixelFormat::Mjpeg => 1.0,
        // Under Windows this is RGB24, which some drivers send upside down.
        PixelFormat::Rgb8 => 2.0,
    }
}

/// What a format has already lost.
fn compression(offer: &DeviceFormat) -> f64 {
    f64::from(u8::from(offer.format == PixelFormat::Mjpeg))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;
    use PixelFormat::{Gray8, Mjpeg, Nv12, Yuyv};

    fn offer(format: PixelFormat, width: u32, height: u32, fps: u32) -> DeviceFormat {
        DeviceFormat {
            format,
            width,
            height,
            rate: Rate::whole(fps),
        }
    }

    /// What a usual webcam of the better kind lists (a C920's list, shortened; the 4 MP size is another's).
    fn webcam() -> Vec<DeviceFormat> {
        vec![
            offer(Yuyv, 640, 480, 30),
            offer(Yuyv, 1280, 720, 10),
            offer(Yuyv, 1920, 1080, 5),
            offer(Yuyv, 2304, 1536, 2),
            offer(Mjpeg, 640, 480, 30),
            offer(Mjpeg, 1280, 720, 30),
            offer(Mjpeg, 1280, 720, 60),
            offer(Mjpeg, 1920, 1080, 30),
        ]
    }

    fn best(offers: Vec<DeviceFormat>, purpose: Purpose) -> DeviceFormat {
        ranked(offers, purpose, Wish::default())[0]
    }

    #[test]
    fn a_visit_runs_on_the_largest_lively_stream() {
        assert_eq!(best(webcam(), Purpose::Visit), offer(Mjpeg, 1920, 1080, 30));
        // Four times the pixels add work and nothing to a photo of 480 x 640.
        let mut with_4k = webcam();
        with_4k.push(offer(Mjpeg, 3840, 2160, 30));
        assert_eq!(
            best(with_4k.clone(), Purpose::Visit),
            offer(Mjpeg, 1920, 1080, 30)
        );
        let only_4k = vec![offer(Mjpeg, 3840, 2160, 30), offer(Mjpeg, 640, 480, 30)];
        assert_eq!(
            best(only_4k, Purpose::Visit),
            offer(Mjpeg, 3840, 2160, 30),
            "too large beats too small"
        );
        assert_eq!(best(with_4k, Purpose::Still), offer(Mjpeg, 3840, 2160, 30));
    }

    #[test]
    fn each_purpose_has_a_best_of_its_own() {
        assert_eq!(best(webcam(), Purpose::Scan), offer(Mjpeg, 1920, 1080, 30));
        assert_eq!(best(webcam(), Purpose::Preview), offer(Mjpeg, 1280, 720, 30));
        assert_eq!(best(webcam(), Purpose::Still), offer(Yuyv, 2304, 1536, 2));
        let two = vec![offer(Mjpeg, 1920, 1080, 5), offer(Yuyv, 1920, 1080, 5)];
        assert_eq!(
            best(two, Purpose::Still).format,
            Yuyv,
            "uncompressed where both are offered"
        );
    }

    #[test]
    fn a_size_of_the_whole_sensor_is_preferred_to_one_cut_out_of_it() {
        let offers = vec![
            offer(Mjpeg, 2592, 1944, 15),
            offer(Mjpeg, 1600, 1200, 30),
            offer(Mjpeg, 1920, 1000, 30),
        ];
        // 1600 x 1200 and 1920 x 1000 have the same number of pixels; the first sees all of a 4:3 sensor.
        assert_eq!(best(offers, Purpose::Visit), offer(Mjpeg, 1600, 1200, 30));
    }

    #[test]
    fn what_staff_ask_for_comes_first_and_else_the_next_larger() {
        let asked = |width, height, fps| {
            ranked(
                webcam(),
                Purpose::Visit,
                Wish {
                    width,
                    height,
                    fps,
                    format: None,
                },
            )
        };
        assert_eq!(asked(1280, 720, 30)[0], offer(Mjpeg, 1280, 720, 30));
        assert_eq!(asked(1280, 720, 30)[1], offer(Mjpeg, 1280, 720, 60));
        assert_eq!(
            asked(1280, 720, 30)[2],
            offer(Mjpeg, 1920, 1080, 30),
            "larger before smaller"
        );
        assert_eq!(asked(1024, 600, 30)[0], offer(Mjpeg, 1280, 720, 30));
        assert_eq!(
            asked(4000, 3000, 30)[0],
            offer(Mjpeg, 1920, 1080, 30),
            "else the largest that lives"
        );
    }

    #[test]
    fn a_photo_without_colour_is_no_photo_and_slow_is_better_than_nothing() {
        let offers = vec![offer(Gray8, 1920, 1080, 60), offer(Yuyv, 640, 480, 30)];
        let order = ranked(offers, Purpose::Visit, Wish::default());
        assert_eq!(
            order.iter().map(|one| one.format).collect::<Vec<_>>(),
            [Yuyv, Gray8]
        );
        assert_eq!(
            ranked(vec![offer(Yuyv, 1280, 720, 5)], Purpose::Visit, Wish::default()).len(),
            1
        );
    }

    #[test]
    fn uncompressed_frames_are_preferred_where_they_are_fast_enough() {
        let offers = vec![
            offer(Mjpeg, 1280, 720, 30),
            offer(Nv12, 1280, 720, 30),
            offer(Yuyv, 640, 480, 30),
        ];
        assert_eq!(best(offers, Purpose::Visit).format, Nv12);
    }

    #[test]
    fn a_rate_of_television_counts_as_what_it_is() {
        let television = DeviceFormat {
            rate: Rate {
                frames: 30_000,
                seconds: 1001,
            },
            ..offer(Yuyv, 1280, 720, 1)
        };
        let offers = vec![offer(Yuyv, 1280, 720, 15), television];
        assert_eq!(best(offers, Purpose::Visit), television);
    }

    #[test]
    fn a_layout_that_staff_name_is_taken_at_whatever_size_it_has() {
        let wish = Wish {
            format: Some(Yuyv),
            ..Wish::default()
        };
        assert_eq!(
            ranked(webcam(), Purpose::Visit, wish)[0],
            offer(Yuyv, 640, 480, 30)
        );
    }

    #[test]
    fn the_order_does_not_depend_on_how_a_driver_lists() {
        let mut backwards = webcam();
        backwards.reverse();
        for purpose in [Purpose::Visit, Purpose::Scan, Purpose::Preview, Purpose::Still] {
            assert_eq!(
                ranked(webcam(), purpose, Wish::default()),
                ranked(backwards.clone(), purpose, Wish::default())
            );
        }
    }
}
