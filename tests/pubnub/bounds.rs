//! What one client cannot take from the others: room, memory, and the turns of the hub.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, Client, get, hold};
use super::hub::Hub;
use super::presence::{PRESENCE, event, events, until};

const RUST: &str = "pnsdk=PubNub-Rust%2F0.3.0";

#[tokio::test]
async fn names_that_nobody_waits_for_take_no_room_from_others() {
    let hub = Hub::start(&["pubnub.occupants=20"]).await;
    let mut ana = Client::open(&hub, "room,room-pnpres", "uuid=ana").await;
    assert_eq!(events(&ana.next(&hub).await), [event("join", "ana", 1)]);
    let held = hold(&hub, &ana.target());
    hub.holds(1).await;
    for round in 0..10 {
        let names: Vec<String> = (0..15).map(|name| format!("fresh.{round}.{name}")).collect();
        let names = names.join(",");
        assert_eq!(get(&hub, &format!("/v2/subscribe/sub/{names}/0?tt=0")).await.status, 200);
        let patterns = format!("fresh.{round}.*,fresh{round}.*");
        assert_eq!(get(&hub, &format!("/v2/subscribe/sub/{patterns}/0?tt=0")).await.status, 200);
    }
    assert_eq!(get(&hub, &format!("{PRESENCE}/channel/other/heartbeat?uuid=ben")).await.status, 200);
    assert_eq!(get(&hub, "/publish/pub/sub/0/third/0/1").await.status, 200);
    assert_eq!(get(&hub, "/publish/pub/sub/0/room/0/2").await.status, 200);
    assert_eq!(ana.take(&held.await.unwrap())[0]["d"], json!(2), "what somebody waits for stays");
    hub.stop().await;
}

#[tokio::test]
async fn only_users_of_this_dialect_take_its_places() {
    let hub = Hub::start(&["pubnub.occupants=1"]).await;
    let mut others = Vec::new();
    for name in ["one", "two", "three"] {
        let token = hub.token(&json!({"sub": name}));
        let url = format!("ws://{}/ws?token={token}", hub.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        futures::StreamExt::next(&mut socket).await.unwrap().unwrap();
        others.push(socket);
    }
    let enter = |room: &str| format!("{PRESENCE}/channel/{room}/heartbeat?uuid=ana");
    assert_eq!(get(&hub, &enter("room")).await.status, 200);
    assert_eq!(get(&hub, &enter("room")).await.status, 200);
    assert_eq!(get(&hub, &enter("other")).await.status, 429);
    drop(others);
}

#[tokio::test]
async fn states_of_absent_users_have_a_bound() {
    let hub = Hub::start(&["pubnub.absent_states=3"]).await;
    let set = |names: &str, uuid: &str| {
        format!("{PRESENCE}/channel/{names}/uuid/{uuid}/data?state=%7B%22a%22%3A1%7D")
    };
    assert_eq!(get(&hub, &set("one,two", "ana")).await.status, 200);
    let full = get(&hub, &set("one,two", "ben")).await;
    assert_eq!((full.status, &full.body["error"]), (429, &json!(true)));
    let kept = get(&hub, &format!("{PRESENCE}/channel/one,two/uuid/ben")).await.body;
    assert_eq!(kept["payload"]["channels"], json!({}), "what is refused is refused as a whole");
    assert_eq!(get(&hub, &set("one,two", "ana")).await.status, 200, "these have their places");
    assert_eq!(get(&hub, &set("one", "ben")).await.status, 200);
    assert_eq!(get(&hub, &set("two", "ben")).await.status, 429);
    let state = "state=%7B%22two%22%3A%7B%22b%22%3A2%7D%7D";
    let enter = format!("{PRESENCE}/channel/two/heartbeat?uuid=ana&{state}");
    assert_eq!(get(&hub, &enter).await.status, 200, "who is present takes none");
    assert_eq!(get(&hub, &set("two", "ben")).await.status, 200);
    assert_eq!(get(&hub, &set("two", "cleo")).await.status, 429);
    hub.advance(Duration::from_secs(301)).await;
    assert_eq!(get(&hub, &set("two", "cleo")).await.status, 200);
    hub.stop().await;
}

#[tokio::test]
async fn very_many_channels_are_told_of_in_slices_and_whereabouts_to_a_bound() {
    let hub = Hub::start(&["pubnub.channels_per_request=2000"]).await;
    for half in [0..700, 700..1300] {
        let names: Vec<String> = half.map(|number| format!("{number:04}")).collect();
        let enter = format!("{PRESENCE}/channel/{}/heartbeat?uuid=ana", names.join(","));
        assert_eq!(get(&hub, &enter).await.status, 200);
    }
    hub.guard("0001").await;
    let places = get(&hub, &format!("{PRESENCE}/uuid/ana")).await.body;
    let places = places["payload"]["channels"].as_array().unwrap();
    let expected = (0..1300).filter(|number| *number != 1).map(|number| json!(format!("{number:04}")));
    assert_eq!(*places, expected.take(1000).collect::<Vec<_>>());
    let all = get(&hub, &format!("{PRESENCE}?disable_uuids=1")).await.body;
    assert_eq!(all["payload"]["total_channels"], json!(1299));
    assert_eq!(all["payload"]["channels"].as_object().unwrap().len(), 1299);
    hub.stop().await;
}

/// Whoever would not wait is made to, whatever it is that has no room.
#[tokio::test]
async fn rust_is_never_told_to_come_back_later() {
    let hub = Hub::start(&["pubnub.occupants=1"]).await;
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ana")).await;
    let full = "/v2/subscribe/sub/other/0?tt=17&uuid=ben";
    assert_eq!(get(&hub, full).await.status, 429);
    let slow = hold(&hub, &format!("{full}&{RUST}"));
    let begun = hub.clock.now().mono;
    while !slow.is_finished() {
        hub.advance(Duration::from_millis(500)).await;
        tokio::task::yield_now().await;
    }
    assert!(hub.clock.now().mono >= begun + Duration::from_secs(5), "it was held");
    let Answer { status, body } = slow.await.unwrap();
    assert_eq!((status, &body["t"]["t"], &body["m"]), (200, &json!("17"), &json!([])));
    hub.stop().await;
}

#[tokio::test]
async fn the_oldest_are_forgotten_where_there_is_too_much() {
    let hub = Hub::start(&["pubnub.queue_bytes=64KiB"]).await;
    let mut ana = Client::open(&hub, "room,big.*", "").await;
    let text = format!("%22{}%22", "x".repeat(2000));
    for number in 0..40 {
        assert_eq!(get(&hub, &format!("/publish/pub/sub/0/big.{number}/0/{text}")).await.status, 200);
    }
    get(&hub, "/publish/pub/sub/0/room/0/1").await;
    let told = until(&hub, &mut ana, 1).await;
    assert!((2..10).contains(&told.len()), "{} fit in", told.len());
    let newest: Vec<&Value> = told.iter().rev().take(2).map(|entry| &entry["c"]).collect();
    assert_eq!(newest, [&json!("room"), &json!("big.39")]);
    hub.stop().await;
}

#[tokio::test]
async fn a_pattern_is_told_the_newest_of_all_that_it_matches() {
    let hub = Hub::start(&["pubnub.queue=5"]).await;
    let early = Client::open(&hub, "a.*", "").await;
    for number in 0..12 {
        get(&hub, &format!("/publish/pub/sub/0/a.{}/0/{number}", number % 7)).await;
    }
    let mut early = early;
    let told: Vec<Value> = until(&hub, &mut early, 5).await.iter().map(|entry| entry["d"].clone()).collect();
    assert_eq!(told, [7, 8, 9, 10, 11].map(|number| json!(number)));
    hub.stop().await;
}

#[tokio::test]
async fn a_request_names_as_many_groups_as_it_may_each_with_its_presence() {
    let hub = Hub::start(&["pubnub.groups_per_client=3"]).await;
    get(&hub, "/v1/channel-registration/sub-key/sub/channel-group/g1?add=room").await;
    let ask = |groups: &str| format!("/v2/subscribe/sub/,/0?tt=0&uuid=ana&channel-group={groups}");
    assert_eq!(get(&hub, &ask("g1,g1-pnpres,g2,g2-pnpres,g3,g3-pnpres")).await.status, 200);
    let refused = get(&hub, &ask("g1,g2,g3,g4")).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    hub.stop().await;
}
