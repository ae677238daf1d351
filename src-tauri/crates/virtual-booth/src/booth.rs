//! The booth: renders each act once, then hands out its frames in real time.

use image::{GrayImage, Luma, RgbImage};
use rayon::prelude::*;

use crate::act::{Act, Posing};
use crate::clothes::Body;
use crate::glasses::Glasses;
use crate::hair::Fleece;
use crate::head::{Expression, FOREHEAD, Head};
use crate::person::{NECK_JOINT, Person};
use crate::phone::{HeldPhone, Screen};
use crate::render::{Area, Camera, Film, Thread, expose};
use crate::room::{self, Radiance, Sensor, Tone, Wall};
use crate::sdf::{Turn, V3, mix, scramble, v3};
use crate::student::{Hair, Student};
use crate::truth::{FaceBox, Pose, Truth};

/// Distance from the camera to a student who sits right, in inter-eye distances: 1.5 m, where the photo
/// standard wants the camera.
const DISTANCE: f32 = 24.0;
/// Pixels between the pupils of a student who sits right, in a frame of 720 lines. With it the 480x640 crop of
/// the photo standard is taken from about 461x614 pixels of a 1280x720 frame.
const UNIT: f32 = 96.0;
/// Row of the pupils of a student who sits right, as a share of the frame's height.
const EYE_ROW: f32 = 0.425;
/// Frames a blink lasts, and the mean number of frames from one to the next (30 frames a second: 2.5 s).
const BLINK: u64 = 3;
const BLINK_EVERY: u64 = 75;
/// How many acts stay rendered; one takes about 11 MB at 1280x720.
const KEPT: usize = 6;

/// What stands in the booth and how the camera sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct BoothOptions {
    /// The wall's patches, the sensor's noise, the blinks. Any value.
    pub seed: u64,
    /// Frame width in pixels, 160..=4096.
    pub width: u32,
    /// Frame height in pixels, 120..=4096.
    pub height: u32,
    /// Who sits there.
    pub student: Student,
    /// The wall behind.
    pub wall: Wall,
    /// Deviation of the sensor's noise on a mid-grey pixel, in grey levels of 255; 0 is a perfect sensor.
    /// A webcam in a lit booth has 1 to 2.
    pub noise: f32,
    /// Unevenness of the wall: 0 a perfect wall, 1 a painted one (about 2 % from place to place).
    pub uneven: f32,
    /// Strength of the student's shadow on the wall: 0 none, 1 close to the wall.
    pub shadow: f32,
    /// The phone of [`Act::ShowCode`].
    pub screen: Screen,
    /// The student sways a little and blinks. Off: every frame of an act differs by noise only.
    pub alive: bool,
}

impl Default for BoothOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            width: 1280,
            height: 720,
            student: Student::default(),
            wall: Wall::White,
            noise: 1.2,
            uneven: 1.0,
            shadow: 0.12,
            screen: Screen::default(),
            alive: true,
        }
    }
}

/// A virtual booth. It renders an act when it is first asked for (a second or two) and keeps the last few.
pub struct Booth {
    options: BoothOptions,
    cast: Cast,
    sensor: Sensor,
    tone: Tone,
    rendered: Vec<(Act, Rendered)>,
}

impl Booth {
    /// A booth with the given wall, student and camera. Sizes outside their range are brought into it.
    pub fn new(options: BoothOptions) -> Self {
        let mut options = options;
        options.width = options.width.clamp(160, 4096);
        options.height = options.height.clamp(120, 4096);
        let sensor = Sensor::new(options.seed, options.noise.clamp(0.0, 40.0));
        Self {
            cast: Cast::new(&options),
            options,
            sensor,
            tone: Tone::new(),
            rendered: Vec::new(),
        }
    }

    /// The options in force.
    pub fn options(&self) -> &BoothOptions {
        &self.options
    }

    /// Frame `n` of an act, at the size of the options. The same options, act and `n` give the same bytes.
    pub fn frame(&mut self, act: &Act, n: u64) -> RgbImage {
        let moment = Moment::of(&self.options, n);
        let rendered = self.rendered(act);
        let mut picture = rendered.picture(moment);
        let stride = self.options.width as usize * 3;
        self.sensor.expose(&mut picture, stride, n);
        picture
    }

    /// What is true in frame `n` of an act.
    pub fn truth(&mut self, act: &Act, n: u64) -> Truth {
        let moment = Moment::of(&self.options, n);
        self.rendered(act).truth(moment)
    }

    /// One picture of any pose, with the options' noise (frame 0), and its truth. For `None` the wall alone.
    pub fn still(options: &BoothOptions, posing: Option<&Posing>) -> (RgbImage, Truth) {
        let options = BoothOptions {
            alive: false,
            ..options.clone()
        };
        let act = posing.map_or(Act::EmptyWall, |posing| Act::Posed(posing.clone()));
        let mut booth = Self::new(options);
        (booth.frame(&act, 0), booth.truth(&act, 0))
    }

    /// The light of the person alone in the picture [`Booth::still`] gives for the same options: what each pixel
    /// would show were it all person, through the same lens and tone curve, without the sensor's noise. Black
    /// where no person is. With it, a matte's colours can be held against the truth on any background.
    pub fn own_colour(options: &BoothOptions, posing: &Posing) -> RgbImage {
        let options = BoothOptions {
            alive: false,
            ..options.clone()
        };
        let booth = Self::new(options);
        let shots = Stage::set(&booth.options, posing.clone()).shoot(&booth.options, &booth.cast);
        undiluted(&shots.open, &booth.options, &booth.tone)
    }

    fn rendered(&mut self, act: &Act) -> &Rendered {
        if let Some(i) = self.rendered.iter().position(|(known, _)| known == act) {
            let entry = self.rendered.remove(i);
            self.rendered.push(entry);
        } else {
            if self.rendered.len() >= KEPT {
                self.rendered.remove(0);
            }
            let rendered = Rendered::new(&self.options, &self.cast, &self.tone, act);
            self.rendered.push((act.clone(), rendered));
        }
        &self.rendered[self.rendered.len() - 1].1
    }
}

/// The student and the companion, grown once.
struct Cast {
    players: Vec<(Student, Head, Fleece)>,
}

impl Cast {
    fn new(options: &BoothOptions) -> Self {
        let mut cast = Self { players: Vec::new() };
        cast.enter(options.student.clone());
        cast
    }

    fn enter(&mut self, student: Student) {
        let head = Head::new(&student);
        let fleece = Fleece::grow(&student, &head);
        self.players.push((student, head, fleece));
    }
}

/// Which of an act's pictures a frame shows.
#[derive(Clone, Copy)]
struct Moment {
    sway: usize,
    blink: bool,
}

impl Moment {
    fn of(options: &BoothOptions, n: u64) -> Self {
        if !options.alive {
            return Self {
                sway: 0,
                blink: false,
            };
        }
        let start =
            8 + scramble(options.seed ^ (n / BLINK_EVERY).wrapping_mul(77)) % (BLINK_EVERY - BLINK - 8);
        let within = n % BLINK_EVERY;
        Self {
            sway: WALK[(n / 7 % 8) as usize],
            blink: within >= start && within < start + BLINK,
        }
    }
}

/// The order in which a sitting person goes through [`SWAY`].
const WALK: [usize; 8] = [0, 1, 2, 3, 3, 2, 1, 0];

/// Steps of the sway in pixels of a frame of 720 lines: what a person sitting still does.
const SWAY: [(f32, f32); 4] = [(0.0, 0.0), (0.45, 0.15), (0.85, -0.10), (1.10, -0.40)];

/// An act's pictures before the sensor's noise.
struct Rendered {
    phases: Vec<Phase>,
    truth: Truth,
}

struct Phase {
    open: RgbImage,
    alpha: GrayImage,
    /// The eyes shut: where, and the pixels.
    shut: Option<(u32, u32, RgbImage)>,
    shift: (f32, f32),
    crown_y: f32,
}

impl Rendered {
    fn new(options: &BoothOptions, cast: &Cast, tone: &Tone, act: &Act) -> Self {
        let posing = act.posing();
        let light = posing.as_ref().map(|p| p.light).unwrap_or_default();
        let (width, height) = (options.width as usize, options.height as usize);
        let wall = room::wall(width, height, options.wall, light, options.uneven, options.seed);
        let Some(posing) = posing else {
            let none = Film {
                area: Area {
                    x: 0,
                    y: 0,
                    w: 0,
                    h: 0,
                },
                rgba: Vec::new(),
            };
            let (open, alpha) = develop(&wall, &none, None, options, tone);
            let truth = Truth::nobody(options.width, options.height, light);
            let phase = Phase {
                open,
                alpha,
                shut: None,
                shift: (0.0, 0.0),
                crown_y: f32::NAN,
            };
            return Self {
                phases: vec![phase],
                truth,
            };
        };
        let stage = Stage::set(options, posing);
        let shots = stage.shoot(options, cast);
        let unit = stage.camera.focal / DISTANCE;
        let cast_shadow = (options.shadow > 0.0).then(|| {
            room::shadow(
                &spread_alpha(&shots.open, width, height),
                width,
                height,
                unit,
                light,
            )
        });
        let count = if options.alive { SWAY.len() } else { 1 };
        let scale = options.height as f32 / 720.0;
        let mut truth = shots.truth;
        let phases: Vec<Phase> = (0..count)
            .into_par_iter()
            .map(|i| {
                let shift = (SWAY[i].0 * scale, SWAY[i].1 * scale);
                let moved = translate(&shots.open, shift, width, height);
                let (open, alpha) = develop(&wall, &moved, cast_shadow.as_deref(), options, tone);
                let shut = shots.shut.as_ref().map(|film| {
                    let moved = translate(film, shift, width, height);
                    patch(&wall, &moved, cast_shadow.as_deref(), options, tone)
                });
                let crown_y = crown(&alpha, &truth, shift);
                Phase {
                    open,
                    alpha,
                    shut,
                    shift,
                    crown_y,
                }
            })
            .collect();
        truth.crown_y = phases[0].crown_y;
        Self { phases, truth }
    }

    fn phase(&self, moment: Moment) -> &Phase {
        &self.phases[moment.sway.min(self.phases.len() - 1)]
    }

    fn picture(&self, moment: Moment) -> RgbImage {
        let phase = self.phase(moment);
        let mut picture = phase.open.clone();
        if let (true, Some((x, y, shut))) = (moment.blink, &phase.shut) {
            image::imageops::replace(&mut picture, shut, i64::from(*x), i64::from(*y));
        }
        picture
    }

    fn truth(&self, moment: Moment) -> Truth {
        let phase = self.phase(moment);
        let (dx, dy) = phase.shift;
        let mut truth = self.truth.clone();
        let moved = |(x, y): (f32, f32)| (x + dx, y + dy);
        truth.eyes = truth.eyes.map(moved);
        truth.cheeks = truth.cheeks.map(moved);
        truth.chin = moved(truth.chin);
        truth.face.x += dx;
        truth.face.y += dy;
        truth.crown_y = phase.crown_y;
        truth.alpha.clone_from(&phase.alpha);
        if moment.blink && phase.shut.is_some() {
            truth.eyes_open = 0.0;
        }
        truth
    }
}

/// Camera, places and pose of an act.
struct Stage {
    posing: Posing,
    camera: Camera,
    /// The body's origin in camera space.
    at: V3,
    turn: Turn,
}

/// The films of an act and what is true in them.
struct Shots {
    open: Film,
    shut: Option<Film>,
    truth: Truth,
}

impl Stage {
    fn set(options: &BoothOptions, posing: Posing) -> Self {
        let (w, h) = (options.width as f32, options.height as f32);
        // A narrow frame shows the person smaller rather than cut off.
        let unit = UNIT * (h / 720.0).min(w / 760.0);
        let camera = Camera {
            focal: unit * DISTANCE,
            cx: w * 0.5,
            cy: h * 0.5,
            z: DISTANCE,
        };
        let size = posing.size.clamp(0.3, 2.5);
        let depth = DISTANCE - DISTANCE / size;
        let rise = (0.5 - EYE_ROW) * h / unit;
        let at = v3(posing.shift[0], rise - posing.shift[1], depth);
        let turn = Turn::head(posing.yaw, posing.pitch, posing.roll);
        Self {
            posing,
            camera,
            at,
            turn,
        }
    }

    fn person<'a>(
        &self,
        (student, head, fleece): &'a (Student, Head, Fleece),
        eyes: f32,
        at: V3,
    ) -> Person<'a> {
        let place = |p: V3| NECK_JOINT + self.turn.apply(p - NECK_JOINT);
        let slight = matches!(student.hair, Hair::Bob | Hair::Long | Hair::Bun);
        let ears = [place(v3(-0.82, -0.95, -1.45)), place(v3(0.82, -0.95, -1.45))];
        Person {
            head,
            fleece,
            body: Body::new(student.clothes, place(v3(0.0, -1.15, -1.28)), ears, slight),
            turn: self.turn,
            face: Expression {
                eyes: eyes.clamp(0.0, 1.0),
                mouth: self.posing.mouth.clamp(0.0, 1.0),
                gaze: self.posing.gaze.map(|degrees| degrees.clamp(-60.0, 60.0)),
                red: self.posing.red_eyes.clamp(0.0, 1.0),
            },
            glasses: Glasses::of(student),
            headwear: student.headwear,
            at,
            lamps: room::lamps(self.posing.light),
            light: self.posing.light.lamps(),
        }
    }

    fn shoot(&self, options: &BoothOptions, cast: &Cast) -> Shots {
        let (width, height) = (options.width as usize, options.height as usize);
        let camera = &self.camera;
        let person = self.person(&cast.players[0], self.posing.eyes, self.at);
        let threads = person.threads(camera);
        let area = person.bounds(camera, &threads, width, height);
        let mut open = expose(camera, area, &person, self.at, &threads);
        let truth = self.truth(options, &person);
        let mut shut = None;
        if options.alive && self.posing.eyes > 0.1 && !self.posing.companion {
            shut = Some(self.blink(cast, &person, &threads, width, height));
        }
        if self.posing.companion {
            let mut other = Cast { players: Vec::new() };
            other.enter(Student::seeded(scramble(options.student.seed ^ 0x2ED)));
            let at = self.at + v3(5.4, 0.1, -0.8);
            let second = self.person(&other.players[0], 1.0, at);
            let threads = second.threads(camera);
            let area = second.bounds(camera, &threads, width, height);
            let film = expose(camera, area, &second, at, &threads);
            open = over(&open, &film);
        }
        if let Some(text) = &self.posing.code {
            let hand = self.phone(options, text);
            let film = expose(camera, hand.1, &hand.0, v3(0.0, 0.0, 0.0), &[]);
            if let Some(shut) = &mut shut {
                let crop = cut(&over(shut, &film), shut.area);
                *shut = crop;
            }
            open = over(&open, &film);
        }
        let radius = self.posing.defocus * options.height as f32 / 720.0;
        if radius > 0.0 {
            open = blur(&open, radius, width, height);
            // The blink of a face out of focus is taken from the whole blurred picture's place: skip it.
            shut = None;
        }
        Shots { open, shut, truth }
    }

    fn blink(&self, cast: &Cast, open: &Person, threads: &[Thread], width: usize, height: usize) -> Film {
        let shut = self.person(&cast.players[0], 0.0, self.at);
        let area = open.eye_area(&self.camera, width, height);
        expose(&self.camera, area, &shut, self.at, threads)
    }

    fn phone(&self, options: &BoothOptions, text: &str) -> (HeldPhone, Area) {
        let (w, h) = (options.width as f32, options.height as f32);
        let distance = options.screen.distance.clamp(4.0, 22.0);
        let unit = self.camera.focal / DISTANCE;
        // Beside the face, its code at the height of the chin.
        let (px, py) = (w * 0.5 + 2.45 * unit, h * 0.5 + 0.35 * unit);
        let k = distance / self.camera.focal;
        let at = v3(
            (px - self.camera.cx) * k,
            (self.camera.cy - py) * k,
            DISTANCE - distance,
        );
        let phone = HeldPhone::new(text, options.screen, at, &options.student, self.posing.light);
        let scale = self.camera.focal / distance;
        let area = Area::around(
            px - 1.3 * scale,
            py - 1.6 * scale,
            px + 2.6 * scale,
            h,
            w as usize,
            h as usize,
        );
        (phone, area)
    }

    fn truth(&self, options: &BoothOptions, person: &Person) -> Truth {
        let see = |p: V3| self.camera.project(person.head_to_body(p) + self.at);
        let eyes = person.pupils().map(see);
        let cheeks = person.head.cheeks(person.face).map(see);
        let chin = see(person.head.chin(person.face));
        let top = see(FOREHEAD);
        let corners = [cheeks[0], cheeks[1], chin, top, eyes[0], eyes[1]];
        let fold = |pick: fn((f32, f32)) -> f32| {
            corners
                .iter()
                .map(|c| pick(*c))
                .fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)))
        };
        let ((x0, x1), (y0, y1)) = (fold(|c| c.0), fold(|c| c.1));
        Truth {
            has_person: true,
            eyes,
            chin,
            cheeks,
            pose: Pose {
                yaw: self.posing.yaw,
                pitch: self.posing.pitch,
                roll: self.posing.roll,
            },
            face: FaceBox {
                x: x0,
                y: y0,
                width: x1 - x0,
                height: y1 - y0,
            },
            eyes_open: self.posing.eyes.clamp(0.0, 1.0),
            gaze: person.face.gaze,
            ..Truth::nobody(options.width, options.height, self.posing.light)
        }
    }
}

/// Row of the crown by the definition at [`Truth::crown_y`]; NaN if it lies above the frame or there is none.
fn crown(alpha: &GrayImage, truth: &Truth, shift: (f32, f32)) -> f32 {
    let [(ax, ay), (bx, by)] = truth.eyes;
    let (mx, my) = ((ax + bx) * 0.5 + shift.0, (ay + by) * 0.5 + shift.1);
    let lean = (by - ay) / (bx - ax).max(1e-3);
    let unit = truth.inter_eye();
    let stretch = ((unit * 0.5).round() as usize).max(1);
    let mut above = 0.0;
    for y in 0..alpha.height().min(my.max(0.0) as u32) {
        // The axis runs at a right angle to the line of the eyes.
        let axis = mx + (my - y as f32 - 0.5) * lean;
        let (x0, x1) = (
            (axis - unit).max(0.0) as u32,
            ((axis + unit).max(0.0) as u32).min(alpha.width()),
        );
        let row: Vec<f32> = (x0..x1)
            .map(|x| f32::from(alpha.get_pixel(x, y).0[0]) / 255.0)
            .collect();
        let share = row
            .windows(stretch)
            .map(|part| part.iter().sum::<f32>() / stretch as f32)
            .fold(0.0, f32::max);
        if share >= 0.5 {
            if y == 0 {
                return f32::NAN;
            }
            // Between the two rows' middles.
            return y as f32 + 0.5 - (share - 0.5) / (share - above).max(1e-3);
        }
        above = share;
    }
    f32::NAN
}

/// `front` over `back`.
fn over(back: &Film, front: &Film) -> Film {
    let (a, b) = (back.area, front.area);
    if b.w == 0 || b.h == 0 {
        return back.clone();
    }
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let area = Area {
        x,
        y,
        w: (a.x + a.w).max(b.x + b.w) - x,
        h: (a.y + a.h).max(b.y + b.h) - y,
    };
    let mut rgba = vec![[0.0; 4]; area.w * area.h];
    for film in [back, front] {
        for row in 0..film.area.h {
            for column in 0..film.area.w {
                let top = film.rgba[row * film.area.w + column];
                let at = (film.area.y + row - y) * area.w + film.area.x + column - x;
                let under = rgba[at];
                for k in 0..4 {
                    rgba[at][k] = top[k] + under[k] * (1.0 - top[3]);
                }
            }
        }
    }
    Film { area, rgba }
}

/// The part of a film inside `area`, which must lie within it.
fn cut(film: &Film, area: Area) -> Film {
    let mut rgba = Vec::with_capacity(area.w * area.h);
    for y in area.y..area.y + area.h {
        let start = (y - film.area.y) * film.area.w + area.x - film.area.x;
        rgba.extend_from_slice(&film.rgba[start..start + area.w]);
    }
    Film { area, rgba }
}

/// The same light and coverage, moved by parts of a pixel (Catmull-Rom). Beyond the frame the edge repeats.
fn translate(film: &Film, (dx, dy): (f32, f32), width: usize, height: usize) -> Film {
    if dx == 0.0 && dy == 0.0 || film.area.w == 0 {
        return film.clone();
    }
    let a = film.area;
    let at_edge = (a.x == 0, a.y == 0, a.x + a.w == width, a.y + a.h == height);
    let sample = |x: isize, y: isize| -> [f32; 4] {
        let (w, h) = (a.w as isize, a.h as isize);
        let outside =
            x < 0 && !at_edge.0 || y < 0 && !at_edge.1 || x >= w && !at_edge.2 || y >= h && !at_edge.3;
        if outside {
            [0.0; 4]
        } else {
            film.rgba[(y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize]
        }
    };
    let weights = |t: f32| {
        let (t2, t3) = (t * t, t * t * t);
        [
            -0.5 * t + t2 - 0.5 * t3,
            1.0 - 2.5 * t2 + 1.5 * t3,
            0.5 * t + 2.0 * t2 - 1.5 * t3,
            -0.5 * t2 + 0.5 * t3,
        ]
    };
    let (ix, iy) = ((-dx).floor(), (-dy).floor());
    let (wx, wy) = (weights(-dx - ix), weights(-dy - iy));
    let mut rgba = vec![[0.0; 4]; a.w * a.h];
    rgba.par_chunks_mut(a.w).enumerate().for_each(|(y, row)| {
        for (x, out) in row.iter_mut().enumerate() {
            let mut sum = [0.0; 4];
            for (j, v) in wy.iter().enumerate() {
                for (i, u) in wx.iter().enumerate() {
                    let s = sample(
                        x as isize + ix as isize + i as isize - 1,
                        y as isize + iy as isize + j as isize - 1,
                    );
                    (0..4).for_each(|k| sum[k] += s[k] * u * v);
                }
            }
            let alpha = sum[3].clamp(0.0, 1.0);
            *out = [sum[0].max(0.0), sum[1].max(0.0), sum[2].max(0.0), alpha];
        }
    });
    Film { area: a, rgba }
}

/// Out of focus: three box blurs, light and coverage alike.
fn blur(film: &Film, radius: f32, width: usize, height: usize) -> Film {
    let mut planes = vec![vec![0.0; width * height]; 4];
    for y in 0..film.area.h {
        for x in 0..film.area.w {
            let at = (film.area.y + y) * width + film.area.x + x;
            (0..4).for_each(|k| planes[k][at] = film.rgba[y * film.area.w + x][k]);
        }
    }
    let box_radius = ((radius * 0.58).round() as usize).max(1);
    let planes: Vec<Vec<f32>> = planes
        .into_par_iter()
        .map(|plane| (0..3).fold(plane, |p, _| room::box_blur(&p, width, height, box_radius)))
        .collect();
    let rgba = (0..width * height)
        .map(|i| {
            [
                planes[0][i],
                planes[1][i],
                planes[2][i],
                planes[3][i].clamp(0.0, 1.0),
            ]
        })
        .collect();
    Film {
        area: Area {
            x: 0,
            y: 0,
            w: width,
            h: height,
        },
        rgba,
    }
}

fn spread_alpha(film: &Film, width: usize, height: usize) -> Vec<f32> {
    let mut alpha = vec![0.0; width * height];
    for y in 0..film.area.h {
        for x in 0..film.area.w {
            alpha[(film.area.y + y) * width + film.area.x + x] = film.rgba[y * film.area.w + x][3];
        }
    }
    alpha
}

/// One pixel of film over the wall, through lens and tone curve.
fn print(wall: &Radiance, film: [f32; 4], shade: f32, x: usize, y: usize, tone: &Tone) -> [u8; 3] {
    let back = wall.rgb[y * wall.width + x];
    let lens = room::vignette(
        x as f32 + 0.5,
        y as f32 + 0.5,
        wall.width as f32,
        wall.height as f32,
    );
    let mut out = [0; 3];
    for k in 0..3 {
        let light = (film[k] + back[k] * (1.0 - shade) * (1.0 - film[3])) * lens;
        out[k] = (tone.value(light) + 0.5) as u8;
    }
    out
}

/// See [`Booth::own_colour`].
fn undiluted(film: &Film, options: &BoothOptions, tone: &Tone) -> RgbImage {
    let mut picture = RgbImage::new(options.width, options.height);
    let a = film.area;
    for (i, light) in film.rgba.iter().enumerate() {
        let share = light[3];
        if share <= 0.0 {
            continue;
        }
        let (x, y) = (a.x + i % a.w, a.y + i / a.w);
        let lens = room::vignette(
            x as f32 + 0.5,
            y as f32 + 0.5,
            options.width as f32,
            options.height as f32,
        );
        let own = [0, 1, 2].map(|k| (tone.value(light[k] / share * lens) + 0.5) as u8);
        picture.put_pixel(x as u32, y as u32, image::Rgb(own));
    }
    picture
}

fn shade_at(shadow: Option<&[f32]>, strength: f32, i: usize) -> f32 {
    shadow.map_or(0.0, |s| mix(0.0, s[i].min(1.0), strength.clamp(0.0, 1.0)))
}

/// Film over wall, as 8-bit picture and alpha.
fn develop(
    wall: &Radiance,
    film: &Film,
    shadow: Option<&[f32]>,
    options: &BoothOptions,
    tone: &Tone,
) -> (RgbImage, GrayImage) {
    let (width, height) = (wall.width, wall.height);
    let mut bytes = vec![0_u8; width * height * 3];
    let mut alpha = GrayImage::from_pixel(options.width, options.height, Luma([0]));
    let a = film.area;
    bytes
        .par_chunks_mut(width * 3)
        .zip(alpha.par_chunks_mut(width))
        .enumerate()
        .for_each(|(y, (row, cover))| {
            for x in 0..width {
                let inside = x >= a.x && y >= a.y && x < a.x + a.w && y < a.y + a.h;
                let pixel = if inside {
                    film.rgba[(y - a.y) * a.w + x - a.x]
                } else {
                    [0.0; 4]
                };
                let shade = shade_at(shadow, options.shadow, y * width + x);
                row[x * 3..x * 3 + 3].copy_from_slice(&print(wall, pixel, shade, x, y, tone));
                cover[x] = (pixel[3] * 255.0 + 0.5) as u8;
            }
        });
    (
        RgbImage::from_raw(options.width, options.height, bytes).unwrap_or_default(),
        alpha,
    )
}

/// The same for a film's area only.
fn patch(
    wall: &Radiance,
    film: &Film,
    shadow: Option<&[f32]>,
    options: &BoothOptions,
    tone: &Tone,
) -> (u32, u32, RgbImage) {
    let a = film.area;
    let picture = RgbImage::from_fn(a.w as u32, a.h as u32, |x, y| {
        let (px, py) = (a.x + x as usize, a.y + y as usize);
        let shade = shade_at(shadow, options.shadow, py * wall.width + px);
        image::Rgb(print(
            wall,
            film.rgba[y as usize * a.w + x as usize],
            shade,
            px,
            py,
            tone,
        ))
    });
    (a.x as u32, a.y as u32, picture)
}
