//! Where the bench's frames come from: folders, or a small renderer of a telephone before a webcam.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, imageops};
use qrcode::{EcLevel, QrCode, Version};

/// One frame and what it shows.
pub(crate) struct Frame {
    pub(crate) condition: String,
    /// Frames with the same scene belong together, in order; a still picture is a scene of its own.
    pub(crate) scene: String,
    pub(crate) first_of_scene: bool,
    pub(crate) luma: GrayImage,
    /// Nothing for a frame without a code.
    pub(crate) expected: Option<Vec<u8>>,
}

/// The frames of a folder, one after the other as they are asked for.
pub(crate) fn of(folder: &Path) -> Box<dyn Iterator<Item = Frame>> {
    match std::fs::read_to_string(folder.join("manifest.tsv")) {
        Ok(manifest) => listed(folder.to_owned(), &manifest),
        Err(_) => pictures(folder),
    }
}

fn listed(folder: PathBuf, manifest: &str) -> Box<dyn Iterator<Item = Frame>> {
    let mut last = String::new();
    let rows: Vec<(Vec<String>, String, bool)> = manifest
        .lines()
        .map(|line| {
            let row: Vec<String> = line.split('\t').map(str::to_owned).collect();
            let scene = match row[0].rsplit_once('_') {
                // A camera before an empty booth: one frame after the other.
                _ if row[2] == "no_code" => row[2].clone(),
                Some((scene, number)) if number.parse::<u32>().is_ok() => scene.to_owned(),
                _ => row[0].clone(),
            };
            let scene = format!("{} {scene}", folder.display());
            let first = scene != last;
            last.clone_from(&scene);
            (row, scene, first)
        })
        .collect();
    Box::new(rows.into_iter().map(move |(row, scene, first_of_scene)| {
        let condition = if row[2].starts_with("combo") || row[2] == "no_code" {
            row[2].clone()
        } else {
            format!("{} {}", row[2], row[3])
        };
        let luma = load(&folder.join(&row[4]));
        let expected = (!row[5].is_empty()).then(|| hex(&row[5]));
        Frame {
            condition,
            scene,
            first_of_scene,
            luma,
            expected,
        }
    }))
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex digits"))
        .collect()
}

fn pictures(folder: &Path) -> Box<dyn Iterator<Item = Frame>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|ext| ext == "png" || ext == "jpg"))
        .collect();
    files.sort();
    let condition = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Box::new(files.into_iter().filter_map(move |file| {
        let expected = ["txt", "bin"]
            .iter()
            .find_map(|ext| std::fs::read(file.with_extension(ext)).ok())?;
        Some(Frame {
            condition: condition.clone(),
            scene: file.display().to_string(),
            first_of_scene: true,
            luma: load(&file),
            expected: Some(expected),
        })
    }))
}

fn load(file: &Path) -> GrayImage {
    if file.extension().is_some_and(|ext| ext == "pgm") {
        return pgm(&std::fs::read(file).expect("a frame of the manifest"))
            .expect("a binary PGM with 8 bits");
    }
    image::open(file).expect("a picture").to_luma8()
}

/// Binary PGM: `P5`, width, height, 255, one white byte, samples.
fn pgm(bytes: &[u8]) -> Option<GrayImage> {
    let mut numbers = [0_u32; 3];
    let mut at = 2;
    for number in &mut numbers {
        while bytes.get(at)?.is_ascii_whitespace() {
            at += 1;
        }
        while let digit @ b'0'..=b'9' = bytes.get(at)? {
            *number = *number * 10 + u32::from(digit - b'0');
            at += 1;
        }
    }
    let samples = bytes.get(at + 1..)?;
    GrayImage::from_raw(numbers[0], numbers[1], samples.to_vec())
}

/// A small deterministic generator (xorshift*), so that every run shows the same frames.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / 16_777_216.0
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// About normal, sigma 1: twelve dice.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}

/// How a rendered scene is shown: pixels a module, tilt in radians, roll in radians, blur sigma in pixels,
/// exposure gain, noise sigma in levels, strength of a lamp's reflection, frames.
#[derive(Clone)]
struct Shown {
    name: Cow<'static, str>,
    module: [f32; 2],
    tilt: f32,
    roll: f32,
    blur: [f32; 2],
    gain: [f32; 2],
    noise: f32,
    lamp: f32,
    inverted: bool,
    frames: u16,
}

const PLAIN: Shown = Shown {
    name: Cow::Borrowed("plain"),
    module: [4.0, 6.0],
    tilt: 0.05,
    roll: 0.1,
    blur: [0.5, 0.7],
    gain: [0.7, 0.8],
    noise: 3.0,
    lamp: 0.0,
    inverted: false,
    frames: 1,
};

const CONDITIONS: [Shown; 9] = [
    PLAIN,
    Shown {
        name: Cow::Borrowed("far"),
        module: [1.6, 2.2],
        ..PLAIN
    },
    Shown {
        name: Cow::Borrowed("blurred"),
        blur: [1.6, 2.2],
        module: [4.0, 4.0],
        ..PLAIN
    },
    Shown {
        name: Cow::Borrowed("noisy"),
        noise: 22.0,
        module: [4.0, 4.0],
        ..PLAIN
    },
    Shown {
        name: Cow::Borrowed("under-exposed"),
        gain: [0.02, 0.05],
        noise: 5.0,
        ..PLAIN
    },
    Shown {
        name: Cow::Borrowed("dark mode"),
        inverted: true,
        ..PLAIN
    },
    Shown {
        name: Cow::Borrowed("lamp"),
        lamp: 1.2,
        ..PLAIN
    },
    Shown {
        name: Cow::Borrowed("combo_typical"),
        module: [3.0, 5.0],
        tilt: 0.4,
        roll: 0.4,
        blur: [0.6, 1.2],
        noise: 6.0,
        lamp: 0.8,
        frames: 5,
        ..PLAIN
    },
    Shown {
        name: Cow::Borrowed("combo_hard"),
        module: [2.2, 4.0],
        tilt: 0.65,
        roll: 3.0,
        blur: [0.8, 1.7],
        noise: 9.0,
        lamp: 2.0,
        gain: [0.1, 0.6],
        frames: 8,
        ..PLAIN
    },
];

/// Scenes a condition.
const SCENES: u16 = 10;

/// Scenes at a distance and a focus.
const SCENES_AT_A_DISTANCE: u16 = 6;

/// Frames without a code.
const EMPTY: u16 = 30;

/// A telephone ever farther away: pixels a module.
const DISTANCES: [f32; 11] = [1.1, 1.3, 1.5, 1.7, 1.9, 2.1, 2.4, 2.8, 3.2, 3.8, 4.5];

/// A lens ever less sharp: blur sigma in pixels.
const FOCUS: [f32; 3] = [0.5, 0.9, 1.4];

/// Frames of a telephone at different distances, for `sight`'s bound of what is too small.
pub(crate) fn distances() -> impl Iterator<Item = Frame> {
    FOCUS.into_iter().flat_map(|blur| {
        DISTANCES.into_iter().flat_map(move |module| {
            let shown = Shown {
                name: Cow::Owned(format!("blur {blur} px, module {module} px")),
                module: [module; 2],
                blur: [blur; 2],
                tilt: 0.2,
                noise: 5.0,
                frames: 4,
                ..PLAIN
            };
            scenes(shown, SCENES_AT_A_DISTANCE)
        })
    })
}

/// Frames of the bench's own, 720p, the same in every run.
pub(crate) fn rendered() -> impl Iterator<Item = Frame> {
    CONDITIONS
        .into_iter()
        .flat_map(|shown| scenes(shown, SCENES))
        .chain((0..EMPTY).map(|scene| Frame {
            condition: "no_code".to_owned(),
            scene: "empty".to_owned(),
            first_of_scene: scene == 0,
            luma: room(u64::from(scene) + 1),
            expected: None,
        }))
}

/// Scenes shown in this way, with symbols of four sizes in turn.
fn scenes(shown: Shown, count: u16) -> impl Iterator<Item = Frame> {
    (0..count).flat_map(move |scene| {
        let shown = &shown;
        let seed = u64::from(scene) * 7919 + shown.name.bytes().map(u64::from).sum::<u64>();
        let mut dice = Dice(seed * 0x9e37_79b9 + 1);
        let version = [3, 6, 10, 15][usize::from(scene) % 4];
        let text: Vec<u8> = (0..version * 6)
            .map(|_| b'0' + (dice.unit() * 43.0) as u8)
            .collect();
        let code = QrCode::with_version(&text, Version::Normal(version), EcLevel::L).expect("it fits");
        let modules = code.width();
        let dark: Vec<bool> = code
            .to_colors()
            .iter()
            .map(|color| *color == qrcode::Color::Dark)
            .collect();
        let view = View::dice(shown, &mut dice);
        (0..shown.frames)
            .map(move |number| Frame {
                condition: shown.name.to_string(),
                scene: format!("{} {scene}", shown.name),
                first_of_scene: number == 0,
                luma: view.jittered(&mut dice).draw(shown, &dark, modules, &mut dice),
                expected: Some(text.clone()),
            })
            .collect::<Vec<_>>()
    })
}

/// A room with shelves and boxes and no code.
fn room(seed: u64) -> GrayImage {
    let mut dice = Dice(seed * 77_777);
    let mut luma = GrayImage::from_pixel(1280, 720, Luma([90]));
    for _ in 0..80 {
        let (x, y) = (dice.between(0.0, 1240.0) as u32, dice.between(0.0, 690.0) as u32);
        let (width, height) = (dice.between(5.0, 160.0) as u32, dice.between(5.0, 120.0) as u32);
        let level = Luma([dice.between(0.0, 255.0) as u8]);
        for (x, y) in (y..(y + height).min(720)).flat_map(|y| (x..(x + width).min(1280)).map(move |x| (x, y)))
        {
            luma.put_pixel(x, y, level);
        }
    }
    for pixel in luma.pixels_mut() {
        pixel.0[0] = (f32::from(pixel.0[0]) + 3.0 * dice.normal()).clamp(0.0, 255.0) as u8;
    }
    luma
}

/// A pinhole view of the screen: rotation and place of the code's middle.
#[derive(Clone, Copy)]
struct View {
    module: f32,
    yaw: f32,
    pitch: f32,
    roll: f32,
    place: [f32; 2],
    blur: f32,
    gain: f32,
}

impl View {
    fn dice(shown: &Shown, dice: &mut Dice) -> Self {
        let toward = dice.between(0.0, std::f32::consts::TAU);
        let tilt = dice.between(shown.tilt * 0.4, shown.tilt);
        Self {
            module: dice.between(shown.module[0], shown.module[1]),
            yaw: tilt * toward.cos(),
            pitch: tilt * toward.sin(),
            roll: dice.between(-shown.roll, shown.roll),
            place: [dice.between(600.0, 680.0), dice.between(340.0, 380.0)],
            blur: dice.between(shown.blur[0], shown.blur[1]),
            gain: dice.between(shown.gain[0], shown.gain[1]),
        }
    }

    /// A hand's trembling between two frames.
    fn jittered(mut self, dice: &mut Dice) -> Self {
        self.yaw += dice.between(-0.05, 0.05);
        self.pitch += dice.between(-0.05, 0.05);
        self.roll += dice.between(-0.05, 0.05);
        self.place = self.place.map(|place| place + dice.between(-12.0, 12.0));
        self.blur *= dice.between(0.8, 1.3);
        self
    }

    /// Casts a ray for four sub-samples of every pixel; light is linear until the camera's curve.
    fn draw(self, shown: &Shown, dark: &[bool], modules: usize, dice: &mut Dice) -> GrayImage {
        const FOCAL: f32 = 1000.0; // pixels: a 65° webcam
        let ((sy, cy), (sp, cp), (sr, cr)) = (self.yaw.sin_cos(), self.pitch.sin_cos(), self.roll.sin_cos());
        let across = [cr * cy, cr * sp * sy + sr * cp, sr * sp - cr * cp * sy];
        let down = [-sr * cy, cr * cp - sr * sp * sy, cr * sp + sr * cp * sy];
        let normal = [
            across[1] * down[2] - across[2] * down[1],
            across[2] * down[0] - across[0] * down[2],
            across[0] * down[1] - across[1] * down[0],
        ];
        let side = modules as f32;
        let module = self.module.min(640.0 / side);
        let distance = FOCAL / module; // in modules
        let lamp = [
            self.place[0] + 0.2 * side * module,
            self.place[1] - 0.1 * side * module,
        ];
        let spread = 0.25 * side * module;
        let mut light: Vec<f32> = Vec::with_capacity(1280 * 720);
        for y in 0..720_u16 {
            for x in 0..1280_u16 {
                let mut sum = 0.0;
                for sub in 0..4_u16 {
                    let px = f32::from(x) + 0.25 + 0.5 * f32::from(sub % 2) - self.place[0];
                    let py = f32::from(y) + 0.25 + 0.5 * f32::from(sub / 2) - self.place[1];
                    let ray = [px / FOCAL, py / FOCAL, 1.0];
                    let reach = distance * normal[2] / dot(ray, normal);
                    let hit = [ray[0] * reach, ray[1] * reach, (ray[2]) * reach - distance];
                    sum += shade(
                        dot(hit, across) + side / 2.0,
                        dot(hit, down) + side / 2.0,
                        dark,
                        modules,
                        shown.inverted,
                    );
                }
                let (dx, dy) = (
                    (f32::from(x) - lamp[0]) / spread,
                    (f32::from(y) - lamp[1]) / spread,
                );
                light.push(sum / 4.0 + shown.lamp * (-(dx * dx + dy * dy)).exp());
            }
        }
        let light = image::ImageBuffer::<Luma<f32>, Vec<f32>>::from_raw(1280, 720, light).expect("720p");
        let light = imageops::blur(&light, self.blur);
        GrayImage::from_fn(1280, 720, |x, y| {
            let level = (light.get_pixel(x, y).0[0] * self.gain)
                .clamp(0.0, 1.0)
                .powf(1.0 / 2.2)
                * 255.0;
            Luma([(level + shown.noise * dice.normal()).clamp(0.0, 255.0) as u8])
        })
    }
}

fn dot(one: [f32; 3], other: [f32; 3]) -> f32 {
    one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
}

/// Linear light of the screen at a place in modules: the code, its quiet zone, the page, the room.
fn shade(u: f32, v: f32, dark: &[bool], modules: usize, inverted: bool) -> f32 {
    let side = modules as f32;
    let (light, ink, page) = if inverted {
        (0.01, 0.95, 0.01)
    } else {
        (0.95, 0.005, 0.93)
    };
    if (0.0..side).contains(&u) && (0.0..side).contains(&v) {
        return if dark[v as usize * modules + u as usize] {
            ink
        } else {
            light
        };
    }
    if (-4.0..side + 4.0).contains(&u) && (-4.0..side + 4.0).contains(&v) {
        return light;
    }
    if (-8.0..side + 8.0).contains(&u) && (-20.0..side + 25.0).contains(&v) {
        return page;
    }
    0.1
}
