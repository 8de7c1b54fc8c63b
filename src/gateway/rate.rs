//! How often a connection may do something: a token bucket that takes no memory until it is first used.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as Time;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::broker::Clock;

/// So many a second, and as many at once. It has no clock of its own.
#[derive(Debug)]
pub struct Rate {
    per_second: u32,
    bucket: Option<Box<Bucket>>,
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, HubTime, NoOpMiddleware<Duration>>;

/// The broker's clock as governor reads one.
#[derive(Debug)]
struct HubTime(Clock);

impl Time for HubTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.now().mono.0
    }
}

impl Rate {
    /// A full bucket; 0 a second allows everything.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { per_second, bucket: None }
    }

    /// Whether one more is allowed now; it is counted if so.
    pub fn allows(&mut self, clock: &Clock) -> bool {
        self.allows_many(1, clock)
    }

    /// Whether so many more are allowed now, all of them or none.
    pub fn allows_many(&mut self, count: u32, clock: &Clock) -> bool {
        let (Some(most), Some(count)) = (NonZeroU32::new(self.per_second), NonZeroU32::new(count)) else {
            return true;
        };
        let bucket = self.bucket.get_or_insert_with(|| {
            Box::new(RateLimiter::direct_with_clock(Quota::per_second(most), HubTime(clock.clone())))
        });
        matches!(bucket.check_n(count), Ok(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gives_back_what_it_allows() {
        let (clock, hand) = Clock::manual();
        let mut rate = Rate::new(5);
        assert!((0..5).all(|_| rate.allows(&clock)));
        assert!(!rate.allows(&clock));
        hand.advance(Duration::from_millis(200));
        assert!(rate.allows(&clock));
        assert!(!rate.allows(&clock));
        hand.advance(Duration::from_secs(60));
        assert!(!rate.allows_many(6, &clock));
        assert!(rate.allows_many(5, &clock));
    }

    #[test]
    fn none_a_second_is_no_limit() {
        let (clock, _hand) = Clock::manual();
        assert!(Rate::new(0).allows_many(1_000_000, &clock));
    }

    #[test]
    fn an_unused_rate_is_small() {
        assert!(size_of::<Rate>() <= 16);
    }
}
