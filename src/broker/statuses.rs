//! Whose status may have changed, for a consumer inside the process: each party once, however often that was, and never waited for.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

use crate::core::PartyId;

/// The consumer's end. Dropping it ends the feed.
#[derive(Debug)]
pub struct Statuses(Arc<Shared>);

/// The broker's end. Dropping it ends the feed too.
#[derive(Debug)]
pub(super) struct Teller(Arc<Shared>);

/// The lock is held for a push or a take, never across an await.
#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
}

/// As long as there are parties, at the most.
#[derive(Debug, Default)]
struct Queue {
    parties: HashSet<PartyId>,
    is_closed: bool,
}

/// Both ends.
pub(super) fn statuses() -> (Teller, Statuses) {
    let shared = Arc::<Shared>::default();
    (Teller(Arc::clone(&shared)), Statuses(shared))
}

impl Teller {
    /// Tells the follower; whether it still listens.
    pub(super) fn push(&self, party: &PartyId) -> bool {
        let mut queue = self.0.lock();
        if queue.is_closed {
            return false;
        }
        let was_empty = queue.parties.is_empty();
        if !queue.parties.contains(party) {
            queue.parties.insert(party.clone());
        }
        drop(queue);
        if was_empty {
            self.0.waker.wake();
        }
        true
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.waker.wake();
    }
}

impl Statuses {
    /// Waits until there is somebody, and takes everybody, in no order. `None` once the hub has stopped and all were taken.
    pub async fn take(&mut self) -> Option<Vec<PartyId>> {
        poll_fn(|cx| self.poll_take(cx)).await
    }

    fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<PartyId>>> {
        self.0.waker.register(cx.waker());
        let mut queue = self.0.lock();
        if queue.parties.is_empty() {
            return if queue.is_closed { Poll::Ready(None) } else { Poll::Pending };
        }
        let parties = std::mem::take(&mut queue.parties);
        drop(queue);
        Poll::Ready(Some(parties.into_iter().collect()))
    }
}

impl Drop for Statuses {
    fn drop(&mut self) {
        *self.0.lock() = Queue { is_closed: true, ..Queue::default() };
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn party(number: u8) -> PartyId {
        PartyId::new(&format!("p{number}")).unwrap()
    }

    proptest! {
        #[test]
        fn everybody_is_told_of_once_since_the_last_take(steps in prop::collection::vec(prop::option::of(0_u8..6), 0..100)) {
            let (teller, mut feed) = statuses();
            let mut expected = HashSet::new();
            // `None` is a take.
            for step in steps {
                match step {
                    Some(number) => {
                        prop_assert!(teller.push(&party(number)));
                        expected.insert(party(number));
                    }
                    None => {
                        let taken = feed.take().now_or_never().map(Option::unwrap_or_default).unwrap_or_default();
                        prop_assert_eq!(taken.len(), expected.len(), "nobody comes twice");
                        prop_assert_eq!(HashSet::from_iter(taken), std::mem::take(&mut expected));
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_and_hears_the_end_last() {
        let (teller, mut feed) = statuses();
        let waiting = tokio::spawn(async move { (feed.take().await, feed) });
        tokio::task::yield_now().await;
        assert!(teller.push(&party(1)));
        let (taken, mut feed) = waiting.await.unwrap();
        assert_eq!(taken, Some(vec![party(1)]));
        assert!(teller.push(&party(2)));
        drop(teller);
        assert_eq!(feed.take().await, Some(vec![party(2)]), "who was told of before the end");
        assert_eq!(feed.take().await, None);
        let (teller, mut feed) = statuses();
        let waiting = tokio::spawn(async move { feed.take().await });
        tokio::task::yield_now().await;
        drop(teller);
        assert_eq!(waiting.await.unwrap(), None);
    }

    #[test]
    fn nobody_is_remembered_for_a_follower_that_has_gone() {
        let (teller, feed) = statuses();
        assert!(teller.push(&party(1)));
        drop(feed);
        assert!(!teller.push(&party(2)));
        assert!(teller.0.lock().parties.is_empty());
    }
}
