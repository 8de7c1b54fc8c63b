//! One channel on the desk, or all that begin alike: the newest entries, who waits for more, and how presence is told.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;
use super::pace::Pace;
use super::wait::{Waiting, Woken};
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

    /// The newest of several rings.
    pub(super) fn newest_of<'a>(rings: impl Iterator<Item = &'a Self>, most: usize) -> Self {
        let mut all: Vec<_> = rings.flat_map(|ring| ring.0.iter().cloned()).collect();
        all.sort_by_key(|(_, entry)| entry.token);
        Self(all.split_off(all.len().saturating_sub(most)).into())
    }

    /// Forgets what was kept before `since`.
    fn forget(&mut self, since: Mono) {
        self.drop_while(|at, _| at < since);
    }

    /// Forgets what came up to a place.
    fn forget_to(&mut self, token: Timetoken) {
        self.drop_while(|_, entry| entry.token <= token);
    }

    fn drop_while(&mut self, is_old: impl Fn(Mono, &Entry) -> bool) {
        while self.0.front().is_some_and(|(at, entry)| is_old(*at, entry)) {
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

/// One channel, or all that begin alike.
#[derive(Debug)]
pub(super) struct Channel {
    messages: Half,
    presence: Half,
    /// Of one channel alone.
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

    /// Keeps an entry, and wakes those who wait for it.
    pub(super) fn tell(&mut self, now: Mono, entry: &Arc<Entry>, most: usize) {
        let half = self.half(if entry.is_presence() { Side::Presence } else { Side::Messages });
        half.ring.push(now, Arc::clone(entry), most);
        half.waiting.wake(Woken::Look);
    }

    /// All that is kept.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let rings = [&self.messages.ring, &self.presence.ring];
        rings.into_iter().flat_map(|ring| ring.after(Timetoken(0)))
    }

    /// Forgets what came up to a place.
    pub(super) fn forget_to(&mut self, token: Timetoken) {
        self.messages.ring.forget_to(token);
        self.presence.ring.forget_to(token);
    }

    /// Forgets what is older than `since`; whether something is left to be kept for.
    pub(super) fn forget(&mut self, since: Mono) -> bool {
        self.messages.ring.forget(since);
        self.presence.ring.forget(since);
        self.touched >= since || !self.is_idle()
    }

    /// What is lost with it: whether there are entries, and how long ago it was asked for. `None` if it must stay.
    pub(super) fn worth(&self) -> Option<(bool, Mono)> {
        self.is_idle().then(|| (self.entries().next().is_some(), self.touched))
    }

    /// Whether nobody waits for it, and it holds nothing back.
    fn is_idle(&self) -> bool {
        let is_awaited = !self.messages.waiting.is_empty() || !self.presence.waiting.is_empty();
        !is_awaited && !self.pace.is_busy()
    }
}
