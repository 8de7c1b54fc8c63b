//! The demo app's own backend, as far as there is one: it signs subscriptions for whoever shows a token, and in nobody else's name.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::call::{Refusal, read};
use super::dialect::Shared;
use super::rest::Here;
use super::signature::Query;
use super::tenant::Tenant;
use super::{names, sign};
use crate::core::Party;
use crate::gateway::json;
use crate::gateway::principal::Principal;
use crate::gateway::token::Credentials;

/// The most bytes of a request: a name of a connection, and one of a channel with each byte escaped.
const MOST_BYTES: usize = 4 * 1024;

/// `POST /api/demo/pusher/auth`: what a client library asks of an application's backend, with `socket_id` and `channel_name` in a
/// form. The user is the party of the token.
pub(super) async fn auth(State(rest): Here, request: Request) -> Response {
    match signed(&rest.shared, request).await {
        Ok(answer) => {
            let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (head, answer).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn signed(shared: &Shared, request: Request) -> Result<Vec<u8>, Refusal> {
    let tenant = shared.tenants.iter().find(|tenant| tenant.app.is_demo);
    let tenant = tenant.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, "There is no demo app".into()))?;
    let (parts, body) = request.into_parts();
    let principal = visitor(shared, tenant, &parts.headers).ok_or_else(|| {
        shared.metrics.unauthenticated();
        Refusal(StatusCode::UNAUTHORIZED, "A token of the demo app is needed".into())
    })?;
    let body = read(shared, MOST_BYTES, body).await?;
    let form = std::str::from_utf8(&body).ok().and_then(Query::parse);
    let form = form.ok_or_else(|| Refusal::bad("The body is no form"))?;
    let [socket, channel] = ["socket_id", "channel_name"].map(|key| form.get(key).unwrap_or_default());
    if names::socket(&socket).is_none() {
        return Err(Refusal::bad("Invalid socket_id"));
    }
    names::channel(&channel, &tenant.settings).map_err(|fault| Refusal::bad(fault.message))?;
    if !names::is_guarded(&channel) {
        return Err(Refusal::bad("Only private and presence channels are signed"));
    }
    let user = names::is_presence(&channel).then(|| channel_data(&principal.party));
    Ok(answer(tenant, &[&socket, &channel], user.as_deref()))
}

fn visitor(shared: &Shared, demo: &Tenant, headers: &HeaderMap) -> Option<Principal> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let credentials = Credentials::of_header(header)?;
    let principal = credentials.check(&shared.tenants.apps, shared.clock.now().wall).ok()?;
    Arc::ptr_eq(&principal.app, &demo.app).then_some(principal)
}

/// The party of a token as a user of the dialect.
fn channel_data(party: &Party) -> String {
    let mut data = Vec::with_capacity(256);
    json::object(&mut data, |user| {
        user.text("user_id", party.id.as_str());
        user.object("user_info", |info| info.text("name", &party.displayname));
    });
    String::from_utf8(data).unwrap_or_default()
}

fn answer(tenant: &Tenant, parts: &[&str], user: Option<&str>) -> Vec<u8> {
    let parts: Vec<&str> = parts.iter().copied().chain(user).collect();
    let mut answer = Vec::with_capacity(512);
    json::object(&mut answer, |answer| {
        answer.text("auth", &sign::auth(&tenant.app, &parts.join(":")));
        if let Some(user) = user {
            answer.text("channel_data", user);
        }
    });
    answer
}
