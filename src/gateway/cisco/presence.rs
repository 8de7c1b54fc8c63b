//! Where the dialect meets the hub: how parties are, read in the broker's turn, and what users say of themselves.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::ask::State;
use super::contacts::Turn;
use super::pidf::as_kept;
use crate::broker::{Bounds, EncoderId, Handle, Opening, Outbox, Reply};
use crate::core::{
    Cause, Command, Content, Facts, Mono, Now, Override, Party, PartyId, Roster, SessionId, Status, Terms,
    TopicName, Wall,
};
use crate::gateway::json;

/// How many parties are looked up in one of the broker's turns.
const CHUNK: usize = 256;

/// How many sessions of a party are shown.
const SESSIONS: usize = 16;

/// How a party was in some turn of the broker.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) party: PartyId,
    pub(super) status: Status,
    /// When it was read.
    pub(super) at: Mono,
    /// When the override ends that it has then, if one does, by how the wall's clock goes now.
    pub(super) override_ends: Option<Mono>,
    /// Whether it is in a topic anywhere.
    pub(super) is_here: bool,
    /// What is shown in the rich form.
    pub(super) name: Box<str>,
    pub(super) sessions: Vec<Facts>,
}

/// The state as which watchers of this dialect see a status.
pub(super) fn state_of(status: Status) -> State {
    match status {
        Status::Available => State::Available,
        Status::Away | Status::Vacation => State::Away,
        Status::Busy => State::Busy,
        Status::DoNotDisturb => State::Dnd,
        Status::Unavailable => State::Unavailable,
    }
}

/// What a user's override says in the hub.
pub(super) fn status_of(state: State) -> Status {
    match as_kept(state) {
        State::Available => Status::Available,
        State::Dnd => Status::DoNotDisturb,
        State::Away | State::Busy | State::Vacation => Status::Away,
        State::Unavailable | State::Unknown => Status::Unavailable,
    }
}

/// Reads how parties are, a few at a time; `take` gets them with the turn in which they were so.
pub(super) async fn read(
    handle: &Handle,
    turns: &Arc<AtomicU64>,
    parties: Vec<PartyId>,
    mut take: impl FnMut(Turn, Vec<Reading>),
) {
    for chunk in parties.chunks(CHUNK) {
        let (chunk, turns) = (chunk.to_vec(), Arc::clone(turns));
        let look = handle.read(move |roster, _, now| {
            // Turns are the broker's, one after the other: so are their numbers.
            let turn = Turn(turns.fetch_add(1, Relaxed) + 1);
            (turn, chunk.into_iter().map(|party| reading(roster, party, now)).collect())
        });
        if let Some((turn, readings)) = look.await {
            take(turn, readings);
        }
    }
}

fn reading(roster: &Roster, party: PartyId, now: Now) -> Reading {
    let mut sessions: HashMap<SessionId, Facts> = HashMap::new();
    let mut name = Box::default();
    let mut is_here = false;
    for topic in roster.whereabouts(&party).filter_map(|topic| roster.topic(topic)) {
        let Some(member) = topic.member(&party) else { continue };
        is_here = true;
        for session in &member.sessions {
            let Some(membership) = topic.membership(*session) else { continue };
            if sessions.len() >= SESSIONS && !sessions.contains_key(session) {
                continue;
            }
            let said = membership.entry.content.facts;
            let facts = sessions.entry(*session).or_insert(Facts { in_media: false, idle: true });
            *facts = facts.and(said);
            let given = &membership.entry.party.displayname;
            if !given.is_empty() {
                // Who is here by a device of this dialect has no name of its own there.
                name = given.clone();
            }
        }
    }
    let status = roster.status(&party, now.wall);
    let ends = |until: Wall| {
        now.mono + Duration::from_nanos((until.0.saturating_sub(now.wall.0)).saturating_mul(100))
    };
    let override_ends = roster.by_hand(&party, now.wall).and_then(|set| set.until).map(ends);
    let mut sessions: Vec<_> = sessions.into_iter().collect();
    sessions.sort_unstable_by_key(|(session, _)| *session);
    let sessions = sessions.into_iter().map(|(_, facts)| facts).collect();
    let is_here = is_here || status != Status::Unavailable;
    Reading { party, status, at: now.mono, override_ends, is_here, name, sessions }
}

/// A device's presence, as everybody in its topic sees it.
#[derive(Debug)]
pub(super) struct Saying {
    pub(super) session: SessionId,
    pub(super) party: PartyId,
    pub(super) topic: TopicName,
    pub(super) state: State,
    /// What the device does, in the dialect's word.
    pub(super) activity: &'static str,
    pub(super) note: Box<str>,
}

impl Saying {
    /// Says it; whether the hub could take it.
    pub(super) async fn say(self, handle: &Handle) -> bool {
        let content = self.content();
        let Self { session, party, topic, .. } = self;
        // Nothing watches with this session, so its outbox holds at most the notice that it has ended.
        let opening = Opening {
            session,
            party: Arc::new(Party::new(party)),
            terms: Terms { timeout: None },
            encoder: EncoderId(0),
            outbox: Arc::new(Outbox::new(Bounds::default())),
        };
        handle.open(opening).await;
        let grace = Duration::ZERO;
        let enter = Command::Enter { session, topic, content: Some(content), grace };
        !matches!(handle.ask(enter).await, Reply::Refused(_))
    }

    fn content(&self) -> Content {
        let mut bytes = Vec::with_capacity(64 + self.note.len());
        json::object(&mut bytes, |content| {
            content.text("state", self.state.name());
            content.text("activity", self.activity);
            if !self.note.is_empty() {
                content.text("note", &self.note);
            }
        });
        let fingerprint = std::str::from_utf8(&bytes).ok().and_then(|text| json::fingerprint(text, &[]));
        let facts = Facts { in_media: false, idle: as_kept(self.state) != State::Available };
        Content { bytes: bytes.into(), fingerprint: fingerprint.unwrap_or_default(), facts }
    }
}

/// Ends what a device said.
pub(super) async fn end(handle: &Handle, session: SessionId, cause: Cause) {
    handle.ask(Command::End(session, cause)).await;
    handle.detach(session).await;
}

/// Sets how a party is by hand, or leaves it to its devices; whether the hub could.
pub(super) async fn set_by_hand(handle: &Handle, party: PartyId, by_hand: Option<(State, Wall)>) -> bool {
    let by_hand = by_hand.map(|(state, until)| Override { status: status_of(state), until: Some(until) });
    !matches!(handle.ask(Command::SetOverride(party, by_hand)).await, Reply::Refused(_))
}
