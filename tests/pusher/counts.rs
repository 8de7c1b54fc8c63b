//! How often the number of a channel's subscribers is told: each change while they are few, and at most every five seconds when they are many.

use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use super::hub::Hub;

/// Up to so many subscribers each change is told.
const FEW: u64 = 100;
/// Enough for what changed to be told, where it is told at once.
const TURN: Duration = Duration::from_millis(20);

/// The counts that came, and nothing else has.
async fn counts(client: &mut Client) -> Vec<u64> {
    let count = |frame: Value| {
        assert_eq!(frame["event"], "pusher_internal:subscription_count", "{frame}");
        let data: Value = serde_json::from_str(frame["data"].as_str().unwrap()).unwrap();
        data["subscription_count"].as_u64().unwrap()
    };
    client.fence().await.into_iter().map(count).collect()
}

async fn subscriber(hub: &Hub) -> Client {
    let mut client = Client::open(hub, "one of many").await;
    client.subscribe("c", None).await;
    client.settle().await;
    hub.advance(TURN).await;
    client
}

#[tokio::test]
async fn beyond_a_hundred_one_count_is_told_in_five_seconds() {
    let hub = Hub::start(&["apps.0.pusher.subscription_count=true"]).await;
    let mut watcher = subscriber(&hub).await;
    watcher.fence().await;
    let mut crowd = Vec::new();
    for count in 2..=FEW {
        crowd.push(subscriber(&hub).await);
        assert_eq!(counts(&mut watcher).await, [count]);
    }
    // A second passes while fifty come.
    for _ in 0..50 {
        crowd.push(subscriber(&hub).await);
    }
    assert_eq!(counts(&mut watcher).await, [0; 0]);
    hub.advance(Duration::from_millis(3_900)).await;
    assert_eq!(counts(&mut watcher).await, [0; 0]);
    hub.advance(Duration::from_millis(200)).await;
    assert_eq!(counts(&mut watcher).await, [FEW + 50]);
    drop(crowd.drain(..10));
    hub.advance(Duration::from_millis(4_800)).await;
    assert_eq!(counts(&mut watcher).await, [0; 0]);
    hub.advance(Duration::from_millis(400)).await;
    assert_eq!(counts(&mut watcher).await, [FEW + 40]);
}
