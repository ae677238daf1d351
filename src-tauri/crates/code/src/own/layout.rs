//! Where everything stands in a symbol: ISO/IEC 18004, model 2, versions 1 to 40.

/// Parity bytes a block, by level (L, M, Q, H) and version: ISO/IEC 18004, table 9.
const PARITY: [[u8; 40]; 4] = [
    [
        7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26,
        28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
    [
        10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28,
        28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ],
    [
        13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30, 30, 30,
        28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
    [
        17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24, 30, 30, 30,
        30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
    ],
];

/// Blocks, by level and version: ISO/IEC 18004, table 9.
const BLOCKS: [[u8; 40]; 4] = [
    [
        1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16,
        17, 18, 19, 19, 20, 21, 22, 24, 25,
    ],
    [
        1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28,
        29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
    ],
    [
        1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20, 23, 23, 25, 27, 29, 34, 34, 35,
        38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68,
    ],
    [
        1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25, 25, 34, 30, 32, 35, 37, 40, 42,
        45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81,
    ],
];

/// What is known of a symbol once its version is: fixed modules and the way of the data.
pub(crate) struct Layout {
    /// 1–40.
    pub(crate) version: usize,
    /// Modules a side.
    pub(crate) side: usize,
    /// Row by row: `Some(dark)` for the modules every symbol of this version shares (finders, separators,
    /// timing, alignment, the dark module).
    pub(crate) fixed: Vec<Option<bool>>,
    /// The data modules as places in rows, in the order of their bits.
    pub(crate) data: Vec<usize>,
    /// Middles of the alignment patterns, in module numbers.
    pub(crate) alignments: Vec<(usize, usize)>,
}

impl Layout {
    /// Nothing for a version outside 1–40.
    pub(crate) fn new(version: usize) -> Option<Self> {
        if !(1..=40).contains(&version) {
            return None;
        }
        let side = 17 + 4 * version;
        let mut fixed = vec![None; side * side];
        let mut taken = vec![false; side * side];
        for i in 0..side {
            fixed[6 * side + i] = Some(i % 2 == 0);
            fixed[i * side + 6] = Some(i % 2 == 0);
        }
        for (left, top) in [(0, 0), (side - 7, 0), (0, side - 7)] {
            for y in top.max(1) - 1..(top + 8).min(side) {
                for x in left.max(1) - 1..(left + 8).min(side) {
                    let far = (x.abs_diff(left + 3)).max(y.abs_diff(top + 3));
                    fixed[y * side + x] = Some(far != 2 && far < 4);
                }
            }
        }
        let alignments = alignments(version);
        for (x, y) in &alignments {
            for dy in 0..5_usize {
                for dx in 0..5_usize {
                    let far = dx.abs_diff(2).max(dy.abs_diff(2));
                    fixed[(y + dy - 2) * side + x + dx - 2] = Some(far != 1);
                }
            }
        }
        fixed[(side - 8) * side + 8] = Some(true);
        for (taken, fixed) in taken.iter_mut().zip(&fixed) {
            *taken = fixed.is_some();
        }
        for bit in 0..15 {
            for (x, y) in format_places(bit, side) {
                taken[y * side + x] = true;
            }
        }
        if version >= 7 {
            for bit in 0..18 {
                let (far, near) = (side - 11 + bit % 3, bit / 3);
                taken[near * side + far] = true;
                taken[far * side + near] = true;
            }
        }
        let data = data_way(&taken, side);
        Some(Self {
            version,
            side,
            fixed,
            data,
            alignments,
        })
    }

    /// Parity bytes a block and number of blocks for a level 0–3 (L, M, Q, H).
    pub(crate) fn protection(&self, level: usize) -> (usize, usize) {
        let cell = |table: &[[u8; 40]; 4]| usize::from(table[level.min(3)][self.version - 1]);
        (cell(&PARITY), cell(&BLOCKS))
    }
}

fn alignments(version: usize) -> Vec<(usize, usize)> {
    if version < 2 {
        return Vec::new();
    }
    let count = version / 7 + 2;
    let side = 17 + 4 * version;
    let step = if version == 32 {
        26
    } else {
        (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2
    };
    let line: Vec<usize> = (0..count)
        .map(|i| {
            if i == 0 {
                6
            } else {
                side - 7 - (count - 1 - i) * step
            }
        })
        .collect();
    let last = side - 7;
    let all = line.iter().flat_map(|y| line.iter().map(move |x| (*x, *y)));
    all.filter(|place| ![(6, 6), (last, 6), (6, last)].contains(place))
        .collect()
}

/// The two places (x, y) of a bit 0–14 of the format information; bit 0 is the lowest.
pub(crate) fn format_places(bit: usize, side: usize) -> [(usize, usize); 2] {
    let first = match bit {
        0..=5 => (8, bit),
        6 => (8, 7),
        7 => (8, 8),
        8 => (7, 8),
        _ => (14 - bit.min(14), 8),
    };
    let second = if bit < 8 {
        (side - 1 - bit, 8)
    } else {
        (8, side - 15 + bit)
    };
    [first, second]
}

/// The 15 bits of format information for its five data bits.
pub(crate) fn format_word(data: u32) -> u32 {
    let mut rest = data;
    for _ in 0..10 {
        rest = (rest << 1) ^ ((rest >> 9) * 0x537);
    }
    ((data << 10) | rest) ^ 0x5412
}

fn data_way(taken: &[bool], side: usize) -> Vec<usize> {
    let mut way = Vec::with_capacity(side * side);
    let mut right = side - 1;
    loop {
        if right == 6 {
            right = 5;
        }
        let upward = (right + 1) & 2 == 0;
        for step in 0..side {
            let y = if upward { side - 1 - step } else { step };
            for x in [right, right - 1] {
                if !taken[y * side + x] {
                    way.push(y * side + x);
                }
            }
        }
        if right < 3 {
            return way;
        }
        right -= 2;
    }
}

/// Whether mask 0–7 turns the module over.
pub(crate) fn masked(mask: u32, x: usize, y: usize) -> bool {
    let rest = match mask {
        0 => (x + y) % 2,
        1 => y % 2,
        2 => x % 3,
        3 => (x + y) % 3,
        4 => (x / 3 + y / 2) % 2,
        5 => x * y % 2 + x * y % 3,
        6 => (x * y % 2 + x * y % 3) % 2,
        _ => ((x + y) % 2 + x * y % 3) % 2,
    };
    rest == 0
}
