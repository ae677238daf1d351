//! Hair: thousands of strands grown from the scalp, lying in layers over head, neck and shoulders.
//!
//! Every strand starts on the skull above the hairline, is combed by its cut's flow, floats at its own height
//! over the skin and is cut where the barber cut it. Strands gather towards guide strands, as washed hair does;
//! a few stray. A coarse grid of the hair's density shades hair by hair and the skin below it.

use rayon::prelude::*;

use crate::head::{Expression, Head, SKULL, hairline};
use crate::headwear;
use crate::sdf::{Dice, V3, ellipsoid, join, limb, mix, mix3, noise, scramble, smoothstep, v3};
use crate::student::{Hair, Student};

/// All strands of a head, in head space.
#[derive(Clone, Debug)]
pub(crate) struct Fleece {
    pub(crate) strands: Vec<Strand>,
    pub(crate) density: Density,
    pub(crate) colour: [f32; 3],
}

/// One hair, or a few that lie together.
#[derive(Clone, Debug)]
pub(crate) struct Strand {
    /// From root to tip; at least two.
    pub(crate) points: Vec<V3>,
    /// Width at the root, in inter-eye distances (a single hair has 0.0013).
    pub(crate) width: f32,
    /// Brightness relative to the hair's colour.
    pub(crate) tone: f32,
    /// Part of an eyebrow: lies on the face and moves with it only.
    pub(crate) brow: bool,
}

impl Fleece {
    pub(crate) fn grow(student: &Student, head: &Head) -> Self {
        let cut = Cut::of(student);
        let guides: Vec<Strand> = grow_roots(student.seed ^ 0x6017, cut.guides)
            .into_par_iter()
            .map(|(root, seed)| cut.strand(root, seed, student.seed))
            .collect();
        let mut strands: Vec<Strand> = grow_roots(student.seed ^ 0x4A11, cut.strands)
            .into_par_iter()
            .map(|(root, seed)| {
                let mut strand = cut.strand(root, seed, student.seed);
                cut.gather(&mut strand, &guides, seed);
                strand
            })
            .filter(|strand| strand.points.len() > 1)
            .collect();
        if student.hair == Hair::Bun {
            knot(student.seed, &mut strands);
        }
        if let Some(worn) = student.headwear {
            for strand in &mut strands {
                headwear::press(strand, worn.kind);
            }
            strands.retain(|strand| strand.points.len() > 1);
        }
        let density = Density::of(&strands);
        brows(student, head, &mut strands);
        Self {
            strands,
            density,
            colour: student.hair_colour.albedo(),
        }
    }
}

/// Evenly spread places on the scalp, each with a seed of its own.
fn grow_roots(seed: u64, count: usize) -> Vec<(V3, u64)> {
    let mut dice = Dice::new(seed);
    let golden = 2.399_963_2_f32;
    // About a third of the ellipsoid lies below the hairline.
    let tries = count * 3 / 2;
    let mut roots = Vec::with_capacity(count);
    for i in 0..tries {
        let y = 1.0 - 1.75 * (i as f32 + dice.unit()) / tries as f32;
        let r = (1.0 - y * y).max(0.0).sqrt();
        let (s, c) = (golden * i as f32 + 0.3 * dice.sway()).sin_cos();
        let root = SKULL.0 + v3(r * s, y, r * c).by(SKULL.1);
        let soft = 0.045 * dice.sway() + 0.05 * noise(root * 6.0);
        let own = dice.roll();
        if root.y > hairline(root) + soft {
            roots.push((root, own));
        }
    }
    roots
}

/// The plan of a cut: how much, how long, how it falls.
#[derive(Clone, Copy)]
struct Cut {
    hair: Hair,
    /// Where the fringe ends, if it is not the cut's own.
    fringe: Option<f32>,
    tucked: bool,
    strands: usize,
    guides: usize,
    segments: usize,
    width: f32,
    /// How much of the way a tip goes over to its guide.
    clump: f32,
    curl: f32,
}

impl Cut {
    fn of(student: &Student) -> Self {
        let hair = student.hair;
        let fringe = student.fringe.filter(|_| hair != Hair::Bald);
        let plan = |strands, guides, segments: usize, width, clump, curl| Self {
            hair,
            fringe,
            tucked: student.tucked,
            strands,
            guides,
            // A fringe is longer than short hair.
            segments: if fringe.is_some() {
                segments.max(30)
            } else {
                segments
            },
            width,
            clump,
            curl,
        };
        match hair {
            Hair::Short => plan(17_000, 420, 11, 0.0062, 0.55, 0.0),
            Hair::Bob => plan(13_000, 300, 30, 0.0062, 0.42, 0.0),
            Hair::Long => plan(12_000, 260, 44, 0.0062, 0.45, 0.0),
            Hair::Bun => plan(14_000, 300, 24, 0.0060, 0.35, 0.0),
            Hair::Curly => plan(11_000, 480, 32, 0.0060, 0.85, 0.10),
            Hair::Bald => plan(0, 0, 2, 0.0, 0.0, 0.0),
        }
    }

    /// Length in inter-eye distances for a root.
    fn length(self, root: V3, dice: &mut Dice) -> f32 {
        let top = smoothstep(0.75, 1.45, root.y);
        let uneven = 1.0 + 0.18 * dice.sway();
        if self.fringe.is_some() && fringe(root) {
            return 4.4 * uneven;
        }
        uneven
            * match self.hair {
                Hair::Short => mix(0.20, 0.80, top) * mix(0.8, 1.0, smoothstep(-2.2, -1.0, root.z)),
                Hair::Bob => 4.4,
                Hair::Long => 7.6,
                Hair::Bun => 3.6,
                Hair::Curly => mix(0.85, 1.25, top),
                Hair::Bald => 0.0,
            }
    }

    /// How high over the skin the outermost layer floats.
    fn thickness(self, p: V3) -> f32 {
        let top = smoothstep(0.8, 1.5, p.y);
        match self.hair {
            Hair::Short => mix(0.06, 0.25, smoothstep(0.75, 1.65, p.y)),
            Hair::Bob => mix(0.22, 0.13, top),
            Hair::Long => mix(0.20, 0.12, top),
            Hair::Bun => 0.06,
            Hair::Curly => mix(0.42, 0.48, top),
            Hair::Bald => 0.0,
        }
    }

    /// Where a strand from `root` wants to go at `p`; `out` is the skin's outward direction there.
    fn flow(self, root: V3, p: V3, out: V3, wild: f32) -> V3 {
        if self.fringe.is_some() && fringe(root) {
            return v3(
                0.16 * root.x + 0.05 * wild,
                -1.0,
                0.22 - 0.3 * (0.95 - p.y).max(0.0),
            );
        }
        // Laid behind the ear: over the temple straight back, then down.
        let behind = if self.tucked && matches!(self.hair, Hair::Bob | Hair::Long) {
            smoothstep(0.70, 0.95, p.x.abs()) * smoothstep(1.05, 0.7, p.y) * smoothstep(-1.75, -1.45, p.z)
        } else {
            0.0
        };
        if behind > 0.0 {
            let free = Self {
                tucked: false,
                ..self
            };
            let back = v3(0.0, -0.12, -1.0);
            return free.flow(root, p, out, wild).unit().lerp(back, behind);
        }
        match self.hair {
            Hair::Short => {
                let side = smoothstep(-0.50, -0.28, root.x + 0.05 * wild);
                let across = v3(mix(-0.8, 0.85, side), mix(-0.25, -0.02, side), 0.30);
                let front = smoothstep(-0.75, -0.05, root.z);
                let across = across + v3(0.15, 0.28, 0.10) * front;
                let down = v3(0.05 * wild, -1.0, 0.10);
                down.lerp(across, smoothstep(0.72, 1.25, root.y)) + out * 0.12
            }
            Hair::Bob => {
                if fringe(root) {
                    return v3(
                        0.16 * root.x + 0.05 * wild,
                        -1.0,
                        0.22 - 0.3 * (0.95 - p.y).max(0.0),
                    );
                }
                let side = (root.x - 0.12 + 0.03 * wild).signum();
                let over = smoothstep(0.5, 1.5, p.y);
                let tuck = smoothstep(-0.9, -1.5, p.y) * 0.30;
                let off = smoothstep(-0.75, -0.2, p.z);
                v3(
                    side * (0.95 * over - tuck + 0.45 * off),
                    -1.0 + 0.55 * over,
                    -0.45 * off,
                )
            }
            Hair::Long => {
                let side = (root.x - 0.10 + 0.03 * wild).signum();
                let over = smoothstep(0.0, 1.5, p.y);
                let off = smoothstep(-0.85, -0.25, p.z) * smoothstep(-1.2, -0.4, p.y);
                let before = smoothstep(-1.45, -1.05, root.z);
                let fore = smoothstep(-1.4, -2.2, p.y) * before;
                // Over the chest it hangs in two falls beside the neck.
                let fall = 1.0 + 0.22 * wild - p.x.abs();
                let x = side * (over + 0.7 * off + 0.8 * fall * fore);
                v3(x, -1.0 + 0.5 * over, -0.55 * off + 0.35 * fore + 0.05 * wild)
            }
            Hair::Bun => (BUN - v3(0.0, 0.32, 0.1) - p).unit() + v3(0.0, 0.02 * wild, 0.0),
            Hair::Curly => out * 0.75 + v3(0.35 * wild, -0.30, 0.1 * wild),
            Hair::Bald => out,
        }
    }

    /// Whether the barber cut here; `own` differs between strands, -1..=1.
    fn cut(self, root: V3, p: V3, own: f32) -> bool {
        match self.hair {
            Hair::Bald => false,
            _ if (self.fringe.is_some() || self.hair == Hair::Bob) && fringe(root) => {
                let end = self.fringe.unwrap_or(0.53);
                p.y < end + 0.035 * own + 0.03 * root.x * root.x
            }
            Hair::Bob => p.y < -1.50 + 0.07 * own,
            Hair::Long => p.y < -4.3 + 0.35 * own,
            Hair::Bun => (p - BUN).len() < 0.36,
            _ => false,
        }
    }

    fn strand(self, root: V3, seed: u64, student: u64) -> Strand {
        let mut dice = Dice::new(seed);
        let own = dice.sway();
        let wild = dice.normal() * 0.6 + 1.2 * noise(root * 2.2 + v3((student % 97) as f32, 0.0, 0.0));
        let stray = dice.unit() < 0.022;
        let layer = dice.unit().sqrt() * if stray { 1.55 } else { 1.0 };
        let length = self.length(root, &mut dice) * if stray { 1.12 } else { 1.0 };
        let step = length / self.segments as f32;
        let covers_ears = match self.hair {
            Hair::Bob | Hair::Long => !self.tucked,
            Hair::Curly => true,
            _ => false,
        };
        // Hair from the back of the head falls behind the shoulders, out of sight.
        let before = root.z > -1.25;
        let skin = |p: V3| under_hair(p, covers_ears, before);
        let first = slope(&skin, root);
        let rise = match self.hair {
            Hair::Short => 0.55,
            Hair::Curly => 1.6,
            Hair::Bun => 0.05,
            _ => 1.7,
        };
        let mut way = (self.flow(root, root, first, wild) + first * rise).unit();
        let mut p = root;
        let mut points = Vec::with_capacity(self.segments + 1);
        points.push(p);
        for i in 0..self.segments {
            let out = slope(&skin, p);
            let high = skin(p);
            let flow = self.flow(root, p, out, wild).unit();
            // Height is the layer's matter; the flow only says which way along the skin.
            let flow = if self.hair == Hair::Curly {
                flow
            } else {
                flow - out * flow.dot(out).max(0.0)
            };
            let rising = smoothstep(0.0, 0.12, (i as f32 + 1.0) * step);
            // A fringe hangs before the brows, not through them.
            let float = if self.fringe.is_some() && fringe(root) {
                0.012 + self.thickness(p) * layer + 0.16 * smoothstep(0.75, 0.30, p.y)
            } else {
                0.012 + self.thickness(p) * layer
            };
            // Below the jaw nothing holds long hair to the skin.
            let held = if self.hair == Hair::Long || self.hair == Hair::Bob {
                smoothstep(-1.1, -0.3, p.y)
            } else {
                1.0
            };
            let pull = ((float * rising - high) * 5.0).clamp(-1.6 * held, 1.6);
            let want = (flow + out * pull).unit();
            way = way.lerp(want, 0.55).unit();
            if stray {
                way = (way + v3(dice.sway(), dice.sway(), dice.sway()) * 0.28).unit();
            }
            p = p + way * step;
            let deep = 0.012 - skin(p);
            if deep > 0.0 {
                p = p + slope(&skin, p) * deep;
            }
            points.push(p);
            if self.cut(root, p, own) {
                break;
            }
        }
        if self.curl > 0.0 {
            let (turn, phase) = (mix(11.0, 17.0, dice.unit()), dice.unit() * 6.3);
            for (i, q) in points.iter_mut().enumerate().skip(1) {
                let s = i as f32 * step;
                let (a, b) = (turn * s + phase).sin_cos();
                let side = first.cross(v3(0.31, 0.9, 0.3)).unit();
                let up = first.cross(side);
                *q = *q + (side * a + up * b) * (self.curl * smoothstep(0.0, 0.2, s));
            }
        }
        let width = if stray {
            0.0022
        } else {
            self.width * mix(0.75, 1.25, dice.unit())
        };
        Strand {
            points,
            width,
            tone: mix(0.72, 1.28, dice.unit()),
            brow: false,
        }
    }

    /// Draws a strand towards its nearest guide, more towards the tip.
    fn gather(self, strand: &mut Strand, guides: &[Strand], seed: u64) {
        let root = strand.points[0];
        let near = |g: &Strand| {
            let d = g.points[0] - root;
            d.dot(d)
        };
        let Some(guide) = guides.iter().min_by(|a, b| near(a).total_cmp(&near(b))) else {
            return;
        };
        let off = root - guide.points[0];
        let loose = (scramble(seed) % 1000) as f32 / 1000.0;
        let count = strand.points.len().min(guide.points.len());
        // A strand that leaves the guide's side of the parting keeps its own way.
        if (guide.points[count - 1] - strand.points[count - 1]).len() > 0.9 {
            return;
        }
        for i in 1..strand.points.len() {
            let t = i as f32 / (strand.points.len() - 1) as f32;
            let g = guide.points[i.min(guide.points.len() - 1)] + off * mix(1.0, 0.45, t);
            if i < guide.points.len() {
                strand.points[i] = strand.points[i].lerp(g, self.clump * mix(0.5, 1.0, loose) * t.sqrt());
            }
        }
    }
}

const BUN: V3 = v3(0.0, 2.10, -1.35);

/// Whether a root belongs to the fringe of a bob.
fn fringe(root: V3) -> bool {
    root.z > -0.62 && root.x.abs() < 0.80
}

/// The bun: loops wound about its middle.
fn knot(seed: u64, strands: &mut Vec<Strand>) {
    let mut dice = Dice::new(seed ^ 0xB0B);
    for _ in 0..3600 {
        let r = 0.50 * mix(0.72, 1.0, dice.unit().sqrt());
        let axis = v3(
            0.25 * dice.normal(),
            0.8 + 0.3 * dice.normal(),
            0.45 * dice.normal(),
        )
        .unit();
        let a = axis.cross(v3(0.3, 0.2, 0.9)).unit();
        let b = axis.cross(a);
        let lean = 0.75 * dice.sway();
        let (start, sweep) = (dice.unit() * 6.3, mix(1.2, 2.8, dice.unit()));
        let points = (0..20)
            .map(|i| {
                let t = start + sweep * i as f32 / 19.0;
                let (s, c) = t.sin_cos();
                let w = (1.0 - lean * lean).sqrt();
                BUN + (a * (c * w) + b * (s * w) + axis * lean).by(v3(1.0, 0.86, 0.95)) * r
            })
            .collect();
        strands.push(Strand {
            points,
            width: 0.0062,
            tone: mix(0.72, 1.28, dice.unit()),
            brow: false,
        });
    }
}

/// Short hairs of the brows, laid on the face.
fn brows(student: &Student, head: &Head, strands: &mut Vec<Strand>) {
    let mut dice = Dice::new(student.seed ^ 0xB405);
    let calm = Expression::CALM;
    let soft = matches!(student.hair, Hair::Bob | Hair::Long | Hair::Bun);
    let (thick, count) = if soft { (0.034, 190) } else { (0.050, 300) };
    let height = 0.015 * dice.sway();
    for side in [-1.0_f32, 1.0] {
        for _ in 0..count {
            let t = dice.unit();
            let x = mix(0.21, 0.83, t);
            let arch = 0.335 + height + 0.085 * (1.0 - ((t - 0.62) / 0.62) * ((t - 0.62) / 0.62))
                - 0.05 * smoothstep(0.75, 1.0, t);
            let spread = thick * mix(1.0, 0.30, t.powf(1.4)) * smoothstep(-0.1, 0.12, t);
            let y = arch - 0.03 + spread * dice.sway();
            let lean = v3(
                mix(0.35, 1.0, smoothstep(0.0, 0.3, t)),
                mix(0.75, -0.28, t.powf(0.8)) - 0.2 * dice.unit(),
                0.0,
            )
            .unit();
            let length = mix(0.09, 0.13, dice.unit());
            let points = (0..4)
                .map(|i| {
                    let s = length * i as f32 / 3.0;
                    let (px, py) = (x + lean.x * s, y + lean.y * s - 0.25 * s * s);
                    v3(
                        side * px,
                        py,
                        surface(head, side * px, py, calm) + 0.004 + 0.02 * s,
                    )
                })
                .collect();
            strands.push(Strand {
                points,
                width: 0.0075,
                tone: mix(0.8, 1.2, dice.unit()),
                brow: true,
            });
        }
    }
}

/// How far in front the face is at (x, y).
fn surface(head: &Head, x: f32, y: f32, face: Expression) -> f32 {
    let mut z = 1.2;
    for _ in 0..48 {
        z -= head.distance(v3(x, y, z), face) * 0.85;
    }
    z
}

/// A plain stand-in for head, ears, neck and shoulders on which hair lies.
fn under_hair(p: V3, ears: bool, trunk: bool) -> f32 {
    let q = v3(p.x.abs(), p.y, p.z);
    let mut d = join(
        ellipsoid(p - SKULL.0, SKULL.1),
        ellipsoid(p - v3(0.0, -0.62, -0.62), v3(1.06, 1.26, 0.84)),
        0.3,
    );
    if ears && p.y < 0.9 {
        d = join(
            d,
            ellipsoid(q - v3(1.17, -0.13, -1.12), v3(0.17, 0.5, 0.34)),
            0.25,
        );
    }
    if p.y < -0.8 {
        d = join(
            d,
            limb(q, v3(0.0, -1.2, -1.25), v3(0.0, -3.0, -1.5), 0.86, 0.9),
            0.2,
        );
    }
    if trunk && p.y < -1.6 {
        // Outside a jacket's shoulders and chest.
        d = join(
            d,
            limb(q, v3(0.30, -2.72, -1.62), v3(2.50, -3.96, -1.62), 0.74, 0.80),
            0.3,
        );
        d = join(d, ellipsoid(q - v3(0.0, -6.2, -1.5), v3(2.7, 3.3, 1.62)), 0.5);
    }
    d
}

fn slope(f: &impl Fn(V3) -> f32, p: V3) -> V3 {
    let e = 0.02;
    let at = f(p);
    v3(
        f(p + v3(e, 0.0, 0.0)) - at,
        f(p + v3(0.0, e, 0.0)) - at,
        f(p + v3(0.0, 0.0, e)) - at,
    )
    .unit()
}

/// How much hair is where: the share of light lost per unit of way, on a grid in head space.
#[derive(Clone, Debug)]
pub(crate) struct Density {
    cells: Vec<f32>,
}

impl Density {
    const CELL: f32 = 0.13;
    const LOW: V3 = v3(-3.12, -5.2, -3.2);
    const SIZE: [usize; 3] = [48, 64, 32];

    fn of(strands: &[Strand]) -> Self {
        let mut cells = vec![0.0; Self::SIZE[0] * Self::SIZE[1] * Self::SIZE[2]];
        if strands.is_empty() {
            return Self { cells: Vec::new() };
        }
        let volume = Self::CELL * Self::CELL * Self::CELL;
        for strand in strands {
            for pair in strand.points.windows(2) {
                let mid = pair[0].lerp(pair[1], 0.5);
                let shade = (pair[1] - pair[0]).len() * strand.width * 0.8 / volume;
                let at = (mid - Self::LOW) * (1.0 / Self::CELL);
                let (x, y, z) = (at.x as isize, at.y as isize, at.z as isize);
                if let Some(i) = Self::index(x, y, z) {
                    cells[i] += shade;
                }
            }
        }
        // A hair's shade belongs to the neighbouring cells too, or the grid would show.
        let [sx, sy, sz] = Self::SIZE;
        for (stride, len) in [(1, sx), (sx, sy), (sx * sy, sz)] {
            let sharp = cells.clone();
            for (i, cell) in cells.iter_mut().enumerate() {
                let at = i / stride % len;
                let before = if at > 0 { sharp[i - stride] } else { 0.0 };
                let after = if at + 1 < len { sharp[i + stride] } else { 0.0 };
                *cell = 0.25 * before + 0.5 * sharp[i] + 0.25 * after;
            }
        }
        Self { cells }
    }

    #[inline]
    fn index(x: isize, y: isize, z: isize) -> Option<usize> {
        let [sx, sy, sz] = Self::SIZE;
        let inside =
            x >= 0 && y >= 0 && z >= 0 && (x as usize) < sx && (y as usize) < sy && (z as usize) < sz;
        inside.then(|| (z as usize * sy + y as usize) * sx + x as usize)
    }

    fn at(&self, p: V3) -> f32 {
        let q = (p - Self::LOW) * (1.0 / Self::CELL) - v3(0.5, 0.5, 0.5);
        let (fx, fy, fz) = (q.x.floor(), q.y.floor(), q.z.floor());
        let (tx, ty, tz) = (q.x - fx, q.y - fy, q.z - fz);
        let (x, y, z) = (fx as isize, fy as isize, fz as isize);
        let cell = |dx, dy, dz| Self::index(x + dx, y + dy, z + dz).map_or(0.0, |i| self.cells[i]);
        let row = |dy, dz| mix(cell(0, dy, dz), cell(1, dy, dz), tx);
        mix(mix(row(0, 0), row(1, 0), ty), mix(row(0, 1), row(1, 1), ty), tz)
    }

    /// Share of light that reaches `p` from direction `towards`, 0..=1.
    pub(crate) fn light(&self, p: V3, towards: V3, reach: f32) -> f32 {
        if self.cells.is_empty() {
            return 1.0;
        }
        let steps = 5;
        let step = reach / steps as f32;
        let mut sum = 0.0;
        for i in 0..steps {
            sum += self.at(p + towards * (step * (i as f32 + 0.6)));
        }
        (-sum * step).exp()
    }
}

/// How a piece of hair lies: along, out of the head, and towards the camera; unit vectors.
#[derive(Clone, Copy)]
pub(crate) struct Course {
    pub(crate) along: V3,
    pub(crate) out: V3,
    pub(crate) view: V3,
}

/// Light a strand sends to the camera: `gloss` 1 for washed hair, `lit` the share of each lamp that arrives,
/// `sky` the ambient light.
pub(crate) fn sheen(
    colour: [f32; 3],
    gloss: f32,
    course: Course,
    lamps: &[(V3, f32); 2],
    lit: [f32; 2],
    sky: f32,
) -> [f32; 3] {
    let Course { along, out, view } = course;
    let mut sum = colour.map(|c| c * sky);
    let tv = along.dot(view);
    let sv = (1.0 - tv * tv).max(0.0).sqrt();
    for (&(to_lamp, power), share) in lamps.iter().zip(lit) {
        let tl = along.dot(to_lamp);
        let sl = (1.0 - tl * tl).max(0.0).sqrt();
        let facing = smoothstep(-0.35, 0.75, out.dot(to_lamp));
        let power = power * share * facing;
        let mirror = |shift: f32, sharp: f32| {
            let tl = (tl + shift).clamp(-1.0, 1.0);
            (sl * sv - tl * tv).max(0.0).powf(sharp)
        };
        let white = gloss * 0.045 * mirror(0.09, 42.0);
        let tinted = gloss * 0.9 * mirror(-0.12, 9.0);
        let tint = mix3(colour, [0.03, 0.03, 0.03], 0.15);
        for k in 0..3 {
            sum[k] += power * (colour[k] * (0.75 * sl) + tint[k] * tinted + white);
        }
    }
    sum
}
