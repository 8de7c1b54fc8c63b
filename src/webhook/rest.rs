//! Admin calls about webhooks: how each endpoint is, and sending again what was given up.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::courier;
use super::hooks::Hooks;
use super::hub::Hub;
use super::letters::Letter;

/// The calls; whoever mounts them sees to it that only operators reach them.
pub fn routes(hooks: Hooks) -> Router {
    Router::new()
        .route("/admin/webhooks", get(states))
        .route("/admin/webhooks/again", post(again))
        .with_state(hooks)
}

async fn states(State(hooks): State<Hooks>) -> Json<Value> {
    let states: Vec<_> = hooks.states().await.iter().map(state).collect();
    Json(json!({ "webhooks": states }))
}

#[derive(Deserialize)]
struct Which {
    endpoint: String,
}

async fn again(State(hooks): State<Hooks>, Query(which): Query<Which>) -> Response {
    match hooks.again(&which.endpoint).await {
        Some(events) => (StatusCode::ACCEPTED, Json(json!({ "events": events }))).into_response(),
        None => {
            let error =
                json!({"code": "not.found", "message": "no such endpoint; GET /admin/webhooks names them"});
            (StatusCode::NOT_FOUND, Json(json!({ "error": error }))).into_response()
        }
    }
}

fn state(state: &courier::State) -> Value {
    json!({
        "endpoint": state.name,
        "origin": state.origin,
        "waiting": state.waiting,
        "failing": state.failing,
        "given_up": state.given_up,
        "dead_letters": state.letters.iter().map(letter).collect::<Vec<_>>(),
    })
}

fn letter(letter: &Letter) -> Value {
    json!({
        "seq": letter.queued.seq,
        "event": Hub::name(letter.queued.hook.what),
        "topic": letter.queued.hook.topic.as_str(),
        "at_ms": letter.at.millis(),
        "tries": letter.tries,
        "why": letter.why,
    })
}
