//! Pusher's format: which topics and events it knows, its bodies, its order, and the quick return that nobody hears of.

use presence_hub::core::SessionId;
use presence_hub::webhook::{Batch, ClientEvent, Endpoint, What};
use serde_json::{Value, json};

use super::kit::{Kit, Post, kit, name, pusher, tape};
use super::receiver::{Got, Receiver};

async fn start(kit: &Kit) -> (Receiver, Post) {
    let receiver = kit.receiver().await;
    let mut endpoint = pusher(&receiver);
    endpoint.wants.retain(|what| *what != What::Counts);
    let post = kit.post(vec![endpoint]).await;
    (receiver, post)
}

/// A member as Pusher's clients are: it watches what it is in.
async fn subscribe(kit: &Kit, session: SessionId, channel: &str) {
    kit.enter(session, channel, 1).await;
    kit.watch(session, channel).await;
}

async fn unsubscribe(kit: &Kit, session: SessionId, channel: &str) {
    kit.leave(session, channel).await;
    kit.unwatch(session, channel).await;
}

#[tokio::test]
async fn a_visit_is_told_at_once_and_its_end_three_seconds_later_in_order() {
    let mut kit = kit();
    let (receiver, _post) = start(&kit).await;
    let alice = kit.open("10").await;
    subscribe(&kit, alice, "presence-a").await;
    assert_eq!(
        tape(&receiver.events(2).await),
        ["channel_occupied presence-a", "member_added presence-a 10"]
    );
    unsubscribe(&kit, alice, "presence-a").await;
    kit.advance(std::time::Duration::from_millis(2_979)).await;
    assert_eq!(receiver.got().len(), 2);
    kit.seconds(1).await;
    assert_eq!(
        tape(&receiver.events(4).await)[2..],
        ["member_removed presence-a 10", "channel_vacated presence-a"]
    );
    assert!(receiver.got().iter().all(Got::is_right_for_pusher), "{:#?}", receiver.got());
}

#[tokio::test]
async fn a_grace_that_has_passed_is_not_waited_for_again() {
    let mut kit = kit();
    let (receiver, _post) = start(&kit).await;
    let alice = kit.open("10").await;
    subscribe(&kit, alice, "presence-a").await;
    receiver.events(2).await;
    kit.handle.detach(alice).await;
    kit.seconds(2).await;
    assert_eq!(receiver.got().len(), 2, "its grace of two seconds is over, but not three seconds");
    kit.seconds(1).await;
    assert_eq!(
        tape(&receiver.events(4).await)[2..],
        ["member_removed presence-a 10", "channel_vacated presence-a"]
    );
}

#[tokio::test]
async fn a_quick_return_is_told_to_nobody() {
    let mut kit = kit();
    let (receiver, _post) = start(&kit).await;
    let (alice, bob) = (kit.open("alice").await, kit.open("bob").await);
    subscribe(&kit, alice, "presence-a").await;
    kit.watch(bob, "public").await;
    receiver.events(3).await;
    for _ in 0..5 {
        unsubscribe(&kit, alice, "presence-a").await;
        kit.unwatch(bob, "public").await;
        kit.seconds(1).await;
        subscribe(&kit, alice, "presence-a").await;
        kit.watch(bob, "public").await;
        kit.seconds(1).await;
    }
    kit.seconds(60).await;
    kit.watch(bob, "fence").await;
    assert_eq!(tape(&receiver.events(4).await)[3], "channel_occupied fence");
}

#[tokio::test]
async fn another_who_comes_meanwhile_cancels_the_vacancy_and_not_the_leave() {
    let mut kit = kit();
    let (receiver, _post) = start(&kit).await;
    let (alice, bob) = (kit.open("alice").await, kit.open("bob").await);
    subscribe(&kit, alice, "presence-a").await;
    unsubscribe(&kit, alice, "presence-a").await;
    kit.seconds(1).await;
    subscribe(&kit, bob, "presence-a").await;
    kit.seconds(3).await;
    assert_eq!(
        tape(&receiver.events(4).await),
        [
            "channel_occupied presence-a",
            "member_added presence-a alice",
            "member_added presence-a bob",
            "member_removed presence-a alice"
        ]
    );
    kit.seconds(60).await;
    assert_eq!(receiver.got().len(), 4);
}

#[tokio::test]
async fn a_vacancy_waits_for_every_leave_of_its_channel() {
    let mut kit = kit();
    let (receiver, _post) = start(&kit).await;
    let (alice, bob) = (kit.open("alice").await, kit.open("bob").await);
    kit.enter(alice, "presence-a", 1).await;
    kit.enter(bob, "presence-a", 1).await;
    kit.handle.detach(alice).await;
    kit.advance(std::time::Duration::from_millis(1_500)).await;
    kit.leave(bob, "presence-a").await;
    kit.seconds(2).await;
    assert_eq!(tape(&receiver.events(4).await)[3], "member_removed presence-a alice");
    kit.seconds(1).await;
    let last = ["member_removed presence-a bob", "channel_vacated presence-a"];
    assert_eq!(tape(&receiver.events(6).await)[4..], last);
}

#[tokio::test]
async fn ten_tabs_are_one_member() {
    let mut kit = kit();
    let (receiver, _post) = start(&kit).await;
    for _ in 0..10 {
        let tab = kit.open("alice").await;
        subscribe(&kit, tab, "presence-a").await;
    }
    let fence = kit.open("fence").await;
    kit.watch(fence, "fence").await;
    let events = receiver.events(3).await;
    let mut tape = tape(&events);
    tape.sort();
    assert_eq!(
        tape,
        ["channel_occupied fence", "channel_occupied presence-a", "member_added presence-a alice"]
    );
}

#[tokio::test]
async fn only_channels_count_and_only_presence_channels_have_members() {
    let mut kit = kit();
    let (receiver, _post) = start(&kit).await;
    let alice = kit.open("alice").await;
    for topic in ["#server-to-user-1", "räume", "a b", "a:b", "lobby", "private-x", "presence-cache-x"] {
        kit.enter(alice, topic, 1).await;
    }
    let mut tape = tape(&receiver.events(4).await);
    tape.sort();
    let expected = [
        "channel_occupied lobby",
        "channel_occupied presence-cache-x",
        "channel_occupied private-x",
        "member_added presence-cache-x alice",
    ];
    assert_eq!(tape, expected);
}

#[tokio::test]
async fn every_event_reads_as_pusher_has_it() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let post = kit.post(vec![pusher(&receiver)]).await;
    let alice = kit.open("alice").await;
    kit.watch(alice, "cache-c").await;
    receiver.events(2).await;
    let said = |user_id: Option<&str>| ClientEvent {
        event: "client-x".into(),
        data: r#"{"a":1}"#.into(),
        socket_id: "1.2".into(),
        user_id: user_id.map(Into::into),
    };
    let app = presence_hub::broker::AppSlot(0);
    post.hooks.cache_miss(app, &name("cache-c"));
    post.hooks.client_event(app, &name("private-c"), said(None));
    post.hooks.client_event(app, &name("presence-c"), said(Some("7")));
    post.hooks.client_event(presence_hub::broker::AppSlot(1), &name("presence-c"), said(Some("7")));
    kit.advance(std::time::Duration::from_millis(50)).await;
    let mut events = receiver.events(5).await;
    events.sort_by_key(|event| event.to_string());
    let data = r#"{"a":1}"#;
    let mut expected = [
        json!({"name": "cache_miss", "channel": "cache-c"}),
        json!({"name": "channel_occupied", "channel": "cache-c"}),
        json!({"name": "client_event", "channel": "presence-c", "event": "client-x", "data": data, "socket_id": "1.2", "user_id": "7"}),
        json!({"name": "client_event", "channel": "private-c", "event": "client-x", "data": data, "socket_id": "1.2"}),
        json!({"name": "subscription_count", "channel": "cache-c", "subscription_count": 1}),
    ];
    expected.sort_by_key(Value::to_string);
    assert_eq!(events, expected);
    assert!(receiver.got().iter().all(Got::is_right_for_pusher));
    assert!(receiver.got()[0].text().starts_with(r#"{"time_ms":1767225600"#), "{}", receiver.got()[0].text());
}

#[tokio::test]
async fn counts_stand_alone_and_a_crowd_is_counted_every_five_seconds() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    kit.settings.lanes = 1;
    let batch = Batch { window: std::time::Duration::from_millis(100), hooks: 100 };
    let _post = kit.post(vec![Endpoint { batch, ..pusher(&receiver) }]).await;
    for n in 0..3 {
        let session = kit.open(&format!("p{n}")).await;
        kit.watch(session, "public").await;
    }
    kit.seconds(1).await;
    let counts = |got: &[Got]| -> Vec<u64> {
        let events = got.iter().flat_map(|got| got.json()["events"].as_array().unwrap().clone());
        events.filter_map(|event| event["subscription_count"].as_u64()).collect()
    };
    let got = receiver.wait_for(|got| counts(got).len() == 3).await;
    assert_eq!(counts(&got), [1, 2, 3]);
    for got in &got {
        let body = got.json();
        let events = body["events"].as_array().unwrap();
        let has_count = events.iter().any(|event| event["name"] == "subscription_count");
        assert!(!has_count || events.len() == 1, "{body}");
    }
    let mut crowd = Vec::new();
    for n in 3..110 {
        let session = kit.open(&format!("p{n}")).await;
        kit.handle.watch(session, name("public"), None, presence_hub::broker::ReplyTo::Nobody).await;
        crowd.push(session);
    }
    kit.recount().await;
    kit.seconds(5).await;
    kit.seconds(1).await;
    let before = counts(&receiver.wait_for(|got| counts(got).len() >= 4).await);
    assert_eq!(before, [1, 2, 3, 110]);
    for session in &crowd[..5] {
        kit.unwatch(*session, "public").await;
    }
    kit.advance(std::time::Duration::from_millis(500)).await;
    assert_eq!(counts(&receiver.got()), before, "the crowd was counted less than five seconds ago");
    kit.seconds(5).await;
    kit.seconds(1).await;
    assert_eq!(counts(&receiver.wait_for(|got| counts(got).len() >= 5).await)[4], 105);
}

#[tokio::test]
async fn batches_mix_events_but_not_counts() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    kit.settings.lanes = 1;
    let batch = Batch { window: std::time::Duration::from_millis(100), hooks: 100 };
    let _post = kit.post(vec![Endpoint { batch, ..pusher(&receiver) }]).await;
    for n in 0..3 {
        let session = kit.open(&format!("p{n}")).await;
        kit.enter(session, "presence-a", 1).await;
    }
    kit.seconds(1).await;
    receiver.events(4).await;
    assert_eq!(receiver.got().len(), 1, "one post holds them all");
    assert!(receiver.got()[0].is_right_for_pusher());
}

/// The broker counts watchers a little later, and what the gateway tells must not overtake that.
#[tokio::test]
async fn what_is_told_aside_comes_after_the_channel_is_occupied_and_before_it_is_vacated() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let mut endpoint = pusher(&receiver);
    endpoint.wants.retain(|what| *what != What::Counts);
    endpoint.hold = std::time::Duration::ZERO;
    let post = kit.post(vec![endpoint]).await;
    let app = presence_hub::broker::AppSlot(0);
    let alice = kit.open("alice").await;
    for visit in 0..2 {
        let reply = presence_hub::broker::ReplyTo::Nobody;
        kit.handle.watch(alice, name("cache-c"), None, reply).await;
        post.hooks.cache_miss(app, &name("cache-c"));
        kit.recount().await;
        kit.advance(std::time::Duration::from_millis(50)).await;
        receiver.events(4 * visit + 2).await;
        let said = ClientEvent {
            event: "client-x".into(),
            data: "1".into(),
            socket_id: "1.2".into(),
            user_id: None,
        };
        post.hooks.client_event(app, &name("cache-c"), said);
        kit.unwatch(alice, "cache-c").await;
        receiver.events(4 * visit + 4).await;
    }
    let visit =
        ["channel_occupied cache-c", "cache_miss cache-c", "client_event cache-c", "channel_vacated cache-c"];
    assert_eq!(tape(&receiver.events(8).await), [visit, visit].concat());
}
