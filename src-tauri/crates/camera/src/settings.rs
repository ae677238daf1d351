//! What a booth fixes on its camera: exposure, white balance, focus, zoom, and the lamps' flicker.
//!
//! Automatics are for people who carry a camera about. Before one wall under two lamps they only make one student
//! darker than the next and lose the focus on a passer-by. [`Lock::Hold`] lets them find their values once, when the
//! camera starts, and keeps what they found; it is what comes back after a replug, too.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an automatic is given to find its value: webcams need a second or two.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

/// How one automatic of the camera is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lock {
    /// It runs all the time.
    #[default]
    Auto,
    /// It runs for two seconds after the first frame; what it found is kept, also over a replug.
    Hold,
    /// It never runs: this value, in the camera's own unit.
    At(i64),
}

/// `auto`, `hold`, or a whole number.
impl FromStr for Lock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "auto" | "" => Ok(Self::Auto),
            "hold" => Ok(Self::Hold),
            number => number
                .parse()
                .map(Self::At)
                .map_err(|_| format!("\"{text}\" is none of: auto, hold, a whole number")),
        }
    }
}

impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Hold => f.write_str("hold"),
            Self::At(value) => value.fmt(f),
        }
    }
}

/// What is set on a device each time it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Exposure time and gain; a number is the time, in units of 100 µs where the system is Linux.
    pub exposure: Lock,
    /// Colour of the light; a number is kelvin.
    pub white_balance: Lock,
    /// Distance; a number is in the camera's own steps.
    pub focus: Lock,
    /// Magnification, in the camera's own steps; `None` leaves it.
    pub zoom: Option<i64>,
    /// Mains frequency against whose flicker the camera is to guard, 50 or 60; 0 leaves it.
    pub mains_hertz: u32,
}

/// China's mains have 50 Hz; the rest is the camera's.
impl Default for Settings {
    fn default() -> Self {
        Self {
            exposure: Lock::Auto,
            white_balance: Lock::Auto,
            focus: Lock::Auto,
            zoom: None,
            mains_hertz: 50,
        }
    }
}

/// A control of the camera, as the video class of USB has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Knob {
    AutoExposure,
    Exposure,
    AutoGain,
    Gain,
    AutoWhiteBalance,
    WhiteBalance,
    AutoFocus,
    Focus,
    Zoom,
    Mains,
}

/// What one turn of a knob is to achieve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The automatic is switched on or off.
    Automatic(bool),
    /// The value, in the camera's unit.
    To(i64),
}

/// What automatics found, by knob.
pub(crate) type Found = BTreeMap<Knob, i64>;

/// The same, as long as the [`crate::Camera`] lives: over every replug.
pub(crate) type Memory = Arc<Mutex<Found>>;

/// What is remembered.
pub(crate) fn known(memory: &Memory) -> MutexGuard<'_, Found> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Each automatic and the value it runs.
const LOCKS: [(Knob, Knob); 4] = [
    (Knob::AutoExposure, Knob::Exposure),
    (Knob::AutoGain, Knob::Gain),
    (Knob::AutoWhiteBalance, Knob::WhiteBalance),
    (Knob::AutoFocus, Knob::Focus),
];

impl Settings {
    fn lock(self, automatic: Knob) -> Lock {
        match automatic {
            // The gain is the exposure's other half: a number for the time leaves it where it is.
            Knob::AutoGain => match self.exposure {
                Lock::At(_) => Lock::Hold,
                other => other,
            },
            Knob::AutoExposure => self.exposure,
            Knob::AutoWhiteBalance => self.white_balance,
            _ => self.focus,
        }
    }

    /// The turns when a device is opened, in order: an automatic is switched off before its value is set.
    pub(crate) fn at_opening(self, found: &Found) -> Vec<(Knob, Turn)> {
        let mut turns = Vec::new();
        for (automatic, value) in LOCKS {
            match (self.lock(automatic), found.get(&value)) {
                (Lock::At(at), _) | (Lock::Hold, Some(&at)) => {
                    turns.push((automatic, Turn::Automatic(false)));
                    turns.push((value, Turn::To(at)));
                }
                (Lock::Auto | Lock::Hold, _) => turns.push((automatic, Turn::Automatic(true))),
            }
        }
        if let Some(zoom) = self.zoom {
            turns.push((Knob::Zoom, Turn::To(zoom)));
        }
        match self.mains_hertz {
            50 => turns.push((Knob::Mains, Turn::To(1))),
            60 => turns.push((Knob::Mains, Turn::To(2))),
            _ => {}
        }
        turns
    }

    /// What is to be read, and then kept, once the automatics have settled.
    pub(crate) fn to_hold(self, found: &Found) -> Vec<(Knob, Knob)> {
        LOCKS
            .into_iter()
            .filter(|(automatic, value)| self.lock(*automatic) == Lock::Hold && !found.contains_key(value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Settings {
        Settings {
            exposure: Lock::Hold,
            white_balance: Lock::At(5000),
            zoom: Some(120),
            ..Settings::default()
        }
    }

    #[test]
    fn automatics_run_first_and_what_they_found_is_set_at_every_later_opening() {
        let first = held().at_opening(&Found::new());
        assert!(
            first.contains(&(Knob::AutoExposure, Turn::Automatic(true))),
            "it must find a value first"
        );
        assert_eq!(
            held().to_hold(&Found::new()),
            [(Knob::AutoExposure, Knob::Exposure), (Knob::AutoGain, Knob::Gain)]
        );

        let found = Found::from([(Knob::Exposure, 156), (Knob::Gain, 4)]);
        let again = held().at_opening(&found);
        let place = |turn| again.iter().position(|one| *one == turn).unwrap();
        assert!(place((Knob::AutoExposure, Turn::Automatic(false))) < place((Knob::Exposure, Turn::To(156))));
        assert!(place((Knob::AutoGain, Turn::Automatic(false))) < place((Knob::Gain, Turn::To(4))));
        assert!(held().to_hold(&found).is_empty(), "found once, kept for good");
    }

    #[test]
    fn numbers_are_set_at_once_and_the_rest_is_left_to_the_camera() {
        let turns = held().at_opening(&Found::new());
        assert!(turns.contains(&(Knob::AutoWhiteBalance, Turn::Automatic(false))));
        assert!(turns.contains(&(Knob::WhiteBalance, Turn::To(5000))));
        assert!(turns.contains(&(Knob::Zoom, Turn::To(120))));
        assert!(turns.contains(&(Knob::AutoFocus, Turn::Automatic(true))));
        assert!(!turns.iter().any(|(knob, _)| *knob == Knob::Focus));
    }

    #[test]
    fn the_lamps_of_china_do_not_flicker_unless_staff_say_otherwise() {
        let mains = |mains_hertz| {
            let settings = Settings {
                mains_hertz,
                ..Settings::default()
            };
            settings
                .at_opening(&Found::new())
                .into_iter()
                .find(|(knob, _)| *knob == Knob::Mains)
        };
        assert_eq!(mains(50), Some((Knob::Mains, Turn::To(1))));
        assert_eq!(mains(60), Some((Knob::Mains, Turn::To(2))));
        assert_eq!(mains(0), None);
        assert_eq!(Settings::default().mains_hertz, 50);
    }

    #[test]
    fn an_exposure_in_numbers_also_stops_the_gain_from_running() {
        let settings = Settings {
            exposure: Lock::At(200),
            ..Settings::default()
        };
        assert_eq!(settings.to_hold(&Found::new()), [(Knob::AutoGain, Knob::Gain)]);
    }

    #[test]
    fn locks_are_read_as_they_are_written() {
        for lock in [Lock::Auto, Lock::Hold, Lock::At(-6), Lock::At(5000)] {
            assert_eq!(lock.to_string().parse(), Ok(lock));
        }
        assert!("manual".parse::<Lock>().unwrap_err().contains("manual"));
    }
}
