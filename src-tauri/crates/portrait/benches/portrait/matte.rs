//! The cut against the truth and against pymatting's closed form on the same trimaps.
//!
//! 48 students are rendered: every hair before every wall, once with light and once with dark skin, white and dark
//! clothes in turn. Each is parted without and with an empty-wall picture. The peer is `estimate_alpha_cf` and
//! `estimate_foreground_ml` of pymatting 1.1.16 in linear light, run by `pymatting_peer.py` in a virtual environment
//! under `target/` that this section makes itself; where it cannot be had, our own figures stand alone.
//!
//! Two trimaps, so that nobody can say it was chosen: *outline*, what our own matte starts from before it looks at a
//! colour ([`portrait::trimap`]), and *truth*, the true mixed pixels grown by [`GROWN`] pixels. On each trimap both
//! are given its known pixels: ours is overwritten there. *Ours, alone* is the matte as the station uses it, no
//! trimap given.
//!
//! - SAD: sum of |coverage − true coverage| (0–1) over the part of the capture a standard cut can show.
//! - Composite error: mean absolute difference in 8-bit sRGB levels, over the channels and the hair band (true
//!   coverage 1–254, grown by 2 pixels), of the person before the spec's blue, mixed in linear light. The true
//!   person's colour is the rendered one; where a pixel is all person it is the capture's own, noise and all.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{GrayImage, Luma, RgbImage, RgbaImage, imageops};
use portrait::{Matte, Models, composite};
use virtual_booth::{Booth, BoothOptions, Clothes, Hair, Posing, Skin, Student, Truth, Wall};

use crate::table::{quantile, table};

/// Pixels by which the truth's trimap is open on either side of a mixed pixel: a tenth of the inter-eye distance, as
/// a careful person would paint it.
const GROWN: usize = 10;
/// How far the widest cut reaches from between the eyes, in inter-eye distances: to each side, above, below. What lies
/// beyond no finished photo shows.
const SHOWN: [f32; 3] = [2.9, 3.7, 5.4];
/// The spec's light blue.
const BLUE: [u8; 3] = [100, 197, 255];
const PEER: &str = "pymatting==1.1.16";

/// One student before one wall.
struct Case {
    name: String,
    hair: Hair,
    wall: Wall,
    pale: bool,
    white: bool,
    options: BoothOptions,
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (h, hair) in Hair::ALL.into_iter().enumerate() {
        for (w, wall) in Wall::ALL.into_iter().enumerate() {
            for pale in [true, false] {
                let white = pale == ((h + w) % 2 == 0);
                let seed = all.len() as u64 + 1;
                let student = Student {
                    hair,
                    skin: if pale { Skin::Light } else { Skin::Dark },
                    clothes: if white {
                        Clothes::WHITE_SHIRT
                    } else {
                        Clothes::default()
                    },
                    ..Student::seeded(seed)
                };
                let cloth = if white { "white" } else { "dark" };
                let skin = if pale { "light" } else { "dark" };
                all.push(Case {
                    name: format!("{hair:?}-{wall:?}-{skin}-skin-{cloth}-clothes").to_lowercase(),
                    hair,
                    wall,
                    pale,
                    white,
                    options: BoothOptions {
                        seed,
                        student,
                        wall,
                        ..BoothOptions::default()
                    },
                });
            }
        }
    }
    all
}

/// What is known of one case, cut to the part a standard photo can show.
struct Scene {
    photo: RgbImage,
    plate: RgbImage,
    alpha: GrayImage,
    own: RgbImage,
    /// The cut's place in the capture: left, top, width, height.
    part: [u32; 4],
}

fn render(case: &Case) -> Scene {
    let posing = Posing::default();
    let (photo, truth): (RgbImage, Truth) = Booth::still(&case.options, Some(&posing));
    let (plate, _) = Booth::still(
        &BoothOptions {
            noise: 1.1,
            ..case.options.clone()
        },
        None,
    );
    let own = Booth::own_colour(&case.options, &posing);
    let [l, r] = truth.eyes;
    let (x, y, unit) = (f32::midpoint(l.0, r.0), f32::midpoint(l.1, r.1), r.0 - l.0);
    let [across, above, below] = SHOWN.map(|reach| reach * unit);
    let (left, top) = ((x - across).max(0.0) as u32, (y - above).max(0.0) as u32);
    let right = ((x + across) as u32).min(photo.width());
    let low = ((y + below) as u32).min(photo.height());
    Scene {
        part: [left, top, right - left, low - top],
        alpha: truth.alpha,
        photo,
        plate,
        own,
    }
}

/// The scene from the last run's files, or rendered and kept.
fn scene(case: &Case, folder: &Path, again: bool) -> Scene {
    let file = |name: &str| folder.join(name);
    let names = ["whole.png", "plate.png", "own.png", "truth.png"];
    if again && names.iter().all(|n| file(n).is_file()) {
        let rgb = |name: &str| image::open(file(name)).unwrap().into_rgb8();
        let line = std::fs::read_to_string(file("part.txt")).unwrap();
        let part: Vec<u32> = line.split_whitespace().map(|v| v.parse().unwrap()).collect();
        return Scene {
            photo: rgb("whole.png"),
            plate: rgb("plate.png"),
            own: rgb("own.png"),
            alpha: image::open(file("truth.png")).unwrap().into_luma8(),
            part: [part[0], part[1], part[2], part[3]],
        };
    }
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    let scene = render(case);
    scene.photo.save(file("whole.png")).unwrap();
    scene.plate.save(file("plate.png")).unwrap();
    scene.own.save(file("own.png")).unwrap();
    scene.alpha.save(file("truth.png")).unwrap();
    let [x, y, w, h] = scene.part;
    std::fs::write(file("part.txt"), format!("{x} {y} {w} {h}")).unwrap();
    imageops::crop_imm(&scene.photo, x, y, w, h)
        .to_image()
        .save(file("photo.png"))
        .unwrap();
    scene
}

/// Within `r` pixels (square) of a mixed pixel.
fn near_mixed(alpha: &GrayImage, r: usize) -> Vec<bool> {
    let (w, h) = (alpha.width() as usize, alpha.height() as usize);
    let mixed: Vec<bool> = alpha.pixels().map(|p| (1..255).contains(&p.0[0])).collect();
    let mut wide = vec![false; w * h];
    for y in 0..h {
        for x in 0..w {
            wide[y * w + x] = (x.saturating_sub(r)..=(x + r).min(w - 1)).any(|x| mixed[y * w + x]);
        }
    }
    (0..w * h)
        .map(|i| {
            let (x, y) = (i % w, i / w);
            (y.saturating_sub(r)..=(y + r).min(h - 1)).any(|y| wide[y * w + x])
        })
        .collect()
}

/// The true mixed pixels grown by `r`.
fn from_truth(alpha: &GrayImage, r: usize) -> GrayImage {
    let open = near_mixed(alpha, r);
    GrayImage::from_fn(alpha.width(), alpha.height(), |x, y| {
        if open[(y * alpha.width() + x) as usize] {
            Luma([128])
        } else {
            *alpha.get_pixel(x, y)
        }
    })
}

/// How far a matte is from the truth.
#[derive(Clone, Copy)]
struct Errors {
    sad: f64,
    composite: f64,
}

/// `blue` is the truth's composite; both are of the part's size.
struct Judge {
    alpha: GrayImage,
    blue: RgbImage,
    band: Vec<bool>,
}

impl Judge {
    fn of(scene: &Scene) -> Judge {
        let alpha = cut(&scene.alpha, scene.part);
        let (photo, own) = (cut(&scene.photo, scene.part), cut(&scene.own, scene.part));
        let foreground = RgbImage::from_fn(alpha.width(), alpha.height(), |x, y| {
            let from = if alpha.get_pixel(x, y).0[0] == 255 {
                &photo
            } else {
                &own
            };
            *from.get_pixel(x, y)
        });
        Judge {
            blue: on_blue(&alpha, &foreground),
            band: near_mixed(&alpha, 2),
            alpha,
        }
    }

    fn judge(&self, alpha: &GrayImage, foreground: &RgbImage) -> Errors {
        let off = |a: u8, b: u8| f64::from(a.abs_diff(b));
        let sad = alpha
            .iter()
            .zip(self.alpha.iter())
            .map(|(a, b)| off(*a, *b))
            .sum::<f64>()
            / 255.0;
        let blue = on_blue(alpha, foreground);
        let (mut sum, mut count) = (0.0, 0.0);
        for ((a, b), _) in blue
            .pixels()
            .zip(self.blue.pixels())
            .zip(&self.band)
            .filter(|(_, b)| **b)
        {
            sum += (0..3).map(|c| off(a.0[c], b.0[c])).sum::<f64>();
            count += 3.0;
        }
        Errors {
            sad,
            composite: sum / f64::max(count, 1.0),
        }
    }
}

fn on_blue(alpha: &GrayImage, foreground: &RgbImage) -> RgbImage {
    composite(
        &Matte {
            alpha: alpha.clone(),
            foreground: foreground.clone(),
            method: portrait::Method::ColoursOnly,
            notes: Vec::new(),
        },
        BLUE,
    )
}

fn cut<P: image::Pixel + 'static>(
    picture: &image::ImageBuffer<P, Vec<P::Subpixel>>,
    [x, y, w, h]: [u32; 4],
) -> image::ImageBuffer<P, Vec<P::Subpixel>> {
    imageops::crop_imm(picture, x, y, w, h).to_image()
}

/// A matte with a trimap's known pixels put in: they are given to everybody.
fn given(alpha: &GrayImage, trimap: &GrayImage) -> GrayImage {
    GrayImage::from_fn(alpha.width(), alpha.height(), |x, y| {
        let known = *trimap.get_pixel(x, y);
        if known.0[0] == 128 {
            *alpha.get_pixel(x, y)
        } else {
            known
        }
    })
}

/// The errors of one case: ours alone without and with a plate, then for each trimap ours without and with a plate,
/// and the peer's.
struct Row {
    case: Case,
    alone: [Errors; 2],
    trimaps: [([Errors; 2], Option<Errors>); 2],
    notes: Vec<String>,
}

const TRIMAPS: [&str; 2] = ["outline", "truth"];

/// The interpreter with the peer in it, made when it is first wanted.
fn peer() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/pymatting");
    let (python, bin) = if cfg!(windows) {
        ("python", "Scripts/python.exe")
    } else {
        ("python3", "bin/python")
    };
    let inside = home.join(bin);
    let run = |program: &Path, arguments: &[&std::ffi::OsStr]| {
        let done = Command::new(program).args(arguments).output();
        match done {
            Ok(out) if out.status.success() => Ok(()),
            Ok(out) => Err(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
            Err(error) => Err(format!("{}: {error}", program.display())),
        }
    };
    if run(&inside, &["-c".as_ref(), "import pymatting, PIL".as_ref()]).is_err() {
        run(
            python.as_ref(),
            &["-m".as_ref(), "venv".as_ref(), home.as_os_str()],
        )?;
        let arguments = ["-m", "pip", "install", "--quiet", PEER, "pillow"].map(AsRef::as_ref);
        run(&inside, &arguments)?;
    }
    Ok(inside)
}

/// The section. With `again` the renders and the peer's mattes of the last run are used where they are there: for
/// work on the matte itself. `only` picks the cases whose name holds it.
pub(crate) fn tell(models: &Models, again: bool, only: &str) -> String {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matte");
    let mut rows = Vec::new();
    let mut judges = Vec::new();
    for case in cases().into_iter().filter(|c| c.name.contains(only)) {
        let folder = home.join(&case.name);
        let scene = scene(&case, &folder, again);
        let judge = Judge::of(&scene);
        let trimaps = [
            cut(&portrait::trimap(models, &scene.photo), scene.part),
            from_truth(&judge.alpha, GROWN),
        ];
        for (name, trimap) in TRIMAPS.iter().zip(&trimaps) {
            let file = folder.join(format!("trimap-{name}.png"));
            if !(again && file.is_file()) {
                trimap.save(file).unwrap();
            }
        }
        let trimaps = TRIMAPS.map(|name| {
            image::open(folder.join(format!("trimap-{name}.png")))
                .unwrap()
                .into_luma8()
        });
        let ours = [None, Some(&scene.plate)].map(|plate| portrait::matte(models, &scene.photo, plate));
        let parts = ours
            .each_ref()
            .map(|m| (cut(&m.alpha, scene.part), cut(&m.foreground, scene.part)));
        for ((alpha, foreground), name) in parts.iter().zip(["ours", "ours-plate"]) {
            alpha.save(folder.join(format!("{name}.png"))).unwrap();
            on_blue(alpha, foreground)
                .save(folder.join(format!("{name}-blue.png")))
                .unwrap();
        }
        judge.blue.save(folder.join("truth-blue.png")).unwrap();
        rows.push(Row {
            case,
            alone: parts.each_ref().map(|(a, f)| judge.judge(a, f)),
            trimaps: trimaps.map(|t| (parts.each_ref().map(|(a, f)| judge.judge(&given(a, &t), f)), None)),
            notes: ours.into_iter().flat_map(|m| m.notes).collect(),
        });
        judges.push(judge);
    }
    let mut out = String::new();
    match peer() {
        Ok(python) => {
            let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/portrait/pymatting_peer.py");
            let done = Command::new(python).arg(program).arg(&home).status();
            if !done.is_ok_and(|s| s.success()) {
                out.push_str("The peer stopped before its end; what it finished is compared.\n\n");
            }
            for (row, judge) in rows.iter_mut().zip(&judges) {
                for (i, name) in TRIMAPS.iter().enumerate() {
                    let file = home.join(&row.case.name).join(format!("peer-{name}.png"));
                    let Ok(picture) = image::open(file) else { continue };
                    let (alpha, foreground) = layers(&picture.into_rgba8());
                    row.trimaps[i].1 = Some(judge.judge(&alpha, &foreground));
                }
            }
        }
        Err(why) => {
            let _ = writeln!(
                out,
                "pymatting could not be had ({why}); our own figures stand alone.\n"
            );
        }
    }
    out.push_str(&tables(&rows));
    out
}

fn layers(picture: &RgbaImage) -> (GrayImage, RgbImage) {
    let (w, h) = picture.dimensions();
    (
        GrayImage::from_fn(w, h, |x, y| Luma([picture.get_pixel(x, y).0[3]])),
        RgbImage::from_fn(w, h, |x, y| {
            let [r, g, b, _] = picture.get_pixel(x, y).0;
            image::Rgb([r, g, b])
        }),
    )
}

/// One of the two errors.
type Figure = fn(&Errors) -> f64;

fn tables(rows: &[Row]) -> String {
    let mut out = String::new();
    let mean = |rows: &[&Row], of: &dyn Fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter_map(|r| of(r)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    let mut groups: Vec<(String, Vec<&Row>)> = vec![("all".into(), rows.iter().collect())];
    let mut group = |name: String, wanted: &dyn Fn(&Case) -> bool| {
        groups.push((name, rows.iter().filter(|r| wanted(&r.case)).collect()));
    };
    for hair in Hair::ALL {
        group(format!("hair: {hair:?}"), &|c| c.hair == hair);
    }
    for wall in Wall::ALL {
        group(format!("wall: {wall:?}"), &|c| c.wall == wall);
    }
    group("light skin".into(), &|c| c.pale);
    group("dark skin".into(), &|c| !c.pale);
    group("white clothes".into(), &|c| c.white);
    group("dark clothes".into(), &|c| !c.white);
    group("white clothes, white wall".into(), &|c| {
        c.white && c.wall == Wall::White
    });
    groups.retain(|(_, rows)| !rows.is_empty());
    let pick: [(&str, &str, Figure); 2] = [
        ("SAD, pixels", "SAD", |e| e.sad),
        (
            "Composite error in the hair band, levels",
            "composite error",
            |e| e.composite,
        ),
    ];
    for (title, short, of) in pick {
        let lines: Vec<Vec<String>> = groups
            .iter()
            .map(|(name, rows)| {
                let mut line = vec![name.clone(), rows.len().to_string()];
                line.extend((0..2).map(|p| format!("{:.1}", mean(rows, &|r| Some(of(&r.alone[p]))))));
                for t in 0..2 {
                    let ours = mean(rows, &|r| Some(of(&r.trimaps[t].0[0])));
                    let plate = mean(rows, &|r| Some(of(&r.trimaps[t].0[1])));
                    let peer = mean(rows, &|r| r.trimaps[t].1.as_ref().map(of));
                    line.push(format!("{ours:.1} / {plate:.1} / {peer:.1}"));
                    line.push(format!("{:.2}", ours / peer));
                }
                line
            })
            .collect();
        let columns = [
            "",
            "captures",
            "ours alone",
            "ours alone, plate",
            "outline trimap: ours / plate / peer",
            "ours : peer",
            "truth trimap: ours / plate / peer",
            "ours : peer",
        ];
        out.push_str(&table(&format!("{title} (mean of a capture)"), &columns, &lines));
        for (t, trimap) in TRIMAPS.iter().enumerate() {
            let ratios: Vec<(f64, &str)> = rows
                .iter()
                .filter_map(|r| {
                    Some((
                        of(&r.trimaps[t].0[0]) / of(r.trimaps[t].1.as_ref()?),
                        r.case.name.as_str(),
                    ))
                })
                .collect();
            let all: Vec<f64> = ratios.iter().map(|r| r.0).collect();
            let worse: Vec<String> = ratios
                .iter()
                .filter(|r| r.0 > 1.0)
                .map(|r| format!("{} ({:.2})", r.1, r.0))
                .collect();
            let _ = write!(
                out,
                "\n{short}, {trimap} trimap, ours : peer a capture: median {:.2}, p95 {:.2}, largest {:.2}; worse on {} \
                 of {}: {}\n",
                quantile(&all, 0.5),
                quantile(&all, 0.95),
                quantile(&all, 1.0),
                worse.len(),
                ratios.len(),
                worse.join(", "),
            );
        }
        out.push('\n');
    }
    for row in rows.iter().filter(|r| !r.notes.is_empty()) {
        let _ = writeln!(out, "{}: {}", row.case.name, row.notes.join("; "));
    }
    out
}
