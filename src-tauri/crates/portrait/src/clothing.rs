//! Clothes and shoulders in the finished picture: pattern, bare shoulders, level, and how they stand out from the
//! background along the person's border.

use image::RgbImage;

use crate::compose::luma;
use crate::report::Transform;
use crate::skin::lab_d50;
use crate::vision::Mesh;

/// The points of the head in the picture that is measured, pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Anchors {
    /// Middle between the eyes.
    pub(crate) eyes: [f64; 2],
    /// From eye to eye.
    pub(crate) unit: f64,
    /// Row of the chin.
    pub(crate) chin: f64,
    /// Middles of the two cheek zones whose colour is the skin's.
    pub(crate) cheeks: [[f64; 2]; 2],
}

impl Anchors {
    /// Where a capture's head lies after `transform`.
    pub(crate) fn of(mesh: &Mesh, transform: &Transform) -> Self {
        let place = |p: [f32; 2]| transform.apply(p.map(f64::from));
        let unit = f64::from(mesh.eye_distance()) * transform.scale;
        Self {
            eyes: place(mesh.between_eyes()),
            unit,
            chin: place(mesh.chin())[1],
            cheeks: crate::photometry::zones(mesh)
                .map(|[x, y, side]| place([x + side / 2.0, y + side / 2.0])),
        }
    }
}

/// What was measured. Every part is `None` where too little is to be seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clothing {
    /// Lower quartile, along the shoulders' border, of the distance from the background, CIELAB.
    pub(crate) border: Option<f64>,
    /// How alike the cloth is to itself one period further: 0 plain, 1 a perfect grating. See [`pattern`].
    pub(crate) pattern: Option<f64>,
    /// Share of the shoulders that has the colour of the cheeks.
    pub(crate) bare: Option<f64>,
    /// Share of the neck, from the chin halfway to the collar bones, that has the colour of the cheeks.
    pub(crate) neck: Option<f64>,
    /// Slope from shoulder to shoulder, degrees, positive where the picture's right one is lower.
    pub(crate) slope: Option<f64>,
}

/// A picture with the person's share (0 to 1, row by row) of each pixel.
pub(crate) struct Cutout<'a> {
    pub(crate) picture: &'a RgbImage,
    pub(crate) alpha: &'a [f32],
}

impl Cutout<'_> {
    fn size(&self) -> (usize, usize) {
        (self.picture.width() as usize, self.picture.height() as usize)
    }

    fn alpha(&self, x: usize, y: usize) -> f32 {
        self.alpha[y * self.picture.width() as usize + x]
    }

    fn lab(&self, x: usize, y: usize) -> [f64; 3] {
        lab_d50(
            self.picture
                .get_pixel(x as u32, y as u32)
                .0
                .map(|v| f64::from(v) / 255.0),
        )
    }

    fn luma(&self, x: usize, y: usize) -> f32 {
        luma(self.picture.get_pixel(x as u32, y as u32).0)
    }
}

/// Measures the clothes of a finished picture.
pub(crate) fn clothing(cutout: &Cutout<'_>, at: &Anchors, background: [u8; 3]) -> Clothing {
    let skin = skin(cutout, at);
    let shoulders = outline(cutout, at);
    Clothing {
        border: border(cutout, &shoulders, background),
        pattern: pattern(cutout, at),
        bare: skin.and_then(|skin| bare(cutout, at, &shoulders, skin)),
        neck: skin.and_then(|skin| neck(cutout, at, skin)),
        slope: slope(at, &shoulders),
    }
}

/// Mean colour of the cheeks.
fn skin(cutout: &Cutout<'_>, at: &Anchors) -> Option<[f64; 3]> {
    let (w, h) = cutout.size();
    let reach = (0.12 * at.unit).max(2.0) as isize;
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for [cx, cy] in at.cheeks {
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (x, y) = (cx as isize + dx, cy as isize + dy);
                if x < 0 || y < 0 || x >= w as isize || y >= h as isize {
                    continue;
                }
                let c = cutout.lab(x as usize, y as usize);
                (0..3).for_each(|k| sum[k] += c[k]);
                count += 1.0;
            }
        }
    }
    (count > 20.0).then(|| sum.map(|v| v / count))
}

/// For each column beside the neck the row where the person begins, seen from the picture's lower edge upwards:
/// shoulders, or hair that lies on them.
fn outline(cutout: &Cutout<'_>, at: &Anchors) -> Vec<(usize, usize)> {
    let (w, h) = cutout.size();
    (0..w)
        .filter(|&x| (x as f64 + 0.5 - at.eyes[0]).abs() > 1.15 * at.unit)
        .filter_map(|x| {
            let top = (0..h).rev().take_while(|&y| cutout.alpha(x, y) >= 0.5).last()?;
            (top as f64 > at.chin - 0.5 * at.unit && top + 6 < h).then_some((x, top))
        })
        .collect()
}

/// See [`Clothing::border`].
fn border(cutout: &Cutout<'_>, shoulders: &[(usize, usize)], background: [u8; 3]) -> Option<f64> {
    let (_, h) = cutout.size();
    let back = lab_d50(background.map(|v| f64::from(v) / 255.0));
    let mut all: Vec<f64> = shoulders
        .iter()
        .filter_map(|&(x, top)| {
            let rows = (top + 4)..(top + 16).min(h);
            let count = rows.len() as f64;
            let mut mean = [0.0; 3];
            for y in rows {
                let c = cutout.lab(x, y);
                (0..3).for_each(|k| mean[k] += c[k] / count);
            }
            (count >= 3.0).then(|| (0..3).map(|k| (mean[k] - back[k]).powi(2)).sum::<f64>().sqrt())
        })
        .collect();
    if all.len() < 40 {
        return None;
    }
    all.sort_unstable_by(f64::total_cmp);
    Some(all[all.len() / 4])
}

/// How alike the cloth at either side of the collar is to itself some pixels further, over the shifts of 3 to 40
/// pixels, along rows or along columns, whichever is more: the highest autocorrelation after the first zero. Cloth
/// whose light and dark differ by under 2.5 levels has no pattern an eye would see: 0.
fn pattern(cutout: &Cutout<'_>, at: &Anchors) -> Option<f64> {
    let (w, h) = cutout.size();
    let from = (at.chin + 0.9 * at.unit).max(0.0) as usize;
    if from + 40 > h {
        return None;
    }
    let left = (at.eyes[0] - 0.7 * at.unit).clamp(0.0, w as f64) as usize;
    let right = (at.eyes[0] + 0.7 * at.unit).clamp(0.0, w as f64) as usize;
    let (mut rows, mut columns) = (Correlation::new(), Correlation::new());
    let solid = |x: usize, y: usize| (cutout.alpha(x, y) > 0.98).then(|| cutout.luma(x, y));
    for y in (from..h - 6).step_by(6) {
        for part in [0..left, right..w] {
            rows.add(part.map(|x| mean((y..y + 6).map(|y| solid(x, y)))));
        }
    }
    for part in [0..left, right..w] {
        for x in part.step_by(6).filter(|x| x + 6 <= w) {
            columns.add((from..h).map(|y| mean((x..x + 6).map(|x| solid(x, y)))));
        }
    }
    match (rows.peak(), columns.peak()) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

fn mean(values: impl Iterator<Item = Option<f32>>) -> Option<f32> {
    let (mut sum, mut count) = (0.0, 0.0);
    for v in values {
        sum += v?;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// Autocorrelation gathered over many stretches of cloth.
struct Correlation {
    sums: [f64; Correlation::REACH + 1],
    counts: [f64; Correlation::REACH + 1],
}

impl Correlation {
    /// Largest shift, pixels.
    const REACH: usize = 40;

    fn new() -> Self {
        Self {
            sums: [0.0; Self::REACH + 1],
            counts: [0.0; Self::REACH + 1],
        }
    }

    /// Adds the unbroken stretches of a line, less their own slow changes.
    fn add(&mut self, line: impl Iterator<Item = Option<f32>>) {
        let mut stretch = Vec::new();
        for value in line.chain(std::iter::once(None)) {
            match value {
                Some(v) => stretch.push(v),
                None => self.take(&std::mem::take(&mut stretch)),
            }
        }
    }

    fn take(&mut self, stretch: &[f32]) {
        let n = stretch.len();
        if n < 2 * Self::REACH {
            return;
        }
        let mut sums = vec![0.0f32; n + 1];
        for (i, v) in stretch.iter().enumerate() {
            sums[i + 1] = sums[i] + v;
        }
        let flat: Vec<f64> = (0..n)
            .map(|i| {
                let (a, b) = (i.saturating_sub(20), (i + 21).min(n));
                f64::from(stretch[i] - (sums[b] - sums[a]) / (b - a) as f32)
            })
            .collect();
        for lag in 0..=Self::REACH {
            self.sums[lag] += flat.iter().zip(&flat[lag..]).map(|(a, b)| a * b).sum::<f64>();
            self.counts[lag] += (n - lag) as f64;
        }
    }

    /// Highest correlation after the first zero, 0 to 1; `None` if there was too little cloth.
    fn peak(&self) -> Option<f64> {
        if self.counts[0] < 600.0 {
            return None;
        }
        let power = self.sums[0] / self.counts[0];
        if power.sqrt() < 2.5 {
            return Some(0.0);
        }
        let at = |lag: usize| self.sums[lag] / self.counts[lag] / power;
        let first = (3..=Self::REACH).find(|&lag| at(lag) < 0.0)?;
        Some((first..=Self::REACH).map(at).fold(0.0, f64::max))
    }
}

/// Whether a colour is the skin's: its hue and strength, and its lightness as far as shade may change it.
fn like(c: [f64; 3], skin: [f64; 3], hue: f64, light: [f64; 2]) -> bool {
    let l = c[0] - skin[0];
    (c[1] - skin[1]).hypot(c[2] - skin[2]) < hue && l > light[0] && l < light[1]
}

/// See [`Clothing::bare`].
fn bare(cutout: &Cutout<'_>, at: &Anchors, shoulders: &[(usize, usize)], skin: [f64; 3]) -> Option<f64> {
    let (_, h) = cutout.size();
    let (mut naked, mut count) = (0usize, 0usize);
    for &(x, top) in shoulders.iter().step_by(2) {
        for y in (top + 5..(top + 5 + (0.4 * at.unit) as usize).min(h)).step_by(2) {
            naked += usize::from(like(cutout.lab(x, y), skin, 8.0, [-22.0, 14.0]));
            count += 1;
        }
    }
    (count >= 300).then(|| naked as f64 / count as f64)
}

/// See [`Clothing::neck`].
fn neck(cutout: &Cutout<'_>, at: &Anchors, skin: [f64; 3]) -> Option<f64> {
    let (w, h) = cutout.size();
    let clamp = |v: f64, top: usize| v.clamp(0.0, top as f64) as usize;
    let columns = clamp(at.eyes[0] - 0.35 * at.unit, w)..clamp(at.eyes[0] + 0.35 * at.unit, w);
    let (mut naked, mut count) = (0usize, 0usize);
    for y in clamp(at.chin + 0.15 * at.unit, h)..clamp(at.chin + 0.5 * at.unit, h) {
        for x in columns.clone() {
            // Under the chin it is shady, and shade is duller and redder.
            naked += usize::from(like(cutout.lab(x, y), skin, 16.0, [-45.0, 12.0]));
            count += 1;
        }
    }
    (count >= 200).then(|| naked as f64 / count as f64)
}

/// See [`Clothing::slope`]: the median over pairs of columns at the same distance from the axis.
fn slope(at: &Anchors, shoulders: &[(usize, usize)]) -> Option<f64> {
    let mut slopes = Vec::new();
    for &(x, top) in shoulders.iter().filter(|s| (s.0 as f64) < at.eyes[0]) {
        let away = at.eyes[0] - x as f64;
        let mirror = (at.eyes[0] + away).round() as usize;
        if let Some(&(_, other)) = shoulders.iter().find(|s| s.0 == mirror) {
            slopes.push(((other as f64 - top as f64) / (2.0 * away)).atan().to_degrees());
        }
    }
    if slopes.len() < 12 {
        return None;
    }
    let middle = slopes.len() / 2;
    Some(*slopes.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// A bust of two shoulders under a head, with cloth of a given colour.
    fn bust(cloth: impl Fn(usize, usize) -> [u8; 3], drop: f64) -> (RgbImage, Vec<f32>) {
        let mut alpha = vec![0.0; 480 * 640];
        let picture = RgbImage::from_fn(480, 640, |x, y| {
            let (fx, fy) = (f64::from(x) - 240.0, f64::from(y));
            let head = (fx / 120.0).hypot((fy - 260.0) / 170.0) < 1.0
                || (fx.abs() < 70.0 && fy > 260.0 && fy < 520.0);
            let shoulder = fy > 470.0 + 0.25 * fx.abs() + drop * fx;
            let i = (y * 480 + x) as usize;
            if shoulder {
                alpha[i] = 1.0;
                Rgb(cloth(x as usize, y as usize))
            } else if head {
                alpha[i] = 1.0;
                Rgb([200, 150, 120])
            } else {
                Rgb([100, 197, 255])
            }
        });
        (picture, alpha)
    }

    fn anchors() -> Anchors {
        Anchors {
            eyes: [240.0, 250.0],
            unit: 105.0,
            chin: 420.0,
            cheeks: [[200.0, 300.0], [280.0, 300.0]],
        }
    }

    fn measured(cloth: impl Fn(usize, usize) -> [u8; 3], drop: f64) -> Clothing {
        let (picture, alpha) = bust(cloth, drop);
        let cutout = Cutout {
            picture: &picture,
            alpha: &alpha,
        };
        clothing(&cutout, &anchors(), [100, 197, 255])
    }

    #[test]
    fn stripes_are_periodic_and_plain_cloth_is_not() {
        let plain = measured(|x, y| [40 + (x * 7 + y * 13) as u8 % 9; 3], 0.0);
        assert!(plain.pattern.unwrap() < 0.3, "{plain:?}");
        for step in [8, 14, 24] {
            let stripes = measured(
                |x, _| if x / (step / 2) % 2 == 0 { [40; 3] } else { [60; 3] },
                0.0,
            );
            assert!(stripes.pattern.unwrap() > 0.7, "{step} {stripes:?}");
            let hoops = measured(
                |_, y| if y / (step / 2) % 2 == 0 { [40; 3] } else { [60; 3] },
                0.0,
            );
            assert!(hoops.pattern.unwrap() > 0.7, "{step} {hoops:?}");
        }
    }

    #[test]
    fn bare_shoulders_have_the_cheeks_colour_and_blue_cloth_the_walls() {
        let dressed = measured(|_, _| [30, 35, 60], 0.0);
        assert!(
            dressed.bare.unwrap() < 0.05 && dressed.border.unwrap() > 30.0,
            "{dressed:?}"
        );
        let bare = measured(|_, _| [190, 143, 115], 0.0);
        assert!(bare.bare.unwrap() > 0.9, "{bare:?}");
        let blue = measured(|_, _| [105, 190, 250], 0.0);
        assert!(blue.border.unwrap() < 8.0, "{blue:?}");
    }

    #[test]
    fn a_dropped_shoulder_is_measured_in_degrees() {
        for drop in [-0.12, 0.0, 0.09] {
            let found = measured(|_, _| [30; 3], drop).slope.unwrap();
            assert!(
                (found - f64::atan(drop).to_degrees()).abs() < 0.4,
                "{drop} {found}"
            );
        }
    }
}
