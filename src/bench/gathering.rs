//! Keeps, for every connection of a storm, the set of members it has been told of, and knows when all sets are full.

use std::rc::Rc;

use super::protocol::{Heard, Protocol};
use super::stage::Audience;

/// A set of seats.
#[derive(Debug, Clone)]
struct Seats {
    bits: Vec<u64>,
    range: usize,
    size: usize,
}

impl Seats {
    fn new(range: usize) -> Self {
        Self { bits: vec![0; range.div_ceil(64)], range, size: 0 }
    }

    /// The word and the bit of a seat that exists.
    fn place(&mut self, seat: usize) -> Option<(&mut u64, u64)> {
        let word = self.bits.get_mut(seat / 64).filter(|_| seat < self.range)?;
        Some((word, 1 << (seat % 64)))
    }

    fn insert(&mut self, seat: usize) {
        if let Some((word, bit)) = self.place(seat) {
            let is_new = *word & bit == 0;
            *word |= bit;
            self.size += usize::from(is_new);
        }
    }

    fn remove(&mut self, seat: usize) {
        if let Some((word, bit)) = self.place(seat) {
            let was_there = *word & bit != 0;
            *word &= !bit;
            self.size -= usize::from(was_there);
        }
    }

    fn clear(&mut self) {
        self.bits.fill(0);
        self.size = 0;
    }
}

/// What every connection knows of who is present.
#[derive(Debug)]
pub(super) struct Gathering {
    protocol: Rc<dyn Protocol>,
    known: Vec<Seats>,
    full: usize,
    tokens: u64,
    checked: u64,
    found: Vec<usize>,
    fault: Option<String>,
}

impl Gathering {
    /// For this many members, each of whom watches all.
    pub(super) fn new(members: usize, protocol: Rc<dyn Protocol>) -> Self {
        Self {
            protocol,
            known: vec![Seats::new(members); members],
            full: 0,
            tokens: 0,
            checked: 0,
            found: Vec::new(),
            fault: None,
        }
    }

    /// Does every connection know every member?
    pub(super) fn is_converged(&self) -> bool {
        self.full == self.known.len()
    }

    /// How many connections know every member.
    pub(super) fn full(&self) -> usize {
        self.full
    }

    /// How often a member was named to a connection, in snapshots and presence frames.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// How many frames were read a second time by a full parse.
    pub(super) fn checked(&self) -> u64 {
        self.checked
    }

    /// The first difference between the quick scan and the full parse.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Forgets what this connection knows, so that only a new roster can make it full again.
    pub(super) fn forget(&mut self, seat: usize) {
        self.change(seat, Seats::clear);
    }

    fn change(&mut self, seat: usize, change: impl FnOnce(&mut Seats)) -> bool {
        let all = self.known.len();
        let Some(seats) = self.known.get_mut(seat) else { return false };
        let was_full = seats.size == all;
        change(seats);
        let is_full = seats.size == all;
        self.full = self.full + usize::from(is_full) - usize::from(was_full);
        is_full != was_full
    }

    /// Every frame of the first connection is checked, so that the scan's shortcut cannot hide a wrong roster.
    fn check(&mut self, seat: usize, text: &[u8], found: &[usize]) {
        if seat != 0 {
            return;
        }
        self.checked += 1;
        let book = self.protocol.members_by_the_book(text);
        if book.as_deref() != Some(found) && self.fault.is_none() {
            let shown = String::from_utf8_lossy(text.get(..400).unwrap_or(text)).into_owned();
            self.fault = Some(format!("the scan read {found:?} and the parser {book:?} in {shown}"));
        }
    }
}

impl Audience for Gathering {
    fn hear(&mut self, seat: usize, heard: Heard, text: &[u8], _wire: usize) -> bool {
        if !matches!(heard, Heard::Snapshot | Heard::Online | Heard::Left) {
            return false;
        }
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        self.protocol.members(text, &mut |member| found.push(member));
        self.check(seat, text, &found);
        let is_progress = self.change(seat, |seats| {
            if heard == Heard::Left {
                return found.iter().for_each(|member| seats.remove(*member));
            }
            if heard == Heard::Snapshot {
                seats.clear();
            }
            found.iter().for_each(|member| seats.insert(*member));
        });
        if heard != Heard::Left {
            self.tokens += found.len() as u64;
        }
        self.found = found;
        is_progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::native::Native;
    use crate::bench::protocol::party_id;

    fn presence(category: &str, member: usize) -> String {
        format!(
            r#"{{"event":"PRESENCE_EVENT_RESPONSE","payload":{{"category":"app.event.presence.party.{category}","sender":{{"_id":"{}"}}}}}}"#,
            party_id(member)
        )
    }

    fn snapshot(members: &[usize]) -> String {
        let entries: Vec<_> =
            members.iter().map(|member| format!(r#"{{"user":{{"_id":"{}"}}}}"#, party_id(*member))).collect();
        format!(
            r#"{{"event":"CHANNEL_SUBSCRIBED","payload":{{"hub":{{"roster":[{}]}}}}}}"#,
            entries.join(",")
        )
    }

    fn tell(gathering: &mut Gathering, seat: usize, text: &str) -> bool {
        let heard = Native.hear(text.as_bytes());
        gathering.hear(seat, heard, text.as_bytes(), text.len())
    }

    #[test]
    fn converged_means_that_everybody_knows_everybody() {
        let mut gathering = Gathering::new(70, Rc::new(Native));
        let all: Vec<usize> = (0..70).collect();
        for seat in 0..69 {
            assert!(tell(&mut gathering, seat, &snapshot(&all)));
        }
        assert!(!tell(&mut gathering, 69, &snapshot(&all[..69])));
        assert!(!gathering.is_converged());
        assert!(tell(&mut gathering, 69, &presence("online", 69)));
        assert!(gathering.is_converged());
        assert_eq!(gathering.tokens(), 70 * 70);
        assert_eq!((gathering.checked(), gathering.fault()), (1, None));
    }

    #[test]
    fn the_same_member_many_times_is_one_member() {
        let mut gathering = Gathering::new(2, Rc::new(Native));
        for _ in 0..5 {
            tell(&mut gathering, 0, &presence("online", 1));
            tell(&mut gathering, 1, &presence("online", 1));
        }
        assert_eq!((gathering.full(), gathering.tokens()), (0, 10));
    }

    #[test]
    fn a_leave_or_a_smaller_snapshot_undoes_a_full_roster() {
        let mut gathering = Gathering::new(2, Rc::new(Native));
        assert!(tell(&mut gathering, 1, &snapshot(&[0, 1])));
        assert!(tell(&mut gathering, 1, &presence("leaves", 0)));
        assert_eq!(gathering.full(), 0);
        assert!(tell(&mut gathering, 1, &presence("online", 0)));
        assert!(tell(&mut gathering, 1, &snapshot(&[1])));
        assert_eq!(gathering.full(), 0);
    }

    #[test]
    fn strangers_do_not_count_and_a_roster_in_the_wrong_place_is_a_fault() {
        let mut gathering = Gathering::new(2, Rc::new(Native));
        tell(&mut gathering, 0, &snapshot(&[0, 2, 77_777]));
        assert_eq!((gathering.full(), gathering.fault()), (0, None));
        let astray = r#"{"event":"CHANNEL_SUBSCRIBED","payload":{"other":[{"_id":"bench-000001"}],"hub":{"roster":[]}}}"#;
        tell(&mut gathering, 0, astray);
        assert!(gathering.fault().is_some());
    }
}
