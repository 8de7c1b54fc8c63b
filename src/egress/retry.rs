//! When a call that failed is tried again: soon, then more and more seldom, and once more at the end.

use std::time::Duration;

use crate::core::Mono;

/// The wait after the first failure; it doubles with each.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait, unless a caller says otherwise, and the longest that anybody is left alone for asking.
pub const LONGEST: Duration = Duration::from_secs(60);

/// One call's tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How many have begun.
    pub count: u32,
    first: Mono,
    longest: Duration,
}

impl Tries {
    /// The first begins now; later ones wait no longer than `longest` for each other, unless they are asked to.
    #[must_use]
    pub fn begin(now: Mono, longest: Duration) -> Self {
        Self { count: 1, first: now, longest }
    }

    /// When to try again after a failure; `None` when the time that was allowed is over. The last try is at the very end of that
    /// time. `seed` scatters the tries of many calls; `asked` is how long the other side wants to be left alone.
    #[must_use]
    pub fn next(&self, now: Mono, allowed: Duration, seed: u64, asked: Option<Duration>) -> Option<Mono> {
        let end = self.first + allowed;
        if now >= end {
            return None;
        }
        let doublings = self.count.saturating_sub(1).min(16);
        let whole = FIRST.saturating_mul(1 << doublings).min(self.longest);
        // Between a half and the whole.
        let share = mixed(seed ^ u64::from(self.count)) % 1_000;
        let wait = whole / 2 + whole / 2 * u32::try_from(share).unwrap_or(0) / 1_000;
        let wait = wait.max(asked.unwrap_or_default().min(LONGEST));
        Some((now + wait).min(end))
    }
}

/// The finaliser of splitmix64.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    /// The moments of all tries, if each fails at once.
    fn moments(seed: u64, asked: Option<Duration>) -> Vec<Duration> {
        let mut tries = Tries::begin(Mono::default(), LONGEST);
        let mut moments = vec![Duration::ZERO];
        while let Some(next) = tries.next(Mono(moments[moments.len() - 1]), FIVE_MINUTES, seed, asked) {
            moments.push(next.0);
            tries.count += 1;
        }
        moments
    }

    #[test]
    fn tries_thin_out_and_end_with_the_time() {
        for seed in 0..200 {
            let moments = moments(seed, None);
            assert_eq!(moments.last(), Some(&FIVE_MINUTES));
            assert!((9..20).contains(&moments.len()), "{moments:?}");
            for (n, pair) in moments.windows(2).enumerate() {
                let wait = pair[1] - pair[0];
                let whole = Duration::from_secs(1 << n.min(6)).min(LONGEST);
                assert!(wait <= whole, "{moments:?}");
                assert!(wait >= whole / 2 || pair[1] == FIVE_MINUTES, "{moments:?}");
            }
        }
        assert_ne!(moments(1, None), moments(2, None), "calls do not come together");
    }

    #[test]
    fn whoever_asks_is_left_alone_for_a_minute_at_most() {
        let moments = moments(1, Some(Duration::from_secs(3_600)));
        let seconds: Vec<_> = moments.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [0, 60, 120, 180, 240, 300]);
    }

    #[test]
    fn some_may_not_wait_long() {
        let mut tries = Tries { count: 9, ..Tries::begin(Mono::default(), Duration::from_secs(4)) };
        for _ in 0..100 {
            let wait = tries.next(Mono::default(), FIVE_MINUTES, 7, None).unwrap().0;
            assert!((2_000..=4_000).contains(&wait.as_millis()), "{wait:?}");
            tries.count += 1;
        }
    }

    #[test]
    fn with_no_time_there_is_one_try() {
        assert_eq!(
            Tries::begin(Mono::default(), LONGEST).next(Mono::default(), Duration::ZERO, 1, None),
            None
        );
    }
}
