//! The demo app's backend: it signs subscriptions for whoever shows a token of the app, as the party of the token and no other.

use serde_json::{Value, json};

use super::client::Client;
use super::hub::Hub;

const PATH: &str = "/api/demo/pusher/auth";

/// What the backend answers to somebody who shows this.
async fn ask(hub: &Hub, authorization: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("http://{}{PATH}", hub.address));
    let response = request.header("authorization", authorization).form(form).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn token(hub: &Hub, id: &str, displayname: &str) -> String {
    let request = reqwest::Client::new().post(format!("http://{}/api/demo/token", hub.address));
    let response = request.json(&json!({"_id": id, "displayname": displayname})).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    format!("jwt {}", answer["token"].as_str().unwrap())
}

#[tokio::test]
async fn a_page_gets_in_as_the_party_of_its_token() {
    let hub = Hub::start_demo().await;
    let hostile = "<b>\"Ann\\ \u{1f600}";
    let token = token(&hub, "ann", hostile).await;
    let mut client = Client::open_at(&hub, "page", "/app/demo-key?protocol=7", &[]).await.unwrap();
    let socket = client.socket_id.clone();
    for channel in ["presence-room-1", "private-notes"] {
        // What the page says of itself is of no account.
        let form =
            [("socket_id", &*socket), ("channel_name", channel), ("user_id", "bob"), ("channel_data", "{}")];
        let (status, signed) = ask(&hub, &token, &form).await;
        assert_eq!(status, 200, "{signed}");
        let mut data = signed.clone();
        data["channel"] = channel.into();
        client.send(&json!({"event": "pusher:subscribe", "data": data})).await;
        let frame = client.frame().await;
        assert_eq!(frame["event"], "pusher_internal:subscription_succeeded", "{frame}");
        let list: Value = serde_json::from_str(frame["data"].as_str().unwrap()).unwrap();
        if channel.starts_with("presence-") {
            assert_eq!(list["presence"]["hash"], json!({"ann": {"name": hostile}}));
        } else {
            assert_eq!(signed["channel_data"], Value::Null);
        }
    }
    hub.stop().await;
}

#[tokio::test]
async fn nobody_else_is_signed_for_and_nothing_else_is_signed() {
    let hub = Hub::start_demo().await;
    let ann = token(&hub, "ann", "Ann").await;
    let foreign = format!("jwt {}", hub.token(&json!({"sub": "ann"})));
    for authorization in ["", "jwt", "jwt x.y.z", &foreign] {
        let form = [("socket_id", "1.2"), ("channel_name", "presence-r")];
        assert_eq!(ask(&hub, authorization, &form).await.0, 401, "{authorization}");
    }
    for (socket, channel) in [
        ("1.2", "lobby"),
        ("1.2", ":user:{}"),
        ("1.2::user:", "presence-r"),
        ("1.2:presence-r", "presence-r"),
        ("1.2", "presence-r:{}"),
        ("1.2", "#server-to-user-bob"),
        ("1.2", "presence-r\n"),
        ("", ""),
    ] {
        let (status, why) = ask(&hub, &ann, &[("socket_id", socket), ("channel_name", channel)]).await;
        assert_eq!(status, 400, "{socket} {channel}: {why}");
    }
    let long = "x".repeat(5_000);
    assert_eq!(ask(&hub, &ann, &[("socket_id", "1.2"), ("channel_name", &long)]).await.0, 413);
    hub.stop().await;
}

#[tokio::test]
async fn there_is_no_such_backend_without_the_demo_app() {
    let hub = Hub::start(&[]).await;
    let token = format!("jwt {}", hub.token(&json!({"sub": "ann"})));
    let form = [("socket_id", "1.2"), ("channel_name", "presence-r")];
    assert_eq!(ask(&hub, &token, &form).await.0, 404);
    hub.stop().await;
}
