//! Runs a scenario file: a list of scenarios, each on a hub of its own with its `settings`, each a list of steps.
//!
//! Steps: `open` (name; `path` for another address, `raw` to read nothing, `headers`), `native` (name, `as` = claims), `subscribe` (name, `channel`,
//! `user` = channel data, `resume` = the id of an event), `unsubscribe`, `signin` (name, `user`), `send` (name, `frame` or `text`), `expect` (name, `frame`), `quiet` (name or list: nothing
//! came), `skip` (name: forget what came), `close`, `drop`, `advance` (milliseconds), `closed` (name, `code`), and `rest` (`method`, `path`, `query`,
//! `body`, `key`, `secret`, `offset`, `target` for an unsigned address, `as` = claims for a call of the native dialect; `status`, `expect`, `equals`, `text` = part of the answer).
//!
//! In expected frames `json` stands for the data that a string holds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::backend::{self, Request};
use super::client::Client;
use super::hub::Hub;
use super::pattern::{Kept, compare, filled};

struct Stage {
    hub: Hub,
    clients: BTreeMap<String, Client>,
    kept: Kept,
}

/// Runs every scenario of a file.
pub(crate) async fn run(file: &str) {
    let scenarios: Vec<Value> = serde_json::from_str(file).expect("the file is a list of scenarios");
    assert!(!scenarios.is_empty());
    for scenario in &scenarios {
        let name = scenario["name"].as_str().expect("a scenario has a name");
        let settings: Vec<&str> =
            scenario["settings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut stage =
            Stage { hub: Hub::start(&settings).await, clients: BTreeMap::new(), kept: Kept::new() };
        for (place, step) in scenario["steps"].as_array().expect("a scenario has steps").iter().enumerate() {
            if let Err(why) = stage.step(step).await {
                panic!("{name}: step {place}, {step}: {why}");
            }
        }
    }
}

const VERBS: [&str; 14] = [
    "open",
    "native",
    "subscribe",
    "unsubscribe",
    "signin",
    "send",
    "expect",
    "quiet",
    "skip",
    "close",
    "drop",
    "advance",
    "closed",
    "rest",
];

fn text_of<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key].as_str().unwrap_or_else(|| panic!("{step} has no {key}"))
}

impl Stage {
    async fn step(&mut self, step: &Value) -> Result<(), String> {
        let step = &filled(step, &self.kept);
        let verb = VERBS.iter().find(|verb| step.get(**verb).is_some()).expect("a step has a verb");
        let who = &step[*verb];
        match *verb {
            "open" => self.open(who.as_str().unwrap(), step).await,
            "native" => {
                let name = who.as_str().unwrap();
                let claims =
                    step.get("as").cloned().unwrap_or_else(|| json!({"sub": name, "displayname": name}));
                let client = Client::native(&self.hub, name, &claims).await?;
                self.clients.insert(name.to_owned(), client);
                Ok(())
            }
            "subscribe" => {
                let client = self.client(who)?;
                client.subscribe_after(text_of(step, "channel"), step.get("user"), step.get("resume")).await;
                Ok(())
            }
            "unsubscribe" => {
                self.client(who)?.unsubscribe(text_of(step, "channel")).await;
                Ok(())
            }
            "signin" => {
                self.client(who)?.sign_in(&step["user"]).await;
                Ok(())
            }
            "send" => {
                let frame = step["frame"].clone();
                let client = self.client(who)?;
                match (step.get("text"), step.get("binary")) {
                    (Some(text), _) => client.send_message(Message::text(text.as_str().unwrap())).await,
                    (_, Some(_)) => client.send_message(Message::binary(vec![1, 2, 3])).await,
                    _ => client.send(&frame).await,
                }
                Ok(())
            }
            "expect" => self.expect(who, &step["frame"]).await,
            "quiet" => self.quiet(who).await,
            "skip" => self.fence_all(who.as_str()).await,
            "close" => {
                self.take(who)?.close().await;
                Ok(())
            }
            "drop" => self.take(who).map(drop),
            "advance" => {
                self.fence_all(None).await?;
                self.hub.advance(Duration::from_millis(who.as_u64().unwrap())).await;
                Ok(())
            }
            "closed" => {
                let code = self.take(who)?.closed().await;
                let expected = step["code"].as_u64().map(|code| u16::try_from(code).unwrap());
                if code == expected { Ok(()) } else { Err(format!("closed with {code:?}")) }
            }
            _ => self.rest(who).await,
        }
    }

    async fn open(&mut self, name: &str, step: &Value) -> Result<(), String> {
        let path = step
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or("/app/app-key?protocol=7&client=raw&version=1");
        let headers: Vec<(&str, &str)> = step["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
            .collect();
        let client = if step.get("raw").is_some() {
            Client::connect(&self.hub, name, path, &headers).await?
        } else {
            Client::open_at(&self.hub, name, path, &headers).await?
        };
        self.kept.insert(format!("{name}.socket"), client.socket_id.clone().into());
        self.clients.insert(name.to_owned(), client);
        Ok(())
    }

    async fn expect(&mut self, who: &Value, expected: &Value) -> Result<(), String> {
        let mut found = self.client(who)?.frame().await;
        let json = found["data"].as_str().and_then(|data| serde_json::from_str(data).ok());
        if let (Some(json), Some(frame)) = (json, found.as_object_mut()) {
            frame.insert("json".to_owned(), json);
        }
        compare(expected, Some(&found), &mut self.kept, "").map_err(|why| format!("{why}\n  in {found}"))
    }

    /// Nothing came for these, though everybody's requests have been served.
    async fn quiet(&mut self, who: &Value) -> Result<(), String> {
        let names: Vec<String> = match who {
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            name => name.as_str().into_iter().map(str::to_owned).collect(),
        };
        // A request of the others makes sure of their effects; what came for them stays theirs to expect.
        for (_, client) in self.clients.iter_mut().filter(|(name, _)| !names.contains(name)) {
            client.settle().await;
        }
        for name in names {
            let came = self.client(&json!(name))?.fence().await;
            if !came.is_empty() {
                return Err(format!("{name} was sent {came:?}"));
            }
        }
        Ok(())
    }

    async fn fence_all(&mut self, only: Option<&str>) -> Result<(), String> {
        for (name, client) in &mut self.clients {
            match only {
                Some(only) if only == name => drop(client.fence().await),
                Some(_) => {}
                None => client.settle().await,
            }
        }
        Ok(())
    }

    async fn rest(&mut self, call: &Value) -> Result<(), String> {
        let method = call["method"].as_str().unwrap_or("GET");
        let body = match &call["body"] {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            body => body.to_string().into_bytes(),
        };
        let answer = if let Some(claims) = call.get("as") {
            backend::as_native(&self.hub, method, text_of(call, "path"), claims, body).await
        } else if let Some(target) = call["target"].as_str() {
            backend::send(&self.hub, method, target, body).await
        } else {
            let mut request = Request::new(method, text_of(call, "path"), body);
            for (key, value) in call["query"].as_object().into_iter().flatten() {
                request = request.with(key, value.as_str().unwrap());
            }
            request.key = call["key"].as_str().unwrap_or(&request.key).to_owned();
            request.secret = call["secret"].as_str().unwrap_or(&request.secret).to_owned();
            request.offset = call["offset"].as_i64().unwrap_or(0);
            request.send(&self.hub).await
        };
        if u64::from(answer.status) != call["status"].as_u64().unwrap_or(200) {
            return Err(format!("status {}: {}", answer.status, answer.text));
        }
        if let Some(part) = call["text"].as_str().filter(|part| !answer.text.contains(*part)) {
            return Err(format!("{part:?} is not in {}", answer.text));
        }
        if let Some(exactly) = call.get("equals").filter(|exactly| **exactly != answer.json()) {
            return Err(format!("{} is not {exactly}", answer.text));
        }
        match call.get("expect") {
            Some(expected) => compare(expected, Some(&answer.json()), &mut self.kept, ""),
            None => Ok(()),
        }
    }

    fn client(&mut self, who: &Value) -> Result<&mut Client, String> {
        let name = who.as_str().expect("a step names its client");
        self.clients.get_mut(name).ok_or_else(|| format!("{name} has no connection"))
    }

    fn take(&mut self, who: &Value) -> Result<Client, String> {
        let name = who.as_str().expect("a step names its client");
        self.clients.remove(name).ok_or_else(|| format!("{name} has no connection"))
    }
}
