//! The leases of this node's own sessions: who is attached, what was last heard, and when patience ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::change::Cause;
use super::ids::{PartyId, SessionId, TopicName};
use super::party::Party;
use super::time::{Mono, Now, Wall};

/// What a session is promised when it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Silence after which the session expires; `None` for sessions whose connection shows that they live.
    pub timeout: Option<Duration>,
}

/// One session's lease.
#[derive(Debug)]
pub struct Lease {
    /// Whose session it is.
    pub party: Arc<Party>,
    /// Rises with each takeover.
    pub generation: u32,
    /// Whether it has a connection.
    pub is_attached: bool,
    /// When something was last heard of it.
    pub last_heard: Now,
    terms: Terms,
    /// The topics it is a member of, each with its grace.
    memberships: Vec<(TopicName, Duration)>,
    detached: Mono,
}

impl Lease {
    /// The topics the session is a member of, or will be once its records are folded.
    pub fn topics(&self) -> impl Iterator<Item = &TopicName> {
        self.memberships.iter().map(|(topic, _)| topic)
    }

    /// Whether the session is, or will be, a member of a topic.
    #[must_use]
    pub fn is_member(&self, topic: &TopicName) -> bool {
        self.topics().any(|known| known == topic)
    }

    /// When the session is given up for silence; `None` for one whose connection shows that it lives.
    #[must_use]
    pub fn silence_ends(&self) -> Option<Mono> {
        self.terms.timeout.map(|timeout| self.last_heard.mono + timeout)
    }

    /// When a membership's grace ends; `None` while there is a connection.
    #[must_use]
    pub fn grace_ends(&self, topic: &TopicName) -> Option<Mono> {
        let (_, grace) = self.memberships.iter().find(|(known, _)| known == topic)?;
        (!self.is_attached).then(|| self.detached + *grace)
    }

    /// After which silence it expires, if it does.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.terms.timeout
    }

    /// Forgets a membership, and returns the grace it had.
    fn take(&mut self, topic: &TopicName) -> Option<Duration> {
        let place = self.memberships.iter().position(|(known, _)| known == topic)?;
        Some(self.memberships.swap_remove(place).1)
    }

    /// In how many topics the session is a member.
    #[must_use]
    pub fn membership_count(&self) -> usize {
        self.memberships.len()
    }
}

/// A membership, or (without a topic) a whole session, whose patience has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// Whose.
    pub session: SessionId,
    /// Where; `None` is everywhere.
    pub topic: Option<TopicName>,
    /// Why.
    pub cause: Cause,
    /// When something was last heard of the session.
    pub last_heard: Wall,
}

type Deadline = (Mono, SessionId, Option<TopicName>);

/// The leases of a node.
#[derive(Debug, Default)]
pub struct Leases {
    leases: HashMap<SessionId, Lease>,
    deadlines: BTreeSet<Deadline>,
    /// How many of them end by silence.
    timed: usize,
}

impl Leases {
    /// Begins a lease, attached; a lease of that id that was there before is taken over, with its memberships, by the
    /// party and on the terms of the new connection.
    pub fn open(&mut self, session: SessionId, party: Arc<Party>, terms: Terms, now: Now) {
        if let Some(lease) = self.leases.get_mut(&session) {
            if let Some(deadline) = silence_deadline(session, lease) {
                self.deadlines.remove(&deadline);
            }
            self.timed -= usize::from(lease.terms.timeout.is_some());
            self.timed += usize::from(terms.timeout.is_some());
            lease.generation += 1;
            (lease.party, lease.terms) = (party, terms);
            self.attach(session, now);
            return;
        }
        let lease = Lease {
            party,
            generation: 0,
            is_attached: true,
            last_heard: now,
            terms,
            memberships: Vec::new(),
            detached: now.mono,
        };
        self.deadlines.extend(silence_deadline(session, &lease));
        self.leases.insert(session, lease);
        self.timed += usize::from(terms.timeout.is_some());
    }

    /// The lease of a session.
    #[must_use]
    pub fn get(&self, session: SessionId) -> Option<&Lease> {
        self.leases.get(&session)
    }

    /// Notes a sign of life.
    pub fn heard(&mut self, session: SessionId, now: Now) {
        let Some(lease) = self.leases.get_mut(&session) else { return };
        if let Some(deadline) = silence_deadline(session, lease) {
            self.deadlines.remove(&deadline);
        }
        lease.last_heard = now;
        self.deadlines.extend(silence_deadline(session, lease));
    }

    /// The session has a connection again: its graces end.
    pub fn attach(&mut self, session: SessionId, now: Now) {
        let Some(lease) = self.leases.get_mut(&session) else { return };
        for deadline in grace_deadlines(session, lease) {
            self.deadlines.remove(&deadline);
        }
        lease.is_attached = true;
        self.heard(session, now);
    }

    /// The session's connection is gone. Its graces begin; without a membership it ends at once.
    pub fn detach(&mut self, session: SessionId, now: Now) {
        let Some(lease) = self.leases.get_mut(&session) else { return };
        if lease.memberships.is_empty() {
            self.close(session);
            return;
        }
        if lease.is_attached {
            self.heard(session, now);
            let Some(lease) = self.leases.get_mut(&session) else { return };
            lease.is_attached = false;
            lease.detached = now.mono;
            let graces: Vec<_> = grace_deadlines(session, lease).collect();
            self.deadlines.extend(graces);
        }
    }

    /// Notes that the session is a member of a topic, with the grace it has there.
    pub fn enter(&mut self, session: SessionId, topic: TopicName, grace: Duration) {
        if let Some(lease) = self.leases.get_mut(&session) {
            let before = lease.take(&topic);
            lease.memberships.push((topic.clone(), grace));
            if !lease.is_attached {
                if let Some(before) = before {
                    self.deadlines.remove(&(lease.detached + before, session, Some(topic.clone())));
                }
                self.deadlines.insert((lease.detached + grace, session, Some(topic)));
            }
        }
    }

    /// Notes that the session is no longer a member of a topic. A detached session without any ends.
    pub fn leave(&mut self, session: SessionId, topic: &TopicName) {
        let Some(lease) = self.leases.get_mut(&session) else { return };
        let Some(grace) = lease.take(topic) else { return };
        self.deadlines.remove(&(lease.detached + grace, session, Some(topic.clone())));
        if !lease.is_attached && lease.memberships.is_empty() {
            self.close(session);
        }
    }

    /// Ends a lease.
    pub fn close(&mut self, session: SessionId) {
        let Some(lease) = self.leases.remove(&session) else { return };
        self.timed -= usize::from(lease.terms.timeout.is_some());
        for deadline in grace_deadlines(session, &lease).chain(silence_deadline(session, &lease)) {
            self.deadlines.remove(&deadline);
        }
    }

    /// Every session.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.leases.keys().copied()
    }

    /// The sessions of a party, found by looking at all of them.
    pub fn of<'a>(&'a self, party: &'a PartyId) -> impl Iterator<Item = SessionId> + 'a {
        self.leases.iter().filter(move |(_, lease)| lease.party.id == *party).map(|(session, _)| *session)
    }

    /// The next instant at which some patience ends.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        self.deadlines.first().map(|deadline| deadline.0)
    }

    /// Takes what has expired by `now`. The leases themselves stay until [`Leases::leave`] or [`Leases::close`].
    pub fn expired(&mut self, now: Now) -> Vec<Expiry> {
        let mut due = Vec::new();
        while self.deadlines.first().is_some_and(|deadline| deadline.0 <= now.mono) {
            let Some((_, session, topic)) = self.deadlines.pop_first() else { break };
            let Some(lease) = self.leases.get(&session) else { continue };
            let cause = if topic.is_some() { Cause::Closed } else { Cause::TimedOut };
            due.push(Expiry { session, topic, cause, last_heard: lease.last_heard.wall });
        }
        due
    }

    /// How many sessions the node has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// How many of them end by silence, because no connection shows that they live.
    #[must_use]
    pub fn timed(&self) -> usize {
        self.timed
    }

    /// Whether the node has no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.deadlines.is_empty()
    }
}

fn silence_deadline(session: SessionId, lease: &Lease) -> Option<Deadline> {
    lease.silence_ends().map(|at| (at, session, None))
}

fn grace_deadlines(session: SessionId, lease: &Lease) -> impl Iterator<Item = Deadline> {
    let memberships = if lease.is_attached { None } else { Some(&lease.memberships) };
    memberships
        .into_iter()
        .flatten()
        .map(move |(topic, grace)| (lease.detached + *grace, session, Some(topic.clone())))
}
