//! The time of a visit: the wall clock's at its beginning, and steady from there.
//!
//! A clock set back by hours in the middle of a visit would leave a student's page to the next one for hours; one set
//! forward would end the visit at once. Pages therefore follow a clock that cannot jump; between two visits it takes
//! the wall clock's time anew.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// The clock of the visit under way.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    began: Option<(Timestamp, Instant)>,
}

impl Steady {
    /// The time for the pages, from the wall clock and one that cannot jump.
    pub(crate) fn now(&mut self, in_visit: bool, wall: Timestamp, steady: Instant) -> Timestamp {
        if !in_visit {
            self.began = None;
            return wall;
        }
        let (began, since) = *self.began.get_or_insert((wall, steady));
        let passed = SignedDuration::try_from(steady.saturating_duration_since(since));
        passed
            .ok()
            .and_then(|passed| began.checked_add(passed).ok())
            .unwrap_or(wall)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_jumps_neither_ends_a_visit_nor_keeps_its_page() {
        let (wall, start) = (Timestamp::from_second(1_760_000_000).unwrap(), Instant::now());
        let mut clock = Steady::default();
        assert_eq!(clock.now(true, wall, start), wall);
        for jump in [-5, 5] {
            let jumped = wall + SignedDuration::from_hours(jump);
            let now = clock.now(true, jumped, start + Duration::from_secs(20));
            assert_eq!(now, wall + SignedDuration::from_secs(20), "{jump} h");
        }
        let tomorrow = wall + SignedDuration::from_hours(24);
        let later = start + Duration::from_secs(30);
        assert_eq!(
            clock.now(false, tomorrow, later),
            tomorrow,
            "between visits the wall clock counts"
        );
        assert_eq!(clock.now(true, tomorrow, later), tomorrow);
    }
}
