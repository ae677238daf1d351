//! Another key, and how a station is shut out and comes back.

use vendor::StationKey;
use vendor::api::{Enrolled, KeyReplaced, KeyRequest};
use vendor::problem::ProblemCode;

use super::report::Seen;
use super::wire::fresh_key;
use super::{Booth, Effect, Run, fault, holds, skip};
use crate::BackendError;

impl Run<'_> {
    pub(super) async fn another_key(&mut self, booth: &Booth) -> Result<(), BackendError> {
        let new = fresh_key()?;
        // A proof for somebody else's key is none for this one.
        let stolen = KeyRequest::new("another key", &new);
        let letter = self.post(booth, "/v1/station/key", &stolen);
        let reply = self.wire.send(letter).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::InvalidRequest));
        self.book.note("key.proof", refused);
        let replaced = self.replaced(booth, &new).await;
        self.book.note("key.replaced", replaced);
        Ok(())
    }

    async fn replaced(&self, booth: &Booth, new: &StationKey) -> Result<(), Seen> {
        let request = KeyRequest::new(&booth.key.public_key().key_id(), new);
        let reply = self
            .wire
            .send(self.post(booth, "/v1/station/key", &request))
            .await?;
        let replaced: KeyReplaced = reply.json(200)?;
        holds(replaced.station_id == booth.id, "another station id")?;
        let old = self.wire.send(self.get(booth, "/v1/profile")).await?;
        old.refused(ProblemCode::UnknownStation)?;
        let now = Booth {
            key: new.clone(),
            ..booth.clone()
        };
        let reply = self.wire.send(self.get(&now, "/v1/profile")).await?;
        holds(reply.status == 200, "the new key is not heard")
    }

    pub(super) async fn revocation(&mut self) -> Result<(), BackendError> {
        let Some((booth, code)) = self.third().await? else {
            let none = Err::<(), _>(skip("give a third activation code (--activation)"));
            self.book.note("revocation.signed", none);
            return Ok(());
        };
        let revoked = self.revoked(&booth).await;
        if self.book.note("revocation.signed", revoked).is_none() {
            return Ok(());
        }
        let reply = self.comes_back(&booth, &code).await;
        let refused = reply.and_then(|reply| reply.refused(ProblemCode::StationRevoked));
        self.book.note("revocation.code", refused);
        let back = match self.way_back() {
            None => Err(skip("give a fourth activation code (--activation)")),
            Some(fresh) => self.returned(&booth, &fresh).await,
        };
        self.book.note("revocation.back", back);
        Ok(())
    }

    async fn revoked(&self, booth: &Booth) -> Result<(), Seen> {
        if !self.hands.revoke(&booth.id).await {
            return Err(skip("nobody was there to revoke a station"));
        }
        if !self.wait_for(booth, &Effect::ShutOut).await {
            return Err(fault("still let through when patience ended"));
        }
        let reply = self.wire.send(self.get(booth, "/v1/profile")).await?;
        let problem = reply.refused(ProblemCode::StationRevoked)?;
        let proof = problem
            .revocation
            .ok_or_else(|| fault("no revocation in the problem"))?;
        let own = proof.verifies(&booth.receipt_key, &booth.key.public_key());
        holds(own, "the revocation does not verify for this station")
    }

    async fn returned(&self, booth: &Booth, fresh: &str) -> Result<(), Seen> {
        let enrolled: Enrolled = self.comes_back(booth, fresh).await?.json(200)?;
        holds(enrolled.station_id == booth.id, "another station id")?;
        let reply = self.wire.send(self.get(booth, "/v1/profile")).await?;
        holds(reply.status == 200, "not let through")
    }
}
