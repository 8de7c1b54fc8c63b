//! The newest changes of a topic, for those who were briefly away.

use std::collections::VecDeque;
use std::sync::Arc;

use super::buffer::{Recall, Said};
use super::change::Change;
use super::ids::{Epoch, Rev, Timetoken};
use super::record::Stamp;

/// The newest changes of one topic, oldest first.
#[derive(Debug, Default)]
pub struct History {
    kept: VecDeque<Arc<Change>>,
    /// How many bytes they have together.
    bytes: usize,
    /// The stamp of the newest change that is no longer kept, or of the newest record that may have made one.
    floor: Stamp,
    /// What was said, where the app keeps more of that.
    pub(super) said: Said,
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
    /// Keeps a change, and forgets the oldest beyond so many changes and so many bytes; one that is larger than that goes too.
    pub fn push(&mut self, change: Arc<Change>, (count, bytes): (usize, usize)) {
        self.bytes = self.bytes.saturating_add(change.bytes());
        self.kept.push_back(change);
        while self.kept.len() > count || self.bytes > bytes {
            let Some(gone) = self.kept.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(gone.bytes());
            self.floor = gone.stamp;
        }
    }

    /// Notes that the record of `stamp` comes next after that of `before`. If some between them were never seen, nobody can
    /// be told what they changed, and everything older is forgotten.
    pub(super) fn follow(&mut self, before: Stamp, stamp: Stamp) {
        if before.epoch != stamp.epoch {
            self.said.clear();
        }
        let last = if before.epoch == stamp.epoch { before.rev } else { Rev(0) };
        if last.0.checked_add(1) != Some(stamp.rev.0) {
            let rev = Rev(stamp.rev.0.saturating_sub(1));
            let timetoken = Timetoken(stamp.timetoken.0.saturating_sub(1));
            self.restart(Stamp { rev, timetoken, ..stamp });
        }
    }

    /// Forgets everything up to `floor`.
    pub(super) fn restart(&mut self, floor: Stamp) {
        let newest = self.kept.back().map_or(self.floor.timetoken, |change| change.stamp.timetoken);
        self.kept.clear();
        self.said.clear();
        self.bytes = 0;
        self.floor = Stamp { timetoken: newest.max(floor.timetoken), ..floor };
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

    /// What was said to everybody after the message at the place `after`, where the topic is now in epoch `current`; of that, the newest
    /// that have at most `bytes` together. A place is believed only if the very message is kept, or was the last to be forgotten: of any
    /// other, and of `None`, what there is is given as incomplete.
    #[must_use]
    pub fn messages_after(&self, current: Epoch, after: Option<Timetoken>, bytes: usize) -> Recall {
        let is_said = |change: &&Arc<Change>| change.stamp.epoch == current && Said::is_for(&change.kind);
        let own: Vec<_> = self.kept.iter().filter(is_said).collect();
        // Both end with the newest message, so the longer one has all of the other.
        let known = if own.len() > self.said.iter().len() { own } else { self.said.iter().collect() };
        let place = |after| known.binary_search_by_key(&after, |change| change.stamp.timetoken);
        let is_floor = |after| {
            self.said.is_floor(after) || (self.floor.epoch == current && self.floor.timetoken == after)
        };
        let start = after.and_then(|after| match place(after) {
            Ok(found) => Some(found + 1),
            Err(next) => is_floor(after).then_some(next),
        });
        let wanted = &known[start.unwrap_or(0)..];
        let mut room = bytes;
        let fits = |change: &&&Arc<Change>| {
            let left = room.checked_sub(change.bytes());
            left.inspect(|left| room = *left).is_some()
        };
        let count = wanted.iter().rev().take_while(fits).count();
        let messages = wanted[wanted.len() - count..].iter().copied().cloned().collect();
        Recall { messages, is_complete: start.is_some() && count == wanted.len() }
    }

    /// The stamp up to which nothing is kept.
    #[must_use]
    pub fn floor(&self) -> Stamp {
        self.floor
    }

    /// Every change that is kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Change>> {
        self.kept.iter()
    }

    /// How many changes are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// How many bytes these have together, as [`Change::bytes`] counts them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}
