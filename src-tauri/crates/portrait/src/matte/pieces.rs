//! What does not hang together with the person goes: a lamp, a poster, a speck of wall that looked like hair.

use image::GrayImage;
use rayon::prelude::*;

/// Cells an inter-eye distance. A strand may fade out over one whole cell and go on, 2.6 mm on a head whose eyes lie
/// 63 mm apart; a piece with a clear cell all around it hangs together with nothing. Ours: a finger's breadth, 17 mm,
/// is six cells.
const CELLS: f32 = 24.0;
/// Coverage, of 255, from which a pixel holds pieces together: a tenth, what fainter strands and veils lead to does
/// not count. Ours, measured on the 48 students of the bench: the sum of differences falls by 0.5 %, and no student's
/// rises by more than 4 pixels.
const HOLDS: u8 = 26;

/// Clears the pieces of `alpha` that do not hang together with a pixel of which `core` (column, row) is true. Linear
/// in the pixels. `unit` is the distance between the eyes in pixels. Without any person in the core nothing is
/// cleared: then nobody can tell which piece is the person.
pub(super) fn keep_person(alpha: &mut GrayImage, unit: f32, core: impl Fn(u32, u32) -> bool + Sync) {
    let (w, h) = alpha.dimensions();
    let cell = ((unit / CELLS).round() as u32).max(2);
    let (cw, ch) = (w.div_ceil(cell) as usize, h.div_ceil(cell) as usize);
    let line = w.max(1) as usize;
    let cell_rows = line * cell as usize;
    // Held at all, and held by the core, by cell.
    let mut cells = vec![[false; 2]; cw * ch];
    cells
        .par_chunks_mut(cw.max(1))
        .zip(alpha.par_chunks(cell_rows))
        .enumerate()
        .for_each(|(cy, (cells, rows))| {
            for (y, row) in rows.chunks(line).enumerate() {
                for (cx, (held, pixels)) in cells.iter_mut().zip(row.chunks(cell as usize)).enumerate() {
                    for (x, _) in pixels.iter().enumerate().filter(|(_, a)| **a >= HOLDS) {
                        held[0] = true;
                        let (x, y) = ((cx as u32) * cell + x as u32, (cy as u32) * cell + y as u32);
                        held[1] = held[1] || core(x, y);
                    }
                }
            }
        });
    let mut reached: Vec<bool> = cells.iter().map(|[_, core]| *core).collect();
    let mut open: Vec<usize> = (0..cells.len()).filter(|k| reached[*k]).collect();
    if open.is_empty() {
        return;
    }
    // The cells around what is reached stay too: a faint fringe ends there.
    let mut stays = reached.clone();
    while let Some(k) = open.pop() {
        for n in around(k, cw, ch) {
            stays[n] = true;
            if cells[n][0] && !reached[n] {
                reached[n] = true;
                open.push(n);
            }
        }
    }
    alpha
        .par_chunks_mut(cell_rows)
        .zip(stays.par_chunks(cw.max(1)))
        .filter(|(_, stays)| stays.contains(&false))
        .for_each(|(rows, stays)| {
            for row in rows.chunks_mut(line) {
                for (pixels, _) in row.chunks_mut(cell as usize).zip(stays).filter(|(_, s)| !**s) {
                    pixels.fill(0);
                }
            }
        });
}

/// A cell and its up to eight neighbours on a grid of `cw` by `ch`.
fn around(k: usize, cw: usize, ch: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (k % cw, k / cw);
    let columns = x.saturating_sub(1)..=(x + 1).min(cw - 1);
    (y.saturating_sub(1)..=(y + 1).min(ch - 1)).flat_map(move |y| columns.clone().map(move |x| y * cw + x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    const UNIT: f32 = 48.0;

    /// A head around (60, 80) of radius 40; whatever lies within ten pixels of its middle is the core.
    fn kept(mut alpha: GrayImage) -> GrayImage {
        keep_person(&mut alpha, UNIT, |x, y| {
            x.abs_diff(60) < 10 && y.abs_diff(80) < 10
        });
        alpha
    }

    fn head(more: impl Fn(u32, u32) -> u8) -> GrayImage {
        GrayImage::from_fn(160, 160, |x, y| {
            let inside = (x as f32 - 60.0).hypot(y as f32 - 80.0) < 40.0;
            Luma([if inside { 255 } else { more(x, y) }])
        })
    }

    #[test]
    fn a_blob_a_fingers_breadth_beside_the_head_goes() {
        // 17 mm at 63 mm between the eyes are 13 of 48 pixels.
        let blob = |x: u32, y: u32| (113..133).contains(&x) && (70..95).contains(&y);
        let got = kept(head(|x, y| if blob(x, y) { 255 } else { 0 }));
        assert_eq!(got, head(|_, _| 0));
    }

    #[test]
    fn a_blob_on_a_faint_veil_goes_and_takes_the_veil_along() {
        let got = kept(head(|x, y| match (x, y) {
            (120..140, 70..95) => 255,
            (100..120, 70..95) => 20,
            _ => 0,
        }));
        assert_eq!(got.get_pixel(130, 80).0[0], 0);
        assert_eq!(got.get_pixel(115, 80).0[0], 0);
    }

    #[test]
    fn a_faint_strand_with_a_short_gap_stays_whole() {
        let strand = |x: u32, y: u32| if x == 60 && y < 42 && y != 30 { 40 } else { 0 };
        let before = head(strand);
        assert_eq!(kept(before.clone()), before);
    }

    #[test]
    fn without_a_person_in_the_core_everything_stays() {
        let mut alpha = GrayImage::new(160, 160);
        alpha.put_pixel(5, 5, Luma([255]));
        assert_eq!(kept(alpha.clone()), alpha);
    }
}
