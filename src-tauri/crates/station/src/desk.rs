//! The staff desk: the records as lists and pages, the PIN, and the doctor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use printing::Printer;
use records::{Filter, Order, Payment, PhotoKind, RecordId, RecordRow, RecordState, RecordsError, Store};

use zeroize::Zeroizing;

use crate::card;
use crate::doctor::{self, Patient};
use crate::rooms::record::checks;
use crate::staff::{
    Finding, HistoryLine, Login, QueueFilter, QueueOrder, QueuePage, QueueRow, RecordPage, StateCount,
    hash_pin, hashed, pin_matches,
};
use crate::station::{Station, StationError, setting};

/// Most rows of one page: a list draws what it shows, not everything there is.
const LARGEST_PAGE: u32 = 500;

impl Station {
    /// A page of the records, newest first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn queue_list(&self, filter: QueueFilter) -> Result<QueuePage, StationError> {
        self.with_records(move |store| list(store, &filter)).await
    }

    /// One record with its history.
    ///
    /// # Errors
    /// When there is none, or the records cannot be read.
    pub async fn queue_show(&self, id: String) -> Result<RecordPage, StationError> {
        self.with_records(move |store| show(store, id.parse()?)).await
    }

    /// Sends these records again as soon as possible; how many were taken.
    ///
    /// # Errors
    /// When the records cannot be written. Those that are not in a state to be sent are left alone.
    pub async fn queue_retry(&self, ids: Vec<String>) -> Result<u32, StationError> {
        let taken = self
            .with_records(move |store| retry(store, &ids, Timestamp::now()))
            .await?;
        self.sync_soon();
        Ok(taken)
    }

    /// A photo of a record.
    ///
    /// # Errors
    /// When there is none, or it was purged.
    pub async fn record_photo(&self, id: String, original: bool) -> Result<Vec<u8>, StationError> {
        let kind = if original {
            PhotoKind::Original
        } else {
            PhotoKind::Standard
        };
        self.with_records(move |store| store.photo(id.parse()?, kind))
            .await
    }

    /// Tries a staff PIN. Slow on purpose (argon2id), one at a time.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn staff_login(&self, pin: String) -> Result<Login, StationError> {
        self.try_staff(setting::STAFF_PIN, Zeroizing::new(pin)).await
    }

    /// Waits at most so long for a staff card before the camera and tries it as a PIN is tried; `None` when none came.
    /// Meanwhile, and a moment longer, whatever code the camera reads is no student's.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn staff_card(&self, wait: Duration) -> Result<Option<Login>, StationError> {
        let Some(card) = self.inner().card.next(wait).await else {
            return Ok(None);
        };
        let says = Zeroizing::new(String::from_utf8_lossy(card.expose()).into_owned());
        Ok(Some(self.try_staff(setting::STAFF_CARD, says).await?))
    }

    async fn try_staff(
        &self,
        setting: &'static str,
        secret: Zeroizing<String>,
    ) -> Result<Login, StationError> {
        let mut lock = self.inner().pin_lock.lock().await;
        if let Some(left) = lock.left(Instant::now()) {
            return Ok(Login::Locked(left));
        }
        let hash = self.with_records(move |store| store.setting(setting)).await?;
        let Some(hash) = hash else {
            return Ok(Login::NoPin);
        };
        // Counted before it is checked: whoever ends the program in between has had the guess.
        lock.tried(false, Instant::now());
        self.keep_wrong_pins(lock.wrong()).await;
        let right = tokio::task::spawn_blocking(move || pin_matches(&secret, &hash))
            .await
            .map_err(|error| StationError::System(error.to_string()))?;
        if !right {
            return Ok(Login::Wrong);
        }
        lock.tried(true, Instant::now());
        self.keep_wrong_pins(0).await;
        // Staff are in: what is read from now on is a visit's again.
        self.inner().card.close();
        Ok(Login::Open)
    }

    /// A disk that takes nothing must not shut staff out: the count in memory still holds.
    async fn keep_wrong_pins(&self, wrong: u32) {
        let text = (wrong > 0).then(|| wrong.to_string());
        let kept = self
            .with_records(move |store| store.set_setting(setting::WRONG_PINS, text.as_deref()))
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "the count of wrong PINs could not be kept");
        }
    }

    /// What is wrong and what to do.
    pub async fn doctor(&self) -> Vec<Finding> {
        let inner = self.inner();
        doctor::examine(Patient {
            camera: inner.camera.as_ref().map(|camera| camera.status()),
            data: inner.data.clone(),
            records: Ok((Arc::clone(&inner.store), inner.key_place.clone())),
            client: Some(self.client()),
            backups: inner.config.backups(),
            printer: Printer::named(&inner.config.printer),
        })
        .await
    }
}

/// Sets the staff PIN.
///
/// # Errors
/// When it is shorter than [`crate::staff::SHORTEST_PIN`] digits, or the records cannot be written.
pub fn set_staff_pin(store: &mut Store, pin: &str) -> records::Result<()> {
    let hash = hash_pin(pin).ok_or(RecordsError::BadInput(
        "a PIN has at least six digits and nothing else",
    ))?;
    store.set_setting(setting::STAFF_PIN, Some(&hash))?;
    store.set_setting(setting::WRONG_PINS, None)
}

/// Makes a staff card that takes the place of an earlier one: what its code says. Nothing but its hash is kept.
///
/// # Errors
/// When the records cannot be written.
pub fn new_staff_card(store: &mut Store) -> records::Result<Zeroizing<String>> {
    let says = card::new_card();
    let hash = hashed(&says).ok_or(RecordsError::BadInput("the card cannot be hashed"))?;
    store.set_setting(setting::STAFF_CARD, Some(&hash))?;
    Ok(says)
}

/// What a staff filter asks of the records.
pub(crate) fn asked(filter: &QueueFilter) -> records::Result<Filter> {
    let states = filter
        .state
        .as_deref()
        .map(RecordState::named)
        .unwrap_or_default();
    if filter.state.is_some() && states.is_empty() {
        return Err(RecordsError::BadInput("there is no such state"));
    }
    let time = |text: Option<&str>| -> records::Result<Option<Timestamp>> {
        let parsed = text.map(str::parse).transpose();
        parsed.map_err(|_| RecordsError::BadInput("a time is written 2025-10-09T01:00:00Z"))
    };
    Ok(Filter {
        states,
        text: filter.search.clone(),
        limit: if filter.limit == 0 {
            100
        } else {
            filter.limit.min(LARGEST_PAGE)
        },
        offset: filter.offset,
        since: time(filter.since.as_deref())?,
        until: time(filter.until.as_deref())?,
        order: match filter.order {
            QueueOrder::Submission => Order::Submission,
            QueueOrder::ShootNumber => Order::ShootNumber,
            QueueOrder::Tag => Order::Tag,
            QueueOrder::State => Order::State,
            QueueOrder::School => Order::School,
            QueueOrder::Attempts => Order::Attempts,
        },
        oldest_first: filter.oldest_first,
    })
}

/// A page of the records.
///
/// # Errors
/// When the records cannot be read.
pub fn list(store: &mut Store, filter: &QueueFilter) -> records::Result<QueuePage> {
    let asked = asked(filter)?;
    let rows = store.list(&asked)?;
    let total = store.count(&asked)?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let name = store.masked_name(row.id)?.unwrap_or_default();
        shown.push(line(row, name));
    }
    let counts = store.counts()?;
    let counts = [
        ("saved", counts.saved),
        ("sending", counts.sending),
        ("needs-person", counts.needs_person),
        ("delivered", counts.delivered),
        ("under-review", counts.under_review),
        ("approved", counts.approved),
        ("rejected", counts.rejected),
        ("purged", counts.purged),
        ("withdrawn", counts.withdrawn),
    ];
    Ok(QueuePage {
        rows: shown,
        total: u32::try_from(total).unwrap_or(u32::MAX),
        counts: counts
            .into_iter()
            .map(|(state, count)| StateCount {
                state: state.into(),
                count: u32::try_from(count).unwrap_or(u32::MAX),
            })
            .collect(),
    })
}

fn line(row: RecordRow, masked_name: String) -> QueueRow {
    QueueRow {
        id: row.id.to_string(),
        tag: row.code_tag,
        shoot_number: row.shoot_number,
        state: row.state.as_str().to_owned(),
        masked_name,
        school: row.school,
        submitted_at: row.submitted_at.to_string(),
        attempts: row.attempts,
        note: row.trouble,
    }
}

/// One record with its history.
///
/// # Errors
/// When there is none, or the records cannot be read.
pub fn show(store: &mut Store, id: RecordId) -> records::Result<RecordPage> {
    let detail = store.show(id)?;
    let report = match store.report(id) {
        Ok(report) => Some(report),
        Err(RecordsError::Purged(_)) => None,
        Err(error) => return Err(error),
    };
    let history = detail
        .history
        .iter()
        .map(|note| HistoryLine {
            at: note.at.to_string(),
            actor: note.actor.clone(),
            what: note.what.clone(),
            detail: note.detail.clone().unwrap_or_default(),
        })
        .collect();
    let studies = detail.identity.as_ref().map(|identity| {
        let (level, major) = (&identity.level, &identity.major);
        format!("{level} · {major} · {}", identity.year)
    });
    Ok(RecordPage {
        photos: detail.row.state.has_photos(),
        studies: studies.unwrap_or_default(),
        spec: detail.spec,
        started_at: detail.started_at.to_string(),
        captured_at: detail.captured_at.to_string(),
        candidates: detail.candidates,
        forced_reason: detail.forced_reason,
        paid: !matches!(detail.payment, Payment::PayLater { .. }),
        row: line(
            detail.row,
            detail.identity.map(|i| i.masked_name).unwrap_or_default(),
        ),
        history,
        attempts: detail.attempts_made.into_iter().map(Into::into).collect(),
        checks: report.as_ref().map(checks).unwrap_or_default(),
        report: report.map(|report| report.to_string()).unwrap_or_default(),
        original_sha256: detail.original_sha256,
        standard_sha256: detail.standard_sha256,
        receipt: detail.receipt.map(|r| r.number),
        reasons: detail.review.map(|r| r.reasons).unwrap_or_default(),
    })
}

/// Sends these records again; those that are not in a state to be sent are left alone. Without ids: all that
/// need a person.
///
/// # Errors
/// When an id is none, or the records cannot be written.
pub fn retry(store: &mut Store, ids: &[String], now: Timestamp) -> records::Result<u32> {
    let ids: Vec<RecordId> = if ids.is_empty() {
        let all = Filter {
            states: RecordState::named("needs-person"),
            limit: u32::MAX,
            ..Filter::default()
        };
        store.list(&all)?.into_iter().map(|row| row.id).collect()
    } else {
        ids.iter().map(|id| id.parse()).collect::<Result<_, _>>()?
    };
    let mut taken = 0;
    for id in ids {
        match store.retry(id, now) {
            Ok(_) => taken += 1,
            Err(RecordsError::Impossible(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}
