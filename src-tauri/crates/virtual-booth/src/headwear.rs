//! Head coverings: a cap, a knitted hat, a scarf. Everything in head space.

use crate::hair::Strand;
use crate::sdf::{V3, carve, ellipsoid, join, limb, noise, v3};
use crate::student::Covering;

/// Height of the rim of a cap and of a hat at the ears' meridian, in inter-eye distances over the pupils.
const CAP_RIM: f32 = 0.62;
const HAT_RIM: f32 = 0.50;

/// Distance to the covering.
pub(crate) fn distance(p: V3, kind: Covering) -> f32 {
    let q = v3(p.x.abs(), p.y, p.z);
    match kind {
        Covering::Cap => {
            let dome = ellipsoid(q - v3(0.0, 0.50, -1.05), v3(1.36, 1.50, 1.56));
            let crown = dome.max(rim(kind, q) - q.y);
            let bent = v3(q.x, q.y - 0.68 + 0.22 * q.x * q.x, q.z - 0.56);
            let peak = ellipsoid(bent, v3(0.80, 0.05, 0.54));
            join(crown, peak, 0.04)
        }
        Covering::Beanie => {
            let dome = ellipsoid(q - v3(0.0, 0.55, -1.05), v3(1.36, 1.52, 1.58));
            let hat = dome.max(rim(kind, q) - q.y);
            // The turned-up brim stands off by a finger's breadth.
            let brim = (dome - 0.07)
                .max(rim(kind, q) - 0.02 - q.y)
                .max(q.y - rim(kind, q) - 0.36);
            join(hat, brim, 0.05)
        }
        Covering::Scarf => {
            let shell = join(
                ellipsoid(q - v3(0.0, 0.40, -1.02), v3(1.40, 1.60, 1.58)),
                limb(q, v3(0.0, -0.9, -0.98), v3(0.0, -2.4, -1.25), 1.10, 1.28),
                0.35,
            );
            let oval = ((q.x / 0.94).hypot((q.y + 0.42) / 1.27) - 1.0) * 0.9;
            carve(shell, oval.max(-0.70 - q.z), 0.06)
        }
    }
}

/// Height of the rim at a place: a little lower at the nape.
fn rim(kind: Covering, q: V3) -> f32 {
    let low = if kind == Covering::Cap { CAP_RIM } else { HAT_RIM };
    low + 0.10 * q.z.min(0.2)
}

/// Reflectance of the cloth: its weave, or its knit.
pub(crate) fn weave(p: V3, kind: Covering, colour: [f32; 3]) -> [f32; 3] {
    let grain = match kind {
        Covering::Beanie => 0.16 * (p.x.atan2(p.z + 1.05) * 46.0).sin() + 0.05 * noise(p * 30.0),
        Covering::Cap => 0.03 * noise(p * 38.0),
        Covering::Scarf => 0.05 * noise(v3(p.x * 3.0, p.y * 2.0, p.z * 3.0)) + 0.02 * noise(p * 30.0),
    };
    colour.map(|c| c * (1.0 + grain))
}

/// What is left to be seen of a strand: the part that hangs out below the rim, nothing under a scarf.
pub(crate) fn press(strand: &mut Strand, kind: Covering) {
    let hidden = |p: &V3| kind == Covering::Scarf || p.y > rim(kind, *p) + 0.02 || distance(*p, kind) < 0.0;
    let keep = strand.points.iter().rposition(hidden).map_or(0, |last| last + 1);
    strand.points.drain(..keep);
}
