//! What polls are told: messages and presence events, each with its place and the bytes that were made of it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use serde_json::Value;

use crate::core::{Message, PartyId, Timetoken, TopicName};

/// What happened to somebody's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway::pubnub) enum Action {
    /// Somebody is there.
    Join,
    /// Somebody went.
    Leave,
    /// Nothing was heard of somebody for too long.
    Timeout,
    /// Somebody's state is another.
    StateChange,
    /// What became of a channel with many occupants.
    Interval,
}

impl Action {
    /// The word for it.
    pub(in crate::gateway::pubnub) fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Timeout => "timeout",
            Self::StateChange => "state-change",
            Self::Interval => "interval",
        }
    }
}

/// Who came and who went in an interval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::gateway::pubnub) struct Delta {
    /// Who came.
    pub(in crate::gateway::pubnub) join: Vec<PartyId>,
    /// Who went.
    pub(in crate::gateway::pubnub) leave: Vec<PartyId>,
    /// Who was not heard of any more.
    pub(in crate::gateway::pubnub) timeout: Vec<PartyId>,
    /// There are too many to name: ask who is there.
    pub(in crate::gateway::pubnub) is_too_large: bool,
}

/// Something about the presence in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway::pubnub) struct Presence {
    /// What happened.
    pub(in crate::gateway::pubnub) action: Action,
    /// To whom; nobody in an interval.
    pub(in crate::gateway::pubnub) uuid: Option<PartyId>,
    /// How many are there after it.
    pub(in crate::gateway::pubnub) occupancy: u32,
    /// When, in the hub's time.
    pub(in crate::gateway::pubnub) at: Timetoken,
    /// The state, where there is one.
    pub(in crate::gateway::pubnub) state: Option<Bytes>,
    /// The names of an interval.
    pub(in crate::gateway::pubnub) delta: Option<Box<Delta>>,
    /// Whether it was held back.
    pub(in crate::gateway::pubnub) is_late: bool,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway::pubnub) enum What {
    /// Something was said.
    Message(Arc<Message>),
    /// Somebody came, went or changed.
    Presence(Presence),
}

/// In how many forms an entry is shown.
pub(in crate::gateway::pubnub) const FORMS: usize = 3;

/// Something that polls of a channel are told.
#[derive(Debug)]
pub(in crate::gateway::pubnub) struct Entry {
    /// The channel.
    pub(in crate::gateway::pubnub) topic: TopicName,
    /// Its place in the hub's time, after that of each entry before.
    pub(in crate::gateway::pubnub) token: Timetoken,
    /// What it says.
    pub(in crate::gateway::pubnub) what: What,
    forms: [OnceLock<Bytes>; FORMS],
    meta: OnceLock<Option<Value>>,
    bytes: usize,
    held: Held,
}

/// What an entry takes beside its text.
const OWN_BYTES: usize = 512;

/// How many bytes entries hold together, those included that are still being answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(Arc<AtomicUsize>);

impl Held {
    /// So many.
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.bytes, Relaxed);
    }
}

impl Entry {
    /// An entry of which no bytes have been made yet.
    pub(super) fn new(topic: TopicName, token: Timetoken, what: What, held: &Held) -> Self {
        let text = match &what {
            // What goes with a message is kept once as it came, and once as filters ask of it.
            What::Message(message) => (FORMS + 1) * message.body.len() + (FORMS + 8) * message.extra.len(),
            What::Presence(event) => (FORMS + 8) * event.state.as_ref().map_or(0, Bytes::len),
        };
        let bytes = OWN_BYTES + text;
        held.0.fetch_add(bytes, Relaxed);
        let (forms, meta) = (Default::default(), OnceLock::new());
        Self { topic, token, what, forms, meta, bytes, held: held.clone() }
    }

    /// How many bytes it holds at most, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes of one form; `render` runs only for the first who asks.
    pub(in crate::gateway::pubnub) fn rendered(
        &self,
        form: usize,
        render: impl FnOnce(&Self) -> Bytes,
    ) -> Bytes {
        match self.forms.get(form) {
            Some(bytes) => bytes.get_or_init(|| render(self)).clone(),
            None => render(self),
        }
    }

    /// What filters can ask of what was said about it; `read` runs only for the first who asks.
    pub(in crate::gateway::pubnub) fn meta(
        &self,
        read: impl FnOnce(&Self) -> Option<Value>,
    ) -> Option<&Value> {
        self.meta.get_or_init(|| read(self)).as_ref()
    }

    /// Whether it is about presence.
    pub(in crate::gateway::pubnub) fn is_presence(&self) -> bool {
        matches!(self.what, What::Presence(_))
    }
}
