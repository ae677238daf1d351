//! With which codes each request can be refused. A test compares this with what the server really answers.

use std::collections::BTreeMap;

use utoipa::Modify;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use vendor::problem::{MEDIA_TYPE, Problem, ProblemCode};

use ProblemCode as Code;

/// What any request can hear.
const ANY: &[Code] = &[
    Code::RateLimited,
    Code::TooLarge,
    Code::Internal,
    Code::Unavailable,
];
/// What the gate of signed requests says.
const GATE: &[Code] = &[
    Code::SignatureMissing,
    Code::SignatureInvalid,
    Code::ClockSkew,
    Code::Replayed,
    Code::UnknownStation,
    Code::StationRevoked,
    Code::DigestMismatch,
];
/// A JSON body that is none.
const BODY: &[Code] = &[Code::InvalidRequest, Code::UnsupportedMediaType];
/// Who is this?
const WHO: &[Code] = &[
    Code::UnknownCode,
    Code::CodeExpired,
    Code::CodeInUse,
    Code::ProofMismatch,
    Code::ProofRequired,
    Code::ProofLocked,
    Code::CodeMismatch,
];
/// May it be collected?
const ELIGIBLE: &[Code] = &[
    Code::IdentityExpired,
    Code::UnknownRecord,
    Code::AlreadyCollected,
    Code::OutsideWindow,
    Code::NotEligible,
];

/// Each request with the codes beside those of [`ANY`].
const REFUSALS: &[(&str, &str, &[&[Code]])] = &[
    ("get", "/v1/status", &[]),
    ("post", "/v1/enrol", &[GATE, BODY, &[Code::ActivationInvalid]]),
    ("get", "/v1/profile", &[GATE]),
    ("post", "/v1/station/key", &[GATE, BODY]),
    ("get", "/v1/schools", &[GATE, &[Code::InvalidRequest]]),
    ("post", "/v1/identities", &[GATE, BODY, WHO, &[Code::NotEligible]]),
    (
        "post",
        "/v1/orders",
        &[
            GATE,
            BODY,
            ELIGIBLE,
            &[Code::NothingDue, Code::IdempotencyMismatch],
        ],
    ),
    ("get", "/v1/orders/{id}", &[GATE, &[Code::NotFound]]),
    (
        "put",
        "/v1/captures/{record_id}",
        &[
            GATE,
            BODY,
            WHO,
            ELIGIBLE,
            &[Code::CaptureConflict, Code::PhotoInvalid],
        ],
    ),
    (
        "get",
        "/v1/captures/{record_id}",
        &[GATE, &[Code::InvalidRequest, Code::NotFound]],
    ),
    (
        "get",
        "/v1/captures/{record_id}/deliverables",
        &[GATE, &[Code::InvalidRequest, Code::NotFound]],
    ),
    (
        "get",
        "/v1/captures/{record_id}/deliverables/{kind}",
        &[GATE, &[Code::InvalidRequest, Code::NotFound]],
    ),
    ("get", "/v1/changes", &[GATE, &[Code::InvalidRequest]]),
];

/// Writes the table into the document: a response for each status, an example for each code.
pub(super) struct Refusals;

impl Modify for Refusals {
    fn modify(&self, openapi: &mut OpenApi) {
        for (method, path, groups) in REFUSALS {
            let Some(operation) = openapi
                .paths
                .paths
                .get_mut(*path)
                .and_then(|item| operation(item, method))
            else {
                continue;
            };
            let codes = groups
                .iter()
                .chain(&[ANY])
                .flat_map(|group| group.iter().copied());
            let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
            for code in codes {
                by_status.entry(code.status()).or_default().push(code);
            }
            for (status, codes) in by_status {
                let response = RefOr::T(response(&codes));
                operation.responses.responses.insert(status.to_string(), response);
            }
        }
    }
}

pub(super) fn operation<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "get" => item.get.as_mut(),
        "post" => item.post.as_mut(),
        "put" => item.put.as_mut(),
        _ => None,
    }
}

fn response(codes: &[Code]) -> Response {
    let words: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let mut content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    for code in codes {
        let example = ExampleBuilder::new()
            .summary(code.title())
            .value(serde_json::to_value(example(*code)).ok());
        content
            .examples
            .insert(code.as_str().to_owned(), RefOr::T(example.build()));
    }
    let mut response = Response::new(words.join(", "));
    response.content.insert(MEDIA_TYPE.to_owned(), content);
    response
}

/// A problem with the fields that its code brings.
fn example(code: Code) -> Problem {
    let mut problem = Problem::new(code);
    match code {
        Code::ProofMismatch => problem.attempts_left = Some(4),
        Code::ProofLocked => problem.retry_after = Some(3600),
        Code::RateLimited => problem.retry_after = Some(1),
        Code::ClockSkew => problem.server_time = Some(super::examples::at()),
        Code::StationRevoked => problem.revocation = Some(super::examples::revocation()),
        _ => {}
    }
    problem
}
