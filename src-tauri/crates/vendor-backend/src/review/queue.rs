//! One photo, one reviewer: a photo that is before somebody is before nobody else, until they decide, put it back,
//! leave, or sit there for too long.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::door::Seat;
use super::reviewers::Role;
use super::words::{Turn, Word, turn, weigh};
use super::{Decision, decide};
use crate::Service;
use crate::database::{Optional as _, Tx, micros, parsed, written};
use crate::fault::Fault;

/// A look takes seconds; whoever was called away gives the photo back by this.
pub(super) const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// So many photos that others took at the same moment are passed over.
const TRIES: usize = 8;

/// What the desk may offer for a photo.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// It is before this reviewer, who is to say a word; what two others said who disagree.
    Yours(Vec<Word>),
    /// It is before somebody else.
    Taken(String),
    /// This reviewer has said this.
    Spoken(Decision),
    /// Two disagree; somebody who leads settles it.
    Disputed,
    /// It is not under review.
    Closed,
}

/// What a word came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It decided.
    Decided,
    /// It is kept; somebody else must look, too.
    Kept,
    /// The photo was not this reviewer's to decide (any more).
    NotYours,
}

/// Gives back whatever is before this reviewer.
pub(super) fn put_back(tx: &Tx<'_>, seat: &Seat) -> Result<(), Fault> {
    tx.execute("DELETE FROM leases WHERE session_mac = ?1", [&seat.session])?;
    Ok(())
}

/// Puts the photo that waits for the longest before this reviewer, and gives back the one before it.
pub(super) fn next(
    tx: &Tx<'_>,
    four_eyes: bool,
    seat: &Seat,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    next_but(tx, four_eyes, seat, Uuid::nil(), now)
}

/// As [`next`], but for one: a photo that somebody gave back is not put before them again at once.
pub(super) fn next_but(
    tx: &Tx<'_>,
    four_eyes: bool,
    seat: &Seat,
    but: Uuid,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    put_back(tx, seat)?;
    for _ in 0..TRIES {
        match waiting(tx, four_eyes, seat, but, now)? {
            Some(id) if take(tx, seat, &id, now)? => return Ok(Some(id)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// The oldest photo this reviewer may decide and nobody else looks at.
fn waiting(
    tx: &Tx<'_>,
    four_eyes: bool,
    seat: &Seat,
    but: Uuid,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    // Every store counts the parameters: each condition names the fourth.
    let whose_turn = match (four_eyes, seat.role) {
        (false, _) => "?4 <> ''",
        (true, Role::Lead) => {
            "NOT EXISTS (SELECT 1 FROM words w WHERE w.record_id = c.record_id AND w.reviewer = ?4)"
        }
        (true, Role::Reviewer) => {
            "NOT EXISTS (SELECT 1 FROM words w WHERE w.record_id = c.record_id AND w.reviewer = ?4)
             AND (SELECT count(*) FROM words w WHERE w.record_id = c.record_id) < 2"
        }
    };
    let query = format!(
        "SELECT c.record_id FROM captures c WHERE c.state = 'under-review' AND c.record_id <> ?3
         AND NOT EXISTS (SELECT 1 FROM leases l
             WHERE l.record_id = c.record_id AND l.ends_at > ?1 AND l.session_mac <> ?2)
         AND {whose_turn} ORDER BY c.seq LIMIT 1"
    );
    let asked = (micros(now), &seat.session, but.to_string(), &seat.reviewer);
    let found = tx.query_row(&query, asked, |row| row.get(0));
    Ok(found.optional()?)
}

/// Puts a photo before this reviewer, or leaves it there; `false` where somebody else looks at it. The table's key
/// decides who is first.
fn take(tx: &Tx<'_>, seat: &Seat, record_id: &str, now: Timestamp) -> Result<bool, Fault> {
    tx.execute(
        "DELETE FROM leases WHERE record_id = ?1 AND ends_at <= ?2",
        (record_id, micros(now)),
    )?;
    let ends_at = micros(now + LEASE);
    tx.execute(
        "INSERT INTO leases (record_id, session_mac, reviewer, ends_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (record_id) DO NOTHING",
        (record_id, &seat.session, &seat.reviewer, ends_at),
    )?;
    let mine = tx.execute(
        "UPDATE leases SET ends_at = ?3 WHERE record_id = ?1 AND session_mac = ?2",
        (record_id, &seat.session, ends_at),
    )?;
    Ok(mine == 1)
}

/// Before whom is this photo?
fn before_whom(tx: &Tx<'_>, record_id: &str) -> Result<String, Fault> {
    let found = tx.query_row(
        "SELECT reviewer FROM leases WHERE record_id = ?1",
        [record_id],
        |row| row.get(0),
    );
    Ok(found.optional()?.unwrap_or_default())
}

fn words(tx: &Tx<'_>, record_id: &str) -> Result<Vec<Word>, Fault> {
    let sql = "SELECT reviewer, decision FROM words WHERE record_id = ?1 ORDER BY at, reviewer";
    let rows: Vec<(String, String)> = tx.rows(sql, [record_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.into_iter()
        .map(|(reviewer, decision)| {
            Ok(Word {
                reviewer,
                decision: parsed(&decision)?,
            })
        })
        .collect()
}

fn is_under_review(tx: &Tx<'_>, record_id: &str) -> Result<bool, Fault> {
    Ok(tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM captures WHERE record_id = ?1 AND state = 'under-review')",
        [record_id],
        |row| row.get(0),
    )?)
}

/// What the desk may offer; where it is this reviewer's turn, the photo is before them now, and no other is.
pub(super) fn offer(
    tx: &Tx<'_>,
    four_eyes: bool,
    seat: &Seat,
    record_id: Uuid,
    now: Timestamp,
) -> Result<Offer, Fault> {
    let id = record_id.to_string();
    if !is_under_review(tx, &id)? {
        return Ok(Offer::Closed);
    }
    let said = words(tx, &id)?;
    match turn(four_eyes, &said, &seat.reviewer, seat.role) {
        Turn::Yours => {}
        Turn::Disputed => return Ok(Offer::Disputed),
        Turn::Spoken => {
            let own = said.into_iter().find(|word| word.reviewer == seat.reviewer);
            return Ok(own.map_or(Offer::Disputed, |word| Offer::Spoken(word.decision)));
        }
    }
    tx.execute(
        "DELETE FROM leases WHERE session_mac = ?1 AND record_id <> ?2",
        (&seat.session, &id),
    )?;
    if !take(tx, seat, &id, now)? {
        return Ok(Offer::Taken(before_whom(tx, &id)?));
    }
    // One word alone is nobody's business but its speaker's: the second reviewer looks without it.
    Ok(Offer::Yours(if said.len() > 1 { said } else { Vec::new() }))
}

/// Takes a reviewer's word, if the photo is before them or before nobody.
pub(super) fn say(
    tx: &Tx<'_>,
    service: &Service,
    seat: &Seat,
    record_id: Uuid,
    decision: &Decision,
    now: Timestamp,
) -> Result<Said, Fault> {
    let four_eyes = service.four_eyes;
    if !matches!(offer(tx, four_eyes, seat, record_id, now)?, Offer::Yours(_)) {
        return Ok(Said::NotYours);
    }
    let id = record_id.to_string();
    let said = words(tx, &id)?;
    tx.execute(
        "INSERT INTO words (record_id, reviewer, decision, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (record_id, reviewer) DO UPDATE SET decision = ?3, at = ?4",
        (&id, &seat.reviewer, written(decision)?, micros(now)),
    )?;
    put_back(tx, seat)?;
    let word = Word {
        reviewer: seat.reviewer.clone(),
        decision: decision.clone(),
    };
    let Some(decision) = weigh(four_eyes, &said, &word) else {
        return Ok(Said::Kept);
    };
    if decide(tx, record_id, &decision, now)? {
        Ok(Said::Decided)
    } else {
        Ok(Said::NotYours)
    }
}
