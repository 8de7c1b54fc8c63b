//! An endpoint: it notes who calls it, and answers as it is told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::client::Client;

/// How long a call that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Shared {
    calls: mpsc::Sender<String>,
    status: Arc<AtomicU16>,
    asks: Arc<Mutex<Option<(Client, &'static str)>>>,
}

/// A listening endpoint.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    calls: mpsc::Receiver<String>,
    status: Arc<AtomicU16>,
    asks: Arc<Mutex<Option<(Client, &'static str)>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let (sender, calls) = mpsc::channel(1024);
        let status = Arc::new(AtomicU16::new(200));
        let asks = Arc::new(Mutex::new(None));
        let shared = Shared { calls: sender, status: Arc::clone(&status), asks: Arc::clone(&asks) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(called).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, calls, status, asks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/pws", self.address)
    }

    /// What is answered from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Relaxed);
    }

    /// Within each call it logs this user in again and fetches what it is called for, and notes the answer too.
    pub(crate) fn fetch_within(&self, app: &Client, user: &'static str) {
        *self.asks.lock().unwrap() = Some((app.clone(), user));
    }

    /// The target of the next call.
    pub(crate) async fn next(&mut self) -> String {
        let came = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        came.expect("an endpoint waited for a call in vain").unwrap()
    }

    /// The calls that have come and were not asked for.
    pub(crate) fn waiting(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.calls.try_recv().ok()).collect()
    }
}

async fn called(State(shared): State<Shared>, request: Request) -> StatusCode {
    let target = request.uri().to_string();
    let asks = shared.asks.lock().unwrap().clone();
    let came = match asks {
        Some((app, user)) => {
            let id = target.split_once("id=").unwrap().1.split_once('&').unwrap().0.parse().unwrap();
            format!("{:?}", app.user(user).await.fetch(user, id).await.states())
        }
        None => target,
    };
    shared.calls.send(came).await.unwrap();
    StatusCode::from_u16(shared.status.load(Relaxed)).unwrap()
}
