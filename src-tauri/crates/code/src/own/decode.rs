//! From the likelihood of every module to what the symbol says.
//!
//! Every block is tried with ever more of its least reliable bytes erased (Forney's generalized minimum
//! distance). Each trial that would accept too easily is not made: see [`MARGIN_BITS`].

use zeroize::Zeroizing;

use super::layout::{Layout, format_places, format_word, masked};
use super::message;
use super::reed_solomon::correct;
use crate::CodeText;

/// How unlikely a block must be to turn up by chance, in bits. A random word of n bytes is taken for a
/// codeword with r parity bytes, s of them spent on erasures, with at most e errors, with probability
/// C(n − s, e) 255ᵉ / 256^(r − s); all trials on a block together must stay below 2⁻³³ ≈ 1.2e-10.
const MARGIN_BITS: f64 = 33.0;

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
        let right = correct_block(&word, parity, &doubt)?;
        data.extend_from_slice(&right[..length]);
    }
    message::text(&data, layout.version).map(|text| Decoded { text })
}

/// The block's codeword by trials, plain decoding first.
fn correct_block(word: &[u8], parity: usize, doubt: &[f32]) -> Option<Zeroizing<Vec<u8>>> {
    let mut order: Vec<usize> = (0..word.len()).collect();
    order.sort_by(|one, other| doubt[*other].total_cmp(&doubt[*one]));
    let trials = (parity / 2 + 1) as f64;
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
        let margin = 8.0 * (parity - erasures - errors) as f64 - ways - trials.log2();
        if margin < MARGIN_BITS {
            break;
        }
        most = Some(errors);
    }
    most
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

    #[test]
    fn chance_says_nothing() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        };
        for version in 1..=12 {
            let layout = Layout::new(version).unwrap();
            for _ in 0..60 {
                let read: Vec<f32> = (0..layout.side * layout.side).map(|_| noise() * 4.0).collect();
                assert!(decode_as(&read, &layout, 9).is_none());
                assert!(decode(&read, &layout).is_none());
            }
        }
    }

    #[test]
    fn weak_blocks_correct_less_than_they_could() {
        // Version 1-L: 26 bytes, 7 parity. Two errors are beyond the bound here, three the arithmetic limit.
        assert!(most_errors(26, 7, 0, 1.0) < Some(3));
        assert_eq!(most_errors(70, 26, 0, 1.0), Some(13));
        assert_eq!(most_errors(70, 26, 24, 1.0), None);
    }
}
