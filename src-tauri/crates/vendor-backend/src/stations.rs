//! Which station is speaking? Enrolment, and the gate every signed request passes.
//!
//! The order of the checks is the order of their cost: form and clock, then whose key, then the signature,
//! then the nonce, and only then the body.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use vendor::api::{EnrolRequest, Enrolled, KeyReplaced, KeyRequest, Status};
use vendor::problem::{Problem, ProblemCode};
use vendor::signature::{Message, SignedRequest, Verified, WINDOW_SECONDS};
use vendor::{PublicKey, Revocation};

use crate::Service;
use crate::database::{Optional as _, Tx, micros, timestamp};
use crate::fault::Fault;
use crate::people::mac;

/// A capture: two photos as base64url. A 1920x1080 frame without loss is some 5 MB.
const LARGEST_CAPTURE: usize = 24 << 20;
/// Everything else: identities, orders, enrolment.
const LARGEST_BODY: usize = 64 << 10;

/// The station a request came from.
#[derive(Debug, Clone)]
pub(crate) struct Station {
    /// The backend's name for it.
    pub(crate) id: String,
    /// The key it signs with.
    pub(crate) key_id: String,
    /// The one school it serves; `None`: every school of this vendor.
    pub(crate) school: Option<String>,
}

impl Station {
    /// May it see this school's students?
    pub(crate) fn serves(&self, school_id: &str) -> bool {
        self.school.as_ref().is_none_or(|own| own == school_id)
    }
}

/// Lets signed requests of known stations through, with [`Station`] as an extension and the whole body read.
pub(crate) async fn gate(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    match admit(&service, request).await {
        Ok(request) => next.run(request).await,
        Err(fault) => fault.into_response(),
    }
}

async fn admit(service: &Service, request: Request) -> Result<Request, Fault> {
    let now = service.clock.now();
    let (mut parts, body) = request.into_parts();
    let signed = read(&parts, now)?;
    let key_id = signed.key_id.clone();
    let (station, key, revoked) = service
        .database
        .run(move |tx| known(tx, &key_id))
        .await?
        .ok_or(ProblemCode::UnknownStation)?;
    let verified = verify(service, &parts, signed, &key).await?;
    service.crowd.station(&station.id)?;
    if let Some(at) = revoked {
        return Err(revocation(service, key.key_id(), at).into());
    }
    let body = read_body(&parts, body).await?;
    verified.body(&body)?;
    parts.extensions.insert(station);
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Reads the form of the signature from the head of a request.
fn read(parts: &Parts, now: Timestamp) -> Result<SignedRequest, Fault> {
    with_message(parts, |message| SignedRequest::read(message, now)).map_err(|error| {
        let mut fault = Fault::from(error);
        if let Fault::Problem(problem) = &mut fault
            && problem.code == ProblemCode::ClockSkew
        {
            problem.server_time = Some(now);
        }
        fault
    })
}

/// Checks the signature, then spends the nonce: a forged request must not be able to burn a station's nonce.
async fn verify(
    service: &Service,
    parts: &Parts,
    signed: SignedRequest,
    key: &PublicKey,
) -> Result<Verified, Fault> {
    let (key_id, nonce) = (signed.key_id.clone(), signed.nonce.clone());
    // Acceptable from `created - window` to `created + window` by our clock; twice covers every case.
    let keep_until = signed.created.as_second() + 2 * WINDOW_SECONDS;
    let verified = with_message(parts, |message| signed.verify(message, key))?;
    service
        .database
        .run(move |tx| {
            let spent = tx.execute(
                "INSERT INTO nonces (key_id, nonce, keep_until) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                (&key_id, &nonce, keep_until),
            )?;
            if spent == 0 {
                return Err(ProblemCode::Replayed.into());
            }
            Ok(())
        })
        .await?;
    Ok(verified)
}

fn with_message<T>(parts: &Parts, f: impl FnOnce(&Message<'_>) -> T) -> T {
    // A header that is no text cannot have been signed; it counts as absent.
    let fields: Vec<_> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let authority = parts
        .uri
        .authority()
        .map(axum::http::uri::Authority::as_str)
        .or(host)
        .unwrap_or_default();
    f(&Message {
        method: parts.method.as_str(),
        authority,
        path: parts.uri.path(),
        query: parts.uri.query(),
        fields: &fields,
    })
}

async fn read_body(parts: &Parts, body: Body) -> Result<Bytes, Fault> {
    let limit = if parts.method == Method::PUT {
        LARGEST_CAPTURE
    } else {
        LARGEST_BODY
    };
    // `to_bytes` fails on a body that is too long and on one that was broken off; nobody reads the answer to
    // the latter.
    to_bytes(body, limit)
        .await
        .map_err(|_| ProblemCode::TooLarge.into())
}

/// A JSON body of the contract. The detail names the place of a fault, never what stood there.
pub(crate) fn json<T: DeserializeOwned>(parts: &HeaderMap, body: &[u8]) -> Result<T, Fault> {
    let content_type = parts
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(ProblemCode::UnsupportedMediaType.into());
    }
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::new(ProblemCode::InvalidRequest).detail(place).into()
    })
}

/// The station with this key, and since when it is revoked.
type Known = (Station, PublicKey, Option<Timestamp>);

fn known(tx: &Tx<'_>, key_id: &str) -> Result<Option<Known>, Fault> {
    let found: Option<(String, String, Option<i64>, Option<String>)> = tx
        .query_row(
            "SELECT id, public_key, revoked_at, school_id FROM stations WHERE key_id = ?1",
            [key_id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    found
        .map(|(id, key, revoked, school)| {
            let key = key
                .parse()
                .map_err(|_| Fault::Broken("a stored key cannot be read"))?;
            let key_id = key_id.to_owned();
            Ok((Station { id, key_id, school }, key, revoked.map(timestamp)))
        })
        .transpose()
}

/// The signed word that a station is revoked.
fn revocation(service: &Service, station_key_id: String, at: Timestamp) -> Problem {
    let mut problem = Problem::new(ProblemCode::StationRevoked);
    problem.revocation = Some(Revocation::issue(&service.receipt_key, station_key_id, at));
    problem
}

/// Shuts a station out; its tokens end with it. `false` where there is none of this name, or it was revoked before.
pub(crate) fn revoke(tx: &Tx<'_>, id: &str, now: Timestamp) -> Result<bool, Fault> {
    let revoked = tx.execute(
        "UPDATE stations SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
        (id, micros(now)),
    )?;
    tx.execute("DELETE FROM identities WHERE station_id = ?1", [id])?;
    Ok(revoked > 0)
}

/// The station that made a bundle, by a key in force or one that was replaced since; not one that was revoked.
pub(crate) fn that_made(tx: &Tx<'_>, key: &PublicKey) -> Result<Option<Station>, Fault> {
    let key_id = key.key_id();
    let found: Option<(String, Option<String>)> = tx
        .query_row(
            "SELECT id, school_id FROM stations WHERE revoked_at IS NULL
             AND (key_id = ?1 OR id = (SELECT station_id FROM retired_keys WHERE key_id = ?1))",
            [&key_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found.map(|(id, school)| Station { id, key_id, school }))
}

/// Replaces the station's key. The request is signed with the old one, which signs nothing more after it; the proof in
/// the body shows that the sender holds the new one. What the old one signed before stays valid.
#[utoipa::path(post, path = "/v1/station/key", tag = "station", request_body = KeyRequest,
    responses((status = 200, description = "The new key is in force.", body = KeyReplaced)))]
pub(crate) async fn replace_key(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<KeyReplaced>, Fault> {
    let request: KeyRequest = json(&headers, &body)?;
    let refused = |what: &str| Fault::from(Problem::new(ProblemCode::InvalidRequest).detail(what));
    if !request.proves(&station.key_id) {
        return Err(refused("proof"));
    }
    let now = service.clock.now();
    let station_id = station.id.clone();
    service
        .database
        .run(move |tx| {
            let new_id = request.public_key.key_id();
            let used: bool = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM stations WHERE key_id = ?1)
                     OR EXISTS (SELECT 1 FROM retired_keys WHERE key_id = ?1)",
                [&new_id],
                |row| row.get(0),
            )?;
            if used {
                return Err(Problem::new(ProblemCode::InvalidRequest)
                    .detail("this key was used before")
                    .into());
            }
            tx.execute(
                "INSERT INTO retired_keys (key_id, public_key, station_id, retired_at)
                 SELECT key_id, public_key, id, ?2 FROM stations WHERE id = ?1",
                (&station.id, micros(now)),
            )?;
            tx.execute(
                "UPDATE stations SET key_id = ?2, public_key = ?3 WHERE id = ?1",
                (&station.id, &new_id, request.public_key.to_string()),
            )?;
            Ok(())
        })
        .await?;
    tracing::info!(station_id, "key replaced");
    Ok(Json(KeyReplaced { station_id }))
}

/// How an activation code is kept.
pub(crate) fn activation_mac(mac_key: &[u8], code: &str) -> Vec<u8> {
    mac(
        mac_key,
        "activation",
        &[code.trim().to_ascii_uppercase().as_bytes()],
    )
}

/// Writes a new one-time activation code, for a station that serves one school or, without, every school. `false` where
/// there is no such school.
pub(crate) fn add_activation(
    tx: &Tx<'_>,
    mac_key: &[u8],
    code: &str,
    school_id: Option<&str>,
) -> Result<bool, Fault> {
    if let Some(school) = school_id {
        let known: bool = tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM schools WHERE id = ?1)",
            [school],
            |row| row.get(0),
        )?;
        if !known {
            return Ok(false);
        }
    }
    tx.execute(
        "INSERT INTO activation_codes (code_mac, reusable, school_id) VALUES (?1, FALSE, ?2)",
        (activation_mac(mac_key, code), school_id),
    )?;
    Ok(true)
}

/// Makes a station known.
///
/// The activation code is used up by the first key; the same key may ask again and gets the same answer. A revoked
/// station comes back with a one-time code that nobody has used, and goes on where it stopped.
#[utoipa::path(post, path = "/v1/enrol", tag = "station", request_body = EnrolRequest,
    responses((status = 200, description = "The station is known.", body = Enrolled)))]
pub(crate) async fn enrol(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Json<Enrolled>, Fault> {
    let now = service.clock.now();
    let (parts, body) = request.into_parts();
    let signed = read(&parts, now)?;
    // The key is in the body, so the body comes first here; the limit for it is small.
    let body = read_body(&parts, body).await?;
    let request: EnrolRequest = json(&parts.headers, &body)?;
    verify(&service, &parts, signed, &request.public_key)
        .await?
        .body(&body)?;
    let well = (1..=100).contains(&request.station_name.chars().count()) && request.software.len() <= 100;
    if !well {
        return Err(Problem::new(ProblemCode::InvalidRequest)
            .detail("station_name or software")
            .into());
    }
    let code_mac = activation_mac(&service.mac_key, request.activation_code.expose());
    let key_id = request.public_key.key_id();
    let id = format!(
        "ps-{}",
        key_id
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(10)
            .collect::<String>()
    );
    let here = Arc::clone(&service);
    let station_id = service
        .database
        .run(move |tx| {
            let retired: bool = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM retired_keys WHERE key_id = ?1)",
                [&key_id],
                |row| row.get(0),
            )?;
            if retired {
                return Err(ProblemCode::UnknownStation.into());
            }
            let revoked = known(tx, &key_id)?.and_then(|(_, _, revoked)| revoked);
            // Taking the code is one statement: two keys cannot both have it. The code a revoked station once came with
            // is no way back, nor is one that anybody may use.
            let may_take = match revoked {
                Some(_) => "NOT reusable AND used_by IS NULL",
                None => "reusable OR used_by IS NULL OR used_by = ?2",
            };
            let taken = tx.execute(
                &format!("UPDATE activation_codes SET used_by = ?2 WHERE code_mac = ?1 AND ({may_take})"),
                (&code_mac, &key_id),
            )?;
            if taken == 0 {
                return Err(match revoked {
                    Some(at) => revocation(&here, key_id.clone(), at).into(),
                    None => ProblemCode::ActivationInvalid.into(),
                });
            }
            tx.execute(
                "INSERT INTO stations (id, name, key_id, public_key, software, enrolled_at, school_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT school_id FROM activation_codes WHERE code_mac = ?7))
                 ON CONFLICT (key_id) DO UPDATE SET name = ?2, software = ?5, revoked_at = NULL,
                     school_id = excluded.school_id",
                (
                    &id,
                    &request.station_name,
                    &key_id,
                    request.public_key.to_string(),
                    &request.software,
                    micros(now),
                    &code_mac,
                ),
            )?;
            Ok(id.clone())
        })
        .await?;
    tracing::info!(station_id, "enrolled");
    Ok(Json(Enrolled {
        station_id,
        vendor: service.profile.name.clone(),
        profile_id: service.profile.id.clone(),
        receipt_public_key: service.receipt_key.public_key(),
    }))
}

/// Who answers here, and what time it has. Unsigned: it proves nothing.
#[utoipa::path(get, path = "/v1/status", tag = "station", security(()),
    responses((status = 200, description = "The backend is there.", body = Status)))]
pub(crate) async fn status(State(service): State<Arc<Service>>) -> Json<Status> {
    Json(Status {
        api: "v1".to_owned(),
        vendor: service.profile.name.clone(),
        profile_id: service.profile.id.clone(),
        server_time: service.clock.now(),
    })
}

/// The vendor's profile: steps, proof, fee, spec, requirements, support line.
#[utoipa::path(get, path = "/v1/profile", tag = "station",
    responses((status = 200, description = "The profile in force.", body = vendor::Profile)))]
pub(crate) async fn profile(State(service): State<Arc<Service>>) -> Json<vendor::Profile> {
    Json(service.profile.clone())
}
