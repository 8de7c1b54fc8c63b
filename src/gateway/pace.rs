//! How often something may happen: a leaky bucket that also tells when the next is due.

use std::time::Duration;

use crate::core::Mono;

/// So many a second, and a burst at once. Takes no memory but itself, and little of that, for a connection has many; all its times
/// are in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    interval: u64,
    /// How far ahead of its time the next may be.
    tolerance: u64,
    /// When the next would be on time.
    next: u64,
}

impl Pace {
    /// A full bucket; 0 a second allows everything.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self::every(Duration::from_secs(1).checked_div(per_second).unwrap_or_default(), burst)
    }

    /// A full bucket with one more for each interval.
    #[must_use]
    pub fn every(interval: Duration, burst: u32) -> Self {
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let tolerance = interval.saturating_mul(u64::from(burst.saturating_sub(1)));
        Self { interval, tolerance, next: 0 }
    }

    /// Whether one more is allowed now; it is counted if so.
    pub fn allows(&mut self, now: Mono) -> bool {
        if self.due() > now {
            return false;
        }
        self.next = self.next.max(nanos(now)).saturating_add(self.interval);
        true
    }

    /// When the next is allowed.
    #[must_use]
    pub fn due(&self) -> Mono {
        Mono(Duration::from_nanos(self.next.saturating_sub(self.tolerance)))
    }

    /// Whether it is as if nothing had ever happened.
    #[must_use]
    pub fn is_rested(&self, now: Mono) -> bool {
        self.next <= nanos(now)
    }
}

fn nanos(at: Mono) -> u64 {
    u64::try_from(at.0.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let mut pace = Pace::new(5, 3);
        assert!((0..3).all(|_| pace.allows(at(1000))));
        assert!(!pace.allows(at(1000)));
        assert_eq!(pace.due(), at(1200));
        assert!(!pace.allows(at(1199)) && pace.allows(at(1200)) && !pace.allows(at(1200)));
        assert!(!pace.is_rested(at(1400)) && pace.is_rested(at(1800)));
        assert!((0..3).all(|_| pace.allows(at(60_000))));
        assert!(!pace.allows(at(60_000)));
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<Pace>() <= 24, "{} bytes", size_of::<Pace>());
    }

    #[test]
    fn the_largest_burst_at_the_slowest_rate_is_allowed() {
        let mut pace = Pace::new(1, u32::MAX);
        assert!((0..10_000).all(|_| pace.allows(at(0))) && pace.due() == at(0));
    }

    #[test]
    fn none_a_second_is_no_limit() {
        let mut pace = Pace::new(0, 0);
        assert!((0..10_000).all(|_| pace.allows(at(0))));
    }
}
