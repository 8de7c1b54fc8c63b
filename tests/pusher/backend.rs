//! What an app's backend does: it signs subscriptions and requests.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::Value;
use sha2::Sha256;

use super::hub::{Hub, KEY, SECRET};

/// A signature in hexadecimal.
pub(crate) fn sign(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

pub(crate) fn md5(body: &[u8]) -> String {
    hex::encode(Md5::digest(body))
}

/// The `auth` of a subscription or sign-in over these parts.
pub(crate) fn auth(parts: &[&str]) -> String {
    format!("{KEY}:{}", sign(SECRET, &parts.join(":")))
}

/// A request to the API.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Parameters beside those of the signature, unescaped.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) key: String,
    pub(crate) secret: String,
    /// Seconds from the hub's time.
    pub(crate) offset: i64,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }
}

impl Request {
    pub(crate) fn new(method: &str, path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            body: body.into(),
            key: KEY.to_owned(),
            secret: SECRET.to_owned(),
            offset: 0,
        }
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.query.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The signed address, as most libraries write it.
    pub(crate) fn target(&self, hub: &Hub) -> String {
        let now = i64::try_from(hub.clock.now().wall.seconds()).unwrap();
        let mut pairs = self.query.clone();
        let mut add = |key: &str, value: String| pairs.push((key.to_owned(), value));
        add("auth_key", self.key.clone());
        add("auth_timestamp", (now + self.offset).to_string());
        add("auth_version", "1.0".to_owned());
        if !self.body.is_empty() {
            add("body_md5", md5(&self.body));
        }
        pairs.sort();
        let signed: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let signed = format!("{}\n{}\n{}", self.method, self.path, signed.join("&"));
        let escape = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let query: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{}={}", escape(key).replace("%5F", "_"), escape(value)))
            .collect();
        format!("{}?{}&auth_signature={}", self.path, query.join("&"), sign(&self.secret, &signed))
    }

    /// Signs it and sends it.
    pub(crate) async fn send(&self, hub: &Hub) -> Answer {
        send(hub, &self.method, &self.target(hub), self.body.clone()).await
    }
}

/// Sends a request as it is.
pub(crate) async fn send(hub: &Hub, method: &str, target: &str, body: Vec<u8>) -> Answer {
    let url = format!("http://{}{target}", hub.address);
    let request = reqwest::Client::new().request(method.parse().unwrap(), url).body(body);
    let response = request.send().await.expect("the hub answers");
    Answer { status: response.status().as_u16(), text: response.text().await.expect("the answer is text") }
}

/// Triggers an event, which must be taken.
pub(crate) async fn trigger(hub: &Hub, channel: &str, event: &str, data: &str) -> Value {
    let body = serde_json::json!({"name": event, "channels": [channel], "data": data}).to_string();
    let answer = Request::new("POST", "/apps/1/events", body).send(hub).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// A call of the native dialect, by whom these claims describe.
pub(crate) async fn as_native(hub: &Hub, method: &str, path: &str, claims: &Value, body: Vec<u8>) -> Answer {
    let url = format!("http://{}{path}", hub.address);
    let request = reqwest::Client::new()
        .request(method.parse().unwrap(), url)
        .header("authorization", format!("JWT {}", hub.token(claims)))
        .header("content-type", "application/json")
        .body(body);
    let response = request.send().await.expect("the hub answers");
    Answer { status: response.status().as_u16(), text: response.text().await.expect("the answer is text") }
}
