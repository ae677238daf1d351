//! What lies on the head: hair, skin, or cloth.

use image::GrayImage;

use super::skin::Skin;
use super::view::{Colour, View, luminance, quantile};
use crate::vision::Mesh;

/// The head between the forehead's middle and the crown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Covering {
    /// Median light over that of the skin.
    pub(crate) light: f32,
    /// Median colour's red over green, and blue over green, natural logarithms.
    pub(crate) red: f32,
    pub(crate) blue: f32,
    /// Mean deviation from the five-pixel neighbourhood, over the mean light.
    pub(crate) texture: f32,
    /// Share of bare skin.
    pub(crate) skin: f32,
}

impl Covering {
    /// Colours hair has not: cool, strongly red, or far brighter than the skin. Hair runs from black (red and green
    /// alike) over brown to blond (red over green 0.4, 0.7 in chestnut; blue below green) and to white.
    pub(crate) fn cloth_coloured(&self) -> bool {
        self.red < -0.10 || self.red > 1.2 || self.blue > 0.15 || self.light > 1.9
    }
}

/// `None` if there is too little to see above the forehead.
pub(crate) fn measure(view: &View, skin: &Skin, mesh: &Mesh, alpha: &GrayImage) -> Option<Covering> {
    let top = view.point(mesh, 10)[1];
    // The crown: the first covered row on the face's axis.
    let crown = (0..260)
        .map(|k| -2.6 + 0.01 * k as f32)
        .find(|&v| (-5..=5).all(|k| view.cover(alpha, [0.04 * k as f32, v]) > 0.9))?;
    let area = [-0.55, crown + 0.06, 0.55, top + 0.02];
    let places: Vec<_> = View::places(area)
        .filter(|&at| view.cover(alpha, at) > 0.95)
        .collect();
    let colours: Vec<Colour> = places.iter().filter_map(|&at| view.at(at)).collect();
    if colours.len() < 300 {
        return None;
    }
    let median: Colour =
        std::array::from_fn(|k| quantile(&mut colours.iter().map(|c| c[k]).collect::<Vec<_>>(), 0.5));
    let mut rough = 0.0;
    let mut count = 0u32;
    for &[u, v] in &places {
        let Some(here) = view.at([u, v]) else { continue };
        let around: Vec<f32> = [(-2.0, 0.0), (2.0, 0.0), (0.0, -2.0), (0.0, 2.0)]
            .iter()
            .filter_map(|&(x, y)| view.at([u + x * View::GRAIN, v + y * View::GRAIN]))
            .map(|c| luminance(c).sqrt())
            .collect();
        if around.len() == 4 {
            rough += (luminance(here).sqrt() - around.iter().sum::<f32>() / 4.0).abs();
            count += 1;
        }
    }
    let bright = luminance(median).sqrt().max(0.01);
    let log = |k: usize| ((median[k] + 0.002) / (median[1] + 0.002)).ln();
    Some(Covering {
        light: skin.light(median),
        red: log(0),
        blue: log(2),
        texture: rough / count.max(1) as f32 / bright,
        skin: colours.iter().filter(|&&c| skin.bare(c)).count() as f32 / colours.len() as f32,
    })
}
