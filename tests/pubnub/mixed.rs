//! One topic with viewers of three dialects: each is told of the others in its own words, and all of the same users.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::client::{Client, get};
use super::hub::Hub;
use super::presence::{PRESENCE, event, events, here, until};

const ROOM: &str = "presence-room";

/// How long a frame that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection of another dialect.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(hub: &Hub, target: &str) -> Self {
        let url = format!("ws://{}{target}", hub.address);
        Self(tokio_tungstenite::connect_async(url).await.unwrap().0)
    }

    async fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame of an event.
    async fn next(&mut self, event: &str) -> Value {
        loop {
            let came = tokio::time::timeout(PATIENCE, self.0.next()).await;
            let came = came.unwrap_or_else(|_| panic!("no {event} comes")).unwrap().unwrap();
            let Message::Text(text) = came else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["event"] == event {
                return frame;
            }
        }
    }

    /// The next that is told of somebody's presence to a client of the native dialect.
    async fn told(&mut self) -> (String, String, Value, Value) {
        let payload = self.next("PRESENCE_EVENT_RESPONSE").await["payload"].take();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let category = text(&payload["category"]).rsplit('.').next().unwrap_or_default().to_owned();
        let (state, cause) = (payload["content"]["state"].clone(), payload["hub"]["cause"].clone());
        (category, text(&payload["sender"]["_id"]), state, cause)
    }

    /// The next that is told of a member to a client of Pusher.
    async fn member(&mut self, event: &str) -> Value {
        let frame = self.next(&format!("pusher_internal:{event}")).await;
        serde_json::from_str(frame["data"].as_str().unwrap()).unwrap()
    }
}

async fn native(hub: &Hub) -> Socket {
    let token = hub.token(&json!({"sub": "nora"}));
    let mut nora = Socket::open(hub, &format!("/ws?token={token}")).await;
    nora.next("AUTHENTICATED").await;
    let channel = json!({"channel": {"type": "topic", "_id": ROOM}});
    nora.send(&json!({"event": "SUBSCRIBE_CHANNEL", "payload": channel})).await;
    nora
}

async fn pusher(hub: &Hub) -> Socket {
    let mut pia = Socket::open(hub, "/app/app-key?protocol=7").await;
    let hello = pia.next("pusher:connection_established").await;
    let hello: Value = serde_json::from_str(hello["data"].as_str().unwrap()).unwrap();
    let user = json!({"user_id": "pia", "user_info": {"team": 7}}).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"app-secret").unwrap();
    mac.update(format!("{}:{ROOM}:{user}", hello["socket_id"].as_str().unwrap()).as_bytes());
    let auth = format!("app-key:{}", hex::encode(mac.finalize().into_bytes()));
    let data = json!({"channel": ROOM, "auth": auth, "channel_data": user});
    pia.send(&json!({"event": "pusher:subscribe", "data": data})).await;
    pia.next("pusher_internal:subscription_succeeded").await;
    pia
}

fn told(category: &str, who: &str, cause: &str) -> (String, String, Value, Value) {
    (category.to_owned(), who.to_owned(), Value::Null, json!(cause))
}

#[tokio::test]
async fn every_dialect_is_told_of_the_users_of_the_others() {
    let hub = Hub::start(&["apps.0.open_topics=true"]).await;
    let mut watcher = Client::open(&hub, &format!("{ROOM}-pnpres"), "").await;
    let mut nora = native(&hub).await;
    nora.next("CHANNEL_SUBSCRIBED").await;
    let mut pia = pusher(&hub).await;
    assert_eq!(events(&until(&hub, &mut watcher, 1).await), [event("join", "pia", 1)]);
    assert_eq!(nora.told().await.1, "pia");

    // Of a user of this dialect the others are told, whatever it does.
    get(&hub, &format!("{PRESENCE}/channel/{ROOM}/heartbeat?uuid=ana&heartbeat=20")).await;
    get(&hub, &format!("{PRESENCE}/channel/{ROOM}/uuid/ana/data?uuid=ana&state=%7B%22x%22%3A1%7D")).await;
    assert_eq!(here(&hub, ROOM).await, json!(["ana", "pia"]));
    let (category, who, state, _) = nora.told().await;
    assert_eq!((category.as_str(), who.as_str(), state), ("online", "ana", Value::Null));
    let (category, who, state, _) = nora.told().await;
    assert_eq!((category.as_str(), who.as_str(), state), ("online", "ana", json!({"x": 1})));
    assert_eq!(pia.member("member_added").await["user_id"], "ana");
    hub.advance(Duration::from_secs(21)).await;
    let (category, who, _, cause) = nora.told().await;
    assert_eq!((category, who, Value::Null, cause), told("leaves", "ana", "timed_out"));
    assert_eq!(pia.member("member_removed").await["user_id"], "ana");

    // And it is told of the users of the others.
    let online = json!({"category": "app.event.presence.party.online", "topicId": ROOM, "content": {"state": {"y": 2}}});
    nora.send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": online})).await;
    assert_eq!(pia.member("member_added").await["user_id"], "nora");
    let seen = until(&hub, &mut watcher, 4).await;
    let expected = [("join", 2), ("state-change", 2), ("timeout", 1)];
    assert_eq!(events(&seen[..3]), expected.map(|(action, count)| event(action, "ana", count)));
    assert_eq!(events(&seen[3..]), [event("join", "nora", 2)]);
    drop(pia);
    while here(&hub, ROOM).await != json!(["nora"]) {
        hub.advance(Duration::from_millis(500)).await;
    }
    assert_eq!(events(&until(&hub, &mut watcher, 1).await), [event("leave", "pia", 1)]);
    assert_eq!(nora.told().await.1, "nora", "her own echo");
    let (category, who, _, cause) = nora.told().await;
    assert_eq!((category, who, Value::Null, cause), told("leaves", "pia", "closed"));
    hub.stop().await;
}
