//! From fields and strands to pixels: camera, rays, shading, and the exact share of each pixel that is covered.
//!
//! First one ray through the middle of every pixel. Then, tile by tile, the pixels where something changes are
//! looked at again: 64 points along outlines, 9 along inner edges; strands of hair are drawn on the same 64
//! points, so hair and outline share pixels without guessing. Tiles depend on nothing but their place, which
//! keeps the picture the same on any number of threads.

use rayon::prelude::*;

use crate::act::Lamps;
use crate::clothes::{self, Body, Layer};
use crate::glasses;
use crate::hair::{Fleece, sheen};
use crate::head::{self, Expression, HEAD_CENTRE, HEAD_RADIUS, Head, Matter};
use crate::sdf::{Turn, V3, clouds, join, mix, mix3, smoothstep, v3};

/// Points a side on which a pixel's coverage is counted.
const FINE: usize = 8;
const TILE: usize = 32;
/// Pixels a side of the blocks whose rays start together.
const BLOCK: usize = 8;
const FULL: u64 = u64::MAX;

/// A pinhole camera on the z axis, looking along -z.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    /// Pixels per unit at distance 1.
    pub(crate) focal: f32,
    pub(crate) cx: f32,
    pub(crate) cy: f32,
    /// Its place on the z axis.
    pub(crate) z: f32,
}

impl Camera {
    pub(crate) fn project(&self, p: V3) -> (f32, f32) {
        let k = self.focal / (self.z - p.z).max(0.1);
        (self.cx + p.x * k, self.cy - p.y * k)
    }

    fn ray(&self, x: f32, y: f32, origin: V3) -> Ray {
        let way = v3((x - self.cx) / self.focal, -(y - self.cy) / self.focal, -1.0).unit();
        Ray {
            from: v3(0.0, 0.0, self.z) - origin,
            way,
        }
    }
}

/// A way light came, backwards.
pub(crate) struct Ray {
    pub(crate) from: V3,
    pub(crate) way: V3,
}

/// What a ray met: linear light towards the camera, and a number for the kind of surface.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) colour: [f32; 3],
    pub(crate) kind: u8,
}

/// Something solid that can be looked at.
pub(crate) trait Actor: Sync {
    /// Distance along the ray of the first surface between `near` and `far`.
    fn hit(&self, ray: &Ray, near: f32, far: f32) -> Option<f32>;
    /// A distance before which no ray of a cone about `ray` meets anything; `None` if none meets anything at
    /// all. The cone widens by `widen` per unit of way.
    fn clear(&self, _ray: &Ray, _widen: f32) -> Option<f32> {
        Some(0.1)
    }
    /// What is seen there.
    fn spot(&self, ray: &Ray, t: f32) -> Spot;
    /// Whether pixels of this kind carry detail finer than a pixel everywhere.
    fn always_fine(&self, _kind: u8) -> bool {
        false
    }
    /// What lies over a finished pixel, such as a lens: a colour and its share.
    fn veil(&self, _ray: &Ray) -> Option<([f32; 3], f32)> {
        None
    }
}

/// Walks along a ray until the field is nearly zero.
#[inline]
pub(crate) fn march(ray: &Ray, near: f32, far: f32, field: impl Fn(V3) -> f32) -> Option<f32> {
    let mut t = near;
    for _ in 0..110 {
        let d = field(ray.from + ray.way * t);
        if d < 0.0014 {
            return Some(t);
        }
        t += d * 0.86;
        if t > far {
            return None;
        }
    }
    None
}

/// A rectangle of pixels: x, y, width, height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) w: usize,
    pub(crate) h: usize,
}

impl Area {
    /// The pixels touched by a box of real coordinates, inside a frame.
    pub(crate) fn around(x0: f32, y0: f32, x1: f32, y1: f32, width: usize, height: usize) -> Self {
        let clip = |v: f32, top: usize| v.clamp(0.0, top as f32) as usize;
        let (ax, ay) = (clip(x0.floor(), width), clip(y0.floor(), height));
        let (bx, by) = (clip(x1.ceil(), width), clip(y1.ceil(), height));
        Self {
            x: ax,
            y: ay,
            w: bx.saturating_sub(ax),
            h: by.saturating_sub(ay),
        }
    }
}

/// Light times coverage, and coverage, of each pixel of an area.
#[derive(Clone, Debug)]
pub(crate) struct Film {
    pub(crate) area: Area,
    pub(crate) rgba: Vec<[f32; 4]>,
}

/// A piece of a strand on the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    a: (f32, f32),
    b: (f32, f32),
    /// Distance from the camera's plane.
    za: f32,
    zb: f32,
    wa: f32,
    wb: f32,
    colour: [f32; 3],
    brow: bool,
}

/// A person to be rendered; space is the body's: head space of a head held straight.
pub(crate) struct Person<'a> {
    pub(crate) head: &'a Head,
    pub(crate) fleece: &'a Fleece,
    pub(crate) body: Body,
    pub(crate) turn: Turn,
    pub(crate) face: Expression,
    /// Glare of the glasses, if any are worn.
    pub(crate) glasses: Option<f32>,
    /// The body's origin in camera space.
    pub(crate) at: V3,
    pub(crate) lamps: [(V3, f32); 2],
    pub(crate) light: Lamps,
}

/// The joint the head turns about, at the top of the neck.
pub(crate) const NECK_JOINT: V3 = v3(0.0, -1.30, -1.20);

const KIND_FRAME: u8 = 30;
const KIND_HIDDEN: u8 = 3;

impl Person<'_> {
    /// From head space to body space.
    pub(crate) fn from_head(&self, p: V3) -> V3 {
        NECK_JOINT + self.turn.apply(p - NECK_JOINT)
    }

    fn to_head(&self, p: V3) -> V3 {
        NECK_JOINT + self.turn.undo(p - NECK_JOINT)
    }

    /// Hair that hangs below the neck follows the head less and less.
    fn place_hair(&self, p: V3, brow: bool) -> V3 {
        let turned = self.from_head(p);
        if brow {
            turned
        } else {
            p.lerp(turned, smoothstep(-3.6, -1.0, p.y))
        }
    }

    fn distance(&self, p: V3) -> f32 {
        let q = self.to_head(p);
        let away = (q - HEAD_CENTRE).len() - HEAD_RADIUS;
        let mut d = 1e3;
        if away > 0.5 {
            d = away;
        } else {
            d = self.head.distance(q, self.face).min(d);
            if p.y < -0.3 {
                d = join(d, self.body.neck(p), 0.22);
            }
            if self.glasses.is_some() {
                d = d.min(glasses::frame(q));
            }
        }
        let below = p.y - clothes::TOP;
        if below > 0.5 {
            d.min(below)
        } else {
            d.min(self.body.distance(p))
        }
    }

    /// What casts soft shadows: the large forms only.
    fn rough(&self, p: V3) -> f32 {
        let mut d = 1e3;
        let q = self.to_head(p);
        let away = (q - HEAD_CENTRE).len() - HEAD_RADIUS;
        d = if away > 0.3 {
            away
        } else {
            self.head.rough(q, self.face).min(d)
        };
        let below = p.y - clothes::TOP;
        if below > 0.3 {
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
        let q = self.to_head(p);
        let near_head = (q - HEAD_CENTRE).len() < HEAD_RADIUS + 0.1;
        let head = if near_head {
            self.head.distance(q, self.face)
        } else {
            1e3
        };
        if self.glasses.is_some() && glasses::frame(q) < head.min(0.003) {
            return self.plastic(p, view);
        }
        let body = self.body.distance(p);
        let layer = if head < body - 0.01 {
            Layer::Skin
        } else {
            self.body.layer(p)
        };
        if head < 0.02 && layer == Layer::Skin {
            match self.head.matter(q, self.face) {
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
        let albedo = self.body.colour(p, layer);
        let n = self.normal(p, 0.012);
        let open = self.openness(p, n);
        let q = self.to_head(p);
        let up = self.turn.undo(n);
        let veil = self.fleece.density.light(q + up * 0.06, up, 0.8);
        let mut light = self.light.ambient * open * (0.82 + 0.18 * n.y) * mix(0.5, 1.0, veil);
        for (to, power) in self.lamps {
            let facing = n.dot(to);
            if facing > -0.1 {
                let reach = self.reached(p + n * 0.015, to);
                let veil = self.fleece.density.light(q, self.turn.undo(to), 1.6);
                light += ((facing + 0.1) / 1.1).max(0.0) * reach * power * veil;
            }
        }
        let kind = match layer {
            Layer::Skin => 1,
            Layer::Cloth => 10,
            Layer::Collar => 11,
            Layer::Jacket => 12,
            Layer::Lapel => 13,
        };
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
        let centre = v3(0.5_f32.copysign(q.x), 0.0, -0.06);
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
                            along,
                            out,
                            view,
                            &lamps_here,
                            lit,
                            sky,
                            if strand.brow { 0.15 } else { 1.0 },
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
            camera.project(self.from_head(HEAD_CENTRE) + self.at),
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

    /// The box about both eyes, lids included.
    pub(crate) fn eye_area(&self, camera: &Camera, width: usize, height: usize) -> Area {
        let scale = camera.focal / (camera.z - self.at.z);
        let [a, b] = head::PUPILS.map(|p| camera.project(self.from_head(p) + self.at));
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
        let mut t = (ray.from.z - 1.15) / -ray.way.z;
        let back = (ray.from.z + 3.4) / -ray.way.z;
        for _ in 0..40 {
            let room = self.distance(ray.from + ray.way * t) - widen * t - 0.01;
            if room <= 0.0 {
                break;
            }
            t += room * 0.86;
            if t > back {
                return None;
            }
        }
        Some(t)
    }

    fn spot(&self, ray: &Ray, t: f32) -> Spot {
        self.shade(ray.from + ray.way * t, -ray.way)
    }

    fn veil(&self, ray: &Ray) -> Option<([f32; 3], f32)> {
        let glare = self.glasses?;
        let from = self.to_head(ray.from);
        let share = glasses::lens(from, self.turn.undo(ray.way), glare)?;
        let light = self.lamps[0].1 + self.lamps[1].1 + self.light.ambient;
        Some(([0.66 * light, 0.70 * light, 0.72 * light], share))
    }
}

#[derive(Clone, Copy)]
struct Glance {
    t: f32,
    spot: Spot,
}

/// Renders an actor and its hair into an area. `origin` is the actor's place in camera space.
pub(crate) fn expose(
    camera: &Camera,
    area: Area,
    actor: &impl Actor,
    origin: V3,
    threads: &[Thread],
) -> Film {
    let mut film = Film {
        area,
        rgba: vec![[0.0; 4]; area.w * area.h],
    };
    if area.w == 0 || area.h == 0 {
        return film;
    }
    let starts = starts(camera, area, actor, origin);
    let hidden = Hidden::new(threads, area);
    let mut glances: Vec<Option<Glance>> = vec![None; area.w * area.h];
    glances.par_chunks_mut(area.w).enumerate().for_each(|(row, out)| {
        for (column, glance) in out.iter_mut().enumerate() {
            let Some(start) = starts[row / BLOCK * area.w.div_ceil(BLOCK) + column / BLOCK] else { continue };
            let ray = camera.ray((area.x + column) as f32 + 0.5, (area.y + row) as f32 + 0.5, origin);
            *glance = actor.hit(&ray, start, 1e3).map(|t| {
                let depth = -ray.way.z * t;
                let spot = match hidden.colour(row * area.w + column, depth) {
                    Some(colour) => Spot { colour, kind: KIND_HIDDEN },
                    None => actor.spot(&ray, t),
                };
                Glance { t, spot }
            });
        }
    });
    let (across, down) = (area.w.div_ceil(TILE), area.h.div_ceil(TILE));
    let bins = sort_threads(threads, area, across, down);
    let tiles: Vec<Vec<[f32; 4]>> = bins
        .par_iter()
        .enumerate()
        .map(|(index, bin)| {
            let place = (index % across * TILE, index / across * TILE);
            Tile {
                camera,
                area,
                actor,
                origin,
                glances: &glances,
                place,
            }
            .develop(threads, bin)
        })
        .collect();
    for (index, tile) in tiles.iter().enumerate() {
        let (x0, y0) = (index % across * TILE, index / across * TILE);
        for y in y0..(y0 + TILE).min(area.h) {
            for x in x0..(x0 + TILE).min(area.w) {
                film.rgba[y * area.w + x] = tile[(y - y0) * TILE + x - x0];
            }
        }
    }
    film
}

/// For each block of pixels the distance its rays may skip.
fn starts(camera: &Camera, area: Area, actor: &impl Actor, origin: V3) -> Vec<Option<f32>> {
    let across = area.w.div_ceil(BLOCK);
    let widen = 0.72 * BLOCK as f32 / camera.focal;
    (0..across * area.h.div_ceil(BLOCK))
        .into_par_iter()
        .map(|i| {
            let middle = |index: usize| (index * BLOCK) as f32 + 0.5 * BLOCK as f32;
            let ray = camera.ray(area.x as f32 + middle(i % across), area.y as f32 + middle(i / across), origin);
            actor.clear(&ray, widen)
        })
        .collect()
}

/// Pixels that so much hair lies over that nothing shines through: what is below need not be shaded.
struct Hidden {
    layers: Vec<f32>,
    depth: Vec<f32>,
    colour: [f32; 3],
}

impl Hidden {
    /// Layers of hair that let less than one part in 400 through.
    const ENOUGH: f32 = 6.0;

    fn new(threads: &[Thread], area: Area) -> Self {
        let mut layers = vec![0.0; area.w * area.h];
        let mut depth = vec![0.0_f32; area.w * area.h];
        let mut colour = [0.0; 3];
        for t in threads.iter().filter(|t| !t.brow) {
            let long = (t.b.0 - t.a.0).hypot(t.b.1 - t.a.1);
            let steps = long.ceil().max(1.0);
            let share = long / steps * 0.5 * (t.wa + t.wb);
            for k in 0..steps as usize {
                let s = (k as f32 + 0.5) / steps;
                let (x, y) = (mix(t.a.0, t.b.0, s) - area.x as f32, mix(t.a.1, t.b.1, s) - area.y as f32);
                if x >= 0.0 && y >= 0.0 && (x as usize) < area.w && (y as usize) < area.h {
                    let at = y as usize * area.w + x as usize;
                    layers[at] += share;
                    depth[at] = depth[at].max(mix(t.za, t.zb, s));
                }
            }
            (0..3).for_each(|k| colour[k] += t.colour[k]);
        }
        let count = threads.len().max(1) as f32;
        Self { layers, depth, colour: colour.map(|c| c / count * 0.5) }
    }

    /// The colour to take instead of a surface at `depth`, if all the hair lies in front of it or in it.
    fn colour(&self, at: usize, depth: f32) -> Option<[f32; 3]> {
        (self.layers[at] > Self::ENOUGH && self.depth[at] < depth + 0.03).then_some(self.colour)
    }
}

/// For each tile the threads that may touch it, in order.
fn sort_threads(threads: &[Thread], area: Area, across: usize, down: usize) -> Vec<Vec<u32>> {
    let mut bins = vec![Vec::new(); across * down];
    for (i, thread) in threads.iter().enumerate() {
        let r = thread.wa.max(thread.wb);
        let (x0, x1) = (
            thread.a.0.min(thread.b.0) - r - area.x as f32,
            thread.a.0.max(thread.b.0) + r - area.x as f32,
        );
        let (y0, y1) = (
            thread.a.1.min(thread.b.1) - r - area.y as f32,
            thread.a.1.max(thread.b.1) + r - area.y as f32,
        );
        if x1 < 0.0 || y1 < 0.0 || x0 >= area.w as f32 || y0 >= area.h as f32 {
            continue;
        }
        let cell = |v: f32, top: usize| ((v.max(0.0) as usize) / TILE).min(top - 1);
        for ty in cell(y0, down)..=cell(y1, down) {
            for tx in cell(x0, across)..=cell(x1, across) {
                bins[ty * across + tx].push(i as u32);
            }
        }
    }
    bins
}

struct Tile<'a, A: Actor> {
    camera: &'a Camera,
    area: Area,
    actor: &'a A,
    origin: V3,
    glances: &'a [Option<Glance>],
    place: (usize, usize),
}

/// A pixel's solid part: which of its 64 points are covered, its light, its distance.
struct Solid {
    mask: u64,
    colour: [f32; 3],
    depth: f32,
}

impl<A: Actor> Tile<'_, A> {
    fn develop(&self, threads: &[Thread], bin: &[u32]) -> Vec<[f32; 4]> {
        let mut out = vec![[0.0; 4]; TILE * TILE];
        let fibres = if bin.is_empty() {
            None
        } else {
            Some(self.draw(threads, bin))
        };
        for y in 0..TILE.min(self.area.h - self.place.1) {
            for x in 0..TILE.min(self.area.w - self.place.0) {
                let solid = self.solid(self.place.0 + x, self.place.1 + y);
                out[y * TILE + x] = self.settle(&solid, fibres.as_ref(), threads, (x, y));
            }
        }
        out
    }

    fn ray(&self, x: usize, y: usize, fx: f32, fy: f32) -> Ray {
        self.camera.ray(
            (self.area.x + x) as f32 + fx,
            (self.area.y + y) as f32 + fy,
            self.origin,
        )
    }

    fn solid(&self, x: usize, y: usize) -> Solid {
        let here = self.glances[y * self.area.w + x];
        let (mut outline, mut detail) = (false, false);
        let (mut near, mut far) = here.map_or((f32::MAX, 0.0_f32), |g| (g.t, g.t));
        for (dx, dy) in [
            (-1, 0),
            (1, 0),
            (0, -1),
            (0, 1),
            (-1, -1),
            (1, 1),
            (-1, 1),
            (1, -1),
        ] {
            let (nx, ny) = (x as isize + dx, y as isize + dy);
            if nx < 0 || ny < 0 || nx >= self.area.w as isize || ny >= self.area.h as isize {
                continue;
            }
            let there = self.glances[ny as usize * self.area.w + nx as usize];
            match (here, there) {
                (Some(a), Some(b)) => {
                    near = near.min(b.t);
                    far = far.max(b.t);
                    let (la, lb) = (a.spot.colour[1], b.spot.colour[1]);
                    let hidden = a.spot.kind == KIND_HIDDEN || b.spot.kind == KIND_HIDDEN;
                    detail |= !hidden && a.spot.kind != b.spot.kind
                        || !hidden && (a.t - b.t).abs() > 0.10
                        || !hidden && (la - lb).abs() > 0.10 * (la + lb) + 0.01;
                }
                (None, Some(b)) => {
                    outline = true;
                    near = near.min(b.t);
                    far = far.max(b.t);
                }
                (Some(_), None) => outline = true,
                (None, None) => {}
            }
        }
        if outline {
            return self.outline(x, y, near - 0.7, far + 1.2);
        }
        let Some(glance) = here else {
            return Solid {
                mask: 0,
                colour: [0.0; 3],
                depth: f32::MAX,
            };
        };
        let depth = self.plane_depth(&self.ray(x, y, 0.5, 0.5), glance.t);
        let always = self.actor.always_fine(glance.spot.kind);
        if !detail && !always {
            return Solid {
                mask: FULL,
                colour: glance.spot.colour,
                depth,
            };
        }
        let side = if always { 5 } else { 3 };
        let (mut sum, mut count) = ([0.0; 3], 0.0);
        for j in 0..side {
            for i in 0..side {
                let ray = self.ray(
                    x,
                    y,
                    (i as f32 + 0.5) / side as f32,
                    (j as f32 + 0.5) / side as f32,
                );
                if let Some(t) = self.actor.hit(&ray, near - 0.7, far + 1.2) {
                    let c = self.actor.spot(&ray, t).colour;
                    (0..3).for_each(|k| sum[k] += c[k]);
                    count += 1.0;
                }
            }
        }
        let colour = if count > 0.0 {
            sum.map(|v| v / count)
        } else {
            glance.spot.colour
        };
        Solid {
            mask: FULL,
            colour,
            depth,
        }
    }

    /// A pixel on the outline: which points are covered, and the light of a few of them.
    fn outline(&self, x: usize, y: usize, near: f32, far: f32) -> Solid {
        let (mut mask, mut nearest) = (0_u64, f32::MAX);
        let (mut sum, mut count) = ([0.0; 3], 0.0);
        for j in 0..FINE {
            let point = |i: usize| self.ray(x, y, (i as f32 + 0.5) / FINE as f32, (j as f32 + 0.5) / FINE as f32);
            let look = |i: usize| self.actor.hit(&point(i), near, far);
            // A row of points is cut by the outline once at most: find where.
            let (first, last) = (look(0), look(FINE - 1));
            let (mut low, mut high) = (0, FINE - 1);
            if first.is_some() != last.is_some() {
                while high - low > 1 {
                    let middle = (low + high) / 2;
                    if look(middle).is_some() == first.is_some() { low = middle } else { high = middle }
                }
            }
            let row: u64 = match (first, last) {
                (None, None) => continue,
                (Some(_), Some(_)) => 0xFF,
                (Some(_), None) => (1 << high) - 1,
                (None, Some(_)) => 0xFF & !((1 << high) - 1),
            };
            mask |= row << (j * FINE);
            let (i, t) = if let Some(t) = first { (0, t) } else { (FINE - 1, last.unwrap_or(near)) };
            nearest = nearest.min(self.plane_depth(&point(i), t));
            if j % 3 == 0 || count == 0.0 {
                let c = self.actor.spot(&point(i), t).colour;
                (0..3).for_each(|k| sum[k] += c[k]);
                count += 1.0;
            }
        }
        let colour = if count > 0.0 { sum.map(|v| v / count) } else { sum };
        Solid {
            mask,
            colour,
            depth: nearest,
        }
    }

    fn plane_depth(&self, ray: &Ray, t: f32) -> f32 {
        -ray.way.z * t + (self.camera.z - self.origin.z - ray.from.z)
    }

    /// Draws the threads on the tile's points: for each the nearest thread and its distance.
    fn draw(&self, threads: &[Thread], bin: &[u32]) -> Fibres {
        let mut fibres = Fibres {
            depth: vec![f32::MAX; SIDE * SIDE],
            thread: vec![0; SIDE * SIDE],
        };
        let k = FINE as f32;
        let (ox, oy) = (
            (self.area.x + self.place.0) as f32,
            (self.area.y + self.place.1) as f32,
        );
        for &index in bin {
            let t = &threads[index as usize];
            let a = ((t.a.0 - ox) * k, (t.a.1 - oy) * k);
            let b = ((t.b.0 - ox) * k, (t.b.1 - oy) * k);
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let long = dx.hypot(dy).max(1e-4);
            let steep = dy.abs() >= dx.abs();
            let (main_a, main_b, cross_a, cross_d) = if steep {
                (a.1, b.1, a.0, dx)
            } else {
                (a.0, b.0, a.1, dy)
            };
            let span = main_b - main_a;
            if span.abs() < 1e-4 {
                continue;
            }
            let thick = long / span.abs() * 0.5 * k;
            let (low, high) = (main_a.min(main_b), main_a.max(main_b));
            // Points lie at half numbers; a piece owns those between its ends, so joints are drawn once.
            let first = (low - 0.5).ceil().max(0.0) as usize;
            let end = (high - 0.5).ceil().clamp(0.0, SIDE as f32) as usize;
            for m in first..end {
                let s = (m as f32 + 0.5 - main_a) / span;
                let mid = cross_a + cross_d * s;
                let half = mix(t.wa, t.wb, s) * thick;
                let z = mix(t.za, t.zb, s);
                let from = (mid - half - 0.5).ceil().max(0.0) as usize;
                let to = (mid + half - 0.5).ceil().clamp(0.0, SIDE as f32) as usize;
                for c in from..to {
                    let at = if steep { m * SIDE + c } else { c * SIDE + m };
                    if z < fibres.depth[at] {
                        fibres.depth[at] = z;
                        fibres.thread[at] = index;
                    }
                }
            }
        }
        fibres
    }

    /// Puts solid and hair of one pixel together.
    fn settle(
        &self,
        solid: &Solid,
        fibres: Option<&Fibres>,
        threads: &[Thread],
        (x, y): (usize, usize),
    ) -> [f32; 4] {
        let mut mask = solid.mask;
        let mut hair = [0.0_f32; 3];
        let mut hairs = 0_u32;
        let mut bare = mask.count_ones();
        if let Some(fibres) = fibres {
            for j in 0..FINE {
                let row = (y * FINE + j) * SIDE + x * FINE;
                for i in 0..FINE {
                    let depth = fibres.depth[row + i];
                    if depth == f32::MAX {
                        continue;
                    }
                    let thread = &threads[fibres.thread[row + i] as usize];
                    let bit = 1_u64 << (j * FINE + i);
                    let covered = solid.mask & bit != 0;
                    // Roots lie on the skin: a little grace, more for brows.
                    let grace = if thread.brow { 0.06 } else { 0.03 };
                    if covered && depth > solid.depth + grace {
                        continue;
                    }
                    (0..3).for_each(|k| hair[k] += thread.colour[k]);
                    hairs += 1;
                    mask |= bit;
                    bare -= u32::from(covered);
                }
            }
        }
        let all = (FINE * FINE) as f32;
        let share = mask.count_ones() as f32 / all;
        let (solid_share, _) = (bare as f32 / all, hairs);
        let mut rgb = [0.0; 3];
        for k in 0..3 {
            rgb[k] = solid.colour[k] * solid_share + hair[k] / all;
        }
        if share > 0.0 {
            let ray = self.ray(self.place.0 + x, self.place.1 + y, 0.5, 0.5);
            if let Some((colour, part)) = self.actor.veil(&ray) {
                for k in 0..3 {
                    rgb[k] = mix(rgb[k], colour[k] * share, part);
                }
            }
        }
        [rgb[0], rgb[1], rgb[2], share]
    }
}

const SIDE: usize = TILE * FINE;

struct Fibres {
    depth: Vec<f32>,
    thread: Vec<u32>,
}
