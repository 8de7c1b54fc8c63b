//! An endpoint: it notes who calls it, and answers as it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::client::Client;

/// How long a call that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Shared {
    calls: mpsc::Sender<String>,
    status: Arc<watch::Sender<u16>>,
    ids: Arc<Mutex<Vec<String>>>,
    asks: Arc<Mutex<Option<(Client, &'static str)>>>,
}

/// A listening endpoint.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    calls: mpsc::Receiver<String>,
    status: Arc<watch::Sender<u16>>,
    ids: Arc<Mutex<Vec<String>>>,
    asks: Arc<Mutex<Option<(Client, &'static str)>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let (sender, calls) = mpsc::channel(1024);
        let status = Arc::new(watch::Sender::new(200));
        let asks = Arc::new(Mutex::new(None));
        let ids = Arc::<Mutex<Vec<String>>>::default();
        let (told, heard) = (Arc::clone(&status), Arc::clone(&ids));
        let shared = Shared { calls: sender, status: told, ids: heard, asks: Arc::clone(&asks) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(called).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, calls, status, ids, asks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/pws", self.address)
    }

    /// What is answered from now on, also to those who wait for an answer.
    pub(crate) fn answer(&self, status: u16) {
        self.status.send_replace(status);
    }

    /// Nothing is answered any more.
    pub(crate) fn hang(&self) {
        self.status.send_replace(0);
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

    /// The ids of all calls until now.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.ids.lock().unwrap().clone()
    }

    /// The calls that have come and were not asked for.
    pub(crate) fn waiting(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.calls.try_recv().ok()).collect()
    }
}

async fn called(State(shared): State<Shared>, request: Request) -> StatusCode {
    let target = request.uri().to_string();
    shared.ids.lock().unwrap().push(request.headers()["webhook-id"].to_str().unwrap().to_owned());
    let asks = shared.asks.lock().unwrap().clone();
    let came = match asks {
        Some((app, user)) => {
            let id = target.split_once("id=").unwrap().1.split_once('&').unwrap().0.parse().unwrap();
            format!("{:?}", app.user(user).await.fetch(user, id).await.states())
        }
        None => target,
    };
    shared.calls.send(came).await.unwrap();
    let status = *shared.status.subscribe().wait_for(|status| *status > 0).await.unwrap();
    StatusCode::from_u16(status).unwrap()
}
