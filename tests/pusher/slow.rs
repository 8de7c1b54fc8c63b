//! A connection that takes nothing: bounded, nobody else's problem, and sent away to come back.

use std::time::Duration;

use super::backend::Request;
use super::client::Client;
use super::hub::Hub;

#[tokio::test]
async fn one_that_stops_reading_is_sent_away_and_the_others_hear_everything() {
    let hub = Hub::start(&["limits.outbox_bytes=64KiB"]).await;
    let (mut slow, mut quick) = (Client::open(&hub, "slow").await, Client::open(&hub, "quick").await);
    slow.subscribe("c", None).await;
    slow.settle().await;
    quick.subscribe("c", None).await;
    quick.settle().await;
    assert_eq!(quick.frame().await["event"], "pusher_internal:subscription_succeeded");
    let data = "x".repeat(10_000);
    let mut heard = 0;
    // The buffers of the sockets take some megabytes first.
    for round in 0..150 {
        let event = serde_json::json!({"name": "e", "channel": "c", "data": data});
        let batch = serde_json::json!({"batch": vec![event; 10]}).to_string();
        // What is said in one second in the same words is signed in the same way.
        hub.advance(Duration::from_secs(1)).await;
        assert_eq!(
            Request::new("POST", "/apps/1/batch_events", batch).send(&hub).await.status,
            200,
            "{round}"
        );
        for _ in 0..10 {
            assert_eq!(quick.frame().await["event"], "e");
            heard += 1;
        }
    }
    assert_eq!(heard, 1500);
    let code = slow.closed().await;
    assert!(matches!(code, None | Some(4100)), "{code:?}");
}
