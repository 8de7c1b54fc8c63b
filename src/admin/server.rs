//! The admin listener's routes: health and metrics for everybody who reaches it, calls for who has the token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{delete, get, post};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use super::explain;
use super::health::Health;
use crate::broker::{CloseReason, Handle};
use crate::core::{Cause, Command, PartyId};
use crate::gateway::hosts::is_known_host;
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

/// The routes of the admin listener. `more` are calls of other rooms, which need the token too.
pub fn router(console: Console, more: Router) -> Router {
    let calls = Router::new()
        .route("/admin/stats", get(stats))
        .route("/admin/drain", post(drain))
        .route("/admin/apps/{app}/parties/{party}", get(explain::party))
        .route("/admin/apps/{app}/parties/{party}/sessions", delete(end_sessions))
        .merge(more.with_state(()))
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

/// Ends every session of a party on this node, at once, and tells its clients to stay away.
async fn end_sessions(
    State(console): State<Console>,
    Path((app, party)): Path<(String, String)>,
) -> Response {
    let (handle, party) = match console.whose(&app, &party) {
        Ok(known) => known,
        Err(wrong) => return wrong,
    };
    let mut ended = 0;
    // Whoever comes back just then is ended too.
    for _ in 0..3 {
        handle.close_party(party.clone(), CloseReason::Ended).await;
        let of = party.clone();
        let sessions = handle.read(move |_, leases, _| leases.of(&of).collect::<Vec<_>>()).await;
        let sessions = sessions.unwrap_or_default();
        if sessions.is_empty() {
            break;
        }
        for session in &sessions {
            handle.ask(Command::End(*session, Cause::Kicked)).await;
        }
        ended += sessions.len();
    }
    Json(json!({"sessions": ended})).into_response()
}

impl Console {
    /// The way to an app's broker, and a party's id; or the answer that says which of them is none.
    #[expect(clippy::result_large_err, reason = "it is the answer, and is sent at once")]
    pub(super) fn whose(&self, app: &str, party: &str) -> Result<(&Handle, PartyId), Response> {
        let known = self.apps.iter().find(|(id, _)| *id == app);
        let missing = || wrong(StatusCode::NOT_FOUND, "not.found", "there is no app of this id");
        let (_, handle) = known.ok_or_else(missing)?;
        let no_party = |_| wrong(StatusCode::BAD_REQUEST, "invalid.parameters", "the party's id is not one");
        Ok((handle, PartyId::new(party).map_err(no_party)?))
    }
}

fn wrong(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"error": {"code": code, "message": message}}))).into_response()
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
    console.metrics.unauthenticated();
    let message = "admin calls need Authorization: Bearer <admin.token>";
    let error = json!({"error": {"code": "not.authenticated", "message": message}});
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(error)).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    const TOKEN: &str = "0123456789abcdef";

    fn console(token: Option<&str>) -> Console {
        Console {
            health: Health::default(),
            metrics: Metrics::new(),
            token: token.map(SecretString::from),
            hosts: Arc::new(["localhost".to_owned(), "127.0.0.1".to_owned()]),
            apps: Arc::new([]),
            stop: Arc::new(watch::Sender::new(false)),
        }
    }

    fn more() -> Router {
        Router::new().route("/admin/more", get("more"))
    }

    async fn ask(console: &Console, method: &str, path: &str, headers: Headers<'_>) -> (u16, Response<Body>) {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response =
            router(console.clone(), more()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        (response.status().as_u16(), response)
    }

    async fn text(response: Response<Body>) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn calls_need_the_token_and_everything_a_known_host() {
        let (known, right) = (("host", "localhost:8081"), ("authorization", "Bearer 0123456789abcdef"));
        let table: &[(&str, &str, Headers<'_>, u16)] = &[
            ("GET", "/metrics", &[known], 200),
            ("GET", "/livez", &[known], 200),
            ("GET", "/livez", &[("host", "127.0.0.1")], 200),
            ("GET", "/metrics", &[], 421),
            ("GET", "/metrics", &[("host", "evil.test")], 421),
            ("GET", "/admin/stats", &[("host", "evil.test"), right], 421),
            ("GET", "/nowhere", &[("host", "evil.test")], 421),
            ("GET", "/nowhere", &[known], 404),
            ("GET", "/admin/stats", &[known], 401),
            ("GET", "/admin/stats", &[known, right], 200),
            ("GET", "/admin/more", &[known], 401),
            ("GET", "/admin/more", &[known, right], 200),
            ("GET", "/admin/stats", &[known, ("authorization", "bearer 0123456789abcdef")], 200),
            ("GET", "/admin/stats", &[known, ("authorization", "Basic 0123456789abcdef")], 401),
            ("GET", "/admin/stats", &[known, ("authorization", "0123456789abcdef")], 401),
            ("GET", "/admin/stats", &[known, ("authorization", "Bearer ")], 401),
            ("GET", "/admin/stats", &[known, ("authorization", "Bearer 0123456789abcde")], 401),
            ("GET", "/admin/stats", &[known, ("authorization", "Bearer 0123456789abcdeF")], 401),
            ("GET", "/admin/stats", &[known, ("authorization", "Bearer 0123456789abcdef0")], 401),
            ("GET", "/admin/stats?token=0123456789abcdef", &[known], 401),
            ("GET", "/admin/drain", &[known, right], 405),
            ("POST", "/admin/drain", &[known], 401),
            ("POST", "/metrics", &[known], 405),
        ];
        for (method, path, headers, status) in table {
            let console = console(Some(TOKEN));
            let (given, response) = ask(&console, method, path, headers).await;
            assert_eq!(given, *status, "{method} {path} {headers:?}");
            assert!(given == 421 || response.headers()["x-content-type-options"] == "nosniff", "{path}");
            assert_eq!(given == 401, response.headers().contains_key("www-authenticate"), "{path}");
            let counted = console.metrics.text().contains("hub_gateway_unauthenticated_total 1");
            assert_eq!(given == 401, counted, "{method} {path} {headers:?}");
            assert!(!*console.stop.borrow(), "nothing here stops the hub");
        }
    }

    #[tokio::test]
    async fn without_a_token_of_its_own_every_call_is_refused() {
        let known = ("host", "localhost");
        for given in ["Bearer ", "Bearer 0123456789abcdef", "Bearer None"] {
            let headers = [known, ("authorization", given)];
            assert_eq!(ask(&console(None), "GET", "/admin/stats", &headers).await.0, 401, "{given}");
            assert_eq!(ask(&console(None), "POST", "/admin/drain", &headers).await.0, 401, "{given}");
        }
    }

    #[tokio::test]
    async fn health_is_told_as_it_changes() {
        let console = console(Some(TOKEN));
        let known = [("host", "localhost")];
        for (step, status, word) in [
            ((|_: &Health| ()) as fn(&Health), 503, "starting\n"),
            (Health::ready, 200, "ready\n"),
            (Health::draining, 503, "draining\n"),
        ] {
            step(&console.health);
            let (given, response) = ask(&console, "GET", "/readyz", &known).await;
            assert_eq!((given, text(response).await.as_str()), (status, word));
            assert_eq!(ask(&console, "GET", "/livez", &known).await.0, 200);
        }
    }

    #[tokio::test]
    async fn an_operator_reads_numbers_and_stops_the_hub() {
        let console = console(Some(TOKEN));
        let headers = [("host", "localhost"), ("authorization", "Bearer 0123456789abcdef")];
        let (_, response) = ask(&console, "GET", "/admin/stats", &headers).await;
        assert_eq!(text(response).await, r#"{"apps":[],"health":"starting"}"#);
        let (_, response) = ask(&console, "GET", "/metrics", &headers[..1]).await;
        assert_eq!(
            response.headers()["content-type"],
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert!(text(response).await.ends_with("# EOF\n"));
        assert_eq!(ask(&console, "POST", "/admin/drain", &headers).await.0, 202);
        assert!(*console.stop.borrow());
    }
}
