//! What is known of payments at the provider, and the one place where one is believed.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{PaymentError, Trade, TradeState};
use crate::database::{Optional as _, Tx, micros};
use crate::fault::Fault;
use crate::orders::mark_paid;
use crate::{BackendError, Service, Store, office};

/// What was paid although it was paid before: the student's money, to be given back at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Surplus {
    /// The order.
    pub order_id: String,
    /// Its name at the provider.
    pub trade_no: String,
    /// How much.
    pub amount_fen: u32,
}

/// Everything that is to be given back, the oldest first.
///
/// # Errors
/// [`BackendError::Database`].
pub fn surplus(store: &Store) -> Result<Vec<Surplus>, BackendError> {
    let sql = "SELECT p.order_id, p.trade_no, o.amount_fen FROM payments p JOIN orders o ON o.id = p.order_id
         WHERE p.outcome = 'surplus' ORDER BY o.paid_at";
    let rows = office::open(store)?.now(|tx| {
        Ok(tx.rows(sql, (), |row| {
            Ok(Surplus {
                order_id: row.get(0)?,
                trade_no: row.get(1)?,
                amount_fen: row.get(2)?,
            })
        })?)
    })?;
    Ok(rows)
}

/// So many are asked about in one sweep.
const SWEPT_AT_ONCE: u32 = 100;

/// A payment that may still come.
pub(super) struct Open {
    pub(super) order_id: String,
    pub(super) trade_no: String,
    /// The order is past its time.
    pub(super) expired: bool,
}

/// The code that was asked for not too long ago. From now on the payment is known, so that none is missed even if what
/// asks for its code dies.
pub(super) fn code(
    tx: &Tx<'_>,
    order_id: &str,
    trade_no: &str,
    not_before: Timestamp,
) -> Result<Option<String>, Fault> {
    tx.execute(
        "INSERT INTO payments (order_id, trade_no, outcome, coded_at, asked_at) VALUES (?1, ?2, 'open', 0, 0)
         ON CONFLICT (order_id) DO NOTHING",
        (order_id, trade_no),
    )?;
    let found: Option<Option<String>> = tx
        .query_row(
            "SELECT code_url FROM payments WHERE order_id = ?1 AND coded_at > ?2",
            (order_id, micros(not_before)),
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.flatten())
}

pub(super) fn keep_code(tx: &Tx<'_>, order_id: &str, code_url: &str, now: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "UPDATE payments SET code_url = ?2, coded_at = ?3, asked_at = ?3 WHERE order_id = ?1",
        (order_id, code_url, micros(now)),
    )?;
    Ok(())
}

/// A payment that was not asked about for so long; from now on it was.
pub(super) fn may_ask(
    tx: &Tx<'_>,
    order_id: &str,
    now: Timestamp,
    every: SignedDuration,
) -> Result<Option<Open>, Fault> {
    let asked = tx.execute(
        "UPDATE payments SET asked_at = ?2 WHERE order_id = ?1 AND outcome = 'open' AND asked_at <= ?3",
        (order_id, micros(now), micros(now - every)),
    )?;
    if asked == 0 {
        return Ok(None);
    }
    let found = tx.query_row(
        "SELECT p.trade_no, o.expires_at FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.order_id = ?1",
        [order_id],
        |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)),
    );
    Ok(found.optional()?.map(|(trade_no, expires_at)| Open {
        order_id: order_id.to_owned(),
        trade_no,
        expired: expires_at <= micros(now),
    }))
}

/// Every payment that was not asked about for so long; from now on they were.
pub(super) fn due(tx: &Tx<'_>, now: Timestamp, every: SignedDuration) -> Result<Vec<Open>, Fault> {
    let sql =
        "SELECT order_id FROM payments WHERE outcome = 'open' AND asked_at <= ?1 ORDER BY asked_at LIMIT ?2";
    let ids: Vec<String> = tx.rows(sql, (micros(now - every), SWEPT_AT_ONCE), |row| row.get(0))?;
    let mut due = Vec::new();
    for id in ids {
        due.extend(may_ask(tx, &id, now, every)?);
    }
    Ok(due)
}

/// It can be paid no more.
pub(super) fn close(tx: &Tx<'_>, order_id: &str) -> Result<(), Fault> {
    tx.execute(
        "UPDATE payments SET outcome = 'closed' WHERE order_id = ?1 AND outcome = 'open'",
        [order_id],
    )?;
    Ok(())
}

struct Known {
    order_id: String,
    outcome: String,
    amount_fen: u32,
    academic_record_id: String,
    paid_before: bool,
}

fn known(tx: &Tx<'_>, trade_no: &str) -> Result<Option<Known>, Fault> {
    let found = tx.query_row(
        "SELECT p.order_id, p.outcome, o.amount_fen, o.academic_record_id, a.paid
         FROM payments p JOIN orders o ON o.id = p.order_id
              JOIN academic_records a ON a.id = o.academic_record_id WHERE p.trade_no = ?1",
        [trade_no],
        |row| {
            Ok(Known {
                order_id: row.get(0)?,
                outcome: row.get(1)?,
                amount_fen: row.get(2)?,
                academic_record_id: row.get(3)?,
                paid_before: row.get(4)?,
            })
        },
    );
    Ok(found.optional()?)
}

/// Believes a payment: once, for the order's own amount, and late as well, since the money is gone from the student.
/// What was paid already by another order is kept as `surplus`, to be paid back.
pub(super) fn take(
    tx: &Tx<'_>,
    service: &Service,
    trade: &Trade,
    now: Timestamp,
) -> Result<Result<(), PaymentError>, Fault> {
    let TradeState::Paid { amount_fen } = trade.state else {
        return Ok(Err(PaymentError::Unfit("nothing was paid")));
    };
    let Some(known) = known(tx, &trade.trade_no)? else {
        return Ok(Err(PaymentError::Unfit("no such order")));
    };
    if known.amount_fen != amount_fen {
        return Ok(Err(PaymentError::Unfit("another amount")));
    }
    if known.outcome == "paid" || known.outcome == "surplus" {
        return Ok(Ok(()));
    }
    let outcome = if known.paid_before {
        tracing::error!(
            order = known.order_id,
            "paid twice: this payment is to be paid back"
        );
        "surplus"
    } else {
        "paid"
    };
    tx.execute(
        "UPDATE payments SET outcome = ?2 WHERE order_id = ?1",
        (&known.order_id, outcome),
    )?;
    mark_paid(tx, service, &known.order_id, now)?;
    // Whoever opened another order meanwhile owes nothing any more.
    tx.execute(
        "UPDATE orders SET state = 'expired', expires_at = ?2 WHERE academic_record_id = ?1 AND state = 'open'",
        (&known.academic_record_id, micros(now)),
    )?;
    Ok(Ok(()))
}
