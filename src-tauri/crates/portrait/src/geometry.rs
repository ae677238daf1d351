//! Where to cut: one scale and one translation that put crown, eyes and cheeks inside their bands.
//!
//! Nothing is rotated, mirrored or stretched, so three numbers decide everything: the scale, and how far down and
//! across the capture moves. The head is centred, which leaves scale `s` and the crown's place `c`; every limit is
//! then linear in the two, the allowed region is a polygon (often empty for tall hair), and the best point is the
//! one farthest from every limit, each distance measured in shares of its own band.

use crate::report::{Measured, Transform};
use crate::spec::{Band, Spec};

/// What was measured on the capture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Height of the top of the hair.
    pub crown: f64,
    /// Height of the middle between the eyes.
    pub eyes: f64,
    /// Horizontal place of the face's axis.
    pub axis: f64,
    /// Cheek to cheek.
    pub width: f64,
}

/// Where the person leaves the capture: there the cut must stay inside it, everywhere else a missing strip is
/// only background and can be filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capture {
    /// Size in pixels.
    pub size: [f64; 2],
    /// The person reaches the lower edge (as a sitting person does).
    pub cut_bottom: bool,
    /// The person reaches the left edge at a height the cut will show.
    pub cut_left: bool,
    /// The person reaches the right edge at a height the cut will show.
    pub cut_right: bool,
}

/// What kept the bands from being met all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The capture has too few pixels for the smallest allowed face.
    Resolution,
    /// Hair too tall or too flat for crown and eyes together.
    Hair,
    /// The person is cut off by the capture's edge inside the picture.
    Edge,
}

/// The chosen cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// How to cut.
    pub transform: Transform,
    /// Where the head comes to lie.
    pub measured: Measured,
    /// Why the bands could not all be met; `None` when they are.
    pub obstacle: Option<Obstacle>,
}

/// The best cut, or the closest one with the reason.
///
/// `head.width` and the distance from crown to eyes must be positive; otherwise the result is a placement with
/// [`Obstacle::Hair`].
pub fn place(head: &Head, capture: &Capture, spec: &Spec) -> Placement {
    let everything = |s: f64| best_crown(s, head, capture, spec, true);
    let ceiling = spec.limits.max_upscale;
    let widest = 4.0 * f64::from(spec.width) / head.width.max(1.0);
    let (scale, crown, worst) = search(everything, ceiling.min(widest));
    let obstacle = if worst >= 0.0 {
        None
    } else {
        // Which limit must be lifted for the bands to fit tells what stands in the way.
        let free = |s: f64| best_crown(s, head, capture, spec, false);
        let edges = |s: f64| best_crown(s, head, capture, spec, true);
        Some(if search(free, widest).2 < 0.0 {
            Obstacle::Hair
        } else if search(edges, widest).2 < 0.0 {
            Obstacle::Edge
        } else {
            Obstacle::Resolution
        })
    };
    let transform = Transform {
        scale,
        dx: f64::from(spec.width) / 2.0 - scale * head.axis,
        dy: crown - scale * head.crown,
    };
    Placement {
        transform,
        measured: measure(head, &transform, spec),
        obstacle,
    }
}

/// Where the head lies under a given cut.
pub fn measure(head: &Head, transform: &Transform, spec: &Spec) -> Measured {
    let [axis, crown] = transform.apply([head.axis, head.crown]);
    let eyes = transform.apply([head.axis, head.eyes])[1];
    let face_width = head.width * transform.scale;
    Measured {
        crown,
        eyes,
        face_width,
        off_centre: axis - f64::from(spec.width) / 2.0,
        margin: spec
            .crown
            .margin(crown)
            .min(spec.eyes.margin(eyes))
            .min(spec.face_width.margin(face_width)),
    }
}

/// Largest smallest distance over the crown's place at scale `s`, and that place.
fn best_crown(s: f64, head: &Head, capture: &Capture, spec: &Spec, edges: bool) -> (f64, f64) {
    let drop = s * (head.eyes - head.crown);
    let half = |b: &Band| (b.max - b.min) / 2.0;
    // Each limit as (value at c = 0, slope); slopes are positive for "not too high", negative for "not too low".
    let mut rising = vec![
        (-spec.crown.min / half(&spec.crown), 1.0 / half(&spec.crown)),
        ((drop - spec.eyes.min) / half(&spec.eyes), 1.0 / half(&spec.eyes)),
    ];
    let falling = [
        (spec.crown.max / half(&spec.crown), -1.0 / half(&spec.crown)),
        ((spec.eyes.max - drop) / half(&spec.eyes), -1.0 / half(&spec.eyes)),
    ];
    let mut fixed = spec.face_width.margin(s * head.width);
    if edges {
        // A pixel of missing person weighs as much as half a band: it would be invented, not scaled.
        let middle = f64::from(spec.width) / 2.0;
        if capture.cut_left {
            fixed = fixed.min(s * head.axis - middle);
        }
        if capture.cut_right {
            fixed = fixed.min(s * (capture.size[0] - head.axis) - middle);
        }
        if capture.cut_bottom {
            rising.push((s * (capture.size[1] - head.crown) - f64::from(spec.height), 1.0));
        }
    }
    let mut best = (f64::INFINITY, spec.crown.min);
    for &(a, m) in &rising {
        for &(b, n) in &falling {
            let c = (b - a) / (m - n);
            let value = a + m * c;
            if value < best.0 {
                best = (value, c);
            }
        }
    }
    (best.0.min(fixed), best.1)
}

/// Maximizes a concave function of the scale by golden section; its inner best is concave because every limit
/// is linear. Returns scale, crown, value.
fn search(value: impl Fn(f64) -> (f64, f64), ceiling: f64) -> (f64, f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut low, mut high) = (1e-3_f64.min(ceiling), ceiling);
    for _ in 0..80 {
        let a = high - GOLDEN * (high - low);
        let b = low + GOLDEN * (high - low);
        if value(a).0 < value(b).0 {
            low = a;
        } else {
            high = b;
        }
    }
    // The ceiling itself is allowed and is often the answer.
    let middle = f64::midpoint(low, high);
    let scale = if value(ceiling).0 >= value(middle).0 {
        ceiling
    } else {
        middle
    };
    let (worst, crown) = value(scale);
    (scale, crown, worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec() -> Spec {
        Spec::built_in("national-blue").unwrap()
    }

    fn room() -> Capture {
        Capture {
            size: [1280.0, 720.0],
            cut_bottom: true,
            cut_left: false,
            cut_right: false,
        }
    }

    #[test]
    fn an_ordinary_head_lands_well_inside_every_band() {
        let head = Head {
            crown: 120.0,
            eyes: 290.0,
            axis: 650.0,
            width: 230.0,
        };
        let p = place(&head, &room(), &spec());
        assert_eq!(p.obstacle, None);
        assert!(p.measured.margin > 0.4, "{p:?}");
        assert!(p.measured.off_centre.abs() < 1e-9);
    }

    #[test]
    fn hair_too_tall_is_said_and_the_closest_cut_is_given() {
        let head = Head {
            crown: 50.0,
            eyes: 500.0,
            axis: 640.0,
            width: 220.0,
        };
        let p = place(
            &head,
            &Capture {
                size: [1280.0, 2000.0],
                ..room()
            },
            &spec(),
        );
        assert_eq!(p.obstacle, Some(Obstacle::Hair));
        assert!(p.measured.margin < 0.0 && p.transform.scale > 0.0);
    }

    #[test]
    fn a_face_far_away_is_a_matter_of_resolution() {
        let head = Head {
            crown: 300.0,
            eyes: 360.0,
            axis: 640.0,
            width: 80.0,
        };
        assert_eq!(
            place(&head, &room(), &spec()).obstacle,
            Some(Obstacle::Resolution)
        );
    }

    #[test]
    fn a_chest_cut_off_below_is_not_invented() {
        let head = Head {
            crown: 330.0,
            eyes: 500.0,
            axis: 640.0,
            width: 230.0,
        };
        assert_eq!(place(&head, &room(), &spec()).obstacle, Some(Obstacle::Edge));
        let whole = Capture {
            cut_bottom: false,
            ..room()
        };
        assert_eq!(place(&head, &whole, &spec()).obstacle, None);
    }

    proptest! {
        /// The chosen point is at least as good as anything a fine grid finds.
        #[test]
        fn no_other_cut_is_better(
            crown in 40.0..200.0f64, drop in 60.0..350.0f64, width in 90.0..420.0f64, axis in 400.0..900.0f64,
        ) {
            let (spec, room) = (spec(), room());
            let head = Head { crown, eyes: crown + drop, axis, width };
            let found = place(&head, &room, &spec);
            if found.obstacle.is_none() {
                for i in 1..200 {
                    let s = spec.limits.max_upscale * f64::from(i) / 200.0;
                    for c in 50..=110 {
                        let t = Transform {
                            scale: s,
                            dx: 240.0 - s * axis,
                            dy: f64::from(c) - s * crown,
                        };
                        let covered = s * 720.0 + t.dy - 640.0;
                        let grid = measure(&head, &t, &spec).margin.min(covered);
                        prop_assert!(grid <= found.measured.margin + 1e-6);
                    }
                }
            }
        }
    }
}
