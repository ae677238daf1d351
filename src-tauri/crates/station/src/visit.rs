//! One student's visit as a state machine.
//!
//! [`Machine`] is pure: events and the time go in, effects come out. The profile's steps decide the order of
//! the pages, [`Machine::handle`] is the only place where a stage changes, and a visit's data lives in one
//! [`Visit`] whose end wipes it. The scan and the shot belong together because both are fields of that value.

mod pages;
mod photographer;

use std::sync::Arc;

use code::{CodeText, Kind, Tag};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;
use vendor::api::{AcademicRecord, CollectionState, Eligibility, Identity, Order, OrderState, Proof};
use vendor::{FeeWhen, Profile, Secret, Step};

use self::pages::window_words;
use self::photographer::Desk;
pub use self::photographer::{Alarm, AlarmCause};
use crate::config::Booth;
use crate::view::{
    Action, NotPossible, OutOfService, PayState, Person, Progress, ProofError, Remark, ScanSight, SchoolCard,
};

/// The code of a visit that ended, however it did, is not taken again for this long, so that a telephone still
/// held up does not start a second one (the habit of ticket scanners).
pub const SAME_CODE_PAUSE: SignedDuration = SignedDuration::from_secs(5);
/// How long the green frame stays after a code was read, so that the student sees and hears that it was.
pub const CODE_SHOWN: SignedDuration = SignedDuration::from_millis(350);
/// Attempts at the proof before the visit ends.
pub const PROOF_ATTEMPTS: u32 = 3;
/// From the start of the countdown to the shutter, where the station is not set up otherwise.
pub const COUNTDOWN: SignedDuration = SignedDuration::from_secs(3);
/// Nobody holds still for longer.
const LONGEST_COUNTDOWN: SignedDuration = SignedDuration::from_secs(10);
/// How long the welcome page speaks of a visit that was cut off: whoever comes later was not there.
const INTERRUPTION_TOLD: SignedDuration = SignedDuration::from_mins(2);
/// Between two questions about an order.
const ORDER_POLL: SignedDuration = SignedDuration::from_secs(2);

/// A developed photo: everything that will be kept of one shot.
pub struct Shot {
    /// The picture as captured, byte for byte.
    pub original: Vec<u8>,
    /// The standard photo.
    pub standard: Vec<u8>,
    /// Measurements, checks, transform and hashes.
    pub report: portrait::Report,
    /// What a reviewer might say.
    pub remarks: Vec<Remark>,
    /// The shutter.
    pub captured_at: Timestamp,
}

/// A shot whose photo the checks do not accept.
pub struct Refused {
    /// Why, in words.
    pub remarks: Vec<Remark>,
    /// The closest photo there is, where there is one: a photographer may submit it with a reason.
    pub closest: Option<Arc<Shot>>,
}

impl From<Vec<Remark>> for Refused {
    fn from(remarks: Vec<Remark>) -> Refused {
        Refused {
            remarks,
            closest: None,
        }
    }
}

/// One student's data. Dropping it wipes the code; photos and masked words go with it.
pub struct Visit {
    /// The record this visit will become: the backend counts by it, so a retry is never a second capture.
    pub record_id: Uuid,
    /// When the student began.
    pub started: Timestamp,
    /// The collection code, once scanned.
    pub code: Option<CodeText>,
    /// School and level, where the profile asks for them.
    pub school: Option<(SchoolCard, String)>,
    /// What the student proved with.
    pub proof: Proof,
    /// The masked identity; `None` while it is to be resolved.
    pub identity: Option<Identity>,
    /// The academic record collected for.
    pub record: Option<AcademicRecord>,
    /// When consent was given.
    pub consent: Option<Timestamp>,
    /// The order, where there is a fee.
    pub order: Option<Order>,
    /// A fee is owed because the order could not be made or paid now.
    pub owes: bool,
    /// Photos that passed, newest last.
    pub shots: Vec<(u32, Arc<Shot>)>,
    /// Shots taken, the refused ones too.
    pub taken: u32,
    /// The photo chosen.
    pub chosen: Option<u32>,
    /// The shoot number, once the record is on the disk.
    pub saved_as: Option<String>,
    /// Why the photographer submits a photo the checks refused.
    pub forced_reason: Option<String>,
    /// Each time the face in front was not the one it should be, in a photographer's booth.
    pub alarms: Vec<Alarm>,
    /// When it first waited for a photo.
    pub framed: Option<Timestamp>,
    /// The closest photo of the last shot, where the checks refused it.
    closest: Option<Arc<Shot>>,
    /// Whose face sits there, by tracking; see [`photographer`].
    sitter: Option<u32>,
    attempts_left: u32,
}

impl Visit {
    fn new(record_id: Uuid, started: Timestamp) -> Visit {
        Visit {
            record_id,
            started,
            code: None,
            school: None,
            proof: Proof::None,
            identity: None,
            record: None,
            consent: None,
            order: None,
            owes: false,
            shots: Vec::new(),
            taken: 0,
            chosen: None,
            saved_as: None,
            forced_reason: None,
            alarms: Vec::new(),
            framed: None,
            closest: None,
            sitter: None,
            attempts_left: PROOF_ATTEMPTS,
        }
    }

    fn rejection(&self) -> Vec<Remark> {
        self.record
            .as_ref()
            .and_then(|r| r.last_rejection.as_ref())
            .map(rejection_words)
            .unwrap_or_default()
    }

    pub(crate) fn person(&self) -> Option<Person> {
        let (identity, record) = (self.identity.as_ref()?, self.record.as_ref()?);
        Some(Person {
            masked_name: identity.masked_name.clone(),
            masked_id: identity.masked_id.clone(),
            school: record.school.clone(),
            level: record.level.clone(),
            major: record.major.clone(),
            year: record.year,
        })
    }

    /// The photo chosen, if it is still there.
    pub fn chosen_shot(&self) -> Option<&Arc<Shot>> {
        let id = self.chosen?;
        self.shots.iter().find(|(i, _)| *i == id).map(|(_, s)| s)
    }
}

/// Where a visit stands: the station's one life cycle at the front.
enum Stage {
    Idle,
    Closed {
        reason: OutOfService,
        since: Timestamp,
    },
    FindingSchool {
        found: Vec<SchoolCard>,
        searched: bool,
    },
    Scanning {
        sight: ScanSight,
        /// When its code was read.
        read: Option<Timestamp>,
    },
    Proving {
        error: Option<ProofError>,
    },
    Resolving,
    ChoosingRecord,
    Confirming,
    Requirements,
    Ordering,
    Paying {
        state: PayState,
        next_poll: Timestamp,
    },
    Framing {
        countdown_from: Option<Timestamp>,
        refused: Vec<Remark>,
    },
    Developing,
    ChoosingPhoto,
    LastLook,
    Saving,
    Done {
        progress: Progress,
        receipt: Option<String>,
        shoot_number: String,
    },
    NotPossible {
        reason: NotPossible,
        detail: Option<String>,
    },
}

/// What the camera should be looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Nothing.
    Nothing,
    /// A collection code.
    Code,
    /// A face to frame.
    Face,
    /// A face to frame, and beside it the code of who comes next.
    Both,
    /// The same, a few times a second: the darkroom needs the machine.
    Glance,
}

/// What the backend said about an identity.
pub enum Resolved {
    /// Who it is, masked.
    Identity(Box<Identity>),
    /// The proof does not fit.
    Mismatch,
    /// The visit cannot go on.
    NotPossible(NotPossible, Option<String>),
    /// Nobody answered: to be resolved later.
    Offline,
}

/// What the backend said about an order.
pub enum OrderReply {
    /// The order as it stands.
    Order(Box<Order>),
    /// Nothing to pay: paid before, or free.
    NothingDue,
    /// Nobody answered.
    Offline,
    /// Refused, in the backend's words.
    Refused(Option<String>),
}

/// Which visit asked, and which of its questions. An answer that comes when its visit is over, or when the question
/// was asked anew, is nobody's: it must not be taken for the next student's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The visit's record.
    pub record_id: Uuid,
    question: u32,
}

/// What the world answers to an [`Effect`] with a [`Ticket`].
pub enum Answer {
    /// To [`Effect::SearchSchools`]; `None` without network.
    Schools(Option<Vec<SchoolCard>>),
    /// To [`Effect::Resolve`].
    Resolved(Resolved),
    /// To [`Effect::CreateOrder`] or [`Effect::PollOrder`].
    Order(OrderReply),
    /// To [`Effect::Shoot`]: a photo, or why it was refused.
    Developed(Result<Arc<Shot>, Refused>),
    /// To [`Effect::Save`]: the shoot number, or it could not be kept.
    Saved(Result<String, ()>),
}

/// What happens to the machine.
pub enum Event {
    /// A person did something.
    Act(Action),
    /// The camera sees this (no readable code).
    Sight(ScanSight),
    /// A code was read.
    Code(Kind, CodeText),
    /// The world has answered.
    Answer(Ticket, Answer),
    /// The face has been right and still for a second.
    Steady,
    /// Whose face is before the camera, by tracking: a number that changes when it may be somebody else's; `None`
    /// while there is none.
    Sitter(Option<u32>),
    /// A tethered camera's photo, taken for the visit of this record.
    Still(Uuid, camera::Still),
    /// A record moved on.
    Progress {
        /// Which record.
        record_id: Uuid,
        /// How far.
        progress: Progress,
        /// The backend's receipt number.
        receipt: Option<String>,
    },
    /// The station cannot serve, or can again.
    Service(Option<OutOfService>),
    /// The printer is at the student's paper: nobody is sent away before it lies in the tray.
    PaperComes,
    /// A new profile from the backend. Taken between visits.
    Profile(Box<Profile>),
    /// Time passes.
    Tick,
}

/// How a visit ended, for the day's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Submitted.
    Submitted,
    /// Cancelled by the student.
    Cancelled,
    /// Timed out.
    TimedOut,
    /// Not possible.
    NotPossible,
}

/// What the world must do for the machine.
pub enum Effect {
    /// Look schools up.
    SearchSchools {
        /// The question.
        ticket: Ticket,
        /// Part of the name.
        name: String,
        /// Level.
        level: String,
    },
    /// Ask who this is.
    Resolve(Ticket),
    /// Make an order for the chosen academic record.
    CreateOrder(Ticket),
    /// Ask how the order stands.
    PollOrder(Ticket),
    /// Take the next frame and develop it.
    Shoot(Ticket),
    /// Write this shot's photos down beside the page, for the case that it is chosen.
    SetAside {
        /// Which of the visit's shots.
        shot: u32,
    },
    /// Develop the tethered camera's photo.
    Develop(Ticket, camera::Still),
    /// Put a tethered camera's photo aside: its visit is over.
    PutAside(camera::Still),
    /// Keep a picture of the empty wall.
    TakePlate,
    /// Keep the chosen photo: one transaction.
    Save(Ticket),
    /// A visit began.
    Began {
        /// The visit's record.
        record_id: Uuid,
    },
    /// A visit ended; its data is gone.
    Ended {
        /// The visit's record.
        record_id: Uuid,
        /// When it began.
        started: Timestamp,
        /// How it ended.
        ending: Ending,
    },
}

impl Effect {
    /// The question this effect is, if it waits for an answer.
    pub fn ticket(&self) -> Option<Ticket> {
        match self {
            Effect::SearchSchools { ticket, .. }
            | Effect::Resolve(ticket)
            | Effect::CreateOrder(ticket)
            | Effect::PollOrder(ticket)
            | Effect::Shoot(ticket)
            | Effect::Develop(ticket, _)
            | Effect::Save(ticket) => Some(*ticket),
            Effect::Began { .. }
            | Effect::Ended { .. }
            | Effect::SetAside { .. }
            | Effect::PutAside(_)
            | Effect::TakePlate => None,
        }
    }
}

/// The visit at the front of the station.
pub struct Machine {
    profile: Profile,
    next_profile: Option<Box<Profile>>,
    stage: Stage,
    step: usize,
    visit: Option<Visit>,
    deadline: Option<Timestamp>,
    last_code: Option<(Tag, Timestamp)>,
    /// The question whose answer is waited for, and how many were asked.
    asked: Option<Ticket>,
    questions: u32,
    /// Whose face the machine has.
    booth: Booth,
    /// What only a photographer's booth has.
    desk: Desk,
    /// The time of the event being handled.
    now: Timestamp,
    next_record_id: fn() -> Uuid,
    countdown: SignedDuration,
    /// Until when the welcome page says that a visit was cut off.
    interrupted_until: Option<Timestamp>,
}

impl Machine {
    /// A machine that waits for its first student. `next_record_id` names the records.
    pub fn new(profile: Profile, next_record_id: fn() -> Uuid) -> Machine {
        Machine {
            profile,
            next_profile: None,
            stage: Stage::Idle,
            step: 0,
            visit: None,
            deadline: None,
            last_code: None,
            asked: None,
            questions: 0,
            booth: Booth::SelfService,
            desk: Desk::default(),
            now: Timestamp::UNIX_EPOCH,
            next_record_id,
            countdown: COUNTDOWN,
            interrupted_until: None,
        }
    }

    /// With another countdown, from none to ten seconds.
    #[must_use]
    pub fn with_countdown(mut self, countdown: SignedDuration) -> Machine {
        self.countdown = countdown.clamp(SignedDuration::ZERO, LONGEST_COUNTDOWN);
        self
    }

    /// With another face; `tethered` says that the photos come from a camera of their own.
    #[must_use]
    pub fn with_booth(mut self, booth: Booth, tethered: bool) -> Machine {
        self.booth = booth;
        self.desk.tethered = tethered && booth == Booth::Photographer;
        self
    }

    /// The visit before this start was cut off: its student may still stand there and is told to begin anew.
    pub fn was_interrupted(&mut self, now: Timestamp) {
        self.interrupted_until = Some(now + INTERRUPTION_TOLD);
    }

    /// The profile in force.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The visit under way.
    pub fn visit(&self) -> Option<&Visit> {
        self.visit.as_ref()
    }

    /// What the camera should be looked at for now.
    pub fn watch(&self) -> Watch {
        if self.booth == Booth::Photographer {
            return self.desk_watch();
        }
        match self.stage {
            Stage::Idle if self.profile.steps.first() == Some(&Step::Scan) => Watch::Code,
            Stage::Scanning { .. } => Watch::Code,
            Stage::Framing { .. } => Watch::Face,
            _ => Watch::Nothing,
        }
    }

    /// Whole seconds until the page gives up.
    pub fn seconds_left(&self, now: Timestamp) -> Option<u32> {
        let left = self.deadline?.duration_since(now).as_millis();
        Some(u32::try_from((left.max(0) + 999) / 1000).unwrap_or(0))
    }

    /// The one place where a stage changes.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        self.now = now;
        match event {
            Event::Act(action) => self.act(action, now),
            Event::Sight(seen) => {
                if let Stage::Scanning { sight, read: None } = &mut self.stage {
                    *sight = seen;
                }
                Vec::new()
            }
            Event::Code(kind, text) => self.code_seen(kind, text, now),
            Event::Answer(ticket, answer) => self.answered(ticket, answer, now),
            // A photographer's own finger decides.
            Event::Steady if self.booth == Booth::Photographer => Vec::new(),
            Event::Steady => self.start_countdown(now),
            Event::Sitter(sitter) => self.sits(sitter, now),
            Event::Still(record_id, still) => self.still_came(record_id, still, now),
            Event::Progress {
                record_id,
                progress,
                receipt,
            } => {
                if self.visit.as_ref().is_some_and(|v| v.record_id == record_id)
                    && let Stage::Done {
                        progress: p,
                        receipt: r,
                        ..
                    } = &mut self.stage
                {
                    *p = progress;
                    if receipt.is_some() {
                        *r = receipt;
                    }
                }
                Vec::new()
            }
            Event::Service(closed) => {
                self.desk.closed = closed;
                // Closed for another reason, it is closed as long.
                let since = match self.stage {
                    Stage::Idle => Some(now),
                    Stage::Closed { since, .. } => Some(since),
                    _ => None,
                };
                match (closed, since) {
                    (Some(reason), Some(since)) => self.close(reason, since),
                    (None, Some(_)) => self.stage = Stage::Idle,
                    _ => {}
                }
                self.next_comes(now)
            }
            Event::PaperComes => {
                if matches!(self.stage, Stage::Done { .. }) {
                    self.touch(now);
                }
                Vec::new()
            }
            Event::Profile(profile) => {
                self.next_profile = Some(profile);
                if matches!(self.stage, Stage::Idle | Stage::Closed { .. }) {
                    self.take_profile();
                }
                Vec::new()
            }
            Event::Tick => self.tick(now),
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "the table of what each touch does on each page"
    )]
    fn act(&mut self, action: Action, now: Timestamp) -> Vec<Effect> {
        self.touch(now);
        let saved = self.is_saved();
        let action = match self.act_at_the_desk(action, now) {
            Ok(effects) => return effects,
            Err(action) => action,
        };
        match (action, &mut self.stage) {
            (Action::Start, Stage::Idle) => self.begin(now),
            (Action::Cancel, Stage::Done { .. }) | (Action::Finish, Stage::Done { .. }) => {
                self.end(Ending::Submitted)
            }
            (Action::Cancel | Action::Finish, Stage::NotPossible { .. }) => self.end(Ending::NotPossible),
            // The photo is already safe: leaving the payment page only leaves the fee open.
            (Action::Cancel | Action::Finish, Stage::Ordering | Stage::Paying { .. }) if saved => {
                self.pay_later(now)
            }
            // The disk is being written: too late to cancel, the receipt follows at once.
            (Action::Cancel, Stage::Idle | Stage::Closed { .. } | Stage::Saving) => Vec::new(),
            (Action::Cancel, _) => self.end(Ending::Cancelled),
            (Action::Back, _) => self.back(now),
            (Action::SearchSchool { name, level }, Stage::FindingSchool { .. }) => {
                self.ask(|ticket| Effect::SearchSchools { ticket, name, level })
            }
            (Action::TakeSchool { id, level }, Stage::FindingSchool { found, .. }) => {
                let Some(school) = found.iter().find(|s| s.id == id).cloned() else {
                    return Vec::new();
                };
                if let Some(visit) = &mut self.visit {
                    visit.school = Some((school, level));
                }
                self.keep_school();
                self.advance(now)
            }
            (Action::LastFour { value }, Stage::Proving { error }) => {
                let value = value.trim().to_uppercase();
                if !is_last_four(&value) {
                    *error = Some(ProofError::Form);
                    return Vec::new();
                }
                self.proven(
                    Proof::LastFour {
                        value: Secret::new(value),
                    },
                    now,
                )
            }
            (
                Action::NameAndNumber {
                    level,
                    name,
                    student_number,
                    phone,
                },
                Stage::Proving { error },
            ) => {
                let (name, student_number) = (name.trim().to_owned(), student_number.trim().to_owned());
                let phone = phone.map(|p| p.trim().to_owned()).filter(|p| !p.is_empty());
                let phone_ok = match (&phone, self.profile.ask_phone) {
                    (None, asked) => !asked,
                    (Some(p), _) => (5..=15).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()),
                };
                if name.is_empty() || student_number.is_empty() || !phone_ok {
                    *error = Some(ProofError::Form);
                    return Vec::new();
                }
                let proof = Proof::NameAndNumber {
                    level,
                    name: Secret::new(name),
                    student_number: Secret::new(student_number),
                    phone: phone.map(Secret::new),
                };
                self.proven(proof, now)
            }
            (Action::TakeRecord { id }, Stage::ChoosingRecord) => {
                let Some(visit) = &mut self.visit else {
                    return Vec::new();
                };
                let Some(record) = visit
                    .identity
                    .as_ref()
                    .and_then(|i| i.records.iter().find(|r| r.id == id))
                    .cloned()
                else {
                    return Vec::new();
                };
                if obstacle(&record).is_some() {
                    return Vec::new();
                }
                visit.record = Some(record);
                self.advance(now)
            }
            (Action::ItIsMe, Stage::Confirming) => self.advance(now),
            (Action::NotMe, Stage::Confirming) => {
                self.not_possible(NotPossible::NotMe, None, now);
                Vec::new()
            }
            (Action::Consent, Stage::Requirements) => {
                if let Some(visit) = &mut self.visit {
                    visit.consent = Some(now);
                }
                self.advance(now)
            }
            (Action::PayAgain, Stage::Paying { .. }) => {
                self.go(Stage::Ordering, now);
                self.ask(Effect::CreateOrder)
            }
            (Action::Shoot, Stage::Framing { .. }) => self.start_countdown(now),
            (Action::Retake, Stage::ChoosingPhoto | Stage::LastLook) => {
                if self.may_retake() {
                    return self.enter_at(Step::Shoot, now);
                }
                Vec::new()
            }
            (Action::Take { id }, Stage::ChoosingPhoto) => {
                let Some(visit) = &mut self.visit else {
                    return Vec::new();
                };
                if !visit.shots.iter().any(|(i, _)| *i == id) {
                    return Vec::new();
                }
                visit.chosen = Some(id);
                self.advance(now)
            }
            (Action::Submit, Stage::LastLook) => {
                self.go(Stage::Saving, now);
                self.ask(Effect::Save)
            }
            _ => Vec::new(),
        }
    }

    /// A question of the visit under way; older ones are answered in vain from now on.
    fn ask(&mut self, effect: impl FnOnce(Ticket) -> Effect) -> Vec<Effect> {
        let Some(visit) = &self.visit else {
            return Vec::new();
        };
        self.questions = self.questions.wrapping_add(1);
        let ticket = Ticket {
            record_id: visit.record_id,
            question: self.questions,
        };
        self.asked = Some(ticket);
        vec![effect(ticket)]
    }

    fn answered(&mut self, ticket: Ticket, answer: Answer, now: Timestamp) -> Vec<Effect> {
        let answer = match answer {
            Answer::Saved(result) if self.is_finishing(ticket) => return self.finished(ticket, &result, now),
            answer => answer,
        };
        if self.asked != Some(ticket) {
            return Vec::new();
        }
        match answer {
            Answer::Schools(found) => self.schools_found(found, now),
            Answer::Resolved(answer) => self.resolved(answer, now),
            Answer::Order(reply) => self.ordered(reply, now),
            Answer::Developed(result) => self.developed(result, now),
            Answer::Saved(result) => self.saved(result, now),
        }
    }

    fn schools_found(&mut self, found: Option<Vec<SchoolCard>>, now: Timestamp) -> Vec<Effect> {
        if matches!(self.stage, Stage::FindingSchool { .. }) {
            match found {
                Some(found) => self.go(
                    Stage::FindingSchool {
                        found,
                        searched: true,
                    },
                    now,
                ),
                None => self.not_possible(NotPossible::NeedsNetwork, None, now),
            }
        }
        Vec::new()
    }

    fn back(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.stage {
            Stage::LastLook => self.enter_at(Step::Choose, now),
            Stage::ChoosingPhoto if self.may_retake() => self.enter_at(Step::Shoot, now),
            Stage::Framing { .. } if self.visit.as_ref().is_some_and(|v| !v.shots.is_empty()) => {
                self.enter_at(Step::Choose, now)
            }
            Stage::Proving { .. } | Stage::Scanning { .. } | Stage::Confirming | Stage::Requirements => {
                self.back_one_step(now)
            }
            Stage::FindingSchool { .. }
            | Stage::ChoosingRecord
            | Stage::Framing { .. }
            | Stage::ChoosingPhoto => self.end(Ending::Cancelled),
            _ => Vec::new(),
        }
    }

    /// The step before that asks for something; what was given there is forgotten.
    fn back_one_step(&mut self, now: Timestamp) -> Vec<Effect> {
        let before = (0..self.step).rev().find(|i| {
            matches!(
                self.profile.steps.get(*i),
                Some(Step::FindSchool | Step::Scan | Step::Prove | Step::Requirements)
            )
        });
        let (Some(before), Some(visit)) = (before, &mut self.visit) else {
            return self.end(Ending::Cancelled);
        };
        match self.profile.steps.get(before) {
            Some(Step::Scan) => visit.code = None,
            Some(Step::Prove) => visit.proof = Proof::None,
            _ => {}
        }
        if !matches!(self.profile.steps.get(before), Some(Step::Requirements)) {
            visit.identity = None;
            visit.record = None;
        }
        self.step = before;
        self.enter(now)
    }

    fn begin(&mut self, now: Timestamp) -> Vec<Effect> {
        self.interrupted_until = None;
        let mut visit = Visit::new((self.next_record_id)(), now);
        visit.school = self.kept_school_and_level();
        self.begin_as(visit, now)
    }

    fn begin_as(&mut self, visit: Visit, now: Timestamp) -> Vec<Effect> {
        let record_id = visit.record_id;
        self.visit = Some(visit);
        self.step = 0;
        let mut effects = vec![Effect::Began { record_id }];
        effects.extend(self.enter(now));
        effects
    }

    fn code_seen(&mut self, kind: Kind, text: CodeText, now: Timestamp) -> Vec<Effect> {
        let just_used = self
            .last_code
            .as_ref()
            .is_some_and(|(tag, at)| *tag == text.tag() && now.duration_since(*at) < SAME_CODE_PAUSE);
        let sight = match kind {
            Kind::Collection if just_used => ScanSight::JustUsed,
            kind => ScanSight::of(kind),
        };
        if self.booth == Booth::Photographer && !matches!(self.stage, Stage::Scanning { .. }) {
            return self.code_at_the_desk(sight, text, now);
        }
        let mut effects = Vec::new();
        match self.stage {
            // A code held up at the welcome page begins the visit by itself; other codes do not.
            Stage::Idle if self.watch() == Watch::Code && sight == ScanSight::Steady => {
                effects.extend(self.begin(now));
            }
            Stage::Scanning { read: None, .. } => {}
            _ => return effects,
        }
        if let Stage::Scanning { sight: shown, read } = &mut self.stage {
            *shown = sight;
            if sight == ScanSight::Steady
                && let Some(visit) = &mut self.visit
            {
                visit.code = Some(text);
                *read = Some(now);
            }
        }
        effects
    }

    fn proven(&mut self, proof: Proof, now: Timestamp) -> Vec<Effect> {
        if let Some(visit) = &mut self.visit {
            visit.proof = proof;
        }
        self.advance(now)
    }

    fn resolved(&mut self, answer: Resolved, now: Timestamp) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Resolving) {
            return Vec::new();
        }
        let Some(visit) = &mut self.visit else {
            return Vec::new();
        };
        match answer {
            Resolved::Identity(identity) => {
                // Scanned after the record was chosen: it must still be among the student's records.
                if let Some(record) = &visit.record {
                    visit.record = identity.records.iter().find(|r| r.id == record.id).cloned();
                    if visit.record.is_none() {
                        self.not_possible(NotPossible::IdentityMismatch, None, now);
                        return Vec::new();
                    }
                }
                visit.identity = Some(*identity);
                self.advance(now)
            }
            Resolved::Offline => self.advance(now),
            Resolved::Mismatch => {
                visit.attempts_left = visit.attempts_left.saturating_sub(1);
                let prove = self.profile.steps.iter().position(|s| *s == Step::Prove);
                match prove {
                    Some(step) if visit.attempts_left > 0 => {
                        visit.proof = Proof::None;
                        self.step = step;
                        self.go(
                            Stage::Proving {
                                error: Some(ProofError::Mismatch),
                            },
                            now,
                        );
                    }
                    _ => self.not_possible(NotPossible::IdentityMismatch, None, now),
                }
                Vec::new()
            }
            Resolved::NotPossible(reason, detail) => {
                self.not_possible(reason, detail, now);
                Vec::new()
            }
        }
    }

    fn ordered(&mut self, reply: OrderReply, now: Timestamp) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Ordering | Stage::Paying { .. }) {
            return Vec::new();
        }
        let making = matches!(self.stage, Stage::Ordering);
        match reply {
            OrderReply::NothingDue => return self.advance(now),
            OrderReply::Order(order) => {
                let state = match order.state {
                    OrderState::Paid => PayState::Paid,
                    OrderState::Open => PayState::Waiting,
                    OrderState::Expired => PayState::Expired,
                };
                if let Some(visit) = &mut self.visit {
                    visit.order = Some(*order);
                }
                if state == PayState::Paid {
                    return self.advance(now);
                }
                let next_poll = now + ORDER_POLL;
                if let Stage::Paying {
                    state: s,
                    next_poll: n,
                } = &mut self.stage
                {
                    (*s, *n) = (state, next_poll);
                } else {
                    self.go(Stage::Paying { state, next_poll }, now);
                }
            }
            OrderReply::Offline if making => return self.pay_later(now),
            OrderReply::Offline => {
                if let Stage::Paying { state, next_poll } = &mut self.stage {
                    (*state, *next_poll) = (PayState::Unreachable, now + ORDER_POLL);
                }
            }
            OrderReply::Refused(detail) => {
                // A photo already saved stays saved whatever the cashier says.
                if self.is_saved() {
                    return self.pay_later(now);
                }
                self.not_possible(NotPossible::Refused, detail, now);
            }
        }
        Vec::new()
    }

    /// Without the network the visit goes on and the fee stays open; the backend keeps the capture until it
    /// is paid.
    fn pay_later(&mut self, now: Timestamp) -> Vec<Effect> {
        if let Some(visit) = &mut self.visit {
            visit.owes = true;
        }
        self.advance(now)
    }

    fn start_countdown(&mut self, now: Timestamp) -> Vec<Effect> {
        if let Stage::Framing {
            countdown_from,
            refused,
        } = &mut self.stage
            && countdown_from.is_none()
        {
            *countdown_from = Some(now);
            refused.clear();
        }
        Vec::new()
    }

    /// The shutter.
    fn release(&mut self, now: Timestamp) -> Vec<Effect> {
        self.desk.last_shot = self.desk.sitter;
        self.go(Stage::Developing, now);
        self.ask(Effect::Shoot)
    }

    fn developed(&mut self, result: Result<Arc<Shot>, Refused>, now: Timestamp) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Developing) {
            return Vec::new();
        }
        let Some(visit) = &mut self.visit else {
            return Vec::new();
        };
        visit.taken += 1;
        visit.closest = None;
        match result {
            Ok(shot) => {
                visit.shots.push((visit.taken, shot));
                // The newest three: an older one is only replaced because the student asked for another.
                if visit.shots.len() > self.profile.candidates as usize {
                    visit.shots.remove(0);
                }
                let mut effects = vec![Effect::SetAside { shot: visit.taken }];
                effects.extend(self.advance(now));
                effects
            }
            Err(refused) => {
                visit.closest = refused.closest;
                self.go(
                    Stage::Framing {
                        countdown_from: None,
                        refused: refused.remarks,
                    },
                    now,
                );
                Vec::new()
            }
        }
    }

    fn saved(&mut self, result: Result<String, ()>, now: Timestamp) -> Vec<Effect> {
        if !matches!(self.stage, Stage::Saving) {
            return Vec::new();
        }
        if let Ok(shoot_number) = result {
            if let Some(visit) = &mut self.visit {
                visit.saved_as = Some(shoot_number);
            }
            self.advance(now)
        } else {
            // Nothing was kept and the student must know: the chosen photo is still here to try again.
            self.not_possible(NotPossible::CouldNotSave, None, now);
            Vec::new()
        }
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.booth == Booth::Photographer {
            self.sits(self.desk.sitter, now);
            if let Some(again) = self.save_again(now) {
                return vec![again];
            }
        }
        match &mut self.stage {
            Stage::Scanning { read: Some(at), .. } if now.duration_since(*at) >= CODE_SHOWN => {
                return self.advance(now);
            }
            Stage::Framing {
                countdown_from: Some(from),
                ..
            } if now.duration_since(*from) >= self.countdown => return self.release(now),
            Stage::Paying { next_poll, state } if now >= *next_poll && *state != PayState::Expired => {
                *next_poll = now + ORDER_POLL;
                if self.deadline.is_none_or(|d| now < d) {
                    // The same question again: a slow answer to an earlier one is as good.
                    return self.asked.map(Effect::PollOrder).into_iter().collect();
                }
            }
            _ => {}
        }
        if self.deadline.is_some_and(|d| now >= d) {
            return match self.stage {
                Stage::Done { .. } => self.end(Ending::Submitted),
                Stage::NotPossible { .. } => self.end(Ending::NotPossible),
                Stage::Paying { .. } | Stage::Ordering if self.is_saved() => self.pay_later(now),
                _ => self.end(Ending::TimedOut),
            };
        }
        Vec::new()
    }

    // ---- moving between steps

    /// The step under way is done: on to the next that has something to ask.
    fn advance(&mut self, now: Timestamp) -> Vec<Effect> {
        let identified = matches!(self.stage, Stage::Scanning { .. } | Stage::Proving { .. });
        let more_follows = matches!(
            self.profile.steps.get(self.step + 1),
            Some(Step::Scan | Step::Prove | Step::FindSchool)
        );
        if identified && !more_follows {
            self.go(Stage::Resolving, now);
            return self.ask(Effect::Resolve);
        }
        self.step += 1;
        self.enter(now)
    }

    fn enter_at(&mut self, step: Step, now: Timestamp) -> Vec<Effect> {
        if let Some(at) = self.profile.steps.iter().position(|s| *s == step) {
            self.step = at;
        }
        self.enter(now)
    }

    /// Enters the step under way, passing over those with nothing to ask.
    fn enter(&mut self, now: Timestamp) -> Vec<Effect> {
        loop {
            let Some(step) = self.profile.steps.get(self.step).copied() else {
                return self.finish(now);
            };
            let Some(visit) = &mut self.visit else {
                return Vec::new();
            };
            match step {
                // In a photographer's booth one class after the other is of the same school.
                Step::FindSchool if self.booth == Booth::Photographer && visit.school.is_some() => {}
                Step::FindSchool => {
                    self.go(
                        Stage::FindingSchool {
                            found: Vec::new(),
                            searched: false,
                        },
                        now,
                    );
                    return Vec::new();
                }
                Step::Scan => {
                    // Scanned before the steps came here: by a photographer only.
                    let read = visit.code.is_some().then_some(now);
                    let sight = if read.is_some() {
                        ScanSight::Steady
                    } else {
                        ScanSight::Nothing
                    };
                    self.go(Stage::Scanning { sight, read }, now);
                    return if read.is_some() {
                        self.advance(now)
                    } else {
                        Vec::new()
                    };
                }
                Step::Prove => {
                    self.go(Stage::Proving { error: None }, now);
                    return Vec::new();
                }
                Step::ChooseRecord | Step::Confirm if visit.identity.is_none() => {}
                Step::ChooseRecord => {
                    if self.choose_or_take(now) {
                        return Vec::new();
                    }
                }
                Step::Confirm => {
                    // A profile without the choice collects the one record that is open.
                    if visit.record.is_none() && self.choose_or_take(now) {
                        return Vec::new();
                    }
                    self.go(Stage::Confirming, now);
                    return Vec::new();
                }
                Step::Requirements => {
                    self.go(Stage::Requirements, now);
                    return Vec::new();
                }
                Step::Pay => {
                    match (&visit.record, self.profile.fee.when) {
                        (_, FeeWhen::Never) | (None, FeeWhen::OnlyForChange) => {}
                        (None, _) => visit.owes = true,
                        // A rejection is shot again without a second payment.
                        (Some(record), _) if record.fee.paid || record.last_rejection.is_some() => {}
                        (Some(record), FeeWhen::BeforeShooting | FeeWhen::OnlyForChange)
                            if record.fee.due_fen == 0 => {}
                        (Some(_), _) => {
                            self.go(Stage::Ordering, now);
                            return self.ask(Effect::CreateOrder);
                        }
                    }
                }
                Step::Shoot => {
                    visit.framed.get_or_insert(now);
                    self.go(
                        Stage::Framing {
                            countdown_from: None,
                            refused: Vec::new(),
                        },
                        now,
                    );
                    return Vec::new();
                }
                Step::Choose => {
                    self.go(Stage::ChoosingPhoto, now);
                    return Vec::new();
                }
                Step::Submit => {
                    self.go(Stage::LastLook, now);
                    return Vec::new();
                }
            }
            self.step += 1;
        }
    }

    /// Takes the only open academic record, or asks which, or says why none is possible. True when a page
    /// was opened.
    fn choose_or_take(&mut self, now: Timestamp) -> bool {
        let Some(visit) = &mut self.visit else { return true };
        let records = visit
            .identity
            .as_ref()
            .map(|i| i.records.as_slice())
            .unwrap_or_default();
        let mut open = records.iter().filter(|r| obstacle(r).is_none());
        match (open.next(), open.next()) {
            (Some(only), None) => {
                visit.record = Some(only.clone());
                false
            }
            (Some(_), Some(_)) => {
                self.go(Stage::ChoosingRecord, now);
                true
            }
            (None, _) => {
                let (reason, detail) = records
                    .iter()
                    .find_map(obstacle)
                    .unwrap_or((NotPossible::NotEligible, None));
                self.not_possible(reason, detail, now);
                true
            }
        }
    }

    fn finish(&mut self, now: Timestamp) -> Vec<Effect> {
        let Some(shoot_number) = self.visit.as_ref().and_then(|v| v.saved_as.clone()) else {
            // A profile without a submission cannot be parsed; still, never show "done" for what is not.
            return self.end(Ending::Cancelled);
        };
        if self.booth == Booth::Photographer {
            return self.end(Ending::Submitted);
        }
        self.go(
            Stage::Done {
                progress: Progress::SavedHere,
                receipt: None,
                shoot_number,
            },
            now,
        );
        Vec::new()
    }

    fn not_possible(&mut self, reason: NotPossible, detail: Option<String>, now: Timestamp) {
        self.go(Stage::NotPossible { reason, detail }, now);
    }

    fn go(&mut self, stage: Stage, now: Timestamp) {
        self.stage = stage;
        self.touch(now);
    }

    fn close(&mut self, reason: OutOfService, since: Timestamp) {
        self.stage = Stage::Closed { reason, since };
        self.deadline = None;
    }

    fn touch(&mut self, now: Timestamp) {
        let pages = patience(&self.stage).map(|p| self.booth.patience(p));
        self.deadline = pages.map(|p| now + p);
    }

    fn end(&mut self, ending: Ending) -> Vec<Effect> {
        self.stage = Stage::Idle;
        self.deadline = None;
        self.asked = None;
        self.step = 0;
        self.take_profile();
        let mut effects = match self.visit.take() {
            Some(visit) => {
                if let Some(code) = &visit.code {
                    self.last_code = Some((code.tag(), self.now));
                }
                // Whatever the student left by, a saved record counts as submitted.
                let ending = if visit.saved_as.is_some() {
                    Ending::Submitted
                } else {
                    ending
                };
                vec![Effect::Ended {
                    record_id: visit.record_id,
                    started: visit.started,
                    ending,
                }]
            }
            None => Vec::new(),
        };
        effects.extend(self.next_comes(self.now));
        effects
    }

    fn take_profile(&mut self) {
        if let Some(profile) = self.next_profile.take() {
            self.profile = *profile;
        }
    }

    fn is_saved(&self) -> bool {
        self.visit.as_ref().is_some_and(|v| v.saved_as.is_some())
    }

    fn may_retake(&self) -> bool {
        let limit = self.profile.max_shots;
        !self.is_saved() && self.visit.as_ref().is_some_and(|v| v.taken < limit)
    }
}

/// How long each page waits for a touch: long enough to read it twice, short enough that the next student
/// does not stand before a stranger's page.
fn patience(stage: &Stage) -> Option<SignedDuration> {
    let seconds = match stage {
        Stage::Idle | Stage::Closed { .. } | Stage::Saving => return None,
        Stage::Scanning { .. } | Stage::ChoosingRecord | Stage::Confirming => 60,
        Stage::FindingSchool { .. } | Stage::Proving { .. } => 90,
        // The client has its own, shorter limits; this one only guards against a lost answer.
        Stage::Resolving | Stage::Ordering | Stage::Developing => 45,
        Stage::Requirements | Stage::Framing { .. } | Stage::ChoosingPhoto | Stage::LastLook => 120,
        Stage::Paying { .. } => 180,
        Stage::Done { .. } => 15,
        Stage::NotPossible { .. } => 30,
    };
    Some(SignedDuration::from_secs(seconds))
}

/// Three digits and a digit or X, the form of an ID number's end (GB 11643).
fn is_last_four(value: &str) -> bool {
    let bytes = value.as_bytes();
    match bytes {
        [a, b, c, d] => [a, b, c].iter().all(|x| x.is_ascii_digit()) && (d.is_ascii_digit() || *d == b'X'),
        _ => false,
    }
}

fn rejection_words(rejection: &vendor::api::Rejection) -> Vec<Remark> {
    let reasons = rejection.reasons.iter().map(|reason| Remark {
        code: reason.code.clone(),
        zh: reason.zh.clone(),
        en: reason.en.clone(),
    });
    // The reviewer's own words are in one language only.
    let note = rejection.note.iter().map(|note| Remark {
        code: "note".into(),
        zh: note.clone(),
        en: note.clone(),
    });
    reasons.chain(note).collect()
}

/// Why this academic record cannot be collected now.
fn obstacle(record: &AcademicRecord) -> Option<(NotPossible, Option<String>)> {
    match &record.eligibility {
        Eligibility::Open => None,
        Eligibility::AlreadyCollected if record.collection == CollectionState::UnderReview => {
            Some((NotPossible::UnderReview, None))
        }
        Eligibility::AlreadyCollected => Some((NotPossible::AlreadyCollected, None)),
        Eligibility::OutsideWindow => Some((NotPossible::OutsideWindow, record.window.map(window_words))),
        Eligibility::NotEligible => Some((NotPossible::NotEligible, None)),
    }
}
