//! The light meter of a live picture: is there enough of it on the face, is it even, and are its colours true.

use crate::checks;
use crate::guide::Hint;
use crate::guide::badly_lit;
use crate::photometry::FaceLight;
use crate::wall_watch::Cast;

/// The light on a face in a live frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LightReading {
    /// Luma of a white in this light, 0 to 255: the white of the eye, or what the skin shows of it, which is less on dark
    /// skin.
    pub white: f64,
    /// Light of the picture's left and right half of the face.
    pub sides: [f64; 2],
    /// What the framing would ask of the student for it.
    hint: Option<Hint>,
}

impl LightReading {
    pub(crate) fn of(light: &FaceLight) -> LightReading {
        LightReading {
            white: light.given().unwrap_or(FaceLight::SKIN_SHARE * light.bright),
            sides: light.sides,
            hint: badly_lit(light, None),
        }
    }

    /// The left half of the face against the right one: -1 (all light from the right) to 1 (all from the left).
    pub fn balance(&self) -> f64 {
        let [left, right] = self.sides;
        (left - right) / (left + right).max(1e-6)
    }

    /// What to do about the light, most urgent first. `cast` is the colour of a wall that should be neutral.
    pub fn hints(&self, cast: Option<Cast>) -> Vec<LightHint> {
        let [left, right] = self.sides;
        let uneven = left.min(right) / left.max(right).max(1e-6) < checks::EVENNESS[0];
        let mut hints = Vec::new();
        match self.hint {
            Some(Hint::TooDark) => hints.push(LightHint::TooDark),
            Some(Hint::TooBright) => hints.push(LightHint::TooBright),
            _ => {}
        }
        if uneven {
            hints.push(if left < right {
                LightHint::LeftDark
            } else {
                LightHint::RightDark
            });
        }
        hints.extend(cast.map(LightHint::Cast));
        hints
    }
}

/// What is wrong with the light. Left and right are the picture's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LightHint {
    /// Too little light.
    TooDark,
    /// Too much light.
    TooBright,
    /// The left half of the face is in shadow.
    LeftDark,
    /// The right half of the face is in shadow.
    RightDark,
    /// The picture has a colour of its own.
    Cast(Cast),
}

impl LightHint {
    /// The stable kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            LightHint::TooDark => "too-dark",
            LightHint::TooBright => "too-bright",
            LightHint::LeftDark => "left-dark",
            LightHint::RightDark => "right-dark",
            LightHint::Cast(Cast::Yellow) => "too-yellow",
            LightHint::Cast(Cast::Blue) => "too-blue",
            LightHint::Cast(Cast::Green) => "too-green",
            LightHint::Cast(Cast::Magenta) => "too-magenta",
        }
    }

    /// What to do, in Chinese and English.
    pub const fn words(self) -> [&'static str; 2] {
        match self {
            LightHint::TooDark => ["光线偏暗：请加亮灯光", "Too dark: turn the lamps up"],
            LightHint::TooBright => ["光线过强：请减弱灯光", "Too bright: turn the lamps down"],
            LightHint::LeftDark => ["左侧偏暗：请加亮左灯", "Left side dark: turn the left lamp up"],
            LightHint::RightDark => ["右侧偏暗：请加亮右灯", "Right side dark: turn the right lamp up"],
            LightHint::Cast(Cast::Yellow) => ["偏黄：请设白平衡", "Yellowish: set the white balance"],
            LightHint::Cast(Cast::Blue) => ["偏蓝：请设白平衡", "Bluish: set the white balance"],
            LightHint::Cast(Cast::Green) => ["偏绿：请设白平衡", "Greenish: set the white balance"],
            LightHint::Cast(Cast::Magenta) => ["偏红：请设白平衡", "Reddish: set the white balance"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_darker_side_is_named_and_the_wall_tells_of_the_white_balance() {
        let reading = |left, right| LightReading {
            white: 150.0,
            sides: [left, right],
            hint: None,
        };
        assert!(reading(0.30, 0.31).hints(None).is_empty());
        assert!(reading(0.30, 0.31).balance().abs() < 0.02);
        assert_eq!(reading(0.1, 0.3).hints(None), [LightHint::LeftDark]);
        assert_eq!(reading(0.3, 0.1).hints(None), [LightHint::RightDark]);
        assert!(reading(0.1, 0.3).balance() < -0.4);
        assert_eq!(
            reading(0.3, 0.3).hints(Some(Cast::Yellow)),
            [LightHint::Cast(Cast::Yellow)]
        );
    }
}
