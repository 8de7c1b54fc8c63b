//! What was said in an app, kept for clients that come back to a topic after one certain message of it. All topics share the bounds, so
//! that one that is quiet costs nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::change::{Change, ChangeKind};
use super::ids::{Timetoken, TopicName};
use super::time::Wall;

/// How much of what is said in an app is kept, beside the histories of its topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimits {
    /// The most messages.
    pub messages: usize,
    /// The most bytes of these, as [`Change::bytes`] counts them.
    pub bytes: usize,
    /// How long each is kept.
    pub lasts: Duration,
}

/// What somebody who was away is given of what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// What is still known, oldest first.
    pub messages: Vec<Arc<Change>>,
    /// Whether that is everything since.
    pub is_complete: bool,
}

/// The kept messages of all topics by their age, each as its place, its topic and its bytes. The messages are with their topics.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    order: VecDeque<(Timetoken, TopicName, usize)>,
    bytes: usize,
}

impl Buffer {
    pub(super) fn push(&mut self, change: &Change) {
        let bytes = change.bytes();
        self.bytes = self.bytes.saturating_add(bytes);
        self.order.push_back((change.stamp.timetoken, change.topic.clone(), bytes));
    }

    /// Takes the oldest out if there is more than there may be, or its time has come.
    pub(super) fn pop_excess(&mut self, limits: BufferLimits, now: Wall) -> Option<(Timetoken, TopicName)> {
        let ticks = u64::try_from(limits.lasts.as_micros()).unwrap_or(u64::MAX).saturating_mul(10);
        let is_over = self.order.front()?.0.0.saturating_add(ticks) <= now.0;
        if !is_over && self.order.len() <= limits.messages && self.bytes <= limits.bytes {
            return None;
        }
        let (place, topic, bytes) = self.order.pop_front()?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Some((place, topic))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// The kept messages of one topic, oldest first.
#[derive(Debug, Default)]
pub(super) struct Said {
    kept: VecDeque<Arc<Change>>,
    /// The place of the newest message that is no longer kept, as far as nothing between it and the oldest kept one was missed.
    floor: Timetoken,
}

impl Said {
    /// Whether such a change is kept: what is said to everybody, and meant to be.
    pub(super) fn is_for(kind: &ChangeKind) -> bool {
        matches!(kind, ChangeKind::Message(message) if message.is_kept && message.receivers.is_none())
    }

    pub(super) fn push(&mut self, change: Arc<Change>) {
        self.kept.push_back(change);
    }

    /// Forgets everything up to a place.
    pub(super) fn forget(&mut self, up_to: Timetoken) {
        while let Some(gone) = self.kept.pop_front_if(|oldest| oldest.stamp.timetoken <= up_to) {
            self.floor = gone.stamp.timetoken;
        }
    }

    /// Something may have been missed, so that nothing that is kept leads to what comes.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether a place is that of the newest forgotten message.
    pub(super) fn is_floor(&self, place: Timetoken) -> bool {
        self.floor == place
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Change>> {
        self.kept.iter()
    }
}
