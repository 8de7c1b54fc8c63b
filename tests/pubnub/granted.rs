//! The access manager end to end: what tokens allow, whose they are, and when they end.

use std::time::Duration;

use serde_json::{Value, json};

use super::backend::{grant, revoke, signed};
use super::client::{Client, get, hold};
use super::hub::Hub;
use super::presence::{PRESENCE, events};

const GUARDED: &[&str] = &["pubnub.access_manager=true"];

fn channels(rules: &Value) -> Value {
    json!({"resources": {"channels": rules}, "patterns": {}})
}

fn refusal(names: &Value, kind: &str) -> Value {
    let payload = json!({kind: names});
    json!({"message": "Forbidden", "payload": payload, "error": true, "service": "Access Manager", "status": 403})
}

#[tokio::test]
async fn nothing_is_allowed_without_a_token_and_what_it_names_with_one() {
    let hub = Hub::start(GUARDED).await;
    let subscribe = "/v2/subscribe/sub/room,other/0?tt=0&uuid=ana";
    assert_eq!(get(&hub, subscribe).await.body, refusal(&json!(["room", "other"]), "channels"));
    let token = grant(&hub, 60, &channels(&json!({"room": 1, "desk": 3}))).await;
    let with = |target: &str| format!("{target}&auth={token}");
    assert_eq!(get(&hub, &with(subscribe)).await.body, refusal(&json!(["other"]), "channels"));
    let mut ana = Client::open(&hub, "desk", &format!("uuid=ana&auth={token}")).await;
    assert_eq!(get(&hub, &with("/publish/pub/sub/0/room/0/1?uuid=ana")).await.status, 403);
    assert_eq!(get(&hub, &with("/publish/pub/sub/0/desk/0/1?uuid=ana")).await.status, 200);
    assert_eq!(ana.next(&hub).await[0]["d"], json!(1));
    let group = get(&hub, &with("/v2/subscribe/sub/,/0?tt=0&uuid=ana&channel-group=g")).await;
    assert_eq!(group.body, refusal(&json!([":g"]), "channel-groups"));
    for (target, status) in [
        ("/channel/room/heartbeat?uuid=ana", 200),
        ("/channel/other/heartbeat?uuid=ana", 403),
        ("/channel/other?uuid=ana", 403),
        ("/channel/room?uuid=ana", 200),
        ("/channel/other/uuid/ana/data?uuid=ana&state=%7B%7D", 403),
        ("/channel/other/leave?uuid=ana", 403),
        ("/channel/room/leave?uuid=ana", 200),
    ] {
        assert_eq!(get(&hub, &with(&format!("{PRESENCE}{target}"))).await.status, status, "{target}");
    }
    hub.stop().await;
}

#[tokio::test]
async fn whoever_may_read_a_channel_alone_is_told_of_no_presence() {
    let hub = Hub::start(GUARDED).await;
    let token = grant(&hub, 60, &channels(&json!({"room": 3}))).await;
    let mut ana = Client::open(&hub, "room,room-pnpres", &format!("uuid=ana&auth={token}")).await;
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ben&auth={token}")).await;
    get(&hub, &format!("/publish/pub/sub/0/room/0/1?uuid=ben&auth={token}")).await;
    let told = ana.next(&hub).await;
    assert_eq!((told.len(), &told[0]["d"]), (1, &json!(1)));
    let lone = get(&hub, &format!("/v2/subscribe/sub/room-pnpres/0?tt=0&uuid=ana&auth={token}")).await;
    assert_eq!(lone.status, 403);
    hub.stop().await;
}

#[tokio::test]
async fn patterns_allow_what_matches_them() {
    let hub = Hub::start(GUARDED).await;
    let patterns = json!({"resources": {}, "patterns": {"channels": {"^room-[a-c]$": 1}}});
    let token = grant(&hub, 60, &patterns).await;
    for (room, status) in [("room-a", 200), ("room-c", 200), ("room-d", 403), ("my-room-a", 403)] {
        let target = format!("/v2/subscribe/sub/{room}/0?tt=0&uuid=ana&auth={token}");
        assert_eq!(get(&hub, &target).await.status, status, "{room}");
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_token_of_one_user_is_nobody_elses() {
    let hub = Hub::start(GUARDED).await;
    let mut permissions = channels(&json!({"room": 1}));
    permissions["uuid"] = json!("ana");
    let token = grant(&hub, 60, &permissions).await;
    let heartbeat =
        |uuid: &str| format!("{PRESENCE}/channel/room/heartbeat?uuid={uuid}&heartbeat=20&auth={token}");
    assert_eq!(get(&hub, &heartbeat("ana")).await.status, 200);
    assert_eq!(get(&hub, &heartbeat("ben")).await.status, 403);
    // Nobody shows her the door who could not come in.
    for stranger in ["uuid=ana", &format!("uuid=ben&auth={token}")] {
        assert_eq!(get(&hub, &format!("{PRESENCE}/channel/room/leave?{stranger}")).await.status, 403);
    }
    let here = get(&hub, &format!("{PRESENCE}/channel/room?uuid=ana&auth={token}")).await;
    assert_eq!(here.body["uuids"], json!(["ana"]));
    hub.stop().await;
}

#[tokio::test]
async fn tokens_end_by_themselves_or_are_revoked() {
    let hub = Hub::start(GUARDED).await;
    let rules = channels(&json!({"room": 3}));
    let (short, long) = (grant(&hub, 1, &rules).await, grant(&hub, 60, &rules).await);
    let use_of = |token: &str| format!("/v2/subscribe/sub/room/0?tt=0&uuid=ana&auth={token}");
    assert_eq!(get(&hub, &use_of(&short)).await.status, 200);
    hub.advance(Duration::from_secs(61)).await;
    let expired = get(&hub, &use_of(&short)).await;
    assert_eq!((expired.status, &expired.body["message"]), (403, &json!("Token is expired")));
    assert_eq!(revoke(&hub, &short).await.body["error"]["details"][0]["message"], "Token is expired.");

    assert_eq!(get(&hub, &use_of(&long)).await.status, 200);
    for _ in 0..2 {
        let revoked = revoke(&hub, &long).await;
        assert_eq!((revoked.status, &revoked.body["data"]["message"]), (200, &json!("Success")));
    }
    let refused = get(&hub, &use_of(&long)).await;
    assert_eq!((refused.status, &refused.body["message"]), (403, &json!("Token is revoked")));
    let unsigned = reqwest::Client::new().delete(format!("http://{}/v3/pam/sub/grant/{long}", hub.address));
    assert_eq!(unsigned.send().await.unwrap().status().as_u16(), 403);
    assert_eq!(signed(&hub, "POST", "/v3/pam/sub/grant", "{}").await.status, 400);
    hub.stop().await;
}

#[tokio::test]
async fn whoever_is_held_with_a_token_is_told_nothing_once_it_has_ended() {
    let hub = Hub::start(GUARDED).await;
    let rules = channels(&json!({"room": 3}));
    let (revoked, short, good) =
        (grant(&hub, 60, &rules).await, grant(&hub, 2, &rules).await, grant(&hub, 59, &rules).await);
    let mut clients = Vec::new();
    for token in [&revoked, &short] {
        let client = Client::open(&hub, "room", &format!("uuid=ana&auth={token}")).await;
        let held = hold(&hub, &client.target());
        clients.push((client, held));
    }
    hub.holds(2).await;
    revoke(&hub, &revoked).await;
    get(&hub, &format!("/publish/pub/sub/0/other/0/1?uuid=ben&auth={good}")).await;
    hub.advance(Duration::from_secs(121)).await;
    let (mut short, held) = clients.pop().unwrap();
    assert_eq!(short.take(&held.await.unwrap()), Vec::<Value>::new(), "it is held no longer than that");
    let said = get(&hub, &format!("/publish/pub/sub/0/room/0/1?uuid=ben&auth={good}")).await;
    assert_eq!(said.status, 200, "{:?}", said.body);
    let (mut revoked, held) = clients.pop().unwrap();
    assert_eq!(revoked.take(&held.await.unwrap()), Vec::<Value>::new());
    assert_eq!(get(&hub, &revoked.target()).await.status, 403);
    hub.stop().await;
}

#[tokio::test]
async fn whoever_may_not_be_present_may_look_on() {
    let hub = Hub::start(GUARDED).await;
    let claims = json!({"sub": "ana", "capabilities": {"room": ["subscribe"], "room-pnpres": ["subscribe"]}});
    let auth = hub.token(&claims);
    let mut ana = Client::open(&hub, "room,room-pnpres", &format!("uuid=ana&auth={auth}")).await;
    let token = grant(&hub, 60, &channels(&json!({"room": 1}))).await;
    get(&hub, &format!("{PRESENCE}/channel/room/heartbeat?uuid=ben&auth={token}")).await;
    let told = events(&ana.next(&hub).await);
    assert_eq!(told, [("join".to_owned(), "ben".to_owned(), 1)], "she is not there herself");
    hub.stop().await;
}
