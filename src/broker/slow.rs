//! The slow sessions of an app: held back, given what they missed as fast as they take it, and closed when there is no hope.

use std::time::Duration;

use super::deliver::Slow;
use super::outbox::Item;
use super::reply::{CloseReason, Notice};
use super::rested::Bell;
use super::room::Room;
use crate::core::{Mono, Now, SessionId, TopicName};

/// How long more bytes of messages may wait for a session than its outbox may hold. What one turn brought has gone out by then to
/// whoever reads.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often slow sessions are looked at. They are given more when they have rested; this is for those who do not, and there may be
/// many of them, each in many topics.
const LOOK: Duration = Duration::from_millis(100);

/// What a slow session is owed.
#[derive(Debug, Default)]
struct Owed {
    /// The topics in which it lags, with the moment since when it has been given nothing; the longest first.
    topics: Vec<(Mono, TopicName)>,
    /// The bytes of messages among it.
    message_bytes: usize,
}

impl Room {
    /// What waits in a slow session's outbox is taken back, to be sent as its net later.
    pub(super) fn hold_back(&mut self, slow: Slow, now: Mono) {
        let Some(local) = self.locals.get(&slow.session) else { return };
        for broadcast in local.outbox.reclaim().into_iter().chain(slow.missed) {
            if let Some(stream) = self.streams.get_mut(&broadcast.topic) {
                stream.hold_back(now, slow.session, &broadcast.steps);
            }
        }
        self.metrics.coalesced();
        if self.lagging.insert(slow.session) {
            local.outbox.await_rest(Bell::new(&self.rested, self.app, slow.session));
        }
    }

    /// Gives a slow session what it missed, up to half of what its outbox holds, if its connection has sent everything so far.
    pub(super) fn relieve(&mut self, session: SessionId, now: Now) {
        if !self.lagging.contains(&session) {
            return;
        }
        let Some(local) = self.locals.get(&session) else { return };
        if !local.outbox.is_idle() {
            return local.outbox.await_rest(Bell::new(&self.rested, self.app, session));
        }
        let owed = self.owed(session);
        let Some(local) = self.locals.get_mut(&session) else { return };
        let mut left = self.policy.outbox.bytes / 2;
        let mut is_done = true;
        let mut is_given = false;
        for (_, topic) in &owed.topics {
            let Some(stream) = self.streams.get_mut(topic) else { continue };
            if left == 0 {
                is_done = false;
                break;
            }
            let caught_up = stream.catch_up(now.mono, session, &self.encoders, left);
            left = left.saturating_sub(caught_up.bytes);
            is_given |= caught_up.bytes > 0;
            is_done &= caught_up.is_done;
        }
        if is_done {
            local.over_since = None;
            self.lagging.remove(&session);
        } else if is_given {
            local.outbox.await_rest(Bell::new(&self.rested, self.app, session));
        }
    }

    /// Looks at all slow sessions, now and then: relieves those who could not be when they had rested, and closes those that never take enough.
    pub(super) fn catch_up(&mut self, now: Now) {
        if now.mono < self.next_look {
            return;
        }
        self.next_look = now.mono + LOOK;
        for session in self.lagging.iter().copied().collect::<Vec<_>>() {
            let owed = self.owed(session);
            let policy = self.policy;
            for (_, topic) in &owed.topics {
                if let Some(stream) = self.streams.get_mut(topic) {
                    stream.drop_passing(session);
                }
            }
            let Some(local) = self.locals.get_mut(&session) else {
                self.lagging.remove(&session);
                continue;
            };
            let has_much = owed.message_bytes > policy.outbox.bytes;
            local.over_since = has_much.then(|| local.over_since.unwrap_or(now.mono));
            let is_over = local.over_since.is_some_and(|since| now.mono >= since + PATIENCE);
            let has_stalled = owed.topics.first().is_some_and(|(since, _)| now.mono >= *since + policy.stall);
            if is_over || (has_stalled && !local.outbox.is_idle()) {
                local.outbox.push(Item::Notice(Notice::Close(CloseReason::TooSlow)));
                self.lagging.remove(&session);
            } else {
                self.relieve(session, now);
            }
        }
    }

    fn owed(&self, session: SessionId) -> Owed {
        let mut owed = Owed::default();
        let watches = self.locals.get(&session).map(|local| &local.watches[..]).unwrap_or_default();
        for topic in watches {
            if let Some(lag) = self.streams.get(topic).and_then(|stream| stream.lag_of(session)) {
                owed.topics.push((lag.since, topic.clone()));
                owed.message_bytes += lag.message_bytes();
            }
        }
        owed.topics.sort_by_key(|(since, _)| *since);
        owed
    }

    /// Whether somebody lags.
    pub(super) fn is_lagging(&self) -> bool {
        !self.lagging.is_empty()
    }
}
