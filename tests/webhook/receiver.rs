//! A receiver of webhooks on loopback: it verifies what it gets, keeps it, and fails, hangs, redirects or rambles on command.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::any};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use presence_hub::broker::Clock;
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::Notify;

/// How long something that must come may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How much a receiver lets a time stamp be off.
const WINDOW: u64 = 300;

pub(crate) const SECRET: &str = "the-secret-of-this-endpoint";
pub(crate) const KEY: &str = "the-key";

/// What it does with a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Take,
    Fail(u16),
    /// 503 and a wish to be left alone for so many seconds.
    Busy(u64),
    Hang,
    /// To the path `/elsewhere` of itself.
    Redirect,
    /// 200 and a body without end.
    Ramble,
    /// 200 and a body that begins and never goes on.
    Stammer,
}

/// A post as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The hub's time when it came, in seconds.
    pub(crate) at: u64,
    /// Whether it was taken.
    pub(crate) is_taken: bool,
}

#[derive(Debug)]
struct Shared {
    mode: Mutex<Mode>,
    /// Modes for the next posts, before `mode` counts again.
    script: Mutex<Vec<Mode>>,
    got: Mutex<Vec<Got>>,
    news: Notify,
    clock: Clock,
}

#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    pub(crate) async fn start(clock: &Clock) -> Self {
        Self::start_at(clock, ([127, 0, 0, 1], 0).into()).await
    }

    pub(crate) async fn start_at(clock: &Clock, address: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            mode: Mutex::new(Mode::Take),
            script: Mutex::default(),
            got: Mutex::default(),
            news: Notify::new(),
            clock: clock.clone(),
        });
        let routes = Router::new().fallback(any(receive)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks?token=do-not-log", self.address)
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// What it does with the next posts, one after the other.
    pub(crate) fn script(&self, modes: &[Mode]) {
        *self.shared.script.lock().unwrap() = modes.iter().rev().copied().collect();
    }

    /// Everything that came so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    pub(crate) fn taken(&self) -> Vec<Got> {
        self.got().into_iter().filter(|got| got.is_taken).collect()
    }

    /// Waits until so many posts have come.
    pub(crate) async fn wait(&self, posts: usize) -> Vec<Got> {
        self.wait_for(|got| got.len() >= posts).await
    }

    /// Waits until so many events were taken, and gives them in the order in which they came.
    pub(crate) async fn events(&self, events: usize) -> Vec<Value> {
        let of = |got: &[Got]| {
            let taken = got.iter().filter(|got| got.is_taken);
            taken.flat_map(|got| got.json()["events"].as_array().unwrap().clone()).collect::<Vec<_>>()
        };
        of(&self.wait_for(|got| of(got).len() >= events).await)
    }

    pub(crate) async fn wait_for(&self, is_enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let wait = async {
            loop {
                let news = self.shared.news.notified();
                let got = self.got();
                if is_enough(&got) {
                    return got;
                }
                news.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("waited in vain, got {:#?}", self.got()))
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let next = shared.script.lock().unwrap().pop();
    let mode = next.unwrap_or(*shared.mode.lock().unwrap());
    let is_taken = matches!(mode, Mode::Take | Mode::Ramble | Mode::Stammer);
    let at = shared.clock.now().wall.seconds();
    let path = uri.path().to_owned();
    shared.got.lock().unwrap().push(Got { path, headers, body, at, is_taken });
    shared.news.notify_waiters();
    match mode {
        Mode::Take => "thank you".into_response(),
        Mode::Fail(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Mode::Busy(seconds) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Mode::Hang => std::future::pending().await,
        Mode::Redirect => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Mode::Ramble => {
            let piece = || Ok::<_, Infallible>(Bytes::from(vec![b'x'; 16 * 1024]));
            Body::from_stream(futures::stream::repeat_with(piece)).into_response()
        }
        Mode::Stammer => {
            let begun = futures::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"th"))]);
            Body::from_stream(begun.chain(futures::stream::pending())).into_response()
        }
    }
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Whether it is from the hub, whole and new, as a receiver of the hub's format checks it.
    pub(crate) fn is_right(&self) -> bool {
        let stamp = self.header("webhook-timestamp");
        self.signs(SECRET) && stamp.parse::<u64>().is_ok_and(|stamp| stamp.abs_diff(self.at) <= WINDOW)
    }

    /// Whether one of its signatures is made with a secret.
    pub(crate) fn signs(&self, secret: &str) -> bool {
        let (id, stamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{id}.{stamp}.").as_bytes());
        mac.update(&self.body);
        let is_one = |given: &str| {
            let given = given.strip_prefix("v1,").unwrap_or_default();
            mac.clone().verify_slice(&STANDARD.decode(given).unwrap_or_default()).is_ok()
        };
        self.header("webhook-signature").split(' ').any(is_one)
    }

    /// Whether its signature in Pusher's format is made with a secret.
    pub(crate) fn signs_for_pusher(&self, secret: &str) -> bool {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(&self.body);
        let own: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        self.header("x-pusher-signature") == own
    }

    /// The same, as a library of Pusher's checks it.
    pub(crate) fn is_right_for_pusher(&self) -> bool {
        let time = self.json()["time_ms"].as_u64().unwrap();
        self.signs_for_pusher(SECRET)
            && self.header("x-pusher-key") == KEY
            && self.header("content-type") == "application/json"
            && time.abs_diff(self.at * 1_000) <= WINDOW * 1_000
    }
}
