//! What the student does, and the pose, the expression and the light each act stands for.

/// What happens in front of the camera. Every variant but the first two is one thing a student at a booth does,
/// right or wrong; [`Act::posing`] says what it means in degrees.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Nobody: the wall alone.
    EmptyWall,
    /// The student leans in and holds up a phone whose screen shows a QR code of this text.
    ShowCode(String),
    /// Sits as the photo standard wants.
    Sit,
    /// Head tilted 12 degrees to the picture's right.
    SitTilted,
    /// Face turned 24 degrees to the picture's right.
    SitTurned,
    /// Too far away: the face at 0.55 of its right size.
    SitFar,
    /// Too close: the face at 1.6 times its right size.
    SitClose,
    /// Too far to the picture's left.
    SitLeft,
    /// Too far to the picture's right.
    SitRight,
    /// Chin raised by 16 degrees.
    LookUp,
    /// Chin lowered by 16 degrees.
    LookDown,
    /// Eyes shut all the time.
    EyesClosed,
    /// Mouth open, teeth visible.
    MouthOpen,
    /// Sits well, light from one side only (阴阳脸).
    HalfShadow,
    /// Sits well, almost no light.
    TooDark,
    /// Sits well, far too much light.
    OverExposed,
    /// Sits well, the lens out of focus.
    Blurred,
    /// A second student beside the first.
    TwoStudents,
    /// Anything else.
    Posed(Posing),
}

impl Act {
    /// Every act without parameters, for galleries and sweeps.
    pub const ALL: [Self; 17] = [
        Self::EmptyWall,
        Self::Sit,
        Self::SitTilted,
        Self::SitTurned,
        Self::SitFar,
        Self::SitClose,
        Self::SitLeft,
        Self::SitRight,
        Self::LookUp,
        Self::LookDown,
        Self::EyesClosed,
        Self::MouthOpen,
        Self::HalfShadow,
        Self::TooDark,
        Self::OverExposed,
        Self::Blurred,
        Self::TwoStudents,
    ];

    /// The pose, expression and light of this act; `None` for the empty wall.
    pub fn posing(&self) -> Option<Posing> {
        let sit = Posing::default();
        Some(match self {
            Self::EmptyWall => return None,
            Self::ShowCode(text) => Posing {
                code: Some(text.clone()),
                shift: [-0.9, 0.0],
                size: 1.1,
                pitch: -6.0,
                ..sit
            },
            Self::Sit => sit,
            Self::SitTilted => Posing { roll: 12.0, ..sit },
            Self::SitTurned => Posing { yaw: 24.0, ..sit },
            Self::SitFar => Posing { size: 0.55, ..sit },
            Self::SitClose => Posing { size: 1.6, ..sit },
            Self::SitLeft => Posing {
                shift: [-4.2, 0.0],
                ..sit
            },
            Self::SitRight => Posing {
                shift: [4.2, 0.0],
                ..sit
            },
            Self::LookUp => Posing { pitch: 16.0, ..sit },
            Self::LookDown => Posing { pitch: -16.0, ..sit },
            Self::EyesClosed => Posing { eyes: 0.0, ..sit },
            Self::MouthOpen => Posing { mouth: 0.75, ..sit },
            Self::HalfShadow => Posing {
                light: Light::HalfShadow,
                ..sit
            },
            Self::TooDark => Posing {
                light: Light::Dark,
                ..sit
            },
            Self::OverExposed => Posing {
                light: Light::OverExposed,
                ..sit
            },
            Self::Blurred => Posing { defocus: 4.5, ..sit },
            Self::TwoStudents => Posing {
                companion: true,
                shift: [-2.6, 0.0],
                size: 0.8,
                ..sit
            },
            Self::Posed(posing) => posing.clone(),
        })
    }
}

/// One pose, expression and light. The default sits as the photo standard wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Posing {
    /// Degrees the face is turned to the picture's right. Sensible: -45..=45.
    pub yaw: f32,
    /// Degrees the chin is raised. Sensible: -30..=30.
    pub pitch: f32,
    /// Degrees the crown is tilted to the picture's right. Sensible: -40..=40.
    pub roll: f32,
    /// Where the student sits, off the picture's middle: right and down, in inter-eye distances.
    pub shift: [f32; 2],
    /// The face's size relative to sitting right: nearer is larger. 0.3..=2.5.
    pub size: f32,
    /// How far the eyes are open: 0 shut, 1 open.
    pub eyes: f32,
    /// Where the student looks, in degrees off straight ahead of the head: to the picture's right, and up.
    /// Sensible: -35..=35.
    pub gaze: [f32; 2],
    /// How much of a flash the pupils throw back red: 0 none, 1 all.
    pub red_eyes: f32,
    /// How far the mouth is open: 0 closed, 1 wide.
    pub mouth: f32,
    /// The light.
    pub light: Light,
    /// Radius in pixels (at 720 lines; scales with the frame) of the circle a point is blurred to. 0 is sharp.
    pub defocus: f32,
    /// The text of the QR code on the phone the student holds up, if any.
    pub code: Option<String>,
    /// A second student sits beside the first, on the picture's right.
    pub companion: bool,
}

impl Default for Posing {
    fn default() -> Self {
        Self {
            yaw: 0.0,
            pitch: 0.0,
            roll: 0.0,
            shift: [0.0, 0.0],
            size: 1.0,
            eyes: 1.0,
            gaze: [0.0, 0.0],
            red_eyes: 0.0,
            mouth: 0.0,
            light: Light::Even,
            defocus: 0.0,
            code: None,
            companion: false,
        }
    }
}

/// How the booth is lit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Light {
    /// Two equal lights at 45 degrees and the walls' return: the photo standard.
    #[default]
    Even,
    /// The lamp on the picture's right is off: half the face in shadow.
    HalfShadow,
    /// A sixth of the right light.
    Dark,
    /// More than twice the right light: skin and wall clip.
    OverExposed,
    /// One lamp gives a fifth of what the other gives: one cheek plainly darker, neither black.
    Sided,
    /// A third of the right light.
    Dim,
    /// One and a half times the right light: light skin begins to clip.
    Bright,
}

/// The lamps as the renderer needs them: directions are those of the *Even* set-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lamps {
    /// Strength of the lamp at the picture's left and right.
    pub(crate) keys: [f32; 2],
    /// Light from everywhere.
    pub(crate) ambient: f32,
}

impl Light {
    pub(crate) fn lamps(self) -> Lamps {
        match self {
            Self::Even => Lamps {
                keys: [0.52, 0.50],
                ambient: 0.36,
            },
            Self::HalfShadow => Lamps {
                keys: [1.05, 0.015],
                ambient: 0.09,
            },
            Self::Dark => Lamps {
                keys: [0.062, 0.060],
                ambient: 0.045,
            },
            Self::OverExposed => Lamps {
                keys: [1.55, 1.5],
                ambient: 0.95,
            },
            Self::Sided => Lamps {
                keys: [0.85, 0.17],
                ambient: 0.26,
            },
            Self::Dim => Lamps {
                keys: [0.17, 0.165],
                ambient: 0.12,
            },
            Self::Bright => Lamps {
                keys: [0.80, 0.77],
                ambient: 0.52,
            },
        }
    }
}
