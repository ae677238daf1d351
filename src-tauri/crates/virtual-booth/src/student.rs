//! Who sits there: the looks of an invented student, chosen by hand or by seed.

use crate::sdf::Dice;

/// An invented student. The seed decides the face's proportions, the fall of the hair and the freckles; the
/// other fields say what a test may want to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Student {
    /// Proportions of the face, roots of the hair, small irregularities. Any value.
    pub seed: u64,
    /// Tone of the skin.
    pub skin: Skin,
    /// Cut of the hair.
    pub hair: Hair,
    /// Colour of the hair and the brows.
    pub hair_colour: HairColour,
    /// Height over the pupils, in inter-eye distances, at which the hair over the forehead ends; `None` (the
    /// default): as the cut has it. The brows lie at 0.28 to 0.42. Without effect on a bald head.
    pub fringe: Option<f32>,
    /// Long hair is laid behind the ears. Only [`Hair::Bob`] and [`Hair::Long`] hide them otherwise.
    pub tucked: bool,
    /// What is worn on the head.
    pub headwear: Option<Headwear>,
    /// Wears glasses.
    pub glasses: bool,
    /// The frame of the glasses.
    pub frame: Frame,
    /// Share of the light of each colour that the lenses let through: 1 for clear ones (the default).
    pub tint: [f32; 3],
    /// How much of a white window the lenses mirror: 0 none (the default), 1 an eye is hidden.
    pub glare: f32,
    /// What the student wears.
    pub clothes: Clothes,
}

impl Student {
    /// A student whose every feature follows from `seed`; different seeds give visibly different people.
    pub fn seeded(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x5713_DE27);
        // As they sit in a Chinese classroom; the rest is there for the tests' sake.
        let hair = match dice.below(12) {
            0..5 => Hair::Short,
            5..7 => Hair::Bob,
            7..9 => Hair::Long,
            9 | 10 => Hair::Bun,
            _ => Hair::Curly,
        };
        let garment = Garment::ALL[dice.below(Garment::ALL.len())];
        let colours = [
            [0.86, 0.86, 0.85],
            [0.05, 0.07, 0.12],
            [0.42, 0.06, 0.08],
            [0.12, 0.12, 0.13],
            [0.5, 0.45, 0.36],
        ];
        Self {
            seed,
            skin: Skin::ALL[[0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 4][dice.below(11)]],
            hair,
            hair_colour: HairColour::ALL[[0, 0, 0, 1, 1, 2][dice.below(6)]],
            fringe: None,
            tucked: false,
            headwear: None,
            glasses: dice.unit() < 0.3,
            frame: Frame::Thin,
            tint: [1.0; 3],
            glare: 0.0,
            clothes: Clothes {
                garment,
                colour: colours[dice.below(colours.len())],
                stripes: false,
            },
        }
    }
}

impl Default for Student {
    /// Short black hair, light skin, a dark shirt, no glasses: the student every check should accept.
    fn default() -> Self {
        Self {
            seed: 1,
            skin: Skin::Light,
            hair: Hair::Short,
            hair_colour: HairColour::Black,
            fringe: None,
            tucked: false,
            headwear: None,
            glasses: false,
            frame: Frame::Thin,
            tint: [1.0; 3],
            glare: 0.0,
            clothes: Clothes::default(),
        }
    }
}

/// Tone of the skin, from the lightest to the darkest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skin {
    /// Very light, rosy.
    Porcelain,
    /// Light, warm.
    Light,
    /// Light brown.
    Medium,
    /// Brown.
    Brown,
    /// Dark brown.
    Dark,
}

impl Skin {
    /// Every tone.
    pub const ALL: [Self; 5] = [
        Self::Porcelain,
        Self::Light,
        Self::Medium,
        Self::Brown,
        Self::Dark,
    ];

    /// Linear RGB reflectance.
    pub(crate) fn albedo(self) -> [f32; 3] {
        match self {
            Self::Porcelain => [0.74, 0.52, 0.415],
            Self::Light => [0.64, 0.42, 0.305],
            Self::Medium => [0.50, 0.305, 0.205],
            Self::Brown => [0.30, 0.165, 0.10],
            Self::Dark => [0.125, 0.065, 0.042],
        }
    }
}

/// Cut of the hair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hair {
    /// Short, combed to one side.
    Short,
    /// To the jaw, with a fringe above the brows.
    Bob,
    /// Over the shoulders, parted, the face free.
    Long,
    /// Drawn up into a bun on top: a tall crown.
    Bun,
    /// A round mass of curls.
    Curly,
    /// None.
    Bald,
}

impl Hair {
    /// Every cut; [`Hair::Bald`] last.
    pub const ALL: [Self; 6] = [
        Self::Short,
        Self::Bob,
        Self::Long,
        Self::Bun,
        Self::Curly,
        Self::Bald,
    ];
}

/// Colour of the hair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HairColour {
    /// Black.
    Black,
    /// Dark brown.
    Brown,
    /// Chestnut.
    Chestnut,
    /// Blond.
    Blond,
    /// Grey.
    Grey,
}

impl HairColour {
    /// Every colour.
    pub const ALL: [Self; 5] = [Self::Black, Self::Brown, Self::Chestnut, Self::Blond, Self::Grey];

    /// Linear RGB reflectance.
    pub(crate) fn albedo(self) -> [f32; 3] {
        match self {
            Self::Black => [0.022, 0.019, 0.018],
            Self::Brown => [0.055, 0.034, 0.023],
            Self::Chestnut => [0.13, 0.065, 0.035],
            Self::Blond => [0.46, 0.31, 0.15],
            Self::Grey => [0.33, 0.32, 0.31],
        }
    }
}

/// The frame of a pair of glasses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Frame {
    /// Thin and dark, at its right height.
    #[default]
    Thin,
    /// Thick and dark, at its right height: the eyes are free.
    Heavy,
    /// Thick, dark and small, slid down the nose: its upper rim runs across the eyes.
    Slipped,
}

/// What is worn on the head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Headwear {
    /// The cut.
    pub kind: Covering,
    /// Linear RGB reflectance of the cloth, 0..=1.
    pub colour: [f32; 3],
}

/// Cut of a head covering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Covering {
    /// A cap with a peak over the forehead.
    Cap,
    /// A knitted hat without a peak, down to the middle of the forehead.
    Beanie,
    /// A scarf around head, ears and neck; the face is free.
    Scarf,
}

impl Covering {
    /// Every cut.
    pub const ALL: [Self; 3] = [Self::Cap, Self::Beanie, Self::Scarf];
}

/// What the student wears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clothes {
    /// The cut.
    pub garment: Garment,
    /// Linear RGB reflectance of the cloth, 0..=1. White cloth is about 0.86.
    pub colour: [f32; 3],
    /// Broad upright stripes, which the photo standard forbids.
    pub stripes: bool,
}

impl Clothes {
    /// A white shirt, the hardest cloth in front of a white wall.
    pub const WHITE_SHIRT: Self = Self {
        garment: Garment::Shirt,
        colour: [0.86, 0.86, 0.85],
        stripes: false,
    };
}

impl Default for Clothes {
    fn default() -> Self {
        Self {
            garment: Garment::Shirt,
            colour: [0.035, 0.05, 0.10],
            stripes: false,
        }
    }
}

/// Cut of the clothes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Garment {
    /// A shirt with a collar and buttons.
    Shirt,
    /// A T-shirt with a round neck.
    Tee,
    /// A jacket in the given colour over a white shirt.
    Blazer,
    /// A sweater whose collar hides the neck, which the photo standard forbids.
    HighNeck,
    /// A top on two straps, the shoulders bare, which the photo standard forbids.
    Straps,
}

impl Garment {
    /// Every cut the photo standard allows.
    pub const ALL: [Self; 3] = [Self::Shirt, Self::Tee, Self::Blazer];
}
