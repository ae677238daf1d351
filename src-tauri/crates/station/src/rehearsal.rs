//! Rehearsals: who comes to the virtual booth, what they do in front of the camera and what they touch.

use std::path::Path;
use std::time::{Duration, Instant};

use camera::{Act, Script};
use serde::Deserialize;
use uuid::Uuid;

use crate::station::Station;
use crate::view::{Action, NotPossible, Page, PayState, RecordCardState, Remark, View};

/// A demo person of a reference backend. Nobody real.
#[derive(Clone, Deserialize)]
pub struct Actor {
    /// Last four characters of the ID number.
    pub last_four: String,
    /// Full name.
    pub name: String,
    /// Telephone.
    #[serde(default)]
    pub phone: Option<String>,
    /// Academic records; the code on the telephone is the first one's.
    pub records: Vec<ActorRecord>,
}

/// An academic record of a demo person.
#[derive(Clone, Deserialize)]
pub struct ActorRecord {
    /// Text of the collection code.
    pub code: String,
    /// School's name.
    pub school: String,
    /// Level.
    pub level: String,
    /// Student number.
    pub student_number: String,
}

/// The people of a rehearsal, one a visit, over and over.
pub struct Rehearsal {
    actors: Vec<Actor>,
    turn: usize,
    script: Script,
    in_visit: bool,
    /// The visit of now, and until when the stool is empty before its student sits down.
    visit: Option<Uuid>,
    empty_until: Option<Instant>,
}

/// How long the stool is empty between two students who follow each other at once: longer than the eyes take for one
/// and the same person's absence.
const CHANGE_OVER: Duration = Duration::from_millis(2500);

/// Why a rehearsal did not end with a receipt or a saved photo.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The file of people cannot be read.
    #[error("the file of demo people: {0}")]
    File(#[from] std::io::Error),
    /// The file of people is not understood. The reader's message would quote it, so only the place is told.
    #[error("the file of demo people is not understood at line {0}")]
    Syntax(usize),
    /// There is nobody in it.
    #[error("the file of demo people names nobody")]
    Nobody,
    /// The visit ended on the page "not possible".
    #[error("the visit was not possible: {0:?}")]
    NotPossible(NotPossible),
    /// The photo was refused again and again.
    #[error("the photo was refused: {}", .0.iter().map(|r| r.en.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Remark>),
    /// The payment could not be made.
    #[error("the demo payment could not be made: {0}")]
    Payment(String),
    /// A page stood for too long.
    #[error("the visit stood still on the page {0}")]
    Stuck(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum People {
    List(Vec<Actor>),
    Demo { people: Vec<Actor> },
}

/// Reads demo people: a JSON list, or an object with the list under `people`.
///
/// # Errors
/// When it cannot be read, is not understood or is empty.
pub fn read_actors(file: &Path) -> Result<Vec<Actor>, RehearsalError> {
    let people =
        serde_json::from_slice(&std::fs::read(file)?).map_err(|e| RehearsalError::Syntax(e.line()))?;
    let actors: Vec<Actor> = match people {
        People::List(actors) | People::Demo { people: actors } => actors
            .into_iter()
            .filter(|actor| !actor.records.is_empty())
            .collect(),
    };
    if actors.is_empty() {
        return Err(RehearsalError::Nobody);
    }
    Ok(actors)
}

impl Rehearsal {
    /// A rehearsal whose virtual student is moved by `script`.
    pub fn new(actors: Vec<Actor>, script: Script) -> Rehearsal {
        Rehearsal {
            actors,
            turn: 0,
            script,
            in_visit: false,
            visit: None,
            empty_until: None,
        }
    }

    fn code(&self) -> Option<&str> {
        let actor = self.actors.get(self.turn % self.actors.len().max(1))?;
        actor.records.first().map(|record| record.code.as_str())
    }

    /// Lets the virtual student do what this page asks for; the next one comes after each visit. `visit` tells one
    /// from the next where they follow each other at once.
    pub fn follow(&mut self, page: &Page, visit: Option<Uuid>, now: Instant) {
        let idle = matches!(page, Page::Welcome { .. } | Page::OutOfService { .. });
        let another = self.visit.is_some() && visit.is_some() && self.visit != visit;
        if (idle && self.in_visit) || another {
            self.turn = self.turn.wrapping_add(1);
        }
        if another {
            self.empty_until = Some(now + CHANGE_OVER);
        }
        self.visit = visit;
        self.in_visit = !idle;
        let act = match page {
            Page::Welcome { .. } | Page::OutOfService { .. } => Act::EmptyWall,
            Page::Scan { .. } => self
                .code()
                .map_or(Act::EmptyWall, |code| Act::ShowCode(code.to_owned())),
            _ if self.empty_until.is_some_and(|until| now < until) => Act::EmptyWall,
            _ => Act::Sit,
        };
        if self.script.get() != act {
            self.script.set(act);
        }
    }
}

/// The longest a page may stand without the next one, before the visit counts as stuck. Generous: a loaded
/// machine draws and develops slowly.
const STILL: Duration = Duration::from_mins(2);
/// Refused photos before the visit counts as failed.
const REFUSALS: u32 = 3;

/// What a played visit came to.
#[derive(Debug, Clone)]
pub struct Played {
    /// The pages in the order they were seen, by their kind.
    pub pages: Vec<String>,
    /// Number to ask by.
    pub shoot_number: String,
    /// A fee is still to be paid.
    pub pay_later: bool,
}

/// Plays one visit by touching what `actor` would touch, until the page "done" stands there. `pay` opens the
/// payment address as the student's telephone would.
///
/// # Errors
/// When the visit ends in any other way.
pub async fn play<P>(
    station: &Station,
    actor: &Actor,
    pay: impl Fn(String) -> P,
) -> Result<Played, RehearsalError>
where
    P: Future<Output = Result<(), RehearsalError>>,
{
    play_watched(station, actor, pay, |_| ()).await
}

/// As [`play`], and `watch` sees every page before it is answered: it may hold a code up or release the shutter
/// where there is no camera to do so.
///
/// # Errors
/// When the visit ends in any other way.
pub async fn play_watched<P>(
    station: &Station,
    actor: &Actor,
    pay: impl Fn(String) -> P,
    mut watch: impl FnMut(&Page),
) -> Result<Played, RehearsalError>
where
    P: Future<Output = Result<(), RehearsalError>>,
{
    let mut views = station.views();
    let mut pages: Vec<String> = Vec::new();
    let mut refusals = 0;
    let mut answered = None;
    let mut standing = tokio::time::Instant::now();
    let record = actor.records.first().ok_or(RehearsalError::Nobody)?;
    loop {
        let view: View = views.borrow_and_update().clone();
        let question = question(&view.page);
        if answered.as_ref() == Some(&question) {
            // Seconds and sights pass by; only another question is answered.
            match tokio::time::timeout(STILL, views.changed()).await {
                Ok(Ok(())) if standing.elapsed() < STILL => continue,
                _ => return Err(RehearsalError::Stuck(question.0)),
            }
        }
        standing = tokio::time::Instant::now();
        if pages.last() != Some(&question.0) {
            pages.push(question.0.clone());
        }
        answered = Some(question);
        watch(&view.page);
        match view.page {
            Page::Welcome { .. } => station.act(Action::Start),
            Page::ProveLastFour { .. } => station.act(Action::LastFour {
                value: actor.last_four.clone(),
            }),
            Page::ProveName { phone, .. } => station.act(Action::NameAndNumber {
                level: record.level.clone(),
                name: actor.name.clone(),
                student_number: record.student_number.clone(),
                phone: phone.then(|| actor.phone.clone().unwrap_or_default()),
            }),
            Page::FindSchool { found, .. } => {
                match found.iter().find(|school| school.name == record.school) {
                    Some(school) => {
                        station.act(Action::TakeSchool {
                            id: school.id.clone(),
                            level: record.level.clone(),
                        });
                    }
                    None => station.act(Action::SearchSchool {
                        name: record.school.clone(),
                        level: record.level.clone(),
                    }),
                }
            }
            Page::ChooseRecord { records } => {
                let open = |state| matches!(state, RecordCardState::Open | RecordCardState::Rejected);
                if let Some(card) = records.into_iter().find(|card| open(card.state)) {
                    station.act(Action::TakeRecord { id: card.id });
                }
            }
            Page::Confirm { .. } => station.act(Action::ItIsMe),
            Page::Requirements => station.act(Action::Consent),
            Page::Pay {
                state: PayState::Waiting,
                ..
            } => {
                if let Some(url) = station.payment_url() {
                    pay(url).await?;
                }
            }
            Page::Framing { refused, .. } if !refused.is_empty() => {
                refusals += 1;
                if refusals >= REFUSALS {
                    return Err(RehearsalError::Refused(refused));
                }
            }
            Page::ChoosePhoto { candidates, .. } => {
                if let Some(candidate) = candidates.first() {
                    station.act(Action::Take { id: candidate.id });
                }
            }
            Page::LastLook { .. } => station.act(Action::Submit),
            Page::Done {
                shoot_number,
                pay_later,
                ..
            } => {
                return Ok(Played {
                    pages,
                    shoot_number,
                    pay_later,
                });
            }
            Page::NotPossible { reason, .. } => return Err(RehearsalError::NotPossible(reason)),
            _ => {}
        }
    }
}

/// The page's kind, and what on it may ask for another answer while the kind stays.
fn question(page: &Page) -> (String, String) {
    let kind = serde_json::to_value(page)
        .ok()
        .and_then(|value| {
            value
                .get("kind")
                .and_then(|kind| kind.as_str().map(str::to_owned))
        })
        .unwrap_or_default();
    let more = match page {
        Page::FindSchool {
            found, nothing_found, ..
        } => format!("{} {nothing_found}", found.len()),
        Page::Framing { taken, refused, .. } => format!("{taken} {}", refused.len()),
        Page::Pay { state, .. } => format!("{state:?}"),
        Page::ProveLastFour { attempts_left, .. } | Page::ProveName { attempts_left, .. } => {
            attempts_left.to_string()
        }
        _ => String::new(),
    };
    (kind, more)
}
