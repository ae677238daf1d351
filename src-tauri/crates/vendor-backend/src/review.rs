//! The review desk: a person looks at each photo and says yes, or no with reasons.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Form;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use vendor::api::{Reason, Rejection};

use crate::Service;
use crate::captures::{About, Step, file, make_sheet, transition};
use crate::database::{Optional as _, Tx, parsed, timestamp};
use crate::fault::{Fault, Place};
use crate::pages::{Page, escaped};

/// The standard's own grounds for refusal, as a reviewer finds them (`domain.md`, "The photo standard").
const REASONS: [(&str, &str, &str); 16] = [
    ("glasses-glare", "镜片反光", "Glare on the glasses"),
    ("glasses-frame", "镜框遮挡眼睛", "The frame covers the eyes"),
    (
        "hair-over-eyebrows",
        "头发遮挡眉毛或眼睛",
        "Hair over eyebrows or eyes",
    ),
    ("ears-covered", "头发遮挡耳朵", "Hair over the ears"),
    ("eyes-closed", "闭眼或眼睛不平视", "Eyes closed or not level"),
    ("mouth-open", "张嘴或露齿", "Mouth open or teeth visible"),
    ("head-tilted", "头部倾斜或转动", "Head tilted or turned"),
    ("shoulders", "双肩不平", "Shoulders not level"),
    (
        "position",
        "人像大小或位置不符",
        "Head too large, too small or out of place",
    ),
    (
        "background",
        "背景不均匀或有阴影",
        "Background uneven or with a shadow",
    ),
    ("edge", "头发边缘抠图不自然", "The edge of the hair is unnatural"),
    ("light", "光线不均、阴阳脸或高光", "Uneven light or highlights"),
    ("blurred", "照片模糊", "Blurred"),
    (
        "clothes",
        "着装不符合要求",
        "Clothes do not meet the requirements",
    ),
    ("jewellery", "佩戴饰品或妆容过浓", "Jewellery or heavy make-up"),
    (
        "not-live",
        "疑似翻拍或非本人现场拍摄",
        "Not taken live of this person",
    ),
];

/// Reasons by their words; words that are no reason are left out.
pub(crate) fn reasons<'a>(codes: impl IntoIterator<Item = &'a str>) -> Vec<Reason> {
    let known = |code: &str| REASONS.iter().find(|(c, ..)| *c == code);
    let full = |(code, zh, en): &(&str, &str, &str)| Reason {
        code: (*code).to_owned(),
        zh: (*zh).to_owned(),
        en: (*en).to_owned(),
    };
    codes.into_iter().filter_map(known).map(full).collect()
}

/// A reviewer's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Accept and lock.
    Approve,
    /// Shoot again.
    Reject {
        /// Words of the list of reasons (`glasses-glare`, …); others are left out.
        reasons: Vec<String>,
        /// The reviewer's own words.
        note: Option<String>,
    },
}

impl Decision {
    /// A no for these reasons, without further words.
    pub fn reject<'a>(reasons: impl IntoIterator<Item = &'a str>) -> Decision {
        Decision::Reject {
            reasons: reasons.into_iter().map(str::to_owned).collect(),
            note: None,
        }
    }
}

/// Decisions without a reviewer, for demonstrations and tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AutoReview {
    /// A person decides.
    #[default]
    Off,
    /// Every photo is approved at once.
    Approve,
    /// The first so many photos of each academic record are rejected for glare, the next one is approved.
    RejectFirst(u32),
}

impl std::str::FromStr for AutoReview {
    type Err = String;
    fn from_str(text: &str) -> Result<AutoReview, String> {
        match text {
            "off" => Ok(AutoReview::Off),
            "approve" => Ok(AutoReview::Approve),
            _ => text
                .strip_prefix("reject:")
                .and_then(|n| n.parse().ok())
                .map(AutoReview::RejectFirst)
                .ok_or_else(|| "off, approve or reject:N".to_owned()),
        }
    }
}

/// Writes a reviewer's word; `false` where the photo is not under review (any more).
pub(crate) fn decide(
    tx: &Tx<'_>,
    service: &Service,
    record_id: Uuid,
    decision: &Decision,
    now: Timestamp,
) -> Result<bool, Fault> {
    let step = match decision {
        Decision::Approve => Step::Approved,
        Decision::Reject { reasons: codes, note } => {
            let reasons = reasons(codes.iter().map(String::as_str));
            if reasons.is_empty() {
                return Ok(false);
            }
            Step::Rejected(Rejection {
                reasons,
                note: note.clone(),
                at: now,
            })
        }
    };
    let done = transition(tx, record_id, &step, now)?;
    if done && *decision == Decision::Approve {
        make_sheet(tx, service, record_id)?;
    }
    Ok(done)
}

/// Wrong tokens before the door is closed for a minute.
const WRONG_TOKENS: u32 = 10;
const CLOSED_FOR: SignedDuration = SignedDuration::from_mins(1);
/// A reviewer's day.
const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(8);

/// The desk's door: who may review.
pub(crate) struct Door {
    token: [u8; 32],
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    sessions: HashMap<String, Timestamp>,
    wrong: u32,
    closed_until: Option<Timestamp>,
}

impl Door {
    pub(crate) fn new(token: &str) -> Door {
        Door {
            token: Sha256::digest(token).into(),
            inside: Mutex::new(Inside::default()),
        }
    }

    /// A session for the right token; `None` for a wrong one, or while the door is closed.
    fn enter(&self, token: &str, now: Timestamp) -> Option<String> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.closed_until.is_some_and(|until| until > now) {
            return None;
        }
        // Digests are compared, so the time this takes tells nothing about the token.
        if self.token != <[u8; 32]>::from(Sha256::digest(token)) {
            inside.wrong += 1;
            if inside.wrong >= WRONG_TOKENS {
                inside.wrong = 0;
                inside.closed_until = Some(now + CLOSED_FOR);
            }
            return None;
        }
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).ok()?;
        let session = URL_SAFE_NO_PAD.encode(bytes);
        inside.wrong = 0;
        inside.sessions.retain(|_, until| *until > now);
        inside.sessions.insert(session.clone(), now + SESSION_LASTS);
        Some(session)
    }

    fn knows(&self, headers: &HeaderMap, now: Timestamp) -> bool {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().strip_prefix("review="))
            .any(|session| inside.sessions.get(session).is_some_and(|until| *until > now))
    }
}

/// Lets reviewers in and sends everybody else to the door. A form from another site is refused, although
/// browsers would not send the cookie along with it.
pub(crate) async fn guard(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    if request.method() == axum::http::Method::POST && elsewhere {
        return Page::missing("请在本页操作")
            .with_status(StatusCode::FORBIDDEN)
            .into_response();
    }
    if service.door.knows(headers, service.clock.now()) {
        next.run(request).await
    } else {
        Redirect::to("/review/login").into_response()
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
             <label for=\"token\">审核口令（启动时显示）</label>\
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
    match service.door.enter(knock.token.trim(), service.clock.now()) {
        Some(session) => {
            let secure = if service.public_url.starts_with("https:") {
                "; Secure"
            } else {
                ""
            };
            let cookie =
                format!("review={session}; Path=/review; HttpOnly; SameSite=Strict; Max-Age=28800{secure}");
            ([(SET_COOKIE, cookie)], Redirect::to("/review")).into_response()
        }
        None => door_page("<p class=\"stopped\">口令不对，或尝试过多，请稍后再试。</p>")
            .with_status(StatusCode::UNAUTHORIZED)
            .into_response(),
    }
}

struct Row {
    record_id: String,
    state: String,
    masked_name: String,
    school: String,
    level: String,
    at: Timestamp,
    rejection: Option<String>,
}

fn rows(tx: &Tx<'_>, waiting: bool) -> Result<Vec<Row>, Fault> {
    let (condition, order) = if waiting {
        ("c.state = 'under-review'", "c.seq ASC LIMIT 60")
    } else {
        ("c.decided_at IS NOT NULL", "c.decided_at DESC LIMIT 20")
    };
    let query = format!(
        "SELECT c.record_id, c.state, s.masked_name, sc.name, a.level, coalesce(c.decided_at, c.received_at), c.rejection
         FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
              JOIN students s ON s.id = a.student_id JOIN schools sc ON sc.id = a.school_id
         WHERE {condition} ORDER BY {order}"
    );
    Ok(tx.rows(&query, (), |row| {
        Ok(Row {
            record_id: row.get(0)?,
            state: row.get(1)?,
            masked_name: row.get(2)?,
            school: row.get(3)?,
            level: row.get(4)?,
            at: timestamp(row.get(5)?),
            rejection: row.get(6)?,
        })
    })?)
}

fn clock_time(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
        .strftime("%m-%d %H:%M")
        .to_string()
}

fn header(service: &Service) -> String {
    format!(
        "<header><b>照片审核</b><span class=\"quiet\">{}</span><a href=\"/review\">待审核</a></header>",
        escaped(&service.profile.name)
    )
}

/// Photos that wait, and the last decisions.
pub(crate) async fn list(State(service): State<Arc<Service>>) -> Response {
    let read = service
        .database
        .run(|tx| Ok((rows(tx, true)?, rows(tx, false)?)))
        .await;
    let (waiting, decided) = match read {
        Ok(rows) => rows,
        Err(fault) => return Page::broken(&fault).into_response(),
    };
    let tiles = waiting
        .iter()
        .map(|row| {
            format!(
                "<a class=\"tile\" href=\"/review/{id}\"><img src=\"/review/{id}/standard\" alt=\"\" width=\"480\" height=\"640\">\
                 <p><b>{}</b> <span class=\"quiet\">{}</span></p><p class=\"quiet\">{} · {}</p></a>",
                escaped(&row.masked_name),
                escaped(&row.level),
                escaped(&row.school),
                clock_time(row.at),
                id = row.record_id,
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let waiting_part = if waiting.is_empty() {
        "<p class=\"card quiet\">没有待审核的照片。本页每 10 秒刷新一次。</p>".to_owned()
    } else {
        format!("<div class=\"grid\">{tiles}</div>")
    };
    let lines = decided
        .iter()
        .map(|row| {
            let rejection: Option<Rejection> = row.rejection.as_deref().and_then(|json| parsed(json).ok());
            let reasons = rejection.map(|r| words(&r)).unwrap_or_default();
            let word = if row.state == "approved" { "通过" } else { "未通过" };
            format!(
                "<tr><td>{}</td><td>{}</td><td>{} {}</td><td><span class=\"tag {}\">{word}</span> {}</td></tr>",
                clock_time(row.at),
                escaped(&row.masked_name),
                escaped(&row.school),
                escaped(&row.level),
                row.state,
                escaped(&reasons),
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let decided_part = if decided.is_empty() {
        String::new()
    } else {
        format!(
            "<h2>最近的结果</h2><div class=\"card\"><table><tr><th>时间</th><th>学生</th><th>学籍</th><th>结果</th></tr>{lines}</table></div>"
        )
    };
    let body = format!(
        "{}<main><h1>待审核 {}</h1>{waiting_part}{decided_part}</main>",
        header(&service),
        waiting.len()
    );
    let page = Page::new("照片审核", body);
    // A page that loads itself anew takes the focus away from whoever works by keyboard: only an empty one does.
    if waiting.is_empty() {
        page.reloading(10).into_response()
    } else {
        page.into_response()
    }
}

fn words(rejection: &Rejection) -> String {
    let mut words: Vec<&str> = rejection
        .reasons
        .iter()
        .map(|reason| reason.zh.as_str())
        .collect();
    words.extend(rejection.note.as_deref());
    words.join("；")
}

struct Desk {
    row: Row,
    about: About,
    receipt_number: String,
}

fn desk(tx: &Tx<'_>, record_id: Uuid) -> Result<Option<Desk>, Fault> {
    let row = tx
        .query_row(
            "SELECT c.record_id, c.state, s.masked_name, sc.name, a.level, c.received_at, c.rejection, c.about, c.receipt
             FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
                  JOIN students s ON s.id = a.student_id JOIN schools sc ON sc.id = a.school_id
             WHERE c.record_id = ?1",
            [record_id.to_string()],
            |row| {
                let found = Row {
                    record_id: row.get(0)?,
                    state: row.get(1)?,
                    masked_name: row.get(2)?,
                    school: row.get(3)?,
                    level: row.get(4)?,
                    at: timestamp(row.get(5)?),
                    rejection: row.get(6)?,
                };
                Ok((found, row.get::<String>(7)?, row.get::<String>(8)?))
            },
        )
        .optional()?;
    row.map(|(row, about, receipt)| {
        let receipt: vendor::Receipt = parsed(&receipt)?;
        Ok(Desk {
            row,
            about: parsed(&about)?,
            receipt_number: receipt.receipt_number,
        })
    })
    .transpose()
}

/// One photo, its report, and the two buttons.
pub(crate) async fn show(State(service): State<Arc<Service>>, Place(record_id): Place<String>) -> Response {
    let Ok(record_id) = record_id.parse::<Uuid>() else {
        return Page::missing("没有这张照片").into_response();
    };
    desk_reply(&service, record_id, None).await
}

/// The desk of a photo; with the note of a reviewer who chose no reason, it asks for one.
async fn desk_reply(service: &Service, record_id: Uuid, unfinished: Option<&str>) -> Response {
    match service.database.run(move |tx| desk(tx, record_id)).await {
        Ok(Some(desk)) => {
            let page = desk_page(service, &desk, unfinished);
            if unfinished.is_some() {
                page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response()
            } else {
                page.into_response()
            }
        }
        Ok(None) => Page::missing("没有这张照片").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

fn desk_page(service: &Service, desk: &Desk, unfinished: Option<&str>) -> Page {
    let Desk {
        row,
        about,
        receipt_number,
    } = desk;
    let boxes = REASONS
        .iter()
        .enumerate()
        .map(|(place, (code, zh, _))| {
            let focus = if unfinished.is_some() && place == 0 {
                " autofocus"
            } else {
                ""
            };
            format!("<label><input type=\"checkbox\" name=\"{code}\" value=\"on\"{focus}>{zh}</label>")
        })
        .collect::<Vec<_>>()
        .concat();
    let asks = unfinished.map_or(
        "",
        |_| "<p class=\"stopped\" role=\"alert\">请至少选择一项原因：学生要据此重拍。</p>",
    );
    let note = escaped(unfinished.unwrap_or_default());
    let action = match row.state.as_str() {
        "under-review" => format!(
            "<form method=\"post\"><button class=\"go wide\" name=\"decision\" value=\"approve\">通过</button></form>\
             <h2>不通过</h2>{asks}<form method=\"post\"><fieldset><legend>原因（至少一项）</legend>{boxes}</fieldset>\
             <label for=\"note\">补充说明（会告知学生，可不填）</label><textarea id=\"note\" name=\"note\" rows=\"2\" maxlength=\"200\">{note}</textarea>\
             <button class=\"stop\" name=\"decision\" value=\"reject\">不通过，请重拍</button></form>"
        ),
        state => {
            let word = match state {
                "approved" => "已通过",
                "rejected" => "未通过",
                "superseded" => "已被新照片取代",
                _ => "等待缴费",
            };
            let rejection: Option<Rejection> = row.rejection.as_deref().and_then(|json| parsed(json).ok());
            format!(
                "<p><span class=\"tag {state}\">{word}</span> {}</p>",
                escaped(&rejection.map(|r| words(&r)).unwrap_or_default())
            )
        }
    };
    let forced = about.forced_reason.as_ref().map_or_else(String::new, |reason| {
        format!("<dt>强制采集</dt><dd class=\"stopped\">{}</dd>", escaped(reason))
    });
    let report = serde_json::to_string_pretty(&about.report).unwrap_or_default();
    let body = format!(
        "{}<main><div class=\"desk\"><div class=\"card\"><img src=\"/review/{id}/standard\" alt=\"标准照\" width=\"480\" height=\"640\">\
         <p class=\"quiet\">原图</p><img class=\"original\" src=\"/review/{id}/original\" alt=\"原图\"></div>\
         <div class=\"card\"><h1>{}</h1><dl><dt>学校</dt><dd>{} {}</dd><dt>回执</dt><dd>{}</dd><dt>拍摄号</dt><dd>{}</dd>\
         <dt>收到</dt><dd>{}</dd><dt>规格</dt><dd>{}</dd>{forced}</dl>{action}\
         <h2>采集站的检查报告</h2>{}<details><summary class=\"quiet\">全部内容</summary><pre>{}</pre></details></div></div></main>",
        header(service),
        escaped(&row.masked_name),
        escaped(&row.school),
        escaped(&row.level),
        escaped(receipt_number),
        escaped(&about.shoot_number),
        clock_time(row.at),
        escaped(&about.spec),
        checks(&about.report),
        escaped(&report),
        id = row.record_id,
    );
    Page::new("照片审核", body)
}

/// The report's checks as a table, where it has them in the usual shape; otherwise nothing.
fn checks(report: &serde_json::Value) -> String {
    let Some(checks) = report.get("checks").and_then(serde_json::Value::as_array) else {
        return String::new();
    };
    let lines = checks
        .iter()
        .take(60)
        .map(|check| {
            let text = |name: &str| match check.get(name) {
                Some(serde_json::Value::String(text)) => escaped(text),
                Some(serde_json::Value::Number(number)) => {
                    number.as_f64().map(|n| format!("{n:.1}")).unwrap_or_default()
                }
                _ => String::new(),
            };
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                text("code"),
                text("light"),
                text("value"),
                text("zh")
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!("<table><tr><th>项目</th><th>结果</th><th>数值</th><th>说明</th></tr>{lines}</table>")
}

/// A picture for the desk.
pub(crate) async fn picture(
    State(service): State<Arc<Service>>,
    Place((record_id, kind)): Place<(String, String)>,
) -> Response {
    let (Ok(record_id), true) = (
        record_id.parse::<Uuid>(),
        kind == "standard" || kind == "original",
    ) else {
        return Page::missing("没有这张照片").into_response();
    };
    match service.database.run(move |tx| file(tx, record_id, &kind)).await {
        Ok(Some((media_type, bytes))) => (
            [
                (CONTENT_TYPE, media_type),
                (CACHE_CONTROL, "private, max-age=600".to_owned()),
            ],
            bytes,
        )
            .into_response(),
        Ok(None) => Page::missing("没有这张照片").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

/// The photo that waits for the longest.
fn next_waiting(tx: &Tx<'_>) -> Result<Option<String>, Fault> {
    let next = tx.query_row(
        "SELECT record_id FROM captures WHERE state = 'under-review' ORDER BY seq LIMIT 1",
        (),
        |row| row.get(0),
    );
    Ok(next.optional()?)
}

/// A reviewer pressed one of the two buttons.
pub(crate) async fn decided(
    State(service): State<Arc<Service>>,
    Place(record_id): Place<String>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let Ok(record_id) = record_id.parse::<Uuid>() else {
        return Page::missing("没有这张照片").into_response();
    };
    let approves = form.get("decision").is_some_and(|word| word == "approve");
    let gives_a_reason = REASONS.iter().any(|(code, ..)| form.contains_key(*code));
    if !approves && !gives_a_reason {
        let note: String = form
            .get("note")
            .map_or(String::new(), |note| note.chars().take(200).collect());
        return desk_reply(&service, record_id, Some(&note)).await;
    }
    let decision = if approves {
        Decision::Approve
    } else {
        Decision::Reject {
            // In the list's order, whatever the form's.
            reasons: REASONS
                .iter()
                .filter(|(code, ..)| form.contains_key(*code))
                .map(|(c, ..)| (*c).to_owned())
                .collect(),
            note: form
                .get("note")
                .map(|note| note.trim().chars().take(200).collect())
                .filter(|n: &String| !n.is_empty()),
        }
    };
    let now = service.clock.now();
    let here = service.clone();
    match service
        .database
        .run(move |tx| {
            let done = decide(tx, &here, record_id, &decision, now)?;
            Ok(done.then_some(next_waiting(tx)?))
        })
        .await
    {
        // On to the next one, as a reviewer of hundreds a day wants it.
        Ok(Some(Some(next))) => Redirect::to(&format!("/review/{next}")).into_response(),
        Ok(Some(None)) => Redirect::to("/review").into_response(),
        // Another reviewer was first: the page shows what was decided.
        Ok(None) => Redirect::to(&format!("/review/{record_id}")).into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_closes_after_ten_wrong_tokens_and_opens_again() {
        let door = Door::new("right");
        let now = Timestamp::from_second(1_760_000_000).unwrap();
        for _ in 0..WRONG_TOKENS {
            assert!(door.enter("wrong", now).is_none());
        }
        assert!(door.enter("right", now).is_none());
        let session = door.enter("right", now + CLOSED_FOR).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, format!("a=b; review={session}").parse().unwrap());
        assert!(door.knows(&headers, now + CLOSED_FOR));
        assert!(!door.knows(&headers, now + CLOSED_FOR + SESSION_LASTS));
    }

    #[test]
    fn automatic_decisions_are_read_from_the_command_line() {
        assert_eq!("reject:2".parse(), Ok(AutoReview::RejectFirst(2)));
        assert!("reject".parse::<AutoReview>().is_err());
    }
}
