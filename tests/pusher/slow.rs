//! A connection that takes nothing: bounded, nobody else's problem, and sent away to come back.

use std::time::Duration;

use super::backend::Request;
use super::client::Client;
use super::hub::Hub;

/// Batches of ten events of some 9,000 bytes, one after the other without a pause.
async fn publish(hub: &Hub, batches: usize) {
    for batch in 0..batches {
        // What is said in one second in the same words is signed in the same way.
        let data = format!("{batch} {}", "x".repeat(9_000));
        let event = serde_json::json!({"name": "e", "channel": "c", "data": data});
        let body = serde_json::json!({"batch": vec![event; 10]}).to_string();
        let answer = Request::new("POST", "/apps/1/batch_events", body).send(hub).await;
        assert_eq!(answer.status, 200, "{batch}");
    }
}

#[tokio::test]
async fn one_that_stops_reading_is_sent_away_and_the_others_hear_everything() {
    let hub = Hub::start(&["limits.events_per_second=100000"]).await;
    let (mut slow, mut quick) = (Client::open(&hub, "slow").await, Client::open(&hub, "quick").await);
    slow.subscribe("c", None).await;
    slow.settle().await;
    quick.subscribe("c", None).await;
    quick.settle().await;
    assert_eq!(quick.frame().await["event"], "pusher_internal:subscription_succeeded");
    let hears = tokio::spawn(async move {
        for heard in 0..3_000 {
            let frame = quick.frame().await;
            assert_eq!(frame["event"], "e", "{frame}");
            let batch = format!("{} ", heard / 10);
            assert!(frame["data"].as_str().is_some_and(|data| data.starts_with(&batch)), "in order");
        }
    });
    // The buffers of the sockets take some megabytes first.
    publish(&hub, 300).await;
    hears.await.unwrap();
    // Whoever reads has everything, so what ends now is the patience with the other.
    for _ in 0..10 {
        hub.advance(Duration::from_millis(100)).await;
    }
    let code = slow.closed().await;
    assert!(matches!(code, None | Some(4100)), "{code:?}");
}
