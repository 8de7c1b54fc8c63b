//! Changes and rosters as viewers see them.

use bytes::{Bytes, BytesMut};
use presence_protocol::native::event;

use super::framing::{Framing, Place};
use super::payload::{self, Detail};
use super::translate;
use crate::broker::{Encode, Step};
use crate::core::{Cause, Change, ChangeKind, Message, Occupancy, Snapshot, TopicName};
use crate::gateway::json;

/// The events that messages of this dialect are kept under; their bodies are payloads already.
const OWN_EVENTS: [&str; 3] =
    [event::MESSAGE_SENT, event::PRESENCE_EVENT_RESPONSE, event::MEDIA_SESSION_RESPONSE];

/// The dialect in one framing, as the broker uses it.
#[derive(Debug)]
pub struct Encoder {
    framing: &'static dyn Framing,
}

impl Encoder {
    /// For a framing.
    #[must_use]
    pub fn new(framing: &'static dyn Framing) -> Self {
        Self { framing }
    }
}

impl Encode for Encoder {
    fn change(&self, step: &Step, echo: Option<&Bytes>, out: &mut BytesMut) {
        let Some((name, payload)) = shown(&step.change) else { return };
        self.framing.event(name, &with_echo(&payload, echo.map(Bytes::as_ref)), place(step), out);
    }

    fn interval(&self, topic: &TopicName, occupancy: Occupancy, out: &mut BytesMut) {
        let payload = payload::interval(topic, occupancy);
        self.framing.event(event::PRESENCE_EVENT_RESPONSE, &[&payload], Place::default(), out);
    }
}

/// The parts of a payload, with what its author wants back as its last member.
pub(super) fn with_echo<'a>(payload: &'a [u8], echo: Option<&'a [u8]>) -> [&'a [u8]; 4] {
    match (payload.split_last(), echo) {
        (Some((last, open)), Some(echo)) => {
            [open, b",\"loopbackMetadata\":", echo, std::slice::from_ref(last)]
        }
        _ => [payload, b"", b"", b""],
    }
}

fn place(step: &Step) -> Place {
    let stamp = step.change.stamp;
    Place {
        rev: step.link.map(|link| (stamp.epoch, link.rev)),
        prev: step.link.map(|link| link.prev),
        timetoken: Some(stamp.timetoken),
    }
}

/// The event and payload of a change, if the dialect shows it.
fn shown(change: &Change) -> Option<(&str, Bytes)> {
    let Change { topic, stamp, .. } = change;
    let payload = match &change.kind {
        ChangeKind::Joined(member) | ChangeKind::Updated(member) | ChangeKind::Sessions(member) => {
            payload::online(topic, *stamp, member, b"[]")
        }
        ChangeKind::Left { member, cause: cause @ (Cause::Kicked | Cause::Banned), by, .. } => {
            payload::removed(topic, &member.party, *cause, by.as_deref())
        }
        ChangeKind::Left { member, cause, last_heard, .. } => {
            payload::leaves((topic, *stamp), member, *cause, *last_heard)
        }
        ChangeKind::Message(message) => return Some(said(change, message)),
        ChangeKind::State(..) | ChangeKind::Counts => return None,
    };
    Some((event::PRESENCE_EVENT_RESPONSE, payload.into()))
}

fn said<'a>(change: &Change, message: &'a Message) -> (&'a str, Bytes) {
    // Backends of another dialect may call their events the same; what those say is text.
    if OWN_EVENTS.contains(&&*message.name) && message.body.starts_with(b"{") {
        (&message.name, message.body.clone())
    } else {
        (event::MESSAGE_SENT, payload::foreign_message(&change.topic, change.stamp, message).into())
    }
}

/// A roster as the answer to a subscription carries it.
#[must_use]
pub fn roster(snapshot: &Snapshot) -> Bytes {
    let mut out = Vec::with_capacity(2 + 640 * snapshot.members.len());
    out.push(b'[');
    for (place, member) in snapshot.members.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::object(&mut out, |entry| {
            payload::person(&member.party, Detail::Full, entry.key("user"));
            translate::content(member, entry.key("content"));
            entry.object("hub", |hub| {
                hub.number("sessions", member.attached);
                hub.text("joined", &member.joined.to_string());
            });
        });
    }
    out.push(b']');
    out.into()
}

#[cfg(test)]
mod tests;
