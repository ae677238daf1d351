//! Taking a student's money: by the backend's own page, which takes none, by a provider, or not at all.
//!
//! A provider is asked for a code that the student scans, tells of the payment by itself, and is asked again where it
//! did not. Whatever it says goes through `ledger`, which believes an amount only where the order names the same, and
//! takes every payment once, however often it is told and however late.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use vendor::api::{Order, OrderState};
use vendor::problem::{Problem, ProblemCode};
use vendor::profile::Fee;
use vendor::{FeeWhen, Profile, Step};

use crate::Service;
use crate::fault::Fault;
use crate::orders;

mod ledger;
mod wechat;

pub use ledger::{Surplus, surplus};
pub use wechat::WechatPay;

/// A code is asked for anew by then: WeChat Pay's own are good for two hours.
const CODE_LASTS: SignedDuration = SignedDuration::from_mins(110);
/// While a student waits at the booth, the provider is asked once in so long.
const ASK_EVERY: SignedDuration = SignedDuration::from_secs(5);
/// How often the backend looks after payments by itself.
pub(crate) const SWEEP: std::time::Duration = std::time::Duration::from_secs(30);
/// And where nobody waits.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How a student's money is taken.
#[derive(Debug, Clone, Default)]
pub enum Payment {
    /// The backend's own page: one touch, and no money flows.
    #[default]
    Page,
    /// Not at all: whatever the profile says, nothing is due.
    Free,
    /// WeChat Pay, by a code that the station shows (Native, API v3).
    WechatPay(Box<WechatPay>),
}

impl Payment {
    /// The profile as stations see it: free of charge nobody is led to a till.
    pub(crate) fn adjust(&self, mut profile: Profile) -> Profile {
        if matches!(self, Payment::Free) {
            profile.fee = Fee {
                amount_fen: 0,
                when: FeeWhen::Never,
            };
            profile.steps.retain(|step| *step != Step::Pay);
        }
        profile
    }

    pub(crate) fn provider(&self, public_url: &str) -> Result<Option<Arc<dyn Provider>>, PaymentError> {
        match self {
            Payment::Page | Payment::Free => Ok(None),
            Payment::WechatPay(settings) => Ok(Some(Arc::new(wechat::Wechat::new(settings, public_url)?))),
        }
    }
}

/// A provider could not be asked, or is not believed. No variant holds a key or what a student did.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The settings cannot be used.
    #[error("payment settings: {0}")]
    Settings(&'static str),
    /// The provider cannot be reached.
    #[error("the payment provider cannot be reached")]
    Unreachable,
    /// The provider said no.
    #[error("the payment provider refused: HTTP {0}")]
    Refused(u16),
    /// Not said by the provider, or not now, or not to this merchant.
    #[error("not the payment provider's word: {0}")]
    Forged(&'static str),
    /// Said by the provider, but not about an order as it stands here.
    #[error("does not fit the order: {0}")]
    Unfit(&'static str),
}

/// What is sold.
pub(crate) struct Sale {
    /// The order's name at the provider.
    pub(crate) trade_no: String,
    pub(crate) amount_fen: u32,
    pub(crate) expires_at: Timestamp,
    /// Words on the student's bill.
    pub(crate) description: String,
}

/// How far a payment is at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) trade_no: String,
    pub(crate) state: TradeState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TradeState {
    /// Not yet.
    Open,
    /// So much was paid.
    Paid { amount_fen: u32 },
    /// It can be paid no more.
    Closed,
}

/// An answer that is waited for.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, PaymentError>> + Send + 'a>>;

/// Whoever takes the money.
pub(crate) trait Provider: Send + Sync {
    /// Asks for a code that the student scans. The same sale may be begun again.
    fn begin<'a>(&'a self, sale: &'a Sale, now: Timestamp) -> Answer<'a, String>;

    /// Asks how far a payment is.
    fn ask<'a>(&'a self, trade_no: &'a str, now: Timestamp) -> Answer<'a, Trade>;

    /// Lets it be paid no more.
    fn close<'a>(&'a self, trade_no: &'a str, now: Timestamp) -> Answer<'a, ()>;

    /// Reads what the provider tells by itself.
    fn told(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Trade, PaymentError>;
}

/// An order as the station shows it: with the provider's code, where there is a provider.
pub(crate) async fn with_code(service: &Arc<Service>, order: Order, now: Timestamp) -> Result<Order, Fault> {
    let Some(provider) = service.provider.clone() else {
        return Ok(order);
    };
    if order.state != OrderState::Open {
        return Ok(order);
    }
    let (id, trade_no) = (order.id.clone(), order.id.replace('-', ""));
    let kept = trade_no.clone();
    let code = service
        .database
        .run(move |tx| ledger::code(tx, &id, &kept, now - CODE_LASTS))
        .await?;
    if let Some(payment_url) = code {
        return Ok(Order { payment_url, ..order });
    }
    let sale = Sale {
        trade_no,
        amount_fen: order.amount_fen,
        expires_at: order.expires_at,
        description: format!("{} 采集费", service.profile.name),
    };
    let payment_url = provider.begin(&sale, now).await.map_err(|error| {
        tracing::warn!(%error, "a payment cannot be begun");
        let mut problem = Problem::new(ProblemCode::Unavailable);
        problem.retry_after = Some(5);
        Fault::from(problem)
    })?;
    let (id, code) = (order.id.clone(), payment_url.clone());
    let keep = service
        .database
        .run(move |tx| ledger::keep_code(tx, &id, &code, now));
    keep.await?;
    Ok(Order { payment_url, ..order })
}

/// Asks the provider about an order somebody waits for, not too often. A provider that cannot be asked changes nothing.
pub(crate) async fn look(service: &Arc<Service>, order: &Order, now: Timestamp) -> Result<(), Fault> {
    if service.provider.is_none() || order.state == OrderState::Paid {
        return Ok(());
    }
    let id = order.id.clone();
    let due = service
        .database
        .run(move |tx| ledger::may_ask(tx, &id, now, ASK_EVERY))
        .await?;
    match due {
        Some(open) => ask(service, &open, now).await,
        None => Ok(()),
    }
}

/// Asks about every payment that nobody was told of, and closes those that are too late. So nothing that was paid stays
/// unknown where neither the provider's word came nor a station asked.
pub(crate) async fn sweep(service: &Arc<Service>, now: Timestamp) -> Result<(), Fault> {
    let due = service.database.run(move |tx| ledger::due(tx, now, SWEEP_EVERY));
    for open in due.await? {
        ask(service, &open, now).await?;
    }
    Ok(())
}

async fn ask(service: &Arc<Service>, open: &ledger::Open, now: Timestamp) -> Result<(), Fault> {
    let Some(provider) = service.provider.clone() else {
        return Ok(());
    };
    let trade = match provider.ask(&open.trade_no, now).await {
        Ok(trade) => trade,
        // Nobody ever got as far as its code.
        Err(PaymentError::Refused(404)) if open.expired => return close(service, open).await,
        Err(error) => {
            tracing::warn!(%error, "a payment cannot be asked about");
            return Ok(());
        }
    };
    match trade.state {
        TradeState::Paid { .. } => {
            if let Err(error) = take(service, trade, now).await? {
                tracing::error!(%error, order = open.order_id, "a payment is not believed");
            }
        }
        TradeState::Closed => close(service, open).await?,
        TradeState::Open if open.expired => match provider.close(&open.trade_no, now).await {
            Ok(()) => close(service, open).await?,
            Err(error) => tracing::warn!(%error, "a payment cannot be closed"),
        },
        TradeState::Open => {}
    }
    Ok(())
}

async fn close(service: &Arc<Service>, open: &ledger::Open) -> Result<(), Fault> {
    let id = open.order_id.clone();
    service.database.run(move |tx| ledger::close(tx, &id)).await
}

/// Writes a payment down. The inner error is one that does not fit: nothing was written.
async fn take(
    service: &Arc<Service>,
    trade: Trade,
    now: Timestamp,
) -> Result<Result<(), PaymentError>, Fault> {
    let here = service.clone();
    let taken = service
        .database
        .run(move |tx| ledger::take(tx, &here, &trade, now));
    taken.await
}

/// The provider tells of a payment. What is not believed is answered with its kind, so that it is told again.
pub(crate) async fn told(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(provider) = service.provider.clone() else {
        return Fault::from(ProblemCode::NotFound).into_response();
    };
    let now = service.clock.now();
    let believed = match provider.told(&headers, &body, now) {
        Ok(trade) => match take(&service, trade, now).await {
            Ok(taken) => taken,
            Err(fault) => return fault.into_response(),
        },
        Err(error) => Err(error),
    };
    match believed {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            tracing::warn!(%error, "a payment's notice is refused");
            let status = match error {
                PaymentError::Forged(_) => StatusCode::UNAUTHORIZED,
                _ => StatusCode::CONFLICT,
            };
            let body = serde_json::json!({ "code": "FAIL", "message": error.to_string() });
            (status, axum::Json(body)).into_response()
        }
    }
}

/// The order as it stands after the provider was asked.
pub(crate) async fn up_to_date(service: &Arc<Service>, order: Order, now: Timestamp) -> Result<Order, Fault> {
    if service.provider.is_none() {
        return Ok(order);
    }
    look(service, &order, now).await?;
    let (here, id) = (service.clone(), order.id);
    let order = service
        .database
        .run(move |tx| orders::find(tx, &here, &id, now)?.ok_or(Fault::Broken("an order vanished")))
        .await?;
    with_code(service, order, now).await
}
