//! The proof of faithfulness: what honest results measure, and which tampering is seen.

use std::collections::BTreeMap;

use image::RgbImage;
use portrait::{Models, Original, PointCode, Proof, Report, Spec, prove, standardize};
use virtual_booth::{Posing, Truth};

use crate::cast::{Seat, capture, seats};
use crate::table::{percent, quantile, table};
use crate::tamper::{self, written};

const CODES: [(PointCode, &str); 11] = [
    (PointCode::SamePicture, "likeness"),
    (PointCode::Mirrored, "likeness over mirrored"),
    (PointCode::Rotated, "rotation, degrees"),
    (PointCode::Stretched, "stretch"),
    (PointCode::Warped, "displacement, px"),
    (PointCode::ColourMean, "mean ΔE*ab"),
    (PointCode::ColourMost, "p99 ΔE*ab"),
    (PointCode::Tone, "tone shift, levels"),
    (PointCode::Texture, "texture kept"),
    (PointCode::Detail, "detail, levels"),
    (PointCode::Report, "report's transform, px"),
];

/// Proofs by what was done to the result.
type Groups = BTreeMap<String, Vec<Proof>>;

/// One student with the finished photo.
struct Shot {
    seat: Seat,
    seed: u64,
    picture: RgbImage,
    truth: Truth,
    original: Original,
    spec: Spec,
    report: Report,
    jpeg: Vec<u8>,
    finished: RgbImage,
}

fn shoot(models: &Models, i: usize, seat: Seat) -> Option<Shot> {
    let spec = Spec::built_in(["national-blue", "national-white", "two-inch"][i % 3]).unwrap();
    let (picture, truth) = capture(&seat, i as u64);
    let original = Original::from_rgb(picture.clone()).unwrap();
    let outcome = standardize(models, &original, &spec, None);
    let jpeg = outcome.photo?.jpeg;
    Some(Shot {
        seat,
        seed: i as u64,
        picture,
        truth,
        original,
        spec,
        report: outcome.report,
        finished: image::load_from_memory(&jpeg).unwrap().into_rgb8(),
        jpeg,
    })
}

pub(crate) fn tell(models: &Models, n: usize) -> String {
    let (mut honest, mut tampered) = (Groups::new(), Groups::new());
    let mut last: Option<Original> = None;
    for (i, seat) in seats(n).enumerate() {
        let Some(shot) = shoot(models, i, seat) else {
            continue;
        };
        prove_honest(models, &shot, &mut honest);
        // The head of a print is not where the national bands put it.
        if shot.spec.width == 480 {
            prove_tampered(models, &shot, last.as_ref(), &mut tampered);
        }
        last = Some(shot.original);
    }
    let mut out = String::new();
    for (name, proofs) in &honest {
        out.push_str(&figures(&format!("Honest: {name}"), proofs));
    }
    let rows: Vec<Vec<String>> = tampered.iter().map(|(name, proofs)| seen(name, proofs)).collect();
    out.push_str(&table(
        "Tampered results",
        &["tampering", "n", "refused", "by"],
        &rows,
    ));
    for (name, proofs) in tampered.iter().filter(|(_, g)| g.iter().any(|p| p.faithful)) {
        out.push_str(&figures(&format!("Not always seen: {name}"), proofs));
    }
    out
}

fn prove_honest(models: &Models, shot: &Shot, groups: &mut Groups) {
    let mut put = |name: &str, bytes: &[u8], report| {
        let proof = prove(bytes, &shot.original, models, &shot.spec, report);
        if !proof.faithful {
            let by: Vec<_> = proof.failures().map(|f| f.code).collect();
            eprintln!("student {} ({name}) refused by {by:?}", shot.seed);
        }
        groups.entry(name.to_owned()).or_default().push(proof);
    };
    put("as delivered", &shot.jpeg, Some(&shot.report));
    let coarse = written(&shot.finished, 60, false);
    put("saved again, quality 60, 4:2:0", &coarse, None);
    let fine = written(&shot.finished, 75, true);
    put("saved again, quality 75, 4:4:4", &fine, None);
    let mut other = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut other, 60)
        .encode_image(&shot.finished)
        .unwrap();
    put("another encoder, quality 60", &other, None);
}

fn prove_tampered(models: &Models, shot: &Shot, before: Option<&Original>, groups: &mut Groups) {
    let mut put = |name: &str, picture: &RgbImage, original: &Original| {
        for (quality, fine) in [(92, true), (60, false)] {
            let result = written(picture, quality, fine);
            let proof = prove(&result, original, models, &shot.spec, None);
            let key = format!("{name}, quality {quality}");
            groups.entry(key).or_default().push(proof);
        }
    };
    let (finished, measured) = (&shot.finished, shot.report.geometry.unwrap());
    // Each tampering sits for a third of the students: proofs are what costs.
    for (k, (name, change)) in tamper::ALL.iter().enumerate() {
        if (k as u64 + shot.seed).is_multiple_of(3) {
            put(name, &change(finished, &measured), &shot.original);
        }
    }
    // Moles on the cheek, below and outside the left eye.
    let [eye, _] = shot.truth.eyes;
    let unit = f64::from(shot.truth.inter_eye());
    let place = [f64::from(eye.0) - 0.1 * unit, f64::from(eye.1) + 0.6 * unit];
    let scale = shot.report.transform.unwrap().scale;
    for (name, radius) in [("mole removed (6 px)", 3.0), ("mole removed (3 px)", 1.5)] {
        let marked = tamper::with_mole(&shot.picture, place, radius / scale);
        put(name, finished, &Original::from_rgb(marked).unwrap());
    }
    if let Some(other) = before {
        put("another person", finished, other);
    }
    if shot.seed.is_multiple_of(4) {
        let next = capture(&shot.seat, 2000 + shot.seed).0;
        put(
            "next frame (nothing moved)",
            finished,
            &Original::from_rgb(next).unwrap(),
        );
        let posing = Posing {
            yaw: shot.seat.posing.yaw + 1.0,
            pitch: shot.seat.posing.pitch - 0.7,
            ..shot.seat.posing.clone()
        };
        let seat = Seat {
            posing,
            ..shot.seat.clone()
        };
        let again = capture(&seat, 1000 + shot.seed).0;
        put(
            "another shot (head turned by 1°)",
            finished,
            &Original::from_rgb(again).unwrap(),
        );
    }
}

/// A row: how many were refused, and by which points.
fn seen(name: &str, proofs: &[Proof]) -> Vec<String> {
    let refused = proofs.iter().filter(|p| !p.faithful).count();
    let by: Vec<String> = CODES
        .iter()
        .filter_map(|(code, _)| {
            let count = proofs
                .iter()
                .filter(|p| p.failures().any(|f| f.code == *code))
                .count();
            (count > 0).then(|| format!("{code:?} {count}"))
        })
        .collect();
    vec![
        name.to_owned(),
        proofs.len().to_string(),
        percent(refused, proofs.len()),
        by.join(", "),
    ]
}

fn figures(name: &str, proofs: &[Proof]) -> String {
    let passed = proofs.iter().filter(|p| p.faithful).count();
    let rows: Vec<Vec<String>> = CODES
        .iter()
        .filter_map(|(code, label)| {
            let points: Vec<_> = proofs.iter().filter_map(|p| p.point(*code)).collect();
            let values: Vec<f64> = points.iter().filter_map(|p| p.value).collect();
            if values.is_empty() {
                return None;
            }
            let mut row = vec![(*label).to_owned()];
            row.extend([0.0, 0.05, 0.5, 0.95, 1.0].map(|q| format!("{:.4}", quantile(&values, q))));
            let first = points.first()?;
            row.push(format!("{:?} – {:?}", first.min, first.max));
            Some(row)
        })
        .collect();
    let compared: Vec<f64> = proofs.iter().map(|p| p.compared).collect();
    format!(
        "{}\nheld: {} of {}; compared share of the picture: {:.2} to {:.2}\n\n",
        table(
            name,
            &["", "least", "p5", "median", "p95", "most", "bounds"],
            &rows
        ),
        passed,
        proofs.len(),
        quantile(&compared, 0.0),
        quantile(&compared, 1.0),
    )
}
