//! From the likelihood of every module to what the symbol says.
//!
//! Every block is tried with ever more of its least reliable bytes erased (Forney's generalized minimum
//! distance). Each trial that would accept too easily is not made: see [`MARGIN_BITS`].

use zeroize::Zeroizing;

use super::layout::{Layout, format_places, format_word, masked};
use super::message;
use super::reed_solomon::correct;
use crate::CodeText;

/// How unlikely a wrong reading must be, in bits: one in 10⁹ of all the tries on one symbol in one frame.
///
/// A random word of n bytes is taken for a codeword with r parity bytes, s of them spent on erasures, with at
/// most e errors, with probability C(n − s, e) 255ᵉ / 256^(r − s). What a noisy symbol shows is no better than
/// random as soon as it is further from its own codeword than e. All trials on a block, all blocks (one of
/// them is enough to be wrong when the others are right) and all [`DECODES`] together must stay below 2⁻³⁰;
/// so of the code's own power to correct some is left unused: one error in 26 bytes with 7 of parity where
/// three could be corrected. What the message must look like (see `message`) comes on top and is not counted.
const MARGIN_BITS: f64 = 30.0;

/// Decodings of one symbol in one frame: seven readings alone, four with the frames before, two format words
/// and two ways round each; as a power of two.
const DECODES: f64 = 64.0;

/// Format words tried: the best ones by likelihood.
const FORMATS: usize = 2;

/// Below this agreement of the format information (1: every module as it should, 0: chance) nothing is
/// decoded. Chance gives the best of 32 words over 30 modules about 0.45.
const LEAST_AGREEMENT: f32 = 0.30;

/// A decoded symbol.
pub(crate) struct Decoded {
    pub(crate) text: CodeText,
}

/// The two best format data (5 bits: level, mask) with their agreement −1..=1, best first.
pub(crate) fn formats(likelihoods: &[f32], side: usize) -> [(u32, f32); FORMATS] {
    let mut best = [(0, -1.0_f32); FORMATS];
    let at = |bit: usize| {
        let [(x0, y0), (x1, y1)] = format_places(bit, side);
        let one = |place: usize| likelihoods.get(place).copied().unwrap_or(0.0).clamp(-8.0, 8.0);
        one(y0 * side + x0) + one(y1 * side + x1)
    };
    let read: [f32; 15] = std::array::from_fn(at);
    let all: f32 = read.iter().map(|value| value.abs()).sum::<f32>().max(1e-6);
    for data in 0..32 {
        let word = format_word(data);
        let sum: f32 = (0..15)
            .map(|bit| {
                if word >> bit & 1 == 1 {
                    read[bit]
                } else {
                    -read[bit]
                }
            })
            .sum();
        let agreement = sum / all;
        if agreement > best[0].1 {
            best[1] = best[0];
            best[0] = (data, agreement);
        } else if agreement > best[1].1 {
            best[1] = (data, agreement);
        }
    }
    best
}

/// Decodes a symbol from the log-likelihood ratio of every module, row by row, positive for dark.
pub(crate) fn decode(likelihoods: &[f32], layout: &Layout) -> Option<Decoded> {
    if likelihoods.len() != layout.side * layout.side {
        return None;
    }
    formats(likelihoods, layout.side)
        .into_iter()
        .filter(|(_, agreement)| *agreement >= LEAST_AGREEMENT)
        .find_map(|(format, _)| decode_as(likelihoods, layout, format))
}

fn decode_as(likelihoods: &[f32], layout: &Layout, format: u32) -> Option<Decoded> {
    let level = [1, 0, 3, 2][(format >> 3) as usize & 3];
    let mask = format & 7;
    let total = layout.data.len() / 8;
    let mut bytes = Zeroizing::new(Vec::with_capacity(total));
    let mut doubts = Vec::with_capacity(total);
    for places in layout.data.chunks_exact(8) {
        let (mut byte, mut sure) = (0_u8, 1.0_f32);
        for place in places {
            let (x, y) = (place % layout.side, place / layout.side);
            let value = likelihoods[*place];
            byte = byte << 1 | u8::from((value > 0.0) != masked(mask, x, y));
            sure *= 1.0 / (1.0 + (-value.abs()).exp());
        }
        bytes.push(byte);
        doubts.push(1.0 - sure);
    }
    let (parity, blocks) = layout.protection(level);
    let short = total / blocks - parity;
    let long_blocks = total % blocks;
    let mut data = Zeroizing::new(Vec::with_capacity(total));
    for block in 0..blocks {
        let long = block >= blocks - long_blocks;
        let length = short + usize::from(long);
        let place = |i: usize| match i {
            _ if i < short => i * blocks + block,
            _ if i < length => short * blocks + block - (blocks - long_blocks),
            _ => total - blocks * parity + (i - length) * blocks + block,
        };
        let word: Zeroizing<Vec<u8>> =
            Zeroizing::new((0..length + parity).map(|i| bytes[place(i)]).collect());
        let doubt: Vec<f32> = (0..length + parity).map(|i| doubts[place(i)]).collect();
        let right = correct_block(&word, parity, &doubt, blocks)?;
        data.extend_from_slice(&right[..length]);
    }
    message::text(&data, layout.version).map(|text| Decoded { text })
}

/// The block's codeword by trials, plain decoding first.
fn correct_block(word: &[u8], parity: usize, doubt: &[f32], blocks: usize) -> Option<Zeroizing<Vec<u8>>> {
    let mut order: Vec<usize> = (0..word.len()).collect();
    order.sort_by(|one, other| doubt[*other].total_cmp(&doubt[*one]));
    let trials = (parity / 2 + 1) as f64 * blocks as f64 * DECODES;
    for erasures in 0..parity {
        let most = most_errors(word.len(), parity, erasures, trials);
        let Some(most) = most else { break };
        // With an odd rest the last parity byte is idle: the next trial has it all.
        if (parity - erasures) % 2 == 1 && erasures > 0 {
            continue;
        }
        if let Some(right) = correct(word, parity, &order[..erasures])
            && right.errors <= most
        {
            return Some(right.word);
        }
    }
    None
}

/// The most errors beside `erasures` for which a codeword is still no accident; nothing when even none is
/// too many.
fn most_errors(length: usize, parity: usize, erasures: usize, trials: f64) -> Option<usize> {
    let mut most = None;
    let mut ways = 0.0; // log2 of C(length − erasures, errors)
    for errors in 0..=(parity - erasures) / 2 {
        if errors > 0 {
            ways += ((length - erasures + 1 - errors) as f64 / errors as f64).log2();
        }
        let chance = chance_bits(parity - erasures, errors, ways);
        if chance - trials.log2() < MARGIN_BITS {
            break;
        }
        most = Some(errors);
    }
    most
}

/// −log2 of the probability that a random word lies within `errors` of a codeword, `rest` parity bytes being
/// left; `ways` is log2 of the number of places the errors can have.
fn chance_bits(rest: usize, errors: usize, ways: f64) -> f64 {
    8.0 * (rest - errors) as f64 - ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use qrcode::{EcLevel, QrCode, Version};

    fn likelihoods(code: &QrCode) -> Vec<f32> {
        let dark = |color: qrcode::Color| if color == qrcode::Color::Dark { 6.0 } else { -6.0 };
        code.to_colors().into_iter().map(dark).collect()
    }

    #[test]
    fn every_version_and_level_is_decoded_and_its_fixed_modules_are_where_they_should_be() {
        for version in 1..=40_i16 {
            for level in [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H] {
                let text: Vec<u8> = (0..7_u8).map(|i| i.wrapping_mul(37) ^ version as u8).collect();
                let code = QrCode::with_version(&text, Version::Normal(version), level).unwrap();
                let layout = Layout::new(version as usize).unwrap();
                let read = likelihoods(&code);
                for (fixed, value) in layout.fixed.iter().zip(&read) {
                    assert!(
                        fixed.is_none_or(|dark| dark == (*value > 0.0)),
                        "version {version}"
                    );
                }
                let decoded = decode(&read, &layout).unwrap();
                assert_eq!(decoded.text.expose(), text, "version {version} {level:?}");
            }
        }
    }

    #[test]
    fn every_mode_gives_its_bytes() {
        for text in [
            &b"0123456789012345678901"[..],
            b"HELLO WORLD $%*+-./:",
            b"mixed 12345678901234567890 ABCDEFGHIJKLMNOPQRST and \xff\x00",
            &[0x93, 0x5f, 0xe4, 0xaa, 0x88, 0x9f],
        ] {
            let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
            let layout = Layout::new((code.width() - 17) / 4).unwrap();
            assert_eq!(decode(&likelihoods(&code), &layout).unwrap().text.expose(), text);
        }
    }

    #[test]
    fn a_third_of_the_symbol_may_be_doubtful() {
        let text = [b'x'; 70];
        let code = QrCode::with_version(text, Version::Normal(6), EcLevel::Q).unwrap();
        let layout = Layout::new(6).unwrap();
        let mut read = likelihoods(&code);
        for y in 0..layout.side {
            for x in 13..27 {
                read[y * layout.side + x] = if layout.fixed[y * layout.side + x].is_some() {
                    0.0
                } else {
                    0.01
                };
            }
        }
        // Q restores up to 24 of 43 bytes a block when the lost ones are known, 12 when they are not.
        let plain = read
            .iter()
            .map(|value| if *value > 0.0 { 6.0 } else { -6.0 })
            .collect::<Vec<_>>();
        let soft = decode(&read, &layout);
        assert!(decode(&plain, &layout).is_none(), "the doubt is what saves it");
        assert_eq!(soft.unwrap().text.expose(), text);
    }

    /// Even in −1..1, the same every time (xorshift).
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f32 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 40) as f32 / 8_388_608.0 - 1.0
        }

        fn byte(&mut self) -> u8 {
            self.next();
            (self.0 >> 32) as u8
        }
    }

    #[test]
    fn chance_says_nothing() {
        let mut noise = Noise(88_172_645_463_325_252);
        for version in 1..=12 {
            let layout = Layout::new(version).unwrap();
            for _ in 0..60 {
                let read: Vec<f32> = (0..layout.side * layout.side)
                    .map(|_| noise.next() * 4.0)
                    .collect();
                assert!(decode_as(&read, &layout, 9).is_none());
                assert!(decode(&read, &layout).is_none());
            }
        }
    }

    #[test]
    fn plain_areas_and_stripes_say_nothing() {
        for version in 1..=40 {
            let layout = Layout::new(version).unwrap();
            let side = layout.side;
            let patterns: [fn(usize, usize) -> bool; 6] = [
                |_, _| false,
                |_, _| true,
                |x, _| x % 2 == 0,
                |_, y| y % 2 == 0,
                |x, y| (x + y) % 2 == 0,
                |x, y| x / 2 % 2 == y / 2 % 2,
            ];
            for pattern in patterns {
                let read: Vec<f32> = (0..side * side)
                    .map(|at| if pattern(at % side, at / side) { 6.0 } else { -6.0 })
                    .collect();
                for format in 0..32 {
                    assert!(
                        decode_as(&read, &layout, format).is_none(),
                        "version {version}, {format}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_damaged_symbol_says_the_truth_or_nothing() {
        let mut noise = Noise(0x2545_f491_4f6c_dd1d);
        let (mut right, mut silent) = (0, 0);
        for version in [1, 2, 3, 4, 6] {
            let layout = Layout::new(version).unwrap();
            for level in [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H] {
                let text: Vec<u8> = (0..7).map(|_| noise.byte()).collect();
                let code = QrCode::with_version(&text, Version::Normal(version as i16), level).unwrap();
                let clean = likelihoods(&code);
                for trial in 0_u8..120 {
                    // From a sound symbol to one of which half is guesswork, and guesses as sure as can be.
                    let strength = 4.0 + f32::from(trial) / 12.0;
                    let read: Vec<f32> = clean
                        .iter()
                        .map(|value| value + noise.next() * strength)
                        .collect();
                    match decode(&read, &layout) {
                        Some(decoded) => {
                            assert_eq!(decoded.text.expose(), text, "version {version} {level:?}");
                            right += 1;
                        }
                        None => silent += 1,
                    }
                }
            }
        }
        assert!(
            right > 500 && silent > 500,
            "{right} read, {silent} not: both must be tried"
        );
    }

    #[test]
    fn random_words_are_taken_for_codewords_as_often_as_reckoned() {
        let mut noise = Noise(99_194_853_094_755_497);
        for (length, parity, errors, ways) in [(26, 2, 1, 26.0_f64), (26, 4, 2, 325.0), (60, 4, 2, 1770.0)] {
            let tries = 40_000;
            let mut taken = 0;
            for _ in 0..tries {
                let word: Vec<u8> = (0..length).map(|_| noise.byte()).collect();
                taken += u32::from(correct(&word, parity, &[]).is_some());
            }
            let reckoned = (-chance_bits(parity, errors, ways.log2())).exp2() * f64::from(tries);
            let ratio = f64::from(taken) / reckoned;
            assert!((0.8..1.2).contains(&ratio), "{taken} taken, {reckoned} reckoned");
        }
    }

    #[test]
    fn weak_blocks_correct_less_than_they_could() {
        let trials = 64.0 * 4.0;
        // Version 1-L: 26 bytes, 7 parity. One error is within the bound here, three the arithmetic limit.
        assert_eq!(most_errors(26, 7, 0, trials), Some(1));
        assert_eq!(most_errors(70, 26, 0, trials), Some(13));
        assert_eq!(most_errors(70, 26, 24, trials), None);
    }
}
