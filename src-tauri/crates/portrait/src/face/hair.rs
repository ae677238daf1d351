//! Hair over the brows and over the ears.

use image::GrayImage;

use super::skin::Skin;
use super::view::View;
use crate::vision::Mesh;

/// Middles of the brows' upper edges, the picture's left, then right; the ends left out.
const BROWS: [[usize; 3]; 2] = [[63, 105, 66], [293, 334, 296]];
/// A brow is at most this high, in inter-eye distances; a longer stretch without skin is hair over it.
const BROW: f32 = 0.21;

/// Share of the brows' length above which skin is seen, the worse side.
///
/// From the lid upwards there is skin, then the brow (or none, if it is fair), then skin again. Where hair hangs
/// over the brow the stretch without skin does not end.
pub(crate) fn above_brows(view: &View, skins: &[Skin; 2], mesh: &Mesh) -> f32 {
    let share = |points: [usize; 3], skin: &Skin| {
        let edge = points.map(|n| view.point(mesh, n));
        let (mut free, mut all) = (0u32, 0u32);
        for pair in edge.windows(2) {
            for k in 0..16 {
                let t = (k as f32 + 0.5) / 16.0;
                let u = pair[0][0] + (pair[1][0] - pair[0][0]) * t;
                let v = pair[0][1] + (pair[1][1] - pair[0][1]) * t;
                // From a little below the brow to a brow's height above it.
                let (mut dark, mut longest) = (0u32, 0u32);
                for row in 0..34 {
                    let seen = view.at([u, v + 0.14 - 0.01 * row as f32]);
                    dark = if seen.is_some_and(|c| skin.is(c)) {
                        0
                    } else {
                        dark + 1
                    };
                    longest = longest.max(dark);
                }
                all += 1;
                free += u32::from((longest as f32) * 0.01 < BROW);
            }
        }
        free as f32 / all.max(1) as f32
    };
    share(BROWS[0], &skins[0]).min(share(BROWS[1], &skins[1]))
}

/// For the picture's left and right: share of the rows between the brows' and the nose's height in which skin is
/// seen outside the cheek, at least a twentieth of the inter-eye distance of it. Hair over an ear leaves none.
pub(crate) fn ears(view: &View, skins: &[Skin; 2], mesh: &Mesh, alpha: &GrayImage) -> [f32; 2] {
    [(234, -1.0, &skins[0]), (454, 1.0, &skins[1])].map(|(cheek, way, skin): (usize, f32, &Skin)| {
        let [u, _] = view.point(mesh, cheek);
        let rows = 40;
        let seen = (0..rows)
            .filter(|&row| {
                let v = -0.15 + 0.55 * (row as f32 + 0.5) / rows as f32;
                let skin_here = (0..30)
                    .map(|k| u + way * (0.03 + 0.01 * k as f32))
                    .filter(|&x| view.cover(alpha, [x, v]) > 0.6)
                    .filter(|&x| view.at([x, v]).is_some_and(|c| skin.is(c)))
                    .count();
                skin_here >= 5
            })
            .count();
        seen as f32 / rows as f32
    })
}
