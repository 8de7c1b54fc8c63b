//! What operators are told of a party: where it is, by which sessions, and until when.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Client;
use super::hub::Hub;

async fn explained(hub: &Hub, party: &str) -> Value {
    let url = format!("http://{}/admin/apps/1/parties/{party}", hub.admin);
    reqwest::Client::new().get(url).bearer_auth("admin-token").send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn an_operator_sees_why_somebody_is_online_and_when_that_ends() {
    let hub = Hub::start(&[]).await;
    let token = hub.token(&json!({"sub": "alice"}));
    let url = format!("ws://{}/ws?token={token}", hub.address);
    let mut alice = Client::connect("alice", &url, &[]).await.unwrap();
    alice.frame().await;
    alice
        .send(
            &json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": {"_id": "room", "type": "topic"}}}),
        )
        .await;
    let online =
        json!({"category": "app.event.presence.party.online", "topicId": "room", "content": {"idle": true}});
    alice.send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": online})).await;
    alice.fence().await;
    let told = explained(&hub, "alice").await;
    assert_eq!((&told["status"], &told["because"]), (&json!("away"), &json!("every session is idle")));
    assert_eq!(told["topics"], json!(["room"]));
    let [session] = told["memberships"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&session["isAttached"], &session["graceEnds"]), (&json!(true), &Value::Null));

    alice.close().await;
    let told = loop {
        let told = explained(&hub, "alice").await;
        if told["memberships"][0]["isAttached"] == json!(false) {
            break told;
        }
    };
    assert!(told["memberships"][0]["graceEnds"].is_string(), "{told}");
    hub.advance(Duration::from_secs(16)).await;
    let told = explained(&hub, "alice").await;
    assert_eq!((&told["status"], &told["memberships"]), (&json!("unavailable"), &json!([])));
    assert_eq!(explained(&hub, "nobody").await["status"], "unavailable");
}
