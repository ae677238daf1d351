//! Teeth between the lips.

use super::skin::Skin;
use super::view::{Place, View, distance};
use crate::photometry::inside;
use crate::vision::Mesh;

/// The inner lips, around.
const INNER: [usize; 20] = [
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
];

/// Area between the lips that has the colour of teeth, over the square of the mouth's width.
///
/// Teeth are paler than skin and lips: their red stands less far over their green. What is dark is the mouth's
/// hollow, not a tooth.
pub(crate) fn teeth(view: &View, skin: &Skin, mesh: &Mesh) -> f32 {
    let lips: Vec<Place> = INNER.iter().map(|&n| view.point(mesh, n)).collect();
    let (left, right) = (lips[0], lips[10]);
    let width = (right[0] - left[0]).hypot(right[1] - left[1]).max(1e-3);
    let (low, high) = lips.iter().fold((f32::MAX, f32::MIN), |(low, high), p| {
        (low.min(p[1]), high.max(p[1]))
    });
    let pad = 0.02;
    let count = View::places([left[0], low - pad, right[0], high + pad])
        .filter(|&at| inside(&lips, at) || distance(&lips, at) < pad)
        .filter_map(|at| view.at(at))
        .filter(|&colour| skin.light(colour) > 0.30 && skin.redder(colour) < -0.10)
        .count();
    count as f32 * View::GRAIN * View::GRAIN / (width * width)
}
