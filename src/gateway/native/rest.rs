//! The dialect over HTTP: the way to the WebSocket, tokens, and what clients ask about spaces.

mod body;
mod connect;
mod discovery;
mod failure;
mod meeting;
mod people;
mod spaces;
mod tokens;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderValue, Method, header};
use axum::routing::{any, get, post};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::dialect::Shared;
use super::engineio::{self, Gate};
use crate::broker::AppSlot;
use crate::core::PartyId;
use crate::gateway::tries::Tries;
use crate::gateway::websocket;

/// Over how long the events of a party are counted together.
const BURST: u32 = 4;

struct Rest {
    shared: Arc<Shared>,
    websocket: websocket::Settings,
    /// What parties say by requests, which no connection counts.
    said: Tries<(AppSlot, PartyId)>,
}

type Here = State<Arc<Rest>>;

/// The pairs of a query, of which any may be there.
type Pairs = Query<Vec<(String, String)>>;

/// The routes of the dialect: `/ws`, `/socket.io/`, those under `/api/`, and one that clients call without it.
pub fn router(shared: Arc<Shared>, gate: Arc<Gate>) -> Router {
    let cors = cors(&shared);
    let websocket = gate.websocket.clone();
    let packets = Router::new()
        .route("/socket.io/", any(engineio::enter))
        .route("/socket.io", any(engineio::enter))
        .layer(cors.clone().allow_credentials(true))
        .with_state(gate);
    let said = shared.apps.iter().map(|app| app.limits.events_per_second).max().unwrap_or_default();
    let said = Tries::new(said.saturating_mul(BURST), Duration::from_secs(BURST.into()));
    let api = Router::new()
        .route("/api/anonymous/auth", post(tokens::anonymous))
        .route("/api/users/me", get(tokens::me))
        .route("/api/demo/token", post(tokens::demo))
        .route("/api/service-configurations", get(discovery::services))
        .route("/api/spaces/invite", post(people::create))
        .route("/api/spaces/{topic}", get(spaces::show).post(spaces::settle))
        .route("/api/spaces/{topic}/join", get(spaces::join))
        .route("/api/spaces/{topic}/join/", get(spaces::join))
        .route("/api/spaces/{topic}/members", get(spaces::members))
        .route("/api/spaces/{topic}/invite", post(people::invite))
        .route("/api/spaces/{topic}/attendees/{kind}/{id}", post(people::appoint).delete(people::remove))
        .route("/api/spaces/{topic}/activemeeting", get(meeting::active))
        .route("/api/spaces/{topic}/chats", post(meeting::chat))
        .route("/api/users/me/spaces/{topic}/markread", post(meeting::mark_read))
        .route("/users/me/spaces/{topic}/markread", post(meeting::mark_read))
        .route("/api/mediasessions/mpaas/token/{topic}", get(meeting::media_token))
        .layer(DefaultBodyLimit::max(shared.body_bytes))
        .layer(cors);
    let rest = Rest { shared, websocket, said };
    let own = Router::new().route("/ws", get(connect::connect)).merge(api);
    own.with_state(Arc::new(rest)).merge(packets)
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
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, visitor::PASSWORD])
        .max_age(Duration::from_secs(600))
}
