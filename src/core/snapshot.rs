//! A topic's roster at one rev.

use std::sync::Arc;

use super::change::{Change, MemberView, Occupancy};
use super::ids::{Timetoken, TopicName};
use super::record::Stamp;
use super::time::Wall;

/// Something said that is given to those who come later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retained {
    /// The change by which it was said.
    pub change: Arc<Change>,
    /// When it ends. It may be kept a little longer, so whoever gives it to somebody looks.
    pub until: Wall,
}

/// Everything a viewer needs to start from: a snapshot and the later changes make a later snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The topic.
    pub topic: TopicName,
    /// The last record that is in it.
    pub stamp: Stamp,
    /// The members, in the order of their ids.
    pub members: Vec<MemberView>,
    /// The counts.
    pub occupancy: Occupancy,
    /// Equal for equal rosters whatever the order of their members.
    pub digest: u64,
    /// What was said last to be given to those who come later; see [`super::Command::Retain`].
    pub retained: Option<Retained>,
}

impl Snapshot {
    /// The roster of a topic that nobody is in and nothing is known of.
    #[must_use]
    pub fn empty(topic: TopicName) -> Self {
        let occupancy = Occupancy::default();
        Self { topic, stamp: Stamp::default(), members: Vec::new(), occupancy, digest: 0, retained: None }
    }

    /// When the newest record was ordered.
    #[must_use]
    pub fn timetoken(&self) -> Timetoken {
        self.stamp.timetoken
    }
}
