//! The native dialect on a plain WebSocket at `/ws`, as the load generator speaks it.

use memchr::memmem;
use serde_json::{Value, json};

use super::protocol::{Habits, Heard, PARTY_PREFIX, Protocol, Saying, Speaker, seat_of};

/// `protocol/native.md`.
#[derive(Debug)]
pub(super) struct Native;

const ENVELOPE: &[u8] = b"{\"event\":\"";
/// How an id begins.
pub(super) const ID: &[u8] = b"\"_id\":\"";
const ONLINE: &str = "app.event.presence.party.online";
const PARTIES: &str = "app.event.presence.request.parties";
/// How far into a presence event its category is looked for before the whole text is searched.
const NEAR: usize = 128;

impl Protocol for Native {
    fn request_target(&self, token: &str) -> String {
        format!("/ws?token={token}")
    }

    fn say(&self, _speaker: Speaker<'_>, saying: Saying<'_>, out: &mut dyn FnMut(&str)) {
        let (event, payload) = match saying {
            // Whoever subscribes once more gets a fresh snapshot.
            Saying::Roster { topic } => said(Saying::Watch { topic }),
            other => said(other),
        };
        out(&json!({"event": event, "payload": payload}).to_string());
    }

    fn hear(&self, text: &[u8]) -> Heard {
        match text.strip_prefix(ENVELOPE).and_then(|rest| rest.split(|byte| *byte == b'"').next()) {
            Some(name) => heard(name, text),
            None => serde_json::from_slice::<Value>(text)
                .ok()
                .and_then(|value| {
                    value.get("event").and_then(Value::as_str).map(|name| heard(name.as_bytes(), text))
                })
                .unwrap_or(Heard::Other),
        }
    }

    fn socket_of(&self, _welcome: &[u8]) -> Option<String> {
        None
    }

    fn habits(&self) -> Habits {
        Habits { shows_roster: true, echoes: true, updates: true }
    }

    fn members(&self, text: &[u8], each: &mut dyn FnMut(usize)) {
        for at in memmem::find_iter(text, ID) {
            seat_at(text, at).into_iter().for_each(&mut *each);
        }
    }

    fn members_by_the_book(&self, text: &[u8]) -> Option<Vec<usize>> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let payload = value.get("payload")?;
        if value.get("event")?.as_str()? != "CHANNEL_SUBSCRIBED" {
            return Some(sender(payload)?.into_iter().collect());
        }
        let roster = payload.get("hub")?.get("roster")?.as_array()?;
        let ids = roster.iter().filter_map(|entry| entry.get("user")?.get("_id")?.as_str());
        Some(ids.filter_map(|id| seat_of(id.as_bytes())).collect())
    }
}

/// The event that says something, and its payload; they are the same in every framing of the dialect.
pub(super) fn said(saying: Saying<'_>) -> (&'static str, Value) {
    match saying {
        Saying::Watch { topic } => ("SUBSCRIBE_CHANNEL", json!({"channel": {"type": "topic", "_id": topic}})),
        Saying::Online { topic, text } => {
            ("SEND_PRESENCE_EVENT", json!({"category": ONLINE, "topicId": topic, "content": {"text": text}}))
        }
        Saying::Roster { topic } => ("SEND_PRESENCE_EVENT", json!({"category": PARTIES, "topicId": topic})),
        Saying::Publish { topic, text } => {
            ("SEND_MESSAGE", json!({"category": "chat", "topicId": topic, "content": {"bodyText": text}}))
        }
    }
}

/// The seat of the sender of a presence event, whose payload must name one; strangers have no seat.
pub(super) fn sender(payload: &Value) -> Option<Option<usize>> {
    let id = payload.get("sender")?.get("_id")?.as_str()?;
    Some(seat_of(id.as_bytes()))
}

/// What the event of this name is; `text` is all of its frame.
pub(super) fn heard(name: &[u8], text: &[u8]) -> Heard {
    match name {
        b"MESSAGE_SENT" => Heard::Text,
        b"PRESENCE_EVENT_RESPONSE" => presence(text),
        b"CHANNEL_SUBSCRIBED" => Heard::Snapshot,
        b"AUTHENTICATED" => Heard::Welcome,
        b"ERROR" | b"AUTHENTICATE_FAILED" | b"SUBSCRIBE_CHANNEL_FAILED" | b"SEND_MESSAGE_FAILED" => {
            Heard::Refused
        }
        _ => Heard::Other,
    }
}

/// The seat of the party whose [`ID`] is at this place of a frame.
pub(super) fn seat_at(text: &[u8], at: usize) -> Option<usize> {
    let id = at + ID.len();
    seat_of(text.get(id..id + PARTY_PREFIX.len() + 6)?)
}

fn presence(text: &[u8]) -> Heard {
    const KEY: &[u8] = b"\"category\":\"";
    let near = text.get(..NEAR).unwrap_or(text);
    let at = memmem::find(near, KEY).or_else(|| memmem::find(text, KEY));
    let category = at.and_then(|at| text.get(at + KEY.len()..)).unwrap_or_default();
    match category.split(|byte| *byte == b'"').next() {
        Some(b"app.event.presence.party.online") => Heard::Online,
        Some(b"app.event.presence.party.leaves" | b"party.removed") => Heard::Left,
        Some(b"media.session.invalid") => Heard::Refused,
        _ => Heard::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Vec<usize> {
        let mut seats = Vec::new();
        Native.members(text.as_bytes(), &mut |seat| seats.push(seat));
        seats
    }

    #[test]
    fn events_are_told_apart() {
        for (text, want) in [
            (r#"{"event":"AUTHENTICATED","payload":{}}"#, Heard::Welcome),
            (r#"{"event":"CHANNEL_SUBSCRIBED","payload":{}}"#, Heard::Snapshot),
            (r#"{"event":"MESSAGE_SENT","payload":{}}"#, Heard::Text),
            (r#"{"payload":{},"event":"MESSAGE_SENT"}"#, Heard::Text),
            (r#"{"event":"MESSAGE_SENTIMENT","payload":{}}"#, Heard::Other),
            (r#"{"event":"SEND_MESSAGE_FAILED","payload":{}}"#, Heard::Refused),
            (r#"{"event":"ACK","payload":{}}"#, Heard::Other),
            ("MESSAGE_SENT", Heard::Other),
        ] {
            assert_eq!(Native.hear(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn presence_is_told_apart_by_its_category_wherever_that_stands() {
        let far = "x".repeat(2 * NEAR);
        for (category, want) in [
            (ONLINE, Heard::Online),
            ("app.event.presence.party.leaves", Heard::Left),
            ("party.removed", Heard::Left),
            ("media.session.invalid", Heard::Refused),
            ("hub.presence.interval", Heard::Other),
        ] {
            for pad in ["", &far] {
                let text = format!(
                    r#"{{"event":"PRESENCE_EVENT_RESPONSE","payload":{{"a":"{pad}","category":"{category}"}}}}"#
                );
                assert_eq!(Native.hear(text.as_bytes()), want, "{text}");
            }
        }
    }

    #[test]
    fn the_quick_scan_finds_what_the_full_parse_finds() {
        let online = r#"{"event":"PRESENCE_EVENT_RESPONSE","payload":{"category":"app.event.presence.party.online",
            "content":{"text":"x"},"receivers":[],"sender":{"_id":"bench-000042","type":"user"},"topicId":"bench-000001"}}"#;
        assert_eq!(members(online), [42]);
        assert_eq!(Native.members_by_the_book(online.as_bytes()), Some(vec![42]));
        let snapshot = r#"{"event":"CHANNEL_SUBSCRIBED","payload":{"channel":{"_id":"bench","type":"topic"},"hub":{"roster":[
            {"user":{"_id":"bench-000007"},"content":{}},{"user":{"_id":"someone"}},{"user":{"_id":"bench-000003"}}]}}}"#;
        assert_eq!(members(snapshot), [7, 3]);
        assert_eq!(Native.members_by_the_book(snapshot.as_bytes()), Some(vec![7, 3]));
        assert_eq!(Native.members_by_the_book(b"{}"), None);
    }

    #[test]
    fn what_is_said_is_the_protocol() {
        let said = |saying| {
            let mut frames = Vec::new();
            let speaker = Speaker { seat: 0, socket: "" };
            Native.say(speaker, saying, &mut |text| frames.push(serde_json::from_str(text).unwrap()));
            let [frame]: [Value; 1] = frames.try_into().unwrap();
            frame
        };
        let published = said(Saying::Publish { topic: "t", text: "hi" });
        assert_eq!(published["event"], "SEND_MESSAGE");
        assert_eq!(published["payload"]["content"]["bodyText"], "hi");
        let watched = said(Saying::Watch { topic: "t" });
        assert_eq!(watched["payload"]["channel"], json!({"type": "topic", "_id": "t"}));
    }
}
