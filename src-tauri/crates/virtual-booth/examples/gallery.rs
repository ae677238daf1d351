//! Writes pictures of the virtual booth to look at: `cargo run -p virtual-booth --example gallery -- DIR [WHAT]`.
//!
//! `WHAT` is `sit` (one frame), `acts`, `cuts`, `people`, `faults` or `all`; each picture comes with its time to render.

use std::path::Path;
use std::time::Instant;

use virtual_booth::{
    Act, Booth, BoothOptions, Clothes, Covering, Frame, Garment, Hair, HairColour, Headwear, Posing, Skin,
    Student, Wall,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let dir = words.next().unwrap_or_else(|| "gallery".into());
    let what = words.next().unwrap_or_else(|| "all".into());
    std::fs::create_dir_all(&dir)?;
    let dir = Path::new(&dir);
    let wanted = |name: &str| what == name || what == "all";
    if wanted("sit") {
        shoot(dir, "sit", BoothOptions::default(), &Act::Sit)?;
    }
    if wanted("speed") {
        speed(1280, 720);
        speed(1920, 1080);
    }
    if wanted("acts") {
        for act in Act::ALL {
            shoot(dir, &format!("act-{act:?}"), BoothOptions::default(), &act)?;
        }
        let code = Act::ShowCode(format!("CHSI1:{}", "Ab3-xY_9".repeat(8)));
        shoot(dir, "act-ShowCode", BoothOptions::default(), &code)?;
    }
    if wanted("cuts") {
        for (i, hair) in Hair::ALL.into_iter().enumerate() {
            let student = Student {
                seed: 20 + i as u64,
                hair,
                skin: Skin::ALL[i % 5],
                glasses: i % 2 == 1,
                clothes: Clothes {
                    garment: Garment::ALL[i % 3],
                    ..Clothes::default()
                },
                hair_colour: HairColour::ALL[[0, 1, 0, 0, 2, 4][i]],
                ..Student::default()
            };
            let wall = Wall::ALL[i % 4];
            shoot(
                dir,
                &format!("cut-{hair:?}"),
                BoothOptions {
                    student,
                    wall,
                    ..BoothOptions::default()
                },
                &Act::Sit,
            )?;
        }
        let student = Student {
            clothes: Clothes::WHITE_SHIRT,
            ..Student::default()
        };
        shoot(
            dir,
            "white-shirt",
            BoothOptions {
                student,
                ..BoothOptions::default()
            },
            &Act::Sit,
        )?;
    }
    if wanted("faults") {
        for (name, student, posing) in faults() {
            let options = BoothOptions {
                student,
                ..BoothOptions::default()
            };
            shoot(dir, &format!("fault-{name}"), options, &Act::Posed(posing))?;
        }
    }
    if wanted("people") {
        for seed in 0..8 {
            let student = Student::seeded(seed);
            shoot(
                dir,
                &format!("person-{seed}"),
                BoothOptions {
                    student,
                    ..BoothOptions::default()
                },
                &Act::Sit,
            )?;
        }
    }
    Ok(())
}

/// What the rule about the face forbids, one fault each.
fn faults() -> Vec<(String, Student, Posing)> {
    let sit = Posing::default;
    let one = |hair| Student {
        hair,
        ..Student::seeded(4)
    };
    let worn = |frame, tint, glare| Student {
        glasses: true,
        frame,
        tint,
        glare,
        ..Student::seeded(4)
    };
    let mut all = vec![
        (
            "gaze".to_owned(),
            Student::seeded(4),
            Posing {
                gaze: [22.0, 0.0],
                ..sit()
            },
        ),
        (
            "red-eyes".to_owned(),
            Student::seeded(4),
            Posing {
                red_eyes: 1.0,
                ..sit()
            },
        ),
        (
            "teeth".to_owned(),
            Student::seeded(4),
            Posing { mouth: 0.2, ..sit() },
        ),
        ("heavy".to_owned(), worn(Frame::Heavy, [1.0; 3], 0.0), sit()),
        ("slipped".to_owned(), worn(Frame::Slipped, [1.0; 3], 0.0), sit()),
        ("glare".to_owned(), worn(Frame::Thin, [1.0; 3], 0.5), sit()),
        (
            "tinted".to_owned(),
            worn(Frame::Thin, [0.42, 0.34, 0.28], 0.0),
            sit(),
        ),
    ];
    for hair in [Hair::Short, Hair::Bob, Hair::Long] {
        for (what, fringe) in [("brows", 0.22), ("eyes", -0.1)] {
            let student = Student {
                fringe: Some(fringe),
                ..one(hair)
            };
            all.push((format!("fringe-{what}-{hair:?}"), student, sit()));
        }
        let student = Student {
            tucked: true,
            ..one(hair)
        };
        all.push((format!("tucked-{hair:?}"), student, sit()));
    }
    for (kind, hair) in Covering::ALL
        .into_iter()
        .zip([Hair::Short, Hair::Long, Hair::Bob])
    {
        let headwear = Some(Headwear {
            kind,
            colour: [0.05, 0.08, 0.20],
        });
        let student = Student {
            headwear,
            ..one(hair)
        };
        all.push((format!("{kind:?}"), student, sit()));
    }
    all
}

fn shoot(dir: &Path, name: &str, options: BoothOptions, act: &Act) -> Result<(), image::ImageError> {
    let start = Instant::now();
    let mut booth = Booth::new(options);
    let grown = start.elapsed();
    let start = Instant::now();
    let picture = booth.frame(act, 0);
    let took = start.elapsed();
    let truth = booth.truth(act, 0);
    println!(
        "{name}: hair {grown:.2?}, act {took:.2?}; eyes {:?} crown {:.1} chin {:?} cheeks {:?}",
        truth.eyes, truth.crown_y, truth.chin, truth.cheeks
    );
    truth.alpha.save(dir.join(format!("{name}.alpha.png")))?;
    picture.save(dir.join(format!("{name}.png")))
}

fn speed(width: u32, height: u32) {
    let start = Instant::now();
    let mut booth = Booth::new(BoothOptions {
        width,
        height,
        ..BoothOptions::default()
    });
    let grown = start.elapsed();
    let start = Instant::now();
    booth.frame(&Act::Sit, 0);
    let first = start.elapsed();
    let start = Instant::now();
    let mut sum = 0_u64;
    for n in 0..120 {
        sum += u64::from(booth.frame(&Act::Sit, n).as_raw()[1000]);
    }
    let each = start.elapsed() / 120;
    println!("{width}x{height}: hair {grown:.2?}, act {first:.2?}, frame {each:.2?} ({sum})");
}
