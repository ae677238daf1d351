//! Sending what waits and fetching what was decided.
//!
//! [`plan`] is pure: from the time, what is due and how the network has been, it says what to do next. The
//! [`Courier`] does it: oldest first, a few side by side, each attempt marked in the records before it
//! starts. Only a receipt that verifies takes a record out of the outbox.

use std::time::{Duration, Instant};

use fail::fail_point;
use jiff::{SignedDuration, Timestamp};
use records::{
    AttemptResult, Change, Identity, MaskedIdentity, Outgoing, Payment, PersonReason, PhotoKind, Receipt,
    RecordId, RecordState, RecordsError, Review,
};
use tokio::task::JoinSet;
use uuid::Uuid;
use vendor::api::{Capture, ChangeKind, Photo, Subject};
use vendor::{ProblemCode, Secret, SecretBytes, VendorError};

use crate::station::{Shared, StationError, setting};
use crate::view::Progress;

/// Records sent side by side: enough to fill a campus uplink, few enough that a student's own request does
/// not wait behind them.
pub const SIDE_BY_SIDE: u32 = 3;
/// Records of one turn, at most: enough that the uplink does not run dry between two looks at the outbox.
pub const A_TURN: u32 = 96;
/// After this long a turn begins no more records, so that decisions get theirs over a slow uplink, too.
const A_TURN_LASTS: Duration = Duration::from_secs(20);
/// How often the backend is asked what was decided.
pub const FETCH_EVERY: SignedDuration = SignedDuration::from_secs(20);
/// Longest wait between two looks at the outbox.
const IDLE: SignedDuration = SignedDuration::from_secs(5);
/// The longest pause a backend is given when it asks for one (`Retry-After`), as for a record.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How often how it goes is written down while it goes: a write is a flush.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// Changes fetched at once.
const PAGE: u32 = 200;
/// Name of the program in captures and enrolments.
pub const SOFTWARE: &str = concat!("photo-station/", env!("CARGO_PKG_VERSION"));

/// How the network has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network {
    /// Times in a row that nobody answered.
    pub failures: u32,
    /// Do not try before the second time. The first is when that was decided: a clock that says less than that
    /// was set back since, and the wait with it means nothing any more.
    pub pause: Option<(Timestamp, Timestamp)>,
    /// When the backend was last asked what was decided.
    pub fetched_at: Option<Timestamp>,
}

impl Network {
    /// The backend answered.
    pub fn answered(&mut self) {
        self.failures = 0;
        self.pause = None;
    }

    /// The backend asks for a pause; at most an hour is given.
    pub fn asked_to_wait(&mut self, now: Timestamp, wait: Duration) {
        let wait = SignedDuration::try_from(wait.min(LONGEST_PAUSE)).unwrap_or(IDLE);
        self.pause = Some((now, now + wait));
    }

    /// Nobody answered: the wait doubles from 2 s, and `seed` spreads stations that were cut off together.
    pub fn silent(&mut self, now: Timestamp, seed: u64) {
        self.failures = self.failures.saturating_add(1);
        // A campus network comes back within minutes: the records' own back-off may be longer, this is not.
        let wait = records::back_off(self.failures, seed).min(Duration::from_mins(1));
        self.pause = Some((now, now + SignedDuration::try_from(wait).unwrap_or(IDLE)));
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Ask whether anybody is there before any record's attempt is spent on a dead network.
    Probe,
    /// Send these records in this order, [`SIDE_BY_SIDE`], until one fails.
    Send(Vec<RecordId>),
    /// Ask what was decided.
    Fetch,
    /// Nothing until then, or until somebody calls.
    Wait(SignedDuration),
}

/// What to do next, from the time, the records that are due (oldest first) and how the network has been.
pub fn plan(now: Timestamp, network: &Network, due: &[RecordId]) -> Task {
    if let Some((since, until)) = network.pause
        && (since..until).contains(&now)
    {
        return Task::Wait(until.duration_since(now).min(IDLE));
    }
    if network.failures > 0 {
        return Task::Probe;
    }
    // A decision that waits behind a long outbox would keep a rejected student waiting: both get their turn.
    let fetch_due = network
        .fetched_at
        .is_none_or(|at| now.duration_since(at) >= FETCH_EVERY || at > now);
    if fetch_due {
        return Task::Fetch;
    }
    if due.is_empty() {
        return Task::Wait(IDLE);
    }
    Task::Send(due.iter().take(A_TURN as usize).copied().collect())
}

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Records delivered.
    pub delivered: u32,
    /// Records that need a person now.
    pub refused: u32,
    /// Attempts that failed and will be made again.
    pub failed: u32,
    /// Decisions taken over.
    pub changes: u32,
    /// Whether the backend answered.
    pub online: bool,
    /// The longest pause the backend asked for.
    pub pause: Option<Duration>,
}

impl Round {
    fn add(&mut self, other: Round) {
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.failed += other.failed;
        self.changes += other.changes;
        self.online |= other.online;
        self.pause = self.pause.max(other.pause);
    }
}

/// Carries records to the backend and decisions back.
pub(crate) struct Courier {
    shared: Shared,
    network: Network,
    /// When how it goes was last written down, and whether somebody answered then.
    noted: Option<(Instant, bool)>,
}

impl Courier {
    pub(crate) fn new(shared: Shared) -> Courier {
        Courier {
            shared,
            network: Network::default(),
            noted: None,
        }
    }

    /// Takes what a round came to into the pace, and writes it down for other programs: at once when the network went
    /// or came, else every few seconds while something moves.
    async fn note(&mut self, round: &Round) {
        {
            let mut pace = self.shared.pace();
            if round.online {
                pace.answered();
            } else {
                pace.silent(Timestamp::now(), self.network.pause.map(|(_, until)| until));
            }
        }
        let changed = self.noted.is_none_or(|(_, online)| online != round.online);
        let moved = round.delivered > 0 || round.failed > 0 || round.refused > 0 || !round.online;
        let long_ago = self.noted.is_some_and(|(at, _)| at.elapsed() > NOTE_EVERY);
        // Whoever reads this is no reason to stop sending: what fails here is tried again with the next round.
        let Ok(sending) = self.shared.sending().await else {
            return;
        };
        if sending.waiting == 0 {
            self.shared.pace().rest();
        }
        if !changed && !(moved && (long_ago || sending.waiting == 0)) {
            return;
        }
        let Ok(text) = serde_json::to_string(&(Timestamp::now(), &sending)) else {
            return;
        };
        let noted = self
            .shared
            .records(move |store| store.set_setting(setting::SENDING, Some(&text)))
            .await;
        if noted.is_ok() {
            self.noted = Some((Instant::now(), round.online));
        }
    }

    /// Does the next thing there is to do; returns how long to wait when there is nothing.
    pub(crate) async fn turn(&mut self) -> Result<(Round, Option<SignedDuration>), StationError> {
        let now = Timestamp::now();
        let due = self
            .shared
            .records(move |store| store.next_due(now, A_TURN))
            .await?;
        let ids: Vec<RecordId> = due.iter().map(|d| d.id).collect();
        let mut round = Round::default();
        let mut failed = None;
        match plan(now, &self.network, &ids) {
            Task::Wait(how_long) => return Ok((round, Some(how_long))),
            Task::Probe => match self.shared.client().status().await {
                Ok(status) => {
                    self.shared.clock_told(status.server_time);
                    round.online = true;
                }
                Err(error) if !error.needs_network() => round.online = true,
                Err(_) => {}
            },
            Task::Fetch => round = self.fetch(now).await?,
            Task::Send(_) => {
                let began = Instant::now();
                // No further attempt is spent on a network or a backend in trouble.
                let enough = |one: Result<&Round, &StationError>| {
                    began.elapsed() > A_TURN_LASTS
                        || one.map_or(true, |one| one.failed > 0 || one.pause.is_some())
                };
                (round, failed) = self.send_all(due, enough).await;
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if round.online {
            self.network.answered();
            if let Some(pause) = round.pause {
                self.network.asked_to_wait(Timestamp::now(), pause);
            }
        } else {
            self.network
                .silent(Timestamp::now(), Uuid::now_v7().as_u64_pair().1);
        }
        self.shared.set_online(round.online);
        self.note(&round).await;
        Ok((round, None))
    }

    /// Sends these, oldest first and [`SIDE_BY_SIDE`], and begins no more of them once one came to what `stop` says;
    /// those under way have their turn all the same. Returns what they came to and the last error.
    async fn send_all(
        &self,
        due: Vec<Outgoing>,
        stop: impl Fn(Result<&Round, &StationError>) -> bool,
    ) -> (Round, Option<StationError>) {
        self.shared.pace().sending(Instant::now());
        let (mut round, mut failed, mut smooth) = (Round::default(), None, true);
        let mut waiting = due.into_iter();
        let mut under_way = JoinSet::new();
        loop {
            while smooth
                && under_way.len() < SIDE_BY_SIDE as usize
                && let Some(outgoing) = waiting.next()
            {
                under_way.spawn(send(self.shared.clone(), outgoing));
            }
            let Some(ended) = under_way.join_next().await else {
                return (round, failed);
            };
            let ended = ended.unwrap_or_else(|e| Err(StationError::System(e.to_string())));
            smooth &= !stop(ended.as_ref());
            match ended {
                Ok(one) => round.add(one),
                Err(error) => failed = Some(error),
            }
        }
    }

    /// One whole round for the command line: everything due is tried once, then the decisions are fetched.
    pub(crate) async fn once(&mut self) -> Result<Round, StationError> {
        let mut total = Round::default();
        if !self.shared.is_enrolled() {
            // Nobody would take anything; no attempt is spent.
            return Ok(total);
        }
        let mut tried = std::collections::HashSet::new();
        let mut failed = None;
        loop {
            let now = Timestamp::now();
            let due = self
                .shared
                .records(move |store| store.next_due(now, A_TURN))
                .await?;
            let fresh: Vec<Outgoing> = due.into_iter().filter(|d| tried.insert(d.id)).collect();
            if fresh.is_empty() {
                break;
            }
            let (round, error) = self.send_all(fresh, |_| false).await;
            total.add(round);
            failed = error.or(failed);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        total.add(self.fetch(Timestamp::now()).await?);
        self.shared.set_online(total.online);
        self.note(&total).await;
        Ok(total)
    }

    async fn fetch(&mut self, now: Timestamp) -> Result<Round, StationError> {
        let mut round = Round::default();
        loop {
            let cursor = self.shared.records(|store| store.cursor()).await?;
            let page = match self.shared.client().changes(cursor.as_deref(), PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    round.online = !error.needs_network();
                    round.pause = error.retry_after();
                    told_the_time(&self.shared, &error);
                    self.shared.hear(&error).await;
                    tracing::info!(%error, "changes could not be fetched");
                    break;
                }
            };
            round.online = true;
            self.shared.clock_agrees();
            fail_point!("changes.fetched");
            let (changes, next, more) = (page.changes, page.next_cursor, page.more);
            let told: Vec<_> = changes
                .iter()
                .filter_map(|c| Some((c.record_id, progress(&c.what)?)))
                .collect();
            round.changes += u32::try_from(told.len()).unwrap_or(u32::MAX);
            self.shared
                .records(move |store| take_over(store, changes, &next, Timestamp::now()))
                .await?;
            for (record_id, progress) in told {
                self.shared.tell(record_id, progress, None);
            }
            if !more {
                break;
            }
        }
        self.network.fetched_at = Some(now);
        Ok(round)
    }
}

/// One attempt at one record: marked, made, written down. The screen is told only what is written down.
async fn send(shared: Shared, outgoing: Outgoing) -> Result<Round, StationError> {
    let id = outgoing.id;
    let begun = Timestamp::now();
    match shared.records(move |store| store.begin_attempt(id, begun)).await {
        Ok(_) => {}
        // Another process (`sync` beside the window) was quicker, with this record or with its receipt.
        Err(StationError::Records(RecordsError::AlreadySending(_) | RecordsError::Impossible(_))) => {
            return Ok(Round::default());
        }
        Err(error) => return Err(error),
    }
    let mut round = Round::default();
    let result = match capture(&shared, outgoing).await {
        Ok(capture) => match shared.client().put_capture(id.uuid(), &capture).await {
            Ok(accepted) => {
                round.online = true;
                AttemptResult::Delivered(kept(&accepted.receipt))
            }
            Err(error) => {
                round.online = !error.needs_network();
                round.pause = error.retry_after();
                told_the_time(&shared, &error);
                shared.hear(&error).await;
                judged(&error)
            }
        },
        Err(StationError::Records(
            error @ (RecordsError::Damaged { .. } | RecordsError::Purged(_) | RecordsError::NotFound(_)),
        )) => AttemptResult::Refused {
            reason: PersonReason::Damaged,
            why: error.to_string(),
        },
        // A busy or full disk says nothing about this photo.
        Err(error) => AttemptResult::Failed {
            why: error.to_string(),
            retry_after: None,
        },
    };
    let receipt = match &result {
        AttemptResult::Delivered(receipt) => Some(receipt.number.clone()),
        _ => None,
    };
    fail_point!("send.answered");
    let ended = Timestamp::now();
    let state = shared
        .records(move |store| store.finish_attempt(id, result, ended))
        .await?;
    match state {
        RecordState::NeedsPerson { .. } => {
            round.refused = 1;
            shared.tell(id.uuid(), Progress::NeedsPerson, None);
        }
        state if state.has_receipt() => {
            round.delivered = 1;
            shared.pace().sent(1, Instant::now());
            shared.tell(id.uuid(), Progress::Delivered, receipt);
        }
        _ => round.failed = 1,
    }
    Ok(round)
}

/// A refusal for the clock's sake says what time it is there.
fn told_the_time(shared: &Shared, error: &VendorError) {
    if let Some(time) = error.problem().and_then(|problem| problem.server_time) {
        shared.clock_told(time);
    }
}

/// What a failed attempt means for the record. A refusal never deletes anything: a person looks.
fn judged(error: &VendorError) -> AttemptResult {
    let why = error.to_string();
    if matches!(error, VendorError::ReceiptMismatch) {
        return AttemptResult::Refused {
            reason: PersonReason::ReceiptMismatch,
            why,
        };
    }
    if !error.is_permanent() {
        return AttemptResult::Failed {
            why,
            retry_after: error.retry_after(),
        };
    }
    let reason = match error.problem().map(|p| p.code) {
        // The station's own standing, not the photo's: it mends when the station is enrolled again.
        None
        | Some(
            ProblemCode::UnknownStation
            | ProblemCode::StationRevoked
            | ProblemCode::SignatureInvalid
            | ProblemCode::SignatureMissing,
        ) => {
            return AttemptResult::Failed {
                why,
                retry_after: None,
            };
        }
        Some(
            ProblemCode::UnknownCode
            | ProblemCode::CodeExpired
            | ProblemCode::ProofMismatch
            | ProblemCode::ProofRequired
            | ProblemCode::CodeMismatch
            | ProblemCode::IdentityExpired
            | ProblemCode::UnknownRecord,
        ) => PersonReason::Identity,
        Some(ProblemCode::AlreadyCollected) => PersonReason::AlreadyCollected,
        Some(_) => PersonReason::Refused,
    };
    AttemptResult::Refused { reason, why }
}

async fn capture(shared: &Shared, outgoing: Outgoing) -> Result<Capture, StationError> {
    let id = outgoing.id;
    let ((standard, standard_hash), (original, original_hash), report) = shared
        .records(move |store| {
            Ok((
                store.photo_with_hash(id, PhotoKind::Standard)?,
                store.photo_with_hash(id, PhotoKind::Original)?,
                store.report(id)?,
            ))
        })
        .await?;
    let standard = Photo::proven(STANDARD_TYPE, standard, standard_hash);
    let original = Photo::proven(original_type(&original), original, original_hash);
    Ok(captured(outgoing, standard, original, report))
}

/// A verified receipt as the records keep it.
pub(crate) fn kept(receipt: &vendor::Receipt) -> Receipt {
    Receipt {
        number: receipt.receipt_number.clone(),
        bytes: serde_json::to_vec(receipt).unwrap_or_default(),
        standard_sha256: receipt.standard_sha256.clone(),
    }
}

pub(crate) const STANDARD_TYPE: &str = "image/jpeg";

/// A camera's own JPEG, or the lossless picture of one that sends none.
pub(crate) fn original_type(original: &[u8]) -> &'static str {
    if original.starts_with(&[0x89, b'P', b'N', b'G']) {
        "image/png"
    } else {
        "image/jpeg"
    }
}

/// A record as the backend takes it, by the network or in a bundle.
pub(crate) fn captured(
    outgoing: Outgoing,
    standard: Photo,
    original: Photo,
    report: serde_json::Value,
) -> Capture {
    let text = |secret: &records::Secret| Secret::new(String::from_utf8_lossy(secret.expose()).into_owned());
    Capture {
        subject: Subject {
            identity_token: outgoing.identity_token.as_ref().map(text),
            academic_record_id: outgoing.academic_record,
            code: Some(SecretBytes::new(outgoing.code_text.expose())),
            proof: serde_json::from_slice(outgoing.proof.expose()).unwrap_or(vendor::api::Proof::None),
            school_id: outgoing.school_id,
        },
        standard,
        original,
        captured_at: outgoing.captured_at,
        submitted_at: outgoing.submitted_at,
        consented_at: outgoing.consent_at,
        shoot_number: outgoing.shoot_number,
        spec: outgoing.spec,
        report,
        forced_reason: outgoing.forced_reason,
        software: SOFTWARE.to_owned(),
    }
}

/// What the front should be told of a change.
fn progress(what: &ChangeKind) -> Option<Progress> {
    match what {
        ChangeKind::Approved => Some(Progress::Approved),
        ChangeKind::Rejected { .. } => Some(Progress::Rejected),
        ChangeKind::Paid { .. } => Some(Progress::Delivered),
        ChangeKind::Resolved { .. } | ChangeKind::Superseded { .. } | ChangeKind::Other => None,
    }
}

/// Writes a page of decisions down, together with how far the feed has been read.
fn take_over(
    store: &mut records::Store,
    changes: Vec<vendor::api::Change>,
    cursor: &str,
    now: Timestamp,
) -> records::Result<()> {
    let mut reviews = Vec::new();
    for change in changes {
        let record_id = RecordId::from(change.record_id);
        let (review, reasons) = match change.what {
            ChangeKind::Approved => (Review::Approved, Vec::new()),
            ChangeKind::Rejected { rejection } => (
                Review::Rejected,
                rejection
                    .reasons
                    .iter()
                    .map(|r| r.zh.clone())
                    .chain(rejection.note)
                    .collect(),
            ),
            ChangeKind::Paid { order_id } => {
                ignore_unknown(store.set_payment(record_id, &Payment::Paid { order: order_id }, now))?;
                (Review::UnderReview, Vec::new())
            }
            ChangeKind::Resolved {
                masked_name,
                masked_id,
                academic_record_id,
            } => {
                let known = store.show(record_id).ok().and_then(|detail| detail.identity);
                let masked = MaskedIdentity {
                    masked_name,
                    masked_id,
                    ..known.unwrap_or_else(unknown)
                };
                let identity = Identity {
                    academic_record: academic_record_id,
                    masked,
                    token: None,
                };
                ignore_unknown(store.resolve(record_id, &identity, now))?;
                continue;
            }
            ChangeKind::Superseded { .. } | ChangeKind::Other => continue,
        };
        let sequence = rank(review, change.at);
        reviews.push(Change {
            record_id,
            review,
            reasons,
            at: change.at,
            sequence,
        });
    }
    store.apply_changes(&reviews, cursor, now)?;
    Ok(())
}

/// A review outcome's place in a record's life. A decision is final for its record (a rejected student comes back
/// with a new one), so it outranks "under review" even where the backend's clock was set back between the two, or
/// gave both the same microsecond.
fn rank(review: Review, at: Timestamp) -> u64 {
    let at = u64::try_from(at.as_microsecond()).unwrap_or(0);
    match review {
        Review::UnderReview => at,
        Review::Approved | Review::Rejected => at | DECIDED,
    }
}

/// Above every microsecond a timestamp can have (they need 58 bits), within what SQLite's integers hold.
const DECIDED: u64 = 1 << 61;

/// What a change does not tell of a student.
fn unknown() -> MaskedIdentity {
    MaskedIdentity {
        masked_name: String::new(),
        masked_id: String::new(),
        school: String::new(),
        level: String::new(),
        major: String::new(),
        year: 0,
    }
}

/// A change may speak of a record that was carried to another station or purged here, and the academic
/// record the student chose here stays the one in force: nothing to do, and no reason to stop reading the feed.
fn ignore_unknown(result: records::Result<()>) -> records::Result<()> {
    match result {
        Err(RecordsError::NotFound(_) | RecordsError::Purged(_) | RecordsError::Conflict(_)) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_760_000_000).unwrap()
    }

    fn fetched() -> Network {
        Network {
            fetched_at: Some(now()),
            ..Network::default()
        }
    }

    fn ids(n: u8) -> Vec<RecordId> {
        (0..n).map(|i| RecordId::from_parts(now(), [i; 10])).collect()
    }

    #[test]
    fn the_oldest_go_first_and_only_a_few_at_once() {
        let due = ids(10);
        assert_eq!(plan(now(), &fetched(), &due), Task::Send(due));
        let many = ids(200);
        assert_eq!(
            plan(now(), &fetched(), &many),
            Task::Send(many[..A_TURN as usize].to_vec())
        );
    }

    #[test]
    fn decisions_get_their_turn_before_a_long_outbox() {
        assert_eq!(plan(now(), &Network::default(), &ids(250)), Task::Fetch);
    }

    #[test]
    fn a_dead_network_is_probed_before_any_record_is_tried() {
        let mut network = fetched();
        network.silent(now(), 7);
        assert!(
            matches!(plan(now(), &network, &ids(3)), Task::Wait(_)),
            "not at once"
        );
        let later = network.pause.unwrap().1;
        assert_eq!(plan(later, &network, &ids(3)), Task::Probe);
        network.answered();
        assert!(matches!(
            plan(later, &network, &ids(3)),
            Task::Send(_) | Task::Fetch
        ));
    }

    #[test]
    fn waits_grow_to_a_minute_and_no_further() {
        let mut network = Network::default();
        let mut longest = SignedDuration::ZERO;
        for _ in 0..40 {
            network.silent(now(), 3);
            longest = longest.max(network.pause.unwrap().1.duration_since(now()));
        }
        assert!(
            longest > SignedDuration::from_secs(20) && longest <= SignedDuration::from_secs(60),
            "{longest:?}"
        );
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_fetching() {
        let network = Network {
            fetched_at: Some(now() + SignedDuration::from_hours(5)),
            ..Network::default()
        };
        assert_eq!(plan(now(), &network, &[]), Task::Fetch);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_sending() {
        let mut network = fetched();
        network.silent(now(), 1);
        let back = now() - SignedDuration::from_hours(5);
        assert_eq!(plan(back, &network, &ids(3)), Task::Probe);
    }

    #[test]
    fn a_backend_that_asks_for_a_pause_gets_it_for_every_record_and_not_for_ever() {
        let mut network = fetched();
        network.asked_to_wait(now(), Duration::from_secs(30));
        assert!(matches!(plan(now(), &network, &ids(3)), Task::Wait(_)));
        let after = now() + SignedDuration::from_secs(30);
        assert!(matches!(
            plan(after, &network, &ids(3)),
            Task::Fetch | Task::Send(_)
        ));
        network.asked_to_wait(now(), Duration::from_hours(1000));
        let after = now() + SignedDuration::from_hours(1);
        assert!(matches!(
            plan(after, &network, &ids(3)),
            Task::Fetch | Task::Send(_)
        ));
    }

    #[test]
    fn a_decision_outranks_under_review_whatever_the_backends_clock_said() {
        let earlier = now() - SignedDuration::from_hours(6);
        assert!(rank(Review::Rejected, earlier) > rank(Review::UnderReview, now()));
        assert!(rank(Review::Approved, now()) > rank(Review::UnderReview, now()));
        assert!(rank(Review::Approved, now()) > rank(Review::Rejected, earlier));
        assert!(i64::try_from(rank(Review::Approved, Timestamp::MAX)).is_ok());
        assert!((Timestamp::MAX.as_microsecond() as u64) < DECIDED);
    }

    #[test]
    fn only_a_refusal_needs_a_person_and_a_station_out_of_favour_waits() {
        let refused = |code| VendorError::Refused(Box::new(vendor::Problem::new(code)));
        assert!(matches!(
            judged(&refused(ProblemCode::UnknownCode)),
            AttemptResult::Refused {
                reason: PersonReason::Identity,
                ..
            }
        ));
        assert!(matches!(
            judged(&refused(ProblemCode::CaptureConflict)),
            AttemptResult::Refused {
                reason: PersonReason::Refused,
                ..
            }
        ));
        for code in [
            ProblemCode::UnknownStation,
            ProblemCode::CodeInUse,
            ProblemCode::StationRevoked,
            ProblemCode::RateLimited,
            ProblemCode::ClockSkew,
        ] {
            assert!(
                matches!(judged(&refused(code)), AttemptResult::Failed { .. }),
                "{code}"
            );
        }
        let portal = VendorError::NotTheBackend {
            status: 200,
            why: "a page".into(),
        };
        assert!(matches!(judged(&portal), AttemptResult::Failed { .. }));
        assert!(matches!(
            judged(&VendorError::BadReceipt("for another record")),
            AttemptResult::Failed { .. }
        ));
        assert!(matches!(
            judged(&VendorError::ReceiptMismatch),
            AttemptResult::Refused {
                reason: PersonReason::ReceiptMismatch,
                ..
            }
        ));
    }
}
