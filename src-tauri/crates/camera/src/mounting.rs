//! How the camera's body hangs: a booth turns a webcam on its side, because a portrait is taller than wide.
//!
//! The standard forbids turning the *picture*. This turns nothing in it: a frame is read out in the order in which the
//! world stands, exactly, pixel for pixel ([`crate::Frame::to_rgb`]), by a property of the mount that staff set once
//! and that no software decides. What the sensor sent stays what is stored and hashed: its own JPEG, with the
//! property written into it as every camera writes it (EXIF orientation), or its own pixels where it sends no JPEG.

use image::{ImageBuffer, Pixel, imageops};

/// By how much the picture on the sensor must be turned clockwise to stand upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mounting {
    /// The camera stands as it was built to.
    #[default]
    Upright,
    /// 90°: the camera's top points to the right, as seen from behind it.
    Clockwise90,
    /// The camera hangs upside down.
    Clockwise180,
    /// 270°: the camera's top points to the left, as seen from behind it.
    Clockwise270,
}

impl Mounting {
    /// From degrees; `None` for what is no quarter turn.
    pub fn from_degrees(degrees: u32) -> Option<Self> {
        match degrees {
            0 => Some(Self::Upright),
            90 => Some(Self::Clockwise90),
            180 => Some(Self::Clockwise180),
            270 => Some(Self::Clockwise270),
            _ => None,
        }
    }

    /// Clockwise degrees.
    pub fn degrees(self) -> u32 {
        match self {
            Self::Upright => 0,
            Self::Clockwise90 => 90,
            Self::Clockwise180 => 180,
            Self::Clockwise270 => 270,
        }
    }

    /// The value of EXIF's tag 0x0112 that says the same.
    pub fn exif_orientation(self) -> u8 {
        match self {
            Self::Upright => 1,
            Self::Clockwise90 => 6,
            Self::Clockwise180 => 3,
            Self::Clockwise270 => 8,
        }
    }

    /// Whether width and height change places.
    pub(crate) fn is_sideways(self) -> bool {
        matches!(self, Self::Clockwise90 | Self::Clockwise270)
    }

    /// The picture as the world stands. A permutation of pixels, nothing is computed.
    pub(crate) fn upright<P: Pixel + 'static>(
        self,
        sensor: ImageBuffer<P, Vec<P::Subpixel>>,
    ) -> ImageBuffer<P, Vec<P::Subpixel>>
    where
        P::Subpixel: 'static,
    {
        match self {
            Self::Upright => sensor,
            Self::Clockwise90 => imageops::rotate90(&sensor),
            Self::Clockwise180 => {
                let mut sensor = sensor;
                imageops::rotate180_in_place(&mut sensor);
                sensor
            }
            Self::Clockwise270 => imageops::rotate270(&sensor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::GrayImage;

    /// 3 x 2: 1 2 3 over 4 5 6.
    fn sensor() -> GrayImage {
        GrayImage::from_raw(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap()
    }

    #[test]
    fn every_pixel_is_there_and_none_is_mirrored() {
        let at = |degrees| {
            let upright = Mounting::from_degrees(degrees).unwrap().upright(sensor());
            (upright.dimensions(), upright.into_raw())
        };
        assert_eq!(at(0), ((3, 2), vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(at(90), ((2, 3), vec![4, 1, 5, 2, 6, 3]));
        assert_eq!(at(180), ((3, 2), vec![6, 5, 4, 3, 2, 1]));
        assert_eq!(at(270), ((2, 3), vec![3, 6, 2, 5, 1, 4]));
    }

    #[test]
    fn there_are_four_ways_and_no_others() {
        for degrees in [0, 90, 180, 270] {
            assert_eq!(Mounting::from_degrees(degrees).unwrap().degrees(), degrees);
        }
        for degrees in [1, 45, 360, 450] {
            assert_eq!(Mounting::from_degrees(degrees), None);
        }
    }
}
