//! The time of the last sign of life that a leave carries: that of the last thing the session asked for, or of its lost connection.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};

use super::client::Client;
use super::hub::Hub;

const ONLINE: &str = "app.event.presence.party.online";
const LEAVES: &str = "app.event.presence.party.leaves";

async fn join(hub: &Hub, name: &str) -> Client {
    let token = hub.token(&json!({"sub": name}));
    let mut client =
        Client::connect(name, &format!("ws://{}/ws?token={token}", hub.address), &[]).await.unwrap();
    client.frame().await;
    let channel = json!({"type": "topic", "_id": "a"});
    client.send(&json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": channel}})).await;
    client.fence().await;
    client
}

async fn tell(client: &mut Client, category: &str, content: &Value) {
    let payload = json!({"category": category, "topicId": "a", "content": content});
    client.send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": payload})).await;
    client.fence().await;
}

/// How long before now the leave that the watcher sees next says that something was heard, in milliseconds.
async fn ago(hub: &Hub, watcher: &mut Client) -> u64 {
    loop {
        let frame = watcher.frame().await;
        if frame["payload"]["category"] == LEAVES {
            let heard = frame["payload"]["hub"]["lastHeard"].as_str().unwrap();
            let heard = DateTime::parse_from_rfc3339(heard).unwrap().timestamp_millis();
            return hub.clock.now().wall.millis() - u64::try_from(heard).unwrap();
        }
    }
}

#[tokio::test]
async fn a_leave_says_when_something_was_last_heard() {
    let hub = Hub::start(&[]).await;
    let mut watcher = join(&hub, "watcher").await;
    let mut alice = join(&hub, "alice").await;
    tell(&mut alice, ONLINE, &json!({"n": 1})).await;
    hub.advance(Duration::from_secs(600)).await;
    tell(&mut alice, LEAVES, &json!({})).await;
    assert_eq!(ago(&hub, &mut watcher).await, 0, "a leave is a sign of life");

    let mut bob = join(&hub, "bob").await;
    tell(&mut bob, ONLINE, &json!({"n": 1})).await;
    hub.advance(Duration::from_secs(100)).await;
    bob.close().await;
    while !hub_has_detached(&hub).await {}
    hub.advance(Duration::from_secs(15)).await;
    assert_eq!(ago(&hub, &mut watcher).await, 15_000, "its connection was lost fifteen seconds ago");
}

/// Whether only the watcher is connected, as the metrics tell.
async fn hub_has_detached(hub: &Hub) -> bool {
    let metrics = reqwest::get(format!("http://{}/metrics", hub.admin)).await.unwrap().text().await.unwrap();
    metrics.lines().any(|line| line == "hub_gateway_connections 2")
}
