//! The native dialect over Socket.IO, as the load generator speaks it: Engine.IO 4 over a WebSocket, in the namespace `/chat`.

use memchr::memmem;
use serde_json::{Value, json};

use super::native::{ID, heard, said, seat_at, sender};
use super::protocol::{Habits, Heard, Protocol, Saying, Speaker};

/// The events of `protocol/native.md`, each in a packet of Socket.IO in a message of Engine.IO.
#[derive(Debug)]
pub(super) struct SocketIo;

/// How the events of the namespace begin.
const EVENT: &str = "42/chat,";
const SENDER: &[u8] = b"\"sender\":{";

impl Protocol for SocketIo {
    fn request_target(&self, token: &str) -> String {
        format!("/socket.io/?EIO=4&transport=websocket&token={token}")
    }

    fn say(&self, _speaker: Speaker<'_>, saying: Saying<'_>, out: &mut dyn FnMut(&str)) {
        let (event, payload) = said(saying);
        out(&format!("{EVENT}{}", json!([event, payload])));
    }

    fn hear(&self, text: &[u8]) -> Heard {
        if let Some(array) = text.strip_prefix(EVENT.as_bytes()) {
            let name = array.split(|byte| *byte == b'"').nth(1).unwrap_or_default();
            return match heard(name, text) {
                Heard::Snapshot => Heard::Watching,
                other => other,
            };
        }
        match text {
            [b'0', ..] => Heard::Call { answer: "40/chat," },
            [b'2'] => Heard::Call { answer: "3" },
            [b'4', b'0', b'/', ..] => Heard::Welcome,
            [b'1'] | [b'4', b'1' | b'4', ..] => Heard::Refused,
            _ => Heard::Other,
        }
    }

    fn socket_of(&self, _welcome: &[u8]) -> Option<String> {
        None
    }

    fn habits(&self) -> Habits {
        Habits { shows_roster: false, echoes: true, updates: true }
    }

    /// Whoever asked stands in the answers too, before the member that each is about.
    fn members(&self, text: &[u8], each: &mut dyn FnMut(usize)) {
        let Some(sender) = memmem::find(text, SENDER) else { return };
        let Some(at) = memmem::find(text.get(sender..).unwrap_or_default(), ID) else { return };
        seat_at(text, sender + at).into_iter().for_each(each);
    }

    fn members_by_the_book(&self, text: &[u8]) -> Option<Vec<usize>> {
        let array: Value = serde_json::from_slice(text.strip_prefix(EVENT.as_bytes())?).ok()?;
        Some(sender(array.get(1)?)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart() {
        for (text, want) in [
            (r#"0{"sid":"x","upgrades":[],"pingInterval":25000}"#, Heard::Call { answer: "40/chat," }),
            ("2", Heard::Call { answer: "3" }),
            (r#"40/chat,{"sid":"y"}"#, Heard::Welcome),
            (r#"44/chat,{"message":"unauthorized"}"#, Heard::Refused),
            (r#"44{"message":"unauthorized"}"#, Heard::Refused),
            ("41/chat,", Heard::Refused),
            ("1", Heard::Refused),
            (r#"42/chat,["CHANNEL_SUBSCRIBED",{}]"#, Heard::Watching),
            (r#"42/chat,["MESSAGE_SENT",{}]"#, Heard::Text),
            (r#"42/chat,["MESSAGE_SENTIMENT",{}]"#, Heard::Other),
            (r#"42/chat,["ERROR",{}]"#, Heard::Refused),
            (r#"42/other,["MESSAGE_SENT",{}]"#, Heard::Other),
            (r#"43/chat,7[{"ok":true}]"#, Heard::Other),
            ("42/chat,", Heard::Other),
            ("3", Heard::Other),
            ("", Heard::Other),
        ] {
            assert_eq!(SocketIo.hear(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn presence_is_told_apart_by_its_category() {
        for (category, want) in [
            ("app.event.presence.party.online", Heard::Online),
            ("app.event.presence.party.leaves", Heard::Left),
            ("app.event.presence.request.parties", Heard::Other),
            ("media.session.invalid", Heard::Refused),
        ] {
            let text = format!(r#"42/chat,["PRESENCE_EVENT_RESPONSE",{{"category":"{category}"}}]"#);
            assert_eq!(SocketIo.hear(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn the_quick_scan_finds_the_member_and_not_who_asked() {
        let members = |text: &str| {
            let mut seats = Vec::new();
            SocketIo.members(text.as_bytes(), &mut |seat| seats.push(seat));
            seats
        };
        let answer = r#"42/chat,["PRESENCE_EVENT_RESPONSE",{"category":"app.event.presence.party.online",
            "receivers":[{"_id":"bench-000001","type":"user"}],"content":{"text":"x"},
            "sender":{"_id":"bench-000042","type":"user"},"topicId":"bench-000007"}]"#;
        assert_eq!(members(answer), [42]);
        assert_eq!(SocketIo.members_by_the_book(answer.as_bytes()), Some(vec![42]));
        let stranger = r#"42/chat,["X",{"sender":{"_id":"someone"},"topicId":"bench-000007"}]"#;
        assert_eq!(
            (members(stranger), SocketIo.members_by_the_book(stranger.as_bytes())),
            (vec![], Some(vec![]))
        );
        for other in ["2", r#"42/chat,["X",{"_id":"bench-000001"}]"#, r#"{"sender":{"_id":7}}"#] {
            assert_eq!((members(other), SocketIo.members_by_the_book(other.as_bytes())), (vec![], None));
        }
    }

    #[test]
    fn what_is_said_is_the_protocol() {
        let mut said = Value::Null;
        let speaker = Speaker { seat: 0, socket: "" };
        SocketIo.say(speaker, Saying::Roster { topic: "t" }, &mut |text| {
            said = serde_json::from_str(text.strip_prefix("42/chat,").unwrap()).unwrap();
        });
        let payload = json!({"category": "app.event.presence.request.parties", "topicId": "t"});
        assert_eq!(said, json!(["SEND_PRESENCE_EVENT", payload]));
    }
}
