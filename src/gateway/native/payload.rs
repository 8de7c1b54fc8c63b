//! The payloads that the hub writes, by hand: they are made for every change.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use presence_protocol::native::category;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::fault::Fault;
use super::translate;
use crate::core::{
    Cause, MemberView, Message, Occupancy, Party, PartyId, PartyKind, SessionId, Stamp, TopicName, Wall,
};
use crate::gateway::json::{self, Members};

/// How much of a party is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Full,
    /// Everything but telephone numbers: receivers, and whoever asks for the parties.
    Brief,
    /// What messages say.
    Message,
    /// Only a name.
    Name,
}

/// The kind of a party as the wire calls it.
pub(super) fn kind_name(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::User => "user",
        PartyKind::Anonymous => "anonymous",
        PartyKind::Phone => "phone",
        PartyKind::Bot => "bot",
    }
}

/// The name that people see: a party that gave none is called by its login name or id.
pub(super) fn displayname(party: &Party) -> &str {
    let given = [&*party.displayname, &*party.username].into_iter().find(|name| !name.is_empty());
    given.unwrap_or(party.id.as_str())
}

/// A party's telephone numbers as JSON.
pub(super) fn phone_numbers(party: &Party) -> &[u8] {
    if party.phone_numbers.is_empty() { b"[]" } else { &party.phone_numbers }
}

/// Appends a sender or receiver.
pub(super) fn person(party: &Party, detail: Detail, out: &mut Vec<u8>) {
    json::object(out, |person| {
        person.text("_id", party.id.as_str());
        person.text("type", kind_name(party.kind));
        person.text("displayname", displayname(party));
        if detail != Detail::Name {
            person.text("username", &party.username);
            person.text("picture_url", &party.picture_url);
        }
        // Clients know telephones without these.
        let has_more = party.kind != PartyKind::Phone;
        if has_more && detail == Detail::Full {
            person.raw("phone_numbers", phone_numbers(party));
        }
        if has_more && matches!(detail, Detail::Full | Detail::Brief) {
            for key in ["authorizedBy", "authorizedResources", "scope"] {
                person.raw(key, b"null");
            }
        }
    });
}

/// A receiver: who was named, and what the hub knows of it if it is here.
pub(super) type Receiver = (PartyId, Option<Arc<Party>>);

/// The receivers of an event, as the hub knows them.
pub(super) fn receivers(named: &[Receiver]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (place, (id, party)) in named.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match party {
            Some(party) => person(party, Detail::Brief, &mut out),
            None => json::object(&mut out, |person| person.text("_id", id.as_str())),
        }
    }
    out.push(b']');
    out
}

/// A session as the wire names it: a telephone's session is its call.
pub(super) fn session_text(party: &Party, session: SessionId) -> String {
    match party.kind {
        PartyKind::Phone => party.id.as_str().into(),
        PartyKind::User | PartyKind::Anonymous | PartyKind::Bot => session.to_string(),
    }
}

/// The `online` of a member, for everybody (`[]`) or for the receivers of a JSON array.
pub(super) fn online(topic: &TopicName, stamp: Stamp, member: &MemberView, receivers: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(768);
    json::object(&mut out, |payload| {
        presence((topic, stamp, category::ONLINE), member, receivers, payload);
        payload.object("hub", |hub| hub.number("sessions", member.attached));
    });
    out
}

/// The `leaves` of a party.
pub(super) fn leaves(
    at: (&TopicName, Stamp),
    member: &MemberView,
    cause: Cause,
    last_heard: Wall,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(768);
    json::object(&mut out, |payload| {
        presence((at.0, at.1, category::LEAVES), member, b"[]", payload);
        payload.object("hub", |hub| {
            hub.text("cause", cause.as_str());
            hub.text("lastHeard", &iso(last_heard));
            hub.number("sessions", 0);
        });
    });
    out
}

/// An `online` that is no change: the echo of one that changed nothing, or an answer to the receivers of a JSON array.
pub(super) fn plain_online(topic: &TopicName, member: &MemberView, receivers: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(768);
    json::object(&mut out, |payload| {
        presence((topic, Stamp::default(), category::ONLINE), member, receivers, payload);
    });
    out
}

fn presence(
    (topic, stamp, category): (&TopicName, Stamp, &str),
    member: &MemberView,
    receivers: &[u8],
    payload: &mut Members<'_>,
) {
    let party = &member.party;
    payload.text("category", category);
    if party.kind == PartyKind::Phone {
        payload.text("_id", &event_id(topic, stamp).to_string());
    } else {
        payload.raw("receivers", receivers);
    }
    translate::content(member, payload.key("content"));
    person(party, Detail::Full, payload.key("sender"));
    payload.text("topicId", topic.as_str());
}

/// The removal of a party by somebody.
pub(super) fn removed(topic: &TopicName, gone: &Party, cause: Cause, by: Option<&Party>) -> Vec<u8> {
    let mut out = Vec::with_capacity(384);
    json::object(&mut out, |payload| {
        payload.text("category", category::REMOVED);
        payload.text("topicId", topic.as_str());
        // Without a record of who did it, it was the hub.
        match by {
            Some(by) => person(by, Detail::Name, payload.key("sender")),
            None => payload.object("sender", |sender| {
                sender.text("_id", "hub");
                sender.text("type", "bot");
                sender.text("displayname", "hub");
            }),
        }
        payload.object("content", |content| {
            content.object("attendee", |attendee| {
                attendee.text("attendeeType", attendee_type(gone.kind));
                attendee.text("attendee", gone.id.as_str());
            });
        });
        payload.object("hub", |hub| hub.text("cause", cause.as_str()));
    });
    out
}

fn attendee_type(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::Anonymous => "anonymousId",
        PartyKind::User | PartyKind::Phone | PartyKind::Bot => "userId",
    }
}

/// Something that another dialect said, as a message: the text of it for people, and all of it under `hub`.
pub(super) fn foreign_message(topic: &TopicName, stamp: Stamp, message: &Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + 2 * message.body.len());
    let body = std::str::from_utf8(&message.body).unwrap_or_default();
    let text: Option<String> = serde_json::from_str(body).ok();
    json::object(&mut out, |payload| {
        payload.text("_id", &event_id(topic, stamp).simple().to_string()[..24]);
        payload.text("category", "chat");
        payload.text("topicId", topic.as_str());
        payload.text("topicTitle", topic.as_str());
        payload.text("topicType", "group");
        payload.text("created", &iso(Wall(stamp.timetoken.0)));
        person(&message.from, Detail::Message, payload.key("sender"));
        payload.object("content", |content| {
            content.text("bodyText", text.as_deref().unwrap_or(body));
            message_defaults(content, |key| key == "bodyText");
        });
        payload.object("hub", |hub| {
            hub.text("name", &message.name);
            hub.raw("body", if body.is_empty() { b"null" } else { &message.body });
        });
    });
    out
}

/// Appends what every message's content has, unless the message itself says it.
pub(super) fn message_defaults(content: &mut Members<'_>, is_said: impl Fn(&str) -> bool) {
    let defaults: [(&str, &[u8]); 9] = [
        ("cid", b"\"\""),
        ("bodyText", b"\"\""),
        ("description", b"\"\""),
        ("status", b"\"pending\""),
        ("dueDate", b"null"),
        ("assignees", b"[]"),
        ("data", b"[]"),
        ("startTime", b"null"),
        ("endTime", b"null"),
    ];
    for (key, value) in defaults {
        if !is_said(key) {
            content.raw(key, value);
        }
    }
}

/// The counts of a big topic.
pub(super) fn interval(topic: &TopicName, occupancy: Occupancy) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    json::object(&mut out, |payload| {
        payload.text("category", category::INTERVAL);
        payload.text("topicId", topic.as_str());
        payload.object("hub", |hub| counts(occupancy, hub));
    });
    out
}

/// Appends the counts of a topic as `occupancy`.
pub(super) fn counts(occupancy: Occupancy, hub: &mut Members<'_>) {
    hub.object("occupancy", |counts| {
        counts.number("parties", occupancy.parties);
        counts.number("sessions", occupancy.sessions);
        counts.number("watchers", occupancy.watchers);
    });
}

/// A presence event that could not be processed.
pub(super) fn invalid(topic: &str, sender: &Party, loopback: Option<&[u8]>, fault: &Fault) -> Vec<u8> {
    let mut out = Vec::with_capacity(384);
    json::object(&mut out, |payload| {
        payload.text("category", category::INVALID);
        payload.text("topicId", topic);
        person(sender, Detail::Name, payload.key("sender"));
        if let Some(loopback) = loopback {
            payload.raw("loopbackMetadata", loopback);
        }
        payload.object("hub", |hub| fault.write(hub.key("error")));
    });
    out
}

/// A channel by its name.
pub(super) fn channel(topic: &str, payload: &mut Members<'_>) {
    payload.object("channel", |channel| {
        channel.text("_id", topic);
        channel.text("type", "topic");
    });
}

/// An instant in ISO 8601, to the millisecond.
pub(super) fn iso(at: Wall) -> String {
    let millis = i64::try_from(at.millis()).unwrap_or(i64::MAX);
    let instant = DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An id that is the same on every node, and another for every event.
fn event_id(topic: &TopicName, stamp: Stamp) -> Uuid {
    let place = format!("{}\u{1f}{}\u{1f}{}", topic.as_str(), stamp.epoch, stamp.rev);
    uuid::Builder::from_random_bytes(xxh3_128(place.as_bytes()).to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_iso_8601() {
        assert_eq!(iso(Wall(15_965_467_083_769_999)), "2020-08-04T13:11:48.376Z");
        assert_eq!(iso(Wall(0)), "1970-01-01T00:00:00.000Z");
        assert!(!iso(Wall(u64::MAX)).is_empty());
    }

    #[test]
    fn a_party_is_always_called_something() {
        let id = PartyId::new("p1").unwrap();
        let mut party = Party::new(id);
        assert_eq!(displayname(&party), "p1");
        party.username = "login".into();
        assert_eq!(displayname(&party), "login");
        party.displayname = "Name".into();
        assert_eq!(displayname(&party), "Name");
    }
}
