//! A client of Engine.IO over polling that puts every request together by hand.

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::hub::Hub;

/// A connection over polling.
#[derive(Clone)]
pub(crate) struct Polled {
    http: Client,
    /// The address of its requests.
    pub(crate) url: String,
    pub(crate) sid: String,
    version: u8,
}

impl Polled {
    /// The address under which a connection begins.
    pub(crate) fn address(hub: &Hub, version: u8) -> String {
        hub.http(&format!("/socket.io/?EIO={version}&transport=polling"))
    }

    /// Connects as a party, without entering a namespace.
    pub(crate) async fn open(hub: &Hub, version: u8, party: &str) -> Self {
        let token = hub.token(&json!({"sub": party, "displayname": party}));
        let http = Client::new();
        let base = Self::address(hub, version);
        let response = http.get(format!("{base}&token={token}&t=Ab1")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/plain; charset=UTF-8");
        let packets = packets(version, &response.text().await.unwrap());
        let open: Value = serde_json::from_str(packets[0].strip_prefix('0').unwrap()).unwrap();
        assert_eq!(open["upgrades"], json!(["websocket"]));
        assert_eq!(&packets[1..], if version == 3 { &["40"][..] } else { &[] });
        let sid = open["sid"].as_str().unwrap().to_owned();
        Self { http, url: format!("{base}&sid={sid}"), sid, version }
    }

    /// Connects as a party and enters `/chat`.
    pub(crate) async fn enter(hub: &Hub, version: u8, party: &str) -> Self {
        let polled = Self::open(hub, version, party).await;
        polled.post(&["40/chat"]).await;
        let entered = polled.poll().await;
        assert!(entered[0].starts_with("40/chat"), "{entered:?}");
        polled
    }

    pub(crate) async fn get(&self) -> Response {
        self.http.get(&self.url).send().await.unwrap()
    }

    /// The packets of the next answered poll.
    pub(crate) async fn poll(&self) -> Vec<String> {
        let response = self.get().await;
        assert_eq!(response.status(), StatusCode::OK);
        packets(self.version, &response.text().await.unwrap())
    }

    pub(crate) async fn send(&self, body: Vec<u8>, kind: &str) -> Response {
        self.http.post(&self.url).header("content-type", kind).body(body).send().await.unwrap()
    }

    pub(crate) async fn post(&self, packets: &[&str]) {
        let body = payload(self.version, packets);
        let response = self.send(body.into_bytes(), "text/plain;charset=UTF-8").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.text().await.unwrap(), "ok");
    }

    pub(crate) async fn emit(&self, event: &str, payload: &Value) {
        self.post(&[&format!("42/chat,{}", json!([event, payload]))]).await;
    }
}

/// Packets as a body.
pub(crate) fn payload(version: u8, packets: &[&str]) -> String {
    match version {
        3 => packets.iter().map(|it| format!("{}:{it}", it.encode_utf16().count())).collect(),
        _ => packets.join("\u{1e}"),
    }
}

/// A body as packets.
pub(crate) fn packets(version: u8, body: &str) -> Vec<String> {
    if version == 4 {
        return body.split('\u{1e}').map(str::to_owned).collect();
    }
    let units: Vec<u16> = body.encode_utf16().collect();
    let mut rest = &units[..];
    let mut packets = Vec::new();
    while let Some(colon) = rest.iter().position(|unit| *unit == u16::from(b':')) {
        let length: usize = String::from_utf16(&rest[..colon]).unwrap().parse().unwrap();
        packets.push(String::from_utf16(&rest[colon + 1..colon + 1 + length]).unwrap());
        rest = &rest[colon + 1 + length..];
    }
    assert!(rest.is_empty());
    packets
}
