//! Who is watched by which subscriptions, how each was when that was last read, and whom the hub has ever seen.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::ask::State;
use super::pidf::Details;
use super::subscriptions::Order;
use super::summons::Place;
use crate::core::PartyId;

/// How a party is, as far as its watchers are told of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) state: State,
    /// What it says of itself beyond that.
    pub(super) details: Option<Arc<Details>>,
}

/// Of whom nothing is known.
pub(super) const UNKNOWN: Look = Look { state: State::Unknown, details: None };

/// When something was read, in the order of the broker's turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Turn(pub(super) u64);

#[derive(Debug)]
struct Known {
    read: Turn,
    look: Look,
    watchers: BTreeSet<(Place, Order)>,
}

/// The parties of one app that somebody watches.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    known: HashMap<PartyId, Known>,
}

impl Contacts {
    pub(super) fn watch(&mut self, party: &PartyId, by: (Place, Order)) {
        let unread = || Known { read: Turn::default(), look: UNKNOWN, watchers: BTreeSet::new() };
        self.known.entry(party.clone()).or_insert_with(unread).watchers.insert(by);
    }

    pub(super) fn unwatch(&mut self, party: &PartyId, by: (Place, Order)) {
        let Some(known) = self.known.get_mut(party) else { return };
        known.watchers.remove(&by);
        if known.watchers.is_empty() {
            self.known.remove(party);
        }
    }

    pub(super) fn is_watched(&self, party: &PartyId) -> bool {
        self.known.contains_key(party)
    }

    /// How a watched party was when that was last read.
    pub(super) fn look(&self, party: &PartyId) -> Look {
        self.known.get(party).map_or(UNKNOWN, |known| known.look.clone())
    }

    /// Notes how a party was, unless that is older than what is known; who is to be told that it differs.
    pub(super) fn note(&mut self, party: &PartyId, read: Turn, look: Look) -> Vec<(Place, Order)> {
        let Some(known) = self.known.get_mut(party).filter(|known| known.read < read) else {
            return Vec::new();
        };
        known.read = read;
        if known.look == look {
            return Vec::new();
        }
        known.look = look;
        known.watchers.iter().copied().collect()
    }
}

/// The parties that were seen, as digests, in two generations: when the younger is full the elder is forgotten.
#[derive(Debug)]
pub(super) struct Seen {
    young: HashSet<u128>,
    old: HashSet<u128>,
    most: usize,
}

impl Seen {
    /// Remembers the last `most` that were seen, or half as many at least.
    pub(super) fn new(most: usize) -> Self {
        Self { young: HashSet::new(), old: HashSet::new(), most: most.div_ceil(2).max(1) }
    }

    pub(super) fn note(&mut self, party: &PartyId) {
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(xxh3_128(party.as_str().as_bytes()));
    }

    pub(super) fn has(&self, party: &PartyId) -> bool {
        let digest = xxh3_128(party.as_str().as_bytes());
        self.young.contains(&digest) || self.old.contains(&digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(name: &str) -> PartyId {
        PartyId::new(name).unwrap()
    }

    #[test]
    fn an_older_reading_and_the_same_state_tell_nobody() {
        let (joe, by) = (party("joe"), (Place { user: 0, subscription: 1 }, 7));
        let mut contacts = Contacts::default();
        contacts.watch(&joe, by);
        let look = |state| Look { state, details: None };
        assert_eq!(contacts.note(&joe, Turn(2), look(State::Away)), [by]);
        assert_eq!(contacts.note(&joe, Turn(1), look(State::Busy)), []);
        assert_eq!(contacts.note(&joe, Turn(3), look(State::Away)), []);
        assert_eq!(contacts.look(&joe).state, State::Away);
        contacts.unwatch(&joe, by);
        assert!(!contacts.is_watched(&joe) && contacts.note(&joe, Turn(4), look(State::Busy)).is_empty());
    }

    #[test]
    fn the_longest_unseen_are_forgotten() {
        let mut seen = Seen::new(4);
        for name in ["a", "b", "c", "d", "e"] {
            seen.note(&party(name));
        }
        let kept: Vec<_> =
            ["a", "b", "c", "d", "e"].into_iter().filter(|name| seen.has(&party(name))).collect();
        assert_eq!(kept, ["c", "d", "e"]);
    }
}
