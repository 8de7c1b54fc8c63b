//! Requests that are not served: their status, and the fault that is told.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::broker::NotKept;
use crate::core::{NameError, Refusal};
use crate::gateway::native::fault::{self, Fault};
use crate::gateway::spaces::Wrong;
use crate::gateway::token::Refused;

/// A request that is not served.
#[derive(Debug)]
pub(super) struct Failure(pub(super) StatusCode, pub(super) Fault);

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self(StatusCode::UNAUTHORIZED, refused.into())
    }
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        let status = match wrong {
            Wrong::Password | Wrong::Private | Wrong::NotAdmin => StatusCode::FORBIDDEN,
            Wrong::TooManyTries | Wrong::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Wrong::Title | Wrong::LongPassword => StatusCode::BAD_REQUEST,
            Wrong::Direct | Wrong::NotKept(NotKept::Conflict | NotKept::TooLarge) => StatusCode::CONFLICT,
            Wrong::NotKept(NotKept::Full) => StatusCode::INSUFFICIENT_STORAGE,
            Wrong::NotKept(NotKept::Unavailable) | Wrong::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, wrong.into())
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self(StatusCode::BAD_REQUEST, error.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, refusal.into())
    }
}

/// What the dialect refuses on a connection too.
impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let status = match fault.code {
            "not.authorized" => StatusCode::FORBIDDEN,
            "too.fast" => StatusCode::TOO_MANY_REQUESTS,
            "too.large" => StatusCode::PAYLOAD_TOO_LARGE,
            "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self(status, fault)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (self.0, kind, self.1.body()).into_response()
    }
}

/// The request says something that cannot be.
pub(super) fn bad(message: &'static str) -> Failure {
    Failure(StatusCode::BAD_REQUEST, Fault::new("invalid.parameters", message))
}

/// The token does not allow it.
pub(super) const FORBIDDEN: Failure = Failure(StatusCode::FORBIDDEN, fault::NOT_AUTHORIZED);
/// It is not there.
pub(super) const NOT_FOUND: Failure =
    Failure(StatusCode::NOT_FOUND, Fault::new("not.found", "there is no such thing"));
/// The hub could not sign a token.
pub(super) const UNSIGNED: Failure =
    Failure(StatusCode::INTERNAL_SERVER_ERROR, Fault::new("internal", "the token could not be signed"));
