//! The newest changes of a topic, for those who were briefly away.

use std::collections::VecDeque;
use std::sync::Arc;

use super::change::Change;
use super::ids::{Epoch, Rev, Timetoken};
use super::record::Stamp;

/// The newest changes of one topic, oldest first.
#[derive(Debug, Default)]
pub struct History {
    kept: VecDeque<Arc<Change>>,
    /// The stamp of the newest change that is no longer kept.
    floor: Stamp,
}

/// What somebody who was away is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatchUp {
    /// Everything since, oldest first.
    Changes(Vec<Arc<Change>>),
    /// Some of it is no longer kept, or the numbering is another: only a snapshot helps.
    Gap,
}

impl History {
    /// Keeps a change, and forgets the oldest beyond `limit`.
    pub fn push(&mut self, change: Arc<Change>, limit: usize) {
        self.kept.push_back(change);
        while self.kept.len() > limit {
            if let Some(gone) = self.kept.pop_front() {
                self.floor = gone.stamp;
            }
        }
    }

    /// What came after `rev` of `epoch`, where the topic is now in epoch `current`.
    #[must_use]
    pub fn since(&self, current: Epoch, epoch: Epoch, rev: Rev) -> CatchUp {
        let is_forgotten = self.floor.epoch == epoch && rev < self.floor.rev;
        if epoch != current || is_forgotten {
            return CatchUp::Gap;
        }
        let is_later = |change: &&Arc<Change>| change.stamp.epoch == epoch && change.stamp.rev > rev;
        CatchUp::Changes(self.kept.iter().filter(is_later).cloned().collect())
    }

    /// What came after `timetoken`.
    #[must_use]
    pub fn after(&self, timetoken: Timetoken) -> CatchUp {
        if timetoken < self.floor.timetoken {
            return CatchUp::Gap;
        }
        CatchUp::Changes(
            self.kept.iter().filter(|change| change.stamp.timetoken > timetoken).cloned().collect(),
        )
    }

    /// How many changes are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}
