//! What the hub sends: envelopes, and what their data say once they are decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A frame from the hub. Of most events the data is JSON text in a string.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerFrame<'a> {
    /// The name of the event.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// The channel it is about.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Cow<'a, str>>,
    /// What it says.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a RawValue>,
    /// Who sent a client event on a presence channel.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Cow<'a, str>>,
    /// The place of an event, for apps with an event buffer.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
}

impl<'a> ServerFrame<'a> {
    /// The data, if it is a string.
    #[must_use]
    pub fn data_text(&self) -> Option<Cow<'a, str>> {
        self.data.and_then(crate::object::text_of)
    }
}

/// The data of `pusher:connection_established`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionEstablished {
    /// The connection's name: two numbers with a dot between.
    pub socket_id: String,
    /// After how many seconds of silence the client should ping; never 0.
    pub activity_timeout: u64,
}

/// The data of `pusher:error`, an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorData {
    /// `None` leaves the connection as it is.
    pub code: Option<u16>,
    /// For people.
    pub message: String,
}

/// The data of `pusher_internal:subscription_succeeded`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionSucceeded {
    /// The members of a presence channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
    /// What became of the wish to resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// The members of a presence channel; the subscriber is among them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    /// How many.
    pub count: usize,
    /// Their ids.
    pub ids: Vec<String>,
    /// Their infos; `null` where there is none.
    pub hash: BTreeMap<String, serde_json::Value>,
}

/// What became of the wish to resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The event after which the client wanted to go on.
    pub after_id: String,
    /// Whether everything since follows; otherwise what is kept follows.
    pub ok: bool,
}

/// The data of `pusher_internal:subscription_failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionFailed {
    /// For programs.
    pub code: u16,
    /// For people.
    pub message: String,
}

/// The data of `pusher_internal:member_added`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberAdded {
    /// Who has come.
    pub user_id: String,
    /// What is known of it.
    pub user_info: serde_json::Value,
}

/// The data of `pusher_internal:member_removed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRemoved {
    /// Who has left.
    pub user_id: String,
}

/// The data of `pusher_internal:subscription_count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionCount {
    /// How many connections are subscribed.
    pub subscription_count: u32,
}

/// The data of `pusher_internal:watchlist_events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchlistEvents {
    /// What happened.
    pub events: Vec<WatchlistEvent>,
}

/// Watched users came online or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchlistEvent {
    /// `online` or `offline`.
    pub name: String,
    /// Who.
    pub user_ids: Vec<String>,
}
