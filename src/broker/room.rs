//! One app in the broker: its roster, its leases, its sessions' outboxes and its topics' streams.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::encode::{Encode, EncoderId};
use super::feed::Follower;
use super::handle::{Opening, Since};
use super::outbox::{Item, Outbox};
use super::policy::Policy;
use super::reply::{CloseReason, Notice, Reply, ReplyTo};
use super::rested::Rested;
use super::statuses::Teller;
use super::stream::{Echo, Newcomer, Stream, Viewer, answer};
use crate::core::{
    Change, ChangeKind, Leases, Limits, Mono, NodeId, Now, Op, PartyId, Record, Roster, SessionId, Timetoken,
    Topic, TopicName, Wall,
};
use crate::engine::{AppSlot, Ordered, Rows};
use crate::telemetry::Metrics;

/// A session of this node, as the broker reaches it.
#[derive(Debug)]
pub(super) struct Local {
    party: PartyId,
    pub(super) outbox: Arc<Outbox>,
    encoder: EncoderId,
    pub(super) watches: Vec<TopicName>,
    /// Since when more bytes of messages have waited for it than its outbox may hold.
    pub(super) over_since: Option<Mono>,
}

/// One app.
#[derive(Debug)]
pub(super) struct Room {
    node: NodeId,
    pub(super) app: AppSlot,
    pub(super) roster: Roster,
    pub(super) leases: Leases,
    pub(super) locals: FxHashMap<SessionId, Local>,
    pub(super) streams: HashMap<TopicName, Stream>,
    dirty: Vec<TopicName>,
    /// When each stream wants to be looked at.
    agenda: BTreeSet<(Mono, TopicName)>,
    /// Topics whose number of local viewers changed since the roster was told.
    recount: HashSet<TopicName>,
    pub(super) lagging: HashSet<SessionId>,
    /// When those are looked at next.
    pub(super) next_look: Mono,
    pub(super) rested: Arc<Rested>,
    /// Sessions to be put out of a topic once they have been sent why, and whether they were members.
    expelled: Vec<(SessionId, TopicName, bool)>,
    followers: Vec<Follower>,
    tellers: Vec<Teller>,
    pub(super) policy: Policy,
    pub(super) encoders: Arc<[Arc<dyn Encode>]>,
    pub(super) metrics: Metrics,
}

/// What all rooms of a broker share.
#[derive(Debug, Clone)]
pub(super) struct House {
    pub(super) node: NodeId,
    pub(super) encoders: Arc<[Arc<dyn Encode>]>,
    pub(super) rested: Arc<Rested>,
    pub(super) metrics: Metrics,
}

impl Room {
    pub(super) fn new(app: AppSlot, limits: Limits, policy: Policy, house: House) -> Self {
        let House { node, encoders, rested, metrics } = house;
        Self {
            node,
            app,
            roster: Roster::new(limits),
            leases: Leases::default(),
            locals: FxHashMap::default(),
            streams: HashMap::new(),
            dirty: Vec::new(),
            agenda: BTreeSet::new(),
            recount: HashSet::new(),
            lagging: HashSet::new(),
            next_look: Mono::default(),
            rested,
            expelled: Vec::new(),
            followers: Vec::new(),
            tellers: Vec::new(),
            policy,
            encoders,
            metrics,
        }
    }

    /// A session begins, or its new connection takes the old one's place.
    pub(super) fn open(&mut self, opening: Opening, now: Now) {
        let Opening { session, party, terms, encoder, outbox } = opening;
        self.leases.open(session, Arc::clone(&party), terms, now);
        let local = Local { party: party.id.clone(), outbox, encoder, watches: Vec::new(), over_since: None };
        if let Some(replaced) = self.locals.insert(session, local) {
            replaced.outbox.push(Item::Notice(Notice::Close(CloseReason::Ended)));
            for topic in &replaced.watches {
                self.dismiss(session, topic);
            }
        }
    }

    /// A session's connection is gone: it watches nothing any more, and its graces begin.
    pub(super) fn detach(&mut self, session: SessionId, now: Now) {
        self.leases.detach(session, now);
        self.lagging.remove(&session);
        let Some(local) = self.locals.remove(&session) else { return };
        local.outbox.close();
        for topic in &local.watches {
            self.dismiss(session, topic);
        }
    }

    /// Whether a session has a connection here.
    pub(super) fn is_here(&self, session: SessionId) -> bool {
        self.locals.contains_key(&session)
    }

    /// Makes a session a viewer of a topic.
    pub(super) fn watch(
        &mut self,
        session: SessionId,
        topic: &TopicName,
        since: Option<Since>,
        reply: ReplyTo,
    ) {
        let Some(local) = self.locals.get_mut(&session) else { return };
        if !local.watches.contains(topic) {
            local.watches.push(topic.clone());
        }
        let viewer = Viewer {
            party: local.party.clone(),
            outbox: Arc::clone(&local.outbox),
            encoder: local.encoder,
            omits_own: omits_own(&self.encoders, local.encoder),
            start: Timetoken(0),
            end: None,
            behind: None,
            lag: None,
        };
        let (roster, node) = (&self.roster, self.node);
        let stream =
            self.streams.entry(topic.clone()).or_insert_with(|| Stream::new(topic.clone(), roster, node));
        stream.welcome(Newcomer { session, viewer, since, reply, rosters: Vec::new() }, roster);
        self.recount.insert(topic.clone());
        self.touch(topic);
    }

    /// The first viewer is told the counts that it made before it was one.
    pub(super) fn tell_counts(&mut self, topic: &TopicName) {
        let (Some(stream), Some(known)) = (self.streams.get_mut(topic), self.roster.topic(topic)) else {
            return;
        };
        let (stamp, occupancy) = (known.stamp(), known.occupancy());
        let change = Change { topic: topic.clone(), stamp, kind: ChangeKind::Counts, occupancy, edge: None };
        stream.tell_counts(Arc::new(change));
    }

    /// Ends a session's watching.
    pub(super) fn unwatch(&mut self, session: SessionId, topic: &TopicName, reply: ReplyTo) {
        let Some(local) = self.locals.get_mut(&session) else { return };
        local.watches.retain(|watched| watched != topic);
        let outbox = Arc::clone(&local.outbox);
        let was_watching = self.dismiss(session, topic);
        answer(reply, &outbox, Reply::Unwatched(was_watching));
    }

    fn dismiss(&mut self, session: SessionId, topic: &TopicName) -> bool {
        let Some(stream) = self.streams.get_mut(topic) else { return false };
        let was_watching = stream.dismiss(session);
        if was_watching {
            self.recount.insert(topic.clone());
        }
        was_watching
    }

    /// A roster, shared with everybody who asks before the next change.
    pub(super) fn roster_of(&mut self, topic: &TopicName, reply: ReplyTo) {
        let served = match self.streams.get_mut(topic) {
            Some(stream) => stream.ask_roster(reply, &self.roster),
            None => Some((reply, Arc::new(super::encode::Roll::new(self.roster.snapshot(topic))))),
        };
        if let Some((reply, roll)) = served {
            self.answer(reply, Reply::Roster(roll));
        }
    }

    /// Sends an answer where it was asked for, if its session is still here.
    pub(super) fn answer(&self, reply: ReplyTo, with: Reply) {
        match reply {
            ReplyTo::Session(session, tag) => {
                if let Some(local) = self.locals.get(&session) {
                    answer(ReplyTo::Session(session, tag), &local.outbox, with);
                }
            }
            ReplyTo::Caller(caller) => drop(caller.send(with)),
            ReplyTo::Nobody => {}
        }
    }

    /// Folds a record that has its place, and puts what it changed on its way.
    pub(super) fn fold(&mut self, ordered: &Ordered, now: Now) -> Option<Arc<Change>> {
        let Ordered { stamp, record, .. } = ordered;
        if !self.tellers.is_empty()
            && let Some(party) = self.roster.concerned(record)
        {
            self.tellers.retain(|teller| teller.push(party));
        }
        let change = self.roster.fold(*stamp, record);
        if let Op::Watchers(of, 0) = &record.op
            && *of == self.node
        {
            self.forget_stream(&record.topic);
        }
        if let Op::Leave { session, by, .. } = &record.op {
            self.leases.leave(*session, &record.topic);
            if by.is_some() {
                self.expelled.push((*session, record.topic.clone(), true));
                if let Some(stream) = self.streams.get_mut(&record.topic) {
                    stream.part(*session, stamp.timetoken);
                }
            }
        }
        let change = change?;
        // What the hub notes of a party as a whole is nobody's topic.
        if !change.topic.is_of_party() {
            self.followers.retain(|follower| follower.push(&change));
        }
        if let Some(stream) = self.streams.get_mut(&record.topic) {
            stream.take(now.mono, &change, &self.policy);
            self.touch(&record.topic);
        }
        Some(change)
    }

    /// Makes a topic what the engine says it is, and puts the differences on their way.
    pub(super) fn reconcile(&mut self, rows: &Rows, now: Now) {
        self.tell_all(&rows.topic);
        for change in self.roster.reconcile(rows.stamp, &rows.topic, &rows.rows, now.wall) {
            if !change.topic.is_of_party() {
                self.followers.retain(|follower| follower.push(&change));
            }
            if let Some(stream) = self.streams.get_mut(&rows.topic) {
                stream.take(now.mono, &change, &self.policy);
            }
        }
        self.tell_all(&rows.topic);
        self.touch(&rows.topic);
    }

    /// The statuses of all members of a topic may have changed.
    fn tell_all(&mut self, topic: &TopicName) {
        let members = self.roster.topic(topic).into_iter().flat_map(Topic::members);
        for member in members {
            self.tellers.retain(|teller| teller.push(&member.party.id));
        }
    }

    /// Forgets what has ended by itself; what depends on when a record was ordered by a time that is never set back, as records have it.
    pub(super) fn sweep(&mut self, now: Wall, steady: Wall) {
        for party in self.roster.sweep(now) {
            self.tellers.retain(|teller| teller.push(&party));
        }
        self.roster.forget(steady);
    }

    /// Somebody in this process wants to be told whose status may have changed.
    pub(super) fn follow_statuses(&mut self, teller: Teller) {
        self.tellers.push(teller);
    }

    /// Somebody in this process wants to be told of every change.
    pub(super) fn follow(&mut self, follower: Follower) {
        self.followers.push(follower);
    }

    /// The author of a change wants it back with something of its own.
    pub(super) fn echo(&mut self, echo: Echo) {
        if let Some(stream) = self.streams.get_mut(&echo.change.topic) {
            stream.echo(echo);
        }
    }

    /// A party was removed from a topic: its sessions here, those that only watch too, are put out.
    pub(super) fn expel_party(&mut self, party: &PartyId, topic: &TopicName) {
        // Who watches a party is not there as that party, whatever it is elsewhere.
        if topic.is_of_party() {
            return;
        }
        for session in self.sessions_of(party) {
            self.expelled.push((session, topic.clone(), false));
        }
    }

    /// Tells the sessions here of a party, or of everybody, that what they may do in a topic may have changed.
    pub(super) fn rights_changed(&self, party: Option<&PartyId>, topic: &TopicName) {
        let is_meant = |local: &&Local| party.is_none_or(|party| local.party == *party);
        for local in self.locals.values().filter(is_meant).filter(|local| local.watches.contains(topic)) {
            local.outbox.push(Item::Notice(Notice::Rights(topic.clone())));
        }
    }

    /// Whether somebody is in a topic or watches it, as far as this node knows. The roster hears a little later of who watches here.
    pub(super) fn is_attended(&self, topic: &TopicName) -> bool {
        self.streams.get(topic).is_some_and(|stream| stream.viewer_count() > 0)
            || self.roster.topic(topic).is_some_and(|known| !known.is_vacant())
    }

    fn expel(&mut self, session: SessionId, topic: &TopicName, was_member: bool) {
        let Some(local) = self.locals.get_mut(&session) else { return };
        let watched = local.watches.len();
        local.watches.retain(|other| other != topic);
        if local.watches.len() < watched || was_member {
            local.outbox.push(Item::Notice(Notice::Removed(topic.clone())));
            self.dismiss(session, topic);
        }
    }

    fn touch(&mut self, topic: &TopicName) {
        if let Some(stream) = self.streams.get_mut(topic)
            && !std::mem::replace(&mut stream.is_dirty, true)
        {
            self.dirty.push(topic.clone());
        }
    }

    /// The end of a turn: everything that is due goes out.
    pub(super) fn flush(&mut self, now: Now) {
        while self.agenda.first().is_some_and(|(due, _)| *due <= now.mono) {
            if let Some((_, topic)) = self.agenda.pop_first() {
                self.touch(&topic);
            }
        }
        let mut slow = Vec::new();
        for topic in std::mem::take(&mut self.dirty) {
            let Some(stream) = self.streams.get_mut(&topic) else { continue };
            stream.is_dirty = false;
            let delivered = stream.flush(now.mono, &self.encoders, &self.policy, &self.roster);
            self.metrics.delivered(delivered.frames, delivered.bytes);
            slow.extend(delivered.slow);
            let due = stream.next_due(now.mono);
            if due != stream.scheduled {
                if let Some(before) = stream.scheduled.take() {
                    self.agenda.remove(&(before, topic.clone()));
                }
                self.agenda.extend(due.map(|due| (due, topic)));
                stream.scheduled = due;
            } else if let Some(due) = due {
                self.agenda.insert((due, topic));
            }
        }
        for slow in slow {
            self.hold_back(slow, now.mono);
        }
    }

    /// Puts those out who were removed, after they were sent why, and names who came back in the meantime: that was before they knew.
    pub(super) fn expel_all(&mut self) -> Vec<(SessionId, TopicName)> {
        let mut expelled = std::mem::take(&mut self.expelled);
        // A member comes first of what is said of one session twice.
        expelled.sort_by(|one, other| other.cmp(one));
        expelled.dedup_by(|one, other| (one.0, &one.1) == (other.0, &other.1));
        for (session, topic, was_member) in &expelled {
            self.expel(*session, topic, *was_member);
        }
        let is_back = |(session, topic, _): &(SessionId, TopicName, bool)| {
            self.leases.get(*session).is_some_and(|lease| lease.is_member(topic))
        };
        expelled.into_iter().filter(is_back).map(|(session, topic, _)| (session, topic)).collect()
    }

    /// The topics whose number of viewers on this node is not what the roster was told, with that number.
    pub(super) fn recounted(&mut self) -> Vec<(TopicName, u32)> {
        let mut recounted = Vec::new();
        for topic in std::mem::take(&mut self.recount) {
            let Some(stream) = self.streams.get_mut(&topic) else { continue };
            let viewers = stream.viewer_count();
            if viewers != stream.told {
                stream.told = viewers;
                recounted.push((topic, viewers));
            } else if viewers == 0 {
                self.forget_stream(&topic);
            }
        }
        recounted
    }

    /// Whether some topic is to be recounted.
    pub(super) fn is_recounting(&self) -> bool {
        !self.recount.is_empty()
    }

    fn forget_stream(&mut self, topic: &TopicName) {
        if self.streams.get(topic).is_some_and(|stream| stream.viewer_count() == 0)
            && let Some(stream) = self.streams.remove(topic)
            && let Some(due) = stream.scheduled
        {
            self.agenda.remove(&(due, topic.clone()));
        }
    }

    /// When something here is due.
    pub(super) fn next_due(&self) -> Option<Mono> {
        let agenda = self.agenda.first().map(|(due, _)| *due);
        agenda.into_iter().chain(self.leases.next_deadline()).min()
    }

    /// The sessions that have a connection here.
    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.locals.keys().copied()
    }

    /// The sessions that have a connection here and are a party's, or with which it is a member somewhere.
    pub(super) fn sessions_of(&self, party: &PartyId) -> Vec<SessionId> {
        let is_theirs = |(_, local): &(&SessionId, &Local)| &local.party == party;
        let own = self.locals.iter().filter(is_theirs).map(|(session, _)| *session);
        let other = self.roster.sessions_of(party).filter(|session| self.locals.contains_key(session));
        own.chain(other).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Tells a session's connection to end.
    pub(super) fn close(&self, session: SessionId, reason: CloseReason) {
        if let Some(local) = self.locals.get(&session) {
            local.outbox.push(Item::Notice(Notice::Close(reason)));
        }
    }

    /// This node's own memberships, as records that enter them again.
    pub(super) fn own_entries(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for (topic, known) in self.roster.topics() {
            for (session, membership) in known.memberships() {
                if self.leases.get(session).is_some_and(|lease| lease.is_member(topic)) {
                    let entry = Arc::clone(&membership.entry);
                    records.push(Record { topic: topic.clone(), op: Op::Enter(session, entry) });
                }
            }
        }
        records
    }
}

fn omits_own(encoders: &[Arc<dyn Encode>], encoder: EncoderId) -> bool {
    encoders.get(usize::from(encoder.0)).is_some_and(|encoder| encoder.omits_own())
}
