//! Binary packets, acknowledgements, and packets that are wrong: S16 and attacks 16, 19 and 21.

use std::time::Duration;

use serde_json::{Value, json};

use super::hub::Hub;
use super::raw::{Raw, channel, event_of, online};

/// A binary message as each version sends it.
fn part(version: u8, data: &[u8]) -> Vec<u8> {
    let kind: &[u8] = if version == 3 { &[4] } else { &[] };
    [kind, data].concat()
}

fn fault(packet: &str) -> (String, String) {
    let (name, payload) = event_of(packet).unwrap_or_else(|| panic!("{packet}"));
    assert_eq!(name, "ERROR", "{packet}");
    let text = |key: &str| payload["error"][key].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

#[tokio::test]
async fn a_binary_event_is_served_with_its_parts_as_base64() {
    let hub = Hub::start(&[]).await;
    for version in [3, 4] {
        let mut raw = Raw::enter(&hub, version, "alice").await;
        raw.subscribe("a").await;
        let message = json!(["SEND_MESSAGE", {"category": "chat", "topicId": "a", "content": {
            "bodyText": "hi", "data": [{"_placeholder": true, "num": 1}, {"_placeholder": true, "num": 0}]}}]);
        raw.send(&format!("452-/chat,{message}")).await;
        raw.send_binary(&part(version, b"ab")).await;
        raw.send_binary(&part(version, b"")).await;
        let (name, payload) = raw.event().await;
        assert_eq!((name.as_str(), &payload["content"]["data"]), ("MESSAGE_SENT", &json!(["", "YWI="])));
        // One that announces no parts is complete at once.
        raw.send(&format!("450-/chat,{}", json!(["SUBSCRIBE_CHANNEL", channel("b")]))).await;
        assert_eq!(raw.event().await.0, "CHANNEL_SUBSCRIBED");
    }
}

#[tokio::test]
async fn events_with_an_id_are_answered_when_they_have_been_served() {
    let hub = Hub::start(&[]).await;
    let mut raw = Raw::enter(&hub, 4, "alice").await;
    raw.send(&format!("42/chat,7{}", json!(["SUBSCRIBE_CHANNEL", channel("a")]))).await;
    assert_eq!(raw.event().await.0, "CHANNEL_SUBSCRIBED");
    assert_eq!(raw.text().await, r#"43/chat,7[{"ok":true}]"#);
    raw.send(r#"42/chat,8["NO_SUCH_EVENT",{}]"#).await;
    assert_eq!(fault(&raw.text().await).0, "unknown.event");
    let ack = raw.text().await;
    let ack: Value = serde_json::from_str(ack.strip_prefix("43/chat,8").unwrap()).unwrap();
    assert_eq!((&ack[0]["ok"], &ack[0]["error"]["code"]), (&json!(false), &json!("unknown.event")));
    // Answers that nobody asked for, also in parts, do nothing.
    raw.send("43/chat,1[]").await;
    raw.send(r#"461-/chat,2[{"_placeholder":true,"num":0}]"#).await;
    raw.send_binary(b"x").await;
    raw.send(
        r#"42/chat,["SEND_MEDIA_SESSION_EVENTS ",{"category":"trackstatus","topicId":"a","content":{}}]"#,
    )
    .await;
    assert_eq!(raw.event().await.0, "MEDIA_SESSION_RESPONSE");
}

#[tokio::test]
async fn wrong_binary_packets_are_told_and_forgotten() {
    let hub = Hub::start(&[]).await;
    for version in [3, 4] {
        let mut raw = Raw::enter(&hub, version, "alice").await;
        raw.send_binary(&part(version, b"stray")).await;
        assert!(fault(&raw.text().await).1.contains("announced"));
        raw.send(r#"451-/chat,["X",{"_placeholder":true,"num":1}]"#).await;
        raw.send_binary(&part(version, b"a")).await;
        assert!(fault(&raw.text().await).1.contains("attachment"));
        raw.send(r#"451-/chat,["X",{"_placeholder":true,"num":0}]"#).await;
        raw.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
        assert!(fault(&raw.text().await).1.contains("before the next packet"));
        assert_eq!(raw.event().await.0, "CHANNEL_SUBSCRIBED");
        raw.send(r#"452-/chat,["X",{"_placeholder":true,"num":0}]"#).await;
        raw.send_binary(&part(version, b"a")).await;
        raw.send("2").await;
        assert_eq!(raw.text().await, "3");
        hub.advance(Duration::from_secs(10)).await;
        let late = loop {
            match raw.text().await.as_str() {
                "2" => raw.send("3").await,
                packet => break packet.to_owned(),
            }
        };
        assert!(fault(&late).1.contains("socketio.attachment_timeout"), "{late}");
        raw.send_binary(&part(version, b"a")).await;
        assert!(fault(&raw.text().await).1.contains("announced"));
    }
}

#[tokio::test]
async fn parts_are_bounded_in_number_and_bytes() {
    let hub = Hub::start(&[]).await;
    let mut raw = Raw::enter(&hub, 3, "alice").await;
    raw.send(r#"4511-/chat,["X"]"#).await;
    assert!(fault(&raw.text().await).1.contains("at most 10"));
    raw.send(r#"4599999999999999999999-/chat,["X"]"#).await;
    assert_eq!(fault(&raw.text().await).0, "invalid.frame");
    raw.send(r#"4510-/chat,["X"]"#).await;
    for _ in 0..2 {
        raw.send_binary(&part(3, &[0; 40_000])).await;
    }
    assert_eq!(fault(&raw.text().await).0, "too.large");
    assert_eq!(raw.packet().await, None);
}

#[tokio::test]
async fn wrong_packets_get_an_error_and_version_4_is_closed_for_what_is_none() {
    let hub = Hub::start(&[]).await;
    for (packet, is_none) in [
        ("4", true),
        ("4abc", true),
        ("48", true),
        ("42/chat,{}", true),
        ("42/chat,[", true),
        ("42/chat,99999999999999999999999[\"X\"]", true),
        ("45-/chat,[\"X\"]", true),
        ("43/chat,[]", true),
        ("42/chat,[]", false),
        ("42/chat,[1]", false),
        ("42/chat,[null,{}]", false),
        ("42/chat,[{\"toString\":1}]", false),
        ("42/chat,[\"connect\"]", false),
        ("42/chat,[\"disconnect\",{}]", false),
        ("42/chat,[\"error\",{}]", false),
        ("42/chat,[\"newListener\",{}]", false),
        ("42/chat,[\"toString\",{}]", false),
        ("42/chat,[\"__proto__\",{}]", false),
        ("42/chat,[\"pusher:subscribe\",{}]", false),
    ] {
        for version in [3, 4] {
            let mut raw = Raw::enter(&hub, version, "alice").await;
            raw.send(packet).await;
            let (code, message) = fault(&raw.text().await);
            assert!(!code.is_empty() && !message.is_empty());
            if is_none && version == 4 {
                assert_eq!(raw.packet().await, None, "{packet}");
            } else {
                raw.subscribe("a").await;
            }
        }
    }
}

#[tokio::test]
async fn json_bombs_are_refused_and_floods_end_the_connection() {
    let hub = Hub::start(&[]).await;
    let mut raw = Raw::enter(&hub, 4, "alice").await;
    raw.subscribe("a").await;
    let deep = format!("42/chat,[\"SEND_PRESENCE_EVENT\",{}{}]", "[".repeat(20_000), "]".repeat(20_000));
    raw.send(&deep).await;
    assert_eq!(fault(&raw.text().await).0, "too.deep");
    let keys: String = (0..400).map(|key| format!("\"k{key}\":0,")).collect();
    raw.send(&format!("42/chat,[\"SEND_PRESENCE_EVENT\",{{{keys}\"z\":0}}]")).await;
    assert_eq!(fault(&raw.text().await).0, "too.large");
    raw.send(&format!("40/chat,{{{keys}\"token\":\"x\"}}")).await;
    assert!(raw.text().await.starts_with("40/chat,{"), "it is in the namespace already");
    let polluted = json!({"category": "app.event.presence.party.online", "topicId": "a",
        "content": {"mediaSession": {}, "constructor": {"prototype": {"x": 1}}}});
    raw.emit("SEND_PRESENCE_EVENT", &polluted).await;
    assert_eq!(raw.event().await.1["content"]["constructor"], json!({"prototype": {"x": 1}}));
    raw.emit("SEND_PRESENCE_EVENT", &online("a")).await;
    assert_eq!(raw.event().await.0, "PRESENCE_EVENT_RESPONSE");
    for _ in 0..200 {
        raw.send("42/chat,[1]").await;
    }
    let mut told = 0;
    while raw.packet().await.is_some() {
        told += 1;
    }
    assert!((90..200).contains(&told), "{told}");
    for flood in ["43/chat,1[]", "44/chat,{}", "3", "6"] {
        let mut raw = Raw::enter(&hub, 3, "alice").await;
        for _ in 0..200 {
            raw.send(flood).await;
        }
        assert_eq!(raw.packet().await, None, "{flood}");
    }
    let mut raw = Raw::enter(&hub, 4, "alice").await;
    raw.send(&format!("42/chat,[\"X\",\"{}\"]", "x".repeat(70_000))).await;
    assert_eq!(raw.packet().await, None);
}

#[tokio::test]
async fn an_operator_may_allow_fewer_parts_and_who_sends_more_is_told_by_what() {
    let hub = Hub::start(&["socketio.attachments=2"]).await;
    let mut raw = Raw::enter(&hub, 3, "alice").await;
    raw.send(r#"453-/chat,["X"]"#).await;
    let (code, message) = fault(&raw.text().await);
    assert_eq!(code, "invalid.frame");
    assert!(message.contains("socketio.attachments"), "{message}");
    raw.send(r#"452-/chat,["X"]"#).await;
    for _ in 0..2 {
        raw.send_binary(&part(3, b"a")).await;
    }
    assert_eq!(fault(&raw.text().await).0, "unknown.event");
}
