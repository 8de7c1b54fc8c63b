//! One topic's viewers and what is on its way to them.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;

use super::deliver::{Delivered, deliver};
use super::encode::{Encode, EncoderId, Link, Roll, Step};
use super::handle::Since;
use super::lag::{Lag, chained, is_linked};
use super::outbox::{Item, Outbox, Pushed};
use super::policy::{Pace, Policy};
use super::reply::{Reply, ReplyTo, Watching};
use crate::core::{
    CatchUp, Change, ChangeKind, Epoch, MemberView, Mono, Net, NodeId, Occupancy, PartyId, Rev, Roster,
    SessionId, Timetoken, TopicName,
};

/// A session that receives a topic's changes.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) party: PartyId,
    pub(super) outbox: Arc<Outbox>,
    pub(super) encoder: EncoderId,
    /// Whether it is not sent what it caused itself.
    pub(super) omits_own: bool,
    /// The newest record in the snapshot it started from.
    pub(super) start: Timetoken,
    /// The removal by which it is about to be put out, if it is not sent what concerns itself: nothing from there on is for it.
    pub(super) end: Option<Timetoken>,
    /// The last rev that it has, if all that others have been sent since came to nothing while it was slow. What it is sent next of the
    /// stream follows that.
    pub(super) behind: Option<Rev>,
    /// What it is behind by, if it is slow.
    pub(super) lag: Option<Box<Lag>>,
}

/// Somebody who asked to watch while changes were on their way.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) session: SessionId,
    pub(super) viewer: Viewer,
    pub(super) since: Option<Since>,
    pub(super) reply: ReplyTo,
    /// Its requests for the roster, served after `reply`: who joins until then would be in neither.
    pub(super) rosters: Vec<ReplyTo>,
}

/// A change that an author wants back with something of its own.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) session: SessionId,
    pub(super) change: Arc<Change>,
    pub(super) bytes: Bytes,
}

/// A change of only the number of a member's sessions, waiting for its undoing.
#[derive(Debug)]
struct Tabs {
    due: Mono,
    change: Arc<Change>,
}

/// One topic's viewers, and what is on its way to them.
#[derive(Debug)]
pub(super) struct Stream {
    topic: TopicName,
    pub(super) viewers: FxHashMap<SessionId, Viewer>,
    newcomers: Vec<Newcomer>,
    epoch: Epoch,
    /// The rev that every viewer has who is not slow, and was not while what it missed came to nothing.
    last: Rev,
    /// The newest rev that is, or will be, part of the stream.
    newest: Rev,
    /// Changes to go out, in order.
    queue: Vec<Arc<Change>>,
    /// Presence that waits for the end of a tick or interval.
    held: Net,
    echoes: Vec<Echo>,
    tabs: HashMap<PartyId, Tabs>,
    /// The numbers of sessions that viewers were last told, where it is not one.
    announced: FxHashMap<PartyId, u32>,
    counts: Option<Arc<Change>>,
    occupancy: Occupancy,
    pace: Pace,
    roll: Option<Arc<Roll>>,
    /// The number of viewers that the roster was last told.
    pub(super) told: u32,
    /// When the room looks at this stream next.
    pub(super) scheduled: Option<Mono>,
    pub(super) is_dirty: bool,
}

impl Stream {
    pub(super) fn new(topic: TopicName, roster: &Roster, node: NodeId) -> Self {
        let mut stream = Self {
            viewers: FxHashMap::default(),
            newcomers: Vec::new(),
            epoch: Epoch::default(),
            last: Rev::default(),
            newest: Rev::default(),
            queue: Vec::new(),
            held: Net::default(),
            echoes: Vec::new(),
            tabs: HashMap::new(),
            announced: FxHashMap::default(),
            counts: None,
            occupancy: Occupancy::default(),
            pace: Pace::default(),
            roll: None,
            told: 0,
            scheduled: None,
            is_dirty: false,
            topic,
        };
        if let Some(known) = roster.topic(&stream.topic) {
            stream.epoch = known.stamp().epoch;
            stream.last = known.stamp().rev;
            stream.newest = stream.last;
            stream.occupancy = known.occupancy();
            stream.told = known.watchers_of(node);
            for member in known.members().filter(|member| member.attached() > 1) {
                stream.announced.insert(member.party.id.clone(), member.attached());
            }
        }
        stream
    }

    /// Takes a change that was folded; it goes out at the end of the turn, or later if the pace says so.
    pub(super) fn take(&mut self, now: Mono, change: &Arc<Change>, policy: &Policy) {
        self.occupancy = change.occupancy;
        self.roll = None;
        if change.stamp.epoch != self.epoch {
            // Viewers see the epoch on the next frame, and start again from a snapshot.
            self.epoch = change.stamp.epoch;
            self.last = Rev::default();
            self.newest = Rev::default();
        }
        if is_linked(change) {
            self.newest = change.stamp.rev;
        }
        match &change.kind {
            ChangeKind::Joined(member) | ChangeKind::Updated(member) => {
                self.announce(member);
                self.take_presence(now, change, policy);
            }
            ChangeKind::Left { member, .. } => {
                self.announced.remove(&member.party.id);
                self.tabs.remove(&member.party.id);
                self.take_presence(now, change, policy);
            }
            ChangeKind::Sessions(member) => self.take_tabs(now, member, change, policy),
            ChangeKind::Message(message) => {
                if message.is_kept && message.receivers.is_none() {
                    // What was held comes before a message, or the message would overtake it.
                    let held = self.held.take();
                    self.queue.extend(held);
                }
                self.queue.push(Arc::clone(change));
            }
            ChangeKind::State(..) => self.queue.push(Arc::clone(change)),
            ChangeKind::Counts => self.counts = Some(Arc::clone(change)),
        }
    }

    /// Tells the counts when they are due next.
    pub(super) fn tell_counts(&mut self, change: Arc<Change>) {
        self.occupancy = change.occupancy;
        self.counts = Some(change);
    }

    pub(super) fn echo(&mut self, echo: Echo) {
        self.echoes.push(echo);
    }

    fn take_presence(&mut self, now: Mono, change: &Arc<Change>, policy: &Policy) {
        self.pace.count(now, change.occupancy, policy);
        if self.pace.hold_until(now, false).is_some() {
            self.held.push(change);
        } else {
            let held = self.held.take();
            self.queue.extend(held);
            self.queue.push(Arc::clone(change));
        }
    }

    fn announce(&mut self, member: &MemberView) {
        self.tabs.remove(&member.party.id);
        if member.attached == 1 {
            self.announced.remove(&member.party.id);
        } else {
            self.announced.insert(member.party.id.clone(), member.attached);
        }
    }

    /// A member without any attached session is about to come back or to leave; either will be told.
    fn take_tabs(&mut self, now: Mono, member: &MemberView, change: &Arc<Change>, policy: &Policy) {
        let told = self.announced.get(&member.party.id).copied().unwrap_or(1);
        if member.attached == told || member.attached == 0 {
            self.tabs.remove(&member.party.id);
            return;
        }
        let due = now + policy.sessions_tick;
        let tabs =
            self.tabs.entry(member.party.id.clone()).or_insert(Tabs { due, change: Arc::clone(change) });
        tabs.change = Arc::clone(change);
    }

    /// Adds a viewer, at once or as soon as what is on its way has gone out.
    pub(super) fn welcome(&mut self, mut newcomer: Newcomer, roster: &Roster) {
        if let Some(waiting) = self.waiting(newcomer.session) {
            newcomer.rosters = std::mem::take(&mut waiting.rosters);
        }
        self.dismiss(newcomer.session);
        if self.queue.is_empty() && self.held.is_empty() {
            self.admit(newcomer, roster);
        } else {
            self.newcomers.push(newcomer);
        }
    }

    fn admit(&mut self, newcomer: Newcomer, roster: &Roster) {
        let Newcomer { session, mut viewer, since, reply, rosters } = newcomer;
        viewer.start = roster.topic(&self.topic).map_or(Timetoken(0), |known| known.stamp().timetoken);
        let (missed, is_complete) = match since {
            None => (None, false),
            Some(Since::Place(epoch, rev)) => {
                let missed = self.missed((epoch, rev), roster);
                let is_complete = missed.is_some();
                (missed, is_complete)
            }
            Some(Since::Message(after, bytes)) => self.said(after, bytes, roster),
        };
        let roll = self.roll(roster);
        let (epoch, rev) = (self.epoch, self.last);
        let watching = Watching { roll: Arc::clone(&roll), epoch, rev, missed, is_complete };
        answer(reply, &viewer.outbox, Reply::Watching(watching));
        for reply in rosters {
            answer(reply, &viewer.outbox, Reply::Roster(Arc::clone(&roll)));
        }
        self.viewers.insert(session, viewer);
    }

    /// The net of what a returning viewer missed, chained from where it was to where all others are.
    fn missed(&self, (epoch, rev): (Epoch, Rev), roster: &Roster) -> Option<Vec<Step>> {
        let CatchUp::Changes(changes) = roster.topic(&self.topic)?.history().since(self.epoch, epoch, rev)
        else {
            return None;
        };
        if rev > self.last {
            return None;
        }
        let mut net = Net::default();
        let mut missed: Vec<_> =
            changes.into_iter().filter(|change| is_linked(change) && !net.push(change)).collect();
        missed.extend(net.take());
        missed.sort_by_key(|change| change.stamp.rev);
        Some(chained(missed, rev, self.last))
    }

    /// A session was removed: it is no viewer much longer.
    pub(super) fn part(&mut self, session: SessionId, from: Timetoken) {
        if let Some(viewer) = self.viewers.get_mut(&session).filter(|viewer| viewer.omits_own) {
            viewer.end.get_or_insert(from);
        }
    }

    /// What was said after a message, and whether that is everything. It has no place in a stream.
    fn said(&self, after: Option<Timetoken>, bytes: usize, roster: &Roster) -> (Option<Vec<Step>>, bool) {
        let Some(known) = roster.topic(&self.topic) else { return (None, false) };
        let recall = known.history().messages_after(known.stamp().epoch, after, bytes);
        let steps = recall.messages.into_iter().map(|change| Step { change, link: None });
        (Some(steps.collect()), recall.is_complete)
    }

    /// Removes a viewer; whether it was one.
    pub(super) fn dismiss(&mut self, session: SessionId) -> bool {
        let is_theirs = |newcomer: &mut Newcomer| newcomer.session == session;
        let mut was_waiting = false;
        for newcomer in self.newcomers.extract_if(.., is_theirs) {
            was_waiting = true;
            for reply in newcomer.rosters.into_iter().chain([newcomer.reply]) {
                answer(reply, &newcomer.viewer.outbox, Reply::Unwatched(true));
            }
        }
        self.viewers.remove(&session).is_some() || was_waiting
    }

    fn waiting(&mut self, session: SessionId) -> Option<&mut Newcomer> {
        self.newcomers.iter_mut().find(|newcomer| newcomer.session == session)
    }

    /// The answer to a request for the roster; `None` if it waits until its session is a viewer.
    pub(super) fn ask_roster(&mut self, reply: ReplyTo, roster: &Roster) -> Option<(ReplyTo, Arc<Roll>)> {
        if let ReplyTo::Session(session, _) = &reply
            && let Some(waiting) = self.waiting(*session)
        {
            waiting.rosters.push(reply);
            return None;
        }
        Some((reply, self.roll(roster)))
    }

    /// The roster as it is now, shared by all who ask before the next change. The numbers of sessions in it are those that viewers
    /// were told, or they would miss the change that brings a number back.
    fn roll(&mut self, roster: &Roster) -> Arc<Roll> {
        let announced = &self.announced;
        let roll = self.roll.get_or_insert_with(|| {
            let mut snapshot = roster.snapshot(&self.topic);
            for member in &mut snapshot.members {
                member.attached = announced.get(&member.party.id).copied().unwrap_or(1);
            }
            Arc::new(Roll::new(snapshot))
        });
        Arc::clone(roll)
    }

    /// How many sessions watch, or are about to.
    pub(super) fn viewer_count(&self) -> u32 {
        u32::try_from(self.viewers.len() + self.newcomers.len()).unwrap_or(u32::MAX)
    }

    /// When something here will be due.
    pub(super) fn next_due(&self, now: Mono) -> Option<Mono> {
        let held = if self.held.is_empty() {
            None
        } else {
            Some(self.pace.hold_until(now, !self.newcomers.is_empty()).unwrap_or(now))
        };
        let tabs = self.tabs.values().map(|tabs| tabs.due).min();
        let counts =
            self.counts.as_ref().map(|_| self.pace.hold_counts_until(now, self.occupancy).unwrap_or(now));
        held.into_iter().chain(tabs).chain(counts).min()
    }

    /// Sends what is due, and says which sessions are slow to take it.
    pub(super) fn flush(
        &mut self,
        now: Mono,
        encoders: &[Arc<dyn Encode>],
        policy: &Policy,
        roster: &Roster,
    ) -> Delivered {
        let is_held = self.pace.hold_until(now, !self.newcomers.is_empty()).is_some();
        if !is_held {
            let held = self.held.take();
            self.queue.extend(held);
        }
        let mut steps = self.steps(now);
        let is_interval = self.pace.takes_interval(now, policy);
        if self.pace.hold_counts_until(now, self.occupancy).is_none()
            && let Some(counts) = self.counts.take()
        {
            self.pace.tells_counts(now);
            steps.push(Step { change: counts, link: None });
        }
        let mut delivered = Delivered::default();
        if !steps.is_empty() || is_interval {
            let interval = is_interval.then_some(self.occupancy);
            let echoes = self.due_echoes();
            delivered = deliver(&self.topic, &mut self.viewers, steps, echoes, (interval, encoders));
        }
        if self.held.is_empty() {
            for newcomer in std::mem::take(&mut self.newcomers) {
                self.admit(newcomer, roster);
            }
        }
        delivered
    }

    /// The queue as steps of the stream, and the numbers of sessions that are due.
    fn steps(&mut self, now: Mono) -> Vec<Step> {
        let queue = std::mem::take(&mut self.queue);
        let linked_to = queue.iter().rev().find(|change| is_linked(change)).map(|change| change.stamp.rev);
        // Changes that left no net trace are passed over, unless some are still held.
        let end = match linked_to {
            Some(_) if self.held.is_empty() => self.newest.max(self.last),
            Some(rev) => rev,
            None => self.last,
        };
        let mut steps = chained(queue, self.last, end);
        self.last = end;
        let link = Some(Link { prev: end, rev: end });
        let due: Vec<_> =
            self.tabs.iter().filter(|(_, tabs)| tabs.due <= now).map(|(party, _)| party.clone()).collect();
        for party in due {
            let Some(tabs) = self.tabs.remove(&party) else { continue };
            if let ChangeKind::Sessions(member) = &tabs.change.kind {
                self.announced.insert(party, member.attached);
            }
            steps.push(Step { change: tabs.change, link });
        }
        steps
    }

    /// The echoes of what is not held any more.
    fn due_echoes(&mut self) -> Vec<Echo> {
        let (is_holding, last) = (!self.held.is_empty(), self.last);
        let is_held = |echo: &Echo| is_holding && is_linked(&echo.change) && echo.change.stamp.rev > last;
        let (held, due) = std::mem::take(&mut self.echoes).into_iter().partition(is_held);
        self.echoes = held;
        due
    }

    /// Starts to hold back what a slow viewer cannot take: what was queued for it of this topic comes back here.
    pub(super) fn hold_back(&mut self, now: Mono, session: SessionId, steps: &[Step]) {
        let Some(viewer) = self.viewers.get_mut(&session) else { return };
        let room = viewer.outbox.bounds().bytes;
        let lag = viewer.lag.get_or_insert_with(|| Box::new(Lag::new(now, viewer.behind.take(), room)));
        // What was queued before the viewer's snapshot is in it; numbers of sessions are told late, and may not be.
        let start = viewer.start;
        let is_news = |step: &&Step| {
            step.change.stamp.timetoken > start || matches!(step.change.kind, ChangeKind::Sessions(_))
        };
        let is_own = |step: &&Step| viewer.omits_own && step.change.author() == Some(session);
        let news: Vec<Step> = steps.iter().filter(is_news).filter(|step| !is_own(step)).cloned().collect();
        lag.absorb(&news);
    }

    /// What a viewer is behind by, if it is slow.
    pub(super) fn lag_of(&self, session: SessionId) -> Option<&Lag> {
        self.viewers.get(&session)?.lag.as_deref()
    }

    /// Lets go of what was said in passing and has had no room for too long.
    pub(super) fn drop_passing(&mut self, session: SessionId) {
        if let Some(lag) = self.viewers.get_mut(&session).and_then(|viewer| viewer.lag.as_mut()) {
            lag.drop_passing();
        }
    }

    /// Sends a slow viewer the net of what it missed, or as much of it as makes this many bytes.
    pub(super) fn catch_up(
        &mut self,
        now: Mono,
        session: SessionId,
        encoders: &[Arc<dyn Encode>],
        most: usize,
    ) -> CaughtUp {
        let done = CaughtUp { bytes: 0, is_done: true };
        let Some(viewer) = self.viewers.get_mut(&session) else { return done };
        let Some(mut lag) = viewer.lag.take() else { return done };
        let Some(encoder) = encoders.get(usize::from(viewer.encoder.0)) else { return done };
        let steps = lag.take(self.last);
        let mut out = BytesMut::new();
        let mut sent = 0;
        while sent < steps.len() && out.len() < most {
            encoder.change(&steps[sent], None, &mut out);
            sent += 1;
        }
        let bytes = out.len();
        let pushed =
            if out.is_empty() { Pushed::Queued } else { viewer.outbox.push(Item::Frame(out.freeze())) };
        let (rest, bytes) = if pushed == Pushed::Full { (&steps[..], 0) } else { (&steps[sent..], bytes) };
        lag.put_back(rest);
        let is_done = lag.is_over();
        if is_done {
            viewer.behind = lag.behind().filter(|_| !viewer.omits_own);
        } else {
            // It is slow, but it takes what it is sent.
            lag.since = now;
            viewer.lag = Some(lag);
        }
        CaughtUp { bytes, is_done }
    }
}

/// What a slow viewer was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct CaughtUp {
    pub(super) bytes: usize,
    /// It is owed nothing any more.
    pub(super) is_done: bool,
}

/// Sends an answer to where it was asked for.
pub(super) fn answer(reply: ReplyTo, outbox: &Outbox, with: Reply) {
    match reply {
        // An outbox that is closed means that nobody is left to read the answer.
        ReplyTo::Session(_, tag) => {
            outbox.push(Item::Reply(tag, with));
        }
        ReplyTo::Caller(caller) => drop(caller.send(with)),
        ReplyTo::Nobody => {}
    }
}
