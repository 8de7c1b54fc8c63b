//! What a dialect gives the broker: how a change looks on its wire, made once and shared by all its viewers.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};

use crate::core::{Change, MemberView, Occupancy, Rev, Snapshot, TopicName};

/// The place of an encoder in the hub's table; sessions name theirs when they open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncoderId(pub u8);

/// How many encoders a hub can have.
pub const MAX_ENCODERS: usize = 8;

/// A change on its way to viewers.
#[derive(Debug, Clone)]
pub struct Step {
    /// What changed.
    pub change: Arc<Change>,
    /// Where it stands in the viewers' stream of the topic; `None` for what is not part of the stream: directed and
    /// passing messages, and changes of only the number of sessions.
    pub link: Option<Link>,
}

/// A frame's place in a viewer's stream. A viewer whose last rev is not `prev` has missed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The rev the frame follows.
    pub prev: Rev,
    /// The rev the viewer has after it.
    pub rev: Rev,
}

/// One wire form: a dialect in one framing.
pub trait Encode: Send + Sync + fmt::Debug {
    /// Appends the transport-ready frames that a viewer is sent for a change; nothing, if the dialect does not show it.
    /// `echo` is what the author asked to have back; the frame is then for the author's own connection.
    fn change(&self, step: &Step, echo: Option<&Bytes>, out: &mut BytesMut);

    /// Appends the frame that tells viewers of a big topic its counts, once an interval.
    fn interval(&self, topic: &TopicName, occupancy: Occupancy, out: &mut BytesMut);

    /// Whether a session is not sent what it caused itself. The frames of such a wire form carry no chain, for it would have gaps.
    fn omits_own(&self) -> bool {
        false
    }
}

/// A snapshot that is rendered at most once per encoder, whoever asks first.
#[derive(Debug)]
pub struct Roll {
    /// The roster.
    pub snapshot: Snapshot,
    rendered: [OnceLock<Bytes>; MAX_ENCODERS],
    members: [OnceLock<Arc<[Bytes]>>; MAX_ENCODERS],
}

impl Roll {
    /// Wraps a snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, rendered: Default::default(), members: Default::default() }
    }

    /// The roster's bytes for one encoder; `render` runs only for the first who asks.
    pub fn rendered(&self, encoder: EncoderId, render: impl FnOnce(&Snapshot) -> Bytes) -> Bytes {
        match self.rendered.get(usize::from(encoder.0)) {
            Some(bytes) => bytes.get_or_init(|| render(&self.snapshot)).clone(),
            None => render(&self.snapshot),
        }
    }

    /// Each member's bytes for one encoder, in the order of the snapshot; `render` runs only for the first who asks.
    pub fn rendered_members(
        &self,
        encoder: EncoderId,
        render: impl Fn(&MemberView) -> Bytes,
    ) -> Arc<[Bytes]> {
        let all = || self.snapshot.members.iter().map(render).collect();
        match self.members.get(usize::from(encoder.0)) {
            Some(members) => Arc::clone(members.get_or_init(all)),
            None => all(),
        }
    }
}
