//! What a connection has asked the broker and awaits the answer of.

use std::collections::HashMap;

use super::resume::Resumption;
use crate::broker::Tag;
use crate::core::{PartyId, TopicName};

/// How many answers a connection may await at once; more end it.
const MOST: usize = 512;

/// What was asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// To subscribe.
    Subscribe {
        /// To which channel.
        topic: TopicName,
        /// From where on.
        resumption: Option<Resumption>,
    },
    /// To hear when a user comes online or goes.
    Watch {
        /// Whom.
        user: PartyId,
        /// What the client was told of it.
        was_online: bool,
    },
}

/// The requests under way.
#[derive(Debug, Default)]
pub(super) struct Table {
    asked: HashMap<Tag, Asked>,
    last: u64,
}

impl Table {
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

    /// Withdraws the subscriptions to a channel that are not answered yet, and says whether there was one.
    pub(super) fn withdraw(&mut self, channel: &TopicName) -> bool {
        let before = self.asked.len();
        self.asked.retain(|_, asked| !matches!(asked, Asked::Subscribe { topic, .. } if topic == channel));
        self.asked.len() < before
    }
}
