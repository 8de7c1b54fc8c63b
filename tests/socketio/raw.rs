//! A client of Engine.IO over a WebSocket that sends and awaits packets as they stand on the wire.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::hub::Hub;

/// How long a packet that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
pub(crate) struct Raw {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Raw {
    /// Connects with a query beside the transport's own.
    pub(crate) async fn open(hub: &Hub, version: u8, query: &str) -> Self {
        let url = format!("ws://{}/socket.io/?EIO={version}&transport=websocket{query}", hub.address);
        Self::connect(&url, &[]).await.unwrap()
    }

    pub(crate) async fn connect(url: &str, headers: &[(&str, &str)]) -> Result<Self, Error> {
        let mut request = url.into_client_request()?;
        for (header, value) in headers {
            let header: axum::http::HeaderName = header.parse().unwrap();
            request.headers_mut().insert(header, value.parse().unwrap());
        }
        let (stream, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Self { stream })
    }

    /// Connects as a party and enters `/chat`.
    pub(crate) async fn enter(hub: &Hub, version: u8, party: &str) -> Self {
        let token = hub.token(&json!({"sub": party, "displayname": party}));
        let mut raw = Self::open(hub, version, &format!("&token={token}&tokenType=jwt")).await;
        raw.opened().await;
        raw.send("40/chat").await;
        let entered = raw.text().await;
        assert!(entered.starts_with("40/chat"), "{entered}");
        raw
    }

    /// Reads what every connection begins with, and returns the data of the open packet.
    pub(crate) async fn opened(&mut self) -> Value {
        let open = self.text().await;
        let open: Value = serde_json::from_str(open.strip_prefix('0').expect("an open packet")).unwrap();
        if open.get("maxPayload").is_none() {
            assert_eq!(self.text().await, "40");
        }
        open
    }

    pub(crate) async fn send(&mut self, packet: &str) {
        self.stream.send(Message::text(packet)).await.unwrap();
    }

    /// Sends packets in one write.
    pub(crate) async fn send_all(&mut self, packets: &[&str]) {
        for packet in packets {
            self.stream.feed(Message::text(*packet)).await.unwrap();
        }
        self.stream.flush().await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, data: &[u8]) {
        self.stream.send(Message::binary(data.to_vec())).await.unwrap();
    }

    /// Sends an event in `/chat`.
    pub(crate) async fn emit(&mut self, event: &str, payload: &Value) {
        self.send(&format!("42/chat,{}", json!([event, payload]))).await;
    }

    /// The next packet, or `None` if the connection is closed.
    pub(crate) async fn packet(&mut self) -> Option<String> {
        loop {
            let came = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match came.expect("a packet comes in time") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("an unexpected message: {other:?}"),
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        self.packet().await.expect("the connection is open")
    }

    /// The next packet, which is an event in `/chat`: its name and payload.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        let packet = self.text().await;
        event_of(&packet).unwrap_or_else(|| panic!("no event: {packet}"))
    }

    /// Subscribes to a topic, which is the next thing that happens.
    pub(crate) async fn subscribe(&mut self, topic: &str) {
        self.emit("SUBSCRIBE_CHANNEL", &channel(topic)).await;
        assert_eq!(self.event().await.0, "CHANNEL_SUBSCRIBED");
    }

    /// Waits until everything that the client has asked for is done, and returns the packets that came meanwhile.
    pub(crate) async fn fence(&mut self) -> Vec<String> {
        let mut before = Vec::new();
        for _ in 0..2 {
            self.emit("UNSUBSCRIBE_CHANNEL", &channel("fence")).await;
            loop {
                let packet = self.text().await;
                if packet.contains("CHANNEL_UNSUBSCRIBED") && packet.contains("\"fence\"") {
                    break;
                }
                before.push(packet);
            }
        }
        before
    }

    pub(crate) async fn close(mut self) {
        drop(self.stream.close(None).await);
    }
}

/// The payload that names a channel.
pub(crate) fn channel(topic: &str) -> Value {
    json!({"channel": {"type": "topic", "_id": topic}})
}

/// The payload of an `online`.
pub(crate) fn online(topic: &str) -> Value {
    json!({"category": "app.event.presence.party.online", "topicId": topic, "content": {"mediaSession": {"audio": true}}})
}

/// The name and payload of an event in `/chat`.
pub(crate) fn event_of(packet: &str) -> Option<(String, Value)> {
    let data: Value = serde_json::from_str(packet.strip_prefix("42/chat,")?).unwrap();
    assert_eq!(data.as_array().map(Vec::len), Some(2), "handlers of clients take one argument: {packet}");
    Some((data[0].as_str().unwrap().to_owned(), data[1].clone()))
}
