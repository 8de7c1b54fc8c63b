//! A client of `/ws` that sends and awaits frames.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long a frame that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A topic that is only there to be answered about.
const FENCE: &str = "fence";

/// What came.
#[derive(Debug)]
pub(crate) enum Came {
    Frame(Value),
    Closed(Option<CloseFrame>),
}

pub(crate) struct Client {
    pub(crate) name: String,
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What came while the client waited for something else.
    early: VecDeque<Value>,
    fences: u64,
}

impl Client {
    /// Connects without reading anything yet.
    pub(crate) async fn connect(name: &str, url: &str, headers: &[(&str, &str)]) -> Result<Self, String> {
        let mut request = url.into_client_request().map_err(|error| error.to_string())?;
        for (header, value) in headers {
            let header: axum::http::HeaderName = header.parse().unwrap();
            request.headers_mut().insert(header, value.parse().unwrap());
        }
        let (stream, _) =
            tokio_tungstenite::connect_async(request).await.map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), stream, early: VecDeque::new(), fences: 0 })
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        self.stream.send(message).await.unwrap_or_else(|error| panic!("{} cannot send: {error}", self.name));
    }

    /// The next frame, or the close.
    pub(crate) async fn next(&mut self) -> Came {
        match self.early.pop_front() {
            Some(frame) => Came::Frame(frame),
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Came {
        loop {
            let came = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let came = came.unwrap_or_else(|_| panic!("{} waited for a frame in vain", self.name));
            match came {
                Some(Ok(Message::Text(text))) => {
                    return Came::Frame(serde_json::from_str(&text).expect("frames are JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Came::Closed(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Came::Closed(None),
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Came::Frame(frame) => frame,
            Came::Closed(close) => panic!("{} was closed: {close:?}", self.name),
        }
    }

    /// Waits until everything this client has asked for is done; what came meanwhile is kept.
    pub(crate) async fn settle(&mut self) {
        self.early = self.fence().await.into();
    }

    /// Everything that the hub had for this client before it answers requests made now. It takes two, one after the other: the
    /// broker answers a request at once, and sends what earlier ones of the same turn changed at the turn's end.
    pub(crate) async fn fence(&mut self) -> Vec<Value> {
        let mut before = Vec::from(std::mem::take(&mut self.early));
        for _ in 0..2 {
            self.fences += 1;
            let id = format!("fence-{}", self.fences);
            let channel = json!({"type": "topic", "_id": FENCE});
            self.send(&json!({"event": "UNSUBSCRIBE_CHANNEL", "payload": {"channel": channel}, "id": id}))
                .await;
            loop {
                let frame = match self.receive().await {
                    Came::Frame(frame) => frame,
                    Came::Closed(close) => panic!("{} was closed: {close:?}", self.name),
                };
                if frame["event"] == "ACK" && frame["payload"]["id"] == id {
                    break;
                }
                if frame["payload"]["channel"]["_id"] != FENCE {
                    before.push(frame);
                }
            }
        }
        before
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) {
        // The other side may have closed first.
        drop(self.stream.close(None).await);
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}
