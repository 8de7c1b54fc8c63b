//! The stand-in as a server of the Pusher dialect.

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{Flaw, StandIn, send};
use crate::bench::protocol::party_id;

/// A connection of the stand-in.
type To = mpsc::Sender<Message>;

impl StandIn {
    pub(super) fn welcome_pusher(sender: &To, seat: usize) {
        let data = json!({"socket_id": format!("1.{seat}"), "activity_timeout": 120}).to_string();
        send(sender, &json!({"event": "pusher:connection_established", "data": data}).to_string());
    }

    pub(super) fn obey_pusher(&self, sender: &To, seat: usize, said: &Value) {
        let data = &said["data"];
        match said["event"].as_str().unwrap() {
            "pusher:subscribe" => self.subscribe(sender, seat, data),
            "pusher:unsubscribe" => self.unsubscribe(sender, data["channel"].as_str().unwrap()),
            "pusher:pong" if self.flaw == Flaw::Stalls => send(sender, PING),
            "client-bench" => match self.flaw {
                Flaw::Refuses => {
                    let data = json!({"code": null, "message": "too.fast"});
                    send(sender, &json!({"event": "pusher:error", "data": data}).to_string());
                }
                Flaw::Stalls => send(sender, PING),
                _ => {
                    let channel = said["channel"].as_str().unwrap();
                    self.spread(channel, said, |other| !other.same_channel(sender));
                }
            },
            other => panic!("the bench said {other}"),
        }
    }

    fn subscribe(&self, sender: &To, seat: usize, data: &Value) {
        let (channel, user) = (data["channel"].as_str().unwrap(), data["channel_data"].as_str().unwrap());
        assert!(channel.starts_with("presence-"), "{channel}");
        let signed = super::super::pusher::Pusher::new("demo-key", "demo-secret", "")
            .auth(&format!("1.{seat}:{channel}:{user}"));
        assert_eq!(data["auth"], signed);
        let user: Value = serde_json::from_str(user).unwrap();
        let id = user["user_id"].as_str().unwrap().to_owned();
        let is_hidden = self.flaw == Flaw::Hides && id == party_id(3);
        if !is_hidden {
            self.members.borrow_mut().entry(channel.to_owned()).or_default().push(id.clone());
            self.announce("pusher_internal:member_added", channel, &user);
        }
        let ids = self.members.borrow().get(channel).cloned().unwrap_or_default();
        let hash: serde_json::Map<_, _> = ids.iter().map(|id| (id.clone(), json!({"name": id}))).collect();
        let presence = json!({"presence": {"count": ids.len(), "ids": ids, "hash": hash}}).to_string();
        let event = "pusher_internal:subscription_succeeded";
        send(sender, &json!({"event": event, "channel": channel, "data": presence}).to_string());
        self.sockets.borrow_mut().push((sender.clone(), id));
        self.watchers.borrow_mut().entry(channel.to_owned()).or_default().push(sender.clone());
    }

    fn unsubscribe(&self, sender: &To, channel: &str) {
        let is_other = |other: &To| !other.same_channel(sender);
        self.watchers.borrow_mut().get_mut(channel).unwrap().retain(is_other);
        let mut sockets = self.sockets.borrow_mut();
        let place = sockets.iter().position(|(other, _)| other.same_channel(sender)).unwrap();
        let (_, id) = sockets.swap_remove(place);
        self.members.borrow_mut().get_mut(channel).unwrap().retain(|other| *other != id);
        self.announce("pusher_internal:member_removed", channel, &json!({"user_id": id}));
    }

    fn announce(&self, event: &str, channel: &str, data: &Value) {
        let frame = json!({"event": event, "channel": channel, "data": data.to_string()}).to_string();
        for watcher in self.watchers.borrow().get(channel).into_iter().flatten() {
            send(watcher, &frame);
        }
    }
}

const PING: &str = r#"{"event":"pusher:ping","data":{}}"#;
