//! Which pixels are the person: Selfie Segmentation, the general (square) network.
//!
//! Like `MediaPipe`'s own graph, the whole picture is stretched to 256 x 256, whatever its proportions.

use image::{GrayImage, Luma, RgbImage};

use super::detector::{Region, resized};
use super::{Models, Pace};

const SIDE: usize = 256;
pub(super) const INPUTS: [(&str, &[usize]); 1] = [("image", &[1, 3, SIDE, SIDE])];
pub(super) const OUTPUTS: [(&str, usize); 1] = [("person", SIDE * SIDE)];

pub(super) fn person(models: &Models, picture: &RgbImage, pace: Pace) -> GrayImage {
    let (width, height) = picture.dimensions();
    segment(models, picture, pace).unwrap_or_else(|| GrayImage::from_pixel(width, height, Luma([0])))
}

fn segment(models: &Models, picture: &RgbImage, pace: Pace) -> Option<GrayImage> {
    let (width, height) = picture.dimensions();
    let small = resized(picture, Region::whole(picture), SIDE as u32, SIDE as u32)?;
    let mut image = vec![0.0; 3 * SIDE * SIDE];
    for (n, pixel) in small.chunks_exact(3).enumerate() {
        for (channel, &value) in pixel.iter().enumerate() {
            image[channel * SIDE * SIDE + n] = f32::from(value) / 255.0;
        }
    }
    let [person] = models.segmenter.run([image], models.pool(pace))?;
    let person = person
        .iter()
        .map(|p| (p * 65535.0).round().clamp(0.0, 65535.0) as u16);
    crate::resample::grey(person, [SIDE as u32; 2], width, height)
}
