//! Bounds: connections are counted once however they travel, and a client that fetches nothing costs no more than its share.

use std::time::Duration;

use presence_hub::app::App;
use presence_hub::broker::Clock;
use presence_hub::config::{Config, ConfigArgs};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::hub::{Hub, mint};
use super::polled::Polled;
use super::raw::{Raw, channel};

#[tokio::test]
async fn connections_over_polling_count_as_their_partys() {
    let hub = Hub::start(&["limits.connections_per_party=2"]).await;
    let first = Polled::enter(&hub, 4, "alice").await;
    let _second = Raw::enter(&hub, 3, "alice").await;
    let third = Polled::open(&hub, 4, "alice").await;
    third.post(&["40/chat,"]).await;
    let refused = third.poll().await;
    assert!(refused[0].starts_with("44/chat,") && refused[0].contains("too many"), "{refused:?}");
    first.post(&["1"]).await;
    while first.get().await.status() != StatusCode::BAD_REQUEST {}
    Polled::enter(&hub, 4, "alice").await;
}

#[tokio::test]
async fn connections_over_polling_count_in_all_and_are_given_back() {
    let hub = Hub::start(&["limits.connections=6", "limits.unauthenticated_percent=100"]).await;
    for _ in 0..20 {
        let polled = Polled::enter(&hub, 4, "alice").await;
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket&sid={}", hub.address, polled.sid);
        let mut socket = Raw::connect(&url, &[]).await.unwrap();
        socket.send("2probe").await;
        assert_eq!(socket.text().await, "3probe");
        socket.send("5").await;
        socket.subscribe("a").await;
        socket.send("1").await;
        while socket.packet().await.is_some() {}
    }
}

#[tokio::test]
async fn who_never_enters_a_namespace_is_sent_away() {
    let hub = Hub::start(&["limits.auth_timeout=5s"]).await;
    let polled = Polled::open(&hub, 4, "alice").await;
    hub.advance(Duration::from_secs(5)).await;
    while polled.get().await.status() != StatusCode::BAD_REQUEST {}
}

#[tokio::test]
async fn whoever_fetches_nothing_is_coalesced_and_then_closed() {
    let hub = Hub::start(&["limits.outbox_bytes=64KiB", "limits.events_per_second=100000"]).await;
    let polled = Polled::enter(&hub, 4, "alice").await;
    polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
    polled.poll().await;
    let mut bob = Raw::enter(&hub, 4, "bob").await;
    bob.subscribe("a").await;
    let text = "x".repeat(8_000);
    for _ in 0..60 {
        let message = json!({"category": "chat", "topicId": "a", "content": {"bodyText": text}});
        bob.emit("SEND_MESSAGE", &message).await;
    }
    bob.fence().await;
    // The stall is noticed, and the farewell is not waited for long.
    for _ in 0..2 {
        hub.advance(Duration::from_secs(31)).await;
        reqwest::get(hub.http("/livez")).await.unwrap();
    }
    // What was put aside for it is bounded, and then it is told to go.
    let mut fetched = 0;
    loop {
        let response = polled.get().await;
        if response.status() == StatusCode::BAD_REQUEST {
            break;
        }
        fetched += response.text().await.unwrap().len();
    }
    assert!(fetched < 60 * 8_000 / 2, "{fetched}");
}

#[tokio::test]
async fn a_hub_that_stops_ends_polling_and_takes_no_new_connections() {
    let set = ["admin.listen=127.0.0.1:0", "log.level=off", "drain.window=2s", "drain.timeout=5s"];
    let set = set.map(str::to_owned).to_vec();
    let args = ConfigArgs { config: None, listen: Some("127.0.0.1:0".to_owned()), set };
    let config = Config::load(&args, std::iter::empty()).unwrap().config;
    let clock = Clock::system();
    let hub = App::start(config, clock.clone()).await.unwrap();
    let base = format!("http://{}/socket.io/?EIO=4&transport=polling", hub.address());
    let http = Client::new();
    let mut polls = Vec::new();
    for party in ["alice", "bob"] {
        let token =
            mint(&json!({"sub": party, "exp": clock.now().wall.seconds() + 600}), "demo-key", b"demo-secret");
        let opened = http.get(format!("{base}&token={token}")).send().await.unwrap().text().await.unwrap();
        let opened: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
        let url = format!("{base}&sid={}", opened["sid"].as_str().unwrap());
        http.post(&url).body("40/chat,").send().await.unwrap();
        assert!(http.get(&url).send().await.unwrap().text().await.unwrap().starts_with("40/chat"));
        polls.push(tokio::spawn(http.get(&url).send()));
    }
    let ready = format!("http://{}/readyz", hub.address());
    // Those that are in no namespace are sent away too.
    let refused = http.get(&base).send().await.unwrap().text().await.unwrap();
    let refused: Value = serde_json::from_str(refused.strip_prefix('0').unwrap()).unwrap();
    polls.push(tokio::spawn(http.get(format!("{base}&sid={}", refused["sid"].as_str().unwrap())).send()));
    let stopping = tokio::spawn(hub.stop());
    while http.get(&ready).send().await.unwrap().status() != StatusCode::SERVICE_UNAVAILABLE {}
    assert_eq!(http.get(&base).send().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    for poll in polls {
        // They are told that the connection ends, not to stay away: they come back, elsewhere.
        assert_eq!(poll.await.unwrap().unwrap().text().await.unwrap(), "1");
    }
    tokio::time::timeout(Duration::from_secs(10), stopping).await.unwrap().unwrap();
}
