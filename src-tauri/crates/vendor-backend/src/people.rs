//! Schools, students and their academic records; who is who, and what may be collected now.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use vendor::api::{
    AcademicRecord, CollectionState, Eligibility, FeeState, Identity, Proof, ResolveRequest, School,
    SchoolList, Window,
};
use vendor::problem::{Problem, ProblemCode};
use vendor::{FeeWhen, ProofKind, Secret};

use crate::Service;
use crate::database::{Optional as _, Row, StoreError, Tx, micros, parsed, timestamp};
use crate::fault::Fault;
use crate::stations::{Station, json};

/// Wrong proofs for one code before it is locked, and for how long. Ten thousand last fours at five an hour
/// are eighty-three days.
const WRONG_PROOFS: u32 = 5;
const LOCKED_FOR: SignedDuration = SignedDuration::from_mins(60);
/// A capture may wait for the network for weeks; its identity should not have to be asked anew.
const IDENTITY_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A digest under the database's own key, so that the file alone does not tell who showed what.
pub(crate) fn mac(key: &[u8], label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [key, label.as_bytes()].iter().chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// How a collection code is kept.
pub(crate) fn code_mac(key: &[u8], code: &[u8]) -> Vec<u8> {
    mac(key, "code", &[code])
}

/// How the end of an ID number is kept.
pub(crate) fn last_four_mac(key: &[u8], student_id: &str, last_four: &str) -> Vec<u8> {
    mac(
        key,
        "last-four",
        &[
            student_id.as_bytes(),
            last_four.trim().to_ascii_uppercase().as_bytes(),
        ],
    )
}

/// How a student's name and number at a school are kept.
pub(crate) fn number_mac(key: &[u8], school_id: &str, level: &str, name: &str, number: &str) -> Vec<u8> {
    let parts = [
        school_id,
        level.trim(),
        name.trim(),
        &number.trim().to_ascii_uppercase(),
    ];
    mac(key, "number", &parts.map(str::as_bytes))
}

fn token_mac(key: &[u8], token: &str) -> Vec<u8> {
    mac(key, "token", &[token.as_bytes()])
}

/// What to look for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SchoolQuery {
    /// Part of the name, or a session code (特征码); empty: any.
    #[serde(default)]
    name: String,
    /// Level; empty: any.
    #[serde(default)]
    level: String,
}

/// Schools by name and level, at most twenty.
#[utoipa::path(get, path = "/v1/schools", tag = "visit", params(SchoolQuery),
    responses((status = 200, description = "What was found; empty where nothing was.", body = SchoolList)))]
pub(crate) async fn schools(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    query: Result<Query<SchoolQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<SchoolList>, Fault> {
    let Query(query) = query.map_err(|_| ProblemCode::InvalidRequest)?;
    let schools = service
        .database
        .run(move |tx| {
            let name = query.name.trim();
            let rows = tx.rows(
                "SELECT id, name, levels, session_code, window_from, window_to FROM schools
                 WHERE ?1 = '' OR replace(name, ?1, '') <> name OR session_code = upper(?1)",
                [name],
                |row| {
                    let levels: String = row.get(2)?;
                    let school = School {
                        id: row.get(0)?,
                        name: row.get(1)?,
                        levels: Vec::new(),
                        session_code: row.get(3)?,
                        window: window(row, 4)?,
                    };
                    Ok((school, levels))
                },
            )?;
            let mut schools = Vec::new();
            for (mut school, levels) in rows {
                school.levels = parsed(&levels)?;
                let wanted = query.level.is_empty() || school.levels.contains(&query.level);
                if wanted && station.serves(&school.id) {
                    schools.push(school);
                }
            }
            // The session code's own school, then those whose name begins so, then the shorter name.
            schools.sort_by_cached_key(|school| {
                let place = school
                    .name
                    .find(name)
                    .map(|at| school.name[..at].chars().count() + 1);
                (place, school.name.chars().count(), school.id.clone())
            });
            schools.truncate(20);
            Ok(schools)
        })
        .await?;
    Ok(Json(SchoolList { schools }))
}

fn window(row: &Row<'_>, at: usize) -> Result<Option<Window>, StoreError> {
    let (from, to): (Option<String>, Option<String>) = (row.get(at)?, row.get(at + 1)?);
    Ok(from.zip(to).and_then(|(from, to)| {
        Some(Window {
            from: from.parse().ok()?,
            to: to.parse().ok()?,
        })
    }))
}

/// Who is this? Answers a masked identity, the academic records and a token to act on.
#[utoipa::path(post, path = "/v1/identities", tag = "visit", request_body = ResolveRequest,
    responses((status = 200, description = "The student, masked.", body = Identity)))]
pub(crate) async fn resolve(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Identity>, Fault> {
    let request: ResolveRequest = json(&headers, &body)?;
    let now = service.clock.now();
    let mut token = [0u8; 32];
    getrandom::fill(&mut token).map_err(|_| Fault::Broken("no randomness"))?;
    let token = URL_SAFE_NO_PAD.encode(token);
    let here = service.clone();
    // A wrong proof must be counted although it is refused: the refusal travels inside a committed success.
    let identity = service
        .database
        .run(move |tx| {
            let found = who_here(
                tx,
                &here,
                &station,
                request.code.as_ref().map(vendor::SecretBytes::expose),
                &request.proof,
                request.school_id.as_deref(),
                now,
            )?;
            let student = match found {
                Ok(student) => student,
                Err(problem) => return Ok(Err(problem)),
            };
            let expires_at = now + IDENTITY_LASTS;
            tx.execute(
                "INSERT INTO identities (token_mac, station_id, student_id, code_record_id, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    token_mac(&here.mac_key, &token),
                    &station.id,
                    &student.id,
                    &student.code_record,
                    micros(expires_at),
                ),
            )?;
            let (masked_name, masked_id) = masked(tx, &student.id)?;
            let mut records = records_of(tx, &here, &student, now)?;
            records.retain(|record| station.serves(&record.school_id));
            records.sort_by_key(|record| !record.of_this_code);
            Ok(Ok(Identity {
                identity_token: Secret::new(&*token),
                expires_at,
                masked_name,
                masked_id,
                code_bound: student.code_record.is_some(),
                records,
            }))
        })
        .await?;
    identity.map(Json).map_err(Fault::from)
}

/// As [`who`], for a station that may serve one school: another school's student is refused, after the proof, so that
/// nobody learns by it which code is whose.
pub(crate) fn who_here(
    tx: &Tx<'_>,
    service: &Service,
    station: &Station,
    code: Option<&[u8]>,
    proof: &Proof,
    school_id: Option<&str>,
    now: Timestamp,
) -> Result<Result<Student, Problem>, Fault> {
    let student = match who(tx, service, code, proof, school_id, now)? {
        Ok(student) => student,
        Err(problem) => return Ok(Err(problem)),
    };
    for id in [&student.code_record, &student.number_record]
        .into_iter()
        .flatten()
    {
        let school: String = tx.query_row(
            "SELECT school_id FROM academic_records WHERE id = ?1",
            [id],
            |row| row.get(0),
        )?;
        if !station.serves(&school) {
            return Ok(Err(
                Problem::new(ProblemCode::NotEligible).detail("this station serves another school")
            ));
        }
    }
    Ok(Ok(student))
}

/// A student who was made out.
#[derive(Debug, Clone)]
pub(crate) struct Student {
    pub(crate) id: String,
    /// The academic record the code was fetched for, where a code was shown.
    pub(crate) code_record: Option<String>,
    /// The academic record the name and number belong to.
    pub(crate) number_record: Option<String>,
}

/// Who shows this code and gives this proof? By the profile's rule; the inner error is a refusal after which
/// the transaction must still be committed, since it counted a wrong proof.
fn who(
    tx: &Tx<'_>,
    service: &Service,
    code: Option<&[u8]>,
    proof: &Proof,
    school_id: Option<&str>,
    now: Timestamp,
) -> Result<Result<Student, Problem>, Fault> {
    let key = &service.mac_key;
    let shown = match code {
        None => None,
        Some(code) => match by_mac(tx, "code_mac", &code_mac(key, code))? {
            Some(found) => Some(found),
            None => return Ok(Err(Problem::new(stale(tx, &code_mac(key, code))?))),
        },
    };
    let no_code = || Problem::new(ProblemCode::InvalidRequest).detail("code: this vendor needs it");
    match (service.profile.proof, proof) {
        (ProofKind::None, _) => {
            let Some((record, student)) = shown else {
                return Ok(Err(no_code()));
            };
            Ok(Ok(Student {
                id: student,
                code_record: Some(record),
                number_record: None,
            }))
        }
        (ProofKind::LastFour, Proof::LastFour { value }) => {
            let Some((record, student)) = shown else {
                return Ok(Err(no_code()));
            };
            let subject = mac(key, "attempts", &[student.as_bytes()]);
            if let Err(locked) = locked(tx, &subject, now)? {
                return Ok(Err(locked));
            }
            let kept: Vec<u8> = tx.query_row(
                "SELECT last_four_mac FROM students WHERE id = ?1",
                [&student],
                |row| row.get(0),
            )?;
            if kept != last_four_mac(key, &student, value.expose()) {
                return Ok(Err(wrong(tx, &subject, now)?));
            }
            tx.execute("DELETE FROM wrong_proofs WHERE subject_mac = ?1", [&subject])?;
            Ok(Ok(Student {
                id: student,
                code_record: Some(record),
                number_record: None,
            }))
        }
        (
            ProofKind::NameAndNumber,
            Proof::NameAndNumber {
                level,
                name,
                student_number,
                ..
            },
        ) => {
            let Some(school) = school_id else {
                return Ok(Err(
                    Problem::new(ProblemCode::InvalidRequest).detail("school_id: this vendor needs it")
                ));
            };
            // Counted by number, not by name: guessing names for a known number is what must be slow.
            let number = student_number.expose().trim().to_ascii_uppercase();
            let subject = mac(key, "attempts", &[school.as_bytes(), number.as_bytes()]);
            if let Err(locked) = locked(tx, &subject, now)? {
                return Ok(Err(locked));
            }
            let kept = number_mac(key, school, level, name.expose(), student_number.expose());
            let Some((record, student)) = by_mac(tx, "number_mac", &kept)? else {
                return Ok(Err(wrong(tx, &subject, now)?));
            };
            tx.execute("DELETE FROM wrong_proofs WHERE subject_mac = ?1", [&subject])?;
            if shown.as_ref().is_some_and(|(_, owner)| *owner != student) {
                return Ok(Err(Problem::new(ProblemCode::CodeMismatch)));
            }
            Ok(Ok(Student {
                id: student,
                code_record: shown.map(|(record, _)| record),
                number_record: Some(record),
            }))
        }
        (ProofKind::LastFour | ProofKind::NameAndNumber, _) => {
            Ok(Err(Problem::new(ProblemCode::ProofRequired)))
        }
    }
}

/// Why a code is nobody's: it was replaced, or it never was one.
fn stale(tx: &Tx<'_>, mac: &[u8]) -> Result<ProblemCode, Fault> {
    let query = "SELECT 1 FROM expired_codes WHERE code_mac = ?1";
    let expired = tx.query_row(query, [mac], |_| Ok(())).optional()?;
    Ok(expired.map_or(ProblemCode::UnknownCode, |()| ProblemCode::CodeExpired))
}

/// The academic record and student behind a kept digest.
fn by_mac(tx: &Tx<'_>, column: &'static str, mac: &[u8]) -> Result<Option<(String, String)>, Fault> {
    let query = format!("SELECT id, student_id FROM academic_records WHERE {column} = ?1");
    Ok(tx
        .query_row(&query, [mac], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

fn locked(tx: &Tx<'_>, subject: &[u8], now: Timestamp) -> Result<Result<(), Problem>, Fault> {
    let until: Option<i64> = tx
        .query_row(
            "SELECT locked_until FROM wrong_proofs WHERE subject_mac = ?1",
            [subject],
            |row| row.get(0),
        )
        .optional()?;
    Ok(match until.map(timestamp).filter(|until| *until > now) {
        Some(until) => {
            let mut problem = Problem::new(ProblemCode::ProofLocked);
            problem.retry_after = u32::try_from(until.duration_since(now).as_secs() + 1).ok();
            Err(problem)
        }
        None => Ok(()),
    })
}

/// Counts a wrong proof; the last one allowed locks.
fn wrong(tx: &Tx<'_>, subject: &[u8], now: Timestamp) -> Result<Problem, Fault> {
    let before: Option<(u32, i64)> = tx
        .query_row(
            "SELECT wrong, since FROM wrong_proofs WHERE subject_mac = ?1",
            [subject],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (count, since) = match before {
        Some((count, since)) if timestamp(since) + LOCKED_FOR > now => (count + 1, since),
        _ => (1, micros(now)),
    };
    let left = WRONG_PROOFS.saturating_sub(count);
    let locked_until = if left == 0 { micros(now + LOCKED_FOR) } else { 0 };
    tx.execute(
        "INSERT INTO wrong_proofs (subject_mac, wrong, since, locked_until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (subject_mac) DO UPDATE SET wrong = ?2, since = ?3, locked_until = ?4",
        (subject, count, since, locked_until),
    )?;
    let mut problem = Problem::new(ProblemCode::ProofMismatch);
    problem.attempts_left = Some(left);
    Ok(problem)
}

/// Whose token is this? Only at the station it was given to.
pub(crate) fn token_holder(
    tx: &Tx<'_>,
    service: &Service,
    station: &Station,
    token: &Secret,
    now: Timestamp,
) -> Result<Option<Student>, Fault> {
    Ok(tx
        .query_row(
            "SELECT student_id, code_record_id FROM identities
             WHERE token_mac = ?1 AND station_id = ?2 AND expires_at > ?3",
            (
                token_mac(&service.mac_key, token.expose()),
                &station.id,
                micros(now),
            ),
            |row| {
                Ok(Student {
                    id: row.get(0)?,
                    code_record: row.get(1)?,
                    number_record: None,
                })
            },
        )
        .optional()?)
}

/// Masked name and masked ID number.
pub(crate) fn masked(tx: &Tx<'_>, student_id: &str) -> Result<(String, String), Fault> {
    Ok(tx.query_row(
        "SELECT masked_name, masked_id FROM students WHERE id = ?1",
        [student_id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?)
}

fn records_of(
    tx: &Tx<'_>,
    service: &Service,
    student: &Student,
    now: Timestamp,
) -> Result<Vec<AcademicRecord>, Fault> {
    let ids: Vec<String> = tx.rows(
        "SELECT id FROM academic_records WHERE student_id = ?1 ORDER BY year DESC, id",
        [&student.id],
        |row| row.get(0),
    )?;
    let own = student.code_record.as_ref().or(student.number_record.as_ref());
    ids.iter()
        .map(|id| {
            let mut record = academic_record(tx, service, id, now)?
                .ok_or(Fault::Broken("a record vanished"))?
                .0;
            record.of_this_code = own == Some(id);
            Ok(record)
        })
        .collect()
}

/// One academic record as it stands at a time, and its student; `of_this_code` is false.
pub(crate) fn academic_record(
    tx: &Tx<'_>,
    service: &Service,
    id: &str,
    at: Timestamp,
) -> Result<Option<(AcademicRecord, String)>, Fault> {
    let row = tx
        .query_row(
            "SELECT a.id, a.school_id, s.name, a.level, a.major, a.year, s.window_from, s.window_to, a.eligible,
                    a.paid, a.collection, a.rejection, s.class_payment, a.student_id
             FROM academic_records a JOIN schools s ON s.id = a.school_id WHERE a.id = ?1",
            [id],
            |row| {
                Ok((
                    AcademicRecord {
                        id: row.get(0)?,
                        school_id: row.get(1)?,
                        school: row.get(2)?,
                        level: row.get(3)?,
                        major: row.get(4)?,
                        year: row.get(5)?,
                        of_this_code: false,
                        eligibility: Eligibility::Open,
                        window: window(row, 6)?,
                        fee: FeeState { due_fen: 0, when: service.profile.fee.when, paid: row.get(9)? },
                        collection: CollectionState::None,
                        last_rejection: None,
                    },
                    row.get::<bool>(8)?,
                    row.get::<String>(10)?,
                    row.get::<Option<String>>(11)?,
                    row.get::<bool>(12)?,
                    row.get::<String>(13)?,
                ))
            },
        )
        .optional()?;
    let Some((mut record, eligible, collection, rejection, class_payment, student)) = row else {
        return Ok(None);
    };
    record.collection = parsed(&format!("\"{collection}\""))?;
    record.last_rejection = rejection.map(|json| parsed(&json)).transpose()?;
    if class_payment {
        record.fee = FeeState {
            due_fen: 0,
            when: FeeWhen::Never,
            paid: false,
        };
    }
    record.fee.due_fen = due(service.profile.fee.amount_fen, record.fee, record.collection);
    record.eligibility = eligibility(&record, eligible, at);
    Ok(Some((record, student)))
}

/// What is to be paid now.
fn due(amount_fen: u32, fee: FeeState, collection: CollectionState) -> u32 {
    let wanted = match fee.when {
        FeeWhen::Never => false,
        FeeWhen::BeforeShooting | FeeWhen::AfterUpload => collection != CollectionState::Approved,
        // Only to replace what a reviewer has not decided yet; shooting again after a rejection is free.
        FeeWhen::OnlyForChange => collection == CollectionState::UnderReview,
    };
    if wanted && !fee.paid { amount_fen } else { 0 }
}

fn eligibility(record: &AcademicRecord, eligible: bool, at: Timestamp) -> Eligibility {
    let change_allowed = record.fee.when == FeeWhen::OnlyForChange;
    match record.collection {
        CollectionState::Approved => Eligibility::AlreadyCollected,
        CollectionState::UnderReview if !change_allowed => Eligibility::AlreadyCollected,
        _ if !eligible => Eligibility::NotEligible,
        _ if record.window.is_some_and(|window| !window.contains(at)) => Eligibility::OutsideWindow,
        _ => Eligibility::Open,
    }
}

/// Refuses what cannot be collected.
pub(crate) fn must_be_open(eligibility: Eligibility) -> Result<(), Fault> {
    match eligibility {
        Eligibility::Open => Ok(()),
        Eligibility::OutsideWindow => Err(ProblemCode::OutsideWindow.into()),
        Eligibility::AlreadyCollected => Err(ProblemCode::AlreadyCollected.into()),
        Eligibility::NotEligible => Err(ProblemCode::NotEligible.into()),
    }
}
