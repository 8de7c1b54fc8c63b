//! Presence: what a client says of itself, and what the hub says of everybody.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::channel::Occupancy;
use super::frame::Fault;
use super::party::{Sender, present};
use crate::Object;

/// Whom an event is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receivers<'a> {
    /// Everybody who watches.
    Everyone,
    /// The parties of these ids, and nobody else.
    Named(Vec<Cow<'a, str>>),
}

impl<'a> Receivers<'a> {
    /// Reads the field of a payload: an array of users, of which only the `_id` counts, or of ids.
    pub(super) fn of(payload: &Object<'a>) -> Self {
        let Some(list) = payload.given("receivers") else { return Self::Everyone };
        match serde_json::from_str::<Vec<&'a RawValue>>(list.get()) {
            Ok(list) if list.is_empty() => Self::Everyone,
            Ok(list) => Self::Named(list.into_iter().filter_map(receiver_id).collect()),
            Err(_) => Self::Named(Vec::new()),
        }
    }
}

fn receiver_id(receiver: &RawValue) -> Option<Cow<'_, str>> {
    match Object::of(receiver) {
        Some(user) => user.text("_id"),
        None => crate::object::text_of(receiver),
    }
}

/// `SEND_PRESENCE_EVENT`, with what clients put elsewhere brought to its place.
#[derive(Debug, Clone)]
pub struct SendPresence<'a> {
    /// What sort of event it is.
    pub category: Option<Cow<'a, str>>,
    /// The topic: from the payload, else from the content; empty counts as absent.
    pub topic_id: Option<Cow<'a, str>>,
    /// The content as it was written; `null` counts as absent.
    pub content: Option<&'a RawValue>,
    /// Whom it is for.
    pub receivers: Receivers<'a>,
    /// What the author wants back: from the payload, else from the content. Any JSON, also `null`.
    pub loopback: Option<&'a RawValue>,
}

impl<'a> SendPresence<'a> {
    /// Reads a payload.
    #[must_use]
    pub fn of(payload: &Object<'a>) -> Self {
        let content = payload.given("content");
        let nested = content.and_then(Object::of).unwrap_or_default();
        Self {
            category: payload.text("category").filter(|category| !category.is_empty()),
            topic_id: topic_of(payload, &nested),
            content,
            receivers: Receivers::of(payload),
            loopback: payload.get("loopbackMetadata").or_else(|| nested.get("loopbackMetadata")),
        }
    }
}

/// The topic that a payload names, or its content; empty counts as absent.
pub(super) fn topic_of<'a>(payload: &Object<'a>, content: &Object<'a>) -> Option<Cow<'a, str>> {
    let named = |object: &Object<'a>| object.text("topicId").filter(|topic| !topic.is_empty());
    named(payload).or_else(|| named(content))
}

/// `PRESENCE_EVENT_RESPONSE`, in all its categories.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PresenceResponse<'a> {
    /// The event's own id, which only those about telephones have.
    #[serde(borrow, rename = "_id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// What sort of event it is.
    #[serde(borrow)]
    pub category: Cow<'a, str>,
    /// The topic.
    #[serde(borrow, rename = "topicId")]
    pub topic_id: Cow<'a, str>,
    /// Whom it is about or from.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender<'a>>,
    /// What it says.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a RawValue>,
    /// Whom it is for; nobody named is everybody.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub receivers: Option<Vec<Sender<'a>>>,
    /// What the author gave, on the author's own copy.
    #[serde(borrow, rename = "loopbackMetadata", default, deserialize_with = "present")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loopback_metadata: Option<&'a RawValue>,
    /// What the hub adds.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<PresenceHub<'a>>,
}

/// What the hub adds to a presence event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PresenceHub<'a> {
    /// How many of the member's sessions have a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
    /// Why a party left.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cow<'a, str>>,
    /// When something was last heard of it, in ISO 8601.
    #[serde(borrow, rename = "lastHeard", default, skip_serializing_if = "Option::is_none")]
    pub last_heard: Option<Cow<'a, str>>,
    /// Why an event could not be processed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault<'a>>,
    /// The counts of a big topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occupancy: Option<Occupancy>,
}
