//! From fields and strands to pixels: camera, rays, shading, and the exact share of each pixel that is covered.
//!
//! First one ray through the middle of every pixel. Then, tile by tile, the pixels where something changes are
//! looked at again: 64 points along outlines, 9 along inner edges; strands of hair are drawn on the same 64
//! points, so hair and outline share pixels without guessing. Tiles depend on nothing but their place, which
//! keeps the picture the same on any number of threads.

use rayon::prelude::*;

use crate::sdf::{V3, mix, v3};

/// Points a side on which a pixel's coverage is counted.
const FINE: usize = 8;
/// The kind of a surface that only thick hair is seen of.
const KIND_HIDDEN: u8 = 3;
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

/// Something clear that a surface is seen through.
#[derive(Clone, Copy)]
pub(crate) struct Veil {
    /// Share of each colour that comes through.
    pub(crate) lets: [f32; 3],
    /// What it mirrors, and how strongly.
    pub(crate) mirrored: [f32; 3],
    pub(crate) share: f32,
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
    /// What lies over a finished pixel, such as a lens.
    fn veil(&self, _ray: &Ray) -> Option<Veil> {
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

/// Walks along a cone's axis as long as the whole cone is free; see [`Actor::clear`].
pub(crate) fn clear(ray: &Ray, widen: f32, near: f32, far: f32, field: impl Fn(V3) -> f32) -> Option<f32> {
    let mut t = near;
    for _ in 0..48 {
        let room = field(ray.from + ray.way * t) - widen * t - 0.01;
        if room <= 0.0 {
            break;
        }
        t += room * 0.86;
        if t > far {
            return None;
        }
    }
    Some(t)
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
    pub(crate) a: (f32, f32),
    pub(crate) b: (f32, f32),
    /// Distance from the camera's plane.
    pub(crate) za: f32,
    pub(crate) zb: f32,
    pub(crate) wa: f32,
    pub(crate) wb: f32,
    pub(crate) colour: [f32; 3],
    pub(crate) brow: bool,
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
    let look = |column: usize, row: usize| {
        let start = starts[row / BLOCK * area.w.div_ceil(BLOCK) + column / BLOCK]?;
        let ray = camera.ray(
            (area.x + column) as f32 + 0.5,
            (area.y + row) as f32 + 0.5,
            origin,
        );
        let t = actor.hit(&ray, start, 1e3)?;
        let spot = match hidden.colour(row * area.w + column, -ray.way.z * t) {
            Some(colour) => Spot {
                colour,
                kind: KIND_HIDDEN,
            },
            None => actor.spot(&ray, t),
        };
        Some(Glance { t, spot })
    };
    // Every other pixel first, as on a chessboard; where its four neighbours agree, the one between follows.
    let mut black: Vec<Option<Glance>> = vec![None; area.w * area.h];
    black.par_chunks_mut(area.w).enumerate().for_each(|(row, out)| {
        for column in (row % 2..area.w).step_by(2) {
            out[column] = look(column, row);
        }
    });
    let mut glances = black.clone();
    glances.par_chunks_mut(area.w).enumerate().for_each(|(row, out)| {
        for column in ((row + 1) % 2..area.w).step_by(2) {
            out[column] = between(&black, area, column, row).or_else(|| look(column, row));
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

/// The spot the four neighbours of a pixel nearly share. `None` if they differ, or see nothing.
fn between(black: &[Option<Glance>], area: Area, column: usize, row: usize) -> Option<Glance> {
    if column == 0 || row == 0 || column + 1 >= area.w || row + 1 >= area.h {
        return None;
    }
    let at = row * area.w + column;
    let four = [at - 1, at + 1, at - area.w, at + area.w].map(|i| black[i]);
    let [Some(a), Some(b), Some(c), Some(d)] = four else {
        return None;
    };
    let near = |o: Glance| {
        let (la, lo) = (a.spot.colour[1], o.spot.colour[1]);
        o.spot.kind == a.spot.kind && (o.t - a.t).abs() < 0.05 && (la - lo).abs() < 0.02 * (la + lo) + 0.001
    };
    if !(near(b) && near(c) && near(d)) {
        return None;
    }
    let mean = |f: fn(&Glance) -> f32| 0.25 * (f(&a) + f(&b) + f(&c) + f(&d));
    let colour = [
        mean(|g| g.spot.colour[0]),
        mean(|g| g.spot.colour[1]),
        mean(|g| g.spot.colour[2]),
    ];
    Some(Glance {
        t: mean(|g| g.t),
        spot: Spot {
            colour,
            kind: a.spot.kind,
        },
    })
}

/// For each block of pixels the distance its rays may skip.
fn starts(camera: &Camera, area: Area, actor: &impl Actor, origin: V3) -> Vec<Option<f32>> {
    let across = area.w.div_ceil(BLOCK);
    let widen = 0.72 * BLOCK as f32 / camera.focal;
    (0..across * area.h.div_ceil(BLOCK))
        .into_par_iter()
        .map(|i| {
            let middle = |index: usize| (index * BLOCK) as f32 + 0.5 * BLOCK as f32;
            let ray = camera.ray(
                area.x as f32 + middle(i % across),
                area.y as f32 + middle(i / across),
                origin,
            );
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
                let (x, y) = (
                    mix(t.a.0, t.b.0, s) - area.x as f32,
                    mix(t.a.1, t.b.1, s) - area.y as f32,
                );
                if x >= 0.0 && y >= 0.0 && (x as usize) < area.w && (y as usize) < area.h {
                    let at = y as usize * area.w + x as usize;
                    layers[at] += share;
                    depth[at] = depth[at].max(mix(t.za, t.zb, s));
                }
            }
            (0..3).for_each(|k| colour[k] += t.colour[k]);
        }
        let count = threads.len().max(1) as f32;
        Self {
            layers,
            depth,
            colour: colour.map(|c| c / count * 0.5),
        }
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
        let (mut outline, mut edge, mut detail) = (false, false, false);
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
                    edge |= !hidden && (a.spot.kind != b.spot.kind || (a.t - b.t).abs() > 0.10);
                    detail |= !hidden && (la - lb).abs() > 0.10 * (la + lb) + 0.01;
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
            return self.outline(x, y, near - 0.25, far + 0.7);
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
        if !edge && !detail && !always {
            return Solid {
                mask: FULL,
                colour: glance.spot.colour,
                depth,
            };
        }
        let side = if always { 4 } else { 2 + usize::from(edge) };
        let (mut sum, mut count) = ([0.0; 3], 0.0);
        for j in 0..side {
            for i in 0..side {
                let ray = self.ray(
                    x,
                    y,
                    (i as f32 + 0.5) / side as f32,
                    (j as f32 + 0.5) / side as f32,
                );
                if let Some(t) = self.actor.hit(&ray, near - 0.12, far + 0.6) {
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
            let point = |i: usize| {
                self.ray(
                    x,
                    y,
                    (i as f32 + 0.5) / FINE as f32,
                    (j as f32 + 0.5) / FINE as f32,
                )
            };
            let look = |i: usize| self.actor.hit(&point(i), near, far);
            // A row of points is cut by the outline once at most: find where.
            let (first, last) = (look(0), look(FINE - 1));
            let (mut low, mut high) = (0, FINE - 1);
            if first.is_some() != last.is_some() {
                while high - low > 1 {
                    let middle = usize::midpoint(low, high);
                    if look(middle).is_some() == first.is_some() {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
            }
            let row: u64 = match (first, last) {
                (None, None) => continue,
                (Some(_), Some(_)) => 0xFF,
                (Some(_), None) => (1 << high) - 1,
                (None, Some(_)) => 0xFF & !((1 << high) - 1),
            };
            mask |= row << (j * FINE);
            let (i, t) = if let Some(t) = first {
                (0, t)
            } else {
                (FINE - 1, last.unwrap_or(near))
            };
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
                    if depth >= f32::MAX {
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
            if let Some(veil) = self.actor.veil(&ray) {
                let parts = veil.lets.into_iter().zip(veil.mirrored);
                for (light, (lets, mirrored)) in rgb.iter_mut().zip(parts) {
                    *light = mix(*light * lets, mirrored * share, veil.share);
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
