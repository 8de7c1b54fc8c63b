//! How often something may happen: a leaky bucket that also tells when the next is due.

use std::time::Duration;

use crate::core::Mono;

/// So many a second, and a burst at once. Takes no memory but itself.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    interval: Duration,
    /// How far ahead of its time the next may be.
    tolerance: Duration,
    /// When the next would be on time.
    next: Mono,
}

impl Pace {
    /// A full bucket; 0 a second allows everything.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        Self::every(interval, burst)
    }

    /// A full bucket with one more for each interval.
    #[must_use]
    pub fn every(interval: Duration, burst: u32) -> Self {
        Self { interval, tolerance: interval * burst.saturating_sub(1), next: Mono::default() }
    }

    /// Whether one more is allowed now; it is counted if so.
    pub fn allows(&mut self, now: Mono) -> bool {
        if self.due() > now {
            return false;
        }
        self.next = self.next.max(now) + self.interval;
        true
    }

    /// When the next is allowed.
    #[must_use]
    pub fn due(&self) -> Mono {
        Mono(self.next.0.saturating_sub(self.tolerance))
    }

    /// Whether it is as if nothing had ever happened.
    #[must_use]
    pub fn is_rested(&self, now: Mono) -> bool {
        self.next <= now
    }
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
    fn none_a_second_is_no_limit() {
        let mut pace = Pace::new(0, 0);
        assert!((0..10_000).all(|_| pace.allows(at(0))));
    }
}
