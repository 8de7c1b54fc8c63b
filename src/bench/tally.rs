//! Follows publications to every watcher: which are still on their way, which were lost, how long they took.

use std::collections::VecDeque;

use super::histogram::Histogram;
use super::marker::{Finder, Marker};
use super::protocol::Heard;
use super::stage::Audience;
use super::stopwatch::Stopwatch;

/// What was counted since the last [`Tally::restart`].
#[derive(Debug, Clone, Default)]
pub(super) struct Count {
    /// Publications made.
    pub(super) published: u64,
    /// Publications delivered.
    pub(super) deliveries: u64,
    /// Bytes of the deliveries on the wire, frame headers included.
    pub(super) bytes: u64,
    /// Publications that a watcher did not get although it got a later one.
    pub(super) skipped: u64,
    /// Deliveries that came again, or after a later one.
    pub(super) repeated: u64,
    /// Nanoseconds from when a publication was due to when a watcher had it.
    pub(super) latency: Histogram,
}

/// Watches over the publications of one publisher to all seats.
#[derive(Debug)]
pub(super) struct Tally {
    watch: Stopwatch,
    /// The number of the last publication that each seat has.
    last: Vec<u64>,
    /// The seat that is to get none of them.
    deaf: Option<usize>,
    /// How many seats each publication after `done` is still on its way to.
    open: VecDeque<usize>,
    done: u64,
    finder: Finder,
    latest_wire: usize,
    count: Count,
}

impl Tally {
    /// For this many seats, of which one may be deaf to all publications; `watch` is what they are due by.
    pub(super) fn new(seats: usize, deaf: Option<usize>, watch: Stopwatch) -> Self {
        Self {
            watch,
            last: vec![0; seats],
            deaf,
            open: VecDeque::new(),
            done: 0,
            finder: Finder::default(),
            latest_wire: 0,
            count: Count::default(),
        }
    }

    /// The marker of the next publication, which counts as on its way from now on.
    pub(super) fn publish(&mut self, due: u64) -> Marker {
        self.open.push_back(self.last.len() - usize::from(self.deaf.is_some()));
        self.count.published += 1;
        Marker { number: self.done + self.open.len() as u64, due }
    }

    /// How many publications have not reached everybody.
    pub(super) fn outstanding(&self) -> usize {
        self.open.len()
    }

    /// How many deliveries are still on their way.
    pub(super) fn missing(&self) -> u64 {
        self.open.iter().map(|seats| *seats as u64).sum()
    }

    /// The size of the last delivery.
    pub(super) fn latest_wire(&self) -> usize {
        self.latest_wire
    }

    /// What was counted so far.
    pub(super) fn count(&self) -> &Count {
        &self.count
    }

    /// Counts from zero; what is on its way stays so.
    pub(super) fn restart(&mut self) {
        self.count = Count::default();
    }

    fn deliver(&mut self, seat: usize, marker: Marker, wire: usize) -> bool {
        let newest = self.done + self.open.len() as u64;
        let Some(last) = self.last.get_mut(seat) else { return false };
        if marker.number <= *last || marker.number > newest || self.deaf == Some(seat) {
            self.count.repeated += 1;
            return false;
        }
        self.count.deliveries += 1;
        self.count.bytes += wire as u64;
        self.count.skipped += marker.number - *last - 1;
        self.count.latency.record(self.watch.nanos().saturating_sub(marker.due));
        self.latest_wire = wire;
        for number in *last + 1..=marker.number {
            if let Some(seats) = self.open.get_mut((number - self.done - 1) as usize) {
                *seats -= 1;
            }
        }
        *last = marker.number;
        let before = self.done;
        while self.open.front() == Some(&0) {
            self.open.pop_front();
            self.done += 1;
        }
        self.done > before
    }
}

impl Audience for Tally {
    fn hear(&mut self, seat: usize, heard: Heard, text: &[u8], wire: usize) -> bool {
        match heard {
            Heard::Text | Heard::Online => match self.finder.find(text) {
                Some(marker) => self.deliver(seat, marker, wire),
                None => false,
            },
            Heard::Welcome
            | Heard::Watching
            | Heard::Snapshot
            | Heard::Batch
            | Heard::Left
            | Heard::Refused
            | Heard::Call { .. }
            | Heard::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(tally: &mut Tally, seat: usize, marker: Marker) -> bool {
        tally.hear(seat, Heard::Text, marker.text(0).as_bytes(), 40)
    }

    #[test]
    fn a_publication_is_done_when_everybody_has_it() {
        let mut tally = Tally::new(3, None, Stopwatch::start());
        let first = tally.publish(0);
        assert!(!hear(&mut tally, 0, first));
        assert!(!hear(&mut tally, 2, first));
        assert_eq!((tally.outstanding(), tally.missing()), (1, 1));
        assert!(hear(&mut tally, 1, first));
        assert_eq!((tally.outstanding(), tally.missing()), (0, 0));
        assert_eq!((tally.count().deliveries, tally.count().bytes, tally.latest_wire()), (3, 120, 40));
    }

    #[test]
    fn publications_overtaken_by_a_later_one_are_skipped_and_no_longer_awaited() {
        let mut tally = Tally::new(2, None, Stopwatch::start());
        let markers: Vec<_> = (0..3).map(|_| tally.publish(0)).collect();
        assert!(!hear(&mut tally, 0, markers[2]));
        assert_eq!((tally.count().skipped, tally.outstanding()), (2, 3));
        assert!(hear(&mut tally, 1, markers[0]));
        assert!(hear(&mut tally, 1, markers[1]));
        assert!(hear(&mut tally, 1, markers[2]));
        assert_eq!((tally.count().skipped, tally.count().deliveries, tally.outstanding()), (2, 4, 0));
    }

    #[test]
    fn what_comes_twice_or_was_never_published_is_counted_and_changes_nothing() {
        let mut tally = Tally::new(2, None, Stopwatch::start());
        let first = tally.publish(0);
        assert!(!hear(&mut tally, 0, first));
        assert!(!hear(&mut tally, 0, first));
        assert!(!hear(&mut tally, 1, Marker { number: 2, due: 0 }));
        assert_eq!((tally.count().repeated, tally.count().deliveries, tally.missing()), (2, 1, 1));
    }

    #[test]
    fn a_deaf_seat_is_not_awaited_and_what_it_gets_is_too_much() {
        let mut tally = Tally::new(3, Some(0), Stopwatch::start());
        let first = tally.publish(0);
        assert!(!hear(&mut tally, 0, first));
        assert!(!hear(&mut tally, 1, first));
        assert!(hear(&mut tally, 2, first));
        assert_eq!((tally.count().deliveries, tally.count().repeated, tally.outstanding()), (2, 1, 0));
    }

    #[test]
    fn what_is_missing_shows() {
        let mut tally = Tally::new(2, None, Stopwatch::start());
        let first = tally.publish(0);
        let second = tally.publish(0);
        hear(&mut tally, 0, first);
        hear(&mut tally, 0, second);
        hear(&mut tally, 1, first);
        tally.restart();
        assert_eq!((tally.outstanding(), tally.missing()), (1, 1));
        assert_eq!(tally.count().published, 0);
    }
}
