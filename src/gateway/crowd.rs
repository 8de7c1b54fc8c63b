//! How many connections there are from each address, whatever they travel over.

use std::collections::hash_map::Entry;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

/// How many requests of one connection over polling may be under way, each on a connection of its own: one that fetches and one that brings.
const CARRIERS: usize = 2;

/// What a connection is to its address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// A connection of its own.
    #[default]
    Own,
    /// One that has no socket, and lives in the requests of others.
    Line,
    /// One that carries such requests.
    Carrier,
}

/// The connections from one address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Crowd {
    own: usize,
    lines: usize,
    carriers: usize,
}

impl Crowd {
    /// How many they count as: carriers count only where there are more than the lines can need.
    fn load(self) -> usize {
        self.own + self.lines + self.carriers.saturating_sub(CARRIERS * self.lines)
    }

    fn part(&mut self, part: Part) -> &mut usize {
        match part {
            Part::Own => &mut self.own,
            Part::Line => &mut self.lines,
            Part::Carrier => &mut self.carriers,
        }
    }
}

/// The connections from all addresses.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    crowds: FxHashMap<IpAddr, Crowd>,
}

impl Crowds {
    /// Counts one more in, unless there would be more than `most`.
    pub(super) fn enter(&mut self, address: IpAddr, part: Part, most: usize) -> Option<()> {
        let mut crowd = self.crowds.get(&address).copied().unwrap_or_default();
        *crowd.part(part) += 1;
        if crowd.load() > most {
            return None;
        }
        self.crowds.insert(address, crowd);
        Some(())
    }

    /// One that carries becomes one of its own, unless there would be more than `most`.
    pub(super) fn speak(&mut self, address: IpAddr, most: usize) -> Option<()> {
        self.become_part(address, (Part::Carrier, Part::Own));
        let is_within = self.crowds.get(&address).is_none_or(|crowd| crowd.load() <= most);
        if !is_within {
            self.become_part(address, (Part::Own, Part::Carrier));
        }
        is_within.then_some(())
    }

    /// Counts one out.
    pub(super) fn leave(&mut self, address: IpAddr, part: Part) {
        let Entry::Occupied(mut entry) = self.crowds.entry(address) else { return };
        let count = entry.get_mut().part(part);
        *count = count.saturating_sub(1);
        if *entry.get() == Crowd::default() {
            entry.remove();
        }
    }

    /// Whether there are none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.crowds.is_empty()
    }

    /// One becomes something else, whatever they count as then.
    pub(super) fn become_part(&mut self, address: IpAddr, (from, to): (Part, Part)) {
        if let Some(crowd) = self.crowds.get_mut(&address) {
            let count = crowd.part(from);
            *count = count.saturating_sub(1);
            *crowd.part(to) += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_over_polling_counts_once_however_many_carry_it() {
        let address = IpAddr::from([192, 0, 2, 1]);
        let mut crowds = Crowds::default();
        crowds.enter(address, Part::Own, 1).unwrap();
        crowds.become_part(address, (Part::Own, Part::Carrier));
        crowds.enter(address, Part::Line, 1).unwrap();
        assert_eq!(crowds.enter(address, Part::Own, 1), None);
        crowds.enter(address, Part::Own, 2).unwrap();
        crowds.become_part(address, (Part::Own, Part::Carrier));
        assert_eq!(crowds.crowds[&address].load(), 1);
        // A third one that carries is one too many to be free.
        crowds.enter(address, Part::Own, 2).unwrap();
        crowds.become_part(address, (Part::Own, Part::Carrier));
        assert_eq!(crowds.crowds[&address].load(), 2);
        for part in [Part::Carrier, Part::Carrier, Part::Line, Part::Carrier] {
            crowds.leave(address, part);
        }
        assert!(crowds.crowds.is_empty());
    }
}
