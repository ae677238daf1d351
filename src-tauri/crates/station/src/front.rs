//! The front: the one task that owns the visit, carries its effects out and shows its page.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use camera::CameraStatus;
use code::Pattern;
use fail::fail_point;
use jiff::Timestamp;
use records::{Payment, SetAside, VisitOutcome};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;
use vendor::ProblemCode;
use vendor::api::{OrderRequest, OrderState};

use crate::config::Booth;
use crate::diary::{Diary, Row};
use crate::fitness::{Fit, Readings, Unfit, fitness};
use crate::papers::{Note, new_record, notes, resolve, resolve_request};
use crate::printout;
use crate::recent::{Recent, counters};
use crate::rehearsal::Rehearsal;
use crate::station::{Shared, StationError, setting, spec_for};
use crate::steady::Steady;
use crate::view::{Action, CameraView, Counters, OutOfService, Page, SchoolCard, Support, View};
use crate::visit::{Answer, Effect, Ending, Event, Machine, OrderReply, Ticket, Watch};
use crate::watching::Lens;

/// How often time passes for the pages.
const TICK: Duration = Duration::from_millis(100);
/// How often the records are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is tried whether they can be written; every time while they cannot.
const WRITE_EVERY: Duration = Duration::from_secs(30);
/// How long the pages wait for the records' answer each time.
const AT_ONCE: Duration = Duration::from_millis(30);
/// Records that do not answer for so long close the station for new visits.
const SILENT: Duration = Duration::from_secs(2);
/// A camera away for longer than this closes the station for new visits.
const CAMERA_PATIENCE: Duration = Duration::from_secs(5);

/// A visit that has begun: its row in the figures, and since when.
struct UnderWay {
    row: Row,
    diary: Diary,
    /// Its shots that are written down already. Its end drops them, and nobody can read them again.
    set_aside: Arc<tokio::sync::Mutex<HashMap<u32, SetAside>>>,
    began: Instant,
}

/// The one task that owns the visit.
pub(crate) struct Front {
    shared: Shared,
    machine: Machine,
    rehearsal: Option<Rehearsal>,
    under_way: HashMap<Uuid, UnderWay>,
    /// What a photographer's screen remembers.
    recent: Recent,
    camera_lost: Option<Instant>,
    waiting: u32,
    fit: Fit,
    looked: Option<Instant>,
    wrote: Option<(Instant, bool)>,
    looking: Option<JoinHandle<Seen>>,
    /// Whether the records were ever judged: before that nobody begins.
    judged: bool,
    clock: Steady,
    /// The visit whose clock it is.
    clocked: Option<Uuid>,
}

impl Front {
    pub(crate) fn new(shared: Shared, machine: Machine, rehearsal: Option<Rehearsal>) -> Front {
        Front {
            shared,
            machine,
            rehearsal,
            under_way: HashMap::new(),
            recent: Recent::default(),
            camera_lost: None,
            waiting: 0,
            fit: Fit::Fit,
            looked: None,
            wrote: None,
            looking: None,
            judged: false,
            clock: Steady::default(),
            clocked: None,
        }
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Event>) {
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        // Before the first touch counts: may anybody begin at all?
        self.look_around().await;
        let now = self.now();
        self.publish(now);
        while !self.shared.stopping() {
            let event = tokio::select! {
                event = inbox.recv() => match event { Some(event) => event, None => break },
                _ = clock.tick() => {
                    self.recent.forget_old(&self.shared, Instant::now());
                    self.look_around().await;
                    if printout::is_coming(&self.shared) {
                        let now = self.now();
                        for effect in self.machine.handle(Event::PaperComes, now) {
                            self.carry_out(effect, now);
                        }
                    }
                    Event::Tick
                }
            };
            if matches!(event, Event::Steady) && !self.shared.config.automatic_shutter {
                continue;
            }
            if let Event::Code(_, text) = &event
                && self.shared.card.takes(text, Instant::now())
            {
                continue;
            }
            if matches!(event, Event::Answer(_, Answer::Saved(Err(())))) {
                // Before the next student begins, not half a minute later.
                (self.looked, self.wrote) = (None, None);
            }
            if let Event::Answer(ticket, Answer::Developed(developed)) = &event
                && let Some(visit) = self.under_way.get(&ticket.record_id)
            {
                let refused = developed.as_ref().err().map(|refused| &refused.remarks);
                visit.diary.shot(refused, Timestamp::now());
            }
            match &event {
                Event::Act(Action::Print { what }) => printout::asked(&self.shared, *what),
                Event::Act(Action::Speak { english }) => self.shared.counter.speaks(*english),
                _ => {}
            }
            let now = self.now();
            self.recent.hear(&event);
            let still = matches!(event, Event::Still(..));
            for effect in self.machine.handle(event, now) {
                self.carry_out(effect, now);
            }
            self.publish(now);
            if still && let Some(tether) = &self.shared.tether {
                tether.took();
            }
        }
    }

    fn now(&mut self) -> Timestamp {
        let visit = self.machine.visit().map(|visit| visit.record_id);
        if visit != self.clocked {
            // One visit may follow the other at once.
            (self.clocked, self.clock) = (visit, Steady::default());
        }
        self.clock
            .now(self.machine.visit().is_some(), Timestamp::now(), Instant::now())
    }

    /// What the front must know of the world: can the station serve, how much waits.
    async fn look_around(&mut self) {
        let status = self.shared.camera.as_ref().map(|camera| camera.status());
        let closed = match &status {
            Some(CameraStatus::Broken { .. }) => Some(OutOfService::Camera),
            // Without a camera of its own the station is handed its photos: none can be lost.
            None | Some(CameraStatus::Streaming { .. }) => {
                self.camera_lost = None;
                None
            }
            _ => {
                let since = *self.camera_lost.get_or_insert_with(Instant::now);
                (since.elapsed() > CAMERA_PATIENCE).then_some(OutOfService::Camera)
            }
        };
        if self.looking.is_some() || self.looked.is_none_or(|at| at.elapsed() > LOOK_EVERY) {
            self.look_at_the_records().await;
        }
        let closed = self
            .shared
            .standing()
            .closed()
            .or(closed)
            .or_else(|| self.fit.reason().map(Unfit::out_of_service));
        let now = self.now();
        for effect in self.machine.handle(Event::Service(closed), now) {
            self.carry_out(effect, now);
        }
    }

    /// How much waits, and whether the next photo could be kept and delivered. The records are asked beside the
    /// pages: another process may hold them.
    async fn look_at_the_records(&mut self) {
        let mut looking = if let Some(looking) = self.looking.take() {
            looking
        } else {
            self.looked = Some(Instant::now());
            let write = self
                .wrote
                .is_none_or(|(at, well)| !well || at.elapsed() > WRITE_EVERY);
            tokio::spawn(look(Arc::clone(&self.shared), write))
        };
        // Records that answer at once, as they nearly always do, are judged at once.
        let patience = if self.judged { AT_ONCE } else { SILENT };
        let Ok(seen) = tokio::time::timeout(patience, &mut looking).await else {
            let silent = self.looked.is_some_and(|at| at.elapsed() >= SILENT);
            self.looking = Some(looking);
            if silent && self.fit == Fit::Fit {
                tracing::warn!("the records do not answer; no visit begins before they do");
                self.fit = Fit::OutOfService(vec![Unfit::Unwritable]);
            }
            return;
        };
        self.judged = true;
        let seen = seen.unwrap_or_default();
        if let Some(counters) = seen.counters {
            self.recent.counters = counters;
        }
        if let Some(well) = seen.wrote {
            self.wrote = Some((Instant::now(), well));
        }
        let now = Timestamp::now();
        let in_place = self.shared.place.holds();
        let (counts, profile_at, free_bytes) = seen.read.clone().unwrap_or_default();
        self.waiting = u32::try_from(counts.waiting()).unwrap_or(u32::MAX);
        let profile_at = profile_at.and_then(|text| text.parse::<Timestamp>().ok());
        let readings = Readings {
            free_bytes,
            writable: seen.read.is_some() && self.wrote.is_some_and(|(_, well)| well),
            in_place,
            waiting: counts.waiting(),
            oldest_waiting: counts.oldest_waiting.map(|at| now.duration_since(at)),
            clock_drift: self.shared.clock_drift(),
            profile_age: profile_at.map(|at| now.duration_since(at)),
        };
        let fit = fitness(&readings, &self.shared.config.limits(), &self.fit);
        if fit != self.fit {
            tracing::warn!(?fit, ?readings, "whether visits may begin");
            self.fit = fit;
        }
    }

    fn publish(&mut self, now: Timestamp) {
        self.refocus();
        let shots: Vec<(u32, Vec<u8>)> = self
            .machine
            .visit()
            .map(|visit| {
                visit
                    .shots
                    .iter()
                    .map(|(id, shot)| (*id, shot.standard.clone()))
                    .collect()
            })
            .unwrap_or_default();
        *self
            .shared
            .candidates
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = shots;
        *self
            .shared
            .payment_url
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = self
            .machine
            .visit()
            .and_then(|v| v.order.as_ref())
            .map(|order| order.payment_url.clone());
        if let Some(tether) = &self.shared.tether {
            let (wanted, record_id) = self.machine.wanted_still();
            tether.wants(wanted, record_id);
        }
        let page = self.machine.page(now);
        self.reached(&page);
        let done = matches!(page, Page::Done { .. })
            .then(|| self.machine.visit().map(|visit| visit.record_id.into()))
            .flatten();
        if let Some(rehearsal) = &mut self.rehearsal {
            let visit = self.machine.visit().map(|visit| visit.record_id);
            rehearsal.follow(&page, visit, Instant::now());
        }
        let profile = self.machine.profile();
        let (steps, current_step) = self.machine.step_bar();
        let visit = self.machine.visit();
        let school = visit
            .and_then(|v| {
                v.record
                    .as_ref()
                    .map(|r| r.school.clone())
                    .or(v.school.as_ref().map(|(s, _)| s.name.clone()))
            })
            .unwrap_or_default();
        let camera = match self.shared.camera.as_ref().map(|camera| camera.status()) {
            None | Some(CameraStatus::Streaming { .. }) => CameraView::Streaming,
            Some(CameraStatus::Lost { .. }) => CameraView::Lost,
            Some(CameraStatus::Broken { .. }) => CameraView::Broken,
            Some(CameraStatus::Opening) => CameraView::Opening,
        };
        let view = View {
            revision: 0,
            page,
            steps,
            current_step,
            seconds_left: self.machine.seconds_left(now),
            school,
            vendor: profile.name.clone(),
            support: Support {
                phone: profile.support.phone.clone(),
                hours: profile.support.hours.clone(),
            },
            online: self.shared.online.load(Ordering::Acquire),
            camera,
            rehearsal: self.rehearsal.is_some(),
            waiting: self.waiting,
            photographer: (self.machine.booth() == Booth::Photographer)
                .then(|| self.recent.view(&self.machine, &self.shared, now)),
            printouts: printout::follow(&self.shared, done),
            comfort: self.shared.config.comfort(),
        };
        self.shared.view.send_if_modified(|shown| {
            let next = View {
                revision: shown.revision,
                ..view
            };
            if *shown == next {
                return false;
            }
            let turned = std::mem::discriminant(&shown.page) != std::mem::discriminant(&next.page);
            *shown = View {
                revision: shown.revision.wrapping_add(1),
                ..next
            };
            if turned {
                // Before anybody can be told of it, and so before anybody can have drawn it.
                self.shared
                    .timing()
                    .follow(shown, Timestamp::now(), Instant::now());
            }
            true
        });
    }

    /// The eyes look for what the profile in force calls a collection code, by its photo standard.
    fn refocus(&self) {
        // Whoever waits for a staff card needs the eyes, whatever page stands behind.
        let staff = self.shared.card.is_open(Instant::now());
        let watch = if staff { Watch::Code } else { self.machine.watch() };
        self.shared.wanted.set(watch);
        let profile = self.machine.profile();
        profile
            .sheet
            .clone_into(&mut self.shared.sheet.lock().unwrap_or_else(PoisonError::into_inner));
        let current = self
            .shared
            .lens
            .read()
            .is_ok_and(|lens| lens.pattern.as_str() == profile.code_pattern);
        if current {
            return;
        }
        if let (Ok(pattern), Ok(spec)) = (
            Pattern::new(&profile.code_pattern),
            spec_for(&self.shared.config, profile),
        ) {
            *self.shared.lens.write().unwrap_or_else(PoisonError::into_inner) = Lens { pattern, spec };
        }
    }

    /// Does what the machine asks for, beside it; the answer comes back as an event.
    fn carry_out(&mut self, effect: Effect, now: Timestamp) {
        let shared = Arc::clone(&self.shared);
        let events = shared.events.clone();
        match effect {
            Effect::Began { record_id } => self.began(record_id, now),
            Effect::Ended {
                record_id, ending, ..
            } => self.ended(record_id, ending, now),
            Effect::SearchSchools { ticket, name, level } => {
                tokio::spawn(async move {
                    let found = shared.client().schools(&name, &level).await.ok().map(|list| {
                        list.schools
                            .into_iter()
                            .map(|s| SchoolCard {
                                id: s.id,
                                name: s.name,
                                levels: s.levels,
                            })
                            .collect()
                    });
                    let _ = events.send(Event::Answer(ticket, Answer::Schools(found)));
                });
            }
            Effect::Resolve(ticket) => {
                let Some(visit) = self.machine.visit() else { return };
                let request = resolve_request(visit);
                tokio::spawn(async move {
                    let answer = Answer::Resolved(resolve(&shared, request).await);
                    let _ = events.send(Event::Answer(ticket, answer));
                });
            }
            Effect::CreateOrder(ticket) => self.order(ticket, true),
            Effect::PollOrder(ticket) => self.order(ticket, false),
            Effect::Shoot(ticket) => {
                let Some(darkroom) = shared.darkroom.clone() else {
                    return;
                };
                let spec = Arc::clone(&shared.lens.read().unwrap_or_else(PoisonError::into_inner).spec);
                tokio::task::spawn_blocking(move || {
                    fail_point!("visit.shutter");
                    let began = Instant::now();
                    let developed = darkroom(&spec);
                    shared.timing().developed(began.elapsed());
                    fail_point!("visit.developed");
                    let _ = events.send(Event::Answer(ticket, Answer::Developed(developed)));
                });
            }
            Effect::SetAside { shot } => self.write_down(shot),
            Effect::Develop(ticket, still) => {
                let Some(room) = shared.still_room.clone() else {
                    return;
                };
                let spec = Arc::clone(&shared.lens.read().unwrap_or_else(PoisonError::into_inner).spec);
                tokio::task::spawn_blocking(move || {
                    let began = Instant::now();
                    let developed = room(&spec, still);
                    shared.timing().developed(began.elapsed());
                    let _ = events.send(Event::Answer(ticket, Answer::Developed(developed)));
                });
            }
            Effect::PutAside(still) => {
                if let (Some(tether), Some(folder)) = (shared.tether.clone(), shared.config.tethered_folder())
                {
                    tokio::task::spawn_blocking(move || tether.put_late_aside(&folder, &still));
                }
            }
            Effect::TakePlate => {
                if let Some(take) = shared.plate_taker.clone() {
                    tokio::task::spawn_blocking(move || take());
                }
            }
            // What is kept bears the wall clock's time: it decides on the day, the order and the first try.
            Effect::Save(ticket) => self.save(ticket, Timestamp::now()),
        }
    }

    /// The visit in front stands on this page.
    fn reached(&mut self, page: &Page) {
        if let Some(visit) = self.machine.visit()
            && let Some(visit) = self.under_way.get_mut(&visit.record_id)
        {
            visit.diary.reached(page);
        }
    }

    fn began(&mut self, record_id: Uuid, now: Timestamp) {
        let row = Row::default();
        let mut diary = Diary::open(Arc::clone(&self.shared), Arc::clone(&row));
        diary.began(self.machine.profile().id.clone(), now);
        self.shared.timing().visit_began(record_id, Instant::now());
        self.under_way.insert(
            record_id,
            UnderWay {
                row,
                diary,
                set_aside: Arc::default(),
                began: Instant::now(),
            },
        );
    }

    fn ended(&mut self, record_id: Uuid, ending: Ending, now: Timestamp) {
        self.shared.timing().visit_given_up(record_id);
        let Some(mut visit) = self.under_way.remove(&record_id) else {
            return;
        };
        let outcome = match ending {
            Ending::Submitted => VisitOutcome::Submitted,
            Ending::Cancelled => VisitOutcome::Cancelled,
            Ending::TimedOut => VisitOutcome::TimedOut,
            Ending::NotPossible => VisitOutcome::NotPossible,
        };
        visit.diary.ended(outcome, visit.began.elapsed(), now);
    }

    fn order(&self, ticket: Ticket, create: bool) {
        let Some(visit) = self.machine.visit() else { return };
        let shared = Arc::clone(&self.shared);
        let events = shared.events.clone();
        let known = visit
            .order
            .as_ref()
            .filter(|order| order.state != OrderState::Expired)
            .map(|o| o.id.clone());
        let subject = visit.identity.as_ref().zip(visit.record.as_ref());
        let request = subject.map(|(identity, record)| OrderRequest {
            identity_token: identity.identity_token.clone(),
            academic_record_id: record.id.clone(),
        });
        let record_id = visit.record_id;
        let saved = visit.saved_as.is_some();
        tokio::spawn(async move {
            let client = shared.client();
            let reply = match (create, known, request) {
                (false, Some(id), _) => client.order(&id).await,
                (_, _, Some(request)) => client.create_order(&request, Uuid::now_v7()).await,
                _ => return,
            };
            if let Err(error) = &reply {
                shared.hear(error).await;
            }
            let reply = match reply {
                Ok(order) => {
                    if saved && order.state == OrderState::Paid {
                        let payment = Payment::Paid {
                            order: order.id.clone(),
                        };
                        let written = shared
                            .records(move |store| {
                                store.set_payment(record_id.into(), &payment, Timestamp::now())
                            })
                            .await;
                        if let Err(error) = written {
                            tracing::warn!(%error, "the payment could not be written down; the backend has it");
                        }
                    }
                    OrderReply::Order(Box::new(order))
                }
                Err(error) => match error.problem() {
                    Some(problem) if problem.code == ProblemCode::NothingDue => OrderReply::NothingDue,
                    Some(problem) if error.is_permanent() => OrderReply::Refused(Some(problem.title.clone())),
                    _ => OrderReply::Offline,
                },
            };
            let _ = events.send(Event::Answer(ticket, Answer::Order(reply)));
        });
    }

    /// Beside the page on which the student looks at it. What cannot be written down now is when it is submitted.
    fn write_down(&self, id: u32) {
        let Some(visit) = self.machine.visit() else { return };
        let shot = visit.shots.iter().find(|(i, _)| *i == id);
        let Some(((_, shot), under_way)) = shot.zip(self.under_way.get(&visit.record_id)) else {
            return;
        };
        let (shared, shot) = (Arc::clone(&self.shared), Arc::clone(shot));
        let (row, aside) = (Arc::clone(&under_way.row), Arc::clone(&under_way.set_aside));
        tokio::spawn(async move {
            let Some(visit) = *row.lock().await else { return };
            let mut aside = aside.lock().await;
            let written = shared
                .records(move |store| store.set_aside(visit, &shot.original, &shot.standard))
                .await;
            match written {
                Ok(written) => {
                    aside.insert(id, written);
                }
                Err(error) => tracing::info!(%error, "a photo is not written down before it is submitted"),
            }
        });
    }

    /// One transaction: record, photos, outbox and audit. Only its success is told to the student.
    fn save(&mut self, ticket: Ticket, now: Timestamp) {
        let shared = Arc::clone(&self.shared);
        let events = shared.events.clone();
        let under_way = self.under_way.get(&ticket.record_id);
        let Some((row, set_aside)) =
            under_way.map(|visit| (Arc::clone(&visit.row), Arc::clone(&visit.set_aside)))
        else {
            return;
        };
        let profile = self.machine.profile();
        let lens = Arc::clone(&shared.lens.read().unwrap_or_else(PoisonError::into_inner).spec);
        let visit = self.machine.visit_of(ticket);
        let new = visit.and_then(|visit| new_record(visit, &profile.id, &lens.id));
        let chosen = visit.and_then(|visit| visit.chosen);
        let notes = visit.map(notes).unwrap_or_default();
        if self.machine.booth() == Booth::Photographer
            && let Some(visit) = visit
        {
            self.recent.leaves(visit, &shared);
        }
        tokio::spawn(async move {
            let saved = match new {
                Some(mut new) => {
                    new.visit = *row.lock().await;
                    fail_point!("visit.saving");
                    let aside = match chosen {
                        Some(chosen) => set_aside.lock().await.remove(&chosen),
                        None => None,
                    };
                    let began = Instant::now();
                    let saved = shared
                        .records(move |store| {
                            let submitted = match aside {
                                Some(aside) => store.submit_set_aside(&new, &aside, now)?,
                                None => store.submit(&new, now)?,
                            };
                            for Note { what, detail, at } in notes.iter().filter(|_| !submitted.already) {
                                store.note_by_staff(submitted.id, what, detail, *at)?;
                            }
                            Ok(submitted)
                        })
                        .await;
                    shared.timing().saved(began.elapsed());
                    fail_point!("visit.saved");
                    saved
                }
                None => Err(StationError::System("the visit is not complete".into())),
            };
            let saved = saved
                .map(|submitted| submitted.shoot_number)
                .map_err(|error| tracing::error!(%error, "a photo could not be kept"));
            let _ = events.send(Event::Answer(ticket, Answer::Saved(saved)));
            shared.wake_sync.notify_one();
        });
    }
}

/// What was read off the records.
#[derive(Default)]
struct Seen {
    /// Whether a trial write went well; `None`: none was made.
    wrote: Option<bool>,
    /// The counts, when the profile was confirmed, the free bytes; `None`: they could not be read.
    read: Option<(records::Counts, Option<String>, Option<u64>)>,
    /// The day's figures, for a photographer.
    counters: Option<Counters>,
}

async fn look(shared: Shared, write: bool) -> Seen {
    let mut seen = Seen::default();
    if write {
        // The only proof that a disk takes what is written is a write.
        let text = Timestamp::now().to_string();
        let wrote = shared
            .records(move |store| store.set_setting(setting::WRITTEN_AT, Some(&text)))
            .await;
        if let Err(error) = &wrote {
            tracing::error!(%error, "the records cannot be written");
        }
        seen.wrote = Some(wrote.is_ok());
    }
    let data = shared.data.clone();
    seen.read = shared
        .records(move |store| {
            let free = fs4::available_space(&data).ok();
            Ok((store.counts()?, store.setting(setting::PROFILE_AT)?, free))
        })
        .await
        .ok();
    if shared.config.booth == Booth::Photographer {
        let now = Timestamp::now();
        seen.counters = shared.records(move |store| counters(store, now)).await.ok();
    }
    seen
}
