//! One student at the booth: the profile, the school, who it is, what is to be paid.

use reqwest::Method;
use uuid::Uuid;
use vendor::api::{
    Eligibility, Identity, Order, OrderRequest, OrderState, Proof, ResolveRequest, SchoolList, Subject,
};
use vendor::problem::ProblemCode;
use vendor::{Profile, ProofKind, Secret, SecretBytes};

use super::people::Student;
use super::report::Seen;
use super::wire::Reply;
use super::{Booth, Effect, Run, fault, holds, skip};

/// A server that lets more wrong proofs through than these lets guess.
const MOST_WRONG_PROOFS: usize = 12;

impl Run<'_> {
    pub(super) async fn profile(&mut self, booth: &Booth) -> Option<Profile> {
        let answer = self.wire.send(self.get(booth, "/v1/profile")).await;
        let result = answer.and_then(|reply| {
            let profile: Profile = reply.json(200)?;
            profile.validate().map_err(|error| fault(error.to_string()))?;
            if let Some(recipient) = &profile.bundle_recipient {
                let own = recipient.verified(&booth.receipt_key).is_some();
                holds(own, "bundle_recipient is not signed with the receipt key")?;
            }
            Ok(profile)
        });
        let profile = self.book.note("profile.valid", result)?;
        let as_asked = match &self.options.profile {
            None => Err(skip("no profile was promised (--profile)")),
            Some(asked) => {
                let same =
                    asked.steps == profile.steps && asked.proof == profile.proof && asked.fee == profile.fee;
                holds(same, "other steps, proof or fee")
            }
        };
        self.book.note("profile.as-asked", as_asked);
        Some(profile)
    }

    async fn find(&self, booth: &Booth, name: &str, level: &str) -> Result<SchoolList, Seen> {
        let letter = self
            .get(booth, "/v1/schools")
            .query(&[("name", name), ("level", level)]);
        self.wire.send(letter).await?.json(200)
    }

    pub(super) async fn schools(&mut self, booth: &Booth) {
        let known = self.students.any("ordinary").and_then(Student::school).cloned();
        let found = match &known {
            None => Err(skip("no ordinary test student has a school's name")),
            Some(record) => {
                let part: String = record.school.chars().take(2).collect();
                self.find(booth, &part, &record.level).await.and_then(|list| {
                    let there = list.schools.iter().any(|school| school.name == record.school);
                    holds(there, "the student's own school is not in the list")
                })
            }
        };
        self.book.note("schools.found", found);
        for (name, asked) in [
            ("schools.level", ("", "没有这个层次")),
            ("schools.none", ("没有这所学校", "")),
        ] {
            let list = self.find(booth, asked.0, asked.1).await;
            let empty = list.and_then(|list| holds(list.schools.is_empty(), "something was found"));
            self.book.note(name, empty);
        }
    }

    pub(super) async fn resolve(&self, booth: &Booth, request: &ResolveRequest) -> Result<Reply, Seen> {
        self.wire.send(self.post(booth, "/v1/identities", request)).await
    }

    pub(super) async fn identity(
        &self,
        booth: &Booth,
        student: &Student,
        profile: &Profile,
    ) -> Result<Identity, Seen> {
        self.resolve(booth, &student.asks(profile)).await?.json(200)
    }

    /// What of identities needs no student who gives a photo afterwards.
    pub(super) async fn identities(&mut self, booth: &Booth, profile: &Profile) {
        let Some(student) = self.students.any("ordinary").cloned() else {
            return;
        };
        let asks = student.asks(profile);
        let strange = ResolveRequest {
            code: Some(SecretBytes::new(*b"CHSI1:nobody")),
            ..asks.clone()
        };
        let reply = self.resolve(booth, &strange).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::UnknownCode));
        self.book.note("identity.unknown-code", refused);
        self.proofs(booth, profile, &asks, &student).await;
        self.name_first(booth, profile, &asks).await;

        let reply = self.resolve(booth, &asks).await;
        if let Ok(reply) = &reply {
            let masked = holds(
                !self.wire.shows(&reply.text()),
                "something of the student is shown in clear",
            );
            self.book.note("identity.masked", masked);
        }
        let result = reply.and_then(|reply| {
            let identity: Identity = reply.json(200)?;
            holds(identity.code_bound, "code_bound is false")?;
            holds(
                identity.expires_at > self.wire.now(),
                "the token has expired already",
            )?;
            let first = identity
                .records
                .first()
                .ok_or_else(|| fault("no academic record"))?;
            holds(
                first.of_this_code,
                "the first academic record is not the code's own",
            )
        });
        self.book.note("identity.resolves", result);
    }

    async fn proofs(&mut self, booth: &Booth, profile: &Profile, asks: &ResolveRequest, student: &Student) {
        if profile.proof == ProofKind::None {
            for name in [
                "identity.proof-required",
                "identity.proof-mismatch",
                "identity.proof-locked",
            ] {
                self.book
                    .note(name, Err::<(), _>(skip("this profile asks for no proof")));
            }
            return;
        }
        let without = ResolveRequest {
            proof: Proof::None,
            ..asks.clone()
        };
        let reply = self.resolve(booth, &without).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::ProofRequired));
        self.book.note("identity.proof-required", refused);

        let wrong = ResolveRequest {
            proof: student.wrong_proof(profile),
            ..asks.clone()
        };
        let reply = self.resolve(booth, &wrong).await;
        let counted = reply.and_then(|reply| {
            let problem = reply.refused(ProblemCode::ProofMismatch)?;
            holds(problem.attempts_left.is_some(), "no attempts_left")
        });
        self.book.note("identity.proof-mismatch", counted);

        let locked = self.locked(booth, profile).await;
        self.book.note("identity.proof-locked", locked);
    }

    async fn locked(&mut self, booth: &Booth, profile: &Profile) -> Result<(), Seen> {
        let none = || skip("no test student `ends-in-x` to lock");
        let victim = self.students.take("ends-in-x").ok_or_else(none)?;
        let right = victim.asks(profile);
        let wrong = ResolveRequest {
            proof: victim.wrong_proof(profile),
            ..right.clone()
        };
        for _ in 0..MOST_WRONG_PROOFS {
            let reply = self.resolve(booth, &wrong).await?;
            if reply.refused(ProblemCode::ProofLocked).is_ok() {
                break;
            }
        }
        let problem = self
            .resolve(booth, &right)
            .await?
            .refused(ProblemCode::ProofLocked)?;
        holds(problem.retry_after.is_some(), "no retry_after")
    }

    async fn name_first(&mut self, booth: &Booth, profile: &Profile, asks: &ResolveRequest) {
        let names = ["identity.name-first", "capture.unbound", "identity.code-mismatch"];
        if profile.proof != ProofKind::NameAndNumber {
            for name in names {
                self.book
                    .note(name, Err::<(), _>(skip("this profile begins with the code")));
            }
            return;
        }
        let nameless = ResolveRequest {
            code: None,
            ..asks.clone()
        };
        let reply = self.resolve(booth, &nameless).await;
        let first = reply.and_then(|reply| {
            let identity: Identity = reply.json(200)?;
            holds(!identity.code_bound, "code_bound is true without a code")?;
            Ok(identity)
        });
        if let Some(identity) = self.book.note("identity.name-first", first) {
            let subject = Subject {
                identity_token: Some(identity.identity_token),
                academic_record_id: identity.records.first().map(|record| record.id.clone()),
                ..Subject::default()
            };
            let capture = self.capture(subject, 1);
            let reply = self.put(booth, Uuid::now_v7(), &capture).await;
            let refused = reply.and_then(|reply| reply.refused(ProblemCode::IdentityExpired));
            self.book.note("capture.unbound", refused);
        }
        let others = ["several-records", "class-payment", "not-eligible"];
        let other = others
            .iter()
            .find_map(|case| self.students.any(case))
            .and_then(Student::code);
        let mismatch = match other {
            None => Err(skip("no other test student to take a code from")),
            Some(code) => {
                let mixed = ResolveRequest {
                    code: Some(code),
                    ..asks.clone()
                };
                let reply = self.resolve(booth, &mixed).await;
                reply.and_then(|reply| reply.refused(ProblemCode::CodeMismatch).map(|_| ()))
            }
        };
        self.book.note("identity.code-mismatch", mismatch);
    }

    /// Students of whom something is special.
    pub(super) async fn cases(&mut self, booth: &Booth, profile: &Profile) {
        for (name, case, eligibility, code) in [
            (
                "identity.outside-window",
                "outside-window",
                Eligibility::OutsideWindow,
                ProblemCode::OutsideWindow,
            ),
            (
                "identity.already-collected",
                "already-collected",
                Eligibility::AlreadyCollected,
                ProblemCode::AlreadyCollected,
            ),
            (
                "identity.not-eligible",
                "not-eligible",
                Eligibility::NotEligible,
                ProblemCode::NotEligible,
            ),
        ] {
            let result = self.cannot(booth, profile, case, eligibility, code).await;
            self.book.note(name, result);
        }
        let several = self.one_of(booth, profile, "several-records").await;
        let several = several.and_then(|identity| {
            holds(identity.records.len() > 1, "only one academic record")?;
            let own: Vec<bool> = identity
                .records
                .iter()
                .map(|record| record.of_this_code)
                .collect();
            let first_alone = own.first() == Some(&true) && own.iter().filter(|own| **own).count() == 1;
            holds(first_alone, "not the first one, and it alone, is the code's own")
        });
        self.book.note("identity.several-records", several);
        let class = self.one_of(booth, profile, "class-payment").await;
        let class = class.and_then(|identity| {
            let due = identity.records.first().map(|record| record.fee.due_fen);
            holds(due == Some(0), "something is due")
        });
        self.book.note("identity.class-payment", class);
    }

    async fn one_of(&self, booth: &Booth, profile: &Profile, case: &str) -> Result<Identity, Seen> {
        let none = || skip(format!("no test student `{case}`"));
        let student = self.students.any(case).ok_or_else(none)?;
        self.identity(booth, student, profile).await
    }

    async fn cannot(
        &self,
        booth: &Booth,
        profile: &Profile,
        case: &str,
        eligibility: Eligibility,
        code: ProblemCode,
    ) -> Result<(), Seen> {
        let identity = self.one_of(booth, profile, case).await?;
        let record = identity
            .records
            .first()
            .ok_or_else(|| fault("no academic record"))?;
        holds(
            record.eligibility == eligibility,
            "the eligibility says otherwise",
        )?;
        let capture = self.capture(bound(&identity, &record.id), 2);
        self.put(booth, Uuid::now_v7(), &capture)
            .await?
            .refused(code)
            .map(|_| ())
    }

    async fn order(&self, booth: &Booth, key: Option<&str>, request: &OrderRequest) -> Result<Reply, Seen> {
        let letter = self.post(booth, "/v1/orders", request);
        let letter = match key {
            Some(key) => letter.keyed(key),
            None => letter,
        };
        self.wire.send(letter).await
    }

    /// Asks for an order, examines it, and has it paid. True where it was.
    pub(super) async fn pays(&mut self, booth: &Booth, other: Option<&Booth>, identity: &Identity) -> bool {
        let Some(record) = identity.records.first() else {
            return false;
        };
        let request = OrderRequest {
            identity_token: identity.identity_token.clone(),
            academic_record_id: record.id.clone(),
        };
        let reply = self.order(booth, None, &request).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::InvalidRequest));
        self.book.note("order.key-needed", refused);

        let key = Uuid::now_v7().to_string();
        let reply = self.order(booth, Some(&key), &request).await;
        let asked = reply.and_then(|reply| {
            let order: Order = reply.json(200)?;
            holds(order.state == OrderState::Open, "not open")?;
            holds(
                order.academic_record_id == record.id,
                "for another academic record",
            )?;
            let due = record.fee.due_fen;
            holds(order.amount_fen == due && due > 0, "not the amount due")?;
            let address = reqwest::Url::parse(&order.payment_url).is_ok();
            holds(address, "payment_url is no address")?;
            Ok(order)
        });
        let Some(order) = self.book.note("order.asked", asked) else {
            return false;
        };
        self.same_order(booth, &key, &request, &order).await;
        self.orders_of_others(booth, other, &order).await;

        let paid = if self.hands.pay(&order).await {
            let there = self.wait_for(booth, &Effect::Paid(&order)).await;
            holds(there, "still not paid when patience ended")
        } else {
            Err(skip("nobody was there to pay"))
        };
        self.book.note("order.paid", paid).is_some()
    }

    pub(super) async fn is_paid(&self, booth: &Booth, order: &Order) -> bool {
        let letter = self.get(booth, &format!("/v1/orders/{}", order.id));
        let reply = self.wire.send(letter).await;
        let now = reply.and_then(|reply| reply.json::<Order>(200));
        now.is_ok_and(|now| now.state == OrderState::Paid && now.paid_at.is_some())
    }

    async fn same_order(&mut self, booth: &Booth, key: &str, request: &OrderRequest, order: &Order) {
        let fresh = Uuid::now_v7().to_string();
        for (name, key) in [("order.same-key", key), ("order.one-open", &fresh)] {
            let reply = self.order(booth, Some(key), request).await;
            let same = reply.and_then(|reply| {
                let again: Order = reply.json(200)?;
                holds(again.id == order.id, "another order")
            });
            self.book.note(name, same);
        }
        let other = OrderRequest {
            identity_token: Secret::new("another"),
            ..request.clone()
        };
        let reply = self.order(booth, Some(key), &other).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::IdempotencyMismatch));
        self.book.note("order.other-body", refused);
    }

    async fn orders_of_others(&mut self, booth: &Booth, other: Option<&Booth>, order: &Order) {
        let letter = self.letter(booth, Method::GET, &format!("/v1/orders/{}", Uuid::now_v7()));
        let reply = self.wire.send(letter).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::NotFound));
        self.book.note("order.unknown", refused);
        if let Some(other) = other {
            let reply = self
                .wire
                .send(self.get(other, &format!("/v1/orders/{}", order.id)))
                .await;
            let refused = reply.and_then(|reply| reply.refused(ProblemCode::NotFound));
            self.book.note("order.private", refused);
        }
    }

    /// Asks for an order where nothing is due.
    pub(super) async fn owes_nothing(&mut self, booth: &Booth, identity: &Identity) {
        let Some(record) = identity.records.first() else {
            return;
        };
        let request = OrderRequest {
            identity_token: identity.identity_token.clone(),
            academic_record_id: record.id.clone(),
        };
        let key = Uuid::now_v7().to_string();
        let reply = self.order(booth, Some(&key), &request).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::NothingDue));
        self.book.note("order.nothing-due", refused);
    }
}

/// A photo's owner by token.
pub(super) fn bound(identity: &Identity, academic_record_id: &str) -> Subject {
    Subject {
        identity_token: Some(identity.identity_token.clone()),
        academic_record_id: Some(academic_record_id.to_owned()),
        ..Subject::default()
    }
}
