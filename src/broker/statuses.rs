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
