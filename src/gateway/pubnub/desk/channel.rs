//! One channel on the desk: its newest entries, who waits for more, and how its presence is told.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;
use super::pace::Pace;
use super::wait::Waiting;
use crate::core::{Mono, Timetoken};

/// The newest entries of one sort, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ring(VecDeque<(Mono, Arc<Entry>)>);

impl Ring {
    /// Keeps an entry, and forgets the oldest beyond so many.
    pub(super) fn push(&mut self, now: Mono, entry: Arc<Entry>, most: usize) {
        self.0.push_back((now, entry));
        while self.0.len() > most {
            self.0.pop_front();
        }
    }

    /// What came after a place, oldest first.
    pub(super) fn after(&self, token: Timetoken) -> impl Iterator<Item = &Arc<Entry>> {
        let start = self.0.partition_point(|(_, entry)| entry.token <= token);
        self.0.range(start..).map(|(_, entry)| entry)
    }

    /// Forgets what was kept before `since`.
    fn forget(&mut self, since: Mono) {
        while self.0.front().is_some_and(|(at, _)| *at < since) {
            self.0.pop_front();
        }
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }
}

/// Messages or presence of a channel, or of all that a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::gateway::pubnub) enum Side {
    /// What is said.
    Messages,
    /// Who comes and goes.
    Presence,
}

/// What is kept of one side.
#[derive(Debug, Default)]
pub(super) struct Half {
    pub(super) ring: Ring,
    pub(super) waiting: Waiting,
}

/// One channel.
#[derive(Debug)]
pub(super) struct Channel {
    messages: Half,
    presence: Half,
    pub(super) pace: Pace,
    /// When a request named it last.
    pub(super) touched: Mono,
}

impl Channel {
    pub(super) fn new(now: Mono) -> Self {
        Self { messages: Half::default(), presence: Half::default(), pace: Pace::default(), touched: now }
    }

    pub(super) fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Messages => &mut self.messages,
            Side::Presence => &mut self.presence,
        }
    }

    pub(super) fn ring(&self, side: Side) -> &Ring {
        match side {
            Side::Messages => &self.messages.ring,
            Side::Presence => &self.presence.ring,
        }
    }

    /// Forgets what is older than `since`; whether something is left to be kept for.
    pub(super) fn forget(&mut self, since: Mono) -> bool {
        self.messages.ring.forget(since);
        self.presence.ring.forget(since);
        let is_awaited = !self.messages.waiting.is_empty() || !self.presence.waiting.is_empty();
        self.touched >= since || is_awaited || self.pace.is_busy()
    }
}
