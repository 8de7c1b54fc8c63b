//! Bodies in and out.

use std::future::Future;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Form, FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::failure::{Failure, bad};
use crate::gateway::native::dialect::Shared;
use crate::gateway::native::fault::{self, Fault};

/// A response that nobody on the way keeps.
pub(super) fn secret(body: impl serde::Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A response that is JSON already.
pub(super) fn written(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A body that does not come in time is not waited for, for its connection takes somebody else's place.
pub(super) async fn timely<T>(
    shared: &Shared,
    body: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        body = body => body,
        () = shared.clock.sleep(shared.body_timeout) => {
            Err(Failure(StatusCode::REQUEST_TIMEOUT, Fault::new("too.slow", "the body did not come in time")))
        }
    }
}

/// A body as a form if it says so, else as JSON; nothing is everything left out.
pub(super) async fn body<T: DeserializeOwned + Default + Send>(request: Request) -> Result<T, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        let form = Form::<T>::from_request(request, &()).await;
        return form.map(|form| form.0).map_err(|_| bad("the form could not be read"));
    }
    let bytes = bytes(request).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&bytes).map_err(|_| bad("the body is a JSON object"))
}

/// A body as it is.
pub(super) async fn bytes(request: Request) -> Result<Bytes, Failure> {
    let bytes = Bytes::from_request(request, &()).await;
    bytes.map_err(|_| Failure(StatusCode::PAYLOAD_TOO_LARGE, fault::LONG_BODY))
}
