//! Tokens that are renewed on an open connection, and connections that never say who they are.

use serde_json::json;

use super::client::{Came, Client};
use super::hub::Hub;

#[tokio::test]
async fn what_a_new_token_does_not_allow_ends() {
    let hub = Hub::start(&[]).await;
    let token = hub.token(&json!({"sub": "alice", "capabilities": {"a": ["*"], "b": ["*"]}}));
    let mut alice =
        Client::connect("alice", &format!("ws://{}/ws?token={token}", hub.address), &[]).await.unwrap();
    alice.frame().await;
    for topic in ["a", "b"] {
        alice
            .send(&json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": {"type": "topic", "_id": topic}}}))
            .await;
        assert_eq!(alice.frame().await["event"], "CHANNEL_SUBSCRIBED");
    }
    let less = hub.token(&json!({"sub": "alice", "capabilities": {"b": ["subscribe"]}}));
    alice.send(&json!({"event": "AUTHENTICATE", "id": 1, "payload": {"token": less}})).await;
    let mut came = vec![alice.frame().await, alice.frame().await, alice.frame().await];
    assert_eq!(came.remove(0)["event"], "AUTHENTICATED");
    let of = |event: &str| came.iter().find(|frame| frame["event"] == event).unwrap();
    assert_eq!(of("CHANNEL_UNSUBSCRIBED")["payload"]["channel"]["_id"], "a");
    assert_eq!(of("ACK")["payload"], json!({"id": 1, "ok": true}));
    let category = "app.event.presence.party.online";
    alice
        .send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": {"category": category, "topicId": "b"}}))
        .await;
    assert_eq!(alice.frame().await["payload"]["category"], "media.session.invalid");
}

#[tokio::test]
async fn who_talks_of_other_things_for_long_is_sent_away() {
    let hub = Hub::start(&[]).await;
    let mut nobody = Client::connect("nobody", &format!("ws://{}/ws", hub.address), &[]).await.unwrap();
    for _ in 0..40 {
        nobody.send(&json!({"event": "SEND_MESSAGE", "payload": {}})).await;
    }
    loop {
        match nobody.next().await {
            Came::Frame(frame) => assert_eq!(frame["payload"]["error"]["code"], "not.authenticated"),
            Came::Closed(close) => return assert_eq!(close.map(|close| u16::from(close.code)), Some(4401)),
        }
    }
}
