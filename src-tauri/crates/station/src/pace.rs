//! How the sending goes: how much waits, how much went, how fast, how long it will take, and since when nobody
//! answers.
//!
//! [`Pace`] is pure: it is told what happened and when, and read at any time. The speed counts what went out within
//! the last [`WINDOW`], by a clock that cannot jump; an interrupted network begins the count anew, so that a pause
//! does not pass for slowness.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use specta::Type;

/// What went out longer ago says nothing about the speed now: campus networks change within minutes.
pub const WINDOW: Duration = Duration::from_mins(2);
/// Before so much has passed a speed would be a guess.
const SHORTEST: Duration = Duration::from_secs(5);
/// A reading of another program older than this is what was, not what is.
pub const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

/// How the sending goes, for staff.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Sending {
    /// Records that wait to be sent or are being sent.
    pub waiting: u32,
    /// Records that were sent since the outbox was last empty.
    pub sent: u32,
    /// Photos a minute; `None` while nothing can be said.
    pub per_minute: Option<f64>,
    /// Seconds until nothing waits any more, at this speed; `None` while nothing can be said.
    pub seconds_left: Option<u32>,
    /// Since when nobody answers, RFC 3339; `None` while somebody does.
    pub offline_since: Option<String>,
    /// When the next try is made, RFC 3339; `None` where one is under way or nothing is to be tried.
    pub next_try_at: Option<String>,
}

/// What the sync loop knows of its own speed.
#[derive(Debug, Default)]
pub struct Pace {
    /// When each photo of the last [`WINDOW`] went out.
    gone: VecDeque<Instant>,
    /// When the work counted in `gone` began.
    began: Option<Instant>,
    sent: u32,
    /// The outbox was empty: the next photo begins a new count.
    rested: bool,
    offline: Option<Timestamp>,
    pause_until: Option<Timestamp>,
}

impl Pace {
    /// Photos are about to be sent.
    pub fn sending(&mut self, at: Instant) {
        if std::mem::take(&mut self.rested) {
            self.sent = 0;
            self.forget();
        }
        self.began.get_or_insert(at);
    }

    /// So many photos went out.
    pub fn sent(&mut self, count: u32, at: Instant) {
        self.sending(at);
        self.sent = self.sent.saturating_add(count);
        self.gone.extend(std::iter::repeat_n(at, count as usize));
        self.gone
            .retain(|gone| at.saturating_duration_since(*gone) <= WINDOW);
    }

    /// Nothing waits any more.
    pub fn rest(&mut self) {
        self.rested = true;
    }

    /// Somebody answered.
    pub fn answered(&mut self) {
        self.offline = None;
        self.pause_until = None;
    }

    /// Nobody answered; the next try is made then.
    pub fn silent(&mut self, now: Timestamp, next_try: Option<Timestamp>) {
        // A clock set back since would otherwise leave "offline since tomorrow".
        self.offline = Some(self.offline.map_or(now, |since| since.min(now)));
        self.pause_until = next_try;
        self.forget();
    }

    fn forget(&mut self) {
        self.gone.clear();
        self.began = None;
    }

    /// How it goes at this moment, with so many waiting and the earliest next try of any of them.
    pub fn reading(&self, at: Instant, now: Timestamp, waiting: u64, next_due: Option<Timestamp>) -> Sending {
        let per_minute = (!self.rested).then(|| self.per_minute(at)).flatten();
        let left = per_minute
            .filter(|speed| waiting > 0 && *speed > 0.0)
            .map(|speed| (waiting as f64 / speed * 60.0).ceil() as u32);
        let next = match self.offline {
            Some(_) => self.pause_until,
            None if waiting > 0 => next_due,
            None => None,
        };
        Sending {
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            sent: self.sent,
            per_minute,
            seconds_left: left,
            offline_since: self.offline.map(|since| since.to_string()),
            next_try_at: next.filter(|next| *next > now).map(|next| next.to_string()),
        }
    }

    fn per_minute(&self, at: Instant) -> Option<f64> {
        let worked = at.saturating_duration_since(self.began?);
        if worked < SHORTEST {
            return None;
        }
        let span = worked.min(WINDOW);
        let gone = self
            .gone
            .iter()
            .filter(|gone| at.saturating_duration_since(**gone) <= span)
            .count();
        Some((gone as f64 / span.as_secs_f64() * 600.0).round() / 10.0)
    }
}

impl Sending {
    /// In one English line, for the command line.
    pub fn line(&self) -> String {
        let mut line = format!("{} sent, {} wait", self.sent, self.waiting);
        if let Some(speed) = self.per_minute.filter(|_| self.waiting > 0) {
            line = format!("{line}, {speed:.0} a minute");
        }
        if let Some(left) = self.seconds_left {
            line = format!("{line}, about {} left", roughly(left));
        }
        if let Some(since) = &self.offline_since {
            line = format!("{line}, nobody answers since {since}");
        }
        if let Some(next) = &self.next_try_at {
            line = format!("{line}, next try at {next}");
        }
        line
    }

    /// As another program wrote it down, so long ago: what waits is known, its speed is not any more.
    #[must_use]
    pub fn as_of(mut self, age: jiff::SignedDuration, waiting: u64) -> Sending {
        self.waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        if age < jiff::SignedDuration::ZERO || age > FRESH {
            (self.per_minute, self.seconds_left, self.next_try_at) = (None, None, None);
        }
        self
    }
}

/// A time somebody would say: seconds under two minutes, minutes under two hours, then hours.
fn roughly(seconds: u32) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_760_000_000).unwrap()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// One photo a second for so long.
    fn steady(pace: &mut Pace, from: Instant, long: u64) -> Instant {
        pace.sending(from);
        for n in 1..=long {
            pace.sent(1, from + seconds(n));
        }
        from + seconds(long)
    }

    #[test]
    fn a_steady_second_each_is_sixty_a_minute_and_tells_the_time_left() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = steady(&mut pace, start, 30);
        let reading = pace.reading(at, now(), 90, None);
        assert_eq!((reading.sent, reading.waiting), (30, 90));
        assert_eq!(reading.per_minute, Some(60.0));
        assert_eq!(reading.seconds_left, Some(90));
    }

    #[test]
    fn nothing_is_guessed_from_the_first_moments_or_from_nothing() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.reading(start, now(), 5, None).per_minute, None);
        pace.sent(3, start);
        assert_eq!(pace.reading(start + seconds(2), now(), 5, None).per_minute, None);
        // Tried for a minute and nothing went: the speed is nothing, the time left is not known.
        let mut stuck = Pace::default();
        stuck.sending(start);
        let reading = stuck.reading(start + seconds(60), now(), 5, None);
        assert_eq!((reading.per_minute, reading.seconds_left), (Some(0.0), None));
    }

    #[test]
    fn the_speed_is_of_the_last_two_minutes_only() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let fast = steady(&mut pace, start, 300);
        let mut at = fast;
        for n in 1..=30 {
            at = fast + seconds(10 * n);
            pace.sent(1, at);
        }
        let reading = pace.reading(at, now(), 60, None);
        let speed = reading.per_minute.unwrap();
        assert!((5.9..=6.6).contains(&speed), "{speed}");
        assert_eq!(reading.sent, 330);
    }

    #[test]
    fn a_network_that_was_away_does_not_pass_for_a_slow_one() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = steady(&mut pace, start, 20);
        pace.silent(now(), Some(now() + SignedDuration::from_secs(40)));
        let away = pace.reading(at + seconds(20), now(), 80, Some(now()));
        assert_eq!((away.per_minute, away.seconds_left), (None, None));
        assert_eq!(away.offline_since, Some(now().to_string()));
        assert_eq!(
            away.next_try_at,
            Some((now() + SignedDuration::from_secs(40)).to_string())
        );
        pace.silent(now() + SignedDuration::from_mins(3), None);
        assert_eq!(
            pace.reading(at, now(), 80, None).offline_since,
            Some(now().to_string()),
            "since the first time, not the last"
        );
        pace.answered();
        let back = steady(&mut pace, at + seconds(600), 10);
        let reading = pace.reading(back, now(), 70, None);
        assert_eq!((reading.per_minute, reading.offline_since), (Some(60.0), None));
        assert_eq!(reading.sent, 30);
    }

    #[test]
    fn the_next_photo_after_an_empty_outbox_begins_a_new_count() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = steady(&mut pace, start, 10);
        pace.rest();
        let rested = pace.reading(at, now(), 0, None);
        assert_eq!(
            (rested.sent, rested.per_minute, rested.seconds_left),
            (10, None, None)
        );
        pace.sent(1, at + seconds(3600));
        assert_eq!(pace.reading(at + seconds(3601), now(), 4, None).sent, 1);
    }

    #[test]
    fn a_next_try_is_named_only_while_something_waits_for_it() {
        let pace = Pace::default();
        let at = Instant::now();
        let later = Some(now() + SignedDuration::from_secs(30));
        assert!(pace.reading(at, now(), 1, later).next_try_at.is_some());
        assert_eq!(pace.reading(at, now(), 0, later).next_try_at, None);
        assert_eq!(pace.reading(at, now(), 1, Some(now())).next_try_at, None, "now");
    }

    #[test]
    fn what_another_program_wrote_long_ago_says_nothing_of_the_speed_now() {
        let old = Sending {
            waiting: 9,
            sent: 3,
            per_minute: Some(20.0),
            seconds_left: Some(27),
            ..Sending::default()
        };
        let fresh = old.clone().as_of(SignedDuration::from_secs(3), 7);
        assert_eq!((fresh.waiting, fresh.per_minute), (7, Some(20.0)));
        for age in [SignedDuration::from_mins(5), SignedDuration::from_hours(-1)] {
            let stale = old.clone().as_of(age, 7);
            assert_eq!((stale.per_minute, stale.seconds_left), (None, None));
        }
        assert_eq!(fresh.line(), "3 sent, 7 wait, 20 a minute, about 27 s left");
    }

    proptest! {
        /// Whatever happens in whatever order: no speed below nothing, no time left without a speed, none while offline.
        #[test]
        fn no_order_of_events_leads_to_nonsense(steps in proptest::collection::vec((0_u8..5, 0_u64..400), 0..60), waiting in 0_u64..5000) {
            let (mut pace, mut at, mut sent) = (Pace::default(), Instant::now(), 0_u32);
            for (what, later) in steps {
                at += seconds(later);
                match what {
                    0 => pace.sending(at),
                    1 => { pace.sent(2, at); sent += 2; }
                    2 => pace.rest(),
                    3 => pace.silent(now(), None),
                    _ => pace.answered(),
                }
                let reading = pace.reading(at, now(), waiting, None);
                prop_assert!(reading.per_minute.is_none_or(|speed| (0.0..=100_000.0).contains(&speed)));
                prop_assert!(reading.seconds_left.is_none() || reading.per_minute.is_some_and(|speed| speed > 0.0));
                prop_assert!(reading.offline_since.is_none() || reading.per_minute.is_none() || what == 1 || what == 0);
                prop_assert!(reading.sent <= sent);
            }
        }
    }
}
