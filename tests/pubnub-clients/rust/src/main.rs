//! Hosts the Rust SDK (Rs) for the tests: questions come as JSON lines, answers and what came to clients go as such.

mod client;
mod told;

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use client::Client;

/// Writes one line to the tests.
pub fn write(line: &Value) {
    let mut out = std::io::stdout().lock();
    // Whoever cannot be told has gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Does what a line says, and answers.
async fn obey(client: Arc<Client>, line: Value) {
    let number = &line["number"];
    match client.call(line["do"].as_str().unwrap_or_default(), &line).await {
        Ok(result) => write(&json!({ "answers": number, "result": result })),
        Err(error) => write(&json!({ "answers": number, "raised": told::error(&error) })),
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let clients: Mutex<HashMap<String, Arc<Client>>> = Mutex::default();
    let mut lines = BufReader::new(stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        let name = line["client"].as_str().unwrap_or_default().to_owned();
        if line["do"] == "open" {
            let answer = match Client::open(&name, &line["options"]) {
                Ok(client) => {
                    clients.lock().expect("nobody panics with it").insert(name, Arc::new(client));
                    json!({ "answers": line["number"] })
                }
                Err(error) => json!({ "answers": line["number"], "raised": told::error(&error) }),
            };
            write(&answer);
            continue;
        }
        // One that is dropped takes its subscription and its runtime's tasks along.
        let dropped = line["do"] == "dispose";
        let client = {
            let mut clients = clients.lock().expect("nobody panics with it");
            if dropped { clients.remove(&name) } else { clients.get(&name).cloned() }
        };
        match client {
            Some(_) if dropped => write(&json!({ "answers": line["number"] })),
            Some(client) => drop(tokio::spawn(obey(client, line))),
            None => {
                write(&json!({ "answers": line["number"], "raised": { "name": "NoClient", "text": name } }))
            }
        }
    }
}
