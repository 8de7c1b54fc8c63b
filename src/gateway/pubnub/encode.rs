//! Entries and answers as clients see them. An entry's bytes are made once for each form and shared by all answers that hold it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::desk::{Action, Delta, Entry, FORMS, Found, Presence, What};
use super::names::PRESENCE;
use super::sdk::Data;
use crate::core::{Message, PartyId, Timetoken};
use crate::gateway::json::{self, Members};

const _: () = assert!(FORMS > Data::IfState as usize, "an entry keeps the bytes of each form");

/// What all answers of an app say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dress {
    /// Its subscribe key.
    pub(super) key: String,
    /// The region in cursors.
    pub(super) region: u32,
    /// Whether presence events say in `u` what filters can ask of them.
    pub(super) has_meta: bool,
}

/// What a message says beside its body, as it travels with it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Extra<'a> {
    /// What sort of message it is: 1 is a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) e: Option<u8>,
    /// The number that its author gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) s: Option<u64>,
    /// Where and when its author says it comes from.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) o: Option<&'a RawValue>,
    /// Its `meta`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) u: Option<&'a RawValue>,
    /// Its type, in the words of its author.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(super) cmt: Option<&'a str>,
}

/// The answer to a subscribe: a cursor and what came before it.
pub(super) fn answer(
    cursor: Timetoken,
    found: &[Found],
    is_lone: bool,
    form: Data,
    dress: &Dress,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 512 * found.len());
    json::object(&mut out, |answer| {
        place("t", cursor, dress, answer);
        let entries = answer.key("m");
        entries.push(b'[');
        for (place, found) in found.iter().enumerate() {
            if place > 0 {
                entries.push(b',');
            }
            entries
                .extend_from_slice(&found.entry.rendered(form as usize, |entry| render(entry, form, dress)));
            let asked = &*found.asked;
            if !(is_lone && is_channel(&found.entry, asked)) {
                entries.extend_from_slice(b",\"b\":");
                json::quote(asked, entries);
            }
            entries.push(b'}');
        }
        entries.push(b']');
    });
    out
}

/// Whether a name is the one of the entry's own channel.
fn is_channel(entry: &Entry, asked: &str) -> bool {
    let name = entry.topic.as_str();
    if entry.is_presence() { asked.strip_suffix(PRESENCE) == Some(name) } else { asked == name }
}

fn place(key: &str, token: Timetoken, dress: &Dress, out: &mut Members<'_>) {
    out.object(key, |place| {
        place.text("t", &token.to_string());
        place.number("r", dress.region);
    });
}

/// What filters can ask of what was said about an entry.
pub(super) fn meta(entry: &Entry, dress: &Dress) -> Option<Value> {
    match &entry.what {
        What::Message(message) => {
            let extra: Extra<'_> = serde_json::from_slice(&message.extra).ok()?;
            serde_json::from_str(extra.u?.get()).ok()
        }
        What::Presence(_) if !dress.has_meta => None,
        What::Presence(event) => {
            let mut meta = Vec::with_capacity(256);
            json::object(&mut meta, |meta| meta_of(entry.topic.as_str(), event, meta));
            serde_json::from_slice(&meta).ok()
        }
    }
}

/// What filters can ask of a message itself. It takes much more room than its bytes, and is not kept.
pub(super) fn data(entry: &Entry) -> Option<Value> {
    match &entry.what {
        What::Message(message) => serde_json::from_slice(&message.body).ok(),
        What::Presence(_) => None,
    }
}

/// An entry without its end, to which each answer adds how it was asked for.
fn render(entry: &Entry, form: Data, dress: &Dress) -> Bytes {
    let mut out = Vec::with_capacity(384);
    json::object(&mut out, |written| {
        written.text("a", "1");
        written.number("f", 0);
        match &entry.what {
            What::Message(message) => self::message(entry, message, dress, written),
            What::Presence(event) => presence(entry, event, form, dress, written),
        }
    });
    // The object stays open.
    out.pop();
    out.into()
}

fn message(entry: &Entry, message: &Message, dress: &Dress, out: &mut Members<'_>) {
    let extra = std::str::from_utf8(&message.extra).unwrap_or_default();
    let own: Option<Extra<'_>> = serde_json::from_str(extra).ok();
    let extra = own.as_ref();
    if let Some(kind) = extra.and_then(|extra| extra.e) {
        out.number("e", u32::from(kind));
    }
    out.text("i", message.from.id.as_str());
    if let Some(sequence) = extra.and_then(|extra| extra.s) {
        out.raw("s", sequence.to_string().as_bytes());
    }
    if let Some(origin) = extra.and_then(|extra| extra.o) {
        out.raw("o", origin.get().as_bytes());
    }
    place("p", entry.token, dress, out);
    out.text("k", &dress.key);
    out.text("c", entry.topic.as_str());
    if let Some(meta) = extra.and_then(|extra| extra.u) {
        out.raw("u", meta.get().as_bytes());
    }
    out.raw("d", if message.body.is_empty() { b"null" } else { &message.body });
    // What another dialect said has its name for a type.
    let kind = if own.is_some() { extra.and_then(|extra| extra.cmt) } else { Some(&*message.name) };
    if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
        out.text("cmt", kind);
    }
}

fn presence(entry: &Entry, event: &Presence, form: Data, dress: &Dress, out: &mut Members<'_>) {
    place("p", entry.token, dress, out);
    out.text("k", &dress.key);
    let topic = entry.topic.as_str();
    out.text("c", &format!("{topic}{PRESENCE}"));
    if dress.has_meta {
        out.object("u", |meta| meta_of(topic, event, meta));
    }
    out.object("d", |data| {
        data.text("action", event.action.as_str());
        if let Some(uuid) = &event.uuid {
            data.text("uuid", uuid.as_str());
        }
        stamps("", event, data);
        match (&event.state, form, event.action) {
            (Some(state), Data::Always | Data::IfState, _) | (Some(state), _, Action::StateChange) => {
                data.raw("data", state);
            }
            (None, Data::Always, _)
            | (None, _, Action::StateChange)
            | (None, Data::IfState, Action::Timeout) => {
                data.raw("data", b"{}");
            }
            _ => {}
        }
        data.number("occupancy", event.occupancy);
        if let Some(delta) = &event.delta {
            names("", delta, data);
        }
    });
}

/// What filters can ask of an event.
fn meta_of(topic: &str, event: &Presence, meta: &mut Members<'_>) {
    meta.text("pn_action", event.action.as_str());
    meta.text("pn_channel", topic);
    meta.number("pn_ispresence", 1);
    meta.number("pn_occupancy", event.occupancy);
    stamps("pn_", event, meta);
    if let Some(uuid) = &event.uuid {
        meta.text("pn_uuid", uuid.as_str());
    }
    if let (Some(state), Action::Leave) = (&event.state, event.action) {
        last_words(state, meta);
    }
    if let Some(delta) = &event.delta {
        names("pn_", delta, meta);
    }
}

/// What the state of somebody who has left was, key by key.
fn last_words(state: &[u8], meta: &mut Members<'_>) {
    // A state is an object; of anything else there is nothing to tell.
    let said: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(state).unwrap_or_default();
    for (key, value) in said {
        meta.raw(&format!("pn_state_{key}"), value.get().as_bytes());
    }
}

fn stamps(prefix: &str, event: &Presence, out: &mut Members<'_>) {
    let Timetoken(ticks) = event.at;
    out.raw(&format!("{prefix}timestamp"), (ticks / 10_000_000).to_string().as_bytes());
    if matches!(event.action, Action::Join | Action::Leave | Action::Timeout) {
        out.raw(&format!("{prefix}precise_timestamp"), (ticks / 10_000).to_string().as_bytes());
    }
}

fn names(prefix: &str, delta: &Delta, out: &mut Members<'_>) {
    for (name, uuids) in [("join", &delta.join), ("leave", &delta.leave), ("timeout", &delta.timeout)] {
        if !uuids.is_empty() {
            list(uuids, out.key(&format!("{prefix}{name}")));
        }
    }
    if delta.is_too_large && prefix.is_empty() {
        out.raw("here_now_refresh", b"true");
    }
}

fn list(uuids: &[PartyId], out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, uuid) in uuids.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::quote(uuid.as_str(), out);
    }
    out.push(b']');
}
