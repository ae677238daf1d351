//! What several frames say of the same symbol, added up module by module.

use zeroize::Zeroizing;

use super::decode::{self, Decoded};
use super::equalize::Sampled;
use super::layout::Layout;
use super::locate::Located;
use super::plane::{Light, Plane};

/// Rounds of learning from one's own decisions.
const ROUNDS: usize = 3;

/// Frames in a row that may disagree with what was added up before it is given up.
const MOST_STRANGERS: u32 = 2;

/// Standard deviations above chance at which two frames show the same symbol.
const SAME: f32 = 5.0;

/// The sum of what was seen of one symbol.
#[derive(Default)]
pub(crate) struct Memory {
    version: usize,
    /// Log-likelihood ratios; as secret as the code itself.
    sum: Zeroizing<Vec<f32>>,
    strangers: u32,
    /// Frames added up.
    pub(crate) frames: u32,
}

impl Memory {
    /// Decodes what this frame shows at the place, alone and then together with the frames before.
    pub(crate) fn read(&mut self, light: &Light, located: &Located) -> Option<Decoded> {
        let layout = Layout::new(located.version)?;
        let plane = Plane::new(&located.corners, layout.side as f32)?;
        let sign = if located.inverted { -1.0 } else { 1.0 };
        let sampled = Sampled::new(light, &plane, layout.side, sign);
        let plain = sampled.plain();
        if let Some(decoded) = decode::decode(&plain, &layout) {
            return Some(decoded);
        }
        let mut guess = sampled.equalized(&layout, None);
        for _ in 0..ROUNDS {
            if let Some(decoded) = decode::decode(&guess, &layout) {
                return Some(decoded);
            }
            guess = sampled.equalized(&layout, Some(&guess));
        }
        if let Some(decoded) = decode::decode(&guess, &layout) {
            return Some(decoded);
        }
        self.together(&sampled, &layout, guess)
    }

    fn together(&mut self, sampled: &Sampled, layout: &Layout, alone: Vec<f32>) -> Option<Decoded> {
        if self.frames == 0 || self.version != layout.version {
            self.begin(layout.version, alone);
            return None;
        }
        if !same(&self.sum, &alone, layout) {
            self.strangers += 1;
            if self.strangers > MOST_STRANGERS {
                self.begin(layout.version, alone);
            }
            return None;
        }
        self.strangers = 0;
        self.frames += 1;
        // The earlier frames are the better teachers of this one.
        let taught = sampled.equalized(layout, Some(&self.sum));
        for (sum, value) in self.sum.iter_mut().zip(&taught) {
            *sum += value;
        }
        if let Some(decoded) = decode::decode(&self.sum, layout) {
            return Some(decoded);
        }
        None
    }

    fn begin(&mut self, version: usize, likelihoods: Vec<f32>) {
        *self = Self {
            version,
            sum: Zeroizing::new(likelihoods),
            strangers: 0,
            frames: 1,
        };
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
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
