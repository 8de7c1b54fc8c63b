//! Hooks: single things to be told to a backend, made of what a feed tells.

use std::sync::Arc;

use crate::broker::{Missed, Told};
use crate::core::{Change, ChangeKind, Edge, TopicName};

/// What a hook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The hub has started and knows of nobody. It is no hook, but a post without any.
    Started,
    /// A topic got its first member or watcher.
    Occupied,
    /// A topic lost its last member or watcher.
    Vacated,
    /// A party became a member.
    Joined,
    /// A member's content changed.
    Updated,
    /// A party ceased to be a member.
    Left,
    /// The number of a topic's watchers changed.
    Counts,
    /// A client said something to the others by itself.
    ClientEvent,
    /// Somebody came to a topic that keeps its last event, and none was kept.
    CacheMiss,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Started,
        Self::Occupied,
        Self::Vacated,
        Self::Joined,
        Self::Updated,
        Self::Left,
        Self::Counts,
        Self::ClientEvent,
        Self::CacheMiss,
    ];
}

/// One thing to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What it is about.
    pub what: What,
    /// The topic, in whose order it is told.
    pub topic: TopicName,
    /// Whatever else is known.
    pub matter: Matter,
}

/// What is known of the matter of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// The change of the roster that it tells of.
    Change(Arc<Change>),
    /// What a client said.
    ClientEvent(Box<ClientEvent>),
    /// Nothing more.
    Nothing,
}

/// What a client said, as only the gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEvent {
    /// The event's name.
    pub event: Box<str>,
    /// What was said, as text.
    pub data: Box<str>,
    /// The connection's id in the words of its dialect.
    pub socket_id: Box<str>,
    /// Who said it, where the dialect shows it.
    pub user_id: Option<Box<str>>,
}

impl Hook {
    fn of(what: What, change: &Arc<Change>) -> Self {
        Self { what, topic: change.topic.clone(), matter: Matter::Change(Arc::clone(change)) }
    }

    /// The change it tells of, if it is one of the roster.
    #[must_use]
    pub fn change(&self) -> Option<&Arc<Change>> {
        match &self.matter {
            Matter::Change(change) => Some(change),
            Matter::ClientEvent(_) | Matter::Nothing => None,
        }
    }

    /// About how many bytes it holds on to.
    #[must_use]
    pub fn size(&self) -> usize {
        const SELF: usize = 256;
        let matter = match &self.matter {
            Matter::Change(change) => match &change.kind {
                ChangeKind::Joined(member)
                | ChangeKind::Updated(member)
                | ChangeKind::Left { member, .. } => member.content.bytes.len() + member.party.info.len(),
                ChangeKind::Sessions(_)
                | ChangeKind::Message(_)
                | ChangeKind::State(..)
                | ChangeKind::Counts => 0,
            },
            Matter::ClientEvent(said) => said.event.len() + said.data.len(),
            Matter::Nothing => 0,
        };
        SELF + self.topic.as_str().len() + matter
    }
}

/// What is to be told of what a feed told: occupied comes before everything of its topic, vacated after.
pub(super) fn hooks_of(told: &Told) -> Vec<Hook> {
    match told {
        Told::Change(change) => framed(change.edge, change, std::slice::from_ref(change)),
        Told::Net(Missed { changes, edge, last }) => {
            let mut hooks = framed(*edge, last, changes);
            hooks.push(Hook::of(What::Counts, last));
            hooks
        }
        Told::Behind { .. } => Vec::new(),
    }
}

fn framed(edge: Option<Edge>, at: &Arc<Change>, changes: &[Arc<Change>]) -> Vec<Hook> {
    let occupied = (edge == Some(Edge::Occupied)).then(|| Hook::of(What::Occupied, at));
    let vacated = (edge == Some(Edge::Vacated)).then(|| Hook::of(What::Vacated, at));
    let within = changes.iter().filter_map(|change| what_of(&change.kind).map(|what| Hook::of(what, change)));
    occupied.into_iter().chain(within).chain(vacated).collect()
}

fn what_of(kind: &ChangeKind) -> Option<What> {
    match kind {
        ChangeKind::Joined(_) => Some(What::Joined),
        ChangeKind::Updated(_) => Some(What::Updated),
        ChangeKind::Left { .. } => Some(What::Left),
        ChangeKind::Counts => Some(What::Counts),
        ChangeKind::Sessions(_) | ChangeKind::Message(_) | ChangeKind::State(..) => None,
    }
}
