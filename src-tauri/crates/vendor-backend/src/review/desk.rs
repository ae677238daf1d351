//! The desk's pages. Everything by keyboard: the letters on the keys are the pages' access keys.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use jiff::Timestamp;
use uuid::Uuid;
use vendor::api::Rejection;

use super::door::Seat;
use super::queue::{self, LEASE, Offer, Said};
use super::reviewers::Role;
use super::words::Word;
use super::{Decision, REASONS, reasons};
use crate::Service;
use crate::captures::{About, ORIGINAL, STANDARD, file};
use crate::database::{self, Optional as _, StoreError, Tx, micros, parsed, timestamp};
use crate::fault::{Fault, Place};
use crate::pages::{Page, escaped};
use crate::photos;

/// Keys of the reasons, in their order; A, N and S are the desk's own.
const REASON_KEYS: [char; 16] = [
    '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', 'q', 'w', 'r', 't', 'y', 'u',
];

struct Row {
    record_id: String,
    state: String,
    masked_name: String,
    school: String,
    level: String,
    at: Timestamp,
    rejection: Option<String>,
}

impl Row {
    /// From the first seven columns.
    fn read(row: &database::Row<'_>) -> Result<Row, StoreError> {
        Ok(Row {
            record_id: row.get(0)?,
            state: row.get(1)?,
            masked_name: row.get(2)?,
            school: row.get(3)?,
            level: row.get(4)?,
            at: timestamp(row.get(5)?),
            rejection: row.get(6)?,
        })
    }

    fn refused_for(&self) -> String {
        let rejection: Option<Rejection> = self.rejection.as_deref().and_then(|json| parsed(json).ok());
        rejection.map(|r| refusal(&r)).unwrap_or_default()
    }
}

/// A photo that waits.
struct Waiting {
    row: Row,
    /// Who looks at it.
    before: Option<String>,
    /// How many words were said.
    words: u32,
}

fn waiting(tx: &Tx<'_>, now: Timestamp) -> Result<Vec<Waiting>, Fault> {
    let sql = "SELECT c.record_id, c.state, s.masked_name, sc.name, a.level, c.received_at, c.rejection, l.reviewer,
                (SELECT count(*) FROM words w WHERE w.record_id = c.record_id)
         FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
              JOIN students s ON s.id = a.student_id JOIN schools sc ON sc.id = a.school_id
              LEFT JOIN leases l ON l.record_id = c.record_id AND l.ends_at > ?1
         WHERE c.state = 'under-review' ORDER BY c.seq LIMIT 60";
    Ok(tx.rows(sql, [micros(now)], |row| {
        Ok(Waiting {
            row: Row::read(row)?,
            before: row.get(7)?,
            words: row.get(8)?,
        })
    })?)
}

fn how_many_wait(tx: &Tx<'_>) -> Result<i64, Fault> {
    Ok(tx.query_row(
        "SELECT count(*) FROM captures WHERE state = 'under-review'",
        (),
        |row| row.get(0),
    )?)
}

fn decided_last(tx: &Tx<'_>) -> Result<Vec<Row>, Fault> {
    let sql = "SELECT c.record_id, c.state, s.masked_name, sc.name, a.level, c.decided_at, c.rejection
         FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
              JOIN students s ON s.id = a.student_id JOIN schools sc ON sc.id = a.school_id
         WHERE c.decided_at IS NOT NULL ORDER BY c.decided_at DESC LIMIT 20";
    Ok(tx.rows(sql, (), Row::read)?)
}

fn clock_time(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
        .strftime("%m-%d %H:%M")
        .to_string()
}

/// The top of every page of the desk.
pub(super) fn header(service: &Service, seat: &Seat) -> String {
    let (figures, role) = match seat.role {
        Role::Lead => ("<a href=\"/review/figures\">统计</a>", "组长"),
        Role::Reviewer => ("", "审核员"),
    };
    format!(
        "<header><b>照片审核</b><span class=\"quiet\">{}</span><a href=\"/review\">待审核</a>{figures}\
         <form class=\"who\" method=\"post\" action=\"/review/leave\"><span>{} · {role}</span>\
         <button class=\"small\">退出</button></form></header>",
        escaped(&service.profile.name),
        escaped(&seat.reviewer),
    )
}

fn key(letter: char) -> String {
    format!("<kbd>{}</kbd>", letter.to_ascii_uppercase())
}

/// Photos that wait, and the last decisions.
pub(crate) async fn list(State(service): State<Arc<Service>>, Extension(seat): Extension<Seat>) -> Response {
    let now = service.clock.now();
    let whose = seat.clone();
    let read = service
        .database
        .run(move |tx| {
            queue::put_back(tx, &whose)?;
            Ok((how_many_wait(tx)?, waiting(tx, now)?, decided_last(tx)?))
        })
        .await;
    let (count, waiting, decided) = match read {
        Ok(rows) => rows,
        Err(fault) => return Page::broken(&fault).into_response(),
    };
    let tiles: Vec<String> = waiting.iter().map(|photo| tile(&service, photo)).collect();
    let waiting_part = if waiting.is_empty() {
        "<p class=\"card quiet\">没有待审核的照片。本页每 10 秒刷新一次。</p>".to_owned()
    } else {
        format!(
            "<p><a class=\"button primary\" href=\"/review/next\" accesskey=\"s\" autofocus>开始审核 {}</a> \
             <span class=\"quiet\">每张照片同时只由一位审核员查看。按 Alt 加字母（Firefox 为 Alt+Shift，macOS 为 Control+Option）。</span></p>\
             <div class=\"grid\">{}</div>",
            key('s'),
            tiles.concat()
        )
    };
    let body = format!(
        "{}<main><h1>待审核 {count}</h1>{waiting_part}{}</main>",
        header(&service, &seat),
        results(&decided),
    );
    let page = Page::new("照片审核", body);
    // A page that loads itself anew takes the focus away from whoever works by keyboard: only an empty one does.
    if waiting.is_empty() {
        page.reloading(10).into_response()
    } else {
        page.into_response()
    }
}

fn tile(service: &Service, photo: &Waiting) -> String {
    let row = &photo.row;
    let held = photo.before.as_ref().map_or_else(String::new, |name| {
        format!("<p class=\"tag\">{} 正在查看</p>", escaped(name))
    });
    let words = match photo.words {
        _ if !service.four_eyes => "",
        0 => "<p class=\"tag\">待两人审核</p>",
        1 => "<p class=\"tag\">待第二人审核</p>",
        _ => "<p class=\"tag rejected\">意见不一致，待组长</p>",
    };
    format!(
        "<a class=\"tile\" href=\"/review/{id}\"><img src=\"/review/{id}/standard\" alt=\"\" width=\"480\" height=\"640\">\
         <p><b>{}</b> <span class=\"quiet\">{}</span></p><p class=\"quiet\">{} · {}</p>{words}{held}</a>",
        escaped(&row.masked_name),
        escaped(&row.level),
        escaped(&row.school),
        clock_time(row.at),
        id = row.record_id,
    )
}

fn results(decided: &[Row]) -> String {
    if decided.is_empty() {
        return String::new();
    }
    let lines = decided
        .iter()
        .map(|row| {
            let word = if row.state == "approved" {
                "通过"
            } else {
                "未通过"
            };
            format!(
                "<tr><td>{}</td><td>{}</td><td>{} {}</td><td><span class=\"tag {}\">{word}</span> {}</td></tr>",
                clock_time(row.at),
                escaped(&row.masked_name),
                escaped(&row.school),
                escaped(&row.level),
                row.state,
                escaped(&row.refused_for()),
            )
        })
        .collect::<Vec<_>>()
.concat();
    format!(
        "<h2>最近的结果</h2><div class=\"card\"><table><tr><th>时间</th><th>学生</th><th>学籍</th><th>结果</th></tr>{lines}</table></div>"
    )
}

fn refusal(rejection: &Rejection) -> String {
    let mut words: Vec<&str> = rejection
        .reasons
        .iter()
        .map(|reason| reason.zh.as_str())
        .collect();
    words.extend(rejection.note.as_deref());
    words.join("；")
}

/// A decision as people say it.
fn spoken(decision: &Decision) -> String {
    match decision {
        Decision::Approve => "通过".to_owned(),
        Decision::Reject { reasons: codes, note } => {
            let rejection = Rejection {
                reasons: reasons(codes.iter().map(String::as_str)),
                note: note.clone(),
                at: Timestamp::UNIX_EPOCH,
            };
            format!("不通过：{}", refusal(&rejection))
        }
    }
}

/// Takes the photo that waits for the longest.
pub(crate) async fn next(State(service): State<Arc<Service>>, Extension(seat): Extension<Seat>) -> Response {
    let (four_eyes, now) = (service.four_eyes, service.clock.now());
    let next = service
        .database
        .run(move |tx| queue::next(tx, four_eyes, &seat, now));
    match next.await {
        Ok(Some(id)) => Redirect::to(&format!("/review/{id}")).into_response(),
        Ok(None) => Redirect::to("/review").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

struct Desk {
    row: Row,
    about: About,
    receipt_number: String,
    offer: Offer,
}

fn desk(
    tx: &Tx<'_>,
    four_eyes: bool,
    seat: &Seat,
    record_id: Uuid,
    now: Timestamp,
) -> Result<Option<Desk>, Fault> {
    let row = tx
        .query_row(
            "SELECT c.record_id, c.state, s.masked_name, sc.name, a.level, c.received_at, c.rejection, c.about, c.receipt
             FROM captures c JOIN academic_records a ON a.id = c.academic_record_id
                  JOIN students s ON s.id = a.student_id JOIN schools sc ON sc.id = a.school_id
             WHERE c.record_id = ?1",
            [record_id.to_string()],
            |row| Ok((Row::read(row)?, row.get::<String>(7)?, row.get::<String>(8)?)),
        )
        .optional()?;
    row.map(|(row, about, receipt)| {
        let receipt: vendor::Receipt = parsed(&receipt)?;
        Ok(Desk {
            row,
            about: parsed(&about)?,
            receipt_number: receipt.receipt_number,
            offer: queue::offer(tx, four_eyes, seat, record_id, now)?,
        })
    })
    .transpose()
}

/// One photo, its report, and the two buttons.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(seat): Extension<Seat>,
    Place(record_id): Place<String>,
) -> Response {
    let Ok(record_id) = record_id.parse::<Uuid>() else {
        return Page::missing("没有这张照片").into_response();
    };
    desk_reply(&service, seat, record_id, None).await
}

/// The desk of a photo; with the note of a reviewer who chose no reason, it asks for one.
async fn desk_reply(service: &Service, seat: Seat, record_id: Uuid, unfinished: Option<&str>) -> Response {
    let (four_eyes, now) = (service.four_eyes, service.clock.now());
    let whose = seat.clone();
    let found = service
        .database
        .run(move |tx| desk(tx, four_eyes, &whose, record_id, now));
    match found.await {
        Ok(Some(desk)) => {
            let page = desk_page(service, &seat, &desk, unfinished);
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

fn desk_page(service: &Service, seat: &Seat, desk: &Desk, unfinished: Option<&str>) -> Page {
    let Desk {
        row,
        about,
        receipt_number,
        offer,
    } = desk;
    let action = match offer {
        Offer::Yours(said) => decision_form(said, unfinished),
        Offer::Taken(name) => format!(
            "<p class=\"tag\">{} 正在查看这张照片</p><p><a class=\"button\" href=\"/review/next\" accesskey=\"s\">下一张 {}</a></p>",
            escaped(name),
            key('s')
        ),
        Offer::Spoken(decision) => format!(
            "<p class=\"tag\">您的意见已记录，等待另一位审核员</p><p>{}</p>",
            escaped(&spoken(decision))
        ),
        Offer::Disputed => "<p class=\"tag rejected\">两位审核员意见不一致，由组长决定</p>".to_owned(),
        Offer::Closed => outcome(row),
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
        header(service, seat),
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

/// Yes, no with reasons, or back to the others.
fn decision_form(said: &[Word], unfinished: Option<&str>) -> String {
    let boxes = REASONS
        .iter()
        .zip(REASON_KEYS)
        .enumerate()
        .map(|(place, ((code, zh, _), letter))| {
            let focus = if unfinished.is_some() && place == 0 {
                " autofocus"
            } else {
                ""
            };
            format!(
                "<label><input type=\"checkbox\" name=\"{code}\" value=\"on\" accesskey=\"{letter}\"{focus}>{zh}{}</label>",
                key(letter)
            )
        })
        .collect::<Vec<_>>()
.concat();
    let asks = unfinished.map_or(
        "",
        |_| "<p class=\"stopped\" role=\"alert\">请至少选择一项原因：学生要据此重拍。</p>",
    );
    let note = escaped(unfinished.unwrap_or_default());
    let words = said
        .iter()
        .map(|word| {
            format!(
                "<dt>{}</dt><dd>{}</dd>",
                escaped(&word.reviewer),
                escaped(&spoken(&word.decision))
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let disputed = if said.is_empty() {
        String::new()
    } else {
        format!("<p class=\"tag rejected\">两位审核员意见不一致，请决定</p><dl>{words}</dl>")
    };
    format!(
        "{disputed}<form method=\"post\"><button class=\"go wide\" name=\"decision\" value=\"approve\" accesskey=\"a\">通过 {}</button></form>\
         <h2>不通过</h2>{asks}<form method=\"post\"><fieldset><legend>原因（至少一项）</legend>{boxes}</fieldset>\
         <label for=\"note\">补充说明（会告知学生，可不填）</label><textarea id=\"note\" name=\"note\" rows=\"2\" maxlength=\"200\">{note}</textarea>\
         <button class=\"stop\" name=\"decision\" value=\"reject\" accesskey=\"n\">不通过，请重拍 {}</button> \
         <button name=\"decision\" value=\"back\" accesskey=\"s\">放回，看下一张 {}</button></form>\
         <p class=\"quiet\">{} 分钟内没有决定，照片自动放回。</p>",
        key('a'),
        key('n'),
        key('s'),
        LEASE.as_mins(),
    )
}

fn outcome(row: &Row) -> String {
    let word = match row.state.as_str() {
        "approved" => "已通过",
        "rejected" => "未通过",
        "superseded" => "已被新照片取代",
        _ => "等待缴费",
    };
    format!(
        "<p><span class=\"tag {}\">{word}</span> {}</p>",
        row.state,
        escaped(&row.refused_for())
    )
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
    let (Ok(record_id), true) = (record_id.parse::<Uuid>(), kind == STANDARD || kind == ORIGINAL) else {
        return Page::missing("没有这张照片").into_response();
    };
    let found = match service.database.run(move |tx| file(tx, record_id, &kind)).await {
        Ok(Some(kept)) => {
            let bytes = photos::read(&*service.photos, &kept).await;
            bytes.map(|bytes| Some((kept, bytes)))
        }
        Ok(None) => Ok(None),
        Err(fault) => Err(fault),
    };
    match found {
        Ok(Some((kept, bytes))) => (
            [
                (CONTENT_TYPE, kept.media_type),
                (CACHE_CONTROL, "private, max-age=600".to_owned()),
            ],
            bytes,
        )
            .into_response(),
        Ok(None) => Page::missing("没有这张照片").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

/// What a reviewer wrote beside the reasons.
fn note(form: &HashMap<String, String>) -> Option<String> {
    let note: String = form.get("note")?.trim().chars().take(200).collect();
    (!note.is_empty()).then_some(note)
}

/// What a form says; `None`: a no without a reason.
fn decision(form: &HashMap<String, String>) -> Option<Decision> {
    if form.get("decision").is_some_and(|word| word == "approve") {
        return Some(Decision::Approve);
    }
    // In the list's order, whatever the form's.
    let reasons: Vec<String> = REASONS
        .iter()
        .filter(|(code, ..)| form.contains_key(*code))
        .map(|(code, ..)| (*code).to_owned())
        .collect();
    (!reasons.is_empty()).then(|| Decision::Reject {
        reasons,
        note: note(form),
    })
}

/// A reviewer pressed a button.
pub(crate) async fn decided(
    State(service): State<Arc<Service>>,
    Extension(seat): Extension<Seat>,
    Place(record_id): Place<String>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let Ok(record_id) = record_id.parse::<Uuid>() else {
        return Page::missing("没有这张照片").into_response();
    };
    if form.get("decision").is_some_and(|word| word == "back") {
        return put_back(&service, seat, record_id).await;
    }
    let Some(decision) = decision(&form) else {
        let note = note(&form).unwrap_or_default();
        return desk_reply(&service, seat, record_id, Some(&note)).await;
    };
    let (here, now) = (service.clone(), service.clock.now());
    let said = service
        .database
        .run(move |tx| queue::say(tx, &here, &seat, record_id, &decision, now));
    match said.await {
        // On to the next one, as a reviewer of hundreds a day wants it.
        Ok(Said::Decided | Said::Kept) => Redirect::to("/review/next").into_response(),
        // Another reviewer was first: the page shows what is.
        Ok(Said::NotYours) => Redirect::to(&format!("/review/{record_id}")).into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

/// The photo goes back to the others, and the one after it comes before this reviewer.
async fn put_back(service: &Service, seat: Seat, record_id: Uuid) -> Response {
    let (four_eyes, now) = (service.four_eyes, service.clock.now());
    let after = service
        .database
        .run(move |tx| queue::next_but(tx, four_eyes, &seat, record_id, now));
    match after.await {
        Ok(Some(id)) => Redirect::to(&format!("/review/{id}")).into_response(),
        Ok(None) => Redirect::to("/review").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}
