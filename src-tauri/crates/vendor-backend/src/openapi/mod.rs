//! The contract as OpenAPI 3.1, generated from the very types and handlers.

mod errors;
mod examples;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use errors::Refusals;
use examples::Examples;

use crate::{captures, orders, people, stations};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "采集站 · vendor backend",
        version = "1",
        description = "The contract between a photo station and a vendor's backend.\n\n\
            **Signed requests.** Every request but `GET /v1/status` carries `Signature-Input` and `Signature` \
            (RFC 9421, label `sig1`, Ed25519) over `@method`, `@authority`, `@path`, `@query`, with a body also \
            `content-type` and `content-digest` (RFC 9530, `sha-256`), and `idempotency-key` where it is sent. \
            Parameters: `created` (within 300 s of the backend's clock), `nonce` (16 to 64 characters, refused when \
            seen before), `keyid` (base64url of the SHA-256 of the raw public key), `alg=\"ed25519\"`, \
            `tag=\"photo-station-v1\"`. `POST /v1/enrol` is signed with the key it announces.\n\n\
            **Conventions.** Fields are snake_case, enumerated values kebab-case, times RFC 3339 in UTC, money in \
            fen, hashes SHA-256 in lower hex, bytes base64url without padding. Readers ignore unknown fields.\n\n\
            **Receipts.** A capture counts as delivered only when the answer's receipt verifies: Ed25519 by the \
            receipt key of the enrolment over `photo-station-receipt-v1`, receipt number, record id, \
            `standard_sha256`, `original_sha256`, time of receipt in microseconds since 1970, and key id, each \
            followed by a line feed.\n\n\
            **Errors** are problem+json (RFC 9457); act on `code`. Each request lists the codes it can be refused with; \
            besides, `unavailable` (503) may come from whatever stands in front. New codes may be added within `/v1`.\n\n\
            **The guide** for a vendor's engineer, with the order of a visit, is the documentation of the crate `vendor`. \
            `vendor-backend conform` examines a server point by point.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        stations::status,
        stations::enrol,
        stations::profile,
        stations::replace_key,
        people::schools,
        people::resolve,
        orders::create,
        orders::show,
        captures::put,
        captures::show,
        captures::changes,
        captures::deliverables,
        captures::deliverable,
    ),
    components(schemas(vendor::Problem, vendor::ProblemCode, vendor::Receipt)),
    security(("signature" = [])),
    tags(
        (name = "station", description = "The station and what it is to do."),
        (name = "visit", description = "One student's visit."),
        (name = "capture", description = "Photos, their review and their results."),
    ),
    modifiers(&Signed, &Refusals, &Examples)
)]
struct Contract;

struct Signed;

impl Modify for Signed {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = ApiKey::Header(ApiKeyValue::with_description(
            "Signature",
            "RFC 9421 with Ed25519, together with `Signature-Input`; see the description of this API.",
        ));
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("signature", SecurityScheme::ApiKey(scheme));
    }
}

/// The document as JSON text, as it stands in `openapi.json`.
pub fn openapi() -> String {
    let mut text = Contract::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
