//! One request to the HTTP API: signed, in time, of an app that is switched on, and with the body that was signed.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};

use super::dialect::Shared;
use super::replays::{Mark, Verdict};
use super::sign;
use super::signature::{self, Query};
use super::tenant::Tenant;
use crate::broker::Handle;
use crate::gateway::limits::Admission;
use crate::gateway::peer::Front;

/// A request that may be served.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) tenant: Arc<Tenant>,
    pub(super) query: Query,
    pub(super) body: Bytes,
    /// The signature, if the request can change something.
    mark: Option<Mark>,
}

/// A request that is not served: a status, and a text that says why.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    /// The request says something that it must not.
    pub(super) fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    fn unauthorised(why: impl Into<String>) -> Self {
        Self(StatusCode::UNAUTHORIZED, why.into())
    }

    /// It was served before, or is now, and the answer is not there.
    pub(super) fn repeated() -> Self {
        Self(StatusCode::CONFLICT, "The same signed request has come before; its answer is not kept".into())
    }

    /// The hub cannot serve it now.
    pub(super) fn unavailable() -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, "The hub cannot serve this at the moment".into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.0, format!("{}\n", self.1)).into_response();
        if matches!(self.0, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

/// The most bytes of a body: everything that one request may hold, with each byte escaped.
fn most_bytes(tenant: &Tenant) -> usize {
    let settings = &tenant.settings;
    let names = settings.channels_per_trigger.saturating_mul(settings.channel_length + 8);
    let event = 6 * (settings.data_bytes + settings.event_length) + settings.channel_length + 256;
    names + event.saturating_mul(settings.events_per_batch)
}

impl Call {
    /// Checks a request for the app of an id, or for the one that its key names. The signature is checked before the body is read, so
    /// that nobody else can make the hub hold one.
    pub(super) async fn check(
        shared: &Shared,
        app_id: Option<&str>,
        request: Request,
    ) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let Known { tenant, query, mark } = Known::check(shared, app_id, &parts)?;
        // Backends keep their connections for the next request.
        if let Some(admission) = parts.extensions.get::<Arc<Admission>>() {
            admission.authenticate();
        }
        let body = read(shared, most_bytes(&tenant), body).await?;
        check_body(&body, query.get("body_md5").as_deref())?;
        Ok(Self { tenant, query, body, mark })
    }

    /// The app's way to the broker.
    pub(super) fn broker(&self, shared: &Shared) -> Handle {
        shared.broker.for_app(self.tenant.app.slot)
    }

    /// Whether the request is to be served, or was some time ago and how it was answered then.
    pub(super) fn verdict(&self, shared: &Shared) -> Verdict {
        let now = shared.clock.now().mono;
        let Some(mark) = self.mark else { return Verdict::Serve };
        let mut replays = self.tenant.replays();
        let verdict = replays.admit(mark, now);
        shared.metrics.replays_pushed_out(replays.take_pushed_out());
        verdict
    }

    /// The request was served, or was not.
    pub(super) fn served(&self, outcome: &Result<Bytes, Refusal>) {
        let Some(mark) = &self.mark else { return };
        match outcome {
            Ok(answer) => self.tenant.replays().answered(mark, answer.clone()),
            Err(_) => self.tenant.replays().failed(mark),
        }
    }
}

/// What is known of a request before its body: whose it is, and that it may be looked at.
struct Known {
    tenant: Arc<Tenant>,
    query: Query,
    mark: Option<Mark>,
}

impl Known {
    fn check(shared: &Shared, app_id: Option<&str>, parts: &Parts) -> Result<Self, Refusal> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let query = query.ok_or_else(|| Refusal::bad("There are too many query string parameters"))?;
        let needed = |key: &str| {
            let missing = || Refusal::unauthorised(format!("Missing parameter: {key}"));
            query.get(key).ok_or_else(missing)
        };
        let (key, timestamp) = (needed("auth_key")?, needed("auth_timestamp")?);
        let (version, signature) = (needed("auth_version")?, needed("auth_signature")?);
        if version != "1.0" {
            return Err(Refusal::unauthorised("Unsupported auth_version: it must be 1.0"));
        }
        let known = shared.tenants.by_key(&key);
        let tenant = known.filter(|tenant| app_id.is_none_or(|id| *tenant.app.id == *id));
        let pair = tenant.and_then(|tenant| tenant.app.keys.find(&key));
        let asked = (parts.method.as_str(), parts.uri.path());
        let signed = signature::check(pair, asked, &query, &signature);
        let unknown = || Refusal::unauthorised("Unknown auth_key, or it is not of this app");
        let tenant = tenant.ok_or_else(unknown).inspect_err(|_| shared.metrics.unauthenticated())?;
        signed.map_err(|should| {
            shared.metrics.unauthenticated();
            Refusal::unauthorised(wrong_signature(&should, &signature))
        })?;
        in_time(shared, tenant, &timestamp)?;
        if !tenant.settings.enabled {
            return Err(Refusal(StatusCode::FORBIDDEN, "The app is disabled".into()));
        }
        let is_secure = parts.extensions.get::<Front>().is_some_and(|front| front.is_secure);
        if tenant.settings.tls_only && !is_secure {
            return Err(Refusal(StatusCode::FORBIDDEN, "The app takes requests by TLS only".into()));
        }
        if !tenant.allows_request(&shared.clock) {
            return Err(Refusal(StatusCode::TOO_MANY_REQUESTS, "There are too many requests".into()));
        }
        let mark = (parts.method == "POST").then(|| mark_of(&signature));
        Ok(Self { tenant: Arc::clone(tenant), query, mark })
    }
}

/// Half of the signature, which was verified and so is hexadecimal.
fn mark_of(signature: &str) -> Mark {
    let mut mark = Mark::default();
    if hex::decode_to_slice(&signature.as_bytes()[..2 * mark.len()], &mut mark).is_err() {
        tracing::error!("a signature that was verified is not hexadecimal");
    }
    mark
}

fn wrong_signature(should: &str, given: &str) -> String {
    let given = &given[..given.floor_char_boundary(128)];
    let should = &should[..should.floor_char_boundary(1024)];
    format!(
        "Invalid signature: you should have sent HmacSHA256Hex({should:?}, your_secret_key), but you sent {given:?}"
    )
    .replace("\\\\n", "\\n")
}

fn in_time(shared: &Shared, tenant: &Tenant, timestamp: &str) -> Result<(), Refusal> {
    let given: i64 = timestamp
        .parse()
        .map_err(|_| Refusal::unauthorised("Invalid auth_timestamp: it is a number of seconds"))?;
    let now = i64::try_from(shared.clock.now().wall.seconds()).unwrap_or(i64::MAX);
    let window = tenant.settings.clock_window.as_secs();
    if given.abs_diff(now) <= window {
        return Ok(());
    }
    let iso = |seconds: i64| {
        let instant =
            DateTime::from_timestamp(seconds, 0).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        instant.unwrap_or_else(|| seconds.to_string())
    };
    Err(Refusal::unauthorised(format!(
        "Timestamp expired: Given timestamp ({}) not within {window}s of server time ({})",
        iso(given),
        iso(now)
    )))
}

/// Reads a body of so many bytes at most, if it comes in time.
pub(super) async fn read(shared: &Shared, limit: usize, body: Body) -> Result<Bytes, Refusal> {
    tokio::select! {
        body = axum::body::to_bytes(body, limit) => {
            body.map_err(|_| Refusal(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long".into()))
        }
        () = shared.clock.sleep(shared.body_timeout) => {
            Err(Refusal(StatusCode::REQUEST_TIMEOUT, "The body did not come in time".into()))
        }
    }
}

/// A body is signed by its digest. Some libraries sign that of no body, too.
fn check_body(body: &[u8], digest: Option<&str>) -> Result<(), Refusal> {
    match digest {
        Some(digest) if sign::is_md5(body, digest) => Ok(()),
        Some(_) => Err(Refusal::unauthorised("Invalid body_md5: it is not the MD5 of the body")),
        None if body.is_empty() => Ok(()),
        None => Err(Refusal::unauthorised("Missing parameter: body_md5")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_signature_says_what_was_to_be_signed() {
        assert_eq!(
            wrong_signature("POST\\n/apps/3/events\\na=1", "x\"y"),
            r#"Invalid signature: you should have sent HmacSHA256Hex("POST\n/apps/3/events\na=1", your_secret_key), but you sent "x\"y""#
        );
    }
}
