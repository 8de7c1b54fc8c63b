//! The net of several presence changes: at most one a party, the last.

use std::collections::HashMap;
use std::sync::Arc;

use super::change::{Change, ChangeKind, Occupancy};
use super::ids::PartyId;

/// Collects the presence changes of one topic and keeps what is left of them: a party that came and went leaves
/// nothing, one that went and came back is an update. Storms, interval mode and slow viewers all use it.
#[derive(Debug, Default)]
pub struct Net {
    parties: HashMap<PartyId, Held>,
    /// The states of absent parties, which hide neither a join nor a leave.
    states: HashMap<PartyId, Arc<Change>>,
    /// The counts after the newest change.
    counts: Occupancy,
}

#[derive(Debug)]
struct Held {
    /// Whether the party was a member before the first change held here.
    was_member: bool,
    /// Whether nothing but the number of its sessions has changed.
    is_quiet: bool,
    last: Arc<Change>,
}

impl Net {
    /// Adds a change. One that is not about a party is not presence and is not taken, beyond its counts; the answer says so.
    pub fn push(&mut self, change: &Arc<Change>) -> bool {
        self.counts = change.occupancy;
        let Some(party) = change.party() else { return false };
        let is_join = matches!(change.kind, ChangeKind::Joined(_));
        let is_leave = matches!(change.kind, ChangeKind::Left { .. });
        let is_quiet = matches!(change.kind, ChangeKind::Sessions(_));
        if matches!(change.kind, ChangeKind::State(..)) {
            self.states.insert(party.clone(), Arc::clone(change));
            return true;
        }
        if is_join {
            self.states.remove(party);
        }
        match self.parties.get_mut(party) {
            Some(held) if is_leave && !held.was_member => {
                self.parties.remove(party);
            }
            Some(held) => {
                held.is_quiet &= is_quiet;
                held.last = Arc::clone(change);
            }
            None => {
                let held = Held { was_member: !is_join, is_quiet, last: Arc::clone(change) };
                self.parties.insert(party.clone(), held);
            }
        }
        true
    }

    /// How many net changes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parties.len() + self.states.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty() && self.states.is_empty()
    }

    /// Takes the net changes, in the order of their revs. They belong together: each has the counts after all of them, and
    /// none has an edge, for an edge is only true of the change that made it.
    #[must_use]
    pub fn take(&mut self) -> Vec<Arc<Change>> {
        let parties = self.parties.drain().map(|(_, held)| (kind_of(&held), held.last));
        let states = self.states.drain().map(|(_, last)| (last.kind.clone(), last));
        let occupancy = self.counts;
        let net_of = |(kind, last): (_, Arc<Change>)| {
            Arc::new(Change { topic: last.topic.clone(), stamp: last.stamp, kind, occupancy, edge: None })
        };
        let mut changes: Vec<_> = parties.chain(states).map(net_of).collect();
        changes.sort_by_key(|change| change.stamp.rev);
        changes
    }
}

/// The kind is set right: who was a member before did not join, who was not did not merely update, and what a session
/// said is not hidden by the coming and going of another.
fn kind_of(held: &Held) -> ChangeKind {
    match (&held.last.kind, held.was_member) {
        (ChangeKind::Joined(member), true) => ChangeKind::Updated(member.clone()),
        (ChangeKind::Sessions(member), true) if !held.is_quiet => ChangeKind::Updated(member.clone()),
        (ChangeKind::Updated(member) | ChangeKind::Sessions(member), false) => {
            ChangeKind::Joined(member.clone())
        }
        (kind, _) => kind.clone(),
    }
}
