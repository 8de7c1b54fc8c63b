//! What a connection has asked the broker and awaits the answer of.

use std::collections::HashMap;

use bytes::Bytes;

use crate::broker::Tag;
use crate::core::{Content, PartyId, SessionId, TopicName};

/// How many answers a connection may await at once; what it asks beyond that is refused.
const MOST: usize = 256;

/// A request under way.
#[derive(Debug)]
pub(super) struct Asked {
    /// What the client calls its requests that this one serves, as raw JSON.
    pub(super) ids: Vec<Box<str>>,
    /// What was asked.
    pub(super) what: What,
}

/// What was asked.
#[derive(Debug)]
pub(super) enum What {
    /// To watch a topic, by so many requests.
    Subscribe {
        /// Which.
        topic: TopicName,
        /// How many answers are owed.
        times: u32,
    },
    /// To watch it no longer.
    Unsubscribe {
        /// Which.
        topic: TopicName,
    },
    /// To be present.
    Online(Online),
    /// That a telephone is present.
    DialIn {
        /// Which.
        party: PartyId,
        /// Where.
        topic: TopicName,
        /// What the author wants back.
        loopback: Option<Bytes>,
    },
    /// To be present no longer.
    Leave,
    /// To say something that concerns presence or media.
    Relay {
        /// Where.
        topic: TopicName,
        /// What the author wants back.
        loopback: Option<Bytes>,
    },
    /// To say something.
    Message {
        /// Where.
        topic: TopicName,
        /// What sort of thing.
        category: Box<str>,
    },
    /// For everybody's `online`.
    Parties {
        /// Where.
        topic: TopicName,
    },
}

/// A presence content on its way, or held back because it came too soon.
#[derive(Debug)]
pub(super) struct Online {
    /// Where.
    pub(super) topic: TopicName,
    /// What the session says.
    pub(super) content: Content,
    /// What the author wants back.
    pub(super) loopback: Option<Bytes>,
    /// Whether its author is told of it otherwise.
    pub(super) is_quiet: bool,
    /// Whether the session was not a member before.
    pub(super) is_join: bool,
}

/// The requests under way.
#[derive(Debug)]
pub(super) struct Table {
    asked: HashMap<Tag, Asked>,
    last: u64,
}

impl Table {
    /// A table whose tags nobody else's answers carry: those of a session that used the same outbox before may still come.
    pub(super) fn of(session: SessionId) -> Self {
        let (_, random) = session.0.as_u64_pair();
        Self { asked: HashMap::new(), last: random >> 1 }
    }

    /// Whether no more can be asked.
    pub(super) fn is_full(&self) -> bool {
        self.asked.len() >= MOST
    }

    /// Notes a request, and says by which tag its answer will be known.
    pub(super) fn note(&mut self, asked: Asked) -> Tag {
        self.last += 1;
        let tag = Tag(self.last);
        self.asked.insert(tag, asked);
        tag
    }

    /// Takes the request that an answer belongs to.
    pub(super) fn take(&mut self, tag: Tag) -> Option<Asked> {
        self.asked.remove(&tag)
    }

    /// Another request to watch the topic, made after `tag`.
    pub(super) fn later_subscription(&mut self, tag: Tag, topic: &TopicName) -> Option<&mut Asked> {
        let is_it =
            |asked: &Asked| matches!(&asked.what, What::Subscribe { topic: other, .. } if other == topic);
        let later = self.asked.iter_mut().filter(|(other, asked)| **other > tag && is_it(asked));
        later.min_by_key(|(other, _)| **other).map(|(_, asked)| asked)
    }

    /// Whether some request to watch the topic is under way.
    pub(super) fn is_subscribing(&self, topic: &TopicName) -> bool {
        let is_it =
            |asked: &Asked| matches!(&asked.what, What::Subscribe { topic: other, .. } if other == topic);
        self.asked.values().any(is_it)
    }

    /// What the session is about to say in a topic, in which it is no member until then: the last word.
    pub(super) fn entering(&mut self, topic: &TopicName) -> Option<Bytes> {
        let mut last = None;
        for (tag, asked) in &mut self.asked {
            let What::Online(online) = &mut asked.what else { continue };
            if online.topic != *topic {
                continue;
            }
            online.is_join = true;
            if last.is_none_or(|(newest, _)| newest < tag) {
                last = Some((tag, &online.content.bytes));
            }
        }
        last.map(|(_, said)| said.clone())
    }
}
