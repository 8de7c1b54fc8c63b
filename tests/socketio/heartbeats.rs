//! S11: heartbeats of both versions, beside the pings of the WebSocket itself.

use std::time::Duration;

use super::hub::Hub;
use super::raw::Raw;

#[tokio::test]
async fn version_3_is_answered_and_lives_as_long_as_it_says_something() {
    let hub = Hub::start(&["socketio.ping_interval=25s", "socketio.ping_timeout=20s"]).await;
    let mut raw = Raw::enter(&hub, 3, "alice").await;
    for _ in 0..6 {
        hub.advance(Duration::from_secs(40)).await;
        raw.send("2").await;
        assert_eq!(raw.text().await, "3");
    }
    raw.send("2probe").await;
    assert_eq!(raw.text().await, "3probe");
    hub.advance(Duration::from_secs(45)).await;
    assert_eq!(raw.packet().await, None);
}

#[tokio::test]
async fn version_4_is_pinged_however_much_it_says_and_closed_if_it_does_not_answer() {
    let hub = Hub::start(&["socketio.ping_interval=25s", "socketio.ping_timeout=20s"]).await;
    let mut raw = Raw::enter(&hub, 4, "alice").await;
    for _ in 0..3 {
        hub.advance(Duration::from_secs(25)).await;
        assert_eq!(raw.text().await, "2");
        raw.send("3").await;
        raw.fence().await;
    }
    hub.advance(Duration::from_secs(25)).await;
    assert_eq!(raw.text().await, "2");
    raw.fence().await;
    hub.advance(Duration::from_secs(20)).await;
    assert_eq!(raw.packet().await, None);
}

#[tokio::test]
async fn pings_are_answered_and_not_as_a_flood() {
    let hub = Hub::start(&[]).await;
    let mut raw = Raw::enter(&hub, 3, "alice").await;
    let mut answered = 0;
    for _ in 0..1_000 {
        raw.send("2").await;
    }
    while let Some(packet) = raw.packet().await {
        assert_eq!(packet, "3");
        answered += 1;
    }
    assert!((100..1_000).contains(&answered), "{answered}");
}

#[tokio::test]
async fn what_is_no_packet_of_engine_io_ends_the_connection() {
    let hub = Hub::start(&[]).await;
    for version in [3, 4] {
        for noise in ["", "9", "x", "{}"] {
            let mut raw = Raw::enter(&hub, version, "alice").await;
            raw.send(noise).await;
            assert_eq!(raw.packet().await, None, "{noise:?}");
        }
        let mut raw = Raw::enter(&hub, version, "alice").await;
        for harmless in ["5", "6", "3"] {
            raw.send(harmless).await;
        }
        raw.subscribe("a").await;
        raw.send("1").await;
        assert_eq!(raw.packet().await, None);
    }
}
