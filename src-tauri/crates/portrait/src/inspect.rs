//! A finished picture, made by whomever, judged on its own: what a vendor's gate would see.

use crate::PortraitError;
use crate::checks;
use crate::clothing::Anchors;
use crate::compose::Composed;
use crate::geometry::measure;
use crate::jpeg::{estimated_quality, sampling_name};
use crate::matte;
use crate::original::{Original, jpeg_facts, sha256_hex};
use crate::report::{Check, CheckCode, FileFacts, Light, MatteFacts, Report, SCHEMA, Transform};
use crate::spec::Spec;
use crate::standardize::{FaceColours, appearance, block_off, dress, focus, head, main_face, sitting};
use crate::vision::Models;

/// Judges a finished picture point by point. A file that is no picture gives a report that says so.
pub fn check_file(bytes: &[u8], models: &Models, spec: &Spec) -> Report {
    let mut report = Report {
        schema: SCHEMA,
        accepted: false,
        spec: spec.id.clone(),
        original_sha256: None,
        original_size: None,
        result_sha256: Some(sha256_hex(bytes)),
        transform: None,
        geometry: None,
        file: None,
        matte: None,
        checks: Vec::new(),
    };
    let original = match Original::decode(bytes.to_vec()) {
        Ok(original) => original,
        Err(error) => {
            report.checks.push(unreadable(&error));
            return report;
        }
    };
    let picture = original.image();
    let jpeg = bytes
        .starts_with(&[0xFF, 0xD8])
        .then(|| jpeg_facts(bytes).ok())
        .flatten();
    let facts = FileFacts {
        bytes: bytes.len() as u32,
        quality: jpeg.as_ref().and_then(estimated_quality),
        sampling: jpeg.as_ref().map_or_else(|| "none".to_owned(), sampling_name),
        dpi: jpeg.as_ref().and_then(|j| j.dpi),
        width: picture.width(),
        height: picture.height(),
    };
    report.checks.push(checks::file_format(
        jpeg.is_some(),
        jpeg.as_ref().is_none_or(|j| j.components == 3),
        jpeg.as_ref().is_some_and(|j| j.exif),
    ));
    report.checks.extend(checks::file(&facts, spec));
    let right_size = (facts.width, facts.height) == (spec.width, spec.height);
    report.file = Some(facts);

    match main_face(models, picture) {
        None => report.checks.push(checks::no_face()),
        Some((mesh, count)) => {
            report
                .checks
                .extend(sitting(&mesh, count, &FaceColours::of(picture, &mesh)));
            let parted = matte::around(models, picture, None, Some(&focus(&mesh)));
            report.matte = Some(MatteFacts {
                method: parted.method.as_str().to_owned(),
                notes: parted.notes.clone(),
            });
            let seen = appearance(picture, &mesh, &parted.alpha, &report.checks);
            report.checks.extend(seen);
            let head = head(&mesh, &parted.alpha);
            let as_it_is = Transform {
                scale: 1.0,
                dx: 0.0,
                dy: 0.0,
            };
            let measured = measure(&head, &as_it_is, spec);
            if right_size {
                report
                    .checks
                    .extend(checks::geometry(&measured, spec, None, None));
                let shown = Composed {
                    picture: picture.clone(),
                    alpha: parted.alpha.pixels().map(|p| f32::from(p.0[0]) / 255.0).collect(),
                };
                report
                    .checks
                    .extend(dress(&shown, &Anchors::of(&mesh, &as_it_is), spec));
                report.geometry = Some(measured);
            }
            report.checks.push(checks::cut_off(head.crown < 1.0, 0.0));
            let empty = |x: usize, y: usize| parted.alpha.get_pixel(x as u32, y as u32).0[0] == 0;
            report.checks.push(checks::background(
                block_off(picture, spec.background, empty),
                spec,
            ));
        }
    }
    report.checks.extend(checks::for_reviewer());
    report.accepted = report.checks.iter().all(|c| c.light != Light::Red);
    debug_assert!(report.check(CheckCode::FileFormat).is_some());
    report
}

/// A file that is no acceptable picture, with the sentence of whoever refused it.
fn unreadable(error: &PortraitError) -> Check {
    let check = checks::file_format(false, true, false);
    let (zh, en) = match error {
        PortraitError::Picture(refusal) => (refusal.zh(), refusal.en()),
        other => (check.zh.clone(), other.to_string()),
    };
    Check {
        zh,
        en: format!("Not an acceptable file: {en}"),
        ..check
    }
}
