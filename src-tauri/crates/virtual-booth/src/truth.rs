//! What is true in a frame: the numbers every measurement is held against.

use image::{GrayImage, Luma};

use crate::act::Light;

/// Ground truth of one frame. For the empty wall, and for a face turned out of the picture, the points are NaN
/// and [`Truth::has_person`] is false; `alpha` is always there, at the frame's size.
///
/// With two students, `alpha` covers both and the points belong to the first one, left in the picture.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Whether somebody is in the picture.
    pub has_person: bool,
    /// Share of each pixel covered by the person (hair, clothes, glasses, phone and hand included), 0..=255,
    /// frame size. Counted on 64 points a pixel along the outline.
    pub alpha: GrayImage,
    /// Centres of the pupils in pixels: the one at the picture's left, then the right one.
    pub eyes: [(f32, f32); 2],
    /// Row (pixels, fractional) of the top of the hair: where the alpha, averaged over any stretch of half the
    /// inter-eye distance that lies within one inter-eye distance of the face's axis, first passes one half. A single
    /// strand that stands up is not the crown, nor is the dip of a parting.
    pub crown_y: f32,
    /// The chin's lowest point, pixels.
    pub chin: (f32, f32),
    /// The face's widest points in front of the ears, left then right, pixels: the places of the face mesh's
    /// points 234 and 454. Not the silhouette.
    pub cheeks: [(f32, f32); 2],
    /// How the head is held.
    pub pose: Pose,
    /// The light it was rendered under.
    pub light: Light,
    /// From the hairline to the chin and from cheek to cheek; all zeros for nobody.
    pub face: FaceBox,
    /// How far the eyes are open in this very frame: 0 shut, 1 open.
    pub eyes_open: f32,
    /// Where the eyes look, in degrees off straight ahead of the head: to the picture's right, and up.
    pub gaze: [f32; 2],
}

impl Truth {
    /// The truth of a picture of the wall alone.
    pub(crate) fn nobody(width: u32, height: u32, light: Light) -> Self {
        let nowhere = (f32::NAN, f32::NAN);
        Self {
            has_person: false,
            alpha: GrayImage::from_pixel(width, height, Luma([0])),
            eyes: [nowhere; 2],
            crown_y: f32::NAN,
            chin: nowhere,
            cheeks: [nowhere; 2],
            pose: Pose::default(),
            light,
            face: FaceBox::default(),
            eyes_open: 0.0,
            gaze: [0.0, 0.0],
        }
    }

    /// Distance between the pupils in pixels; NaN without a person.
    pub fn inter_eye(&self) -> f32 {
        let [(ax, ay), (bx, by)] = self.eyes;
        (bx - ax).hypot(by - ay)
    }
}

/// How the head is held, in degrees; signs as in [`crate::Posing`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Face turned to the picture's right.
    pub yaw: f32,
    /// Chin raised.
    pub pitch: f32,
    /// Crown tilted to the picture's right.
    pub roll: f32,
}

/// An upright box in pixels; it may reach beyond the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaceBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl FaceBox {
    /// Whether a point lies inside.
    pub fn contains(&self, (x, y): (f32, f32)) -> bool {
        x >= self.x && y >= self.y && x <= self.x + self.width && y <= self.y + self.height
    }
}
