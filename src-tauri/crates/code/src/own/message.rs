//! From corrected data bytes to the bytes a symbol says: ISO/IEC 18004, 7.4.

use zeroize::Zeroizing;

use crate::CodeText;

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `count` bits, at most 16; nothing when there are not as many.
    fn take(&mut self, count: usize) -> Option<usize> {
        if self.left() < count {
            return None;
        }
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | usize::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}

const LETTERS: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// What the data of a symbol says. Nothing when the segments or the padding behind them do not follow the
/// standard, when nothing is said, or in the modes no collection code has (FNC1, structured append, Hanzi). The character set of an
/// ECI is passed over: the bytes are given as they are.
pub(crate) fn text(data: &[u8], version: usize) -> Option<CodeText> {
    let mut bits = Bits { bytes: data, at: 0 };
    let size = usize::from(version >= 10) + usize::from(version >= 27);
    // Room for the longest text, so that no half-filled buffer is moved and left behind.
    let mut said = Zeroizing::new(Vec::with_capacity(data.len() * 3));
    while bits.left() >= 4 {
        match bits.take(4)? {
            0 => break,
            1 => numeric(&mut bits, [10, 12, 14][size], &mut said)?,
            2 => alphanumeric(&mut bits, [9, 11, 13][size], &mut said)?,
            4 => {
                let count = bits.take([8, 16, 16][size])?;
                for _ in 0..count {
                    said.push(bits.take(8)? as u8);
                }
            }
            7 => match bits.take(8)? {
                one if one < 0x80 => {}
                two if two < 0xc0 => drop(bits.take(8)?),
                three if three < 0xe0 => drop(bits.take(16)?),
                _ => return None,
            },
            8 => kanji(&mut bits, [8, 10, 12][size], &mut said)?,
            _ => return None,
        }
    }
    (!said.is_empty() && is_padding(data, bits.at)).then(|| CodeText::from(said.as_slice()))
}

/// Whether what follows the last segment is padding: zeros to the end of the byte (some writers put a byte or
/// all of them), then 0xec and 0x11 in turn.
fn is_padding(data: &[u8], at: usize) -> bool {
    let begun = data.get(at / 8).filter(|_| !at.is_multiple_of(8));
    let rest = data.get(at.div_ceil(8)..).unwrap_or_default();
    let padding = rest.iter().skip_while(|byte| **byte == 0);
    begun.is_none_or(|byte| byte << (at % 8) == 0)
        && padding
            .zip([0xec, 0x11].iter().cycle())
            .all(|(byte, padding)| byte == padding)
}

fn numeric(bits: &mut Bits, count_bits: usize, said: &mut Vec<u8>) -> Option<()> {
    let mut left = bits.take(count_bits)?;
    while left > 0 {
        let digits = left.min(3);
        let value = bits.take([0, 4, 7, 10][digits])?;
        if value >= [1, 10, 100, 1000][digits] {
            return None;
        }
        for place in (0..digits).rev() {
            said.push(b'0' + (value / [1, 10, 100][place] % 10) as u8);
        }
        left -= digits;
    }
    Some(())
}

fn alphanumeric(bits: &mut Bits, count_bits: usize, said: &mut Vec<u8>) -> Option<()> {
    let mut left = bits.take(count_bits)?;
    while left > 0 {
        if left > 1 {
            let pair = bits.take(11)?;
            said.push(*LETTERS.get(pair / 45)?);
            said.push(LETTERS[pair % 45]);
            left -= 2;
        } else {
            said.push(*LETTERS.get(bits.take(6)?)?);
            left = 0;
        }
    }
    Some(())
}

fn kanji(bits: &mut Bits, count_bits: usize, said: &mut Vec<u8>) -> Option<()> {
    for _ in 0..bits.take(count_bits)? {
        let value = bits.take(13)?;
        let joined = ((value / 0xc0) << 8) | (value % 0xc0);
        let joined = joined + if joined < 0x1f00 { 0x8140 } else { 0xc140 };
        said.push((joined >> 8) as u8);
        said.push((joined & 0xff) as u8);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_padding_may_follow_a_message() {
        // Byte mode, two bytes "hi", terminator: 0100 00000010 01101000 01101001 0000.
        let message = [0x40, 0x26, 0x86, 0x90];
        let read =
            |padding: &[u8]| text(&[&message[..], padding].concat(), 1).map(|text| text.expose().to_vec());
        for padding in [
            &[][..],
            &[0xec],
            &[0xec, 0x11, 0xec],
            &[0, 0xec, 0x11],
            &[0, 0, 0],
        ] {
            assert_eq!(read(padding).as_deref(), Some(&b"hi"[..]), "{padding:02x?}");
        }
        for other in [&[0x11][..], &[0xec, 0xec], &[1], &[0xec, 0x11, 0]] {
            assert_eq!(read(other), None, "{other:02x?}");
        }
    }
}
