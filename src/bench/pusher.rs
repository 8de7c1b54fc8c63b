//! Pusher Channels, protocol 7, as the load generator speaks it: members of presence channels who send client events.

use hmac::{Hmac, KeyInit, Mac};
use memchr::memmem;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use super::protocol::{Habits, Heard, PARTY_PREFIX, Protocol, Saying, Speaker, party_id, seat_of};

/// An app of a server that speaks the protocol, and the sort of its channels.
#[derive(Debug)]
pub(super) struct Pusher {
    key: String,
    secret: SecretString,
    prefix: &'static str,
}

const ENVELOPE: &[u8] = b"{\"event\":\"";
/// What the bench publishes.
const EVENT: &str = "client-bench";
/// How the places begin, in data that is JSON in a string, where ids of members stand.
const IDS: &[u8] = br#"\"ids\":["#;
const ADDED: &[u8] = br#"\"user_id\":\""#;
const QUOTE: &[u8] = br#"\""#;

impl Pusher {
    /// For the app with this key and secret; its channels begin with `prefix`.
    pub(super) fn new(key: &str, secret: &str, prefix: &'static str) -> Self {
        Self { key: key.to_owned(), secret: SecretString::from(secret.to_owned()), prefix }
    }

    fn channel(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    fn subscribe(&self, speaker: Speaker<'_>, topic: &str) -> Value {
        let Speaker { seat, socket } = speaker;
        let channel = self.channel(topic);
        let id = party_id(seat);
        let user = json!({"user_id": id, "user_info": {"name": id}}).to_string();
        let auth = self.auth(&format!("{socket}:{channel}:{user}"));
        json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": auth, "channel_data": user}})
    }

    /// The app's key and its signature of a text.
    pub(super) fn auth(&self, text: &str) -> String {
        format!("{}:{}", self.key, self.sign(text))
    }

    fn sign(&self, text: &str) -> String {
        // A key of any length will do, so there is always a signature.
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes());
        let signed = mac.map(|mac| mac.chain_update(text).finalize().into_bytes());
        signed.map(hex::encode).unwrap_or_default()
    }
}

impl Protocol for Pusher {
    fn request_target(&self, _token: &str) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!("/app/{}?protocol=7&client=rust-presence-hub-bench&version={version}", self.key)
    }

    fn say(&self, speaker: Speaker<'_>, saying: Saying<'_>, out: &mut dyn FnMut(&str)) {
        let mut put = |frame: Value| out(&frame.to_string());
        match saying {
            Saying::Watch { topic } => put(self.subscribe(speaker, topic)),
            // Whoever subscribes is present, and has nothing to say about it.
            Saying::Online { .. } => {}
            // The list comes once with each subscription.
            Saying::Roster { topic } => {
                put(json!({"event": "pusher:unsubscribe", "data": {"channel": self.channel(topic)}}));
                put(self.subscribe(speaker, topic));
            }
            Saying::Publish { topic, text } => {
                put(json!({"event": EVENT, "channel": self.channel(topic), "data": text}));
            }
        }
    }

    fn hear(&self, text: &[u8]) -> Heard {
        match text.strip_prefix(ENVELOPE).and_then(|rest| rest.split(|byte| *byte == b'"').next()) {
            Some(name) => heard(name),
            None => serde_json::from_slice::<Value>(text)
                .ok()
                .and_then(|value| {
                    value.get("event").and_then(Value::as_str).map(|name| heard(name.as_bytes()))
                })
                .unwrap_or(Heard::Other),
        }
    }

    fn socket_of(&self, welcome: &[u8]) -> Option<String> {
        let frame: Value = serde_json::from_slice(welcome).ok()?;
        Some(data_of(&frame)?.get("socket_id")?.as_str()?.to_owned())
    }

    fn habits(&self) -> Habits {
        Habits { shows_roster: true, echoes: false, updates: false }
    }

    fn members(&self, text: &[u8], each: &mut dyn FnMut(usize)) {
        let list = |at: usize| text.get(at + IDS.len()..)?.split(|byte| *byte == b']').next();
        let Some(ids) = memmem::find(text, IDS).and_then(list) else {
            let id = memmem::find(text, ADDED).and_then(|at| seat_at(text, at + ADDED.len()));
            return id.into_iter().for_each(each);
        };
        for at in memmem::find_iter(ids, QUOTE) {
            seat_at(ids, at + QUOTE.len()).into_iter().for_each(&mut *each);
        }
    }

    fn members_by_the_book(&self, text: &[u8]) -> Option<Vec<usize>> {
        let frame: Value = serde_json::from_slice(text).ok()?;
        let data = data_of(&frame)?;
        let seat = |id: &Value| id.as_str().and_then(|id| seat_of(id.as_bytes()));
        let Some(presence) = data.get("presence") else {
            return Some(seat(data.get("user_id")?).into_iter().collect());
        };
        let (ids, hash) = (presence.get("ids")?.as_array()?, presence.get("hash")?.as_object()?);
        let agree = presence.get("count")?.as_u64()? == ids.len() as u64 && ids.len() == hash.len();
        let is_known = |id: &Value| id.as_str().is_some_and(|id| hash.contains_key(id));
        (agree && ids.iter().all(is_known)).then(|| ids.iter().filter_map(seat).collect())
    }
}

/// The data of a frame, which is JSON in a string.
fn data_of(frame: &Value) -> Option<Value> {
    serde_json::from_str(frame.get("data")?.as_str()?).ok()
}

fn seat_at(text: &[u8], at: usize) -> Option<usize> {
    seat_of(text.get(at..at + PARTY_PREFIX.len() + 6)?)
}

fn heard(name: &[u8]) -> Heard {
    match name {
        b"client-bench" => Heard::Text,
        b"pusher_internal:member_added" => Heard::Online,
        b"pusher_internal:member_removed" => Heard::Left,
        b"pusher_internal:subscription_succeeded" => Heard::Snapshot,
        b"pusher:connection_established" => Heard::Welcome,
        b"pusher:ping" => Heard::Call { answer: r#"{"event":"pusher:pong","data":{}}"# },
        b"pusher:error" | b"pusher:subscription_error" | b"pusher_internal:subscription_failed" => {
            Heard::Refused
        }
        _ => Heard::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pusher() -> Pusher {
        Pusher::new("278d425bdf160c739803", "7ad3773142a6692b25b8", "presence-")
    }

    fn members(text: &str) -> Vec<usize> {
        let mut seats = Vec::new();
        pusher().members(text.as_bytes(), &mut |seat| seats.push(seat));
        seats
    }

    fn said(saying: Saying<'_>) -> Vec<Value> {
        let mut frames = Vec::new();
        let speaker = Speaker { seat: 7, socket: "1234.1234" };
        pusher().say(speaker, saying, &mut |text| frames.push(serde_json::from_str(text).unwrap()));
        frames
    }

    #[test]
    fn the_signature_is_that_of_the_protocol() {
        let signed = r#"1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#;
        let signature = "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80";
        assert_eq!(pusher().sign(signed), signature);
    }

    #[test]
    fn a_subscription_is_signed_for_its_connection_and_its_member() {
        let frames = said(Saying::Watch { topic: "t" });
        let data = &frames[0]["data"];
        let user = data["channel_data"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(user).unwrap()["user_id"], "bench-000007");
        let signature = pusher().sign(&format!("1234.1234:presence-t:{user}"));
        assert_eq!(data["auth"], format!("278d425bdf160c739803:{signature}"));
        assert_eq!((frames.len(), &data["channel"]), (1, &json!("presence-t")));
    }

    #[test]
    fn what_is_said_is_the_protocol() {
        assert_eq!(said(Saying::Online { topic: "t", text: "here" }), [Value::Null; 0]);
        let published = json!({"event": "client-bench", "channel": "presence-t", "data": "hi"});
        assert_eq!(said(Saying::Publish { topic: "t", text: "hi" }), [published]);
        let frames = said(Saying::Roster { topic: "t" });
        let names: Vec<_> = frames.iter().map(|frame| frame["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["pusher:unsubscribe", "pusher:subscribe"]);
    }

    #[test]
    fn frames_are_told_apart() {
        for (text, want) in [
            (r#"{"event":"pusher:connection_established","data":"{}"}"#, Heard::Welcome),
            (r#"{"event":"pusher_internal:subscription_succeeded","data":"{}"}"#, Heard::Snapshot),
            (r#"{"event":"pusher_internal:member_added","data":"{}"}"#, Heard::Online),
            (r#"{"event":"pusher_internal:member_removed","data":"{}"}"#, Heard::Left),
            (r#"{"event":"client-bench","channel":"c","data":"x"}"#, Heard::Text),
            (r#"{"channel":"c","event":"client-bench","data":"x"}"#, Heard::Text),
            (r#"{"event":"client-benchmark","data":"x"}"#, Heard::Other),
            (r#"{"event":"pusher:error","data":{"code":null}}"#, Heard::Refused),
            (r#"{"event":"pusher:subscription_error","data":{}}"#, Heard::Refused),
            (r#"{"event":"pusher:pong","data":{}}"#, Heard::Other),
            ("client-bench", Heard::Other),
        ] {
            assert_eq!(pusher().hear(text.as_bytes()), want, "{text}");
        }
        assert!(matches!(pusher().hear(br#"{"event":"pusher:ping","data":{}}"#), Heard::Call { .. }));
    }

    #[test]
    fn the_welcome_names_the_connection() {
        let welcome = br#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"12.34\",\"activity_timeout\":120}"}"#;
        assert_eq!(pusher().socket_of(welcome).as_deref(), Some("12.34"));
        assert_eq!(pusher().socket_of(b"{}"), None);
    }

    #[test]
    fn the_quick_scan_finds_each_member_once() {
        let list = r#"{"event":"pusher_internal:subscription_succeeded","channel":"presence-bench-000009","data":"{\"presence\":{\"count\":3,\"ids\":[\"bench-000007\",\"someone\",\"bench-000003\"],\"hash\":{\"bench-000007\":{\"name\":\"bench-000007\"},\"someone\":null,\"bench-000003\":{}}}}"}"#;
        assert_eq!(members(list), [7, 3]);
        assert_eq!(pusher().members_by_the_book(list.as_bytes()), Some(vec![7, 3]));
        let added = r#"{"event":"pusher_internal:member_added","channel":"presence-t","data":"{\"user_id\":\"bench-000042\",\"user_info\":{\"name\":\"bench-000042\"}}"}"#;
        assert_eq!(members(added), [42]);
        assert_eq!(pusher().members_by_the_book(added.as_bytes()), Some(vec![42]));
    }

    #[test]
    fn a_list_that_contradicts_itself_is_none() {
        for presence in [
            r#"{\"count\":2,\"ids\":[\"bench-000001\"],\"hash\":{\"bench-000001\":{}}}"#,
            r#"{\"count\":1,\"ids\":[\"bench-000001\"],\"hash\":{}}"#,
            r#"{\"count\":1,\"ids\":[\"bench-000001\"],\"hash\":{\"bench-000002\":{}}}"#,
        ] {
            let text = format!(r#"{{"data":"{{\"presence\":{presence}}}"}}"#);
            assert_eq!(pusher().members_by_the_book(text.as_bytes()), None, "{text}");
        }
        assert_eq!(pusher().members_by_the_book(b"{}"), None);
    }
}
