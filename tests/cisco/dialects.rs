//! People who are in the hub over PubNub, Socket.IO and a Pusher presence channel are watched here, and see who is present here.

use std::time::Duration;

use futures::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::fence::nobody_called;
use crate::hub::Hub;
use crate::receiver::Receiver;
use crate::signed_in::{Stream, auth, established, next};

const CALL: &str = "/pws?id=1&eventType=PRESENCE_NOTIFICATION";

/// Where those are who are present in this dialect; over Pusher only such a name is that of a presence channel.
const TOPIC: &str = "presence-cisco";

/// A hub with an owner who watches pat, of whom nobody knows yet.
struct Scene {
    hub: Hub,
    receiver: Receiver,
    app: Client,
    owner: Client,
}

impl Scene {
    async fn start() -> Self {
        let settings = [
            "apps.0.cisco.topic=presence-cisco",
            "apps.0.pubnub.publish_key=pub",
            "apps.0.pubnub.subscribe_key=sub",
            "apps.0.pubnub.access_manager=false",
        ];
        let (hub, mut receiver) = (Hub::start(&settings).await, Receiver::start().await);
        let app = Client::new(&hub).app("app").await;
        let owner = app.user("owner").await;
        let endpoint = app.endpoint(&receiver).await;
        owner.subscribe("owner", endpoint, &["pat"]).await;
        assert_eq!(receiver.next().await, CALL);
        assert_eq!(owner.fetch("owner", 1).await.states(), [("pat@example.com", "UNKNOWN")]);
        Self { hub, receiver, app, owner }
    }

    /// Waits for the call, and fetches that pat is so.
    async fn told(&mut self, state: &str) {
        assert_eq!(self.receiver.next().await, CALL, "{state}");
        assert_eq!(self.owner.fetch("owner", 1).await.states(), [("pat@example.com", state)]);
    }

    /// Nobody was called again.
    async fn told_nothing(&mut self) {
        nobody_called(&self.hub, &mut self.receiver).await;
    }

    async fn get(&self, target: &str) -> Value {
        let answer = reqwest::get(format!("http://{}{target}", self.hub.address)).await.unwrap();
        assert_eq!(answer.status(), 200, "{target}");
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Whom PubNub's clients find in the topic of this dialect.
    async fn here_now(&self) -> Value {
        let here = self.get(&format!("/v2/presence/sub-key/sub/channel/{TOPIC}")).await;
        here["uuids"].clone()
    }
}

async fn send(stream: &mut Stream, text: String) {
    stream.send(Message::text(text)).await.unwrap();
}

/// Joins a presence channel over Pusher; who is in it.
async fn join(stream: &mut Stream, socket_id: &str, (user, channel): (&str, &str)) -> Value {
    let user = json!({"user_id": user, "user_info": {}}).to_string();
    let auth = auth(&format!("{socket_id}:{channel}:{user}"));
    let data = json!({"channel": channel, "auth": auth, "channel_data": user});
    send(stream, json!({"event": "pusher:subscribe", "data": data}).to_string()).await;
    let joined = next(stream).await;
    assert_eq!(joined["event"], "pusher_internal:subscription_succeeded", "{joined}");
    let data: Value = serde_json::from_str(joined["data"].as_str().unwrap()).unwrap();
    data["presence"]["ids"].clone()
}

/// Who came or went, as a Pusher client is told.
async fn member(stream: &mut Stream, event: &str) -> Value {
    let told = next(stream).await;
    assert_eq!((&told["event"], &told["channel"]), (&json!(event), &json!(TOPIC)), "{told}");
    let data: Value = serde_json::from_str(told["data"].as_str().unwrap()).unwrap();
    data["user_id"].clone()
}

/// An event of the native dialect over Socket.IO.
fn event(name: &str, payload: &Value) -> String {
    format!("42/chat,{}", json!([name, payload]))
}

/// Enters `/chat` over Socket.IO, and watches a topic.
async fn enter(hub: &Hub, user: &str, topic: &str) -> Stream {
    let query = format!("EIO=4&transport=websocket&token={}&tokenType=jwt", hub.token(user));
    let url = format!("ws://{}/socket.io/?{query}", hub.address);
    let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    send(&mut stream, "40/chat".to_owned()).await;
    let channel = json!({"channel": {"type": "topic", "_id": topic}});
    send(&mut stream, event("SUBSCRIBE_CHANNEL", &channel)).await;
    heard(&mut stream, "CHANNEL_SUBSCRIBED", |_| true).await;
    stream
}

/// Waits for such an event over Socket.IO.
async fn heard(stream: &mut Stream, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        let text = crate::signed_in::text(stream).await;
        let Some(packet) = text.strip_prefix("42/chat,") else { continue };
        let packet: Value = serde_json::from_str(packet).unwrap();
        if packet[0] == name && is_it(&packet[1]) {
            return packet[1].clone();
        }
    }
}

async fn say(stream: &mut Stream, category: &str, content: &Value) {
    let category = format!("app.event.presence.party.{category}");
    let payload = json!({"category": category, "topicId": "room", "content": content});
    send(stream, event("SEND_PRESENCE_EVENT", &payload)).await;
}

#[tokio::test]
async fn w38_people_over_pubnub_are_watched() {
    let mut scene = Scene::start().await;
    let subscribe = "/v2/subscribe/sub/room/0?uuid=pat&tt=0&heartbeat=20";
    scene.get(subscribe).await;
    scene.told("AVAILABLE").await;
    // A state of PubNub's is one of a channel, and says nothing of whether somebody is there.
    scene.get("/v2/presence/sub-key/sub/channel/room/uuid/pat/data?uuid=pat&state=%7B%22x%22%3A1%7D").await;
    scene.told_nothing().await;
    scene.get("/v2/presence/sub-key/sub/channel/room/leave?uuid=pat").await;
    scene.told("UNAVAILABLE").await;
    scene.get(subscribe).await;
    scene.told("AVAILABLE").await;
    scene.hub.advance(Duration::from_secs(21)).await;
    scene.told("UNAVAILABLE").await;
    scene.told_nothing().await;
}

#[tokio::test]
async fn w38_people_over_socket_io_are_watched() {
    let mut scene = Scene::start().await;
    let mut pat = enter(&scene.hub, "pat", "room").await;
    for (content, state) in [
        (json!({}), "AVAILABLE"),
        (json!({"idle": true}), "AWAY"),
        (json!({"mediaSession": {"connected": true}}), "BUSY"),
    ] {
        say(&mut pat, "online", &content).await;
        scene.told(state).await;
    }
    say(&mut pat, "leaves", &json!({})).await;
    scene.told("UNAVAILABLE").await;
    say(&mut pat, "online", &json!({})).await;
    scene.told("AVAILABLE").await;
    pat.close(None).await.unwrap();
    scene.told("UNAVAILABLE").await;
    scene.told_nothing().await;
}

#[tokio::test]
async fn w38_whoever_was_in_a_media_session_is_not_when_only_a_poll_is_left() {
    let mut scene = Scene::start().await;
    let mut pat = enter(&scene.hub, "pat", "room").await;
    let in_media = json!({"mediaSession": {"connected": true}});
    say(&mut pat, "online", &in_media).await;
    scene.told("BUSY").await;
    scene.get("/v2/presence/sub-key/sub/channel/room/heartbeat?uuid=pat&heartbeat=300").await;
    scene.told_nothing().await;
    pat.close(None).await.unwrap();
    scene.told("AVAILABLE").await;
    scene.told_nothing().await;
}

#[tokio::test]
async fn w38_people_in_a_pusher_presence_channel_are_watched() {
    let mut scene = Scene::start().await;
    let (mut first, id) = established(&scene.hub).await;
    assert_eq!(join(&mut first, &id, ("pat", "presence-room")).await, json!(["pat"]));
    scene.told("AVAILABLE").await;
    let (mut second, id) = established(&scene.hub).await;
    join(&mut second, &id, ("pat", "presence-room")).await;
    let leave = json!({"event": "pusher:unsubscribe", "data": {"channel": "presence-room"}}).to_string();
    send(&mut first, leave.clone()).await;
    scene.told_nothing().await;
    send(&mut second, leave).await;
    scene.told("UNAVAILABLE").await;
    join(&mut second, &id, ("pat", "presence-other")).await;
    scene.told("AVAILABLE").await;
    second.close(None).await.unwrap();
    // For three seconds it might come back.
    scene.hub.pass(10).await;
    scene.told("UNAVAILABLE").await;
    scene.told_nothing().await;
}

#[tokio::test]
async fn w38_whoever_is_present_here_is_seen_there() {
    let scene = Scene::start().await;
    let joe = scene.app.user("joe").await;
    let mut rita = enter(&scene.hub, "rita", TOPIC).await;
    let (mut pat, id) = established(&scene.hub).await;
    assert_eq!(join(&mut pat, &id, ("pat", TOPIC)).await, json!(["pat"]));
    assert_eq!(scene.here_now().await, json!(["pat"]));

    joe.set("joe", "BUSY", "false").await;
    assert_eq!(member(&mut pat, "pusher_internal:member_added").await, "joe");
    assert_eq!(scene.here_now().await, json!(["joe", "pat"]));
    let place = scene.get("/v2/presence/sub-key/sub/uuid/joe").await;
    assert_eq!(place["payload"]["channels"], json!([TOPIC]));
    let is_joe = |frame: &Value| frame["sender"]["_id"] == "joe";
    let seen = heard(&mut rita, "PRESENCE_EVENT_RESPONSE", is_joe).await;
    assert_eq!(seen["content"]["state"], json!({"state": "BUSY", "activity": "busy"}));
    let (mut late, id) = established(&scene.hub).await;
    let mut ids = join(&mut late, &id, ("pat", TOPIC)).await;
    ids.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    assert_eq!(ids, json!(["joe", "pat"]));

    joe.delete("/users/joe/session").await;
    assert_eq!(member(&mut pat, "pusher_internal:member_removed").await, "joe");
    assert_eq!(scene.here_now().await, json!(["pat"]));
    let left = heard(&mut rita, "PRESENCE_EVENT_RESPONSE", |frame| {
        is_joe(frame) && frame["category"] != seen["category"]
    });
    assert_eq!(left.await["category"], "app.event.presence.party.leaves");
}
