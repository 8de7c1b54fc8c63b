//! Somebody who has only signed in over the Pusher dialect, and is in no channel.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::hub::{Hub, KEY, SECRET};
use crate::receiver::Receiver;

/// How long a frame that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) type Stream =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// The next frame, as it stands on the wire.
pub(crate) async fn text(stream: &mut Stream) -> String {
    let came = tokio::time::timeout(PATIENCE, stream.next()).await.expect("a frame was waited for in vain");
    let Some(Ok(Message::Text(text))) = came else { panic!("no frame but {came:?}") };
    text.to_string()
}

/// The next frame.
pub(crate) async fn next(stream: &mut Stream) -> Value {
    serde_json::from_str(&text(stream).await).unwrap()
}

/// What an app's backend signs for one of its users.
pub(crate) fn auth(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    format!("{KEY}:{}", hex::encode(mac.finalize().into_bytes()))
}

/// A connection over Pusher, and its id.
pub(crate) async fn established(hub: &Hub) -> (Stream, String) {
    let url = format!("ws://{}/app/{KEY}?protocol=7", hub.address);
    let (mut stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let welcome = next(&mut stream).await;
    let data: Value = serde_json::from_str(welcome["data"].as_str().unwrap()).unwrap();
    (stream, data["socket_id"].as_str().unwrap().to_owned())
}

async fn sign_in(hub: &Hub, user: &str) -> Stream {
    let (mut stream, id) = established(hub).await;
    let user = json!({"id": user}).to_string();
    let auth = auth(&format!("{id}::user::{user}"));
    let frame = json!({"event": "pusher:signin", "data": {"auth": auth, "user_data": user}});
    stream.send(Message::text(frame.to_string())).await.unwrap();
    assert_eq!(next(&mut stream).await["event"], "pusher:signin_success");
    stream
}

#[tokio::test]
async fn w38_who_signs_in_and_out_is_told_of() {
    let (hub, mut receiver) = (Hub::start(&["apps.0.cisco.end_users=owner"]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    let endpoint = app.endpoint(&receiver).await;
    owner.subscribe("owner", endpoint, &["pat"]).await;
    receiver.next().await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("pat@example.com", "UNKNOWN")]);
    let mut stream = sign_in(&hub, "pat").await;
    receiver.next().await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("pat@example.com", "AVAILABLE")]);
    let told = hub.explain("pat").await;
    assert_eq!((&told["status"], &told["topics"]), (&json!("available"), &json!([])));
    let [session] = told["memberships"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&session["topic"], &session["isAttached"]), (&Value::Null, &json!(true)));
    stream.close(None).await.unwrap();
    while let Some(Ok(_)) = stream.next().await {}
    hub.advance(Duration::from_secs(60)).await;
    receiver.next().await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("pat@example.com", "UNAVAILABLE")]);
}

#[tokio::test]
async fn who_is_logged_in_for_the_first_time_is_told_of() {
    let (hub, mut receiver) = (Hub::start(&["apps.0.cisco.end_users=any"]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let owner = app.user("owner").await;
    let endpoint = app.endpoint(&receiver).await;
    owner.subscribe("owner", endpoint, &["newbie"]).await;
    receiver.next().await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("newbie@example.com", "UNKNOWN")]);
    app.user("newbie").await;
    receiver.next().await;
    assert_eq!(owner.fetch("owner", 1).await.states(), [("newbie@example.com", "UNAVAILABLE")]);
    app.user("newbie").await;
    assert_eq!(owner.fetch("owner", 1).await.states(), []);
}
