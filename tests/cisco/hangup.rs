//! Clients that hang up before they are answered: what they asked for is done to its end.

use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::hub::Hub;
use crate::receiver::Receiver;

/// How long something that must become true may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a request on a connection of its own, and closes that at once.
async fn hang_up(hub: &Hub, key: &str, (method, path): (&str, &str), headers: &str, body: &str) {
    let mut stream = TcpStream::connect(hub.address).await.unwrap();
    let text = format!(
        "{method} /presence-service{path} HTTP/1.1\r\nHost: {}\r\nPresence-Session-Key: {key}\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        hub.address,
        body.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// What the hub says of a party to an operator, which nobody else hears of.
async fn status(hub: &Hub, party: &str) -> Value {
    hub.explain(party).await["status"].clone()
}

#[tokio::test]
async fn a_logout_that_nobody_waits_for_ends_everything() {
    let hub = Hub::start(&["apps.0.cisco.end_users=any"]).await;
    let anybody = Client::new(&hub);
    let app = anybody.app("app").await;
    let names: Vec<String> = (0..50).map(|nth| format!("user{nth}")).collect();
    for name in &names {
        assert_eq!(app.user(name).await.set(name, "AVAILABLE", "false").await.status, 200);
    }
    let wait = async {
        // A request whose connection is closed very early may not be one yet.
        while app.get("/users/user0/presence/basic/subscriptions/1").await.fault() != (401, 101) {
            hang_up(&hub, app.key.as_ref().unwrap(), ("DELETE", "/users/app/session"), "", "").await;
        }
        for name in &names {
            while status(&hub, name).await != "unavailable" {}
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("all of them are gone");
}

#[tokio::test]
async fn an_override_that_nobody_waits_for_is_told() {
    let (hub, mut receiver) = (Hub::start(&[]).await, Receiver::start().await);
    let app = Client::new(&hub).app("app").await;
    let (owner, joe) = (app.user("owner").await, app.user("joe").await);
    let endpoint = app.endpoint(&receiver).await;
    owner.subscribe("owner", endpoint, &["joe"]).await;
    receiver.next().await;
    owner.fetch("owner", 1).await;
    let path = ("PUT", "/users/joe/presence/basic");
    let mut set = 0;
    for (state, word) in [("DND", "dnd"), ("AWAY", "away")].repeat(10) {
        let body = format!("<presence>{state}</presence>");
        hang_up(&hub, joe.key.as_ref().unwrap(), path, "Presence-Override: true\r\n", &body).await;
        let mut looks = 0;
        while looks < 100 && status(&hub, "joe").await != word {
            looks += 1;
        }
        if looks < 100 {
            set += 1;
            receiver.next().await;
            assert_eq!(owner.fetch("owner", 1).await.states(), [("joe@example.com", state)]);
        }
    }
    assert!(set > 0, "some of the requests arrived");
}
