//! Where the eyes look, what lies over them, and the colour of the pupils.

use super::skin::Skin;
use super::view::{Place, View, distance, quantile};
use crate::photometry::inside;
use crate::vision::Eye;

/// One eye on the upright copy.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    /// The lids' edge, around.
    pub(crate) lids: Vec<Place>,
    pub(crate) centre: Place,
    pub(crate) width: f32,
    pub(crate) iris: Place,
    pub(crate) iris_radius: f32,
}

impl Opening {
    pub(crate) fn of(view: &View, eye: &Eye) -> Self {
        let lids: Vec<Place> = eye.lids[..9]
            .iter()
            .chain(eye.lids[9..].iter().rev())
            .map(|&p| view.place(p))
            .collect();
        let (outer, inner) = (lids[0], lids[8]);
        let iris = view.place(eye.iris);
        let [ex, ey] = eye.iris;
        let rim = view.place([ex + eye.iris_radius, ey]);
        Self {
            centre: [
                f32::midpoint(outer[0], inner[0]),
                f32::midpoint(outer[1], inner[1]),
            ],
            width: (outer[0] - inner[0]).hypot(outer[1] - inner[1]).max(1e-3),
            iris,
            iris_radius: (rim[0] - iris[0]).hypot(rim[1] - iris[1]),
            lids,
        }
    }

    /// Left, top, right, bottom.
    fn bounds(&self) -> [f32; 4] {
        let mut area = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
        for &[u, v] in &self.lids {
            area = [area[0].min(u), area[1].min(v), area[2].max(u), area[3].max(v)];
        }
        area
    }

    /// Inside the lids, or nearer to their edge than `by`.
    pub(crate) fn holds(&self, at: Place, by: f32) -> bool {
        inside(&self.lids, at) || distance(&self.lids, at) < by
    }
}

/// Irises off the middle between the eyes' corners, in widths of the eye, mean of both eyes: right, down.
pub(crate) fn gaze(eyes: &[Opening; 2]) -> [f32; 2] {
    [0, 1].map(|k| {
        eyes.iter()
            .map(|eye| (eye.iris[k] - eye.centre[k]) / eye.width)
            .sum::<f32>()
            / 2.0
    })
}

/// Share of an eye's visibility zone that is neither skin nor the eye itself, the worse of both eyes.
///
/// The zone is that of ISO/IEC 29794-5 (`EyesVisible`, after ISO/IEC 39794-5): the eye's box enlarged by a
/// twentieth of the inter-eye distance. `OFIQ` segments what occludes it; here everything in it that has not the
/// skin's colour counts, without the opening and the lashes about it, which are never skin.
pub(crate) fn covered(view: &View, skins: &[Skin; 2], eyes: &[Opening; 2]) -> f32 {
    const V: f32 = 1.0 / 20.0;
    const LASHES: f32 = 0.045;
    let share = |eye: &Opening, skin: &Skin| {
        let [left, top, right, bottom] = eye.bounds();
        let (mut hidden, mut all) = (0u32, 0u32);
        for at in View::places([left - V, top - V, right + V, bottom + V]) {
            if eye.holds(at, LASHES) {
                continue;
            }
            let Some(colour) = view.at(at) else { continue };
            all += 1;
            hidden += u32::from(!skin.is(colour));
        }
        hidden as f32 / all.max(1) as f32
    };
    share(&eyes[0], &skins[0]).max(share(&eyes[1], &skins[1]))
}

/// Light of the whites of an eye over that of the skin, the darker of both eyes: a rim or a strand across the opening
/// takes it away. The median of the opening outside the iris; 1 where nothing of it is outside.
pub(crate) fn whites(view: &View, skins: &[Skin; 2], eyes: &[Opening; 2]) -> f32 {
    let one = |eye: &Opening, skin: &Skin| {
        let [left, top, right, bottom] = eye.bounds();
        let mut seen: Vec<f32> = View::places([left, top, right, bottom])
            .filter(|&at| inside(&eye.lids, at) && distance(&eye.lids, at) > 0.012)
            .filter(|at| (at[0] - eye.iris[0]).hypot(at[1] - eye.iris[1]) > 1.15 * eye.iris_radius)
            .filter_map(|at| view.at(at))
            .map(|colour| skin.light(colour))
            .collect();
        let light = quantile(&mut seen, 0.5);
        if light.is_finite() { light } else { 1.0 }
    };
    one(&eyes[0], &skins[0]).min(one(&eyes[1], &skins[1]))
}

/// How much redder than green and blue a pupil is, in shares of the 8-bit range, the redder of both. Only the
/// middle of the iris counts: brown irises are reddish too, but dark.
pub(crate) fn redness(view: &View, eyes: &[Opening; 2]) -> f32 {
    let one = |eye: &Opening| {
        let r = 0.5 * eye.iris_radius;
        let [u, v] = eye.iris;
        let (mut sum, mut count) = (0.0f32, 0u32);
        for at in View::places([u - r, v - r, u + r, v + r]) {
            if (at[0] - u).hypot(at[1] - v) > r {
                continue;
            }
            let Some(colour) = view.at(at) else { continue };
            let [red, green, blue] = colour.map(|c| c.powf(1.0 / 2.2));
            sum += (red - green.max(blue)).max(0.0);
            count += 1;
        }
        sum / count.max(1) as f32
    };
    one(&eyes[0]).max(one(&eyes[1]))
}
