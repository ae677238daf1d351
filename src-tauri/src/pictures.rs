//! The commands on picture files: scan, standardize, matte, check, sheet.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use code::{Pattern, Reader, classify};
use image::{DynamicImage, RgbImage};
use portrait::{Font, Models, Original, Report, Spec, sheet};
use serde_json::{Value, json};

use crate::output::{Output, Verdict};

/// Reads the codes of every picture. A picture without a code, or one that cannot be read, is refused.
pub(crate) fn scan(out: Output, images: &[PathBuf], show_text: bool, pattern: &Pattern) -> Verdict {
    let mut reader = Reader::new();
    let mut all = true;
    for file in images {
        let started = Instant::now();
        let picture = match Original::open(file) {
            Ok(original) => original,
            Err(error) => {
                all = false;
                refuse(out, file, &error.to_string());
                continue;
            }
        };
        let luma = DynamicImage::ImageRgb8(picture.image().clone()).to_luma8();
        let found = reader.read(&luma);
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        all &= !found.is_empty();
        let codes: Vec<Value> = found
            .iter()
            .map(|code| {
                let mut object = json!({
                    "kind": classify(&code.text, pattern).as_str(),
                    "tag": code.text.tag().as_str(),
                    "decoder": code.decoder.as_str(),
                    "corners": code.corners,
                });
                if show_text && let Some(map) = object.as_object_mut() {
                    map.insert("text_hex".into(), hex::encode(code.text.expose()).into());
                }
                object
            })
            .collect();
        let words = if codes.is_empty() {
            format!("{}: no code", file.display())
        } else {
            let told: Vec<String> = codes
                .iter()
                .map(|c| {
                    let text = c["text_hex"]
                        .as_str()
                        .map(|t| format!(" {t}"))
                        .unwrap_or_default();
                    format!(
                        "{} {}{text}",
                        c["kind"].as_str().unwrap_or_default(),
                        c["tag"].as_str().unwrap_or_default()
                    )
                })
                .collect();
            format!("{}: {}", file.display(), told.join(", "))
        };
        out.result(
            &json!({ "file": file, "codes": codes, "ms": (ms * 10.0).round() / 10.0 }),
            &words,
        );
    }
    Verdict::all(all)
}

fn refuse(out: Output, file: &Path, why: &str) {
    out.result(
        &json!({ "file": file, "accepted": false, "error": why }),
        &format!("{}: {why}", file.display()),
    );
}

/// A photo standard by name; an unknown one is told with the names there are.
pub(crate) fn spec(out: Output, name: &str) -> Result<Spec, Verdict> {
    // The short name every reader of the rule would guess.
    let name = if name == "national" { "national-blue" } else { name };
    Spec::built_in(name).ok_or_else(|| {
        let names: Vec<&str> = Spec::names().collect();
        out.say(&format!(
            "there is no photo standard named {name}; there are: {}",
            names.join(", ")
        ));
        Verdict::Usage
    })
}

fn plate(out: Output, file: Option<&Path>) -> Result<Option<RgbImage>, Verdict> {
    let Some(file) = file else { return Ok(None) };
    match Original::open(file) {
        Ok(original) => Ok(Some(original.image().clone())),
        Err(error) => {
            out.say(&format!("{}: {error}", file.display()));
            Err(Verdict::Usage)
        }
    }
}

/// Makes a standard photo of every picture. A refused one leaves its report and no photo.
pub(crate) fn standardize(
    out: Output,
    models: &Models,
    photos: &[PathBuf],
    folder: &Path,
    spec: &Spec,
    plate_file: Option<&Path>,
    with_matte: bool,
) -> Result<Verdict, Verdict> {
    let plate = plate(out, plate_file)?;
    made(out, std::fs::create_dir_all(folder), folder)?;
    let names = names(photos);
    let mut all = true;
    for (file, name) in photos.iter().zip(names) {
        let original = match Original::open(file) {
            Ok(original) => original,
            Err(error) => {
                all = false;
                refuse(out, file, &error.to_string());
                let report = json!({ "accepted": false, "error": error.to_string() });
                write(
                    out,
                    &folder.join(format!("{name}.report.json")),
                    report.to_string().as_bytes(),
                )?;
                continue;
            }
        };
        let outcome = portrait::standardize(models, &original, spec, plate.as_ref());
        let report_file = folder.join(format!("{name}.report.json"));
        write(out, &report_file, pretty(&outcome.report).as_bytes())?;
        let photo_file = folder.join(format!("{name}.jpg"));
        match &outcome.photo {
            Some(photo) => write(out, &photo_file, &photo.jpeg)?,
            // A photo of an earlier run must not stand beside a report that refuses it.
            None => {
                if photo_file.exists() {
                    made(out, std::fs::remove_file(&photo_file), &photo_file)?;
                }
            }
        }
        if with_matte {
            let alpha = folder.join(format!("{name}.alpha.png"));
            made(
                out,
                outcome.alpha.save(&alpha).map_err(std::io::Error::other),
                &alpha,
            )?;
        }
        all &= outcome.photo.is_some();
        tell(
            out,
            file,
            &outcome.report,
            outcome.photo.is_some().then_some(photo_file.as_path()),
            Some(&report_file),
        );
    }
    Ok(Verdict::all(all))
}

/// A name for each result: the picture's own, with a number where two pictures share one.
fn names(photos: &[PathBuf]) -> Vec<String> {
    let mut taken = std::collections::HashMap::new();
    photos
        .iter()
        .map(|file| {
            let stem = file
                .file_stem()
                .and_then(OsStr::to_str)
                .unwrap_or("photo")
                .to_owned();
            let count = taken.entry(stem.clone()).or_insert(0_u32);
            *count += 1;
            if *count == 1 {
                stem
            } else {
                format!("{stem}-{count}")
            }
        })
        .collect()
}

fn pretty(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default()
}

fn tell(out: Output, file: &Path, report: &Report, photo: Option<&Path>, report_file: Option<&Path>) {
    let mut words = vec![format!(
        "{}: {}",
        file.display(),
        if report.accepted { "accepted" } else { "refused" }
    )];
    words.extend(
        report
            .refusals()
            .map(|check| format!("  ✗ {} · {}", check.zh, check.en)),
    );
    words.extend(
        report
            .remarks()
            .map(|check| format!("  ! {} · {}", check.zh, check.en)),
    );
    out.result(
        &json!({ "file": file, "accepted": report.accepted, "photo": photo, "report_file": report_file, "report": report }),
        &words.join("\n"),
    );
}

/// The matte alone.
pub(crate) fn matte(
    out: Output,
    models: &Models,
    file: &Path,
    alpha_file: &Path,
    plate_file: Option<&Path>,
    composite: Option<&Path>,
    spec: &Spec,
) -> Result<Verdict, Verdict> {
    let plate = plate(out, plate_file)?;
    let original = match Original::open(file) {
        Ok(original) => original,
        Err(error) => {
            refuse(out, file, &error.to_string());
            return Ok(Verdict::Refused);
        }
    };
    let matte = portrait::matte(models, original.image(), plate.as_ref());
    made(
        out,
        matte.alpha.save(alpha_file).map_err(std::io::Error::other),
        alpha_file,
    )?;
    if let Some(target) = composite {
        let picture = portrait::composite(&matte, spec.background);
        made(out, picture.save(target).map_err(std::io::Error::other), target)?;
    }
    out.result(
        &json!({ "file": file, "alpha": alpha_file, "composite": composite, "method": matte.method.as_str(), "notes": matte.notes }),
        &format!("{}: {} ({})", file.display(), alpha_file.display(), matte.method.as_str()),
    );
    Ok(Verdict::Accepted)
}

/// Is each finished picture acceptable?
pub(crate) fn check(out: Output, models: &Models, photos: &[PathBuf], spec: &Spec) -> Verdict {
    let mut all = true;
    for file in photos {
        match std::fs::read(file) {
            Ok(bytes) => {
                let report = portrait::check_file(&bytes, models, spec);
                all &= report.accepted;
                tell(out, file, &report, None, None);
            }
            Err(error) => {
                all = false;
                refuse(out, file, &error.to_string());
            }
        }
    }
    Verdict::all(all)
}

/// Is a finished picture acceptable, and is it this capture scaled, moved and put before the background?
pub(crate) fn prove(
    out: Output,
    models: &Models,
    photos: &[PathBuf],
    original_file: &Path,
    report_file: Option<&Path>,
    spec: &Spec,
) -> Result<Verdict, Verdict> {
    let [file] = photos else {
        out.say("--original 一次只核对一张照片 · --original proves one picture at a time");
        return Err(Verdict::Usage);
    };
    let report = match report_file {
        Some(path) => Some(read_report(out, path)?),
        None => None,
    };
    let original = match Original::open(original_file) {
        Ok(original) => original,
        Err(error) => {
            refuse(out, original_file, &error.to_string());
            return Ok(Verdict::Refused);
        }
    };
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            refuse(out, file, &error.to_string());
            return Ok(Verdict::Refused);
        }
    };
    let judged = portrait::check_file(&bytes, models, spec);
    let proof = portrait::prove(&bytes, &original, models, spec, report.as_ref());
    let accepted = judged.accepted && proof.faithful;
    let mut words = vec![format!(
        "{}: {}",
        file.display(),
        if accepted { "accepted" } else { "refused" }
    )];
    for (mark, check) in judged
        .refusals()
        .map(|c| ("✗", c))
        .chain(judged.remarks().map(|c| ("!", c)))
    {
        words.push(format!("  {mark} {} · {}", check.zh, check.en));
    }
    words.push(if proof.faithful {
        "  与原始照片一致 · faithful to the original".to_owned()
    } else {
        "  与原始照片不一致 · not faithful to the original".to_owned()
    });
    if let Some(t) = proof.transform {
        words.push(format!(
            "    scale {:.5}, right {:.2} px, down {:.2} px; rotation {:.3}°; compared {:.0} % of the picture",
            t.scale,
            t.dx,
            t.dy,
            proof.rotation.unwrap_or(0.0),
            100.0 * proof.compared
        ));
    }
    for point in &proof.points {
        let mark = if point.holds { "✓" } else { "✗" };
        let figure = point
            .value
            .map(|value| format!(" ({value} {}{})", point.unit, bounds(point)))
            .unwrap_or_default();
        words.push(format!("    {mark} {} · {}{figure}", point.zh, point.en));
    }
    out.result(
        &json!({ "file": file, "accepted": accepted, "original": original_file, "report": judged, "proof": proof }),
        &words.join("\n"),
    );
    Ok(Verdict::all(accepted))
}

fn bounds(point: &portrait::Point) -> String {
    match (point.min, point.max) {
        (Some(min), Some(max)) => format!(", {min} to {max}"),
        (Some(min), None) => format!(", at least {min}"),
        (None, Some(max)) => format!(", at most {max}"),
        (None, None) => String::new(),
    }
}

fn read_report(out: Output, path: &Path) -> Result<Report, Verdict> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
        .map_err(|error| {
            out.say(&format!("{}: {error}", path.display()));
            Verdict::Usage
        })
}

/// The line of text of a sheet: what it says, and a font if there is one that has its characters.
pub(crate) struct NameLine {
    text: String,
    font: Option<Font>,
}

/// Fills the template of a sheet's line and finds its font. A font file that was named must be usable.
pub(crate) fn name_line(
    out: Output,
    template: Option<&str>,
    fields: &[String],
    font_file: Option<&Path>,
) -> Result<Option<NameLine>, Verdict> {
    let Some(template) = template else {
        return Ok(None);
    };
    let mut given = Vec::new();
    for field in fields {
        let Some((key, value)) = field.split_once('=') else {
            out.say(&format!("--field {field}: 请写成 KEY=VALUE · write KEY=VALUE"));
            return Err(Verdict::Usage);
        };
        given.push((key.to_owned(), value.to_owned()));
    }
    let text = sheet::fill(template, &given).map_err(|error| {
        out.say(&error.to_string());
        Verdict::Usage
    })?;
    let font = match font_file {
        Some(path) => Some(Font::open(path).ok_or_else(|| {
            out.say(&format!(
                "{}: 不是可用的字体文件 · no font file that can be used",
                path.display()
            ));
            Verdict::Usage
        })?),
        None => Font::installed_for(&text),
    };
    Ok(Some(NameLine { text, font }))
}

/// A print sheet; the file's ending says which kind. Without a font the line is left out, and it is said.
pub(crate) fn print_sheet(
    out: Output,
    file: &Path,
    target: &Path,
    layout: &str,
    line: Option<&NameLine>,
) -> Result<Verdict, Verdict> {
    let Some(layout) = sheet::layout::built_in(layout) else {
        let names: Vec<&str> = sheet::layout::names().collect();
        out.say(&format!(
            "there is no layout named {layout}; there are: {}",
            names.join(", ")
        ));
        return Err(Verdict::Usage);
    };
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            refuse(out, file, &error.to_string());
            return Ok(Verdict::Refused);
        }
    };
    let ending = target
        .extension()
        .and_then(OsStr::to_str)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let name = line.and_then(|line| {
        line.font.as_ref().map(|font| sheet::NameLine {
            text: &line.text,
            font,
        })
    });
    if line.is_some() && name.is_none() {
        out.say(
            "没有找到含有这些字的字体，名字行未印出：请用 --font 指定字体文件 · \
             no installed font has these characters, the name line is left out: name a font file with --font",
        );
    }
    let made_sheet = match ending.as_str() {
        "pdf" => sheet::pdf_named(&bytes, &layout, name.as_ref()),
        "png" => sheet::png_named(&bytes, &layout, name.as_ref()),
        _ => {
            out.say("the sheet's file ends with .pdf or .png");
            return Err(Verdict::Usage);
        }
    };
    match made_sheet {
        Ok(sheet) => {
            write(out, target, &sheet)?;
            out.result(
                &json!({ "file": file, "sheet": target, "layout": layout.id, "prints": layout.places().count(), "name_line": name.is_some() }),
                &format!("{}: {} prints", target.display(), layout.places().count()),
            );
            Ok(Verdict::Accepted)
        }
        Err(error) => {
            refuse(out, file, &error.to_string());
            Ok(Verdict::Refused)
        }
    }
}

/// Writes a result; a folder that cannot be written is wrong usage, told with its name.
pub(crate) fn write(out: Output, file: &Path, bytes: &[u8]) -> Result<(), Verdict> {
    made(out, std::fs::write(file, bytes), file)
}

fn made(out: Output, result: std::io::Result<()>, file: &Path) -> Result<(), Verdict> {
    result.map_err(|error| {
        out.say(&format!("{}: {error}", file.display()));
        Verdict::Usage
    })
}

/// Text for an HTML page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
