//! What a photographer's screen remembers beside the visit in front: the last photos, and the day's figures.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use records::Store;

use crate::station::Shared;
use crate::view::{AlarmView, Counters, LastPhoto, LastState, PhotographerView};
use crate::visit::{AlarmCause, Answer, Event, Machine, Visit};

/// Photos shown.
const LAST: usize = 6;
/// A screen nobody works at does not go on showing them.
const SHOWN_FOR: Duration = Duration::from_mins(15);

/// The last photos and the day's figures.
#[derive(Default)]
pub(crate) struct Recent {
    last: VecDeque<LastPhoto>,
    newest: Option<Instant>,
    pub(crate) counters: Counters,
}

impl Recent {
    /// A visit's photo goes to the disk, for the first time or again.
    pub(crate) fn leaves(&mut self, visit: &Visit, shared: &Shared) {
        let Some(shot) = visit.chosen_shot() else { return };
        let id = visit.record_id.to_string();
        if self.last.iter().any(|photo| photo.id == id) {
            return;
        }
        self.last.push_front(LastPhoto {
            id,
            shoot_number: None,
            masked_name: visit
                .identity
                .as_ref()
                .map(|identity| identity.masked_name.clone())
                .unwrap_or_default(),
            state: LastState::Saving,
            remarks: shot.remarks.clone(),
            forced: visit.forced_reason.is_some(),
        });
        self.last.truncate(LAST);
        self.newest = Some(Instant::now());
        let mut photos = shared.last_photos.lock().unwrap_or_else(PoisonError::into_inner);
        photos.insert(0, (visit.record_id, shot.standard.clone()));
        photos.truncate(LAST);
    }

    /// Forgets the photos when nobody has come for long.
    pub(crate) fn forget_old(&mut self, shared: &Shared, now: Instant) {
        let old = |newest: Instant| now.saturating_duration_since(newest) > SHOWN_FOR;
        if self.newest.is_some_and(old) {
            (self.last, self.newest) = (VecDeque::new(), None);
            shared
                .last_photos
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        }
    }

    /// How far the last photos are.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::Answer(ticket, Answer::Saved(saved)) => {
                let id = ticket.record_id.to_string();
                if let Some(photo) = self.last.iter_mut().find(|photo| photo.id == id) {
                    match saved {
                        Ok(number) => {
                            photo.shoot_number = Some(number.clone());
                            photo.state = LastState::SavedHere;
                        }
                        Err(()) => photo.state = LastState::NotSaved,
                    }
                }
            }
            Event::Progress {
                record_id, progress, ..
            } => {
                let id = record_id.to_string();
                if let Some(photo) = self.last.iter_mut().find(|photo| photo.id == id) {
                    photo.state = (*progress).into();
                }
            }
            _ => {}
        }
    }

    /// The screen beside the page.
    pub(crate) fn view(&self, machine: &Machine, shared: &Shared, now: Timestamp) -> PhotographerView {
        let visit = machine.visit();
        let tag = |code: &code::CodeText| code.tag().to_string();
        let (put_aside, put_aside_why) = shared
            .tether
            .as_ref()
            .map(|tether| tether.put_aside())
            .unwrap_or_default();
        PhotographerView {
            front: visit.map(|visit| visit.record_id.to_string()).unwrap_or_default(),
            tag: visit.and_then(|visit| visit.code.as_ref()).map(tag),
            person: visit.and_then(Visit::person),
            next: machine.next_in_line().map(tag),
            school: machine.kept_school().map(|school| school.name.clone()),
            sight: machine.sight_at_the_desk(now),
            alarm: machine.open_alarm().map(|cause| match cause {
                AlarmCause::Changed => AlarmView::Changed,
                AlarmCause::StillTheLast => AlarmView::StillTheLast,
            }),
            may_force: machine.may_force(),
            tethered: machine.is_tethered(),
            save_failing: machine.is_save_failing(),
            last: self.last.iter().cloned().collect(),
            counters: self.counters,
            light: shared
                .studio
                .as_ref()
                .map(|studio| studio.light())
                .unwrap_or_default(),
            wall: shared
                .studio
                .as_ref()
                .map(|studio| studio.wall())
                .unwrap_or_default(),
            put_aside,
            put_aside_why,
        }
    }
}

/// The figures of this day, as the wall clock here has it, and of the last hour.
pub(crate) fn counters(store: &Store, now: Timestamp) -> records::Result<Counters> {
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let midnight = now
        .to_zoned(TimeZone::system())
        .start_of_day()
        .map_or(now, |day| day.timestamp());
    let (today, _) = store.submitted_within(midnight, now)?;
    let (last_hour, seconds) = store.submitted_within(now - SignedDuration::from_hours(1), now)?;
    Ok(Counters {
        today: number(today),
        last_hour: number(last_hour),
        seconds: seconds.map(|seconds| seconds.round() as u32),
    })
}
