//! Starting, serving over TLS, and stopping in order.

use std::time::Duration;

use presence_hub::app::{App, Running};
use presence_hub::broker::Clock;
use presence_hub::config::{Config, ConfigArgs};
use serde_json::json;

use super::client::{Came, Client};
use super::hub::mint;

/// A hub on the machine's clock, with these settings.
async fn start(settings: &[&str]) -> Result<Running, String> {
    let own = ["admin.listen=127.0.0.1:0", "log.level=off"];
    let set = own.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
    let args = ConfigArgs { config: None, listen: Some("127.0.0.1:0".to_owned()), set };
    let loaded = Config::load(&args, std::iter::empty()).map_err(|error| error.to_string())?;
    App::start(loaded.config, Clock::system()).await
}

async fn connect(hub: &Running, name: &str) -> Client {
    let expires = Clock::system().now().wall.seconds() + 600;
    let token = mint(&json!({"sub": name, "exp": expires}), "demo-key", b"demo-secret");
    let url = format!("ws://{}/ws?token={token}", hub.address());
    let mut client = Client::connect(name, &url, &[]).await.unwrap();
    assert_eq!(client.frame().await["event"], "AUTHENTICATED");
    client
}

#[tokio::test]
async fn a_hub_that_stops_is_unready_and_sends_its_clients_away_over_the_window() {
    let hub = start(&["drain.window=400ms", "drain.timeout=5s"]).await.unwrap();
    let (address, admin) = (hub.address(), hub.admin_address().unwrap());
    let ready = async |at| reqwest::get(format!("http://{at}/readyz")).await.unwrap().status().as_u16();
    assert_eq!((ready(address).await, ready(admin).await), (200, 200));
    let mut clients = Vec::new();
    for n in 0..8 {
        clients.push(connect(&hub, &format!("p{n}")).await);
    }
    let stopping = tokio::spawn(hub.stop());
    let mut waits = Vec::new();
    for client in &mut clients {
        let Came::Closed(Some(close)) = client.next().await else { panic!("no close frame") };
        assert_eq!(u16::from(close.code), 1012);
        let reason = close.reason.to_string();
        let wait = reason.strip_prefix("restarting; retry after ").and_then(|text| text.strip_suffix(" ms"));
        waits.push(wait.and_then(|wait| wait.parse::<u64>().ok()).unwrap_or_else(|| panic!("{reason}")));
    }
    waits.sort_unstable();
    waits.dedup();
    assert_eq!(waits.len(), 8, "each is told another moment: {waits:?}");
    drop(clients);
    tokio::time::timeout(Duration::from_secs(10), stopping).await.unwrap().unwrap();
    assert!(reqwest::get(format!("http://{address}/readyz")).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn readiness_goes_before_the_clients_do() {
    let hub = start(&["drain.window=1s", "drain.timeout=5s"]).await.unwrap();
    let address = hub.address();
    let clients = [connect(&hub, "a").await, connect(&hub, "b").await];
    let stopping = tokio::spawn(hub.stop());
    loop {
        let answer = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
        if answer.status().as_u16() == 503 {
            assert_eq!(answer.text().await.unwrap(), "draining\n");
            break;
        }
    }
    let expires = Clock::system().now().wall.seconds() + 600;
    let token = mint(&json!({"sub": "late", "exp": expires}), "demo-key", b"demo-secret");
    let late = Client::connect("late", &format!("ws://{address}/ws?token={token}"), &[]).await;
    assert!(late.err().is_some_and(|why| why.contains("503")), "a hub that drains takes nobody in");
    let alive = reqwest::get(format!("http://{address}/livez")).await.unwrap();
    assert_eq!(alive.status().as_u16(), 200, "a hub that drains lives");
    drop(clients);
    tokio::time::timeout(Duration::from_secs(10), stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_main_listener_speaks_tls_when_it_has_a_certificate() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gateway/tls");
    let cert = format!("tls.cert={folder}/test-cert.pem");
    let key = format!("tls.key={folder}/test-key.pem");
    let hub = start(&[&cert, &key]).await.unwrap();
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let answer = client.get(format!("https://{}/readyz", hub.address())).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "ready\n"));
    assert!(client.get(format!("http://{}/readyz", hub.address())).send().await.is_err(), "and nothing else");
}

#[tokio::test]
async fn timetokens_go_on_after_a_restart_with_a_data_dir() {
    let folder = std::env::temp_dir().join(format!("presence-hub-data-{}", std::process::id()));
    let data = format!("data_dir={}", folder.display());
    let mut last = String::new();
    for _ in 0..2 {
        let hub = start(&[&data, "drain.window=0ms"]).await.unwrap();
        let mut alice = connect(&hub, "alice").await;
        let channel = json!({"type": "topic", "_id": "a"});
        alice.send(&json!({"event": "SUBSCRIBE_CHANNEL", "payload": {"channel": channel}})).await;
        alice.frame().await;
        let online = json!({"category": "app.event.presence.party.online", "topicId": "a", "content": {}});
        alice.send(&json!({"event": "SEND_PRESENCE_EVENT", "payload": online})).await;
        let timetoken = alice.frame().await["timetoken"].as_str().unwrap().to_owned();
        assert!(timetoken.len() == 17 && timetoken > last, "{timetoken} after {last}");
        last = timetoken;
        drop(alice);
        hub.stop().await;
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_by_its_key() {
    let hub = start(&[]).await.unwrap();
    let taken = format!("admin.listen={}", hub.address());
    let why = start(&[&taken]).await.unwrap_err();
    assert!(why.starts_with("cannot listen on admin.listen"), "{why}");
}
