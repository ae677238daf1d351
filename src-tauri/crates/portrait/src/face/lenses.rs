//! Glasses: a rim, tinted lenses, a mirrored window.

use super::eyes::Opening;
use super::skin::Skin;
use super::view::{Colour, View, luminance, quantile};

/// What a lens takes from the skin behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tint {
    /// Light of the skin below the eyes over that of the cheeks, the darker side.
    pub(crate) light: f32,
    /// Largest shift of a colour balance between the two, in natural logarithms.
    pub(crate) colour: f32,
}

/// Compares the skin right below the eyes, behind any lens, with the cheeks under the lenses.
pub(crate) fn tint(view: &View, eyes: &[Opening; 2]) -> Tint {
    let median = |area: [f32; 4]| -> Colour {
        let all: Vec<Colour> = view.colours(area).collect();
        std::array::from_fn(|k| quantile(&mut all.iter().map(|c| c[k]).collect::<Vec<_>>(), 0.5))
    };
    let sides = [0, 1].map(|side| {
        let eye = &eyes[side];
        let [u, v] = eye.centre;
        let behind = median([u - 0.16, v + 0.15, u + 0.16, v + 0.23]);
        let beside = median([u - 0.16, v + 0.46, u + 0.16, v + 0.60]);
        let balance = |c: Colour, k: usize| ((c[k] + 0.002) / (c[1] + 0.002)).ln();
        let shift = [0, 2].map(|k| (balance(behind, k) - balance(beside, k)).abs());
        (
            luminance(behind) / luminance(beside).max(1e-4),
            shift[0].max(shift[1]),
        )
    });
    Tint {
        light: sides[0].0.min(sides[1].0),
        colour: sides[0].1.min(sides[1].1),
    }
}

/// Light of the darkest place on the bridge of the nose over the median of the bridge: the bridge of a frame is a
/// dark line across it, bare skin there is even, without the folds and shadows there are below the eyes.
pub(crate) fn bridge(view: &View, eyes: &[Opening; 2]) -> f32 {
    let middle = |k: usize| f32::midpoint(eyes[0].centre[k], eyes[1].centre[k]);
    let (u, v) = (middle(0), middle(1));
    let mut dips: Vec<f32> = (-3..=3)
        .map(|k| {
            let x = u + k as f32 * 0.015;
            let mut column: Vec<f32> = view
                .colours([x, v - 0.20, x + 1.5 * View::GRAIN, v + 0.32])
                .map(luminance)
                .collect();
            let middle = quantile(&mut column, 0.5);
            quantile(&mut column, 0.0) / middle.max(1e-4)
        })
        .collect();
    quantile(&mut dips, 0.5)
}

/// Share of a lens's place, the worse side, that is both brighter and paler than the skin: a lamp or a window in
/// the lens. The openings of the eyes are left out, their whites are bright on dark skin.
pub(crate) fn glare(view: &View, skins: &[Skin; 2], eyes: &[Opening; 2]) -> f32 {
    let one = |eye: &Opening, skin: &Skin| {
        let [u, v] = eye.centre;
        let (mut mirrored, mut all) = (0u32, 0u32);
        for at in View::places([u - 0.34, v - 0.24, u + 0.34, v + 0.28]) {
            if eye.holds(at, 0.03) {
                continue;
            }
            let Some(colour) = view.at(at) else { continue };
            all += 1;
            // What a lens mirrors adds to the skin behind it: at least a tenth of full light, of the lamp's colour.
            let pale = skin.redder(colour) < -0.12 && skin.bluer(colour) > 0.12;
            let brighter = luminance(colour) - luminance(skin.colour) > 0.10;
            mirrored += u32::from(brighter && (pale || colour.iter().all(|&c| c > 0.95)));
        }
        mirrored as f32 / all.max(1) as f32
    };
    one(&eyes[0], &skins[0]).max(one(&eyes[1], &skins[1]))
}
