//! A student as something to render: head, body, hair and glasses in one field, and how light leaves them.

use rayon::prelude::*;

use crate::act::Lamps;
use crate::clothes::{self, Body, Layer};
use crate::glasses::{self, Glasses};
use crate::hair::{Course, Fleece, sheen};
use crate::head::{self, Expression, HEAD_CENTRE, HEAD_RADIUS, Head, Matter};
use crate::headwear;
use crate::render::{Actor, Area, Camera, Ray, Spot, Thread, Veil, clear, march};
use crate::sdf::{Turn, V3, clouds, join, mix, mix3, smoothstep, v3};
use crate::student::Headwear;

/// A person to be rendered; space is the body's: head space of a head held straight.
pub(crate) struct Person<'a> {
    pub(crate) head: &'a Head,
    pub(crate) fleece: &'a Fleece,
    pub(crate) body: Body,
    pub(crate) turn: Turn,
    pub(crate) face: Expression,
    pub(crate) glasses: Option<Glasses>,
    pub(crate) headwear: Option<Headwear>,
    /// The body's origin in camera space.
    pub(crate) at: V3,
    pub(crate) lamps: [(V3, f32); 2],
    pub(crate) light: Lamps,
}

/// The joint the head turns about, at the top of the neck.
pub(crate) const NECK_JOINT: V3 = v3(0.0, -1.30, -1.20);

const KIND_FRAME: u8 = 30;
const KIND_COVERING: u8 = 40;

impl Person<'_> {
    /// From head space to body space.
    pub(crate) fn head_to_body(&self, p: V3) -> V3 {
        NECK_JOINT + self.turn.apply(p - NECK_JOINT)
    }

    fn body_to_head(&self, p: V3) -> V3 {
        NECK_JOINT + self.turn.undo(p - NECK_JOINT)
    }

    /// Hair that hangs below the neck follows the head less and less.
    fn place_hair(&self, p: V3, brow: bool) -> V3 {
        let turned = self.head_to_body(p);
        if brow {
            turned
        } else {
            p.lerp(turned, smoothstep(-3.6, -1.0, p.y))
        }
    }

    fn distance(&self, p: V3) -> f32 {
        let q = self.body_to_head(p);
        let away = (q - HEAD_CENTRE).len() - HEAD_RADIUS;
        let mut d = 1e3;
        if away > 0.75 {
            d = away;
        } else {
            d = self.head.distance(q, self.face).min(d);
            if p.y < -0.3 {
                d = join(d, self.body.neck(p), 0.22);
            }
            if let Some(worn) = self.glasses {
                d = d.min(glasses::frame(q, worn));
            }
            if let Some(worn) = self.headwear {
                d = d.min(headwear::distance(q, worn.kind));
            }
        }
        let below = p.y - clothes::TOP;
        if below > 0.75 {
            d.min(below)
        } else {
            d.min(self.body.distance(p))
        }
    }

    /// What casts soft shadows: the large forms only.
    fn rough(&self, p: V3) -> f32 {
        let mut d = 1e3;
        let q = self.body_to_head(p);
        let away = (q - HEAD_CENTRE).len() - HEAD_RADIUS;
        d = if away > 0.56 {
            away
        } else {
            let head = self.head.rough(q, self.face).min(d);
            self.headwear
                .map_or(head, |worn| head.min(headwear::distance(q, worn.kind)))
        };
        let below = p.y - clothes::TOP;
        if below > 0.56 {
            d.min(below)
        } else {
            d.min(self.body.rough(p))
        }
    }

    fn normal(&self, p: V3, e: f32) -> V3 {
        let f = |o: V3| self.distance(p + o);
        (v3(1.0, -1.0, -1.0) * f(v3(e, -e, -e))
            + v3(-1.0, -1.0, 1.0) * f(v3(-e, -e, e))
            + v3(-1.0, 1.0, -1.0) * f(v3(-e, e, -e))
            + v3(1.0, 1.0, 1.0) * f(v3(e, e, e)))
        .unit()
    }

    /// Share of the sky seen from a spot.
    fn openness(&self, p: V3, n: V3) -> f32 {
        let mut lost = 0.0;
        for (h, weight) in [(0.05, 0.30), (0.13, 0.30), (0.30, 0.26), (0.62, 0.20)] {
            lost += weight * (1.0 - (self.distance(p + n * h) / h).clamp(0.0, 1.0));
        }
        (1.0 - lost).max(0.08)
    }

    /// Share of a lamp (a broad one) seen from a spot.
    fn reached(&self, p: V3, to: V3) -> f32 {
        let (mut t, mut share) = (0.08, 1.0_f32);
        for _ in 0..10 {
            let d = self.rough(p + to * t);
            share = share.min(0.5 + 0.5 * d / (0.24 * t));
            if share <= 0.0 {
                return 0.0;
            }
            t += d.clamp(0.06, 0.45);
            if t > 2.2 {
                break;
            }
        }
        share * share * (3.0 - 2.0 * share)
    }

    fn shade(&self, p: V3, view: V3) -> Spot {
        let q = self.body_to_head(p);
        let near_head = (q - HEAD_CENTRE).len() < HEAD_RADIUS + 0.1;
        let head = if near_head {
            self.head.distance(q, self.face)
        } else {
            1e3
        };
        if self
            .glasses
            .is_some_and(|worn| glasses::frame(q, worn) < head.min(0.003))
        {
            return self.plastic(p, view);
        }
        let body = self.body.distance(p);
        if let Some(worn) = self.headwear.filter(|_| near_head) {
            let cloth = headwear::distance(q, worn.kind);
            if cloth < 0.004 && cloth < head && cloth < body {
                return self.fabric(p, headwear::weave(q, worn.kind, worn.colour), KIND_COVERING);
            }
        }
        let layer = if head < body - 0.01 {
            Layer::Skin
        } else {
            self.body.layer(p)
        };
        if head < 0.02 && layer == Layer::Skin {
            match Head::matter(q, self.face) {
                Matter::Eye => return self.eye(p, q, view),
                Matter::Teeth => return self.wet(p, view, [0.62, 0.57, 0.47], 33),
                Matter::Mouth => return self.wet(p, view, [0.16, 0.035, 0.03], 34),
                Matter::Skin => {}
            }
        }
        if layer == Layer::Skin {
            self.skin(p, q, view)
        } else {
            self.cloth(p, layer)
        }
    }

    fn skin(&self, p: V3, q: V3, view: V3) -> Spot {
        let (mut albedo, oil) = self.head.skin(q, self.face);
        let n = self.normal(p, 0.006);
        let (root, dense) = self.head.scalp(q);
        albedo = mix3(albedo, root, dense);
        let pores = clouds(q * 42.0) * 0.05 * (1.0 - dense);
        let fine = (n + v3(pores, -pores, 0.0)).unit();
        let open = self.openness(p, n);
        let up = self.turn.undo(n);
        let veil = self.fleece.density.light(q + up * 0.06, up, 0.8);
        let sky = self.light.ambient * open * (0.80 + 0.20 * n.y) * mix(0.45, 1.0, veil);
        // Light that went through the skin comes back redder from creases and shadow edges.
        let bright = self.light.ambient + 0.45 * (self.lamps[0].1 + self.lamps[1].1);
        let round = bright * (1.0 - open) * mix(0.3, 1.0, veil);
        let mut c = albedo.map(|a| a * (sky + 0.9 * a * round));
        for (to, power) in self.lamps {
            let facing = n.dot(to);
            if facing < -0.3 {
                continue;
            }
            let reach = self.reached(p + n * 0.01, to)
                * self.fleece.density.light(q + up * 0.03, self.turn.undo(to), 1.3);
            let wrap = |w: f32, gain: f32| ((facing + w) / (1.0 + w)).max(0.0) * reach.powf(gain) * power;
            c[0] += albedo[0] * wrap(0.30, 0.75);
            c[1] += albedo[1] * wrap(0.15, 1.0);
            c[2] += albedo[2] * wrap(0.11, 1.1);
            let half = (to + view).unit();
            let spec = fine.dot(half).max(0.0);
            let rim = 0.30 + 0.70 * (1.0 - n.dot(view).max(0.0)).powi(4);
            let shine = (0.10 * spec.powi(14) + 0.12 * oil * spec.powi(42))
                * rim
                * 1.5
                * reach
                * power
                * (1.0 - dense)
                * facing.max(0.0).sqrt();
            for v in &mut c {
                *v += shine;
            }
        }
        Spot {
            colour: c,
            kind: if dense > 0.5 { 2 } else { 1 },
        }
    }

    fn cloth(&self, p: V3, layer: Layer) -> Spot {
        let kind = match layer {
            Layer::Skin => 1,
            Layer::Cloth => 10,
            Layer::Collar => 11,
            Layer::Jacket => 12,
            Layer::Lapel => 13,
        };
        self.fabric(p, self.body.colour(p, layer), kind)
    }

    fn fabric(&self, p: V3, albedo: [f32; 3], kind: u8) -> Spot {
        let n = self.normal(p, 0.012);
        let open = self.openness(p, n);
        let q = self.body_to_head(p);
        let up = self.turn.undo(n);
        let veil = self.fleece.density.light(q + up * 0.06, up, 0.8);
        let mut light = self.light.ambient * open * (0.82 + 0.18 * n.y) * mix(0.5, 1.0, veil);
        for (to, power) in self.lamps {
            let facing = n.dot(to);
            if facing > -0.1 {
                // Nothing throws a shadow on cloth far below the chin.
                let low = smoothstep(-4.4, -3.8, p.y);
                let reach = if low > 0.0 {
                    mix(1.0, self.reached(p + n * 0.015, to), low)
                } else {
                    1.0
                };
                let veil = self.fleece.density.light(q, self.turn.undo(to), 1.6);
                light += ((facing + 0.1) / 1.1).max(0.0) * reach * power * veil;
            }
        }
        Spot {
            colour: albedo.map(|a| a * light),
            kind,
        }
    }

    fn eye(&self, p: V3, q: V3, view: V3) -> Spot {
        let (albedo, cornea) = self.head.eye(q, self.face);
        let n = self.normal(p, 0.006);
        let open = self.openness(p, n).max(0.35);
        let mut light = self.light.ambient * open;
        // The cornea bulges: its mirror image of the lamps lies nearer to the pupil than the eyeball's.
        let to = head::gaze(self.face);
        let centre = v3(
            0.5_f32.copysign(q.x) + 0.115 * to.x,
            0.115 * to.y,
            -0.06 + 0.115 * (to.z - 1.0),
        );
        let bulge = self.turn.apply((q - centre).unit());
        let shiny = n.lerp(bulge, cornea * 0.8).unit();
        let mut gleam = 0.0;
        for (to, power) in self.lamps {
            light +=
                (n.dot(to) * 0.75 + 0.25).max(0.0) * power * 0.85 * self.reached(p + n * 0.06, to).max(0.25);
            let half = (to + view).unit();
            gleam += smoothstep(0.9885, 0.9955, shiny.dot(half)) * power * 0.75;
        }
        let gleam = gleam * mix(0.12, 1.0, cornea);
        Spot {
            colour: albedo.map(|a| a * light + gleam),
            kind: 32,
        }
    }

    fn wet(&self, p: V3, view: V3, albedo: [f32; 3], kind: u8) -> Spot {
        let n = self.normal(p, 0.006);
        let open = self.openness(p, n);
        let mut light = self.light.ambient * open;
        let mut shine = 0.0;
        for (to, power) in self.lamps {
            light += n.dot(to).max(0.0) * power * self.reached(p + n * 0.02, to) * open;
            shine += n.dot((to + view).unit()).max(0.0).powi(60) * power * 0.12 * open;
        }
        Spot {
            colour: albedo.map(|a| a * light + shine),
            kind,
        }
    }

    fn plastic(&self, p: V3, view: V3) -> Spot {
        let n = self.normal(p, 0.004);
        let mut c = [0.016 * (self.light.ambient + 0.6), 0.014, 0.013];
        for (to, power) in self.lamps {
            let shine = n.dot((to + view).unit()).max(0.0).powi(50) * 0.30 + 0.012 * n.dot(to).max(0.0);
            for v in &mut c {
                *v += shine * power;
            }
        }
        Spot {
            colour: c,
            kind: KIND_FRAME,
        }
    }

    /// The strands as the camera sees them, lit.
    pub(crate) fn threads(&self, camera: &Camera) -> Vec<Thread> {
        let eye = v3(0.0, 0.0, camera.z) - self.at;
        let lamps_here = self.lamps.map(|(to, power)| (self.turn.undo(to), power));
        let density = &self.fleece.density;
        self.fleece
            .strands
            .par_iter()
            .flat_map_iter(|strand| {
                let last = strand.points.len() - 1;
                let placed: Vec<V3> = strand
                    .points
                    .iter()
                    .map(|p| self.place_hair(*p, strand.brow))
                    .collect();
                let colour = self.fleece.colour.map(|c| c * strand.tone);
                (0..last).map(move |i| {
                    let (pa, pb) = (placed[i], placed[i + 1]);
                    let (ra, rb) = (strand.points[i], strand.points[i + 1]);
                    let mid = ra.lerp(rb, 0.5);
                    let along = (rb - ra).unit();
                    let out = (mid - v3(0.0, mid.y.clamp(-3.0, 0.3), -1.05)).unit();
                    let view = self.turn.undo((eye - pa).unit());
                    let (lit, sky) = if strand.brow {
                        ([1.0, 1.0], self.light.ambient)
                    } else {
                        let lit = lamps_here.map(|(to, _)| density.light(mid, to, 0.75));
                        (lit, self.light.ambient * density.light(mid, out, 0.55))
                    };
                    let taper = |k: usize| {
                        let t = k as f32 / last as f32;
                        strand.width * (1.0 - 0.82 * t * t * t)
                    };
                    let (wa, wb) = (pa + self.at, pb + self.at);
                    let (za, zb) = (camera.z - wa.z, camera.z - wb.z);
                    Thread {
                        a: camera.project(wa),
                        b: camera.project(wb),
                        za,
                        zb,
                        wa: taper(i) * camera.focal / za.max(0.1),
                        wb: taper(i + 1) * camera.focal / zb.max(0.1),
                        colour: sheen(
                            colour,
                            if strand.brow { 0.15 } else { 1.0 },
                            Course { along, out, view },
                            &lamps_here,
                            lit,
                            sky,
                        ),
                        brow: strand.brow,
                    }
                })
            })
            .collect()
    }

    /// The box on the picture that holds the person.
    pub(crate) fn bounds(&self, camera: &Camera, threads: &[Thread], width: usize, height: usize) -> Area {
        let mut low = (f32::MAX, f32::MAX);
        let mut high = (f32::MIN, f32::MIN);
        let mut take = |(x, y): (f32, f32), r: f32| {
            low = (low.0.min(x - r), low.1.min(y - r));
            high = (high.0.max(x + r), high.1.max(y + r));
        };
        let scale = camera.focal / (camera.z - self.at.z);
        take(
            camera.project(self.head_to_body(HEAD_CENTRE) + self.at),
            (HEAD_RADIUS - 0.3) * scale,
        );
        for x in [-4.2, 4.2] {
            take(camera.project(v3(x, -4.0, -1.0) + self.at), 2.0);
        }
        for thread in threads {
            take(thread.a, 1.0);
            take(thread.b, 1.0);
        }
        Area::around(low.0, low.1, high.0, height as f32, width, height)
    }

    /// The pupils' centres, head space, left then right.
    pub(crate) fn pupils(&self) -> [V3; 2] {
        let to = head::gaze(self.face);
        let off = v3(to.x, to.y, to.z - 1.0) * head::EYE_RADIUS;
        head::PUPILS.map(|p| p + off)
    }

    /// The box about both eyes, lids included.
    pub(crate) fn eye_area(&self, camera: &Camera, width: usize, height: usize) -> Area {
        let scale = camera.focal / (camera.z - self.at.z);
        let [a, b] = head::PUPILS.map(|p| camera.project(self.head_to_body(p) + self.at));
        let r = 0.42 * scale;
        Area::around(
            a.0.min(b.0) - r,
            a.1.min(b.1) - 0.9 * r,
            a.0.max(b.0) + r,
            a.1.max(b.1) + 0.9 * r,
            width,
            height,
        )
    }
}

impl Actor for Person<'_> {
    fn hit(&self, ray: &Ray, near: f32, far: f32) -> Option<f32> {
        // The person lies between two planes across the view.
        let front = (ray.from.z - 1.15) / -ray.way.z;
        let back = (ray.from.z + 3.4) / -ray.way.z;
        march(ray, near.max(front), far.min(back), |p| self.distance(p))
    }

    fn clear(&self, ray: &Ray, widen: f32) -> Option<f32> {
        let front = (ray.from.z - 1.15) / -ray.way.z;
        let back = (ray.from.z + 3.4) / -ray.way.z;
        clear(ray, widen, front, back, |p| self.distance(p))
    }

    fn spot(&self, ray: &Ray, t: f32) -> Spot {
        self.shade(ray.from + ray.way * t, -ray.way)
    }

    fn veil(&self, ray: &Ray) -> Option<Veil> {
        let worn = self.glasses?;
        let from = self.body_to_head(ray.from);
        let share = glasses::lens(from, self.turn.undo(ray.way), worn)?;
        let light = self.lamps[0].1 + self.lamps[1].1 + self.light.ambient;
        Some(Veil {
            lets: worn.tint,
            mirrored: [0.66 * light, 0.70 * light, 0.72 * light],
            share,
        })
    }
}
