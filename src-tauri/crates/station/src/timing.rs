//! How long those who stand before the station wait for it, live: counted in memory, a few numbers each, nothing of
//! anybody. What is counted comes in with its time, so that this is arithmetic and nothing else.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use specta::Type;
use uuid::Uuid;

use crate::view::{Page, View};

/// Samples kept of a measure: at thirty frames a second the last ten seconds of the preview.
const KEPT: usize = 300;
/// Visits kept.
const VISITS: usize = 100;
/// A rate is counted over this time.
const RATE_OVER: Duration = Duration::from_secs(3);
/// Pictures handed to the page whose drawing has not been told yet; a page draws one or two behind.
const IN_HAND: usize = 8;
/// A code leads to the next page within this time, or it led nowhere.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Later word of a drawing is no measure of this program: a page in the background is not drawn at all.
const STALE: Duration = Duration::from_secs(5);

/// Everything counted.
#[derive(Debug, Default)]
pub struct Timing {
    shown: Rate,
    in_hand: VecDeque<(u32, Instant)>,
    frame_to_screen: Samples,
    scan_to_page: Samples,
    page_drawn: Samples,
    develop: Samples,
    save: Samples,
    scanned: Option<Instant>,
    changed: Option<Change>,
    waits_since: Option<Instant>,
    visit: Option<Visit>,
    visits: VecDeque<VisitTime>,
}

/// A page that was published and may not have been drawn yet.
#[derive(Debug)]
struct Change {
    revision: u32,
    at: Instant,
    /// When the camera saw the code that led to it.
    scanned: Option<Instant>,
}

#[derive(Debug)]
struct Visit {
    id: Uuid,
    began: Instant,
    machine: Duration,
}

/// Whose turn it is on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The person looks, reads, types or sits: the machine waits.
    Person,
    /// The person waits: the machine works.
    Machine,
}

/// A visit's time.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct VisitTime {
    /// When it ended, RFC 3339.
    pub ended_at: String,
    /// From the first touch to the receipt, in seconds.
    pub seconds: f32,
    /// How much of it the person waited for the machine, in milliseconds.
    pub machine_ms: f32,
}

/// A measure's middle and its slow end, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct Spread {
    /// Measured so often, of the last ones.
    pub count: u32,
    /// Half are quicker.
    pub p50: f32,
    /// One in twenty is slower.
    pub p95: f32,
}

/// How fast the station is now.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub struct TimingReading {
    /// Frames a second the camera gave.
    pub captured_fps: f32,
    /// Frames a second the page drew; 0 where no page shows the preview.
    pub shown_fps: f32,
    /// From the camera's frame to the drawn page.
    pub frame_to_screen: Spread,
    /// From the frame with the code to the drawn next page.
    pub scan_to_page: Spread,
    /// From a touch's answer to the drawn page.
    pub page_drawn: Spread,
    /// From the shutter to the finished photo.
    pub develop: Spread,
    /// Until a photo was safe on the disk.
    pub save: Spread,
    /// The last visits, newest first.
    pub visits: Vec<VisitTime>,
}

impl Timing {
    /// The page has fetched a picture, under this number of its own, of a frame of that time.
    pub fn frame_fetched(&mut self, number: u32, of: Instant) {
        self.in_hand.push_back((number, of));
        if self.in_hand.len() > IN_HAND {
            self.in_hand.pop_front();
        }
    }

    /// The page has drawn the picture of this number at that time.
    pub fn frame_drawn(&mut self, number: u32, at: Instant) {
        let Some(place) = self.in_hand.iter().position(|(n, _)| *n == number) else {
            return;
        };
        let (_, of) = self.in_hand[place];
        self.in_hand.drain(..=place);
        self.shown.count(at);
        self.frame_to_screen.take(at.saturating_duration_since(of));
    }

    /// A code was read off the frame of that time. One that no page followed, because it was a wrong one, is forgotten
    /// by the time the next page comes.
    pub fn code_read(&mut self, of: Instant) {
        self.scanned = Some(of);
    }

    /// Another page stands there, as this revision of the view.
    pub fn page_changed(&mut self, revision: u32, whose: Turn, now: Instant) {
        let scanned = self.scanned.take();
        self.changed = Some(Change {
            revision,
            at: now,
            scanned: scanned.filter(|of| now.saturating_duration_since(*of) < AT_ONCE),
        });
        if let Some(since) = self.waits_since.take() {
            self.machine_took(now.saturating_duration_since(since));
        }
        if whose == Turn::Machine {
            self.waits_since = Some(now);
        }
    }

    /// The screen shows another page.
    pub(crate) fn follow(&mut self, view: &View, wall: Timestamp, now: Instant) {
        let turn = match view.page {
            Page::Working { .. } => Turn::Machine,
            _ => Turn::Person,
        };
        self.page_changed(view.revision, turn, now);
        if matches!(view.page, Page::Done { .. }) {
            self.visit_finished(wall, now);
        }
    }

    /// The page has drawn this revision of the view, or a later one.
    pub fn page_drawn(&mut self, revision: u32, now: Instant) {
        let Some(change) = self.changed.take_if(|change| revision >= change.revision) else {
            return;
        };
        let took = now.saturating_duration_since(change.at);
        if took > STALE {
            return;
        }
        self.page_drawn.take(took);
        // While the machine works, its own clock runs already.
        if self.waits_since.is_none() {
            self.machine_took(took);
        }
        if let Some(of) = change.scanned {
            self.scan_to_page.take(now.saturating_duration_since(of));
            self.machine_took(change.at.saturating_duration_since(of));
        }
    }

    /// A photo was finished, or refused, so long after the shutter.
    pub fn developed(&mut self, took: Duration) {
        self.develop.take(took);
    }

    /// A photo was kept in this time.
    pub fn saved(&mut self, took: Duration) {
        self.save.take(took);
    }

    /// Somebody began.
    pub fn visit_began(&mut self, id: Uuid, now: Instant) {
        self.visit = Some(Visit {
            id,
            began: now,
            machine: Duration::ZERO,
        });
    }

    /// A visit that ended without a photo is no measure. Of one that was finished nothing is left to give up.
    pub fn visit_given_up(&mut self, id: Uuid) {
        self.visit.take_if(|visit| visit.id == id);
    }

    /// The photo is kept and the last page stands there: whatever the person does now, the visit is over.
    pub fn visit_finished(&mut self, wall: Timestamp, now: Instant) {
        let Some(visit) = self.visit.take() else { return };
        self.visits.push_front(VisitTime {
            ended_at: wall.to_string(),
            seconds: now.saturating_duration_since(visit.began).as_secs_f32(),
            machine_ms: visit.machine.as_secs_f32() * 1000.0,
        });
        self.visits.truncate(VISITS);
    }

    fn machine_took(&mut self, took: Duration) {
        if let Some(visit) = &mut self.visit {
            visit.machine += took;
        }
    }

    /// How it stands now, with the frames a second the camera says it gives.
    pub fn reading(&self, captured_fps: f32, now: Instant) -> TimingReading {
        TimingReading {
            captured_fps,
            shown_fps: self.shown.a_second(now),
            frame_to_screen: self.frame_to_screen.spread(),
            scan_to_page: self.scan_to_page.spread(),
            page_drawn: self.page_drawn.spread(),
            develop: self.develop.spread(),
            save: self.save.spread(),
            visits: self.visits.iter().cloned().collect(),
        }
    }
}

/// How often something happens.
#[derive(Debug, Default)]
struct Rate(VecDeque<Instant>);

impl Rate {
    fn count(&mut self, now: Instant) {
        self.0.push_back(now);
        while self
            .0
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) > RATE_OVER)
        {
            self.0.pop_front();
        }
    }

    /// Between the first and the last of the last seconds; 0 once it has ceased.
    fn a_second(&self, now: Instant) -> f32 {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else {
            return 0.0;
        };
        let span = last.saturating_duration_since(*first).as_secs_f32();
        let ceased = now.saturating_duration_since(*last) > RATE_OVER / 2;
        if ceased || span <= 0.0 {
            return 0.0;
        }
        (self.0.len() - 1) as f32 / span
    }
}

/// The last values of a measure, in milliseconds.
#[derive(Debug, Default)]
struct Samples(VecDeque<f32>);

impl Samples {
    fn take(&mut self, took: Duration) {
        self.0.push_back(took.as_secs_f32() * 1000.0);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    fn spread(&self) -> Spread {
        let mut sorted: Vec<f32> = self.0.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f32| {
            let place = ((sorted.len() as f32 * share).ceil() as usize).saturating_sub(1);
            sorted.get(place).copied().unwrap_or(0.0)
        };
        Spread {
            count: u32::try_from(sorted.len()).unwrap_or(u32::MAX),
            p50: at(0.5),
            p95: at(0.95),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn frames_are_counted_when_they_are_drawn_not_when_they_are_fetched() {
        let (mut timing, start) = (Timing::default(), Instant::now());
        for n in 0..90_u32 {
            let captured = ms(start, u64::from(n) * 33);
            // Every third frame is never drawn.
            timing.frame_fetched(n, captured);
            if n % 3 != 0 {
                timing.frame_drawn(n, captured + Duration::from_millis(if n == 89 { 70 } else { 40 }));
            }
        }
        let reading = timing.reading(30.0, ms(start, 90 * 33));
        assert!((reading.shown_fps - 20.2).abs() < 0.5, "{reading:?}");
        assert_eq!(reading.frame_to_screen.count, 60);
        assert!((reading.frame_to_screen.p50 - 40.0).abs() < 0.1);
        timing.frame_drawn(7, ms(start, 5000));
        assert_eq!(
            timing.reading(0.0, ms(start, 5000)).frame_to_screen.count,
            60,
            "a picture counts once, and not after a later one"
        );
        assert!(
            timing.reading(0.0, ms(start, 9000)).shown_fps.abs() < 0.01,
            "it has ceased"
        );
    }

    #[test]
    fn a_visits_machine_share_is_what_the_person_waited_for() {
        let (mut timing, start) = (Timing::default(), Instant::now());
        timing.visit_began(Uuid::nil(), start);
        timing.page_changed(1, Turn::Person, start);
        timing.page_drawn(1, ms(start, 20));
        // Ten seconds with the telephone, then the code is seen, read in 30 ms and asked about for 200 ms.
        timing.code_read(ms(start, 10_000));
        timing.page_changed(5, Turn::Machine, ms(start, 10_030));
        timing.page_drawn(5, ms(start, 10_050));
        timing.page_changed(6, Turn::Person, ms(start, 10_230));
        timing.page_drawn(6, ms(start, 10_240));
        timing.visit_finished(Timestamp::UNIX_EPOCH, ms(start, 20_000));
        let reading = timing.reading(0.0, ms(start, 20_000));
        let visit = &reading.visits[0];
        assert!((visit.seconds - 20.0).abs() < 0.01);
        // 20 to draw, 30 to read, 200 to ask with its page drawn meanwhile, 10 to draw.
        assert!((visit.machine_ms - 260.0).abs() < 0.5, "{visit:?}");
        assert!((reading.scan_to_page.p95 - 50.0).abs() < 0.1, "{reading:?}");
    }

    #[test]
    fn an_hour_in_the_background_is_no_measure_and_a_visit_given_up_neither() {
        let (mut timing, start) = (Timing::default(), Instant::now());
        timing.visit_began(Uuid::nil(), start);
        timing.page_changed(1, Turn::Person, start);
        timing.page_drawn(1, ms(start, 3_600_000));
        timing.visit_given_up(Uuid::nil());
        let reading = timing.reading(0.0, ms(start, 3_600_000));
        assert_eq!(reading.page_drawn.count, 0);
        assert!(reading.visits.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let (mut timing, start) = (Timing::default(), Instant::now());
        for n in 0..10_000_u32 {
            let now = ms(start, u64::from(n) * 5);
            timing.frame_fetched(n, now);
            timing.frame_drawn(n, now);
            timing.saved(Duration::from_millis(1));
            timing.visit_began(Uuid::nil(), now);
            timing.visit_finished(Timestamp::UNIX_EPOCH, now);
        }
        assert!(timing.frame_to_screen.0.len() <= KEPT && timing.save.0.len() <= KEPT);
        assert!(timing.visits.len() <= VISITS && timing.shown.0.len() <= 601);
    }
}
