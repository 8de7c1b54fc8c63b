//! What waits for one endpoint: bounded, in lanes that each keep the order of their topics.

use std::collections::VecDeque;

use xxhash_rust::xxh3::xxh3_64;

use super::endpoint::Batch;
use super::hook::Hook;
use crate::core::{Mono, TopicName};

/// How much may wait for one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Hooks.
    pub hooks: usize,
    /// Bytes that they hold on to, about.
    pub bytes: usize,
}

/// A hook with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Counts the hooks of an endpoint from 1, without holes. It stays the same however often the hook is sent.
    pub seq: u64,
    /// What is to be told.
    pub hook: Hook,
    /// Since when it waits.
    pub(super) since: Mono,
}

/// The queue of one endpoint. A topic is always in the same lane; lanes do not wait for one another.
#[derive(Debug)]
pub(super) struct Queue {
    lanes: Vec<VecDeque<Queued>>,
    bounds: Bounds,
    hooks: usize,
    bytes: usize,
    last_seq: u64,
}

impl Queue {
    /// An empty queue of so many lanes.
    pub(super) fn new(lanes: usize, bounds: Bounds) -> Self {
        let lanes = std::iter::repeat_with(VecDeque::new).take(lanes.max(1)).collect();
        Self { lanes, bounds, hooks: 0, bytes: 0, last_seq: 0 }
    }

    /// Gives a hook its number and queues it. What no longer fits is given up: the oldest first, for what is newest is nearest to
    /// what is.
    pub(super) fn push(&mut self, now: Mono, hook: Hook) -> Vec<Queued> {
        self.last_seq += 1;
        self.push_again(Queued { seq: self.last_seq, hook, since: now })
    }

    /// Queues a hook that has its number already.
    pub(super) fn push_again(&mut self, queued: Queued) -> Vec<Queued> {
        let lane = self.lane_of(&queued.hook.topic);
        self.hooks += 1;
        self.bytes += queued.hook.size();
        self.lanes[lane].push_back(queued);
        let mut given_up = Vec::new();
        while self.hooks > self.bounds.hooks || (self.bytes > self.bounds.bytes && self.hooks > 1) {
            let oldest = |lane: &&mut VecDeque<Queued>| lane.front().map_or(u64::MAX, |queued| queued.seq);
            let Some(gone) = self.lanes.iter_mut().min_by_key(oldest).and_then(VecDeque::pop_front) else {
                break;
            };
            self.count_out(&gone);
            given_up.push(gone);
        }
        given_up
    }

    /// Takes what a lane has to send now, if its time has come: a hook, or as many as a batch may hold. Hooks that stand alone are
    /// never in one with others.
    pub(super) fn pop(
        &mut self,
        lane: usize,
        now: Mono,
        batch: Batch,
        is_alone: impl Fn(&Hook) -> bool,
    ) -> Option<Vec<Queued>> {
        if self.due(lane, batch).is_none_or(|due| due > now) {
            return None;
        }
        let waiting = &mut self.lanes[lane];
        let mut taken: Vec<_> = waiting.pop_front().into_iter().collect();
        let is_single = taken.first().is_none_or(|first| is_alone(&first.hook));
        while !is_single
            && taken.len() < batch.most()
            && waiting.front().is_some_and(|next| !is_alone(&next.hook))
        {
            taken.extend(waiting.pop_front());
        }
        taken.iter().for_each(|gone| self.count_out(gone));
        Some(taken)
    }

    /// When a lane may send: when its oldest hook has waited for the batch's window, or the batch is full.
    pub(super) fn due(&self, lane: usize, batch: Batch) -> Option<Mono> {
        let waiting = &self.lanes[lane];
        let first = waiting.front()?;
        Some(if waiting.len() >= batch.most() { first.since } else { first.since + batch.window })
    }

    /// How many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// How many hooks wait.
    pub(super) fn len(&self) -> usize {
        self.hooks
    }

    fn lane_of(&self, topic: &TopicName) -> usize {
        let lanes = self.lanes.len() as u64;
        usize::try_from(xxh3_64(topic.as_str().as_bytes()) % lanes).unwrap_or_default()
    }

    fn count_out(&mut self, gone: &Queued) {
        self.hooks -= 1;
        self.bytes -= gone.hook.size();
    }
}
