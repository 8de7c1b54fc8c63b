//! Who is watched by which subscriptions, how each was when that was last read, and whom the hub has ever seen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::ask::State;
use super::pidf::Details;
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
    /// When it became what it is.
    changed: Turn,
    /// The subscriptions, each with the change that it has heard of.
    watchers: BTreeMap<Place, Turn>,
}

/// The parties of one app that somebody watches.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    known: HashMap<PartyId, Known>,
}

impl Contacts {
    /// A subscription watches a party; it is going to fetch how the party is.
    pub(super) fn watch(&mut self, party: &PartyId, by: Place) {
        let never = Turn::default();
        let unread = || Known { read: never, look: UNKNOWN, changed: never, watchers: BTreeMap::new() };
        let known = self.known.entry(party.clone()).or_insert_with(unread);
        known.watchers.entry(by).or_insert(known.changed);
    }

    pub(super) fn unwatch(&mut self, party: &PartyId, by: Place) {
        let Some(known) = self.known.get_mut(party) else { return };
        known.watchers.remove(&by);
        if known.watchers.is_empty() {
            self.known.remove(party);
        }
    }

    pub(super) fn is_watched(&self, party: &PartyId) -> bool {
        self.known.contains_key(party)
    }

    /// Notes how a party was, unless that is older than what is known; whether it differs, so that watchers are to be told.
    pub(super) fn note(&mut self, party: &PartyId, read: Turn, look: Look) -> bool {
        let Some(known) = self.known.get_mut(party).filter(|known| known.read < read) else { return false };
        known.read = read;
        if known.look == look {
            return false;
        }
        (known.look, known.changed) = (look, read);
        true
    }

    /// Of the next `most` watchers of a party those that have not heard how it is now, and who have thereby; and after whom to go
    /// on, if there are more.
    pub(super) fn tell(
        &mut self,
        party: &PartyId,
        after: Option<Place>,
        most: usize,
    ) -> (Vec<Place>, Option<Place>) {
        let Some(known) = self.known.get_mut(party) else { return (Vec::new(), None) };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut watchers = known.watchers.range_mut((from, Bound::Unbounded));
        let (mut untold, mut last) = (Vec::new(), None);
        for (place, heard) in watchers.by_ref().take(most) {
            last = Some(*place);
            if std::mem::replace(heard, known.changed) < known.changed {
                untold.push(*place);
            }
        }
        let is_more = watchers.next().is_some();
        (untold, last.filter(|_| is_more))
    }

    /// A subscription fetches how a party is, and need not be told of it any more.
    pub(super) fn fetch(&mut self, party: &PartyId, by: Place) -> Look {
        let Some(known) = self.known.get_mut(party) else { return UNKNOWN };
        if let Some(heard) = known.watchers.get_mut(&by) {
            *heard = known.changed;
        }
        known.look.clone()
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

    /// Notes that a party was seen; whether it never was before, as far as that is remembered.
    pub(super) fn note(&mut self, party: &PartyId) -> bool {
        let is_new = !self.has(party);
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(xxh3_128(party.as_str().as_bytes()));
        is_new
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

    fn place(subscription: u32) -> Place {
        Place { user: 0, subscription }
    }

    fn look(state: State) -> Look {
        Look { state, details: None }
    }

    #[test]
    fn an_older_reading_and_the_same_state_tell_nobody() {
        let joe = party("joe");
        let mut contacts = Contacts::default();
        contacts.watch(&joe, place(1));
        assert!(contacts.note(&joe, Turn(2), look(State::Away)));
        assert_eq!(contacts.tell(&joe, None, 9), (vec![place(1)], None));
        assert!(!contacts.note(&joe, Turn(1), look(State::Busy)));
        assert!(!contacts.note(&joe, Turn(3), look(State::Away)));
        assert_eq!(contacts.tell(&joe, None, 9), (vec![], None));
        assert_eq!(contacts.fetch(&joe, place(1)).state, State::Away);
        contacts.unwatch(&joe, place(1));
        assert!(!contacts.is_watched(&joe) && !contacts.note(&joe, Turn(4), look(State::Busy)));
    }

    #[test]
    fn many_watchers_are_told_a_few_at_a_time_and_none_of_them_twice() {
        let joe = party("joe");
        let mut contacts = Contacts::default();
        (1..=5).for_each(|number| contacts.watch(&joe, place(number)));
        contacts.note(&joe, Turn(1), look(State::Away));
        assert_eq!(contacts.tell(&joe, None, 2), (vec![place(1), place(2)], Some(place(2))));
        contacts.fetch(&joe, place(3));
        contacts.watch(&joe, place(6));
        assert_eq!(contacts.tell(&joe, Some(place(2)), 2), (vec![place(4)], Some(place(4))));
        contacts.note(&joe, Turn(2), look(State::Busy));
        assert_eq!(contacts.tell(&joe, Some(place(4)), 2), (vec![place(5), place(6)], None));
        let (told, rest) = contacts.tell(&joe, None, 9);
        assert_eq!((told, rest), ((1..=4).map(place).collect(), None), "of the later change all hear");
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
