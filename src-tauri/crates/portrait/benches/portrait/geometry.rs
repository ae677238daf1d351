//! How far the measured crown, eyes and cheeks lie from the rendered ones, in the finished 480x640 picture.

use virtual_booth::{Hair, Skin};

use crate::cast::Sat;
use crate::table::{quantile, table};

/// One student's errors: crown and eyes in pixels, cheek width in percent; measured minus true.
struct Errors {
    crown: f64,
    eyes: f64,
    cheeks: f64,
}

fn errors(sat: &Sat) -> Option<Errors> {
    let (t, m) = (sat.report.transform?, sat.report.geometry?);
    let down = |y: f64| t.scale * y + t.dy;
    Some(Errors {
        crown: m.crown - down(sat.crown),
        eyes: m.eyes - down(sat.eyes),
        cheeks: (m.face_width / (t.scale * sat.cheeks) - 1.0) * 100.0,
    })
}

pub(crate) fn tell(all: &[Sat]) -> String {
    let mut rows = Vec::new();
    let mut row = |name: String, wanted: &dyn Fn(&Sat) -> bool| {
        let errors: Vec<Errors> = all.iter().filter(|s| wanted(s)).filter_map(errors).collect();
        let count = all.iter().filter(|s| wanted(s)).count();
        let part = |of: &dyn Fn(&Errors) -> f64| {
            let signed: Vec<f64> = errors.iter().map(of).collect();
            let size: Vec<f64> = signed.iter().map(|v| v.abs()).collect();
            format!(
                "{:.2} / {:.2} / {:.2} ({:+.2})",
                quantile(&size, 0.5),
                quantile(&size, 0.95),
                quantile(&size, 1.0),
                quantile(&signed, 0.5)
            )
        };
        rows.push(vec![
            name,
            format!("{} of {count}", errors.len()),
            part(&|e| e.crown),
            part(&|e| e.eyes),
            part(&|e| e.cheeks),
        ]);
    };
    row("all".into(), &|_| true);
    for hair in Hair::ALL {
        row(format!("hair: {hair:?}"), &|s| s.seat.student.hair == hair);
    }
    for skin in Skin::ALL {
        row(format!("skin: {skin:?}"), &|s| s.seat.student.skin == skin);
    }
    row("glasses".into(), &|s| s.seat.student.glasses);
    row("near (size > 1.05)".into(), &|s| s.seat.posing.size > 1.05);
    row("far (size < 0.91)".into(), &|s| s.seat.posing.size < 0.91);
    row("tilted by more than 2°".into(), &|s| {
        s.seat.posing.roll.abs() > 2.0
    });
    table(
        "Geometry against the truth, in the finished picture: median / p95 / largest (signed median)",
        &["students", "measured", "crown, px", "eyes, px", "cheek width, %"],
        &rows,
    )
}
