//! The desk's door: a token opens it, a session keeps it open for a day.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::Form;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::queue;
use super::reviewers::{AT_THE_START, Role, holder, role};
use crate::Service;
use crate::database::{Optional as _, Tx, micros};
use crate::fault::Fault;
use crate::pages::Page;
use crate::people::mac;

/// Wrong tokens before the door is closed for a minute.
const WRONG_TOKENS: u32 = 10;
const CLOSED_FOR: SignedDuration = SignedDuration::from_mins(1);
/// A reviewer's day.
const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(8);

/// A reviewer who was let in.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// Names the session without opening it.
    pub(super) session: Vec<u8>,
    pub(super) reviewer: String,
    pub(super) role: Role,
}

/// Who may come in without a name, and how often somebody guessed.
pub(crate) struct Door {
    token: [u8; 32],
    guesses: Mutex<Guesses>,
}

#[derive(Default)]
struct Guesses {
    wrong: u32,
    closed_until: Option<Timestamp>,
}

impl Door {
    pub(crate) fn new(token: &str) -> Door {
        Door {
            token: Sha256::digest(token).into(),
            guesses: Mutex::new(Guesses::default()),
        }
    }

    fn guesses(&self) -> std::sync::MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self, now: Timestamp) -> bool {
        self.guesses().closed_until.is_some_and(|until| until > now)
    }

    /// Digests are compared, so the time this takes tells nothing about the token.
    fn is_the_starts(&self, token: &str) -> bool {
        self.token == <[u8; 32]>::from(Sha256::digest(token))
    }

    fn count(&self, right: bool, now: Timestamp) {
        let mut guesses = self.guesses();
        guesses.wrong = if right { 0 } else { guesses.wrong + 1 };
        if guesses.wrong >= WRONG_TOKENS {
            *guesses = Guesses {
                wrong: 0,
                closed_until: Some(now + CLOSED_FOR),
            };
        }
    }
}

fn session_mac(service: &Service, session: &str) -> Vec<u8> {
    mac(&service.mac_key, "session", &[session.as_bytes()])
}

/// A session for the right token; `None` for a wrong one.
fn let_in(tx: &Tx<'_>, service: &Service, token: &str, now: Timestamp) -> Result<Option<String>, Fault> {
    let known = if service.door.is_the_starts(token) {
        Some((AT_THE_START.to_owned(), Role::Lead))
    } else {
        holder(tx, &service.mac_key, token)?
    };
    let Some((reviewer, role)) = known else {
        return Ok(None);
    };
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| Fault::Broken("no randomness"))?;
    let session = URL_SAFE_NO_PAD.encode(bytes);
    tx.execute("DELETE FROM review_sessions WHERE ends_at <= ?1", [micros(now)])?;
    tx.execute(
        "INSERT INTO review_sessions (session_mac, reviewer, role, ends_at) VALUES (?1, ?2, ?3, ?4)",
        (
            session_mac(service, &session),
            reviewer,
            role.as_str(),
            micros(now + SESSION_LASTS),
        ),
    )?;
    Ok(Some(session))
}

/// As [`let_in`], while the door is open; guesses are counted.
async fn knocks(service: &Arc<Service>, token: String, now: Timestamp) -> Result<Option<String>, Fault> {
    if service.door.is_closed(now) {
        return Ok(None);
    }
    let here = service.clone();
    let session = service.database.run(move |tx| let_in(tx, &here, &token, now));
    let session = session.await?;
    service.door.count(session.is_some(), now);
    Ok(session)
}

/// The cookies that might be a session.
fn shown(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix("review="))
}

fn seat(tx: &Tx<'_>, session: &[u8], now: Timestamp) -> Result<Option<Seat>, Fault> {
    let found: Option<(String, String)> = tx
        .query_row(
            "SELECT reviewer, role FROM review_sessions WHERE session_mac = ?1 AND ends_at > ?2",
            (session, micros(now)),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found.map(|(reviewer, stored)| Seat {
        session: session.to_owned(),
        reviewer,
        role: role(&stored),
    }))
}

/// Lets reviewers in and sends everybody else to the door. A form from another site is refused, although
/// browsers would not send the cookie along with it.
pub(crate) async fn guard(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    if request.method() == axum::http::Method::POST && elsewhere {
        return Page::missing("请在本页操作")
            .with_status(StatusCode::FORBIDDEN)
            .into_response();
    }
    let Some(session) = shown(headers).next().map(|text| session_mac(&service, text)) else {
        return Redirect::to("/review/login").into_response();
    };
    let now = service.clock.now();
    match service.database.run(move |tx| seat(tx, &session, now)).await {
        Ok(Some(seat)) => {
            request.extensions_mut().insert(seat);
            next.run(request).await
        }
        Ok(None) => Redirect::to("/review/login").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

/// The door.
pub(crate) async fn login() -> Page {
    door_page("")
}

fn door_page(remark: &str) -> Page {
    Page::new(
        "审核",
        format!(
            "<main class=\"narrow card\"><h1>照片审核</h1><form method=\"post\" action=\"/review/login\">\
             <label for=\"token\">您的审核口令</label>\
             <input id=\"token\" type=\"password\" name=\"token\" autocomplete=\"current-password\" autofocus required>\
             {remark}<button class=\"primary wide\">进入</button></form></main>"
        ),
    )
}

/// What stands in the form at the door.
#[derive(Deserialize)]
pub(crate) struct Knock {
    token: String,
}

/// Somebody knocks.
pub(crate) async fn enter(State(service): State<Arc<Service>>, Form(knock): Form<Knock>) -> Response {
    let now = service.clock.now();
    match knocks(&service, knock.token.trim().to_owned(), now).await {
        Ok(Some(session)) => {
            let secure = if service.public_url.starts_with("https:") {
                "; Secure"
            } else {
                ""
            };
            let cookie =
                format!("review={session}; Path=/review; HttpOnly; SameSite=Strict; Max-Age=28800{secure}");
            ([(SET_COOKIE, cookie)], Redirect::to("/review")).into_response()
        }
        Ok(None) => door_page("<p class=\"stopped\">口令不对，或尝试过多，请稍后再试。</p>")
            .with_status(StatusCode::UNAUTHORIZED)
            .into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

/// A reviewer leaves: what is before them goes back.
pub(crate) async fn leave(State(service): State<Arc<Service>>, Extension(seat): Extension<Seat>) -> Response {
    let left = service.database.run(move |tx| {
        queue::put_back(tx, &seat)?;
        tx.execute(
            "DELETE FROM review_sessions WHERE session_mac = ?1",
            [&seat.session],
        )?;
        Ok(())
    });
    match left.await {
        Ok(()) => Redirect::to("/review/login").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BackendOptions;

    #[tokio::test]
    async fn the_door_closes_after_ten_wrong_tokens_and_opens_again() {
        let options = BackendOptions::demo("binyu").unwrap();
        let (service, _) = Service::open(options, "http://127.0.0.1", "right").unwrap();
        let service = Arc::new(service);
        let knock = async |token: &str, now| knocks(&service, token.to_owned(), now).await.unwrap();
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        for _ in 0..WRONG_TOKENS {
            assert!(knock("wrong", now).await.is_none());
        }
        assert!(knock("right", now).await.is_none());
        let session = knock("right", now + CLOSED_FOR).await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, format!("a=b; review={session}").parse().unwrap());
        assert_eq!(shown(&headers).collect::<Vec<_>>(), [&session]);
        let known = |at| {
            let session = session_mac(&service, &session);
            service.database.now(|tx| seat(tx, &session, at)).unwrap()
        };
        let seat = known(now + CLOSED_FOR).unwrap();
        assert_eq!((&*seat.reviewer, seat.role), (AT_THE_START, Role::Lead));
        assert!(known(now + CLOSED_FOR + SESSION_LASTS).is_none());
    }
}
