//! The HTTP server under every dialect: HTTP/1.1 with upgrades, deadlines for whoever dawdles, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::io::Socket;
use super::lent::Home;
use super::limits::{Admission, Excess, Limits};
use super::listener::{Accept, Listener};
use super::peer::Proxies;
use crate::broker::Clock;
use crate::core::Mono;

/// The most headers of a request.
const MAX_HEADERS: usize = 64;

/// The most bytes of a request's head, in which some dialects send whole messages. A connection holds as many only while such a
/// head comes.
const MAX_HEAD: usize = 40 * 1024;

/// How long a connection that has been answered is kept for the next request once the hub is about to stop.
const LINGER: Duration = Duration::from_millis(500);

/// How many refusals may be under way at once; whoever comes beyond that is dropped without a word.
const MAX_REFUSALS: u64 = 64;

/// How a listener treats its connections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Tells the time.
    pub clock: Clock,
    /// How many connections there may be. Share one value among all listeners.
    pub limits: Arc<Limits>,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Proxies,
    /// How long TLS and the head of the first request may take together, and then the head of each request.
    pub head_timeout: Duration,
    /// How long a connection that has authenticated may rest between requests; one that has not may take as long as for a head.
    pub keep_alive: Duration,
    /// How long requests that are under way may take when the hub stops.
    pub drain_timeout: Duration,
    /// What happened, counted. Share one value among all listeners.
    pub tally: Arc<Tally>,
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new(clock: Clock, limits: Arc<Limits>) -> Self {
        Self {
            clock,
            limits,
            proxies: Proxies::default(),
            head_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(120),
            drain_timeout: Duration::from_secs(10),
            tally: Arc::default(),
        }
    }
}

/// What happened on listeners since the start.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections refused because a bound was reached.
    pub refused: AtomicU64,
    /// Times that accepting failed.
    pub accept_errors: AtomicU64,
    /// Connections closed because TLS or the first request took too long.
    pub late: AtomicU64,
    /// TLS handshakes that failed.
    pub tls_errors: AtomicU64,
    /// Refusals under way now.
    refusing: AtomicU64,
}

/// Serves `router` until `shutdown` is true, then lets requests that are under way finish. Connections that have been
/// upgraded are not waited for: they are the broker's to drain, and [`Limits::open`] tells how many there are.
///
/// Every request has a [`super::peer::PeerAddr`], a [`super::peer::Front`] and an `Arc<Admission>` as extensions.
pub async fn serve<A: Accept>(
    listener: A,
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    settings: Settings,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut listener = Listener::new(listener, settings.clock.clone());
    let shared =
        Arc::new(Shared { router, tls: tls.map(TlsAcceptor::from), settings, shutdown: shutdown.clone() });
    let tally = &shared.settings.tally;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // A sender that is gone is a hub that is gone.
            _ = shutdown.wait_for(|is_stopping| *is_stopping) => break,
            Some(_) = connections.join_next() => {}
            (stream, peer) = listener.next(|error| {
                tally.accept_errors.fetch_add(1, Relaxed);
                tracing::warn!(%error, "accepting a connection failed");
            }) => {
                tally.accepted.fetch_add(1, Relaxed);
                if let Some(guest) = shared.receive(peer) {
                    connections.spawn(Arc::clone(&shared).run(stream, guest));
                }
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = finished => {}
        () = shared.settings.clock.sleep(shared.settings.drain_timeout) => {}
    }
    connections.shutdown().await;
}

/// What all connections of a listener share.
struct Shared {
    router: Router,
    tls: Option<TlsAcceptor>,
    settings: Settings,
    shutdown: watch::Receiver<bool>,
}

/// One connection, as far as its requests care.
struct Guest {
    peer: IpAddr,
    welcome: Welcome,
    /// The head of a request has come.
    has_asked: AtomicBool,
    /// Since when no request is under way, in milliseconds after 1; 0 while one is.
    resting: AtomicU64,
}

enum Welcome {
    Admitted(Arc<Admission>),
    Refused { excess: Excess, _slot: Refusing },
}

/// A refusal under way.
struct Refusing(Arc<Tally>);

impl Shared {
    /// Counts a new connection in; `None` is to drop it.
    fn receive(&self, peer: SocketAddr) -> Option<Arc<Guest>> {
        let settings = &self.settings;
        let peer = peer.ip().to_canonical();
        let counted = (!settings.proxies.contains(peer)).then_some(peer);
        let welcome = match settings.limits.admit(counted) {
            Ok(admission) => Welcome::Admitted(Arc::new(admission)),
            Err(excess) => {
                settings.tally.refused.fetch_add(1, Relaxed);
                Welcome::Refused { excess, _slot: Refusing::begin(&settings.tally)? }
            }
        };
        Some(Arc::new(Guest { peer, welcome, has_asked: AtomicBool::new(false), resting: AtomicU64::new(0) }))
    }

    async fn run(self: Arc<Self>, stream: TcpStream, guest: Arc<Guest>) {
        let settings = &self.settings;
        // Frames are small and already put together; waiting for more of them helps nobody.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it began");
            return;
        }
        let deadline = Some(settings.clock.now().mono + settings.head_timeout);
        let late = pin!(settings.clock.sleep_until(deadline));
        let serving = async {
            if let Some(socket) = self.secure(stream, &guest).await {
                Arc::clone(&self).requests(socket, Arc::clone(&guest)).await;
            }
        };
        let mut serving = pin!(serving);
        tokio::select! {
            biased;
            () = serving.as_mut() => return,
            () = late => {}
        }
        if guest.has_asked.load(Relaxed) {
            serving.await;
        } else {
            settings.tally.late.fetch_add(1, Relaxed);
        }
    }

    async fn secure(&self, stream: TcpStream, guest: &Guest) -> Option<Socket> {
        let admission = match &guest.welcome {
            Welcome::Admitted(admission) => Some(Arc::clone(admission)),
            Welcome::Refused { .. } => None,
        };
        let Some(tls) = &self.tls else { return Some(Socket::plain(stream, admission)) };
        match tls.accept(stream).await {
            Ok(stream) => Some(Socket::tls(stream, admission)),
            Err(error) => {
                self.settings.tally.tls_errors.fetch_add(1, Relaxed);
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
        }
    }

    async fn requests(self: Arc<Self>, socket: Socket, guest: Arc<Guest>) {
        let mut shutdown = self.shutdown.clone();
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.head_timeout.max(self.settings.keep_alive))
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD)
            .half_close(false);
        let resting = pin!(Arc::clone(&self).rest(Arc::clone(&guest)));
        let (this, asking) = (Arc::clone(&self), Arc::clone(&guest));
        let service = service_fn(move |request| Arc::clone(&self).answer(request, &guest));
        let connection = builder.serve_connection(TokioIo::new(socket), service).with_upgrades();
        let mut connection = pin!(connection);
        let stopping = async {
            tokio::select! {
                _ = shutdown.wait_for(|is_stopping| *is_stopping) => {}
                () = this.rests_in_vain(&asking) => {}
            }
        };
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = resting => return,
            () = stopping => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended badly");
        }
    }

    /// Waits until the hub is about to stop and the connection has rested for a moment: the client is to find another hub for
    /// what comes next. Whoever asks meanwhile is served once more.
    async fn rests_in_vain(&self, guest: &Guest) {
        let clock = &self.settings.clock;
        if self.settings.limits.draining().wait_for(|is_draining| *is_draining).await.is_err() {
            return std::future::pending().await;
        }
        while guest.rests_since().is_none_or(|since| clock.now().mono < since + LINGER) {
            clock.sleep(LINGER).await;
        }
    }

    /// Waits until the connection has rested too long.
    async fn rest(self: Arc<Self>, guest: Arc<Guest>) {
        let Settings { clock, head_timeout, keep_alive, .. } = &self.settings;
        loop {
            let patience = if guest.has_authenticated() { keep_alive } else { head_timeout };
            match guest.rests_since().map(|since| since + *patience) {
                Some(until) if until <= clock.now().mono => return,
                until => clock.sleep_until(until.or(Some(clock.now().mono + *head_timeout))).await,
            }
        }
    }

    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        guest: &Arc<Guest>,
    ) -> Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>> {
        guest.has_asked.store(true, Relaxed);
        guest.resting.store(0, Relaxed);
        let admission = match &guest.welcome {
            Welcome::Admitted(admission) => Arc::clone(admission),
            Welcome::Refused { excess, .. } => {
                let mut response = excess.into_response();
                response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
                return Box::pin(std::future::ready(Ok(response)));
            }
        };
        let (parts, body) = request.into_parts();
        let home = Home::default();
        let body = home.lend(body, &parts.headers);
        let mut request = Request::from_parts(parts, body);
        let address = self.settings.proxies.client(guest.peer, request.headers());
        let front = self.settings.proxies.front(guest.peer, self.tls.is_some(), request.headers());
        request.extensions_mut().insert(address);
        request.extensions_mut().insert(front);
        request.extensions_mut().insert(admission);
        let end = Underway { guest: Arc::clone(guest), clock: self.settings.clock.clone() };
        let answer = self.router.clone().oneshot(request);
        let patience = self.settings.head_timeout;
        Box::pin(async move {
            let mut response = answer.await?;
            // Asked now and not when the request came: a request may have been held until the hub was about to stop.
            if *self.settings.limits.draining().borrow()
                && response.status() != StatusCode::SWITCHING_PROTOCOLS
            {
                response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            }
            tokio::select! {
                () = home.drain() => {}
                () = end.clock.sleep(patience) => {}
            }
            Ok(response.map(|body| until_sent(body, end)))
        })
    }
}

impl Guest {
    /// Since when no request is under way; `None` while one is, and before the first.
    fn rests_since(&self) -> Option<Mono> {
        self.resting.load(Relaxed).checked_sub(1).map(|since| Mono(Duration::from_millis(since)))
    }

    fn has_authenticated(&self) -> bool {
        match &self.welcome {
            Welcome::Admitted(admission) => admission.is_authenticated(),
            Welcome::Refused { .. } => false,
        }
    }
}

/// A request under way, until its answer has been sent or given up.
struct Underway {
    guest: Arc<Guest>,
    clock: Clock,
}

impl Drop for Underway {
    fn drop(&mut self) {
        let now = self.clock.now().mono.0.as_millis();
        self.guest.resting.store(u64::try_from(now).unwrap_or(u64::MAX - 1) + 1, Relaxed);
    }
}

/// A body that holds something until it is sent.
fn until_sent(body: Body, held: Underway) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _held = &held;
        frame
    }))
}

impl Refusing {
    fn begin(tally: &Arc<Tally>) -> Option<Self> {
        let this = Self(Arc::clone(tally));
        (tally.refusing.fetch_add(1, Relaxed) < MAX_REFUSALS).then_some(this)
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.refusing.fetch_sub(1, Relaxed);
    }
}
