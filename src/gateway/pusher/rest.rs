//! The dialect over HTTP: the way to the WebSocket, and the API for backends.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tower_http::cors::{Any, CorsLayer};

use super::arrival::{Arrival, Handshake};
use super::call::{Call, Refusal};
use super::dialect::{Pusher, Shared};
use super::fault::{self, Fault};
use super::replays::Verdict;
use super::{demo, queries, trigger, users};
use crate::broker::Outbox;
use crate::gateway::limits::Admission;
use crate::gateway::peer::Front;
use crate::gateway::upgrade::{NoUpgrade, Upgrade};
use crate::gateway::websocket;

#[derive(Debug)]
pub(super) struct Rest {
    pub(super) shared: Arc<Shared>,
    websocket: websocket::Settings,
}

pub(super) type Here = State<Arc<Rest>>;

/// The routes of the dialect: `/app/` for WebSockets, `/apps/` and `/users/` for backends, below each app's own path too.
pub fn router(shared: Arc<Shared>, websocket: websocket::Settings) -> Router {
    let mut paths: Vec<&str> = shared.tenants.iter().map(|tenant| tenant.settings.path.as_str()).collect();
    paths.push("");
    paths.sort_unstable();
    paths.dedup();
    let routes = paths.into_iter().fold(Router::new(), |routes, path| {
        let at = |rest: &str| format!("{path}{rest}");
        routes
            .route(&at("/app/{key}"), get(connect))
            .route(&at("/app"), get(nowhere))
            .route(&at("/app/"), get(nowhere))
            .route(&at("/app//"), get(nowhere))
            .route(&at("/app/{key}/"), get(nowhere))
            .route(&at("/app/{key}/{*rest}"), get(nowhere))
            // Some clients look for transports that no hub of its own offers.
            .route(&at("/pusher/{*rest}"), any(StatusCode::NOT_FOUND))
            .merge(api(&at))
    });
    let routes = routes.route("/api/demo/pusher/auth", post(demo::auth));
    routes.with_state(Arc::new(Rest { shared, websocket }))
}

fn api(at: &dyn Fn(&str) -> String) -> Router<Arc<Rest>> {
    // Requests are signed, so it does not matter which page sends them.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE]);
    Router::new()
        .route(&at("/apps/{app}/events"), post(events))
        .route(&at("/apps/{app}/batch_events"), post(batch))
        .route(&at("/apps/{app}/channels"), get(channels))
        .route(&at("/apps/{app}/channels/{channel}"), get(channel))
        .route(&at("/apps/{app}/channels/{channel}/users"), get(channel_users))
        .route(&at("/apps/{app}/channels/{channel}/stats"), get(channel_stats))
        .route(&at("/apps/{app}/channels/{channel}/events"), post(channel_events))
        .route(&at("/apps/{app}/users/{user}/events"), post(user_events))
        .route(&at("/apps/{app}/users/{user}/terminate_connections"), post(terminate))
        .route(&at("/users/{user}/terminate_connections"), post(terminate_short))
        .layer(cors)
}

// === The WebSocket ===

async fn connect(
    State(rest): Here,
    key: Result<Path<String>, PathRejection>,
    parts: Parts,
    upgrade: Result<Upgrade, NoUpgrade>,
) -> Response {
    let query: Result<Query<Vec<(String, String)>>, _> = Query::try_from_uri(&parts.uri);
    let pairs = query.map(|Query(pairs)| pairs).unwrap_or_default();
    // What is no text is nobody's key.
    let key = key.map(|Path(key)| key).unwrap_or_default();
    let is_secure = parts.extensions.get::<Front>().is_some_and(|front| front.is_secure);
    open(rest, upgrade, |shared, admission| {
        let headers = &parts.headers;
        Handshake { key: &key, pairs: &pairs, headers, is_secure, admission }.check(shared)
    })
}

async fn nowhere(State(rest): Here, upgrade: Result<Upgrade, NoUpgrade>) -> Response {
    open(rest, upgrade, |_, _| Err(fault::NO_PATH))
}

/// Becomes a WebSocket, if only to say there that it may not be one: clients take any other refusal for a passing one.
fn open(
    rest: Arc<Rest>,
    upgrade: Result<Upgrade, NoUpgrade>,
    check: impl FnOnce(&Shared, &Arc<Admission>) -> Result<Arrival, Fault>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(NoUpgrade::Missing) => return StatusCode::NOT_FOUND.into_response(),
        Err(refusal) => return refusal.into_response(),
    };
    let arrival = check(&rest.shared, upgrade.admission());
    upgrade.accept(move |socket, leftover| {
        let outbox = Arc::new(Outbox::new(rest.shared.outbox));
        rest.shared.metrics.opened();
        let pusher = Pusher::new(Arc::clone(&rest.shared), Arc::clone(&outbox), arrival);
        async move {
            let reason = websocket::serve(socket, leftover, outbox, pusher, &rest.websocket).await;
            rest.shared.metrics.closed(reason.code());
            tracing::debug!(dialect = "pusher", %reason, "a connection ended");
        }
    })
}

// === The API ===

/// What a request asks for.
#[derive(Debug)]
enum Action {
    Events,
    Batch,
    Channels,
    Channel(String),
    ChannelUsers(String),
    ChannelStats(String),
    ChannelEvents(String),
    UserEvents(String),
    Terminate(String),
}

impl Action {
    async fn act(&self, shared: &Shared, call: &Call) -> Result<Bytes, Refusal> {
        match self {
            Self::Events => trigger::events(shared, call).await,
            Self::Batch => trigger::batch(shared, call).await,
            Self::Channels => queries::channels(shared, call).await,
            Self::Channel(channel) => queries::channel(shared, call, channel).await,
            Self::ChannelUsers(channel) => queries::users(shared, call, channel).await,
            Self::ChannelStats(channel) => queries::stats(shared, call, channel).await,
            Self::ChannelEvents(channel) => trigger::to_channel(shared, call, channel).await,
            Self::UserEvents(user) => trigger::to_user(shared, call, user).await,
            Self::Terminate(user) => users::terminate(shared, call, user).await,
        }
    }

    /// The status of success.
    fn status(&self) -> StatusCode {
        if matches!(self, Self::ChannelEvents(_)) { StatusCode::ACCEPTED } else { StatusCode::OK }
    }
}

impl Rest {
    /// Serves a signed request for the app of an id, or of its key. One that was served some time ago is answered as it was then, and
    /// nothing is done.
    async fn serve(&self, app: Option<String>, action: Action, request: Request) -> Response {
        match self.answer(app.as_deref(), &action, request).await {
            Ok(answer) => {
                let kind = [(header::CONTENT_TYPE, "application/json")];
                (action.status(), kind, answer).into_response()
            }
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn answer(&self, app: Option<&str>, action: &Action, request: Request) -> Result<Bytes, Refusal> {
        let call = Call::check(&self.shared, app, request).await?;
        match call.verdict(&self.shared) {
            Verdict::Serve => {}
            Verdict::Answer(answer) => return Ok(answer),
            Verdict::Unanswerable => return Err(Refusal::repeated()),
        }
        let outcome = action.act(&self.shared, &call).await;
        call.served(&outcome);
        outcome
    }
}

async fn events(State(rest): Here, Path(app): Path<String>, request: Request) -> Response {
    rest.serve(Some(app), Action::Events, request).await
}

async fn batch(State(rest): Here, Path(app): Path<String>, request: Request) -> Response {
    rest.serve(Some(app), Action::Batch, request).await
}

async fn channels(State(rest): Here, Path(app): Path<String>, request: Request) -> Response {
    rest.serve(Some(app), Action::Channels, request).await
}

/// What the path says: the app and the channel or user.
type Two = Path<(String, String)>;

async fn channel(State(rest): Here, Path((app, channel)): Two, request: Request) -> Response {
    rest.serve(Some(app), Action::Channel(channel), request).await
}

async fn channel_users(State(rest): Here, Path((app, channel)): Two, request: Request) -> Response {
    rest.serve(Some(app), Action::ChannelUsers(channel), request).await
}

async fn channel_stats(State(rest): Here, Path((app, channel)): Two, request: Request) -> Response {
    rest.serve(Some(app), Action::ChannelStats(channel), request).await
}

async fn channel_events(State(rest): Here, Path((app, channel)): Two, request: Request) -> Response {
    rest.serve(Some(app), Action::ChannelEvents(channel), request).await
}

async fn user_events(State(rest): Here, Path((app, user)): Two, request: Request) -> Response {
    rest.serve(Some(app), Action::UserEvents(user), request).await
}

async fn terminate(State(rest): Here, Path((app, user)): Two, request: Request) -> Response {
    rest.serve(Some(app), Action::Terminate(user), request).await
}

/// Some libraries leave the app out of the path; then it is that of the key.
async fn terminate_short(State(rest): Here, Path(user): Path<String>, request: Request) -> Response {
    rest.serve(None, Action::Terminate(user), request).await
}
