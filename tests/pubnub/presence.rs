//! Who comes, who goes, and who is there.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, get, hold};
use super::hub::Hub;

pub(crate) const PRESENCE: &str = "/v2/presence/sub-key/sub";

pub(crate) async fn here(hub: &Hub, channel: &str) -> Value {
    get(hub, &format!("{PRESENCE}/channel/{channel}")).await.body["uuids"].clone()
}

/// So many things that a client is told.
pub(crate) async fn until(hub: &Hub, client: &mut Client, count: usize) -> Vec<Value> {
    let mut told = Vec::new();
    while told.len() < count {
        told.extend(client.next(hub).await);
    }
    told
}

pub(crate) fn events(entries: &[Value]) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let event = |entry: &Value| {
        let data = &entry["d"];
        (text(&data["action"]), text(&data["uuid"]), data["occupancy"].as_u64().unwrap())
    };
    entries.iter().map(event).collect()
}

pub(crate) fn event(action: &str, uuid: &str, occupancy: u64) -> (String, String, u64) {
    (action.to_owned(), uuid.to_owned(), occupancy)
}

#[tokio::test]
async fn users_see_their_own_join_after_the_handshake_and_others_after_it() {
    let hub = Hub::start(&[]).await;
    // Some libraries send a heartbeat before they subscribe.
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?heartbeat=20&uuid=ana")).await;
    let mut ana = Client::open(&hub, "room,room-pnpres", "uuid=ana&heartbeat=20").await;
    let told = ana.next(&hub).await;
    assert_eq!(events(&told), [event("join", "ana", 1)]);
    assert_eq!((&told[0]["c"], &told[0]["b"]), (&json!("room-pnpres"), &json!("room-pnpres")));
    let ben = Client::open(&hub, "room", "uuid=ben").await;
    assert_eq!(events(&ana.next(&hub).await), [event("join", "ben", 2)]);
    assert_eq!(here(&hub, "room").await, json!(["ana", "ben"]));
    get(&hub, &format!("{PRESENCE}/channel/room/leave?uuid=ben")).await;
    assert_eq!(events(&ana.next(&hub).await), [event("leave", "ben", 1)]);
    drop(ben);
    hub.stop().await;
}

#[tokio::test]
async fn a_heartbeat_at_the_same_time_hides_no_join_and_a_later_handshake_repeats_none() {
    let hub = Hub::start(&[]).await;
    let rooms: Vec<String> = (0..20).map(|number| format!("r{number}")).collect();
    let streams: Vec<String> = rooms.iter().map(|room| format!("{room},{room}-pnpres")).collect();
    let beat = hold(&hub, &format!("{PRESENCE}/channel/{}/heartbeat?uuid=ana", rooms.join(",")));
    let mut ana = Client::open(&hub, &streams.join(","), "uuid=ana").await;
    assert_eq!(beat.await.unwrap().status, 200);
    let told = until(&hub, &mut ana, 20).await;
    assert_eq!(told.len(), 20);
    assert!(told.iter().all(|entry| entry["d"]["uuid"] == "ana"));
    let mut more = Client::open(&hub, &format!("{},new,new-pnpres", streams.join(",")), "uuid=ana").await;
    let told = more.next(&hub).await;
    assert_eq!((told.len(), &told[0]["c"]), (1, &json!("new-pnpres")));
    hub.stop().await;
}

#[tokio::test]
async fn the_shape_of_an_answer_follows_the_request() {
    let hub = Hub::start(&[]).await;
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ana")).await;
    let body = async |target: &str| get(&hub, &format!("{PRESENCE}{target}")).await.body;
    for (channel, uuids) in [("room", json!(["ana"])), ("empty", json!([])), ("room-pnpres", json!([]))] {
        assert_eq!(body(&format!("/channel/{channel}")).await["uuids"], uuids, "{channel}");
    }
    let counted = body("/channel/room?disable_uuids=1").await;
    assert_eq!(counted, json!({"status": 200, "message": "OK", "service": "Presence", "occupancy": 1}));
    let channels = json!({"room": {"uuids": ["ana"], "occupancy": 1}});
    for target in ["/channel/room,empty", "/channel/room%2Croom", "", "/channel/room?channel-group=nobody"] {
        let found = body(target).await;
        assert_eq!(found["payload"]["channels"], channels, "{target}");
        assert_eq!(found["payload"]["total_occupancy"], 1, "{target}");
    }
    let rust = body("/channel/empty?channel-group=nobody&pnsdk=PubNub-Rust%2F0.3.0").await;
    assert_eq!(rust["payload"]["channels"], json!({"empty": {"uuids": [], "occupancy": 0}}));
    assert_eq!(body("/uuid/ana").await["payload"], json!({"channels": ["room"]}));
    assert_eq!(body("/uuid/nobody").await["payload"], json!({"channels": []}));
    hub.stop().await;
}

#[tokio::test]
async fn silence_is_a_timeout_and_an_open_request_is_no_sign_of_life() {
    let hub = Hub::start(&[]).await;
    let mut watcher = Client::open(&hub, "room-pnpres", "uuid=eve").await;
    assert_eq!(here(&hub, "room").await, json!([]), "who watches presence only is not there");
    let ana = Client::open(&hub, "room", "uuid=ana&heartbeat=5").await;
    assert_eq!(events(&watcher.next(&hub).await), [event("join", "ana", 1)]);
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    for _ in 0..2 {
        hub.advance(Duration::from_secs(4)).await;
        get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?heartbeat=5&uuid=ana")).await;
    }
    hub.advance(Duration::from_secs(4)).await;
    assert_eq!(here(&hub, "room").await, json!(["ana"]));
    hub.advance(Duration::from_secs(2)).await;
    let told = watcher.next(&hub).await;
    assert_eq!(events(&told), [event("timeout", "ana", 0)]);
    assert_eq!(told[0]["d"]["data"], json!({}));
    held.abort();
    hub.stop().await;
}

#[tokio::test]
async fn a_request_is_held_and_answered_with_what_it_waits_for() {
    let hub = Hub::start(&["pubnub.hold=5s"]).await;
    let mut ana = Client::open(&hub, "room", "uuid=ana").await;
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    let sent = get(
        &hub,
        "/publish/pub/sub/0/room/0/%7B%22x%22%3A1%7D?meta=%7B%22l%22%3A%22en%22%7D&seqn=3&uuid=ben",
    )
    .await;
    let told = ana.take(&held.await.unwrap());
    assert_eq!(sent.body[2], told[0]["p"]["t"]);
    let entry = json!({"a": "1", "f": 0, "i": "ben", "s": 3, "p": told[0]["p"], "k": "sub", "c": "room", "u": {"l": "en"}, "d": {"x": 1}});
    assert_eq!(told, [entry]);
    let before = ana.cursor.clone();
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    hub.advance(Duration::from_secs(5)).await;
    assert_eq!(ana.take(&held.await.unwrap()), Vec::<Value>::new());
    assert_eq!(ana.cursor, before);
    hub.stop().await;
}

#[tokio::test]
async fn state_is_set_read_and_told() {
    let hub = Hub::start(&[]).await;
    let mut ana = Client::open(&hub, "room,room-pnpres", "uuid=ana").await;
    ana.next(&hub).await;
    let set = format!("{PRESENCE}/channel/room/uuid/ana/data?state=%7B%22mood%22%3A%22ok%22%7D&uuid=ben");
    assert_eq!(get(&hub, &set).await.body["payload"], json!({"mood": "ok"}));
    let told = ana.next(&hub).await;
    assert_eq!(events(&told), [event("state-change", "ana", 1)]);
    assert_eq!(told[0]["d"]["data"], json!({"mood": "ok"}));
    let state = get(&hub, &format!("{PRESENCE}/channel/room/uuid/ana")).await.body;
    assert_eq!((&state["payload"], &state["channel"]), (&json!({"mood": "ok"}), &json!("room")));
    let rust = format!("{PRESENCE}/channel/room/uuid/ana?pnsdk=PubNub-Rust%2F0.9.0");
    assert_eq!(get(&hub, &rust).await.body["payload"], json!({"channels": {"room": {"mood": "ok"}}}));
    get(&hub, &format!("{PRESENCE}/channel/room/leave?uuid=ana")).await;
    assert_eq!(get(&hub, &format!("{PRESENCE}/channel/room/uuid/ana")).await.body["payload"], json!({}));
    assert_eq!(events(&ana.next(&hub).await)[0], event("leave", "ana", 0));
    let absent = format!("{PRESENCE}/channel/room/uuid/cleo/data?state=%7B%22a%22%3A1%7D");
    assert_eq!(get(&hub, &absent).await.status, 200);
    assert_eq!(here(&hub, "room").await, json!(["ana"]), "the poll of ana brought her back");
    hub.stop().await;
}

#[tokio::test]
async fn a_state_that_is_set_is_told_even_if_a_heartbeat_brought_it_before() {
    let hub = Hub::start(&[]).await;
    let mut watcher = Client::open(&hub, "room-pnpres", "").await;
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ana")).await;
    let said = |x: u8| format!("%7B%22x%22%3A{x}%7D");
    for x in 1..=5 {
        let quiet =
            format!("{PRESENCE}/channel/room/heartbeat?uuid=ana&state=%7B%22room%22%3A{}%7D", said(x));
        let loud = format!("{PRESENCE}/channel/room/uuid/ana/data?uuid=ana&state={}", said(x));
        if x % 2 == 0 {
            let quiet = hold(&hub, &quiet);
            get(&hub, &loud).await;
            quiet.await.unwrap();
        } else {
            get(&hub, &quiet).await;
            get(&hub, &loud).await;
        }
    }
    let told = until(&hub, &mut watcher, 6).await;
    assert_eq!(events(&told[..1]), [event("join", "ana", 1)]);
    let states: Vec<&Value> = told[1..].iter().map(|entry| &entry["d"]["data"]["x"]).collect();
    assert_eq!(states, [1, 2, 3, 4, 5], "each once");
    hub.stop().await;
}
