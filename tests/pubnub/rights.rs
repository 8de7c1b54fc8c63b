//! What may be done by whom, where the access manager asks for it, and what nobody may do who only claims a uuid.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::client::{Client, get, hold, send};
use super::hub::Hub;
use super::presence::{PRESENCE, here};

const GUARDED: &str = "pubnub.access_manager=true";
const GRANT: &str = "/v3/pam/sub/grant";

/// A JWT of the app with these claims, good for so long.
fn jwt(hub: &Hub, mut claims: Value, life: Duration) -> String {
    claims["exp"] = (hub.clock.now().wall.seconds() + life.as_secs()).into();
    let header = jsonwebtoken::Header { kid: Some("app-key".to_owned()), ..jsonwebtoken::Header::default() };
    let key = jsonwebtoken::EncodingKey::from_secret(b"app-secret");
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// The target of a request with parameters that are in order, as a backend signs it.
fn signed(hub: &Hub, method: &str, (path, query): (&str, &str), body: &str) -> String {
    let now = hub.clock.now().wall.seconds();
    let query = format!("{query}{}timestamp={now}", if query.is_empty() { "" } else { "&" });
    let text = format!("{method}\npub\n{path}\n{query}\n{body}");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"app-secret").unwrap();
    mac.update(text.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{path}?{query}&signature=v2.{signature}")
}

async fn beat(hub: &Hub, channels: &str, query: &str) -> u16 {
    get(hub, &format!("{PRESENCE}/channel/{channels}/heartbeat?{query}")).await.status
}

/// A connection of the native dialect that has said that its user is in a topic.
async fn native(hub: &Hub, user: &str, topic: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let token = jwt(hub, json!({"sub": user}), Duration::from_secs(3600));
    let url = format!("ws://{}/ws?token={token}", hub.address);
    let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let channel = json!({"type": "topic", "_id": topic});
    let watch = json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": channel}});
    let content = json!({"mediaSession": {"id": "m"}});
    let category = "app.event.presence.party.online";
    let payload = json!({"category": category, "topicId": topic, "content": content});
    for frame in [watch, json!({"event": "SEND_PRESENCE_EVENT", "payload": payload})] {
        stream.send(Message::text(frame.to_string())).await.unwrap();
        let came = stream.next().await.unwrap().unwrap();
        assert!(came.is_text(), "{came}");
    }
    for _ in 0..1_000 {
        if here(hub, topic).await == json!([user]) {
            return stream;
        }
    }
    panic!("{user} never comes");
}

fn state(text: &str) -> String {
    format!("state={}", text.replace('{', "%7B").replace('}', "%7D").replace('"', "%22"))
}

#[tokio::test]
async fn nobody_speaks_for_a_connected_user_by_its_uuid_alone() {
    let hub = Hub::start(&["apps.0.open_topics=true"]).await;
    let alice = native(&hub, "alice", "lobby").await;
    let shown = async || {
        get(&hub, &format!("{PRESENCE}/channel/lobby?state=1")).await.body["uuids"][0]["state"].clone()
    };
    let own = shown().await;
    assert!(own["mediaSession"].is_object(), "{own}");
    let hacked = state(r#"{"lobby":{"mood":"hacked"}}"#);
    assert_eq!(beat(&hub, "lobby", &format!("uuid=alice&{hacked}")).await, 200);
    let set = format!("{PRESENCE}/channel/lobby/uuid/alice/data?{}", state(r#"{"mood":"hacked"}"#));
    assert_eq!(get(&hub, &set).await.status, 403);
    assert_eq!(get(&hub, &format!("/v2/subscribe/sub/lobby/0?tt=0&uuid=alice&{hacked}")).await.status, 200);
    assert_eq!(shown().await, own);
    let proof = jwt(&hub, json!({"sub": "alice"}), Duration::from_secs(60));
    let proven = state(r#"{"lobby":{"mood":"mine"}}"#);
    assert_eq!(beat(&hub, "lobby", &format!("uuid=alice&auth={proof}&{proven}")).await, 200);
    assert_eq!(shown().await, json!({"mood": "mine"}));
    drop(alice);
    hub.stop().await;
}

#[tokio::test]
async fn a_password_that_is_set_meanwhile_shuts_whoever_is_held() {
    let hub = Hub::start(&[]).await;
    let spy = Client::open(&hub, "room", "").await;
    let held = hold(&hub, &spy.target());
    hub.holds(1).await;
    hub.guard("room").await;
    let boss = hub.token(&json!({"sub": "boss", "role": "admin"}));
    let said = get(&hub, &format!("/publish/pub/sub/0/room/0/1?uuid=boss&auth={boss}")).await;
    assert_eq!(said.status, 200);
    hub.advance(Duration::from_secs(280)).await;
    assert_eq!(held.await.unwrap().body["m"], json!([]));
    assert_eq!(get(&hub, &spy.target()).await.status, 403);
    hub.stop().await;
}

#[tokio::test]
async fn users_may_know_where_they_are_themselves() {
    let hub = Hub::start(&[GUARDED]).await;
    let ana = jwt(&hub, json!({"sub": "ana"}), Duration::from_secs(60));
    assert_eq!(beat(&hub, "room", &format!("uuid=ana&auth={ana}")).await, 200);
    hub.guard("room").await;
    let whereabouts = async |query: &str| {
        get(&hub, &format!("{PRESENCE}/uuid/ana{query}")).await.body["payload"]["channels"].clone()
    };
    assert_eq!(whereabouts(&format!("?uuid=ana&auth={ana}")).await, json!(["room"]));
    let ben = jwt(&hub, json!({"sub": "ben"}), Duration::from_secs(60));
    for stranger in ["", "?uuid=ana", &format!("?uuid=ben&auth={ben}")] {
        assert_eq!(whereabouts(stranger).await, json!([]), "{stranger}");
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_grant_that_is_sent_again_makes_no_other_token() {
    let hub = Hub::start(&[GUARDED]).await;
    let body = json!({"ttl": 1, "permissions": {"resources": {"channels": {"room": 1}}}}).to_string();
    let target = signed(&hub, "POST", (GRANT, ""), &body);
    let granted = send(&hub, "POST", &target, body.clone()).await;
    let token = granted.body["data"]["token"].as_str().expect("it is granted").to_owned();
    assert_eq!(beat(&hub, "room", &format!("uuid=ana&auth={token}")).await, 200);
    let path = format!("{GRANT}/{token}");
    assert_eq!(send(&hub, "DELETE", &signed(&hub, "DELETE", (&path, ""), ""), "").await.status, 200);
    hub.advance(Duration::from_secs(3)).await;
    assert_eq!(send(&hub, "POST", &target, body).await, granted);
    assert_eq!(beat(&hub, "room", &format!("uuid=ana&auth={token}")).await, 403);
    hub.stop().await;
}
