//! Signed requests that were served: the same one again soon is a twin or a retry, later it must have no effect.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Bytes;
use rustc_hash::FxHashMap;

use crate::core::Mono;

/// Two requests that say the same in the same second have the same signature; this soon they are taken for two.
const TWINS: Duration = Duration::from_secs(5);

/// A signature, cut to what tells any two apart.
pub(super) type Mark = [u8; 16];

/// What is remembered of the requests of one app.
#[derive(Debug)]
pub(super) struct Replays {
    served: FxHashMap<Mark, (Mono, Bytes)>,
    /// In the order in which they came.
    order: VecDeque<(Mono, Mark)>,
    most: usize,
    lasts: Duration,
}

impl Replays {
    /// Remembers at most so many, each as long as its signature can be good.
    pub(super) fn new(most: usize, lasts: Duration) -> Self {
        Self { served: FxHashMap::default(), order: VecDeque::new(), most, lasts }
    }

    /// The answer that a request was given when it was served, if it is to be given again and nothing to be done.
    pub(super) fn answer(&self, mark: &Mark, now: Mono) -> Option<Bytes> {
        let (first, answer) = self.served.get(mark)?;
        (now >= *first + TWINS).then(|| answer.clone())
    }

    /// A request was served.
    pub(super) fn note(&mut self, mark: Mark, answer: Bytes, now: Mono) {
        while self
            .order
            .front()
            .is_some_and(|(at, _)| *at + self.lasts <= now || self.order.len() >= self.most)
        {
            if let Some((_, gone)) = self.order.pop_front() {
                self.served.remove(&gone);
            }
        }
        if self.served.insert(mark, (now, answer)).is_none() {
            self.order.push_back((now, mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn twins_are_two_and_a_later_one_is_a_replay() {
        let mut replays = Replays::new(10, Duration::from_secs(1200));
        assert_eq!(replays.answer(&[1; 16], at(0)), None);
        replays.note([1; 16], Bytes::from_static(b"{}"), at(0));
        assert_eq!(replays.answer(&[1; 16], at(4)), None);
        for late in [5, 600, 1199] {
            assert_eq!(replays.answer(&[1; 16], at(late)).as_deref(), Some(&b"{}"[..]), "{late}");
        }
        assert_eq!(replays.answer(&[2; 16], at(5)), None);
    }

    #[test]
    fn memory_is_bounded_in_number_and_time() {
        let mut replays = Replays::new(3, Duration::from_secs(100));
        for mark in 0..10 {
            replays.note([mark; 16], Bytes::new(), at(u64::from(mark)));
        }
        assert_eq!((replays.served.len(), replays.order.len()), (3, 3));
        assert!(replays.answer(&[9; 16], at(50)).is_some() && replays.answer(&[6; 16], at(50)).is_none());
        replays.note([99; 16], Bytes::new(), at(200));
        assert_eq!((replays.served.len(), replays.order.len()), (1, 1));
    }
}
