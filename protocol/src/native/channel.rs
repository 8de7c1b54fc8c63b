//! Watching a topic, and watching it no longer.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::frame::Fault;
use super::party::{Sender, present};
use crate::Object;

/// The channel that a client names. Clients give more or less than this; what counts is the id.
#[derive(Clone)]
pub struct ChannelRef<'a> {
    /// The topic.
    pub id: Cow<'a, str>,
    /// The password, where one is given: `null`, empty and absent are the same.
    pub password: Option<Cow<'a, str>>,
}

impl fmt::Debug for ChannelRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelRef").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A place in a topic's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The life of the topic's numbering.
    pub epoch: u64,
    /// The last rev that the viewer had.
    pub rev: u64,
}

/// `SUBSCRIBE_CHANNEL`, and `UNSUBSCRIBE_CHANNEL`, which says less.
#[derive(Debug, Clone)]
pub struct SubscribeChannel<'a> {
    /// The channel; `None` if the client named none.
    pub channel: Option<ChannelRef<'a>>,
    /// From where to resume; whatever is not a place counts as absent.
    pub since: Option<Since>,
}

impl<'a> SubscribeChannel<'a> {
    /// Reads a payload.
    #[must_use]
    pub fn of(payload: &Object<'a>) -> Self {
        let channel = payload.object("channel").and_then(|channel| {
            let password = channel.text("password").filter(|password| !password.is_empty());
            Some(ChannelRef { id: channel.text("_id")?, password })
        });
        let since =
            payload.object("hub").and_then(|hub| hub.object("since")).and_then(|since| since_of(&since));
        Self { channel, since }
    }
}

fn since_of(since: &Object<'_>) -> Option<Since> {
    let rev = since.get("rev")?.get().parse().ok()?;
    Some(Since { epoch: since.text("epoch")?.parse().ok()?, rev })
}

/// A channel as the hub names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelId<'a> {
    /// The topic.
    #[serde(borrow, rename = "_id")]
    pub id: Cow<'a, str>,
    /// Always `topic`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
}

/// `CHANNEL_SUBSCRIBED`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChannelSubscribed<'a> {
    /// The channel.
    #[serde(borrow)]
    pub channel: ChannelId<'a>,
    /// The device's session in the topic, for reference.
    #[serde(borrow)]
    pub dtsid: Cow<'a, str>,
    /// The session, as in `content.sessionId` of its presence.
    #[serde(borrow, rename = "sessionId")]
    pub session_id: Cow<'a, str>,
    /// What the hub adds.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<SubscribedHub<'a>>,
}

/// Where a viewer starts from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubscribedHub<'a> {
    /// Who is there; absent after a resume.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<Vec<RosterEntry<'a>>>,
    /// How many.
    pub occupancy: Occupancy,
    /// Equal for equal rosters: 16 hexadecimal digits.
    #[serde(borrow)]
    pub digest: Cow<'a, str>,
    /// Whether what was missed follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
}

/// The counts of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupancy {
    /// Members.
    pub parties: u32,
    /// Their sessions.
    pub sessions: u32,
    /// Sessions that watch.
    pub watchers: u32,
}

/// A member of a roster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RosterEntry<'a> {
    /// Who it is.
    #[serde(borrow)]
    pub user: Sender<'a>,
    /// What it says.
    #[serde(borrow)]
    pub content: &'a RawValue,
    /// What the hub adds.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<RosterHub<'a>>,
}

/// What the hub knows of a member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RosterHub<'a> {
    /// How many of its sessions have a connection.
    pub sessions: u32,
    /// When it joined, as a timetoken.
    #[serde(borrow)]
    pub joined: Cow<'a, str>,
}

/// `SUBSCRIBE_CHANNEL_FAILED`: the request, and why. Other members of the request stand beside these.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubscribeChannelFailed<'a> {
    /// The channel as the client named it.
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'a RawValue>,
    /// Why.
    #[serde(borrow)]
    pub error: Fault<'a>,
}

/// `CHANNEL_UNSUBSCRIBED`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelUnsubscribed<'a> {
    /// The channel.
    #[serde(borrow)]
    pub channel: ChannelId<'a>,
}
