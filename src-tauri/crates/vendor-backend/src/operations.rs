//! For whoever runs the backend: is it alive, is it ready, and what does it do. On an address of its own, which is not
//! for the public; nothing here tells of a student, and no label holds anything that came with a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    exponential_buckets,
};
use vendor::problem::ProblemCode;

use crate::Service;
use crate::database::timestamp;
use crate::fault::Fault;

/// A database that has not answered by then is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// The counters; what the database knows better is asked of it at each look.
pub(crate) struct Figures {
    registry: Registry,
    answers: IntCounterVec,
    seconds: HistogramVec,
    refusals: IntCounterVec,
    captures: IntGaugeVec,
    oldest: IntGauge,
    stations: IntGauge,
    bytes: IntGauge,
}

impl Figures {
    /// `request` is the method and the route's own pattern: `PUT /v1/captures/{record_id}`.
    pub(crate) fn new() -> Result<Figures, Fault> {
        Figures::named().map_err(|_| Fault::Broken("a figure's name is none"))
    }

    fn named() -> prometheus::Result<Figures> {
        let of = |name: &str, help: &str| Opts::new(format!("photo_backend_{name}"), help);
        // One millisecond to sixteen seconds.
        let seconds: HistogramOpts = of("answer_seconds", "Time to the answer").into();
        let seconds = seconds.buckets(exponential_buckets(0.001, 2.0, 15)?);
        let figures = Figures {
            registry: Registry::new(),
            answers: IntCounterVec::new(
                of("answers_total", "Requests that were answered"),
                &["request", "status"],
            )?,
            seconds: HistogramVec::new(seconds, &["request"])?,
            refusals: IntCounterVec::new(of("refusals_total", "Refusals by their code"), &["code"])?,
            captures: IntGaugeVec::new(of("captures", "Photos by their state"), &["state"])?,
            oldest: IntGauge::with_opts(of(
                "oldest_review_seconds",
                "Age of the photo that waits for a reviewer the longest",
            ))?,
            stations: IntGauge::with_opts(of("stations", "Stations that are let in"))?,
            bytes: IntGauge::with_opts(of("database_bytes", "Size of the database"))?,
        };
        let registry = &figures.registry;
        registry.register(Box::new(figures.answers.clone()))?;
        registry.register(Box::new(figures.seconds.clone()))?;
        registry.register(Box::new(figures.refusals.clone()))?;
        registry.register(Box::new(figures.captures.clone()))?;
        registry.register(Box::new(figures.oldest.clone()))?;
        registry.register(Box::new(figures.stations.clone()))?;
        registry.register(Box::new(figures.bytes.clone()))?;
        Ok(figures)
    }
}

/// Counts every answer and writes one line about it: the route's pattern, never the address.
pub(crate) async fn count(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str);
    // Anybody can invent a method; a figure for each would fill the memory.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT") => known,
        _ => "OTHER",
    };
    let asked = format!("{method} {pattern}");
    let begun = Instant::now();
    let response = next.run(request).await;
    let (status, took) = (response.status(), begun.elapsed());
    let code = response
        .extensions()
        .get::<ProblemCode>()
        .map(|code| code.as_str());
    let figures = &service.figures;
    let labels = [asked.as_str(), status.as_str()];
    figures.answers.with_label_values(&labels).inc();
    let seconds = figures.seconds.with_label_values(&[asked.as_str()]);
    seconds.observe(took.as_secs_f64());
    if let Some(code) = code {
        figures.refusals.with_label_values(&[code]).inc();
    }
    let (status, ms) = (status.as_u16(), took.as_secs_f64() * 1000.0);
    match status {
        500.. => tracing::warn!(request = asked, status, code, ms, "answered"),
        400.. => tracing::info!(request = asked, status, code, ms, "answered"),
        _ => tracing::debug!(request = asked, status, ms, "answered"),
    }
    response
}

/// The three requests of the operator's address.
pub(crate) fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(service)
}

/// Can a request be served now: is the database there, and can it be written?
async fn ready(State(service): State<Arc<Service>>) -> Response {
    let writes = service.database.run(|tx| Ok(tx.is_writable()?));
    match tokio::time::timeout(READY_WITHIN, writes).await {
        Ok(Ok(true)) => "ready\n".into_response(),
        Ok(Ok(false)) => (StatusCode::SERVICE_UNAVAILABLE, "the database is a copy\n").into_response(),
        Ok(Err(fault)) => {
            tracing::warn!(%fault, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database fails\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

/// What stands in the database at one moment.
struct Standing {
    captures: Vec<(String, i64)>,
    oldest: Option<i64>,
    stations: i64,
    bytes: i64,
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let standing = service.database.run(|tx| {
        let counted = "SELECT state, count(*) FROM captures GROUP BY state";
        let captures = tx.rows(counted, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Standing {
            captures,
            oldest: tx.query_row(
                "SELECT min(received_at) FROM captures WHERE state = 'under-review'",
                (),
                |row| row.get(0),
            )?,
            stations: tx.query_row(
                "SELECT count(*) FROM stations WHERE revoked_at IS NULL",
                (),
                |row| row.get(0),
            )?,
            bytes: tx.size()?,
        })
    });
    let figures = &service.figures;
    match standing.await {
        Ok(standing) => {
            figures.captures.reset();
            for (state, count) in standing.captures {
                figures.captures.with_label_values(&[state.as_str()]).set(count);
            }
            let now = service.clock.now();
            let waits = standing
                .oldest
                .map(|at| now.duration_since(timestamp(at)).as_secs());
            figures.oldest.set(waits.unwrap_or(0));
            figures.stations.set(standing.stations);
            figures.bytes.set(standing.bytes);
        }
        Err(fault) => tracing::warn!(%fault, "metrics"),
    }
    match TextEncoder::new().encode_to_string(&figures.registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
