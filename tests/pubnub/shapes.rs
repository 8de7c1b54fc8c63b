//! The shapes of answers to what is asked wrongly or oddly.

use serde_json::json;

use super::client::{get, send};
use super::hub::Hub;
use super::presence::PRESENCE;

const PUBLISH: &str = "/publish/pub/sub/0/room/0";

#[tokio::test]
async fn messages_are_any_json_that_is_not_too_long() {
    let hub = Hub::start(&[]).await;
    let members: Vec<String> = (0..2_000).map(|n| format!("\"k{n}\":1")).collect();
    let many = format!("{{{}}}", members.join(","));
    assert_eq!(send(&hub, "POST", PUBLISH, many).await.body[1], "Sent");
    let long = format!("\"{}\"", "x".repeat(33_000));
    let refused = send(&hub, "POST", PUBLISH, long.clone()).await;
    assert_eq!((refused.status, &refused.body[1]), (400, &json!("Message Too Large")));
    let longer = send(&hub, "POST", PUBLISH, long.repeat(2)).await;
    assert_eq!((longer.status, longer.body), (413, json!([0, "Request Entity Too Large"])));
    hub.stop().await;
}

#[tokio::test]
async fn what_is_not_served_is_refused_as_libraries_read_it() {
    let hub = Hub::start(&[]).await;
    for path in [
        "/v1/push/sub-key/sub/devices/x",
        "/v2/objects/sub/uuids",
        "/v1/files/sub/x",
        "/v2/auth/grant/sub-key/sub",
    ] {
        let refused = get(&hub, path).await;
        let body = json!({"message": format!("Not found: '{path}'"), "error": true, "service": "Presence", "status": 404});
        assert_eq!((refused.status, refused.body), (404, body));
    }
    for (method, path) in [
        ("PUT", format!("{PRESENCE}/channel/room")),
        ("DELETE", format!("{PRESENCE}/channel/room/leave?uuid=a")),
    ] {
        let refused = send(&hub, method, &path, "").await;
        assert_eq!((refused.status, &refused.body["error"]), (405, &json!(true)), "{method} {path}");
    }
    hub.stop().await;
}

#[tokio::test]
async fn states_are_of_channels_only() {
    let hub = Hub::start(&[]).await;
    for channels in [",", "room-pnpres"] {
        let set = format!("{PRESENCE}/channel/{channels}/uuid/ana/data?state=%7B%22a%22%3A1%7D");
        assert_eq!(get(&hub, &set).await.status, 400, "{channels}");
    }
    let state = get(&hub, &format!("{PRESENCE}/channel/room-pnpres/uuid/ana")).await.body;
    assert_eq!((&state["payload"], &state["channel"]), (&json!({}), &json!("room-pnpres")));
    hub.stop().await;
}

#[tokio::test]
async fn the_history_of_many_channels_is_bounded() {
    let hub = Hub::start(&["presence.history=100", "presence.history_bytes=4MiB"]).await;
    let text = format!("\"{}\"", "x".repeat(30 * 1024));
    for _ in 0..30 {
        assert_eq!(send(&hub, "POST", PUBLISH, text.clone()).await.status, 200);
    }
    let count = async |channels: &str| {
        let history = get(&hub, &format!("/v3/history/sub-key/sub/channel/{channels}?max=100")).await;
        history.body["channels"]["room"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("room").await, 30);
    assert_eq!(count("room,b").await, 25, "as many of each of several as there may be");
    let names: Vec<String> = (0..40).map(|n| format!("c{n}")).collect();
    assert_eq!(count(&format!("room,{}", names.join(","))).await, 4, "as many as have room");
    hub.stop().await;
}
