//! What stations warned of, and what reviewers made of it: for each booth and each check. A warning that reviewers
//! never mind is too strict; a reason they give where no station warned shows one that is missing or too lax.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;
use vendor::api::Reason;

use super::REASONS;
use super::desk::header;
use super::door::Seat;
use super::reviewers::Role;
use crate::Service;
use crate::database::{Tx, micros};
use crate::fault::Fault;
use crate::pages::{Page, escaped};

/// A report has some fifty checks.
const MOST_FINDINGS: usize = 100;
const LONGEST_CODE: usize = 40;
/// How far back the page offers to look, in days.
const SPANS: [(u16, &str); 4] = [(1, "一天"), (7, "一周"), (30, "一个月"), (366, "一年")];

/// Keeps which checks of a report warned: amber or red. What has no usual shape is left out.
pub(crate) fn keep_findings(tx: &Tx<'_>, record_id: Uuid, report: &serde_json::Value) -> Result<(), Fault> {
    for code in warnings(report) {
        tx.execute(
            "INSERT INTO findings (record_id, code) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (record_id.to_string(), code),
        )?;
    }
    Ok(())
}

fn warnings(report: &serde_json::Value) -> impl Iterator<Item = &str> {
    let checks = report.get("checks").and_then(serde_json::Value::as_array);
    checks
        .into_iter()
        .flatten()
        .take(MOST_FINDINGS)
        .filter_map(|check| {
            let light = check.get("light")?.as_str()?;
            let code = check.get("code")?.as_str()?;
            let usual = (1..=LONGEST_CODE).contains(&code.len())
                && code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            (usual && (light == "amber" || light == "red")).then_some(code)
        })
}

/// Keeps what a photo was refused for.
pub(super) fn keep_grounds(tx: &Tx<'_>, record_id: Uuid, reasons: &[Reason]) -> Result<(), Fault> {
    for reason in reasons {
        tx.execute(
            "INSERT INTO grounds (record_id, code) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (record_id.to_string(), &reason.code),
        )?;
    }
    Ok(())
}

/// Photos, and what became of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tally {
    photos: i64,
    approved: i64,
    rejected: i64,
    /// How often for which reason; one photo may have several.
    reasons: BTreeMap<String, i64>,
}

impl Tally {
    fn add(&mut self, state: &str, count: i64) {
        self.photos += count;
        match state {
            "approved" => self.approved += count,
            "rejected" => self.rejected += count,
            _ => {}
        }
    }
}

/// One booth.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Booth {
    name: String,
    /// All its photos.
    all: Tally,
    /// Those without any warning.
    unwarned: Tally,
    /// Those that a check warned of, by check.
    warned: BTreeMap<String, Tally>,
}

type Booths = BTreeMap<String, Booth>;

/// Counts of the photos that came since a time, by station.
fn booths(tx: &Tx<'_>, since: Timestamp) -> Result<Booths, Fault> {
    let mut booths = Booths::new();
    count_photos(tx, since, &mut booths)?;
    count_warned(tx, since, &mut booths)?;
    count_grounds(tx, since, &mut booths)?;
    count_grounds_of_warned(tx, since, &mut booths)?;
    Ok(booths)
}

/// Three words and a count, as every query here answers.
fn counted(
    tx: &Tx<'_>,
    query: &str,
    since: Timestamp,
    mut each: impl FnMut([String; 3], i64),
) -> Result<(), Fault> {
    tx.rows(query, [micros(since)], |row| {
        each([row.get(0)?, row.get(1)?, row.get(2)?], row.get(3)?);
        Ok(())
    })?;
    Ok(())
}

fn count_photos(tx: &Tx<'_>, since: Timestamp, booths: &mut Booths) -> Result<(), Fault> {
    let query = "SELECT c.station_id, s.name, c.state, count(*)
         FROM captures c JOIN stations s ON s.id = c.station_id
         WHERE c.received_at >= ?1 GROUP BY c.station_id, s.name, c.state";
    counted(tx, query, since, |[station, name, state], count| {
        let booth = booths.entry(station).or_default();
        booth.name = name;
        booth.all.add(&state, count);
    })?;
    let query = "SELECT c.station_id, '', c.state, count(*) FROM captures c
         WHERE c.received_at >= ?1 AND NOT EXISTS (SELECT 1 FROM findings f WHERE f.record_id = c.record_id)
         GROUP BY c.station_id, c.state";
    counted(tx, query, since, |[station, _, state], count| {
        booths.entry(station).or_default().unwarned.add(&state, count);
    })
}

fn count_warned(tx: &Tx<'_>, since: Timestamp, booths: &mut Booths) -> Result<(), Fault> {
    let query = "SELECT c.station_id, f.code, c.state, count(*)
         FROM captures c JOIN findings f ON f.record_id = c.record_id
         WHERE c.received_at >= ?1 GROUP BY c.station_id, f.code, c.state";
    counted(tx, query, since, |[station, check, state], count| {
        let booth = booths.entry(station).or_default();
        booth.warned.entry(check).or_default().add(&state, count);
    })
}

fn count_grounds(tx: &Tx<'_>, since: Timestamp, booths: &mut Booths) -> Result<(), Fault> {
    let query = "SELECT c.station_id, '', g.code, count(*)
         FROM captures c JOIN grounds g ON g.record_id = c.record_id
         WHERE c.received_at >= ?1 GROUP BY c.station_id, g.code";
    counted(tx, query, since, |[station, _, reason], count| {
        booths
            .entry(station)
            .or_default()
            .all
            .reasons
            .insert(reason, count);
    })?;
    let query = "SELECT c.station_id, '', g.code, count(*)
         FROM captures c JOIN grounds g ON g.record_id = c.record_id
         WHERE c.received_at >= ?1 AND NOT EXISTS (SELECT 1 FROM findings f WHERE f.record_id = c.record_id)
         GROUP BY c.station_id, g.code";
    counted(tx, query, since, |[station, _, reason], count| {
        booths
            .entry(station)
            .or_default()
            .unwarned
            .reasons
            .insert(reason, count);
    })
}

fn count_grounds_of_warned(tx: &Tx<'_>, since: Timestamp, booths: &mut Booths) -> Result<(), Fault> {
    let query = "SELECT c.station_id, f.code, g.code, count(*)
         FROM captures c JOIN findings f ON f.record_id = c.record_id JOIN grounds g ON g.record_id = c.record_id
         WHERE c.received_at >= ?1 GROUP BY c.station_id, f.code, g.code";
    counted(tx, query, since, |[station, check, reason], count| {
        let booth = booths.entry(station).or_default();
        booth
            .warned
            .entry(check)
            .or_default()
            .reasons
            .insert(reason, count);
    })
}

/// How far back.
#[derive(Debug, Deserialize)]
pub(crate) struct Span {
    days: Option<u16>,
}

impl Span {
    fn days(&self) -> u16 {
        self.days.unwrap_or(7).clamp(1, 366)
    }
}

type Asked = Result<Query<Span>, axum::extract::rejection::QueryRejection>;

/// Reads for whoever leads; a page for everybody else.
async fn read(service: &Service, seat: &Seat, asked: Asked) -> Result<(u16, Booths), Response> {
    if seat.role != Role::Lead {
        return Err(Page::missing("统计由组长查看")
            .with_status(StatusCode::FORBIDDEN)
            .into_response());
    }
    let Ok(Query(span)) = asked else {
        return Err(Page::missing("没有这样的时间段")
            .with_status(StatusCode::BAD_REQUEST)
            .into_response());
    };
    let days = span.days();
    let since = service.clock.now() - SignedDuration::from_hours(24 * i64::from(days));
    let booths = service.database.run(move |tx| booths(tx, since)).await;
    let booths = booths.map_err(|fault| Page::broken(&fault).into_response())?;
    Ok((days, booths))
}

/// The page.
pub(crate) async fn page(
    State(service): State<Arc<Service>>,
    Extension(seat): Extension<Seat>,
    asked: Asked,
) -> Response {
    let (days, booths) = match read(&service, &seat, asked).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let spans = SPANS
        .iter()
        .map(|(span, word)| {
            let here = if *span == days {
                " aria-current=\"page\""
            } else {
                ""
            };
            format!("<a class=\"button small\" href=\"/review/figures?days={span}\"{here}>{word}</a> ")
        })
        .collect::<Vec<_>>()
        .concat();
    let cards: String = booths.values().map(card).collect();
    let cards = if cards.is_empty() {
        "<p class=\"card quiet\">这段时间没有收到照片。</p>".to_owned()
    } else {
        cards
    };
    let body = format!(
        "{}<main><h1>统计</h1><p>{spans}<a class=\"button small\" href=\"/review/figures.csv?days={days}\">下载 CSV</a></p>\
         <p class=\"quiet\">按采集站和检查项目：提示过的照片，审核结果如何。提示多而几乎都通过，说明该项过严；\
         没有提示却未通过，说明有该提示而未提示的问题。</p>{cards}</main>",
        header(&service, &seat),
    );
    Page::new("统计", body).into_response()
}

fn card(booth: &Booth) -> String {
    let lines: String = [("全部照片", &booth.all), ("没有任何提示", &booth.unwarned)]
        .into_iter()
        .map(|(word, tally)| line(&format!("<b>{word}</b>"), tally))
        .chain(
            booth
                .warned
                .iter()
                .map(|(check, tally)| line(&escaped(&check_zh(check)), tally)),
        )
        .collect();
    format!(
        "<h2>{}</h2><div class=\"card\"><table class=\"figures\"><tr><th>项目</th><th>照片</th><th>通过</th><th>未通过</th>\
         <th>未通过率</th><th>未通过原因</th></tr>{lines}</table></div>",
        escaped(&booth.name)
    )
}

fn line(name: &str, tally: &Tally) -> String {
    let decided = tally.approved + tally.rejected;
    let share = if decided == 0 {
        "–".to_owned()
    } else {
        // Whole tenths of a percent, rounded.
        let tenths = (tally.rejected * 2000 / decided + 1) / 2;
        format!("{}.{}%", tenths / 10, tenths % 10)
    };
    let mut reasons: Vec<(&String, &i64)> = tally.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| -**count);
    let reasons: Vec<String> = reasons
        .into_iter()
        .map(|(code, count)| format!("{} {count}", escaped(reason_zh(code))))
        .collect();
    format!(
        "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{share}</td><td>{}</td></tr>",
        tally.photos,
        tally.approved,
        tally.rejected,
        reasons.join("，"),
    )
}

fn reason_zh(code: &str) -> &str {
    let known = REASONS.iter().find(|(known, ..)| *known == code);
    known.map_or(code, |(_, zh, _)| zh)
}

/// The checks of the stations' reports, as staff call them.
const CHECKS: [(&str, &str); 46] = [
    ("no-face", "没有人脸"),
    ("several-faces", "多张人脸"),
    ("tilted", "头部倾斜"),
    ("turned", "头部左右转动"),
    ("pitched", "抬头或低头"),
    ("too-small", "人像像素不足"),
    ("too-dark", "面部过暗"),
    ("over-exposed", "面部过曝"),
    ("uneven-light", "阴阳脸"),
    ("blurred", "模糊"),
    ("eyes-closed", "闭眼"),
    ("mouth-open", "张嘴"),
    ("crown", "头顶位置"),
    ("eyes", "眼睛位置"),
    ("width", "脸宽"),
    ("centre", "左右居中"),
    ("cut-off", "人像被切"),
    ("wall", "人与背景难分"),
    ("background", "背景"),
    ("clothes", "衣服与背景相近"),
    ("picture-size", "像素尺寸"),
    ("file-format", "文件格式"),
    ("file-size", "文件大小"),
    ("file-quality", "压缩质量"),
    ("density", "分辨率标记"),
    ("eyes-visible", "眼睛被遮"),
    ("gaze", "视线"),
    ("red-eyes", "红眼"),
    ("teeth", "露齿"),
    ("glasses", "镜框遮眼"),
    ("tinted-lenses", "有色镜片"),
    ("lens-glare", "镜片反光"),
    ("head-covering", "帽子头巾"),
    ("hair-over-face", "头发遮眉眼"),
    ("ears", "耳朵被遮"),
    ("ornaments", "饰品"),
    ("natural", "妆容美颜"),
    ("shine", "皮肤反光"),
    ("motion-blur", "运动模糊"),
    ("colour", "肤色偏色"),
    ("smoothed", "磨皮"),
    ("clothes-pattern", "衣服条纹图案"),
    ("neckline", "领口"),
    ("shoulders", "双肩不平"),
    ("halo", "边缘色圈"),
    ("recapture", "翻拍"),
];

fn check_zh(code: &str) -> String {
    let known = CHECKS.iter().find(|(known, _)| *known == code);
    known.map_or_else(|| code.to_owned(), |(_, zh)| format!("{zh}（{code}）"))
}

/// The same as a table for a spreadsheet.
pub(crate) async fn table(
    State(service): State<Arc<Service>>,
    Extension(seat): Extension<Seat>,
    asked: Asked,
) -> Response {
    let (_, booths) = match read(&service, &seat, asked).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let Ok(bytes) = csv(&booths) else {
        return Page::broken(&Fault::Broken("a table cannot be written")).into_response();
    };
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"review-figures.csv\""),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, bytes).into_response()
}

/// One line for each booth and check; `all` and `none` are all its photos and those without a warning. Begins with the
/// mark by which spreadsheets know UTF-8.
fn csv(booths: &Booths) -> csv::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    table.write_record([
        "station", "name", "check", "photos", "approved", "rejected", "reasons",
    ])?;
    for (station, booth) in booths {
        let warned = booth.warned.iter().map(|(check, tally)| (check.as_str(), tally));
        for (check, tally) in [("all", &booth.all), ("none", &booth.unwarned)]
            .into_iter()
            .chain(warned)
        {
            let reasons: Vec<String> = tally
                .reasons
                .iter()
                .map(|(code, count)| format!("{code}={count}"))
                .collect();
            table.write_record([
                station,
                &cell(&booth.name),
                check,
                &tally.photos.to_string(),
                &tally.approved.to_string(),
                &tally.rejected.to_string(),
                &reasons.join(" "),
            ])?;
        }
    }
    table
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))
}

/// A name that a spreadsheet would reckon with is text here.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_warned_is_counted_and_only_by_usual_names() {
        let report = json!({ "checks": [
            { "code": "ears", "light": "amber" },
            { "code": "blurred", "light": "red" },
            { "code": "gaze", "light": "green" },
            { "code": "natural", "light": "for-reviewer" },
            { "code": "<script>", "light": "red" },
            { "code": 7, "light": "red" },
            "nonsense",
        ]});
        assert_eq!(warnings(&report).collect::<Vec<_>>(), ["ears", "blurred"]);
        assert_eq!(warnings(&json!({ "checks": "none" })).count(), 0);
    }

    #[test]
    fn a_name_is_no_formula_and_a_share_is_rounded() {
        let mut booth = Booth {
            name: "=1+1".into(),
            ..Booth::default()
        };
        booth.all.add("approved", 2);
        booth.all.add("rejected", 1);
        booth.all.reasons.insert("blurred".into(), 1);
        assert!(line("", &booth.all).contains("33.3%"));
        let text = String::from_utf8(csv(&Booths::from([("ps-1".into(), booth)])).unwrap()).unwrap();
        assert!(text.contains("ps-1,'=1+1,all,3,2,1,blurred=1"), "{text}");
    }
}
