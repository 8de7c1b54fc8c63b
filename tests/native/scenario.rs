//! Runs a scenario file: a list of scenarios, each on a hub of its own, each a list of steps.
//!
//! Steps: `open` (name, with `as` = claims or `headers`), `send` (name, `frame`), `expect` (name, `frame`), `quiet` (name or list: nothing
//! came), `skip` (name: forget what came), `close`, `drop`, `advance` (milliseconds), `rest` (`method`, `path` as a text or its parts, `headers`, `body` or `form`,
//! `status`, `expect`), `closed` (name, `code`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Came, Client};
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

impl Stage {
    async fn step(&mut self, step: &Value) -> Result<(), String> {
        let (verb, who) =
            ["open", "send", "expect", "quiet", "skip", "close", "drop", "advance", "rest", "closed"]
                .iter()
                .find_map(|verb| step.get(*verb).map(|who| (*verb, who)))
                .expect("a step has a verb");
        match verb {
            "open" => self.open(who.as_str().unwrap(), step).await,
            "send" => {
                let frame = filled(&step["frame"], &self.kept);
                match step.get("text") {
                    Some(text) => self.client(who)?.send_text(text.as_str().unwrap()).await,
                    None => self.client(who)?.send(&frame).await,
                }
                Ok(())
            }
            "expect" => self.expect(who, &step["frame"]).await,
            "quiet" => self.quiet(who).await,
            "skip" => self.fence_all(who.as_str()).await.map(|_| ()),
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
            "rest" => self.rest(who).await,
            _ => self.closed(who, step).await,
        }
    }

    async fn open(&mut self, name: &str, step: &Value) -> Result<(), String> {
        let claims = step.get("as").cloned().unwrap_or_else(
            || json!({"sub": name, "displayname": name, "username": format!("{name}@example.test")}),
        );
        let is_anonymous = step.get("without_token").is_some();
        let token = if is_anonymous { String::new() } else { self.hub.token(&claims) };
        let headers: Vec<(String, String)> = step
            .get("headers")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(key, value)| (&**key, &**value)).collect();
        let query = if is_anonymous { String::new() } else { format!("?token={token}&tokenType=jwt") };
        let url = format!("ws://{}/ws{query}", self.hub.address);
        let mut client = Client::connect(name, &url, &headers).await?;
        if !is_anonymous || step.get("headers").is_some() {
            let frame = client.frame().await;
            if frame["event"] != "AUTHENTICATED" {
                return Err(format!("the first frame is {frame}"));
            }
            self.kept.insert(format!("{name}.sessionId"), frame["payload"]["sessionId"].clone());
        }
        self.clients.insert(name.to_owned(), client);
        Ok(())
    }

    async fn expect(&mut self, who: &Value, expected: &Value) -> Result<(), String> {
        let found = self.client(who)?.frame().await;
        compare(expected, Some(&found), &mut self.kept, "").map_err(|why| format!("{why}\n  in {found}"))
    }

    /// Nothing came for these, though everybody's requests have been served.
    async fn quiet(&mut self, who: &Value) -> Result<(), String> {
        let names: Vec<&str> = match who {
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            name => name.as_str().into_iter().collect(),
        };
        let others: Vec<String> =
            self.clients.keys().filter(|name| !names.contains(&name.as_str())).cloned().collect();
        // A request of the others makes sure of their effects; what came for them stays theirs to expect.
        for name in others {
            if let Some(client) = self.clients.get_mut(&name) {
                client.settle().await;
            }
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

    async fn closed(&mut self, who: &Value, step: &Value) -> Result<(), String> {
        let mut client = self.take(who)?;
        loop {
            if let Came::Closed(close) = client.next().await {
                let code = close.map(|close| u16::from(close.code));
                let expected = step["code"].as_u64().map(|code| u16::try_from(code).unwrap());
                return if code == expected { Ok(()) } else { Err(format!("closed with {code:?}")) };
            }
        }
    }

    async fn rest(&mut self, call: &Value) -> Result<(), String> {
        let method = call["method"].as_str().unwrap_or("GET").parse().unwrap();
        let path = joined(&call["path"], &self.kept);
        let mut request = reqwest::Client::new().request(method, self.hub.http(&path));
        for (header, value) in call["headers"].as_object().into_iter().flatten() {
            request = request.header(header, joined(value, &self.kept));
        }
        if let Some(claims) = call.get("as") {
            request = request.header("authorization", format!("JWT {}", self.hub.token(claims)));
        }
        if let Some(body) = call.get("body") {
            request = request.json(body);
        }
        if let Some(form) = call.get("form") {
            request = request.form(form);
        }
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| error.to_string())?;
        if u64::from(status) != call["status"].as_u64().unwrap_or(200) {
            return Err(format!("status {status}: {text}"));
        }
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        match call.get("expect") {
            Some(expected) => compare(expected, Some(&body), &mut self.kept, ""),
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

/// A text, or the parts of one.
fn joined(text: &Value, kept: &Kept) -> String {
    match filled(text, kept) {
        Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().unwrap().to_owned(),
    }
}
