//! Photos: taking them exactly once, their life until a reviewer's word, and what the student gets.
//!
//! A photo is never refused for money: an unpaid one is kept, receipted, and reviewed once it is paid.

use std::io::Cursor;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use image::{ImageFormat, ImageReader, Limits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vendor::api::{
    Accepted, Capture, Change, ChangeKind, ChangePage, CollectionState, Deliverable, DeliverableKind,
    DeliverableList, Photo, Rejection, sha256_hex,
};
use vendor::bundle::HistoryRow;
use vendor::problem::{Problem, ProblemCode};
use vendor::{FeeWhen, Receipt};

use crate::database::{Optional as _, Tx, micros, parsed, timestamp, written};
use crate::fault::{Fault, Place};
use crate::people::{Student, academic_record, masked, must_be_open, token_holder, who_here};
use crate::photos::{self, Kept};
use crate::review::figures::keep_findings;
use crate::review::{AutoReview, Decision, decide};
use crate::stations::{Station, json};
use crate::{Service, sheet};

/// The standard's own size: 《…图像采集规范及信息标准》 (教毕指〔2017〕99号).
const STANDARD_SIZE: (u32, u32) = (480, 640);
/// A standard photo is 20–60 KB at every vendor; this only keeps nonsense out.
const LARGEST_STANDARD: usize = 512 << 10;
/// An original frame's longer side.
const LONGEST_SIDE: u32 = 8192;
/// At most this many changes in one answer.
const MOST_CHANGES: u32 = 200;

/// What is kept about a capture beside its photos: nothing a student typed or showed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) shoot_number: String,
    pub(crate) spec: String,
    pub(crate) report: serde_json::Value,
    pub(crate) forced_reason: Option<String>,
    pub(crate) software: String,
    pub(crate) submitted_at: Timestamp,
    pub(crate) consented_at: Timestamp,
}

/// Takes a capture. The same record id and photos give the same receipt, however often they come; other photos
/// under a used record id are refused.
#[utoipa::path(put, path = "/v1/captures/{record_id}", tag = "capture", request_body = Capture,
    params(("record_id" = Uuid, Path, description = "The station's record, a UUIDv7.")),
    responses((status = 201, description = "Taken; the receipt is the proof.", body = Accepted),
        (status = 200, description = "It was here already; the same receipt.", body = Accepted)))]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    Place(record_id): Place<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Fault> {
    let record_id = uuid(&record_id)?;
    let capture: Capture = json(&headers, &body)?;
    drop(body);
    let capture = tokio::task::spawn_blocking(move || examine(&capture).map(|()| capture))
        .await
        .map_err(|_| Fault::Broken("a picture task died"))??;
    let incoming = Incoming {
        record_id,
        capture,
        history: None,
    };
    let (accepted, created) = bring(&service, station, incoming).await?;
    let status = if created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(accepted)).into_response())
}

fn uuid(text: &str) -> Result<Uuid, Fault> {
    text.parse().map_err(|_| {
        Problem::new(ProblemCode::InvalidRequest)
            .detail("record id")
            .into()
    })
}

/// Are these the pictures they say they are?
pub(crate) fn examine(capture: &Capture) -> Result<(), Fault> {
    let bad = |what: &str| Err(Problem::new(ProblemCode::PhotoInvalid).detail(what).into());
    for photo in [&capture.standard, &capture.original] {
        if sha256_hex(&photo.bytes.0) != photo.sha256 {
            return bad("sha256 does not fit the bytes");
        }
    }
    if capture.standard.media_type != "image/jpeg" || capture.standard.bytes.0.len() > LARGEST_STANDARD {
        return bad("standard: a JPEG of at most 512 KiB");
    }
    match picture(&capture.standard) {
        Some(image) if (image.width(), image.height()) == STANDARD_SIZE => {}
        Some(_) => return bad("standard: not 480x640"),
        None => return bad("standard: cannot be decoded"),
    }
    if picture(&capture.original).is_none() {
        return bad("original: not a JPEG or PNG that can be decoded");
    }
    let words = [&capture.shoot_number, &capture.spec, &capture.software];
    let reason = capture.forced_reason.as_deref().unwrap_or_default();
    if words.iter().any(|word| word.len() > 100)
        || reason.chars().count() > 500
        || !capture.report.is_object()
    {
        return Err(Problem::new(ProblemCode::InvalidRequest)
            .detail("a text is too long, or report no object")
            .into());
    }
    Ok(())
}

/// Decodes within bounds: what a station sends is outside data.
fn picture(photo: &Photo) -> Option<image::DynamicImage> {
    let format = match photo.media_type.as_str() {
        "image/jpeg" => ImageFormat::Jpeg,
        "image/png" => ImageFormat::Png,
        _ => return None,
    };
    let mut reader = ImageReader::with_format(Cursor::new(&photo.bytes.0), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(256 << 20);
    reader.limits(limits);
    reader.decode().ok()
}

/// A capture on its way in, by the network or in a bundle.
pub(crate) struct Incoming {
    pub(crate) record_id: Uuid,
    /// Examined.
    pub(crate) capture: Capture,
    /// What the station wrote about it, where it came along.
    pub(crate) history: Option<Vec<HistoryRow>>,
}

/// Its two photos, kept but not named yet.
struct Pair {
    standard: Kept,
    original: Kept,
}

/// Keeps the photos, then takes the capture in one transaction, which names them. True where it was not here before.
pub(crate) async fn bring(
    service: &Arc<Service>,
    station: Station,
    incoming: Incoming,
) -> Result<(Accepted, bool), Fault> {
    let now = service.clock.now();
    let pair = Pair {
        standard: keep_photo(service, &incoming.capture.standard, now).await?,
        original: keep_photo(service, &incoming.capture.original, now).await?,
    };
    let pair = Arc::new(pair);
    let (here, named) = (service.clone(), pair.clone());
    let taken = service
        .database
        .run(move |tx| {
            let taken = take(tx, &here, &station, &incoming, &named, now)?;
            if let (Ok(_), Some(history)) = (&taken, &incoming.history) {
                keep_history(tx, &station, incoming.record_id, history)?;
            }
            Ok(taken)
        })
        .await
        .and_then(|taken| taken.map_err(Fault::from));
    // Where nobody knows whether the transaction came through, the photos stay: a sweep finds out.
    let not_named = match &taken {
        Ok((_, created)) => !created,
        Err(Fault::Problem(problem)) => problem.code != ProblemCode::Unavailable,
        Err(_) => false,
    };
    if not_named {
        photos::discard(&*service.photos, [&pair.standard, &pair.original]).await;
    }
    taken
}

async fn keep_photo(service: &Service, photo: &Photo, now: Timestamp) -> Result<Kept, Fault> {
    photos::keep(&*service.photos, &photo.media_type, &photo.bytes.0, now).await
}

/// The inner error is a refusal that must be committed: it may have counted a wrong proof.
fn take(
    tx: &Tx<'_>,
    service: &Service,
    station: &Station,
    incoming: &Incoming,
    pair: &Pair,
    now: Timestamp,
) -> Result<Result<(Accepted, bool), Problem>, Fault> {
    let (record_id, capture) = (incoming.record_id, &incoming.capture);
    if let Some(known) = here_already(tx, service, station, record_id, capture, now)? {
        return Ok(known.map(|accepted| (accepted, false)));
    }

    let (student, resolved_now) = match subject(tx, service, station, capture, now)? {
        Ok(found) => found,
        Err(problem) => return Ok(Err(problem)),
    };
    let chosen = capture
        .subject
        .academic_record_id
        .as_ref()
        .or(student.code_record.as_ref());
    let chosen = chosen.ok_or(ProblemCode::UnknownRecord)?;
    // The shutter decides whether the window was open: a photo may wait for the network beyond the last day.
    let shot_at = capture.captured_at.min(now);
    let (record, owner) = academic_record(tx, service, chosen, shot_at)?.ok_or(ProblemCode::UnknownRecord)?;
    if owner != student.id || !station.serves(&record.school_id) {
        return Err(ProblemCode::UnknownRecord.into());
    }
    must_be_open(record.eligibility)?;

    // A photo that was never paid for gives way to a newer one.
    if let Some(old) = live(tx, &record.id, "awaiting-payment")? {
        transition(tx, old, &Step::Superseded { by: record_id }, now)?;
    }
    let sequence = tx.next_number()?;
    let day = now
        .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
        .date()
        .strftime("%Y%m%d");
    let receipt = Receipt::issue(
        &service.receipt_key,
        format!("R-{day}-{sequence:06}"),
        record_id,
        capture.standard.sha256.clone(),
        capture.original.sha256.clone(),
        now,
    );
    let about = About {
        shoot_number: capture.shoot_number.clone(),
        spec: capture.spec.clone(),
        report: capture.report.clone(),
        forced_reason: capture.forced_reason.clone(),
        software: capture.software.clone(),
        submitted_at: capture.submitted_at,
        consented_at: capture.consented_at,
    };
    tx.execute(
        "INSERT INTO captures (seq, record_id, station_id, academic_record_id, standard_sha256, original_sha256,
             receipt, state, about, captured_at, received_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'awaiting-payment', ?8, ?9, ?10)",
        (
            sequence,
            record_id.to_string(),
            &station.id,
            &record.id,
            &capture.standard.sha256,
            &capture.original.sha256,
            written(&receipt)?,
            written(&about)?,
            micros(capture.captured_at),
            micros(now),
        ),
    )?;
    hold(tx, station, record_id)?;
    keep_findings(tx, record_id, &capture.report)?;
    name_file(tx, record_id, STANDARD, &pair.standard)?;
    name_file(tx, record_id, ORIGINAL, &pair.original)?;
    if record.collection != CollectionState::UnderReview {
        set_collection(tx, &record.id, CollectionState::AwaitingPayment)?;
    }
    if resolved_now {
        let (masked_name, masked_id) = masked(tx, &student.id)?;
        let what = ChangeKind::Resolved {
            masked_name,
            masked_id,
            academic_record_id: record.id.clone(),
        };
        tell(tx, record_id, now, &what)?;
    }
    settle(tx, service, &record.id, None, now)?;
    let accepted = accepted(tx, station, record_id)?.ok_or(Fault::Broken("a capture vanished"))?;
    Ok(Ok((accepted, true)))
}

/// A capture that is here: the same receipt again for the same photos, from whoever has them. `None`: it is not here.
fn here_already(
    tx: &Tx<'_>,
    service: &Service,
    station: &Station,
    record_id: Uuid,
    capture: &Capture,
    now: Timestamp,
) -> Result<Option<Result<Accepted, Problem>>, Fault> {
    let before: Option<(String, String)> = tx
        .query_row(
            "SELECT standard_sha256, original_sha256 FROM captures WHERE record_id = ?1",
            [record_id.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((standard, original)) = before else {
        return Ok(None);
    };
    if standard != capture.standard.sha256 || original != capture.original.sha256 {
        return Err(ProblemCode::CaptureConflict.into());
    }
    if !holds(tx, station, record_id)? {
        // A record that was carried to another station comes from there as well: with the same photos and with what
        // proves whose they are, not by its id alone.
        match subject(tx, service, station, capture, now)? {
            Ok((student, _)) if student.id == student_of(tx, record_id)? => hold(tx, station, record_id)?,
            _ => return Ok(Some(Err(Problem::new(ProblemCode::CaptureConflict)))),
        }
    }
    let accepted = accepted(tx, station, record_id)?.ok_or(Fault::Broken("a capture vanished"))?;
    Ok(Some(Ok(accepted)))
}

/// Whose photo is it? By the token while it lasts, by code and proof otherwise; true where the backend had to
/// find out by itself.
fn subject(
    tx: &Tx<'_>,
    service: &Service,
    station: &Station,
    capture: &Capture,
    now: Timestamp,
) -> Result<Result<(Student, bool), Problem>, Fault> {
    let subject = &capture.subject;
    if let Some(token) = &subject.identity_token
        && let Some(student) = token_holder(tx, service, station, token, now)?
        && student.code_record.is_some()
    {
        return Ok(Ok((student, false)));
    }
    let Some(code) = &subject.code else {
        return Ok(Err(
            Problem::new(ProblemCode::IdentityExpired).detail("neither a living token nor a code")
        ));
    };
    let found = who_here(
        tx,
        service,
        station,
        Some(code.expose()),
        &subject.proof,
        subject.school_id.as_deref(),
        now,
    )?;
    Ok(found.map(|student| (student, subject.identity_token.is_none())))
}

/// The photo students and schools get.
pub(crate) const STANDARD: &str = "standard";
/// What the camera saw.
pub(crate) const ORIGINAL: &str = "original";
/// The student's prints on one sheet.
const SHEET: &str = "print-sheet";

/// Names a kept file; `false` where the capture has one of this kind.
fn name_file(tx: &Tx<'_>, record_id: Uuid, kind: &str, kept: &Kept) -> Result<bool, Fault> {
    let named = tx.execute(
        "INSERT INTO files (record_id, kind, media_type, sha256, length, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (record_id, kind) DO NOTHING",
        (
            record_id.to_string(),
            kind,
            &kept.media_type,
            &kept.sha256,
            kept.length,
            &kept.place,
        ),
    )?;
    Ok(named == 1)
}

/// The file of a capture: where it is kept.
pub(crate) fn file(tx: &Tx<'_>, record_id: Uuid, kind: &str) -> Result<Option<Kept>, Fault> {
    Ok(tx
        .query_row(
            "SELECT media_type, sha256, length, place FROM files WHERE record_id = ?1 AND kind = ?2",
            (record_id.to_string(), kind),
            |row| {
                Ok(Kept {
                    media_type: row.get(0)?,
                    sha256: row.get(1)?,
                    length: row.get(2)?,
                    place: row.get(3)?,
                })
            },
        )
        .optional()?)
}

/// The record id of the photo of an academic record that is in this state.
fn live(tx: &Tx<'_>, academic_record_id: &str, state: &str) -> Result<Option<Uuid>, Fault> {
    let found: Option<String> = tx
        .query_row(
            "SELECT record_id FROM captures WHERE academic_record_id = ?1 AND state = ?2",
            (academic_record_id, state),
            |row| row.get(0),
        )
        .optional()?;
    found
        .map(|id| {
            id.parse()
                .map_err(|_| Fault::Broken("a stored id cannot be read"))
        })
        .transpose()
}

fn set_collection(tx: &Tx<'_>, academic_record_id: &str, to: CollectionState) -> Result<(), Fault> {
    tx.execute(
        "UPDATE academic_records SET collection = ?2 WHERE id = ?1",
        (academic_record_id, to.as_str()),
    )?;
    Ok(())
}

/// Does this station have the record: did it take the photo, or was it carried there?
fn holds(tx: &Tx<'_>, station: &Station, record_id: Uuid) -> Result<bool, Fault> {
    Ok(tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM holders WHERE record_id = ?1 AND station_id = ?2)",
        (record_id.to_string(), &station.id),
        |row| row.get(0),
    )?)
}

/// From now on the station hears of the record.
fn hold(tx: &Tx<'_>, station: &Station, record_id: Uuid) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO holders (record_id, station_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        (record_id.to_string(), &station.id),
    )?;
    Ok(())
}

fn student_of(tx: &Tx<'_>, record_id: Uuid) -> Result<String, Fault> {
    Ok(tx.query_row(
        "SELECT a.student_id FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
         WHERE c.record_id = ?1",
        [record_id.to_string()],
        |row| row.get(0),
    )?)
}

/// Keeps the history that came with a record; a later one of the same station replaces it, since it is longer.
fn keep_history(
    tx: &Tx<'_>,
    station: &Station,
    record_id: Uuid,
    history: &[HistoryRow],
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO histories (record_id, station_id, history) VALUES (?1, ?2, ?3)
         ON CONFLICT (record_id, station_id) DO UPDATE SET history = ?3",
        (record_id.to_string(), &station.id, written(&history)?),
    )?;
    Ok(())
}

/// Writes a change for every station that has the record.
fn tell(tx: &Tx<'_>, record_id: Uuid, at: Timestamp, what: &ChangeKind) -> Result<(), Fault> {
    let (record_id, at, what) = (record_id.to_string(), micros(at), written(what)?);
    let holders: Vec<String> = tx.rows(
        "SELECT station_id FROM holders WHERE record_id = ?1 ORDER BY station_id",
        [&record_id],
        |row| row.get(0),
    )?;
    for station_id in holders {
        // Counting locks the station's head until the end: a number is never seen before the one below it.
        let seq: i64 = tx.query_row(
            "INSERT INTO change_heads (station_id, seq) VALUES (?1, 1)
             ON CONFLICT (station_id) DO UPDATE SET seq = change_heads.seq + 1 RETURNING seq",
            [&station_id],
            |row| row.get(0),
        )?;
        tx.execute(
            "INSERT INTO changes (station_id, seq, record_id, at, what) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&station_id, seq, &record_id, at, &what),
        )?;
    }
    Ok(())
}

/// A step of a photo's life.
pub(crate) enum Step {
    /// Nothing is due (any more); the order that paid for it, if one just did.
    ToReview { paid_by: Option<String> },
    /// A reviewer's yes.
    Approved,
    /// A reviewer's no.
    Rejected(Rejection),
    /// Another photo took its place.
    Superseded { by: Uuid },
}

/// The only place where a photo's state changes; `false` where the step does not fit the state.
pub(crate) fn transition(tx: &Tx<'_>, record_id: Uuid, step: &Step, now: Timestamp) -> Result<bool, Fault> {
    let (from, to) = match step {
        Step::ToReview { .. } => (&["awaiting-payment"][..], CollectionState::UnderReview),
        Step::Approved => (&["under-review"][..], CollectionState::Approved),
        Step::Rejected(_) => (&["under-review"][..], CollectionState::Rejected),
        Step::Superseded { .. } => (
            &["awaiting-payment", "under-review"][..],
            CollectionState::Superseded,
        ),
    };
    let row: Option<(String, String)> = tx
        .query_row(
            "SELECT state, academic_record_id FROM captures WHERE record_id = ?1",
            [record_id.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((state, academic_record_id)) = row else {
        return Ok(false);
    };
    if !from.contains(&state.as_str()) {
        return Ok(false);
    }
    let rejection = match step {
        Step::Rejected(rejection) => Some(written(rejection)?),
        _ => None,
    };
    let decided = matches!(step, Step::Approved | Step::Rejected(_)).then(|| micros(now));
    tx.execute(
        "UPDATE captures SET state = ?2, rejection = ?3, decided_at = ?4 WHERE record_id = ?1",
        (record_id.to_string(), to.as_str(), &rejection, decided),
    )?;
    if to != CollectionState::Superseded {
        set_collection(tx, &academic_record_id, to)?;
    }
    if decided.is_some() {
        tx.execute(
            "UPDATE academic_records SET rejection = ?2 WHERE id = ?1",
            (&academic_record_id, &rejection),
        )?;
    }
    let news = match step {
        Step::ToReview { paid_by } => paid_by.clone().map(|order_id| ChangeKind::Paid { order_id }),
        Step::Approved => Some(ChangeKind::Approved),
        Step::Rejected(rejection) => Some(ChangeKind::Rejected {
            rejection: rejection.clone(),
        }),
        Step::Superseded { by } => Some(ChangeKind::Superseded { by: *by }),
    };
    if let Some(news) = news {
        tell(tx, record_id, now, &news)?;
    }
    Ok(true)
}

/// Sends the photo that waits for its payment to review, if nothing is due any more.
pub(crate) fn settle(
    tx: &Tx<'_>,
    service: &Service,
    academic_record_id: &str,
    paid_by: Option<&str>,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(waiting) = live(tx, academic_record_id, "awaiting-payment")? else {
        return Ok(());
    };
    let (record, _) =
        academic_record(tx, service, academic_record_id, now)?.ok_or(Fault::Broken("a record vanished"))?;
    if let Some(approved) = live(tx, academic_record_id, "approved")? {
        // Decided while the change waited for its payment: approved is locked.
        transition(tx, waiting, &Step::Superseded { by: approved }, now)?;
        return Ok(());
    }
    if record.fee.due_fen > 0 {
        return Ok(());
    }
    if let Some(old) = live(tx, academic_record_id, "under-review")? {
        transition(tx, old, &Step::Superseded { by: waiting }, now)?;
        if record.fee.when == FeeWhen::OnlyForChange {
            // One payment, one change.
            tx.execute(
                "UPDATE academic_records SET paid = FALSE WHERE id = ?1",
                [academic_record_id],
            )?;
        }
    }
    transition(
        tx,
        waiting,
        &Step::ToReview {
            paid_by: paid_by.map(str::to_owned),
        },
        now,
    )?;

    let decision = match service.auto_review {
        AutoReview::Off => return Ok(()),
        AutoReview::Approve => Decision::Approve,
        AutoReview::RejectFirst(n) => {
            let rejected: u32 = tx.query_row(
                "SELECT count(*) FROM captures WHERE academic_record_id = ?1 AND state = 'rejected'",
                [academic_record_id],
                |row| row.get(0),
            )?;
            if rejected < n {
                Decision::reject(["glasses-glare"])
            } else {
                Decision::Approve
            }
        }
    };
    decide(tx, waiting, &decision, now)?;
    Ok(())
}

/// The student's sheet of an approved photo, made when it is asked for the first time. Two that ask at the same moment
/// get the same one: the first that was named.
async fn sheet(service: &Arc<Service>, record_id: Uuid) -> Result<Kept, Fault> {
    let find = |kind| service.database.run(move |tx| file(tx, record_id, kind));
    if let Some(sheet) = find(SHEET).await? {
        return Ok(sheet);
    }
    let photo = find(STANDARD).await?.ok_or(Fault::Broken("a photo vanished"))?;
    let photo = photos::read(&*service.photos, &photo).await?;
    let here = service.clone();
    let laid_out = tokio::task::spawn_blocking(move || sheet::lay_out(&photo, &here.profile.sheet));
    let bytes = laid_out.await.map_err(|_| Fault::Broken("a picture task died"))?;
    let bytes = bytes.ok_or(Fault::Broken("a sheet cannot be made"))?;
    let made = photos::keep(&*service.photos, "image/jpeg", &bytes, service.clock.now()).await?;
    let ours = made.clone();
    let is_first = service
        .database
        .run(move |tx| name_file(tx, record_id, SHEET, &ours))
        .await?;
    if is_first {
        return Ok(made);
    }
    photos::discard(&*service.photos, [&made]).await;
    find(SHEET).await?.ok_or(Fault::Broken("a sheet vanished"))
}

fn accepted(tx: &Tx<'_>, station: &Station, record_id: Uuid) -> Result<Option<Accepted>, Fault> {
    let row: Option<(String, String, Option<String>, String, String)> = tx
        .query_row(
            "SELECT c.receipt, c.state, c.rejection, c.academic_record_id, s.masked_name
             FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
                  JOIN students s ON s.id = a.student_id
                  JOIN holders h ON h.record_id = c.record_id
             WHERE c.record_id = ?1 AND h.station_id = ?2",
            (record_id.to_string(), &station.id),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .optional()?;
    row.map(|(receipt, state, rejection, academic_record_id, masked_name)| {
        Ok(Accepted {
            receipt: parsed(&receipt)?,
            state: parsed(&format!("\"{state}\""))?,
            academic_record_id,
            masked_name,
            rejection: rejection.map(|json| parsed(&json)).transpose()?,
        })
    })
    .transpose()
}

/// How far a capture is; only for a station that put it.
#[utoipa::path(get, path = "/v1/captures/{record_id}", tag = "capture",
    params(("record_id" = Uuid, Path, description = "The station's record.")),
    responses((status = 200, description = "The receipt and the state.", body = Accepted)))]
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    Place(record_id): Place<String>,
) -> Result<Json<Accepted>, Fault> {
    let record_id = uuid(&record_id)?;
    let found = service
        .database
        .run(move |tx| accepted(tx, &station, record_id))
        .await?;
    found.map(Json).ok_or_else(|| ProblemCode::NotFound.into())
}

/// From where, and how many.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// `next_cursor` of the last answer; absent: from the beginning.
    after: Option<String>,
    /// At most so many; 100 where absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What happened to this station's captures since a cursor, oldest first.
#[utoipa::path(get, path = "/v1/changes", tag = "capture", params(ChangesQuery),
    responses((status = 200, description = "The changes.", body = ChangePage)))]
pub(crate) async fn changes(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    query: Result<Query<ChangesQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<ChangePage>, Fault> {
    let Query(query) = query.map_err(|_| ProblemCode::InvalidRequest)?;
    let after = match query.after.as_deref() {
        None | Some("") => 0,
        Some(cursor) => cursor.parse::<i64>().map_err(|_| {
            Problem::new(ProblemCode::InvalidRequest).detail("after: not a cursor of this backend")
        })?,
    };
    let limit = query.limit.unwrap_or(100);
    if !(1..=MOST_CHANGES).contains(&limit) {
        return Err(Problem::new(ProblemCode::InvalidRequest)
            .detail("limit: 1 to 200")
            .into());
    }
    let page = service
        .database
        .run(move |tx| {
            let rows = tx.rows(
                "SELECT seq, record_id, at, what FROM changes WHERE station_id = ?1 AND seq > ?2
                 ORDER BY seq LIMIT ?3",
                (&station.id, after, limit + 1),
                |row| {
                    Ok((
                        row.get::<i64>(0)?,
                        row.get::<String>(1)?,
                        row.get::<i64>(2)?,
                        row.get::<String>(3)?,
                    ))
                },
            )?;
            let more = rows.len() > limit as usize;
            let mut next_cursor = after;
            let mut changes = Vec::new();
            for (seq, record_id, at, what) in rows.into_iter().take(limit as usize) {
                next_cursor = seq;
                changes.push(Change {
                    record_id: record_id
                        .parse()
                        .map_err(|_| Fault::Broken("a stored id cannot be read"))?,
                    at: timestamp(at),
                    what: parsed(&what)?,
                });
            }
            Ok(ChangePage {
                changes,
                next_cursor: next_cursor.to_string(),
                more,
            })
        })
        .await?;
    Ok(Json(page))
}

/// Is it this station's, and approved? `None`: there is no such capture.
fn approved(tx: &Tx<'_>, station: &Station, record_id: Uuid) -> Result<Option<bool>, Fault> {
    Ok(tx
        .query_row(
            "SELECT c.state = 'approved' FROM captures c JOIN holders h ON h.record_id = c.record_id
             WHERE c.record_id = ?1 AND h.station_id = ?2",
            (record_id.to_string(), &station.id),
            |row| row.get(0),
        )
        .optional()?)
}

/// What the student may have; empty before approval.
#[utoipa::path(get, path = "/v1/captures/{record_id}/deliverables", tag = "capture",
    params(("record_id" = Uuid, Path, description = "The station's record.")),
    responses((status = 200, description = "The files.", body = DeliverableList)))]
pub(crate) async fn deliverables(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    Place(record_id): Place<String>,
) -> Result<Json<DeliverableList>, Fault> {
    let record_id = uuid(&record_id)?;
    let is_approved = service
        .database
        .run(move |tx| approved(tx, &station, record_id))
        .await?
        .ok_or(ProblemCode::NotFound)?;
    let mut deliverables = Vec::new();
    if is_approved {
        for kind in [DeliverableKind::StandardPhoto, DeliverableKind::PrintSheet] {
            let kept = deliverable_file(&service, record_id, kind).await?;
            deliverables.push(Deliverable {
                kind,
                media_type: kept.media_type,
                length: u64::try_from(kept.length).unwrap_or(0),
                sha256: kept.sha256,
            });
        }
    }
    Ok(Json(DeliverableList { deliverables }))
}

async fn deliverable_file(
    service: &Arc<Service>,
    record_id: Uuid,
    kind: DeliverableKind,
) -> Result<Kept, Fault> {
    match kind {
        DeliverableKind::PrintSheet => sheet(service, record_id).await,
        DeliverableKind::StandardPhoto => {
            let found = service
                .database
                .run(move |tx| file(tx, record_id, STANDARD))
                .await?;
            found.ok_or(Fault::Broken("a photo vanished"))
        }
    }
}

/// One file.
#[utoipa::path(get, path = "/v1/captures/{record_id}/deliverables/{kind}", tag = "capture",
    params(("record_id" = Uuid, Path, description = "The station's record."),
        ("kind" = DeliverableKind, Path, description = "Which file.")),
    responses((status = 200, description = "The file, with `Content-Digest`.", body = Vec<u8>, content_type = "image/jpeg")))]
pub(crate) async fn deliverable(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    Place((record_id, kind)): Place<(String, String)>,
) -> Result<Response, Fault> {
    let record_id = uuid(&record_id)?;
    let kind = [DeliverableKind::StandardPhoto, DeliverableKind::PrintSheet]
        .into_iter()
        .find(|known| known.as_str() == kind)
        .ok_or(ProblemCode::NotFound)?;
    let is_approved = service
        .database
        .run(move |tx| approved(tx, &station, record_id))
        .await?;
    if is_approved != Some(true) {
        return Err(ProblemCode::NotFound.into());
    }
    let kept = deliverable_file(&service, record_id, kind).await?;
    let bytes = photos::read(&*service.photos, &kept).await?;
    let digest = vendor::signature::content_digest(&bytes);
    Ok((
        [
            (CONTENT_TYPE, kept.media_type),
            (HeaderName::from_static("content-digest"), digest),
        ],
        bytes,
    )
        .into_response())
}
