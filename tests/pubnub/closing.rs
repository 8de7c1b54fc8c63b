//! What it means that a held request is given up.

use std::time::Duration;

use serde_json::json;

use super::client::{Client, get, hold};
use super::hub::Hub;
use super::presence::{PRESENCE, event, events, here};

const STEP: Duration = Duration::from_millis(100);
const RUST: &str = "uuid=ana&pnsdk=PubNub-Rust%2F0.3.0";

/// Lets time pass, step by step, as long as somebody is there; at most so many seconds. Says how long it was.
async fn gone_after(hub: &Hub, most: u64) -> Option<Duration> {
    let mut passed = Duration::ZERO;
    while passed < Duration::from_secs(most) {
        if here(hub, "room").await == json!([]) {
            return Some(passed);
        }
        hub.advance(STEP).await;
        passed += STEP;
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn a_client_that_sends_no_leave_leaves_by_closing_after_a_grace() {
    let hub = Hub::start(&[]).await;
    let ana = Client::open(&hub, "room", RUST).await;
    let mut watcher = Client::open(&hub, "room-pnpres", "").await;
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    held.abort();
    hub.holds(0).await;
    let passed = gone_after(&hub, 20).await.expect("she leaves");
    assert!(passed >= Duration::from_secs(2), "{passed:?} is too soon");
    let told = watcher.next(&hub).await;
    assert_eq!(events(&told), [event("leave", "ana", 0)]);
    hub.stop().await;
}

#[tokio::test]
async fn whoever_comes_back_within_the_grace_has_not_left() {
    let hub = Hub::start(&[]).await;
    let ana = Client::open(&hub, "room", RUST).await;
    for _ in 0..10 {
        let held = hold(&hub, &ana.target());
        hub.holds(1).await;
        let next = hold(&hub, &ana.target());
        held.abort();
        drop(held.await);
        hub.holds(1).await;
        next.abort();
        hub.holds(0).await;
        get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?{RUST}")).await;
    }
    assert_eq!(gone_after(&hub, 10).await, None);
    hub.stop().await;
}

#[tokio::test]
async fn others_leave_by_closing_only_where_the_app_says_so() {
    for (setting, goes) in [("pubnub.leave_on_close=rust", false), ("pubnub.leave_on_close=always", true)] {
        let hub = Hub::start(&[setting]).await;
        let ana = Client::open(&hub, "room", "uuid=ana&pnsdk=PubNub-Python%2F7.0.0").await;
        let held = hold(&hub, &ana.target());
        hub.holds(1).await;
        held.abort();
        hub.holds(0).await;
        assert_eq!(gone_after(&hub, 10).await.is_some(), goes, "{setting}");
        hub.stop().await;
    }
}

#[tokio::test]
async fn who_is_told_to_come_back_later_has_not_left() {
    let hub = Hub::start(&["pubnub.occupants=2"]).await;
    let rust = "uuid=ana&pnsdk=PubNub-Rust%2F0.9.0";
    Client::open(&hub, "room", rust).await;
    get(&hub, &format!("{PRESENCE}/channel/elsewhere/heartbeat?uuid=ben")).await;
    assert_eq!(get(&hub, &format!("/v2/subscribe/sub/room,other/0?tt=17&{rust}")).await.status, 429);
    assert_eq!(gone_after(&hub, 10).await, None);
    hub.stop().await;
}
