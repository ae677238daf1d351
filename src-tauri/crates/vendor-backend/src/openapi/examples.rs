//! An example of every body, made from the very types: what they say of signatures and hashes is true.
//!
//! Nobody here is real, and every key is one anybody can make.

use jiff::Timestamp;
use jiff::civil::date;
use serde_json::Value;
use utoipa::Modify;
use utoipa::openapi::{Content, OpenApi, RefOr};
use uuid::Uuid;
use vendor::api::{
    AcademicRecord, Accepted, Capture, Change, ChangeKind, ChangePage, CollectionState, Deliverable,
    DeliverableKind, DeliverableList, Eligibility, EnrolRequest, Enrolled, FeeState, Identity, KeyReplaced,
    KeyRequest, Order, OrderRequest, OrderState, Photo, Proof, ResolveRequest, School, SchoolList, Status,
    Subject, Window, sha256_hex,
};
use vendor::{FeeWhen, Profile, Receipt, Revocation, Secret, SecretBytes, StationKey};

use super::errors::operation;

const RECORD: Uuid = Uuid::from_u128(0x0199_cc00_0000_7000_8000_0000_0000_002a);
const STATION_ID: &str = "ps-2q7h9xK3Lm";
const ACADEMIC_RECORD: &str = "ar-000-0";

fn station() -> StationKey {
    StationKey::from_bytes(&[1; 32])
}

fn backend() -> StationKey {
    StationKey::from_bytes(&[2; 32])
}

/// 2025-10-10, ten in the morning at the school.
pub(super) fn at() -> Timestamp {
    date(2025, 10, 10)
        .at(2, 0, 0, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

fn later(minutes: i64) -> Timestamp {
    at() + jiff::SignedDuration::from_mins(minutes)
}

pub(super) fn revocation() -> Revocation {
    Revocation::issue(&backend(), station().public_key().key_id(), at())
}

fn code() -> SecretBytes {
    SecretBytes::new(format!("CHSI1:{}", "A".repeat(64)))
}

fn last_four() -> Proof {
    Proof::LastFour {
        value: Secret::new("107X"),
    }
}

fn window() -> Window {
    Window {
        from: date(2025, 10, 9),
        to: date(2025, 10, 19),
    }
}

fn photo(media_type: &str) -> Photo {
    // A picture would fill pages; the hash is that of these bytes.
    Photo::new(media_type, b"the file's bytes".to_vec())
}

fn receipt() -> Receipt {
    let hash = photo("image/jpeg").sha256;
    Receipt::issue(
        &backend(),
        "R-20251010-000042".to_owned(),
        RECORD,
        hash.clone(),
        hash,
        later(3),
    )
}

fn identity() -> Identity {
    Identity {
        identity_token: Secret::new("opaque-token"),
        expires_at: later(30 * 24 * 60),
        masked_name: "测*辛".to_owned(),
        masked_id: "000000***********X".to_owned(),
        code_bound: true,
        records: vec![AcademicRecord {
            id: ACADEMIC_RECORD.to_owned(),
            school_id: "demo-1".to_owned(),
            school: "示例大学（演示）".to_owned(),
            level: "本科".to_owned(),
            major: "护理学".to_owned(),
            year: 2026,
            of_this_code: true,
            eligibility: Eligibility::Open,
            window: Some(window()),
            fee: FeeState {
                due_fen: 2000,
                when: FeeWhen::BeforeShooting,
                paid: false,
            },
            collection: CollectionState::None,
            last_rejection: None,
        }],
    }
}

fn order() -> Order {
    Order {
        id: "0199cc00-0000-7000-8000-00000000000a".to_owned(),
        academic_record_id: ACADEMIC_RECORD.to_owned(),
        amount_fen: 2000,
        state: OrderState::Open,
        payment_url: "https://backend.example/pay/opaque".to_owned(),
        created_at: at(),
        expires_at: later(15),
        paid_at: None,
    }
}

fn capture() -> Capture {
    Capture {
        subject: Subject {
            identity_token: Some(Secret::new("opaque-token")),
            academic_record_id: Some(ACADEMIC_RECORD.to_owned()),
            code: Some(code()),
            proof: last_four(),
            school_id: Some("demo-1".to_owned()),
        },
        standard: photo("image/jpeg"),
        original: photo("image/png"),
        captured_at: later(1),
        submitted_at: later(2),
        consented_at: at(),
        shoot_number: "A012".to_owned(),
        spec: "national-blue".to_owned(),
        report: serde_json::json!({ "accepted": true }),
        forced_reason: None,
        software: "photo-station 0.1.0".to_owned(),
    }
}

fn accepted() -> Accepted {
    Accepted {
        receipt: receipt(),
        state: CollectionState::UnderReview,
        academic_record_id: ACADEMIC_RECORD.to_owned(),
        masked_name: "测*辛".to_owned(),
        rejection: None,
    }
}

fn changes() -> ChangePage {
    let told = |minutes, what| Change {
        record_id: RECORD,
        at: later(minutes),
        what,
    };
    let rejection = vendor::api::Rejection {
        reasons: crate::review::reasons(["glasses-glare"]),
        note: None,
        at: later(60),
    };
    ChangePage {
        changes: vec![
            told(4, ChangeKind::Paid { order_id: order().id }),
            told(60, ChangeKind::Rejected { rejection }),
        ],
        next_cursor: "18".to_owned(),
        more: false,
    }
}

fn deliverables() -> DeliverableList {
    let bytes = b"the file's bytes";
    DeliverableList {
        deliverables: vec![Deliverable {
            kind: DeliverableKind::StandardPhoto,
            media_type: "image/jpeg".to_owned(),
            length: bytes.len() as u64,
            sha256: sha256_hex(bytes),
        }],
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The body of a request; `None` where it has none.
fn asked(method: &str, path: &str) -> Option<Value> {
    let new_key = StationKey::from_bytes(&[3; 32]);
    Some(match (method, path) {
        ("post", "/v1/enrol") => json(&EnrolRequest {
            activation_code: Secret::new("DEMO-0000-0000"),
            station_name: "图书馆1号机".to_owned(),
            public_key: station().public_key(),
            software: "photo-station 0.1.0".to_owned(),
        }),
        ("post", "/v1/station/key") => json(&KeyRequest::new(&station().public_key().key_id(), &new_key)),
        ("post", "/v1/identities") => json(&ResolveRequest {
            code: Some(code()),
            proof: last_four(),
            school_id: Some("demo-1".to_owned()),
        }),
        ("post", "/v1/orders") => json(&OrderRequest {
            identity_token: Secret::new("opaque-token"),
            academic_record_id: ACADEMIC_RECORD.to_owned(),
        }),
        ("put", "/v1/captures/{record_id}") => json(&capture()),
        _ => return None,
    })
}

/// The body of a success; `None` where it is a file.
fn answered(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("get", "/v1/status") => json(&Status {
            api: "v1".to_owned(),
            vendor: "毕业证照".to_owned(),
            profile_id: "biyezhengzhao".to_owned(),
            server_time: at(),
        }),
        ("post", "/v1/enrol") => json(&Enrolled {
            station_id: STATION_ID.to_owned(),
            vendor: "毕业证照".to_owned(),
            profile_id: "biyezhengzhao".to_owned(),
            receipt_public_key: backend().public_key(),
        }),
        ("get", "/v1/profile") => json(&Profile::built_in("biyezhengzhao")?),
        ("post", "/v1/station/key") => json(&KeyReplaced {
            station_id: STATION_ID.to_owned(),
        }),
        ("get", "/v1/schools") => json(&SchoolList {
            schools: vec![School {
                id: "demo-1".to_owned(),
                name: "示例大学（演示）".to_owned(),
                levels: vec!["本科".to_owned()],
                session_code: Some("DEMO01".to_owned()),
                window: Some(window()),
            }],
        }),
        ("post", "/v1/identities") => json(&identity()),
        ("post", "/v1/orders") => json(&order()),
        ("get", "/v1/orders/{id}") => json(&Order {
            state: OrderState::Paid,
            paid_at: Some(later(1)),
            ..order()
        }),
        ("put" | "get", "/v1/captures/{record_id}") => json(&accepted()),
        ("get", "/v1/captures/{record_id}/deliverables") => json(&deliverables()),
        ("get", "/v1/changes") => json(&changes()),
        _ => return None,
    })
}

/// Writes the examples into the document.
pub(super) struct Examples;

impl Modify for Examples {
    fn modify(&self, openapi: &mut OpenApi) {
        for (path, item) in &mut openapi.paths.paths {
            for method in ["get", "post", "put"] {
                let Some(operation) = operation(item, method) else {
                    continue;
                };
                if let Some(body) = &mut operation.request_body {
                    show(body.content.values_mut(), asked(method, path).as_ref());
                }
                for status in ["200", "201"] {
                    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) {
                        show(response.content.values_mut(), answered(method, path).as_ref());
                    }
                }
            }
        }
    }
}

fn show<'a>(contents: impl Iterator<Item = &'a mut Content>, example: Option<&Value>) {
    for content in contents {
        content.example = example.cloned();
    }
}
