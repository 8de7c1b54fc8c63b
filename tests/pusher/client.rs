//! A connection that writes and reads the bytes of the protocol itself; or, for company, one of the native dialect.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::backend::auth;
use super::hub::Hub;

/// How long a frame that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the channels begin with that are only there to be answered about.
const FENCE: &str = "fence-";

/// What came.
#[derive(Debug)]
pub(crate) enum Came {
    Frame(Value),
    Closed(Option<CloseFrame>),
}

pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) socket_id: String,
    is_native: bool,
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What came while the client waited for something else.
    early: VecDeque<Value>,
    fences: u64,
}

impl Client {
    /// Connects, without reading anything yet.
    pub(crate) async fn connect(
        hub: &Hub,
        name: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, String> {
        let url = format!("ws://{}{target}", hub.address);
        let mut request = url.into_client_request().map_err(|error| error.to_string())?;
        for (header, value) in headers {
            let header: axum::http::HeaderName = header.parse().unwrap();
            request.headers_mut().insert(header, value.parse().unwrap());
        }
        let (stream, _) = tokio_tungstenite::connect_async_with_config(request, None, true)
            .await
            .map_err(|error| error.to_string())?;
        let name = name.to_owned();
        let (socket_id, early) = (String::new(), VecDeque::new());
        Ok(Self { name, socket_id, is_native: false, stream, early, fences: 0 })
    }

    /// A connection of the app on protocol 7 that has read its first frame.
    pub(crate) async fn open(hub: &Hub, name: &str) -> Self {
        Self::open_at(hub, name, "/app/app-key?protocol=7&client=raw&version=1", &[]).await.unwrap()
    }

    pub(crate) async fn open_at(
        hub: &Hub,
        name: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut client = Self::connect(hub, name, target, headers).await?;
        let Came::Frame(frame) = client.next().await else { return Err("closed".to_owned()) };
        if frame["event"] != "pusher:connection_established" {
            return Err(format!("the first frame is {frame}"));
        }
        let data: Value = serde_json::from_str(frame["data"].as_str().expect("data is a string")).unwrap();
        client.socket_id = data["socket_id"].as_str().expect("there is a socket_id").to_owned();
        Ok(client)
    }

    /// A connection of the native dialect that has authenticated.
    pub(crate) async fn native(hub: &Hub, name: &str, claims: &Value) -> Result<Self, String> {
        let mut client =
            Self::connect(hub, name, &format!("/ws?token={}&tokenType=jwt", hub.token(claims)), &[]).await?;
        client.is_native = true;
        match client.next().await {
            Came::Frame(frame) if frame["event"] == "AUTHENTICATED" => Ok(client),
            other => Err(format!("{other:?}")),
        }
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        self.stream.send(message).await.unwrap_or_else(|error| panic!("{} cannot send: {error}", self.name));
    }

    /// Subscribes, with the signature that the channel needs. A text is channel data as it is; anything else is written as JSON.
    pub(crate) async fn subscribe(&mut self, channel: &str, user: Option<&Value>) {
        self.subscribe_after(channel, user, None).await;
    }

    /// The same, to go on after an event.
    pub(crate) async fn subscribe_after(&mut self, channel: &str, user: Option<&Value>, id: Option<&Value>) {
        self.send(&self.subscription(channel, user, id)).await;
    }

    /// The frame that subscribes.
    pub(crate) fn subscription(&self, channel: &str, user: Option<&Value>, id: Option<&Value>) -> Value {
        let data = user.map(|user| user.as_str().map_or_else(|| user.to_string(), str::to_owned));
        let mut frame = json!({"channel": channel, "auth": ""});
        if channel.starts_with("private-") || channel.starts_with("presence-") {
            let mut parts = vec![self.socket_id.as_str(), channel];
            parts.extend(data.as_deref());
            frame["auth"] = auth(&parts).into();
        }
        if let Some(data) = data {
            frame["channel_data"] = data.into();
        }
        if let Some(id) = id {
            frame["resume_after_id"] = id.clone();
        }
        json!({"event": "pusher:subscribe", "data": frame})
    }

    pub(crate) async fn unsubscribe(&mut self, channel: &str) {
        self.send(&unsubscription(channel)).await;
    }

    /// Sends these in one write.
    pub(crate) async fn send_at_once(&mut self, frames: &[Value]) {
        for frame in frames {
            let fed = self.stream.feed(Message::text(frame.to_string())).await;
            fed.unwrap_or_else(|error| panic!("{} cannot send: {error}", self.name));
        }
        self.stream.flush().await.unwrap_or_else(|error| panic!("{} cannot send: {error}", self.name));
    }

    pub(crate) async fn sign_in(&mut self, user: &Value) {
        let data = user.to_string();
        let auth = auth(&[&self.socket_id, ":user:", &data]);
        self.send(&json!({"event": "pusher:signin", "data": {"auth": auth, "user_data": data}})).await;
    }

    /// The next frame, or the close.
    pub(crate) async fn next(&mut self) -> Came {
        loop {
            let came = match self.early.pop_front() {
                Some(frame) => Came::Frame(frame),
                None => self.receive().await,
            };
            match came {
                Came::Frame(frame) if is_about_fence(&frame) => {}
                came => return came,
            }
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

    /// Waits for the close, and says its code.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Came::Closed(close) = self.next().await {
                return close.map(|close| u16::from(close.code));
            }
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
            let channel = format!("{FENCE}{}", self.fences);
            self.ask(&channel).await;
            loop {
                let frame = match self.receive().await {
                    Came::Frame(frame) => frame,
                    Came::Closed(close) => panic!("{} was closed: {close:?}", self.name),
                };
                if is_answer(&frame, &channel) {
                    break;
                }
                if !is_about_fence(&frame) {
                    before.push(frame);
                }
            }
            if !self.is_native {
                self.unsubscribe(&channel).await;
            }
        }
        before
    }

    async fn ask(&mut self, channel: &str) {
        if self.is_native {
            let payload = json!({"channel": {"type": "topic", "_id": channel}});
            self.send(&json!({"event": "UNSUBSCRIBE_CHANNEL", "payload": payload, "id": channel})).await;
        } else {
            self.subscribe(channel, None).await;
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) {
        // The other side may have closed first.
        drop(self.stream.close(None).await);
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}

/// The frame that unsubscribes.
pub(crate) fn unsubscription(channel: &str) -> Value {
    json!({"event": "pusher:unsubscribe", "data": {"channel": channel}})
}

fn is_answer(frame: &Value, channel: &str) -> bool {
    let is_ack = frame["event"] == "ACK" && frame["payload"]["id"] == channel;
    let is_success =
        frame["event"] == "pusher_internal:subscription_succeeded" && frame["channel"] == channel;
    is_ack || is_success
}

fn is_about_fence(frame: &Value) -> bool {
    let is_fence = |name: &Value| name.as_str().is_some_and(|name| name.starts_with(FENCE));
    is_fence(&frame["channel"]) || is_fence(&frame["payload"]["channel"]["_id"])
}
