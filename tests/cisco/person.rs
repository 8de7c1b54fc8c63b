//! Somebody who is in the hub over its own WebSocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::hub::Hub;

/// How long a frame that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Person {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    topic: String,
}

impl Person {
    /// Connects, to be in a topic.
    pub(crate) async fn connect(hub: &Hub, name: &str) -> Self {
        Self::watch(hub, name, "office").await
    }

    /// Connects, and watches a topic.
    pub(crate) async fn watch(hub: &Hub, name: &str, topic: &str) -> Self {
        let url = format!("ws://{}/ws?token={}", hub.address, hub.token(name));
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut person = Self { stream, topic: topic.to_owned() };
        let channel = json!({"type": "topic", "_id": topic});
        person.send(&json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": channel}})).await;
        person.until(|frame| frame["event"] == "CHANNEL_SUBSCRIBED").await;
        person
    }

    async fn send(&mut self, frame: &Value) {
        self.stream.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Is there, and says this.
    pub(crate) async fn say(&mut self, content: &Value) {
        self.presence("app.event.presence.party.online", content).await;
    }

    /// Is there no longer.
    pub(crate) async fn leave(&mut self) {
        self.presence("app.event.presence.party.leaves", &json!({})).await;
    }

    async fn presence(&mut self, category: &str, content: &Value) {
        let payload = json!({"category": category, "topicId": self.topic, "content": content});
        self.send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": payload, "id": "said"})).await;
        self.until(|frame| frame["event"] == "ACK" && frame["payload"]["id"] == "said").await;
    }

    /// The next frame of which this is true.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let came = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let Some(Ok(Message::Text(text))) = came.expect("somebody waited for a frame in vain") else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if is_it(&frame) {
                return frame;
            }
        }
    }
}
