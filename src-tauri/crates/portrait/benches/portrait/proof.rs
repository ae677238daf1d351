//! The proof of faithfulness: what honest results measure, and which tampering is seen.

use std::collections::BTreeMap;

use image::RgbImage;
use portrait::{Models, Original, PointCode, Proof, Spec, prove, standardize};
use virtual_booth::Posing;

use crate::cast::{capture, seats};
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

#[derive(Default)]
struct Group {
    proofs: Vec<Proof>,
}

pub(crate) fn tell(models: &Models, n: usize) -> String {
    let mut honest: BTreeMap<&str, Group> = BTreeMap::new();
    let mut tampered: BTreeMap<String, Group> = BTreeMap::new();
    let mut last: Option<Original> = None;
    for (i, seat) in seats(n).enumerate() {
        let spec = Spec::built_in(["national-blue", "national-white", "two-inch"][i % 3]).unwrap();
        let (picture, truth) = capture(&seat, i as u64);
        let original = Original::from_rgb(picture.clone()).unwrap();
        let outcome = standardize(models, &original, &spec, None);
        let report = outcome.report;
        let (Some(photo), Some(measured)) = (outcome.photo, report.geometry) else {
            continue;
        };
        let finished = image::load_from_memory(&photo.jpeg).unwrap().into_rgb8();
        let mut put = |name, bytes: &[u8], report| {
            let proof = prove(bytes, &original, models, &spec, report);
            honest.entry(name).or_default().proofs.push(proof);
        };
        put("as delivered", &photo.jpeg, Some(&report));
        put("saved again, quality 60, 4:2:0", &written(&finished, 60, false), None);
        put("saved again, quality 75, 4:4:4", &written(&finished, 75, true), None);
        let mut other = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut other, 60)
            .encode_image(&finished)
            .unwrap();
        put("another encoder, quality 60", &other, None);

        let mut put = |name: &str, picture: &RgbImage, original: &Original| {
            for (quality, fine) in [(92, true), (60, false)] {
                let proof = prove(&written(picture, quality, fine), original, models, &spec, None);
                let key = format!("{name}, quality {quality}");
                tampered.entry(key).or_default().proofs.push(proof);
            }
        };
        // Every tampering sits for a third of the students: the renders are what costs.
        if spec.width == 480 {
            for (k, (name, f)) in tamper::ALL.iter().enumerate() {
                if (k + i) % 2 == 0 {
                    put(name, &f(&finished, &measured), &original);
                }
            }
            // On the cheek, below and outside the left eye, three finished pixels in radius.
            let [eye, _] = truth.eyes;
            let t = report.transform.unwrap();
            let unit = f64::from(truth.inter_eye());
            let place = [f64::from(eye.0) - 0.1 * unit, f64::from(eye.1) + 0.6 * unit];
            let marked = Original::from_rgb(tamper::with_mole(&picture, place, 3.0 / t.scale)).unwrap();
            put("mole removed (6 px)", &finished, &marked);
            let faint = Original::from_rgb(tamper::with_mole(&picture, place, 1.5 / t.scale)).unwrap();
            put("mole removed (3 px)", &finished, &faint);
            if let Some(other) = &last {
                put("another person", &finished, other);
            }
            if i % 4 == 0 {
                let posing = Posing {
                    yaw: seat.posing.yaw + 1.0,
                    pitch: seat.posing.pitch - 0.7,
                    ..seat.posing.clone()
                };
                let next = Original::from_rgb(capture(&seat, 2000 + i as u64).0).unwrap();
                put("next frame (nothing moved)", &finished, &next);
                let seat = crate::cast::Seat { posing, ..seat.clone() };
                let again = Original::from_rgb(capture(&seat, 1000 + i as u64).0).unwrap();
                put("another shot (head turned by 1°)", &finished, &again);
            }
        }
        last = Some(original);
    }

    let mut out = String::new();
    for (name, group) in &honest {
        out.push_str(&figures(&format!("Honest: {name}"), &group.proofs));
    }
    let rows: Vec<Vec<String>> = tampered
        .iter()
        .map(|(name, group)| {
            let seen = group.proofs.iter().filter(|p| !p.faithful).count();
            let by: Vec<String> = CODES
                .iter()
                .filter_map(|(code, _)| {
                    let count = group.proofs.iter().filter(|p| p.failures().any(|f| f.code == *code)).count();
                    (count > 0).then(|| format!("{code:?} {count}"))
                })
                .collect();
            vec![
                name.clone(),
                group.proofs.len().to_string(),
                percent(seen, group.proofs.len()),
                by.join(", "),
            ]
        })
        .collect();
    out.push_str(&table("Tampered results", &["tampering", "n", "refused", "by"], &rows));
    for (name, group) in tampered.iter().filter(|(_, g)| g.proofs.iter().any(|p| p.faithful)) {
        out.push_str(&figures(&format!("Not always seen: {name}"), &group.proofs));
    }
    out
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
        table(name, &["", "least", "p5", "median", "p95", "most", "bounds"], &rows),
        passed,
        proofs.len(),
        quantile(&compared, 0.0),
        quantile(&compared, 1.0),
    )
}
