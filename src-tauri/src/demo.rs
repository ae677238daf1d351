//! `photo-station demo`: a whole visit without a window, on real parts.
//!
//! The virtual booth is the camera, the code is read from its frames, a reference backend answers over real
//! HTTP, the photo is developed, kept, sent, reviewed and fetched back. Without `--backend` the reference
//! backend runs inside this program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portrait::sheet;
use records::{PhotoKind, RecordId, RecordState};
use serde_json::{Value, json};
use station::preview::Asked;
use station::rehearsal::{Actor, RehearsalError, play, read_actors};
use station::staff::RecordPage;
use station::view::Page;
use station::{Options, Station, desk};
use vendor_backend::{Backend, BackendOptions, Decision, Running};

use crate::cli::Cli;
use crate::output::{Output, Verdict};
use crate::{config, models, pictures, places, runtime};

/// The longest an enrolment may take: a few requests to a backend that answers.
pub(crate) const ENROL_PATIENCE: Duration = Duration::from_secs(20);
/// The longest wait for a receipt or a review outcome.
const OUTCOME_PATIENCE: Duration = Duration::from_mins(1);

/// Why the demo did not end well.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    #[error(transparent)]
    Station(#[from] station::StationError),
    #[error("the reference backend: {0}")]
    Backend(#[from] vendor_backend::BackendError),
    #[error("the vendor's backend: {0}")]
    Vendor(#[from] vendor::VendorError),
    #[error("the print sheet: {0}")]
    Sheet(#[from] portrait::PortraitError),
    #[error("the results: {0}")]
    File(#[from] std::io::Error),
    #[error("the station could not enrol at its backend within {ENROL_PATIENCE:?}")]
    NotEnrolled,
    #[error("no receipt came within {OUTCOME_PATIENCE:?}; the photo is safe in {0}")]
    NoReceipt(PathBuf),
    #[error("{0}")]
    Told(String),
}

/// Plays one visit and leaves everything worth looking at in `folder`.
pub(crate) fn run(out: Output, cli: &Cli, folder: &Path, review: bool) -> Result<Verdict, Verdict> {
    runtime(out)?.block_on(async {
        match visit(out, cli, folder, review).await {
            Ok(summary) => {
                out.result(
                    &summary,
                    &format!(
                        "the visit ended well; look at {}",
                        folder.join("report.html").display()
                    ),
                );
                Ok(Verdict::Accepted)
            }
            Err(error) => {
                out.result(
                    &json!({ "accepted": false, "error": error.to_string() }),
                    &error.to_string(),
                );
                Err(Verdict::Refused)
            }
        }
    })
}

async fn visit(out: Output, cli: &Cli, folder: &Path, review: bool) -> Result<Value, DemoError> {
    std::fs::create_dir_all(folder)?;
    let began = Instant::now();
    let mut settings = match cli.data {
        Some(_) => config(out, cli).map_err(|_| DemoError::Told("the settings cannot be used".into()))?,
        None => station::Config::default(),
    };
    if let Some(profile) = &cli.station.profile {
        settings.profile.clone_from(profile);
    }
    let (backend, actors) = match (&cli.station.backend, &cli.station.rehearsal) {
        (Some(url), Some(people)) => {
            settings.backend.clone_from(url);
            (None, read_actors(people)?)
        }
        (Some(_), None) => {
            return Err(DemoError::Told(
                "a backend of its own needs its demo people: give --rehearsal FILE".into(),
            ));
        }
        (None, _) => {
            let running = Backend::start(BackendOptions::demo(&settings.profile)?).await?;
            running.url().clone_into(&mut settings.backend);
            let actors = serde_json::to_value(running.people())
                .and_then(serde_json::from_value::<Vec<Actor>>)
                .map_err(|error| DemoError::Told(format!("the demo people: {error}")))?;
            (Some(running), actors)
        }
    };
    let activation = match &backend {
        Some(_) => Some(vendor_backend::demo::ACTIVATION_CODE.to_owned()),
        None => cli.station.activation.clone(),
    };
    let actor = actors.first().cloned().ok_or(RehearsalError::Nobody)?;
    let (source, rehearsal) = places::virtual_booth(&settings, actors);
    let data = cli.data.clone().unwrap_or_else(|| unused(folder));
    let station = Station::open(Options {
        data: data.clone(),
        config: settings,
        key_in_file: true,
        eyes: Some((
            source,
            models(out, cli).map_err(|_| DemoError::Told("no vision models".into()))?,
        )),
        activation,
        rehearsal,
    })
    .await?;
    if !station.enrolled_within(ENROL_PATIENCE).await {
        return Err(DemoError::NotEnrolled);
    }
    wait_for_profile(&station).await;

    let album = tokio::spawn(keep_pictures(station.clone(), folder.to_path_buf(), began));
    let played = play(&station, &actor, pay).await?;
    let visit_took = began.elapsed();
    // Into the dark first, so that the pictures taken on the way are whole.
    album.abort();
    let (page, id) = outcome(&station, backend.as_ref(), review, &data).await?;
    let summary = keep_results(&station, folder, id, &page).await?;
    let summary = json!({
        "accepted": true,
        "record": id,
        "shoot_number": played.shoot_number,
        "state": page.row.state,
        "receipt": page.receipt,
        "pages": played.pages,
        "pay_later": played.pay_later,
        "visit_seconds": (visit_took.as_secs_f64() * 10.0).round() / 10.0,
        "files": summary,
    });
    std::fs::write(
        folder.join("visit.json"),
        serde_json::to_vec_pretty(&summary).unwrap_or_default(),
    )?;
    std::fs::write(folder.join("report.html"), html(&summary, &page))?;
    if let Some(running) = backend {
        drop(station);
        running.stop().await;
    }
    Ok(summary)
}

/// A folder for this run's records that no earlier run has used.
fn unused(folder: &Path) -> PathBuf {
    let mut candidate = folder.join("station");
    let mut n = 2;
    while candidate.exists() {
        candidate = folder.join(format!("station-{n}"));
        n += 1;
    }
    candidate
}

/// The backend's own profile decides the steps; it arrives right after the enrolment.
async fn wait_for_profile(station: &Station) {
    let mut views = station.views();
    let open = async {
        while matches!(views.borrow_and_update().page, Page::OutOfService { .. }) || !station.view().online {
            if views.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(ENROL_PATIENCE, open).await;
}

/// The student's telephone: opens the address behind the payment code and pays.
async fn pay(url: String) -> Result<(), RehearsalError> {
    let told = |error: reqwest::Error| RehearsalError::Payment(error.without_url().to_string());
    let reply = reqwest::Client::new().post(url).send().await.map_err(told)?;
    reply.error_for_status().map_err(told)?;
    Ok(())
}

/// What the camera saw on the way, one picture a page, for the report.
async fn keep_pictures(station: Station, folder: PathBuf, began: Instant) {
    let mut views = station.views();
    let mut kept = Vec::new();
    let mut timeline = String::new();
    loop {
        let kind = serde_json::to_value(&views.borrow_and_update().page)
            .ok()
            .and_then(|page| page.get("kind").and_then(|kind| kind.as_str().map(str::to_owned)))
            .unwrap_or_default();
        if !kept.contains(&kind) {
            let _ = writeln!(timeline, "{:7.2} s  {kind}", began.elapsed().as_secs_f64());
            if matches!(kind.as_str(), "scan" | "framing") {
                let eyes = station.clone();
                let file = folder.join(format!("camera-{kind}.jpg"));
                tokio::task::spawn_blocking(move || {
                    // The virtual booth draws for a second before its first frame of an act.
                    for _ in 0..100 {
                        std::thread::sleep(Duration::from_millis(100));
                        if let Some(jpeg) = eyes.preview(Asked::default()) {
                            return std::fs::write(file, jpeg);
                        }
                    }
                    Ok(())
                });
            }
            kept.push(kind);
            let _ = std::fs::write(folder.join("timeline.txt"), &timeline);
        }
        if views.changed().await.is_err() {
            return;
        }
    }
}

/// Waits for the receipt, has the photo reviewed, and waits for the outcome.
async fn outcome(
    station: &Station,
    backend: Option<&Running>,
    review: bool,
    data: &Path,
) -> Result<(RecordPage, RecordId), DemoError> {
    let rows = station
        .with_records(|store| {
            store.list(&records::Filter {
                limit: 1,
                ..records::Filter::default()
            })
        })
        .await?;
    let id = rows
        .first()
        .map(|row| row.id)
        .ok_or_else(|| DemoError::NoReceipt(data.to_path_buf()))?;
    let deadline = Instant::now() + OUTCOME_PATIENCE;
    let mut decided = !review;
    loop {
        let page = station.with_records(move |store| desk::show(store, id)).await?;
        let state = RecordState::named(&page.row.state);
        let delivered = state.iter().any(|state| state.has_receipt());
        if delivered && !decided {
            if let Some(running) = backend {
                running.review(id.uuid(), Decision::Approve).await?;
            }
            decided = true;
            station.sync_once().await?;
            continue;
        }
        let over = matches!(page.row.state.as_str(), "approved" | "rejected" | "needs-person");
        if over || (delivered && !review) || (delivered && Instant::now() > deadline) {
            return Ok((page, id));
        }
        if Instant::now() > deadline {
            return Err(DemoError::NoReceipt(data.to_path_buf()));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        if delivered {
            station.sync_once().await?;
        }
    }
}

/// Everything worth looking at, under names that tell nothing of the student.
async fn keep_results(
    station: &Station,
    folder: &Path,
    id: RecordId,
    page: &RecordPage,
) -> Result<Vec<String>, DemoError> {
    let (standard, original, receipt) = station
        .with_records(move |store| {
            Ok((
                store.photo(id, PhotoKind::Standard)?,
                store.photo(id, PhotoKind::Original)?,
                store.receipt(id)?,
            ))
        })
        .await?;
    let layout_name = station.sheet_name();
    let layout = sheet::layout::built_in(&layout_name)
        .ok_or_else(|| DemoError::Told(format!("there is no print sheet named {layout_name}")))?;
    let original_name = if original.starts_with(&[0x89, b'P']) {
        "original.png"
    } else {
        "original.jpg"
    };
    let report = serde_json::from_str::<Value>(&page.report).unwrap_or_default();
    let mut files = vec![
        ("standard.jpg".to_owned(), standard.clone()),
        (original_name.to_owned(), original),
        ("sheet.pdf".to_owned(), sheet::pdf(&standard, &layout)?),
        ("sheet.png".to_owned(), sheet::png(&standard, &layout)?),
        (
            "photo.report.json".to_owned(),
            serde_json::to_vec_pretty(&report).unwrap_or_default(),
        ),
    ];
    if let Some(receipt) = receipt {
        let pretty = serde_json::from_slice::<Value>(&receipt).and_then(|r| serde_json::to_vec_pretty(&r));
        files.push(("receipt.json".to_owned(), pretty.unwrap_or(receipt)));
    }
    let client = station.client();
    if let Ok(list) = client.deliverables(id.uuid()).await {
        for wanted in &list.deliverables {
            let ending = match wanted.media_type.as_str() {
                "image/jpeg" => "jpg",
                "image/png" => "png",
                _ => "pdf",
            };
            let bytes = client.deliverable(id.uuid(), wanted).await?;
            files.push((format!("delivered-{}.{ending}", wanted.kind.as_str()), bytes));
        }
    }
    for (name, bytes) in &files {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn html(summary: &Value, page: &RecordPage) -> String {
    let report = serde_json::from_str::<Value>(&page.report).unwrap_or_default();
    let text =
        |value: &Value| pictures::escaped(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let mut checks = String::new();
    for check in report["checks"].as_array().into_iter().flatten() {
        let number = |name: &str| {
            check[name]
                .as_f64()
                .map(|n| format!("{n:.2}"))
                .unwrap_or_default()
        };
        let _ = write!(
            checks,
            "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{} – {} {}</td><td>{}</td><td>{}</td></tr>",
            text(&check["light"]),
            text(&check["code"]),
            number("value"),
            number("min"),
            number("max"),
            text(&check["unit"]),
            text(&check["zh"]),
            text(&check["source"]),
        );
    }
    let mut history = String::new();
    for line in &page.history {
        let _ = write!(
            history,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            pictures::escaped(&line.at),
            pictures::escaped(&line.what),
            pictures::escaped(&line.detail)
        );
    }
    let mut files = String::new();
    for file in summary["files"].as_array().into_iter().flatten() {
        let _ = write!(files, "<li><a href=\"{0}\">{0}</a></li>", text(file));
    }
    format!(
        "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>采集站 · 演练结果</title><style>\
         body{{font:16px/1.6 'Noto Sans CJK SC',sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#10222e}}\
         img{{max-width:100%;border-radius:8px;box-shadow:0 2px 12px #0003}}figure{{margin:0}}\
         .row{{display:grid;grid-template-columns:1fr 1fr 240px 1fr;gap:1rem;align-items:start}}\
         table{{border-collapse:collapse;width:100%;margin:1rem 0}}td,th{{padding:.3rem .6rem;border-bottom:1px solid #dde6ec;\
         text-align:left;font-size:14px;vertical-align:top}}.red td:first-child{{color:#c0392b}}.amber td:first-child\
         {{color:#b9770e}}.green td:first-child{{color:#1e8449}}</style>\
         <h1>采集站 · 一次完整的演练 <small>a whole visit, rehearsed</small></h1>\
         <p>拍摄号 <b>{shoot}</b> · 状态 <b>{state}</b> · 回执 <b>{receipt}</b> · {seconds} s · {now}</p>\
         <div class=\"row\"><figure><img src=\"camera-scan.jpg\" alt=\"\"><figcaption>出示采集码</figcaption></figure>\
         <figure><img src=\"camera-framing.jpg\" alt=\"\"><figcaption>取景</figcaption></figure>\
         <figure><img src=\"standard.jpg\" alt=\"\"><figcaption>标准照 480×640</figcaption></figure>\
         <figure><img src=\"sheet.png\" alt=\"\"><figcaption>排版照</figcaption></figure></div>\
         <h2>经过 Pages</h2><p>{pages}</p><h2>检查 Checks</h2><table><tr><th>code</th><th>value</th><th>limits</th>\
         <th>说明</th><th>source</th></tr>{checks}</table><h2>记录 Record</h2><table>{history}</table>\
         <h2>文件 Files</h2><ul>{files}</ul><p>虚拟学生，并无其人。A rendered student; nobody real.</p></html>",
        shoot = text(&summary["shoot_number"]),
        state = text(&summary["state"]),
        receipt = text(&summary["receipt"]),
        seconds = text(&summary["visit_seconds"]),
        now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC"),
        pages = summary["pages"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect::<Vec<_>>()
            .join(" → "),
    )
}
