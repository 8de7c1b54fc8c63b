//! The routes of the dialect: paths are taken apart before they are decoded, as its libraries put them together.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::access;
use super::answer::{Answer, Callback, Service, preflight};
use super::body::{BadBody, unpacked};
use super::call::{Call, Target, tenant};
use super::dialect::Shared;
use super::fault::{Fault, Unsent};
use super::publish::{Said, publish};
use super::query::Query;
use super::{groups, here, history, names, presence, state, subscribe};
use crate::gateway::limits::Admission;

/// The longest address.
const MAX_URI: usize = 32 * 1024;

/// The most bytes of a grant.
const MOST_GRANT: usize = 64 * 1024;

/// The routes of the dialect.
pub fn router(shared: Arc<Shared>) -> Router {
    let paths = [
        "/v2/subscribe/{*rest}",
        "/v2/presence/{*rest}",
        "/v2/history/{*rest}",
        "/v3/history/{*rest}",
        "/v3/history-with-actions/{*rest}",
        "/v1/channel-registration/{*rest}",
        "/publish/{*rest}",
        "/signal/{*rest}",
        "/time/{*rest}",
        "/v3/pam/{*rest}",
        // What is not served is refused in the shape that libraries read.
        "/v1/push/{*rest}",
        "/v1/files/{*rest}",
        "/v1/message-actions/{*rest}",
        "/v2/objects/{*rest}",
        "/v2/auth/{*rest}",
    ];
    let routes = paths.into_iter().fold(Router::new(), |routes, path| routes.route(path, any(serve)));
    routes.with_state(shared)
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let head = Head::of(parts);
    if head.method == Method::OPTIONS {
        return preflight();
    }
    match answer(&shared, &head, body).await {
        Ok(answer) => answer.into_response(),
        Err(fault) => fault.into_response(),
    }
}

/// What is kept of a request's head while it is served. Thousands may be held, and the whole head has a buffer of its own.
struct Head {
    method: Method,
    path: Box<str>,
    query: Box<str>,
    admission: Option<Arc<Admission>>,
}

impl Head {
    fn of(mut parts: Parts) -> Self {
        let (path, query) = (parts.uri.path().into(), parts.uri.query().unwrap_or_default().into());
        Self { path, query, admission: parts.extensions.remove(), method: parts.method }
    }
}

/// What a path asks for; names are as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action<'a> {
    Subscribe(&'a str),
    Publish { key: &'a str, channel: &'a str, text: Option<&'a str>, is_signal: bool },
    Heartbeat(&'a str),
    Leave(&'a str),
    HereNow(&'a str),
    Everywhere,
    WhereNow(&'a str),
    SetState(&'a str, &'a str),
    GetState(&'a str, &'a str),
    Group(&'a str),
    RemoveGroup(&'a str),
    Groups,
    OldHistory(&'a str),
    History(&'a str, bool),
    Counts(&'a str),
}

/// What a path means: its app, what it asks for, and the function of a page that wants the answer.
struct Route<'a> {
    service: Service,
    key: &'a str,
    action: Action<'a>,
    callback: &'a str,
}

fn route<'a>(segments: &[&'a str]) -> Option<Route<'a>> {
    let (service, key, action, callback) = match segments {
        ["v2", "subscribe", key, channels, callback] => {
            (Service::PubSub, key, Action::Subscribe(channels), *callback)
        }
        ["v2", "presence", "sub-key" | "sub_key", key, rest @ ..] => {
            (Service::Presence, key, presence_action(rest)?, "")
        }
        ["v1", "channel-registration", "sub-key" | "sub_key", key, "channel-group", rest @ ..] => {
            let action = match rest {
                [] => Action::Groups,
                [group] => Action::Group(group),
                [group, "remove"] => Action::RemoveGroup(group),
                _ => return None,
            };
            (Service::Registry, key, action, "")
        }
        [what @ ("publish" | "signal"), publish_key, key, _, channel, callback, rest @ ..] => {
            let text = match rest {
                [] => None,
                [text] => Some(*text),
                _ => return None,
            };
            let is_signal = *what == "signal";
            let action = Action::Publish { key: publish_key, channel, text, is_signal };
            (Service::PubSub, key, action, *callback)
        }
        [version, history, "sub-key" | "sub_key", key, what, channels] => {
            let action = match (*version, *history, *what) {
                ("v2", "history", "channel") => Action::OldHistory(channels),
                ("v3", "history", "channel") => Action::History(channels, false),
                ("v3", "history-with-actions", "channel") => Action::History(channels, true),
                ("v3", "history", "message-counts") => Action::Counts(channels),
                _ => return None,
            };
            (Service::PubSub, key, action, "")
        }
        _ => return None,
    };
    Some(Route { service, key, action, callback })
}

fn presence_action<'a>(rest: &[&'a str]) -> Option<Action<'a>> {
    Some(match rest {
        [] => Action::Everywhere,
        ["uuid", uuid] => Action::WhereNow(uuid),
        ["channel", channels] => Action::HereNow(channels),
        ["channel", channels, "heartbeat"] => Action::Heartbeat(channels),
        ["channel", channels, "leave"] => Action::Leave(channels),
        ["channel", channels, "uuid", uuid] => Action::GetState(channels, uuid),
        ["channel", channels, "uuid", uuid, "data"] => Action::SetState(channels, uuid),
        _ => return None,
    })
}

async fn answer(shared: &Shared, head: &Head, body: Body) -> Result<Answer, Fault> {
    let (path, query) = (&*head.path, &*head.query);
    if path.len() + query.len() > MAX_URI {
        return Err(Fault::long_uri());
    }
    let segments: Vec<&str> = names::segments(path).collect();
    if let ["time", callback] = segments.as_slice() {
        return time(shared, callback).await;
    }
    let admission = head.admission.as_ref();
    let address: Option<IpAddr> = admission.and_then(|admission| admission.address());
    let method = head.method.as_str();
    if let ["v3", "pam", key, "grant", rest @ ..] = segments.as_slice() {
        let service = Service::AccessManager;
        let target = Target { service, key, method, path, query, address, is_subscribe: false };
        return Box::pin(manage(shared, target, rest, body)).await;
    }
    let Route { service, key, action, callback } = route(&segments).ok_or_else(|| Fault::not_found(path))?;
    let is_subscribe = matches!(action, Action::Subscribe(_));
    let target = Target { service, key, method, path, query, address, is_subscribe };
    let tenant = tenant(shared, &target)?;
    if !is_subscribe && !tenant.allows_request(&shared.clock) {
        return Err(Fault::too_many_requests(service, 1));
    }
    let callback = Callback::parse(&names::decoded(callback, service)?, service)?;
    let body = match head.method {
        Method::GET => Bytes::new(),
        _ => read(shared, (service, tenant.settings.message_bytes), body).await?,
    };
    let served = serve_call(shared, target, (action, &head.method), (body, admission)).await;
    let served = match served {
        Err(fault) if is_subscribe => Box::pin(subscribe::later(shared, &target, fault)).await,
        served => served,
    };
    // A page that wants a call hears of errors no other way.
    let callback =
        callback.map_or_else(|| Query::parse(query, service)?.callback(), |name| Ok(Some(name)))?;
    Ok(served.unwrap_or_else(Fault::answer).called(callback.as_ref()))
}

async fn serve_call(
    shared: &Shared,
    target: Target<'_>,
    (action, method): (Action<'_>, &Method),
    (body, admission): (Bytes, Option<&Arc<Admission>>),
) -> Result<Answer, Fault> {
    let call = Box::pin(Call::new(shared, target, &body)).await?;
    // Whoever may do something in an app is one of its clients: that it rests between two requests is how they are.
    if let Some(admission) = admission.filter(|_| !call.pass.is_nothing()) {
        admission.authenticate();
    }
    act(&call, action, method, body).await
}

/// Grants and revocations.
async fn manage(shared: &Shared, target: Target<'_>, rest: &[&str], body: Body) -> Result<Answer, Fault> {
    let service = target.service;
    let tenant = tenant(shared, &target)?;
    if !tenant.allows_request(&shared.clock) {
        return Err(Fault::too_many_requests(service, 1));
    }
    let body = read(shared, (service, MOST_GRANT), body).await?;
    let query = Query::parse(target.query, service)?;
    let (app, settings) = (&tenant.app, &*tenant.settings);
    let Target { method, path, .. } = target;
    let asked = access::Asked { app, settings, method, path, query: &query, body: &body };
    match (method, rest) {
        ("POST", []) => shared.access.grant(&asked),
        ("DELETE", [token]) => shared.access.revoke(&asked, token).await,
        _ => Err(Fault::not_found(path)),
    }
}

async fn act(call: &Call<'_>, action: Action<'_>, method: &Method, body: Bytes) -> Result<Answer, Fault> {
    let is_for = match *method {
        Method::GET | Method::HEAD | Method::POST => true,
        Method::DELETE => matches!(action, Action::History(..)),
        _ => false,
    };
    if !is_for {
        return Err(Fault::bad_method(call.service));
    }
    if call.service == Service::Presence && !call.tenant.settings.presence {
        return Err(Fault::no_presence());
    }
    match action {
        Action::Subscribe(channels) => subscribe::subscribe(call, channels).await,
        Action::Heartbeat(channels) => Box::pin(presence::heartbeat(call, channels)).await,
        Action::Leave(channels) => Box::pin(presence::leave(call, channels)).await,
        Action::HereNow(channels) => Box::pin(here::here_now(call, channels)).await,
        Action::Everywhere => Box::pin(here::everywhere(call)).await,
        Action::WhereNow(uuid) => Box::pin(here::where_now(call, uuid)).await,
        Action::SetState(channels, uuid) => Box::pin(state::set(call, channels, uuid)).await,
        Action::GetState(channels, uuid) => Box::pin(state::get(call, channels, uuid)).await,
        Action::Group(_) | Action::RemoveGroup(_) | Action::Groups => Box::pin(grouped(call, action)).await,
        Action::OldHistory(channel) => Box::pin(history::of_one(call, channel)).await,
        Action::History(channels, _) if method == Method::DELETE => history::delete(call, channels),
        Action::History(channels, has_actions) => {
            Box::pin(history::of_many(call, channels, has_actions)).await
        }
        Action::Counts(channels) => Box::pin(history::counts(call, channels)).await,
        Action::Publish { .. } => Box::pin(said(call, action, body)).await,
    }
}

async fn grouped(call: &Call<'_>, action: Action<'_>) -> Result<Answer, Fault> {
    if !call.tenant.settings.channel_groups {
        return Err(Fault::no_groups());
    }
    match action {
        Action::Group(group) => groups::change(call, group).await,
        Action::RemoveGroup(group) => groups::remove(call, group).await,
        _ => groups::all(call).await,
    }
}

/// Publishes what stands in the path, or else in the body.
async fn said(call: &Call<'_>, action: Action<'_>, body: Bytes) -> Result<Answer, Fault> {
    let Action::Publish { key, channel, text, is_signal } = action else { return Err(Fault::not_found("")) };
    let decoded = |text| names::decoded(text, call.service);
    let (key, channel) = (decoded(key)?, decoded(channel)?);
    let most = call.tenant.settings.message_bytes;
    let said = match text {
        Some(text) => decoded(text)?.into_owned().into(),
        None => match unpacked(&body, most) {
            Ok(body) => body,
            Err(why) => {
                let why = if why == BadBody::TooLong { Unsent::TooLarge } else { Unsent::Json };
                return Err(Fault::unsent(why, call.now().await?));
            }
        },
    };
    publish(call, Said { key: &key, channel: &channel, body: &said, is_signal }).await
}

/// Reads a body of so many bytes at most, if it comes in time.
async fn read(shared: &Shared, (service, most): (Service, usize), body: Body) -> Result<Bytes, Fault> {
    // What cannot be compressed grows a little by the attempt.
    let most = most.saturating_add(1024);
    tokio::select! {
        body = axum::body::to_bytes(body, most) => body.map_err(|_| Fault::long_body(service)),
        () = shared.clock.sleep(shared.body_timeout) => Err(Fault::long_body(service)),
    }
}

/// `/time/{callback}`.
async fn time(shared: &Shared, callback: &str) -> Result<Answer, Fault> {
    let service = Service::PubSub;
    let callback = Callback::parse(&names::decoded(callback, service)?, service)?;
    let now = super::call::now(&shared.broker).await.ok_or_else(|| Fault::unavailable(service))?;
    Ok(Answer::ok(service, format!("[{now}]")).called(callback.as_ref()))
}
