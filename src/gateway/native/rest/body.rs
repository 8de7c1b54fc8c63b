//! Bodies in and out.

use std::future::Future;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Form, FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::failure::{Failure, bad};
use crate::gateway::native::dialect::Shared;
use crate::gateway::native::fault::{self, Fault};

/// The body is longer than bodies may be.
const TOO_LARGE: Failure = Failure(StatusCode::PAYLOAD_TOO_LARGE, fault::LONG_BODY);

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

/// What a body that is a form says it is.
const FORM: &str = "application/x-www-form-urlencoded";

/// A body as a form if it says so, else as a JSON object; in both the last value of a key counts. Nothing is everything left out.
pub(super) async fn body<T: DeserializeOwned + Default + Send>(request: Request) -> Result<T, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_form =
        kind.and_then(|kind| kind.get(..FORM.len())).is_some_and(|kind| kind.eq_ignore_ascii_case(FORM));
    let object = if is_form { form(request).await? } else { object(&bytes(request).await?)? };
    if object.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_value(Value::Object(object))
        .map_err(|_| bad("a value in the body is not what it can be"))
}

async fn form(mut request: Request) -> Result<Map<String, Value>, Failure> {
    // The kind may be written in capitals, which the form's reader does not know.
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
    let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
    let Form(pairs) = form.map_err(|why| match why.status() {
        StatusCode::PAYLOAD_TOO_LARGE => TOO_LARGE,
        _ => bad("the form could not be read"),
    })?;
    Ok(pairs.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Failure> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(bytes).map_err(|_| bad("the body is a JSON object"))
}

/// A body as it is.
pub(super) async fn bytes(request: Request) -> Result<Bytes, Failure> {
    let bytes = Bytes::from_request(request, &()).await;
    bytes.map_err(|_| TOO_LARGE)
}
