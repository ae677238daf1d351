//! What staff note in a record's history.

use jiff::Timestamp;

use crate::audit::Actor;
use crate::open::{millis, write};
use crate::queue::{note, state_of};
use crate::{RecordId, Result, Store};

impl Store {
    /// Notes something in a record's history that a person at the booth decided: `what` in kebab-case, `detail` never
    /// secret. The record stays as it is.
    ///
    /// # Errors
    /// [`crate::RecordsError::NotFound`]; database errors.
    pub fn note_by_staff(&mut self, id: RecordId, what: &str, detail: &str, at: Timestamp) -> Result<()> {
        let tx = write(&mut self.db)?;
        let state = state_of(&tx, id)?;
        note(&tx, id, Actor::Staff, what, state, Some(detail), millis(at))?;
        Ok(tx.commit()?)
    }
}
