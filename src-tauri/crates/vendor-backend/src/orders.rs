//! Orders, and the page on which a student pays with one touch.
//!
//! The page takes no money; a provider ([`payment`](crate::payment)) stands behind the same three states.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use vendor::FeeWhen;
use vendor::api::{Order, OrderRequest, OrderState};
use vendor::problem::{Problem, ProblemCode};

use crate::Service;
use crate::captures::settle;
use crate::database::{Optional as _, Tx, micros, parsed, timestamp};
use crate::fault::{Fault, Place};
use crate::pages::{Page, escaped, qr_svg, yuan};
use crate::payment;
use crate::people::{academic_record, must_be_open, token_holder};
use crate::stations::{Station, json};

/// A student stands at the booth and waits.
const WAITING_AT_THE_BOOTH: SignedDuration = SignedDuration::from_mins(15);
/// After the upload there is no hurry.
const AFTER_UPLOAD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// An idempotency key is remembered this long.
pub(crate) const KEYS_LAST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Asks for an order. `Idempotency-Key` is needed; an academic record has one open order at most, so that two
/// booths asking for the same student get the same one.
#[utoipa::path(post, path = "/v1/orders", tag = "visit", request_body = OrderRequest,
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 64, description = "Names this request for seven days.")),
    responses((status = 200, description = "The order.", body = Order)))]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Order>, Fault> {
    let request: OrderRequest = json(&headers, &body)?;
    let key = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let key = key
        .filter(|key| (1..=64).contains(&key.len()))
        .ok_or_else(|| Problem::new(ProblemCode::InvalidRequest).detail("Idempotency-Key"))?;
    let fingerprint = hex::encode(Sha256::digest(&body));
    let now = service.clock.now();
    let mut token = [0u8; 16];
    getrandom::fill(&mut token).map_err(|_| Fault::Broken("no randomness"))?;
    let here = service.clone();
    let order = service
        .database
        .run(move |tx| {
            if let Some(answer) = answered(tx, &station, &key, &fingerprint, now)? {
                // The same order, as it stands now.
                return find(tx, &here, &answer, now)?.ok_or(Fault::Broken("an order vanished"));
            }
            let student =
                token_holder(tx, &here, &station, &request.identity_token, now)?.ok_or(ProblemCode::IdentityExpired)?;
            let (record, owner) = academic_record(tx, &here, &request.academic_record_id, now)?
                .ok_or(ProblemCode::UnknownRecord)?;
            if owner != student.id || !station.serves(&record.school_id) {
                return Err(ProblemCode::UnknownRecord.into());
            }
            // After the upload the photo is under review or waits for this very payment.
            if record.fee.when != FeeWhen::AfterUpload {
                must_be_open(record.eligibility)?;
            }
            if record.fee.due_fen == 0 {
                return Err(ProblemCode::NothingDue.into());
            }
            expire(tx, now)?;
            let lasts = if record.fee.when == FeeWhen::AfterUpload { AFTER_UPLOAD } else { WAITING_AT_THE_BOOTH };
            // The index `one_open_order` decides who is first.
            tx.execute(
                "INSERT INTO orders (id, academic_record_id, amount_fen, state, pay_token, created_at, expires_at)
                 VALUES (?1, ?2, ?3, 'open', ?4, ?5, ?6) ON CONFLICT (academic_record_id) WHERE state = 'open' DO NOTHING",
                (
                    Uuid::now_v7().to_string(),
                    &record.id,
                    record.fee.due_fen,
                    URL_SAFE_NO_PAD.encode(token),
                    micros(now),
                    micros(now + lasts),
                ),
            )?;
            let id: String = tx.query_row(
                "SELECT id FROM orders WHERE academic_record_id = ?1 AND state = 'open'",
                [&record.id],
                |row| row.get(0),
            )?;
            tx.execute(
                "INSERT INTO idempotent (station_id, key, fingerprint, answer, at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (station_id, key) DO UPDATE SET fingerprint = ?3, answer = ?4, at = ?5",
                (&station.id, &key, &fingerprint, &id, micros(now)),
            )?;
            tx.execute(
                "INSERT INTO order_stations (order_id, station_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                (&id, &station.id),
            )?;
            find(tx, &here, &id, now)?.ok_or(Fault::Broken("an order vanished"))
        })
        .await?;
    payment::with_code(&service, order, now).await.map(Json)
}

/// What was answered to this key before.
fn answered(
    tx: &Tx<'_>,
    station: &Station,
    key: &str,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let before: Option<(String, String)> = tx
        .query_row(
            "SELECT fingerprint, answer FROM idempotent WHERE station_id = ?1 AND key = ?2 AND at >= ?3",
            (&station.id, key, micros(now - KEYS_LAST)),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    match before {
        Some((same, answer)) if same == fingerprint => Ok(Some(answer)),
        Some(_) => Err(ProblemCode::IdempotencyMismatch.into()),
        None => Ok(None),
    }
}

/// How far an order is; only for a station that asked for it.
#[utoipa::path(get, path = "/v1/orders/{id}", tag = "visit", params(("id" = String, Path, description = "Order")),
    responses((status = 200, description = "The order.", body = Order)))]
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(station): Extension<Station>,
    Place(id): Place<String>,
) -> Result<Json<Order>, Fault> {
    let now = service.clock.now();
    let here = service.clone();
    let order = service
        .database
        .run(move |tx| {
            let asked: bool = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM order_stations WHERE order_id = ?1 AND station_id = ?2)",
                (&id, &station.id),
                |row| row.get(0),
            )?;
            if asked {
                find(tx, &here, &id, now)
            } else {
                Ok(None)
            }
        })
        .await?;
    let order = order.ok_or(ProblemCode::NotFound)?;
    payment::up_to_date(&service, order, now).await.map(Json)
}

fn expire(tx: &Tx<'_>, now: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "UPDATE orders SET state = 'expired' WHERE state = 'open' AND expires_at <= ?1",
        [micros(now)],
    )?;
    Ok(())
}

pub(crate) fn find(tx: &Tx<'_>, service: &Service, id: &str, now: Timestamp) -> Result<Option<Order>, Fault> {
    expire(tx, now)?;
    let row = tx
        .query_row(
            "SELECT id, academic_record_id, amount_fen, state, pay_token, created_at, expires_at, paid_at
             FROM orders WHERE id = ?1",
            [id],
            |row| {
                let state: String = row.get(3)?;
                let token: String = row.get(4)?;
                let order = Order {
                    id: row.get(0)?,
                    academic_record_id: row.get(1)?,
                    amount_fen: row.get(2)?,
                    state: OrderState::Open,
                    payment_url: format!("{}/pay/{token}", service.public_url),
                    created_at: timestamp(row.get(5)?),
                    expires_at: timestamp(row.get(6)?),
                    paid_at: row.get::<Option<i64>>(7)?.map(timestamp),
                };
                Ok((order, state))
            },
        )
        .optional()?;
    row.map(|(order, state)| {
        Ok(Order {
            state: parsed(&format!("\"{state}\""))?,
            ..order
        })
    })
    .transpose()
}

/// Marks an order paid on the page, once; a second touch changes nothing, nor does one that comes too late. `None`: there
/// is no such order.
pub(crate) fn pay(
    tx: &Tx<'_>,
    service: &Service,
    pay_token: &str,
    now: Timestamp,
) -> Result<Option<Order>, Fault> {
    let Some(order) = by_token(tx, service, pay_token, now)? else {
        return Ok(None);
    };
    if order.state == OrderState::Open {
        mark_paid(tx, service, &order.id, now)?;
    }
    find(tx, service, &order.id, now)
}

/// Marks an order paid, open or past its time, and lets what waited for it go on; once.
pub(crate) fn mark_paid(tx: &Tx<'_>, service: &Service, id: &str, now: Timestamp) -> Result<(), Fault> {
    let changed = tx.execute(
        "UPDATE orders SET state = 'paid', paid_at = ?2 WHERE id = ?1 AND state <> 'paid'",
        (id, micros(now)),
    )?;
    if changed == 1 {
        let order = find(tx, service, id, now)?.ok_or(Fault::Broken("an order vanished"))?;
        tx.execute(
            "UPDATE academic_records SET paid = TRUE WHERE id = ?1",
            [&order.academic_record_id],
        )?;
        settle(tx, service, &order.academic_record_id, Some(&order.id), now)?;
    }
    Ok(())
}

/// The order behind a payment code.
fn by_token(tx: &Tx<'_>, service: &Service, pay_token: &str, now: Timestamp) -> Result<Option<Order>, Fault> {
    let id: Option<String> = tx
        .query_row("SELECT id FROM orders WHERE pay_token = ?1", [pay_token], |row| {
            row.get(0)
        })
        .optional()?;
    id.map_or(Ok(None), |id| find(tx, service, &id, now))
}

/// What is paid for, in words of the page.
fn page_of(service: &Service, order: &Order) -> Page {
    let amount = yuan(order.amount_fen);
    let vendor = escaped(&service.profile.name);
    let short = escaped(
        order
            .id
            .get(order.id.len().saturating_sub(8)..)
            .unwrap_or(&order.id),
    );
    let (title, state) = match order.state {
        OrderState::Open => (
            "支付采集费",
            format!(
                "{}<p class=\"quiet\">一次缴费，多次拍摄；审核未通过重拍不再收费。</p>",
                way_to_pay(service, order)
            ),
        ),
        OrderState::Paid => (
            "支付成功",
            "<p class=\"done\">✓ 支付成功</p><p class=\"quiet\">请回到采集站继续，本页可以关闭。</p>"
                .to_owned(),
        ),
        OrderState::Expired => (
            "订单已超时",
            "<p class=\"stopped\">订单已超时</p><p class=\"quiet\">没有扣款。请在采集站重新获取付款码。</p>"
                .to_owned(),
        ),
    };
    let note = if service.provider.is_none() {
        "<p class=\"note\">参考后端的演示页面，不会产生真实扣款。</p>"
    } else {
        ""
    };
    let page = Page::new(
        title,
        format!(
            "<main class=\"narrow card\"><p class=\"quiet\">{vendor}</p><h1>{title}</h1>\
             <p class=\"amount\">{amount}</p><dl><dt>订单号</dt><dd>…{short}</dd></dl>{state}{note}</main>"
        ),
    );
    if order.state == OrderState::Open && service.provider.is_some() {
        page.reloading(5)
    } else {
        page
    }
}

/// One touch, or the provider's code.
fn way_to_pay(service: &Service, order: &Order) -> String {
    if service.provider.is_none() {
        let amount = yuan(order.amount_fen);
        return format!(
            "<form method=\"post\"><button class=\"primary wide\">确认支付 {amount}</button></form>"
        );
    }
    let code = qr_svg(&order.payment_url).unwrap_or_default();
    format!("<div class=\"tile\">{code}</div><p>请用微信“扫一扫”付款</p>")
}

/// The page behind a payment code.
pub(crate) async fn page(State(service): State<Arc<Service>>, Place(token): Place<String>) -> Response {
    let now = service.clock.now();
    let here = service.clone();
    let found = service.database.run(move |tx| by_token(tx, &here, &token, now));
    let found = match found.await {
        Ok(Some(order)) => payment::up_to_date(&service, order, now).await.map(Some),
        other => other,
    };
    match found {
        Ok(Some(order)) => page_of(&service, &order).into_response(),
        Ok(None) => Page::missing("没有这个订单").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

/// The one touch.
pub(crate) async fn page_pay(State(service): State<Arc<Service>>, Place(token): Place<String>) -> Response {
    let now = service.clock.now();
    let here = service.clone();
    let back = format!("/pay/{token}");
    if service.provider.is_some() {
        // Money flows by the code alone.
        return Redirect::to(&back).into_response();
    }
    match service.database.run(move |tx| pay(tx, &here, &token, now)).await {
        Ok(Some(_)) => Redirect::to(&back).into_response(),
        Ok(None) => Page::missing("没有这个订单").into_response(),
        Err(fault) => Page::broken(&fault).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_words_are_the_wires_words() {
        for (state, word) in [
            (OrderState::Open, "open"),
            (OrderState::Paid, "paid"),
            (OrderState::Expired, "expired"),
        ] {
            assert_eq!(crate::database::written(&state).unwrap(), format!("\"{word}\""));
        }
    }
}
