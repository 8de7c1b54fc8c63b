//! Changes as subscribers see them.

use bytes::{Bytes, BytesMut};
use presence_protocol::pusher::event;

use super::{names, payload};
use crate::broker::{Encode, Step};
use crate::core::{Change, ChangeKind, Message, Occupancy, PartyKind, TopicName};

/// In which form an app's connections are told of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Form {
    /// Whether they are told the number of subscribers.
    pub has_counts: bool,
    /// Whether events have ids.
    pub has_ids: bool,
}

impl Form {
    /// Every form there is.
    pub const ALL: [Self; 4] = [
        Self { has_counts: false, has_ids: false },
        Self { has_counts: true, has_ids: false },
        Self { has_counts: false, has_ids: true },
        Self { has_counts: true, has_ids: true },
    ];
}

/// The dialect in one form, as the broker uses it.
#[derive(Debug, Clone, Copy)]
pub struct Encoder(pub Form);

impl Encode for Encoder {
    fn change(&self, step: &Step, _echo: Option<&Bytes>, out: &mut BytesMut) {
        let Change { topic, kind, occupancy, .. } = &*step.change;
        if topic.is_of_party() {
            return online(kind, out);
        }
        let channel = topic.as_str();
        match kind {
            ChangeKind::Joined(member) if names::is_presence(channel) => {
                payload::member_added(topic, member, out);
            }
            ChangeKind::Left { member, .. } if names::is_presence(channel) => {
                payload::member_removed(topic, member, out);
            }
            ChangeKind::Message(message) => self.message(&step.change, message, out),
            ChangeKind::Counts if self.0.has_counts && has_count(channel) => {
                payload::subscription_count(topic, occupancy.watchers, out);
            }
            ChangeKind::Joined(_)
            | ChangeKind::Left { .. }
            | ChangeKind::Updated(_)
            | ChangeKind::Sessions(_)
            | ChangeKind::State(..)
            | ChangeKind::Counts => {}
        }
    }

    fn interval(&self, _topic: &TopicName, _occupancy: Occupancy, _out: &mut BytesMut) {
        // Members are counted by who came and who left, in topics of any size.
    }

    fn omits_own(&self) -> bool {
        true
    }
}

impl Encoder {
    fn message(self, change: &Change, message: &Message, out: &mut BytesMut) {
        let channel = change.topic.as_str();
        // An event that its name says is a client's own says who sent it, unless the app itself did.
        let is_clients = message.name.starts_with(event::CLIENT) && message.from.kind != PartyKind::Bot;
        let user_id = message.from.id.as_str();
        let user_id = (is_clients && names::is_presence(channel)).then_some(user_id);
        let id = self.0.has_ids.then(|| change.stamp.timetoken.to_string());
        payload::event((&message.name, channel), &message.body, (user_id, id.as_deref()), out);
    }
}

/// Whether the subscribers of a channel are told their number.
fn has_count(channel: &str) -> bool {
    !names::is_presence(channel) && names::is_channel(channel)
}

/// A watched user came online or went.
fn online(kind: &ChangeKind, out: &mut BytesMut) {
    match kind {
        ChangeKind::Joined(member) => {
            payload::watchlist(&[("online", &[member.party.id.as_str()])], out);
        }
        ChangeKind::Left { member, .. } => {
            payload::watchlist(&[("offline", &[member.party.id.as_str()])], out);
        }
        ChangeKind::Updated(_)
        | ChangeKind::Sessions(_)
        | ChangeKind::Message(_)
        | ChangeKind::State(..)
        | ChangeKind::Counts => {}
    }
}
