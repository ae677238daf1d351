//! The spectrum of a square of pixels, and the peaks in it that nothing natural has.

/// Side of the square, pixels; a power of two.
pub(crate) const SIDE: usize = 128;

/// A peak above its surroundings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Peak {
    /// Power over the highest power of the frequencies around it.
    pub(crate) height: f64,
    /// Cycles per pixel to the right, -0.5 to 0.5, and downwards, 0 to 0.5.
    pub(crate) at: [f64; 2],
}

/// The strongest peak at a period of 2 to 12 pixels. White noise alone gives 2 to 4. A peak is compared with the
/// highest of the frequencies around it, not with their mean: the spectrum's natural fall and the ridge that a straight
/// edge leaves across it pass by, a grating stays. Multiples of an eighth of a cycle along the rows
/// and columns do not count: JPEG's blocks leave them.
pub(crate) fn peak(square: &[f32]) -> Option<Peak> {
    if square.len() != SIDE * SIDE {
        return None;
    }
    let mean = square.iter().sum::<f32>() / square.len() as f32;
    let window: Vec<f32> = (0..SIDE)
        .map(|i| 0.5 - 0.5 * (std::f32::consts::TAU * (i as f32 + 0.5) / SIDE as f32).cos())
        .collect();
    let mut re: Vec<f32> = square
        .iter()
        .enumerate()
        .map(|(i, v)| (v - mean) * window[i % SIDE] * window[i / SIDE])
        .collect();
    let mut im = vec![0.0f32; SIDE * SIDE];
    let turns: Vec<[f32; 2]> = (0..SIDE / 2)
        .map(|k| (-std::f32::consts::TAU * k as f32 / SIDE as f32).sin_cos().into())
        .collect();
    for y in 0..SIDE {
        let row = y * SIDE..(y + 1) * SIDE;
        transform(&mut re[row.clone()], &mut im[row], &turns);
    }
    let (mut a, mut b) = (vec![0.0f32; SIDE], vec![0.0f32; SIDE]);
    for x in 0..SIDE {
        for y in 0..SIDE {
            (a[y], b[y]) = (re[y * SIDE + x], im[y * SIDE + x]);
        }
        transform(&mut a, &mut b, &turns);
        for y in 0..SIDE {
            (re[y * SIDE + x], im[y * SIDE + x]) = (a[y], b[y]);
        }
    }
    let power: Vec<f32> = re.iter().zip(&im).map(|(a, b)| a * a + b * b).collect();
    Some(highest(&power))
}

fn highest(power: &[f32]) -> Peak {
    let half = (SIDE / 2) as isize;
    // Bins to the right and down; the other half mirrors it.
    let at = |u: isize, v: isize| {
        let wrap = |k: isize| k.rem_euclid(SIDE as isize) as usize;
        power[wrap(v) * SIDE + wrap(u)]
    };
    let mut best = Peak {
        height: 0.0,
        at: [0.0, 0.0],
    };
    for v in 0..=half {
        for u in -half..half {
            let reach = ((u * u + v * v) as f32).sqrt() / SIDE as f32;
            if !(1.0 / 12.0..=0.5).contains(&reach) {
                continue;
            }
            // Rows and columns: JPEG's grid of eight.
            let grid = |k: isize| (k.rem_euclid(16) + 1) % 16 <= 2;
            if (v.abs() <= 1 && grid(u)) || (u.abs() <= 1 && grid(v)) {
                continue;
            }
            let here = at(u, v);
            // Only a bin that tops its neighbours can be a peak; most end here.
            if (-1..=1).any(|dv| (-1..=1).any(|du| at(u + du, v + dv) > here)) {
                continue;
            }
            let mut around = 1e-3f32;
            for dv in -6..=6isize {
                for du in -6..=6isize {
                    if du.abs().max(dv.abs()) > 2 {
                        around = around.max(at(u + du, v + dv));
                    }
                }
            }
            let height = f64::from(here) / f64::from(around);
            if height > best.height {
                best = Peak {
                    height,
                    at: [u as f64 / SIDE as f64, v as f64 / SIDE as f64],
                };
            }
        }
    }
    best
}

/// Discrete Fourier transform in place, radix two. Both slices are [`SIDE`] long; `turns` are sine and cosine of the
/// first half turn in as many steps as the slices are long, backwards.
fn transform(re: &mut [f32], im: &mut [f32], turns: &[[f32; 2]]) {
    let n = re.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if j > i {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut long = 2;
    while long <= n {
        for k in 0..long / 2 {
            let [sin, cos] = turns[k * (n / long)];
            for start in (k..n).step_by(long) {
                let other = start + long / 2;
                let (a, b) = (
                    re[other] * cos - im[other] * sin,
                    re[other] * sin + im[other] * cos,
                );
                (re[other], im[other]) = (re[start] - a, im[start] - b);
                re[start] += a;
                im[start] += b;
            }
        }
        long *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: usize) -> f32 {
        let mut v = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        v ^= v >> 31;
        v = v.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (v >> 40) as f32 / (1 << 24) as f32 - 0.5
    }

    #[test]
    fn a_faint_grating_stands_out_of_noise_at_its_place() {
        let plain: Vec<f32> = (0..SIDE * SIDE).map(|i| 4.0 * noise(i)).collect();
        let without = peak(&plain).unwrap();
        assert!(without.height < 6.0, "{without:?}");
        let grating: Vec<f32> = plain
            .iter()
            .enumerate()
            .map(|(i, v)| {
                let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
                v + (std::f32::consts::TAU * (0.21 * x + 0.11 * y)).sin()
            })
            .collect();
        let with = peak(&grating).unwrap();
        assert!(with.height > 30.0, "{with:?}");
        assert!(
            (with.at[0] - 0.21).abs() < 0.01 && (with.at[1] - 0.11).abs() < 0.01,
            "{with:?}"
        );
    }

    #[test]
    fn an_edge_and_the_grid_of_jpeg_are_no_peaks() {
        let edge: Vec<f32> = (0..SIDE * SIDE)
            .map(|i| f32::from(u8::from(i % SIDE + i / SIDE / 3 > 70)) * 100.0 + noise(i))
            .collect();
        assert!(peak(&edge).unwrap().height < 6.0, "{:?}", peak(&edge));
        let grid: Vec<f32> = (0..SIDE * SIDE)
            .map(|i| f32::from(u8::from(i % 8 == 0)) * 3.0 + noise(i))
            .collect();
        assert!(peak(&grid).unwrap().height < 6.0, "{:?}", peak(&grid));
        assert!(peak(&[0.0; 4]).is_none());
    }
}
