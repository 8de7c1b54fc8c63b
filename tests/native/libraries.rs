//! What the client libraries of Socket.IO rely on and do not say, frame by frame.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::hub::Hub;

/// How long a frame that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

struct Frames(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Frames {
    async fn open(hub: &Hub, query: &str) -> Result<Self, Error> {
        let url = format!("ws://{}/socket.io/?transport=websocket&{query}", hub.address);
        tokio_tungstenite::connect_async(url).await.map(|(socket, _)| Self(socket))
    }

    async fn say(&mut self, frame: &str) {
        self.0.send(Message::text(frame)).await.unwrap();
    }

    /// The next frame, or nothing once it is closed.
    async fn next(&mut self) -> Option<String> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// A connection that is sent away is told so in the namespace and in the transport: after the first alone, clients in
/// Python for version 3 come back.
#[tokio::test]
async fn who_is_sent_away_is_told_twice() {
    for (version, greeting) in [(3, Some("40")), (4, None)] {
        let hub = Hub::start(&["socketio.ping_interval=1h"]).await;
        let token = hub.token_for(&json!({"sub": "alice"}), Duration::from_secs(60));
        let mut alice = Frames::open(&hub, &format!("EIO={version}&token={token}")).await.unwrap();
        assert!(alice.next().await.unwrap().starts_with("0{"));
        if let Some(greeting) = greeting {
            assert_eq!(alice.next().await.unwrap(), greeting);
        }
        alice.say("40/chat,").await;
        assert!(alice.next().await.unwrap().starts_with("40/chat"));
        hub.advance(Duration::from_secs(90)).await;
        let mut last = Vec::new();
        while let Some(frame) = alice.next().await {
            last.push(frame);
        }
        let [.., namespace, transport] = &last[..] else { panic!("{last:?} is not all") };
        assert_eq!((namespace.trim_end_matches(','), transport.as_str()), ("41/chat", "1"));
    }
}

/// A connection that has left polling is not taken over again.
#[tokio::test]
async fn an_upgrade_happens_once() {
    let hub = Hub::start(&[]).await;
    let opened =
        reqwest::get(hub.http("/socket.io/?EIO=4&transport=polling")).await.unwrap().text().await.unwrap();
    let opened: serde_json::Value = serde_json::from_str(&opened[1..]).unwrap();
    let query = format!("EIO=4&sid={}", opened["sid"].as_str().unwrap());
    let mut first = Frames::open(&hub, &query).await.unwrap();
    first.say("2probe").await;
    assert_eq!(first.next().await.unwrap(), "3probe");
    first.say("5").await;
    first.say("2").await;
    assert_eq!(first.next().await.unwrap(), "3");
    match Frames::open(&hub, &query).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 400),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a second WebSocket is let in"),
    }
    first.say("2").await;
    assert_eq!(first.next().await.unwrap(), "3");
}
