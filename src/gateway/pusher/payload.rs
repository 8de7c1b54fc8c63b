//! The frames that the hub writes, by hand: they are made for every event.

use bytes::BytesMut;
use presence_protocol::pusher::event;

use super::fault::Fault;
use super::translate;
use crate::core::{MemberView, Snapshot, TopicName};
use crate::gateway::frames;
use crate::gateway::json::{self, Members};

/// Appends a frame whose members are appended by `fill`.
fn frame(name: &str, out: &mut BytesMut, fill: impl FnOnce(&mut Members<'_>)) {
    let mut text = Vec::with_capacity(256);
    json::object(&mut text, |frame| {
        frame.text("event", name);
        fill(frame);
    });
    frames::text(&text, out);
}

/// Appends a frame about a channel whose data is JSON text in a string.
pub(super) fn about(name: &str, channel: &str, data: &[u8], out: &mut BytesMut) {
    frame(name, out, |frame| {
        frame.text("channel", channel);
        quoted(data, frame.key("data"));
    });
}

/// Appends JSON as the text of a JSON string.
fn quoted(json: &[u8], out: &mut Vec<u8>) {
    json::quote(std::str::from_utf8(json).unwrap_or_default(), out);
}

/// The first frame.
pub(super) fn established(socket_id: &str, activity_timeout: u64, out: &mut BytesMut) {
    let mut data = Vec::with_capacity(96);
    json::object(&mut data, |data| {
        data.text("socket_id", socket_id);
        data.raw("activity_timeout", activity_timeout.to_string().as_bytes());
    });
    frame(event::CONNECTION_ESTABLISHED, out, |frame| quoted(&data, frame.key("data")));
}

/// Something went wrong.
pub(super) fn error(fault: &Fault, out: &mut BytesMut) {
    frame(event::ERROR, out, |frame| {
        frame.object("data", |data| {
            let code = fault.code.map(|code| code.to_string());
            data.raw("code", code.as_deref().unwrap_or("null").as_bytes());
            data.text("message", &fault.message);
        });
    });
}

/// The hub is there.
pub(super) fn pong(out: &mut BytesMut) {
    frame(event::PONG, out, |frame| frame.raw("data", b"{}"));
}

/// The connection is this user from now on.
pub(super) fn signed_in(user_data: &str, out: &mut BytesMut) {
    frame(event::SIGNIN_SUCCESS, out, |frame| frame.object("data", |data| data.text("user_data", user_data)));
}

/// A subscription was refused, for the handlers of the channel.
pub(super) fn subscription_error(channel: &str, fault: &Fault, out: &mut BytesMut) {
    frame(event::SUBSCRIPTION_ERROR, out, |frame| {
        frame.text("channel", channel);
        frame.object("data", |data| {
            data.text("type", "AuthError");
            data.text("error", &fault.message);
            data.raw("status", b"401");
        });
    });
}

/// A subscription was refused, on protocol 8.
pub(super) fn subscription_failed(channel: &str, fault: &Fault, out: &mut BytesMut) {
    let mut data = Vec::with_capacity(128);
    json::object(&mut data, |data| {
        data.raw("code", b"1000");
        data.text("message", &fault.message);
    });
    about(event::SUBSCRIPTION_FAILED, channel, &data, out);
}

/// A subscription has begun: with the members that `presence` renders, as escaped JSON, and what became of the wish to resume.
pub(super) fn succeeded(
    channel: &str,
    presence: Option<&[u8]>,
    resume: Option<(&str, bool)>,
    out: &mut BytesMut,
) {
    let mut rest = Vec::new();
    if let Some((after_id, ok)) = resume {
        json::object(&mut rest, |data| {
            data.object("resume", |resume| {
                resume.text("after_id", after_id);
                resume.raw("ok", if ok { b"true" } else { b"false" });
            });
        });
    }
    let rest = escaped(&rest);
    let open = rest.strip_suffix(b"}").unwrap_or(&rest);
    frame(event::SUBSCRIPTION_SUCCEEDED, out, |frame| {
        frame.text("channel", channel);
        let data = frame.key("data");
        data.push(b'"');
        data.extend_from_slice(if open.is_empty() { b"{" } else { open });
        if let Some(presence) = presence {
            if !open.is_empty() {
                data.push(b',');
            }
            data.extend_from_slice(presence);
        }
        data.extend_from_slice(b"}\"");
    });
}

/// The members of a channel as a member of the data of a subscription that has begun, escaped for the string it stands in.
pub(super) fn presence(snapshot: &Snapshot) -> Vec<u8> {
    let mut presence = Vec::with_capacity(64 + 96 * snapshot.members.len());
    json::object(&mut presence, |data| {
        data.object("presence", |presence| {
            presence.raw("count", snapshot.members.len().to_string().as_bytes());
            let ids = presence.key("ids");
            ids.push(b'[');
            for (place, member) in snapshot.members.iter().enumerate() {
                if place > 0 {
                    ids.push(b',');
                }
                json::quote(member.party.id.as_str(), ids);
            }
            ids.push(b']');
            presence.object("hash", |hash| {
                for member in &snapshot.members {
                    translate::user_info(member, hash.key(member.party.id.as_str()));
                }
            });
        });
    });
    let inner = presence.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or(&presence);
    escaped(inner)
}

/// Text as it stands between the quotes of a JSON string.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4 + 2);
    quoted(text, &mut out);
    out.pop();
    out.drain(..1);
    out
}

/// A member has come.
pub(super) fn member_added(topic: &TopicName, member: &MemberView, out: &mut BytesMut) {
    let mut data = Vec::with_capacity(64 + member.party.info.len());
    json::object(&mut data, |data| {
        data.text("user_id", member.party.id.as_str());
        translate::user_info(member, data.key("user_info"));
    });
    about(event::MEMBER_ADDED, topic.as_str(), &data, out);
}

/// A member has left.
pub(super) fn member_removed(topic: &TopicName, member: &MemberView, out: &mut BytesMut) {
    let mut data = Vec::with_capacity(64);
    json::object(&mut data, |data| data.text("user_id", member.party.id.as_str()));
    about(event::MEMBER_REMOVED, topic.as_str(), &data, out);
}

/// How many connections are subscribed.
pub(super) fn subscription_count(topic: &TopicName, count: u32, out: &mut BytesMut) {
    let mut data = Vec::with_capacity(40);
    json::object(&mut data, |data| data.number("subscription_count", count));
    about(event::SUBSCRIPTION_COUNT, topic.as_str(), &data, out);
}

/// Watched users came online or went. Lists without anybody are left out.
pub(super) fn watchlist(lists: &[(&str, &[&str])], out: &mut BytesMut) {
    let mut data = Vec::with_capacity(96);
    json::object(&mut data, |data| {
        let events = data.key("events");
        events.push(b'[');
        for (place, (name, ids)) in lists.iter().filter(|(_, ids)| !ids.is_empty()).enumerate() {
            if place > 0 {
                events.push(b',');
            }
            json::object(events, |event| {
                event.text("name", name);
                array(ids, event.key("user_ids"));
            });
        }
        events.push(b']');
    });
    frame(event::WATCHLIST_EVENTS, out, |frame| quoted(&data, frame.key("data")));
}

/// Appends texts as a JSON array.
fn array(texts: &[&str], out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::quote(text, out);
    }
    out.push(b']');
}

/// An event: its data is the JSON string that `data` is, or the text of whatever other JSON it is.
pub(super) fn event(
    (name, channel): (&str, &str),
    data: &[u8],
    (user_id, id): (Option<&str>, Option<&str>),
    out: &mut BytesMut,
) {
    frame(name, out, |frame| {
        frame.text("channel", channel);
        if data.starts_with(b"\"") {
            frame.raw("data", data);
        } else {
            quoted(data, frame.key("data"));
        }
        if let Some(user_id) = user_id {
            frame.text("user_id", user_id);
        }
        if let Some(id) = id {
            frame.text("id", id);
        }
    });
}

#[cfg(test)]
mod tests;
