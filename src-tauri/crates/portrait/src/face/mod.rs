//! What a face shows beyond its light: where the eyes look, what lies over them, teeth, ears, brows, a covering.
//! Measured on an upright copy of the head; the limits live with the checks.

mod covering;
mod eyes;
mod hair;
mod lenses;
mod mouth;
mod skin;
mod view;

use image::{GrayImage, RgbImage};

use crate::vision::Mesh;
use skin::Skin;
use view::View;

pub(crate) use covering::Covering;
pub(crate) use lenses::Tint;

/// Everything measured on one face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaceFacts {
    /// Irises off the middle of the eyes' openings, in widths of an opening, the mean of both eyes: to the
    /// picture's right, and down.
    pub(crate) gaze: [f32; 2],
    /// Share of the eyes' surroundings that is covered, the worse eye; see [`eyes::covered`].
    pub(crate) eyes_covered: f32,
    /// Light of the whites of the eyes over the skin's, the darker eye; see [`eyes::whites`].
    pub(crate) whites: f32,
    /// Redness of the pupils, the redder one; see [`eyes::redness`].
    pub(crate) red: f32,
    /// Light of the darkest place across the nose; see [`lenses::bridge`].
    pub(crate) bridge: f32,
    /// Light and colour lost between cheek and the skin below the eyes; see [`lenses::tint`].
    pub(crate) tint: Tint,
    /// Share of the lenses' place that mirrors; see [`lenses::glare`].
    pub(crate) glare: f32,
    /// Teeth seen; see [`mouth::teeth`].
    pub(crate) teeth: f32,
    /// Share of skin right above the brows, the worse side; see [`hair::above_brows`].
    pub(crate) brows: f32,
    /// Share of each ear's height at which skin is seen, the picture's left first; see [`hair::ears`].
    pub(crate) ears: Option<[f32; 2]>,
    /// What lies on the head.
    pub(crate) covering: Option<Covering>,
}

/// Measures a face; `alpha` is the picture's matte, for what lies on the edge of the head. `None` where the picture
/// shows too little of a face.
pub(crate) fn face_facts(picture: &RgbImage, mesh: &Mesh, alpha: Option<&GrayImage>) -> Option<FaceFacts> {
    let view = View::of(picture, mesh)?;
    let skin = Skin::of(&view, mesh)?;
    let halves = Skin::halves(&view, mesh)?;
    let eyes = mesh.eyes.as_ref()?;
    let places = [0, 1].map(|k| eyes::Opening::of(&view, &eyes[k]));
    Some(FaceFacts {
        gaze: eyes::gaze(&places),
        eyes_covered: eyes::covered(&view, &halves, &places),
        whites: eyes::whites(&view, &halves, &places),
        red: eyes::redness(&view, &places),
        bridge: lenses::bridge(&view, &places),
        tint: lenses::tint(&view, &places),
        glare: lenses::glare(&view, &halves, &places),
        teeth: mouth::teeth(&view, &skin, mesh),
        brows: hair::above_brows(&view, &halves, mesh),
        ears: alpha.map(|alpha| hair::ears(&view, &halves, mesh, alpha)),
        covering: alpha.and_then(|alpha| covering::measure(&view, &skin, mesh, alpha)),
    })
}
