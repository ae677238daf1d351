//! The photographer's face of the machine: the same visit, shown on one screen and led by keys.
//!
//! What differs from a student alone: the shutter has no countdown, the newest photo is accepted by one key, and the
//! visit then leaves the front while its photo is written to the disk, so that the next student is never waited with.
//! Whoever was scanned early stands *next in line*, one at most; nobody changes places there. A shot belongs to the
//! visit in front, because it is asked for with that visit's ticket and taken with no other.
//!
//! # Who sits there
//! Scan and shot are minutes and metres apart in a busy booth, and a student who jumps the queue gives the photo to
//! the wrong person. The eyes follow the face (`crate::sitter`) and number whoever sits there anew each time it may be
//! somebody else. Two things raise the alarm: the sitter changed between sitting down for this visit and the shutter,
//! and the sitter is still the one whose photo was taken last. The shutter then waits for a key, and the record says so.
//! Nobody is recognized: who left and came back counts as somebody else.

use code::CodeText;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;
use vendor::Step;

use super::{Effect, Ending, Machine, Stage, Ticket, Visit, Watch};
use crate::config::Booth;
use crate::view::{Action, OutOfService, ScanSight, SchoolCard};

/// A face must be followed for so long before it counts as the student's: who leans in to hold a telephone up, or
/// passes by, does not. Ours.
const SITTING: SignedDuration = SignedDuration::from_millis(1000);
/// How long what was held up in vain is told.
const SIGHT_SHOWN: SignedDuration = SignedDuration::from_secs(4);
/// Between two tries to write a photo the disk did not take.
const SAVE_AGAIN: SignedDuration = SignedDuration::from_secs(3);
/// Longest reason for a forced photo, in characters; a backend takes 500.
const LONGEST_REASON: usize = 200;

impl Booth {
    /// A photographer who turns away for some minutes finds the visit as it was.
    pub(super) fn patience(self, of_a_student: SignedDuration) -> SignedDuration {
        match self {
            Booth::SelfService => of_a_student,
            Booth::Photographer => of_a_student * 5,
        }
    }
}

/// Why the face in front may be the wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmCause {
    /// Another face sits there than the one that sat down for this visit.
    Changed,
    /// The face is still the one of the photo before.
    StillTheLast,
}

impl AlarmCause {
    /// The stable kebab-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            AlarmCause::Changed => "changed",
            AlarmCause::StillTheLast => "still-the-last",
        }
    }
}

/// One time the face in front was perhaps not the student's; kept with the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// Why.
    pub cause: AlarmCause,
    /// When.
    pub at: Timestamp,
    /// When the photographer said that it is the right person.
    pub acknowledged_at: Option<Timestamp>,
}

/// What only a photographer's booth has.
#[derive(Default)]
pub(super) struct Desk {
    /// The photos come from a camera of their own: the shutter is there.
    pub(super) tethered: bool,
    /// Why nobody may begin.
    pub(super) closed: Option<OutOfService>,
    /// The face followed now.
    pub(super) sitter: Option<u32>,
    sitter_since: Option<Timestamp>,
    /// The face of the last photo.
    pub(super) last_shot: Option<u32>,
    next: Option<CodeText>,
    finishing: Vec<Finishing>,
    school: Option<(SchoolCard, String)>,
    sight: Option<(ScanSight, Timestamp)>,
}

/// A visit whose photo is being written while others go on.
pub(super) struct Finishing {
    visit: Visit,
    ticket: Ticket,
    /// The disk did not take it; when it is tried again.
    again_at: Option<Timestamp>,
}

impl Machine {
    /// Whose face the machine has.
    pub fn booth(&self) -> Booth {
        self.booth
    }

    /// True where the photos come from a camera of their own.
    pub fn is_tethered(&self) -> bool {
        self.desk.tethered
    }

    /// The visit a question belongs to: in front, or being written.
    pub fn visit_of(&self, ticket: Ticket) -> Option<&Visit> {
        let finishing = self.desk.finishing.iter().map(|f| &f.visit);
        self.visit
            .iter()
            .chain(finishing)
            .find(|visit| visit.record_id == ticket.record_id)
    }

    /// The code of who was scanned early.
    pub fn next_in_line(&self) -> Option<&CodeText> {
        self.desk.next.as_ref()
    }

    /// True while the disk does not take an accepted photo.
    pub fn is_save_failing(&self) -> bool {
        self.desk.finishing.iter().any(|f| f.again_at.is_some())
    }

    /// The school of every visit, where a profile asks for it.
    pub fn kept_school(&self) -> Option<&SchoolCard> {
        self.desk.school.as_ref().map(|(school, _)| school)
    }

    /// What was held up in vain a moment ago.
    pub fn sight_at_the_desk(&self, now: Timestamp) -> Option<ScanSight> {
        let (sight, at) = self.desk.sight?;
        (now.duration_since(at) < SIGHT_SHOWN).then_some(sight)
    }

    /// The alarm nobody has answered yet.
    pub fn open_alarm(&self) -> Option<AlarmCause> {
        let alarms = &self.visit.as_ref()?.alarms;
        alarms
            .iter()
            .find(|a| a.acknowledged_at.is_none())
            .map(|a| a.cause)
    }

    /// Whether the last shot may be submitted although the checks refuse it.
    pub fn may_force(&self) -> bool {
        matches!(self.stage, Stage::Framing { .. })
            && self.booth == Booth::Photographer
            && self.visit.as_ref().is_some_and(|v| v.closest.is_some())
    }

    /// What the visit in front wants of a tethered camera's folder, and for which record.
    pub fn wanted_still(&self) -> (camera::Wanted, Uuid) {
        let nothing = (camera::Wanted::Nothing, Uuid::nil());
        let Some(visit) = self.visit.as_ref().filter(|_| self.desk.tethered) else {
            return nothing;
        };
        let since = visit.framed.unwrap_or(visit.started);
        match self.stage {
            Stage::Framing { .. } | Stage::ChoosingPhoto if self.open_alarm().is_none() => {
                (camera::Wanted::Since(since), visit.record_id)
            }
            Stage::Framing { .. } | Stage::ChoosingPhoto | Stage::Developing => {
                (camera::Wanted::Later, visit.record_id)
            }
            _ => nothing,
        }
    }

    pub(super) fn desk_watch(&self) -> Watch {
        match self.stage {
            Stage::Closed { .. } => Watch::Nothing,
            // The darkroom needs the machine; the next code must still be seen.
            Stage::Developing => Watch::Glance,
            _ => Watch::Both,
        }
    }

    /// A key of the photographer's; every other action is given back.
    pub(super) fn act_at_the_desk(&mut self, action: Action, now: Timestamp) -> Result<Vec<Effect>, Action> {
        if self.booth != Booth::Photographer {
            return match action {
                Action::Accept
                | Action::Force { .. }
                | Action::SamePerson
                | Action::TakePlate
                | Action::DropNext
                | Action::ForgetSchool => Ok(Vec::new()),
                action => Err(action),
            };
        }
        Ok(match action {
            Action::Shoot => self.shutter(now),
            Action::Accept
                if matches!(
                    self.stage,
                    Stage::Framing { .. } | Stage::ChoosingPhoto | Stage::LastLook
                ) =>
            {
                self.accept(now)
            }
            Action::Force { reason } => self.force(&reason, now),
            Action::SamePerson => {
                self.same_person(now);
                Vec::new()
            }
            Action::TakePlate if self.visit.is_none() => vec![Effect::TakePlate],
            Action::DropNext => {
                self.desk.next = None;
                Vec::new()
            }
            Action::ForgetSchool if self.visit.is_none() => {
                self.desk.school = None;
                Vec::new()
            }
            Action::Accept | Action::TakePlate | Action::ForgetSchool => Vec::new(),
            action => return Err(action),
        })
    }

    /// A code that was read while no page asks for one: it begins a visit, or stands next in line.
    pub(super) fn code_at_the_desk(
        &mut self,
        sight: ScanSight,
        text: CodeText,
        now: Timestamp,
    ) -> Vec<Effect> {
        if sight != ScanSight::Steady {
            self.desk.sight = Some((sight, now));
            return Vec::new();
        }
        let known = |code: Option<&CodeText>| code.is_some_and(|code| code.tag() == text.tag());
        let here = known(self.visit.as_ref().and_then(|v| v.code.as_ref()));
        let waits = known(self.desk.next.as_ref());
        let leaves = self.desk.finishing.iter().any(|f| known(f.visit.code.as_ref()));
        match self.stage {
            Stage::Closed { .. } => Vec::new(),
            _ if self.visit.as_ref().is_some_and(|v| v.code.is_none()) && !(waits || leaves) => {
                if let Some(visit) = &mut self.visit {
                    visit.code = Some(text);
                }
                Vec::new()
            }
            // The telephone is still held up.
            _ if here || waits || leaves => Vec::new(),
            Stage::Idle => self.comes_in_front(text, now),
            _ if self.desk.next.is_none() => {
                self.desk.next = Some(text);
                Vec::new()
            }
            // Nobody is pushed out of the line.
            _ => {
                self.desk.sight = Some((ScanSight::Several, now));
                Vec::new()
            }
        }
    }

    fn comes_in_front(&mut self, code: CodeText, now: Timestamp) -> Vec<Effect> {
        let mut visit = Visit::new((self.next_record_id)(), now);
        visit.code = Some(code);
        visit.school = self.kept_school_and_level();
        self.begin_as(visit, now)
    }

    /// Whoever was scanned early comes in front as soon as nobody is there.
    pub(super) fn next_comes(&mut self, now: Timestamp) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Idle) || self.desk.closed.is_some() || self.visit.is_some() {
            return Vec::new();
        }
        match self.desk.next.take() {
            Some(code) => self.comes_in_front(code, now),
            None => Vec::new(),
        }
    }

    pub(super) fn kept_school_and_level(&self) -> Option<(SchoolCard, String)> {
        self.desk.school.clone()
    }

    pub(super) fn keep_school(&mut self) {
        if self.booth == Booth::Photographer {
            self.desk.school = self.visit.as_ref().and_then(|v| v.school.clone());
        }
    }

    // ---- the shutter

    fn shutter(&mut self, now: Timestamp) -> Vec<Effect> {
        // A tethered camera has its own.
        if self.desk.tethered {
            return Vec::new();
        }
        if !self.is_ready_to_shoot(now) {
            return Vec::new();
        }
        self.release(now)
    }

    /// Whether a photo may be taken now; what speaks against the person raises the alarm.
    fn is_ready_to_shoot(&mut self, now: Timestamp) -> bool {
        let again = match self.stage {
            Stage::Framing { .. } => false,
            Stage::ChoosingPhoto if self.may_retake() => true,
            _ => return false,
        };
        if !again
            && self.desk.sitter.is_some()
            && self.desk.sitter == self.desk.last_shot
            && self
                .visit
                .as_ref()
                .is_some_and(|v| v.taken == 0 && v.alarms.is_empty())
        {
            self.raise(AlarmCause::StillTheLast, now);
        }
        if self.open_alarm().is_some() {
            return false;
        }
        if again && let Some(at) = self.profile.steps.iter().position(|s| *s == Step::Shoot) {
            self.step = at;
        }
        true
    }

    pub(super) fn still_came(
        &mut self,
        record_id: Uuid,
        still: camera::Still,
        now: Timestamp,
    ) -> Vec<Effect> {
        let in_front = self.visit.as_ref().is_some_and(|v| v.record_id == record_id);
        if !in_front || !self.desk.tethered || !self.is_ready_to_shoot(now) {
            return vec![Effect::PutAside(still)];
        }
        self.desk.last_shot = self.desk.sitter;
        self.go(Stage::Developing, now);
        self.ask(|ticket| Effect::Develop(ticket, still))
    }

    // ---- who sits there

    pub(super) fn sits(&mut self, sitter: Option<u32>, now: Timestamp) -> Vec<Effect> {
        if self.desk.sitter != sitter {
            (self.desk.sitter, self.desk.sitter_since) = (sitter, Some(now));
        }
        let held = self
            .desk
            .sitter_since
            .is_some_and(|since| now.duration_since(since) >= SITTING);
        let Some(visit) = self.visit.as_mut() else {
            return Vec::new();
        };
        // Once a photo is there the student may get up.
        let before_the_shot = visit.shots.is_empty() && !matches!(self.stage, Stage::Developing);
        let Some(sitter) = sitter.filter(|s| held && before_the_shot && Some(*s) != self.desk.last_shot)
        else {
            return Vec::new();
        };
        match visit.sitter {
            None => visit.sitter = Some(sitter),
            Some(first) if first != sitter => {
                // Told once for each who comes.
                visit.sitter = Some(sitter);
                self.raise(AlarmCause::Changed, now);
            }
            Some(_) => {}
        }
        Vec::new()
    }

    fn raise(&mut self, cause: AlarmCause, at: Timestamp) {
        if self.open_alarm().is_none()
            && let Some(visit) = &mut self.visit
        {
            visit.alarms.push(Alarm {
                cause,
                at,
                acknowledged_at: None,
            });
        }
    }

    fn same_person(&mut self, now: Timestamp) {
        let sitter = self.desk.sitter;
        let Some(visit) = &mut self.visit else { return };
        for alarm in &mut visit.alarms {
            alarm.acknowledged_at.get_or_insert(now);
        }
        visit.sitter = sitter;
    }

    // ---- the photo leaves

    fn accept(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(visit) = &mut self.visit else {
            return Vec::new();
        };
        let Some((newest, _)) = visit.shots.last() else {
            return Vec::new();
        };
        visit.chosen = Some(*newest);
        self.hand_over(now)
    }

    fn force(&mut self, reason: &str, now: Timestamp) -> Vec<Effect> {
        let reason = reason.trim();
        let fits = !reason.is_empty() && reason.chars().count() <= LONGEST_REASON;
        if !fits || !self.may_force() || self.is_save_failing() {
            return Vec::new();
        }
        let Some(visit) = &mut self.visit else {
            return Vec::new();
        };
        let Some(closest) = visit.closest.take() else {
            return Vec::new();
        };
        visit.shots.push((visit.taken, closest));
        visit.chosen = Some(visit.taken);
        visit.forced_reason = Some(reason.to_owned());
        self.hand_over(now)
    }

    /// The photo goes to the disk. Where nothing is left to ask, the visit makes room for the next one at once.
    fn hand_over(&mut self, now: Timestamp) -> Vec<Effect> {
        // One photo the disk does not take is enough: this one stays in front until that one is safe.
        if self.is_save_failing() {
            return Vec::new();
        }
        let submit = self.profile.steps.iter().position(|s| *s == Step::Submit);
        let Some(submit) = submit else { return Vec::new() };
        self.step = submit;
        self.go(Stage::Saving, now);
        let mut effects = self.ask(Effect::Save);
        if submit + 1 < self.profile.steps.len() {
            return effects;
        }
        if let (Some(ticket), Some(visit)) = (self.asked.take(), self.visit.take()) {
            if let Some(code) = &visit.code {
                self.last_code = Some((code.tag(), now));
            }
            self.desk.finishing.push(Finishing {
                visit,
                ticket,
                again_at: None,
            });
        }
        self.stage = Stage::Idle;
        self.deadline = None;
        self.step = 0;
        self.take_profile();
        effects.extend(self.next_comes(now));
        effects
    }

    pub(super) fn is_finishing(&self, ticket: Ticket) -> bool {
        self.desk.finishing.iter().any(|f| f.ticket == ticket)
    }

    pub(super) fn finished(
        &mut self,
        ticket: Ticket,
        result: &Result<String, ()>,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(at) = self.desk.finishing.iter().position(|f| f.ticket == ticket) else {
            return Vec::new();
        };
        if result.is_err() {
            self.desk.finishing[at].again_at = Some(now + SAVE_AGAIN);
            return Vec::new();
        }
        let Finishing { visit, .. } = self.desk.finishing.remove(at);
        vec![Effect::Ended {
            record_id: visit.record_id,
            started: visit.started,
            ending: Ending::Submitted,
        }]
    }

    /// A photo the disk did not take is tried again until it does: it is nowhere else.
    pub(super) fn save_again(&mut self, now: Timestamp) -> Option<Effect> {
        let due = |f: &&mut Finishing| f.again_at.is_some_and(|at| now >= at);
        let finishing = self.desk.finishing.iter_mut().find(due)?;
        finishing.again_at = Some(now + SAVE_AGAIN * 10);
        Some(Effect::Save(finishing.ticket))
    }
}
