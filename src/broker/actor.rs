//! The broker's task: it takes requests in turns, folds what the engine orders, and flushes at the end of each turn.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::clock::{Clock, Steady};
use super::encode::Encode;
use super::handle::{Closing, Handle, Request, Which};
use super::policy::Policy;
use super::reply::{CloseReason, Reply, ReplyTo};
use super::rested::Rested;
use super::room::{House, Room};
use super::stream::Echo;
use crate::core::{
    Cause, Change, ChangeKind, Command, Decision, Expiry, Limits, Mono, NodeId, Now, SessionId, decide,
};
use crate::engine::{AppSlot, Arrival, Engine, Ordered, Submission, Ticket, Write};
use crate::telemetry::{Kind, Metrics};

/// How many requests are served before what they changed goes out.
const TURN: usize = 256;

/// How often what nobody needs any more is forgotten, and how often slow sessions are looked at.
const SWEEP: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(20);

/// What a broker is made of.
#[derive(Debug)]
pub struct Parts {
    /// This process.
    pub node: NodeId,
    /// The hub's clock.
    pub clock: Clock,
    /// What orders records.
    pub engine: Box<dyn Engine>,
    /// Every wire form, in the order of their ids.
    pub encoders: Vec<Arc<dyn Encode>>,
    /// One entry per app, in the order of their slots.
    pub apps: Vec<(Limits, Policy)>,
    /// How many requests may wait.
    pub inbox: usize,
    /// Where the broker counts.
    pub metrics: Metrics,
}

/// What whoever gave a command wants back.
#[derive(Debug)]
struct Asked {
    /// Something of its own, on the author's copy of the change.
    echo: Option<Bytes>,
    reply: ReplyTo,
}

impl Asked {
    /// The hub itself gave the command.
    fn by_nobody() -> Self {
        Self { echo: None, reply: ReplyTo::Nobody }
    }
}

/// A submission that has not wholly arrived.
#[derive(Debug)]
struct Pending {
    app: AppSlot,
    asked: Asked,
}

/// The one task that owns the roster.
#[derive(Debug)]
pub struct Broker {
    node: NodeId,
    clock: Clock,
    steady: Steady,
    engine: Box<dyn Engine>,
    rooms: Vec<Room>,
    rested: Arc<Rested>,
    pending: HashMap<Ticket, Pending>,
    next_ticket: u64,
    next_sweep: Mono,
    next_tick: Option<Mono>,
    /// Sessions to be closed, each at its moment.
    closing: VecDeque<(Mono, AppSlot, SessionId, CloseReason)>,
    inbox: mpsc::Receiver<(AppSlot, Request)>,
    is_fresh: bool,
    metrics: Metrics,
}

impl Broker {
    /// A broker and the way to it, for the first app; it serves once [`Broker::run`] is polled.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, Handle) {
        let (sender, inbox) = mpsc::channel(parts.inbox.max(1));
        let encoders: Arc<[Arc<dyn Encode>]> = parts.encoders.into();
        let (node, rested) = (parts.node, Arc::new(Rested::default()));
        let house = House { node, encoders, rested: Arc::clone(&rested), metrics: parts.metrics.clone() };
        let room = |(slot, (limits, policy))| Room::new(app_of(slot), limits, policy, house.clone());
        let now = parts.clock.now();
        let broker = Self {
            node: parts.node,
            clock: parts.clock,
            steady: Steady::new(now),
            engine: parts.engine,
            rooms: parts.apps.into_iter().enumerate().map(room).collect(),
            rested,
            pending: HashMap::new(),
            next_ticket: 0,
            next_sweep: now.mono + SWEEP,
            next_tick: None,
            closing: VecDeque::new(),
            inbox,
            is_fresh: true,
            metrics: parts.metrics,
        };
        (broker, Handle::new(AppSlot(0), sender))
    }

    /// Serves until every handle is gone.
    pub async fn run(mut self) {
        let mut requests = Vec::with_capacity(TURN);
        let clock = self.clock.clone();
        loop {
            let due = self.next_due();
            let inbox = &mut self.inbox;
            let engine = &mut self.engine;
            tokio::select! {
                served = inbox.recv_many(&mut requests, TURN) => if served == 0 { return },
                arrival = poll_fn(|cx| engine.poll(cx)) => {
                    let now = clock.now();
                    self.arrive(arrival, now);
                }
                () = self.rested.some() => {}
                () = clock.sleep_until(due) => {}
            }
            let now = clock.now();
            let served = requests.len();
            for (app, request) in requests.drain(..) {
                self.serve(app, request, now);
            }
            self.end_turn(now);
            let took = clock.now().mono.0.saturating_sub(now.mono.0);
            self.metrics.turn(served, took.as_secs_f64(), self.inbox.len());
        }
    }

    fn end_turn(&mut self, now: Now) {
        self.tick(now);
        for slot in 0..self.rooms.len() {
            for expiry in self.rooms[slot].leases.expired(now) {
                self.expire(app_of(slot), expiry, now);
            }
        }
        self.drain_engine(now);
        for slot in 0..self.rooms.len() {
            self.rooms[slot].flush(now);
            for (session, topic) in self.rooms[slot].expel_all() {
                let leave = Command::Leave { session, topic, cause: Cause::Kicked };
                self.submit(app_of(slot), &leave, Asked::by_nobody(), now);
                self.rooms[slot].flush(now);
            }
        }
    }

    fn next_due(&self) -> Option<Mono> {
        let rooms = self.rooms.iter().filter_map(Room::next_due);
        let closing = self.closing.front().map(|(at, ..)| *at);
        rooms.chain(self.next_tick).chain(closing).chain([self.next_sweep]).min()
    }

    /// What happens by itself: recounts and slow sessions each tick, forgetting each second, closing in a drain.
    fn tick(&mut self, now: Now) {
        while self.closing.front().is_some_and(|(at, ..)| *at <= now.mono) {
            if let Some((_, app, session, reason)) = self.closing.pop_front()
                && let Some(room) = self.rooms.get(usize::from(app.0))
            {
                room.close(session, reason);
            }
        }
        if now.mono >= self.next_sweep {
            self.next_sweep = now.mono + SWEEP;
            let steady = self.steady.at(now);
            self.engine.sweep(steady);
            let (mut sessions, mut topics) = (0, 0);
            for room in &mut self.rooms {
                room.sweep(now.wall, steady.wall);
                sessions += room.leases.len();
                topics += room.roster.topics().count();
            }
            self.metrics.holds(sessions, topics);
        }
        for (app, session) in self.rested.take() {
            self.rooms[usize::from(app.0)].relieve(session, now);
        }
        if self.next_tick.is_some_and(|at| now.mono >= at) {
            self.next_tick = None;
            for slot in 0..self.rooms.len() {
                self.recount(app_of(slot), now);
                self.rooms[slot].catch_up(now);
            }
        }
        let is_wanted = self.rooms.iter().any(|room| room.is_lagging() || room.is_recounting());
        if is_wanted && self.next_tick.is_none() {
            self.next_tick = Some(now.mono + TICK);
        }
    }

    /// Tells the roster how many of this node's sessions watch the topics where that has changed.
    fn recount(&mut self, app: AppSlot, now: Now) {
        let Some(room) = self.rooms.get_mut(usize::from(app.0)) else { return };
        for (topic, watchers) in room.recounted() {
            self.submit(app, &Command::Watchers(topic, watchers), Asked::by_nobody(), now);
        }
    }

    fn serve(&mut self, app: AppSlot, request: Request, now: Now) {
        let Some(room) = self.rooms.get_mut(usize::from(app.0)) else { return };
        match request {
            Request::Open(opening) => {
                let session = opening.session;
                room.open(opening, now);
                self.submit(app, &Command::Attach(session), Asked::by_nobody(), now);
            }
            Request::Detach(session) => {
                self.submit(app, &Command::Detach(session), Asked::by_nobody(), now);
                self.rooms[usize::from(app.0)].detach(session, now);
            }
            Request::Heard(session) => room.leases.heard(session, now),
            Request::Submit { command, echo, reply } => {
                if let ReplyTo::Session(session, _) = reply {
                    room.leases.heard(session, now);
                }
                self.submit(app, &command, Asked { echo, reply }, now);
            }
            Request::Watch { session, topic, since, reply } => {
                // The viewer starts from what has been ordered so far; that it watches begins a topic's numbering.
                self.drain_engine(now);
                let room = &self.rooms[usize::from(app.0)];
                let is_first = room.roster.topic(&topic).is_none() && room.is_here(session);
                if is_first {
                    let watchers = Command::Watchers(topic.clone(), 1);
                    self.submit(app, &watchers, Asked::by_nobody(), now);
                }
                let room = &mut self.rooms[usize::from(app.0)];
                room.watch(session, &topic, since, reply);
                if is_first {
                    room.tell_counts(&topic);
                }
            }
            Request::Unwatch { session, topic, reply } => room.unwatch(session, &topic, reply),
            Request::Roster { topic, reply } => {
                self.drain_engine(now);
                self.rooms[usize::from(app.0)].roster_of(&topic, reply);
            }
            Request::Attended { topic, reply } => {
                self.drain_engine(now);
                // The caller may have gone away meanwhile, which is its right.
                let _is_awaited = reply.send(self.rooms[usize::from(app.0)].is_attended(&topic));
            }
            Request::Read(look) => {
                // Whoever reads sees everything that was asked for before.
                self.recount(app, now);
                self.drain_engine(now);
                let room = &self.rooms[usize::from(app.0)];
                look(&room.roster, &room.leases, now);
            }
            Request::Follow(follower) => room.follow(follower),
            Request::FollowStatuses(teller) => room.follow_statuses(teller),
            Request::Document { key, reply } => {
                let ticket = self.ticket(app, Asked { echo: None, reply });
                self.engine.read(app, ticket, &key);
            }
            Request::Keep { key, expected, value, reply } => {
                let ticket = self.ticket(app, Asked { echo: None, reply });
                self.engine.write(Write { app, ticket, key, expected, value });
            }
            Request::Rights(party, topic) => room.rights_changed(party.as_ref(), &topic),
            Request::Close(closing) => self.close(app, &closing, now),
        }
    }

    /// Notes what the engine is about to be asked, until its answer arrives.
    fn ticket(&mut self, app: AppSlot, asked: Asked) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.pending.insert(ticket, Pending { app, asked });
        ticket
    }

    /// Decides a command, hands its records to the engine, and notes what the leases must know of it.
    fn submit(&mut self, app: AppSlot, command: &Command, asked: Asked, now: Now) {
        self.drain_engine(now);
        let Some(room) = self.rooms.get_mut(usize::from(app.0)) else { return };
        let decision = decide(&room.roster, &room.leases, self.node, now, command);
        if !matches!(decision, Decision::Refused(_)) {
            note(room, command);
        }
        match decision {
            Decision::Refused(refusal) => room.answer(asked.reply, Reply::Refused(refusal)),
            Decision::Unchanged => room.answer(asked.reply, Reply::Unchanged),
            Decision::Records(records) => {
                let ticket = self.ticket(app, asked);
                self.engine.submit(self.steady.at(now), Submission { app, ticket, records });
                self.drain_engine(now);
            }
        }
    }

    /// Takes what has arrived already, without waiting.
    fn drain_engine(&mut self, now: Now) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(arrival) = self.engine.poll(&mut cx) {
            self.arrive(arrival, now);
        }
    }

    fn arrive(&mut self, arrival: Arrival, now: Now) {
        match arrival {
            Arrival::Ordered(ordered, ticket) => self.ordered(&ordered, ticket, now),
            Arrival::Refused(ticket, refusal) => self.answer(ticket, Reply::Refused(refusal)),
            Arrival::Document(ticket, document) => self.answer(ticket, Reply::Document(document)),
            Arrival::Kept(ticket, outcome) => self.answer(ticket, Reply::Kept(outcome)),
            Arrival::Rows(rows) => {
                let Some(room) = self.rooms.get_mut(usize::from(rows.app.0)) else { return };
                room.reconcile(&rows, now);
            }
            Arrival::Resync(app) => self.resync(app, now),
            Arrival::Freshness(is_fresh) => self.is_fresh = is_fresh,
        }
    }

    fn answer(&mut self, ticket: Ticket, with: Reply) {
        let Some(pending) = self.pending.remove(&ticket) else { return };
        self.rooms[usize::from(pending.app.0)].answer(pending.asked.reply, with);
    }

    fn ordered(&mut self, ordered: &Ordered, ticket: Option<Ticket>, now: Now) {
        let Some(room) = self.rooms.get_mut(usize::from(ordered.app.0)) else { return };
        let change = room.fold(ordered, now);
        if let Some(change) = &change {
            self.metrics.change(label(&change.kind));
        }
        let Some(ticket) = ticket else { return };
        let Some(pending) = self.pending.remove(&ticket) else { return };
        let shown = change.filter(|change| is_shown_at_once(change));
        let is_change = shown.is_some();
        if let (Some(change), Some(bytes), ReplyTo::Session(session, _)) =
            (shown, pending.asked.echo, &pending.asked.reply)
            && is_by(&change, *session)
        {
            room.echo(Echo { session: *session, change, bytes });
        }
        let done = Reply::Done { stamp: ordered.stamp, is_change };
        room.answer(pending.asked.reply, done);
    }

    /// The patience with a membership or a session has ended.
    fn expire(&mut self, app: AppSlot, expiry: Expiry, now: Now) {
        let Expiry { session, topic, cause, .. } = expiry;
        let command = match topic {
            Some(topic) => Command::Leave { session, topic, cause },
            None => Command::End(session, cause),
        };
        self.submit(app, &command, Asked::by_nobody(), now);
    }

    /// Says again everything that this node's sessions are, because the engine has lost it.
    fn resync(&mut self, app: AppSlot, now: Now) {
        let Some(room) = self.rooms.get(usize::from(app.0)) else { return };
        let records = room.own_entries();
        if records.is_empty() {
            return;
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.engine.submit(self.steady.at(now), Submission { app, ticket, records });
    }

    fn close(&mut self, app: AppSlot, closing: &Closing, now: Now) {
        let Some(room) = self.rooms.get(usize::from(app.0)) else { return };
        match &closing.sessions {
            Which::Party(party) => {
                for session in room.sessions_of(party) {
                    room.close(session, closing.reason);
                }
            }
            Which::All { spread } => {
                let sessions: Vec<_> = room.sessions().collect();
                let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX).max(1);
                for (place, session) in (0..count).zip(sessions) {
                    let after = Duration::from_millis(250) + Duration::from_secs(1) * place / count;
                    let at = now.mono + *spread * place / count;
                    self.closing.push_back((at, app, session, CloseReason::Restarting(after)));
                }
                self.closing.make_contiguous().sort_by_key(|(at, ..)| *at);
            }
        }
    }
}

/// The leases say what is wanted, so they are told at once, before anything is ordered.
fn note(room: &mut Room, command: &Command) {
    match command {
        Command::Enter { session, topic, grace, .. } | Command::EnterAs { session, topic, grace, .. } => {
            room.leases.enter(*session, topic.clone(), *grace);
        }
        Command::Leave { session, topic, .. } => room.leases.leave(*session, topic),
        Command::End(session, _) => room.leases.close(*session),
        Command::Remove { party, topic, .. } => room.expel_party(party, topic),
        Command::Attach(_)
        | Command::Detach(_)
        | Command::Publish(..)
        | Command::Retain(..)
        | Command::SetState { .. }
        | Command::SetOverride(..)
        | Command::Watchers(..) => {}
    }
}

fn label(kind: &ChangeKind) -> Kind {
    match kind {
        ChangeKind::Joined(_) => Kind::Joined,
        ChangeKind::Updated(_) => Kind::Updated,
        ChangeKind::Left { .. } => Kind::Left,
        ChangeKind::Message(_) => Kind::Message,
        ChangeKind::Sessions(_) | ChangeKind::State(..) | ChangeKind::Counts => Kind::Other,
    }
}

/// Whether viewers are told of a change, and not merely of its net after a while.
fn is_shown_at_once(change: &Change) -> bool {
    !matches!(change.kind, ChangeKind::Sessions(_) | ChangeKind::Counts)
}

fn is_by(change: &Change, session: SessionId) -> bool {
    change.author() == Some(session)
}

fn app_of(slot: usize) -> AppSlot {
    AppSlot(u16::try_from(slot).unwrap_or(u16::MAX))
}
