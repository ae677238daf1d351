//! Who sits before the camera, by following one face box: a number that changes when it may be somebody else.
//!
//! Nobody is recognized. Whoever gets up and sits down again is a new number; two people who change places cannot keep
//! one, because a face is away for longer than a blink of the detector, or the box jumps.

use std::time::{Duration, Instant};

/// A face away for so long may come back as another. A person alone needs 1.2 s to rise and sit down again (young
/// adults do the five-times-sit-to-stand test in about six seconds); two who change places need longer. Shorter gaps
/// are a detector's misses and a hand before the face.
const AWAY: Duration = Duration::from_millis(1200);
/// Of that time the empty stool must have been looked at for so long: a camera or a machine that stalls saw nothing.
const SEEN_EMPTY: Duration = Duration::from_millis(700);
/// Nobody vouches for who sat there while nobody looked for longer.
const BLIND: Duration = Duration::from_secs(4);
/// Speed beyond which a box has jumped to another head, in face widths a second. A face is some 15 cm wide, and a head
/// leaned aside as fast as people do moves at half a metre to a metre a second: seven widths.
const FASTEST: f32 = 10.0;
/// The least jump, in face widths: below it a box only trembles.
const LEAST: f32 = 0.8;
/// A box so many times as wide, or as narrow, from one look to the next is another head, nearer or farther.
const SIZE: f32 = 1.6;

/// A face box: centre and width, in any one unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaceBox {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
}

/// Follows the face in front.
#[derive(Debug, Default)]
pub(crate) struct Sitter {
    number: u32,
    last: Option<(FaceBox, Instant)>,
    /// Since when looks find no face.
    empty_since: Option<Instant>,
}

impl Sitter {
    /// What one look found; the number of who sits there, `None` while nobody does.
    pub(crate) fn looked(&mut self, face: Option<FaceBox>, at: Instant) -> Option<u32> {
        let since = |then: Instant| at.saturating_duration_since(then);
        if face.is_none() {
            self.empty_since.get_or_insert(at);
        }
        let gone = self.last.is_some_and(|(_, seen)| since(seen) >= BLIND)
            || self
                .last
                .zip(self.empty_since)
                .is_some_and(|((_, seen), empty)| since(seen) >= AWAY && since(empty) >= SEEN_EMPTY);
        if gone {
            self.last = None;
        }
        let Some(face) = face else {
            // A gap too short to change places in.
            return self.last.map(|_| self.number);
        };
        self.empty_since = None;
        let same = self.last.is_some_and(|(before, seen)| {
            let width = before.width.max(1e-6);
            let moved = (face.x - before.x).hypot(face.y - before.y) / width;
            let grown = (face.width / width).max(width / face.width.max(1e-6));
            moved <= LEAST.max(FASTEST * since(seen).as_secs_f32()) && grown <= SIZE
        });
        if !same {
            self.number = self.number.wrapping_add(1);
        }
        self.last = Some((face, at));
        Some(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: FaceBox = FaceBox {
        x: 0.5,
        y: 0.4,
        width: 0.17,
    };

    /// Looks twenty times a second.
    struct Watch(Sitter, Instant);

    impl Watch {
        fn sees(&mut self, face: Option<FaceBox>, looks: u32) -> Option<u32> {
            let mut number = None;
            for _ in 0..looks {
                self.1 += Duration::from_millis(50);
                number = self.0.looked(face, self.1);
            }
            number
        }
    }

    fn watch() -> Watch {
        Watch(Sitter::default(), Instant::now())
    }

    #[test]
    fn who_sits_and_moves_as_people_do_is_one() {
        let mut watch = watch();
        let first = watch.sees(Some(FACE), 10);
        assert!(first.is_some());
        // Sways aside by a face's width within half a second, leans in, and the detector misses it for a moment.
        for step in 0..10 {
            let x = FACE.x + 0.017 * step as f32;
            let width = FACE.width * (1.0 + 0.03 * step as f32);
            assert_eq!(watch.sees(Some(FaceBox { x, width, ..FACE }), 1), first);
        }
        let there = FaceBox {
            x: FACE.x + 0.153,
            width: FACE.width * 1.27,
            ..FACE
        };
        assert_eq!(watch.sees(None, 20), first, "a second without a face");
        assert_eq!(watch.sees(Some(there), 1), first);
    }

    #[test]
    fn who_comes_after_an_empty_stool_is_another() {
        let mut watch = watch();
        let first = watch.sees(Some(FACE), 10);
        assert_eq!(watch.sees(None, 30), None, "the stool is empty");
        let second = watch.sees(Some(FACE), 5);
        assert!(second.is_some() && second != first);
    }

    #[test]
    fn a_box_that_jumps_is_another() {
        for other in [
            FaceBox { x: 0.2, ..FACE },
            FaceBox { width: 0.30, ..FACE },
            FaceBox { width: 0.09, ..FACE },
        ] {
            let mut watch = watch();
            let first = watch.sees(Some(FACE), 10);
            let second = watch.sees(Some(other), 5);
            assert!(second != first, "{other:?}");
        }
    }

    #[test]
    fn a_camera_that_stalls_changes_nobody_unless_it_stalls_for_long() {
        let mut watch = watch();
        let first = watch.sees(Some(FACE), 10);
        watch.1 += Duration::from_secs(3);
        assert_eq!(watch.sees(Some(FACE), 5), first);
        watch.1 += BLIND;
        assert_ne!(
            watch.sees(Some(FACE), 5),
            first,
            "nobody vouches for so long a time"
        );
    }

    #[test]
    fn on_a_slow_machine_a_moving_head_is_still_one() {
        let (mut sitter, start) = (Sitter::default(), Instant::now());
        let first = sitter.looked(Some(FACE), start);
        let aside = FaceBox { x: 0.75, ..FACE };
        assert_eq!(
            sitter.looked(Some(aside), start + Duration::from_millis(300)),
            first
        );
    }
}
