//! What a command means: records to be ordered, nothing, or a refusal. Nothing is changed here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::change::Cause;
use super::content::Content;
use super::ids::{NodeId, PartyId, SessionId, TopicName};
use super::lease::{Lease, Leases};
use super::party::Party;
use super::record::{Entry, Message, Op, Record};
use super::roster::Roster;
use super::status::Override;
use super::time::{Now, Wall};

/// What somebody wants done.
#[derive(Debug, Clone)]
pub enum Command {
    /// A session becomes a member of a topic, or says its content again.
    Enter {
        /// Whose membership.
        session: SessionId,
        /// Where.
        topic: TopicName,
        /// What it says; `None` keeps what the member said last, or what is kept of the absent party.
        content: Option<Content>,
        /// How long the membership outlives a lost connection.
        grace: Duration,
    },
    /// A session becomes a member of a topic as another party than its own. What that party's other sessions there said first
    /// stays as long as one of them is there.
    EnterAs {
        /// Whose membership.
        session: SessionId,
        /// Where.
        topic: TopicName,
        /// As whom. The session cannot change it without leaving.
        party: Arc<Party>,
        /// What it says if the party is not a member yet.
        content: Content,
        /// How long the membership outlives a lost connection.
        grace: Duration,
        /// The most members with which the topic takes one more; `None` is as many as the roster's limit allows.
        most: Option<usize>,
    },
    /// A session ceases to be a member of a topic.
    Leave {
        /// Whose membership.
        session: SessionId,
        /// Where.
        topic: TopicName,
        /// Why.
        cause: Cause,
    },
    /// A session's connection is gone.
    Detach(SessionId),
    /// A session has a connection again.
    Attach(SessionId),
    /// A session ends everywhere.
    End(SessionId, Cause),
    /// Something is said in a topic.
    Publish(TopicName, Arc<Message>),
    /// Something is said in a topic that those who come later are given too, until it ends or something else takes its place.
    Retain(TopicName, Arc<Message>, Duration),
    /// A party is removed from a topic.
    Remove {
        /// Who goes.
        party: PartyId,
        /// Where from.
        topic: TopicName,
        /// Kicked or banned.
        cause: Cause,
        /// Who removes it.
        by: Option<Arc<Party>>,
    },
    /// The state of a party in a topic it is not in; `None` forgets it.
    SetState {
        /// Whose state.
        party: Arc<Party>,
        /// Where.
        topic: TopicName,
        /// What it is.
        content: Option<Content>,
        /// How long it is kept.
        lasts: Duration,
    },
    /// A party's status is set by hand, or (`None`) left to its sessions.
    SetOverride(PartyId, Option<Override>),
    /// How many of this node's sessions watch a topic.
    Watchers(TopicName, u32),
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The session has no lease here.
    UnknownSession,
    /// The topic has as many members as it takes.
    TopicFull,
    /// As many states of absent parties are kept as may be.
    StatesFull,
    /// The engine cannot order anything now; to be tried again.
    Unavailable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownSession => "the session has ended; connect again",
            Self::TopicFull => "the topic has as many members as limits.members allows",
            Self::StatesFull => "the app keeps as many states of absent parties as it may",
            Self::Unavailable => "nothing can be ordered at the moment; try again",
        })
    }
}

impl std::error::Error for Refusal {}

/// What a command means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is not allowed.
    Refused(Refusal),
    /// It would change nothing.
    Unchanged,
    /// To be ordered, in this order.
    Records(Vec<Record>),
}

/// Says what a command means for this roster and these leases, at this time, on this node.
#[must_use]
pub fn decide(roster: &Roster, leases: &Leases, node: NodeId, now: Now, command: &Command) -> Decision {
    match command {
        Command::Enter { session, topic, content, .. } => match leases.get(*session) {
            Some(lease) => enter(roster, lease, node, now, (*session, topic, content.as_ref())),
            None => Decision::Refused(Refusal::UnknownSession),
        },
        Command::EnterAs { session, topic, party, content, most, .. } => match leases.get(*session) {
            Some(lease) => enter_as(roster, (lease, node), (*session, topic, *most), (party, content)),
            None => Decision::Refused(Refusal::UnknownSession),
        },
        Command::Leave { session, topic, cause } => match leases.get(*session) {
            Some(lease) if lease.is_member(topic) => {
                records([leave(*session, lease, topic, *cause)].into_iter())
            }
            _ => Decision::Unchanged,
        },
        Command::Detach(session) => on_each_topic(leases.get(*session), || Op::Detach(*session)),
        Command::Attach(session) => on_each_topic(leases.get(*session), || Op::Attach(*session)),
        Command::End(session, cause) => match leases.get(*session) {
            Some(lease) => records(lease.topics().map(|topic| leave(*session, lease, topic, *cause))),
            None => Decision::Unchanged,
        },
        Command::Publish(topic, message) => one(topic, Op::Message(Arc::clone(message))),
        Command::Retain(topic, message, lasts) => {
            one(topic, Op::Retained(Arc::clone(message), later(now, *lasts)))
        }
        Command::Remove { party, topic, cause, by } => {
            let sessions =
                roster.topic(topic).and_then(|known| known.member(party)).map(|known| &known.sessions);
            records(sessions.into_iter().flatten().map(|session| {
                let last_heard = leases.get(*session).map_or(now.wall, |lease| lease.last_heard.wall);
                let op = Op::Leave { session: *session, cause: *cause, last_heard, by: by.clone() };
                Record { topic: topic.clone(), op }
            }))
        }
        Command::SetState { party, topic, content, lasts } => {
            let is_new = content.is_some() && roster.is_new_state(topic, &party.id);
            if is_new && !roster.has_room_for_states(1) {
                return Decision::Refused(Refusal::StatesFull);
            }
            let until = later(now, *lasts);
            one(topic, Op::State { party: Arc::clone(party), content: content.clone(), until })
        }
        Command::SetOverride(party, by_hand) => {
            one(&TopicName::of_party(party), Op::Override(party.clone(), *by_hand))
        }
        Command::Watchers(topic, watchers) => one(topic, Op::Watchers(node, *watchers)),
    }
}

/// A session speaks in a topic. Saying what the member already says, attached and as the last speaker, is nothing.
fn enter(
    roster: &Roster,
    lease: &Lease,
    node: NodeId,
    now: Now,
    (session, topic, content): (SessionId, &TopicName, Option<&Content>),
) -> Decision {
    let known = roster.topic(topic);
    let member = known.and_then(|known| known.view(&lease.party.id));
    let kept = || known.and_then(|known| known.absent_state(&lease.party.id, now.wall)).cloned();
    let membership = known.and_then(|known| known.membership(session));
    let content = match (content, &member) {
        (Some(said), _) => said.clone(),
        (None, Some(member)) => {
            let own = membership.map(|membership| membership.entry.content.facts);
            member.content.taken_over(own.unwrap_or_default())
        }
        (None, None) => kept().unwrap_or_default(),
    };
    if let (Some(membership), Some(member)) = (membership, &member) {
        let is_current = membership.is_attached
            && membership.entry.generation == lease.generation
            && membership.entry.party == lease.party;
        if is_current {
            let is_said = membership.entry.content == content && member.content == content;
            return if is_said { Decision::Unchanged } else { one(topic, Op::Update(session, content)) };
        }
    }
    if member.is_none() && is_full(roster, topic, None) {
        return Decision::Refused(Refusal::TopicFull);
    }
    let party = Arc::clone(&lease.party);
    let entry = Entry { party, node, generation: lease.generation, content };
    one(topic, Op::Enter(session, Arc::new(entry)))
}

/// A session enters as somebody. Who is a member already stays as described by its first session.
fn enter_as(
    roster: &Roster,
    (lease, node): (&Lease, NodeId),
    (session, topic, most): (SessionId, &TopicName, Option<usize>),
    (party, content): (&Arc<Party>, &Content),
) -> Decision {
    let known = roster.topic(topic);
    let member = known.and_then(|known| known.view(&party.id));
    if let Some(membership) = known.and_then(|known| known.membership(session))
        && membership.is_attached
        && membership.entry.generation == lease.generation
        && membership.entry.party.id == party.id
    {
        return Decision::Unchanged;
    }
    if member.is_none() && is_full(roster, topic, most) {
        return Decision::Refused(Refusal::TopicFull);
    }
    let (party, content) = match member {
        Some(member) => (member.party, member.content.taken_over(content.facts)),
        None => (Arc::clone(party), content.clone()),
    };
    one(topic, Op::Enter(session, Arc::new(Entry { party, node, generation: lease.generation, content })))
}

/// Whether a topic takes no more members.
fn is_full(roster: &Roster, topic: &TopicName, most: Option<usize>) -> bool {
    let limit = roster.limits().members.unwrap_or(usize::MAX).min(most.unwrap_or(usize::MAX));
    roster.topic(topic).is_some_and(|known| known.occupancy().parties as usize >= limit)
}

/// An instant in the hub's time.
fn later(now: Now, span: Duration) -> Wall {
    let ticks = u64::try_from(span.as_micros()).unwrap_or(u64::MAX).saturating_mul(10);
    Wall(now.wall.0.saturating_add(ticks))
}

fn leave(session: SessionId, lease: &Lease, topic: &TopicName, cause: Cause) -> Record {
    let op = Op::Leave { session, cause, last_heard: lease.last_heard.wall, by: None };
    Record { topic: topic.clone(), op }
}

fn on_each_topic(lease: Option<&Lease>, op: impl Fn() -> Op) -> Decision {
    let topics = lease.into_iter().flat_map(Lease::topics);
    records(topics.map(|topic| Record { topic: topic.clone(), op: op() }))
}

fn one(topic: &TopicName, op: Op) -> Decision {
    Decision::Records(vec![Record { topic: topic.clone(), op }])
}

fn records(records: impl Iterator<Item = Record>) -> Decision {
    let records: Vec<_> = records.collect();
    if records.is_empty() { Decision::Unchanged } else { Decision::Records(records) }
}
