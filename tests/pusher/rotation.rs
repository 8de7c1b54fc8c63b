//! An app changes from one pair of keys to the next while its clients stay.

use serde_json::{Value, json};

use super::backend::{Request, sign};
use super::client::{Came, Client};
use super::hub::{Hub, KEY, SECRET};

/// The app's newer pair, and one that is switched off.
const NEXT: (&str, &str) = ("next-key", "next-secret");
const OFF: (&str, &str) = ("old-key", "old-secret");

const BOTH: [&str; 5] = [
    "apps.0.keys.0.key=old-key",
    "apps.0.keys.0.secret=old-secret",
    "apps.0.keys.0.enabled=false",
    "apps.0.keys.1.key=next-key",
    "apps.0.keys.1.secret=next-secret",
];

fn at(key: &str) -> String {
    format!("/app/{key}?protocol=7&client=raw&version=1")
}

/// Subscribes to a presence channel with the signature of a pair.
async fn enter(client: &mut Client, (key, secret): (&str, &str), user: &str) {
    let data = json!({"user_id": user}).to_string();
    let auth = format!("{key}:{}", sign(secret, &format!("{}:presence-x:{data}", client.socket_id)));
    let asked = json!({"channel": "presence-x", "auth": auth, "channel_data": data});
    client.send(&json!({"event": "pusher:subscribe", "data": asked})).await;
}

async fn event(client: &mut Client) -> Value {
    match client.next().await {
        Came::Frame(frame) => frame["event"].clone(),
        Came::Closed(why) => panic!("closed: {why:?}"),
    }
}

async fn trigger(hub: &Hub, (key, secret): (&str, &str)) -> u16 {
    let body = json!({"name": "e", "channels": ["presence-x"], "data": "x"}).to_string();
    let mut request = Request::new("POST", "/apps/1/events", body);
    (request.key, request.secret) = (key.to_owned(), secret.to_owned());
    request.send(hub).await.status
}

#[tokio::test]
async fn each_active_pair_opens_what_every_other_opens() {
    let hub = Hub::start(&BOTH).await;
    let mut clients = Vec::new();
    // Each connects with one pair and is signed for with the other.
    for (name, path, pair) in [("a", KEY, NEXT), ("b", NEXT.0, (KEY, SECRET))] {
        let mut client = Client::open_at(&hub, name, &at(path), &[]).await.unwrap();
        enter(&mut client, pair, name).await;
        assert_eq!(event(&mut client).await, "pusher_internal:subscription_succeeded");
        clients.push(client);
    }
    assert_eq!(event(&mut clients[0]).await, "pusher_internal:member_added");
    for pair in [(KEY, SECRET), NEXT] {
        assert_eq!(trigger(&hub, pair).await, 200);
        for client in &mut clients {
            assert_eq!(event(client).await, "e", "{}", pair.0);
        }
    }
    assert_eq!(trigger(&hub, (KEY, NEXT.1)).await, 401, "a secret is good with its own key only");
}

#[tokio::test]
async fn a_pair_that_is_switched_off_opens_nothing() {
    let hub = Hub::start(&BOTH).await;
    assert_eq!(trigger(&hub, OFF).await, 401);
    let mut stranger = Client::connect(&hub, "stranger", &at(OFF.0), &[]).await.unwrap();
    assert_eq!(stranger.closed().await, Some(4001));
    let mut client = Client::open(&hub, "a").await;
    enter(&mut client, OFF, "a").await;
    assert_eq!(event(&mut client).await, "pusher:error");
    enter(&mut client, NEXT, "a").await;
    assert_eq!(event(&mut client).await, "pusher_internal:subscription_succeeded");
}
