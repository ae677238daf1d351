//! Photos: taken once, receipted, reviewed, shot again, locked, handed over.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use reqwest::header::HeaderMap;
use uuid::Uuid;
use vendor::api::{
    Accepted, Capture, Change, ChangeKind, ChangePage, CollectionState, DeliverableList, Eligibility,
    Identity, Photo, Subject, sha256_hex,
};
use vendor::problem::ProblemCode;
use vendor::signature::verify_content_digest;
use vendor::{FeeWhen, Profile};

use super::people::Student;
use super::report::Seen;
use super::visit::bound;
use super::wire::Reply;
use super::{Booth, Effect, REVIEWED_OR_WAITING, Run, fault, holds, skip};

/// A cursor that never ends would keep the suite for ever.
const MOST_PAGES: usize = 1000;

/// A photo that the server has.
struct Sent {
    record_id: Uuid,
    capture: Capture,
    state: CollectionState,
}

impl Run<'_> {
    /// A capture as a station makes it, of a picture that nobody is on.
    pub(super) fn capture(&self, subject: Subject, shade: u8) -> Capture {
        let now = self.wire.now();
        Capture {
            subject,
            standard: Photo::new("image/jpeg", picture(480, 640, shade, ImageFormat::Jpeg)),
            original: Photo::new("image/png", picture(64, 48, shade, ImageFormat::Png)),
            captured_at: now,
            submitted_at: now,
            consented_at: now,
            shoot_number: format!("C{shade:03}"),
            spec: "national-blue".to_owned(),
            report: serde_json::json!({ "accepted": true }),
            forced_reason: None,
            software: "photo-station conformance suite".to_owned(),
        }
    }

    pub(super) async fn put(&self, booth: &Booth, record_id: Uuid, capture: &Capture) -> Result<Reply, Seen> {
        let letter = self.letter(booth, Method::PUT, &format!("/v1/captures/{record_id}"));
        let letter = letter.json(capture).keyed(&record_id.to_string());
        self.wire.send(letter).await
    }

    async fn show(&self, booth: &Booth, record_id: Uuid) -> Result<Reply, Seen> {
        let path = format!("/v1/captures/{record_id}");
        self.wire.send(self.get(booth, &path)).await
    }

    pub(super) async fn state(&self, booth: &Booth, record_id: Uuid) -> Option<CollectionState> {
        let accepted: Accepted = self.show(booth, record_id).await.ok()?.json(200).ok()?;
        Some(accepted.state)
    }

    /// One student from the scan to the photo in hand, with a rejection in between.
    pub(super) async fn visit(&mut self, booth: &Booth, other: Option<&Booth>, profile: &Profile) {
        let Some(student) = self.students.take("ordinary") else {
            let none = Err::<(), _>(skip("no test student `ordinary`"));
            self.book.note("capture.taken", none);
            return;
        };
        let Ok(mut identity) = self.identity(booth, &student, profile).await else {
            return;
        };
        let due = identity.records.first().map_or(0, |record| record.fee.due_fen);
        if profile.fee.when == FeeWhen::BeforeShooting && due > 0 {
            identity = self.has_paid(booth, other, profile, &student, identity).await;
        }
        if matches!(profile.fee.when, FeeWhen::OnlyForChange | FeeWhen::Never) {
            self.owes_nothing(booth, &identity).await;
        }
        self.bad_captures(booth, other, &identity).await;
        let Some(mut sent) = self.first(booth, other, &identity).await else {
            return;
        };
        if profile.fee.when == FeeWhen::AfterUpload && sent.state == CollectionState::AwaitingPayment {
            self.has_paid(booth, other, profile, &student, identity).await;
        }
        if profile.fee.when == FeeWhen::Never {
            self.book
                .note("order.asked", Err::<(), _>(skip("this profile has no fee")));
        }
        self.second_photo(booth, other, profile, &student, &mut sent)
            .await;
        self.review(booth, other, profile, &student, &sent).await;
    }

    /// Pays, and asks anew who this is and what is due.
    async fn has_paid(
        &mut self,
        booth: &Booth,
        other: Option<&Booth>,
        profile: &Profile,
        student: &Student,
        identity: Identity,
    ) -> Identity {
        let paid = self.pays(booth, other, &identity).await;
        let identity = self.identity(booth, student, profile).await.unwrap_or(identity);
        if paid {
            self.owes_nothing(booth, &identity).await;
        }
        identity
    }

    /// What must not be taken.
    async fn bad_captures(&mut self, booth: &Booth, other: Option<&Booth>, identity: &Identity) {
        let Some(record) = identity.records.first() else {
            return;
        };
        let good = self.capture(bound(identity, &record.id), 10);
        if let Some(other) = other {
            let reply = self.put(other, Uuid::now_v7(), &good).await;
            let refused = reply.and_then(|reply| reply.refused(ProblemCode::IdentityExpired));
            self.book.note("capture.token-elsewhere", refused);
        }
        let with = |change: &dyn Fn(&mut Capture)| {
            let mut capture = good.clone();
            change(&mut capture);
            capture
        };
        let bad = [
            (
                "capture.wrong-hash",
                with(&|capture| capture.standard.sha256 = "0".repeat(64)),
                ProblemCode::PhotoInvalid,
            ),
            (
                "capture.no-picture",
                with(&|capture| capture.standard = Photo::new("image/jpeg", b"<html>".to_vec())),
                ProblemCode::PhotoInvalid,
            ),
            (
                "capture.no-picture",
                with(&|capture| capture.original = Photo::new("image/svg+xml", b"<svg/>".to_vec())),
                ProblemCode::PhotoInvalid,
            ),
            (
                "capture.wrong-size",
                with(&|capture| {
                    capture.standard = Photo::new("image/jpeg", picture(640, 480, 10, ImageFormat::Jpeg));
                }),
                ProblemCode::PhotoInvalid,
            ),
            (
                "capture.other-record",
                with(&|capture| capture.subject.academic_record_id = Some("no-such-record".to_owned())),
                ProblemCode::UnknownRecord,
            ),
        ];
        for (name, capture, code) in bad {
            let reply = self.put(booth, Uuid::now_v7(), &capture).await;
            let refused = reply.and_then(|reply| reply.refused(code));
            self.book.note(name, refused);
        }
        let mut unasked = serde_json::to_value(&good).unwrap_or_default();
        if let Some(fields) = unasked.as_object_mut() {
            fields.remove("consented_at");
        }
        let record_id = Uuid::now_v7();
        let letter = self.letter(booth, Method::PUT, &format!("/v1/captures/{record_id}"));
        let reply = self.wire.send(letter.json(&unasked)).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::InvalidRequest));
        self.book.note("capture.consent", refused);
    }

    /// The first photo, and everything about taking it once.
    async fn first(&mut self, booth: &Booth, other: Option<&Booth>, identity: &Identity) -> Option<Sent> {
        let record = identity.records.first()?;
        let (record_id, capture) = (Uuid::now_v7(), self.capture(bound(identity, &record.id), 20));
        let reply = self.put(booth, record_id, &capture).await;
        let taken = reply.and_then(|reply| reply.json::<Accepted>(201));
        let accepted = self.book.note("capture.taken", taken)?;
        let receipt = &accepted.receipt;
        let genuine = holds(receipt.verifies(&booth.receipt_key), "it does not verify");
        self.book.note("receipt.signature", genuine);
        let names = receipt.record_id == record_id
            && receipt.standard_sha256 == capture.standard.sha256
            && receipt.original_sha256 == capture.original.sha256;
        self.book
            .note("receipt.names", holds(names, "another record or other photos"));
        let due = record.fee.due_fen > 0;
        let expected = if due {
            accepted.state == CollectionState::AwaitingPayment
        } else {
            REVIEWED_OR_WAITING.contains(&accepted.state)
        };
        self.book
            .note("capture.state", holds(expected, accepted.state.as_str()));

        let (a, b, c, d) = tokio::join!(
            self.put(booth, record_id, &capture),
            self.put(booth, record_id, &capture),
            self.put(booth, record_id, &capture),
            self.put(booth, record_id, &capture),
        );
        let again = [a, b, c, d].into_iter().try_for_each(|reply| {
            let again: Accepted = reply?.json(200)?;
            holds(again.receipt == accepted.receipt, "another receipt")
        });
        self.book.note("capture.again", again);

        let others = self.capture(bound(identity, &record.id), 21);
        let reply = self.put(booth, record_id, &others).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::CaptureConflict));
        self.book.note("capture.conflict", refused);

        let shown = self.show(booth, record_id).await.and_then(|reply| {
            let shown: Accepted = reply.json(200)?;
            holds(shown.receipt == accepted.receipt, "another receipt")
        });
        self.book.note("capture.shown", shown);
        if let Some(other) = other {
            let reply = self.show(other, record_id).await;
            let refused = reply.and_then(|reply| reply.refused(ProblemCode::NotFound));
            self.book.note("capture.private", refused);
        }
        if accepted.state != CollectionState::Approved {
            let list = self.list(booth, record_id).await;
            let none =
                list.and_then(|list| holds(list.deliverables.is_empty(), "something is there already"));
            self.book.note("deliverables.before", none);
        }
        Some(Sent {
            record_id,
            capture,
            state: accepted.state,
        })
    }

    /// A second photo while the first is under review: refused, or a change that is paid for.
    async fn second_photo(
        &mut self,
        booth: &Booth,
        other: Option<&Booth>,
        profile: &Profile,
        student: &Student,
        sent: &mut Sent,
    ) {
        if self.state(booth, sent.record_id).await != Some(CollectionState::UnderReview) {
            let not = Err::<(), _>(skip("the first photo is not under review"));
            self.book.note("capture.collected", not);
            return;
        }
        let Ok(identity) = self.identity(booth, student, profile).await else {
            return;
        };
        let Some(record) = identity.records.first() else {
            return;
        };
        let (record_id, capture) = (Uuid::now_v7(), self.capture(bound(&identity, &record.id), 30));
        let reply = self.put(booth, record_id, &capture).await;
        if profile.fee.when != FeeWhen::OnlyForChange {
            let refused = reply.and_then(|reply| reply.refused(ProblemCode::AlreadyCollected));
            self.book.note("capture.collected", refused);
            let none = Err::<(), _>(skip("this profile takes no changes"));
            self.book.note("capture.superseded", none);
            return;
        }
        let kept = reply.and_then(|reply| {
            let accepted: Accepted = reply.json(201)?;
            holds(
                accepted.state == CollectionState::AwaitingPayment,
                accepted.state.as_str(),
            )
        });
        if self.book.note("capture.collected", kept).is_none() || !self.pays(booth, other, &identity).await {
            return;
        }
        let replaced = self.state(booth, sent.record_id).await == Some(CollectionState::Superseded);
        let result = holds(replaced, "the photo before is not superseded");
        self.book.note("capture.superseded", result);
        *sent = Sent {
            record_id,
            capture,
            state: CollectionState::UnderReview,
        };
    }

    /// Waits for a reviewer's word; `true` where it came.
    async fn decided(&self, booth: &Booth, sent: &Sent, approve: bool) -> Result<(), Seen> {
        let wanted = if approve {
            CollectionState::Approved
        } else {
            CollectionState::Rejected
        };
        let now = self.state(booth, sent.record_id).await;
        if now == Some(wanted) {
            return Ok(());
        }
        if now != Some(CollectionState::UnderReview) {
            return Err(skip("the photo is not under review"));
        }
        if !self
            .hands
            .review(sent.record_id, &sent.capture.shoot_number, approve)
            .await
        {
            return Err(skip("nobody was there to review"));
        }
        let effect = Effect::Decided(sent.record_id, wanted);
        holds(
            self.wait_for(booth, &effect).await,
            "no such decision when patience ended",
        )
    }

    async fn review(
        &mut self,
        booth: &Booth,
        other: Option<&Booth>,
        profile: &Profile,
        student: &Student,
        sent: &Sent,
    ) {
        let rejected = self.rejected(booth, sent).await;
        if self.book.note("review.rejected", rejected).is_none() {
            return;
        }
        let Ok(identity) = self.identity(booth, student, profile).await else {
            return;
        };
        let Some(record) = identity.records.first() else {
            return;
        };
        let again = holds(record.eligibility == Eligibility::Open, "the record is not open")
            .and_then(|()| holds(record.fee.due_fen == 0, "something is due again"))
            .and_then(|()| holds(record.last_rejection.is_some(), "last_rejection is absent"));
        self.book.note("review.shoot-again", again);

        let (record_id, capture) = (Uuid::now_v7(), self.capture(bound(&identity, &record.id), 40));
        let reply = self.put(booth, record_id, &capture).await;
        let taken = reply.and_then(|reply| reply.json::<Accepted>(201));
        let Some(accepted) = self.book.note("capture.taken", taken) else {
            return;
        };
        let sent = Sent {
            record_id,
            capture,
            state: accepted.state,
        };
        let approved = self.approved(booth, &sent).await;
        if self.book.note("review.approved", approved).is_none() {
            return;
        }
        let late = self.capture(bound(&identity, &record.id), 41);
        let reply = self.put(booth, Uuid::now_v7(), &late).await;
        let locked = reply.and_then(|reply| reply.refused(ProblemCode::AlreadyCollected));
        self.book.note("review.locked", locked);
        self.handed_over(booth, other, sent.record_id).await;
    }

    async fn rejected(&self, booth: &Booth, sent: &Sent) -> Result<(), Seen> {
        self.decided(booth, sent, false).await?;
        let shown: Accepted = self.show(booth, sent.record_id).await?.json(200)?;
        let reasons = shown.rejection.map(|rejection| rejection.reasons.len());
        holds(reasons.is_some_and(|count| count > 0), "no reason at the capture")?;
        let told = self.everything(booth).await?.into_iter().any(|change| {
            let reasons = match change.what {
                ChangeKind::Rejected { rejection } => rejection.reasons,
                _ => Vec::new(),
            };
            change.record_id == sent.record_id && !reasons.is_empty()
        });
        holds(told, "no rejection with a reason among the changes")
    }

    async fn approved(&self, booth: &Booth, sent: &Sent) -> Result<(), Seen> {
        self.decided(booth, sent, true).await?;
        let told = self
            .everything(booth)
            .await?
            .into_iter()
            .any(|change| change.record_id == sent.record_id && change.what == ChangeKind::Approved);
        holds(told, "no approval among the changes")
    }

    async fn list(&self, booth: &Booth, record_id: Uuid) -> Result<DeliverableList, Seen> {
        let path = format!("/v1/captures/{record_id}/deliverables");
        self.wire.send(self.get(booth, &path)).await?.json(200)
    }

    async fn handed_over(&mut self, booth: &Booth, other: Option<&Booth>, record_id: Uuid) {
        let files = self.files(booth, record_id).await;
        self.book.note("deliverables.files", files);
        let Some(other) = other else {
            return;
        };
        for path in ["deliverables", "deliverables/standard-photo"] {
            let letter = self.get(other, &format!("/v1/captures/{record_id}/{path}"));
            let reply = self.wire.send(letter).await;
            let refused = reply.and_then(|reply| reply.refused(ProblemCode::NotFound));
            self.book.note("deliverables.private", refused);
        }
    }

    async fn files(&self, booth: &Booth, record_id: Uuid) -> Result<(), Seen> {
        let list = self.list(booth, record_id).await?.deliverables;
        holds(!list.is_empty(), "there is none")?;
        for file in list {
            let kind = file.kind.as_str();
            let path = format!("/v1/captures/{record_id}/deliverables/{kind}");
            let reply = self.wire.send(self.get(booth, &path)).await?;
            let whole = reply.status == 200
                && reply.body.len() as u64 == file.length
                && sha256_hex(&reply.body) == file.sha256;
            holds(whole, &format!("{kind}: not the file announced"))?;
            let digest = header(&reply.headers, "content-digest");
            let fits = digest.is_some_and(|digest| verify_content_digest(digest, &reply.body).is_ok());
            holds(fits, &format!("{kind}: no Content-Digest that fits"))?;
        }
        Ok(())
    }

    /// A visit that had no network.
    pub(super) async fn offline(&mut self, booth: &Booth, profile: &Profile) {
        let Some(student) = self.students.take("ordinary") else {
            let none = Err::<(), _>(skip("no second test student `ordinary`"));
            self.book.note("capture.offline", none);
            return;
        };
        let (record_id, capture) = (Uuid::now_v7(), self.capture(student.subject(profile), 50));
        let reply = self.put(booth, record_id, &capture).await;
        let taken = reply.and_then(|reply| reply.json::<Accepted>(201));
        if self.book.note("capture.offline", taken).is_none() {
            return;
        }
        let told = self.everything(booth).await.and_then(|changes| {
            let resolved = changes.into_iter().find_map(|change| match change.what {
                ChangeKind::Resolved {
                    masked_name,
                    masked_id,
                    ..
                } if change.record_id == record_id => Some((masked_name, masked_id)),
                _ => None,
            });
            let (name, id) = resolved.ok_or_else(|| fault("not among the changes"))?;
            let masked = !self.wire.shows(&name) && !self.wire.shows(&id);
            holds(masked, "something of the student is shown in clear")
        });
        self.book.note("changes.resolved", told);
    }

    async fn page(&self, booth: &Booth, after: &str, limit: &str) -> Result<ChangePage, Seen> {
        let letter = self.get(booth, "/v1/changes");
        let letter = match after {
            "" => letter.query(&[("limit", limit)]),
            after => letter.query(&[("limit", limit), ("after", after)]),
        };
        self.wire.send(letter).await?.json(200)
    }

    /// Every change from the beginning, some at a time.
    async fn everything(&self, booth: &Booth) -> Result<Vec<Change>, Seen> {
        self.pages(booth, "100").await.map(|(changes, _)| changes)
    }

    async fn pages(&self, booth: &Booth, limit: &str) -> Result<(Vec<Change>, String), Seen> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        for _ in 0..MOST_PAGES {
            let page = self.page(booth, &cursor, limit).await?;
            all.extend(page.changes);
            cursor = page.next_cursor;
            if !page.more {
                return Ok((all, cursor));
            }
        }
        Err(fault("the pages do not end"))
    }

    /// What a station hears of its captures.
    pub(super) async fn news(&mut self, booth: &Booth, other: Option<&Booth>) {
        let one_by_one = self.pages(booth, "1").await;
        let at_once = self.everything(booth).await;
        let both = one_by_one.and_then(|one_by_one| Ok((one_by_one, at_once?)));
        let result = both.and_then(|((slow, cursor), fast)| {
            holds(!fast.is_empty(), "there are none")?;
            holds(slow == fast, "other changes page by page than at once")?;
            holds(fast.is_sorted_by_key(|change| change.at), "not in order")?;
            Ok(cursor)
        });
        if let Some(cursor) = self.book.note("changes.order", result) {
            let page = self.page(booth, &cursor, "10").await;
            let quiet = page.and_then(|page| {
                holds(page.changes.is_empty() && !page.more, "something is new")?;
                holds(page.next_cursor == cursor, "the cursor moved")
            });
            self.book.note("changes.quiet", quiet);
        }
        let letter = self.get(booth, "/v1/changes").query(&[("after", "no cursor")]);
        let reply = self.wire.send(letter).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::InvalidRequest));
        self.book.note("changes.bad-cursor", refused);
        if let Some(other) = other {
            let none = self.everything(other).await;
            let none = none.and_then(|changes| holds(changes.is_empty(), "it hears of them"));
            self.book.note("changes.private", none);
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A plain picture; every shade is another photo. Encoding into memory does not fail.
fn picture(w: u32, h: u32, shade: u8, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = RgbImage::from_pixel(w, h, Rgb([shade, 150, 220])).write_to(&mut Cursor::new(&mut bytes), format);
    bytes
}
