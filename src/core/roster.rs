//! The roster of one app: every topic, and where each party is. [`Roster::fold`] is its only writer.

use std::collections::BTreeSet;
use std::collections::hash_map::{Entry as Place, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::buffer::{Buffer, BufferLimits, Said};
use super::change::{Change, ChangeKind, Edge};
use super::ids::{PartyId, SessionId, Timetoken, TopicName};
use super::party::Party;
use super::record::{Entry, Op, Record, Stamp};
use super::snapshot::{Retained, Snapshot};
use super::status::{Override, Status, status_of};
use super::time::Wall;
use super::topic::{Absent, Topic};

/// How much a roster keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Changes kept per topic for catch-up.
    pub history: usize,
    /// The bytes that these may have together, as [`Change::bytes`] counts them.
    pub history_bytes: usize,
    /// How long a topic that nobody is in or watches is remembered, for those who were briefly away.
    pub retention: Duration,
    /// The most members a topic takes; `None` takes any number.
    pub members: Option<usize>,
    /// The most states of absent parties in all topics together; `None` keeps any number.
    pub absent_states: Option<usize>,
    /// What is kept of what is said, beside the histories, if anything is.
    pub buffer: Option<BufferLimits>,
}

impl Default for Limits {
    fn default() -> Self {
        let retention = Duration::from_secs(60);
        Self {
            history: 100,
            history_bytes: 256 * 1024,
            retention,
            members: None,
            absent_states: None,
            buffer: None,
        }
    }
}

/// Where a party is, and what was said of it by hand.
#[derive(Debug, Default)]
struct Whereabouts {
    topics: BTreeSet<TopicName>,
    by_hand: Option<Override>,
}

/// The states of parties in topics from which they are absent, by when each ends.
type States = BTreeSet<(Wall, PartyId, TopicName)>;

/// The roster of one app.
#[derive(Debug, Default)]
pub struct Roster {
    topics: HashMap<TopicName, Topic>,
    /// Their names in order, so that all can be looked at a few at a time.
    names: BTreeSet<TopicName>,
    parties: HashMap<PartyId, Whereabouts>,
    /// Topics that nobody is in or watches, by the time of their newest record.
    vacant: BTreeSet<(Timetoken, TopicName)>,
    states: States,
    /// What was set by hand and ends by itself, by when it does.
    overrides: BTreeSet<(Wall, PartyId)>,
    /// What is retained, by when it ends.
    retentions: BTreeSet<(Wall, TopicName)>,
    buffer: Buffer,
    /// When the newest record was ordered.
    newest: Timetoken,
    limits: Limits,
}

impl Roster {
    /// An empty roster.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// When the newest record of the app was ordered: what is ordered later has a later timetoken.
    #[must_use]
    pub fn newest(&self) -> Timetoken {
        self.newest
    }

    /// Applies one ordered record and says what it changed, which is often nothing.
    pub fn fold(&mut self, stamp: Stamp, record: &Record) -> Option<Arc<Change>> {
        self.newest = self.newest.max(stamp.timetoken);
        if let Op::Override(party, by_hand) = &record.op {
            self.set_by_hand(party, *by_hand);
            return None;
        }
        let topic = known(&mut self.topics, &mut self.names, &record.topic);
        let was_vacant = topic.is_vacant();
        if was_vacant {
            self.vacant.remove(&(topic.stamp.timetoken, record.topic.clone()));
        }
        topic.history.follow(topic.stamp, stamp);
        let kind = apply(topic, &mut self.states, stamp, &record.op);
        topic.stamp = stamp;
        if topic.is_vacant() {
            self.vacant.insert((stamp.timetoken, record.topic.clone()));
        }
        let edge = edge(was_vacant, topic);
        let occupancy = topic.occupancy();
        let change = Arc::new(Change { topic: record.topic.clone(), stamp, kind: kind?, occupancy, edge });
        if is_kept(&change.kind) {
            topic.history.push(Arc::clone(&change), (self.limits.history, self.limits.history_bytes));
        }
        let is_buffered = self.limits.buffer.is_some() && Said::is_for(&change.kind);
        if is_buffered {
            topic.history.said.push(Arc::clone(&change));
            self.buffer.push(&change);
        }
        if let Op::Retained(_, until) = &record.op {
            let retained = Retained { change: Arc::clone(&change), until: *until };
            let before = topic.retained.replace(retained);
            if let Some(before) = before {
                self.retentions.remove(&(before.until, record.topic.clone()));
            }
            self.retentions.insert((*until, record.topic.clone()));
        }
        self.index(&change);
        if is_buffered {
            self.trim(Wall(stamp.timetoken.0));
        }
        Some(change)
    }

    /// Makes a topic what an engine's snapshot says it is, and returns the differences as changes: how a node that lost
    /// touch with the log comes back without anybody seeing more than the net. The rows come in the order in which their
    /// sessions spoke last. The changes belong together: each has the counts after all of them.
    pub fn reconcile(
        &mut self,
        stamp: Stamp,
        name: &TopicName,
        rows: &[(SessionId, Arc<Entry>)],
        last_heard: Wall,
    ) -> Vec<Arc<Change>> {
        if rows.is_empty() && !self.topics.contains_key(name) {
            return Vec::new();
        }
        let topic = known(&mut self.topics, &mut self.names, name);
        let was_vacant = topic.is_vacant();
        if was_vacant {
            self.vacant.remove(&(topic.stamp.timetoken, name.clone()));
        }
        let kinds = topic.replace(stamp, rows, last_heard);
        if topic.stamp != stamp || !kinds.is_empty() {
            topic.history.restart(stamp);
        }
        topic.stamp = stamp;
        if topic.is_vacant() {
            self.vacant.insert((stamp.timetoken, name.clone()));
        }
        let edge = edge(was_vacant, topic);
        let occupancy = topic.occupancy();
        let change_of = |kind| Change { topic: name.clone(), stamp, kind, occupancy, edge: None };
        let mut changes: Vec<Change> = kinds.into_iter().map(change_of).collect();
        if let Some(last) = changes.last_mut() {
            last.edge = edge;
        }
        changes.iter().for_each(|change| self.index(change));
        changes.into_iter().map(Arc::new).collect()
    }

    /// Forgets the topics that have been vacant for longer than the retention, and what has ended by itself; the parties whose
    /// overrides have.
    pub fn sweep(&mut self, now: Wall) -> Vec<PartyId> {
        while self.states.first().is_some_and(|(until, ..)| *until <= now) {
            let Some((_, party, name)) = self.states.pop_first() else { break };
            self.topics.get_mut(&name).and_then(|topic| topic.absent.remove(&party));
            self.heed(&name);
        }
        let mut freed = Vec::new();
        while self.overrides.first().is_some_and(|(until, _)| *until <= now) {
            let Some((_, party)) = self.overrides.pop_first() else { break };
            self.set_by_hand(&party, None);
            freed.push(party);
        }
        while self.retentions.first().is_some_and(|(until, _)| *until <= now) {
            let Some((_, name)) = self.retentions.pop_first() else { break };
            if let Some(topic) = self.topics.get_mut(&name) {
                topic.retained = None;
            }
            self.heed(&name);
        }
        self.forget(now);
        freed
    }

    /// Forgets only what goes by when its newest record was ordered: the topics that have been vacant for longer than the retention, and
    /// what was said too long ago.
    pub fn forget(&mut self, now: Wall) {
        self.trim(now);
        let ticks = u64::try_from(self.limits.retention.as_micros()).unwrap_or(u64::MAX).saturating_mul(10);
        while self.vacant.first().is_some_and(|(since, _)| since.0.saturating_add(ticks) <= now.0) {
            let Some((_, name)) = self.vacant.pop_first() else { break };
            // What keeps something is looked at again when that ends, and not before.
            if !self.topics.get(&name).is_some_and(Topic::keeps_something) {
                self.topics.remove(&name);
                self.names.remove(&name);
            }
        }
    }

    /// Forgets the oldest of what was said, beyond what may be kept.
    fn trim(&mut self, now: Wall) {
        let Some(limits) = self.limits.buffer else { return };
        while let Some((gone, name)) = self.buffer.pop_excess(limits, now) {
            if let Some(topic) = self.topics.get_mut(&name) {
                topic.history.said.forget(gone);
            }
            self.heed(&name);
        }
    }

    /// Something that a topic kept has ended: if nobody is there, it may be forgotten.
    fn heed(&mut self, name: &TopicName) {
        if let Some(topic) = self.topics.get(name).filter(|topic| topic.is_vacant()) {
            self.vacant.insert((topic.stamp.timetoken, name.clone()));
        }
    }

    /// A topic, if anything is known of it.
    #[must_use]
    pub fn topic(&self, name: &TopicName) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// Every topic of which anything is known.
    pub fn topics(&self) -> impl Iterator<Item = (&TopicName, &Topic)> {
        self.topics.iter()
    }

    /// The topics of which anything is known and whose names begin with `prefix`, in the order of their names, from the one after
    /// `after` on. To look at very many, ask again after each few, so that nobody else waits long.
    pub fn topics_after(
        &self,
        prefix: &str,
        after: Option<&TopicName>,
    ) -> impl Iterator<Item = (&TopicName, &Topic)> {
        let start = after.map_or(Bound::Included(prefix), |after| Bound::Excluded(after.as_str()));
        let names = self.names.range::<str, _>((start, Bound::Unbounded));
        let names = names.take_while(move |name| name.as_str().starts_with(prefix));
        names.filter_map(|name| self.topics.get_key_value(name))
    }

    /// A topic's roster now.
    #[must_use]
    pub fn snapshot(&self, name: &TopicName) -> Snapshot {
        self.topics.get(name).map_or_else(|| Snapshot::empty(name.clone()), Topic::snapshot)
    }

    /// The party whose status a record may change that is about to be folded.
    pub fn concerned<'a>(&'a self, record: &'a Record) -> Option<&'a PartyId> {
        match &record.op {
            Op::Enter(_, entry) => Some(&entry.party.id),
            Op::Update(session, _) | Op::Leave { session, .. } => {
                Some(&self.topic(&record.topic)?.membership(*session)?.entry.party.id)
            }
            Op::Override(party, _) => Some(party),
            Op::Detach(_)
            | Op::Attach(_)
            | Op::Message(_)
            | Op::Retained(..)
            | Op::Watchers(..)
            | Op::State { .. } => None,
        }
    }

    /// The topics that clients can name in which a party is a member.
    pub fn whereabouts(&self, party: &PartyId) -> impl Iterator<Item = &TopicName> {
        self.everywhere(party).filter(|topic| !topic.is_of_party())
    }

    /// The topics in which a party is a member, its own too, which has those of its sessions that are its wherever they are.
    pub fn everywhere(&self, party: &PartyId) -> impl Iterator<Item = &TopicName> {
        self.parties.get(party).into_iter().flat_map(|known| known.topics.iter())
    }

    /// Every session with which a party is a member anywhere; one that is in several topics comes as often.
    pub fn sessions_of(&self, party: &PartyId) -> impl Iterator<Item = SessionId> {
        let members = self.everywhere(party).filter_map(|name| self.topics.get(name)?.member(party));
        members.flat_map(|member| member.sessions.iter().copied())
    }

    /// A party's status over all its sessions in all topics.
    #[must_use]
    pub fn status(&self, party: &PartyId, now: Wall) -> Status {
        let by_hand = self.parties.get(party).and_then(|known| known.by_hand);
        let facts = self.everywhere(party).filter_map(|name| self.topics.get(name)).flat_map(|topic| {
            let sessions = topic.member(party).map_or(&[][..], |member| &member.sessions);
            sessions
                .iter()
                .filter_map(|session| topic.membership(*session))
                .map(|known| known.entry.content.facts)
        });
        status_of(facts, by_hand, now)
    }

    /// What somebody set a party's status to by hand, as long as it is in force.
    #[must_use]
    pub fn by_hand(&self, party: &PartyId, now: Wall) -> Option<Override> {
        let by_hand = self.parties.get(party).and_then(|known| known.by_hand);
        by_hand.filter(|set| set.is_in_force(now))
    }

    /// Whether a party's state in a topic would be one more of absent parties: it is not there, and none is kept.
    #[must_use]
    pub fn is_new_state(&self, topic: &TopicName, party: &PartyId) -> bool {
        let known = self.topics.get(topic);
        known.is_none_or(|known| known.member(party).is_none() && !known.absent.contains_key(party))
    }

    /// Whether the states of so many more absent parties may be kept. One that has ended takes its place until it is swept.
    #[must_use]
    pub fn has_room_for_states(&self, more: usize) -> bool {
        more == 0
            || self.limits.absent_states.is_none_or(|most| self.states.len().saturating_add(more) <= most)
    }

    /// Whether nothing at all is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let has_nothing_to_end = self.states.is_empty()
            && self.overrides.is_empty()
            && self.retentions.is_empty()
            && self.buffer.is_empty();
        self.topics.is_empty()
            && self.names.is_empty()
            && self.parties.is_empty()
            && self.vacant.is_empty()
            && has_nothing_to_end
    }

    fn set_by_hand(&mut self, party: &PartyId, by_hand: Option<Override>) {
        let known = self.parties.entry(party.clone()).or_default();
        let before = std::mem::replace(&mut known.by_hand, by_hand);
        if let Some(until) = before.and_then(|before| before.until) {
            self.overrides.remove(&(until, party.clone()));
        }
        if let Some(until) = by_hand.and_then(|by_hand| by_hand.until) {
            self.overrides.insert((until, party.clone()));
        }
        if by_hand.is_none() && known.topics.is_empty() {
            self.parties.remove(party);
        }
    }

    fn index(&mut self, change: &Change) {
        match &change.kind {
            ChangeKind::Joined(member) => {
                if let Some(topic) = self.topics.get_mut(&change.topic) {
                    forget_state(topic, &mut self.states, &member.party.id);
                }
                self.parties.entry(member.party.id.clone()).or_default().topics.insert(change.topic.clone());
            }
            ChangeKind::Left { member, .. } => {
                let Some(known) = self.parties.get_mut(&member.party.id) else { return };
                known.topics.remove(&change.topic);
                if known.topics.is_empty() && known.by_hand.is_none() {
                    self.parties.remove(&member.party.id);
                }
            }
            ChangeKind::Updated(_)
            | ChangeKind::Sessions(_)
            | ChangeKind::Message(_)
            | ChangeKind::State(..)
            | ChangeKind::Counts => {}
        }
    }
}

/// A topic; it begins if nothing is known of it.
fn known<'a>(
    topics: &'a mut HashMap<TopicName, Topic>,
    names: &mut BTreeSet<TopicName>,
    name: &TopicName,
) -> &'a mut Topic {
    match topics.entry(name.clone()) {
        Place::Occupied(place) => place.into_mut(),
        Place::Vacant(place) => {
            names.insert(name.clone());
            place.insert(Topic::new(name.clone()))
        }
    }
}

fn edge(was_vacant: bool, topic: &Topic) -> Option<Edge> {
    match (was_vacant, topic.is_vacant()) {
        (true, false) => Some(Edge::Occupied),
        (false, true) => Some(Edge::Vacated),
        _ => None,
    }
}

fn apply(topic: &mut Topic, states: &mut States, stamp: Stamp, op: &Op) -> Option<ChangeKind> {
    match op {
        Op::Enter(session, entry) => topic.enter(stamp, *session, entry),
        Op::Update(session, content) => topic.update(stamp, *session, content),
        Op::Detach(session) => topic.set_attached(*session, false),
        Op::Attach(session) => topic.set_attached(*session, true),
        Op::Leave { session, cause, last_heard, by } => {
            topic.leave(*session, *cause, *last_heard, by.as_ref())
        }
        Op::Message(message) | Op::Retained(message, _) => Some(ChangeKind::Message(Arc::clone(message))),
        Op::Watchers(node, watchers) => topic.set_watchers(*node, *watchers),
        Op::State { party, content, until } => {
            let state = content.clone().map(|content| Absent { content, until: *until });
            set_state(topic, states, stamp, party, state)
        }
        Op::Override(..) => None,
    }
}

/// A member speaks for itself: what is said of it as if it were absent comes too late.
fn set_state(
    topic: &mut Topic,
    states: &mut States,
    stamp: Stamp,
    party: &Arc<Party>,
    state: Option<Absent>,
) -> Option<ChangeKind> {
    if topic.member(&party.id).is_some() {
        return None;
    }
    // A state that has ended may have been swept or not; every node must conclude the same.
    let has_ended = |state: &Absent| state.until.0 <= stamp.timetoken.0;
    let before = forget_state(topic, states, &party.id).filter(|state| !has_ended(state));
    let content = state.as_ref().map(|state| state.content.clone());
    if let Some(state) = state {
        states.insert((state.until, party.id.clone(), topic.name.clone()));
        topic.absent.insert(party.id.clone(), state);
    }
    let is_changed = before.map(|before| before.content) != content;
    is_changed.then(|| ChangeKind::State(Arc::clone(party), content))
}

fn forget_state(topic: &mut Topic, states: &mut States, party: &PartyId) -> Option<Absent> {
    let state = topic.absent.remove(party)?;
    states.remove(&(state.until, party.clone(), topic.name.clone()));
    Some(state)
}

/// Presence and kept messages are what somebody who was away wants to hear of.
fn is_kept(kind: &ChangeKind) -> bool {
    match kind {
        ChangeKind::Joined(_) | ChangeKind::Updated(_) | ChangeKind::Left { .. } | ChangeKind::State(..) => {
            true
        }
        ChangeKind::Message(message) => message.is_kept,
        ChangeKind::Sessions(_) | ChangeKind::Counts => false,
    }
}
