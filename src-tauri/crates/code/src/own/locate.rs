//! From three finder patterns, an outline, or the last frame to the plane of a symbol.

use super::layout::Layout;
use super::plane::{Corners, Light, Marks, Plane, fit};
use super::rings::{Corner3, Spot, likeness, refined};

/// Agreement of the fixed modules below which there is no symbol in this place. A fit on noise reaches
/// about 0.3 by its freedom.
const LEAST_AGREEMENT: f32 = 0.35;

/// Agreement above which a place is followed and shown to people. Print and boxes reach 0.5 at times; a
/// symbol that can be read has 0.5 and more.
const SURE_AGREEMENT: f32 = 0.55;

/// Agreement above which a place is worth another look.
const DOUBTFUL_AGREEMENT: f32 = 0.45;

/// Versions tried on each side of the one the finders' distances say: one, and one more for every
/// fifteen, for lengths are good to some percent.
const VERSIONS_BESIDE: usize = 1;

/// How far a symbol may have moved between two frames, in pixels. A hand trembles 12; 30 frames a second.
const MOST_MOVED: f32 = 28.0;

/// A symbol's place.
#[derive(Clone)]
pub(crate) struct Located {
    pub(crate) corners: Corners,
    /// 1–40.
    pub(crate) version: usize,
    pub(crate) inverted: bool,
    /// Agreement of the fixed modules, 0–1.
    pub(crate) agreement: f32,
}

impl Located {
    /// Modules a side.
    pub(crate) fn side(&self) -> usize {
        17 + 4 * self.version
    }

    /// Whether there is a symbol beyond doubt.
    pub(crate) fn is_sure(&self) -> bool {
        self.agreement >= SURE_AGREEMENT
    }

    /// Whether there may be a symbol that another frame shows better.
    pub(crate) fn may_be(&self) -> bool {
        self.agreement >= DOUBTFUL_AGREEMENT
    }

    fn fitted(light: &Light, shape: &Shape, start: &Corners, first: f32, inverted: bool) -> Option<Self> {
        let sign = if inverted { -1.0 } else { 1.0 };
        let side = shape.layout.side as f32;
        let (corners, agreement) = fit(light, &shape.marks, side, start, (first, sign))?;
        (agreement >= LEAST_AGREEMENT).then_some(Self {
            corners,
            version: shape.layout.version,
            inverted,
            agreement,
        })
    }
}

/// A version's layout and marks.
struct Shape {
    layout: Layout,
    marks: Marks,
}

impl Shape {
    fn new(version: usize) -> Option<Self> {
        let layout = Layout::new(version)?;
        let marks = Marks::new(&layout);
        Some(Self { layout, marks })
    }
}

/// The symbol with `modules` modules a side within `corners`, which may be off by about two modules each.
pub(crate) fn within(light: &Light, corners: &Corners, modules: u32) -> Option<Located> {
    let version = modules.checked_sub(17)? / 4;
    let shape = Shape::new(version as usize)?;
    let plain = Plane::new(corners, shape.layout.side as f32)?;
    let inverted = shape.marks.agreement(light, &plain) < -0.2;
    Located::fitted(light, &shape, corners, 1.0, inverted)
}

/// The symbols these three patterns may belong to, the likeliest first, at most two.
pub(crate) fn around(light: &Light, triple: &Corner3) -> Vec<Located> {
    let exact = (triple.modules - 17.0) / 4.0;
    let guess = exact.round().clamp(1.0, 40.0) as usize;
    let beside = VERSIONS_BESIDE + guess / 12;
    let versions = guess.saturating_sub(beside).max(1)..=(guess + beside).min(40);
    let mut starts: Vec<(Corners, f32, Shape)> = versions
        .filter_map(|version| {
            let shape = Shape::new(version)?;
            let (corners, agreement) = last_corner(light, &shape, triple)?;
            Some((corners, agreement, shape))
        })
        .collect();
    starts.sort_by(|one, other| other.1.total_cmp(&one.1));
    starts.truncate(2);
    let fitted = starts
        .iter()
        .filter_map(|(corners, _, shape)| Located::fitted(light, shape, corners, 1.0, triple.inverted));
    let mut located: Vec<Located> = fitted.collect();
    located.sort_by(|one, other| other.agreement.total_cmp(&one.agreement));
    located
}

/// The last corner is sought first: the three finders stay where they are and the perspective turns.
fn last_corner(light: &Light, shape: &Shape, triple: &Corner3) -> Option<(Corners, f32)> {
    let side = shape.layout.side as f32;
    let sign = if triple.inverted { -1.0 } else { 1.0 };
    let [a, b, c] = triple.at;
    let tried = |along: f32, across: f32| {
        let (u, v) = (1.0 + 0.035 * along, 1.0 + 0.035 * across);
        let d = [0, 1].map(|axis| a[axis] + (b[axis] - a[axis]) * u + (c[axis] - a[axis]) * v);
        let inner = Plane::new(&[a, b, d, c], side - 7.0)?;
        let (near, far) = (-3.5, side - 3.5);
        let corners = [
            inner.at(near, near),
            inner.at(far, near),
            inner.at(far, far),
            inner.at(near, far),
        ];
        let plane = Plane::new(&corners, side)?;
        Some((corners, sign * shape.marks.agreement(light, &plane)))
    };
    let mut best: Option<(Corners, f32, [f32; 2])> = None;
    let keep = |at: [f32; 2], best: &mut Option<(Corners, f32, [f32; 2])>| {
        if let Some((corners, agreement)) = tried(at[0], at[1])
            && best.is_none_or(|(_, most, _)| agreement > most)
        {
            *best = Some((corners, agreement, at));
        }
    };
    for along in -3..=3_i8 {
        for across in -3..=3_i8 {
            keep([2.0 * f32::from(along), 2.0 * f32::from(across)], &mut best);
        }
    }
    let (_, _, [u, v]) = best?;
    for along in -1..=1_i8 {
        for across in -1..=1_i8 {
            keep([u + f32::from(along), v + f32::from(across)], &mut best);
        }
    }
    best.map(|(corners, agreement, _)| (corners, agreement))
}

/// The symbol of an earlier frame in this one: its three finders are sought around where they were.
pub(crate) fn again(light: &Light, last: &Located) -> Option<Located> {
    let shape = Shape::new(last.version)?;
    let side = shape.layout.side as f32;
    let plane = Plane::new(&last.corners, side)?;
    let spots = [[3.5, 3.5], [side - 3.5, 3.5], [3.5, side - 3.5]].map(|[u, v]| {
        let at = plane.at(u, v);
        let ahead = [plane.at(u + 1.0, v), plane.at(u, v + 1.0)];
        Spot {
            at,
            axes: ahead.map(|[x, y]| [x - at[0], y - at[1]]),
            likeness: 0.0,
            inverted: last.inverted,
        }
    });
    let sign = if last.inverted { -1.0 } else { 1.0 };
    let step = (0.6 * spots[0].module()).max(1.0);
    let reach = (MOST_MOVED / step) as i32;
    let mut best = ([0.0; 2], 0.3);
    for j in -reach..=reach {
        for i in -reach..=reach {
            let moved = [i as f32 * step, j as f32 * step];
            let mut sum = 0.0;
            for spot in &spots {
                sum += sign * likeness(light, [spot.at[0] + moved[0], spot.at[1] + moved[1]], &spot.axes);
            }
            if sum / 3.0 > best.1 {
                best = (moved, sum / 3.0);
            }
        }
    }
    let (moved, found) = best;
    if found <= 0.3 {
        return None;
    }
    let found = spots.map(|spot| {
        let at = [spot.at[0] + moved[0], spot.at[1] + moved[1]];
        refined(light, Spot { at, ..spot })
    });
    // The last corner follows by the same perspective: what the three moved by, affinely.
    let shifted: Corners =
        std::array::from_fn(|i| [last.corners[i][0] + moved[0], last.corners[i][1] + moved[1]]);
    let triple = Corner3 {
        at: found.map(|spot| spot.at),
        inverted: last.inverted,
        modules: side,
        cost: 0.0,
    };
    let refined = last_corner(light, &shape, &triple).map(|(corners, _)| corners);
    [Some(shifted), refined]
        .into_iter()
        .flatten()
        .filter_map(|start| Located::fitted(light, &shape, &start, 1.0, last.inverted))
        .max_by(|one, other| one.agreement.total_cmp(&other.agreement))
}
