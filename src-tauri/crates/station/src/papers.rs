//! The papers a visit hands out: the question to the backend, and the record that is kept.

use jiff::Timestamp;
use records::{MaskedIdentity, NewRecord, Payment, RecordId};
use serde_json::Value;
use vendor::api::{OrderState, ResolveRequest};
use vendor::{Problem, ProblemCode, SecretBytes};
use zeroize::Zeroizing;

use crate::station::Shared;
use crate::view::NotPossible;
use crate::visit::{Resolved, Shot, Visit};

pub(crate) fn resolve_request(visit: &Visit) -> ResolveRequest {
    ResolveRequest {
        code: visit.code.as_ref().map(|code| SecretBytes::new(code.expose())),
        proof: visit.proof.clone(),
        school_id: visit.school.as_ref().map(|(school, _)| school.id.clone()),
    }
}

/// Who is this, and may they be collected? The backend decides; but of a photo that still waits here it cannot know.
pub(crate) async fn resolve(shared: &Shared, request: ResolveRequest) -> Resolved {
    if let Some(code) = &request.code
        && waits_here(shared, code.expose().to_vec()).await
    {
        shared.wake_sync.notify_one();
        return Resolved::NotPossible(NotPossible::WaitsHere, None);
    }
    let error = match shared.client().resolve(&request).await {
        Ok(identity) => return Resolved::Identity(Box::new(identity)),
        Err(error) => error,
    };
    shared.hear(&error).await;
    error.problem().map_or(Resolved::Offline, refused)
}

/// What the backend's word means for the visit.
fn refused(problem: &Problem) -> Resolved {
    let detail = Some(problem.detail.clone().unwrap_or_else(|| problem.title.clone()));
    match problem.code {
        ProblemCode::ProofMismatch | ProblemCode::ProofRequired => Resolved::Mismatch,
        ProblemCode::ProofLocked => Resolved::NotPossible(NotPossible::ProofLocked, None),
        ProblemCode::CodeMismatch => Resolved::NotPossible(NotPossible::IdentityMismatch, detail),
        ProblemCode::UnknownCode => Resolved::NotPossible(NotPossible::UnknownCode, None),
        ProblemCode::CodeExpired => Resolved::NotPossible(NotPossible::CodeExpired, None),
        ProblemCode::CodeInUse => Resolved::NotPossible(NotPossible::CodeInUse, None),
        ProblemCode::OutsideWindow => Resolved::NotPossible(NotPossible::OutsideWindow, detail),
        ProblemCode::AlreadyCollected => Resolved::NotPossible(NotPossible::AlreadyCollected, None),
        ProblemCode::NotEligible | ProblemCode::UnknownRecord => {
            Resolved::NotPossible(NotPossible::NotEligible, None)
        }
        // The backend is there but cannot answer now: as good as no network.
        _ if !problem.code.is_permanent() => Resolved::Offline,
        _ => Resolved::NotPossible(NotPossible::Refused, detail),
    }
}

/// True while a photo that was taken with this very code has not gone out: the same code's text, not its tag, which
/// two students might share.
async fn waits_here(shared: &Shared, code: Vec<u8>) -> bool {
    let code = Zeroizing::new(code);
    let found = shared.records(move |store| store.waits_with(&code)).await;
    found.unwrap_or_else(|error| {
        tracing::warn!(%error, "whether the code's photo waits here is not known");
        false
    })
}

/// Everything one submission keeps; `None` while something is missing, which no sequence of pages allows.
pub(crate) fn new_record(visit: &Visit, vendor: &str, spec: &str) -> Option<NewRecord> {
    let shot = visit.chosen_shot()?;
    let code = visit.code.as_ref()?;
    let identity = visit
        .identity
        .as_ref()
        .zip(visit.record.as_ref())
        .map(|(identity, record)| records::Identity {
            academic_record: record.id.clone(),
            masked: MaskedIdentity {
                masked_name: identity.masked_name.clone(),
                masked_id: identity.masked_id.clone(),
                school: record.school.clone(),
                level: record.level.clone(),
                major: record.major.clone(),
                year: record.year,
            },
            token: Some(records::Secret::new(identity.identity_token.expose().as_bytes())),
        });
    let order = visit.order.as_ref();
    let payment = match order {
        Some(order) if order.state == OrderState::Paid => Payment::Paid {
            order: order.id.clone(),
        },
        Some(order) => Payment::PayLater {
            order: Some(order.id.clone()),
        },
        None if visit.owes => Payment::PayLater { order: None },
        None => Payment::Free,
    };
    Some(NewRecord {
        id: RecordId::from(visit.record_id),
        visit: None,
        code_text: records::Secret::new(code.expose()),
        code_tag: code.tag().to_string(),
        proof: records::Secret::new(serde_json::to_vec(&visit.proof).ok()?),
        identity,
        school: visit
            .record
            .as_ref()
            .map(|r| r.school.clone())
            .unwrap_or_default(),
        school_id: visit.school.as_ref().map(|(school, _)| school.id.clone()),
        vendor: vendor.to_owned(),
        spec: spec.to_owned(),
        original: shot.original.clone(),
        standard: shot.standard.clone(),
        report: report(visit, shot)?,
        candidates: u32::try_from(visit.shots.len()).unwrap_or(u32::MAX),
        forced_reason: visit.forced_reason.clone(),
        payment,
        consent_at: visit.consent?,
        started_at: visit.started,
        captured_at: shot.captured_at,
    })
}

/// The photo's report, and what a photographer decided against the machine.
fn report(visit: &Visit, shot: &Shot) -> Option<Value> {
    let mut report = serde_json::to_value(&shot.report).ok()?;
    if let Some(fields) = report.as_object_mut() {
        if let Some(reason) = &visit.forced_reason {
            fields.insert("forced_reason".into(), reason.clone().into());
        }
        if !visit.alarms.is_empty() {
            fields.insert("alarms".into(), serde_json::to_value(&visit.alarms).ok()?);
        }
    }
    Some(report)
}

/// A line of a record's history that a photographer's decision leaves.
pub(crate) struct Note {
    pub(crate) what: &'static str,
    pub(crate) detail: String,
    pub(crate) at: Timestamp,
}

/// What the photographer decided against the machine.
pub(crate) fn notes(visit: &Visit) -> Vec<Note> {
    let alarms = visit.alarms.iter().map(|alarm| Note {
        what: "person-confirmed",
        detail: alarm.cause.as_str().to_owned(),
        at: alarm.acknowledged_at.unwrap_or(alarm.at),
    });
    let forced = visit.forced_reason.iter().map(|reason| Note {
        what: "forced",
        detail: reason.clone(),
        at: visit.chosen_shot().map_or(visit.started, |shot| shot.captured_at),
    });
    alarms.chain(forced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_backend_about_a_code_has_its_own_page() {
        let reason = |code| match refused(&Problem::new(code)) {
            Resolved::NotPossible(reason, _) => reason,
            _ => panic!("{code} does not end the visit"),
        };
        let said = [
            (ProblemCode::UnknownCode, NotPossible::UnknownCode),
            (ProblemCode::CodeExpired, NotPossible::CodeExpired),
            (ProblemCode::CodeInUse, NotPossible::CodeInUse),
            (ProblemCode::AlreadyCollected, NotPossible::AlreadyCollected),
            (ProblemCode::CodeMismatch, NotPossible::IdentityMismatch),
            (ProblemCode::ProofLocked, NotPossible::ProofLocked),
            (ProblemCode::NotEligible, NotPossible::NotEligible),
            (ProblemCode::OutsideWindow, NotPossible::OutsideWindow),
        ];
        for (code, expected) in said {
            assert_eq!(reason(code), expected, "{code}");
        }
    }

    #[test]
    fn a_backend_that_cannot_answer_now_is_no_answer() {
        for code in [
            ProblemCode::RateLimited,
            ProblemCode::Internal,
            ProblemCode::Unavailable,
        ] {
            assert!(
                matches!(refused(&Problem::new(code)), Resolved::Offline),
                "{code}"
            );
        }
    }
}
