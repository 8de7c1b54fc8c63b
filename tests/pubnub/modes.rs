//! Channels with many occupants, and who is only briefly away.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, get, hold};
use super::hub::Hub;
use super::presence::{PRESENCE, event, events, until};

async fn come(hub: &Hub, uuid: &str) {
    get(hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid={uuid}")).await;
}

async fn go(hub: &Hub, uuid: &str) {
    get(hub, &format!("{PRESENCE}/channel/room/leave?uuid={uuid}")).await;
}

#[tokio::test]
async fn many_are_told_in_intervals_with_what_changed() {
    let hub = Hub::start(&["pubnub.announce_max=3", "pubnub.interval=2s", "pubnub.deltas=true"]).await;
    let mut watcher = Client::open(&hub, "room-pnpres", "").await;
    for uuid in ["a", "b", "c", "d", "e", "f"] {
        come(&hub, uuid).await;
    }
    go(&hub, "f").await;
    go(&hub, "a").await;
    let told = until(&hub, &mut watcher, 3).await;
    assert_eq!(events(&told), [event("join", "a", 1), event("join", "b", 2), event("join", "c", 3)]);
    hub.advance(Duration::from_secs(2)).await;
    let told = until(&hub, &mut watcher, 1).await;
    let interval = &told[0]["d"];
    assert_eq!((&interval["action"], &interval["occupancy"]), (&json!("interval"), &json!(4)));
    assert_eq!((&interval["join"], &interval["leave"]), (&json!(["d", "e"]), &json!(["a"])));
    assert!(interval.get("uuid").is_none() && told[0]["u"]["pn_join"] == json!(["d", "e"]));
    go(&hub, "b").await;
    let told = until(&hub, &mut watcher, 1).await;
    assert_eq!(events(&told), [event("leave", "b", 3)], "few are told one by one again");
    hub.stop().await;
}

#[tokio::test]
async fn too_many_names_ask_for_a_look() {
    let set = ["pubnub.announce_max=1", "pubnub.interval=1s", "pubnub.deltas=true", "pubnub.delta_bytes=10"];
    let hub = Hub::start(&set).await;
    let mut watcher = Client::open(&hub, "room-pnpres", "").await;
    for uuid in ["ana", "ben-with-a-long-name", "cleo"] {
        come(&hub, uuid).await;
    }
    until(&hub, &mut watcher, 1).await;
    hub.advance(Duration::from_secs(1)).await;
    let told = until(&hub, &mut watcher, 1).await;
    assert_eq!((&told[0]["d"]["here_now_refresh"], &told[0]["d"]["join"]), (&json!(true), &Value::Null));
    hub.stop().await;
}

#[tokio::test]
async fn a_quick_return_is_told_to_nobody_where_leaves_are_held_back() {
    let hub = Hub::start(&["pubnub.debounce=2s"]).await;
    let mut watcher = Client::open(&hub, "room-pnpres", "").await;
    come(&hub, "ana").await;
    go(&hub, "ana").await;
    come(&hub, "ana").await;
    come(&hub, "ben").await;
    let told = until(&hub, &mut watcher, 2).await;
    assert_eq!(events(&told), [event("join", "ana", 1), event("join", "ben", 2)]);
    go(&hub, "ana").await;
    // The leave has arrived where it is held back once what was said after it has.
    let mut listener = Client::open(&hub, "room", "").await;
    get(&hub, "/publish/pub/sub/0/room/0/1").await;
    listener.next(&hub).await;
    hub.advance(Duration::from_secs(2)).await;
    assert_eq!(events(&until(&hub, &mut watcher, 1).await), [event("leave", "ana", 1)]);
    hub.stop().await;
}

#[tokio::test]
async fn a_leave_that_was_held_back_is_told_to_whoever_came_meanwhile() {
    let hub = Hub::start(&["pubnub.debounce=4s"]).await;
    let mut early = Client::open(&hub, "room-pnpres", "").await;
    come(&hub, "ana").await;
    come(&hub, "ben").await;
    until(&hub, &mut early, 2).await;
    go(&hub, "ben").await;
    hub.advance(Duration::from_secs(1)).await;
    come(&hub, "cleo").await;
    let told = events(&until(&hub, &mut early, 1).await);
    assert_eq!(told, [event("join", "cleo", 3)], "with ben, who would come back silently");
    let mut late = Client::open(&hub, "room-pnpres", "").await;
    hub.advance(Duration::from_secs(4)).await;
    for watcher in [&mut early, &mut late] {
        let told = until(&hub, watcher, 1).await;
        assert_eq!(events(&told), [event("leave", "ben", 2)], "with as many as are there then");
    }
    hub.stop().await;
}

#[tokio::test]
async fn an_interval_moves_no_message_from_its_place() {
    let hub = Hub::start(&["pubnub.announce_max=1", "pubnub.interval=2s"]).await;
    let mut watcher = Client::open(&hub, "room,room-pnpres", "").await;
    come(&hub, "ana").await;
    come(&hub, "ben").await;
    until(&hub, &mut watcher, 1).await;
    hub.advance(Duration::from_secs(2)).await;
    assert_eq!(until(&hub, &mut watcher, 1).await[0]["d"]["action"], "interval");
    let sent = get(&hub, "/publish/pub/sub/0/room/0/1").await.body;
    let told = until(&hub, &mut watcher, 1).await;
    assert_eq!((&told[0]["d"], &told[0]["p"]["t"]), (&json!(1), &sent[2]));
    hub.stop().await;
}

#[tokio::test]
async fn whoever_is_back_quickly_in_another_state_has_changed_it() {
    let hub = Hub::start(&["pubnub.debounce=4s"]).await;
    let mut watcher = Client::open(&hub, "room-pnpres", "").await;
    come(&hub, "ana").await;
    go(&hub, "ana").await;
    let state = "state=%7B%22room%22%3A%7B%22x%22%3A1%7D%7D";
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ana&{state}")).await;
    let told = until(&hub, &mut watcher, 2).await;
    assert_eq!(events(&told), [event("join", "ana", 1), event("state-change", "ana", 1)]);
    assert_eq!(told[1]["d"]["data"], json!({"x": 1}));
    hub.stop().await;
}

#[tokio::test]
async fn an_app_without_presence_has_messages_only() {
    let hub = Hub::start(&["pubnub.presence=false"]).await;
    let mut ana = Client::open(&hub, "room,room-pnpres", "uuid=ana&heartbeat=20").await;
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    let told = hub.admin("/admin/apps/1/parties/ana").await;
    assert_eq!(told["memberships"], json!([]), "{told}");
    assert_eq!(get(&hub, "/v2/presence/sub-key/sub/channel/room/heartbeat?uuid=ben").await.status, 403);
    assert_eq!(get(&hub, "/v2/subscribe/sub/room-pnpres/0?tt=0&uuid=ben").await.status, 403);
    get(&hub, "/publish/pub/sub/0/room/0/1").await;
    let told = ana.take(&held.await.unwrap());
    assert_eq!((told.len(), &told[0]["d"]), (1, &json!(1)));
    hub.stop().await;
}
