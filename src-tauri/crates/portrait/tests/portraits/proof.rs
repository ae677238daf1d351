//! The proof of faithfulness holds for every honest result and for no tampered one.

use std::sync::OnceLock;

use image::RgbImage;
use portrait::{Measured, Original, PointCode, Proof, Report, prove, standardize};

use virtual_booth::{Booth, BoothOptions, Posing, Student};

use crate::studio::{models, spec};
use crate::tamper::{self, written};

struct Shot {
    picture: RgbImage,
    original: Original,
    /// Left eye in the capture, and the distance between the eyes.
    eye: [f64; 2],
    unit: f64,
    jpeg: Vec<u8>,
    finished: RgbImage,
    report: Report,
    measured: Measured,
}

fn shot() -> &'static Shot {
    static SHOT: OnceLock<Shot> = OnceLock::new();
    SHOT.get_or_init(|| {
        let (picture, truth) = Booth::still(&options(4), Some(&Posing::default()));
        let original = Original::from_rgb(picture.clone()).unwrap();
        let outcome = standardize(models(), &original, &spec(), None);
        let jpeg = outcome.photo.unwrap().jpeg;
        Shot {
            finished: image::load_from_memory(&jpeg).unwrap().into_rgb8(),
            measured: outcome.report.geometry.unwrap(),
            report: outcome.report,
            eye: [f64::from(truth.eyes[0].0), f64::from(truth.eyes[0].1)],
            unit: f64::from(truth.inter_eye()),
            picture,
            original,
            jpeg,
        }
    })
}

fn options(seed: u64) -> BoothOptions {
    BoothOptions {
        student: Student::seeded(seed),
        ..BoothOptions::default()
    }
}

fn proof(result: &[u8], original: &Original, report: Option<&Report>) -> Proof {
    prove(result, original, models(), &spec(), report)
}

fn failed(proof: &Proof) -> Vec<PointCode> {
    proof.failures().map(|p| p.code).collect()
}

#[test]
fn what_was_delivered_is_proven_and_agrees_with_its_report() {
    let shot = shot();
    let proof = proof(&shot.jpeg, &shot.original, Some(&shot.report));
    assert!(proof.faithful, "{:?}", proof.failures().collect::<Vec<_>>());
    assert_eq!(Some(&proof.original_sha256), shot.report.original_sha256.as_ref());
    let (found, told) = (proof.transform.unwrap(), shot.report.transform.unwrap());
    assert!(
        (found.scale / told.scale - 1.0).abs() < 1e-3,
        "{found:?} {told:?}"
    );
    assert!(
        proof.rotation.unwrap().abs() < 0.03 && proof.compared > 0.3,
        "{proof:?}"
    );
    let text = serde_json::to_string(&proof).unwrap();
    assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), proof);
}

#[test]
fn saved_again_by_others_at_the_lowest_quality_it_is_still_proven() {
    let shot = shot();
    let mut other = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut other, 60)
        .encode_image(&shot.finished)
        .unwrap();
    for (name, file) in [
        ("quality 60, 4:2:0", written(&shot.finished, 60, false)),
        ("quality 75, 4:4:4", written(&shot.finished, 75, true)),
        ("another encoder", other),
    ] {
        let proof = proof(&file, &shot.original, None);
        assert!(
            proof.faithful,
            "{name}: {:?}",
            proof.failures().collect::<Vec<_>>()
        );
    }
}

#[test]
fn every_tampering_is_refused_by_the_point_it_concerns() {
    let shot = shot();
    let by = |name: &str| match name {
        "mirrored" | "face mirrored" => PointCode::Mirrored,
        "turned by 1°" => PointCode::Rotated,
        "face whitened by 6 levels" => PointCode::Tone,
        "cheeks slimmed by 3 %" => PointCode::Warped,
        "eyes enlarged by 5 %" => PointCode::Detail,
        _ => PointCode::Texture,
    };
    for (name, change) in tamper::ALL {
        let result = written(&change(&shot.finished, &shot.measured), 92, true);
        let proof = proof(&result, &shot.original, None);
        let failed = failed(&proof);
        assert!(
            !proof.faithful && failed.contains(&by(name)),
            "{name}: {failed:?}"
        );
        for point in proof.failures() {
            assert!(!point.zh.is_empty() && point.en.contains("make the standard photo again"));
        }
    }
    // The sign of a rotation is the one people mean.
    let turned = written(&tamper::turned(&shot.finished, 0.6), 92, true);
    let rotation = proof(&turned, &shot.original, None).rotation.unwrap();
    assert!((rotation - 0.6).abs() < 0.05, "{rotation}");
}

#[test]
fn at_the_lowest_quality_too_what_can_be_seen_is_seen() {
    let shot = shot();
    for (name, change) in tamper::ALL {
        // A light smoothing changes less than quality 60 rounds away: nothing is left to see. Mirrored faces are as
        // far off here as at any quality.
        if name == "skin smoothed (bilateral)" || name.contains("mirrored") {
            continue;
        }
        let result = written(&change(&shot.finished, &shot.measured), 60, false);
        assert!(!proof(&result, &shot.original, None).faithful, "{name}");
    }
}

#[test]
fn a_mole_that_is_gone_is_missed() {
    let shot = shot();
    let place = [shot.eye[0] - 0.1 * shot.unit, shot.eye[1] + 0.6 * shot.unit];
    let radius = 2.0 / shot.report.transform.unwrap().scale;
    let marked = Original::from_rgb(tamper::with_mole(&shot.picture, place, radius)).unwrap();
    for (quality, fine) in [(92, true), (60, false)] {
        let proof = proof(&written(&shot.finished, quality, fine), &marked, None);
        assert!(
            failed(&proof).contains(&PointCode::Detail),
            "quality {quality}: {proof:?}"
        );
    }
}

#[test]
fn another_moment_and_another_person_are_not_taken_for_this_one() {
    let shot = shot();
    let posing = Posing {
        yaw: 1.5,
        ..Posing::default()
    };
    let (again, _) = Booth::still(&options(4), Some(&posing));
    let again = Original::from_rgb(again).unwrap();
    assert!(!proof(&shot.jpeg, &again, None).faithful);
    let (other, _) = Booth::still(&options(9), Some(&Posing::default()));
    let other = Original::from_rgb(other).unwrap();
    let proof = proof(&shot.jpeg, &other, Some(&shot.report));
    let failed = failed(&proof);
    assert!(
        failed.contains(&PointCode::SamePicture) && failed.contains(&PointCode::Report),
        "{failed:?}"
    );
}

#[test]
fn a_report_that_lies_is_found_out() {
    let shot = shot();
    let mut lie = shot.report.clone();
    lie.transform = lie.transform.map(|mut t| {
        t.dx += 3.0;
        t
    });
    assert_eq!(
        failed(&proof(&shot.jpeg, &shot.original, Some(&lie))),
        [PointCode::Report]
    );
}

#[test]
fn a_file_that_is_no_finished_picture_gets_a_proof_that_says_so() {
    let shot = shot();
    for file in [
        Vec::new(),
        b"nothing".to_vec(),
        shot.jpeg[..2000].to_vec(),
        shot.original.bytes().to_vec(),
    ] {
        let proof = proof(&file, &shot.original, None);
        assert_eq!(failed(&proof), [PointCode::File]);
    }
    // A wall and nobody.
    let wall = written(
        &RgbImage::from_pixel(480, 640, image::Rgb([100, 197, 255])),
        90,
        true,
    );
    assert_eq!(
        failed(&proof(&wall, &shot.original, None)),
        [PointCode::SamePicture]
    );
}
