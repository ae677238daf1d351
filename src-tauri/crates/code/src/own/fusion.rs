//! What several frames say of the same symbol, added up module by module.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::decode::{self, Decoded};
use super::equalize::Sampled;
use super::layout::Layout;
use super::locate::Located;
use super::plane::{Light, Plane};

/// Rounds of learning from one's own decisions.
const ROUNDS: usize = 3;

/// Frames added up: the time they take grows with them.
const MOST_FRAMES: usize = 8;

/// Rounds of learning from what all frames say together.
const ROUNDS_TOGETHER: usize = 2;

/// Rounds of taking a module's neighbours off it.
const ROUNDS_CANCELLED: usize = 2;

/// Modules a side up to which neighbours are taken off: eight frames of version 11 take about 25 ms. A collection code
/// has some seventy bytes, version 5 or so.
const MOST_CANCELLED: usize = 61;

/// Certainty from which frames learn from their sum, and neighbours are taken off: poorer guesses mislead.
const LEAST_CERTAINTY: f32 = 0.5;

/// Frames in a row that may disagree with what was added up before it is given up.
const MOST_STRANGERS: u32 = 2;

/// Standard deviations above chance at which two frames show the same symbol.
const SAME: f32 = 5.0;

/// The sum of what was seen of one symbol.
#[derive(Default)]
pub(crate) struct Memory {
    version: usize,
    /// The newest last.
    frames: VecDeque<Seen>,
    strangers: u32,
}

/// What one frame shows of the symbol.
struct Seen {
    sampled: Sampled,
    /// Log-likelihood ratios of the modules; as secret as the code itself.
    says: Zeroizing<Vec<f32>>,
}

impl Memory {
    /// Decodes what this frame shows at the place, alone and then together with the frames before.
    pub(crate) fn read(&mut self, light: &Light, located: &Located) -> Option<Decoded> {
        let layout = Layout::new(located.version)?;
        let plane = Plane::new(&located.corners, layout.side as f32)?;
        let sign = if located.inverted { -1.0 } else { 1.0 };
        let sampled = Sampled::new(light, &plane, layout.side, sign);
        if let Some(decoded) = decode::decode(&sampled.plain(&layout), &layout) {
            return Some(decoded);
        }
        let says = Zeroizing::new(sampled.equalized(&layout, None));
        let alone = alone(&sampled, &layout, &says, located.may_be());
        if alone.is_some() || !located.may_be() {
            return alone;
        }
        self.together(sampled, &layout, says)
    }

    fn together(&mut self, sampled: Sampled, layout: &Layout, says: Zeroizing<Vec<f32>>) -> Option<Decoded> {
        let known = self.version == layout.version && same(&self.sum(), &says, layout);
        if !(self.frames.is_empty() || known) {
            self.strangers += 1;
            if self.strangers <= MOST_STRANGERS {
                return None;
            }
            self.frames.clear();
        }
        self.version = layout.version;
        self.strangers = 0;
        self.frames.push_back(Seen { sampled, says });
        if self.frames.len() > MOST_FRAMES {
            self.frames.pop_front();
        }
        if self.frames.len() < 2 {
            return None;
        }
        let mut sum = self.sum();
        for _ in 0..ROUNDS_TOGETHER {
            if let Some(decoded) = decode::decode(&sum, layout) {
                return Some(decoded);
            }
            if certainty(&sum) < LEAST_CERTAINTY {
                return None;
            }
            sum = self.taught(&sum, layout);
        }
        if let Some(decoded) = decode::decode(&sum, layout) {
            return Some(decoded);
        }
        if layout.side > MOST_CANCELLED || certainty(&sum) < LEAST_CERTAINTY {
            return None;
        }
        decode::decode(&self.cancelled(&sum, layout)?, layout)
    }

    /// The sum when every frame takes the neighbours off by what they say together.
    fn cancelled(&self, guess: &[f32], layout: &Layout) -> Option<Zeroizing<Vec<f32>>> {
        let mut sum = Zeroizing::new(vec![0.0; guess.len()]);
        for seen in &self.frames {
            add(&mut sum, &seen.sampled.cancelled(layout, guess)?);
        }
        Some(sum)
    }

    /// The sum when every frame learns from what they say together. It is not kept: what is learned from
    /// wrong decisions would stay wrong.
    fn taught(&self, sum: &[f32], layout: &Layout) -> Zeroizing<Vec<f32>> {
        let mut taught = Zeroizing::new(vec![0.0; sum.len()]);
        for seen in &self.frames {
            add(&mut taught, &seen.sampled.equalized(layout, Some(sum)));
        }
        taught
    }

    pub(super) fn sum(&self) -> Zeroizing<Vec<f32>> {
        let modules = self.frames.front().map_or(0, |seen| seen.says.len());
        let mut sum = Zeroizing::new(vec![0.0; modules]);
        for seen in &self.frames {
            add(&mut sum, &seen.says);
        }
        sum
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn add(sum: &mut [f32], other: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(other) {
        *sum += value;
    }
}

/// Decodes one frame by itself, which learns from its own decisions as far as they can be trusted.
fn alone(sampled: &Sampled, layout: &Layout, says: &[f32], may_be: bool) -> Option<Decoded> {
    if let Some(decoded) = decode::decode(says, layout) {
        return Some(decoded);
    }
    let mut guess = Zeroizing::new(says.to_vec());
    for _ in 0..ROUNDS {
        guess = Zeroizing::new(sampled.equalized(layout, Some(&guess)));
        if let Some(decoded) = decode::decode(&guess, layout) {
            return Some(decoded);
        }
    }
    let worth_it = may_be && layout.side <= MOST_CANCELLED;
    for _ in 0..ROUNDS_CANCELLED {
        if !worth_it || certainty(&guess) < LEAST_CERTAINTY {
            return None;
        }
        guess = sampled.cancelled(layout, &guess)?;
        if let Some(decoded) = decode::decode(&guess, layout) {
            return Some(decoded);
        }
    }
    None
}

/// How sure of its modules a reading is, 0–1.
fn certainty(likelihoods: &[f32]) -> f32 {
    let sum: f32 = likelihoods.iter().map(|value| (value * 0.5).tanh().abs()).sum();
    sum / likelihoods.len().max(1) as f32
}

/// Whether two readings are of the same symbol by their data modules.
fn same(one: &[f32], other: &[f32], layout: &Layout) -> bool {
    let (mut sum, mut squares) = (0.0, 0.0);
    for place in &layout.data {
        let (a, b) = ((one[*place] * 0.5).tanh(), (other[*place] * 0.5).tanh());
        sum += a * b;
        squares += (a * b).powi(2);
    }
    sum > SAME * squares.sqrt()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Scene;
    use super::*;
    use crate::reader::tests::symbol;
    use image::{GrayImage, imageops};

    /// The symbol in a frame, blurred, with grain of its own in every frame.
    fn shown(bytes: &[u8], frame: u32) -> GrayImage {
        let mut shown = imageops::blur(&symbol(bytes, 3), 1.6);
        add_grain(&mut shown, GRAIN, frame);
        shown
    }

    /// Adds noise of this sigma in levels, the same for the same seed.
    pub(in crate::own) fn add_grain(shown: &mut GrayImage, sigma: i32, seed: u32) {
        let mut state = 0x9e37_79b9_u32.wrapping_mul(seed + 1);
        for pixel in shown.pixels_mut() {
            // Twelve dice of 0–255 have a sigma of 256.
            let dice: i32 = (0..12)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    (state >> 24) as i32
                })
                .sum();
            let grain = (dice - 12 * 128) * sigma / 256;
            pixel.0[0] = (i32::from(pixel.0[0]) + grain).clamp(0, 255) as u8;
        }
    }

    /// Levels, one sigma.
    const GRAIN: i32 = 40;

    fn read(bytes: &[u8], frame: u32, memory: &mut Memory) -> Option<Vec<u8>> {
        let frame = shown(bytes, frame);
        let (quiet, far) = (12.0, frame.width() as f32 - 12.0);
        let corners = [[quiet, quiet], [far, quiet], [far, far], [quiet, far]];
        let modules = frame.width() / 3 - 8;
        let scene = Scene::new(&frame).unwrap();
        let located = scene.within(&corners, modules).unwrap();
        scene
            .read(&located, memory)
            .map(|read| read.text.expose().to_vec())
    }

    const MINE: &[u8] = b"a made-up text of some sixty letters, for a symbol of version 4";
    const YOURS: &[u8] = b"another one with as many of them as that, yet not quite the same";

    #[test]
    fn frames_that_say_nothing_alone_are_read_together() {
        let mut alone = Memory::default();
        for frame in 0..6 {
            alone.clear();
            assert_eq!(read(MINE, frame, &mut alone), None, "frame {frame} by itself");
        }
        let mut together = Memory::default();
        let found = (0..6).find_map(|frame| read(MINE, frame, &mut together));
        assert_eq!(found.as_deref(), Some(MINE));
    }

    #[test]
    fn another_symbol_is_not_added_to_this_one() {
        let mut memory = Memory::default();
        assert_eq!(read(MINE, 0, &mut memory), None);
        for frame in 10..22 {
            if let Some(found) = read(YOURS, frame, &mut memory) {
                assert_eq!(found, YOURS);
                return;
            }
        }
        panic!("the new symbol is taken up once the old one is gone");
    }
}
