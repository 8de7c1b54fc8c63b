//! From an HTTP request to a WebSocket: the handshake of RFC 6455, and the connection handed over without hyper's layers.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::io::Socket;
use super::limits::{Admission, Excess};
use super::peer::PeerAddr;

/// A request to become a WebSocket, checked. Take it as an extractor, check origin and token, then
/// [`Upgrade::accept`] it; to refuse, drop it and answer with any other response.
#[derive(Debug)]
pub struct Upgrade {
    upgrade: OnUpgrade,
    accept: HeaderValue,
    admission: Arc<Admission>,
}

/// Why a request cannot become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoUpgrade {
    /// It is not a GET.
    Method,
    /// It does not ask for a WebSocket.
    Missing,
    /// It asks for a version other than 13.
    Version,
    /// A header that the handshake needs is missing or wrong.
    Malformed(&'static str),
    /// There are too many connections.
    Excess(Excess),
    /// The hub is about to stop.
    Draining,
    /// It did not come through [`super::http`].
    Unsupported,
}

impl Upgrade {
    /// The connection's place among those counted: say here that it has authenticated.
    #[must_use]
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// Answers 101 and, once that is sent, runs `drive` in a task of its own, with the connection and what the client
    /// has sent behind its request already.
    pub fn accept<F, R>(self, drive: F) -> Response
    where
        F: FnOnce(Socket, Bytes) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let upgrade = self.upgrade;
        tokio::spawn(async move {
            if let Some((socket, leftover)) = release(upgrade).await {
                // A task of its own is as large as the connection needs, and not also as the way there needed.
                tokio::spawn(drive(socket, leftover));
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        response
    }
}

/// Waits for hyper to be done with the connection and takes it out of hyper's boxes.
async fn release(upgrade: OnUpgrade) -> Option<(Socket, Bytes)> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "the client left during the upgrade");
            return None;
        }
    };
    match upgraded.downcast::<TokioIo<Socket>>() {
        Ok(parts) => Some((parts.io.into_inner(), parts.read_buf)),
        Err(_) => {
            tracing::error!("an upgraded connection is not one of the hub's own sockets");
            None
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = NoUpgrade;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, NoUpgrade> {
        let accept = handshake(parts)?;
        let extensions = &mut parts.extensions;
        let admission = extensions.get::<Arc<Admission>>().cloned().ok_or(NoUpgrade::Unsupported)?;
        if admission.is_draining() {
            return Err(NoUpgrade::Draining);
        }
        admission.speak().map_err(NoUpgrade::Excess)?;
        if let Some(PeerAddr(address)) = extensions.get::<PeerAddr>() {
            admission.attribute(*address).map_err(NoUpgrade::Excess)?;
        }
        let upgrade = extensions.remove::<OnUpgrade>().ok_or(NoUpgrade::Unsupported)?;
        Ok(Self { upgrade, accept, admission })
    }
}

/// Checks the request of the client's handshake and returns the answer to its key.
fn handshake(request: &Parts) -> Result<HeaderValue, NoUpgrade> {
    if request.method != Method::GET {
        return Err(NoUpgrade::Method);
    }
    let headers = &request.headers;
    if !lists(headers, &header::UPGRADE, "websocket") {
        return Err(NoUpgrade::Missing);
    }
    if request.version != Version::HTTP_11 {
        return Err(NoUpgrade::Malformed("a WebSocket needs HTTP/1.1"));
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(NoUpgrade::Malformed("Connection must be Upgrade"));
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(NoUpgrade::Version);
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key = key.filter(|key| BASE64_STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16));
    let key = key.ok_or(NoUpgrade::Malformed("Sec-WebSocket-Key must be 16 bytes in base64"))?;
    HeaderValue::try_from(derive_accept_key(key)).map_err(|_| NoUpgrade::Unsupported)
}

/// Whether a header that is a list of words holds this one.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(word))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

impl IntoResponse for NoUpgrade {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Excess(excess) => return excess.into_response(),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "a WebSocket begins with GET"),
            Self::Missing => (StatusCode::UPGRADE_REQUIRED, "this is a WebSocket"),
            Self::Version => (StatusCode::UPGRADE_REQUIRED, "the WebSocket version must be 13"),
            Self::Malformed(text) => (StatusCode::BAD_REQUEST, text),
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, "the hub is about to stop; come back"),
            Self::Unsupported => (StatusCode::INTERNAL_SERVER_ERROR, "this connection cannot be upgraded"),
        };
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
            }
            Self::Missing | Self::Version => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            Self::Draining => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Malformed(_) | Self::Excess(_) | Self::Unsupported => {}
        }
        response
    }
}
