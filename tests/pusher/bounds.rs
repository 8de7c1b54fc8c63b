//! What clients and backends may do how often and how large, and what they are not given twice.

use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Request, send};
use super::client::Client;
use super::hub::Hub;

async fn subscribe(client: &mut Client, channel: &str, user: Option<&Value>) {
    client.subscribe(channel, user).await;
    let frame = client.frame().await;
    assert_eq!(frame["event"], "pusher_internal:subscription_succeeded", "{frame}");
}

/// A captured request is worth nothing, however it is kept warm.
#[tokio::test]
async fn replays_do_not_renew_the_time_of_twins() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    subscribe(&mut client, "c", None).await;
    let body = json!({"name": "e", "channels": ["c"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    let post = || send(&hub, "POST", &target, body.clone().into_bytes());
    assert_eq!(post().await.status, 200);
    for _ in 0..3 {
        hub.advance(Duration::from_secs(4)).await;
        assert_eq!(post().await.status, 200);
    }
    assert_eq!(client.fence().await.len(), 2, "the first one, and its twin after 4 s");
}

/// However fast they come, of equal requests only so many are served.
#[tokio::test]
async fn twins_are_few() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    subscribe(&mut client, "c", None).await;
    let body = json!({"name": "e", "channels": ["c"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    for _ in 0..12 {
        assert_eq!(send(&hub, "POST", &target, body.clone().into_bytes()).await.status, 200);
    }
    assert_eq!(client.fence().await.len(), 8);
}

/// What did not succeed was not served: it may be tried again as often as it takes.
#[tokio::test]
async fn a_refused_request_is_no_twin() {
    let hub = Hub::start(&[]).await;
    let body = json!({"name": "e", "channels": ["not a channel"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    for _ in 0..12 {
        assert_eq!(send(&hub, "POST", &target, body.clone().into_bytes()).await.status, 400);
    }
    hub.advance(Duration::from_secs(6)).await;
    assert_eq!(send(&hub, "POST", &target, body.into_bytes()).await.status, 400);
}
