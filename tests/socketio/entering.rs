//! Handshakes, namespaces, and who is let in: S5 to S10, S12, S13, S16 and refusals, as older and newer clients need them.

use std::time::Duration;

use serde_json::{Value, json};

use super::hub::Hub;
use super::raw::{Raw, channel, online};

fn token(hub: &Hub, party: &str) -> String {
    hub.token(&json!({"sub": party}))
}

#[tokio::test]
async fn s5_version_3_is_in_the_root_unasked_and_is_answered_without_a_comma() {
    let hub = Hub::start(&[]).await;
    let token = token(&hub, "alice");
    for connect in ["40/chat?token=T&tokenType=jwt,", "40/chat?token=T&tokenType=jwt", "40/chat", "40/chat,"]
    {
        let query = format!("&token={token}&tokenType=jwt&batchRoster=true&x=%zz");
        let mut raw = Raw::open(&hub, 3, &query).await;
        let open = raw.opened().await;
        assert_eq!((&open["pingInterval"], &open["pingTimeout"]), (&json!(25_000), &json!(20_000)));
        assert_eq!((&open["upgrades"], open.get("maxPayload")), (&json!([]), None));
        raw.send(connect).await;
        assert_eq!(raw.text().await, "40/chat", "{connect}");
        raw.send(connect).await;
        assert_eq!(raw.text().await, "40/chat", "again");
        raw.subscribe("a").await;
    }
}

#[tokio::test]
async fn s6_version_4_asks_for_its_namespace_or_is_closed() {
    let hub = Hub::start(&[]).await;
    let query = format!("&token={}", token(&hub, "alice"));
    let mut raw = Raw::open(&hub, 4, &query).await;
    assert_eq!(raw.opened().await["maxPayload"], 65_536);
    raw.send("40/chat,{}").await;
    let entered = raw.text().await;
    let sid: Value = serde_json::from_str(entered.strip_prefix("40/chat,").unwrap()).unwrap();
    raw.subscribe("a").await;
    raw.emit("SEND_PRESENCE_EVENT", &online("a")).await;
    let (_, payload) = raw.event().await;
    assert_eq!(payload["content"]["sessionId"], sid["sid"]);
    let mut silent = Raw::open(&hub, 4, &query).await;
    silent.opened().await;
    hub.advance(Duration::from_secs(5)).await;
    assert_eq!(silent.packet().await, None);
}

#[tokio::test]
async fn s7_a_token_is_taken_from_each_place_alone() {
    let hub = Hub::start(&[]).await;
    let token = token(&hub, "alice");
    let query = format!("&token={token}");
    let of_query = format!("40/chat?token={token}&tokenType=jwt,");
    let of_auth = format!("40/chat,{}", json!({"token": token, "tokenType": "oauth"}));
    for (version, query, connect) in [
        (3, query.as_str(), "40/chat"),
        (4, query.as_str(), "40/chat,"),
        (3, "", of_query.as_str()),
        (4, "", of_query.as_str()),
        (3, "", of_query.trim_end_matches(',')),
        (4, "", of_auth.as_str()),
        (4, "&token=", of_auth.as_str()),
        (4, "&token=bad", of_auth.as_str()),
    ] {
        let mut raw = Raw::open(&hub, version, query).await;
        raw.opened().await;
        raw.send(connect).await;
        let entered = raw.text().await;
        assert!(entered.starts_with("40/chat"), "{version} {connect}: {entered}");
    }
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", hub.address);
    let mut raw = Raw::connect(&url, &[("authorization", &format!("Bearer {token}"))]).await.unwrap();
    raw.opened().await;
    raw.send("40/chat,").await;
    assert!(raw.text().await.starts_with("40/chat,{"));
}

#[tokio::test]
async fn s8_refusals_have_the_shape_of_their_version_and_the_connection_stays() {
    let hub = Hub::start(&[]).await;
    let expired = hub.token(&json!({"sub": "alice", "exp": 1}));
    for query in ["", "&token=nonsense", &format!("&token={expired}")] {
        for (version, refusal) in
            [(3, r#"44/chat,"unauthorized""#), (4, r#"44/chat,{"message":"unauthorized"}"#)]
        {
            let mut raw = Raw::open(&hub, version, query).await;
            raw.opened().await;
            raw.send("40/chat,").await;
            assert_eq!(raw.text().await, refusal);
            raw.emit("SUBSCRIBE_CHANNEL", &channel("a")).await;
            let told = raw.text().await;
            assert!(told.starts_with("44/chat,") && told.contains("enter the namespace first"), "{told}");
            // It may try again with something better, even after the time that a silent one has.
            hub.advance(Duration::from_secs(6)).await;
            raw.send(&format!("40/chat?token={},", token(&hub, "alice"))).await;
            assert!(raw.text().await.starts_with("40/chat"));
        }
    }
    let mut raw = Raw::open(&hub, 3, "").await;
    raw.opened().await;
    for _ in 0..4 {
        raw.send("40/chat").await;
        assert_eq!(raw.text().await, r#"44/chat,"unauthorized""#);
        hub.advance(Duration::from_secs(11)).await;
    }
    hub.advance(Duration::from_secs(1)).await;
    assert_eq!(raw.packet().await, None, "but not for ever, however often it tries");
}

#[tokio::test]
async fn in_version_3_somebody_may_be_in_the_root_without_a_word_but_nobody_may_not() {
    let hub = Hub::start(&["limits.connections_per_party=1"]).await;
    let query = format!("&token={}", token(&hub, "alice"));
    let mut alice = Raw::open(&hub, 3, &query).await;
    let mut nobody = Raw::open(&hub, 3, "&token=bad").await;
    let mut other = Raw::open(&hub, 3, &query).await;
    for raw in [&mut alice, &mut nobody, &mut other] {
        raw.opened().await;
    }
    nobody.send(r#"42["SUBSCRIBE_CHANNEL",{}]"#).await;
    assert_eq!(nobody.text().await, r#"44"unauthorized""#);
    hub.advance(Duration::from_secs(5)).await;
    assert_eq!(other.packet().await, None, "one too many of a party is nobody");
    alice.send(&format!("42{}", json!(["SUBSCRIBE_CHANNEL", channel("a")]))).await;
    assert!(alice.text().await.starts_with(r#"42["CHANNEL_SUBSCRIBED","#));
}

#[tokio::test]
async fn leaving_and_entering_again_gives_no_more_than_staying() {
    let hub = Hub::start(&["limits.events_per_second=10"]).await;
    let mut alice = Raw::enter(&hub, 4, "alice").await;
    let mut told = 0;
    for _ in 0..4 {
        for _ in 0..40 {
            alice.emit("NO_SUCH_EVENT", &json!({})).await;
        }
        alice.send("41/chat,").await;
        alice.send("40/chat,").await;
    }
    while let Some(packet) = alice.packet().await {
        told += usize::from(packet.contains("unknown.event"));
    }
    assert!((40..80).contains(&told), "{told}");
    let mut alice = Raw::enter(&hub, 4, "alice").await;
    for _ in 0..10 {
        alice.send("41/chat,").await;
        alice.send("40/chat,").await;
    }
    while alice.packet().await.is_some() {}
}

#[tokio::test]
async fn s9_and_s10_a_mangled_or_missing_token_type_does_no_harm() {
    let hub = Hub::start(&[]).await;
    let token = token(&hub, "alice");
    for query in [
        format!("&token={token}=jwt"),
        format!("&token={token}%3Djwt"),
        format!("&token={token}"),
        format!("&token={token}&tokenType=oauth"),
    ] {
        let mut raw = Raw::open(&hub, 3, &query).await;
        raw.opened().await;
        raw.send(&format!("40/chat?token={token}=jwt")).await;
        assert_eq!(raw.text().await, "40/chat");
    }
}

#[tokio::test]
async fn s12_other_namespaces_are_refused_and_chat_works_after_that() {
    let hub = Hub::start(&[]).await;
    for (version, refusal) in
        [(3, r#"44/admin,"Invalid namespace""#), (4, r#"44/admin,{"message":"Invalid namespace"}"#)]
    {
        let mut raw = Raw::open(&hub, version, &format!("&token={}", token(&hub, "alice"))).await;
        raw.opened().await;
        raw.send("40/admin?x=1,").await;
        assert_eq!(raw.text().await, refusal);
        raw.send("40/chat").await;
        assert!(raw.text().await.starts_with("40/chat"));
        raw.subscribe("a").await;
    }
}

#[tokio::test]
async fn the_root_namespace_speaks_the_dialect_too_but_one_namespace_at_a_time() {
    let hub = Hub::start(&[]).await;
    for version in [3, 4] {
        let mut raw = Raw::open(&hub, version, &format!("&token={}", token(&hub, "alice"))).await;
        raw.opened().await;
        if version == 4 {
            raw.send("40").await;
            assert!(raw.text().await.starts_with("40{\"sid\":"));
        }
        let subscribe = json!(["SUBSCRIBE_CHANNEL", channel("a")]);
        raw.send(&format!("42{subscribe}")).await;
        assert!(raw.text().await.starts_with(r#"42["CHANNEL_SUBSCRIBED","#));
        raw.send("40/chat,").await;
        let refused = raw.text().await;
        assert!(refused.starts_with("44/chat,") && refused.contains("another namespace"), "{refused}");
    }
    // Whoever has said nothing in the root yet may still choose.
    let mut raw = Raw::open(&hub, 4, &format!("&token={}", token(&hub, "alice"))).await;
    raw.opened().await;
    raw.send("40").await;
    raw.text().await;
    raw.send("40/chat,").await;
    assert!(raw.text().await.starts_with("40/chat,{"));
    raw.send(r#"427["SUBSCRIBE_CHANNEL",{}]"#).await;
    assert!(raw.text().await.starts_with(r#"42["ERROR","#));
    assert!(raw.text().await.starts_with(r#"437[{"ok":false"#));
    raw.subscribe("a").await;
}

#[tokio::test]
async fn a_namespace_can_be_left_and_entered_again_with_another_session() {
    let hub = Hub::start(&[]).await;
    let mut bob = Raw::enter(&hub, 3, "bob").await;
    bob.subscribe("a").await;
    for (version, leave) in [(3, "41/chat"), (3, "41/chat,"), (4, "41/chat,")] {
        let mut alice = Raw::enter(&hub, version, "alice").await;
        alice.subscribe("a").await;
        alice.emit("SEND_PRESENCE_EVENT", &online("a")).await;
        let (_, first) = alice.event().await;
        alice.send(leave).await;
        alice.send("40/chat").await;
        assert!(alice.text().await.starts_with("40/chat"));
        alice.subscribe("a").await;
        alice.emit("SEND_PRESENCE_EVENT", &online("a")).await;
        let (_, second) = alice.event().await;
        assert_ne!(first["content"]["sessionId"], second["content"]["sessionId"]);
        assert_eq!(bob.event().await.1["sender"]["_id"], "alice");
        hub.advance(Duration::from_secs(16)).await;
        assert!(bob.fence().await.iter().all(|packet| !packet.contains("party.leaves")), "she never left");
        alice.emit("UNSUBSCRIBE_CHANNEL", &channel("a")).await;
        assert_eq!(alice.event().await.0, "CHANNEL_UNSUBSCRIBED");
        let left = bob.fence().await;
        assert_eq!(left.iter().filter(|packet| packet.contains("party.leaves")).count(), 1, "{left:?}");
    }
}

#[tokio::test]
async fn s13_whoever_is_sent_away_for_good_is_told_to_leave_the_namespace() {
    let hub = Hub::start(&[]).await;
    for version in [3, 4] {
        let mut alice = Raw::enter(&hub, version, "alice").await;
        let url = format!("http://{}/admin/apps/1/parties/alice/sessions", hub.admin);
        let kick = reqwest::Client::new().delete(url).bearer_auth("admin-token").send().await.unwrap();
        assert!(kick.status().is_success(), "{}", kick.status());
        assert_eq!(alice.packet().await.as_deref(), Some("41/chat,"));
        assert_eq!(alice.packet().await.as_deref(), Some("1"));
        assert_eq!(alice.packet().await, None);
    }
    let short = hub.token_for(&json!({"sub": "alice"}), Duration::from_secs(60));
    let mut alice = Raw::open(&hub, 4, &format!("&token={short}")).await;
    alice.opened().await;
    alice.send("40/chat,").await;
    alice.text().await;
    hub.advance(Duration::from_secs(40)).await;
    let expiring = loop {
        let packet = alice.text().await;
        if packet != "2" {
            break packet;
        }
    };
    assert!(expiring.contains("TOKEN_EXPIRING"), "{expiring}");
    alice.send("3").await;
    alice.fence().await;
    hub.advance(Duration::from_secs(30)).await;
    let mut last = Vec::new();
    while let Some(packet) = alice.packet().await {
        last.push(packet);
    }
    assert!(last.ends_with(&["41/chat,".to_owned(), "1".to_owned()]), "{last:?}");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_before_anything_else() {
    let hub = Hub::start(&[
        "apps.0.id=1",
        "apps.0.key=demo-key",
        "apps.0.secret=demo-secret",
        "apps.0.origins=https://app.example.com",
    ])
    .await;
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", hub.address);
    for (origin, is_let_in) in
        [("https://app.example.com", true), ("https://evil.example.com", false), ("null", false)]
    {
        assert_eq!(Raw::connect(&url, &[("origin", origin)]).await.is_ok(), is_let_in, "{origin}");
        let polling = hub.http("/socket.io/?EIO=4&transport=polling");
        let response = reqwest::Client::new().get(polling).header("origin", origin).send().await.unwrap();
        assert_eq!(response.status().is_success(), is_let_in, "{origin}");
        let allowed = response.headers().get("access-control-allow-origin").map(|it| it.to_str().unwrap());
        assert_eq!(allowed, is_let_in.then_some(origin));
    }
}
