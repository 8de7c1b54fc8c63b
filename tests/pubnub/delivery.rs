//! What is told to whom, in which form, and what becomes of too much.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, get, hold};
use super::hub::Hub;
use super::presence::PRESENCE;

#[tokio::test]
async fn who_was_away_is_given_the_newest_hundred() {
    let hub = Hub::start(&[]).await;
    let mut ana = Client::open(&hub, "room", "").await;
    for number in 0..150 {
        get(&hub, &format!("/publish/pub/sub/0/room/0/{number}")).await;
    }
    // The last one has arrived when it is given to somebody.
    loop {
        let said: Vec<Value> = ana.next(&hub).await.iter().map(|entry| entry["d"].clone()).collect();
        if said.last() == Some(&json!(149)) {
            break;
        }
    }
    let mut late = Client::open(&hub, "room,other", "").await;
    late.cursor = "1".to_owned();
    let said: Vec<Value> = late.next(&hub).await.iter().map(|entry| entry["d"].clone()).collect();
    assert_eq!(said, (50..150).map(|number| json!(number)).collect::<Vec<_>>());
    hub.stop().await;
}

#[tokio::test]
async fn data_is_as_each_library_needs_it() {
    let hub = Hub::start(&[]).await;
    let mut clients = Vec::new();
    for (sdk, has_data) in [
        ("PubNub-Rust%2F0.3.0", true),
        ("PubNub-Rust%2F0.4.0", true),
        ("PubNub-Rust%2F0.9.0", false),
        ("PubNub-Python%2F7.0.0", false),
    ] {
        clients.push((Client::open(&hub, "room-pnpres", &format!("pnsdk={sdk}")).await, has_data));
    }
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ana")).await;
    for (client, has_data) in &mut clients {
        let told = client.next(&hub).await;
        assert_eq!(told[0]["d"]["action"], "join");
        assert_eq!(told[0]["d"].get("data").is_some(), *has_data);
        assert!(told[0].get("b").is_none(), "a lone name is not repeated");
    }
    let state = "state=%7B%22room%22%3A%7B%22x%22%3A1%7D%7D";
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ana&{state}")).await;
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ben&{state}")).await;
    for (place, (client, _)) in clients.iter_mut().enumerate() {
        let told = client.next(&hub).await;
        assert_eq!(told.len(), 1, "a state that comes with a heartbeat is no change of state");
        let data = told[0]["d"].get("data").cloned();
        assert_eq!(data, if place == 2 { None } else { Some(json!({"x": 1})) });
    }
    let who = get(&hub, &format!("{PRESENCE}/channel/room?state=1")).await.body["uuids"].clone();
    assert_eq!(who[0], json!({"uuid": "ana", "state": {"x": 1}}));
    hub.stop().await;
}

#[tokio::test]
async fn filters_choose_by_meta() {
    let hub = Hub::start(&[]).await;
    let mut ana = Client::open(&hub, "room,room-pnpres", "filter-expr=lang%20%3D%3D%20%27en%27").await;
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ben")).await;
    for (number, meta) in [(1, "{\"lang\":\"de\"}"), (2, "{\"lang\":\"en\"}"), (3, "{}")] {
        get(&hub, &format!("/publish/pub/sub/0/room/0/{number}?meta={meta}")).await;
    }
    let told = ana.next(&hub).await;
    assert_eq!((told.len(), &told[0]["d"]), (1, &json!(2)));
    let bad = get(&hub, "/v2/subscribe/sub/room/0?tt=0&filter-expr=(").await;
    assert_eq!((bad.status, &bad.body["error"]), (481, &json!(true)));
    hub.stop().await;
}

#[tokio::test]
async fn too_many_requests_are_told_to_wait_or_made_to() {
    let hub = Hub::start(&["pubnub.polls=1"]).await;
    let ana = Client::open(&hub, "room", "uuid=ana").await;
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    let shed = get(&hub, "/v2/subscribe/sub/room/0?tt=0").await;
    assert_eq!((shed.status, &shed.body["error"]), (429, &json!(true)));
    let slow = hold(&hub, "/v2/subscribe/sub/room/0?tt=17&pnsdk=PubNub-Rust%2F0.3.0");
    while !slow.is_finished() {
        hub.advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    let slow = slow.await.unwrap();
    assert_eq!((slow.status, &slow.body["t"]["t"], &slow.body["m"]), (200, &json!("17"), &json!([])));
    held.abort();
    hub.stop().await;
}

#[tokio::test]
async fn what_was_said_is_in_the_history() {
    let hub = Hub::start(&[]).await;
    let mut at = Vec::new();
    for number in 1..=3 {
        let sent = get(&hub, &format!("/publish/pub/sub/0/room/0/{number}?uuid=ben")).await;
        at.push(sent.body[2].as_str().unwrap().to_owned());
    }
    get(&hub, "/publish/pub/sub/0/room/0/4?store=0").await;
    let old = get(&hub, "/v2/history/sub-key/sub/channel/room?count=2").await.body;
    assert_eq!(old.to_string(), format!("[[2,3],{},{}]", at[1], at[2]));
    let new = get(&hub, "/v3/history/sub-key/sub/channel/room?max=1&include_uuid=true").await.body;
    assert_eq!(new["channels"]["room"], json!([{"message": 3, "timetoken": at[2], "uuid": "ben"}]));
    let target = format!("/v3/history/sub-key/sub/message-counts/room?timetoken={}", at[0]);
    assert_eq!(get(&hub, &target).await.body["channels"], json!({"room": 2}));
    let empty = get(&hub, "/v2/history/sub-key/sub/channel/nowhere").await.body;
    assert_eq!(empty.to_string(), "[[],0,0]");
    hub.stop().await;
}
