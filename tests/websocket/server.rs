//! A hub of nothing but echoes, on a real socket, with a clock that the test moves.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use presence_hub::broker::{Bounds, Clock, Hand, Outbox};
use presence_hub::gateway::limits::{Admission, Caps, Limits};
use presence_hub::gateway::origin::Origins;
use presence_hub::gateway::peer::PeerAddr;
use presence_hub::gateway::upgrade::Upgrade;
use presence_hub::gateway::{http, websocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::echo::Echo;

/// The running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) hand: Hand,
    pub(crate) limits: Arc<Limits>,
    pub(crate) tally: Arc<http::Tally>,
    pub(crate) shutdown: watch::Sender<bool>,
    pub(crate) served: JoinHandle<()>,
}

/// Enough for tests that are not about limits.
pub(crate) const PLENTY: Caps = Caps {
    total: 10_000,
    per_address: 10_000,
    per_party: 10_000,
    unauthenticated: 10_000,
    retry_after: Duration::from_secs(7),
};

impl Server {
    pub(crate) async fn new() -> Self {
        Self::with(PLENTY, |_| ()).await
    }

    pub(crate) async fn with(caps: Caps, adapt: impl FnOnce(&mut http::Settings)) -> Self {
        Self::start(caps, Origins::Any, adapt).await
    }

    pub(crate) async fn start(caps: Caps, origins: Origins, adapt: impl FnOnce(&mut http::Settings)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (clock, hand) = Clock::manual();
        let limits = Limits::new(caps);
        let mut settings = http::Settings::new(clock.clone(), Arc::clone(&limits));
        adapt(&mut settings);
        let tally = Arc::clone(&settings.tally);
        let (shutdown, signal) = watch::channel(false);
        let served = tokio::spawn(http::serve(listener, router(clock, origins), None, settings, signal));
        Self { address, hand, limits, tally, shutdown, served }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request and reads until the end of the answer's head.
    pub(crate) async fn ask(&self, request: &str) -> (Answer, TcpStream) {
        let mut stream = self.connect().await;
        let answer = ask(&mut stream, request).await;
        (answer, stream)
    }

    /// Opens a WebSocket.
    pub(crate) async fn open(&self) -> Client<TcpStream> {
        let (answer, stream) = self.ask(&handshake("")).await;
        assert_eq!(answer.status, 101);
        Client(stream)
    }
}

/// Echoes at `/ws`; at `/peer` the client's address; at `/slow` an answer that never comes.
pub(crate) fn router(clock: Clock, origins: Origins) -> Router {
    let settings = Arc::new(websocket::Settings::new(clock));
    let open = move |upgrade: Upgrade, headers: HeaderMap| {
        let settings = Arc::clone(&settings);
        let allowed = origins.check(&headers);
        async move {
            if let Err(foreign) = allowed {
                return foreign.into_response();
            }
            if headers.contains_key("x-authenticated") {
                upgrade.admission().authenticate();
            }
            accept(upgrade, settings)
        }
    };
    let peer = async |Extension(peer): Extension<PeerAddr>,
                      Extension(admission): Extension<Arc<Admission>>| {
        admission.authenticate();
        peer.0.to_string()
    };
    Router::new()
        .route("/ws", get(open))
        .route("/peer", get(peer))
        .route("/slow", get(std::future::pending::<()>))
}

fn accept(upgrade: Upgrade, settings: Arc<websocket::Settings>) -> Response {
    upgrade.accept(async move |socket, leftover| {
        let outbox = Arc::new(Outbox::new(Bounds::default()));
        websocket::serve(socket, leftover, outbox, Echo::default(), &settings).await;
    })
}

/// A client's handshake with more headers, each ending in CRLF.
pub(crate) fn handshake(headers: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: hub.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

pub(crate) async fn ask(stream: &mut TcpStream, request: &str) -> Answer {
    // What is refused early may be closed before it is sent to its end.
    drop(stream.write_all(request.as_bytes()).await);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the answer ended early"));
    }
    let head = String::from_utf8(head).unwrap();
    Answer { status: head[9..12].parse().unwrap(), head }
}

/// Waits until something is so, and gives up after ten seconds.
pub(crate) async fn eventually(mut is_so: impl FnMut() -> bool) {
    within(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// What must not take long.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it took too long")
}

pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
