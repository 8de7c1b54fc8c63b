//! The admin listener's routes: health and metrics for everybody who reaches it, calls for who has the token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use super::health::Health;
use crate::broker::Handle;
use crate::telemetry::Metrics;

/// What the admin listener is made of.
#[derive(Debug, Clone)]
pub struct Console {
    /// The hub's health.
    pub health: Health,
    /// The hub's metrics.
    pub metrics: Metrics,
    /// The token of admin calls; without one they are refused.
    pub token: Option<SecretString>,
    /// The host names under which it answers.
    pub hosts: Arc<[String]>,
    /// A way to the broker for each app, with the app's id.
    pub apps: Arc<[(String, Handle)]>,
    /// Set to true to stop the hub in an orderly way.
    pub stop: Arc<watch::Sender<bool>>,
}

/// The routes of the admin listener.
pub fn router(console: Console) -> Router {
    let calls = Router::new()
        .route("/admin/stats", get(stats))
        .route("/admin/drain", post(drain))
        .route_layer(middleware::from_fn_with_state(console.clone(), token_only));
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get("live\n"))
        .route("/readyz", get(ready))
        .merge(calls)
        .layer(middleware::from_fn_with_state(console.clone(), known_host))
        .with_state(console)
}

/// `/readyz`: 200 while the hub wants traffic, else 503.
async fn ready(State(console): State<Console>) -> (StatusCode, String) {
    readiness(&console.health)
}

/// The answer to `/readyz`, the same on every listener.
pub(crate) fn readiness(health: &Health) -> (StatusCode, String) {
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{}\n", health.word()))
}

async fn metrics(State(console): State<Console>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], console.metrics.text()).into_response()
}

async fn stats(State(console): State<Console>) -> Json<serde_json::Value> {
    let mut apps = Vec::new();
    for (id, handle) in console.apps.iter() {
        let counted = handle.read(|roster, leases, _| (roster.topics().count(), leases.len())).await;
        let (topics, sessions) = counted.unwrap_or_default();
        apps.push(json!({"id": id, "topics": topics, "sessions": sessions, "inbox": handle.depth()}));
    }
    Json(json!({"health": console.health.word(), "apps": apps}))
}

async fn drain(State(console): State<Console>) -> StatusCode {
    console.stop.send_replace(true);
    StatusCode::ACCEPTED
}

/// Lets a request pass that carries the token; it is compared in constant time.
async fn token_only(State(console): State<Console>, request: Request, next: Next) -> Response {
    let given = bearer(request.headers()).unwrap_or_default();
    let is_right = console
        .token
        .as_ref()
        .is_some_and(|token| bool::from(token.expose_secret().as_bytes().ct_eq(given.as_bytes())));
    if is_right {
        return next.run(request).await;
    }
    let message = "admin calls need Authorization: Bearer <admin.token>";
    let error = json!({"error": {"code": "not.authenticated", "message": message}});
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(error)).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Answers only under its own names, so that a page which rebinds its name to this address reads nothing.
async fn known_host(State(console): State<Console>, request: Request, next: Next) -> Response {
    if !is_known_host(request.headers(), &console.hosts) {
        return (StatusCode::MISDIRECTED_REQUEST, "unknown host; see http.hosts\n").into_response();
    }
    let mut response = next.run(request).await;
    let nosniff = header::HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// Whether the request's Host, without its port, is one of `hosts`.
pub(crate) fn is_known_host(headers: &HeaderMap, hosts: &[String]) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_their_port_and_as_a_whole() {
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
        for (host, is_known) in [
            ("localhost", true),
            ("LOCALHOST:8081", true),
            ("127.0.0.1:8081", true),
            ("[::1]:8081", true),
            ("[::1]", true),
            ("localhost.evil.test", false),
            ("evil.test:127", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(is_known_host(&headers, &hosts), is_known, "{host:?}");
        }
        assert!(!is_known_host(&HeaderMap::new(), &hosts));
    }
}
