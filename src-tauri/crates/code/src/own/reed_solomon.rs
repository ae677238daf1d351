//! Reed–Solomon over GF(256) as QR codes use it: errors and erasures.
//!
//! ISO/IEC 18004, annex A: polynomial x⁸+x⁴+x³+x²+1, first root α⁰. The decoder is Berlekamp–Massey begun
//! with the erasure locator (Blahut, "Algebraic Codes for Data Transmission", 7.4), Chien search, Forney.

use zeroize::Zeroizing;

/// Powers of α twice over, so that a sum of two logarithms needs no remainder.
const POWERS: [u8; 512] = powers();
const LOGARITHMS: [u8; 256] = logarithms();

const fn powers() -> [u8; 512] {
    let mut table = [0; 512];
    let (mut value, mut i) = (1_u16, 0);
    while i < 512 {
        table[i] = value as u8;
        value <<= 1;
        if value > 255 {
            value ^= 0x11d;
        }
        i += 1;
    }
    table
}

const fn logarithms() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 255 {
        table[POWERS[i] as usize] = i as u8;
        i += 1;
    }
    table
}

fn product(one: u8, other: u8) -> u8 {
    if one == 0 || other == 0 {
        return 0;
    }
    let sum = usize::from(LOGARITHMS[usize::from(one)]) + usize::from(LOGARITHMS[usize::from(other)]);
    POWERS[sum]
}

/// The quotient; 0 for a divisor of 0, which no caller has.
fn quotient(one: u8, other: u8) -> u8 {
    if one == 0 || other == 0 {
        return 0;
    }
    let log = 255 + usize::from(LOGARITHMS[usize::from(one)]) - usize::from(LOGARITHMS[usize::from(other)]);
    POWERS[log]
}

/// The value of a polynomial, lowest power first, at x.
fn value_at(polynomial: &[u8], x: u8) -> u8 {
    polynomial
        .iter()
        .rev()
        .fold(0, |sum, factor| product(sum, x) ^ factor)
}

fn syndromes(word: &[u8], parity: usize) -> Vec<u8> {
    let at = |root: u8| word.iter().fold(0, |sum, byte| product(sum, root) ^ byte);
    POWERS.iter().take(parity).map(|root| at(*root)).collect()
}

/// A corrected word: data and parity.
pub(crate) struct Corrected {
    pub(crate) word: Zeroizing<Vec<u8>>,
    /// Bytes changed outside of the erased places.
    pub(crate) errors: usize,
}

/// The codeword nearest to `word` (at most 255 bytes, the last `parity` of them parity) when the bytes at
/// `erased` are not to be trusted. Nothing when there is none within (parity − erasures) / 2 errors.
pub(crate) fn correct(word: &[u8], parity: usize, erased: &[usize]) -> Option<Corrected> {
    let length = word.len();
    if length > 255 || parity > length || erased.len() > parity || erased.iter().any(|place| *place >= length)
    {
        return None;
    }
    let mut word = Zeroizing::new(word.to_vec());
    let received = syndromes(&word, parity);
    if received.iter().all(|value| *value == 0) {
        return Some(Corrected { word, errors: 0 });
    }
    let locator = error_locator(&received, erased, length)?;
    // Ω = S Λ mod x^parity.
    let evaluator: Vec<u8> = (0..parity)
        .map(|power| {
            let terms = locator.iter().take(power + 1).enumerate();
            terms.fold(0, |sum, (i, factor)| sum ^ product(*factor, received[power - i]))
        })
        .collect();
    // The formal derivative keeps the odd powers, each lowered by one.
    let derivative: Vec<u8> = locator
        .iter()
        .enumerate()
        .skip(1)
        .map(|(power, factor)| if power % 2 == 1 { *factor } else { 0 })
        .collect();
    let (mut roots, mut errors) = (0, 0);
    for place in 0..length {
        let power = length - 1 - place;
        let inverse = POWERS[(255 - power) % 255];
        if value_at(&locator, inverse) != 0 {
            continue;
        }
        roots += 1;
        let slope = value_at(&derivative, inverse);
        if slope == 0 {
            return None;
        }
        let size = product(POWERS[power], quotient(value_at(&evaluator, inverse), slope));
        word[place] ^= size;
        errors += usize::from(size != 0 && !erased.contains(&place));
    }
    let right = roots == locator.len() - 1
        && erased.len() + 2 * errors <= parity
        && syndromes(&word, parity).iter().all(|value| *value == 0);
    right.then_some(Corrected { word, errors })
}

/// Berlekamp–Massey from the erasures on. The locator's degree is its length less one.
fn error_locator(received: &[u8], erased: &[usize], length: usize) -> Option<Vec<u8>> {
    let parity = received.len();
    let mut locator = vec![0_u8; parity + 2];
    locator[0] = 1;
    for (count, place) in erased.iter().enumerate() {
        let at = POWERS[length - 1 - place];
        for power in (1..=count + 1).rev() {
            locator[power] ^= product(locator[power - 1], at);
        }
    }
    let mut last = locator.clone();
    let known = erased.len();
    let mut degree = known;
    for step in known + 1..=parity {
        let terms = locator.iter().take(step).enumerate();
        let gap = terms.fold(0, |sum, (i, factor)| {
            sum ^ product(*factor, received[step - 1 - i])
        });
        last.rotate_right(1);
        last[0] = 0;
        if gap == 0 {
            continue;
        }
        let before = locator.clone();
        for (factor, old) in locator.iter_mut().zip(&last) {
            *factor ^= product(gap, *old);
        }
        if 2 * degree < step + known {
            degree = step + known - degree;
            last = before.iter().map(|factor| quotient(*factor, gap)).collect();
        }
    }
    let end = locator.iter().rposition(|factor| *factor != 0)?;
    locator.truncate(end + 1);
    (end == degree && 2 * degree <= parity + known).then_some(locator)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any data with its parity, by long division.
    fn encoded(data: &[u8], parity: usize) -> Vec<u8> {
        let mut generator = vec![1_u8];
        for root in POWERS.iter().take(parity) {
            let mut next = generator.clone();
            next.push(0);
            for (i, factor) in generator.iter().enumerate() {
                next[i + 1] ^= product(*factor, *root);
            }
            generator = next;
        }
        let mut rest = data.to_vec();
        rest.resize(data.len() + parity, 0);
        for i in 0..data.len() {
            let lead = rest[i];
            for (j, factor) in generator.iter().enumerate() {
                rest[i + j] ^= product(lead, *factor);
            }
        }
        [data, &rest[data.len()..]].concat()
    }

    #[test]
    fn every_mixture_of_errors_and_erasures_within_the_bound_is_corrected() {
        let data: Vec<u8> = (0..60_u8).map(|i| i.wrapping_mul(73) ^ 0x5a).collect();
        for parity in [7, 10, 16, 22, 30] {
            let right = encoded(&data, parity);
            for erasures in 0..=parity {
                let errors = (parity - erasures) / 2;
                let mut word = right.clone();
                let places: Vec<usize> = (0..erasures + errors)
                    .map(|i| (i * 31 + parity) % word.len())
                    .collect();
                for (i, place) in places.iter().enumerate() {
                    word[*place] ^= (i as u8).wrapping_mul(97) | 1;
                }
                let corrected = correct(&word, parity, &places[..erasures]).unwrap();
                assert_eq!(*corrected.word, right, "{parity} parity, {erasures} erased");
                assert_eq!(corrected.errors, errors);
            }
        }
    }

    #[test]
    fn beyond_the_bound_nothing_is_made_up_and_nothing_panics() {
        let data: Vec<u8> = (0..60).collect();
        let right = encoded(&data, 30);
        let mut word = right.clone();
        for i in 0..22 {
            word[i * 4] ^= 0x55;
        }
        assert!(correct(&word, 30, &[]).is_none());
        assert!(correct(&word, 30, &[500]).is_none());
        assert!(correct(&[], 0, &[]).is_some_and(|corrected| corrected.word.is_empty()));
        assert!(correct(&[1; 300], 30, &[]).is_none());
        assert!(correct(&[1; 5], 30, &[]).is_none());
    }
}
