//! Calls one address: it is resolved and checked each time, the connection goes to what was checked, and nowhere else.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect};

use super::rules::{Host, Refused, Rules, Target};

/// The most bytes of an answer's body that are read before the connection is given up; nothing of it is kept.
const ANSWER_BYTES: usize = 64 * 1024;

/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

/// Finds the addresses of a name.
pub trait Resolve: Send + Sync + fmt::Debug {
    /// The addresses of a host name, now.
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// What came back. Redirects are answers like any other: they are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the other side asks to be left alone, where it says so in seconds.
    pub retry_after: Option<Duration>,
}

/// What came back, and what may still come of its body.
#[derive(Debug)]
pub struct Answered {
    /// The answer, which the status is.
    pub answer: Answer,
    rest: Response,
}

impl Answered {
    /// Reads the body, of which nothing is kept, so that the connection can serve again: only as far as that is cheap, and only until
    /// `patience` is over. What has not come by then takes nothing from the answer.
    pub async fn finish(mut self, patience: impl Future<Output = ()>) -> Answer {
        let reading = async {
            let mut read = 0;
            while let Ok(Some(piece)) = self.rest.chunk().await {
                read += piece.len();
                if read > ANSWER_BYTES {
                    break;
                }
            }
        };
        tokio::select! {
            () = reading => {}
            () = patience => {}
        }
        self.answer
    }
}

/// Why there is no answer. Nothing in it shows the path, the query or the headers of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// A rule forbids the call.
    Refused(Refused),
    /// The name cannot be resolved.
    Resolving,
    /// No connection was made, or its TLS failed.
    Connecting,
    /// The connection broke, or what came is no HTTP.
    Broken,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => write!(f, "the address {refused}"),
            Self::Resolving => write!(f, "the host name cannot be resolved"),
            Self::Connecting => write!(f, "no connection"),
            Self::Broken => write!(f, "the connection broke, or the answer was not HTTP"),
        }
    }
}

impl std::error::Error for CallError {}

/// Calls one target over a connection that is kept while its address stays right. Clones share the connection; calls at the same
/// time have one each. It has no timeout of its own: whoever calls has the clock, and drops the call.
#[derive(Debug, Clone)]
pub struct Caller {
    rules: Arc<Rules>,
    resolver: Arc<dyn Resolve>,
    target: Target,
    /// Locked for a look, or while a client is made, which waits for
    /// nobody.
    pinned: Arc<Mutex<Option<Reaching>>>,
}

/// A client, after the only addresses that it can connect to.
type Reaching = (Vec<SocketAddr>, Client);

/// Knows the checked addresses and no others.
struct Pinned(Vec<SocketAddr>);

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let addresses: reqwest::dns::Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

impl Caller {
    /// Calls a target under these rules.
    #[must_use]
    pub fn new(rules: Arc<Rules>, resolver: Arc<dyn Resolve>, target: Target) -> Self {
        Self { rules, resolver, target, pinned: Arc::default() }
    }

    /// Posts a body.
    ///
    /// # Errors
    /// There was no answer; with [`CallError::Refused`] nothing was sent either.
    pub async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Answered, CallError> {
        let found = match &self.target.host {
            Host::Address(address) => Ok(vec![*address]),
            Host::Name(name) => self.resolver.resolve(name).await,
        };
        let client = self.client(found)?;
        answer(client.post(self.target.url.clone()).headers(headers).body(body)).await
    }

    /// Gets the target with these parameters after those of its own query, in the order given. `turn` is what bounds such calls: it is
    /// kept until the name is resolved even if the call is dropped before, because a thread is busy with that and cannot be stopped.
    ///
    /// # Errors
    /// There was no answer; with [`CallError::Refused`] nothing was sent either.
    pub async fn get(
        &self,
        headers: HeaderMap,
        asking: &str,
        turn: impl Send + 'static,
    ) -> Result<Answered, CallError> {
        let found = match &self.target.host {
            Host::Address(address) => Ok(vec![*address]),
            Host::Name(name) => resolve_in(turn, &*self.resolver, name).await,
        };
        let client = self.client(found)?;
        answer(client.get(self.target.asking(asking)).headers(headers)).await
    }

    /// A client that can reach only what has just been found, as far as it is allowed.
    fn client(&self, found: io::Result<Vec<IpAddr>>) -> Result<Client, CallError> {
        let found = found.map_err(|_| CallError::Resolving)?;
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = self.rules.addresses(&found, self.target.port).map_err(|refused| {
            *pinned = None;
            CallError::Refused(refused)
        })?;
        let is_right = |(pinned, _): &&Reaching| pinned.iter().all(|address| addresses.contains(address));
        if let Some((_, client)) = pinned.as_ref().filter(is_right) {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .user_agent(concat!("presence-hub/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .dns_resolver(Arc::new(Pinned(addresses.clone())))
            .build()
            .map_err(|_| CallError::Connecting)?;
        *pinned = Some((addresses, client.clone()));
        Ok(client)
    }
}

/// The addresses of a name. The turn is kept until they are found, even if nobody waits for them any more.
pub(super) async fn resolve_in(
    turn: impl Send + 'static,
    resolver: &dyn Resolve,
    name: &str,
) -> io::Result<Vec<IpAddr>> {
    let resolving = resolver.resolve(name);
    let resolved = tokio::spawn(async move {
        let found = resolving.await;
        drop(turn);
        found
    });
    resolved.await.unwrap_or_else(|error| Err(error.into()))
}

/// Sends a request and waits for the head of what comes back.
async fn answer(request: RequestBuilder) -> Result<Answered, CallError> {
    let sent = request.send().await;
    let rest =
        sent.map_err(|error| if error.is_connect() { CallError::Connecting } else { CallError::Broken })?;
    let seconds = rest.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let answer = Answer { status: rest.status().as_u16(), retry_after: seconds.map(Duration::from_secs) };
    Ok(Answered { answer, rest })
}
