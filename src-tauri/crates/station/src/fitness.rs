//! May the next student begin? A station that could not keep or deliver the photo says so before, not after.
//!
//! [`fitness`] is pure: from what was read off the station and the limits it is set up with, it says whether
//! visits may begin. What closed the station opens it again only with some room to spare, so that it does not
//! flicker between two students.

use jiff::SignedDuration;
use vendor::signature::WINDOW_SECONDS;

use crate::view::OutOfService;

/// What was read off the station. `None`: not known, which closes nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readings {
    /// Free bytes on the disk of the records.
    pub free_bytes: Option<u64>,
    /// The records took the last thing written to them.
    pub writable: bool,
    /// The file that is written to still stands in its place: one that was moved or deleted takes everything and keeps
    /// nothing.
    pub in_place: bool,
    /// Records that wait to be sent.
    pub waiting: u64,
    /// How long the oldest of them waits.
    pub oldest_waiting: Option<SignedDuration>,
    /// How far the clock is from the backend's, either way.
    pub clock_drift: Option<SignedDuration>,
    /// How long ago the backend last confirmed the profile: steps, fee and window may be others by now.
    pub profile_age: Option<SignedDuration>,
}

/// How much is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Free bytes that must be left.
    pub least_free: u64,
    /// Records that may wait.
    pub most_waiting: u64,
    /// How long one may wait.
    pub oldest_waiting: SignedDuration,
    /// How far the clock may be off.
    pub most_drift: SignedDuration,
    /// How old the profile may be.
    pub oldest_profile: SignedDuration,
}

/// Beyond this the backend refuses every request's signature (RFC 9421 `created`).
pub const MOST_DRIFT: SignedDuration = SignedDuration::from_secs(WINDOW_SECONDS);

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // Some hundred visits of a lossless frame, a photo and their log.
            least_free: 500 << 20,
            // More than a long day of one booth (350 students an hour).
            most_waiting: 3000,
            // A week without the network is no passing trouble; reviews promise two days.
            oldest_waiting: SignedDuration::from_hours(7 * 24),
            most_drift: MOST_DRIFT,
            // Collection windows are a week or two long.
            oldest_profile: SignedDuration::from_hours(14 * 24),
        }
    }
}

/// Why no visit may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfit {
    /// The records' file is not in its place any more.
    Gone,
    /// The records cannot be written.
    Unwritable,
    /// Too little room on the disk.
    NoRoom,
    /// The clock is off by more than the backend takes.
    Clock,
    /// Too many records wait.
    Backlog,
    /// A record waits for too long.
    OldBacklog,
    /// The backend has not confirmed the profile for too long.
    StaleProfile,
}

impl Unfit {
    /// What the student's page says of it.
    pub fn out_of_service(self) -> OutOfService {
        match self {
            Unfit::Gone => OutOfService::Missing,
            Unfit::Unwritable | Unfit::NoRoom => OutOfService::Storage,
            Unfit::Clock => OutOfService::Clock,
            Unfit::Backlog | Unfit::OldBacklog => OutOfService::Backlog,
            Unfit::StaleProfile => OutOfService::Profile,
        }
    }
}

/// Whether visits may begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fit {
    /// They may.
    #[default]
    Fit,
    /// They may not, for these reasons, the gravest first; never empty.
    OutOfService(Vec<Unfit>),
}

impl Fit {
    /// The gravest reason.
    pub fn reason(&self) -> Option<Unfit> {
        match self {
            Fit::Fit => None,
            Fit::OutOfService(reasons) => reasons.first().copied(),
        }
    }

    fn has(&self, reason: Unfit) -> bool {
        matches!(self, Fit::OutOfService(reasons) if reasons.contains(&reason))
    }
}

/// Whether visits may begin, from what was read, the limits, and how it was before.
pub fn fitness(readings: &Readings, limits: &Limits, before: &Fit) -> Fit {
    // What closed the station must be better by a tenth (a fifth of the disk's room) before it opens.
    let below = |reason: Unfit, limit: SignedDuration| {
        if before.has(reason) {
            limit - limit / 10
        } else {
            limit
        }
    };
    let longer = |value: Option<SignedDuration>, reason: Unfit, limit: SignedDuration| {
        value.is_some_and(|value| value > below(reason, limit))
    };
    let room = if before.has(Unfit::NoRoom) {
        limits.least_free.saturating_add(limits.least_free / 5)
    } else {
        limits.least_free
    };
    let most_waiting = if before.has(Unfit::Backlog) {
        limits.most_waiting - limits.most_waiting / 10
    } else {
        limits.most_waiting
    };
    let mut reasons = Vec::new();
    for (reason, is_so) in [
        (Unfit::Gone, !readings.in_place),
        (Unfit::Unwritable, !readings.writable),
        (Unfit::NoRoom, readings.free_bytes.is_some_and(|free| free < room)),
        (
            Unfit::Clock,
            longer(readings.clock_drift, Unfit::Clock, limits.most_drift),
        ),
        (Unfit::Backlog, readings.waiting > most_waiting),
        (
            Unfit::OldBacklog,
            longer(readings.oldest_waiting, Unfit::OldBacklog, limits.oldest_waiting),
        ),
        (
            Unfit::StaleProfile,
            longer(readings.profile_age, Unfit::StaleProfile, limits.oldest_profile),
        ),
    ] {
        if is_so {
            reasons.push(reason);
        }
    }
    if reasons.is_empty() {
        Fit::Fit
    } else {
        Fit::OutOfService(reasons)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fine() -> Readings {
        Readings {
            free_bytes: Some(100 << 30),
            writable: true,
            in_place: true,
            waiting: 0,
            oldest_waiting: None,
            clock_drift: Some(SignedDuration::from_secs(2)),
            profile_age: Some(SignedDuration::from_mins(9)),
        }
    }

    fn now(readings: &Readings) -> Fit {
        fitness(readings, &Limits::default(), &Fit::Fit)
    }

    fn only(reason: Unfit) -> Fit {
        Fit::OutOfService(vec![reason])
    }

    #[test]
    fn an_ordinary_station_serves_also_where_little_is_known_of_it() {
        assert_eq!(now(&fine()), Fit::Fit);
        let unknown = Readings {
            free_bytes: None,
            clock_drift: None,
            profile_age: None,
            ..fine()
        };
        assert_eq!(now(&unknown), Fit::Fit);
    }

    type Set = fn(&mut Readings, &Limits, SignedDuration);

    #[test]
    fn each_reason_closes_by_itself_at_its_limit_and_not_before() {
        let limits = Limits::default();
        let second = SignedDuration::from_secs(1);
        let rows: [(Unfit, Set); 5] = [
            (Unfit::NoRoom, |r, l, past| {
                r.free_bytes = Some(l.least_free - past.as_secs().unsigned_abs());
            }),
            (Unfit::Clock, |r, l, past| {
                r.clock_drift = Some(l.most_drift + past);
            }),
            (Unfit::Backlog, |r, l, past| {
                r.waiting = l.most_waiting + past.as_secs().unsigned_abs();
            }),
            (Unfit::OldBacklog, |r, l, past| {
                r.oldest_waiting = Some(l.oldest_waiting + past);
            }),
            (Unfit::StaleProfile, |r, l, past| {
                r.profile_age = Some(l.oldest_profile + past);
            }),
        ];
        for (reason, set) in rows {
            let mut readings = fine();
            set(&mut readings, &limits, SignedDuration::ZERO);
            assert_eq!(now(&readings), Fit::Fit, "{reason:?} at its limit");
            set(&mut readings, &limits, second);
            assert_eq!(now(&readings), only(reason), "{reason:?} past its limit");
            // Once closed, the limit itself is not enough to open again.
            set(&mut readings, &limits, SignedDuration::ZERO);
            assert_eq!(
                fitness(&readings, &limits, &only(reason)),
                only(reason),
                "{reason:?} must not flicker"
            );
            assert_eq!(
                fitness(&fine(), &limits, &only(reason)),
                Fit::Fit,
                "{reason:?} mended"
            );
        }
        let broken = Readings {
            writable: false,
            ..fine()
        };
        assert_eq!(now(&broken), only(Unfit::Unwritable));
        let moved = Readings {
            in_place: false,
            ..fine()
        };
        assert_eq!(now(&moved), only(Unfit::Gone));
    }

    #[test]
    fn the_gravest_reason_is_what_the_page_says() {
        let all = Readings {
            free_bytes: Some(0),
            writable: false,
            in_place: false,
            waiting: u64::MAX,
            oldest_waiting: Some(SignedDuration::MAX),
            clock_drift: Some(SignedDuration::MAX),
            profile_age: Some(SignedDuration::MAX),
        };
        let Fit::OutOfService(reasons) = now(&all) else {
            panic!("everything is wrong")
        };
        assert_eq!(reasons.len(), 7);
        assert!(reasons.is_sorted());
        assert_eq!(reasons[0].out_of_service(), OutOfService::Missing);
    }

    proptest! {
        #[test]
        fn better_readings_never_close_and_what_is_closed_and_unchanged_stays_closed(
            free in 0_u64..2 << 30, waiting in 0_u64..6000, hours in 0_i64..1000, drift in 0_i64..1000,
        ) {
            let limits = Limits::default();
            let readings = Readings {
                free_bytes: Some(free),
                waiting,
                oldest_waiting: Some(SignedDuration::from_hours(hours)),
                clock_drift: Some(SignedDuration::from_secs(drift)),
                ..fine()
            };
            let first = fitness(&readings, &limits, &Fit::Fit);
            prop_assert_eq!(&fitness(&readings, &limits, &first), &first);
            if first == Fit::Fit {
                let better = Readings {
                    free_bytes: Some(free * 2),
                    waiting: waiting / 2,
                    oldest_waiting: Some(SignedDuration::from_hours(hours / 2)),
                    clock_drift: Some(SignedDuration::from_secs(drift / 2)),
                    ..readings
                };
                prop_assert_eq!(fitness(&better, &limits, &Fit::Fit), Fit::Fit);
            }
        }
    }
}
