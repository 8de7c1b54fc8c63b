//! S57 and S43 at the level of the wire: one roster for Socket.IO over each transport and the plain WebSocket.

use std::time::Duration;

use serde_json::{Value, json};

use super::hub::Hub;
use super::polled::Polled;
use super::raw::{Raw, channel, event_of, online};

/// What a roster says of its members: `(id, audio)`.
type Seen = Vec<(String, bool)>;

fn seen(packets: &[String]) -> Seen {
    let mut seen: Seen = packets
        .iter()
        .filter_map(|packet| event_of(packet))
        .filter(|(_, payload)| payload["category"] == "app.event.presence.party.online")
        .filter(|(_, payload)| payload["receivers"].as_array().is_some_and(|list| !list.is_empty()))
        .map(|(_, payload)| {
            let id = payload["sender"]["_id"].as_str().unwrap().to_owned();
            (id, payload["content"]["mediaSession"]["audio"] == true)
        })
        .collect();
    seen.sort();
    seen
}

#[tokio::test]
async fn all_see_the_same_parties() {
    let hub = Hub::start(&[]).await;
    let mut three = Raw::enter(&hub, 3, "three").await;
    let mut four = Raw::enter(&hub, 4, "four").await;
    let polled = Polled::enter(&hub, 3, "polled").await;
    let everybody: Seen = ["four", "plain", "polled", "three"].map(|id| (id.to_owned(), true)).into();
    for raw in [&mut three, &mut four] {
        raw.subscribe("a").await;
        raw.emit("SEND_PRESENCE_EVENT", &online("a")).await;
    }
    polled.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
    polled.emit("SEND_PRESENCE_EVENT", &online("a")).await;
    let token = hub.token(&json!({"sub": "plain"}));
    let url = format!("ws://{}/ws?token={token}", hub.address);
    let mut plain = Raw::connect(&url, &[]).await.unwrap();
    plain.text().await;
    for (event, payload) in [("SUBSCRIBE_CHANNEL", channel("a")), ("SEND_PRESENCE_EVENT", online("a"))] {
        plain.send(&json!({"event": event, "payload": payload}).to_string()).await;
    }
    let own = loop {
        let frame: Value = serde_json::from_str(&plain.text().await).unwrap();
        if frame["payload"]["sender"]["_id"] == "plain" {
            break frame;
        }
    };
    assert_eq!(own["payload"]["content"]["mediaSession"]["audio"], true);
    for raw in [&mut three, &mut four] {
        raw.emit(
            "SEND_PRESENCE_EVENT",
            &json!({"category": "app.event.presence.request.parties", "topicId": "a"}),
        )
        .await;
        assert_eq!(seen(&raw.fence().await), everybody);
    }
    // The one that polls is asked to leave by nobody and moves to a plain WebSocket: nobody sees it go.
    polled.post(&["1"]).await;
    let token = hub.token(&json!({"sub": "polled", "displayname": "polled"}));
    let mut moved = Raw::connect(&format!("ws://{}/ws?token={token}", hub.address), &[]).await.unwrap();
    moved.text().await;
    for (event, payload) in [("SUBSCRIBE_CHANNEL", channel("a")), ("SEND_PRESENCE_EVENT", online("a"))] {
        moved.send(&json!({"event": event, "payload": payload}).to_string()).await;
    }
    let subscribed: Value = serde_json::from_str(&moved.text().await).unwrap();
    assert_eq!(subscribed["payload"]["hub"]["roster"].as_array().unwrap().len(), 4);
    moved.text().await;
    hub.advance(Duration::from_secs(20)).await;
    let after = three.fence().await;
    assert!(after.iter().all(|packet| !packet.contains("party.leaves")), "{after:?}");
}
