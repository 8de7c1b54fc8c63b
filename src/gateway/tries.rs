//! How often somebody may try something, whichever connections it comes by: a pace for each, in bounded room.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::pace::Pace;
use crate::core::Mono;

/// How many are counted before those at rest are forgotten. Beyond it nobody new may try anything until somebody is at rest.
const MOST: usize = 16 * 1024;

/// So many tries at once for each key, and as many again in each span.
#[derive(Debug)]
pub struct Tries<K> {
    most: usize,
    fresh: Pace,
    paces: Mutex<HashMap<K, Pace>>,
}

impl<K: Eq + Hash> Tries<K> {
    /// Nobody has tried anything yet. At least one try a span is allowed.
    #[must_use]
    pub fn new(count: u32, span: Duration) -> Self {
        let count = count.max(1);
        let fresh = Pace::every(span / count, count);
        Self { most: MOST, fresh, paces: Mutex::default() }
    }

    /// Whether one more is allowed; it is counted if so.
    pub fn allows(&self, key: K, now: Mono) -> bool {
        self.attempt(key, now, || false).is_some()
    }

    /// Makes an attempt that counts only if it fails, and says whether it succeeded. `None` if there were too many: it is
    /// not made then, so that not even the right guess is told from the wrong ones.
    pub fn attempt(&self, key: K, now: Mono, succeeds: impl FnOnce() -> bool) -> Option<bool> {
        let mut paces = self.lock();
        if paces.len() >= self.most && !paces.contains_key(&key) {
            paces.retain(|_, pace| !pace.is_rested(now));
            if paces.len() >= self.most {
                return None;
            }
        }
        let pace = paces.get(&key).copied().unwrap_or(self.fresh);
        if pace.due() > now {
            return None;
        }
        if succeeds() {
            return Some(true);
        }
        paces.entry(key).or_insert(self.fresh).allows(now);
        Some(false)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Pace>> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn only_failures_count_and_a_guess_too_many_is_not_made() {
        let tries = Tries::new(3, Duration::from_secs(60));
        assert!((0..100).all(|_| tries.attempt("a", at(0), || true) == Some(true)));
        assert!((0..3).all(|_| tries.attempt("a", at(0), || false) == Some(false)));
        assert_eq!(tries.attempt("a", at(19), || panic!("not made")), None);
        assert_eq!(tries.attempt("b", at(19), || true), Some(true), "others are not concerned");
        assert_eq!(tries.attempt("a", at(20), || false), Some(false));
        assert_eq!(tries.attempt("a", at(20), || true), None);
        assert_eq!(tries.attempt("a", at(200), || true), Some(true));
    }

    #[test]
    fn room_is_bounded_and_given_back() {
        let tries = Tries { most: 8, ..Tries::new(1, Duration::from_secs(60)) };
        assert!((0..8).all(|key| tries.allows(key, at(0))));
        assert!(!tries.allows(8, at(59)), "nobody new while all are counted");
        assert!(tries.allows(8, at(60)));
        assert_eq!(tries.lock().len(), 1, "those at rest are forgotten");
    }
}
