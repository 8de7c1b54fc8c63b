//! What clients and backends say in one breath: many frames in one write, many channels in one query.

use serde_json::{Value, json};

use super::backend::{self, Request, trigger};
use super::client::{Client, unsubscription};
use super::hub::Hub;

const SUBSCRIBED: &str = "pusher_internal:subscription_succeeded";

async fn members(hub: &Hub, channel: &str) -> Value {
    let path = format!("/apps/1/channels/{channel}/users");
    Request::new("GET", &path, "").send(hub).await.json()["users"].take()
}

fn names(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["event"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn who_subscribes_ends_and_subscribes_in_one_write_is_subscribed() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    let subscription = client.subscription("c", None, None);
    client.send_at_once(&[subscription.clone(), unsubscription("c"), subscription]).await;
    assert_eq!(names(&client.fence().await), [SUBSCRIBED; 2]);
    trigger(&hub, "c", "e", "1").await;
    let came = client.fence().await;
    assert_eq!((names(&came), &came[0]["data"]), (vec!["e"], &json!("1")));
}

#[tokio::test]
async fn who_does_so_as_another_member_is_that_member() {
    let hub = Hub::start(&[]).await;
    let mut watcher = Client::open(&hub, "w").await;
    watcher.subscribe("presence-c", Some(&json!({"user_id": "w"}))).await;
    watcher.fence().await;
    let mut client = Client::open(&hub, "a").await;
    let of = |id: &str| client.subscription("presence-c", Some(&json!({"user_id": id})), None);
    let end = unsubscription("presence-c");
    let frames = [of("1"), end.clone(), of("1"), end, of("2")];
    client.send_at_once(&frames).await;
    assert_eq!(names(&client.fence().await), [SUBSCRIBED; 3]);
    let users = Request::new("GET", "/apps/1/channels/presence-c/users", "").send(&hub).await.json();
    assert_eq!(users, json!({"users": [{"id": "2"}, {"id": "w"}]}));
    let there = watcher.fence().await.iter().fold(Vec::new(), |mut there: Vec<String>, frame| {
        let data: Value = serde_json::from_str(frame["data"].as_str().unwrap()).unwrap();
        let id = data["user_id"].as_str().unwrap().to_owned();
        match frame["event"].as_str().unwrap() {
            "pusher_internal:member_added" => there.push(id),
            _ => there.retain(|one| *one != id),
        }
        there
    });
    assert_eq!(there, ["2"]);
}

/// Whoever is removed while it goes and comes back is in the channel if that is the last that it heard, and not if it heard otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_removed_as_it_comes_back_knows_whether_it_is_there() {
    let hub = Hub::start(&["limits.churn_per_second=1000"]).await;
    let boss = json!({"sub": "boss", "role": "admin"});
    for round in 0..60 {
        let channel = format!("presence-{round}");
        let mut client = Client::open(&hub, "a").await;
        let back = client.subscription(&channel, Some(&json!({"user_id": "1"})), None);
        client.send(&back).await;
        client.fence().await;
        let frames = [unsubscription(&channel), back].into_iter().cycle().take(16).collect::<Vec<_>>();
        let path = format!("/api/spaces/{channel}/attendees/userId/1");
        let (removed, ()) = tokio::join!(
            backend::as_native(&hub, "DELETE", &path, &boss, Vec::new()),
            client.send_at_once(&frames)
        );
        assert!([200, 404].contains(&removed.status), "{}", removed.text);
        let heard = client.fence().await;
        let is_last = |frame: &&Value| {
            frame["event"] == SUBSCRIBED || frame["data"].to_string().contains("was removed from channel")
        };
        let is_there = heard.iter().rfind(is_last).is_some_and(|last| last["event"] == SUBSCRIBED);
        let there = if is_there { json!([{"id": "1"}]) } else { json!([]) };
        assert_eq!(members(&hub, &channel).await, there, "round {round}: {heard:#?}");
        client.unsubscribe(&channel).await;
        client.fence().await;
        trigger(&hub, &channel, "e", "1").await;
        let late = client.fence().await;
        assert_eq!((members(&hub, &channel).await, late), (json!([]), vec![]), "round {round}: {heard:#?}");
    }
}

#[tokio::test]
async fn a_query_may_name_several_channels() {
    let hub = Hub::start(&[]).await;
    let mut client = Client::open(&hub, "a").await;
    for channel in ["c", "d", "e"] {
        client.subscribe(channel, None).await;
    }
    client.fence().await;
    let request = Request::new("POST", "/apps/1/events", "")
        .with("name", "ev")
        .with("data", "as query")
        .with("channels[]", "c")
        .with("channels[]", "d");
    let answer = request.send(&hub).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
    let came = client.fence().await;
    let told: Vec<_> = came.iter().map(|frame| (frame["channel"].as_str(), frame["data"].as_str())).collect();
    assert_eq!(told, [(Some("c"), Some("as query")), (Some("d"), Some("as query"))]);
}
