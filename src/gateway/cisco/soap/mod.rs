//! The dialect over SOAP: nine operations, in envelopes of both versions, and the description of them that clients read.

mod envelope;
mod operations;
mod wsdl;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use futures::future::BoxFuture;
use presence_protocol::xml::{self, Caps};
use secrecy::SecretString;

use super::ask::{Answer, Ask, By};
use super::fault::{Code, Fault};
use crate::broker::Clock;
use crate::gateway::limits::{Admission, network};
use crate::gateway::peer::{Front, PeerAddr};
use envelope::{Envelope, Version};
use operations::Operation;

/// Where the service is.
pub const PATH: &str = "/presence-service/soap";

/// What does what is asked.
pub trait Serve: fmt::Debug + Send + Sync {
    /// Whether there is time for requests at all, before one is read.
    ///
    /// # Errors
    /// There is not.
    fn ready(&self) -> Result<(), Fault>;

    /// Counts a request that cannot be read among those of whoever holds this key; without one that somebody holds it is nobody's.
    ///
    /// # Errors
    /// There were too many.
    fn unread(&self, key: Option<&str>) -> Result<(), Fault>;

    /// Does it, whether or not whoever sent it waits for that.
    fn serve(self: Arc<Self>, by: By, ask: Ask) -> BoxFuture<'static, Result<Answer, Fault>>;
}

/// How requests are read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The hub's clock.
    pub clock: Clock,
    /// How much a request may hold.
    pub caps: Caps,
    /// How long its body may take.
    pub body_timeout: Duration,
    /// The most contacts of one list.
    pub contacts_per_list: usize,
}

#[derive(Debug)]
struct Soap {
    service: Arc<dyn Serve>,
    reading: Reading,
}

/// What answers at [`PATH`].
pub fn route<S: Clone + Send + Sync + 'static>(service: Arc<dyn Serve>, reading: Reading) -> MethodRouter<S> {
    let soap = Arc::new(Soap { service, reading });
    MethodRouter::new().get(describe).post(call).fallback(elsewise).with_state(soap)
}

/// The body of a request, bounded in bytes and time.
///
/// # Errors
/// It is longer, or does not come.
pub async fn body(body: Body, reading: &Reading) -> Result<Bytes, Fault> {
    tokio::select! {
        body = axum::body::to_bytes(body, reading.caps.bytes) => body.map_err(|_| Code::Unreadable.into()),
        () = reading.clock.sleep(reading.body_timeout) => Err(Code::Unreadable.into()),
    }
}

async fn describe(RawQuery(query): RawQuery, request: Request) -> Response {
    if !query.unwrap_or_default().eq_ignore_ascii_case("wsdl") {
        return elsewise().await;
    }
    let Some(front) = request.extensions().get::<Front>() else { return elsewise().await };
    // The answer names the host that the client named, and goes to nobody else.
    let heads = [(header::CONTENT_TYPE, "text/xml; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (heads, wsdl::description(front)).into_response()
}

/// Neither an envelope nor a question for the description.
async fn elsewise() -> Response {
    let sentence = "Envelopes are to be posted here; the description is at ?wsdl";
    let mut response =
        Fault::with(Code::Internal, sentence).at(StatusCode::METHOD_NOT_ALLOWED).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

async fn call(State(soap): State<Arc<Soap>>, request: Request) -> Response {
    let admission = request.extensions().get::<Arc<Admission>>().cloned();
    let from = request.extensions().get::<PeerAddr>().and_then(|peer| network(peer.0));
    let hint = Version::of_content_type(request.headers().get(header::CONTENT_TYPE));
    let (version, outcome) = soap.answer(request.into_body(), hint, from).await;
    if let (Some(admission), Ok(_)) = (admission, &outcome) {
        admission.authenticate();
    }
    match outcome {
        Ok(content) => {
            let kind = [(header::CONTENT_TYPE, version.content_type())];
            (kind, version.envelope(&content)).into_response()
        }
        Err(fault) => version.fault(&fault),
    }
}

impl Soap {
    /// What the body of the answer holds, and the version in which it is to be said.
    async fn answer(
        &self,
        sent: Body,
        hint: Version,
        from: Option<IpAddr>,
    ) -> (Version, Result<String, Fault>) {
        let read = async {
            self.service.ready()?;
            let bytes = body(sent, &self.reading).await?;
            xml::read(&bytes, &self.reading.caps).map_err(|error| {
                Fault::with(Code::Unparsable, format!("The XML of the request cannot be parsed: {error}"))
            })
        };
        let root = match read.await {
            Ok(root) => root,
            Err(fault) => return (hint, Err(fault)),
        };
        let version = Version::of_root(&root).unwrap_or(hint);
        (version, self.serve(&root, from).await)
    }

    async fn serve(&self, root: &xml::Element, from: Option<IpAddr>) -> Result<String, Fault> {
        let envelope = Envelope::of(root)?;
        let read = Operation::read(envelope.content, &self.reading);
        let (operation, ask) = read.or_else(|fault| {
            let key = envelope.key.or_else(|| envelope.content.text_of("app-session-id"));
            self.service.unread(key).and(Err(fault))
        })?;
        let by = By { key: envelope.key.map(SecretString::from), user: None, from };
        let answer = Arc::clone(&self.service).serve(by, ask).await?;
        Ok(operation.answer(&answer))
    }
}

#[cfg(test)]
mod tests;
