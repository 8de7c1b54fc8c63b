//! How changes are paced on their way out: at once, per tick in a storm, per interval in a big topic.

use std::time::Duration;

use super::outbox::Bounds;
use crate::core::{Mono, Occupancy};

/// How an app's changes go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Above this many members a topic tells its changes once an interval, as their net.
    pub announce_max: u32,
    /// That interval.
    pub interval: Duration,
    /// How long a storm's changes are held together.
    pub storm_tick: Duration,
    /// How long a change of only the number of a member's sessions waits for its undoing.
    pub sessions_tick: Duration,
    /// How long a session may lag before it is closed.
    pub stall: Duration,
    /// The bounds of the outboxes, by which a slow session's catch-up is cut into portions.
    pub outbox: Bounds,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            announce_max: 2_000,
            interval: Duration::from_secs(1),
            storm_tick: Duration::from_millis(20),
            sessions_tick: Duration::from_secs(2),
            stall: Duration::from_secs(30),
            outbox: Bounds::default(),
        }
    }
}

/// More presence changes than this in one tick are a storm.
const STORM: u32 = 16;

/// A topic with more watchers than this tells its counts at most once in this time.
const MANY_WATCHERS: u32 = 100;
const COUNTS_PAUSE: Duration = Duration::from_secs(5);

/// A topic stays in interval mode at least this long, so that the mode does not flap.
const INTERVAL_MODE_MIN: Duration = Duration::from_secs(30);

/// The pace of one topic.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The end of the tick in which changes are being counted.
    tick_end: Mono,
    in_tick: u32,
    /// Since when the topic has been in interval mode.
    interval_since: Option<Mono>,
    next_interval: Mono,
    /// When the counts of many may be told next.
    next_counts: Mono,
}

impl Pace {
    /// Counts a presence change, after which the topic has these counts.
    pub(super) fn count(&mut self, now: Mono, occupancy: Occupancy, policy: &Policy) {
        if now >= self.tick_end {
            self.tick_end = now + policy.storm_tick;
            self.in_tick = 0;
        }
        self.in_tick += 1;
        match self.interval_since {
            None if occupancy.parties > policy.announce_max => {
                self.interval_since = Some(now);
                self.next_interval = now + policy.interval;
            }
            // Leaving takes a tenth less than entering.
            Some(since)
                if now >= since + INTERVAL_MODE_MIN
                    && occupancy.parties < policy.announce_max - policy.announce_max / 10 =>
            {
                self.interval_since = None;
            }
            _ => {}
        }
    }

    /// Until when presence is held; `None` if it goes out at once. Somebody who waits for a snapshot shortens an interval
    /// to a tick.
    pub(super) fn hold_until(&self, now: Mono, is_awaited: bool) -> Option<Mono> {
        let until = match self.interval_since {
            Some(_) if !is_awaited => self.next_interval,
            Some(_) => self.tick_end.min(self.next_interval),
            None if self.in_tick > STORM => self.tick_end,
            None => return None,
        };
        (now < until).then_some(until)
    }

    /// Until when a change of only the counts is held; `None` if it goes out at once.
    pub(super) fn hold_counts_until(&self, now: Mono, occupancy: Occupancy) -> Option<Mono> {
        (occupancy.watchers > MANY_WATCHERS && now < self.next_counts).then_some(self.next_counts)
    }

    /// A change of only the counts goes out.
    pub(super) fn tells_counts(&mut self, now: Mono) {
        self.next_counts = now + COUNTS_PAUSE;
    }

    /// Whether the counts are due; the next interval begins then.
    pub(super) fn takes_interval(&mut self, now: Mono, policy: &Policy) -> bool {
        let is_due = self.interval_since.is_some() && now >= self.next_interval;
        if is_due {
            self.next_interval = now + policy.interval;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        announce_max: 100,
        interval: Duration::from_secs(1),
        storm_tick: Duration::from_millis(20),
        sessions_tick: Duration::from_secs(2),
        stall: Duration::from_secs(30),
        outbox: Bounds { bytes: 1024, frames: 16 },
    };

    fn at(millis: u64) -> Mono {
        Mono(Duration::from_millis(millis))
    }

    fn parties(parties: u32) -> Occupancy {
        Occupancy { parties, ..Occupancy::default() }
    }

    #[test]
    fn a_few_changes_go_out_at_once_and_a_storm_waits_for_its_tick() {
        let mut pace = Pace::default();
        for n in 0..=STORM {
            assert_eq!(pace.hold_until(at(100), false), None, "after {n} changes");
            pace.count(at(100), parties(n), &POLICY);
        }
        assert_eq!(pace.hold_until(at(100), false), Some(at(120)));
        assert_eq!(pace.hold_until(at(120), false), None, "the tick is over");
        pace.count(at(121), parties(20), &POLICY);
        assert_eq!(pace.hold_until(at(121), false), None, "the storm is over");
    }

    #[test]
    fn the_counts_of_many_pause() {
        let mut pace = Pace::default();
        let watchers = |watchers: u32| Occupancy { watchers, ..Occupancy::default() };
        assert_eq!(pace.hold_counts_until(at(0), watchers(101)), None);
        pace.tells_counts(at(0));
        assert_eq!(pace.hold_counts_until(at(1), watchers(100)), None, "a hundred are not many");
        assert_eq!(pace.hold_counts_until(at(1), watchers(101)), Some(at(5_000)));
        assert_eq!(pace.hold_counts_until(at(5_000), watchers(101)), None);
    }

    #[test]
    fn a_big_topic_speaks_once_an_interval_and_does_not_flap() {
        let mut pace = Pace::default();
        pace.count(at(0), parties(101), &POLICY);
        assert_eq!(pace.hold_until(at(10), false), Some(at(1000)));
        assert_eq!(pace.hold_until(at(10), true), Some(at(20)), "somebody waits for a snapshot");
        assert!(!pace.takes_interval(at(999), &POLICY));
        assert!(pace.takes_interval(at(1000), &POLICY));
        assert_eq!(pace.hold_until(at(1001), false), Some(at(2000)));
        pace.count(at(5_000), parties(50), &POLICY);
        assert!(pace.interval_since.is_some(), "too early to leave the mode");
        pace.count(at(31_000), parties(95), &POLICY);
        assert!(pace.interval_since.is_some(), "not far enough below");
        pace.count(at(31_001), parties(89), &POLICY);
        assert!(pace.interval_since.is_none());
    }
}
