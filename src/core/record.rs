//! Records: what a session did, in the form that an engine orders, stamps and keeps.

use std::sync::Arc;

use bytes::Bytes;

use super::change::Cause;
use super::content::Content;
use super::ids::{Epoch, NodeId, PartyId, Rev, SessionId, Timetoken, TopicName};
use super::party::Party;
use super::status::Override;
use super::time::Wall;

/// One operation on one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic whose order it takes a place in.
    pub topic: TopicName,
    /// What was done.
    pub op: Op,
}

/// A session's membership as it enters a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose session it is.
    pub party: Arc<Party>,
    /// The node that owns the session.
    pub node: NodeId,
    /// Rises with each takeover of the session; an older owner can change nothing.
    pub generation: u32,
    /// The presence content.
    pub content: Content,
}

/// Something said in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub from: Arc<Party>,
    /// The session that said it, if one did.
    pub session: Option<SessionId>,
    /// The dialect's own name for what it is, such as `chat` or an event name.
    pub name: Arc<str>,
    /// The JSON text of what was said.
    pub body: Bytes,
    /// The only parties to hear it; `None` is everybody.
    pub receivers: Option<Arc<[PartyId]>>,
    /// Whether it is kept for those who come back; typing is not.
    pub is_kept: bool,
    /// What only the dialect of its author shows beside the body, in that dialect's own form; empty if there is nothing.
    pub extra: Bytes,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A session enters, or says its whole content again after a takeover or a re-sync.
    Enter(SessionId, Arc<Entry>),
    /// A member session says another content.
    Update(SessionId, Content),
    /// The session's connection is gone; its grace runs.
    Detach(SessionId),
    /// The session has a connection again.
    Attach(SessionId),
    /// The session's membership ends.
    Leave {
        /// Whose membership.
        session: SessionId,
        /// Why it ends.
        cause: Cause,
        /// When something was last heard of the session.
        last_heard: Wall,
        /// Who removed it, if somebody did.
        by: Option<Arc<Party>>,
    },
    /// Something was said.
    Message(Arc<Message>),
    /// Something was said that is given to those who come later too, until it ends, in the hub's time.
    Retained(Arc<Message>, Wall),
    /// How many sessions of a node watch the topic now.
    Watchers(NodeId, u32),
    /// The state of a party that is not a member, kept until it ends; `None` forgets it.
    State {
        /// Whose state.
        party: Arc<Party>,
        /// What it is.
        content: Option<Content>,
        /// When it is forgotten, in the hub's time.
        until: Wall,
    },
    /// A party's status is set by hand, or (`None`) left to its sessions again.
    Override(PartyId, Option<Override>),
}

/// The place that an engine gave a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The life of the topic's numbering.
    pub epoch: Epoch,
    /// The place in the topic.
    pub rev: Rev,
    /// The place in the hub's time.
    pub timetoken: Timetoken,
}
