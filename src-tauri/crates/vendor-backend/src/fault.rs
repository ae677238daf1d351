//! How the backend says no: problem+json for stations, a plain page for people.

use axum::extract::{FromRequestParts, Path};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use vendor::problem::{MEDIA_TYPE, Problem, ProblemCode};
use vendor::signature::SignatureError;

use crate::database::StoreError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// A reason of the contract.
    #[error("{}", .0.code)]
    Problem(Box<Problem>),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] StoreError),
    /// Something else of our own failed.
    #[error("{0}")]
    Broken(&'static str),
}

impl From<ProblemCode> for Fault {
    fn from(code: ProblemCode) -> Fault {
        Problem::new(code).into()
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::Problem(Box::new(problem))
    }
}

impl From<SignatureError> for Fault {
    fn from(error: SignatureError) -> Fault {
        let code = match error {
            SignatureError::Missing(_) => ProblemCode::SignatureMissing,
            SignatureError::Clock { .. } => ProblemCode::ClockSkew,
            SignatureError::Digest => ProblemCode::DigestMismatch,
            _ => ProblemCode::SignatureInvalid,
        };
        Problem::new(code).detail(error.to_string()).into()
    }
}

/// The parts of the address. An address that is no text is one under which there is nothing.
pub(crate) struct Place<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Place<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Place<T>, Fault> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(place)) => Ok(Place(place)),
            Err(_) => Err(ProblemCode::NotFound.into()),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let problem = match self {
            Fault::Problem(problem) => *problem,
            // A full disk, a locked file, a server that is gone.
            Fault::Database(error) => {
                tracing::error!(%error, "database");
                Problem::new(ProblemCode::Internal)
            }
            Fault::Broken(what) => {
                tracing::error!(what, "broken");
                Problem::new(ProblemCode::Internal)
            }
        };
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let wait = problem.retry_after;
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        // For whoever counts them.
        response.extensions_mut().insert(problem.code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = wait {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Signature realm=\"photo-station\""),
            );
        }
        response
    }
}
