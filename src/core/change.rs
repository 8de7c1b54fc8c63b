//! Changes: the only output of the core.

use std::sync::Arc;

use super::content::Content;
use super::ids::{PartyId, SessionId, Timetoken, TopicName};
use super::party::Party;
use super::record::{Message, Stamp};
use super::time::Wall;

/// Why a leave happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The party said so.
    Left,
    /// The connection was lost and did not come back within the grace.
    Closed,
    /// Nothing was heard for longer than the timeout.
    TimedOut,
    /// The node that owned the session is gone.
    NodeLost,
    /// Somebody removed the party.
    Kicked,
    /// Somebody removed the party and keeps it out.
    Banned,
    /// Another session took its place.
    Replaced,
    /// A rule of the app ended it.
    Policy,
}

impl Cause {
    /// The name used on every wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Closed => "closed",
            Self::TimedOut => "timed_out",
            Self::NodeLost => "node_lost",
            Self::Kicked => "kicked",
            Self::Banned => "banned",
            Self::Replaced => "replaced",
            Self::Policy => "policy",
        }
    }
}

/// The counts of a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Occupancy {
    /// Members.
    pub parties: u32,
    /// Memberships: the members' sessions, attached or within their grace.
    pub sessions: u32,
    /// Sessions that receive changes, over all nodes.
    pub watchers: u32,
}

/// A topic became interesting, or ceased to be: it has no member and no watcher before, or after, the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// The first member or watcher came.
    Occupied,
    /// The last member or watcher went.
    Vacated,
}

/// One member as viewers see it: all memberships of the party, merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Who it is.
    pub party: Arc<Party>,
    /// The session that spoke last.
    pub session: SessionId,
    /// What it said, with the facts of all the member's sessions together.
    pub content: Content,
    /// How many of the member's sessions have a connection.
    pub attached: u32,
    /// When the member joined.
    pub joined: Timetoken,
}

/// What a record changed. One record makes at most one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The topic.
    pub topic: TopicName,
    /// The place of the record that made it.
    pub stamp: Stamp,
    /// What changed.
    pub kind: ChangeKind,
    /// The counts after it.
    pub occupancy: Occupancy,
    /// Whether the topic became occupied or vacated by it.
    pub edge: Option<Edge>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// A party became a member.
    Joined(MemberView),
    /// A member's content changed.
    Updated(MemberView),
    /// Only the number of a member's attached sessions changed.
    Sessions(MemberView),
    /// A party ceased to be a member.
    Left {
        /// The member as it was last.
        member: MemberView,
        /// Why it left.
        cause: Cause,
        /// When something was last heard of its last session.
        last_heard: Wall,
        /// Who removed it, if somebody did.
        by: Option<Arc<Party>>,
    },
    /// Something was said.
    Message(Arc<Message>),
    /// The state of a party that is not a member changed; `None` is forgotten.
    State(Arc<Party>, Option<Content>),
    /// Only the counts changed.
    Counts,
}

impl Change {
    /// The party that a presence change is about; `None` for messages and counts.
    #[must_use]
    pub fn party(&self) -> Option<&PartyId> {
        match &self.kind {
            ChangeKind::Joined(member)
            | ChangeKind::Updated(member)
            | ChangeKind::Sessions(member)
            | ChangeKind::Left { member, .. } => Some(&member.party.id),
            ChangeKind::State(party, _) => Some(&party.id),
            ChangeKind::Message(_) | ChangeKind::Counts => None,
        }
    }

    /// How many bytes it says: its content or message, and what describes the party. What is of one size in every change is not counted.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let (party, said) = match &self.kind {
            ChangeKind::Joined(member)
            | ChangeKind::Updated(member)
            | ChangeKind::Sessions(member)
            | ChangeKind::Left { member, .. } => (&member.party, member.content.bytes.len()),
            ChangeKind::Message(message) => {
                (&message.from, message.name.len() + message.body.len() + message.extra.len())
            }
            ChangeKind::State(party, content) => {
                (party, content.as_ref().map_or(0, |content| content.bytes.len()))
            }
            ChangeKind::Counts => return 0,
        };
        party.bytes() + said
    }

    /// The session that caused the change, if one did.
    #[must_use]
    pub fn author(&self) -> Option<SessionId> {
        match &self.kind {
            ChangeKind::Joined(member)
            | ChangeKind::Updated(member)
            | ChangeKind::Sessions(member)
            | ChangeKind::Left { member, .. } => Some(member.session),
            ChangeKind::Message(message) => message.session,
            ChangeKind::State(..) | ChangeKind::Counts => None,
        }
    }
}
