//! What a visit shows: the page, the step bar and the seconds left, all read off the machine.

use std::sync::Arc;

use jiff::Timestamp;
use vendor::api::AcademicRecord;
use vendor::{ProofKind, Step};

use super::{Machine, PROOF_ATTEMPTS, Shot, Stage, Visit, obstacle};
use crate::view::{Candidate, NotPossible, Page, RecordCard, RecordCardState, StepName, WorkingOn};

impl Machine {
    /// The page for this moment.
    #[expect(clippy::too_many_lines, reason = "the table of what each stage shows")]
    pub fn page(&self, now: Timestamp) -> Page {
        let visit = self.visit.as_ref();
        let attempts_left = visit.map_or(PROOF_ATTEMPTS, |v| v.attempts_left);
        match &self.stage {
            Stage::Idle => Page::Welcome {
                window: self.profile.window.map(window_words),
                interrupted: self.interrupted_until.is_some_and(|until| now < until),
            },
            Stage::Closed { reason, since } => Page::OutOfService {
                reason: *reason,
                since: since.to_string(),
            },
            Stage::FindingSchool { found, searched } => Page::FindSchool {
                found: found.clone(),
                nothing_found: *searched && found.is_empty(),
                levels: self.profile.levels.clone(),
            },
            Stage::Scanning { sight, .. } => Page::Scan { sight: *sight },
            Stage::Proving { error } if self.profile.proof == ProofKind::NameAndNumber => Page::ProveName {
                levels: self.profile.levels.clone(),
                phone: self.profile.ask_phone,
                error: *error,
                attempts_left,
            },
            Stage::Proving { error } => Page::ProveLastFour {
                error: *error,
                attempts_left,
            },
            Stage::Resolving => Page::Working {
                what: WorkingOn::Identity,
            },
            Stage::Ordering => Page::Working {
                what: WorkingOn::Order,
            },
            Stage::Developing => Page::Working {
                what: WorkingOn::Photo,
            },
            Stage::Saving => Page::Working {
                what: WorkingOn::Saving,
            },
            Stage::ChoosingRecord => Page::ChooseRecord {
                records: visit
                    .and_then(|v| v.identity.as_ref())
                    .map(|i| i.records.iter().map(card).collect())
                    .unwrap_or_default(),
            },
            Stage::Confirming => match visit.and_then(Visit::person) {
                Some(person) => Page::Confirm {
                    person,
                    rejection: visit.map(Visit::rejection).unwrap_or_default(),
                },
                None => Page::Working {
                    what: WorkingOn::Identity,
                },
            },
            Stage::Requirements => Page::Requirements,
            Stage::Paying { state, .. } => match visit.and_then(|v| v.order.as_ref()) {
                Some(order) => Page::Pay {
                    amount_fen: order.amount_fen,
                    qr_svg: crate::payment_code::svg(&order.payment_url),
                    expires_in: u32::try_from(order.expires_at.duration_since(now).as_secs()).unwrap_or(0),
                    state: *state,
                },
                None => Page::Working {
                    what: WorkingOn::Order,
                },
            },
            Stage::Framing {
                countdown_from,
                refused,
            } => Page::Framing {
                taken: visit.map_or(0, |v| v.taken),
                limit: self.profile.max_shots,
                countdown: countdown_from.map(|from| {
                    let left = (self.countdown - now.duration_since(from)).as_millis().max(0);
                    u32::try_from((left + 999) / 1000).unwrap_or(0)
                }),
                refused: refused.clone(),
            },
            Stage::ChoosingPhoto => Page::ChoosePhoto {
                candidates: visit
                    .map(|v| v.shots.iter().map(candidate).collect())
                    .unwrap_or_default(),
                may_retake: self.may_retake(),
            },
            Stage::LastLook => {
                let chosen = visit.and_then(|v| v.shots.iter().find(|(id, _)| Some(*id) == v.chosen));
                match chosen {
                    Some(shot) => Page::LastLook {
                        candidate: candidate(shot),
                        person: visit.and_then(Visit::person),
                        review_hours: self.profile.review_hours,
                    },
                    None => Page::Working {
                        what: WorkingOn::Photo,
                    },
                }
            }
            Stage::Done {
                progress,
                receipt,
                shoot_number,
            } => Page::Done {
                shoot_number: shoot_number.clone(),
                progress: *progress,
                receipt: receipt.clone(),
                review_hours: self.profile.review_hours,
                pay_later: visit.is_some_and(|v| v.owes),
            },
            Stage::NotPossible { reason, detail } => Page::NotPossible {
                reason: *reason,
                detail: detail.clone(),
            },
        }
    }

    /// The steps for the bar on top, each once, and the one under way.
    pub fn step_bar(&self) -> (Vec<StepName>, Option<u32>) {
        let steps = &self.profile.steps;
        let mut names: Vec<StepName> = Vec::new();
        for name in steps.iter().filter_map(|step| bar_name(*step)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        // A step without a name of its own leads to the next one that has.
        let under_way = steps
            .iter()
            .skip(self.step)
            .find_map(|step| bar_name(*step))
            .or(names.last().copied());
        let at = under_way.and_then(|name| names.iter().position(|n| *n == name));
        (
            names,
            self.visit.as_ref().and(at).and_then(|at| u32::try_from(at).ok()),
        )
    }
}

fn bar_name(step: Step) -> Option<StepName> {
    match step {
        Step::Scan => Some(StepName::Scan),
        Step::Prove | Step::ChooseRecord | Step::Confirm => Some(StepName::Identity),
        Step::Pay => Some(StepName::Pay),
        Step::Shoot => Some(StepName::Shoot),
        Step::Choose | Step::Submit => Some(StepName::Submit),
        Step::FindSchool | Step::Requirements => None,
    }
}

fn card(record: &AcademicRecord) -> RecordCard {
    RecordCard {
        id: record.id.clone(),
        school: record.school.clone(),
        level: record.level.clone(),
        major: record.major.clone(),
        year: record.year,
        state: match obstacle(record) {
            None if record.last_rejection.is_some() => RecordCardState::Rejected,
            None => RecordCardState::Open,
            Some((NotPossible::AlreadyCollected | NotPossible::UnderReview, _)) => RecordCardState::Collected,
            Some(_) => RecordCardState::NotEligible,
        },
    }
}

fn candidate((id, shot): &(u32, Arc<Shot>)) -> Candidate {
    Candidate {
        id: *id,
        remarks: shot.remarks.clone(),
    }
}

/// "10月9日–19日", or with both months where they differ.
pub(super) fn window_words(window: vendor::api::Window) -> String {
    let (from, to) = (window.from, window.to);
    if from.month() == to.month() && from.year() == to.year() {
        format!("{}月{}日–{}日", from.month(), from.day(), to.day())
    } else {
        format!(
            "{}月{}日–{}月{}日",
            from.month(),
            from.day(),
            to.month(),
            to.day()
        )
    }
}
