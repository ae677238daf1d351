//! The staff's card: a code that opens the staff pages when it is held to the camera in front of them.
//!
//! It says a random token, of which the station keeps a hash alone. It is looked for only while the page that asks for
//! the PIN stands there; trying it is trying a PIN, with the same lock; and it never reaches a visit, a log or a page.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::rand_core::{OsRng, RngCore};
use code::{CodeText, Tag};
use tokio::sync::Notify;
use zeroize::Zeroizing;

/// What every staff card begins with: capitals, digits and a dash make the smallest code.
const PREFIX: &str = "PHOTO-STATION-STAFF-";
/// 160 bits cannot be guessed by holding codes up.
const TOKEN_BYTES: usize = 20;
/// Between two waits of the same page.
const GRACE: Duration = Duration::from_secs(1);

/// What a new card says.
pub(crate) fn new_card() -> Zeroizing<String> {
    let mut token = Zeroizing::new([0; TOKEN_BYTES]);
    OsRng.fill_bytes(&mut *token);
    let digits = Zeroizing::new(hex::encode_upper(*token));
    Zeroizing::new(format!("{PREFIX}{}", *digits))
}

/// Where a card is laid: open only while somebody waits for one.
#[derive(Default)]
pub(crate) struct CardSlot {
    slot: Mutex<Slot>,
    laid: Notify,
}

#[derive(Default)]
struct Slot {
    open_until: Option<Instant>,
    card: Option<CodeText>,
    /// A card held still is read ten times a second: it is tried once.
    tried: Option<Tag>,
}

impl Slot {
    fn is_open(&self, now: Instant) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }
}

impl CardSlot {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a card is waited for.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.lock().is_open(now)
    }

    /// Takes a code that was read while a card is waited for; false where it is a visit's.
    pub(crate) fn takes(&self, text: &CodeText, now: Instant) -> bool {
        let mut slot = self.lock();
        if !slot.is_open(now) {
            return false;
        }
        let tag = text.tag();
        if text.expose().starts_with(PREFIX.as_bytes()) && slot.tried.as_ref() != Some(&tag) {
            slot.tried = Some(tag);
            slot.card = Some(text.clone());
            self.laid.notify_one();
        }
        true
    }

    /// Opens and waits for the next card, at most so long.
    pub(crate) async fn next(&self, wait: Duration) -> Option<CodeText> {
        let now = Instant::now();
        let deadline = now + wait;
        {
            let mut slot = self.lock();
            if !slot.is_open(now) {
                *slot = Slot::default();
            }
            slot.open_until = Some(deadline + GRACE);
        }
        loop {
            let laid = self.laid.notified();
            if let Some(card) = self.lock().card.take() {
                return Some(card);
            }
            tokio::time::timeout_at(deadline.into(), laid).await.ok()?;
        }
    }

    /// Nobody waits any more.
    pub(crate) fn close(&self) {
        *self.lock() = Slot::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> CodeText {
        CodeText::new(text.as_bytes().to_vec())
    }

    #[test]
    fn two_cards_are_never_the_same_and_fit_a_small_code() {
        let (one, other) = (new_card(), new_card());
        assert_ne!(*one, *other);
        let symbol = qrcode::QrCode::new(one.as_bytes()).unwrap();
        assert!(symbol.width() <= 33, "{} modules a side", symbol.width());
    }

    #[tokio::test]
    async fn a_card_counts_only_while_it_is_waited_for_and_once() {
        let slot = CardSlot::default();
        let card = code(&new_card());
        assert!(!slot.takes(&card, Instant::now()), "nobody waits: a visit's code");
        let waited = slot.next(Duration::from_mins(1));
        tokio::pin!(waited);
        assert!(futures_pending(&mut waited).await);
        assert!(
            slot.takes(&code("CHSI-1"), Instant::now()),
            "no student's code goes on"
        );
        assert!(slot.takes(&card, Instant::now()));
        assert!(waited.await == Some(card.clone()));
        assert!(slot.takes(&card, Instant::now()), "still held up");
        assert!(
            slot.next(Duration::ZERO).await.is_none(),
            "the same card is not tried again"
        );
        slot.close();
        assert!(!slot.takes(&card, Instant::now()));
    }

    /// Lets it begin to wait; whether it still does.
    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
