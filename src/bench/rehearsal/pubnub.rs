//! The stand-in as a server of the PubNub dialect.

use std::cell::RefCell;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::{Flaw, StandIn};

/// The timetoken of the first message.
const FIRST: u64 = 1_001;

/// The one channel: its messages, each with its timetoken.
#[derive(Default)]
pub(super) struct Channel {
    said: RefCell<Vec<(u64, String)>>,
    news: Notify,
}

impl StandIn {
    pub(super) async fn serve_requests(&self, mut stream: TcpStream) {
        let mut begun = Vec::new();
        loop {
            while let Some(end) = memchr::memmem::find(&begun, b"\r\n\r\n") {
                let head: Vec<u8> = begun.drain(..end + 4).collect();
                let head = String::from_utf8(head).unwrap();
                let target = head.strip_prefix("GET ").unwrap().split(' ').next().unwrap().to_owned();
                let Some(body) = self.answer(&target).await else { return };
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            if stream.read_buf(&mut begun).await.unwrap_or(0) == 0 {
                return;
            }
        }
    }

    /// `None` closes the connection.
    async fn answer(&self, target: &str) -> Option<String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let segments: Vec<_> = path.split('/').skip(1).collect();
        Some(match segments[..] {
            ["time", "0"] => "[17610000057712345]".to_owned(),
            ["v2", "presence", "sub-key", "demo-key", "channel", _] => {
                json!({"status": 200, "message": "OK", "occupancy": 0}).to_string()
            }
            ["publish", "demo-key", "demo-key", "0", _, "0", text] => self.publish(text),
            ["v2", "subscribe", "demo-key", _, "0"] => {
                let since = query.split('&').find_map(|pair| pair.strip_prefix("tt=")).unwrap();
                return self.poll(since.parse().unwrap()).await;
            }
            _ => panic!("the bench asked for {target}"),
        })
    }

    fn publish(&self, text: &str) -> String {
        if self.flaw == Flaw::Refuses {
            return r#"[0,"too.fast","17610000057712345"]"#.to_owned();
        }
        let mut said = self.channel.said.borrow_mut();
        let timetoken = said.last().map_or(FIRST, |(timetoken, _)| timetoken + 1);
        if self.flaw != Flaw::Stalls {
            said.push((timetoken, text.replace("%22", "")));
            self.channel.news.notify_waiters();
        }
        json!([1, "Sent", timetoken.to_string()]).to_string()
    }

    async fn poll(&self, since: u64) -> Option<String> {
        let reply = |timetoken: u64, messages: &[Value]| {
            format!(r#"{{"t":{{"t":"{timetoken}","r":1}},"m":{}}}"#, json!(messages))
        };
        if since == 0 {
            let newest = self.channel.said.borrow().last().map_or(FIRST - 1, |(timetoken, _)| *timetoken);
            return Some(reply(newest, &[]));
        }
        loop {
            let news = self.channel.news.notified();
            let (mut newest, mut messages) = (0, Vec::new());
            for (timetoken, text) in &*self.channel.said.borrow() {
                if *timetoken > since {
                    newest = *timetoken;
                    self.deliver(text, &mut messages)?;
                }
            }
            if !messages.is_empty() {
                return Some(reply(newest, &messages));
            }
            if newest == 0 {
                news.await;
            } else {
                return Some(reply(newest, &[]));
            }
        }
    }

    /// `None` closes the connection.
    fn deliver(&self, text: &str, messages: &mut Vec<Value>) -> Option<()> {
        self.deliveries.set(self.deliveries.get() + 1);
        let is_chosen = self.deliveries.get() == 50;
        let times = match self.flaw {
            Flaw::Closes if is_chosen => return None,
            Flaw::Loses if is_chosen => 0,
            Flaw::Repeats if is_chosen => 2,
            _ => 1,
        };
        messages.extend((0..times).map(|_| json!({"a": "1", "d": text})));
        Some(())
    }
}
