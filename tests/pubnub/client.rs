//! A plain HTTP client that sends the dialect's requests and reads what comes.

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use super::hub::Hub;

/// How long an answer that must come may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// Sends a request, and reads its answer.
pub(crate) async fn get(hub: &Hub, target: &str) -> Answer {
    hold(hub, target).await.expect("the request is not given up")
}

/// Sends a request whose answer may be long in coming.
pub(crate) fn hold(hub: &Hub, target: &str) -> JoinHandle<Answer> {
    let url = format!("http://{}{target}", hub.address);
    tokio::spawn(async move {
        let answer = tokio::time::timeout(PATIENCE, reqwest::get(&url)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{url} waited in vain")).unwrap();
        let status = answer.status().as_u16();
        assert!(answer.headers().contains_key("content-type"), "{url} has no content-type");
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, body }
    })
}

/// Sends a request with a body.
pub(crate) async fn send(hub: &Hub, method: &str, target: &str, body: impl Into<reqwest::Body>) -> Answer {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let url = format!("http://{}{target}", hub.address);
    let answer = reqwest::Client::new().request(method, &url).body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// A user that subscribes: it knows its cursor.
pub(crate) struct Client {
    names: String,
    query: String,
    pub(crate) cursor: String,
}

impl Client {
    /// Subscribes to these channels, with these parameters.
    pub(crate) async fn open(hub: &Hub, names: &str, query: &str) -> Self {
        let mut client = Self { names: names.to_owned(), query: query.to_owned(), cursor: "0".to_owned() };
        assert_eq!(client.next(hub).await, Vec::<Value>::new(), "a handshake tells nothing");
        client
    }

    /// The target of its next request.
    pub(crate) fn target(&self) -> String {
        format!("/v2/subscribe/sub/{}/0?tt={}&tr=1&{}", self.names, self.cursor, self.query)
    }

    /// What it is told next.
    pub(crate) async fn next(&mut self, hub: &Hub) -> Vec<Value> {
        let answer = get(hub, &self.target()).await;
        self.take(&answer)
    }

    /// Reads an answer to its request.
    pub(crate) fn take(&mut self, answer: &Answer) -> Vec<Value> {
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        self.cursor = answer.body["t"]["t"].as_str().expect("there is a cursor").to_owned();
        answer.body["m"].as_array().expect("there is a list").clone()
    }
}
