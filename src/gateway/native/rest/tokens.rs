//! Tokens, and whose they are.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use presence_protocol::native::{AnonymousAuth, DemoToken, DemoTokenRequest, Token};
use uuid::Uuid;

use super::body::{body, secret, timely};
use super::failure::{FORBIDDEN, Failure, NOT_FOUND, UNSIGNED, bad};
use super::visitor::Asker;
use super::{Here, Pairs};
use crate::gateway::apps::App;
use crate::gateway::json;
use crate::gateway::native::dialect::Shared;
use crate::gateway::native::payload;
use crate::gateway::principal::Principal;
use crate::gateway::token::{self, Grant};

const ANONYMOUS_LASTS: Duration = Duration::from_secs(24 * 3600);
const DEMO_LASTS: Duration = Duration::from_secs(12 * 3600);

/// The longest id that a demo user may choose.
const MAX_DEMO_ID: usize = 64;

/// The app that a request for a token names, or the usual one.
fn named_app<'a>(shared: &'a Shared, pairs: &[(String, String)]) -> Option<&'a Arc<App>> {
    match pairs.iter().find(|(key, _)| key == "app") {
        Some((_, key)) => shared.apps.by_key(key),
        None => shared.apps.usual(),
    }
}

/// `POST /api/anonymous/auth`.
pub(super) async fn anonymous(
    State(rest): Here,
    Query(pairs): Pairs,
    request: Request,
) -> Result<Response, Failure> {
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

/// `POST /api/demo/token`.
pub(super) async fn demo(State(rest): Here, request: Request) -> Result<Response, Failure> {
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

/// `GET /api/users/me`.
pub(super) async fn me(Asker(Principal { party, .. }): Asker) -> Response {
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
    (head, body).into_response()
}
