//! An endpoint: it notes who calls it, and answers as it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How long a call that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Shared {
    calls: mpsc::Sender<String>,
    status: Arc<AtomicU16>,
}

/// A listening endpoint.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    calls: mpsc::Receiver<String>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let (sender, calls) = mpsc::channel(1024);
        let status = Arc::new(AtomicU16::new(200));
        let shared = Shared { calls: sender, status: Arc::clone(&status) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(called).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, calls, status }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/pws", self.address)
    }

    /// What is answered from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Relaxed);
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
    shared.calls.send(request.uri().to_string()).await.unwrap();
    StatusCode::from_u16(shared.status.load(Relaxed)).unwrap()
}
