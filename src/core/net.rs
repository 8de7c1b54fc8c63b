//! The net of several presence changes: at most one a party, the last.

use std::collections::HashMap;
use std::sync::Arc;

use super::change::{Change, ChangeKind};
use super::ids::PartyId;

/// Collects the presence changes of one topic and keeps what is left of them: a party that came and went leaves
/// nothing, one that went and came back is an update. Storms, interval mode and slow viewers all use it.
#[derive(Debug, Default)]
pub struct Net {
    parties: HashMap<PartyId, Held>,
}

#[derive(Debug)]
struct Held {
    /// Whether the party was a member before the first change held here.
    was_member: bool,
    last: Arc<Change>,
}

impl Net {
    /// Adds a change. A change about no party is not presence and is not taken; the answer says so.
    pub fn push(&mut self, change: &Arc<Change>) -> bool {
        let Some(party) = change.party() else { return false };
        let is_join = matches!(change.kind, ChangeKind::Joined(_));
        let is_leave = matches!(change.kind, ChangeKind::Left { .. });
        match self.parties.get_mut(party) {
            Some(held) if is_leave && !held.was_member => {
                self.parties.remove(party);
            }
            Some(held) => held.last = Arc::clone(change),
            None => {
                let held = Held { was_member: !is_join, last: Arc::clone(change) };
                self.parties.insert(party.clone(), held);
            }
        }
        true
    }

    /// How many parties have a net change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parties.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// Takes the net changes, in the order of their revs.
    #[must_use]
    pub fn take(&mut self) -> Vec<Arc<Change>> {
        let mut changes: Vec<_> = self.parties.drain().map(|(_, held)| net_of(&held)).collect();
        changes.sort_by_key(|change| change.stamp.rev);
        changes
    }
}

/// The kind is set right: who was a member before did not join, who was not did not merely update.
fn net_of(held: &Held) -> Arc<Change> {
    let kind = match (&held.last.kind, held.was_member) {
        (ChangeKind::Joined(member), true) => ChangeKind::Updated(member.clone()),
        (ChangeKind::Updated(member) | ChangeKind::Sessions(member), false) => {
            ChangeKind::Joined(member.clone())
        }
        _ => return Arc::clone(&held.last),
    };
    Arc::new(Change { kind, ..Change::clone(&held.last) })
}
