//! The face's own skin as the measure of what is skin.

use super::view::{Colour, View, luminance, quantile};
use crate::vision::Mesh;

/// Cheeks and the skin beside the mouth, the picture's left, then right: free of hair, lenses and frames.
const CHEEKS: [[usize; 4]; 2] = [[50, 205, 187, 207], [280, 425, 411, 427]];
/// Radius of a patch, in inter-eye distances.
const PATCH: f32 = 0.05;

/// Colour of the skin under the light of the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skin {
    pub(crate) colour: Colour,
}

impl Skin {
    /// Median of both cheeks; `None` if they lie outside the picture or are black.
    pub(crate) fn of(view: &View, mesh: &Mesh) -> Option<Self> {
        Self::median(view, mesh, &CHEEKS.concat())
    }

    /// Each half's own, the picture's left first: where one lamp is off they differ, and what is skin in the light
    /// would not be skin in the shade.
    pub(crate) fn halves(view: &View, mesh: &Mesh) -> Option<[Self; 2]> {
        let [left, right] = CHEEKS.map(|points| Self::median(view, mesh, &points));
        Some([left?, right?])
    }

    fn median(view: &View, mesh: &Mesh, points: &[usize]) -> Option<Self> {
        let patches: Vec<Colour> = points
            .iter()
            .map(|&n| view.point(mesh, n))
            .flat_map(|[u, v]| view.colours([u - PATCH, v - PATCH, u + PATCH, v + PATCH]))
            .collect();
        let colour: Colour = std::array::from_fn(|k| {
            let mut values: Vec<f32> = patches.iter().map(|c| c[k]).collect();
            quantile(&mut values, 0.5)
        });
        (colour.iter().all(|&c| c > 1e-4)).then_some(Self { colour })
    }

    /// Light of a colour over that of the skin.
    pub(crate) fn light(&self, colour: Colour) -> f32 {
        luminance(colour) / luminance(self.colour)
    }

    /// How far the balance of red to green lies from the skin's, in natural logarithms: positive is redder.
    pub(crate) fn redder(&self, colour: Colour) -> f32 {
        balance(colour, 0) - balance(self.colour, 0)
    }

    /// The same for blue to green: positive is bluer.
    pub(crate) fn bluer(&self, colour: Colour) -> f32 {
        balance(colour, 2) - balance(self.colour, 2)
    }

    /// Whether a colour is this skin: lit, in the shade of a brow, a jaw or an ear, or paled by a highlight.
    pub(crate) fn is(&self, colour: Colour) -> bool {
        let light = self.light(colour);
        // A highlight is the lamp's own colour on top of the skin's: paler the brighter it is.
        let pale = 0.34 + 0.30 * (light - 1.0).clamp(0.0, 1.0);
        let red = self.redder(colour);
        light > 0.30 && red > -pale && red < 0.40 && self.bluer(colour).abs() < 0.60 + pale - 0.34
    }

    /// Whether a colour is this skin and no cloth of a like colour: under even light, without its shades.
    pub(crate) fn bare(&self, colour: Colour) -> bool {
        let light = self.light(colour);
        (0.5..1.7).contains(&light) && self.redder(colour).abs() < 0.16 && self.bluer(colour).abs() < 0.22
    }
}

/// Logarithm of a channel over green; 0.002 is the grain of an 8-bit picture's shadows.
fn balance(colour: Colour, channel: usize) -> f32 {
    ((colour[channel] + 0.002) / (colour[1] + 0.002)).ln()
}
