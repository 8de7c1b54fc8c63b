//! What is not for everybody: spaces with a password and channels that the app guards, by whatever name they are asked for.

use std::time::Duration;

use serde_json::json;

use super::client::{Client, get, hold};
use super::hub::Hub;
use super::presence::{PRESENCE, event, events, here};

const GROUPS: &str = "/v1/channel-registration/sub-key/sub/channel-group";

#[tokio::test]
async fn a_pattern_tells_nothing_of_what_would_not_let_its_client_in() {
    let hub = Hub::start(&[]).await;
    let mut spy = Client::open(&hub, "team.*,team.*-pnpres", "").await;
    let boss = hub.token(&json!({"sub": "boss", "role": "admin"}));
    hub.guard("team.secret").await;
    assert_eq!(get(&hub, "/v2/subscribe/sub/team.secret/0?tt=0&uuid=spy").await.status, 403);
    let auth = format!("uuid=boss&auth={boss}");
    assert_eq!(get(&hub, &format!("{PRESENCE}/channel/team.secret/heartbeat?{auth}")).await.status, 200);
    assert_eq!(get(&hub, &format!("/publish/pub/sub/0/team.secret/0/1?{auth}")).await.status, 200);
    get(&hub, "/publish/pub/sub/0/team.open/0/2?uuid=ana").await;
    let told = spy.next(&hub).await;
    assert_eq!((told.len(), &told[0]["c"], &told[0]["d"]), (1, &json!("team.open"), &json!(2)));
    // What is passed over neither answers a held request nor is looked at again.
    let held = hold(&hub, &spy.target());
    hub.holds(1).await;
    get(&hub, &format!("/publish/pub/sub/0/team.secret/0/3?{auth}")).await;
    get(&hub, "/publish/pub/sub/0/team.open/0/4?uuid=ana").await;
    let told = spy.take(&held.await.unwrap());
    assert_eq!((told.len(), &told[0]["d"]), (1, &json!(4)));
    hub.stop().await;
}

#[tokio::test]
async fn where_somebody_is_tells_nothing_of_guarded_channels() {
    let hub = Hub::start(&[]).await;
    let auth = hub
        .token(&json!({"sub": "ana", "role": "admin", "capabilities": {"presence-x": ["*"], "room": ["*"]}}));
    let enter = format!("{PRESENCE}/channel/room,presence-x/heartbeat?uuid=ana&auth={auth}");
    assert_eq!(get(&hub, &enter).await.status, 200);
    let whereabouts = |by: &str| format!("{PRESENCE}/uuid/ana{by}");
    assert_eq!(get(&hub, &whereabouts("")).await.body["payload"]["channels"], json!(["room"]));
    let own = get(&hub, &whereabouts(&format!("?uuid=ana&auth={auth}"))).await;
    assert_eq!(own.body["payload"]["channels"], json!(["presence-x", "room"]));
    hub.stop().await;
}

#[tokio::test]
async fn one_guarded_channel_does_not_shut_a_group() {
    let hub = Hub::start(&[]).await;
    get(&hub, &format!("{GROUPS}/g?add=room,private-x,closed")).await;
    get(&hub, &format!("{GROUPS}/h?add=private-x")).await;
    hub.guard("closed").await;
    let mut ana = Client::open(&hub, ",", "channel-group=g,g-pnpres&uuid=ana").await;
    assert_eq!(events(&ana.next(&hub).await), [event("join", "ana", 1)]);
    assert_eq!(here(&hub, "room").await, json!(["ana"]));
    let shut = get(&hub, "/v2/subscribe/sub/,/0?tt=0&uuid=ana&channel-group=h").await;
    assert_eq!((shut.status, &shut.body["payload"]), (403, &json!({"channels": ["private-x"]})));
    hub.stop().await;
}

#[tokio::test]
async fn a_refusal_to_set_a_state_looks_like_no_success_to_any_library() {
    let hub = Hub::start(&[]).await;
    let set = format!("{PRESENCE}/channel/private-x/uuid/ana/data?state=%7B%7D&uuid=ana");
    let told = get(&hub, &set).await;
    assert_eq!((told.status, &told.body["payload"]), (403, &json!({"channels": ["private-x"]})));
    let told = get(&hub, &format!("{set}&pnsdk=PubNub-Rust%2F0.3.0")).await;
    assert_eq!((told.status, told.body.get("payload"), &told.body["error"]), (403, None, &json!(true)));
    hub.stop().await;
}

#[tokio::test]
async fn errors_are_called_too() {
    let hub = Hub::start(&[]).await;
    let told = get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?callback=cb")).await;
    let text = told.body.as_str().unwrap();
    assert!(text.starts_with("cb({") && text.contains("No UUID specified"), "{text}");
    hub.advance(Duration::ZERO).await;
    hub.stop().await;
}
