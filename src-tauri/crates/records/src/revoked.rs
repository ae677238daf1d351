//! What a station that was revoked drops: the tokens its students' identities were confirmed with. Records, photos,
//! codes and proofs stay, so that all of it can be delivered once the station is let in again.

use jiff::Timestamp;

use crate::audit::{self, Actor, Entry};
use crate::open::{millis, write};
use crate::{Result, Store};

impl Store {
    /// Drops every identity token and writes down why; returns how many there were.
    ///
    /// # Errors
    /// Only database errors.
    pub fn drop_tokens(&mut self, why: &str, now: Timestamp) -> Result<u64> {
        let tx = write(&mut self.db)?;
        let dropped = tx.execute(
            "UPDATE paper SET identity_token = NULL WHERE identity_token IS NOT NULL",
            [],
        )?;
        let detail = format!("{why}: {dropped} tokens dropped");
        audit::append(
            &tx,
            &Entry {
                subject: None,
                actor: Actor::Backend,
                what: "tokens-dropped",
                state: None,
                detail: Some(&detail),
                at: millis(now),
            },
        )?;
        tx.commit()?;
        Ok(dropped as u64)
    }
}
