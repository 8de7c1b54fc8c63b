//! S2: going over from polling to a WebSocket, without losing or repeating anything.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use super::hub::Hub;
use super::polled::Polled;
use super::raw::{Raw, channel, event_of};

fn socket_url(hub: &Hub, version: u8, sid: &str) -> String {
    format!("ws://{}/socket.io/?EIO={version}&transport=websocket&sid={sid}", hub.address)
}

/// Polls as libraries do until a poll is answered with nothing, and returns what came.
fn poll_until_noop(polled: Polled) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut came = Vec::new();
        loop {
            let packets = polled.poll().await;
            let is_noop = packets.iter().any(|packet| packet == "6");
            came.extend(packets.into_iter().filter(|packet| packet != "6"));
            if is_noop {
                return came;
            }
        }
    })
}

fn numbers(packets: &[String]) -> Vec<u32> {
    packets
        .iter()
        .filter_map(|packet| event_of(packet))
        .filter(|(name, _)| name == "MESSAGE_SENT")
        .map(|(_, payload)| payload["content"]["bodyText"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn nothing_is_lost_or_repeated() {
    let hub = Hub::start(&["limits.events_per_second=100000"]).await;
    let mut bob = Raw::enter(&hub, 4, "bob").await;
    bob.subscribe("a").await;
    for version in [3, 4] {
        let polled = Polled::enter(&hub, version, "alice").await;
        polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
        polled.poll().await;
        let polls = poll_until_noop(polled.clone());
        let talk = tokio::spawn(async move {
            for number in 0..300 {
                let text = number.to_string();
                bob.emit(
                    "SEND_MESSAGE",
                    &json!({"category": "chat", "topicId": "a", "content": {"bodyText": text}}),
                )
                .await;
            }
            bob.fence().await;
            bob
        });
        let mut socket = Raw::connect(&socket_url(&hub, version, &polled.sid), &[]).await.unwrap();
        socket.send("2probe").await;
        assert_eq!(socket.text().await, "3probe");
        // A poll that began before the client knew is answered a moment later.
        for _ in 0..80 {
            if polls.is_finished() {
                break;
            }
            hub.advance(Duration::from_millis(100)).await;
            reqwest::get(hub.http("/livez")).await.unwrap();
        }
        let mut came = polls.await.unwrap();
        socket.send("5").await;
        socket.send(if version == 3 { "2" } else { "6" }).await;
        while numbers(&came).len() < 300 {
            came.push(socket.text().await);
        }
        assert_eq!(numbers(&came), (0..300).collect::<Vec<_>>());
        socket.fence().await;
        bob = talk.await.unwrap();
        assert_eq!(polled.get().await.status(), 400, "the old way is closed");
        assert_eq!(polled.send(b"42[\"x\"]".to_vec(), "text/plain").await.status(), 400);
        socket.close().await;
    }
}

#[tokio::test]
async fn a_probe_that_comes_to_nothing_leaves_polling_as_it_was() {
    let hub = Hub::start(&[]).await;
    let polled = Polled::enter(&hub, 4, "alice").await;
    for noise in ["2prob", "4hello", "1"] {
        let mut socket = Raw::connect(&socket_url(&hub, 4, &polled.sid), &[]).await.unwrap();
        socket.send(noise).await;
        assert_eq!(socket.packet().await, None, "{noise}");
    }
    let mut socket = Raw::connect(&socket_url(&hub, 4, &polled.sid), &[]).await.unwrap();
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    socket.close().await;
    polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
    loop {
        let came = polled.poll().await;
        if came.iter().any(|packet| packet.contains("CHANNEL_SUBSCRIBED")) {
            break;
        }
    }
}

#[tokio::test]
async fn only_one_socket_takes_over_and_a_connection_without_polling_has_none() {
    let hub = Hub::start(&[]).await;
    let polled = Polled::open(&hub, 4, "alice").await;
    let mut first = Raw::connect(&socket_url(&hub, 4, &polled.sid), &[]).await.unwrap();
    let mut second = Raw::connect(&socket_url(&hub, 4, &polled.sid), &[]).await.unwrap();
    first.send("2probe").await;
    assert_eq!(first.text().await, "3probe");
    second.send("2probe").await;
    assert_eq!(second.packet().await, None);
    first.send("5").await;
    first.send("40/chat,").await;
    assert!(first.text().await.starts_with("40/chat,{"));
    assert!(Raw::connect(&socket_url(&hub, 4, &polled.sid), &[]).await.is_err());
}

#[tokio::test]
async fn what_comes_right_behind_the_upgrade_or_late_by_the_old_way_is_served() {
    let hub = Hub::start(&[]).await;
    let polled = Polled::enter(&hub, 4, "alice").await;
    let mut socket = Raw::connect(&socket_url(&hub, 4, &polled.sid), &[]).await.unwrap();
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    let long = format!(
        "42/chat,{}",
        json!(["SUBSCRIBE_CHANNEL", {"channel": {"type": "topic", "_id": "a"}, "x": "x".repeat(12_000)}])
    );
    socket.send_all(&["5", &long]).await;
    assert_eq!(socket.event().await.0, "CHANNEL_SUBSCRIBED");
}
