//! The PubNub dialect, as the load generator speaks it: everybody holds a poll, and the first seat publishes.

use std::cell::RefCell;

use memchr::memmem;

use super::protocol::{Habits, Heard, Protocol, Saying, Speaker, party_id};
use super::publisher::PUBLISHER;
use super::transport::Transport;

/// An app whose publish and subscribe keys are one.
#[derive(Debug)]
pub(super) struct PubNub {
    key: String,
    /// What each seat polls, without its timetoken; empty while it does not.
    polls: RefCell<Vec<String>>,
}

/// How the answer to a poll begins, and its timetoken.
const TIMETOKEN: &[u8] = br#"{"t":{"t":""#;
/// How it ends when nothing has happened.
const NOTHING: &[u8] = br#""m":[]}"#;
/// How each message in it begins.
const MESSAGE: &[u8] = br#"{"a":""#;

impl PubNub {
    /// For the app with this key.
    pub(super) fn new(key: &str) -> Self {
        Self { key: key.to_owned(), polls: RefCell::default() }
    }

    /// Begins to poll; whoever publishes needs its connection for that, and asks for something else.
    fn watch(&self, seat: usize, topic: &str) -> String {
        let (key, uuid) = (&self.key, party_id(seat));
        if seat == PUBLISHER {
            return format!("/v2/presence/sub-key/{key}/channel/{topic}?disable_uuids=1&uuid={uuid}");
        }
        let poll = format!("/v2/subscribe/{key}/{topic}/0?heartbeat=300&uuid={uuid}&tt=");
        let first = format!("{poll}0");
        let mut polls = self.polls.borrow_mut();
        let size = polls.len().max(seat + 1);
        polls.resize_with(size, String::new);
        polls[seat] = poll;
        first
    }
}

impl Protocol for PubNub {
    fn transport(&self) -> Transport {
        Transport::Http
    }

    fn request_target(&self, _token: &str) -> String {
        "/time/0".to_owned()
    }

    fn say(&self, speaker: Speaker<'_>, saying: Saying<'_>, out: &mut dyn FnMut(&str)) {
        let (key, uuid) = (&self.key, party_id(speaker.seat));
        match saying {
            Saying::Watch { topic } => out(&self.watch(speaker.seat, topic)),
            // Whoever subscribes is present, and is told of by the same poll.
            Saying::Online { .. } | Saying::Roster { .. } => {}
            Saying::Publish { topic, text } => {
                out(&format!("/publish/{key}/{key}/0/{topic}/0/%22{text}%22?uuid={uuid}"));
            }
        }
    }

    fn hear(&self, text: &[u8]) -> Heard {
        match text {
            [b'[', b'1', b',', ..] => Heard::Other,
            [b'[', b'1', ..] => Heard::Welcome,
            poll if poll.starts_with(TIMETOKEN) && poll.ends_with(NOTHING) => Heard::Watching,
            poll if poll.starts_with(TIMETOKEN) => Heard::Batch,
            here if memmem::find(here, br#""occupancy""#).is_some() => Heard::Watching,
            _ => Heard::Refused,
        }
    }

    fn next(&self, seat: usize, text: &[u8]) -> Option<String> {
        let digits = text.strip_prefix(TIMETOKEN)?.split(|byte| *byte == b'"').next()?;
        let timetoken = std::str::from_utf8(digits).ok()?;
        let polls = self.polls.borrow();
        let poll = polls.get(seat).filter(|poll| !poll.is_empty())?;
        Some(format!("{poll}{timetoken}"))
    }

    fn parts(&self, batch: &[u8], each: &mut dyn FnMut(&[u8])) {
        let mut starts = memmem::find_iter(batch, MESSAGE).peekable();
        while let Some(start) = starts.next() {
            let end = starts.peek().copied().unwrap_or(batch.len());
            each(&batch[start..end]);
        }
    }

    fn socket_of(&self, _welcome: &[u8]) -> Option<String> {
        None
    }

    fn habits(&self) -> Habits {
        Habits { shows_roster: false, echoes: false, updates: false }
    }

    fn members(&self, _text: &[u8], _each: &mut dyn FnMut(usize)) {}

    fn members_by_the_book(&self, _text: &[u8]) -> Option<Vec<usize>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pubnub: &PubNub, seat: usize, saying: Saying<'_>) -> Vec<String> {
        let mut targets = Vec::new();
        pubnub.say(Speaker { seat, socket: "" }, saying, &mut |target| targets.push(target.to_owned()));
        targets
    }

    #[test]
    fn a_poll_goes_on_where_the_last_one_ended() {
        let pubnub = PubNub::new("demo-key");
        let first = said(&pubnub, 7, Saying::Watch { topic: "t" });
        assert_eq!(first, ["/v2/subscribe/demo-key/t/0?heartbeat=300&uuid=bench-000007&tt=0"]);
        let answer = br#"{"t":{"t":"17610000000041122","r":1},"m":[]}"#;
        let next = "/v2/subscribe/demo-key/t/0?heartbeat=300&uuid=bench-000007&tt=17610000000041122";
        assert_eq!(pubnub.next(7, answer).as_deref(), Some(next));
        assert_eq!(pubnub.next(6, answer), None);
        assert_eq!(pubnub.next(7, br#"[1,"Sent","17610000000041122"]"#), None);
    }

    #[test]
    fn whoever_publishes_does_not_poll() {
        let pubnub = PubNub::new("demo-key");
        let watch = said(&pubnub, PUBLISHER, Saying::Watch { topic: "t" });
        assert!(watch[0].starts_with("/v2/presence/sub-key/demo-key/channel/t?"), "{watch:?}");
        let publish = said(&pubnub, PUBLISHER, Saying::Publish { topic: "t", text: "hi" });
        assert_eq!(publish, ["/publish/demo-key/demo-key/0/t/0/%22hi%22?uuid=bench-000000"]);
        assert_eq!(pubnub.next(PUBLISHER, br#"{"t":{"t":"1","r":1},"m":[]}"#), None);
    }

    #[test]
    fn answers_are_told_apart() {
        for (text, want) in [
            ("[17610000057712345]", Heard::Welcome),
            (r#"[1,"Sent","17610000051100400"]"#, Heard::Other),
            (r#"[0,"Invalid Key","17610000057712345"]"#, Heard::Refused),
            (r#"{"t":{"t":"17610000000041122","r":1},"m":[]}"#, Heard::Watching),
            (r#"{"t":{"t":"17610000000041122","r":1},"m":[{"a":"1"}]}"#, Heard::Batch),
            (r#"{"status":200,"message":"OK","service":"Presence","occupancy":0}"#, Heard::Watching),
            (r#"{"status":429,"error":true,"message":"Too many requests."}"#, Heard::Refused),
        ] {
            assert_eq!(PubNub::new("k").hear(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_batch_has_all_its_messages() {
        let batch = br#"{"t":{"t":"1","r":1},"m":[{"a":"1","d":"x"},{"a":"1","d":"y"}]}"#;
        let mut parts = Vec::new();
        PubNub::new("k").parts(batch, &mut |part| parts.push(String::from_utf8_lossy(part).into_owned()));
        assert_eq!(parts, [r#"{"a":"1","d":"x"},"#, r#"{"a":"1","d":"y"}]}"#]);
    }
}
