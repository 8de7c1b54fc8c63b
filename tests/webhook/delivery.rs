//! Posts that arrive: what they say, how they are signed, and how they are put together.

use std::time::Duration;

use presence_hub::webhook::{Batch, What};
use serde_json::{Value, json};

use super::kit::{NODE, hub, kit, name, tape};
use super::receiver::{Got, Mode};

#[tokio::test]
async fn a_stay_is_told_signed_and_in_order() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let _post = kit.post(vec![hub(&receiver)]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    kit.enter(alice, "lobby", 2).await;
    kit.handle.detach(alice).await;
    kit.seconds(2).await;
    let events = receiver.events(5).await;
    assert_eq!(
        tape(&events),
        ["occupied lobby", "joined lobby alice", "updated lobby alice", "left lobby alice", "vacated lobby"]
    );
    assert!(receiver.got().iter().all(Got::is_right), "{:#?}", receiver.got());
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    let left = &events[3];
    assert_eq!((&left["cause"], &left["lastHeard"]), (&json!("closed"), &json!("2026-01-01T00:00:00.000Z")));
    assert_eq!(left["occupancy"], json!({"parties": 0, "sessions": 0, "watchers": 0}));
    kit.counted("hub_webhook_delivered_total", 5).await;
    kit.counted("hub_webhook_waiting", 0).await;
}

/// The golden bodies of `protocol/webhooks.md`.
#[tokio::test]
async fn posts_read_as_the_protocol_says() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let _post = kit.post(vec![hub(&receiver)]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    let posts = receiver.wait(2).await;
    kit.leave(alice, "lobby").await;
    let posts = [posts, receiver.wait(4).await[2..].to_vec()].concat();
    let golden = [
        include_str!("../../protocol/payloads/webhook-occupied.json"),
        include_str!("../../protocol/payloads/webhook-joined.json"),
        include_str!("../../protocol/payloads/webhook-left.json"),
    ];
    for (post, golden) in posts.iter().zip(golden) {
        let mut expected: Value = serde_json::from_str(golden).unwrap();
        let mut given = post.json();
        // The engine chooses these.
        for body in [&mut expected, &mut given] {
            let event = &mut body["events"][0];
            for key in ["epoch", "timetoken"] {
                assert!(event[key].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()), "{event}");
                event[key] = Value::Null;
            }
        }
        assert_eq!(given, expected);
        assert_eq!(post.header("content-type"), "application/json");
        assert_eq!(post.header("webhook-id"), given["id"].as_str().unwrap());
        assert!(post.header("user-agent").starts_with("presence-hub/"));
    }
    assert_eq!(posts[0].json()["node"], NODE.to_string());
}

#[tokio::test]
async fn what_is_forged_or_replayed_is_known_for_it() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let _post = kit.post(vec![hub(&receiver)]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    let post = receiver.wait(2).await.remove(1);
    assert!(post.is_right());
    let with = |name: &'static str, value: &str| {
        let mut forged = post.clone();
        forged.headers.insert(name, value.parse().unwrap());
        forged
    };
    let later = (post.at + 1).to_string();
    let body = post.text().replace("alice", "mallory").into();
    for forged in [
        Got { body, ..post.clone() },
        with("webhook-id", "another"),
        with("webhook-timestamp", &later),
        with("webhook-signature", "v1,AAAA"),
        Got { at: post.at + 301, ..post.clone() },
    ] {
        assert!(!forged.is_right(), "{forged:?}");
    }
}

#[tokio::test]
async fn a_window_gathers_events_and_a_full_batch_goes_at_once() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    kit.settings.lanes = 1;
    let batch = Batch { window: Duration::from_millis(500), hooks: 3 };
    let _post = kit.post(vec![presence_hub::webhook::Endpoint { batch, ..hub(&receiver) }]).await;
    let (alice, bob) = (kit.open("alice").await, kit.open("bob").await);
    kit.enter(alice, "lobby", 1).await;
    kit.advance(Duration::from_millis(499)).await;
    assert_eq!(receiver.got().len(), 0, "two events wait for a third");
    kit.enter(bob, "lobby", 1).await;
    assert_eq!(tape(&receiver.events(3).await), ["occupied lobby", "joined lobby alice", "joined lobby bob"]);
    assert_eq!(receiver.got().len(), 1);
    kit.leave(bob, "lobby").await;
    kit.advance(Duration::from_millis(499)).await;
    assert_eq!(receiver.got().len(), 1);
    kit.advance(Duration::from_millis(1)).await;
    assert_eq!(receiver.events(4).await[3]["event"], "left");
    assert_eq!(receiver.got().len(), 2);
}

#[tokio::test]
async fn an_endpoint_hears_of_what_it_wants_and_no_more() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    let mut endpoint = hub(&receiver);
    endpoint.wants = vec![What::Joined];
    endpoint.topics = Box::new(|topic| topic == &name("lobby"));
    endpoint.authorization = Some("Bearer token".parse().unwrap());
    let _post = kit.post(vec![endpoint]).await;
    let alice = kit.open("alice").await;
    for topic in ["hall", "lobby"] {
        kit.enter(alice, topic, 1).await;
        kit.leave(alice, topic).await;
    }
    let bob = kit.open("bob").await;
    kit.enter(bob, "lobby", 1).await;
    assert_eq!(tape(&receiver.events(2).await), ["joined lobby alice", "joined lobby bob"]);
    assert!(receiver.got().iter().all(|got| got.header("authorization") == "Bearer token"));
}

#[tokio::test]
async fn a_slow_endpoint_delays_no_other_and_a_stuck_topic_only_its_lane() {
    let mut kit = kit();
    let (slow, quick) = (kit.receiver().await, kit.receiver().await);
    slow.script(&[Mode::Hang]);
    let _post = kit.post(vec![hub(&slow), hub(&quick)]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    assert_eq!(tape(&quick.events(2).await), ["occupied lobby", "joined lobby alice"]);
    slow.wait(1).await;
    for topic in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        kit.enter(alice, topic, 1).await;
    }
    let passed = slow.wait_for(|got| got.len() >= 5).await;
    assert!(!passed[1..].iter().any(|got| got.text().contains("lobby")), "{passed:#?}");
}

#[tokio::test]
async fn what_a_receiver_says_beside_its_status_does_not_matter() {
    let mut kit = kit();
    let receiver = kit.receiver().await;
    receiver.set(Mode::Ramble);
    let _post = kit.post(vec![hub(&receiver)]).await;
    let alice = kit.open("alice").await;
    kit.enter(alice, "lobby", 1).await;
    assert_eq!(receiver.events(2).await.len(), 2);
    kit.counted("hub_webhook_delivered_total", 2).await;
}
