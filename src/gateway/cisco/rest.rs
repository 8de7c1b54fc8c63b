//! The dialect over HTTP, as its clients of 2014 and later speak it: XML, and a key in a header.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use percent_encoding::percent_decode_str;
use presence_protocol::xml::Caps;
use secrecy::SecretString;

use super::ask::{Ask, By};
use super::dialect::Service;
use super::encode;
use super::fault::{Code, Fault};
use super::soap::Serve;
use super::translate::{Asked, check, header};
use crate::gateway::limits::{Admission, network};
use crate::gateway::peer::{Front, PeerAddr};

/// Where the service is.
const ROOT: &str = "/presence-service";

/// What all requests share.
#[derive(Debug)]
pub struct Shared {
    /// What serves them.
    pub service: Arc<Service>,
    /// How much XML one may hold.
    pub caps: Caps,
    /// How long its body may take.
    pub body_timeout: Duration,
}

/// The routes of the dialect over REST.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(ROOT, any(serve))
        .route("/presence-service/", any(serve))
        .route("/presence-service/{*path}", any(serve))
        .with_state(shared)
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    answer(&shared, &parts, body).await.unwrap_or_else(IntoResponse::into_response)
}

/// Serves a request. Who asks is checked before its body is read, so that nobody else can make the hub hold one.
async fn answer(shared: &Shared, parts: &Parts, body: Body) -> Result<Response, Fault> {
    let path: Vec<Cow<'_, str>> = segments(parts.uri.path())?;
    let path: Vec<&str> = path.iter().map(|segment| &**segment).collect();
    let key = header(&parts.headers, "Presence-Session-Key").filter(|key| !key.is_empty());
    check(&parts.method, &path)?;
    shared.service.check_load()?;
    if !Asked::is_login(&parts.method, &path) {
        shared.service.check_key(key)?;
        authenticated(parts);
    }
    let asked = shared.ask(parts, &path, body).await;
    let ask = asked.or_else(|fault| shared.service.unread(key).and(Err(fault)))?;
    let by = By {
        key: key.map(SecretString::from),
        user: Asked::user(&path).map(ToOwned::to_owned),
        from: parts.extensions.get::<PeerAddr>().and_then(|peer| network(peer.0)),
    };
    let outcome = Arc::clone(&shared.service).serve(by, ask).await?;
    authenticated(parts);
    // What is made is found below the collection: below the same path, unless that has its id already.
    let resource = match path.as_slice() {
        ["endpoints", ..] => format!("{ROOT}/endpoints"),
        _ => parts.uri.path().trim_end_matches('/').to_owned(),
    };
    let resource = match path.as_slice() {
        ["users", _, "subscriptions", _] => resource.rsplit_once('/').map_or("", |(left, _)| left),
        _ => &resource,
    };
    Ok(encode::answer(&outcome, &base(parts), resource))
}

/// What a path has below the service, decoded.
///
/// # Errors
/// Something of it is no text, so it names nobody.
fn segments(path: &str) -> Result<Vec<Cow<'_, str>>, Fault> {
    let below = path.strip_prefix(ROOT).unwrap_or_default().trim_matches('/');
    let segments = below.split('/').map(|segment| percent_decode_str(segment).decode_utf8());
    segments.collect::<Result<_, _>>().map_err(|_| Code::UserUnknown.into())
}

/// The connection is one of those that keep theirs for the next request.
fn authenticated(parts: &Parts) {
    if let Some(admission) = parts.extensions.get::<Arc<Admission>>() {
        admission.authenticate();
    }
}

/// Where the client found the hub, as the beginning of a URL.
fn base(parts: &Parts) -> String {
    match parts.extensions.get::<Front>().filter(|front| !front.host.is_empty()) {
        Some(front) => format!("http{}://{}", if front.is_secure { "s" } else { "" }, front.host),
        None => String::new(),
    }
}

impl Shared {
    /// What is asked for, of a request whose body has yet to come.
    async fn ask(&self, parts: &Parts, path: &[&str], body: Body) -> Result<Ask, Fault> {
        let body = self.read(parts, body).await?;
        let (method, headers, caps) = (&parts.method, &parts.headers, &self.caps);
        Asked { method, path, headers, body: &body, caps }.ask()
    }

    /// The body, if it is not too long and comes in time. That of a `GET` is a stray one.
    async fn read(&self, parts: &Parts, body: Body) -> Result<Bytes, Fault> {
        let said =
            parts.headers.get(header::CONTENT_LENGTH).and_then(|said| said.to_str().ok()?.parse().ok());
        if said.is_some_and(|said: usize| said > self.caps.bytes) {
            return Err(Fault::with(Code::Unreadable, "The body of the request is too long"));
        }
        let clock = &self.service.clock;
        tokio::select! {
            read = axum::body::to_bytes(body, self.caps.bytes) => read.map_err(|_| Code::Unreadable.into()),
            () = clock.sleep(self.body_timeout) => {
                Err(Fault::with(Code::Unreadable, "The body of the request did not come in time"))
            }
        }
    }
}
