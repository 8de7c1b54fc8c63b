//! `/socket.io/`: what a request wants, and the refusals that Engine.IO has for what it does not serve.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engineioxide_core::ProtocolVersion;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::line::{Line, LineEnd, Unserved};
use super::payload::{self, NoPayload};
use super::{Gate, new_sid, probe};
use crate::broker::Outbox;
use crate::gateway::limits::Admission;
use crate::gateway::native::socketio::{Caller, Packets};
use crate::gateway::peer::PeerAddr;
use crate::gateway::upgrade::{NoUpgrade, Upgrade};
use crate::gateway::websocket;

/// Why a request is not served, as Engine.IO's clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// There is no such transport.
    Transport,
    /// There is no such connection, or it is not with polling.
    Unknown,
    /// A connection begins with GET.
    Method,
    /// The request cannot be read, or comes at the wrong time.
    Bad,
    /// Pages of this origin may not connect.
    Forbidden,
    /// The version is not served.
    Version,
    /// The body is too long.
    Large,
    /// The body did not come in time.
    Slow,
}

impl Refusal {
    /// What a body that could not be read is told.
    fn of_body(error: &(dyn std::error::Error + 'static)) -> Self {
        if error.is::<LengthLimitError>() { Self::Large } else { Self::Bad }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let bad = StatusCode::BAD_REQUEST;
        let (status, body) = match self {
            Self::Transport => (bad, r#"{"code":0,"message":"Transport unknown"}"#),
            Self::Unknown => (bad, r#"{"code":1,"message":"Session ID unknown"}"#),
            Self::Method => (bad, r#"{"code":2,"message":"Bad handshake method"}"#),
            Self::Bad => (bad, r#"{"code":3,"message":"Bad request"}"#),
            Self::Forbidden => (StatusCode::FORBIDDEN, r#"{"code":4,"message":"Forbidden"}"#),
            Self::Version => (bad, r#"{"code":5,"message":"Unsupported protocol version"}"#),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, r#"{"code":3,"message":"Request timeout"}"#),
            Self::Large => (StatusCode::PAYLOAD_TOO_LARGE, r#"{"code":3,"message":"Payload too large"}"#),
        };
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if matches!(self, Self::Large | Self::Slow) {
            // What is left of the body is not read, so the connection can carry nothing else.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Unserved> for Refusal {
    fn from(unserved: Unserved) -> Self {
        match unserved {
            Unserved::Gone => Self::Unknown,
            Unserved::Overlap => Self::Bad,
        }
    }
}

type Answer = Result<Response, Box<Response>>;

fn refused(why: impl IntoResponse) -> Box<Response> {
    Box::new(why.into_response())
}

/// What a request's query says.
struct Wish<'a> {
    version: Option<ProtocolVersion>,
    transport: &'a str,
    sid: Option<&'a str>,
    token: Option<&'a str>,
    /// The answer is to be a script, which is not served.
    is_script: bool,
}

impl<'a> Wish<'a> {
    /// Keys that are not known are passed over; of one that comes twice the first counts.
    fn of(pairs: &'a [(String, String)]) -> Self {
        let find = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let version = match find("EIO") {
            Some("3") => Some(ProtocolVersion::V3),
            Some("4") => Some(ProtocolVersion::V4),
            _ => None,
        };
        let given = |name| find(name).filter(|value| !value.is_empty());
        Self {
            version,
            transport: find("transport").unwrap_or_default(),
            sid: given("sid"),
            token: given("token"),
            is_script: find("j").is_some(),
        }
    }
}

/// Serves a request, whatever it wants.
pub(in crate::gateway::native) async fn enter(
    State(gate): State<Arc<Gate>>,
    Query(pairs): Query<Vec<(String, String)>>,
    upgrade: Result<Upgrade, NoUpgrade>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let wish = Wish::of(&pairs);
    let Some(version) = wish.version else { return Refusal::Version.into_response() };
    let served = match (wish.transport, wish.sid) {
        ("polling", _) if wish.is_script => Err(refused(Refusal::Bad)),
        ("websocket", None) => begin_websocket(&gate, version, &wish, upgrade, &parts.headers),
        ("websocket", Some(sid)) => continue_with_websocket(&gate, sid, upgrade),
        ("polling", None) => begin_polling(&gate, version, &wish, &parts).await,
        ("polling", Some(sid)) => continue_polling(&gate, sid, &parts, body).await,
        _ => Err(refused(Refusal::Transport)),
    };
    served.unwrap_or_else(|refusal| *refusal)
}

/// Whoever connects, as far as a handshake tells. It says for whom it speaks when it enters a namespace.
fn caller(gate: &Gate, wish: &Wish<'_>, headers: &HeaderMap, admission: Arc<Admission>) -> Option<Caller> {
    let is_welcome = |app: &&Arc<crate::gateway::apps::App>| app.origins.check(headers).is_ok();
    let welcome: Vec<_> = gate.chat.apps.iter().filter(is_welcome).map(|app| app.slot).collect();
    if welcome.is_empty() {
        return None;
    }
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    Some(Caller { welcome, header: header.map(Box::from), token: wish.token.map(Box::from), admission })
}

// === WebSocket ===

fn begin_websocket(
    gate: &Arc<Gate>,
    version: ProtocolVersion,
    wish: &Wish<'_>,
    upgrade: Result<Upgrade, NoUpgrade>,
    headers: &HeaderMap,
) -> Answer {
    let upgrade = upgrade.map_err(no_upgrade)?;
    let admission = Arc::clone(upgrade.admission());
    let caller = caller(gate, wish, headers, admission).ok_or_else(|| refused(Refusal::Forbidden))?;
    let gate = Arc::clone(gate);
    Ok(upgrade.accept(move |socket, leftover| {
        let outbox = Arc::new(Outbox::new(gate.chat.outbox));
        let packets = Packets::new(&gate, version, &new_sid(), Arc::clone(&outbox), caller);
        async move {
            gate.chat.metrics.opened();
            let reason = websocket::serve(socket, leftover, outbox, packets, &gate.websocket).await;
            gate.chat.metrics.closed(reason.code());
            tracing::debug!(dialect = "socketio", %reason, "a connection ended");
        }
    }))
}

fn continue_with_websocket(gate: &Gate, sid: &str, upgrade: Result<Upgrade, NoUpgrade>) -> Answer {
    let line = gate.lines.get(sid).filter(|line| line.is_polling());
    let line = line.ok_or_else(|| refused(Refusal::Unknown))?;
    let upgrade = upgrade.map_err(no_upgrade)?;
    let admission = Arc::clone(upgrade.admission());
    let clock = gate.chat.clock.clone();
    Ok(upgrade.accept(move |socket, leftover| probe::probe(socket, leftover, admission, line, clock)))
}

/// A request that is no handshake of a WebSocket is a bad one; one that cannot be taken now is told so.
fn no_upgrade(why: NoUpgrade) -> Box<Response> {
    match why {
        NoUpgrade::Excess(_) | NoUpgrade::Draining | NoUpgrade::Unsupported => refused(why),
        NoUpgrade::Method | NoUpgrade::Missing | NoUpgrade::Version | NoUpgrade::Malformed(_) => {
            refused(Refusal::Bad)
        }
    }
}

// === Polling ===

async fn begin_polling(
    gate: &Arc<Gate>,
    version: ProtocolVersion,
    wish: &Wish<'_>,
    request: &Parts,
) -> Answer {
    if request.method != Method::GET {
        return Err(refused(Refusal::Method));
    }
    let admission = admit(request)?;
    let caller = caller(gate, wish, &request.headers, Arc::clone(&admission));
    let caller = caller.ok_or_else(|| refused(Refusal::Forbidden))?;
    let sid = new_sid();
    let line = Line::new(version, admission);
    gate.lines.insert(&sid, Arc::clone(&line));
    let outbox = Arc::new(Outbox::new(gate.chat.outbox));
    let packets = Packets::new(gate, version, &sid, Arc::clone(&outbox), caller).over_polling();
    let end = LineEnd::new(Arc::clone(&line));
    let gate = Arc::clone(gate);
    tokio::spawn(async move {
        gate.chat.metrics.opened();
        let reason = websocket::serve(end, Bytes::new(), outbox, packets, &gate.websocket).await;
        gate.lines.remove(&sid);
        gate.chat.metrics.closed(reason.code());
        tracing::debug!(dialect = "socketio", %reason, "a connection that began with polling ended");
    });
    poll(&line).await
}

/// A connection over polling is counted like one with a socket of its own, which it has not.
fn admit(request: &Parts) -> Result<Arc<Admission>, Box<Response>> {
    let extensions = &request.extensions;
    let own = extensions.get::<Arc<Admission>>().ok_or_else(|| refused(NoUpgrade::Unsupported))?;
    if own.is_draining() {
        return Err(refused(NoUpgrade::Draining));
    }
    let address = extensions.get::<PeerAddr>().map(|PeerAddr(address)| *address);
    own.line(address).map(Arc::new).map_err(refused)
}

async fn continue_polling(gate: &Gate, sid: &str, request: &Parts, body: Body) -> Answer {
    let line = gate.lines.get(sid).ok_or_else(|| refused(Refusal::Unknown))?;
    if let Some(own) = request.extensions.get::<Arc<Admission>>() {
        own.carry();
        if line.admission.is_authenticated() {
            own.authenticate();
        }
    }
    if request.method == Method::GET {
        poll(&line).await
    } else if request.method == Method::POST {
        post(gate, &line, &request.headers, body).await
    } else {
        Err(refused(Refusal::Method))
    }
}

async fn poll(line: &Line) -> Answer {
    let payload = line.poll().await.map_err(|why| refused(Refusal::from(why)))?;
    Ok(plain(payload.into_text()))
}

async fn post(gate: &Gate, line: &Line, headers: &HeaderMap, body: Body) -> Answer {
    let turn = line.post().map_err(|why| refused(Refusal::from(why)))?;
    let body = Limited::new(body, gate.websocket.frame_bytes).collect();
    let body = tokio::select! {
        body = body => body.map_err(|error| refused(Refusal::of_body(&*error)))?.to_bytes(),
        () = gate.chat.clock.sleep(gate.chat.body_timeout) => return Err(refused(Refusal::Slow)),
    };
    let frames = payload::frames(line.version, headers.get(header::CONTENT_TYPE), body).await;
    let frames = frames.map_err(|NoPayload| refused(Refusal::Bad))?;
    turn.deliver(&frames).await.map_err(|why| refused(Refusal::from(why)))?;
    Ok(plain("ok".into()))
}

fn plain(body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
