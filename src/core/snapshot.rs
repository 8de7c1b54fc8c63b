//! A topic's roster at one rev.

use super::change::{MemberView, Occupancy};
use super::ids::{Timetoken, TopicName};
use super::record::Stamp;

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
}

impl Snapshot {
    /// The roster of a topic that nobody is in and nothing is known of.
    #[must_use]
    pub fn empty(topic: TopicName) -> Self {
        let occupancy = Occupancy::default();
        Self { topic, stamp: Stamp::default(), members: Vec::new(), occupancy, digest: 0 }
    }

    /// When the newest record was ordered.
    #[must_use]
    pub fn timetoken(&self) -> Timetoken {
        self.stamp.timetoken
    }
}
