//! What clients and backends may do how often and how large, and what they are not given twice.

use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{Request, send, trigger};
use super::client::Client;
use super::hub::Hub;

async fn subscribe(client: &mut Client, channel: &str, user: Option<&Value>) {
    client.subscribe(channel, user).await;
    let frame = client.frame().await;
    assert_eq!(frame["event"], "pusher_internal:subscription_succeeded", "{frame}");
}

/// A captured request is worth nothing, however it is kept warm.
#[tokio::test]
async fn replays_do_not_renew_the_time_of_twins() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    subscribe(&mut client, "c", None).await;
    let body = json!({"name": "e", "channels": ["c"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    let post = || send(&hub, "POST", &target, body.clone().into_bytes());
    assert_eq!(post().await.status, 200);
    for _ in 0..3 {
        hub.advance(Duration::from_secs(4)).await;
        assert_eq!(post().await.status, 200);
    }
    assert_eq!(client.fence().await.len(), 2, "the first one, and its twin after 4 s");
}

/// However fast they come, of equal requests only so many are served.
#[tokio::test]
async fn twins_are_few() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    subscribe(&mut client, "c", None).await;
    let body = json!({"name": "e", "channels": ["c"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    for _ in 0..12 {
        assert_eq!(send(&hub, "POST", &target, body.clone().into_bytes()).await.status, 200);
    }
    assert_eq!(client.fence().await.len(), 8);
}

/// What did not succeed was not served: it may be tried again as often as it takes.
#[tokio::test]
async fn a_refused_request_is_no_twin() {
    let hub = Hub::start(&[]).await;
    let body = json!({"name": "e", "channels": ["not a channel"], "data": "1"}).to_string();
    let target = Request::new("POST", "/apps/1/events", body.clone()).target(&hub);
    for _ in 0..12 {
        assert_eq!(send(&hub, "POST", &target, body.clone().into_bytes()).await.status, 400);
    }
    hub.advance(Duration::from_secs(6)).await;
    assert_eq!(send(&hub, "POST", &target, body.into_bytes()).await.status, 400);
}

/// A client that comes back has many subscriptions at once, and after that only so many a second.
#[tokio::test]
async fn a_burst_of_subscriptions_is_no_rate() {
    let hub = Hub::start(&["limits.subscribes_per_second=1", "limits.topics_per_session=3"]).await;
    let mut client = Client::open(&hub, "a").await;
    for channel in ["a", "b", "c"] {
        subscribe(&mut client, channel, None).await;
    }
    hub.advance(Duration::from_secs(1)).await;
    client.unsubscribe("a").await;
    subscribe(&mut client, "a", None).await;
    client.unsubscribe("a").await;
    client.subscribe("a", None).await;
    assert_eq!(client.closed().await, Some(4100));
}

#[tokio::test]
async fn a_burst_of_frames_is_no_rate() {
    let hub = Hub::start(&["limits.events_per_second=10"]).await;
    let mut client = Client::open(&hub, "a").await;
    for count in [40, 10] {
        for _ in 0..count {
            client.send(&json!({"event": "pusher:ping", "data": {}})).await;
            assert_eq!(client.frame().await["event"], "pusher:pong");
        }
        hub.advance(Duration::from_secs(1)).await;
    }
    for _ in 0..11 {
        client.send(&json!({"event": "pusher:ping", "data": {}})).await;
    }
    assert_eq!(client.closed().await, Some(4100));
}

/// Coming and going all the time would be told to everybody there.
#[tokio::test]
async fn one_that_comes_and_goes_is_sent_away() {
    let hub = Hub::start(&["limits.churn_per_second=2"]).await;
    let mut client = Client::open(&hub, "a").await;
    let user = json!({"user_id": "a"});
    for _ in 0..3 {
        for _ in 0..2 {
            subscribe(&mut client, "presence-c", Some(&user)).await;
            client.unsubscribe("presence-c").await;
        }
        hub.advance(Duration::from_secs(1)).await;
    }
    for channel in ["presence-d", "presence-e", "presence-f", "presence-c"] {
        subscribe(&mut client, channel, Some(&user)).await;
    }
    for _ in 0..2 {
        client.unsubscribe("presence-c").await;
        client.subscribe("presence-c", Some(&user)).await;
    }
    assert_eq!(client.closed().await, Some(4100));
}

/// Signing in is no way around the size of what is told of a member.
#[tokio::test]
async fn a_signed_in_user_is_as_small_as_a_member() {
    let hub = Hub::start(&["apps.0.pusher.user_bytes=100"]).await;
    let mut client = Client::open(&hub, "a").await;
    client.sign_in(&json!({"id": "a", "user_info": {"name": "x".repeat(200)}})).await;
    let frame = client.frame().await;
    let told = (&frame["event"], &frame["data"]["code"], &frame["data"]["message"]);
    let why = "The user_info is longer than the app allows (100 bytes)";
    assert_eq!(told, (&json!("pusher:error"), &Value::Null, &json!(why)));
    client.subscribe("presence-c", None).await;
    assert_eq!(client.frame().await["event"], "pusher:error");
    client.sign_in(&json!({"id": "a", "user_info": {"name": "Ann"}})).await;
    assert_eq!(client.frame().await["event"], "pusher:signin_success");
    subscribe(&mut client, "presence-c", None).await;
}

/// What is said of an id that is too long names the bound that it breaks.
#[tokio::test]
async fn long_ids_are_told_the_bound() {
    let hub = Hub::start(&["apps.0.pusher.user_bytes=4KiB"]).await;
    let mut client = Client::open(&hub, "a").await;
    let why = "Invalid user id: it is longer than 128 characters or 128 bytes of UTF-8";
    for id in ["x".repeat(129), "é".repeat(65)] {
        client.sign_in(&json!({"id": id})).await;
        assert_eq!(client.frame().await["data"], json!({"code": null, "message": why}));
        client.subscribe("presence-c", Some(&json!({"user_id": id}))).await;
        assert_eq!(client.frame().await["data"], json!({"code": null, "message": why}));
    }
    client.subscribe("presence-c", Some(&json!({"user_id": "é".repeat(64)}))).await;
    assert_eq!(client.frame().await["event"], "pusher_internal:subscription_succeeded");
}

async fn resume(client: &mut Client, channel: &str, user: Option<&Value>, id: &Value) -> Vec<Value> {
    client.subscribe_after(channel, user, Some(id)).await;
    let frame = client.frame().await;
    assert_eq!(frame["event"], "pusher_internal:subscription_succeeded", "{frame}");
    client.fence().await.into_iter().map(|frame| json!([frame["event"], frame["data"]])).collect()
}

/// A cache channel that is resumed gives each event once, and what the client cannot have had.
#[tokio::test]
async fn a_resumed_cache_channel_repeats_nothing() {
    let settings = ["apps.0.pusher.event_buffer=true", "presence.history=2", "apps.0.pusher.buffer_events=2"];
    let hub = Hub::start(&settings).await;
    let id = |answer: Value| answer["event_ids"]["private-cache-c"].clone();
    let first = id(trigger(&hub, "private-cache-c", "e", "1").await);
    let mut client = Client::open(&hub, "a").await;
    assert_eq!(resume(&mut client, "private-cache-c", None, &first).await, Vec::<Value>::new());
    let second = id(trigger(&hub, "private-cache-c", "e", "2").await);
    assert_eq!(client.frame().await["data"], "2");
    let mut other = Client::open(&hub, "b").await;
    assert_eq!(resume(&mut other, "private-cache-c", None, &first).await, [json!(["e", "2"])]);
    for n in 3..5 {
        client.send(&json!({"event": "client-e", "channel": "private-cache-c", "data": n.to_string()})).await;
    }
    client.settle().await;
    let mut late = Client::open(&hub, "c").await;
    let given = resume(&mut late, "private-cache-c", None, &second).await;
    assert_eq!(given, [json!(["client-e", "3"]), json!(["client-e", "4"])]);
    let mut unknown = Client::open(&hub, "d").await;
    let given = resume(&mut unknown, "private-cache-c", None, &first).await;
    assert_eq!(given, [json!(["e", "2"]), json!(["client-e", "3"]), json!(["client-e", "4"])]);
}

/// Who comes back is not told what it said itself.
#[tokio::test]
async fn a_member_that_resumes_does_not_hear_its_own_events() {
    let hub = Hub::start(&["apps.0.pusher.event_buffer=true"]).await;
    let (ann, bob) = (json!({"user_id": "ann"}), json!({"user_id": "bob"}));
    let id = trigger(&hub, "presence-c", "e", "1").await["event_ids"]["presence-c"].clone();
    let (mut one, mut two) = (Client::open(&hub, "one").await, Client::open(&hub, "two").await);
    subscribe(&mut one, "presence-c", Some(&ann)).await;
    subscribe(&mut two, "presence-c", Some(&bob)).await;
    one.send(&json!({"event": "client-e", "channel": "presence-c", "data": "of ann"})).await;
    one.settle().await;
    two.send(&json!({"event": "client-e", "channel": "presence-c", "data": "of bob"})).await;
    two.settle().await;
    one.close().await;
    trigger(&hub, "presence-c", "client-e", "of the app").await;
    let mut one = Client::open(&hub, "one").await;
    let given = resume(&mut one, "presence-c", Some(&ann), &id).await;
    assert_eq!(given, [json!(["client-e", "of bob"]), json!(["client-e", "of the app"])]);
}
