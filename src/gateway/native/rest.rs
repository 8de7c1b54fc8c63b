//! The dialect over HTTP: the way to the WebSocket, tokens, and removing somebody.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use axum::{Json, Router};
use presence_protocol::native::{AnonymousAuth, DemoToken, DemoTokenRequest, Role, Token};
use serde::de::DeserializeOwned;
use tower_http::cors::{AllowOrigin, CorsLayer};
use uuid::Uuid;

use super::dialect::{Arrival, Native, Shared};
use super::engineio::{self, Gate};
use super::fault::{self, Fault};
use super::payload;
use crate::broker::{Outbox, Reply};
use crate::core::{Cause, Command, PartyId, TopicName};
use crate::gateway::apps::App;
use crate::gateway::json;
use crate::gateway::origin::ForeignOrigin;
use crate::gateway::principal::{Action, Principal};
use crate::gateway::token::{self, Credentials, Grant, Refused};
use crate::gateway::upgrade::{NoUpgrade, Upgrade};
use crate::gateway::websocket;

const ANONYMOUS_LASTS: Duration = Duration::from_secs(24 * 3600);
const DEMO_LASTS: Duration = Duration::from_secs(12 * 3600);

/// The longest id that a demo user may choose.
const MAX_DEMO_ID: usize = 64;

#[derive(Debug)]
struct Rest {
    shared: Arc<Shared>,
    websocket: websocket::Settings,
}

type Here = State<Arc<Rest>>;

/// The pairs of a query, of which any may be there.
type Pairs = Query<Vec<(String, String)>>;

/// The routes of the dialect: `/ws`, `/socket.io/`, and those under `/api/`.
pub fn router(shared: Arc<Shared>, gate: Arc<Gate>) -> Router {
    let cors = cors(&shared);
    let websocket = gate.websocket.clone();
    let packets = Router::new()
        .route("/socket.io/", any(engineio::enter))
        .route("/socket.io", any(engineio::enter))
        .layer(cors.clone().allow_credentials(true))
        .with_state(gate);
    let api = Router::new()
        .route("/api/anonymous/auth", post(anonymous))
        .route("/api/users/me", get(me))
        .route("/api/demo/token", post(demo))
        .route("/api/spaces/{topic}/attendees/{kind}/{id}", delete(remove))
        .layer(DefaultBodyLimit::max(shared.body_bytes))
        .layer(cors);
    let rest = Router::new().route("/ws", get(connect)).merge(api);
    rest.with_state(Arc::new(Rest { shared, websocket })).merge(packets)
}

/// Pages may call what they may connect to.
fn cors(shared: &Arc<Shared>) -> CorsLayer {
    let shared = Arc::clone(shared);
    let is_allowed = move |_: &HeaderValue, request: &axum::http::request::Parts| {
        shared.apps.iter().any(|app| app.origins.check(&request.headers).is_ok())
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("spaces-x-space-password"),
        ])
        .max_age(Duration::from_secs(600))
}

/// A request that is not served.
#[derive(Debug)]
struct Failure(StatusCode, Fault);

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self(StatusCode::UNAUTHORIZED, refused.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (self.0, kind, self.1.body()).into_response()
    }
}

fn bad(message: &'static str) -> Failure {
    Failure(StatusCode::BAD_REQUEST, Fault::new("invalid.parameters", message))
}

const FORBIDDEN: Failure = Failure(StatusCode::FORBIDDEN, fault::NOT_AUTHORIZED);
const NOT_FOUND: Failure = Failure(StatusCode::NOT_FOUND, Fault::new("not.found", "there is no such thing"));
const UNSIGNED: Failure =
    Failure(StatusCode::INTERNAL_SERVER_ERROR, Fault::new("internal", "the token could not be signed"));

// === The WebSocket ===

async fn connect(
    State(rest): Here,
    headers: HeaderMap,
    Query(pairs): Pairs,
    upgrade: Result<Upgrade, NoUpgrade>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.into_response(),
    };
    let arrival = match arrive(&rest.shared, &headers, &pairs, &upgrade) {
        Ok(arrival) => arrival,
        Err(refusal) => return *refusal,
    };
    upgrade.accept(move |socket, leftover| {
        let outbox = Arc::new(Outbox::new(rest.shared.outbox));
        rest.shared.metrics.opened();
        let native = Native::new(Arc::clone(&rest.shared), Arc::clone(&outbox), arrival);
        async move {
            let reason = websocket::serve(socket, leftover, outbox, native, &rest.websocket).await;
            rest.shared.metrics.closed(reason.code());
            tracing::debug!(dialect = "native", %reason, "a connection ended");
        }
    })
}

/// What a handshake tells, or the response that refuses it.
fn arrive(
    shared: &Shared,
    headers: &HeaderMap,
    pairs: &[(String, String)],
    upgrade: &Upgrade,
) -> Result<Arrival, Box<Response>> {
    let admission = upgrade.admission();
    let arrival = Arrival { admission: Some(Arc::clone(admission)), ..Arrival::default() };
    let Some(credentials) = credentials(headers, pairs) else {
        let is_welcome = |app: &&Arc<App>| app.origins.check(headers).is_ok();
        let welcome: Vec<_> = shared.apps.iter().filter(is_welcome).map(|app| app.slot).collect();
        let is_foreign = welcome.is_empty();
        return if is_foreign { Err(refused(ForeignOrigin)) } else { Ok(Arrival { welcome, ..arrival }) };
    };
    let checked = credentials.check(&shared.apps, shared.clock.now().wall);
    let principal = checked.map_err(|why| {
        shared.metrics.unauthenticated();
        refused(Failure::from(why))
    })?;
    principal.app.origins.check(headers).map_err(refused)?;
    if principal.is_app {
        admission.authenticate();
    } else {
        let claimed = admission.claim(principal.app.slot, &principal.party.id);
        claimed.map_err(refused)?;
    }
    Ok(Arrival { principal: Some(principal), ..arrival })
}

fn refused(why: impl IntoResponse) -> Box<Response> {
    Box::new(why.into_response())
}

fn credentials<'a>(headers: &'a HeaderMap, pairs: &'a [(String, String)]) -> Option<Credentials<'a>> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let query = || pairs.iter().find(|(key, token)| key == "token" && !token.is_empty());
    header.and_then(Credentials::of_header).or_else(|| query().map(|(_, token)| Credentials::Token(token)))
}

// === Tokens ===

fn principal(shared: &Shared, headers: &HeaderMap) -> Result<Principal, Failure> {
    let credentials = credentials(headers, &[]).ok_or(Refused)?;
    Ok(credentials.check(&shared.apps, shared.clock.now().wall)?)
}

/// The app that a request for a token names, or the usual one.
fn named_app<'a>(shared: &'a Shared, pairs: &[(String, String)]) -> Option<&'a Arc<App>> {
    match pairs.iter().find(|(key, _)| key == "app") {
        Some((_, key)) => shared.apps.by_key(key),
        None => shared.apps.usual(),
    }
}

async fn anonymous(State(rest): Here, Query(pairs): Pairs, request: Request) -> Result<Response, Failure> {
    let asked: AnonymousAuth = timely(&rest.shared, body(request)).await?;
    let app = named_app(&rest.shared, &pairs).ok_or(NOT_FOUND)?;
    if !app.anonymous {
        return Err(FORBIDDEN);
    }
    let grant = Grant {
        id: Uuid::new_v4().to_string(),
        is_anonymous: true,
        displayname: asked.displayname.unwrap_or_else(|| "anonymous".into()),
        username: asked.username.unwrap_or_default(),
        picture_url: asked.picturefile.unwrap_or_default(),
        lasts: ANONYMOUS_LASTS,
    };
    let token = token::mint(app, &grant, rest.shared.clock.now().wall).ok_or(UNSIGNED)?;
    Ok(secret(Token { token }))
}

async fn demo(State(rest): Here, request: Request) -> Result<Response, Failure> {
    let app = rest.shared.apps.iter().find(|app| app.is_demo).ok_or(NOT_FOUND)?;
    let asked: DemoTokenRequest = timely(&rest.shared, body(request)).await?;
    let id = asked.id.unwrap_or_else(|| Uuid::new_v4().to_string());
    let is_fit = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if id.is_empty() || id.len() > MAX_DEMO_ID || !is_fit(&id) {
        return Err(bad("_id has 1 to 64 letters, digits and hyphens"));
    }
    let displayname = asked.displayname.unwrap_or_default();
    let grant = Grant { id: id.clone(), displayname, lasts: DEMO_LASTS, ..Grant::default() };
    let token = token::mint(app, &grant, rest.shared.clock.now().wall).ok_or(UNSIGNED)?;
    Ok(secret(DemoToken { token, id }))
}

/// A response that nobody on the way keeps.
fn secret(body: impl serde::Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A body that does not come in time is not waited for, for its connection takes somebody else's place.
async fn timely<T>(shared: &Shared, body: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        body = body => body,
        () = shared.clock.sleep(shared.auth_timeout) => {
            Err(Failure(StatusCode::REQUEST_TIMEOUT, Fault::new("too.slow", "the body did not come in time")))
        }
    }
}

/// A body as a form if it says so, else as JSON; nothing is everything left out.
async fn body<T: DeserializeOwned + Default + Send>(request: Request) -> Result<T, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        let form = Form::<T>::from_request(request, &()).await;
        return form.map(|form| form.0).map_err(|_| bad("the form could not be read"));
    }
    let bytes = Bytes::from_request(request, &()).await;
    let bytes = bytes.map_err(|_| Failure(StatusCode::PAYLOAD_TOO_LARGE, fault::LONG_BODY))?;
    if bytes.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&bytes).map_err(|_| bad("the body is a JSON object"))
}

async fn me(State(rest): Here, headers: HeaderMap) -> Result<Response, Failure> {
    let Principal { party, .. } = principal(&rest.shared, &headers)?;
    let mut body = Vec::with_capacity(384);
    json::object(&mut body, |me| {
        me.text("_id", party.id.as_str());
        me.text("ndbid", party.id.as_str());
        me.text("displayname", payload::displayname(&party));
        me.text("username", &party.username);
        me.text("picturefile", "");
        me.text("picture_url", &party.picture_url);
        me.text("aType", payload::kind_name(party.kind));
        me.raw("phone_numbers", payload::phone_numbers(&party));
        me.text("timezone", "UTC");
        me.raw("permissions", b"[]");
        me.raw("licenses", b"[]");
    });
    let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((head, body).into_response())
}

// === Removing somebody ===

async fn remove(
    State(rest): Here,
    headers: HeaderMap,
    path: Result<Path<(String, String, String)>, PathRejection>,
) -> Result<Response, Failure> {
    let principal = principal(&rest.shared, &headers)?;
    let Path((topic, kind, id)) = path.map_err(|_| bad("the path is not valid UTF-8"))?;
    if !matches!(kind.as_str(), "userId" | "anonymousId") {
        return Err(bad("an attendee is named by its userId or anonymousId"));
    }
    let topic = TopicName::new(&topic).map_err(|error| Failure(StatusCode::BAD_REQUEST, error.into()))?;
    let party = PartyId::new(&id).map_err(|_| bad("the attendee's id is not one"))?;
    if principal.role < Role::Admin || !principal.may(Action::Presence, &topic) {
        return Err(FORBIDDEN);
    }
    let broker = rest.shared.broker.for_app(principal.app.slot);
    let by = Some(principal.party);
    let removal = Command::Remove { party, topic, cause: Cause::Kicked, by };
    if let Reply::Refused(refusal) = broker.ask(removal).await {
        return Err(Failure(StatusCode::SERVICE_UNAVAILABLE, refusal.into()));
    }
    let mut body = Vec::with_capacity(96);
    json::object(&mut body, |removed| {
        removed.text("attendee", &id);
        removed.text("attendeeType", &kind);
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}
